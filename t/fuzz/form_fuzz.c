/*
 * Forms, in a body and in a query.  The input is a form; its fields have to
 * be those that a decoder finds that is written out plainly here.  Then it
 * is what fields are made of, which have to come back out of a form.
 */

#include "fuzz_token.h"


#define FORM  "application/x-www-form-urlencoded"


static void the_form_is_read(mp_str_t form);
static void decode_form(fuzz_fields_t *body, fuzz_fields_t *query,
    mp_str_t form);
static int decode(mp_str_t *text);
static int digit(unsigned char c);
static void fields_come_back(mp_str_t input);
static void encode(fuzz_text_t *form, mp_str_t *input, mp_str_t text);
static mp_token_rc_t read_query(mp_registration_t *registration,
    mp_str_t query);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    the_form_is_read(fuzz_str(data, size));
    fields_come_back(fuzz_str(data, size));

    fuzz_free_all();

    return 0;
}


static void
the_form_is_read(mp_str_t form)
{
    mp_token_rc_t      rc;
    fuzz_fields_t      body, query;
    mp_registration_t  registration;

    memset(&body, 0, sizeof(body));
    memset(&query, 0, sizeof(query));

    decode_form(&body, &query, form);

    rc = fuzz_read_body(&registration, FORM, form);
    fuzz_fields_hold(&body, rc, &registration);

    rc = read_query(&registration, form);
    fuzz_fields_hold(&query, rc, &registration);

    fuzz_hold(mp_query_has_field(form, mp_str_from(FUZZ_TOKEN))
              == (query.tokens != 0));
}


static mp_token_rc_t
read_query(mp_registration_t *registration, mp_str_t query)
{
    mp_token_rule_t  rule;

    rule = fuzz_rule();
    *registration = fuzz_untouched;

    return mp_token_from_query(registration, &rule, query);
}


/* In a query a broken escape counts only in the value of a field. */

static void
decode_form(fuzz_fields_t *body, fuzz_fields_t *query, mp_str_t form)
{
    int                   name_is_good, value_is_good;
    mp_str_t              name, value;
    const unsigned char  *end, *equals, *form_end;

    form_end = form.data + form.len;

    while (form.data < form_end) {

        end = memchr(form.data, '&', (size_t) (form_end - form.data));
        end = end ? end : form_end;

        equals = memchr(form.data, '=', (size_t) (end - form.data));
        equals = equals ? equals : end;

        name = fuzz_str(form.data, (size_t) (equals - form.data));
        value = fuzz_str(equals + (equals < end),
                         (size_t) (end - equals) - (equals < end));

        name_is_good = decode(&name);
        value_is_good = decode(&value);

        if (!name_is_good || !value_is_good) {
            body->faults |= fuzz_fault(MP_TOKEN_INVALID);
        }

        if (name_is_good && value_is_good) {
            fuzz_fields_add(body, name, value);
            fuzz_fields_add(query, name, value);

        } else if (name_is_good
                   && (fuzz_eq(name, mp_str_from(FUZZ_TOKEN))
                       || fuzz_eq(name, mp_str_from(MP_OFFER_TYPE_FIELD))))
        {
            query->faults |= fuzz_fault(MP_TOKEN_INVALID);
            query->tokens += fuzz_eq(name, mp_str_from(FUZZ_TOKEN));
        }

        form.data = end + 1;
    }
}


static int
decode(mp_str_t *text)
{
    size_t       i;
    fuzz_text_t  decoded = { NULL, 0, 0 };

    for (i = 0; i < text->len; i++) {

        if (text->data[i] != '%') {
            fuzz_add_byte(&decoded,
                          text->data[i] == '+' ? ' ' : text->data[i]);

        } else if (text->len - i > 2 && digit(text->data[i + 1]) >= 0
                   && digit(text->data[i + 2]) >= 0)
        {
            fuzz_add_byte(&decoded, (unsigned) (digit(text->data[i + 1]) << 4
                                                | digit(text->data[i + 2])));
            i += 2;

        } else {
            free(decoded.data);
            return 0;
        }
    }

    *text = fuzz_text(&decoded);

    return 1;
}


static int
digit(unsigned char c)
{
    const char        *found;
    static const char  digits[] = "0123456789abcdef0123456789ABCDEF";

    found = c ? strchr(digits, c) : NULL;

    return found ? (int) (found - digits) % 16 : -1;
}


static void
fields_come_back(mp_str_t input)
{
    mp_str_t           name, value, form;
    fuzz_text_t        text = { NULL, 0, 0 };
    mp_token_rc_t      rc;
    fuzz_fields_t      fields;
    mp_registration_t  registration;

    memset(&fields, 0, sizeof(fields));

    while (input.len) {
        name = fuzz_take_name(&input);
        value = fuzz_take_text(&input, FUZZ_TOKEN_MAX + 1);

        if (text.len) {
            fuzz_add_byte(&text, '&');
        }

        encode(&text, &input, name);
        fuzz_add_byte(&text, '=');
        encode(&text, &input, value);

        fuzz_fields_add(&fields, name, value);
    }

    form = fuzz_text(&text);

    rc = fuzz_read_body(&registration, FORM, form);
    fuzz_fields_hold(&fields, rc, &registration);

    rc = read_query(&registration, form);
    fuzz_fields_hold(&fields, rc, &registration);
}


/* Every byte as itself, where that can be, or as an escape. */

static void
encode(fuzz_text_t *form, mp_str_t *input, mp_str_t text)
{
    char      escape[sizeof("%41")];
    size_t    i;
    unsigned  style;

    style = fuzz_take(input, 4);

    for (i = 0; i < text.len; i++) {

        if (text.data[i] == ' ' && style < 3) {
            fuzz_add_byte(form, '+');

        } else if (style == 3 || strchr("%&+=", text.data[i])) {
            snprintf(escape, sizeof(escape), style & 1 ? "%%%02x" : "%%%02X",
                     text.data[i]);
            fuzz_add_chars(form, escape);

        } else {
            fuzz_add_byte(form, text.data[i]);
        }
    }
}
