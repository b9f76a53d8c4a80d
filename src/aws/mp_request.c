#include "mp_request.h"


#define MP_LENGTH_MAX    (sizeof("18446744073709551615") - 1)
#define MP_PLAIN_PIECES  18


static unsigned char *mp_request_line(unsigned char *dst, const mp_str_t *name,
    mp_str_t value);
static size_t mp_plain_pieces(const mp_plain_request_t *request,
    mp_str_t *piece, unsigned char *buf);
static mp_str_t mp_decimal(size_t value, unsigned char *buf);


static const mp_str_t  mp_start = mp_str("POST / HTTP/1.1\r\nHost: ");
static const mp_str_t  mp_agent =
    mp_str("\r\nUser-Agent: ngx_http_marketplace_module");
static const mp_str_t  mp_type = mp_str("\r\nContent-Type: ");
static const mp_str_t  mp_length = mp_str("\r\nContent-Length: ");
static const mp_str_t  mp_date = mp_str("\r\nX-Amz-Date: ");
static const mp_str_t  mp_token = mp_str("\r\nX-Amz-Security-Token: ");
static const mp_str_t  mp_target = mp_str("\r\nX-Amz-Target: ");
static const mp_str_t  mp_authorization =
    mp_str("\r\nAuthorization: AWS4-HMAC-SHA256 Credential=");
static const mp_str_t  mp_terminator = mp_str("/aws4_request, SignedHeaders=");
static const mp_str_t  mp_signature = mp_str(", Signature=");
static const mp_str_t  mp_end = mp_str("\r\n\r\n");


size_t
mp_request_head_len(const mp_signed_request_t *request,
    const mp_scope_t *scope, mp_str_t access_key)
{
    size_t         len;
    unsigned char  buf[MP_LENGTH_MAX];

    len = mp_start.len + request->host.len
          + mp_agent.len
          + mp_type.len + request->content_type.len
          + mp_length.len + mp_decimal(request->body.len, buf).len
          + mp_date.len + MP_AMZ_DATE_LEN;

    if (request->session_token.len) {
        len += mp_token.len + request->session_token.len;
    }

    if (request->target.len) {
        len += mp_target.len + request->target.len;
    }

    return len
           + mp_authorization.len + access_key.len
           + 1 + MP_AMZ_DAY_LEN
           + 1 + scope->region.len
           + 1 + scope->service.len
           + mp_terminator.len + mp_signed_headers(request).len
           + mp_signature.len + MP_SHA256_HEX_LEN
           + mp_end.len;
}


unsigned char *
mp_request_head(unsigned char *dst, const mp_signed_request_t *request,
    const mp_scope_t *scope, mp_str_t access_key, const mp_signing_key_t *key)
{
    mp_str_t       date, day;
    unsigned char  buf[MP_LENGTH_MAX];

    date.data = request->date;
    date.len = MP_AMZ_DATE_LEN;

    day.data = request->date;
    day.len = MP_AMZ_DAY_LEN;

    dst = mp_request_line(dst, &mp_start, request->host);
    dst = mp_copy(dst, mp_agent);
    dst = mp_request_line(dst, &mp_type, request->content_type);
    dst = mp_request_line(dst, &mp_length, mp_decimal(request->body.len, buf));
    dst = mp_request_line(dst, &mp_date, date);
    dst = mp_request_line(dst, &mp_token, request->session_token);
    dst = mp_request_line(dst, &mp_target, request->target);

    dst = mp_request_line(dst, &mp_authorization, access_key);
    *dst++ = '/';
    dst = mp_copy(dst, day);
    *dst++ = '/';
    dst = mp_copy(dst, scope->region);
    *dst++ = '/';
    dst = mp_copy(dst, scope->service);

    dst = mp_request_line(dst, &mp_terminator, mp_signed_headers(request));

    dst = mp_copy(dst, mp_signature);
    mp_sign(key, scope, request, dst);
    dst += MP_SHA256_HEX_LEN;

    return mp_copy(dst, mp_end);
}


mp_str_t
mp_request_signature(const unsigned char *end)
{
    mp_str_t  signature;

    signature.len = MP_SHA256_HEX_LEN;
    signature.data = end - mp_end.len - MP_SHA256_HEX_LEN;

    return signature;
}


size_t
mp_plain_request_len(const mp_plain_request_t *request)
{
    size_t         i, n, len;
    mp_str_t       piece[MP_PLAIN_PIECES];
    unsigned char  buf[MP_LENGTH_MAX];

    n = mp_plain_pieces(request, piece, buf);

    for (i = 0, len = 0; i < n; i++) {
        len += piece[i].len;
    }

    return len;
}


unsigned char *
mp_plain_request(unsigned char *dst, const mp_plain_request_t *request)
{
    size_t         i, n;
    mp_str_t       piece[MP_PLAIN_PIECES];
    unsigned char  buf[MP_LENGTH_MAX];

    n = mp_plain_pieces(request, piece, buf);

    for (i = 0; i < n; i++) {
        dst = mp_copy(dst, piece[i]);
    }

    return dst;
}


/* What a request is made of, one behind the other.  Returns how many. */

static size_t
mp_plain_pieces(const mp_plain_request_t *request, mp_str_t *piece,
    unsigned char *buf)
{
    size_t  n;

    static const mp_str_t  get = mp_str("GET");
    static const mp_str_t  space = mp_str(" ");
    static const mp_str_t  host = mp_str(" HTTP/1.1\r\nHost: ");
    static const mp_str_t  accept = mp_str("\r\nAccept: */*");
    static const mp_str_t  newline = mp_str("\r\n");
    static const mp_str_t  colon = mp_str(": ");
    static const mp_str_t  close = mp_str("\r\nConnection: close");

    n = 0;

    piece[n++] = request->method;
    piece[n++] = space;
    piece[n++] = request->path;
    piece[n++] = host;
    piece[n++] = request->host;
    piece[n++] = mp_agent;
    piece[n++] = accept;

    if (request->value.len) {
        piece[n++] = newline;
        piece[n++] = request->header;
        piece[n++] = colon;
        piece[n++] = request->value;
    }

    if (request->content_type.len) {
        piece[n++] = mp_type;
        piece[n++] = request->content_type;
    }

    /* some servers refuse a PUT or a POST without, if it is empty too */

    if (request->body.len || !mp_str_eq(request->method, get)) {
        piece[n++] = mp_length;
        piece[n++] = mp_decimal(request->body.len, buf);
    }

    piece[n++] = close;
    piece[n++] = mp_end;
    piece[n++] = request->body;

    return n;
}


/* An empty value is no header. */

static unsigned char *
mp_request_line(unsigned char *dst, const mp_str_t *name, mp_str_t value)
{
    if (value.len == 0) {
        return dst;
    }

    dst = mp_copy(dst, *name);

    return mp_copy(dst, value);
}


static mp_str_t
mp_decimal(size_t value, unsigned char *buf)
{
    mp_str_t        text;
    unsigned char  *p;

    p = buf + MP_LENGTH_MAX;

    do {
        *--p = (unsigned char) ('0' + value % 10);
        value /= 10;
    } while (value);

    text.data = p;
    text.len = (size_t) (buf + MP_LENGTH_MAX - p);

    return text;
}
