"""HTTP for the stand-in: strict about requests, and replies of any shape."""

import asyncio
import html
import json
import re
import socket
import uuid
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Optional
from urllib.parse import parse_qs

HEAD_LIMIT = 1 << 20
LINGER_BEFORE_ABORT = 0.02
MORE_THAN_EVER_COMES = 1 << 62

JSON_TYPE = "application/x-amz-json-1.1"


class BadRequest(Exception):
    """What was received is not HTTP; received is as much of it as there was."""

    received = b""


# ---------------------------------------------------------------- requests


@dataclass
class Request:
    method: str
    target: str
    version: str
    headers: list
    body: bytes = b""

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def query(self):
        text = self.target.partition("?")[2]
        return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}

    def values(self, name):
        return [value for key, value in self.headers if key.lower() == name]

    def header(self, name):
        values = self.values(name)
        return ",".join(values) if values else None

    def media_type(self):
        return (self.header("content-type") or "").partition(";")[0].strip()

    def closes(self):
        options = (self.header("connection") or "").lower().replace(" ", "").split(",")
        return self.version == "HTTP/1.0" or "close" in options


def parse_head(head):
    """Strict on purpose: what a lenient server would forgive is a fault to find."""
    lines = head.decode("latin-1").split("\r\n")[:-2]
    start = re.fullmatch(r"([A-Z]+) (/[!-~]*) (HTTP/1\.[01])", lines[0])
    if not start:
        raise BadRequest("request line")
    headers = []
    for line in lines[1:]:
        match = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*", line)
        if not match:
            raise BadRequest("header line")
        headers.append(match.groups())
    request = Request(*start.groups(), headers)
    if len(request.values("host")) != 1:
        raise BadRequest("needs one Host header")
    if len(request.values("content-length") + request.values("transfer-encoding")) > 1:
        raise BadRequest("two lengths")
    return request


async def read_chunks(reader):
    body = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        match = re.fullmatch(rb"([0-9A-Fa-f]{1,8})(;[^\r\n]*)?\r\n", line)
        if not match:
            raise BadRequest("chunk size")
        size = int(match[1], 16)
        if size == 0:
            break
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise BadRequest("chunk end")
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return body


async def read_body(request, reader, writer):
    length = request.header("content-length")
    encoding = request.header("transfer-encoding")
    if length is not None and not re.fullmatch(r"[0-9]{1,15}", length):
        raise BadRequest("Content-Length")
    if encoding is not None and encoding.lower() != "chunked":
        raise BadRequest("Transfer-Encoding")
    if (request.header("expect") or "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if encoding is not None:
        return await read_chunks(reader)
    return await reader.readexactly(int(length or 0))


async def read_request(reader, writer):
    head = b""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        request = parse_head(head)
        request.body = await read_body(request, reader, writer)
    except asyncio.LimitOverrunError as problem:
        raise BadRequest("a line without end") from problem
    except BadRequest as problem:
        problem.received = head
        raise
    return request


# ----------------------------------------------------------------- replies


def new_request_id():
    return str(uuid.uuid4())


@dataclass
class Reply:
    """A reply; request_id is None for services that do not send one."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: list = field(default_factory=list)
    framing: str = "length"
    whole: Optional[bytes] = None
    request_id: Optional[str] = field(default_factory=new_request_id)
    silent: bool = False
    interim: bytes = b""
    announce_close: bool = False
    keep: bool = True
    held: bool = False
    delay: float = 0.0
    pace: Optional[float] = None
    cut: Optional[tuple] = None


def json_reply(value, **options):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Reply(body=text.encode("utf-8", "surrogatepass"), **options)


def plain_reply(value, status=200):
    return Reply(status, f"{value}\n".encode(), "text/plain")


def html_reply(status=200):
    title = html.escape(reason(status))
    return Reply(status, f"<html><body><h1>{title}</h1></body></html>\n".encode(), "text/html")


def reason(status):
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def chunks(body):
    """The body in chunks of 7 bytes, with all that chunked coding allows."""
    coded = b""
    for start in range(0, len(body), 7):
        piece = body[start : start + 7]
        coded += b'%x;name=value;quoted="a;b"\r\n%s\r\n' % (len(piece), piece)
    return coded + b"000\r\nX-Trailer: 1\r\nContent-Length: 3\r\n\r\n"


FRAMINGS = {
    "length": lambda size: [("Content-Length", size)],
    "chunked": lambda size: [("Transfer-Encoding", "chunked")],
    "none": lambda size: [],
    "two lengths": lambda size: [("Content-Length", size), ("Content-Length", size - 1)],
    "both": lambda size: [("Content-Length", size), ("Transfer-Encoding", "chunked")],
}


def render(reply, now):
    if reply.whole is not None:
        return reply.interim + reply.whole
    headers = [("x-amzn-RequestId", reply.request_id)] if reply.request_id else []
    headers += [
        ("Date", formatdate(now, usegmt=True)),
        ("Content-Type", reply.content_type),
        *FRAMINGS[reply.framing](len(reply.body)),
        *reply.headers,
    ]
    if reply.announce_close:
        headers.append(("Connection", "close"))
    head = f"HTTP/1.1 {reply.status} {reason(reply.status)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
    coded = chunks(reply.body) if reply.framing in ("chunked", "both") else reply.body
    return reply.interim + head.encode("utf-8", "surrogatepass") + coded


async def write_bytes(writer, data, pace):
    if pace is None:
        writer.write(data)
        await writer.drain()
        return
    for byte in data:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(pace)


async def abandon(writer, how):
    """End the connection before its time: close, drop or reset."""
    if how == "close":
        writer.close()
        return
    # An abort discards what is still on its way out.
    await asyncio.sleep(LINGER_BEFORE_ABORT)
    if how == "reset":
        linger_none = b"\1\0\0\0\0\0\0\0"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_none)
    writer.transport.abort()


async def until_released(release, reader):
    """Wait for an event; raises what reading does if the client goes away first."""
    # What is read for this stays there for the next request: it is too little.
    leaving = asyncio.ensure_future(reader.readexactly(MORE_THAN_EVER_COMES))
    tasks = asyncio.ensure_future(release.wait()), leaving
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    if not leaving.cancelled():
        leaving.result()


async def send(reply, now, reader, writer):
    """Write the reply; true if the connection may serve another request."""
    if reply.silent:
        while await reader.read(HEAD_LIMIT):
            pass
        return False
    data = render(reply, now)
    await asyncio.sleep(reply.delay)
    count, how = reply.cut or (len(data), None)
    await write_bytes(writer, data[:count], reply.pace)
    if how:
        await abandon(writer, how)
    return reply.keep and not how
