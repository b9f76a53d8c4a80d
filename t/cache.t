# Tokens that were resolved already, or are about to be: one call answers all
# requests with a token, those that come at once and, after a success, later.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT all_of connect_to reload worker_processes logged);

use Digest::SHA;
use IO::Select;
use Socket;

# What a block does stays in the zone: once is enough.

repeat_each(1);
workers(2);
worker_connections(2048);
master_on();

our $at_rest = <<'_EOC_';
    location = /at-rest {
        stub_status;
    }
_EOC_

our $static = 'marketplace_credentials static id=AKIDEXAMPLE'
    . ' secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;';

# A server with these locations, each with its directives, and with more time
# than a slow machine needs.  Every worker has a socket of its own for it, and
# so gets its share of the connections.  nginx itself answers what it received:
# the application takes a few requests at once only, and is asked by who tries
# @application.

our $application = 'try_files /none @application;';

sub server {
    my $locations = '';

    while (my ($path, $directives) = splice @_, 0, 2) {
        my %more = (resolve => 'on', cache_valid => '5m',
            connect_timeout => '30s', send_timeout => '30s',
            read_timeout => '30s', timeout => '40s',
            endpoint => 'http://127.0.0.1:$TEST_NGINX_AWS_HTTP');

        delete @more{grep { $directives =~ /marketplace_$_ / } keys %more};

        my $more = join ' ', map { "marketplace_$_ $more{$_};" } sort keys %more;
        my $keys = $directives =~ /marketplace_credentials/ ? '' : $static;
        my $answer = $directives =~ /try_files/ ? ''
            : 'try_files /none @resolved;';

        $locations .= <<"_EOC_";
        location = $path {
            $more
            $keys
            $directives
            $answer
        }
_EOC_
    }

    return <<"_EOC_";
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_1 reuseport;
        add_header X-Error \$marketplace_error always;
        add_header X-Message \$marketplace_error_message always;
        add_header X-Status \$marketplace_status always;
        add_header X-Request-Id \$marketplace_request_id always;
        add_header X-Time \$marketplace_time always;
        add_header X-Cache \$marketplace_cache_status always;
        add_header X-Pid \$pid always;
        location = /pid {
            return 200 "\$pid\\n";
        }
        location \@resolved {
            return 200 "\$http_x_marketplace_customer_aws_account_id
                \$http_x_marketplace_license_arn
                \$http_x_marketplace_customer_identifier
                \$http_x_marketplace_product_code
                \$http_x_marketplace_error
                \$marketplace_customer_aws_account_id
                \$marketplace_license_arn
                \$marketplace_customer_identifier
                \$marketplace_product_code
                \$marketplace_field_extra\n";
        }
        location \@application {
            proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
            proxy_set_header X-Marketplace-All "\$marketplace_customer_aws_account_id \$marketplace_license_arn \$marketplace_customer_identifier \$marketplace_product_code \$marketplace_field_extra";
        }
$locations
    }
_EOC_
}

# Registrations that have begun: so many, with this token.

sub begin {
    my ($count, $token, $path) = @_;

    return map { begin_registering($token, port => 'RAND_PORT_1',
        path => $path // '/register') } 1 .. $count;
}

# The same with a worker of one's choice.

sub begin_at {
    my ($worker, $token, $path) = @_;

    return begin_on(connect_to('RAND_PORT_1', $worker), $token, $path);
}

sub begin_on {
    my ($client, $token, $path) = @_;

    my $body = 'x-amzn-marketplace-token=' . Marketplace::percent($token);

    $client->syswrite(join "\r\n", 'POST ' . ($path // '/register')
        . ' HTTP/1.1', 'Host: localhost', 'Connection: close',
        'Content-Type: application/x-www-form-urlencoded',
        'Content-Length: ' . length $body, '', $body);

    return $client;
}

sub calls {
    return standin(GET => 'count') + 0;
}

# Waits until AWS was called so often, or was asked for this operation.

sub is_asked {
    my ($count, $operation) = @_;
    my $query = $operation ? "?operation=$operation" : '';

    ok(wait_until { standin(GET => "count$query") == $count },
        "asked: $count");
}

# What AWS holds goes on, when it was asked so often: what comes there later is
# held for ever.

sub release {
    is_asked(@_);
    standin(POST => 'release');
}

sub header {
    my ($answer, $name) = @_;

    return $answer =~ /^$name: (.*?)\r$/m ? $1 : '';
}

# How it ended, as in "200 HIT" and "504 Timeout".

sub outcome {
    my $answer = shift;

    my ($status) = $answer =~ /^HTTP\S+ (\d+) / ? $1 : 'none';

    return join ' ', grep { length } $status, header($answer, 'X-Error'),
        header($answer, 'X-Cache');
}

# Whether they end so, as in "1 * 200 MISS, 9 * 200 SHARED"; returns answers.

sub are_answered {
    my ($expected, $clients, $what) = @_;

    my @answers = map { all_of($_) } @$clients;
    my %outcomes;

    $outcomes{outcome($_)}++ for @answers;

    is(join(', ', map { "$outcomes{$_} * $_" } sort keys %outcomes),
        $expected, $what);

    return @answers;
}

# One registration, and how it ends.

sub is_outcome {
    my ($token, $expected, $path, $what) = @_;

    my ($client) = begin(1, $token, $path);
    my $answer = all_of($client);

    is(outcome($answer), $expected, $what // ($path // '') . " $token");

    return $answer;
}

sub body {
    return shift =~ s/.*?\r\n\r\n//sr;
}

sub reset_connection {
    my $socket = shift;

    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0;
    close $socket;
}

our @ways = (['closed', sub { close shift }], ['reset', \&reset_connection]);

# Changes the configuration and has it read.

sub reconfigure {
    my ($old, $new) = @_;

    my $name = $Test::Nginx::Util::ConfFile;
    local $/;

    open my $file, '<', $name or die;
    my $config = <$file>;
    close $file;

    $config =~ s/\Q$old\E/$new/ or die "no $old";

    open $file, '>', $name or die;
    print $file $config;
    close $file;

    return reload;
}

# The memory that a worker shares.

sub shared_memory {
    my $pid = shift;
    my $all = '';

    open my $maps, '<', "/proc/$pid/maps" or die "maps: $!";
    open my $memory, '<:raw', "/proc/$pid/mem" or die "mem: $!";

    while (<$maps>) {
        my ($start, $end) = /^(\w+)-(\w+) rw-s / or next;

        no warnings 'portable';
        sysseek $memory, hex $start, 0 or die "seek: $!";

        for (my $left = hex($end) - hex $start; $left > 0; ) {
            my $n = sysread $memory, my ($part), $left;
            die "read: $!" unless $n;
            $all .= $part;
            $left -= $n;
        }
    }

    return $all;
}

# Configurations that nginx does not start with.

add_block_preprocessor(sub {
    my $block = shift;

    my $words = $block->refused;
    return unless defined $words;
    chomp $words;

    $block->set_value('must_die', '1');
    $block->set_value('suppress_stderr', '');
    $block->set_value('error_log', qr/\[emerg\] \d+#\d+: \Q$words\E in \S+:\d+$/m);
});

# Profiles with keys, for all to read.

open my $profiles, '>', "$ENV{TEST_NGINX_TMP}/profiles" or die;
print $profiles "[$_->[0]]\naws_access_key_id = $_->[1]\n"
    . "aws_secret_access_key = $_->[2]\n" for
    ['a', 'AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'],
    ['b', 'AKIDOTHER', 'otherlrXUtnFEMI/K7MDENG+bPxRfiCEXAMPLEKEY'],
    ['c', 'AKIDSLASH', '/JalrXUtnFEMI/K7MDENG+bPxRfiCYSLASHKEY=='];
close $profiles or die;

run_tests();

__DATA__

=== TEST 1: a token that was resolved is answered without a call, by any worker
--- http_config eval
::server('/register', '', '/application', $::application)
--- config eval: $::at_rest
--- test
my ($one, $other) = worker_processes();

for my $token ('ok-1', 'with:Extra=more', 'new:1', 'old:1', 'empty:1',
    'null:1', 'product:other', 'without:CustomerAWSAccountId')
{
    standin(POST => 'reset');

    my $first = all_of(begin_at($one, $token));

    is(outcome($first), '200 MISS', "$token: first");
    is(header($first, 'X-Status'), '200', 'status');
    like(header($first, 'X-Request-Id'), qr/^\S+$/, 'request id');
    like(body($first), qr/\S/, 'something in it');

    for my $worker ($one, $other) {
        my $again = all_of(begin_at($worker, $token));

        is(outcome($again), '200 HIT', 'again');
        is(body($again), body($first), 'the same variables and headers');
        is(header($again, $_), '', "no $_") for qw(X-Status X-Request-Id);
    }

    is(calls(), 1, 'one call');

    # the same as an application sees it, from one call for several

    standin(POST => 'reset');

    my @clients = begin(5, "hold:$token", '/application');

    ok(busy(5), 'all there');
    release(1);

    my @answers = are_answered('1 * 200 MISS, 4 * 200 SHARED', \@clients,
        'at once');

    push @answers, map { all_of(begin_at($_, "hold:$token", '/application')) }
        $one, $other;
    is(join(', ', map { outcome($_) } @answers[5, 6]), '200 HIT, 200 HIT',
        'then');

    my %bodies = map { body($_) => 1 } @answers;

    is(scalar keys %bodies, 1, 'the same for the application');
    like((keys %bodies)[0], qr/^X-Marketplace-/m, 'with headers');
    is(calls(), 1, 'one call');
}

is_outcome('ok-2', '200 MISS', undef, 'another token');
like(body(all_of((begin(1, 'with:Extra=more'))[0])), qr/ more\b/, 'the field');

=== TEST 2: off, beside a location that keeps it
--- http_config eval
::server('/register', '', '/off', 'marketplace_cache_valid off;')
--- config eval: $::at_rest
--- test
is_outcome('ok', '200 MISS');
is_outcome('ok', '200 BYPASS', '/off') for 1 .. 3;
is(calls(), 4, 'a call each');
is_outcome('ok-new', '200 BYPASS', '/off');
is_outcome('ok-new', '200 MISS');

my @clients = begin(5, 'hold:ok', '/off');
ok(busy(5), 'all there');
release(11);
are_answered('5 * 200 BYPASS', \@clients, 'at once');
is(calls(), 11, 'a call each');

=== TEST 3: it ends
--- clock
--- http_config eval: ::server('/register', 'marketplace_cache_valid 10s;')
--- config eval: $::at_rest
--- test
is_outcome('ok', '200 MISS');
set_clock(9);
is_outcome('ok', '200 HIT', undef, 'after 9 s');
set_clock(10);
is_outcome('ok', '200 MISS', undef, 'after 10 s');
set_clock(19);
is_outcome('ok', '200 HIT', undef, 'of the new one');
set_clock(3600);
is_outcome('ok', '200 MISS', undef, 'after an hour');
set_clock(3000);
is_outcome('ok', '200 MISS', undef, 'when the clock has jumped back');
is(calls(), 4, 'calls');

=== TEST 4: five minutes by default
--- clock
--- defaults
--- http_config eval
::server('/register', '') =~ s/marketplace_cache_valid 5m;//r
--- config eval: $::at_rest
--- test
is_outcome('ok', '200 MISS');
set_clock(299);
is_outcome('ok', '200 HIT');
set_clock(300);
is_outcome('ok', '200 MISS');

=== TEST 5: no time at all
--- http_config
    marketplace_cache_valid 0;
--- config
--- refused
invalid value "0" in "marketplace_cache_valid", it must be a time above zero, like "5m", and at most "1h", or "off"

=== TEST 6: too long
--- http_config
    marketplace_cache_valid 2h;
--- config
--- refused
invalid value "2h" in "marketplace_cache_valid", it must be a time above zero, like "5m", and at most "1h", or "off"

=== TEST 7: no time
--- http_config
    marketplace_cache_valid x;
--- config
--- refused
invalid value "x" in "marketplace_cache_valid", it must be a time above zero, like "5m", and at most "1h", or "off"

=== TEST 8: no time, but the beginning of one word
--- http_config
    marketplace_cache_valid 0ff;
--- config
--- refused
invalid value "0ff" in "marketplace_cache_valid", it must be a time above zero, like "5m", and at most "1h", or "off"

=== TEST 9: twice
--- http_config
    marketplace_cache_valid off;
    marketplace_cache_valid off;
--- config
--- refused
"marketplace_cache_valid" directive is duplicate

=== TEST 10: an hour is fine
--- http_config eval: ::server('/register', 'marketplace_cache_valid 1h;')
--- config eval: $::at_rest
--- test
is_outcome('ok', '200 MISS');
is_outcome('ok', '200 HIT');

=== TEST 11: 100 requests at once
--- http_config eval: ::server('/register', '')
--- config eval: $::at_rest
--- test
my @clients = begin(100, 'hold:with:Extra=more');

ok(busy(100), 'all there');
release(1);

my @answers = are_answered('1 * 200 MISS, 99 * 200 SHARED', \@clients,
    'all resolved');
my %bodies = map { body($_) => 1 } @answers;
my %workers = map { header($_, 'X-Pid') => 1 } @answers;

is(scalar keys %bodies, 1, 'all the same');
is(scalar keys %workers, 2, 'by both workers');
is(scalar(grep { header($_, 'X-Status') } @answers), 1, 'one status');
is(calls(), 1, 'one call');
ok(at_rest, 'nothing is left');

=== TEST 12: the same with failures, which are not kept
--- error_log eval
qr/\[error\] .* marketplace: AccessDeniedException: another request with the same token got this answer, and has logged what is to be done/
--- http_config eval: ::server('/register', '')
--- config eval: $::at_rest
--- test
for my $row (['error:InvalidTokenException', '400 InvalidTokenException'],
    ['error:ExpiredTokenException', '410 ExpiredTokenException'],
    ['error:ThrottlingException', '503 ThrottlingException'],
    ['error:InternalServiceErrorException',
        '502 InternalServiceErrorException'],
    ['error:DisabledApiException', '500 DisabledApiException'],
    ['error:AccessDeniedException', '500 AccessDeniedException'],
    ['close:0:ok', '502 ConnectionError'],
    ['html', '502 InvalidResponse'], ['truncated', '502 InvalidResponse'])
{
    my ($answer, $expected) = @$row;
    my $token = "seq:hold:$answer|$answer";

    standin(POST => 'reset');

    my @clients = begin(50, $token);
    ok(busy(50), "$answer: all there");
    release(1);

    my @answers = are_answered("1 * $expected MISS, 49 * $expected SHARED",
        \@clients, 'all fail');
    my %messages = map { header($_, 'X-Message') => 1 } @answers;
    my @messages = keys %messages;

    is(scalar @messages, 1, 'with one message');
    like($messages[0], $answer =~ /error:/ ? qr/\S/ : qr/^$/, 'which is this');
    is(scalar(grep { header($_, 'Retry-After') } @answers),
        $expected =~ /503/ ? 50 : 0, 'Retry-After');
    is(calls(), 1, 'one call');

    is_outcome($token, "$expected MISS", undef, 'later');
    is(calls(), 2, 'another one');
}

is_outcome('seq:error:InvalidTokenException|ok', '400 InvalidTokenException MISS');
is_outcome('seq:error:InvalidTokenException|ok', '200 MISS');
is_outcome('seq:error:InvalidTokenException|ok', '200 HIT');
ok(at_rest, 'nothing is left');

=== TEST 13: no credentials
--- env
AWS_ENDPOINT_URL_STS=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
--- http_config eval
::server('/register',
    'marketplace_assume_role arn:aws:iam::111122223333:role/seller;')
--- config eval: $::at_rest
--- test
my $denied = 'error:AccessDenied:403';
answers('sts.AssumeRole' => "seq:hold:$denied|$denied");

my @clients = begin(50, 'ok');
ok(busy(50), 'all there');
release(1, 'sts.AssumeRole');
are_answered('1 * 500 NoCredentials MISS, 49 * 500 NoCredentials SHARED',
    \@clients, 'all fail');
is(standin(GET => 'count?operation=sts.AssumeRole') + 0, 1, 'asked once');
is_outcome('ok', '500 NoCredentials MISS', undef, 'soon after');
is(calls(), 0, 'no calls');

answers('sts.AssumeRole' => 'ok');
ok(wait_until { my ($client) = begin(1, 'ok'); all_of($client) =~ /^\S+ 200/ },
    'later it works');
is_outcome('ok', '200 HIT');
ok(at_rest, 'nothing is left');

=== TEST 14: the client of the request that calls goes away
--- http_config eval: ::server('/register', '')
--- config eval: $::at_rest
--- test
for (@ways) {
    my ($name, $leave) = @$_;

    standin(POST => 'reset');

    my ($first) = begin(1, "seq:hang|hold:ok-$name");
    is_asked(1);

    my @others = begin(10, "seq:hang|hold:ok-$name");
    ok(busy(11), "$name: the others wait");

    $leave->($first);
    ok(busy(10), 'they wait on');
    release(2);
    are_answered('1 * 200 MISS, 9 * 200 SHARED', \@others,
        'another one has taken over');
    is(calls(), 2, 'one call more');
    undef $first;
    ok(at_rest, 'nothing is left');
}

=== TEST 15: its worker is killed
--- http_config eval: ::server('/register', '')
--- config eval: $::at_rest
--- test
my ($one, $other) = worker_processes();
my $first = begin_at($one, 'seq:hang|hold:ok');

is_asked(1);

my @others = map { begin_at($other, 'seq:hang|hold:ok') } 1 .. 10;
ok(busy(11), 'the others wait');

kill KILL => $one;

like(all_of($first), qr/^$/, 'it has failed');
release(2);
are_answered('1 * 200 MISS, 9 * 200 SHARED', \@others,
    'another one has taken over');
is(calls(), 2, 'one call more');
ok(wait_until { my @now = worker_processes();
    @now == 2 && !grep { $_ == $one } @now }, 'there is another worker');

my ($new) = grep { $_ != $other } worker_processes();
are_answered('2 * 200 HIT',
    [map { begin_at($_, 'seq:hang|hold:ok') } $new, $other], 'both have it');
--- error_log eval
qr/\[alert\] .* exited on signal 9/

=== TEST 16: clients that wait go away
--- http_config eval: ::server('/register', '')
--- config eval: $::at_rest
--- test
my ($first) = begin(1, 'seq:hang|hold:ok');
is_asked(1);

for (@ways) {
    my ($name, $leave) = @$_;
    my @others = begin(20, 'seq:hang|hold:ok');

    ok(busy(21), "$name: they wait");
    $leave->($_) for @others;
    ok(busy(1), "$name: no more");
}

is(calls(), 1, 'no other call');
my @others = begin(5, 'seq:hang|hold:ok');
ok(busy(6), 'others wait');
close $first;
ok(busy(5), 'they wait on');
release(2);
are_answered('1 * 200 MISS, 4 * 200 SHARED', \@others, 'they resolve');
is(calls(), 2, 'one call more');

my @clients = begin(20, 'hang');
ok(busy(20), 'all there');
undef @clients;
undef $first;
ok(at_rest, 'nothing is left when all go');

=== TEST 17: nobody waits longer than marketplace_timeout
--- http_config eval
::server('/patient', '', '/impatient', 'marketplace_timeout 600ms;',
    '/less-patient', 'marketplace_timeout 3s;')
--- config eval: $::at_rest
--- test
my ($first) = begin(1, 'hold:ok', '/patient');
is_asked(1);

my @answers = map { all_of($_) } begin(20, 'hold:ok', '/impatient');

is(scalar(grep { outcome($_) =~ /^504 Timeout\b/ } @answers), 20,
    'who has less time');
is(scalar(grep { header($_, 'X-Time') >= 0.6 } @answers), 20, 'has used it');
ok(!IO::Select->new($first)->can_read(0), 'and has not waited for the answer');

release(1);
are_answered('1 * 200 MISS', [$first], 'who has more');
is(calls(), 1, 'one call');
is_outcome('hold:ok', '200 HIT', '/impatient', 'now all have it');

standin(POST => 'reset');

($first) = begin(1, 'seq:hang|hold:ok', '/less-patient');
is_asked(1);

my @others = begin(10, 'seq:hang|hold:ok', '/patient');
ok(busy(11), 'the others wait');

my $answer = all_of($first);
is(outcome($answer), '504 Timeout MISS', 'who calls has less time');
cmp_ok(header($answer, 'X-Time'), '>=', 3, 'and has used it');
ok(busy(10), 'the others wait on');
release(2);
are_answered('1 * 200 MISS, 9 * 200 SHARED', \@others, 'the others have more');
is(calls(), 2, 'one call more');
ok(at_rest, 'nothing is left');

=== TEST 18: what is shared by locations, and what is not
--- http_config eval
my $other = 'marketplace_credentials static id=AKIDOTHER'
    . ' secret=otherlrXUtnFEMI/K7MDENG+bPxRfiCEXAMPLEKEY;';
my $args = 'marketplace_token_source args;';

::server('/register', '', '/same', 'marketplace_timeout 7s;',
    '/code', 'marketplace_product_code something-else;',
    '/args', $args, '/both', 'marketplace_token_source body args;',
    '/optional', 'marketplace_resolve optional;',
    '/optional-code', 'marketplace_resolve optional;
        marketplace_product_code something-else;',
    '/region', 'marketplace_region eu-west-1;',
    '/endpoint', 'marketplace_endpoint http://localhost:$TEST_NGINX_AWS_HTTP;',
    '/account', $other)
--- config eval: $::at_rest
--- test
is_outcome('ok', '403 ProductCodeMismatch MISS', '/code');
is_outcome('ok', '200 HIT', $_) for qw(/register /same /both /optional);
is_outcome('ok', '403 ProductCodeMismatch HIT', '/code');
is_outcome('ok', '200 ProductCodeMismatch HIT', '/optional-code');
unlike(body(is_outcome('ok', '200 ProductCodeMismatch HIT', '/optional-code')),
    qr/arn:aws|\d{12}/, 'that says nothing of the customer');

my $answer = HTTP::Tiny->new->get('http://127.0.0.1:' . nginx_port('RAND_PORT_1')
    . '/args?x-amzn-marketplace-token=ok');
is("$answer->{status} $answer->{headers}{'x-cache'}", '200 HIT', 'args');
is(calls(), 1, 'one call');

is_outcome('ok', '200 MISS', $_) for qw(/region /endpoint);
is_outcome('ok', '200 HIT', $_) for qw(/region /endpoint);
is_outcome('ok', '400 InvalidTokenException MISS', '/account') for 1 .. 2;
is_outcome('ok', '200 HIT');
is(calls(), 5, 'a call for each, and each failure');

my @clients = map { begin(5, 'hold:ok', $_) } qw(/register /code /account);
ok(busy(15), 'all there');
release(7);

my (%outcomes, %caches);

for (map { outcome(all_of($_)) } @clients) {
    my ($outcome, $cache) = /(.*) (.*)/;
    $outcomes{$outcome}++;
    $caches{$cache}++;
}

is(join(', ', map { "$outcomes{$_} * $_" } sort keys %outcomes), '5 * 200, '
    . '5 * 400 InvalidTokenException, 5 * 403 ProductCodeMismatch', 'at once');
is(join(', ', map { "$caches{$_} * $_" } sort keys %caches),
    '2 * MISS, 13 * SHARED', 'from a call of each account');
is(calls(), 7, 'and no other');
ok(at_rest, 'nothing is left');

=== TEST 19: no token is in the shared memory
--- http_config eval: ::server('/register', '')
--- config eval: $::at_rest
--- test
my $memory;
my ($worker) = worker_processes();
my $done = is_outcome('ok-DONEHASXBEEN', '200 MISS');
my ($arn) = $done =~ /(arn:aws:\S+)/;

is_outcome('error:FAILEDHASXBEEN', '500 FAILEDHASXBEEN MISS');

my @clients = begin(10, 'hold:with:Extra=PENDINGXIS');
ok(busy(10), 'others wait');

$memory = shared_memory($worker);
like($memory, qr/\Q$arn\E/, 'what was answered is there');
unlike($memory, qr/DONEHASXBEEN|FAILEDHASXBEEN|PENDINGXIS/, 'no token');

# what a key is prepared to begins with the state of a hash over it

my ($state) = Digest::SHA->new(256)->add("\x36" x 64)->getstate =~ /^H:(.*)$/m;

is(index($memory, pack 'V8', map { hex } split /:/, $state), -1,
    'the key of the digests is not empty');
release(3);
are_answered('1 * 200 MISS, 9 * 200 SHARED', \@clients, 'resolved');

my @failing = begin(10, 'hold:error:InvalidTokenException:400::FAILSXNOW');
ok(busy(10), 'others wait');
release(4);
are_answered('1 * 400 InvalidTokenException MISS, '
    . '9 * 400 InvalidTokenException SHARED', \@failing, 'failed');

$memory = shared_memory($worker);
unlike($memory, qr/DONEHASXBEEN|hold:|error:|with:|x-amzn-marketplace/, 'no token');

=== TEST 20: a reload, and a zone of another size
--- http_config eval
"marketplace_cache_size 1m;" . ::server('/register', '')
--- config eval: $::at_rest
--- test
is_outcome('ok', '200 MISS');
ok(reload, 'a reload');
is_outcome('ok', '200 HIT');
ok(reconfigure('marketplace_cache_size 1m;', 'marketplace_cache_size 2m;'),
    'another size');
is_outcome('ok', '200 MISS');
is_outcome('ok', '200 HIT');
ok(reload, 'a reload');
is_outcome('ok', '200 HIT');
is(calls(), 2, 'two calls');

=== TEST 21: the smallest zone, and more tokens than fit
--- http_config eval
"marketplace_cache_size 32k;" . ::server('/register', '')
--- config eval: $::at_rest
--- test
for my $round (0 .. 5) {
    are_answered('50 * 200 MISS',
        [map { begin(1, 'ok-' . (50 * $round + $_)) } 1 .. 50], "round $round");
}

is_outcome('ok-300', '200 HIT', undef, 'a young one');
is_outcome('ok-1', '200 MISS', undef, 'an old one');
is_outcome('ok-1', '200 HIT', undef, 'again');

# calls that are under way may have to go, too

my @clients = map { begin(2, "hold:ok-$_") } 1 .. 300;
ok(busy(600), 'all there');

# who waits for one that had to go makes a call, nobody knows how often

my $all = IO::Select->new(@clients);
ok(wait_until { standin(POST => 'release'); $all->can_read(0) == 600 },
    'all come back');

my @answers = map { all_of($_) } @clients;
my @others = grep { !/^200 (?:MISS|SHARED|HIT)$/ } map { outcome($_) } @answers;
is(scalar @answers, 600, 'all are answered');
is(join("\n", @others), '', 'all resolve');
is(scalar logged(qr/ngx_slab_alloc\(\) failed/), 0, 'no complaint');
ok(at_rest, 'nothing is left');

=== TEST 22: optional mode
--- http_config eval
::server('/register', 'marketplace_resolve optional;')
--- config eval: $::at_rest
--- test
my @clients = begin(20, 'hold:error:ThrottlingException');
ok(busy(20), 'all there');
release(1);

my @answers = are_answered('1 * 200 ThrottlingException MISS, '
    . '19 * 200 ThrottlingException SHARED', \@clients, 'all go on');
is(scalar(grep { body($_) =~ /ThrottlingException/ } @answers), 20,
    'and say so');
is(scalar(grep { header($_, 'Retry-After') } @answers), 0, 'no Retry-After');
is_outcome('ok', '200 MISS');
is_outcome('ok', '200 HIT');

=== TEST 23: other credentials, other answers
--- env
AWS_ENDPOINT_URL_STS=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
--- http_config eval
my $profile = 'marketplace_credentials profile';
my $file = 'file=$TEST_NGINX_TMP/profiles';
my $role = 'marketplace_assume_role arn:aws:iam::111122223333:role';
my $elsewhere = 'marketplace_assume_role'
    . ' arn:aws:iam::777788889999:role/path/elsewhere;';

::server('/static', '', '/a', "$profile name=a $file;",
    '/a-too', "$profile name=a $file;", '/b', "$profile name=b $file;",
    '/c', "$profile name=c $file;", '/seller', "$role/seller;",
    '/seller-too', "$role/seller;", '/elsewhere', $elsewhere,
    '/denied', "$role/denied;", '/a-seller', "$profile name=a $file;
        $role/seller;", '/b-seller', "$profile name=b $file; $role/seller;")
--- config eval: $::at_rest
--- test
my @who = (
    ['/a', '111122223333 AKIDEXAMPLE -', '/a-too', '/static'],
    ['/c', '111122223333 AKIDSLASH -'],
    ['/seller', '111122223333 - seller', '/seller-too', '/a-seller'],
    ['/elsewhere', '777788889999 - elsewhere'],
    ['/b-seller', '111122223333 - seller']
);
my $n = 0;

# other keys and other roles, and what comes to the same ones

for (@who) {
    my ($path, undef, @same) = @$_;

    is_outcome('ok', '200 MISS', $path);
    is(calls(), ++$n, 'a call');
    is_outcome('ok', '200 HIT', $_) for $path, @same;
}

# what others have got is not for those who get nothing

is_outcome('ok', '400 InvalidTokenException MISS', '/b') for 1, 2;
is_outcome('ok', '500 AccessDeniedException MISS', '/denied') for 1, 2;
is(calls(), $n += 4, 'a call each');

is_outcome('ok', '200 HIT', $_->[0]) for @who;
is(calls(), $n, 'no other call');

my @callers = map { join ' ', $_->{account},
    $_->{role} ? ('-', $_->{role} =~ s{.*/}{}r) : ($_->{access_key}, '-') }
    sent 'ok';

is(join(', ', sort @callers), join(', ', sort +(map { $_->[1] } @who),
    ('444455556666 AKIDOTHER -', '111122223333 - denied') x 2),
    'who has called');

# at once

my @clients = map { begin(3, 'hold:ok', $_->[0]),
    map { begin(1, 'hold:ok', $_) } @$_[2 .. $#$_] } @who;
my @refused = begin(3, 'hold:ok', '/b');

ok(busy(@clients + @refused), 'all there');
release($n += @who + 1);
are_answered('5 * 200 MISS, 14 * 200 SHARED', \@clients, 'resolved');
are_answered('1 * 400 InvalidTokenException MISS, '
    . '2 * 400 InvalidTokenException SHARED', \@refused, 'refused');
is(calls(), $n, 'and no other');
ok(at_rest, 'nothing is left');

=== TEST 24: upstream blocks of the same host
--- http_config eval
join '', (map { <<"_EOC_" } qw(one other)), ::server(map { ("/$_", "marketplace_endpoint http://$_;") } qw(one other))
    upstream $_ {
        server 127.0.0.1:\$TEST_NGINX_AWS_HTTP;
    }
_EOC_
--- config eval: $::at_rest
--- test
is_outcome('ok', '200 MISS', $_) for qw(/one /other);
is_outcome('ok', '200 HIT', $_) for qw(/one /other);
is(calls(), 2, 'a call of each');

=== TEST 25: one location keeps answers for longer than another
--- http_config eval
::server('/long', 'marketplace_cache_valid 1h;',
    '/short', 'marketplace_cache_valid 1s;')
--- config eval: $::at_rest
--- test
my $token = 'seq:ok|error:ThrottlingException|error:ThrottlingException';

is_outcome($token, '200 MISS', '/long');
is_outcome($token, '503 ThrottlingException MISS', '/short');
is_outcome($token, '200 HIT', '/long');

=== TEST 26: false tokens take no place of good ones
--- http_config eval
"marketplace_cache_size 64k;" . ::server('/register', '')
--- config eval: $::at_rest
--- test
is_outcome("ok-$_", '200 MISS') for 1 .. 10;

# of a failure that somebody has waited for there is a trace

for my $round (1 .. 10) {
    my @clients = map { begin(2, 'hold:error:InvalidTokenException:400::'
        . "$round-$_ " . 'x' x 800) } 1 .. 15;

    release(15 * $round + 10);
    like(outcome(all_of($_)), qr/^400 /, 'refused') for @clients;
}

is_outcome("ok-$_", '200 HIT') for 1 .. 10;

=== TEST 27: its worker hangs
--- http_config eval
::server('/register', '', '/impatient', 'marketplace_timeout 600ms;')
--- config eval: $::at_rest
--- test
my ($one, $other) = worker_processes();
my $first = begin_at($one, 'hold:ok', '/impatient');

is_asked(1);

# nobody may be connected to it by chance from now on

my @others = map { connect_to('RAND_PORT_1', $other) } 1 .. 5;

kill STOP => $one;
begin_on($_, 'hold:ok') for @others;

release(2);
are_answered('1 * 200 MISS, 4 * 200 SHARED', \@others,
    'another one has taken over');

kill CONT => $one;
is_outcome('hold:ok', '200 HIT', undef, 'which they keep');
is(calls(), 2, 'one call more');
like(outcome(all_of($first)), qr/^\d+ /, 'the first one is answered');
