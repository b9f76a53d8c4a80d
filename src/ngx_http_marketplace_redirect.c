/*
 * Where the client is sent with its new identity.
 */

#include "ngx_http_marketplace.h"


/* Text with nginx's variables, or one of ours, whose value comes from outside
 * and must not become more than a part of the URL. */
typedef struct {
    ngx_str_t                         text;       /* empty: our variable */
    ngx_http_complex_value_t          value;
    ngx_int_t                         index;      /* of our variable */
} ngx_http_marketplace_part_t;


static ngx_uint_t ngx_http_marketplace_is_url(ngx_str_t *value);
static ngx_int_t ngx_http_marketplace_add_parts(ngx_conf_t *cf,
    ngx_array_t *parts, ngx_str_t *value);
static ngx_uint_t ngx_http_marketplace_find_ours(ngx_str_t *text,
    ngx_str_t *variable, ngx_str_t *name);
static ngx_int_t ngx_http_marketplace_add_text(ngx_conf_t *cf,
    ngx_array_t *parts, ngx_str_t *text);
static ngx_int_t ngx_http_marketplace_add_ours(ngx_conf_t *cf,
    ngx_array_t *parts, ngx_str_t *name);
static ngx_int_t ngx_http_marketplace_location(ngx_http_request_t *r,
    ngx_array_t *redirect, ngx_str_t *location);
static ngx_int_t ngx_http_marketplace_part(ngx_http_request_t *r,
    ngx_http_marketplace_part_t *part, ngx_str_t *text);
static ngx_uint_t ngx_http_marketplace_is_dots(ngx_http_variable_value_t *v);


char *
ngx_http_marketplace_redirect(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_marketplace_loc_conf_t  *mlcf = conf;

    ngx_str_t  *value;

    if (mlcf->redirect != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    ngx_http_marketplace_use(cf);

    if (ngx_strcmp(value[1].data, "off") == 0) {
        mlcf->redirect = NULL;
        return NGX_CONF_OK;
    }

    if (!ngx_http_marketplace_is_url(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"marketplace_redirect\", "
                           "it must be a URL or a path, like "
                           "\"https://www.example.com/welcome\" or "
                           "\"/welcome\", or \"off\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    mlcf->redirect = ngx_array_create(cf->pool, 1,
                                      sizeof(ngx_http_marketplace_part_t));

    return (mlcf->redirect
            && ngx_http_marketplace_add_parts(cf, mlcf->redirect, &value[1])
               == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_uint_t
ngx_http_marketplace_is_url(ngx_str_t *value)
{
    mp_str_t  text, scheme;

    static const mp_str_t  separator = mp_str("://");

    text = ngx_http_marketplace_mp(value);

    scheme.data = text.data;
    scheme.len = mp_str_find(text, separator);

    if (text.len == 0) {
        return 0;
    }

    if (text.data[0] == '/') {
        return text.len == 1 || text.data[1] != '/';
    }

    return text.data[0] == '$'
           || (scheme.len > 0 && scheme.len < text.len
               && mp_str_is_made_of(scheme, MP_WORD));
}


static ngx_int_t
ngx_http_marketplace_add_parts(ngx_conf_t *cf, ngx_array_t *parts,
    ngx_str_t *value)
{
    ngx_str_t  rest, text, variable, name;

    rest = *value;

    while (ngx_http_marketplace_find_ours(&rest, &variable, &name)) {

        text.data = rest.data;
        text.len = variable.data - rest.data;

        if (ngx_http_marketplace_add_text(cf, parts, &text) != NGX_OK
            || ngx_http_marketplace_add_ours(cf, parts, &name) != NGX_OK)
        {
            return NGX_ERROR;
        }

        rest.len -= text.len + variable.len;
        rest.data = variable.data + variable.len;
    }

    return ngx_http_marketplace_add_text(cf, parts, &rest);
}


/* The first of our variables in a text: as it is written there, and its name
 * alone. */

static ngx_uint_t
ngx_http_marketplace_find_ours(ngx_str_t *text, ngx_str_t *variable,
    ngx_str_t *name)
{
    u_char      *p, *last;
    ngx_uint_t   braces;

    static const ngx_str_t  prefix = ngx_string("marketplace_");

    last = text->data + text->len;

    for (p = text->data; p < last; p++) {

        if (*p != '$') {
            continue;
        }

        variable->data = p;

        braces = (p + 1 < last && p[1] == '{');
        name->data = p + 1 + braces;

        for (p = name->data;
             p < last
             && ((*p >= '0' && *p <= '9') || *p == '_'
                 || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z'));
             p++)
        {
            /* void */
        }

        name->len = p - name->data;

        if (name->len <= prefix.len
            || ngx_strncasecmp(name->data, prefix.data, prefix.len) != 0
            || (braces && (p == last || *p != '}')))
        {
            p--;
            continue;
        }

        variable->len = p + braces - variable->data;

        return 1;
    }

    return 0;
}


static ngx_int_t
ngx_http_marketplace_add_text(ngx_conf_t *cf, ngx_array_t *parts,
    ngx_str_t *text)
{
    ngx_http_marketplace_part_t       *part;
    ngx_http_compile_complex_value_t   ccv;

    if (text->len == 0) {
        return NGX_OK;
    }

    part = ngx_array_push(parts);
    if (part == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(part, sizeof(ngx_http_marketplace_part_t));
    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    part->text = *text;

    ccv.cf = cf;
    ccv.value = text;
    ccv.complex_value = &part->value;

    return ngx_http_compile_complex_value(&ccv);
}


static ngx_int_t
ngx_http_marketplace_add_ours(ngx_conf_t *cf, ngx_array_t *parts,
    ngx_str_t *name)
{
    ngx_http_marketplace_part_t  *part;

    part = ngx_array_push(parts);
    if (part == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(part, sizeof(ngx_http_marketplace_part_t));

    part->index = ngx_http_get_variable_index(cf, name);

    return (part->index == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_http_marketplace_redirect_client(ngx_http_request_t *r,
    ngx_array_t *redirect)
{
    ngx_str_t         location;
    ngx_table_elt_t  *h;

    if (ngx_http_marketplace_location(r, redirect, &location) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (location.len == 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "marketplace: the URL of \"marketplace_redirect\" is "
                      "empty, check what its variables are set to");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_clear_location(r);

    h = ngx_http_marketplace_add_response_header(r, "Location", location);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.location = h;

    return NGX_HTTP_SEE_OTHER;
}


static ngx_int_t
ngx_http_marketplace_location(ngx_http_request_t *r, ngx_array_t *redirect,
    ngx_str_t *location)
{
    size_t                        len;
    u_char                       *p;
    ngx_str_t                    *texts;
    ngx_uint_t                    i;
    ngx_http_marketplace_part_t  *parts;

    static const ngx_str_t  path = ngx_string("/.");

    texts = ngx_palloc(r->pool, redirect->nelts * sizeof(ngx_str_t));
    if (texts == NULL) {
        return NGX_ERROR;
    }

    parts = redirect->elts;
    len = path.len;

    for (i = 0; i < redirect->nelts; i++) {

        if (ngx_http_marketplace_part(r, &parts[i], &texts[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        len += texts[i].len;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    location->data = p + path.len;
    p = location->data;

    for (i = 0; i < redirect->nelts; i++) {
        p = ngx_cpymem(p, texts[i].data, texts[i].len);
    }

    location->len = p - location->data;

    /* browsers take two slashes in front for the beginning of a host, which a
     * path must not become where a value is empty or begins with one */

    if (location->len > 1
        && location->data[0] == '/' && location->data[1] == '/')
    {
        location->data -= path.len;
        location->len += path.len;

        ngx_memcpy(location->data, path.data, path.len);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_marketplace_part(ngx_http_request_t *r,
    ngx_http_marketplace_part_t *part, ngx_str_t *text)
{
    uintptr_t                   escapes;
    ngx_str_t                   value;
    ngx_uint_t                  type;
    ngx_http_variable_value_t  *v;

    if (part->text.len) {
        type = NGX_ESCAPE_REFRESH;

        if (ngx_http_complex_value(r, &part->value, &value) != NGX_OK) {
            return NGX_ERROR;
        }

    } else {
        type = NGX_ESCAPE_URI_COMPONENT;
        v = ngx_http_get_flushed_variable(r, part->index);

        if (v == NULL) {
            return NGX_ERROR;
        }

        value.data = v->data;
        value.len = (v->not_found || ngx_http_marketplace_is_dots(v))
                    ? 0 : v->len;
    }

    escapes = value.len ? ngx_escape_uri(NULL, value.data, value.len, type)
                        : 0;

    text->len = value.len + 2 * escapes;
    text->data = ngx_pnalloc(r->pool, text->len + 1);

    if (text->data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_escape_uri(text->data, value.data, value.len, type);

    return NGX_OK;
}


/* Segments of a path that mean another one, even percent-encoded. */

static ngx_uint_t
ngx_http_marketplace_is_dots(ngx_http_variable_value_t *v)
{
    ngx_uint_t  i;

    for (i = 0; i < v->len; i++) {
        if (v->data[i] != '.') {
            return 0;
        }
    }

    return 1;
}
