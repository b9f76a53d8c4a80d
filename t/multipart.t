# The token in a multipart/form-data body.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace;

repeat_each(2);
no_root_location();

# A body of parts, each a disposition and a value, or a reference to the whole
# part.

sub parts {
    return join('', map { ref $_ eq 'SCALAR' ? "--B\r\n$$_\r\n"
        : "--B\r\nContent-Disposition: $_->[0]\r\n\r\n$_->[1]\r\n" } @_)
        . "--B--\r\n";
}

sub token {
    return ['form-data; name="x-amzn-marketplace-token"', shift];
}

sub post {
    return "POST /register\n" . parts(@_);
}

registers_as('multipart/form-data; boundary=B');

run_tests();

__DATA__

=== TEST 1: the token among other fields
--- request eval
::post(['form-data; name="a"', "1"], ::token("ok1"),
    ['form-data; name="x-amzn-marketplace-offer-type"', "free-trial"])
--- response_body_like: X-Marketplace-Offer-Type: free-trial\n\n--B\r\n
--- aws_tokens eval: ["ok1"]

=== TEST 2: a value is taken as it is
--- request eval
[map { ::post(::token($_)) } "ok%2B+&=/", "ok\"\\\t", "ok\0", "ok\r\n--C",
    "ok\r\n", "ok\n--B", "ok --B", "ok\xc3\xa4\xf0\x9f\x98\x80", "ok\r\n--Bx"]
--- error_code eval: [(200) x 9]
--- aws_tokens eval
["ok%2B+&=/", "ok\"\\\t", "ok\0", "ok\r\n--C", "ok\r\n", "ok\n--B", "ok --B",
 "ok\x{e4}\x{1f600}", "ok\r\n--Bx"]

=== TEST 3: what is no UTF-8
--- request eval
[::post(::token("ok\xff")), ::post(::token("ok\xc3"))]
--- error_code eval: [400, 400]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 2]
--- aws_calls: 0

=== TEST 4: the ways to write a disposition
--- request eval
[map { ::post([$_, "ok1"]) }
    "form-data; name=x-amzn-marketplace-token",
    "FORM-DATA;NAME=\"x-amzn-marketplace-token\"",
    "form-data ; a=\"b;name=c\" ;\tname=\"x-amzn-marketplace-token\" ; d=e",
    "form-data; a=\"\\\"; name=b\"; name=\"x-amzn-marketplace-token\""]
--- error_code eval: [(200) x 4]
--- aws_tokens eval: [("ok1") x 4]

=== TEST 5: more headers in a part, in any order
--- request eval
::post(\ ("Content-Type: text/plain; charset=utf-8\r\n"
    . "CONTENT-disposition:form-data; name=\"x-amzn-marketplace-token\"\r\n"
    . "X-Name: content-disposition: form-data\r\n\r\nok1"))
--- aws_tokens eval: ["ok1"]

=== TEST 6: a preamble and an epilogue
--- request eval
"POST /register\npreamble\r\n" . ::parts(::token("ok1")) . "epilogue\r\n--B\r\n."
--- aws_tokens eval: ["ok1"]

=== TEST 7: space behind a boundary
--- request eval
::post(::token("ok1")) =~ s/--B\r/--B \t\r/r
--- aws_tokens eval: ["ok1"]

=== TEST 8: a file is no field, nor is what is no form data
--- request eval
[map { ::post([$_, "ok1"]) }
    'form-data; name="x-amzn-marketplace-token"; filename="a"',
    'form-data; filename=""; name="x-amzn-marketplace-token"',
    'form-data; name="x-amzn-marketplace-token"; filename*=utf-8\'\'a',
    'attachment; name="x-amzn-marketplace-token"',
    'form-data; name="X-Amzn-Marketplace-Token"',
    'form-data; name="x-amzn-marketplace-token "',
    'form-data; name*="x-amzn-marketplace-token"',
    'form-data; title="name=x-amzn-marketplace-token"',
    'form-data']
--- error_code eval: [(400) x 9]
--- response_headers eval: [("Marketplace-Error: MissingToken") x 9]
--- aws_calls: 0

=== TEST 9: a file next to the token, with a boundary's look
--- request eval
::post(['form-data; name="file"; filename="x"',
    pack("C*", 0 .. 255) . "--B--\r\n--B\n"], ::token("ok1"))
--- aws_tokens eval: ["ok1"]

=== TEST 10: no token, or an empty one
--- request eval
[::post(), ::post(['form-data; name="a"', "1"]),
 ::post(::token(""))]
--- error_code eval: [(400) x 3]
--- response_headers eval
[("Marketplace-Error: MissingToken") x 3]
--- aws_calls: 0

=== TEST 11: the token twice, the same
--- request eval
::post(::token("ok1"), ::token("ok1"))
--- aws_tokens eval: ["ok1"]

=== TEST 12: the token twice, not the same
--- request eval
[::post(::token("ok1"), ::token("ok2")),
 ::post(::token(""), ::token("ok1")),
 ::post(::token("ok1"), ::token("ok1\r\n"))]
--- error_code eval: [(400) x 3]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 3]
--- aws_calls: 0

=== TEST 13: an offer type that is not fit for a header
--- request eval
::post(::token("ok1"),
    ['form-data; name="x-amzn-marketplace-offer-type"', "a\r\nX-Evil: 1"])
--- error_code: 400
--- response_headers
Marketplace-Error: InvalidRequest
--- aws_calls: 0

=== TEST 14: what is broken
--- request eval
[map { "POST /register\n$_" }
    # no last boundary, none at all, another one
    ::parts(::token("ok1")) =~ s/--B--\r\n//r,
    ::parts(::token("ok1")) =~ s/--B--\r\n/--B\r\n/r,
    "x-amzn-marketplace-token=ok1",
    ::parts(::token("ok1")) =~ s/B/C/gr,
    # a part without its headers' end, one that breaks off in a header
    "--B\r\nContent-Disposition: form-data\r\n--B--\r\n",
    ::parts(::token("ok1")) =~ s/data;.*//sr]
--- error_code eval: [(400) x 6]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 6]
--- aws_calls: 0

=== TEST 15: as many parts as there may be, and one more
--- request eval
[map { ::post((['form-data; name="a"', "1"]) x $_, ::token("ok1")) }
    99, 100]
--- error_code eval: [200, 400]
--- response_headers eval: ["", "Marketplace-Error: InvalidRequest"]
--- aws_calls: 1

=== TEST 16: the ways to write a boundary
--- request eval
[::post(::token("ok1")), ::post(::token("ok1")),
 ::post(::token("ok1")), ::post(::token("ok1")) =~ s/--B/--B=?: B/gr,
 ::post(::token("ok1")) =~ s/--B/"--" . "B" x 70/ger]
--- more_headers eval
[map { "Content-Type: $_" } 'multipart/form-data; boundary="B"',
    "MULTIPART/Form-Data;BOUNDARY=B",
    "multipart/form-data; charset=utf-8; boundary=B; a=b",
    'multipart/form-data; boundary="B=?: B"',
    "multipart/form-data; boundary=" . "B" x 70]
--- error_code eval: [(200) x 5]
--- aws_tokens eval: [("ok1") x 5]

=== TEST 17: boundaries that are none
--- request eval
[(::post(::token("ok1"))) x 5,
 ::post(::token("ok1")) =~ s/--B/"--" . "B" x 71/ger]
--- more_headers eval
[map { "Content-Type: multipart/form-data$_" } "", "; boundary",
    "; boundary=", '; boundary=""', "; xboundary=B",
    "; boundary=" . "B" x 71]
--- error_code eval: [(400) x 6]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 6]
--- aws_calls: 0

=== TEST 18: other multiparts
--- request eval
[(::post(::token("ok1"))) x 2]
--- more_headers eval
["Content-Type: multipart/mixed; boundary=B",
 "Content-Type: multipart/form-data-x; boundary=B"]
--- error_code eval: [(400) x 2]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 2]
--- aws_calls: 0

=== TEST 19: the largest token, and one byte more
--- config
    location / {
        marketplace_resolve on;
        marketplace_token_max_size 6;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
[::post(::token("ok1234")), ::post(::token("ok12345"))]
--- error_code eval: [200, 413]
--- response_headers eval: ["", "Marketplace-Error: TokenTooLarge"]
--- aws_tokens eval: ["ok1234"]

=== TEST 20: another field
--- config
    location / {
        marketplace_resolve on;
        marketplace_token_field "my token";
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
::post(['form-data; name="my token"', "ok1"], ::token("other"))
--- aws_tokens eval: ["ok1"]

=== TEST 21: optional mode leaves a broken body to the application
--- config
    location / {
        marketplace_resolve optional;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /register
--B
--- response_body eval
"POST /register\nX-Marketplace-Error: InvalidRequest\n\n--B"
--- aws_calls: 0
