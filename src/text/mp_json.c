#include "mp_json.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <openssl/crypto.h>


/* Eight bytes at a time, as one word: the high bit of a byte that is below n,
 * n up to 0x80, is carried into by the subtraction.  Bytes above a hit may be
 * hit as well: it is only asked whether there is one. */

#define mp_every_byte(c)  (0x0101010101010101 * (uint64_t) (c))

#define mp_has_byte_below(word, n)                                            \
    (((word) - mp_every_byte(n)) & ~(word) & mp_every_byte(0x80))


static int mp_json_is_one_object(mp_str_t text);
static size_t mp_json_skip_string(mp_str_t text, size_t i);
static void mp_json_cleanse(cJSON *item);
static size_t mp_json_plain_len(mp_str_t text);
static unsigned char mp_json_short_escape(unsigned char c);


cJSON *
mp_json_parse_object(mp_str_t text)
{
    errno = 0;

    text = mp_str_trim_lines(text);

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
    mp_str_t  rest;

    for (i++; i < text.len; i++) {

        rest.data = text.data + i;
        rest.len = text.len - i;

        i += mp_json_plain_len(rest);

        if (i == text.len || text.data[i] == '"') {
            return i;
        }

        if (text.data[i] == '\0'
            || (text.len - i > 5 && memcmp(text.data + i, "\\u0000", 6) == 0))
        {
            return text.len;
        }

        if (text.data[i] == '\\') {
            i++;
        }
    }

    return text.len;
}


void
mp_json_delete_secret(cJSON *item)
{
    if (item) {
        mp_json_cleanse(item);
        cJSON_Delete(item);
    }
}


/* It calls itself as deep as the text was nested, which is limited. */

static void
mp_json_cleanse(cJSON *item)
{
    cJSON  *child;

    if (cJSON_IsString(item)) {
        OPENSSL_cleanse(item->valuestring, strlen(item->valuestring));
    }

    cJSON_ArrayForEach(child, item) {
        mp_json_cleanse(child);
    }
}


mp_str_t
mp_json_string(const cJSON *item)
{
    return mp_str_from(item->valuestring);
}


size_t
mp_json_escaped_len(mp_str_t text)
{
    size_t  len, n;

    len = text.len;

    for ( ;; ) {
        n = mp_json_plain_len(text);

        if (n == text.len) {
            return len;
        }

        len += mp_json_short_escape(text.data[n]) ? 1 : sizeof("u0000") - 1;

        text.data += n + 1;
        text.len -= n + 1;
    }
}


unsigned char *
mp_json_escape(unsigned char *dst, mp_str_t text)
{
    mp_str_t           plain;
    unsigned char      c, letter;
    static const char  hex[] = "0123456789abcdef";

    for ( ;; ) {
        plain.data = text.data;
        plain.len = mp_json_plain_len(text);

        dst = mp_copy(dst, plain);

        if (plain.len == text.len) {
            return dst;
        }

        c = text.data[plain.len];
        letter = mp_json_short_escape(c);

        *dst++ = '\\';

        if (letter) {
            *dst++ = letter;

        } else {
            memcpy(dst, "u00", 3);
            dst += 3;
            *dst++ = (unsigned char) hex[c >> 4];
            *dst++ = (unsigned char) hex[c & 0xf];
        }

        text.data += plain.len + 1;
        text.len -= plain.len + 1;
    }
}


/* How many bytes from the start need no escape. */

static size_t
mp_json_plain_len(mp_str_t text)
{
    size_t    i;
    uint64_t  word;

    i = 0;

    while (text.len - i >= sizeof(word)) {

        memcpy(&word, text.data + i, sizeof(word));

        if (mp_has_byte_below(word, 0x20)
            || mp_has_byte_below(word ^ mp_every_byte('"'), 1)
            || mp_has_byte_below(word ^ mp_every_byte('\\'), 1))
        {
            break;
        }

        i += sizeof(word);
    }

    while (i < text.len
           && text.data[i] >= 0x20
           && text.data[i] != '"' && text.data[i] != '\\')
    {
        i++;
    }

    return i;
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
