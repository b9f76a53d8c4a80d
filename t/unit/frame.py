"""Talks to the filter programs of t/unit: strings behind their lengths."""

import struct
import subprocess
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parents[2] / "build/unit"


def filter_through(program, requests, strings):
    """Gives requests, which are tuples of bytes, to a program.

    Returns a tuple of that many strings for each of them.
    """
    written = b"".join(
        struct.pack(">I", len(text)) + text
        for request in requests
        for text in request
    )
    read = subprocess.run(
        [PROGRAMS / program], input=written, capture_output=True
    )
    if read.returncode:
        raise RuntimeError(read.stderr.decode(errors="replace"))

    replies = list(split(read.stdout))
    if len(replies) != len(requests) * strings:
        raise RuntimeError(f"{len(replies)} strings from {program}")
    return list(zip(*[iter(replies)] * strings))


def split(data):
    position = 0
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        position += 4
        yield data[position : position + length]
        position += length
