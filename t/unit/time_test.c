#include "unit.h"

#include "text/mp_time.h"


static void
a_time_is_read(void **state)
{
    size_t       i;
    time_t       seconds;
    const char  *label;

    static const struct {
        mp_str_t  text;
        long      seconds;
    } rows[] = {
        { mp_str("1970-01-01T00:00:00Z"), 0 },
        { mp_str("1970-01-01T00:00:01Z"), 1 },
        { mp_str("1970-01-01T00:01:00Z"), 60 },
        { mp_str("1970-01-01T01:00:00Z"), 3600 },
        { mp_str("1970-01-02T00:00:00Z"), 86400 },
        { mp_str("1970-02-01T00:00:00Z"), 31 * 86400 },
        { mp_str("2026-01-02T03:04:05Z"), 1767323045 },
        { mp_str("2026-11-21T23:59:59Z"), 1795305599 },
        { mp_str("2038-01-19T03:14:08Z"), 2147483648 },
        { mp_str("9999-12-31T23:59:59Z"), 253402300799 },

        { mp_str("1970-01-01T00:00:09.9Z"), 9 },
        { mp_str("1970-01-01T00:00:09.123456789012345678901Z"), 9 },
        { mp_str("1970-01-01T00:00:09+00:00"), 9 },
        { mp_str("1970-01-01T00:00:09.000+00:00"), 9 }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        label = (const char *) rows[i].text.data;

        check_int(label, mp_time_parse(unit_copy(rows[i].text), &seconds), 1);
        check_int(label, seconds, rows[i].seconds);
    }
}


static void
every_day_is_the_one_of_the_calendar(void **state)
{
    char       text[sizeof("2026-01-02T03:04:05Z")];
    time_t     want, seconds;
    struct tm  tm;

    /* to the year 2500 */

    for (want = 43200; want < 16725225600; want += 86400) {

        gmtime_r(&want, &tm);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);

        check_int(text, mp_time_parse(mp_str_from(text), &seconds), 1);
        check_int(text, seconds, want);
    }
}


static void
what_is_no_time_is_refused(void **state)
{
    size_t  i;
    time_t  seconds;

    static const mp_str_t  bad[] = {
        mp_null_str,
        mp_str("2026-01-02"),
        mp_str("2026-01-02T03:04:05"),
        mp_str("2026-01-02T03:04:05z"),
        mp_str("2026-01-02t03:04:05Z"),
        mp_str("2026-01-02 03:04:05Z"),
        mp_str("2026-01-02T03:04:05ZZ"),
        mp_str("2026-01-02T03:04:05Z "),
        mp_str(" 2026-01-02T03:04:05Z"),
        mp_str("2026-01-02T03:04:05 Z"),
        mp_str("2026-01-02T03:04:05Z\n"),
        mp_str("2026-01-02T03:04:05Z\0"),
        mp_str("2026-01-02T03:04:05+01:00"),
        mp_str("2026-01-02T03:04:05+00:01"),
        mp_str("2026-01-02T03:04:05-00:00"),
        mp_str("2026-01-02T03:04:05+0000"),
        mp_str("2026-01-02T03:04:05+00:000"),
        mp_str("2026-01-02T03:04:05Z+00:00"),
        mp_str("2026-01-02T03:04:05.Z"),
        mp_str("2026-01-02T03:04:05."),
        mp_str("2026-01-02T03:04:05.1"),
        mp_str("2026-01-02T03:04:05.1.2Z"),
        mp_str("2026-01-02T03:04:05,1Z"),
        mp_str("2026-01-02T03:04:05.-1Z"),
        mp_str("2026-00-02T03:04:05Z"),
        mp_str("2026-13-02T03:04:05Z"),
        mp_str("2026-01-00T03:04:05Z"),
        mp_str("2026-01-32T03:04:05Z"),
        mp_str("2026-04-31T03:04:05Z"),
        mp_str("2026-06-31T03:04:05Z"),
        mp_str("2026-09-31T03:04:05Z"),
        mp_str("2026-11-31T03:04:05Z"),
        mp_str("2026-02-29T03:04:05Z"),
        mp_str("2024-02-30T03:04:05Z"),
        mp_str("2100-02-29T03:04:05Z"),
        mp_str("2026-01-02T24:00:00Z"),
        mp_str("2026-01-02T03:60:05Z"),
        mp_str("2026-01-02T03:04:60Z"),
        mp_str("1969-12-31T23:59:59Z"),
        mp_str("0000-01-01T00:00:00Z"),
        mp_str("10000-01-01T00:00:00Z"),
        mp_str("-026-01-02T03:04:05Z"),
        mp_str("+026-01-02T03:04:05Z"),
        mp_str("2026-1-02T03:04:05Z0"),
        mp_str("20260102T030405Z"),
        mp_str("2026/01/02T03:04:05Z"),
        mp_str("1767323045"),
        mp_str("\xff\xff\xff\xff-01-02T03:04:05Z")
    };

    for (i = 0; i < LENGTH(bad); i++) {
        check_int((const char *) bad[i].data,
                  mp_time_parse(unit_copy(bad[i]), &seconds), 0);
    }
}


static void
every_leap_day_is_known(void **state)
{
    time_t  seconds;

    assert_true(mp_time_parse(STR("2000-02-29T00:00:00Z"), &seconds));
    assert_int_equal(seconds, 951782400);

    assert_true(mp_time_parse(STR("2024-02-29T00:00:00Z"), &seconds));
    assert_int_equal(seconds, 1709164800);
}


/* Each byte replaced by those beside what belongs there. */

static void
every_byte_counts(void **state)
{
    char           label[40];
    size_t         i, j;
    time_t         seconds;
    mp_str_t       text;
    unsigned char  bytes[] = "2026-01-02T03:04:05Z";

    static const char  others[] = "/:;-TZ+. \x01";

    text.data = bytes;

    for (text.len = 0; text.len < sizeof(bytes) - 1; text.len++) {
        check_int("cut", mp_time_parse(unit_copy(text), &seconds), 0);
    }

    for (i = 0; i < text.len; i++) {
        for (j = 0; j < sizeof(others) - 1; j++) {
            unsigned char  was = bytes[i];

            if (was == (unsigned char) others[j]) {
                continue;
            }

            bytes[i] = (unsigned char) others[j];

            snprintf(label, sizeof(label), "byte %zu, %c", i, others[j]);
            check_int(label, mp_time_parse(text, &seconds), 0);

            bytes[i] = was;
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_time_is_read),
        cmocka_unit_test(every_day_is_the_one_of_the_calendar),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(every_leap_day_is_known),
        cmocka_unit_test(every_byte_counts)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
