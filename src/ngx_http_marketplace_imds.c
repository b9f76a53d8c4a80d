/*
 * EC2's instance metadata, version 2: a session, the name of the instance's
 * role, and the role's credentials.
 */

#include "ngx_http_marketplace_credentials.h"


/* in seconds */
#define NGX_HTTP_MARKETPLACE_SESSION_TTL   21600
#define NGX_HTTP_MARKETPLACE_SESSION_TEXT  "21600"

#define NGX_HTTP_MARKETPLACE_SESSION_MAX   1024
#define NGX_HTTP_MARKETPLACE_ROLE_MAX      256

#define NGX_HTTP_MARKETPLACE_ROLES                                            \
    "/latest/meta-data/iam/security-credentials/"


static ngx_int_t ngx_http_marketplace_imds_session_request(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_imds_session_reply(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_imds_request(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_imds_reply(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_imds_role(
    ngx_http_marketplace_fetch_t *fetch, mp_str_t body);


#define NGX_HTTP_MARKETPLACE_NO_IMDS                                          \
    "is this an EC2 instance, and may nginx reach its metadata? If it gets "  \
    "its credentials from elsewhere, name that with marketplace_credentials"


/* The answer to a request for a session is not passed on by as many routers as
 * others are: to a container that is one too many. */

ngx_http_marketplace_issuer_t  ngx_http_marketplace_imds_session = {
    .unreachable = NGX_HTTP_MARKETPLACE_NO_IMDS,
    .silent = "if nginx runs in a container, the instance's hop limit is too "
              "low: aws ec2 modify-instance-metadata-options --instance-id ID "
              "--http-put-response-hop-limit 2",
    .create_request = ngx_http_marketplace_imds_session_request,
    .process_reply = ngx_http_marketplace_imds_session_reply
};


ngx_http_marketplace_issuer_t  ngx_http_marketplace_imds = {
    .stable = 1,
    .unreachable = NGX_HTTP_MARKETPLACE_NO_IMDS,
    .refused = "does the instance have an instance profile with a role?",
    .create_request = ngx_http_marketplace_imds_request,
    .process_reply = ngx_http_marketplace_imds_reply
};


static ngx_int_t
ngx_http_marketplace_imds_session_request(ngx_http_marketplace_fetch_t *fetch)
{
    mp_plain_request_t  request;

    ngx_memzero(&request, sizeof(mp_plain_request_t));

    request.method = mp_str_from("PUT");
    request.path = mp_str_from("/latest/api/token");
    request.header = mp_str_from("X-aws-ec2-metadata-token-ttl-seconds");
    request.value = mp_str_from(NGX_HTTP_MARKETPLACE_SESSION_TEXT);

    return ngx_http_marketplace_fetch_send_plain(fetch, &request);
}


static ngx_int_t
ngx_http_marketplace_imds_session_reply(ngx_http_marketplace_fetch_t *fetch)
{
    mp_credentials_t  keys;

    ngx_memzero(&keys, sizeof(mp_credentials_t));

    keys.session_token = mp_str_trim(fetch->ctx->exchange.reply.body);

    if (keys.session_token.len == 0
        || keys.session_token.len > NGX_HTTP_MARKETPLACE_SESSION_MAX
        || !mp_str_is_made_of(keys.session_token, MP_VISIBLE))
    {
        fetch->problem = "the answer is not a session token";
        return NGX_DECLINED;
    }

    fetch->fetched = ngx_http_marketplace_create_keys(&keys,
                                 ngx_time() + NGX_HTTP_MARKETPLACE_SESSION_TTL,
                                 fetch->ctx->request->connection->log);

    return fetch->fetched ? NGX_OK : NGX_ERROR;
}


/* The first step asks for the name of the role, the second for its
 * credentials. */

static ngx_int_t
ngx_http_marketplace_imds_request(ngx_http_marketplace_fetch_t *fetch)
{
    u_char              *p;
    ngx_str_t            path;
    mp_plain_request_t   request;

    ngx_memzero(&request, sizeof(mp_plain_request_t));

    if (fetch->step == 0) {
        ngx_str_null(&fetch->instance_role);
    }

    path.data = ngx_pnalloc(fetch->ctx->request->pool,
                            sizeof(NGX_HTTP_MARKETPLACE_ROLES)
                            + fetch->instance_role.len);
    if (path.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(path.data, NGX_HTTP_MARKETPLACE_ROLES "%V",
                    &fetch->instance_role);
    path.len = p - path.data;

    request.method = mp_str_from("GET");
    request.path = ngx_http_marketplace_mp(&path);
    request.header = mp_str_from("X-aws-ec2-metadata-token");
    request.value = fetch->base->keys->keys.session_token;

    return ngx_http_marketplace_fetch_send_plain(fetch, &request);
}


static ngx_int_t
ngx_http_marketplace_imds_reply(ngx_http_marketplace_fetch_t *fetch)
{
    if (fetch->step == 0) {
        return ngx_http_marketplace_imds_role(fetch,
                                             fetch->ctx->exchange.reply.body);
    }

    return ngx_http_marketplace_fetch_take(fetch, mp_credentials_document);
}


static ngx_int_t
ngx_http_marketplace_imds_role(ngx_http_marketplace_fetch_t *fetch,
    mp_str_t body)
{
    body.len = mp_str_chr(body, '\n');
    body = mp_str_trim(body);

    if (body.len == 0 || body.len > NGX_HTTP_MARKETPLACE_ROLE_MAX
        || !mp_str_is_made_of(body, MP_RESOURCE))
    {
        fetch->problem = "the instance's role has no name";
        return NGX_DECLINED;
    }

    if (ngx_http_marketplace_keep(fetch->ctx->request->pool, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    fetch->instance_role = ngx_http_marketplace_ngx(body);

    return NGX_AGAIN;
}
