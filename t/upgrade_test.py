"""A live upgrade: nginx starts a new nginx, which takes over.

Run with NGINX_BINARY and MODULE in the environment.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "lib"))
from launch import Standin, ask, free_port, wait_for  # noqa: E402

SRC = HERE.parent / "src"

ROLE = "arn:aws:iam::111122223333:role/"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
AUTHORIZATION = "the authorization of a pod"
WEB_IDENTITY = "eyJhbGciOiJSUzI1NiJ9.FQoGZXIvYXdzEXAMPLE.signature"

CONF = """
load_module {module};
pid nginx.pid;
error_log error.log info;
{user}
events {{ }}
http {{
    access_log off;
    server {{
        listen 127.0.0.1:{port};
        location = /ready {{
            return 200;
        }}
        location = /register {{
            marketplace_resolve on;
            try_files /none @resolved;
        }}
        location @resolved {{
            return 200 $marketplace_customer_aws_account_id;
        }}
    }}
}}
"""

# nginx starts a new one by the name that it was started by.  This name is that
# of a script, which writes down the environment that each of them gets.

WRAPPER = """#!{python}
import json
import os
import sys

with open({log!r}, "a") as log:
    log.write(json.dumps(dict(os.environ)) + "\\n")
os.execv({nginx!r}, sys.argv)
"""


def variables_of_the_module():
    """The names of environment variables in its source."""
    name = r'"((?:AWS|SSL)_[A-Z0-9_]+|HOME)"'
    return {
        found
        for file in SRC.rglob("*.c")
        for found in re.findall(name, file.read_text())
    }


class Upgrade(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)

        self.aws = Standin()
        self.addCleanup(self.aws.stop)
        self.aws_url = self.aws.url()
        self.port = free_port()

    def put(self, name, text):
        """Writes a file that only we, and our nginx, can read."""
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.touch(0o600)
        file.write_text(text)
        return str(file)

    def start(self, **variables):
        conf = self.folder / "nginx.conf"
        conf.write_text(CONF.format(
            module=os.environ["MODULE"], port=self.port,
            user="user root;" if os.getuid() == 0 else ""))

        binary = self.folder / "nginx"
        binary.write_text(WRAPPER.format(
            python=sys.executable, nginx=os.environ["NGINX_BINARY"],
            log=str(self.folder / "environments")))
        binary.chmod(0o700)

        # What only the machine has, with whom the tests have no business, is
        # out of the way.

        env = {name: value for name, value in os.environ.items()
               if not name.startswith(("AWS_", "SSL_CERT_"))
               and name not in ("NGINX", "HOME")}
        env["AWS_EC2_METADATA_DISABLED"] = "true"
        env.update(variables)

        subprocess.run([binary, "-p", self.folder, "-e", "error.log",
                        "-c", conf], env=env, check=True)
        self.addCleanup(self.stop)

        # A signal before it has workers is lost until the next one.

        wait_for(lambda: self.ask("ready") == b"")

        return self.pid("nginx.pid")

    def stop(self):
        pid = self.pid("nginx.pid")
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not (self.folder / "nginx.pid").exists())

    def pid(self, name):
        return int((self.folder / name).read_text())

    def upgrade(self, old):
        os.kill(old, signal.SIGUSR2)
        wait_for(lambda: self.pid("nginx.pid.oldbin") == old
                 and self.pid("nginx.pid") != old)
        os.kill(old, signal.SIGQUIT)
        wait_for(lambda: not (self.folder / "nginx.pid.oldbin").exists())

    def environments(self):
        """Those in which nginx was started, the first one first."""
        lines = (self.folder / "environments").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def register(self, token="ok1"):
        body = urllib.parse.urlencode({"x-amzn-marketplace-token": token})
        return self.ask("register", body)

    def ask(self, path, body=None):
        """Asks the nginx under test."""
        return ask(f"http://127.0.0.1:{self.port}/{path}", body)

    def signer(self, token):
        """Whose credentials signed the call with this token."""
        [call] = self.aws.requests(token=token)
        return call.get("issued_by") or call["access_key"]

    def check(self, signer, *operations, **variables):
        """Whether the new nginx gets the credentials that the old one had,
        and asks for them itself."""
        variables.setdefault("AWS_ENDPOINT_URL", self.aws_url)
        old = self.start(**variables)
        account = self.register("ok-old")
        self.upgrade(old)

        self.assertRegex(account, rb"^\d{12}$")
        self.assertRegex(self.register("ok-new"), rb"^\d{12}$")
        self.assertEqual(self.signer("ok-old"), signer)
        self.assertEqual(self.signer("ok-new"), signer)

        asked = [request["operation"] for request in
                 self.aws.requests(service="all")]
        asked = [name for name in asked if not name.startswith("metering.")]
        self.assertEqual(asked, [*operations, *operations])

    def test_the_new_nginx_has_credentials_and_endpoint_of_the_old_one(self):
        old = self.start(AWS_ACCESS_KEY_ID="AKIDEXAMPLE",
                         AWS_SECRET_ACCESS_KEY=SECRET,
                         AWS_ENDPOINT_URL=self.aws_url)
        account = self.register()
        self.upgrade(old)

        self.assertRegex(account, rb"^\d{12}$")
        self.assertEqual(self.register(), account)

    def test_temporary_keys(self):
        self.check(
            "ASIAEXAMPLE",
            AWS_ACCESS_KEY_ID="ASIAEXAMPLE",
            AWS_SECRET_ACCESS_KEY="temporaryXUtnFEMI/K7MDENG+bPxRfEXAMPLEKEY",
            AWS_SESSION_TOKEN="FQoGZXIvYXdzEXAMPLETOKEN/+temporary==",
        )

    def test_a_profile(self):
        keys = (f"aws_access_key_id = AKIDEXAMPLE\n"
                f"aws_secret_access_key = {SECRET}\n")
        self.check(
            "sts.AssumeRole", "sts.AssumeRole",
            AWS_PROFILE="seller",
            AWS_SHARED_CREDENTIALS_FILE=self.put("keys", f"[b]\n{keys}"),
            AWS_CONFIG_FILE=self.put(
                "config", f"[profile seller]\nrole_arn = {ROLE}seller\n"
                          f"source_profile = b\n"),
            AWS_ENDPOINT_URL="http://127.0.0.1:1",
            AWS_ENDPOINT_URL_MARKETPLACE_METERING=self.aws_url,
            AWS_ENDPOINT_URL_STS=self.aws_url,
        )

    def test_a_profile_at_home(self):
        file = self.put(".aws/credentials",
                        f"[default]\naws_access_key_id = AKIDEXAMPLE\n"
                        f"aws_secret_access_key = {SECRET}\n")
        self.assertIn("/.aws/", file)
        self.check("AKIDEXAMPLE", HOME=str(self.folder))

    def test_a_container(self):
        self.check_container(AWS_CONTAINER_AUTHORIZATION_TOKEN=AUTHORIZATION)

    def test_a_container_with_a_token_file(self):
        self.check_container(AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=self.put(
            "token", f"{AUTHORIZATION}\n"))

    def check_container(self, **variables):
        self.aws.control("POST", "set", authorization=AUTHORIZATION)
        self.check(
            "container", "container",
            AWS_CONTAINER_CREDENTIALS_FULL_URI=(
                f"{self.aws_url}/v1/credentials"),
            **variables,
        )

    def test_web_identity(self):
        self.check(
            "sts.AssumeRoleWithWebIdentity", "sts.AssumeRoleWithWebIdentity",
            AWS_ROLE_ARN=f"{ROLE}web",
            AWS_ROLE_SESSION_NAME="pod-in-a-cluster",
            AWS_WEB_IDENTITY_TOKEN_FILE=self.put("token", WEB_IDENTITY),
        )
        for call in self.aws.requests(service="sts"):
            self.assertIn("&RoleSessionName=pod-in-a-cluster", call["body"])

    def test_instance_metadata(self):
        self.check(
            "imds.credentials", "imds.token", "imds.role", "imds.credentials",
            AWS_EC2_METADATA_DISABLED="false",
            AWS_EC2_METADATA_SERVICE_ENDPOINT=self.aws_url,
        )

    def test_every_variable_that_the_module_reads_is_kept(self):
        variables = {
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_SESSION_TOKEN": "token",
            "AWS_PROFILE": "default",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
            "AWS_CONFIG_FILE": "/nonexistent",
            "HOME": "/nonexistent",
            "AWS_ROLE_ARN": f"{ROLE}web",
            "AWS_ROLE_SESSION_NAME": "session",
            "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/v2",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "token",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nonexistent",
            "AWS_EC2_METADATA_DISABLED": "false",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-2",
            "AWS_ENDPOINT_URL_MARKETPLACE_METERING": self.aws_url,
            "AWS_ENDPOINT_URL_STS": "http://127.0.0.1",
            "AWS_ENDPOINT_URL": "http://127.0.0.1",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
            "SSL_CERT_FILE": "/nonexistent",
        }
        self.assertEqual(variables_of_the_module() - variables.keys(), set())

        old = self.start(**variables, AWS_OF_NOBODY="not kept")
        self.upgrade(old)

        before, after = self.environments()
        self.assertEqual({name: before[name] for name in variables},
                         variables)
        self.assertEqual({name: after.get(name) for name in variables},
                         variables)
        self.assertNotIn("AWS_OF_NOBODY", after)


if __name__ == "__main__":
    unittest.main()
