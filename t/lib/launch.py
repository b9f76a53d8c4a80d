"""Starts servers for tests, all of them on 127.0.0.1, and waits for them."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

LIB = pathlib.Path(__file__).resolve().parent
STANDIN = [sys.executable, LIB / "standin.py"]
TIMEOUT = 60


class Failure(AssertionError):
    """What does not hold."""


def free_ports(names):
    """By name.  All are held until the last is found, or one could be found
    twice."""
    with contextlib.ExitStack() as stack:
        return {name: stack.enter_context(socket.create_server(
            ("127.0.0.1", 0))).getsockname()[1] for name in names}


def free_port():
    return free_ports([0])[0]


def wait_for(condition, what="it"):
    """Its result, as soon as it has one."""
    deadline = time.monotonic() + TIMEOUT
    problem = None
    while time.monotonic() < deadline:
        try:
            if result := condition():
                return result
        except (OSError, ValueError) as error:
            problem = error
        time.sleep(0.02)
    raise Failure(f"waited in vain for {what}") from problem


def accepts(address):
    """Whether somebody listens at this port, or this Unix socket."""
    family = socket.AF_INET if isinstance(address, int) else socket.AF_UNIX
    where = ("127.0.0.1", address) if isinstance(address, int) else address
    with socket.socket(family) as probe:
        return probe.connect_ex(where) == 0


def start(*command, log=None, **options):
    """A process.  Should we be killed, the kernel ends it."""
    with open(log or os.devnull, "ab") as output:
        if log:
            options.update(stdout=output, stderr=output)
        return subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command],
                                stdin=subprocess.DEVNULL, **options)


def stop(process, number=signal.SIGTERM):
    """What it exits with."""
    with process:
        process.send_signal(number)
        try:
            return process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Failure(f"did not end: {process.args}") from None


@contextlib.contextmanager
def running(*command, address=None, end=signal.SIGTERM, **options):
    """A server, from when it listens at its address to the end of the
    block."""
    def listens():
        if process.poll() is not None:
            raise Failure(f"{command[0]} has ended")
        return accepts(address)

    process = start(*command, **options)
    try:
        if address:
            wait_for(listens, command[0])
        yield process
    finally:
        stop(process, end)


@contextlib.contextmanager
def running_ours(script, folder):
    """The port of a server that is beside this file."""
    ready = folder / f"{script}.ready"
    with running(sys.executable, LIB / script, "--ready-file", ready):
        yield int(wait_for(ready.read_text, script))


class Standin:
    """A stand-in for AWS, and its control endpoints."""

    def __init__(self, *options):
        self.process = start(*STANDIN, "--http", "0", *options,
                             stdout=subprocess.PIPE, text=True)
        self.ports = json.loads(self.process.stdout.readline())

    def ask(self, method, path, **query):
        """(status, text) of the answer of a control endpoint."""
        target = f"/_standin/{path}?{urllib.parse.urlencode(query)}"
        with contextlib.closing(http.client.HTTPConnection(
                "127.0.0.1", self.ports["http"], TIMEOUT)) as connection:
            connection.request(method, target)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()

    def control(self, method, path, **query):
        status, text = self.ask(method, path, **query)
        if status != 200:
            raise ValueError(text)
        return text

    def requests(self, **query):
        return json.loads(self.control("GET", "requests", **query))

    def count(self, **query):
        return int(self.control("GET", "count", **query))

    def last(self, **query):
        return self.requests(**query)[-1]

    def url(self, scheme="http"):
        return f"{scheme}://127.0.0.1:{self.ports[scheme]}"

    def stop(self, number=signal.SIGTERM):
        return stop(self.process, number)


def ask(url, body=None):
    """The answer to a GET, or to a POST of this body; no proxy is asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    data = None if body is None else body.encode()
    with opener.open(url, data, TIMEOUT) as reply:
        return reply.read()


def make_certificate(folder, name="tls", hosts="DNS:localhost"):
    """A key and a certificate that is its own issuer, with all that clients
    ask of one that is no CA's."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2",
         "-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost",
         "-addext", f"subjectAltName={hosts}",
         "-addext", "basicConstraints=critical,CA:FALSE",
         "-addext", "keyUsage=critical,digitalSignature",
         "-keyout", f"{name}.key", "-out", f"{name}.pem"],
        cwd=folder, check=True, capture_output=True)
