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
static ngx_int_t ngx_http_marketplace_exchange_set_name(ngx_http_request_t *sr,
    ngx_http_marketplace_endpoint_t *endpoint);
static ngx_int_t ngx_http_marketplace_exchange_create_request(
    ngx_http_request_t *sr);
static ngx_int_t ngx_http_marketplace_exchange_reinit_request(
    ngx_http_request_t *sr);
static ngx_int_t ngx_http_marketplace_exchange_process_header(
    ngx_http_request_t *sr);
static ngx_int_t ngx_http_marketplace_mark(ngx_http_upstream_t *u,
    ngx_http_marketplace_endpoint_t *endpoint);
static ngx_uint_t ngx_http_marketplace_is_ours(ngx_connection_t *c,
    ngx_http_marketplace_endpoint_t *endpoint);
static ngx_int_t ngx_http_marketplace_get_peer(ngx_peer_connection_t *pc,
    void *data);
static void ngx_http_marketplace_exchange_abort_request(
    ngx_http_request_t *sr);
static void ngx_http_marketplace_exchange_finalize_request(
    ngx_http_request_t *sr, ngx_int_t rc);
static ngx_int_t ngx_http_marketplace_exchange_done(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);


/* Where OpenSSL keeps the mark of a connection. */
static int  ngx_http_marketplace_ssl_index = -1;


ngx_int_t
ngx_http_marketplace_exchange_init(ngx_cycle_t *cycle)
{
    if (ngx_http_marketplace_ssl_index == -1) {
        ngx_http_marketplace_ssl_index = SSL_get_ex_new_index(0, NULL, NULL,
                                                              NULL, NULL);
    }

    return (ngx_http_marketplace_ssl_index == -1) ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_http_marketplace_exchange(ngx_http_request_t *r,
    ngx_http_marketplace_exchange_t *exchange)
{
    ngx_pool_cleanup_t              *cln;
    ngx_http_request_t              *sr;
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
    exchange->done = 0;

    if (ngx_http_subrequest(r, &exchange->name, NULL, &sr, ps,
                            NGX_HTTP_SUBREQUEST_WAITED)
        != NGX_OK)
    {
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
    u->abort_request = ngx_http_marketplace_exchange_abort_request;
    u->finalize_request = ngx_http_marketplace_exchange_finalize_request;

    if (endpoint->resolver_name.len
        && ngx_http_marketplace_exchange_set_name(sr, endpoint) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    sr->main->count++;

    ngx_http_upstream_init(sr);

    return NGX_DONE;
}


/* Has the name looked up when the request is made. */

static ngx_int_t
ngx_http_marketplace_exchange_set_name(ngx_http_request_t *sr,
    ngx_http_marketplace_endpoint_t *endpoint)
{
    ngx_http_upstream_resolved_t  *resolved;

    resolved = ngx_pcalloc(sr->pool, sizeof(ngx_http_upstream_resolved_t));
    if (resolved == NULL) {
        return NGX_ERROR;
    }

    resolved->host = endpoint->resolver_name;
    resolved->port = endpoint->resolver_port;

    sr->upstream->resolved = resolved;

    return NGX_OK;
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

    rc = mp_http_reply_parse(&exchange->reply, u->buffer.start,
                             u->buffer.last - u->buffer.start,
                             u->buffer.end - u->buffer.start);

    if (rc == MP_REPLY_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc == MP_REPLY_DONE) {
        exchange->rc = NGX_OK;
        u->keepalive = exchange->reply.keepalive
                       && ngx_http_marketplace_mark(u, exchange->endpoint)
                          == NGX_OK;
        u->headers_in.status_n = exchange->reply.status;

    } else {
        exchange->rc = NGX_DECLINED;
        u->headers_in.status_n = NGX_HTTP_BAD_GATEWAY;
    }

    u->state->status = u->headers_in.status_n;

    return NGX_OK;
}


/*
 * An "upstream" block keeps connections by address alone, whoever made them:
 * another location, or proxy_pass, which verifies nothing by default; and a
 * certificate is verified only with a handshake.  So a connection over which
 * AWS has answered is marked with the location whose settings it was verified
 * by, and a kept one is taken only if it bears a mark that is as good.
 */

static ngx_int_t
ngx_http_marketplace_mark(ngx_http_upstream_t *u,
    ngx_http_marketplace_endpoint_t *endpoint)
{
    ngx_ssl_connection_t  *ssl;

    ssl = u->peer.connection->ssl;

    if (ssl == NULL
        || SSL_set_ex_data(ssl->connection, ngx_http_marketplace_ssl_index,
                           endpoint))
    {
        return NGX_OK;
    }

    return NGX_ERROR;
}


static ngx_uint_t
ngx_http_marketplace_is_ours(ngx_connection_t *c,
    ngx_http_marketplace_endpoint_t *endpoint)
{
    ngx_http_marketplace_endpoint_t  *other;

    if (c->ssl == NULL || endpoint->upstream.ssl == NULL) {
        return c->ssl == NULL && endpoint->upstream.ssl == NULL;
    }

    other = SSL_get_ex_data(c->ssl->connection,
                            ngx_http_marketplace_ssl_index);

    return other
           && other->upstream.ssl == endpoint->upstream.ssl
           && other->host.len == endpoint->host.len
           && ngx_strncmp(other->host.data, endpoint->host.data,
                          endpoint->host.len)
              == 0;
}


/* Has the block choose an address, and looks at the connection that it has
 * kept for it. */

ngx_int_t
ngx_http_marketplace_init_peer(ngx_http_request_t *sr,
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
    u->peer.get = ngx_http_marketplace_get_peer;

    return NGX_OK;
}


static ngx_int_t
ngx_http_marketplace_get_peer(ngx_peer_connection_t *pc, void *data)
{
    ngx_int_t                         rc;
    ngx_connection_t                 *c;
    ngx_http_upstream_t              *u;
    ngx_http_marketplace_exchange_t  *exchange;

    u = (ngx_http_upstream_t *) ((u_char *) pc
                                 - offsetof(ngx_http_upstream_t, peer));
    exchange = u->input_filter_ctx;

    rc = exchange->get_peer(pc, data);

    if (rc != NGX_DONE
        || ngx_http_marketplace_is_ours(pc->connection, exchange->endpoint))
    {
        return rc;
    }

    c = pc->connection;

    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;

        (void) ngx_ssl_shutdown(c);
    }

    ngx_destroy_pool(c->pool);
    ngx_close_connection(c);

    pc->connection = NULL;
    pc->cached = 0;

    /* the address stays chosen, for a new connection */

    return NGX_OK;
}


static void
ngx_http_marketplace_exchange_abort_request(ngx_http_request_t *sr)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, sr->connection->log, 0,
                   "abort marketplace request");
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
