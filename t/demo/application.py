#!/usr/bin/python3
"""The sample application: it has customers and knows nothing of AWS.

    application.py PORT

listens on 127.0.0.1.  Who a buyer is it takes from the X-Marketplace-*
headers of the request.  It can trust them, because nginx sets them when AWS
has said so, and removes them when a client sends them.
"""

import html
import http.server
import pathlib
import string
import sys

TEMPLATES = pathlib.Path(__file__).parent / "templates"


def page(template, **values):
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    escaped = {name: html.escape(value) for name, value in values.items()}
    return string.Template(text).substitute(escaped)


class Application(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path in ("/", "/register"):
            self.answer(page("landing.html"))
        else:
            self.send_error(404)

    def do_POST(self):
        # The form is of no use here, but has to be read all the same: who
        # closes a connection with something unread in it resets it.
        self.rfile.read(int(self.headers["Content-Length"]))

        account = self.headers["X-Marketplace-Customer-AWS-Account-Id"]
        if account is None:
            self.send_error(403)
            return

        self.answer(page(
            "registered.html",
            account=account,
            license=self.headers.get("X-Marketplace-License-Arn", ""),
            product=self.headers.get("X-Marketplace-Product-Code", ""),
            offer=self.headers.get("X-Marketplace-Offer-Type", ""),
        ))

    def answer(self, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    address = ("127.0.0.1", int(sys.argv[1]))
    http.server.ThreadingHTTPServer(address, Application).serve_forever()
