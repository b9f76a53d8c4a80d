#include "unit_token.h"


static void
check_query(const token_case_t *row)
{
    mp_token_rc_t      rc;
    mp_registration_t  registration;

    rc = unit_query(row->text, &registration);
    check_token(row, rc, &registration);
}


static void
a_query_is_a_form(void **state)
{
    size_t  i;

    static const token_case_t  rows[] = {
        { "both", mp_str("a=1&" TOKEN "=a%2Bc&" OFFER "=free+trial"),
          MP_TOKEN_OK, mp_str("a+c"), mp_str("free trial") },
        { "encoded name", mp_str("x%2damzn-marketplace-token=%252B"),
          MP_TOKEN_OK, mp_str("%2B"), mp_null_str },
        { "same twice", mp_str(TOKEN "=a&" TOKEN "=%61"),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "different twice", mp_str(TOKEN "=a&" TOKEN "=b"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "no UTF-8", mp_str(TOKEN "=%FF"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "control byte in the offer type",
          mp_str(TOKEN "=a&" OFFER "=%0A"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "empty token", mp_str(TOKEN "="),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "no token", mp_str("a=b"),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "no query", mp_null_str,
          MP_TOKEN_MISSING, mp_null_str, mp_null_str }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_query(&rows[i]);
    }
}


static void
broken_encoding_counts_only_in_the_two_fields(void **state)
{
    size_t  i;

    static const token_case_t  rows[] = {
        { "other value", mp_str("a=%&b=100%&c=%zz&" TOKEN "=abc"),
          MP_TOKEN_OK, mp_str("abc"), mp_null_str },
        { "other name", mp_str(TOKEN "=abc&%=1&%4=2&%"),
          MP_TOKEN_OK, mp_str("abc"), mp_null_str },
        { "no token", mp_str("a=%"),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "broken name of the token", mp_str("%" TOKEN "=abc"),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "name cut in an escape", mp_str("x-amzn-marketplace-toke%6=abc"),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "token", mp_str(TOKEN "=%"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "token, cut off", mp_str(TOKEN "=abc%4"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "encoding does not go on in the next", mp_str(TOKEN "=%4&1=a"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "offer type", mp_str(TOKEN "=abc&" OFFER "=%g1"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_query(&rows[i]);
    }
}


static void
limits_hold_for_a_query_too(void **state)
{
    mp_registration_t  registration;

    static const mp_str_t  before = mp_str(TOKEN "=");
    static const mp_str_t  none = mp_null_str;

    assert_int_equal(
        unit_query(unit_join(before, unit_fill('a', TOKEN_MAX), none),
                   &registration),
        MP_TOKEN_OK);

    assert_int_equal(
        unit_query(unit_join(before, unit_fill('a', TOKEN_MAX + 1), none),
                   &registration),
        MP_TOKEN_TOO_LARGE);
}


static void
a_pool_that_is_exhausted_is_told(void **state)
{
    unit_pool_t        pool;
    mp_token_rule_t    rule;
    mp_registration_t  registration;

    rule = unit_rule(&pool);
    pool.left = 0;

    assert_int_equal(mp_token_from_query(&registration, &rule,
                                         STR(TOKEN "=%41")),
                     MP_TOKEN_NO_MEMORY);
}


static void
a_query_has_a_field_by_its_decoded_name(void **state)
{
    size_t  i;

    static const struct {
        mp_str_t  query;
        int       found;
    } rows[] = {
        { mp_str("t=1"), 1 },
        { mp_str("t"), 1 },
        { mp_str("t="), 1 },
        { mp_str("a=1&%74=%zz&b"), 1 },
        { mp_str("a=1&&t"), 1 },
        { mp_str(""), 0 },
        { mp_str("a=t"), 0 },
        { mp_str("tt=1&at=1"), 0 },
        { mp_str("%7=1"), 0 },
        { mp_str("T=1"), 0 }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_int((const char *) rows[i].query.data,
                  mp_query_has_field(unit_copy(rows[i].query), STR("t")),
                  rows[i].found);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_query_is_a_form),
        cmocka_unit_test(broken_encoding_counts_only_in_the_two_fields),
        cmocka_unit_test(limits_hold_for_a_query_too),
        cmocka_unit_test(a_pool_that_is_exhausted_is_told),
        cmocka_unit_test(a_query_has_a_field_by_its_decoded_name)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
