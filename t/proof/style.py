#!/usr/bin/python3
"""Whether C is written as nginx's is, and scripts are clean at their ends.

    style.py FILE...

prints "FILE:LINE: what is wrong" for each fault, and fails if there is one.
Only what src/ keeps to without exception is checked.
"""

import pathlib
import re
import sys

COLUMNS = 80

PREFIXES = ["ngx_http_marketplace", "mp_"]

KEYWORDS = "if|for|while|switch"

# "type  *name[3] = value;" or "type  name:1;", in that order: indentation,
# type, gap, stars, name.

DECLARATION = re.compile(
    r"( *)((?:(?:static|const|volatile|unsigned|signed|struct|enum)\s)*"
    r"\w+(?: (?:const|char|int|long|short))?)"
    r"( +)(\**)(\w+)(?:\[[^]]*\])*(?:,[^;=(]*|\s*[:=][^;]*)?[;,=]?$")

NO_TYPES = {"return", "goto", "case", "else", "typedef", "extern", "break"}

DEFINED = re.compile(r"(\w+)\(.*[^;]$")


def main():
    faults = [fault for name in sys.argv[1:] for fault in check(name)]
    print("".join(f"{fault}\n" for fault in faults), end="")
    sys.exit(bool(faults))


def check(name):
    text = pathlib.Path(name).read_text()
    found = check_text(text)

    if name.endswith((".c", ".h")):
        found += check_c(text, pathlib.Path(name).name)

    return [f"{name}:{line}: {what}" for line, what in sorted(set(found))]


def check_text(text):
    found = [(number, "blanks at the end of the line")
             for number, line in enumerate(text.split("\n"), 1)
             if line != line.rstrip()]

    if not text.endswith("\n") or text.endswith("\n\n"):
        last = text.rstrip("\n").count("\n") + 1
        found.append((last, "not one newline at the end"))

    return found


def check_c(text, file):
    """Each rule is given the lines, and the same without what is in comments
    and strings, and without the backslashes of macros."""

    lines = text.rstrip("\n").split("\n")
    code = mask(text).split("\n")

    found = []
    for rule in (check_columns, check_comments, check_blanks,
                 check_statements, check_braces, check_operators,
                 check_macros, check_functions, check_declarations,
                 check_pointers):
        found += rule(lines, code)

    for prefix in PREFIXES:
        if file.startswith(prefix):
            found += check_names(lines, code, prefix)

    return found


def mask(text):
    masked = TOKEN.sub(mask_token, text.rstrip("\n"))
    return "\n".join(line.rstrip(" \\") for line in masked.split("\n"))


TOKEN = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
                   re.S)


def mask_token(match):
    token = match.group()

    if token[0] == "/":
        return re.sub(r"[^\n]", " ", token)

    return token[0] + "_" * (len(token) - 2) + token[0]


def check_columns(lines, code):
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS:
            yield number, f"more than {COLUMNS} columns"
        if "\t" in line:
            yield number, "a tab"
        if not line.isascii():
            yield number, "not ASCII"


def check_comments(lines, code):
    text = "\n".join(lines)

    for number, line in enumerate(code, 1):
        if "//" in line:
            yield number, "a comment that is not /* */"

    for match in TOKEN.finditer(text):
        if match.group().startswith("/*"):
            first = text.count("\n", 0, match.start()) + 1
            yield from check_comment(first, match.group().split("\n"))


def check_comment(number, lines):
    if not re.match(r"/\*( |$)", lines[0]):
        yield number, "no blank behind the start of a comment"

    for below, line in enumerate(lines[1:], number + 1):
        if not re.match(r" *\*( |/|$)", line):
            yield below, "a line of a comment without its star"

    if not lines[-1].endswith(" */"):
        yield number, "no blank before the end of a comment"


def check_blanks(lines, code):
    """Two blank lines between what is at the top level, one elsewhere."""

    blanks = 0

    for number, line in enumerate(lines, 1):
        if not line:
            blanks += 1
            continue

        if blanks > 2 or (blanks == 2 and line.startswith(" ")):
            yield number, "too many blank lines"
        if blanks == 1 and line == "}":
            yield number, "a blank line before the end of a block"
        if blanks and re.match(r" +}", line) and not line.strip("} ;"):
            yield number, "a blank line before the end of a block"

        blanks = 0


def check_statements(lines, code):
    for number, line in enumerate(code, 1):
        if line.startswith("#"):
            continue
        if re.search(rf"\b({KEYWORDS}|return)\((?<!_)", line):
            yield number, "no blank behind a keyword"
        if re.search(r"\bsizeof \(", line):
            yield number, "a blank behind sizeof"
        if re.search(r",[^ \n]", line):
            yield number, "no blank behind a comma"
        if re.search(r"[^ ;(] +[;,]|\( | \)", line.strip()):
            if not re.search(r"\( *$|for \(", line):
                yield number, "a blank too many"
        if CAST.search(line):
            yield number, "no blank behind a cast"
        if re.search(r";\s*\S", line) and "for (" not in line:
            yield number, "two statements in a line"

    depth = 0
    for number, line in enumerate(code, 1):
        if depth == 0 and starts_statement(code, number) \
                and indent_of(line) % 4:
            yield number, "not indented by fours"
        depth += line.count("(") - line.count(")")


CAST = re.compile(r"\((?:const |unsigned )?(?:\w+_t|u_char|char|int|long"
                  r"|unsigned|void)(?: \*+)?\)[\w(&*]")


def indent_of(line):
    return len(line) - len(line.lstrip())


def starts_statement(code, number):
    """Whether the line before ends one, or a block, or begins one."""

    above = number - 2
    while above >= 0 and not code[above]:
        above -= 1

    return above >= 0 and code[above].endswith((";", "{", "}"))


def check_braces(lines, code):
    for number, line in enumerate(code, 1):
        match = re.match(rf" *(?:}} else )?({KEYWORDS}) \(", line)
        if match:
            last = end_of_parentheses(code, number - 1, line.index("("))
            yield from check_brace_of(code, number, last)

        if re.match(r" *else\b", line) or re.search(r"}\s*else$", line):
            yield number, "else is not between braces"
        if re.search(r"[^ ]{$|\S *{$", line) and line.rstrip().endswith("){"):
            yield number, "no blank before a brace"


def check_brace_of(code, number, last):
    end, behind = last
    indent = indent_of(code[number - 1])

    if end == number - 1:
        fits = len(code[end]) + len(" {") <= COLUMNS
        if behind != "{" and (fits or behind):
            yield number, "no brace in the line of the condition"

    elif behind or end + 1 >= len(code) or \
            code[end + 1] != " " * indent + "{":
        yield end + 1, ("the brace of a condition of several lines is to "
                        "be in a line of its own")


def end_of_parentheses(code, number, column):
    """The line that the closing one is in, and what is behind it there."""

    depth = 0
    for at in range(number, len(code)):
        start = column if at == number else 0
        for i, c in enumerate(code[at][start:], start):
            depth += (c == "(") - (c == ")")
            if c == ")" and depth == 0:
                return at, code[at][i + 1:].strip()

    return number, ""


def check_operators(lines, code):
    for number, line in enumerate(code, 1):
        if re.search(r"(&&|\|\||[^'+]\+|[?])$", line):
            yield number, "an operator at the end of a line"
        if re.search(r"\w(==|!=|<=|>=|&&|\|\|)|(==|!=|<=|>=|&&|\|\|)\w", line):
            yield number, "an operator without blanks around it"


def check_macros(lines, code):
    for number, line in enumerate(lines, 1):
        if line.endswith("\\") and len(line) != COLUMNS - 1:
            yield number, (f"a macro's backslash that is not in column "
                           f"{COLUMNS - 1}")


def check_functions(lines, code):
    """Names start lines, types are above them, two blank lines above that."""

    for number, line in enumerate(code, 1):
        if re.match(r"[a-z][\w *]*\(", line) and not line.endswith(";"):
            if line.startswith(("typedef", "static const", "enum")):
                continue

            end, behind = end_of_parentheses(code, number - 1,
                                             line.index("("))
            if behind.startswith(";") or is_attribute(code, end + 1):
                continue
            yield from check_definition(lines, code, number, end, behind)


def is_attribute(code, at):
    return at < len(code) and code[at].startswith("    __attribute__")


def check_definition(lines, code, number, end, behind):
    if not re.match(r"\w+\(", code[number - 1]):
        yield number, "the name of a function does not start its line"
        return

    if behind or end + 1 >= len(code) or code[end + 1] != "{":
        yield end + 1, "the brace of a function is not in a line of its own"

    first = number - 1
    while first > 0 and lines[first - 1]:
        first -= 1

    if first > 0 and lines[first - 1:first] == [""] and \
            lines[first - 2].endswith("*/"):
        first -= 1
        while first > 0 and lines[first - 1]:
            first -= 1

    if first < 2 or lines[first - 1] or lines[first - 2]:
        yield first + 1, "not two blank lines before a function"


def check_names(lines, code, prefix):
    """Names of functions start as that of their file does."""

    for number, line in enumerate(code, 1):
        match = re.match(r"(\w+)\(", line)

        if (match and code[number - 2][:1].islower()
                and not match[1].startswith(prefix)):
            yield number, f"the name of a function is not {prefix}..."


def check_declarations(lines, code):
    """In a block of declarations names are below each other, two blanks
    behind the longest type, and longer types are below shorter ones."""

    for block in declaration_blocks(code):
        names = {match.start(5) for _, match in block}
        longest = max((match for _, match in block), key=lambda m: m.end(2))
        stars = {len(match[4]) for _, match in block}

        if len(names) > 1:
            yield block[0][0], "declarations whose names are not aligned"
        elif len(longest[3]) not in {2, 2 + max(stars) - len(longest[4])}:
            yield block[0][0], "not two blanks behind the longest type"

        for (_, above), (number, match) in zip(block, block[1:]):
            if len(above[2]) > len(match[2]):
                yield number, "a declaration below one of a longer type"


def declaration_blocks(code):
    """Those at the start of functions."""

    for number, line in enumerate(code):
        if line == "{" and number and code[number - 1].endswith(")"):
            block = []
            for at in range(number + 1, len(code)):
                match = DECLARATION.match(code[at])
                if not match or match[2].split()[0] in NO_TYPES:
                    break
                block.append((at + 1, match))
            if block:
                yield block


def check_pointers(lines, code):
    """A pointer is compared with NULL, and not negated."""

    pointers = set()

    for number, line in enumerate(code, 1):
        if line and not line[0].isspace() and line[0] not in "{}":
            if not line.endswith((",", ")")) or "(" in line:
                pointers = set()
        pointers |= set(re.findall(r"[\w)] +\*+(\w+)\s*[;,)=]", line))

        for name in re.findall(r"!(\w+)\b(?![(\[]|->|\.)", line):
            if name in pointers:
                yield number, f"!{name}, and not {name} == NULL"


if __name__ == "__main__":
    main()
