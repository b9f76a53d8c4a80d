/*
 * The directives of ngx_http_marketplace_module and what they are merged to.
 */

#include "ngx_http_marketplace_credentials.h"


/* What AWS sends fits several times over. */
#define NGX_HTTP_MARKETPLACE_REPLY_SIZE (4 * 1024)

#define NGX_HTTP_MARKETPLACE_TOKEN_MAX  (1024 * 1024)

/* in seconds; a customer may cancel meanwhile */
#define NGX_HTTP_MARKETPLACE_CACHE_MAX  3600


static ngx_int_t ngx_http_marketplace_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_marketplace_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_marketplace_keep_environment(ngx_conf_t *cf);
static ngx_int_t ngx_http_marketplace_add_handler(ngx_conf_t *cf,
    ngx_http_phases phase, ngx_http_handler_pt handler);
static void *ngx_http_marketplace_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_marketplace_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_marketplace_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_marketplace_add_query_field(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf);
static void ngx_http_marketplace_merge_upstream(
    ngx_http_upstream_conf_t *prev, ngx_http_upstream_conf_t *conf);
static void ngx_http_marketplace_merge_tls(ngx_http_marketplace_tls_t *prev,
    ngx_http_marketplace_tls_t *conf);

static char *ngx_http_marketplace_resolve(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_marketplace_token_field(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_marketplace_token_source(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_marketplace_product_code(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_marketplace_request_headers(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_marketplace_region(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_marketplace_endpoint(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_marketplace_trusted_certificate(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_marketplace_ciphers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_marketplace_protocols(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_marketplace_size(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_marketplace_msec(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_marketplace_tries(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_marketplace_cache_valid(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_marketplace_num(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_marketplace_invalid(ngx_conf_t *cf, ngx_str_t *wrong,
    const char *expected);


#define NGX_HTTP_MARKETPLACE_CONF                                             \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF)


static ngx_command_t  ngx_http_marketplace_commands[] = {

    { ngx_string("marketplace_resolve"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_resolve,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("marketplace_token_field"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_token_field,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_marketplace_loc_conf_t, token_field),
      NULL },

    { ngx_string("marketplace_token_source"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE12,
      ngx_http_marketplace_token_source,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("marketplace_token_max_size"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_size,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_marketplace_loc_conf_t, token_max_size),
      NULL },

    { ngx_string("marketplace_product_code"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_1MORE,
      ngx_http_marketplace_product_code,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("marketplace_region"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_region,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_marketplace_loc_conf_t, region),
      NULL },

    { ngx_string("marketplace_endpoint"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_endpoint,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_marketplace_loc_conf_t, endpoint),
      NULL },

    { ngx_string("marketplace_credentials"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_1MORE,
      ngx_http_marketplace_credentials,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("marketplace_assume_role"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_1MORE,
      ngx_http_marketplace_assume_role,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("marketplace_connect_timeout"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_marketplace_loc_conf_t,
               metering.upstream.connect_timeout),
      NULL },

    { ngx_string("marketplace_send_timeout"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_marketplace_loc_conf_t, metering.upstream.send_timeout),
      NULL },

    { ngx_string("marketplace_read_timeout"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_marketplace_loc_conf_t, metering.upstream.read_timeout),
      NULL },

    { ngx_string("marketplace_timeout"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_marketplace_loc_conf_t, timeout),
      NULL },

    { ngx_string("marketplace_tries"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_tries,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_marketplace_loc_conf_t, tries),
      NULL },

    { ngx_string("marketplace_keepalive"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_num,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_marketplace_loc_conf_t, metering.keepalive),
      NULL },

    { ngx_string("marketplace_cache_valid"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_cache_valid,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("marketplace_request_headers"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_FLAG,
      ngx_http_marketplace_request_headers,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_marketplace_loc_conf_t, request_headers),
      NULL },

    { ngx_string("marketplace_redirect"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_redirect,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("marketplace_session"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_1MORE,
      ngx_http_marketplace_session,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("marketplace_ssl_verify"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_marketplace_loc_conf_t, tls.verify),
      NULL },

    { ngx_string("marketplace_ssl_trusted_certificate"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_trusted_certificate,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_marketplace_loc_conf_t, tls.trusted_certificate),
      NULL },

    { ngx_string("marketplace_ssl_verify_depth"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_num,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_marketplace_loc_conf_t, tls.verify_depth),
      NULL },

    { ngx_string("marketplace_ssl_protocols"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE12,
      ngx_http_marketplace_protocols,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("marketplace_ssl_ciphers"),
      NGX_HTTP_MARKETPLACE_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_ciphers,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_marketplace_loc_conf_t, tls.ciphers),
      NULL },

    { ngx_string("marketplace_cache_size"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_marketplace_cache_size,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("marketplace_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_marketplace_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_marketplace_module_ctx = {
    ngx_http_marketplace_preconfiguration,   /* preconfiguration */
    ngx_http_marketplace_postconfiguration,  /* postconfiguration */

    ngx_http_marketplace_create_main_conf,   /* create main configuration */
    NULL,                                    /* init main configuration */

    NULL,                                    /* create server configuration */
    NULL,                                    /* merge server configuration */

    ngx_http_marketplace_create_loc_conf,    /* create location configuration */
    ngx_http_marketplace_merge_loc_conf      /* merge location configuration */
};


ngx_module_t  ngx_http_marketplace_module = {
    NGX_MODULE_V1,
    &ngx_http_marketplace_module_ctx,        /* module context */
    ngx_http_marketplace_commands,           /* module directives */
    NGX_HTTP_MODULE,                         /* module type */
    NULL,                                    /* init master */
    ngx_http_marketplace_tls_init,           /* init module */
    NULL,                                    /* init process */
    NULL,                                    /* init thread */
    NULL,                                    /* exit thread */
    NULL,                                    /* exit process */
    NULL,                                    /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_marketplace_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_marketplace_add_variables(cf);
}


static ngx_int_t
ngx_http_marketplace_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_marketplace_main_conf_t  *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_marketplace_module);

    if (!mmcf->used) {
        return NGX_OK;
    }

    if (ngx_http_marketplace_keep_environment(cf) != NGX_OK
        || ngx_http_marketplace_add_zone(cf, mmcf) != NGX_OK
        || ngx_http_marketplace_add_handler(cf, NGX_HTTP_SERVER_REWRITE_PHASE,
                                            ngx_http_marketplace_strip_handler)
           != NGX_OK
        || ngx_http_marketplace_add_handler(cf, NGX_HTTP_REWRITE_PHASE,
                                      ngx_http_marketplace_strip_named_handler)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_marketplace_add_session_filter();

    if (ngx_http_marketplace_add_handler(cf, NGX_HTTP_PREACCESS_PHASE,
                                         ngx_http_marketplace_enter_handler)
        != NGX_OK
        || ngx_http_marketplace_add_handler(cf, NGX_HTTP_PREACCESS_PHASE,
                                         ngx_http_marketplace_session_handler)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mmcf->args
        && ngx_http_marketplace_add_handler(cf, NGX_HTTP_SERVER_REWRITE_PHASE,
                                       ngx_http_marketplace_hide_args_handler)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_marketplace_add_handler(cf, NGX_HTTP_PRECONTENT_PHASE,
                                         ngx_http_marketplace_resolve_handler);
}


/*
 * What an "env" directive does for each variable that is read: without one
 * the nginx that a live upgrade starts would not have it.
 */

static ngx_int_t
ngx_http_marketplace_keep_environment(ngx_conf_t *cf)
{
    ngx_str_t        *var;
    ngx_uint_t        i;
    ngx_core_conf_t  *ccf;

    static ngx_str_t  names[] = {
        ngx_string("AWS_ACCESS_KEY_ID"),
        ngx_string("AWS_SECRET_ACCESS_KEY"),
        ngx_string("AWS_SESSION_TOKEN"),
        ngx_string("AWS_PROFILE"),
        ngx_string("AWS_SHARED_CREDENTIALS_FILE"),
        ngx_string("AWS_CONFIG_FILE"),
        ngx_string("HOME"),
        ngx_string("AWS_ROLE_ARN"),
        ngx_string("AWS_ROLE_SESSION_NAME"),
        ngx_string("AWS_WEB_IDENTITY_TOKEN_FILE"),
        ngx_string("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        ngx_string("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        ngx_string("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        ngx_string("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        ngx_string("AWS_EC2_METADATA_DISABLED"),
        ngx_string("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
        ngx_string("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"),
        ngx_string("AWS_REGION"),
        ngx_string("AWS_DEFAULT_REGION"),
        ngx_string("AWS_ENDPOINT_URL_MARKETPLACE_METERING"),
        ngx_string("AWS_ENDPOINT_URL_STS"),
        ngx_string("AWS_ENDPOINT_URL"),
        ngx_string("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
        ngx_string("SSL_CERT_FILE")
    };

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        var = ngx_array_push(&ccf->env);
        if (var == NULL) {
            return NGX_ERROR;
        }

        *var = names[i];
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_marketplace_add_handler(ngx_conf_t *cf, ngx_http_phases phase,
    ngx_http_handler_pt handler)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[phase].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = handler;

    return NGX_OK;
}


static void *
ngx_http_marketplace_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_marketplace_main_conf_t  *mmcf;

    mmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_marketplace_main_conf_t));
    if (mmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&mmcf->tls, cf->pool, 1,
                       sizeof(ngx_http_marketplace_tls_context_t))
        != NGX_OK
        || ngx_array_init(&mmcf->addresses, cf->pool, 1,
                          sizeof(ngx_http_marketplace_address_t))
           != NGX_OK
        || ngx_array_init(&mmcf->sources, cf->pool, 1,
                          sizeof(ngx_http_marketplace_source_t *))
           != NGX_OK
        || ngx_array_init(&mmcf->files, cf->pool, 1,
                          sizeof(ngx_http_marketplace_file_t))
           != NGX_OK)
    {
        return NULL;
    }

    mmcf->cycle = cf->cycle;

    return mmcf;
}


static void *
ngx_http_marketplace_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_marketplace_loc_conf_t  *mlcf;

    mlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_marketplace_loc_conf_t));
    if (mlcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     mlcf->resolve_place, mlcf->endpoint_place = { NULL, 0 };
     *     mlcf->token_field, region, endpoint = { 0, NULL };
     *     mlcf->token_source = 0;
     *     mlcf->tls.protocols = 0;
     *     mlcf->tls.ciphers, tls.trusted_certificate = { 0, NULL };
     *     mlcf->metering.upstream, and all that is made of the settings
     */

    mlcf->resolve = NGX_CONF_UNSET_UINT;
    mlcf->token_max_size = NGX_CONF_UNSET_SIZE;
    mlcf->product_codes = NGX_CONF_UNSET_PTR;
    mlcf->request_headers = NGX_CONF_UNSET;
    mlcf->redirect = NGX_CONF_UNSET_PTR;
    mlcf->session = NGX_CONF_UNSET_PTR;
    mlcf->credentials = NGX_CONF_UNSET_PTR;
    mlcf->assume_role = NGX_CONF_UNSET_PTR;
    mlcf->timeout = NGX_CONF_UNSET_MSEC;
    mlcf->tries = NGX_CONF_UNSET_UINT;
    mlcf->metering.keepalive = NGX_CONF_UNSET_UINT;
    mlcf->cache_valid = NGX_CONF_UNSET;

    mlcf->tls.verify = NGX_CONF_UNSET;
    mlcf->tls.verify_depth = NGX_CONF_UNSET_UINT;

    mlcf->metering.upstream.connect_timeout = NGX_CONF_UNSET_MSEC;
    mlcf->metering.upstream.send_timeout = NGX_CONF_UNSET_MSEC;
    mlcf->metering.upstream.read_timeout = NGX_CONF_UNSET_MSEC;

    /* the hardcoded values */

    mlcf->metering.upstream.buffer_size = NGX_HTTP_MARKETPLACE_REPLY_SIZE;
    mlcf->metering.upstream.next_upstream = NGX_HTTP_UPSTREAM_FT_ERROR
                                   |NGX_HTTP_UPSTREAM_FT_TIMEOUT;
    mlcf->metering.upstream.ssl_server_name = 1;
    ngx_str_set(&mlcf->metering.upstream.module, "marketplace");

    return mlcf;
}


static char *
ngx_http_marketplace_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_marketplace_loc_conf_t  *prev = parent;
    ngx_http_marketplace_loc_conf_t  *conf = child;

    ngx_http_marketplace_main_conf_t  *mmcf;

    conf->server = prev->server ? prev->server : conf;

    if (conf->resolve == NGX_CONF_UNSET_UINT) {
        conf->resolve_place = prev->resolve_place;
    }

    if (conf->endpoint.len == 0) {
        conf->endpoint_place = prev->endpoint_place;
    }

    if (conf->token_source == 0) {
        conf->token_source = prev->token_source ? prev->token_source
                                                : NGX_HTTP_MARKETPLACE_BODY;
    }

    ngx_conf_merge_uint_value(conf->resolve, prev->resolve,
                              NGX_HTTP_MARKETPLACE_OFF);
    ngx_conf_merge_str_value(conf->token_field, prev->token_field,
                             "x-amzn-marketplace-token");
    ngx_conf_merge_size_value(conf->token_max_size, prev->token_max_size,
                              8 * 1024);
    ngx_conf_merge_ptr_value(conf->product_codes, prev->product_codes, NULL);
    ngx_conf_merge_value(conf->request_headers, prev->request_headers, 1);
    ngx_conf_merge_ptr_value(conf->redirect, prev->redirect, NULL);
    ngx_conf_merge_ptr_value(conf->session, prev->session, NULL);
    ngx_conf_merge_str_value(conf->region, prev->region, "");
    ngx_conf_merge_str_value(conf->endpoint, prev->endpoint, "");
    ngx_conf_merge_ptr_value(conf->credentials, prev->credentials, NULL);
    ngx_conf_merge_ptr_value(conf->assume_role, prev->assume_role, NULL);
    ngx_conf_merge_msec_value(conf->timeout, prev->timeout, 10000);
    ngx_conf_merge_uint_value(conf->tries, prev->tries, 3);
    ngx_conf_merge_uint_value(conf->metering.keepalive,
                              prev->metering.keepalive, 16);
    ngx_conf_merge_sec_value(conf->cache_valid, prev->cache_valid, 300);

    ngx_http_marketplace_merge_upstream(&prev->metering.upstream,
                                        &conf->metering.upstream);
    ngx_http_marketplace_merge_tls(&prev->tls, &conf->tls);

    if (conf->resolve == NGX_HTTP_MARKETPLACE_OFF) {
        return NGX_CONF_OK;
    }

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_marketplace_module);

    if (conf->token_source & NGX_HTTP_MARKETPLACE_ARGS) {
        mmcf->args = 1;

        if (ngx_http_marketplace_add_query_field(cf, conf) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return (ngx_http_marketplace_set_metering(cf, mmcf, conf) == NGX_OK
            && ngx_http_marketplace_set_source(cf, mmcf, conf) == NGX_OK)
           ? NGX_CONF_OK
           : NGX_CONF_ERROR;
}


/* Each one once, for all of the server: it is not known yet which location a
 * request is for when the query is taken out of what is logged. */

static ngx_int_t
ngx_http_marketplace_add_query_field(ngx_conf_t *cf,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    ngx_str_t    *field, *name;
    ngx_uint_t    i;
    ngx_array_t  *fields;

    name = &mlcf->token_field;
    fields = &mlcf->server->query_fields;

    if (fields->elts == NULL
        && ngx_array_init(fields, cf->pool, 1, sizeof(ngx_str_t)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    field = fields->elts;

    for (i = 0; i < fields->nelts; i++) {
        if (field[i].len == name->len
            && ngx_strncmp(field[i].data, name->data, name->len) == 0)
        {
            return NGX_OK;
        }
    }

    field = ngx_array_push(fields);
    if (field == NULL) {
        return NGX_ERROR;
    }

    *field = *name;

    return NGX_OK;
}


static void
ngx_http_marketplace_merge_upstream(ngx_http_upstream_conf_t *prev,
    ngx_http_upstream_conf_t *conf)
{
    ngx_conf_merge_msec_value(conf->connect_timeout, prev->connect_timeout,
                              2000);
    ngx_conf_merge_msec_value(conf->send_timeout, prev->send_timeout, 2000);
    ngx_conf_merge_msec_value(conf->read_timeout, prev->read_timeout, 5000);
}


static void
ngx_http_marketplace_merge_tls(ngx_http_marketplace_tls_t *prev,
    ngx_http_marketplace_tls_t *conf)
{
    if (conf->protocols == 0) {
        conf->protocols = prev->protocols
                          ? prev->protocols
                          : NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3;
    }

    ngx_conf_merge_str_value(conf->ciphers, prev->ciphers, "DEFAULT");
    ngx_conf_merge_value(conf->verify, prev->verify, 1);
    ngx_conf_merge_uint_value(conf->verify_depth, prev->verify_depth, 4);
    ngx_conf_merge_str_value(conf->trusted_certificate,
                             prev->trusted_certificate, "");
}


void
ngx_http_marketplace_use(ngx_conf_t *cf)
{
    ngx_http_marketplace_main_conf_t  *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_marketplace_module);
    mmcf->used = 1;
}


static char *
ngx_http_marketplace_resolve(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_marketplace_loc_conf_t  *mlcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    static const char  *modes[] = { "off", "on", "optional" };

    if (mlcf->resolve != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {

        if (ngx_strcasecmp(value[1].data, (u_char *) modes[i]) == 0) {

            mlcf->resolve = i;
            mlcf->resolve_place.file = cf->conf_file->file.name.data;
            mlcf->resolve_place.line = cf->conf_file->line;

            ngx_http_marketplace_use(cf);

            return NGX_CONF_OK;
        }
    }

    return ngx_http_marketplace_invalid(cf, &value[1],
                                        "\"on\", \"optional\" or \"off\"");
}


static char *
ngx_http_marketplace_token_field(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (value[1].len == 0) {
        return ngx_http_marketplace_invalid(cf, &value[1],
                                            "the name of a form's field");
    }

    return ngx_conf_set_str_slot(cf, cmd, conf);
}


static char *
ngx_http_marketplace_token_source(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_marketplace_loc_conf_t  *mlcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   first, second;

    if (mlcf->token_source) {
        return "is duplicate";
    }

    value = cf->args->elts;

    first = (ngx_strcmp(value[1].data, "body") == 0)
            ? NGX_HTTP_MARKETPLACE_BODY
            : (ngx_strcmp(value[1].data, "args") == 0)
            ? NGX_HTTP_MARKETPLACE_ARGS
            : 0;

    second = 0;

    if (cf->args->nelts == 3) {

        /* the body comes first: what is in a URL is the weaker source */

        if (first != NGX_HTTP_MARKETPLACE_BODY
            || ngx_strcmp(value[2].data, "args") != 0)
        {
            first = 0;
        }

        second = NGX_HTTP_MARKETPLACE_ARGS;
    }

    if (first == 0) {
        return ngx_http_marketplace_invalid(cf, &value[cf->args->nelts - 1],
                                     "\"body\", \"args\" or \"body args\"");
    }

    mlcf->token_source = first|second;

    return NGX_CONF_OK;
}


static char *
ngx_http_marketplace_product_code(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_marketplace_loc_conf_t  *mlcf = conf;

    ngx_str_t   *value, *code;
    ngx_uint_t   i;

    if (mlcf->product_codes != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    mlcf->product_codes = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                           sizeof(ngx_str_t));
    if (mlcf->product_codes == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (!mp_is_product_code(ngx_http_marketplace_mp(&value[i]))) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in "
                               "\"marketplace_product_code\", it must be a "
                               "product code: letters, digits and any of "
                               "-/=:_.@", &value[i]);
            return NGX_CONF_ERROR;
        }

        code = ngx_array_push(mlcf->product_codes);
        if (code == NULL) {
            return NGX_CONF_ERROR;
        }

        *code = value[i];
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_marketplace_request_headers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_marketplace_use(cf);

    return ngx_conf_set_flag_slot(cf, cmd, conf);
}


static char *
ngx_http_marketplace_region(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (!mp_region_is_valid(ngx_http_marketplace_mp(&value[1]))) {
        return ngx_http_marketplace_invalid(cf, &value[1],
                                  "the name of a region, like \"us-east-1\"");
    }

    return ngx_conf_set_str_slot(cf, cmd, conf);
}


static char *
ngx_http_marketplace_endpoint(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_marketplace_loc_conf_t  *mlcf = conf;

    ngx_str_t      *value;
    const char     *wrong;
    mp_endpoint_t   endpoint;

    value = cf->args->elts;

    wrong = mp_endpoint_parse(ngx_http_marketplace_mp(&value[1]), &endpoint);

    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"marketplace_endpoint\": "
                           "%s, it must be like "
                           "\"https://host\" or \"https://host:port\"",
                           &value[1], wrong);
        return NGX_CONF_ERROR;
    }

    mlcf->endpoint_place.file = cf->conf_file->file.name.data;
    mlcf->endpoint_place.line = cf->conf_file->line;

    return ngx_conf_set_str_slot(cf, cmd, conf);
}


static char *
ngx_http_marketplace_trusted_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_http_marketplace_check_ca(cf, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_conf_set_str_slot(cf, cmd, conf);
}


static char *
ngx_http_marketplace_ciphers(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_http_marketplace_check_ciphers(cf, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_conf_set_str_slot(cf, cmd, conf);
}


static char *
ngx_http_marketplace_protocols(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_marketplace_loc_conf_t  *mlcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (mlcf->tls.protocols) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcasecmp(value[i].data, (u_char *) "TLSv1.2") == 0) {
            mlcf->tls.protocols |= NGX_SSL_TLSv1_2;

        } else if (ngx_strcasecmp(value[i].data, (u_char *) "TLSv1.3") == 0) {
            mlcf->tls.protocols |= NGX_SSL_TLSv1_3;

        } else {
            return ngx_http_marketplace_invalid(cf, &value[i],
                                                "\"TLSv1.2\", \"TLSv1.3\" or "
                                                "both, which is what AWS "
                                                "takes");
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_marketplace_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ssize_t     size;
    ngx_str_t  *value;

    value = cf->args->elts;
    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR || size == 0
        || size > NGX_HTTP_MARKETPLACE_TOKEN_MAX)
    {
        return ngx_http_marketplace_invalid(cf, &value[1],
                                            "a size above zero, like \"8k\", "
                                            "and at most \"1m\"");
    }

    return ngx_conf_set_size_slot(cf, cmd, conf);
}


static char *
ngx_http_marketplace_msec(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t   msec;
    ngx_str_t  *value;

    value = cf->args->elts;
    msec = ngx_parse_time(&value[1], 0);

    if (msec == NGX_ERROR || msec == 0) {
        return ngx_http_marketplace_invalid(cf, &value[1],
                                            "a time above zero, like \"2s\"");
    }

    return ngx_conf_set_msec_slot(cf, cmd, conf);
}


static char *
ngx_http_marketplace_tries(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t   tries;
    ngx_str_t  *value;

    value = cf->args->elts;
    tries = ngx_atoi(value[1].data, value[1].len);

    if (tries == NGX_ERROR || tries == 0) {
        return ngx_http_marketplace_invalid(cf, &value[1],
                                            "a number above zero, like \"3\"");
    }

    return ngx_conf_set_num_slot(cf, cmd, conf);
}


static char *
ngx_http_marketplace_cache_valid(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_marketplace_loc_conf_t  *mlcf = conf;

    ngx_str_t  *value;

    if (mlcf->cache_valid != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    mlcf->cache_valid = (ngx_strcmp(value[1].data, "off") == 0)
                        ? 0 : ngx_parse_time(&value[1], 1);

    if (mlcf->cache_valid == NGX_ERROR
        || mlcf->cache_valid > NGX_HTTP_MARKETPLACE_CACHE_MAX
        || (mlcf->cache_valid == 0 && value[1].data[0] != 'o'))
    {
        return ngx_http_marketplace_invalid(cf, &value[1],
                                            "a time above zero, like \"5m\", "
                                            "and at most \"1h\", or \"off\"");
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_marketplace_num(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_atoi(value[1].data, value[1].len) == NGX_ERROR) {
        return ngx_http_marketplace_invalid(cf, &value[1],
                                            "a number, like \"4\"");
    }

    return ngx_conf_set_num_slot(cf, cmd, conf);
}


/* For the directive that is read now. */

static char *
ngx_http_marketplace_invalid(ngx_conf_t *cf, ngx_str_t *wrong,
    const char *expected)
{
    ngx_str_t  *directive;

    directive = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\", it must be %s",
                       wrong, directive, expected);

    return NGX_CONF_ERROR;
}
