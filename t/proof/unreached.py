"""What the tests do not reach, and why.

What is not reached is told by its condition: the "if", "case" or the like
whose branch is not taken, or under which a line is not run.  A reason in
unreached.txt has the conditions below it that it is the reason for, indented:

    the reason, in a line or several
        FILE: a part of the condition
        *: such a part, in every file
"""

import collections
import pathlib
import textwrap

REASONS = pathlib.Path(__file__).with_suffix(".txt")

UNNAMED = "NOT NAMED in t/proof/unreached.txt"


def report(files, top, listing):
    """Writes the list and prints how many conditions each reason is for.
    Returns whether there is one for each."""

    reasons = read_reasons()
    found = collections.defaultdict(list)

    for file in files:
        name = file["file"]
        source = (top / name).read_text().splitlines()
        for number, condition in conditions(file, source):
            reason = reason_for(name, condition, reasons)
            found[reason].append(f"    {name}:{number}: {condition}\n")

    listing.write_text("".join(
        f"{reason}\n{''.join(places)}\n" for reason, places in found.items()))

    print("\nconditions of which a side is not reached:")
    for reason, places in sorted(found.items(), key=lambda f: -len(f[1])):
        print(textwrap.fill(f"{len(places):6}  {reason}", 79,
                            subsequent_indent=" " * 8))

    unnamed = found[UNNAMED]
    print("".join(unnamed), end="")
    return not unnamed


def read_reasons():
    """A list of (file, part of a condition, reason)."""

    reasons = []
    reason = ""

    for line in REASONS.read_text().splitlines():
        if line.startswith(" "):
            file, part = line.strip().split(": ", 1)
            reasons.append((file, part, reason))
        elif not line:
            reason = ""
        elif not line.startswith("#"):
            reason = f"{reason} {line}".strip()

    return reasons


def reason_for(name, condition, reasons):
    for file, part, reason in reasons:
        if file in ("*", name) and part in condition:
            return reason

    return UNNAMED


def stale(top):
    """What unreached.txt names and the sources do not have any more."""

    texts = {path.relative_to(top).as_posix(): one_line(path.read_text())
             for path in top.glob("src/**/*.[ch]")}

    return [f"{file}: {part}" for file, part, _ in read_reasons()
            if not any(file in ("*", name) and part in text
                       for name, text in texts.items())]


def conditions(file, source):
    """Each one once, with its line."""

    found = {}

    for line in file["lines"]:
        number = line["line_number"]

        if line["gcovr/noncode"]:
            continue

        if not line["count"]:
            number = condition_over(number, line_counts(file), source)
        elif all(branch["count"] for branch in line["branches"]):
            continue

        first, text = statement(number, source)
        found[first] = text

    return sorted(found.items())


def line_counts(file):
    return {line["line_number"]: line["count"] for line in file["lines"]
            if not line["gcovr/noncode"]}


def condition_over(number, counts, source):
    """The line that decides whether a line is run: the nearest one above it
    that is indented less, and is run itself or the label of a case."""

    indent = indent_of(source[number - 1])

    while number > 1 and indent and not is_label(source[number - 1]):
        number -= 1
        line = source[number - 1]

        if line.strip() and indent_of(line) < indent and line.strip() != "{":
            indent = indent_of(line)
            if counts.get(number, 1):
                break

    return number


def is_label(line):
    return line.strip().startswith(("case ", "default:"))


def indent_of(line):
    return len(line) - len(line.lstrip())


def statement(number, source):
    """The first line of the statement that a line is of, and its text."""

    first = last = number

    while first > 1 and not ends_statement(source[first - 2]):
        first -= 1

    while last < len(source) and not ends_statement(source[last - 1]):
        last += 1

    return first, one_line("\n".join(source[first - 1:last]))


def ends_statement(line):
    line = line.strip()
    return not line or line.endswith((";", "{", "}", ":", "*/"))


def one_line(text):
    return " ".join(text.split())
