# The token in the query, and in the body or else in the query.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace;

repeat_each(2);
no_root_location();

our $body_args = location_of('marketplace_token_source body args;');

registers_as('application/x-www-form-urlencoded',
    'marketplace_token_source args;');

run_tests();

__DATA__

=== TEST 1: the token among other arguments, by POST
--- request
POST /register?a=1&x-amzn-marketplace-token=ok%2B1&b=2
--- response_body_like: ^POST /register\?a=1&x-amzn-marketplace-token=ok%2B1&b=2\nX-Marketplace-Customer-AWS-Account-Id: \d{12}\n
--- aws_tokens eval: ["ok+1"]

=== TEST 2: by GET and HEAD
--- request eval
["GET /register?x-amzn-marketplace-token=ok1",
 "HEAD /register?x-amzn-marketplace-token=ok2"]
--- response_body_like eval: ["X-Marketplace-Product-Code: ", "^\$"]
--- error_code eval: [200, 200]
--- aws_tokens eval: ["ok1", "ok2"]

=== TEST 3: GET and HEAD without one are untouched
--- request eval
["GET /register", "HEAD /register", "GET /register?a=b",
 "GET /register?x-amzn-marketplace-token=",
 "GET /register?x-amzn-marketplace-token"]
--- response_headers eval: [("!Marketplace-Error") x 5]
--- error_code eval: [(200) x 5]
--- aws_calls: 0

=== TEST 4: a POST without one, whatever its body
--- request
POST /register?a=b
x-amzn-marketplace-token=ok1
--- error_code: 400
--- response_headers
Marketplace-Error: MissingToken
--- aws_calls: 0

=== TEST 5: the body is the application's, of any type and unread
--- more_headers
Content-Type: text/plain
--- request
POST /register?x-amzn-marketplace-token=ok1
x-amzn-marketplace-token=ok2
--- response_body_like: \n\nx-amzn-marketplace-token=ok2$
--- aws_tokens eval: ["ok1"]

=== TEST 6: the offer type
--- request
GET /register?x-amzn-marketplace-offer-type=free%20trial&x-amzn-marketplace-token=ok1
--- response_body_like: X-Marketplace-Offer-Type: free trial\n
--- aws_calls: 1

=== TEST 7: quotes, control characters and UTF-8
--- request
GET /register?x-amzn-marketplace-token=ok%22%5C%0A%00%C3%A4%F0%9F%98%80+=/
--- aws_tokens eval: ["ok\"\\\n\0\x{e4}\x{1f600} =/"]

=== TEST 8: what is broken
--- request eval
[map { "GET /register?x-amzn-marketplace-token=$_" } "ok%", "ok%zz", "ok%ff",
    "ok1&x-amzn-marketplace-token=ok2",
    "ok1&x-amzn-marketplace-offer-type=%0d%0a",
    "ok1&x-amzn-marketplace-offer-type=%"]
--- error_code eval: [(400) x 6]
--- response_headers eval: [("Marketplace-Error: InvalidRequest") x 6]
--- aws_calls: 0

=== TEST 9: what is broken in an argument of the application's
--- request
GET /register?a=%&x-amzn-marketplace-token=ok1&%zz=%
--- aws_tokens eval: ["ok1"]

=== TEST 10: the token twice, the same
--- request
GET /register?x-amzn-marketplace-token=ok1&x-amzn-marketplace-token=%6fk1
--- aws_tokens eval: ["ok1"]

=== TEST 11: the largest token, and one byte more
--- config
    location / {
        marketplace_resolve on;
        marketplace_token_source args;
        marketplace_token_max_size 6;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
[map { "GET /register?x-amzn-marketplace-token=$_" } "ok1234", "%6fk12345"]
--- error_code eval: [200, 413]
--- response_headers eval: ["", "Marketplace-Error: TokenTooLarge"]
--- aws_tokens eval: ["ok1234"]

=== TEST 12: another field
--- config
    location / {
        marketplace_resolve on;
        marketplace_token_source args;
        marketplace_token_field t;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
GET /register?x-amzn-marketplace-token=other&t=ok1
--- aws_tokens eval: ["ok1"]

=== TEST 13: optional mode
--- config
    location / {
        marketplace_resolve optional;
        marketplace_token_source args;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
["GET /register?x-amzn-marketplace-token=wrong",
 "GET /register?x-amzn-marketplace-token=%", "GET /register",
 "POST /register"]
--- response_body_like eval
["\nX-Marketplace-Error: InvalidTokenException\n",
 "\nX-Marketplace-Error: InvalidRequest\n", "^GET /register\n\n\$",
 "\nX-Marketplace-Error: MissingToken\n"]
--- error_code eval: [(200) x 4]
--- aws_calls: 1

=== TEST 14: a query that a rewrite makes
--- config
    rewrite ^/register/(.+)$ /register?x-amzn-marketplace-token=$1? last;
    location = /register {
        marketplace_resolve on;
        marketplace_token_source args;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
GET /register/ok1
--- aws_tokens eval: ["ok1"]

=== TEST 15: an unread body on a connection that goes on
--- pipelined_requests eval
["POST /register?x-amzn-marketplace-token=error:ExpiredTokenException\n"
    . "POST /evil HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n.",
 "POST /register?x-amzn-marketplace-token=ok1\na=b"]
--- response_body_like eval: ["410 Gone", "^POST /register\\?"]
--- error_code eval: [410, 200]
--- aws_tokens eval: ["error:ExpiredTokenException", "ok1"]

=== TEST 16: the query is hidden in the log
--- request eval
["POST /register?a=1&x-amzn-marketplace-token=ok-secret1",
 "GET /register?x-amzn-marketplace-token=ok-secret2"]
--- error_code eval: [200, 200]
--- access_log eval
[qr{"(POST|GET) /register\?\.\.\. HTTP/1\.1" 200 }]
--- no_access_log
secret

=== TEST 17: the query is hidden in the log of what failed
--- request eval
["POST /register?x-amzn-marketplace-token=error:AccessDeniedException:::secret",
 "GET /register?x-amzn-marketplace-token=secret%",
 "POST /register?x-amzn-marketplace-token=secret1&x-amzn-marketplace-token=s"]
--- error_code eval: [500, 400, 400]
--- access_log eval
[qr{"(POST|GET) /register\?\.\.\. HTTP/1\.1" [45]00 }]
--- error_log eval
[qr{marketplace: .*, request: "(POST|GET) /register\?\.\.\. HTTP/1\.1"}]
--- no_access_log
secret

=== TEST 18: a query without a token is shown
--- request
GET /register?a=1&b=2
--- access_log
"GET /register?a=1&b=2 HTTP/1.1"

=== TEST 19: a query that is not looked at is shown
--- config
    location / {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
GET /register?x-amzn-marketplace-token=ok1
--- access_log
"GET /register?x-amzn-marketplace-token=ok1 HTTP/1.1"

=== TEST 20: the body first, then the query
--- config eval: $::body_args
--- request eval
["POST /register?x-amzn-marketplace-token=ok1\nx-amzn-marketplace-token=ok2",
 "POST /register?x-amzn-marketplace-token=ok3\nx-amzn-marketplace-token=",
 "POST /register?x-amzn-marketplace-token=ok4\na=b",
 "POST /register?x-amzn-marketplace-token=ok5",
 "GET /register?x-amzn-marketplace-token=ok6\nx-amzn-marketplace-token=ok7",
 "POST /register?a=b\na=b", "GET /register"]
--- error_code eval: [(200) x 5, 400, 200]
--- response_headers eval
[("") x 5, "Marketplace-Error: MissingToken", "!Marketplace-Error"]
--- aws_tokens eval: [map { "ok$_" } 2 .. 6]

=== TEST 21: the query if the body is of a type that carries no token
--- config eval: $::body_args
--- more_headers
Content-Type: text/plain
--- request eval
["POST /register?x-amzn-marketplace-token=ok1\nx-amzn-marketplace-token=ok2",
 "POST /register?a=b\nx-amzn-marketplace-token=ok3"]
--- error_code eval: [200, 400]
--- response_headers eval: ["", "Marketplace-Error: InvalidRequest"]
--- response_body_like eval: ["\n\nx-amzn-marketplace-token=ok2\$", "400"]
--- aws_tokens eval: ["ok1"]

=== TEST 22: a broken body is broken, whatever the query
--- config eval: $::body_args
--- request eval
["POST /register?x-amzn-marketplace-token=ok1\na=%",
 "POST /register?x-amzn-marketplace-token=ok1\nx-amzn-marketplace-token="
    . "a" x 8193]
--- error_code eval: [400, 413]
--- response_headers eval
["Marketplace-Error: InvalidRequest", "Marketplace-Error: TokenTooLarge"]
--- aws_calls: 0

=== TEST 23: with both sources the query is hidden whichever has the token
--- config eval: $::body_args
--- request eval
["POST /register?x-amzn-marketplace-token=ok-secret1\na=b",
 "POST /register?x-amzn-marketplace-token=ok-secret2\n"
    . "x-amzn-marketplace-token=ok1",
 "POST /register?x-amzn-marketplace-token=ok-secret3\na=%"]
--- error_code eval: [200, 200, 400]
--- no_access_log
secret

=== TEST 24: the query is hidden when the body does not come
--- config
    location / {
        marketplace_resolve on;
        marketplace_token_source body args;
        client_body_timeout 50ms;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- raw_request eval
"POST /register?x-amzn-marketplace-token=ok-secret1 HTTP/1.1\r\n"
    . "Host: localhost\r\nContent-Length: 10\r\n\r\na"
--- error_code eval: ""
--- access_log
"POST /register?... HTTP/1.1" 408
--- no_access_log
secret

=== TEST 25: the query is hidden when the request is refused before
--- config
    location / {
        deny all;
        marketplace_resolve on;
        marketplace_token_source args;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
GET /register?x-amzn-marketplace-token=ok-secret1
--- error_code: 403
--- no_access_log
secret
--- aws_calls: 0

=== TEST 26: the query is hidden where the body is refused for its length
--- config
    location / {
        client_max_body_size 5;
        marketplace_resolve on;
        marketplace_token_source args;
        marketplace_token_field token;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /?a=b&token=ok-secret1
too much
--- error_code: 413
--- access_log
"POST /?... HTTP/1.1" 413
--- no_access_log
secret
--- error_log
client intended to send too large body
--- no_error_log eval
[qr/, request: "[^"]*secret/]

=== TEST 27: the query is hidden where a header is removed
--- config
    location / {
        marketplace_token_source body args;
        marketplace_token_field token;
        location = /a {
            marketplace_resolve on;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
        location = /b {
            marketplace_resolve on;
            marketplace_token_field other;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
        location = /c {
            marketplace_resolve on;
        }
        location = /d {
            marketplace_resolve on;
            marketplace_token_field another;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
--- request eval
["GET /a?token=ok-secret1", "GET /b?other=ok-secret2",
 "GET /d?another=ok-secret3"]
--- more_headers
X-Marketplace-License-Arn: mine
--- no_access_log
secret
--- error_log eval
qr/client sent header "x-marketplace-license-arn", removed/i
--- no_error_log eval
[qr/, request: "[^"]*secret/]

=== TEST 28: another query is shown
--- request
GET /register?a=x-amzn-marketplace-token
--- access_log
"GET /register?a=x-amzn-marketplace-token HTTP/1.1" 200
