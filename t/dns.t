# How the name of the endpoint becomes an address.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace;

repeat_each(2);
start_dns;

our $http_config = <<'_EOC_';
    marketplace_credentials static id=AKIDEXAMPLE
        secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
_EOC_

our $resolver = $http_config . <<'_EOC_';
    resolver 127.0.0.1:$TEST_NGINX_DNS;
_EOC_

# A location /register, with these directives more.

sub config {
    my $more = shift;

    return <<"_EOC_";
    location = /at-rest {
        stub_status;
    }
    location = /register {
        marketplace_resolve on;
        $more
        add_header X-Status \$marketplace_status always;
        add_header X-Error \$marketplace_error always;
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
    }
_EOC_
}

sub endpoint {
    my ($host, $more) = @_;

    return config("marketplace_endpoint http://$host:\$TEST_NGINX_AWS_HTTP;"
        . ($more // ''));
}

# Whether a resolve succeeds, and for which host AWS was asked.

sub is_resolved {
    my ($host, $statuses) = @_;

    $statuses //= '200';
    my $response = register("ok-$host");
    my ($call) = sent "ok-$host";
    my ($asked) = map { $_->[1] } grep { $_->[0] eq 'Host' }
        @{ $call->{headers} };

    is("$response->{status} " . ($response->{headers}{'x-error'} // ''),
        '200 ', 'resolved');
    like($response->{headers}{'x-status'}, qr/^$statuses$/,
        'statuses');
    ok($call->{verified}, 'signed');
    is($asked, $host, 'Host');
}

# Whether it fails, as what.

sub is_failure {
    my ($status, $error, $token) = @_;

    my $response = register($token // 'ok');

    is("$response->{status} $response->{headers}{'x-error'}",
        "$status $error", $error);
    ok(at_rest, 'nothing is left');
}

run_tests();

__DATA__

=== TEST 1: the name is looked up when a request is there
--- http_config eval: $::resolver
--- config eval: ::endpoint('v4.test')
--- test
is_resolved("v4.test:$ENV{TEST_NGINX_AWS_HTTP}") for 1 .. 3;

=== TEST 2: a resolver of the location; names in upper case
--- http_config eval: $::http_config
--- config eval: ::endpoint('V4.Test', 'resolver 127.0.0.1:$TEST_NGINX_DNS;')
--- test
is_resolved("v4.test:$ENV{TEST_NGINX_AWS_HTTP}");

=== TEST 3: an alias
--- http_config eval: $::resolver
--- config eval: ::endpoint('alias.test')
--- test
is_resolved("alias.test:$ENV{TEST_NGINX_AWS_HTTP}");

=== TEST 4: an IPv6 address
--- http_config eval: $::resolver
--- config eval: ::endpoint('v6.test')
--- test
is_resolved("v6.test:$ENV{TEST_NGINX_AWS_HTTP}");

=== TEST 5: IPv6 that is switched off
--- http_config eval: $::http_config
--- config eval
::endpoint('v6.test', 'resolver 127.0.0.1:$TEST_NGINX_DNS ipv6=off;')
--- test
is_failure(502, 'ConnectionError');
--- error_log
v6.test could not be resolved

=== TEST 6: several addresses, most of which refuse
--- http_config eval: $::resolver
--- config eval: ::endpoint('several.test')
--- test
is_resolved("several.test:$ENV{TEST_NGINX_AWS_HTTP}", '(-, ){0,2}200')
    for 1 .. 10;

=== TEST 7: the addresses follow the name server
--- http_config eval: $::resolver
--- config eval: ::endpoint("moving.$$.test")
--- test
our $moved;

unless ($moved++) {
    my $response = register('ok');
    is("$response->{status} $response->{headers}{'x-error'}",
        '502 ConnectionError', 'not there');
}

ok(wait_until { register('ok')->{status} == 200 }, 'moved');

=== TEST 8: names that lead nowhere
--- http_config eval: $::resolver
--- config eval: ::endpoint('missing.test')
--- test
is_failure(502, 'ConnectionError') for 1 .. 2;
--- error_log
missing.test could not be resolved (3: Host not found)
marketplace: ResolveCustomer failed: ConnectionError

=== TEST 9: a name server in trouble
--- http_config eval: $::resolver
--- config eval: ::endpoint('failing.test', 'resolver_timeout 500ms;')
--- test
is_failure(502, 'ConnectionError');
--- error_log
failing.test could not be resolved

=== TEST 10: a name without addresses
--- http_config eval: $::resolver
--- config eval: ::endpoint('empty.test')
--- test
is_failure(502, 'ConnectionError');
--- error_log
empty.test could not be resolved

=== TEST 11: a name server that says nothing: the time for everything is up
--- http_config eval: $::resolver
--- config eval: ::endpoint('silent.test', 'marketplace_timeout 300ms;')
--- test
is_failure(504, 'Timeout') for 1 .. 2;

=== TEST 12: the resolver gives up first
--- http_config eval: $::resolver
--- config eval: ::endpoint('silent.test', 'resolver_timeout 300ms;')
--- test
is_failure(502, 'ConnectionError') for 1 .. 2;
--- error_log
silent.test could not be resolved (110: Operation timed out)

=== TEST 13: nobody is where the name server should be
--- http_config eval: $::http_config
--- config eval
::endpoint('v4.test', 'resolver 127.0.0.1:$TEST_NGINX_RAND_PORT_1;'
    . ' marketplace_timeout 300ms;')
--- test
is_failure(504, 'Timeout');

=== TEST 14: one of several clients that wait for a name goes away
--- http_config eval: $::resolver
--- config eval: ::endpoint("late.$$.test")
--- test
my @clients = map { begin_registering("ok-late-$_") } 1 .. 4;

ok(busy(4), 'all there');

close shift @clients;
close pop @clients;

for (2 .. 3) {
    my $answer = do { local $/; my $client = shift @clients; <$client> };
    like($answer, qr/^HTTP\S+ 200 /, 'answered');
}

ok(at_rest, 'nothing is left');

=== TEST 15: all clients that wait for a name go away
--- http_config eval: $::resolver
--- config eval: ::endpoint('silent.test', 'marketplace_timeout 5s;')
--- test
my @clients = map { begin_registering("ok-$_") } 1 .. 3;

ok(busy(3), 'all there');
undef @clients;
ok(at_rest, 'nothing is left');

=== TEST 16: in optional mode the request goes on without a name
--- http_config eval: $::resolver
--- config
    location = /register {
        marketplace_resolve optional;
        marketplace_endpoint http://missing.test;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- token
ok
--- response_body_like chomp
^POST /register
X-Marketplace-Error: ConnectionError

=== TEST 17: TLS: the certificate is for the name
--- http_config eval: $::resolver
--- config eval
::config('marketplace_endpoint https://metering.marketplace.us-east-1'
    . '.amazonaws.com:$TEST_NGINX_AWS_HTTPS;')
--- test
is_resolved('metering.marketplace.us-east-1.amazonaws.com'
    . ":$ENV{TEST_NGINX_AWS_HTTPS}");

=== TEST 18: TLS: the certificate is for another name
--- http_config eval: $::resolver
--- config eval
::config('marketplace_endpoint https://v4.test:$TEST_NGINX_AWS_HTTPS;')
--- test
is_failure(502, 'ConnectionError');
--- error_log
upstream SSL certificate does not match "v4.test"

=== TEST 19: an upstream block of the name comes first
--- http_config eval
$::resolver . <<'_EOC_'
    upstream missing.test {
        server 127.0.0.1:$TEST_NGINX_AWS_HTTP;
    }
_EOC_
--- config eval: ::config('marketplace_endpoint http://missing.test;')
--- test
is_resolved('metering.marketplace.us-east-1.amazonaws.com');
--- no_error_log
resolve: "missing.test"

=== TEST 20: an address needs no resolver
--- http_config eval: $::http_config
--- config eval
::endpoint('127.0.0.1', 'resolver 127.0.0.1:$TEST_NGINX_RAND_PORT_1;')
--- test
is_resolved("127.0.0.1:$ENV{TEST_NGINX_AWS_HTTP}");

=== TEST 21: without a resolver the name is looked up when nginx starts
--- http_config eval: $::http_config
--- config eval: ::endpoint('localhost')
--- test
is_resolved("localhost:$ENV{TEST_NGINX_AWS_HTTP}", '(-, )?200');

=== TEST 22: nginx does not start with a name that does not exist
--- http_config eval: $::http_config
--- config
    include ../html/endpoint.conf;
--- user_files eval
[['endpoint.conf', "\n\nmarketplace_endpoint\n    https://"
    . 'x' x 64 . ".invalid;\n\nlocation = /register {\n"
    . "    marketplace_resolve on;\n}\n"]]
--- must_die
--- error_log eval
qr{\[emerg\] .*host not found in upstream "x{64}\.invalid" in \S+/html/endpoint\.conf:4$}

=== TEST 23: the same with the endpoint of the region
--- http_config eval: $::http_config
--- config
    include ../html/resolve.conf;
--- user_files eval
[['resolve.conf', "location = /register {\n    marketplace_region us-"
    . 'a' x 59 . "-1;\n\n    marketplace_resolve on;\n}\n"]]
--- must_die
--- error_log eval
qr{\[emerg\] .*host not found in upstream "metering\.marketplace\.us-a{59}-1\.amazonaws\.com" in \S+/html/resolve\.conf:4$}

=== TEST 24: addresses that proxy_pass has had since the start are not taken
--- http_config eval: $::resolver
--- config eval
::endpoint('localhost') . <<'_EOC_'
    location = /other {
        proxy_pass http://localhost:$TEST_NGINX_AWS_HTTP;
    }
_EOC_
--- test
is_failure(502, 'ConnectionError');
--- error_log
localhost could not be resolved
