"""EC2's instance metadata service, version 2 of it only."""

import json
import re
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import unquote

from standin_http import Reply, html_reply
from standin_keys import iso_time, new_token
from standin_service import AwsError, Service

TOKEN_PATH = "/latest/api/token"
ROLES_PATH = "/latest/meta-data/iam/security-credentials"
TTL = "x-aws-ec2-metadata-token-ttl-seconds"
TTLS = range(1, 21601)
SESSION_LENGTH = 56

ROLE_ARN = "arn:aws:iam::111122223333:role/"
INSTANCE = "i-0123456789abcdef0"
LIFETIME = 6 * 3600


def refusal(status):
    return AwsError(HTTPStatus(status).phrase, status=status)


def text_reply(text, **options):
    return Reply(body=text.encode(), content_type="text/plain", **options)


def values_reply(fields):
    return text_reply("".join(fields.values()))


def document_reply(fields):
    return text_reply(json.dumps(fields, indent=2, separators=(",", " : ")))


def role_of(path):
    """The role that a path of credentials names, "" if it is the list."""
    return unquote(path.removeprefix(ROLES_PATH).strip("/"))


class Imds(Service):
    name = "imds"
    operations = ("imds.token", "imds.role", "imds.credentials")

    def takes(self, request, settings):
        return request.path.startswith("/latest/")

    def operation(self, request):
        if request.path == TOKEN_PATH:
            return "imds.token"
        if not (request.path + "/").startswith(ROLES_PATH + "/"):
            return None
        return "imds.credentials" if role_of(request.path) else "imds.role"

    def serve(self, call):
        if call.operation == "imds.token":
            return self.token(call)
        if call.request.method != "GET":
            raise refusal(405)
        self.check_session(call)
        if call.operation is None or not call.setting("role"):
            raise refusal(404)
        if call.operation == "imds.role":
            return self.role(call)
        return self.role_credentials(call)

    def token(self, call):
        request = call.request
        if request.method != "PUT":
            raise refusal(405)
        if request.header("x-forwarded-for") is not None:
            raise refusal(403)
        ttl = request.header(TTL) or ""
        if not re.fullmatch("[0-9]{1,5}", ttl) or int(ttl) not in TTLS:
            raise refusal(400)

        def fields():
            token = new_token(SESSION_LENGTH)
            call.state.sessions[token] = call.now + int(ttl)
            return {"Token": token}

        def reply(values):
            return replace(values_reply(values), headers=[(TTL, ttl)])

        return self.answered(call, fields, reply)

    def check_session(self, call):
        token = call.request.header("x-aws-ec2-metadata-token")
        if call.now >= call.state.sessions.get(token, 0):
            raise refusal(401)

    def role(self, call):
        role = call.setting("role")
        return self.answered(call, lambda: {"Role": role}, values_reply)

    def role_credentials(self, call):
        role = role_of(call.request.path)
        if role != call.setting("role"):
            raise refusal(404)

        def fields():
            lifetime = call.lifetime(LIFETIME)
            return {
                "Code": "Success",
                "LastUpdated": iso_time(call.now),
                "Type": "AWS-HMAC",
                **call.credentials(ROLE_ARN + role, INSTANCE, lifetime),
            }

        return self.answered(call, fields, document_reply)

    def refused(self, error):
        return self.dressed(html_reply(error.status))

    def error(self, name, status=None, message=None):
        """What the service says of a role that it cannot assume."""
        message = message or f"{name} from the stand-in"
        document = document_reply({"Code": name, "Message": message})
        return replace(document, status=status or 200)

    def dressed(self, reply):
        # The real one, too, closes behind every reply.
        return replace(
            reply,
            headers=[*reply.headers, ("Server", "EC2ws")],
            request_id=None,
            announce_close=True,
            keep=False,
        )
