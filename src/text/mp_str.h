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


#define mp_str(text)   { sizeof(text) - 1, (const unsigned char *) (text) }
#define mp_null_str    { 0, NULL }


/* Classes of bytes.  Each from MP_PATH to MP_RESOURCE has all of the one before
 * it. */

#define MP_CONTROL   0x01    /* below 0x20, and 0x7f */
#define MP_DIGIT     0x02
#define MP_VISIBLE   0x04    /* printable ASCII without the space */
#define MP_WORD      0x08    /* letters, digits and ._- */
#define MP_PATH      0x10    /* ... and / */
#define MP_CODE      0x20    /* ... and =:@ */
#define MP_RESOURCE  0x40    /* ... and +, */
#define MP_ALNUM     0x80    /* letters and digits */
#define MP_LOWER     0x100   /* lower-case letters */


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

/* Where a byte first is in text, or text.len if it is not there. */
size_t mp_str_chr(mp_str_t text, unsigned char c);

/* Without the spaces and tabs at both ends. */
mp_str_t mp_str_trim(mp_str_t text);

/* Without the white space at both ends, line ends too. */
mp_str_t mp_str_trim_lines(mp_str_t text);

/* The value of a hexadecimal digit, or -1. */
int mp_hex_digit(unsigned char c);

/* Whether every byte of text is in one of the classes, MP_... above. */
int mp_str_is_made_of(mp_str_t text, unsigned classes);

/* Whether a byte is below 0x20 or is 0x7f. */
int mp_str_has_control(mp_str_t text);

/* Whether it is well-formed UTF-8 as RFC 3629 has it: no surrogates, no
 * overlong forms, nothing above U+10FFFF. */
int mp_str_is_utf8(mp_str_t text);

/* Copies bytes and returns the end of the copy. */
unsigned char *mp_copy(unsigned char *dst, mp_str_t src);


#endif /* MP_STR_H */
