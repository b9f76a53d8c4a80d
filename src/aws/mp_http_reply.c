#include "mp_http_reply.h"

#include <string.h>


/* More digits would only be a way to overflow. */
#define MP_LENGTH_DIGITS  9
#define MP_CHUNK_DIGITS   8


enum {
    MP_STATUS_LINE = 0,
    MP_HEADER,
    MP_BODY,
    MP_CHUNK_SIZE,
    MP_CHUNK_DATA,
    MP_CHUNK_END,
    MP_TRAILER,
    MP_END
};


static mp_reply_rc_t mp_reply_line(mp_http_reply_t *reply, mp_str_t line,
    size_t size);
static mp_reply_rc_t mp_reply_status_line(mp_http_reply_t *reply,
    mp_str_t line);
static mp_reply_rc_t mp_reply_header(mp_http_reply_t *reply, mp_str_t line);
static void mp_reply_keep(mp_http_reply_t *reply, mp_str_t name,
    mp_str_t value);
static mp_reply_rc_t mp_reply_content_length(mp_http_reply_t *reply,
    mp_str_t value);
static mp_reply_rc_t mp_reply_head_end(mp_http_reply_t *reply, size_t size);
static mp_reply_rc_t mp_reply_chunk_size(mp_http_reply_t *reply,
    mp_str_t line, size_t size);
static mp_reply_rc_t mp_reply_data(mp_http_reply_t *reply, unsigned char *buf,
    size_t len);
static mp_reply_rc_t mp_reply_next_line(mp_http_reply_t *reply,
    unsigned char *buf, size_t len, mp_str_t *line);
static int mp_has_close(mp_str_t value);


void
mp_http_reply_init(mp_http_reply_t *reply)
{
    memset(reply, 0, sizeof(mp_http_reply_t));
}


mp_reply_rc_t
mp_http_reply_parse(mp_http_reply_t *reply, unsigned char *buf, size_t len,
    size_t size)
{
    mp_str_t       line;
    mp_reply_rc_t  rc;

    do {

        if (reply->state == MP_BODY || reply->state == MP_CHUNK_DATA) {
            rc = mp_reply_data(reply, buf, len);

        } else {
            rc = mp_reply_next_line(reply, buf, len, &line);

            if (rc == MP_REPLY_AGAIN) {
                break;
            }

            if (rc == MP_REPLY_DONE) {
                rc = mp_reply_line(reply, line, size);
            }
        }

    } while (rc == MP_REPLY_AGAIN && reply->state != MP_END
             && reply->pos < len);

    if (rc == MP_REPLY_INVALID) {
        return rc;
    }

    if (reply->state == MP_END) {

        reply->body.data = buf + reply->body_start;
        reply->body.len = reply->body_len;

        if (reply->pos < len) {
            reply->keepalive = 0;
        }

        return MP_REPLY_DONE;
    }

    return (len == size) ? MP_REPLY_INVALID : MP_REPLY_AGAIN;
}


static mp_reply_rc_t
mp_reply_line(mp_http_reply_t *reply, mp_str_t line, size_t size)
{
    switch (reply->state) {

    case MP_STATUS_LINE:
        return mp_reply_status_line(reply, line);

    case MP_HEADER:
        return (line.len == 0) ? mp_reply_head_end(reply, size)
                               : mp_reply_header(reply, line);

    case MP_CHUNK_SIZE:
        return mp_reply_chunk_size(reply, line, size);

    case MP_CHUNK_END:
        reply->state = MP_CHUNK_SIZE;
        return (line.len == 0) ? MP_REPLY_AGAIN : MP_REPLY_INVALID;

    default: /* MP_TRAILER */
        if (line.len == 0) {
            reply->state = MP_END;
        }

        return MP_REPLY_AGAIN;
    }
}


/* Takes the next line without its end, if it is whole. */

static mp_reply_rc_t
mp_reply_next_line(mp_http_reply_t *reply, unsigned char *buf, size_t len,
    mp_str_t *line)
{
    unsigned char  *start, *end;

    if (reply->scanned < reply->pos) {
        reply->scanned = reply->pos;
    }

    end = memchr(buf + reply->scanned, '\n', len - reply->scanned);

    if (end == NULL) {
        reply->scanned = len;
        return MP_REPLY_AGAIN;
    }

    start = buf + reply->pos;
    reply->pos = (size_t) (end - buf) + 1;

    if (end == start || end[-1] != '\r') {
        return MP_REPLY_INVALID;
    }

    line->data = start;
    line->len = (size_t) (end - start) - 1;

    return MP_REPLY_DONE;
}


static mp_reply_rc_t
mp_reply_status_line(mp_http_reply_t *reply, mp_str_t line)
{
    size_t                i;
    const unsigned char  *p;

    p = line.data;

    if (line.len < sizeof("HTTP/1.1 200") - 1
        || memcmp(p, "HTTP/1.", 7) != 0
        || (p[7] != '0' && p[7] != '1')
        || p[8] != ' '
        || (line.len > 12 && p[12] != ' '))
    {
        return MP_REPLY_INVALID;
    }

    reply->status = 0;

    for (i = 9; i < 12; i++) {

        if (p[i] < '0' || p[i] > '9') {
            return MP_REPLY_INVALID;
        }

        reply->status = reply->status * 10 + (unsigned) (p[i] - '0');
    }

    if (reply->status < 100 || reply->status == 101) {
        return MP_REPLY_INVALID;
    }

    reply->keepalive = (p[7] == '1');
    reply->state = MP_HEADER;

    return MP_REPLY_AGAIN;
}


static mp_reply_rc_t
mp_reply_header(mp_http_reply_t *reply, mp_str_t line)
{
    mp_str_t  name, value;

    static const mp_str_t  chunked = mp_str("chunked");
    static const mp_str_t  connection = mp_str("connection");
    static const mp_str_t  content_length = mp_str("content-length");
    static const mp_str_t  transfer_encoding = mp_str("transfer-encoding");

    name.data = line.data;
    name.len = mp_str_chr(line, ':');

    if (name.len == 0 || name.len == line.len
        || !mp_str_is_made_of(name, MP_VISIBLE))
    {
        return MP_REPLY_INVALID;
    }

    value.data = line.data + name.len + 1;
    value.len = line.len - name.len - 1;
    value = mp_str_trim(value);

    if (memchr(value.data, '\0', value.len)
        || memchr(value.data, '\r', value.len))
    {
        return MP_REPLY_INVALID;
    }

    if (mp_str_eq_nocase(name, content_length)) {
        return mp_reply_content_length(reply, value);
    }

    if (mp_str_eq_nocase(name, transfer_encoding)) {

        if (reply->chunked || !mp_str_eq_nocase(value, chunked)) {
            return MP_REPLY_INVALID;
        }

        reply->chunked = 1;

    } else if (mp_str_eq_nocase(name, connection)) {

        if (mp_has_close(value)) {
            reply->keepalive = 0;
        }

    } else {
        mp_reply_keep(reply, name, value);
    }

    return MP_REPLY_AGAIN;
}


/* The headers that say something to whoever asked. */

static void
mp_reply_keep(mp_http_reply_t *reply, mp_str_t name, mp_str_t value)
{
    size_t  i;

    static const struct {
        mp_str_t   name;
        size_t     offset;
    } kept[] = {
        { mp_str("date"), offsetof(mp_http_reply_t, date) },
        { mp_str("x-amzn-requestid"), offsetof(mp_http_reply_t, request_id) },
        { mp_str("x-amzn-errortype"), offsetof(mp_http_reply_t, error_type) },
        { mp_str("retry-after"), offsetof(mp_http_reply_t, retry_after) },
        { mp_str("x-amz-retry-after"),
          offsetof(mp_http_reply_t, amz_retry_after) }
    };

    for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {

        if (mp_str_eq_nocase(name, kept[i].name)) {
            *(mp_str_t *) ((char *) reply + kept[i].offset) = value;
            return;
        }
    }
}


static mp_reply_rc_t
mp_reply_content_length(mp_http_reply_t *reply, mp_str_t value)
{
    size_t  i, length;

    if (value.len == 0 || value.len > MP_LENGTH_DIGITS) {
        return MP_REPLY_INVALID;
    }

    length = 0;

    for (i = 0; i < value.len; i++) {

        if (value.data[i] < '0' || value.data[i] > '9') {
            return MP_REPLY_INVALID;
        }

        length = length * 10 + (size_t) (value.data[i] - '0');
    }

    if (reply->has_length && reply->left != length) {
        return MP_REPLY_INVALID;
    }

    reply->has_length = 1;
    reply->left = length;

    return MP_REPLY_AGAIN;
}


static int
mp_has_close(mp_str_t value)
{
    size_t    len;
    mp_str_t  item;

    static const mp_str_t  close = mp_str("close");

    for ( ;; ) {

        len = mp_str_chr(value, ',');

        item.data = value.data;
        item.len = len;

        if (mp_str_eq_nocase(mp_str_trim(item), close)) {
            return 1;
        }

        if (len == value.len) {
            return 0;
        }

        value.data += len + 1;
        value.len -= len + 1;
    }
}


static mp_reply_rc_t
mp_reply_head_end(mp_http_reply_t *reply, size_t size)
{
    size_t  pos;

    if (reply->chunked && reply->has_length) {
        return MP_REPLY_INVALID;
    }

    if (reply->status < 200) {
        pos = reply->pos;
        mp_http_reply_init(reply);
        reply->pos = pos;

        return MP_REPLY_AGAIN;
    }

    reply->body_start = reply->pos;

    if (reply->status == 204 || reply->status == 304) {
        reply->state = MP_END;

    } else if (reply->chunked) {
        reply->state = MP_CHUNK_SIZE;

    } else if (!reply->has_length) {
        reply->keepalive = 0;
        reply->state = MP_END;

    } else if (reply->left > size - reply->pos) {
        return MP_REPLY_INVALID;

    } else {
        reply->state = (reply->left != 0) ? MP_BODY : MP_END;
    }

    return MP_REPLY_AGAIN;
}


static mp_reply_rc_t
mp_reply_chunk_size(mp_http_reply_t *reply, mp_str_t line, size_t size)
{
    int     digit;
    size_t  i;

    reply->left = 0;

    for (i = 0; i < line.len; i++) {

        digit = mp_hex_digit(line.data[i]);

        if (digit < 0) {
            break;
        }

        if (i == MP_CHUNK_DIGITS) {
            return MP_REPLY_INVALID;
        }

        reply->left = reply->left * 16 + (size_t) digit;
    }

    line.data += i;
    line.len -= i;
    line = mp_str_trim(line);

    if (i == 0 || (line.len && line.data[0] != ';')
        || reply->left > size - reply->pos)
    {
        return MP_REPLY_INVALID;
    }

    reply->state = (reply->left != 0) ? MP_CHUNK_DATA : MP_TRAILER;

    return MP_REPLY_AGAIN;
}


/* Takes what is there of the body, or of a chunk, behind what it has. */

static mp_reply_rc_t
mp_reply_data(mp_http_reply_t *reply, unsigned char *buf, size_t len)
{
    size_t          n;
    unsigned char  *end;

    n = len - reply->pos;

    if (n > reply->left) {
        n = reply->left;
    }

    end = buf + reply->body_start + reply->body_len;

    if (end != buf + reply->pos) {
        memmove(end, buf + reply->pos, n);
    }

    reply->pos += n;
    reply->left -= n;
    reply->body_len += n;

    if (reply->left == 0) {
        reply->state = (reply->state == MP_BODY) ? MP_END : MP_CHUNK_END;
    }

    return MP_REPLY_AGAIN;
}
