"""README.md's examples: every configuration is one that nginx takes, every
command one that works, every policy JSON.

A block that the tables below do not know fails: name it there, with what shows
that it is right.

Run with NGINX_BINARY and MODULE in the environment.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import textwrap
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent
README = TOP / "README.md"
EXAMPLES = TOP / "debian" / "examples"
STANDIN = TOP / "t" / "lib" / "standin.py"
TIMEOUT = 60

# What is not on every machine, and stands for what a reader has.
SUBSTITUTES = {
    "/etc/nginx/marketplace.keys": "marketplace.keys",
    "/etc/nginx/aws": "aws",
    "/var/log/nginx/": "",
    "kube-dns.kube-system.svc.cluster.local": "127.0.0.1",
}

FILES = {
    "marketplace.keys": "00112233445566778899aabbccddeeff" * 2 + "\n",
    "aws": "[default]\naws_access_key_id = AKIDEXAMPLE\n"
           "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n",
    "fastcgi_params": "",
}

CONF = """
load_module {module};
pid nginx.pid;
error_log stderr;
events {{ }}
http {{
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    access_log off;
    {http}
    server {{
        listen 127.0.0.1:8080;
        {server}
    }}
}}
"""


def blocks():
    """(heading, lines) of what README sets apart by its indent."""
    heading, lines = "", []
    for line in README.read_text(encoding="utf-8").splitlines() + ["end"]:
        if re.match(" {4,}[^ ]", line) or (lines and not line.strip()):
            lines.append(line)
            continue
        if lines:
            yield heading, "\n".join(lines).strip("\n")
            lines = []
        if line.startswith("#"):
            heading = line.lstrip("# ")


def is_an_example(text):
    """A file of debian/examples, which is started by tests of its own."""
    text = textwrap.dedent(text).strip()
    return any(text == file.read_text().strip()
               for file in EXAMPLES.rglob("*") if file.is_file())


def is_nginx(text):
    return re.search(r"[;{]\s*(#.*)?$", text.splitlines()[0]) and \
        not text.lstrip().startswith("{") or "log_format" in text


def statements(text):
    """The directives of the outermost level, each with its block."""
    text = re.sub(r"^\s*(#.*|\.\.\.)$", "", text, flags=re.M)
    depth, start = 0, 0
    for found in re.finditer(r"'[^']*'|#[^\n]*|[{};]", text):
        if found[0] == "{":
            depth += 1
        elif found[0] == "}":
            depth -= 1
        if found[0] in "};" and depth == 0:
            yield text[start:found.end()].strip()
            start = found.end()


def configuration(text):
    """A whole configuration that has what is in a block of README."""
    for original, substitute in SUBSTITUTES.items():
        text = text.replace(original, substitute)
    context = {"http": [], "server": []}
    for statement in statements(text):
        if statement.startswith("load_module"):
            continue
        name = "server" if statement.startswith("location") else "http"
        context[name].append(statement)
    for name in sorted(set(re.findall(r"proxy_pass http://(\w+);", text))):
        context["http"].append(f"upstream {name} {{ server 127.0.0.1:9; }}")
    return CONF.format(module=os.environ["MODULE"],
                       http="\n".join(context["http"]),
                       server="\n".join(context["server"]))


def nginx_test(text):
    """What nginx -t says of a block, and whether it takes it."""
    env = {name: value for name, value in os.environ.items()
           if not re.match("AWS_|NGINX$", name)}
    env["AWS_EC2_METADATA_DISABLED"] = "true"
    # names that only AWS's DNS, or only the internet's, knows
    env["AWS_ENDPOINT_URL"] = "https://localhost:1"

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, content in FILES.items():
            (folder / name).write_text(content)
            (folder / name).chmod(0o600)
        conf = folder / "nginx.conf"
        conf.write_text(configuration(text))
        done = subprocess.run(
            [os.environ["NGINX_BINARY"], "-t", "-p", folder, "-c", conf,
             "-g", "user root;" if os.geteuid() == 0 else ""],
            env=env, capture_output=True, text=True, timeout=TIMEOUT)
    return done.returncode == 0, f"{text}\n\n{done.stderr}"


def run(*command, cwd=TOP, **options):
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True,
                          text=True, timeout=TIMEOUT, **options).stdout


# Commands, and what shows that they work.  What a suite of its own runs is
# only looked for here.

def is_target(command):
    """Something that make can make; what it does is tested elsewhere."""
    target = command.split()[1]
    run("make", "-n", "INSTALL=true", target)


def installs(command):
    """t/lib/install.sh has this group: the tests could not run without."""
    group = command.split()[1]
    text = (TOP / "t/lib/install.sh").read_text()
    assert re.search(rf"^\s*{group}\)", text, re.M), group


def is_in_debian(command):
    for package in command.split()[2:]:
        run("apt-cache", "show", package)


def copies_the_module(command):
    _, source, folder = command.split()
    assert source == "build/ngx_http_marketplace_module.so", source
    modules = re.search(r"--modules-path=(\S+)", subprocess.run(
        [os.environ["NGINX_BINARY"], "-V"], capture_output=True,
        text=True).stderr)
    assert modules and modules[1] == folder.rstrip("/"), folder


def makes_keys(command):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "keys"
        run("bash", "-c", command.replace("/etc/nginx/marketplace.keys",
                                          str(file)))
        assert file.stat().st_mode & 0o777 == 0o600
        assert re.fullmatch("[0-9a-f]{64}\n", file.read_text())


def finds_lines(command):
    """Those of the module at these levels; t/messages_test.py has them all."""
    log = "/var/log/nginx/error.log"
    lines = [f"2026/01/02 03:04:05 [{level}] 7#7: {text}"
             for level in ("error", "warn", "info")
             for text in ("*1 marketplace: x", "*1 open() failed",
                          '"marketplace_region" directive is duplicate')]
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("\n".join(lines))
        file.flush()
        assert command.endswith(log), command
        found = run("bash", "-c", command.replace(log, file.name))
    assert found.splitlines() == [
        line for line in lines
        if "[info]" not in line and "marketplace" in line], found


def starts_the_standin(command):
    python, program, option, _ = command.split()
    assert TOP / program == STANDIN, program
    help_text = run(python, STANDIN, "--help")
    assert option in help_text


def nothing(command):
    """t/configure_test.py does it, t/application.py, or t/proof/deb."""


COMMANDS = {
    "apt-get install make": is_in_debian,
    "make demo": is_target,
    "make test": is_target,
    "t/lib/install.sh build": installs,
    "make": nothing,
    "apt-get install nginx request-tracker5 rt5-fcgi": is_in_debian,
    "systemctl enable --now rt5-fcgi": nothing,
    "rt-setup-database-5 --action insert --datafile initialdata": nothing,
    "make test-application": is_target,
    "cp build/ngx_http_marketplace_module.so /usr/lib/nginx/modules/":
        copies_the_module,
    'make NGINX_SRC=../nginx-1.26.3 '
    'NGINX_CONFIGURE="--with-compat --with-http_ssl_module"': nothing,
    "./configure --with-http_ssl_module --add-dynamic-module=/path/to/this":
        nothing,
    "make modules": nothing,
    "make deb": is_target,
    "apt install ./build/libnginx-mod-http-marketplace_*.deb": nothing,
    "docker build -f debian/examples/Dockerfile -t nginx-marketplace .":
        nothing,
    "(umask 077; openssl rand -hex 32 > /etc/nginx/marketplace.keys)":
        makes_keys,
    r"grep -E '\[(emerg|alert|error|warn)\].*marketplace[:_]' "
    "/var/log/nginx/error.log": finds_lines,
    "/usr/bin/python3 t/lib/standin.py --http 8088": starts_the_standin,
}

# What goes over the wire, which other tests look at, by its first word.
EXCHANGES = ("X-Marketplace-Customer-AWS-Account-Id:", "POST", "GET")


class Readme(unittest.TestCase):

    def test_configurations(self):
        for heading, text in blocks():
            if is_nginx(text):
                with self.subTest(heading):
                    good, said = nginx_test(text)
                    self.assertTrue(good, said)

    def test_everything_else(self):
        for heading, text in blocks():
            if not is_nginx(text) and not is_an_example(text):
                with self.subTest(heading):
                    self.check(text)

    def check(self, text):
        first = text.split()[0]
        if first == "{":
            json.loads(text)
        elif first == "[default]":
            self.assertEqual([line.strip() for line in text.splitlines()],
                             FILES["aws"].splitlines())
        elif first == "rule_files:":
            self.check_prometheus(text)
        elif first not in EXCHANGES:
            for line in text.splitlines():
                self.check_command(re.sub(r"\s+# .*", "", line.strip()))

    def check_prometheus(self, text):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "prometheus.yml"
            file.write_text(textwrap.dedent(text))
            shutil.copy(TOP / "debian/examples/prometheus-alerts.yml", folder)
            run("promtool", "check", "config", file)

    def check_command(self, command):
        self.assertIn(command, COMMANDS, "t/readme_test.py has to know what "
                      "shows that this works")
        COMMANDS[command](command)

    def test_links(self):
        text = README.read_text(encoding="utf-8")
        anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
                   for title in re.findall(r"^#+ (.*)$", text, re.M)}
        for target in re.findall(r"\]\(#([^)]+)\)", text):
            self.assertIn(target, anchors)
        for file in re.findall(r"\]\(([^#:)]+)\)", text):
            self.assertTrue((TOP / file).exists(), file)

    def test_every_directive_has_a_section(self):
        text = README.read_text(encoding="utf-8")
        source = (TOP / "src/ngx_http_marketplace_module.c").read_text()
        for name in re.findall(r'ngx_string\("(marketplace_\w+)"\)', source):
            self.assertTrue(re.search(rf"(?m)^####.*\b{name}\b", text), name)


if __name__ == "__main__":
    unittest.main()
