/*
 * The cookies of a request that have one name: read, and taken off.
 */

#include "ngx_http_marketplace.h"


static ngx_int_t ngx_http_marketplace_take_pairs_off(ngx_http_request_t *r,
    ngx_table_elt_t *header, ngx_str_t *name);
static void ngx_http_marketplace_forget_cookie_header(
    ngx_http_headers_in_t *headers, ngx_table_elt_t *h);
static ngx_table_elt_t *ngx_http_marketplace_next_header(
    ngx_http_marketplace_cookies_t *cookies);
static mp_str_t ngx_http_marketplace_next_pair(mp_str_t *rest);
static ngx_uint_t ngx_http_marketplace_is_named(mp_str_t pair,
    ngx_str_t *name);


ngx_int_t
ngx_http_marketplace_take_cookie_off(ngx_http_request_t *r, ngx_str_t *name)
{
    mp_str_t                         value;
    ngx_table_elt_t                 *h;
    ngx_http_marketplace_cookies_t   cookies;

    ngx_http_marketplace_first_cookie(r, &cookies);

    while (ngx_http_marketplace_next_cookie(&cookies, name, &value)) {

        h = cookies.header;

        if (ngx_http_marketplace_take_pairs_off(r, h, name) != NGX_OK) {
            return NGX_ERROR;
        }

        cookies.rest.len = 0;

        if (h->value.len) {
            continue;
        }

        ngx_http_marketplace_forget_cookie_header(&r->headers_in, h);

        if (ngx_http_marketplace_remove_header(cookies.headers, cookies.part,
                                               cookies.next - 1)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_marketplace_take_pairs_off(ngx_http_request_t *r,
    ngx_table_elt_t *header, ngx_str_t *name)
{
    u_char     *p;
    mp_str_t    rest, pair;
    ngx_str_t   value;

    /* every semicolon may be followed by a space that was not there */

    value.data = ngx_pnalloc(r->pool, 2 * header->value.len);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    p = value.data;
    rest = ngx_http_marketplace_mp(&header->value);

    while (rest.len) {

        pair = ngx_http_marketplace_next_pair(&rest);

        if (pair.len == 0 || ngx_http_marketplace_is_named(pair, name)) {
            continue;
        }

        if (p != value.data) {
            *p++ = ';';
            *p++ = ' ';
        }

        p = mp_copy(p, pair);
    }

    value.len = p - value.data;
    header->value = value;

    return NGX_OK;
}


/* Of nginx's own list, from which $http_cookie is made. */

static void
ngx_http_marketplace_forget_cookie_header(ngx_http_headers_in_t *headers,
    ngx_table_elt_t *h)
{
#if (nginx_version >= 1023000)

    ngx_table_elt_t  **next;

    for (next = &headers->cookie; *next; next = &(*next)->next) {

        if (*next == h) {
            *next = h->next;
            return;
        }
    }

#else

    ngx_uint_t         i;
    ngx_table_elt_t  **elts;

    elts = headers->cookies.elts;

    for (i = 0; i < headers->cookies.nelts; i++) {

        if (elts[i] == h) {
            headers->cookies.nelts--;
            ngx_memmove(&elts[i], &elts[i + 1],
                        (headers->cookies.nelts - i) * sizeof(elts[0]));
            return;
        }
    }

#endif
}


void
ngx_http_marketplace_first_cookie(ngx_http_request_t *r,
    ngx_http_marketplace_cookies_t *cookies)
{
    ngx_memzero(cookies, sizeof(ngx_http_marketplace_cookies_t));

    cookies->headers = &r->headers_in.headers;
    cookies->part = &r->headers_in.headers.part;
}


ngx_uint_t
ngx_http_marketplace_next_cookie(ngx_http_marketplace_cookies_t *cookies,
    ngx_str_t *name, mp_str_t *value)
{
    mp_str_t  pair;

    for ( ;; ) {

        while (cookies->rest.len) {

            pair = ngx_http_marketplace_next_pair(&cookies->rest);

            if (ngx_http_marketplace_is_named(pair, name)) {
                value->data = pair.data + name->len + 1;
                value->len = pair.len - name->len - 1;

                return 1;
            }
        }

        cookies->header = ngx_http_marketplace_next_header(cookies);

        if (cookies->header == NULL) {
            return 0;
        }

        cookies->rest = ngx_http_marketplace_mp(&cookies->header->value);
    }
}


/* The next header that is "Cookie"; HTTP/1 may have several. */

static ngx_table_elt_t *
ngx_http_marketplace_next_header(ngx_http_marketplace_cookies_t *cookies)
{
    ngx_table_elt_t  *h;

    for ( ;; ) {

        while (cookies->next >= cookies->part->nelts) {

            cookies->part = cookies->part->next;
            cookies->next = 0;

            if (cookies->part == NULL) {
                return NULL;
            }
        }

        h = cookies->part->elts;
        h += cookies->next++;

        if (h->key.len == sizeof("Cookie") - 1
            && ngx_strncasecmp(h->key.data, (u_char *) "Cookie", h->key.len)
               == 0)
        {
            return h;
        }
    }
}


/* Up to the next semicolon; may be empty. */

static mp_str_t
ngx_http_marketplace_next_pair(mp_str_t *rest)
{
    mp_str_t  pair;

    pair.data = rest->data;
    pair.len = mp_str_chr(*rest, ';');

    rest->data += pair.len;
    rest->len -= pair.len;

    if (rest->len) {
        rest->data++;
        rest->len--;
    }

    return mp_str_trim(pair);
}


static ngx_uint_t
ngx_http_marketplace_is_named(mp_str_t pair, ngx_str_t *name)
{
    return pair.len > name->len
           && ngx_memcmp(pair.data, name->data, name->len) == 0
           && pair.data[name->len] == '=';
}
