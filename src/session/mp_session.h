/*
 * The session: a resolved customer as the value of a cookie.
 *
 *     1.PAYLOAD.CODE
 *
 * PAYLOAD is base64url of the time of issue and the time of expiry, in seconds
 * since 1970 and as 8 bytes each, and of the customer's fields and the offer
 * type, each with its length as 2 bytes in front of it; all numbers begin with
 * their highest byte.  CODE is base64url of the HMAC-SHA-256 of all that is in
 * front of its dot.  Its key is the HMAC-SHA-256 of "marketplace session 1 "
 * and the cookie's name, under the operator's key.
 */

#ifndef MP_SESSION_H
#define MP_SESSION_H


#include "../aws/mp_resolve_customer.h"
#include "../aws/mp_sha256.h"

#include <time.h>


/* In bytes.  Of a text: the shortest that is taken for a key. */
#define MP_SESSION_KEY_MIN  32

/* In seconds: by how much the clocks of two machines that share a key may
 * differ. */
#define MP_SESSION_SKEW     60


typedef struct {
    mp_hmac_t      hmac;
    unsigned char  code[MP_SHA256_LEN];     /* the key itself */
} mp_session_key_t;


typedef struct {
    time_t         issued;
    time_t         expires;
    mp_str_t       field[MP_CUSTOMER_FIELDS];
    mp_str_t       offer_type;
} mp_session_t;


/*
 * Takes the next key out of the text of a key file, which has one a line, as
 * hexadecimal digits, base64 or anything else: a key is its line as it is,
 * without white space at the ends.  Returns 0 if there is none any more.
 */
int mp_session_next_key(mp_str_t *text, mp_str_t *line);

/* Why a line is no key, or NULL if it is one. */
const char *mp_session_check_key(mp_str_t line);

/* Derives the key that signs a cookie of this name. */
void mp_session_key(mp_session_key_t *key, mp_str_t line, mp_str_t cookie);


/* The length of a session as a cookie's value.  SIZE_MAX if a field is longer
 * than can be written. */
size_t mp_session_len(const mp_session_t *session);

/* How much memory sealing needs at dst; the value is at its beginning. */
size_t mp_session_room(const mp_session_t *session);

/* Writes the value, and returns its end. */
unsigned char *mp_session_seal(unsigned char *dst, const mp_session_t *session,
    const mp_session_key_t *key);

/*
 * Reads a cookie's value, which any of the keys may have signed; *signed_by is
 * the one that has.  The fields point into buf, which has room for twice the
 * value's length and 8 bytes.  Returns NULL, or why it is no session now.
 */
const char *mp_session_open(mp_session_t *session, unsigned char *buf,
    mp_str_t value, const mp_session_key_t *keys, size_t nkeys, time_t now,
    const mp_session_key_t **signed_by);


#endif /* MP_SESSION_H */
