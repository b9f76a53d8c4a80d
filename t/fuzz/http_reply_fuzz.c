/*
 * A reply of AWS as it comes off the wire.  The input is what comes: read at
 * once, byte by byte, and in two pieces wherever they part, it is the same
 * reply, and no byte behind it is read.  Then the input is what a reply is
 * made of.
 */

#include "fuzz.h"

#include "aws/mp_http_reply.h"
#include "aws/mp_retry.h"


static void every_split_is_read_alike(mp_str_t wire, size_t size);
static mp_reply_rc_t read_in_steps(mp_http_reply_t *reply, mp_str_t wire,
    size_t size, size_t first, size_t step);
static void same_reply(mp_reply_rc_t rc, const mp_http_reply_t *a,
    mp_reply_rc_t other, const mp_http_reply_t *b);
static void wishes_are_numbers(const mp_http_reply_t *reply);
static void a_reply_comes_back(mp_str_t input);
static void too_large_is_refused_early(mp_str_t wire, size_t body);
static mp_str_t add_header(fuzz_text_t *wire, const char *name,
    mp_str_t *input);
static void add_body(fuzz_text_t *wire, mp_str_t *input, mp_str_t body,
    int chunked);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mp_str_t  wire;

    wire = fuzz_str(data, size);

    every_split_is_read_alike(wire, size + size % 4);

    a_reply_comes_back(wire);

    fuzz_free_all();

    return 0;
}


static void
every_split_is_read_alike(mp_str_t wire, size_t size)
{
    size_t           at;
    mp_reply_rc_t    rc, other;
    mp_http_reply_t  reply, again;

    rc = read_in_steps(&reply, wire, size, wire.len, 1);

    if (rc == MP_REPLY_DONE) {
        fuzz_hold(reply.pos <= wire.len);
        fuzz_hold(reply.pos == wire.len || !reply.keepalive);
        fuzz_hold(reply.status >= 200 && reply.status <= 999);

        wishes_are_numbers(&reply);

        /* what comes behind it tells something only when it is there */

        wire.len = reply.pos;
        rc = read_in_steps(&reply, wire, size, wire.len, 1);
    }

    other = read_in_steps(&again, wire, size, 0, 1);
    same_reply(rc, &reply, other, &again);

    for (at = 0; at < wire.len; at += 1 + at / 16) {
        other = read_in_steps(&again, wire, size, at, wire.len);
        same_reply(rc, &reply, other, &again);
    }
}


/* Reads the first bytes and then so many more at a time.  At every step the
 * bytes move to a larger buffer, of which the one before stays. */

static mp_reply_rc_t
read_in_steps(mp_http_reply_t *reply, mp_str_t wire, size_t size,
    size_t first, size_t step)
{
    size_t          len, had;
    mp_reply_rc_t   rc;
    unsigned char  *buf, *larger;

    mp_http_reply_init(reply);

    buf = NULL;
    had = 0;
    len = first;

    for ( ;; ) {
        larger = fuzz_alloc(len);

        if (had) {
            memcpy(larger, buf, had);
        }

        if (len > had) {
            memcpy(larger + had, wire.data + had, len - had);
        }

        rc = mp_http_reply_parse(reply, larger, len, size);

        if (rc != MP_REPLY_AGAIN || len == wire.len) {
            return rc;
        }

        buf = larger;
        had = len;
        len = (step < wire.len - len) ? len + step : wire.len;
    }
}


static void
same_reply(mp_reply_rc_t rc, const mp_http_reply_t *a, mp_reply_rc_t other,
    const mp_http_reply_t *b)
{
    fuzz_hold(rc == other);

    if (rc != MP_REPLY_DONE) {
        return;
    }

    fuzz_hold(a->status == b->status);
    fuzz_hold(a->pos == b->pos);
    fuzz_hold(a->keepalive == b->keepalive);
    fuzz_hold(fuzz_eq(a->request_id, b->request_id));
    fuzz_hold(fuzz_eq(a->error_type, b->error_type));
    fuzz_hold(fuzz_eq(a->date, b->date));
    fuzz_hold(fuzz_eq(a->retry_after, b->retry_after));
    fuzz_hold(fuzz_eq(a->amz_retry_after, b->amz_retry_after));
    fuzz_hold(fuzz_eq(a->body, b->body));
}


/* What a service wishes may be nonsense; what is made of it is not. */

static void
wishes_are_numbers(const mp_http_reply_t *reply)
{
    unsigned  wish;

    wish = mp_retry_wish(reply->amz_retry_after, reply->retry_after);

    fuzz_hold(mp_retry_delay(MP_RETRY_TRANSIENT, 0, 0, wish)
              <= (wish ? 5000 : 0));
}


static void
a_reply_comes_back(mp_str_t input)
{
    char             line[64];
    unsigned         status, chunked, minor, closes;
    mp_str_t         wire, id, type, body;
    fuzz_text_t      text = { NULL, 0, 0 };
    mp_reply_rc_t    rc;
    mp_http_reply_t  reply;

    status = 200 + fuzz_take(&input, 100);
    chunked = fuzz_take(&input, 2);
    minor = fuzz_take(&input, 2);
    closes = fuzz_take(&input, 2);

    if (fuzz_take(&input, 2)) {
        fuzz_add_chars(&text, "HTTP/1.1 100 Continue\r\nDate: old\r\n\r\n");
    }

    snprintf(line, sizeof(line), "HTTP/1.%u %u OK\r\n", minor, status);
    fuzz_add_chars(&text, line);

    id = add_header(&text, "x-amzn-RequestId", &input);
    type = add_header(&text, "X-Amzn-ErrorType", &input);

    if (closes) {
        fuzz_add_chars(&text, "Connection: a, Close\r\n");
    }

    body = input;

    if (status == 204) {
        body.len = 0;
        fuzz_add_chars(&text, "\r\n");

    } else {
        add_body(&text, &input, body, chunked);
    }

    wire = fuzz_text(&text);

    rc = read_in_steps(&reply, wire, wire.len, wire.len, 1);

    fuzz_hold(rc == MP_REPLY_DONE);
    fuzz_hold(reply.status == status);
    fuzz_hold(reply.pos == wire.len);
    fuzz_hold(reply.keepalive == (minor && !closes));
    fuzz_hold(reply.date.len == 0);
    fuzz_hold(fuzz_eq(reply.request_id, id));
    fuzz_hold(fuzz_eq(reply.error_type, type));
    fuzz_hold(fuzz_eq(reply.body, body));

    if (!chunked && body.len) {
        too_large_is_refused_early(wire, body.len);
    }
}


/* As soon as its length is known. */

static void
too_large_is_refused_early(mp_str_t wire, size_t body)
{
    size_t           size;
    mp_reply_rc_t    rc;
    mp_http_reply_t  reply;

    size = wire.len - 1;
    wire.len -= body;

    rc = read_in_steps(&reply, wire, size, wire.len, 1);

    fuzz_hold(rc == MP_REPLY_INVALID);
}


/* Returns its value, which has nothing that ends it or is trimmed. */

static mp_str_t
add_header(fuzz_text_t *wire, const char *name, mp_str_t *input)
{
    size_t    i;
    mp_str_t  value;

    static const char  *spaces[] = { "", " ", "\t ", "  " };

    value = fuzz_take_text(input, 40);

    for (i = 0; i < value.len && value.data[i] > ' '; i++) {
        /* void */
    }

    value.len = i;

    fuzz_add_chars(wire, name);
    fuzz_add_byte(wire, ':');
    fuzz_add_chars(wire, spaces[fuzz_take(input, 4)]);
    fuzz_add(wire, value);
    fuzz_add_chars(wire, spaces[fuzz_take(input, 4)]);
    fuzz_add_chars(wire, "\r\n");

    return value;
}


static void
add_body(fuzz_text_t *wire, mp_str_t *input, mp_str_t body, int chunked)
{
    char      line[64];
    mp_str_t  chunk;

    if (!chunked) {
        snprintf(line, sizeof(line), "Content-Length: %zu\r\n\r\n", body.len);
        fuzz_add_chars(wire, line);
        fuzz_add(wire, body);
        return;
    }

    fuzz_add_chars(wire, "Transfer-Encoding: Chunked\r\n\r\n");

    while (body.len) {
        chunk = body;
        chunk.len = 1 + fuzz_take(input, 256) % body.len;

        snprintf(line, sizeof(line), chunk.len % 2 ? "%zX ;a=b\r\n" : "%zx\r\n",
                 chunk.len);
        fuzz_add_chars(wire, line);
        fuzz_add(wire, chunk);
        fuzz_add_chars(wire, "\r\n");

        body.data += chunk.len;
        body.len -= chunk.len;
    }

    fuzz_add_chars(wire, "0\r\nDate: no header\r\n\r\n");
}
