package Way;

# Has the test files run in another way than they are written for, which is
# $MARKETPLACE_WAY:
#
#     http2, http3   what a block requests, and register() posts, goes to nginx
#                    over this
#     hup            a block's configuration is read by the nginx that the
#                    block before has left, where it can be: Test::Nginx's
#                    TEST_NGINX_USE_HUP
#
# What cannot be so is as ever.  Of each block a line is added to the file
# $MARKETPLACE_WAY_LOG: the way, or "-", a tab, and why it was not that way.

use strict;
use warnings;

use IPC::Open2;
use JSON::PP ();
use Test::Nginx::Socket;
use Test::Nginx::Util ();

my $way = $ENV{MARKETPLACE_WAY};
my $is_http = $way =~ /^http/;
my $port = 'TEST_NGINX_RAND_PORT_9';

my $why_not;     # this block cannot be so
my $was_so;      # something of it was

add_block_preprocessor(sub {
    my $block = shift;

    ($why_not, $was_so) = (why_not($block), 0);

    $block->set_value('config', listen_also() . $block->config)
        if $is_http && !$why_not && defined $block->config;
});

# Behind what sets a block's environment and limits: what is added first of
# these runs last.

push @Test::Nginx::Util::BlockPreprocessors, sub { prepare_hup() }
    if !$is_http;

add_test_cleanup_handler(sub {
    note_block($was_so, $why_not // 'it has connections of its own');
});

sub why_not {
    my $block = shift;

    return 'nginx does not start' if defined $block->must_die;
    return $is_http ? why_not_http($block) : why_not_hup($block);
}

sub note_block {
    my ($so, $reason) = @_;

    open my $log, '>>', $ENV{MARKETPLACE_WAY_LOG} or die;
    print $log $so ? "$way\t\n" : "-\t$reason\n";
    close $log or die;
}

# HTTP/2 and HTTP/3

sub why_not_http {
    my $block = shift;

    return 'it writes its own frames' if defined $block->frames;
    return 'it writes its own bytes' if defined $block->raw_request
        || defined $block->pipelined_requests;
    return 'it looks at bytes of HTTP/1'
        if defined $block->raw_response_headers_like
        || defined $block->raw_response_headers_unlike;
    return 'its client goes away' if defined $block->abort;
    return 'nginx shows no page for a 413 over HTTP/2'
        if $block->config =~ /error_page 413/;

    my $text = join "\n", map { ref eq 'ARRAY' ? @$_ : $_ } grep { defined }
        map { $block->$_ } qw(request test error_log no_error_log access_log);

    return 'it looks for what nginx logs of bodies'
        if $text =~ /buffered|complaint/;
    return 'over HTTP/3 it may ask a worker that is stopped'
        if $way eq 'http3' && ($block->test // '') =~ /kill STOP/;
    return 'nginx counts a stream of HTTP/3 as a connection'
        if $way eq 'http3'
            && ($block->response_body_like // '') =~ /Active connections/;
    return 'it looks for HTTP/1' if $text =~ m{HTTP\S*/[01]};
    return 'it looks at the case of headers'
        if grep { index($block->response_body // '', $_) >= 0 }
        grep { length } split /\n/, $block->more_headers // '';
    return 'it has headers of HTTP/1' if ($block->more_headers // '')
        =~ /^(?:Transfer-Encoding|Connection|Upgrade|Expect|Host):/mi;

    return undef;
}

# A port of its own for it: before nginx 1.25.1 one that speaks HTTP/2 without
# TLS speaks nothing else.

sub listen_also {
    my $address = "127.0.0.1:\$$port";

    return <<"_EOC_" if $way eq 'http3';
    listen $address quic reuseport;
    ssl_certificate $ENV{TEST_NGINX_TMP}/aws.pem;
    ssl_certificate_key $ENV{TEST_NGINX_TMP}/aws.key;
_EOC_

    return nginx_is_older(1.025001) ? "    listen $address http2;\n"
        : "    listen $address;\n    http2 on;\n";
}

sub nginx_is_older {
    my ($major, $minor, $patch) = `$ENV{TEST_NGINX_BINARY} -v 2>&1`
        =~ m{nginx/(\d+)\.(\d+)\.(\d+)} or die;

    return $major + $minor / 1000 + $patch / 1e6 < shift;
}

# What nginx answers.  It is asked by programs of ours: the curl of Debian 12
# has nothing of an answer that comes before the body was read, and that of
# Debian 13 now and then sends a request that refers to a table of headers, and
# not the table, for which nginx waits.

my %program = (http2 => ['t/lib/http2.py', '-'], http3 => ['t/lib/http3.py']);
my ($to_client, $from_client, $client);

sub ask {
    my ($method, $path, $headers, $body) = @_;

    $was_so = 1;
    $client //= open2($from_client, $to_client,
        $ENV{PYTHON} || '/usr/bin/python3', @{ $program{$way} });

    print $to_client JSON::PP->new->ascii->encode({
        port => $Test::Nginx::Util::RandPorts->{$port} + 0,
        method => $method, path => $path,
        headers => [(map { [lc $1, $2] if /^(.*?): *(.*)/ } @$headers),
            length $body ? ['content-length', length($body) . ''] : ()],
        frames => [$body =~ /.{1,16000}/gs] }), "\n";
    $to_client->flush;

    my $answer = <$from_client>;

    if (!defined $answer) {
        end_client();
        die "$program{$way}[0] has ended";
    }

    return JSON::PP->new->allow_nonref->decode($answer);
}

sub end_client {
    close $to_client;
    waitpid $client, 0;
    undef $client;
}

END {
    if ($client) {
        my $status = $?;

        end_client();
        $? = $status;
    }
}

# Of a request as it is written over HTTP/1: what to ask for.

sub parsed {
    my $text = shift;

    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($line, @headers) = split /\r\n/, $head;
    my ($method, $path) = $line =~ m{^(\S+) (/\S*) HTTP/1\.1$} or return;

    return ($method, $path,
        [grep { !/^(?:Connection|Content-Length):/i } @headers], $body // '');
}

if ($is_http) {
    no warnings qw(redefine prototype);

    my $send_request = \&Test::Nginx::Socket::send_request;

    *Test::Nginx::Socket::send_request = sub {
        my ($request, undef, undef, $block) = @_;

        my @asked = $why_not || defined $block->test ? ()
            : parsed(join '', map { $_->{value} } @$request);

        return @asked ? (ask(@asked), $asked[0] eq 'HEAD')
            : $send_request->(@_);
    };

    my $register = \&Marketplace::register;

    *Marketplace::register = sub ($;%) {
        my ($token, %with) = @_;

        return $register->(@_) if $why_not || $with{port}
            || !$Test::Nginx::Util::RandPorts->{$port};

        my $headers = { 'Host' => 'localhost',
            'Content-Type' => 'application/x-www-form-urlencoded',
            %{ $with{headers} || {} } };

        return response(ask('POST', $with{path} // '/register',
            [map { "$_: $headers->{$_}" } sort keys %$headers],
            Marketplace::form($token)));
    };
}

# As HTTP::Tiny returns it.

sub response {
    my $answer = shift;

    my ($head, $content) = split /\r\n\r\n/, $answer, 2;
    my ($line, @headers) = split /\r\n/, $head // '';
    my ($status) = ($line // '') =~ m{^HTTP/\S+ (\d+)};
    my %headers;

    for (@headers) {
        my ($name, $value) = /^(.*?): *(.*)/ or next;
        my $seen = $headers{lc $name};

        $headers{lc $name} = !defined $seen ? $value
            : [ref $seen ? @$seen : $seen, $value];
    }

    return { status => $status // 599, reason => '', headers => \%headers,
        success => ($status // 599) =~ /^2/ ? 1 : '',
        content => $content // '' };
}

# Reloads

my $inherited = '';

# An nginx that runs keeps the environment and the limits of who started it.

sub prepare_hup {
    my $wanted = join "\n", limits(), map { "$_=$ENV{$_}" } sort grep {
        /^(?:AWS_|SSL_CERT_|HOME$|FAKETIME_|NO_FAKE_STAT|TEST_NGINX_LD_)/ }
        keys %ENV;

    $why_not //= 'its environment or its limits are others'
        if $wanted ne $inherited;
    $inherited = $wanted;

    $Test::Nginx::Util::FirstTime = 1 if $why_not;
    $was_so = !$why_not;
}

sub limits {
    open my $file, '<', '/proc/self/limits' or die;
    local $/;

    return <$file>;
}

# Shared memory outlives a reload, and with it the answers, the credentials,
# the counters and the clock of the block before.

sub why_not_hup {
    my $block = shift;

    my $text = join '', map { $_ // '' } $block->main_config,
        $block->http_config, $block->config;

    return 'its processes are counted' if ($block->test // '')
        =~ /worker_processes|reload|connect_to/;
    return 'it shares memory with the block before' if defined $block->defaults
        || $text =~ /marketplace_cache_valid\ (?!off)
                    |marketplace_credentials\ (?!static|env)
                    |marketplace_assume_role\ (?!off)
                    |marketplace_cache_size
                    |(?<!\$)marketplace_status;/x
        || $text !~ /marketplace_credentials\ /
            && ($block->env // '') !~ /^AWS_ACCESS_KEY_ID=/m
        || ($block->test // '') =~ /clock/;

    return undef;
}

1;
