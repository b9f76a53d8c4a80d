# What goes over the wire to AWS, and over which connections.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace;

repeat_each(2);

our $register = <<'_EOC_';
    location = /register {
        marketplace_resolve on;
        add_header X-Status $marketplace_status always;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
_EOC_

our $keys = <<'_EOC_';
    marketplace_credentials static id=AKIDEXAMPLE
        secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
_EOC_

our $keepalive = $keys . <<'_EOC_';
    marketplace_endpoint http://aws;
    upstream aws {
        server 127.0.0.1:$TEST_NGINX_AWS_HTTP;
        keepalive 4;
    }
_EOC_

our $https = $keys . <<'_EOC_';
    marketplace_endpoint https://localhost:$TEST_NGINX_AWS_HTTPS;
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
_EOC_

our $https_keepalive = $keys . <<'_EOC_';
    marketplace_endpoint https://aws;
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
    upstream aws {
        server 127.0.0.1:$TEST_NGINX_AWS_HTTPS;
        keepalive 4;
    }
_EOC_

# The one call that was made with this token.

sub call {
    my @calls = sent shift;

    is(scalar @calls, 1, 'one call');
    standin(POST => 'reset');

    return $calls[-1];
}

sub headers {
    return { map { lc $_->[0] => $_->[1] } @{ shift->{headers} } };
}

# Whether a call is genuine, which botocore says.

sub is_genuine {
    my ($call, $what) = @_;

    ok($call->{verified}, "signed, $what");
    is($call->{error}, undef, "no complaint, $what");
}

# Posts these, and says with what status each was answered.

sub statuses {
    return join ' ', map { register($_)->{status} } @_;
}

# How many connections AWS has seen.

sub connections {
    return standin(GET => 'connections') + 0;
}

run_tests();

__DATA__

=== TEST 1: the request as a whole
--- http_config eval: $::aws
--- config eval: $::register
--- token
ok-whole
--- test
my $call = call('ok-whole');
my $headers = headers($call);

is_genuine($call, 'static keys');
is("$call->{method} $call->{path} $call->{version}", 'POST / HTTP/1.1',
    'request line');
is($call->{body}, '{"RegistrationToken":"ok-whole"}', 'body');

is_deeply([sort map { lc $_->[0] } @{ $call->{headers} }], [qw(
    authorization content-length content-type host user-agent x-amz-date
    x-amz-target)], 'these headers and no others');

is($headers->{'content-length'}, length $call->{body}, 'Content-Length');
is($headers->{'content-type'}, 'application/x-amz-json-1.1', 'Content-Type');
is($headers->{'x-amz-target'}, 'AWSMPMeteringService.ResolveCustomer',
    'X-Amz-Target');
is($headers->{host}, "127.0.0.1:$ENV{TEST_NGINX_AWS_HTTP}", 'Host');
like($headers->{'x-amz-date'}, qr/^\d{8}T\d{6}Z$/, 'X-Amz-Date');
like($headers->{authorization}, qr{^AWS4-HMAC-SHA256
    \ Credential=AKIDEXAMPLE/\d{8}/us-east-1/aws-marketplace/aws4_request,
    \ SignedHeaders=content-type;host;x-amz-date;x-amz-target,
    \ Signature=[0-9a-f]{64}$}x, 'Authorization');

=== TEST 2: nothing of the client's request goes to AWS
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve on;
        proxy_set_header X-Proxied yes;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /register?query=PRIVATE
name=PRIVATE&x-amzn-marketplace-token=ok-private&other=PRIVATE
--- more_headers
Content-Type: application/x-www-form-urlencoded; charset=PRIVATE
Cookie: session=PRIVATE
Authorization: Basic PRIVATE
User-Agent: PRIVATE
Expect: PRIVATE
X-Amz-Security-Token: PRIVATE
X-Amz-Target: PRIVATE
X-Forwarded-For: PRIVATE
Te: PRIVATE
--- test
my $call = call('ok-private');

is_genuine($call, 'beside private data');
is($call->{path}, '/', 'no query');
is($call->{body}, '{"RegistrationToken":"ok-private"}', 'no other field');
is(scalar @{ $call->{headers} }, 7, 'no other headers');
unlike(JSON::PP::encode_json($call), qr/PRIVATE|Proxied/, 'nothing private');

=== TEST 3: the token is escaped where JSON wants it, and otherwise as it came
--- http_config eval: $::aws
--- config eval: $::register
--- test
my $token = join '', 'ok', map { chr } 1 .. 0x7f;

is(register($token)->{status}, 200, 'ASCII');
is(call($token)->{body}, '{"RegistrationToken":"ok'
    . '\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f'
    . '\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a'
    . '\u001b\u001c\u001d\u001e\u001f !\"#$%&\'()*+,-./0123456789:;<=>?@'
    . 'ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_`abcdefghijklmnopqrstuvwxyz{|}~'
    . "\x7f\"}", 'every byte of ASCII');

for my $token ('ok+/=', 'ok%2B%252B', 'ok"}', 'ok\\', 'ok ', "ok\n",
    'ok","RegistrationToken":"no', "ok\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
    'ok' . 'Aa1+/=' x 1300)
{
    is(register($token)->{status}, 200, 'taken');

    my ($call) = sent $token;
    is_genuine($call, 'odd token');
    is(headers($call)->{'content-length'}, length
        JSON::PP->new->encode({ RegistrationToken => $token }), 'length');
}

=== TEST 4: temporary credentials: the session token is sent and signed
--- http_config
    marketplace_credentials static id=ASIAEXAMPLE
        secret=temporaryXUtnFEMI/K7MDENG+bPxRfEXAMPLEKEY
        token=FQoGZXIvYXdzEXAMPLETOKEN/+temporary==;
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
--- config eval: $::register
--- token
ok-session
--- test
my $call = call('ok-session');

is_genuine($call, 'session token');
is(headers($call)->{'x-amz-security-token'},
    'FQoGZXIvYXdzEXAMPLETOKEN/+temporary==', 'sent');
like(headers($call)->{authorization},
    qr/SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target,/,
    'signed');

=== TEST 5: a secret that begins with a slash
--- http_config
    marketplace_credentials static id=AKIDSLASH
        secret=/JalrXUtnFEMI/K7MDENG+bPxRfiCYSLASHKEY==;
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
--- config eval: $::register
--- token
ok-slash
--- test
is_genuine(call('ok-slash'), 'slash');

=== TEST 6: locations sign with their own keys, for their own regions
--- http_config eval: $::aws
--- config
    location /here {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /there {
        marketplace_resolve on;
        marketplace_region ap-southeast-2;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;

        location /there/too {
            marketplace_credentials static id=AKIDSLASH
                secret=/JalrXUtnFEMI/K7MDENG+bPxRfiCYSLASHKEY==;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
--- test
for my $row (
    ['/here', 'AKIDEXAMPLE', 'us-east-1'],
    ['/there', 'AKIDEXAMPLE', 'ap-southeast-2'],
    ['/there/too', 'AKIDSLASH', 'ap-southeast-2'],
    ['/here', 'AKIDEXAMPLE', 'us-east-1'])
{
    my ($path, $key, $region) = @$row;

    is(register('ok-own', path => $path)->{status}, 200, $path);

    my $call = call('ok-own');
    is_genuine($call, $path);
    like(headers($call)->{authorization},
        qr{Credential=$key/\d+/$region/aws-marketplace/}, $path);
}

=== TEST 7: behind an upstream block it is asked for the region's own host
--- http_config eval: $::keepalive
--- config
    location = /us {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /eu {
        marketplace_resolve on;
        marketplace_region eu-central-1;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /cn {
        marketplace_resolve on;
        marketplace_region cn-northwest-1;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /eusc {
        marketplace_resolve on;
        marketplace_region eusc-de-east-1;
        marketplace_endpoint http://AWS;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
for my $row (
    ['/us', 'us-east-1', 'metering.marketplace.us-east-1.amazonaws.com'],
    ['/eu', 'eu-central-1', 'metering.marketplace.eu-central-1.amazonaws.com'],
    ['/cn', 'cn-northwest-1',
        'metering.marketplace.cn-northwest-1.amazonaws.com.cn'],
    ['/eusc', 'eusc-de-east-1',
        'metering-marketplace.eusc-de-east-1.amazonaws.eu'])
{
    my ($path, $region, $host) = @$row;

    is(register('ok-host', path => $path)->{status}, 200, $path);

    my $call = call('ok-host');
    is_genuine($call, $path);
    is(headers($call)->{host}, $host, "$path: Host");
    like(headers($call)->{authorization}, qr{/$region/aws-marketplace/},
        "$path: scope");
}

=== TEST 8: Host is in lower case, and has a port that is not the scheme's own
--- http_config eval: $::keys
--- config
    location = /name {
        marketplace_resolve on;
        marketplace_endpoint http://LocalHost:$TEST_NGINX_AWS_HTTP/;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
is(register('ok-case', path => '/name')->{status}, 200, 'status');

my $call = call('ok-case');
is_genuine($call, 'mixed case');
is(headers($call)->{host}, "localhost:$ENV{TEST_NGINX_AWS_HTTP}", 'Host');

=== TEST 9: the port as the log has it, where nobody listens
--- http_config eval: $::keys
--- config
    marketplace_ssl_verify off;
    location = /1 {
        marketplace_endpoint http://127.77.0.1;
        marketplace_resolve on;
    }
    location = /2 {
        marketplace_endpoint http://127.77.0.2:80;
        marketplace_resolve on;
    }
    location = /3 {
        marketplace_endpoint http://127.77.0.3:443;
        marketplace_resolve on;
    }
    location = /4 {
        marketplace_endpoint https://127.77.0.4;
        marketplace_resolve on;
    }
    location = /5 {
        marketplace_endpoint https://127.77.0.5:443;
        marketplace_resolve on;
    }
    location = /6 {
        marketplace_endpoint https://127.77.0.6:80;
        marketplace_resolve on;
    }
--- test
register('ok', path => "/$_") for 1 .. 6;
--- error_log
endpoint 127.77.0.1, region
endpoint 127.77.0.2, region
endpoint 127.77.0.3:443, region
endpoint 127.77.0.4, region
endpoint 127.77.0.5, region
endpoint 127.77.0.6:80, region

=== TEST 10: TLS to a name: that is asked for and verified
--- http_config eval: $::https
--- config eval: $::register
--- token
ok-tls
--- test
my $call = call('ok-tls');

is_genuine($call, 'TLS');
ok($call->{tls}, 'over TLS');
is($call->{sni}, 'localhost', 'SNI');
is(headers($call)->{host}, "localhost:$ENV{TEST_NGINX_AWS_HTTPS}", 'Host');

=== TEST 11: TLS to an upstream block: the region's host is asked for
--- http_config eval: $::https_keepalive
--- config eval: $::register
--- token
ok-tls-block
--- test
my $call = call('ok-tls-block');

is_genuine($call, 'TLS');
ok($call->{tls}, 'over TLS');
is($call->{sni}, 'metering.marketplace.us-east-1.amazonaws.com', 'SNI');
is(headers($call)->{host}, 'metering.marketplace.us-east-1.amazonaws.com',
    'Host');

=== TEST 12: without an upstream block every call has its own connection
--- http_config eval: $::aws
--- config eval: $::register
--- test
standin(POST => 'reset');
is(statuses(qw(ok-1 ok-2 ok-3)), '200 200 200', 'resolved');
is(connections, 3, 'connections');
ok(wait_until { standin(GET => 'open') == 0 }, 'all closed');

=== TEST 13: an upstream block keeps connections, whatever came over them
--- http_config eval: $::keepalive
--- config eval: $::register
--- test
standin(POST => 'reset');

is(statuses(qw(ok-1 ok-1 split:ok-2 chunked:ok-3 chunked:split:ok 1xx:ok-4
    1xx:chunked:split:ok-5 big:9000 ok-6 error:InvalidTokenException
    error:ThrottlingException:400:header+empty html json:{} status:500:html
    ok-7)),
    '200 200 200 200 200 200 200 200 200 400 503 502 502 502 200', 'answers');
is(connections, 1, 'one connection');

=== TEST 14: the same over TLS
--- http_config eval: $::https_keepalive
--- config eval: $::register
--- test
standin(POST => 'reset');

is(statuses(qw(ok-1 chunked:ok-2 split:ok-3 chunked:split:1xx:ok-4
    error:InvalidTokenException ok-5)), '200 200 200 200 400 200', 'answers');
is(connections, 1, 'one connection');

=== TEST 15: a connection that AWS announces to close is not used again
--- http_config eval: $::keepalive
--- config eval: $::register
--- test
for my $last (qw(closing:ok nolength:ok twolengths lengthchunked big:20000),
    "raw:garbage\n", 'header:Connection=Keep-Alive,CLOSE:ok')
{
    standin(POST => 'reset');

    like(statuses('ok-1', $last, 'ok-2'), qr/^200 \d+ 200$/, $last);
    is(connections, 2, "connections, $last");
}

=== TEST 16: nor is one on which more came than the answer
--- http_config eval: $::keepalive
--- config eval: $::register
--- test
my $body = '{"CustomerAWSAccountId":"123456789012"}';
my $reply = "HTTP/1.1 200 OK\r\nContent-Length: " . length($body)
    . "\r\n\r\n$body";

standin(POST => 'reset');
is(statuses("raw:$reply", 'ok'), '200 200', 'exact');
is(connections, 1, 'exact: kept');

standin(POST => 'reset');
is(statuses("raw:$reply" . 'HTTP/1.1 400 Bad Request', 'ok'), '200 200',
    'more');
is(connections, 2, 'more: dropped');

standin(POST => 'reset');
is(statuses("raw:HTTP/1.0 200 OK\r\nContent-Length: " . length($body)
    . "\r\n\r\n$body", 'ok'), '200 200', 'HTTP/1.0');
is(connections, 2, 'HTTP/1.0: dropped');

=== TEST 17: a kept connection that AWS has closed costs the buyer nothing
--- http_config eval: $::keepalive
--- config eval: $::register
--- test
for (1 .. 10) {
    is(statuses(qw(stale:ok-1 ok-2)), '200 200', 'closed behind the answer');
}

for my $end (qw(close:0 reset:0 close:40 reset:40)) {
    standin(POST => 'reset');

    my ($first, $second) = map { register($_) } 'ok-1', "seq:$end:ok|ok-2";
    is("$first->{status} $second->{status}", '200 200', $end);
    is($second->{headers}{'x-status'}, '-, 200', "$end: statuses");
    is(connections, 2, "$end: connections");
}

=== TEST 18: the same over TLS
--- http_config eval: $::https_keepalive
--- config eval: $::register
--- test
for (1 .. 5) {
    is(statuses(qw(stale:ok-1 ok-2)), '200 200', 'closed behind the answer');
}

for my $end (qw(close:0 drop:0 reset:0 drop:40)) {
    standin(POST => 'reset');

    is(statuses('ok-1', "seq:$end:ok|ok-2"), '200 200', $end);
    is(connections, 2, "$end: connections");
}

=== TEST 19: the first of several addresses refuse
--- http_config
    marketplace_credentials static id=AKIDEXAMPLE
        secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
    marketplace_endpoint http://aws;
    upstream aws {
        server 127.0.0.1:$TEST_NGINX_RAND_PORT_1 max_fails=0;
        server 127.0.0.1:$TEST_NGINX_RAND_PORT_2 max_fails=0;
        server 127.0.0.1:$TEST_NGINX_AWS_HTTP backup;
    }
--- config eval: $::register
--- test
for (1 .. 3) {
    my $response = register('ok-refused');

    is($response->{status}, 200, 'resolved');
    is($response->{headers}{'x-status'}, '-, -, 200', 'two tries more');
    is_genuine(call('ok-refused'), 'once');
}

=== TEST 20: a request that is made again is the same request
--- http_config
    marketplace_credentials static id=AKIDEXAMPLE
        secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
    marketplace_endpoint http://aws;
    upstream aws {
        server 127.0.0.1:$TEST_NGINX_AWS_HTTP max_fails=0;
        server localhost:$TEST_NGINX_AWS_HTTP max_fails=0;
    }
--- config eval: $::register
--- test
for my $end ('close:0', 'close:100', 'split:close:60', 'chunked:close:300') {
    my $token = "seq:$end:ok|ok-again";
    standin(POST => 'reset');
    my $response = register($token);
    my @calls = sent $token;

    is($response->{status}, 200, 'resolved');
    is(scalar @calls, 2, 'two calls');
    ok($_->{verified}, "verified, $end") for @calls;
    is($calls[0]{body}, $calls[1]{body}, 'bodies');
}

=== TEST 21: calls at the same time do not meet
--- http_config eval: $::keepalive
--- config eval: $::register
--- test
my @clients = map {
    my $client = IO::Socket::INET->new('127.0.0.1:' . nginx_port());
    my $body = "x-amzn-marketplace-token=delay:200:ok-$_";
    $client->syswrite("POST /register HTTP/1.0\r\n"
        . "Content-Type: application/x-www-form-urlencoded\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body");
    $client;
} 1 .. 5;

my %arns;

for (1 .. 5) {
    my $answer = do { local $/; my $client = shift @clients; <$client> };

    like($answer, qr/^HTTP\S+ 200 .*=delay:200:ok-$_$/s, "answer to $_");
    $arns{$1}++ if $answer =~ /^(X-Marketplace-License-Arn: .*)/m;
}

is(scalar keys %arns, 5, 'as many customers');

=== TEST 22: what AWS may make of one answer
--- http_config eval: $::aws
--- config eval: $::register
--- test
for my $prefix (qw(split: chunked: chunked:split: 1xx: 1xx:split:
    1xx:chunked:split: closing: closing:chunked: stale: drip:1:
    header:X-Amz-Cf-Id=x: header:Set-Cookie=x:split:))
{
    my $response = register($prefix . 'ok-framing');

    is($response->{status}, 200, $prefix);
    is($response->{headers}{'x-status'}, '200', "$prefix: status");
    like($response->{content}, qr/^X-Marketplace-License-Arn: arn/m, $prefix);
}

=== TEST 23: without a length nothing tells that an answer is whole
--- http_config eval: $::aws
--- config eval: $::register
--- test
my $response = register('nolength:ok');
is("$response->{status} $response->{headers}{'x-error'}",
    '502 InvalidResponse', 'a customer');

$response = register('nolength:error:InvalidTokenException:400:header');
is("$response->{status} $response->{headers}{'x-error'}",
    '400 InvalidTokenException', 'a name in the head');

=== TEST 24: after a dead connection of an upstream block no other is trusted
--- http_config eval: $::keepalive
--- config eval: $::register
--- test
standin(POST => 'reset');

my @clients = map { begin_registering("hold:ok-$_") } 1, 2;

ok(wait_until { standin(GET => 'count') == 2 }, 'two at once');
standin(POST => 'release');
like(join('', <$_>), qr/^HTTP\S+ 200 /, 'resolved') for @clients;
is(connections, 2, 'two are kept');

my $response = register('seq:close:0:ok|ok-3');

is($response->{status}, 200, 'a third one resolves');
is($response->{headers}{'x-status'}, '-, 200', 'by its second try');
is(connections, 3, 'on a new connection');
