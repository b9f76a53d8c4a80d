/*
 * What the unit tests share: memory of exactly the size that is asked for,
 * where the address sanitizer sees every byte that is read behind it, and
 * checks that name the row of a table that fails.
 */

#ifndef UNIT_H
#define UNIT_H


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text/mp_str.h"


#define STR(text)      ((mp_str_t) mp_str(text))
#define LENGTH(array)  (sizeof(array) / sizeof((array)[0]))

#define check_str(label, got, want)                                           \
    unit_check_str(label, got, want, __FILE__, __LINE__)

#define check_int(label, got, want)                                           \
    unit_check_int(label, (long) (got), (long) (want), __FILE__, __LINE__)

/* What cmocka has for this has another name in each of its versions. */

#define assert_between(value, min, max)                                       \
    assert_true((uintptr_t) (value) >= (uintptr_t) (min)                      \
                && (uintptr_t) (value) <= (uintptr_t) (max))


typedef struct unit_block_s  unit_block_t;

struct unit_block_s {
    unit_block_t   *next;
    void           *data;
};


static unit_block_t  *unit_blocks;


/* Lives until unit_release(). */

static inline void *
unit_alloc(size_t size)
{
    unit_block_t  *block;

    block = malloc(sizeof(unit_block_t));
    assert_non_null(block);

    block->data = malloc(size);
    assert_non_null(block->data);

    block->next = unit_blocks;
    unit_blocks = block;

    return block->data;
}


/* The teardown of a group of tests. */

static inline int
unit_release(void **state)
{
    unit_block_t  *block;

    while (unit_blocks) {
        block = unit_blocks;
        unit_blocks = block->next;

        free(block->data);
        free(block);
    }

    return 0;
}


static inline mp_str_t
unit_bytes(const void *data, size_t len)
{
    mp_str_t  text;

    text.data = memcpy(unit_alloc(len), data, len);
    text.len = len;

    return text;
}


static inline mp_str_t
unit_copy(mp_str_t text)
{
    static const mp_str_t  empty = mp_str("");

    return text.len ? unit_bytes(text.data, text.len)
                    : unit_bytes(empty.data, 0);
}


static inline mp_str_t
unit_join(mp_str_t a, mp_str_t b, mp_str_t c)
{
    mp_str_t        text;
    unsigned char  *data;

    text.len = a.len + b.len + c.len;
    text.data = data = unit_alloc(text.len);

    mp_copy(mp_copy(mp_copy(data, a), b), c);

    return text;
}


/* One byte, many times. */

static inline mp_str_t
unit_fill(char byte, size_t len)
{
    mp_str_t  text;

    text.data = memset(unit_alloc(len), byte, len);
    text.len = len;

    return text;
}


static inline void
unit_check_str(const char *label, mp_str_t got, mp_str_t want,
    const char *file, int line)
{
    if (got.len == want.len
        && (got.len == 0 || memcmp(got.data, want.data, got.len) == 0))
    {
        return;
    }

    print_error("%s: \"%.*s\" is not \"%.*s\"\n", label,
                (int) got.len, (const char *) got.data,
                (int) want.len, (const char *) want.data);
    _fail(file, line);
}


static inline void
unit_check_int(const char *label, long got, long want, const char *file,
    int line)
{
    if (got != want) {
        print_error("%s: %ld is not %ld\n", label, got, want);
        _fail(file, line);
    }
}


#endif /* UNIT_H */
