"""The checker of style finds each kind of fault, in the file and the line
where it is planted, and nothing in what is as it should be."""

import itertools
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROOF = pathlib.Path(__file__).resolve().parent / "proof"

sys.path.insert(0, str(PROOF))

import style

GOOD = r'''/*
 * What this file is for.
 */

#include "mp_str.h"


#define MP_MAX  (64 * 1024)

#define mp_both(a, b)                                                         \
    do {                                                                      \
        mp_first(a);                                                          \
        mp_second(b);                                                         \
    } while (0)


typedef struct {
    size_t          len;
    unsigned char  *data;
} mp_thing_t;


static int mp_find(const mp_thing_t *thing, const char *name,
    unsigned char **found);
static void mp_print(const char *format, ...)
    __attribute__((format(printf, 1, 2)));


static const char  *mp_names[] = { "http://a", "/* b */", NULL };


/* Why it is there. */

static int
mp_find(const mp_thing_t *thing, const char *name, unsigned char **found)
{
    char               c;
    size_t             i, n;
    unsigned char     *p;
    const mp_thing_t  *other;

    static const mp_str_t  host = mp_str("Host");

    if (thing == NULL || !mp_is_name(name)) {
        return 0;
    }

    for (i = 0; i < thing->len; i++) {

        /* the one that is longer than
         * a line */

        if (thing->data[i] == '\'' || thing->data[i] == '"'
            || mp_eq(&thing->data[i], name))
        {
            *found = (unsigned char *) &thing->data[i];
            break;

        } else if (i > sizeof(mp_thing_t)) {
            continue;
        }
    }

    switch (c) {

    case 'a':
        return 1;

    default:
        return (p == NULL) ? 0
                           : mp_print("%d", -1);
    }
}


void
mp_end(void)
{
    mp_done();
}
'''

# What is found, what is taken out of the good file, and what comes in its
# place.  It is found in the first line that differs, or so many below it.

FAULTS = [
    ("more than 80 columns", "return 1;", f"return {'1' * 80};"),
    ("a tab", "    mp_done();", "\tmp_done();"),
    ("not ASCII", "Why it", "Why \u201cit\u201d"),
    ("blanks at the end of the line", "break;\n", "break; \n"),
    ("blanks at the end of the line", "Why it is there. */\n\n",
     "Why it is there. */\n \n"),
    ("not one newline at the end", "mp_done();\n}\n", "mp_done();\n}", -1),
    ("not one newline at the end", "mp_done();\n}\n", "mp_done();\n}\n\n", -2),

    ("a comment that is not /* */", "return 1;", "return 1;  // one"),
    ("no blank behind the start of a comment", "/* Why", "/*Why"),
    ("no blank before the end of a comment", "there. */", "there.*/"),
    ("a line of a comment without its star", "         * a line",
     "           a line"),

    ("too many blank lines", "void\nmp_end", "\nvoid\nmp_end", 1),
    ("too many blank lines", "    switch", "\n    switch", 1),
    ("a blank line before the end of a block", "mp_done();\n",
     "mp_done();\n\n", 1),
    ("not two blank lines before a function", "}\n\n\nvoid", "}\n\nvoid"),
    ("not two blank lines before a function", "\n\n/* Why", "\n/* Why"),

    ("no blank behind a keyword", "switch (c)", "switch(c)"),
    ("no blank behind a keyword", "return (p", "return(p"),
    ("a blank behind sizeof", "sizeof(mp", "sizeof (mp"),
    ("no blank behind a comma", "mp_print(\"%d\", -1)", "mp_print(\"%d\",-1)"),
    ("a blank too many", "return 1;", "return 1 ;"),
    ("a blank too many", "mp_is_name(name)", "mp_is_name( name)"),
    ("no blank behind a cast", "char *) &", "char *)&"),
    ("two statements in a line", "mp_done();", "mp_done(); mp_done();"),
    ("not indented by fours", "    mp_done();", "  mp_done();"),

    ("no brace in the line of the condition", "name)) {\n        return 0;",
     "name))\n    {\n        return 0;"),
    ("no brace in the line of the condition",
     "name)) {\n        return 0;\n    }", "name))\n        return 0;"),
    ("the brace of a condition of several lines is to be in a line of its own",
     "name))\n        {", "name)) {"),
    ("else is not between braces", "        } else if (i",
     "        }\n        else if (i", 1),
    ("an operator at the end of a line", "'\"'\n            || mp_eq",
     "'\"' ||\n            mp_eq"),
    ("an operator without blanks around it", "(c) {", "(c==1) {"),
    ("a macro's backslash that is not in column 79", " " * 57 + "\\", " \\"),

    ("the name of a function does not start its line", "void\nmp_end",
     "void mp_end"),
    ("the brace of a function is not in a line of its own",
     "mp_end(void)\n{", "mp_end(void) {"),
    ("the name of a function is not mp_...", "mp_end", "end"),

    ("declarations whose names are not aligned", "    char               c;",
     "    char  c;"),
    ("not two blanks behind the longest type",
     "    unsigned char     *p;\n    const mp_thing_t  *other;\n",
     "    unsigned char     *p;\n", -3),
    ("a declaration below one of a longer type",
     "    char               c;\n    size_t             i, n;\n",
     "    size_t             i, n;\n    char               c;\n", 1),
    ("!thing, and not thing == NULL", "thing == NULL ||", "!thing ||"),
    ("!p, and not p == NULL", "(p == NULL) ?", "!p ?"),
]


def check(text, name="mp_planted.c"):
    """What is found: a list of (line, what)."""

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / name
        path.write_text(text)
        found = [fault.removeprefix(f"{path}:").split(": ", 1)
                 for fault in style.check(str(path))]

    return [(int(line), what) for line, what in found]


def plant(old, new):
    """The text with the fault, and the first line that differs."""

    planted = GOOD.replace(old, new, 1)
    lines = itertools.zip_longest(GOOD.split("\n"), planted.split("\n"))
    return planted, 1 + [a == b for a, b in lines].index(False)


class Style(unittest.TestCase):

    def test_nothing_is_found_in_what_is_good(self):
        self.assertEqual(check(GOOD), [])

    def test_each_fault_is_found_where_it_is(self):
        for what, old, new, *below in FAULTS:
            with self.subTest(what, new=new):
                text, line = plant(old, new)
                self.assertIn((line + sum(below), what), check(text))

    def test_scripts_are_checked_for_their_ends_only(self):
        script = "a = 1;b=2 // c\n\tif(a):\n"
        self.assertEqual(check(script, "script.py"), [])
        self.assertEqual(check("a\nb \n", "script.py"),
                         [(2, "blanks at the end of the line")])

    def test_names_start_as_that_of_their_file(self):
        self.assertEqual(check(GOOD.replace("mp_end", "end"), "unit.c"), [])

    def test_it_fails_if_something_is_found(self):
        for text, status in [("a\n", 0), ("a \n", 1)]:
            with tempfile.NamedTemporaryFile("w") as file:
                file.write(text)
                file.flush()
                result = subprocess.run(
                    [sys.executable, PROOF / "style.py", file.name],
                    capture_output=True, text=True)

            self.assertEqual(result.returncode, status)
            self.assertEqual(result.stdout != "", status == 1)


if __name__ == "__main__":
    unittest.main()
