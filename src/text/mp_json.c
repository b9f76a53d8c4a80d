#include "mp_json.h"

#include <string.h>


static int mp_json_is_one_object(mp_str_t text);
static size_t mp_json_skip_string(mp_str_t text, size_t i);
static mp_str_t mp_json_strip_space(mp_str_t text);
static unsigned char mp_json_short_escape(unsigned char c);


cJSON *
mp_json_parse_object(mp_str_t text)
{
    text = mp_json_strip_space(text);

    if (!mp_json_is_one_object(text)) {
        return NULL;
    }

    return cJSON_ParseWithLength((const char *) text.data, text.len);
}


/*
 * Brackets that open and close within the depth limit, the outermost being
 * the first and the last byte.  More than a limit: cJSON before 1.7.18 reads
 * a byte behind a text that ends inside an object, which this excludes.
 */

static int
mp_json_is_one_object(mp_str_t text)
{
    size_t    i;
    unsigned  depth;

    if (text.len < 2 || text.data[0] != '{') {
        return 0;
    }

    depth = 0;

    for (i = 0; i < text.len; i++) {

        switch (text.data[i]) {

        case '"':
            i = mp_json_skip_string(text, i);
            break;

        case '{':
        case '[':
            if (++depth > MP_JSON_MAX_DEPTH) {
                return 0;
            }
            break;

        case '}':
        case ']':
            if (--depth == 0) {
                return i == text.len - 1;
            }
            break;

        case '\0':
            return 0;
        }
    }

    return 0;
}


/* From a string's first quote to its last, or to the end of the text if the
 * string does not end or holds a NUL. */

static size_t
mp_json_skip_string(mp_str_t text, size_t i)
{
    for (i++; i < text.len; i++) {

        switch (text.data[i]) {

        case '"':
            return i;

        case '\0':
            return text.len;

        case '\\':
            if (text.len - i > 5 && memcmp(text.data + i, "\\u0000", 6) == 0) {
                return text.len;
            }

            i++;
            break;
        }
    }

    return text.len;
}


static mp_str_t
mp_json_strip_space(mp_str_t text)
{
    while (text.len && memchr(" \t\r\n", text.data[0], 4)) {
        text.data++;
        text.len--;
    }

    while (text.len && memchr(" \t\r\n", text.data[text.len - 1], 4)) {
        text.len--;
    }

    return text;
}


mp_str_t
mp_json_string(const cJSON *item)
{
    return mp_str_from(item->valuestring);
}


size_t
mp_json_escaped_len(mp_str_t text)
{
    size_t         i, len;
    unsigned char  c;

    len = text.len;

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (mp_json_short_escape(c)) {
            len += 1;

        } else if (c < 0x20) {
            len += sizeof("\\u0000") - 2;
        }
    }

    return len;
}


unsigned char *
mp_json_escape(unsigned char *dst, mp_str_t text)
{
    size_t             i;
    unsigned char      c, letter;
    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < text.len; i++) {
        c = text.data[i];
        letter = mp_json_short_escape(c);

        if (letter) {
            *dst++ = '\\';
            *dst++ = letter;

        } else if (c < 0x20) {
            memcpy(dst, "\\u00", 4);
            dst += 4;
            *dst++ = (unsigned char) hex[c >> 4];
            *dst++ = (unsigned char) hex[c & 0xf];

        } else {
            *dst++ = c;
        }
    }

    return dst;
}


/* The letter that stands for a byte behind a backslash, or 0. */

static unsigned char
mp_json_short_escape(unsigned char c)
{
    switch (c) {

    case '"':
    case '\\':
        return c;

    case '\b':
        return 'b';

    case '\t':
        return 't';

    case '\n':
        return 'n';

    case '\f':
        return 'f';

    case '\r':
        return 'r';

    default:
        return 0;
    }
}
