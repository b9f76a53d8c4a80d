"""The examples of debian/examples, each with a real server of its kind.

Run with NGINX_BINARY and MODULE in the environment.  t/examples_express.py
has the one that needs npm.
"""

import os
import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parent / "lib"))

# A refusal is what a test wants to see, not a line on stderr.
os.environ["GRPC_VERBOSITY"] = "NONE"

import examples  # noqa: E402
import grpc  # noqa: E402
from examples import ACCOUNT, CERTIFICATE  # noqa: E402
from launch import TIMEOUT, free_port  # noqa: E402

PHP_CONF = """
[global]
error_log = {folder}/php-fpm.log
[www]
listen = {folder}/php.sock
user = {uid}
group = {gid}
pm = static
pm.max_children = 1
"""


class Wsgi(examples.Example):
    name = "wsgi"

    @classmethod
    def replaced(cls):
        return {"/run/example.sock": f"{cls.folder}/example.sock"}

    @classmethod
    def start_application(cls):
        cls.start_quietly(
            "uwsgi", "--plugin", "python3", "--die-on-term",
            "--socket", "example.sock",
            "--wsgi-file", "example/application.py",
            address=f"{cls.folder}/example.sock")


class Php(examples.Example):
    name = "php"
    register = registered = "/register.php"
    account_page = "/account.php"

    @classmethod
    def replaced(cls):
        return {"/srv/example": f"{cls.folder}/example",
                "/run/php/php-fpm.sock": f"{cls.folder}/php.sock"}

    @classmethod
    def start_application(cls):
        conf = cls.folder / "php-fpm.conf"
        conf.write_text(PHP_CONF.format(
            folder=cls.folder, uid=os.getuid(), gid=os.getgid()))

        # Debian has the version in the name.

        [program, *_] = sorted(pathlib.Path("/usr/sbin").glob("php-fpm*"))
        root = ["--allow-to-run-as-root"] if os.getuid() == 0 else []
        cls.start_quietly(program, "--nodaemonize", *root, "-y", conf,
                          address=f"{cls.folder}/php.sock")

    def test_no_other_file_is_taken_for_php(self):
        client = self.client()
        self.assertEqual(client.ask("/none.php")[0], 404)
        self.assertEqual(client.ask("/register.php/none.php")[0], 404)


class Grpc(examples.Example):
    name = "grpc"
    registered = "/register"

    @classmethod
    def replaced(cls):
        cls.backend = free_port()
        return {"127.0.0.1:50051": f"127.0.0.1:{cls.backend}"}

    @classmethod
    def start_application(cls):
        cls.start(sys.executable, "example/application.py", str(cls.backend),
                  address=cls.backend)

    def who_am_i(self, *metadata):
        """What gRPC's own client is answered."""
        trust = grpc.ssl_channel_credentials(
            (self.folder / CERTIFICATE).read_bytes())
        with grpc.secure_channel(f"localhost:{self.port}", trust,
                                 [("grpc.enable_http_proxy", 0)]) as channel:
            ask = channel.unary_unary("/example.Account/WhoAmI")
            return ask(b"", TIMEOUT, metadata=metadata).decode()

    def assert_knows(self, client, account=ACCOUNT):
        cookies = [("cookie", f"{cookie.name}={cookie.value}")
                   for cookie in client.cookies]
        self.assertEqual(self.who_am_i(*cookies), f"Account {account}")

    def assert_knows_not(self, client, **headers):
        names = [(name.lower(), value) for name, value in headers.items()]
        with self.assertRaises(grpc.RpcError) as refusal:
            self.who_am_i(*names)
        self.assertEqual(refusal.exception.code(),
                         grpc.StatusCode.UNAUTHENTICATED)


class Static(examples.Example):
    name = "static"
    registered = account_page = "/members/"

    @classmethod
    def replaced(cls):
        return {"/srv/example": f"{cls.folder}/example"}

    def assert_registered(self, text):
        self.assertIn("What our customers get", text)

    def assert_knows(self, client, account=ACCOUNT):
        status, path, text = client.ask("/members/")
        self.assertEqual((status, path), (200, "/members/"))
        self.assert_registered(text)

    def assert_knows_not(self, client, **headers):
        status, path, text = client.ask("/members/", **headers)
        self.assertEqual((status, path), (200, "/register"))
        self.assertIn("Please come from AWS Marketplace", text)

    def test_the_page_for_a_token_that_is_refused(self):
        _, _, text = self.registration(self.client(),
                                       "error:ExpiredTokenException")
        self.assertIn("press the button in AWS Marketplace once more", text)


if __name__ == "__main__":
    unittest.main()
