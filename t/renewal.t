# Credentials that end: when they are renewed, by whom, and what happens if that
# fails, by a clock that the test moves.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT all_of logged);

use IO::Select;

# What a block does stays in the zone: once is enough.

repeat_each(1);
workers(1);
master_on();

our $token_file = "$ENV{TEST_NGINX_TMP}/web-identity";

open my $file, '>', $token_file or die;
print $file "eyJhbGciOiJSUzI1NiJ9.FQoGZXIvYXdzEXAMPLE.signature\n";
close $file;

# The sources that ask a service, by the locations that use them, and what they
# ask for last.

our %operation = (
    imds => 'imds.credentials',
    container => 'container',
    web_identity => 'sts.AssumeRoleWithWebIdentity',
    assume_role => 'sts.AssumeRole'
);

our @sources = sort keys %operation;
our @unstable = grep { $_ ne 'imds' } @sources;

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

our $http_config = <<'_EOC_';
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
    add_header X-Error $marketplace_error always;
    add_header X-Status $marketplace_status always;
    add_header X-Time $marketplace_time always;
_EOC_

# One location for each source, and these more.

sub locations {
    my ($directives, %more) = (@_ ? @_ : "");

    my $role = 'marketplace_assume_role '
        . 'arn:aws:iam::111122223333:role/seller;';
    my %credentials = (
        (map { $_ => "marketplace_credentials $_;" }
            qw(imds container web_identity)),
        assume_role => "marketplace_credentials env; $role",
        %more
    );

    return join '', <<'_EOC_', map { <<"_EOC_" } sort keys %credentials;
    location = /at-rest {
        stub_status;
    }
    location @resolved {
        return 200 "$marketplace_customer_aws_account_id\n";
    }
_EOC_
    location = /$_ {
        marketplace_resolve on;
        $credentials{$_}
        $directives
        try_files /none \@resolved;
    }
_EOC_
}

# How often a source, or what it stands on, was asked.

sub asked {
    my $source = shift;

    return standin(GET => 'count?operation=' . ($operation{$source} // $source))
        + 0;
}

# Registers with the credentials of a source.  Returns how that ended, as in
# "200  200" or "500 ExpiredCredentials 400", and the access keys of the calls.

our $serial = 0;

sub attempt {
    my ($source, $token) = @_;

    $token = ($token // 'ok') . '-' . ++$serial;

    my $response = register($token, path => "/$source");
    my ($error, $statuses) = map { $response->{headers}{$_} // '' }
        qw(x-error x-status);

    return ("$response->{status} $error $statuses",
        map { $_->{access_key} } sent $token);
}

# The same, where it has to resolve with one call; returns the access key.

sub key {
    my ($source, $what) = @_;
    my ($outcome, @keys) = attempt($source);

    is($outcome, '200  200', "$source: $what: resolved");

    return $keys[0];
}

# Fetches credentials that are good for so long from now on.

sub fetched {
    my ($source, $lifetime, $clock, $of_aws) = @_;

    settings(lifetime => $lifetime, operation => $operation{$source});
    set_clock($clock // 0, $of_aws);

    return key($source, 'the first ones');
}

# A renewal's answer, late: another one comes after two tries took too long, or
# with a release.

our %late = (
    (map { $_ => 'seq:hang|hang|delay:500:ok' } qw(imds container)),
    (map { $_ => 'hold:ok' } qw(web_identity assume_role))
);

our $long = 'marketplace_read_timeout 30s; marketplace_timeout 60s;';

# Ways to fail, with how many tries that takes.

our %failure = (
    imds => ['error:AssumeRoleUnauthorizedAccess', 1],
    container => ['error:AccessDenied:403', 1],
    web_identity => ['status:503:html', 3],
    assume_role => ['close:0:ok', 3]
);

sub fails {
    my $source = shift;

    answers($operation{$source} => $failure{$source}[0]);
}

# How many such lines there are of a source.

sub complaints {
    my ($level, $source, $words) = @_;

    my $line = "marketplace: fetching credentials failed: source \"$source\",";

    return scalar logged(qr/\[$level\] .* $line .*\Q$words\E/);
}

our $until = '; those from before are used until they expire while';
our $although = '; those from before are used although they have expired while';

run_tests();

__DATA__

=== TEST 1: they are renewed five minutes before their end, and not earlier
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
for my $source (@sources) {
    my $key = fetched($source, 3600);

    set_clock(3600 - 301);
    is(key($source, 'just before'), $key, "$source: the same ones");
    is(asked($source), 1, "$source: asked once");

    set_clock(3600 - 299);
    my $new = key($source, 'just after');
    isnt($new, $key, "$source: other ones");
    is(asked($source), 2, "$source: asked twice");

    set_clock(3600 - 298);
    is(key($source, 'then'), $new, "$source: the new ones");
    is(asked($source), 2, "$source: not asked again");
}

is(asked('imds.token'), 1, 'one session with the metadata');

=== TEST 2: one request renews them, the others go on with the old ones
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations($::long)
--- test
my %key = map { $_ => fetched($_, 3600) } @sources;

set_clock(3600 - 299);
answers(map { $operation{$_} => $late{$_} } @sources);

# one after the other, because some cannot be held for long

my %first;

for my $source (@sources) {
    $first{$source} = begin_registering("ok-first-$source", path => "/$source");
    ok(wait_until { asked($source) >= 2 }, "$source: asked");

    is(key($source, "while it is renewed, $_"), $key{$source},
        "$source: the old ones, $_") for 1 .. 5;
    ok(!IO::Select->new($first{$source})->can_read(0),
        "$source: nobody has waited for it");
}

standin(POST => 'release');
answers(map { $operation{$_} => 'ok' } qw(web_identity assume_role));

for my $source (@sources) {
    like(all_of($first{$source}), qr/^HTTP\S+ 200 /, "$source: resolved");

    my ($call) = sent "ok-first-$source";
    isnt($call->{access_key}, $key{$source}, "$source: with new ones");
    is(key($source, 'then'), $call->{access_key}, "$source: all use these");
    is(asked($source), $late{$source} =~ /hang/ ? 4 : 2,
        "$source: nobody else has asked");
}

=== TEST 3: what is still valid is used if they cannot be renewed
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
for my $source (@sources) {
    my $key = fetched($source, 3600);
    my $tries = $failure{$source}[1];

    fails($source);

    set_clock(3600 - 299);
    is(key($source, 'it fails'), $key, "$source: the old ones");
    is(asked($source), 1 + $tries, "$source: asked");
    is(complaints('warn', $source, $until), 1, "$source: a warning");

    set_clock(3600 - 299 + 29);
    is(key($source, 'soon after'), $key, "$source: the old ones") for 1 .. 2;
    is(asked($source), 1 + $tries, "$source: not asked again yet");
    is(complaints('warn', $source, $until), 1, "$source: no other warning");

    set_clock(3600 - 299 + 31);
    is(key($source, 'later'), $key, "$source: the old ones") for 1 .. 2;
    is(asked($source), 1 + 2 * $tries, "$source: asked again");
    is(complaints('warn', $source, $until), 2, "$source: another warning");

    answers($operation{$source} => 'ok');

    set_clock(3600 - 299 + 62);
    isnt(key($source, 'it works again'), $key, "$source: new ones");
    is(asked($source), 2 + 2 * $tries, "$source: that was it");
}

is(scalar logged(qr/\[error\] .*marketplace:/), 0, 'warnings are enough');

=== TEST 4: a renewal that hangs does not cost a request its resolve
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations('marketplace_timeout 1800ms;')
--- test
for my $source (@sources) {
    my $key = fetched($source, 3600);

    answers($operation{$source} => 'hang');
    set_clock(3600 - 299);

    my $response = register("ok-$source", path => "/$source");

    is($response->{status}, 200, "$source: resolved");
    cmp_ok($response->{headers}{'x-time'}, '>=', 0.9,
        "$source: half of the time was for the renewal");
    is((sent "ok-$source")[-1]{access_key}, $key, "$source: the old ones");
    is(complaints('warn', $source, $until), 1, "$source: a warning");
    is(asked($source), 2, "$source: asked");

    is(key($source, 'the next one'), $key, "$source: the old ones");
    is(asked($source), 2, "$source: not asked again yet");
}

ok(at_rest, 'nothing is left');

=== TEST 5: those of an instance are used beyond their end, others are not
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
for my $source (@sources) {
    my $key = fetched($source, 3600);

    # for AWS they are still good

    fails($source);
    set_clock(3600 + 10, 3600 - 100);

    my ($outcome, @keys) = attempt($source);

    if ($source eq 'imds') {
        is("$outcome @keys", "200  200 $key", "$source: used");
        is(complaints('warn', $source, $although), 1, "$source: a warning");

        set_clock(3600 + 39, 3600 - 90);
        is(key($source, 'soon after'), $key, "$source: used");
        is(asked($source), 2, "$source: not asked again yet");

        set_clock(3600 + 41, 3600 - 80);
        is(key($source, 'later'), $key, "$source: used");
        is(asked($source), 3, "$source: asked again");
        is(complaints('warn', $source, $although), 2,
            "$source: another warning");

    } else {
        is($outcome, '500 NoCredentials ', "$source: not used");
        is(scalar @keys, 0, "$source: AWS is not asked");
        is(complaints('error', $source, ', client:'), 1,
            "$source: an error");
        is(complaints('error', $source, 'those from before'), 0,
            "$source: that says so");
    }

    answers($operation{$source} => 'ok');
    set_clock(3600 + 80, 3600 + 80);
    isnt(key($source, 'it works again'), $key, "$source: new ones");
}

=== TEST 6: a pause does not last longer than what is used meanwhile
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
for my $source (@unstable) {
    my $key = fetched($source, 3600);

    fails($source);
    set_clock(3600 - 10);
    is(key($source, 'it fails'), $key, "$source: the old ones");

    answers($operation{$source} => 'ok');
    set_clock(3600 + 1);
    isnt(key($source, 'it works again'), $key, "$source: new ones");
}

=== TEST 7: what is good for less than the pause
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
for my $source (@sources) {
    my $asked = 0;

    for my $lifetime (20, 29) {
        my $key = fetched($source, $lifetime, 100 * $lifetime);
        my $end = 100 * $lifetime + $lifetime;

        set_clock($end - 1);
        is(key($source, 'just before'), $key, "$source: the same ones");
        is(asked($source), ++$asked, "$source: asked once");

        # those of an instance are used beyond their end

        next if $source eq 'imds';

        set_clock($end);
        isnt(key($source, 'just after'), $key, "$source: other ones");
        is(asked($source), ++$asked, "$source: asked again");
    }
}

=== TEST 8: what is issued with its end in the past
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
for my $source (@unstable) {
    settings(lifetime => -60, operation => $operation{$source});
    set_clock(0);

    my ($outcome, @keys) = attempt($source);
    is($outcome, '500 NoCredentials ', "$source: refused");
    is(scalar @keys, 0, "$source: AWS is not asked");
    is(complaints('error', $source, ': what it gives has expired already,'),
        1, "$source: an error");

    settings(lifetime => 3600, operation => $operation{$source});
    set_clock(3);
    key($source, 'good ones');
}

# AWS does not accept them either, until its clock goes back.

settings(lifetime => -60, operation => 'imds.credentials');
set_clock(0);

my ($outcome, @keys) = attempt('imds');
is($outcome, '500 ExpiredCredentials 400, 400', 'imds: tried');
isnt($keys[0], $keys[1], 'imds: twice, with others');
is(asked('imds'), 2, 'imds: asked twice');

set_clock(4, -100);
is(key('imds', 'AWS accepts them'), $keys[1], 'imds: the last ones');
is(asked('imds'), 2, 'imds: not asked again');

settings(lifetime => 3600, operation => 'imds.credentials');
set_clock(31);
isnt(key('imds', 'good ones'), $keys[1], 'imds: new ones');
is(asked('imds'), 3, 'imds: asked again');

=== TEST 9: AWS does not accept them: they are renewed, and the call is repeated
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
for my $source (@sources) {
    my $clock = 0;
    my $key = fetched($source, 21600);
    my $asked = 1;

    for my $row (
        ['expire', 'ok', 400], ['revoke', 'ok', 400],
        ['', 'ExpiredTokenException:400:coral', 400],
        ['', 'ExpiredTokenException:400:credentials', 400],
        ['', 'ExpiredTokenException:403', 403],
        ['', 'ExpiredToken:403', 403],
        ['', 'UnrecognizedClientException', 400],
        ['', 'InvalidClientTokenId:403', 403],
        ['', 'InvalidAccessKeyId:403', 403])
    {
        my ($control, $error, $status) = @$row;
        my $what = "$source: $control$error";

        set_clock($clock += 10);
        standin(POST => $control) if $control;

        my ($outcome, @keys) = attempt($source,
            $control ? 'ok' : "seq:error:$error|ok");

        is($outcome, "200  $status, 200", "$what: repeated");
        is($keys[0], $key, "$what: the old ones");
        isnt($keys[1], $key, "$what: others");
        is(asked($source), ++$asked, "$what: asked once");

        $key = $keys[1];
        is(key($source, 'then'), $key, "$what: all use these");
    }
}

is(scalar logged(qr/\[(?:warn|error)\] .*marketplace:/), 0, 'no complaint');
ok(at_rest, 'nothing is left');

=== TEST 10: a session of the metadata that ended, or is not known any more
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
fetched('imds', 3600);
is(asked('imds.token'), 1, 'a session');

standin(POST => 'revoke?only=sessions');
set_clock(3600 - 299);
key('imds', 'not known any more');
is(asked('imds.token'), 2, 'another session');
is(asked('imds'), 2, 'asked once more');

settings(lifetime => 90000, operation => 'imds.credentials');
set_clock(7200);
key('imds', 'for a day');
is(asked('imds.token'), 2, 'the same session');

set_clock(7200 + 90000 - 299);
key('imds', 'ended');
is(asked('imds.token'), 3, 'another session');
is(asked('imds.role'), 5, 'that is not tried with the old one');

=== TEST 11: a renewal that gives the same ones: no second call
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
for my $source (@sources) {
    my $key = fetched($source, 21600);
    my $clock = 0;

    settings(repeat => 'yes', operation => $operation{$source});

    for my $row (['UnrecognizedClientException', 'UnrecognizedClientException'],
        ['InvalidClientTokenId', 'InvalidClientTokenId'],
        ['ExpiredTokenException:400:coral', 'ExpiredCredentials'])
    {
        my ($error, $name) = @$row;
        my $asked = asked($source);

        set_clock($clock += 10);

        my ($outcome, @keys) = attempt($source, "seq:error:$error|ok");

        is($outcome, "500 $name 400", "$source: $name");
        is("@keys", $key, "$source: $name: one call");
        is(asked($source), $asked + 1, "$source: $name: asked");
    }

    is(key($source, 'another request'), $key, "$source: they are used on");
}

=== TEST 12: a renewal that fails: the name is the one that AWS gave
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
for my $source (@sources) {
    my $key = fetched($source, 21600);
    my ($clock, $fails) = (0, 0);

    fails($source);

    for my $row (['UnrecognizedClientException', 'UnrecognizedClientException'],
        ['ExpiredTokenException:400:credentials', 'ExpiredCredentials'])
    {
        my ($error, $name) = @$row;

        set_clock($clock += 10);

        my ($outcome, @keys) = attempt($source, "seq:error:$error|ok");

        is($outcome, "500 $name 400", "$source: $name");
        is("@keys", $key, "$source: $name: one call");
        is(complaints('warn', $source, $until), ++$fails,
            "$source: $name: a warning");
    }

    is(scalar logged(qr/\[error\] .*ResolveCustomer .* access key $key: /),
        2, "$source: errors that name the access key");
    is(key($source, 'another request'), $key, "$source: they are used on");
}

=== TEST 13: they are not renewed more often than every five seconds
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
my $error = 'error:UnrecognizedClientException:400::no';

for my $source (@sources) {
    fetched($source, 21600);
    set_clock(10);

    is((attempt($source, $error))[0],
        '500 UnrecognizedClientException 400, 400', "$source: renewed");
    is(asked($source), 2, "$source: asked");

    for my $seconds (0, 2, 4) {
        set_clock(10 + $seconds);
        is((attempt($source, $error))[0], '500 UnrecognizedClientException 400',
            "$source: $seconds seconds later: not renewed") for 1 .. 3;
    }

    is(asked($source), 2, "$source: not asked again yet");

    set_clock(10 + 5);
    is((attempt($source, $error))[0],
        '500 UnrecognizedClientException 400, 400', "$source: renewed again");
    is(asked($source), 3, "$source: asked again");
}

=== TEST 14: a request has them renewed once, however long it takes
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations($::long)
--- test
my $no = 'error:UnrecognizedClientException:400::no';

for my $source (@sources) {
    my $token = "seq:$no|hold:$no|ok-$source";

    fetched($source, 21600);
    set_clock(10);

    my $client = begin_registering($token, path => "/$source");

    ok(wait_until { 2 == sent $token }, "$source: the second call");
    set_clock(20);
    standin(POST => 'release');
    like(all_of($client), qr/^HTTP\S+ 500 .*\nX-Status: 400, 400\r/s,
        "$source: there is no third one");
    is(asked($source), 2, "$source: renewed once");
}

=== TEST 15: many requests whose credentials are not accepted: one renewal
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
for my $source (@sources) {
    fetched($source, 21600);
    set_clock(10);
    answers($operation{$source} => 'delay:300:ok');
    standin(POST => 'revoke');

    my @clients = map { begin_registering("ok-$source-$_",
        path => "/$source") } 1 .. 20;

    is(scalar(grep { all_of($_) =~ /^HTTP\S+ 200 / } @clients), 20,
        "$source: all are resolved");
    is(asked($source), 2, "$source: asked once");
}

=== TEST 16: errors that say nothing of the credentials
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
for my $source (@sources) {
    fetched($source, 21600);

    for my $row (['ExpiredTokenException', 410], ['InvalidTokenException', 400],
        ['AccessDeniedException', 500], ['InvalidSignatureException', 500],
        ['ThrottlingException', 503])
    {
        my ($name, $status) = @$row;
        my ($outcome, @keys) = attempt($source, "error:$name:400::text");

        is($outcome, "$status $name 400", "$source: $name");
        is(scalar @keys, 1, "$source: $name: one call");
    }

    is(asked($source), 1, "$source: not asked again");
}

=== TEST 17: those that have ended make ExpiredTokenException a fault of ours
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
fetched('imds', 3600);
is((attempt('imds', 'error:ExpiredTokenException:400::text'))[0],
    '410 ExpiredTokenException 400', "not yet: the buyer's");

fails('imds');
set_clock(3600 + 10, 3600 - 100);

is((attempt('imds', 'error:ExpiredTokenException:400::text'))[0],
    '500 ExpiredCredentials 400', 'now: ours');

=== TEST 18: keys that nobody can renew: no second call
--- http_config eval: $::http_config
--- env eval: $::env
--- config eval
my $secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
::locations('', env => 'marketplace_credentials env;',
    static => "marketplace_credentials static id=AKIDEXAMPLE secret=$secret;")
--- test
for my $source (qw(env static)) {
    for my $row (['UnrecognizedClientException', 'UnrecognizedClientException'],
        ['ExpiredTokenException:400:coral', 'ExpiredCredentials'])
    {
        my ($error, $name) = @$row;
        my ($outcome, @keys) = attempt($source, "seq:error:$error|ok");

        is($outcome, "500 $name 400", "$source: $name");
        is("@keys", 'AKIDEXAMPLE', "$source: one call");
    }
}

=== TEST 19: a clock of this machine that is wrong by some minutes
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
# when they are fetched, it shows more than when they end

for my $source (@sources) {
    my $key = fetched($source, 240, 250, 0);

    set_clock(250 + 29, 29);
    is(key($source, 'ahead'), $key, "$source: ahead: not ended");
    is(asked($source), 1, "$source: ahead: asked once");
}

=== TEST 20: the same where it is behind
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
for my $source (@sources) {
    my $key = fetched($source, 3600, -250, 0);

    set_clock(3600 - 301 - 250, 3600 - 301);
    is(key($source, 'just before'), $key, "$source: the same ones");
    is(asked($source), 1, "$source: asked once");

    set_clock(3600 - 299 - 250, 3600 - 299);
    isnt(key($source, 'just after'), $key, "$source: other ones");
    is(asked($source), 2, "$source: asked twice");
}

=== TEST 21: a clock of this machine that is wrong by an hour
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval
::locations('', static => 'marketplace_credentials static id=AKIDEXAMPLE
    secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;')
--- test
for my $source (qw(imds container web_identity)) {
    settings(lifetime => 1800, operation => $operation{$source});

    # right for once, so that it is learnt anew for every source: from the
    # first call's error, or from STS before that

    set_clock(0);
    attempt('static');

    for my $seconds (0, 31, 600) {
        set_clock(3600 + $seconds, $seconds);
        is((attempt($source))[0],
            $seconds || $source eq 'web_identity'
                ? '200  200' : '500 InvalidSignatureException 400',
            "$source: AWS notices, once, after $seconds seconds");
    }

    is(asked($source), 1, "$source: but they have not ended");
}

=== TEST 22: the clock jumps forwards and back
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
for my $source (@sources) {
    my $key = fetched($source, 3600);

    set_clock(18000);
    my $later = key($source, 'forwards');
    isnt($later, $key, "$source: forwards: renewed");

    set_clock(0);
    is(key($source, 'back'), $later, "$source: back: the same ones");

    standin(POST => 'expire');
    my ($outcome, @keys) = attempt($source);
    is($outcome, '200  400, 200', "$source: AWS tells if they have ended");
    is(asked($source), 3, "$source: then they are renewed");
}

=== TEST 23: no pause lasts longer because the clock jumps back
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
my $error = 'error:UnrecognizedClientException:400::no';

for my $source (@unstable) {
    fails($source);
    set_clock(18000);
    is((attempt($source))[0], '500 NoCredentials ', "$source: it fails");

    answers($operation{$source} => 'ok');
    set_clock(0);
    key($source, 'it works again');
}

for my $source (@sources) {
    my $key = fetched($source, 3600, 40000);

    fails($source);
    set_clock(40000 + 3600 - 10);
    is(key($source, 'it fails'), $key, "$source: the old ones");

    answers($operation{$source} => 'ok');
    set_clock(40000 + 3600 - 260);
    isnt(key($source, 'it works again'), $key, "$source: renewed");
}

for my $source (@sources) {
    for my $clock (60000, 50000) {
        set_clock($clock);
        is((attempt($source, $error))[0],
            '500 UnrecognizedClientException 400, 400', "$source: renewed");
    }
}

=== TEST 24: a role, and what it is assumed with
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval
my $role = 'marketplace_assume_role arn:aws:iam::111122223333:role/seller;';
::locations('', map { ("$_-role", "marketplace_credentials $_; $role") }
    qw(imds container))
--- test
for my $source (qw(imds container)) {
    standin(POST => 'reset');
    settings(lifetime => 3600, operation => 'sts.AssumeRole');
    settings(lifetime => 7200, operation => $operation{$source});
    set_clock(0);

    my $key = key("$source-role", 'first');
    is(asked($source) . asked('assume_role'), '11', "$source: both asked");

    set_clock(3600 - 299);
    isnt(key("$source-role", 'renewed'), $key, "$source: another one");
    is(asked($source) . asked('assume_role'), '12',
        "$source: with what there was");

    set_clock(7200 - 299);
    key("$source-role", 'both renewed');
    is(asked($source) . asked('assume_role'), '23', "$source: with new ones");

    # STS does not accept them any more

    standin(POST => 'revoke');
    set_clock(7200 - 200);
    my ($outcome) = attempt("$source-role");
    is($outcome, '200  400, 200', "$source: not accepted");
    is(asked($source) . asked('assume_role'), '35',
        "$source: STS was asked twice");
}

is(scalar logged(qr/\[(?:warn|error)\] .*marketplace:/), 0, 'no complaint');

=== TEST 25: what a role is assumed with cannot be renewed
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval
my $role = 'marketplace_assume_role arn:aws:iam::111122223333:role/seller;';
::locations('marketplace_timeout 1600ms;',
    role => "marketplace_credentials container; $role")
--- test
settings(lifetime => 900, operation => 'container');
settings(lifetime => 3600, operation => 'sts.AssumeRole');
set_clock(0);

my $key = key('role', 'first');
my $clock = 3600 - 299;

for my $answer ('error:AccessDenied:403', 'hang') {
    answers(container => $answer);
    set_clock($clock += 31);

    is(key('role', $answer), $key, "$answer: the old one");
    is(asked('assume_role'), 1, "$answer: STS is not asked");

    my $asked = asked('container');
    is(key('role', 'soon after'), $key, "$answer: the old one");
    is(asked('container'), $asked, "$answer: not asked again yet");
}

is(complaints('warn', 'assume_role', $until), 2, 'warnings');
is(scalar logged(': no credentials to ask with, as logged before, .*'
    . quotemeta $until), 2, 'why');

answers(container => 'ok');
set_clock($clock += 31);
isnt(key('role', 'it works again'), $key, 'another one');

=== TEST 26: the metadata gives no session
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations('marketplace_timeout 1600ms;')
--- test
my $key = fetched('imds', 21600);

# the session ends with the credentials, which AWS accepts for longer

my ($warnings, $clock) = (0, 21600 + 10);

for my $answer ('error:Forbidden:403', 'close:0:ok', 'hang') {
    answers('imds.token' => $answer);
    set_clock($clock += 31, 21600 - 100);

    is(key('imds', $answer), $key, "$answer: used");
    is(complaints('warn', 'imds', $although), ++$warnings,
        "$answer: a warning");

    my $asked = asked('imds.token');
    is(key('imds', 'soon after'), $key, "$answer: used");
    is(asked('imds.token'), $asked, "$answer: not asked again yet");
}

answers('imds.token' => 'ok');
set_clock($clock += 31);
isnt(key('imds', 'it works again'), $key, 'new ones');

=== TEST 27: a role of the instance that is replaced, and a token of the pod
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
fetched('imds', 3600);
settings(role => 'another-role');
set_clock(3600 - 299);
key('imds', 'another role');
is((sent "ok-$serial")[0]{role}, 'arn:aws:iam::111122223333:role/another-role',
    'it is used');

my $key = fetched('web_identity', 3600);
my $asked = asked('web_identity');

rename $token_file, "$token_file.old";
set_clock(3600 - 299);
is(key('web_identity', 'no token file'), $key, 'the old ones');
is(complaints('warn', 'web_identity', $until), 1, 'a warning');
is(asked('web_identity'), $asked, 'STS is not asked');

rename "$token_file.old", $token_file;
set_clock(3600 - 299 + 31);
isnt(key('web_identity', 'it is there again'), $key, 'new ones');

=== TEST 28: many requests after a long time without any
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::locations()
--- test
for my $source (@sources) {
    fetched($source, 3600);
    set_clock(90000);
    answers($operation{$source} => 'delay:300:ok');

    my @clients = map { begin_registering("ok-$source-$_",
        path => "/$source") } 1 .. 20;

    is(scalar(grep { all_of($_) =~ /^HTTP\S+ 200 / } @clients), 20,
        "$source: all are resolved");
    is(asked($source), 2, "$source: asked once");
}
