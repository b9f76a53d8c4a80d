# The body: read whatever way it comes, and delivered byte for byte to every
# kind of application.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace;

repeat_each(2);
no_root_location();
start_gateways();

our $http_config = $aws . <<'_EOC_';
    add_header Marketplace-Error $marketplace_error always;
    add_header Product-Code $marketplace_product_code always;
_EOC_

# A location with these directives more.

sub location {
    my ($directives, $mode) = (@_, '', '');

    return "location / { marketplace_resolve " . ($mode || 'on')
        . "; $directives" . ' proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;'
        . ' }';
}

sub http2 {
    return 'listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 http2;' . &location;
}

# What the gateways' protocols have no default for.

sub gateway {
    my ($protocol, $directives) = (@_, '');

    my %param = (REQUEST_METHOD => '$request_method',
        REQUEST_URI => '$request_uri', CONTENT_TYPE => '$content_type',
        CONTENT_LENGTH => '$content_length', SERVER_NAME => '$server_name',
        SERVER_PORT => '$server_port', SERVER_PROTOCOL => '$server_protocol');

    return "location / { marketplace_resolve on; $directives"
        . CORE::join('', map { "${protocol}_param $_ $param{$_};" } keys %param)
        . "${protocol}_pass " . $ENV{'TEST_NGINX_' . uc $protocol} . '; }';
}

# Every byte that is itself in a form.  It is longer than what nginx reads with
# the header, and has its token behind that.

our $body = 'all='
    . pack('C*', grep { $_ != ord '%' && $_ != ord '&' } 0 .. 255) x 10
    . '&x-amzn-marketplace-token=ok1&end=1';

# A body of so many bytes.

sub body_of {
    my $start = 'x-amzn-marketplace-token=ok1&padding=';

    return $start . 'x' x (shift() - length $start);
}

sub chunked {
    return CORE::join('', map { sprintf "%x\r\n%s\r\n", length, $_ } @_)
        . "0\r\n\r\n";
}

our $head = "POST /register HTTP/1.1\r\nHost: localhost\r\n"
    . "Content-Type: application/x-www-form-urlencoded\r\n";

our $chunked = $head . "Connection: close\r\n"
    . "Transfer-Encoding: chunked\r\n\r\n";

sub with_length {
    my ($body, $connection) = (@_, 'close');

    return $head . "Connection: $connection\r\nContent-Length: "
        . length($body) . "\r\n\r\n$body";
}

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', $http_config)
        unless defined $block->http_config;
    $block->set_value('config', location())
        unless defined $block->config;
    $block->set_value('request',
        "POST /register\n" . ($block->frames ? '' : $body))
        unless defined $block->request || defined $block->raw_request
            || defined $block->pipelined_requests;
    $block->set_value('more_headers',
        'Content-Type: application/x-www-form-urlencoded')
        unless defined $block->more_headers;

    # --- delivered: what the application gets as the body of a good request

    if (defined(my $delivered = $block->delivered)) {
        $block->set_value('response_body_like',
            qr/^POST \/register\nX-Marketplace-.*\n\n\Q$delivered\E\z/s);
    }
});

run_tests();

__DATA__

=== TEST 1: in memory
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 2: spooled, the token across buffers
--- config eval: ::location("client_body_buffer_size 16;")
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]
--- error_log
a client request body is buffered to a temporary file

=== TEST 3: in a file only
--- config eval: ::location("client_body_in_file_only clean;")
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 4: in a file that stays
--- config eval: ::location("client_body_in_file_only on;")
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 5: in a single buffer
--- config eval: ::location("client_body_in_single_buffer on;")
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 6: larger than the buffer
--- request eval: "POST /register\n" . ::body_of(60000)
--- delivered eval: ::body_of(60000)
--- aws_tokens eval: ["ok1"]

=== TEST 7: in several packets
--- raw_request eval
[::with_length($::body) =~ /.{1,100}/gs]
--- raw_request_middle_delay: 0.01
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 8: in several packets, spooled
--- config eval: ::location("client_body_buffer_size 16;")
--- raw_request eval
[::with_length($::body) =~ /.{1,100}/gs]
--- raw_request_middle_delay: 0.01
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]
--- error_log
a client request body is buffered to a temporary file

=== TEST 9: the last byte by itself
--- raw_request eval: [::with_length($::body) =~ /^(.*)(.)$/s]
--- raw_request_middle_delay: 0.02
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 10: chunked
--- raw_request eval: $::chunked . ::chunked($::body)
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 11: in chunks of a byte
--- raw_request eval: $::chunked . ::chunked(split //, $::body)
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 12: in chunks, spooled
--- config eval: ::location("client_body_buffer_size 16;")
--- raw_request eval: $::chunked . ::chunked($::body =~ /.{1,7}/gs)
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]
--- error_log
a client request body is buffered to a temporary file

=== TEST 13: in chunks, in a file only
--- config eval: ::location("client_body_in_file_only clean;")
--- raw_request eval: $::chunked . ::chunked($::body =~ /.{1,7}/gs)
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 14: in chunks, larger than the buffer
--- raw_request eval: $::chunked . ::chunked(::body_of(60000) =~ /.{1,999}/gs)
--- delivered eval: ::body_of(60000)
--- aws_tokens eval: ["ok1"]

=== TEST 15: in chunks and several packets, with extensions and trailers
--- raw_request eval
[$::chunked, "0", "f;a=b\r\nx-amzn-marketpl\r\n", "c\r\nace-token=ok", "\r",
 "\n1\r\n1\r", "\n0", "\r\nTrailer: 1\r\n", "\r", "\n"]
--- raw_request_middle_delay: 0.005
--- delivered: x-amzn-marketplace-token=ok1
--- aws_tokens eval: ["ok1"]

=== TEST 16: chunked, and there is none
--- raw_request eval: $::chunked . ::chunked()
--- error_code: 400
--- response_headers
Marketplace-Error: MissingToken
--- aws_calls: 0

=== TEST 17: chunked, and there is none, in two packets and optional mode
--- config eval: ::location("", "optional")
--- raw_request eval: [$::chunked, ::chunked()]
--- raw_request_middle_delay: 0.005
--- response_body eval
"POST /register\nX-Marketplace-Error: MissingToken\n\n"
--- aws_calls: 0

=== TEST 18: chunked, and broken
--- raw_request eval: $::chunked . "x\r\n"
--- error_code: 400
--- response_headers
! Marketplace-Error
--- aws_calls: 0

=== TEST 19: in a file only, and there is none
--- config eval: ::location("client_body_in_file_only on;")
--- raw_request eval: $::chunked . ::chunked()
--- error_code: 400
--- response_headers
Marketplace-Error: MissingToken
--- aws_calls: 0

=== TEST 20: of no length, in a file only
--- config eval: ::location("client_body_in_file_only on;")
--- raw_request eval: ::with_length("")
--- error_code: 400
--- response_headers
Marketplace-Error: MissingToken
--- aws_calls: 0

=== TEST 21: Expect: 100-continue
--- raw_request eval: ::with_length($::body) =~ s/\r\n/\r\nExpect: 100-continue\r\n/r
--- error_code: 100
--- response_body_like eval
qr/^HTTP\/1\.1 200 OK\r\n.*\nX-Marketplace-.*\n\n\Q$::body\E$/s
--- aws_tokens eval: ["ok1"]

=== TEST 22: Expect: 100-continue, by a client that waits
--- init
my $client = IO::Socket::INET->new("127.0.0.1:" . ::nginx_port());
my ($head, $body) = split /(?<=\r\n\r\n)/, ::with_length($::body), 2;
$client->print($head =~ s/\r\n/\r\nExpect: 100-continue\r\n/r);
<$client> =~ /^HTTP\/1\.1 100 Continue/ or die;
<$client>;
$client->print($body);
CORE::join("", <$client>) =~ /^HTTP\/1\.1 200 OK\r\n.*\n\n\Q$body\E$/s or die;
--- delivered eval: $::body

=== TEST 23: pipelined
--- pipelined_requests eval
["POST /register\nx-amzn-marketplace-token=ok1&first=1",
 "POST /register\nx-amzn-marketplace-token=ok2&second=2",
 "POST /register\nx-amzn-marketplace-token=ok3"]
--- response_body_like eval
[map { "X-Marketplace-Product-Code: .*\n\nx-amzn-marketplace-token=$_\$" }
    "ok1&first=1", "ok2&second=2", "ok3"]
--- error_code eval: [200, 200, 200]
--- aws_tokens eval: ["ok1", "ok2", "ok3"]

=== TEST 24: pipelined and chunked
--- config eval: ::location("client_body_buffer_size 16;")
--- pipelined_requests eval
["POST /register\n" . ::chunked($::body =~ /.{1,9}/gs),
 "POST /register\n" . ::chunked("x-amzn-marketplace-token=ok2")]
--- more_headers
Content-Type: application/x-www-form-urlencoded
Transfer-Encoding: chunked
--- response_body_like eval
["\n\n\Q$::body\E\$", "\n\nx-amzn-marketplace-token=ok2\$"]
--- error_code eval: [200, 200]
--- aws_tokens eval: ["ok1", "ok2"]

=== TEST 25: pipelined behind failures that keep the connection
--- config eval
::location("marketplace_product_code other;") . 'location /all {
    marketplace_resolve on;
    proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND; }'
--- pipelined_requests eval
["POST /register\n$::body",
 "POST /register\nx-amzn-marketplace-token=error:ExpiredTokenException",
 "POST /register\nx-amzn-marketplace-token=error:ThrottlingException",
 "POST /all\nx-amzn-marketplace-token=ok2"]
--- response_body_like eval: ["403", "410", "503", "^POST /all\n"]
--- error_code eval: [403, 410, 503, 200]
--- aws_calls: 4

=== TEST 26: pipelined behind a body that nobody has read
--- config eval
'location = /register {
    marketplace_resolve optional;
    try_files /none @answer;
}
location @answer { return 200 "$marketplace_error."; }'
--- pipelined_requests eval
["POST /register\n" . ::body_of(65537), "POST /register\na=b",
 "POST /register\nx-amzn-marketplace-token=ok1"]
--- response_body eval: ["TokenTooLarge.", "MissingToken.", "."]
--- error_code eval: [200, 200, 200]
--- aws_calls: 1

=== TEST 27: a body that hides a request
--- pipelined_requests eval
["GET /register\nPOST /register HTTP/1.1\r\nHost: x\r\nContent-Length: 28\r\n\r\nx-amzn-marketplace-token=ok2",
 "POST /register\n$::body"]
--- response_body_like eval: ["^GET /register\n\nPOST", "^POST /register\nX-"]
--- error_code eval: [200, 200]
--- aws_tokens eval: ["ok1"]

=== TEST 28: a connection ends with an answer that leaves the body unread
--- raw_request eval
::with_length(::body_of(65537), "keep-alive") . ::with_length($::body)
--- error_code: 413
--- response_headers
Connection: close
--- aws_calls: 0

=== TEST 29: proxy_request_buffering off
--- config eval: ::location("proxy_request_buffering off;")
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 30: proxy_request_buffering off, in several packets
--- config eval: ::location("proxy_request_buffering off; client_body_buffer_size 16;")
--- raw_request eval
[::with_length($::body) =~ /.{1,100}/gs]
--- raw_request_middle_delay: 0.01
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]
--- error_log
a client request body is buffered to a temporary file

=== TEST 31: proxy_request_buffering off, chunked
--- config eval
::location("proxy_request_buffering off; proxy_http_version 1.1;")
--- raw_request eval: $::chunked . ::chunked($::body =~ /.{1,99}/gs)
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 32: as large as it may be, and one byte more
--- request eval
[map { "POST /register\n" . ::body_of($_) } 65536, 65537]
--- error_code eval: [200, 413]
--- response_headers eval: ["", "Marketplace-Error: TokenTooLarge"]
--- aws_calls: 1

=== TEST 33: the same with large tokens
--- config eval: ::location("marketplace_token_max_size 20000;")
--- request eval
[map { "POST /register\n" . ::body_of($_) } 80000, 80001]
--- error_code eval: [200, 413]
--- response_headers eval: ["", "Marketplace-Error: TokenTooLarge"]
--- aws_calls: 1

=== TEST 34: chunked, as large as it may be
--- raw_request eval: $::chunked . ::chunked(::body_of(65536) =~ /.{1,9999}/gs)
--- delivered eval: ::body_of(65536)
--- aws_calls: 1

=== TEST 35: chunked, one byte more
--- raw_request eval: $::chunked . ::chunked(::body_of(65537) =~ /.{1,9999}/gs)
--- error_code: 413
--- response_headers
Marketplace-Error: TokenTooLarge
--- aws_calls: 0

=== TEST 36: too large, in optional mode
--- config eval: ::location("proxy_request_buffering off;", "optional")
--- request eval: "POST /register\n" . ::body_of(1000000)
--- response_body eval
"POST /register\nX-Marketplace-Error: TokenTooLarge\n\n" . ::body_of(1000000)
--- no_error_log
buffered to a temporary file
--- aws_calls: 0

=== TEST 37: too large and chunked, in optional mode
--- config eval: ::location("", "optional")
--- raw_request eval: $::chunked . ::chunked(::body_of(200000) =~ /.{1,32766}/gs)
--- response_body eval
"POST /register\nX-Marketplace-Error: TokenTooLarge\n\n" . ::body_of(200000)
--- aws_calls: 0

=== TEST 38: client_max_body_size is stronger
--- config eval
'marketplace_resolve on; error_page 413 /problem;'
    . ::location("client_max_body_size 100;")
--- error_code: 413
--- response_body_like: ^GET /problem\n
--- aws_calls: 0

=== TEST 39: client_max_body_size and a chunked body
--- config eval
'marketplace_resolve on; error_page 413 /problem;
location = /problem { proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND; }'
    . ::location("client_max_body_size 100;")
--- raw_request eval: $::chunked . ::chunked(::body_of(5000) =~ /.{1,50}/gs)
--- error_code: 413
--- response_body_like: ^GET /problem\n
--- aws_calls: 0

=== TEST 40: client_max_body_size and a chunked body in several packets
--- config eval
'marketplace_resolve on; error_page 413 /problem;
location = /problem { proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND; }'
    . ::location("client_max_body_size 100;")
--- raw_request eval
[$::chunked, ::chunked(::body_of(5000) =~ /.{1,50}/gs) =~ /(.{50})(.{100})(.*)/s]
--- raw_request_middle_delay: 0.01
--- error_code: 413
--- response_body_like: ^GET /problem\n
--- aws_calls: 0

=== TEST 41: the page itself is no reason to read a chunked body again
--- config eval
'marketplace_resolve on; error_page 413 = @problem;
location @problem { return 200 "[$marketplace_error]"; }'
    . ::location("client_max_body_size 100;")
--- raw_request eval
[$::chunked, ::chunked(::body_of(5000) =~ /.{1,50}/gs) =~ /(.{50})(.{100})(.*)/s]
--- raw_request_middle_delay: 0.01
--- response_body: []
--- aws_calls: 0

=== TEST 42: a limit of the server's that the location raises
--- config eval
'location / { client_max_body_size 10; '
    . ::location("client_max_body_size 10k;") =~ s/\//\/register/r . '}'
--- delivered eval: $::body
--- aws_calls: 1

=== TEST 43: the page of a body that is too large for a token
--- config eval
'marketplace_resolve on; error_page 413 =200 /problem;
location = /problem { return 200 "$marketplace_error"; }' . ::location()
--- request eval: "POST /register\n" . ::body_of(65537)
--- response_body: TokenTooLarge
--- aws_calls: 0

=== TEST 44: a body that does not come in time
--- config eval: ::location("client_body_timeout 50ms;")
--- raw_request eval: substr ::with_length($::body), 0, -1
--- error_code eval: ""
--- access_log
"POST /register HTTP/1.1" 408 0
--- aws_calls: 0

=== TEST 45: a chunked body that does not come in time, and a page for it
--- config eval
'marketplace_resolve on; error_page 408 /problem;'
    . ::location("client_body_timeout 50ms;")
--- raw_request eval: $::chunked . "5\r\nx-a"
--- error_code eval: ""
--- access_log
"POST /register HTTP/1.1" 408 0
--- aws_calls: 0

=== TEST 46: clients that go away with half a body, and nothing of them stays
--- config eval
'location = /at-rest { stub_status; }'
    . ::location("client_body_buffer_size 16;")
--- request
GET /at-rest
--- init
for my $missing (1, 100, length $::body) {
    for my $linger (0, 1) {
        my $client = IO::Socket::INET->new("127.0.0.1:" . ::nginx_port());
        $client->print(substr ::with_length($::body), 0, -$missing);
        setsockopt $client, SOL_SOCKET, SO_LINGER, pack "ii", $linger, 0;
        close $client;
    }
}
::at_rest() or die;
--- response_body_like: ^Active connections: 1 \n.*Reading: 0 Writing: 1 Waiting: 0
--- aws_calls: 0

=== TEST 47: mirrored
--- config eval
::location("mirror /mirror;")
    . 'location = /mirror { marketplace_resolve off; return 204; }'
--- delivered eval: $::body
--- aws_calls: 1

=== TEST 48: spooled, and read again when it has been sent
--- config eval
::location("client_body_buffer_size 16; post_action \@after;")
    . 'location @after { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND; }'
--- delivered eval: $::body
--- aws_calls: 1
--- error_log
a client request body is buffered to a temporary file

=== TEST 49: HTTP/2, one frame
--- config eval: ::http2()
--- frames eval: [$::body]
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 50: HTTP/2, one frame, its length told
--- config eval: ::http2()
--- more_headers eval
"Content-Type: application/x-www-form-urlencoded\nContent-Length: " . length $::body
--- frames eval: [$::body]
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 51: HTTP/2, many frames
--- config eval: ::http2()
--- frames eval: [$::body =~ /.{1,9}/gs]
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 52: HTTP/2, many frames, the length told, spooled
--- config eval: ::http2("client_body_buffer_size 16;")
--- more_headers eval
"Content-Type: application/x-www-form-urlencoded\nContent-Length: " . length $::body
--- frames eval: [$::body =~ /.{1,9}/gs]
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]
--- error_log
a client request body is buffered to a temporary file

=== TEST 53: HTTP/2, in a file only, an empty frame being the last
--- config eval: ::http2("client_body_in_file_only clean;")
--- frames eval: [$::body =~ /.{1,99}/gs, ""]
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 54: HTTP/2, an empty frame being the last, in memory
--- config eval: ::http2()
--- frames eval: ["", $::body, ""]
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 55: HTTP/2, proxy_request_buffering off
--- config eval: ::http2("proxy_request_buffering off;")
--- frames eval: [$::body =~ /.{1,99}/gs, ""]
--- delivered eval: $::body
--- aws_tokens eval: ["ok1"]

=== TEST 56: HTTP/2, larger than the buffer
--- config eval: ::http2()
--- frames eval: [::body_of(60000) =~ /.{1,9999}/gs]
--- delivered eval: ::body_of(60000)
--- aws_tokens eval: ["ok1"]

=== TEST 57: HTTP/2, no body, or an empty one
--- config eval: ::http2()
--- frames eval: []
--- error_code: 400
--- response_headers
Marketplace-Error: MissingToken
--- aws_calls: 0

=== TEST 58: HTTP/2, an empty body
--- config eval: ::http2()
--- frames eval: [""]
--- error_code: 400
--- response_headers
Marketplace-Error: MissingToken
--- aws_calls: 0

=== TEST 59: HTTP/2, as large as it may be
--- config eval: ::http2()
--- frames eval: [::body_of(65536) =~ /.{1,9999}/gs]
--- delivered eval: ::body_of(65536)
--- aws_calls: 1

=== TEST 60: HTTP/2, too large
--- config eval: ::http2()
--- frames eval: [::body_of(65537) =~ /.{1,9999}/gs]
--- error_code: 413
--- response_headers
Marketplace-Error: TokenTooLarge
--- aws_calls: 0

=== TEST 61: HTTP/2, told that it is too large
--- config eval: ::http2()
--- more_headers
Content-Type: application/x-www-form-urlencoded
Content-Length: 65537
--- frames eval: [::body_of(65537) =~ /.{1,9999}/gs]
--- error_code: 413
--- response_headers
Marketplace-Error: TokenTooLarge
--- aws_calls: 0

=== TEST 62: HTTP/2, too large, in optional mode
--- config eval: ::http2("", "optional")
--- frames eval: [::body_of(200000) =~ /.{1,16384}/gs]
--- response_body eval
"POST /register\nX-Marketplace-Error: TokenTooLarge\n\n" . ::body_of(200000)
--- aws_calls: 0

=== TEST 63: HTTP/2, client_max_body_size and a page for it
--- config eval
'marketplace_resolve on; error_page 413 = @problem;
location @problem { return 200 "[$marketplace_error]"; }'
    . ::http2("client_max_body_size 100;")
--- frames eval: [::body_of(5000) =~ /.{1,50}/gs]
--- response_body: []
--- aws_calls: 0

=== TEST 64: HTTP/2, GET and HEAD
--- config eval: ::http2()
--- request
GET /register
--- frames eval: []
--- response_body eval
"GET /register\n\n"
--- aws_calls: 0

=== TEST 65: FastCGI
--- config eval: ::gateway("fastcgi")
--- response_body_like eval
qr/^POST \/register\nHTTP_X_MARKETPLACE_CUSTOMER_AWS_ACCOUNT_ID: \d{12}\n.*\n\n\Q$::body\E$/s
--- aws_calls: 1

=== TEST 66: FastCGI, spooled
--- config eval: ::gateway("fastcgi", "client_body_buffer_size 16;")
--- response_body_like eval
qr/^POST \/register\nHTTP_X_MARKETPLACE_CUSTOMER_AWS_ACCOUNT_ID: \d{12}\n.*\n\n\Q$::body\E$/s
--- aws_calls: 1
--- error_log
a client request body is buffered to a temporary file

=== TEST 67: FastCGI, fastcgi_request_buffering off
--- config eval: ::gateway("fastcgi", "fastcgi_request_buffering off;")
--- response_body_like eval
qr/^POST \/register\nHTTP_X_MARKETPLACE_CUSTOMER_AWS_ACCOUNT_ID: \d{12}\n.*\n\n\Q$::body\E$/s
--- aws_calls: 1

=== TEST 68: uwsgi
--- config eval: ::gateway("uwsgi")
--- response_body_like eval
qr/^POST \/register\nHTTP_X_MARKETPLACE_CUSTOMER_AWS_ACCOUNT_ID: \d{12}\n.*\n\n\Q$::body\E$/s
--- aws_calls: 1

=== TEST 69: uwsgi, spooled
--- config eval: ::gateway("uwsgi", "client_body_buffer_size 16;")
--- response_body_like eval
qr/^POST \/register\nHTTP_X_MARKETPLACE_CUSTOMER_AWS_ACCOUNT_ID: \d{12}\n.*\n\n\Q$::body\E$/s
--- aws_calls: 1
--- error_log
a client request body is buffered to a temporary file

=== TEST 70: SCGI
--- config eval: ::gateway("scgi")
--- response_body_like eval
qr/^POST \/register\nHTTP_X_MARKETPLACE_CUSTOMER_AWS_ACCOUNT_ID: \d{12}\n.*\n\n\Q$::body\E$/s
--- aws_calls: 1

=== TEST 71: SCGI, spooled
--- config eval: ::gateway("scgi", "client_body_buffer_size 16;")
--- response_body_like eval
qr/^POST \/register\nHTTP_X_MARKETPLACE_CUSTOMER_AWS_ACCOUNT_ID: \d{12}\n.*\n\n\Q$::body\E$/s
--- aws_calls: 1
--- error_log
a client request body is buffered to a temporary file

=== TEST 72: gRPC
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 http2;
    location / {
        marketplace_resolve on;
        grpc_pass grpc://127.0.0.1:$TEST_NGINX_GRPC;
    }
--- frames eval: [$::body =~ /.{1,99}/gs]
--- response_body eval: $::body
--- response_headers
Product-Code: standinproductcode0000001
--- grpc_request_like: x-marketplace-product-code: standinproductcode0000001$
--- aws_calls: 1

=== TEST 73: gRPC, spooled, by HTTP/1.1
--- config
    location / {
        marketplace_resolve on;
        client_body_buffer_size 16;
        grpc_pass grpc://127.0.0.1:$TEST_NGINX_GRPC;
    }
--- response_body eval: $::body
--- grpc_request_like: x-marketplace-customer-aws-account-id: \d{12}$
--- aws_calls: 1
--- error_log
a client request body is buffered to a temporary file
