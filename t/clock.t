# A clock of this machine that is not AWS's: it is learnt from the replies.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT all_of connect_to reload worker_processes);

use Time::Local ();

# What is learnt stays in the zone: once is enough.

repeat_each(1);
workers(2);
master_on();

add_test_cleanup_handler(sub { standin(POST => 'clock?offset=0') });

our $http_config = $::aws . <<'_EOC_';
    add_header X-Error $marketplace_error always;
    add_header X-Status $marketplace_status always;
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 reuseport;
        location = /pid {
            return 200 "$pid\n";
        }
        location = /register {
            marketplace_tries 2;
            marketplace_resolve on;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
_EOC_

our $env = <<'_EOC_';
AWS_ENDPOINT_URL_STS=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
_EOC_

our $locations = CORE::join '', map { <<"_EOC_" }
    location = /$_->[0] {
        marketplace_resolve on;
        marketplace_tries $_->[1];
        $_->[2]
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
    }
_EOC_
    ['register', 2, ''], ['once', 1, ''],
    map { ["role-$_->[0]", $_->[1], 'marketplace_assume_role'
        . " arn:aws:iam::111122223333:role/seller session_name=$_->[0];"] }
        ['ahead', 2], ['behind', 2], ['once', 1];

our $serial = 0;

# How a registration ends, as in "200  400, 200".

sub attempt {
    my ($path) = @_;

    my $response = register('ok-' . ++$serial, path => $path // '/register');
    my ($error, $statuses) = map { $response->{headers}{$_} // '' }
        qw(x-error x-status);

    return "$response->{status} $error $statuses";
}

# The same, by this worker.

sub attempt_at {
    my $worker = shift;

    my $body = 'x-amzn-marketplace-token=ok-' . ++$serial;
    my $client = connect_to('RAND_PORT_1', $worker);

    $client->syswrite(CORE::join "\r\n", 'POST /register HTTP/1.1',
        'Host: localhost', 'Connection: close',
        'Content-Length: ' . length $body,
        'Content-Type: application/x-www-form-urlencoded', '', $body);

    my $answer = all_of($client);
    my ($status) = $answer =~ /^HTTP\/1.1 (\d+)/;
    my ($statuses) = $answer =~ /^X-Status: (.*?)\r$/m;

    return "$status  $statuses";
}

# When the calls of the last registration were made, by what they say.

sub dates {
    return map { /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/ or die;
                 Time::Local::timegm($6, $5, $4, $3, $2 - 1, $1) }
        map { $_->[1] } grep { lc $_->[0] eq 'x-amz-date' }
        map { @{ $_->{headers} } } sent "ok-$serial";
}

sub clock { standin(POST => 'clock?offset=' . shift) }

run_tests();

__DATA__

=== TEST 1: an hour off, in either direction, and right again
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: $::locations
--- test
for my $offset (3600, -3600, 0) {
    clock($offset);
    my $start = time;

    is(attempt(), '200  400, 200', "$offset: at the second attempt");

    my @dates = dates();
    my $took = time - $start;

    cmp_ok(abs($dates[1] - $start - $offset), '<=', $took + 2,
        "$offset: which says AWS's time");

    is(attempt(), '200  200', "$offset: then at once") for 1 .. 3;
    is(scalar(grep { !$_->{verified} } sent "ok-$serial"), 0,
        "$offset: signed well");
}

=== TEST 2: all workers learn it
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: $::locations
--- test
my ($one, $other) = worker_processes();

for my $offset (3600, -3600) {
    clock($offset);
    is(attempt_at($one), '200  400, 200', "$offset: one learns it");
    is(attempt_at($_), '200  200', "$offset: both know it") for $other, $one;
    ($one, $other) = ($other, $one);
}

=== TEST 3: many at once
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: $::locations
--- test
clock(-3600);

my @clients = map { begin_registering("ok-many-$_") } 1 .. 10;

like(all_of($_), qr/^HTTP\/1.1 200 .*^X-Status: (400, )?200\r$/ms, 'resolved')
    for @clients;

=== TEST 4: a reload keeps it
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: $::locations
--- test
clock(3600);
is(attempt(), '200  400, 200', 'it is learnt');
ok(reload, 'a reload');
is(attempt(), '200  200', 'it is known still');
is(attempt_at($_), '200  200', 'by all workers') for worker_processes();

=== TEST 5: small differences are none
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: $::locations
--- test
for my $offset (5, -5) {
    clock($offset);
    is(attempt(), '200  200', "$offset: resolved");

    my $before = time;
    is(attempt(), '200  200', "$offset: resolved again");
    my ($date) = dates();
    my $after = time;

    # nginx's clock may be that of its last event

    cmp_ok($date, '>=', $before - 1, "$offset: not earlier");
    cmp_ok($date, '<=', $after, "$offset: not later");
}

=== TEST 6: some minutes are learnt before they are an error
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: $::locations
--- test
for my $offset (200, 400, 600, 400, 200, 0, -200, -400) {
    clock($offset);
    is(attempt(), '200  200', "$offset: resolved at once");
}

=== TEST 7: with one try, the next request resolves
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: $::locations
--- test
for my $offset (3600, -3600, 0) {
    clock($offset);
    is(attempt('/once'), '500 InvalidSignatureException 400',
        "$offset: the first one");
    is(attempt('/once'), '200  200', "$offset: the next one") for 1, 2;
}

=== TEST 8: a role is assumed, an hour ahead
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: $::locations
--- test
clock(-3600);
is(attempt('/role-ahead'), '200  200', 'STS tells it');
is(standin(GET => 'count?operation=sts.AssumeRole') + 0, 2, 'asked twice');
is(attempt('/role-ahead'), '200  200', 'again');
is(standin(GET => 'count?operation=sts.AssumeRole') + 0, 2, 'not asked again');
clock(-600);
is(attempt('/role-ahead'), '200  400, 200', 'it jumps');
is(standin(GET => 'count?service=metering') + 0, 4, 'calls');

=== TEST 9: the same, behind
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: $::locations
--- test
clock(3600);
is(attempt('/role-behind'), '200  200', 'STS tells it');
is(standin(GET => 'count?operation=sts.AssumeRole') + 0, 2, 'asked twice');
is(attempt('/role-behind'), '200  200', 'again');
is(standin(GET => 'count?operation=sts.AssumeRole') + 0, 2, 'not asked again');

=== TEST 10: a role, with one try
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: $::locations
--- test
clock(-3600);
is(attempt('/role-once'), '200  200', 'STS is asked again all the same');
