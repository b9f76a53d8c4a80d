# What is resolved and what is not: by the method, and by what else nginx does
# with a request before and after.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace;

repeat_each(2);
no_root_location();

our $http_config = $aws . <<'_EOC_';
    add_header Marketplace-Error $marketplace_error always;
    add_header Product-Code $marketplace_product_code always;
_EOC_

our $register = <<'_EOC_';
    location = /register {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
_EOC_

our @untouched = qw(GET HEAD PUT DELETE OPTIONS PATCH);

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', $http_config)
        unless defined $block->http_config;
    $block->set_value('config', $register)
        unless defined $block->config;
    $block->set_value('request',
        "POST /register\nx-amzn-marketplace-token=ok1")
        unless defined $block->request || defined $block->raw_request;
    $block->set_value('more_headers',
        'Content-Type: application/x-www-form-urlencoded')
        unless defined $block->more_headers;
});

run_tests();

__DATA__

=== TEST 1: only a POST is resolved
--- request eval
[map { "$_ /register" } @::untouched]
--- response_body eval
[map { $_ eq 'HEAD' ? '' : "$_ /register\n\n" } @::untouched]
--- error_code eval: [(200) x 6]
--- response_headers eval: [('!Marketplace-Error') x 6]
--- aws_calls: 0

=== TEST 2: nor is another method in optional mode
--- config
    location = /register {
        marketplace_resolve optional;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
[map { "$_ /register" } @::untouched]
--- response_body eval
[map { $_ eq 'HEAD' ? '' : "$_ /register\n\n" } @::untouched]
--- error_code eval: [(200) x 6]
--- aws_calls: 0

=== TEST 3: a token in the body of another method is the application's
--- request eval
[map { "$_ /register\nx-amzn-marketplace-token=ok1" } qw(GET PUT PATCH)]
--- response_body eval
[map { "$_ /register\n\nx-amzn-marketplace-token=ok1" } qw(GET PUT PATCH)]
--- error_code eval: [(200) x 3]
--- aws_calls: 0

=== TEST 4: a token in a query that is not looked at is the application's
--- request
GET /register?x-amzn-marketplace-token=ok1
--- response_body eval
"GET /register?x-amzn-marketplace-token=ok1\n\n"
--- aws_calls: 0

=== TEST 5: a POST without a body
--- request
POST /register
--- response_headers
Marketplace-Error: MissingToken
--- error_code: 400
--- aws_calls: 0

=== TEST 6: a POST with a body of no length
--- request
POST /register
--- more_headers
Content-Type: application/x-www-form-urlencoded
Content-Length: 0
--- response_headers
Marketplace-Error: MissingToken
--- error_code: 400
--- aws_calls: 0

=== TEST 7: a POST without a body, in optional mode
--- config
    location = /register {
        marketplace_resolve optional;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /register
--- response_body eval
"POST /register\nX-Marketplace-Error: MissingToken\n\n"
--- response_headers
Marketplace-Error: MissingToken
--- aws_calls: 0

=== TEST 8: HTTP/1.0
--- raw_request eval
"POST /register HTTP/1.0\r\nContent-Length: 28\r\n"
    . "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    . "x-amzn-marketplace-token=ok1"
--- response_headers
Product-Code: standinproductcode0000001
--- aws_calls: 1

=== TEST 9: deny
--- config
    location = /register {
        deny all;
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- error_code: 403
--- aws_calls: 0

=== TEST 10: limit_except
--- config
    location = /register {
        limit_except GET {
            deny all;
        }
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- error_code: 403
--- aws_calls: 0

=== TEST 11: auth_basic
--- config
    location = /register {
        auth_basic realm;
        auth_basic_user_file $TEST_NGINX_SERVER_ROOT/html/users;
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- user_files
>>> users
buyer:{PLAIN}secret
--- more_headers eval
[map { "Content-Type: application/x-www-form-urlencoded\n$_" }
    "Accept: */*", "Authorization: Basic YnV5ZXI6c2VjcmV0"]
--- request eval
["POST /register\nx-amzn-marketplace-token=ok1",
 "POST /register\nx-amzn-marketplace-token=ok2"]
--- error_code eval: [401, 200]
--- aws_tokens eval: ["ok2"]

=== TEST 12: satisfy any, neither of them
--- config
    location = /register {
        satisfy any;
        deny all;
        auth_basic realm;
        auth_basic_user_file $TEST_NGINX_SERVER_ROOT/html/users;
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- user_files
>>> users
buyer:{PLAIN}secret
--- error_code: 401
--- aws_calls: 0

=== TEST 13: satisfy any, one of them
--- config
    location = /register {
        satisfy any;
        allow 127.0.0.1;
        deny all;
        auth_basic realm;
        auth_basic_user_file $TEST_NGINX_SERVER_ROOT/html/users;
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- user_files
>>> users
buyer:{PLAIN}secret
--- response_headers
Product-Code: standinproductcode0000001
--- aws_calls: 1

=== TEST 14: satisfy any, one of them, and the resolve fails
--- config
    location = /register {
        satisfy any;
        allow 127.0.0.1;
        deny all;
        auth_basic realm;
        auth_basic_user_file $TEST_NGINX_SERVER_ROOT/html/users;
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- user_files
>>> users
buyer:{PLAIN}secret
--- request
POST /register
x-amzn-marketplace-token=wrong
--- response_headers
Marketplace-Error: InvalidTokenException
--- error_code: 400
--- aws_calls: 1

=== TEST 15: auth_request that refuses
--- config
    marketplace_resolve on;
    location = /register {
        auth_request /auth;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /auth {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND/status/403;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
    }
--- error_code: 403
--- aws_calls: 0

=== TEST 16: auth_request that permits, and is not resolved itself
--- config
    marketplace_resolve on;
    location = /register {
        auth_request /auth;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /auth {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
    }
--- response_headers
Product-Code: standinproductcode0000001
--- response_body_like: \n\nx-amzn-marketplace-token=ok1$
--- aws_tokens eval: ["ok1"]

=== TEST 17: limit_req
--- http_config eval
$::http_config . "limit_req_zone key zone=all:64k rate=1r/m;"
--- config
    location = /register {
        limit_req zone=all;
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- init
HTTP::Tiny->new->get("http://127.0.0.1:" . ::nginx_port() . "/register")
    ->{success} or die;
--- error_code: 503
--- aws_calls: 0

=== TEST 18: limit_conn
--- http_config eval
$::http_config . "limit_conn_zone key zone=all:64k;"
--- config
    location = /register {
        limit_conn all 1;
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- init
$::other = IO::Socket::INET->new("127.0.0.1:" . ::nginx_port());
$::other->print("POST /register HTTP/1.1\r\nHost: localhost\r\n",
    "Expect: 100-continue\r\nContent-Length: 10\r\n\r\n");
<$::other> =~ /^HTTP\/1\.1 100 / or die;
--- error_code: 503
--- aws_calls: 0

=== TEST 19: return, which comes before the resolve
--- config
    location = /register {
        marketplace_resolve on;
        return 200 "[$marketplace_product_code]";
    }
--- response_body: []
--- response_headers
! Product-Code
--- aws_calls: 0

=== TEST 20: variables that are read too early are there later
--- config
    location = /register {
        marketplace_resolve on;
        set $early "[$marketplace_product_code]";
        if ($marketplace_error) {
            return 500;
        }
        add_header Early $early;
        add_header Late $marketplace_product_code;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- response_headers
Early: []
Late: standinproductcode0000001

=== TEST 21: rewrite to a location that resolves
--- config
    rewrite ^/register$ /welcome last;
    location = /welcome {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- response_body_like: ^POST /welcome\nX-Marketplace-
--- aws_calls: 1

=== TEST 22: try_files comes after the resolve
--- config
    location = /register {
        marketplace_resolve on;
        try_files /none @application;
    }
    location @application {
        marketplace_resolve off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- response_body_like: ^POST /register\nX-Marketplace-.*\n\nx-amzn-marketplace-token=ok1$
--- response_headers
Product-Code: standinproductcode0000001
--- aws_calls: 1

=== TEST 23: try_files comes after a resolve that fails
--- config
    location = /register {
        marketplace_resolve on;
        try_files /none @application;
    }
    location @application {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /register
x-amzn-marketplace-token=wrong
--- error_code: 400
--- aws_calls: 1

=== TEST 24: try_files to a location that resolves
--- config
    location = /register {
        try_files /none @application;
    }
    location @application {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- response_body_like: ^POST /register\nX-Marketplace-.*\n\nx-amzn-marketplace-token=ok1$
--- aws_calls: 1

=== TEST 25: try_files from one location that resolves to another
--- config
    marketplace_resolve on;
    location = /register {
        try_files /none /application;
    }
    location = /application {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- response_body_like: ^POST /application\nX-Marketplace-.*\n\nx-amzn-marketplace-token=ok1$
--- aws_calls: 1

=== TEST 26: the named location has the variables for a redirect
--- config
    location = /register {
        marketplace_resolve on;
        try_files /none @signup;
    }
    location @signup {
        return 303 /signup?product=$marketplace_product_code;
    }
--- error_code: 303
--- response_headers_like
Location: https?://.*/signup\?product=standinproductcode0000001
--- aws_calls: 1

=== TEST 27: index
--- config
    marketplace_resolve on;
    location = / {
        root $TEST_NGINX_SERVER_ROOT/html;
        index index.html;
    }
    location = /index.html {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /
x-amzn-marketplace-token=ok1
--- response_body_like: ^POST /index\.html\nX-Marketplace-.*\n\nx-amzn-marketplace-token=ok1$
--- aws_calls: 1

=== TEST 28: mirror comes after the resolve and is not resolved itself
--- http_config eval
$::http_config . 'log_format mirror
    "mirror $request_method $http_x_marketplace_product_code";'
--- config
    marketplace_resolve on;
    location = /register {
        mirror /mirror;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /mirror {
        log_subrequest on;
        access_log $TEST_NGINX_SERVER_ROOT/logs/access.log mirror;
        return 204;
    }
--- response_body_like: \n\nx-amzn-marketplace-token=ok1$
--- access_log
mirror POST standinproductcode0000001
--- aws_calls: 1

=== TEST 29: what is refused is not mirrored
--- http_config eval
$::http_config . 'log_format mirror "mirror $request_method";'
--- config
    marketplace_resolve on;
    location = /register {
        mirror /mirror;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /mirror {
        log_subrequest on;
        access_log $TEST_NGINX_SERVER_ROOT/logs/access.log mirror;
        return 204;
    }
--- request
POST /register
x-amzn-marketplace-token=wrong
--- error_code: 400
--- no_access_log
mirror POST
--- aws_calls: 1

=== TEST 30: other subrequests are not resolved, whatever their query
--- config
    marketplace_resolve on;
    marketplace_token_source body args;
    location = /register {
        ssi on;
        ssi_types *;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /included {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /register
x-amzn-marketplace-token=ok1&<!--# include virtual="/included?x-amzn-marketplace-token=ok2" -->
--- response_body_like: ^POST /register\nX-Marketplace.*\n\nx-amzn-marketplace-token=ok1&GET /included\?
--- aws_tokens eval: ["ok1"]

=== TEST 31: nor are they where the request itself is not
--- config
    marketplace_resolve on;
    marketplace_token_source body args;
    location = /register {
        marketplace_resolve off;
        mirror /mirror;
        ssi on;
        ssi_types *;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /mirror {
        return 204;
    }
--- request
POST /register
x-amzn-marketplace-token=ok1&<!--# include virtual="/included?x-amzn-marketplace-token=ok2" -->
--- response_body_like: ^POST /register\n\nx-amzn-marketplace-token=ok1&GET /included\?x-amzn-marketplace-token=ok2\n\n
--- aws_calls: 0

=== TEST 32: filters never see the answer of AWS
--- config
    location = /register {
        marketplace_resolve on;
        ssi on;
        ssi_types *;
        sub_filter secret changed;
        sub_filter_types *;
        gzip on;
        gzip_min_length 1;
        gzip_types *;
        log_subrequest on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
'POST /register
x-amzn-marketplace-token=json:{"ProductCode":"secret","CustomerAWSAccountId":"123456789012","Note":"<!--%23echo var="uri" -->"}'
=~ s/"uri"/\\"uri\\"/r
--- response_body_like: ^POST /register\nX-Marketplace-Customer-AWS-Account-Id: 123456789012\nX-Marketplace-Product-Code: changed\n\nx-amzn
--- aws_calls: 1

=== TEST 33: the page of an error, in the same server
--- config
    marketplace_resolve on;
    error_page 400 /problem;
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /register
x-amzn-marketplace-token=wrong
--- error_code: 400
--- response_body eval
"GET /problem\n\nx-amzn-marketplace-token=wrong"
--- response_headers
Marketplace-Error: InvalidTokenException
--- aws_calls: 1

=== TEST 34: the page of an error that was found without AWS
--- config
    marketplace_resolve on;
    error_page 400 /problem;
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /register
a=b
--- error_code: 400
--- response_body eval
"GET /problem\n\na=b"
--- response_headers
Marketplace-Error: MissingToken
--- aws_calls: 0

=== TEST 35: the page of an error that is named, and there is no body
--- config
    marketplace_resolve on;
    error_page 400 = @problem;
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location @problem {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /register
--- response_body eval
"POST /register\n\n"
--- aws_calls: 0

=== TEST 36: the page of an error that is a query with a token
--- config
    marketplace_resolve on;
    marketplace_token_source body args;
    error_page 400 =200 /problem?x-amzn-marketplace-token=ok2;
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /register
x-amzn-marketplace-token=wrong
--- response_body eval
"GET /problem?x-amzn-marketplace-token=ok2\n\n"
    . "x-amzn-marketplace-token=wrong"
--- aws_tokens eval: ["wrong"]

=== TEST 37: the page of another error than the module's
--- config
    marketplace_resolve on;
    error_page 403 /problem;
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /register {
        deny all;
    }
--- error_code: 403
--- response_body eval
"GET /problem\n\nx-amzn-marketplace-token=ok1"
--- aws_calls: 0

=== TEST 38: a named page of another error than the module's
--- config
    marketplace_resolve on;
    error_page 403 @problem;
    location = /register {
        deny all;
    }
    location @problem {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- error_code: 403
--- response_body eval
"POST /register\n\nx-amzn-marketplace-token=ok1"
--- aws_calls: 0

=== TEST 39: a named page gets the POST and its body, and is not resolved
--- config
    marketplace_resolve on;
    error_page 410 = @expired;
    location = /register {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location @expired {
        proxy_set_header X-Error $marketplace_error;
        proxy_set_header Marketplace-Seen $marketplace_error;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /register
x-amzn-marketplace-token=error:ExpiredTokenException
--- response_body eval
"POST /register\nMarketplace-Seen: ExpiredTokenException\n\n"
    . "x-amzn-marketplace-token=error:ExpiredTokenException"
--- response_headers
Marketplace-Error: ExpiredTokenException
--- aws_calls: 1

=== TEST 40: a named page answers by itself, with the variables
--- config
    marketplace_resolve on;
    error_page 400 = @problem;
    location = /register {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location @problem {
        return 422 "$marketplace_error: $marketplace_error_message";
    }
--- request
POST /register
x-amzn-marketplace-token=wrong
--- error_code: 422
--- response_body: InvalidTokenException: Registration token is invalid
--- aws_calls: 1

=== TEST 41: pages of pages
--- config
    marketplace_resolve on;
    recursive_error_pages on;
    error_page 400 = @problem;
    error_page 404 = @nothing;
    location = /register {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location @problem {
        return 404;
    }
    location @nothing {
        return 200 "$marketplace_error";
    }
--- request
POST /register
x-amzn-marketplace-token=wrong
--- response_body: InvalidTokenException
--- aws_calls: 1

=== TEST 42: the application's error, and the resolve's variables in its page
--- config
    marketplace_resolve on;
    proxy_intercept_errors on;
    error_page 404 = /problem;
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /register {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND/status/404;
    }
--- response_body_like: ^GET /problem\nX-Marketplace-Customer-AWS-Account-Id: \d{12}\n
--- response_headers
Product-Code: standinproductcode0000001
--- aws_calls: 1

=== TEST 43: error_page 405 for what cannot be posted to
--- config
    marketplace_resolve on;
    root $TEST_NGINX_SERVER_ROOT/html;
    location = /index.html {
        error_page 405 = @application;
    }
    location @application {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /index.html
x-amzn-marketplace-token=ok1
--- response_body_like: ^POST /index\.html\nX-Marketplace-.*\n\nx-amzn-marketplace-token=ok1$
--- aws_calls: 1

=== TEST 44: a return that is a jump to a location that resolves
--- config
    location = /register {
        error_page 418 = @application;
        return 418;
    }
    location @application {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- response_body_like: ^POST /register\nX-Marketplace-.*\n\nx-amzn-marketplace-token=ok1$
--- aws_calls: 1

=== TEST 45: X-Accel-Redirect
--- config
    marketplace_resolve on;
    location /accel/ {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /private {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /accel/private
x-amzn-marketplace-token=ok1
--- response_body_like: ^GET /private\nX-Marketplace-Customer-AWS-Account-Id: \d{12}\n
--- response_headers
Product-Code: standinproductcode0000001
--- aws_calls: 1

=== TEST 46: X-Accel-Redirect to a query with a token
--- config
    marketplace_resolve on;
    marketplace_token_source body args;
    location /accel/ {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /private {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /accel/private?x-amzn-marketplace-token=ok2
x-amzn-marketplace-token=ok1
--- response_body_like: ^GET /private\?x-amzn-marketplace-token=ok2\nX-Marketplace-
--- aws_tokens eval: ["ok1"]

=== TEST 47: post_action is no second time
--- config
    marketplace_resolve on;
    location = /register {
        post_action @after;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location @after {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- response_body_like: ^POST /register\nX-Marketplace-
--- aws_calls: 1

=== TEST 48: an error page elsewhere
--- config
    marketplace_resolve on;
    error_page 400 =303 https://www.example.com/problem?$marketplace_error;
    location = /register {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /register
x-amzn-marketplace-token=wrong
--- error_code: 303
--- response_headers
Location: https://www.example.com/problem?InvalidTokenException
--- aws_calls: 1

=== TEST 49: two servers, one of which resolves
--- http_config eval
$::http_config . 'server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND; }
}'
--- config
    location = /register {
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
    location = /resolved {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- response_body eval
"POST /register\n\nx-amzn-marketplace-token=ok1"
--- aws_calls: 0

=== TEST 50: the page of an error that is no error, in a location that resolves
--- config
    location = /register {
        error_page 405 =200 @application;
        return 405;
    }
    location @application {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
["POST /register\nx-amzn-marketplace-token=ok1", "POST /register\na=b"]
--- error_code eval: [200, 400]
--- response_body_like eval
[qr/^POST \/register\nX-Marketplace-.*\n\nx-amzn-marketplace-token=ok1$/s,
    qr/400 Bad Request/]
--- aws_calls: 1

=== TEST 51: the page of an error that is no refusal
--- config
    location = /register {
        error_page 404 @application;
        return 404;
    }
    location @application {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
["POST /register\nx-amzn-marketplace-token=ok1", "POST /register\na=b"]
--- error_code eval: [404, 400]
--- response_body_like eval
[qr/^POST \/register\nX-Marketplace-/, qr/400 Bad Request/]
--- aws_calls: 1

=== TEST 52: a failure that was optional is none where it is redirected to
--- config
    location = /register {
        marketplace_resolve optional;
        try_files /none @application;
    }
    location @application {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
[map { "POST /register\nx-amzn-marketplace-token=$_" } qw(ok1 wrong)]
--- error_code eval: [200, 400]
--- response_body_like eval
[qr/^POST \/register\nX-Marketplace-/, qr/400 Bad Request/]
--- aws_calls: 2

=== TEST 53: the product is one of the location that is redirected to, too
--- config
    location = /register {
        marketplace_resolve on;
        marketplace_product_code standinproductcode0000001 other;
        try_files /none @application;
    }
    location @application {
        marketplace_resolve on;
        marketplace_product_code other;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
[map { "POST /register\nx-amzn-marketplace-token=$_" } qw(ok1 product:other)]
--- error_code eval: [403, 200]
--- response_body_like eval
[qr/403 Forbidden/, qr/\nX-Marketplace-Product-Code: other\n/]
--- aws_calls: 2

=== TEST 54: pages of refusals that hide the status, or have one of their own
--- http_config eval
$::http_config . 'limit_req_zone key zone=all:64k rate=1r/m;'
--- config
    marketplace_resolve on;
    error_page 401 403 503 = @problem;
    location = /deny {
        deny all;
    }
    location = /ok {
        deny all;
        error_page 403 =200 @problem;
    }
    location = /recursive {
        deny all;
        recursive_error_pages on;
        error_page 403 @more;
    }
    location @more {
        recursive_error_pages on;
        error_page 418 = @problem;
        return 418;
    }
    location = /auth {
        auth_request /no;
    }
    location = /no {
        error_page 404 /none;
        return 401;
    }
    location = /off {
        marketplace_resolve off;
        deny all;
    }
    location = /limit {
        limit_req zone=all;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /down {
        auth_request /gone;
        error_page 500 =200 @problem;
    }
    location = /gone {
        error_page 404 /none;
        return 500;
    }
    location = /own {
        limit_req zone=all;
        limit_req_status 420;
        error_page 420 @problem;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location @problem {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- init
HTTP::Tiny->new->get("http://127.0.0.1:" . ::nginx_port() . "/limit")
    ->{success} or die;
--- request eval
[map { "POST $_\nx-amzn-marketplace-token=ok1" }
    qw(/deny /ok /recursive /auth /off /limit /down /own)]
--- response_body eval
[map { "POST $_\n\nx-amzn-marketplace-token=ok1" }
    qw(/deny /ok /recursive /auth /off /limit /down /own)]
--- error_code eval: [(200) x 7, 420]
--- aws_calls: 0
--- error_log
marketplace: the request was refused, and nothing is resolved on the page for that

=== TEST 55: pages that hide the status of no refusal
--- config
    location = /return {
        error_page 418 = @application;
        return 418;
    }
    location = /status/404 {
        error_page 404 = @application;
        proxy_intercept_errors on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /try {
        error_page 404 = @application;
        try_files /none =404;
    }
    location @application {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
[map { "POST $_\nx-amzn-marketplace-token=ok1" } qw(/return /status/404 /try)]
--- response_body_like eval
[map { qr/^POST $_\nX-Marketplace-/ } qw(/return /status/404 /try)]
--- error_code eval: [200, 404, 200]
--- aws_calls: 3

=== TEST 56: a query that would have a token at another server
--- http_config eval
$::http_config . '
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        location / {
            marketplace_resolve on;
            marketplace_token_source args;
            marketplace_token_field id;
        }
    }
'
--- request
GET /register?id=3
--- access_log
"GET /register?id=3 HTTP/1.1" 200

=== TEST 57: the page of a refusal from before access control
--- config
    marketplace_resolve on;
    error_page 403 @problem;
    location = /register {
        return 403;
    }
    location @problem {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- error_code: 403
--- response_body eval: "POST /register\n\nx-amzn-marketplace-token=ok1"
--- response_headers
!Marketplace-Error
--- aws_calls: 0

=== TEST 58: the page for who sends too much
--- config
    marketplace_resolve on;
    error_page 413 @problem;
    location = /register {
        client_max_body_size 5;
    }
    location @problem {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- error_code: 413
--- response_body eval: "POST /register\n\n"
--- response_headers
!Marketplace-Error
--- aws_calls: 0

=== TEST 59: a page of a refusal says nothing of requests without a token
--- config
    marketplace_resolve on;
    error_page 403 @problem;
    location = /register {
        deny all;
    }
    location @problem {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
GET /register
--- error_code: 403
--- no_error_log
nothing is resolved on the page for that
