"""A page for customers.  Who they are, nginx says in headers of the request.

    uwsgi --plugin python3 --socket /run/example.sock \
          --wsgi-file application.py
"""


def page(environ):
    account = environ.get("HTTP_X_MARKETPLACE_CUSTOMER_AWS_ACCOUNT_ID")

    if environ["PATH_INFO"] == "/register":
        return "200 OK", "Please come from AWS Marketplace.\n"

    if not account:
        return "401 Unauthorized", "Please register.\n"

    return "200 OK", f"Account {account}\n"


def application(environ, start_response):
    status, text = page(environ)
    start_response(status, [("Content-Type", "text/plain")])
    return [text.encode()]
