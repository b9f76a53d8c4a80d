/*
 * The zone that the workers share: entries that are found by an id, each with
 * room for data of its own.  What they mean is the business of
 * ngx_http_marketplace_lease.c (credentials) and
 * ngx_http_marketplace_answer.c (resolved tokens).
 */

#ifndef _NGX_HTTP_MARKETPLACE_STORE_H_INCLUDED_
#define _NGX_HTTP_MARKETPLACE_STORE_H_INCLUDED_


#include "ngx_http_marketplace.h"

#include "status/mp_status.h"


/* Calls that wait for AWS, of one process; if that was killed, of none. */
typedef struct {
    ngx_pid_t                         pid;
    ngx_uint_t                        calls;
} ngx_http_marketplace_in_flight_t;


/* One for every process of nginx, as long as there are not more. */
#define NGX_HTTP_MARKETPLACE_PROCESSES  128


/* Who is at work for an entry; those who want the same wait. */
typedef struct {
    ngx_msec_t                        deadline;    /* of ngx_current_msec */
    ngx_pid_t                         pid;         /* 0: nobody */
} ngx_http_marketplace_worker_t;


/* What is behind it starts as zeros. */
typedef struct {
    ngx_rbtree_node_t                 node;
    ngx_queue_t                       queue;       /* by last use */
    u_char                            id[NGX_HTTP_MARKETPLACE_ID_LEN];
    uint32_t                          size;        /* of all */
} ngx_http_marketplace_entry_t;


typedef struct {
    ngx_rbtree_t                      rbtree;
    ngx_rbtree_node_t                 sentinel;
    ngx_queue_t                       queue;       /* by last use */
    ngx_queue_t                       passing;     /* of use for a moment */

    mp_hmac_t                         hmac;        /* by a secret of the
                                                    * zone's */
    ngx_atomic_uint_t                 version;     /* last one given out */
    ngx_atomic_t                      clock;       /* that of this machine is
                                                    * so many seconds slow */

    mp_counters_t                     counters;

    ngx_http_marketplace_in_flight_t  in_flight
                                          [NGX_HTTP_MARKETPLACE_PROCESSES];
} ngx_http_marketplace_store_t;


void ngx_http_marketplace_lock(ngx_shm_zone_t *zone);
void ngx_http_marketplace_unlock(ngx_shm_zone_t *zone);

/*
 * All of these are for who holds the lock.  find and add (which finds, too)
 * make the entry the one that was used last; let_pass says that, until it is
 * found again, it is of use for a moment only.  add and resize make room by
 * removing such entries, and then those that were not used for longest; where
 * that is not enough they return NULL, and resize has removed the entry, too.
 * What is removed is overwritten.  resize moves the entry and keeps what fits
 * of it.
 */
ngx_http_marketplace_entry_t *ngx_http_marketplace_find(ngx_shm_zone_t *zone,
    const u_char *id);
ngx_http_marketplace_entry_t *ngx_http_marketplace_add(ngx_shm_zone_t *zone,
    const u_char *id, size_t size);
ngx_http_marketplace_entry_t *ngx_http_marketplace_resize(
    ngx_shm_zone_t *zone, ngx_http_marketplace_entry_t *entry, size_t size);
void ngx_http_marketplace_let_pass(ngx_shm_zone_t *zone,
    ngx_http_marketplace_entry_t *entry);
void ngx_http_marketplace_remove(ngx_shm_zone_t *zone,
    ngx_http_marketplace_entry_t *entry);

/* Starts work until the deadline; whether somebody is at work, who neither has
 * ended nor died; ends the work of this process. */
void ngx_http_marketplace_begin_work(ngx_http_marketplace_worker_t *worker,
    ngx_msec_t deadline);
ngx_uint_t ngx_http_marketplace_is_at_work(
    ngx_http_marketplace_worker_t *worker);

/* Whether there is such a process. */
ngx_uint_t ngx_http_marketplace_lives(ngx_pid_t pid);


#endif /* _NGX_HTTP_MARKETPLACE_STORE_H_INCLUDED_ */
