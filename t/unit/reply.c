/*
 * A filter for t/fuzz/agree.py: reads FIELDS strings each, of which the first
 * tells what the second is, and writes four for each: a status, the error's
 * type, the request's id and the body of what came off the wire; or the
 * fields of a customer; or the name of an error, its message and nothing.
 * They are all empty where there is no reply or no customer.
 */

#include "frame.h"

#include "aws/mp_error.h"
#include "aws/mp_http_reply.h"
#include "aws/mp_resolve_customer.h"


enum {
    KIND = 0,          /* "wire", "customer" or "error" */
    TEXT,
    FIELDS
};


static const mp_str_t  nothing = mp_null_str;


static void
write_reply(mp_str_t wire)
{
    char             status[sizeof("4294967295")];
    mp_http_reply_t  reply;

    mp_http_reply_init(&reply);

    if (mp_http_reply_parse(&reply, (unsigned char *) wire.data, wire.len,
                            wire.len + 1)
        != MP_REPLY_DONE)
    {
        mp_http_reply_init(&reply);
    }

    sprintf(status, "%u", reply.status);

    frame_write(reply.status ? mp_str_from(status) : nothing);
    frame_write(reply.error_type);
    frame_write(reply.request_id);
    frame_write(reply.body);
}


static void *
pool_alloc(void *pool, size_t size)
{
    return *(void **) pool = malloc(size);
}


static void
write_customer(mp_str_t body)
{
    void           *memory;
    size_t          i;
    mp_pool_t       pool;
    mp_customer_t   customer;

    memory = NULL;
    pool.alloc = pool_alloc;
    pool.pool = &memory;

    if (mp_customer_parse(&customer, body, &pool) != MP_CUSTOMER_OK) {
        mp_customer_unpack(&customer, nothing);
    }

    for (i = 0; i < MP_CUSTOMER_FIELDS; i++) {
        frame_write(customer.field[i]);
    }

    free(memory);
}


static void
write_error(mp_str_t body)
{
    mp_str_t        text;
    mp_aws_error_t  error;

    mp_aws_error_parse(&error, body, nothing, NULL, 0);

    text.data = error.name;
    text.len = error.name_len;
    frame_write(text);

    text.data = error.message;
    text.len = error.message_len;
    frame_write(text);

    frame_write(nothing);
    frame_write(nothing);
}


int
main(void)
{
    mp_str_t  field[FIELDS];

    static const mp_str_t  wire = mp_str("wire");
    static const mp_str_t  customer = mp_str("customer");

    while (frame_read_all(field, FIELDS)) {

        if (mp_str_eq(field[KIND], wire)) {
            write_reply(field[TEXT]);

        } else if (mp_str_eq(field[KIND], customer)) {
            write_customer(field[TEXT]);

        } else {
            write_error(field[TEXT]);
        }

        frame_free(field, FIELDS);
    }

    return EXIT_SUCCESS;
}
