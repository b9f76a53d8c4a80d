"""AWS Signature Version 4, checked with botocore's signer.

It is independent of the signer under test.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from standin_service import EXPIRED_CREDENTIALS, INVALID_KEY, WRONG_SIGNATURE, AwsError

CLOCK_TOLERANCE = timedelta(minutes=5)

REGIONS = re.compile(
    r"(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-\d"
    r"|cn-north(west)?-1|us-gov-(east|west)-1|us-isob?-(east|west)-1"
    r"|eusc-de-east-1"
)


class ReceivedAuth(SigV4Auth):
    """botocore's signer over the headers that the client names, as received."""

    def __init__(self, secret, service, region, names):
        super().__init__(Credentials("", secret), service, region)
        self.names = names

    def headers_to_sign(self, request):
        return request.context["received"]


def sign(request, secret, amz_date, region, service, names):
    """What the signature should be: (canonical request, string to sign, signature)."""
    received = HTTPHeaders()
    for name, value in request.headers:
        if name.lower() in names:
            received[name.lower()] = value
    signer = ReceivedAuth(secret, service, region, names)
    aws_request = AWSRequest(request.method, f"http://host{request.target}", data=request.body)
    aws_request.context.update(timestamp=amz_date, received=received)
    canonical = signer.canonical_request(aws_request)
    string_to_sign = signer.string_to_sign(aws_request, canonical)
    return canonical, string_to_sign, signer.signature(string_to_sign, aws_request)


@dataclass
class Authorization:
    key_id: str
    date: str
    region: str
    service: str
    terminator: str
    names: list
    signature: str


def parse_authorization(request):
    text = request.header("authorization")
    if not text or not text.startswith("AWS4-"):
        raise AwsError("MissingAuthenticationTokenException", "Request is missing Authentication Token")
    algorithm, _, rest = text.partition(" ")
    pairs = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    wanted = ("Credential", "Signature", "SignedHeaders")
    problems = [f"Authorization header requires '{name}' parameter." for name in wanted if not pairs.get(name)]
    if request.header("x-amz-date") is None:
        problems.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if algorithm != "AWS4-HMAC-SHA256":
        problems.append(f"Unsupported AWS 'algorithm': '{algorithm}' (only AWS4-HMAC-SHA256 for now).")
    if problems:
        raise AwsError("IncompleteSignatureException", " ".join(problems))
    scope = pairs["Credential"].split("/")
    if len(scope) != 5:
        raise AwsError(
            "IncompleteSignatureException",
            "Credential must have exactly 5 slash-delimited elements, "
            f"e.g. keyid/date/region/service/term, got '{pairs['Credential']}'",
        )
    return Authorization(*scope, pairs["SignedHeaders"].split(";"), pairs["Signature"])


def amz_time(moment):
    return moment.strftime(SIGV4_TIMESTAMP)


def check_clock(amz_date, now):
    try:
        if not re.fullmatch(r"\d{8}T\d{6}Z", amz_date):
            raise ValueError
        signed = datetime.strptime(amz_date, SIGV4_TIMESTAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        raise AwsError(
            "IncompleteSignatureException",
            f"Date must be in ISO-8601 'basic format'. Got '{amz_date}'. See http://en.wikipedia.org/wiki/ISO_8601",
        ) from None
    clock = datetime.fromtimestamp(int(now), timezone.utc)
    earliest, latest = clock - CLOCK_TOLERANCE, clock + CLOCK_TOLERANCE
    if signed < earliest:
        raise AwsError(
            "InvalidSignatureException",
            f"Signature expired: {amz_date} is now earlier than {amz_time(earliest)} ({amz_time(clock)} - 5 min.)",
        )
    if signed > latest:
        raise AwsError(
            "InvalidSignatureException",
            f"Signature not yet current: {amz_date} is still later than {amz_time(latest)} "
            f"({amz_time(clock)} + 5 min.)",
        )


def check_signed_headers(request, names, required):
    if request.header("x-amz-security-token") is not None:
        required = (*required, "x-amz-security-token")
    for name in required:
        if name not in names:
            raise AwsError(
                "InvalidSignatureException",
                f"'{name.title()}' must be a 'SignedHeader' in the AWS Authorization.",
            )
    if names != sorted({name.lower() for name in names}):
        raise AwsError("InvalidSignatureException", WRONG_SIGNATURE)


def check_scope(authorization, request, service, only_region):
    region, date = authorization.region, request.header("x-amz-date")
    problems = []
    if not REGIONS.fullmatch(region) or only_region not in (None, region):
        problems.append(f"Credential should be scoped to a valid region, not '{region}'.")
    if authorization.service != service:
        problems.append(f"Credential should be scoped to correct service: '{service}'.")
    if authorization.terminator != "aws4_request":
        problems.append(
            "Credential should be scoped with a valid terminator: 'aws4_request', "
            f"not '{authorization.terminator}'."
        )
    if authorization.date != date[:8]:
        problems.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{authorization.date}' != '{date[:8]}', from '{date}'."
        )
    if problems:
        raise AwsError("InvalidSignatureException", " ".join(problems))


def find_account(authorization, call):
    """The account of the access key; who that is gets on record at once."""
    account = call.state.keys.find(authorization.key_id)
    call.record["access_key"] = authorization.key_id
    if account is None:
        raise AwsError("UnrecognizedClientException", INVALID_KEY)
    call.record.update(
        account=account.number, role=account.role, issued_by=account.issued_by
    )
    if account.session_token != call.request.header("x-amz-security-token"):
        raise AwsError("UnrecognizedClientException", INVALID_KEY)
    if account.is_expired(call.now):
        raise AwsError("ExpiredTokenException", EXPIRED_CREDENTIALS, forms=["coral"])
    return account


def check_signature(authorization, account, request):
    canonical, string_to_sign, signature = sign(
        request,
        account.secret,
        request.header("x-amz-date"),
        authorization.region,
        authorization.service,
        authorization.names,
    )
    body_hash = request.header("x-amz-content-sha256")
    right_hash = body_hash in (None, hashlib.sha256(request.body).hexdigest())
    # Bytes, because compare_digest refuses text that is not ASCII.
    if not right_hash or not hmac.compare_digest(signature.encode(), authorization.signature.encode()):
        # AWS does show these two, the session token in them included.
        raise AwsError(
            "InvalidSignatureException",
            f"{WRONG_SIGNATURE}\n\nThe Canonical String for this request should have been\n'{canonical}'\n\n"
            f"The String-to-Sign should have been\n'{string_to_sign}'\n",
        )


def verify(call, service, only_region, required):
    """The account that signed the request for this service, or an AwsError.

    The region is any of AWS's if only_region is None; required are headers
    that have to be signed besides those that always have to be.
    """
    request = call.request
    authorization = parse_authorization(request)
    check_clock(request.header("x-amz-date"), call.now)
    check_signed_headers(request, authorization.names, ("host", "x-amz-date", *required))
    check_scope(authorization, request, service, only_region)
    account = find_account(authorization, call)
    check_signature(authorization, account, request)
    call.record["verified"] = True
    return account
