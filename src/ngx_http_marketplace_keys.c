/*
 * Secrets in this process's memory, which are overwritten when nobody uses
 * them any more.
 */

#include "ngx_http_marketplace_credentials.h"


static void ngx_http_marketplace_keys_cleanup(void *data);


ngx_http_marketplace_keys_t *
ngx_http_marketplace_create_keys(const mp_credentials_t *keys, time_t expires,
    ngx_log_t *log)
{
    size_t                        size;
    u_char                       *p;
    ngx_http_marketplace_keys_t  *copy;

    size = sizeof(ngx_http_marketplace_keys_t) + keys->access_key.len
           + keys->secret_key.len + keys->session_token.len;

    copy = ngx_calloc(size, log);
    if (copy == NULL) {
        return NULL;
    }

    copy->users = 1;
    copy->expires = expires;
    copy->size = size;
    copy->keys = *keys;

    p = (u_char *) copy + sizeof(ngx_http_marketplace_keys_t);

    copy->keys.access_key.data = p;
    p = mp_copy(p, keys->access_key);

    copy->keys.secret_key.data = p;
    p = mp_copy(p, keys->secret_key);

    copy->keys.session_token.data = p;
    mp_copy(p, keys->session_token);

    return copy;
}


ngx_http_marketplace_keys_t *
ngx_http_marketplace_use_keys(ngx_http_marketplace_keys_t *keys)
{
    keys->users++;

    return keys;
}


void
ngx_http_marketplace_release_keys(ngx_http_marketplace_keys_t **keys)
{
    if (*keys && --(*keys)->users == 0) {
        OPENSSL_cleanse(*keys, (*keys)->size);
        ngx_free(*keys);
    }

    *keys = NULL;
}


ngx_int_t
ngx_http_marketplace_release_keys_with(ngx_pool_t *pool,
    ngx_http_marketplace_keys_t **keys)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_marketplace_keys_cleanup;
    cln->data = keys;

    return NGX_OK;
}


static void
ngx_http_marketplace_keys_cleanup(void *data)
{
    ngx_http_marketplace_release_keys(data);
}


ngx_uint_t
ngx_http_marketplace_same_keys(ngx_http_marketplace_keys_t *a,
    ngx_http_marketplace_keys_t *b)
{
    return mp_str_eq(a->keys.access_key, b->keys.access_key)
           && mp_str_eq(a->keys.secret_key, b->keys.secret_key)
           && mp_str_eq(a->keys.session_token, b->keys.session_token);
}
