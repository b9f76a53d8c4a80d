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
#
# and after start_gateways() also these, each an application like that of
# $TEST_NGINX_BACKEND behind another protocol:
#
#     $TEST_NGINX_FASTCGI, $TEST_NGINX_SCGI, $TEST_NGINX_UWSGI
#                                addresses for the directives of these names
#     $TEST_NGINX_GRPC           a port; answers with the body it received
#
# More sections of a block:
#
#     --- token           a token: it is posted to /register as a form
#     --- test            Perl that runs behind the request; where no section
#                         says what to request, behind a GET of /
#     --- env             NAME=value lines, and !NAME for what is to be unset:
#                         the environment that nginx is started with
#     --- clock           the clock of nginx stands still, until set_clock()
#                         moves it and the stand-in's
#     --- defaults        the block is about several calls, or none, by one
#                         request: without this, marketplace_tries,
#                         marketplace_cache_valid and marketplace_keepalive
#                         are switched off where it does not set them
#     --- aws_calls: N    how often the stand-in was called, by one repetition
#     --- aws_tokens eval: [...]
#                         the same, and the tokens that it received, in order
#     --- aws_request_like
#                         what the last call was, as text
#     --- may_log eval: qr/.../
#                         what nginx itself may log as an alert or as critical,
#                         because that is what the block is about
#     --- frames eval: [...]
#                         the request is sent over HTTP/2, to
#                         $TEST_NGINX_RAND_PORT_1, and this as its body: each
#                         one a DATA frame, which nginx has read when the next
#                         is sent
#     --- grpc_request_like
#                         what $TEST_NGINX_GRPC logged of the block's requests

use strict;
use warnings;

use Exporter 'import';
use File::Temp ();
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP ();
use Test::More ();
use Test::Nginx::Socket;
use Test::Nginx::Util ();
use Time::HiRes ();

our @EXPORT = qw($aws standin answers settings start_gateways registers_as
    location_of sent register begin_registering raw nginx_port wait_until
    start_puppet start_dns busy at_rest set_clock);
our @EXPORT_OK = qw(all_of frame begin_http2 connect_to reload
    master worker_processes logged has_watched_memory);

# Only how long a machine that is busy may take: nothing is measured with it.

our $patience = 60;

Test::Nginx::Util::timeout($patience);

# The way to the stand-in, for most blocks' http_config.

our $aws = <<'_EOC_';
    marketplace_credentials static id=AKIDEXAMPLE
        secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
    marketplace_cache_valid off;
    marketplace_tries 1;
_EOC_

my $python = $ENV{PYTHON} || '/usr/bin/python3';
my $owner = $$;
my $tmp = File::Temp->newdir("marketplace-XXXXXX", TMPDIR => 1);
my @children;

chmod 0755, $tmp;

# The kernel gives any connection from this machine one of these ports: if
# Test::Nginx drew one of them as well, nginx could now and then not have it.

sub avoid_ports_of_clients () {
    open my $range, '<', '/proc/sys/net/ipv4/ip_local_port_range' or return;
    my ($first, $last) = split ' ', <$range>;

    my %taken = map { $_ => 1 } $first .. $last;
    my $draw = \&Test::Nginx::Util::gen_rand_port;

    no warnings 'redefine';

    *Test::Nginx::Util::gen_rand_port = sub (;$$$) {
        my ($tries, $used, @count) = @_;

        return $draw->($tries, { %taken, %{ $used // {} } }, @count)
            // $draw->($tries, $used, @count);
    };

    return unless $taken{server_port()};

    server_port(Test::Nginx::Util::gen_rand_port(1000)
        // die 'no port is free');
    server_port_for_client(server_port());
}

avoid_ports_of_clients();

# Asks the stand-in's control interface, as in standin(GET => 'count').

sub standin ($$) {
    my ($method, $what) = @_;

    my $url = "http://127.0.0.1:$ENV{TEST_NGINX_AWS_HTTP}/_standin/$what";
    my $reply = HTTP::Tiny->new->request($method, $url);

    die "the stand-in failed: $reply->{status}" unless $reply->{success};

    return $reply->{content};
}

# Has operations of the stand-in answer otherwise, as in
# answers('imds.token' => 'seq:status:500:ok|ok').

sub answers (%) {
    my %answers = @_;

    standin(POST => "answer?operation=$_&answer=" . percent($answers{$_}))
        for sort keys %answers;
}

# Changes the stand-in's settings, as in
# settings(lifetime => 60, operation => 'container').

sub settings (%) {
    my %settings = @_;

    standin(POST => 'set?' . join '&',
        map { "$_=" . percent($settings{$_}) } sort keys %settings);
}

# Has blocks without a configuration or a content type of their own post to a
# location that resolves, with this content type and these directives more.

sub registers_as ($;$) {
    my ($type, $directives) = @_;

    add_block_preprocessor(sub {
        my $block = shift;

        $block->set_value('http_config', $aws
            . 'add_header Marketplace-Error $marketplace_error always;');
        $block->set_value('config', location_of($directives // ''))
            unless defined $block->config;
        $block->set_value('more_headers', "Content-Type: $type")
            unless defined $block->more_headers;
    });
}

sub location_of ($) {
    my $directives = shift;

    return <<"_EOC_";
    location / {
        marketplace_resolve on;
        $directives
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
    }
_EOC_
}

# What the stand-in received with this token, a list.

sub sent ($) {
    my $token = shift;

    return @{ JSON::PP::decode_json(standin(GET => 'requests?token='
        . percent($token))) };
}

sub percent ($) {
    return shift =~ s/([^A-Za-z0-9_-])/sprintf '%%%02X', ord $1/ger;
}

sub form ($) {
    return 'x-amzn-marketplace-token=' . percent(shift);
}

# A port of the nginx under test: that of its server, or the one that
# configurations name like this.

sub nginx_port (;$) {
    my $name = shift;

    return $name ? $Test::Nginx::Util::RandPorts->{"TEST_NGINX_$name"}
                 : server_port();
}

# Posts a token to the nginx under test and returns HTTP::Tiny's response.

sub register ($;%) {
    my ($token, %with) = @_;

    my $url = 'http://127.0.0.1:' . nginx_port($with{port})
        . ($with{path} // '/register');

    my $client = HTTP::Tiny->new(max_redirect => 0, timeout => $patience);

    return $client->post($url, {
        content => form($token),
        headers => {
            'Content-Type' => 'application/x-www-form-urlencoded',
            %{ $with{headers} || {} }
        }
    });
}

# Posts a token, but does not wait for the answer; returns the connection.

sub begin_registering ($;%) {
    my ($token, %with) = @_;

    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => nginx_port($with{port})) // die;
    my $path = $with{path} // '/register';
    my $body = form($token);

    $client->syswrite(join "\r\n", "POST $path HTTP/1.1", 'Host: localhost',
        'Connection: close', 'Content-Length: ' . length $body,
        'Content-Type: application/x-www-form-urlencoded', '', $body);

    return $client;
}

# For tests that are AWS themselves: a socket that listens on
# $TEST_NGINX_PUPPET.

sub start_puppet () {
    my $puppet = IO::Socket::INET->new(Listen => 16, Timeout => 10,
        LocalAddr => '127.0.0.1') // die;

    $ENV{TEST_NGINX_PUPPET} = $puppet->sockport;

    return $puppet;
}

# Sends bytes to the nginx under test, and returns all that it answers.

sub raw ($;$) {
    my ($bytes, $port) = @_;

    my $nginx = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => nginx_port($port)) // die;

    $nginx->syswrite($bytes);
    local $/;

    return scalar <$nginx>;
}

# All that comes on a connection until it ends.

sub all_of ($) {
    my $client = shift;
    local $/;
    my $text = <$client>;

    close $client;

    return $text;
}

# HTTP/2, as far as it takes to begin registrations, one for each stream.

sub frame ($$$$) {
    my ($type, $flags, $stream, $payload) = @_;

    return substr(pack('N', length $payload), 1)
        . pack('CCN', $type, $flags, $stream) . $payload;
}

sub begin_http2 ($$$;$) {
    my ($port, $token, $streams, $path) = @_;

    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => nginx_port($port)) // die;
    my ($path_field, $type_field) = map { chr(length) . $_ }
        $path // '/register', 'application/x-www-form-urlencoded';

    $client->syswrite(join '', "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        frame(4, 0, 0, ''),
        map { frame(1, 4, $_, "\x83\x86\x04$path_field\x01\x09localhost"
                  . "\x0f\x10$type_field"),
              frame(0, 1, $_, form($token)) } @$streams);

    return $client;
}

# The workers of the nginx under test.

sub master () {
    open my $file, '<', $Test::Nginx::Util::PidFile or die;

    return scalar(<$file>) + 0;
}

sub worker_processes () {
    my $master = master();

    return grep { parent($_) == $master }
        map { m{(\d+)} } glob '/proc/[0-9]*';
}

sub parent ($) {
    my $pid = shift;

    open my $file, '<', "/proc/$pid/stat" or return 0;

    return (<$file> // '') =~ /\) [^Z] (\d+) / ? $1 : 0;
}

# A connection to this worker.  The port is one with "reuseport", where nobody
# knows which worker gets a connection, and /pid tells.

sub connect_to ($$) {
    my ($port, $worker) = @_;

    for (1 .. 1000) {
        my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => nginx_port($port)) // die;
        my $answer = '';

        $client->syswrite("GET /pid HTTP/1.1\r\nHost: localhost\r\n\r\n");

        while ($answer !~ /\r\n\r\n\d+\n/) {
            $client->sysread($answer, 4096, length $answer) or die;
        }

        return $client if $answer =~ /\r\n\r\n$worker\n/;
    }

    die "no connection to worker $worker";
}

# The lines of the error log that match.

sub logged ($) {
    my $pattern = shift;

    open my $log, '<', $Test::Nginx::Util::ErrLogFile or die;

    return grep { /$pattern/ } <$log>;
}

# Waits for what is about to be so, and tells whether it came to that.

sub wait_until (&) {
    my $is_so = shift;

    for (1 .. 100 * $patience) {
        return 1 if $is_so->();
        select undef, undef, undef, 0.01;
    }

    return 0;
}

# Whether a sanitizer or valgrind runs nginx.  They have a use for memory of
# their own, and keep what was freed for a while: what a worker takes tells
# nothing of nginx then.

sub has_watched_memory () {
    return $ENV{TEST_NGINX_LD_PRELOAD} || $ENV{TEST_NGINX_USE_VALGRIND}
        || $ENV{NGINX_IN_VALGRIND} || $ENV{ASAN_OPTIONS};
}

# Has nginx read its configuration again, and waits until only new workers are
# left; tells whether it came to that.

sub reload () {
    my %old = map { $_ => 1 } worker_processes();

    kill HUP => master();

    return wait_until { my @now = worker_processes();
        @now && !grep { $old{$_} } @now };
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

        # Test::Nginx forgets the status when it removes its folder

        Test::More::fail('the file ends before its time') if $status;
        $? = $status;
    }
}

# A name server on port $TEST_NGINX_DNS, for who asks for it.

sub start_dns () {
    $ENV{TEST_NGINX_DNS} = start('dns.py');
}

# Real servers of FastCGI, SCGI, uwsgi and gRPC, for who asks for them.

my $grpc_log = "$tmp/grpc.log";
my $grpc_seen;

sub start_gateways () {
    my %option = (FASTCGI => '--fastcgi-socket', SCGI => '--scgi-socket',
        UWSGI => '--uwsgi-socket');

    $ENV{"TEST_NGINX_$_"} = "unix:$tmp/" . lc $_ for keys %option;

    run_server("$tmp/gateways.log", qw(uwsgi --plugin python3 --master
        --need-app --die-on-term --disable-logging --wsgi-file
        t/lib/gateway.py --threads 2),
        map { $option{$_} => "$tmp/" . lc $_ } keys %option);

    for my $socket (map { "$tmp/" . lc } keys %option) {
        wait_until { -e $socket } or die "uwsgi did not start";
    }

    # nghttpd takes no port 0: it gets one that was free a moment ago

    for my $try (1 .. 20) {
        my $port = IO::Socket::INET->new(Listen => 1,
            LocalAddr => '127.0.0.1')->sockport;

        my $pid = run_server($grpc_log, qw(stdbuf -oL nghttpd --no-tls
            --address=127.0.0.1 --echo-upload --verbose), $port);

        wait_until { waitpid($pid, 1) == $pid
            or IO::Socket::INET->new("127.0.0.1:$port") };

        if (kill 0 => $pid) {
            $ENV{TEST_NGINX_GRPC} = $port;
            return;
        }
    }

    die "nghttpd did not start";
}

sub run_server ($@) {
    my ($log, @command) = @_;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $log;
        open STDERR, '>&', \*STDOUT;
        exec qw(setpriv --pdeathsig TERM), @command or die "setpriv: $!";
    }

    push @children, $pid;

    return $pid;
}

# Waits until nginx works for so many requests, by stub_status at /at-rest, and
# tells whether it came to that; and until there is no other client either.

sub busy ($) {
    my $requests = 1 + shift;

    return stub_status_becomes(qr/Writing: $requests /);
}

sub at_rest () {
    return stub_status_becomes(
        qr/^Active connections: 1 .*Reading: 0 Writing: 1 Waiting: 0/s);
}

sub stub_status_becomes ($) {
    my $expected = shift;

    my $url = 'http://127.0.0.1:' . nginx_port() . '/at-rest';
    my $client = HTTP::Tiny->new(keep_alive => 0);

    return wait_until { $client->get($url)->{content} =~ $expected };
}

# nginx must not read the credentials or the region of whoever runs the tests,
# nor ask for those of the machine that they run on.

delete $ENV{$_} for grep { /^AWS_|^SSL_CERT_/ } keys %ENV;
$ENV{AWS_EC2_METADATA_DISABLED} = 'true';
$ENV{HOME} = "$tmp";

my %environment = %ENV;

add_block_preprocessor(sub {
    my $block = shift;

    delete $ENV{$_} for grep { /^AWS_|^SSL_CERT_|^HOME$/ } keys %ENV;
    $ENV{$_} = $environment{$_} for qw(AWS_EC2_METADATA_DISABLED HOME);

    for (split /\n/, $block->env // '') {
        s/\$(TEST_NGINX_\w+)/$ENV{$1}/g;

        /^!(\w+)$/ ? delete $ENV{$1}
            : /^(\w+)=(.*)$/ ? ($ENV{$1} = $2)
            : die "no environment variable: $_";
    }
});

# A clock for nginx: a library that is loaded with it and takes the time from
# a file.  Workers have to know which, and lose their environment.  Timers run
# as ever.

my $clock = "$tmp/clock";
my $clock_start = 0;

# Sets nginx's clock, and the stand-in's, so many seconds after the start of
# the block; or the stand-in's otherwise.  The stand-in's goes on from there:
# for a second it shows the same.

sub set_clock ($;$) {
    my ($seconds, $of_aws) = @_;

    open my $file, '>', "$clock.new" or die;
    print $file $clock_start + $seconds, "\n";
    close $file or die;
    rename "$clock.new", $clock or die;

    # a little more, because whole seconds are what counts

    standin(POST => sprintf 'clock?offset=%.6f',
        $clock_start + ($of_aws // $seconds) + 0.001 - Time::HiRes::time());
}

add_block_preprocessor(sub {
    my $block = shift;

    delete $ENV{$_} for grep { /^FAKETIME_/ } keys %ENV;
    delete $ENV{NO_FAKE_STAT};
    $ENV{TEST_NGINX_LD_PRELOAD} = $environment{TEST_NGINX_LD_PRELOAD};
    delete $ENV{TEST_NGINX_LD_PRELOAD}
        unless defined $ENV{TEST_NGINX_LD_PRELOAD};

    return unless defined $block->clock;

    my ($library) = grep { -e }
        glob '/usr/lib{,64}{/*,}/faketime/libfaketime.so.1';
    die 'there is no libfaketime' unless defined $library;

    $ENV{TEST_NGINX_LD_PRELOAD} = join ' ',
        grep { defined } $ENV{TEST_NGINX_LD_PRELOAD}, $library;
    $ENV{FAKETIME_TIMESTAMP_FILE} = $clock;
    $ENV{FAKETIME_FMT} = '%s';
    $ENV{FAKETIME_NO_CACHE} = $ENV{FAKETIME_DONT_FAKE_MONOTONIC}
        = $ENV{NO_FAKE_STAT} = 1;

    $block->set_value('main_config', ($block->main_config // '')
        . "env FAKETIME_TIMESTAMP_FILE;\n");

    $clock_start = time;
    set_clock(0);
});

add_test_cleanup_handler(sub {
    my $block = shift;

    standin(POST => 'clock?offset=0') if defined $block->clock;
});

# Unless a block is about that, each request makes one call, by itself, on a
# connection of its own.

my %alone = (tries => 1, cache_valid => 'off', keepalive => 0);

add_block_preprocessor(sub {
    my $block = shift;

    return if defined $block->defaults || defined $block->must_die
        || !defined $block->http_config;

    my $text = $block->http_config . ($block->config // '');

    $block->set_value('http_config', join '', $block->http_config,
        map { "\n    marketplace_$_ $alone{$_};" }
        grep { $text !~ /marketplace_$_\b/ } sort keys %alone);
});

# The calls of each block are counted anew.

add_block_preprocessor(sub {
    standin(POST => 'reset');
    $grpc_seen = -s $grpc_log // 0;
});

add_test_cleanup_handler(sub {
    my $block = shift;

    my $calls = $block->aws_calls;
    my $tokens = $block->aws_tokens;
    my $name = $block->name;

    my $grpc_like = $block->grpc_request_like;

    if (defined $grpc_like) {
        open my $file, '<', $grpc_log or die;
        seek $file, $grpc_seen, 0;
        local $/;
        Test::More::like(scalar <$file>, qr/$grpc_like/m,
            "$name - gRPC request");
    }

    my $request_like = $block->aws_request_like;

    return unless grep { defined } $calls, $tokens, $request_like;

    my $received = JSON::PP::decode_json(standin(GET => 'requests'));

    if (defined $calls) {
        Test::More::is(@$received, $calls * repeat_each(),
            "$name - number of calls");
    }

    if (defined $tokens) {
        Test::More::is_deeply([map { $_->{token} } @$received],
            [(@$tokens) x repeat_each()], "$name - tokens received");
    }

    if (defined $request_like) {
        Test::More::like(as_text($received->[-1]), qr/$request_like/m,
            "$name - the last call");
    }
});

sub as_text ($) {
    my $request = shift;

    return '' unless $request;

    return join "\n", "$request->{method} $request->{path}",
        (map { "$_->[0]: $_->[1]" } @{$request->{headers}}), '',
        $request->{body}, '';
}

# Test::Nginx has curl speak HTTP/2, which leaves no say in the frames, and
# has a "listen" for it that nginx before 1.25.1 does not know.

{
    my $send_request = \&Test::Nginx::Socket::send_request;

    no warnings qw(redefine prototype);

    *Test::Nginx::Socket::send_request = sub {
        my ($request, $delay, $timeout, $block) = @_;

        return $send_request->(@_) unless defined $block->frames;

        my ($head, $headers) = split /\r\n/,
            join('', map { $_->{value} } @$request), 2;
        my ($method, $path) = split / /, $head;

        open my $file, '>', "$tmp/http2" or die;
        print $file JSON::PP->new->ascii->encode({method => $method,
            path => $path, frames => $block->frames,
            headers => [map { [lc $1, $2] if /(.*?): (.*)/ }
                split /\r\n/, $headers =~ s/\r\n\r\n.*//sr]});
        close $file;

        open my $client, '-|', $python, 't/lib/http2.py',
            $Test::Nginx::Util::RandPorts->{TEST_NGINX_RAND_PORT_1},
            "$tmp/http2" or die "http2.py: $!";

        local $/;

        return (scalar <$client>, $method eq 'HEAD');
    };
}

# Whatever a block is about, nothing may go wrong on the side, and no secret
# may get into the error log.  Signal 9 is sent by nobody but tests.

sub wrong ($) {
    my $fine = shift // qr/(?!)/;

    return qr/\[(alert|crit|emerg)\](?!.*\ exited\ on\ signal\ 9\b)(?!.*$fine)
             |http\ request\ count\ is\ zero
             |XUtnFEMI|FQoGZXIvYXdzEXAMPLE|SECRETTOKEN|Signature=[0-9a-f]
             /x;
}

# The last calls' signatures are looked for in the whole log of a block.

add_test_cleanup_handler(sub {
    my $block = shift;

    return if defined $block->must_die;

    my %signatures = map { /Signature=(\w+)/ ? ($1 => 1) : () } map { $_->[1] }
        map { @{ $_->{headers} } }
        @{ JSON::PP::decode_json(standin(GET => 'requests')) };

    open my $log, '<', $Test::Nginx::Util::ErrLogFile or return;

    Test::More::is(scalar(grep { $signatures{$_} }
        map { /\b([0-9a-f]{64})\b/g } <$log>), 0,
        $block->name . ' - no signature in error.log');
});

add_block_preprocessor(sub {
    my $block = shift;

    return if defined $block->must_die;

    my $more = $block->no_error_log // [];

    $block->set_value('no_error_log',
        [ref $more eq 'ARRAY' ? @$more : split(/\n+/, $more),
            wrong($block->may_log)]);
});

add_block_preprocessor(sub {
    my $block = shift;

    if (defined(my $token = $block->token)) {
        chomp $token;
        $block->set_value('request', "POST /register\n" . form($token));
        $block->set_value('more_headers',
            "Content-Type: application/x-www-form-urlencoded\n"
            . ($block->more_headers // ''));
    }

    if (defined $block->test) {
        $block->set_value('request', 'GET /') unless defined $block->request
            || defined $block->raw_request
            || defined $block->pipelined_requests;
    }
});

add_response_body_check(sub {
    my ($block, undef, undef, undef, $dry_run) = @_;

    return if $dry_run || !defined $block->test;

    no strict 'vars';

    eval 'package main; ' . $block->test . '; 1'
        or Test::More::fail($block->name . " - test: $@");
});

no_long_string();

require Way if $ENV{MARKETPLACE_WAY};

1;
