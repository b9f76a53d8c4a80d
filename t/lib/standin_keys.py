"""Whom the stand-in knows: static access keys, and those that it issues."""

import secrets
import string
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Optional

BASE64 = string.ascii_letters + string.digits + "+/"
BASE32 = string.ascii_uppercase + "234567"

# All that is secret contains one of these, by which tests find it in logs.

SECRET_MARK = "XUtnFEMI"
TOKEN_MARK = "FQoGZXIvYXdzEXAMPLE"

SESSION_TOKEN_LENGTHS = range(350, 1401)


def account_number(role):
    """The account of a role, by its ARN."""
    return role.split(":")[4]


def assumed_role(role, session):
    """The ARN of who has assumed a role."""
    name = role.rpartition("/")[2]
    return f"arn:aws:sts::{account_number(role)}:assumed-role/{name}/{session}"


@dataclass(frozen=True)
class Account:
    """An access key, and whose it is."""

    secret: str
    user: str = "seller"
    number: str = "111122223333"
    session_token: Optional[str] = None
    expired: bool = False
    permitted: bool = True
    sells: bool = True
    role: Optional[str] = None
    session: Optional[str] = None
    issued_by: Optional[str] = None
    expires: Optional[int] = None

    @property
    def arn(self):
        if self.role is None:
            return f"arn:aws:iam::{self.number}:user/{self.user}"
        return assumed_role(self.role, self.session)

    def is_expired(self, now):
        ended = self.expires is not None and now >= self.expires
        return self.expired or ended


CREDENTIALS = {
    "AKIDEXAMPLE": Account("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    "AKIDSLASH": Account("/JalrXUtnFEMI/K7MDENG+bPxRfiCYSLASHKEY=="),
    "ASIAEXAMPLE": Account(
        "temporaryXUtnFEMI/K7MDENG+bPxRfEXAMPLEKEY",
        session_token="FQoGZXIvYXdzEXAMPLETOKEN/+temporary==",
    ),
    "ASIAEXPIRED": Account(
        "expiredrXUtnFEMI/K7MDENG+bPxRfiEXAMPLEKEY",
        session_token="FQoGZXIvYXdzEXAMPLETOKEN/+expired==",
        expired=True,
    ),
    "AKIDDENIED": Account(
        "deniedrXUtnFEMI/K7MDENG+bPxRfiCEXAMPLEKEY",
        user="denied",
        permitted=False,
    ),
    "AKIDOTHER": Account(
        "otherlrXUtnFEMI/K7MDENG+bPxRfiCEXAMPLEKEY",
        number="444455556666",
        sells=False,
    ),
}


def random_text(alphabet, length):
    return "".join(secrets.choice(alphabet) for _ in range(length))


def new_secret():
    # "/" and "+" always: clients have stumbled over both.
    start, end = random_text(BASE64, 7), random_text(BASE64, 23)
    return f"{start}/{SECRET_MARK}+{end}"


def new_token(length):
    """A text of this length that stands for a session."""
    start, end = TOKEN_MARK + "/+", "=="
    return start + random_text(BASE64, length - len(start + end)) + end


def iso_time(seconds):
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Keys:
    """The access keys that requests may be signed with."""

    def __init__(self):
        self.issued = {}

    def find(self, key_id):
        return CREDENTIALS.get(key_id) or self.issued.get(key_id)

    def issue(self, role, **properties):
        """A new access key for a role; the properties are Account's."""
        key_id = "ASIA" + random_text(BASE32, 16)
        self.issued[key_id] = Account(
            new_secret(),
            role=role,
            number=account_number(role),
            session_token=new_token(secrets.choice(SESSION_TOKEN_LENGTHS)),
            **properties,
        )
        return key_id

    def expire(self, now):
        for key_id, account in self.issued.items():
            expires = min(account.expires, int(now))
            self.issued[key_id] = replace(account, expires=expires)

    def revoke(self):
        self.issued.clear()
