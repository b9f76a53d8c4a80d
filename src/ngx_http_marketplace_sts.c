/*
 * A role's credentials from the Security Token Service: on the word of other
 * credentials, or of a token in a file that Kubernetes keeps up to date.
 */

#include "ngx_http_marketplace_credentials.h"


static ngx_int_t ngx_http_marketplace_sts_request(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_sts_reply(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_sts_send_unsigned(
    ngx_http_marketplace_fetch_t *fetch, mp_str_t body);
static ngx_int_t ngx_http_marketplace_sts_send_signed(
    ngx_http_marketplace_fetch_t *fetch, mp_str_t body);


#define NGX_HTTP_MARKETPLACE_NO_STS                                           \
    "check that STS can be reached from here, by its name in this region or " \
    "at AWS_ENDPOINT_URL_STS, and that its certificate is one that "          \
    "marketplace_ssl_trusted_certificate vouches for"


ngx_http_marketplace_issuer_t  ngx_http_marketplace_sts = {
    .xml = 1,
    .signs = 1,
    .unreachable = NGX_HTTP_MARKETPLACE_NO_STS,
    .silent = NGX_HTTP_MARKETPLACE_NO_STS,
    .create_request = ngx_http_marketplace_sts_request,
    .process_reply = ngx_http_marketplace_sts_reply
};


static ngx_int_t
ngx_http_marketplace_sts_request(ngx_http_marketplace_fetch_t *fetch)
{
    u_char     *p;
    mp_str_t    body;
    ngx_int_t   rc;

    if (fetch->source->base == NULL) {
        rc = ngx_http_marketplace_fetch_read_token(fetch);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    body.len = mp_sts_body_len(&fetch->source->role, fetch->token);

    p = ngx_pnalloc(fetch->ctx->request->pool, body.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body.data = p;
    mp_sts_body(p, &fetch->source->role, fetch->token);

    rc = fetch->source->base
         ? ngx_http_marketplace_sts_send_signed(fetch, body)
         : ngx_http_marketplace_sts_send_unsigned(fetch, body);

    OPENSSL_cleanse(p, body.len);

    return rc;
}


static ngx_int_t
ngx_http_marketplace_sts_send_unsigned(ngx_http_marketplace_fetch_t *fetch,
    mp_str_t body)
{
    mp_plain_request_t  request;

    ngx_memzero(&request, sizeof(mp_plain_request_t));

    request.method = mp_str_from("POST");
    request.path = mp_str_from("/");
    request.content_type = mp_str_from(MP_STS_FORM);
    request.body = body;

    return ngx_http_marketplace_fetch_send_plain(fetch, &request);
}


static ngx_int_t
ngx_http_marketplace_sts_send_signed(ngx_http_marketplace_fetch_t *fetch,
    mp_str_t body)
{
    size_t                len;
    ngx_buf_t            *buf;
    mp_scope_t           *scope;
    mp_credentials_t     *keys;
    mp_signing_key_t      key;
    mp_signed_request_t   request;

    ngx_http_marketplace_ctx_t  *ctx;

    ctx = fetch->ctx;
    keys = &fetch->base->keys->keys;
    scope = &fetch->source->scope;

    ctx->clock = ngx_http_marketplace_clock(ngx_http_marketplace_main(ctx));
    mp_amz_date(request.date, ngx_time() + ctx->clock);

    mp_signing_key(&key, request.date, keys->secret_key, scope);

    request.host = ngx_http_marketplace_mp(&fetch->source->endpoint->host);
    request.content_type = mp_str_from(MP_STS_FORM);
    request.target = mp_str_from("");
    request.session_token = keys->session_token;
    request.body = body;

    len = mp_request_head_len(&request, scope, keys->access_key);

    buf = ngx_create_temp_buf(fetch->ctx->request->pool, len + body.len);

    if (buf) {
        buf->last = mp_request_head(buf->last, &request, scope,
                                    keys->access_key, &key);
        fetch->signature = mp_request_signature(buf->last);
        buf->last = mp_copy(buf->last, body);

        fetch->ctx->exchange.request = buf;
    }

    OPENSSL_cleanse(&key, sizeof(mp_signing_key_t));

    return buf ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_marketplace_sts_reply(ngx_http_marketplace_fetch_t *fetch)
{
    return ngx_http_marketplace_fetch_take(fetch, mp_sts_reply);
}
