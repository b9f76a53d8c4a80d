# A thousand registrations at once in one worker, while AWS takes its time.

BEGIN {
    # each takes a client here, and a client and a connection to AWS in nginx

    system 'prlimit', "--pid=$$", '--nofile=4096:' and die 'prlimit failed';
}

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT reload worker_processes has_watched_memory);

use Digest::SHA 'sha256_hex';
use IO::Select;
use POSIX ();

repeat_each(1);
workers(1);
worker_connections(4000);
master_on();

# Each line of a log that tells all would be written a thousand times.

log_level('warn');

our $many = 1000;

# TLS is more work, for the stand-in above all.

our $many_tls = 300;

# A server whose queue has room for all clients.  /register has these
# directives; /proxied is what nginx does without the module.  The slowest
# machine has the time to begin all of it.

sub server {
    my ($directives, $endpoint) = @_;

    return <<"_EOC_";
    marketplace_credentials static id=AKIDEXAMPLE
        secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
    marketplace_endpoint $endpoint;
    marketplace_connect_timeout 30s;
    marketplace_send_timeout 30s;
    marketplace_read_timeout 60s;
    marketplace_timeout 60s;
    access_log off;
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_1 backlog=2048;
        keepalive_requests 1000000;
        location = /register {
            marketplace_resolve on;
            try_files /none \@resolved;
        }
        location \@resolved {
            return 200 "\$marketplace_cache_status \$marketplace_license_arn\\n";
        }
        location = /proxied {
            proxy_pass $endpoint/v2/credentials/load;
            proxy_method GET;
        }
        location = /other {
            return 200 "other\\n";
        }
        $directives
    }
_EOC_
}

our $http_server = server('', 'http://127.0.0.1:$TEST_NGINX_AWS_HTTP');

our $https_server = server(<<'_EOC_', 'https://localhost:$TEST_NGINX_AWS_HTTPS');
        marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
        proxy_ssl_trusted_certificate $TEST_NGINX_CA;
        proxy_ssl_verify on;
        proxy_ssl_server_name on;
        proxy_ssl_session_reuse off;
_EOC_

sub begin {
    my ($path, @tokens) = @_;

    return map { begin_registering($_, port => 'RAND_PORT_1', path => $path) }
        @tokens;
}

# Different tokens that AWS never answers.

sub unanswered {
    return map { "header:X-Number=$_:hang" } 1 .. shift;
}

# What such a location answers for these tokens, and what it does answer.

sub customers {
    my ($status, @tokens) = @_;

    return map { "$status arn:aws:license-manager::111122223333:license/l-"
        . substr(sha256_hex($_), 0, 32) } @tokens;
}

sub answers_of {
    return map { /^HTTP\S+ 200 .*\r\n\r\n(.*)\n\z/s ? $1 : '' }
        map { answer_of($_) } @_;
}

sub answer_of {
    my $client = shift;
    my $answer = '';

    while (IO::Select->new($client)->can_read(15)) {
        next if $client->sysread($answer, 65536, length $answer);
        close $client;
        return $answer;
    }

    return 'stuck';
}

# Whether AWS was asked so often.

sub asked {
    my $count = shift;

    return wait_until { standin(GET => 'count?service=all') == $count };
}

# Whether different tokens get what is theirs, first from AWS, then from memory.

sub all_resolve {
    my $count = shift;

    my @answers = map { "ok-$_" } 1 .. $count;
    my @tokens = map { "hold:$_" } @answers;
    my @clients = begin('/register', @tokens);

    ok(asked($count), 'all are in flight at once');
    standin(POST => 'release');
    is_deeply([answers_of(@clients)], [customers('MISS', @answers)],
        'each gets its customer');
    is_deeply([answers_of(begin('/register', @tokens))],
        [customers('HIT', @answers)], 'and again');
    ok(at_rest, 'nothing is left');
}

# What a hundred thousand requests to another location take of the worker's
# processor, in ticks: what else the machine does does not count.  They are
# sent a hundred at once, or what counted would be how often it wakes up.

sub effort_for_others {
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => nginx_port('RAND_PORT_1')) // die;

    my $before = ticks();

    for (1 .. 1000) {
        my ($answers, $count) = ('', 0);

        $client->syswrite("GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n" x 100);

        while (($count += $answers =~ s/^other\n//mg) < 100) {
            $client->sysread($answers, 65536, length $answers) or die;
        }
    }

    return ticks() - $before;
}

sub ticks {
    my ($worker) = worker_processes;

    open my $file, '<', "/proc/$worker/stat" or die;

    my ($user, $system) = (split / /, <$file> =~ s/.*\) //r)[11, 12];

    return $user + $system;
}

# The same while these wait for the stand-in.

sub effort_beside {
    my ($path, @tokens) = @_;
    my @clients = begin($path, @tokens);

    ok(busy(@tokens), "$path: all wait");

    my $effort = effort_for_others;

    close $_ for @clients;
    ok(at_rest, "$path: nothing is left");

    return $effort;
}

# Whether others are no more work than beside what nginx itself has wait: poll
# looks at all connections each time.

sub are_as_fast {
    answers(container => 'hang');

    my $usual = effort_beside('/proxied', ('hang') x $many);
    my $different = effort_beside('/register', unanswered($many));
    my $one = effort_beside('/register', ('hang') x $many);

    Test::More::note("ticks: $different, $one, and usually $usual");
    cmp_ok($different, '<', 3 * $usual, 'beside different tokens');
    cmp_ok($one, '<', 3 * $usual, 'beside one token');
}

# The memory of the worker, in KB.

sub resident {
    my ($worker) = worker_processes;

    open my $file, '<', "/proc/$worker/statm" or die;

    return (split / /, <$file>)[1] * POSIX::sysconf(POSIX::_SC_PAGESIZE())
        / 1024;
}

# The memory of the worker while these wait for the stand-in, all of them: with
# TLS that is a while after nginx has begun with them.

sub resident_with {
    my ($path, @tokens) = @_;

    my $expected = standin(GET => 'count?service=all') + @tokens;
    my @clients = begin($path, @tokens);

    ok(asked($expected), "$path: " . @tokens . ' wait');

    my $resident = resident;

    close $_ for @clients;
    ok(at_rest, "$path: " . @tokens . ' are gone');

    return $resident;
}

# By how many KB for each request a new worker grows while so many wait.

sub growth {
    my ($path, $count) = @_;

    ok(reload, "$path: a new worker");

    # what is made with the first request stays

    resident_with($path, 'hang');

    my $before = resident;
    my $growth = (resident_with($path, unanswered($count)) - $before) / $count;

    Test::More::note(sprintf '%s: %.1f KB for each', $path, $growth);

    return $growth;
}

sub is_little_memory {
    my $count = shift;

    # for /proxied

    answers(container => 'hang');

    my $own = growth('/proxied', $count);
    my $more = growth('/register', $count) - $own;

    SKIP: {
        skip 'not what nginx itself takes', 1 if has_watched_memory;
        cmp_ok($more, '<', 16, 'KB for each more than what nginx takes');
    }
}

# What was freed is used again, if not all at the first time.

sub is_all_freed {
    my @resident = map { resident_with('/register', unanswered($many)) } 1 .. 3;

    SKIP: {
        skip 'not what nginx itself keeps', 1 if has_watched_memory;
        cmp_ok($resident[2] - $resident[1], '<', $many,
            'less than 1 KB for each');
    }
}

# All that is not set is as an operator has it who does not set it.

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('defaults', '');
    $block->set_value('main_config', "worker_rlimit_nofile 4096;\n");
    $block->set_value('config', <<'_EOC_');
    location = /at-rest {
        stub_status;
    }
_EOC_
});

run_tests();

__DATA__

=== TEST 1: different tokens
--- http_config eval: $::http_server
--- test: all_resolve($many);
--- aws_calls: 1000

=== TEST 2: the same over TLS
--- http_config eval: $::https_server
--- test: all_resolve($many_tls);
--- aws_calls: 300

=== TEST 3: one token
--- http_config eval: $::http_server
--- test
my @clients = begin('/register', ('hold:ok') x $many);

ok(busy($many), 'all wait at once');
ok(asked(1), 'for one call');
standin(POST => 'release');
is_deeply([sort(answers_of(@clients))],
    [customers('MISS', 'ok'), (customers('SHARED', 'ok')) x ($many - 1)],
    'one asks for all');
ok(at_rest, 'nothing is left');
--- aws_calls: 1

=== TEST 4: other locations meanwhile are answered as fast
--- http_config eval: $::http_server
--- test
are_as_fast;

=== TEST 5: memory
--- http_config eval: $::http_server
--- test
is_little_memory($many);
is_all_freed;

=== TEST 6: memory over TLS
--- http_config eval: $::https_server
--- test: is_little_memory($many_tls);
