#include "unit_token.h"


#define FORM  "application/x-www-form-urlencoded"


static void
check_form(const token_case_t *row)
{
    mp_token_rc_t      rc;
    mp_registration_t  registration;

    rc = unit_body(FORM, row->text, &registration);
    check_token(row, rc, &registration);
}


static void
the_token_and_the_offer_type_are_fields(void **state)
{
    size_t  i;

    static const token_case_t  rows[] = {
        { "alone", mp_str(TOKEN "=abc"),
          MP_TOKEN_OK, mp_str("abc"), mp_null_str },
        { "both", mp_str(TOKEN "=abc&" OFFER "=free-trial"),
          MP_TOKEN_OK, mp_str("abc"), mp_str("free-trial") },
        { "the other order", mp_str(OFFER "=free-trial&" TOKEN "=abc"),
          MP_TOKEN_OK, mp_str("abc"), mp_str("free-trial") },
        { "among others",
          mp_str("a=1&" TOKEN "=abc&b=2&" OFFER "=&=3&c"),
          MP_TOKEN_OK, mp_str("abc"), mp_null_str },
        { "empty pairs", mp_str("&&" TOKEN "=abc&&"),
          MP_TOKEN_OK, mp_str("abc"), mp_null_str },
        { "equals in the value", mp_str(TOKEN "=a=b=="),
          MP_TOKEN_OK, mp_str("a=b=="), mp_null_str },
        { "no separator but &", mp_str(TOKEN "=a;" OFFER "=b"),
          MP_TOKEN_OK, mp_str("a;" OFFER "=b"), mp_null_str },
        { "control bytes", mp_str(TOKEN "=%00%01%0d%0A\x7f"),
          MP_TOKEN_OK, mp_str("\0\x01\r\n\x7f"), mp_null_str },
        { "utf-8", mp_str(TOKEN "=%C3%A9\xe2\x82\xac&"
                          OFFER "=\xc3\xa9"),
          MP_TOKEN_OK, mp_str("\xc3\xa9\xe2\x82\xac"), mp_str("\xc3\xa9") },

        { "no token", mp_str("a=b"), MP_TOKEN_MISSING,
          mp_null_str, mp_null_str },
        { "empty token", mp_str(TOKEN "="), MP_TOKEN_MISSING,
          mp_null_str, mp_null_str },
        { "no value", mp_str(TOKEN), MP_TOKEN_MISSING,
          mp_null_str, mp_null_str },
        { "no value, and more", mp_str(TOKEN "&a=b"), MP_TOKEN_MISSING,
          mp_null_str, mp_null_str },
        { "only an offer type", mp_str(OFFER "=free-trial"),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "empty body", mp_null_str, MP_TOKEN_MISSING,
          mp_null_str, mp_null_str },
        { "longer name", mp_str(TOKEN "s=abc"), MP_TOKEN_MISSING,
          mp_null_str, mp_null_str },
        { "shorter name", mp_str("x-amzn-marketplace-toke=abc"),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "capitals", mp_str("X-Amzn-Marketplace-Token=abc"),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "space before the name", mp_str(" " TOKEN "=abc"),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_form(&rows[i]);
    }
}


static void
names_and_values_are_decoded_exactly_once(void **state)
{
    size_t  i;

    static const token_case_t  rows[] = {
        { "base64", mp_str(TOKEN "=a%2Bb%2fc%3D%3d"),
          MP_TOKEN_OK, mp_str("a+b/c=="), mp_null_str },
        { "encoded twice", mp_str(TOKEN "=%252B%2525"),
          MP_TOKEN_OK, mp_str("%2B%25"), mp_null_str },
        { "plus is a space", mp_str(TOKEN "=a+b++&" OFFER "=+c"),
          MP_TOKEN_OK, mp_str("a b  "), mp_str(" c") },
        { "plus among the encoded", mp_str(TOKEN "=+%2B+%41+"),
          MP_TOKEN_OK, mp_str(" + A "), mp_null_str },
        { "all hexadecimal digits",
          mp_str(TOKEN "=%4a%4B%4c%4D%4e%4F%35%67%78%39"),
          MP_TOKEN_OK, mp_str("JKLMNO5gx9"), mp_null_str },
        { "encoded separators", mp_str(TOKEN "=a%26" OFFER "%3Db"),
          MP_TOKEN_OK, mp_str("a&" OFFER "=b"), mp_null_str },
        { "encoded name",
          mp_str("x%2Damzn-marketplace%2dtoke%6E=abc"),
          MP_TOKEN_OK, mp_str("abc"), mp_null_str },
        { "name encoded twice",
          mp_str("x%252Damzn-marketplace-token=abc"),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "encoded equals is of the name", mp_str(TOKEN "%3D=abc"),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "plus in the name", mp_str("+" TOKEN "=abc"),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "nul behind the name", mp_str(TOKEN "%00=abc"),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_form(&rows[i]);
    }
}


static void
a_plus_in_the_fields_name_is_a_space(void **state)
{
    unit_pool_t        pool;
    mp_token_rule_t    rule;
    mp_registration_t  registration;

    rule = unit_rule(&pool);
    rule.field = STR("my token");

    assert_int_equal(mp_token_from_body(&registration, &rule, STR(FORM),
                                        unit_copy(STR("my+token=abc"))),
                     MP_TOKEN_OK);
    check_str("token", registration.token, STR("abc"));

    assert_int_equal(mp_token_from_body(&registration, &rule, STR(FORM),
                                        unit_copy(STR(TOKEN "=abc"))),
                     MP_TOKEN_MISSING);
}


static void
broken_encoding_is_refused_anywhere(void **state)
{
    size_t             i, j;
    mp_str_t           text;
    mp_token_rc_t      rc;
    mp_registration_t  registration;

    static const mp_str_t  broken[] = {
        mp_str("%"), mp_str("%4"), mp_str("%g0"), mp_str("%0g"),
        mp_str("%%41"), mp_str("%-1"), mp_str("% 1"), mp_str("%u0041"),
        mp_str("a%"), mp_str("%41%"), mp_str("+%4")
    };

    static const struct {
        mp_str_t  before;
        mp_str_t  after;
    } places[] = {
        { mp_str(TOKEN "="), mp_str("") },
        { mp_str(TOKEN "="), mp_str("&a=b") },
        { mp_str(TOKEN "=abc&" OFFER "="), mp_str("") },
        { mp_str(TOKEN "=abc&a="), mp_str("") },
        { mp_str(TOKEN "=abc&"), mp_str("=a") },
        { mp_str(TOKEN "=abc&"), mp_str("") },
        { mp_str("a="), mp_str("&" TOKEN "=abc") },
        { mp_str(""), mp_str("=a&" TOKEN "=abc") }
    };

    for (i = 0; i < LENGTH(broken); i++) {
        for (j = 0; j < LENGTH(places); j++) {
            text = unit_join(places[j].before, broken[i], places[j].after);
            rc = unit_body(FORM, text, &registration);

            if (rc != MP_TOKEN_INVALID) {
                fail_msg("%.*s: %d", (int) text.len,
                         (const char *) text.data, rc);
            }
        }
    }
}


static void
a_field_twice_has_to_be_the_same_twice(void **state)
{
    size_t  i;

    static const token_case_t  rows[] = {
        { "same", mp_str(TOKEN "=abc&" TOKEN "=abc"),
          MP_TOKEN_OK, mp_str("abc"), mp_null_str },
        { "same, decoded", mp_str(TOKEN "=a+c&" TOKEN "=%61%20c&" TOKEN
                                  "=a+c"),
          MP_TOKEN_OK, mp_str("a c"), mp_null_str },
        { "different", mp_str(TOKEN "=abc&" TOKEN "=abd"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "different later",
          mp_str(TOKEN "=abc&" TOKEN "=abc&" TOKEN "=ab"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "empty first", mp_str(TOKEN "=&" TOKEN "=abc"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "empty last", mp_str(TOKEN "=abc&" TOKEN),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "different offer types",
          mp_str(TOKEN "=abc&" OFFER "=a&" OFFER "=b"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "same offer types",
          mp_str(TOKEN "=abc&" OFFER "=a&" OFFER "=a"),
          MP_TOKEN_OK, mp_str("abc"), mp_str("a") },
        { "another field twice", mp_str("a=1&" TOKEN "=abc&a=2"),
          MP_TOKEN_OK, mp_str("abc"), mp_null_str }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_form(&rows[i]);
    }
}


static void
values_are_utf8_and_offer_types_printable(void **state)
{
    size_t  i;

    static const token_case_t  rows[] = {
        { "token of no UTF-8", mp_str(TOKEN "=a%FF"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "raw token of no UTF-8", mp_str(TOKEN "=a\xc3"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "surrogate", mp_str(TOKEN "=%ED%A0%80"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "offer type of no UTF-8", mp_str(TOKEN "=a&" OFFER "=%C3"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "line end in the offer type",
          mp_str(TOKEN "=a&" OFFER "=b%0D%0AX:+y"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "nul in the offer type", mp_str(TOKEN "=a&" OFFER "=b%00"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "delete in the offer type", mp_str(TOKEN "=a&" OFFER "=%7f"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "no UTF-8 elsewhere", mp_str("%FF=\xff&" TOKEN "=a"),
          MP_TOKEN_OK, mp_str("a"), mp_null_str }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_form(&rows[i]);
    }
}


static mp_str_t
repeat(mp_str_t text, size_t n)
{
    mp_str_t        result;
    unsigned char  *p;

    result.len = n * text.len;
    result.data = p = unit_alloc(result.len);

    while (n--) {
        p = mp_copy(p, text);
    }

    return result;
}


static void
the_decoded_length_is_limited(void **state)
{
    size_t             i;
    mp_str_t           token, offer;
    mp_token_rc_t      rc;
    mp_registration_t  registration;

    static const mp_str_t  bytes[] = {
        mp_str("a"), mp_str("+"), mp_str("%41")
    };

    static const mp_str_t  before = mp_str(TOKEN "=");
    static const mp_str_t  between = mp_str(TOKEN "=a&" OFFER "=");
    static const mp_str_t  after = mp_str("&a=b");

    for (i = 0; i < LENGTH(bytes); i++) {

        token = repeat(bytes[i], TOKEN_MAX);
        rc = unit_body(FORM, unit_join(before, token, after), &registration);
        assert_int_equal(rc, MP_TOKEN_OK);
        assert_int_equal(registration.token.len, TOKEN_MAX);

        token = repeat(bytes[i], TOKEN_MAX + 1);
        rc = unit_body(FORM, unit_join(before, token, after), &registration);
        assert_int_equal(rc, MP_TOKEN_TOO_LARGE);
        check_str("token", registration.token, untouched.token);

        offer = repeat(bytes[i], MP_OFFER_TYPE_MAX);
        rc = unit_body(FORM, unit_join(between, offer, after),
                       &registration);
        assert_int_equal(rc, MP_TOKEN_OK);
        assert_int_equal(registration.offer_type.len, MP_OFFER_TYPE_MAX);

        offer = repeat(bytes[i], MP_OFFER_TYPE_MAX + 1);
        rc = unit_body(FORM, unit_join(between, offer, after),
                       &registration);
        assert_int_equal(rc, MP_TOKEN_TOO_LARGE);
    }
}


static void
nothing_is_allocated_for_what_is_too_long(void **state)
{
    mp_str_t           body;
    unit_pool_t        pool;
    mp_token_rule_t    rule;
    mp_registration_t  registration;

    rule = unit_rule(&pool);
    body = unit_join(STR(TOKEN "="), repeat(STR("%41"), 100000), STR(""));

    assert_int_equal(mp_token_from_body(&registration, &rule, STR(FORM),
                                        body),
                     MP_TOKEN_TOO_LARGE);
    assert_int_equal(pool.allocations, 0);
}


static void
a_pool_that_is_exhausted_is_told(void **state)
{
    size_t             left;
    unit_pool_t        pool;
    mp_token_rule_t    rule;
    mp_registration_t  registration;

    for (left = 0; left <= 2; left++) {
        rule = unit_rule(&pool);
        pool.left = left;
        registration = untouched;

        assert_int_equal(
            mp_token_from_body(&registration, &rule, STR(FORM),
                               STR(TOKEN "=%41&" OFFER "=%42")),
            (left < 2) ? MP_TOKEN_NO_MEMORY : MP_TOKEN_OK);

        check_str("token", registration.token,
                  (left < 2) ? untouched.token : STR("A"));
    }
}


static void
a_body_is_read_as_its_content_type_says(void **state)
{
    size_t             i;
    mp_token_rc_t      rc;
    mp_registration_t  registration;

    static const struct {
        const char     *type;
        mp_token_rc_t   rc;
    } rows[] = {
        { FORM, MP_TOKEN_OK },
        { FORM "; charset=utf-8", MP_TOKEN_OK },
        { " APPLICATION/X-WWW-Form-UrlEncoded\t;", MP_TOKEN_OK },
        { "application/json", MP_TOKEN_INVALID },
        { "Application/JSON;charset=utf-8", MP_TOKEN_INVALID },
        { "multipart/form-data", MP_TOKEN_INVALID },
        { "Multipart/Form-Data; boundary=b", MP_TOKEN_INVALID },
        { "", MP_TOKEN_UNSUPPORTED },
        { ";", MP_TOKEN_UNSUPPORTED },
        { "text/plain", MP_TOKEN_UNSUPPORTED },
        { "multipart/mixed; boundary=b", MP_TOKEN_UNSUPPORTED },
        { "application/x-www-form-urlencode", MP_TOKEN_UNSUPPORTED },
        { "application/x-www-form-urlencodeds", MP_TOKEN_UNSUPPORTED },
        { "text/plain; " FORM, MP_TOKEN_UNSUPPORTED },
        { "application/jsonp", MP_TOKEN_UNSUPPORTED },
        { FORM ", text/plain", MP_TOKEN_UNSUPPORTED }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        rc = unit_body(rows[i].type, STR(TOKEN "=abc"), &registration);
        check_int(rows[i].type, rc, rows[i].rc);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_token_and_the_offer_type_are_fields),
        cmocka_unit_test(names_and_values_are_decoded_exactly_once),
        cmocka_unit_test(a_plus_in_the_fields_name_is_a_space),
        cmocka_unit_test(broken_encoding_is_refused_anywhere),
        cmocka_unit_test(a_field_twice_has_to_be_the_same_twice),
        cmocka_unit_test(values_are_utf8_and_offer_types_printable),
        cmocka_unit_test(the_decoded_length_is_limited),
        cmocka_unit_test(nothing_is_allocated_for_what_is_too_long),
        cmocka_unit_test(a_pool_that_is_exhausted_is_told),
        cmocka_unit_test(a_body_is_read_as_its_content_type_says)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
