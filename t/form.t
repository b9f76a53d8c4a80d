# The token in a form-urlencoded body, and which content types are what.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace;

repeat_each(2);
no_root_location();

registers_as('application/x-www-form-urlencoded');

run_tests();

__DATA__

=== TEST 1: the token among other fields
--- request
POST /register
a=1&x-amzn-marketplace-token=ok1&b=2
--- aws_tokens eval: ["ok1"]

=== TEST 2: what AWS sends
--- request
POST /register
x-amzn-marketplace-token=ok%2B1&x-amzn-marketplace-agreement-id=agmt-1&x-amzn-marketplace-offer-type=free-trial
--- aws_tokens eval: ["ok+1"]
--- response_body_like: X-Marketplace-Offer-Type: free-trial\n

=== TEST 3: percent-encoding, in small letters and in the name as well
--- request
POST /register
x%2damzn%2Dmarketplace-%74oken=%6fk%2f%2B%3d
--- aws_tokens eval: ["ok/+="]

=== TEST 4: a plus is a space, and other signs are themselves
--- request
POST /register
x-amzn-marketplace-token=ok+a/b=c==&x=+
--- aws_tokens eval: ["ok a/b=c=="]

=== TEST 5: quotes, backslashes and control characters
--- request
POST /register
x-amzn-marketplace-token=ok%22%5C%22%5c%5c%0A%0D%09%08%0c%01%1f%7f
--- aws_tokens eval: ["ok\"\\\"\\\\\n\r\t\b\f\x01\x1f\x7f"]

=== TEST 6: a token with NUL is not cut off there
--- request
POST /register
x-amzn-marketplace-token=ok%00more
--- aws_tokens eval: ["ok\0more"]

=== TEST 7: UTF-8, encoded and raw
--- request eval
["POST /register\nx-amzn-marketplace-token=ok%C3%A4%E2%82%AC%F0%9F%98%80",
 "POST /register\nx-amzn-marketplace-token=ok\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"]
--- error_code eval: [200, 200]
--- aws_tokens eval: [("ok\x{e4}\x{20ac}\x{1f600}") x 2]

=== TEST 8: what is no UTF-8
--- request eval
[map { "POST /register\nx-amzn-marketplace-token=ok$_" }
    "%FF", "\xff", "%C3", "%C0%80", "%ED%A0%80", "%F4%90%80%80"]
--- error_code eval: [(400) x 6]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 6]
--- aws_calls: 0

=== TEST 9: broken percent-encoding, in whatever field
--- request eval
[map { "POST /register\n$_" }
    "x-amzn-marketplace-token=ok%", "x-amzn-marketplace-token=ok%2",
    "x-amzn-marketplace-token=ok%zz", "x-amzn-marketplace-token=ok1&a=%g0",
    "a%=&x-amzn-marketplace-token=ok1"]
--- error_code eval: [(400) x 5]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 5]
--- aws_calls: 0

=== TEST 10: no token, or an empty one
--- request eval
[map { "POST /register\n$_" }
    "a=1", "x-amzn-marketplace-token", "x-amzn-marketplace-token=",
    "x-amzn-marketplace-token=&x-amzn-marketplace-token=", "&&=&",
    "X-AMZN-MARKETPLACE-TOKEN=ok1", "x-amzn-marketplace-tokens=ok1",
    "x-amzn-marketplace-toke=ok1", "a=x-amzn-marketplace-token=ok1",
    "a;x-amzn-marketplace-token=ok1", "x-amzn-marketplace-token%3Dok1",
    "x-amzn-marketplace-offer-type=free-trial"]
--- error_code eval: [(400) x 12]
--- response_headers eval: [("Marketplace-Error: MissingToken") x 12]
--- aws_calls: 0

=== TEST 11: the token twice, the same
--- request
POST /register
x-amzn-marketplace-token=ok1&a=1&x-amzn-marketplace-token=%6f%6B1
--- aws_tokens eval: ["ok1"]

=== TEST 12: the token twice, not the same
--- request eval
[map { "POST /register\n$_" }
    "x-amzn-marketplace-token=ok1&x-amzn-marketplace-token=ok2",
    "x-amzn-marketplace-token=&x-amzn-marketplace-token=ok1",
    "x-amzn-marketplace-token=ok1&x-amzn-marketplace-token",
    "x-amzn-marketplace-token=ok&x-amzn-marketplace-token=ok%00"]
--- error_code eval: [(400) x 4]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 4]
--- aws_calls: 0

=== TEST 13: the offer type twice, not the same, or not fit for a header
--- request eval
[map { "POST /register\nx-amzn-marketplace-token=ok1&$_" }
    "x-amzn-marketplace-offer-type=a&x-amzn-marketplace-offer-type=b",
    "x-amzn-marketplace-offer-type=a%0d%0aX-Evil:1",
    "x-amzn-marketplace-offer-type=a%00", "x-amzn-marketplace-offer-type=%7f",
    "x-amzn-marketplace-offer-type=%ff"]
--- error_code eval: [(400) x 5]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 5]
--- aws_calls: 0

=== TEST 14: an offer type as long as it may be, and one byte more
--- request eval
[map { "POST /register\nx-amzn-marketplace-token=ok1"
    . "&x-amzn-marketplace-offer-type=" . "a" x $_ } 255, 256]
--- response_body_like eval
["X-Marketplace-Offer-Type: a{255}\n", "413"]
--- error_code eval: [200, 413]
--- response_headers eval: ["", "Marketplace-Error: TokenTooLarge"]
--- aws_calls: 1

=== TEST 15: the largest token, and one byte more
--- request eval
[map { "POST /register\nx-amzn-marketplace-token=ok" . "a" x ($_ - 2) }
    8192, 8193]
--- error_code eval: [200, 413]
--- response_headers eval
["Marketplace-Error: ", "Marketplace-Error: TokenTooLarge"]
--- aws_tokens eval: ["ok" . "a" x 8190]

=== TEST 16: the size is of what is decoded
--- config
    location / {
        marketplace_resolve on;
        marketplace_token_max_size 4;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
[map { "POST /register\nx-amzn-marketplace-token=$_" }
    "%6f%6b%31%32", "ok%C3%A4", "ok%31%32%33", "ok%C3%A43"]
--- error_code eval: [200, 200, 413, 413]
--- response_headers eval
["", "", ("Marketplace-Error: TokenTooLarge") x 2]
--- aws_tokens eval: ["ok12", "ok\x{e4}"]

=== TEST 17: a larger token than usual
--- config
    location / {
        marketplace_resolve on;
        marketplace_token_max_size 20000;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
"POST /register\nx-amzn-marketplace-token=ok" . "a" x 19998
--- aws_tokens eval: ["ok" . "a" x 19998]

=== TEST 18: another field, and the usual one is nothing special then
--- config
    location / {
        marketplace_resolve on;
        marketplace_token_field "my token";
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
["POST /register\nmy+token=ok1&x-amzn-marketplace-token=other",
 "POST /register\nmy%20token=ok2",
 "POST /register\nx-amzn-marketplace-token=ok1"]
--- error_code eval: [200, 200, 400]
--- response_headers eval: ["", "", "Marketplace-Error: MissingToken"]
--- aws_tokens eval: ["ok1", "ok2"]

=== TEST 19: optional mode tells the application what was wrong
--- config
    location / {
        marketplace_resolve optional;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
[map { "POST /register\n$_" } "a=1", "a=%", "x-amzn-marketplace-token="
    . "a" x 8193]
--- response_body_like eval
[map { "^POST /register\nX-Marketplace-Error: $_\n\n" }
    qw(MissingToken InvalidRequest TokenTooLarge)]
--- error_code eval: [200, 200, 200]
--- aws_calls: 0

=== TEST 20: the content type in other letters, and with parameters
--- request eval
[map { "POST /register\nx-amzn-marketplace-token=ok$_" } 1 .. 4]
--- more_headers eval
[map { "Content-Type: $_" } "APPLICATION/X-WWW-Form-URLencoded",
    "application/x-www-form-urlencoded; charset=UTF-8",
    "application/x-www-form-urlencoded;charset=utf-8",
    "application/x-www-form-urlencoded \t; a"]
--- error_code eval: [(200) x 4]
--- aws_tokens eval: [map { "ok$_" } 1 .. 4]

=== TEST 21: content types that carry no token
--- request eval
[("POST /register\nx-amzn-marketplace-token=ok1") x 7]
--- more_headers eval
[map { "Content-Type: $_" } "text/plain", "", "application/octet-stream",
    "application/x-www-form-urlencodedx", "application/x-www-form-urlencode",
    "text/plain; application/x-www-form-urlencoded", ";"]
--- error_code eval: [(400) x 7]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 7]
--- aws_calls: 0

=== TEST 22: no content type
--- request
POST /register
x-amzn-marketplace-token=ok1
--- more_headers
--- error_code: 400
--- response_headers
Marketplace-Error: InvalidRequest
--- aws_calls: 0

=== TEST 23: a content type that carries no token, in optional mode
--- config
    location / {
        marketplace_resolve optional;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- more_headers
Content-Type: text/plain
--- request
POST /register
x-amzn-marketplace-token=ok1
--- response_body eval
"POST /register\nX-Marketplace-Error: InvalidRequest\n\n"
    . "x-amzn-marketplace-token=ok1"

=== TEST 24: very many fields
--- request eval
"POST /register\n" . "a=1&" x 15000 . "x-amzn-marketplace-token=ok1"
--- aws_tokens eval: ["ok1"]

=== TEST 25: a token is in no log
--- request eval
["POST /register\nx-amzn-marketplace-token=ok-secret",
 "POST /register\nx-amzn-marketplace-token=wrong-secret"]
--- error_code eval: [200, 400]
--- no_error_log
-secret
--- no_access_log
-secret
