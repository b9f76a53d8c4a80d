# Which failed calls are made again, when, how often and until when.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT all_of logged);

use IO::Socket::INET;

# What a block does is paid from the worker's budget: once is enough.

repeat_each(1);
workers(1);
master_on();

our $puppet = start_puppet();

# A port where nobody listens, until a block does.

our $closed = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
    ->sockport;
$ENV{TEST_NGINX_CLOSED} = $closed;

# /register with these directives, and /N for so many tries.

sub locations {
    my $directives = shift // 'marketplace_tries 3;';

    my $resolve = <<'_EOC_';
        marketplace_resolve on;
        add_header X-Error $marketplace_error always;
        add_header X-Status $marketplace_status always;
        add_header X-Time $marketplace_time always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
_EOC_

    return <<"_EOC_";
    location = /at-rest {
        stub_status;
    }
    location = /register {
        $directives
$resolve
    }
    location = /one {
        marketplace_tries 1;
$resolve
    }
    location = /two {
        marketplace_tries 2;
$resolve
    }
_EOC_
}

# How a registration ends, as in "200  500, 200", and how long it took.

our $serial = 0;

sub attempt {
    my ($token, $path) = @_;

    my $response = register($token, path => $path // '/register');
    my ($error, $statuses, $time) = map { $response->{headers}{$_} // '' }
        qw(x-error x-status x-time);

    return wantarray ? ("$response->{status} $error $statuses", $time)
                     : "$response->{status} $error $statuses";
}

# First these answers, and then a customer.

sub then_ok {
    return 'seq:' . CORE::join('|', @_, 'ok-' . ++$serial);
}

# A time as HTTP writes it.

sub in_seconds {
    return HTTP::Tiny->_http_date(time + shift);
}

# A reply with these headers, which are not the stand-in's.

sub raw_503 {
    return 'raw:' . CORE::join "\r\n", 'HTTP/1.1 503 Service Unavailable',
        @_, 'Content-Length: 0', '', '';
}

# Whether an answer is followed by another try, which succeeds.

sub is_tried_again {
    my ($answer, $status) = @_;

    my $token = then_ok($answer);
    my $what = substr $answer, 0, 60;

    is(scalar attempt($token), "200  $status, 200", "$what: tried again");

    my @requests = sent $token;

    is(scalar @requests, 2, "$what: two calls");
    is(scalar(grep { $_->{verified} } @requests), 2, "$what: both signed");
}

sub is_not_tried_again {
    my ($answer, $outcome) = @_;

    my $token = then_ok($answer);
    my $what = substr $answer, 0, 60;

    is(scalar attempt($token), $outcome, "$what: not tried again");
    is(scalar(sent $token), 1, "$what: one call");
}

sub header_of {
    my ($request, $name) = @_;

    return map { $_->[1] } grep { lc $_->[0] eq $name }
        @{ $request->{headers} };
}

run_tests();

__DATA__

=== TEST 1: errors that pass
--- http_config eval: $::aws
--- config eval: ::locations()
--- test
is_tried_again(@$_) for
    ['error:InternalServiceErrorException', 500],
    ['error:ServiceUnavailable:503', 503],
    (map { my $status = $_; map { ["status:$status:$_", $status] }
        'html', 'json:{}', 'error:SomethingElse', 'json:', 'truncated' }
        500, 502, 503, 504),
    ['error:x:500:empty', 500],
    ['error:RequestTimeout:400', 400], ['error:RequestTimeoutException:400',
        400];

=== TEST 2: limits of the rate
--- http_config eval: $::aws
--- config eval: ::locations()
--- test
is_tried_again(@$_) for
    ['error:ThrottlingException:400', 400], ['error:SlowDown:503', 503],
    ['error:RequestLimitExceeded:400', 400], ['error:x:429:empty', 429],
    ['error:SomethingElse:429', 429];

=== TEST 3: connections that end
--- http_config eval: $::aws
--- config eval: ::locations('marketplace_tries 3; marketplace_read_timeout 1s;')
--- test
is_tried_again($_, '-') for 'close:0:ok', 'close:10:ok', 'close:150:ok',
    'reset:0:ok', 'reset:10:ok', 'reset:150:ok', 'hang';

=== TEST 4: a signature that is too old when it arrives
--- http_config eval: $::aws
--- config eval: ::locations()
--- test
is_tried_again('error:InvalidSignatureException:400::Signature expired', 400);
is_not_tried_again('error:InvalidSignatureException:400::does not match',
    '500 InvalidSignatureException 400');

=== TEST 5: errors that stay
--- http_config eval: $::aws
--- config eval: ::locations()
--- test
is_not_tried_again(@$_) for
    ['error:InvalidTokenException', '400 InvalidTokenException 400'],
    ['error:ExpiredTokenException', '410 ExpiredTokenException 400'],
    ['error:AccessDeniedException:400', '500 AccessDeniedException 400'],
    ['error:DisabledApiException:403', '500 DisabledApiException 403'],
    ['error:ValidationException:400', '500 ValidationException 400'],
    ['error:SomethingElse:404', '500 SomethingElse 404'],
    ['status:400:html', '502 InvalidResponse 400'],
    ['status:302:ok', '502 InvalidResponse 302'],
    ['html', '502 InvalidResponse 200'], ['json:{}', '502 InvalidResponse 200'],
    ["raw:garbage\n", '502 InvalidResponse -'],
    ['twolengths', '502 InvalidResponse -'];

=== TEST 6: so many tries
--- http_config eval: $::aws
--- config eval: ::locations()
--- test
my $failed = '502 InternalServiceErrorException';

for (['/one', '500'], ['/two', '500, 500'], ['/register', '500, 500, 500']) {
    my ($path, $statuses) = @$_;
    my $token = 'status:500:with:A=' . ++$serial;

    is(scalar attempt($token, $path), "$failed $statuses", $path);
    is(scalar(sent $token), scalar(split /, /, $statuses), "$path: calls");
}

is(scalar attempt(then_ok(('status:500:html') x 2)), '200  500, 500, 200',
    'the third succeeds');

=== TEST 7: three by default
--- defaults
--- http_config
    marketplace_credentials static id=AKIDEXAMPLE
        secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
--- config eval: ::locations('')
--- test
is(scalar attempt('status:500:html'),
    '502 InternalServiceErrorException 500, 500, 500', 'three');
is(scalar(sent 'status:500:html'), 3, 'three calls');

=== TEST 8: the last error is the result
--- http_config eval: $::aws
--- config eval: ::locations()
--- test
is(scalar attempt("seq:status:500:html|$_->[0]"), "$_->[1]", $_->[0]) for
    ['error:InvalidTokenException', '400 InvalidTokenException 500, 400'],
    ['html', '502 InvalidResponse 500, 200'],
    ['close:5:ok|error:AccessDeniedException:403',
        '500 AccessDeniedException 500, -, 403'],
    ['error:ThrottlingException:400', '503 ThrottlingException 500, 400, 400'];

# A status of the list need not be an error that is tried again.

is(scalar attempt('seq:status:500:html|error:ThrottlingException:400|ok-list'),
    '200  500, 400, 200', 'and so is a customer');

=== TEST 9: every try is signed anew
--- http_config eval: $::aws
--- config eval: ::locations()
--- test
my $token = then_ok('header:Retry-After=1:status:503:html',
    'status:500:html');
is(scalar attempt($token), '200  503, 500, 200', 'resolved');

my @requests = sent $token;

is(scalar(grep { $_->{verified} } @requests), 3, 'all signed');
is(scalar(map { header_of($_, 'x-amz-date') } @requests), 3, 'all dated');

my ($first, $second) = map { header_of($_, 'x-amz-date') } @requests;
isnt($second, $first, 'a second later it is another date');
isnt((header_of($requests[1], 'authorization'))[0],
    (header_of($requests[0], 'authorization'))[0], 'and another signature');
is($requests[$_]{body}, $requests[0]{body}, 'the same token') for 1, 2;

=== TEST 10: AWS asks to be left alone for a while
--- http_config eval: $::aws
--- config eval: ::locations()
--- test
# nginx's clock has milliseconds, of which the first has begun already

for (['x-amz-retry-after=200', 0.199], ['Retry-After=1', 0.999],
    ['x-amz-retry-after=200:header:Retry-After=9', 0.199])
{
    my ($header, $delay) = @$_;

    my $token = then_ok("header:$header:status:503:html");
    is(scalar attempt($token), '200  503, 200', "$header: resolved");

    my @times = map { $_->{time} } sent $token;
    cmp_ok($times[1] - $times[0], '>=', $delay, "$header: waited");
}

# A date is compared with the date of the reply, not with a clock.

my $token = then_ok(::raw_503('Date: ' . ::in_seconds(-3),
    'Retry-After: ' . ::in_seconds(-2)));
is(scalar attempt($token), '200  503, 200', 'a date: resolved');

my @times = map { $_->{time} } sent $token;
cmp_ok($times[1] - $times[0], '>=', 0.999, 'a date: waited');

is_tried_again(::raw_503(@$_), 503)
    for ['Date: ' . ::in_seconds(0), 'Retry-After: ' . ::in_seconds(-9)],
    ['Retry-After: ' . ::in_seconds(9)];

# What is no number is no wish.

is_tried_again("header:$_:status:503:html", 503) for 'x-amz-retry-after=soon',
    'x-amz-retry-after=-5', 'x-amz-retry-after=99999999999', 'Retry-After=',
    'Retry-After=Wed, 21 Oct 2035 07', 'Retry-After=0';

=== TEST 11: for longer than there is time
--- http_config eval: $::aws
--- config eval: ::locations('marketplace_tries 3; marketplace_timeout 4s;')
--- test
for (['x-amz-retry-after=4000', 'status:503:html', 503,
        '502 InternalServiceErrorException'],
    ['x-amz-retry-after=600000', 'error:ThrottlingException:400', 400,
        '503 ThrottlingException'],
    ['Retry-After=9', 'error:x:429:empty', 429, '503 ThrottlingException'])
{
    my ($header, $answer, $status, $failed) = @$_;

    my $token = then_ok("header:$header:$answer");
    my ($outcome, $time) = attempt($token);

    is($outcome, "$failed $status", "$header: the error's own name");
    cmp_ok($time, '<', 4, "$header: at once");
    is(scalar(sent $token), 1, "$header: one call");
}

=== TEST 12: all is within marketplace_timeout
--- http_config eval: $::aws
--- config eval
::locations('marketplace_tries 50; marketplace_timeout 1s;
    marketplace_read_timeout 5s;')
--- test
my ($outcome, $time) = attempt('seq:status:500:html|hang');
is($outcome, '504 Timeout 500, -', 'a try that takes too long');
cmp_ok($time, '>=', 0.999, 'for as long as there is time');
cmp_ok($time, '<', 4, 'and no longer');

($outcome, $time) = attempt('status:500:html');
like($outcome, qr/^502 InternalServiceErrorException 500(, 500)*$/,
    'many tries: the error\'s own name');
cmp_ok($time, '<', 4, 'many tries: time');

($outcome, $time) = attempt('error:ThrottlingException:400');
like($outcome, qr/^503 ThrottlingException 400(, 400)*$/, 'limited');
cmp_ok($time, '<', 4, 'limited: time');

=== TEST 13: nobody listens, and then somebody does
--- http_config eval: $::aws =~ s/\$TEST_NGINX_AWS_HTTP/\$TEST_NGINX_CLOSED/r
--- config eval: ::locations('marketplace_tries 9;')
--- test
my $client = begin_registering('closing:ok-refused');

ok(wait_until { logged(qr/ConnectionError, status -, .* tried again/) },
    'nobody is there');

my $server = IO::Socket::INET->new(Listen => 4, ReuseAddr => 1, Timeout => 10,
    LocalAddr => '127.0.0.1', LocalPort => $closed) // die;
my $caller = $server->accept // die;
my $aws = IO::Socket::INET->new("127.0.0.1:$ENV{TEST_NGINX_AWS_HTTP}") // die;
my $request = '';

$caller->sysread($request, 4096, length $request) or die
    until $request =~ /\r\n\r\n.*ok-refused"\}/s;
$aws->syswrite($request);
$caller->syswrite(all_of($aws));
close $caller;

my $answer = all_of($client);
like($answer, qr/^HTTP\/1.1 200 /, 'resolved');
like($answer, qr/^X-Status: (-, )+200\r$/m, 'after those without a status');

=== TEST 14: what is logged
--- http_config eval: $::aws
--- config eval: ::locations()
--- test
my $call = 'marketplace: ResolveCustomer failed:';
my $host = "127\\.0\\.0\\.1:$ENV{TEST_NGINX_AWS_HTTP}";

attempt('seq:status:500:html|error:ThrottlingException:400|error:x:503:empty');

my @lines = logged(qr/marketplace: /);

is(scalar @lines, 3, 'a line for each try');
my $again = 'it is tried again in \d+ ms while resolving registration, client: ';

like($lines[0], qr/\[warn\] .* $call InternalServiceErrorException, status 500, endpoint $host: $again/,
    'the first');
like($lines[1], qr/\[warn\] .* $call ThrottlingException, status 500, 400, endpoint $host: $again/,
    'the second');
like($lines[2], qr/\[error\] .* $call InternalServiceErrorException: "", status 500, 400, 503, request id "[0-9a-f-]{36}", endpoint $host, region us-east-1, access key AKIDEXAMPLE: AWS may be busy/,
    'the last');

attempt(then_ok('close:10:ok'));
@lines = logged(qr/marketplace: /);

is(scalar @lines, 4, 'one line more where the second try succeeds');
like($lines[3], qr/\[warn\] .* $call ConnectionError, status -, /,
    'of the first');

=== TEST 15: another product's customer, by the second try
--- http_config eval: $::aws
--- config eval: ::locations('marketplace_tries 3; marketplace_product_code mine;')
--- test
is(scalar attempt('seq:status:500:html|product:other'),
    '403 ProductCodeMismatch 500, 200', 'it is refused');
is(scalar(sent 'seq:status:500:html|product:other'), 2, 'not tried again');
is(scalar attempt('seq:status:500:html|product:mine'), '200  500, 200',
    'one of ours is not');

=== TEST 16: a client that goes away during the delay
--- http_config eval: $::aws
--- config eval: ::locations()
--- test
my $token = then_ok('header:x-amz-retry-after=2000:status:503:html');
my $client = begin_registering($token);

ok(wait_until { logged(qr/it is tried again in 2000 ms/) }, 'the delay begins');
close $client;
ok(at_rest, 'nothing is left');

select undef, undef, undef, 2.2;
is(scalar(sent $token), 1, 'AWS is not called again');
ok(at_rest, 'nor later');

=== TEST 17: the same, and what is done then takes longer than the delay
--- http_config eval: $::aws
--- config eval
::locations('marketplace_tries 3; post_action @after;')
    . 'location @after { proxy_pass http://127.0.0.1:$TEST_NGINX_PUPPET; }'
--- test
my $token = then_ok('header:x-amz-retry-after=1000:status:503:html');
my $client = begin_registering($token);

ok(wait_until { logged(qr/it is tried again in 1000 ms/) }, 'the delay begins');
close $client;

my $after = $::puppet->accept;
ok($after, 'the client has gone');

select undef, undef, undef, 1.2;
is(scalar(sent $token), 1, 'AWS is not called again');

print $after "HTTP/1.0 204 No Content\r\n\r\n";
close $after;
ok(at_rest, 'nothing is left');

=== TEST 18: an outage uses up what retries are paid from
--- http_config eval: $::aws
--- config eval: ::locations()
--- test
my $calls = sub { standin(GET => 'count') + 0 };
my $fails = sub {
    my $before = $calls->();
    attempt('status:500:html');
    return $calls->() - $before;
};

$fails->() for 1 .. 20;
is($calls->(), 20 + 35, '500 are good for 35 retries');
is($fails->(), 1, 'then there is one try only');

# ten are left; a call that succeeds at once pays one

is(scalar attempt('ok-' . ++$serial), '200  200', 'AWS is back') for 1 .. 3;
is($fails->(), 1, '13 are not enough');
is(scalar attempt('ok-' . ++$serial), '200  200', 'one more');
is(scalar attempt(then_ok('status:500:html')), '200  500, 200',
    '14 are, and they come back');
is($fails->(), 2, 'for another one');
is($fails->(), 1, 'which does not succeed');

=== TEST 19: a number above zero
--- http_config
    marketplace_tries 0;
--- config
--- must_die: 1
--- suppress_stderr
--- error_log eval
qr/\[emerg\] .* invalid value "0" in "marketplace_tries", it must be a number above zero, like "3" in \S+nginx\.conf:\d+$/m

=== TEST 20: no sign
--- http_config
    marketplace_tries -1;
--- config
--- must_die: 1
--- suppress_stderr
--- error_log eval
qr/\[emerg\] .* invalid value "-1" in "marketplace_tries", it must be a number above zero, like "3" in \S+nginx\.conf:\d+$/m

=== TEST 21: no word
--- http_config
    marketplace_tries x;
--- config
--- must_die: 1
--- suppress_stderr
--- error_log eval
qr/\[emerg\] .* invalid value "x" in "marketplace_tries", it must be a number above zero, like "3" in \S+nginx\.conf:\d+$/m

=== TEST 22: only once
--- http_config
    marketplace_tries 1;
    marketplace_tries 2;
--- config
--- must_die: 1
--- suppress_stderr
--- error_log eval
qr/\[emerg\] .* "marketplace_tries" directive is duplicate in \S+nginx\.conf:\d+$/m
