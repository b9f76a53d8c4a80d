/*
 * The status page, and what is counted for it in the zone that the workers
 * share.
 */

#include "ngx_http_marketplace_credentials.h"
#include "ngx_http_marketplace_store.h"


typedef size_t (*ngx_http_marketplace_page_pt)(char *dst, size_t size,
    const mp_status_t *status);


static ngx_int_t ngx_http_marketplace_status_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_marketplace_accepts_json(ngx_http_request_t *r);
static ngx_int_t ngx_http_marketplace_send_status(ngx_http_request_t *r,
    ngx_buf_t *buf);
static ngx_buf_t *ngx_http_marketplace_status_page(ngx_http_request_t *r,
    ngx_http_marketplace_page_pt page);
static void ngx_http_marketplace_collect(ngx_http_request_t *r,
    mp_status_t *status);
static void ngx_http_marketplace_collect_source(mp_status_t *status,
    ngx_shm_zone_t *zone, ngx_http_marketplace_source_t *source,
    ngx_log_t *log);
static mp_source_t ngx_http_marketplace_source_kind(
    ngx_http_marketplace_source_t *source);
static mp_counters_t *ngx_http_marketplace_counters(
    ngx_http_marketplace_ctx_t *ctx);
static void ngx_http_marketplace_count(unsigned long *counter,
    ngx_atomic_int_t n);
static void ngx_http_marketplace_observe(mp_histogram_t *histogram,
    ngx_msec_t time);
static ngx_http_marketplace_in_flight_t *ngx_http_marketplace_in_flight(
    ngx_http_marketplace_ctx_t *ctx);


char *
ngx_http_marketplace_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == ngx_http_marketplace_status_handler) {
        return "is duplicate";
    }

    clcf->handler = ngx_http_marketplace_status_handler;

    ngx_http_marketplace_use(cf);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_marketplace_status_handler(ngx_http_request_t *r)
{
    ngx_int_t   rc;
    ngx_buf_t  *buf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_marketplace_accepts_json(r)) {
        ngx_str_set(&r->headers_out.content_type, "application/json");
        r->headers_out.content_type_len = sizeof("application/json") - 1;

        buf = ngx_http_marketplace_status_page(r, mp_status_json);

    } else {
        ngx_str_set(&r->headers_out.content_type,
                    "text/plain; version=0.0.4; charset=utf-8");
        r->headers_out.content_type_len = sizeof("text/plain") - 1;

        buf = ngx_http_marketplace_status_page(r, mp_status_prometheus);
    }

    r->headers_out.content_type_lowcase = NULL;

    /* without a date and a tag there is nothing to compare conditions with */

    r->disable_not_modified = 1;

    return buf ? ngx_http_marketplace_send_status(r, buf)
               : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_uint_t
ngx_http_marketplace_accepts_json(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static u_char  json[] = "application/json";

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == sizeof("accept") - 1
                && ngx_strncmp(h[i].lowcase_key, "accept", h[i].key.len) == 0
                && ngx_strlcasestrn(h[i].value.data,
                                    h[i].value.data + h[i].value.len,
                                    json, sizeof(json) - 2)
                   != NULL)
            {
                return 1;
            }
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_marketplace_send_status(ngx_http_request_t *r, ngx_buf_t *buf)
{
    ngx_int_t    rc;
    ngx_chain_t  out;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = buf->last - buf->pos;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    buf->last_buf = (r == r->main);
    buf->last_in_chain = 1;

    out.buf = buf;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_buf_t *
ngx_http_marketplace_status_page(ngx_http_request_t *r,
    ngx_http_marketplace_page_pt page)
{
    size_t        len;
    ngx_buf_t    *buf;
    mp_status_t   status;

    ngx_http_marketplace_collect(r, &status);

    len = page(NULL, 0, &status);

    buf = ngx_create_temp_buf(r->pool, len + 1);

    if (buf) {
        buf->last += page((char *) buf->pos, len + 1, &status);
    }

    return buf;
}


static void
ngx_http_marketplace_collect(ngx_http_request_t *r, mp_status_t *status)
{
    ngx_uint_t                          i;
    ngx_http_marketplace_store_t       *store;
    ngx_http_marketplace_source_t     **source;
    ngx_http_marketplace_main_conf_t   *mmcf;

    mmcf = ngx_http_get_module_main_conf(r, ngx_http_marketplace_module);
    store = mmcf->zone->data;

    ngx_memzero(status, sizeof(mp_status_t));

    status->counters = store->counters;
    status->clock_offset = ngx_http_marketplace_clock(mmcf);

    for (i = 0; i < NGX_HTTP_MARKETPLACE_PROCESSES; i++) {
        if (store->in_flight[i].calls
            && ngx_http_marketplace_lives(store->in_flight[i].pid))
        {
            status->calls_in_flight += store->in_flight[i].calls;
        }
    }

    source = mmcf->sources.elts;

    for (i = 0; i < mmcf->sources.nelts; i++) {
        ngx_http_marketplace_collect_source(status, mmcf->zone, source[i],
                                            r->connection->log);
    }
}


/* How long the credentials of a source last, and of those that it stands on. */

static void
ngx_http_marketplace_collect_source(mp_status_t *status, ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source, ngx_log_t *log)
{
    time_t                         expires;
    mp_source_t                    kind;
    ngx_http_marketplace_chain_t  *chain;

    if (source->profile) {
        chain = ngx_http_marketplace_profile_chain(source->profile, 0, log);
        ngx_http_marketplace_collect_source(status, zone, chain->source, log);
        ngx_http_marketplace_release_chain(chain);
    }

    if (source->base) {
        ngx_http_marketplace_collect_source(status, zone, source->base, log);
    }

    kind = ngx_http_marketplace_source_kind(source);

    expires = (kind == MP_SOURCES)
              ? 0 : ngx_http_marketplace_store_expires(zone, source);

    if (expires == 0) {
        return;
    }

    expires -= ngx_time();

    if (!status->has_credentials[kind]
        || expires < status->credentials_left[kind])
    {
        status->has_credentials[kind] = 1;
        status->credentials_left[kind] = expires;
    }
}


/* MP_SOURCES if it gives no credentials that end. */

static mp_source_t
ngx_http_marketplace_source_kind(ngx_http_marketplace_source_t *source)
{
    if (source->issuer == &ngx_http_marketplace_imds) {
        return MP_SOURCE_IMDS;
    }

    if (source->issuer == &ngx_http_marketplace_container) {
        return MP_SOURCE_CONTAINER;
    }

    if (source->issuer == &ngx_http_marketplace_sts) {
        return source->token_file.len ? MP_SOURCE_WEB_IDENTITY
                                      : MP_SOURCE_ASSUME_ROLE;
    }

    return MP_SOURCES;
}


void
ngx_http_marketplace_count_resolve(ngx_http_marketplace_ctx_t *ctx,
    size_t outcome)
{
    mp_counters_t      *counters;
    mp_cache_result_t   result;

    counters = ngx_http_marketplace_counters(ctx);

    ngx_http_marketplace_count(&counters->resolves[outcome], 1);

    switch (ctx->cache_status) {

    case NGX_HTTP_MARKETPLACE_MISS:
        result = MP_CACHE_MISS;
        break;

    case NGX_HTTP_MARKETPLACE_HIT:
        result = MP_CACHE_HIT;
        break;

    case NGX_HTTP_MARKETPLACE_SHARED:
        result = MP_CACHE_SHARED;
        break;

    case NGX_HTTP_MARKETPLACE_BYPASS:
        result = MP_CACHE_BYPASS;
        break;

    default: /* it had no token yet, but may have a session */
        return;
    }

    ngx_http_marketplace_count(&counters->cache[result], 1);
    ngx_http_marketplace_observe(&counters->resolve_time,
                                 ngx_current_msec - ctx->start);
}


void
ngx_http_marketplace_count_call_start(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_http_marketplace_in_flight_t  *in_flight;

    ctx->called = ngx_current_msec;
    ctx->in_flight = 1;

    in_flight = ngx_http_marketplace_in_flight(ctx);

    /* what another process has left in this place is no longer under way */

    if (in_flight->pid != ngx_pid) {
        in_flight->calls = 0;
        in_flight->pid = ngx_pid;
    }

    in_flight->calls++;

    if (ctx->attempts > 1) {
        ngx_http_marketplace_count(
                             &ngx_http_marketplace_counters(ctx)->retries, 1);
    }
}


void
ngx_http_marketplace_count_call_end(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_http_marketplace_in_flight_t  *in_flight;

    if (!ctx->in_flight) {
        return;
    }

    ctx->in_flight = 0;

    in_flight = ngx_http_marketplace_in_flight(ctx);

    if (in_flight->pid == ngx_pid && in_flight->calls) {
        in_flight->calls--;
    }
}


/* Only the last attempt can have been answered. */

void
ngx_http_marketplace_count_call(ngx_http_marketplace_ctx_t *ctx)
{
    unsigned                          status;
    mp_counters_t                    *counters;
    ngx_http_marketplace_exchange_t  *exchange;

    ngx_http_marketplace_count_call_end(ctx);

    counters = ngx_http_marketplace_counters(ctx);
    exchange = &ctx->exchange;

    status = (exchange->rc == NGX_OK) ? exchange->reply.status : 0;

    ngx_http_marketplace_count(&counters->attempts[mp_status_attempt(status)],
                             1);

    if (exchange->tries > 1) {
        ngx_http_marketplace_count(&counters->attempts[mp_status_attempt(0)],
                                 exchange->tries - 1);
    }

    ngx_http_marketplace_observe(&counters->call_time,
                                 ngx_current_msec - ctx->called);
}


void
ngx_http_marketplace_count_renewal(ngx_shm_zone_t *zone,
    ngx_http_marketplace_source_t *source, ngx_int_t rc)
{
    mp_source_t                    kind;
    ngx_http_marketplace_store_t  *store;

    kind = ngx_http_marketplace_source_kind(source);

    if (kind == MP_SOURCES) {
        return;
    }

    store = zone->data;

    ngx_http_marketplace_count(&store->counters.renewals[kind]
                              [rc == NGX_OK ? MP_RENEWAL_SUCCESS
                                            : MP_RENEWAL_FAILURE],
                             1);
}


static mp_counters_t *
ngx_http_marketplace_counters(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_http_marketplace_store_t  *store;

    store = ngx_http_marketplace_main(ctx)->zone->data;

    return &store->counters;
}


static void
ngx_http_marketplace_count(unsigned long *counter, ngx_atomic_int_t n)
{
    (void) ngx_atomic_fetch_add((ngx_atomic_t *) counter, n);
}


static void
ngx_http_marketplace_observe(mp_histogram_t *histogram, ngx_msec_t time)
{
    ngx_http_marketplace_count(&histogram->bucket[mp_status_bucket(time)], 1);
    ngx_http_marketplace_count(&histogram->milliseconds, time);
}


static ngx_http_marketplace_in_flight_t *
ngx_http_marketplace_in_flight(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_http_marketplace_store_t  *store;

    store = ngx_http_marketplace_main(ctx)->zone->data;

    return &store->in_flight[ngx_process_slot
                             % NGX_HTTP_MARKETPLACE_PROCESSES];
}
