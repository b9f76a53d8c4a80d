# The machine, or what nginx may take of it, runs out: connections, open files,
# room for a request's body.  The request that needs it fails, and nothing
# more; when there is room again, all is as before.

BEGIN {
    # A limit on the size of files stands for a full disk, which it takes a
    # superuser to make: a write is cut short, and the next one fails.  It
    # comes with a signal that would end nginx.

    $SIG{XFSZ} = 'IGNORE';

    # nginx may be gone before a client has sent all

    $SIG{PIPE} = 'IGNORE';
}

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT begin_http2 logged reload);

use IO::Select;

repeat_each(1);
workers(1);
master_on();
start_dns;

# The error log is a file as well.

log_level('info');

our $tls = 'marketplace_endpoint https://localhost:$TEST_NGINX_AWS_HTTPS;'
    . ' marketplace_ssl_trusted_certificate $TEST_NGINX_CA;';

# A server with these locations, each with its directives.

sub server {
    my $locations = '';

    while (my ($path, $directives) = splice @_, 0, 2) {
        my %more = (resolve => 'on',
            credentials => 'static id=AKIDEXAMPLE'
                . ' secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
            endpoint => 'http://127.0.0.1:$TEST_NGINX_AWS_HTTP');

        delete @more{grep { $directives =~ /marketplace_$_ / } keys %more};

        my $more = join ' ', map { "marketplace_$_ $more{$_};" } sort keys %more;

        $locations .= <<"_EOC_";
        location = $path {
            $more
            $directives
            try_files /none \@resolved;
        }
_EOC_
    }

    return <<"_EOC_";
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_1 http2;
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_2;
        client_body_buffer_size 8k;
        add_header X-Error \$marketplace_error always;
        location \@resolved {
            return 200 "\$marketplace_customer_aws_account_id\\n";
        }
$locations
    }
_EOC_
}

# A client that has sent all but the body of a registration, for which nginx
# has asked; undef if nginx does not take it in: without a connection for it, it
# closes it, and without a descriptor it leaves it in the queue for half a
# second, and says so.

sub hold {
    my $token = shift;
    my $path = shift // '/register';
    my $refused = () = logged(qr/accept4?\(\) failed/);
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => nginx_port('RAND_PORT_2')) // die;
    my $length = length Marketplace::form($token);
    my $answer = '';

    $client->syswrite(join "\r\n", "POST $path HTTP/1.1", 'Host: localhost',
        'Connection: close', "Content-Length: $length",
        'Content-Type: application/x-www-form-urlencoded',
        'Expect: 100-continue', '', '');

    for (1 .. 1000) {
        if (IO::Select->new($client)->can_read(0.01)) {
            $client->sysread($answer, 4096, length $answer) or return undef;
        }

        return $client if $answer =~ /^HTTP\S+ 100 .*\r\n\r\n/s;
        return undef if $refused != (() = logged(qr/accept4?\(\) failed/));
    }

    die "no answer: $answer";
}

# As many of them as nginx takes in.

sub hold_all {
    my ($token, $path) = @_;
    my @held;

    while (my $client = hold($token, $path)) {
        push @held, $client;
        die 'there is no limit' if @held > 200;
    }

    return @held;
}

# How many that are.

sub room {
    my @held = hold_all('ok', @_);
    my $room = @held;

    Test::More::note("there is room for $room");
    close $_ for @held;
    ok(at_rest, 'those who fill it are gone');

    return $room;
}

# Sends the body, and tells what the answer is; empty if there is none.

sub finish {
    my ($client, $token) = @_;

    $client->syswrite(Marketplace::form($token));

    return outcome($client);
}

sub outcome {
    my $client = shift;
    my $answer = '';

    do {
        return 'stuck' unless IO::Select->new($client)->can_read(15);
    } while ($client->sysread($answer, 65536, length $answer));

    close $client;

    my ($head) = $answer =~ /^(HTTP\S+ (?!100).*?)\r\n\r\n/ms or return '';

    return join ' ', $head =~ /^HTTP\S+ (\d+)/, $head =~ /^X-Error: (.*?)\r?$/m;
}

sub resolves {
    is(register('ok', port => 'RAND_PORT_2')->{status}, 200,
        'registrations resolve');
}

# Nothing is stuck, nothing is left, and registrations resolve.

sub ends_well {
    ok(at_rest, 'nothing is stuck');
    ok(wait_until { standin(GET => 'open?service=all') == 0 },
        'no connection to AWS is left');
    resolves();

    # a worker that ends says what it has left

    ok(reload, 'the worker ends');
    is(join('', logged(qr/open socket|exited (on signal|with code [1-9])/)),
        '', 'in order');
}

# When all that nginx can take in are there, the first one finds no connection
# to AWS; the others find what the one before has left.  That nginx must have
# left when the client sees the end of the answer, and not when it sees that of
# the client: poll tells of this and of what the next client sends in any order.

our $at_once = 'lingering_close off;';

sub is_full {
    my $path = shift;
    my $room = room($path);

    for my $round (1 .. 3) {
        my @held = map { hold('ok', $path) // die } 1 .. $room;

        is_deeply([map { finish($_, 'ok') } @held],
            [($path eq '/optional' ? 200 : 502) . ' ConnectionError',
                ('200') x ($room - 1)], "$path $round: only the first fails");
        ok(at_rest, "$path $round: nothing is stuck");
    }

    is(room($path), $room, "$path: there is as much room as before");
}

# Without a connection to the name server nginx asks again after five seconds;
# the resolve may have less time.

sub is_without_name {
    my @held = hold_all('ok');

    is(finish($held[0], 'ok'), '504 Timeout', 'no name');
    close $_ for @held;
    ok(at_rest, 'nothing is stuck');
    resolves;
}

# How each stream of HTTP/2 ends, of a client that then goes.

sub streams {
    my ($client, $count) = @_;
    my ($bytes, %status, %ended) = ('');

    while (keys %ended < $count) {
        IO::Select->new($client)->can_read(10)
            && $client->sysread($bytes, 65536, length $bytes)
            or die 'a stream does not end';

        while (length $bytes >= 9
            and (my $length = unpack 'N', "\0" . $bytes) + 9 <= length $bytes)
        {
            my ($type, $flags, $stream) = unpack 'x3 CCN', $bytes;
            my $payload = substr $bytes, 9, $length;

            # the status is the first field, by its index in the static table

            $status{$stream} = { "\x88" => 200, "\x48" => 502 }
                ->{ $payload =~ /^\x20?(.)/s ? $1 : '' } // '?' if $type == 1;
            $ended{$stream} = 1 if $flags & 1 && $type < 2;
            substr $bytes, 0, $length + 9, '';
        }
    }

    close $client;

    return map { $status{$_} } sort { $a <=> $b } keys %status;
}

# Posts a registration of this size, and tells how it ends: in one piece, with
# the body when nginx asks for it, or in chunks.

sub post_of {
    my ($size, $how) = @_;

    my $body = Marketplace::form('ok') . '&padding=';
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => nginx_port('RAND_PORT_2')) // die;
    my $head = join "\r\n", 'POST /register HTTP/1.1', 'Host: localhost',
        'Connection: close', 'Content-Type: application/x-www-form-urlencoded';

    $body .= 'x' x ($size - length $body);

    if ($how eq 'chunked') {
        $head .= "\r\nTransfer-Encoding: chunked\r\n\r\n";
        $body = join '', (map { sprintf "%x\r\n%s\r\n", length, $_ }
            unpack '(a1000)*', $body), "0\r\n\r\n";

    } else {
        $head .= "\r\nContent-Length: $size\r\n"
            . ($how eq 'asked' ? "Expect: 100-continue\r\n\r\n" : "\r\n");
    }

    if ($how eq 'asked') {
        $client->syswrite($head);
        IO::Select->new($client)->can_read(10) or die 'no answer';
        $head = '';
    }

    print $client "$head$body";

    return outcome($client);
}

sub posts_of_end {
    my ($size, $expected) = @_;

    is(post_of($size, $_), $expected, "$size bytes, $_")
        for 'at once', 'asked', 'chunked';
}

our $body_files = "$Test::Nginx::Util::ServRoot/client_body_temp";

sub no_files_left {
    is(join(' ', glob "$body_files/*"), '', 'no file is left');
}

sub limit_files {
    my $size = shift;

    system 'prlimit', "--pid=$$", "--fsize=$size:" and die 'prlimit failed';
}

our ($usual_size) = do {
    open my $limits, '<', '/proc/self/limits' or die;
    map { /^Max file size\s+(\S+)/ } <$limits>
};

# Sections for limits: so many connections, and files of so many bytes.

# valgrind sees to descriptors itself: a limit means nothing to it.

our $has_no_limit = $ENV{NGINX_IN_VALGRIND};

add_block_preprocessor(sub {
    my $block = shift;

    worker_connections($block->connections // 1024);
    limit_files($block->file_size) if defined $block->file_size;
    $block->set_value('config', <<'_EOC_');
    location = /at-rest {
        stub_status;
    }
_EOC_
});

add_test_cleanup_handler(sub {
    limit_files($usual_size) if defined shift->file_size;
});

# A profile with the keys of a user of the stand-in.

sub put_profile {
    my ($id, $secret) = @_;
    my $file = "$ENV{TEST_NGINX_TMP}/profile";

    open my $new, '>', "$file.new" or die;
    chmod 0600, $new;
    print $new "[default]\naws_access_key_id=$id\n",
        "aws_secret_access_key=$secret\n";
    close $new or die;

    # nobody is taken to be still at it

    utime time - 60, time - 60, "$file.new";
    rename "$file.new", $file or die;
}

put_profile('AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');

# Whether it is soon signed with this key.

sub comes_to_sign {
    my $id = shift;

    for (1 .. 40) {
        register('ok', port => 'RAND_PORT_2');
        return 1 if (sent('ok'))[-1]{access_key} eq $id;
        select undef, undef, undef, 0.05;
    }

    return 0;
}

run_tests();

__DATA__

=== TEST 1: worker_connections
--- connections: 20
--- http_config eval
$::at_once . ::server('/register', '', '/tls', $::tls,
    '/optional', 'marketplace_resolve optional;')
--- test
is_full($_) for '/register', '/tls', '/optional';
ends_well;
--- may_log eval: qr/ worker_connections are not enough/
--- error_log eval: qr/\[alert\] .* worker_connections are not enough while conn/

=== TEST 2: descriptors
--- skip_eval: 1: $::has_no_limit
--- main_config
    worker_rlimit_nofile 40;
--- http_config eval
$::at_once . ::server('/register', '', '/tls', $::tls,
    '/optional', 'marketplace_resolve optional;')
--- test
is_full($_) for '/register', '/tls', '/optional';
ends_well;
--- may_log eval: qr/ (socket|accept4?)\(\) failed \(24: /
--- error_log eval
[qr/\[alert\] .* socket\(\) failed \(24: /, qr/\[crit\] .* accept4?\(\) failed/]

=== TEST 3: worker_connections: all at once, with retries and kept connections
--- connections: 20
--- http_config eval
::server('/register', 'marketplace_tries 3; marketplace_cache_valid off;
    marketplace_keepalive 4;')
--- test
for my $round (1 .. 3) {
    my %count;

    $count{outcome($_)}++ for map { begin_registering('delay:2000:ok',
        port => 'RAND_PORT_2') } 1 .. 60;

    Test::More::note(join ', ',
        map { "$count{$_} times '$_'" } sort keys %count);
    is(join(', ', grep { !/^(200|502 ConnectionError|)$/ } keys %count), '',
        "round $round: nothing but 502, 200 or no answer at all");
    ok($count{200}, "round $round: some resolve");
    ok(at_rest, "round $round: nothing is stuck");
}

resolves;
--- may_log eval: qr/ worker_connections are not enough/
--- error_log eval: qr/\[(alert|warn)\] .*worker_connections are not enough/

=== TEST 4: worker_connections: the streams of one client
--- connections: 20
--- http_config eval: ::server('/register', '')
--- test
my $room = room;

for my $round (1 .. 2) {
    my $client = begin_http2('RAND_PORT_1', 'delay:1000:ok',
        [map { 2 * $_ - 1 } 1 .. 30]);

    is_deeply([streams($client, 30)],
        [(200) x ($room - 1), (502) x (31 - $room)],
        "round $round: as many resolve as there are connections");
    ok(at_rest, "round $round: nothing is stuck");
}

ends_well;
--- may_log eval: qr/ worker_connections are not enough/
--- error_log eval: qr/\[alert\] .* worker_connections are not enough while conn/

=== TEST 5: worker_connections: the one that calls for all has none
--- connections: 20
--- http_config eval: ::server('/register', 'marketplace_cache_valid 5m;')
--- test
my @held = hold_all('delay:500:ok');

$_->syswrite(Marketplace::form('delay:500:ok')) for @held;

is_deeply([map { outcome($_) } @held],
    ['502 ConnectionError', ('200') x $#held], 'another one calls for the rest');
is(standin(GET => 'count') + 0, 1, 'one call');
ends_well;
--- may_log eval: qr/ worker_connections are not enough/
--- error_log eval: qr/\[alert\] .* worker_connections are not enough while conn/

=== TEST 6: worker_connections: credentials
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:$TEST_NGINX_AWS_HTTP/v2/credentials/x
--- connections: 20
--- http_config eval: ::server('/register', 'marketplace_credentials container;')
--- test
my @held = hold_all('ok');

is(finish($held[0], 'ok'), '500 NoCredentials', 'none can be fetched');
close $_ for @held;
ok(at_rest, 'nothing is stuck');

# the source is left alone for two seconds

ok(wait_until { register('ok', port => 'RAND_PORT_2')->{status} == 200 },
    'they are fetched later');
ends_well;
--- may_log eval: qr/ worker_connections are not enough/
--- error_log eval
[qr/\[alert\] .* worker_connections are not enough while conn/,
'fetching credentials failed: source "container"',
'no connection can be made']

=== TEST 7: descriptors: a file of credentials that has changed
--- skip_eval: 1: $::has_no_limit
--- main_config
    worker_rlimit_nofile 40;
--- http_config eval
::server('/register',
    'marketplace_credentials profile file=$TEST_NGINX_TMP/profile;')
--- test
my @held = hold_all('ok');

put_profile('AKIDSLASH', '/JalrXUtnFEMI/K7MDENG+bPxRfiCYSLASHKEY==');

is(finish($held[0], 'ok'), '502 ConnectionError', 'neither a file can be opened nor a socket');
close $_ for @held;
ok(at_rest, 'nothing is stuck');
resolves;
ok(comes_to_sign('AKIDSLASH'), 'the file is read later');

put_profile('AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
ends_well;
--- may_log eval: qr/ (socket|accept4?)\(\) failed \(24: /
--- error_log eval
[qr/\[alert\] .* socket\(\) failed \(24: /, qr/\[crit\] .* accept4?\(\) failed/,
qr/\[warn\] .* cannot be opened; the credentials that it had before .* \(24: /]

=== TEST 8: worker_connections: the name server
--- connections: 20
--- http_config eval
::server('/register', 'marketplace_endpoint http://v4.test:$TEST_NGINX_AWS_HTTP;
    resolver 127.0.0.1:$TEST_NGINX_DNS ipv6=off; marketplace_timeout 500ms;')
--- test
is_without_name;
ends_well;
--- may_log eval: qr/ worker_connections are not enough/
--- error_log eval: qr/\[alert\] .* worker_connections are not enough while res/

=== TEST 9: descriptors: the name server
--- skip_eval: 1: $::has_no_limit
--- main_config
    worker_rlimit_nofile 40;
--- http_config eval
::server('/register', 'marketplace_endpoint http://v4.test:$TEST_NGINX_AWS_HTTP;
    resolver 127.0.0.1:$TEST_NGINX_DNS ipv6=off; marketplace_timeout 500ms;')
--- test
is_without_name;
ends_well;
--- may_log eval: qr/ (socket|accept4?)\(\) failed \(24: /
--- error_log eval
[qr/\[alert\] .* socket\(\) failed \(24: .* while resolving/,
qr/\[crit\] .* accept4?\(\) failed/]

=== TEST 10: a body that the disk has no room for
--- file_size: 50000
--- http_config eval
::server('/register', 'marketplace_token_max_size 1m;')
--- test
posts_of_end(40000, '200');
posts_of_end(300000, '500');
no_files_left;
resolves;
posts_of_end(40000, '200');
ends_well;
--- may_log eval
qr/ pwritev?\(\) ".*client_body_temp.*" (failed \(27: |has written only )/
--- error_log eval
qr/\[crit\] .* pwritev?\(\) ".*client_body_temp.*" (failed|has written only)/

=== TEST 11: a body in a folder that cannot be written
--- http_config eval
::server('/register', 'marketplace_token_max_size 1m;')
--- test
posts_of_end(40000, '200');

# not by root either, whom permissions do not stop

rename $body_files, "$body_files.away" or die;
symlink '/dev/null', $body_files or die;

posts_of_end(40000, '500');
resolves;

unlink $body_files or die;
rename "$body_files.away", $body_files or die;

posts_of_end(40000, '200');
no_files_left;
ends_well;
--- may_log eval: qr/ open\(\) ".*client_body_temp.*" failed \(/
--- error_log eval: qr/\[crit\] .* open\(\) ".*client_body_temp.*" failed \(/
