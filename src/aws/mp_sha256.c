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
    size_t  i;

    /* of every byte, because a signature is made of little else */

    static const char  digits[] =
        "000102030405060708090a0b0c0d0e0f"
        "101112131415161718191a1b1c1d1e1f"
        "202122232425262728292a2b2c2d2e2f"
        "303132333435363738393a3b3c3d3e3f"
        "404142434445464748494a4b4c4d4e4f"
        "505152535455565758595a5b5c5d5e5f"
        "606162636465666768696a6b6c6d6e6f"
        "707172737475767778797a7b7c7d7e7f"
        "808182838485868788898a8b8c8d8e8f"
        "909192939495969798999a9b9c9d9e9f"
        "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
        "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
        "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
        "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
        "e0e1e2e3e4e5e6e7e8e9eaebecedeeef"
        "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

    for (i = 0; i < len; i++) {
        memcpy(dst, digits + 2 * bytes[i], 2);
        dst += 2;
    }

    return dst;
}
