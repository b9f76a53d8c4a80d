"""The processes of the benchmark, all of them on 127.0.0.1, and their CPUs.

Everything is started twice: for a check, where the endpoint is the project's
stand-in, which verifies signatures, and for the load, where it is an nginx.
Each of the two has a folder of its own below build/bench.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
BUILD = TOP / "build" / "bench"

# For those, too, who import this.
sys.path.append(str(TOP / "t" / "lib"))

from launch import (Failure, Standin, free_ports,  # noqa: E402
                    make_certificate, running, running_ours, wait_for)

NGINX = os.environ.get("NGINX_BINARY", "/usr/sbin/nginx")
MODULE = os.environ.get("MODULE", TOP / "build/ngx_http_marketplace_module.so")

EDGE_CPU, OTHER_CPU = 0, 1

PORTS = ["NGINX", "PLAIN", "NJS", "LUA", "SDK", "BOTO3", "NODE", "APPLICATION",
         "METERING", "METERING_EMPTY", "METERING_TLS", "SERVED", "HELD"]

CONFIGURATIONS = ["nginx", "plain", "njs", "lua", "sdk", "peers", "main",
                  "http", "metering"]

CUSTOMER = json.dumps({
    "CustomerIdentifier": "ifAPi5AcF3",
    "ProductCode": "8xy1mvyxk6p0ig5r2qlfk0hln",
    "CustomerAWSAccountId": "123456789012",
    "LicenseArn": "arn:aws:license-manager::111122223333:license/"
                  "l-5b6a7988a7b6c5d4e3f2010011223344",
}, separators=(",", ":"))

SDK_PACKAGE = "@aws-sdk/client-marketplace-metering"

NPM_TIMEOUT = 90


class Unavailable(Exception):
    """Why one of those that are compared cannot be."""


def nginx_says():
    return subprocess.run([NGINX, "-V"], check=True, capture_output=True,
                          text=True).stderr


def modules_folder():
    found = re.search(r"--modules-path=(\S+)", nginx_says())
    return found[1] if found else "modules"


def prepare():
    """An empty folder, but for what npm has put there before."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for path in BUILD.iterdir():
        if path.name in ("node_modules", "package.json", "package-lock.json"):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    # What the caller's environment says of AWS is nobody's business here.
    for name in list(os.environ):
        if name.startswith("AWS_"):
            del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=os.devnull,
                      AWS_SHARED_CREDENTIALS_FILE=os.devnull,
                      AWS_EC2_METADATA_DISABLED="true",
                      NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")

    make_certificate(BUILD)


class Place:
    """A folder with the configurations, and what is started from it."""

    def __init__(self, name, stack, **ports):
        self.folder = BUILD / name
        self.folder.mkdir()
        self.stack = stack
        self.programs = {}
        self.ports = {**free_ports(PORTS), **ports}
        values = {**self.ports, "MODULE": MODULE, "MODULES": modules_folder(),
                  "BENCH": HERE, "CUSTOMER": CUSTOMER,
                  "EDGE_CPU": affinity(EDGE_CPU),
                  "PEERS_CPU": affinity(OTHER_CPU)}
        for name in CONFIGURATIONS:
            self.write_conf(HERE / f"{name}.conf", values)

    def write_conf(self, path, values):
        text = path.read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        (self.folder / path.name).write_text(text)

    def url(self, name):
        return f"http://127.0.0.1:{self.ports[name]}"

    def nginx(self, name, port, stack=None):
        """An nginx with the configuration of this name."""
        conf, log = self.folder / f"{name}.conf", self.folder / f"{name}.log"
        tried = subprocess.run([NGINX, "-t", "-q", "-p", self.folder,
                                "-c", conf, "-e", log],
                               capture_output=True, text=True)
        if tried.returncode:
            raise Unavailable(complaint(tried.stderr))
        return self.start(
            name, port, [NGINX, "-p", self.folder, "-c", conf, "-e", log,
                         "-g", "daemon off;"], signal.SIGQUIT, stack=stack)

    def start(self, name, port, command, end=signal.SIGTERM, stack=None,
              **environment):
        """A process that is ready when something listens on its port."""
        log = self.folder / f"{name}.out"
        try:
            return (stack or self.stack).enter_context(running(
                *command, address=self.ports[port], end=end, log=log,
                cwd=self.folder, env={**os.environ, **environment}))
        except Failure:
            raise Unavailable(
                f"did not start: see {log.relative_to(TOP)}") from None

    def application(self, name, port, command):
        """An application with an SDK, on the CPU of the edge."""
        command = ["taskset", "-c", str(EDGE_CPU), *command]
        return self.start(
            name, port, command, METERING_URL=self.url("METERING"),
            ACCESS_KEY="AKIDEXAMPLE",
            SECRET_KEY="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            NODE_PATH=str(BUILD / "node_modules"), PORT=str(self.ports[port]))

    def program(self, name):
        """The processes of one of these, which do the job; started once."""
        if name not in self.programs:
            self.programs[name] = getattr(self, name)()
        return self.programs[name]

    def marketplace(self):
        return [self.nginx("nginx", "NGINX")]

    def plain(self):
        return [self.nginx("plain", "PLAIN")]

    def njs(self):
        return [self.nginx("njs", "NJS")]

    def lua(self):
        return [self.nginx("lua", "LUA")]

    def sdk(self):
        """The nginx in front of both applications with an SDK."""
        return [self.nginx("sdk", "SDK")]

    def boto3(self):
        need("uwsgi")
        command = ["uwsgi", "--plugin", "python3", "--master", "--lazy-apps",
                   "--processes", "1", "--threads", "16", "--need-app",
                   "--disable-logging", "--die-on-term",
                   "--uwsgi-socket", f"127.0.0.1:{self.ports['BOTO3']}",
                   "--wsgi-file", str(HERE / "boto3_app.py")]
        return [*self.program("sdk"),
                self.application("boto3", "BOTO3", command)]

    def node(self):
        need("node")
        install_sdk()
        command = ["node", str(HERE / "node_app.js")]
        return [*self.program("sdk"),
                self.application("node", "NODE", command)]


def affinity(cpu):
    return format(1 << cpu, "b").zfill(2)


def complaint(text):
    """Why nginx does not start, out of all that it says."""
    found = re.search(r"\[emerg\] (?:\d+#\d+: )?(.*)", text)
    return found[1] if found else text.strip()


def need(program):
    if not shutil.which(program):
        raise Unavailable(f"{program} is not installed")


def install_sdk():
    """AWS's SDK for JavaScript, unless an earlier run has installed it."""
    if (BUILD / "node_modules" / SDK_PACKAGE).is_dir():
        return
    need("npm")
    try:
        subprocess.run(
            ["npm", "install", "--prefix", BUILD, "--no-audit", "--no-fund",
             "--fetch-retries=1", "--loglevel=error", f"{SDK_PACKAGE}@3"],
            check=True, capture_output=True, text=True, timeout=NPM_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"npm did not get {SDK_PACKAGE} in time") from None
    except subprocess.CalledProcessError:
        raise Unavailable(f"npm could not install {SDK_PACKAGE}") from None


def start_standin(stack):
    """The stand-in that verifies signatures; its port."""
    standin = Standin()
    stack.callback(standin.stop)
    return standin.ports["http"]


def start_backend(stack):
    """The application that answers with the headers it got; its port."""
    return stack.enter_context(running_ours("backend.py", BUILD))


def tree(pid):
    """A process and all that it has started."""
    yield pid
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    for child in children.read_text().split():
        yield from tree(int(child))


def worker_of(process):
    """An nginx listens a moment before it has one."""
    return wait_for(lambda: list(tree(process.pid))[1:], "a worker")[0]


def cpu_seconds(processes):
    """The time that all threads of these processes and their children had."""
    spent = 0
    for process in processes:
        for pid in tree(process.pid):
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                spent += int((task / "schedstat").read_text().split()[0])
    return spent / 1e9


def memory_kib(pids):
    """What these processes have in memory."""
    return sum(int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(
        f"/proc/{pid}/status").read_text())[1]) for pid in pids)
