"""What is counted rather than timed: TLS handshakes, and memory."""

import resource
import socket
import sys
import urllib.parse
from contextlib import ExitStack

from servers import CUSTOMER, memory_kib, worker_of
from launch import TIMEOUT, wait_for

BURST = 100
WAITING = 1000
WARMED_UP = 20
MANY_FILES = 8192

ANSWER = (f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
          f"Content-Length: {len(CUSTOMER)}\r\n\r\n{CUSTOMER}").encode()


def registration(path, token):
    """A request with a token as long as AWS's are."""
    body = urllib.parse.urlencode(
        {"x-amzn-marketplace-token": token.ljust(300, "T")})
    return (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


def connect(port, stack):
    connection = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    return stack.enter_context(connection)


def expect_200(connection, path):
    if not connection.recv(65536).startswith(b"HTTP/1.1 200 "):
        sys.exit(f"bench: {path} failed")


# ------------------------------------------------------------- handshakes


def burst(port, path, name):
    """So many registrations at once, each on a connection of its own."""
    with ExitStack() as stack:
        connections = [connect(port, stack) for _ in range(BURST)]
        for number, connection in enumerate(connections):
            connection.sendall(registration(path, f"{name}-{number}-"))
        for connection in connections:
            expect_200(connection, path)


def new_calls(log, known):
    """The lines that have come to the endpoint's log since the last time."""
    def lines():
        found = log.read_text().splitlines()
        return len(found) >= known + BURST and found

    return wait_for(lines, f"all calls to be in {log}")


def handshakes(port, path, log):
    """For two bursts, one after the other: (full, resumed) handshakes."""
    lines = log.read_text().splitlines() if log.exists() else []
    counts = []
    for name in ("first", "second"):
        seen = {line.split()[0] for line in lines}
        burst(port, path, name)
        known, lines = len(lines), new_calls(log, len(lines))
        new = dict(line.split() for line in lines[known:])
        resumed = [reused for connection, reused in new.items()
                   if connection not in seen]
        counts.append((resumed.count("."), resumed.count("r")))
    return counts


# ----------------------------------------------------------------- memory


def hold(port, path, listener, first, count, stack):
    """So many requests that wait for the endpoint: (clients, calls)."""
    clients, calls = [], []
    for number in range(first, first + count):
        client = connect(port, stack)
        client.sendall(registration(path, f"held-{number}-"))
        try:
            call = stack.enter_context(listener.accept()[0])
        except TimeoutError:
            sys.exit(f"bench: {path} made no call")
        call.settimeout(TIMEOUT)
        call.recv(65536)
        clients.append(client)
        calls.append(call)
    return clients, calls


def release(path, clients, calls):
    for call in calls:
        call.sendall(ANSWER)
    for client in clients:
        expect_200(client, path)


def waiting_memory(edge, port, path, listener):
    """KiB by which a worker grows for each request that waits."""
    worker = worker_of(edge)
    with ExitStack() as stack:
        hold(port, path, listener, 0, WARMED_UP, stack)
        before = memory_kib([worker])
        clients, calls = hold(port, path, listener, WARMED_UP, WAITING, stack)
        grown = memory_kib([worker]) - before
        release(path, clients, calls)
    return grown / WAITING


def allow_many_files():
    """Both ends of all that waits are in this process."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY or most > MANY_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (MANY_FILES, most))
    elif most > 2 * (WAITING + WARMED_UP) + 100:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    else:
        sys.exit(f"bench: only {most} open files are allowed here")
