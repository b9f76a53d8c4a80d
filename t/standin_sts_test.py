#!/usr/bin/python3
"""Holds the stand-in for STS (t/lib/standin_sts.py) against real AWS clients.

    /usr/bin/python3 t/standin_sts_test.py [unittest options]

Needs what t/standin_clients.py needs.
"""

import json
import sys
import unittest
from pathlib import Path
from unittest import mock
from urllib.parse import urlencode

from botocore.credentials import Credentials
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from standin_harness import client_clock  # noqa: E402
from standin_sources import (  # noqa: E402
    ARN,
    ELSEWHERE,
    FORM,
    IMDS_STEPS,
    WEB_TOKEN,
    Clients,
    CredentialsTest,
    of_reply,
    role_form,
    static,
    text_of,
)

work = None
server = None


def setUpModule():
    global work, server
    work = CredentialsTest.work = Clients()
    server = work.server


def tearDownModule():
    work.close()


class AssumeRole(CredentialsTest):
    """botocore assumes roles with a signed request."""

    def assertAccessDenied(self, *arguments, **options):
        message = self.assertFails(
            "AccessDenied", 403, work.assume, *arguments, **options
        )
        self.assertRegex(
            message,
            "^User: arn:aws:(iam|sts)::[0-9]{12}:.* is not authorized to "
            "perform: sts:AssumeRole on resource: arn:aws:iam::",
        )

    def test_role_without_conditions(self):
        for scheme in ("http", "https"):
            client = work.sts(static(), scheme=scheme)
            reply = client.assume_role(
                RoleArn=ARN + "seller", RoleSessionName="a@b,c=.-+_"
            )
            self.assertEqual(
                reply["AssumedRoleUser"]["Arn"],
                "arn:aws:sts::111122223333:assumed-role/seller/a@b,c=.-+_",
            )
            self.assertResolves(
                of_reply(reply), "sts.AssumeRole", ARN + "seller"
            )
            record = server.last(service="sts")
            self.assertEqual(record["access_key"], "AKIDEXAMPLE")
            self.assertTrue(record["verified"])
            self.assertIsNone(record["issued_by"])

    def test_request_id(self):
        metadata = work.assume()["ResponseMetadata"]
        self.assertEqual(
            metadata["RequestId"], metadata["HTTPHeaders"]["x-amzn-requestid"]
        )
        self.assertEqual(metadata["HTTPHeaders"]["content-type"], "text/xml")

    def test_role_of_another_account(self):
        reply = work.assume(RoleArn=ELSEWHERE)
        self.assertEqual(
            reply["AssumedRoleUser"]["Arn"],
            "arn:aws:sts::777788889999:assumed-role/elsewhere/a-session",
        )
        self.assertResolves(of_reply(reply), "sts.AssumeRole", ELSEWHERE)

    def test_out_of_an_account_that_does_not_sell(self):
        credentials = static("AKIDOTHER")
        client = work.metering(credentials)
        self.assertFails(
            *("InvalidTokenException", 400, client.resolve_customer),
            RegistrationToken="ok",
        )
        reply = work.assume(by=credentials)
        self.assertResolves(of_reply(reply), "sts.AssumeRole", ARN + "seller")

    def test_external_id(self):
        reply = work.assume("external", ExternalId="standin-external-id")
        self.assertResolves(
            of_reply(reply), "sts.AssumeRole", ARN + "external"
        )
        self.assertAccessDenied("external")
        self.assertAccessDenied("external", ExternalId="standin-external-i")
        self.assertTrue(work.assume(ExternalId="not-wanted"))

    def test_roles_that_do_not_trust(self):
        for role in ("untrusting", "web", "chained", "nobody"):
            self.assertAccessDenied(role)
        self.assertAccessDenied(by=static("AKIDDENIED"))

    def test_role_without_permission(self):
        client = work.metering(of_reply(work.assume("denied")))
        message = self.assertFails(
            *("AccessDeniedException", 400, client.resolve_customer),
            RegistrationToken="ok",
        )
        self.assertIn("assumed-role/denied/a-session is not", message)

    def test_chain(self):
        seller = of_reply(work.assume())
        reply = work.assume("chained", by=seller)
        self.assertResolves(of_reply(reply), "sts.AssumeRole", ARN + "chained")
        record = server.last(service="sts")
        self.assertEqual(record["role"], ARN + "seller")
        self.assertEqual(record["issued_by"], "sts.AssumeRole")
        work.assume("chained", by=seller, DurationSeconds=3600)
        message = self.assertFails(
            *("ValidationError", 400, work.assume, "chained"),
            by=seller,
            DurationSeconds=3601,
        )
        self.assertIn("role chaining", message)

    def test_duration(self):
        for parameters, seconds in (
            ({}, 3600),
            ({"DurationSeconds": 900}, 900),
            ({"DurationSeconds": 43200}, 43200),
        ):
            reply = work.assume(**parameters)
            issued = int(server.last(service="sts")["time"])
            expiration = reply["Credentials"]["Expiration"]
            self.assertEqual(expiration.timestamp(), issued + seconds)

    def test_parameters(self):
        for changes, member in (
            ({"RoleArn": "arn:aws:iam::1:role/a"}, "roleArn"),
            ({"RoleArn": "short"}, "roleArn"),
            ({"RoleSessionName": "a"}, "roleSessionName"),
            ({"RoleSessionName": "a" * 65}, "roleSessionName"),
            ({"RoleSessionName": "a b"}, "roleSessionName"),
            ({"RoleSessionName": "é€"}, "roleSessionName"),
            ({"DurationSeconds": 899}, "durationSeconds"),
            ({"DurationSeconds": 43201}, "durationSeconds"),
            ({"ExternalId": "a"}, "externalId"),
            ({"ExternalId": "a&b"}, "externalId"),
        ):
            message = self.assertFails(
                "ValidationError", 400, work.assume, **changes
            )
            self.assertIn(f"at '{member}' failed to satisfy", message)
        for session in ("ab", "a" * 64):
            work.assume(RoleSessionName=session)

    def test_wrong_signers(self):
        key = static()
        for credentials, name in (
            (Credentials("AKIDEXAMPLE", "wrong"), "SignatureDoesNotMatch"),
            (Credentials("AKIDNOBODY", "x"), "InvalidClientTokenId"),
            (
                Credentials(key.access_key, key.secret_key, "x"),
                "InvalidClientTokenId",
            ),
            (static("ASIAEXPIRED"), "ExpiredToken"),
        ):
            self.assertFails(name, 403, work.assume, by=credentials)
            record = server.last(service="sts")
            self.assertTrue(record["error"].startswith(name + ": "))
            self.assertFalse(record["verified"])

    def test_session_token_is_checked(self):
        seller = of_reply(work.assume())
        for token in (None, seller.token[:-1]):
            credentials = Credentials(
                seller.access_key, seller.secret_key, token
            )
            self.assertUnknown(credentials)

    def test_clock(self):
        with client_clock(-301):
            message = self.assertFails(
                "SignatureDoesNotMatch", 403, work.assume
            )
        self.assertIn("Signature expired", message)

    def test_other_errors(self):
        for answer, name, status in (
            ("error:Throttling", "Throttling", 400),
            ("error:RegionDisabledException", "RegionDisabledException", 403),
            ("error:ServiceUnavailable", "ServiceUnavailable", 503),
            ("error:AccessDenied", "AccessDenied", 403),
            ("error:Name:418::a<b", "Name", 418),
        ):
            work.answers("sts.AssumeRole", answer)
            message = self.assertFails(name, status, work.assume)
        self.assertEqual(message, "a<b")
        self.assertIsNone(server.last(service="sts")["error"])

    def test_retries(self):
        failures = ("error:Throttling", "error:InternalFailure", "close:0:ok")
        for failure in failures:
            work.answers("sts.AssumeRole", f"seq:{failure}|ok")
            with mock.patch("botocore.endpoint.time.sleep"):
                client = work.sts(static(), retries=1)
                client.assume_role(
                    RoleArn=ARN + "seller", RoleSessionName="a-session"
                )
        self.assertEqual(server.count(service="sts"), 2 * len(failures))

    def test_faults(self):
        work.answers("sts.AssumeRole", "close:0:ok")
        self.assertRaises(ConnectionClosedError, work.assume)
        work.answers("sts.AssumeRole", "hang")
        client = work.sts(static(), read_timeout=0.2)
        with self.assertRaises(ReadTimeoutError):
            client.assume_role(
                RoleArn=ARN + "seller", RoleSessionName="a-session"
            )

    def test_changed_credentials(self):
        work.answers("sts.AssumeRole", "with:SessionToken=<&>")
        received = work.assume()["Credentials"]
        self.assertEqual(received["SessionToken"], "<&>")
        work.answers("sts.AssumeRole", "without:Expiration")
        self.assertNotIn("Expiration", work.assume()["Credentials"])
        work.answers("sts.AssumeRole", "big:9000")
        headers = work.assume()["ResponseMetadata"]["HTTPHeaders"]
        self.assertEqual(headers["content-length"], "9000")

    def test_cli(self):
        command = ("sts", "assume-role", "--endpoint-url", server.url())
        command += ("--role-session-name", "a-session", "--role-arn")
        result = work.cli(*command, ARN + "seller", credentials=static())
        self.assertEqual(result.returncode, 0, result.stderr)
        credentials = of_reply(json.loads(result.stdout))
        self.assertResolves(credentials, "sts.AssumeRole", ARN + "seller")
        result = work.cli(*command, ARN + "untrusting", credentials=static())
        self.assertIn("An error occurred (AccessDenied)", result.stderr)


class StsWire(CredentialsTest):
    """What clients of STS do not do, or do not show."""

    def assertRefused(self, name, status, *arguments, **options):
        answered, xml = work.post_form(*arguments, **options)
        code = text_of(xml, "Error", "Code")
        self.assertEqual((answered, code), (status, name))
        self.assertEqual(
            text_of(xml, "Error", "Type"),
            "Receiver" if status >= 500 else "Sender",
        )
        self.assertRegex(text_of(xml, "RequestId"), "^[0-9a-f-]{36}$")
        return text_of(xml, "Error", "Message")

    def test_right(self):
        status, xml = work.post_form(role_form(), static())
        self.assertEqual(status, 200)
        arn = text_of(xml, "AssumeRoleResult", "AssumedRoleUser", "Arn")
        self.assertTrue(arn.endswith(":assumed-role/seller/a-session"))
        self.assertTrue(text_of(xml, "ResponseMetadata", "RequestId"))

    def test_region_of_the_host(self):
        for host, region in (
            ("sts.amazonaws.com", "us-east-1"),
            ("sts.eu-west-1.amazonaws.com", "eu-west-1"),
            ("sts-fips.us-west-2.amazonaws.com", "us-west-2"),
            ("sts.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
            ("sts.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("sts.ap-south-1.api.aws", "ap-south-1"),
        ):
            options = {"host": host, "region": region}
            status, _ = work.post_form(role_form(), static(), **options)
            self.assertEqual(status, 200, host)
            message = self.assertRefused(
                *("SignatureDoesNotMatch", 403, role_form(), static()),
                host=host,
                region="eu-central-1",
            )
            self.assertIn("scoped to a valid region", message)

    def test_region_of_choice(self):
        work.settings(region="eu-west-1")
        status, _ = work.post_form(role_form(), static(), region="eu-west-1")
        self.assertEqual(status, 200)
        self.assertRefused("SignatureDoesNotMatch", 403, role_form(), static())

    def test_service_of_the_signature(self):
        self.assertRefused(
            *("SignatureDoesNotMatch", 403, role_form(), static()),
            service="aws-marketplace",
        )

    def test_content_type_that_is_not_signed(self):
        message = self.assertRefused(
            *("SignatureDoesNotMatch", 403, role_form(), static()),
            unsigned={"Content-Type": FORM},
        )
        self.assertIn("'Content-Type' must be a 'SignedHeader'", message)

    def test_unsigned(self):
        self.assertRefused("MissingAuthenticationToken", 403, role_form())

    def test_host_tells_the_service(self):
        host = "metering.marketplace.us-east-1.amazonaws.com"
        headers = {"Host": host, "Content-Type": FORM}
        form = urlencode(role_form())
        status, _, text = work.request("POST", "/", headers, form)
        self.assertEqual(status, 400)
        self.assertIn("UnknownOperationException", text)
        self.assertEqual(server.last()["service"], "metering")
        headers = {"Host": "sts.us-east-1.amazonaws.com"}
        headers["X-Amz-Target"] = "AWSMPMeteringService.ResolveCustomer"
        _, _, text = work.request("POST", "/", headers, "{}")
        self.assertIn("<Code>MissingAction</Code>", text)
        self.assertEqual(server.count(service="sts"), 1)

    def test_target_header_tells_the_service(self):
        headers = {"Content-Type": FORM, "X-Amz-Target": "a"}
        _, _, text = work.request("POST", "/", headers, "")
        self.assertIn("UnknownOperationException", text)

    def test_paths(self):
        headers = {"Content-Type": FORM}
        for path in ("/x", "/?Action=AssumeRole"):
            status, _, text = work.request("POST", path, headers, "")
            self.assertEqual(status, 400)
            self.assertIn("POST to / is what is served here", text)

    def test_fault_of_the_service(self):
        work.answers("sts.AssumeRole", "error:ServiceUnavailable")
        self.assertRefused("ServiceUnavailable", 503, role_form(), static())

    def test_action(self):
        for changes in ({"Action": "X"}, {"Version": "X"}, {"Version": ""}):
            form = role_form(**changes)
            self.assertRefused("InvalidAction", 400, form, static())

    def test_malformed_forms(self):
        right = urlencode(role_form())
        for body in (
            right + "&RoleSessionName=a-session",
            right + "&A=%zz",
            right + "&A=%ff",
            right + "&A",
            right + "&A=é",
            "",
        ):
            name = "ValidationError" if body else "InvalidAction"
            options = {"body": body.encode()}
            self.assertRefused(name, 400, {}, static(), **options)

    def test_web_identity_that_is_signed(self):
        form = role_form(
            Action="AssumeRoleWithWebIdentity",
            RoleArn=ARN + "web",
            WebIdentityToken=WEB_TOKEN,
        )
        self.assertEqual(work.post_form(form)[0], 200)
        message = self.assertRefused("ValidationError", 400, form, static())
        self.assertIn("not to be signed", message)


class WebIdentity(CredentialsTest):
    """botocore assumes roles with a web identity token."""

    operation = "sts.AssumeRoleWithWebIdentity"

    def token_file(self, token=WEB_TOKEN):
        path = Path(work.path("web-identity-token"))
        path.write_text(token, "ascii")
        self.addCleanup(path.unlink, missing_ok=True)
        return str(path)

    def test_provider(self):
        credentials = work.web_identity_provider(self.token_file()).load()
        self.assertResolves(credentials, self.operation, ARN + "web")
        record = server.last(service="sts")
        self.assertIsNone(record["access_key"])
        self.assertEqual(record["operation"], self.operation)

    def test_client(self):
        reply = work.assume_with_web_identity("seller")
        self.assertEqual(
            reply["SubjectFromWebIdentityToken"],
            "system:serviceaccount:default:nginx",
        )
        self.assertEqual(
            reply["AssumedRoleUser"]["Arn"],
            "arn:aws:sts::111122223333:assumed-role/seller/a-session",
        )

    def test_tokens_of_choice(self):
        work.settings(web_identity="first second")
        for token in ("first", "second"):
            self.assertTrue(work.assume_with_web_identity(token=token))
        self.assertFails(
            "InvalidIdentityToken", 400, work.assume_with_web_identity
        )

    def test_token_file_that_changes(self):
        path = self.token_file()
        credentials = work.web_identity_provider(path).load()
        work.settings(web_identity="second")
        Path(path).write_text("second", "ascii")
        self.assertResolves(credentials, self.operation, ARN + "web")

    def test_refusals(self):
        for parameters, name, status in (
            ({"token": WEB_TOKEN[:-1]}, "InvalidIdentityToken", 400),
            ({"role": "external"}, "AccessDenied", 403),
            ({"role": "nobody"}, "AccessDenied", 403),
            ({"token": "abc"}, "ValidationError", 400),
            ({"token": "ab\ncd"}, "ValidationError", 400),
            ({"RoleSessionName": "/"}, "ValidationError", 400),
            ({"DurationSeconds": 1}, "ValidationError", 400),
        ):
            self.assertFails(
                name, status, work.assume_with_web_identity, **parameters
            )

    def test_errors(self):
        work.answers(self.operation, "error:ExpiredTokenException")
        credentials = work.web_identity_provider(self.token_file()).load()
        self.assertFails(
            *("ExpiredTokenException", 400),
            credentials.get_frozen_credentials,
        )

    def test_retries(self):
        work.answers(self.operation, "seq:error:IDPCommunicationError|ok")
        credentials = work.web_identity_provider(self.token_file()).load()
        with mock.patch("botocore.endpoint.time.sleep"):
            self.assertResolves(credentials, self.operation, ARN + "web")
        self.assertEqual(server.count(service="sts"), 2)

    def test_cli(self):
        command = ("sts", "assume-role-with-web-identity")
        command += ("--endpoint-url", server.url(), "--role-arn", ARN + "web")
        command += ("--role-session-name", "a-session")
        result = work.cli(*command, "--web-identity-token", WEB_TOKEN)
        self.assertEqual(result.returncode, 0, result.stderr)
        credentials = of_reply(json.loads(result.stdout))
        self.assertResolves(credentials, self.operation, ARN + "web")
        result = work.cli(*command, "--web-identity-token", "wrong")
        self.assertIn("error occurred (InvalidIdentityToken)", result.stderr)


class Profiles(CredentialsTest):
    """botocore assumes roles on top of each of the sources."""

    def assertAssumes(self, profiles, *operations, role="seller"):
        credentials = work.profile_provider(profiles).load()
        self.assertResolves(credentials, "sts.AssumeRole", ARN + role)
        self.assertOperations(*operations, "metering.ResolveCustomer")

    def test_static_source(self):
        key = static()
        profiles = {
            "default": {
                "role_arn": ARN + "external",
                "external_id": "standin-external-id",
                "source_profile": "keys",
            },
            "keys": {
                "aws_access_key_id": key.access_key,
                "aws_secret_access_key": key.secret_key,
            },
        }
        self.assertAssumes(profiles, "sts.AssumeRole", role="external")
        del profiles["default"]["external_id"]
        credentials = work.profile_provider(profiles).load()
        self.assertFails(
            "AccessDenied", 403, credentials.get_frozen_credentials
        )

    def test_chain(self):
        key = static()
        profiles = {
            "default": {
                "role_arn": ARN + "chained",
                "source_profile": "seller",
            },
            "seller": {"role_arn": ARN + "seller", "source_profile": "keys"},
            "keys": {
                "aws_access_key_id": key.access_key,
                "aws_secret_access_key": key.secret_key,
            },
        }
        steps = ("sts.AssumeRole", "sts.AssumeRole")
        self.assertAssumes(profiles, *steps, role="chained")

    def test_instance_and_container(self):
        for source, steps in (
            ("Ec2InstanceMetadata", IMDS_STEPS),
            ("EcsContainer", ("container",)),
        ):
            server.control("POST", "reset")
            profile = {
                "role_arn": ARN + "seller",
                "credential_source": source,
            }
            self.assertAssumes(
                {"default": profile}, *steps, "sts.AssumeRole"
            )
            record = server.last(service="sts")
            self.assertEqual(record["issued_by"], steps[-1])


if __name__ == "__main__":
    unittest.main()
