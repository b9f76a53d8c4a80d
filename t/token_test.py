#!/usr/bin/python3
"""Compares how the module reads registrations with Python's own parsers.

    make build/unit/token && /usr/bin/python3 t/token_test.py
"""

import json
import random
import sys
import unittest
from email import policy
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import parse_qsl

sys.path.insert(0, str(Path(__file__).resolve().parent / "unit"))
from frame import filter_through  # noqa: E402

SEED = 20261121
REQUESTS = 600

TOKEN = b"x-amzn-marketplace-token"
OFFER = b"x-amzn-marketplace-offer-type"
NEIGHBOURS = (b"a", b"", TOKEN[:-1], TOKEN + b"s", TOKEN.upper(), b"name")
TOKEN_MAX = 40
OFFER_MAX = 255

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
JSON = "application/json"

BASE64 = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
)


def body(content_type, text):
    return (b"body", TOKEN, b"%d" % TOKEN_MAX, content_type.encode(), text)


def query(text):
    return (b"query", TOKEN, b"%d" % TOKEN_MAX, b"", text)


def read(requests):
    return [
        (result.decode(), token, offer)
        for result, token, offer in filter_through("token", requests, 3)
    ]


def faults(pairs):
    """What is wrong with the fields, by the rules of mp_token.h."""
    tokens = [value for name, value in pairs if name == TOKEN]
    offers = [value for name, value in pairs if name == OFFER]
    found = set()

    if not any(tokens):
        found.add("missing")
    if any(len(value) > TOKEN_MAX for value in tokens):
        found.add("too large")
    if any(len(value) > OFFER_MAX for value in offers):
        found.add("too large")
    if len(set(tokens)) > 1 or len(set(offers)) > 1:
        found.add("invalid")
    if not all(is_utf8(value) for value in tokens + offers):
        found.add("invalid")
    if any(byte < 0x20 or byte == 0x7F for byte in b"".join(offers)):
        found.add("invalid")
    return found


def is_utf8(data):
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def random_value(chance):
    kind = chance.random()
    if kind < 0.5:
        letters, length = BASE64, chance.choice((0, 1, 8, TOKEN_MAX))
    elif kind < 0.8:
        letters, length = BASE64 + " é€😀%&;\"\\", chance.randint(1, 9)
    elif kind < 0.9:
        letters, length = "a b\r\n\0\t\x7f", chance.randint(1, 9)
    elif kind < 0.95:
        return bytes(chance.choices(range(256), k=chance.randint(1, 9)))
    else:
        letters, length = BASE64, chance.randint(TOKEN_MAX, 300)
    return "".join(chance.choices(letters, k=length)).encode()


def random_pairs(chance):
    """Names and values, mostly with one token."""
    pairs = [
        (chance.choice(NEIGHBOURS), random_value(chance))
        for _ in range(chance.randint(0, 3))
    ]
    for name, often in ((TOKEN, 0.95), (OFFER, 0.4)):
        if chance.random() < often:
            pair = (name, random_value(chance))
            pairs.insert(chance.randint(0, len(pairs)), pair)
            if chance.random() < 0.15:
                other = (name, chance.choice((pair[1], b"", b"x")))
                pairs.insert(chance.randint(0, len(pairs)), other)
    return pairs


class TokenTest(unittest.TestCase):
    def setUp(self):
        self.chance = random.Random(f"{SEED} {self.id()}")

    def compare(self, requests, expected):
        """Holds results against pairs and faults that are known besides."""
        counts = {}
        for request, result, (pairs, known) in zip(
            requests, read(requests), expected
        ):
            with self.subTest(request=request):
                wrong = faults(pairs) | known
                counts[result[0]] = counts.get(result[0], 0) + 1
                if wrong:
                    self.assertIn(result[0], wrong)
                    self.assertEqual(result[1:], (b"", b""))
                else:
                    fields = dict(pairs)
                    self.assertEqual(
                        result, ("ok", fields[TOKEN], fields.get(OFFER, b""))
                    )
        return counts

    def check_counts(self, counts):
        """That the requests were not all of one kind."""
        self.assertGreater(counts["ok"], 150)
        for result in ("missing", "invalid", "too large"):
            self.assertGreater(counts[result], 10, result)


class FormTest(TokenTest):
    def percent_encode(self, text):
        return b"".join(self.encode_byte(byte) for byte in text)

    def encode_byte(self, byte):
        plain = bytes([byte])
        if plain == b" " and self.chance.random() < 0.7:
            return b"+"
        if plain in b"%&+=\0 " or self.chance.random() < 0.2:
            return self.chance.choice((b"%%%02x", b"%%%02X")) % byte
        return plain

    def encode(self, pairs):
        return b"&".join(
            self.percent_encode(name) + b"=" + self.percent_encode(value)
            for name, value in pairs
        )

    @staticmethod
    def parsed(text):
        """The pairs as urllib sees them, byte for byte."""
        return [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in parse_qsl(
                text.decode("latin-1"),
                keep_blank_values=True,
                encoding="latin-1",
            )
        ]

    def forms(self):
        return [
            self.encode(random_pairs(self.chance)) for _ in range(REQUESTS)
        ]

    def test_forms_are_read_as_urllib_reads_them(self):
        forms = self.forms()
        counts = self.compare(
            [body(FORM, form) for form in forms],
            [(self.parsed(form), set()) for form in forms],
        )
        self.check_counts(counts)

    def test_queries_are_read_as_urllib_reads_them(self):
        forms = self.forms()
        counts = self.compare(
            [query(form) for form in forms],
            [(self.parsed(form), set()) for form in forms],
        )
        self.check_counts(counts)

    def test_random_bytes_are_read_as_urllib_reads_them(self):
        """But broken encoding is refused: urllib leaves it as it is."""
        pieces = (TOKEN, OFFER, b"=", b"&", b"+", b"%4", b"1", b"%", b"%41")
        forms = [
            TOKEN + b"=" + b"".join(
                self.chance.choices(pieces, k=self.chance.randint(1, 9))
            )
            for _ in range(REQUESTS)
        ]
        self.compare(
            [body(FORM, form) for form in forms],
            [
                (self.parsed(form), {"invalid"} if broken(form) else set())
                for form in forms
            ],
        )

    def test_broken_encoding_elsewhere_is_let_be_in_a_query(self):
        """As urllib does; in a body it is refused."""
        forms = [
            form + b"&a=" + self.chance.choice((b"%", b"%4", b"%g1", b"1%"))
            for form in self.forms()
        ]
        self.compare(
            [query(form) for form in forms],
            [(self.parsed(form), set()) for form in forms],
        )
        for result, *_ in read([body(FORM, form) for form in forms]):
            self.assertIn(result, ("invalid", "too large"))


def broken(form):
    """Whether a percent sign in it starts no escape."""
    return any(
        len(rest) < 2 or not all(c in b"0123456789abcdefABCDEF" for c in rest)
        for rest in (part[:2] for part in form.split(b"%")[1:])
    )


class MultipartTest(TokenTest):
    BOUNDARY = "ABCabc0189'()+_,-./:=?"

    def random_boundary(self):
        length = self.chance.choice((1, 2, 16, 40, 70))
        return "".join(self.chance.choices(self.BOUNDARY, k=length))

    def content_type(self, boundary):
        charset = self.chance.choice(("", "; charset=utf-8"))
        quoted = f'"{boundary}"'
        if self.chance.random() < 0.5 and not set(boundary) & set("()/:=?,'"):
            quoted = boundary
        return self.chance.choice(
            (
                f"{MULTIPART}; boundary={quoted}{charset}",
                f"{MULTIPART}{charset};boundary={quoted}",
                f"Multipart/Form-Data; BOUNDARY={quoted} {charset}",
            )
        )

    def disposition(self, name):
        name = name.decode()
        file = self.chance.random() < 0.1
        return self.chance.choice(
            (
                f'Content-Disposition: form-data; name="{name}"',
                f'content-disposition:form-data;name="{name}"',
                f'CONTENT-DISPOSITION: form-data; a=b; Name="{name}"',
            )
        ) + (self.chance.choice(
            ('; filename="f"', "; filename=f.txt", "; filename*=UTF-8''f")
        ) if file else "")

    def look_alike(self, boundary):
        return self.chance.choice(
            (
                f"\r\n--{boundary}x",
                f"\r\n--{boundary}-\r\n",
                f"\r\n-{boundary}\r\n",
                f"--{boundary}\r\n",
                f"x--{boundary}--",
                "\r\n--\r\n",
                "\r\n\r\n",
            )
        ).encode()

    def encode(self, pairs, boundary):
        """A body of parts with, now and then, what looks like a boundary."""
        dashes = f"--{boundary}".encode()
        text = self.chance.choice((b"", b"", b"\r\n", b"preamble\r\n"))
        for name, value in pairs:
            head = self.disposition(name).encode()
            if self.chance.random() < 0.3:
                head = b"Content-Type: text/plain\r\n" + head
            if self.chance.random() < 0.2:
                value = b"a" + self.look_alike(boundary) + value[:9]
            padding = self.chance.choice((b"", b"", b" \t"))
            text += dashes + padding + b"\r\n" + head
            text += b"\r\n\r\n" + value + b"\r\n"
        return text + dashes + b"--" + self.chance.choice(
            (b"", b"\r\n", b"\r\nepilogue\r\n" + dashes + b"\r\n")
        )

    @staticmethod
    def parsed(content_type, text):
        """Names and values as the email package sees them.

        It has no form fields: that files are none is added here.
        """
        message = BytesParser(policy=policy.HTTP).parsebytes(
            b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + text
        )
        return [
            (
                part.get_param("name", "", "content-disposition").encode(),
                part.get_payload(decode=True),
            )
            for part in message.iter_parts()
            if part.get_filename() is None
        ]

    def test_bodies_are_read_as_email_reads_them(self):
        requests, expected = [], []
        for _ in range(REQUESTS):
            pairs = random_pairs(self.chance) or [(b"a", b"")]
            boundary = self.random_boundary()
            content_type = self.content_type(boundary)
            text = self.encode(pairs, boundary)
            requests.append(body(content_type, text))
            expected.append((self.parsed(content_type, text), set()))
        self.check_counts(self.compare(requests, expected))

    def test_a_body_cut_off_is_refused(self):
        """Which email does not mind."""
        requests = []
        for _ in range(REQUESTS):
            boundary = self.random_boundary()
            text = self.encode([(TOKEN, b"abc")], boundary)
            end = text.index(b"\r\n--" + boundary.encode() + b"--")
            requests.append(
                body(
                    self.content_type(boundary),
                    text[: self.chance.randint(0, end)],
                )
            )
        for request, result in zip(requests, read(requests)):
            with self.subTest(request=request):
                self.assertEqual(result, ("invalid", b"", b""))


class Members(list):
    """An object's members, those of equal names too."""


class JsonTest(TokenTest):
    SCALARS = (None, True, False, 0, -1.5e3, "", "a\"\\/\b", "é😀")

    def random_json(self, depth=0):
        kind = self.chance.random()
        if kind < 0.5 or depth > 3:
            return self.chance.choice(self.SCALARS)
        if kind < 0.75:
            return [self.random_json(depth + 1) for _ in range(2)]
        names = self.chance.choices((TOKEN.decode(), "a", "é\n", ""), k=2)
        return {name: self.random_json(depth + 1) for name in names}

    def dump(self, value):
        return json.dumps(
            value,
            ensure_ascii=self.chance.random() < 0.5,
            indent=self.chance.choice((None, None, 0, 2, "\t")),
        )

    def random_members(self):
        """Members as text, for there may be two of one name."""
        members = []
        for name, value in random_pairs(self.chance):
            if not is_utf8(value) or self.chance.random() < 0.1:
                value = self.random_json()
            else:
                value = value.decode()
            members.append(f"{self.dump(name.decode())}: {self.dump(value)}")
        if self.chance.random() < 0.5:
            members.append(f'"json": {self.dump(self.random_json())}')
        return members

    def encode(self):
        space = "".join(self.chance.choices(" \t\r\n", k=2))
        members = f",{space}".join(self.random_members())
        return (f"{space}{{" + members + f"}}{space}").encode()

    @staticmethod
    def parsed(text):
        """The members with strings, and what is wrong with the others."""
        members = json.loads(text, object_pairs_hook=Members)
        if not isinstance(members, Members):
            return [], {"invalid"}
        fields = [
            (name.encode(), value)
            for name, value in members
            if name.encode() in (TOKEN, OFFER)
        ]
        known = set()
        if not all(isinstance(value, str) for _, value in fields):
            known.add("invalid")
        if has_nul(members):
            known.add("invalid")
        return [
            (name, value.encode())
            for name, value in fields
            if isinstance(value, str)
        ], known

    def test_objects_are_read_as_json_reads_them(self):
        """But a NUL, in any string, is refused."""
        texts = [self.encode() for _ in range(REQUESTS)]
        counts = self.compare(
            [body(JSON, text) for text in texts],
            [self.parsed(text) for text in texts],
        )
        self.check_counts(counts)

    def test_what_json_still_reads_when_changed_is_read_alike(self):
        """Of what json refuses it is only asked that nothing breaks."""
        requests, expected, refused = [], [], []
        for _ in range(REQUESTS):
            text = bytearray(self.encode())
            place = self.chance.randrange(len(text))
            text[place] = self.chance.choice(b"\"\\{}[],: \n0eu\x80")
            try:
                expected.append(self.parsed(bytes(text)))
            except (ValueError, UnicodeError):
                refused.append(body(JSON, bytes(text)))
            else:
                requests.append(body(JSON, bytes(text)))
        self.compare(requests, expected)
        self.assertEqual(len(read(refused)), len(refused))
        self.assertGreater(len(requests), 100)
        self.assertGreater(len(refused), 100)

    def test_lone_surrogates_are_refused(self):
        """Which json does not mind."""
        texts = [
            b'{"' + TOKEN + b'": "a", "b": "%s"}' % escape
            for escape in (
                *(b"\\ud83d", b"\\ude00", b"\\ud83dx", b"\\ud83d\\u0041"),
                *(b"\\ud83d\\ud83d", b"\\udfff\\ud800"),
            )
        ]
        for result in read([body(JSON, text) for text in texts]):
            self.assertEqual(result, ("invalid", b"", b""))


def has_nul(value):
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Members):
        return any(has_nul(name) or has_nul(v) for name, v in value)
    return isinstance(value, list) and any(has_nul(v) for v in value)


if __name__ == "__main__":
    unittest.main()
