# Secrets in the memory of a worker: where they have to be, and nowhere else,
# and no longer than they are used.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT reload worker_processes has_watched_memory);

use Digest::SHA qw(hmac_sha256);

# What a block does stays in the zone: once is enough.

repeat_each(1);
workers(1);
master_on();

our $identity = 'eyJhbGciOiJSUzI1NiJ9.FQoGZXIvYXdzEXAMPLE.signature';

sub write_file {
    my ($name, $text) = @_;

    open my $file, '>', "$ENV{TEST_NGINX_TMP}/$name" or die;
    print $file $text;
    close $file or die;
}

write_file('web-identity', "$identity\n");

# A profile with these keys.

sub write_profile {
    my ($key, $secret, $token) = @_;

    write_file('profiles', "[default]\naws_access_key_id = $key\n"
        . "aws_secret_access_key = $secret\n"
        . ($token ? "aws_session_token = $token\n" : ''));
}

our @keys = ('AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
our @others = ('ASIAEXAMPLE', 'temporaryXUtnFEMI/K7MDENG+bPxRfEXAMPLEKEY',
    'FQoGZXIvYXdzEXAMPLETOKEN/+temporary==');

write_profile(@keys);

# Keys of sessions, and what the module makes of one.

our ($session_key, $other_session_key) = map { $_ x 64 } qw(a b);

sub code_of {
    return hmac_sha256('marketplace session 1 __Host-marketplace', shift);
}

write_file('session-keys', "$session_key\n");
chmod 0600, "$ENV{TEST_NGINX_TMP}/session-keys";

our $env = <<'_EOC_';
!AWS_EC2_METADATA_DISABLED
AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:$TEST_NGINX_AWS_HTTP/v1/credentials
AWS_ENDPOINT_URL_STS=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
AWS_ROLE_ARN=arn:aws:iam::111122223333:role/web
AWS_WEB_IDENTITY_TOKEN_FILE=$TEST_NGINX_TMP/web-identity
_EOC_

our $http_config = <<'_EOC_';
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
_EOC_

sub location {
    my $directives = shift;

    return <<"_EOC_";
    location = /at-rest {
        stub_status;
    }
    location = /register {
        marketplace_resolve on;
        $directives
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
    }
_EOC_
}

# How often a text is in the memory that a worker can write, but for its stack:
# what a function has left there the next ones overwrite.  Every secret key that
# the stand-in issues or knows has one text in it, every session token another.

our $secret_key = 'XUtnFEMI';
our $session_token = 'FQoGZXIvYXdzEXAMPLE';

sub copies {
    my ($pid) = worker_processes();
    my $copies = 0;

    open my $maps, '<', "/proc/$pid/maps" or die "maps: $!";
    open my $memory, '<:raw', "/proc/$pid/mem" or die "mem: $!";

    while (my $line = <$maps>) {
        my ($start, $end) = $line =~ /^(\w+)-(\w+) rw(?!.*\[stack\])/
            or next;

        no warnings 'portable';
        sysseek $memory, hex $start, 0 or die "seek: $!";

        my $text = '';

        while ((my $left = hex($end) - hex($start) - length $text) > 0) {
            sysread $memory, $text, $left, length $text or die "read: $!";
        }

        $copies += () = $text =~ /\Q$_[0]\E/g;
    }

    return $copies;
}

sub copies_are {
    my ($text, $count, $what) = @_;

    SKIP: {
        skip 'not what nginx itself has in memory', 1 if has_watched_memory;
        is(copies($text), $count, $what);
    }
}

# Registers, and looks when that is over.

our $serial = 0;

sub are_there {
    my ($what, %expected) = @_;

    is(register('ok-' . ++$serial)->{status}, 200, "$what: resolved");
    ok(at_rest, "$what: at rest");

    copies_are($_, $expected{$_}, "$what: copies of $_")
        for sort keys %expected;
}

run_tests();

__DATA__

=== TEST 1: those of a service: one in the zone, and one of the worker
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::location('marketplace_credentials container;')
--- test
my %expected = ($::secret_key => 2, $::session_token => 2);

are_there('the first ones', %expected);
set_clock(21600 - 100);
are_there('others', %expected);
is(standin(GET => 'count?operation=container') + 0, 2, 'fetched twice');

=== TEST 2: those of an instance, and the session that they are asked for in
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::location('marketplace_credentials imds;')
--- test
my %expected = ($::secret_key => 2, $::session_token => 4);

are_there('the first ones', %expected);
set_clock(21600 - 100);
are_there('others', %expected);
is(standin(GET => 'count?operation=imds.credentials') + 0, 2, 'fetched twice');

=== TEST 3: those for a token in a file, which is not kept at all
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::location('marketplace_credentials web_identity;')
--- test
my %expected = ($::secret_key => 2, $::session_token => 2, $::identity => 0);

are_there('the first ones', %expected);
set_clock(3600 - 100);
are_there('others', %expected);
is(standin(GET => 'count?operation=sts.AssumeRoleWithWebIdentity') + 0, 2,
    'fetched twice');

=== TEST 4: those of a role, and those that it is assumed with
--- clock
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval
::location('marketplace_credentials container;
    marketplace_assume_role arn:aws:iam::111122223333:role/seller;')
--- test
my %expected = ($::secret_key => 4, $::session_token => 4);

are_there('the first ones', %expected);
set_clock(21600 - 100);
are_there('others', %expected);
is(standin(GET => 'count?operation=sts.AssumeRole') + 0, 2, 'fetched twice');

=== TEST 5: those of a profile that changes
--- http_config eval: $::http_config
--- config eval
::location('marketplace_credentials profile file=$TEST_NGINX_TMP/profiles;')
--- test
are_there('the first ones', $::secret_key => 1, $::session_token => 0);
::write_profile(@::others);
ok(wait_until { register('ok-' . ++$::serial);
    (sent "ok-$::serial")[0]{access_key} eq 'ASIAEXAMPLE' }, 'they change');
are_there('others', $::secret_key => 1, $::session_token => 1);
::copies_are($::keys[1], 0, 'nothing of the first ones');

=== TEST 6: the keys of sessions
--- http_config eval: $::aws
--- config eval
::location('marketplace_session key=$TEST_NGINX_TMP/session-keys;')
--- test
::copies_are($::session_key, 0, 'not as they are in the file');
::copies_are(::code_of($::session_key), 1, 'but what is made of them');

::write_file('session-keys', "$::other_session_key\n");
ok(reload, 'a reload');
::copies_are(::code_of($::other_session_key), 1, 'of another one');
::copies_are(::code_of($::session_key), 0, 'nothing of the first one');

=== TEST 7: while AWS is asked: one more, in the reply that they came in
--- env eval: $::env
--- http_config eval: $::http_config
--- config eval: ::location('marketplace_credentials container;')
--- test
my $client = begin_registering('hold:ok');

ok(wait_until { standin(GET => 'count') == 1 }, 'asked');
::copies_are($::secret_key, 3, 'no more');

standin(POST => 'release');
like(<$client>, qr/^HTTP\S+ 200 /, 'resolved');
