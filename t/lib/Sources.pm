package Sources;

# What the test files about sources of credentials share.  Say which source
# that is, by directives and environment, with takes_credentials(): blocks then
# need no configuration of their own.
#
# A block with these sections posts a token to /register once:
#
#     --- outcome      how that ends: the status, $marketplace_error and
#                      $marketplace_error_message, as in
#                          500 NoCredentials: the message
#     --- operations   what the stand-in was asked for, in order, by all
#     --- logs         what the module has to say about it at the levels warn
#                      and error, besides that there are no credentials.
#                      "source ..." is a fetch that failed; AWS stands for the
#                      stand-in.  Lines that are indented continue a line
#     --- answers      OPERATION: ANSWER lines, for the stand-in
#     --- settings     NAME=VALUE lines, for the stand-in
#
# Blocks with a "test" can do that step by step.
#
# A block with this one has nginx refuse its configuration:
#
#     --- dies         with this message; by default only the directives of
#                      takes_credentials() are in it
#
# And in any block
#
#     --- http         goes into http { }, behind what is there by default
#     --- nearby       has AWS's own hosts be the stand-in: see nearby.c
#     --- workers      so many, in place of a single process
#
# Configurations and environments may have these:
#
#     $TEST_NGINX_NOBODY      a port that refuses connections
#     $TEST_NGINX_OTHER_CA    a CA that has not issued the stand-in's
#                             certificate

use strict;
use warnings;

use Exporter 'import';
use IO::Socket::INET;
use JSON::PP ();
use Marketplace;
use Test::More ();
use Test::Nginx::Socket;
use Test::Nginx::Util ();

our @EXPORT = qw(takes_credentials locations put_file outcome_is operations_are
    signs received headers_of);

# The port is taken, but nobody listens.

my $nobody = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp')
    // die "no port: $!";

$ENV{TEST_NGINX_NOBODY} = $nobody->sockport;
$ENV{TEST_NGINX_OTHER_CA} = "$ENV{TEST_NGINX_TMP}/other.pem";

Marketplace::run_quietly(qw(openssl req -x509 -newkey rsa:2048 -nodes -days 2),
    '-subj', '/CN=another CA', '-keyout', "$ENV{TEST_NGINX_TMP}/other.key",
    '-out', $ENV{TEST_NGINX_OTHER_CA});

my $nginx = $Test::Nginx::Util::NginxBinary;
my $nearby;
my $current;

# The source of all blocks that do not say otherwise.

sub takes_credentials ($$) {
    my ($directives, $environment) = @_;

    add_block_preprocessor(sub {
        my $block = shift;

        $current = $block;

        $block->set_value('env', $environment . ($block->env // ''));
        set_up_nginx($block);

        if (defined $block->dies) {
            $block->set_value('must_die', '');
            $block->set_value('error_log', fold(expanded($block->dies)));
            $block->set_value('config', $directives)
                unless defined $block->config;

            return;
        }

        $block->set_value('http_config', <<"_EOC_" . ($block->http // ''))
    $directives
    marketplace_endpoint http://127.0.0.1:\$TEST_NGINX_AWS_HTTP;
_EOC_
            unless defined $block->http_config;
        $block->set_value('config', locations('/register', ''))
            unless defined $block->config;
        $block->set_value('test', 'Sources::check($block)')
            unless defined $block->test;
    });
}

sub set_up_nginx ($) {
    my $block = shift;

    if (defined $block->workers) {
        master_on();
        workers($block->workers);

    } else {
        master_off();
        workers(1);
    }

    $Test::Nginx::Util::NginxBinary = defined $block->nearby
        ? ($nearby //= nginx_nearby()) : $nginx;
}

# A command that starts nginx with nearby.c loaded.  If that cannot be done,
# it starts nothing: what is sent to AWS must not leave this machine.

sub nginx_nearby () {
    my $library = "$ENV{TEST_NGINX_TMP}/nearby.so";
    my $command = "$ENV{TEST_NGINX_TMP}/nginx-nearby";

    Marketplace::run_quietly(split(' ', $ENV{CC} || 'cc'),
        qw(-shared -fPIC -o), $library, 't/lib/nearby.c');

    open my $file, '>', $command or die "$command: $!";
    print $file <<"_EOC_";
#!/bin/sh
LD_PRELOAD="\${LD_PRELOAD:+\$LD_PRELOAD }$library"
NEARBY_HTTP=$ENV{TEST_NGINX_AWS_HTTP}
NEARBY_HTTPS=$ENV{TEST_NGINX_AWS_HTTPS}
export LD_PRELOAD NEARBY_HTTP NEARBY_HTTPS
grep -q '$library' /proc/self/maps && exec $nginx "\$\@"
exit 1
_EOC_
    close $file or die;
    chmod 0755, $command;

    return $command;
}

# Locations that resolve, each with its directives.

sub locations (@) {
    my $config = '';

    while (my ($path, $directives) = splice @_, 0, 2) {
        $config .= <<"_EOC_";
    location = $path {
        marketplace_resolve on;
        $directives
        add_header X-Error \$marketplace_error always;
        add_header X-Message \$marketplace_error_message always;
        add_header X-Worker \$pid always;
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
    }
_EOC_
    }

    return $config;
}

# A file in $TEST_NGINX_TMP, with this text; returns its name.

sub put_file ($$) {
    my ($name, $text) = @_;

    my $path = "$ENV{TEST_NGINX_TMP}/$name";

    open my $file, '>', "$path.new" or die "$path.new: $!";
    print $file $text;
    close $file;
    chmod 0600, "$path.new";
    rename "$path.new", $path or die "$path: $!";

    return $path;
}

sub check ($) {
    my $block = shift;

    my %answers = map { /^([\w.]+): (.*)$/ ? ($1 => unescaped($2))
        : die "no answer: $_" } split /\n/, $block->answers // '';
    my %settings = map { /^(\w+)=(.*)$/ ? ($1 => $2)
        : die "no setting: $_" } split /\n/, $block->settings // '';

    answers(%answers);
    settings(%settings) if %settings;

    outcome_is(fold($block->outcome), $block->logs);
    operations_are($block->operations)
        if defined $block->operations;
}

sub unescaped ($) {
    return shift =~ s/\\(?:x(..)|n|r)/
        $1 ? chr hex $1 : $& eq '\n' ? "\n" : "\r"/xger;
}

sub expanded ($) {
    return shift =~ s/\$(TEST_NGINX_\w+)/$ENV{$1}/gr;
}

sub fold ($) {
    return shift =~ s/\s+/ /gr =~ s/^ | $//gr;
}

# What the stand-in received since the block began, of all services or by a
# filter, oldest first.

sub received (;$) {
    my $filter = shift // 'service=all';

    return @{ JSON::PP::decode_json(standin(GET => "requests?$filter")) };
}

sub operations_are ($;$) {
    my ($expected, $what) = @_;

    my @operations = map { ($_->{operation} // $_->{path})
        =~ s/^metering\.//r } received;

    Test::More::is("@operations", fold($expected),
        named($what, 'operations'));
}

# The name of a test: which block, what in it, and what of that.

sub named ($$) {
    my ($what, $of) = @_;

    return CORE::join ' - ', $current->name, grep { length } $what // '', $of;
}

# The headers of what was received, as lines.

sub headers_of ($) {
    return map { "$_->[0]: $_->[1]" } @{ shift->{headers} };
}

# Whether the last call that Metering received was signed with credentials for
# this role, from that operation.

sub signs ($$;$) {
    my ($role, $operation, $what) = @_;

    my ($call) = reverse received('service=metering');

    Test::More::is(join(' ', map { $_ // '-' }
            @$call{qw(verified role issued_by)}),
        "1 arn:aws:iam::$role $operation", named($what, 'who signs'));
}

my %advice = (
    NoCredentials => 'no AWS credentials could be had: the log has told why, '
        . 'either now or, if none are configured, when nginx was started; see '
        . 'marketplace_credentials',
    Timeout => 'the endpoint did not answer in time: check the way there, '
        . 'and marketplace_timeout and its like',
);

# Whether a registration ends so, and is accounted for so in the error log.

sub outcome_is ($;$%) {
    my ($expected, $logs, %with) = @_;

    my $logged = -s $Test::Nginx::Util::ErrLogFile;
    my $response = register('ok-sources', %with);
    my ($error, $message) = @{ $response->{headers} }{qw(x-error x-message)};
    my ($failed) = $expected =~ /(NoCredentials|Timeout)/;
    my $what = join ' ', grep { defined } $with{path}, $with{what};

    Test::More::is(join(' ', $response->{status},
            join(': ', grep { defined } $error, $message) || ()),
        $expected, named($what, 'outcome'));

    $logs = CORE::join "\n", grep { length } ($logs // '') =~ s/\n+\z//r,
        $failed ? "[error] $failed while getting credentials: $advice{$failed}"
            : ();

    logs_are($logs, $logged, $what);
}

# What the module logged since then.

sub logs_are ($;$$) {
    my ($expected, $since, $what) = @_;

    my $aws = "127.0.0.1:$ENV{TEST_NGINX_AWS_HTTP}";

    open my $log, '<', $Test::Nginx::Util::ErrLogFile or die;
    seek $log, $since // 0, 0;

    my $logged = CORE::join "\n", map {
        m{^\S+\ \S+\ (\[(?:warn|error)\])\ \d+\#\d+:\ (?:\*\d+\ )?
          marketplace:\ (.*?)(?:\ while\ [a-z ]+)?,\ client:\ }x
        ? "$1 $2" : () } <$log>;

    # what nobody can know before

    $logged =~ s/request id "[^"]+"/request id "..."/g;
    $logged =~ s/access key ASIA\w{16}/access key ASIA.../g;

    $expected = expanded($expected // '') =~ s/\n[ \t]+/ /gr
        =~ s/\bAWS\b(?=[:,])/$aws/gr
        =~ s/^source /[error] fetching credentials failed: source /gmr
        =~ s/\A\n+|\n+\z//gr;

    Test::More::is($logged, $expected, named($what, 'error log'));
}

1;
