"""A live upgrade: nginx starts a new nginx, which takes over.

Run with NGINX_BINARY and MODULE in the environment.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

LIB = pathlib.Path(__file__).resolve().parent / "lib"
TIMEOUT = 20

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


def wait_for(what):
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        try:
            result = what()
            if result:
                return result
        except (OSError, ValueError):
            pass
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Upgrade(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)

        self.standin = subprocess.Popen(
            [sys.executable, LIB / "standin.py", "--http", "0",
             "--exit-with-parent"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.stop_standin)
        self.aws = json.loads(self.standin.stdout.readline())["http"]
        self.port = free_port()

    def stop_standin(self):
        self.standin.terminate()
        self.standin.wait()
        self.standin.stdout.close()

    def start(self):
        conf = self.folder / "nginx.conf"
        conf.write_text(CONF.format(
            module=os.environ["MODULE"], port=self.port,
            user="user root;" if os.getuid() == 0 else ""))

        env = {name: value for name, value in os.environ.items()
               if not name.startswith("AWS_") and name != "NGINX"}
        env["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE"
        env["AWS_SECRET_ACCESS_KEY"] = \
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
        env["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{self.aws}"

        subprocess.run([os.environ["NGINX_BINARY"], "-p", self.folder,
                        "-e", "error.log", "-c", conf], env=env, check=True)
        self.addCleanup(self.stop)

        return wait_for(lambda: self.pid("nginx.pid"))

    def stop(self):
        pid = self.pid("nginx.pid")
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not (self.folder / "nginx.pid").exists())

    def pid(self, name):
        return int((self.folder / name).read_text())

    def register(self):
        return urllib.request.urlopen(
            f"http://127.0.0.1:{self.port}/register",
            data=b"x-amzn-marketplace-token=ok1", timeout=TIMEOUT).read()

    def test_the_new_nginx_has_credentials_and_endpoint_of_the_old_one(self):
        old = self.start()
        account = self.register()

        os.kill(old, signal.SIGUSR2)
        wait_for(lambda: self.pid("nginx.pid.oldbin") == old
                 and self.pid("nginx.pid") != old)
        os.kill(old, signal.SIGQUIT)
        wait_for(lambda: not (self.folder / "nginx.pid.oldbin").exists())

        self.assertRegex(account, rb"^\d{12}$")
        self.assertEqual(self.register(), account)


if __name__ == "__main__":
    unittest.main()
