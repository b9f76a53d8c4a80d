/*
 * The zone that the workers share, and agree through.  It outlives reloads: it
 * holds no pointer into a configuration or a process.
 *
 * A record is found by its id, a hash of what it is about.  When there is no
 * room for another one, those that were not used for longest go.
 */

#include "ngx_http_marketplace_credentials.h"

#include <signal.h>


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
    ngx_rbtree_node_t                 node;    /* the key is of the id */
    ngx_queue_t                       queue;   /* by last use */
    u_char                            id[NGX_HTTP_MARKETPLACE_ID_LEN];

    ngx_atomic_uint_t                 version;
    time_t                            expires;
    time_t                            asked;        /* the issuer, last */
    time_t                            rejected;     /* when AWS did */
    unsigned                          renew:1;      /* ... since then */

    ngx_pid_t                         fetcher;      /* 0: nobody */
    ngx_msec_t                        deadline;     /* of it */

    size_t                            len[3];
    u_char                           *data;         /* NULL: no keys */
} ngx_http_marketplace_record_t;


typedef struct {
    ngx_rbtree_t                      rbtree;
    ngx_rbtree_node_t                 sentinel;
    ngx_queue_t                       queue;
    ngx_atomic_uint_t                 version;      /* last one given out */
} ngx_http_marketplace_store_t;


static ngx_int_t ngx_http_marketplace_init_zone(ngx_shm_zone_t *zone,
    void *data);
static void ngx_http_marketplace_store_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_http_marketplace_record_t *ngx_http_marketplace_find(
    ngx_shm_zone_t *zone, const u_char *id);
static ngx_http_marketplace_record_t *ngx_http_marketplace_find_or_add(
    ngx_shm_zone_t *zone, const u_char *id);
static void *ngx_http_marketplace_store_alloc(ngx_shm_zone_t *zone,
    size_t size, ngx_http_marketplace_record_t *keep);
static void ngx_http_marketplace_store_free(ngx_shm_zone_t *zone,
    ngx_http_marketplace_record_t *record);
static void ngx_http_marketplace_forget(ngx_slab_pool_t *shpool,
    ngx_http_marketplace_record_t *record);
static void ngx_http_marketplace_load(ngx_http_marketplace_record_t *record,
    ngx_http_marketplace_source_t *source, ngx_log_t *log);
static ngx_int_t ngx_http_marketplace_save(ngx_shm_zone_t *zone,
    ngx_http_marketplace_record_t *record, mp_credentials_t *keys);
static ngx_int_t ngx_http_marketplace_decide(
    ngx_http_marketplace_record_t *record,
    ngx_http_marketplace_source_t *source, ngx_uint_t usable,
    ngx_msec_t deadline);
static ngx_uint_t ngx_http_marketplace_is_usable(
    ngx_http_marketplace_source_t *source);
static ngx_uint_t ngx_http_marketplace_is_fresh(
    ngx_http_marketplace_source_t *source);
static ngx_uint_t ngx_http_marketplace_is_fetched(
    ngx_http_marketplace_record_t *record);
static ngx_uint_t ngx_http_marketplace_is_recent(time_t then, time_t period);
static void ngx_http_marketplace_end_fetch(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source, ngx_uint_t failed);


char *
ngx_http_marketplace_cache_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_marketplace_main_conf_t  *mmcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (mmcf->cache_size) {
        return "is duplicate";
    }

    value = cf->args->elts;
    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR || size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in "
                           "\"marketplace_cache_size\", it must be a size of "
                           "at least %uzk, like \"1m\"",
                           &value[1], 8 * ngx_pagesize / 1024);
        return NGX_CONF_ERROR;
    }

    mmcf->cache_size = size;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_marketplace_add_zone(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf)
{
    static ngx_str_t  name = ngx_string("ngx_http_marketplace");

    mmcf->zone = ngx_shared_memory_add(cf, &name,
                                       mmcf->cache_size ? mmcf->cache_size
                                                        : 1024 * 1024,
                                       &ngx_http_marketplace_module);
    if (mmcf->zone == NULL) {
        return NGX_ERROR;
    }

    mmcf->zone->init = ngx_http_marketplace_init_zone;
    mmcf->zone->data = mmcf;

    return NGX_OK;
}


static ngx_int_t
ngx_http_marketplace_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t               *shpool;
    ngx_http_marketplace_store_t  *store;

    /* nginx has read all of the configuration, and may still refuse it */

    if (ngx_http_marketplace_check_later(zone->data) != NGX_OK) {
        return NGX_ERROR;
    }

    if (data) {
        zone->data = data;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    store = ngx_slab_calloc(shpool, sizeof(ngx_http_marketplace_store_t));
    if (store == NULL) {
        return NGX_ERROR;
    }

    ngx_rbtree_init(&store->rbtree, &store->sentinel,
                    ngx_http_marketplace_store_insert);
    ngx_queue_init(&store->queue);

    shpool->log_nomem = 0;
    zone->data = store;

    return NGX_OK;
}


static void
ngx_http_marketplace_store_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t              **p;
    ngx_http_marketplace_record_t   *record, *other;

    record = (ngx_http_marketplace_record_t *) node;

    for ( ;; ) {
        other = (ngx_http_marketplace_record_t *) temp;

        p = (ngx_memcmp(record->id, other->id, NGX_HTTP_MARKETPLACE_ID_LEN)
             < 0)
            ? &temp->left : &temp->right;

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


ngx_int_t
ngx_http_marketplace_store_look(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source, ngx_msec_t deadline,
    ngx_http_marketplace_keys_t **keys, ngx_log_t *log)
{
    ngx_int_t                       rc;
    ngx_uint_t                      usable;
    ngx_slab_pool_t                *shpool;
    ngx_http_marketplace_record_t  *record;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    record = ngx_http_marketplace_find_or_add(zone, source->id);

    if (record) {
        ngx_http_marketplace_load(record, source, log);
    }

    usable = ngx_http_marketplace_is_usable(source);
    rc = ngx_http_marketplace_decide(record, source, usable, deadline);

    ngx_shmtx_unlock(&shpool->mutex);

    *keys = usable ? ngx_http_marketplace_use_keys(source->keys) : NULL;

    return rc;
}


/* Without a record, because not even one fits into the zone, every worker
 * looks after itself. */

static ngx_int_t
ngx_http_marketplace_decide(ngx_http_marketplace_record_t *record,
    ngx_http_marketplace_source_t *source, ngx_uint_t usable,
    ngx_msec_t deadline)
{
    ngx_uint_t  renew;

    renew = !ngx_http_marketplace_is_fresh(source);

    if (record == NULL) {
        return renew ? NGX_DONE : NGX_OK;
    }

    if (!renew && !record->renew) {
        return NGX_OK;
    }

    if (ngx_http_marketplace_is_fetched(record)) {
        return (usable && !record->renew) ? NGX_OK : NGX_AGAIN;
    }

    if (!record->renew
        && ngx_http_marketplace_is_recent(record->asked,
                                          usable
                                          ? NGX_HTTP_MARKETPLACE_PAUSE
                                          : NGX_HTTP_MARKETPLACE_SHORT_PAUSE))
    {
        return usable ? NGX_OK : NGX_DECLINED;
    }

    record->fetcher = ngx_pid;
    record->deadline = deadline;

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


/* A worker that was killed ends nothing. */

static ngx_uint_t
ngx_http_marketplace_is_fetched(ngx_http_marketplace_record_t *record)
{
    if (record->fetcher == 0
        || (ngx_msec_int_t) (record->deadline - ngx_current_msec) < 0)
    {
        return 0;
    }

    return record->fetcher == ngx_pid
           || kill(record->fetcher, 0) != -1 || ngx_errno != NGX_ESRCH;
}


/* Brings what this worker knows of a source up to date. */

static void
ngx_http_marketplace_load(ngx_http_marketplace_record_t *record,
    ngx_http_marketplace_source_t *source, ngx_log_t *log)
{
    u_char                       *p;
    ngx_uint_t                    i;
    mp_str_t                     *key[3];
    mp_credentials_t              keys;
    ngx_http_marketplace_keys_t  *copy;

    if (record->data == NULL
        || (source->keys && source->keys->version == record->version))
    {
        return;
    }

    key[0] = &keys.access_key;
    key[1] = &keys.secret_key;
    key[2] = &keys.session_token;

    p = record->data;

    for (i = 0; i < 3; i++) {
        key[i]->data = p;
        key[i]->len = record->len[i];
        p += record->len[i];
    }

    copy = ngx_http_marketplace_create_keys(&keys, record->expires, log);

    if (copy) {
        copy->version = record->version;

        ngx_http_marketplace_release_keys(&source->keys);
        source->keys = copy;
    }
}


void
ngx_http_marketplace_store_put(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source, ngx_http_marketplace_keys_t *keys,
    ngx_log_t *log)
{
    ngx_slab_pool_t                *shpool;
    ngx_http_marketplace_store_t   *store;
    ngx_http_marketplace_record_t  *record;

    ngx_http_marketplace_release_keys(&source->keys);
    source->keys = ngx_http_marketplace_use_keys(keys);

    store = zone->data;
    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    record = ngx_http_marketplace_find_or_add(zone, source->id);

    if (record
        && ngx_http_marketplace_save(zone, record, &keys->keys) == NGX_OK)
    {
        keys->version = ++store->version;

        record->version = keys->version;
        record->expires = keys->expires;
        record->asked = ngx_time();
        record->renew = 0;
        record->fetcher = 0;

        ngx_shmtx_unlock(&shpool->mutex);
        return;
    }

    if (record) {
        ngx_http_marketplace_store_free(zone, record);
    }

    ngx_shmtx_unlock(&shpool->mutex);

    ngx_log_error(NGX_LOG_WARN, log, 0,
                  "marketplace: there is no room for credentials in the "
                  "workers' shared memory, each worker fetches its own: raise "
                  "\"marketplace_cache_size\"");
}


static ngx_int_t
ngx_http_marketplace_save(ngx_shm_zone_t *zone,
    ngx_http_marketplace_record_t *record, mp_credentials_t *keys)
{
    u_char  *p, *end;
    size_t   len;

    ngx_http_marketplace_forget((ngx_slab_pool_t *) zone->shm.addr, record);

    len = keys->access_key.len + keys->secret_key.len
          + keys->session_token.len;

    p = ngx_http_marketplace_store_alloc(zone, len, record);
    if (p == NULL) {
        return NGX_ERROR;
    }

    record->len[0] = keys->access_key.len;
    record->len[1] = keys->secret_key.len;
    record->len[2] = keys->session_token.len;

    end = mp_copy(p, keys->access_key);
    end = mp_copy(end, keys->secret_key);
    mp_copy(end, keys->session_token);

    /* last: a worker that is killed in here leaves nothing half done */

    record->data = p;

    return NGX_OK;
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
    ngx_slab_pool_t                *shpool;
    ngx_http_marketplace_record_t  *record;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    record = ngx_http_marketplace_find(zone, source->id);

    if (record && record->fetcher == ngx_pid) {
        record->fetcher = 0;

        if (failed) {
            record->asked = ngx_time();
            record->renew = 0;
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);
}


ngx_int_t
ngx_http_marketplace_store_reject(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source, ngx_http_marketplace_keys_t *keys)
{
    ngx_int_t                       rc;
    ngx_slab_pool_t                *shpool;
    ngx_http_marketplace_record_t  *record;

    rc = NGX_OK;
    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    record = ngx_http_marketplace_find(zone, source->id);

    if (record == NULL || record->data == NULL) {

        /* it had to make room: only this worker knows of the keys */

        if (source->keys == keys) {
            ngx_http_marketplace_release_keys(&source->keys);
        }

    /* others may have had new keys fetched already, or be at it */

    } else if (record->version == keys->version && !record->renew) {

        if (ngx_http_marketplace_is_recent(record->rejected,
                                           NGX_HTTP_MARKETPLACE_REJECT_PAUSE))
        {
            rc = NGX_DECLINED;

        } else {
            record->rejected = ngx_time();
            record->renew = 1;
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return rc;
}


static ngx_uint_t
ngx_http_marketplace_is_recent(time_t then, time_t period)
{
    return then <= ngx_time() && ngx_time() - then < period;
}


static ngx_http_marketplace_record_t *
ngx_http_marketplace_find(ngx_shm_zone_t *zone, const u_char *id)
{
    ngx_int_t                       rc;
    ngx_rbtree_node_t              *node, *sentinel;
    ngx_http_marketplace_store_t   *store;
    ngx_http_marketplace_record_t  *record;

    store = zone->data;
    node = store->rbtree.root;
    sentinel = store->rbtree.sentinel;

    while (node != sentinel) {
        record = (ngx_http_marketplace_record_t *) node;

        rc = ngx_memcmp(id, record->id, NGX_HTTP_MARKETPLACE_ID_LEN);

        if (rc == 0) {
            ngx_queue_remove(&record->queue);
            ngx_queue_insert_head(&store->queue, &record->queue);

            return record;
        }

        node = (rc < 0) ? node->left : node->right;
    }

    return NULL;
}


static ngx_http_marketplace_record_t *
ngx_http_marketplace_find_or_add(ngx_shm_zone_t *zone, const u_char *id)
{
    ngx_http_marketplace_store_t   *store;
    ngx_http_marketplace_record_t  *record;

    record = ngx_http_marketplace_find(zone, id);

    if (record) {
        return record;
    }

    record = ngx_http_marketplace_store_alloc(zone,
                                        sizeof(ngx_http_marketplace_record_t),
                                              NULL);
    if (record == NULL) {
        return NULL;
    }

    ngx_memzero(record, sizeof(ngx_http_marketplace_record_t));
    ngx_memcpy(record->id, id, NGX_HTTP_MARKETPLACE_ID_LEN);

    store = zone->data;

    ngx_rbtree_insert(&store->rbtree, &record->node);
    ngx_queue_insert_head(&store->queue, &record->queue);

    return record;
}


/* Makes room by removing what was not used for longest, but for one record. */

static void *
ngx_http_marketplace_store_alloc(ngx_shm_zone_t *zone, size_t size,
    ngx_http_marketplace_record_t *keep)
{
    void                           *p;
    ngx_queue_t                    *q;
    ngx_slab_pool_t                *shpool;
    ngx_http_marketplace_store_t   *store;
    ngx_http_marketplace_record_t  *record;

    store = zone->data;
    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    for ( ;; ) {
        p = ngx_slab_alloc_locked(shpool, size);

        if (p) {
            return p;
        }

        q = ngx_queue_last(&store->queue);

        if (q == ngx_queue_sentinel(&store->queue)) {
            return NULL;
        }

        record = ngx_queue_data(q, ngx_http_marketplace_record_t, queue);

        if (record == keep) {
            return NULL;
        }

        ngx_http_marketplace_store_free(zone, record);
    }
}


static void
ngx_http_marketplace_store_free(ngx_shm_zone_t *zone,
    ngx_http_marketplace_record_t *record)
{
    ngx_slab_pool_t               *shpool;
    ngx_http_marketplace_store_t  *store;

    store = zone->data;
    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_rbtree_delete(&store->rbtree, &record->node);
    ngx_queue_remove(&record->queue);

    ngx_http_marketplace_forget(shpool, record);
    ngx_slab_free_locked(shpool, record);
}


static void
ngx_http_marketplace_forget(ngx_slab_pool_t *shpool,
    ngx_http_marketplace_record_t *record)
{
    if (record->data) {
        OPENSSL_cleanse(record->data,
                        record->len[0] + record->len[1] + record->len[2]);
        ngx_slab_free_locked(shpool, record->data);

        record->data = NULL;
    }
}
