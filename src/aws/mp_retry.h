/*
 * When a failed call is made again: the standard mode of the AWS SDKs, as it
 * is since 2026.
 */

#ifndef MP_RETRY_H
#define MP_RETRY_H


#include "mp_error.h"

#include <stdint.h>


typedef enum {
    MP_RETRY_NEVER = 0,
    MP_RETRY_TRANSIENT,     /* it may work in a moment */
    MP_RETRY_THROTTLED      /* it may work if left alone for longer */
} mp_retry_t;


/*
 * What retries are paid from, and calls that succeed pay into.  When a service
 * is down for all, it is soon empty, and nothing is tried more than once.
 */
typedef struct {
    unsigned   tokens;
} mp_retry_budget_t;


#define MP_RETRY_BUDGET  500    /* to start with, and at most */


/*
 * Whether an error reply is worth another try.  Replies that are not there
 * (no connection, no answer in time) are transient.
 */
mp_retry_t mp_retry_reply(const mp_aws_error_t *error, unsigned status);

/* Pays for a retry.  Returns 1, or 0 if there is not enough left. */
int mp_retry_pay(mp_retry_budget_t *budget, mp_retry_t retry);

/* For a call that succeeded: at the first try (MP_RETRY_NEVER), or after a
 * last retry of this kind. */
void mp_retry_refund(mp_retry_budget_t *budget, mp_retry_t retry);

/*
 * The delay before a retry, in milliseconds: from 0 up to a time that doubles
 * with every retry, chosen by a random number.  made is how many retries were
 * made before.  wish is for how long the service has asked to be left alone,
 * 0 if it has not; up to 5 s are added for it.
 */
unsigned mp_retry_delay(mp_retry_t retry, unsigned made, uint32_t random,
    unsigned wish);

/* What a reply wishes: x-amz-retry-after in milliseconds, or Retry-After in
 * seconds, as milliseconds; 0 if neither is a number. */
unsigned mp_retry_wish(mp_str_t amz_retry_after, mp_str_t retry_after);


#endif /* MP_RETRY_H */
