/*
 * What the status page tells: counters that all workers share, and how they
 * read as Prometheus's text and as JSON.
 */

#ifndef MP_STATUS_H
#define MP_STATUS_H


#include "../aws/mp_error.h"


/* By what a resolve came to: an error by its index, or one of these. */
enum {
    MP_OUTCOME_OTHER = MP_ERRORS,   /* an error that AWS is not known for */
    MP_OUTCOME_RESOLVED,
    MP_OUTCOME_INTERNAL_ERROR,      /* no memory or the like */
    MP_OUTCOME_ABORTED,             /* the request ended first */
    MP_OUTCOMES
};

typedef enum {
    MP_CACHE_MISS = 0,
    MP_CACHE_HIT,
    MP_CACHE_SHARED,
    MP_CACHE_BYPASS,
    MP_CACHE_RESULTS
} mp_cache_result_t;

/* Of credentials that are renewed. */
typedef enum {
    MP_SOURCE_IMDS = 0,
    MP_SOURCE_CONTAINER,
    MP_SOURCE_WEB_IDENTITY,
    MP_SOURCE_ASSUME_ROLE,
    MP_SOURCES
} mp_source_t;

enum {
    MP_RENEWAL_SUCCESS = 0,
    MP_RENEWAL_FAILURE,
    MP_RENEWALS
};

/* Some statuses, and then all others and none at all. */
#define MP_STATUSES  14

/* The upper bounds that it has, and no bound. */
#define MP_BUCKETS   13


typedef struct {
    unsigned long   bucket[MP_BUCKETS];    /* each without those before */
    unsigned long   milliseconds;
} mp_histogram_t;


typedef struct {
    unsigned long   resolves[MP_OUTCOMES];
    unsigned long   cache[MP_CACHE_RESULTS];
    unsigned long   evictions;
    unsigned long   attempts[MP_STATUSES];
    unsigned long   retries;
    unsigned long   renewals[MP_SOURCES][MP_RENEWALS];
    mp_histogram_t  call_time;
    mp_histogram_t  resolve_time;
} mp_counters_t;


typedef struct {
    mp_counters_t   counters;
    unsigned long   calls_in_flight;
    long            clock_offset;          /* seconds that AWS is ahead */

    /* seconds that the credentials of a source last still: those that end
     * first, if there are any */
    int             has_credentials[MP_SOURCES];
    long            credentials_left[MP_SOURCES];
} mp_status_t;


/* The counter of what a resolve came to by its error's name. */
size_t mp_status_outcome(mp_str_t error);

/* The counter of an HTTP status; 0 stands for no answer. */
size_t mp_status_attempt(unsigned status);

/* The counter of so many milliseconds. */
size_t mp_status_bucket(unsigned long milliseconds);

/*
 * Write as much as there is room for, and a NUL, and return the length of
 * all, as snprintf() does.
 */
size_t mp_status_prometheus(char *dst, size_t size, const mp_status_t *status);
size_t mp_status_json(char *dst, size_t size, const mp_status_t *status);


#endif /* MP_STATUS_H */
