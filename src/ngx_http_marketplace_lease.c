/*
 * Credentials that were fetched from an issuer, as the workers share them.
 */

#include "ngx_http_marketplace_credentials.h"
#include "ngx_http_marketplace_store.h"


/* in seconds */

/* how long before their end credentials are renewed */
#define NGX_HTTP_MARKETPLACE_EARLY          300

/* how long to leave an issuer alone after it was asked: while there are
 * credentials that can be used, and when there are none */
#define NGX_HTTP_MARKETPLACE_PAUSE          30
#define NGX_HTTP_MARKETPLACE_SHORT_PAUSE    2

/* how often credentials that AWS does not accept are renewed at most */
#define NGX_HTTP_MARKETPLACE_REJECT_PAUSE   5


typedef struct {
    ngx_http_marketplace_entry_t      entry;
    ngx_http_marketplace_worker_t     fetcher;

    ngx_atomic_uint_t                 version;
    time_t                            expires;
    time_t                            asked;        /* the issuer, last */
    time_t                            rejected;     /* when AWS did */
    unsigned                          renew:1;      /* ... since then */

    size_t                            len[3];       /* all 0: no keys */
    u_char                            data[];
} ngx_http_marketplace_lease_t;


static void ngx_http_marketplace_load(ngx_http_marketplace_lease_t *lease,
    ngx_http_marketplace_source_t *source, ngx_log_t *log);
static ngx_http_marketplace_lease_t *ngx_http_marketplace_save(
    ngx_shm_zone_t *zone, const u_char *id, mp_credentials_t *keys);
static ngx_int_t ngx_http_marketplace_decide(
    ngx_http_marketplace_lease_t *lease,
    ngx_http_marketplace_source_t *source, ngx_uint_t usable,
    ngx_msec_t deadline);
static ngx_uint_t ngx_http_marketplace_is_empty(
    ngx_http_marketplace_lease_t *lease);
static ngx_uint_t ngx_http_marketplace_is_usable(
    ngx_http_marketplace_source_t *source);
static ngx_uint_t ngx_http_marketplace_is_fresh(
    ngx_http_marketplace_source_t *source);
static ngx_uint_t ngx_http_marketplace_is_recent(time_t then, time_t period);
static void ngx_http_marketplace_end_fetch(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source, ngx_uint_t failed);


ngx_int_t
ngx_http_marketplace_store_look(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source, ngx_msec_t deadline,
    ngx_http_marketplace_keys_t **keys, ngx_log_t *log)
{
    ngx_int_t                      rc;
    ngx_uint_t                     usable;
    ngx_http_marketplace_lease_t  *lease;

    ngx_http_marketplace_lock(zone);

    lease = (ngx_http_marketplace_lease_t *)
            ngx_http_marketplace_add(zone, source->id,
                                     sizeof(ngx_http_marketplace_lease_t));

    if (lease) {
        ngx_http_marketplace_load(lease, source, log);
    }

    usable = ngx_http_marketplace_is_usable(source);
    rc = ngx_http_marketplace_decide(lease, source, usable, deadline);

    ngx_http_marketplace_unlock(zone);

    *keys = usable ? ngx_http_marketplace_use_keys(source->keys) : NULL;

    return rc;
}


/* Without a lease, because not even one fits into the zone, every worker
 * looks after itself. */

static ngx_int_t
ngx_http_marketplace_decide(ngx_http_marketplace_lease_t *lease,
    ngx_http_marketplace_source_t *source, ngx_uint_t usable,
    ngx_msec_t deadline)
{
    ngx_uint_t  renew;

    renew = !ngx_http_marketplace_is_fresh(source);

    if (lease == NULL) {
        return renew ? NGX_DONE : NGX_OK;
    }

    if (!renew && !lease->renew) {
        return NGX_OK;
    }

    if (ngx_http_marketplace_is_at_work(&lease->fetcher)) {
        return (usable && !lease->renew) ? NGX_OK : NGX_AGAIN;
    }

    if (!lease->renew
        && ngx_http_marketplace_is_recent(lease->asked,
                                          usable
                                          ? NGX_HTTP_MARKETPLACE_PAUSE
                                          : NGX_HTTP_MARKETPLACE_SHORT_PAUSE))
    {
        return usable ? NGX_OK : NGX_DECLINED;
    }

    ngx_http_marketplace_begin_work(&lease->fetcher, deadline);

    return NGX_DONE;
}


static ngx_uint_t
ngx_http_marketplace_is_usable(ngx_http_marketplace_source_t *source)
{
    return source->keys
           && (source->issuer->stable || source->keys->expires > ngx_time());
}


static ngx_uint_t
ngx_http_marketplace_is_fresh(ngx_http_marketplace_source_t *source)
{
    return source->keys
           && source->keys->expires - NGX_HTTP_MARKETPLACE_EARLY > ngx_time();
}


static ngx_uint_t
ngx_http_marketplace_is_empty(ngx_http_marketplace_lease_t *lease)
{
    return lease->len[0] + lease->len[1] + lease->len[2] == 0;
}


/* Brings what this worker knows of a source up to date. */

static void
ngx_http_marketplace_load(ngx_http_marketplace_lease_t *lease,
    ngx_http_marketplace_source_t *source, ngx_log_t *log)
{
    u_char                       *p;
    mp_str_t                     *key[3];
    ngx_uint_t                    i;
    mp_credentials_t              keys;
    ngx_http_marketplace_keys_t  *copy;

    if (ngx_http_marketplace_is_empty(lease)
        || (source->keys && source->keys->version == lease->version))
    {
        return;
    }

    key[0] = &keys.access_key;
    key[1] = &keys.secret_key;
    key[2] = &keys.session_token;

    p = lease->data;

    for (i = 0; i < 3; i++) {
        key[i]->data = p;
        key[i]->len = lease->len[i];
        p += lease->len[i];
    }

    copy = ngx_http_marketplace_create_keys(&keys, lease->expires, log);

    if (copy) {
        copy->version = lease->version;

        ngx_http_marketplace_release_keys(&source->keys);
        source->keys = copy;
    }
}


void
ngx_http_marketplace_store_put(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source, ngx_http_marketplace_keys_t *keys,
    ngx_log_t *log)
{
    ngx_http_marketplace_store_t  *store;
    ngx_http_marketplace_lease_t  *lease;

    ngx_http_marketplace_release_keys(&source->keys);
    source->keys = ngx_http_marketplace_use_keys(keys);

    store = zone->data;

    ngx_http_marketplace_lock(zone);

    lease = ngx_http_marketplace_save(zone, source->id, &keys->keys);

    if (lease) {
        keys->version = ++store->version;

        lease->version = keys->version;
        lease->expires = keys->expires;
        lease->asked = ngx_time();
        lease->renew = 0;
        lease->fetcher.pid = 0;
    }

    ngx_http_marketplace_unlock(zone);

    if (lease == NULL) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "marketplace: there is no room for credentials in the "
                      "workers' shared memory, each worker fetches its own: "
                      "raise \"marketplace_cache_size\"");
    }
}


static ngx_http_marketplace_lease_t *
ngx_http_marketplace_save(ngx_shm_zone_t *zone, const u_char *id,
    mp_credentials_t *keys)
{
    u_char                        *p;
    size_t                         size;
    ngx_http_marketplace_entry_t  *entry;
    ngx_http_marketplace_lease_t  *lease;

    size = sizeof(ngx_http_marketplace_lease_t) + keys->access_key.len
           + keys->secret_key.len + keys->session_token.len;

    entry = ngx_http_marketplace_add(zone, id, size);

    if (entry) {
        entry = ngx_http_marketplace_resize(zone, entry, size);
    }

    if (entry == NULL) {
        return NULL;
    }

    lease = (ngx_http_marketplace_lease_t *) entry;

    lease->len[0] = keys->access_key.len;
    lease->len[1] = keys->secret_key.len;
    lease->len[2] = keys->session_token.len;

    p = mp_copy(lease->data, keys->access_key);
    p = mp_copy(p, keys->secret_key);
    mp_copy(p, keys->session_token);

    return lease;
}


void
ngx_http_marketplace_store_fail(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source)
{
    ngx_http_marketplace_end_fetch(zone, source, 1);
}


void
ngx_http_marketplace_store_release(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source)
{
    ngx_http_marketplace_end_fetch(zone, source, 0);
}


static void
ngx_http_marketplace_end_fetch(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source, ngx_uint_t failed)
{
    ngx_http_marketplace_lease_t  *lease;

    ngx_http_marketplace_lock(zone);

    lease = (ngx_http_marketplace_lease_t *)
            ngx_http_marketplace_find(zone, source->id);

    if (lease && lease->fetcher.pid == ngx_pid) {
        lease->fetcher.pid = 0;

        if (failed) {
            lease->asked = ngx_time();
            lease->renew = 0;
        }
    }

    ngx_http_marketplace_unlock(zone);
}


ngx_int_t
ngx_http_marketplace_store_reject(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source, ngx_http_marketplace_keys_t *keys)
{
    ngx_int_t                      rc;
    ngx_http_marketplace_lease_t  *lease;

    rc = NGX_OK;

    ngx_http_marketplace_lock(zone);

    lease = (ngx_http_marketplace_lease_t *)
            ngx_http_marketplace_find(zone, source->id);

    if (lease == NULL || ngx_http_marketplace_is_empty(lease)) {

        /* it had to make room: only this worker knows of the keys */

        if (source->keys == keys) {
            ngx_http_marketplace_release_keys(&source->keys);
        }

    /* others may have had new keys fetched already, or be at it */

    } else if (lease->version == keys->version && !lease->renew) {

        if (ngx_http_marketplace_is_recent(lease->rejected,
                                           NGX_HTTP_MARKETPLACE_REJECT_PAUSE))
        {
            rc = NGX_DECLINED;

        } else {
            lease->rejected = ngx_time();
            lease->renew = 1;
        }
    }

    ngx_http_marketplace_unlock(zone);

    return rc;
}


time_t
ngx_http_marketplace_store_expires(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source)
{
    time_t                         expires;
    ngx_http_marketplace_lease_t  *lease;

    ngx_http_marketplace_lock(zone);

    lease = (ngx_http_marketplace_lease_t *)
            ngx_http_marketplace_find(zone, source->id);

    expires = (lease && !ngx_http_marketplace_is_empty(lease))
              ? lease->expires : 0;

    ngx_http_marketplace_unlock(zone);

    return expires;
}


static ngx_uint_t
ngx_http_marketplace_is_recent(time_t then, time_t period)
{
    return then <= ngx_time() && ngx_time() - then < period;
}
