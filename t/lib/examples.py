"""Runs an example of debian/examples as a seller would, in a folder of its
own: nginx with the example's own configuration, its application in a real
server of its kind, and a stand-in in the place of AWS.

Only the addresses and folders in a configuration are replaced, by those that
a test can have.
"""

import http.cookiejar
import json
import os
import pathlib
import shutil
import ssl
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

from launch import (LIB, TIMEOUT, Standin, free_port, make_certificate,
                    running)

EXAMPLES = LIB.parent.parent / "debian/examples"
LINES = 30

KEY_ID = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
PRODUCT = "8xy1mvyxk6p0ig5r2qlfk0hln"
ACCOUNT, OTHER_ACCOUNT = "123456789012", "210987654321"
CERTIFICATE = "example.com.pem"

# What every nginx.conf has; Debian's includes those of sites as this one does.

CONF = """
load_module {module};
{user}
pid nginx.pid;
daemon off;
events {{ }}
http {{
    access_log off;
    types {{ text/html html; }}
    client_body_temp_path temp/body;
    fastcgi_temp_path temp/fastcgi;
    proxy_temp_path temp/proxy;
    scgi_temp_path temp/scgi;
    uwsgi_temp_path temp/uwsgi;
    include site.conf;
}}
"""

PARAMS = "fastcgi_params", "uwsgi_params"

FORGED = {
    "X-Marketplace-Customer-AWS-Account-Id": "111111111111",
    "X-Marketplace-License-Arn": "arn:aws:license-manager::1:license/forged",
    "X_Marketplace_License_Arn": "arn:aws:license-manager::1:license/forged",
    "Cookie": "__Host-marketplace=1.forged",
}


def buyer(account=ACCOUNT):
    """A token whose buyer is that of this AWS account."""
    license = f"arn:aws:license-manager::111122223333:license/l-{account}"
    return "json:" + json.dumps({"CustomerAWSAccountId": account,
                                 "LicenseArn": license,
                                 "ProductCode": PRODUCT})


class Client:
    """As a browser: it keeps cookies and follows redirects."""

    def __init__(self, url, certificate):
        self.url = url
        trust = ssl.create_default_context(cafile=certificate)
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=trust),
            urllib.request.HTTPCookieProcessor(self.cookies))

    def ask(self, path, body=None, **headers):
        """The status, the path that all redirects led to, and the text."""
        request = urllib.request.Request(self.url + path, body, headers)
        try:
            reply = self.opener.open(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            reply = error
        with reply:
            path = urllib.parse.urlsplit(reply.url).path
            return reply.status, path, reply.read().decode()

    def register(self, token, path):
        """Sends the form that the button in AWS Marketplace sends."""
        form = {"x-amzn-marketplace-token": token}
        return self.ask(path, urllib.parse.urlencode(form).encode())


class Installation(unittest.TestCase):
    """An example that runs.  A class of tests says which one it is, what is to
    be replaced in its configuration, and how its application is started."""

    register = "/register"

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.folder.chmod(0o755)
        shutil.copytree(EXAMPLES / cls.name, cls.folder / "example")

        cls.port = free_port()
        cls.aws = Standin()
        cls.addClassCleanup(cls.aws.stop)
        cls.prepare_nginx()
        cls.start_application()
        cls.start_nginx()

    @classmethod
    def start(cls, *command, **options):
        """Starts a server, and waits until it listens."""
        cls.enterClassContext(running(*command, cwd=cls.folder, **options))

    @classmethod
    def start_quietly(cls, *command, **options):
        """For a server that is talkative: its log is in the folder."""
        cls.start(*command, log=cls.folder / "application.log", **options)

    @classmethod
    def prepare_nginx(cls):
        cls.install("nginx.conf", "site.conf", {
            "listen 443": f"listen 127.0.0.1:{cls.port}", **cls.replaced()})

        for params in PARAMS:
            (cls.folder / params).symlink_to(f"/etc/nginx/{params}")
        (cls.folder / "temp").mkdir()

        key = cls.folder / "marketplace.keys"
        key.touch(0o600)
        key.write_text("a key of thirty-two bytes or more\n")

        make_certificate(cls.folder, "example.com")

    @classmethod
    def install(cls, name, target, replaced):
        """Copies a file of the example to where it is read."""
        text = (cls.folder / "example" / name).read_text()
        for old, new in replaced.items():
            assert old in text, f"nothing to replace: {old}"
            text = text.replace(old, new)
        (cls.folder / target).write_text(text)

    @classmethod
    def start_nginx(cls):
        user = "user root;" if os.getuid() == 0 else ""
        conf = cls.folder / "nginx.conf"
        conf.write_text(CONF.format(module=os.environ["MODULE"], user=user))

        env = {name: value for name, value in os.environ.items()
               if not name.startswith("AWS_") and name != "NGINX"}
        env["AWS_ACCESS_KEY_ID"] = KEY_ID
        env["AWS_SECRET_ACCESS_KEY"] = SECRET
        env["AWS_ENDPOINT_URL_MARKETPLACE_METERING"] = cls.aws.url()

        cls.start(os.environ["NGINX_BINARY"], "-p", cls.folder, "-c", conf,
                  "-e", "error.log", address=cls.port, env=env)

    @classmethod
    def replaced(cls):
        """What else is replaced in the configuration, and by what."""
        return {}

    @classmethod
    def start_application(cls):
        """Nothing where nginx is all."""

    def client(self):
        return Client(f"https://localhost:{self.port}",
                      self.folder / CERTIFICATE)

    def calls(self):
        """The tokens that AWS was asked about."""
        return [call["token"] for call in self.aws.requests()]


class Example(Installation):
    """What every example has to do."""

    registered = "/account"
    account_page = "/account"

    def registration(self, client, token=None):
        return client.register(buyer() if token is None else token,
                               self.register)

    def assert_registered(self, text):
        self.assertIn(ACCOUNT, text)

    def assert_knows(self, client, account=ACCOUNT):
        """The application takes the client for this customer."""
        status, path, text = client.ask(self.account_page)
        self.assertEqual((status, path), (200, self.account_page))
        self.assertIn(account, text)

    def assert_knows_not(self, client, **headers):
        status, path, text = client.ask(self.account_page, **headers)
        self.assertEqual((status, path), (401, self.account_page))
        self.assertNotRegex(text, "[0-9]{12}")

    def test_the_configuration_is_short(self):
        conf = (EXAMPLES / self.name / "nginx.conf").read_text()
        self.assertLess(len(conf.splitlines()), LINES)

    def test_the_application_has_no_code_for_aws(self):
        for file in (EXAMPLES / self.name).rglob("*"):
            if file.is_file() and file.name != "nginx.conf":
                self.assertNotRegex(
                    file.read_text(),
                    "(?i)boto|aws-?sdk|amazonaws|x-amzn|resolve_?customer")

    def test_the_registration_url_answers_a_get(self):
        status, path, _ = self.client().ask(self.register)
        self.assertEqual((status, path), (200, self.register))

    def test_a_registration(self):
        status, path, text = self.registration(self.client())
        self.assertEqual((status, path), (200, self.registered))
        self.assert_registered(text)

    def test_a_later_page(self):
        client = self.client()
        self.registration(client)
        calls = self.calls()

        self.assert_knows(client)
        self.assertEqual(self.calls(), calls)

    def test_two_customers(self):
        clients = {ACCOUNT: self.client(), OTHER_ACCOUNT: self.client()}
        for account, client in clients.items():
            self.registration(client, buyer(account))
        for account, client in clients.items():
            self.assert_knows(client, account)

    def test_a_token_that_is_refused(self):
        for token, status in (("error:InvalidTokenException", 400),
                              ("error:ExpiredTokenException", 410),
                              ("product:another", 403), ("", 400)):
            with self.subTest(token):
                client = self.client()
                self.assertEqual(self.registration(client, token)[0], status)
                self.assertEqual(list(client.cookies), [])
                self.assert_knows_not(client)

    def test_a_stranger(self):
        self.assert_knows_not(self.client())
        self.assert_knows_not(self.client(), **FORGED)
