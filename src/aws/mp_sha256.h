/*
 * SHA-256 and HMAC-SHA-256 with the key's two padded states kept.
 *
 * OpenSSL's low-level functions, although 3.0 deprecates them: they allocate
 * nothing and cannot fail, and where a signature is four short hashes, EVP's
 * bookkeeping costs as much as the hashing.
 */

#ifndef MP_SHA256_H
#define MP_SHA256_H


#ifndef OPENSSL_SUPPRESS_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED
#endif

#include "../text/mp_str.h"

#include <openssl/sha.h>


#define MP_SHA256_LEN      SHA256_DIGEST_LENGTH
#define MP_SHA256_HEX_LEN  (2 * SHA256_DIGEST_LENGTH)


typedef struct {
    SHA256_CTX  inner;
    SHA256_CTX  outer;
} mp_hmac_t;


/* Adds text to a running hash. */
void mp_sha256_add(SHA256_CTX *sha, mp_str_t text);

/* Ends a running hash and writes MP_SHA256_HEX_LEN lower-case digits. */
void mp_sha256_hex(SHA256_CTX *sha, unsigned char *hex);

/* Prepares a key of any length. */
void mp_hmac_key(mp_hmac_t *hmac, mp_str_t key);

/* The code of text under a prepared key, which stays as it is. */
void mp_hmac(const mp_hmac_t *hmac, mp_str_t text,
    unsigned char code[MP_SHA256_LEN]);

/* Writes 2 * len lower-case digits and returns their end. */
unsigned char *mp_hex(unsigned char *dst, const unsigned char *bytes,
    size_t len);


#endif /* MP_SHA256_H */
