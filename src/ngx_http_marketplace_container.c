/*
 * The credentials of a container: of a task of ECS, or a pod of EKS with a Pod
 * Identity.
 */

#include "ngx_http_marketplace_credentials.h"


static ngx_int_t ngx_http_marketplace_container_request(
    ngx_http_marketplace_fetch_t *fetch);
static ngx_int_t ngx_http_marketplace_container_reply(
    ngx_http_marketplace_fetch_t *fetch);


#define NGX_HTTP_MARKETPLACE_NO_AGENT                                         \
    "is the agent of ECS or of EKS Pod Identity running, and may nginx reach "\
    "it?"


ngx_http_marketplace_issuer_t  ngx_http_marketplace_container = {
    .unreachable = NGX_HTTP_MARKETPLACE_NO_AGENT,
    .silent = NGX_HTTP_MARKETPLACE_NO_AGENT,
    .refused = "does the task or the pod's service account have a role, and "
               "are the AWS_CONTAINER_... variables those of this container?",
    .create_request = ngx_http_marketplace_container_request,
    .process_reply = ngx_http_marketplace_container_reply
};


static ngx_int_t
ngx_http_marketplace_container_request(ngx_http_marketplace_fetch_t *fetch)
{
    ngx_int_t                       rc;
    mp_plain_request_t              request;
    ngx_http_marketplace_source_t  *source;

    source = fetch->source;

    if (source->token_file.len) {
        rc = ngx_http_marketplace_fetch_read_token(fetch);

        if (rc != NGX_OK) {
            return rc;
        }

    } else {
        fetch->token = ngx_http_marketplace_mp(&source->authorization);
    }

    ngx_memzero(&request, sizeof(mp_plain_request_t));

    request.method = mp_str_from("GET");
    request.path = ngx_http_marketplace_mp(&source->path);
    request.header = mp_str_from("Authorization");
    request.value = fetch->token;

    return ngx_http_marketplace_fetch_send_plain(fetch, &request);
}


static ngx_int_t
ngx_http_marketplace_container_reply(ngx_http_marketplace_fetch_t *fetch)
{
    return ngx_http_marketplace_fetch_take(fetch, mp_credentials_document);
}
