/*
 * The Security Token Service: temporary credentials for a role, on the word
 * of other credentials (AssumeRole) or of a token (AssumeRoleWithWebIdentity).
 */

#ifndef MP_STS_H
#define MP_STS_H


#include "mp_credentials.h"


#define MP_STS_SERVICE        "sts"
#define MP_STS_FORM           "application/x-www-form-urlencoded"
#define MP_STS_SESSION_NAME   "nginx-marketplace"

#define MP_ROLE_DURATION_MIN  900
#define MP_ROLE_DURATION_MAX  43200


/* A role to assume; external_id and session_name may be empty (the session is
 * then MP_STS_SESSION_NAME), a duration of 0 seconds is the service's own. */
typedef struct {
    mp_str_t   arn;
    mp_str_t   external_id;
    mp_str_t   session_name;
    unsigned   duration;
} mp_role_t;


/*
 * Whether each field is as STS's API has it.  Returns NULL, or what is wrong,
 * as in "role ARN: it must be like \"arn:aws:iam::123456789012:role/name\"".
 */
const char *mp_role_check(const mp_role_t *role);

/*
 * The length of the form that asks for a role's credentials.  With a token
 * that is AssumeRoleWithWebIdentity, which knows no external ID; without one
 * (its length is 0) AssumeRole.
 */
size_t mp_sts_body_len(const mp_role_t *role, mp_str_t token);

/* Writes that many bytes and returns their end. */
unsigned char *mp_sts_body(unsigned char *dst, const mp_role_t *role,
    mp_str_t token);

/*
 * Reads the credentials out of a reply with status 200.  They point into buf,
 * which takes up to body.len bytes.  Returns NULL, or what is wrong; temporary
 * is then all zeros, and so is buf.
 */
const char *mp_sts_reply(mp_temporary_t *temporary, unsigned char *buf,
    mp_str_t body);

/* As mp_aws_error_parse(), of an error reply of STS. */
void mp_sts_error(mp_aws_error_t *error, mp_str_t body,
    const mp_str_t *secrets, size_t nsecrets);

/* What the operator is to do about it: mp_aws_error_classify() gives advice on
 * ResolveCustomer.  status is that of the reply. */
const char *mp_sts_advice(const mp_aws_error_t *error, unsigned status);


#endif /* MP_STS_H */
