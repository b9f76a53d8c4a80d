/*
 * Profiles in the shared credentials and config files of the AWS SDKs.
 */

#ifndef MP_PROFILE_H
#define MP_PROFILE_H


#include "mp_sts.h"


/* More would be a mistake: each takes a call to STS. */
#define MP_PROFILE_ROLES_MAX  5


/* Where the first credentials of a profile come from. */
typedef enum {
    MP_PROFILE_KEYS = 0,
    MP_PROFILE_ENVIRONMENT,
    MP_PROFILE_CONTAINER,
    MP_PROFILE_IMDS,
    MP_PROFILE_WEB_IDENTITY    /* the first role, with the token in a file */
} mp_profile_base_t;


typedef struct {
    mp_profile_base_t   base;
    mp_credentials_t    keys;          /* of MP_PROFILE_KEYS */
    mp_str_t            token_file;    /* of MP_PROFILE_WEB_IDENTITY */

    /* each assumed with the credentials of the one before it; the last one's
     * are those of the profile */
    mp_role_t           roles[MP_PROFILE_ROLES_MAX];
    size_t              nroles;
} mp_profile_t;


typedef enum {
    MP_PROFILE_OK = 0,
    MP_PROFILE_NOTHING,    /* no such profile, or no credentials in it */
    MP_PROFILE_INVALID
} mp_profile_rc_t;


/* What is wrong, to be said of a profile by its name: "does not exist". */
typedef struct {
    mp_str_t            profile;
    const char         *problem;
} mp_profile_problem_t;


/*
 * Works out where a profile's credentials come from, given the texts of the
 * credentials and the config file (empty where there is no such file), in
 * which settings of the former win.  All strings point into the texts, or to
 * name.  If it does not return MP_PROFILE_OK, problem is set.
 */
mp_profile_rc_t mp_profile_find(mp_profile_t *profile, mp_str_t credentials,
    mp_str_t config, mp_str_t name, mp_profile_problem_t *problem);


#endif /* MP_PROFILE_H */
