#!/usr/bin/python3
"""A local stand-in for the services of AWS that the module talks to.

    standin.py [--http PORT] [--http6] [--https PORT --cert FILE --key FILE]
               [--ready-file FILE] [--clock-offset SECONDS] [--exit-with-parent]

It listens on 127.0.0.1 only and, with --http6, over plain HTTP on [::1] as
well; port 0 picks a free one.  Once it listens it writes
{"http": port, "http6": port, "https": port} as one line to stdout and to the
ready file (null for a listener that was not asked for; "http6" is the port of
"http" unless that is taken on [::1], and null where there is no [::1]).  It
needs botocore, whose signer checks every request independently of the signer
under test.

All services are on all listeners:

    metering    AWS Marketplace Metering: ResolveCustomer
    imds        EC2's instance metadata, version 2 only: /latest/api/token and
                /latest/meta-data/iam/security-credentials/; it closes the
                connection behind every reply, as the real one does
    container   the endpoints of ECS and EKS: GET of /v2/credentials/...,
                /v1/credentials[/...] and of the path that is set
    sts         AssumeRole (signed) and AssumeRoleWithWebIdentity (unsigned)

A host metering.* or metering-* is metering and one of sts.* that is AWS's is
sts, whatever the request is.  Else the path tells imds and container, and a
form without X-Amz-Target is for sts.  All the rest is for metering.


What metering answers is chosen by the registration token
---------------------------------------------------------

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
    with:NAME=<value>       200, a customer, with this field added or changed
    without:NAME            200, a customer, without this field
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
    hold:                   waits, before anything else, until a release; see
                            "Control" below
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


What the others answer is set by operation
------------------------------------------

    imds.token          a session token; PUT with a TTL of 1 to 21600 seconds,
                        else 400; with X-Forwarded-For 403
    imds.role           the role's name; without a good session token 401,
                        if there is no role 404
    imds.credentials    the document of that role; the same
    container           the document; with a wrong Authorization, if one is
                        set, 403
    sts.AssumeRole, sts.AssumeRoleWithWebIdentity
                        XML, and STS's errors

POST /_standin/answer has an operation answer otherwise, in the same grammar:
every PREFIX, and the ANSWERS ok, with:, without:, error:, json:, html,
truncated, big:, twolengths, lengthchunked, raw:, hex: and hang.  "ok" is as
usual.  Only requests in which nothing is wrong get, and for seq: count as
getting, the answer that was set.  What differs from metering:

    ok, with:, without:, big:
                        issue credentials; NAME is AccessKeyId,
                        SecretAccessKey, Token (SessionToken for sts),
                        Expiration, or another that the document has or not
    error:NAME[:STATUS[::MESSAGE]]
                        imds: {"Code", "Message"} with the status 200;
                        container: {"code", "message"}, 400;
                        sts: an ErrorResponse, 400 or the usual of NAME
    json:<text>         with the content type of the operation, such as XML's

POST /_standin/set sets, for one operation or for all:

    lifetime=S          seconds that what is issued is good for; if negative,
                        it is expired already.  Usually 21600; for sts the
                        DurationSeconds asked for, or 3600
    repeat=yes|no       whether to answer what was issued last (to that role
                        and session), no matter what became of it, until it is
                        revoked.  Usually no: new credentials for every request
    role=NAME           imds: the role; empty for none.  "standin-instance"
    authorization=TEXT  container: what the header Authorization has to be;
                        empty, as usually, for anything or nothing
    container=PATH      container: one more path
    web_identity=TOKENS sts: the tokens that are taken, separated by spaces.
                        "eyJhbGciOiJSUzI1NiJ9.FQoGZXIvYXdzEXAMPLE.signature"
    region=REGION       sts: what has to be signed for.  Usually the region of
                        the host or, if that is not AWS's, any region


Credentials: CREDENTIALS in standin_keys.py
-------------------------------------------

    AKIDEXAMPLE     static, works
    AKIDSLASH       static, works, its secret begins with "/"
    ASIAEXAMPLE     temporary, works with its session token
    ASIAEXPIRED     temporary, its session token is expired
    AKIDDENIED      correct, but without any IAM permission
    AKIDOTHER       of another account: every token is invalid for it, behind
                    its prefixes

Those and the issued ones may sign for metering and for sts, the issued ones
until they expire by the stand-in's clock.  Every secret that is issued
contains "XUtnFEMI", every session token (imds's too) "FQoGZXIvYXdzEXAMPLE".

A session token that is missing, wrong or not wanted is UnrecognizedClientException.
Checks are made in the order in which AWS has been seen to make them, as far
as that is known: operation, Authorization present and complete, clock (off by
5 minutes at most), signed headers, scope, access key, session token,
signature, permission, body, registration token.  In sts the errors are
MissingAuthenticationToken, SignatureDoesNotMatch, InvalidClientTokenId and
ExpiredToken (all 403) and IncompleteSignature, and the form is parsed first.


Roles: ROLES in standin_sts.py
------------------------------

    arn:aws:iam::111122223333:role/seller
                    anybody may assume it, with web identity as well
    arn:aws:iam::111122223333:role/external
                    with the external id "standin-external-id"
    arn:aws:iam::111122223333:role/untrusting
                    nobody may; AccessDenied, as for roles that do not exist
    arn:aws:iam::111122223333:role/chained
                    with the credentials of the role seller only
    arn:aws:iam::111122223333:role/web
                    with web identity only
    arn:aws:iam::111122223333:role/denied
                    anybody may, but it has no IAM permission
    arn:aws:iam::777788889999:role/path/elsewhere
                    anybody may; of another account, which also sells

imds issues for arn:aws:iam::111122223333:role/ and the name that is set,
container for arn:aws:iam::111122223333:role/standin-task.


Control, on either listener; never recorded or counted itself
-------------------------------------------------------------

    GET  /_standin/requests[?FILTER]    what was received, a JSON list
    GET  /_standin/count[?FILTER]       how many, a number
    GET  /_standin/connections[?FILTER] how many connections those came over
    GET  /_standin/open[?service=S]     how many such are still open
    POST /_standin/reset                forgets requests, answers and settings,
                                        and releases; the clock and what is
                                        issued stay
    POST /_standin/release              what "hold:" holds now goes on; what
                                        comes later is held again
    POST /_standin/clock?offset=S       sets the clock S seconds off; moves the
                                        Date header and the clock check alike
    POST /_standin/answer?operation=O&answer=A
                                        has O answer A, from its first part on
    POST /_standin/set?NAME=VALUE[&NAME=VALUE...][&operation=O]
    POST /_standin/expire               all credentials issued so far expire
    POST /_standin/revoke[?only=sessions]
                                        forgets them and imds's session tokens
                                        (or only the latter), as if they had
                                        never been issued

FILTER is any of service=S, operation=O and token=T; only what matches all of
them is meant.  S is metering, imds, container, sts or "all", O is
metering.ResolveCustomer or an operation from above.  Without S and O, metering
is meant, and what is not HTTP.  Values are percent-encoded; what makes no
sense is answered 400.

A request is listed with: number (among all), time, connection, tls, sni,
resumed (its TLS session, null without TLS), method, path, version, headers (in order), body, token, service, operation
(null if it is none), verified (the signature), error (the error it got, null
when the token or a test chose the answer); and, if it was signed, access_key
and, if that is known, account (its number) and for issued ones role (its ARN)
and issued_by (the operation).  Bytes that are not UTF-8 appear as
\\udc80..\\udcff.
"""

import argparse
import asyncio
import ctypes
import errno
import itertools
import json
import os
import re
import signal
import socket
import ssl
import time
from dataclasses import dataclass, field, replace
from typing import Optional

from standin_container import Container
from standin_http import (
    HEAD_LIMIT,
    BadRequest,
    Reply,
    Request,
    plain_reply,
    read_request,
    send,
    until_released,
)
from standin_imds import Imds
from standin_keys import CREDENTIALS
from standin_metering import Metering, customer, token_of
from standin_service import AwsError, Call, State
from standin_sts import Sts

# The first two are for who starts a stand-in.

__all__ = ("CREDENTIALS", "customer", "main")

CONTROL = "/_standin/"

METERING, STS = Metering(), Sts()

# The first that takes a request gets it.

SERVICES = (Imds(), Container(), STS, METERING)
CHOOSABLE = {
    operation: service
    for service in SERVICES
    if service is not METERING
    for operation in service.operations
}

# Whoever sends a request to a host of AWS means that service, whatever it
# looks like.

HOSTS = {
    re.compile(r"metering[.-]"): METERING,
    re.compile(r"sts[.-].*\.(amazonaws|api)\."): STS,
}


def service_of(request, settings):
    for pattern, service in HOSTS.items():
        if pattern.match(request.header("host")):
            return service
    return next(
        service for service in SERVICES if service.takes(request, settings)
    )


# --------------------------------------------------------------- the server


@dataclass(eq=False)
class Connection:
    """A connection; it gets its number with its first request meant for AWS."""

    ssl_object: object
    number: Optional[int] = None
    services: set = field(default_factory=set)


def note_sni(ssl_object, name, context):
    ssl_object.sni = name


def described_request(request, service):
    return {
        "method": request.method,
        "path": request.target,
        "version": request.version,
        "headers": request.headers,
        "body": request.body.decode("utf-8", "surrogateescape"),
        "token": token_of(request.body),
        "service": service.name,
        "operation": None,
        "error": None,
        "access_key": None,
        "account": None,
        "role": None,
        "issued_by": None,
    }


def only_service(query):
    """The service that a control request is about, None if about all."""
    service = query.get("service")
    if service is None:
        return None if "operation" in query else METERING.name
    if service == "all":
        return None
    if service not in {known.name for known in SERVICES}:
        raise ValueError(f"no such service: {service}")
    return service


def selected(records, query):
    """The records that a control request is about."""
    wanted = {"service": only_service(query)}
    for name in ("operation", "token"):
        wanted[name] = query.get(name)
    if wanted["operation"] not in (None, *METERING.operations, *CHOOSABLE):
        raise ValueError(f"no such operation: {wanted['operation']}")
    return [
        record
        for record in records
        if all(value in (None, record[name]) for name, value in wanted.items())
    ]


class Standin:
    """What all connections share: the records, the clock, what is set."""

    def __init__(self, clock_offset):
        self.clock_offset = clock_offset
        self.records = []
        self.state = State()
        self.open = set()
        self.next_release = asyncio.Event()
        self.connection_numbers = itertools.count(1)
        self.controls = {
            "GET requests": self.list_requests,
            "GET count": self.count_requests,
            "GET connections": self.count_connections,
            "GET open": self.count_open,
            "POST reset": self.reset,
            "POST release": self.release,
            "POST clock": self.set_clock,
            "POST answer": self.set_answer,
            "POST set": self.change_settings,
            "POST expire": self.expire,
            "POST revoke": self.revoke,
        }

    def now(self):
        return time.time() + self.clock_offset

    def control(self, request):
        name = request.path.removeprefix(CONTROL)
        act = self.controls.get(f"{request.method} {name}")
        if act is None:
            return plain_reply("no such control", 404)
        try:
            return act(request.query)
        except ValueError as problem:
            return plain_reply(problem, 400)

    def list_requests(self, query):
        body = json.dumps(selected(self.records, query)).encode()
        return Reply(body=body, content_type="application/json")

    def count_requests(self, query):
        return plain_reply(len(selected(self.records, query)))

    def count_connections(self, query):
        records = selected(self.records, query)
        return plain_reply(len({record["connection"] for record in records}))

    def count_open(self, query):
        service = only_service(query)
        used = [
            connection
            for connection in self.open
            if service is None or service in connection.services
        ]
        return plain_reply(len(used))

    def reset(self, query):
        self.records.clear()
        self.state.reset()
        self.release(query)
        return plain_reply("forgotten")

    def release(self, query):
        self.next_release.set()
        self.next_release = asyncio.Event()
        return plain_reply("released")

    def set_clock(self, query):
        offset = query.get("offset", "")
        if not re.fullmatch(r"[+-]?[0-9]{1,9}(\.[0-9]{1,6})?", offset):
            raise ValueError("offset is a number of seconds")
        self.clock_offset = float(offset)
        return plain_reply(offset)

    def set_answer(self, query):
        operation, text = query.get("operation"), query.get("answer", "")
        if operation not in CHOOSABLE:
            raise ValueError(f"no operation with answers: {operation}")
        CHOOSABLE[operation].check_answer(text)
        self.state.answer(operation, text)
        return plain_reply(text)

    def change_settings(self, query):
        operation = query.pop("operation", None)
        if operation not in (None, *CHOOSABLE):
            raise ValueError(f"no operation with settings: {operation}")
        self.state.settings.change(operation, query)
        return plain_reply("set")

    def expire(self, query):
        self.state.keys.expire(self.now())
        return plain_reply("expired")

    def revoke(self, query):
        only = query.get("only")
        if only not in (None, "sessions"):
            raise ValueError(f"nothing to revoke: {only}")
        if only is None:
            self.state.keys.revoke()
        self.state.sessions.clear()
        return plain_reply("revoked")

    def record(self, connection, description):
        if connection.number is None:
            connection.number = next(self.connection_numbers)
            self.open.add(connection)
        connection.services.add(description["service"])
        record = {
            "number": len(self.records) + 1,
            "time": self.now(),
            "connection": connection.number,
            "tls": connection.ssl_object is not None,
            "sni": getattr(connection.ssl_object, "sni", None),
            "resumed": getattr(connection.ssl_object, "session_reused", None),
            "verified": False,
            **description,
        }
        self.records.append(record)
        return record

    def serve(self, request, connection):
        """The reply to a request that is meant for AWS."""
        service = service_of(request, self.state.settings)
        record = self.record(connection, described_request(request, service))
        record["operation"] = service.operation(request)
        try:
            return service.serve(Call(request, record, self.state))
        except AwsError as error:
            record["error"] = str(error)
            return service.refused(error)

    def refuse(self, problem, connection):
        garbage = Request(None, None, None, [], problem.received)
        record = self.record(connection, described_request(garbage, METERING))
        record["error"] = f"not HTTP: {problem}"
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
                if reply.held:
                    await until_released(self.next_release, reader)
                keep = await send(reply, self.now(), reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            # The client went away, which is its right at any moment.
            pass
        finally:
            self.open.discard(connection)
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


def listening(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family)


def listening6(port):
    """A socket on [::1], with this port if it is free there; or None."""
    try:
        return listening("::1", port)
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            return listening("::1", 0)
        if problem.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return None
        raise


def sockets(options):
    """The sockets to listen on, None for those that there are not."""
    found = dict.fromkeys(("http", "http6", "https"))
    if options.http is not None:
        found["http"] = listening("127.0.0.1", options.http)
    if options.http6:
        found["http6"] = listening6(found["http"].getsockname()[1])
    if options.https is not None:
        found["https"] = listening("127.0.0.1", options.https)
    return found


async def run(options):
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    standin = Standin(options.clock_offset)
    ports = {}
    for name, listener in sockets(options).items():
        ports[name] = listener and listener.getsockname()[1]
        if listener:
            context = tls_context(options) if name == "https" else None
            await asyncio.start_server(
                standin.converse,
                sock=listener,
                ssl=context,
                limit=HEAD_LIMIT,
                backlog=1024,
            )
    announce(ports, options.ready_file)
    await stop.wait()


def parse_options():
    parser = argparse.ArgumentParser(description="A local stand-in for AWS; see its docstring.")
    parser.add_argument("--http", type=int, metavar="PORT")
    parser.add_argument("--http6", action="store_true")
    parser.add_argument("--https", type=int, metavar="PORT")
    parser.add_argument("--cert", metavar="FILE")
    parser.add_argument("--key", metavar="FILE")
    parser.add_argument("--ready-file", metavar="FILE")
    parser.add_argument("--clock-offset", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--exit-with-parent", action="store_true")
    options = parser.parse_args()
    if options.http is None and options.https is None:
        parser.error("--http or --https is needed")
    if options.http6 and options.http is None:
        parser.error("--http6 needs --http")
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
