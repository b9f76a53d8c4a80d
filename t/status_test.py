"""The status page as a real Prometheus reads it; the alerts and the dashboard
of debian/examples, by the data that it has then.

Run with NGINX_BINARY and MODULE in the environment.
"""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent
sys.path.insert(0, str(HERE / "lib"))
from launch import (  # noqa: E402
    Standin,
    ask,
    free_port,
    running,
    wait_for,
)

EXAMPLES = TOP / "debian" / "examples"
ALERTS = EXAMPLES / "prometheus-alerts.yml"
DASHBOARD = EXAMPLES / "grafana-dashboard.json"
ERRORS = TOP / "src" / "aws" / "mp_error.c"
README = TOP / "README.md"

PREFIX = "nginx_marketplace_"

NGINX = """
load_module {module};
daemon off;
worker_processes 2;
pid nginx.pid;
error_log error.log info;
{user}
events {{ }}
http {{
    access_log off;
    marketplace_endpoint {aws};
    server {{
        listen 127.0.0.1:{port};
        location = /metrics {{
            allow 127.0.0.1;
            deny all;
            marketplace_status;
        }}
        location = /register {{
            marketplace_resolve on;
            marketplace_credentials container;
            try_files /none @resolved;
        }}
        location @resolved {{
            return 200 $marketplace_customer_aws_account_id;
        }}
    }}
}}
"""

PROMETHEUS = """
global:
  scrape_interval: 250ms
  scrape_timeout: 250ms
  evaluation_interval: 250ms
rule_files: [ "{alerts}" ]
scrape_configs:
  - job_name: nginx
    static_configs: [ targets: [ "127.0.0.1:{port}" ] ]
"""


def promtool(*arguments, text=None):
    """(status, output) of promtool."""
    result = subprocess.run(["promtool", *map(str, arguments)], input=text,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)
    return result.returncode, result.stdout


def samples(page):
    """The numbers on a page by the names and labels that they have."""
    return {
        name: float(value)
        for name, value in re.findall(r"^(\w\S*) (\S+)$", page, re.M)
    }


def exprs(dashboard):
    """(title, expression) of all that the panels show."""
    return [
        (panel["title"], target["expr"])
        for panel in dashboard["panels"]
        for target in panel["targets"]
    ]


def without_variables(expr):
    """As Grafana asks it, of all instances, at this rate of scrapes."""
    return expr.replace("$__rate_interval", "30s").replace("$instance", ".*")


def monitoring():
    """The section of the README."""
    return README.read_text().partition("\n## Monitoring")[2].partition(
        "\n## ")[0]


class Rules(unittest.TestCase):
    """What needs no server."""

    def test_the_alerts_are_rules(self):
        status, output = promtool("check", "rules", ALERTS)
        self.assertEqual(status, 0, output)

    def test_the_alerts_fire_when_they_should(self):
        status, output = promtool("test", "rules", HERE / "status_alerts.yml")
        self.assertEqual(status, 0, output)

    def test_the_buyers_faults_are_what_the_module_takes_for_such(self):
        faults = set(re.findall(
            r'mp_str\("(\w+)"\), \d+,\s+MP_FAULT_(?:BUYER|PRODUCT)',
            ERRORS.read_text()))
        self.assertIn("InvalidTokenException", faults)

        for file in ALERTS, DASHBOARD:
            lists = re.findall(r'outcome[!=]~\\?"([^"\\]+)\\?"',
                               file.read_text())
            self.assertGreaterEqual(len(lists), 2)
            for names in lists:
                self.assertEqual(
                    set(names.split("|")) - {"resolved", "aborted"}, faults)

    def test_the_readme_tells_what_to_do_about_each_alert(self):
        self.assertEqual(re.findall(r"^\| `(\w+)` \| .", monitoring(), re.M)
                         [-len(self.alerts()):], self.alerts())

    def alerts(self):
        return re.findall(r"- alert: (\w+)", ALERTS.read_text())

    def test_the_dashboard_shows_all(self):
        dashboard = json.loads(DASHBOARD.read_text())
        shown = " ".join(expr for _, expr in exprs(dashboard))

        for name in ("resolves_total", "resolve_duration_seconds_bucket",
                     "call_duration_seconds_bucket", "attempts_total",
                     "retries_total", "cache_requests_total",
                     "cache_evictions_total", "credential_renewals_total",
                     "credentials_expire_in_seconds", "clock_offset_seconds",
                     "calls_in_flight"):
            self.assertIn(PREFIX + name, shown)

        ids = [panel["id"] for panel in dashboard["panels"]]
        self.assertEqual(len(ids), len(set(ids)))


class Monitoring(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        with contextlib.ExitStack() as stack:
            cls.start(stack)
            cls.stack = stack.pop_all()

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    @classmethod
    def start(cls, stack):
        cls.folder = pathlib.Path(stack.enter_context(
            tempfile.TemporaryDirectory()))
        cls.folder.chmod(0o755)
        cls.aws = Standin()
        stack.callback(cls.aws.stop)
        cls.start_nginx(stack)
        cls.start_prometheus(stack)

    @classmethod
    def start_nginx(cls, stack):
        cls.nginx = f"http://127.0.0.1:{free_port()}"
        conf = cls.folder / "nginx.conf"
        conf.write_text(NGINX.format(
            module=os.environ["MODULE"], aws=cls.aws.url(),
            port=cls.nginx.rpartition(":")[2],
            user="user root;" if os.getuid() == 0 else ""))

        env = {name: value for name, value in os.environ.items()
               if not name.startswith("AWS_") and name != "NGINX"}
        env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = (
            f"{cls.aws.url()}/v1/credentials")

        stack.enter_context(running(
            os.environ["NGINX_BINARY"], "-p", cls.folder, "-e", "error.log",
            "-c", conf, env=env, log=cls.folder / "nginx.log"))
        wait_for(cls.page)

    @classmethod
    def start_prometheus(cls, stack):
        cls.prometheus = f"http://127.0.0.1:{free_port()}"
        conf = cls.folder / "prometheus.yml"
        conf.write_text(PROMETHEUS.format(
            alerts=ALERTS, port=cls.nginx.rpartition(":")[2]))

        stack.enter_context(running(
            "prometheus", f"--config.file={conf}",
            f"--storage.tsdb.path={cls.folder / 'data'}",
            f"--web.listen-address={cls.prometheus.rpartition('/')[2]}",
            log=cls.folder / "prometheus.log"))
        wait_for(lambda: ask(f"{cls.prometheus}/-/ready"))

    @classmethod
    def page(cls):
        return ask(f"{cls.nginx}/metrics").decode()

    def register(self, token):
        """The status that this registration is answered with."""
        body = urllib.parse.urlencode({"x-amzn-marketplace-token": token})
        try:
            ask(f"{self.nginx}/register", body)
        except urllib.error.HTTPError as error:
            return error.code
        return 200

    def api(self, path, **query):
        """What Prometheus answers to a question that makes sense."""
        try:
            reply = ask(f"{self.prometheus}/api/v1/{path}?"
                        + urllib.parse.urlencode(query))
        except urllib.error.HTTPError as error:
            self.fail(f"{query}: {error.read().decode()}")
        reply = json.loads(reply)
        self.assertEqual(reply["status"], "success", reply)
        return reply["data"]

    def query(self, expr):
        """Numbers, by the labels that they have."""
        result = self.api("query", query=expr)["result"]
        return {
            tuple(sorted(row["metric"].items())): float(row["value"][1])
            for row in result
        }

    def seen(self):
        """What Prometheus has of the page, written as on the page."""
        found = {}
        for labels, value in self.query(
                f'{{__name__=~"{PREFIX}.*"}}').items():
            labels = dict(labels)
            name = labels.pop("__name__")
            found[name, frozenset(
                (label, text) for label, text in labels.items()
                if label not in ("job", "instance"))] = value
        return found

    def on_page(self):
        return {
            (name.partition("{")[0],
             frozenset(re.findall(r'(\w+)="([^"]*)"', name))): value
            for name, value in samples(self.page()).items()
        }

    def test_promtool_finds_nothing_to_mend(self):
        self.register("ok")
        self.register("error:InvalidTokenException")
        status, output = promtool("check", "metrics", text=self.page())
        self.assertEqual((status, output), (0, ""))

    def test_there_is_nothing_to_mend_without_credentials_either(self):
        page = re.sub(rf"^{PREFIX}credentials_expire.*\n", "", self.page(),
                      flags=re.M)
        status, output = promtool("check", "metrics", text=page)
        self.assertEqual((status, output), (0, ""))

    def test_the_readme_lists_what_is_on_the_page(self):
        families = re.findall(rf"^# TYPE {PREFIX}(\w+) ", self.page(), re.M)
        self.assertEqual(
            set(re.findall(r"^\| `([a-z]\w+)` \|", monitoring(), re.M)),
            set(families))

    def test_prometheus_has_what_the_page_has(self):
        self.assertEqual(self.register("ok-page"), 200)
        self.assertEqual(self.register("ok-page"), 200)
        self.assertEqual(self.register("error:InvalidTokenException"), 400)

        # Seconds pass between the one and the other.

        passing = f"{PREFIX}credentials_expire_in_seconds"

        def same():
            seen, page = self.seen(), self.on_page()
            return seen.keys() == page.keys() and all(
                seen[key] == page[key] for key in page if key[0] != passing)

        wait_for(same)
        [target] = self.api("targets")["activeTargets"]
        self.assertEqual((target["health"], target["lastError"]), ("up", ""))

        types = self.api("metadata")
        for name, kind in ((f"{PREFIX}resolves_total", "counter"),
                           (f"{PREFIX}calls_in_flight", "gauge"),
                           (f"{PREFIX}call_duration_seconds", "histogram")):
            self.assertEqual(types[name][0]["type"], kind)
            self.assertTrue(types[name][0]["help"])

    def test_the_alerts_are_evaluated_and_nothing_is_wrong(self):
        def rules():
            [group] = self.api("rules")["groups"]
            return group["rules"]

        wait_for(lambda: all(rule["health"] == "ok" for rule in rules()))
        self.assertEqual([rule["name"] for rule in rules()],
                         re.findall(r"- alert: (\w+)", ALERTS.read_text()))
        self.assertEqual(
            [rule["name"] for rule in rules() if rule["state"] == "firing"],
            [])

    def test_the_dashboard_has_data(self):
        known = {name for name, _ in self.on_page()}
        self.register("ok-dashboard")
        wait_for(self.seen)

        for title, expr in exprs(json.loads(DASHBOARD.read_text())):
            with self.subTest(title=title, expr=expr):
                names = set(re.findall(rf"{PREFIX}\w+", expr))
                self.assertTrue(names)
                self.assertEqual(names - known, set())
                self.has_data(without_variables(expr))

    def has_data(self, expr):
        """Waits for it, while there are registrations."""
        def data():
            self.register("ok-dashboard")
            values = self.query(expr).values()
            return values and all(value == value for value in values)

        wait_for(data)


if __name__ == "__main__":
    unittest.main()
