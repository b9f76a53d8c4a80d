# Which source the default chain takes, over the wire and as "nginx -t" tells
# it; and that nothing is fetched before a request needs it.

use lib 't/lib';
use File::Path ();
use IO::Socket::INET;
use JSON::PP ();
use Test::Nginx::Socket 'no_plan';
use Marketplace;

no_root_location();
master_on();
workers(2);

# nginx warns of credentials that everyone can read.

umask 077;

our $roles = 'arn:aws:iam::111122223333:role';

our $keys = "aws_access_key_id = AKIDSLASH\n"
    . "aws_secret_access_key = /JalrXUtnFEMI/K7MDENG+bPxRfiCYSLASHKEY==\n";

# The sources in the order in which they are looked for: the environment that
# they are in, who issues their credentials or which key it is, and what the
# stand-in is asked for.

our $standin = "http://127.0.0.1:$ENV{TEST_NGINX_AWS_HTTP}";

our @order = qw(env web_identity profile container imds);

our %sources = (
    env => [
        { AWS_ACCESS_KEY_ID => 'AKIDEXAMPLE',
          AWS_SECRET_ACCESS_KEY =>
              'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
        'AKIDEXAMPLE', ''],
    web_identity => [
        { AWS_ROLE_ARN => "$roles/web",
          AWS_WEB_IDENTITY_TOKEN_FILE => put('token',
              'eyJhbGciOiJSUzI1NiJ9.FQoGZXIvYXdzEXAMPLE.signature') },
        'sts.AssumeRoleWithWebIdentity', 'sts.AssumeRoleWithWebIdentity'],
    profile => [
        { HOME => put('home/.aws/credentials', "[default]\n$keys")
              =~ s{/\.aws/.*}{}r },
        'AKIDSLASH', ''],
    container => [
        { AWS_CONTAINER_CREDENTIALS_FULL_URI => "$standin/v1/credentials" },
        'container', 'container'],
    imds => [
        { AWS_EC2_METADATA_DISABLED => undef },
        'imds.credentials', 'imds.token imds.role imds.credentials']);

# Where the two that are elsewhere by default are.

our %elsewhere = (AWS_ENDPOINT_URL_STS => $standin,
    AWS_EC2_METADATA_SERVICE_ENDPOINT => $standin);

our $config = <<'_EOC_';
    location = /at-rest {
        stub_status;
    }
    location / {
        marketplace_resolve on;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /other {
        marketplace_resolve optional;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
_EOC_

# --- sources: those that the environment of nginx has.

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('config', $config) unless defined $block->config;
    $block->set_value('http_config', "marketplace_endpoint $standin;"
        . ($block->http // ''));

    my %env = (%elsewhere, having(split ' ', $block->sources // ''));

    # what the block says is stronger

    $block->set_value('env', CORE::join("\n", map {
        defined $env{$_} ? "$_=$env{$_}" : "!$_" } sort keys %env)
        . "\n" . ($block->env // ''));
});

sub put {
    my ($name, $text) = @_;

    my $file = "$ENV{TEST_NGINX_TMP}/$name";

    File::Path::make_path($file =~ s{/[^/]+$}{}r);
    open my $out, '>', $file or die "$file: $!";
    print $out $text;
    close $out;

    return $file;
}

sub lines {
    open my $file, '<', shift or die;

    return <$file>;
}

# The sources that a log says were taken, as nginx was started or reloaded.

sub taken {
    return map { /\[notice\]\ \d+\#\d+:\ marketplace:\ AWS\ credentials\ are
        \ taken\ from\ "(\w+)"$/x } lines(shift);
}

sub requests {
    return @{ JSON::PP::decode_json(standin(GET => "requests?service=all")) };
}

# Checks that a registration is resolved with credentials from this source,
# that no other one is asked, and that nginx has told so once.

sub takes {
    my $source = shift;

    my (undef, $issuer, $operations) = @{ $sources{$source} };

    is_deeply([taken($Test::Nginx::Util::ErrLogFile)], [$source], 'told once');

    for my $path ('/register', '/other', '/register') {
        my $token = "ok-$source$path";

        is(register($token, path => $path)->{status}, 200, "$path: resolved");

        my $call = (sent $token)[-1];

        is($call->{issued_by} // $call->{access_key}, $issuer,
            "$path: by $source");
    }

    my $others = qr/^metering\./;

    is(join(' ', grep { !/$others/ } map { $_->{operation} } requests),
        $operations, 'asked for credentials');
}

# What "nginx -t" says of the block's configuration, in an environment with
# these changes: the source that is taken, "none" or "error", and its messages.
# As real configurations do, this one has "user" in front, and a log of its own.

sub tested {
    my %env = @_;

    local %ENV = %ENV;

    for (keys %env) {
        defined $env{$_} ? ($ENV{$_} = $env{$_}) : delete $ENV{$_};
    }

    my $log = put('t.log', '');
    my $text = CORE::join '', lines($Test::Nginx::Util::ConfFile);
    my $user = $text =~ s/^user .*;\n//m ? $& : '';
    my $conf = put('t.conf', $user
        . $text =~ s/^error_log .*;/error_log $log notice;/mr);

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDERR, '>', '/dev/null';
        exec $Test::Nginx::Util::NginxBinary, '-t', '-e', $log, '-p',
            $Test::Nginx::Util::ServRoot, '-c', $conf or die "exec: $!";
    }

    waitpid $pid, 0;

    return ($? ? 'error' : (taken($log))[0] // 'none',
        map { /\[(?:warn|emerg|alert|crit)\] \d+#\d+: (.*)/ } lines($log));
}

# The changes that an environment without any source needs to have these.

sub having {
    return map { %{ $sources{$_}[0] } } @_;
}

# What botocore takes in the same environments, by the names that it has.

our $chooser = put('chooser.py', <<'_EOC_');
import json
import os
import sys

import botocore.session

chosen = []
for environment in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(environment)
    try:
        found = botocore.session.Session().get_credentials()
        chosen.append(found.method if found else "none")
    except Exception as error:
        chosen.append("error")
json.dump(chosen, sys.stdout)
_EOC_

sub botocore_takes {
    my @environments = map {
        my %env = (%ENV, %$_);
        delete $env{$_} for grep { !defined $env{$_} } keys %env;
        \%env;
    } @_;

    my $file = put('environments', JSON::PP::encode_json(\@environments));
    my $python = $ENV{PYTHON} || '/usr/bin/python3';
    my $chosen = `$python $chooser <$file`;

    die 'botocore failed' if $?;

    return @{ JSON::PP::decode_json($chosen) };
}

our %botocore = (env => 'env', none => 'none', error => 'error',
    'assume-role-with-web-identity' => 'web_identity',
    'shared-credentials-file' => 'profile', 'config-file' => 'profile',
    'assume-role' => 'profile', 'custom-process' => 'profile',
    'container-role' => 'container', 'iam-role' => 'imds');

# A port where nobody listens.

our $nobody = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
    Proto => 'tcp') // die;
$ENV{TEST_NGINX_NOBODY} = $nobody->sockport;

our $nothing = 'marketplace: there are no AWS credentials in the environment'
    . " or the shared credentials file, and EC2's instance metadata is"
    . ' disabled; no customer can be resolved without: see'
    . ' "marketplace_credentials"';

run_tests();

__DATA__

=== TEST 1: the environment
--- sources: env
--- test: takes('env')

=== TEST 2: web identity
--- sources: web_identity
--- test: takes('web_identity')

=== TEST 3: a profile
--- sources: profile
--- test: takes('profile')

=== TEST 4: a container
--- sources: container
--- test: takes('container')

=== TEST 5: EC2's instance metadata
--- sources: imds
--- test: takes('imds')

=== TEST 6: the environment before web identity
--- sources: web_identity env
--- test: takes('env')

=== TEST 7: the environment before a profile
--- sources: profile env
--- test: takes('env')

=== TEST 8: the environment before a container
--- sources: container env
--- test: takes('env')

=== TEST 9: the environment before instance metadata
--- sources: imds env
--- test: takes('env')

=== TEST 10: web identity before a profile
--- sources: profile web_identity
--- test: takes('web_identity')

=== TEST 11: web identity before a container
--- sources: container web_identity
--- test: takes('web_identity')

=== TEST 12: web identity before instance metadata
--- sources: imds web_identity
--- test: takes('web_identity')

=== TEST 13: a profile before a container
--- sources: container profile
--- test: takes('profile')

=== TEST 14: a profile before instance metadata
--- sources: imds profile
--- test: takes('profile')

=== TEST 15: a container before instance metadata
--- sources: imds container
--- test: takes('container')

=== TEST 16: all at once
--- sources: imds container profile web_identity env
--- test: takes('env')

=== TEST 17: all combinations are told as botocore takes them
--- suppress_stderr
--- test
our @combinations = ([]);

for my $source (reverse @order) {
    @combinations = map { ([@$_], [$source, @$_]) } @combinations;
}

my @botocore = botocore_takes(map { +{having(@$_)} } @combinations);

for (0 .. $#combinations) {
    my @sources = @{ $combinations[$_] };
    my ($source, @messages) = tested(having(@sources));

    is($source, $sources[0] // 'none', "taken of @sources");
    is($botocore{$botocore[$_]}, $source, 'as by botocore');
    is("@messages", @sources ? '' : $nothing, 'messages');
}

is(scalar @combinations, 32, 'all combinations');

=== TEST 18: other environments, and what botocore takes there
--- suppress_stderr
--- test
# The name, what differs from an environment with instance metadata only, what
# is taken, what botocore 1.29 takes if that is not the same (newer ones may be
# different), and what is told.

sub home_with {
    my ($name, %files) = @_;

    put("$name/.aws/$_", $files{$_}) for keys %files;

    return (HOME => "$ENV{TEST_NGINX_TMP}/$name");
}

our $role = "role_arn = $roles/seller\n";
our $files = qr/, in "[^"]+" and "[^"]+"/;
our $half = qr/\Qmust have both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/;

our @environments = (
    ['nothing else', {}, 'imds'],
    ['nothing at all', {AWS_EC2_METADATA_DISABLED => 'true'}, 'none', undef,
     qr/^\Q$nothing\E$/],

    # half-configured: an error, or passed over

    ['an id only', {AWS_ACCESS_KEY_ID => 'AKIDEXAMPLE'}, 'error', undef,
     qr/$half, and AWS_SECRET_ACCESS_KEY is missing$/],
    ['a secret only', {AWS_SECRET_ACCESS_KEY => 's'}, 'error', 'imds',
     qr/$half, and AWS_ACCESS_KEY_ID is missing$/],
    ['a session token only', {AWS_SESSION_TOKEN => 't'}, 'imds'],
    ['a role only', {AWS_ROLE_ARN => "$roles/web"}, 'imds'],
    ['a web identity only',
     {AWS_WEB_IDENTITY_TOKEN_FILE => '/nonexistent'}, 'imds', 'error'],
    ['a session name only', {AWS_ROLE_SESSION_NAME => 'name'}, 'imds'],
    ['an authorization only', {AWS_CONTAINER_AUTHORIZATION_TOKEN => 't',
     AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE => '/nonexistent'}, 'imds'],
    ['a home only', {HOME => '/nonexistent'}, 'imds'],

    # configured, but not there: botocore notices when it calls STS

    ['a token file that is missing', {having('web_identity'),
     AWS_WEB_IDENTITY_TOKEN_FILE => '/nonexistent'}, 'error', 'web_identity',
     qr{"/nonexistent", which the environment's AWS_WEB\w+ names, cannot be}],

    # empty is as unset; to botocore a container's address is not, nor are
    # the names of files

    ['empty keys', {AWS_ACCESS_KEY_ID => '', AWS_SECRET_ACCESS_KEY => '',
     AWS_SESSION_TOKEN => ''}, 'imds'],
    ['an empty id', {AWS_ACCESS_KEY_ID => '', AWS_SECRET_ACCESS_KEY => 's'},
     'error', 'imds', $half],
    ['empty keys before a profile', {having('profile'),
     AWS_ACCESS_KEY_ID => '', AWS_SECRET_ACCESS_KEY => ''}, 'profile'],
    ['an empty role', {having('web_identity'), AWS_ROLE_ARN => ''}, 'imds',
     'error'],
    ['no web identity', {having('web_identity'),
     AWS_WEB_IDENTITY_TOKEN_FILE => ''}, 'imds'],
    ['empty addresses of a container',
     {AWS_CONTAINER_CREDENTIALS_RELATIVE_URI => '',
      AWS_CONTAINER_CREDENTIALS_FULL_URI => ''}, 'imds', 'error'],
    ['one empty address', {having('container'),
     AWS_CONTAINER_CREDENTIALS_RELATIVE_URI => ''}, 'container', 'error'],
    ['empty AWS_PROFILE', {having('profile'), AWS_PROFILE => ''}, 'profile',
     'error'],
    ['empty names of files', {having('profile'), AWS_CONFIG_FILE => '',
     AWS_SHARED_CREDENTIALS_FILE => ''}, 'profile', 'imds'],
    ['empty AWS_EC2_METADATA_DISABLED', {AWS_EC2_METADATA_DISABLED => ''},
     'imds'],
    ['AWS_EC2_METADATA_DISABLED in capitals',
     {AWS_EC2_METADATA_DISABLED => 'TRUE'}, 'none', undef, qr/no customer/],

    # profiles

    ['keys in the config file', {home_with('config', config =>
     "[default]\n$keys")}, 'profile'],
    ['files by their names', {HOME => '/nonexistent', AWS_CONFIG_FILE =>
     put('by-name/config', "[default]\n$role" . 'source_profile = b'),
     AWS_SHARED_CREDENTIALS_FILE => put('by-name/keys', "[b]\n$keys")},
     'profile'],
    ['a config file and no home', {HOME => undef, AWS_CONFIG_FILE =>
     put('by-name/alone', "[default]\n$keys")}, 'profile'],
    ['a device in place of the config file', {having('profile'),
     AWS_CONFIG_FILE => '/dev/null'}, 'profile'],
    ['a device in place of the credentials file', {AWS_CONFIG_FILE =>
     put('by-name/alone', "[default]\n$keys"),
     AWS_SHARED_CREDENTIALS_FILE => '/dev/null'}, 'profile'],
    ['another profile', {home_with('two', credentials => "[other]\n$keys"),
     AWS_PROFILE => 'other'}, 'profile'],
    ['AWS_PROFILE is weaker than keys', {having('env', 'profile'),
     AWS_PROFILE => 'default'}, 'env'],
    ['another profile has keys', {home_with('two',
     credentials => "[other]\n$keys")}, 'imds'],
    ['settings only', {home_with('settings', config =>
     "[default]\nregion = eu-west-1")}, 'imds'],
    ['a role', {home_with('role', credentials =>
     "[default]\n${role}source_profile = b\n[b]\n$keys")}, 'profile'],
    ['a web identity of a profile', {home_with('web', config =>
     "[default]\n${role}web_identity_token_file = "
     . $sources{web_identity}[0]{AWS_WEB_IDENTITY_TOKEN_FILE})},
     'profile', 'web_identity'],

    # botocore has roles of profiles before web identity

    ['a role of a profile, and web identity', {having('web_identity'),
     home_with('role', credentials =>
     "[default]\n${role}source_profile = b\n[b]\n$keys")},
     'web_identity', 'profile'],

    # profiles that cannot be used: told, and passed over

    ['AWS_PROFILE is not there', {having('profile'), AWS_PROFILE => 'gone'},
     'imds', 'error', qr/profile "gone" does not exist$files$/],
    ['a file that is not there',
     {AWS_SHARED_CREDENTIALS_FILE => '/nonexistent'}, 'imds', undef,
     qr{cannot read the credentials file "/nonexistent" \(2: }],
    ['a profile without a secret', {home_with('half', credentials =>
     "[default]\naws_access_key_id = AKIDEXAMPLE")}, 'imds', 'error',
     qr/profile "default" has only one of \w+ and \w+$files$/],
    ['a profile without an id', {home_with('idless', credentials =>
     "[default]\naws_secret_access_key = XUtnFEMI")}, 'imds', undef,
     qr/profile "default" has only one of \w+ and \w+$files$/],
    ['a process', {home_with('process', config =>
     "[default]\ncredential_process = false")}, 'imds', 'error',
     qr/profile "default" has a credential_process, and .*$files$/],
    ['a role without a source', {home_with('sourceless', config =>
     "[default]\n$role")}, 'imds', 'error',
     qr/profile "default" has a role_arn, but none of .*$files$/],
    ['a cycle', {home_with('cycle', config =>
     "[default]\n${role}source_profile = b\n"
     . "[profile b]\n${role}source_profile = default")}, 'imds', 'error',
     qr/profile "default" is its own source, .*$files$/],
    ['a source that is not there', {home_with('gone', config =>
     "[default]\n${role}source_profile = b")}, 'imds', 'error',
     qr/profile "b" does not exist$files$/],
    ['a credential_source that has nothing', {home_with('empty', config =>
     "[default]\n${role}credential_source = EcsContainer")}, 'imds', 'error',
     qr/profile "default" has a credential_source, "container", that /],
);

my @botocore = botocore_takes(map { +{having('imds'), %{ $_->[1] }} }
    @environments);

for (@environments) {
    my ($name, $env, $source, $botocore, $message) = @$_;
    my ($taken, @messages) = tested(having('imds'), %$env);
    my $chosen = shift @botocore;

    is($taken, $source, $name);
    is($botocore{$chosen}, $source, "$name: botocore") unless $botocore;
    is(scalar @messages, $message ? 1 : 0, "$name: messages");
    like($messages[0], $message, "$name: message") if $message && @messages;
    unlike("@messages", qr/XUtnFEMI|FQoGZXIvYXdzEXAMPLE/, "$name: no secret");
}

=== TEST 19: nothing at all
--- suppress_stderr
--- test
my ($source, @messages) = tested();

is($source, 'none', 'nginx -t succeeds');
is_deeply(\@messages, [$nothing], 'with a warning');

my $response = register('ok', path => '/');

is("$response->{status} $response->{headers}{'x-error'}", '500 NoCredentials',
    'POST');
is(register('ok', path => '/other')->{status}, 200, 'optional POST');

my $url = 'http://127.0.0.1:' . nginx_port();

is(HTTP::Tiny->new->request($_, "$url/")->{status}, 200, $_)
    for qw(GET HEAD DELETE);
is(scalar requests, 0, 'nobody is asked');
--- error_log eval: $::nothing

=== TEST 20: nginx starts even if nobody is where instance metadata should be
--- env
!AWS_EC2_METADATA_DISABLED
AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:$TEST_NGINX_NOBODY
--- test
my ($source, @messages) = tested();

is($source, 'imds', 'the last resort');
is_deeply(\@messages, [], 'without a warning');

my $response = register('ok', path => '/');

is("$response->{status} $response->{headers}{'x-error'}", '500 NoCredentials',
    'POST');
is(HTTP::Tiny->new->get('http://127.0.0.1:' . nginx_port())->{status}, 200,
    'GET');
is(scalar requests, 0, 'nobody else is asked');
--- error_log
fetching credentials failed

=== TEST 21: a broken default profile is told, and the next source is taken
--- suppress_stderr
--- sources: imds
--- env eval
'HOME=' . ::put('broken/.aws/credentials',
    "[default]\n" . $::keys =~ s/\n.*//sr) =~ s{/\.aws/.*}{}r
--- test: takes('imds')
--- error_log
[warn]
profile "default" has only one of aws_access_key_id and aws_secret_access_key

=== TEST 22: empty variables are as unset
--- sources: container
--- env
AWS_ACCESS_KEY_ID=
AWS_SECRET_ACCESS_KEY=
AWS_SESSION_TOKEN=
AWS_ROLE_ARN=
AWS_WEB_IDENTITY_TOKEN_FILE=
AWS_ROLE_SESSION_NAME=
AWS_PROFILE=
AWS_SHARED_CREDENTIALS_FILE=
AWS_CONFIG_FILE=
AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=
AWS_CONTAINER_AUTHORIZATION_TOKEN=
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=
AWS_EC2_METADATA_DISABLED=
AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=
--- test: takes('container')

=== TEST 23: a role without its web identity is passed over
--- sources: imds container web_identity
--- env
!AWS_WEB_IDENTITY_TOKEN_FILE
--- test: takes('container')

=== TEST 24: a web identity without its role is passed over
--- sources: imds container web_identity
--- env
!AWS_ROLE_ARN
--- test: takes('container')

=== TEST 25: a source that is named has to be there, whatever else is
--- http
    marketplace_credentials env;
--- sources: env
--- test
for my $source (@order) {
    my %missing = map { $_ => undef } keys %{ $sources{$source}[0] };
    my @others = grep { $_ ne $source } @order;

    $missing{AWS_EC2_METADATA_DISABLED} = 'true' if $source eq 'imds';
    $missing{HOME} = '/nonexistent' if $source eq 'profile';

    my $conf = CORE::join '', lines($Test::Nginx::Util::ConfFile);

    local $Test::Nginx::Util::ConfFile = put('named.conf',
        $conf =~ s/(marketplace_credentials) \w+;/$1 $source;/r);

    my ($taken, @messages) = tested(having(@others), %missing);

    is($taken, 'error', "$source is not there");
    like($messages[-1], qr/^"marketplace_credentials\b.*in\ \S+:\d+$/,
        "$source: message");

    ($taken, @messages) = tested(having(@order));

    is($taken, 'none', "$source is there: not the default chain");
    is("@messages", '', "$source: no message");
}

is(scalar requests, 0, 'nobody is asked');

=== TEST 26: nothing is fetched by starting, testing and reloading
--- sources: container
--- test
my $log = $Test::Nginx::Util::ErrLogFile;
my $pid = (lines($Test::Nginx::Util::PidFile))[0] + 0;

sub started {
    return scalar grep { /\[notice\] .*: start worker process \d+$/ }
        lines($log);
}

my ($source) = tested();

is($source, 'container', 'tested');
is(HTTP::Tiny->new->get('http://127.0.0.1:' . nginx_port())->{status}, 200,
    'GET');

my $workers = started();

# The master has read its environment once more.

for my $time (2, 3) {
    kill HUP => $pid;
    ok(wait_until { started() == $time * $workers }, 'reloaded');
    is_deeply([taken($log)], [('container') x $time], 'told once more');
}

# The workers of before are gone: who answers is a new one.

ok(wait_until { 2 * $workers == grep { /worker process \d+ exited with/ }
    lines($log) }, 'no old workers');

is(HTTP::Tiny->new->get('http://127.0.0.1:' . nginx_port())->{status}, 200,
    'GET');
is(scalar requests, 0, 'nobody is asked');

is(register("ok-$_", path => '/')->{status}, 200, 'POST') for 1 .. 4;
is((sent 'ok-4')[0]{issued_by}, 'container', 'issuer');
is(scalar(grep { $_->{operation} eq 'container' } requests), 1,
    'fetched once, when it was needed');
