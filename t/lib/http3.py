#!/usr/bin/python3
"""Sends HTTP/3 requests and prints the answers as HTTP/1.1 would have them.

    http3.py

On each line of the input there is a JSON object: port, method, path, headers,
a list of [name, value], and frames, a list of what each DATA frame to send has
in it.  The answers are strings of JSON, one a line.
"""

import json
import select
import socket
import ssl
import sys
import time

from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, StreamReset

HOP_BY_HOP = ("host", "connection", "keep-alive", "transfer-encoding")


class Connection(H3Connection):
    def _check_content_length(self, stream):
        """It knows of no answer to a HEAD, which has a length and no body."""


class Client:
    def __init__(self, port):
        self.address = ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(self.address)
        self.quic = QuicConnection(configuration=QuicConfiguration(
            alpn_protocols=H3_ALPN, server_name="localhost",
            verify_mode=ssl.CERT_NONE))
        self.http = Connection(self.quic)
        self.status = None
        self.headers = []
        self.body = b""
        self.ended = False
        self.quic.connect(self.address, now=time.monotonic())

    def flush(self):
        for data, _ in self.quic.datagrams_to_send(now=time.monotonic()):
            self.socket.send(data)

    def read(self):
        """Take what comes next, or do what is due if that is before."""
        self.flush()
        wait = self.quic.get_timer() - time.monotonic()
        if select.select([self.socket], [], [], max(wait, 0))[0]:
            self.quic.receive_datagram(self.socket.recv(65536), self.address,
                                       now=time.monotonic())
        else:
            self.quic.handle_timer(now=time.monotonic())
        while event := self.quic.next_event():
            if isinstance(event, ConnectionTerminated):
                raise SystemExit(f"the connection has ended: {event}")
            if isinstance(event, StreamReset) and event.stream_id == 0:
                self.ended = True
            for part in self.http.handle_event(event):
                self.note(part)

    def note(self, event):
        if isinstance(event, HeadersReceived):
            headers = [(name.decode("latin-1"), value.decode("latin-1"))
                       for name, value in event.headers]
            if ":status" in dict(headers):
                self.status = dict(headers)[":status"]
                self.headers = headers
        elif isinstance(event, DataReceived):
            self.body += event.data
        self.ended = self.ended or event.stream_ended

    def send(self, method, path, headers, frames):
        pseudo = [(":method", method), (":scheme", "https"),
                  (":authority", "localhost"), (":path", path)]
        rest = [(name, value) for name, value in headers
                if name not in HOP_BY_HOP]
        stream = self.quic.get_next_available_stream_id()
        self.http.send_headers(stream, [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in pseudo + rest], end_stream=not frames)
        for number, frame in enumerate(frames, 1):
            self.http.send_data(stream, frame.encode("latin-1"),
                                end_stream=number == len(frames))

    def close(self):
        self.quic.close()
        self.flush()
        self.socket.close()


def ask(port, request):
    client = Client(port)
    client.send(**request)
    while not client.ended:
        client.read()
    client.close()
    lines = [f"HTTP/1.1 {client.status} -"]
    lines += [f"{name}: {value}" for name, value in client.headers
              if name != ":status"]
    return "\r\n".join(lines) + "\r\n\r\n" + client.body.decode("latin-1")


def main():
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(ask(request.pop("port"), request)), flush=True)


if __name__ == "__main__":
    main()
