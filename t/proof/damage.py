"""What can be done to a message and to a connection.

"chance" is a random.Random, here and in what uses this.
"""

import asyncio
import socket
import struct


def cut(chance, message):
    return message[:chance.randrange(len(message))]


def change(chance, message):
    message = bytearray(message)
    for _ in range(chance.randint(1, 8)):
        message[chance.randrange(len(message))] = chance.choice(
            b"\0\t\r\n \"%&+,-/0129:;<=>@AZ[\\]{}\x7f\x80\xff")
    return bytes(message)


def repeat(chance, message):
    begin, end = sorted(chance.randrange(len(message)) for _ in range(2))
    return message[:end] + message[begin:]


def leave_out(chance, message):
    begin, end = sorted(chance.randrange(len(message)) for _ in range(2))
    return message[:begin] + message[end:]


def add(chance, message):
    return message + chance.randbytes(chance.choice([1, 20, 5000]))


def contradict(chance, message):
    """Another header that says how long the body is, or how it comes."""
    line = chance.choice([
        b"Content-Length: 0", b"Content-Length: 7", b"Content-Length: -1",
        b"Content-Length: 99999", b"Content-Length: 18446744073709551615",
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity",
        b"Transfer-Encoding: chunked, chunked", b"Connection: close",
        b"Content-Encoding: gzip", b"Expect: 100-continue",
        b"Content-Type: text/html", b"Upgrade: h2c"])
    head, separator, rest = message.partition(b"\r\n")
    return head + b"\r\n" + line + separator + rest


def in_chunks(chance, message):
    """With a chunked body, as good as any or with a size that is not."""
    head, _, body = message.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n")
             if not line.lower().startswith(b"content-length")]
    size = chance.choice([b"%x", b"%x", b"%x;name=\"value\"", b"0%x",
                          b"f%x", b"ffffffffffffffff%x", b"-%x", b"%x\0"])
    middle = chance.randrange(len(body) + 1)
    chunks = b"".join(size % len(part) + b"\r\n" + part + b"\r\n"
                      for part in (body[:middle], body[middle:]) if part)
    return b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", chunks]
                        ) + b"0\r\n" + chance.choice([b"", b"A: b\r\n"]
                                                     ) + b"\r\n"


def oversize_head(chance, message):
    head, separator, rest = message.partition(b"\r\n")
    large = b"X: " + b"x" * chance.choice([3000, 9000, 70000])
    return head + b"\r\n" + large + separator + rest


DAMAGE = [cut, change, repeat, leave_out, add, contradict, contradict,
          in_chunks, in_chunks, oversize_head]


def damaged(chance, message):
    """In one way or more, as long as something is left."""
    while message:
        message = chance.choice(DAMAGE)(chance, message)
        if chance.random() < 0.6:
            break
    return message


async def deliver(chance, writer, message):
    """In one piece, or several."""
    pieces = chance.choice([1, 1, 1, 2, 5])
    marks = sorted(chance.randrange(len(message) + 1)
                   for _ in range(pieces - 1))
    for begin, end in zip([0, *marks], [*marks, len(message)]):
        writer.write(message[begin:end])
        await writer.drain()
        if pieces > 1:
            await asyncio.sleep(chance.choice([0, 0.001, 0.02]))


def reset(writer):
    """Closes with RST instead of FIN."""
    connection = writer.get_extra_info("socket")
    if connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              struct.pack("ii", 1, 0))
    writer.transport.abort()
