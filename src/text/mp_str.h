/*
 * Strings as (length, pointer), and what is asked of their bytes.
 *
 * The files in src/text, src/aws and src/token include no nginx header: they
 * are plain C on memory that the caller owns, so that they can be tested and
 * fuzzed alone.
 */

#ifndef MP_STR_H
#define MP_STR_H


#include <stddef.h>


typedef struct {
    size_t                len;
    const unsigned char  *data;
} mp_str_t;


/* Where results are put that cannot point into the input; alloc may fail. */
typedef struct {
    void               *(*alloc)(void *pool, size_t size);
    void                 *pool;
} mp_pool_t;


#define mp_str(text)   { sizeof(text) - 1, (const unsigned char *) text }
#define mp_null_str    { 0, NULL }


static inline unsigned char
mp_lower(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') ? (unsigned char) (c | 0x20) : c;
}


mp_str_t mp_str_from(const char *text);

int mp_str_eq(mp_str_t a, mp_str_t b);

/* Letters of ASCII compare without case, all other bytes as they are. */
int mp_str_eq_nocase(mp_str_t a, mp_str_t b);

/* Where needle begins in text, or text.len if it is not there. */
size_t mp_str_find(mp_str_t text, mp_str_t needle);

/* Without the spaces and tabs at both ends. */
mp_str_t mp_str_trim(mp_str_t text);

/* The value of a hexadecimal digit, or -1. */
int mp_hex_digit(unsigned char c);

/* Whether a byte is below 0x20 or is 0x7f. */
int mp_str_has_control(mp_str_t text);

/* Whether every byte is a letter, a digit, '.', '_' or '-'. */
int mp_str_is_word(mp_str_t text);

/* Whether every byte is printable ASCII without the space. */
int mp_str_is_visible(mp_str_t text);

/* Whether it is well-formed UTF-8 as RFC 3629 has it: no surrogates, no
 * overlong forms, nothing above U+10FFFF. */
int mp_str_is_utf8(mp_str_t text);

/* Copies bytes and returns the end of the copy. */
unsigned char *mp_copy(unsigned char *dst, mp_str_t src);


#endif /* MP_STR_H */
