#include "mp_session.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>


#define MP_SESSION_VERSION   "1."
#define MP_SESSION_PURPOSE   "marketplace session 1 "

#define MP_SESSION_TIME_LEN  8
#define MP_SESSION_SIZE_LEN  2
#define MP_SESSION_SIZE_MAX  0xffff

/* base64url has no padding; OpenSSL's base64 has, and ends with a NUL */

#define mp_base64url_len(len)  (((len) * 4 + 2) / 3)
#define mp_base64_room(len)    (((len) + 2) / 3 * 4 + 1)

#define MP_SESSION_CODE_LEN  mp_base64url_len(MP_SHA256_LEN)


static size_t mp_session_payload_len(const mp_session_t *session);
static unsigned char *mp_session_write(unsigned char *dst,
    const mp_session_t *session);
static int mp_session_read(mp_session_t *session, mp_str_t payload);
static const mp_session_key_t *mp_session_signed_by(mp_str_t text,
    mp_str_t code, const mp_session_key_t *keys, size_t nkeys);
static unsigned char *mp_session_code(unsigned char *dst, mp_str_t text,
    const mp_session_key_t *key);

static unsigned char *mp_write_number(unsigned char *dst, uint64_t number,
    size_t len);
static int mp_read_number(mp_str_t *text, uint64_t *number, size_t len);
static unsigned char *mp_write_string(unsigned char *dst, mp_str_t string);
static int mp_read_string(mp_str_t *text, mp_str_t *string);

static unsigned char *mp_base64url_encode(unsigned char *dst, mp_str_t bytes);
static int mp_base64url_decode(unsigned char *buf, mp_str_t text,
    mp_str_t *bytes);


int
mp_session_next_key(mp_str_t *text, mp_str_t *line)
{
    size_t  end;

    while (text->len) {

        end = mp_str_chr(*text, '\n');

        line->data = text->data;
        line->len = end;
        *line = mp_str_trim_lines(*line);

        text->data += end;
        text->len -= end;

        if (text->len) {
            text->data++;
            text->len--;
        }

        if (line->len) {
            return 1;
        }
    }

    return 0;
}


const char *
mp_session_check_key(mp_str_t line)
{
    size_t  i, padding;

    static const mp_str_t  frame = mp_str("-----");

    /* nobody has to guess what everybody writes */

    if ((line.len && line.data[0] == '#') || mp_str_find(line, frame) == 0) {
        return "is a comment or a frame of PEM";
    }

    for (i = 0; i < line.len && mp_hex_digit(line.data[i]) != -1; i++) {
        /* void */
    }

    if (i == line.len) {
        return (line.len < 2 * MP_SESSION_KEY_MIN)
               ? "has less than 64 hexadecimal digits" : NULL;
    }

    for (padding = 0;
         padding < line.len && line.data[line.len - 1 - padding] == '=';
         padding++)
    {
        /* void */
    }

    return ((padding ? (line.len - padding) * 3 / 4 : line.len)
            < MP_SESSION_KEY_MIN)
           ? "has less than 32 bytes" : NULL;
}


void
mp_session_key(mp_session_key_t *key, mp_str_t line, mp_str_t cookie)
{
    mp_str_t   code;
    mp_hmac_t  hmac;

    mp_hmac_key(&hmac, line);

    SHA256_Update(&hmac.inner, MP_SESSION_PURPOSE,
                  sizeof(MP_SESSION_PURPOSE) - 1);

    mp_hmac(&hmac, cookie, key->code);

    OPENSSL_cleanse(&hmac, sizeof(hmac));

    code.data = key->code;
    code.len = MP_SHA256_LEN;

    mp_hmac_key(&key->hmac, code);
}


size_t
mp_session_len(const mp_session_t *session)
{
    size_t  len;

    len = mp_session_payload_len(session);

    return (len == SIZE_MAX)
           ? SIZE_MAX
           : sizeof(MP_SESSION_VERSION) - 1 + mp_base64url_len(len)
             + sizeof(".") - 1 + MP_SESSION_CODE_LEN;
}


static size_t
mp_session_payload_len(const mp_session_t *session)
{
    int     i, wrong;
    size_t  len;

    len = 2 * MP_SESSION_TIME_LEN + MP_SESSION_SIZE_LEN
          + session->offer_type.len;
    wrong = (session->offer_type.len > MP_SESSION_SIZE_MAX);

    for (i = 0; i < MP_CUSTOMER_FIELDS; i++) {
        len += MP_SESSION_SIZE_LEN + session->field[i].len;
        wrong |= (session->field[i].len > MP_SESSION_SIZE_MAX);
    }

    return wrong ? SIZE_MAX : len;
}


/* The value, with OpenSSL's padding and NUL, and the payload behind it. */

size_t
mp_session_room(const mp_session_t *session)
{
    size_t  len;

    len = mp_session_payload_len(session);

    return sizeof(MP_SESSION_VERSION) + mp_base64_room(len)
           + mp_base64_room(MP_SHA256_LEN) + len;
}


unsigned char *
mp_session_seal(unsigned char *dst, const mp_session_t *session,
    const mp_session_key_t *key)
{
    mp_str_t        text, payload;
    unsigned char  *p;

    static const mp_str_t  version = mp_str(MP_SESSION_VERSION);

    payload.len = mp_session_payload_len(session);
    payload.data = dst + mp_session_room(session) - payload.len;

    mp_session_write((unsigned char *) payload.data, session);

    p = mp_copy(dst, version);
    p = mp_base64url_encode(p, payload);

    text.data = dst;
    text.len = (size_t) (p - dst);

    *p++ = '.';

    return mp_session_code(p, text, key);
}


static unsigned char *
mp_session_write(unsigned char *dst, const mp_session_t *session)
{
    int  i;

    dst = mp_write_number(dst, (uint64_t) session->issued,
                          MP_SESSION_TIME_LEN);
    dst = mp_write_number(dst, (uint64_t) session->expires,
                          MP_SESSION_TIME_LEN);

    for (i = 0; i < MP_CUSTOMER_FIELDS; i++) {
        dst = mp_write_string(dst, session->field[i]);
    }

    return mp_write_string(dst, session->offer_type);
}


static int
mp_session_read(mp_session_t *session, mp_str_t payload)
{
    int       i;
    uint64_t  issued, expires;

    if (!mp_read_number(&payload, &issued, MP_SESSION_TIME_LEN)
        || !mp_read_number(&payload, &expires, MP_SESSION_TIME_LEN))
    {
        return 0;
    }

    session->issued = (time_t) issued;
    session->expires = (time_t) expires;

    for (i = 0; i < MP_CUSTOMER_FIELDS; i++) {
        if (!mp_read_string(&payload, &session->field[i])) {
            return 0;
        }
    }

    return mp_read_string(&payload, &session->offer_type) && payload.len == 0;
}


/* The code is checked first: what nobody has signed is not even decoded. */

const char *
mp_session_open(mp_session_t *session, unsigned char *buf, mp_str_t value,
    const mp_session_key_t *keys, size_t nkeys, time_t now,
    const mp_session_key_t **signed_by)
{
    size_t    version;
    mp_str_t  text, code, payload;

    version = sizeof(MP_SESSION_VERSION) - 1;

    if (value.len < version + sizeof(".") - 1 + MP_SESSION_CODE_LEN
        || memcmp(value.data, MP_SESSION_VERSION, version) != 0)
    {
        return "it is no session, or of another version";
    }

    code.len = MP_SESSION_CODE_LEN;
    code.data = value.data + value.len - code.len;

    text.data = value.data;
    text.len = value.len - code.len - (sizeof(".") - 1);

    *signed_by = mp_session_signed_by(text, code, keys, nkeys);

    if (text.data[text.len] != '.' || *signed_by == NULL) {
        return "no key of the file has signed it for this name";
    }

    text.data += version;
    text.len -= version;

    if (!mp_base64url_decode(buf, text, &payload)
        || !mp_session_read(session, payload))
    {
        return "it is malformed, although signed";
    }

    if (session->expires <= now) {
        return "it has expired";
    }

    return (session->issued > now + MP_SESSION_SKEW)
           ? "it is from the future: compare the clocks of the machines" : NULL;
}


static const mp_session_key_t *
mp_session_signed_by(mp_str_t text, mp_str_t code, const mp_session_key_t *keys,
    size_t nkeys)
{
    size_t         i;
    unsigned char  expected[mp_base64_room(MP_SHA256_LEN)];

    for (i = 0; i < nkeys; i++) {

        mp_session_code(expected, text, &keys[i]);

        if (CRYPTO_memcmp(expected, code.data, code.len) == 0) {
            return &keys[i];
        }
    }

    return NULL;
}


static unsigned char *
mp_session_code(unsigned char *dst, mp_str_t text, const mp_session_key_t *key)
{
    mp_str_t       bytes;
    unsigned char  code[MP_SHA256_LEN];

    mp_hmac(&key->hmac, text, code);

    bytes.data = code;
    bytes.len = sizeof(code);

    return mp_base64url_encode(dst, bytes);
}


static unsigned char *
mp_write_number(unsigned char *dst, uint64_t number, size_t len)
{
    while (len--) {
        *dst++ = (unsigned char) (number >> (8 * len));
    }

    return dst;
}


static int
mp_read_number(mp_str_t *text, uint64_t *number, size_t len)
{
    if (text->len < len) {
        return 0;
    }

    text->len -= len;

    for (*number = 0; len; len--) {
        *number = (*number << 8) | *text->data++;
    }

    return 1;
}


static unsigned char *
mp_write_string(unsigned char *dst, mp_str_t string)
{
    return mp_copy(mp_write_number(dst, string.len, MP_SESSION_SIZE_LEN),
                   string);
}


static int
mp_read_string(mp_str_t *text, mp_str_t *string)
{
    uint64_t  len;

    if (!mp_read_number(text, &len, MP_SESSION_SIZE_LEN) || text->len < len) {
        return 0;
    }

    string->data = text->data;
    string->len = (size_t) len;

    text->data += string->len;
    text->len -= string->len;

    return 1;
}


static unsigned char *
mp_base64url_encode(unsigned char *dst, mp_str_t bytes)
{
    unsigned char  *p, *end;

    EVP_EncodeBlock(dst, bytes.data, (int) bytes.len);

    end = dst + mp_base64url_len(bytes.len);

    for (p = dst; p < end; p++) {
        *p = (*p == '+') ? '-' : (*p == '/') ? '_' : *p;
    }

    return end;
}


/* buf has room for the text with padding, and for the bytes. */

static int
mp_base64url_decode(unsigned char *buf, mp_str_t text, mp_str_t *bytes)
{
    int             n;
    size_t          i, padding;
    unsigned char  *p;

    padding = (4 - text.len % 4) % 4;

    p = mp_copy(buf, text);

    for (i = 0; i < text.len; i++) {
        buf[i] = (buf[i] == '-') ? '+' : (buf[i] == '_') ? '/' : buf[i];
    }

    for (i = 0; i < padding; i++) {
        *p++ = '=';
    }

    n = EVP_DecodeBlock(p, buf, (int) (p - buf));

    bytes->data = p;
    bytes->len = (size_t) n - padding;

    return n > (int) padding;
}
