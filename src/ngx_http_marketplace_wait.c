/*
 * What makes a request go on when nothing of its own happens: its deadline, a
 * delay, and the end of what another request does for it.
 */

#include "ngx_http_marketplace.h"


static void ngx_http_marketplace_deadline_handler(ngx_event_t *ev);
static void ngx_http_marketplace_wait_handler(ngx_event_t *ev);


/* in milliseconds: how often to look whether another worker is done */
#define NGX_HTTP_MARKETPLACE_POLL  25


/* Requests of this worker that wait for another one. */

static ngx_queue_t  ngx_http_marketplace_waiting = {
    &ngx_http_marketplace_waiting, &ngx_http_marketplace_waiting
};


void
ngx_http_marketplace_start_clock(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_log_t  *log;

    log = ctx->request->connection->log;

    ctx->deadline.handler = ngx_http_marketplace_deadline_handler;
    ctx->deadline.data = ctx;
    ctx->deadline.log = log;

    ctx->wait.handler = ngx_http_marketplace_wait_handler;
    ctx->wait.data = ctx;
    ctx->wait.log = log;

    ctx->end = ngx_current_msec + ctx->conf->timeout;
    ngx_http_marketplace_set_cut(ctx, ctx->end);
}


void
ngx_http_marketplace_set_cut(ngx_http_marketplace_ctx_t *ctx, ngx_msec_t cut)
{
    ctx->cut = cut;

    if (ctx->deadline.timer_set) {
        ngx_del_timer(&ctx->deadline);
    }

    ngx_add_timer(&ctx->deadline, cut - ngx_current_msec);
}


ngx_uint_t
ngx_http_marketplace_is_over(ngx_http_marketplace_ctx_t *ctx)
{
    return (ngx_msec_int_t) (ctx->cut - ngx_current_msec) <= 0;
}


ngx_uint_t
ngx_http_marketplace_has_ended(ngx_http_marketplace_ctx_t *ctx)
{
    return (ngx_msec_int_t) (ctx->end - ngx_current_msec) <= 0;
}


ngx_int_t
ngx_http_marketplace_wait(ngx_http_marketplace_ctx_t *ctx, ngx_msec_t delay)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    ngx_add_timer(&ctx->wait, delay);

    if (r->read_event_handler != ngx_http_test_reading) {

        /* nothing else would notice that the client has gone */

        r->read_event_handler = ngx_http_test_reading;

        if (r->connection->read->ready) {
            ngx_post_event(r->connection->read, &ngx_posted_events);

        } else if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_marketplace_await(ngx_http_marketplace_ctx_t *ctx, const u_char *id)
{
    ctx->awaited = id;
    ngx_queue_insert_tail(&ngx_http_marketplace_waiting, &ctx->waiting);

    return ngx_http_marketplace_wait(ctx, NGX_HTTP_MARKETPLACE_POLL);
}


void
ngx_http_marketplace_stop_waiting(ngx_http_marketplace_ctx_t *ctx)
{
    if (ctx->wait.timer_set) {
        ngx_del_timer(&ctx->wait);
    }

    if (ctx->wait.posted) {
        ngx_delete_posted_event(&ctx->wait);
    }

    if (ctx->awaited) {
        ngx_queue_remove(&ctx->waiting);
        ctx->awaited = NULL;
    }
}


void
ngx_http_marketplace_wake(const u_char *id)
{
    ngx_queue_t                 *q;
    ngx_http_marketplace_ctx_t  *ctx;

    for (q = ngx_queue_head(&ngx_http_marketplace_waiting);
         q != ngx_queue_sentinel(&ngx_http_marketplace_waiting);
         q = ngx_queue_next(q))
    {
        ctx = ngx_queue_data(q, ngx_http_marketplace_ctx_t, waiting);

        if (ngx_memcmp(ctx->awaited, id, NGX_HTTP_MARKETPLACE_ID_LEN) == 0) {
            ngx_post_event(&ctx->wait, &ngx_posted_events);
        }
    }
}


static void
ngx_http_marketplace_deadline_handler(ngx_event_t *ev)
{
    ngx_connection_t            *c;
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = ev->data;

    if (!ngx_http_marketplace_is_exchanging(ctx)) {
        ngx_http_marketplace_wait_handler(ev);
        return;
    }

    c = ctx->request->connection;

    ngx_http_set_log_request(c->log, ctx->request);

    ngx_http_marketplace_exchange_abort(&ctx->exchange);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_marketplace_wait_handler(ngx_event_t *ev)
{
    ngx_connection_t            *c;
    ngx_http_request_t          *r;
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = ev->data;
    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    /* the client has gone, and what runs now has nothing to do with it */

    if (r->post_action || c->error) {
        ngx_http_marketplace_stop(ctx);
        return;
    }

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


/* Nothing of the request is to happen by itself any more. */

void
ngx_http_marketplace_stop(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    if (ctx->deadline.timer_set) {
        ngx_del_timer(&ctx->deadline);
    }

    if (r->read_event_handler == ngx_http_test_reading) {
        r->read_event_handler = ngx_http_block_reading;
    }

    ngx_http_marketplace_stop_waiting(ctx);
    ngx_http_marketplace_count_call_end(ctx);
    ngx_http_marketplace_answer_release(ctx);
    ngx_http_marketplace_fetch_cleanup(ctx);
}
