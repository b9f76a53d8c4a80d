/*
 * Resolved tokens, as the workers share them: one call for a token at a time,
 * whose result all get who wait for it, and a success also who comes later.
 *
 * A token is known by a keyed digest only, together with the location's
 * endpoint, region and source of credentials, so that nobody is answered what
 * another account would be.
 */

#include "ngx_http_marketplace_credentials.h"
#include "ngx_http_marketplace_store.h"


typedef enum {
    NGX_HTTP_MARKETPLACE_ASKED = 0,
    NGX_HTTP_MARKETPLACE_RESOLVES,    /* to a customer */
    NGX_HTTP_MARKETPLACE_FAILED       /* for those who waited */
} ngx_http_marketplace_answer_e;


typedef struct {
    ngx_http_marketplace_entry_t      entry;
    uint32_t                          call;     /* counts them */
    uint32_t                          failed;   /* the one that data is of */
    u_char                            state;
    u_char                            awaited;

    union {
        ngx_http_marketplace_worker_t    caller;
        time_t                           resolved;    /* when */
    } u;

    u_char                            data[];
} ngx_http_marketplace_answer_t;


#define NGX_HTTP_MARKETPLACE_ANSWER_HEAD                                      \
    offsetof(ngx_http_marketplace_answer_t, data)


/* The error of a failed call, in front of its name and message. */
typedef struct {
    uint16_t                          status;
    uint16_t                          fault;
    uint16_t                          name_len;
    uint16_t                          message_len;
} ngx_http_marketplace_failure_t;


static ngx_int_t ngx_http_marketplace_look_answer(
    ngx_http_marketplace_ctx_t *ctx, ngx_http_marketplace_answer_t *answer,
    ngx_msec_t deadline);
static ngx_int_t ngx_http_marketplace_take_customer(
    ngx_http_marketplace_ctx_t *ctx, ngx_http_marketplace_answer_t *answer);
static ngx_int_t ngx_http_marketplace_take_failure(
    ngx_http_marketplace_ctx_t *ctx, ngx_http_marketplace_answer_t *answer);
static ngx_http_marketplace_answer_t *ngx_http_marketplace_write_answer(
    ngx_http_marketplace_ctx_t *ctx, size_t len);
static ngx_http_marketplace_answer_t *ngx_http_marketplace_own_answer(
    ngx_http_marketplace_ctx_t *ctx, ngx_shm_zone_t *zone);
static void ngx_http_marketplace_write_failure(
    ngx_http_marketplace_ctx_t *ctx);


void
ngx_http_marketplace_answer_id(ngx_http_marketplace_ctx_t *ctx)
{
    u_char                         code[MP_SHA256_LEN];
    mp_hmac_t                      hmac;
    ngx_http_marketplace_store_t  *store;

    store = ngx_http_marketplace_main(ctx)->zone->data;

    hmac = store->hmac;

    SHA256_Update(&hmac.inner, ctx->conf->id, NGX_HTTP_MARKETPLACE_ID_LEN);
    SHA256_Update(&hmac.inner, &ctx->conf->cache_valid, sizeof(time_t));
    ngx_http_marketplace_hash_source(&hmac.inner, ctx->conf->source,
                                     ctx->request->connection->log);

    mp_hmac(&hmac, ctx->registration.token, code);

    ngx_memcpy(ctx->answer_id, code, NGX_HTTP_MARKETPLACE_ID_LEN);
}


ngx_int_t
ngx_http_marketplace_answer_look(ngx_http_marketplace_ctx_t *ctx,
    ngx_msec_t deadline)
{
    ngx_int_t                      rc;
    ngx_shm_zone_t                *zone;
    ngx_http_marketplace_entry_t  *entry;

    zone = ngx_http_marketplace_main(ctx)->zone;

    ngx_http_marketplace_lock(zone);

    entry = ngx_http_marketplace_add(zone, ctx->answer_id,
                                     NGX_HTTP_MARKETPLACE_ANSWER_HEAD);

    /* without room for it every request calls for itself */

    rc = entry ? ngx_http_marketplace_look_answer(ctx,
                                     (ngx_http_marketplace_answer_t *) entry,
                                                  deadline)
               : NGX_DONE;

    ngx_http_marketplace_unlock(zone);

    return rc;
}


static ngx_int_t
ngx_http_marketplace_look_answer(ngx_http_marketplace_ctx_t *ctx,
    ngx_http_marketplace_answer_t *answer, ngx_msec_t deadline)
{
    time_t  age;

    /* what a call has come to counts for who waited for it, even if there is
     * another call already */

    if (ctx->call && answer->failed
        && (int32_t) (answer->failed - ctx->call) >= 0)
    {
        return ngx_http_marketplace_take_failure(ctx, answer);
    }

    switch (answer->state) {

    case NGX_HTTP_MARKETPLACE_RESOLVES:

        age = ngx_time() - answer->u.resolved;

        if (age >= 0 && age < ctx->conf->cache_valid) {
            return ngx_http_marketplace_take_customer(ctx, answer);
        }

        break;

    case NGX_HTTP_MARKETPLACE_FAILED:
        break;

    default: /* NGX_HTTP_MARKETPLACE_ASKED */

        if (ngx_http_marketplace_is_at_work(&answer->u.caller)) {
            if (ctx->call == 0
                || (int32_t) (answer->call - ctx->call) < 0)
            {
                ctx->call = answer->call;
            }

            answer->awaited = 1;

            return NGX_AGAIN;
        }
    }

    answer->state = NGX_HTTP_MARKETPLACE_ASKED;
    answer->awaited = 0;
    answer->call++;

    ngx_http_marketplace_begin_work(&answer->u.caller, deadline);

    ctx->call = answer->call;
    ctx->leads = 1;

    return NGX_DONE;
}


static ngx_int_t
ngx_http_marketplace_take_customer(ngx_http_marketplace_ctx_t *ctx,
    ngx_http_marketplace_answer_t *answer)
{
    u_char    *p;
    mp_str_t   packed;

    packed.len = answer->entry.size - NGX_HTTP_MARKETPLACE_ANSWER_HEAD;

    p = ngx_pnalloc(ctx->request->pool, packed.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, answer->data, packed.len);
    packed.data = p;

    mp_customer_unpack(&ctx->customer, packed);

    return NGX_OK;
}


static ngx_int_t
ngx_http_marketplace_take_failure(ngx_http_marketplace_ctx_t *ctx,
    ngx_http_marketplace_answer_t *answer)
{
    mp_aws_error_t                  *error;
    ngx_http_marketplace_failure_t   failure;

    error = ngx_pcalloc(ctx->request->pool, sizeof(mp_aws_error_t));
    if (error == NULL) {
        return NGX_ERROR;
    }

    ngx_http_marketplace_let_pass(ngx_http_marketplace_main(ctx)->zone,
                                  &answer->entry);

    ngx_memcpy(&failure, answer->data, sizeof(failure));

    error->name_len = failure.name_len;
    error->message_len = failure.message_len;

    ngx_memcpy(error->name, answer->data + sizeof(failure), failure.name_len);
    ngx_memcpy(error->message,
               answer->data + sizeof(failure) + failure.name_len,
               failure.message_len);

    ctx->aws_error = error;

    ctx->error.name.data = error->name;
    ctx->error.name.len = error->name_len;
    ctx->error.status = failure.status;
    ctx->error.fault = failure.fault;
    ctx->error.advice = "another request with the same token got this answer, "
                        "and has logged what is to be done";

    return NGX_DECLINED;
}


void
ngx_http_marketplace_answer_put(ngx_http_marketplace_ctx_t *ctx)
{
    mp_str_t                        packed;
    ngx_shm_zone_t                 *zone;
    ngx_http_marketplace_answer_t  *answer;

    if (!ctx->leads) {
        return;
    }

    ctx->leads = 0;

    zone = ngx_http_marketplace_main(ctx)->zone;
    packed = ctx->customer.packed;

    ngx_http_marketplace_lock(zone);

    answer = ngx_http_marketplace_write_answer(ctx, packed.len);

    if (answer) {
        answer->state = NGX_HTTP_MARKETPLACE_RESOLVES;
        answer->failed = 0;
        answer->u.resolved = ngx_time();

        mp_copy(answer->data, packed);
    }

    ngx_http_marketplace_unlock(zone);

    ngx_http_marketplace_wake(ctx->answer_id);
}


/* A failure is for those who wait for it; without any it is forgotten, so that
 * false tokens take no room. */

void
ngx_http_marketplace_answer_fail(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_shm_zone_t                 *zone;
    ngx_http_marketplace_answer_t  *answer;

    if (!ctx->leads) {
        return;
    }

    ctx->leads = 0;
    zone = ngx_http_marketplace_main(ctx)->zone;

    ngx_http_marketplace_lock(zone);

    answer = ngx_http_marketplace_own_answer(ctx, zone);

    if (answer && answer->awaited) {
        ngx_http_marketplace_write_failure(ctx);

    } else if (answer) {
        ngx_http_marketplace_remove(zone, &answer->entry);
    }

    ngx_http_marketplace_unlock(zone);

    ngx_http_marketplace_wake(ctx->answer_id);
}


static void
ngx_http_marketplace_write_failure(ngx_http_marketplace_ctx_t *ctx)
{
    u_char                          *p;
    mp_str_t                         message;
    ngx_http_marketplace_answer_t   *answer;
    ngx_http_marketplace_failure_t   failure;

    message.data = ctx->aws_error ? ctx->aws_error->message : NULL;
    message.len = ctx->aws_error ? ctx->aws_error->message_len : 0;

    failure.status = ctx->error.status;
    failure.fault = ctx->error.fault;
    failure.name_len = ctx->error.name.len;
    failure.message_len = message.len;

    answer = ngx_http_marketplace_write_answer(ctx, sizeof(failure)
                                                    + failure.name_len
                                                    + failure.message_len);
    if (answer) {
        answer->state = NGX_HTTP_MARKETPLACE_FAILED;
        answer->failed = ctx->call;

        /* it must not take the place of a customer */

        ngx_http_marketplace_let_pass(ngx_http_marketplace_main(ctx)->zone,
                                      &answer->entry);

        p = ngx_cpymem(answer->data, &failure, sizeof(failure));
        p = mp_copy(p, ctx->error.name);
        mp_copy(p, message);
    }
}


void
ngx_http_marketplace_answer_release(ngx_http_marketplace_ctx_t *ctx)
{
    ngx_shm_zone_t                 *zone;
    ngx_http_marketplace_answer_t  *answer;

    if (!ctx->leads) {
        return;
    }

    ctx->leads = 0;
    zone = ngx_http_marketplace_main(ctx)->zone;

    ngx_http_marketplace_lock(zone);

    answer = ngx_http_marketplace_own_answer(ctx, zone);

    if (answer) {
        ngx_http_marketplace_remove(zone, &answer->entry);
    }

    ngx_http_marketplace_unlock(zone);

    ngx_http_marketplace_wake(ctx->answer_id);
}


/* That this request works at; it may have taken too long, or been removed to
 * make room. */

static ngx_http_marketplace_answer_t *
ngx_http_marketplace_own_answer(ngx_http_marketplace_ctx_t *ctx,
    ngx_shm_zone_t *zone)
{
    ngx_http_marketplace_answer_t  *answer;

    answer = (ngx_http_marketplace_answer_t *)
             ngx_http_marketplace_find(zone, ctx->answer_id);

    return (answer
            && answer->state == NGX_HTTP_MARKETPLACE_ASKED
            && answer->u.caller.pid == ngx_pid
            && answer->call == ctx->call)
           ? answer : NULL;
}


/* Makes room for so many bytes of data. */

static ngx_http_marketplace_answer_t *
ngx_http_marketplace_write_answer(ngx_http_marketplace_ctx_t *ctx, size_t len)
{
    size_t                         size;
    ngx_shm_zone_t                *zone;
    ngx_http_marketplace_entry_t  *entry;

    zone = ngx_http_marketplace_main(ctx)->zone;
    size = NGX_HTTP_MARKETPLACE_ANSWER_HEAD + len;

    entry = ngx_http_marketplace_add(zone, ctx->answer_id, size);

    return (ngx_http_marketplace_answer_t *)
           (entry ? ngx_http_marketplace_resize(zone, entry, size) : NULL);
}
