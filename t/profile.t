# Profiles in shared files while nginx runs: what they may hold, and what
# becomes of requests when somebody writes there.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT all_of connect_to logged reload worker_processes);

use POSIX ();
use Time::HiRes ();

repeat_each(1);
no_root_location();
worker_connections(256);
master_on();
start_dns;

# Workers that are not root, or they could read whatever there is.

our ($uid, $gid) = ($>, $) + 0);

if ($> == 0) {
    ($uid, $gid) = (getpwnam 'nobody')[2, 3];
    $Test::Nginx::Util::WorkerUser = 'nobody ' . getgrgid $gid;
}

our $folder = $ENV{TEST_NGINX_TMP};

our $env = <<'_EOC_';
!AWS_EC2_METADATA_DISABLED
AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:$TEST_NGINX_AWS_HTTP/v1/credentials
AWS_ENDPOINT_URL_STS=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
AWS_ACCESS_KEY_ID=AKIDSLASH
AWS_SECRET_ACCESS_KEY=/JalrXUtnFEMI/K7MDENG+bPxRfiCYSLASHKEY==
AWS_CONFIG_FILE=$TEST_NGINX_TMP/config
_EOC_

our %secret = (
    AKIDEXAMPLE => 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    AKIDSLASH => '/JalrXUtnFEMI/K7MDENG+bPxRfiCYSLASHKEY==',
    AKIDDENIED => 'deniedrXUtnFEMI/K7MDENG+bPxRfiCEXAMPLEKEY',
    AKIDOTHER => 'otherlrXUtnFEMI/K7MDENG+bPxRfiCEXAMPLEKEY',
    ASIAEXAMPLE => 'temporaryXUtnFEMI/K7MDENG+bPxRfEXAMPLEKEY'
);

our $session_token = 'FQoGZXIvYXdzEXAMPLETOKEN/+temporary==';
our $arn = 'arn:aws:iam::111122223333:role';
our $elsewhere = 'arn:aws:iam::777788889999:role/path/elsewhere';

# A profile with keys.

sub keys_of {
    my ($id, $profile) = @_;

    return '[' . ($profile // 'default') . "]\naws_access_key_id = $id\n"
        . "aws_secret_access_key = $secret{$id}\n"
        . ($id =~ /^ASIA/ ? "aws_session_token = $session_token\n" : '');
}

# Puts a new file in the place of an old one.  It was written some time ago, or
# will be, if its time is to say so.

sub put {
    my ($name, $text, $age) = @_;

    open my $file, '>', "$folder/$name.new" or die;
    print $file $text;
    close $file or die;

    chmod 0600, "$folder/$name.new" or die;
    chown $uid, $gid, "$folder/$name.new" or die;
    set_age("$name.new", $age);
    rename "$folder/$name.new", "$folder/$name" or die;
}

# Writes the file that is there.

sub rewrite {
    my ($name, $text, $age) = @_;

    open my $file, '+<', "$folder/$name" or die;
    truncate $file, 0;
    print $file $text;
    close $file or die;
    set_age($name, $age);
}

sub set_age {
    my ($name, $age) = @_;

    my $time = Time::HiRes::time() - ($age // 10);

    Time::HiRes::utime($time, $time, "$folder/$name") or die;
}

# So long after a request workers look at the files again.

sub let_be {
    Time::HiRes::sleep(0.3);
}

# A server with these locations, each with its profile and directives.

sub server {
    my $locations = '';

    while (my ($path, $directives) = splice @_, 0, 2) {
        $locations .= <<"_EOC_";
        location = $path {
            marketplace_resolve on;
            marketplace_credentials profile $directives
            try_files /none \@resolved;
        }
_EOC_
    }

    return <<"_EOC_";
    marketplace_endpoint http://127.0.0.1:\$TEST_NGINX_AWS_HTTP;
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_1 reuseport;
        add_header X-Error \$marketplace_error always;
        add_header X-Status \$marketplace_status always;
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

our $config = <<'_EOC_';
    location = / {
        return 200;
    }
    location = /at-rest {
        stub_status;
    }
_EOC_

our $seen = 0;

our $serial = 0;

# Registers, and returns how that ended, as in "200  400, 200", and the calls
# that it took.

sub attempt {
    my ($path, $token) = @_;

    $token = ($token // 'ok') . '-' . ++$serial;

    my $response = register($token, path => $path, port => 'RAND_PORT_1');
    my ($error, $statuses) = map { $response->{headers}{$_} // '' }
        qw(x-error x-status);

    return ("$response->{status} $error $statuses", sent $token);
}

# The access key, or the role that it is of, that signs; how it ended, if there
# is none.

sub signer {
    my $path = shift // '/register';
    my ($outcome, @calls) = attempt($path);

    return $outcome if $outcome ne '200  200';
    return $calls[0]{role} // $calls[0]{access_key};
}

sub is_signed_by {
    my ($expected, $path, $what) = @_;

    is(signer($path), $expected, ($what // 'signed') . ", $path");
}

sub becomes_signed_by {
    my ($expected, $what, $path) = @_;

    ok(wait_until { signer($path) eq $expected }, "$what: $expected");
}

# Whether the keys from before are used on, whoever looks and for how long.

sub stays_signed_by {
    my ($expected, $what, $path) = @_;

    my %signers;

    for (1 .. 4) {
        let_be;
        $signers{signer($path)}++ for 1 .. 6;
    }

    is(join(' ', keys %signers), $expected, "$what: the old ones");
}

# The warnings about files and profiles since the last time, without what all
# of them have.

sub warnings {
    my @lines = map { /\[warn\] \S+ \S+ marketplace: (.*)/ }
        logged(qr/\[warn\]/);
    my $end = '; the credentials that it had before are used on';

    @lines = @lines[$seen .. $#lines];
    $seen += @lines;

    return map { s/\Q$end\E(.*?)(?: while .*?)?, client: .*/$1/r } @lines;
}

# Whether one of them is of the file, and says this, of the profile in it or
# else of the file itself.

sub is_told {
    my ($what, $name, $warnings, $words, $of_file) = @_;

    my $file = qr/"\Q$folder\E\/$name"/;
    my $config = qr/"\Q$folder\E\/config"/;
    my @warnings = grep { /$file/ } @$warnings;

    is(scalar @warnings, 1, "$what: one warning");
    like($warnings[0] // '', $of_file
        ? qr/^credentials file $file \Q$words\E$/
        : qr/^profile "mine" \Q$words\E.*, in $file(?: and $config)?$/,
        "$what: says so");
}

# After how many bytes a new file ends: here and there, and around the ends of
# lines.  Without the last of those nothing would be missing.

our @cuts = grep { my $text = keys_of('ASIAEXAMPLE');
    $_ % 9 == 0 || substr($text, $_ - 1, 3) =~ /\n/ }
    0 .. length(keys_of('ASIAEXAMPLE')) - 2;

# Ways to spoil a file.

our $good = keys_of('ASIAEXAMPLE', 'mine');

our @spoilt = (
    ['gone', sub { unlink "$folder/" . shift }, 'does not exist'],
    ['empty', sub { put(shift, '') }, 'does not exist'],
    ['of another profile', sub { put(shift, keys_of('ASIAEXAMPLE')) },
        'does not exist'],
    ['half a pair', sub { put(shift, "[mine]\naws_access_key_id = AKID\n") },
        'has only one of aws_access_key_id and aws_secret_access_key'],
    ['a process', sub { put(shift, "[mine]\ncredential_process = rm\n") },
        'has a credential_process'],
    ['a circle', sub { put(shift, "[mine]\nrole_arn = $arn/seller\n"
        . "source_profile = mine\n") }, 'is its own source'],
    ['control characters', sub { put(shift, "[mine]\naws_access_key_id = A\x01"
        . "\naws_secret_access_key = wXUtnFEMI\n") },
        'has a control character'],
    ['a bad key', sub { put(shift, "[mine]\naws_access_key_id = A-/B\n"
        . "aws_secret_access_key = wXUtnFEMI\n") },
        'has an invalid access key id'],
    ['unreadable', sub { put($_[0], $good); chmod 0, "$folder/$_[0]" },
        'cannot be opened (13: Permission denied)', 1],
    ['huge', sub { put(shift, $good . "# more\n" x 200000) },
        'is larger than 1 MB', 1],
    ['growing', sub { rewrite(shift, $good . "# more\n" x 200000) },
        'is larger than 1 MB', 1],
    ['a folder', sub { my $name = shift; unlink "$folder/$name";
        mkdir "$folder/$name"; set_age($name) }, 'is not a file', 1],
    ['a pipe', sub { make_pipe(shift) }, 'is not a file', 1],
    ['a link to nowhere', sub { symlink 'nowhere', "$folder/link";
        rename "$folder/link", "$folder/" . shift }, 'does not exist']
);

sub make_pipe {
    my $name = shift;

    POSIX::mkfifo("$folder/pipe", 0600) or die;
    chown $uid, $gid, "$folder/pipe";
    set_age('pipe');
    rename "$folder/pipe", "$folder/$name" or die;
}

sub asked {
    return standin(GET => 'count?operation=' . shift) + 0;
}

# --- setup: Perl that runs before nginx starts, with one worker unless it says
# otherwise.

add_block_preprocessor(sub {
    my $setup = shift->setup;

    workers(1);
    $seen = 0;
    unlink map { "$folder/$_" } qw(file config);
    eval "$setup; 1" or die $@;
});

run_tests();

__DATA__

=== TEST 1: keys, a session token, and the profile that is meant
--- env eval: $::env
--- setup
put('config', '');
put('file', keys_of('AKIDEXAMPLE') . keys_of('ASIAEXAMPLE', 'other'));
--- http_config eval
::server('/default', 'file=$TEST_NGINX_TMP/file;',
    '/other', 'file=$TEST_NGINX_TMP/file name=other;')
--- config eval: $::config
--- test
is_signed_by('AKIDEXAMPLE', '/default');
is_signed_by('ASIAEXAMPLE', '/other');
is(standin(GET => 'count?service=sts') + 0, 0, 'STS is not asked');

=== TEST 2: roles, across the two files
--- env eval: $::env
--- setup
put('file', keys_of('AKIDEXAMPLE', 'base')
    . "[there]\nrole_arn = $arn/seller\nsource_profile = base\n"
    . "[self]\nrole_arn = $arn/seller\nsource_profile = self\n"
    . "aws_access_key_id = AKIDSLASH\n"
    . "aws_secret_access_key = $secret{AKIDSLASH}\n");
put('config', "[profile one]\nrole_arn = $arn/seller\n"
    . "source_profile = base\n"
    . "[profile two]\nrole_arn = $arn/chained\nsource_profile = one\n"
    . "[profile external]\nrole_arn = $arn/external\nsource_profile = base\n"
    . "external_id = standin-external-id\nrole_session_name = a-name\n"
    . "duration_seconds = 1800\n");
--- http_config eval
::server((map { ("/$_", "file=\$TEST_NGINX_TMP/file name=$_;") }
        qw(one two external there self)),
    '/on-top', "file=\$TEST_NGINX_TMP/file name=one;
        marketplace_assume_role $::arn/chained;")
--- config eval: $::config
--- test
is_signed_by("$arn/seller", '/one');
is_signed_by("$arn/chained", '/two');
is_signed_by("$arn/external", '/external');
is_signed_by("$arn/seller", '/there');
is_signed_by("$arn/seller", '/self');
is_signed_by("$arn/chained", '/on-top');

my @calls = @{ JSON::PP::decode_json(standin(GET =>
    'requests?operation=sts.AssumeRole')) };

my ($external) = grep { $_->{body} =~ /external/ } @calls;
like($external->{body}, qr/(?:^|&)ExternalId=standin-external-id(?:&|$)/,
    'external_id');
like($external->{body}, qr/(?:^|&)RoleSessionName=a-name(?:&|$)/,
    'role_session_name');
like($external->{body}, qr/(?:^|&)DurationSeconds=1800(?:&|$)/,
    'duration_seconds');

# /one and /there are the same, and so are /two and /on-top

is(scalar @calls, 4, 'what is the same is fetched once');

=== TEST 3: roles that are assumed with what is no profile
--- env eval: $::env
--- setup
put('web-identity', "eyJhbGciOiJSUzI1NiJ9.FQoGZXIvYXdzEXAMPLE.signature\n");
put('file', '');
put('config', CORE::join '',
    (map { "[profile $_]\nrole_arn = $arn/seller\ncredential_source = $_\n" }
        qw(Environment EcsContainer Ec2InstanceMetadata)),
    "[profile web]\nrole_arn = $arn/web\n"
    . "external_id = standin-external-id\nrole_session_name = a-name\n"
    . "duration_seconds = 1800\n"
    . "web_identity_token_file = $folder/web-identity\n",
    "[profile on-web]\nrole_arn = $arn/seller\nsource_profile = web\n");
--- http_config eval
::server(map { ("/$_", "file=\$TEST_NGINX_TMP/file name=$_;") }
    qw(Environment EcsContainer Ec2InstanceMetadata web on-web))
--- config eval: $::config
--- test
is_signed_by("$arn/seller", '/Environment');
is_signed_by("$arn/seller", '/EcsContainer');
is_signed_by("$arn/seller", '/Ec2InstanceMetadata');
is_signed_by("$arn/web", '/web');
is_signed_by("$arn/seller", '/on-web');

my @with = map { $_->{issued_by} // $_->{access_key} }
    @{ JSON::PP::decode_json(standin(GET =>
        'requests?operation=sts.AssumeRole')) };

is("@with", 'AKIDSLASH container imds.credentials'
    . ' sts.AssumeRoleWithWebIdentity', 'with what they say');

my ($web) = @{ JSON::PP::decode_json(standin(GET =>
    'requests?operation=sts.AssumeRoleWithWebIdentity')) };

is(join('&', sort map { s/WebIdentityToken=\K.+/.../r }
        split /&/, $web->{body}),
    'Action=AssumeRoleWithWebIdentity&DurationSeconds=1800&RoleArn='
    . Marketplace::percent("$arn/web")
    . '&RoleSessionName=a-name&Version=2011-06-15&WebIdentityToken=...',
    'and what the operation knows');

=== TEST 4: a change is noticed, whichever way it is made
--- env eval: $::env
--- setup
put('config', '');
put('file', keys_of('AKIDEXAMPLE'));
--- http_config eval
::server('/register', 'file=$TEST_NGINX_TMP/file;')
--- config eval: $::config
--- test
is_signed_by('AKIDEXAMPLE', '/register');

for my $row (['another file', \&::put], ['the same file', \&::rewrite]) {
    my ($how, $write) = @$row;

    for my $age (10, 0, -100) {
        for my $id (qw(ASIAEXAMPLE AKIDSLASH AKIDEXAMPLE)) {
            $write->('file', keys_of($id), $age);
            becomes_signed_by($id, "$how, written $age seconds ago");
        }
    }
}

is(scalar logged(qr/\[warn\] .*marketplace:/), 0, 'no complaint');
ok(scalar logged(qr/\[notice\] .* profile "default" has changed/), 'a note');

=== TEST 5: both workers notice
--- env eval: $::env
--- setup
workers(2);
put('config', '');
put('file', keys_of('AKIDEXAMPLE'));
--- http_config eval
::server('/register', 'file=$TEST_NGINX_TMP/file;')
--- config eval: $::config
--- test
my $signer = sub {
    my ($worker, $token) = (shift, 'ok-' . ++$serial);
    my $client = connect_to('RAND_PORT_1', $worker);
    my $body = "x-amzn-marketplace-token=$token";

    $client->syswrite(join "\r\n", 'POST /register HTTP/1.1',
        'Host: localhost', 'Connection: close',
        'Content-Type: application/x-www-form-urlencoded',
        'Content-Length: ' . length $body, '', $body);
    all_of($client);

    return (sent $token)[0]{access_key};
};

for my $id (qw(AKIDEXAMPLE ASIAEXAMPLE AKIDSLASH)) {
    put('file', keys_of($id));

    for my $worker (worker_processes()) {
        ok(wait_until { $signer->($worker) eq $id }, "a worker: $id");
    }
}

=== TEST 6: a change of the other file, and a profile that moves to it
--- env eval: $::env
--- setup
put('file', keys_of('AKIDEXAMPLE', 'base'));
put('config', "[profile mine]\nrole_arn = $arn/seller\n"
    . "source_profile = base\n");
--- http_config eval
::server('/register', 'file=$TEST_NGINX_TMP/file name=mine;')
--- config eval: $::config
--- test
is_signed_by("$arn/seller", '/register');

put('config', "[profile mine]\nrole_arn = $elsewhere\n"
    . "source_profile = base\n");
let_be;
is_signed_by($elsewhere, '/register', 'another role');

put('config', keys_of('ASIAEXAMPLE', 'profile mine'));
let_be;
is_signed_by('ASIAEXAMPLE', '/register', 'keys in the other file');

put('file', keys_of('AKIDSLASH', 'mine'));
let_be;
is_signed_by('AKIDSLASH', '/register', 'keys in both');

unlink "$folder/file";
let_be;
is_signed_by('ASIAEXAMPLE', '/register', 'keys in the other one only');

put('file', keys_of('AKIDEXAMPLE', 'mine'));
let_be;
is_signed_by('AKIDEXAMPLE', '/register', 'the first one is there again');

=== TEST 7: a file counts when it was left alone for a moment
--- env eval: $::env
--- setup
put('config', '');
put('file', keys_of('AKIDEXAMPLE'));
--- http_config eval
::server('/register', 'file=$TEST_NGINX_TMP/file;')
--- config eval: $::config
--- test
is_signed_by('AKIDEXAMPLE', '/register');

# by its time it was, and one look is enough

for my $id (qw(AKIDSLASH AKIDEXAMPLE)) {
    put('file', keys_of($id), 2);
    let_be;
    is_signed_by($id, '/register', 'an old one');
}

# its time does not tell, as of a clock that is ahead; a worker has to see it
# twice

for my $id (qw(AKIDSLASH AKIDEXAMPLE)) {
    my $old = signer();

    put('file', keys_of($id), -100);
    let_be;
    is_signed_by($old, '/register', 'a new one, seen at first') for 1 .. 3;
    becomes_signed_by($id, 'seen again');
}

# somebody is at it all the time

my $old = signer();

for (1 .. 5) {
    rewrite('file', keys_of('AKIDSLASH'), -100 - $_);
    let_be;
    is_signed_by($old, '/register', 'being written');
}

becomes_signed_by('AKIDSLASH', 'left alone');

=== TEST 8: a file that is not written to its end
--- env eval: $::env
--- setup
put('config', keys_of('AKIDEXAMPLE', 'profile grown'));
put('file-grown', '');
put("file-$_", keys_of('AKIDEXAMPLE')) for @cuts, 'unended';
put('file', keys_of('AKIDEXAMPLE') =~ s/\n\z//r);
--- http_config eval
::server('/register', 'file=$TEST_NGINX_TMP/file;',
    '/grown', 'file=$TEST_NGINX_TMP/file-grown name=grown;',
    map { ("/$_", "file=\$TEST_NGINX_TMP/file-$_;") } @::cuts, 'unended')
--- config eval: $::config
--- test
my $text = keys_of('ASIAEXAMPLE');
my %signers;

is_signed_by('AKIDEXAMPLE', "/$_") for @cuts, qw(unended grown register);

my $unended = $text =~ s/\n\z//r;
my %texts = (unended => $unended,
    grown => substr(keys_of('AKIDSLASH', 'grown'), 0, -5),
    map { $_ => substr $text, 0, $_ } @cuts);

put('file', $unended);

# a few at a time, because in the end they are believed

my @names = (@cuts, qw(unended grown));

while (my @few = splice @names, 0, 4) {
    put("file-$_", $texts{$_}) for @few;

    for (1 .. 3) {
        let_be;
        $signers{$_}{signer("/$_")}++ for @few;
    }
}

for my $cut (@cuts, qw(unended grown)) {
    is(CORE::join(' ', sort keys %{ $signers{$cut} }), 'AKIDEXAMPLE',
        "$cut: the old ones, wherever it ends");
}

is_signed_by('ASIAEXAMPLE', '/register', 'if lines never ended: new ones');

my @warnings = warnings();

for my $cut (@cuts, 'unended') {
    my $file = "\"$folder/file-$cut\"";

    is(scalar(grep { /profile "default" .* in \Q$file\E/ } @warnings), 1,
        "$cut: one warning");
}

put("file-$_", $text) for @cuts;
becomes_signed_by('ASIAEXAMPLE', "$_: then it is whole", "/$_") for @cuts;

# in the end it is believed that no more will come

becomes_signed_by('ASIAEXAMPLE', 'a line that does not end', '/unended');

=== TEST 9: no file any more, or something else in its place
--- env eval: $::env
--- setup
put('config', '');
put("file-$_", keys_of('AKIDEXAMPLE', 'mine')) for 0 .. $#spoilt;
--- http_config eval
::server(map { ("/$_", "file=\$TEST_NGINX_TMP/file-$_ name=mine;") }
    0 .. $#::spoilt)
--- config eval: $::config
--- test
my %signers;

for my $n (0 .. $#spoilt) {
    is_signed_by('AKIDEXAMPLE', "/$n");
    $spoilt[$n][1]("file-$n");
}

for (1 .. 4) {
    let_be;
    $signers{$_}{signer("/$_")}++ for 0 .. $#spoilt;
}

my @warnings = warnings();

for my $n (0 .. $#spoilt) {
    my ($what, undef, @words) = @{ $spoilt[$n] };

    is(CORE::join(' ', keys %{ $signers{$n} }), 'AKIDEXAMPLE',
        "$what: the old ones");
    is_told($what, "file-$n", \@warnings, @words);
}

rmdir "$folder/file-$_" for 0 .. $#spoilt;
put("file-$_", keys_of('AKIDSLASH', 'mine')) for 0 .. $#spoilt;
becomes_signed_by('AKIDSLASH', "$spoilt[$_][0]: then a good one", "/$_")
    for 0 .. $#spoilt;

is(scalar warnings(), 0, 'no complaint about these');
ok(at_rest, 'nothing is left');

=== TEST 10: files in a folder that is replaced by a link, as of Kubernetes
--- env eval: $::env
--- setup
put('config', '');
mkdir "$folder/volume";
mkdir "$folder/volume/$_" for 1, 2;
put('volume/1/file', keys_of('AKIDEXAMPLE'));
put('volume/2/file', keys_of('AKIDSLASH'));
unlink "$folder/volume/data", "$folder/volume/file";
symlink '1', "$folder/volume/data";
symlink 'data/file', "$folder/volume/file";
--- http_config eval
::server('/register', 'file=$TEST_NGINX_TMP/volume/file;')
--- config eval: $::config
--- test
is_signed_by('AKIDEXAMPLE', '/register');
symlink '2', "$folder/volume/new";
rename "$folder/volume/new", "$folder/volume/data";
becomes_signed_by('AKIDSLASH', 'the other one');

=== TEST 11: AWS does not accept keys that have just changed
--- env eval: $::env
--- setup
put('config', '');
put('file', keys_of('AKIDEXAMPLE'));
--- http_config eval
::server('/register', 'file=$TEST_NGINX_TMP/file;')
--- config eval: $::config
--- test
my $attempt = sub {
    my $error = shift;
    my ($outcome, @calls) = attempt('/register', "seq:error:$error|ok");

    return "$outcome by @{[map { $_->{access_key} } @calls]}";
};

my @ids = qw(AKIDEXAMPLE AKIDSLASH);

for my $row (['UnrecognizedClientException', 'UnrecognizedClientException'],
    ['InvalidClientTokenId', 'InvalidClientTokenId'],
    ['ExpiredTokenException:400:coral', 'ExpiredCredentials'])
{
    my ($error, $name) = @$row;

    is($attempt->($error), "500 $name 400 by $ids[0]",
        "$name: nothing has changed");

    # without that nobody would believe them yet

    put('file', keys_of($ids[1]), -100);
    is($attempt->($error), "200  400, 200 by @ids", "$name: called again");
    is_signed_by($ids[1], '/register', "$name: the new ones");

    put('file', keys_of($ids[1]), -100);
    is($attempt->($error), "500 $name 400 by $ids[1]",
        "$name: another file, but the same keys");

    @ids = reverse @ids;
}

put('file', keys_of($ids[0]) =~ s/(_secret_access_key =).*/$1 other/r, -100);
is($attempt->('UnrecognizedClientException'),
    "500 InvalidSignatureException 400, 400 by @ids[0, 0]", 'another secret');
put('file', keys_of($ids[0]));
let_be;
is_signed_by($ids[0], '/register', 'the right one again');

put('file', keys_of($ids[1]), -100);
is((attempt('/register', 'error:ExpiredTokenException:400::text'))[0],
    '410 ExpiredTokenException 400', "the buyer's fault");

put('file', keys_of($ids[1]) =~ s/\n\z//r, -100);
is($attempt->('UnrecognizedClientException'), "200  400, 200 by @ids",
    'a file whose last line does not end');
@ids = reverse @ids;

put('file', "[default]\naws_access_key_id = AKID\n", -100);
is($attempt->('UnrecognizedClientException'),
    "500 UnrecognizedClientException 400 by $ids[0]", 'a broken file');

make_pipe('file');
is($attempt->('UnrecognizedClientException'),
    "500 UnrecognizedClientException 400 by $ids[0]", 'a pipe');

is_signed_by($ids[0], '/register', 'the old ones');
ok(at_rest, 'nothing is left');

=== TEST 12: roles of a profile are renewed, and change
--- env eval: $::env
--- setup
put('file', keys_of('AKIDEXAMPLE', 'base'));
put('config', "[profile mine]\nrole_arn = $arn/seller\n"
    . "source_profile = base\n");
--- http_config eval
::server('/register', 'file=$TEST_NGINX_TMP/file name=mine;
    marketplace_read_timeout 30s; marketplace_timeout 40s;')
--- config eval: $::config
--- test
is_signed_by("$arn/seller", '/register');
is_signed_by("$arn/seller", '/register') for 1 .. 10;
is(asked('sts.AssumeRole'), 1, 'fetched once');

standin(POST => 'expire');
is((attempt('/register'))[0], '200  400, 200', 'expired: renewed');
is(asked('sts.AssumeRole'), 2, 'asked again');

# a request that waits for the old role still gets it

answers('sts.AssumeRole' => 'delay:1500:ok');
standin(POST => 'reset');
put('config', "[profile mine]\nrole_arn = $elsewhere\n"
    . "source_profile = base\n");
becomes_signed_by($elsewhere, 'another role');

answers('sts.AssumeRole' => 'seq:delay:3000:ok|ok');
put('config', "[profile mine]\nrole_arn = $arn/external\n"
    . "source_profile = base\nexternal_id = standin-external-id\n");

my @clients;
my $asked = asked('sts.AssumeRole');
ok(wait_until { push @clients, begin_registering("ok-early-$#clients",
        port => 'RAND_PORT_1');
    asked('sts.AssumeRole') > $asked }, 'somebody asks for a third one');

put('config', "[profile mine]\nrole_arn = $arn/seller\n"
    . "source_profile = base\nrole_session_name = again\n");
becomes_signed_by("$arn/seller", 'the fourth one, while that is fetched');

is(scalar(grep { all_of($_) =~ /^HTTP\S+ 200 / } @clients), @clients,
    'all are resolved');

my ($record) = grep { $_->{role} =~ /external/ }
    map { sent "ok-early-$_" } -1 .. $#clients;
ok($record, 'and some with the third one');
ok(at_rest, 'nothing is left');

=== TEST 13: a change that takes a reload says so
--- env
AWS_CONFIG_FILE=$TEST_NGINX_TMP/config
AWS_ACCESS_KEY_ID=AKIDSLASH
AWS_SECRET_ACCESS_KEY=/JalrXUtnFEMI/K7MDENG+bPxRfiCYSLASHKEY==
AWS_ENDPOINT_URL_STS=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
--- setup
put('config', '');
put('file', keys_of('AKIDEXAMPLE', 'mine'));
--- http_config eval
::server('/register', 'file=$TEST_NGINX_TMP/file name=mine;')
--- config eval: $::config
--- test
is_signed_by('AKIDEXAMPLE', '/register');

put('file', keys_of('AKIDSLASH', 'base')
    . "[mine]\nrole_arn = $arn/seller\nsource_profile = base\n");
stays_signed_by('AKIDEXAMPLE', 'a role');
is_told('a role', 'file', [warnings()],
    'now has a role, for which nginx has to be reloaded');

ok(reload, 'a reload');
is_signed_by("$arn/seller", '/register', 'a role');

put('file', "[mine]\nrole_arn = $arn/seller\n"
    . "credential_source = Environment\n");
stays_signed_by("$arn/seller", 'another source');
is_told('another source', 'file', [warnings()],
    'now has another credential_source, for which nginx has to be reloaded');
is(asked('sts.AssumeRole'), 1, 'asked once');

ok(reload, 'another reload');
is_signed_by("$arn/seller", '/register', 'another source');
is(asked('sts.AssumeRole'), 1, 'with the same key: not asked again');

put('file', keys_of('ASIAEXAMPLE', 'mine'));
becomes_signed_by('ASIAEXAMPLE', 'keys again');

=== TEST 14: with a resolver the same takes no reload
--- env eval: $::env
--- setup
put('config', '');
put('file', keys_of('AKIDEXAMPLE'));
--- http_config eval
::server('/register', 'file=$TEST_NGINX_TMP/file;
    resolver 127.0.0.1:$TEST_NGINX_DNS;')
--- config eval: $::config
--- test
is_signed_by('AKIDEXAMPLE', '/register');
put('file', keys_of('AKIDSLASH', 'base')
    . "[default]\nrole_arn = $arn/seller\nsource_profile = base\n");
becomes_signed_by("$arn/seller", 'a role');
put('file', keys_of('ASIAEXAMPLE'));
becomes_signed_by('ASIAEXAMPLE', 'keys again');
put('file', keys_of('AKIDSLASH', 'base')
    . "[default]\nrole_arn = $elsewhere\nsource_profile = base\n");
becomes_signed_by($elsewhere, 'another role');

=== TEST 15: many changes under load
--- env eval: $::env
--- setup
put('file', keys_of('AKIDEXAMPLE', 'base'));
put('config', "[profile mine]\nrole_arn = $arn/seller\n"
    . "source_profile = base\n");
--- http_config eval
::server('/register', 'file=$TEST_NGINX_TMP/file name=mine;')
--- config eval: $::config
--- test
my ($answered, $resolved) = (0, 0);

for my $round (1 .. 20) {
    my @clients = map { begin_registering("ok-$_", port => 'RAND_PORT_1') }
        1 .. 10;

    put('config', $round % 3 == 0 ? keys_of('ASIAEXAMPLE', 'profile mine')
        : "[profile mine]\nrole_arn = "
            . ($round % 3 == 1 ? $elsewhere : "$arn/seller")
            . "\nsource_profile = base\nrole_session_name = round-$round\n");
    $resolved += grep { all_of($_) =~ /^HTTP\S+ 200 / } @clients;
    $answered += @clients;
    Time::HiRes::sleep(0.1);
}

is($resolved, $answered, 'all are resolved');
ok(at_rest, 'nothing is left');
