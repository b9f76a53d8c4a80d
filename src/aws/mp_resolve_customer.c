#include "mp_resolve_customer.h"

#include <string.h>


#define MP_FIELD_MAX        255
#define MP_LICENSE_ARN_MAX  2048


static int mp_customer_field(mp_customer_t *customer, const cJSON *member,
    unsigned *seen);
static int mp_is_account_id(mp_str_t value);
static int mp_is_license_arn(mp_str_t value);
static int mp_is_partition(mp_str_t part);
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


int
mp_customer_parse(mp_customer_t *customer, mp_str_t body)
{
    unsigned      seen;
    const cJSON  *member;

    seen = 0;
    memset(customer, 0, sizeof(mp_customer_t));

    customer->reply = mp_json_parse_object(body);

    if (customer->reply == NULL) {
        return 0;
    }

    cJSON_ArrayForEach(member, customer->reply) {
        if (!mp_customer_field(customer, member, &seen)) {
            mp_customer_free(customer);
            return 0;
        }
    }

    /* an empty object must not pass for a customer */

    if (customer->field[MP_CUSTOMER_AWS_ACCOUNT_ID].len == 0
        && customer->field[MP_LICENSE_ARN].len == 0
        && customer->field[MP_CUSTOMER_IDENTIFIER].len == 0)
    {
        mp_customer_free(customer);
        return 0;
    }

    return 1;
}


/* Takes one member of the reply.  Returns 0 if it is a field of the model and
 * not as the model has it, or there twice. */

static int
mp_customer_field(mp_customer_t *customer, const cJSON *member,
    unsigned *seen)
{
    size_t    i;
    mp_str_t  name, value;

    name = mp_str_from(member->string);

    for (i = 0; i < MP_CUSTOMER_FIELDS; i++) {
        if (mp_str_eq(name, mp_customer_model[i].name)) {
            break;
        }
    }

    if (i == MP_CUSTOMER_FIELDS) {
        return 1;
    }

    if (*seen & (1 << i)) {
        return 0;
    }

    *seen |= 1 << i;

    if (cJSON_IsNull(member)) {
        return 1;
    }

    if (!cJSON_IsString(member)) {
        return 0;
    }

    value = mp_json_string(member);

    if (value.len == 0) {
        return 1;
    }

    if (value.len > mp_customer_model[i].max
        || !mp_customer_model[i].is_valid(value))
    {
        return 0;
    }

    customer->field[i] = value;

    return 1;
}


mp_str_t
mp_customer_member(const mp_customer_t *customer, mp_str_t name)
{
    mp_str_t      value;
    const cJSON  *member;

    static const mp_str_t  none = mp_null_str;

    cJSON_ArrayForEach(member, customer->reply) {

        if (!cJSON_IsString(member)
            || !mp_str_eq_nocase(mp_str_from(member->string), name))
        {
            continue;
        }

        value = mp_json_string(member);

        return mp_str_has_control(value) ? none : value;
    }

    return none;
}


void
mp_customer_free(mp_customer_t *customer)
{
    cJSON_Delete(customer->reply);
    memset(customer, 0, sizeof(mp_customer_t));
}


static int
mp_is_account_id(mp_str_t value)
{
    return mp_str_is_made_of(value, MP_DIGIT);
}


/* arn:partition:service:region:account:resource, where region and account may
 * be empty. */

static int
mp_is_license_arn(mp_str_t value)
{
    size_t    i;
    mp_str_t  part[5];

    for (i = 0; i < 5; i++) {

        part[i].data = value.data;
        part[i].len = mp_str_chr(value, ':');

        if (part[i].len == value.len) {
            return 0;
        }

        value.data += part[i].len + 1;
        value.len -= part[i].len + 1;
    }

    return mp_str_eq(part[0], mp_str_from("arn"))
           && mp_is_partition(part[1])
           && mp_is_arn_name(part[2], 63, MP_PATH)
           && mp_is_arn_part(part[3], 63, MP_PATH)
           && mp_is_arn_part(part[4], 63, MP_PATH)
           && mp_is_arn_name(value, 1024, MP_RESOURCE);
}


static int
mp_is_partition(mp_str_t part)
{
    size_t         i;
    unsigned char  c;

    if (part.len < 3 || memcmp(part.data, "aws", 3) != 0) {
        return 0;
    }

    for (i = 3; i < part.len; i++) {
        c = mp_lower(part.data[i]);

        if ((c < 'a' || c > 'z') && c != '-') {
            return 0;
        }
    }

    return 1;
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
