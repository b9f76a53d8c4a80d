/*
 * The operation ResolveCustomer of AWS Marketplace Metering: what is sent and
 * what comes back.
 */

#ifndef MP_RESOLVE_CUSTOMER_H
#define MP_RESOLVE_CUSTOMER_H


#include "../text/mp_json.h"


#define MP_METERING_SERVICE   "aws-marketplace"
#define MP_RESOLVE_TARGET     "AWSMPMeteringService.ResolveCustomer"
#define MP_AWS_JSON           "application/x-amz-json-1.1"


enum {
    MP_CUSTOMER_AWS_ACCOUNT_ID = 0,
    MP_LICENSE_ARN,
    MP_CUSTOMER_IDENTIFIER,
    MP_PRODUCT_CODE,
    MP_CUSTOMER_FIELDS
};


/* A customer, packed into one piece of memory that all strings point into.  A
 * field that AWS did not return, or returned empty, has the length 0. */
typedef struct {
    mp_str_t   field[MP_CUSTOMER_FIELDS];
    mp_str_t   packed;
} mp_customer_t;


typedef enum {
    MP_CUSTOMER_OK = 0,
    MP_CUSTOMER_INVALID,
    MP_CUSTOMER_NO_MEMORY
} mp_customer_rc_t;


/* The length of the request's body for a registration token. */
size_t mp_resolve_body_len(mp_str_t token);

/* Writes that many bytes and returns their end. */
unsigned char *mp_resolve_body(unsigned char *dst, mp_str_t token);

/* The token in such a body, with its escapes. */
mp_str_t mp_resolve_body_token(mp_str_t body);

/*
 * Reads the body of a reply with status 200 into memory of the pool.  Returns
 * MP_CUSTOMER_INVALID if it names no customer, or if a field in it is not as
 * the API's model has it.
 */
mp_customer_rc_t mp_customer_parse(mp_customer_t *customer, mp_str_t body,
    const mp_pool_t *pool);

/* Takes what was packed, which stays where it is. */
void mp_customer_unpack(mp_customer_t *customer, mp_str_t packed);

/*
 * Any string member of the reply by its name in lower case; an empty string if
 * there is none, or if it holds a control byte.
 */
mp_str_t mp_customer_member(const mp_customer_t *customer, mp_str_t name);

/* Whether it is of the bytes that product codes are of, and not empty. */
int mp_is_product_code(mp_str_t value);


#endif /* MP_RESOLVE_CUSTOMER_H */
