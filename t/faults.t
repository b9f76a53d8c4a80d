# Networks, servers and clients that fail at every moment there is.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT all_of frame begin_http2 master
    worker_processes);

use IO::Select;
use Socket;

repeat_each(2);
workers(1);
master_on();

our $puppet = start_puppet;

# An address where nobody accepts and the queue is full, so that connecting
# takes forever.

our $full = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp');
listen $full, 0;
our @queue = map {
    IO::Socket::INET->new(PeerAddr => '127.0.0.1', Blocking => 0,
        PeerPort => $full->sockport)
} 1 .. 4;

$ENV{TEST_NGINX_FULL} = $full->sockport;

# One that accepts a second connection only after the first.

our $one_by_one = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
    Proto => 'tcp');
listen $one_by_one, 0;

$ENV{TEST_NGINX_ONE_BY_ONE} = $one_by_one->sockport;

# Servers in front of the stand-in, whose certificates are wrong in some way.

sub openssl {
    Marketplace::run_quietly('sh', '-c', "cd $ENV{TEST_NGINX_TMP} && " . shift);
}

sub make_certificate {
    my ($name, $ca, $host, $ext, $days) = @_;

    openssl("openssl req -newkey rsa:2048 -nodes -subj '/CN=$host'"
        . " -keyout $name.key -out $name.csr"
        . " && printf 'subjectAltName=DNS:$host\n$ext' >$name.ext"
        . " && for days in $days; do openssl x509 -req \$days -in $name.csr"
        . " -extfile $name.ext -CA $ca.pem -CAkey $ca.key -CAcreateserial"
        . " -out $name.pem && break; done");
}

openssl("openssl req -x509 -newkey rsa:2048 -nodes -days 2"
    . " -subj '/CN=another CA' -keyout no.key -out no.pem");
make_certificate('other', 'ca', 'other.test', '', "'-days 2'");
make_certificate('expired', 'ca', 'localhost', '', "'-days -1'"
    . " '-not_before 20200101000000Z -not_after 20200102000000Z'");
make_certificate('between', 'ca', 'CA between',
    'basicConstraints=critical,CA:true\n', "'-days 2'");
make_certificate('deep', 'between', 'localhost', '', "'-days 2'");
openssl('cat between.pem >>deep.pem');

our $keys = <<'_EOC_';
    marketplace_credentials static id=AKIDEXAMPLE
        secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
_EOC_

our $tls_servers = <<'_EOC_' . join "", map {
    marketplace_timeout 60s;
    marketplace_connect_timeout 60s;
_EOC_
    my ($i, $certificate, $more) = @$_;
    <<"_EOC_";
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_$i ssl;
        error_log logs/front.log;
        ssl_certificate \$TEST_NGINX_TMP/$certificate.pem;
        ssl_certificate_key \$TEST_NGINX_TMP/$certificate.key;
        $more
        location / {
            proxy_pass http://127.0.0.1:\$TEST_NGINX_AWS_HTTP;
            proxy_set_header Host \$http_host;
        }
    }
_EOC_
} [1, 'aws', ''], [2, 'other', ''], [3, 'expired', ''], [4, 'deep', ''],
    [5, 'aws', 'ssl_protocols TLSv1.2;'], [6, 'aws', 'ssl_protocols TLSv1.3;'];

# Locations, each with its directives.

sub locations {
    my $config = <<'_EOC_';
    location = /at-rest {
        stub_status;
    }
_EOC_

    while (my ($path, $directives) = splice @_, 0, 2) {
        $config .= <<"_EOC_";
    location = $path {
        marketplace_resolve on;
        $directives
        add_header X-Error \$marketplace_error always;
        add_header X-Status \$marketplace_status always;
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
    }
_EOC_
    }

    return $config;
}

sub with_puppet {
    my $directives = shift // '';

    return locations('/register', "$directives
        marketplace_endpoint http://127.0.0.1:\$TEST_NGINX_PUPPET;");
}

# Whether a registration ends so, and leaves nothing behind.

sub is_outcome {
    my ($token, $status, $error, %with) = @_;

    my $what = ($with{path} // '') . " $token";
    my $response = register($token, %with);

    is("$response->{status} " . ($response->{headers}{'x-error'} // ''),
        "$status $error", $what);
    ok(at_rest, "$what: nothing is left");
}

# AWS's side of a connection, when the request has come.

sub accept_call {
    my $aws = $puppet->accept // die 'no call';

    read_request($aws);

    return $aws;
}

sub read_request {
    my $socket = shift;

    for (my $request = ''; $request !~ /\r\n\r\n.*"}$/s; ) {
        IO::Select->new($socket)->can_read(10)
            && sysread $socket, $request, 65536, length $request
            or die 'no request';
    }
}

our $customer = '{"CustomerAWSAccountId":"123456789012"}';

sub answer_call {
    my $aws = shift;

    print $aws "HTTP/1.1 200 OK\r\nContent-Length: ", length $customer,
        "\r\n\r\n$customer";
    close $aws;
}

# Whether the other side closes a connection without a word.

sub is_closed {
    my ($socket, $what) = @_;

    ok(IO::Select->new($socket)->can_read(10)
        && !sysread($socket, my $more, 1), "$what: closed");
}

sub reset_connection {
    my $socket = shift;

    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0;
    close $socket;
}

run_tests();

__DATA__

=== TEST 1: nobody listens
--- http_config eval: $::keys
--- config eval
::locations('/register',
    'marketplace_endpoint http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;')
--- test
is_outcome('ok', 502, 'ConnectionError') for 1 .. 3;

=== TEST 2: connecting takes too long
--- http_config eval: $::keys
--- config eval
::locations('/attempt', 'marketplace_connect_timeout 200ms;
        marketplace_endpoint http://127.0.0.1:$TEST_NGINX_FULL;',
    '/all', 'marketplace_connect_timeout 10s; marketplace_timeout 200ms;
        marketplace_endpoint http://127.0.0.1:$TEST_NGINX_FULL;',
    '/tls', 'marketplace_connect_timeout 200ms; marketplace_ssl_verify off;
        marketplace_endpoint https://127.0.0.1:$TEST_NGINX_FULL;')
--- test
is_outcome('ok', 504, 'Timeout', path => $_) for '/attempt', '/all', '/tls';

=== TEST 3: the handshake takes too long
--- http_config eval: $::keys
--- config eval
::locations('/attempt', 'marketplace_connect_timeout 200ms;
        marketplace_ssl_verify off;
        marketplace_endpoint https://127.0.0.1:$TEST_NGINX_PUPPET;',
    '/all', 'marketplace_connect_timeout 10s; marketplace_timeout 200ms;
        marketplace_ssl_verify off;
        marketplace_endpoint https://127.0.0.1:$TEST_NGINX_PUPPET;')
--- test
for my $path ('/attempt', '/all') {
    is_outcome('ok', 504, 'Timeout', path => $path);
    my $aws = $puppet->accept;
    ok($aws, 'there was a connection');
}

=== TEST 4: the answer takes too long
--- http_config eval: $::aws
--- config eval
::locations('/attempt', 'marketplace_read_timeout 200ms;',
    '/all', 'marketplace_timeout 200ms;',
    '/shorter', 'marketplace_timeout 200ms; marketplace_read_timeout 10s;
        marketplace_connect_timeout 10s; marketplace_send_timeout 10s;')
--- test
for my $path ('/attempt', '/all') {
    is_outcome($_, 504, 'Timeout', path => $path) for 'hang', 'delay:9000:ok',
        'drip:20:ok', 'chunked:drip:20:ok', '1xx:hang', '1xx:drip:30:ok';
}

is_outcome('drip:20:ok', 504, 'Timeout', path => '/shorter');

=== TEST 5: the same over TLS and with kept connections
--- http_config eval
$::keys . <<'_EOC_'
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
    upstream aws {
        server 127.0.0.1:$TEST_NGINX_AWS_HTTPS;
        keepalive 2;
    }
_EOC_
--- config eval
::locations('/register', 'marketplace_endpoint https://aws;',
    '/shorter', 'marketplace_endpoint https://aws; marketplace_timeout 300ms;')
--- test
for my $token ('hang', 'drip:20:ok', 'chunked:drip:20:ok') {
    is_outcome('ok', 200, '');
    is_outcome($token, 504, 'Timeout', path => '/shorter');
    is_outcome('ok', 200, '');
}

=== TEST 6: in optional mode the request goes on
--- http_config eval: $::aws
--- config
    location = /at-rest {
        stub_status;
    }
    marketplace_resolve optional;
    add_header X-Error $marketplace_error always;
    location = /register {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /shorter {
        marketplace_timeout 200ms;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
is_outcome($_, 200, 'Timeout', path => '/shorter') for 'hang', 'drip:20:ok';
is_outcome('close:30:ok', 200, 'ConnectionError');

=== TEST 7: the connection ends in the middle of the answer
--- http_config eval: $::aws
--- config eval: ::locations('/register', '')
--- test
my $length = 9;

for ($length = 9; ; $length += 7) {
    my $response = register("close:$length:ok");
    last if $response->{status} == 200 || $length > 1000;
    is("$response->{status} $response->{headers}{'x-error'}",
        '502 ConnectionError', "after $length bytes");
}

ok($length > 300 && $length < 1000, "whole after $length bytes");

for my $prefix ('', 'chunked:', '1xx:', 'closing:') {
    for my $end (qw(close drop reset)) {
        for my $n (0, 1, 8, 12, 17, 60, 130, 190, 250, 320) {
            my $response = register("$prefix$end:$n:ok");
            is("$response->{status} $response->{headers}{'x-error'}",
                '502 ConnectionError', "$prefix$end after $n");
        }
    }
}

ok(at_rest, 'nothing is left');

=== TEST 8: the same over TLS
--- http_config eval
$::keys . <<'_EOC_'
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
    marketplace_endpoint https://localhost:$TEST_NGINX_AWS_HTTPS;
_EOC_
--- config eval: ::locations('/register', '')
--- test
for my $end (qw(close drop reset)) {
    for my $n (0, 1, 17, 190, 320) {
        my $response = register("$end:$n:ok");
        is("$response->{status} $response->{headers}{'x-error'}",
            '502 ConnectionError', "$end after $n");
    }
}

ok(at_rest, 'nothing is left');

=== TEST 9: the connection ends before the request is read
--- http_config eval: $::keys
--- config eval: ::with_puppet()
--- test
for my $end (sub { close shift }, \&::reset_connection) {
    my $client = begin_registering('ok');
    my $aws = $puppet->accept;

    $end->($aws);
    like(all_of($client), qr/^HTTP\S+ 502 .*X-Error: ConnectionError/s,
        'refused');
}

ok(at_rest, 'nothing is left');

=== TEST 10: certificates
--- http_config eval: $::keys . $::tls_servers
--- config eval
my $ca = 'marketplace_ssl_trusted_certificate $TEST_NGINX_CA;';
my $host = 'marketplace_endpoint https://localhost:$TEST_NGINX_RAND_PORT_';
my $off = 'marketplace_ssl_verify off;';

::locations('/good', "$ca ${host}1;", '/system', "${host}1;",
    '/foreign', "marketplace_ssl_trusted_certificate
        \$TEST_NGINX_TMP/no.pem; ${host}1;",
    '/name', "$ca ${host}2;", '/expired', "$ca ${host}3;",
    '/deep', "$ca ${host}4;",
    '/deep0', "$ca marketplace_ssl_verify_depth 0; ${host}4;",
    '/deep1', "$ca marketplace_ssl_verify_depth 1; ${host}4;",
    map({ ("/off$_", "$off ${host}$_;") } 1 .. 4),
    '/tls', 'marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTPS;')
--- test
is_outcome('ok', 200, '', path => $_)
    for qw(/good /deep /deep1 /off1 /off2 /off3 /off4);
is_outcome('ok', 502, 'ConnectionError', path => $_)
    for qw(/system /foreign /name /expired /deep0);

my $response = register('ok', path => '/tls');
like($response->{headers}{'x-error'}, qr/^(?:ConnectionError|InvalidResponse)$/,
    'plain HTTP to TLS');
ok(at_rest, 'nothing is left');
--- error_log
upstream SSL certificate does not match "localhost"
upstream SSL certificate verify error: (10:certificate has expired)

=== TEST 11: of two locations, the one that verifies does so, in any order
--- http_config eval: $::keys . $::tls_servers
--- config eval
my $host = 'marketplace_endpoint https://localhost:$TEST_NGINX_RAND_PORT_1;';

::locations('/off', "$host marketplace_ssl_verify off;
        marketplace_ssl_trusted_certificate \$TEST_NGINX_CA;",
    '/good', "$host marketplace_ssl_trusted_certificate \$TEST_NGINX_CA;",
    '/foreign', "$host marketplace_ssl_trusted_certificate
        \$TEST_NGINX_TMP/no.pem;") . <<'_EOC_'
    location = /proxy {
        proxy_pass https://localhost:$TEST_NGINX_RAND_PORT_1;
        proxy_ssl_session_reuse off;
        proxy_method POST;
    }
_EOC_
--- test
for my $path (qw(off foreign good foreign off good proxy foreign proxy good)) {
    my $response = register('ok', path => "/$path");
    my $expected = $path eq 'foreign' ? 502 : 200;

    is($response->{status}, $expected, $path) unless $path eq 'proxy';
}

=== TEST 12: protocols and ciphers
--- http_config eval: $::keys . $::tls_servers
--- config eval
my $ca = 'marketplace_ssl_trusted_certificate $TEST_NGINX_CA;';
my $host = 'marketplace_endpoint https://localhost:$TEST_NGINX_RAND_PORT_';

::locations('/2-any', "$ca ${host}5;", '/3-any', "$ca ${host}6;",
    map({ my $i = $_;
        map({ ("/$i-$_", "$ca marketplace_ssl_protocols TLSv1.$_;
            $host" . ($i + 3) . ';') } 2, 3) } 2, 3),
    '/2-both', "$ca marketplace_ssl_protocols TLSv1.3 TLSv1.2; ${host}5;",
    '/cipher', "$ca marketplace_ssl_ciphers ECDHE-RSA-AES256-GCM-SHA384;
        ${host}5;")
--- test
is_outcome('ok', 200, '', path => "/$_")
    for qw(2-any 3-any 2-2 3-3 2-both cipher);
is_outcome('ok', 502, 'ConnectionError', path => "/$_") for qw(2-3 3-2);

=== TEST 13: a server in trouble with TLS
--- http_config
    marketplace_credentials static id=AKIDEXAMPLE
        secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
    marketplace_ssl_verify off;
--- config eval
::locations('/register',
    'marketplace_endpoint https://127.0.0.1:$TEST_NGINX_PUPPET;')
--- test
for my $words ('', 'HTTP/1.1 400 Bad Request', "\x15\x03\x03\0\2\2\x28",
    "\x16\x03\x03\0\4\0\0\0\0", "\xff" x 100)
{
    my $client = begin_registering('ok');
    my $aws = $puppet->accept;

    sysread $aws, my $hello, 5;
    print $aws $words;
    close $aws;

    like(all_of($client), qr/^HTTP\S+ 502 .*X-Error: ConnectionError/s,
        'refused');
}

ok(at_rest, 'nothing is left');

=== TEST 14: the client goes while AWS thinks
--- http_config eval: $::keys
--- config eval: ::with_puppet('marketplace_timeout 10s;')
--- test
for my $leave (sub { close shift }, \&::reset_connection,
    sub { shutdown shift, 1 })
{
    my $client = begin_registering('ok');
    my $aws = accept_call();

    $leave->($client);
    is_closed($aws, 'the call');
    close $client;
    ok(at_rest, 'nothing is left');
}

open my $log, '<', $Test::Nginx::Util::AccLogFile or die;
my @statuses = map { m{"POST /register HTTP/1.1" (\d+) } } <$log>;
is(join(' ', @statuses[-3 .. -1]), '499 499 499', 'logged so');

=== TEST 15: the client goes while the answer comes
--- http_config eval: $::keys
--- config eval: ::with_puppet()
--- test
for my $part ('HTTP/1.1 100 Continue', "HTTP/1.1 200 OK\r\nContent-Le",
    "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{")
{
    for my $leave (sub { close shift }, \&::reset_connection) {
        my $client = begin_registering('ok');
        my $aws = accept_call();

        print $aws $part;
        $aws->flush;
        $leave->($client);
        is_closed($aws, 'the call');
        ok(at_rest, 'nothing is left');
    }
}

=== TEST 16: the client goes while nginx connects, and in a handshake
--- http_config eval: $::keys
--- config eval
::locations('/full', 'marketplace_connect_timeout 10s;
        marketplace_endpoint http://127.0.0.1:$TEST_NGINX_FULL;',
    '/tls', 'marketplace_connect_timeout 10s; marketplace_ssl_verify off;
        marketplace_endpoint https://127.0.0.1:$TEST_NGINX_PUPPET;')
--- test
for my $leave (sub { close shift }, \&::reset_connection) {
    my $client = begin_registering('ok', path => '/full');

    ok(busy(1), 'it waits');
    $leave->($client);
    ok(at_rest, 'nothing is left');

    $client = begin_registering('ok', path => '/tls');
    my $aws = $puppet->accept;
    ok(sysread($aws, my $hello, 65536), 'it says hello');
    $leave->($client);
    is_closed($aws, 'the handshake');
    ok(at_rest, 'nothing is left');
}

=== TEST 17: many clients go
--- http_config eval: $::keys
--- config eval: ::with_puppet()
--- test
my @clients = map { begin_registering("ok-$_") } 1 .. 12;
my @aws = map { accept_call() } @clients;

answer_call(shift @aws) for 1 .. 4;
undef @clients;
is_closed($_, 'a call') for @aws;
ok(at_rest, 'nothing is left');

=== TEST 18: the client is gone, and then the time is up
--- http_config eval: $::keys
--- config eval: ::with_puppet('marketplace_timeout 300ms;')
--- test
my $client = begin_registering('ok');
my $aws = accept_call();

close $client;
is_closed($aws, 'the call');

$client = begin_registering('ok');
$aws = accept_call();
like(all_of($client), qr/^HTTP\S+ 504 /, 'another waits for its own end');
is_closed($aws, 'the other call');
ok(at_rest, 'nothing is left');

=== TEST 19: HTTP/2: the connection ends, or just the stream
--- http_config eval
$::keys . <<'_EOC_'
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 http2;
        location = /register {
            marketplace_resolve on;
            marketplace_endpoint http://127.0.0.1:$TEST_NGINX_PUPPET;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
_EOC_
--- config eval: ::locations()
--- test
for my $leave (sub { close shift }, \&::reset_connection,
    sub { my $client = shift;
          $client->syswrite(join '', map { frame(3, 0, $_, pack 'N', 8) }
              1, 3) })
{
    my $client = begin_http2('RAND_PORT_1', 'ok', [1, 3]);
    my @aws = map { accept_call() } 1 .. 2;

    $leave->($client);
    is_closed($_, 'a call') for @aws;
    close $client;
    ok(at_rest, 'nothing is left');
}

=== TEST 20: HTTP/2: one stream of several ends, the others get their answers
--- http_config eval
$::keys . <<'_EOC_'
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 http2;
        location = /register {
            marketplace_resolve on;
            marketplace_endpoint http://127.0.0.1:$TEST_NGINX_PUPPET;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
_EOC_
--- config eval: ::locations()
--- test
my $client = begin_http2('RAND_PORT_1', 'ok', [1, 3, 5]);
my @aws = map { accept_call() } 1 .. 3;

$client->syswrite(frame(3, 0, 3, pack 'N', 8));

ok(wait_until { IO::Select->new(@aws)->can_read(0) }, 'a call ends');
my @open = grep { !IO::Select->new($_)->can_read(0) } @aws;
is(scalar @open, 2, 'and no other');

answer_call($_) for @open;
my ($answers, $bodies) = ('', 0);

while ($bodies < 2 && IO::Select->new($client)->can_read(10)) {
    sysread $client, $answers, 65536, length $answers or last;
    $bodies = () = $answers =~ /X-Marketplace-Customer-AWS-Account-Id/g;
}

is($bodies, 2, 'two answers');
close $client;
ok(at_rest, 'nothing is left');

=== TEST 21: after a failure the client's connection serves on
--- http_config eval: $::aws
--- config eval
::locations('/register', '', '/shorter', 'marketplace_timeout 200ms;')
--- test
my $posts = '';

for my $token ('hang', 'error:ExpiredTokenException', 'ok-1', 'close:9:ok',
    'ok-2')
{
    my $body = "x-amzn-marketplace-token=$token";
    my $path = $token eq 'hang' ? 'shorter' : 'register';
    $posts .= "POST /$path HTTP/1.1\r\nHost: localhost\r\n"
        . "Content-Type: application/x-www-form-urlencoded\r\n"
        . ($token eq 'ok-2' ? "Connection: close\r\n" : '')
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}

is(join(' ', raw($posts) =~ m{HTTP/1\.1 (\d+) }g), '504 410 200 502 200',
    'pipelined');
ok(at_rest, 'nothing is left');

=== TEST 22: no server of an upstream block is left
--- http_config eval
$::keys . <<'_EOC_'
    upstream aws {
        server 127.0.0.1:$TEST_NGINX_RAND_PORT_1 max_fails=1;
        server 127.0.0.1:$TEST_NGINX_RAND_PORT_2 max_fails=1;
    }
_EOC_
--- config eval
::locations('/register', 'marketplace_endpoint http://aws;')
--- test
is_outcome('ok', 502, 'ConnectionError') for 1 .. 3;

=== TEST 23: the time for everything covers all addresses
--- http_config eval
$::keys . <<'_EOC_'
    upstream aws {
        server 127.0.0.1:$TEST_NGINX_FULL max_fails=0;
        server 127.0.0.1:$TEST_NGINX_AWS_HTTP max_fails=0 backup;
    }
_EOC_
--- config eval
::locations('/enough', 'marketplace_endpoint http://aws;
        marketplace_connect_timeout 200ms;',
    '/all', 'marketplace_endpoint http://aws;
        marketplace_connect_timeout 10s; marketplace_timeout 300ms;')
--- test
is_outcome('ok', 200, '', path => '/enough');
is_outcome('ok', 504, 'Timeout', path => '/all');

=== TEST 24: a reload with calls in flight
--- http_config eval: $::keys
--- config eval
::with_puppet() . <<'_EOC_'
    location = /pid {
        return 200 $pid;
    }
_EOC_
--- test
my $get = sub {
    HTTP::Tiny->new(keep_alive => 0)->get('http://127.0.0.1:' . nginx_port()
        . '/pid')->{content};
};

my $old = $get->();
my @clients = map { begin_registering("ok-$_") } 1 .. 2;
my @aws = map { accept_call() } @clients;

kill HUP => master();

ok(wait_until { $get->() != $old }, 'a new worker');

my $client = begin_registering('ok-new');
answer_call(accept_call());
like(all_of($client), qr/^HTTP\S+ 200 /, 'the new worker resolves');

is(scalar worker_processes(), 2, 'the old worker is still there');
answer_call($_) for @aws;
like(all_of($_), qr/^HTTP\S+ 200 .*123456789012/s, 'resolved') for @clients;

ok(wait_until { worker_processes() == 1 }, 'the old worker is gone');
ok(at_rest, 'nothing is left');

=== TEST 25: a reload, and calls in flight that fail
--- http_config eval: $::keys
--- config eval: ::with_puppet('marketplace_timeout 500ms;')
--- test
my ($old) = worker_processes();
my @clients = map { begin_registering("ok-$_") } 1 .. 3;
my @aws = map { accept_call() } @clients;

kill HUP => master();
ok(wait_until { grep { $_ != $old } worker_processes() }, 'a new worker');

close shift @clients;
close shift @aws;
like(all_of($_), qr/^HTTP\S+ 50[24] /, 'failed') for @clients;

ok(wait_until { worker_processes() == 1 }, 'the old worker is gone');
ok(at_rest, 'nothing is left');

=== TEST 26: five reloads
--- http_config eval: $::aws
--- config eval: ::locations('/register', '')
--- test
for (1 .. 5) {
    my ($old) = worker_processes();

    kill HUP => master();
    ok(wait_until { my @now = worker_processes();
        @now == 1 && $now[0] != $old }, 'one worker, another one');
    is_outcome('ok', 200, '');
}

=== TEST 27: HTTP/2: the time for everything is up
--- http_config eval
$::aws . <<'_EOC_'
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 http2;
        location = /register {
            marketplace_resolve on;
            marketplace_timeout 200ms;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
_EOC_
--- config eval: ::locations()
--- request
POST /register
--- more_headers
content-type: application/x-www-form-urlencoded
--- frames eval
['x-amzn-marketplace-token=', 'drip:20:ok']
--- error_code: 504
--- test
ok(at_rest, 'nothing is left');

=== TEST 28: a kept connection is taken only if it was verified as it has to be
--- http_config eval
$::keys . <<'_EOC_'
    upstream aws {
        server 127.0.0.1:$TEST_NGINX_AWS_HTTPS;
        keepalive 4;
    }
_EOC_
--- config eval
my $host = 'marketplace_endpoint https://aws;';

::locations('/off', "$host marketplace_ssl_verify off;",
    '/good', "$host marketplace_ssl_trusted_certificate \$TEST_NGINX_CA;",
    '/foreign', "$host marketplace_ssl_trusted_certificate
        \$TEST_NGINX_TMP/no.pem;",
    '/other-host', "$host marketplace_region eu-west-1;
        marketplace_ssl_trusted_certificate \$TEST_NGINX_CA;") . <<'_EOC_'
    location = /proxy {
        proxy_pass https://aws;
        proxy_ssl_session_reuse off;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
    }
_EOC_
--- test
for my $path (qw(off foreign proxy foreign good foreign good other-host off
                 good proxy good proxy other-host foreign))
{
    my $response = register('ok', path => "/$path");
    my $expected = $path =~ /foreign|other-host/ ? 502 : 200;

    is($response->{status}, $expected, $path) unless $path eq 'proxy';
}

=== TEST 29: connecting to where credentials are takes too long
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:$TEST_NGINX_FULL/
--- http_config
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
--- config eval
::locations('/register', 'marketplace_credentials container;
    marketplace_timeout 300ms;')
--- test
is_outcome('ok', 504, 'Timeout');
--- error_log eval
qr/\[error\] .* marketplace: fetching credentials failed: source "container", endpoint 127\.0\.0\.1:\d+: no connection in time, status 0, error "", message "": is the agent of ECS/

=== TEST 30: an answer from before TLS, together with the connection
--- http_config eval: $::keys
--- config eval
::locations('/register', 'marketplace_endpoint
        https://localhost:$TEST_NGINX_ONE_BY_ONE;
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
    marketplace_connect_timeout 60s;
    marketplace_timeout 60s;')
--- test
my $port = $one_by_one->sockport;
my $first = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
    // die;
my $is_connecting = sprintf ' 0100007F:%04X 02 ', $port;

my $client = begin_registering('ok');

ok(wait_until {
    open my $sockets, '<', '/proc/net/tcp' or die;
    scalar grep { /$is_connecting/ } <$sockets>;
}, 'nginx connects') or die;

# when the worker looks again, it is connected and has been answered

my ($worker) = worker_processes;
kill STOP => $worker;

$one_by_one->accept;
IO::Select->new($one_by_one)->can_read(60) or die;
answer_call(scalar $one_by_one->accept);

kill CONT => $worker;

like(all_of($client), qr/^HTTP\S+ 502 .*X-Error: ConnectionError\r/s,
    'is not that of AWS');
ok(at_rest, 'nothing is left');
--- error_log eval
qr/marketplace: localhost\S* answered before TLS began: it is not AWS who does that, check what is in between|upstream prematurely sent response/

=== TEST 31: post_action for a client that has left
--- http_config eval: $::keys
--- config eval
::locations(map { ($_ => 'marketplace_timeout 500ms;
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_PUPPET;'
    . ($_ eq '/register' ? 'post_action /after;' : '')) }
    qw(/register /other)) . <<'_EOC_'
    location = /after {
        proxy_pass http://127.0.0.1:$TEST_NGINX_PUPPET;
    }
_EOC_
--- test
my $client = begin_registering('ok');
my $aws = accept_call();
close $client;
is_closed($aws, 'the call');

my $after = $puppet->accept;
like(scalar <$after>, qr{^GET /after HTTP/1}, 'post_action runs');

# it takes longer than the resolve might have

$client = begin_registering('ok', path => '/other');
$aws = accept_call();
like(all_of($client), qr/^HTTP\S+ 504 /, 'that time is over');

ok(!IO::Select->new($puppet)->can_read(0), 'it does not run again');
close $after;
ok(at_rest, 'nothing is left');
