/*
 * The variables: what became of the request's registration.
 */

#include "ngx_http_marketplace.h"


#define NGX_HTTP_MARKETPLACE_FIELD_PREFIX  "marketplace_field_"


static ngx_int_t ngx_http_marketplace_customer_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_marketplace_field_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_marketplace_offer_type_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_marketplace_error_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_marketplace_error_message_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_marketplace_string_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_marketplace_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_marketplace_cache_status_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);

static ngx_http_marketplace_ctx_t *ngx_http_marketplace_resolved(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_marketplace_set_variable(
    ngx_http_variable_value_t *v, mp_str_t value);
static ngx_int_t ngx_http_marketplace_no_variable(
    ngx_http_variable_value_t *v);


/* None is cacheable: read before the resolve they have no value yet. */

static ngx_http_variable_t  ngx_http_marketplace_vars[] = {

    { ngx_string("marketplace_customer_aws_account_id"), NULL,
      ngx_http_marketplace_customer_variable, MP_CUSTOMER_AWS_ACCOUNT_ID,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("marketplace_license_arn"), NULL,
      ngx_http_marketplace_customer_variable, MP_LICENSE_ARN,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("marketplace_customer_identifier"), NULL,
      ngx_http_marketplace_customer_variable, MP_CUSTOMER_IDENTIFIER,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("marketplace_product_code"), NULL,
      ngx_http_marketplace_customer_variable, MP_PRODUCT_CODE,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string(NGX_HTTP_MARKETPLACE_FIELD_PREFIX), NULL,
      ngx_http_marketplace_field_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

    { ngx_string("marketplace_offer_type"), NULL,
      ngx_http_marketplace_offer_type_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("marketplace_error"), NULL,
      ngx_http_marketplace_error_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("marketplace_error_message"), NULL,
      ngx_http_marketplace_error_message_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("marketplace_request_id"), NULL,
      ngx_http_marketplace_string_variable,
      offsetof(ngx_http_marketplace_ctx_t, request_id),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("marketplace_status"), NULL,
      ngx_http_marketplace_string_variable,
      offsetof(ngx_http_marketplace_ctx_t, statuses),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("marketplace_time"), NULL,
      ngx_http_marketplace_time_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("marketplace_cache_status"), NULL,
      ngx_http_marketplace_cache_status_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_marketplace_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_marketplace_vars; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_marketplace_customer_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = ngx_http_marketplace_resolved(r);

    if (ctx == NULL || ctx->customer.field[data].len == 0) {
        return ngx_http_marketplace_no_variable(v);
    }

    return ngx_http_marketplace_set_variable(v, ctx->customer.field[data]);
}


static ngx_int_t
ngx_http_marketplace_field_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t  *name = (ngx_str_t *) data;

    size_t                       prefix;
    mp_str_t                     member, value;
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = ngx_http_marketplace_resolved(r);

    if (ctx == NULL) {
        return ngx_http_marketplace_no_variable(v);
    }

    prefix = sizeof(NGX_HTTP_MARKETPLACE_FIELD_PREFIX) - 1;

    member.data = name->data + prefix;
    member.len = name->len - prefix;

    value = mp_customer_member(&ctx->customer, member);

    return value.len ? ngx_http_marketplace_set_variable(v, value)
                     : ngx_http_marketplace_no_variable(v);
}


static ngx_int_t
ngx_http_marketplace_offer_type_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = ngx_http_marketplace_resolved(r);

    if (ctx == NULL || ctx->offer_type.len == 0) {
        return ngx_http_marketplace_no_variable(v);
    }

    return ngx_http_marketplace_set_variable(v, ctx->offer_type);
}


static ngx_int_t
ngx_http_marketplace_error_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = ngx_http_marketplace_resolved(r);

    return ctx ? ngx_http_marketplace_set_variable(v, ctx->error.name)
               : ngx_http_marketplace_no_variable(v);
}


static ngx_int_t
ngx_http_marketplace_error_message_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    mp_str_t                     message;
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = ngx_http_marketplace_resolved(r);

    if (ctx == NULL || ctx->aws_error == NULL
        || ctx->aws_error->message_len == 0)
    {
        return ngx_http_marketplace_no_variable(v);
    }

    message.data = ctx->aws_error->message;
    message.len = ctx->aws_error->message_len;

    return ngx_http_marketplace_set_variable(v, message);
}


static ngx_int_t
ngx_http_marketplace_string_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                   *value;
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = ngx_http_marketplace_resolved(r);

    if (ctx == NULL) {
        return ngx_http_marketplace_no_variable(v);
    }

    value = (ngx_str_t *) ((char *) ctx + data);

    return value->len ? ngx_http_marketplace_set_variable(v,
                                                ngx_http_marketplace_mp(value))
                      : ngx_http_marketplace_no_variable(v);
}


static ngx_int_t
ngx_http_marketplace_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                      *p;
    mp_str_t                     value;
    ngx_http_marketplace_ctx_t  *ctx;

    ctx = ngx_http_marketplace_resolved(r);

    if (ctx == NULL) {
        return ngx_http_marketplace_no_variable(v);
    }

    p = ngx_pnalloc(r->pool, NGX_TIME_T_LEN + sizeof(".000"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = ngx_sprintf(p, "%T.%03M", (time_t) (ctx->time / 1000),
                            ctx->time % 1000)
                - p;

    return ngx_http_marketplace_set_variable(v, value);
}


static ngx_int_t
ngx_http_marketplace_cache_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_marketplace_ctx_t  *ctx;

    /* in the order of ngx_http_marketplace_cache_e */

    static const mp_str_t  statuses[] = {
        mp_str(""), mp_str("MISS"), mp_str("HIT"), mp_str("SHARED"),
        mp_str("BYPASS"), mp_str("SESSION")
    };

    ctx = ngx_http_marketplace_resolved(r);

    return (ctx && ctx->cache_status)
           ? ngx_http_marketplace_set_variable(v, statuses[ctx->cache_status])
           : ngx_http_marketplace_no_variable(v);
}


/* The resolve of a request once it is over, or its session. */

static ngx_http_marketplace_ctx_t *
ngx_http_marketplace_resolved(ngx_http_request_t *r)
{
    ngx_http_marketplace_ctx_t       *ctx;
    ngx_http_marketplace_loc_conf_t  *mlcf;

    if (ngx_http_marketplace_look_for_session(r->main) != NGX_OK) {
        return NULL;
    }

    ctx = ngx_http_marketplace_get_ctx(r->main);
    mlcf = ngx_http_get_module_loc_conf(r->main, ngx_http_marketplace_module);

    return (ctx
            && (ctx->session_key
                || ctx->state == NGX_HTTP_MARKETPLACE_RESOLVED)
            && ngx_http_marketplace_may_know(ctx, mlcf))
           ? ctx : NULL;
}


static ngx_int_t
ngx_http_marketplace_set_variable(ngx_http_variable_value_t *v,
    mp_str_t value)
{
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = value.len;
    v->data = (u_char *) value.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_marketplace_no_variable(ngx_http_variable_value_t *v)
{
    v->not_found = 1;

    return NGX_OK;
}
