#!/usr/bin/python3
"""The application behind nginx, for tests: it answers what it received.

    backend.py --ready-file FILE [--exit-with-parent]

listens on a free port of 127.0.0.1, which it writes to FILE, and answers
every request with

    METHOD PATH
    name: value            for each header with "marketplace" in its name, in
    ...                    the order and the spelling received
    <an empty line>
    the body, as it came

A path below /accel/ is answered with X-Accel-Redirect to the rest of the
path; one below /status/NNN with that status.
"""

import argparse
import ctypes
import http.server
import os
import signal

PR_SET_PDEATHSIG = 1


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def read_body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def answer(self):
        lines = [f"{self.command} {self.path}\n"]
        lines += [f"{name}: {value}\n" for name, value in self.headers.items()
                  if "marketplace" in name.lower()]
        head = "".join(lines) + "\n"
        reply = head.encode("latin-1") + self.read_body()

        status = 200
        if self.path.startswith("/status/"):
            status = int(self.path.split("/")[2])

        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(reply)))
        if self.path.startswith("/accel/"):
            self.send_header("X-Accel-Redirect", self.path[len("/accel"):])
        self.end_headers()

        if self.command != "HEAD":
            self.wfile.write(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = answer
    do_DELETE = do_OPTIONS = answer

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready-file", required=True)
    parser.add_argument("--exit-with-parent", action="store_true")
    options = parser.parse_args()

    if options.exit_with_parent:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    server = Server(("127.0.0.1", 0), Handler)

    with open(options.ready_file + ".new", "w") as ready:
        ready.write(str(server.server_address[1]))
    os.rename(options.ready_file + ".new", options.ready_file)

    server.serve_forever()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    main()
