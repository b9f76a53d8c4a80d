# The status page: what raises which counter, by whom, and what is no business
# of it.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT all_of connect_to reload worker_processes);

use IO::Uncompress::Gunzip 'gunzip';
use JSON::PP ();

# What a block does stays in the zone: once is enough.

repeat_each(1);
workers(2);
worker_connections(2048);
master_on();

# A port where nobody listens.

our $closed = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp');
$ENV{TEST_NGINX_CLOSED} = $closed->sockport;

our $pages = <<'_EOC_';
    location = /status {
        marketplace_status;
    }
    location = /at-rest {
        stub_status;
    }
_EOC_

# A server with these locations, each with its directives, and what else there
# is to be in it; every worker has a socket of its own for it.

sub server {
    my ($more, %locations) = @_;

    $_ = "marketplace_resolve on; $_"
        for grep { !/marketplace_resolve / } values %locations;

    my $locations = CORE::join '', map { <<"_EOC_" } sort keys %locations;
        location = $_ {
            try_files /none \@resolved;
            $locations{$_}
        }
_EOC_

    return <<"_EOC_";
$::aws
    add_header X-Error \$marketplace_error always;
    add_header X-Cache \$marketplace_cache_status always;
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_1 reuseport;
        location = /pid {
            return 200 "\$pid\\n";
        }
        location \@resolved {
            return 200 "\$marketplace_license_arn\\n";
        }
$more
$locations
    }
_EOC_
}

our $long = 'marketplace_read_timeout 30s; marketplace_timeout 40s;';

sub page {
    my ($path, %headers) = @_;

    return HTTP::Tiny->new(keep_alive => 0)->get('http://127.0.0.1:'
        . nginx_port() . ($path // '/status'), {headers => \%headers});
}

# The numbers on the page by what they are of, in short.

sub numbers {
    my $text = page(@_)->{content};

    return { $text =~ /^nginx_marketplace_(\S+) (\S+)$/mg };
}

sub number {
    return numbers()->{+shift};
}

# What has become of numbers, as in "retries_total +1".  How long something
# took is nobody's to say, and what is left of credentials passes by itself.

sub changes {
    my ($before, $after) = @_;

    return CORE::join ', ', map {
        sprintf '%s %+d', $_, $after->{$_} - ($before->{$_} // 0)
    } grep {
        !/_sum$|_bucket\{le="[\d.]+"|^credentials_expire_/
            && $after->{$_} != ($before->{$_} // 0)
    } sort keys %$after;
}

# Whether that is what something changes, and nothing else.  What is expected
# is in short: "outcome" is resolves_total by its name and so on.

our %names = (
    (map { $_ => "resolves_total{outcome=\"$_\"}" } qw(resolved aborted other
        internal_error MissingToken InvalidRequest TokenTooLarge Timeout
        InvalidTokenException ExpiredTokenException ProductCodeMismatch
        ThrottlingException InternalServiceErrorException ConnectionError
        InvalidResponse DisabledApiException AccessDeniedException
        ExpiredCredentials InvalidSignatureException NoCredentials
        SessionTooLarge)),
    (map { $_ => "attempts_total{status=\"$_\"}" } 200, 400, 401, 403, 404,
        408, 413, 429, 500, 502 .. 504, 'none'),
    status_other => 'attempts_total{status="other"}',
    (map { $_ => "cache_requests_total{result=\"$_\"}" } qw(miss hit shared
        bypass)),
    evictions => 'cache_evictions_total',
    retries => 'retries_total',
    calls_in_flight => 'calls_in_flight',
    calls => 'call_duration_seconds_count',
    times => 'resolve_duration_seconds_count',
    (map { my $source = $_;
        map { ("$source-$_" => 'credential_renewals_total{source="'
                . "$source\",outcome=\"$_\"}") } qw(success failure)
    } qw(imds container web_identity assume_role))
);

sub expected {
    my $short = shift;
    my @expected;

    while ($short =~ /(\S+?)(?:\*(\d+))?(?:\s+|$)/g) {
        my ($name, $count) = ($1, $2 // 1);
        die "no name: $name" unless $names{$name};

        push @expected, "$names{$name} +$count";

        # what is counted is in a bucket, too

        push @expected, $names{$name} =~ s/_count$/_bucket{le="+Inf"}/r
            . " +$count" if $name =~ /^(?:calls|times)$/;
    }

    return CORE::join ', ', sort @expected;
}

sub changes_are {
    my ($before, $expected, $what) = @_;

    $expected = expected($expected);
    wait_until { changes($before, numbers()) eq $expected };
    is(changes($before, numbers()), $expected, $what);
}

sub post {
    my ($token, $path) = @_;

    return register($token, port => 'RAND_PORT_1', path => $path);
}

sub raises {
    my ($token, $expected, $path) = @_;

    my $before = numbers();

    post($token, $path);

    # when it is answered, it is counted

    is(changes($before, numbers()), expected($expected),
        CORE::join ' ', $path // '', substr $token, 0, 60);
}

sub begin {
    my ($count, $token, $path) = @_;

    return map { begin_registering($token, port => 'RAND_PORT_1',
        path => $path) } 1 .. $count;
}

# The same with a worker of one's choice.

sub begin_at {
    my ($worker, $token, $path) = @_;

    my $client = connect_to('RAND_PORT_1', $worker);
    my $body = 'x-amzn-marketplace-token=' . Marketplace::percent($token);

    $client->syswrite(CORE::join "\r\n", 'POST ' . ($path // '/register')
        . ' HTTP/1.1', 'Host: localhost', 'Connection: close',
        'Content-Type: application/x-www-form-urlencoded',
        'Content-Length: ' . length $body, '', $body);

    return $client;
}

sub is_asked {
    my ($count, $operation) = @_;
    my $query = $operation ? "?operation=$operation" : '';

    ok(wait_until { standin(GET => "count$query") == $count },
        "asked: $count");
}

sub in_flight_becomes {
    my ($count, $what) = @_;

    wait_until { number('calls_in_flight') == $count };
    is(number('calls_in_flight'), $count, $what);
}

# Configurations that nginx does not start with.

add_block_preprocessor(sub {
    my $block = shift;

    my $words = $block->refused;
    return unless defined $words;
    chomp $words;

    $block->set_value('must_die', '1');
    $block->set_value('suppress_stderr', '');
    $block->set_value('error_log',
        qr/\[emerg\] \d+#\d+: \Q$words\E in \S+:\d+$/m);
});

our $env = <<'_EOC_';
!AWS_EC2_METADATA_DISABLED
AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:$TEST_NGINX_AWS_HTTP/v1/credentials
AWS_ENDPOINT_URL_STS=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
AWS_ROLE_ARN=arn:aws:iam::111122223333:role/web
AWS_WEB_IDENTITY_TOKEN_FILE=$TEST_NGINX_TMP/web-identity
AWS_ACCESS_KEY_ID=AKIDEXAMPLE
AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
_EOC_

our $role = 'marketplace_assume_role'
    . ' arn:aws:iam::111122223333:role/seller;';

our @sources = qw(imds container web_identity assume_role);

our %operation = (
    imds => 'imds.credentials',
    container => 'container',
    web_identity => 'sts.AssumeRoleWithWebIdentity',
    assume_role => 'sts.AssumeRole'
);

# A location for each source.

sub sources {
    my %more = @_;

    return server('', %more,
        (map { ("/$_" => "marketplace_credentials $_;") } @::sources[0 .. 2]),
        '/assume_role' => "marketplace_credentials env; $::role");
}

put('web-identity', "eyJhbGciOiJSUzI1NiJ9.FQoGZXIvYXdzEXAMPLE.signature\n");
put('keys', '000102030405060708090a0b0c0d0e0f' x 2 . "\n");
put('profiles', <<'_EOC_');
[base]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
[seller]
role_arn = arn:aws:iam::111122223333:role/seller
source_profile = base
_EOC_

sub put {
    my ($name, $text) = @_;

    open my $file, '>', "$ENV{TEST_NGINX_TMP}/$name" or die;
    print $file $text;
    close $file or die;
    chmod 0600, "$ENV{TEST_NGINX_TMP}/$name";
}

run_tests();

__DATA__

=== TEST 1: how registrations end
--- http_config eval
::server('', '/register' => 'marketplace_read_timeout 500ms;',
    '/optional' => 'marketplace_resolve optional;',
    '/product' => 'marketplace_product_code other;',
    '/denied' => 'marketplace_credentials static id=AKIDDENIED
        secret=deniedXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;',
    '/short' => 'marketplace_token_max_size 10;')
--- config eval: $::pages
--- test
my $resolve = 'bypass calls times';

raises(@$_) for
    ['ok', "resolved 200 $resolve"],
    ['ok', "resolved 200 $resolve", '/optional'],
    ['error:InvalidTokenException', "InvalidTokenException 400 $resolve"],
    ['error:InvalidTokenException', "InvalidTokenException 400 $resolve",
        '/optional'],
    ['error:ExpiredTokenException', "ExpiredTokenException 400 $resolve"],
    ['error:ThrottlingException', "ThrottlingException 400 $resolve"],
    ['error:SlowDown:503', "ThrottlingException 503 $resolve"],
    ['error:x:429:empty', "ThrottlingException 429 $resolve"],
    ['error:DisabledApiException', "DisabledApiException 400 $resolve"],
    ['error:AccessDeniedException:403', "AccessDeniedException 403 $resolve"],
    ['error:InternalServiceErrorException',
        "InternalServiceErrorException 500 $resolve"],
    ['status:502:html', "InternalServiceErrorException 502 $resolve"],
    ['status:504:html', "InternalServiceErrorException 504 $resolve"],
    ['status:507:html', "InternalServiceErrorException status_other $resolve"],
    ['error:SomethingElse:418', "other status_other $resolve"],
    ['error:resolved:400', "other 400 $resolve"],
    ['status:302:html', "InvalidResponse status_other $resolve"],
    ['html', "InvalidResponse 200 $resolve"],
    ['twolengths', "InvalidResponse none $resolve"],
    ['close:0:ok', "ConnectionError none $resolve"],
    ['hang', "Timeout none $resolve"],
    ['ok', "ProductCodeMismatch 200 $resolve", '/product'],
    ['', 'MissingToken'],
    ['longer-than-that', 'TokenTooLarge', '/short'];

my $before = numbers();
my $url = 'http://127.0.0.1:' . nginx_port('RAND_PORT_1');

HTTP::Tiny->new->post("$url/register", {content => 'x',
    headers => {'Content-Type' => 'text/plain'}});
changes_are($before, 'InvalidRequest', 'a body of another type');

$before = numbers();
HTTP::Tiny->new->get("$url/register");
HTTP::Tiny->new->get("$url/pid");
post('ok', '/pid');
page();
changes_are($before, '', 'what is no registration');

=== TEST 2: tries, one by one
--- http_config eval
::server('', '/register' => 'marketplace_tries 3;',
    '/two-addresses' => 'marketplace_endpoint http://two;',
    '/closed' => 'marketplace_tries 2;
        marketplace_endpoint http://127.0.0.1:$TEST_NGINX_CLOSED;')
    . <<'_EOC_'
    upstream two {
        server 127.0.0.1:$TEST_NGINX_CLOSED max_fails=0;
        server 127.0.0.1:$TEST_NGINX_AWS_HTTP max_fails=0;
    }
_EOC_
--- config eval: $::pages
--- test
raises('seq:error:InternalServiceErrorException|ok',
    'resolved bypass times 500 200 retries calls*2');
raises('seq:close:0:ok|status:503:html|ok',
    'resolved bypass times none 503 200 retries*2 calls*3');
raises('status:503:html', 'InternalServiceErrorException bypass times 503*3'
    . ' retries*2 calls*3');
raises('ok', 'ConnectionError bypass times none*2 retries calls*2',
    '/closed');

# of one call, with each address in turn

my $before = numbers();

post("ok-$_", '/two-addresses') for 1 .. 4;

my $failed = numbers()->{$::names{none}} - $before->{$::names{none}};

cmp_ok($failed, '>=', 1, 'an address failed');
changes_are($before, "resolved*4 bypass*4 times*4 200*4 none*$failed calls*4",
    'two addresses');

=== TEST 3: an answer that is there, or about to be
--- http_config eval
::server('', '/register' => "marketplace_cache_valid 5m; $::long")
--- config eval: $::pages
--- test
raises('ok', 'resolved 200 miss calls times');
raises('ok', 'resolved hit times') for 1 .. 3;

my $before = numbers();
my @clients = begin(5, 'hold:ok');

ok(busy(5), 'all there');
is_asked(2);
is(changes($before, numbers()), 'calls_in_flight +1', 'one call');
standin(POST => 'release');
like(all_of($_), qr/^HTTP\S+ 200 /, 'resolved') for @clients;
changes_are($before, 'resolved*5 miss shared*4 200 calls times*5',
    'four have waited');

$before = numbers();
@clients = begin(5, 'hold:error:InvalidTokenException');

ok(busy(5), 'all there');
is_asked(3);
standin(POST => 'release');
like(all_of($_), qr/^HTTP\S+ 400 /, 'refused') for @clients;
changes_are($before,
    'InvalidTokenException*5 miss shared*4 400 calls times*5', 'a failure');

$before = numbers();
@clients = begin(1, 'hold:new:1');
is_asked(4);
push @clients, begin(2, 'hold:new:1');
ok(busy(3), 'all there');

# those who wait go first: else one of them may come to call

splice @clients, 1;
ok(wait_until { changes($before, numbers()) =~ /"aborted"} \+2/ }, 'two go');
undef @clients;
changes_are($before, 'aborted*3 miss shared*2 times*3',
    'clients that do not wait');

=== TEST 4: what makes room for others
--- http_config eval
"marketplace_cache_size 32k;"
    . ::server('', '/register' => 'marketplace_cache_valid 5m;')
--- config eval: $::pages
--- test
for my $i (1 .. 10) {
    raises("ok-$i", 'resolved 200 miss calls times');
}

post("ok-$_") for 11 .. 300;

my $evictions = number('cache_evictions_total');

cmp_ok($evictions, '>', 100, 'some had to go');
cmp_ok($evictions, '<', 300, 'not all');

my $before = numbers();
post('ok-300');
changes_are($before, 'resolved hit times', 'a young one is there');

=== TEST 5: all workers count together, and a reload changes nothing
--- http_config eval: ::server('', '/register' => '')
--- config eval: $::pages
--- test
my $before = numbers();

for my $worker (worker_processes()) {
    like(all_of(begin_at($worker, 'ok')), qr/^HTTP\S+ 200 /, 'resolved')
        for 1 .. 3;
}

my $all = 'resolved*6 200*6 bypass*6 calls*6 times*6';

changes_are($before, $all, 'both');

my $after = numbers();
ok(reload, 'a reload');
is_deeply(numbers(), $after, 'the same');

# a zone of another size is another one

my $file = $Test::Nginx::Util::ConfFile;
local $/;

open my $in, '<', $file or die;
my $text = <$in> =~ s/http \{/http {\nmarketplace_cache_size 2m;/r;
close $in;

open my $out, '>', $file or die;
print $out $text;
close $out;

ok(reload, 'another size');
is_deeply(numbers(), $before, 'from the start');
raises('ok', 'resolved 200 bypass calls times');

=== TEST 6: calls in flight, and clients that go away
--- http_config eval: ::server('', '/register' => $::long)
--- config eval: $::pages
--- test
is(number('calls_in_flight'), 0, 'none');

my @clients = begin(3, 'hold:ok');

in_flight_becomes(3, 'three');
is_asked(3);
standin(POST => 'release');
like(all_of($_), qr/^HTTP\S+ 200 /, 'resolved') for @clients;
is(number('calls_in_flight'), 0, 'none');

my $before = numbers();

@clients = begin(4, 'hang');
in_flight_becomes(4, 'four');
pop @clients;
in_flight_becomes(3, 'one less');
undef @clients;
in_flight_becomes(0, 'none');
changes_are($before, 'aborted*4 bypass*4 times*4', 'aborted');

=== TEST 7: calls in flight of a worker that is killed
--- http_config eval: ::server('', '/register' => $::long)
--- config eval: $::pages
--- test
my ($one, $other) = worker_processes();
my @lost = map { begin_at($one, 'hang') } 1 .. 3;
my @kept = map { begin_at($other, 'hold:ok') } 1 .. 2;

in_flight_becomes(5, 'of both');
is_asked(5);

kill KILL => $one;
in_flight_becomes(2, 'of the other');
is(all_of($_), '', 'lost') for @lost;

ok(wait_until { worker_processes() == 2 }, 'another worker');

my ($new) = grep { $_ != $other } worker_processes();
my $again = begin_at($new, 'hang');

in_flight_becomes(3, 'of the new one');
close $again;
in_flight_becomes(2, 'no more');

standin(POST => 'release');
like(all_of($_), qr/^HTTP\S+ 200 /, 'resolved') for @kept;
is(number('calls_in_flight'), 0, 'none');

=== TEST 8: the same of workers that have a reload behind them
--- http_config eval: ::server('', '/register' => $::long)
--- config eval: $::pages
--- test
my ($one, $other) = worker_processes();
my @lost = map { begin_at($one, 'hang') } 1 .. 3;
my @kept = map { begin_at($other, 'hold:ok') } 1 .. 2;

in_flight_becomes(5, 'of both');
is_asked(5);

kill HUP => Marketplace::master();
ok(wait_until { worker_processes() == 4 }, 'two more workers');

# until the old ones listen no more, nobody knows who gets a connection

ok(wait_until { all_of(connect_and_ask()) !~ /\n(?:$one|$other)\n/ },
    'the old ones listen no more') for 1 .. 20;

sub connect_and_ask {
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => nginx_port('RAND_PORT_1')) // die;
    $client->syswrite("GET /pid HTTP/1.0\r\n\r\n");
    return $client;
}

is(number('calls_in_flight'), 5, 'they are counted still');

my ($more) = begin(1, 'hang');
in_flight_becomes(6, 'and those of others');
close $more;
in_flight_becomes(5, 'no more');

kill KILL => $one;
in_flight_becomes(2, 'nobody takes the place of one that was shutting down');
is(all_of($_), '', 'lost') for @lost;

standin(POST => 'release');
like(all_of($_), qr/^HTTP\S+ 200 /, 'resolved') for @kept;
in_flight_becomes(0, 'none');
ok(wait_until { worker_processes() == 2 }, 'the old ones are gone');

=== TEST 9: requests that end early are counted once
--- env eval: $::env
--- http_config eval
::server('client_body_timeout 1s;',
    '/register' => "marketplace_tries 3; $::long",
    '/role' => "$::role $::long", '/after' => "$::long post_action /register;",
    '/body' => '')
--- config eval: $::pages
--- test
my $before = numbers();
my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => nginx_port('RAND_PORT_1')) // die;
my $head = CORE::join "\r\n", 'POST /body HTTP/1.1', 'Host: localhost',
    'Content-Type: application/x-www-form-urlencoded', 'Content-Length: 100';

$client->syswrite("$head\r\n\r\nx-amzn-market");
ok(busy(1), 'a body is read');
close $client;
changes_are($before, 'aborted', 'in the middle of the body');

$before = numbers();
like(raw("$head\r\n\r\nx-amzn-market", 'RAND_PORT_1'), qr/^$/, 'no answer');
changes_are($before, 'aborted', 'a body that does not come');

$before = numbers();
($client) = begin(1, 'hang');
in_flight_becomes(1, 'a call');
close $client;
changes_are($before, 'aborted bypass times', 'in the middle of a call');

$before = numbers();
($client) = begin(1, 'header:x-amz-retry-after=4000:status:503:html');
ok(wait_until { number($::names{503}) == 1 }, 'a call that is made again');
is(number('calls_in_flight'), 0, 'later');
close $client;
changes_are($before, 'aborted bypass times 503 calls', 'before the next one');

$before = numbers();
answers('sts.AssumeRole' => 'hang');
($client) = begin(1, 'ok', '/role');
is_asked(1, 'sts.AssumeRole');
is(number('calls_in_flight'), 0, 'STS is another service');
close $client;
changes_are($before, 'aborted bypass times', 'without credentials');

$before = numbers();
($client) = begin(1, 'hang', '/after');
in_flight_becomes(1, 'a call');
close $client;
changes_are($before, 'aborted bypass times', 'with a post_action');
ok(at_rest, 'nothing is left');

$before = numbers();
post('ok', '/after');
ok(at_rest, 'the post_action is over');
changes_are($before, 'resolved 200 bypass calls times', 'and is none');

=== TEST 10: requests that are redirected are counted once
--- http_config eval
::server(<<'_EOC_',
        location /error {
            error_page 400 500 502 = /other;
            marketplace_resolve on;
        }
        location /named {
            error_page 400 = @other;
            marketplace_resolve on;
        }
        location @other {
            marketplace_resolve on;
            return 200 other;
        }
        location /rewritten {
            marketplace_resolve on;
            try_files /none /other;
        }
        location /accel {
            marketplace_resolve on;
            proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/accelerated;
        }
        location /accelerated {
            add_header X-Accel-Redirect /other;
            return 200;
        }
_EOC_
    '/other' => '', '/register' => '')
--- config eval: $::pages
--- test
raises('error:InvalidTokenException',
    'InvalidTokenException 400 bypass calls times', $_) for qw(/error /named);
raises('close:0:ok', 'ConnectionError none bypass calls times', '/error');
raises('ok', 'resolved 200 bypass calls times', $_)
    for qw(/rewritten /accel);

=== TEST 11: credentials
--- clock
--- env eval: $::env
--- http_config eval: ::sources()
--- config eval: $::pages
--- test
my $resolve = 'resolved 200 bypass calls times';

is(scalar(grep { /expire/ } keys %{numbers()}), 0, 'no credentials');

for my $source (@::sources) {
    my $left = "credentials_expire_in_seconds{source=\"$source\"}";
    my $before = numbers();
    my $operation = $::operation{$source};

    settings(lifetime => 3600, operation => $operation);
    set_clock(0);
    post('ok', "/$source");

    my $now = numbers();

    is($now->{$left}, 3600, "$source: an hour");
    is(changes($before, $now), expected("$resolve $source-success"),
        "$source: fetched");

    raises('ok', $resolve, "/$source");

    # 301 seconds before the end they are used, 299 before it renewed

    set_clock(3600 - 301);
    raises('ok', $resolve, "/$source");
    is(number($left), 301, "$source: that is what is left");

    answers($operation => 'error:AccessDenied:403');
    set_clock(3600 - 299);
    raises('ok', "$resolve $source-failure", "/$source");
    raises('ok', $resolve, "/$source");
    is(number($left), 299, "$source: the old ones");

    answers($operation => 'ok');
    set_clock(3600 - 268);

    $before = numbers();
    post('ok', "/$source");
    $now = numbers();
    is($now->{$left}, 3600, "$source: an hour again");
    is(changes($before, $now), expected("$resolve $source-success"),
        "$source: renewed");

    set_clock(3600 - 268 + 3610);
    is(number($left), -10, "$source: nobody has wanted others");

    # those of an instance are used beyond their end, and AWS then is asked

    answers($operation => 'error:AccessDenied:403');
    raises('ok', $source eq 'imds'
        ? "ExpiredCredentials 400 bypass calls times $source-failure*2"
        : "NoCredentials bypass times $source-failure", "/$source");
}

=== TEST 12: credentials that stand on others, and those that have no end
--- env eval: $::env
--- http_config eval
::server('', '/register' => '',
    '/profile' => 'marketplace_credentials profile name=base
        file=$TEST_NGINX_TMP/profiles;',
    '/seller' => 'marketplace_credentials profile name=seller
        file=$TEST_NGINX_TMP/profiles;',
    '/chain' => 'marketplace_credentials container;
        marketplace_assume_role arn:aws:iam::111122223333:role/seller
            session_name=chain;',
    '/another' => 'marketplace_credentials container;
        marketplace_assume_role arn:aws:iam::111122223333:role/seller
            session_name=another;')
--- config eval: $::pages
--- test
my $resolve = 'resolved 200 bypass calls times';
my $left = 'credentials_expire_in_seconds';

raises('ok', $resolve, $_) for qw(/register /profile);
is(scalar(grep { /expire/ } keys %{numbers()}), 0, 'none that end');

# a role of a profile is a role

settings(lifetime => 3000, operation => 'sts.AssumeRole');

my $before = numbers();
post('ok', '/seller');
my $now = numbers();
my $role = $now->{"$left\{source=\"assume_role\"}"};

cmp_ok($role, '<=', 3000, 'a role');
cmp_ok($role, '>', 2900, 'of a profile');
is(changes($before, $now), expected("$resolve assume_role-success"),
    'is fetched');

# of several roles that counts which ends first, not which is configured first

settings(lifetime => 2000, operation => 'sts.AssumeRole');
settings(lifetime => 4000, operation => 'container');

$before = numbers();
post('ok', '/chain');
$now = numbers();

my $container = $now->{"$left\{source=\"container\"}"};
$role = $now->{"$left\{source=\"assume_role\"}"};

cmp_ok($role, '<=', 2000, 'the other role');
cmp_ok($role, '>', 1900, 'ends first');
cmp_ok($container, '<=', 4000, 'what it stands on');
cmp_ok($container, '>', 3900, 'is there, too');
is(changes($before, $now),
    expected("$resolve assume_role-success container-success"), 'fetched');

settings(lifetime => 6000, operation => 'sts.AssumeRole');
raises('ok', "$resolve assume_role-success", '/another');
cmp_ok(number("$left\{source=\"assume_role\"}"), '<=', 2000,
    'and not which comes last');

=== TEST 13: the clock
--- http_config eval: ::server('', '/register' => 'marketplace_tries 2;')
--- config eval: $::pages
--- test
is(number('clock_offset_seconds'), 0, 'right');

for my $offset (3600, -3600) {
    standin(POST => "clock?offset=$offset");

    my $before = numbers();
    post('ok');

    my $now = numbers();
    my $learnt = delete $now->{clock_offset_seconds};
    delete $before->{clock_offset_seconds};

    cmp_ok(abs($learnt - $offset), '<=', 10, "$offset: learnt");
    is(changes($before, $now),
        expected('resolved bypass times 400 200 retries calls*2'), 'counted');
}

standin(POST => 'clock?offset=0');
post('ok');
cmp_ok(abs number('clock_offset_seconds'), '<=', 10, 'right again');

=== TEST 14: sessions
--- http_config eval
::server(<<'_EOC_',
        location /app {
            marketplace_session key=$TEST_NGINX_TMP/keys;
            return 200 "$marketplace_license_arn\n";
        }
        location /both {
            marketplace_session key=$TEST_NGINX_TMP/keys;
            marketplace_resolve on;
            try_files /none @resolved;
        }
_EOC_
    '/register' => 'marketplace_session key=$TEST_NGINX_TMP/keys;')
--- config eval: $::pages
--- test
my ($cookie) = post('ok')->{headers}{'set-cookie'}
    =~ /^(__Host-marketplace=[^;]+)/;
my $url = 'http://127.0.0.1:' . nginx_port('RAND_PORT_1');
my %headers = (Cookie => $cookie);
my $http = HTTP::Tiny->new(keep_alive => 0);
my $before = numbers();

for (['GET', '/app'], ['GET', '/both'], ['POST', '/both'], ['POST', '/app'])
{
    my $answer = $http->request($_->[0], "$url$_->[1]", {content => 'a=b',
        headers => {%headers,
            'Content-Type' => 'application/x-www-form-urlencoded'}});

    like($answer->{content}, qr/^arn:/, "@$_: a session");
}

changes_are($before, '', 'is no registration');

# nor is a form that breaks off, whatever it was

my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => nginx_port('RAND_PORT_1')) // die;

$client->syswrite(CORE::join "\r\n", 'POST /both HTTP/1.1', 'Host: localhost',
    "Cookie: $cookie", 'Content-Type: application/x-www-form-urlencoded',
    'Content-Length: 100', '', 'a=b');
ok(busy(1), 'a body is read');
close $client;
ok(at_rest, 'it is not');
changes_are($before, '', 'counts for nothing');

register('ok', port => 'RAND_PORT_1', path => '/both', headers => \%headers);
changes_are($before, 'resolved 200 bypass calls times', 'a registration does');

$before = numbers();
is($http->get("$url/app", {headers => {Cookie => "$cookie."}})->{status}, 200,
    'a session that is none');
changes_are($before, '', 'is no registration');

=== TEST 15: a session where there are none
--- http_config eval
::server(<<'_EOC_',
        marketplace_session key=$TEST_NGINX_TMP/keys;
_EOC_
    '/register' => 'marketplace_session off;', '/session' => '')
--- config eval: $::pages
--- test
my ($cookie) = post('ok', '/session')->{headers}{'set-cookie'}
    =~ /^(__Host-marketplace=[^;]+)/;
my $before = numbers();
my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => nginx_port('RAND_PORT_1')) // die;

$client->syswrite(CORE::join "\r\n", 'POST /register HTTP/1.1',
    'Host: localhost', "Cookie: $cookie",
    'Content-Type: application/x-www-form-urlencoded',
    'Content-Length: 100', '', 'a=b');
ok(busy(1), 'a body is read');
close $client;
changes_are($before, 'aborted', 'is an aborted one');

=== TEST 16: a page for Prometheus
--- http_config eval: ::server('', '/register' => '')
--- config eval: $::pages
--- request
GET /status
--- response_headers
Content-Type: text/plain; version=0.0.4; charset=utf-8
!ETag
!Last-Modified
!Accept-Ranges
!Set-Cookie
--- response_body_like
^# HELP nginx_marketplace_resolves_total .*
# TYPE nginx_marketplace_resolves_total counter
nginx_marketplace_resolves_total\{outcome="MissingToken"\} 0
--- test
my $answer = page();

is($answer->{headers}{'content-length'}, length $answer->{content}, 'length');
like($answer->{content}, qr/\n\z/, 'whole');

is(page('/status', @$_)->{status}, 200, "@$_") for
    ['If-Modified-Since', 'Wed, 21 Oct 2099 07:28:00 GMT'],
    ['If-Unmodified-Since', 'Wed, 21 Oct 2015 07:28:00 GMT'],
    ['If-None-Match', '*'], ['If-Match', '"x"'], ['Range', 'bytes=0-9'],
    ['Accept', 'application/openmetrics-text;version=1.0.0,'
        . 'text/plain;version=0.0.4;q=0.5,*/*;q=0.1'];

unlike(page('/status', Accept => '*/*')->{content}, qr/^\{/, 'no JSON');

my $http = HTTP::Tiny->new;
my $url = 'http://127.0.0.1:' . nginx_port() . '/status';
my $head = $http->head($url);

is($head->{status}, 200, 'HEAD');
is($head->{content} // '', '', 'HEAD has no body');
is($head->{headers}{'content-length'}, length page()->{content},
    'but its length');
is($http->request($_, $url)->{status}, 405, $_) for qw(POST PUT DELETE);

=== TEST 17: JSON for who asks for it
--- http_config eval: ::server('', '/register' => '')
--- config eval: $::pages
--- request
GET /status
--- more_headers
Accept: application/json
--- response_headers
Content-Type: application/json
--- response_body_like: ^\{\n
--- test
post('ok');

for my $accept ('application/json', 'APPLICATION/JSON',
    'text/html, application/json;q=0.9')
{
    my $answer = page('/status', Accept => $accept);
    my $json = JSON::PP::decode_json($answer->{content});

    is($answer->{headers}{'content-length'}, length $answer->{content},
        "$accept: length");
    is($json->{resolves}{resolved}, 1, 'resolved');
    is($json->{resolves}{Timeout}, 0, 'no timeout');
    is($json->{attempts}{200}, 1, 'an attempt');
    is($json->{cache_requests}{bypass}, 1, 'no cache');
    is($json->{call_duration_seconds}{count}, 1, 'a call');
    is($json->{call_duration_seconds}{buckets}{'+Inf'}, 1, 'in a bucket');
    is($json->{calls_in_flight}, 0, 'none in flight');
    is_deeply($json->{credentials_expire_in_seconds}, {}, 'no end');
}

is(HTTP::Tiny->new->head('http://127.0.0.1:' . nginx_port() . '/status',
    {headers => {Accept => 'application/json'}})->{headers}{'content-type'},
    'application/json', 'HEAD');

=== TEST 18: compressed, with a header
--- http_config eval: ::server('', '/register' => '')
--- config
    location = /status {
        gzip on;
        gzip_types text/plain application/json;
        add_header X-Here yes;
        marketplace_status;
    }
    location = /koi8 {
        charset koi8-r;
        marketplace_status;
    }
--- test
for my $accept ('*/*', 'application/json') {
    my $answer = page('/status', 'Accept-Encoding' => 'gzip',
        Accept => $accept);

    is($answer->{headers}{'content-encoding'}, 'gzip', "$accept: compressed");
    is($answer->{headers}{'x-here'}, 'yes', 'a header');

    gunzip(\$answer->{content} => \my $text);
    is($text, page('/status', Accept => $accept)->{content}, 'the same');
}

is(page('/koi8')->{headers}{'content-type'},
    'text/plain; version=0.0.4; charset=utf-8', 'one charset');

=== TEST 19: for few only, and as a part of another page
--- http_config eval: ::server('', '/register' => '')
--- config
    location = /status {
        allow 127.0.0.1;
        deny all;
        marketplace_status;
    }
    location = /denied {
        deny all;
        marketplace_status;
    }
    location = /internal {
        internal;
        marketplace_status;
    }
    location = /page.html {
        ssi on;
    }
    location = /checked {
        auth_request /internal;
        stub_status;
    }
    location = /redirected {
        try_files /none /internal;
    }
--- user_files
>>> page.html
before <!--#include virtual="/internal" --> behind
--- test
is(page('/status')->{status}, 200, 'allowed');
is(page('/denied')->{status}, 403, 'denied');
is(page('/internal')->{status}, 404, 'internal');
is(page('/redirected')->{status}, 200, 'redirected');
is(page('/checked')->{status}, 200, 'auth_request');

my $answer = page('/page.html');

like($answer->{content}, qr/^before # HELP .*\n behind$/s, 'a part');
is($answer->{headers}{'content-type'}, 'text/html', 'of another type');
like(page('/page.html', Accept => 'application/json')->{content},
    qr/^before \{\n.*\}\n behind$/s, 'JSON');

=== TEST 20: nothing else is used
--- config eval
$::pages . <<'_EOC_'
    location = /headers {
        return 200 "<$http_x_marketplace_license_arn>";
    }
_EOC_
--- request
GET /status
--- response_body_like: ^# HELP nginx_marketplace_resolves_total
--- test
is(page('/headers', 'X-Marketplace-License-Arn' => 'forged')->{content}, '<>',
    'headers of our names are removed');
is(CORE::join(' ', grep { $_ != 0 } values %{numbers()}), '', 'all is 0');
is(scalar worker_processes(), 2, 'workers');
ok(reload, 'a reload');
is(page()->{status}, 200, 'again');

=== TEST 21: a location that resolves as well
--- http_config eval: $::aws
--- config
    marketplace_resolve on;
    location = /status {
        marketplace_status;
    }
--- test
is(page()->{status}, 200, 'a GET');
is(register('ok', path => '/status')->{status}, 405, 'a registration');
is(number($::names{resolved}), 1, 'is one all the same');

=== TEST 22: nobody is on the page
--- env eval: $::env
--- http_config eval
::server(<<'_EOC_',
        location /session {
            marketplace_resolve on;
            marketplace_session key=$TEST_NGINX_TMP/keys;
            try_files /none @resolved;
        }
_EOC_
    '/register' => 'marketplace_cache_valid 5m;',
    '/role' => "marketplace_credentials container; $::role")
--- config eval: $::pages
--- test
my @tokens = ('error:InvalidTokenException', 'error:Unheard-Of:400',
    map { "$_-SECRETTOKEN" } 'ok', 'new:1', 'with:Extra=extra',
        'product:code', 'nonsense');

for my $path (qw(/register /role /session)) {
    post($_, $path) for @tokens, @tokens;
}

my @known = (qr/SECRETTOKEN/, qr/\d{12}/, qr/arn:/, qr/AKID|ASIA/,
    qr/XUtnFEMI|FQoGZXIvYXdz/, qr/seller|standin/, qr/Unheard-Of/,
    qr/product|code/, qr/127\.0\.0\.1|localhost/, qr/register|session/);
my @of_page = (undef, undef, undef, undef, undef, undef, undef,
    qr/ProductCode|HTTP status|the code/, undef, qr/[Rr]egistration|Session/);

for my $accept ('*/*', 'application/json') {
    my $text = page('/status', Accept => $accept)->{content};

    for my $i (0 .. $#known) {
        my $rest = $of_page[$i] ? $text =~ s/$of_page[$i]//gr : $text;
        unlike($rest, $known[$i], "$accept: no $known[$i]");
    }

    my %labels = map { $_ => 1 } $text =~ /(\w+)="/g;
    is(CORE::join(' ', sort keys %labels), $accept eq '*/*'
        ? 'le outcome result source status' : '', 'labels');
}

=== TEST 23: twice
--- config
    location = /status {
        marketplace_status;
        marketplace_status;
    }
--- refused: "marketplace_status" directive is duplicate

=== TEST 24: with an argument
--- config
    location = /status {
        marketplace_status on;
    }
--- refused: invalid number of arguments in "marketplace_status" directive

=== TEST 25: in a server
--- config
    marketplace_status;
--- refused: "marketplace_status" directive is not allowed here

=== TEST 26: in http
--- http_config
    marketplace_status;
--- config
--- refused: "marketplace_status" directive is not allowed here

=== TEST 27: in if
--- config
    location / {
        if ($arg_status) {
            marketplace_status;
        }
    }
--- refused: "marketplace_status" directive is not allowed here

=== TEST 28: in limit_except
--- config
    location / {
        limit_except GET {
            marketplace_status;
        }
    }
--- refused: "marketplace_status" directive is not allowed here
