/*
 * The shared credentials file of the AWS SDKs.
 */

#ifndef MP_PROFILE_H
#define MP_PROFILE_H


#include "mp_sigv4.h"


typedef enum {
    MP_PROFILE_OK = 0,
    MP_PROFILE_NOT_FOUND,      /* the file has no such section */
    MP_PROFILE_NO_KEYS,        /* the section has neither key */
    MP_PROFILE_HALF_KEYS,      /* ... one of the two */
    MP_PROFILE_OTHER_SOURCE    /* ... role_arn, credential_process and such */
} mp_profile_rc_t;


/*
 * Finds a profile's keys in the text of a credentials file.  Sections of the
 * same name are one, the last of equal keys counts.  The credentials point
 * into the text.
 */
mp_profile_rc_t mp_profile_find(mp_str_t text, mp_str_t profile,
    mp_credentials_t *credentials);


#endif /* MP_PROFILE_H */
