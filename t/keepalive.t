# Connections to AWS that are kept for the next call, and whose they are.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT all_of reload worker_processes);

use IO::Select;

repeat_each(1);
workers(1);
worker_connections(1024);
master_on();
start_dns;

our $puppet = start_puppet;

# Two servers with one port, at the addresses between which a name moves.

our ($before, $after);

for (1 .. 50) {
    $before = IO::Socket::INET->new(Listen => 16, Timeout => 10,
        LocalAddr => '127.0.0.2') // die;
    $after = IO::Socket::INET->new(Listen => 16, Timeout => 10,
        LocalAddr => '127.0.0.1', LocalPort => $before->sockport) and last;
}

die 'no port' unless $after;
$ENV{TEST_NGINX_MOVING} = $before->sockport;

# And at three addresses of one name.

our @several;

for (1 .. 50) {
    @several = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1')
        // die;
    push @several, map { IO::Socket::INET->new(Listen => 16,
        LocalAddr => "127.0.0.$_", LocalPort => $several[0]->sockport) // () }
        2, 3;
    last if @several == 3;
}

die 'no port' unless @several == 3;
$ENV{TEST_NGINX_SEVERAL} = $several[0]->sockport;

# A CA that has signed nothing.

system("cd $ENV{TEST_NGINX_TMP} && openssl req -x509 -newkey rsa:2048 -nodes"
    . " -days 2 -subj '/CN=another CA' -keyout no.key -out no.pem"
    . ' >openssl.log 2>&1') == 0 or die 'openssl failed';

open my $file, '>', "$ENV{TEST_NGINX_TMP}/web-identity" or die;
print $file "eyJhbGciOiJSUzI1NiJ9.FQoGZXIvYXdzEXAMPLE.signature\n";
close $file;

our $keys = <<'_EOC_';
    marketplace_credentials static id=AKIDEXAMPLE
        secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
_EOC_

our $kept = $keys . "    marketplace_keepalive 5;\n";

our %endpoint = (
    http => 'marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;',
    https => 'marketplace_endpoint https://localhost:$TEST_NGINX_AWS_HTTPS;'
        . ' marketplace_ssl_trusted_certificate $TEST_NGINX_CA;',
    puppet => 'marketplace_endpoint http://127.0.0.1:$TEST_NGINX_PUPPET;'
);

# No application is asked: it takes a few requests at once only.

sub locations {
    my $config = <<'_EOC_';
    location = /at-rest {
        stub_status;
    }
    add_header X-Error $marketplace_error always;
    add_header X-Status $marketplace_status always;
    location @resolved {
        return 200;
    }
_EOC_

    while (my ($path, $directives) = splice @_, 0, 2) {
        $config .= <<"_EOC_";
    location = $path {
        marketplace_resolve on;
        $directives
        try_files /none \@resolved;
    }
_EOC_
    }

    return $config;
}

# Over how many connections the stand-in was called, and how many are open.

sub connections {
    return standin(GET => 'connections?' . (shift // '')) + 0;
}

sub still_open {
    return standin(GET => 'open?service=' . (shift // 'metering')) + 0;
}

# Registrations that are resolved at the same time, when this makes so many
# calls.

sub resolve_at_once {
    my ($calls, $count, $path) = @_;

    my @clients = map { begin_registering("hold:ok-$_", path => $path) }
        1 .. $count;

    ok(wait_until { standin(GET => 'count') == $calls }, "$count at once");
    standin(POST => 'release');
    like(all_of($_), qr/^HTTP\S+ 200 /, 'answered') for @clients;
}

sub is_outcome {
    my ($token, $expected, $path) = @_;

    my $response = register($token, path => $path // '/register');

    is(join(' ', grep { length } $response->{status},
        $response->{headers}{'x-error'} // ''), $expected,
        ($path // '') . " $token");

    return $response->{headers}{'x-status'};
}

# Connections are left by blocks before: those go when their nginx does.

sub none_open {
    ok(wait_until { still_open('all') == 0 }, 'none are left');
}

# AWS's side, for tests that are AWS themselves.

our $customer = '{"CustomerAWSAccountId":"123456789012"}';
our $reply = "HTTP/1.1 200 OK\r\nContent-Length: " . length($customer)
    . "\r\n\r\n$customer";

sub accept_from {
    my $listener = shift;

    ok(IO::Select->new($listener)->can_read(5), 'a connection')
        or die 'no connection';

    return scalar $listener->accept;
}

sub read_call {
    my $socket = shift;

    for (my $request = ''; $request !~ /\r\n\r\n.*"}$/s; ) {
        IO::Select->new($socket)->can_read(5)
            && sysread $socket, $request, 65536, length $request
            or die 'no request';
    }
}

# One registration that this connection, or a new one, gets.

sub serve {
    my ($listener, $aws, $answer, $expected) = @_;

    my $client = begin_registering('ok');

    $aws //= accept_from($listener);
    read_call($aws);
    $aws->syswrite($answer);
    like(all_of($client), $expected // qr/^HTTP\S+ 200 /, 'answered');

    return $aws;
}

sub is_closed {
    my ($socket, $what) = @_;

    ok(IO::Select->new($socket)->can_read(5) && !sysread($socket, my $more, 1),
        $what // 'closed');
}

sub is_open {
    my ($socket, $what) = @_;

    ok(!IO::Select->new($socket)->can_read(0.3), $what // 'open');
}

add_block_preprocessor(sub {
    my $block = shift;

    my $words = $block->refused;
    return unless defined $words;
    chomp $words;

    $block->set_value('must_die', '1');
    $block->set_value('suppress_stderr', '');
    $block->set_value('error_log', qr/\[emerg\] \d+#\d+: \Q$words\E in \S+:\d+$/m);
});

run_tests();

__DATA__

=== TEST 1: one connection for calls one after the other
--- http_config eval: $::kept
--- config eval
::locations(map { ("/$_", $::endpoint{$_}) } qw(http https))
--- test
for my $path (qw(http https)) {
    standin(POST => 'reset');
    is(is_outcome("ok-$_", '200', "/$path"), '200', 'one attempt') for 1 .. 20;
    is(connections(), 1, "$path: one connection");
}

is_outcome('error:InvalidTokenException', '400 InvalidTokenException', '/https');
is_outcome('chunked:ok', '200', '/https');
is_outcome('ok', '200', '/https');
is(connections(), 1, 'errors and chunks leave it');
is(still_open(), 2, 'two are open');
ok(at_rest, 'nothing is left');

=== TEST 2: by default, too
--- defaults
--- http_config eval: $::keys . 'marketplace_cache_valid off;'
--- config eval: ::locations('/register', $::endpoint{http})
--- test
is_outcome("ok-$_", '200') for 1 .. 20;
is(connections(), 1, 'one connection');

resolve_at_once(50, 30, '/register');
ok(wait_until { still_open() == 16 }, '16 are kept');

=== TEST 3: none are kept
--- http_config eval: $::keys . 'marketplace_keepalive 0;'
--- config eval
::locations(map { ("/$_", $::endpoint{$_}) } qw(http https))
--- test
for my $path (qw(http https)) {
    standin(POST => 'reset');
    is_outcome("ok-$_", '200', "/$path") for 1 .. 5;
    is(connections(), 5, "$path: one each");
}

none_open;

=== TEST 4: not more than so many
--- http_config eval: $::keys . 'marketplace_keepalive 2;'
--- config eval
::locations(map { ("/$_", $::endpoint{$_}) } qw(http https))
--- test
my $open = 0;

for my $path (qw(http https)) {
    standin(POST => 'reset');
    resolve_at_once(10, 10, "/$path");
    is(connections(), 10, 'ten at once');
    ok(wait_until { still_open() == $open + 2 }, 'two are kept');
    is_outcome("ok-$_", '200', "/$path") for 1 .. 3;
    is(connections(), 10, 'and taken');
    $open += 2;
}

ok(at_rest, 'nothing is left');

=== TEST 5: AWS closes a connection
--- http_config eval: $::kept
--- config eval
::locations(map { ("/$_", $::endpoint{$_}) } qw(http https puppet))
--- test
for my $path (qw(http https)) {
    for my $prefix (qw(stale closing)) {
        for (1 .. 3) {
            is_outcome("$prefix:ok-$_", '200', "/$path");
            is_outcome('ok', '200', "/$path");
        }
    }
}

# it has not noticed yet

my $client = begin_registering('ok', path => '/puppet');
my $aws = accept_from($puppet);
read_call($aws);
$aws->syswrite($reply);
like(all_of($client), qr/^HTTP\S+ 200 /, 'answered');

$client = begin_registering('ok', path => '/puppet');
read_call($aws);
close $aws;
$aws = accept_from($puppet);
read_call($aws);
$aws->syswrite($reply);
like(all_of($client), qr/^HTTP\S+ 200 .*X-Status: -, 200\r/s,
    'a new connection for the same attempt');
is_open($aws, 'which is kept');

# several of them

my @clients = map { begin_registering("ok-$_", path => '/puppet') } 1 .. 4;
my @aws = ($aws, map { accept_from($puppet) } 1 .. 3);
read_call($_) for @aws;
$_->syswrite($reply) for @aws;
like(all_of($_), qr/^HTTP\S+ 200 /, 'answered') for @clients;

$client = begin_registering('ok', path => '/puppet');

for (1 .. 4) {
    my ($called) = IO::Select->new(@aws)->can_read(5) or die "no call $_";
    read_call($called);
    @aws = grep { $_ != $called } @aws;
    close $called;
}

$aws = accept_from($puppet);
read_call($aws);
$aws->syswrite($reply);
like(all_of($client), qr/^HTTP\S+ 200 .*X-Status: (?:-, ){4}200\r/s,
    'all kept ones are tried, then a new one');
ok(at_rest, 'nothing is left');

=== TEST 6: AWS closes its connections at all addresses of a name
--- http_config eval: $::kept
--- config eval
::locations('/register', 'marketplace_endpoint http://several.test:$TEST_NGINX_SEVERAL;
    resolver 127.0.0.1:$TEST_NGINX_DNS ipv6=off; marketplace_tries 1;')
--- test
my $select = IO::Select->new(@several);
my %listening = map { $_ => 1 } @several;
my %kept;

# The socket on which AWS is called next, by a connection or over a kept one.

sub called {
    my ($socket) = $select->can_read(5) or die 'no call';

    if ($listening{$socket}) {
        $socket = $socket->accept;
        $select->add($socket);
    }

    read_call($socket);

    return $socket;
}

for (1 .. 200) {
    my $client = begin_registering('ok');
    my $aws = called();

    $aws->syswrite($reply);
    all_of($client);
    $kept{$aws->sockhost} = $aws;
    last if keys %kept == 3;
}

is(keys %kept, 3, 'one is kept to each address');

my $client = begin_registering('ok');

for (1 .. 3) {
    my $aws = called();

    is($aws, $kept{$aws->sockhost}, 'called over a kept one');
    $select->remove($aws);
    close $aws;
}

my $aws = called();
$aws->syswrite($reply);
like(all_of($client), qr/^HTTP\S+ 200 .*X-Status: (?:-, ){3}200\r/s,
    'then over a new one');

# a new one that ends is a failure of its address, of which there are others

$client = begin_registering('ok');
$aws = called();
$select->remove($aws);
close $aws;

for (1 .. 3) {
    $aws = called();
    $select->remove($aws);
    close $aws;
}

like(all_of($client), qr/^HTTP\S+ 502 .*X-Status: (?:-, ){3}-\r/s, 'each once');
ok(at_rest, 'nothing is left');

=== TEST 7: a new connection that ends is a failure
--- http_config eval: $::kept
--- config eval: ::locations('/register', $::endpoint{puppet})
--- test
my $client = begin_registering('ok');
my $aws = accept_from($puppet);
read_call($aws);
close $aws;
like(all_of($client), qr/^HTTP\S+ 502 .*X-Status: -\r/s, 'one attempt');

=== TEST 8: a reply with something behind it
--- http_config eval: $::kept
--- config eval: ::locations('/register', $::endpoint{puppet})
--- test
for my $more ('x', $reply, "\r\n", 'HTTP/1.1 200 OK') {
    my $aws = serve($puppet, undef, $reply . $more,
        qr/^HTTP\S+ (?:200|502) /);
    is_closed($aws);
}

# it comes later

my $aws = serve($puppet, undef, $reply);
is_open($aws);
serve($puppet, $aws, $reply);
is_open($aws);
$aws->syswrite($reply);
is_closed($aws);

# what is not to be kept

for my $head ("HTTP/1.1 200 OK\r\nConnection: close", 'HTTP/1.0 200 OK',
    "HTTP/1.1 200 OK\r\nConnection: x, Close")
{
    $aws = serve($puppet, undef, $reply =~ s/^[^\r]+/$head/r);
    is_closed($aws, $head);
}

# nor what is no reply

for my $length ('', "Content-Length: 5\r\n") {
    my $bad = $reply =~ s/Content-Length: \d+\r\n/$length/r;
    my $client = begin_registering('ok');

    $aws = accept_from($puppet);
    read_call($aws);
    $aws->syswrite($bad);
    shutdown $aws, 1;
    like(all_of($client), qr/^HTTP\S+ 502 .*X-Error: InvalidResponse/s,
        'no good');
    is_closed($aws);
}

ok(at_rest, 'nothing is left');

=== TEST 9: whoever verifies does so
--- http_config eval: $::kept
--- config eval
my $host = 'marketplace_endpoint https://localhost:$TEST_NGINX_AWS_HTTPS;';
my $ca = 'marketplace_ssl_trusted_certificate $TEST_NGINX_CA;';

::locations('/off', "$host marketplace_ssl_verify off;",
    '/off-ca', "$host $ca marketplace_ssl_verify off;",
    '/good', "$host $ca", '/good-too', "$host $ca",
    '/protocol', "$host $ca marketplace_ssl_protocols TLSv1.2;",
    '/foreign', "$host marketplace_ssl_trusted_certificate
        \$TEST_NGINX_TMP/no.pem;")
--- test
for my $path (qw(foreign off foreign off good foreign good-too off off-ca
                 foreign protocol good foreign off-ca foreign))
{
    is_outcome('ok', $path eq 'foreign' ? '502 ConnectionError' : '200',
        "/$path");
}

my %paths;

for my $path (qw(off off-ca good good-too protocol)) {
    is_outcome("ok-of-$path", '200', "/$path");
    push @{ $paths{(sent "ok-of-$path")[0]{connection}} }, $path;
}

is(join(', ', sort map { join ' ', @$_ } values %paths),
    'good good-too, off, off-ca, protocol', 'who shares a connection')
    or diag('off and off-ca may share one');

=== TEST 10: other names of one address
--- http_config eval
$::kept . 'resolver 127.0.0.1:$TEST_NGINX_DNS;'
--- config eval
my %name = (v4 => 'v4.test', same => 'v4.same', alias => 'alias.test');

::locations(map { ("/$_", "marketplace_endpoint
    http://$name{$_}:\$TEST_NGINX_AWS_HTTP;") } sort keys %name)
--- test
for (1 .. 3) {
    is_outcome("ok-$_", '200', "/$_") for qw(v4 same alias);
}

is(connections(), 3, 'one connection each');
is(connections("token=ok-$_"), 1, "$_: one") for qw(v4 same alias);

=== TEST 11: a reload
--- http_config eval: $::kept
--- config eval
::locations(map { ("/$_", $::endpoint{$_}) } qw(http https))
--- test
for (1 .. 2) {
    is_outcome('ok', '200', "/$_") for qw(http https);
    is(still_open(), 2, 'two are kept');
    ok(reload, 'the old worker goes');
    none_open;
}

is_outcome('ok', '200', "/$_") for qw(http https);
is(connections(), 6, 'new ones');
ok(at_rest, 'nothing is left');

=== TEST 12: a reload during a call
--- http_config eval: $::kept
--- config eval: ::locations('/register', $::endpoint{http})
--- test
my ($old) = worker_processes();
my $client = begin_registering('hold:ok');
ok(wait_until { standin(GET => 'count') == 1 }, 'asked');
kill HUP => Marketplace::master();
ok(wait_until { worker_processes() == 2 }, 'a new worker');
standin(POST => 'release');
like(all_of($client), qr/^HTTP\S+ 200 /, 'answered');
ok(wait_until { !grep { $_ == $old } worker_processes() }, 'the old one goes');
none_open;

=== TEST 13: the name has another address
--- http_config eval
$::kept . 'resolver 127.0.0.1:$TEST_NGINX_DNS ipv6=off;'
--- config eval
::locations('/register',
    "marketplace_endpoint http://moving.$$.test:\$TEST_NGINX_MOVING;")
--- test
my $old = serve($before, undef, $reply);

is_open($old, 'kept');
sleep 3;

# nginx gives the address that it has once more, and asks

my $client = begin_registering('ok');
my ($who) = IO::Select->new($old, $after)->can_read(5);

if ($who == $old) {
    read_call($old);
    $old->syswrite($reply);
    like(all_of($client), qr/^HTTP\S+ 200 /, 'answered');
    $client = begin_registering('ok');
}

my $new = accept_from($after);
read_call($new);
$new->syswrite($reply);
like(all_of($client), qr/^HTTP\S+ 200 /, 'answered at the new address');
serve($after, $new, $reply);
is_open($old, 'the old one is not asked');

=== TEST 14: those for credentials are not kept
--- env
!AWS_EC2_METADATA_DISABLED
AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:$TEST_NGINX_AWS_HTTP/v1/credentials
AWS_ENDPOINT_URL_STS=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
AWS_ROLE_ARN=arn:aws:iam::111122223333:role/web
AWS_WEB_IDENTITY_TOKEN_FILE=$TEST_NGINX_TMP/web-identity
--- http_config
    marketplace_keepalive 5;
--- config eval
::locations('/imds', "marketplace_credentials imds; marketplace_assume_role
        arn:aws:iam::111122223333:role/seller; $::endpoint{http}",
    '/container', "marketplace_credentials container; $::endpoint{http}",
    '/web_identity', "marketplace_credentials web_identity; $::endpoint{http}")
--- test
is_outcome("ok-$_", '200', "/$_") for qw(imds container web_identity);
ok(connections("service=$_") > 0, "$_ was asked") for qw(imds container sts);
is(connections('service=sts'), 2, 'one connection for each role');

for my $service (qw(imds container sts)) {
    ok(wait_until { still_open($service) == 0 }, "$service: none is kept");
}

is(connections(), 1, 'one connection for the calls');
is(still_open(), 1, 'which is kept');

=== TEST 15: no number
--- http_config
    marketplace_keepalive x;
--- config
--- refused
invalid value "x" in "marketplace_keepalive", it must be a number, like "4"

=== TEST 16: below zero
--- http_config
    marketplace_keepalive -1;
--- config
--- refused
invalid value "-1" in "marketplace_keepalive", it must be a number, like "4"

=== TEST 17: twice
--- http_config
    marketplace_keepalive 1;
    marketplace_keepalive 1;
--- config
--- refused
"marketplace_keepalive" directive is duplicate

=== TEST 18: a TLS session goes on in the location that has verified it
--- http_config eval
my $port = $ENV{TEST_NGINX_AWS_HTTPS};

# since 1.29.7 a block keeps connections if it does not say otherwise

my $keepalive = $Test::Nginx::Util::NginxVersion < 1.029007 ? ''
    : 'keepalive 0;';

$::keys . "
    marketplace_keepalive 0;
    upstream block {
        server 127.0.0.1:$port;
        $keepalive
    }
"
--- config eval
my $host = 'marketplace_endpoint https://localhost:$TEST_NGINX_AWS_HTTPS;';
my $ca = 'marketplace_ssl_trusted_certificate $TEST_NGINX_CA;';

::locations('/good', "$host $ca", '/good-too', "$host $ca",
    '/off', "$host marketplace_ssl_verify off;",
    '/old', "$host $ca marketplace_ssl_protocols TLSv1.2;",
    '/block', "marketplace_endpoint https://block; $ca
        marketplace_ssl_verify off;",
    '/foreign', "$host marketplace_ssl_trusted_certificate
        \$TEST_NGINX_TMP/no.pem;")
--- test
sub resumed {
    my ($token, $path) = @_;

    is_outcome($token, '200', $path);

    return (sent $token)[0]{resumed} ? 1 : 0;
}

for my $round (1, 2) {
    for my $path (qw(/off /good /good-too /old /block)) {
        is(join(' ', map { resumed("$_-$round$path", $path) }
            qw(closing:ok-1 ok-2 ok-3)), '0 1 1',
            "$path: a handshake, then its session");
        is_outcome('ok', '502 ConnectionError', '/foreign');
    }

    reload() if $round == 1;
}

=== TEST 19: kept connections that are dead without a word
--- http_config eval
$::kept . '
    marketplace_tries 2;
    marketplace_connect_timeout 60s;
    marketplace_read_timeout 60s;
    marketplace_timeout 60s;
    upstream block {
        server 127.0.0.1:$TEST_NGINX_PUPPET;
        keepalive 5;
    }
'
--- config eval
my $block = 'marketplace_endpoint http://block;';

::locations('/keep', $::endpoint{puppet}, '/keep-block', $block,
    '/register', "$::endpoint{puppet} marketplace_read_timeout 1s;",
    '/block', "$block marketplace_read_timeout 1s;",
    '/deadline', "$::endpoint{puppet} marketplace_timeout 300ms;",
    '/elsewhere', $::endpoint{http})
--- test
sub keep_three {
    my $path = shift;

    my @clients = map { begin_registering("ok-$_", path => $path) } 1 .. 3;
    my @aws = map { accept_from($puppet) } @clients;

    read_call($_) for @aws;
    $_->syswrite($reply) for @aws;
    like(all_of($_), qr/^HTTP\S+ 200 /, 'answered') for @clients;

    return @aws;
}

# The one that the call came over, and the others.

sub called_and_others {
    my ($called) = IO::Select->new(@_)->can_read(60) or die 'no call';
    read_call($called);

    return $called, grep { $_ != $called } @_;
}

for my $path (qw(/register /block)) {
    my @aws = keep_three($path eq '/block' ? '/keep-block' : '/keep');
    my $client = begin_registering('ok', path => $path);

    my ($called, @rest) = called_and_others(@aws);
    my $new = accept_from($puppet);

    read_call($new);
    $new->syswrite($reply);
    like(all_of($client), qr/^HTTP\S+ 200 .*X-Status: -, 200\r/s,
        "$path: the second attempt has a new one");

    is_closed($_, "$path: the others are not kept") for
        $path eq '/block' ? () : @rest;

    reload();
    is_closed($new);
}

is_outcome('ok', '200', '/elsewhere');
my @aws = keep_three('/keep');
my $client = begin_registering('ok', path => '/deadline');
my ($called, @rest) = called_and_others(@aws);

like(all_of($client), qr/^HTTP\S+ 504 /, 'the time is over');
is_closed($_, 'the others are not kept') for @rest;
ok(wait_until { still_open() == 1 }, 'that of another host is');
ok(at_rest, 'nothing is left');
