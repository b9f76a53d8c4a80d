#include "mp_resolve_customer.h"
#include "mp_arn.h"

#include <errno.h>
#include <string.h>


#define MP_FIELD_MAX        255
#define MP_LICENSE_ARN_MAX  2048

/* of a packed member: the index and two lengths */
#define MP_MEMBER_HEAD      5


static int mp_customer_is_valid(const cJSON *reply);
static size_t mp_customer_index(mp_str_t name);
static int mp_customer_field_is_valid(size_t i, const cJSON *member);
static mp_customer_rc_t mp_customer_pack(mp_customer_t *customer,
    const cJSON *reply, const mp_pool_t *pool);
static unsigned char *mp_customer_pack_member(unsigned char *p,
    const cJSON *member);
static unsigned char *mp_customer_pack_len(unsigned char *p, size_t len);
static size_t mp_customer_next(mp_str_t *packed, mp_str_t *name,
    mp_str_t *value);
static const unsigned char *mp_customer_len(const unsigned char *p,
    size_t *len);
static int mp_is_account_id(mp_str_t value);
static int mp_is_license_arn(mp_str_t value);
static int mp_is_arn_name(mp_str_t part, size_t max, unsigned class);
static int mp_is_arn_part(mp_str_t part, size_t max, unsigned class);
static int mp_is_customer_identifier(mp_str_t value);


static const mp_str_t  mp_resolve_start = mp_str("{\"RegistrationToken\":\"");
static const mp_str_t  mp_resolve_end = mp_str("\"}");


/* By the index of the field; the checks are the API model's patterns, and let
 * no control byte through. */

static const struct {
    mp_str_t    name;
    size_t      max;
    int       (*is_valid)(mp_str_t value);
} mp_customer_model[MP_CUSTOMER_FIELDS] = {
    { mp_str("CustomerAWSAccountId"), MP_FIELD_MAX, mp_is_account_id },
    { mp_str("LicenseArn"), MP_LICENSE_ARN_MAX, mp_is_license_arn },
    { mp_str("CustomerIdentifier"), MP_FIELD_MAX, mp_is_customer_identifier },
    { mp_str("ProductCode"), MP_FIELD_MAX, mp_is_product_code }
};


size_t
mp_resolve_body_len(mp_str_t token)
{
    return mp_resolve_start.len + mp_json_escaped_len(token)
           + mp_resolve_end.len;
}


unsigned char *
mp_resolve_body(unsigned char *dst, mp_str_t token)
{
    dst = mp_copy(dst, mp_resolve_start);
    dst = mp_json_escape(dst, token);

    return mp_copy(dst, mp_resolve_end);
}


mp_str_t
mp_resolve_body_token(mp_str_t body)
{
    body.data += mp_resolve_start.len;
    body.len -= mp_resolve_start.len + mp_resolve_end.len;

    return body;
}


mp_customer_rc_t
mp_customer_parse(mp_customer_t *customer, mp_str_t body,
    const mp_pool_t *pool)
{
    cJSON             *reply;
    mp_customer_rc_t   rc;

    memset(customer, 0, sizeof(mp_customer_t));

    reply = mp_json_parse_object(body);

    if (reply == NULL) {
        return (errno == ENOMEM) ? MP_CUSTOMER_NO_MEMORY : MP_CUSTOMER_INVALID;
    }

    rc = mp_customer_is_valid(reply) ? mp_customer_pack(customer, reply, pool)
                                     : MP_CUSTOMER_INVALID;
    cJSON_Delete(reply);

    return rc;
}


/* Whether every field is as the model has it, and there once, and one of them
 * names the customer: an empty object must not pass for one. */

static int
mp_customer_is_valid(const cJSON *reply)
{
    size_t        i;
    unsigned      seen, named;
    const cJSON  *member;

    seen = 0;
    named = 0;

    cJSON_ArrayForEach(member, reply) {

        i = mp_customer_index(mp_str_from(member->string));

        if (i == MP_CUSTOMER_FIELDS) {
            continue;
        }

        if ((seen & (1 << i)) || !mp_customer_field_is_valid(i, member)) {
            return 0;
        }

        seen |= 1 << i;

        if (i != MP_PRODUCT_CODE && cJSON_IsString(member)
            && member->valuestring[0] != '\0')
        {
            named = 1;
        }
    }

    return named;
}


/* MP_CUSTOMER_FIELDS if it is none of them. */

static size_t
mp_customer_index(mp_str_t name)
{
    size_t  i;

    for (i = 0; i < MP_CUSTOMER_FIELDS; i++) {
        if (mp_str_eq(name, mp_customer_model[i].name)) {
            break;
        }
    }

    return i;
}


static int
mp_customer_field_is_valid(size_t i, const cJSON *member)
{
    mp_str_t  value;

    if (cJSON_IsNull(member)) {
        return 1;
    }

    if (!cJSON_IsString(member)) {
        return 0;
    }

    value = mp_json_string(member);

    return value.len == 0
           || (value.len <= mp_customer_model[i].max
               && mp_customer_model[i].is_valid(value));
}


/*
 * One string member behind the other: a byte that is the index of the field or
 * MP_CUSTOMER_FIELDS, the length of the value in two bytes and, for a member
 * that is no field, that of its name and the name; then the value.
 */

static mp_customer_rc_t
mp_customer_pack(mp_customer_t *customer, const cJSON *reply,
    const mp_pool_t *pool)
{
    size_t          size;
    mp_str_t        packed;
    const cJSON    *member;
    unsigned char  *p;

    size = 0;

    cJSON_ArrayForEach(member, reply) {
        if (cJSON_IsString(member)) {
            size += MP_MEMBER_HEAD + strlen(member->string)
                    + strlen(member->valuestring);
        }
    }

    p = pool->alloc(pool->pool, size);

    if (p == NULL) {
        return MP_CUSTOMER_NO_MEMORY;
    }

    packed.data = p;

    cJSON_ArrayForEach(member, reply) {
        if (cJSON_IsString(member)) {
            p = mp_customer_pack_member(p, member);
        }
    }

    packed.len = (size_t) (p - packed.data);

    mp_customer_unpack(customer, packed);

    return MP_CUSTOMER_OK;
}


/* A value with a control byte is as an empty one. */

static unsigned char *
mp_customer_pack_member(unsigned char *p, const cJSON *member)
{
    size_t    i;
    mp_str_t  name, value;

    name = mp_str_from(member->string);
    value = mp_json_string(member);

    if (mp_str_has_control(value)) {
        value.len = 0;
    }

    i = mp_customer_index(name);

    *p++ = (unsigned char) i;
    p = mp_customer_pack_len(p, value.len);

    if (i == MP_CUSTOMER_FIELDS) {
        p = mp_customer_pack_len(p, name.len);
        p = mp_copy(p, name);
    }

    return mp_copy(p, value);
}


/* A reply is shorter than that by far. */

static unsigned char *
mp_customer_pack_len(unsigned char *p, size_t len)
{
    *p++ = (unsigned char) (len >> 8);
    *p++ = (unsigned char) len;

    return p;
}


/* Takes a member off what is packed, which it leaves behind it; returns its
 * index. */

static size_t
mp_customer_next(mp_str_t *packed, mp_str_t *name, mp_str_t *value)
{
    size_t                index;
    const unsigned char  *p;

    p = packed->data;

    index = *p++;
    p = mp_customer_len(p, &value->len);

    if (index < MP_CUSTOMER_FIELDS) {
        *name = mp_customer_model[index].name;

    } else {
        p = mp_customer_len(p, &name->len);
        name->data = p;
        p += name->len;
    }

    value->data = p;
    p += value->len;

    packed->len -= (size_t) (p - packed->data);
    packed->data = p;

    return index;
}


static const unsigned char *
mp_customer_len(const unsigned char *p, size_t *len)
{
    *len = (size_t) p[0] << 8 | p[1];

    return p + 2;
}


void
mp_customer_unpack(mp_customer_t *customer, mp_str_t packed)
{
    size_t    i;
    mp_str_t  name, value;

    memset(customer, 0, sizeof(mp_customer_t));

    customer->packed = packed;

    while (packed.len) {
        i = mp_customer_next(&packed, &name, &value);

        if (i < MP_CUSTOMER_FIELDS) {
            customer->field[i] = value;
        }
    }
}


mp_str_t
mp_customer_member(const mp_customer_t *customer, mp_str_t name)
{
    mp_str_t  packed, member, value;

    static const mp_str_t  none = mp_null_str;

    packed = customer->packed;

    while (packed.len) {
        mp_customer_next(&packed, &member, &value);

        if (mp_str_eq_nocase(member, name)) {
            return value;
        }
    }

    return none;
}


static int
mp_is_account_id(mp_str_t value)
{
    return mp_str_is_made_of(value, MP_DIGIT);
}


/* Region and account may be empty. */

static int
mp_is_license_arn(mp_str_t value)
{
    mp_arn_t  arn;

    return mp_arn_parse(&arn, value)
           && mp_is_arn_name(arn.service, 63, MP_PATH)
           && mp_is_arn_part(arn.region, 63, MP_PATH)
           && mp_is_arn_part(arn.account, 63, MP_PATH)
           && mp_is_arn_name(arn.resource, 1024, MP_RESOURCE);
}


/* A part that starts with a letter or a digit. */

static int
mp_is_arn_name(mp_str_t part, size_t max, unsigned class)
{
    mp_str_t  first;

    first.data = part.data;
    first.len = 1;

    return part.len > 0
           && mp_str_is_made_of(first, MP_ALNUM)
           && mp_is_arn_part(part, max, class);
}


static int
mp_is_arn_part(mp_str_t part, size_t max, unsigned class)
{
    return part.len <= max && mp_str_is_made_of(part, class);
}


/* The model puts no bounds on its bytes; a header does. */

static int
mp_is_customer_identifier(mp_str_t value)
{
    return mp_str_is_utf8(value) && !mp_str_has_control(value);
}


int
mp_is_product_code(mp_str_t value)
{
    return value.len > 0 && mp_str_is_made_of(value, MP_CODE);
}
