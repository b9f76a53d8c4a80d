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
static mp_part_t mp_multipart_start(mp_str_t *body, mp_str_t delimiter);
static mp_part_t mp_multipart_delimiter(mp_str_t *rest, mp_str_t delimiter,
    mp_str_t *before);
static mp_part_t mp_multipart_line_end(mp_str_t *text);
static mp_token_rc_t mp_multipart_part(mp_field_t *fields, mp_str_t part);
static mp_field_t *mp_multipart_field(mp_field_t *fields,
    mp_str_t disposition);
static int mp_header_value(mp_str_t line, mp_str_t name, mp_str_t *value);
static int mp_header_param(mp_str_t value, mp_str_t name, mp_str_t *result);
static size_t mp_param_value(mp_str_t rest, mp_str_t *value);
static void mp_skip(mp_str_t *text, size_t n);


static const mp_str_t  mp_crlf = mp_str("\r\n");


mp_token_rc_t
mp_multipart_parse(mp_field_t *fields, mp_str_t content_type, mp_str_t body)
{
    size_t         parts;
    mp_str_t       delimiter, part;
    mp_part_t      next;
    mp_token_rc_t  rc;
    unsigned char  buf[sizeof("\r\n--") - 1 + MP_BOUNDARY_MAX];

    if (!mp_multipart_boundary(content_type, buf, &delimiter)) {
        return MP_TOKEN_INVALID;
    }

    next = mp_multipart_start(&body, delimiter);

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


/* Moves body behind its first delimiter, which needs no line end if nothing
 * precedes it. */

static mp_part_t
mp_multipart_start(mp_str_t *body, mp_str_t delimiter)
{
    mp_str_t   tail, preamble;
    mp_part_t  next;

    mp_skip(&delimiter, mp_crlf.len);

    if (body->len >= delimiter.len
        && memcmp(body->data, delimiter.data, delimiter.len) == 0)
    {
        tail = *body;
        mp_skip(&tail, delimiter.len);

        next = mp_multipart_line_end(&tail);

        if (next != MP_PART_NONE) {
            *body = tail;
            return next;
        }
    }

    delimiter.data -= mp_crlf.len;
    delimiter.len += mp_crlf.len;

    return mp_multipart_delimiter(body, delimiter, &preamble);
}


/* Moves rest behind the next delimiter; before is what was in front of it.  A
 * line that only starts like a delimiter is data. */

static mp_part_t
mp_multipart_delimiter(mp_str_t *rest, mp_str_t delimiter, mp_str_t *before)
{
    size_t     at;
    mp_str_t   tail;
    mp_part_t  next;

    tail = *rest;

    for ( ;; ) {
        at = mp_str_find(tail, delimiter);

        if (at == tail.len) {
            return MP_PART_NONE;
        }

        before->data = rest->data;
        before->len = (size_t) (tail.data + at - rest->data);

        mp_skip(&tail, at + delimiter.len);

        next = mp_multipart_line_end(&tail);

        if (next != MP_PART_NONE) {
            *rest = tail;
            return next;
        }
    }
}


/* Moves text behind what may follow a boundary on its line, if no more does. */

static mp_part_t
mp_multipart_line_end(mp_str_t *text)
{
    mp_str_t   tail;
    mp_part_t  next;

    tail = *text;
    next = MP_PART_NEXT;

    if (tail.len >= 2 && memcmp(tail.data, "--", 2) == 0) {
        next = MP_PART_LAST;
        mp_skip(&tail, 2);
    }

    while (tail.len && (tail.data[0] == ' ' || tail.data[0] == '\t')) {
        mp_skip(&tail, 1);
    }

    if (tail.len >= mp_crlf.len
        && memcmp(tail.data, mp_crlf.data, mp_crlf.len) == 0)
    {
        mp_skip(&tail, mp_crlf.len);

    } else if (tail.len || next == MP_PART_NEXT) {
        return MP_PART_NONE;
    }

    *text = tail;

    return next;
}


static mp_token_rc_t
mp_multipart_part(mp_field_t *fields, mp_str_t part)
{
    int          described;
    size_t       len;
    mp_str_t     line, value;
    mp_field_t  *field;

    static const mp_str_t  disposition = mp_str("content-disposition");

    field = NULL;
    described = 0;

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

            if (described) {
                return MP_TOKEN_INVALID;
            }

            field = mp_multipart_field(fields, value);
            described = 1;
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
    type.len = mp_str_chr(disposition, ';');

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
 * Finds a parameter of a header's value and gives it without its quotes, or
 * empty if it has no value.  Backslashes in it stay: no name that is looked
 * for has one.
 */

static int
mp_header_param(mp_str_t value, mp_str_t name, mp_str_t *result)
{
    mp_str_t  param;

    mp_skip(&value, mp_str_chr(value, ';'));

    while (value.len) {

        mp_skip(&value, 1);

        param.data = value.data;
        param.len = mp_str_chr(value, ';');
        param.len = mp_str_chr(param, '=');

        mp_skip(&value, param.len);

        result->data = value.data;
        result->len = 0;

        if (value.len && value.data[0] == '=') {
            mp_skip(&value, 1);
            mp_skip(&value, mp_param_value(value, result));
        }

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
        value->len = mp_str_chr(rest, ';');

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

    return i + mp_str_chr(rest, ';');
}


static void
mp_skip(mp_str_t *text, size_t n)
{
    text->data += n;
    text->len -= n;
}
