#!/usr/bin/python3
"""Holds the stand-in's sources of credentials against real AWS clients.

They are t/lib/standin_imds.py and standin_container.py; and what they issue.
t/standin_sts_test.py is the same for STS.

    /usr/bin/python3 t/standin_credentials_test.py [unittest options]

Needs what t/standin_clients.py needs.
"""

import http.client
import json
import socket
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

from botocore.credentials import ContainerProvider, Credentials
from botocore.exceptions import CredentialRetrievalError

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from launch import Standin  # noqa: E402
from standin_harness import has_ipv6  # noqa: E402
from standin_sources import (  # noqa: E402
    ARN,
    FORM,
    IMDS_STEPS,
    INSTANCE_ROLE,
    ROLES_PATH,
    SESSION,
    TASK_ROLE,
    TOKEN_PATH,
    TTL,
    Clients,
    CredentialsTest,
    of_document,
    of_reply,
    static,
)

work = None
server = None


def setUpModule():
    global work, server
    work = CredentialsTest.work = Clients()
    server = work.server


def tearDownModule():
    work.close()


class Imds(CredentialsTest):
    """botocore gets credentials as on an EC2 instance."""

    def test_provider(self):
        credentials = work.imds_provider().load()
        self.assertEqual(credentials.method, "iam-role")
        self.assertResolves(credentials, "imds.credentials", INSTANCE_ROLE)
        self.assertOperations(*IMDS_STEPS, "metering.ResolveCustomer")

    def test_as_a_source_of_the_cli(self):
        result = work.cli(
            *("meteringmarketplace", "resolve-customer"),
            *("--registration-token", "ok", "--endpoint-url", server.url()),
            # The slash is for old versions of the CLI.
            AWS_EC2_METADATA_SERVICE_ENDPOINT=server.url() + "/",
            AWS_EC2_METADATA_DISABLED="false",
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(server.last()["issued_by"], "imds.credentials")

    def test_expiration(self):
        received = work.imds_fetcher().retrieve_iam_role_credentials()
        issued = int(server.last(service="imds")["time"]) + 6 * 3600
        expires = datetime.fromtimestamp(issued, timezone.utc)
        self.assertEqual(
            received["expiry_time"], expires.strftime("%Y-%m-%dT%H:%M:%SZ")
        )

    def test_role_of_choice(self):
        work.settings(role="other")
        received = work.imds_fetcher().retrieve_iam_role_credentials()
        self.assertEqual(received["role_name"], "other")
        self.assertResolves(
            work.imds_provider().load(), "imds.credentials", ARN + "other"
        )

    def test_no_role(self):
        work.settings(role="")
        self.assertIsNone(work.imds_provider().load())
        self.assertEqual(work.metadata(ROLES_PATH + "/")[0], 404)

    def test_token_refused(self):
        # botocore goes on without a token then.
        work.answers("imds.token", "status:403:html")
        self.assertIsNone(work.imds_provider().load())
        self.assertOperations("imds.token", "imds.role")
        record = server.last(service="imds")
        self.assertEqual(record["error"], "Unauthorized")

    def test_retries(self):
        for operation in IMDS_STEPS:
            work.answers(operation, "seq:status:500:ok|reset:0:ok|ok")
        fetcher = work.imds_fetcher(num_attempts=3)
        self.assertIn("access_key", fetcher.retrieve_iam_role_credentials())
        for operation in IMDS_STEPS:
            self.assertEqual(server.count(operation=operation), 3)

    def test_hang(self):
        work.answers("imds.role", "hang")
        fetcher = work.imds_fetcher(timeout=0.2)
        self.assertEqual(fetcher.retrieve_iam_role_credentials(), {})

    def test_role_that_cannot_be_assumed(self):
        work.answers("imds.credentials", "error:AssumeRoleUnauthorizedAccess")
        received = work.imds_fetcher().retrieve_iam_role_credentials()
        self.assertEqual(received, {})
        status, _, text = work.metadata(ROLES_PATH + "/standin-instance")
        self.assertEqual(status, 200)
        self.assertEqual(
            json.loads(text),
            {
                "Code": "AssumeRoleUnauthorizedAccess",
                "Message": "AssumeRoleUnauthorizedAccess from the stand-in",
            },
        )

    def test_useless_documents(self):
        for answer in (
            *("json:{}", "truncated", "html", "without:Expiration"),
            "close:30:ok",
        ):
            work.answers("imds.credentials", answer)
            received = work.imds_fetcher().retrieve_iam_role_credentials()
            self.assertEqual(received, {}, answer)

    def test_shapes_that_are_good_http(self):
        for prefix in ("chunked", "split", "nolength", "status:200:delay:20"):
            for operation in IMDS_STEPS:
                work.answers(operation, prefix + ":ok")
            received = work.imds_fetcher().retrieve_iam_role_credentials()
            self.assertIn("access_key", received, prefix)

    def test_outage(self):
        work.settings(operation="imds.credentials", lifetime=-100)
        # botocore uses them longer than they say.
        received = work.imds_fetcher().retrieve_iam_role_credentials()
        credentials = Credentials(
            *(received[name] for name in ("access_key", "secret_key", "token"))
        )
        self.assertExpired(credentials)


class ImdsWire(CredentialsTest):
    """What botocore does not show of the instance metadata service."""

    def test_token(self):
        status, headers, text = work.request("PUT", TOKEN_PATH, {TTL: "60"})
        self.assertEqual((status, headers[TTL], len(text)), (200, "60", 56))
        self.assertIn("FQoGZXIvYXdzEXAMPLE", text)
        self.assertEqual(headers["Content-Length"], "56")
        self.assertEqual(headers["Server"], "EC2ws")
        self.assertEqual(headers["Connection"], "close")
        self.assertEqual(headers["Content-Type"], "text/plain")
        self.assertIsNone(headers["x-amzn-RequestId"])
        self.assertTrue(headers["Date"].endswith(" GMT"))

    def test_connection_is_closed(self):
        address = ("127.0.0.1", server.ports["http"])
        with socket.create_connection(address, 5) as connection:
            connection.sendall(b"GET /latest/ HTTP/1.1\r\nHost: a\r\n\r\n")
            # Else this raises TimeoutError.
            while connection.recv(4096):
                pass

    def test_token_asked_for_wrongly(self):
        for headers in ({}, *({TTL: ttl} for ttl in ("", "0", "21601", "x"))):
            self.assertEqual(work.status_of("PUT", TOKEN_PATH, headers), 400)
        forwarded = {TTL: "60", "X-Forwarded-For": "192.0.2.1"}
        self.assertEqual(work.status_of("PUT", TOKEN_PATH, forwarded), 403)
        self.assertEqual(work.status_of("GET", TOKEN_PATH, {TTL: "60"}), 405)
        for ttl in ("1", "21600"):
            status = work.status_of("PUT", TOKEN_PATH, {TTL: ttl})
            self.assertEqual(status, 200)

    def test_without_a_good_session(self):
        for path in (ROLES_PATH, ROLES_PATH + "/standin-instance"):
            self.assertEqual(work.status_of("GET", path), 401)
            self.assertEqual(work.metadata(path, "wrong")[0], 401)
            self.assertEqual(work.metadata(path)[0], 200)

    def test_end_of_a_session(self):
        self.addCleanup(server.control, "POST", "clock", offset=0)
        session = work.new_session("200")
        for offset, status in ((100, 200), (201, 401)):
            server.control("POST", "clock", offset=offset)
            self.assertEqual(work.metadata(ROLES_PATH, session)[0], status)

    def test_forgotten_sessions(self):
        session, credentials = work.new_session(), work.imds_provider().load()
        server.control("POST", "revoke", only="sessions")
        self.assertEqual(work.metadata(ROLES_PATH, session)[0], 401)
        self.assertResolves(credentials, "imds.credentials", INSTANCE_ROLE)
        session = work.new_session()
        server.control("POST", "revoke")
        self.assertEqual(work.metadata(ROLES_PATH, session)[0], 401)

    def test_paths(self):
        for path in (ROLES_PATH, ROLES_PATH + "/"):
            self.assertEqual(work.metadata(path)[2], "standin-instance")
        for path in ("/standin-instance", "/standin-instance/"):
            self.assertIn("AccessKeyId", work.metadata(ROLES_PATH + path)[2])
        for path in (ROLES_PATH + "/other", ROLES_PATH + "-x", "/latest/x"):
            self.assertEqual(work.metadata(path)[0], 404, path)
        session = {SESSION: work.new_session()}
        self.assertEqual(work.status_of("POST", ROLES_PATH, session), 405)

    def test_document(self):
        received = work.document()
        self.assertEqual(
            list(received),
            ["Code", "LastUpdated", "Type", "AccessKeyId"]
            + ["SecretAccessKey", "Token", "Expiration"],
        )
        self.assertEqual(received["Code"], "Success")
        self.assertRegex(received["AccessKeyId"], "^ASIA[A-Z2-7]{16}$")
        self.assertEqual(len(received["SecretAccessKey"]), 40)

    def test_changed_documents(self):
        work.answers("imds.credentials", "with:Token=a=b:c")
        self.assertEqual(work.document()["Token"], "a=b:c")
        work.answers("imds.credentials", "with:AccountId=111122223333")
        self.assertEqual(work.document()["AccountId"], "111122223333")
        work.answers("imds.credentials", "without:Code")
        self.assertNotIn("Code", work.document())
        work.answers("imds.credentials", "big:5000")
        _, headers, _ = work.metadata(ROLES_PATH + "/standin-instance")
        self.assertEqual(headers["Content-Length"], "5000")
        work.answers("imds.role", "with:Role=a\nb")
        self.assertEqual(work.metadata(ROLES_PATH)[2], "a\nb")


class Container(CredentialsTest):
    """botocore gets credentials as in a container of ECS or EKS."""

    AUTHORIZATION = "FQoGZXIvYXdzEXAMPLE authorization"

    def assertRefused(self, *arguments, **environment):
        with self.assertRaises(CredentialRetrievalError) as caught:
            work.container_provider(**environment).load()
        for text in arguments:
            self.assertIn(text, str(caught.exception))

    def test_provider(self):
        credentials = work.container_provider().load()
        self.assertEqual(credentials.method, "container-role")
        self.assertResolves(credentials, "container", TASK_ROLE)
        self.assertOperations("container", "metering.ResolveCustomer")

    def test_as_a_source_of_the_cli(self):
        url = server.url()
        result = work.cli(
            *("meteringmarketplace", "resolve-customer"),
            *("--registration-token", "ok", "--endpoint-url", url),
            AWS_CONTAINER_CREDENTIALS_FULL_URI=url + "/v1/credentials",
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(server.last()["issued_by"], "container")

    def test_relative_uri(self):
        fetcher = work.container_fetcher()
        fetcher.IP_ADDRESS = f"127.0.0.1:{server.ports['http']}"
        name = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
        provider = ContainerProvider({name: "/v2/credentials/a?b=c"}, fetcher)
        credentials = provider.load()
        self.assertResolves(credentials, "container", TASK_ROLE)

    def test_path_of_choice(self):
        for path in ("/", "/get-credentials"):
            work.settings(container=path)
            credentials = work.container_provider(
                AWS_CONTAINER_CREDENTIALS_FULL_URI=server.url() + path
            ).load()
            self.assertResolves(credentials, "container", TASK_ROLE)
        self.assertEqual(server.count(service="container"), 2)

    def test_other_paths(self):
        for path in ("/v1/credentialsx", "/v2/credential", "/v3/credentials/"):
            self.assertEqual(work.status_of("GET", path), 404)
        self.assertEqual(server.count(service="container"), 0)
        self.assertEqual(work.status_of("POST", "/v1/credentials"), 405)

    def test_authorization(self):
        work.settings(authorization=self.AUTHORIZATION)
        right = {"AWS_CONTAINER_AUTHORIZATION_TOKEN": self.AUTHORIZATION}
        self.assertTrue(work.container_provider(**right).load())
        wrong = {"AWS_CONTAINER_AUTHORIZATION_TOKEN": self.AUTHORIZATION[1:]}
        for environment in ({}, wrong):
            self.assertRefused("403", "AccessDeniedException", **environment)

    def test_authorization_that_changes(self):
        """As that of a token file does, which this botocore cannot read."""
        environment = {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "first"}
        for value in ("first", "second"):
            work.settings(authorization=value)
            environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = value
            self.assertTrue(work.container_provider(**environment).load())
        environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "first"
        self.assertRefused("403", **environment)

    def test_errors(self):
        work.answers("container", "error:Name")
        self.assertRefused('400', '{"code":"Name","message":"Name from')
        work.answers("container", "error:Name:429::a: b")
        self.assertRefused('429', '{"code":"Name","message":"a: b"}')

    def test_retries(self):
        for answer in ("status:500:ok", "close:0:ok", "truncated", "html"):
            server.control("POST", "reset")
            work.answers("container", f"seq:{answer}|{answer}|ok")
            self.assertTrue(work.container_provider().load(), answer)
            self.assertEqual(server.count(operation="container"), 3)

    def test_wire(self):
        status, headers, text = work.request("GET", "/v2/credentials/task")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertIsNone(headers["x-amzn-RequestId"])
        self.assertEqual(
            list(json.loads(text)),
            ["RoleArn", "AccessKeyId", "SecretAccessKey"]
            + ["Token", "Expiration"],
        )
        self.assertEqual(json.loads(text)["RoleArn"], TASK_ROLE)


class Issued(CredentialsTest):
    """What is issued works until it ends."""

    def issue_all(self):
        """Credentials of every source."""
        return [
            of_document(work.document()),
            of_document(work.container_document()),
            of_reply(work.assume()),
            of_reply(work.assume_with_web_identity()),
        ]

    def test_looks(self):
        for credentials in self.issue_all():
            self.assertRegex(credentials.access_key, "^ASIA[A-Z2-7]{16}$")
            self.assertRegex(credentials.secret_key, "XUtnFEMI")
            self.assertEqual(len(credentials.secret_key), 40)
            self.assertRegex(credentials.token, "FQoGZXIvYXdzEXAMPLE")
            self.assertIn(len(credentials.token), range(350, 1401))

    def test_reset_leaves_them(self):
        issued = self.issue_all()
        server.control("POST", "reset")
        for credentials in issued:
            work.metering(credentials).resolve_customer(RegistrationToken="ok")

    def test_revoke(self):
        issued = self.issue_all()
        server.control("POST", "revoke")
        for credentials in issued:
            self.assertUnknown(credentials)
            record = server.last()
            self.assertEqual(record["access_key"], credentials.access_key)
            self.assertIsNone(record["issued_by"])

    def test_expire(self):
        issued = self.issue_all()
        server.control("POST", "expire")
        for credentials in issued:
            self.assertExpired(credentials)
        work.metering(of_document(work.document())).resolve_customer(
            RegistrationToken="ok"
        )

    def test_form_of_the_error(self):
        work.settings(lifetime=0)
        client = work.metering(of_document(work.document()))
        message = self.assertFails(
            *("ExpiredTokenException", 400, client.resolve_customer),
            RegistrationToken="ok",
        )
        self.assertEqual(
            message, "The security token included in the request is expired"
        )

    def test_lifetime(self):
        self.addCleanup(server.control, "POST", "clock", offset=0)
        work.settings(lifetime=200)
        issued = self.issue_all()
        server.control("POST", "clock", offset=100)
        for credentials in issued:
            work.metering(credentials).resolve_customer(RegistrationToken="ok")
        server.control("POST", "clock", offset=201)
        for credentials in issued:
            self.assertExpired(credentials)

    def test_lifetime_by_operation(self):
        work.settings(lifetime=-1)
        work.settings(lifetime=60, operation="container")
        credentials = of_document(work.container_document())
        self.assertResolves(credentials, "container", TASK_ROLE)
        self.assertExpired(of_document(work.document()))
        self.assertExpired(of_reply(work.assume()))

    def test_new_ones_every_time(self):
        keys = [
            credentials.access_key
            for credentials in self.issue_all() + self.issue_all()
        ]
        self.assertEqual(len(set(keys)), 8)

    def test_the_same_again(self):
        work.settings(repeat="yes")
        keys = [[c.access_key for c in self.issue_all()] for _ in range(2)]
        self.assertEqual(keys[0], keys[1])
        # Another role or session is another matter.
        self.assertNotIn(
            of_reply(work.assume(RoleSessionName="other")).access_key, keys[0]
        )
        server.control("POST", "revoke")
        last = [credentials.access_key for credentials in self.issue_all()]
        self.assertFalse(set(last) & set(keys[0]))

    def test_the_same_again_of_one_operation(self):
        work.settings(repeat="yes", operation="container")
        self.assertEqual(work.container_document(), work.container_document())
        self.assertNotEqual(
            work.document()["AccessKeyId"], work.document()["AccessKeyId"]
        )
        before = work.container_document()
        work.settings(repeat="no", operation="container")
        self.assertNotEqual(
            work.container_document()["AccessKeyId"], before["AccessKeyId"]
        )

    def test_the_same_again_after_its_end(self):
        work.settings(repeat="yes")
        first = work.document()
        server.control("POST", "expire")
        second = work.document()
        self.assertEqual(first["AccessKeyId"], second["AccessKeyId"])
        self.assertLess(second["Expiration"], first["Expiration"])


class Control(CredentialsTest):
    """Tests see what was received, and say what is answered."""

    def test_filters(self):
        work.imds_provider().load()
        work.assume_with_web_identity()
        client = work.metering(of_reply(work.assume()))
        client.resolve_customer(RegistrationToken="ok")
        for query, count in (
            ({}, 1),
            ({"service": "metering"}, 1),
            ({"operation": "metering.ResolveCustomer"}, 1),
            ({"service": "imds"}, 3),
            ({"service": "container"}, 0),
            ({"service": "sts"}, 2),
            ({"service": "all"}, 6),
            ({"service": "all", "token": "ok"}, 1),
            ({"service": "imds", "operation": "sts.AssumeRole"}, 0),
            ({"operation": "imds.token"}, 1),
            ({"operation": "imds.role"}, 1),
            ({"operation": "imds.credentials"}, 1),
            ({"operation": "sts.AssumeRole"}, 1),
            ({"operation": "sts.AssumeRoleWithWebIdentity"}, 1),
        ):
            self.assertEqual(server.count(**query), count, query)
            self.assertEqual(len(server.requests(**query)), count, query)
        numbers = [r["number"] for r in server.requests(service="all")]
        self.assertEqual(numbers, [1, 2, 3, 4, 5, 6])

    def test_connections(self):
        client = work.sts(static())
        for _ in range(2):
            client.assume_role(
                RoleArn=ARN + "seller", RoleSessionName="a-session"
            )
        work.imds_provider().load()
        for query, count in (
            ({}, 0),
            ({"service": "sts"}, 1),
            ({"service": "imds"}, 3),
            ({"service": "all"}, 4),
        ):
            text = server.control("GET", "connections", **query)
            self.assertEqual(int(text), count, query)

    def test_open(self):
        # To ours there may be connections that are just about to close.
        other = Standin()
        self.addCleanup(other.stop)
        port = other.ports["http"]
        with closing(
            http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        ) as connection:
            connection.request("POST", "/", b"", {"Content-Type": FORM})
            connection.getresponse().read()
            for query, count in (
                ({}, 0),
                ({"service": "imds"}, 0),
                ({"service": "sts"}, 1),
                ({"service": "all"}, 1),
            ):
                text = other.control("GET", "open", **query)
                self.assertEqual(int(text), count, query)

    def test_what_makes_no_sense(self):
        container = {"operation": "container"}
        for method, path, query in (
            ("GET", "count", {"service": "x"}),
            ("GET", "count", {"operation": "x"}),
            ("GET", "requests", {"operation": "imds"}),
            ("GET", "open", {"service": "x"}),
            ("POST", "answer", {"operation": "x", "answer": "ok"}),
            (
                "POST",
                "answer",
                {"operation": "metering.ResolveCustomer", "answer": "ok"},
            ),
            ("POST", "answer", container),
            ("POST", "answer", {**container, "answer": "x"}),
            ("POST", "answer", {**container, "answer": "seq:ok|big:x"}),
            ("POST", "answer", {**container, "answer": "error:A:400:coral"}),
            ("POST", "set", {"x": "y"}),
            ("POST", "set", {"lifetime": "x"}),
            ("POST", "set", {"repeat": "x"}),
            ("POST", "set", {"role": "a/b"}),
            ("POST", "set", {"container": "a"}),
            ("POST", "set", {"operation": "x", "lifetime": "1"}),
            ("POST", "revoke", {"only": "x"}),
            ("POST", "clock", {"offset": "x"}),
        ):
            status, _ = server.ask(method, path, **query)
            self.assertEqual(status, 400, (path, query))
        self.assertEqual(server.ask("GET", "x")[0], 404)
        self.assertEqual(server.ask("GET", "answer")[0], 404)
        self.assertEqual(work.status_of("GET", "/v1/credentials"), 200)

    def test_one_bad_setting_spoils_all(self):
        self.assertEqual(server.ask("POST", "set", role="a", x="y")[0], 400)
        self.assertEqual(work.metadata(ROLES_PATH)[2], "standin-instance")

    def test_reset(self):
        work.answers("container", "status:500:ok")
        work.settings(role="other", authorization="x")
        work.status_of("GET", "/v1/credentials")
        server.control("POST", "reset")
        self.assertEqual(server.count(service="all"), 0)
        self.assertEqual(work.status_of("GET", "/v1/credentials"), 200)
        self.assertEqual(work.metadata(ROLES_PATH)[2], "standin-instance")

    def test_sequence_counts_what_gets_it(self):
        work.answers("imds.role", "seq:status:501:ok|status:502:ok|ok")
        statuses = []
        for session in ("wrong", None, "wrong", None, None, None):
            statuses.append(work.metadata(ROLES_PATH, session)[0])
        self.assertEqual(statuses, [401, 501, 401, 502, 200, 200])
        work.answers("imds.role", "seq:status:501:ok|ok")
        self.assertEqual(work.metadata(ROLES_PATH)[0], 501)

    def test_hold(self):
        session = work.new_session()
        with ThreadPoolExecutor() as pool:
            for operation, ask in (
                ("imds.token", work.new_session),
                ("imds.role", lambda: work.metadata(ROLES_PATH, session)),
                ("imds.credentials", work.document),
                ("container", work.container_document),
                ("sts.AssumeRole", work.assume),
                (
                    "sts.AssumeRoleWithWebIdentity",
                    work.assume_with_web_identity,
                ),
            ):
                server.control("POST", "reset")
                work.answers(operation, "seq:hold:ok|ok")
                asking = pool.submit(ask)
                deadline = time.monotonic() + 10
                while not server.count(operation=operation):
                    self.assertLess(time.monotonic(), deadline, operation)
                    time.sleep(0.01)
                # Another one is answered, this one is not.
                ask()
                self.assertFalse(asking.done(), operation)
                server.control("POST", "release")
                self.assertTrue(asking.result(timeout=10), operation)

    def test_records(self):
        work.request(
            "GET", "/v1/credentials?a=b", {"Authorization": "x", "Accept": "y"}
        )
        record = server.last(operation="container")
        self.assertEqual(record["path"], "/v1/credentials?a=b")
        self.assertIn(["Authorization", "x"], record["headers"])
        self.assertEqual(
            (record["service"], record["token"], record["error"]),
            ("container", None, None),
        )
        for name in ("access_key", "account", "role", "issued_by"):
            self.assertIsNone(record[name])

    def test_ipv6(self):
        if not has_ipv6():
            self.skipTest("this machine has no [::1]")
        port = server.ports["http6"]
        with closing(
            http.client.HTTPConnection("::1", port, timeout=5)
        ) as connection:
            connection.request("PUT", TOKEN_PATH, headers={TTL: "60"})
            self.assertEqual(connection.getresponse().status, 200)
        self.assertEqual(server.count(operation="imds.token"), 1)


if __name__ == "__main__":
    unittest.main()
