#include "unit.h"

#include "text/mp_ini.h"


typedef struct {
    const char  *name;
    mp_str_t     text;
    mp_str_t     items;    /* as add_item() writes them */
} ini_case_t;


/* "[section]|", "setting=value|", and with '>' in front what is nested and
 * with '+' what continues. */

static unsigned char *
add_item(unsigned char *p, const mp_ini_item_t *item)
{
    static const mp_str_t  marks[][3] = {
        [MP_INI_SETTING] = { mp_str(""), mp_str("="), mp_str("|") },
        [MP_INI_SECTION] = { mp_str("["), mp_str("]"), mp_str("|") },
        [MP_INI_NESTED] = { mp_str(">"), mp_str("="), mp_str("|") },
        [MP_INI_CONTINUATION] = { mp_str("+"), mp_str("="), mp_str("|") }
    };

    p = mp_copy(p, marks[item->kind][0]);
    p = mp_copy(p, item->name);
    p = mp_copy(p, marks[item->kind][1]);
    p = mp_copy(p, item->value);

    return mp_copy(p, marks[item->kind][2]);
}


static mp_str_t
items_of(mp_str_t text)
{
    mp_ini_t        ini;
    mp_str_t        items;
    mp_ini_item_t   item;
    unsigned char  *p;

    items.data = p = unit_alloc(4 * text.len + 1);

    mp_ini_start(&ini, unit_copy(text));

    while (mp_ini_next(&ini, &item)) {
        p = add_item(p, &item);
    }

    assert_int_equal(mp_ini_next(&ini, &item), 0);

    items.len = (size_t) (p - items.data);

    return items;
}


static void
check_items(const ini_case_t *rows, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        check_str(rows[i].name, items_of(rows[i].text), rows[i].items);
    }
}


static void
a_text_is_sections_of_settings(void **state)
{
    static const ini_case_t  rows[] = {
        { "both", mp_str("[a]\nb=c\nd=e\n[f]\ng=h\n"),
          mp_str("[a]|b=c|d=e|[f]|g=h|") },
        { "settings first", mp_str("a=b\n[c]"), mp_str("a=b|[c]|") },
        { "space", mp_str("[ \ta b\t ] \nc d \t=\t e  f \n"),
          mp_str("[a b]|c d=e  f|") },
        { "the first equals sign", mp_str("a==b=\n=c\n"),
          mp_str("a==b=|=c|") },
        { "quotes are as others", mp_str("[\"a\"]\n'b' = \"c\"\n"),
          mp_str("[\"a\"]|'b'=\"c\"|") },
        { "behind a section", mp_str("[a]b]=c\n[d]#[e]\n"),
          mp_str("[a]|[d]|") },
        { "sections without an end or a name",
          mp_str("[a\nb=c\n[]\n[ ]\n[\n[a # ]\n"),
          mp_str("[]|b=c|[]|[]|[]|[]|") },
        { "neither", mp_str("[a]\nb\n]\nc=d\n"), mp_str("[a]|c=d|") },
        { "other bytes", mp_str("[\xc3\xa9\xff]\n\x01=a\0b\x7f\n"),
          mp_str("[\xc3\xa9\xff]|\x01=a\0b\x7f|") },
        { "nothing", mp_null_str, mp_null_str }
    };

    check_items(rows, LENGTH(rows));
}


static void
lines_end_as_they_do_anywhere(void **state)
{
    static const ini_case_t  rows[] = {
        { "CRLF", mp_str("\r\n[a]\r\nb=\r\n \r\nc=d\r\n"),
          mp_str("[a]|b=|c=d|") },
        { "no end", mp_str("[a]\nb=c"), mp_str("[a]|b=c|") },
        { "CR at the end", mp_str("[a]\nb=c\r"), mp_str("[a]|b=c|") },
        { "CR elsewhere is no end", mp_str("a=b\rc=d\r\r\n"),
          mp_str("a=b\rc=d\r|") },
        { "nor is NUL", mp_str("a=b\0c=d\n"), mp_str("a=b\0c=d|") },
        { "empty lines", mp_str("\n\n \n\t\n"), mp_null_str }
    };

    check_items(rows, LENGTH(rows));
}


static void
a_mark_at_the_start_is_skipped(void **state)
{
    static const ini_case_t  rows[] = {
        { "before a section", mp_str("\xef\xbb\xbf[a]\n"), mp_str("[a]|") },
        { "before a setting", mp_str("\xef\xbb\xbf" "a=b\n"),
          mp_str("a=b|") },
        { "alone", mp_str("\xef\xbb\xbf"), mp_null_str },
        { "a part of it", mp_str("\xef\xbb=\n"), mp_str("\xef\xbb=|") },
        { "twice", mp_str("\xef\xbb\xbf\xef\xbb\xbf=\n"),
          mp_str("\xef\xbb\xbf=|") },
        { "elsewhere", mp_str("\n\xef\xbb\xbf=\n"),
          mp_str("\xef\xbb\xbf=|") }
    };

    check_items(rows, LENGTH(rows));
}


static void
comments_start_a_line_or_follow_a_space(void **state)
{
    static const ini_case_t  rows[] = {
        { "lines", mp_str("#a=b\n;a=b\n  # a=b\n\t;[a]\nc=d\n#"),
          mp_str("c=d|") },
        { "behind", mp_str("[a] # b\nc=d ; e\nf=g\t#h\n"),
          mp_str("[a]|c=d|f=g|") },
        { "the first of them", mp_str("a=b # c ; d # e\n"), mp_str("a=b|") },
        { "not of spaces before", mp_str("a=b;c#d;#e\n"),
          mp_str("a=b;c#d;#e|") },
        { "instead of a value", mp_str("a= #b\nc=#d\n"),
          mp_str("a=|c=#d|") },
        { "instead of a setting", mp_str("a #=b\n"), mp_null_str }
    };

    check_items(rows, LENGTH(rows));
}


static void
deeper_lines_belong_to_the_setting_above(void **state)
{
    static const ini_case_t  rows[] = {
        { "nested", mp_str("a=\n b=c\n\td = e\nf=g\n"),
          mp_str("a=|>b=c|>d=e|f=g|") },
        { "continuation", mp_str("a=b\n c=d\n e\nf=g\n"),
          mp_str("a=b|+c=d|+e=|f=g|") },
        { "within them", mp_str("a=\n b=c\n  d=e\n f=\n  g=h\n"),
          mp_str("a=|>b=c|>d=e|>f=|>g=h|") },
        { "behind other lines",
          mp_str("a=b\n\n# c\n  \nd\n   # e\n f=g\n"),
          mp_str("a=b|+f=g|") },
        { "not the first of a section", mp_str("a=b\n[c]\n d=e\n  f=g\n"),
          mp_str("a=b|[c]|d=e|+f=g|") },
        { "not the first of all", mp_str("  a=b\n c=d\n  e=f\n"),
          mp_str("a=b|c=d|+e=f|") },
        { "not as deep", mp_str("[a]\n  b=c\n\t\td=e\n  f=\n\tg=h\n"),
          mp_str("[a]|b=c|d=e|f=|g=h|") },
        { "not sections", mp_str("a=b\n [c]\n d=e\n f=\n\t[g]\n"),
          mp_str("a=b|[c]|d=e|f=|[g]|") }
    };

    check_items(rows, LENGTH(rows));
}


static void
a_text_cut_short_is_read_within_its_bounds(void **state)
{
    mp_str_t  text;

    static const mp_str_t  whole = mp_str(
        "\xef\xbb\xbf# a\r\n[b] ; c\r\nd = e\r\n f\r\ng =\r\n\th = i\r\n"
        "[j\r\n[]\r\n= k # l\r\n");

    for (text = whole; text.len; text.len--) {
        (void) items_of(text);
    }

    check_str("whole", items_of(whole),
              STR("[b]|d=e|+f=|g=|>h=i|[]|[]|=k|"));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_text_is_sections_of_settings),
        cmocka_unit_test(lines_end_as_they_do_anywhere),
        cmocka_unit_test(a_mark_at_the_start_is_skipped),
        cmocka_unit_test(comments_start_a_line_or_follow_a_space),
        cmocka_unit_test(deeper_lines_belong_to_the_setting_above),
        cmocka_unit_test(a_text_cut_short_is_read_within_its_bounds)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
