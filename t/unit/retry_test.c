#include "unit.h"

#include "aws/mp_retry.h"


static mp_retry_t
of_reply(const char *name, const char *message, unsigned status)
{
    mp_aws_error_t  error;

    memset(&error, 0, sizeof(error));

    error.name_len = strlen(name);
    memcpy(error.name, name, error.name_len);

    error.message_len = strlen(message);
    memcpy(error.message, message, error.message_len);

    return mp_retry_reply(&error, status);
}


static void
what_is_worth_another_try(void **state)
{
    size_t  i;

    static const struct {
        const char  *name;
        const char  *message;
        unsigned     status;
        mp_retry_t   retry;
    } rows[] = {
        { "InternalServiceErrorException", "", 500, MP_RETRY_TRANSIENT },
        { "", "", 500, MP_RETRY_TRANSIENT },
        { "", "", 502, MP_RETRY_TRANSIENT },
        { "Whatever", "", 503, MP_RETRY_TRANSIENT },
        { "", "", 504, MP_RETRY_TRANSIENT },
        { "", "", 501, MP_RETRY_NEVER },
        { "RequestTimeout", "", 400, MP_RETRY_TRANSIENT },
        { "RequestTimeoutException", "", 408, MP_RETRY_TRANSIENT },
        { "ThrottlingException", "", 400, MP_RETRY_THROTTLED },
        { "ThrottlingException", "", 500, MP_RETRY_THROTTLED },
        { "SlowDown", "", 503, MP_RETRY_THROTTLED },
        { "", "", 429, MP_RETRY_THROTTLED },
        { "InvalidSignatureException", "Signature expired: x is now earlier",
          400, MP_RETRY_TRANSIENT },
        { "InvalidSignatureException", "does not match", 400, MP_RETRY_NEVER },
        { "Other", "Signature expired", 400, MP_RETRY_NEVER },
        { "InvalidTokenException", "", 400, MP_RETRY_NEVER },
        { "ExpiredTokenException", "", 400, MP_RETRY_NEVER },
        { "AccessDeniedException", "", 403, MP_RETRY_NEVER },
        { "", "", 404, MP_RETRY_NEVER }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_int(rows[i].name, of_reply(rows[i].name, rows[i].message,
                                         rows[i].status),
                  rows[i].retry);
    }
}


static void
an_outage_empties_the_budget(void **state)
{
    unsigned           n;
    mp_retry_budget_t  budget = { MP_RETRY_BUDGET };

    for (n = 0; mp_retry_pay(&budget, MP_RETRY_TRANSIENT); n++) {
        assert_true(n < 1000);
    }

    check_int("transient", n, 500 / 14);

    budget.tokens = MP_RETRY_BUDGET;

    for (n = 0; mp_retry_pay(&budget, MP_RETRY_THROTTLED); n++) {
        assert_true(n < 1000);
    }

    check_int("throttled", n, 500 / 5);
}


static void
successes_fill_the_budget(void **state)
{
    mp_retry_budget_t  budget = { 0 };

    mp_retry_refund(&budget, MP_RETRY_NEVER);
    check_int("at once", budget.tokens, 1);

    mp_retry_refund(&budget, MP_RETRY_TRANSIENT);
    check_int("after a retry", budget.tokens, 15);

    mp_retry_refund(&budget, MP_RETRY_THROTTLED);
    check_int("after being throttled", budget.tokens, 20);

    budget.tokens = MP_RETRY_BUDGET - 1;
    mp_retry_refund(&budget, MP_RETRY_TRANSIENT);
    check_int("not beyond", budget.tokens, MP_RETRY_BUDGET);
}


static void
delays_double_and_are_chosen_at_random(void **state)
{
    size_t  i;

    static const struct {
        const char  *label;
        mp_retry_t   retry;
        unsigned     made;
        uint32_t     random;
        unsigned     delay;
    } rows[] = {
        { "none", MP_RETRY_TRANSIENT, 0, 0, 0 },
        { "half", MP_RETRY_TRANSIENT, 0, 0x80000000, 25 },
        { "most", MP_RETRY_TRANSIENT, 0, 0xffffffff, 49 },
        { "second", MP_RETRY_TRANSIENT, 1, 0x80000000, 50 },
        { "third", MP_RETRY_TRANSIENT, 2, 0x80000000, 100 },
        { "throttled", MP_RETRY_THROTTLED, 0, 0x80000000, 500 },
        { "throttled, second", MP_RETRY_THROTTLED, 1, 0x80000000, 1000 },
        { "at most", MP_RETRY_THROTTLED, 10, 0x80000000, 10000 },
        { "many", MP_RETRY_TRANSIENT, 0xffffffff, 0x80000000, 10000 }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_int(rows[i].label,
                  mp_retry_delay(rows[i].retry, rows[i].made, rows[i].random,
                                 0),
                  rows[i].delay);
    }
}


static void
a_wish_is_heard_within_bounds(void **state)
{
    check_int("shorter", mp_retry_delay(MP_RETRY_THROTTLED, 0, 0x80000000, 100),
              500);
    check_int("longer", mp_retry_delay(MP_RETRY_THROTTLED, 0, 0x80000000, 900),
              900);
    check_int("the longest",
              mp_retry_delay(MP_RETRY_THROTTLED, 0, 0x80000000, 5500), 5500);
    check_int("too long",
              mp_retry_delay(MP_RETRY_THROTTLED, 0, 0x80000000, 60000), 5500);
}


static void
wishes_are_numbers(void **state)
{
    size_t  i;

    static const struct {
        mp_str_t  amz;
        mp_str_t  standard;
        unsigned  wish;
    } rows[] = {
        { mp_null_str, mp_null_str, 0 },
        { mp_str("250"), mp_null_str, 250 },
        { mp_str("250"), mp_str("7"), 250 },
        { mp_str("0"), mp_str("7"), 7000 },
        { mp_null_str, mp_str("7"), 7000 },
        { mp_str("-1"), mp_str("1.5"), 0 },
        { mp_str("1e3"), mp_str("Wed, 21 Oct 2026 07:28:00 GMT"), 0 },
        { mp_str("999999"), mp_null_str, 999999 },
        { mp_str("1000000"), mp_str("99999999999999999999"), 0 }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_int("wish", mp_retry_wish(unit_copy(rows[i].amz),
                                        unit_copy(rows[i].standard)),
                  rows[i].wish);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(what_is_worth_another_try),
        cmocka_unit_test(an_outage_empties_the_budget),
        cmocka_unit_test(successes_fill_the_budget),
        cmocka_unit_test(delays_double_and_are_chosen_at_random),
        cmocka_unit_test(a_wish_is_heard_within_bounds),
        cmocka_unit_test(wishes_are_numbers)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
