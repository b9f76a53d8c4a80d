/*
 * What went wrong with a resolve: the errors that AWS answers, those that the
 * module finds itself, and what each of them means to buyer and operator.
 */

#ifndef MP_ERROR_H
#define MP_ERROR_H


#include "../text/mp_str.h"


#define MP_ERROR_NAME_MAX     128
#define MP_ERROR_MESSAGE_MAX  1024

/* What is shorter may be a part of any name, and is no secret. */
#define MP_SECRET_MIN         8


typedef enum {
    MP_FAULT_BUYER = 0,     /* of the request or its token */
    MP_FAULT_PRODUCT,       /* the token is good, but for another product */
    MP_FAULT_SERVICE,       /* AWS, or the way there; it may pass */
    MP_FAULT_OPERATOR       /* ours to mend */
} mp_fault_t;


typedef struct {
    mp_str_t       name;
    unsigned       status;      /* HTTP's, for the client */
    mp_fault_t     fault;
    const char    *advice;      /* to the operator */
} mp_error_t;


/* Errors that the module itself finds. */
extern const mp_error_t  mp_missing_token;
extern const mp_error_t  mp_invalid_request;
extern const mp_error_t  mp_token_too_large;
extern const mp_error_t  mp_product_code_mismatch;
extern const mp_error_t  mp_session_too_large;
extern const mp_error_t  mp_connection_error;
extern const mp_error_t  mp_invalid_response;
extern const mp_error_t  mp_timeout;
extern const mp_error_t  mp_no_credentials;


/* What AWS said, fit to be printed: a name of letters, digits, '.', '_' and
 * '-', and a message without control bytes. */
typedef struct {
    size_t         name_len;
    size_t         message_len;
    unsigned       common:1;    /* named in the namespace of all services */
    unsigned char  name[MP_ERROR_NAME_MAX];
    unsigned char  message[MP_ERROR_MESSAGE_MAX];
} mp_aws_error_t;


/*
 * Reads the name and the message out of a reply with an error status, from the
 * body or else from the value of x-amzn-ErrorType.  What is not there, or not
 * as a name can be, has the length 0.  AWS may quote what it was sent: in the
 * message every occurrence of one of the secrets becomes asterisks, and what
 * holds one of them is no name, unless it is one that AWS is known to use.
 */
void mp_aws_error_parse(mp_aws_error_t *error, mp_str_t body,
    mp_str_t error_type, const mp_str_t *secrets, size_t nsecrets);

/* The same, of a name and a message that have been read otherwise. */
void mp_aws_error_set(mp_aws_error_t *error, mp_str_t type, mp_str_t message,
    const mp_str_t *secrets, size_t nsecrets);

/* Whether a name or an id holds one of the secrets. */
int mp_str_has_secret(mp_str_t text, const mp_str_t *secrets,
    size_t nsecrets);

/*
 * What an error reply means.  credentials_expired tells that the credentials
 * that signed the request are known to have ended.
 *
 * The result is the caller's copy; its name may point into error.
 */
mp_error_t mp_aws_error_classify(const mp_aws_error_t *error, unsigned status,
    int credentials_expired);

/*
 * Whether an error, by the name that it is classified as, tells that the
 * credentials that signed have ended or are not known: others may do.
 */
int mp_error_is_of_credentials(mp_str_t name);


/* By how many seconds a clock has to be off for signatures to be refused, with
 * a minute to spare. */
#define MP_CLOCK_SKEW  240

/* Whether the error may be that of a clock that is wrong. */
int mp_error_is_of_clock(mp_str_t name);

/* Whether it is one of the names by which services limit the rate of calls. */
int mp_error_is_throttling(mp_str_t name);


/* All errors that have a meaning of their own, to be counted: the index of the
 * one with a name (all limits of a rate are one), MP_ERRORS if it is none of
 * them, and the name at an index. */
#define MP_ERRORS  30

size_t mp_error_index(mp_str_t name);
mp_str_t mp_error_name(size_t i);


#endif /* MP_ERROR_H */
