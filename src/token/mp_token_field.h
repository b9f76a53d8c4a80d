/*
 * What the parsers of the different bodies share: the fields that are looked
 * for, and their values as they are found.
 */

#ifndef MP_TOKEN_FIELD_H
#define MP_TOKEN_FIELD_H


#include "mp_token.h"


typedef struct {
    mp_str_t   name;
    mp_str_t   value;
    size_t     max_len;
    unsigned   seen:1;
} mp_field_t;


enum {
    MP_FIELD_TOKEN = 0,
    MP_FIELD_OFFER_TYPE,
    MP_FIELDS
};


/* Takes a value.  It is MP_TOKEN_INVALID if the field has a different one. */
mp_token_rc_t mp_field_set(mp_field_t *field, mp_str_t value);


/*
 * The parsers.  Each takes a whole body and sets those of the MP_FIELDS fields
 * that are in it, to values in the body or the pool.
 */

mp_token_rc_t mp_form_parse(mp_field_t *fields, const mp_pool_t *pool,
    mp_str_t form, int strict);
mp_token_rc_t mp_multipart_parse(mp_field_t *fields, mp_str_t content_type,
    mp_str_t body);
mp_token_rc_t mp_json_body_parse(mp_field_t *fields, const mp_pool_t *pool,
    mp_str_t body);


#endif /* MP_TOKEN_FIELD_H */
