/* Amazon resource names. */

#ifndef MP_ARN_H
#define MP_ARN_H


#include "../text/mp_str.h"


/* arn:partition:service:region:account:resource */
typedef struct {
    mp_str_t  partition;
    mp_str_t  service;
    mp_str_t  region;
    mp_str_t  account;
    mp_str_t  resource;
} mp_arn_t;


/* Takes a name apart: the parts point into it.  Returns 0 if it has not all of
 * them, or if its partition is none of AWS; of the others, which may be empty,
 * nothing is asked. */
int mp_arn_parse(mp_arn_t *arn, mp_str_t name);


#endif /* MP_ARN_H */
