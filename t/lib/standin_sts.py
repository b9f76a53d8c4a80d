"""The Security Token Service: AssumeRole and AssumeRoleWithWebIdentity."""

import re
from dataclasses import dataclass
from typing import Optional
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from standin_http import Reply, new_request_id
from standin_keys import assumed_role
from standin_service import (
    EXPIRED_CREDENTIALS,
    INVALID_KEY,
    WRONG_SIGNATURE,
    AwsError,
    Service,
)
from standin_signature import verify

VERSION = "2011-06-15"
NAMESPACE = f"https://sts.amazonaws.com/doc/{VERSION}/"
FORM = "application/x-www-form-urlencoded"

HOST_REGION = re.compile(r"sts(?:-fips)?\.([a-z]+(?:-[a-z]+)+-[0-9])\.")

LIFETIME = 3600
CHAINED_MAX = 3600

SIGNED_HEADERS = ("authorization", "x-amz-date", "x-amz-security-token")

ROLE_ID = "AROASTANDINEXAMPLE000"
WEB_RESULT = {
    "SubjectFromWebIdentityToken": "system:serviceaccount:default:nginx",
    "Audience": "sts.amazonaws.com",
    "Provider": "arn:aws:iam::111122223333:oidc-provider/oidc.example.com",
}


# ------------------------------------------------------------------- roles


@dataclass(frozen=True)
class Role:
    """A role; who may assume it, with what, and what it may do then."""

    operations: tuple = ("sts.AssumeRole",)
    principal: Optional[str] = None
    external_id: Optional[str] = None
    permitted: bool = True

    def trusts(self, caller):
        return self.principal in (None, caller.role)


NO_ROLE = Role(operations=())

ACCOUNT = "arn:aws:iam::111122223333:role/"
WEB = "sts.AssumeRoleWithWebIdentity"

ROLES = {
    ACCOUNT + "seller": Role(operations=("sts.AssumeRole", WEB)),
    ACCOUNT + "external": Role(external_id="standin-external-id"),
    ACCOUNT + "untrusting": NO_ROLE,
    ACCOUNT + "chained": Role(principal=ACCOUNT + "seller"),
    ACCOUNT + "web": Role(operations=(WEB,)),
    ACCOUNT + "denied": Role(permitted=False),
    "arn:aws:iam::777788889999:role/path/elsewhere": Role(),
}


# ------------------------------------------------------------------ errors

# What the other protocol calls otherwise, and what refuses with a status
# other than 400.

NAMES = {
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "ExpiredTokenException": "ExpiredToken",
}

STATUSES = {
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "InvalidClientTokenId": 403,
    "MissingAuthenticationToken": 403,
    "RegionDisabledException": 403,
    "SignatureDoesNotMatch": 403,
    "InternalFailure": 500,
    "ServiceUnavailable": 503,
}

MESSAGES = {
    "ExpiredToken": EXPIRED_CREDENTIALS,
    "InvalidClientTokenId": INVALID_KEY,
    "SignatureDoesNotMatch": WRONG_SIGNATURE,
    "Throttling": "Rate exceeded",
}


def refusal(name, message=None):
    message = message or MESSAGES.get(name, f"{name} from the stand-in")
    return AwsError(name, message, STATUSES.get(name, 400))


# -------------------------------------------------------------- parameters


def invalid(message):
    return AwsError("ValidationError", message)


def violation(name, value, constraint):
    shown = "null" if value is None else f"'{value}'"
    return invalid(
        f"1 validation error detected: Value {shown} at "
        f"'{name[0].lower() + name[1:]}' failed to satisfy constraint: "
        f"Member must {constraint}"
    )


def parse_form(body):
    """Strict: every escape is complete, and nothing is said twice."""
    if not re.fullmatch(rb"([A-Za-z0-9._~*=&+-]|%[0-9A-Fa-f]{2})*", body):
        raise invalid("the form is not encoded as it has to be")
    try:
        pairs = parse_qsl(
            body.decode(), True, strict_parsing=bool(body), errors="strict"
        )
    except ValueError:
        raise invalid("the form is malformed") from None
    if len(dict(pairs)) < len(pairs):
        raise invalid("a parameter is there twice")
    return dict(pairs)


@dataclass(frozen=True)
class Parameter:
    """What a value has to be like."""

    name: str
    pattern: str
    lengths: range
    required: bool = True

    def check(self, value):
        if value is None and self.required:
            raise violation(self.name, None, "not be null")
        if value is None:
            return
        if len(value) not in self.lengths:
            limits = f"{self.lengths[0]} and {self.lengths[-1]}"
            raise violation(self.name, value, f"have length between {limits}")
        if not re.fullmatch(self.pattern, value, re.ASCII):
            wanted = f"satisfy regular expression pattern: {self.pattern}"
            raise violation(self.name, value, wanted)


ROLE_ARN = Parameter(
    "RoleArn", r"arn:aws(-[a-z]+)*:iam::\d{12}:role/\S+", range(20, 2049)
)
SESSION_NAME = Parameter("RoleSessionName", r"[\w+=,.@-]*", range(2, 65))
EXTERNAL_ID = Parameter("ExternalId", r"[\w+=,.@:/-]*", range(2, 1225), False)
WEB_IDENTITY = Parameter("WebIdentityToken", r"[!-~]*", range(4, 20001))
DURATION = Parameter("DurationSeconds", r"\d*", range(1, 10), False)
DURATIONS = range(900, 43201)


def check_parameters(form, *parameters):
    for parameter in (ROLE_ARN, SESSION_NAME, *parameters, DURATION):
        parameter.check(form.get(parameter.name))
    seconds = form.get(DURATION.name)
    if seconds is not None and int(seconds) not in DURATIONS:
        limits = f"{DURATIONS[0]} and {DURATIONS[-1]}"
        raise violation(
            DURATION.name, seconds, f"have value between {limits}"
        )


# --------------------------------------------------------------------- XML


def element(name, content, depth=0):
    """An element of text or, if the content is a dict, of elements."""
    indent = "  " * depth
    start, end = f"{indent}<{name}>", f"</{name.partition(' ')[0]}>\n"
    if not isinstance(content, dict):
        return start + escape(content) + end
    inner = "".join(
        element(inner_name, value, depth + 1)
        for inner_name, value in content.items()
    )
    return f"{start}\n{inner}{indent}{end}"


def xml_reply(name, content, request_id, status=200):
    text = element(f'{name} xmlns="{NAMESPACE}"', content)
    return Reply(status, text.encode(), "text/xml", request_id=request_id)


def action_reply(action, result):
    request_id = new_request_id()
    content = {
        f"{action}Result": result,
        "ResponseMetadata": {"RequestId": request_id},
    }
    return xml_reply(f"{action}Response", content, request_id)


def error_reply(name, status, message):
    request_id = new_request_id()
    error = {
        "Type": "Receiver" if status >= 500 else "Sender",
        "Code": name,
        "Message": message,
    }
    content = {"Error": error, "RequestId": request_id}
    return xml_reply("ErrorResponse", content, request_id, status)


# ----------------------------------------------------------------- service


def form_action(request):
    try:
        return parse_form(request.body).get("Action")
    except AwsError:
        return None


def host_region(request):
    """The region that the host is of; None if it is not a host of AWS."""
    host = request.header("host")
    if host.startswith("sts.amazonaws.com"):
        return "us-east-1"
    match = HOST_REGION.match(host)
    return match and match[1]


class Sts(Service):
    name = "sts"
    operations = ("sts.AssumeRole", WEB)

    def takes(self, request, settings):
        has_target = request.header("x-amz-target") is not None
        return request.media_type() == FORM and not has_target

    def operation(self, request):
        operation = f"sts.{form_action(request)}"
        return operation if operation in self.operations else None

    def serve(self, call):
        request = call.request
        if (request.method, request.target) != ("POST", "/"):
            raise refusal("InvalidAction", "POST to / is what is served here")
        if request.media_type() != FORM:
            raise refusal("MissingAction", "a form is what is served here")
        form = parse_form(request.body)
        if call.operation is None or form.get("Version") != VERSION:
            raise refusal("InvalidAction", "no such operation in this version")
        if call.operation == WEB:
            return self.assume_role_with_web_identity(call, form)
        return self.assume_role(call, form)

    def assume_role(self, call, form):
        caller = self.caller(call)
        check_parameters(form, EXTERNAL_ID)
        arn = form["RoleArn"]
        role = ROLES.get(arn, NO_ROLE)
        if not (
            caller.permitted
            and call.operation in role.operations
            and role.trusts(caller)
            and role.external_id in (None, form.get("ExternalId"))
        ):
            raise refusal(
                "AccessDenied",
                f"User: {caller.arn} is not authorized to perform: "
                f"sts:AssumeRole on resource: {arn}",
            )
        chained = (caller.issued_by or "").startswith("sts.")
        if chained and int(form.get("DurationSeconds", 0)) > CHAINED_MAX:
            raise refusal(
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session "
                "limit for roles assumed by role chaining.",
            )
        return self.assumed(call, form, role, {})

    def caller(self, call):
        """The account that signed, or an error under the name it has here."""
        region = call.setting("region") or host_region(call.request)
        try:
            return verify(call, "sts", region, ("content-type",))
        except AwsError as error:
            name = NAMES[error.name]
            raise refusal(name, error.message) from None

    def assume_role_with_web_identity(self, call, form):
        request = call.request
        if any(request.header(name) is not None for name in SIGNED_HEADERS):
            raise refusal("ValidationError", f"{WEB} is not to be signed")
        check_parameters(form, WEB_IDENTITY)
        accepted = call.setting("web_identity").split()
        if form["WebIdentityToken"] not in accepted:
            raise refusal(
                "InvalidIdentityToken",
                "No OpenIDConnect provider found in your account for it",
            )
        role = ROLES.get(form["RoleArn"], NO_ROLE)
        if call.operation not in role.operations:
            raise refusal("AccessDenied", f"Not authorized to perform {WEB}")
        return self.assumed(call, form, role, WEB_RESULT)

    def assumed(self, call, form, role, more):
        """The answer to who may assume the role."""
        arn, session = form["RoleArn"], form["RoleSessionName"]
        lifetime = call.lifetime(form.get("DurationSeconds", LIFETIME))
        user = {
            "AssumedRoleId": f"{ROLE_ID}:{session}",
            "Arn": assumed_role(arn, session),
        }

        def fields():
            return call.credentials(
                *(arn, session, lifetime),
                token="SessionToken",
                permitted=role.permitted,
            )

        def reply(values):
            result = {"AssumedRoleUser": user, "Credentials": values, **more}
            return action_reply(form["Action"], result)

        return self.answered(call, fields, reply)

    def error(self, name, status=None, message=None):
        error = refusal(name, message)
        status = error.status if status is None else status
        return error_reply(name, status, error.message)
