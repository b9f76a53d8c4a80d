/* What the status page tells, as Prometheus's text and as JSON. */

#include "unit.h"

#include <limits.h>

#include <cjson/cJSON.h>

#include "status/mp_status.h"


typedef size_t (*page_pt)(char *dst, size_t size, const mp_status_t *status);

static const page_pt  pages[] = { mp_status_prometheus, mp_status_json };


/* A page, in as much memory as it takes. */

static char *
page_of(page_pt page, const mp_status_t *status)
{
    char   *text;
    size_t  len;

    len = page(NULL, 0, status);
    text = unit_alloc(len + 1);

    check_int("length", page(text, len + 1, status), len);
    check_int("end", strlen(text), len);

    return text;
}


/* Every number is another one. */

static mp_status_t
some_status(void)
{
    size_t          i;
    mp_status_t     status;
    unsigned long  *counter;

    counter = (unsigned long *) &status.counters;

    for (i = 0; i < sizeof(mp_counters_t) / sizeof(unsigned long); i++) {
        counter[i] = i + 1;
    }

    status.calls_in_flight = 1000;
    status.clock_offset = -3600;

    for (i = 0; i < MP_SOURCES; i++) {
        status.has_credentials[i] = 1;
        status.credentials_left[i] = 100 * (long) i - 100;
    }

    return status;
}


/* Whether the page has this line. */

static void
has_line(const char *text, const char *name, unsigned long value)
{
    char  line[512];

    snprintf(line, sizeof(line), "\n%s %lu\n", name, value);

    if (strstr(text, line) == NULL) {
        print_error("not there: %s\n", line + 1);
        fail();
    }
}


static void
has_text(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        print_error("not there: %s\n", part);
        fail();
    }
}


static size_t
count_of(const char *text, const char *part)
{
    size_t  n;

    for (n = 0; (text = strstr(text, part)); n++) {
        text += strlen(part);
    }

    return n;
}


/* Of a JSON object, by the names on the way there. */

static double
number_of(const cJSON *json, const char *a, const char *b, const char *c)
{
    json = cJSON_GetObjectItemCaseSensitive(json, a);

    if (b) {
        json = cJSON_GetObjectItemCaseSensitive(json, b);
    }

    if (c) {
        json = cJSON_GetObjectItemCaseSensitive(json, c);
    }

    if (!cJSON_IsNumber(json)) {
        print_error("no number: %s %s %s\n", a, b ? b : "", c ? c : "");
        fail();
    }

    return json->valuedouble;
}


static void
every_error_has_an_outcome_of_its_own(void **state)
{
    char      seen[MP_OUTCOMES] = { 0 };
    size_t    i, outcome;
    mp_str_t  name;

    for (i = 0; i < MP_ERRORS; i++) {
        name = unit_copy(mp_error_name(i));

        outcome = mp_status_outcome(name);

        assert_true(outcome < MP_ERRORS);
        check_str("name", mp_error_name(outcome), name);
        check_int("seen before", seen[outcome], 0);

        seen[outcome] = 1;
    }

    check_int("no error", mp_status_outcome(STR("")), MP_OUTCOME_RESOLVED);
}


static void
errors_that_the_module_finds_are_known(void **state)
{
    size_t  i;

    static const mp_error_t  *errors[] = {
        &mp_missing_token, &mp_invalid_request, &mp_token_too_large,
        &mp_product_code_mismatch, &mp_session_too_large,
        &mp_connection_error, &mp_invalid_response, &mp_timeout,
        &mp_no_credentials
    };

    for (i = 0; i < LENGTH(errors); i++) {
        check_str("name", mp_error_name(mp_status_outcome(errors[i]->name)),
                  errors[i]->name);
    }
}


static void
what_aws_answers_is_counted_by_what_it_means(void **state)
{
    size_t          i;
    mp_error_t      error;
    mp_aws_error_t  answer;

    static const struct {
        mp_str_t  name;
        unsigned  status;
        mp_str_t  outcome;
    } rows[] = {
        { mp_str("InvalidTokenException"), 400,
          mp_str("InvalidTokenException") },
        { mp_str("ThrottlingException"), 400, mp_str("ThrottlingException") },
        { mp_str("Throttling"), 400, mp_str("ThrottlingException") },
        { mp_str("SlowDown"), 503, mp_str("ThrottlingException") },
        { mp_str("RequestLimitExceeded"), 503,
          mp_str("ThrottlingException") },
        { mp_str("ExpiredToken"), 403, mp_str("ExpiredCredentials") },
        { mp_str("ExpiredTokenException"), 400,
          mp_str("ExpiredTokenException") },
        { mp_str("ExpiredTokenException"), 403,
          mp_str("ExpiredCredentials") },
        { mp_null_str, 503, mp_str("InternalServiceErrorException") },
        { mp_null_str, 429, mp_str("ThrottlingException") },
        { mp_null_str, 404, mp_str("InvalidResponse") }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        mp_aws_error_set(&answer, rows[i].name, STR(""), NULL, 0);
        error = mp_aws_error_classify(&answer, rows[i].status, 0);

        check_str("outcome", mp_error_name(mp_status_outcome(error.name)),
                  rows[i].outcome);
    }
}


static void
other_names_are_one_outcome(void **state)
{
    size_t  i;

    static const mp_str_t  names[] = {
        mp_str("x"), mp_str("SomethingElse"), mp_str("timeout"),
        mp_str("Timeout "), mp_str("Time"), mp_str("resolved"),
        mp_str("aborted"), mp_str("other"), mp_str("a\"b\\c\nd")
    };

    for (i = 0; i < LENGTH(names); i++) {
        check_int("other", mp_status_outcome(unit_copy(names[i])),
                  MP_OUTCOME_OTHER);
    }
}


static void
attempts_have_a_counter_each(void **state)
{
    char        *text, name[128];
    size_t       i, k;
    mp_status_t  status;

    static const struct {
        unsigned     status;
        const char  *label;
    } rows[] = {
        { 200, "200" }, { 400, "400" }, { 401, "401" }, { 403, "403" },
        { 404, "404" }, { 408, "408" }, { 413, "413" }, { 429, "429" },
        { 500, "500" }, { 502, "502" }, { 503, "503" }, { 504, "504" },
        { 0, "none" }, { 100, "other" }, { 199, "other" }, { 201, "other" },
        { 302, "other" }, { 418, "other" }, { 599, "other" },
        { UINT_MAX, "other" }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        memset(&status, 0, sizeof(status));

        k = mp_status_attempt(rows[i].status);
        assert_true(k < MP_STATUSES);

        status.counters.attempts[k] = 7;
        text = page_of(mp_status_prometheus, &status);

        snprintf(name, sizeof(name),
                 "nginx_marketplace_attempts_total{status=\"%s\"}",
                 rows[i].label);
        has_line(text, name, 7);
        check_int(rows[i].label, count_of(text, " 7\n"), 1);
    }
}


static void
buckets_take_what_is_not_more(void **state)
{
    size_t  i;

    static const struct {
        unsigned long  milliseconds;
        size_t         bucket;
    } rows[] = {
        { 0, 0 }, { 1, 0 }, { 5, 0 }, { 6, 1 }, { 10, 1 }, { 11, 2 },
        { 25, 2 }, { 26, 3 }, { 50, 3 }, { 51, 4 }, { 100, 4 }, { 101, 5 },
        { 250, 5 }, { 251, 6 }, { 500, 6 }, { 501, 7 }, { 1000, 7 },
        { 1001, 8 }, { 2500, 8 }, { 2501, 9 }, { 5000, 9 }, { 5001, 10 },
        { 10000, 10 }, { 10001, 11 }, { 30000, 11 }, { 30001, 12 },
        { ULONG_MAX, 12 }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_int("bucket", mp_status_bucket(rows[i].milliseconds),
                  rows[i].bucket);
    }

    check_int("the last one", rows[LENGTH(rows) - 1].bucket, MP_BUCKETS - 1);
}


/* The bounds that are printed are those that are counted by. */

static void
buckets_are_labelled_with_their_bounds(void **state)
{
    char        *text, *end;
    size_t       i;
    double       bound;
    const char  *p;
    mp_status_t  status;

    memset(&status, 0, sizeof(status));
    text = page_of(mp_status_prometheus, &status);

    p = strstr(text, "call_duration_seconds_bucket{le=\"");

    for (i = 0; i < MP_BUCKETS - 1; i++) {
        bound = strtod(strstr(p, "le=\"") + 4, &end);

        check_int("in it", mp_status_bucket((unsigned long)
                                            (1000 * bound + 0.5)), i);
        check_int("not in it", mp_status_bucket((unsigned long)
                                                (1000 * bound + 1.5)), i + 1);
        p = strchr(end, '\n');
    }

    has_text(p, "call_duration_seconds_bucket{le=\"+Inf\"} 0\n");
}


static void
prometheus_gets_every_number(void **state)
{
    char         *text;
    mp_status_t   status;

    status = some_status();
    text = page_of(mp_status_prometheus, &status);

#define has(name, member)                                                     \
    has_line(text, "nginx_marketplace_" name, status.member)

    has("resolves_total{outcome=\"resolved\"}",
        counters.resolves[MP_OUTCOME_RESOLVED]);
    has("resolves_total{outcome=\"other\"}",
        counters.resolves[MP_OUTCOME_OTHER]);
    has("resolves_total{outcome=\"aborted\"}",
        counters.resolves[MP_OUTCOME_ABORTED]);
    has("resolves_total{outcome=\"internal_error\"}",
        counters.resolves[MP_OUTCOME_INTERNAL_ERROR]);
    has("resolves_total{outcome=\"Timeout\"}",
        counters.resolves[mp_status_outcome(mp_timeout.name)]);
    has("cache_requests_total{result=\"miss\"}",
        counters.cache[MP_CACHE_MISS]);
    has("cache_requests_total{result=\"hit\"}", counters.cache[MP_CACHE_HIT]);
    has("cache_requests_total{result=\"shared\"}",
        counters.cache[MP_CACHE_SHARED]);
    has("cache_requests_total{result=\"bypass\"}",
        counters.cache[MP_CACHE_BYPASS]);
    has("cache_evictions_total", counters.evictions);
    has("retries_total", counters.retries);
    has("calls_in_flight", calls_in_flight);
    has("credential_renewals_total{source=\"imds\",outcome=\"success\"}",
        counters.renewals[MP_SOURCE_IMDS][MP_RENEWAL_SUCCESS]);
    has("credential_renewals_total{source=\"imds\",outcome=\"failure\"}",
        counters.renewals[MP_SOURCE_IMDS][MP_RENEWAL_FAILURE]);
    has("credential_renewals_total"
        "{source=\"container\",outcome=\"success\"}",
        counters.renewals[MP_SOURCE_CONTAINER][MP_RENEWAL_SUCCESS]);
    has("credential_renewals_total"
        "{source=\"web_identity\",outcome=\"failure\"}",
        counters.renewals[MP_SOURCE_WEB_IDENTITY][MP_RENEWAL_FAILURE]);
    has("credential_renewals_total"
        "{source=\"assume_role\",outcome=\"success\"}",
        counters.renewals[MP_SOURCE_ASSUME_ROLE][MP_RENEWAL_SUCCESS]);

#undef has

    has_text(text, "\nnginx_marketplace_clock_offset_seconds -3600\n");
    has_text(text, "\nnginx_marketplace_credentials_expire_in_seconds"
                   "{source=\"imds\"} -100\n");
    has_text(text, "\nnginx_marketplace_credentials_expire_in_seconds"
                   "{source=\"assume_role\"} 200\n");

    check_int("outcomes", count_of(text, "_resolves_total{"), MP_OUTCOMES);
    check_int("statuses", count_of(text, "_attempts_total{"), MP_STATUSES);
    check_int("families", count_of(text, "# TYPE "), 11);
    check_int("help", count_of(text, "# HELP "), 11);
    check_int("the end", text[strlen(text) - 1], '\n');
}


static void
histograms_add_up(void **state)
{
    char            *text;
    size_t           i;
    mp_status_t      status;
    unsigned long    count;
    mp_histogram_t  *time;

    memset(&status, 0, sizeof(status));
    time = &status.counters.call_time;

    for (count = 0, i = 0; i < MP_BUCKETS; i++) {
        time->bucket[i] = i + 1;
        count += i + 1;
    }

    time->milliseconds = 12005;
    text = page_of(mp_status_prometheus, &status);

#define NAME  "nginx_marketplace_call_duration_seconds"

    has_line(text, NAME "_bucket{le=\"0.005\"}", 1);
    has_line(text, NAME "_bucket{le=\"0.01\"}", 3);
    has_line(text, NAME "_bucket{le=\"30.0\"}", count - MP_BUCKETS);
    has_line(text, NAME "_bucket{le=\"+Inf\"}", count);
    has_line(text, NAME "_count", count);
    has_text(text, "\n" NAME "_sum 12.005\n");
    has_line(text, "nginx_marketplace_resolve_duration_seconds_count", 0);

#undef NAME
}


static void
json_says_the_same(void **state)
{
    cJSON        *json;
    mp_status_t   status;

    status = some_status();
    json = cJSON_Parse(page_of(mp_status_json, &status));
    assert_non_null(json);

#define is(member, a, b, c)                                                   \
    check_int(#a " " #b " " #c, number_of(json, a, b, c), status.member)

    is(counters.resolves[MP_OUTCOME_RESOLVED], "resolves", "resolved", NULL);
    is(counters.resolves[mp_status_outcome(mp_timeout.name)], "resolves",
       "Timeout", NULL);
    is(counters.cache[MP_CACHE_SHARED], "cache_requests", "shared", NULL);
    is(counters.evictions, "cache_evictions", NULL, NULL);
    is(counters.attempts[mp_status_attempt(0)], "attempts", "none", NULL);
    is(counters.attempts[mp_status_attempt(503)], "attempts", "503", NULL);
    is(counters.retries, "retries", NULL, NULL);
    is(calls_in_flight, "calls_in_flight", NULL, NULL);
    is(counters.renewals[MP_SOURCE_IMDS][MP_RENEWAL_FAILURE],
       "credential_renewals", "imds", "failure");
    is(counters.renewals[MP_SOURCE_ASSUME_ROLE][MP_RENEWAL_SUCCESS],
       "credential_renewals", "assume_role", "success");
    is(credentials_left[MP_SOURCE_IMDS], "credentials_expire_in_seconds",
       "imds", NULL);
    is(clock_offset, "clock_offset_seconds", NULL, NULL);
    is(counters.call_time.bucket[0], "call_duration_seconds", "buckets",
       "0.005");

    check_int("outcomes",
              cJSON_GetArraySize(cJSON_GetObjectItem(json, "resolves")),
              MP_OUTCOMES);
    check_int("sum", 1000 * number_of(json, "resolve_duration_seconds",
                                      "sum", NULL) + 0.5,
              status.counters.resolve_time.milliseconds);
    check_int("count", number_of(json, "call_duration_seconds", "count",
                                 NULL),
              number_of(json, "call_duration_seconds", "buckets", "+Inf"));

#undef is

    cJSON_Delete(json);
}


static void
sources_without_credentials_are_left_out(void **state)
{
    char        *text;
    cJSON       *json, *left;
    size_t       i;
    mp_status_t  status;

    for (i = 0; i <= MP_SOURCES; i++) {
        memset(&status, 0, sizeof(status));

        if (i < MP_SOURCES) {
            status.has_credentials[i] = 1;
        }

        text = page_of(mp_status_prometheus, &status);
        check_int("text", count_of(text, "credentials_expire_in_seconds{"),
                  i < MP_SOURCES);

        json = cJSON_Parse(page_of(mp_status_json, &status));
        assert_non_null(json);

        left = cJSON_GetObjectItem(json, "credentials_expire_in_seconds");
        check_int("JSON", cJSON_GetArraySize(left), i < MP_SOURCES);

        cJSON_Delete(json);
    }
}


static void
as_much_is_written_as_there_is_room_for(void **state)
{
    char         *all, *part;
    size_t        i, len, size;
    mp_status_t   status;

    status = some_status();

    for (i = 0; i < LENGTH(pages); i++) {
        all = page_of(pages[i], &status);
        len = strlen(all);

        check_int("no room", pages[i](NULL, 0, &status), len);

        for (size = 1; size <= len + 1; size += (size < 200) ? 1 : 97) {
            part = unit_alloc(size);
            memset(part, 'x', size);

            check_int("length", pages[i](part, size, &status), len);
            check_int("written", strlen(part), size - 1);
            check_int("same", memcmp(part, all, size - 1), 0);
        }
    }
}


static void
the_largest_numbers_fit(void **state)
{
    char         *text;
    cJSON        *json;
    mp_status_t   status;

    memset(&status, 0xff, sizeof(status));
    status.clock_offset = LONG_MIN;
    status.credentials_left[0] = LONG_MAX;

    text = page_of(mp_status_prometheus, &status);
    has_line(text, "nginx_marketplace_retries_total", ULONG_MAX);

    json = cJSON_Parse(page_of(mp_status_json, &status));
    assert_non_null(json);
    cJSON_Delete(json);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(every_error_has_an_outcome_of_its_own),
        cmocka_unit_test(errors_that_the_module_finds_are_known),
        cmocka_unit_test(what_aws_answers_is_counted_by_what_it_means),
        cmocka_unit_test(other_names_are_one_outcome),
        cmocka_unit_test(attempts_have_a_counter_each),
        cmocka_unit_test(buckets_take_what_is_not_more),
        cmocka_unit_test(buckets_are_labelled_with_their_bounds),
        cmocka_unit_test(prometheus_gets_every_number),
        cmocka_unit_test(histograms_add_up),
        cmocka_unit_test(json_says_the_same),
        cmocka_unit_test(sources_without_credentials_are_left_out),
        cmocka_unit_test(as_much_is_written_as_there_is_room_for),
        cmocka_unit_test(the_largest_numbers_fit)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
