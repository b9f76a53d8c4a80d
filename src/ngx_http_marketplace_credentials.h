/*
 * Credentials: what the configuration says of them, the sources that this
 * makes, and how a request gets them out of a source.
 *
 *     directive, environment -> source (and its base) -> fetch -> keys
 *
 * A source that asks a service shares what it got with all workers through
 * the zone.  One request at a time fetches; the others use what there is, or
 * wait.
 */

#ifndef _NGX_HTTP_MARKETPLACE_CREDENTIALS_H_INCLUDED_
#define _NGX_HTTP_MARKETPLACE_CREDENTIALS_H_INCLUDED_


#include "ngx_http_marketplace.h"

#include "aws/mp_profile.h"


typedef struct ngx_http_marketplace_profile_s  ngx_http_marketplace_profile_t;


typedef enum {
    NGX_HTTP_MARKETPLACE_NONE = 0,
    NGX_HTTP_MARKETPLACE_KEYS,            /* static, env */
    NGX_HTTP_MARKETPLACE_PROFILE,
    NGX_HTTP_MARKETPLACE_CONTAINER,
    NGX_HTTP_MARKETPLACE_IMDS,
    NGX_HTTP_MARKETPLACE_WEB_IDENTITY
} ngx_http_marketplace_kind_e;


/* What a marketplace_credentials directive says, or the environment. */
struct ngx_http_marketplace_credentials_s {
    ngx_http_marketplace_kind_e       kind;
    ngx_str_t                         name;       /* as in the directive */
    ngx_http_marketplace_keys_t      *keys;

    ngx_str_t                         profile;
    ngx_str_t                         credentials_file;
    ngx_str_t                         config_file;    /* empty: none */
    unsigned                          profile_named:1;    /* by someone */
    unsigned                          file_named:1;
    unsigned                          config_named:1;

    mp_endpoint_t                     url;        /* container, imds */
    ngx_str_t                         path;       /* container */
    ngx_str_t                         authorization;
    ngx_str_t                         token_file; /* container, web identity */
    mp_role_t                         role;       /* web identity */
};


/*
 * A service that hands out credentials.  The functions are for the fetch that
 * has asked it for something: create_request makes the request of the step it
 * is at, in fetch->exchange (NGX_OK, NGX_DECLINED with fetch->problem set, or
 * NGX_ERROR); process_reply looks at a reply with status 200 and returns
 *
 *     NGX_OK        fetch->fetched is what was asked for
 *     NGX_AGAIN     there is another step to make
 *     NGX_DECLINED  it is of no use, and fetch->problem says why
 *     NGX_ERROR     no memory
 */
typedef struct {
    unsigned          stable:1;      /* what has ended is used until there is
                                      * something better */
    unsigned          xml:1;         /* errors are in XML */
    unsigned          signs:1;       /* so its clock is the one that counts */

    /* what to do if there is no connection, no answer, or an error */
    const char       *unreachable;
    const char       *silent;
    const char       *refused;

    ngx_int_t       (*create_request)(ngx_http_marketplace_fetch_t *fetch);
    ngx_int_t       (*process_reply)(ngx_http_marketplace_fetch_t *fetch);
} ngx_http_marketplace_issuer_t;


/* A file that workers have to be able to read. */
typedef struct {
    ngx_str_t                          file;
    ngx_uint_t                         optional;
    ngx_http_marketplace_place_t       place;
} ngx_http_marketplace_file_t;


/* Where credentials come from: keys that are here, a profile, or an issuer. */
struct ngx_http_marketplace_source_s {
    ngx_str_t                          name;     /* in the log */
    u_char                             id[NGX_HTTP_MARKETPLACE_ID_LEN];

    ngx_http_marketplace_keys_t       *keys;     /* known to this process */
    ngx_http_marketplace_profile_t    *profile;

    ngx_http_marketplace_issuer_t     *issuer;
    ngx_http_marketplace_source_t     *base;     /* with whose credentials */
    ngx_http_marketplace_endpoint_t   *endpoint;
    ngx_str_t                          path;
    ngx_str_t                          authorization;
    ngx_str_t                          token_file;
    mp_role_t                          role;
    mp_scope_t                         scope;    /* of STS */
};


/* The sources that a profile's files amount to; they go when the files have
 * changed and no request uses them any more. */
typedef struct {
    ngx_uint_t                         users;
    ngx_pool_t                        *pool;
    ngx_http_marketplace_source_t     *source;
} ngx_http_marketplace_chain_t;


typedef enum {
    NGX_HTTP_MARKETPLACE_LOOKING = 0,
    NGX_HTTP_MARKETPLACE_FETCHING,
    NGX_HTTP_MARKETPLACE_FOUND
} ngx_http_marketplace_fetch_e;


/* One request's way to the credentials of one source. */
struct ngx_http_marketplace_fetch_s {
    ngx_http_marketplace_ctx_t        *ctx;
    ngx_http_marketplace_source_t     *source;
    ngx_http_marketplace_chain_t      *chain;    /* of a profile */
    ngx_http_marketplace_fetch_t      *base;
    ngx_http_marketplace_fetch_e       state;

    /* the result; while fetching, the old ones if they can be used */
    ngx_http_marketplace_keys_t       *keys;
    ngx_http_marketplace_keys_t       *fetched;

    ngx_uint_t                         step;
    ngx_uint_t                         tries;
    ngx_msec_t                         not_before;
    unsigned                           sent:1;
    unsigned                           delayed:1;
    unsigned                           cuts:1;   /* ctx->cut */
    unsigned                           renewed:1;    /* its base */

    ngx_str_t                          instance_role;
    mp_str_t                           token;    /* that is sent */
    mp_str_t                           signature;    /* so is that */
    ngx_http_marketplace_keys_t       *file_token;
    mp_aws_error_t                    *aws_error;
    unsigned                           status;
    const char                        *problem;
    const char                        *advice;
};


extern ngx_http_marketplace_issuer_t  ngx_http_marketplace_imds_session;
extern ngx_http_marketplace_issuer_t  ngx_http_marketplace_imds;
extern ngx_http_marketplace_issuer_t  ngx_http_marketplace_container;
extern ngx_http_marketplace_issuer_t  ngx_http_marketplace_sts;


/* ngx_http_marketplace_credentials.c: what the environment says, without
 * looking whether it works.  NGX_OK, NGX_DECLINED if that is nothing, or
 * NGX_ERROR with a message. */
ngx_int_t ngx_http_marketplace_from_env(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials,
    ngx_http_marketplace_kind_e kind);
ngx_http_marketplace_credentials_t *ngx_http_marketplace_default_credentials(
    ngx_conf_t *cf, ngx_http_marketplace_main_conf_t *mmcf);


/* ngx_http_marketplace_source.c: sources in memory of a pool.  NULL if there
 * is none. */
ngx_http_marketplace_source_t *ngx_http_marketplace_keys_source(
    ngx_pool_t *pool, ngx_http_marketplace_keys_t *keys);
ngx_http_marketplace_source_t *ngx_http_marketplace_role_source(
    ngx_pool_t *pool, ngx_http_marketplace_loc_conf_t *mlcf,
    const mp_role_t *role, ngx_str_t *token_file,
    ngx_http_marketplace_source_t *base);
ngx_http_marketplace_source_t *ngx_http_marketplace_env_source(
    ngx_conf_t *cf, ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf, ngx_http_marketplace_kind_e kind);
ngx_http_marketplace_source_t *ngx_http_marketplace_new_source(
    ngx_pool_t *pool, const char *name);
void ngx_http_marketplace_hash_source(SHA256_CTX *sha,
    ngx_http_marketplace_source_t *source, ngx_log_t *log);

/* Takes a string of the nginx-free side into a pool, with a NUL behind it. */
ngx_int_t ngx_http_marketplace_keep(ngx_pool_t *pool, mp_str_t *text);


/*
 * ngx_http_marketplace_profile.c: the sources of a profile.  While the
 * configuration is read, check tells whether it can be used at all (level is
 * that of the messages; NGX_DECLINED without one if there is no such profile)
 * and open makes the source of a location.
 */
ngx_int_t ngx_http_marketplace_check_profile(ngx_conf_t *cf, ngx_uint_t level,
    ngx_http_marketplace_credentials_t *credentials);
ngx_http_marketplace_source_t *ngx_http_marketplace_open_profile(
    ngx_conf_t *cf, ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf,
    ngx_http_marketplace_credentials_t *credentials);

/* What the files amount to now; the caller uses it until it releases it.  With
 * at_once the files are looked at even if they just were. */
ngx_http_marketplace_chain_t *ngx_http_marketplace_profile_chain(
    ngx_http_marketplace_profile_t *profile, ngx_uint_t at_once,
    ngx_log_t *log);
void ngx_http_marketplace_release_chain(ngx_http_marketplace_chain_t *chain);


/* ngx_http_marketplace_keys.c: a copy, with one user; NULL if there is no
 * memory.  Those with a pool end with it. */
ngx_http_marketplace_keys_t *ngx_http_marketplace_create_keys(
    const mp_credentials_t *keys, time_t expires, ngx_log_t *log);
ngx_http_marketplace_keys_t *ngx_http_marketplace_use_keys(
    ngx_http_marketplace_keys_t *keys);
void ngx_http_marketplace_release_keys(ngx_http_marketplace_keys_t **keys);
ngx_int_t ngx_http_marketplace_release_keys_with(ngx_pool_t *pool,
    ngx_http_marketplace_keys_t **keys);

/* Whether they are the same, whenever they end. */
ngx_uint_t ngx_http_marketplace_same_keys(ngx_http_marketplace_keys_t *a,
    ngx_http_marketplace_keys_t *b);


/*
 * ngx_http_marketplace_file.c: small files that are read whole, into memory
 * that the caller cleanses and frees with ngx_http_marketplace_free_file().
 * NULL, or what is wrong, with the error in *err (0 if there is none).
 */
const char *ngx_http_marketplace_read_file(ngx_str_t *file, ngx_str_t *text,
    ngx_file_info_t *fi, ngx_err_t *err, ngx_log_t *log);
void ngx_http_marketplace_free_file(ngx_str_t *text);

/* Whether the user that workers run as can read it, or else the error; *user
 * is who that is.  While that is not known yet, the answer is yes, and if it
 * turns out to be wrong, that is an error unless the file is optional. */
ngx_err_t ngx_http_marketplace_worker_can_read(ngx_conf_t *cf,
    ngx_str_t *file, ngx_uint_t optional, const char **user);

/* Asks again, when all of the configuration is read.  NGX_OK, or NGX_ERROR with
 * a message. */
ngx_int_t ngx_http_marketplace_check_later(
    ngx_http_marketplace_main_conf_t *mmcf);


/*
 * ngx_http_marketplace_lease.c: what the zone knows of a source.  look gives
 * the keys that can be used, if there are any, as *keys, with one user more:
 *
 *     NGX_OK        they are good
 *     NGX_DONE      it is for the caller to fetch new ones
 *     NGX_AGAIN     there are none, and another request fetches them
 *     NGX_DECLINED  there are none, and fetching them has just failed
 *
 * Who was told NGX_DONE has to end that by one of the others.
 */
ngx_int_t ngx_http_marketplace_store_look(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source, ngx_msec_t deadline,
    ngx_http_marketplace_keys_t **keys, ngx_log_t *log);
void ngx_http_marketplace_store_put(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source, ngx_http_marketplace_keys_t *keys,
    ngx_log_t *log);
void ngx_http_marketplace_store_fail(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source);
void ngx_http_marketplace_store_release(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source);

/* When the credentials that are shared end, 0 if there are none. */
time_t ngx_http_marketplace_store_expires(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source);

/* Has the next look fetch new keys in place of these.  NGX_DECLINED if that
 * was so only a moment ago. */
ngx_int_t ngx_http_marketplace_store_reject(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source, ngx_http_marketplace_keys_t *keys);


/*
 * ngx_http_marketplace_fetch.c, for issuers: the token in the source's file as
 * fetch->token, the request that is sent, and the credentials in a reply, by
 * the parser of its format.  They return as create_request and process_reply
 * do.
 */
typedef const char *(*ngx_http_marketplace_parser_pt)(
    mp_temporary_t *temporary, unsigned char *buf, mp_str_t body);

ngx_int_t ngx_http_marketplace_fetch_read_token(
    ngx_http_marketplace_fetch_t *fetch);
ngx_int_t ngx_http_marketplace_fetch_send_plain(
    ngx_http_marketplace_fetch_t *fetch, mp_plain_request_t *request);
ngx_int_t ngx_http_marketplace_fetch_take(ngx_http_marketplace_fetch_t *fetch,
    ngx_http_marketplace_parser_pt parser);


/* ngx_http_marketplace_status.c: counts what asking a source came to, NGX_OK
 * or NGX_DECLINED. */
void ngx_http_marketplace_count_renewal(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source, ngx_int_t rc);


#endif /* _NGX_HTTP_MARKETPLACE_CREDENTIALS_H_INCLUDED_ */
