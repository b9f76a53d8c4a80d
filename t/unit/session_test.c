/* Sessions: the format of the cookie, its keys, and what is no session. */

#include "unit.h"
#include "session/mp_session.h"

#include <stdint.h>


#define NO_SESSION   "it is no session, or of another version"
#define NOT_SIGNED   "no key of the file has signed it for this name"
#define MALFORMED    "it is malformed, although signed"
#define EXPIRED      "it has expired"
#define FROM_FUTURE  "it is from the future: compare the clocks of the machines"

#define KEY  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define OTHER_KEY  "a phrase of more than thirty-two bytes"

#define NAME  "__Host-marketplace"
#define NOW   1767225600

#define STRINGS  (MP_CUSTOMER_FIELDS + 1)


static mp_session_key_t
key_of(const char *line, const char *cookie)
{
    mp_session_key_t  key;

    mp_session_key(&key, unit_copy(mp_str_from(line)),
                   unit_copy(mp_str_from(cookie)));

    return key;
}


/* The fields of a session, and then its offer type. */

static mp_str_t *
string_of(mp_session_t *session, int i)
{
    return (i < MP_CUSTOMER_FIELDS) ? &session->field[i]
                                    : &session->offer_type;
}


static mp_session_t
session_of(const mp_str_t *strings)
{
    int           i;
    mp_session_t  session;

    session.issued = NOW;
    session.expires = NOW + 3600;

    for (i = 0; i < STRINGS; i++) {
        *string_of(&session, i) = unit_copy(strings ? strings[i] : STR(""));
    }

    return session;
}


static const mp_str_t  customer[STRINGS] = {
    mp_str("123456789012"),
    mp_str("arn:aws:license-manager::294406891311:license/"
           "l-ecbba385ee274c8fb3b8b3f4ac6b4f7f"),
    mp_str("dAVW3iTu1qQ"),
    mp_str("8vtq3fbzpmvkyjcb3qmgsz5ck"),
    mp_str("free-trial")
};


/* The address sanitizer does not see what OpenSSL writes: these bytes, behind
 * the memory that a function may use, have to stay. */

#define GUARD  8


static unsigned char *
guarded(size_t size)
{
    unsigned char  *memory;

    memory = unit_alloc(size + GUARD);
    memset(memory + size, 0xa5, GUARD);

    return memory;
}


static void
check_guard(const unsigned char *memory, size_t size)
{
    static const unsigned char  guard[GUARD] = {
        0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5
    };

    assert_memory_equal(memory + size, guard, GUARD);
}


/* In as much memory as it asks for. */

static mp_str_t
seal(const mp_session_t *session, const mp_session_key_t *key)
{
    size_t          room;
    mp_str_t        value, other;
    unsigned char  *memory;

    room = mp_session_room(session);

    memory = guarded(room);
    other.data = memory;
    other.len = (size_t) (mp_session_seal(memory, session, key) - memory);
    check_guard(memory, room);

    memory = unit_alloc(room);
    value.data = memory;
    value.len = (size_t) (mp_session_seal(memory, session, key) - memory);
    check_str("again", value, other);

    return value;
}


static const char *
open_with(mp_session_t *session, mp_str_t value, const mp_session_key_t *keys,
    size_t nkeys, time_t now, const mp_session_key_t **signed_by)
{
    size_t          room;
    const char     *wrong;
    unsigned char  *memory;

    room = 2 * value.len + 8;

    memory = guarded(room);
    wrong = mp_session_open(session, memory, unit_copy(value), keys, nkeys,
                            now, signed_by);
    check_guard(memory, room);

    if (mp_session_open(session, unit_alloc(room), unit_copy(value), keys,
                        nkeys, now, signed_by)
        != wrong)
    {
        return "not the same again";
    }

    return wrong;
}


static const char *
open_at(mp_str_t value, time_t now)
{
    mp_session_t             session;
    mp_session_key_t         key;
    const mp_session_key_t  *signed_by;

    key = key_of(KEY, NAME);

    return open_with(&session, value, &key, 1, now, &signed_by);
}


static void
check_wrong(const char *label, const char *got, const char *want)
{
    check_str(label, mp_str_from(got ? got : "none"),
              mp_str_from(want ? want : "none"));
}


static void
check_same(const char *label, mp_session_t *got, mp_session_t *want)
{
    int  i;

    check_int(label, got->issued, want->issued);
    check_int(label, got->expires, want->expires);

    for (i = 0; i < STRINGS; i++) {
        check_str(label, *string_of(got, i), *string_of(want, i));
    }
}


static void
round_trip(const char *label, mp_session_t *session)
{
    mp_str_t                 value;
    mp_session_t             read;
    mp_session_key_t         key;
    const mp_session_key_t  *signed_by;

    key = key_of(KEY, NAME);
    value = seal(session, &key);

    check_int(label, value.len, mp_session_len(session));
    assert_true(mp_session_room(session) > value.len);

    check_wrong(label, open_with(&read, value, &key, 1,
                                 (session->issued < session->expires)
                                 ? session->issued : session->expires - 1,
                                 &signed_by),
                NULL);
    assert_ptr_equal(signed_by, &key);

    check_same(label, &read, session);
}


/* What any program can compute, here one in Python. */

static void
the_format_stays(void **state)
{
    size_t                   i;
    mp_session_t             session, read;
    mp_session_key_t         key;
    const mp_session_key_t  *signed_by;

    static const struct {
        const char  *line;
        const char  *cookie;
        time_t       issued;
        time_t       expires;
        mp_str_t     strings[STRINGS];
        mp_str_t     value;
    } rows[] = {
        { KEY, NAME, NOW, NOW + 3600,
          { mp_str("123456789012"),
            mp_str("arn:aws:license-manager::294406891311:license/"
                   "l-ecbba385ee274c8fb3b8b3f4ac6b4f7f"),
            mp_str("dAVW3iTu1qQ"), mp_str("8vtq3fbzpmvkyjcb3qmgsz5ck"),
            mp_str("free-trial") },
          mp_str("1.AAAAAGlVuQAAAAAAaVXHEAAMMTIzNDU2Nzg5MDEyAFBhcm46YXdzOmxp"
                 "Y2Vuc2UtbWFuYWdlcjo6Mjk0NDA2ODkxMzExOmxpY2Vuc2UvbC1lY2JiYT"
                 "M4NWVlMjc0YzhmYjNiOGIzZjRhYzZiNGY3ZgALZEFWVzNpVHUxcVEAGTh2"
                 "dHEzZmJ6cG12a3lqY2IzcW1nc3o1Y2sACmZyZWUtdHJpYWw."
                 "fQhA3nhv5tW9ldcnxmdVw4JKdcD08PN5FrelrYXbUR4") },
        { "\xff~ odd key, of more than the 64 bytes of a block of SHA-256, "
          "with spaces \xfb\xff", "s", 0, (time_t) 1 << 40,
          { mp_str(""), mp_str("\xfb\xef\xbe\xff"), mp_str(""), mp_str(""),
            mp_str("\0") },
          mp_str("1.AAAAAAAAAAAAAAEAAAAAAAAAAAT7777_AAAAAAABAA."
                 "4ZExBg-eg10RsfuaaOgb88DGH85Liobx7M8cVimsJbI") }
    };

    for (i = 0; i < LENGTH(rows); i++) {

        session = session_of(rows[i].strings);
        session.issued = rows[i].issued;
        session.expires = rows[i].expires;

        key = key_of(rows[i].line, rows[i].cookie);

        check_str(rows[i].cookie, seal(&session, &key), rows[i].value);

        check_wrong(rows[i].cookie,
                    open_with(&read, rows[i].value, &key, 1, rows[i].issued,
                              &signed_by),
                    NULL);
        check_same(rows[i].cookie, &read, &session);
    }
}


static void
what_is_sealed_can_be_opened(void **state)
{
    int           i, j;
    size_t        n;
    mp_session_t  session;

    static const size_t  lens[] = { 1, 2, 3, 47, 255, 256, 257, 2048, 65535 };

    session = session_of(NULL);
    round_trip("nothing in it", &session);

    session = session_of(customer);
    round_trip("a customer", &session);

    for (i = 0; i < STRINGS; i++) {

        session = session_of(customer);
        *string_of(&session, i) = STR("");
        round_trip("one is empty", &session);

        for (j = 0; j < (int) LENGTH(lens); j++) {
            session = session_of(NULL);
            *string_of(&session, i) = unit_fill('\xff', lens[j]);
            round_trip("only one", &session);
        }
    }

    /* every length modulo that of base64's groups, and each of its digits */

    for (n = 0; n < 300; n++) {
        session = session_of(customer);
        session.offer_type = unit_fill((char) n, n);
        round_trip("any length", &session);
    }

    for (i = 0; i < STRINGS; i++) {
        *string_of(&session, i) = unit_fill((char) i, 65535);
    }

    round_trip("all are as long as can be", &session);
}


static void
times_are_kept(void **state)
{
    size_t        i;
    mp_session_t  session;

    static const struct {
        time_t  issued;
        time_t  expires;
    } rows[] = {
        { 0, 1 },
        { NOW, NOW + 1 },
        { 0xffffffff, 0x100000000 },
        { 1, INT64_MAX },
        { 0x0102030405060708, 0x0807060504030201 }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        session = session_of(customer);
        session.issued = rows[i].issued;
        session.expires = rows[i].expires;
        round_trip("times", &session);
    }
}


static void
what_is_too_long_has_no_length(void **state)
{
    int           i;
    mp_session_t  session;

    for (i = 0; i < STRINGS; i++) {
        session = session_of(customer);

        *string_of(&session, i) = unit_fill('x', 65535);
        assert_true(mp_session_len(&session) < SIZE_MAX);

        *string_of(&session, i) = unit_fill('x', 65536);
        assert_true(mp_session_len(&session) == SIZE_MAX);
    }
}


static void
customers_fit_into_a_cookie(void **state)
{
    int           i;
    mp_session_t  session;

    session = session_of(customer);
    check_int("a customer", mp_session_len(&session), 265);

    for (i = 0; i < STRINGS; i++) {
        *string_of(&session, i) = unit_fill('x', 255);
    }

    assert_true(mp_session_len(&session) < 2048);
}


static void
no_byte_may_differ(void **state)
{
    int               bit;
    size_t            i;
    mp_str_t          value;
    mp_session_t      session;
    unsigned char    *p;
    mp_session_key_t  key;

    key = key_of(KEY, NAME);
    session = session_of(customer);
    value = seal(&session, &key);

    check_wrong("as it is", open_at(value, NOW), NULL);

    for (i = 0; i < value.len; i++) {
        for (bit = 0; bit < 8; bit++) {

            p = (unsigned char *) value.data + i;

            *p ^= (unsigned char) (1 << bit);
            check_wrong("flipped", open_at(value, NOW),
                        (i < 2) ? NO_SESSION : NOT_SIGNED);
            *p ^= (unsigned char) (1 << bit);
        }
    }
}


static void
no_byte_may_be_missing(void **state)
{
    size_t            i;
    mp_str_t          value, cut, rest;
    mp_session_t      session;
    mp_session_key_t  key;

    key = key_of(KEY, NAME);
    session = session_of(customer);
    value = seal(&session, &key);

    for (i = 0; i < value.len; i++) {

        cut.data = value.data;
        cut.len = i;

        check_wrong("cut", open_at(cut, NOW),
                    (i < 46) ? NO_SESSION : NOT_SIGNED);

        rest.data = value.data + i + 1;
        rest.len = value.len - i - 1;

        assert_non_null(open_at(unit_join(cut, rest, STR("")), NOW));
        assert_non_null(open_at(rest, NOW));
    }
}


static void
no_byte_may_be_added(void **state)
{
    int               byte;
    size_t            i;
    mp_str_t          value, cut, rest, more;
    mp_session_t      session;
    mp_session_key_t  key;

    key = key_of(KEY, NAME);
    session = session_of(customer);
    value = seal(&session, &key);

    for (byte = 0; byte < 256; byte++) {

        more = unit_fill((char) byte, 1);

        for (i = 0; i <= value.len; i += (i < 4 || i > value.len - 60) ? 1 : 7)
        {
            cut.data = value.data;
            cut.len = i;

            rest.data = value.data + i;
            rest.len = value.len - i;

            assert_non_null(open_at(unit_join(cut, more, rest), NOW));
        }
    }
}


static void
a_session_has_its_time(void **state)
{
    size_t            i;
    mp_session_t      session;
    mp_session_key_t  key;

    static const struct {
        const char  *label;
        time_t       issued;
        time_t       expires;
        const char  *wrong;
    } rows[] = {
        { "the last second", NOW - 3600, NOW + 1, NULL },
        { "then no more", NOW - 3600, NOW, EXPIRED },
        { "over", NOW - 3600, NOW - 1, EXPIRED },
        { "for ages", 0, 0, EXPIRED },
        { "before 1970", NOW, INT64_MIN, EXPIRED },
        { "clocks may differ", NOW + 60, NOW + 3600, NULL },
        { "but not more", NOW + 61, NOW + 3600, FROM_FUTURE },
        { "by years", INT64_MAX, INT64_MAX, FROM_FUTURE },
        { "expired in the future", NOW + 3600, NOW, EXPIRED }
    };

    key = key_of(KEY, NAME);

    for (i = 0; i < LENGTH(rows); i++) {
        session = session_of(customer);
        session.issued = rows[i].issued;
        session.expires = rows[i].expires;

        check_wrong(rows[i].label, open_at(seal(&session, &key), NOW),
                    rows[i].wrong);
    }
}


/* base64url once more, a bit at a time. */

static mp_str_t
base64url(mp_str_t bytes)
{
    size_t          i, bit, len;
    unsigned        digit;
    mp_str_t        text;
    unsigned char  *p;

    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-_";

    len = (bytes.len * 8 + 5) / 6;
    p = unit_alloc(len);

    for (i = 0; i < len; i++) {

        digit = 0;

        for (bit = 6 * i; bit < 6 * i + 6; bit++) {
            digit <<= 1;

            if (bit / 8 < bytes.len) {
                digit |= bytes.data[bit / 8] >> (7 - bit % 8) & 1;
            }
        }

        p[i] = (unsigned char) digits[digit];
    }

    text.data = p;
    text.len = len;

    return text;
}


/* Whatever it is, with the code of the usual key behind it. */

static mp_str_t
signed_text(mp_str_t version, mp_str_t payload)
{
    mp_str_t          text, code;
    unsigned char     bytes[MP_SHA256_LEN];
    mp_session_key_t  key;

    key = key_of(KEY, NAME);
    text = unit_join(version, payload, STR(""));

    mp_hmac(&key.hmac, text, bytes);
    code.data = bytes;
    code.len = sizeof(bytes);

    return unit_join(text, STR("."), base64url(code));
}


static void
what_is_signed_may_still_be_wrong(void **state)
{
    size_t    i, n;
    mp_str_t  bytes, more;

    static const struct {
        const char  *label;
        mp_str_t     version;
        mp_str_t     payload;
        const char  *wrong;
    } rows[] = {
        { "the next version", mp_str("2."), mp_str("AAAA"), NO_SESSION },
        { "an old one", mp_str("0."), mp_str("AAAA"), NO_SESSION },
        { "a long one", mp_str("11."), mp_str("AAAA"), NO_SESSION },
        { "no version", mp_str(""), mp_str("AAAA"), NO_SESSION },
        { "no payload", mp_str("1."), mp_str(""), MALFORMED },
        { "one digit", mp_str("1."), mp_str("A"), MALFORMED },
        { "one digit more", mp_str("1."), mp_str("AAAAA"), MALFORMED },
        { "two digits", mp_str("1."), mp_str("AA"), MALFORMED },
        { "no digits", mp_str("1."), mp_str("!!!!"), MALFORMED },
        { "a dot", mp_str("1."), mp_str("AA.A"), MALFORMED },
        { "a NUL", mp_str("1."), mp_str("AA\0A"), MALFORMED },
        { "only padding", mp_str("1."), mp_str("===="), MALFORMED }
    };

    /* both times, and the lengths of five strings */

    static const unsigned char  payload[] =
        "\0\0\0\0\0\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"
        "\0\1a\0\1b\0\1c\0\1d\0\1e";

    for (i = 0; i < LENGTH(rows); i++) {
        check_wrong(rows[i].label,
                    open_at(signed_text(rows[i].version, rows[i].payload),
                            NOW),
                    rows[i].wrong);
    }

    bytes = unit_bytes(payload, sizeof(payload) - 1);
    n = bytes.len;

    check_wrong("a good one",
                open_at(signed_text(STR("1."), base64url(bytes)), NOW), NULL);

    for (bytes.len = 0; bytes.len < n; bytes.len++) {
        check_wrong("too short",
                    open_at(signed_text(STR("1."), base64url(bytes)), NOW),
                    MALFORMED);
    }

    for (i = 1; i < 50; i++) {
        more = unit_join(bytes, unit_fill('\0', i), STR(""));
        check_wrong("too long",
                    open_at(signed_text(STR("1."), base64url(more)), NOW),
                    MALFORMED);
    }

    /* a string that ends behind the payload */

    for (i = 16; i < n; i += 3) {
        bytes = unit_bytes(payload, n);
        ((unsigned char *) bytes.data)[i] = 0xff;

        check_wrong("a long string",
                    open_at(signed_text(STR("1."), base64url(bytes)), NOW),
                    MALFORMED);
    }

    bytes = unit_bytes(payload, n);
    ((unsigned char *) bytes.data)[n - 2] = 2;

    check_wrong("a byte too long",
                open_at(signed_text(STR("1."), base64url(bytes)), NOW),
                MALFORMED);
}


static void
any_key_may_have_signed_it(void **state)
{
    size_t                   i, n;
    mp_str_t                 value;
    mp_session_t             session, read;
    mp_session_key_t        *keys, other;
    const mp_session_key_t  *signed_by;

    static const char  *lines[] = {
        KEY, OTHER_KEY, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    };

    session = session_of(customer);
    other = key_of("the key of somebody else, with 32+ bytes", NAME);

    for (n = 1; n <= LENGTH(lines); n++) {

        keys = unit_alloc(n * sizeof(mp_session_key_t));

        for (i = 0; i < n; i++) {
            keys[i] = key_of(lines[i], NAME);
        }

        for (i = 0; i < n; i++) {
            value = seal(&session, &keys[i]);

            check_wrong(lines[i], open_with(&read, value, keys, n, NOW,
                                            &signed_by),
                        NULL);
            assert_ptr_equal(signed_by, &keys[i]);
            check_same(lines[i], &read, &session);
        }

        check_wrong("another key",
                    open_with(&read, seal(&session, &other), keys, n, NOW,
                              &signed_by),
                    NOT_SIGNED);
        check_wrong("no key",
                    open_with(&read, value, keys, 0, NOW, &signed_by),
                    NOT_SIGNED);
    }
}


/* A key for each name, and of each line; none is a line itself. */

static void
keys_are_derived(void **state)
{
    size_t            i, j;
    mp_session_t      session;
    mp_session_key_t  key;
    mp_session_key_t  derived[9];

    static const char  *lines[] = {
        KEY, ("000102030405060708090A0B0C0D0E0F"
              "101112131415161718191A1B1C1D1E1F"), OTHER_KEY
    };
    static const char  *names[] = { NAME, "__Host-Marketplace", "s" };

    for (i = 0; i < LENGTH(derived); i++) {
        derived[i] = key_of(lines[i / 3], names[i % 3]);
    }

    session = session_of(customer);

    for (i = 0; i < LENGTH(derived); i++) {

        key = key_of(lines[i / 3], names[i % 3]);
        assert_memory_equal(key.code, derived[i].code, MP_SHA256_LEN);

        for (j = 0; j < i; j++) {
            assert_memory_not_equal(derived[i].code, derived[j].code,
                                    MP_SHA256_LEN);
        }

        check_wrong("one of them", open_at(seal(&session, &derived[i]), NOW),
                    i ? NOT_SIGNED : NULL);
    }

    mp_hmac_key(&key.hmac, STR(KEY));
    check_wrong("the line itself", open_at(seal(&session, &key), NOW),
                NOT_SIGNED);
}


static void
keys_are_lines(void **state)
{
    size_t    i, n;
    mp_str_t  text, line;

    static const struct {
        const char  *label;
        mp_str_t     text;
        mp_str_t     lines[3];
    } rows[] = {
        { "an empty file", mp_str(""), { mp_null_str } },
        { "only blank lines", mp_str("\n \r\n\t\n\n"), { mp_null_str } },
        { "a space", mp_str(" "), { mp_null_str } },
        { "one", mp_str("one"), { mp_str("one") } },
        { "one line", mp_str("one\n"), { mp_str("one") } },
        { "CRLF", mp_str("one\r\n"), { mp_str("one") } },
        { "two", mp_str("one\ntwo"), { mp_str("one"), mp_str("two") } },
        { "two with CRLF", mp_str("one\r\ntwo\r\n"),
          { mp_str("one"), mp_str("two") } },
        { "blank lines", mp_str("\n\none\n \n\r\n\ttwo\t\n\n  three"),
          { mp_str("one"), mp_str("two"), mp_str("three") } },
        { "blanks around and in it", mp_str(" \ta key \t of words\t \n"),
          { mp_str("a key \t of words") } },
        { "any bytes", mp_str("\xff\0\1=\nb#c"),
          { mp_str("\xff\0\1="), mp_str("b#c") } }
    };

    for (i = 0; i < LENGTH(rows); i++) {

        text = unit_copy(rows[i].text);

        for (n = 0; mp_session_next_key(&text, &line); n++) {
            assert_true(n < LENGTH(rows[i].lines));
            check_str(rows[i].label, line, rows[i].lines[n]);
        }

        check_int(rows[i].label, text.len, 0);
        assert_true(n == LENGTH(rows[i].lines) || !rows[i].lines[n].len);
    }
}


static void
short_lines_are_no_keys(void **state)
{
    size_t  i;

    static const char  short_hex[] = "has less than 64 hexadecimal digits";
    static const char  short_key[] = "has less than 32 bytes";

    static const struct {
        const char  *label;
        mp_str_t     line;
        const char  *wrong;
    } rows[] = {
        { "openssl rand -hex 32", mp_str(KEY), NULL },
        { "in capitals",
          mp_str("0A1B2C3D4E5F0A1B2C3D4E5F0A1B2C3D"
                 "0A1B2C3D4E5F0A1B2C3D4E5F0A1B2C3D"), NULL },
        { "a digit less",
          mp_str("0a1b2c3d4e5f0a1b2c3d4e5f0a1b2c3d"
                 "0a1b2c3d4e5f0a1b2c3d4e5f0a1b2c3"), short_hex },
        { "openssl rand -hex 16", mp_str("0a1b2c3d4e5f0a1b2c3d4e5f0a1b2c3d"),
          short_hex },
        { "one digit", mp_str("0"), short_hex },
        { "openssl rand -base64 32",
          mp_str("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="), NULL },
        { "openssl rand -base64 31",
          mp_str("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZQ=="), short_key },
        { "openssl rand -base64 25",
          mp_str("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3OA=="), short_key },
        { "openssl rand -base64 34",
          mp_str("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWZnaA=="), NULL },
        { "only padding", mp_str("========================================"),
          short_key },
        { "32 bytes", mp_str("a phrase of thirty-two bytes, so"), NULL },
        { "31 bytes", mp_str("a phrase of thirty-two bytes, s"), short_key },
        { "one byte", mp_str("x"), short_key },
        { "32 other bytes",
          mp_str("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
                 "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
                 "\xff\xff\xff\xff"), NULL }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_wrong(rows[i].label,
                    mp_session_check_key(unit_copy(rows[i].line)),
                    rows[i].wrong);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_format_stays),
        cmocka_unit_test(what_is_sealed_can_be_opened),
        cmocka_unit_test(times_are_kept),
        cmocka_unit_test(what_is_too_long_has_no_length),
        cmocka_unit_test(customers_fit_into_a_cookie),
        cmocka_unit_test(no_byte_may_differ),
        cmocka_unit_test(no_byte_may_be_missing),
        cmocka_unit_test(no_byte_may_be_added),
        cmocka_unit_test(a_session_has_its_time),
        cmocka_unit_test(what_is_signed_may_still_be_wrong),
        cmocka_unit_test(any_key_may_have_signed_it),
        cmocka_unit_test(keys_are_derived),
        cmocka_unit_test(keys_are_lines),
        cmocka_unit_test(short_lines_are_no_keys)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
