# What workers share: one fetch for all who need credentials, whoever of them
# begins it, goes away or ends.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT all_of frame begin_http2 connect_to reload
    worker_processes logged);

use IO::Select;
use Socket;
use Time::HiRes ();

# What a block does stays in the zone: once is enough.

repeat_each(1);
workers(2);
worker_connections(1024);
master_on();

open my $file, '>', "$ENV{TEST_NGINX_TMP}/web-identity" or die;
print $file "eyJhbGciOiJSUzI1NiJ9.FQoGZXIvYXdzEXAMPLE.signature\n";
close $file;

our $env = <<'_EOC_';
!AWS_EC2_METADATA_DISABLED
AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:$TEST_NGINX_AWS_HTTP/v1/credentials
AWS_ENDPOINT_URL_STS=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
AWS_ROLE_ARN=arn:aws:iam::111122223333:role/web
AWS_WEB_IDENTITY_TOKEN_FILE=$TEST_NGINX_TMP/web-identity
_EOC_

our $imds = 'marketplace_credentials imds;';
our $container = 'marketplace_credentials container;';
our $web_identity = 'marketplace_credentials web_identity;';
our $role = 'marketplace_assume_role arn:aws:iam::111122223333:role/seller;';

# Another source, for each number.

sub role {
    my $number = shift;

    return "$imds " . ($role =~ s/;/ session_name=number-$number;/r);
}

our %operation = (
    imds => 'imds.credentials',
    container => 'container',
    web_identity => 'sts.AssumeRoleWithWebIdentity',
    assume_role => 'sts.AssumeRole'
);

# A server with these locations, each with its directives, and with more time
# than a slow machine needs where they do not set it.  Every worker has a socket
# of its own for it, and so gets its share of the connections; there is another
# port for HTTP/2.  No application is asked: it would be too slow.

our $at_rest = <<'_EOC_';
    location = /at-rest {
        stub_status;
    }
_EOC_

sub server {
    my $locations = '';

    while (my ($path, $directives) = splice @_, 0, 2) {
        $locations .= <<"_EOC_";
        location = $path {
            marketplace_resolve on;
            $directives
            try_files /none \@resolved;
        }
_EOC_
    }

    return <<"_EOC_";
    marketplace_endpoint http://127.0.0.1:\$TEST_NGINX_AWS_HTTP;
    marketplace_connect_timeout 30s;
    marketplace_send_timeout 30s;
    marketplace_read_timeout 30s;
    marketplace_timeout 40s;
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_1 reuseport;
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_2 http2;
        add_header X-Error \$marketplace_error always;
        add_header X-Status \$marketplace_status always;
        add_header X-Time \$marketplace_time always;
        add_header X-Pid \$pid always;
        location = /pid {
            return 200 "\$pid\\n";
        }
        location \@resolved {
            return 200 "\$marketplace_customer_aws_account_id\\n";
        }
$locations
    }
_EOC_
}

sub begin {
    my ($count, $path) = @_;

    return map { begin_registering("ok-$_", port => 'RAND_PORT_1',
        path => $path // '/register') } 1 .. $count;
}

# The same with a worker of one's choice.

sub begin_at {
    my ($worker, $token, $path) = @_;

    my $client = connect_to('RAND_PORT_1', $worker);
    my $body = "x-amzn-marketplace-token=$token";

    $client->syswrite(join "\r\n", 'POST ' . ($path // '/register')
        . ' HTTP/1.1', 'Host: localhost', 'Connection: close',
        'Content-Type: application/x-www-form-urlencoded',
        'Content-Length: ' . length $body, '', $body);

    return $client;
}

# Registrations that the workers see at the same time, for fetches that cannot
# be held: the container and the metadata are given one second to answer.

sub at_once(&) {
    my $begin = shift;
    my @workers = worker_processes();

    kill STOP => @workers;
    my @clients = $begin->();
    kill CONT => @workers;

    return @clients;
}

# How often an operation, or all that a source asks for last, was asked for.

sub asked {
    my $operation = shift;

    return standin(GET => 'count?operation='
        . ($operation{$operation} // $operation)) + 0;
}

sub is_asked {
    my ($expected, @operations) = @_;

    is(asked($_), $expected, "$_: asked so often") for @operations;
}

# What is held goes on, when the operation has been asked for so often: what
# comes later is held for ever.

sub release {
    my ($count, $operation) = @_;

    ok(wait_until { asked($operation) == $count }, "$operation: asked");
    standin(POST => 'release');
}

# Whether they took as long as that, and not as long as others may.

sub are_in_time {
    my ($count, $least, @times) = @_;

    is(scalar(grep { $_ >= $least && $_ < 20 } @times), $count, 'in time');
}

# Whether all of them end so, as in "200 " or "504 Timeout"; returns the values
# of a header.

sub are_answered {
    my ($expected, $clients, $what, $header) = @_;

    my @answers = map { all_of($_) } @$clients;
    my %outcomes;

    for (@answers) {
        my ($status) = /^HTTP\S+ (\d+) / ? $1 : 'none';
        my ($error) = /^X-Error: (.*)\r$/m ? $1 : '';
        $outcomes{"$status $error"}++;
    }

    is(join(', ', map { "$outcomes{$_} * $_" } sort keys %outcomes),
        @$clients . " * $expected", $what);

    return map { /^$header: (.*)\r$/m } @answers if $header;
}

sub reset_connection {
    my $socket = shift;

    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0;
    close $socket;
}

# Requests that one client has begun, and a way for it to go.

our @ways = (
    ['HTTP/1, closed', sub { begin(1, shift) }, sub { close shift }],
    ['HTTP/1, reset', sub { begin(1, shift) }, \&reset_connection],
    ['HTTP/2, closed', sub { begin_http2('RAND_PORT_2', 'ok', [1], shift) },
        sub { close shift }],
    ['HTTP/2, reset', sub { begin_http2('RAND_PORT_2', 'ok', [1], shift) },
        \&reset_connection],
    ['HTTP/2, the stream', sub { begin_http2('RAND_PORT_2', 'ok', [1], shift) },
        sub { shift->syswrite(frame(3, 0, 1, pack 'N', 8)) }]
);

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

run_tests();

__DATA__

=== TEST 1: a cold start with 200 requests at once
--- env eval: $::env
--- http_config eval: ::server('/register', "$::imds $::role")
--- config eval: $::at_rest
--- test
my @operations = qw(imds.token imds.role imds.credentials sts.AssumeRole);

answers(map { $_ => $_ =~ /imds/ ? 'delay:200:ok' : 'hold:ok' } @operations);

my @clients = begin(200);

ok(busy(200), 'all there');
release(1, 'sts.AssumeRole');

my %workers = map { $_ => 1 }
    are_answered('200 ', \@clients, 'all resolved', 'X-Pid');

is(scalar keys %workers, 2, 'by both workers');
is_asked(1, @operations);
is_asked(200, 'metering.ResolveCustomer');
ok(at_rest, 'nothing is left');

=== TEST 2: the same with the other sources, in locations of one server
--- env eval: $::env
--- http_config eval
::server(map { ("/$_" => "marketplace_credentials $_;") }
    qw(container web_identity imds))
--- config eval: $::at_rest
--- test
answers($operation{container} => 'delay:600:ok',
    $operation{web_identity} => 'hold:ok',
    $operation{imds} => 'delay:600:ok');

my @clients = at_once { map { begin(40, "/$_") }
    qw(container web_identity imds) };

ok(busy(120), 'all there');
release(1, 'web_identity');
are_answered('200 ', \@clients, 'all resolved');
is_asked(1, qw(container web_identity imds imds.token imds.role));
ok(at_rest, 'nothing is left');

=== TEST 3: who waits for a fetch that fails fails with it
--- clock
--- env eval: $::env
--- http_config eval: ::server('/register', $::container)
--- config eval: $::at_rest
--- test
my ($clock, $tries) = (0, 0);

for my $row (['error:AccessDenied:403', 1], ['error:Trouble:500', 3],
    ['json:{}', 1])
{
    my ($answer, $n) = @$row;

    set_clock($clock += 10);
    standin(POST => 'reset');
    answers(container => "delay:600:$answer");

    my @clients = at_once { begin(50) };

    ok(busy(50), "$answer: all there");
    are_answered('500 NoCredentials', \@clients, "$answer: all fail");
    is_asked($n, 'container');

    are_answered('500 NoCredentials', [begin(5)], "$answer: soon after");
    is_asked($n, 'container');
    is_asked(0, 'metering.ResolveCustomer');
}

is(scalar logged(qr/\[error\] .* fetching credentials failed/), 3,
    'one line each');

answers(container => 'ok');
standin(POST => 'reset');
set_clock($clock += 3);
are_answered('200 ', [begin(50)], 'later it works');
is_asked(1, 'container');
ok(at_rest, 'nothing is left');

=== TEST 4: the client of the request that fetches goes away
--- env eval: $::env
--- http_config eval
::server('/web', $::web_identity, map { ("/$_", ::role($_)) } 0 .. $#::ways)
--- config eval: $::at_rest
--- test
for my $n (0 .. $#ways) {
    my ($name, $begin, $leave) = @{ $ways[$n] };

    standin(POST => 'reset');
    answers($operation{assume_role} => 'seq:hang|ok');

    my ($first) = $begin->("/$n");
    ok(wait_until { asked('assume_role') == 1 }, "$name: asked");

    my @others = begin(10, "/$n");
    ok(busy(11), "$name: the others wait");

    $leave->($first);
    are_answered('200 ', \@others, "$name: another one has taken over");
    is_asked(2, 'assume_role');
    undef $first;
    ok(at_rest, "$name: nothing is left");
}

standin(POST => 'reset');
answers($operation{web_identity} => 'seq:hang|hang|ok');

my @clients = begin(1, '/web');
ok(wait_until { asked('web_identity') == 1 }, 'asked');

push @clients, begin(10, '/web');
ok(busy(11), 'the others wait');

close shift @clients;
ok(wait_until { asked('web_identity') == 2 }, 'one has taken over');

# nobody knows which: most of them go

push @clients, begin(2, '/web');
ok(busy(12), 'all there');
close $_ for splice @clients, 0, 10;
are_answered('200 ', \@clients, 'another one has taken over from that one');
cmp_ok(asked('web_identity'), '>', 2, 'and asked');
ok(at_rest, 'nothing is left');

=== TEST 5: its worker is killed
--- env eval: $::env
--- http_config eval: ::server('/register', "$::imds $::role")
--- config eval: $::at_rest
--- test
answers('sts.AssumeRole' => 'seq:hang|ok');

my ($one, $other) = worker_processes();
my $first = begin_at($one, 'ok-first');

ok(wait_until { asked('sts.AssumeRole') == 1 }, 'asked');

my @others = map { begin_at($other, "ok-$_") } 1 .. 10;
ok(busy(11), 'the others wait');

kill KILL => $one;

like(all_of($first), qr/^$/, 'it has failed');
are_answered('200 ', \@others, 'another one has taken over');

ok(wait_until { my @now = worker_processes();
    @now == 2 && !grep { $_ == $one } @now }, 'there is another worker');

my ($new) = grep { $_ != $other } worker_processes();
are_answered('200 ', [map { begin_at($_, 'ok') } $new, $other],
    'both workers go on');
is_asked(2, 'sts.AssumeRole');
is_asked(1, qw(imds.token imds.role imds.credentials));
--- error_log eval
qr/\[alert\] .* exited on signal 9/

=== TEST 6: nobody waits longer than marketplace_timeout
--- env eval: $::env
--- http_config eval
my $short = 'marketplace_timeout 600ms;';
::server((map { ("/$_", "marketplace_credentials $_; $short") }
        qw(container web_identity imds)),
    '/assume_role', ::role(1) . $short,
    '/patient', ::role(2), '/impatient', ::role(2) . $short)
--- config eval: $::at_rest
--- test
answers('imds.token' => 'hang', map { $_ => 'hang' } values %operation);

for my $path (qw(container web_identity imds assume_role)) {
    my @times = are_answered('504 Timeout', [begin(20, "/$path")],
        "$path: all in vain", 'X-Time');

    are_in_time(20, 0.6, @times);
}

answers(map { $_ => 'ok' } 'imds.token', 'imds.credentials');
answers('sts.AssumeRole' => 'hold:ok');
standin(POST => 'revoke');

my @clients = begin(1, '/patient');
ok(wait_until { asked('sts.AssumeRole') }, 'it fetches');

my $asked = asked('sts.AssumeRole');
my @times = are_answered('504 Timeout', [begin(20, '/impatient')],
    'who has less time', 'X-Time');

are_in_time(20, 0.6, @times);
release($asked, 'sts.AssumeRole');
are_answered('200 ', \@clients, 'who has more');
is_asked($asked, 'sts.AssumeRole');
ok(at_rest, 'nothing is left');

=== TEST 7: who gets them at the last moment has no more time either
--- env eval: $::env
--- http_config eval
::server(map { ("/patient-$_", ::role($_),
    "/impatient-$_", ::role($_) . 'marketplace_timeout 600ms;') } 1 .. 5)
--- config eval: $::at_rest
--- test
my ($one, $other) = worker_processes();

for my $n (1 .. 5) {
    standin(POST => 'reset');
    answers('sts.AssumeRole' => 'delay:750:ok');

    my $first = begin_at($one, 'ok', "/patient-$n");
    ok(wait_until { asked('sts.AssumeRole') == 1 }, 'it fetches');

    # the time of these ends when it is done, a moment before or behind that

    my $start = Time::HiRes::time() + 0.08;
    my @others;

    for (1 .. 40) {
        my $early = $start + $_ * 0.004 - Time::HiRes::time();

        Time::HiRes::sleep($early) if $early > 0;
        push @others, begin_at($other, 'hang', "/impatient-$n");
    }

    my @times = are_answered('504 Timeout', \@others, 'too late', 'X-Time');

    are_in_time(40, 0.6, @times);
    are_answered('200 ', [$first], 'who has fetched them');
}

ok(at_rest, 'nothing is left');

=== TEST 8: clients that wait go away
--- env eval: $::env
--- http_config eval: ::server('/register', $::web_identity)
--- config eval: $::at_rest
--- test
answers($operation{web_identity} => 'seq:hang|ok');

my ($first) = begin(1);
ok(wait_until { asked('web_identity') == 1 }, 'asked');

for (@ways) {
    my ($name, $begin, $leave) = @$_;
    my @others = map { $begin->('/register') } 1 .. 5;

    ok(busy(6), "$name: they wait");
    $leave->($_) for @others;
    ok(busy(1), "$name: no more");
}

my @others = begin(5);
ok(busy(6), 'others wait');

close $first;
are_answered('200 ', \@others, 'they resolve');
is_asked(2, 'web_identity');
ok(at_rest, 'nothing is left');

=== TEST 9: all clients go away
--- env eval: $::env
--- http_config eval: ::server('/register', "$::imds $::role")
--- config eval: $::at_rest
--- test
answers('sts.AssumeRole' => 'hang');

my @clients = begin(50);

ok(wait_until { asked('sts.AssumeRole') == 1 }, 'asked');
ok(busy(50), 'all there');
undef @clients;
ok(at_rest, 'nothing is left');

answers('sts.AssumeRole' => 'ok');
are_answered('200 ', [begin(10)], 'others resolve');
is_asked(1, qw(imds.token imds.role imds.credentials));

=== TEST 10: a reload keeps them
--- env eval: $::env
--- http_config eval
::server('/role', "$::imds $::role",
    map { ("/$_", "marketplace_credentials $_;") } qw(container web_identity))
--- config eval: $::at_rest
--- test
my @all = qw(imds.token imds.role imds.credentials sts.AssumeRole container
    web_identity);
my $resolve = sub {
    my $what = shift;

    are_answered('200 ', [map { begin(5, "/$_") }
        qw(role container web_identity)], $what);
    is_asked(1, @all);
};

$resolve->('before');
ok(reload, 'a reload');
is_asked(1, @all);
$resolve->('behind it');
ok(reconfigure('marketplace_credentials container;',
    'marketplace_timeout 9s; marketplace_credentials container;'),
    'another configuration');
$resolve->('behind that');

=== TEST 11: a reload during a fetch
--- env eval: $::env
--- http_config eval: ::server('/register', "$::imds $::role")
--- config eval: $::at_rest
--- test
my %old = map { $_ => 1 } worker_processes();

answers('sts.AssumeRole' => 'hold:ok');

my @clients = begin(20);
ok(wait_until { asked('sts.AssumeRole') == 1 }, 'asked');
ok(busy(20), 'all there');

kill HUP => Marketplace::master();

ok(wait_until { 2 == grep { !$old{$_} } worker_processes() }, 'new workers');
is(scalar worker_processes(), 4, 'the old ones are there, too');
ok(wait_until { 2 == logged(qr/gracefully shutting down/) },
    'and take in nobody');

push @clients, begin(20);
ok(busy(40), 'all there');
release(1, 'sts.AssumeRole');

my %workers = map { $_ => 1 }
    are_answered('200 ', \@clients, 'all resolved', 'X-Pid');

is_asked(1, qw(imds.token imds.role imds.credentials sts.AssumeRole));
cmp_ok(scalar(grep { $old{$_} } keys %workers), '>', 0, 'by old workers');
cmp_ok(scalar(grep { !$old{$_} } keys %workers), '>', 0, 'and by new ones');
ok(wait_until { !grep { $old{$_} } worker_processes() }, 'the old ones go');
ok(at_rest, 'nothing is left');

=== TEST 12: a zone of another size starts afresh
--- env eval: $::env
--- http_config eval
"marketplace_cache_size 1m;" . ::server('/register', "$::imds $::role")
--- config eval: $::at_rest
--- test
are_answered('200 ', [begin(5)], 'before');
is_asked(1, qw(imds.token imds.credentials sts.AssumeRole));
ok(reconfigure('marketplace_cache_size 1m;', 'marketplace_cache_size 2m;'),
    'a reload');
are_answered('200 ', [begin(5)], 'behind it');
is_asked(2, qw(imds.token imds.credentials sts.AssumeRole));
ok(reload, 'another one');
are_answered('200 ', [begin(5)], 'behind that');
is_asked(2, qw(imds.token imds.credentials sts.AssumeRole));

=== TEST 13: the smallest zone, and more sources than fit
--- env eval: $::env
--- http_config eval
"marketplace_cache_size 32k;"
    . ::server(map { ("/$_", ::role($_)) } 1 .. 40)
--- config eval: $::at_rest
--- test
my ($one, $other) = worker_processes();

# what was used last is there for all workers

are_answered('200 ', [begin_at($one, 'ok', "/$_")], "source $_") for 1 .. 40;
is_asked(40, 'sts.AssumeRole');
are_answered('200 ', [begin_at($other, 'ok', "/$_")], "source $_ again")
    for reverse 38 .. 40;
is_asked(40, 'sts.AssumeRole');

are_answered('200 ', [map { begin(1, "/$_") } 1 .. 40], "round $_")
    for 1 .. 2;

# what has gone from there is renewed as well

standin(POST => 'revoke');

my @statuses = are_answered('200 ', [map { begin(1, "/$_") } 1 .. 40],
    'when AWS knows them no more', 'X-Status');

is(scalar(grep { /200$/ } @statuses), 40, 'renewed');
is(scalar logged(qr/ngx_slab_alloc\(\) failed/), 0, 'no complaint');
ok(at_rest, 'nothing is left');

=== TEST 14: the same source in several locations, and different ones
--- env eval: $::env
--- http_config eval
my $arn = 'arn:aws:iam::111122223333:role';
::server('/a', "$::imds $::role", '/b', "$::imds $::role",
    '/c', "$::imds marketplace_assume_role $arn/external
        external_id=standin-external-id;",
    '/d', "$::imds marketplace_assume_role $arn/seller session_name=other;",
    '/e', "$::imds marketplace_assume_role $arn/seller duration=1h;",
    '/f', "$::container $::role",
    '/g', "$::imds marketplace_assume_role
        arn:aws:iam::777788889999:role/path/elsewhere;",
    '/h', $::container, '/i', $::container, '/j', $::imds, '/k', $::imds)
--- config eval: $::at_rest
--- test
are_answered('200 ', [map { begin(10, "/$_") } 'a' .. 'k'], 'all resolved');

is_asked(1, qw(imds.token imds.role imds.credentials container));
is_asked(6, 'sts.AssumeRole');

my %keys;

for my $path ('a' .. 'k') {
    my $token = "ok-of-$path";

    is(register($token, port => 'RAND_PORT_1', path => "/$path")->{status},
        200, "$path: resolved");

    my ($call) = sent $token;
    $keys{$path} = "$call->{access_key} $call->{role} $call->{issued_by}";
}

is($keys{a}, $keys{b}, 'one role');
is($keys{h}, $keys{i}, 'one container');
is($keys{j}, $keys{k}, 'one instance');

my %different = reverse %keys;
is(scalar keys %different, 8, 'and no other is the same');
like($keys{c}, qr{ \S+:role/external sts\.AssumeRole$}, 'c has its role');
like($keys{g}, qr{ \S+:role/path/elsewhere sts\.AssumeRole$}, 'g has its role');
is_asked(6, 'sts.AssumeRole');

=== TEST 15: nothing is fetched while no request needs it
--- env eval: $::env
--- http_config eval
::server('/register', "$::imds $::role", '/optional',
    "marketplace_resolve optional; $::imds $::role") =~
    s/marketplace_resolve on;(?=\s+marketplace_resolve)//r
--- config eval: $::at_rest
--- test
my $url = 'http://127.0.0.1:' . nginx_port('RAND_PORT_1');
my $form = 'application/x-www-form-urlencoded';
my $field = 'x-amzn-marketplace-token';

for (1 .. 2) {
    for my $path (qw(/register /optional)) {
        for my $method (qw(GET HEAD PUT)) {
            is(HTTP::Tiny->new->request($method, "$url$path")->{status},
                200, "$method $path");
        }

        for my $row (['other=1', 'MissingToken'],
            ["$field=a&$field=b", 'InvalidRequest'],
            ["$field=" . 'x' x 9000, 'TokenTooLarge'])
        {
            my ($body, $error) = @$row;
            my $response = HTTP::Tiny->new->post("$url$path", {
                content => $body, headers => { 'Content-Type' => $form } });

            is($response->{headers}{'x-error'}, $error, "$error $path");
        }
    }

    ok(reload, 'a reload');
}

is(standin(GET => 'count?service=all') + 0, 0, 'nobody was asked');
are_answered('200 ', [begin(1)], 'now it is needed');
is_asked(1, qw(imds.token imds.role imds.credentials sts.AssumeRole));

=== TEST 16: many reloads under load
--- clock
--- env eval: $::env
--- http_config eval
::server('/role', "$::imds $::role",
    map { ("/$_", "marketplace_credentials $_;") } qw(container web_identity))
--- config eval: $::at_rest
--- test
my $requests = sub { map { begin(shift, "/$_") }
    qw(role container web_identity) };

answers(map { $_ => 'delay:100:ok' } values %operation);

for my $round (1 .. 12) {
    my @clients = begin(5, '/role');

    kill HUP => Marketplace::master();
    push @clients, map { begin(5, "/$_") } qw(container web_identity);
    set_clock(10 * $round);
    standin(POST => 'revoke') if $round % 4 == 0;
    are_answered('200 ', \@clients, "round $round");
}

ok(wait_until { worker_processes() == 2 }, 'no old workers are left');
are_answered('200 ', [map { begin(5, "/$_") }
    qw(role container web_identity)], 'it works on');
ok(at_rest, 'nothing is left');

=== TEST 17: one worker renews them, another one goes on, and then has them too
--- clock
--- env eval: $::env
--- http_config eval: ::server('/register', "$::imds $::role")
--- config eval: $::at_rest
--- test
my ($one, $other) = worker_processes();
my $key = sub {
    my ($worker, $token) = @_;

    are_answered('200 ', [begin_at($worker, $token)], $token);

    return join ' ', map { $_->{access_key} } sent $token;
};

settings(lifetime => 3600);
set_clock(0);

my $old = $key->($one, 'ok-one');
is($key->($other, 'ok-other'), $old, 'both have the same ones');

set_clock(3600 - 299);
answers('sts.AssumeRole' => 'hold:ok');

my $first = begin_at($one, 'ok-renews');
ok(wait_until { asked('sts.AssumeRole') == 2 }, 'one renews them');
is($key->($other, "ok-while-$_"), $old, 'the other one goes on') for 1 .. 5;
is($key->($one, 'ok-while-6'), $old, 'so does the first one');
ok(!IO::Select->new($first)->can_read(0), 'nobody has waited for it');

release(2, 'sts.AssumeRole');
are_answered('200 ', [$first], 'renewed');
answers('sts.AssumeRole' => 'ok');
my $new = $key->($other, 'ok-new');
isnt($new, $old, 'the other one has the new ones');
is($key->($one, 'ok-new-too'), $new, 'so has the first one');
is_asked(2, 'sts.AssumeRole');

# AWS tells only one of them that they are no good

standin(POST => 'revoke');
set_clock(3600 - 200);
like($key->($one, 'ok-again'), qr/^$new ASIA\w+$/, 'one renews them at once');
like($key->($other, 'ok-better'), qr/^ASIA\w+$/,
    'the other one uses the new ones at once');
is_asked(4, 'sts.AssumeRole');

=== TEST 18: AWS refuses many requests of both workers: one renewal
--- clock
--- env eval: $::env
--- http_config eval: ::server('/register', $::container)
--- config eval: $::at_rest
--- test
are_answered('200 ', [begin(20)], 'before');

for my $round (1 .. 3) {
    set_clock(10 * $round);
    standin(POST => 'revoke');
    answers(container => 'delay:400:ok');

    are_answered('200 ', [begin(100)], 'all resolved');
    is_asked(1 + $round, 'container');
}

ok(at_rest, 'nothing is left');
