"""The application that does the job itself, with boto3: a WSGI program."""

import os
from urllib.parse import parse_qs

import boto3
from botocore.config import Config

METERING = boto3.client(
    "meteringmarketplace",
    region_name="us-east-1",
    endpoint_url=os.environ["METERING_URL"],
    aws_access_key_id=os.environ["ACCESS_KEY"],
    aws_secret_access_key=os.environ["SECRET_KEY"],
    config=Config(max_pool_connections=64),
)


def application(environ, start_response):
    length = int(environ.get("CONTENT_LENGTH") or 0)
    form = parse_qs(environ["wsgi.input"].read(length).decode())
    token = form["x-amzn-marketplace-token"][0]

    customer = METERING.resolve_customer(RegistrationToken=token)

    body = f"registered {customer['CustomerAWSAccountId']}\n".encode()
    start_response("200 OK", [("Content-Type", "text/plain"),
                              ("Content-Length", str(len(body)))])
    return [body]
