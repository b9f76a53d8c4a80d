/*
 * Credentials as they are handed out to machines: what makes them usable, and
 * the document that EC2's instance metadata and the container endpoints send.
 */

#ifndef MP_CREDENTIALS_H
#define MP_CREDENTIALS_H


#include "mp_error.h"
#include "mp_sigv4.h"


#define MP_ACCESS_KEY_MAX     128
#define MP_SESSION_TOKEN_MAX  (12 * 1024)


/* What is handed out: Expiration is as mp_time_parse() takes it. */
enum {
    MP_TEMPORARY_ACCESS_KEY = 0,
    MP_TEMPORARY_SECRET_KEY,
    MP_TEMPORARY_SESSION_TOKEN,
    MP_TEMPORARY_EXPIRATION,
    MP_TEMPORARY_FIELDS
};


/* Credentials that end. */
typedef struct {
    mp_credentials_t   keys;
    time_t             expiration;    /* by the clock of who issued them */
} mp_temporary_t;


/*
 * Whether the keys can be signed with and sent in a header.  Returns NULL, or
 * what is wrong, as in "access key id: it must be of letters and digits".
 */
const char *mp_credentials_check(const mp_credentials_t *keys);

/* Whether the keys are of the kind that ends, by the start of their id, and
 * have no session token although AWS wants one. */
int mp_credentials_lack_token(const mp_credentials_t *keys);

/*
 * Reads AccessKeyId, SecretAccessKey, Token and Expiration, all of which have
 * to be there, out of a JSON document; one with a Code other than "Success" is
 * an error, although the services send it with status 200.  The keys point
 * into buf, which takes up to body.len bytes; of a document that is JSON no
 * other copy is left behind.  Returns NULL, or what is wrong; temporary is then
 * all zeros.
 */
const char *mp_credentials_document(mp_temporary_t *temporary,
    unsigned char *buf, mp_str_t body);

/*
 * Makes credentials of MP_TEMPORARY_FIELDS strings, to which they point.
 * Returns NULL, or what is wrong with one, which may not be empty; temporary
 * is then all zeros.
 */
const char *mp_temporary_set(mp_temporary_t *temporary,
    const mp_str_t *field);


#endif /* MP_CREDENTIALS_H */
