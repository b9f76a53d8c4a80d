/*
 * An HTTP/1.x reply, read as it arrives into one bounded buffer.
 */

#ifndef MP_HTTP_REPLY_H
#define MP_HTTP_REPLY_H


#include "../text/mp_str.h"


typedef enum {
    MP_REPLY_AGAIN = 0,    /* more bytes are needed */
    MP_REPLY_DONE,         /* it is here, whole */
    MP_REPLY_INVALID       /* it is no HTTP, contradicts itself, or is larger
                            * than the buffer */
} mp_reply_rc_t;


typedef struct {
    unsigned        status;
    mp_str_t        request_id;     /* x-amzn-RequestId */
    mp_str_t        error_type;     /* x-amzn-ErrorType */
    mp_str_t        date;
    mp_str_t        retry_after;
    mp_str_t        amz_retry_after;
    mp_str_t        body;

    /* the connection can carry another request */
    unsigned        keepalive:1;

    /* for the parser itself */
    unsigned        chunked:1;
    unsigned        has_length:1;
    unsigned        state;
    size_t          pos;            /* the first byte not yet parsed */
    size_t          scanned;        /* no line end between pos and here */
    size_t          body_start;
    size_t          body_len;
    size_t          left;           /* of the body or the chunk */
} mp_http_reply_t;


/* Starts over, for a new reply. */
void mp_http_reply_init(mp_http_reply_t *reply);

/*
 * Goes on with a reply of at most size bytes, of which len are in buf.  Between
 * calls they may be copied to a larger buffer, if the one before stays as it
 * was.  Chunks are joined in place.  Replies with a status below 200 are
 * passed over.
 *
 * When it returns MP_REPLY_DONE, the strings of reply point into the buffers.
 * A reply that ends where the connection does has an empty body: nothing tells
 * that it is whole.
 */
mp_reply_rc_t mp_http_reply_parse(mp_http_reply_t *reply, unsigned char *buf,
    size_t len, size_t size);


#endif /* MP_HTTP_REPLY_H */
