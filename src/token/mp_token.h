/*
 * The registration token, out of what the buyer's browser sends.
 */

#ifndef MP_TOKEN_H
#define MP_TOKEN_H


#include "../text/mp_str.h"


#define MP_OFFER_TYPE_FIELD  "x-amzn-marketplace-offer-type"
#define MP_OFFER_TYPE_MAX    255

#define MP_MULTIPART_MAX_PARTS  100


typedef enum {
    MP_TOKEN_OK = 0,
    MP_TOKEN_MISSING,      /* there is none, or an empty one */
    MP_TOKEN_INVALID,      /* the request is broken or ambiguous */
    MP_TOKEN_UNSUPPORTED,  /* its content type cannot carry a token */
    MP_TOKEN_TOO_LARGE,    /* a field is longer than it may be */
    MP_TOKEN_NO_MEMORY     /* the pool's alloc failed */
} mp_token_rc_t;


/* What is looked for. */
typedef struct {
    mp_str_t   field;          /* the name of the token's field */
    size_t     max_len;        /* of the token, decoded */
    mp_pool_t  pool;           /* for values that had to be decoded */
} mp_token_rule_t;


/* What was found, set only on MP_TOKEN_OK; the strings point into the input or
 * the pool.  offer_type is empty if there is none. */
typedef struct {
    mp_str_t   token;
    mp_str_t   offer_type;
} mp_registration_t;


/*
 * Both of these look for the two fields and decide by the same rules: a field
 * that is there twice has to have the same value twice, values have to be
 * UTF-8, and an offer type, which may become a header, has no control bytes.
 */
mp_token_rc_t mp_token_from_body(mp_registration_t *registration,
    const mp_token_rule_t *rule, mp_str_t content_type, mp_str_t body);

/* Whether a body of this type can be a registration. */
int mp_token_can_carry(mp_str_t content_type);

/* Broken percent-encoding counts only in the two fields: the rest of the
 * query is the application's. */
mp_token_rc_t mp_token_from_query(mp_registration_t *registration,
    const mp_token_rule_t *rule, mp_str_t query);

/* Whether a query has a field of this name, whatever its value. */
int mp_query_has_field(mp_str_t query, mp_str_t name);


#endif /* MP_TOKEN_H */
