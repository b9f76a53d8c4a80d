/*
 * Where a container's credentials are: the endpoints of ECS and of EKS Pod
 * Identity, as AWS_CONTAINER_CREDENTIALS_FULL_URI names them.
 */

#ifndef MP_CONTAINER_H
#define MP_CONTAINER_H


#include "mp_endpoint.h"


/*
 * Takes a full URI apart into an endpoint and a path, query included, that
 * point into it; the path is "/" if there is none.  Over http only the
 * machine itself and the addresses of ECS and EKS are trusted with the
 * authorization token and for what they answer.
 *
 * Returns NULL, or what is wrong with it.
 */
const char *mp_container_uri(mp_str_t uri, mp_endpoint_t *endpoint,
    mp_str_t *path);


#endif /* MP_CONTAINER_H */
