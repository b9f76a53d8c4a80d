/*
 * Sessions in cookies.  The input is a value that nobody has signed, then
 * one that somebody has, whatever is in it, then a key file, and then what
 * sessions are made of: sealed they are what RFC 2104 and RFC 4648 make of
 * them, opened they are the same, and with any change they are none.
 */

#include "fuzz.h"

#include "session/mp_session.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>


#define KEY      "a key of thirty-two bytes or more"
#define OTHER    "b key of thirty-two bytes or more"
#define COOKIE   "session"
#define PURPOSE  "marketplace session 1 "


typedef struct {
    mp_session_key_t   key[2];
    unsigned char      code[MP_SHA256_LEN];    /* of the first, made here */
} keys_t;


static void init_keys(keys_t *keys);
static void unsigned_is_refused(const keys_t *keys, mp_str_t value);
static void signed_is_read_or_refused(const keys_t *keys, mp_str_t payload);
static int is_base64url(mp_str_t text);
static void key_files_are_lines(mp_str_t file);
static void sessions_come_back(const keys_t *keys, mp_str_t input);
static void opens_as(const keys_t *keys, mp_str_t value,
    const mp_session_t *session);
static void no_change_is_taken(const keys_t *keys, mp_str_t value,
    mp_str_t *input);
static void no_other_byte_is_taken(const keys_t *keys, mp_str_t value,
    size_t at, unsigned bit);
static mp_str_t seal(const keys_t *keys, const mp_session_t *session);
static mp_str_t payload_of(const mp_session_t *session);
static void add_number(fuzz_text_t *text, uint64_t number, unsigned len);
static mp_str_t sign(const keys_t *keys, mp_str_t text);
static mp_str_t base64url(mp_str_t bytes);
static const char *open_at(mp_session_t *session, mp_str_t value,
    const keys_t *keys, time_t now);


static const char  digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mp_str_t       input, first;
    static keys_t  keys;

    if (keys.code[0] == 0) {
        init_keys(&keys);
    }

    input = fuzz_str(data, size);
    first = mp_str_from("1.");

    unsigned_is_refused(&keys, input);
    signed_is_read_or_refused(&keys, input);
    signed_is_read_or_refused(&keys, fuzz_join(first, input));
    signed_is_read_or_refused(&keys, fuzz_join(first, base64url(input)));
    key_files_are_lines(input);
    sessions_come_back(&keys, input);

    fuzz_free_all();

    return 0;
}


static void
init_keys(keys_t *keys)
{
    unsigned  len;

    mp_session_key(&keys->key[0], mp_str_from(OTHER), mp_str_from(COOKIE));
    mp_session_key(&keys->key[1], mp_str_from(KEY), mp_str_from(COOKIE));

    HMAC(EVP_sha256(), KEY, sizeof(KEY) - 1,
         (const unsigned char *) PURPOSE COOKIE, sizeof(PURPOSE COOKIE) - 1,
         keys->code, &len);
}


static const char *
open_at(mp_session_t *session, mp_str_t value, const keys_t *keys, time_t now)
{
    const char              *wrong;
    unsigned char           *buf;
    const mp_session_key_t  *signed_by;

    buf = fuzz_alloc(2 * value.len + 8);

    wrong = mp_session_open(session, buf, value, keys->key, 2, now,
                            &signed_by);

    if (wrong == NULL) {
        fuzz_hold(signed_by == &keys->key[1]);
        fuzz_hold(session->expires > now);
        fuzz_hold(session->issued <= now + MP_SESSION_SKEW);
    }

    return wrong;
}


static void
unsigned_is_refused(const keys_t *keys, mp_str_t value)
{
    mp_session_t  session;

    fuzz_hold(open_at(&session, value, keys, 0) != NULL);
}


/* Only who has the key can make it, but then it is anything. */

static void
signed_is_read_or_refused(const keys_t *keys, mp_str_t text)
{
    mp_str_t      value;
    fuzz_text_t   joined = { NULL, 0, 0 };
    mp_session_t  session;

    fuzz_add(&joined, text);
    fuzz_add_byte(&joined, '.');
    fuzz_add(&joined, sign(keys, text));
    value = fuzz_text(&joined);

    if (open_at(&session, value, keys, 0) == NULL) {
        opens_as(keys, seal(keys, &session), &session);

        fuzz_hold(mp_session_len(&session) == value.len
                  || !is_base64url(fuzz_str(text.data + 2, text.len - 2)));
    }
}


static int
is_base64url(mp_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if (!memchr(digits, text.data[i], 64)) {
            return 0;
        }
    }

    return 1;
}


static void
opens_as(const keys_t *keys, mp_str_t value, const mp_session_t *session)
{
    size_t        i;
    time_t        now;
    mp_session_t  again;

    now = session->expires - 1;

    if (session->expires == INT64_MIN) {
        return;
    }

    if (session->issued > session->expires
        && session->issued - session->expires >= MP_SESSION_SKEW)
    {
        fuzz_hold(open_at(&again, value, keys, now) != NULL);
        return;
    }

    fuzz_hold(open_at(&again, value, keys, now) == NULL);
    fuzz_hold(again.issued == session->issued);
    fuzz_hold(again.expires == session->expires);
    fuzz_hold(fuzz_eq(again.offer_type, session->offer_type));

    for (i = 0; i < MP_CUSTOMER_FIELDS; i++) {
        fuzz_hold(fuzz_eq(again.field[i], session->field[i]));
    }

    fuzz_hold(open_at(&again, value, keys, session->expires) != NULL);
}


static mp_str_t
seal(const keys_t *keys, const mp_session_t *session)
{
    mp_str_t        value, text, code;
    fuzz_text_t     expected = { NULL, 0, 0 };
    unsigned char  *dst;

    dst = fuzz_alloc(mp_session_room(session));

    value.data = dst;
    value.len = (size_t) (mp_session_seal(dst, session, &keys->key[1]) - dst);

    fuzz_hold(value.len == mp_session_len(session));

    fuzz_add_chars(&expected, "1.");
    fuzz_add(&expected, base64url(payload_of(session)));
    text = fuzz_text(&expected);
    code = sign(keys, text);

    fuzz_add(&expected, text);
    fuzz_add_byte(&expected, '.');
    fuzz_add(&expected, code);

    fuzz_hold(fuzz_eq(value, fuzz_text(&expected)));

    return fuzz_copy(value);
}


static mp_str_t
payload_of(const mp_session_t *session)
{
    size_t       i;
    fuzz_text_t  text = { NULL, 0, 0 };

    add_number(&text, (uint64_t) session->issued, 8);
    add_number(&text, (uint64_t) session->expires, 8);

    for (i = 0; i < MP_CUSTOMER_FIELDS; i++) {
        add_number(&text, session->field[i].len, 2);
        fuzz_add(&text, session->field[i]);
    }

    add_number(&text, session->offer_type.len, 2);
    fuzz_add(&text, session->offer_type);

    return fuzz_text(&text);
}


static void
add_number(fuzz_text_t *text, uint64_t number, unsigned len)
{
    while (len--) {
        fuzz_add_byte(text, (unsigned) (number >> 8 * len) & 0xff);
    }
}


static mp_str_t
sign(const keys_t *keys, mp_str_t text)
{
    unsigned       len;
    unsigned char  code[MP_SHA256_LEN];

    HMAC(EVP_sha256(), keys->code, sizeof(keys->code), text.data, text.len,
         code, &len);

    return base64url(fuzz_str(code, len));
}


static mp_str_t
base64url(mp_str_t bytes)
{
    size_t         i;
    unsigned       bits;
    fuzz_text_t    text = { NULL, 0, 0 };
    unsigned long  value;

    for (value = 0, bits = 0, i = 0; i < bytes.len; i++) {
        value = (value << 8 | bytes.data[i]) & 0xffff;

        for (bits += 8; bits >= 6; bits -= 6) {
            fuzz_add_byte(&text, (unsigned) digits[value >> (bits - 6) & 63]);
        }
    }

    if (bits) {
        fuzz_add_byte(&text, (unsigned) digits[value << (6 - bits) & 63]);
    }

    return fuzz_text(&text);
}


/* A key is a line with something on it, without the space at its ends. */

static void
key_files_are_lines(mp_str_t file)
{
    mp_str_t     rest, line, key;
    const char  *wrong;

    rest = file;

    while (file.len) {
        line = fuzz_take_line(&file);

        while (line.len && memchr(" \t\r", line.data[0], 3)) {
            line.data++;
            line.len--;
        }

        while (line.len && memchr(" \t\r", line.data[line.len - 1], 3)) {
            line.len--;
        }

        if (line.len == 0) {
            continue;
        }

        fuzz_hold(mp_session_next_key(&rest, &key));
        fuzz_hold(fuzz_eq(key, line));

        wrong = mp_session_check_key(fuzz_copy(key));
        fuzz_hold(wrong || key.len >= MP_SESSION_KEY_MIN);
        fuzz_hold(wrong || key.data[0] != '#');
    }

    fuzz_hold(!mp_session_next_key(&rest, &key));
}


static void
sessions_come_back(const keys_t *keys, mp_str_t input)
{
    size_t        i;
    mp_str_t      value;
    mp_session_t  session;

    session.issued = (time_t) fuzz_take(&input, 256) << 24;
    session.expires = session.issued + fuzz_take(&input, 256);

    for (i = 0; i < MP_CUSTOMER_FIELDS; i++) {
        session.field[i] = fuzz_copy(fuzz_take_text(&input, 255));
    }

    session.offer_type = fuzz_copy(fuzz_take_text(&input, 255));

    value = seal(keys, &session);

    opens_as(keys, value, &session);
    no_change_is_taken(keys, value, &input);
}


static void
no_change_is_taken(const keys_t *keys, mp_str_t value, mp_str_t *input)
{
    size_t        i, at[3];
    keys_t        others;
    mp_str_t      less;
    mp_session_t  session;

    at[0] = (fuzz_take(input, 256) << 8 | fuzz_take(input, 256)) % value.len;
    at[1] = value.len - 1;
    at[2] = value.len - sizeof(keys->code) * 4 / 3 - 1;

    for (i = 0; i < 3; i++) {
        no_other_byte_is_taken(keys, value, at[i], 1u << fuzz_take(input, 8));
    }

    less = fuzz_copy(fuzz_str(value.data, at[0]));
    fuzz_hold(open_at(&session, less, keys, 0) != NULL);

    fuzz_hold(open_at(&session, fuzz_join(value, mp_str_from("A")), keys, 0)
              != NULL);

    mp_session_key(&others.key[0], mp_str_from(OTHER), mp_str_from(COOKIE));
    mp_session_key(&others.key[1], mp_str_from(KEY), mp_str_from("other"));
    fuzz_hold(open_at(&session, value, &others, 0) != NULL);
}


static void
no_other_byte_is_taken(const keys_t *keys, mp_str_t value, size_t at,
    unsigned bit)
{
    mp_str_t      changed;
    mp_session_t  session;

    changed = fuzz_copy(value);
    ((unsigned char *) changed.data)[at] ^= (unsigned char) bit;

    fuzz_hold(open_at(&session, changed, keys, 0) != NULL);
}
