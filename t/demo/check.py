"""Presses the buttons of the demo in a real browser."""

import contextlib
import json
import os
import re
import ssl
import urllib.parse
import urllib.request

import standin
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.wait import WebDriverWait

from servers import Failure

SECONDS_FOR_A_PAGE = 15

# The browser's sandbox does not work for root, nor in most containers.  The
# pages that it would guard against are all our own here.
FLAGS = """
    --headless --no-sandbox --disable-gpu --disable-dev-shm-usage
    --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --window-size=1000,740
""".split()


def check_registration(servers, screenshots):
    forget_proxies()
    with browser(servers.folder / "browser") as driver:
        check = Check(servers, driver, screenshots)
        check.landing_page()
        check.registration("subscription", "registered", trial=False)
        check.registration("free-trial", "free-trial", trial=True)
        check.refusal("expired", 410, "Please press the button once more")
        check.refusal("unknown", 400, "We could not see who you are")
        check.refusal("outage", 502, "Please try again in a few minutes")
        check.registration("outage", "back", trial=False, calls=4)
        check.registration("hiccup", "hiccup", trial=False, calls=2)
        check.status_page({
            "resolved": 4,
            "ExpiredTokenException": 1,
            "InvalidTokenException": 1,
            "InternalServiceErrorException": 1,
        })


def forget_proxies():
    """Everything that is asked for here is on this machine."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            del os.environ[name]


@contextlib.contextmanager
def browser(home):
    """A new browser, with a home of its own."""
    home.mkdir()
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in *FLAGS, f"--user-data-dir={home}/profile":
        options.add_argument(flag)
    service = Service(
        "/usr/bin/chromedriver",
        log_path=f"{home}/driver.log",
        env={**os.environ, "HOME": str(home)},
        popen_kw={"start_new_session": True},
    )
    driver = webdriver.Chrome(service=service, options=options)
    try:
        driver.set_page_load_timeout(SECONDS_FOR_A_PAGE)
        yield driver
    finally:
        driver.quit()


def expect(what, seen, wanted):
    if seen != wanted:
        raise Failure(f"{what}: should be {wanted!r} and is {seen!r}")
    print(f"ok: {what}", flush=True)


class Check:
    def __init__(self, servers, driver, screenshots):
        self.servers = servers
        self.driver = driver
        self.screenshots = screenshots

    def landing_page(self):
        self.driver.get(self.servers.register)
        expect("a GET of the registration URL: the status is 200", self.status(), 200)
        expect("... and the page is the application's", self.heading(), "Welcome")

    def registration(self, button, screenshot, trial, calls=1):
        token = self.press(button)
        self.screenshot(screenshot)
        customer = standin.customer(token.rpartition("|")[2])
        account = customer["CustomerAWSAccountId"]

        expect(f"button {button}: the status is 200", self.status(), 200)
        expect(f"... the application greets {account}", self.heading(), f"Welcome, customer {account}")
        expect("... it has the account", self.text("account"), account)
        expect("... it has the license", self.text("license"), customer["LicenseArn"])
        expect("... it has the product code", self.text("product"), customer["ProductCode"])
        expect(f"... {'a' if trial else 'no'} free trial", self.text("trial") != "", trial)

        made = self.calls_to_aws(token)
        expect(f"... calls that AWS got: {calls}", len(made), calls)
        expect("... over TLS, by its name", (made[-1]["tls"], made[-1]["sni"]), (True, "localhost"))
        expect("... and found the signature to be right", made[-1]["verified"], True)

    def status_page(self, outcomes):
        self.driver.get(self.servers.marketplace)
        self.driver.find_element(By.ID, "status").click()
        self.screenshot("status")
        page = self.driver.find_element(By.TAG_NAME, "body").text
        counted = re.findall(r'^nginx_marketplace_resolves_total\{outcome="(\w+)"\} ([1-9]\d*)$', page, re.M)
        expect("the status page has counted all that", {name: int(number) for name, number in counted}, outcomes)

    def refusal(self, button, status, heading):
        self.press(button)
        self.screenshot(button)
        expect(f"button {button}: the status is {status}", self.status(), status)
        expect(f'... the page says "{heading}"', self.heading(), heading)
        back = self.driver.find_element(By.LINK_TEXT, "Back to AWS Marketplace")
        expect("... and leads back", back.get_attribute("href"), self.servers.marketplace)

    def press(self, button):
        """Comes to the page with the buttons and presses one; its token."""
        self.driver.get(self.servers.marketplace)
        form = self.driver.find_element(By.ID, button)
        token = form.find_element(By.NAME, "x-amzn-marketplace-token").get_attribute("value")
        form.find_element(By.TAG_NAME, "button").click()
        wait = WebDriverWait(self.driver, SECONDS_FOR_A_PAGE)
        wait.until(staleness_of(form))
        wait.until(lambda driver: driver.execute_script("return document.readyState") == "complete")
        return token

    def status(self):
        script = "return performance.getEntriesByType('navigation')[0].responseStatus"
        return self.driver.execute_script(script)

    def heading(self):
        return self.driver.find_element(By.TAG_NAME, "h1").text

    def text(self, element):
        """What can be seen of the element, if anything."""
        return self.driver.find_element(By.ID, element).text

    def screenshot(self, name):
        self.driver.save_screenshot(str(self.screenshots / f"{name}.png"))

    def calls_to_aws(self, token):
        port = self.servers.ports["aws"]
        query = urllib.parse.urlencode({"token": token})
        url = f"https://localhost:{port}/_standin/requests?{query}"
        trust = ssl.create_default_context(cafile=self.servers.ca)
        with urllib.request.urlopen(url, context=trust, timeout=SECONDS_FOR_A_PAGE) as reply:
            return json.load(reply)
