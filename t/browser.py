#!/usr/bin/python3
"""A registration in a real browser, across three sites.

AWS Marketplace, the application and its single sign-on are sites of their
own, as in life: a browser is told by SameSite when it may send the cookie of
the session, and no other client does what browsers do then.

Run with NGINX_BINARY and MODULE in the environment; needs Chromium.
"""

import fcntl
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parent / "lib"))

from launch import (  # noqa: E402
    TIMEOUT,
    Standin,
    free_ports,
    make_certificate,
    running,
    running_ours,
    wait_for,
)

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")

MARKETPLACE = "marketplace.example"
APP = "app.example.net"
OTHER_HOST = "other.example.net"
SSO = "sso.example.org"

# The browser's sandbox does not work for root, nor in most containers.  The
# pages that it would guard against are all our own here.  It asks nobody but
# the nginx under test.

FLAGS = """
    --headless --no-sandbox --disable-gpu --disable-dev-shm-usage
    --disable-quic --no-first-run --no-default-browser-check
    --disable-background-networking --disable-component-update
    --disable-default-apps --disable-extensions --disable-sync
    --no-proxy-server --ignore-certificate-errors --remote-debugging-pipe
    --password-store=basic --use-mock-keychain
""".split() + ["--host-resolver-rules=MAP * 127.0.0.1"]

CONF = """
load_module {module};
pid nginx.pid;
error_log error.log info;
{user}
daemon off;
events {{ }}
http {{
    access_log off;
    default_type text/html;
    ssl_certificate tls.pem;
    ssl_certificate_key tls.key;

    marketplace_credentials static id=AKIDEXAMPLE
        secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
    marketplace_endpoint {aws};

    server {{
        listen 127.0.0.1:{port} ssl default_server;
        server_name {marketplace};
        location = /buy {{
            return 200 '<body onload="document.forms[0].submit()">
                <form method=post action="https://{app}:{port}/register">
                <input name=x-amzn-marketplace-token value="$arg_token">
                <input name=x-amzn-marketplace-offer-type value=free-trial>
                </form>';
        }}
        location = /frames {{
            return 200 '{frames}';
        }}
    }}
    server {{
        listen 127.0.0.1:{port} ssl;
        listen 127.0.0.1:{plain_port};
        server_name {app} {other_host};
        marketplace_session key=session.key;
        location = /register {{
            marketplace_resolve on;
            marketplace_redirect /welcome/$marketplace_product_code;
            proxy_pass http://127.0.0.1:{backend};
        }}
        location = /frames {{
            return 200 '{frames}';
        }}
        location = /frame {{
            return 200 '<script>
                parent.postMessage("[$marketplace_product_code]", "*");
                </script>';
        }}
        location = /logged-in {{
            return 303 /after-form-post;
        }}
        location / {{
            proxy_pass http://127.0.0.1:{backend};
        }}
    }}
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name {sso};
        location = /by-redirect {{
            return 302 https://{app}:{port}/after-redirect;
        }}
        location = /by-script {{
            return 200 '<script>
                location.replace("https://{app}:{port}/after-script");
                </script>';
        }}
        location = /by-form-post {{
            return 200 '<body onload="document.forms[0].submit()">
                <form method=post action="https://{app}:{port}$arg_back">
                <input name=code value=1></form>';
        }}
    }}
}}
"""


# A page that says what a page of the application, in a frame, tells it.

FRAMES = """<script>onmessage = event => document.body.append(event.data);
</script><iframe src="https://{app}:{port}/frame"></iframe>"""


class Browser:
    """Chromium with a new profile, and its DevTools at the end of a pipe: it
    ends when the pipe does, whatever becomes of us."""

    def __init__(self, home):
        home.mkdir()
        self.messages = 0
        self.buffer = b""
        self.stderr = open(home / "stderr", "w+")

        ends = [*os.pipe(), *os.pipe()]
        theirs_in, self.output, self.input, theirs_out = [
            fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
        for end in ends:
            os.close(end)

        def connect():
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        self.process = subprocess.Popen(
            [CHROMIUM, *FLAGS, f"--user-data-dir={home}/profile",
             "about:blank"],
            stdin=subprocess.DEVNULL, stdout=self.stderr, stderr=self.stderr,
            env={**os.environ, "HOME": str(home)}, start_new_session=True,
            close_fds=False, preexec_fn=connect)
        os.close(theirs_in)
        os.close(theirs_out)

        self.session = None
        try:
            page = wait_for(self.page, "a page of the browser")
            self.session = self.ask("Target.attachToTarget", targetId=page,
                                    flatten=True)["sessionId"]
        except BaseException:
            self.close()
            raise

    def close(self):
        """Ends the browser and all that it has started."""
        os.close(self.output)
        os.close(self.input)
        try:
            self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.stderr.close()

    def page(self):
        pages = self.ask("Target.getTargets")["targetInfos"]
        return next((target["targetId"] for target in pages
                     if target["type"] == "page"), None)

    def ask(self, method, **params):
        """The result of a command; events are of no interest."""
        self.messages += 1
        command = {"id": self.messages, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.output, json.dumps(command).encode() + b"\0")

        while True:
            answer = json.loads(self.read())
            if answer.get("id") == self.messages:
                break
        if "error" in answer:
            raise ValueError(answer["error"]["message"])
        return answer["result"]

    def read(self):
        """The next message."""
        deadline = time.monotonic() + TIMEOUT
        while b"\0" not in self.buffer:
            left = max(0, deadline - time.monotonic())
            readable, _, _ = select.select([self.input], [], [], left)
            data = readable and os.read(self.input, 65536)
            if not data:
                self.stderr.seek(0)
                raise AssertionError(
                    f"the browser is silent: {self.stderr.read()[-2000:]}")
            self.buffer += data
        message, _, self.buffer = self.buffer.partition(b"\0")
        return message

    def run(self, script):
        """What a script on the page comes to."""
        result = self.ask("Runtime.evaluate", expression=script,
                          returnByValue=True, userGesture=True)["result"]
        return result.get("value")

    def at(self, url):
        """The text of the page once it is that of this URL."""
        script = """JSON.stringify([location.href,
            document.readyState == "complete" && !window.isOld,
            document.body?.innerText])"""

        def text():
            # between two pages there is none to ask

            try:
                href, ready, text = json.loads(self.run(script))
            except (ValueError, TypeError):
                return None
            self.seen = href
            return href == url and ready and (text or " ")

        self.seen = None
        try:
            return wait_for(text, url)
        except AssertionError as error:
            raise AssertionError(f"{error}; at {self.seen}") from None

    def go(self, url, back):
        """Follows a link on the page; the text of the page that this ends
        at."""
        self.run(f"location.href = {json.dumps(url)}")
        return self.at(back)


    def reload(self, url):
        self.run("window.isOld = true")
        self.ask("Page.reload", ignoreCache=True)
        return self.at(url)


class Registration(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.folder.chmod(0o755)

        cls.aws = Standin()
        cls.addClassCleanup(cls.aws.stop)
        cls.backend = cls.enterClassContext(
            running_ours("backend.py", cls.folder))
        cls.start_nginx()

        cls.browser = Browser(cls.folder / "browser")
        cls.addClassCleanup(cls.browser.close)

    @classmethod
    def start_nginx(cls):
        make_certificate(cls.folder)

        key = cls.folder / "session.key"
        key.touch(0o600)
        key.write_text("a key of thirty-two bytes or more\n")

        cls.port, cls.plain_port = free_ports(["tls", "plain"]).values()
        conf = cls.folder / "nginx.conf"
        conf.write_text(CONF.format(
            module=os.environ["MODULE"],
            user="user root;" if os.getuid() == 0 else "",
            port=cls.port, plain_port=cls.plain_port, aws=cls.aws.url(),
            backend=cls.backend, marketplace=MARKETPLACE, app=APP,
            other_host=OTHER_HOST, sso=SSO,
            frames=FRAMES.format(app=APP, port=cls.port)))
        cls.enterClassContext(running(
            os.environ["NGINX_BINARY"], "-p", cls.folder, "-e", "error.log",
            "-c", conf, address=cls.port))

    def setUp(self):
        """Every test begins in a browser that nobody has used."""
        self.browser.ask("Network.clearBrowserCookies")
        self.browser.ask("Page.navigate", url="about:blank")
        self.browser.at("about:blank")

    def url(self, host, path):
        return f"https://{host}:{self.port}{path}"

    def app(self, path):
        return self.url(APP, path)

    def register(self, product="code"):
        """Goes from the page of AWS Marketplace to that of the application;
        its text."""
        self.browser.ask(
            "Page.navigate",
            url=self.url(MARKETPLACE, f"/buy?token=product:{product}"))
        return self.browser.at(self.app(f"/welcome/{product}"))

    def assert_customer(self, text, path, product="code"):
        """The application was asked so, and knew the customer."""
        lines = text.splitlines()
        self.assertEqual(lines[0], f"GET {path}")
        self.assertIn(f"X-Marketplace-Product-Code: {product}", lines)
        self.assertIn("X-Marketplace-Offer-Type: free-trial", lines)
        self.assertRegex(
            text, r"(?m)^X-Marketplace-Customer-AWS-Account-Id: \d{12}$")

    def cookies(self):
        return self.browser.ask("Storage.getCookies")["cookies"]

    def test_the_page_after_a_registration(self):
        self.assert_customer(self.register(), "/welcome/code")

        [cookie] = self.cookies()
        self.assertEqual(cookie["name"], "__Host-marketplace")
        self.assertEqual(cookie["domain"], APP)
        self.assertEqual(cookie["path"], "/")
        self.assertEqual(cookie["sameSite"], "Lax")
        self.assertTrue(cookie["httpOnly"])
        self.assertTrue(cookie["secure"])
        self.assertAlmostEqual(cookie["expires"], time.time() + 3600,
                               delta=2 * TIMEOUT)

    def test_to_go_back_and_to_load_again(self):
        self.register()
        self.browser.go(self.app("/next"), self.app("/next"))
        self.browser.run("history.back()")
        self.assert_customer(self.browser.at(self.app("/welcome/code")),
                             "/welcome/code")

        # a page that came by 303 is loaded again without a form to send

        self.assert_customer(self.browser.reload(self.app("/welcome/code")),
                             "/welcome/code")

    def test_back_from_another_site_by_a_redirect(self):
        self.register()
        text = self.browser.go(self.url(SSO, "/by-redirect"),
                               self.app("/after-redirect"))
        self.assert_customer(text, "/after-redirect")

    def test_back_from_another_site_by_a_script(self):
        self.register()
        text = self.browser.go(self.url(SSO, "/by-script"),
                               self.app("/after-script"))
        self.assert_customer(text, "/after-script")

    def test_back_from_another_site_by_a_form_that_is_posted(self):
        """SameSite=Lax: such a POST comes without the cookie.  It goes well
        where it is answered by a redirect, which is a GET."""
        self.register()
        text = self.browser.go(self.url(SSO, "/by-form-post?back=/form-post"),
                               self.app("/form-post"))
        self.assertEqual(text.strip(), "POST /form-post\n\ncode=1")

        text = self.browser.go(self.url(SSO, "/by-form-post?back=/logged-in"),
                               self.app("/after-form-post"))
        self.assert_customer(text, "/after-form-post")

    def test_a_second_registration_is_who_counts(self):
        self.register()
        self.assert_customer(self.register("other"), "/welcome/other", "other")
        self.assert_customer(self.browser.go(self.app("/a"), self.app("/a")),
                             "/a", "other")
        self.assertEqual(len(self.cookies()), 1)

    def test_scripts_do_not_see_the_cookie(self):
        self.register()
        self.assertEqual(self.browser.run("document.cookie"), "")

        # nor do they get another one in its place

        self.browser.run("document.cookie = "
                         "'__Host-marketplace=mine; Secure; Path=/'")
        self.assertEqual(self.browser.run("document.cookie"), "")
        self.assert_customer(
            self.browser.go(self.app("/next"), self.app("/next")), "/next")

    def test_other_hosts_and_plain_http_do_not_get_it(self):
        self.register()
        url = self.url(OTHER_HOST, "/other-host")
        self.assertEqual(self.browser.go(url, url).strip(), "GET /other-host")

        url = f"http://{APP}:{self.plain_port}/plain"
        self.assertEqual(self.browser.go(url, url).strip(), "GET /plain")

    def test_a_frame_of_another_site_does_not_get_it(self):
        self.register()
        for host, told in (APP, "[code]"), (MARKETPLACE, "[]"):
            url = self.url(host, "/frames")
            self.browser.go(url, url)
            text = wait_for(
                lambda: self.browser.run("document.body.innerText.trim()"),
                "a word from the frame")
            self.assertEqual(text, told, host)


if __name__ == "__main__":
    # whoever ends us ends the browser, too, and its folder

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        unittest.main()
    finally:
        Registration.doClassCleanups()
