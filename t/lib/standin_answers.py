"""The grammar by which tests choose answers; standin.py describes it."""

import re
from dataclasses import dataclass, replace
from typing import Callable

from standin_http import Reply, html_reply


@dataclass
class Usual:
    """What an operation answers when all is well, and what when it fails."""

    fields: Callable
    reply: Callable
    error: Callable

    def good(self, **changes):
        return replace(self.reply(self.fields()), **changes)

    def with_body(self, body):
        return replace(self.reply({}), body=body)


def encoded(text):
    return text.encode("utf-8", "surrogatepass")


def truncated(usual):
    reply = usual.good()
    return replace(reply, body=reply.body[:-20])


def error(rest, usual):
    name, status, form, message = (rest.split(":", 3) + [""] * 3)[:4]
    forms = form.split("+") if form else []
    number = int(status) if status else None
    return usual.error(name, number, forms, message or None)


def big(rest, usual):
    fields = {**usual.fields(), "Padding": ""}
    missing = int(rest) - len(usual.reply(fields).body)
    return usual.reply({**fields, "Padding": "x" * max(0, missing)})


def with_field(rest, usual):
    name, equals, value = rest.partition("=")
    if not equals:
        raise ValueError
    return usual.reply({**usual.fields(), name: value})


def without_field(rest, usual):
    fields = usual.fields()
    fields.pop(rest, None)
    return usual.reply(fields)


WORDS = {
    "html": lambda usual: html_reply(),
    "truncated": truncated,
    "twolengths": lambda usual: usual.good(framing="two lengths"),
    "lengthchunked": lambda usual: usual.good(framing="both"),
    "hang": lambda usual: Reply(silent=True),
}

ANSWERS = {
    "error": error,
    "with": with_field,
    "without": without_field,
    "json": lambda rest, usual: usual.with_body(encoded(rest)),
    "big": big,
    "raw": lambda rest, usual: Reply(whole=encoded(rest)),
    "hex": lambda rest, usual: Reply(whole=bytes.fromhex(rest)),
}


def shared_answer(text, usual):
    """What every service can answer; ValueError if it is something else."""
    name, colon, rest = text.partition(":")
    if text.startswith("ok"):
        return usual.good()
    if text in WORDS:
        return WORDS[text](usual)
    if colon and name in ANSWERS:
        return ANSWERS[name](rest, usual)
    raise ValueError(f"no answer: {text}")


INTERIM = (
    b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
)

SWITCHES = {
    "1xx": {"interim": INTERIM},
    "chunked": {"framing": "chunked"},
    "nolength": {"framing": "none", "keep": False},
    "closing": {"announce_close": True, "keep": False},
    "stale": {"keep": False},
    "split": {"pace": 0.0},
    "hold": {"held": True},
}

NUMBERED = {
    "status": lambda number: {"status": number},
    "delay": lambda number: {"delay": number / 1000},
    "drip": lambda number: {"pace": number / 1000},
    "close": lambda number: {"cut": (number, "close")},
    "drop": lambda number: {"cut": (number, "drop")},
    "reset": lambda number: {"cut": (number, "reset")},
}


def take_prefixes(text):
    """Split off the prefixes: (what they change, added headers, the rest)."""
    changes, headers = {}, []
    while True:
        name, colon, rest = text.partition(":")
        argument, second_colon, after = rest.partition(":")
        if colon and name in SWITCHES:
            changes.update(SWITCHES[name])
            text = rest
        elif (
            second_colon
            and name in NUMBERED
            and re.fullmatch("[0-9]{1,9}", argument)
        ):
            changes.update(NUMBERED[name](int(argument)))
            text = after
        elif second_colon and name == "header" and "=" in argument:
            headers.append(argument.split("=", 1))
            text = after
        else:
            return changes, headers, text


def parts_of(text):
    """What is answered at first, what then, and so on."""
    if not text.startswith("seq:"):
        return [text]
    return text[len("seq:") :].split("|")


def chosen(text, times, plain):
    """The reply that the text asks for when it comes for the times-th time.

    plain gives the reply to what is left of it behind the prefixes.
    """
    parts = parts_of(text)
    changes, headers, rest = take_prefixes(parts[min(times, len(parts)) - 1])
    reply = plain(rest)
    return replace(reply, headers=[*reply.headers, *headers], **changes)
