/*
 * AWS Signature Version 4 for what this module sends: POST / without a query.
 */

#ifndef MP_SIGV4_H
#define MP_SIGV4_H


#include "mp_sha256.h"

#include <time.h>


#define MP_AMZ_DATE_LEN   (sizeof("20260102T030405Z") - 1)
#define MP_AMZ_DAY_LEN    (sizeof("20260102") - 1)


/* Longer ones are refused where credentials are read. */
#define MP_SECRET_KEY_MAX  256


/* An identity; session_token is empty for keys that do not expire. */
typedef struct {
    mp_str_t       access_key;
    mp_str_t       secret_key;
    mp_str_t       session_token;
} mp_credentials_t;


typedef struct {
    mp_str_t       region;
    mp_str_t       service;
} mp_scope_t;


/* A signing key, good for one day, secret, region and service. */
typedef struct {
    unsigned char  day[MP_AMZ_DAY_LEN];
    mp_hmac_t      hmac;
} mp_signing_key_t;


/* The signed parts of a request; target and session_token, where empty, are
 * no header of it. */
typedef struct {
    unsigned char  date[MP_AMZ_DATE_LEN];
    mp_str_t       host;
    mp_str_t       content_type;
    mp_str_t       target;
    mp_str_t       session_token;
    mp_str_t       body;
} mp_signed_request_t;


/* Writes MP_AMZ_DATE_LEN bytes, the time in UTC as X-Amz-Date has it. */
void mp_amz_date(unsigned char *dst, time_t seconds);

/* Derives the key of a day (the first MP_AMZ_DAY_LEN bytes of a date).  It is
 * as secret as the secret key. */
void mp_signing_key(mp_signing_key_t *key, const unsigned char *day,
    mp_str_t secret_key, const mp_scope_t *scope);

/* Writes MP_SHA256_HEX_LEN digits.  The key has to be of the request's day. */
void mp_sign(const mp_signing_key_t *key, const mp_scope_t *scope,
    const mp_signed_request_t *request, unsigned char *signature);

/* The SignedHeaders of a request. */
mp_str_t mp_signed_headers(const mp_signed_request_t *request);


#endif /* MP_SIGV4_H */
