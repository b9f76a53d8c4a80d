"""What the services of the stand-in have in common."""

import re
from collections import Counter
from dataclasses import dataclass

from standin_answers import Usual, chosen, parts_of, shared_answer
from standin_http import Reply, Request
from standin_keys import Keys, iso_time

INVALID_KEY = "The security token included in the request is invalid."
EXPIRED_CREDENTIALS = "The security token included in the request is expired"
WRONG_SIGNATURE = (
    "The request signature we calculated does not match the signature you "
    "provided. Check your AWS Secret Access Key and signing method. Consult "
    "the service documentation for details."
)

WEB_IDENTITY_TOKEN = "eyJhbGciOiJSUzI1NiJ9.FQoGZXIvYXdzEXAMPLE.signature"


class AwsError(Exception):
    """An error that AWS answers; forms as in the token grammar."""

    def __init__(self, name, message=None, status=400, forms=()):
        super().__init__(f"{name}: {message}" if message else name)
        self.name = name
        self.message = message
        self.status = status
        self.forms = forms


class Settings:
    """What tests set, for one operation or, as operation None, for all."""

    DEFAULTS = {
        "lifetime": "",
        "repeat": "no",
        "role": "standin-instance",
        "authorization": "",
        "container": "",
        "web_identity": WEB_IDENTITY_TOKEN,
        "region": "",
    }
    FORMS = {
        "lifetime": r"-?[0-9]{1,9}|",
        "repeat": r"yes|no",
        "role": r"[\w+=,.@-]{0,64}",
        "container": r"/[^?]*|",
    }

    def __init__(self):
        self.changed = {}

    def change(self, operation, values):
        for name, value in values.items():
            if name not in self.DEFAULTS:
                raise ValueError(f"no such setting: {name}")
            if not re.fullmatch(self.FORMS.get(name, ".*"), value, re.ASCII):
                raise ValueError(f"no value of {name}: {value}")
        self.changed.update(
            {(operation, name): value for name, value in values.items()}
        )

    def get(self, name, operation):
        general = self.changed.get((None, name), self.DEFAULTS[name])
        return self.changed.get((operation, name), general)


class State:
    """What the services know besides the request that they serve."""

    def __init__(self):
        self.keys = Keys()
        self.sessions = {}
        self.reset()

    def reset(self):
        """Forget what belongs to one test.  Issued credentials do not: who
        holds some may keep them for the next test."""
        self.settings = Settings()
        self.answers = {}
        self.times = Counter()
        self.last_issued = {}

    def answer(self, operation, text):
        self.answers[operation] = text
        self.times[operation] = 0


@dataclass
class Call:
    """A request on its way through a service."""

    request: Request
    record: dict
    state: State

    @property
    def now(self):
        return self.record["time"]

    @property
    def operation(self):
        return self.record["operation"]

    def setting(self, name):
        return self.state.settings.get(name, self.operation)

    def nth(self, key):
        """How often something happened, this time included."""
        self.state.times[key] += 1
        return self.state.times[key]

    def lifetime(self, usual):
        return int(self.setting("lifetime") or usual)

    def issue(self, role, session, lifetime, **properties):
        """(access key, Account) for a session of a role."""
        state, last = self.state, (self.operation, role, session)
        key_id = state.last_issued.get(last)
        if self.setting("repeat") == "no" or not state.keys.find(key_id):
            key_id = state.keys.issue(
                role=role,
                session=session,
                issued_by=self.operation,
                expires=int(self.now) + lifetime,
                **properties,
            )
            state.last_issued[last] = key_id
        return key_id, state.keys.find(key_id)

    def credentials(self, *arguments, token="Token", **properties):
        """Issued credentials, as the members of a document."""
        key_id, account = self.issue(*arguments, **properties)
        return {
            "AccessKeyId": key_id,
            "SecretAccessKey": account.secret,
            token: account.session_token,
            "Expiration": iso_time(account.expires),
        }


class Service:
    """A service of AWS."""

    name = None
    operations = ()

    def takes(self, request, settings):
        """Whether a request without a host of AWS is for this service."""
        raise NotImplementedError

    def operation(self, request):
        """Which of the operations a request is for, None if none."""
        raise NotImplementedError

    def serve(self, call):
        """The reply to a request, or an AwsError."""
        raise NotImplementedError

    def refused(self, error):
        """The reply that an AwsError stands for."""
        reply = self.error(error.name, error.status, error.message)
        return self.dressed(reply)

    def dressed(self, reply):
        """A reply with what all replies of the service have."""
        return reply

    def error(self, name, status=None, message=None):
        """The service's error; without a status, the usual one of its name."""
        raise NotImplementedError

    def chosen_error(self, name, status, forms, message):
        """An error of an answer; only metering knows several forms of them."""
        if forms:
            raise ValueError
        return self.error(name, status, message)

    def answered(self, call, fields, reply):
        """The reply to a request in which nothing is wrong.

        That is reply(fields()), unless a test chose another answer.
        """
        usual = Usual(fields, reply, self.chosen_error)
        text = call.state.answers.get(call.operation, "ok")
        times = call.nth(call.operation)
        return chosen(
            text, times, lambda rest: self.dressed(shared_answer(rest, usual))
        )

    def check_answer(self, text):
        """Raise ValueError if answered() could not make it."""
        sample = Usual(dict, lambda fields: Reply(), self.chosen_error)
        for part in parts_of(text):
            chosen(part, 1, lambda rest: shared_answer(rest, sample))
