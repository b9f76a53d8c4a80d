"""The servers of the demo, all of them on 127.0.0.1:

    marketplace     the page with the button, in the place of AWS Marketplace
    application     t/demo/application.py, which nginx passes requests on to
    aws             t/lib/standin.py: ResolveCustomer, over TLS
    nginx           with the module and t/demo/nginx.conf

What they read and write is in a folder of their own below build/demo.
"""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

DEMO = pathlib.Path(__file__).resolve().parent
LIB = DEMO.parent / "lib"
BUILD = DEMO.parent.parent / "build" / "demo"

sys.path.append(str(LIB))

import standin

KEY_ID = "AKIDEXAMPLE"

# Both are this machine, but two sites to a browser, as AWS Marketplace and a
# seller are: browsers treat a form that comes from another site differently.
MARKETPLACE_NAME = "localhost"
ADDRESS = "127.0.0.1"


class Failure(Exception):
    """What went wrong, for a person to read."""


def last_line(text):
    return text.strip().rpartition("\n")[2]


def free_ports(wanted):
    """The ports that are wanted; in the place of one that is not free, another."""
    with contextlib.ExitStack() as stack:
        # All are held until the last is found, or one could be found twice.
        return {name: hold(port, stack) for name, port in wanted.items()}


def hold(port, stack):
    probe = stack.enter_context(socket.socket())
    # As servers do it: a port with nothing but old connections is free.
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((ADDRESS, port))
    except OSError:
        probe.bind((ADDRESS, 0))
    return probe.getsockname()[1]


class Servers:
    """Runs the servers as long as the with statement that it is used in."""

    def __init__(self, name, nginx=0, marketplace=0):
        self.folder = BUILD / name
        self.ports = ports = free_ports(
            {"nginx": nginx, "marketplace": marketplace, "application": 0, "aws": 0}
        )
        self.children = {}
        self.conf = self.folder / "nginx.conf"
        self.ca = self.folder / "ca.pem"
        self.marketplace = f"http://{MARKETPLACE_NAME}:{ports['marketplace']}/"
        self.register = f"http://{ADDRESS}:{ports['nginx']}/register"
        self.status = f"http://{ADDRESS}:{ports['nginx']}/status"

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.lock(stack)
            self.fill_folder()
            stack.callback(self.stop)
            self.start_all()
            self.cleanup = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.cleanup.close()

    def lock(self, stack):
        """Two that run at once must not share the folder."""
        BUILD.mkdir(parents=True, exist_ok=True)
        file = stack.enter_context(open(f"{self.folder}.lock", "w"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(f"another one is running in {self.folder}") from None

    def fill_folder(self):
        if self.folder.exists():
            shutil.rmtree(self.folder)
        (self.folder / "temp").mkdir(parents=True)
        shutil.copy(DEMO / "nginx.conf", self.folder)
        for pages in "pages", "marketplace":
            shutil.copytree(DEMO / pages, self.folder / pages)
        for file in self.conf, *self.folder.glob("*/*.html"):
            self.fill_in(file)
        self.make_certificates()

    def fill_in(self, file):
        values = {
            "MODULE": os.environ["MODULE"],
            "MARKETPLACE": self.marketplace,
            "REGISTER": self.register,
            "STATUS": self.status,
        }
        for name, port in self.ports.items():
            values[f"{name.upper()}_PORT"] = str(port)
        text = file.read_text()
        file.write_text(re.sub("@([A-Z_]+)@", lambda match: values[match[1]], text))

    def make_certificates(self):
        """A CA for this run, and a certificate of it for the stand-in."""
        self.openssl("-subj", "/CN=CA of the demo", "-addext", "keyUsage=critical,keyCertSign",
                     "-keyout", "ca.key", "-out", "ca.pem")
        self.openssl("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                     "-addext", "basicConstraints=CA:FALSE", "-CA", "ca.pem", "-CAkey", "ca.key",
                     "-keyout", "aws.key", "-out", "aws.pem")

    def openssl(self, *arguments):
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "2", *arguments]
        done = subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"openssl: {last_line(done.stderr)}")

    def start_all(self):
        port = {name: str(number) for name, number in self.ports.items()}
        self.start("marketplace", sys.executable, "-m", "http.server", "--bind", ADDRESS,
                   "--directory", "marketplace", port["marketplace"])
        self.start("application", sys.executable, DEMO / "application.py", port["application"])
        self.start("aws", sys.executable, LIB / "standin.py", "--https", port["aws"],
                   "--cert", "aws.pem", "--key", "aws.key")
        self.start("nginx", *self.nginx_command(), env=self.nginx_environment())
        for name in self.children:
            self.await_listening(name)

    def nginx_command(self):
        command = [os.environ["NGINX_BINARY"], "-p", self.folder, "-c", self.conf, "-e", "error.log"]
        if os.geteuid() == 0:
            # nginx's usual user may not be allowed into the folder.
            command += ["-g", "user root;"]
        return command

    def nginx_environment(self):
        """Of the caller's settings for AWS none; NGINX is nginx's own name."""
        env = {name: value for name, value in os.environ.items() if not re.match("AWS_|NGINX$", name)}
        env["AWS_ACCESS_KEY_ID"] = KEY_ID
        env["AWS_SECRET_ACCESS_KEY"] = standin.CREDENTIALS[KEY_ID].secret
        env["AWS_REGION"] = "us-east-1"
        return env

    def start(self, name, *command, env=None):
        """In a session of its own, so that Ctrl-C is for us alone to act on.

        Should we be killed, the kernel ends it.
        """
        with open(self.log(name), "wb") as log:
            self.children[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *command],
                cwd=self.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self, name):
        return self.folder / f"{name}.log"

    def await_listening(self, name):
        for _ in range(200):
            self.check_running(name)
            with socket.socket() as probe:
                if probe.connect_ex((ADDRESS, self.ports[name])) == 0:
                    return
            time.sleep(0.05)
        raise Failure(f"{name} does not listen after 10 seconds")

    def check_running(self, name):
        if self.children[name].poll() is not None:
            log = self.log(name)
            raise Failure(f"{name} has ended: {last_line(log.read_text())} (more may be in {log})")

    def wait(self):
        """Until one of them ends, which none should."""
        while True:
            for name in self.children:
                self.check_running(name)
            time.sleep(0.5)

    def stop(self):
        for child in self.children.values():
            child.terminate()
        for child in self.children.values():
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
