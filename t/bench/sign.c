/*
 * The time of one signature, of the bare hashes that it cannot do without, and
 * of the hashes that aws-c-auth does for one: five HMACs, because it derives
 * the key each time, and two hashes, each in a context of OpenSSL's that is
 * made for it, as its aws-c-cal does.  What it does besides is left out.
 * Prints a line for each of a number of rounds, nanoseconds of each.
 */

#include "aws/mp_request.h"
#include "aws/mp_resolve_customer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>


#define ROUNDS      51
#define REPETITIONS 20000

#define SECRET_KEY     "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

#define TOKEN_LEN      300
#define CANONICAL_LEN  308    /* what is hashed for such a token */
#define TO_SIGN_LEN    138


static unsigned char      body[TOKEN_LEN * 2], text[1024];
static mp_scope_t         scope;
static mp_signing_key_t   key;
static mp_signed_request_t  request;


static double
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}


static void
set_up(void)
{
    mp_str_t       token;
    unsigned char  letters[TOKEN_LEN];

    memset(letters, 'T', sizeof(letters));
    token.data = letters;
    token.len = sizeof(letters);

    scope.region = mp_str_from("us-east-1");
    scope.service = mp_str_from(MP_METERING_SERVICE);

    memset(&request, 0, sizeof(request));
    mp_amz_date(request.date, 1767323045);
    request.host = mp_str_from("metering.marketplace.us-east-1.amazonaws.com");
    request.content_type = mp_str_from(MP_AWS_JSON);
    request.target = mp_str_from(MP_RESOLVE_TARGET);
    request.body.data = body;
    request.body.len = (size_t) (mp_resolve_body(body, token) - body);

    mp_signing_key(&key, request.date, mp_str_from(SECRET_KEY), &scope);
}


static double
signatures(void)
{
    int            i;
    double         start;
    unsigned char  signature[MP_SHA256_HEX_LEN];

    start = now();

    for (i = 0; i < REPETITIONS; i++) {
        mp_sign(&key, &scope, &request, signature);
        body[30] ^= signature[0];
    }

    return (now() - start) / REPETITIONS;
}


static void
hash(const unsigned char *data, size_t len, unsigned char *digest)
{
    SHA256_CTX  sha;

    SHA256_Init(&sha);
    SHA256_Update(&sha, data, len);
    SHA256_Final(digest, &sha);
}


/* The body, the canonical request, and an HMAC with the key's states. */

static double
hashes(void)
{
    int            i;
    double         start;
    mp_str_t       to_sign;
    unsigned char  digest[MP_SHA256_LEN];

    to_sign.data = text;
    to_sign.len = TO_SIGN_LEN;

    start = now();

    for (i = 0; i < REPETITIONS; i++) {
        hash(body, request.body.len, digest);
        hash(text, CANONICAL_LEN, digest);
        mp_hmac(&key.hmac, to_sign, digest);
        text[30] ^= digest[0];
    }

    return (now() - start) / REPETITIONS;
}


static void
evp_hash(const unsigned char *data, size_t len, unsigned char *digest)
{
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();
    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
    EVP_DigestUpdate(ctx, data, len);
    EVP_DigestFinal_ex(ctx, digest, NULL);
    EVP_MD_CTX_free(ctx);
}


static void
evp_hmac(const void *secret, size_t secret_len, const void *data, size_t len,
    unsigned char *code)
{
    HMAC_CTX  *ctx;

    ctx = HMAC_CTX_new();
    HMAC_Init_ex(ctx, secret, (int) secret_len, EVP_sha256(), NULL);
    HMAC_Update(ctx, data, len);
    HMAC_Final(ctx, code, NULL);
    HMAC_CTX_free(ctx);
}


static double
derived_hashes(void)
{
    int            i;
    double         start;
    unsigned char  code[MP_SHA256_LEN], digest[MP_SHA256_LEN];

    static const char  secret[] = "AWS4" SECRET_KEY;

    start = now();

    for (i = 0; i < REPETITIONS; i++) {
        evp_hmac(secret, sizeof(secret) - 1, request.date, MP_AMZ_DAY_LEN,
                 code);
        evp_hmac(code, sizeof(code), scope.region.data, scope.region.len, code);
        evp_hmac(code, sizeof(code), scope.service.data, scope.service.len,
                 code);
        evp_hmac(code, sizeof(code), "aws4_request", 12, code);

        evp_hash(body, request.body.len, digest);
        evp_hash(text, CANONICAL_LEN, digest);
        evp_hmac(code, sizeof(code), text, TO_SIGN_LEN, digest);
        text[30] ^= digest[0];
    }

    return (now() - start) / REPETITIONS;
}


int
main(void)
{
    int     i;
    double  signature, bare, derived;

    set_up();

    for (i = 0; i < ROUNDS; i++) {
        signature = signatures();
        bare = hashes();
        derived = derived_hashes();

        printf("%.0f %.0f %.0f\n", signature, bare, derived);
    }

    return 0;
}
