"""The load, and what it costs those that it is put on."""

import http.client
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from contextlib import closing

from servers import (HERE, OTHER_CPU, Unavailable, cpu_seconds,
                     memory_kib, tree)

import standin

CONNECTIONS = 64
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

# "+", "/" and "=" are in real tokens, too, and have to be decoded.
CHECKED_TOKEN = "ok+/=bench"


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


def register(port, path, token):
    """(status, text) of the answer to one registration."""
    body = urllib.parse.urlencode({"x-amzn-marketplace-token": token})
    with closing(http.client.HTTPConnection("127.0.0.1", port,
                                            timeout=20)) as connection:
        connection.request("POST", path, body, FORM)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()


def check(port, path, all_fields=True):
    """Is the customer the right one, to an endpoint that verifies?"""
    customer = standin.customer(CHECKED_TOKEN)
    wanted = (customer.values() if all_fields
              else [customer["CustomerAWSAccountId"]])
    try:
        status, text = register(port, path, CHECKED_TOKEN)
    except OSError as problem:
        raise Unavailable(f"{path}: {problem}") from None
    if status != 200 or not all(value in text for value in wanted):
        raise Unavailable(f"{path} did not resolve a registration:"
                          f" status {status}")


def measure(processes, port, path, seconds):
    before = cpu_seconds(processes)
    out = subprocess.run(
        ["taskset", "-c", str(OTHER_CPU), "wrk", "-t1", f"-c{CONNECTIONS}",
         f"-d{seconds}s", "--timeout", "10s", "--latency",
         "-s", HERE / "registrations.lua", f"http://127.0.0.1:{port}{path}"],
        check=True, capture_output=True, text=True).stdout
    used = cpu_seconds(processes) - before

    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"bench: {path} failed:\n{out}")

    requests = int(re.search(r"(\d+) requests in", out)[1])
    pids = [pid for process in processes for pid in tree(process.pid)]

    return {
        "requests": requests,
        "requests/s": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),
        "CPU us": used / requests * 1e6,
        "p50 ms": milliseconds(re.search(r"^ +50%\s+(\S+)", out, re.M)[1]),
        "p99 ms": milliseconds(re.search(r"^ +99%\s+(\S+)", out, re.M)[1]),
        "RSS MiB": memory_kib(pids) / 1024,
    }


def served(port):
    """How many requests the endpoint and the application have served."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as reply:
        text = reply.read().decode()
    return int(re.search(r"^\s*\d+ \d+ (\d+)", text, re.M)[1])
