# The token as a member of a JSON object.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace;

repeat_each(2);
no_root_location();

registers_as('application/json');

run_tests();

__DATA__

=== TEST 1: the token among other members
--- request
POST /register
{"a": [1, {"x-amzn-marketplace-token": "no"}], "x-amzn-marketplace-token": "ok1", "b": null}
--- aws_tokens eval: ["ok1"]
--- response_body_like: \n\n\{"a": \[1,

=== TEST 2: the offer type
--- request
POST /register
{"x-amzn-marketplace-offer-type": "free-trial", "x-amzn-marketplace-token": "ok1"}
--- response_body_like: X-Marketplace-Offer-Type: free-trial\n
--- aws_calls: 1

=== TEST 3: space around it and in it
--- request eval
"POST /register\n\r\n\t {\n\"x-amzn-marketplace-token\"\r\n:\t\"ok1\" } \n\r\t"
--- more_headers
Content-Type: application/json
Content-Length: 46
--- aws_tokens eval: ["ok1"]

=== TEST 4: escapes in name and value
--- request
POST /register
{"\u0078-amzn-marketplace-toke\u006E": "ok\"\\\/\b\f\n\r\t\u0001\u007f"}
--- aws_tokens eval: ["ok\"\\/\b\f\n\r\t\x01\x7f"]

=== TEST 5: UTF-8, raw and escaped, beyond the first plane as well
--- request eval
["POST /register\n{\"x-amzn-marketplace-token\": \"ok\xc3\xa4\xf0\x9f\x98\x80\"}",
 'POST /register
{"x-amzn-marketplace-token": "ok\u00e4\ud83d\ude00"}']
--- error_code eval: [200, 200]
--- aws_tokens eval: [("ok\x{e4}\x{1f600}") x 2]

=== TEST 6: signs that only a form gives a meaning to
--- request
POST /register
{"x-amzn-marketplace-token": "ok%2B+&="}
--- aws_tokens eval: ["ok%2B+&="]

=== TEST 7: strings that are none
--- request eval
[map { qq(POST /register\n{"x-amzn-marketplace-token": "ok$_"}) }
    "\xff", "\xc3", "\xed\xa0\x80", '\\ud83d', '\\ude00', '\\ud83dx',
    '\\u12', '\\x41', '\\', '"', '\\u0000', "\0"]
--- error_code eval: [(400) x 12]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 12]
--- aws_calls: 0

=== TEST 8: a token that is no string
--- request eval
[map { qq(POST /register\n{"x-amzn-marketplace-token": $_}) }
    "1", "true", "null", "[]", '["ok1"]', '{"a": "ok1"}']
--- error_code eval: [(400) x 6]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 6]
--- aws_calls: 0

=== TEST 9: an offer type that is no string, or not fit for a header
--- request eval
[map { qq(POST /register\n{"x-amzn-marketplace-token": "ok1",)
    . qq("x-amzn-marketplace-offer-type": $_}) }
    "1", "null", '"a\\r\\nX-Evil: 1"', '"\\u007f"']
--- error_code eval: [(400) x 4]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 4]
--- aws_calls: 0

=== TEST 10: no token, or an empty one, or in the wrong place
--- request eval
[map { "POST /register\n$_" } "{}", '{"a": 1}',
    '{"x-amzn-marketplace-token": ""}', '{"X-Amzn-Marketplace-Token": "ok1"}',
    '{"a": {"x-amzn-marketplace-token": "ok1"}}']
--- error_code eval: [(400) x 5]
--- response_headers eval: [("Marketplace-Error: MissingToken") x 5]
--- aws_calls: 0

=== TEST 11: what is no object
--- request eval
[map { "POST /register\n$_" } "[]", '"x-amzn-marketplace-token"', "1",
    "null", '[{"x-amzn-marketplace-token": "ok1"}]',
    "x-amzn-marketplace-token=ok1", " ", "\xef\xbb\xbf{}"]
--- more_headers eval
[map { "Content-Type: application/json\nContent-Length: $_" }
    2, 26, 1, 4, 37, 28, 1, 5]
--- error_code eval: [(400) x 8]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 8]
--- aws_calls: 0

=== TEST 12: what is broken, or more than one object
--- request eval
[map { "POST /register\n$_" } "{", "}", '{"x-amzn-marketplace-token": "ok1"',
    '{"x-amzn-marketplace-token": "ok1",}',
    '{"x-amzn-marketplace-token": "ok1"} {}',
    '{"x-amzn-marketplace-token": "ok1"}}',
    '{"x-amzn-marketplace-token": "ok1"]',
    "{'x-amzn-marketplace-token': 'ok1'}",
    '{x-amzn-marketplace-token: "ok1"}',
    '{"x-amzn-marketplace-token" "ok1"}',
    '{"a": tru, "x-amzn-marketplace-token": "ok1"}',
    '/**/{"x-amzn-marketplace-token": "ok1"}']
--- error_code eval: [(400) x 12]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 12]
--- aws_calls: 0

=== TEST 13: nested as deep as it may be, and deeper
--- request eval
[map { qq(POST /register\n{"x-amzn-marketplace-token": "ok1", "a": )
    . "[" x $_ . "]" x $_ . "}" } 31, 32, 20000]
--- error_code eval: [200, 400, 400]
--- response_headers eval: ["", ("Marketplace-Error: InvalidRequest") x 2]
--- aws_calls: 1

=== TEST 14: the token twice, the same
--- request
POST /register
{"x-amzn-marketplace-token": "ok1", "x-amzn-marketplace-token": "o\u006b1"}
--- aws_tokens eval: ["ok1"]

=== TEST 15: the token twice, not the same
--- request eval
[map { qq(POST /register\n{"x-amzn-marketplace-token": "ok1",)
    . qq("x-amzn-marketplace-token": $_}) } '"ok2"', '""', 'null']
--- error_code eval: [(400) x 3]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 3]
--- aws_calls: 0

=== TEST 16: the largest token, and one byte more
--- config
    location / {
        marketplace_resolve on;
        marketplace_token_max_size 6;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
[map { qq(POST /register\n{"x-amzn-marketplace-token": "$_"}) }
    'ok1234', 'ok\u0031234', 'ok12345', 'ok\u00e4\u00e45']
--- error_code eval: [200, 200, 413, 413]
--- response_headers eval
["", "", ("Marketplace-Error: TokenTooLarge") x 2]
--- aws_tokens eval: [("ok1234") x 2]

=== TEST 17: another field
--- config
    location / {
        marketplace_resolve on;
        marketplace_token_field "to\"ken";
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /register
{"to\"ken": "ok1", "x-amzn-marketplace-token": 5}
--- aws_tokens eval: ["ok1"]

=== TEST 18: the content type in other letters, and with parameters
--- request eval
[map { qq(POST /register\n{"x-amzn-marketplace-token": "ok$_"}) } 1, 2]
--- more_headers eval
["Content-Type: Application/JSON", "Content-Type: application/json ; charset=utf-8"]
--- error_code eval: [200, 200]
--- aws_tokens eval: ["ok1", "ok2"]

=== TEST 19: other content types that are JSON, too
--- request eval
[(qq(POST /register\n{"x-amzn-marketplace-token": "ok1"})) x 3]
--- more_headers eval
[map { "Content-Type: $_" } "application/problem+json", "text/json",
    "application/jsonl"]
--- error_code eval: [(400) x 3]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 3]
--- aws_calls: 0

=== TEST 20: optional mode leaves broken JSON to the application
--- config
    location / {
        marketplace_resolve optional;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /register
{"x-amzn-marketplace-token":
--- response_body eval
qq(POST /register\nX-Marketplace-Error: InvalidRequest\n\n)
    . qq({"x-amzn-marketplace-token":)
--- aws_calls: 0
