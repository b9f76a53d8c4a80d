"""Runs a stand-in for tests in Python, in a folder of its own."""

import functools
import os
import socket
import tempfile
import unittest
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock

import boto3
from botocore.config import Config
from launch import Standin, make_certificate

AWS_CLI = os.environ.get("AWS_CLI", "/usr/bin/aws")
REAL_HOST = "metering.marketplace.us-east-1.amazonaws.com"


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


class Workplace:
    """A folder with a certificate, and a stand-in that uses it.

    What the caller's environment says of AWS is out of the way behind it.
    """

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.ca = self.path("tls.pem")
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
        make_certificate(
            self.folder.name, hosts=f"IP:127.0.0.1,DNS:{REAL_HOST}"
        )
        self.server = Standin(
            *("--http6", "--https", "0"),
            *("--cert", self.path("tls.pem"), "--key", self.path("tls.key")),
        )

    def path(self, name):
        return str(Path(self.folder.name) / name)

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
