/*
 * Requests to AWS as the bytes that go over the wire: a signed POST, and what
 * is asked unsigned for credentials.
 */

#ifndef MP_REQUEST_H
#define MP_REQUEST_H


#include "mp_sigv4.h"


/* A request without a signature, with one more header unless value is empty.
 * An empty content_type is no header of it. */
typedef struct {
    mp_str_t   method;
    mp_str_t   path;
    mp_str_t   host;
    mp_str_t   header;
    mp_str_t   value;
    mp_str_t   content_type;
    mp_str_t   body;
} mp_plain_request_t;


/*
 * The length of the head that mp_request_head() writes for this request,
 * scope and credentials.  Of the body only the length counts here.
 */
size_t mp_request_head_len(const mp_signed_request_t *request,
    const mp_scope_t *scope, mp_str_t access_key);

/*
 * Signs a request and writes its head, from the request line to the empty
 * line; returns its end.  The body goes right behind it.
 */
unsigned char *mp_request_head(unsigned char *dst,
    const mp_signed_request_t *request, const mp_scope_t *scope,
    mp_str_t access_key, const mp_signing_key_t *key);

/* The signature that ends a head, of which end is the end. */
mp_str_t mp_request_signature(const unsigned char *end);

/* The length of all of a request, its body included. */
size_t mp_plain_request_len(const mp_plain_request_t *request);

/* Writes that many bytes and returns their end. */
unsigned char *mp_plain_request(unsigned char *dst,
    const mp_plain_request_t *request);


#endif /* MP_REQUEST_H */
