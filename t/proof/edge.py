"""An nginx with sanitizers, one worker of which is put to the proof.

It is built in build/edge, with t/proof/fail_alloc.c linked in, which does
nothing unless it is asked to.  What it writes is in a folder of the caller's,
and stays there.
"""

import contextlib
import ctypes
import hashlib
import mmap
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]

# For those, too, who import this.
sys.path.append(str(TOP / "t" / "lib"))

from launch import (TIMEOUT, Failure, free_port, start,  # noqa: E402
                    stop, wait_for)

BUILD = TOP / "build" / "edge"

# nginx copies nothing from NULL here and there.  What is for the linker goes
# to the compiler, too.
FLAGS = ["-g", "-O1", "-fno-omit-frame-pointer", "-DNGX_DEBUG_PALLOC=1",
         "-fsanitize=address,undefined",
         "-fno-sanitize=nonnull-attribute",
         "-Wno-unused-command-line-argument",
         "-Wl,--wrap=ngx_slab_alloc_locked,--wrap=gettimeofday"]

# nginx and the dynamic linker never free what these allocate once.
NO_LEAKS = ["ngx_event_process_init", "ngx_set_environment", "ld-linux"]

MAIN = """\
daemon off;
{user}
worker_processes 1;
load_module {module};
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{status};
        location / {{ stub_status; }}
    }}
{http}
}}
"""


class Control(ctypes.Structure):
    """As in fail_alloc.c."""
    _fields_ = [(name, ctypes.c_int64) for name in (
        "process", "kind", "left", "ahead", "measure", "allocated", "depth")
    ] + [("stack", ctypes.c_uint64 * 48)]


def map_control(file):
    file.write_bytes(bytes(ctypes.sizeof(Control)))
    with open(file, "r+b") as opened:
        return Control.from_buffer(mmap.mmap(opened.fileno(), 0))


def build():
    """Leaves an nginx and the module for it in BUILD.  What is linked in has
    another name when it is another, to have both built anew, and is a library,
    because flags are given twice."""
    source = TOP / "t" / "proof" / "fail_alloc.c"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:8]
    compiled = BUILD / "fail_alloc.o"
    library = BUILD / f"fail_alloc-{digest}.a"
    BUILD.mkdir(parents=True, exist_ok=True)
    subprocess.run(["clang", "-g", "-O1", "-Wall", "-Wextra", "-Werror",
                    "-fno-omit-frame-pointer", "-c", source, "-o", compiled],
                   check=True)
    subprocess.run(["ar", "rc", library, compiled], check=True)
    subprocess.run([TOP / "t" / "proof" / "nginx-from-source", "here", BUILD,
                    "clang", *FLAGS, library], check=True)


class Nginx:
    """Runs until it is stopped, in an empty folder."""

    binary = BUILD / "nginx"
    module = BUILD / "module" / "ngx_http_marketplace_module.so"

    def __init__(self, folder, http, no_leaks=(), **environment):
        self.folder = folder
        self.status_port = free_port()
        self.configure(http)
        (folder / "no-leaks").write_text("".join(
            f"leak:{name}\n" for name in [*NO_LEAKS, *no_leaks]))
        self.control = map_control(folder / "control")
        self.process = start(
            self.binary, "-p", folder, "-c", folder / "nginx.conf",
            "-e", folder / "error.log", log=folder / "stderr",
            env={**self.environment(), **environment})
        wait_for(self.has_started, "nginx to start")
        self.log = open(folder / "error.log", encoding="utf-8",
                        errors="replace")
        self.worker, = self.workers()
        self.control.process = self.worker

    def configure(self, http):
        (self.folder / "nginx.conf").write_text(MAIN.format(
            module=self.module, folder=self.folder, status=self.status_port,
            http=http, user="user root;" if os.geteuid() == 0 else ""))

    def environment(self):
        """The caller's, but for what it says of AWS."""
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith("AWS_") and name != "HOME"}
        return kept | {
            "FAIL_ALLOC": f"{self.folder}/control",
            "ASAN_OPTIONS": "detect_odr_violation=0:detect_leaks=1:"
                            f"log_path={self.folder}/report",
            "LSAN_OPTIONS": f"suppressions={self.folder}/no-leaks:"
                            "print_suppressions=0",
            "UBSAN_OPTIONS": "print_stacktrace=1"}

    def has_started(self):
        if self.process.poll() is not None:
            raise Failure("nginx does not start: "
                          + (self.folder / "stderr").read_text()[-2000:])
        return self.status() >= 0

    def workers(self):
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        return [int(child) for child in children.read_text().split()]

    def lives(self):
        return self.workers() == [self.worker]

    def status(self):
        """How many connections stub_status counts but for its own."""
        with socket.create_connection(
                ("127.0.0.1", self.status_port), TIMEOUT) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            text = b"".join(iter(lambda: connection.recv(4096), b""))
        return int(re.search(rb"Active connections: (\d+)", text)[1]) - 1

    def is_at_rest(self):
        return self.status() == 0

    def descriptors(self):
        """Sockets and request bodies; the sanitizers have files of their
        own."""
        kinds = "socket:", f"{self.folder}/body/"
        count = 0
        for descriptor in pathlib.Path(f"/proc/{self.worker}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                count += os.readlink(descriptor).startswith(kinds)
        return count

    def in_use(self):
        """Bytes on the worker's heap, when it has nothing to do."""
        wait_for(self.is_at_rest, "the worker to be at rest")
        self.control.measure = 1
        self.status()
        return self.control.allocated

    def stop(self):
        return stop(self.process, signal.SIGQUIT)

    def alerts(self):
        """What is new in the log and should not be there."""
        new = self.log.read().splitlines()
        return [line for line in new
                if re.search(r"\[alert\]|exited on signal", line)]

    def complaints(self):
        """What else there is against it, when it has ended.  nginx's HTTP/2
        writes numbers wherever they come to lie: that is its own behaviour."""
        found = self.alerts()
        for report in sorted(self.folder.glob("report.*")):
            text = report.read_text(errors="replace")
            found += [line for line in text.splitlines()
                      if "runtime error:" in line
                      and line.startswith(f"{TOP}/src")]
            found += re.findall(r"=+\n==\d+==ERROR: (?:.*\n)*", text)
        return found
