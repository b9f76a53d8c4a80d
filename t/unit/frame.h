/*
 * What the filter programs read and write: strings, each behind its length
 * as four bytes, the most significant first.
 */

#ifndef FRAME_H
#define FRAME_H


#include <stdio.h>
#include <stdlib.h>

#include "text/mp_str.h"


/* Reads a string into memory of exactly its size.  Ends the program in the
 * middle of one; returns 0 at the end of the input. */

static inline int
frame_read(mp_str_t *text)
{
    size_t         n;
    unsigned char  head[4], *data;

    n = fread(head, 1, sizeof(head), stdin);

    if (n == 0) {
        return 0;
    }

    text->len = (size_t) head[0] << 24 | (size_t) head[1] << 16
                | (size_t) head[2] << 8 | head[3];
    text->data = data = malloc(text->len);

    if (n != sizeof(head) || data == NULL
        || fread(data, 1, text->len, stdin) != text->len)
    {
        exit(EXIT_FAILURE);
    }

    return 1;
}


/* Reads n strings; in between there must be no end. */

static inline int
frame_read_all(mp_str_t *texts, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (!frame_read(&texts[i])) {
            if (i) {
                exit(EXIT_FAILURE);
            }

            return 0;
        }
    }

    return 1;
}


static inline void
frame_free(mp_str_t *texts, size_t n)
{
    while (n--) {
        free((void *) texts[n].data);
    }
}


static inline long
frame_number(mp_str_t text)
{
    long    value;
    size_t  i;

    for (value = 0, i = 0; i < text.len; i++) {
        value = value * 10 + (text.data[i] - '0');
    }

    return value;
}


static inline void
frame_write(mp_str_t text)
{
    int  shift;

    for (shift = 24; shift >= 0; shift -= 8) {
        putchar((int) (text.len >> shift & 0xff));
    }

    if (text.len && fwrite(text.data, 1, text.len, stdout) != text.len) {
        exit(EXIT_FAILURE);
    }
}


#endif /* FRAME_H */
