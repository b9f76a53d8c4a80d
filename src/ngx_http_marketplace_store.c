/*
 * The zone that the workers share, and agree through.  It outlives reloads: it
 * holds no pointer into a configuration or a process.
 */

#include "ngx_http_marketplace_credentials.h"
#include "ngx_http_marketplace_store.h"

#include <openssl/rand.h>
#include <signal.h>


/* in seconds */
#define NGX_HTTP_MARKETPLACE_CLOCK_NOISE  10


static ngx_int_t ngx_http_marketplace_init_zone(ngx_shm_zone_t *zone,
    void *data);
static void ngx_http_marketplace_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static void *ngx_http_marketplace_alloc_entry(ngx_shm_zone_t *zone,
    size_t size, ngx_http_marketplace_entry_t *keep);


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
    u_char                         secret[MP_SHA256_LEN];
    mp_str_t                       key;
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

    if (store == NULL || RAND_bytes(secret, sizeof(secret)) != 1) {
        return NGX_ERROR;
    }

    key.data = secret;
    key.len = sizeof(secret);

    mp_hmac_key(&store->hmac, key);

    OPENSSL_cleanse(secret, sizeof(secret));

    ngx_rbtree_init(&store->rbtree, &store->sentinel,
                    ngx_http_marketplace_insert);
    ngx_queue_init(&store->queue);
    ngx_queue_init(&store->passing);

    shpool->log_nomem = 0;
    zone->data = store;

    return NGX_OK;
}


static void
ngx_http_marketplace_insert(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t             **p;
    ngx_http_marketplace_entry_t   *entry, *other;

    entry = (ngx_http_marketplace_entry_t *) node;

    for ( ;; ) {
        other = (ngx_http_marketplace_entry_t *) temp;

        p = (ngx_memcmp(entry->id, other->id, NGX_HTTP_MARKETPLACE_ID_LEN)
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


void
ngx_http_marketplace_lock(ngx_shm_zone_t *zone)
{
    ngx_shmtx_lock(&((ngx_slab_pool_t *) zone->shm.addr)->mutex);
}


void
ngx_http_marketplace_unlock(ngx_shm_zone_t *zone)
{
    ngx_shmtx_unlock(&((ngx_slab_pool_t *) zone->shm.addr)->mutex);
}


ngx_http_marketplace_entry_t *
ngx_http_marketplace_find(ngx_shm_zone_t *zone, const u_char *id)
{
    ngx_int_t                      rc;
    ngx_rbtree_node_t             *node, *sentinel;
    ngx_http_marketplace_store_t  *store;
    ngx_http_marketplace_entry_t  *entry;

    store = zone->data;
    node = store->rbtree.root;
    sentinel = store->rbtree.sentinel;

    while (node != sentinel) {
        entry = (ngx_http_marketplace_entry_t *) node;

        rc = ngx_memcmp(id, entry->id, NGX_HTTP_MARKETPLACE_ID_LEN);

        if (rc == 0) {
            ngx_queue_remove(&entry->queue);
            ngx_queue_insert_head(&store->queue, &entry->queue);

            return entry;
        }

        node = (rc < 0) ? node->left : node->right;
    }

    return NULL;
}


ngx_http_marketplace_entry_t *
ngx_http_marketplace_add(ngx_shm_zone_t *zone, const u_char *id, size_t size)
{
    ngx_http_marketplace_store_t  *store;
    ngx_http_marketplace_entry_t  *entry;

    entry = ngx_http_marketplace_find(zone, id);

    if (entry) {
        return entry;
    }

    entry = ngx_http_marketplace_alloc_entry(zone, size, NULL);
    if (entry == NULL) {
        return NULL;
    }

    ngx_memzero(entry, size);
    ngx_memcpy(entry->id, id, NGX_HTTP_MARKETPLACE_ID_LEN);
    entry->size = size;

    store = zone->data;

    ngx_rbtree_insert(&store->rbtree, &entry->node);
    ngx_queue_insert_head(&store->queue, &entry->queue);

    return entry;
}


ngx_http_marketplace_entry_t *
ngx_http_marketplace_resize(ngx_shm_zone_t *zone,
    ngx_http_marketplace_entry_t *entry, size_t size)
{
    size_t                         kept;
    ngx_http_marketplace_store_t  *store;
    ngx_http_marketplace_entry_t  *other;

    if (entry->size == size) {
        return entry;
    }

    other = ngx_http_marketplace_alloc_entry(zone, size, entry);

    if (other) {
        kept = ngx_min(size, entry->size);

        ngx_memcpy(other, entry, kept);
        ngx_memzero((u_char *) other + kept, size - kept);
        other->size = size;
    }

    ngx_http_marketplace_remove(zone, entry);

    if (other) {
        store = zone->data;

        ngx_rbtree_insert(&store->rbtree, &other->node);
        ngx_queue_insert_head(&store->queue, &other->queue);
    }

    return other;
}


static void *
ngx_http_marketplace_alloc_entry(ngx_shm_zone_t *zone, size_t size,
    ngx_http_marketplace_entry_t *keep)
{
    void                          *p;
    ngx_queue_t                   *q, *queue;
    ngx_slab_pool_t               *shpool;
    ngx_http_marketplace_store_t  *store;
    ngx_http_marketplace_entry_t  *entry;

    store = zone->data;
    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    for ( ;; ) {
        p = ngx_slab_alloc_locked(shpool, size);

        if (p) {
            return p;
        }

        queue = ngx_queue_empty(&store->passing) ? &store->queue
                                                 : &store->passing;
        q = ngx_queue_last(queue);

        if (q == ngx_queue_sentinel(queue)) {
            return NULL;
        }

        entry = ngx_queue_data(q, ngx_http_marketplace_entry_t, queue);

        if (entry == keep) {
            return NULL;
        }

        store->counters.evictions++;

        ngx_http_marketplace_remove(zone, entry);
    }
}


void
ngx_http_marketplace_let_pass(ngx_shm_zone_t *zone,
    ngx_http_marketplace_entry_t *entry)
{
    ngx_http_marketplace_store_t  *store;

    store = zone->data;

    ngx_queue_remove(&entry->queue);
    ngx_queue_insert_head(&store->passing, &entry->queue);
}


void
ngx_http_marketplace_remove(ngx_shm_zone_t *zone,
    ngx_http_marketplace_entry_t *entry)
{
    ngx_http_marketplace_store_t  *store;

    store = zone->data;

    ngx_rbtree_delete(&store->rbtree, &entry->node);
    ngx_queue_remove(&entry->queue);

    OPENSSL_cleanse(entry, entry->size);
    ngx_slab_free_locked((ngx_slab_pool_t *) zone->shm.addr, entry);
}


void
ngx_http_marketplace_begin_work(ngx_http_marketplace_worker_t *worker,
    ngx_msec_t deadline)
{
    worker->pid = ngx_pid;
    worker->deadline = deadline;
}


/* A process that was killed ends nothing. */

ngx_uint_t
ngx_http_marketplace_is_at_work(ngx_http_marketplace_worker_t *worker)
{
    if (worker->pid == 0
        || (ngx_msec_int_t) (worker->deadline - ngx_current_msec) < 0)
    {
        return 0;
    }

    return ngx_http_marketplace_lives(worker->pid);
}


ngx_uint_t
ngx_http_marketplace_lives(ngx_pid_t pid)
{
    return pid == ngx_pid || kill(pid, 0) != -1 || ngx_errno != NGX_ESRCH;
}


time_t
ngx_http_marketplace_clock(ngx_http_marketplace_main_conf_t *mmcf)
{
    ngx_http_marketplace_store_t  *store;

    store = mmcf->zone->data;

    return (ngx_atomic_int_t) store->clock;
}


/* Small differences come from the time that a reply is on its way. */

void
ngx_http_marketplace_learn_clock(ngx_http_marketplace_main_conf_t *mmcf,
    mp_str_t date)
{
    time_t                         then, clock;
    ngx_http_marketplace_store_t  *store;

    then = ngx_http_marketplace_date(date);

    if (then == NGX_ERROR) {
        return;
    }

    store = mmcf->zone->data;
    clock = then - ngx_time();

    if (ngx_abs(clock - (ngx_atomic_int_t) store->clock)
        > NGX_HTTP_MARKETPLACE_CLOCK_NOISE)
    {
        store->clock = (ngx_atomic_uint_t) clock;
    }
}
