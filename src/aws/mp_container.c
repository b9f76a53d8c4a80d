#include "mp_container.h"

#include <arpa/inet.h>
#include <string.h>


static size_t mp_authority_end(mp_str_t uri);
static int mp_is_trusted_host(mp_str_t host);
static int mp_host_address(mp_str_t host, int family, unsigned char *address);


const char *
mp_container_uri(mp_str_t uri, mp_endpoint_t *endpoint, mp_str_t *path)
{
    size_t       end;
    mp_str_t     start;
    const char  *wrong;

    static const mp_str_t  root = mp_str("/");

    if (!mp_str_is_made_of(uri, MP_VISIBLE)) {
        return "it must be printable and without spaces";
    }

    if (mp_str_chr(uri, '#') < uri.len) {
        return "there may be no fragment in it";
    }

    end = mp_authority_end(uri);

    start.data = uri.data;
    start.len = end;

    if (mp_str_chr(start, '@') < start.len) {
        return "there may be no user in it";
    }

    wrong = mp_endpoint_parse(start, endpoint);

    if (wrong) {
        return wrong;
    }

    if (!endpoint->https && !mp_is_trusted_host(endpoint->host)) {
        return "over http it has to be of this machine, of ECS or of EKS";
    }

    if (end == uri.len) {
        *path = root;
        return NULL;
    }

    if (uri.data[end] != '/') {
        return "the path has to start with a slash";
    }

    path->data = uri.data + end;
    path->len = uri.len - end;

    return NULL;
}


/* Where scheme, host and port end. */

static size_t
mp_authority_end(mp_str_t uri)
{
    size_t  i;

    static const mp_str_t  slashes = mp_str("://");

    for (i = mp_str_find(uri, slashes) + slashes.len; i < uri.len; i++) {
        if (uri.data[i] == '/' || uri.data[i] == '?') {
            return i;
        }
    }

    return uri.len;
}


static int
mp_is_trusted_host(mp_str_t host)
{
    size_t         i;
    unsigned char  address[sizeof(struct in6_addr)];

    static const mp_str_t  localhost = mp_str("localhost");

    static const unsigned char  ipv4[][sizeof(struct in_addr)] = {
        { 169, 254, 170, 2 },
        { 169, 254, 170, 23 }
    };

    static const unsigned char  ipv6[][sizeof(struct in6_addr)] = {
        { [15] = 1 },
        { 0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23 }
    };

    if (mp_host_address(host, AF_INET, address)) {

        if (address[0] == 127) {
            return 1;
        }

        for (i = 0; i < 2; i++) {
            if (memcmp(address, ipv4[i], sizeof(ipv4[i])) == 0) {
                return 1;
            }
        }
    }

    if (mp_host_address(host, AF_INET6, address)) {

        for (i = 0; i < 2; i++) {
            if (memcmp(address, ipv6[i], sizeof(ipv6[i])) == 0) {
                return 1;
            }
        }
    }

    return mp_str_eq_nocase(host, localhost);
}


/* Reads an IPv6 address in brackets or an IPv4 address, which has to be of
 * four decimal numbers: what resolvers take besides is a name. */

static int
mp_host_address(mp_str_t host, int family, unsigned char *address)
{
    char  text[INET6_ADDRSTRLEN];

    if (family == AF_INET6) {

        if (host.data[0] != '[') {
            return 0;
        }

        host.data++;
        host.len -= 2;
    }

    if (host.len >= sizeof(text)) {
        return 0;
    }

    *mp_copy((unsigned char *) text, host) = '\0';

    return inet_pton(family, text, address) == 1;
}
