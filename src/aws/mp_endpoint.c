#include "mp_endpoint.h"

#include <string.h>


/* Hosts are a prefix of the service's, the region, and the suffix. */
typedef struct {
    mp_str_t  region_prefix;
    mp_str_t  metering_prefix;
    mp_str_t  host_suffix;
} mp_partition_t;


static const mp_partition_t *mp_partition_of(mp_str_t region);
static size_t mp_host_of(mp_str_t prefix, mp_str_t region, mp_str_t suffix,
    unsigned char *host);
static mp_str_t mp_endpoint_scheme(mp_str_t url, mp_endpoint_t *endpoint);
static size_t mp_host_len(mp_str_t rest);
static int mp_host_is_valid(mp_str_t host);
static const char *mp_port_parse(mp_str_t text, unsigned short *port);


/* The first match counts: longer prefixes come first. */

static const mp_partition_t  mp_partitions[] = {
    { mp_str("cn-"), mp_str("metering.marketplace."),
      mp_str(".amazonaws.com.cn") },
    { mp_str("eusc-"), mp_str("metering-marketplace."),
      mp_str(".amazonaws.eu") },
    { mp_str("us-isob-"), mp_str("metering.marketplace."),
      mp_str(".sc2s.sgov.gov") },
    { mp_str("us-isof-"), mp_str("metering.marketplace."),
      mp_str(".csp.hci.ic.gov") },
    { mp_str("us-iso-"), mp_str("metering.marketplace."),
      mp_str(".c2s.ic.gov") },
    { mp_str("eu-isoe-"), mp_str("metering.marketplace."),
      mp_str(".cloud.adc-e.uk") },
    { mp_str(""), mp_str("metering.marketplace."),
      mp_str(".amazonaws.com") }
};


int
mp_region_is_valid(mp_str_t region)
{
    size_t    words;
    mp_str_t  part;

    if (region.len > MP_REGION_MAX) {
        return 0;
    }

    /* two words of letters or more, then a number */

    for (words = 0; ; words++) {

        part.data = region.data;
        part.len = mp_str_chr(region, '-');

        if (part.len == 0) {
            return 0;
        }

        if (part.len == region.len) {
            return words >= 2 && mp_str_is_made_of(part, MP_DIGIT);
        }

        if (!mp_str_is_made_of(part, MP_LOWER)) {
            return 0;
        }

        region.data += part.len + 1;
        region.len -= part.len + 1;
    }
}


size_t
mp_metering_host(mp_str_t region, unsigned char *host)
{
    const mp_partition_t  *partition;

    partition = mp_partition_of(region);

    return mp_host_of(partition->metering_prefix, region,
                      partition->host_suffix, host);
}


size_t
mp_sts_host(mp_str_t region, unsigned char *host)
{
    static const mp_str_t  prefix = mp_str("sts.");

    return mp_host_of(prefix, region, mp_partition_of(region)->host_suffix,
                      host);
}


static const mp_partition_t *
mp_partition_of(mp_str_t region)
{
    const mp_partition_t  *partition;

    for (partition = mp_partitions; ; partition++) {

        if (region.len >= partition->region_prefix.len
            && memcmp(region.data, partition->region_prefix.data,
                      partition->region_prefix.len) == 0)
        {
            return partition;
        }
    }
}


static size_t
mp_host_of(mp_str_t prefix, mp_str_t region, mp_str_t suffix,
    unsigned char *host)
{
    unsigned char  *p;

    p = mp_copy(host, prefix);
    p = mp_copy(p, region);
    p = mp_copy(p, suffix);

    return (size_t) (p - host);
}


const char *
mp_endpoint_parse(mp_str_t url, mp_endpoint_t *endpoint)
{
    mp_str_t  rest;

    memset(endpoint, 0, sizeof(mp_endpoint_t));

    rest = mp_endpoint_scheme(url, endpoint);

    if (rest.data == NULL) {
        return "the scheme has to be http:// or https://";
    }

    if (rest.len && rest.data[rest.len - 1] == '/') {
        rest.len--;
    }

    endpoint->host.data = rest.data;
    endpoint->host.len = mp_host_len(rest);

    rest.data += endpoint->host.len;
    rest.len -= endpoint->host.len;

    if (endpoint->host.len == 0) {
        return "there is no host in it";
    }

    if (rest.len && rest.data[0] != ':') {
        return "nothing may follow the host and the port";
    }

    if (!mp_host_is_valid(endpoint->host)) {
        return "the host is malformed";
    }

    if (rest.len == 0) {
        endpoint->port = endpoint->https ? 443 : 80;
        return NULL;
    }

    endpoint->has_port = 1;

    rest.data++;
    rest.len--;

    return mp_port_parse(rest, &endpoint->port);
}


/* Returns what follows the scheme, or a null string. */

static mp_str_t
mp_endpoint_scheme(mp_str_t url, mp_endpoint_t *endpoint)
{
    size_t    i;
    mp_str_t  start, rest;

    static const mp_str_t  schemes[] = { mp_str("http://"),
                                         mp_str("https://") };

    for (i = 0; i < 2; i++) {

        if (url.len < schemes[i].len) {
            continue;
        }

        start.data = url.data;
        start.len = schemes[i].len;

        if (mp_str_eq_nocase(start, schemes[i])) {
            endpoint->https = (i == 1);

            rest.data = url.data + start.len;
            rest.len = url.len - start.len;

            return rest;
        }
    }

    rest.data = NULL;
    rest.len = 0;

    return rest;
}


static size_t
mp_host_len(mp_str_t rest)
{
    size_t  i;

    if (rest.len && rest.data[0] == '[') {
        for (i = 1; i < rest.len; i++) {
            if (rest.data[i] == ']') {
                return i + 1;
            }
        }

        return rest.len;
    }

    for (i = 0; i < rest.len; i++) {
        if (memchr(":/?#", rest.data[i], 4)) {
            break;
        }
    }

    return i;
}


static int
mp_host_is_valid(mp_str_t host)
{
    size_t         i, end;
    unsigned char  c;

    if (host.len > MP_HOST_MAX) {
        return 0;
    }

    if (host.data[0] == '[') {
        end = host.len - 1;

        if (host.len < 4 || host.data[end] != ']') {
            return 0;
        }

        for (i = 1; i < end; i++) {
            c = host.data[i];

            if (mp_hex_digit(c) < 0 && c != ':' && c != '.') {
                return 0;
            }
        }

        return 1;
    }

    for (i = 0; i < host.len; i++) {
        c = mp_lower(host.data[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
              || c == '-' || c == '_'
              || (c == '.' && i > 0 && host.data[i - 1] != '.')))
        {
            return 0;
        }
    }

    return 1;
}


static const char *
mp_port_parse(mp_str_t text, unsigned short *port)
{
    size_t    i;
    unsigned  value;

    value = 0;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            return "the port is not a number";
        }

        value = value * 10 + (unsigned) (text.data[i] - '0');

        if (value > 65535) {
            break;
        }
    }

    if (value == 0 || value > 65535) {
        return "the port has to be from 1 to 65535";
    }

    *port = (unsigned short) value;

    return NULL;
}
