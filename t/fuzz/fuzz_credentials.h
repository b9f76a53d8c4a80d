/*
 * What the targets of documents with credentials share: the rules that these
 * have to keep, and values that do.
 */

#ifndef FUZZ_CREDENTIALS_H
#define FUZZ_CREDENTIALS_H


#include "fuzz.h"

#include "aws/mp_credentials.h"


#define FUZZ_YEAR_10000  253402300800


typedef const char *(*fuzz_reader_t)(mp_temporary_t *temporary,
    unsigned char *buf, mp_str_t body);


static inline int
fuzz_is_visible(mp_str_t text, size_t max)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') {
            return 0;
        }
    }

    return text.len > 0 && text.len <= max;
}


/* Reads a document into a buffer of the size that it may take.  Either the
 * credentials can be used, or nothing is left of them. */

static inline int
fuzz_read_credentials(fuzz_reader_t reader, mp_temporary_t *temporary,
    mp_str_t document)
{
    const char     *wrong;
    unsigned char  *buf;

    static const mp_temporary_t  none;

    buf = fuzz_alloc(document.len);
    memset(temporary, 0xa5, sizeof(mp_temporary_t));

    wrong = reader(temporary, buf, document);

    if (wrong) {
        fuzz_hold(wrong[0] != '\0');
        fuzz_hold(!memcmp(temporary, &none, sizeof(none)));
        return 0;
    }

    fuzz_hold(fuzz_is_visible(temporary->keys.access_key, MP_ACCESS_KEY_MAX));
    fuzz_hold(fuzz_is_visible(temporary->keys.secret_key, MP_SECRET_KEY_MAX));
    fuzz_hold(fuzz_is_visible(temporary->keys.session_token,
                              MP_SESSION_TOKEN_MAX));
    fuzz_hold(temporary->expiration >= 0);

    return 1;
}


static inline void
fuzz_same_credentials(const mp_temporary_t *a, const mp_temporary_t *b)
{
    fuzz_hold(fuzz_eq(a->keys.access_key, b->keys.access_key));
    fuzz_hold(fuzz_eq(a->keys.secret_key, b->keys.secret_key));
    fuzz_hold(fuzz_eq(a->keys.session_token, b->keys.session_token));
    fuzz_hold(a->expiration == b->expiration);
}


/* Credentials of the input's bytes, and their end as it is written: they may
 * be signed with. */

static inline mp_str_t
fuzz_take_credentials(mp_str_t *input, mp_temporary_t *temporary)
{
    int          n;
    char         written[sizeof("2026-01-02T03:04:05.123456789+00:00") + 8];
    size_t       i, j;
    mp_str_t    *field[3], text;
    struct tm    tm;
    fuzz_text_t  bytes = { NULL, 0, 0 };

    static const char  *ends[] = { "Z", "+00:00", ".5Z", ".123456789+00:00" };

    field[0] = &temporary->keys.access_key;
    field[1] = &temporary->keys.secret_key;
    field[2] = &temporary->keys.session_token;

    for (i = 0; i < 3; i++) {
        text = fuzz_take_text(input, 100);

        fuzz_add_byte(&bytes, 'A');

        for (j = 0; j < text.len; j++) {
            fuzz_add_byte(&bytes, i ? 0x21u + text.data[j] % 94
                                    : 'A' + text.data[j] % 26u);
        }

        *field[i] = fuzz_text(&bytes);
    }

    for (i = 0, temporary->expiration = 0; i < 5; i++) {
        temporary->expiration = temporary->expiration << 8
                                | fuzz_take(input, 256);
    }

    temporary->expiration %= FUZZ_YEAR_10000;

    gmtime_r(&temporary->expiration, &tm);
    n = (int) strftime(written, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    strcpy(written + n, ends[fuzz_take(input, 4)]);

    return fuzz_copy(mp_str_from(written));
}


#endif /* FUZZ_CREDENTIALS_H */
