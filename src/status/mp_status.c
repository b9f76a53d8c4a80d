#include "mp_status.h"

#include <stdarg.h>
#include <stdio.h>


#define MP_PREFIX  "nginx_marketplace_"


typedef struct {
    char    *dst;
    size_t   size;
    size_t   len;                /* of all, written or not */
} mp_page_t;


static void mp_print(mp_page_t *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static mp_str_t mp_outcome_label(size_t i);
static mp_str_t mp_cache_label(size_t i);
static mp_str_t mp_attempt_label(size_t i);

static void mp_family(mp_page_t *page, const char *name, const char *type,
    const char *help);
static void mp_counter(mp_page_t *page, const char *name, const char *help,
    unsigned long value);
static void mp_labelled(mp_page_t *page, const char *name, const char *label,
    mp_str_t (*value)(size_t i), const unsigned long *counter, size_t n);
static void mp_renewals(mp_page_t *page, const mp_counters_t *counters);
static void mp_credentials_left(mp_page_t *page, const mp_status_t *status);
static void mp_histogram(mp_page_t *page, const char *name, const char *help,
    const mp_histogram_t *histogram);

static void mp_json_counters(mp_page_t *page, const char *name,
    mp_str_t (*value)(size_t i), const unsigned long *counter, size_t n);
static void mp_json_renewals(mp_page_t *page, const mp_counters_t *counters);
static void mp_json_credentials_left(mp_page_t *page,
    const mp_status_t *status);
static void mp_json_histogram(mp_page_t *page, const char *name,
    const mp_histogram_t *histogram);


static const struct {
    unsigned    status;
    mp_str_t    label;
} mp_attempts[MP_STATUSES] = {
    { 200, mp_str("200") }, { 400, mp_str("400") }, { 401, mp_str("401") },
    { 403, mp_str("403") }, { 404, mp_str("404") }, { 408, mp_str("408") },
    { 413, mp_str("413") }, { 429, mp_str("429") }, { 500, mp_str("500") },
    { 502, mp_str("502") }, { 503, mp_str("503") }, { 504, mp_str("504") },
    { 0, mp_str("other") }, { 0, mp_str("none") }
};

/* In milliseconds, and as they are printed, in seconds: with the point that
 * Prometheus, since its version 3, gives to whole numbers. */

static const struct {
    unsigned long   limit;
    const char     *text;
} mp_buckets[MP_BUCKETS] = {
    { 5, "0.005" }, { 10, "0.01" }, { 25, "0.025" }, { 50, "0.05" },
    { 100, "0.1" }, { 250, "0.25" }, { 500, "0.5" }, { 1000, "1.0" },
    { 2500, "2.5" }, { 5000, "5.0" }, { 10000, "10.0" }, { 30000, "30.0" },
    { 0, "+Inf" }
};

static const char  *mp_sources[MP_SOURCES] = {
    "imds", "container", "web_identity", "assume_role"
};

static const char  *mp_renewal_outcomes[MP_RENEWALS] = {
    "success", "failure"
};


size_t
mp_status_outcome(mp_str_t error)
{
    return (error.len == 0) ? MP_OUTCOME_RESOLVED : mp_error_index(error);
}


size_t
mp_status_attempt(unsigned status)
{
    size_t  i;

    if (status == 0) {
        return MP_STATUSES - 1;
    }

    for (i = 0; i < MP_STATUSES - 2; i++) {
        if (status == mp_attempts[i].status) {
            break;
        }
    }

    return i;
}


size_t
mp_status_bucket(unsigned long milliseconds)
{
    size_t  i;

    for (i = 0; i < MP_BUCKETS - 1; i++) {
        if (milliseconds <= mp_buckets[i].limit) {
            break;
        }
    }

    return i;
}


static mp_str_t
mp_outcome_label(size_t i)
{
    static const mp_str_t  others[] = {
        mp_str("other"), mp_str("resolved"), mp_str("internal_error"),
        mp_str("aborted")
    };

    return (i < MP_ERRORS) ? mp_error_name(i) : others[i - MP_ERRORS];
}


static mp_str_t
mp_cache_label(size_t i)
{
    static const mp_str_t  results[MP_CACHE_RESULTS] = {
        mp_str("miss"), mp_str("hit"), mp_str("shared"), mp_str("bypass")
    };

    return results[i];
}


static mp_str_t
mp_attempt_label(size_t i)
{
    return mp_attempts[i].label;
}


static void
mp_print(mp_page_t *page, const char *format, ...)
{
    int      n;
    size_t   room;
    va_list  args;

    room = (page->len < page->size) ? page->size - page->len : 0;

    va_start(args, format);
    n = vsnprintf(room ? page->dst + page->len : NULL, room, format, args);
    va_end(args);

    page->len += (size_t) n;
}


size_t
mp_status_prometheus(char *dst, size_t size, const mp_status_t *status)
{
    mp_page_t             page;
    const mp_counters_t  *counters;

    page.dst = dst;
    page.size = size;
    page.len = 0;

    counters = &status->counters;

    mp_family(&page, "resolves_total", "counter",
              "Registrations by what they came to: resolved, an error, or "
              "aborted where the request ended first.");
    mp_labelled(&page, "resolves_total", "outcome", mp_outcome_label,
                counters->resolves, MP_OUTCOMES);

    mp_family(&page, "cache_requests_total", "counter",
              "Tokens by where their customer came from: a call (miss, or "
              "bypass without a cache), an earlier one (hit), or that of "
              "another request at the same time (shared).");
    mp_labelled(&page, "cache_requests_total", "result", mp_cache_label,
                counters->cache, MP_CACHE_RESULTS);

    mp_counter(&page, "cache_evictions_total",
               "Entries removed from the zone to make room for others.",
               counters->evictions);

    mp_family(&page, "attempts_total", "counter",
              "Attempts at ResolveCustomer by HTTP status; none: no answer.");
    mp_labelled(&page, "attempts_total", "status", mp_attempt_label,
                counters->attempts, MP_STATUSES);

    mp_counter(&page, "retries_total",
               "Calls of ResolveCustomer that were not the first for their "
               "registration.", counters->retries);

    mp_family(&page, "calls_in_flight", "gauge",
              "Calls of ResolveCustomer that wait for AWS.");
    mp_print(&page, MP_PREFIX "calls_in_flight %lu\n",
             status->calls_in_flight);

    mp_renewals(&page, counters);
    mp_credentials_left(&page, status);

    mp_family(&page, "clock_offset_seconds", "gauge",
              "By how much the clock of AWS is ahead of this machine's; "
              "small differences count as none.");
    mp_print(&page, MP_PREFIX "clock_offset_seconds %ld\n",
             status->clock_offset);

    mp_histogram(&page, "call_duration_seconds",
                 "Time of a call of ResolveCustomer.", &counters->call_time);
    mp_histogram(&page, "resolve_duration_seconds",
                 "Time of a registration that has a token, from the start "
                 "of its body.", &counters->resolve_time);

    return page.len;
}


static void
mp_family(mp_page_t *page, const char *name, const char *type,
    const char *help)
{
    mp_print(page, "# HELP " MP_PREFIX "%s %s\n", name, help);
    mp_print(page, "# TYPE " MP_PREFIX "%s %s\n", name, type);
}


static void
mp_counter(mp_page_t *page, const char *name, const char *help,
    unsigned long value)
{
    mp_family(page, name, "counter", help);
    mp_print(page, MP_PREFIX "%s %lu\n", name, value);
}


static void
mp_labelled(mp_page_t *page, const char *name, const char *label,
    mp_str_t (*value)(size_t i), const unsigned long *counter, size_t n)
{
    size_t    i;
    mp_str_t  text;

    for (i = 0; i < n; i++) {
        text = value(i);

        mp_print(page, MP_PREFIX "%s{%s=\"%.*s\"} %lu\n", name, label,
                 (int) text.len, text.data, counter[i]);
    }
}


static void
mp_renewals(mp_page_t *page, const mp_counters_t *counters)
{
    size_t  i, k;

    mp_family(page, "credential_renewals_total", "counter",
              "Times that credentials were asked for, by source.");

    for (i = 0; i < MP_SOURCES; i++) {
        for (k = 0; k < MP_RENEWALS; k++) {
            mp_print(page, MP_PREFIX "credential_renewals_total"
                     "{source=\"%s\",outcome=\"%s\"} %lu\n", mp_sources[i],
                     mp_renewal_outcomes[k], counters->renewals[i][k]);
        }
    }
}


static void
mp_credentials_left(mp_page_t *page, const mp_status_t *status)
{
    size_t  i;

    mp_family(page, "credentials_expire_in_seconds", "gauge",
              "Seconds until credentials expire, of a source's those that "
              "do so first.");

    for (i = 0; i < MP_SOURCES; i++) {
        if (status->has_credentials[i]) {
            mp_print(page, MP_PREFIX "credentials_expire_in_seconds"
                     "{source=\"%s\"} %ld\n", mp_sources[i],
                     status->credentials_left[i]);
        }
    }
}


static void
mp_histogram(mp_page_t *page, const char *name, const char *help,
    const mp_histogram_t *histogram)
{
    size_t         i;
    unsigned long  count;

    mp_family(page, name, "histogram", help);

    count = 0;

    for (i = 0; i < MP_BUCKETS; i++) {
        count += histogram->bucket[i];

        mp_print(page, MP_PREFIX "%s_bucket{le=\"%s\"} %lu\n", name,
                 mp_buckets[i].text, count);
    }

    mp_print(page, MP_PREFIX "%s_sum %lu.%03lu\n", name,
             histogram->milliseconds / 1000, histogram->milliseconds % 1000);
    mp_print(page, MP_PREFIX "%s_count %lu\n", name, count);
}


size_t
mp_status_json(char *dst, size_t size, const mp_status_t *status)
{
    mp_page_t             page;
    const mp_counters_t  *counters;

    page.dst = dst;
    page.size = size;
    page.len = 0;

    counters = &status->counters;

    mp_print(&page, "{\n");
    mp_json_counters(&page, "resolves", mp_outcome_label, counters->resolves,
                     MP_OUTCOMES);
    mp_json_counters(&page, "cache_requests", mp_cache_label, counters->cache,
                     MP_CACHE_RESULTS);
    mp_print(&page, "\"cache_evictions\": %lu,\n", counters->evictions);
    mp_json_counters(&page, "attempts", mp_attempt_label, counters->attempts,
                     MP_STATUSES);
    mp_print(&page, "\"retries\": %lu,\n", counters->retries);
    mp_print(&page, "\"calls_in_flight\": %lu,\n", status->calls_in_flight);
    mp_json_renewals(&page, counters);
    mp_json_credentials_left(&page, status);
    mp_print(&page, "\"clock_offset_seconds\": %ld,\n", status->clock_offset);
    mp_json_histogram(&page, "call_duration_seconds", &counters->call_time);
    mp_print(&page, ",\n");
    mp_json_histogram(&page, "resolve_duration_seconds",
                      &counters->resolve_time);
    mp_print(&page, "\n}\n");

    return page.len;
}


static void
mp_json_counters(mp_page_t *page, const char *name,
    mp_str_t (*value)(size_t i), const unsigned long *counter, size_t n)
{
    size_t    i;
    mp_str_t  text;

    mp_print(page, "\"%s\": {", name);

    for (i = 0; i < n; i++) {
        text = value(i);

        mp_print(page, "%s\"%.*s\": %lu", i ? ", " : "", (int) text.len,
                 text.data, counter[i]);
    }

    mp_print(page, "},\n");
}


static void
mp_json_renewals(mp_page_t *page, const mp_counters_t *counters)
{
    size_t  i;

    mp_print(page, "\"credential_renewals\": {");

    for (i = 0; i < MP_SOURCES; i++) {
        mp_print(page, "%s\"%s\": {\"%s\": %lu, \"%s\": %lu}", i ? ", " : "",
                 mp_sources[i],
                 mp_renewal_outcomes[MP_RENEWAL_SUCCESS],
                 counters->renewals[i][MP_RENEWAL_SUCCESS],
                 mp_renewal_outcomes[MP_RENEWAL_FAILURE],
                 counters->renewals[i][MP_RENEWAL_FAILURE]);
    }

    mp_print(page, "},\n");
}


static void
mp_json_credentials_left(mp_page_t *page, const mp_status_t *status)
{
    size_t       i;
    const char  *separator;

    mp_print(page, "\"credentials_expire_in_seconds\": {");

    separator = "";

    for (i = 0; i < MP_SOURCES; i++) {
        if (status->has_credentials[i]) {
            mp_print(page, "%s\"%s\": %ld", separator, mp_sources[i],
                     status->credentials_left[i]);
            separator = ", ";
        }
    }

    mp_print(page, "},\n");
}


static void
mp_json_histogram(mp_page_t *page, const char *name,
    const mp_histogram_t *histogram)
{
    size_t         i;
    unsigned long  count;

    mp_print(page, "\"%s\": {\"buckets\": {", name);

    count = 0;

    for (i = 0; i < MP_BUCKETS; i++) {
        count += histogram->bucket[i];

        mp_print(page, "%s\"%s\": %lu", i ? ", " : "", mp_buckets[i].text,
                 count);
    }

    mp_print(page, "}, \"sum\": %lu.%03lu, \"count\": %lu}",
             histogram->milliseconds / 1000, histogram->milliseconds % 1000,
             count);
}
