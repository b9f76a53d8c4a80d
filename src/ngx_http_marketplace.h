/*
 * ngx_http_marketplace_module: AWS Marketplace registrations, resolved at the
 * edge.  What the files on nginx's side of the module share.
 *
 * The way of a request is in ngx_http_marketplace_resolve.c.
 */

#ifndef _NGX_HTTP_MARKETPLACE_H_INCLUDED_
#define _NGX_HTTP_MARKETPLACE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "aws/mp_endpoint.h"
#include "aws/mp_error.h"
#include "aws/mp_http_reply.h"
#include "aws/mp_request.h"
#include "aws/mp_resolve_customer.h"
#include "token/mp_token.h"


#define NGX_HTTP_MARKETPLACE_OFF       0
#define NGX_HTTP_MARKETPLACE_ON        1
#define NGX_HTTP_MARKETPLACE_OPTIONAL  2

#define NGX_HTTP_MARKETPLACE_BODY      1
#define NGX_HTTP_MARKETPLACE_ARGS      2


#define NGX_HTTP_MARKETPLACE_SECRETS   4


/* Where credentials came from, and they themselves; without an access key if
 * nothing was found. */
typedef struct {
    ngx_str_t                         source;
    mp_credentials_t                  keys;
} ngx_http_marketplace_credentials_t;


/* The settings that a TLS context is made from. */
typedef struct {
    ngx_uint_t                        protocols;
    ngx_str_t                         ciphers;
    ngx_flag_t                        verify;
    ngx_uint_t                        verify_depth;
    ngx_str_t                         trusted_certificate;
} ngx_http_marketplace_tls_t;


typedef struct {
    ngx_http_marketplace_tls_t        settings;
    ngx_ssl_t                        *ssl;
} ngx_http_marketplace_tls_context_t;


/* The addresses of a host, looked up when the configuration was read. */
typedef struct {
    ngx_str_t                         host;
    in_port_t                         port;
    ngx_http_upstream_srv_conf_t     *upstream;
} ngx_http_marketplace_address_t;


typedef struct {
    ngx_uint_t                        used;    /* marketplace_resolve is */
    ngx_uint_t                        args;    /* ... with tokens in queries */

    /* made once for all locations that share their settings */
    ngx_array_t                       tls;
    ngx_array_t                       addresses;
    ngx_http_marketplace_credentials_t  *credentials;
} ngx_http_marketplace_main_conf_t;


/* A directive's place in the configuration, for what is found wrong later. */
typedef struct {
    u_char                           *file;
    ngx_uint_t                        line;
} ngx_http_marketplace_place_t;


typedef struct {
    ngx_uint_t                        resolve;
    ngx_http_marketplace_place_t      resolve_place;

    ngx_str_t                         token_field;
    ngx_uint_t                        token_source;
    size_t                            token_max_size;
    ngx_array_t                      *product_codes;    /* of ngx_str_t */

    ngx_str_t                         region;
    ngx_str_t                         endpoint;
    ngx_http_marketplace_place_t      endpoint_place;
    ngx_http_marketplace_credentials_t  *credentials;
    ngx_msec_t                        timeout;
    ngx_http_marketplace_tls_t        tls;

    /* timeouts; and, made from the settings above, how to reach AWS */
    ngx_http_upstream_conf_t          upstream;
    ngx_http_upstream_srv_conf_t     *upstream_block;   /* if one is named */
    ngx_str_t                         host;             /* as signed */
    ngx_str_t                         resolver_name;    /* empty: fixed
                                                         * addresses */
    in_port_t                         resolver_port;
    mp_scope_t                        scope;
    mp_signing_key_t                  signing_key;      /* of today */
} ngx_http_marketplace_loc_conf_t;


/*
 * One HTTP exchange with an AWS endpoint, as a subrequest.  request and conf
 * are the caller's, and so is the exchange; they live as long as the request.
 */
typedef struct {
    ngx_str_t                         name;       /* for the log */
    ngx_http_marketplace_loc_conf_t  *conf;
    ngx_buf_t                        *request;

    ngx_http_request_t               *subrequest;
    ngx_event_get_peer_pt             get_peer;   /* the upstream block's */
    ngx_uint_t                        tries;      /* connections tried */
    ngx_uint_t                        done;

    /* NGX_OK: reply is here; NGX_DECLINED: what came is no reply; NGX_ABORT:
     * given up; otherwise the status that nginx gives to what happened */
    ngx_int_t                         rc;
    mp_http_reply_t                   reply;
} ngx_http_marketplace_exchange_t;


typedef enum {
    NGX_HTTP_MARKETPLACE_READING = 0,
    NGX_HTTP_MARKETPLACE_CALLING,
    NGX_HTTP_MARKETPLACE_RESOLVED,
    NGX_HTTP_MARKETPLACE_ABANDONED
} ngx_http_marketplace_state_e;


/* A resolve, from the body to the identity.  It lives as long as the request
 * does, internal redirects included. */
typedef struct {
    ngx_http_request_t               *request;
    ngx_http_marketplace_loc_conf_t  *conf;
    ngx_http_marketplace_state_e      state;
    ngx_int_t                         verdict;    /* for the phase engine */
    ngx_uint_t                        refused;    /* with an error's status */

    mp_registration_t                 registration;
    mp_customer_t                     customer;
    mp_error_t                        error;      /* no name: none */
    mp_aws_error_t                   *aws_error;  /* what AWS said of it */
    ngx_str_t                         request_id;
    ngx_str_t                         statuses;

    ngx_msec_t                        start;
    ngx_msec_t                        time;
    ngx_event_t                       deadline;

    /* of what was sent to AWS: the signature, the session token, and the
     * token as it is and as it was escaped; empty if nothing was sent */
    mp_str_t                          secrets[NGX_HTTP_MARKETPLACE_SECRETS];

    ngx_http_marketplace_exchange_t   exchange;
} ngx_http_marketplace_ctx_t;


/* Strings of one side for the other; the bytes stay where they are. */

static ngx_inline mp_str_t
ngx_http_marketplace_mp(ngx_str_t *str)
{
    mp_str_t  text;

    text.len = str->len;
    text.data = str->data;

    return text;
}


static ngx_inline ngx_str_t
ngx_http_marketplace_ngx(mp_str_t text)
{
    ngx_str_t  str;

    str.len = text.len;
    str.data = (u_char *) text.data;

    return str;
}


/* ngx_http_marketplace_credentials.c: the directive, and what a location uses
 * without it.  NGX_OK, or NGX_ERROR with a message. */
char *ngx_http_marketplace_credentials(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_marketplace_set_credentials(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf);


/* ngx_http_marketplace_endpoint.c: makes of a location's settings how AWS is
 * reached.  NGX_OK, or NGX_ERROR with a message. */
ngx_int_t ngx_http_marketplace_set_endpoint(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf);

/* Tells whether TLS settings can be used.  Where they cannot, logs it with
 * the current line of the configuration and returns NGX_ERROR. */
ngx_int_t ngx_http_marketplace_check_ca(ngx_conf_t *cf, ngx_str_t *file);
ngx_int_t ngx_http_marketplace_check_ciphers(ngx_conf_t *cf,
    ngx_str_t *ciphers);


/* ngx_http_marketplace_exchange.c: for "init module", and as peer.init of an
 * upstream that stands for an upstream block. */
ngx_int_t ngx_http_marketplace_exchange_init(ngx_cycle_t *cycle);
ngx_int_t ngx_http_marketplace_init_peer(ngx_http_request_t *sr,
    ngx_http_upstream_srv_conf_t *us);

/* Starts an exchange; when it is done, the phase handlers of r run again.
 * Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_marketplace_exchange(ngx_http_request_t *r,
    ngx_http_marketplace_exchange_t *exchange);

/* Ends an exchange that is not done; it then is, with rc NGX_ABORT.  Posted
 * requests have to be run after it. */
void ngx_http_marketplace_exchange_abort(
    ngx_http_marketplace_exchange_t *exchange);


/* ngx_http_marketplace_resolve.c: the phase handlers, and the resolve of a
 * request, or NULL if there was none. */
ngx_int_t ngx_http_marketplace_hide_args_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_marketplace_resolve_handler(ngx_http_request_t *r);
ngx_http_marketplace_ctx_t *ngx_http_marketplace_get_ctx(
    ngx_http_request_t *r);


/* ngx_http_marketplace_identity.c: the request headers.  The strip handler
 * removes those that a client sent. */
ngx_int_t ngx_http_marketplace_strip_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_marketplace_strip_named_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_marketplace_add_headers(ngx_http_marketplace_ctx_t *ctx);


/* ngx_http_marketplace_variables.c */
ngx_int_t ngx_http_marketplace_add_variables(ngx_conf_t *cf);


extern ngx_module_t  ngx_http_marketplace_module;


#endif /* _NGX_HTTP_MARKETPLACE_H_INCLUDED_ */
