#include "mp_retry.h"


#define MP_TRANSIENT_COST   14
#define MP_THROTTLED_COST   5

/* in milliseconds */
#define MP_TRANSIENT_DELAY  50
#define MP_THROTTLED_DELAY  1000
#define MP_DELAY_MAX        20000
#define MP_WISH_MAX         5000

#define MP_DOUBLINGS_MAX    16
#define MP_WISH_DIGITS      6


static unsigned mp_retry_cost(mp_retry_t retry);
static int mp_retry_is_timeout(mp_str_t name);
static unsigned mp_wish_number(mp_str_t text);


mp_retry_t
mp_retry_reply(const mp_aws_error_t *error, unsigned status)
{
    mp_str_t  name, message;

    static const mp_str_t  signature = mp_str("InvalidSignatureException");
    static const mp_str_t  expired = mp_str("Signature expired");

    name.data = error->name;
    name.len = error->name_len;

    if (status == 429 || mp_error_is_throttling(name)) {
        return MP_RETRY_THROTTLED;
    }

    if (status == 500 || status == 502 || status == 503 || status == 504
        || mp_retry_is_timeout(name))
    {
        return MP_RETRY_TRANSIENT;
    }

    message.data = error->message;
    message.len = error->message_len;

    return (mp_str_eq(name, signature)
            && mp_str_find(message, expired) < message.len)
           ? MP_RETRY_TRANSIENT : MP_RETRY_NEVER;
}


static int
mp_retry_is_timeout(mp_str_t name)
{
    static const mp_str_t  timeout = mp_str("RequestTimeout");
    static const mp_str_t  exception = mp_str("RequestTimeoutException");

    return mp_str_eq(name, timeout) || mp_str_eq(name, exception);
}


int
mp_retry_pay(mp_retry_budget_t *budget, mp_retry_t retry)
{
    unsigned  cost;

    cost = mp_retry_cost(retry);

    if (budget->tokens < cost) {
        return 0;
    }

    budget->tokens -= cost;

    return 1;
}


void
mp_retry_refund(mp_retry_budget_t *budget, mp_retry_t retry)
{
    budget->tokens += mp_retry_cost(retry);

    if (budget->tokens > MP_RETRY_BUDGET) {
        budget->tokens = MP_RETRY_BUDGET;
    }
}


static unsigned
mp_retry_cost(mp_retry_t retry)
{
    return (retry == MP_RETRY_TRANSIENT) ? MP_TRANSIENT_COST
           : (retry == MP_RETRY_THROTTLED) ? MP_THROTTLED_COST
           : 1;
}


unsigned
mp_retry_delay(mp_retry_t retry, unsigned made, uint32_t random,
    unsigned wish)
{
    uint64_t  limit, delay;

    if (made > MP_DOUBLINGS_MAX) {
        made = MP_DOUBLINGS_MAX;
    }

    limit = (retry == MP_RETRY_THROTTLED) ? MP_THROTTLED_DELAY
                                          : MP_TRANSIENT_DELAY;
    limit <<= made;

    if (limit > MP_DELAY_MAX) {
        limit = MP_DELAY_MAX;
    }

    delay = limit * random >> 32;

    if (wish > delay) {
        delay = (wish < delay + MP_WISH_MAX) ? wish : delay + MP_WISH_MAX;
    }

    return (unsigned) delay;
}


unsigned
mp_retry_wish(mp_str_t amz_retry_after, mp_str_t retry_after)
{
    unsigned  wish;

    wish = mp_wish_number(amz_retry_after);

    return wish ? wish : 1000 * mp_wish_number(retry_after);
}


/* More digits would ask for days. */

static unsigned
mp_wish_number(mp_str_t text)
{
    size_t    i;
    unsigned  number;

    if (text.len > MP_WISH_DIGITS || !mp_str_is_made_of(text, MP_DIGIT)) {
        return 0;
    }

    for (i = 0, number = 0; i < text.len; i++) {
        number = number * 10 + (unsigned) (text.data[i] - '0');
    }

    return number;
}
