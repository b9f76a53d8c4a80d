/*
 * One HTTP exchange with an AWS endpoint: nginx's upstream, driven from a
 * subrequest that runs no phases and sends nothing to the client.
 */

#include "ngx_http_marketplace.h"


/* What an exchange leaves in memory that may be secret. */
typedef struct {
    ngx_http_request_t               *subrequest;
    ngx_buf_t                        *request;
} ngx_http_marketplace_remains_t;


static void ngx_http_marketplace_exchange_cleanup(void *data);
static void ngx_http_marketplace_exchange_run(ngx_http_request_t *sr);
static ngx_int_t ngx_http_marketplace_exchange_content(ngx_http_request_t *sr);
static ngx_int_t ngx_http_marketplace_exchange_look_up(ngx_http_request_t *sr,
    ngx_http_marketplace_exchange_t *exchange);
static void ngx_http_marketplace_exchange_resolved(ngx_resolver_ctx_t *ctx);
static void ngx_http_marketplace_exchange_stop_resolving(void *data);
static ngx_int_t ngx_http_marketplace_exchange_create_request(
    ngx_http_request_t *sr);
static ngx_int_t ngx_http_marketplace_exchange_reinit_request(
    ngx_http_request_t *sr);
static ngx_int_t ngx_http_marketplace_exchange_process_header(
    ngx_http_request_t *sr);
static ngx_int_t ngx_http_marketplace_enlarge(ngx_http_request_t *sr,
    ngx_buf_t *buf);
static ngx_int_t ngx_http_marketplace_get_block_peer(
    ngx_peer_connection_t *pc, void *data);
static ngx_http_marketplace_exchange_t *ngx_http_marketplace_peer_exchange(
    ngx_peer_connection_t *pc);
static ngx_int_t ngx_http_marketplace_set_session(ngx_peer_connection_t *pc,
    void *data);
static ngx_int_t ngx_http_marketplace_get_peer(ngx_peer_connection_t *pc,
    void *data);
static ngx_uint_t ngx_http_marketplace_has_timed_out(ngx_connection_t *c);
static void ngx_http_marketplace_forget_tried(
    ngx_http_upstream_rr_peer_data_t *rrp);
static void ngx_http_marketplace_free_peer(ngx_peer_connection_t *pc,
    void *data, ngx_uint_t state);
static void ngx_http_marketplace_exchange_finalize_request(
    ngx_http_request_t *sr, ngx_int_t rc);
static ngx_int_t ngx_http_marketplace_exchange_done(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);


ngx_int_t
ngx_http_marketplace_exchange(ngx_http_request_t *r,
    ngx_http_marketplace_exchange_t *exchange)
{
    ngx_connection_t                *c;
    ngx_pool_cleanup_t              *cln;
    ngx_http_request_t              *sr, *active;
    ngx_http_request_body_t         *body;
    ngx_http_post_subrequest_t      *ps;
    ngx_http_marketplace_remains_t  *remains;

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    cln = ngx_pool_cleanup_add(r->pool,
                               sizeof(ngx_http_marketplace_remains_t));
    if (ps == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    /* a request body of its own, or the client's would be sent to AWS */

    body = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    if (body == NULL) {
        return NGX_ERROR;
    }

    ps->handler = ngx_http_marketplace_exchange_done;
    ps->data = exchange;

    exchange->rc = NGX_AGAIN;
    exchange->connected = 0;

    c = r->connection;
    active = c->data;
    sr = NULL;

    if (ngx_http_subrequest(r, &exchange->name, NULL, &sr, ps,
                            NGX_HTTP_SUBREQUEST_WAITED)
        != NGX_OK)
    {
        /* without a subrequest, all that has happened may be that nginx
         * would have the response wait for it */

        if (sr == NULL) {
            c->data = active;

        } else {
            exchange->half_made = 1;
        }

        return NGX_ERROR;
    }

    /*
     * The subrequest is only posted yet: nothing may fail from here on, or it
     * would run the phases of its location.  Its method stays GET, although
     * POST is on the wire: nginx tries another connection only for what may
     * be repeated, and ResolveCustomer may.
     */

    sr->request_body = body;
    sr->loc_conf = r->loc_conf;
    sr->header_only = 1;
    sr->write_event_handler = ngx_http_marketplace_exchange_run;

    ngx_http_set_ctx(sr, exchange, ngx_http_marketplace_module);

    exchange->subrequest = sr;
    exchange->done = 0;

    remains = cln->data;
    remains->subrequest = exchange->secret ? sr : NULL;
    remains->request = exchange->request;

    cln->handler = ngx_http_marketplace_exchange_cleanup;

    return NGX_OK;
}


/* The request may have a session token in it, and if the exchange is about
 * credentials, so does the reply. */

static void
ngx_http_marketplace_exchange_cleanup(void *data)
{
    ngx_http_marketplace_remains_t  *remains = data;

    ngx_buf_t  *b;

    b = remains->request;
    OPENSSL_cleanse(b->start, b->end - b->start);

    if (remains->subrequest == NULL || remains->subrequest->upstream == NULL) {
        return;
    }

    b = &remains->subrequest->upstream->buffer;

    if (b->start) {
        OPENSSL_cleanse(b->start, b->end - b->start);
    }
}


void
ngx_http_marketplace_exchange_abort(ngx_http_marketplace_exchange_t *exchange)
{
    ngx_http_request_t   *sr;
    ngx_http_cleanup_pt   cleanup;

    sr = exchange->subrequest;
    exchange->rc = NGX_ABORT;

    ngx_http_marketplace_exchange_stop_resolving(exchange);

    /*
     * The upstream ends as it does when a client goes away, which releases
     * the reference that the end of the subrequest would release again.
     */

    if (sr->upstream && sr->upstream->cleanup) {
        cleanup = *sr->upstream->cleanup;

        sr->main->count++;
        cleanup(sr);
    }

    ngx_http_finalize_request(sr, NGX_OK);
}


static void
ngx_http_marketplace_exchange_run(ngx_http_request_t *sr)
{
    sr->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_finalize_request(sr, ngx_http_marketplace_exchange_content(sr));
}


static ngx_int_t
ngx_http_marketplace_exchange_content(ngx_http_request_t *sr)
{
    ngx_http_upstream_t              *u;
    ngx_http_marketplace_exchange_t  *exchange;
    ngx_http_marketplace_endpoint_t  *endpoint;

    if (ngx_http_upstream_create(sr) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    exchange = ngx_http_get_module_ctx(sr, ngx_http_marketplace_module);
    endpoint = exchange->endpoint;
    u = sr->upstream;

    if (endpoint->upstream.ssl) {
        u->ssl = 1;
        ngx_str_set(&u->schema, "https://");

    } else {
        ngx_str_set(&u->schema, "http://");
    }

    ngx_str_set(&u->uri, "/");

    u->conf = &endpoint->upstream;
    u->input_filter_ctx = exchange;
    u->output.tag = (ngx_buf_tag_t) &ngx_http_marketplace_module;
    u->buffering = 0;

    u->create_request = ngx_http_marketplace_exchange_create_request;
    u->reinit_request = ngx_http_marketplace_exchange_reinit_request;
    u->process_header = ngx_http_marketplace_exchange_process_header;
    u->finalize_request = ngx_http_marketplace_exchange_finalize_request;

    ngx_memzero(&exchange->resolved, sizeof(ngx_http_upstream_resolved_t));

    if (endpoint->resolver_name.len) {
        return ngx_http_marketplace_exchange_look_up(sr, exchange);
    }

    sr->main->count++;

    ngx_http_upstream_init(sr);

    return NGX_DONE;
}


/* Looks the name up before the upstream is started, which otherwise would make
 * a secret of the addresses that it gets. */

static ngx_int_t
ngx_http_marketplace_exchange_look_up(ngx_http_request_t *sr,
    ngx_http_marketplace_exchange_t *exchange)
{
    ngx_str_t                 *name;
    ngx_resolver_ctx_t        *ctx, temp;
    ngx_http_cleanup_t        *cln;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(sr, ngx_http_core_module);
    name = &exchange->endpoint->resolver_name;

    cln = ngx_http_cleanup_add(sr, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    temp.name = *name;

    ctx = ngx_resolve_start(clcf->resolver, &temp);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->name = *name;
    ctx->handler = ngx_http_marketplace_exchange_resolved;
    ctx->data = exchange;
    ctx->timeout = clcf->resolver_timeout;

    cln->handler = ngx_http_marketplace_exchange_stop_resolving;
    cln->data = exchange;

    exchange->resolving = ctx;

    sr->read_event_handler = ngx_http_test_reading;
    sr->main->count++;

    if (ngx_resolve_name(ctx) != NGX_OK) {
        exchange->resolving = NULL;
        sr->main->count--;

        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DONE;
}


static void
ngx_http_marketplace_exchange_resolved(ngx_resolver_ctx_t *ctx)
{
    ngx_uint_t                        run_posted;
    ngx_connection_t                 *c;
    ngx_http_request_t               *sr;
    ngx_http_marketplace_exchange_t  *exchange;

    run_posted = ctx->async;

    exchange = ctx->data;
    sr = exchange->subrequest;
    c = sr->connection;

    ngx_http_set_log_request(c->log, sr);

    if (ctx->state) {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "marketplace: %V could not be resolved (%i: %s): "
                      "check \"resolver\" and the name",
                      &ctx->name, ctx->state,
                      ngx_resolver_strerror(ctx->state));

        ngx_http_marketplace_exchange_stop_resolving(exchange);
        ngx_http_finalize_request(sr, NGX_HTTP_BAD_GATEWAY);

    } else {
        exchange->resolved.host = exchange->endpoint->resolver_name;
        exchange->resolved.port = exchange->endpoint->resolver_port;
        exchange->resolved.naddrs = ctx->naddrs;
        exchange->resolved.addrs = ctx->addrs;

        ngx_http_upstream_init(sr);
        ngx_http_marketplace_exchange_stop_resolving(exchange);
    }

    if (run_posted) {
        ngx_http_run_posted_requests(c);
    }
}


static void
ngx_http_marketplace_exchange_stop_resolving(void *data)
{
    ngx_http_marketplace_exchange_t  *exchange = data;

    if (exchange->resolving) {
        ngx_resolve_name_done(exchange->resolving);
        exchange->resolving = NULL;
    }
}


static ngx_int_t
ngx_http_marketplace_exchange_create_request(ngx_http_request_t *sr)
{
    ngx_chain_t                      *cl;
    ngx_http_marketplace_exchange_t  *exchange;

    exchange = ngx_http_get_module_ctx(sr, ngx_http_marketplace_module);

    cl = ngx_alloc_chain_link(sr->pool);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    /* without a flush TLS would wait for more to send */

    cl->buf = exchange->request;
    cl->buf->flush = 1;
    cl->next = NULL;

    sr->upstream->request_bufs = cl;

    return ngx_http_marketplace_exchange_reinit_request(sr);
}


static ngx_int_t
ngx_http_marketplace_exchange_reinit_request(ngx_http_request_t *sr)
{
    ngx_http_marketplace_exchange_t  *exchange;

    exchange = ngx_http_get_module_ctx(sr, ngx_http_marketplace_module);

    mp_http_reply_init(&exchange->reply);

    return NGX_OK;
}


/*
 * Reads the whole reply, its body too.  So the body never meets a filter, and
 * the read timeout, which nginx does not renew in here, bounds all of it.
 */

static ngx_int_t
ngx_http_marketplace_exchange_process_header(ngx_http_request_t *sr)
{
    mp_reply_rc_t                     rc;
    ngx_http_upstream_t              *u;
    ngx_http_marketplace_exchange_t  *exchange;

    u = sr->upstream;
    exchange = ngx_http_get_module_ctx(sr, ngx_http_marketplace_module);

    /* nginx before 1.28.2 reads what comes before it has begun with TLS: see
     * CVE-2026-1642 */

    if (u->ssl && u->peer.connection->ssl == NULL) {
        ngx_log_error(NGX_LOG_ERR, sr->connection->log, 0,
                      "marketplace: %V answered before TLS began: it is not "
                      "AWS who does that, check what is in between",
                      &exchange->endpoint->host);

        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    rc = mp_http_reply_parse(&exchange->reply, u->buffer.start,
                             u->buffer.last - u->buffer.start,
                             NGX_HTTP_MARKETPLACE_REPLY_MAX);

    if (rc == MP_REPLY_AGAIN) {
        return (u->buffer.last < u->buffer.end)
               ? NGX_AGAIN : ngx_http_marketplace_enlarge(sr, &u->buffer);
    }

    if (rc == MP_REPLY_DONE) {
        exchange->rc = NGX_OK;

        /* one that AWS closes has a session of TLS to be kept, too */

        u->keepalive = ngx_http_marketplace_trust(u->peer.connection,
                                                  exchange->endpoint)
                       == NGX_OK
                       && exchange->reply.keepalive;
        u->headers_in.status_n = exchange->reply.status;

    } else {
        exchange->rc = NGX_DECLINED;
        u->headers_in.status_n = NGX_HTTP_BAD_GATEWAY;
    }

    u->state->status = u->headers_in.status_n;

    return NGX_OK;
}


/* Only few replies need it, and many requests wait at a time.  What has been
 * parsed points into the old buffer. */

static ngx_int_t
ngx_http_marketplace_enlarge(ngx_http_request_t *sr, ngx_buf_t *buf)
{
    u_char  *p;

    p = ngx_palloc(sr->pool, NGX_HTTP_MARKETPLACE_REPLY_MAX);
    if (p == NULL) {
        return NGX_ERROR;
    }

    buf->last = ngx_cpymem(p, buf->start, buf->last - buf->start);
    buf->start = p;
    buf->pos = p;
    buf->end = p + NGX_HTTP_MARKETPLACE_REPLY_MAX;

    return NGX_AGAIN;
}


/* Has the block choose an address, and looks at the connection that it has
 * kept for it. */

ngx_int_t
ngx_http_marketplace_init_block_peer(ngx_http_request_t *sr,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_upstream_t              *u;
    ngx_http_marketplace_exchange_t  *exchange;

    exchange = ngx_http_get_module_ctx(sr, ngx_http_marketplace_module);
    us = exchange->endpoint->upstream_block;
    u = sr->upstream;

    if (us->peer.init(sr, us) != NGX_OK) {
        return NGX_ERROR;
    }

    exchange->get_peer = u->peer.get;
    u->peer.get = ngx_http_marketplace_get_block_peer;
    u->peer.set_session = ngx_http_marketplace_set_session;

    return NGX_OK;
}


static ngx_int_t
ngx_http_marketplace_get_block_peer(ngx_peer_connection_t *pc, void *data)
{
    ngx_int_t                         rc;
    ngx_http_marketplace_exchange_t  *exchange;

    exchange = ngx_http_marketplace_peer_exchange(pc);

    /* the block does not tell when it has handed out a kept connection that
     * was dead; after one, another is not trusted either */

    if (pc->cached) {
        exchange->stale = 1;
    }

    rc = exchange->get_peer(pc, data);

    if (rc != NGX_DONE
        || (!exchange->stale
            && ngx_http_marketplace_is_trusted(pc->connection,
                                               exchange->endpoint)))
    {
        return rc;
    }

    ngx_http_marketplace_close_connection(pc->connection);

    pc->connection = NULL;
    pc->cached = 0;

    /* the address stays chosen, for a new connection */

    return NGX_OK;
}


/* Where there is no block: the addresses that were looked up, now or when the
 * configuration was read, and the connections that are kept to them. */

ngx_int_t
ngx_http_marketplace_init_peer(ngx_http_request_t *sr,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_int_t                         rc;
    ngx_http_upstream_t              *u;
    ngx_http_marketplace_exchange_t  *exchange;

    exchange = ngx_http_get_module_ctx(sr, ngx_http_marketplace_module);
    u = sr->upstream;

    rc = exchange->resolved.naddrs
         ? ngx_http_upstream_create_round_robin_peer(sr, &exchange->resolved)
         : ngx_http_upstream_init_round_robin_peer(sr, us);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    exchange->get_peer = u->peer.get;
    exchange->free_peer = u->peer.free;

    u->peer.get = ngx_http_marketplace_get_peer;
    u->peer.free = ngx_http_marketplace_free_peer;
    u->peer.set_session = ngx_http_marketplace_set_session;

    return NGX_OK;
}


static ngx_http_marketplace_exchange_t *
ngx_http_marketplace_peer_exchange(ngx_peer_connection_t *pc)
{
    ngx_http_upstream_t  *u;

    u = (ngx_http_upstream_t *) ((u_char *) pc
                                 - offsetof(ngx_http_upstream_t, peer));

    return u->input_filter_ctx;
}


/* Instead of that of the address, which another location may have got. */

static ngx_int_t
ngx_http_marketplace_set_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_marketplace_exchange_t  *exchange;

    exchange = ngx_http_marketplace_peer_exchange(pc);

    return ngx_ssl_set_session(pc->connection, exchange->endpoint->session);
}


static ngx_int_t
ngx_http_marketplace_get_peer(ngx_peer_connection_t *pc, void *data)
{
    ngx_int_t                         rc;
    ngx_connection_t                 *c;
    ngx_http_marketplace_exchange_t  *exchange;

    exchange = ngx_http_marketplace_peer_exchange(pc);

    rc = exchange->get_peer(pc, data);

    if (rc != NGX_OK) {
        return rc;
    }

    c = ngx_http_marketplace_take_connection(exchange->endpoint, pc);

    if (c == NULL) {
        return NGX_OK;
    }

    pc->connection = c;
    pc->cached = 1;

    return NGX_DONE;
}


static ngx_uint_t
ngx_http_marketplace_has_timed_out(ngx_connection_t *c)
{
    return c->read->timedout || c->write->timedout;
}


static void
ngx_http_marketplace_forget_tried(ngx_http_upstream_rr_peer_data_t *rrp)
{
    ngx_uint_t                    i;
    ngx_http_upstream_rr_peer_t  *peer;

    i = 0;

    for (peer = rrp->peers->peer; peer != rrp->current; peer = peer->next) {
        i++;
    }

    rrp->tried[i / (8 * sizeof(uintptr_t))] &=
                        ~((uintptr_t) 1 << i % (8 * sizeof(uintptr_t)));
}


static void
ngx_http_marketplace_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    ngx_uint_t                        silent, stale;
    ngx_http_upstream_t              *u;
    ngx_http_marketplace_exchange_t  *exchange;

    exchange = ngx_http_marketplace_peer_exchange(pc);
    u = exchange->subrequest->upstream;

    silent = pc->cached && pc->connection
             && (exchange->rc == NGX_ABORT
                 || ngx_http_marketplace_has_timed_out(pc->connection));

    /* a kept connection that AWS has just closed tells nothing of its
     * address */

    stale = pc->cached && pc->connection && !silent
            && (state & NGX_PEER_FAILED);

    if (stale) {
        ngx_http_marketplace_forget_tried(data);

    } else if (silent) {
        ngx_http_marketplace_close_kept(exchange->endpoint);

    } else if (pc->connection && !(state & NGX_PEER_FAILED)
               && u->keepalive && u->request_body_sent)
    {
        (void) ngx_http_marketplace_keep_connection(exchange->endpoint, pc);
    }

    exchange->free_peer(pc, data, stale ? 0 : state);
}


static void
ngx_http_marketplace_exchange_finalize_request(ngx_http_request_t *sr,
    ngx_int_t rc)
{
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, sr->connection->log, 0,
                   "finalize marketplace request: %i", rc);
}


static ngx_int_t
ngx_http_marketplace_exchange_done(ngx_http_request_t *sr, void *data,
    ngx_int_t rc)
{
    ngx_http_marketplace_exchange_t  *exchange = data;

    ngx_http_upstream_state_t  *state;

    exchange->done = 1;
    exchange->tries = 0;

    if (sr->upstream_states && sr->upstream_states->nelts) {
        exchange->tries = sr->upstream_states->nelts;

        state = sr->upstream_states->elts;
        state += exchange->tries - 1;

        exchange->connected = (state->connect_time != (ngx_msec_t) -1);
    }

    if (exchange->rc == NGX_AGAIN) {
        exchange->rc = rc;
        exchange->stale |= sr->upstream && sr->upstream->peer.cached;
    }

    /* an error status would have nginx make an error page of the subrequest;
     * these say that there is no client any more */

    if (rc == NGX_ERROR
        || rc == NGX_HTTP_REQUEST_TIME_OUT
        || rc == NGX_HTTP_CLIENT_CLOSED_REQUEST)
    {
        return rc;
    }

    return NGX_OK;
}


time_t
ngx_http_marketplace_date(mp_str_t header)
{
    return header.len ? ngx_parse_http_time((u_char *) header.data, header.len)
           : NGX_ERROR;
}
