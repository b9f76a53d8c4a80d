#include "mp_token_field.h"


typedef enum {
    MP_BODY_OTHER = 0,
    MP_BODY_FORM,
    MP_BODY_MULTIPART,
    MP_BODY_JSON
} mp_body_kind_t;


static mp_body_kind_t mp_body_kind(mp_str_t content_type);
static void mp_fields_init(mp_field_t *fields, const mp_token_rule_t *rule);
static mp_token_rc_t mp_fields_check(const mp_field_t *fields,
    mp_registration_t *registration);


mp_token_rc_t
mp_token_from_body(mp_registration_t *registration,
    const mp_token_rule_t *rule, mp_str_t content_type, mp_str_t body)
{
    mp_field_t     fields[MP_FIELDS];
    mp_token_rc_t  rc;

    mp_fields_init(fields, rule);

    switch (mp_body_kind(content_type)) {

    case MP_BODY_FORM:
        rc = mp_form_parse(fields, &rule->pool, body, 1);
        break;

    case MP_BODY_MULTIPART:
        rc = mp_multipart_parse(fields, content_type, body);
        break;

    case MP_BODY_JSON:
        rc = mp_json_body_parse(fields, &rule->pool, body);
        break;

    default: /* MP_BODY_OTHER */
        rc = MP_TOKEN_UNSUPPORTED;
    }

    return (rc == MP_TOKEN_OK) ? mp_fields_check(fields, registration) : rc;
}


int
mp_token_can_carry(mp_str_t content_type)
{
    return mp_body_kind(content_type) != MP_BODY_OTHER;
}


static mp_body_kind_t
mp_body_kind(mp_str_t content_type)
{
    static const mp_str_t  form =
        mp_str("application/x-www-form-urlencoded");
    static const mp_str_t  multipart = mp_str("multipart/form-data");
    static const mp_str_t  json = mp_str("application/json");

    content_type.len = mp_str_chr(content_type, ';');
    content_type = mp_str_trim(content_type);

    return mp_str_eq_nocase(content_type, form) ? MP_BODY_FORM
           : mp_str_eq_nocase(content_type, multipart) ? MP_BODY_MULTIPART
           : mp_str_eq_nocase(content_type, json) ? MP_BODY_JSON
           : MP_BODY_OTHER;
}


mp_token_rc_t
mp_token_from_query(mp_registration_t *registration,
    const mp_token_rule_t *rule, mp_str_t query)
{
    mp_field_t     fields[MP_FIELDS];
    mp_token_rc_t  rc;

    mp_fields_init(fields, rule);

    rc = mp_form_parse(fields, &rule->pool, query, 0);

    return (rc == MP_TOKEN_OK) ? mp_fields_check(fields, registration) : rc;
}


static void
mp_fields_init(mp_field_t *fields, const mp_token_rule_t *rule)
{
    static const mp_field_t  offer_type = {
        mp_str(MP_OFFER_TYPE_FIELD), mp_null_str, MP_OFFER_TYPE_MAX, 0
    };

    fields[MP_FIELD_OFFER_TYPE] = offer_type;

    fields[MP_FIELD_TOKEN] = offer_type;
    fields[MP_FIELD_TOKEN].name = rule->field;
    fields[MP_FIELD_TOKEN].max_len = rule->max_len;
}


static mp_token_rc_t
mp_fields_check(const mp_field_t *fields, mp_registration_t *registration)
{
    mp_str_t  token, offer_type;

    token = fields[MP_FIELD_TOKEN].value;
    offer_type = fields[MP_FIELD_OFFER_TYPE].value;

    if (token.len == 0) {
        return MP_TOKEN_MISSING;
    }

    if (token.len > fields[MP_FIELD_TOKEN].max_len
        || offer_type.len > fields[MP_FIELD_OFFER_TYPE].max_len)
    {
        return MP_TOKEN_TOO_LARGE;
    }

    if (!mp_str_is_utf8(token)
        || !mp_str_is_utf8(offer_type)
        || mp_str_has_control(offer_type))
    {
        return MP_TOKEN_INVALID;
    }

    registration->token = token;
    registration->offer_type = offer_type;

    return MP_TOKEN_OK;
}


mp_token_rc_t
mp_field_set(mp_field_t *field, mp_str_t value)
{
    if (field->seen) {
        return mp_str_eq(field->value, value) ? MP_TOKEN_OK
                                              : MP_TOKEN_INVALID;
    }

    field->value = value;
    field->seen = 1;

    return MP_TOKEN_OK;
}
