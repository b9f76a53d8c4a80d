/*
 * multipart/form-data, RFC 7578.
 */

#include "mp_token_field.h"

#include <string.h>


#define MP_BOUNDARY_MAX  70    /* RFC 2046, 5.1.1 */


/* What stands behind a boundary. */
typedef enum {
    MP_PART_NONE = 0,
    MP_PART_NEXT,
    MP_PART_LAST
} mp_part_t;


static int mp_multipart_boundary(mp_str_t content_type,
    unsigned char *delimiter, mp_str_t *result);
static mp_part_t mp_multipart_delimiter(mp_str_t *rest, mp_str_t delimiter,
    mp_str_t *before);
static mp_token_rc_t mp_multipart_part(mp_field_t *fields, mp_str_t part);
static mp_field_t *mp_multipart_field(mp_field_t *fields,
    mp_str_t disposition);
static int mp_header_value(mp_str_t line, mp_str_t name, mp_str_t *value);
static int mp_header_param(mp_str_t value, mp_str_t name, mp_str_t *result);
static size_t mp_param_value(mp_str_t rest, mp_str_t *value);
static void mp_skip(mp_str_t *text, size_t n);


static const mp_str_t  mp_crlf = mp_str("\r\n");
static const mp_str_t  mp_equals = mp_str("=");
static const mp_str_t  mp_semicolon = mp_str(";");


mp_token_rc_t
mp_multipart_parse(mp_field_t *fields, mp_str_t content_type, mp_str_t body)
{
    size_t         parts;
    mp_str_t       delimiter, first, part;
    mp_part_t      next;
    mp_token_rc_t  rc;
    unsigned char  buf[sizeof("\r\n--") - 1 + MP_BOUNDARY_MAX];

    if (!mp_multipart_boundary(content_type, buf, &delimiter)) {
        return MP_TOKEN_INVALID;
    }

    /* the first delimiter needs no line end if nothing precedes it */

    first = delimiter;
    mp_skip(&first, mp_crlf.len);

    if (body.len < first.len || memcmp(body.data, first.data, first.len) != 0)
    {
        first = delimiter;
    }

    next = mp_multipart_delimiter(&body, first, &part);

    for (parts = 0; next == MP_PART_NEXT; parts++) {

        if (parts == MP_MULTIPART_MAX_PARTS) {
            return MP_TOKEN_INVALID;
        }

        next = mp_multipart_delimiter(&body, delimiter, &part);

        if (next == MP_PART_NONE) {
            break;
        }

        rc = mp_multipart_part(fields, part);

        if (rc != MP_TOKEN_OK) {
            return rc;
        }
    }

    return (next == MP_PART_LAST) ? MP_TOKEN_OK : MP_TOKEN_INVALID;
}


/* Writes the line end, the dashes and the boundary: what parts two parts. */

static int
mp_multipart_boundary(mp_str_t content_type, unsigned char *delimiter,
    mp_str_t *result)
{
    mp_str_t        boundary;
    unsigned char  *p;

    static const mp_str_t  start = mp_str("\r\n--");
    static const mp_str_t  name = mp_str("boundary");

    if (!mp_header_param(content_type, name, &boundary)
        || boundary.len == 0 || boundary.len > MP_BOUNDARY_MAX)
    {
        return 0;
    }

    p = mp_copy(delimiter, start);
    p = mp_copy(p, boundary);

    result->data = delimiter;
    result->len = (size_t) (p - delimiter);

    return 1;
}


/*
 * Moves rest behind the next delimiter and its line; before is what was in
 * front of it.  A line that only starts like a delimiter is data.
 */

static mp_part_t
mp_multipart_delimiter(mp_str_t *rest, mp_str_t delimiter, mp_str_t *before)
{
    size_t    at;
    mp_str_t  tail;

    static const mp_str_t  dashes = mp_str("--");

    tail = *rest;

    for ( ;; ) {
        at = mp_str_find(tail, delimiter);

        if (at == tail.len) {
            return MP_PART_NONE;
        }

        before->data = rest->data;
        before->len = (size_t) (tail.data + at - rest->data);

        mp_skip(&tail, at + delimiter.len);

        if (tail.len >= 2 && memcmp(tail.data, dashes.data, 2) == 0) {
            *rest = tail;
            return MP_PART_LAST;
        }

        while (tail.len && (tail.data[0] == ' ' || tail.data[0] == '\t')) {
            mp_skip(&tail, 1);
        }

        if (tail.len >= 2 && memcmp(tail.data, mp_crlf.data, 2) == 0) {
            mp_skip(&tail, 2);
            *rest = tail;
            return MP_PART_NEXT;
        }
    }
}


static mp_token_rc_t
mp_multipart_part(mp_field_t *fields, mp_str_t part)
{
    size_t       len;
    mp_str_t     line, value;
    mp_field_t  *field;

    static const mp_str_t  disposition = mp_str("content-disposition");

    field = NULL;

    for ( ;; ) {
        len = mp_str_find(part, mp_crlf);

        if (len == part.len) {
            return MP_TOKEN_INVALID;
        }

        line.data = part.data;
        line.len = len;

        mp_skip(&part, len + 2);

        if (len == 0) {
            return field ? mp_field_set(field, part) : MP_TOKEN_OK;
        }

        if (mp_header_value(line, disposition, &value)) {
            field = mp_multipart_field(fields, value);
        }
    }
}


/* The field that a part is of.  A file is none, whatever its name. */

static mp_field_t *
mp_multipart_field(mp_field_t *fields, mp_str_t disposition)
{
    size_t    i;
    mp_str_t  type, value;

    static const mp_str_t  form_data = mp_str("form-data");
    static const mp_str_t  name = mp_str("name");
    static const mp_str_t  filename = mp_str("filename");
    static const mp_str_t  filename_ext = mp_str("filename*");

    type.data = disposition.data;
    type.len = mp_str_find(disposition, mp_semicolon);

    if (!mp_str_eq_nocase(mp_str_trim(type), form_data)
        || mp_header_param(disposition, filename, &value)
        || mp_header_param(disposition, filename_ext, &value)
        || !mp_header_param(disposition, name, &value))
    {
        return NULL;
    }

    for (i = 0; i < MP_FIELDS; i++) {
        if (mp_str_eq(value, fields[i].name)) {
            return &fields[i];
        }
    }

    return NULL;
}


static int
mp_header_value(mp_str_t line, mp_str_t name, mp_str_t *value)
{
    mp_str_t  start;

    start.data = line.data;
    start.len = name.len;

    if (line.len <= name.len || line.data[name.len] != ':'
        || !mp_str_eq_nocase(start, name))
    {
        return 0;
    }

    mp_skip(&line, name.len + 1);
    *value = mp_str_trim(line);

    return 1;
}


/*
 * Finds a parameter of a header's value and gives it without its quotes.
 * Backslashes in it stay: no name that is looked for has one.
 */

static int
mp_header_param(mp_str_t value, mp_str_t name, mp_str_t *result)
{
    mp_str_t  param;

    mp_skip(&value, mp_str_find(value, mp_semicolon));

    while (value.len) {

        mp_skip(&value, 1);

        param.data = value.data;
        param.len = mp_str_find(value, mp_equals);

        if (param.len == value.len) {
            return 0;
        }

        mp_skip(&value, param.len + 1);
        mp_skip(&value, mp_param_value(value, result));

        if (mp_str_eq_nocase(mp_str_trim(param), name)) {
            return 1;
        }
    }

    return 0;
}


/* Takes the value at the start of rest.  Returns the length of it and all
 * that follows it up to the next semicolon. */

static size_t
mp_param_value(mp_str_t rest, mp_str_t *value)
{
    size_t  i;

    if (rest.len == 0 || rest.data[0] != '"') {

        value->data = rest.data;
        value->len = mp_str_find(rest, mp_semicolon);

        i = value->len;
        *value = mp_str_trim(*value);

        return i;
    }

    for (i = 1; i < rest.len && rest.data[i] != '"'; i++) {
        if (rest.data[i] == '\\' && i + 1 < rest.len) {
            i++;
        }
    }

    value->data = rest.data + 1;
    value->len = i - 1;

    mp_skip(&rest, i);

    return i + mp_str_find(rest, mp_semicolon);
}


static void
mp_skip(mp_str_t *text, size_t n)
{
    text->data += n;
    text->len -= n;
}
