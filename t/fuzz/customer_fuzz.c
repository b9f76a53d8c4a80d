/*
 * The reply of ResolveCustomer.  The input is its body: a customer that it
 * names is one by the patterns of the API's model, written out here once
 * more, and comes back when it is packed, and when it is printed.  Then the
 * input is a token, which has to come back out of the request's body.
 */

#include "fuzz.h"

#include "aws/mp_resolve_customer.h"
#include "text/mp_json.h"

#include <regex.h>


static void a_customer_is_as_modelled(mp_str_t body);
static void a_body_cut_off_is_refused(mp_str_t body);
static void same_customer(const mp_customer_t *a, const mp_customer_t *b);
static void members_are_found(const mp_customer_t *customer, mp_str_t body);
static void it_can_be_printed(const mp_customer_t *customer, mp_str_t body);
static int matches(size_t field, mp_str_t value);
static void a_token_comes_back(mp_str_t token);
static mp_customer_rc_t read_body(mp_customer_t *customer, mp_str_t body);


static const char  *names[MP_CUSTOMER_FIELDS] = {
    "CustomerAWSAccountId", "LicenseArn", "CustomerIdentifier", "ProductCode"
};

/* Of LicenseArn's it is the shape: glibc limits repetitions. */

static const char  *patterns[MP_CUSTOMER_FIELDS] = {
    "^[0-9]{1,255}$",
    "^arn:aws[a-zA-Z-]*:[A-Za-z0-9][A-Za-z0-9_/.-]{0,62}:"
        "[A-Za-z0-9_/.-]{0,63}:[A-Za-z0-9_/.-]{0,63}:"
        "[A-Za-z0-9][A-Za-z0-9_/+=,@.:-]*$",
    "^[^\001-\037\177]{1,255}$",
    "^[A-Za-z0-9/_=.:@-]{1,255}$"
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    a_customer_is_as_modelled(fuzz_str(data, size));
    a_token_comes_back(fuzz_str(data, size));

    fuzz_free_all();

    return 0;
}


static mp_customer_rc_t
read_body(mp_customer_t *customer, mp_str_t body)
{
    mp_pool_t  pool;

    pool.alloc = fuzz_pool_alloc;
    pool.pool = NULL;

    return mp_customer_parse(customer, body, &pool);
}


static void
a_customer_is_as_modelled(mp_str_t body)
{
    size_t         i, named;
    mp_str_t       value;
    mp_customer_t  customer, again;

    if (read_body(&customer, body) != MP_CUSTOMER_OK) {
        return;
    }

    for (named = 0, i = 0; i < MP_CUSTOMER_FIELDS; i++) {
        value = customer.field[i];

        if (value.len) {
            fuzz_hold(fuzz_is_utf8(value));
            fuzz_hold(matches(i, value));
            named += (i != MP_PRODUCT_CODE);
        }
    }

    fuzz_hold(named != 0);

    mp_customer_unpack(&again, fuzz_copy(customer.packed));
    same_customer(&customer, &again);

    members_are_found(&customer, body);
    it_can_be_printed(&customer, body);

    a_body_cut_off_is_refused(body);
}


static void
a_body_cut_off_is_refused(mp_str_t body)
{
    size_t         cut;
    mp_str_t       less;
    mp_customer_t  customer;

    while (body.data[body.len - 1] != '}') {
        body.len--;
    }

    for (cut = 1; cut <= body.len; cut += 1 + cut / 8) {
        less = fuzz_copy(fuzz_str(body.data, body.len - cut));
        fuzz_hold(read_body(&customer, less) == MP_CUSTOMER_INVALID);
    }
}


static void
same_customer(const mp_customer_t *a, const mp_customer_t *b)
{
    size_t  i;

    for (i = 0; i < MP_CUSTOMER_FIELDS; i++) {
        fuzz_hold(fuzz_eq(a->field[i], b->field[i]));
    }

    fuzz_hold(fuzz_eq(a->packed, b->packed));
}


/* The fields by their names, which nothing else has; every string by its own,
 * the first of those that differ in case, and as empty what could break a
 * header. */

static void
members_are_found(const mp_customer_t *customer, mp_str_t body)
{
    cJSON        *object, *member;
    size_t        i;
    mp_str_t      value, found;
    const cJSON  *first;

    object = mp_json_parse_object(body);
    fuzz_hold(object != NULL);

    for (i = 0; i < MP_CUSTOMER_FIELDS; i++) {
        first = cJSON_GetObjectItemCaseSensitive(object, names[i]);
        value = mp_str_from(cJSON_IsString(first) ? first->valuestring : "");

        fuzz_hold(fuzz_eq(customer->field[i], value));

        cJSON_ArrayForEach(member, object) {
            fuzz_hold(member == first || strcmp(member->string, names[i]));
        }
    }

    cJSON_ArrayForEach(member, object) {

        cJSON_ArrayForEach(first, object) {
            if (cJSON_IsString(first)
                && !strcasecmp(first->string, member->string))
            {
                break;
            }
        }

        found = mp_customer_member(customer, mp_str_from(member->string));
        value = mp_str_from(first ? first->valuestring : "");

        fuzz_hold(fuzz_has_control(value) ? found.len == 0
                                          : fuzz_eq(found, value));
    }

    cJSON_Delete(object);
}


static void
it_can_be_printed(const mp_customer_t *customer, mp_str_t body)
{
    char           *printed;
    cJSON          *object;
    mp_customer_t   again;

    object = mp_json_parse_object(body);
    printed = cJSON_Print(object);

    fuzz_hold(printed != NULL);
    fuzz_hold(read_body(&again, mp_str_from(printed)) == MP_CUSTOMER_OK);
    same_customer(customer, &again);

    cJSON_free(printed);
    cJSON_Delete(object);
}


static int
matches(size_t field, mp_str_t value)
{
    int      matched;
    char     text[4096];
    regex_t  pattern;

    fuzz_hold(value.len < sizeof(text));
    memcpy(text, value.data, value.len);
    text[value.len] = '\0';

    fuzz_hold(!regcomp(&pattern, patterns[field], REG_EXTENDED | REG_NOSUB));
    matched = !regexec(&pattern, text, 0, NULL, 0);
    regfree(&pattern);

    return matched;
}


/* In as many bytes as were said, and as cJSON reads them. */

static void
a_token_comes_back(mp_str_t token)
{
    cJSON          *object;
    mp_str_t        body, escaped;
    unsigned char  *data;

    if (!fuzz_is_utf8(token)
        || (token.len && memchr(token.data, '\0', token.len)))
    {
        token.len = 0;
    }

    body.len = mp_resolve_body_len(token);
    body.data = data = fuzz_alloc(body.len);

    fuzz_hold(mp_resolve_body(data, token) == data + body.len);

    escaped = mp_resolve_body_token(body);
    fuzz_hold(mp_json_escaped_len(token) == escaped.len);

    object = cJSON_ParseWithLength((char *) data, body.len);
    fuzz_hold(object != NULL && cJSON_GetArraySize(object) == 1);
    fuzz_hold(!strcmp(object->child->string, "RegistrationToken"));
    fuzz_hold(fuzz_eq(mp_str_from(object->child->valuestring), token));

    cJSON_Delete(object);
}
