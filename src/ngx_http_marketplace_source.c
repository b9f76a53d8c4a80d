/*
 * From a location's settings to the source of its credentials, or the chain of
 * them: a role's source stands on that of the credentials that assume it.
 */

#include "ngx_http_marketplace_credentials.h"


static ngx_http_marketplace_source_t *ngx_http_marketplace_service_source(
    ngx_conf_t *cf, ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf,
    ngx_http_marketplace_credentials_t *credentials);
static ngx_http_marketplace_endpoint_t *ngx_http_marketplace_local_endpoint(
    ngx_conf_t *cf, ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *url,
    ngx_http_marketplace_kind_e kind);
static void ngx_http_marketplace_set_id(ngx_http_marketplace_source_t *source,
    ngx_http_marketplace_tls_t *tls);
static void ngx_http_marketplace_set_conf_id(
    ngx_http_marketplace_loc_conf_t *mlcf);
static void ngx_http_marketplace_hash(SHA256_CTX *sha, mp_str_t text);


/* The services are on this machine, or next to it. */
#define NGX_HTTP_MARKETPLACE_LOCAL_TIMEOUT  1000


ngx_int_t
ngx_http_marketplace_set_source(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    ngx_http_marketplace_source_t       *source, **known;
    ngx_http_marketplace_credentials_t  *credentials;

    if (ngx_http_marketplace_release_keys_with(cf->pool, &mlcf->signing_keys)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_marketplace_set_conf_id(mlcf);

    credentials = mlcf->credentials;

    if (credentials == NULL) {
        credentials = ngx_http_marketplace_default_credentials(cf, mmcf);

        if (credentials == NULL) {
            return NGX_ERROR;
        }
    }

    if (credentials->kind == NGX_HTTP_MARKETPLACE_NONE) {
        return NGX_OK;
    }

    if ((mlcf->assume_role
         || credentials->kind == NGX_HTTP_MARKETPLACE_WEB_IDENTITY)
        && ngx_http_marketplace_set_sts(cf, mmcf, mlcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    source = (credentials->kind == NGX_HTTP_MARKETPLACE_KEYS)
             ? ngx_http_marketplace_keys_source(cf->pool, credentials->keys)
             : (credentials->kind == NGX_HTTP_MARKETPLACE_PROFILE)
             ? ngx_http_marketplace_open_profile(cf, mmcf, mlcf, credentials)
             : ngx_http_marketplace_service_source(cf, mmcf, mlcf,
                                                   credentials);

    if (source && mlcf->assume_role) {
        source = ngx_http_marketplace_role_source(cf->pool, mlcf,
                                                  mlcf->assume_role, NULL,
                                                  source);
    }

    known = ngx_array_push(&mmcf->sources);

    if (source == NULL || known == NULL) {
        return NGX_ERROR;
    }

    mlcf->source = source;
    *known = source;

    return NGX_OK;
}


/* The environment's source of a kind, which a profile asks for. */

ngx_http_marketplace_source_t *
ngx_http_marketplace_env_source(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf, ngx_http_marketplace_kind_e kind)
{
    ngx_http_marketplace_credentials_t  *credentials;

    credentials = ngx_pcalloc(cf->pool,
                              sizeof(ngx_http_marketplace_credentials_t));

    if (credentials == NULL
        || ngx_http_marketplace_from_env(cf, credentials, kind) != NGX_OK)
    {
        return NULL;
    }

    return (kind == NGX_HTTP_MARKETPLACE_KEYS)
           ? ngx_http_marketplace_keys_source(cf->pool, credentials->keys)
           : ngx_http_marketplace_service_source(cf, mmcf, mlcf, credentials);
}


static ngx_http_marketplace_source_t *
ngx_http_marketplace_service_source(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf,
    ngx_http_marketplace_credentials_t *credentials)
{
    ngx_http_marketplace_source_t    *source, *session;
    ngx_http_marketplace_endpoint_t  *endpoint;

    if (credentials->kind == NGX_HTTP_MARKETPLACE_WEB_IDENTITY) {
        return ngx_http_marketplace_role_source(cf->pool, mlcf,
                                                &credentials->role,
                                                &credentials->token_file,
                                                NULL);
    }

    endpoint = ngx_http_marketplace_local_endpoint(cf, mmcf, mlcf,
                                                   &credentials->url,
                                                   credentials->kind);
    if (endpoint == NULL) {
        return NULL;
    }

    source = ngx_http_marketplace_new_source(cf->pool,
                                     (char *) credentials->name.data);
    if (source == NULL) {
        return NULL;
    }

    source->endpoint = endpoint;

    if (credentials->kind == NGX_HTTP_MARKETPLACE_CONTAINER) {
        source->issuer = &ngx_http_marketplace_container;
        source->path = credentials->path;
        source->authorization = credentials->authorization;
        source->token_file = credentials->token_file;

    } else {
        session = ngx_http_marketplace_new_source(cf->pool, "imds session");
        if (session == NULL) {
            return NULL;
        }

        session->issuer = &ngx_http_marketplace_imds_session;
        session->endpoint = endpoint;
        ngx_http_marketplace_set_id(session, &mlcf->tls);

        source->issuer = &ngx_http_marketplace_imds;
        source->base = session;
    }

    ngx_http_marketplace_set_id(source, &mlcf->tls);

    return source;
}


static ngx_http_marketplace_endpoint_t *
ngx_http_marketplace_local_endpoint(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_endpoint_t *url,
    ngx_http_marketplace_kind_e kind)
{
    const char                       *origin;
    mp_endpoint_t                     copy;
    ngx_http_marketplace_endpoint_t  *endpoint;

    endpoint = ngx_pcalloc(cf->pool, sizeof(ngx_http_marketplace_endpoint_t));
    if (endpoint == NULL) {
        return NULL;
    }

    endpoint->upstream = mlcf->metering.upstream;

    endpoint->upstream.buffer_size = NGX_HTTP_MARKETPLACE_REPLY_MAX;
    endpoint->upstream.connect_timeout = NGX_HTTP_MARKETPLACE_LOCAL_TIMEOUT;
    endpoint->upstream.send_timeout = NGX_HTTP_MARKETPLACE_LOCAL_TIMEOUT;
    endpoint->upstream.read_timeout = NGX_HTTP_MARKETPLACE_LOCAL_TIMEOUT;

    copy = *url;
    origin = (kind == NGX_HTTP_MARKETPLACE_CONTAINER)
             ? "the environment's AWS_CONTAINER_CREDENTIALS_FULL_URI"
             : "the environment's AWS_EC2_METADATA_SERVICE_ENDPOINT";

    return (ngx_http_marketplace_set_endpoint(cf, mmcf, mlcf, endpoint, &copy,
                                              origin)
            == NGX_OK)
           ? endpoint : NULL;
}


ngx_http_marketplace_source_t *
ngx_http_marketplace_keys_source(ngx_pool_t *pool,
    ngx_http_marketplace_keys_t *keys)
{
    ngx_http_marketplace_source_t  *source;

    source = ngx_http_marketplace_new_source(pool, "keys");

    if (source) {
        source->keys = ngx_http_marketplace_use_keys(keys);
        ngx_http_marketplace_set_id(source, NULL);
    }

    return source;
}


/* A role that is assumed with the credentials of base or, if there is none,
 * with the token in a file. */

ngx_http_marketplace_source_t *
ngx_http_marketplace_role_source(ngx_pool_t *pool,
    ngx_http_marketplace_loc_conf_t *mlcf, const mp_role_t *role,
    ngx_str_t *token_file, ngx_http_marketplace_source_t *base)
{
    ngx_http_marketplace_source_t  *source;

    source = ngx_http_marketplace_new_source(pool, base ? "assume_role"
                                                        : "web_identity");
    if (source == NULL) {
        return NULL;
    }

    source->issuer = &ngx_http_marketplace_sts;
    source->endpoint = mlcf->sts;
    source->base = base;
    source->role = *role;

    source->scope.region = mlcf->scope.region;
    source->scope.service = mp_str_from(MP_STS_SERVICE);

    if (token_file) {
        source->token_file = *token_file;
    }

    ngx_http_marketplace_set_id(source, &mlcf->tls);

    return source;
}


ngx_http_marketplace_source_t *
ngx_http_marketplace_new_source(ngx_pool_t *pool, const char *name)
{
    ngx_http_marketplace_source_t  *source;

    source = ngx_pcalloc(pool, sizeof(ngx_http_marketplace_source_t));

    if (source == NULL
        || ngx_http_marketplace_release_keys_with(pool, &source->keys)
           != NGX_OK)
    {
        return NULL;
    }

    source->name.data = (u_char *) name;
    source->name.len = ngx_strlen(name);

    return source;
}


/* What tells locations apart that could be answered differently, but for the
 * credentials. */

static void
ngx_http_marketplace_set_conf_id(ngx_http_marketplace_loc_conf_t *mlcf)
{
    ngx_http_marketplace_source_t  aws;

    ngx_memzero(&aws, sizeof(ngx_http_marketplace_source_t));

    aws.endpoint = &mlcf->metering;
    aws.scope.region = mlcf->scope.region;

    /* two blocks may be reached by the same name */

    if (mlcf->metering.upstream_block) {
        aws.path = mlcf->metering.upstream_block->host;
    }

    ngx_http_marketplace_set_id(&aws, &mlcf->tls);

    ngx_memcpy(mlcf->id, aws.id, NGX_HTTP_MARKETPLACE_ID_LEN);
}


/* Adds what tells the source's identity from others to a hash; nothing if
 * there is no source. */

void
ngx_http_marketplace_hash_source(SHA256_CTX *sha,
    ngx_http_marketplace_source_t *source, ngx_log_t *log)
{
    ngx_http_marketplace_chain_t  *chain;

    if (source == NULL) {
        return;
    }

    if (source->profile == NULL) {
        SHA256_Update(sha, source->id, NGX_HTTP_MARKETPLACE_ID_LEN);
        return;
    }

    chain = ngx_http_marketplace_profile_chain(source->profile, 0, log);

    SHA256_Update(sha, chain->source->id, NGX_HTTP_MARKETPLACE_ID_LEN);

    ngx_http_marketplace_release_chain(chain);
}


/*
 * Sources that would get the same credentials in the same way have the same id.
 * How the issuer is verified counts: what was taken from someone who was not
 * must not be used where the certificate is to be verified.
 */

static void
ngx_http_marketplace_set_id(ngx_http_marketplace_source_t *source,
    ngx_http_marketplace_tls_t *tls)
{
    u_char      hash[MP_SHA256_LEN];
    SHA256_CTX  sha;

    SHA256_Init(&sha);

    ngx_http_marketplace_hash(&sha, ngx_http_marketplace_mp(&source->name));

    if (source->keys) {
        ngx_http_marketplace_hash(&sha, source->keys->keys.access_key);
        ngx_http_marketplace_hash(&sha, source->keys->keys.secret_key);
    }

    if (source->base) {
        SHA256_Update(&sha, source->base->id, NGX_HTTP_MARKETPLACE_ID_LEN);
    }

    if (source->endpoint) {
        ngx_http_marketplace_hash(&sha,
                           ngx_http_marketplace_mp(&source->endpoint->host));
    }

    if (tls && source->endpoint && source->endpoint->upstream.ssl) {
        SHA256_Update(&sha, &tls->verify, sizeof(tls->verify));
        SHA256_Update(&sha, &tls->verify_depth, sizeof(tls->verify_depth));
        ngx_http_marketplace_hash(&sha,
                          ngx_http_marketplace_mp(&tls->trusted_certificate));
    }

    ngx_http_marketplace_hash(&sha, ngx_http_marketplace_mp(&source->path));
    ngx_http_marketplace_hash(&sha,
                             ngx_http_marketplace_mp(&source->authorization));
    ngx_http_marketplace_hash(&sha,
                              ngx_http_marketplace_mp(&source->token_file));

    ngx_http_marketplace_hash(&sha, source->role.arn);
    ngx_http_marketplace_hash(&sha, source->role.external_id);
    ngx_http_marketplace_hash(&sha, source->role.session_name);
    SHA256_Update(&sha, &source->role.duration, sizeof(unsigned));

    ngx_http_marketplace_hash(&sha, source->scope.region);

    SHA256_Final(hash, &sha);
    ngx_memcpy(source->id, hash, NGX_HTTP_MARKETPLACE_ID_LEN);
}


static void
ngx_http_marketplace_hash(SHA256_CTX *sha, mp_str_t text)
{
    SHA256_Update(sha, &text.len, sizeof(text.len));
    mp_sha256_add(sha, text);
}


ngx_int_t
ngx_http_marketplace_keep(ngx_pool_t *pool, mp_str_t *text)
{
    u_char  *p;

    p = ngx_pnalloc(pool, text->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *mp_copy(p, *text) = '\0';
    text->data = p;

    return NGX_OK;
}
