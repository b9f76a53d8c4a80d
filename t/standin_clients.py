#!/usr/bin/python3
"""Holds the stand-in for AWS (t/lib/standin.py) against real AWS clients.

    /usr/bin/python3 t/standin_clients.py [unittest options]

Needs boto3, the AWS CLI (AWS_CLI, default /usr/bin/aws) and openssl.
"""

import errno
import http.client
import json
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import time
import unittest
from contextlib import closing
from datetime import datetime
from pathlib import Path
from unittest import mock

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "lib"))
import standin  # noqa: E402
import standin_answers  # noqa: E402
import standin_http  # noqa: E402
import standin_keys  # noqa: E402
import standin_signature  # noqa: E402
from launch import STANDIN, Standin, accepts, wait_for  # noqa: E402
from standin_harness import AWS_CLI, REAL_HOST, Workplace, client_clock, has_ipv6  # noqa: E402

ODD_TOKEN = "ok+/=\"\\ \t\r\n\0\x7f é€😀&%2B<>'"

work = None
server = None


def setUpModule():
    global work, server
    work = Workplace()
    server = work.server


def tearDownModule():
    work.close()


def boto_client(key_id="AKIDEXAMPLE", **options):
    """A client with the credentials of key_id, unless the options say otherwise."""
    account = standin.CREDENTIALS.get(key_id, standin_keys.Account(""))
    secret = options.get("secret", account.secret)
    session_token = options.get("session_token", account.session_token)
    return work.client("meteringmarketplace", (key_id, secret, session_token), **options)


def fields_of(reply):
    return {name: value for name, value in reply.items() if name != "ResponseMetadata"}


def known_to_boto(token):
    """What the stand-in answers, less what botocore's old model does not have."""
    fields = standin.customer(token)
    del fields["LicenseArn"]
    return fields


def signed(token="ok", service="aws-marketplace", region="us-east-1", key_id="AKIDEXAMPLE", **options):
    """(headers, body) of a request signed by botocore for a host of AWS."""
    body = options.get("body", json.dumps({"RegistrationToken": token}).encode())
    headers = {
        "Host": options.get("host", REAL_HOST),
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AWSMPMeteringService.ResolveCustomer",
        **options.get("more", {}),
    }
    request = AWSRequest("POST", f"http://{headers['Host']}/", headers, body)
    account = standin.CREDENTIALS[key_id]
    SigV4Auth(Credentials(key_id, account.secret, account.session_token), service, region).add_auth(request)
    return dict(request.headers.items()), body


def raw_request(headers, body, method="POST", target="/", framing=None):
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines.append(framing or f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def exchange(data, scheme="http"):
    """Send bytes, stop sending, and return all that comes back."""
    with closing(socket.create_connection(("127.0.0.1", server.ports[scheme]), 5)) as connection:
        if scheme == "https":
            context = ssl.create_default_context(cafile=work.ca)
            context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
            connection = context.wrap_socket(connection, server_hostname=REAL_HOST, suppress_ragged_eofs=False)
        with connection:
            connection.sendall(data)
            received = b""
            while piece := connection.recv(65536):
                received += piece
            return received


def post(headers, body, **options):
    """(status, headers, body as JSON) of a request that was signed above."""
    data = raw_request({**headers, "Connection": "close"}, body, **options)
    head, _, answer = exchange(data).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    return int(lines[0].split()[1]), dict(line.split(": ", 1) for line in lines[1:]), json.loads(answer)


def raw_answer(token, scheme="http"):
    """All bytes that a token brings back."""
    headers, body = signed(token)
    return exchange(raw_request({**headers, "Connection": "close"}, body), scheme)


class StandinTest(unittest.TestCase):
    def setUp(self):
        server.control("POST", "reset")

    def assertFails(self, name, token="ok", status=400, client=None):
        with self.assertRaises(ClientError) as caught:
            (client or boto_client()).resolve_customer(RegistrationToken=token)
        response = caught.exception.response
        self.assertEqual(response["Error"]["Code"], name)
        self.assertEqual(response["ResponseMetadata"]["HTTPStatusCode"], status)
        return response["Error"]["Message"]

    def assertRefused(self, name, message, headers, body, **options):
        status, _, answer = post(headers, body, **options)
        self.assertEqual((status, answer["__type"].rpartition("#")[2]), (400, name))
        self.assertIn(message, answer["message"])
        self.assertFalse(server.last()["verified"])
        self.assertTrue(server.last()["error"].startswith(name))


class Boto3(StandinTest):
    """boto3 gets from the stand-in what it gets from AWS."""

    def test_customer(self):
        for scheme in ("http", "https"):
            reply = boto_client(scheme=scheme).resolve_customer(RegistrationToken="ok")
            self.assertEqual(fields_of(reply), known_to_boto("ok"))
            self.assertRegex(reply["ResponseMetadata"]["RequestId"], r"^[0-9a-f-]{36}$")
            self.assertTrue(server.last()["verified"])
            self.assertEqual(server.last()["tls"], scheme == "https")

    def test_every_good_account(self):
        for key_id in ("AKIDEXAMPLE", "AKIDSLASH", "ASIAEXAMPLE"):
            for region in ("us-east-1", "eu-central-1", "cn-northwest-1"):
                boto_client(key_id, region=region).resolve_customer(RegistrationToken="ok")
        self.assertEqual(server.count(token="ok"), 9)

    def test_token_arrives_exactly(self):
        boto_client().resolve_customer(RegistrationToken=ODD_TOKEN)
        self.assertEqual(server.last()["token"], ODD_TOKEN)
        self.assertEqual(server.count(token=ODD_TOKEN), 1)
        self.assertEqual(server.count(token=ODD_TOKEN[:-1]), 0)

    def test_customer_identifier_missing_empty_null(self):
        for token in ("new:1", "empty:1", "null:1"):
            fields = fields_of(boto_client().resolve_customer(RegistrationToken=token))
            self.assertEqual(fields.pop("CustomerIdentifier", None), "" if token == "empty:1" else None)
            self.assertEqual(fields.keys(), {"CustomerAWSAccountId", "ProductCode"})

    def test_product_of_choice(self):
        reply = boto_client().resolve_customer(RegistrationToken="product:a-b")
        self.assertEqual(reply["ProductCode"], "a-b")

    def test_fields_of_choice(self):
        reply = boto_client().resolve_customer(RegistrationToken="with:ProductCode=a:b=c")
        self.assertEqual(reply["ProductCode"], "a:b=c")
        reply = boto_client().resolve_customer(RegistrationToken="without:ProductCode")
        self.assertEqual(fields_of(reply).keys(), {"CustomerIdentifier", "CustomerAWSAccountId"})

    def test_modelled_errors(self):
        client = boto_client()
        statuses = {
            "InvalidTokenException": 400,
            "ExpiredTokenException": 400,
            "ThrottlingException": 400,
            "InternalServiceErrorException": 500,
            "DisabledApiException": 400,
        }
        for name, status in statuses.items():
            for form in ("", "::namespace", "::coral"):
                with self.assertRaises(getattr(client.exceptions, name)):
                    client.resolve_customer(RegistrationToken=f"error:{name}{form}")
                self.assertFails(name, f"error:{name}{form}", status, client)

    def test_unmodelled_errors(self):
        for name, status in (("OptInRequired", 403), ("ServiceUnavailable", 503), ("TooManyRequestsException", 429)):
            self.assertFails(name, f"error:{name}", status)
        self.assertFails("AnyName", "error:AnyName:418", 418)
        self.assertEqual(self.assertFails("AnyName", "error:AnyName:::a: b"), "a: b")

    def test_forms_that_botocore_reads_no_name_in(self):
        for form in ("code", "header", "nested", "empty", "html"):
            self.assertFails("409", f"error:ThrottlingException:409:{form}", 409)

    def test_unknown_token(self):
        self.assertEqual(self.assertFails("InvalidTokenException", "x"), "Registration token is invalid")
        self.assertFails("InvalidTokenException", "error:Name:abc")
        self.assertFails("InvalidTokenException", "error:Name:400:abc")
        self.assertFails("InvalidTokenException", "chunked:x")

    def test_expired_credentials(self):
        message = self.assertFails("ExpiredTokenException", client=boto_client("ASIAEXPIRED"))
        self.assertEqual(message, "The security token included in the request is expired")

    def test_unknown_key(self):
        client = boto_client("AKIDNOBODY", secret="x")
        message = self.assertFails("UnrecognizedClientException", client=client)
        self.assertEqual(message, "The security token included in the request is invalid.")

    def test_session_token_missing_wrong_or_not_wanted(self):
        for key_id, session_token in (("ASIAEXAMPLE", None), ("ASIAEXAMPLE", "x"), ("AKIDEXAMPLE", "x")):
            client = boto_client(key_id, session_token=session_token)
            self.assertFails("UnrecognizedClientException", client=client)

    def test_wrong_secret(self):
        client = boto_client(secret="wrong")
        message = self.assertFails("InvalidSignatureException", client=client)
        self.assertTrue(message.startswith("The request signature we calculated does not match"))
        self.assertFalse(server.last()["verified"])

    def test_access_denied(self):
        message = self.assertFails("AccessDeniedException", client=boto_client("AKIDDENIED"))
        self.assertRegex(message, r"User: arn:aws:iam::\d{12}:user/denied .* aws-marketplace:ResolveCustomer")

    def test_another_account(self):
        client = boto_client("AKIDOTHER")
        for token, status in (("ok", 400), ("status:409:ok", 409), ("seq:status:404:ok|html", 404)):
            self.assertFails("InvalidTokenException", token, status, client)
            self.assertTrue(server.last()["verified"])
            self.assertEqual(server.last()["error"], "InvalidTokenException: Registration token is invalid")

    def test_wrong_region(self):
        message = self.assertFails("InvalidSignatureException", client=boto_client(region="nowhere-1"))
        self.assertEqual(message, "Credential should be scoped to a valid region, not 'nowhere-1'.")

    def test_client_clock_behind_and_ahead(self):
        with client_clock(-301):
            message = self.assertFails("InvalidSignatureException")
        self.assertRegex(message, r"^Signature expired: \w+ is now earlier than \w+ \(\w+ - 5 min\.\)$")
        with client_clock(310):
            message = self.assertFails("InvalidSignatureException")
        self.assertRegex(message, r"^Signature not yet current: \w+ is still later than \w+ \(\w+ \+ 5 min\.\)$")
        with client_clock(290):
            boto_client().resolve_customer(RegistrationToken="ok")

    def test_server_clock(self):
        self.addCleanup(server.control, "POST", "clock", offset=0)
        server.control("POST", "clock", offset=3600)
        self.assertIn("Signature expired", self.assertFails("InvalidSignatureException"))
        with client_clock(3600):
            reply = boto_client().resolve_customer(RegistrationToken="ok")
        date = datetime.strptime(reply["ResponseMetadata"]["HTTPHeaders"]["date"], "%a, %d %b %Y %H:%M:%S GMT")
        self.assertAlmostEqual((date - datetime.utcnow()).total_seconds(), 3600, delta=5)

    def test_retries(self):
        for name in ("ThrottlingException", "InternalServiceErrorException", "ServiceUnavailable"):
            token = f"seq:error:{name}|error:{name}|ok"
            with mock.patch("botocore.endpoint.time.sleep"):
                reply = boto_client(retries=2).resolve_customer(RegistrationToken=token)
            self.assertEqual(reply["CustomerIdentifier"], standin.customer("ok")["CustomerIdentifier"])
            self.assertEqual(server.count(token=token), 3)

    def test_errors_that_are_not_retried(self):
        self.assertFails("ExpiredTokenException", "error:ExpiredTokenException", client=boto_client(retries=2))
        self.assertEqual(server.count(), 1)

    def test_shapes_that_are_good_http(self):
        for prefix in ("chunked", "split", "drip:0", "nolength", "closing", "delay:20", "chunked:split", "status:201"):
            token = prefix + ":ok"
            self.assertEqual(fields_of(boto_client().resolve_customer(RegistrationToken=token)), known_to_boto("ok"))

    def test_shapes_that_fail(self):
        for token in ("close:0:ok", "reset:0:ok", "reset:300:ok", "twolengths"):
            with self.assertRaises(BotoCoreError, msg=token):
                boto_client().resolve_customer(RegistrationToken=token)

    def test_hang(self):
        client = boto_client(read_timeout=0.2)
        with self.assertRaises(ReadTimeoutError):
            client.resolve_customer(RegistrationToken="hang")

    def test_useless_bodies_are_an_empty_success(self):
        for token in ("truncated", "html", "json:", "json:{}", "json:{\"a\":", "close:40:ok", "close:300:ok"):
            self.assertEqual(fields_of(boto_client().resolve_customer(RegistrationToken=token)), {}, token)

    def test_big(self):
        reply = boto_client().resolve_customer(RegistrationToken="big:1000000")
        self.assertEqual(reply["ResponseMetadata"]["HTTPHeaders"]["content-length"], "1000000")

    def test_connections(self):
        client = boto_client()
        for token in ("ok", "ok", "closing:ok", "ok"):
            client.resolve_customer(RegistrationToken=token)
        self.assertEqual(server.control("GET", "connections"), "2\n")
        numbers = [record["connection"] for record in server.requests()]
        self.assertEqual([number - numbers[0] for number in numbers], [0, 0, 0, 1])


class AwsCli(StandinTest):
    """The AWS CLI gets from the stand-in what it gets from AWS."""

    def run_cli(self, token, scheme="http", key_id="AKIDEXAMPLE"):
        account = standin.CREDENTIALS[key_id]
        environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": key_id,
            "AWS_SECRET_ACCESS_KEY": account.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
            "LC_ALL": "C.UTF-8",
        }
        if account.session_token:
            environment["AWS_SESSION_TOKEN"] = account.session_token
        command = [AWS_CLI, "--no-cli-pager", "--output", "json", "meteringmarketplace", "resolve-customer"]
        command += ["--endpoint-url", server.url(scheme), "--registration-token", token]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, check=False)

    def test_customer(self):
        for scheme, key_id in (("http", "AKIDEXAMPLE"), ("https", "ASIAEXAMPLE")):
            result = self.run_cli("ok", scheme, key_id)
            self.assertEqual(json.loads(result.stdout), known_to_boto("ok"), result.stderr)

    def test_token_arrives_exactly(self):
        token = ODD_TOKEN.replace("\0", "")
        self.assertEqual(self.run_cli(token).returncode, 0)
        self.assertEqual(server.last()["token"], token)

    def test_errors(self):
        for token, key_id, name in (
            ("x", "AKIDEXAMPLE", "InvalidTokenException"),
            ("error:ThrottlingException", "AKIDEXAMPLE", "ThrottlingException"),
            ("ok", "AKIDDENIED", "AccessDeniedException"),
            ("ok", "ASIAEXPIRED", "ExpiredTokenException"),
        ):
            result = self.run_cli(token, key_id=key_id)
            self.assertIn(f"An error occurred ({name}) when calling the ResolveCustomer operation", result.stderr)


class Signature(StandinTest):
    """A request that is signed wrongly is refused."""

    wrong = "The request signature we calculated does not match"

    def test_right(self):
        for options in ({}, {"key_id": "ASIAEXAMPLE"}, {"key_id": "AKIDSLASH"}, {"host": "127.0.0.1:8080"}):
            status, headers, answer = post(*signed(**options))
            self.assertEqual((status, answer), (200, standin.customer("ok")))
            self.assertRegex(headers["x-amzn-RequestId"], r"^[0-9a-f-]{36}$")
            self.assertTrue(headers["Date"].endswith(" GMT"))

    def test_known_answers(self):
        for vector in json.loads((HERE / "unit" / "sigv4-vectors.json").read_text("utf-8")):
            headers = {**vector["headers"], "Host": vector["host"], "X-Amz-Date": vector["amz_date"]}
            if vector["session_token"]:
                headers["X-Amz-Security-Token"] = vector["session_token"]
            request = standin_http.Request("POST", "/", "HTTP/1.1", list(headers.items()), vector["body"].encode())
            request.headers.append(("Authorization", vector["authorization"]))
            authorization = standin_signature.parse_authorization(request)
            scope = vector["amz_date"], authorization.region, authorization.service
            self.assertEqual(
                standin_signature.sign(request, vector["secret_key"], *scope, authorization.names),
                (vector["canonical_request"], vector["string_to_sign"], authorization.signature),
                vector["name"],
            )

    def test_signature_changed(self):
        headers, body = signed()
        digit = headers["Authorization"][-1]
        headers["Authorization"] = headers["Authorization"][:-1] + ("0" if digit != "0" else "1")
        self.assertRefused("InvalidSignatureException", self.wrong, headers, body)

    def test_signature_not_hexadecimal(self):
        headers, body = signed()
        headers["Authorization"] += "\xe9"
        self.assertRefused("InvalidSignatureException", self.wrong, headers, body)

    def test_body_changed(self):
        headers, body = signed("ok1")
        self.assertRefused("InvalidSignatureException", self.wrong, headers, body.replace(b"ok1", b"ok2"))

    def test_content_hash_of_another_body(self):
        headers, body = signed(more={"X-Amz-Content-SHA256": "0" * 64})
        self.assertRefused("InvalidSignatureException", self.wrong, headers, body)

    def test_signed_header_changed(self):
        for name, value in (("Content-Type", "application/x-amz-json-1.1;"), ("Host", REAL_HOST + ":443")):
            headers, body = signed()
            headers[name] = value
            self.assertRefused("InvalidSignatureException", self.wrong, headers, body)

    def test_signed_header_left_out(self):
        headers, body = signed(more={"X-Extra": "1"})
        del headers["X-Extra"]
        self.assertRefused("InvalidSignatureException", self.wrong, headers, body)

    def test_session_token_not_signed(self):
        headers, body = signed()
        headers["X-Amz-Security-Token"] = "x"
        message = "'X-Amz-Security-Token' must be a 'SignedHeader'"
        self.assertRefused("InvalidSignatureException", message, headers, body)

    def test_needed_headers_not_signed(self):
        for name in ("host", "x-amz-date", "content-type", "x-amz-target"):
            headers, body = signed()
            names = "content-type;host;x-amz-date;x-amz-target"
            fewer = ";".join(other for other in names.split(";") if other != name)
            headers["Authorization"] = headers["Authorization"].replace(names, fewer)
            message = f"'{name.title()}' must be a 'SignedHeader'"
            self.assertRefused("InvalidSignatureException", message, headers, body)

    def test_expired_session_token(self):
        _, _, answer = post(*signed(key_id="ASIAEXPIRED"))
        self.assertEqual(answer["__type"], "com.amazon.coral.service#ExpiredTokenException")

    def test_scope(self):
        service = "Credential should be scoped to correct service: 'aws-marketplace'."
        self.assertRefused("InvalidSignatureException", service, *signed(service="metering.marketplace"))
        region = "Credential should be scoped to a valid region, not 'eu-west-1'."
        self.assertRefused("InvalidSignatureException", region, *signed(region="eu-west-1"))

    def test_scope_of_another_day(self):
        headers, body = signed()
        day = headers["X-Amz-Date"][:8]
        headers["Authorization"] = headers["Authorization"].replace(f"/{day}/", "/20150830/")
        message = f"version of date from HTTP: '20150830' != '{day}', from '{headers['X-Amz-Date']}'."
        self.assertRefused("InvalidSignatureException", message, headers, body)

    def test_authorization_missing_or_mangled(self):
        headers, body = signed()
        right = headers.pop("Authorization")
        self.assertRefused("MissingAuthenticationTokenException", "missing Authentication Token", headers, body)
        for value, message in (
            (right.replace("Signature=", "Sig="), "requires 'Signature' parameter."),
            (right.replace("/aws4_request", ""), "exactly 5 slash-delimited elements"),
            (right.replace("HMAC", "hmac"), "Unsupported AWS 'algorithm'"),
        ):
            mangled = {**headers, "Authorization": value}
            self.assertRefused("IncompleteSignatureException", message, mangled, body)

    def test_date_missing_or_mangled(self):
        headers, body = signed()
        date = headers.pop("X-Amz-Date")
        self.assertRefused("IncompleteSignatureException", "existence of either", headers, body)
        headers["X-Amz-Date"] = date[:-1]
        self.assertRefused("IncompleteSignatureException", "'basic format'", headers, body)


class Wire(StandinTest):
    """What the stand-in accepts and sends, byte by byte."""

    def test_sni(self):
        self.assertIn(b"200 OK", raw_answer("ok", "https"))
        self.assertEqual((server.last()["tls"], server.last()["sni"]), (True, REAL_HOST))

    def test_chunked_request_and_expect(self):
        headers, body = signed()
        headers.update({"Expect": "100-continue", "Connection": "close"})
        chunked = b"5;x=y\r\n%s\r\n%x\r\n%s\r\n0\r\nT: 1\r\n\r\n" % (body[:5], len(body) - 5, body[5:])
        data = raw_request(headers, b"", framing="Transfer-Encoding: chunked")
        received = exchange(data + chunked)
        self.assertTrue(received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), received)

    def test_pipelined(self):
        headers, body = signed("split:ok")
        received = exchange(raw_request(headers, body) * 2 + raw_request({**headers, "Connection": "close"}, body))
        self.assertEqual(received.count(b"HTTP/1.1 200 OK"), 3)
        self.assertEqual(server.control("GET", "connections"), "1\n")

    def test_what_is_not_http(self):
        headers, body = signed()
        twice = raw_request({**headers, "content-length": str(len(body))}, body)
        for data in (b"GET /\r\n\r\n", b"POST / HTTP/1.1\r\nHost : a\r\n\r\n", twice, b"POST / HTTP/1.1\r\n\r\n"):
            self.assertIn(b"400 Bad Request", exchange(data))
            self.assertTrue(server.last()["error"].startswith("not HTTP: "))

    def test_bodies(self):
        for body, name in (
            (b"", "SerializationException"),
            (b'{"RegistrationToken":"ok"', "SerializationException"),
            (b'{"RegistrationToken":"\xff"}', "SerializationException"),
            (b'{"RegistrationToken":["ok"]}', "SerializationException"),
            (b'["ok"]', "SerializationException"),
            (b'{"RegistrationToken":""}', "ValidationException"),
            (b'{"RegistrationToken":null}', "ValidationException"),
            (b"{}", "ValidationException"),
        ):
            status, _, answer = post(*signed(body=body))
            self.assertEqual((status, answer["__type"]), (400, name), body)
            self.assertTrue(server.last()["verified"])

    def test_unknown_operation(self):
        headers, body = signed()
        for changed, options, status in (
            ({"X-Amz-Target": "AWSMPMeteringService.MeterUsage"}, {}, 400),
            ({"Content-Type": "application/json"}, {}, 400),
            ({}, {"method": "GET"}, 404),
            ({}, {"target": "/x"}, 404),
        ):
            answered, _, answer = post({**headers, **changed}, body, **options)
            self.assertEqual((answered, answer["__type"]), (status, "UnknownOperationException"))

    def test_raw_and_hex(self):
        self.assertEqual(raw_answer("raw:HTTP/1.1 200 é\r\n\r\n\0"), "HTTP/1.1 200 é\r\n\r\n\0".encode())
        self.assertEqual(raw_answer("hex:ff00 0d0a"), b"\xff\0\r\n")

    def test_error_forms(self):
        for form, expected in (
            ("", b'{"__type":"N","message":"M"}'),
            ("namespace", b'{"__type":"com.amazonaws.marketplacemetering#N","message":"M"}'),
            ("coral+uri", b'{"__type":"com.amazon.coral.service#N:http://example.com/errors","message":"M"}'),
            ("code", b'{"code":"N","message":"M"}'),
            ("header", b'{"message":"M"}'),
            ("nested", b'{"fault":{"__type":"N"},"message":"M"}'),
            ("Message", b'{"__type":"N","Message":"M"}'),
            ("nomessage", b'{"__type":"N"}'),
            ("empty", b""),
        ):
            head, _, body = raw_answer(f"error:N:400:{form}:M").partition(b"\r\n\r\n")
            self.assertEqual(body, expected)
            self.assertEqual(b"x-amzn-ErrorType: N\r\n" in head, form == "header")
        self.assertIn(b"is expired", raw_answer("error:ExpiredTokenException:403:credentials"))

    def test_odd_framing(self):
        length = len(json.dumps(standin.customer("ok"), separators=(",", ":")))
        self.assertEqual(raw_answer("twolengths").lower().count(b"content-length: "), 2)
        both = raw_answer("lengthchunked")
        self.assertIn(b"Content-Length: ", both)
        self.assertIn(b"Transfer-Encoding: chunked\r\n", both)
        self.assertIn(f"Content-Length: {length}\r\n".encode(), raw_answer("ok"))
        self.assertNotIn(b"Content-Length: ", raw_answer("nolength:ok"))
        self.assertIn(b"x-amz-retry-after: 9\r\n", raw_answer("header:x-amz-retry-after=9:ok"))
        self.assertTrue(raw_answer("1xx:ok").startswith(standin_answers.INTERIM + b"HTTP/1.1 200 OK\r\n"))
        chunked = raw_answer("chunked:ok")
        self.assertIn(b'\r\n7;name=value;quoted="a;b"\r\n', chunked)
        self.assertTrue(chunked.endswith(b"0\r\nX-Trailer: 1\r\nContent-Length: 3\r\n\r\n"))

    def test_early_ends(self):
        for scheme in ("http", "https"):
            self.assertEqual(raw_answer("close:33:ok", scheme), b"HTTP/1.1 200 OK\r\nx-amzn-RequestId")
            # The ssl of older Pythons does not tell a reset from an end without close_notify.
            with self.assertRaises((ssl.SSLError, ConnectionResetError) if scheme == "https" else ConnectionResetError):
                raw_answer("reset:33:ok", scheme)
        self.assertEqual(len(raw_answer("drop:33:ok")), 33)
        with self.assertRaises(ssl.SSLError):
            raw_answer("drop:33:ok", "https")

    def test_stale(self):
        received = exchange(raw_request(*signed("stale:ok")) * 2)
        self.assertEqual(received.count(b"HTTP/1.1 200 OK"), 1)
        self.assertNotIn(b"Connection:", received)


class Hold(StandinTest):
    """What is held waits for a release, and for nothing else."""

    def begin(self, token="hold:ok", scheme="http", to=None):
        """A connection on which the answer is still to come."""
        port = (to or server).ports[scheme]
        if scheme == "https":
            context = ssl.create_default_context(cafile=work.ca)
            # Tickets of TLS 1.3 would look like the beginning of an answer.
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        self.addCleanup(connection.close)
        headers, body = signed(token)
        connection.request("POST", "/", body, headers)
        return connection

    def assertBecomes(self, expected, ask, *arguments):
        deadline = time.monotonic() + 10
        while (answer := ask(*arguments)) != expected and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(answer, expected)

    def assertHeld(self, *connections):
        count = server.count()
        # Whoever was not held would be answered before this one.
        self.assertIn(b"200 OK", raw_answer("ok"))
        self.assertEqual(server.count(), count + 1)
        self.assertEqual(select.select([connection.sock for connection in connections], [], [], 0)[0], [])

    def assertAnswered(self, connection, status=200):
        reply = connection.getresponse()
        self.assertEqual(reply.status, status)
        return reply.read()

    def test_release(self):
        first = [self.begin(scheme=scheme) for scheme in ("http", "https", "http")]
        self.assertBecomes(3, server.count)
        self.assertHeld(*first)
        self.assertEqual(server.control("POST", "release"), "released\n")
        for connection in first:
            self.assertEqual(json.loads(self.assertAnswered(connection)), standin.customer("ok"))
        later = self.begin()
        self.assertBecomes(5, server.count)
        self.assertHeld(later)
        server.control("POST", "release")
        self.assertAnswered(later)

    def test_release_of_nothing(self):
        server.control("POST", "release")
        connection = self.begin()
        self.assertBecomes(1, server.count)
        self.assertHeld(connection)

    def test_reset_releases(self):
        connection = self.begin()
        self.assertBecomes(1, server.count)
        server.control("POST", "reset")
        self.assertAnswered(connection)
        self.assertEqual(server.count(), 0)

    def test_with_others(self):
        for token, status in (
            ("status:503:hold:delay:1:split:ok", 503),
            ("hold:chunked:error:ThrottlingException", 400),
            ("seq:hold:status:429:html|ok", 429),
        ):
            server.control("POST", "reset")
            connection = self.begin(token)
            self.assertBecomes(1, server.count)
            self.assertHeld(connection)
            server.control("POST", "release")
            self.assertAnswered(connection, status)
        self.assertIn(b"200 OK", raw_answer(token))

    def test_pipelined(self):
        headers, body = signed("hold:ok")
        with socket.create_connection(("127.0.0.1", server.ports["http"]), 5) as connection:
            connection.sendall(raw_request(headers, body) * 2)
            for count in (1, 2):
                self.assertBecomes(count, server.count)
                server.control("POST", "release")
                received = b""
                while not received.endswith(b"}"):
                    received += connection.recv(65536)
                self.assertEqual(received.count(b"200 OK"), 1)

    def test_client_goes_away(self):
        # To ours there may be connections that are just about to close.
        other = Standin()
        self.addCleanup(other.stop)
        for linger in (b"\0" * 8, b"\1\0\0\0\0\0\0\0"):
            connection = self.begin(to=other)
            self.assertBecomes("1\n", other.control, "GET", "open")
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.close()
            self.assertBecomes("0\n", other.control, "GET", "open")

    def test_end(self):
        other = Standin()
        connection = self.begin(to=other)
        self.assertBecomes(1, other.count)
        self.assertEqual(other.stop(), 0)
        with self.assertRaises(http.client.RemoteDisconnected):
            connection.getresponse()


class Process(unittest.TestCase):
    """The stand-in starts, and leaves nothing behind."""

    def test_ready_file_and_signals(self):
        ready = work.path("ready")
        for number in (signal.SIGTERM, signal.SIGINT):
            other = Standin("--ready-file", ready, "--clock-offset", "-600")
            self.assertEqual(json.loads(Path(ready).read_text("ascii")), other.ports)
            self.assertIsNone(other.ports["https"])
            client = boto_client(url=other.url())
            with self.assertRaisesRegex(ClientError, "Signature not yet current"):
                client.resolve_customer(RegistrationToken="ok")
            with socket.create_connection(("127.0.0.1", other.ports["http"])):
                started = time.monotonic()
                self.assertEqual(other.stop(number), 0)
            self.assertLess(time.monotonic() - started, 1)
            self.assertFalse(accepts(other.ports["http"]))

    def test_port_on_ipv6(self):
        other = Standin()
        self.addCleanup(other.stop)
        self.assertIsNone(other.ports["http6"])
        if not has_ipv6():
            self.skipTest("this machine has no [::1]")
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
            port = taken.getsockname()[1]
            with standin.listening6(port) as found:
                self.assertNotEqual(found.getsockname()[1], port)
        with mock.patch("standin.listening") as listening:
            standin.listening6(port)
            listening.assert_called_once_with("::1", port)

    def test_no_ipv6(self):
        for number in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            with mock.patch("standin.listening", side_effect=OSError(number, "")):
                self.assertIsNone(standin.listening6(0))
        with mock.patch("standin.listening", side_effect=OSError(errno.EACCES, "")):
            self.assertRaises(OSError, standin.listening6, 0)

    def test_exit_with_parent(self):
        script = '"$@" & read line; exit 0'
        command = ["/bin/sh", "-c", script, "sh", *STANDIN, "--http", "0", "--exit-with-parent"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
            port = json.loads(parent.stdout.readline())["http"]
            parent.stdin.close()
            parent.wait(5)
            wait_for(lambda: not accepts(port), "its end")


if __name__ == "__main__":
    unittest.main()
