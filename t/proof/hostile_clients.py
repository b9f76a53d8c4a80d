"""Clients that send what is generated: see t/proof/hostile."""

import asyncio
import collections
import contextlib
import itertools
import json
import random
import re
import urllib.parse

import h2.connection

from damage import damaged, deliver, reset


def token_of(chance):
    """Some are asked for again, and some several times at once."""
    return f"token-{chance.randrange(chance.choice([9, 10 ** 9, 10 ** 9]))}"


def pairs(chance):
    """The fields of a form."""
    fields = [("x-amzn-marketplace-token", token_of(chance))]
    if chance.random() < 0.3:
        fields.append(chance.choice([
            fields[0], ("x-amzn-marketplace-token", "other"), ("a", "b"),
            ("x-amzn-marketplace-offer-type", "free-trial"),
            ("padding", "x" * chance.choice([100, 5000, 70000]))]))
        chance.shuffle(fields)
    return fields


def form(chance):
    return ("application/x-www-form-urlencoded",
            urllib.parse.urlencode(pairs(chance)))


def multipart(chance):
    parts = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"'
                    f"\r\n\r\n{value}\r\n" for name, value in pairs(chance))
    return "multipart/form-data; boundary=b", parts + "--b--\r\n"


def json_object(chance):
    return "application/json", json.dumps(dict(pairs(chance)))


def garbage(chance):
    kind, _ = chance.choice([form, multipart, json_object])(chance)
    return kind, chance.randbytes(chance.choice([0, 10, 3000])).decode(
        "latin-1")


def request(chance, names, cookie):
    """(method, target, headers, body)"""
    method = chance.choice(["POST"] * 16 + ["GET", "HEAD", "PUT", "OPTIONS"])
    target = "/" + chance.choice(names)
    if chance.random() < 0.1:
        target += "?" + form(chance)[1]
    kind, body = chance.choice([form] * 5 + [multipart, json_object, garbage]
                               )(chance)
    headers = [("Host", "localhost"), ("Content-Type", kind)]
    if chance.random() < 0.3:
        headers.append(("Cookie", chance.choice([
            cookie, cookie[:-9], cookie.replace("a", "b"), cookie * 3,
            "customer=", f"a=b; {cookie}; customer=x"])))
    if chance.random() < 0.1:
        headers.append(("X-Marketplace-Product-Code", "forged"))
    return method, target, headers, body.encode("latin-1")


def as_http1(method, target, headers, body):
    lines = [f"{method} {target} HTTP/1.1",
             *(f"{name}: {value}" for name, value in headers)]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


# How many are connected at a time.
CLIENTS = 100


class Clients:
    def __init__(self, seed, port, port2, names):
        self.seed = seed
        self.names = names
        self.ports = port, port2
        self.cookie = ""
        self.statuses = collections.Counter()

    def chance(self, number):
        return random.Random(f"{self.seed} request {number}")

    async def send_all(self, numbers):
        await asyncio.gather(*(self.send_some(numbers)
                               for _ in range(CLIENTS)))

    async def send_some(self, numbers):
        for number in numbers:
            with contextlib.suppress(OSError):
                await self.send(number, numbers)

    async def send(self, number, numbers):
        chance = self.chance(number)
        over_http2 = chance.random() < 0.2
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.ports[over_http2])
        try:
            message = (self.over_http2 if over_http2 else self.over_http1)(
                chance, [chance, *(self.chance(next) for next in
                                   itertools.islice(numbers, more(chance)))])
            await deliver(chance, writer, message)
            await self.receive(chance, reader, writer, over_http2)
        finally:
            writer.close()

    def over_http1(self, chance, chances):
        """Pipelined."""
        messages = [as_http1(*request(each, self.names, self.cookie))
                    for each in chances]
        if chance.random() < 0.5:
            messages[-1] = damaged(chance, messages[-1])
        return b"".join(messages)

    def over_http2(self, chance, chances):
        """In streams of one connection, some of which are reset."""
        connection = h2.connection.H2Connection()
        connection.initiate_connection()
        for each in chances:
            self.add_stream(each, connection)
        message = connection.data_to_send()
        return damaged(chance, message) if chance.random() < 0.5 else message

    def add_stream(self, chance, connection):
        method, target, headers, body = request(chance, self.names,
                                                self.cookie)
        stream = connection.get_next_available_stream_id()
        connection.send_headers(stream, [
            (":method", method), (":path", target), (":scheme", "http"),
            (":authority", "localhost"),
            *((name.lower(), value) for name, value in headers[1:])])
        body = body[:connection.local_flow_control_window(stream)]
        for begin in range(0, len(body), 4000):
            connection.send_data(stream, body[begin:begin + 4000])
        if chance.random() < 0.2:
            connection.reset_stream(stream)
        elif chance.random() < 0.9:
            connection.end_stream(stream)

    async def receive(self, chance, reader, writer, over_http2):
        """All, the beginning, or nothing of the answers."""
        end = chance.random()
        if end < 0.1:
            reset(writer)
        elif end < 0.2:
            await asyncio.sleep(chance.choice([0, 0.01, 0.1]))
        else:
            if end < 0.3 and not over_http2:
                writer.write_eof()
            with contextlib.suppress(asyncio.TimeoutError):
                self.count(await asyncio.wait_for(reader.read(), 1.5))

    def count(self, text):
        self.statuses.update(re.findall(rb"HTTP/1.1 (\d+) ", text))


def more(chance):
    """How many requests follow on the same connection."""
    return chance.choice([0, 0, 0, 0, 1, 2, 5])
