/*
 * A signed POST to AWS as the bytes that go over the wire.
 */

#ifndef MP_REQUEST_H
#define MP_REQUEST_H


#include "mp_sigv4.h"


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


#endif /* MP_REQUEST_H */
