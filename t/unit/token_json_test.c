#include "unit_token.h"

#include <cjson/cJSON.h>
#include <errno.h>


#define JSON  "application/json"


static void
check_json(const token_case_t *rows, size_t n)
{
    size_t             i;
    mp_token_rc_t      rc;
    mp_registration_t  registration;

    for (i = 0; i < n; i++) {
        rc = unit_body(JSON, rows[i].text, &registration);
        check_token(&rows[i], rc, &registration);
    }
}


static void
fields_are_members_of_the_object(void **state)
{
    static const token_case_t  rows[] = {
        { "alone", mp_str("{\"" TOKEN "\":\"abc\"}"),
          MP_TOKEN_OK, mp_str("abc"), mp_null_str },
        { "both",
          mp_str(" {\"a\":1,\"" OFFER "\":\"free-trial\",\"b\":{\"c\":[]},"
                 "\"" TOKEN "\":\"abc\"}\r\n"),
          MP_TOKEN_OK, mp_str("abc"), mp_str("free-trial") },
        { "escapes",
          mp_str("{\"" TOKEN "\":\"\\u0061\\u00e9\\ud83d\\ude00\\n\\/\"}"),
          MP_TOKEN_OK, mp_str("a\xc3\xa9\xf0\x9f\x98\x80\n/"), mp_null_str },
        { "escapes in the name",
          mp_str("{\"\\u0078-amzn-marketplace-token\":\"abc\"}"),
          MP_TOKEN_OK, mp_str("abc"), mp_null_str },
        { "nothing is percent-encoded",
          mp_str("{\"" TOKEN "\":\"a+b%2B\"}"),
          MP_TOKEN_OK, mp_str("a+b%2B"), mp_null_str },
        { "empty offer type",
          mp_str("{\"" TOKEN "\":\"a\",\"" OFFER "\":\"\"}"),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },

        { "empty object", mp_str("{}"), MP_TOKEN_MISSING,
          mp_null_str, mp_null_str },
        { "empty token", mp_str("{\"" TOKEN "\":\"\"}"), MP_TOKEN_MISSING,
          mp_null_str, mp_null_str },
        { "nested", mp_str("{\"a\":{\"" TOKEN "\":\"abc\"}}"),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "capitals", mp_str("{\"X-Amzn-Marketplace-Token\":\"abc\"}"),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "longer name", mp_str("{\"" TOKEN "s\":\"abc\"}"),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str }
    };

    check_json(rows, LENGTH(rows));
}


static void
what_is_broken_or_ambiguous_is_refused(void **state)
{
    static const token_case_t  rows[] = {
        { "empty body", mp_null_str, MP_TOKEN_INVALID,
          mp_null_str, mp_null_str },
        { "form", mp_str(TOKEN "=abc"), MP_TOKEN_INVALID,
          mp_null_str, mp_null_str },
        { "cut off", mp_str("{\"" TOKEN "\":\"abc\""), MP_TOKEN_INVALID,
          mp_null_str, mp_null_str },
        { "list", mp_str("[\"" TOKEN "\",\"abc\"]"), MP_TOKEN_INVALID,
          mp_null_str, mp_null_str },
        { "more behind it", mp_str("{\"" TOKEN "\":\"abc\"}{}"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "nul", mp_str("{\"" TOKEN "\":\"a\\u0000b\"}"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "nul elsewhere",
          mp_str("{\"" TOKEN "\":\"a\",\"" TOKEN "\\u0000\":\"b\"}"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "number", mp_str("{\"" TOKEN "\":1}"), MP_TOKEN_INVALID,
          mp_null_str, mp_null_str },
        { "null", mp_str("{\"" TOKEN "\":null}"), MP_TOKEN_INVALID,
          mp_null_str, mp_null_str },
        { "list of a token", mp_str("{\"" TOKEN "\":[\"abc\"]}"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "offer type of another kind",
          mp_str("{\"" TOKEN "\":\"a\",\"" OFFER "\":true}"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "different twice",
          mp_str("{\"" TOKEN "\":\"a\",\"" TOKEN "\":\"b\"}"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "different kinds",
          mp_str("{\"" TOKEN "\":\"a\",\"" TOKEN "\":1,\"" TOKEN
                 "\":\"a\"}"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "same twice",
          mp_str("{\"" TOKEN "\":\"a\",\"" TOKEN "\":\"\\u0061\"}"),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "no UTF-8", mp_str("{\"" TOKEN "\":\"a\xff\"}"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "line end in the offer type",
          mp_str("{\"" TOKEN "\":\"a\",\"" OFFER "\":\"a\\r\\nb\"}"),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str }
    };

    check_json(rows, LENGTH(rows));
}


static mp_token_rc_t
json(mp_str_t before, size_t len, unit_pool_t *pool,
    mp_registration_t *registration)
{
    mp_str_t         body;
    mp_token_rule_t  rule;

    rule = unit_rule(pool);
    body = unit_join(before, unit_fill('a', len), STR("\"}"));

    return mp_token_from_body(registration, &rule, STR(JSON), body);
}


static void
lengths_are_limited_before_anything_is_allocated(void **state)
{
    unit_pool_t        pool;
    mp_registration_t  registration;

    static const mp_str_t  token = mp_str("{\"" TOKEN "\":\"");
    static const mp_str_t  offer = mp_str("{\"" TOKEN "\":\"a\",\"" OFFER
                                          "\":\"");

    assert_int_equal(json(token, TOKEN_MAX, &pool, &registration),
                     MP_TOKEN_OK);
    assert_int_equal(json(token, TOKEN_MAX + 1, &pool, &registration),
                     MP_TOKEN_TOO_LARGE);
    assert_int_equal(pool.allocations, 0);

    assert_int_equal(json(offer, MP_OFFER_TYPE_MAX, &pool, &registration),
                     MP_TOKEN_OK);
    assert_int_equal(json(offer, MP_OFFER_TYPE_MAX + 1, &pool,
                          &registration),
                     MP_TOKEN_TOO_LARGE);
    assert_int_equal(pool.allocations, 1);
}


static void
a_pool_that_is_exhausted_is_told(void **state)
{
    unit_pool_t        pool;
    mp_token_rule_t    rule;
    mp_registration_t  registration;

    rule = unit_rule(&pool);
    pool.left = 1;

    assert_int_equal(
        mp_token_from_body(&registration, &rule, STR(JSON),
                           STR("{\"" TOKEN "\":\"a\",\"" OFFER "\":\"b\"}")),
        MP_TOKEN_NO_MEMORY);
}


static void *
no_malloc(size_t size)
{
    errno = ENOMEM;
    return NULL;
}


static void
a_body_that_there_is_no_memory_for_is_not_refused(void **state)
{
    cJSON_Hooks        none = { no_malloc, free };
    mp_registration_t  registration;

    cJSON_InitHooks(&none);

    assert_int_equal(unit_body(JSON, STR("{\"" TOKEN "\":\"a\"}"),
                               &registration),
                     MP_TOKEN_NO_MEMORY);

    cJSON_InitHooks(NULL);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(fields_are_members_of_the_object),
        cmocka_unit_test(what_is_broken_or_ambiguous_is_refused),
        cmocka_unit_test(lengths_are_limited_before_anything_is_allocated),
        cmocka_unit_test(a_pool_that_is_exhausted_is_told),
        cmocka_unit_test(a_body_that_there_is_no_memory_for_is_not_refused)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
