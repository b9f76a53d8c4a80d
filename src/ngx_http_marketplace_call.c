/*
 * From a token to what AWS says of it:
 *
 *     answer of another request, or
 *     credentials -> signed exchange -> customer, or error -> retry, renewal
 *
 * All functions return the verdict of the request, or NGX_AGAIN.
 */

#include "ngx_http_marketplace_credentials.h"


#define NGX_HTTP_MARKETPLACE_REQUEST_ID_MAX  128


static ngx_int_t ngx_http_marketplace_ask(ngx_http_marketplace_ctx_t *ctx);
static ngx_int_t ngx_http_marketplace_sign(ngx_http_marketplace_ctx_t *ctx);
static ngx_int_t ngx_http_marketplace_call(ngx_http_marketplace_ctx_t *ctx);
static ngx_buf_t *ngx_http_marketplace_create_request(
    ngx_http_marketplace_ctx_t *ctx);
static void ngx_http_marketplace_derive_key(
    ngx_http_marketplace_loc_conf_t *mlcf, ngx_http_marketplace_keys_t *keys,
    u_char *date);
static ngx_int_t ngx_http_marketplace_called(ngx_http_marketplace_ctx_t *ctx);
static ngx_int_t ngx_http_marketplace_add_statuses(
    ngx_http_marketplace_ctx_t *ctx);
static void ngx_http_marketplace_set_request_id(
    ngx_http_marketplace_ctx_t *ctx);
static ngx_int_t ngx_http_marketplace_accepted(
    ngx_http_marketplace_ctx_t *ctx);
static ngx_int_t ngx_http_marketplace_refused(
    ngx_http_marketplace_ctx_t *ctx);
static ngx_int_t ngx_http_marketplace_try_again(
    ngx_http_marketplace_ctx_t *ctx, const mp_error_t *error,
    mp_retry_t retry);
static unsigned ngx_http_marketplace_wish(mp_http_reply_t *reply);
static ngx_int_t ngx_http_marketplace_retry(ngx_http_marketplace_ctx_t *ctx);


/* Of this worker. */
static mp_retry_budget_t  ngx_http_marketplace_retry_budget = {
    MP_RETRY_BUDGET
};


ngx_int_t
ngx_http_marketplace_begin(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_http_marketplace_start_clock(ctx);

    if (ctx->conf->cache_valid == 0) {
        ctx->cache_status = NGX_HTTP_MARKETPLACE_BYPASS;
        ctx->state = NGX_HTTP_MARKETPLACE_SIGNING;

        return ngx_http_marketplace_sign(ctx);
    }

    ctx->state = NGX_HTTP_MARKETPLACE_ASKING;

    ngx_http_marketplace_answer_id(ctx);

    return ngx_http_marketplace_ask(ctx);
}


ngx_int_t
ngx_http_marketplace_go_on(ngx_http_marketplace_ctx_t *ctx)
{
    /* whatever it waits for still, it will wait for again */

    ngx_http_marketplace_stop_waiting(ctx);

    switch (ctx->state) {

    case NGX_HTTP_MARKETPLACE_ASKING:
        return ngx_http_marketplace_ask(ctx);

    case NGX_HTTP_MARKETPLACE_SIGNING:
        return ngx_http_marketplace_sign(ctx);

    case NGX_HTTP_MARKETPLACE_RETRYING:
        return ngx_http_marketplace_retry(ctx);

    default: /* NGX_HTTP_MARKETPLACE_CALLING */
        return ngx_http_marketplace_is_exchanging(ctx)
               ? NGX_AGAIN : ngx_http_marketplace_called(ctx);
    }
}


/* Takes what another request has been answered, or is about to be. */

static ngx_int_t
ngx_http_marketplace_ask(ngx_http_marketplace_ctx_t *ctx)
{
    mp_error_t  error;

    switch (ngx_http_marketplace_answer_look(ctx, ctx->end
                                              + NGX_HTTP_MARKETPLACE_GRACE))
    {

    case NGX_OK:
        ctx->cache_status = ctx->waited ? NGX_HTTP_MARKETPLACE_SHARED
                                        : NGX_HTTP_MARKETPLACE_HIT;

        return ngx_http_marketplace_accept(ctx);

    case NGX_DECLINED:
        ctx->cache_status = NGX_HTTP_MARKETPLACE_SHARED;
        error = ctx->error;

        return ngx_http_marketplace_fail(ctx, &error);

    case NGX_DONE:
        ctx->cache_status = NGX_HTTP_MARKETPLACE_MISS;
        ctx->state = NGX_HTTP_MARKETPLACE_SIGNING;

        return ngx_http_marketplace_sign(ctx);

    case NGX_AGAIN:
        ctx->waited = 1;
        ctx->cache_status = NGX_HTTP_MARKETPLACE_SHARED;

        return ngx_http_marketplace_has_ended(ctx)
               ? ngx_http_marketplace_fail(ctx, &mp_timeout)
               : ngx_http_marketplace_await(ctx, ctx->answer_id);

    default: /* NGX_ERROR */
        return ngx_http_marketplace_abandon(ctx);
    }
}


/* Goes on with getting credentials.  If AWS has refused some already, only
 * others are worth another call. */

static ngx_int_t
ngx_http_marketplace_sign(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_int_t   rc;
    mp_error_t  error;
    ngx_uint_t  ended;

    ctx->request->connection->log->action = "resolving registration";

    rc = ngx_http_marketplace_obtain(ctx);

    if (rc == NGX_ERROR) {
        return ngx_http_marketplace_abandon(ctx);
    }

    if (ngx_http_marketplace_is_exchanging(ctx)) {
        return NGX_AGAIN;
    }

    /* what comes at the end of the time comes too late */

    ended = ngx_http_marketplace_has_ended(ctx);

    if (rc == NGX_AGAIN && !ended) {
        return NGX_AGAIN;
    }

    if (ctx->refused_keys == NULL) {
        return ended ? ngx_http_marketplace_fail(ctx, &mp_timeout)
               : (rc == NGX_OK) ? ngx_http_marketplace_call(ctx)
               : ngx_http_marketplace_fail(ctx, &mp_no_credentials);
    }

    if (rc == NGX_OK && !ended
        && !ngx_http_marketplace_same_keys(ctx->keys, ctx->refused_keys))
    {
        ngx_http_marketplace_release_keys(&ctx->refused_keys);

        ngx_memzero(&ctx->error, sizeof(mp_error_t));
        ctx->aws_error = NULL;

        return ngx_http_marketplace_call(ctx);
    }

    ngx_http_marketplace_release_keys(&ctx->keys);
    ctx->keys = ctx->refused_keys;
    ctx->refused_keys = NULL;

    ctx->state = NGX_HTTP_MARKETPLACE_CALLING;

    error = ctx->error;

    return ngx_http_marketplace_fail(ctx, &error);
}


static ngx_int_t
ngx_http_marketplace_call(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_http_marketplace_exchange_t  *exchange;

    exchange = &ctx->exchange;

    ngx_str_set(&exchange->name, "ResolveCustomer");
    exchange->endpoint = &ctx->conf->metering;
    exchange->request = ngx_http_marketplace_create_request(ctx);
    exchange->secret = 0;

    if (exchange->request == NULL) {
        return ngx_http_marketplace_abandon(ctx);
    }

    if (ngx_http_marketplace_exchange(ctx->request, exchange) != NGX_OK) {
        return ngx_http_marketplace_abandon(ctx);
    }

    ctx->attempts++;
    ctx->state = NGX_HTTP_MARKETPLACE_CALLING;

    ngx_http_marketplace_count_call_start(ctx);

    return NGX_AGAIN;
}


static ngx_buf_t *
ngx_http_marketplace_create_request(ngx_http_marketplace_ctx_t *ctx)
{
    size_t                            len;
    u_char                           *end;
    mp_str_t                          token;
    ngx_buf_t                        *buf;
    mp_credentials_t                 *keys;
    mp_signed_request_t               request;
    ngx_http_marketplace_loc_conf_t  *mlcf;

    mlcf = ctx->conf;
    keys = &ctx->keys->keys;
    token = ctx->registration.token;

    ctx->clock = ngx_http_marketplace_clock(ngx_http_marketplace_main(ctx));
    mp_amz_date(request.date, ngx_time() + ctx->clock);

    ngx_http_marketplace_derive_key(mlcf, ctx->keys, request.date);

    request.host = ngx_http_marketplace_mp(&mlcf->metering.host);
    request.content_type = mp_str_from(MP_AWS_JSON);
    request.target = mp_str_from(MP_RESOLVE_TARGET);
    request.session_token = keys->session_token;
    request.body.len = mp_resolve_body_len(token);

    len = mp_request_head_len(&request, &mlcf->scope, keys->access_key);

    buf = ngx_create_temp_buf(ctx->request->pool, len + request.body.len);
    if (buf == NULL) {
        return NULL;
    }

    request.body.data = buf->start + len;
    buf->last = mp_resolve_body(buf->start + len, token);

    end = mp_request_head(buf->start, &request, &mlcf->scope,
                          keys->access_key, &mlcf->signing_key);

    ctx->secrets[0] = mp_request_signature(end);
    ctx->secrets[1] = keys->session_token;
    ctx->secrets[2] = token;
    ctx->secrets[3] = mp_resolve_body_token(request.body);

    return buf;
}


/* A signing key is good for a day, if the credentials are. */

static void
ngx_http_marketplace_derive_key(ngx_http_marketplace_loc_conf_t *mlcf,
    ngx_http_marketplace_keys_t *keys, u_char *date)
{
    if (mlcf->signing_keys == keys
        && ngx_memcmp(mlcf->signing_key.day, date, MP_AMZ_DAY_LEN) == 0)
    {
        return;
    }

    ngx_http_marketplace_release_keys(&mlcf->signing_keys);
    mlcf->signing_keys = ngx_http_marketplace_use_keys(keys);

    mp_signing_key(&mlcf->signing_key, date, keys->keys.secret_key,
                   &mlcf->scope);
}


static ngx_int_t
ngx_http_marketplace_called(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_http_marketplace_exchange_t  *exchange;

    exchange = &ctx->exchange;

    ctx->request->connection->log->action = "resolving registration";

    ngx_http_marketplace_count_call(ctx);

    if (ngx_http_marketplace_add_statuses(ctx) != NGX_OK) {
        return ngx_http_marketplace_abandon(ctx);
    }

    switch (exchange->rc) {

    case NGX_OK:
        ngx_http_marketplace_set_request_id(ctx);

        ngx_http_marketplace_learn_clock(ngx_http_marketplace_main(ctx),
                                         exchange->reply.date);

        return (exchange->reply.status == NGX_HTTP_OK)
               ? ngx_http_marketplace_accepted(ctx)
               : ngx_http_marketplace_refused(ctx);

    case NGX_DECLINED:
        return ngx_http_marketplace_fail(ctx, &mp_invalid_response);

    case NGX_ABORT:
        return ngx_http_marketplace_fail(ctx, &mp_timeout);

    case NGX_HTTP_GATEWAY_TIME_OUT:
        return ngx_http_marketplace_try_again(ctx, &mp_timeout,
                                              MP_RETRY_TRANSIENT);

    case NGX_HTTP_INTERNAL_SERVER_ERROR:

        /* this worker has no connection left; others may have */

        ngx_http_marketplace_answer_release(ctx);

        /* fall through */

    case NGX_HTTP_BAD_GATEWAY:
        return ngx_http_marketplace_try_again(ctx, &mp_connection_error,
                                              MP_RETRY_TRANSIENT);

    default:
        return ngx_http_marketplace_abandon(ctx);
    }
}


/* The status of every attempt; only the last can have been answered. */

static ngx_int_t
ngx_http_marketplace_add_statuses(ngx_http_marketplace_ctx_t *ctx)
{
    u_char      *p;
    ngx_str_t    before;
    ngx_uint_t   i;

    before = ctx->statuses;

    p = ngx_pnalloc(ctx->request->pool,
                    before.len + sizeof(", ")
                    + ctx->exchange.tries * sizeof("-, ") + NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->statuses.data = p;

    if (before.len) {
        p = ngx_sprintf(p, "%V, ", &before);
    }

    for (i = 1; i < ctx->exchange.tries; i++) {
        p = ngx_cpymem(p, "-, ", sizeof("-, ") - 1);
    }

    if (ctx->exchange.rc == NGX_OK) {
        p = ngx_sprintf(p, "%ui", (ngx_uint_t) ctx->exchange.reply.status);

    } else {
        *p++ = '-';
    }

    ctx->statuses.len = p - ctx->statuses.data;

    return NGX_OK;
}


/* AWS's ids are of letters, digits and dashes; what is not is not printed. */

static void
ngx_http_marketplace_set_request_id(ngx_http_marketplace_ctx_t *ctx)
{
    mp_str_t  id;

    id = ctx->exchange.reply.request_id;

    if (id.len <= NGX_HTTP_MARKETPLACE_REQUEST_ID_MAX
        && mp_str_is_made_of(id, MP_WORD)
        && !mp_str_has_secret(id, ctx->secrets,
                              NGX_HTTP_MARKETPLACE_SECRETS))
    {
        ctx->request_id = ngx_http_marketplace_ngx(id);
    }
}


static ngx_int_t
ngx_http_marketplace_accepted(ngx_http_marketplace_ctx_t *ctx)
{
    mp_pool_t  pool;

    mp_retry_refund(&ngx_http_marketplace_retry_budget, ctx->retry);

    pool.alloc = ngx_http_marketplace_alloc;
    pool.pool = ctx->request->pool;

    switch (mp_customer_parse(&ctx->customer, ctx->exchange.reply.body, &pool))
    {

    case MP_CUSTOMER_OK:
        ngx_http_marketplace_answer_put(ctx);

        return ngx_http_marketplace_accept(ctx);

    case MP_CUSTOMER_INVALID:
        return ngx_http_marketplace_fail(ctx, &mp_invalid_response);

    default: /* MP_CUSTOMER_NO_MEMORY */
        return ngx_http_marketplace_abandon(ctx);
    }
}


static ngx_int_t
ngx_http_marketplace_refused(ngx_http_marketplace_ctx_t *ctx)
{
    time_t                        skew;
    mp_error_t                    error;
    mp_http_reply_t              *reply;
    ngx_http_marketplace_keys_t  *keys;

    reply = &ctx->exchange.reply;

    if (reply->status < NGX_HTTP_BAD_REQUEST) {
        return ngx_http_marketplace_fail(ctx, &mp_invalid_response);
    }

    ctx->aws_error = ngx_palloc(ctx->request->pool, sizeof(mp_aws_error_t));
    if (ctx->aws_error == NULL) {
        return ngx_http_marketplace_abandon(ctx);
    }

    mp_aws_error_parse(ctx->aws_error, reply->body, reply->error_type,
                       ctx->secrets, NGX_HTTP_MARKETPLACE_SECRETS);

    keys = ctx->keys;

    error = mp_aws_error_classify(ctx->aws_error, reply->status,
                                  keys->expires
                                  && keys->expires <= ngx_time());

    skew = ngx_http_marketplace_clock(ngx_http_marketplace_main(ctx))
           - ctx->clock;

    if (ngx_abs(skew) >= MP_CLOCK_SKEW && mp_error_is_of_clock(error.name)) {
        return ngx_http_marketplace_try_again(ctx, &error, MP_RETRY_TRANSIENT);
    }

    if (ctx->renewed || !mp_error_is_of_credentials(error.name)
        || ngx_http_marketplace_renew(ctx) != NGX_OK)
    {
        return ngx_http_marketplace_try_again(ctx, &error,
                                              mp_retry_reply(ctx->aws_error,
                                                             reply->status));
    }

    ctx->renewed = 1;
    ctx->refused_keys = keys;
    ctx->keys = NULL;

    ctx->error = error;
    ctx->state = NGX_HTTP_MARKETPLACE_SIGNING;

    return ngx_http_marketplace_sign(ctx);
}


/*
 * Has the call made again after a while, if it is worth that and there are the
 * tries, the budget and the time for it.  If not, the error is the result.
 */

static ngx_int_t
ngx_http_marketplace_try_again(ngx_http_marketplace_ctx_t *ctx,
    const mp_error_t *error, mp_retry_t retry)
{
    unsigned    wish;
    ngx_str_t   name;
    ngx_msec_t  delay;

    wish = (ctx->exchange.rc == NGX_OK)
           ? ngx_http_marketplace_wish(&ctx->exchange.reply) : 0;

    delay = mp_retry_delay(retry, ctx->attempts - 1,
                           (uint32_t) ngx_random() << 1, wish);

    if (retry == MP_RETRY_NEVER
        || ctx->attempts >= ctx->conf->tries
        || (ngx_msec_int_t) (ctx->end - ngx_current_msec - delay) <= 0
        || !mp_retry_pay(&ngx_http_marketplace_retry_budget, retry))
    {
        return ngx_http_marketplace_fail(ctx, error);
    }

    name = ngx_http_marketplace_ngx(error->name);

    ngx_log_error(NGX_LOG_WARN, ctx->request->connection->log, 0,
                  "marketplace: ResolveCustomer failed: %V, status %V, "
                  "endpoint %V: it is tried again in %M ms",
                  &name, &ctx->statuses, &ctx->conf->metering.host, delay);

    ctx->error = *error;
    ctx->retry = retry;
    ctx->not_before = ngx_current_msec + delay;
    ctx->state = NGX_HTTP_MARKETPLACE_RETRYING;

    return ngx_http_marketplace_wait(ctx, delay);
}


/* For how many milliseconds AWS asks to be left alone.  A date is compared with
 * the reply's own, as this machine's clock may be wrong. */

static unsigned
ngx_http_marketplace_wish(mp_http_reply_t *reply)
{
    time_t    now, then;
    unsigned  wish;

    wish = mp_retry_wish(reply->amz_retry_after, reply->retry_after);

    if (wish) {
        return wish;
    }

    now = ngx_http_marketplace_date(reply->date);
    then = ngx_http_marketplace_date(reply->retry_after);

    return (now == NGX_ERROR || then <= now)
           ? 0 : 1000 * (unsigned) ngx_min(then - now, 3600);
}


static ngx_int_t
ngx_http_marketplace_retry(ngx_http_marketplace_ctx_t *ctx)
{
    if ((ngx_msec_int_t) (ctx->not_before - ngx_current_msec) > 0) {
        return ngx_http_marketplace_wait(ctx, ctx->not_before
                                              - ngx_current_msec);
    }

    ngx_memzero(&ctx->error, sizeof(mp_error_t));
    ctx->aws_error = NULL;

    ctx->state = NGX_HTTP_MARKETPLACE_SIGNING;

    return ngx_http_marketplace_sign(ctx);
}
