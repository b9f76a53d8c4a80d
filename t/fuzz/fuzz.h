/*
 * What the fuzz targets share: the check that a property holds, memory of
 * exactly the size that is needed, so that a byte too far is seen, and texts
 * that are made of the input's bytes.
 */

#ifndef FUZZ_H
#define FUZZ_H


#define _GNU_SOURCE  /* memmem() */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/mp_str.h"


#define FUZZ_BLOCKS  65536


/* Ends the program, which libFuzzer takes for a finding. */
#define fuzz_hold(property)                                                   \
    do {                                                                      \
        if (!(property)) {                                                    \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
                    #property);                                               \
            abort();                                                          \
        }                                                                     \
    } while (0)


/* All memory of one run, freed at its end. */
static void    *fuzz_block[FUZZ_BLOCKS];
static size_t   fuzz_blocks;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static inline void *
fuzz_alloc(size_t size)
{
    void  *block;

    fuzz_hold(fuzz_blocks < FUZZ_BLOCKS);

    block = malloc(size);
    fuzz_hold(block != NULL);

    return fuzz_block[fuzz_blocks++] = block;
}


static inline void
fuzz_free_all(void)
{
    while (fuzz_blocks) {
        free(fuzz_block[--fuzz_blocks]);
    }
}


/* As mp_pool_t has it. */

static inline void *
fuzz_pool_alloc(void *pool, size_t size)
{
    return fuzz_alloc(size);
}


static inline mp_str_t
fuzz_str(const uint8_t *data, size_t size)
{
    mp_str_t  text;

    text.data = data;
    text.len = size;

    return text;
}


static inline mp_str_t
fuzz_copy(mp_str_t text)
{
    unsigned char  *copy;

    copy = fuzz_alloc(text.len);

    if (text.len) {
        memcpy(copy, text.data, text.len);
    }

    return fuzz_str(copy, text.len);
}


static inline mp_str_t
fuzz_join(mp_str_t a, mp_str_t b)
{
    unsigned char  *joined;

    joined = fuzz_alloc(a.len + b.len);

    mp_copy(mp_copy(joined, a), b);

    return fuzz_str(joined, a.len + b.len);
}


/* Whether an independent look at the bytes finds them the same. */

static inline int
fuzz_eq(mp_str_t a, mp_str_t b)
{
    return a.len == b.len && (a.len == 0 || !memcmp(a.data, b.data, a.len));
}


static inline int
fuzz_contains(mp_str_t text, mp_str_t part)
{
    return text.len && part.len
           && memmem(text.data, text.len, part.data, part.len);
}


/* Whether it points into the text. */

static inline int
fuzz_is_part(mp_str_t part, mp_str_t text)
{
    return part.data >= text.data
           && part.data + part.len <= text.data + text.len;
}


/* Takes the first line off the text, its end too. */

static inline mp_str_t
fuzz_take_line(mp_str_t *text)
{
    mp_str_t              line;
    const unsigned char  *end;

    end = text->len ? memchr(text->data, '\n', text->len) : NULL;

    line.data = text->data;
    line.len = end ? (size_t) (end - text->data) : text->len;

    text->data += line.len + (end != NULL);
    text->len -= line.len + (end != NULL);

    return line;
}


/* Takes a number below n off the input; 0 at its end. */

static inline unsigned
fuzz_take(mp_str_t *input, unsigned n)
{
    if (input->len == 0) {
        return 0;
    }

    input->len--;

    return *input->data++ % n;
}


/* Takes a text of up to max bytes off the input. */

static inline mp_str_t
fuzz_take_text(mp_str_t *input, unsigned max)
{
    mp_str_t  text;

    text.len = fuzz_take(input, max + 1);
    text.data = input->data;

    if (text.len > input->len) {
        text.len = input->len;
    }

    input->data += text.len;
    input->len -= text.len;

    return text;
}


/* Text that is written piece by piece. */
typedef struct {
    unsigned char  *data;
    size_t          len;
    size_t          size;
} fuzz_text_t;


static inline void
fuzz_add(fuzz_text_t *text, mp_str_t more)
{
    if (text->size - text->len < more.len) {
        text->size = 2 * (text->len + more.len);
        text->data = realloc(text->data, text->size);
        fuzz_hold(text->data != NULL);
    }

    if (more.len) {
        memcpy(text->data + text->len, more.data, more.len);
        text->len += more.len;
    }
}


static inline void
fuzz_add_byte(fuzz_text_t *text, unsigned c)
{
    unsigned char  byte;

    byte = (unsigned char) c;

    fuzz_add(text, fuzz_str(&byte, 1));
}


static inline void
fuzz_add_chars(fuzz_text_t *text, const char *more)
{
    fuzz_add(text, mp_str_from(more));
}


/* Ends the writing: what was written, in memory of its own size. */

static inline mp_str_t
fuzz_text(fuzz_text_t *text)
{
    mp_str_t  copy;

    copy = fuzz_copy(fuzz_str(text->data, text->len));

    free(text->data);
    memset(text, 0, sizeof(fuzz_text_t));

    return copy;
}


/* UTF-8 by decoding and encoding again, which only what is well-formed
 * survives. */

static inline int
fuzz_is_utf8(mp_str_t text)
{
    size_t         i, n;
    unsigned long  c;

    while (text.len) {
        c = text.data[0];

        n = (c < 0x80) ? 1 : (c >> 5 == 6) ? 2 : (c >> 4 == 14) ? 3
            : (c >> 3 == 30) ? 4 : 0;

        if (n == 0 || n > text.len) {
            return 0;
        }

        c &= (n == 1) ? 0x7f : 0x7fUL >> n;

        for (i = 1; i < n; i++) {
            if (text.data[i] >> 6 != 2) {
                return 0;
            }

            c = c << 6 | (text.data[i] & 0x3f);
        }

        if (c > 0x10ffff || c >> 11 == 0x1b
            || n != 1u + (c > 0x7f) + (c > 0x7ff) + (c > 0xffff))
        {
            return 0;
        }

        text.data += n;
        text.len -= n;
    }

    return 1;
}


static inline int
fuzz_has_control(mp_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < ' ' || text.data[i] == 127) {
            return 1;
        }
    }

    return 0;
}


#endif /* FUZZ_H */
