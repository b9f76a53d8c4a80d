#include "unit.h"


static void
strings_are_equal_by_length_and_bytes(void **state)
{
    static const mp_str_t  null = mp_null_str;

    assert_true(mp_str_eq(STR("abc"), unit_copy(STR("abc"))));
    assert_true(mp_str_eq(STR("a\0b"), unit_copy(STR("a\0b"))));
    assert_true(mp_str_eq(STR(""), null));

    assert_false(mp_str_eq(STR("abc"), unit_copy(STR("abd"))));
    assert_false(mp_str_eq(STR("abc"), unit_copy(STR("Abc"))));
    assert_false(mp_str_eq(STR("a\0b"), unit_copy(STR("a\0c"))));
    assert_false(mp_str_eq(STR("abc"), unit_copy(STR("ab"))));
    assert_false(mp_str_eq(STR("ab"), unit_copy(STR("abc"))));
}


static void
case_is_ignored_for_ascii_letters_only(void **state)
{
    int            a, b, equal;
    mp_str_t       left, right;
    unsigned char  byte[2];

    for (a = 0; a < 256; a++) {
        for (b = 0; b < 256; b++) {
            byte[0] = (unsigned char) a;
            byte[1] = (unsigned char) b;

            left.data = byte;
            left.len = 1;
            right.data = byte + 1;
            right.len = 1;

            equal = a == b
                    || (a >= 'a' && a <= 'z' && b == a - 'a' + 'A')
                    || (b >= 'a' && b <= 'z' && a == b - 'a' + 'A');

            assert_int_equal(mp_str_eq_nocase(left, right), equal);
        }
    }

    assert_true(mp_str_eq_nocase(STR("Content-LENGTH"),
                                 unit_copy(STR("content-length"))));
    assert_false(mp_str_eq_nocase(STR("Content-LENGTH"),
                                  unit_copy(STR("content-lengtx"))));
    assert_false(mp_str_eq_nocase(STR("ab"), unit_copy(STR("abc"))));
    assert_false(mp_str_eq_nocase(STR("abc"), unit_copy(STR("ab"))));
}


static void
a_c_string_is_taken_without_its_nul(void **state)
{
    check_str("text", mp_str_from("text"), STR("text"));
    check_str("empty", mp_str_from(""), STR(""));
}


static void
find_tells_where_or_the_length(void **state)
{
    size_t  i;

    static const struct {
        mp_str_t  text;
        mp_str_t  needle;
        size_t    at;
    } rows[] = {
        { mp_str("abcabc"), mp_str("abc"), 0 },
        { mp_str("xabcabc"), mp_str("abc"), 1 },
        { mp_str("aaab"), mp_str("aab"), 1 },
        { mp_str("xyz"), mp_str("z"), 2 },
        { mp_str("abc"), mp_str("abc"), 0 },
        { mp_str("a\0b:c"), mp_str(":"), 3 },
        { mp_str("abc"), mp_str(""), 0 },
        { mp_str("abc"), mp_str("d"), 3 },
        { mp_str("abc"), mp_str("C"), 3 },
        { mp_str("abcab"), mp_str("abd"), 5 },
        { mp_str("ab"), mp_str("abc"), 2 },
        { mp_str(""), mp_str("a"), 0 },
        { mp_null_str, mp_str("a"), 0 }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_int((const char *) rows[i].text.data,
                  mp_str_find(unit_copy(rows[i].text),
                              unit_copy(rows[i].needle)),
                  rows[i].at);
    }
}


static void
chr_tells_where_or_the_length(void **state)
{
    static const mp_str_t  null = mp_null_str;

    assert_int_equal(mp_str_chr(unit_copy(STR("abcb")), 'a'), 0);
    assert_int_equal(mp_str_chr(unit_copy(STR("abcb")), 'b'), 1);
    assert_int_equal(mp_str_chr(unit_copy(STR("abcb")), 'B'), 4);
    assert_int_equal(mp_str_chr(unit_copy(STR("abc")), 'c'), 2);
    assert_int_equal(mp_str_chr(unit_copy(STR("a\0b")), '\0'), 1);
    assert_int_equal(mp_str_chr(unit_copy(STR("a\0\xff")), 0xff), 2);
    assert_int_equal(mp_str_chr(unit_copy(STR("abc")), 'd'), 3);
    assert_int_equal(mp_str_chr(null, 'a'), 0);
}


static void
trim_takes_spaces_and_tabs_off_both_ends(void **state)
{
    static const mp_str_t  null = mp_null_str;

    check_str("none", mp_str_trim(unit_copy(STR("abc"))), STR("abc"));
    check_str("left", mp_str_trim(unit_copy(STR(" \t abc"))), STR("abc"));
    check_str("right", mp_str_trim(unit_copy(STR("abc\t \t"))), STR("abc"));
    check_str("inside", mp_str_trim(unit_copy(STR(" a \t b "))),
              STR("a \t b"));
    check_str("others", mp_str_trim(unit_copy(STR("\r\na\n\v\f"))),
              STR("\r\na\n\v\f"));
    check_str("all", mp_str_trim(unit_copy(STR(" \t \t"))), STR(""));
    check_str("empty", mp_str_trim(null), STR(""));
}


static void
hex_digits_have_values_in_both_cases(void **state)
{
    int          c;
    const char  *at;

    static const char  lower[] = "0123456789abcdef";
    static const char  upper[] = "0123456789ABCDEF";

    for (c = 0; c < 256; c++) {
        at = memchr(lower, c, 16);

        if (at) {
            assert_int_equal(mp_hex_digit((unsigned char) c), at - lower);
            continue;
        }

        at = memchr(upper, c, 16);

        assert_int_equal(mp_hex_digit((unsigned char) c),
                         at ? at - upper : -1);
    }
}


#define LETTERS  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS   "0123456789"
#define WORD     LETTERS DIGITS "._-"


static void
classes_hold_the_bytes_they_name_wherever_they_are(void **state)
{
    int            c;
    size_t         i, at;
    mp_str_t       text;
    unsigned char  bytes[3];

    static const struct {
        unsigned    classes;
        const char *name;
        mp_str_t    bytes;
    } rows[] = {
        { MP_CONTROL, "control",
          mp_str("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"
                 "\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19"
                 "\x1a\x1b\x1c\x1d\x1e\x1f\x7f") },
        { MP_DIGIT, "digit", mp_str(DIGITS) },
        { MP_VISIBLE, "visible",
          mp_str(LETTERS DIGITS "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") },
        { MP_WORD, "word", mp_str(WORD) },
        { MP_PATH, "path", mp_str(WORD "/") },
        { MP_CODE, "code", mp_str(WORD "/=:@") },
        { MP_RESOURCE, "resource", mp_str(WORD "/=:@+,") },
        { MP_DIGIT|MP_CONTROL, "digit or control",
          mp_str("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"
                 "\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19"
                 "\x1a\x1b\x1c\x1d\x1e\x1f\x7f" DIGITS) },
        { 0, "none", mp_null_str }
    };

    text.data = bytes;
    text.len = sizeof(bytes);

    for (i = 0; i < LENGTH(rows); i++) {
        for (c = 0; c < 256; c++) {
            for (at = 0; at < sizeof(bytes); at++) {

                memset(bytes, rows[i].bytes.len ? rows[i].bytes.data[0] : 'x',
                       sizeof(bytes));
                bytes[at] = (unsigned char) c;

                check_int(rows[i].name,
                          mp_str_is_made_of(text, rows[i].classes),
                          rows[i].bytes.len
                          && memchr(rows[i].bytes.data, c, rows[i].bytes.len)
                             != NULL);
            }
        }
    }
}


static void
a_control_byte_is_found_wherever_it_is(void **state)
{
    int            c;
    size_t         at;
    mp_str_t       text;
    unsigned char  bytes[3];

    text.data = bytes;
    text.len = sizeof(bytes);

    for (c = 0; c < 256; c++) {
        for (at = 0; at < sizeof(bytes); at++) {
            memcpy(bytes, "x\xff ", sizeof(bytes));
            bytes[at] = (unsigned char) c;

            assert_int_equal(mp_str_has_control(text), c < 0x20 || c == 0x7f);
        }
    }
}


static void
an_empty_string_is_made_of_anything(void **state)
{
    static const mp_str_t  null = mp_null_str;

    assert_false(mp_str_has_control(null));
    assert_true(mp_str_is_made_of(null, MP_DIGIT));
    assert_true(mp_str_is_made_of(null, 0));
    assert_true(mp_str_is_utf8(null));
}


static size_t
encode(unsigned long code, unsigned char *p)
{
    if (code < 0x80) {
        p[0] = (unsigned char) code;
        return 1;
    }

    if (code < 0x800) {
        p[0] = (unsigned char) (0xc0 | code >> 6);
        p[1] = (unsigned char) (0x80 | (code & 0x3f));
        return 2;
    }

    if (code < 0x10000) {
        p[0] = (unsigned char) (0xe0 | code >> 12);
        p[1] = (unsigned char) (0x80 | (code >> 6 & 0x3f));
        p[2] = (unsigned char) (0x80 | (code & 0x3f));
        return 3;
    }

    p[0] = (unsigned char) (0xf0 | code >> 18);
    p[1] = (unsigned char) (0x80 | (code >> 12 & 0x3f));
    p[2] = (unsigned char) (0x80 | (code >> 6 & 0x3f));
    p[3] = (unsigned char) (0x80 | (code & 0x3f));
    return 4;
}


static void
utf8_is_every_code_point_but_the_surrogates(void **state)
{
    mp_str_t       text;
    unsigned char  bytes[4];
    unsigned long  code;

    text.data = bytes;

    for (code = 0; code < 0x1fffff; code++) {
        text.len = encode(code, bytes);

        if (mp_str_is_utf8(text)
            != (code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)))
        {
            fail_msg("U+%04lX", code);
        }
    }
}


/* By value, where the function under test goes by ranges of bytes. */

static int
is_utf8(const unsigned char *p, size_t len)
{
    size_t         i, n;
    unsigned char  back[4];
    unsigned long  code;

    while (len) {
        n = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2
            : p[0] < 0xf0 ? 3 : p[0] < 0xf8 ? 4 : 0;

        if (n == 0 || n > len) {
            return 0;
        }

        code = n == 1 ? p[0] : p[0] & (0x7fu >> n);

        for (i = 1; i < n; i++) {
            if ((p[i] & 0xc0) != 0x80) {
                return 0;
            }

            code = code << 6 | (p[i] & 0x3fu);
        }

        if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)
            || encode(code, back) != n)
        {
            return 0;
        }

        p += n;
        len -= n;
    }

    return 1;
}


static void
utf8_is_judged_at_the_edges_of_all_ranges(void **state)
{
    size_t          i, len, n, count;
    mp_str_t        text;
    unsigned char  *bytes;

    static const unsigned char  edges[] = {
        0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2,
        0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4,
        0xf5, 0xff
    };

    for (len = 1, count = LENGTH(edges); len <= 4; len++) {

        bytes = unit_alloc(len);
        text.data = bytes;
        text.len = len;

        for (n = 0; n < count; n++) {
            size_t  rest = n;

            for (i = 0; i < len; i++) {
                bytes[i] = edges[rest % LENGTH(edges)];
                rest /= LENGTH(edges);
            }

            if (mp_str_is_utf8(text) != is_utf8(bytes, len)) {
                fail_msg("%02x %02x ..., %zu bytes", bytes[0],
                         bytes[len - 1], len);
            }
        }

        count *= LENGTH(edges);
    }
}


static void
utf8_is_judged_wherever_it_is(void **state)
{
    size_t          i, at, len;
    mp_str_t        text;
    unsigned char  *data;

    static const struct {
        mp_str_t  bytes;
        int       good;
    } rows[] = {
        { mp_str("\xc3\xa9"), 1 },
        { mp_str("\xe2\x82\xac"), 1 },
        { mp_str("\xf0\x9f\x98\x80"), 1 },
        { mp_str("\x80"), 0 },
        { mp_str("\xff"), 0 },
        { mp_str("\xc3"), 0 },
        { mp_str("\xe2\x82"), 0 },
        { mp_str("\xf0\x9f\x98"), 0 },
        { mp_str("\xc3\xa9\xa9"), 0 },
        { mp_str("\xed\xa0\x80"), 0 }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        for (len = rows[i].bytes.len; len <= 27; len++) {
            for (at = 0; at + rows[i].bytes.len <= len; at++) {

                text.len = len;
                text.data = data = unit_alloc(len);

                memset(data, 'x', len);
                mp_copy(data + at, rows[i].bytes);

                check_int("utf8", mp_str_is_utf8(text), rows[i].good);
            }
        }
    }
}


static void
copy_returns_the_end_of_the_copy(void **state)
{
    unsigned char   dst[] = "......";
    unsigned char  *end;

    static const mp_str_t  null = mp_null_str;

    end = mp_copy(dst, STR("ab"));

    assert_ptr_equal(end, dst + 2);
    assert_ptr_equal(mp_copy(end, null), end);
    assert_string_equal((char *) dst, "ab....");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(strings_are_equal_by_length_and_bytes),
        cmocka_unit_test(case_is_ignored_for_ascii_letters_only),
        cmocka_unit_test(a_c_string_is_taken_without_its_nul),
        cmocka_unit_test(find_tells_where_or_the_length),
        cmocka_unit_test(chr_tells_where_or_the_length),
        cmocka_unit_test(trim_takes_spaces_and_tabs_off_both_ends),
        cmocka_unit_test(hex_digits_have_values_in_both_cases),
        cmocka_unit_test(classes_hold_the_bytes_they_name_wherever_they_are),
        cmocka_unit_test(a_control_byte_is_found_wherever_it_is),
        cmocka_unit_test(an_empty_string_is_made_of_anything),
        cmocka_unit_test(utf8_is_every_code_point_but_the_surrogates),
        cmocka_unit_test(utf8_is_judged_at_the_edges_of_all_ranges),
        cmocka_unit_test(utf8_is_judged_wherever_it_is),
        cmocka_unit_test(copy_returns_the_end_of_the_copy)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
