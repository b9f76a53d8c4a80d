/*
 * JSON in a request's body.  The input is a body: space around it makes no
 * difference, any other byte, or one less, is too much, and printed and read
 * again it has the same fields.  Then it is what members are made of.
 */

#include "fuzz_token.h"

#include "text/mp_json.h"


#define JSON  "application/json"


static void the_object_stands_alone(mp_str_t body);
static void it_can_be_printed(mp_str_t body, mp_token_rc_t rc,
    const mp_registration_t *registration);
static void members_come_back(mp_str_t input);
static void add_string(fuzz_text_t *json, mp_str_t *input, mp_str_t text);
static void add_unit(fuzz_text_t *json, unsigned long unit);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    the_object_stands_alone(fuzz_str(data, size));
    members_come_back(fuzz_str(data, size));

    fuzz_free_all();

    return 0;
}


static void
the_object_stands_alone(mp_str_t body)
{
    size_t             cut;
    mp_str_t           more;
    mp_token_rc_t      rc, other;
    mp_registration_t  registration, again;

    static const mp_str_t  space = mp_str(" \t\r\n");
    static const mp_str_t  comma = mp_str(",");

    rc = fuzz_read_body(&registration, JSON, body);

    more = fuzz_join(space, fuzz_join(body, space));
    other = fuzz_read_body(&again, JSON, more);
    fuzz_same_registration(rc, &registration, other, &again);

    fuzz_hold(fuzz_read_body(&again, JSON, fuzz_join(body, comma))
              == MP_TOKEN_INVALID);
    fuzz_hold(fuzz_read_body(&again, JSON, fuzz_join(comma, body))
              == MP_TOKEN_INVALID);

    it_can_be_printed(body, rc, &registration);

    if (rc == MP_TOKEN_INVALID) {
        return;
    }

    while (strchr(" \t\r\n", body.data[body.len - 1])) {
        body.len--;
    }

    for (cut = 1; cut <= body.len; cut += 1 + cut / 8) {
        more = fuzz_copy(fuzz_str(body.data, body.len - cut));
        fuzz_hold(fuzz_read_body(&again, JSON, more) == MP_TOKEN_INVALID);
    }
}


static void
it_can_be_printed(mp_str_t body, mp_token_rc_t rc,
    const mp_registration_t *registration)
{
    char               *printed;
    cJSON              *object;
    mp_str_t            text;
    mp_token_rc_t       other;
    mp_registration_t   again;

    object = mp_json_parse_object(body);

    if (object == NULL) {
        fuzz_hold(rc == MP_TOKEN_INVALID);
        return;
    }

    printed = cJSON_PrintUnformatted(object);
    fuzz_hold(printed != NULL);

    text = fuzz_copy(mp_str_from(printed));
    other = fuzz_read_body(&again, JSON, text);
    fuzz_same_registration(rc, registration, other, &again);

    cJSON_free(printed);
    cJSON_Delete(object);
}


static void
members_come_back(mp_str_t input)
{
    mp_str_t           name, value;
    fuzz_text_t        json = { NULL, 0, 0 };
    mp_token_rc_t      rc;
    fuzz_fields_t      fields;
    mp_registration_t  registration;

    memset(&fields, 0, sizeof(fields));

    fuzz_add_byte(&json, '{');

    while (input.len) {
        name = fuzz_take_name(&input);
        value = fuzz_take_text(&input, FUZZ_TOKEN_MAX + 1);

        if (!fuzz_is_utf8(value)) {
            value.len = 0;
        }

        if (value.len && memchr(value.data, '\0', value.len)) {
            fields.faults |= fuzz_fault(MP_TOKEN_INVALID);
        }

        add_string(&json, &input, name);
        fuzz_add_byte(&json, ':');
        add_string(&json, &input, value);
        fuzz_add_byte(&json, ',');

        fuzz_fields_add(&fields, name, value);
    }

    fuzz_add_chars(&json, "\"others\":[{},null,-1.5e3,true]}");

    rc = fuzz_read_body(&registration, JSON, fuzz_text(&json));
    fuzz_fields_hold(&fields, rc, &registration);
}


/* Every character as itself, where that can be, or by its number. */

static void
add_string(fuzz_text_t *json, mp_str_t *input, mp_str_t text)
{
    size_t         n;
    unsigned       style;
    unsigned long  c;

    style = fuzz_take(input, 2);

    fuzz_add_byte(json, '"');

    for (; text.len; text.data += n, text.len -= n) {

        c = text.data[0];
        n = (c < 0xc0) ? 1 : (c < 0xe0) ? 2 : (c < 0xf0) ? 3 : 4;

        if (n == 1 && (c < ' ' || c == '"' || c == '\\' || style)) {
            add_unit(json, c);

        } else if (n == 4 && style) {
            c = (c & 7) << 18 | (text.data[1] & 0x3fUL) << 12
                | (text.data[2] & 0x3fUL) << 6 | (text.data[3] & 0x3fUL);
            add_unit(json, 0xd800 + ((c - 0x10000) >> 10));
            add_unit(json, 0xdc00 + ((c - 0x10000) & 0x3ff));

        } else {
            fuzz_add(json, fuzz_str(text.data, n));
        }
    }

    fuzz_add_byte(json, '"');
}


static void
add_unit(fuzz_text_t *json, unsigned long unit)
{
    char  escape[sizeof("\\u0000")];

    snprintf(escape, sizeof(escape), "\\u%04lx", unit & 0xffff);
    fuzz_add_chars(json, escape);
}
