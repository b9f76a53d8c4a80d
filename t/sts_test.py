#!/usr/bin/python3
"""Compares how the module asks for credentials, and how it reads them, with
botocore and with Python's own parsers.

    make build/unit/sts && /usr/bin/python3 t/sts_test.py
"""

import json
import random
import re
import sys
import unittest
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import botocore.session
from botocore.endpoint_provider import EndpointProvider
from botocore.serialize import create_serializer

sys.path.insert(0, str(Path(__file__).resolve().parent / "unit"))
from frame import filter_through  # noqa: E402

SEED = 20261121
DOCUMENTS = 1500

BASE64 = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
)
NAME = BASE64[:62] + "_+=,.@-"
ODD = BASE64 + " \t\n<>&\"';]é€😀\x7f"

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
OPERATIONS = ("AssumeRole", "AssumeRoleWithWebIdentity")
XML_MEMBERS = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
JSON_MEMBERS = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")

TIME = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|\+00:00)", re.ASCII
)


def text(chance, letters, length):
    return "".join(chance.choices(letters, k=length))


def run(kind, *fields):
    return (kind, *fields, *(b"",) * (5 - len(fields)))


def read(kind, documents):
    """What the module makes of them: credentials, or None."""
    replies = filter_through(
        "sts", [run(kind, document) for document in documents], 5
    )
    return [
        None
        if wrong
        else (*(member.decode() for member in members[:3]), int(members[3]))
        for wrong, *members in replies
    ]


def seconds(value):
    """A time as the module takes it, or None."""
    match = TIME.fullmatch(value)
    try:
        moment = datetime.fromisoformat(match[1]) if match else None
    except ValueError:
        return None
    if moment is None or moment.year < 1970:
        return None
    return (moment - datetime(1970, 1, 1)) // timedelta(seconds=1)


def visible(value, longest):
    return re.fullmatch(r"[!-~]{1,%d}" % longest, value)


def credentials(members):
    """The rules of mp_credentials.h, for what a parser has found."""
    access_key, secret_key, token, expiration = members
    if not all(members) or seconds(expiration) is None:
        return None
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,128}", access_key):
        return None
    if not visible(secret_key, 256) or not visible(token, 12 * 1024):
        return None
    return (access_key, secret_key, token, seconds(expiration))


def random_time(chance):
    moment = datetime(1970, 1, 1) + timedelta(
        days=chance.randrange(-100, 200000), seconds=chance.randrange(86400)
    )
    value = moment.isoformat(timespec="seconds")
    if chance.random() < 0.05:
        value = value[:8] + chance.choice(("00", "29", "30", "31")) + (
            value[10:]
        )
    return value + chance.choices(
        ("Z", "+00:00", ".123Z", ".1+00:00", "", "z", "+01:00", ".Z"),
        (50, 10, 10, 5, 1, 1, 1, 1),
    )[0]


def random_members(chance):
    """Values, most of them as they should be."""
    values = [
        "ASIA" + text(chance, BASE64[:26], 16),
        text(chance, BASE64, chance.choice((1, 40, 256))),
        text(chance, BASE64 + "=", chance.choice((1, 356, 900))),
        random_time(chance),
    ]
    if chance.random() < 0.15:
        odd = text(chance, ODD, chance.randint(0, 9))
        values[chance.randrange(4)] = odd
    return values


class DocumentTest(unittest.TestCase):
    def setUp(self):
        self.chance = random.Random(f"{SEED} {self.id()}")

    def compare(self, kind, documents, expected):
        """Returns how many of the documents give credentials."""
        for document, result, wanted in zip(
            documents, read(kind, documents), expected
        ):
            with self.subTest(document=document):
                self.assertEqual(result, wanted)
        return sum(wanted is not None for wanted in expected)

    def check_cuts(self, kind, document, end):
        """Cut off before the byte at which it ends, it gives nothing."""
        cuts = [document[:length] for length in range(end)]
        self.assertEqual(set(read(kind, cuts)), {None})
        self.assertIsNotNone(read(kind, [document])[0])

    def change(self, document, pieces):
        """A document with a byte replaced, left out or put in."""
        place = self.chance.randrange(len(document))
        piece = self.chance.choice(pieces)
        length = self.chance.choice((0, 1, 1, len(piece)))
        return document[:place] + piece + document[place + length :]


class XmlTest(DocumentTest):
    NOISE = ("AssumedRoleUser", "Audience", "SessionToken", "Credentials", "é")
    PIECES = (
        *(b"<", b">", b"/", b"&", b";", b"#", b"x", b"=", b'"', b"'", b" "),
        *(b"!", b"?", b"-", b"]", b"", b"\x80", b"\0", b"A", b"<a>", b"</a>"),
        *(b"<!--", b"-->", b"]]>", b"<![CDATA[", b"?>", b"&amp;", b"<a/>"),
    )

    def escape(self, value, forbidden):
        escaped = ""
        for c in value:
            kind = self.chance.random()
            if kind < 0.03:
                escaped += f"&#{ord(c)};"
            elif kind < 0.06:
                escaped += f"&#x{ord(c):{self.chance.choice('xX')}};"
            elif c in forbidden or (c in "<>&\"'" and kind < 0.5):
                escaped += {
                    **{"<": "&lt;", ">": "&gt;", "&": "&amp;"},
                    **{'"': "&quot;", "'": "&apos;"},
                }[c]
            else:
                escaped += c
        return escaped

    def content(self, value):
        """Text in any of the forms that it can have."""
        if self.chance.random() < 0.1 and "]]>" not in value:
            return f"<![CDATA[{value}]]>"
        if value and self.chance.random() < 0.15:
            place = self.chance.randint(0, len(value))
            between = self.chance.choice(
                ("<!-- <a> & -->", "<?pi <a>?>", "<![CDATA[]]>", "<!---->")
            )
            return (
                self.content(value[:place])
                + between
                + self.content(value[place:])
            )
        return self.escape(value, "<>&")

    def attributes(self):
        written = ""
        for name in self.chance.sample(("a", "b-c", "_.9", "é"), k=2):
            if self.chance.random() < 0.1:
                quotation = self.chance.choice("'\"")
                value = text(self.chance, ODD, self.chance.randint(0, 5))
                written += (
                    f"{self.space(1)}{name}{self.space()}={self.space()}"
                    + quotation
                    + self.escape(value, "<&" + quotation)
                    + quotation
                )
        return written

    def space(self, least=0):
        return text(self.chance, " \t\r\n", self.chance.choice((least, 1, 2)))

    def element(self, prefix, name, content, attributes=""):
        end = self.chance.choice(("", "", self.space()))
        start = f"{prefix}{name}{attributes}{self.attributes()}"
        if not content and self.chance.random() < 0.5:
            return f"<{start}{end}/>"
        return f"<{start}{end}>{content}</{prefix}{name}{end}>"

    def noise(self, prefix):
        if self.chance.random() < 0.6:
            return self.space()
        if self.chance.random() < 0.3:
            return self.chance.choice(("<!-- x -->", "<?pi y?>", "&#9;", "x"))
        value = text(self.chance, ODD, self.chance.randint(0, 5))
        return self.element(
            prefix, self.chance.choice(self.NOISE), self.content(value)
        )

    def join(self, prefix, parts):
        return "".join(self.noise(prefix) + part for part in parts)

    def document(self):
        prefix = self.chance.choice(("", "", "s:", "sts-1.x:"))
        operation = self.chance.choice(OPERATIONS)
        parts = [
            self.element(prefix, name, self.content(value))
            for name, value in zip(XML_MEMBERS, random_members(self.chance))
        ]
        if self.chance.random() < 0.05:
            parts.pop(self.chance.randrange(4))
        if self.chance.random() < 0.05:
            parts.append(self.chance.choice(parts))
        self.chance.shuffle(parts)

        inner = self.join(prefix, parts)
        for name in ("Credentials", f"{operation}Result"):
            inner = self.join(prefix, [self.element(prefix, name, inner)])
        declared = f"xmlns:{prefix[:-1]}" if prefix else "xmlns"
        return (
            self.chance.choice(("", '<?xml version="1.0"?>\n', "<!-- a -->"))
            + self.element(
                prefix,
                f"{operation}Response",
                inner,
                f' {declared}="{NAMESPACE}"',
            )
            + self.space()
        ).encode()

    @staticmethod
    def parsed(document):
        """Credentials as ElementTree sees them; ParseError passes."""
        root = ElementTree.fromstring(document)
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        members = []
        for name in XML_MEMBERS:
            found = root.findall(f"*/Credentials/{name}")
            if len(found) > 1 or any(len(element) for element in found):
                return None
            members.append(found[0].text or "" if found else "")
        return credentials(members)

    def test_replies_are_read_as_elementtree_reads_them(self):
        documents = [self.document() for _ in range(DOCUMENTS)]
        taken = self.compare(
            b"xml", documents, [self.parsed(each) for each in documents]
        )
        self.assertGreater(taken, DOCUMENTS // 2)
        self.assertLess(taken, DOCUMENTS * 9 // 10)

    def test_what_elementtree_still_reads_when_changed_is_read_alike(self):
        """And of what it refuses nothing is taken, but where that is about
        namespaces, declarations or attributes that are there twice.
        """
        documents, expected, refused = [], [], []
        for _ in range(2 * DOCUMENTS):
            document = self.change(self.document(), self.PIECES)
            try:
                expected.append(self.parsed(document))
            except ElementTree.ParseError as error:
                if not re.search(
                    "prefix|duplicate attribute|declaration", str(error)
                ):
                    refused.append(document)
            else:
                documents.append(document)

        taken = self.compare(b"xml", documents, expected)
        self.compare(b"xml", refused, [None] * len(refused))
        self.assertGreater(taken, 300)
        self.assertGreater(len(refused), 300)

    def test_a_reply_cut_off_is_refused(self):
        for _ in range(5):
            document = self.document()
            while self.parsed(document) is None:
                document = self.document()
            self.check_cuts(
                b"xml", document, len(document.rstrip(b" \t\r\n"))
            )


class Members(list):
    """An object's members, those of equal names too."""


class JsonTest(DocumentTest):
    OTHERS = (None, True, 0, -1.5e3, "", "a\"\\/\b", "é😀", [1, {}], {"b": 1})
    PIECES = tuple(bytes([c]) for c in b"\"\\{}[],: \n0eu1A\x80") + (b"",)

    def dump(self, value):
        dumped = json.dumps(value, ensure_ascii=self.chance.random() < 0.5)
        if isinstance(value, str) and self.chance.random() < 0.3:
            dumped = dumped.replace("/", "\\/")
        if isinstance(value, str) and self.chance.random() < 0.2:
            dumped = re.sub(
                "[A-Z=]",
                lambda c: f"\\u{ord(c[0]):04x}"
                if self.chance.random() < 0.2
                else c[0],
                dumped,
            )
        return dumped

    def document(self):
        members = list(zip(JSON_MEMBERS, random_members(self.chance)))
        kind = self.chance.random()
        if kind < 0.05:
            members.pop(self.chance.randrange(4))
        elif kind < 0.1:
            members.append(self.chance.choice(members))
        elif kind < 0.15:
            place = self.chance.randrange(4)
            other = self.chance.choice(self.OTHERS)
            members[place] = (members[place][0], other)
        if self.chance.random() < 0.5:
            code = self.chance.choices(
                ("Success", "Failed", "", None), (20, 1, 1, 1)
            )
            members.append(("Code", code[0]))
        for name in ("token", "Type", "é", ""):
            if self.chance.random() < 0.2:
                members.append((name, self.chance.choice(self.OTHERS)))
        self.chance.shuffle(members)

        space = text(self.chance, " \t\r\n", self.chance.randint(0, 2))
        return (
            f"{space}{{{space}"
            + f"{space},".join(
                f"{self.dump(name)}{space}:{self.dump(value)}"
                for name, value in members
            )
            + f"{space}}}{space}"
        ).encode()

    @staticmethod
    def parsed(document):
        """Credentials as json sees them; ValueError passes.

        Also that of a lone surrogate, which json does not mind.
        """
        members = json.loads(document.decode(), object_pairs_hook=Members)
        json.dumps(members, ensure_ascii=False).encode()
        if not isinstance(members, Members):
            return None
        found = {}
        for name, value in members:
            if name in (*JSON_MEMBERS, "Code"):
                if name in found or not isinstance(value, str):
                    return None
                found[name] = value
        if found.get("Code", "Success") != "Success":
            return None
        return credentials([found.get(name, "") for name in JSON_MEMBERS])

    def test_documents_are_read_as_json_reads_them(self):
        documents = [self.document() for _ in range(DOCUMENTS)]
        taken = self.compare(
            b"json", documents, [self.parsed(each) for each in documents]
        )
        self.assertGreater(taken, DOCUMENTS // 2)
        self.assertLess(taken, DOCUMENTS * 9 // 10)

    def test_what_json_still_reads_when_changed_is_read_alike(self):
        """Of what json refuses it is only asked that nothing breaks."""
        documents, expected, refused = [], [], []
        for _ in range(2 * DOCUMENTS):
            document = self.change(self.document(), self.PIECES)
            try:
                expected.append(self.parsed(document))
            except ValueError:
                refused.append(document)
            else:
                documents.append(document)

        taken = self.compare(b"json", documents, expected)
        self.assertEqual(len(read(b"json", refused)), len(refused))
        self.assertGreater(taken, 300)
        self.assertGreater(len(refused), 300)

    def test_a_document_cut_off_is_refused(self):
        for _ in range(5):
            document = self.document()
            while self.parsed(document) is None:
                document = self.document()
            self.check_cuts(
                b"json", document, len(document.rstrip(b" \t\r\n"))
            )


class RequestTest(unittest.TestCase):
    def setUp(self):
        self.chance = random.Random(f"{SEED} {self.id()}")
        session = botocore.session.get_session()
        self.model = session.get_service_model("sts")
        self.loader = session.get_component("data_loader")

    def random_role(self):
        """The parameters of AssumeRole, in the order that they are sent."""
        partition = self.chance.choice(("aws", "aws-cn", "aws-us-gov"))
        path = self.chance.choice(("", "a/", "service-role/~!*'()%$ab/"))
        name = text(self.chance, NAME, self.chance.choice((1, 20, 64)))
        role = {
            "RoleArn": f"arn:{partition}:iam::123456789012:role/{path}{name}",
            "RoleSessionName": "nginx-marketplace",
        }
        if self.chance.random() < 0.5:
            length = self.chance.choice((2, 30, 64))
            role["RoleSessionName"] = text(self.chance, NAME, length)
        if self.chance.random() < 0.5:
            length = self.chance.choice((2, 30, 1224))
            role["ExternalId"] = text(self.chance, NAME + ":/", length)
        if self.chance.random() < 0.5:
            duration = self.chance.choice((900, 3600, 43200))
            role["DurationSeconds"] = duration
        return role

    def random_token(self):
        letters = self.chance.choice((BASE64 + ".-_=", ODD))
        return text(self.chance, letters, self.chance.choice((4, 9, 1000)))

    def body_of_botocore(self, operation, role):
        """As the preparer of botocore encodes it, but ' ' as %20."""
        request = create_serializer("query").serialize_to_request(
            role, self.model.operation_model(operation)
        )
        return urlencode(request["body"], quote_via=quote, safe="").encode()

    def test_bodies_are_those_that_botocore_sends(self):
        requests, expected = [], []
        for _ in range(DOCUMENTS):
            role = self.random_role()
            operation, token = "AssumeRole", ""
            if self.chance.random() < 0.5:
                operation, token = OPERATIONS[1], self.random_token()
                role.pop("ExternalId", None)
                role["WebIdentityToken"] = token
            name = role["RoleSessionName"]
            requests.append(
                run(
                    b"body",
                    token.encode(),
                    role["RoleArn"].encode(),
                    role.get("ExternalId", "").encode(),
                    b"" if name == "nginx-marketplace" else name.encode(),
                    b"%d" % role.get("DurationSeconds", 0),
                )
            )
            expected.append(self.body_of_botocore(operation, role))

        replies = filter_through("sts", requests, 5)
        for request, reply, body in zip(requests, replies, expected):
            with self.subTest(request=request):
                self.assertEqual(reply[0], body)

    def regions(self, partitions):
        """Those that botocore knows, and some of the same partitions."""
        for partition in partitions["partitions"]:
            for region in partition["regions"]:
                if re.fullmatch(r"[a-z]+(-[a-z]+)+-\d+", region):
                    yield region
                    yield re.sub(r"\d+$", "77", region)
                    yield re.sub(r"[a-z]+-\d+$", "nowhere-1", region)
        yield "zz-nowhere-1"

    def test_hosts_are_those_that_botocore_asks(self):
        partitions = self.loader.load_data("partitions")
        rules = self.loader.load_service_model("sts", "endpoint-rule-set-1")
        provider = EndpointProvider(rules, partitions)

        regions = sorted(set(self.regions(partitions)))
        self.assertGreater(len(regions), 60)

        replies = filter_through(
            "sts", [run(b"host", region.encode()) for region in regions], 5
        )
        for region, reply in zip(regions, replies):
            with self.subTest(region=region):
                endpoint = provider.resolve_endpoint(
                    Region=region,
                    UseGlobalEndpoint=False,
                    UseDualStack=False,
                    UseFIPS=False,
                )
                self.assertEqual(f"https://{reply[0].decode()}", endpoint.url)


if __name__ == "__main__":
    unittest.main()
