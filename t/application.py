#!/usr/bin/python3
"""Request Tracker as a product in AWS Marketplace, in a real browser.

It is Debian's and unchanged.  Nginx and it are configured by the files of
debian/examples/request-tracker, which the README is about; its database and
all else that it writes are in a folder of this test.

Run with NGINX_BINARY and MODULE in the environment; needs Chromium.  The
pictures of what the buyers saw are left in build/application.
"""

import base64
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PICTURES = HERE.parent / "build/application"

sys.path.append(str(HERE / "lib"))

import examples  # noqa: E402
from browser import Browser  # noqa: E402
from examples import (  # noqa: E402
    ACCOUNT,
    FORGED,
    OTHER_ACCOUNT,
    buyer,
)
from launch import wait_for  # noqa: E402

HOST = "app.example.com"
STAFF = "staff.example.com"
SERVER = "/usr/share/request-tracker5/libexec/rt-server.fcgi"
USER = "aws-" + ACCOUNT
OTHER_USER = "aws-" + OTHER_ACCOUNT

DEBIAN = pathlib.Path("/etc/request-tracker5/RT_SiteConfig.d/50-debconf.pm")

# What is otherwise in a test, and read behind Debian's configuration, which not
# everybody may read.

SITE = """
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '{folder}/rt.db');
Set($MailCommand, 'testfile');
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'warning');
$RT::MasonDataDir = '{folder}/mason';
$RT::MasonSessionDir = '{folder}/sessions';
1;
"""

DISABLE = """
use lib '/usr/share/request-tracker5/lib';
use RT -init;
my $user = RT::User->new(RT->SystemUser);
$user->Load(shift);
my ($done, $message) = $user->SetDisabled(1);
die $message unless $done;
"""

# The form that the button in AWS Marketplace sends, sent from another site.

REGISTER = """
document.body.innerHTML = "<form method=post><input type=hidden></form>";
const [form] = document.forms;
form.action = {url};
form[0].name = "x-amzn-marketplace-token";
form[0].value = {token};
form.submit();
"""

# Fills in a form of Request Tracker's and sends it; text may have an editor.

FILL_IN = """
window.isOld = true;
const form = document.forms[{form}];
for (const [name, value] of Object.entries({fields})) {{
    form.elements[name].value = value;
    window.CKEDITOR?.instances[name]?.setData(value);
}}
form.querySelector({button}).click();
"""
SUBMIT_TICKET = "[name=SubmitTicket]"


def script(template, **values):
    """A script with these values in it, and names of its own."""
    values = {name: json.dumps(value) for name, value in values.items()}
    return "{" + template.format(**values) + "}"


class RequestTracker(examples.Installation):
    name = "request-tracker"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        PICTURES.mkdir(parents=True, exist_ok=True)
        cls.browser = Browser(cls.folder / "browser")
        cls.addClassCleanup(cls.browser.close)

    @classmethod
    def replaced(cls):
        return {"/run/rt5-fcgi.sock": f"{cls.folder}/rt.sock",
                "allow 10.0.0.0/8": "allow 127.0.0.0/8"}

    @classmethod
    def start_application(cls):
        for name in "site", "mason", "sessions":
            (cls.folder / name).mkdir()
        (cls.folder / "site.pm").write_text("1;\n")
        if os.access(DEBIAN, os.R_OK):
            (cls.folder / "site" / DEBIAN.name).symlink_to(DEBIAN)
        (cls.folder / "site/90-test.pm").write_text(
            SITE.format(folder=cls.folder))
        cls.install("70-marketplace.pm", "site/70-marketplace.pm", {
            "443": str(cls.port),
            f"https://{HOST}": f"https://{HOST}:{cls.port}"})
        cls.env = {**os.environ, "RT_SITE_CONFIG": f"{cls.folder}/site.pm",
                   "RT_SITE_CONFIG_DIR": f"{cls.folder}/site"}

        cls.run_once("rt-setup-database-5", "--action", "init",
                     "--skip-create", "--dba-password", "")
        cls.run_once("rt-setup-database-5", "--action", "insert",
                     "--datafile", "example/initialdata",
                     "--dba-password", "")
        cls.start_quietly("spawn-fcgi", "-n", "-s", cls.folder / "rt.sock",
                          "--", SERVER, env=cls.env,
                          address=f"{cls.folder}/rt.sock")

    @classmethod
    def run_once(cls, *command):
        done = subprocess.run(command, cwd=cls.folder, env=cls.env, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def setUp(self):
        """Every test begins in a browser that nobody has used."""
        self.browser.ask("Network.clearBrowserCookies")
        self.open("about:blank")

    def url(self, path, host=HOST):
        return f"https://{host}:{self.port}{path}"

    def go(self, path, back=None, host=HOST):
        """The text of a page, and where that ends if it is elsewhere."""
        return self.browser.go(self.url(path, host),
                               self.url(back or path, host))

    def open(self, url):
        """The same, but not by a link."""
        self.browser.ask("Page.navigate", url=url)
        return self.browser.at(url)

    def buy(self, account):
        """Presses the button in AWS Marketplace; the page that follows."""
        self.open("about:blank")
        self.browser.run(script(REGISTER, url=self.url("/register"),
                                token=buyer(account)))
        return self.browser.at(self.url("/SelfService/"))

    def fill_in(self, form, button, **fields):
        self.browser.run(script(FILL_IN, form=form, button=button,
                                fields=fields))

    def picture(self, name):
        picture = self.browser.ask("Page.captureScreenshot")["data"]
        (PICTURES / f"{name}.png").write_bytes(base64.b64decode(picture))

    def create_ticket(self, subject):
        """The path of the page of the new ticket."""
        self.go("/SelfService/Create.html?Queue=1")
        self.fill_in("TicketCreate", SUBMIT_TICKET, Subject=subject,
                     Content="It has stopped.")
        return "/SelfService/Display.html?id=" + self.ticket_at(
            "/SelfService/Display.html")

    def ticket_at(self, page):
        """The number of the ticket that this page shows, once it is there."""
        number = f"""location.pathname == "{page}"
            && new URLSearchParams(location.search).get("id")"""
        return wait_for(lambda: self.browser.run(number), page)

    def forget(self, cookie):
        self.browser.ask("Network.deleteCookies", name=cookie,
                         url=self.url("/"))

    def rt_session(self):
        """The name of the cookie of Request Tracker's own session."""
        names = [cookie["name"] for cookie
                 in self.browser.ask("Storage.getCookies")["cookies"]]
        [name] = [name for name in names if name.startswith("RT_SID")]
        return name

    def test_the_registration_url_answers_a_get(self):
        status, path, _ = self.client().ask("/register")
        self.assertEqual((status, path), (200, "/register"))

    def test_a_buyer_writes_a_ticket_and_comes_back(self):
        text = self.buy(ACCOUNT)
        self.assertIn(USER, text)
        self.picture("registered")

        ticket = self.create_ticket("A printer of the buyer")
        self.assertIn("A printer of the buyer", self.go(ticket))
        self.picture("ticket")
        calls = self.calls()

        # later, in a browser that was closed in the meantime

        self.forget(self.rt_session())
        self.assertIn("A printer of the buyer", self.go("/", "/SelfService/"))
        self.assertEqual(self.calls(), calls)
        self.picture("later")

    def test_staff_answers(self):
        self.buy(ACCOUNT)
        ticket = self.create_ticket("A question")
        number = ticket.rpartition("=")[2]

        home = self.url("/", STAFF)
        self.assertIn("Username", self.open(home))
        self.fill_in("login", "[type=submit]",
                     **{"user": "root", "pass": "password"})
        self.assertIn("RT at a glance", self.browser.at(home))
        path = f"/Ticket/Update.html?Action=Respond&id={number}"
        self.assertIn("A question", self.go(path, host=STAFF))
        self.picture("staff")
        self.fill_in("TicketUpdate", SUBMIT_TICKET,
                     UpdateContent="We have looked after it.")
        self.assertEqual(self.ticket_at("/Ticket/Display.html"), number)

        self.assertIn("We have looked after it.", self.open(self.url(ticket)))
        self.picture("answered")

    def test_to_log_out(self):
        self.buy(ACCOUNT)
        self.browser.run("document.querySelector('[href$=logout]').click()")
        self.assertIn("Please come from AWS Marketplace",
                      self.browser.at(self.url("/register")))
        self.assertIn("Please come from AWS Marketplace",
                      self.go("/SelfService/", "/register"))

    def test_a_buyer_does_not_become_somebody_else(self):
        """By a password that he knows, or one that nginx does not check."""
        client = self.client()
        client.register(buyer(ACCOUNT), "/register")
        basic = base64.b64encode(b"root:password").decode()
        for body in None, b"user=root&pass=password":
            for path in "/", "/NoAuth/Login.html":
                _, _, text = client.ask(
                    path, body, Authorization=f"Basic {basic}",
                    Referer=f"https://{HOST}:{self.port}/")
                self.assertIn(USER, text)

    def test_staff_needs_a_password(self):
        basic = base64.b64encode(b"root:").decode()
        _, _, text = self.client().ask(
            "/", Host=f"{STAFF}:{self.port}", Authorization=f"Basic {basic}",
            **FORGED)
        self.assertIn('name="pass"', text)

    def test_another_buyer_does_not_see_it(self):
        self.buy(ACCOUNT)
        ticket = self.create_ticket("A secret of the first")

        # in the same browser, where the first buyer's sessions still are

        text = self.buy(OTHER_ACCOUNT)
        self.assertIn(OTHER_USER, text)
        self.assertNotIn(USER, text)
        self.assertNotIn("A secret of the first", text)

        text = self.go(ticket)
        self.assertIn("No permission to display that ticket", text)
        self.assertNotIn("A secret of the first", text)
        self.picture("another")

    def test_strangers_do_not_get_to_it(self):
        for path in "/", "/SelfService/", "/NoAuth/Login.html", "/static/":
            for headers in {}, FORGED:
                client = self.client()
                status, end, _ = client.ask(path, **headers)
                self.assertEqual((status, end), (200, "/register"), path)

                status, end, _ = client.ask(
                    path, b"user=root&pass=password", **headers)
                self.assertEqual((status, end), (200, "/register"), path)
        self.assertEqual(
            self.client().ask("/REST/1.0/NoAuth/mail-gateway")[0], 404)

    def test_no_session_of_its_own_outlives_that_of_the_marketplace(self):
        self.buy(ACCOUNT)
        self.forget("__Host-marketplace")
        self.rt_session()
        self.assertIn("Please come from AWS Marketplace",
                      self.go("/SelfService/", "/register"))

    def test_a_buyer_who_was_disabled(self):
        account = "333333333333"
        self.buy(account)
        ticket = self.create_ticket("A ticket of a former customer")

        self.run_once("perl", "-e", DISABLE, f"aws-{account}")
        text = self.go(ticket)
        self.picture("disabled")
        self.assertNotIn("A ticket of a former customer", text)


if __name__ == "__main__":
    # whoever ends us ends the browser, too, and its folder

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        unittest.main()
    finally:
        RequestTracker.doClassCleanups()
