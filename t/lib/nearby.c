/*
 * Preloaded into the nginx under test, so that all that AWS has is here: the
 * names of its hosts, the addresses that machines and containers get their
 * credentials from, and ports 80 and 443, to which NEARBY_HTTP and NEARBY_HTTPS
 * in the environment say where the stand-in listens.
 *
 * Nothing else can be reached but this machine.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>


static in_port_t  http, https;


/* Workers have no environment. */

__attribute__((constructor)) static void
nearby_init(void)
{
    const char  *port;

    port = getenv("NEARBY_HTTP");
    http = htons(port ? atoi(port) : 0);

    port = getenv("NEARBY_HTTPS");
    https = htons(port ? atoi(port) : 0);
}


static in_port_t
nearby_port(in_port_t port)
{
    return (port == htons(80)) ? http : (port == htons(443)) ? https : port;
}


static int
nearby_connect(int s, const struct sockaddr *address, socklen_t len)
{
    static int  (*original)(int, const struct sockaddr *, socklen_t);

    if (original == NULL) {
        *(void **) &original = dlsym(RTLD_NEXT, "connect");
    }

    return original(s, address, len);
}


static int
nearby_connect4(int s, struct sockaddr_in address)
{
    in_addr_t  host;

    host = ntohl(address.sin_addr.s_addr);

    if (host >> 16 == 0xa9fe) {    /* 169.254.0.0/16 */
        host = INADDR_LOOPBACK;
    }

    if (host >> 24 != 127) {
        errno = ENETUNREACH;
        return -1;
    }

    address.sin_addr.s_addr = htonl(host);
    address.sin_port = nearby_port(address.sin_port);

    return nearby_connect(s, (struct sockaddr *) &address, sizeof(address));
}


static int
nearby_connect6(int s, struct sockaddr_in6 address)
{
    /* fd00:ec2::/32, and 127.0.0.1 as it is in IPv6 */

    static const unsigned char  ec2[4] = { 0xfd, 0x00, 0x0e, 0xc2 };
    static const unsigned char  local[16] = {
        [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1
    };

    if (memcmp(&address.sin6_addr, ec2, sizeof(ec2)) == 0) {
        memcpy(&address.sin6_addr, local, sizeof(local));
    }

    if (!IN6_IS_ADDR_LOOPBACK(&address.sin6_addr)
        && memcmp(&address.sin6_addr, local, sizeof(local)) != 0)
    {
        errno = ENETUNREACH;
        return -1;
    }

    address.sin6_port = nearby_port(address.sin6_port);

    return nearby_connect(s, (struct sockaddr *) &address, sizeof(address));
}


int
connect(int s, const struct sockaddr *address, socklen_t len)
{
    if (address->sa_family == AF_INET) {
        return nearby_connect4(s, *(const struct sockaddr_in *) address);
    }

    if (address->sa_family == AF_INET6) {
        return nearby_connect6(s, *(const struct sockaddr_in6 *) address);
    }

    return nearby_connect(s, address, len);
}


int
getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **found)
{
    size_t  i, len;

    static const char  *domains[] = { ".amazonaws.com", ".amazonaws.com.cn",
                                      ".api.aws" };

    static int  (*original)(const char *, const char *,
                            const struct addrinfo *, struct addrinfo **);

    if (original == NULL) {
        *(void **) &original = dlsym(RTLD_NEXT, "getaddrinfo");
    }

    for (i = 0; host && i < sizeof(domains) / sizeof(domains[0]); i++) {
        len = strlen(domains[i]);

        if (strlen(host) > len
            && strcasecmp(host + strlen(host) - len, domains[i]) == 0)
        {
            host = "127.0.0.1";
        }
    }

    return original(host, service, hints, found);
}
