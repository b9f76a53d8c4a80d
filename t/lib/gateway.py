"""The application of backend.py as WSGI has it, for uwsgi to run.

Of the headers it answers those with MARKETPLACE in their name, sorted, in the
form that CGI gives them.
"""


def application(environ, start_response):
    body = environ["wsgi.input"].read()

    lines = [f"{environ['REQUEST_METHOD']} {environ['REQUEST_URI']}\n"]
    lines += [f"{name}: {value}\n" for name, value in sorted(environ.items())
              if "MARKETPLACE" in name]

    reply = "".join(lines).encode("latin-1") + b"\n" + body

    start_response("200 OK", [("Content-Type", "text/plain"),
                              ("Content-Length", str(len(reply)))])
    return [reply]
