"""Every line that the module writes to the error log at level warn or above,
and every line with which it refuses a configuration, is caused by a test, and
README.md quotes those that it tells to alert on.

The messages are the string literals of src/, put together from what the
preprocessor would join, but for those that go elsewhere, which are named
below.  A message counts as caused if a suite names it in what it looks for:
all that is constant in it, or 20 characters in a row that no other message
has.
"""

import pathlib
import re
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent
UNMISTAKABLE = 20

# What is no message: HTTP, forms, cookies, pages, names of memory.
ELSEWHERE = {
    "session/mp_session.c": r"marketplace session 1 ",
    "aws/mp_error.c": r"security token included in the request",
    "aws/mp_http_reply.c": r"HTTP/1\.1 200",
    "aws/mp_request.c": r".*",
    "aws/mp_retry.c": r"Signature expired",
    "status/mp_status.c": r".*",
    "ngx_http_marketplace_session.c": r".*; Path=/; .*|; Secure",
    "ngx_http_marketplace_source.c": r"imds session",
    "ngx_http_marketplace_status.c": r"text/plain; .*",
}

# What cannot be caused in a test, and why.
NOT_CAUSED = {
    "there is no memory to read it": "t/proof/memory takes the memory away",
    ' "%V" failed': "close() of a file that was read does not fail",
    "marketplace: cannot become root again behind a try to read files as the "
    "workers' user: start nginx anew": "who was root can be it again",
    "there was no time left to ask, check what took it and "
    "marketplace_timeout": "the time would have to end between two answers",
}

COMMENT = re.compile(r"/\*.*?\*/", re.S)
STRING = r'"(?:[^"\\\n]|\\.)*"'
LITERAL = re.compile(rf"{STRING}(?:[\s\\]*{STRING})*")
INCLUDE = re.compile(r"^#include .*$", re.M)
LOG_CALL = re.compile(r"\bngx_(?:conf_)?log_(?:error|debug\d)\((\w+)")
HARMLESS = re.compile(r"NGX_LOG_(INFO|NOTICE|DEBUG\w*)$")
ACTION = re.compile(r"log->action\s*=\s*$")
FORMAT = re.compile(r"%(?:ui|u?z|[VisTM])")


def joined(literal):
    """The text of string literals that stand side by side."""
    text = "".join(part[1:-1] for part in re.findall(STRING, literal))
    return text.replace('\\"', '"')


def call_end(text, start):
    """Where the call ends whose parenthesis is the first one from start."""
    depth = 0
    for found in re.compile(rf"{STRING}|[()]").finditer(text, start):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth == 0:
            return found.end()
    raise ValueError("a call without an end")


def without_harmless(text):
    """The source without calls that log below the level of warnings."""
    position = 0
    while found := LOG_CALL.search(text, position):
        position = found.end()
        if HARMLESS.match(found[1]):
            end = call_end(text, found.start())
            text = text[:found.start()] + text[end:]
            position = found.start()
    return text


def formats():
    """What is given to nginx's log at level warn or above."""
    for file in sorted((TOP / "src").glob("*.c")):
        text = without_harmless(COMMENT.sub(" ", file.read_text()))
        for found in LOG_CALL.finditer(text):
            yield joined(LITERAL.search(text, found.end())[0])


def messages():
    """{message: files that have it}"""
    result = {}
    source = TOP / "src"
    for file in sorted(source.rglob("*.[ch]")):
        name = str(file.relative_to(source))
        text = INCLUDE.sub("", COMMENT.sub(" ", file.read_text()))
        text = without_harmless(text)
        for literal in LITERAL.finditer(text):
            message = joined(literal[0])
            if is_message(name, message, text[:literal.start()]):
                result.setdefault(message, []).append(name)
    return result


def is_message(name, text, before):
    """A word and a blank, not in one of the places that are known."""
    return re.search(r"[a-z]{2}.* | [a-z]{2}", FORMAT.sub("", text)) \
        and not re.fullmatch(ELSEWHERE.get(name, r"(?!)"), text, re.S) \
        and not ACTION.search(before[-40:])


def plain(text):
    """Without what quotes, patterns and line breaks add to a text."""
    text = re.sub(r"""(['"])\s*\.?\s*\n\s*\.?\s*\1""", "", text)
    return re.sub(r"\s+", " ", text.replace("\\", ""))


def suites():
    """What is in them, but for comments."""
    files = sorted(TOP.glob("t/*.t")) + sorted(TOP.glob("t/*_test.py"))
    return "\n".join(
        plain(re.sub(r"(?m)^\s*#.*$", "", file.read_text()))
        for file in files if file.name != pathlib.Path(__file__).name)


def windows(message):
    """All that is long enough to be told from what others say."""
    pieces = [piece for piece in FORMAT.split(plain(message))
              if len(piece) >= UNMISTAKABLE]
    for piece in pieces:
        for start in range(len(piece) - UNMISTAKABLE + 1):
            yield piece[start:start + UNMISTAKABLE]


def is_caused(message, others, tests):
    whole = r".{0,120}?".join(
        re.escape(piece) for piece in FORMAT.split(plain(message).strip()))
    if re.search(whole, tests):
        return True
    return any(window in tests and not any(window in other
                                           for other in others)
               for window in windows(message))


class Messages(unittest.TestCase):

    def test_each_line_can_be_told_from_those_of_nginx(self):
        names_any_directive = 'invalid value "%V" in "%V", it must be %s'
        lines = list(formats())
        self.assertGreater(len(lines), 50)
        for line in lines:
            if line != names_any_directive:
                self.assertIn("marketplace", line)

    def test_what_is_said_to_have_no_test_is_there(self):
        self.assertLessEqual(NOT_CAUSED.keys(), messages().keys())

    def test_readme_tells_what_to_alert_on_in_the_same_words(self):
        readme = (TOP / "README.md").read_text(encoding="utf-8")
        section = re.search(r"(?ms)^### What to alert on\n.*?^## ", readme)[0]
        quoted = [text
                  for cell in re.findall(r"(?m)^\| \w+ \|(.*?)\|", section)
                  for text in re.findall("`(.*?)`", cell)]
        self.assertGreater(len(quoted), 10)
        found = messages()
        for text in quoted:
            self.assertTrue(any(text in message for message in found), text)

    def test_each_is_caused_by_a_test(self):
        found = messages()
        tests = suites()
        for message, files in found.items():
            others = [plain(other) for other in found if other != message]
            if message not in NOT_CAUSED:
                with self.subTest(files=files, message=message):
                    self.assertTrue(is_caused(message, others, tests))


if __name__ == "__main__":
    unittest.main()
