/*
 * TLS to AWS: contexts made from a location's settings, and which connections
 * and sessions are as good as a new handshake.
 *
 * All of it is the module's own.  nginx merges what proxy_pass and the like
 * send to one host and port, and a TLS session that is resumed there carries
 * the verdict of whoever verified first.
 */

#include "ngx_http_marketplace.h"


static ngx_ssl_t *ngx_http_marketplace_create_ssl(ngx_conf_t *cf,
    ngx_http_marketplace_tls_t *tls);
static ngx_int_t ngx_http_marketplace_system_ca(ngx_conf_t *cf,
    ngx_str_t *file);
static ngx_uint_t ngx_http_marketplace_ca_is_readable(ngx_str_t *file);
static void ngx_http_marketplace_keep_session(SSL *ssl,
    ngx_http_marketplace_endpoint_t *endpoint);
static void ngx_http_marketplace_free_session(void *data);


/* Where systems keep the certificates that they trust, as one file. */

static const char  *ngx_http_marketplace_ca_files[] = {
    "/etc/ssl/certs/ca-certificates.crt",    /* Debian, Ubuntu, Alpine */
    "/etc/pki/tls/certs/ca-bundle.crt",      /* Amazon Linux, Fedora, RHEL */
    "/etc/ssl/ca-bundle.pem",                /* SUSE */
    "/etc/ssl/cert.pem"                      /* FreeBSD, macOS */
};


/* Where OpenSSL keeps the mark of a connection. */
static int  ngx_http_marketplace_ssl_index = -1;


ngx_int_t
ngx_http_marketplace_tls_init(ngx_cycle_t *cycle)
{
    if (ngx_http_marketplace_ssl_index == -1) {
        ngx_http_marketplace_ssl_index = SSL_get_ex_new_index(0, NULL, NULL,
                                                              NULL, NULL);
    }

    return (ngx_http_marketplace_ssl_index == -1) ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_http_marketplace_set_tls(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf,
    ngx_http_marketplace_endpoint_t *endpoint)
{
    ngx_str_t                           *file, *other;
    ngx_uint_t                           i;
    ngx_pool_cleanup_t                  *cln;
    ngx_http_marketplace_tls_t          *tls;
    ngx_http_marketplace_tls_context_t  *context;

    tls = &mlcf->tls;
    file = &tls->trusted_certificate;

    if (tls->verify && file->len == 0
        && ngx_http_marketplace_system_ca(cf, file) != NGX_OK)
    {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_marketplace_free_session;
    cln->data = endpoint;

    endpoint->upstream.ssl_verify = tls->verify;
    endpoint->upstream.ssl_session_reuse = 1;

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
            endpoint->upstream.ssl = context[i].ssl;
            return NGX_OK;
        }
    }

    context = ngx_array_push(&mmcf->tls);
    if (context == NULL) {
        return NGX_ERROR;
    }

    context->settings = *tls;
    context->ssl = ngx_http_marketplace_create_ssl(cf, tls);

    endpoint->upstream.ssl = context->ssl;

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
    size_t           i;
    ngx_file_info_t  fi;

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


/*
 * An "upstream" block keeps connections by address alone, whoever made them:
 * another location, or proxy_pass, which verifies nothing by default; and a
 * certificate is verified only with a handshake.  So a connection over which
 * AWS has answered is marked with the location whose settings it was verified
 * by, and a kept one is taken only if it bears a mark that is as good.  Its
 * session is for the next handshake of that location, and of no other.
 */

ngx_int_t
ngx_http_marketplace_trust(ngx_connection_t *c,
    ngx_http_marketplace_endpoint_t *endpoint)
{
    SSL  *ssl;

    if (!endpoint->upstream.ssl) {
        return NGX_OK;
    }

    ssl = c->ssl->connection;

    if (SSL_get_ex_data(ssl, ngx_http_marketplace_ssl_index) == NULL) {
        ngx_http_marketplace_keep_session(ssl, endpoint);
    }

    return SSL_set_ex_data(ssl, ngx_http_marketplace_ssl_index, endpoint)
           ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_marketplace_keep_session(SSL *ssl,
    ngx_http_marketplace_endpoint_t *endpoint)
{
    SSL_SESSION  *session;

    session = SSL_get1_session(ssl);

    if (session == NULL) {
        return;
    }

    if (!SSL_SESSION_is_resumable(session)) {
        SSL_SESSION_free(session);
        return;
    }

    ngx_http_marketplace_free_session(endpoint);

    endpoint->session = session;
}


static void
ngx_http_marketplace_free_session(void *data)
{
    ngx_http_marketplace_endpoint_t  *endpoint = data;

    SSL_SESSION_free(endpoint->session);
    endpoint->session = NULL;
}


ngx_uint_t
ngx_http_marketplace_is_trusted(ngx_connection_t *c,
    ngx_http_marketplace_endpoint_t *endpoint)
{
    ngx_http_marketplace_endpoint_t  *other;

    if (c->ssl == NULL || endpoint->upstream.ssl == NULL) {
        return c->ssl == NULL && endpoint->upstream.ssl == NULL;
    }

    other = SSL_get_ex_data(c->ssl->connection,
                            ngx_http_marketplace_ssl_index);

    return other && ngx_http_marketplace_is_same_host(other, endpoint);
}
