/*
 * Connections to AWS that are kept for the next call.
 *
 * nginx keeps connections for "upstream" blocks only, and by address alone.
 * These are taken again by whoever asks for the same host by the same TLS
 * settings: by those, and for that, was the certificate verified.
 */

#include "ngx_http_marketplace.h"


/* in milliseconds: shorter than the minute after which balancers close */
#define NGX_HTTP_MARKETPLACE_IDLE  50000


typedef struct {
    ngx_queue_t                       queue;
    ngx_connection_t                 *connection;
    ngx_http_marketplace_endpoint_t  *endpoint;
    socklen_t                         socklen;
    ngx_sockaddr_t                    sockaddr;
} ngx_http_marketplace_idle_t;


static void ngx_http_marketplace_idle_handler(ngx_event_t *ev);
static void ngx_http_marketplace_idle_write_handler(ngx_event_t *ev);
static void ngx_http_marketplace_close_idle(ngx_http_marketplace_idle_t *idle);
static void ngx_http_marketplace_set_log(ngx_connection_t *c, ngx_log_t *log);


/* Of this worker, the last one that was used first. */

static ngx_queue_t  ngx_http_marketplace_idle = {
    &ngx_http_marketplace_idle, &ngx_http_marketplace_idle
};


ngx_uint_t
ngx_http_marketplace_is_same_host(ngx_http_marketplace_endpoint_t *a,
    ngx_http_marketplace_endpoint_t *b)
{
    return a->upstream.ssl == b->upstream.ssl
           && a->host.len == b->host.len
           && ngx_strncmp(a->host.data, b->host.data, a->host.len) == 0;
}


ngx_connection_t *
ngx_http_marketplace_take_connection(ngx_http_marketplace_endpoint_t *endpoint,
    ngx_peer_connection_t *pc)
{
    ngx_queue_t                  *q;
    ngx_connection_t             *c;
    ngx_http_marketplace_idle_t  *idle;

    /* who keeps none takes none from those who do */

    if (endpoint->keepalive == 0) {
        return NULL;
    }

    for (q = ngx_queue_head(&ngx_http_marketplace_idle);
         q != ngx_queue_sentinel(&ngx_http_marketplace_idle);
         q = ngx_queue_next(q))
    {
        idle = ngx_queue_data(q, ngx_http_marketplace_idle_t, queue);

        if (ngx_memn2cmp((u_char *) &idle->sockaddr, (u_char *) pc->sockaddr,
                         idle->socklen, pc->socklen)
            != 0
            || !ngx_http_marketplace_is_same_host(idle->endpoint, endpoint))
        {
            continue;
        }

        c = idle->connection;

        ngx_queue_remove(q);
        ngx_free(idle);

        c->idle = 0;
        c->sent = 0;
        c->data = NULL;

        ngx_http_marketplace_set_log(c, pc->log);

        if (c->read->timer_set) {
            ngx_del_timer(c->read);
        }

        return c;
    }

    return NULL;
}


ngx_int_t
ngx_http_marketplace_keep_connection(ngx_http_marketplace_endpoint_t *endpoint,
    ngx_peer_connection_t *pc)
{
    ngx_uint_t                    n;
    ngx_queue_t                  *q, *next;
    ngx_connection_t             *c;
    ngx_http_marketplace_idle_t  *idle;

    c = pc->connection;

    if (endpoint->keepalive == 0
        || c->read->eof || c->read->error || c->read->timedout
        || c->write->error || c->write->timedout
        || (c->ssl && (SSL_get_shutdown(c->ssl->connection)
                       || SSL_has_pending(c->ssl->connection)))
        || ngx_terminate || ngx_exiting
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    /* the ones that were used longest ago make room */

    n = 0;

    for (q = ngx_queue_head(&ngx_http_marketplace_idle);
         q != ngx_queue_sentinel(&ngx_http_marketplace_idle);
         q = next)
    {
        next = ngx_queue_next(q);
        idle = ngx_queue_data(q, ngx_http_marketplace_idle_t, queue);

        if (ngx_http_marketplace_is_same_host(idle->endpoint, endpoint)
            && ++n >= endpoint->keepalive)
        {
            ngx_http_marketplace_close_idle(idle);
        }
    }

    idle = ngx_alloc(sizeof(ngx_http_marketplace_idle_t), ngx_cycle->log);
    if (idle == NULL) {
        return NGX_DECLINED;
    }

    idle->connection = c;
    idle->endpoint = endpoint;
    idle->socklen = pc->socklen;
    ngx_memcpy(&idle->sockaddr, pc->sockaddr, pc->socklen);

    ngx_queue_insert_head(&ngx_http_marketplace_idle, &idle->queue);

    pc->connection = NULL;

    c->read->delayed = 0;
    ngx_add_timer(c->read, NGX_HTTP_MARKETPLACE_IDLE);

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    c->read->handler = ngx_http_marketplace_idle_handler;
    c->write->handler = ngx_http_marketplace_idle_write_handler;
    c->data = idle;
    c->idle = 1;

    ngx_http_marketplace_set_log(c, ngx_cycle->log);

    if (c->read->ready) {
        ngx_http_marketplace_idle_handler(c->read);
    }

    return NGX_OK;
}


void
ngx_http_marketplace_close_kept(ngx_http_marketplace_endpoint_t *endpoint)
{
    ngx_queue_t                  *q, *next;
    ngx_http_marketplace_idle_t  *idle;

    for (q = ngx_queue_head(&ngx_http_marketplace_idle);
         q != ngx_queue_sentinel(&ngx_http_marketplace_idle);
         q = next)
    {
        next = ngx_queue_next(q);
        idle = ngx_queue_data(q, ngx_http_marketplace_idle_t, queue);

        if (ngx_http_marketplace_is_same_host(idle->endpoint, endpoint)) {
            ngx_http_marketplace_close_idle(idle);
        }
    }
}


/* AWS has closed the connection or, without having been asked, said something;
 * or time is over, or the worker ends. */

static void
ngx_http_marketplace_idle_handler(ngx_event_t *ev)
{
    char               buf[1];
    ssize_t            n;
    ngx_connection_t  *c;

    c = ev->data;

    if (!c->close && !c->read->timedout) {

        n = recv(c->fd, buf, 1, MSG_PEEK);

        if (n == -1 && ngx_socket_errno == NGX_EAGAIN) {
            ev->ready = 0;

            if (ngx_handle_read_event(c->read, 0) == NGX_OK) {
                return;
            }
        }
    }

    ngx_http_marketplace_close_idle(c->data);
}


static void
ngx_http_marketplace_idle_write_handler(ngx_event_t *ev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ev->log, 0,
                   "marketplace idle connection is writable");
}


static void
ngx_http_marketplace_close_idle(ngx_http_marketplace_idle_t *idle)
{
    ngx_connection_t  *c;

    c = idle->connection;

    ngx_queue_remove(&idle->queue);
    ngx_free(idle);

    ngx_http_marketplace_close_connection(c);
}


void
ngx_http_marketplace_close_connection(ngx_connection_t *c)
{
    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;

        (void) ngx_ssl_shutdown(c);
    }

    ngx_destroy_pool(c->pool);
    ngx_close_connection(c);
}


static void
ngx_http_marketplace_set_log(ngx_connection_t *c, ngx_log_t *log)
{
    c->log = log;
    c->read->log = log;
    c->write->log = log;
    c->pool->log = log;
}
