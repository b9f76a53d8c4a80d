"""Runs a stand-in for tests in Python, in a folder of its own."""

import functools
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock
from urllib.parse import urlencode

import boto3
from botocore.config import Config

AWS_CLI = os.environ.get("AWS_CLI", "/usr/bin/aws")
REAL_HOST = "metering.marketplace.us-east-1.amazonaws.com"
STANDIN = [sys.executable, str(Path(__file__).with_name("standin.py"))]


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


class Server:
    """A stand-in process and its control endpoints."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [*STANDIN, *options], stdout=subprocess.PIPE, text=True
        )
        self.ports = json.loads(self.process.stdout.readline())

    def ask(self, method, path, **query):
        """(status, text) of the answer of a control endpoint."""
        target = f"/_standin/{path}?{urlencode(query)}"
        port = self.ports["http"]
        with closing(
            http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        ) as connection:
            connection.request(method, target)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()

    def control(self, method, path, **query):
        status, text = self.ask(method, path, **query)
        if status != 200:
            raise ValueError(text)
        return text

    def requests(self, **query):
        return json.loads(self.control("GET", "requests", **query))

    def count(self, **query):
        return int(self.control("GET", "count", **query))

    def last(self, **query):
        return self.requests(**query)[-1]

    def url(self, scheme="http"):
        return f"{scheme}://127.0.0.1:{self.ports[scheme]}"

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        status = self.process.wait(5)
        self.process.stdout.close()
        return status


class Workplace:
    """A folder with certificates, and a stand-in that uses them.

    What the caller's environment says of AWS is out of the way behind it.
    """

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.ca = self.path("ca.pem")
        for name in list(os.environ):
            if name.startswith("AWS_"):
                del os.environ[name]
        os.environ.update(
            AWS_CONFIG_FILE=os.devnull,
            AWS_SHARED_CREDENTIALS_FILE=os.devnull,
            AWS_EC2_METADATA_DISABLED="true",
            AWS_CA_BUNDLE=self.ca,
            NO_PROXY="127.0.0.1",
        )
        self.make_certificates()
        self.server = Server(
            *("--http", "0", "--http6", "--https", "0"),
            *("--cert", self.path("tls.pem"), "--key", self.path("tls.key")),
        )

    def path(self, name):
        return str(Path(self.folder.name) / name)

    def make_certificates(self):
        self.openssl(
            *("-subj", "/CN=Stand-in CA"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-keyout", "ca.key", "-out", "ca.pem"),
        )
        self.openssl(
            *("-CA", "ca.pem", "-CAkey", "ca.key", "-subj", "/CN=stand-in"),
            *("-addext", f"subjectAltName=IP:127.0.0.1,DNS:{REAL_HOST}"),
            *("-addext", "basicConstraints=CA:FALSE"),
            *("-keyout", "tls.key", "-out", "tls.pem"),
        )

    def openssl(self, *arguments):
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-nodes"]
        command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2"]
        subprocess.run(
            [*command, *arguments],
            cwd=self.folder.name,
            check=True,
            capture_output=True,
        )

    def client(self, service, credentials=(None, None, None), **options):
        """A client of boto3 for the stand-in; credentials are what boto3
        calls the access key, the secret key and the token."""
        key_id, secret, token = credentials
        config = Config(
            retries={"max_attempts": options.get("retries", 0)},
            read_timeout=options.get("read_timeout", 5),
            parameter_validation=options.get("parameter_validation", True),
        )
        scheme = options.get("scheme", "http")
        client = session().client(
            service,
            endpoint_url=options.get("url") or self.server.url(scheme),
            region_name=options.get("region", "us-east-1"),
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            aws_session_token=token,
            verify=self.ca,
            config=config,
        )
        unittest.addModuleCleanup(client.close)
        return client

    def close(self):
        status = self.server.stop()
        self.folder.cleanup()
        assert status == 0, status


@contextmanager
def client_clock(seconds):
    """Have botocore sign under a shifted time, with its own signer or with
    awscrt's."""

    class Shifted(datetime):
        @classmethod
        def utcnow(cls):
            return datetime.utcnow() + timedelta(seconds=seconds)

    with mock.patch("datetime.datetime", Shifted):
        yield


@functools.cache
def session():
    return boto3.session.Session()
