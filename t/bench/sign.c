/*
 * The time of one signature, of the bare hashes that it cannot do without, and
 * of one whose key is derived for it, as aws-c-auth's always are: four HMACs
 * more.  Prints a line for each of a number of rounds, nanoseconds of each.
 */

#include "aws/mp_request.h"
#include "aws/mp_resolve_customer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>


#define ROUNDS      9
#define REPETITIONS 100000

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


static double
derived_signatures(void)
{
    int               i;
    double            start;
    unsigned char     signature[MP_SHA256_HEX_LEN];
    mp_signing_key_t  own;

    start = now();

    for (i = 0; i < REPETITIONS; i++) {
        mp_signing_key(&own, request.date, mp_str_from(SECRET_KEY), &scope);
        mp_sign(&own, &scope, &request, signature);
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


int
main(void)
{
    int     i;
    double  signature, bare, derived;

    set_up();

    for (i = 0; i < ROUNDS; i++) {
        signature = signatures();
        bare = hashes();
        derived = derived_signatures();

        printf("%.0f %.0f %.0f\n", signature, bare, derived);
    }

    return 0;
}
