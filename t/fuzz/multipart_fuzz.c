/*
 * multipart/form-data.  The input is a content type, a line end and a body:
 * what is in front of the first boundary and behind the last one makes no
 * difference, and what was found comes back out of another body.  Then it is
 * what parts are made of.
 */

#include "fuzz_token.h"


#define BOUNDARY      "bound"
#define CONTENT_TYPE  "multipart/form-data; boundary=" BOUNDARY


static void only_parts_count(mp_str_t content_type, mp_str_t body);
static int has_delimiter(mp_str_t value);
static void what_is_found_comes_back(const mp_registration_t *registration);
static void parts_come_back(mp_str_t input);
static int add_part(fuzz_text_t *body, mp_str_t *input, mp_str_t name,
    mp_str_t value);
static void a_body_cut_off_is_refused(mp_str_t body, mp_str_t *input);
static mp_token_rc_t read_body(mp_registration_t *registration,
    mp_str_t content_type, mp_str_t body);


static const mp_str_t  delimiter = mp_str("\r\n--" BOUNDARY);
static const mp_str_t  look_alike = mp_str("\r\n--" BOUNDARY "s\r\n");


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mp_str_t  content_type, body;

    body = fuzz_str(data, size);
    content_type = fuzz_copy(fuzz_take_line(&body));

    only_parts_count(content_type, body);
    parts_come_back(fuzz_str(data, size));

    fuzz_free_all();

    return 0;
}


static mp_token_rc_t
read_body(mp_registration_t *registration, mp_str_t content_type,
    mp_str_t body)
{
    mp_token_rule_t  rule;

    rule = fuzz_rule();
    *registration = fuzz_untouched;

    return mp_token_from_body(registration, &rule, content_type, body);
}


static void
only_parts_count(mp_str_t content_type, mp_str_t body)
{
    mp_str_t           more;
    mp_token_rc_t      rc, other;
    fuzz_fields_t      fields;
    mp_registration_t  registration, again;

    static const mp_str_t  preamble = mp_str("preamble\r\n");
    static const mp_str_t  epilogue = mp_str("\r\nepilogue");

    rc = read_body(&registration, content_type, body);

    if (!mp_token_can_carry(content_type)) {
        fuzz_hold(rc == MP_TOKEN_UNSUPPORTED);
        return;
    }

    if (rc == MP_TOKEN_OK) {
        memset(&fields, 0, sizeof(fields));

        fuzz_fields_add(&fields, mp_str_from(FUZZ_TOKEN), registration.token);
        fuzz_fields_add(&fields, mp_str_from(MP_OFFER_TYPE_FIELD),
                        registration.offer_type);

        fuzz_fields_hold(&fields, rc, &registration);
        what_is_found_comes_back(&registration);
    }

    if (mp_str_find(content_type, mp_str_from("multipart")) != 0) {
        return;
    }

    more = fuzz_join(preamble, body);
    other = read_body(&again, content_type, more);
    fuzz_same_registration(rc, &registration, other, &again);

    if (rc == MP_TOKEN_OK || rc == MP_TOKEN_MISSING) {
        more = fuzz_join(body, epilogue);
        other = read_body(&again, content_type, more);
        fuzz_same_registration(rc, &registration, other, &again);
    }
}


/* At its start, too, where the line end is that of the empty line before. */

static int
has_delimiter(mp_str_t value)
{
    static const mp_str_t  line_end = mp_str("\r\n");

    return fuzz_contains(fuzz_join(line_end, value), delimiter);
}


static void
what_is_found_comes_back(const mp_registration_t *registration)
{
    mp_str_t           none = mp_null_str, body;
    fuzz_text_t        text = { NULL, 0, 0 };
    mp_token_rc_t      rc;
    mp_registration_t  again;

    if (has_delimiter(registration->token)
        || has_delimiter(registration->offer_type))
    {
        return;
    }

    add_part(&text, &none, mp_str_from(FUZZ_TOKEN), registration->token);
    add_part(&text, &none, mp_str_from(MP_OFFER_TYPE_FIELD),
             registration->offer_type);
    fuzz_add(&text, delimiter);
    fuzz_add_chars(&text, "--");

    body = fuzz_text(&text);

    rc = read_body(&again, mp_str_from(CONTENT_TYPE), body);
    fuzz_same_registration(MP_TOKEN_OK, registration, rc, &again);
}


static void
parts_come_back(mp_str_t input)
{
    size_t             parts;
    mp_str_t           name, value, body, rest;
    fuzz_text_t        text = { NULL, 0, 0 };
    mp_token_rc_t      rc;
    fuzz_fields_t      fields;
    mp_registration_t  registration;

    memset(&fields, 0, sizeof(fields));

    for (parts = 0; input.len && parts < MP_MULTIPART_MAX_PARTS / 2;
         parts++)
    {
        name = fuzz_take_name(&input);
        value = fuzz_take_text(&input, FUZZ_TOKEN_MAX + 1);

        if (has_delimiter(value) || fuzz_take(&input, 8) == 1) {
            value = look_alike;
        }

        if (!add_part(&text, &input, name, value)) {
            fields.faults |= fuzz_fault(MP_TOKEN_INVALID);
        }

        fuzz_fields_add(&fields, name, value);
    }

    rest = fuzz_str(text.data, text.len);
    a_body_cut_off_is_refused(rest, &input);

    fuzz_add(&text, delimiter);
    fuzz_add_chars(&text, "--");

    body = fuzz_text(&text);

    rc = read_body(&registration, mp_str_from(CONTENT_TYPE), body);
    fuzz_fields_hold(&fields, rc, &registration);
}


/* One of the ways to write a part; a file of a field's name is no field.
 * Returns 0 for a way that is refused. */

static int
add_part(fuzz_text_t *body, mp_str_t *input, mp_str_t name, mp_str_t value)
{
    unsigned  style;

    static const char  *before[] = {
        "\r\nContent-Disposition: form-data; name=\"",
        " \t\r\nContent-Type: text/plain"
            "\r\ncontent-disposition:form-data;name=\"",
        "\r\nCONTENT-DISPOSITION: form-data; a=\"b;\\\"\"; Name=\"",
        "\r\nContent-Disposition: form-data; name=\"" FUZZ_TOKEN
            "\"; filename=\"f\"\r\n\r\nfile\r\n--" BOUNDARY
            "\r\nContent-Disposition: form-data; name=\"",
        "\r\nContent-Disposition: form-data; name=\"a\""
            "\r\nContent-Disposition: form-data; name=\""
    };

    style = fuzz_take(input, 32) % 9 / 2;

    fuzz_add(body, delimiter);
    fuzz_add_chars(body, before[style]);
    fuzz_add(body, name);
    fuzz_add_chars(body, "\"\r\n\r\n");
    fuzz_add(body, value);

    return style != 4;
}


/* All that is missing is the last boundary, or that and more. */

static void
a_body_cut_off_is_refused(mp_str_t body, mp_str_t *input)
{
    mp_token_rc_t      rc;
    mp_registration_t  registration;

    body.len -= fuzz_take(input, 256) % (body.len + 1);
    body = fuzz_copy(body);

    rc = read_body(&registration, mp_str_from(CONTENT_TYPE), body);

    fuzz_hold(rc == MP_TOKEN_INVALID);
}
