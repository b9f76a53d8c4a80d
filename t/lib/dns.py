#!/usr/bin/python3
"""A name server for tests.

    dns.py --ready-file FILE [--exit-with-parent]

listens on a free UDP port of 127.0.0.1, which it writes to FILE.  What it
answers goes by the first label of the name, whatever follows:

    v4, metering    127.0.0.1
    v6              ::ffff:127.0.0.1, and no IPv4 address
    several         127.0.0.2, 127.0.0.3 and 127.0.0.1, the last of which is
                    the only one that anybody can be expected to listen on
    alias           a CNAME for v4, and its address
    moving          127.0.0.2 when asked for the first time, later 127.0.0.1;
                    valid for a second
    late            127.0.0.1, after a third of a second
    empty           no address
    failing         SERVFAIL
    silent          nothing
    others          NXDOMAIN
"""

import argparse
import asyncio
import ctypes
import os
import signal
import socket
import struct

PR_SET_PDEATHSIG = 1

A, CNAME, AAAA = 1, 5, 28
SERVFAIL, NXDOMAIN = 2, 3

ADDRESSES = {
    "v4": ["127.0.0.1"],
    "metering": ["127.0.0.1"],
    "v6": ["::ffff:127.0.0.1"],
    "several": ["127.0.0.2", "127.0.0.3", "127.0.0.1"],
    "alias": ["127.0.0.1"],
    "moving": ["127.0.0.1"],
    "late": ["127.0.0.1"],
    "empty": [],
}


def parse(query):
    """The labels of the name that is asked for, the type, and the question."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]])
        at += 1 + query[at]
    (kind,) = struct.unpack_from("!H", query, at + 1)
    return labels, kind, query[12 : at + 5]


def record(name, kind, data, ttl):
    return name + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def address_records(name, kind, addresses, ttl):
    family = {A: socket.AF_INET, AAAA: socket.AF_INET6}[kind]
    return [record(name, kind, socket.inet_pton(family, address), ttl)
            for address in addresses if (":" in address) == (kind == AAAA)]


class Server(asyncio.DatagramProtocol):
    def __init__(self):
        self.moved = set()
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        labels, kind, question = parse(data)
        first = labels[0].decode("latin-1").lower()
        if first == "silent":
            return
        reply = self.reply(data[:2], first, labels, kind, question)
        delay = 1 / 3 if first == "late" else 0
        asyncio.get_running_loop().call_later(
            delay, self.transport.sendto, reply, peer)

    def reply(self, number, first, labels, kind, question):
        code = (SERVFAIL if first == "failing"
                else 0 if first in ADDRESSES else NXDOMAIN)
        addresses, ttl = ADDRESSES.get(first, []), 60
        if first == "moving":
            ttl = 1
            if kind == A and tuple(labels) not in self.moved:
                self.moved.add(tuple(labels))
                addresses = ["127.0.0.2"]
        name, answers = b"\xc0\x0c", []
        if first == "alias":
            name = b"\2v4\4test\0"
            answers.append(record(b"\xc0\x0c", CNAME, name, ttl))
        if kind in (A, AAAA):
            answers += address_records(name, kind, addresses, ttl)
        head = struct.pack("!HHHHH", 0x8180 | code, 1, len(answers), 0, 0)
        return number + head + question + b"".join(answers)


async def serve(ready_file):
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        Server, local_addr=("127.0.0.1", 0))

    with open(ready_file + ".new", "w") as ready:
        ready.write(str(transport.get_extra_info("sockname")[1]))
    os.rename(ready_file + ".new", ready_file)

    await asyncio.Event().wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready-file", required=True)
    parser.add_argument("--exit-with-parent", action="store_true")
    options = parser.parse_args()

    if options.exit_with_parent:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    asyncio.run(serve(options.ready_file))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    main()
