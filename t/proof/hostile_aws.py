"""AWS as nobody wants it to be: see t/proof/hostile."""

import asyncio
import contextlib
import datetime
import email.utils
import json
import random
import re
import secrets

from damage import change, cut, damaged, deliver, leave_out, reset

CUSTOMER = {"CustomerIdentifier": "ifAPi5AcF3", "ProductCode": "product",
            "CustomerAWSAccountId": "123456789012", "LicenseArn": "arn:aws:"
            "license-manager::111122223333:license/l-0123456789"}


HOSTILE_BODIES = [
    b"", b"null", b"[]", b"{" * 5000, b"[" * 100000, b'{"a":' * 2000,
    b'{"CustomerAWSAccountId":"1","CustomerAWSAccountId":"2"}',
    b'{"CustomerAWSAccountId":{"a":[1,2]},"ProductCode":1e999}',
    b'{"CustomerAWSAccountId":"123\\r\\nX: y\\u0000","ProductCode":"p"}',
    b'{"__type":"' + b"a" * 3000 + b'","message":"\\ud800"}',
    b'{"__type":"ExpiredTokenException","message":"' + b"\xff" * 500 + b'"}',
    b"x" * 300000, b"<html>", b"<a>" * 5000, b"<a b='&c;&#0;&#xffffffff;'/>",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"<![CDATA[" + b"]" * 999]

STATUS_LINES = [
    b"HTTP/1.1 500 Error", b"HTTP/1.1 503 Slow Down", b"HTTP/1.1 400 Bad",
    b"HTTP/1.1 403 Forbidden", b"HTTP/1.1 404 Not Found", b"HTTP/1.1 204 None",
    b"HTTP/1.1 304 Same", b"HTTP/1.1 301 Moved", b"HTTP/1.1 101 Switch",
    b"HTTP/1.0 200 OK", b"HTTP/2 200", b"HTTP/1.1 999", b"HTTP/1.1 20 OK",
    b"HTTP/1.1 2000 OK", b"ICY 200 OK", b"HTTP/1.1 100 Continue\r\n\r\n" * 50]


def credentials(lifetime):
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(
        seconds=lifetime)
    return {"Code": "Success", "AccessKeyId": "ASIAEXAMPLE",
            "SecretAccessKey": secrets.token_hex(20), "Token": "token",
            "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ")}


def sts_document(lifetime):
    keys = credentials(lifetime)
    keys["SessionToken"] = keys.pop("Token")
    fields = "".join(f"<{name}>{value}</{name}>"
                     for name, value in keys.items() if name != "Code")
    return ("<AssumeRoleResponse><AssumeRoleResult><Credentials>"
            f"{fields}</Credentials></AssumeRoleResult></AssumeRoleResponse>"
            ).replace("AssumeRole", "AssumeRoleWithWebIdentity")


def friendly_body(target, request, lifetime):
    """What AWS would answer, whichever service is asked."""
    if target == b"/latest/api/token":
        return "token"
    if target.endswith(b"/security-credentials/"):
        return "role"
    if target != b"/":
        return json.dumps(credentials(lifetime))
    if b"Action=AssumeRoleWith" in request:
        return sts_document(lifetime)
    if b"Action=" in request:
        return sts_document(lifetime).replace("WithWebIdentity", "")
    return json.dumps(CUSTOMER)


def reply(status_line, body):
    return (b"%s\r\nDate: %s\r\nX-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600"
            b"\r\nContent-Length: %d\r\n\r\n%s" % (
                status_line, email.utils.formatdate(usegmt=True).encode(),
                len(body), body))


class Aws:
    """All services, over whatever comes."""

    def __init__(self, seed):
        self.seed = seed
        self.friendly = True
        self.chances = 0
        self.replies = 0
        self.open = set()

    async def listen(self, stack, port, speak, context=None):
        server = await asyncio.start_server(
            speak, "127.0.0.1", port, ssl=context, limit=2 ** 20,
            backlog=1000)
        stack.callback(server.close)

    def next_chance(self):
        self.chances += 1
        return random.Random(f"{self.seed} reply {self.chances}")

    async def converse(self, reader, writer):
        self.open.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError,
                                 asyncio.LimitOverrunError):
            while await self.answer_next(reader, writer):
                pass
        self.open.discard(writer)
        writer.close()

    async def answer_next(self, reader, writer):
        """Whether the connection is to be kept."""
        chance = self.next_chance()
        if not self.friendly and chance.random() < 0.02:
            await self.misbehave(chance, writer)
            return False
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        body = await reader.readexactly(int(length[1]) if length else 0)
        target = head.split(b" ")[1]
        self.replies += 1
        if self.friendly:
            writer.write(reply(b"HTTP/1.1 200 OK", friendly_body(
                target, body, 3600).encode()))
            return True
        await deliver(chance, writer,
                      self.hostile_reply(chance, target, body))
        return await self.hostile_end(chance, writer)

    def hostile_reply(self, chance, target, request):
        status_line = b"HTTP/1.1 200 OK"
        if chance.random() < 0.3:
            status_line = chance.choice(STATUS_LINES)
        body = friendly_body(target, request,
                             chance.choice([-10, 1, 200, 3600])).encode()
        if chance.random() < 0.3:
            body = chance.choice(HOSTILE_BODIES)
        elif chance.random() < 0.3:
            body = chance.choice([change, cut, leave_out])(chance, body)
        message = reply(status_line, body)
        return damaged(chance, message) if chance.random() < 0.5 else message

    async def hostile_end(self, chance, writer):
        end = chance.random()
        if end < 0.1:
            await asyncio.sleep(0.3)
        elif end < 0.2:
            reset(writer)
        elif end < 0.25:
            writer.write(chance.randbytes(50))
        return end > 0.3

    async def misbehave(self, chance, writer):
        """Without a look at what is asked."""
        self.replies += 1
        end = chance.random()
        if end < 0.3:
            reset(writer)
        elif end < 0.6:
            writer.write(chance.randbytes(chance.choice([1, 7, 4000])))
        elif end < 0.8:
            await asyncio.sleep(0.3)

    async def speak_no_tls(self, reader, writer):
        with contextlib.suppress(OSError):
            await self.misbehave(self.next_chance(), writer)
        writer.close()

    def hang_up(self):
        for writer in self.open:
            writer.close()
