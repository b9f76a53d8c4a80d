/*
 * The resolved customer as request headers, the same for every kind of
 * backend; and the removal of those that a client sends.
 */

#include "ngx_http_marketplace.h"


#define NGX_HTTP_MARKETPLACE_HEADERS  6


static ngx_int_t ngx_http_marketplace_add_header(ngx_http_request_t *r,
    ngx_uint_t i, mp_str_t value);
static ngx_int_t ngx_http_marketplace_remove_headers(ngx_http_request_t *r,
    ngx_uint_t ours);
static ngx_uint_t ngx_http_marketplace_is_ours(ngx_table_elt_t *h);
static ngx_uint_t ngx_http_marketplace_is_foreign(ngx_table_elt_t *h);


static struct {
    ngx_str_t  name;
    ngx_str_t  lowcase;
} ngx_http_marketplace_headers[NGX_HTTP_MARKETPLACE_HEADERS] = {

    /* the customer's fields, by their index */
    { ngx_string("X-Marketplace-Customer-AWS-Account-Id"),
      ngx_string("x-marketplace-customer-aws-account-id") },
    { ngx_string("X-Marketplace-License-Arn"),
      ngx_string("x-marketplace-license-arn") },
    { ngx_string("X-Marketplace-Customer-Identifier"),
      ngx_string("x-marketplace-customer-identifier") },
    { ngx_string("X-Marketplace-Product-Code"),
      ngx_string("x-marketplace-product-code") },

    { ngx_string("X-Marketplace-Offer-Type"),
      ngx_string("x-marketplace-offer-type") },
    { ngx_string("X-Marketplace-Error"),
      ngx_string("x-marketplace-error") }
};

#define NGX_HTTP_MARKETPLACE_OFFER_TYPE_HEADER  4
#define NGX_HTTP_MARKETPLACE_ERROR_HEADER       5


ngx_int_t
ngx_http_marketplace_set_headers(ngx_http_marketplace_ctx_t *ctx,
    ngx_uint_t on)
{
    ngx_uint_t           i;
    ngx_http_request_t  *r;

    r = ctx->request;

    if (ctx->headers && ngx_http_marketplace_remove_headers(r, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->headers = on;

    if (!on) {
        return NGX_OK;
    }

    for (i = 0; i < MP_CUSTOMER_FIELDS; i++) {

        if (ngx_http_marketplace_add_header(r, i, ctx->customer.field[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_marketplace_add_header(r,
                                        NGX_HTTP_MARKETPLACE_OFFER_TYPE_HEADER,
                                        ctx->offer_type)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_marketplace_add_header(r,
                                           NGX_HTTP_MARKETPLACE_ERROR_HEADER,
                                           ctx->error.name);
}


/* What is empty has no header. */

static ngx_int_t
ngx_http_marketplace_add_header(ngx_http_request_t *r, ngx_uint_t i,
    mp_str_t value)
{
    ngx_table_elt_t  *h;

    if (value.len == 0) {
        return NGX_OK;
    }

    /* a request of HTTP/0.9 has no headers, not even a list of them */

    if (r->headers_in.headers.last == NULL
        && ngx_list_init(&r->headers_in.headers, r->pool,
                         NGX_HTTP_MARKETPLACE_HEADERS, sizeof(ngx_table_elt_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key = ngx_http_marketplace_headers[i].name;
    h->lowcase_key = ngx_http_marketplace_headers[i].lowcase.data;
    h->hash = ngx_hash_key(h->lowcase_key, h->key.len);
    h->value = ngx_http_marketplace_ngx(value);

    return NGX_OK;
}


/*
 * The phases of a request start with the server's rewrite rules or, for a
 * named location, with the location's: nginx answers some requests from an
 * error page without an earlier phase.
 */

ngx_int_t
ngx_http_marketplace_strip_named_handler(ngx_http_request_t *r)
{
    return r->internal ? ngx_http_marketplace_strip_handler(r)
                       : NGX_DECLINED;
}


ngx_int_t
ngx_http_marketplace_strip_handler(ngx_http_request_t *r)
{
    if (r == r->main && ngx_http_marketplace_remove_headers(r, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/* Removes our own headers, or those that a client has made up. */

static ngx_int_t
ngx_http_marketplace_remove_headers(ngx_http_request_t *r, ngx_uint_t ours)
{
    ngx_uint_t        i;
    ngx_list_t       *headers;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    headers = &r->headers_in.headers;

    for (part = &headers->part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (!(ours ? ngx_http_marketplace_is_ours(&h[i])
                       : ngx_http_marketplace_is_foreign(&h[i])))
            {
                continue;
            }

            if (!ours) {
                ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                              "marketplace: client sent header \"%V\", "
                              "removed", &h[i].key);
            }

            if (ngx_http_marketplace_remove_header(headers, part, i)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            /* what followed it is in the next part now */

            break;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_marketplace_is_ours(ngx_table_elt_t *h)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_MARKETPLACE_HEADERS; i++) {
        if (h->key.data == ngx_http_marketplace_headers[i].name.data) {
            return 1;
        }
    }

    return 0;
}


/*
 * Whether a header has the name of one of ours and is not ours.  Applications
 * read names without case, and many take "_" and other bytes for "-".
 */

static ngx_uint_t
ngx_http_marketplace_is_foreign(ngx_table_elt_t *h)
{
    u_char      c, *name;
    size_t      n;
    ngx_str_t  *ours;
    ngx_uint_t  i;

    if (h->key.len < sizeof("x-marketplace-") || (h->key.data[0] | 0x20) != 'x')
    {
        return 0;
    }

    for (i = 0; i < NGX_HTTP_MARKETPLACE_HEADERS; i++) {

        ours = &ngx_http_marketplace_headers[i].lowcase;
        name = h->key.data;

        if (h->key.len != ours->len
            || name == ngx_http_marketplace_headers[i].name.data)
        {
            continue;
        }

        for (n = 0; n < ours->len; n++) {

            c = ngx_tolower(name[n]);

            if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) {
                c = '-';
            }

            if (c != ours->data[n]) {
                break;
            }
        }

        if (n == ours->len) {
            return 1;
        }
    }

    return 0;
}


/*
 * Elements stay where they are, because r->headers_in points to some of them:
 * the part ends in front of the removed one, and a new part has what follows.
 * nginx expects every part but the first to have an element.
 */

ngx_int_t
ngx_http_marketplace_remove_header(ngx_list_t *headers, ngx_list_part_t *part,
    ngx_uint_t i)
{
    ngx_list_part_t  *rest, *prev;

    if (i + 1 < part->nelts) {

        rest = ngx_palloc(headers->pool, sizeof(ngx_list_part_t));
        if (rest == NULL) {
            return NGX_ERROR;
        }

        rest->elts = (ngx_table_elt_t *) part->elts + i + 1;
        rest->nelts = part->nelts - i - 1;
        rest->next = part->next;

        part->next = rest;
    }

    part->nelts = i;

    if (i == 0 && part != &headers->part) {

        for (prev = &headers->part; prev->next != part; prev = prev->next) {
            /* void */
        }

        prev->next = part->next;
    }

    /* a last part that counts as full is never added to */

    for (part = &headers->part; part->next; part = part->next) {
        /* void */
    }

    headers->last = part;

    if (part->nelts) {
        headers->nalloc = part->nelts;
    }

    return NGX_OK;
}
