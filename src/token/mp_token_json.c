/*
 * application/json: the fields as members of the top-level object.
 */

#include "mp_token_field.h"

#include "../text/mp_json.h"

#include <errno.h>


static mp_token_rc_t mp_json_member(mp_field_t *field, const mp_pool_t *pool,
    const cJSON *member);


mp_token_rc_t
mp_json_body_parse(mp_field_t *fields, const mp_pool_t *pool, mp_str_t body)
{
    cJSON         *object, *member;
    size_t         i;
    mp_token_rc_t  rc;

    object = mp_json_parse_object(body);

    if (object == NULL) {
        return (errno == ENOMEM) ? MP_TOKEN_NO_MEMORY : MP_TOKEN_INVALID;
    }

    rc = MP_TOKEN_OK;

    cJSON_ArrayForEach(member, object) {

        for (i = 0; i < MP_FIELDS && rc == MP_TOKEN_OK; i++) {
            if (mp_str_eq(mp_str_from(member->string), fields[i].name)) {
                rc = mp_json_member(&fields[i], pool, member);
            }
        }
    }

    cJSON_Delete(object);

    return rc;
}


static mp_token_rc_t
mp_json_member(mp_field_t *field, const mp_pool_t *pool, const cJSON *member)
{
    mp_str_t        value;
    unsigned char  *p;

    if (!cJSON_IsString(member)) {
        return MP_TOKEN_INVALID;
    }

    value = mp_json_string(member);

    if (value.len > field->max_len) {
        return MP_TOKEN_TOO_LARGE;
    }

    p = pool->alloc(pool->pool, value.len + 1);
    if (p == NULL) {
        return MP_TOKEN_NO_MEMORY;
    }

    mp_copy(p, value);
    value.data = p;

    return mp_field_set(field, value);
}
