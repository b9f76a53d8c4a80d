#include "unit.h"

#include "aws/mp_http_reply.h"


/* What a reply is read as; keepalive and the strings only if it is whole. */
typedef struct {
    const char     *name;
    mp_str_t        text;
    mp_reply_rc_t   rc;
    unsigned        status;
    mp_str_t        body;
    unsigned        keepalive;
    mp_str_t        request_id;
    mp_str_t        error_type;
} reply_case_t;


#define OK        "HTTP/1.1 200 OK\r\n"
#define CHUNKED   OK "Transfer-Encoding: chunked\r\n\r\n"


/*
 * Feeds a reply into a buffer with some room behind it: the first bytes at
 * once, then in steps.
 */

static mp_reply_rc_t
feed(mp_http_reply_t *reply, mp_str_t text, size_t first, size_t step,
    size_t room)
{
    size_t          len;
    unsigned char  *buf;
    mp_reply_rc_t   rc;

    buf = unit_alloc(text.len + room);
    memcpy(buf, text.data, first);

    mp_http_reply_init(reply);

    for (len = first; ; len += step) {

        if (len > text.len) {
            step -= len - text.len;
            len = text.len;
        }

        if (len > first) {
            memcpy(buf + len - step, text.data + len - step, step);
        }

        rc = mp_http_reply_parse(reply, buf, len, text.len + room);

        if (rc != MP_REPLY_AGAIN || len == text.len) {
            return rc;
        }
    }
}


static void
check_reply(const reply_case_t *row, size_t first, size_t step, size_t room)
{
    mp_reply_rc_t    rc;
    mp_http_reply_t  reply;

    rc = feed(&reply, row->text, first, step, room);

    check_int(row->name, rc, row->rc);

    if (rc == MP_REPLY_DONE) {
        check_int(row->name, reply.status, row->status);
        check_str(row->name, reply.body, row->body);
        check_int(row->name, reply.keepalive, row->keepalive);
        check_str(row->name, reply.request_id, row->request_id);
        check_str(row->name, reply.error_type, row->error_type);
    }
}


static const reply_case_t  whole[] = {
    { "length", mp_str(OK "Content-Length: 5\r\n\r\nhello"),
      MP_REPLY_DONE, 200, mp_str("hello"), 1, mp_null_str, mp_null_str },
    { "length of zero", mp_str(OK "Content-Length: 0\r\n\r\n"),
      MP_REPLY_DONE, 200, mp_null_str, 1, mp_null_str, mp_null_str },
    { "length with leading zeros",
      mp_str(OK "Content-Length: 000000005\r\n\r\nhello"),
      MP_REPLY_DONE, 200, mp_str("hello"), 1, mp_null_str, mp_null_str },
    { "the same length twice",
      mp_str(OK "Content-Length: 5\r\ncontent-length:5\r\n\r\nhello"),
      MP_REPLY_DONE, 200, mp_str("hello"), 1, mp_null_str, mp_null_str },
    { "line ends in the body",
      mp_str(OK "Content-Length: 8\r\n\r\n\r\n\r\n\n\0\r\n"),
      MP_REPLY_DONE, 200, mp_str("\r\n\r\n\n\0\r\n"), 1, mp_null_str,
      mp_null_str },
    { "no reason",
      mp_str("HTTP/1.1 404\r\nContent-Length: 1\r\n\r\nx"),
      MP_REPLY_DONE, 404, mp_str("x"), 1, mp_null_str, mp_null_str },
    { "empty reason",
      mp_str("HTTP/1.1 500 \r\nContent-Length: 1\r\n\r\nx"),
      MP_REPLY_DONE, 500, mp_str("x"), 1, mp_null_str, mp_null_str },

    { "chunks", mp_str(CHUNKED "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n"),
      MP_REPLY_DONE, 200, mp_str("hello, world"), 1, mp_null_str,
      mp_null_str },
    { "no chunk", mp_str(CHUNKED "0\r\n\r\n"),
      MP_REPLY_DONE, 200, mp_null_str, 1, mp_null_str, mp_null_str },
    { "digits of chunk sizes",
      mp_str(CHUNKED "A\r\n0123456789\r\n0000000b\r\n0123456789a\r\n"
             "00\r\n\r\n"),
      MP_REPLY_DONE, 200, mp_str("01234567890123456789a"), 1, mp_null_str,
      mp_null_str },
    { "chunk of two digits",
      mp_str(CHUNKED "11\r\n0123456789abcdefg\r\n0\r\n\r\n"),
      MP_REPLY_DONE, 200, mp_str("0123456789abcdefg"), 1, mp_null_str,
      mp_null_str },
    { "chunk extensions",
      mp_str(CHUNKED "2;a=b;c=\"5\"\r\nhe\r\n2 ;d\r\nll\r\n1\t;d\r\no\r\n"
             "0;e\r\n\r\n"),
      MP_REPLY_DONE, 200, mp_str("hello"), 1, mp_null_str, mp_null_str },
    { "chunks that hold line ends",
      mp_str(CHUNKED "4\r\n\r\n\r\n\r\n1\r\n\n\r\n0\r\n\r\n"),
      MP_REPLY_DONE, 200, mp_str("\r\n\r\n\n"), 1, mp_null_str,
      mp_null_str },
    { "trailers",
      mp_str(CHUNKED "5\r\nhello\r\n0\r\nConnection: close\r\n"
             "x-amzn-RequestId: trailer\r\n\r\n"),
      MP_REPLY_DONE, 200, mp_str("hello"), 1, mp_null_str, mp_null_str },
    { "chunked in capitals",
      mp_str(OK "TRANSFER-ENCODING: CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
      MP_REPLY_DONE, 200, mp_str("x"), 1, mp_null_str, mp_null_str },

    { "neither length nor chunks", mp_str(OK "\r\n"),
      MP_REPLY_DONE, 200, mp_null_str, 0, mp_null_str, mp_null_str },
    { "204", mp_str("HTTP/1.1 204 No Content\r\n\r\n"),
      MP_REPLY_DONE, 204, mp_null_str, 1, mp_null_str, mp_null_str },
    { "204 with a length",
      mp_str("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
      MP_REPLY_DONE, 204, mp_null_str, 1, mp_null_str, mp_null_str },
    { "304 with a length",
      mp_str("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
      MP_REPLY_DONE, 304, mp_null_str, 1, mp_null_str, mp_null_str },
    { "304 with chunks",
      mp_str("HTTP/1.1 304 X\r\nTransfer-Encoding: chunked\r\n\r\n"),
      MP_REPLY_DONE, 304, mp_null_str, 1, mp_null_str, mp_null_str },

    { "100 before it",
      mp_str("HTTP/1.1 100 Continue\r\n\r\n" OK
             "Content-Length: 5\r\n\r\nhello"),
      MP_REPLY_DONE, 200, mp_str("hello"), 1, mp_null_str, mp_null_str },
    { "nothing of a 103 counts",
      mp_str("HTTP/1.0 103 Hints\r\nContent-Length: 3\r\n"
             "Connection: close\r\nx-amzn-RequestId: no\r\n"
             "x-amzn-ErrorType: no\r\nContent-Length: 3\r\n\r\n"
             "HTTP/1.1 199 X\r\nTransfer-Encoding: chunked\r\n\r\n"
             "HTTP/1.1 400 X\r\nContent-Length: 5\r\n\r\nhello"),
      MP_REPLY_DONE, 400, mp_str("hello"), 1, mp_null_str, mp_null_str },

    { "connection: close",
      mp_str(OK "Content-Length: 1\r\nConnection: close\r\n\r\nx"),
      MP_REPLY_DONE, 200, mp_str("x"), 0, mp_null_str, mp_null_str },
    { "connection: close in a list",
      mp_str(OK "Content-Length: 1\r\nCONNECTION: a , CLOSE\t,b\r\n\r\nx"),
      MP_REPLY_DONE, 200, mp_str("x"), 0, mp_null_str, mp_null_str },
    { "connection: close before another",
      mp_str(OK "Connection: close\r\nConnection: keep-alive\r\n"
             "Content-Length: 1\r\n\r\nx"),
      MP_REPLY_DONE, 200, mp_str("x"), 0, mp_null_str, mp_null_str },
    { "connection: close with chunks",
      mp_str(OK "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
             "1\r\nx\r\n0\r\n\r\n"),
      MP_REPLY_DONE, 200, mp_str("x"), 0, mp_null_str, mp_null_str },
    { "connection: other than close",
      mp_str(OK "Content-Length: 1\r\nConnection: closed, clos,\r\n"
             "Proxy-Connection: close\r\n\r\nx"),
      MP_REPLY_DONE, 200, mp_str("x"), 1, mp_null_str, mp_null_str },
    { "HTTP/1.0",
      mp_str("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n"
             "Connection: keep-alive\r\n\r\nx"),
      MP_REPLY_DONE, 200, mp_str("x"), 0, mp_null_str, mp_null_str },

    { "the names of AWS",
      mp_str("HTTP/1.1 400 Bad Request\r\nx-amzn-RequestId:  1-2-3 \t\r\n"
             "X-AMZN-ERRORTYPE: Name:http://a/b\r\n"
             "Content-Length: 2\r\n\r\n{}"),
      MP_REPLY_DONE, 400, mp_str("{}"), 1, mp_str("1-2-3"),
      mp_str("Name:http://a/b") },
    { "names that are longer or shorter",
      mp_str(OK "x-amzn-RequestId2: a\r\namzn-RequestId: b\r\n"
             "x-amzn-ErrorTypes: c\r\nContent-Lengthy: 9\r\n"
             "Content-Length: 0\r\n\r\n"),
      MP_REPLY_DONE, 200, mp_null_str, 1, mp_null_str, mp_null_str },
    { "empty values",
      mp_str(OK "x-amzn-RequestId:\r\nx-amzn-ErrorType: \r\n"
             "Content-Length: 0\r\n\r\n"),
      MP_REPLY_DONE, 200, mp_null_str, 1, mp_null_str, mp_null_str },
    { "the body is joined behind the head",
      mp_str(OK "x-amzn-RequestId: id\r\nTransfer-Encoding: chunked\r\n"
             "x-amzn-ErrorType: type\r\n\r\n"
             "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n"),
      MP_REPLY_DONE, 200, mp_str("abc"), 1, mp_str("id"), mp_str("type") }
};


/* The buffer is as long as the reply, so an exact fit is good enough. */

static void
a_reply_is_read_the_same_however_it_arrives(void **state)
{
    size_t  i, first;

    for (i = 0; i < LENGTH(whole); i++) {

        for (first = 0; first <= whole[i].text.len; first++) {
            check_reply(&whole[i], first, whole[i].text.len, 0);
        }

        check_reply(&whole[i], 0, 1, 0);
        check_reply(&whole[i], 0, 3, 0);
        check_reply(&whole[i], whole[i].text.len, 1, 1000);
    }
}


static void
a_reply_that_is_not_whole_waits_until_the_buffer_is_full(void **state)
{
    size_t        i;
    reply_case_t  row;

    for (i = 0; i < LENGTH(whole); i++) {
        row = whole[i];

        while (--row.text.len) {
            row.rc = MP_REPLY_AGAIN;
            check_reply(&row, row.text.len, 1,
                        whole[i].text.len - row.text.len);

            row.rc = MP_REPLY_INVALID;
            check_reply(&row, row.text.len, 1, 0);
        }
    }
}


static void
what_is_no_reply_is_refused_however_it_arrives(void **state)
{
    size_t        i, first;
    reply_case_t  row;

    static const struct {
        const char  *name;
        mp_str_t     text;
    } bad[] = {
        { "empty line first", mp_str("\r\n" OK "\r\n") },
        { "line ends without a return",
          mp_str("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello") },
        { "status line ends without a return",
          mp_str("HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello") },
        { "header ends without a return",
          mp_str(OK "Content-Length: 5\nA: b\r\n\r\nhello") },
        { "last header ends without a return",
          mp_str(OK "Content-Length: 5\r\nA: b\n\r\nhello") },
        { "chunks without returns", mp_str(CHUNKED "5\nhello\n0\n\n") },
        { "a chunk's end for a part of it",
          mp_str(CHUNKED "6\r\nhello\r\n0\r\n\r\n") },
        { "text behind a chunk's size", mp_str(CHUNKED "5 x\r\nhello") },
        { "no HTTP", mp_str("HTTQ/1.1 200 OK\r\n") },
        { "HTTP in small letters", mp_str("http/1.1 200 OK\r\n") },
        { "HTTP/0.9", mp_str("HTTP/0.9 200 OK\r\n") },
        { "HTTP/1.2", mp_str("HTTP/1.2 200 OK\r\n") },
        { "HTTP/1.10", mp_str("HTTP/1.10 200 OK\r\n") },
        { "HTTP/2", mp_str("HTTP/2 200\r\n") },
        { "no space", mp_str("HTTP/1.1200 OK\r\n") },
        { "two spaces", mp_str("HTTP/1.1  200 OK\r\n") },
        { "short status", mp_str("HTTP/1.1 20\r\n") },
        { "long status", mp_str("HTTP/1.1 2000\r\n") },
        { "status and letter", mp_str("HTTP/1.1 20x OK\r\n") },
        { "status and space", mp_str("HTTP/1.1 2 0 OK\r\n") },
        { "negative status", mp_str("HTTP/1.1 -20 OK\r\n") },
        { "status below 100", mp_str("HTTP/1.1 099 OK\r\n") },
        { "status 101", mp_str("HTTP/1.1 101 Switching\r\n") },
        { "status edge /", mp_str("HTTP/1.1 20/ OK\r\n") },
        { "status edge :", mp_str("HTTP/1.1 20: OK\r\n") },

        { "header without a colon", mp_str(OK "Content-Length\r\n") },
        { "header without a name", mp_str(OK ": 5\r\n") },
        { "space before the colon", mp_str(OK "Content-Length : 5\r\n") },
        { "space before the name", mp_str(OK " Content-Length: 5\r\n") },
        { "folded header", mp_str(OK "A: b\r\n c: d\r\n") },
        { "control in a name", mp_str(OK "A\x01: b\r\n") },
        { "NUL in a value", mp_str(OK "A: b\0c\r\n") },
        { "return in a value", mp_str(OK "A: b\rc\r\n") },
        { "return before the empty line", mp_str(OK "\r\r\n") },

        { "empty length", mp_str(OK "Content-Length: \r\n") },
        { "negative length", mp_str(OK "Content-Length: -1\r\n") },
        { "signed length", mp_str(OK "Content-Length: +1\r\n") },
        { "hexadecimal length", mp_str(OK "Content-Length: 0x5\r\n") },
        { "length and letters", mp_str(OK "Content-Length: 5a\r\n") },
        { "length edge /", mp_str(OK "Content-Length: 5/\r\n") },
        { "length edge :", mp_str(OK "Content-Length: 5:\r\n") },
        { "list of lengths", mp_str(OK "Content-Length: 5, 5\r\n") },
        { "ten digits", mp_str(OK "Content-Length: 0000000005\r\n") },
        { "overflow",
          mp_str(OK "Content-Length: 18446744073709551621\r\n") },
        { "two lengths",
          mp_str(OK "Content-Length: 5\r\nContent-Length: 6\r\n") },
        { "two lengths, one of them 0",
          mp_str(OK "Content-Length: 0\r\nContent-Length: 5\r\n") },
        { "length and chunks",
          mp_str(OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"
                 "\r\n") },
        { "chunks and length",
          mp_str(OK "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"
                 "\r\n") },
        { "other coding", mp_str(OK "Transfer-Encoding: gzip\r\n") },
        { "two codings",
          mp_str(OK "Transfer-Encoding: gzip, chunked\r\n") },
        { "chunked twice",
          mp_str(OK "Transfer-Encoding: chunked\r\n"
                 "Transfer-Encoding: chunked\r\n") },
        { "not quite chunked", mp_str(OK "Transfer-Encoding: chunke\r\n") },

        { "no chunk size", mp_str(CHUNKED "\r\n") },
        { "extension only", mp_str(CHUNKED ";a=b\r\n") },
        { "space before the size", mp_str(CHUNKED " 5\r\nhello\r\n") },
        { "negative chunk", mp_str(CHUNKED "-1\r\n") },
        { "chunk with 0x", mp_str(CHUNKED "0x5\r\n") },
        { "no hexadecimal", mp_str(CHUNKED "5g\r\nhello\r\n") },
        { "nine digits", mp_str(CHUNKED "000000005\r\nhello\r\n") },
        { "chunk overflow", mp_str(CHUNKED "10000000000000005\r\n") },
        { "chunk too long", mp_str(CHUNKED "5\r\nhelloo\r\n") },
        { "chunk too short", mp_str(CHUNKED "7\r\nhello\r\n0\r\n") },

        { "bad reply behind a good 100",
          mp_str("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 99 X\r\n") },
        { "lengths and chunks in a 100",
          mp_str("HTTP/1.1 100 X\r\nContent-Length: 5\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n") }
    };

    memset(&row, 0, sizeof(row));
    row.rc = MP_REPLY_INVALID;

    for (i = 0; i < LENGTH(bad); i++) {
        row.name = bad[i].name;
        row.text = bad[i].text;

        for (first = 0; first <= row.text.len; first++) {
            check_reply(&row, first, row.text.len, 1000);
        }

        check_reply(&row, 0, 1, 1000);
    }
}


/* Before the rest of it arrives. */

static void
a_body_that_cannot_fit_is_refused_at_once(void **state)
{
    size_t           room;
    mp_http_reply_t  reply;

    static const mp_str_t  head = mp_str(OK "Content-Length: 100\r\n\r\n");
    static const mp_str_t  chunk = mp_str(CHUNKED "64\r\n");
    static const mp_str_t  second = mp_str(CHUNKED "1\r\nx\r\n64\r\n");

    for (room = 98; room <= 102; room++) {
        check_int("length", feed(&reply, head, head.len, 1, room),
                  (room < 100) ? MP_REPLY_INVALID : MP_REPLY_AGAIN);
        check_int("chunk", feed(&reply, chunk, chunk.len, 1, room),
                  (room < 100) ? MP_REPLY_INVALID : MP_REPLY_AGAIN);
        check_int("second", feed(&reply, second, second.len, 1, room),
                  (room < 100) ? MP_REPLY_INVALID : MP_REPLY_AGAIN);
    }
}


static void
an_endless_head_ends_with_the_buffer(void **state)
{
    mp_http_reply_t  reply;

    static const mp_str_t  none = mp_null_str;

    check_int("status line",
              feed(&reply, unit_fill('H', 5000), 0, 1000, 0),
              MP_REPLY_INVALID);
    check_int("header",
              feed(&reply, unit_join(STR(OK), unit_fill('h', 5000), none),
                   0, 1000, 0),
              MP_REPLY_INVALID);
    check_int("chunk size",
              feed(&reply, unit_join(STR(CHUNKED "1;"),
                                     unit_fill('h', 5000), none),
                   0, 1000, 0),
              MP_REPLY_INVALID);
}


static void
more_than_a_reply_ends_the_connections_use(void **state)
{
    size_t           i;
    mp_reply_rc_t    rc;
    mp_http_reply_t  reply;

    static const struct {
        const char  *name;
        mp_str_t     text;
        mp_str_t     body;
    } rows[] = {
        { "length", mp_str(OK "Content-Length: 1\r\n\r\nxy"), mp_str("x") },
        { "length of zero", mp_str(OK "Content-Length: 0\r\n\r\nx"),
          mp_null_str },
        { "chunks", mp_str(CHUNKED "1\r\nx\r\n0\r\n\r\ny"), mp_str("x") },
        { "second reply",
          mp_str(OK "Content-Length: 1\r\n\r\nx"
                 OK "Content-Length: 1\r\n\r\ny"), mp_str("x") },
        { "204", mp_str("HTTP/1.1 204 X\r\n\r\nx"), mp_null_str },
        { "neither length nor chunks", mp_str(OK "\r\nx"), mp_null_str }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        rc = feed(&reply, rows[i].text, rows[i].text.len, 1, 0);

        check_int(rows[i].name, rc, MP_REPLY_DONE);
        check_int(rows[i].name, reply.keepalive, 0);
        check_str(rows[i].name, reply.body, rows[i].body);
    }
}


static void
a_parser_can_start_over(void **state)
{
    mp_reply_rc_t    rc;
    mp_http_reply_t  reply;

    static const mp_str_t  text = mp_str("HTTP/1.1 404 X\r\n"
                                         "Content-Length: 1\r\n\r\ny");

    rc = feed(&reply, STR(CHUNKED "5\r\nhel"), 0, 1, 10);
    assert_int_equal(rc, MP_REPLY_AGAIN);

    rc = feed(&reply, text, text.len, 1, 0);
    assert_int_equal(rc, MP_REPLY_DONE);
    assert_int_equal(reply.status, 404);
    check_str("body", reply.body, STR("y"));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_reply_is_read_the_same_however_it_arrives),
        cmocka_unit_test(
            a_reply_that_is_not_whole_waits_until_the_buffer_is_full),
        cmocka_unit_test(what_is_no_reply_is_refused_however_it_arrives),
        cmocka_unit_test(a_body_that_cannot_fit_is_refused_at_once),
        cmocka_unit_test(an_endless_head_ends_with_the_buffer),
        cmocka_unit_test(more_than_a_reply_ends_the_connections_use),
        cmocka_unit_test(a_parser_can_start_over)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
