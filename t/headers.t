# The request headers that the application sees: ours, and never a client's.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace;

repeat_each(2);
start_gateways;

# A backend of subrequests that the tests play themselves.

our $auth = start_puppet;
$ENV{TEST_NGINX_AUTH} = $auth->sockport;

our @names = qw(X-Marketplace-Customer-AWS-Account-Id X-Marketplace-License-Arn
    X-Marketplace-Customer-Identifier X-Marketplace-Product-Code
    X-Marketplace-Offer-Type X-Marketplace-Error);

our $customer = 'json:{"CustomerAWSAccountId":"123456789012",'
    . '"LicenseArn":"arn:aws:s:::r","CustomerIdentifier":"someone",'
    . '"ProductCode":"product"}';

our $ours = join "", map { "X-Marketplace-$_\n" }
    'Customer-AWS-Account-Id: 123456789012', 'License-Arn: arn:aws:s:::r',
    'Customer-Identifier: someone', 'Product-Code: product';

our $locations = <<'_EOC_';
    location = /register {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /optional {
        marketplace_resolve optional;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /off {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
_EOC_

our $http_config = $::aws . <<'_EOC_';
    underscores_in_headers on;
    ignore_invalid_headers off;
    large_client_header_buffers 8 64k;
_EOC_

# A request with these headers; a registration where there is a token.

sub request {
    my ($path, $headers, $token) = @_;

    my $body = defined $token ? 'x-amzn-marketplace-token=' . $token : '';
    my $end = "Host: localhost\r\nConnection: close\r\n" . (defined $token
        ? "Content-Type: application/x-www-form-urlencoded\r\n"
            . 'Content-Length: ' . length($body) . "\r\n" : '');

    return (defined $token ? 'POST' : 'GET') . " $path HTTP/1.1\r\n"
        . join('', map { "$_\r\n" } @$headers) . "$end\r\n$body";
}

# Of an answer of the application, the headers that it names.

sub seen {
    my $answer = shift;

    my ($seen) = $answer =~ /^(?:GET|POST) \S+\n(.*?)^$/ms
        or return "none: $answer";

    return $seen;
}

# Whether the application sees nothing of these headers, wherever they are.

sub is_stripped {
    my ($what, @headers) = @_;

    is(seen(raw(request('/off', \@headers))), '', "$what, off");
    is(seen(raw(request('/register', \@headers))), '', "$what, a GET");
    is(seen(raw(request('/register', \@headers, $customer))), $ours,
        "$what, a customer");
    is(seen(raw(request('/optional', \@headers, 'error:Odd'))),
        "X-Marketplace-Error: Odd\n", "$what, an error");
}

run_tests();

__DATA__

=== TEST 1: what the application gets
--- http_config eval: $::aws
--- config eval: $::locations
--- test
is(seen(register($customer)->{content}), $ours, 'a customer');
is(seen(register('json:{"LicenseArn":"arn:aws:s:::r"}')->{content}),
    "X-Marketplace-License-Arn: arn:aws:s:::r\n", 'less of one');
is(seen(register('html', path => '/optional')->{content}),
    "X-Marketplace-Error: InvalidResponse\n", 'an error');

=== TEST 2: the offer type
--- http_config eval: $::aws
--- config eval: $::locations
--- test
for my $type ('free-trial', 'a+b', '%22%25%26', "caf%C3%A9") {
    my $answer = raw(request('/register', [],
        "$customer&x-amzn-marketplace-offer-type=$type"));
    my $value = $type =~ tr/+/ /r =~ s/%(..)/chr hex $1/ger;

    is(seen($answer), "${ours}X-Marketplace-Offer-Type: $value\n", $type);
}

for my $type ('a%0d%0aX-Evil:%20b', 'a%0a', '%00', '%7f') {
    my $fields = "$customer&x-amzn-marketplace-offer-type=$type";

    like(raw(request('/register', [], $fields)), qr/^HTTP\S+ 400 /, $type);
    is(seen(raw(request('/optional', [], $fields))),
        "X-Marketplace-Error: InvalidRequest\n", "$type, optional");
}

is(seen(raw(request('/optional', [],
    'error:Odd&x-amzn-marketplace-offer-type=free-trial'))),
    "X-Marketplace-Offer-Type: free-trial\nX-Marketplace-Error: Odd\n",
    'with an error');

=== TEST 3: a client's are removed, however they are spelled
--- http_config eval: $::http_config
--- config eval: $::locations
--- test
for my $name (@names) {
    is_stripped($name, "$name: mine");
    is_stripped(lc $name, lc($name) . ': mine');
    is_stripped(uc $name, uc($name) . ': mine');
    is_stripped("$name, mixed",
        (join '', map { rand() < 0.5 ? lc : uc } split //, $name) . ': mine');
    is_stripped("$name, no value", "$name:");
    is_stripped("$name, underscores", ($name =~ tr/-/_/r) . ': mine');
    is_stripped("$name, one underscore", ($name =~ s/-(?=\w+$)/_/r) . ': mine');
}

=== TEST 4: bytes that applications take for a dash
--- http_config eval: $::http_config
--- config eval: $::locations
--- test
for my $byte ('.', '_', '~', '!', '#', '$', '%', '&', "'", '*', '+', '^', '`',
    '|', '"', '(', ')', ',', '/', ';', '<', '=', '>', '?', '@', '[', '\\', ']',
    '{', '}', map { chr } 0x80 .. 0xff)
{
    my $name = $names[1] =~ s/-/$byte/gr;
    my $what = sprintf '%02x', ord $byte;

    is(seen(raw(request('/off', ["$name: mine"]))), '', "$what, off");
    is(seen(raw(request('/register', ["$name: mine"], $customer))), $ours,
        "$what, a customer");
}

=== TEST 5: names that are not ours
--- http_config eval: $::http_config
--- config eval: $::locations
--- test
for my $name (qw(X-Marketplace X-Marketplace- X-Marketplace-Licens
    X-Marketplace-License-Ar X-Marketplace-License-Arn2 XX-Marketplace-Error
    -X-Marketplace-Error X-Marketplace-Errors X-Marketplace-Other
    X-Marketplace-License-ArnX Marketplace-Error X-MarketplaceError
    X-Amzn-Marketplace-Token XxMarketplacexError))
{
    is(seen(raw(request('/off', ["$name: theirs"]))), "$name: theirs\n", $name);
}

=== TEST 6: anywhere among the headers, and any number of them
--- http_config eval: $::http_config
--- config eval: $::locations
--- test
for my $count (0, 1, 2, 15, 16, 17, 18, 19, 20, 21, 37, 38, 39, 40, 41, 60) {
    my @others = map { "X-Other-Marketplace-$_: $_" } 1 .. $count;
    my $others = join '', map { "$_\n" } @others;

    for my $places ([0], [$count], [int $count / 2], [0, $count],
        [1, $count], [int $count / 3, int $count / 2], [0 .. $count])
    {
        my @headers = @others;
        my $n = 0;

        splice @headers, $_, 0, $names[$n++ % 6] . ': mine'
            for reverse @$places;

        is(seen(raw(request('/off', \@headers))), $others,
            "$count others, off");
        is(seen(raw(request('/register', \@headers, $customer))),
            "$others$ours", "$count others, a customer");
    }
}

=== TEST 7: many of them
--- http_config eval: $::http_config
--- config eval: $::locations
--- test
is_stripped('duplicates', ("$names[1]: mine") x 5);
is_stripped('all', map { "$_: mine" } @names);
is_stripped('all twice', map { ("$_: mine", lc . ': mine') } @names);
is_stripped("900", map { "$names[$_ % 6]: mine" } 1 .. 900);

my @mixed = map { (("$names[$_ % 6]: mine") x 10, "X-Other-Marketplace: $_") }
    1 .. 60;
is(seen(raw(request('/off', \@mixed))),
    join('', map { "X-Other-Marketplace: $_\n" } 1 .. 60), 'in between');

=== TEST 8: over HTTP/2
--- http_config eval
$::aws . <<'_EOC_'
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 http2;
        location / {
            marketplace_resolve on;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
_EOC_
--- config
--- request
POST /register
--- more_headers
content-type: application/x-www-form-urlencoded
x-marketplace-license-arn: mine
x-other-marketplace: theirs
x-marketplace-error: mine
x-marketplace-customer-aws-account-id: mine
x-marketplace-error: mine
--- frames eval
['x-amzn-marketplace-token=json:{"LicenseArn":"arn:aws:s:::r"}']
--- response_body
POST /register
x-other-marketplace: theirs
X-Marketplace-License-Arn: arn:aws:s:::r

x-amzn-marketplace-token=json:{"LicenseArn":"arn:aws:s:::r"}
--- response_body_filters eval
sub { shift . "\n" }

=== TEST 9: in other servers and locations of the configuration
--- http_config eval
$::aws . <<'_EOC_'
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        server_name one;
        location / {
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
        location /deeper/ {
            location /deeper/still {
                proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
            }
        }
    }
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        server_name localhost;
        marketplace_resolve off;
        rewrite ^/elsewhere /rewritten;
        location / {
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
_EOC_
--- config
    location = /register {
        marketplace_resolve on;
    }
--- test
for my $path ('/', '/deeper/still', '/elsewhere') {
    for my $host ('one', 'localhost') {
        my $answer = raw("GET $path HTTP/1.1\r\nHost: $host\r\n"
            . "X-Marketplace-License-Arn: mine\r\nConnection: close\r\n\r\n",
            'RAND_PORT_1');

        is(seen($answer), '', "$path of $host") unless
            $path =~ /deeper/ && $host eq 'localhost' && $answer =~ / 404 /;
    }
}

=== TEST 10: "off" somewhere is use of the module, too
--- http_config
--- config
    location = /register {
        marketplace_resolve off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
GET /register
--- more_headers
X-Marketplace-License-Arn: mine
--- response_body eval
"GET /register\n\n"

=== TEST 11: a configuration that does not use the module is left alone
--- http_config
--- config
    location = /register {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
GET /register
--- more_headers
X-Marketplace-License-Arn: mine
--- response_body eval
"GET /register\nX-Marketplace-License-Arn: mine\n\n"

=== TEST 12: where nginx goes to an error page before all phases
--- http_config eval
$::aws . <<'_EOC_'
    large_client_header_buffers 4 1k;
    client_header_buffer_size 1k;

    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        client_max_body_size 10;
        error_page 400 413 414 494 =200 /page;
        location / {
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        client_max_body_size 10;
        error_page 400 413 414 494 =200 @page;
        location / {
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
        location @page {
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 ssl;
        ssl_certificate $TEST_NGINX_TMP/aws.pem;
        ssl_certificate_key $TEST_NGINX_TMP/aws.key;
        error_page 497 =200 /page;
        location / {
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4 ssl;
        ssl_certificate $TEST_NGINX_TMP/aws.pem;
        ssl_certificate_key $TEST_NGINX_TMP/aws.key;
        error_page 497 =200 @page;
        location @page {
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_5;
        error_page 400 =200 @page;
        location @page {
            set $seen "[$http_x_marketplace_license_arn]";
            return 200 "$seen[$http_x_marketplace_error]\n";
        }
    }
_EOC_
--- config
    location = /register {
        marketplace_resolve on;
    }
--- test
my $mine = join '', map { "$_: mine\r\n" } @names;

for my $port (1, 2) {
    for my $row (['no Host', "GET /a HTTP/1.1\r\n$mine\r\n"],
        ['two Hosts', "GET /a HTTP/1.1\r\n${mine}Host: a\r\nHost: b\r\n\r\n"],
        ['a bad Host', "GET /a HTTP/1.1\r\n${mine}Host: a/b\r\n$mine\r\n"],
        ['a bad length',
            "POST /a HTTP/1.1\r\n${mine}Host: a\r\nContent-Length: x\r\n\r\n"],
        ['a bad encoding',
            "POST /a HTTP/1.1\r\n${mine}Host: a\r\nTransfer-Encoding: x\r\n\r\n"],
        ['a bad header', "GET /a HTTP/1.1\r\nHost: a\r\n$mine\0: x\r\n\r\n"],
        ['too large a header',
            "GET /a HTTP/1.1\r\nHost: a\r\n${mine}X: " . 'x' x 2000 . "\r\n\r\n"],
        ['too large a body',
            "POST /a HTTP/1.1\r\nHost: a\r\n${mine}Content-Length: 50\r\n\r\n"
            . 'x' x 50])
    {
        my ($what, $request) = @$row;
        my $answer = raw($request, "RAND_PORT_$port");

        unlike($answer, qr/mine/, "$what, $port");
    }
}

for my $port (3, 4) {
    my $answer = raw("GET /a HTTP/1.1\r\nHost: localhost\r\n$mine"
        . "Connection: close\r\n\r\n", "RAND_PORT_$port");

    is(seen($answer), '', "plain HTTP to TLS, $port");
}

like(raw("GET /a HTTP/1.1\r\n$mine\r\n", 'RAND_PORT_5'), qr/^\[\]\[\]$/m,
    'variables of a named location');

=== TEST 13: error pages, named locations and internal redirects
--- http_config eval: $::http_config
--- config
    location = /register {
        marketplace_resolve on;
        error_page 400 = @sorry;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /uri {
        marketplace_resolve on;
        error_page 400 = /sorry;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /optional {
        marketplace_resolve optional;
        try_files /none @sorry;
    }
    location = /missing {
        error_page 404 = @sorry;
        root /nonexistent;
    }
    location = /try {
        try_files /none @sorry;
    }
    location /accel/ {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /resolved/accel/ {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND/accel/;
    }
    location /sorry {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location @sorry {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
my @mine = map { "$_: mine" } @names, $names[1];

is(seen(raw(request($_, \@mine, 'error:InvalidTokenException'))), '', $_)
    for '/register', '/uri';
is(seen(raw(request('/optional', \@mine, 'error:Odd'))),
    "X-Marketplace-Error: Odd\n", '/optional');
is(seen(raw(request('/optional', \@mine, $customer))), $ours,
    'a customer of /optional');
is(seen(raw(request($_, \@mine))), '', $_)
    for '/missing', '/try', '/accel/sorry';
is(seen(raw(request('/resolved/accel/sorry', \@mine, $customer))), $ours,
    'X-Accel-Redirect');

=== TEST 14: variables of the headers
--- http_config eval: $::http_config
--- config
    if ($http_x_marketplace_license_arn) {
        return 403 "server\n";
    }
    set $server "[$http_x_marketplace_error]";

    location = /register {
        if ($http_x_marketplace_license_arn) {
            return 403 "location\n";
        }
        set $location "[$http_x_marketplace_error]";
        marketplace_resolve on;
        add_header X-Before "$server$location";
        add_header X-After "[$http_x_marketplace_customer_identifier][$http_x_marketplace_product_code]";
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /return {
        return 200 "[$http_x_marketplace_license_arn][$http_x_marketplace_error]";
    }
--- test
my @mine = map { ("$_: mine", ($_ =~ tr/-/_/r) . ': mine') } @names;

like(raw(request('/return', \@mine)), qr/^\[\]\[\]$/m, 'without a resolve');

my $answer = raw(request('/register', \@mine, $customer));
like($answer, qr/^X-Before: \[\]\[\]\r$/m, 'before the resolve');
like($answer, qr/^X-After: \[someone\]\[product\]\r$/m, 'after it');

=== TEST 15: what nginx knows of the other headers stays right
--- http_config eval: $::http_config
--- config
    marketplace_resolve on;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Forwarded-For;

    location /off {
        add_header X-Seen "$http_host|$host|$http_user_agent|$http_cookie|$cookie_a|$cookie_c|$http_x_forwarded_for|$remote_addr|$http_referer|$remote_user|$http_authorization|$http_x_other|$http_accept_encoding";
        proxy_set_header X-Other-Marketplace "$http_host|$http_user_agent|$http_cookie|$proxy_add_x_forwarded_for";
        proxy_set_header Host $http_host;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
my @headers = ('Host: some.host', 'User-Agent: agent', 'Cookie: a=b; c=d',
    'X-Forwarded-For: 10.1.2.3', 'Referer: referer',
    'Authorization: Basic dXNlcjpwYXNz', 'X-Other: other',
    'Accept-Encoding: br', 'Connection: close');

my $seen = 'some.host|some.host|agent|a=b; c=d|b|d|10.1.2.3|10.1.2.3|referer'
    . '|user|Basic dXNlcjpwYXNz|other|br';

for my $turn (0 .. $#headers) {
    push @headers, shift @headers;

    for my $mask (map { 1 << $_, (1 << $_) - 1, 0x3ff & ~((1 << $_) - 1) }
        0 .. @headers)
    {
        my @lines;

        for my $i (0 .. @headers) {
            push @lines, "$names[$i % 6]: mine" if $mask & 1 << $i;
            push @lines, $headers[$i] if $i < @headers;
        }

        my $answer = raw("GET /off HTTP/1.1\r\n" . join('', map { "$_\r\n" }
            @lines) . "\r\n");

        like($answer, qr/^X-Seen: \Q$seen\E\r$/m, "$turn, $mask: variables");
        is(seen($answer), "X-Other-Marketplace: some.host|agent|a=b; c=d"
            . "|10.1.2.3, 10.1.2.3\n", "$turn, $mask: proxy_set_header");
    }
}

=== TEST 16: as many Cookie and X-Forwarded-For headers as there are
--- http_config eval: $::http_config
--- config
    marketplace_resolve on;
    set_real_ip_from 127.0.0.1;
    set_real_ip_from 10.0.0.0/8;
    real_ip_header X-Forwarded-For;
    real_ip_recursive on;

    location /off {
        add_header X-Seen "$http_cookie|$http_x_forwarded_for|$remote_addr";
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
my $answer = raw(request('/off', [map { ("$names[$_]: mine", "Cookie: c$_=d",
    "$names[$_]: mine", "X-Forwarded-For: 1$_.1.1.1") } 0 .. 5]));

like($answer, qr/^X-Seen: c0=d; c1=d; c2=d; c3=d; c4=d; c5=d\|10\.1\.1\.1, 11\.1\.1\.1, 12\.1\.1\.1, 13\.1\.1\.1, 14\.1\.1\.1, 15\.1\.1\.1\|15\.1\.1\.1\r$/m,
    'joined');
is(seen($answer), '', 'no others');

=== TEST 17: FastCGI, SCGI and uwsgi see the same
--- http_config eval: $::http_config
--- config
    location = /fastcgi {
        marketplace_resolve on;
        fastcgi_pass $TEST_NGINX_FASTCGI;
        include ../html/params;
    }
    location = /scgi {
        marketplace_resolve on;
        scgi_pass $TEST_NGINX_SCGI;
        scgi_param REQUEST_METHOD $request_method;
        scgi_param REQUEST_URI $request_uri;
        scgi_param PATH_INFO $uri;
        scgi_param SERVER_PROTOCOL $server_protocol;
        scgi_param SERVER_NAME localhost;
        scgi_param SERVER_PORT $server_port;
        scgi_param CONTENT_TYPE $content_type;
    }
    location = /uwsgi {
        marketplace_resolve on;
        uwsgi_pass $TEST_NGINX_UWSGI;
        uwsgi_param REQUEST_METHOD $request_method;
        uwsgi_param REQUEST_URI $request_uri;
        uwsgi_param PATH_INFO $uri;
        uwsgi_param SERVER_PROTOCOL $server_protocol;
        uwsgi_param SERVER_NAME localhost;
        uwsgi_param SERVER_PORT $server_port;
        uwsgi_param CONTENT_TYPE $content_type;
        uwsgi_param CONTENT_LENGTH $content_length;
    }
--- user_files
>>> params
fastcgi_param REQUEST_METHOD $request_method;
fastcgi_param REQUEST_URI $request_uri;
fastcgi_param PATH_INFO $uri;
fastcgi_param SERVER_PROTOCOL $server_protocol;
fastcgi_param SERVER_NAME localhost;
fastcgi_param SERVER_PORT $server_port;
fastcgi_param CONTENT_TYPE $content_type;
fastcgi_param CONTENT_LENGTH $content_length;
--- test
my $cgi = join '', sort map { "HTTP_$_\n" } map { uc(s/:.*//r) =~ tr/-/_/r
    . s/.*?(?=:)//r } split /\n/, $ours;

for my $path ('/fastcgi', '/scgi', '/uwsgi') {
    is(seen(raw(request($path, [map { ("$_: mine", uc($_) . ': mine',
        ($_ =~ tr/-/_/r) . ': mine', ($_ =~ tr/-/./r) . ': mine') } @names],
        $customer))), $cgi, $path);
}

=== TEST 18: HTTP/0.9 has no headers, but it may have a token
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve on;
        marketplace_token_source args;
        root /nonexistent;
    }
    location = /resolved {
        marketplace_resolve on;
        marketplace_token_source args;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
like(raw("GET /resolved\r\n"), qr/^GET \/resolved\n/, 'without a token');
like(raw("GET /resolved?x-amzn-marketplace-token=ok\r\n"),
    qr/^X-Marketplace-License-Arn: arn/m, 'with one');
is(register('', path => '/register')->{status}, 400, 'nginx is still there');

=== TEST 19: other HTTP versions and methods
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve on;
        marketplace_token_source args;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
for my $method (qw(GET PUT DELETE OPTIONS PATCH)) {
    for my $version ('1.0', '1.1') {
        my $answer = raw("$method /register?x-amzn-marketplace-token=ok"
            . " HTTP/$version\r\nHost: localhost\r\nConnection: close\r\n"
            . "X-Marketplace-Error: mine\r\n\r\n");

        unlike($answer, qr/mine/, "$method HTTP/$version");
    }
}

=== TEST 20: subrequests do not have them either
--- http_config eval: $::http_config
--- config
    location = /register {
        marketplace_resolve on;
        auth_request /auth;
        auth_request_set $auth $upstream_http_x_auth;
        add_header X-Auth "[$auth]";
        mirror /mirror;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /auth {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_AUTH;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
    }
    location = /mirror {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_AUTH;
    }
--- test
my @mine = map { "$_: mine" } @names;
my $client = IO::Socket::INET->new('127.0.0.1:' . nginx_port());

print $client request('/register', \@mine, $customer);
$client->flush;

my $answer = sub {
    my $socket = $auth->accept or die 'nobody asks';
    my $request = '';

    sysread $socket, $request, 65536, length $request
        until $request =~ /\r\n\r\n/;
    print $socket "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    close $socket;

    return $request;
};

my $request = $answer->();
like($request, qr/^GET \/auth /, 'auth_request');
unlike($request, qr/mine|X-Marketplace/, 'nothing of the client');

$request = $answer->();
like($request, qr/^POST \/mirror /, 'mirror');
unlike($request, qr/mine/, 'nothing of the client');
like($request, qr/^X-Marketplace-License-Arn: arn:aws:s:::r\r$/m,
    'but of the customer');

is(seen(do { local $/; scalar <$client> }), $ours, 'the application');
