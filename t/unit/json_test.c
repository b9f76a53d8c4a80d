#include "unit.h"

#include "text/mp_json.h"

#include <errno.h>


static const mp_str_t  rich = mp_str(
    " {\"text\": \"a \\\"b\\\\\", \"list\": [1, -2.5e+3, [], {}, true, false,"
    " null],\r\n\t\"\\u00e9\\ud83d\\ude00\": {\"deep\": {\"er\": \"{[]}\"}}} ");


static int
parses(mp_str_t text)
{
    cJSON  *object;

    object = mp_json_parse_object(unit_copy(text));

    if (object == NULL) {
        return 0;
    }

    assert_true(cJSON_IsObject(object));
    cJSON_Delete(object);

    return 1;
}


static void
an_object_is_parsed(void **state)
{
    cJSON     *object;
    mp_str_t   value;

    object = mp_json_parse_object(unit_copy(rich));
    assert_non_null(object);

    value = mp_json_string(cJSON_GetObjectItem(object, "text"));

    check_str("text", value, STR("a \"b\\"));
    assert_int_equal(
        cJSON_GetArraySize(cJSON_GetObjectItem(object, "list")), 7);
    assert_true(cJSON_IsObject(cJSON_GetObjectItem(object, "\xc3\xa9"
                                                   "\xf0\x9f\x98\x80")));

    cJSON_Delete(object);
}


static void
only_an_object_is_parsed(void **state)
{
    size_t  i;

    static const mp_str_t  good[] = {
        mp_str("{}"),
        mp_str(" \t\r\n{ } \t\r\n"),
        mp_str("{\"a\":\"\"}"),
        mp_str("{\"a\":\"}\"}"),
        mp_str("{\"a\":\"\\\"\"}"),
        mp_str("{\"a\":\"\\\\\"}")
    };

    static const mp_str_t  bad[] = {
        mp_null_str,
        mp_str(""),
        mp_str(" \t\r\n"),
        mp_str("{"),
        mp_str("}"),
        mp_str("[]"),
        mp_str("[{}]"),
        mp_str("\"{}\""),
        mp_str("1"),
        mp_str("null"),
        mp_str("{}{}"),
        mp_str("{},"),
        mp_str("{}x"),
        mp_str("x{}"),
        mp_str("{}]"),
        mp_str("{} {}"),
        mp_str("\f{}"),
        mp_str("{]"),
        mp_str("{\"a\":[}}"),
        mp_str("{\"a\":{]}"),
        mp_str("{\"a\":[1}]"),
        mp_str("{\"a\"}"),
        mp_str("{\"a\":}"),
        mp_str("{\"a\":1,}"),
        mp_str("{,}"),
        mp_str("{a:1}"),
        mp_str("{'a':1}"),
        mp_str("{\"a\":nul}"),
        mp_str("{\"a\":-}"),
        mp_str("{\"a\":\"}"),
        mp_str("{\"a\":\"\\\"}"),
        mp_str("{\"a\":\"\\\"}\\"),
        mp_str("{\"a\":\"\\x\"}"),
        mp_str("{\"a\":\"\\u12\"}"),
        mp_str("{\"a\":\"\\ud83d\"}"),
        mp_str("{\"a\":\"\\ude00\\ud83d\"}")
    };

    for (i = 0; i < LENGTH(good); i++) {
        check_int((const char *) good[i].data, parses(good[i]), 1);
    }

    for (i = 0; i < LENGTH(bad); i++) {
        check_int((const char *) bad[i].data, parses(bad[i]), 0);
    }
}


static void
a_text_cut_short_is_refused_at_every_length(void **state)
{
    mp_str_t  text;

    assert_true(parses(rich));

    for (text = rich, text.len -= 2; text.len; text.len--) {
        check_int("cut", parses(text), 0);
    }
}


/* The result may be either; the sanitizer sees what is read. */

static void
no_byte_changed_makes_it_read_too_far(void **state)
{
    size_t          i, j;
    mp_str_t        text;
    unsigned char  *data;

    static const unsigned char  bytes[] = "\0\"\\{}[],:u-0 \x80";

    for (i = 0; i < rich.len; i++) {
        for (j = 0; j < sizeof(bytes) - 1; j++) {
            text.len = rich.len - 1;
            text.data = data = memcpy(unit_alloc(text.len), rich.data,
                                      text.len);

            if (i < text.len) {
                data[i] = bytes[j];
            }

            (void) parses(text);
        }
    }
}


static mp_str_t
nested(size_t depth, mp_str_t open, mp_str_t close)
{
    size_t    i;
    mp_str_t  text;

    static const mp_str_t  inner = mp_str("{}");

    for (text = inner, i = 1; i < depth; i++) {
        text = unit_join(open, text, close);
    }

    return text;
}


static void
nesting_is_limited(void **state)
{
    static const mp_str_t  open = mp_str("{\"a\":");
    static const mp_str_t  close = mp_str("}");
    static const mp_str_t  open_list = mp_str("[");
    static const mp_str_t  close_list = mp_str("]");

    mp_str_t  list;

    assert_true(parses(nested(MP_JSON_MAX_DEPTH, open, close)));
    assert_false(parses(nested(MP_JSON_MAX_DEPTH + 1, open, close)));

    list = nested(MP_JSON_MAX_DEPTH - 1, open_list, close_list);
    assert_true(parses(unit_join(open, list, close)));

    list = nested(MP_JSON_MAX_DEPTH, open_list, close_list);
    assert_false(parses(unit_join(open, list, close)));
}


static void
brackets_are_counted_where_they_nest(void **state)
{
    size_t    i;
    mp_str_t  text;

    text = unit_fill('[', 100);
    assert_true(parses(unit_join(STR("{\"a\":\"\\\""), text, STR("\"}"))));
    assert_true(parses(unit_join(STR("{\""), text, STR("\":\"\\\\\"}"))));

    /* side by side */

    for (text = STR("{}"), i = 0; i < 6; i++) {
        text = unit_join(text, STR(","), text);
    }

    assert_true(parses(unit_join(STR("{\"a\":["), text, STR("]}"))));
}


static void
a_nul_is_refused_raw_and_escaped(void **state)
{
    assert_false(parses(STR("{\"a\":\"b\0c\"}")));
    assert_false(parses(STR("{\"a\0b\":\"c\"}")));
    assert_false(parses(STR("{\"a\":1\0}")));
    assert_false(parses(STR("{\"a\":1}\0")));
    assert_false(parses(STR("\0{\"a\":1}")));
    assert_false(parses(STR("{\"a\":\"\\\0\"}")));

    assert_false(parses(STR("{\"a\":\"\\u0000\"}")));
    assert_false(parses(STR("{\"a\":\"b\\u0000c\"}")));
    assert_false(parses(STR("{\"\\u0000\":\"c\"}")));
    assert_false(parses(STR("{\"a\":\"\\\\\\u0000\"}")));

    assert_true(parses(STR("{\"a\":\"\\\\u0000\"}")));
    assert_true(parses(STR("{\"a\":\"\\u0001\\u1000\"}")));
    assert_true(parses(STR("{\"a\":\"u0000\"}")));
    assert_false(parses(STR("{\"a\":\"\\u000\"}")));
}


static mp_str_t
escaped(mp_str_t text)
{
    mp_str_t        result;
    unsigned char  *data;

    result.len = mp_json_escaped_len(text);
    result.data = data = unit_alloc(result.len);

    assert_ptr_equal(mp_json_escape(data, text), data + result.len);

    return result;
}


static void
only_what_json_forbids_is_escaped(void **state)
{
    int            c;
    char           want[sizeof("\\u0000")];
    mp_str_t       text;
    const char    *at;
    unsigned char  byte;

    static const char  bytes[] = "\"\\\b\t\n\f\r";
    static const char  letters[] = "\"\\btnfr";

    for (c = 0; c < 256; c++) {
        byte = (unsigned char) c;
        at = memchr(bytes, c, sizeof(bytes) - 1);

        if (at) {
            sprintf(want, "\\%c", letters[at - bytes]);

        } else if (c < 0x20) {
            sprintf(want, "\\u%04x", (unsigned) c);

        } else {
            sprintf(want, "%c", c);
        }

        text.data = &byte;
        text.len = 1;

        check_str("byte", escaped(text), mp_str_from(want));
    }
}


/* Whatever is around it and wherever it is. */

static void
every_byte_that_needs_it_is_escaped(void **state)
{
    int             c;
    size_t          at, len, filler;
    mp_str_t        text, want, before, after;
    unsigned char  *data;

    static const char  fillers[] = " !#[]x\x7f\x80\xa2\xdc\xff";

    for (filler = 0; filler < sizeof(fillers) - 1; filler++) {
        for (len = 1; len <= 19; len++) {
            for (at = 0; at < len; at++) {
                for (c = 0; c < 0x60; c++) {

                    text = unit_fill(fillers[filler], len);
                    before = text;
                    after = text;
                    before.len = at;
                    after.len = len - at - 1;

                    data = unit_alloc(len);
                    memcpy(data, text.data, len);
                    data[at] = (unsigned char) c;
                    text.data = data;

                    want.data = data + at;
                    want.len = 1;
                    want = unit_join(before, escaped(want), after);

                    check_str("text", escaped(text), want);
                }
            }
        }

        unit_release(NULL);
    }
}


static void
what_is_escaped_is_read_back(void **state)
{
    int             c;
    cJSON          *object;
    mp_str_t        text;
    unsigned char   bytes[3 * 256], *p;

    /* every byte, where what follows it could be taken for its end */

    for (c = 1, p = bytes; c < 0x80; c++) {
        *p++ = (unsigned char) c;
        *p++ = 'u';
        *p++ = '0';
    }

    p = mp_copy(p, STR("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));

    text.data = bytes;
    text.len = (size_t) (p - bytes);

    object = mp_json_parse_object(unit_join(STR("{\"a\":\""), escaped(text),
                                            STR("\"}")));
    assert_non_null(object);

    check_str("text", mp_json_string(cJSON_GetObjectItem(object, "a")), text);

    cJSON_Delete(object);

    check_str("empty", escaped(STR("")), STR(""));
    check_str("nul", escaped(STR("a\0b")), STR("a\\u0000b"));
}


/* how many allocations of cJSON succeed */
static size_t  left;


static void *
scarce_malloc(size_t size)
{
    if (left == 0) {
        errno = ENOMEM;
        return NULL;
    }

    left--;

    return malloc(size);
}


static void
a_lack_of_memory_is_told(void **state)
{
    cJSON       *object;
    size_t       n;
    cJSON_Hooks  scarce = { scarce_malloc, free };

    cJSON_InitHooks(&scarce);

    for (n = 0, object = NULL; object == NULL && n < 100; n++) {
        left = n;
        object = mp_json_parse_object(unit_copy(rich));

        assert_int_equal(errno == ENOMEM, object == NULL);
    }

    cJSON_InitHooks(NULL);

    assert_true(n >= 10 && n < 100);
    cJSON_Delete(object);

    assert_false(parses(STR("{\"a\"}")));
    assert_int_not_equal(errno, ENOMEM);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(an_object_is_parsed),
        cmocka_unit_test(only_an_object_is_parsed),
        cmocka_unit_test(a_text_cut_short_is_refused_at_every_length),
        cmocka_unit_test(no_byte_changed_makes_it_read_too_far),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(brackets_are_counted_where_they_nest),
        cmocka_unit_test(a_nul_is_refused_raw_and_escaped),
        cmocka_unit_test(only_what_json_forbids_is_escaped),
        cmocka_unit_test(every_byte_that_needs_it_is_escaped),
        cmocka_unit_test(what_is_escaped_is_read_back),
        cmocka_unit_test(a_lack_of_memory_is_told)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
