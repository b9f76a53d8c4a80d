/*
 * How a location reaches AWS: host, addresses and TLS, made from its settings
 * when the configuration is read.
 *
 * TLS contexts and sets of addresses are the module's own.  nginx merges all
 * that proxy_pass and the like send to one host and port, and a TLS session
 * that is resumed there carries the verdict of whoever verified first.
 */

#include "ngx_http_marketplace.h"


static ngx_int_t ngx_http_marketplace_set_region(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf);
static ngx_int_t ngx_http_marketplace_set_url(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *endpoint);
static ngx_str_t ngx_http_marketplace_url_from_env(const char **name);
static ngx_int_t ngx_http_marketplace_set_addresses(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *endpoint,
    ngx_str_t *host);
static ngx_int_t ngx_http_marketplace_set_block(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *endpoint,
    ngx_str_t *host);
static ngx_int_t ngx_http_marketplace_set_resolver(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *endpoint,
    ngx_str_t *host);
static ngx_int_t ngx_http_marketplace_set_host(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *endpoint,
    ngx_str_t *host);
static ngx_http_upstream_srv_conf_t *ngx_http_marketplace_find_upstream(
    ngx_conf_t *cf, ngx_str_t *host);
static ngx_int_t ngx_http_marketplace_look_up(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf, ngx_str_t *host, in_port_t port);
static ngx_int_t ngx_http_marketplace_set_tls(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf);
static ngx_ssl_t *ngx_http_marketplace_create_ssl(ngx_conf_t *cf,
    ngx_http_marketplace_tls_t *tls);
static ngx_int_t ngx_http_marketplace_system_ca(ngx_conf_t *cf,
    ngx_str_t *file);
static ngx_uint_t ngx_http_marketplace_ca_is_readable(ngx_str_t *file);
static ngx_http_marketplace_place_t *ngx_http_marketplace_endpoint_place(
    ngx_http_marketplace_loc_conf_t *mlcf);
static const char *ngx_http_marketplace_endpoint_source(
    ngx_http_marketplace_loc_conf_t *mlcf);
static ngx_int_t ngx_http_marketplace_is_literal(ngx_str_t *host);


/* Where systems keep the certificates that they trust, as one file. */

static const char  *ngx_http_marketplace_ca_files[] = {
    "/etc/ssl/certs/ca-certificates.crt",    /* Debian, Ubuntu, Alpine */
    "/etc/pki/tls/certs/ca-bundle.crt",      /* Amazon Linux, Fedora, RHEL */
    "/etc/ssl/ca-bundle.pem",                /* SUSE */
    "/etc/ssl/cert.pem"                      /* FreeBSD, macOS */
};


ngx_int_t
ngx_http_marketplace_set_endpoint(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    ngx_str_t                      host;
    mp_endpoint_t                  endpoint;
    ngx_http_marketplace_place_t  *place;

    if (ngx_http_marketplace_set_region(cf, mlcf) != NGX_OK
        || ngx_http_marketplace_set_url(cf, mlcf, &endpoint) != NGX_OK)
    {
        return NGX_ERROR;
    }

    host = ngx_http_marketplace_ngx(endpoint.host);

    if (ngx_http_marketplace_set_addresses(cf, mmcf, mlcf, &endpoint, &host)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!endpoint.https) {
        mlcf->upstream.ssl = NULL;
        return NGX_OK;
    }

    if (mlcf->tls.verify && ngx_http_marketplace_is_literal(&host)) {
        place = ngx_http_marketplace_endpoint_place(mlcf);

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "%s must have the name of a host and not the address "
                      "\"%V\", because the certificate is verified against "
                      "it, in %s:%ui",
                      ngx_http_marketplace_endpoint_source(mlcf), &host,
                      place->file, place->line);
        return NGX_ERROR;
    }

    return ngx_http_marketplace_set_tls(cf, mmcf, mlcf);
}


static ngx_int_t
ngx_http_marketplace_set_region(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    ngx_str_t          region;
    ngx_uint_t         i;
    static const char  *names[] = { "AWS_REGION", "AWS_DEFAULT_REGION" };

    for (i = 0; i < 2 && mlcf->region.len == 0; i++) {

        region.data = (u_char *) getenv(names[i]);

        if (region.data == NULL || region.data[0] == '\0') {
            continue;
        }

        region.len = ngx_strlen(region.data);

        if (!mp_region_is_valid(ngx_http_marketplace_mp(&region))) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "invalid region \"%V\" in the environment variable "
                          "%s, it must be like \"us-east-1\"; "
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


/* The endpoint as configured, from the environment, or the region's own. */

static ngx_int_t
ngx_http_marketplace_set_url(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *endpoint)
{
    u_char      *p;
    ngx_str_t    url;
    const char  *name, *wrong;

    url = mlcf->endpoint;
    name = NULL;

    if (url.len == 0) {
        url = ngx_http_marketplace_url_from_env(&name);
    }

    if (url.len == 0) {
        url.data = ngx_pnalloc(cf->pool, sizeof("https://") + MP_HOST_MAX);
        if (url.data == NULL) {
            return NGX_ERROR;
        }

        p = ngx_cpymem(url.data, "https://", sizeof("https://") - 1);
        p += mp_metering_host(mlcf->scope.region, p);
        url.len = p - url.data;
    }

    wrong = mp_endpoint_parse(ngx_http_marketplace_mp(&url), endpoint);

    if (wrong) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "invalid endpoint \"%V\" in the environment variable "
                      "%s: %s; \"marketplace_endpoint\" would take precedence",
                      &url, name, wrong);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_str_t
ngx_http_marketplace_url_from_env(const char **name)
{
    char        *ignore;
    ngx_str_t    url;
    ngx_uint_t   i;

    static const char  *names[] = {
        "AWS_ENDPOINT_URL_MARKETPLACE_METERING", "AWS_ENDPOINT_URL"
    };

    ngx_str_null(&url);

    ignore = getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");

    if (ignore && ngx_strcasecmp((u_char *) ignore, (u_char *) "true") == 0) {
        return url;
    }

    for (i = 0; i < 2 && url.len == 0; i++) {
        *name = names[i];
        url.data = (u_char *) getenv(names[i]);
        url.len = url.data ? ngx_strlen(url.data) : 0;
    }

    return url;
}


/*
 * An "upstream" block of the host's name gives the addresses, and the host to
 * ask for is the region's own.  Otherwise the name is looked up: by the
 * location's resolver as requests come, or now if there is none.
 */

static ngx_int_t
ngx_http_marketplace_set_addresses(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *endpoint,
    ngx_str_t *host)
{
    ngx_http_core_loc_conf_t  *clcf;

    mlcf->upstream_block = ngx_http_marketplace_find_upstream(cf, host);

    if (mlcf->upstream_block) {
        return ngx_http_marketplace_set_block(cf, mlcf, endpoint, host);
    }

    if (ngx_http_marketplace_set_host(cf, mlcf, endpoint, host) != NGX_OK) {
        return NGX_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->resolver->connections.nelts
        && !ngx_http_marketplace_is_literal(host))
    {
        return ngx_http_marketplace_set_resolver(cf, mlcf, endpoint, host);
    }

    return ngx_http_marketplace_look_up(cf, mmcf, mlcf, host, endpoint->port);
}


/* Takes the addresses from an "upstream" block, through an upstream of our own
 * that stands for it. */

static ngx_int_t
ngx_http_marketplace_set_block(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *endpoint,
    ngx_str_t *host)
{
    ngx_http_upstream_srv_conf_t  *uscf;
    ngx_http_marketplace_place_t  *place;

    if (endpoint->has_port) {
        place = ngx_http_marketplace_endpoint_place(mlcf);

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "%s names upstream \"%V\", which may not have port "
                      "%ui, in %s:%ui",
                      ngx_http_marketplace_endpoint_source(mlcf), host,
                      (ngx_uint_t) endpoint->port,
                      place->file, place->line);
        return NGX_ERROR;
    }

    uscf = ngx_palloc(cf->pool, sizeof(ngx_http_upstream_srv_conf_t));
    host->data = ngx_pnalloc(cf->pool, MP_HOST_MAX);

    if (uscf == NULL || host->data == NULL) {
        return NGX_ERROR;
    }

    *uscf = *mlcf->upstream_block;
    uscf->peer.init = ngx_http_marketplace_init_peer;

    mlcf->upstream.upstream = uscf;

    host->len = mp_metering_host(mlcf->scope.region, host->data);

    return ngx_http_marketplace_set_host(cf, mlcf, endpoint, host);
}


/* Has the name looked up as requests come.  The dot at its end, which the
 * resolver takes off, keeps nginx from taking the addresses that a proxy_pass
 * to the same host and port has had since the start. */

static ngx_int_t
ngx_http_marketplace_set_resolver(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *endpoint,
    ngx_str_t *host)
{
    ngx_str_t  *name;

    name = &mlcf->resolver_name;

    name->data = ngx_pnalloc(cf->pool, host->len + 1);
    if (name->data == NULL) {
        return NGX_ERROR;
    }

    name->len = host->len;
    ngx_memcpy(name->data, host->data, host->len);

    if (name->data[name->len - 1] != '.') {
        name->data[name->len++] = '.';
    }

    mlcf->resolver_port = endpoint->port;

    return NGX_OK;
}


/* The host as it is signed and sent, which has a port only if it is not the
 * scheme's own, and as the certificate has to name it. */

static ngx_int_t
ngx_http_marketplace_set_host(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *endpoint,
    ngx_str_t *host)
{
    ngx_http_complex_value_t  *name;

    name = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (name == NULL) {
        return NGX_ERROR;
    }

    mlcf->host.data = ngx_pnalloc(cf->pool, host->len + sizeof(":65535"));
    if (mlcf->host.data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(mlcf->host.data, host->data, host->len);

    name->value.data = mlcf->host.data;
    name->value.len = host->len;

    mlcf->upstream.ssl_name = name;
    mlcf->host.len = host->len;
    *host = name->value;

    if (endpoint->port != (endpoint->https ? 443 : 80)) {
        mlcf->host.len = ngx_sprintf(mlcf->host.data + host->len, ":%ui",
                                     (ngx_uint_t) endpoint->port)
                         - mlcf->host.data;
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
    ngx_http_marketplace_loc_conf_t *mlcf, ngx_str_t *host, in_port_t port)
{
    ngx_uint_t                       i;
    ngx_http_upstream_srv_conf_t    *uscf;
    ngx_http_upstream_rr_peer_t     *peer;
    ngx_http_upstream_rr_peers_t    *peers;
    ngx_http_marketplace_place_t    *place;
    ngx_http_marketplace_address_t  *address;

    address = mmcf->addresses.elts;

    for (i = 0; i < mmcf->addresses.nelts; i++) {

        if (address[i].port == port
            && address[i].host.len == host->len
            && ngx_strncmp(address[i].host.data, host->data, host->len) == 0)
        {
            mlcf->upstream.upstream = address[i].upstream;
            return NGX_OK;
        }
    }

    uscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_upstream_srv_conf_t));
    address = ngx_array_push(&mmcf->addresses);

    if (uscf == NULL || address == NULL) {
        return NGX_ERROR;
    }

    place = ngx_http_marketplace_endpoint_place(mlcf);

    uscf->host = *host;
    uscf->port = port;

    if (host->data[0] == '[') {
        uscf->host.data++;
        uscf->host.len -= 2;
    }

    uscf->file_name = place->file;
    uscf->line = place->line;

    if (ngx_http_upstream_init_round_robin(cf, uscf) != NGX_OK) {
        return NGX_ERROR;
    }

    uscf->peer.init = ngx_http_upstream_init_round_robin_peer;

    /* a bad moment of AWS must not become ten seconds of no connection */

    peers = uscf->peer.data;

    for (peer = peers->peer; peer; peer = peer->next) {
        peer->max_fails = 0;
    }

    address->host = *host;
    address->port = port;
    address->upstream = uscf;

    mlcf->upstream.upstream = uscf;

    return NGX_OK;
}


static ngx_int_t
ngx_http_marketplace_set_tls(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    ngx_str_t                           *file, *other;
    ngx_uint_t                           i;
    ngx_http_marketplace_tls_t          *tls;
    ngx_http_marketplace_tls_context_t  *context;

    tls = &mlcf->tls;
    file = &tls->trusted_certificate;

    if (tls->verify && file->len == 0
        && ngx_http_marketplace_system_ca(cf, file) != NGX_OK)
    {
        return NGX_ERROR;
    }

    mlcf->upstream.ssl_verify = tls->verify;

    context = mmcf->tls.elts;

    for (i = 0; i < mmcf->tls.nelts; i++) {

        other = &context[i].settings.trusted_certificate;

        if (tls->protocols == context[i].settings.protocols
            && tls->verify == context[i].settings.verify
            && tls->verify_depth == context[i].settings.verify_depth
            && tls->ciphers.len == context[i].settings.ciphers.len
            && ngx_strncmp(tls->ciphers.data,
                           context[i].settings.ciphers.data, tls->ciphers.len)
               == 0
            && file->len == other->len
            && ngx_strncmp(file->data, other->data, file->len) == 0)
        {
            mlcf->upstream.ssl = context[i].ssl;
            return NGX_OK;
        }
    }

    context = ngx_array_push(&mmcf->tls);
    if (context == NULL) {
        return NGX_ERROR;
    }

    context->settings = *tls;
    context->ssl = ngx_http_marketplace_create_ssl(cf, tls);

    mlcf->upstream.ssl = context->ssl;

    return context->ssl ? NGX_OK : NGX_ERROR;
}


static ngx_ssl_t *
ngx_http_marketplace_create_ssl(ngx_conf_t *cf,
    ngx_http_marketplace_tls_t *tls)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NULL;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, tls->protocols, NULL) != NGX_OK) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NULL;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    if (ngx_ssl_ciphers(cf, ssl, &tls->ciphers, 0) != NGX_OK) {
        return NULL;
    }

    if (tls->verify
        && ngx_ssl_trusted_certificate(cf, ssl, &tls->trusted_certificate,
                                       tls->verify_depth)
           != NGX_OK)
    {
        return NULL;
    }

    return ssl;
}


/* OpenSSL's own default is a directory that it reads during the handshake,
 * in a worker; a file is read now, and its absence is noticed now. */

static ngx_int_t
ngx_http_marketplace_system_ca(ngx_conf_t *cf, ngx_str_t *file)
{
    size_t            i;
    ngx_file_info_t   fi;

    file->data = (u_char *) getenv("SSL_CERT_FILE");

    if (file->data && file->data[0] != '\0') {
        file->len = ngx_strlen(file->data);

        if (ngx_http_marketplace_ca_is_readable(file)) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "marketplace: the environment's SSL_CERT_FILE must be a "
                      "file of CA certificates in PEM, and \"%V\" cannot be "
                      "read as one; \"marketplace_ssl_trusted_certificate\" "
                      "would take precedence", file);
        return NGX_ERROR;
    }

    for (i = 0;
         i < sizeof(ngx_http_marketplace_ca_files)
             / sizeof(ngx_http_marketplace_ca_files[0]);
         i++)
    {
        file->data = (u_char *) ngx_http_marketplace_ca_files[i];
        file->len = ngx_strlen(file->data);

        if (ngx_file_info(file->data, &fi) != NGX_FILE_ERROR) {
            return NGX_OK;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "marketplace: this system has no bundle of CA certificates "
                  "to verify AWS with, install it (Debian: ca-certificates) or "
                  "name one with \"marketplace_ssl_trusted_certificate\"");

    return NGX_ERROR;
}


ngx_int_t
ngx_http_marketplace_check_ca(ngx_conf_t *cf, ngx_str_t *file)
{
    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!ngx_http_marketplace_ca_is_readable(file)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"marketplace_ssl_trusted_certificate\" must be a "
                           "file of CA certificates in PEM, and \"%V\" cannot "
                           "be read as one", file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_marketplace_ca_is_readable(ngx_str_t *file)
{
    int       rc;
    SSL_CTX  *ctx;

    ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL) {
        return 0;
    }

    rc = SSL_CTX_load_verify_locations(ctx, (char *) file->data, NULL);

    SSL_CTX_free(ctx);
    ERR_clear_error();

    return rc != 0;
}


ngx_int_t
ngx_http_marketplace_check_ciphers(ngx_conf_t *cf, ngx_str_t *ciphers)
{
    int       rc;
    SSL_CTX  *ctx;

    ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    rc = SSL_CTX_set_cipher_list(ctx, (char *) ciphers->data);

    SSL_CTX_free(ctx);
    ERR_clear_error();

    if (rc == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"marketplace_ssl_ciphers\" must be a cipher list "
                           "as OpenSSL has it, and \"%V\" is none", ciphers);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Where the endpoint is configured, if only by resolving at all. */

static ngx_http_marketplace_place_t *
ngx_http_marketplace_endpoint_place(ngx_http_marketplace_loc_conf_t *mlcf)
{
    return mlcf->endpoint.len ? &mlcf->endpoint_place : &mlcf->resolve_place;
}


static const char *
ngx_http_marketplace_endpoint_source(ngx_http_marketplace_loc_conf_t *mlcf)
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
