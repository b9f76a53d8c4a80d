package Marketplace;

# What the test files share: a stand-in for AWS, an application behind nginx,
# certificates, and what every block is checked for.  They live as long as the
# test file that uses this module.
#
# In configurations these stand for ports of 127.0.0.1 and for files:
#
#     $TEST_NGINX_AWS_HTTP       the stand-in over plain HTTP
#     $TEST_NGINX_AWS_HTTPS      ... over TLS, with a certificate for
#                                localhost and for the hosts of AWS
#     $TEST_NGINX_CA             the CA of that certificate
#     $TEST_NGINX_BACKEND        an application that answers what it received
#     $TEST_NGINX_TMP            a folder that is removed at the end

use strict;
use warnings;

use Exporter 'import';
use File::Temp ();
use HTTP::Tiny;
use JSON::PP ();
use Test::Nginx::Socket;

our @EXPORT = qw(standin);

my $python = $ENV{PYTHON} || '/usr/bin/python3';
my $owner = $$;
my $tmp = File::Temp->newdir("marketplace-XXXXXX", TMPDIR => 1);
my @children;

chmod 0755, $tmp;

# Asks the stand-in's control interface, as in standin(GET => 'count').

sub standin ($$) {
    my ($method, $what) = @_;

    my $url = "http://127.0.0.1:$ENV{TEST_NGINX_AWS_HTTP}/_standin/$what";
    my $reply = HTTP::Tiny->new->request($method, $url);

    die "the stand-in failed: $reply->{status}" unless $reply->{success};

    return $reply->{content};
}

sub run_quietly (@) {
    my @command = @_;

    my $log = "$tmp/openssl.log";
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>', $log;
        open STDERR, '>&', \*STDOUT;
        exec @command or die "exec $command[0]: $!";
    }

    waitpid $pid, 0;
    die "failed: @command" if $?;
}

# A CA for this run, and a certificate that names the hosts of AWS as well.

sub make_certificates () {
    run_quietly qw(openssl req -x509 -newkey rsa:2048 -nodes -days 2),
        '-subj', '/CN=CA of this test run',
        '-keyout', "$tmp/ca.key", '-out', "$tmp/ca.pem";

    run_quietly qw(openssl req -newkey rsa:2048 -nodes -subj /CN=localhost),
        '-keyout', "$tmp/aws.key", '-out', "$tmp/aws.csr";

    open my $ext, '>', "$tmp/aws.ext" or die;
    print $ext "subjectAltName=DNS:localhost,DNS:*.us-east-1.amazonaws.com,",
        "DNS:metering.marketplace.us-east-1.amazonaws.com\n";
    close $ext;

    run_quietly qw(openssl x509 -req -days 2 -CAcreateserial),
        '-in', "$tmp/aws.csr", '-extfile', "$tmp/aws.ext",
        '-CA', "$tmp/ca.pem", '-CAkey', "$tmp/ca.key",
        '-out', "$tmp/aws.pem";
}

# Starts one of our servers and returns what it says when it is ready.

sub start ($@) {
    my ($script, @options) = @_;

    my $ready = "$tmp/" . ($script =~ s/\W/_/gr) . '.ready';
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        exec $python, "t/lib/$script", '--ready-file', $ready,
            '--exit-with-parent', @options or die "exec $python: $!";
    }

    push @children, $pid;

    for (1 .. 300) {
        last if -e $ready;
        die "$script did not start" if waitpid($pid, 1) == $pid;
        select undef, undef, undef, 0.05;
    }

    open my $file, '<', $ready or die "$script was not ready in time";
    local $/;

    return <$file>;
}

make_certificates();

my $ports = JSON::PP::decode_json(start('standin.py', '--http', 0, '--https',
    0, '--cert', "$tmp/aws.pem", '--key', "$tmp/aws.key"));

$ENV{TEST_NGINX_AWS_HTTP} = $ports->{http};
$ENV{TEST_NGINX_AWS_HTTPS} = $ports->{https};
$ENV{TEST_NGINX_BACKEND} = start('backend.py');
$ENV{TEST_NGINX_CA} = "$tmp/ca.pem";
$ENV{TEST_NGINX_TMP} = "$tmp";

END {
    if ($$ == $owner) {
        my $status = $?;
        kill TERM => @children;
        waitpid $_, 0 for @children;
        $? = $status;
    }
}

# nginx must not read the credentials or the region of whoever runs the tests.

delete $ENV{$_} for grep { /^AWS_/ } keys %ENV;

# Whatever a block is about, nothing may go wrong on the side, and no secret
# may get into the error log.

my $wrong = qr/\[(alert|crit|emerg)\]
              |http\ request\ count\ is\ zero
              |XUtnFEMI|FQoGZXIvYXdzEXAMPLE/x;

add_block_preprocessor(sub {
    my $block = shift;

    unless (defined $block->no_error_log || defined $block->must_die) {
        $block->set_value('no_error_log', [$wrong]);
    }
});

no_long_string();

1;
