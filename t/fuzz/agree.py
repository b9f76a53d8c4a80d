#!/usr/bin/python3
"""Reads what the fuzz targets have found with Python's and botocore's parsers.

    t/fuzz/agree.py [--seeds]

Every file of t/fuzz/seeds and, without --seeds, of build/fuzz goes through the
same programs of build/unit as what t/*_test.py generate, and has to be read as
it is there.  Where the two are meant to differ is said at each test.
"""

import io
import json
import random
import re
import sys
import unittest
from http.client import HTTPResponse
from pathlib import Path
from xml.etree import ElementTree

import botocore.session
from botocore import parsers

FUZZ = Path(__file__).resolve().parent
BUILD = FUZZ.parents[1] / "build/fuzz"

sys.path[:0] = [str(FUZZ.parent), str(FUZZ.parent / "unit")]
import profile_test  # noqa: E402
import sigv4_test  # noqa: E402
import sts_test  # noqa: E402
import token_test  # noqa: E402
from frame import filter_through  # noqa: E402

# What tests every time is the same every time.
SEEDS_ONLY = "--seeds" in sys.argv

SIGNED = 400
PROFILES = 1500


def corpus(name):
    """What there is of inputs, the seeds first."""
    folders = [FUZZ / "seeds" / name] + [BUILD / name] * (not SEEDS_ONLY)
    return [
        file.read_bytes()
        for folder in folders
        if folder.is_dir()
        for file in sorted(folder.iterdir())
    ]


def fields(kind, texts):
    return filter_through("reply", [(kind, text) for text in texts], 4)


def json_object(text):
    """The members of an object, or None where opinions may differ.

    cJSON reads some of what is no JSON, like control bytes in strings; Python
    reads NaN and lone surrogates.
    """
    try:
        value = json.loads(
            text.decode(),
            object_pairs_hook=token_test.Members,
            parse_constant=int,  # a ValueError
        )
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, token_test.Members) else []


def is_refused(value):
    """By the rules of mp_json.h."""
    return value == [] or depth(value) > 32 or token_test.has_nul(value)


def depth(value):
    if not isinstance(value, list):
        return 0
    inner = (v[1] if isinstance(v, tuple) else v for v in value)
    return 1 + max(map(depth, inner), default=0)


class TokenTest(token_test.TokenTest):
    def check(self, requests, expected):
        counts = self.compare(requests, expected)
        self.assertGreater(counts["ok"], 0)

    def test_forms_are_read_as_urllib_reads_them(self):
        forms = corpus("form")
        self.check(
            [token_test.body(token_test.FORM, form) for form in forms],
            [
                (
                    token_test.FormTest.parsed(form),
                    {"invalid"} if token_test.broken(form) else set(),
                )
                for form in forms
            ],
        )

    def test_queries_are_read_as_urllib_reads_them(self):
        forms = [
            form for form in corpus("form") if not token_test.broken(form)
        ]
        self.check(
            [token_test.query(form) for form in forms],
            [(token_test.FormTest.parsed(form), set()) for form in forms],
        )

    def test_bodies_are_read_as_email_reads_them(self):
        """What is taken, and has neither line ends nor header values that
        only mail has.
        """
        requests = [
            token_test.body(line.decode(), text)
            for line, _, text in (
                raw.partition(b"\n") for raw in corpus("multipart")
            )
            if line.isascii() and line.lower().startswith(b"multipart/")
            and not re.search(rb"(?<!\r)\n|\r(?!\n)|\*|=\?|\\|\n[ \t]", text)
        ]
        taken = [
            request
            for request, result in zip(requests, token_test.read(requests))
            if result[0] == "ok"
        ]
        self.check(
            taken,
            [
                (token_test.MultipartTest.parsed(line.decode(), text), set())
                for *_, line, text in taken
            ],
        )

    def test_objects_are_read_as_json_reads_them(self):
        texts = [
            text for text in corpus("json") if json_object(text) is not None
        ]
        self.check(
            [token_test.body(token_test.JSON, text) for text in texts],
            [self.members(text) for text in texts],
        )

    @staticmethod
    def members(text):
        pairs, known = token_test.JsonTest.parsed(text)
        if is_refused(json_object(text)):
            known.add("invalid")
        return pairs, known


class DocumentTest(sts_test.DocumentTest):
    def check(self, kind, expected):
        """Credentials by the document that they are in, or None."""
        taken = self.compare(kind, list(expected), list(expected.values()))
        self.assertGreater(taken, 0)

    def test_replies_are_read_as_elementtree_reads_them(self):
        """But for document types, which are refused, and what expat knows
        beyond well-formed markup: namespaces, encodings, letters of names.
        """
        expected = {}
        for document in corpus("sts"):
            try:
                expected[document] = sts_test.XmlTest.parsed(document)
            except (ElementTree.ParseError, ValueError, LookupError) as error:
                if re.search("mismatched|no element|junk", str(error)):
                    expected[document] = None
            if b"<!DOCTYPE" in document or b"encoding" in document:
                expected.pop(document, None)
        self.check(b"xml", expected)

    def test_documents_are_read_as_json_reads_them(self):
        expected = {}
        for document in corpus("credentials"):
            value = json_object(document)
            if value is not None:
                refused = is_refused(value)
                expected[document] = (
                    None if refused else sts_test.JsonTest.parsed(document)
                )
        self.check(b"json", expected)


class ReplyTest(unittest.TestCase):
    def test_replies_are_read_as_http_client_reads_them(self):
        """What is taken; http.client takes more, and of interim replies it
        passes over none but a 100."""
        taken = 0
        wires = corpus("http_reply")
        for wire, reply in zip(wires, fields(b"wire", wires)):
            if reply[0]:
                with self.subTest(wire=wire):
                    self.compare(reply, self.parsed(wire))
                    taken += 1
        self.assertGreater(taken, 0)

    @staticmethod
    def parsed(wire):
        class Socket:
            def makefile(self, mode):
                return io.BytesIO(wire)

        reply = HTTPResponse(Socket(), method="POST")
        reply.begin()
        whole = reply.chunked or reply.length is not None
        return reply, reply.read() if whole else b""

    def compare(self, found, known):
        reply, body = known
        if reply.status < 200:
            return
        self.assertEqual(int(found[0]), reply.status)
        self.assertEqual(found[3], body)
        for value, name in (found[1], "x-amzn-errortype"), (
            found[2], "x-amzn-requestid"
        ):
            values = reply.headers.get_all(name, [""])
            self.assertEqual(
                value, values[-1].encode("latin-1").strip(b" \t")
            )

    def test_customers_are_those_of_the_model(self):
        """But an empty field is none, and one has to be there."""
        bodies = [
            body for body in corpus("customer")
            if json_object(body) is not None
        ]
        taken = 0
        for body, found in zip(bodies, fields(b"customer", bodies)):
            with self.subTest(body=body):
                known = self.customer(json_object(body))
                self.assertEqual(found, known)
                taken += any(known)
        self.assertGreater(taken, 0)

    NAMES = (
        "CustomerAWSAccountId", "LicenseArn", "CustomerIdentifier",
        "ProductCode",
    )
    # Models of some years ago have no LicenseArn.
    RULES = {
        "LicenseArn": {
            "pattern": r"^arn:aws[a-zA-Z-]*:[A-Za-z0-9][A-Za-z0-9_/.-]{0,62}"
            r":[A-Za-z0-9_/.-]{0,63}:[A-Za-z0-9_/.-]{0,63}"
            r":[A-Za-z0-9][A-Za-z0-9:_/+=,@.-]{0,1023}$"
        }
    } | {
        name: shape.metadata
        for name, shape in botocore.session.get_session()
        .get_service_model("meteringmarketplace")
        .operation_model("ResolveCustomer")
        .output_shape.members.items()
    }

    def customer(self, members):
        none = (b"",) * 4
        names = [name for name, _ in members if name in self.NAMES]
        if is_refused(members) or len(set(names)) < len(names):
            return none
        found = dict(members)
        values = [found.get(name) for name in self.NAMES]
        for name, value in zip(self.NAMES, values):
            if value and not self.is_modelled(name, value):
                return none
            if value is not None and not isinstance(value, str):
                return none
        if not any(values[:3]):
            return none
        return tuple((value or "").encode() for value in values)

    def is_modelled(self, name, value):
        rules = self.RULES[name]
        return (
            isinstance(value, str)
            and re.search(rules["pattern"].rstrip("$") + r"\Z", value)
            and len(value.encode()) <= rules.get("max", 2048)
            and not re.search("[\0-\x1f\x7f]", value)
        )

    def test_errors_are_read_as_botocore_reads_them(self):
        """Whose names are whatever is behind the first '#', and whose
        messages are not made printable, nor of any type.
        """
        bodies = [body.split(b"\n", 2)[-1] for body in corpus("error")]
        bodies = [body for body in bodies if self.is_plain(body)]
        self.assertTrue(bodies)
        for body, found in zip(bodies, fields(b"error", bodies)):
            with self.subTest(body=body):
                error = parsers.create_parser("json").parse(
                    {"status_code": 400, "headers": {}, "body": body}, None
                )["Error"]
                self.assertEqual(found[0].decode(), error["Code"])
                self.assertEqual(found[1].decode(), error["Message"])

    @staticmethod
    def is_plain(body):
        members = json_object(body) or []
        found = dict(members)
        said = found.get("message", found.get("Message"))
        name = found.get("__type")
        return (
            not is_refused(members)
            and len(found) == len(members)
            and isinstance(said, str)
            and isinstance(name, str)
            and re.fullmatch("[ -~]{0,1024}", said)
            and re.fullmatch(r"([\w.]*#)?[\w.-]{1,128}", name, re.ASCII)
        )


class SignatureTest(sigv4_test.SignatureTest):
    @classmethod
    def setUpClass(cls):
        bodies = corpus("json") + corpus("form") + corpus("cookie")
        chance = random.Random(sigv4_test.SEED)
        bodies = chance.sample(bodies, min(SIGNED, len(bodies)))
        cls.requests = [
            sigv4_test.random_request(chance) | {"body": body}
            for body in bodies
        ]
        cls.sign_all()

    test_requests_are_of_all_kinds = None


class ProfileTest(unittest.TestCase):
    def test_profiles_are_found_as_botocore_finds_them(self):
        """Where both find one, in files without what they see differently."""
        files = profile_test.Files(self)
        requests = [
            self.request(text) for text in corpus("profile")
            if self.is_plain(text)
        ][:PROFILES]
        both = 0
        for request, found in zip(requests, profile_test.read(requests)):
            (known,) = files.botocore_reads(
                request[:2], (request[2].decode(),)
            )
            if found[0] == known[0] == "ok":
                with self.subTest(request=request):
                    self.assertEqual(found, known)
                    both += 1
        self.assertGreater(both, 0)

    @staticmethod
    def request(text):
        name, _, files = text.partition(b"\n")
        credentials, _, config = files.partition(b"\n%%\n")
        return credentials, config, name

    @staticmethod
    def is_plain(text):
        """See DifferenceTest in t/profile_test.py."""
        return token_test.is_utf8(text) and not re.search(
            rb"[\0-\x08\x0b-\x1f\x7f]|[ \t][#;]|\n[ \t]|:|profile +.?default"
            rb"|\[ |\xc2|\xe2",
            text,
        )


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
