/*
 * One request, from its body to the customer's identity:
 *
 *     body -> token -> what AWS says of it (ngx_http_marketplace_call.c)
 *          -> customer or error -> variables, request headers, verdict
 *
 * The handler runs in the PRECONTENT phase: behind access control and rate
 * limits, in front of try_files and the content.  What it finds lives in a
 * context that survives internal redirects.
 */

#include "ngx_http_marketplace_credentials.h"


/* A body that is larger than this, and than four times the largest token, is
 * no registration. */
#define NGX_HTTP_MARKETPLACE_BODY_MAX        (64 * 1024)

#define NGX_HTTP_MARKETPLACE_RETRY_AFTER     "5"


static ngx_int_t ngx_http_marketplace_start(ngx_http_request_t *r,
    ngx_http_marketplace_ctx_t *ctx, ngx_http_marketplace_loc_conf_t *mlcf);
static ngx_uint_t ngx_http_marketplace_is_refusal(ngx_uint_t status);
static ngx_int_t ngx_http_marketplace_continue_session(
    ngx_http_marketplace_ctx_t *ctx, ngx_http_marketplace_loc_conf_t *mlcf);
static ngx_int_t ngx_http_marketplace_redirected(
    ngx_http_marketplace_ctx_t *ctx, ngx_http_marketplace_loc_conf_t *mlcf);
static void ngx_http_marketplace_cleanup(void *data);
static ngx_int_t ngx_http_marketplace_read_body(
    ngx_http_marketplace_ctx_t *ctx);
static ngx_uint_t ngx_http_marketplace_may_register(
    ngx_http_marketplace_ctx_t *ctx);
static void ngx_http_marketplace_body_handler(ngx_http_request_t *r);
static mp_token_rc_t ngx_http_marketplace_token(
    ngx_http_marketplace_ctx_t *ctx);
static mp_token_rc_t ngx_http_marketplace_token_from_body(
    ngx_http_marketplace_ctx_t *ctx);
static mp_token_rc_t ngx_http_marketplace_token_from_args(
    ngx_http_request_t *r, ngx_http_marketplace_loc_conf_t *mlcf,
    mp_registration_t *registration);
static mp_token_rule_t ngx_http_marketplace_rule(ngx_http_request_t *r,
    ngx_http_marketplace_loc_conf_t *mlcf);
static ngx_uint_t ngx_http_marketplace_has_query_field(ngx_http_request_t *r);
static off_t ngx_http_marketplace_body_max(
    ngx_http_marketplace_loc_conf_t *mlcf);
static mp_token_rc_t ngx_http_marketplace_get_body(ngx_http_request_t *r,
    off_t max, mp_str_t *body);
static mp_token_rc_t ngx_http_marketplace_copy_body(ngx_http_request_t *r,
    size_t len, mp_str_t *body);

static ngx_int_t ngx_http_marketplace_registered(
    ngx_http_marketplace_ctx_t *ctx, mp_token_rc_t rc);
static ngx_int_t ngx_http_marketplace_conclude(
    ngx_http_marketplace_ctx_t *ctx);
static ngx_int_t ngx_http_marketplace_refuse(ngx_http_marketplace_ctx_t *ctx);
static void ngx_http_marketplace_log_error(ngx_http_marketplace_ctx_t *ctx);


ngx_int_t
ngx_http_marketplace_resolve_handler(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_http_marketplace_ctx_t       *ctx;
    ngx_http_marketplace_loc_conf_t  *mlcf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    ngx_http_marketplace_pass(r);

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_marketplace_module);

    if (mlcf->resolve == NGX_HTTP_MARKETPLACE_OFF && mlcf->redirect == NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_marketplace_get_ctx(r);

    if (ctx == NULL || ctx->state == NGX_HTTP_MARKETPLACE_UNRESOLVED) {
        return (mlcf->resolve == NGX_HTTP_MARKETPLACE_OFF)
               ? ngx_http_marketplace_continue_session(ctx, mlcf)
               : ngx_http_marketplace_start(r, ctx, mlcf);
    }

    if (ctx->state > NGX_HTTP_MARKETPLACE_READING
        && ctx->state < NGX_HTTP_MARKETPLACE_RESOLVED)
    {
        return ngx_http_marketplace_go_on(ctx);
    }

    /*
     * The verdict is given once; what comes here later, or while the body is
     * still read, is an internal redirect, if only to the page of an error.
     */

    rc = ctx->verdict;
    ctx->verdict = NGX_DECLINED;

    if (rc == NGX_DECLINED
        && ctx->state == NGX_HTTP_MARKETPLACE_RESOLVED
        && !ctx->refused)
    {
        return ngx_http_marketplace_redirected(ctx, mlcf);
    }

    return rc;
}


/* Where nothing is resolved, whoever has a session is sent on. */

static ngx_int_t
ngx_http_marketplace_continue_session(ngx_http_marketplace_ctx_t *ctx,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    ngx_http_request_t  *r;

    if (ctx == NULL || ctx->session_key == NULL || ctx->redirected) {
        return NGX_DECLINED;
    }

    r = ctx->request;

    if (r->error_page || r->err_status || ngx_http_marketplace_is_denied(r)) {
        return NGX_DECLINED;
    }

    ctx->redirected = 1;

    return ngx_http_marketplace_redirect_client(r, mlcf->redirect);
}


/*
 * A request that is redirected to another location is not resolved again, but
 * has to be what that location demands.
 */

static ngx_int_t
ngx_http_marketplace_redirected(ngx_http_marketplace_ctx_t *ctx,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    return (mlcf->resolve == NGX_HTTP_MARKETPLACE_ON && ctx->error.name.len)
           ? ngx_http_marketplace_refuse(ctx) : NGX_DECLINED;
}


static ngx_int_t
ngx_http_marketplace_start(ngx_http_request_t *r,
    ngx_http_marketplace_ctx_t *ctx, ngx_http_marketplace_loc_conf_t *mlcf)
{
    mp_token_rc_t      rc;
    mp_registration_t  registration;

    rc = MP_TOKEN_MISSING;
    ngx_memzero(&registration, sizeof(mp_registration_t));

    if (r->method != NGX_HTTP_POST
        || !(mlcf->token_source & NGX_HTTP_MARKETPLACE_BODY))
    {
        if (mlcf->token_source & NGX_HTTP_MARKETPLACE_ARGS) {
            rc = ngx_http_marketplace_token_from_args(r, mlcf, &registration);
        }

        if (rc == MP_TOKEN_MISSING && r->method != NGX_HTTP_POST) {
            return NGX_DECLINED;
        }
    }

    if (ngx_http_marketplace_is_refusal(r->err_status)
        || ngx_http_marketplace_is_denied(r))
    {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "marketplace: the request was refused, and nothing is "
                      "resolved on the page for that");

        return NGX_DECLINED;
    }

    if (ctx == NULL) {
        ctx = ngx_http_marketplace_create_ctx(r);
    }

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* where there are no sessions, none stands in for a token */

    if (mlcf->session == NULL) {
        ctx->session_key = NULL;
    }

    ctx->conf = mlcf;
    ctx->start = ngx_current_msec;
    ctx->registration = registration;
    ctx->state = NGX_HTTP_MARKETPLACE_READING;

    if (r->method == NGX_HTTP_POST
        && (mlcf->token_source & NGX_HTTP_MARKETPLACE_BODY))
    {
        return ngx_http_marketplace_read_body(ctx);
    }

    return ngx_http_marketplace_registered(ctx, rc);
}


/*
 * Whether an error_page is shown to who was refused before there was access
 * control, for the request itself or by a "return": such a page is no place to
 * register.  With other errors a location is as good as any.
 */

static ngx_uint_t
ngx_http_marketplace_is_refusal(ngx_uint_t status)
{
    switch (status) {

    case NGX_HTTP_BAD_REQUEST:
    case NGX_HTTP_UNAUTHORIZED:
    case NGX_HTTP_FORBIDDEN:
    case NGX_HTTP_REQUEST_TIME_OUT:
    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
    case NGX_HTTP_REQUEST_URI_TOO_LARGE:
    case NGX_HTTP_TOO_MANY_REQUESTS:
    case NGX_HTTP_REQUEST_HEADER_TOO_LARGE:
    case NGX_HTTPS_CERT_ERROR:
    case NGX_HTTPS_NO_CERT:
    case NGX_HTTP_TO_HTTPS:
    case NGX_HTTP_SERVICE_UNAVAILABLE:
        return 1;

    default:
        return 0;
    }
}


/* Internal redirects clear a request's contexts, but not its pool. */

ngx_http_marketplace_ctx_t *
ngx_http_marketplace_get_ctx(ngx_http_request_t *r)
{
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_marketplace_module);

    if (ctx || !(r->internal || r->filter_finalize)) {
        return ctx;
    }

    ctx = ngx_http_marketplace_find_data(r, ngx_http_marketplace_cleanup);

    if (ctx) {
        ngx_http_set_ctx(r, ctx, ngx_http_marketplace_module);
    }

    return ctx;
}


void *
ngx_http_marketplace_find_data(ngx_http_request_t *r,
    ngx_pool_cleanup_pt handler)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == handler) {
            return cln->data;
        }
    }

    return NULL;
}


ngx_http_marketplace_ctx_t *
ngx_http_marketplace_create_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_marketplace_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_marketplace_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_marketplace_ctx_t));

    cln->handler = ngx_http_marketplace_cleanup;

    ctx->request = r;
    ctx->verdict = NGX_DECLINED;

    ngx_http_set_ctx(r, ctx, ngx_http_marketplace_module);

    return ctx;
}


static void
ngx_http_marketplace_cleanup(void *data)
{
    ngx_http_marketplace_ctx_t  *ctx = data;

    /* whoever comes with a session may not have wanted to register */

    if (ctx->state > NGX_HTTP_MARKETPLACE_UNRESOLVED
        && ctx->state < NGX_HTTP_MARKETPLACE_RESOLVED
        && ctx->session_key == NULL)
    {
        ngx_http_marketplace_count_resolve(ctx, MP_OUTCOME_ABORTED);
    }

    ngx_http_marketplace_stop(ctx);
}


static ngx_int_t
ngx_http_marketplace_read_body(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = ctx->request;

    /* what cannot be a registration is not held up to be read */

    if (ctx->session_key && !ngx_http_marketplace_may_register(ctx)) {
        return ngx_http_marketplace_registered(ctx,
                                               ngx_http_marketplace_token(ctx));
    }

    if (r->headers_in.content_length_n
        > ngx_http_marketplace_body_max(ctx->conf))
    {
        return ngx_http_marketplace_registered(ctx, MP_TOKEN_TOO_LARGE);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r,
                                           ngx_http_marketplace_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


/* Whether the body may have a token, as far as its headers tell. */

static ngx_uint_t
ngx_http_marketplace_may_register(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_http_headers_in_t  *headers;

    headers = &ctx->request->headers_in;

    return headers->content_type
           && mp_token_can_carry(
                        ngx_http_marketplace_mp(&headers->content_type->value))
           && headers->content_length_n
              <= ngx_http_marketplace_body_max(ctx->conf);
}


static void
ngx_http_marketplace_body_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = ngx_http_marketplace_get_ctx(r);

    r->preserve_body = 1;

    rc = ngx_http_marketplace_registered(ctx, ngx_http_marketplace_token(ctx));

    if (rc != NGX_AGAIN) {
        ctx->verdict = rc;
    }

    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


/* The token from the body or, where both are asked for and the body has none,
 * from the query. */

static mp_token_rc_t
ngx_http_marketplace_token(ngx_http_marketplace_ctx_t *ctx)
{
    mp_token_rc_t  rc, rc_args;

    rc = ngx_http_marketplace_token_from_body(ctx);

    if ((rc != MP_TOKEN_MISSING && rc != MP_TOKEN_UNSUPPORTED)
        || !(ctx->conf->token_source & NGX_HTTP_MARKETPLACE_ARGS))
    {
        return rc;
    }

    rc_args = ngx_http_marketplace_token_from_args(ctx->request, ctx->conf,
                                                   &ctx->registration);

    return (rc_args == MP_TOKEN_MISSING) ? rc : rc_args;
}


static mp_token_rc_t
ngx_http_marketplace_token_from_body(ngx_http_marketplace_ctx_t *ctx)
{
    mp_str_t             body, type;
    mp_token_rc_t        rc;
    mp_token_rule_t      rule;
    ngx_http_request_t  *r;

    r = ctx->request;

    rc = ngx_http_marketplace_get_body(r,
                                     ngx_http_marketplace_body_max(ctx->conf),
                                     &body);
    if (rc != MP_TOKEN_OK) {
        return (rc == MP_TOKEN_TOO_LARGE && ctx->session_key)
               ? MP_TOKEN_MISSING : rc;
    }

    if (body.len == 0) {
        return MP_TOKEN_MISSING;
    }

    if (r->headers_in.content_type == NULL) {
        return MP_TOKEN_UNSUPPORTED;
    }

    type = ngx_http_marketplace_mp(&r->headers_in.content_type->value);
    rule = ngx_http_marketplace_rule(r, ctx->conf);

    rc = mp_token_from_body(&ctx->registration, &rule, type, body);

    /* who has a session may send the application what is no registration */

    return (rc == MP_TOKEN_INVALID && ctx->session_key
            && mp_str_find(body, rule.field) == body.len)
           ? MP_TOKEN_MISSING : rc;
}


static mp_token_rc_t
ngx_http_marketplace_token_from_args(ngx_http_request_t *r,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_registration_t *registration)
{
    mp_token_rule_t  rule;

    rule = ngx_http_marketplace_rule(r, mlcf);

    return mp_token_from_query(registration, &rule,
                               ngx_http_marketplace_mp(&r->args));
}


static mp_token_rule_t
ngx_http_marketplace_rule(ngx_http_request_t *r,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    mp_token_rule_t  rule;

    rule.field = ngx_http_marketplace_mp(&mlcf->token_field);
    rule.max_len = mlcf->token_max_size;
    rule.pool.alloc = ngx_http_marketplace_alloc;
    rule.pool.pool = r->pool;

    return rule;
}


void *
ngx_http_marketplace_alloc(void *pool, size_t size)
{
    return ngx_pnalloc(pool, size);
}


/*
 * Takes a query with a token out of the request line as logs print it.  That
 * is before anything else: the request may be refused and logged before it has
 * come to the location that takes tokens there.
 */

ngx_int_t
ngx_http_marketplace_hide_args_handler(ngx_http_request_t *r)
{
    u_char  *args, *protocol, *p, *last;

    last = r->request_line.data + r->request_line.len;

    if (r != r->main
        || !ngx_http_marketplace_has_query_field(r)
        || (args = ngx_strlchr(r->request_line.data, last, '?')) == NULL)
    {
        return NGX_DECLINED;
    }

    for (protocol = args; protocol < last && *protocol != ' '; protocol++) {
        /* void */
    }

    p = ngx_pnalloc(r->pool, r->request_line.len + sizeof("..."));
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    last = ngx_sprintf(p, "%*s?...%*s",
                       (size_t) (args - r->request_line.data),
                       r->request_line.data,
                       (size_t) (last - protocol), protocol);

    r->request_line.data = p;
    r->request_line.len = last - p;

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_marketplace_has_query_field(ngx_http_request_t *r)
{
    ngx_str_t                        *field;
    ngx_uint_t                        i;
    ngx_array_t                      *fields;
    ngx_http_marketplace_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_marketplace_module);
    fields = &mlcf->server->query_fields;
    field = fields->elts;

    for (i = 0; i < fields->nelts; i++) {
        if (mp_query_has_field(ngx_http_marketplace_mp(&r->args),
                               ngx_http_marketplace_mp(&field[i])))
        {
            return 1;
        }
    }

    return 0;
}


static off_t
ngx_http_marketplace_body_max(ngx_http_marketplace_loc_conf_t *mlcf)
{
    return ngx_max(NGX_HTTP_MARKETPLACE_BODY_MAX,
                   4 * (off_t) mlcf->token_max_size);
}


/* The body as one string: where it lies, if it lies in one piece. */

static mp_token_rc_t
ngx_http_marketplace_get_body(ngx_http_request_t *r, off_t max, mp_str_t *body)
{
    off_t         len;
    ngx_buf_t    *buf;
    ngx_chain_t  *cl;

    body->len = 0;
    body->data = NULL;

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return MP_TOKEN_OK;
    }

    len = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        len += ngx_buf_size(cl->buf);
    }

    if (len > max) {
        return MP_TOKEN_TOO_LARGE;
    }

    cl = r->request_body->bufs;
    buf = cl->buf;

    if (cl->next == NULL && ngx_buf_in_memory(buf)) {
        body->data = buf->pos;
        body->len = len;

        return MP_TOKEN_OK;
    }

    return ngx_http_marketplace_copy_body(r, len, body);
}


static mp_token_rc_t
ngx_http_marketplace_copy_body(ngx_http_request_t *r, size_t len,
    mp_str_t *body)
{
    size_t        size;
    u_char       *p;
    ssize_t       n;
    ngx_buf_t    *buf;
    ngx_chain_t  *cl;

    p = ngx_pnalloc(r->pool, len + 1);
    if (p == NULL) {
        return MP_TOKEN_NO_MEMORY;
    }

    body->data = p;
    body->len = len;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {

        buf = cl->buf;
        size = ngx_buf_size(buf);

        /* a body may end with a buffer that has neither memory nor file */

        if (size == 0) {
            continue;
        }

        if (ngx_buf_in_memory(buf)) {
            p = ngx_cpymem(p, buf->pos, size);
            continue;
        }

        n = ngx_read_file(buf->file, p, size, buf->file_pos);

        if (n == NGX_ERROR || (size_t) n != size) {
            return MP_TOKEN_NO_MEMORY;
        }

        p += size;
    }

    return MP_TOKEN_OK;
}


/* Goes on with what came of looking for the token.  Like all that follows it
 * returns the verdict, or NGX_AGAIN if that has to wait for AWS. */

static ngx_int_t
ngx_http_marketplace_registered(ngx_http_marketplace_ctx_t *ctx,
    mp_token_rc_t rc)
{
    ctx->request->connection->log->action = "resolving registration";

    if ((rc == MP_TOKEN_MISSING || rc == MP_TOKEN_UNSUPPORTED)
        && ctx->session_key)
    {
        return ngx_http_marketplace_conclude(ctx);
    }

    /* whoever registers now is who counts */

    ngx_http_marketplace_forget_customer(ctx);

    if (ngx_http_marketplace_set_headers(ctx, 0) != NGX_OK) {
        return ngx_http_marketplace_abandon(ctx);
    }

    switch (rc) {

    case MP_TOKEN_OK:
        ctx->offer_type = ctx->registration.offer_type;
        return ngx_http_marketplace_begin(ctx);

    case MP_TOKEN_MISSING:
        return ngx_http_marketplace_fail(ctx, &mp_missing_token);

    case MP_TOKEN_INVALID:
    case MP_TOKEN_UNSUPPORTED:
        return ngx_http_marketplace_fail(ctx, &mp_invalid_request);

    case MP_TOKEN_TOO_LARGE:
        return ngx_http_marketplace_fail(ctx, &mp_token_too_large);

    default: /* MP_TOKEN_NO_MEMORY */
        return ngx_http_marketplace_abandon(ctx);
    }
}


void
ngx_http_marketplace_forget_customer(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_memzero(&ctx->customer, sizeof(mp_customer_t));
    ngx_memzero(&ctx->offer_type, sizeof(mp_str_t));

    ctx->cache_status = NGX_HTTP_MARKETPLACE_NO_STATUS;
    ctx->session_key = NULL;
}


void
ngx_http_marketplace_reject_product(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_memzero(&ctx->customer, sizeof(mp_customer_t));

    ctx->error = mp_product_code_mismatch;
    ngx_http_marketplace_log_error(ctx);
}


ngx_uint_t
ngx_http_marketplace_is_product_of(ngx_http_marketplace_ctx_t *ctx,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    mp_str_t     product;
    ngx_str_t   *code;
    ngx_uint_t   i;

    if (mlcf->product_codes == NULL) {
        return 1;
    }

    product = ctx->customer.field[MP_PRODUCT_CODE];
    code = mlcf->product_codes->elts;

    for (i = 0; i < mlcf->product_codes->nelts; i++) {
        if (mp_str_eq(product, ngx_http_marketplace_mp(&code[i]))) {
            return 1;
        }
    }

    return 0;
}


/* Takes the customer that AWS has named, if the location does. */

ngx_int_t
ngx_http_marketplace_accept(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_int_t          rc;
    const mp_error_t  *error;

    error = &mp_product_code_mismatch;

    if (ngx_http_marketplace_is_product_of(ctx, ctx->conf)) {

        rc = ctx->conf->session ? ngx_http_marketplace_begin_session(ctx)
                                : NGX_OK;
        if (rc == NGX_OK) {
            return ngx_http_marketplace_conclude(ctx);
        }

        if (rc == NGX_ERROR) {
            return ngx_http_marketplace_abandon(ctx);
        }

        error = &mp_session_too_large;
    }

    ngx_memzero(&ctx->customer, sizeof(mp_customer_t));

    return ngx_http_marketplace_fail(ctx, error);
}


ngx_int_t
ngx_http_marketplace_fail(ngx_http_marketplace_ctx_t *ctx,
    const mp_error_t *error)
{
    ctx->error = *error;

    ngx_http_marketplace_log_error(ctx);

    /* that this request had no time left says nothing to others */

    if (!ngx_http_marketplace_has_ended(ctx)) {
        ngx_http_marketplace_answer_fail(ctx);
    }

    return ngx_http_marketplace_conclude(ctx);
}


static ngx_int_t
ngx_http_marketplace_conclude(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_http_marketplace_stop(ctx);

    ctx->state = NGX_HTTP_MARKETPLACE_RESOLVED;
    ctx->time = ngx_current_msec - ctx->start;
    ctx->request->connection->log->action = NULL;

    /* whoever comes with a session and without a token is not resolved */

    if (ctx->session_key == NULL) {
        ngx_http_marketplace_count_resolve(ctx,
                                        mp_status_outcome(ctx->error.name));
    }

    if (ctx->error.name.len
        && ctx->conf->resolve == NGX_HTTP_MARKETPLACE_ON)
    {
        return ngx_http_marketplace_refuse(ctx);
    }

    if (ngx_http_marketplace_set_headers(ctx, ctx->conf->request_headers)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return (ctx->conf->redirect && ctx->error.name.len == 0
            && ctx->session_key == NULL)
           ? ngx_http_marketplace_redirect_client(ctx->request,
                                                  ctx->conf->redirect)
           : NGX_DECLINED;
}


static ngx_int_t
ngx_http_marketplace_refuse(ngx_http_marketplace_ctx_t *ctx)
{
    static const ngx_str_t  seconds =
        ngx_string(NGX_HTTP_MARKETPLACE_RETRY_AFTER);

    ctx->refused = 1;

    if (ngx_http_marketplace_set_headers(ctx, 0) != NGX_OK
        || (ctx->error.status == NGX_HTTP_SERVICE_UNAVAILABLE
            && ngx_http_marketplace_add_response_header(ctx->request,
                                                        "Retry-After", seconds)
               == NULL))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ctx->error.status;
}


/* The machine is out of memory or the like: there is no result.  Behind a
 * subrequest that is half made no response can be sent any more. */

ngx_int_t
ngx_http_marketplace_abandon(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_http_marketplace_stop(ctx);

    ctx->state = NGX_HTTP_MARKETPLACE_ABANDONED;
    ctx->time = ngx_current_msec - ctx->start;
    ctx->request->connection->log->action = NULL;

    ngx_http_marketplace_count_resolve(ctx, MP_OUTCOME_INTERNAL_ERROR);

    return ctx->exchange.half_made ? NGX_ERROR
                                   : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


ngx_table_elt_t *
ngx_http_marketplace_add_response_header(ngx_http_request_t *r,
    const char *name, ngx_str_t value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = value;

    return h;
}


/* One line that tells the operator what happened and what to do. */

static void
ngx_http_marketplace_log_error(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_str_t          name, key, message;
    ngx_log_t         *log;
    const mp_error_t  *error;

    static const ngx_uint_t  levels[] = {
        NGX_LOG_INFO,     /* MP_FAULT_BUYER */
        NGX_LOG_WARN,     /* MP_FAULT_PRODUCT */
        NGX_LOG_ERR,      /* MP_FAULT_SERVICE */
        NGX_LOG_ERR       /* MP_FAULT_OPERATOR */
    };

    log = ctx->request->connection->log;
    error = &ctx->error;
    name = ngx_http_marketplace_ngx(error->name);

    if (ctx->state != NGX_HTTP_MARKETPLACE_CALLING) {
        ngx_log_error(levels[error->fault], log, 0, "marketplace: %V%s: %s",
                      &name,
                      ctx->state == NGX_HTTP_MARKETPLACE_SIGNING
                      ? " while getting credentials" : "", error->advice);
        return;
    }

    key = ngx_http_marketplace_ngx(ctx->keys->keys.access_key);
    ngx_str_null(&message);

    if (ctx->aws_error) {
        message.data = ctx->aws_error->message;
        message.len = ctx->aws_error->message_len;
    }

    ngx_log_error(levels[error->fault], log, 0,
                  "marketplace: ResolveCustomer failed: %V: \"%V\", "
                  "status %V, request id \"%V\", endpoint %V, region %V, "
                  "access key %V: %s",
                  &name, &message, &ctx->statuses, &ctx->request_id,
                  &ctx->conf->metering.host, &ctx->conf->region, &key,
                  error->advice);
}
