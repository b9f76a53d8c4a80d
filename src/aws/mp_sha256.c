#include "mp_sha256.h"

#include <string.h>

#include <openssl/crypto.h>


void
mp_sha256_add(SHA256_CTX *sha, mp_str_t text)
{
    SHA256_Update(sha, text.data, text.len);
}


void
mp_sha256_hex(SHA256_CTX *sha, unsigned char *hex)
{
    unsigned char  digest[MP_SHA256_LEN];

    SHA256_Final(digest, sha);

    mp_hex(hex, digest, MP_SHA256_LEN);
}


void
mp_hmac_key(mp_hmac_t *hmac, mp_str_t key)
{
    size_t         i;
    unsigned char  pad[SHA256_CBLOCK];

    memset(pad, 0, sizeof(pad));

    if (key.len > sizeof(pad)) {
        SHA256(key.data, key.len, pad);

    } else {
        mp_copy(pad, key);
    }

    for (i = 0; i < sizeof(pad); i++) {
        pad[i] ^= 0x36;
    }

    SHA256_Init(&hmac->inner);
    SHA256_Update(&hmac->inner, pad, sizeof(pad));

    for (i = 0; i < sizeof(pad); i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }

    SHA256_Init(&hmac->outer);
    SHA256_Update(&hmac->outer, pad, sizeof(pad));

    OPENSSL_cleanse(pad, sizeof(pad));
}


void
mp_hmac(const mp_hmac_t *hmac, mp_str_t text,
    unsigned char code[MP_SHA256_LEN])
{
    SHA256_CTX     sha;
    unsigned char  inner[MP_SHA256_LEN];

    sha = hmac->inner;
    SHA256_Update(&sha, text.data, text.len);
    SHA256_Final(inner, &sha);

    sha = hmac->outer;
    SHA256_Update(&sha, inner, sizeof(inner));
    SHA256_Final(code, &sha);
}


unsigned char *
mp_hex(unsigned char *dst, const unsigned char *bytes, size_t len)
{
    size_t             i;
    static const char  digits[] = "0123456789abcdef";

    for (i = 0; i < len; i++) {
        *dst++ = (unsigned char) digits[bytes[i] >> 4];
        *dst++ = (unsigned char) digits[bytes[i] & 0xf];
    }

    return dst;
}
