/*
 * How a request gets credentials: from what this worker or another one knows
 * of their source or, if it is this request's turn, by asking the source.
 *
 * A source that stands on another one takes that one's credentials first, in
 * the same way.  What is asked, and what an answer means, is the issuer's.
 */

#include "ngx_http_marketplace_credentials.h"


#define NGX_HTTP_MARKETPLACE_FETCH_TRIES     3

/* in milliseconds: before the second try, and twice that before the third */
#define NGX_HTTP_MARKETPLACE_FETCH_DELAY     100

#define NGX_HTTP_MARKETPLACE_FILE_TOKEN_MAX  (16 * 1024)


static ngx_http_marketplace_fetch_t *ngx_http_marketplace_create_fetch(
    ngx_http_marketplace_ctx_t *ctx, ngx_http_marketplace_source_t *source);
static ngx_int_t ngx_http_marketplace_fetch(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_fetch_profile(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_look(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_fetch_steps(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_fetch_base(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_fetch_reply(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_fetch_refused(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_fetch_parse_error(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_fetch_unanswered(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_fetch_error_document(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_fetch_again(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_fetch_end(
    ngx_http_marketplace_fetch_t *fetch, ngx_int_t rc);
static ngx_int_t ngx_http_marketplace_renew_fetch(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_renew_profile(
    ngx_http_marketplace_fetch_t *fetch);
static void ngx_http_marketplace_fetch_log(
    ngx_http_marketplace_fetch_t *fetch);
static void ngx_http_marketplace_fetch_release(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_shm_zone_t *ngx_http_marketplace_zone(
    ngx_http_marketplace_ctx_t *ctx);


ngx_int_t
ngx_http_marketplace_obtain(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_int_t                       rc;
    ngx_http_marketplace_source_t  *source;

    source = ctx->conf->source;

    if (source == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_http_marketplace_is_exchanging(ctx)) {
        return NGX_AGAIN;
    }

    if (source->issuer == NULL && source->profile == NULL) {
        ngx_http_marketplace_release_keys(&ctx->keys);
        ctx->keys = ngx_http_marketplace_use_keys(source->keys);
        return NGX_OK;
    }

    if (ctx->fetch == NULL) {
        ctx->fetch = ngx_http_marketplace_create_fetch(ctx, source);

        if (ctx->fetch == NULL) {
            return NGX_ERROR;
        }
    }

    rc = ngx_http_marketplace_fetch(ctx->fetch);

    if (rc == NGX_OK) {
        ngx_http_marketplace_release_keys(&ctx->keys);
        ctx->keys = ngx_http_marketplace_use_keys(ctx->fetch->keys);
    }

    if (rc == NGX_DECLINED && ctx->aws_error == NULL) {
        ctx->aws_error = ctx->fetch->aws_error;
    }

    return rc;
}


static ngx_http_marketplace_fetch_t *
ngx_http_marketplace_create_fetch(ngx_http_marketplace_ctx_t *ctx,
    ngx_http_marketplace_source_t *source)
{
    ngx_http_marketplace_fetch_t  *fetch;

    fetch = ngx_pcalloc(ctx->request->pool,
                        sizeof(ngx_http_marketplace_fetch_t));
    if (fetch) {
        fetch->ctx = ctx;
        fetch->source = source;
    }

    return fetch;
}


/* Returns as ngx_http_marketplace_obtain() does, with fetch->keys. */

static ngx_int_t
ngx_http_marketplace_fetch(ngx_http_marketplace_fetch_t *fetch)
{
    ngx_int_t                       rc;
    ngx_http_marketplace_ctx_t     *ctx;
    ngx_http_marketplace_source_t  *source;

    if (fetch->state == NGX_HTTP_MARKETPLACE_FOUND) {
        return NGX_OK;
    }

    ctx = fetch->ctx;
    source = fetch->source;

    if (source->profile) {
        return ngx_http_marketplace_fetch_profile(fetch);
    }

    if (source->issuer == NULL) {
        fetch->keys = ngx_http_marketplace_use_keys(source->keys);
        fetch->state = NGX_HTTP_MARKETPLACE_FOUND;

        return NGX_OK;
    }

    if (fetch->state == NGX_HTTP_MARKETPLACE_LOOKING) {
        rc = ngx_http_marketplace_look(fetch);

        if (rc != NGX_DONE) {
            return rc;
        }

        fetch->state = NGX_HTTP_MARKETPLACE_FETCHING;

        fetch->step = 0;
        fetch->tries = 0;
        fetch->delayed = 0;
        fetch->renewed = 0;
        fetch->problem = NULL;

        /* as long as there are keys, the time to use them must be left */

        if (fetch->keys && ctx->cut == ctx->end
            && !ngx_http_marketplace_is_over(ctx))
        {
            fetch->cuts = 1;
            ngx_http_marketplace_set_cut(ctx, ngx_current_msec
                                     + (ctx->end - ngx_current_msec) / 2);
        }
    }

    rc = ngx_http_marketplace_fetch_steps(fetch);

    return (rc == NGX_AGAIN) ? rc : ngx_http_marketplace_fetch_end(fetch, rc);
}


static ngx_int_t
ngx_http_marketplace_fetch_profile(ngx_http_marketplace_fetch_t *fetch)
{
    ngx_int_t                    rc;
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = fetch->ctx;

    if (fetch->chain == NULL) {
        fetch->chain = ngx_http_marketplace_profile_chain(
                                              fetch->source->profile, 0,
                                              ctx->request->connection->log);
    }

    if (fetch->base == NULL) {
        fetch->base = ngx_http_marketplace_create_fetch(ctx,
                                                        fetch->chain->source);
        if (fetch->base == NULL) {
            return NGX_ERROR;
        }
    }

    rc = ngx_http_marketplace_fetch(fetch->base);

    if (rc == NGX_OK) {
        fetch->keys = ngx_http_marketplace_use_keys(fetch->base->keys);
        fetch->state = NGX_HTTP_MARKETPLACE_FOUND;
    }

    fetch->aws_error = fetch->base->aws_error;

    return rc;
}


static ngx_int_t
ngx_http_marketplace_look(ngx_http_marketplace_fetch_t *fetch)
{
    ngx_int_t                    rc;
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = fetch->ctx;

    ngx_http_marketplace_release_keys(&fetch->keys);

    rc = ngx_http_marketplace_store_look(ngx_http_marketplace_zone(ctx),
                                   fetch->source,
                                   ctx->end + NGX_HTTP_MARKETPLACE_GRACE,
                                   &fetch->keys, ctx->request->connection->log);

    if (rc == NGX_OK) {
        fetch->state = NGX_HTTP_MARKETPLACE_FOUND;
    }

    return (rc == NGX_AGAIN)
           ? ngx_http_marketplace_await(ctx, fetch->source->id) : rc;
}


static ngx_int_t
ngx_http_marketplace_fetch_steps(ngx_http_marketplace_fetch_t *fetch)
{
    ngx_int_t                    rc;
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = fetch->ctx;

    if (fetch->sent) {
        fetch->sent = 0;

        rc = ngx_http_marketplace_fetch_reply(fetch);

        if (rc != NGX_AGAIN) {
            return rc;
        }
    }

    rc = ngx_http_marketplace_fetch_base(fetch);

    if (rc == NGX_DECLINED || rc == NGX_ERROR) {
        return rc;
    }

    if (ngx_http_marketplace_is_over(ctx)) {

        if (fetch->problem == NULL) {
            fetch->problem = "there was no time left to ask, check what "
                             "took it and marketplace_timeout";
        }

        return NGX_DECLINED;
    }

    if (rc == NGX_AGAIN) {
        return rc;
    }

    if (fetch->delayed) {

        if ((ngx_msec_int_t) (fetch->not_before - ngx_current_msec) > 0) {
            return ngx_http_marketplace_wait(ctx, fetch->not_before
                                                  - ngx_current_msec);
        }

        fetch->delayed = 0;
    }

    rc = fetch->source->issuer->create_request(fetch);

    if (rc != NGX_OK) {
        return rc;
    }

    ctx->exchange.name = fetch->source->name;
    ctx->exchange.endpoint = fetch->source->endpoint;
    ctx->exchange.secret = 1;

    if (ngx_http_marketplace_exchange(ctx->request, &ctx->exchange)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    fetch->sent = 1;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_marketplace_fetch_base(ngx_http_marketplace_fetch_t *fetch)
{
    ngx_int_t  rc;

    if (fetch->source->base == NULL) {
        return NGX_OK;
    }

    if (fetch->base == NULL) {
        fetch->base = ngx_http_marketplace_create_fetch(fetch->ctx,
                                                        fetch->source->base);
        if (fetch->base == NULL) {
            return NGX_ERROR;
        }
    }

    rc = ngx_http_marketplace_fetch(fetch->base);

    if (rc == NGX_DECLINED && fetch->aws_error == NULL) {
        fetch->aws_error = fetch->base->aws_error;
    }

    /* why, the base has told; not that something is used all the same */

    if (rc == NGX_DECLINED && fetch->keys && fetch->problem == NULL) {
        fetch->problem = "no credentials to ask with, as logged before";
    }

    return rc;
}


/* NGX_OK, with fetch->fetched; NGX_AGAIN if there is something to send still
 * or again; NGX_DECLINED, with fetch->problem; or NGX_ERROR. */

static ngx_int_t
ngx_http_marketplace_fetch_reply(ngx_http_marketplace_fetch_t *fetch)
{
    ngx_int_t                         rc;
    ngx_http_marketplace_exchange_t  *exchange;

    exchange = &fetch->ctx->exchange;

    fetch->problem = NULL;
    fetch->advice = NULL;
    fetch->aws_error = NULL;
    fetch->status = 0;

    if (exchange->rc != NGX_OK) {
        return ngx_http_marketplace_fetch_unanswered(fetch);
    }

    fetch->status = exchange->reply.status;

    if (fetch->source->issuer->signs) {
        ngx_http_marketplace_learn_clock(
                                       ngx_http_marketplace_main(fetch->ctx),
                                       exchange->reply.date);
    }

    if (fetch->status != NGX_HTTP_OK) {
        return ngx_http_marketplace_fetch_refused(fetch);
    }

    rc = fetch->source->issuer->process_reply(fetch);

    if (rc == NGX_AGAIN) {
        fetch->step++;
        fetch->tries = 0;
    }

    return rc;
}


static ngx_int_t
ngx_http_marketplace_fetch_unanswered(ngx_http_marketplace_fetch_t *fetch)
{
    ngx_http_marketplace_issuer_t    *issuer;
    ngx_http_marketplace_exchange_t  *exchange;

    exchange = &fetch->ctx->exchange;
    issuer = fetch->source->issuer;

    switch (exchange->rc) {

    case NGX_DECLINED:
        fetch->problem = "the answer is not HTTP as it should be";
        break;

    case NGX_ABORT:
    case NGX_HTTP_GATEWAY_TIME_OUT:
        fetch->problem = exchange->connected ? "no answer in time"
                                             : "no connection in time";
        fetch->advice = exchange->connected ? issuer->silent
                                            : issuer->unreachable;
        break;

    case NGX_HTTP_BAD_GATEWAY:
        fetch->problem = exchange->connected
                         ? "the connection ended before the answer did"
                         : "no connection";
        fetch->advice = exchange->connected ? NULL : issuer->unreachable;
        break;

    default:

        /* no memory, or no socket of this kind: not for long, or for good */

        fetch->problem = "no connection can be made, as nginx has logged";
        return NGX_DECLINED;
    }

    return ngx_http_marketplace_fetch_again(fetch);
}


/* An error reply may be about the credentials that the request was made with,
 * which then are renewed once, or about a service in trouble, or it stays. */

static ngx_int_t
ngx_http_marketplace_fetch_refused(ngx_http_marketplace_fetch_t *fetch)
{
    time_t      skew;
    mp_error_t  error;

    if (ngx_http_marketplace_fetch_parse_error(fetch) != NGX_OK) {
        return NGX_ERROR;
    }

    skew = ngx_http_marketplace_clock(ngx_http_marketplace_main(fetch->ctx))
           - fetch->ctx->clock;

    fetch->problem = "refused";
    fetch->advice = fetch->source->issuer->xml
                    ? mp_sts_advice(fetch->aws_error, fetch->status)
                    : fetch->source->issuer->refused;

    error = mp_aws_error_classify(fetch->aws_error, fetch->status, 0);

    if (fetch->base && !fetch->renewed
        && (fetch->status == NGX_HTTP_UNAUTHORIZED
            || mp_error_is_of_credentials(error.name))
        && ngx_http_marketplace_renew_fetch(fetch->base) == NGX_OK)
    {
        fetch->renewed = 1;
        fetch->step = 0;

        return NGX_AGAIN;
    }

    if (fetch->status == NGX_HTTP_TOO_MANY_REQUESTS
        || fetch->status >= NGX_HTTP_INTERNAL_SERVER_ERROR
        || (ngx_abs(skew) >= MP_CLOCK_SKEW
            && mp_error_is_of_clock(error.name))
        || (error.fault == MP_FAULT_SERVICE && fetch->aws_error->name_len))
    {
        return ngx_http_marketplace_fetch_again(fetch);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_marketplace_fetch_parse_error(ngx_http_marketplace_fetch_t *fetch)
{
    mp_str_t          secrets[2];
    mp_http_reply_t  *reply;

    reply = &fetch->ctx->exchange.reply;

    fetch->aws_error = ngx_palloc(fetch->ctx->request->pool,
                                  sizeof(mp_aws_error_t));
    if (fetch->aws_error == NULL) {
        return NGX_ERROR;
    }

    secrets[0] = fetch->base ? fetch->base->keys->keys.session_token
                             : fetch->token;
    secrets[1] = fetch->signature;

    if (fetch->source->issuer->xml) {
        mp_sts_error(fetch->aws_error, reply->body, secrets, 2);

    } else {
        mp_aws_error_parse(fetch->aws_error, reply->body, reply->error_type,
                           secrets, 2);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_marketplace_fetch_again(ngx_http_marketplace_fetch_t *fetch)
{
    if (++fetch->tries == NGX_HTTP_MARKETPLACE_FETCH_TRIES) {
        return NGX_DECLINED;
    }

    fetch->delayed = 1;
    fetch->not_before = ngx_current_msec
                        + (NGX_HTTP_MARKETPLACE_FETCH_DELAY
                           << (fetch->tries - 1));
    return NGX_AGAIN;
}


/* Shares what came of it.  That it took longer than this request has time for
 * is no failure of the source: the next one may try. */

static ngx_int_t
ngx_http_marketplace_fetch_end(ngx_http_marketplace_fetch_t *fetch,
    ngx_int_t rc)
{
    ngx_shm_zone_t              *zone;
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = fetch->ctx;
    zone = ngx_http_marketplace_zone(ctx);

    fetch->state = NGX_HTTP_MARKETPLACE_LOOKING;

    if (rc == NGX_DECLINED && fetch->problem) {
        ngx_http_marketplace_fetch_log(fetch);
    }

    ngx_http_marketplace_count_renewal(zone, fetch->source, rc);

    if (rc == NGX_OK) {
        ngx_http_marketplace_store_put(zone, fetch->source, fetch->fetched,
                                       ctx->request->connection->log);

        ngx_http_marketplace_release_keys(&fetch->keys);
        fetch->keys = fetch->fetched;
        fetch->fetched = NULL;

    } else if (rc == NGX_DECLINED
               && (fetch->keys || !ngx_http_marketplace_is_over(ctx)))
    {
        ngx_http_marketplace_store_fail(zone, fetch->source);

    } else {
        ngx_http_marketplace_store_release(zone, fetch->source);
    }

    ngx_http_marketplace_wake(fetch->source->id);

    if (fetch->cuts) {
        fetch->cuts = 0;
        ngx_http_marketplace_set_cut(ctx, ctx->end);
    }

    if (rc == NGX_ERROR || fetch->keys == NULL) {
        return rc;
    }

    fetch->state = NGX_HTTP_MARKETPLACE_FOUND;

    return NGX_OK;
}


ngx_int_t
ngx_http_marketplace_renew(ngx_http_marketplace_ctx_t *ctx)
{
    return ctx->fetch ? ngx_http_marketplace_renew_fetch(ctx->fetch)
                      : NGX_DECLINED;
}


static ngx_int_t
ngx_http_marketplace_renew_fetch(ngx_http_marketplace_fetch_t *fetch)
{
    ngx_int_t  rc;

    rc = fetch->source->profile
         ? ngx_http_marketplace_renew_profile(fetch)
         : fetch->source->issuer
         ? ngx_http_marketplace_store_reject(
                                       ngx_http_marketplace_zone(fetch->ctx),
                                       fetch->source, fetch->keys)
         : NGX_DECLINED;

    if (rc == NGX_OK) {
        ngx_http_marketplace_release_keys(&fetch->keys);
        fetch->state = NGX_HTTP_MARKETPLACE_LOOKING;
    }

    return rc;
}


static ngx_int_t
ngx_http_marketplace_renew_profile(ngx_http_marketplace_fetch_t *fetch)
{
    ngx_http_marketplace_chain_t  *chain;

    chain = ngx_http_marketplace_profile_chain(fetch->source->profile, 1,
                                       fetch->ctx->request->connection->log);

    if (chain == fetch->chain) {
        ngx_http_marketplace_release_chain(chain);

        return ngx_http_marketplace_renew_fetch(fetch->base);
    }

    ngx_http_marketplace_fetch_release(fetch->base);
    ngx_http_marketplace_release_chain(fetch->chain);

    /* the new one is opened when it is looked for */

    ngx_http_marketplace_release_chain(chain);

    fetch->chain = NULL;
    fetch->base = NULL;

    return NGX_OK;
}


/* One line for the operator; who fetches writes it, and nobody else. */

static void
ngx_http_marketplace_fetch_log(ngx_http_marketplace_fetch_t *fetch)
{
    ngx_str_t        name, message;
    ngx_uint_t       level;
    const char      *use;
    mp_aws_error_t  *error;

    static u_char  none[] = "";

    error = fetch->aws_error;

    name.data = error ? error->name : none;
    name.len = error ? error->name_len : 0;
    message.data = error ? error->message : none;
    message.len = error ? error->message_len : 0;

    level = fetch->keys ? NGX_LOG_WARN : NGX_LOG_ERR;

    use = (fetch->keys == NULL) ? ""
          : (fetch->keys->expires > ngx_time())
          ? "; those from before are used until they expire"
          : "; those from before are used although they have expired";

    ngx_log_error(level, fetch->ctx->request->connection->log, 0,
                  "marketplace: fetching credentials failed: source \"%V\", "
                  "endpoint %V: %s, status %ui, error \"%V\", "
                  "message \"%V\"%s%s%s",
                  &fetch->source->name, &fetch->source->endpoint->host,
                  fetch->problem, (ngx_uint_t) fetch->status, &name, &message,
                  fetch->advice ? ": " : "",
                  fetch->advice ? fetch->advice : "", use);
}


void
ngx_http_marketplace_fetch_cleanup(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_http_marketplace_fetch_release(ctx->fetch);
    ngx_http_marketplace_release_keys(&ctx->keys);
    ngx_http_marketplace_release_keys(&ctx->refused_keys);

    ctx->fetch = NULL;
}


static void
ngx_http_marketplace_fetch_release(ngx_http_marketplace_fetch_t *fetch)
{
    if (fetch == NULL) {
        return;
    }

    ngx_http_marketplace_fetch_release(fetch->base);

    if (fetch->state == NGX_HTTP_MARKETPLACE_FETCHING) {
        ngx_http_marketplace_store_release(
                        ngx_http_marketplace_zone(fetch->ctx), fetch->source);
        ngx_http_marketplace_wake(fetch->source->id);
    }

    ngx_http_marketplace_release_keys(&fetch->keys);
    ngx_http_marketplace_release_keys(&fetch->fetched);
    ngx_http_marketplace_release_keys(&fetch->file_token);
    ngx_http_marketplace_release_chain(fetch->chain);
}


static ngx_shm_zone_t *
ngx_http_marketplace_zone(ngx_http_marketplace_ctx_t *ctx)
{
    return ngx_http_marketplace_main(ctx)->zone;
}


/* For issuers. */

ngx_int_t
ngx_http_marketplace_fetch_send_plain(ngx_http_marketplace_fetch_t *fetch,
    mp_plain_request_t *request)
{
    ngx_buf_t  *buf;

    request->host = ngx_http_marketplace_mp(&fetch->source->endpoint->host);

    buf = ngx_create_temp_buf(fetch->ctx->request->pool,
                              mp_plain_request_len(request));
    if (buf == NULL) {
        return NGX_ERROR;
    }

    buf->last = mp_plain_request(buf->last, request);
    fetch->ctx->exchange.request = buf;

    return NGX_OK;
}


/* What came with status 200 may tell by a Code that it is an error. */

static ngx_int_t
ngx_http_marketplace_fetch_error_document(ngx_http_marketplace_fetch_t *fetch)
{
    mp_str_t  name;

    static const mp_str_t  success = mp_str("Success");

    if (ngx_http_marketplace_fetch_parse_error(fetch) != NGX_OK) {
        return NGX_ERROR;
    }

    name.data = fetch->aws_error->name;
    name.len = fetch->aws_error->name_len;

    if (mp_str_eq(name, success)) {
        fetch->aws_error = NULL;
    }

    return NGX_DECLINED;
}


/* Whoever renews the token puts a new one into the file: it is read each
 * time. */

ngx_int_t
ngx_http_marketplace_fetch_read_token(ngx_http_marketplace_fetch_t *fetch)
{
    ngx_err_t          err;
    ngx_log_t         *log;
    ngx_str_t          text, *file;
    const char        *wrong;
    ngx_file_info_t    fi;
    mp_credentials_t   keys;

    log = fetch->ctx->request->connection->log;
    file = &fetch->source->token_file;

    ngx_memzero(&keys, sizeof(mp_credentials_t));
    ngx_http_marketplace_release_keys(&fetch->file_token);

    ngx_str_null(&text);

    wrong = ngx_http_marketplace_read_file(file, &text, &fi, &err, log);

    if (wrong == NULL) {
        keys.session_token = mp_str_trim_lines(ngx_http_marketplace_mp(&text));

        if (keys.session_token.len == 0
            || keys.session_token.len > NGX_HTTP_MARKETPLACE_FILE_TOKEN_MAX
            || mp_str_has_control(keys.session_token))
        {
            err = 0;
            wrong = "holds no token: it must be one line";
        }
    }

    if (wrong == NULL) {
        fetch->file_token = ngx_http_marketplace_create_keys(&keys, 0, log);
    }

    ngx_http_marketplace_free_file(&text);

    if (wrong) {
        ngx_log_error(NGX_LOG_ERR, log, err,
                      "marketplace: the token file \"%V\" %s", file, wrong);

        fetch->problem = "the token file cannot be used";
        return NGX_DECLINED;
    }

    if (fetch->file_token == NULL) {
        return NGX_ERROR;
    }

    fetch->token = fetch->file_token->keys.session_token;

    return NGX_OK;
}


/*
 * When credentials end is said by the clock of who issued them.  The answer's
 * date tells how long that is, whatever the clock of this machine shows.
 */

ngx_int_t
ngx_http_marketplace_fetch_take(ngx_http_marketplace_fetch_t *fetch,
    ngx_http_marketplace_parser_pt parser)
{
    u_char           *buf;
    time_t            date;
    mp_temporary_t    temporary;
    mp_http_reply_t  *reply;

    reply = &fetch->ctx->exchange.reply;

    buf = ngx_pnalloc(fetch->ctx->request->pool, reply->body.len + 1);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    fetch->problem = parser(&temporary, buf, reply->body);

    if (fetch->problem == NULL) {
        date = ngx_http_marketplace_date(reply->date);

        if (date == NGX_ERROR) {
            date = ngx_time();
        }

        fetch->fetched = ngx_http_marketplace_create_keys(&temporary.keys,
                                   ngx_time() + temporary.expiration - date,
                                   fetch->ctx->request->connection->log);
    }

    OPENSSL_cleanse(buf, reply->body.len);

    if (fetch->problem) {
        fetch->advice = fetch->source->issuer->refused;

        return ngx_http_marketplace_fetch_error_document(fetch);
    }

    if (fetch->fetched == NULL) {
        return NGX_ERROR;
    }

    if (fetch->fetched->expires <= ngx_time()
        && !fetch->source->issuer->stable)
    {
        ngx_http_marketplace_release_keys(&fetch->fetched);
        fetch->problem = "what it gives has expired already";

        return NGX_DECLINED;
    }

    return NGX_OK;
}
