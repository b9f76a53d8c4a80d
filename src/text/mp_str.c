#define _GNU_SOURCE  /* memmem() */

#include "mp_str.h"

#include <stdint.h>
#include <string.h>


static size_t mp_utf8_sequence_len(const unsigned char *p, size_t left);


#define MP_IN_RESOURCE  (MP_RESOURCE|MP_VISIBLE)
#define MP_IN_CODE      (MP_CODE|MP_IN_RESOURCE)
#define MP_IN_PATH      (MP_PATH|MP_IN_CODE)
#define MP_IN_WORD      (MP_WORD|MP_IN_PATH)


static const unsigned short  mp_classes[256] = {
    [0x00 ... 0x1f] = MP_CONTROL,

    ['!'] = MP_VISIBLE, ['"'] = MP_VISIBLE, ['#'] = MP_VISIBLE,
    ['$'] = MP_VISIBLE, ['%'] = MP_VISIBLE, ['&'] = MP_VISIBLE,
    ['\''] = MP_VISIBLE, ['('] = MP_VISIBLE, [')'] = MP_VISIBLE,
    ['*'] = MP_VISIBLE,
    ['+'] = MP_IN_RESOURCE,
    [','] = MP_IN_RESOURCE,
    ['-'] = MP_IN_WORD,
    ['.'] = MP_IN_WORD,
    ['/'] = MP_IN_PATH,
    ['0' ... '9'] = MP_DIGIT|MP_ALNUM|MP_IN_WORD,
    [':'] = MP_IN_CODE,
    [';'] = MP_VISIBLE, ['<'] = MP_VISIBLE,
    ['='] = MP_IN_CODE,
    ['>'] = MP_VISIBLE, ['?'] = MP_VISIBLE,
    ['@'] = MP_IN_CODE,
    ['A' ... 'Z'] = MP_ALNUM|MP_IN_WORD,
    ['['] = MP_VISIBLE, ['\\'] = MP_VISIBLE, [']'] = MP_VISIBLE,
    ['^'] = MP_VISIBLE,
    ['_'] = MP_IN_WORD,
    ['`'] = MP_VISIBLE,
    ['a' ... 'z'] = MP_LOWER|MP_ALNUM|MP_IN_WORD,
    ['{' ... '~'] = MP_VISIBLE,

    [0x7f] = MP_CONTROL
};


mp_str_t
mp_str_from(const char *text)
{
    mp_str_t  str;

    str.len = strlen(text);
    str.data = (const unsigned char *) text;

    return str;
}


int
mp_str_eq(mp_str_t a, mp_str_t b)
{
    return a.len == b.len
           && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


int
mp_str_eq_nocase(mp_str_t a, mp_str_t b)
{
    size_t  i;

    if (a.len != b.len) {
        return 0;
    }

    for (i = 0; i < a.len; i++) {
        if (mp_lower(a.data[i]) != mp_lower(b.data[i])) {
            return 0;
        }
    }

    return 1;
}


size_t
mp_str_find(mp_str_t text, mp_str_t needle)
{
    const unsigned char  *found;

    if (text.len < needle.len) {
        return text.len;
    }

    found = memmem(text.data, text.len, needle.data, needle.len);

    return found ? (size_t) (found - text.data) : text.len;
}


size_t
mp_str_chr(mp_str_t text, unsigned char c)
{
    const unsigned char  *found;

    found = text.len ? memchr(text.data, c, text.len) : NULL;

    return found ? (size_t) (found - text.data) : text.len;
}


mp_str_t
mp_str_trim(mp_str_t text)
{
    while (text.len && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.len--;
    }

    while (text.len
           && (text.data[text.len - 1] == ' '
               || text.data[text.len - 1] == '\t'))
    {
        text.len--;
    }

    return text;
}


mp_str_t
mp_str_trim_lines(mp_str_t text)
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


int
mp_hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c = mp_lower(c);

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    return -1;
}


int
mp_str_is_made_of(mp_str_t text, unsigned classes)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if ((mp_classes[text.data[i]] & classes) == 0) {
            return 0;
        }
    }

    return 1;
}


int
mp_str_has_control(mp_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if (mp_classes[text.data[i]] & MP_CONTROL) {
            return 1;
        }
    }

    return 0;
}


int
mp_str_is_utf8(mp_str_t text)
{
    size_t    i, n;
    uint64_t  word;

    for (i = 0; i < text.len; i += n) {

        /* eight bytes of ASCII at a time */

        if (text.len - i >= sizeof(word)) {

            memcpy(&word, text.data + i, sizeof(word));

            if ((word & 0x8080808080808080) == 0) {
                n = sizeof(word);
                continue;
            }
        }

        n = mp_utf8_sequence_len(text.data + i, text.len - i);

        if (n == 0) {
            return 0;
        }
    }

    return 1;
}


/* The length of the character at p, or 0 if it is not well-formed. */

static size_t
mp_utf8_sequence_len(const unsigned char *p, size_t left)
{
    size_t         i, n;
    unsigned char  low, high;

    if (p[0] < 0x80) {
        return 1;
    }

    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 0;
    }

    n = (p[0] < 0xe0) ? 2 : (p[0] < 0xf0) ? 3 : 4;

    if (left < n) {
        return 0;
    }

    /* the second byte is what rules out overlong forms and surrogates */

    low = (p[0] == 0xe0) ? 0xa0 : (p[0] == 0xf0) ? 0x90 : 0x80;
    high = (p[0] == 0xed) ? 0x9f : (p[0] == 0xf4) ? 0x8f : 0xbf;

    if (p[1] < low || p[1] > high) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    return n;
}


unsigned char *
mp_copy(unsigned char *dst, mp_str_t src)
{
    if (src.len) {
        memcpy(dst, src.data, src.len);
    }

    return dst + src.len;
}
