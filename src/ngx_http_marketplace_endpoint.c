/*
 * How a location reaches AWS: host and addresses of each service, made from
 * its settings when the configuration is read.
 */

#include "ngx_http_marketplace.h"


static ngx_int_t ngx_http_marketplace_set_region(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf);
static ngx_int_t ngx_http_marketplace_url_from_env(ngx_conf_t *cf,
    const char *service, const char *hint, ngx_str_t *url);
static ngx_int_t ngx_http_marketplace_own_url(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf,
    size_t (*host)(mp_str_t region, u_char *host), ngx_str_t *url);
static ngx_int_t ngx_http_marketplace_set_block(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *url);
static ngx_int_t ngx_http_marketplace_check_name(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *url,
    const char *origin);
static ngx_int_t ngx_http_marketplace_set_resolver(ngx_conf_t *cf,
    ngx_http_marketplace_endpoint_t *endpoint, mp_endpoint_t *url);
static ngx_int_t ngx_http_marketplace_set_host(ngx_conf_t *cf,
    ngx_http_marketplace_endpoint_t *endpoint, mp_endpoint_t *url);
static ngx_http_upstream_srv_conf_t *ngx_http_marketplace_find_upstream(
    ngx_conf_t *cf, ngx_str_t *host);
static ngx_int_t ngx_http_marketplace_look_up(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *url,
    ngx_http_marketplace_endpoint_t *endpoint);
static ngx_http_marketplace_place_t *ngx_http_marketplace_endpoint_place(
    ngx_http_marketplace_loc_conf_t *mlcf);
static const char *ngx_http_marketplace_endpoint_origin(
    ngx_http_marketplace_loc_conf_t *mlcf);
static ngx_int_t ngx_http_marketplace_is_literal(ngx_str_t *host);


ngx_int_t
ngx_http_marketplace_set_metering(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    ngx_str_t      url;
    mp_endpoint_t  endpoint;

    if (ngx_http_marketplace_set_region(cf, mlcf) != NGX_OK) {
        return NGX_ERROR;
    }

    url = mlcf->endpoint;

    if (url.len == 0
        && ngx_http_marketplace_url_from_env(cf,
                           "AWS_ENDPOINT_URL_MARKETPLACE_METERING",
                           "; \"marketplace_endpoint\" would take precedence",
                           &url)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (url.len == 0
        && ngx_http_marketplace_own_url(cf, mlcf, mp_metering_host, &url)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) mp_endpoint_parse(ngx_http_marketplace_mp(&url), &endpoint);

    if (ngx_http_marketplace_set_block(cf, mlcf, &endpoint) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_marketplace_set_endpoint(cf, mmcf, mlcf, &mlcf->metering,
                              &endpoint,
                              ngx_http_marketplace_endpoint_origin(mlcf));
}


ngx_int_t
ngx_http_marketplace_set_sts(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    ngx_str_t      url;
    mp_endpoint_t  endpoint;

    if (mlcf->sts) {
        return NGX_OK;
    }

    ngx_str_null(&url);

    if (ngx_http_marketplace_url_from_env(cf, "AWS_ENDPOINT_URL_STS", "",
                                          &url)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (url.len == 0
        && ngx_http_marketplace_own_url(cf, mlcf, mp_sts_host, &url) != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) mp_endpoint_parse(ngx_http_marketplace_mp(&url), &endpoint);

    mlcf->sts = ngx_pcalloc(cf->pool, sizeof(ngx_http_marketplace_endpoint_t));

    if (mlcf->sts == NULL) {
        return NGX_ERROR;
    }

    mlcf->sts->upstream = mlcf->metering.upstream;

    /* what is secret stays in one buffer, which is overwritten in the end */

    mlcf->sts->upstream.buffer_size = NGX_HTTP_MARKETPLACE_REPLY_MAX;

    return ngx_http_marketplace_set_endpoint(cf, mmcf, mlcf, mlcf->sts,
                                             &endpoint, "the environment's "
                                             "AWS_ENDPOINT_URL_STS or "
                                             "AWS_ENDPOINT_URL");
}


/*
 * Addresses are those of the upstream block, if there is one.  Otherwise the
 * name is looked up: by the location's resolver as requests come, or now if
 * there is none.
 */

ngx_int_t
ngx_http_marketplace_set_endpoint(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf,
    ngx_http_marketplace_endpoint_t *endpoint, mp_endpoint_t *url,
    const char *origin)
{
    ngx_int_t                  rc;
    ngx_str_t                  host;
    ngx_http_core_loc_conf_t  *clcf;

    if (ngx_http_marketplace_set_host(cf, endpoint, url) != NGX_OK) {
        return NGX_ERROR;
    }

    host = ngx_http_marketplace_ngx(url->host);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (endpoint->upstream_block) {
        rc = NGX_OK;

    } else if (clcf->resolver->connections.nelts
               && !ngx_http_marketplace_is_literal(&host))
    {
        rc = ngx_http_marketplace_set_resolver(cf, endpoint, url);

    } else {
        rc = ngx_http_marketplace_look_up(cf, mmcf, mlcf, url, endpoint);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (!url->https) {
        endpoint->upstream.ssl = NULL;
        return NGX_OK;
    }

    return (ngx_http_marketplace_check_name(cf, mlcf, url, origin) == NGX_OK)
           ? ngx_http_marketplace_set_tls(cf, mmcf, mlcf, endpoint)
           : NGX_ERROR;
}


static ngx_int_t
ngx_http_marketplace_set_region(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    ngx_str_t   region;
    ngx_uint_t  i;

    static const char  *names[] = { "AWS_REGION", "AWS_DEFAULT_REGION" };

    for (i = 0; i < 2 && mlcf->region.len == 0; i++) {

        region.data = (u_char *) getenv(names[i]);

        if (region.data == NULL || region.data[0] == '\0') {
            continue;
        }

        region.len = ngx_strlen(region.data);

        if (!mp_region_is_valid(ngx_http_marketplace_mp(&region))) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "marketplace: invalid region \"%V\" in the "
                          "environment variable %s, it must be like "
                          "\"us-east-1\"; "
                          "\"marketplace_region\" would take precedence",
                          &region, names[i]);
            return NGX_ERROR;
        }

        mlcf->region = region;
    }

    if (mlcf->region.len == 0) {
        ngx_str_set(&mlcf->region, "us-east-1");
    }

    mlcf->scope.region = ngx_http_marketplace_mp(&mlcf->region);
    mlcf->scope.service = mp_str_from(MP_METERING_SERVICE);

    return NGX_OK;
}


/* The URL of a service that the environment gives, as the SDKs take it; left
 * empty if there is none. */

static ngx_int_t
ngx_http_marketplace_url_from_env(ngx_conf_t *cf, const char *service,
    const char *hint, ngx_str_t *url)
{
    char           *ignore;
    ngx_uint_t      i;
    const char     *wrong, *names[2];
    mp_endpoint_t   endpoint;

    ignore = getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");

    if (ignore && ngx_strcasecmp((u_char *) ignore, (u_char *) "true") == 0) {
        return NGX_OK;
    }

    names[0] = service;
    names[1] = "AWS_ENDPOINT_URL";

    for (i = 0; i < 2; i++) {
        url->data = (u_char *) getenv(names[i]);
        url->len = url->data ? ngx_strlen(url->data) : 0;

        if (url->len == 0) {
            continue;
        }

        wrong = mp_endpoint_parse(ngx_http_marketplace_mp(url), &endpoint);

        if (wrong == NULL) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "marketplace: invalid endpoint \"%V\" in the "
                      "environment variable %s: %s%s", url, names[i], wrong,
                      hint);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* The URL of a service in the location's region. */

static ngx_int_t
ngx_http_marketplace_own_url(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf,
    size_t (*host)(mp_str_t region, u_char *host), ngx_str_t *url)
{
    u_char  *p;

    url->data = ngx_pnalloc(cf->pool, sizeof("https://") + MP_HOST_MAX);
    if (url->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(url->data, "https://", sizeof("https://") - 1);
    p += host(mlcf->scope.region, p);

    url->len = p - url->data;

    return NGX_OK;
}


/*
 * An "upstream" block of the endpoint's name gives the addresses, through an
 * upstream of our own that stands for it; the host to ask for is the region's
 * own.
 */

static ngx_int_t
ngx_http_marketplace_set_block(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *url)
{
    ngx_str_t                      host, own;
    ngx_http_upstream_srv_conf_t  *uscf, *block;
    ngx_http_marketplace_place_t  *place;

    host = ngx_http_marketplace_ngx(url->host);
    block = ngx_http_marketplace_find_upstream(cf, &host);

    mlcf->metering.upstream_block = block;

    if (block == NULL) {
        return NGX_OK;
    }

    if (url->has_port) {
        place = ngx_http_marketplace_endpoint_place(mlcf);

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "marketplace: %s names upstream \"%V\", which may "
                      "not have port %ui, in %s:%ui",
                      ngx_http_marketplace_endpoint_origin(mlcf), &host,
                      (ngx_uint_t) url->port, place->file, place->line);
        return NGX_ERROR;
    }

    uscf = ngx_palloc(cf->pool, sizeof(ngx_http_upstream_srv_conf_t));

    if (uscf == NULL
        || ngx_http_marketplace_own_url(cf, mlcf, mp_metering_host, &own)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    *uscf = *block;
    uscf->peer.init = ngx_http_marketplace_init_block_peer;

    mlcf->metering.upstream.upstream = uscf;

    own.data += sizeof("https://") - 1;
    own.len -= sizeof("https://") - 1;

    url->host = ngx_http_marketplace_mp(&own);

    return NGX_OK;
}


/* Whether the certificate can be verified. */

static ngx_int_t
ngx_http_marketplace_check_name(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *url,
    const char *origin)
{
    ngx_str_t                      host;
    ngx_http_marketplace_place_t  *place;

    host = ngx_http_marketplace_ngx(url->host);

    if (!mlcf->tls.verify || !ngx_http_marketplace_is_literal(&host)) {
        return NGX_OK;
    }

    if (origin[0] != '"') {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "marketplace: %s must have the name of a host and not "
                      "the address \"%V\", because the certificate is "
                      "verified against it",
                      origin, &host);
        return NGX_ERROR;
    }

    place = ngx_http_marketplace_endpoint_place(mlcf);

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "marketplace: %s must have the name of a host and not the "
                  "address \"%V\", because the certificate is verified against "
                  "it, in %s:%ui", origin, &host, place->file, place->line);

    return NGX_ERROR;
}


/* Has the name looked up as requests come, through an upstream without
 * addresses of its own. */

static ngx_int_t
ngx_http_marketplace_set_resolver(ngx_conf_t *cf,
    ngx_http_marketplace_endpoint_t *endpoint, mp_endpoint_t *url)
{
    ngx_http_upstream_srv_conf_t  *uscf;

    uscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_upstream_srv_conf_t));
    if (uscf == NULL) {
        return NGX_ERROR;
    }

    uscf->peer.init = ngx_http_marketplace_init_peer;

    endpoint->upstream.upstream = uscf;
    endpoint->resolver_name = ngx_http_marketplace_ngx(url->host);
    endpoint->resolver_port = url->port;

    return NGX_OK;
}


/* The host as it is signed and sent, which has a port only if it is not the
 * scheme's own, and as the certificate has to name it. */

static ngx_int_t
ngx_http_marketplace_set_host(ngx_conf_t *cf,
    ngx_http_marketplace_endpoint_t *endpoint, mp_endpoint_t *url)
{
    ngx_str_t                 *host;
    ngx_http_complex_value_t  *name;

    host = &endpoint->host;

    name = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    host->data = ngx_pnalloc(cf->pool, url->host.len + sizeof(":65535"));

    if (name == NULL || host->data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(host->data, (u_char *) url->host.data, url->host.len);

    host->len = url->host.len;
    name->value = *host;
    url->host = ngx_http_marketplace_mp(host);

    endpoint->upstream.ssl_name = name;

    if (url->port != (url->https ? 443 : 80)) {
        host->len = ngx_sprintf(host->data + host->len, ":%ui",
                                (ngx_uint_t) url->port)
                    - host->data;
    }

    return NGX_OK;
}


static ngx_http_upstream_srv_conf_t *
ngx_http_marketplace_find_upstream(ngx_conf_t *cf, ngx_str_t *host)
{
    ngx_uint_t                       i;
    ngx_http_upstream_srv_conf_t   **uscfp;
    ngx_http_upstream_main_conf_t   *umcf;

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);
    uscfp = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {

        if ((uscfp[i]->flags & NGX_HTTP_UPSTREAM_CREATE)
            && uscfp[i]->host.len == host->len
            && ngx_strncasecmp(uscfp[i]->host.data, host->data, host->len)
               == 0)
        {
            return uscfp[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_marketplace_look_up(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *url,
    ngx_http_marketplace_endpoint_t *endpoint)
{
    ngx_str_t                        host;
    ngx_uint_t                       i;
    ngx_http_upstream_rr_peer_t     *peer;
    ngx_http_upstream_srv_conf_t    *uscf;
    ngx_http_upstream_rr_peers_t    *peers;
    ngx_http_marketplace_place_t    *place;
    ngx_http_marketplace_address_t  *address;

    host = ngx_http_marketplace_ngx(url->host);
    address = mmcf->addresses.elts;

    for (i = 0; i < mmcf->addresses.nelts; i++) {

        if (address[i].port == url->port
            && address[i].host.len == host.len
            && ngx_strncmp(address[i].host.data, host.data, host.len) == 0)
        {
            endpoint->upstream.upstream = address[i].upstream;
            return NGX_OK;
        }
    }

    uscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_upstream_srv_conf_t));
    address = ngx_array_push(&mmcf->addresses);

    if (uscf == NULL || address == NULL) {
        return NGX_ERROR;
    }

    place = ngx_http_marketplace_endpoint_place(mlcf);

    uscf->host = host;
    uscf->port = url->port;

    if (host.data[0] == '[') {
        uscf->host.data++;
        uscf->host.len -= 2;
    }

    uscf->file_name = place->file;
    uscf->line = place->line;

    if (endpoint != &mlcf->metering) {
        uscf->file_name = (u_char *) "the environment";
        uscf->line = 0;
    }

    if (ngx_http_upstream_init_round_robin(cf, uscf) != NGX_OK) {
        return NGX_ERROR;
    }

    uscf->peer.init = ngx_http_marketplace_init_peer;

    /* a bad moment of AWS must not become ten seconds of no connection */

    peers = uscf->peer.data;

    for (peer = peers->peer; peer; peer = peer->next) {
        peer->max_fails = 0;
    }

    address->host = host;
    address->port = url->port;
    address->upstream = uscf;

    endpoint->upstream.upstream = uscf;

    return NGX_OK;
}


/* Where the endpoint is configured, if only by resolving at all. */

static ngx_http_marketplace_place_t *
ngx_http_marketplace_endpoint_place(ngx_http_marketplace_loc_conf_t *mlcf)
{
    return mlcf->endpoint.len ? &mlcf->endpoint_place : &mlcf->resolve_place;
}


static const char *
ngx_http_marketplace_endpoint_origin(ngx_http_marketplace_loc_conf_t *mlcf)
{
    return mlcf->endpoint.len ? "\"marketplace_endpoint\""
                              : "the environment's endpoint URL";
}


/* Whether a host is an address and not a name. */

static ngx_int_t
ngx_http_marketplace_is_literal(ngx_str_t *host)
{
    return host->data[0] == '['
           || ngx_inet_addr(host->data, host->len) != INADDR_NONE;
}
