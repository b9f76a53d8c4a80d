/*
 * What the tests of the token's parsers share: a pool that counts, and tables
 * of requests.
 */

#ifndef UNIT_TOKEN_H
#define UNIT_TOKEN_H


#include "unit.h"

#include "token/mp_token.h"


#define TOKEN  "x-amzn-marketplace-token"
#define OFFER  MP_OFFER_TYPE_FIELD

#define TOKEN_MAX  64


typedef struct {
    size_t      allocations;
    size_t      left;          /* how many of them succeed */
} unit_pool_t;


typedef struct {
    const char     *name;
    mp_str_t        text;      /* a body or a query string */
    mp_token_rc_t   rc;
    mp_str_t        token;
    mp_str_t        offer_type;
} token_case_t;


/* What a registration holds before, and after anything but success. */
static const mp_registration_t  untouched = {
    mp_str("untouched"), mp_str("untouched")
};


static inline void *
unit_pool_alloc(void *data, size_t size)
{
    unit_pool_t  *pool = data;

    pool->allocations++;

    if (pool->left == 0) {
        return NULL;
    }

    pool->left--;

    return unit_alloc(size);
}


static inline mp_token_rule_t
unit_rule(unit_pool_t *pool)
{
    mp_token_rule_t  rule;

    pool->allocations = 0;
    pool->left = SIZE_MAX;

    rule.field = mp_str_from(TOKEN);
    rule.max_len = TOKEN_MAX;
    rule.pool.alloc = unit_pool_alloc;
    rule.pool.pool = pool;

    return rule;
}


static inline mp_token_rc_t
unit_body(const char *content_type, mp_str_t body,
    mp_registration_t *registration)
{
    unit_pool_t      pool;
    mp_token_rule_t  rule;

    rule = unit_rule(&pool);
    *registration = untouched;

    return mp_token_from_body(registration, &rule,
                              unit_copy(mp_str_from(content_type)),
                              unit_copy(body));
}


static inline mp_token_rc_t
unit_query(mp_str_t query, mp_registration_t *registration)
{
    unit_pool_t      pool;
    mp_token_rule_t  rule;

    rule = unit_rule(&pool);
    *registration = untouched;

    return mp_token_from_query(registration, &rule, unit_copy(query));
}


static inline void
check_token(const token_case_t *row, mp_token_rc_t rc,
    const mp_registration_t *registration)
{
    check_int(row->name, rc, row->rc);

    check_str(row->name, registration->token,
              rc == MP_TOKEN_OK ? row->token : untouched.token);
    check_str(row->name, registration->offer_type,
              rc == MP_TOKEN_OK ? row->offer_type : untouched.offer_type);
}


#endif /* UNIT_TOKEN_H */
