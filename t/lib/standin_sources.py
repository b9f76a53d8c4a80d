"""Real clients' ways to credentials of a stand-in, for tests in Python."""

import http.client
import json
import os
import subprocess
import unittest
from contextlib import closing
from urllib.parse import urlencode
from xml.etree import ElementTree

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import (
    AssumeRoleProvider,
    AssumeRoleWithWebIdentityProvider,
    CanonicalNameCredentialSourcer,
    ContainerProvider,
    Credentials,
    InstanceMetadataProvider,
)
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session
from botocore.session import Session
from botocore.utils import ContainerMetadataFetcher, InstanceMetadataFetcher
from standin_harness import AWS_CLI, Workplace
from standin_keys import CREDENTIALS

TOKEN_PATH = "/latest/api/token"
ROLES_PATH = "/latest/meta-data/iam/security-credentials"
TTL = "x-aws-ec2-metadata-token-ttl-seconds"
SESSION = "x-aws-ec2-metadata-token"
WEB_TOKEN = "eyJhbGciOiJSUzI1NiJ9.FQoGZXIvYXdzEXAMPLE.signature"
FORM = "application/x-www-form-urlencoded"

ARN = "arn:aws:iam::111122223333:role/"
ELSEWHERE = "arn:aws:iam::777788889999:role/path/elsewhere"
INSTANCE_ROLE = ARN + "standin-instance"
TASK_ROLE = ARN + "standin-task"

IMDS_STEPS = ("imds.token", "imds.role", "imds.credentials")


def static(key_id="AKIDEXAMPLE"):
    account = CREDENTIALS[key_id]
    return Credentials(key_id, account.secret, account.session_token)


def of_reply(reply):
    """The credentials that a client of STS received."""
    received = reply["Credentials"]
    return Credentials(
        received["AccessKeyId"],
        received["SecretAccessKey"],
        received["SessionToken"],
    )


def of_document(document):
    return Credentials(
        document["AccessKeyId"],
        document["SecretAccessKey"],
        document["Token"],
    )


def text_of(xml, *path):
    namespace = "{https://sts.amazonaws.com/doc/2011-06-15/}"
    return xml.find("/".join(namespace + name for name in path)).text


def role_form(**changes):
    return {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": ARN + "seller",
        "RoleSessionName": "a-session",
        **changes,
    }


class Clients(Workplace):
    """A stand-in, and clients for it."""

    def metering(self, credentials, **options):
        frozen = credentials.get_frozen_credentials()
        return self.client("meteringmarketplace", frozen, **options)

    def sts(self, credentials, **options):
        frozen = credentials.get_frozen_credentials()
        return self.client("sts", frozen, **options)

    def sts_creator(self, name, **arguments):
        """How botocore's providers get their client of STS."""
        client = Session().create_client(
            name, "us-east-1", endpoint_url=self.server.url(), **arguments
        )
        unittest.addModuleCleanup(client.close)
        return client

    def assume(self, role="seller", by=None, **parameters):
        arguments = {"RoleArn": ARN + role, "RoleSessionName": "a-session"}
        client = self.sts(by or static(), parameter_validation=False)
        return client.assume_role(**{**arguments, **parameters})

    def assume_with_web_identity(
        self, role="web", token=WEB_TOKEN, **parameters
    ):
        arguments = {"RoleArn": ARN + role, "RoleSessionName": "a-session"}
        client = self.client("sts", parameter_validation=False)
        return client.assume_role_with_web_identity(
            WebIdentityToken=token, **{**arguments, **parameters}
        )

    def imds_fetcher(self, **options):
        # An environment of its own, because ours has IMDS disabled.
        return InstanceMetadataFetcher(
            base_url=self.server.url(), env={}, **options
        )

    def imds_provider(self):
        return InstanceMetadataProvider(self.imds_fetcher())

    def container_fetcher(self):
        connections = URLLib3Session(timeout=5)
        unittest.addModuleCleanup(connections.close)
        return ContainerMetadataFetcher(connections, lambda seconds: None)

    def container_provider(self, **environment):
        name = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
        usual = {name: self.server.url() + "/v1/credentials"}
        fetcher = self.container_fetcher()
        return ContainerProvider({**usual, **environment}, fetcher)

    def web_identity_provider(self, token_file, role="web"):
        profile = {
            "role_arn": ARN + role,
            "web_identity_token_file": token_file,
            "role_session_name": "a-session",
        }
        return AssumeRoleWithWebIdentityProvider(
            load_config=lambda: {"profiles": {"default": profile}},
            client_creator=self.sts_creator,
            profile_name="default",
        )

    def profile_provider(self, profiles):
        """A provider of the profile "default", in which a role is assumed."""
        return AssumeRoleProvider(
            load_config=lambda: {"profiles": profiles},
            client_creator=self.sts_creator,
            cache={},
            profile_name="default",
            credential_sourcer=CanonicalNameCredentialSourcer(
                [self.imds_provider(), self.container_provider()]
            ),
        )

    def request(self, method, path, headers=(), body=None):
        """(status, headers, body) of a reply of the stand-in."""
        port = self.server.ports["http"]
        with closing(
            http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        ) as connection:
            connection.request(method, path, body, dict(headers))
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read().decode()

    def status_of(self, *arguments):
        return self.request(*arguments)[0]

    def new_session(self, ttl="21600"):
        return self.request("PUT", TOKEN_PATH, {TTL: ttl})[2]

    def metadata(self, path, session=None):
        session = session or self.new_session()
        return self.request("GET", path, {SESSION: session})

    def document(self):
        return json.loads(self.metadata(f"{ROLES_PATH}/standin-instance")[2])

    def container_document(self):
        return json.loads(self.request("GET", "/v1/credentials")[2])

    def answers(self, operation, answer):
        query = {"operation": operation, "answer": answer}
        self.server.control("POST", "answer", **query)

    def settings(self, **values):
        self.server.control("POST", "set", **values)

    def post_form(self, form, credentials=None, service="sts", **options):
        """(status, XML) of a form that is sent to STS; signed if there are
        credentials, but for the headers in unsigned."""
        host = options.get("host", f"127.0.0.1:{self.server.ports['http']}")
        body = options.get("body", urlencode(form))
        unsigned = options.get("unsigned", {})
        headers = {"Content-Type": FORM, "Host": host}
        signed = AWSRequest("POST", f"http://{host}/", headers, body)
        for name in unsigned:
            del signed.headers[name]
        if credentials:
            region = options.get("region", "us-east-1")
            SigV4Auth(credentials, service, region).add_auth(signed)
        headers = {**signed.headers, **unsigned}
        status, _, text = self.request("POST", "/", headers, body)
        return status, ElementTree.fromstring(text)

    def cli(self, *arguments, credentials=None, **environment):
        if credentials:
            environment["AWS_ACCESS_KEY_ID"] = credentials.access_key
            environment["AWS_SECRET_ACCESS_KEY"] = credentials.secret_key
        # Behind HOME the AWS CLI keeps the credentials that it gets.
        defaults = {
            "HOME": self.folder.name,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
        }
        return subprocess.run(
            [AWS_CLI, "--no-cli-pager", "--output", "json", *arguments],
            env={**os.environ, **defaults, **environment},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )


class CredentialsTest(unittest.TestCase):
    """What tests of a stand-in share; work is a Clients."""

    work = None

    def setUp(self):
        self.server = self.work.server
        self.server.control("POST", "reset")
        self.server.control("POST", "revoke")

    def assertResolves(self, credentials, operation, role):
        """These were issued by the operation for the role, and work."""
        client = self.work.metering(credentials)
        client.resolve_customer(RegistrationToken="ok")
        record = self.server.last()
        self.assertTrue(record["verified"])
        self.assertEqual(record["issued_by"], operation)
        self.assertEqual(record["role"], role)
        self.assertEqual(record["account"], role.split(":")[4])
        self.assertEqual(
            record["access_key"],
            credentials.get_frozen_credentials().access_key,
        )

    def assertFails(self, name, status, function, *arguments, **options):
        with self.assertRaises(ClientError) as caught:
            function(*arguments, **options)
        response = caught.exception.response
        self.assertEqual(
            (
                response["Error"]["Code"],
                response["ResponseMetadata"]["HTTPStatusCode"],
            ),
            (name, status),
        )
        return response["Error"]["Message"]

    def assertUseless(self, credentials, metering_error, sts_error):
        """Neither service takes these."""
        client = self.work.metering(credentials)
        self.assertFails(
            *(metering_error, 400, client.resolve_customer),
            RegistrationToken="ok",
        )
        self.assertFails(sts_error, 403, self.work.assume, by=credentials)

    def assertExpired(self, credentials):
        self.assertUseless(
            credentials, "ExpiredTokenException", "ExpiredToken"
        )

    def assertUnknown(self, credentials):
        self.assertUseless(
            credentials, "UnrecognizedClientException", "InvalidClientTokenId"
        )

    def assertOperations(self, *operations):
        """These were asked for so far, in this order."""
        requests = self.server.requests(service="all")
        received = tuple(request["operation"] for request in requests)
        self.assertEqual(received, operations)
