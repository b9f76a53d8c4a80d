/*
 * The session: a cookie that keeps the customer from the resolve on, for any
 * nginx that has the key.  A cookie that is not as it has to be is taken off,
 * and the request goes on without a customer.
 */

#include "ngx_http_marketplace_credentials.h"


/* in seconds */
#define NGX_HTTP_MARKETPLACE_SESSION_TTL  3600
#define NGX_HTTP_MARKETPLACE_SESSION_MAX  (400 * 24 * 3600)

/* of the whole of a Set-Cookie: browsers promise no more */
#define NGX_HTTP_MARKETPLACE_COOKIE_MAX   4096

#define NGX_HTTP_MARKETPLACE_OTHER_PRODUCT                                    \
    "it is for a product that marketplace_product_code does not name"


struct ngx_http_marketplace_session_s {
    ngx_str_t                         cookie;     /* its name */
    time_t                            ttl;
    unsigned                          secure:1;   /* only over TLS */
    unsigned                          pass:1;     /* to the backend */
    ngx_array_t                       keys;       /* of mp_session_key_t */
};


static const char *ngx_http_marketplace_set_cookie_name(ngx_conf_t *cf,
    ngx_http_marketplace_session_t *session, ngx_str_t *name);
static const char *ngx_http_marketplace_set_session(
    ngx_http_marketplace_session_t *session, ngx_str_t *ttl, ngx_str_t *pass);
static ngx_int_t ngx_http_marketplace_read_keys(ngx_conf_t *cf,
    ngx_http_marketplace_session_t *session, ngx_str_t *file);
static ngx_int_t ngx_http_marketplace_add_keys(ngx_conf_t *cf,
    ngx_http_marketplace_session_t *session, ngx_str_t *file, mp_str_t text);
static void ngx_http_marketplace_cleanse_keys(void *data);

static ngx_int_t ngx_http_marketplace_find_session(ngx_http_request_t *r,
    ngx_http_marketplace_loc_conf_t *mlcf);
static ngx_int_t ngx_http_marketplace_read_cookies(ngx_http_request_t *r,
    ngx_http_marketplace_loc_conf_t *mlcf);
static ngx_int_t ngx_http_marketplace_open_session(
    ngx_http_marketplace_ctx_t *ctx, ngx_http_marketplace_loc_conf_t *mlcf,
    mp_str_t value, const char **wrong);
static ngx_int_t ngx_http_marketplace_session_filter(ngx_http_request_t *r);
static void ngx_http_marketplace_forget_session(
    ngx_http_marketplace_ctx_t *ctx);
static ngx_uint_t ngx_http_marketplace_has_result(
    ngx_http_marketplace_ctx_t *ctx);
static ngx_int_t ngx_http_marketplace_check_customer(
    ngx_http_marketplace_ctx_t *ctx, ngx_http_marketplace_loc_conf_t *mlcf);
static ngx_int_t ngx_http_marketplace_end_session(
    ngx_http_marketplace_ctx_t *ctx, ngx_http_marketplace_session_t *session,
    const char *wrong);
static ngx_uint_t ngx_http_marketplace_has_key(
    ngx_http_marketplace_session_t *session, const mp_session_key_t *key);

static size_t ngx_http_marketplace_cookie_room(
    ngx_http_marketplace_session_t *session);
static u_char *ngx_http_marketplace_begin_cookie(u_char *p,
    ngx_http_marketplace_session_t *session);
static void ngx_http_marketplace_set_cookie(
    ngx_http_marketplace_ctx_t *ctx, ngx_http_marketplace_session_t *session,
    u_char *start, u_char *last, time_t age);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


char *
ngx_http_marketplace_session(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_marketplace_loc_conf_t  *mlcf = conf;

    ngx_str_t                       *value, file, cookie, ttl, pass;
    ngx_uint_t                       i;
    const char                      *wrong;
    ngx_http_marketplace_session_t  *session;

    if (mlcf->session != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    ngx_http_marketplace_use(cf);

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        mlcf->session = NULL;
        return NGX_CONF_OK;
    }

    ngx_str_null(&file);
    ngx_str_null(&cookie);
    ngx_str_null(&ttl);
    ngx_str_null(&pass);

    for (i = 1; i < cf->args->nelts; i++) {

        if (!ngx_http_marketplace_param(&value[i], "key=", &file)
            && !ngx_http_marketplace_param(&value[i], "cookie=", &cookie)
            && !ngx_http_marketplace_param(&value[i], "ttl=", &ttl)
            && !ngx_http_marketplace_param(&value[i], "pass=", &pass))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"marketplace_session\", it must be \"off\" "
                               "alone, or \"key=...\", \"cookie=...\", "
                               "\"ttl=...\" or \"pass=...\", each once",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    session = ngx_pcalloc(cf->pool, sizeof(ngx_http_marketplace_session_t));
    if (session == NULL) {
        return NGX_CONF_ERROR;
    }

    wrong = ngx_http_marketplace_set_cookie_name(cf, session, &cookie);

    if (wrong == NULL) {
        wrong = ngx_http_marketplace_set_session(session, &ttl, &pass);
    }

    if (wrong == NULL && file.len == 0) {
        wrong = "needs \"key=\", the file with the keys that sign the cookie";
    }

    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"marketplace_session\" %s",
                           wrong);
        return NGX_CONF_ERROR;
    }

    mlcf->session = session;

    return (ngx_http_marketplace_read_keys(cf, session, &file) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* A name with a prefix is safe against other hosts of the domain: browsers
 * take it only from this one, over TLS. */

static const char *
ngx_http_marketplace_set_cookie_name(ngx_conf_t *cf,
    ngx_http_marketplace_session_t *session, ngx_str_t *name)
{
    static const ngx_str_t  host = ngx_string("__Host-");
    static const ngx_str_t  secure = ngx_string("__Secure-");
    static const ngx_str_t  cookie = ngx_string("__Host-marketplace");

    session->cookie = name->data ? *name : cookie;
    name = &session->cookie;

    if (name->len == 0
        || !mp_str_is_made_of(ngx_http_marketplace_mp(name), MP_WORD))
    {
        return "takes as \"cookie=\" a name of letters, digits and any of "
               "-_.";
    }

    session->secure = ngx_strncasecmp(name->data, host.data, host.len) == 0
                      || ngx_strncasecmp(name->data, secure.data, secure.len)
                         == 0;

    if (!session->secure) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "marketplace: the cookie \"%V\" has no prefix "
                           "\"__Host-\": browsers send it over plain http, "
                           "too, and take it from other hosts of the domain, "
                           "which is for local development only", name);
    }

    return NULL;
}


static const char *
ngx_http_marketplace_set_session(ngx_http_marketplace_session_t *session,
    ngx_str_t *ttl, ngx_str_t *pass)
{
    session->ttl = ttl->data ? ngx_parse_time(ttl, 1)
                             : NGX_HTTP_MARKETPLACE_SESSION_TTL;

    if (session->ttl == NGX_ERROR || session->ttl == 0
        || session->ttl > NGX_HTTP_MARKETPLACE_SESSION_MAX)
    {
        return "takes as \"ttl=\" a time above zero, like \"1h\", and at "
               "most \"400d\", for which browsers keep a cookie";
    }

    if (pass->data == NULL || ngx_strcmp(pass->data, "off") == 0) {
        return NULL;
    }

    session->pass = 1;

    return (ngx_strcmp(pass->data, "on") == 0)
           ? NULL : "takes as \"pass=\" either \"on\" or \"off\"";
}


static ngx_int_t
ngx_http_marketplace_read_keys(ngx_conf_t *cf,
    ngx_http_marketplace_session_t *session, ngx_str_t *file)
{
    ngx_err_t         err;
    ngx_int_t         rc;
    ngx_str_t         text;
    const char       *wrong;
    ngx_file_info_t   fi;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    wrong = ngx_http_marketplace_read_file(file, &text, &fi, &err, cf->log);

    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "the key file \"%V\" of \"marketplace_session\" %s",
                           file, wrong);
        return NGX_ERROR;
    }

    if (ngx_is_file(&fi) && (fi.st_mode & (S_IRWXO|S_IWGRP))) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "marketplace: \"chmod 600\" the key file \"%V\": "
                           "others than its owner can read or write it, and "
                           "whoever has a key can be any customer", file);
    }

    rc = ngx_http_marketplace_add_keys(cf, session, file,
                                       ngx_http_marketplace_mp(&text));

    ngx_http_marketplace_free_file(&text);

    return rc;
}


static ngx_int_t
ngx_http_marketplace_add_keys(ngx_conf_t *cf,
    ngx_http_marketplace_session_t *session, ngx_str_t *file, mp_str_t text)
{
    mp_str_t             line, rest;
    ngx_uint_t           n;
    const char          *wrong;
    mp_session_key_t    *key;
    ngx_pool_cleanup_t  *cln;

    for (n = 0, rest = text; mp_session_next_key(&rest, &line); n++) {

        wrong = mp_session_check_key(line);

        if (wrong) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "key %ui in the key file \"%V\" of "
                               "\"marketplace_session\" %s, \"openssl rand "
                               "-hex 32\" makes one that is good",
                               n + 1, file, wrong);
            return NGX_ERROR;
        }
    }

    if (n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no key in the key file \"%V\" of "
                           "\"marketplace_session\", \"openssl rand -hex 32\" "
                           "makes one", file);
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (cln == NULL
        || ngx_array_init(&session->keys, cf->pool, n,
                          sizeof(mp_session_key_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_marketplace_cleanse_keys;
    cln->data = &session->keys;

    while (mp_session_next_key(&text, &line)) {
        key = ngx_array_push(&session->keys);
        mp_session_key(key, line, ngx_http_marketplace_mp(&session->cookie));
    }

    return NGX_OK;
}


static void
ngx_http_marketplace_cleanse_keys(void *data)
{
    ngx_array_t  *keys = data;

    OPENSSL_cleanse(keys->elts, keys->nelts * keys->size);
}


/*
 * In front of access control, so that its subrequests have the customer, and
 * not the cookie.
 */

ngx_int_t
ngx_http_marketplace_session_handler(ngx_http_request_t *r)
{
    ngx_uint_t                        on;
    ngx_http_marketplace_ctx_t       *ctx;
    ngx_http_marketplace_loc_conf_t  *mlcf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_marketplace_module);

    if (ngx_http_marketplace_find_session(r, mlcf) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (mlcf->session && !mlcf->session->pass
        && ngx_http_marketplace_take_cookie_off(r, &mlcf->session->cookie)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_marketplace_get_ctx(r);

    if (ctx == NULL) {
        return NGX_DECLINED;
    }

    ctx->settled = 1;

    /* an internal redirect may have led to a location for other products, or
     * without headers */

    on = ngx_http_marketplace_has_result(ctx);

    if ((on && (mlcf->session || mlcf->resolve != NGX_HTTP_MARKETPLACE_OFF)
         && ngx_http_marketplace_check_customer(ctx, mlcf) != NGX_OK)
        || ngx_http_marketplace_set_headers(ctx, on && mlcf->request_headers)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/* As if there had been no look. */

static void
ngx_http_marketplace_forget_session(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_http_marketplace_forget_customer(ctx);

    ngx_str_null(&ctx->set_cookie);

    ctx->session = NULL;
    ctx->set_cookie_of = NULL;
}


/* Whether the application is to know the customer, or the error. */

static ngx_uint_t
ngx_http_marketplace_has_result(ngx_http_marketplace_ctx_t *ctx)
{
    return ctx->session_key
           || (ctx->state == NGX_HTTP_MARKETPLACE_RESOLVED && !ctx->refused);
}


ngx_int_t
ngx_http_marketplace_look_for_session(ngx_http_request_t *r)
{
    ngx_http_marketplace_ctx_t       *ctx;
    ngx_http_marketplace_loc_conf_t  *mlcf;

    ctx = ngx_http_marketplace_get_ctx(r);

    if (ctx && ctx->settled) {
        return NGX_OK;
    }

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_marketplace_module);

    return ngx_http_marketplace_find_session(r, mlcf);
}


ngx_uint_t
ngx_http_marketplace_may_know(ngx_http_marketplace_ctx_t *ctx,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    if (ctx->session_key && mlcf->session
        && !ngx_http_marketplace_has_key(mlcf->session, ctx->session_key))
    {
        return 0;
    }

    return ctx->error.name.len
           || (mlcf->session == NULL
               && mlcf->resolve == NGX_HTTP_MARKETPLACE_OFF)
           || ngx_http_marketplace_is_product_of(ctx, mlcf);
}


static ngx_int_t
ngx_http_marketplace_find_session(ngx_http_request_t *r,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = ngx_http_marketplace_get_ctx(r);

    /* a variable may have had a look, by the settings of the server */

    if (ctx && !ctx->settled
        && ctx->state == NGX_HTTP_MARKETPLACE_UNRESOLVED
        && (ctx->session != mlcf->session
            || ctx->products != mlcf->product_codes))
    {
        ngx_http_marketplace_forget_session(ctx);
    }

    if (mlcf->session == NULL) {
        return NGX_OK;
    }

    if (ctx == NULL) {
        return ngx_http_marketplace_read_cookies(r, mlcf);
    }

    /* the session of another location counts where its key does */

    if (ctx->session_key) {
        return ngx_http_marketplace_has_key(mlcf->session, ctx->session_key)
               ? NGX_OK : ngx_http_marketplace_read_cookies(r, mlcf);
    }

    return (ctx->state == NGX_HTTP_MARKETPLACE_UNRESOLVED
            && ctx->session != mlcf->session)
           ? ngx_http_marketplace_read_cookies(r, mlcf) : NGX_OK;
}


/* Takes the first one that is good; there is only one, unless somebody has
 * planted others. */

static ngx_int_t
ngx_http_marketplace_read_cookies(ngx_http_request_t *r,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    mp_str_t                         value;
    const char                      *wrong;
    ngx_http_marketplace_ctx_t      *ctx;
    ngx_http_marketplace_cookies_t   cookies;

    ctx = ngx_http_marketplace_get_ctx(r);

    if (ctx) {
        ctx->session = mlcf->session;
        ctx->products = mlcf->product_codes;
        ngx_http_marketplace_forget_customer(ctx);
    }

    wrong = NULL;
    ngx_http_marketplace_first_cookie(r, &cookies);

    while (ngx_http_marketplace_next_cookie(&cookies, &mlcf->session->cookie,
                                            &value))
    {
        if (ctx == NULL) {
            ctx = ngx_http_marketplace_create_ctx(r);

            if (ctx == NULL) {
                return NGX_ERROR;
            }

            ctx->session = mlcf->session;
            ctx->products = mlcf->product_codes;
        }

        if (ngx_http_marketplace_open_session(ctx, mlcf, value, &wrong)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (wrong == NULL) {
            return NGX_OK;
        }
    }

    if (ctx && ctx->state == NGX_HTTP_MARKETPLACE_RESOLVED) {

        /* nor had it a token, in the location before */

        ctx->error = mp_missing_token;
    }

    return wrong ? ngx_http_marketplace_end_session(ctx, mlcf->session, wrong)
                 : NGX_OK;
}


/* Tells why it is no session, or NULL if it now is the request's. */

static ngx_int_t
ngx_http_marketplace_open_session(ngx_http_marketplace_ctx_t *ctx,
    ngx_http_marketplace_loc_conf_t *mlcf, mp_str_t value, const char **wrong)
{
    u_char                  *buf;
    time_t                   now;
    ngx_array_t             *keys;
    mp_session_t             session;
    const mp_session_key_t  *key;

    keys = &mlcf->session->keys;
    now = ngx_time() + ngx_http_marketplace_clock(
                                             ngx_http_marketplace_main(ctx));

    buf = ngx_pnalloc(ctx->request->pool, 2 * value.len + 8);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    *wrong = mp_session_open(&session, buf, value, keys->elts, keys->nelts,
                             now, &key);
    if (*wrong) {
        return NGX_OK;
    }

    ngx_memcpy(ctx->customer.field, session.field, sizeof(session.field));

    if (!ngx_http_marketplace_is_product_of(ctx, mlcf)) {
        ngx_http_marketplace_forget_customer(ctx);
        *wrong = NGX_HTTP_MARKETPLACE_OTHER_PRODUCT;

        return NGX_OK;
    }

    ctx->offer_type = session.offer_type;
    ctx->session_key = key;
    ctx->cache_status = NGX_HTTP_MARKETPLACE_SESSION;

    return NGX_OK;
}


static ngx_int_t
ngx_http_marketplace_check_customer(ngx_http_marketplace_ctx_t *ctx,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    if (ctx->error.name.len || ngx_http_marketplace_is_product_of(ctx, mlcf)) {
        return NGX_OK;
    }

    if (ctx->session_key == NULL) {
        ngx_http_marketplace_reject_product(ctx);
        return NGX_OK;
    }

    ngx_http_marketplace_forget_customer(ctx);

    if (ctx->state == NGX_HTTP_MARKETPLACE_RESOLVED) {
        ctx->error = mp_missing_token;
    }

    return ngx_http_marketplace_end_session(ctx, mlcf->session,
                                           NGX_HTTP_MARKETPLACE_OTHER_PRODUCT);
}


static ngx_int_t
ngx_http_marketplace_end_session(ngx_http_marketplace_ctx_t *ctx,
    ngx_http_marketplace_session_t *session, const char *wrong)
{
    u_char  *p;

    ngx_log_error(NGX_LOG_INFO, ctx->request->connection->log, 0,
                  "marketplace: the session's cookie is not used: %s", wrong);

    if (session == NULL) {
        return NGX_OK;
    }

    p = ngx_pnalloc(ctx->request->pool,
                    ngx_http_marketplace_cookie_room(session));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_marketplace_set_cookie(ctx, session, p,
                                 ngx_http_marketplace_begin_cookie(p, session),
                                    0);

    return NGX_OK;
}


static ngx_uint_t
ngx_http_marketplace_has_key(ngx_http_marketplace_session_t *session,
    const mp_session_key_t *key)
{
    ngx_uint_t         i;
    mp_session_key_t  *keys;

    keys = session->keys.elts;

    for (i = 0; i < session->keys.nelts; i++) {
        if (CRYPTO_memcmp(keys[i].code, key->code, sizeof(key->code)) == 0) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_marketplace_begin_session(ngx_http_marketplace_ctx_t *ctx)
{
    size_t                           len, room;
    u_char                          *p, *last;
    mp_session_t                     session;
    ngx_http_marketplace_session_t  *conf;

    conf = ctx->conf->session;

    session.issued = ngx_time() + ngx_http_marketplace_clock(
                                              ngx_http_marketplace_main(ctx));
    session.expires = session.issued + conf->ttl;
    session.offer_type = ctx->offer_type;

    ngx_memcpy(session.field, ctx->customer.field, sizeof(session.field));

    len = mp_session_len(&session);
    room = ngx_http_marketplace_cookie_room(conf);

    if (len > NGX_HTTP_MARKETPLACE_COOKIE_MAX
        || len + room > NGX_HTTP_MARKETPLACE_COOKIE_MAX)
    {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(ctx->request->pool, room + mp_session_room(&session));
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = mp_session_seal(ngx_http_marketplace_begin_cookie(p, conf),
                           &session, conf->keys.elts);

    ngx_http_marketplace_set_cookie(ctx, conf, p, last, conf->ttl);

    return NGX_OK;
}


static size_t
ngx_http_marketplace_cookie_room(ngx_http_marketplace_session_t *session)
{
    return session->cookie.len + NGX_TIME_T_LEN
           + sizeof("=; Path=/; Max-Age=; Secure; HttpOnly; SameSite=Lax");
}


static u_char *
ngx_http_marketplace_begin_cookie(u_char *p,
    ngx_http_marketplace_session_t *session)
{
    p = ngx_cpymem(p, session->cookie.data, session->cookie.len);
    *p++ = '=';

    return p;
}


/* Completes a cookie, which so far has its name and value, with its age in
 * seconds.  One that ends a session does not take the place of one that begins
 * another. */

static void
ngx_http_marketplace_set_cookie(ngx_http_marketplace_ctx_t *ctx,
    ngx_http_marketplace_session_t *session, u_char *start, u_char *last,
    time_t age)
{
    if (age == 0 && ctx->set_cookie_of && ctx->set_cookie_of != session) {
        return;
    }

    last = ngx_sprintf(last, "; Path=/; Max-Age=%T%s; HttpOnly; SameSite=Lax",
                       age, session->secure ? "; Secure" : "");

    ctx->set_cookie_of = session;
    ctx->set_cookie.data = start;
    ctx->set_cookie.len = last - start;
}


void
ngx_http_marketplace_add_session_filter(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_marketplace_session_filter;
}


/* Not earlier: nginx empties the headers of a response for a backend's 103, and
 * where a filter makes an error of it. */

static ngx_int_t
ngx_http_marketplace_session_filter(ngx_http_request_t *r)
{
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = (r == r->main) ? ngx_http_marketplace_get_ctx(r) : NULL;

    if (ctx && ctx->set_cookie.len
        && ngx_http_marketplace_add_response_header(r, "Set-Cookie",
                                                    ctx->set_cookie)
           == NULL)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}
