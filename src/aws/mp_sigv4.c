#include "mp_sigv4.h"

#include <string.h>

#include <openssl/crypto.h>


static void mp_add_header(SHA256_CTX *sha, mp_str_t name, mp_str_t value);
static void mp_canonical_request(const mp_signed_request_t *request,
    unsigned char *hex);
static unsigned char *mp_digits(unsigned char *dst, int value, int width);


static const mp_str_t  mp_algorithm = mp_str("AWS4-HMAC-SHA256\n");
static const mp_str_t  mp_terminator = mp_str("aws4_request");
static const mp_str_t  mp_newline = mp_str("\n");
static const mp_str_t  mp_slash = mp_str("/");


void
mp_amz_date(unsigned char *dst, time_t seconds)
{
    struct tm  tm;

    gmtime_r(&seconds, &tm);

    dst = mp_digits(dst, tm.tm_year + 1900, 4);
    dst = mp_digits(dst, tm.tm_mon + 1, 2);
    dst = mp_digits(dst, tm.tm_mday, 2);
    *dst++ = 'T';
    dst = mp_digits(dst, tm.tm_hour, 2);
    dst = mp_digits(dst, tm.tm_min, 2);
    dst = mp_digits(dst, tm.tm_sec, 2);
    *dst = 'Z';
}


static unsigned char *
mp_digits(unsigned char *dst, int value, int width)
{
    int  i;

    for (i = width - 1; i >= 0; i--) {
        dst[i] = (unsigned char) ('0' + value % 10);
        value /= 10;
    }

    return dst + width;
}


void
mp_signing_key(mp_signing_key_t *key, const unsigned char *day,
    mp_str_t secret_key, const mp_scope_t *scope)
{
    size_t         i;
    mp_str_t       steps[4], step_key;
    unsigned char  code[MP_SHA256_LEN], secret[4 + MP_SECRET_KEY_MAX];

    memcpy(key->day, day, MP_AMZ_DAY_LEN);

    memcpy(secret, "AWS4", 4);

    step_key.data = secret;
    step_key.len = (size_t) (mp_copy(secret + 4, secret_key) - secret);

    steps[0].data = key->day;
    steps[0].len = MP_AMZ_DAY_LEN;
    steps[1] = scope->region;
    steps[2] = scope->service;
    steps[3] = mp_terminator;

    mp_hmac_key(&key->hmac, step_key);

    for (i = 0; i < 4; i++) {
        mp_hmac(&key->hmac, steps[i], code);

        step_key.data = code;
        step_key.len = MP_SHA256_LEN;

        mp_hmac_key(&key->hmac, step_key);
    }

    OPENSSL_cleanse(code, sizeof(code));
    OPENSSL_cleanse(secret, sizeof(secret));
}


void
mp_sign(const mp_signing_key_t *key, const mp_scope_t *scope,
    const mp_signed_request_t *request, unsigned char *signature)
{
    SHA256_CTX     sha;
    unsigned char  code[MP_SHA256_LEN], hex[MP_SHA256_HEX_LEN];

    mp_canonical_request(request, hex);

    /* the string to sign, as the inner hash of the HMAC over it */

    sha = key->hmac.inner;

    mp_sha256_add(&sha, mp_algorithm);
    SHA256_Update(&sha, request->date, MP_AMZ_DATE_LEN);
    mp_sha256_add(&sha, mp_newline);
    SHA256_Update(&sha, request->date, MP_AMZ_DAY_LEN);
    mp_sha256_add(&sha, mp_slash);
    mp_sha256_add(&sha, scope->region);
    mp_sha256_add(&sha, mp_slash);
    mp_sha256_add(&sha, scope->service);
    mp_sha256_add(&sha, mp_slash);
    mp_sha256_add(&sha, mp_terminator);
    mp_sha256_add(&sha, mp_newline);

    SHA256_Update(&sha, hex, MP_SHA256_HEX_LEN);

    SHA256_Final(code, &sha);

    sha = key->hmac.outer;

    SHA256_Update(&sha, code, sizeof(code));
    mp_sha256_hex(&sha, signature);
}


/* The hash of the canonical request, in hexadecimal. */

static void
mp_canonical_request(const mp_signed_request_t *request, unsigned char *hex)
{
    mp_str_t    date;
    SHA256_CTX  sha;

    static const mp_str_t  start = mp_str("POST\n/\n\n");
    static const mp_str_t  content_type = mp_str("content-type");
    static const mp_str_t  host = mp_str("host");
    static const mp_str_t  amz_date = mp_str("x-amz-date");
    static const mp_str_t  security_token = mp_str("x-amz-security-token");
    static const mp_str_t  target = mp_str("x-amz-target");

    SHA256_Init(&sha);
    mp_sha256_add(&sha, request->body);
    mp_sha256_hex(&sha, hex);

    date.data = request->date;
    date.len = MP_AMZ_DATE_LEN;

    SHA256_Init(&sha);
    mp_sha256_add(&sha, start);

    mp_add_header(&sha, content_type, request->content_type);
    mp_add_header(&sha, host, request->host);
    mp_add_header(&sha, amz_date, date);
    mp_add_header(&sha, security_token, request->session_token);
    mp_add_header(&sha, target, request->target);

    mp_sha256_add(&sha, mp_newline);
    mp_sha256_add(&sha, mp_signed_headers(request));
    mp_sha256_add(&sha, mp_newline);
    SHA256_Update(&sha, hex, MP_SHA256_HEX_LEN);

    mp_sha256_hex(&sha, hex);
}


/* Values are taken as canonical: trimmed and without runs of spaces. */

static void
mp_add_header(SHA256_CTX *sha, mp_str_t name, mp_str_t value)
{
    if (value.len == 0) {
        return;
    }

    mp_sha256_add(sha, name);
    SHA256_Update(sha, ":", 1);
    mp_sha256_add(sha, value);
    mp_sha256_add(sha, mp_newline);
}


mp_str_t
mp_signed_headers(const mp_signed_request_t *request)
{
    /* by whether there is a session token, then by whether a target */

    static const mp_str_t  names[2][2] = {
        {
            mp_str("content-type;host;x-amz-date"),
            mp_str("content-type;host;x-amz-date;x-amz-target")
        },
        {
            mp_str("content-type;host;x-amz-date;x-amz-security-token"),
            mp_str("content-type;host;x-amz-date;x-amz-security-token;"
                   "x-amz-target")
        }
    };

    return names[request->session_token.len != 0][request->target.len != 0];
}
