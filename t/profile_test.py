#!/usr/bin/python3
"""Compares how profiles are read with what botocore makes of them.

    make build/unit/profile && /usr/bin/python3 t/profile_test.py
"""

import os
import random
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import botocore.session
from botocore import credentials, exceptions

sys.path.insert(0, str(Path(__file__).resolve().parent / "unit"))
from frame import filter_through  # noqa: E402

SEED = 20261121
PAIRS = 2000
CHANGED = 3000

NAMES = ("default", "a", "b b", "c.d/e", "é 😀", "x@y:z+1%", "profile", "[g")
SOURCES = ("Environment", "EcsContainer", "Ec2InstanceMetadata")
ROLES_MAX = 5

KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
SSO = ("sso_start_url", "sso_region", "sso_account_id", "sso_role_name")

STRINGS = 8 + 4 * ROLES_MAX


def read(requests):
    """What the module makes of (credentials file, config file, name)."""
    return [
        result_of(*(field.decode() for field in fields))
        for fields in filter_through("profile", requests, STRINGS)
    ]


def result_of(result, problem_of, problem, base, *rest):
    """As botocore_reads() has it."""
    if result != "ok":
        return result, problem_of, problem
    keys, token_file, fields = rest[:3], rest[3], rest[4:]
    roles = [role for role in zip(*[iter(fields)] * 4) if role[0]]
    if base == "keys":
        return result, keys, roles
    if base == "web identity":
        return result, (base, token_file), roles
    return result, (base,), roles


class Files:
    """A credentials and a config file where botocore looks for them."""

    def __init__(self, test):
        folder = tempfile.TemporaryDirectory()
        test.addCleanup(folder.cleanup)
        self.paths = [Path(folder.name, name) for name in ("keys", "config")]
        self.enter(test, mock.patch.dict(os.environ, {
            "HOME": folder.name,
            "AWS_SHARED_CREDENTIALS_FILE": str(self.paths[0]),
            "AWS_CONFIG_FILE": str(self.paths[1]),
        }, clear=True))
        for provider, source in (
            (credentials.EnvProvider, SOURCES[0]),
            (credentials.ContainerProvider, SOURCES[1]),
            (credentials.InstanceMetadataProvider, SOURCES[2]),
        ):
            self.enter(test, mock.patch.object(
                provider, "load", lambda _, name=source: Source(name)
            ))
        self.enter(test, mock.patch.object(
            credentials, "create_mfa_serial_refresher", lambda fetch: fetch
        ))
        self.enter(test, mock.patch.object(
            credentials.ProcessProvider, "_retrieve_credentials_using",
            side_effect=exceptions.CredentialRetrievalError(
                provider="process", error_msg="would be run"
            ),
        ))

    @staticmethod
    def enter(test, patch):
        patch.start()
        test.addCleanup(patch.stop)

    def botocore_reads(self, files, names):
        """What botocore makes of these profiles, without doing it.

        ("ok", base, roles), ("nothing",) or ("invalid", exception), in which
        base is the three keys, ("web identity", file) or a source's name.
        """
        for path, text in zip(self.paths, files):
            path.write_bytes(text)
        session = botocore.session.Session(include_builtin_handlers=False)
        return [self.botocore_reads_one(session, name) for name in names]

    @staticmethod
    def botocore_reads_one(session, name):
        session.set_config_variable("profile", name)
        try:
            found = credentials.create_credential_resolver(
                session
            ).load_credentials()
        except exceptions.ProfileNotFound:
            return ("nothing",)
        except exceptions.BotoCoreError as error:
            return "invalid", error
        if isinstance(found, Source):
            return ("nothing",)
        return follow(found)


class Source(credentials.Credentials):
    """What a source that is no profile would give."""

    def __init__(self, name):
        super().__init__(name, "")


def follow(found):
    """Takes roles apart down to the credentials of the first of them."""
    roles = []
    while isinstance(found, credentials.RefreshableCredentials):
        fetcher = found._refresh_using.__self__
        if isinstance(fetcher, credentials.SSOCredentialFetcher):
            return "invalid", "would take a login"
        given = fetcher._assume_kwargs
        if "SerialNumber" in given:
            return "invalid", "would ask for a code"
        named = not fetcher._using_default_session_name
        roles.insert(0, (
            given["RoleArn"],
            given.get("ExternalId", ""),
            given["RoleSessionName"] if named else "",
            str(given.get("DurationSeconds", 0)),
        ))
        if isinstance(
            fetcher, credentials.AssumeRoleWithWebIdentityCredentialFetcher
        ):
            token = fetcher._web_identity_token_loader
            base = "web identity", token._web_identity_token_path
            return "ok", base, roles
        found = fetcher._source_credentials
    if isinstance(found, Source):
        return "ok", (found.access_key,), roles
    keys = found.access_key, found.secret_key, found.token or ""
    return "ok", keys, roles


class Generator:
    """Pairs of files in which botocore and the module see the same.

    Where they do not is in DifferenceTest.
    """

    def __init__(self, chance):
        self.chance = chance

    def text(self, letters, most):
        length = self.chance.randint(1, most)
        return "".join(self.chance.choices(letters, k=length))

    def often(self, often):
        return self.chance.random() < often

    def pair(self):
        """The texts of both files, and the names to ask for."""
        names = self.chance.sample(NAMES, self.chance.randint(2, len(NAMES)))
        if self.often(0.2):
            profiles = self.chain(names)
        else:
            profiles = {name: self.profile(name, names) for name in names}
        files = {}, {}
        for name, settings in profiles.items():
            for file, part in zip(files, self.divided(settings)):
                if part or self.often(0.1):
                    file[name] = part
        texts = self.credentials_file(files[0]), self.config_file(files[1])
        return [text.encode() for text in texts], (*names, "gone")

    def chain(self, names):
        profiles = {}
        for name, source in zip(names, names[1:]):
            profiles[name] = self.role() | {"source_profile": source}
        profiles[names[-1]] = self.chance.choice(
            (self.keys, self.keys, self.sourced_role, self.web_identity)
        )()
        return profiles

    def profile(self, name, names):
        source = self.chance.choice((*names, *names, name, "gone"))
        from_source = {"source_profile": source}
        return self.chance.choice((
            self.keys,
            self.keys,
            self.sourced_role,
            self.web_identity,
            lambda: self.role() | from_source,
            lambda: self.role() | from_source,
            lambda: self.role() | from_source | self.keys(),
            lambda: self.sourced_role() | self.keys(),
            lambda: self.sourced_role() | from_source,
            lambda: self.role() | self.chance.choice(({}, self.keys())),
            lambda: self.role() | from_source | self.foreign(),
            lambda: self.role() | from_source | self.half_keys(),
            lambda: self.role() | from_source | {"mfa_serial": "m"},
            lambda: self.sourced_role() | {"credential_source": "other"},
            self.half_keys,
            self.foreign,
            lambda: {"web_identity_token_file": "/f"},
            lambda: from_source,
            lambda: {"credential_source": SOURCES[0], "external_id": "e"},
            dict,
        ))()

    def keys(self):
        keys = {
            KEYS[0]: self.text("ABC123", 20),
            KEYS[1]: "/" + self.text("Abc1/+=;#", 39),
        }
        if self.often(0.4):
            keys[KEYS[2]] = self.text("Abc1/+=", 400)
        return keys

    def half_keys(self):
        return {KEYS[0]: self.text("ABC123", 20)}

    def role(self):
        number = self.text("0123456789", 12)
        role = {"role_arn": f"arn:aws:iam::{number}:role/{number}"}
        if self.often(0.3):
            role["external_id"] = "a" + self.text("b1=,.@:/-;#é", 20)
        if self.often(0.3):
            role["role_session_name"] = self.text("ab=,.@-", 10)
        if self.often(0.3):
            role["duration_seconds"] = str(self.chance.randint(1, 50000))
        return role

    def sourced_role(self):
        return self.role() | {"credential_source": self.chance.choice(SOURCES)}

    def web_identity(self):
        """Without what AssumeRoleWithWebIdentity does not take, or what
        botocore does not give it."""
        role = self.role() | {"web_identity_token_file": "/run/tö ken=/t"}
        role.pop("external_id", None)
        role.pop("duration_seconds", None)
        return role

    def foreign(self):
        return self.chance.choice((
            dict(zip(SSO, ("https://s", "r", "1", "n"))),
            {"credential_process": "/bin/echo a = b"},
        ))

    def divided(self, settings):
        """Some to the one file, some to the other, some to both."""
        parts = {}, {}
        keys = self.chance.choice((0, 0, 1))
        for name, value in settings.items():
            place = keys if name in KEYS else self.chance.choice((0, 1, 1))
            parts[place][name] = value
            if place == 0 and name not in KEYS and self.often(0.2):
                parts[1][name] = "other"
        if keys == 0 and KEYS[1] in settings and self.often(0.3):
            parts[1].update(self.keys())
        return parts

    def credentials_file(self, profiles):
        sections = [self.section(*profile) for profile in profiles.items()]
        for name in profiles:
            if self.often(0.1):
                sections.append(self.section(f"profile {name}", self.keys()))
        self.chance.shuffle(sections)
        return self.file(sections)

    def config_file(self, profiles):
        first, sections = [], []
        for name, settings in profiles.items():
            sections.append(self.section(self.header(name), settings))
            if sections[-1].startswith("[p") and name == "default":
                first.append(self.section("default", self.noise()))
            elif name != "default" and self.often(0.1):
                sections.append(self.section(name, self.noise()))
            if self.often(0.1):
                kind = self.chance.choice(("sso-session", "services", "x"))
                header = f"{kind} {name}"
                sections.append(self.section(header, self.noise()))
        self.chance.shuffle(sections)
        return self.file(first + sections)

    def noise(self):
        return self.keys() | self.sourced_role()

    def header(self, name):
        if name == "default" and self.often(0.5):
            return name
        quotes = ("'", '"') if " " in name else ("", "", "'", '"')
        quote = self.chance.choice(quotes)
        space = self.chance.choice((" ", " ", "\t", "  \t "))
        return f"profile{space}{quote}{name}{quote}"

    def section(self, header, settings):
        behind = self.chance.choice(("", "", " # c", ";c", " "))
        lines = [f"[{header}]{behind}"]
        indent = self.chance.choice(("", "", "", " ", "\t", "    "))
        settings = list(settings.items())
        self.chance.shuffle(settings)
        for name, value in settings:
            lines += self.between(indent)
            lines.append(indent + self.setting(name, value))
        lines += self.between(indent)
        return "".join(line + self.line_end() for line in lines)

    def setting(self, name, value):
        name = self.chance.choice((name, name, name.upper(), name.title()))
        space = self.chance.choice(("", " ", "\t "))
        end = self.chance.choice(("", "", " ", " \t"))
        return f"{name}{space}={space}{value}{end}"

    def between(self, indent):
        """Lines that are not the profile's settings."""
        if self.often(0.8):
            return []
        deeper = indent + self.chance.choice((" ", "\t", "   "))
        name = self.text("abcdefgh", 12)
        return self.chance.choice((
            ["", " \t", ""],
            ["# a = b", "  ;[x]", ";"],
            [indent + name + " = eu-west-1"],
            [f"{indent}{name} =", f"{deeper}role_arn = r", "", deeper + "a=b"],
            [f"{indent}{name} = x", "#", deeper + "more", deeper + "b = c"],
        ))

    def line_end(self):
        return self.chance.choice(("\n", "\n", "\r\n"))

    def file(self, sections):
        text = "".join(sections)
        return text.rstrip("\r\n") if self.often(0.2) else text


class ProfileTest(unittest.TestCase):
    def setUp(self):
        self.files = Files(self)
        self.generator = Generator(random.Random(f"{SEED} {self.id()}"))

    def test_profiles_are_found_as_botocore_finds_them(self):
        requests, expected = [], []
        for _ in range(PAIRS):
            texts, names = self.generator.pair()
            requests += [(*texts, name.encode()) for name in names]
            expected += self.files.botocore_reads(texts, names)
        results = read(requests)
        for request, result, known in zip(requests, results, expected):
            with self.subTest(request=request):
                self.compare(result, known)
        self.check_counts(results)

    def compare(self, result, known):
        self.assertNotIsInstance(known[-1], exceptions.ConfigParseError)
        if known[0] == "ok" and len(known[2]) > ROLES_MAX:
            self.assertEqual(result[0], "invalid")
            self.assertIn("one role too many", result[2])
        elif known[0] == "ok":
            self.assertEqual(result, known)
        else:
            self.assertEqual(result[0], known[0], known[1:])
            self.compare_problem(*result[1:], known[-1])

    def compare_problem(self, name, problem, error):
        """Where botocore names a profile, too."""
        if "is its own source" in problem:
            self.assertIsInstance(error, exceptions.InfiniteLoopConfigError)
            self.assertEqual(name, error.kwargs["source_profile"])
        elif problem == "does not exist" and error != "nothing":
            self.assertIn(f'The source_profile "{name}"', str(error))

    def check_counts(self, results):
        """That the profiles were not all of one kind."""
        counts, chains, problems = {}, {}, {}
        for kind, base, rest in results:
            if kind == "ok":
                base = base[0] if base[0] in SOURCES else len(base)
                counts[base] = counts.get(base, 0) + 1
                chains[len(rest)] = chains.get(len(rest), 0) + 1
            else:
                counts[kind] = counts.get(kind, 0) + 1
                problems[rest] = problems.get(rest, 0) + 1
        for kind in ("nothing", "invalid", *SOURCES, 2, 3):
            self.assertGreater(counts[kind], 50, kind)
        for roles in range(ROLES_MAX + 1):
            self.assertGreater(chains[roles], 5, roles)
        self.assertGreaterEqual(len(problems), 12, problems)
        self.assertGreater(min(problems.values()), 5, problems)

    def test_changed_files_break_nothing(self):
        requests = []
        for _ in range(CHANGED):
            texts, names = self.generator.pair()
            requests.append((
                *(self.changed(text) for text in texts),
                self.generator.chance.choice(names).encode(),
            ))
        replies = filter_through("profile", requests, STRINGS)
        kinds = {reply[0] for reply in replies}
        self.assertEqual(kinds, {b"ok", b"nothing", b"invalid"})

    def changed(self, text):
        chance = self.generator.chance
        text = bytearray(text)
        for _ in range(chance.randint(0, 4)):
            place = chance.randint(0, len(text))
            length = chance.choice((0, 1, 1, 5, 100))
            new = chance.choice((
                *(b"", b"\0", b"[", b"]", b"=", b" ", b"\n ", b" #", b'"'),
                *(b"\r", b"\xef\xbb\xbf", b"\xff", b"\n[default]\n", b"\n="),
            ))
            text[place : place + length] = new
        return bytes(text)


PAIR = f"{KEYS[0]} = id\n{KEYS[1]} = secret\n"
ROLE = "role_arn = r\n"
OWN = "source_profile = default\n"
FROM_ENVIRONMENT = "credential_source = Environment\n"
FOUND = "ok", ("id", "secret", ""), []
FOUND_ROLE = "ok", ("id", "secret", ""), [("r", "", "", "0")]


class DifferenceTest(unittest.TestCase):
    """Where the module does not follow botocore, and why."""

    def check(self, files, botocores, ours, name="default"):
        """A result, or the kind of one."""
        texts = [text.encode() for text in files]
        (known,) = Files(self).botocore_reads(texts, (name,))
        (result,) = read([(*texts, name.encode())])
        for found, want in ((known, botocores), (result, ours)):
            kind_or_all = found if isinstance(want, tuple) else found[0]
            self.assertEqual(kind_or_all, want)

    def test_comments_may_be_behind_values(self):
        """As AWS documents them; no setting's value has a space before one."""
        self.check(
            (f"[default]\n{PAIR.rstrip()} # c", ""),
            ("ok", ("id", "secret # c", ""), []),
            FOUND,
        )

    def test_what_is_there_twice_is_no_error(self):
        """As in other SDKs the last setting counts."""
        self.check(
            (f"[default]\n{KEYS[0]} = x\n{PAIR}", ""), "invalid", FOUND
        )
        self.check(
            (f"[default]\n{KEYS[0]} = x\n[default]\n{PAIR}", ""),
            "invalid", FOUND,
        )

    def test_a_byte_order_mark_is_skipped(self):
        """Editors write it, and nobody sees it."""
        self.check((f"\ufeff[default]\n{PAIR}", ""), "invalid", FOUND)

    def test_other_lines_are_skipped(self):
        """nginx should not lose its keys to a line of no profile's."""
        self.check(
            (f"a = b\n[default]\n{PAIR}[x]\n?\n", ""), "invalid", FOUND
        )

    def test_a_carriage_return_ends_no_line(self):
        """No SDK but those of Python sees one there."""
        self.check(
            ("[default]\r" + PAIR.replace("\n", "\r"), ""), FOUND, "nothing"
        )

    def test_a_colon_is_no_equals_sign(self):
        """AWS documents only the latter."""
        self.check(
            (f"[default]\n{PAIR.replace('=', ':')}", ""), FOUND, "nothing"
        )

    def test_headers_may_have_space_inside(self):
        """As in other SDKs."""
        self.check((f"[ default ]\n{PAIR}", ""), "nothing", FOUND)
        self.check(("", f"[ profile a ]\n{PAIR}"), "nothing", FOUND, "a")

    def test_names_with_spaces_need_no_quotes(self):
        """There is nothing else that it could mean."""
        self.check(("", f"[profile a b]\n{PAIR}"), "nothing", FOUND, "a b")

    def test_profile_default_wins_wherever_it_is(self):
        """As in other SDKs; to botocore it is the last of the two."""
        self.check(
            ("", f"[profile default]\n{PAIR}[default]\nregion = r\n"),
            "nothing", FOUND,
        )

    def test_a_section_is_one_however_deep(self):
        """Else its settings would be those of the section above it."""
        self.check(
            (f"[a]\nregion = r\n  [default]\n{PAIR}", ""), "nothing", FOUND
        )

    def test_continued_lines_that_matter_are_refused(self):
        """Some SDKs append them, some see settings of their own."""
        self.check(
            (f"[default]\n{PAIR}  more\n", ""),
            ("ok", ("id", "secret\nmore", ""), []),
            "invalid",
        )
        self.check(
            (f"[default]\n{PAIR}region = r\n  {ROLE}", ""), FOUND, "invalid"
        )

    def test_an_empty_setting_is_none(self):
        """As in most SDKs, and as an empty variable is none."""
        self.check(
            (f"[default]\n{PAIR}", "[default]\nrole_arn =\n"),
            "invalid", FOUND,
        )

    def test_half_keys_are_refused_whichever_is_there(self):
        """A secret alone is no less a mistake."""
        self.check(("[default]\n" + PAIR.split("\n")[1], ""),
                   "nothing", "invalid")

    def test_keys_come_before_what_does_not_work_here(self):
        """And so may stand beside it for the sake of nginx."""
        sso = "".join(f"{name} = x\n" for name in SSO)
        self.check((f"[default]\n{PAIR}", f"[default]\n{sso}"),
                   "invalid", FOUND)
        self.check(("", f"[default]\n{PAIR}credential_process = p\n"),
                   "invalid", FOUND)

    def test_keys_of_a_source_come_before_its_web_identity(self):
        """A source's keys come first, whatever else it has."""
        token = "web_identity_token_file = /f\n"
        self.check(
            (f"[b]\n{PAIR}",
             f"[default]\n{ROLE}source_profile = b\n"
             f"[profile b]\n{ROLE}{token}"),
            ("ok", ("web identity", "/f"), [("r", "", "", "0")] * 2),
            FOUND_ROLE,
        )

    def test_a_role_has_one_source(self):
        """SDKs do not agree on which of these two comes first."""
        self.check(
            (f"[default]\n{PAIR}",
             f"[default]\n{ROLE}{OWN}web_identity_token_file = /f\n"),
            ("ok", ("web identity", "/f"), [("r", "", "", "0")]),
            "invalid",
        )

    def test_a_duration_is_a_number(self):
        """botocore drops one that is none, unsaid."""
        self.check(
            (f"[default]\n{PAIR}",
             f"[default]\n{ROLE}{OWN}duration_seconds = 1h\n"),
            FOUND_ROLE, "invalid",
        )

    def test_mfa_of_a_web_identity_is_refused(self):
        """STS takes no code for it: the setting cannot be meant."""
        self.check(
            ("", f"[default]\n{ROLE}web_identity_token_file = /f\n"
                 "mfa_serial = m\n"),
            ("ok", ("web identity", "/f"), [("r", "", "", "0")]),
            "invalid",
        )

    def test_control_characters_are_refused(self):
        """They would come back in logs, if they came through at all."""
        self.check(
            ("", f"[default]\n{ROLE}{FROM_ENVIRONMENT}external_id = a\x1bb\n"),
            ("ok", (SOURCES[0],), [("r", "a\x1bb", "", "0")]),
            "invalid",
        )


if __name__ == "__main__":
    unittest.main()
