/*
 * A filter for t/token_test.py: reads requests as FIELDS strings each and
 * writes, for each, the name of the result, the token and the offer type.
 */

#include "frame.h"

#include "token/mp_token.h"


enum {
    KIND = 0,          /* "body" or "query" */
    FIELD,
    MAX_LEN,
    CONTENT_TYPE,
    TEXT,
    FIELDS
};


#define MAX_BLOCKS  1024


typedef struct {
    void    *block[MAX_BLOCKS];
    size_t   used;
} pool_t;


static void *
pool_alloc(void *data, size_t size)
{
    pool_t  *pool = data;

    if (pool->used == MAX_BLOCKS) {
        return NULL;
    }

    return pool->block[pool->used++] = malloc(size);
}


static void
pool_free(pool_t *pool)
{
    while (pool->used) {
        free(pool->block[--pool->used]);
    }
}


int
main(void)
{
    pool_t             pool;
    mp_str_t           field[FIELDS];
    mp_token_rc_t      rc;
    mp_token_rule_t    rule;
    mp_registration_t  registration;

    static const mp_str_t           body = mp_str("body");
    static const mp_registration_t  none = { mp_null_str, mp_null_str };

    static const char  *names[] = {
        "ok", "missing", "invalid", "unsupported", "too large", "no memory"
    };

    pool.used = 0;

    while (frame_read_all(field, FIELDS)) {

        rule.field = field[FIELD];
        rule.max_len = (size_t) frame_number(field[MAX_LEN]);
        rule.pool.alloc = pool_alloc;
        rule.pool.pool = &pool;

        registration = none;

        rc = mp_str_eq(field[KIND], body)
             ? mp_token_from_body(&registration, &rule, field[CONTENT_TYPE],
                                  field[TEXT])
             : mp_token_from_query(&registration, &rule, field[TEXT]);

        frame_write(mp_str_from(names[rc]));
        frame_write(registration.token);
        frame_write(registration.offer_type);

        pool_free(&pool);
        frame_free(field, FIELDS);
    }

    return EXIT_SUCCESS;
}
