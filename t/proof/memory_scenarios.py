"""The requests for which t/proof/memory has memory run out."""

import json
import re
import urllib.parse

from edge import TOP

FOLDER = TOP / "build" / "memory"

CONFIGURATION = """\
    marketplace_credentials static id=AKIDEXAMPLE
        secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
    marketplace_endpoint http://127.0.0.1:{aws};
    marketplace_ssl_trusted_certificate {folder}/tls.pem;
    marketplace_cache_valid off;
    marketplace_tries 1;
    marketplace_keepalive 0;
    add_header Marketplace-Error $marketplace_error always;
    upstream block {{ server 127.0.0.1:{aws}; keepalive 4; }}

    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{port2} http2;
        client_body_buffer_size 1k;
        error_page 599 @page;
        marketplace_resolve on;
        location @page {{
            return 200 "$marketplace_customer_aws_account_id $marketplace_error
$http_x_marketplace_customer_aws_account_id $http_x_marketplace_error";
        }}
{locations}
    }}
"""

LOCATION = """\
        location /{name} {{
            try_files /none @page;
            {directives}
        }}
"""


def form(token):
    return "x-amzn-marketplace-token=" + urllib.parse.quote(token)


def post(path, body, content_type="application/x-www-form-urlencoded",
         headers=""):
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Type: {content_type}\r\n{headers}"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


def register(path, token, cookie):
    return post(path, form(token))


def register_json(path, token, cookie):
    return post(path, json.dumps({"x-amzn-marketplace-token": token}),
                "application/json")


def register_multipart(path, token, cookie):
    return post(path, "--b\r\nContent-Disposition: form-data; "
                f'name="x-amzn-marketplace-token"\r\n\r\n{token}\r\n--b--\r\n',
                "multipart/form-data; boundary=b")


def register_by_query(path, token, cookie):
    return (f"GET {path}?{form(token)} HTTP/1.1\r\nHost: localhost\r\n"
            "Connection: close\r\n\r\n").encode()


def register_in_chunks(path, token, cookie):
    """More than nginx keeps in memory, so that it has to go to a file."""
    body = f"{form(token)}&padding={'x' * 5000}"
    chunks = "".join(f"{len(part):x}\r\n{part}\r\n"
                     for part in (body[:700], body[700:]))
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n").encode()


def come_back(path, token, cookie):
    return (f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Cookie: other=1; {cookie}\r\n\r\n").encode()


# ------------------------------------------------------------------ scenarios


class Scenario:
    """One kind of request, to a location with these directives.  {} in the
    token is another number each time, "status" what is answered, and "before"
    what has to be done first each time.  So many clients send it at once."""

    def __init__(self, name, directives="", token="ok{}", request=register,
                 status=200, before=(), clients=1, over_http2=False):
        self.name = name
        self.directives = directives
        self.token = token
        self.request = request
        self.status = status
        self.before = before
        self.clients = clients
        self.over_http2 = over_http2


KEPT = "marketplace_keepalive 4;"
TLS = "marketplace_endpoint https://localhost:{aws_tls};"
CACHED = "marketplace_cache_valid 5m;"
SESSION = "marketplace_session key={folder}/key cookie=customer;"
ROLE = "arn:aws:iam::111122223333:role"

# How long before or after the end of what was fetched, in seconds.  It is
# renewed five minutes before.
LIFETIME, EARLY, LATE = 900, 700, 1000


def warm_up(proof, scenario):
    """Leaves a connection that is kept."""
    proof.succeed(scenario, "ok")


def remember(proof, scenario):
    """Leaves the answer in the cache."""
    proof.succeed(scenario, scenario.token)


def log_in(proof, scenario):
    (_, text), = proof.succeed(scenario, "ok", register)
    proof.cookie, = re.findall(r"(?<=Set-Cookie: )customer=[^;]+", text)


def forget_addresses(proof, scenario):
    """They are valid for a second."""
    proof.move_clocks(2)


def renew_early(proof, scenario):
    proof.move_clocks(EARLY)


def renew_late(proof, scenario):
    proof.move_clocks(LATE)


def change_profile(proof, scenario):
    """Another number of bytes, in a file that is looked at again."""
    proof.number += 1
    with open(FOLDER / "credentials", "a", encoding="ascii") as file:
        file.write(f"# {proof.number}\n")
    proof.move_clocks(LATE)


def renewals(name, directives):
    """Of credentials that can be used still, and of some that have ended."""
    yield Scenario(f"{name}-early", directives, before=[renew_early])
    yield Scenario(f"{name}-late", directives, before=[renew_late])


SCENARIOS = [
    Scenario("cold"),
    Scenario("kept", KEPT, before=[warm_up]),
    Scenario("tls", TLS),
    Scenario("tls-kept", TLS + KEPT, before=[warm_up]),
    Scenario("name", "marketplace_endpoint http://several.test:{aws};"
             "resolver 127.0.0.1:{dns} valid=1s;", before=[forget_addresses]),
    Scenario("block", "marketplace_endpoint http://block;", before=[warm_up]),
    Scenario("http2", over_http2=True),

    Scenario("json", request=register_json),
    Scenario("multipart", request=register_multipart),
    Scenario("query", "marketplace_token_source args;",
             request=register_by_query),
    Scenario("spooled", request=register_in_chunks),

    Scenario("large-reply", token="big:9000"),
    Scenario("chunked-reply", token="chunked:ok{}"),
    Scenario("refused", token="error:ExpiredTokenException", status=410),
    Scenario("optional", "marketplace_resolve optional;",
             token="error:ExpiredTokenException"),
    Scenario("retried", "marketplace_tries 3;",
             token="seq:status:500:ok|ok{}"),

    Scenario("cached", CACHED),
    Scenario("hit", CACHED, token="ok-hit", before=[remember]),
    Scenario("waiting", CACHED, token="delay:20:ok{}", clients=2),
    Scenario("refused-waiting", CACHED, clients=2, status=410,
             token="delay:20:error:ExpiredTokenException:::{}"),

    Scenario("session", SESSION),
    Scenario("session-opened", SESSION, request=come_back, before=[log_in]),
    Scenario("redirected", status=303, directives=SESSION + "marketplace_"
             "redirect /welcome?$marketplace_customer_aws_account_id;"),

    *renewals("imds", "marketplace_credentials imds;"),
    *renewals("container", "marketplace_credentials container;"),
    *renewals("role", f"marketplace_assume_role {ROLE}/seller;"),
    *renewals("web-identity", "marketplace_credentials web_identity;"),
    *renewals("role-over-imds", "marketplace_credentials imds;"
              f"marketplace_assume_role {ROLE}/seller;"),
    Scenario("profile", "marketplace_credentials profile name=p "
             "file={folder}/credentials;", before=[change_profile]),
]
