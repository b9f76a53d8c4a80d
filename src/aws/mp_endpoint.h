/*
 * Where AWS Marketplace Metering and STS are: regions, host names, endpoint
 * URLs.
 */

#ifndef MP_ENDPOINT_H
#define MP_ENDPOINT_H


#include "../text/mp_str.h"


#define MP_REGION_MAX  64
#define MP_HOST_MAX    255


typedef struct {
    mp_str_t        host;    /* as written; an IPv6 address with brackets */
    unsigned short  port;    /* the scheme's own if none is written */
    unsigned        https:1;
    unsigned        has_port:1;
} mp_endpoint_t;


/* Whether it has the form of a region's name, like us-gov-west-1. */
int mp_region_is_valid(mp_str_t region);

/*
 * Writes the host of Marketplace Metering in a valid region, by the partition
 * that the region is in, and returns its length, below MP_HOST_MAX.
 */
size_t mp_metering_host(mp_str_t region, unsigned char *host);

/* The same for the regional endpoint of the Security Token Service. */
size_t mp_sts_host(mp_str_t region, unsigned char *host);

/*
 * Takes an URL apart into parts that point into it.
 *
 * Returns NULL, or what is wrong with it.
 */
const char *mp_endpoint_parse(mp_str_t url, mp_endpoint_t *endpoint);


#endif /* MP_ENDPOINT_H */
