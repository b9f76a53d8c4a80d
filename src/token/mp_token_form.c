/*
 * application/x-www-form-urlencoded, in a body or a query string.
 */

#include "mp_token_field.h"

#include <string.h>


static int mp_form_next_pair(mp_str_t *form, mp_str_t *pair);
static mp_token_rc_t mp_form_pair(mp_field_t *fields, const mp_pool_t *pool,
    mp_str_t pair, int strict);
static mp_token_rc_t mp_form_value(mp_field_t *field, const mp_pool_t *pool,
    mp_str_t raw);
static void mp_form_decode(unsigned char *dst, mp_str_t raw);
static void mp_form_copy(unsigned char *dst, const unsigned char *src,
    size_t n);
static int mp_form_next(mp_str_t *raw);
static int mp_form_eq(mp_str_t raw, mp_str_t name);
static int mp_form_decoded_len(mp_str_t raw, size_t *len);


mp_token_rc_t
mp_form_parse(mp_field_t *fields, const mp_pool_t *pool, mp_str_t form,
    int strict)
{
    mp_str_t       pair;
    mp_token_rc_t  rc;

    while (mp_form_next_pair(&form, &pair)) {

        rc = mp_form_pair(fields, pool, pair, strict);

        if (rc != MP_TOKEN_OK) {
            return rc;
        }
    }

    return MP_TOKEN_OK;
}


int
mp_query_has_field(mp_str_t query, mp_str_t name)
{
    mp_str_t  pair;

    while (mp_form_next_pair(&query, &pair)) {

        pair.len = mp_str_chr(pair, '=');

        if (mp_form_eq(pair, name)) {
            return 1;
        }
    }

    return 0;
}


/* Takes a pair off the form, and the ampersand behind it. */

static int
mp_form_next_pair(mp_str_t *form, mp_str_t *pair)
{
    size_t  len;

    if (form->len == 0) {
        return 0;
    }

    pair->data = form->data;
    pair->len = mp_str_chr(*form, '&');

    len = pair->len + (pair->len < form->len);

    form->data += len;
    form->len -= len;

    return 1;
}


static mp_token_rc_t
mp_form_pair(mp_field_t *fields, const mp_pool_t *pool, mp_str_t pair,
    int strict)
{
    size_t    i, len;
    mp_str_t  name, value;

    name.data = pair.data;
    name.len = mp_str_chr(pair, '=');

    value.data = pair.data + name.len;
    value.len = pair.len - name.len;

    if (value.len) {
        value.data++;
        value.len--;
    }

    for (i = 0; i < MP_FIELDS; i++) {
        if (mp_form_eq(name, fields[i].name)) {
            return mp_form_value(&fields[i], pool, value);
        }
    }

    return (strict && !mp_form_decoded_len(pair, &len)) ? MP_TOKEN_INVALID
                                                        : MP_TOKEN_OK;
}


static mp_token_rc_t
mp_form_value(mp_field_t *field, const mp_pool_t *pool, mp_str_t raw)
{
    size_t          len;
    mp_str_t        value;
    unsigned char  *p;

    if (!mp_form_decoded_len(raw, &len)) {
        return MP_TOKEN_INVALID;
    }

    if (len > field->max_len) {
        return MP_TOKEN_TOO_LARGE;
    }

    if (len == raw.len && memchr(raw.data, '+', len) == NULL) {
        return mp_field_set(field, raw);
    }

    p = pool->alloc(pool->pool, len);
    if (p == NULL) {
        return MP_TOKEN_NO_MEMORY;
    }

    value.data = p;
    value.len = len;

    mp_form_decode(p, raw);

    return mp_field_set(field, value);
}


/* Decodes what mp_form_decoded_len() took for sound. */

static void
mp_form_decode(unsigned char *dst, mp_str_t raw)
{
    size_t                n;
    const unsigned char  *percent;

    while (raw.len) {

        percent = memchr(raw.data, '%', raw.len);
        n = percent ? (size_t) (percent - raw.data) : raw.len;

        mp_form_copy(dst, raw.data, n);

        dst += n;
        raw.data += n;
        raw.len -= n;

        if (raw.len) {
            *dst++ = (unsigned char) mp_form_next(&raw);
        }
    }
}


/* Copies bytes without a "%". */

static void
mp_form_copy(unsigned char *dst, const unsigned char *src, size_t n)
{
    unsigned char  *plus, *end;

    memcpy(dst, src, n);

    end = dst + n;

    while ((plus = memchr(dst, '+', (size_t) (end - dst))) != NULL) {
        *plus = ' ';
        dst = plus + 1;
    }
}


/* Takes the next byte, decoded, or -1 where the encoding is broken. */

static int
mp_form_next(mp_str_t *raw)
{
    int            high, low;
    unsigned char  c;

    c = raw->data[0];

    if (c == '%') {

        if (raw->len < 3) {
            return -1;
        }

        high = mp_hex_digit(raw->data[1]);
        low = mp_hex_digit(raw->data[2]);

        if (high < 0 || low < 0) {
            return -1;
        }

        raw->data += 3;
        raw->len -= 3;

        return high * 16 + low;
    }

    raw->data++;
    raw->len--;

    return (c == '+') ? ' ' : c;
}


static int
mp_form_eq(mp_str_t raw, mp_str_t name)
{
    size_t  i;

    for (i = 0; i < name.len; i++) {
        if (raw.len == 0 || mp_form_next(&raw) != name.data[i]) {
            return 0;
        }
    }

    return raw.len == 0;
}


/* Returns 0 where the encoding is broken. */

static int
mp_form_decoded_len(mp_str_t raw, size_t *len)
{
    const unsigned char  *percent, *end;

    *len = raw.len;
    end = raw.data + raw.len;

    while (raw.len && (percent = memchr(raw.data, '%', raw.len)) != NULL) {

        raw.data = percent;
        raw.len = (size_t) (end - percent);

        if (mp_form_next(&raw) < 0) {
            return 0;
        }

        *len -= 2;
    }

    return 1;
}
