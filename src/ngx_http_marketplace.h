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
#include "aws/mp_retry.h"
#include "aws/mp_sts.h"
#include "session/mp_session.h"
#include "status/mp_status.h"
#include "token/mp_token.h"


extern ngx_module_t  ngx_http_marketplace_module;


#define NGX_HTTP_MARKETPLACE_OFF       0
#define NGX_HTTP_MARKETPLACE_ON        1
#define NGX_HTTP_MARKETPLACE_OPTIONAL  2

#define NGX_HTTP_MARKETPLACE_BODY      1
#define NGX_HTTP_MARKETPLACE_ARGS      2


#define NGX_HTTP_MARKETPLACE_SECRETS   4

/* the longest reply that is taken for one */
#define NGX_HTTP_MARKETPLACE_REPLY_MAX (16 * 1024)

/* of what is shared: as much of a SHA-256 as nobody can find another for */
#define NGX_HTTP_MARKETPLACE_ID_LEN    16

/* in milliseconds: who calls or fetches for others has stopped so long after
 * its time is over */
#define NGX_HTTP_MARKETPLACE_GRACE     1000


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


/* How a host is reached, made when the configuration is read. */
typedef struct {
    ngx_http_upstream_conf_t          upstream;
    ngx_http_upstream_srv_conf_t     *upstream_block;   /* if one is named */
    ngx_str_t                         host;             /* as sent */
    ngx_str_t                         resolver_name;    /* empty: fixed
                                                         * addresses */
    in_port_t                         resolver_port;
    ngx_uint_t                        keepalive;        /* idle connections */
    SSL_SESSION                      *session;          /* or NULL */
} ngx_http_marketplace_endpoint_t;


typedef struct ngx_http_marketplace_credentials_s
    ngx_http_marketplace_credentials_t;
typedef struct ngx_http_marketplace_source_s  ngx_http_marketplace_source_t;
typedef struct ngx_http_marketplace_fetch_s  ngx_http_marketplace_fetch_t;
typedef struct ngx_http_marketplace_session_s  ngx_http_marketplace_session_t;


/*
 * Credentials in the memory of this process, with how many use them; freed,
 * and overwritten, when nobody does.  What other secrets there are, a session
 * token of EC2's instance metadata, is kept in the same way.
 */
typedef struct {
    ngx_uint_t                        users;
    ngx_atomic_uint_t                 version;    /* of those in the zone */
    time_t                            expires;    /* 0: never */
    size_t                            size;
    mp_credentials_t                  keys;
} ngx_http_marketplace_keys_t;


/* A directive's place in the configuration, for what is found wrong later. */
typedef struct {
    u_char                           *file;
    ngx_uint_t                        line;
} ngx_http_marketplace_place_t;


typedef struct {
    ngx_uint_t                        used;    /* marketplace_resolve is */
    ngx_uint_t                        args;    /* ... with tokens in queries */
    ngx_cycle_t                      *cycle;
    size_t                            cache_size;
    ngx_shm_zone_t                   *zone;
    ngx_array_t                       files;   /* to be checked later */

    /* made once for all locations that share their settings */
    ngx_array_t                       tls;
    ngx_array_t                       addresses;
    ngx_array_t                       sources;   /* of pointers to them */
    ngx_http_marketplace_credentials_t  *credentials;    /* the default ones */
} ngx_http_marketplace_main_conf_t;


typedef struct ngx_http_marketplace_loc_conf_s
    ngx_http_marketplace_loc_conf_t;

struct ngx_http_marketplace_loc_conf_s {
    ngx_uint_t                        resolve;
    ngx_http_marketplace_place_t      resolve_place;

    ngx_str_t                         token_field;
    ngx_uint_t                        token_source;
    size_t                            token_max_size;

    /* the server's own, which has what its locations look for in queries */
    ngx_http_marketplace_loc_conf_t  *server;
    ngx_array_t                       query_fields;     /* of ngx_str_t */

    ngx_array_t                      *product_codes;    /* of ngx_str_t */

    ngx_flag_t                        request_headers;
    ngx_array_t                      *redirect;         /* its parts */
    ngx_http_marketplace_session_t   *session;          /* NULL: off */

    ngx_str_t                         region;
    ngx_str_t                         endpoint;
    ngx_http_marketplace_place_t      endpoint_place;
    ngx_http_marketplace_credentials_t  *credentials;
    mp_role_t                        *assume_role;
    ngx_msec_t                        timeout;
    ngx_uint_t                        tries;
    time_t                            cache_valid;    /* 0: off */
    ngx_http_marketplace_tls_t        tls;

    /* timeouts; and, made from the settings above, how to reach AWS */
    ngx_http_marketplace_endpoint_t   metering;
    ngx_http_marketplace_endpoint_t  *sts;        /* if it is needed */
    ngx_http_marketplace_source_t    *source;     /* of the credentials */
    u_char                            id[NGX_HTTP_MARKETPLACE_ID_LEN];

    mp_scope_t                        scope;
    ngx_http_marketplace_keys_t      *signing_keys;
    mp_signing_key_t                  signing_key;    /* of these, today */
};


/*
 * One HTTP exchange, as a subrequest.  request and endpoint are the caller's,
 * and so is the exchange; they live as long as the request.
 */
typedef struct {
    ngx_str_t                         name;       /* for the log */
    ngx_http_marketplace_endpoint_t  *endpoint;
    ngx_buf_t                        *request;
    unsigned                          secret:1;   /* the reply is */

    ngx_http_request_t               *subrequest;
    ngx_resolver_ctx_t               *resolving;
    ngx_http_upstream_resolved_t      resolved;
    ngx_event_get_peer_pt             get_peer;   /* nginx's own */
    ngx_event_free_peer_pt            free_peer;
    ngx_uint_t                        tries;      /* connections tried */
    unsigned                          connected:1;
    unsigned                          stale:1;    /* a block's kept one was */
    unsigned                          done:1;
    unsigned                          half_made:1;    /* and nobody's to end */

    /* NGX_OK: reply is here; NGX_DECLINED: what came is no reply; NGX_ABORT:
     * given up; otherwise the status that nginx gives to what happened */
    ngx_int_t                         rc;
    mp_http_reply_t                   reply;
} ngx_http_marketplace_exchange_t;


typedef enum {
    NGX_HTTP_MARKETPLACE_UNRESOLVED = 0,
    NGX_HTTP_MARKETPLACE_READING,
    NGX_HTTP_MARKETPLACE_ASKING,       /* whether another request knows */
    NGX_HTTP_MARKETPLACE_SIGNING,      /* or, rather, about to: first there
                                        * have to be credentials */
    NGX_HTTP_MARKETPLACE_CALLING,
    NGX_HTTP_MARKETPLACE_RETRYING,     /* in a moment */
    NGX_HTTP_MARKETPLACE_RESOLVED,
    NGX_HTTP_MARKETPLACE_ABANDONED
} ngx_http_marketplace_state_e;


/* What $marketplace_cache_status is. */
typedef enum {
    NGX_HTTP_MARKETPLACE_NO_STATUS = 0,
    NGX_HTTP_MARKETPLACE_MISS,
    NGX_HTTP_MARKETPLACE_HIT,
    NGX_HTTP_MARKETPLACE_SHARED,
    NGX_HTTP_MARKETPLACE_BYPASS,
    NGX_HTTP_MARKETPLACE_SESSION
} ngx_http_marketplace_cache_e;


/* A resolve, from the body to the identity, or what a session has kept of one.
 * It lives as long as the request does, internal redirects included. */
typedef struct {
    ngx_http_request_t               *request;
    ngx_http_marketplace_loc_conf_t  *conf;
    ngx_http_marketplace_state_e      state;
    ngx_int_t                         verdict;    /* for the phase engine */
    unsigned                          refused:1;  /* with an error's status */
    unsigned                          headers:1;  /* the request has ours */
    unsigned                          redirected:1;  /* the client, somewhere
                                                      * else */
    unsigned                          settled:1;  /* so is the session, by a
                                                   * location */

    /* whose cookie was looked for, and for which products; the key that has
     * signed it, if the customer is the session's; and the cookie that the
     * response sets */
    ngx_http_marketplace_session_t   *session;
    ngx_array_t                      *products;
    const mp_session_key_t           *session_key;
    ngx_str_t                         set_cookie;
    ngx_http_marketplace_session_t   *set_cookie_of;

    mp_registration_t                 registration;
    mp_customer_t                     customer;
    mp_str_t                          offer_type;
    mp_error_t                        error;      /* no name: none */
    mp_aws_error_t                   *aws_error;  /* what AWS said of it */
    ngx_str_t                         request_id;
    ngx_str_t                         statuses;

    /* in milliseconds of ngx_current_msec: when the resolve began, when it has
     * to end, and when what it does just now has to */
    ngx_msec_t                        start;
    ngx_msec_t                        end;
    ngx_msec_t                        cut;
    ngx_msec_t                        time;       /* that it took */
    ngx_event_t                       deadline;   /* at cut */

    ngx_uint_t                        attempts;   /* at the call */
    ngx_msec_t                        called;     /* when, last */
    unsigned                          in_flight:1;
    mp_retry_t                        retry;      /* why it is the last one */
    ngx_msec_t                        not_before; /* the next one */
    time_t                            clock;      /* as it was signed with */

    /* for another request to get credentials, or for another try */
    ngx_event_t                       wait;
    ngx_queue_t                       waiting;
    const u_char                     *awaited;

    /* the shared answer: which, which call for it, and whether that is made
     * by this request; and what all that is called in the end */
    u_char                            answer_id[NGX_HTTP_MARKETPLACE_ID_LEN];
    uint32_t                          call;
    unsigned                          leads:1;
    unsigned                          waited:1;
    ngx_http_marketplace_cache_e      cache_status;

    ngx_http_marketplace_fetch_t     *fetch;
    ngx_http_marketplace_keys_t      *keys;       /* that sign */
    ngx_http_marketplace_keys_t      *refused_keys;    /* by AWS */
    unsigned                          renewed:1;  /* once, because of that */

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


/* Whether an exchange of the request is under way. */

static ngx_inline ngx_uint_t
ngx_http_marketplace_is_exchanging(ngx_http_marketplace_ctx_t *ctx)
{
    return ctx->exchange.subrequest && !ctx->exchange.done;
}


static ngx_inline ngx_http_marketplace_main_conf_t *
ngx_http_marketplace_main(ngx_http_marketplace_ctx_t *ctx)
{
    return ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_marketplace_module);
}


/* ngx_http_marketplace_module.c: for every directive of a location that, by
 * itself, makes the configuration one that uses the module. */
void ngx_http_marketplace_use(ngx_conf_t *cf);


/* ngx_http_marketplace_credentials.c: the directives. */
char *ngx_http_marketplace_credentials(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_marketplace_assume_role(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Whether an argument is this parameter, with its "=", and the first one of
 * that name: value, until then without data, is what follows. */
ngx_uint_t ngx_http_marketplace_param(ngx_str_t *arg, const char *name,
    ngx_str_t *value);


/* ngx_http_marketplace_source.c: makes of a location's settings where its
 * credentials come from.  NGX_OK, or NGX_ERROR with a message. */
ngx_int_t ngx_http_marketplace_set_source(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf);


/*
 * ngx_http_marketplace_fetch.c: gets the credentials of the request's location
 * as ctx->keys.  Returns NGX_OK, NGX_AGAIN (the phase handlers run again when
 * there is something new), NGX_DECLINED if there are none, with the reason in
 * the log, or NGX_ERROR.
 */
ngx_int_t ngx_http_marketplace_obtain(ngx_http_marketplace_ctx_t *ctx);

/* After AWS did not accept the credentials: has obtain() get new ones.
 * Returns NGX_OK, or NGX_DECLINED if there can be no others. */
ngx_int_t ngx_http_marketplace_renew(ngx_http_marketplace_ctx_t *ctx);

/* Lets go of all that, and whoever waits for this request go on. */
void ngx_http_marketplace_fetch_cleanup(ngx_http_marketplace_ctx_t *ctx);


/* ngx_http_marketplace_endpoint.c: makes of a location's settings how
 * Marketplace Metering and STS are reached, and another endpoint by its URL,
 * of which origin tells where it is from.  NGX_OK, or NGX_ERROR with a
 * message. */
ngx_int_t ngx_http_marketplace_set_metering(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf);
ngx_int_t ngx_http_marketplace_set_sts(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf);
ngx_int_t ngx_http_marketplace_set_endpoint(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf,
    ngx_http_marketplace_endpoint_t *endpoint, mp_endpoint_t *url,
    const char *origin);


/* ngx_http_marketplace_tls.c: for "init module". */
ngx_int_t ngx_http_marketplace_tls_init(ngx_cycle_t *cycle);

/* Has an endpoint use TLS as the location's settings say.  NGX_OK, or
 * NGX_ERROR with a message. */
ngx_int_t ngx_http_marketplace_set_tls(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf,
    ngx_http_marketplace_endpoint_t *endpoint);

/* Tells whether TLS settings can be used.  Where they cannot, logs it with
 * the current line of the configuration and returns NGX_ERROR. */
ngx_int_t ngx_http_marketplace_check_ca(ngx_conf_t *cf, ngx_str_t *file);
ngx_int_t ngx_http_marketplace_check_ciphers(ngx_conf_t *cf,
    ngx_str_t *ciphers);

/* Remembers that the endpoint has answered over a connection (NGX_OK, or
 * NGX_ERROR if that is impossible), and tells whether an endpoint for which
 * this connection is as good as a new one has. */
ngx_int_t ngx_http_marketplace_trust(ngx_connection_t *c,
    ngx_http_marketplace_endpoint_t *endpoint);
ngx_uint_t ngx_http_marketplace_is_trusted(ngx_connection_t *c,
    ngx_http_marketplace_endpoint_t *endpoint);


/* ngx_http_marketplace_exchange.c: as peer.init of an upstream of the module,
 * or of one that stands for an upstream block. */
ngx_int_t ngx_http_marketplace_init_peer(ngx_http_request_t *sr,
    ngx_http_upstream_srv_conf_t *us);
ngx_int_t ngx_http_marketplace_init_block_peer(ngx_http_request_t *sr,
    ngx_http_upstream_srv_conf_t *us);

/* Starts an exchange; when it is done, the phase handlers of r run again.
 * Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_marketplace_exchange(ngx_http_request_t *r,
    ngx_http_marketplace_exchange_t *exchange);

/* Ends an exchange that is not done; it then is, with rc NGX_ABORT.  Posted
 * requests have to be run after it. */
void ngx_http_marketplace_exchange_abort(
    ngx_http_marketplace_exchange_t *exchange);

/* The time in a header of a reply, NGX_ERROR if there is none. */
time_t ngx_http_marketplace_date(mp_str_t header);


/* ngx_http_marketplace_store.c: the zone that the workers share.  NGX_OK, or
 * NGX_ERROR with a message. */
char *ngx_http_marketplace_cache_size(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_marketplace_add_zone(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf);

/* By how many seconds the clock of this machine is known to be slow, and what
 * the Date of a reply tells of that. */
time_t ngx_http_marketplace_clock(ngx_http_marketplace_main_conf_t *mmcf);
void ngx_http_marketplace_learn_clock(ngx_http_marketplace_main_conf_t *mmcf,
    mp_str_t date);


/*
 * ngx_http_marketplace_call.c: begins to resolve ctx->registration.token, and
 * goes on with it.  They return the verdict of the request, or NGX_AGAIN; the
 * phase handlers then run again when there is something new.
 */
ngx_int_t ngx_http_marketplace_begin(ngx_http_marketplace_ctx_t *ctx);
ngx_int_t ngx_http_marketplace_go_on(ngx_http_marketplace_ctx_t *ctx);

/* ngx_http_marketplace_resolve.c: how that ends, with ctx->customer, an error,
 * or for want of memory.  They return the verdict. */
ngx_int_t ngx_http_marketplace_accept(ngx_http_marketplace_ctx_t *ctx);
ngx_int_t ngx_http_marketplace_fail(ngx_http_marketplace_ctx_t *ctx,
    const mp_error_t *error);
ngx_int_t ngx_http_marketplace_abandon(ngx_http_marketplace_ctx_t *ctx);


/*
 * ngx_http_marketplace_status.c: the directive; and what is counted: a resolve
 * by what it came to; that a call of AWS has begun, what came of it, and that
 * it is over, if it still goes on.
 */
char *ngx_http_marketplace_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_marketplace_count_resolve(ngx_http_marketplace_ctx_t *ctx,
    size_t outcome);
void ngx_http_marketplace_count_call_start(ngx_http_marketplace_ctx_t *ctx);
void ngx_http_marketplace_count_call(ngx_http_marketplace_ctx_t *ctx);
void ngx_http_marketplace_count_call_end(ngx_http_marketplace_ctx_t *ctx);


/* alloc of an mp_pool_t whose pool is an ngx_pool_t. */
void *ngx_http_marketplace_alloc(void *pool, size_t size);


/*
 * ngx_http_marketplace_answer.c: what the workers know of a token.  look
 * returns
 *
 *     NGX_OK        ctx->customer is the customer
 *     NGX_DECLINED  ctx->error is what the call that it waited for came to
 *     NGX_DONE      it is for this request to call AWS
 *     NGX_AGAIN     another request does, for which it has to wait
 *     NGX_ERROR     no memory
 *
 * Who was told NGX_DONE puts the customer, or fails with ctx->error; release
 * leaves the call to others.  All three do nothing for others.
 */
void ngx_http_marketplace_answer_id(ngx_http_marketplace_ctx_t *ctx);
ngx_int_t ngx_http_marketplace_answer_look(ngx_http_marketplace_ctx_t *ctx,
    ngx_msec_t deadline);
void ngx_http_marketplace_answer_put(ngx_http_marketplace_ctx_t *ctx);
void ngx_http_marketplace_answer_fail(ngx_http_marketplace_ctx_t *ctx);
void ngx_http_marketplace_answer_release(ngx_http_marketplace_ctx_t *ctx);


/* ngx_http_marketplace_wait.c: starts the time that a resolve has, sets when
 * what is done now has to end, tells whether that, or all of it, is over. */
void ngx_http_marketplace_start_clock(ngx_http_marketplace_ctx_t *ctx);
void ngx_http_marketplace_set_cut(ngx_http_marketplace_ctx_t *ctx,
    ngx_msec_t cut);
ngx_uint_t ngx_http_marketplace_is_over(ngx_http_marketplace_ctx_t *ctx);
ngx_uint_t ngx_http_marketplace_has_ended(ngx_http_marketplace_ctx_t *ctx);

/* Have the phase handlers run again: after so many milliseconds; or when
 * another request wakes those who wait for an id.  NGX_AGAIN or NGX_ERROR. */
ngx_int_t ngx_http_marketplace_wait(ngx_http_marketplace_ctx_t *ctx,
    ngx_msec_t delay);
ngx_int_t ngx_http_marketplace_await(ngx_http_marketplace_ctx_t *ctx,
    const u_char *id);
void ngx_http_marketplace_stop_waiting(ngx_http_marketplace_ctx_t *ctx);
void ngx_http_marketplace_wake(const u_char *id);

/* Ends all that may still happen, and what others wait for. */
void ngx_http_marketplace_stop(ngx_http_marketplace_ctx_t *ctx);


/* ngx_http_marketplace_keepalive.c: a kept connection to pc's address that is
 * as good as a new one, or NULL; and keeps one, which pc then has no longer
 * (NGX_OK), or does not (NGX_DECLINED).  After one that was silent close_kept
 * closes the others: what made an end of it will have done so with them. */
ngx_connection_t *ngx_http_marketplace_take_connection(
    ngx_http_marketplace_endpoint_t *endpoint, ngx_peer_connection_t *pc);
ngx_int_t ngx_http_marketplace_keep_connection(
    ngx_http_marketplace_endpoint_t *endpoint, ngx_peer_connection_t *pc);
void ngx_http_marketplace_close_kept(
    ngx_http_marketplace_endpoint_t *endpoint);
void ngx_http_marketplace_close_connection(ngx_connection_t *c);

/* Whether both ask for the same host by the same TLS settings. */
ngx_uint_t ngx_http_marketplace_is_same_host(
    ngx_http_marketplace_endpoint_t *a, ngx_http_marketplace_endpoint_t *b);


/*
 * ngx_http_marketplace_denied.c: the phase handler; that a request has passed
 * access control and limits; and whether, on its way here, it once did not and
 * was redirected to the page of that error.
 */
ngx_int_t ngx_http_marketplace_enter_handler(ngx_http_request_t *r);
void ngx_http_marketplace_pass(ngx_http_request_t *r);
ngx_uint_t ngx_http_marketplace_is_denied(ngx_http_request_t *r);


/* ngx_http_marketplace_resolve.c: the phase handlers, the resolve of a request
 * (NULL if there is none), and a new one (NULL if there is no memory). */
ngx_int_t ngx_http_marketplace_hide_args_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_marketplace_resolve_handler(ngx_http_request_t *r);
ngx_http_marketplace_ctx_t *ngx_http_marketplace_get_ctx(
    ngx_http_request_t *r);
ngx_http_marketplace_ctx_t *ngx_http_marketplace_create_ctx(
    ngx_http_request_t *r);

/* What a cleanup of the request's pool that calls handler has as its data, or
 * NULL.  Unlike contexts it is there after an internal redirect. */
void *ngx_http_marketplace_find_data(ngx_http_request_t *r,
    ngx_pool_cleanup_pt handler);

/* Whether the customer has bought one of the location's products; has him no
 * longer be the request's, without further ado or as an error. */
ngx_uint_t ngx_http_marketplace_is_product_of(ngx_http_marketplace_ctx_t *ctx,
    ngx_http_marketplace_loc_conf_t *mlcf);
void ngx_http_marketplace_forget_customer(ngx_http_marketplace_ctx_t *ctx);
void ngx_http_marketplace_reject_product(ngx_http_marketplace_ctx_t *ctx);


/* A new header of the response, or NULL; what the strings point to has to live
 * as long as the request. */
ngx_table_elt_t *ngx_http_marketplace_add_response_header(
    ngx_http_request_t *r, const char *name, ngx_str_t value);


/* ngx_http_marketplace_identity.c: the request headers.  The strip handler
 * removes those that a client sent; set has the request have ours, or none. */
ngx_int_t ngx_http_marketplace_strip_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_marketplace_strip_named_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_marketplace_set_headers(ngx_http_marketplace_ctx_t *ctx,
    ngx_uint_t on);

/* Takes a header that is in this part of the request's list off it. */
ngx_int_t ngx_http_marketplace_remove_header(ngx_list_t *headers,
    ngx_list_part_t *part, ngx_uint_t i);


/* ngx_http_marketplace_cookie.c: goes through the cookies of a request that
 * have one name.  next gives the value of the next one, or returns 0 behind the
 * last. */
typedef struct {
    ngx_list_t                       *headers;
    ngx_list_part_t                  *part;
    ngx_uint_t                        next;       /* header of the part */
    ngx_table_elt_t                  *header;     /* that the cookie is in */
    mp_str_t                          rest;       /* of it, behind the cookie */
} ngx_http_marketplace_cookies_t;

void ngx_http_marketplace_first_cookie(ngx_http_request_t *r,
    ngx_http_marketplace_cookies_t *cookies);
ngx_uint_t ngx_http_marketplace_next_cookie(
    ngx_http_marketplace_cookies_t *cookies, ngx_str_t *name, mp_str_t *value);

/* Takes all of this name out of the request, and leaves the others as they
 * are.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_marketplace_take_cookie_off(ngx_http_request_t *r,
    ngx_str_t *name);


/* ngx_http_marketplace_session.c: the directive; the phase handler, which has a
 * session's customer be the request's; and the header filter, which sets the
 * cookie. */
char *ngx_http_marketplace_session(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_marketplace_session_handler(ngx_http_request_t *r);
void ngx_http_marketplace_add_session_filter(void);

/* The same for a variable that is asked for in an earlier phase.  Returns
 * NGX_OK, whether or not there is a session, or NGX_ERROR. */
ngx_int_t ngx_http_marketplace_look_for_session(ngx_http_request_t *r);

/* Whether a location may know the customer, or the error: in front of the
 * phase handler it may have been redirected to it from one with other keys or
 * products. */
ngx_uint_t ngx_http_marketplace_may_know(ngx_http_marketplace_ctx_t *ctx,
    ngx_http_marketplace_loc_conf_t *mlcf);

/* Has the response begin a session of the customer.  NGX_DECLINED if no cookie
 * is large enough, or NGX_ERROR. */
ngx_int_t ngx_http_marketplace_begin_session(ngx_http_marketplace_ctx_t *ctx);


/* ngx_http_marketplace_redirect.c: the directive; and the status of a response
 * that sends the client to its URL. */
char *ngx_http_marketplace_redirect(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_marketplace_redirect_client(ngx_http_request_t *r,
    ngx_array_t *redirect);


/* ngx_http_marketplace_variables.c */
ngx_int_t ngx_http_marketplace_add_variables(ngx_conf_t *cf);


#endif /* _NGX_HTTP_MARKETPLACE_H_INCLUDED_ */
