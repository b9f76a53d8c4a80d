#!/usr/bin/python3
"""Compares the module's requests and signatures with botocore's signer.

    make build/unit/sign && /usr/bin/python3 t/sigv4_test.py
"""

import random
import sys
import unittest
from calendar import timegm
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest import mock

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

sys.path.insert(0, str(Path(__file__).resolve().parent / "unit"))
from frame import filter_through  # noqa: E402

SEED = 20261121
REQUESTS = 800

REGIONS = (
    *("us-east-1", "eu-central-2", "ap-southeast-4", "mx-central-1"),
    *("us-gov-west-1", "cn-northwest-1", "eusc-de-east-1"),
    *("us-iso-east-1", "us-isob-east-1", "us-isof-south-1"),
    "eu-isoe-west-1",
)
TARGETS = {
    "aws-marketplace": ("AWSMPMeteringService.ResolveCustomer", ""),
    "sts": ("",),
}
TYPES = (
    "application/x-amz-json-1.1",
    "application/x-www-form-urlencoded; charset=utf-8",
)
BASE64 = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
)
BODY = BASE64 + "\"\\ \t\r\n\0\x7fé€😀%&={}<>'"


def text(chance, letters, length):
    return "".join(chance.choices(letters, k=length))


def random_time(chance):
    """A second of these years, often one where a field changes."""
    day = datetime(
        chance.randint(1999, 2101), *chance.choice(
            ((1, 1), (2, 28), (3, 1), (6, 30), (12, 31), (10, 9))
        )
    )
    day += timedelta(days=chance.randint(0, 1))
    second = chance.choice((0, 1, 86399, 43200, chance.randrange(86400)))
    return timegm((day + timedelta(seconds=second)).timetuple())


def random_secret(chance):
    start = chance.choice(("", "/", "//", "+", "AWS4", "="))
    length = chance.choice((1, 40, 40, 60, 61, 64, 65, 250))
    return start + text(chance, BASE64, length)


def random_host(chance, service, region):
    host = chance.choice(
        (
            f"{service}.{region}.amazonaws.com",
            f"metering.marketplace.{region}.amazonaws.com.cn",
            *("127.0.0.1", "[::1]", "localhost", "a-b.example"),
        )
    )
    return host + chance.choice(("", "", ":1", ":8443", ":65535"))


def random_body(chance):
    length = chance.choice((0, 1, 55, 56, 64, 300, chance.randrange(9000)))
    if chance.random() < 0.02:
        return text(chance, BODY, 65536).encode()[:65536]
    return text(chance, BODY, length).encode()


def random_request(chance):
    service = chance.choice(tuple(TARGETS))
    region = chance.choice(REGIONS)
    token = chance.choice((0, 1, 356, 1200))
    return {
        "time": str(random_time(chance)),
        "region": region,
        "service": service,
        "access_key": "A" + text(chance, BASE64[:26], 19),
        "secret_key": random_secret(chance),
        "session_token": text(chance, BASE64 + "=", token),
        "host": random_host(chance, service, region),
        "content_type": chance.choice(TYPES),
        "target": chance.choice(TARGETS[service]),
        "body": random_body(chance),
    }


def fixed_clock(seconds):
    """datetime as botocore uses it, at one moment."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    clock = mock.Mock(wraps=datetime)
    clock.utcnow.return_value = moment.replace(tzinfo=None)
    return mock.patch.object(auth.datetime, "datetime", clock)


def signed_by_botocore(request):
    """The headers that botocore sends for this request."""
    host = request["host"]
    wire = AWSRequest("POST", f"https://{host}/", data=request["body"])
    wire.headers["Host"] = host
    wire.headers["Content-Type"] = request["content_type"]
    if request["target"]:
        wire.headers["X-Amz-Target"] = request["target"]

    credentials = Credentials(
        request["access_key"],
        request["secret_key"],
        request["session_token"] or None,
    )
    signer = auth.SigV4Auth(
        credentials, request["service"], request["region"]
    )
    with fixed_clock(int(request["time"])):
        signer.add_auth(wire)
    return dict(wire.headers)


class SignatureTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        chance = random.Random(SEED)
        cls.requests = [random_request(chance) for _ in range(REQUESTS)]
        cls.sign_all()

    @classmethod
    def sign_all(cls):
        cls.heads = [
            head.decode()
            for (head,) in filter_through(
                "sign",
                [
                    tuple(
                        value if isinstance(value, bytes) else value.encode()
                        for value in request.values()
                    )
                    for request in cls.requests
                ],
                1,
            )
        ]

    def test_heads_are_those_that_botocore_signs(self):
        for number, request in enumerate(self.requests):
            with self.subTest(number=number, request=request):
                start, *lines, end, rest = self.heads[number].split("\r\n")
                self.assertEqual(start, "POST / HTTP/1.1")
                self.assertEqual((end, rest), ("", ""))

                headers = dict(line.split(": ", 1) for line in lines)
                self.assertEqual(len(headers), len(lines))

                agent = headers.pop("User-Agent")
                length = headers.pop("Content-Length")
                self.assertEqual(agent, "ngx_http_marketplace_module")
                self.assertEqual(length, str(len(request["body"])))
                self.assertEqual(headers, signed_by_botocore(request))

    def test_requests_are_of_all_kinds(self):
        def some(condition):
            return any(condition(request) for request in self.requests)

        for name in ("region", "service", "content_type"):
            self.assertGreater(len({r[name] for r in self.requests}), 1, name)
        self.assertTrue(some(lambda r: r["secret_key"].startswith("/")))
        self.assertTrue(some(lambda r: not r["session_token"]))
        self.assertTrue(some(lambda r: r["session_token"]))
        self.assertTrue(some(lambda r: not r["target"]))
        self.assertTrue(some(lambda r: r["target"]))
        self.assertTrue(some(lambda r: not r["body"]))
        self.assertTrue(some(lambda r: len(r["body"]) == 65536))
        self.assertTrue(some(lambda r: int(r["time"]) % 86400 == 0))
        self.assertTrue(
            some(lambda r: "0229T" in self.heads[self.requests.index(r)])
        )


if __name__ == "__main__":
    unittest.main()
