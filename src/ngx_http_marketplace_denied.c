/*
 * Who was denied by access control or a limit, and is shown the page of that
 * error: it is no place to register.
 *
 * The page cannot tell by the status, which "error_page ... =" overwrites, and
 * which may be any.  So a request's location is remembered in front of access
 * control and limits, and forgotten behind them.
 */

#include "ngx_http_marketplace.h"


typedef struct {
    ngx_http_core_loc_conf_t  *entered;    /* and not passed */
    unsigned                   denied:1;
} ngx_http_marketplace_entry_t;


static ngx_uint_t ngx_http_marketplace_may_be_resolved(ngx_http_request_t *r);
static void ngx_http_marketplace_entry_cleanup(void *data);


/* In the PREACCESS phase. */

ngx_int_t
ngx_http_marketplace_enter_handler(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_marketplace_entry_t  *entry;

    if (r != r->main || !ngx_http_marketplace_may_be_resolved(r)) {
        return NGX_DECLINED;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    entry = ngx_http_marketplace_find_data(r,
                                           ngx_http_marketplace_entry_cleanup);

    if (entry == NULL) {

        if (clcf->error_pages == NULL) {
            return NGX_DECLINED;
        }

        cln = ngx_pool_cleanup_add(r->pool,
                                   sizeof(ngx_http_marketplace_entry_t));
        if (cln == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        cln->handler = ngx_http_marketplace_entry_cleanup;

        entry = cln->data;
        entry->denied = 0;

    } else {
        entry->denied = ngx_http_marketplace_is_denied(r);
    }

    entry->entered = clcf;

    return NGX_DECLINED;
}


void
ngx_http_marketplace_pass(ngx_http_request_t *r)
{
    ngx_http_marketplace_entry_t  *entry;

    entry = ngx_http_marketplace_find_data(r,
                                           ngx_http_marketplace_entry_cleanup);

    if (entry) {
        entry->entered = NULL;
    }
}


/* Other modules, too, can redirect a request from where it is checked, but they
 * make no error page of it. */

ngx_uint_t
ngx_http_marketplace_is_denied(ngx_http_request_t *r)
{
    ngx_http_marketplace_entry_t  *entry;

    entry = ngx_http_marketplace_find_data(r,
                                           ngx_http_marketplace_entry_cleanup);

    return entry
           && (entry->denied
               || (entry->entered
                   && (r->error_page
                       || entry->entered->recursive_error_pages)));
}


static ngx_uint_t
ngx_http_marketplace_may_be_resolved(ngx_http_request_t *r)
{
    ngx_http_marketplace_main_conf_t  *mmcf;

    mmcf = ngx_http_get_module_main_conf(r, ngx_http_marketplace_module);

    return r->method == NGX_HTTP_POST || mmcf->args;
}


/* Only to be found by. */

static void
ngx_http_marketplace_entry_cleanup(void *data)
{
    /* void */
}
