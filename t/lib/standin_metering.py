"""AWS Marketplace Metering: ResolveCustomer, which the token has its way with."""

import hashlib
import json
import re
from dataclasses import replace

from standin_answers import Usual, chosen, shared_answer
from standin_http import JSON_TYPE, Reply, html_reply, json_reply
from standin_service import EXPIRED_CREDENTIALS, INVALID_KEY, WRONG_SIGNATURE, AwsError, Service
from standin_signature import verify

PRODUCT_CODE = "standinproductcode0000001"
HOST_REGION = re.compile(r"metering[.-]marketplace(?:-fips)?\.([a-z0-9-]+)\.")

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


def chosen_error(name, status, forms, message):
    if not FORMS.issuperset(forms):
        raise ValueError
    usual = EXPIRED_CREDENTIALS if "credentials" in forms else MESSAGES.get(name, f"{name} from the stand-in")
    if status is None:
        status = STATUSES.get(name, 400)
    return error_reply(name, status, forms, message or usual)


def without(fields, name):
    return {key: value for key, value in fields.items() if key != name}


CUSTOMERS = {
    "new": lambda fields, rest: without(fields, "CustomerIdentifier"),
    "empty": lambda fields, rest: {**fields, "CustomerIdentifier": ""},
    "null": lambda fields, rest: {**fields, "CustomerIdentifier": None},
    "old": lambda fields, rest: without(fields, "LicenseArn"),
    "product": lambda fields, rest: {**fields, "ProductCode": rest},
}


def plain_answer(token):
    name, colon, rest = token.partition(":")
    if colon and name in CUSTOMERS:
        return json_reply(CUSTOMERS[name](customer(token), rest))
    try:
        return shared_answer(token, Usual(lambda: customer(token), json_reply, chosen_error))
    except ValueError:
        # Neither is an argument that is none in the grammar.
        return error_reply("InvalidTokenException", 400, message=MESSAGES["InvalidTokenException"])


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


def resolve_customer(call, account, times):
    if not account.permitted:
        raise AwsError(
            "AccessDeniedException",
            f"User: {account.arn} is not authorized to perform: "
            "aws-marketplace:ResolveCustomer because no identity-based policy allows the "
            "aws-marketplace:ResolveCustomer action",
        )
    token = parse_token(call.request.body)
    if account.sells:
        return chosen(token, times, plain_answer)
    refusal = AwsError("InvalidTokenException", MESSAGES["InvalidTokenException"])
    call.record["error"] = str(refusal)
    return chosen(token, times, lambda rest: error_reply(refusal.name, refusal.status, message=refusal.message))


class Metering(Service):
    """AWS Marketplace Metering; what nothing else takes is for it."""

    name = "metering"
    operations = ("metering.ResolveCustomer",)

    def takes(self, request, settings):
        return True

    def operation(self, request):
        target = request.header("x-amz-target")
        return self.operations[0] if target == "AWSMPMeteringService.ResolveCustomer" else None

    def serve(self, call):
        request = call.request
        times = call.nth(("token", call.record["token"]))
        if request.method != "POST" or request.path != "/":
            raise AwsError("UnknownOperationException", status=404)
        if call.operation is None or request.media_type() != JSON_TYPE:
            raise AwsError("UnknownOperationException")
        host = HOST_REGION.match(request.header("host"))
        account = verify(call, "aws-marketplace", host and host[1], ("content-type", "x-amz-target"))
        return resolve_customer(call, account, times)

    def refused(self, error):
        return error_reply(error.name, error.status, error.forms, error.message)
