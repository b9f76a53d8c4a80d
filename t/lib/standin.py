#!/usr/bin/python3
"""A local stand-in for AWS Marketplace Metering's ResolveCustomer.

    standin.py [--http PORT] [--https PORT --cert FILE --key FILE]
               [--ready-file FILE] [--clock-offset SECONDS] [--exit-with-parent]

It listens on 127.0.0.1 only; port 0 picks a free one.  Once it listens it
writes {"http": port, "https": port} as one line to stdout and to the ready
file (null for a listener that was not asked for).  It needs botocore, whose
signer checks every request independently of the signer under test.


What it answers is chosen by the registration token
---------------------------------------------------

A token is any number of PREFIXES, each ended by a colon, and then one ANSWER:
"ok-1", "chunked:ok", "delay:500:split:error:ThrottlingException".  The order
of the prefixes does not matter.  N and MS are decimal numbers; N counts bytes
of the whole reply, its head included.  A token outside this grammar is
answered InvalidTokenException, 400.

    ANSWER                  what comes back
    ok<anything>            200, a customer with all four fields, derived from
                            the answer (the same for "ok" and "split:ok")
    new:<anything>          200, a new product: no CustomerIdentifier
    empty:<anything>        200, CustomerIdentifier ""
    null:<anything>         200, CustomerIdentifier null
    old:<anything>          200, no LicenseArn
    product:<code>          200, a customer of the product <code>
    error:NAME[:STATUS[:FORM[:MESSAGE]]]
                            an AWS error; an empty STATUS is the usual one of
                            NAME; FORM is words from the table below, joined
                            with "+"
    json:<text>             200, <text> as the body, whatever it is
    html                    200, an HTML page
    truncated               200, JSON that breaks off, framed correctly
    big:N                   200, a valid customer padded to N bytes of JSON
    twolengths              200 with two Content-Length headers that differ
    lengthchunked           200 with Content-Length and Transfer-Encoding
    raw:<text>              <text> as the whole reply, nothing added
    hex:<digits>            the same in hexadecimal, for bytes that no JSON
                            string can carry
    hang                    nothing, until the client goes away

    PREFIX                  what it does to the answer behind it
    seq:A|B|C               (first prefix only) the first request with this
                            token is answered as token A, the second as B, all
                            later ones as C, counted since the last reset; no |
                            can occur in A, B or C
    status:N:               the status code is N
    header:NAME=VALUE:      one more header; VALUE has no colon
    1xx:                    a 100 and a 103 reply come first
    chunked:                chunked, with extensions and trailers
    nolength:               neither length nor chunks: ends with the connection
    closing:                says Connection: close, and closes
    stale:                  says nothing, and closes right after the answer
    delay:MS:               waits before the first byte
    split:                  every byte in a write of its own
    drip:MS:                every byte in a write of its own, MS apart
    close:N:                closes in good order after N bytes
    drop:N:                 the same, over TLS without close_notify
    reset:N:                resets the connection after N bytes

    FORM                    how the error is named (default: plain __type)
    namespace               "com.amazonaws.marketplacemetering#NAME"
    coral                   "com.amazon.coral.service#NAME"
    uri                     "NAME:http://example.com/errors"
    code                    member "code" and no __type
    header                  header x-amzn-ErrorType and no __type
    nested                  __type only inside another object
    Message                 member "Message" rather than "message"
    nomessage               no message
    credentials             the message that expired credentials get
    empty                   no body
    html                    an HTML body


Credentials: the table CREDENTIALS below
----------------------------------------

    AKIDEXAMPLE     static, works
    AKIDSLASH       static, works, its secret begins with "/"
    ASIAEXAMPLE     temporary, works with its session token
    ASIAEXPIRED     temporary, its session token is expired
    AKIDDENIED      correct, but without the IAM permission
    AKIDOTHER       of another account: every token is invalid for it

A session token that is missing, wrong or not wanted is UnrecognizedClientException.
Checks are made in the order in which AWS has been seen to make them, as far
as that is known: operation, Authorization present and complete, clock (off by
5 minutes at most), signed headers, scope, access key, session token,
signature, permission, body, registration token.


Control, on either listener; never recorded or counted itself
-------------------------------------------------------------

    GET  /_standin/requests[?token=T]   what was received, a JSON list
    GET  /_standin/count[?token=T]      how many, a number
    GET  /_standin/connections          how many connections those came over
    GET  /_standin/open                 how many of those are still open
    POST /_standin/reset                forgets the requests; the clock stays
    POST /_standin/clock?offset=S       sets the clock S seconds off; moves the
                                        Date header and the clock check alike

T is percent-encoded.  A request is listed with: number, time, connection,
tls, sni, method, path, version, headers (in order), body, token, verified
(the signature), error (the AWS error it got, null when the token chose the
answer).  Bytes that are not UTF-8 appear as \\udc80..\\udcff.
"""

import argparse
import asyncio
import ctypes
import hashlib
import hmac
import html
import itertools
import json
import os
import re
import signal
import socket
import ssl
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from email.utils import formatdate
from http import HTTPStatus
from typing import Optional
from urllib.parse import parse_qs

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

HEAD_LIMIT = 1 << 20
CLOCK_TOLERANCE = timedelta(minutes=5)
LINGER_BEFORE_ABORT = 0.02

CONTROL = "/_standin/"
JSON_TYPE = "application/x-amz-json-1.1"
PRODUCT_CODE = "standinproductcode0000001"
REGIONS = re.compile(
    r"(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-\d"
    r"|cn-north(west)?-1|us-gov-(east|west)-1|us-isob?-(east|west)-1"
    r"|eusc-de-east-1"
)
HOST_REGION = re.compile(r"metering[.-]marketplace(?:-fips)?\.([a-z0-9-]+)\.")


@dataclass(frozen=True)
class Account:
    secret: str
    user: str = "seller"
    number: str = "111122223333"
    session_token: Optional[str] = None
    expired: bool = False
    permitted: bool = True
    sells: bool = True


CREDENTIALS = {
    "AKIDEXAMPLE": Account("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    "AKIDSLASH": Account("/JalrXUtnFEMI/K7MDENG+bPxRfiCYSLASHKEY=="),
    "ASIAEXAMPLE": Account(
        "temporaryXUtnFEMI/K7MDENG+bPxRfEXAMPLEKEY",
        session_token="FQoGZXIvYXdzEXAMPLETOKEN/+temporary==",
    ),
    "ASIAEXPIRED": Account(
        "expiredrXUtnFEMI/K7MDENG+bPxRfiEXAMPLEKEY",
        session_token="FQoGZXIvYXdzEXAMPLETOKEN/+expired==",
        expired=True,
    ),
    "AKIDDENIED": Account(
        "deniedrXUtnFEMI/K7MDENG+bPxRfiCEXAMPLEKEY",
        user="denied",
        permitted=False,
    ),
    "AKIDOTHER": Account(
        "otherlrXUtnFEMI/K7MDENG+bPxRfiCEXAMPLEKEY",
        number="444455556666",
        sells=False,
    ),
}

INVALID_KEY = "The security token included in the request is invalid."
EXPIRED_CREDENTIALS = "The security token included in the request is expired"
WRONG_SIGNATURE = (
    "The request signature we calculated does not match the signature you "
    "provided. Check your AWS Secret Access Key and signing method. Consult "
    "the service documentation for details."
)

STATUSES = {
    "InternalServiceErrorException": 500,
    "InternalFailure": 500,
    "ServiceUnavailable": 503,
    "ServiceUnavailableException": 503,
    "TooManyRequestsException": 429,
    "RequestTimeoutException": 408,
    "RequestEntityTooLargeException": 413,
    "OptInRequired": 403,
    "NotAuthorized": 401,
}

MESSAGES = {
    "InvalidTokenException": "Registration token is invalid",
    "ExpiredTokenException": "Registration token is expired",
    "ThrottlingException": "Rate exceeded",
    "InternalServiceErrorException": "An internal error has occurred. Retry your request.",
    "DisabledApiException": "The API is disabled in the Region.",
    "UnrecognizedClientException": INVALID_KEY,
    "InvalidSignatureException": WRONG_SIGNATURE,
}


class AwsError(Exception):
    """An error that AWS answers; forms as in the token grammar."""

    def __init__(self, name, message=None, status=400, forms=()):
        super().__init__(f"{name}: {message}" if message else name)
        self.name = name
        self.message = message
        self.status = status
        self.forms = forms


class BadRequest(Exception):
    """What was received is not HTTP; received is as much of it as there was."""

    received = b""


# ---------------------------------------------------------------- requests


@dataclass
class Request:
    method: str
    target: str
    version: str
    headers: list
    body: bytes = b""

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def query(self):
        text = self.target.partition("?")[2]
        return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}

    def values(self, name):
        return [value for key, value in self.headers if key.lower() == name]

    def header(self, name):
        values = self.values(name)
        return ",".join(values) if values else None

    def closes(self):
        options = (self.header("connection") or "").lower().replace(" ", "").split(",")
        return self.version == "HTTP/1.0" or "close" in options


def parse_head(head):
    """Strict on purpose: what a lenient server would forgive is a fault to find."""
    lines = head.decode("latin-1").split("\r\n")[:-2]
    start = re.fullmatch(r"([A-Z]+) (/[!-~]*) (HTTP/1\.[01])", lines[0])
    if not start:
        raise BadRequest("request line")
    headers = []
    for line in lines[1:]:
        match = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*", line)
        if not match:
            raise BadRequest("header line")
        headers.append(match.groups())
    request = Request(*start.groups(), headers)
    if len(request.values("host")) != 1:
        raise BadRequest("needs one Host header")
    if len(request.values("content-length") + request.values("transfer-encoding")) > 1:
        raise BadRequest("two lengths")
    return request


async def read_chunks(reader):
    body = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        match = re.fullmatch(rb"([0-9A-Fa-f]{1,8})(;[^\r\n]*)?\r\n", line)
        if not match:
            raise BadRequest("chunk size")
        size = int(match[1], 16)
        if size == 0:
            break
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise BadRequest("chunk end")
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return body


async def read_body(request, reader, writer):
    length = request.header("content-length")
    encoding = request.header("transfer-encoding")
    if length is not None and not re.fullmatch(r"[0-9]{1,15}", length):
        raise BadRequest("Content-Length")
    if encoding is not None and encoding.lower() != "chunked":
        raise BadRequest("Transfer-Encoding")
    if (request.header("expect") or "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if encoding is not None:
        return await read_chunks(reader)
    return await reader.readexactly(int(length or 0))


async def read_request(reader, writer):
    head = b""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        request = parse_head(head)
        request.body = await read_body(request, reader, writer)
    except asyncio.LimitOverrunError as problem:
        raise BadRequest("a line without end") from problem
    except BadRequest as problem:
        problem.received = head
        raise
    return request


# ----------------------------------------------------------------- replies


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: list = field(default_factory=list)
    framing: str = "length"
    whole: Optional[bytes] = None
    silent: bool = False
    interim: bytes = b""
    announce_close: bool = False
    keep: bool = True
    delay: float = 0.0
    pace: Optional[float] = None
    cut: Optional[tuple] = None


def json_reply(value, **options):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Reply(body=text.encode("utf-8", "surrogatepass"), **options)


def plain_reply(value, status=200):
    return Reply(status, f"{value}\n".encode(), "text/plain")


def html_reply(status=200):
    title = html.escape(reason(status))
    return Reply(status, f"<html><body><h1>{title}</h1></body></html>\n".encode(), "text/html")


def reason(status):
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def chunks(body):
    """The body in chunks of 7 bytes, with all that chunked coding allows."""
    coded = b""
    for start in range(0, len(body), 7):
        piece = body[start : start + 7]
        coded += b'%x;name=value;quoted="a;b"\r\n%s\r\n' % (len(piece), piece)
    return coded + b"000\r\nX-Trailer: 1\r\nContent-Length: 3\r\n\r\n"


FRAMINGS = {
    "length": lambda size: [("Content-Length", size)],
    "chunked": lambda size: [("Transfer-Encoding", "chunked")],
    "none": lambda size: [],
    "two lengths": lambda size: [("Content-Length", size), ("Content-Length", size - 1)],
    "both": lambda size: [("Content-Length", size), ("Transfer-Encoding", "chunked")],
}


def render(reply, now):
    if reply.whole is not None:
        return reply.interim + reply.whole
    headers = [
        ("x-amzn-RequestId", uuid.uuid4()),
        ("Date", formatdate(now, usegmt=True)),
        ("Content-Type", reply.content_type),
        *FRAMINGS[reply.framing](len(reply.body)),
        *reply.headers,
    ]
    if reply.announce_close:
        headers.append(("Connection", "close"))
    head = f"HTTP/1.1 {reply.status} {reason(reply.status)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
    coded = chunks(reply.body) if reply.framing in ("chunked", "both") else reply.body
    return reply.interim + head.encode("utf-8", "surrogatepass") + coded


async def write_bytes(writer, data, pace):
    if pace is None:
        writer.write(data)
        await writer.drain()
        return
    for byte in data:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(pace)


async def abandon(writer, how):
    """End the connection before its time: close, drop or reset."""
    if how == "close":
        writer.close()
        return
    # An abort discards what is still on its way out.
    await asyncio.sleep(LINGER_BEFORE_ABORT)
    if how == "reset":
        linger_none = b"\1\0\0\0\0\0\0\0"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_none)
    writer.transport.abort()


async def send(reply, now, reader, writer):
    """Write the reply; true if the connection may serve another request."""
    if reply.silent:
        while await reader.read(HEAD_LIMIT):
            pass
        return False
    data = render(reply, now)
    await asyncio.sleep(reply.delay)
    count, how = reply.cut or (len(data), None)
    await write_bytes(writer, data[:count], reply.pace)
    if how:
        await abandon(writer, how)
    return reply.keep and not how


# --------------------------------------------------------------- signatures


class ReceivedAuth(SigV4Auth):
    """botocore's signer over the headers that the client names, as received."""

    def __init__(self, secret, service, region, names):
        super().__init__(Credentials("", secret), service, region)
        self.names = names

    def headers_to_sign(self, request):
        return request.context["received"]


def sign(request, secret, amz_date, region, service, names):
    """What the signature should be: (canonical request, string to sign, signature)."""
    received = HTTPHeaders()
    for name, value in request.headers:
        if name.lower() in names:
            received[name.lower()] = value
    signer = ReceivedAuth(secret, service, region, names)
    aws_request = AWSRequest(request.method, f"http://host{request.target}", data=request.body)
    aws_request.context.update(timestamp=amz_date, received=received)
    canonical = signer.canonical_request(aws_request)
    string_to_sign = signer.string_to_sign(aws_request, canonical)
    return canonical, string_to_sign, signer.signature(string_to_sign, aws_request)


@dataclass
class Authorization:
    key_id: str
    date: str
    region: str
    service: str
    terminator: str
    names: list
    signature: str


def parse_authorization(request):
    text = request.header("authorization")
    if not text or not text.startswith("AWS4-"):
        raise AwsError("MissingAuthenticationTokenException", "Request is missing Authentication Token")
    algorithm, _, rest = text.partition(" ")
    pairs = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    wanted = ("Credential", "Signature", "SignedHeaders")
    problems = [f"Authorization header requires '{name}' parameter." for name in wanted if not pairs.get(name)]
    if request.header("x-amz-date") is None:
        problems.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if algorithm != "AWS4-HMAC-SHA256":
        problems.append(f"Unsupported AWS 'algorithm': '{algorithm}' (only AWS4-HMAC-SHA256 for now).")
    if problems:
        raise AwsError("IncompleteSignatureException", " ".join(problems))
    scope = pairs["Credential"].split("/")
    if len(scope) != 5:
        raise AwsError(
            "IncompleteSignatureException",
            "Credential must have exactly 5 slash-delimited elements, "
            f"e.g. keyid/date/region/service/term, got '{pairs['Credential']}'",
        )
    return Authorization(*scope, pairs["SignedHeaders"].split(";"), pairs["Signature"])


def amz_time(moment):
    return moment.strftime(SIGV4_TIMESTAMP)


def check_clock(amz_date, now):
    try:
        if not re.fullmatch(r"\d{8}T\d{6}Z", amz_date):
            raise ValueError
        signed = datetime.strptime(amz_date, SIGV4_TIMESTAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        raise AwsError(
            "IncompleteSignatureException",
            f"Date must be in ISO-8601 'basic format'. Got '{amz_date}'. See http://en.wikipedia.org/wiki/ISO_8601",
        ) from None
    clock = datetime.fromtimestamp(int(now), timezone.utc)
    earliest, latest = clock - CLOCK_TOLERANCE, clock + CLOCK_TOLERANCE
    if signed < earliest:
        raise AwsError(
            "InvalidSignatureException",
            f"Signature expired: {amz_date} is now earlier than {amz_time(earliest)} ({amz_time(clock)} - 5 min.)",
        )
    if signed > latest:
        raise AwsError(
            "InvalidSignatureException",
            f"Signature not yet current: {amz_date} is still later than {amz_time(latest)} "
            f"({amz_time(clock)} + 5 min.)",
        )


def check_signed_headers(request, names, required):
    if request.header("x-amz-security-token") is not None:
        required = (*required, "x-amz-security-token")
    for name in required:
        if name not in names:
            raise AwsError(
                "InvalidSignatureException",
                f"'{name.title()}' must be a 'SignedHeader' in the AWS Authorization.",
            )
    if names != sorted({name.lower() for name in names}):
        raise AwsError("InvalidSignatureException", WRONG_SIGNATURE)


def check_scope(authorization, request, service):
    host_region = HOST_REGION.match(request.header("host"))
    region, date = authorization.region, request.header("x-amz-date")
    problems = []
    if not REGIONS.fullmatch(region) or (host_region and host_region[1] != region):
        problems.append(f"Credential should be scoped to a valid region, not '{region}'.")
    if authorization.service != service:
        problems.append(f"Credential should be scoped to correct service: '{service}'.")
    if authorization.terminator != "aws4_request":
        problems.append(
            "Credential should be scoped with a valid terminator: 'aws4_request', "
            f"not '{authorization.terminator}'."
        )
    if authorization.date != date[:8]:
        problems.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{authorization.date}' != '{date[:8]}', from '{date}'."
        )
    if problems:
        raise AwsError("InvalidSignatureException", " ".join(problems))


def find_account(authorization, request):
    account = CREDENTIALS.get(authorization.key_id)
    if account is None or account.session_token != request.header("x-amz-security-token"):
        raise AwsError("UnrecognizedClientException", INVALID_KEY)
    if account.expired:
        raise AwsError("ExpiredTokenException", EXPIRED_CREDENTIALS, forms=["coral"])
    return account


def check_signature(authorization, account, request):
    canonical, string_to_sign, signature = sign(
        request,
        account.secret,
        request.header("x-amz-date"),
        authorization.region,
        authorization.service,
        authorization.names,
    )
    body_hash = request.header("x-amz-content-sha256")
    right_hash = body_hash in (None, hashlib.sha256(request.body).hexdigest())
    # Bytes, because compare_digest refuses text that is not ASCII.
    if not right_hash or not hmac.compare_digest(signature.encode(), authorization.signature.encode()):
        # AWS does show these two, the session token in them included.
        raise AwsError(
            "InvalidSignatureException",
            f"{WRONG_SIGNATURE}\n\nThe Canonical String for this request should have been\n'{canonical}'\n\n"
            f"The String-to-Sign should have been\n'{string_to_sign}'\n",
        )


def verify(request, now, service, required):
    """The account that signed the request for this service, or an AwsError."""
    authorization = parse_authorization(request)
    check_clock(request.header("x-amz-date"), now)
    check_signed_headers(request, authorization.names, ("host", "x-amz-date", *required))
    check_scope(authorization, request, service)
    account = find_account(authorization, request)
    check_signature(authorization, account, request)
    return account


# ----------------------------------------------------- answers by the token


def customer(answer):
    """The customer that a good answer stands for, always the same one."""
    digest = hashlib.sha256(answer.encode("utf-8", "surrogatepass")).hexdigest()
    account = str(10**11 + int(digest, 16) % (9 * 10**11))
    return {
        "CustomerIdentifier": "cust" + digest[:12],
        "CustomerAWSAccountId": account,
        "ProductCode": PRODUCT_CODE,
        "LicenseArn": f"arn:aws:license-manager::111122223333:license/l-{digest[:32]}",
    }


def without(answer, name):
    fields = customer(answer)
    del fields[name]
    return json_reply(fields)


def big_reply(answer, size):
    fields = {**customer(answer), "Padding": ""}
    fields["Padding"] = "x" * max(0, size - len(json_reply(fields).body))
    return json_reply(fields)


FORMS = frozenset("namespace coral uri code header nested Message nomessage credentials empty html".split())


def error_type(name, forms):
    if "namespace" in forms:
        name = "com.amazonaws.marketplacemetering#" + name
    if "coral" in forms:
        name = "com.amazon.coral.service#" + name
    return name + ":http://example.com/errors" if "uri" in forms else name


def error_reply(name, status, forms=(), message=None):
    named = error_type(name, forms)
    headers = [("x-amzn-ErrorType", named)] if "header" in forms else []
    if "empty" in forms:
        return Reply(status, headers=headers)
    if "html" in forms:
        return replace(html_reply(status), headers=headers)
    fields = {}
    if "nested" in forms:
        fields["fault"] = {"__type": named}
    elif "header" not in forms:
        fields["code" if "code" in forms else "__type"] = named
    if message is not None and "nomessage" not in forms:
        fields["Message" if "Message" in forms else "message"] = message
    return json_reply(fields, status=status, headers=headers)


def chosen_error(argument):
    name, status, form, message = (argument.split(":", 3) + [""] * 3)[:4]
    forms = form.split("+") if form else []
    if not FORMS.issuperset(forms):
        raise ValueError
    usual = EXPIRED_CREDENTIALS if "credentials" in forms else MESSAGES.get(name, f"{name} from the stand-in")
    return error_reply(name, int(status or STATUSES.get(name, 400)), forms, message or usual)


WORDS = {
    "html": lambda token: html_reply(),
    "truncated": lambda token: Reply(body=json_reply(customer(token)).body[:-20]),
    "twolengths": lambda token: json_reply(customer(token), framing="two lengths"),
    "lengthchunked": lambda token: json_reply(customer(token), framing="both"),
    "hang": lambda token: Reply(silent=True),
}

ANSWERS = {
    "new": lambda token, rest: without(token, "CustomerIdentifier"),
    "empty": lambda token, rest: json_reply({**customer(token), "CustomerIdentifier": ""}),
    "null": lambda token, rest: json_reply({**customer(token), "CustomerIdentifier": None}),
    "old": lambda token, rest: without(token, "LicenseArn"),
    "product": lambda token, rest: json_reply({**customer(token), "ProductCode": rest}),
    "error": lambda token, rest: chosen_error(rest),
    "json": lambda token, rest: Reply(body=rest.encode("utf-8", "surrogatepass")),
    "big": lambda token, rest: big_reply(token, int(rest)),
    "raw": lambda token, rest: Reply(whole=rest.encode("utf-8", "surrogatepass")),
    "hex": lambda token, rest: Reply(whole=bytes.fromhex(rest)),
}


def plain_answer(token):
    name, colon, rest = token.partition(":")
    if token.startswith("ok"):
        return json_reply(customer(token))
    if token in WORDS:
        return WORDS[token](token)
    try:
        if colon and name in ANSWERS:
            return ANSWERS[name](token, rest)
    except ValueError:
        # An argument that is none leaves the token outside the grammar.
        pass
    raise AwsError("InvalidTokenException", MESSAGES["InvalidTokenException"])


INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"

SWITCHES = {
    "1xx": {"interim": INTERIM},
    "chunked": {"framing": "chunked"},
    "nolength": {"framing": "none", "keep": False},
    "closing": {"announce_close": True, "keep": False},
    "stale": {"keep": False},
    "split": {"pace": 0.0},
}

NUMBERED = {
    "status": lambda number: {"status": number},
    "delay": lambda number: {"delay": number / 1000},
    "drip": lambda number: {"pace": number / 1000},
    "close": lambda number: {"cut": (number, "close")},
    "drop": lambda number: {"cut": (number, "drop")},
    "reset": lambda number: {"cut": (number, "reset")},
}


def take_prefixes(token):
    """Split off the prefixes: (what they change, added headers, the rest)."""
    changes, headers = {}, []
    while True:
        name, colon, rest = token.partition(":")
        argument, second_colon, after = rest.partition(":")
        if colon and name in SWITCHES:
            changes.update(SWITCHES[name])
            token = rest
        elif second_colon and name in NUMBERED and re.fullmatch("[0-9]{1,9}", argument):
            changes.update(NUMBERED[name](int(argument)))
            token = after
        elif second_colon and name == "header" and "=" in argument:
            headers.append(argument.split("=", 1))
            token = after
        else:
            return changes, headers, token


def answer(token, times):
    """The reply that the token asks for when it comes for the times-th time."""
    if token.startswith("seq:"):
        parts = token[len("seq:") :].split("|")
        token = parts[min(times, len(parts)) - 1]
    changes, headers, rest = take_prefixes(token)
    try:
        reply = plain_answer(rest)
    except AwsError as error:
        reply = error_reply(error.name, error.status, message=error.message)
    return replace(reply, headers=[*reply.headers, *headers], **changes)


# --------------------------------------------------------- ResolveCustomer


def token_of(body):
    """The registration token as a string, None if there is none to see."""
    try:
        token = json.loads(body.decode())["RegistrationToken"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return token if isinstance(token, str) else None


def parse_token(body):
    try:
        fields = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise AwsError("SerializationException") from None
    token = fields.get("RegistrationToken") if isinstance(fields, dict) else 0
    if token is not None and not isinstance(token, str):
        raise AwsError("SerializationException")
    if not token:
        shown = "null" if token is None else "''"
        wanted = "not be null" if token is None else r"satisfy regular expression pattern: [\s\S]+"
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value {shown} at 'registrationToken' "
            f"failed to satisfy constraint: Member must {wanted}",
        )
    return token


def resolve_customer(request, account, times):
    if not account.permitted:
        raise AwsError(
            "AccessDeniedException",
            f"User: arn:aws:iam::{account.number}:user/{account.user} is not authorized to perform: "
            "aws-marketplace:ResolveCustomer because no identity-based policy allows the "
            "aws-marketplace:ResolveCustomer action",
        )
    token = parse_token(request.body)
    if not account.sells:
        raise AwsError("InvalidTokenException", MESSAGES["InvalidTokenException"])
    return answer(token, times)


OPERATIONS = {"AWSMPMeteringService.ResolveCustomer": resolve_customer}


def marketplace(request, record, now, times):
    """Serve one request to AWS Marketplace Metering."""
    operation = OPERATIONS.get(request.header("x-amz-target"))
    media_type = (request.header("content-type") or "").partition(";")[0].strip()
    if request.method != "POST" or request.path != "/":
        raise AwsError("UnknownOperationException", status=404)
    if operation is None or media_type != JSON_TYPE:
        raise AwsError("UnknownOperationException")
    account = verify(request, now, "aws-marketplace", ("content-type", "x-amz-target"))
    record["verified"] = True
    return operation(request, account, times)


# --------------------------------------------------------------- the server


@dataclass
class Connection:
    """A connection; it gets its number with its first request meant for AWS."""

    ssl_object: object
    number: Optional[int] = None


def note_sni(ssl_object, name, context):
    ssl_object.sni = name


def described_request(request):
    return {
        "method": request.method,
        "path": request.target,
        "version": request.version,
        "headers": request.headers,
        "body": request.body.decode("utf-8", "surrogateescape"),
        "token": token_of(request.body),
        "error": None,
    }


class Standin:
    """What all connections share: the records and the clock."""

    def __init__(self, clock_offset):
        self.clock_offset = clock_offset
        self.records = []
        self.times = Counter()
        self.open = set()
        self.connection_numbers = itertools.count(1)

    def now(self):
        return time.time() + self.clock_offset

    def listed(self, query):
        if "token" not in query:
            return self.records
        return [record for record in self.records if record["token"] == query["token"]]

    def control(self, request):
        name = request.path.removeprefix(CONTROL)
        query = request.query
        action = f"{request.method} {name}"
        if action == "GET requests":
            return Reply(body=json.dumps(self.listed(query)).encode(), content_type="application/json")
        if action == "GET count":
            return plain_reply(len(self.listed(query)))
        if action == "GET connections":
            return plain_reply(len({record["connection"] for record in self.records}))
        if action == "GET open":
            return plain_reply(len(self.open))
        if action == "POST reset":
            self.records.clear()
            self.times.clear()
            return plain_reply("forgotten")
        if action == "POST clock":
            return self.set_clock(query.get("offset", ""))
        return plain_reply("no such control", 404)

    def set_clock(self, offset):
        if not re.fullmatch(r"[+-]?[0-9]{1,9}(\.[0-9]{1,6})?", offset):
            return plain_reply("offset is a number of seconds", 400)
        self.clock_offset = float(offset)
        return plain_reply(offset)

    def record(self, connection, description):
        if connection.number is None:
            connection.number = next(self.connection_numbers)
            self.open.add(connection.number)
        record = {
            "number": len(self.records) + 1,
            "time": self.now(),
            "connection": connection.number,
            "tls": connection.ssl_object is not None,
            "sni": getattr(connection.ssl_object, "sni", None),
            "verified": False,
            **description,
        }
        self.records.append(record)
        return record

    def serve(self, request, connection):
        """The reply to a request that is meant for AWS."""
        record = self.record(connection, described_request(request))
        self.times[record["token"]] += 1
        try:
            return marketplace(request, record, self.now(), self.times[record["token"]])
        except AwsError as error:
            record["error"] = str(error)
            return error_reply(error.name, error.status, error.forms, error.message)

    def refuse(self, problem, connection):
        garbage = Request(None, None, None, [], problem.received)
        self.record(connection, {**described_request(garbage), "error": f"not HTTP: {problem}"})
        return replace(plain_reply(f"not HTTP: {problem}", 400), announce_close=True, keep=False)

    async def reply_to_next(self, reader, writer, connection):
        try:
            request = await read_request(reader, writer)
        except BadRequest as problem:
            return self.refuse(problem, connection)
        if request.path.startswith(CONTROL):
            reply = self.control(request)
        else:
            reply = self.serve(request, connection)
        return replace(reply, announce_close=True, keep=False) if request.closes() else reply

    async def converse(self, reader, writer):
        """Serve the requests of one connection, each after the last is answered."""
        connection = Connection(writer.get_extra_info("ssl_object"))
        keep = True
        try:
            while keep:
                reply = await self.reply_to_next(reader, writer, connection)
                keep = await send(reply, self.now(), reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            # The client went away, which is its right at any moment.
            pass
        finally:
            self.open.discard(connection.number)
            writer.close()


# --------------------------------------------------------------- start, stop


def exit_with_parent(parent):
    """Have the kernel end this process when its parent ends."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(0)


def tls_context(options):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(options.cert, options.key)
    context.sni_callback = note_sni
    return context


def announce(ports, ready_file):
    line = json.dumps(ports) + "\n"
    if ready_file:
        unfinished = f"{ready_file}.{os.getpid()}"
        with open(unfinished, "w", encoding="ascii") as file:
            file.write(line)
        os.replace(unfinished, ready_file)
    print(line, end="", flush=True)


async def run(options):
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    standin = Standin(options.clock_offset)
    contexts = {"http": None, "https": tls_context(options) if options.https is not None else None}
    ports = {"http": None, "https": None}
    for scheme, context in contexts.items():
        port = getattr(options, scheme)
        if port is not None:
            server = await asyncio.start_server(
                standin.converse, "127.0.0.1", port, ssl=context, limit=HEAD_LIMIT, backlog=1024
            )
            ports[scheme] = server.sockets[0].getsockname()[1]
    announce(ports, options.ready_file)
    await stop.wait()


def parse_options():
    parser = argparse.ArgumentParser(description="A local stand-in for ResolveCustomer; see its docstring.")
    parser.add_argument("--http", type=int, metavar="PORT")
    parser.add_argument("--https", type=int, metavar="PORT")
    parser.add_argument("--cert", metavar="FILE")
    parser.add_argument("--key", metavar="FILE")
    parser.add_argument("--ready-file", metavar="FILE")
    parser.add_argument("--clock-offset", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--exit-with-parent", action="store_true")
    options = parser.parse_args()
    if options.http is None and options.https is None:
        parser.error("--http or --https is needed")
    if options.https is not None and not (options.cert and options.key):
        parser.error("--https needs --cert and --key")
    return options


def main():
    parent = os.getppid()
    options = parse_options()
    if options.exit_with_parent:
        exit_with_parent(parent)
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
