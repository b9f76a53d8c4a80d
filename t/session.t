# The session: a cookie that keeps the customer, and what is no such cookie.

use lib 't/lib';
use Digest::SHA 'hmac_sha256';
use IO::Select ();
use JSON::PP ();
use MIME::Base64 qw(decode_base64url encode_base64url);
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT reload worker_processes has_watched_memory);

repeat_each(1);
workers(1);
master_on();

# At "debug" nginx itself logs all headers.

log_level('info');

# Key files that others may read are warned of.

umask 077;

our @keys = ('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
    'SGVsbG8sIEkgYW0gYSBrZXkgb2YgdGhpcnR5LXNpeCBieXRlcyE=',
    'a phrase that is long enough to be a key');

put('keys', "$keys[0]\n");
put('other', "$keys[1]\n");
put('both', "$keys[0]\n$keys[1]\n");
put('rotating', "$keys[0]\n");

sub put {
    my ($name, $text, $mode) = @_;

    my $file = "$ENV{TEST_NGINX_TMP}/$name";

    open my $out, '>:raw', $file or die "$file: $!";
    print $out $text;
    close $out or die;
    chmod $mode // 0600, $file;

    return $file;
}

# An application that answers the head that it received, as it came.  It ends
# when the test does, by a pipe that then breaks.

sub start_app {
    my $listening = IO::Socket::INET->new(Listen => 64,
        LocalAddr => '127.0.0.1') // die;

    pipe my $alive, our $owner or die;
    my $pid = fork // die;

    if ($pid == 0) {
        close $owner;
        my $select = IO::Select->new($listening, $alive);

        for (;;) {
            for my $ready ($select->can_read) {
                POSIX::_exit(0) if $ready == $alive;
                answer_head($listening->accept // next);
            }
        }
    }

    close $alive;
    $ENV{TEST_NGINX_APP} = $listening->sockport;
}

sub answer_head {
    my $client = shift;
    my $request = '';

    while ($request !~ /\r\n\r\n/) {
        sysread $client, $request, 65536, length $request or return;
    }

    my ($head, $body) = split /\r\n\r\n/, $request, 2;
    my $left = $head =~ /^Content-Length: (\d+)/mi ? $1 - length $body : 0;

    while ($left > 0) {
        my $n = sysread $client, my $more, 65536 or return;
        $left -= $n;
    }

    my ($elsewhere) = $head =~ m{^\S+ /accel(/\S*)};
    my $seen = join '|',
        $head =~ /^((?:X-Account|X-Marketplace-.*?|Cookie): .*?)\r?$/mgi;

    print $client "HTTP/1.0 200 OK\r\n", $elsewhere
        ? "X-Accel-Redirect: $elsewhere\r\n\r\n"
        : $head =~ m{^GET /auth } ? "X-Seen: $seen\r\n\r\n"
        : 'Content-Length: ' . length("$head\r\n") . "\r\n\r\n$head\r\n";
    close $client;
}

use POSIX ();
start_app();

# The format of a session, once more.

our @names = qw(customer_aws_account_id license_arn customer_identifier
    product_code offer_type);
our @customer = ('123456789012', 'arn:aws:s:::r', 'someone', 'product',
    'free-trial');
our $name = '__Host-marketplace';

sub code {
    my ($text, %with) = @_;

    return encode_base64url(hmac_sha256($text,
        hmac_sha256('marketplace session 1 ' . ($with{name} // $name),
            $with{key} // $keys[0])));
}

sub sealed {
    my %with = (issued => time, lasts => 3600, fields => \@customer,
        version => 1, @_);

    my $payload = $with{payload} // pack('Q>Q>(n/a*)*', $with{issued},
        $with{expires} // $with{issued} + $with{lasts}, @{ $with{fields} })
        . ($with{more} // '');
    my $text = "$with{version}." . ($with{text} // encode_base64url($payload));

    return "$text." . code($text, %with);
}

sub opened {
    my ($value, %with) = @_;

    my ($text, $payload, $code)
        = $value =~ /^(1\.([A-Za-z0-9_-]+))\.([A-Za-z0-9_-]{43})$/
        or return { wrong => "the form of $value" };

    return { wrong => 'the code' } unless $code eq code($text, %with);

    my %session;
    @session{qw(issued expires), @names, 'more'}
        = unpack 'Q>Q>(n/a*)5a*', decode_base64url($payload);

    return \%session;
}

sub fields {
    my $session = shift;

    return join '|', map { $_ // 'none' } @$session{'wrong', @names, 'more'};
}

# A request, a registration where there is a token, and what became of it.

sub ask {
    my ($path, %with) = @_;

    my $body = defined $with{token} ? Marketplace::form($with{token})
        : $with{body};
    my $type = $with{type} // 'application/x-www-form-urlencoded';
    my @cookies = map { "Cookie: $_" } map { ref ? @$_ : $_ }
        $with{cookies} // (defined $with{session}
            ? "$name=$with{session}" : []);

    return raw(join("\r\n", ($with{method} // (defined $body ? 'POST' : 'GET'))
        . " $path HTTP/1.1", 'Host: localhost', 'Connection: close',
        @cookies, @{ $with{headers} // [] },
        defined $body ? ("Content-Type: $type",
            'Content-Length: ' . length $body) : (), '', $body // ''),
        $with{port});
}

sub status {
    return shift =~ /^HTTP\/\S+ (\d+)/ ? $1 : 'none';
}

sub header {
    my ($answer, $name) = @_;
    my ($head) = split /\r\n\r\n/, $answer, 2;

    return join ', ', $head =~ /^\Q$name\E: (.*?)\r?$/mg;
}

sub body {
    return shift =~ s/.*?\r\n\r\n//sr;
}

# What the application has seen: our headers, sorted, and the cookies.

sub seen {
    return join "\n", sort { $a cmp $b }
        body(shift) =~ /^(X-Marketplace-.*?)\r?$/mgi;
}

sub seen_cookies {
    my $answer = shift;

    return 'no application' unless body($answer) =~ /^Host: /m;
    return join ' / ', map { "[$_]" } body($answer) =~ /^Cookie: (.*?)\r?$/mgi;
}

our $ours = join "\n", map { "X-Marketplace-$_" } sort
    'Customer-AWS-Account-Id: 123456789012', 'License-Arn: arn:aws:s:::r',
    'Customer-Identifier: someone', 'Product-Code: product',
    'Offer-Type: free-trial';

# The cookie that is set: its value, and the rest of it, sorted.

sub cookie_of {
    my ($answer, $of) = @_;
    $of //= $name;

    return header($answer, 'Set-Cookie') =~ /^\Q$of\E=([^;]*); / ? $1 : 'none';
}

sub attributes {
    my (undef, @rest) = split /; /, header(shift, 'Set-Cookie');

    return join '; ', sort @rest;
}

our $cleared = "$name=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax";

sub sorted {
    my ($value, @rest) = split /; /, shift;

    return join '; ', $value // '', sort @rest;
}

sub is_cleared {
    my ($answer, $what) = @_;

    is(sorted(header($answer, 'Set-Cookie')), sorted($cleared),
        "$what: cleared");
}

# What is logged meanwhile of sessions that are not used, and of errors.

sub during (&) {
    my $code = shift;
    my $from = -s $Test::Nginx::Util::ErrLogFile;

    my $answer = $code->();

    open my $log, '<:raw', $Test::Nginx::Util::ErrLogFile or die;
    seek $log, $from, 0;

    return ($answer, grep { /marketplace: / } <$log>);
}

sub is_not_used {
    my ($what, $why, %with) = @_;

    my ($answer, @lines) = during { ask($with{path} // '/app', %with) };

    is(status($answer), 200, "$what: goes on");
    is(seen($answer), '', "$what: nobody");
    is_cleared($answer, $what) unless $with{name};
    is(scalar @lines, 1, "$what: one line");
    like($lines[0] // '', qr/\[info\] .* marketplace: the session's cookie is /,
        "$what: level");
    like($lines[0] // '', qr/ is not used: \Q$why\E, client: /,
        "$what: says why");

    return $answer;
}

sub is_used {
    my ($what, %with) = @_;

    my ($answer, @lines) = during { ask($with{path} // '/app', %with) };

    is(status($answer), 200, "$what: goes on");
    is(seen($answer), $with{seen} // $ours, "$what: somebody");
    is(header($answer, 'Set-Cookie'), '', "$what: no cookie");
    is(scalar @lines, $with{lines} // 0, "$what: nothing to say");

    return $answer;
}

# Many requests on one connection; returns the answers, which end with "@@".

sub ask_all {
    my ($port, @requests) = @_;

    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => nginx_port($port)) // die;
    my @answers;

    while (my @some = splice @requests, 0, 50) {
        $client->syswrite(join '', @some);

        my ($text, $n) = ('', 0);

        while ($n < @some) {
            sysread $client, $text, 65536, length $text
                or die 'the connection has ended';
            $n = () = $text =~ /\@\@/g;
        }

        push @answers, split /(?<=\@\@)/, $text;
    }

    return @answers;
}

sub request_with {
    my ($path, $value) = @_;

    return "GET $path HTTP/1.1\r\nHost: localhost\r\n"
        . "Cookie: $name=$value\r\n\r\n";
}

sub calls {
    return standin(GET => 'count') + 0;
}

our $token = 'json:{"CustomerAWSAccountId":"123456789012",'
    . '"LicenseArn":"arn:aws:s:::r","CustomerIdentifier":"someone",'
    . '"ProductCode":"product","Extra":"more"}';

our $form = Marketplace::form($token)
    . '&x-amzn-marketplace-offer-type=free-trial';

# A configuration: what is in http{}, and locations.

our $keyed = 'marketplace_session key=$TEST_NGINX_TMP/keys;';
our $values = join '|', map { "\$marketplace_$_" } @names, qw(error
    error_message field_extra);
our $app = 'proxy_pass http://127.0.0.1:$TEST_NGINX_APP;';

our $http = $aws . <<'_EOC_';
    add_header X-Error $marketplace_error always;
    add_header X-Cache $marketplace_cache_status always;
    keepalive_requests 100000;
    large_client_header_buffers 8 64k;
    log_format customer "$status [$marketplace_customer_aws_account_id]";
_EOC_

our $locations = <<"_EOC_";
    $keyed
    location = /register {
        marketplace_resolve on;
        $app
    }
    location = /optional {
        marketplace_resolve optional;
        $app
    }
    location /app {
        $app
    }
    location /accel/ {
        $app
    }
    location = /pass {
        marketplace_session key=\$TEST_NGINX_TMP/keys pass=on;
        $app
    }
    location = /short {
        try_files /none \@short;
    }
    location \@short {
        return 200 "[\$marketplace_customer_aws_account_id]\@\@";
    }
_EOC_

# No block logs a cookie or a key.

our $kept = join '|', map { quotemeta } @keys;

add_test_cleanup_handler(sub {
    my $block = shift;

    open my $log, '<:raw', $Test::Nginx::Util::ErrLogFile or return;

    is(join('', grep { /$kept|\b1\.[\w-]{8,}/ } <$log>), '',
        $block->name . ' - no key and no cookie in error.log');
});

# What "nginx -t" says of directives in http{}: its status, and its messages
# as "level: text", where HERE is the place of the directives.

our $in_http = 8;

sub nginx_t {
    my ($directives, %with) = @_;

    my $log = "$ENV{TEST_NGINX_TMP}/t.log";
    unlink $log;

    my $conf = put('t.conf', <<"_EOC_" =~ s/\$(TEST_NGINX_\w+)/$ENV{$1}/gr);
load_module $ENV{TEST_NGINX_LOAD_MODULES};
error_log $log info;
pid $ENV{TEST_NGINX_TMP}/t.pid;
events {}
http {
    access_log off;
    marketplace_timeout 9s;
    $directives
    server {
        listen 127.0.0.1:${\ nginx_port() };
    }
}
_EOC_

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDERR, '>', '/dev/null';
        exec @{ $with{as} // [] }, $Test::Nginx::Util::NginxBinary, '-t', '-e',
            $log, '-p', $ENV{TEST_NGINX_TMP}, '-c', $conf
            or die "exec: $!";
    }

    waitpid $pid, 0;
    my $status = $?;

    open my $file, '<:raw', $log or return ($status);

    return ($status, map { s/ in \Q$conf\E:$in_http\b/ HERE/r }
        map { /\[(\w+)\] \d+#\d+: (.*)/ ? "$1: $2" : () } <$file>);
}

sub is_refused {
    my ($what, $words, $directives, %with) = @_;

    my ($status, @messages) = nginx_t($directives, %with);

    is($status, 1 << 8, "$what: refused");
    is(join("\n", grep { /^(?:emerg|alert|crit): / } @messages),
        "emerg: $words", "$what: words");
    unlike("@messages", qr/$kept/, "$what: no key");
}

sub is_taken {
    my ($what, $warning, $directives, %with) = @_;

    my ($status, @messages) = nginx_t($directives, %with);

    is($status, 0, "$what: taken");
    is(join("\n", grep { !/^(?:notice|info): |configuration file|"user"/ }
        @messages), $warning ? "warn: $warning" : '', "$what: words");
    unlike("@messages", qr/$kept/, "$what: no key");
}

# Other machines: an nginx with a prefix of its own, and its port.

sub start_nginx {
    my ($machine, $keys) = @_;

    my $prefix = "$ENV{TEST_NGINX_TMP}/$machine";
    mkdir $prefix;
    mkdir "$prefix/logs";

    my $port = IO::Socket::INET->new(Listen => 1,
        LocalAddr => '127.0.0.1')->sockport;
    my $log = "$prefix/logs/error.log";
    my $user = $> == 0 ? 'user root;' : '';

    put("$machine/keys", $keys);
    put("$machine/nginx.conf",
        <<"_EOC_" =~ s/\$(TEST_NGINX_\w+)/$ENV{$1}/gr);
load_module $ENV{TEST_NGINX_LOAD_MODULES};
daemon off;
error_log $log info;
pid $prefix/nginx.pid;
$user
events {}
http {
    access_log off;
    $http
    server {
        listen 127.0.0.1:$port;
        marketplace_session key=keys;
        location = /register {
            marketplace_resolve on;
            $app
        }
        location /app {
            $app
        }
    }
}
_EOC_

    # its END blocks and objects are not ours to run

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDERR, '>', '/dev/null';
        exec qw(setpriv --pdeathsig TERM), $Test::Nginx::Util::NginxBinary,
            '-p', $prefix, '-c', "$prefix/nginx.conf", '-e', $log
            or POSIX::_exit(1);
    }

    wait_until { IO::Socket::INET->new("127.0.0.1:$port") }
        or die "$machine did not start";

    $Test::Nginx::Util::RandPorts->{"TEST_NGINX_$machine"} = $port;

    return $pid;
}

sub stop_nginx {
    for my $pid (@_) {
        kill TERM => $pid;
        waitpid $pid, 0;
    }
}

# Over HTTP/2, where each of these headers is a field of its own.

sub ask_http2 {
    my ($path, @headers) = @_;

    put('http2', JSON::PP->new->ascii->encode({ method => 'GET',
        path => $path, frames => [], headers => \@headers }));

    open my $client, '-|', $ENV{PYTHON} || '/usr/bin/python3',
        't/lib/http2.py', nginx_port('RAND_PORT_1'),
        "$ENV{TEST_NGINX_TMP}/http2" or die "http2.py: $!";
    local $/;

    return scalar <$client>;
}

run_tests();

__DATA__

=== TEST 1: what is set, and for whom
--- http_config eval: $::http
--- config eval: $::locations
--- test
my $before = time;
my $answer = ask('/register', body => $form);
my $session = opened(cookie_of($answer));

is(status($answer), 200, 'resolved');
is(attributes($answer), 'HttpOnly; Max-Age=3600; Path=/; SameSite=Lax; Secure',
    'attributes');
is(fields($session), join('|', 'none', @customer, ''), 'fields');
ok($session->{issued} >= $before && $session->{issued} <= time, 'issue');
is($session->{expires} - $session->{issued}, 3600, 'expiry');
is(fields(opened(cookie_of($answer), key => $keys[1])),
    'the code' . '|none' x 6, 'by another key');

for my $token ('ok', 'new:1', 'old:1', 'empty:1', 'null:1',
    'without:CustomerAWSAccountId', 'with:CustomerIdentifier=ümläut ☃')
{
    my $answer = ask('/register', token => $token);
    my $session = opened(cookie_of($answer));
    my %seen = map { lc =~ tr/-/_/r =~ s/^x_marketplace_//r }
        map { /^(.*?): (.*)/ ? ($1, $2) : () } split /\n/, seen($answer);

    is(join('|', map { "$_=" . length $session->{$_} } @names),
        join('|', map { "$_=" . length($seen{$_} // '') } @names),
        "$token: lengths");
    ok(length cookie_of($answer) < 2048, "$token: short");
    is(scalar(() = header($answer, 'Set-Cookie') =~ /$name=/g), 1,
        "$token: one cookie");
}

is(header(ask('/register'), 'Set-Cookie'), '', 'a GET');
is(header(ask('/register', token => 'error:InvalidTokenException'),
    'Set-Cookie'), '', 'a failure');
is(header(ask('/optional', token => 'error:InvalidTokenException'),
    'Set-Cookie'), '', 'a failure, optional');
is(cookie_of(ask('/optional', token => 'ok')) =~ /^1\./, 1, 'optional');

=== TEST 2: other names and times
--- http_config eval: $::http
--- config
    location = /plain {
        marketplace_session key=$TEST_NGINX_TMP/keys cookie=my-session_1.0 ttl=10m;
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /secure {
        marketplace_session ttl=90d cookie=__Secure-s key=$TEST_NGINX_TMP/keys;
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /host {
        marketplace_session cookie=__Host-s key=$TEST_NGINX_TMP/keys ttl=1s;
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /lower {
        marketplace_session cookie=__host-s key=$TEST_NGINX_TMP/keys ttl=1s;
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
--- test
for my $row (['/plain', 'my-session_1.0', 600, ''],
    ['/secure', '__Secure-s', 90 * 86400, '; Secure'],
    ['/host', '__Host-s', 1, '; Secure'],
    ['/lower', '__host-s', 1, '; Secure'])
{
    my ($path, $name, $ttl, $secure) = @$row;

    my $answer = ask($path, body => $form);
    my $value = cookie_of($answer, $name);
    my $session = opened($value, name => $name);

    is(attributes($answer),
        "HttpOnly; Max-Age=$ttl; Path=/; SameSite=Lax$secure", $path);
    is(fields($session), join('|', 'none', @customer, ''), 'fields');
    is($session->{expires} - $session->{issued}, $ttl, 'expiry');

    is(seen(ask($path, cookies => "$name=$value")), $ours, 'used')
        if $ttl > 1;
    is(seen(ask($path, cookies => "$::name=$value")), '', 'no other name');

    $answer = ask($path, cookies => "$name=" . sealed());
    is(seen($answer), '', 'signed for another name');
    is(sorted(header($answer, 'Set-Cookie')), sorted("$name=; Path=/; "
        . "Max-Age=0$secure; HttpOnly; SameSite=Lax"), 'cleared');
}
--- suppress_stderr

=== TEST 3: a session is as good as a resolve, and calls nobody
--- http_config eval: $::http
--- config eval
"$::locations add_header X-Values '$::values' always;
    add_header X-Resolve '\$marketplace_request_id|\$marketplace_status|\$marketplace_time' always;
    add_header X-Cache '\$marketplace_cache_status' always;"
--- test
for my $path ('/register', '/optional') {
    for my $token ('ok', 'new:1', 'old:1', 'empty:1', 'null:1',
        'without:CustomerAWSAccountId', 'with:CustomerIdentifier=a b', $token)
    {
        my $body = Marketplace::form($token)
            . '&x-amzn-marketplace-offer-type=a%20b';
        my $first = ask($path, body => $body);
        my $value = cookie_of($first);
        my $calls = calls();

        like(seen($first), qr/^X-Marketplace-\w+/, $token);
        is(header($first, 'X-Cache'), 'BYPASS', 'resolved');

        for my $next ('/app', '/register', '/optional', '/pass') {
            my $answer = is_used("$token: $next", path => $next,
                session => $value, seen => seen($first));

            is(header($answer, 'X-Values'),
                header($first, 'X-Values') =~ s/\|\Kmore$//r, 'variables');
            is(header($answer, 'X-Cache'), 'SESSION', 'cache status');
            is(header($answer, 'X-Resolve'), '||0.000', 'of no resolve');
        }

        is(calls(), $calls, 'no calls');
    }
}

like(header(ask('/register', body => $form), 'X-Values'), qr/\|more$/,
    'another field after a resolve');

=== TEST 4: cookies of others who have the key
--- http_config eval: $::http
--- config eval: $::locations
--- test
is_used('the same', session => sealed());
is_used('issued now and then', session => sealed(issued => time - 3000));
is_used('a fast clock', session => sealed(issued => time + 55));
is_used('long', session => sealed(lasts => 2 ** 40));
is_used('no fields', session => sealed(fields => [('') x 5]), seen => '');
is_used('one field', session => sealed(fields => ['', '', '', 'product', '']),
    seen => 'X-Marketplace-Product-Code: product');
is_used('long fields', session => sealed(fields => [1, 'x' x 2048, ('y') x 3]),
    seen => join "\n", sort map { "X-Marketplace-$_" }
        'Customer-AWS-Account-Id: 1', 'License-Arn: ' . 'x' x 2048,
        'Customer-Identifier: y', 'Product-Code: y', 'Offer-Type: y');
is_used('odd bytes', session => sealed(fields => ["\xff\xfe", '%00;,"', ' ',
    "\xc3\xa4", "\\'"]), seen => join "\n", sort map { "X-Marketplace-$_" }
        "Customer-AWS-Account-Id: \xff\xfe", 'License-Arn: %00;,"',
        'Customer-Identifier:  ', "Product-Code: \xc3\xa4", "Offer-Type: \\'");

=== TEST 5: cookies that are none
--- http_config eval: $::http
--- config eval: $::locations
--- test
my $no_session = 'it is no session, or of another version';
my $not_signed = 'no key of the file has signed it for this name';
my $malformed = 'it is malformed, although signed';
my $future = 'it is from the future: compare the clocks of the machines';
my $now = time;

for my $row (['empty', $no_session, ''], ['text', $no_session, 'hello'],
    ['long text', $no_session, 'x' x 5000],
    ['dots', $no_session, '.' x 100],
    ['its beginning', $no_session, '1.'],
    ['the next version', $no_session, sealed(version => 2)],
    ['no version', $no_session, sealed() =~ s/^1\.//r],
    ['not signed', $not_signed, '1.' . 'x' x 200],
    ['quoted', $no_session, '"' . sealed() . '"'],
    ['expired', 'it has expired', sealed(issued => $now - 3600)],
    ['expired long ago', 'it has expired', sealed(issued => 1, lasts => 1)],
    ['no time', 'it has expired', sealed(lasts => 0)],
    ['from the future', $future, sealed(issued => $now + 90)],
    ['from next year', $future, sealed(issued => $now + 3e7)],
    ['another key', $not_signed, sealed(key => $keys[1])],
    ['half the key', $not_signed, sealed(key => substr $keys[0], 0, 32)],
    ['the key in binary', $not_signed, sealed(key => pack 'H*', $keys[0])],
    ['another name', $not_signed, sealed(name => '__Host-marketplace2')],
    ['the name in capitals', $not_signed, sealed(name => uc $name)],
    ['no payload', $malformed, sealed(payload => '')],
    ['bytes more', $malformed, sealed(more => "\0")],
    ['a field more', $malformed, sealed(fields => [@customer, ''])],
    ['a field less', $malformed, sealed(fields => [@customer[0 .. 3]])],
    ['no fields', $malformed, sealed(fields => [])],
    ['lengths too long', $malformed, sealed(payload => "\xff" x 60)],
    ['other digits', $malformed, sealed(text => '!' x 80)])
{
    my ($what, $why, $value) = @$row;

    is_not_used($what, $why, session => $value);
}

is_not_used('two, the last one counts', 'it has expired', cookies =>
    ["$name=bad; $name=" . sealed(key => $keys[1]),
        "$name=" . sealed(lasts => 0)]);

my $answer = is_not_used('optional', $not_signed, path => '/optional',
    session => sealed(key => $keys[1]));
is(header($answer, 'X-Error'), '', 'no error');
is(header($answer, 'X-Cache'), '', 'no cache status');

# signed by hand, with the line itself

my $text = '1.' . encode_base64url(pack 'Q>Q>(n/a*)*', $now, $now + 60,
    @customer);
is_not_used('a key that is not derived', $not_signed, session => "$text."
    . encode_base64url(hmac_sha256($text, $keys[0])));

=== TEST 6: every byte changed, and every length
--- http_config eval: $::http
--- config eval: $::locations
--- test
my $value = sealed();
my $end = length $value;
my @values = map { my $i = $_;
    (map { my $v = $value; substr($v, $i, 1) ^= chr $_; $v }
        1, 2, 4, 8, 16, 32),
    substr($value, 0, $i), substr($value, $i + 1),
    substr($value, 0, $i) . substr($value, $i + 1),
    substr($value, 0, $i) . 'A' . substr($value, $i) } 0 .. $end - 1;

push @values, "${value}A", "$value=", "$value.", "$value.$value";
@values = grep { !/[\0-\x20;\x7f]/ } @values;

my ($answers, @lines) = during { [ask_all(undef,
    map { request_with('/short', $_) } @values)] };

cmp_ok(scalar @values, '>', 1000, 'many');
is(scalar @$answers, scalar @values, 'all answered');
is(scalar(grep { !/\r\n\r\n\[\]\@\@$/ } @$answers), 0, 'all nobody');
is(scalar(grep { !/^Set-Cookie: \Q$name\E=; .*Max-Age=0/m } @$answers), 0,
    'all cleared');
is(scalar(grep { /the session's cookie is not used: / } @lines),
    scalar @values, 'a line each');
like((ask_all(undef, request_with('/short', $value)))[0],
    qr/\[123456789012\]\@\@$/, 'itself');

=== TEST 7: what becomes of a session when there is a token
--- http_config eval: $::http
--- config eval: $::locations
--- test
my @old = (9, 'arn:old', 'old', 'old', 'old');
my $old = sealed(fields => \@old);
my $seen_old = seen(ask('/app', session => $old));

like($seen_old, qr/arn:old/, 'there is one');

for my $path ('/register', '/optional') {
    my $answer = ask($path, body => $form, session => $old);

    is(seen($answer), $ours, "$path: the new customer");
    is(header($answer, 'X-Cache'), 'BYPASS', 'by a call');
    is(fields(opened(cookie_of($answer))), join('|', 'none', @customer, ''),
        'a new cookie');

    # the one that is cleared is not set as well

    for my $bad ('bad', sealed(key => $keys[1]), sealed(lasts => 0)) {
        $answer = ask($path, body => $form, session => $bad);
        is(seen($answer), $ours, "$path: instead of a bad one");
        is(scalar(() = header($answer, 'Set-Cookie') =~ /Max-Age=/g), 1,
            'one cookie');
        is(fields(opened(cookie_of($answer))), join('|', 'none', @customer,
            ''), 'which is the new one');
    }
}

for my $row (['error:InvalidTokenException', 400, 'InvalidTokenException'],
    ['error:ThrottlingException', 503, 'ThrottlingException'],
    ['html', 502, 'InvalidResponse'], ['x' x 9000, 413, 'TokenTooLarge'])
{
    my ($token, $status, $error) = @$row;

    my $answer = ask('/register', token => $token, session => $old);
    is(status($answer), $status, "$error: on");
    is(header($answer, 'Set-Cookie'), '', 'the cookie stays');
    is(header($answer, 'X-Cache') ne 'SESSION', 1, 'not by the session');

    $answer = ask('/optional', token => $token, session => $old);
    is(status($answer), 200, "$error: optional");
    is(seen($answer), "X-Marketplace-Error: $error", 'nobody');
    is(header($answer, 'Set-Cookie'), '', 'the cookie stays');
    is(header($answer, 'X-Cache') ne 'SESSION', 1, 'not by the session');
    is(seen_cookies($answer), '', 'the application does not see it');
}

is(seen(ask('/app', session => $old)), $seen_old, 'still good');

my $answer = ask('/optional', session => 'bad',
    token => 'error:InvalidTokenException');
is(seen($answer), 'X-Marketplace-Error: InvalidTokenException', 'a bad one');
is_cleared($answer, 'a bad one');

=== TEST 8: a POST without a token
--- http_config eval: $::http
--- config eval: $::locations
--- test
my $session = sealed();

for my $row (['no body', ''], ['a form', 'a=b'],
    ['an empty token', 'x-amzn-marketplace-token='],
    ['JSON', '{"a":"b"}', 'application/json'],
    ['a JSON list', '["a"]', 'application/json'],
    ['XML', '<a/>', 'text/xml'],
    ['bytes', "\0\xff", 'application/octet-stream'],
    ['a large upload', 'x' x 100_000, 'application/octet-stream'],
    ['a large form', 'a=' . 'x' x 100_000])
{
    my ($what, $body, $type) = @$row;

    for my $path ('/register', '/optional', '/app') {
        my $answer = is_used("$what, $path", path => $path, body => $body,
            type => $type, session => $session);

        is(header($answer, 'X-Cache'), 'SESSION', 'by the session');
        is(header($answer, 'X-Error'), '', 'no error');
    }
}

# what is a registration, though not a good one, is the buyer's to know of

my $two = 'x-amzn-marketplace-token=a&x-amzn-marketplace-token=b';

for my $row ([$two, 400, 'InvalidRequest'],
    ['x-amzn-marketplace-token=' . 'x' x 10_000, 413, 'TokenTooLarge'])
{
    my ($body, $status, $error) = @$row;
    my $answer = ask('/register', body => $body, session => $session);

    is(status($answer), $status, "$error, with a session, too");
    is(header($answer, 'X-Error'), $error, 'and says so');
}

is(calls(), 0, 'no calls');

for my $cookie (undef, 'bad') {
    is(status(ask('/register', body => 'a=b', session => $cookie)), 400,
        'nobody');
    is(header(ask('/register', body => 'a=b', session => $cookie), 'X-Error'),
        'MissingToken', 'as ever');
    is(seen(ask('/optional', body => 'a=b', session => $cookie)),
        'X-Marketplace-Error: MissingToken', 'optional');
    is(header(ask('/register', body => '<a/>', type => 'text/xml',
        session => $cookie), 'X-Error'), 'InvalidRequest', 'another type');
    is(seen(ask('/app', body => 'a=b', session => $cookie)), '', 'off');
}

=== TEST 9: where nothing is resolved, nobody is called
--- http_config eval: $::http
--- config eval: $::locations
--- test
my $answer = ask('/app', body => $form);
is(seen($answer), '', 'nobody');
is(header($answer, 'Set-Cookie'), '', 'no session');

is_used('a token beside it', body => Marketplace::form('ok'),
    session => sealed());
is(calls(), 0, 'no calls');

=== TEST 10: too much for a cookie
--- http_config eval: $::http
--- config eval
my $long = '__Host-' . 'n' x 1500;

"location = /register {
    marketplace_session key=\$TEST_NGINX_TMP/keys cookie=$long;
    marketplace_resolve on;
    $::app
}
location = /optional {
    marketplace_session key=\$TEST_NGINX_TMP/keys cookie=$long;
    marketplace_resolve optional;
    $::app
}
location = /app {
    marketplace_session key=\$TEST_NGINX_TMP/keys cookie=$long;
    $::app
}"
--- test
my $long = '__Host-' . 'n' x 1500;
my %error;

for my $path ('/register', '/optional') {
    for my $length (1000, 1810 .. 1845, 2048) {
        my $arn = 'arn:aws' . 'a' x ($length - 13) . ':s:::r';
        my ($answer, @lines) = during { ask($path,
            token => qq(json:{"LicenseArn":"$arn"})) };

        my $fits = cookie_of($answer, $long) ne 'none';
        $error{"$path $length"} = !$fits;

        if ($fits) {
            my ($cookie) = header($answer, 'Set-Cookie');
            ok(length $cookie <= 4096, "$length: within bounds");
            next unless $length % 10 == 0;

            is(opened(cookie_of($answer, $long), name => $long)->{license_arn},
                $arn, 'whole');
            is(seen(ask('/app', cookies => "$long="
                . cookie_of($answer, $long))),
                "X-Marketplace-License-Arn: $arn", 'and good');
            next;
        }

        is(header($answer, 'Set-Cookie'), '', "$length: none");
        is(status($answer), $path eq '/register' ? 500 : 200, 'status');
        is(header($answer, 'X-Error'), 'SessionTooLarge', 'error');
        is(seen($answer), $path eq '/register' ? ''
            : 'X-Marketplace-Error: SessionTooLarge', 'headers');
        is(scalar @lines, 1, 'a line');
        like($lines[0], qr/\[error\] .*SessionTooLarge.*: .*does not fit/,
            'that says what to do');
    }

    ok(!$error{"$path $_"}, "$_ fits") for 1000, 1810;
    ok($error{"$path $_"}, "$_ does not") for 1845, 2048;
}

=== TEST 11: the largest customer of the API's model, by the usual name
--- http_config eval: $::http
--- config eval: $::locations
--- test
my %customer = (CustomerAWSAccountId => '123456789012',
    LicenseArn => 'arn:aws' . 'a' x 2035 . ':s:::r',
    CustomerIdentifier => 'i' x 255, ProductCode => 'p' x 255);
my $body = Marketplace::form('json:' . JSON::PP::encode_json(\%customer))
    . '&x-amzn-marketplace-offer-type=' . 'o' x 255;

my $answer = ask('/register', body => $body);
is(status($answer), 200, 'fits');
is(fields(opened(cookie_of($answer))), join('|', 'none',
    @customer{qw(CustomerAWSAccountId LicenseArn CustomerIdentifier
        ProductCode)}, 'o' x 255, ''), 'whole');
is(seen(ask('/app', session => cookie_of($answer))), seen($answer), 'used');

=== TEST 12: keys rotate, and nobody is logged out
--- http_config eval: $::http
--- config
    marketplace_session key=$TEST_NGINX_TMP/rotating;
    location = /register {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /app {
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
--- test
my $old = cookie_of(ask('/register', body => $form));
is(fields(opened($old)), join('|', 'none', @customer, ''), 'the first key');

put('rotating', "\r\n$keys[2]\r\n\r\n  $keys[0]\t\r\n");
ok(reload, 'a new key in front');
is_used('the old cookie', session => $old);

my $new = cookie_of(ask('/register', body => $form));
is(fields(opened($new, key => $keys[2])), join('|', 'none', @customer, ''),
    'the new key signs');
is_used('the new cookie', session => $new);

put('rotating', "$keys[0]\n$keys[1]\n$keys[2]");
ok(reload, 'another order');
is_used('the old cookie', session => $old);
is_used('the new cookie', session => $new);
is(fields(opened(cookie_of(ask('/register', body => $form)))),
    join('|', 'none', @customer, ''), 'the first one signs');

put('rotating', $keys[2]);
ok(reload, 'the old key is gone');
is_used('the new cookie', session => $new);
is_not_used('the old cookie', 'no key of the file has signed it for this name',
    session => $old);

=== TEST 13: parameters that are wrong
--- http_config
--- config
--- test
my $invalid = sub { qq(invalid parameter "$_[0]" in "marketplace_session", )
    . 'it must be "off" alone, or "key=...", "cookie=...", "ttl=..." or '
    . '"pass=...", each once HERE' };
my $name = '"marketplace_session" takes as "cookie=" a name of letters, '
    . 'digits and any of -_. HERE';
my $ttl = '"marketplace_session" takes as "ttl=" a time above zero, like "1h", '
    . 'and at most "400d", for which browsers keep a cookie HERE';
my $pass = '"marketplace_session" takes as "pass=" either "on" or "off" HERE';
my $file = '"marketplace_session" needs "key=", the file with the keys that '
    . 'sign the cookie HERE';
my $key = 'key=$TEST_NGINX_TMP/keys';

for my $row (['', 'invalid number of arguments in "marketplace_session" '
        . 'directive HERE'],
    ['on', $invalid->('on')], ['off off', $invalid->('off')],
    ["off $key", $invalid->('off')], ["$key off", $invalid->('off')],
    ["$key $key", $invalid->("$ENV{TEST_NGINX_TMP}/keys") =~ s/"\K/key=/r],
    ["$key ttl=1h ttl=1h", $invalid->('ttl=1h')],
    ["$key pass=on pass=on", $invalid->('pass=on')],
    ["$key cookie=__Host-a cookie=__Host-b", $invalid->('cookie=__Host-b')],
    ["$key cookies=a", $invalid->('cookies=a')],
    ["$key KEY=a", $invalid->('KEY=a')], ['OFF', $invalid->('OFF')],
    ["$key ttl", $invalid->('ttl')], ["$key ''", $invalid->('')],
    ["$key cookie=", $name], ["$key 'cookie=a b'", $name],
    ["$key cookie=a=b", $name], ["$key 'cookie=a;b'", $name],
    ["$key cookie=a/b", $name], ["$key cookie=ä", $name],
    ["$key 'cookie=a,b'", $name], ["$key cookie=a\$b", $name],
    ["$key ttl=", $ttl], ["$key ttl=0", $ttl], ["$key ttl=0s", $ttl],
    ["$key ttl=-1", $ttl], ["$key ttl=x", $ttl], ["$key ttl=1x", $ttl],
    ["$key ttl=10ms", $ttl], ["$key ttl=off", $ttl],
    ["$key ttl=99999999999999999999", $ttl],
    ["$key ttl=9223372036854775807", $ttl],
    ["$key pass=", $pass], ["$key pass=yes", $pass], ["$key pass=ON", $pass],
    ["key=", $file], ['ttl=1h', $file], ['pass=on cookie=__Host-a', $file])
{
    my ($parameters, $words) = @$row;

    is_refused($parameters, $words, "marketplace_session $parameters;");
}

is_refused('duplicate', '"marketplace_session" directive is duplicate HERE',
    "marketplace_session $key; marketplace_session off;");
is_refused('off twice', '"marketplace_session" directive is duplicate HERE',
    'marketplace_session off; marketplace_session off;');
is_taken('off', '', 'marketplace_session off;');
is_taken('the least', '', "marketplace_session $key;");
is_taken('all', '',
    "marketplace_session pass=off ttl=1d12h cookie=__Host-a $key;");
is_taken('a relative name', '', 'marketplace_session key=keys;');

my $plain = sub { qq(marketplace: the cookie "$_[0]" has no prefix "__Host-": )
    . 'browsers send it over plain http, too, and take it from other hosts of '
    . 'the domain, which is for local development only HERE' };

is_taken($_, $plain->($_), "marketplace_session $key cookie=$_;")
    for 'session', 'Host-a', '_Host-a', '__Hosta', 'x__Host-a';

# "__Secure-" keeps it from plain http, but not from other hosts

my ($status) = nginx_t("marketplace_session $key cookie=__Secure-a;");
is($status, 0, '__Secure-: taken');

=== TEST 14: key files that are wrong
--- http_config
--- config
--- test
my $tmp = $ENV{TEST_NGINX_TMP};
my $of = sub { qq(the key file "$tmp/$_[0]" of "marketplace_session" ) };
my $hint = '"openssl rand -hex 32" makes';

mkdir "$tmp/folder";
put('large', "$keys[0]\n" x 20000);
symlink '/nonexistent', "$tmp/dangling";
system 'mkfifo', "$tmp/pipe" unless -e "$tmp/pipe";

for my $row (['none', $of->('none')
        . 'cannot be opened (2: No such file or directory) HERE'],
    ['dangling', $of->('dangling')
        . 'cannot be opened (2: No such file or directory) HERE'],
    ['keys/below', $of->('keys/below')
        . 'cannot be opened (20: Not a directory) HERE'],
    ['folder', $of->('folder') . 'is not a file HERE'],
    ['pipe', $of->('pipe') . 'is not a file HERE'],
    ['large', $of->('large') . 'is larger than 1 MB HERE'])
{
    my ($file, $words) = @$row;

    is_refused($file, $words, "marketplace_session key=$tmp/$file;");
}

# what is wrong with a key names the directive, the file, and the key

for my $row (['an empty file', '', qr/no key in/],
    ['blank lines', "\n\r\n \t\n", qr/no key in the key file/],
    ['short', "short\n", 'key 1 in the key file ".*" of'
        . ' "marketplace_session" has less than 32 bytes, "openssl rand -hex'
        . ' 32" makes one that is good'],
    ['a comment', '# openssl rand -hex 32, of 2026-11-21',
        qr/key 1 in .* is a comment or a frame of PEM/],
    ['PEM', "-----BEGIN OPENSSH PRIVATE KEY-----\n",
        qr/key 1 in .* is a comment or a frame of PEM/],
    ['31 bytes', 'x' x 31, qr/key 1 in .* has less than 32 bytes/],
    ['short hex', "0123456789abcdef\n",
        qr/key 1 in .* has less than 64 hexadecimal digits/],
    ['63 digits', substr($keys[0], 1),
        qr/key 1 in .* has less than 64 hexadecimal digits/],
    ['short base64', 'SGVsbG8sIEkgYW0gYSBrZXkgb2YgMzEgYnl0ZXM=',
        qr/key 1 in .* has less than 32 bytes/],
    ['the second one', "$keys[0]\nshort\n$keys[1]\n",
        qr/key 2 in .* has less than 32 bytes/],
    ['the last one', "$keys[0]\r\n$keys[1]\r\nshort",
        qr/key 3 in .* has less than 32 bytes/])
{
    my ($what, $text, $words) = @$row;

    put('wrong', $text);
    my ($status, @messages) = nginx_t("marketplace_session key=$tmp/wrong;");

    is($status, 1 << 8, "$what: refused");
    like($messages[0], qr/^emerg: (?=.*$words).*$hint.* HERE$/, "$what: words");
    like($messages[0], qr/marketplace_session/, "$what: the directive");
    like($messages[0], qr/"\Q$tmp\E\/wrong"/, "$what: the file");
    unlike("@messages", qr/$kept|0123456789|\bshort\b|xxx|SGVsb/,
        "$what: no key");
}

# what cannot be read, although it can be opened

SKIP: {
    skip 'no such file', 3 unless -r '/proc/self/mem' && $> == 0;
    is_refused('unreadable', 'the key file "/proc/self/mem" of '
        . '"marketplace_session" cannot be read (5: Input/output error) HERE',
        'marketplace_session key=/proc/self/mem;');
}

SKIP: {
    skip 'not root', 2 if $> != 0;

    put('unreadable', $keys[0], 0);
    my ($status, @messages) = nginx_t('marketplace_session key=unreadable;',
        as => ['setpriv', map { ("--$_", '-dac_override,-dac_read_search') }
            'bounding-set', 'inh-caps']);

    is($status, 1 << 8, 'no permission: refused');
    is(join("\n", grep { /^emerg/ } @messages), 'emerg: ' . $of->('unreadable')
        . 'cannot be opened (13: Permission denied) HERE',
        'no permission: words');
}

=== TEST 15: who may read a key file
--- http_config
--- config
--- test
my $tmp = $ENV{TEST_NGINX_TMP};
my $warning = qq(marketplace: "chmod 600" the key file "$tmp/mode": others )
    . 'than its owner can read or write it, and whoever has a key can be any '
    . 'customer';

for my $row ([0600, ''], [0400, ''], [0640, ''], [0440, ''], [0700, ''],
    [0644, $warning], [0604, $warning], [0660, $warning], [0620, $warning],
    [0602, $warning], [0666, $warning], [0777, $warning])
{
    my ($mode, $warning) = @$row;

    put('mode', $keys[0], $mode);
    is_taken(sprintf('%04o', $mode), $warning && "$warning HERE",
        'marketplace_session key=mode;');
}

# whoever can be seen to have it, it is a key

put('mode', "$keys[0]\r\n\r\n$keys[1]\r\n$keys[2]");
is_taken('three', '', 'marketplace_session key=mode;');
put('mode', ' ' x 10 . 'x' x 32 . ' ' x 10);
is_taken('32 bytes', '', 'marketplace_session key=mode;');
put('mode', join '', map { chr } 0x80 .. 0xff);
is_taken('any bytes', '', 'marketplace_session key=mode;');
put('mode', 'x' x 100000);
is_taken('long', '', 'marketplace_session key=mode;');

=== TEST 16: other machines with the same key
--- http_config eval: $::http
--- config eval: $::locations
--- test
my @machines = (start_nginx('one', "$keys[2]\n"),
    start_nginx('two', "\n$keys[1]\n$keys[2]\n"),
    start_nginx('three', "$keys[0]\n"));

my $one = cookie_of(ask('/register', body => $form, port => 'one'));
my $two = cookie_of(ask('/register', body => $form, port => 'two'));

is(fields(opened($one, key => $keys[2])), join('|', 'none', @customer, ''),
    'of the one');
is(fields(opened($two, key => $keys[1])), join('|', 'none', @customer, ''),
    'of the other');

is(calls(), 2, 'two calls');
is(seen(ask('/app', session => $one, port => 'one')), $ours, 'its own');
is(seen(ask('/app', session => $one, port => 'two')), $ours, 'at the other');
is(seen(ask('/app', session => $two, port => 'two')), $ours, 'its own');

for my $row ([$one, 'three'], [$two, 'three'], [$two, 'one'],
    [$one, undef])
{
    my ($session, $port) = @$row;
    my $answer = ask('/app', session => $session, port => $port);

    is(status($answer), 200, 'elsewhere');
    is(seen($answer), '', 'it is nobody');
    is_cleared($answer, 'elsewhere');
}

stop_nginx(@machines);

# and after a restart

push @machines, start_nginx('one', "$keys[2]\n");
is(seen(ask('/app', session => $one, port => 'one')), $ours, 'a restart');
is(calls(), 2, 'no calls');
stop_nginx($machines[-1]);

=== TEST 17: what the application sees of the cookies
--- http_config eval: $::http
--- config eval: $::locations
--- test
my $good = sealed();
my $other = sealed(fields => [1, ('') x 4]);
my $n = $name;

for my $row (['only it', ["$n=$good"], ''],
    ['first', ["$n=$good; a=b; c=d"], '[a=b; c=d]'],
    ['last', ["a=b; c=d; $n=$good"], '[a=b; c=d]'],
    ['in between', ["a=b; $n=$good; c=d"], '[a=b; c=d]'],
    ['without spaces', ["a=b;$n=$good;c=d"], '[a=b; c=d]'],
    ['with many spaces', ["a=b  ;   $n=$good  ;  c=d"], '[a=b; c=d]'],
    ['trailing semicolon', ["$n=$good;"], ''],
    ['only semicolons', [";; $n=$good ; ;"], ''],
    ['twice', ["$n=$good; a=b; $n=$good"], '[a=b]'],
    ['two good ones', ["$n=$good; $n=$other"], ''],
    ['a bad one in front', ["$n=bad; $n=$good; a=b"], '[a=b]'],
    ['a bad one behind', ["$n=$good; $n=bad; a=b"], '[a=b]'],
    ['several headers', ['a=b', "$n=$good", 'c=d'], '[a=b] / [c=d]'],
    ['several with it', ["a=b; $n=$good", "$n=$good", "$n=$good; c=d"],
        '[a=b] / [c=d]'],
    ['it in the first', ["$n=$good", 'a=b'], '[a=b]'],
    ['it in all', ["$n=$good", "$n=$good", "$n=bad"], ''],
    ['a bad one in front, in headers', ["$n=bad", 'a=b', "$n=$good"], '[a=b]'],
    ['similar names', ["${n}2=a; x$n=b; $n=$good; ${n}-=c; $n"],
        "[${n}2=a; x$n=b; ${n}-=c; $n]"],
    ['other cases', [lc($n) . "=a; $n=$good; " . uc($n) . '=b'],
        '[' . lc($n) . '=a; ' . uc($n) . '=b]'],
    ['in a value', ["a=$n=$good; $n=$good; b=\"$n\""],
        "[a=$n=$good; b=\"$n\"]"],
    ['odd others', ["a; =b; $n=$good; c=d=e; \"f\"; g=\xff"],
        "[a; =b; c=d=e; \"f\"; g=\xff]"])
{
    my ($what, $cookies, $left) = @$row;

    my $answer = is_used($what, cookies => $cookies);
    is(seen_cookies($answer), $left, "$what: taken off");

    $answer = is_used($what, path => '/pass', cookies => $cookies);
    is(seen_cookies($answer), join(' / ', map { "[$_]" =~ s/^\[\s+|\s+\]$//gr }
        @$cookies), "$what: passed on");
}

# without a session nothing is touched

my $odd = 'a=b;c=d ;;  e; ' . $n . '2=x';
is(seen_cookies(ask('/app', cookies => [$odd, ''])), "[$odd] / []",
    'as it came');
is(seen_cookies(ask('/app')), '', 'none');

# the application never sees a bad one either

is(seen_cookies(ask('/app', cookies => "a=b; $n=bad")), '[a=b]', 'bad');
is(seen_cookies(ask('/register', cookies => "a=b; $n=$good", body => $form)),
    '[a=b]', 'with a token');

# the first good one counts

like(seen(ask('/app', cookies => ["$n=bad; $n=$other; $n=$good"])),
    qr/^X-Marketplace-Customer-AWS-Account-Id: 1$/, 'the first good one');

=== TEST 18: many other cookies, and other headers among them
--- http_config eval: $::http
--- config eval: $::locations
--- test
my $good = sealed();

# one byte each, with no space in between

for my $count (1 .. 30, 50, 100, 500, 1000, 2000, 8000) {
    my $answer = is_used("$count pairs",
        cookies => "$name=$good;" . join(';', ('a') x $count));

    is(seen_cookies($answer), '[' . join('; ', ('a') x $count) . ']',
        "$count pairs");

    $answer = ask('/app', cookies => "$name=;" . join(';', ('b') x $count),
        headers => ['X-After: ' . 'c' x 200]);

    is(seen_cookies($answer), '[' . join('; ', ('b') x $count) . ']',
        "$count pairs, nobody");
    like(body($answer), qr/^X-After: c{200}\r$/m, 'the next header');
}

for my $count (0 .. 45) {
    my @headers = map { "X-Other-$_: $_" } 1 .. $count;

    for my $at (0, int $count / 2, $count) {
        my @with = @headers;
        splice @with, $at, 0, "Cookie: $name=$good";

        my $answer = is_used("$count headers, $at", headers => \@with);
        is(seen_cookies($answer), '', 'no cookie');
        is(join("\n", body($answer) =~ /^(X-Other-.*?)\r$/mg),
            join("\n", @headers), 'the others');
    }
}

=== TEST 19: variables of the cookies
--- http_config eval: $::http
--- config
    marketplace_session key=$TEST_NGINX_TMP/keys cookie=session;
    location = /app {
        proxy_set_header X-Cookies "<$http_cookie><$cookie_session><$cookie_a><$cookie_c>";
        proxy_set_header Cookie $http_cookie;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /pass {
        marketplace_session key=$TEST_NGINX_TMP/keys cookie=session pass=on;
        proxy_set_header X-Cookies "<$http_cookie><$cookie_session><$cookie_a><$cookie_c>";
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
--- test
my $good = sealed(name => 'session');

for my $row (['only it', ["session=$good"], '<><><><>'],
    ['others', ["a=b; session=$good; c=d"], '<a=b; c=d><><b><d>'],
    ['headers', ["a=b; session=$good", 'c=d'], '<a=b; c=d><><b><d>'],
    ['a header of its own', ['a=b', "session=$good"], '<a=b><><b><>'],
    ['the first header', ["session=$good", 'a=b'], '<a=b><><b><>'],
    ['in between', ['a=b', "session=$good", 'c=d'], '<a=b; c=d><><b><d>'],
    ['twice', ["session=$good", "session=$good"], '<><><><>'])
{
    my ($what, $cookies, $values) = @$row;

    my $answer = is_used($what, cookies => $cookies);
    like(body($answer), qr/^X-Cookies: \Q$values\E\r$/m, "$what: variables");
    is(seen_cookies($answer), $values =~ /^<([^>]+)>/ ? "[$1]" : '',
        "$what: a header of the variable");

    $answer = is_used($what, path => '/pass', cookies => $cookies);
    like(body($answer), qr/^X-Cookies: <\Q${\ join '; ', @$cookies }\E><\Q$good\E>/m,
        "$what: passed on");
}
--- suppress_stderr

=== TEST 20: over HTTP/2
--- http_config eval
"$::http
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_1 http2;
        $::locations
    }"
--- config
--- test
my $good = sealed();

for my $row (['only it', ["$name=$good"], ''],
    ['crumbs', ['a=b', "$name=$good", 'c=d'], '[a=b; c=d]'],
    ['the first', ["$name=$good", 'a=b', 'c=d'], '[a=b; c=d]'],
    ['the last', ['a=b', 'c=d', "$name=$good"], '[a=b; c=d]'],
    ['pairs', ["a=b; $name=$good; c=d"], '[a=b; c=d]'],
    ['twice', ["$name=bad", 'a=b', "$name=$good"], '[a=b]'],
    ['short ones', ["$name=$good", ('a') x 300],
        '[' . join('; ', ('a') x 300) . ']'])
{
    my ($what, $cookies, $left) = @$row;

    my $answer = ask_http2('/app', map { ['cookie', $_] } @$cookies);
    is(seen($answer), $ours, "$what: somebody");
    is(seen_cookies($answer), $left, "$what: taken off");

    $answer = ask_http2('/pass', map { ['cookie', $_] } @$cookies);
    is(seen($answer), $ours, "$what: somebody");
    is(seen_cookies($answer), '[' . join('; ', @$cookies) . ']',
        "$what: passed on");
}

my $answer = ask_http2('/app', ['cookie', 'a=b'], ['cookie', "$name=bad"]);
is(seen($answer), '', 'a bad one');
is(seen_cookies($answer), '[a=b]', 'taken off');
is(sorted(header($answer, 'set-cookie')), sorted($cleared), 'cleared');

=== TEST 21: in rules, maps, limits and logs
--- http_config eval
$::http . <<'_EOC_'
    map $marketplace_customer_aws_account_id $tier {
        123456789012 gold;
        "" nobody;
        default others;
    }
    limit_req_zone $marketplace_customer_aws_account_id zone=customers:1m rate=1r/m;
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        marketplace_session key=$TEST_NGINX_TMP/keys;
        if ($marketplace_customer_aws_account_id = "") {
            return 401;
        }
        location / {
            proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
        }
    }
_EOC_
--- config
    marketplace_session key=$TEST_NGINX_TMP/keys;
    location = /if {
        if ($marketplace_customer_aws_account_id = "") {
            return 401 "nobody";
        }
        set $at_first "$marketplace_license_arn|$marketplace_cache_status";
        add_header X-First $at_first;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /map {
        add_header X-Tier $tier;
        proxy_set_header X-Tier $tier;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /rewritten {
        if ($tier = gold) {
            rewrite ^ /map last;
        }
        return 403;
    }
    location = /limited {
        limit_req zone=customers;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /logged {
        access_log $TEST_NGINX_TMP/access.log customer;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /return {
        access_log $TEST_NGINX_TMP/access.log customer;
        return 200 "[$marketplace_customer_aws_account_id]";
    }
--- test
my $good = sealed();
my $other = sealed(fields => ['999', ('') x 4]);

for my $cookie (undef, 'bad', sealed(lasts => 0)) {
    my $answer = ask('/if', session => $cookie);

    is(status($answer), 401, 'nobody, in a location');
    is(status(ask('/', session => $cookie, port => 'RAND_PORT_1')), 401,
        'nobody, in a server');
    is(header(ask('/map', session => $cookie), 'X-Tier'), 'nobody', 'a map');
    is(status(ask('/rewritten', session => $cookie)), 403, 'a rewrite');
    is(status(ask('/limited', session => $cookie)), 200, 'no limit') for 1 .. 3;
}

my $answer = is_used('a location', path => '/if', session => $good);
is(header($answer, 'X-First'), 'arn:aws:s:::r|SESSION', 'variables');
is(seen_cookies($answer), '', 'no cookie');

is_used('a server', path => '/', session => $good, port => 'RAND_PORT_1');
is(header(is_used('a map', path => '/map', session => $good), 'X-Tier'),
    'gold', 'a map');
is(header(is_used('a rewrite', path => '/rewritten', session => $good),
    'X-Tier'), 'gold', 'a rewrite');
is(header(ask('/map', session => $other), 'X-Tier'), 'others', 'another');

is(status(ask('/limited', session => $good)), 200, 'a limit');
is(status(ask('/limited', session => $good)), 503, 'is kept');
is(status(ask('/limited', session => $other)), 200, 'for each customer');
is(status(ask('/limited')), 200, 'and nobody else');

ask($_, session => $good), ask($_), ask($_, session => 'bad')
    for '/logged', '/return';
like(ask('/return', session => $good), qr/\[123456789012\]$/, 'return');

open my $log, '<', "$ENV{TEST_NGINX_TMP}/access.log" or die;
is(join('', <$log>), "200 [123456789012]\n200 [-]\n200 [-]\n" x 2
    . "200 [123456789012]\n", 'the access log');

# one line of a bad one, however often it is looked for

my ($nobody, @lines) = during { ask('/if', session => 'bad') };
is(scalar @lines, 1, 'one line');
is_cleared($nobody, 'by a rule') if status($nobody) == 200;

=== TEST 22: subrequests
--- http_config eval: $::http
--- config
    marketplace_session key=$TEST_NGINX_TMP/keys;
    location = /app {
        auth_request /auth;
        auth_request_set $seen $upstream_http_x_seen;
        add_header X-Auth $seen;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /pass {
        marketplace_session key=$TEST_NGINX_TMP/keys pass=on;
        auth_request /auth;
        auth_request_set $seen $upstream_http_x_seen;
        add_header X-Auth $seen;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /auth {
        internal;
        proxy_set_header X-Account $marketplace_customer_aws_account_id;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
--- test
my $good = sealed();
my @cookies = ("a=b; $name=$good", 'c=d');
my $customer = join '|', map { "X-Marketplace-$_" }
    'Customer-AWS-Account-Id: 123456789012', 'License-Arn: arn:aws:s:::r',
    'Customer-Identifier: someone', 'Product-Code: product',
    'Offer-Type: free-trial';

is(header(is_used('auth_request', cookies => \@cookies), 'X-Auth'),
    "X-Account: 123456789012|Cookie: a=b|Cookie: c=d|$customer",
    'the customer, and no cookie');
is(header(is_used('pass=on', path => '/pass', cookies => \@cookies), 'X-Auth'),
    "X-Account: 123456789012|Cookie: a=b; $name=$good|Cookie: c=d|$customer",
    'the customer and the cookie');
is(header(ask('/app', cookies => "a=b; $name=bad",
    headers => ['X-Marketplace-License-Arn: mine']), 'X-Auth'), 'Cookie: a=b',
    'nobody, and no cookie');
is(header(ask('/app'), 'X-Auth'), '', 'nobody');

=== TEST 23: internal redirects, the same session
--- http_config eval: $::http
--- config eval
"$::locations" . <<'_EOC_'
    location = /named {
        error_page 404 = @named;
        return 404;
    }
    location @named {
        add_header X-Account $marketplace_customer_aws_account_id;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /missing {
        error_page 404 = /app;
        root /nonexistent;
    }
    location = /try {
        try_files /none @named;
    }
    location = /try-uri {
        try_files /none /app;
    }
    location = /try-args {
        try_files /none /app?a=b;
    }
    location = /denied {
        error_page 403 = /app;
        deny all;
    }
    location = /resolving {
        marketplace_resolve on;
        error_page 404 = @named;
        root /nonexistent;
    }
    location = /failing {
        marketplace_resolve on;
        error_page 400 = @named;
        root /nonexistent;
    }
    location = /off {
        error_page 404 = @off;
        root /nonexistent;
    }
    location @off {
        marketplace_session off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /headerless {
        marketplace_request_headers off;
        add_header X-Account $marketplace_customer_aws_account_id;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /to-headerless {
        error_page 404 = /headerless;
        root /nonexistent;
    }
    location = /register-to-headerless {
        marketplace_resolve on;
        error_page 404 = @headerless;
        root /nonexistent;
    }
    location = /register-headerless {
        marketplace_request_headers off;
        marketplace_resolve on;
        add_header X-Account $marketplace_customer_aws_account_id;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /optional-headerless {
        marketplace_request_headers off;
        marketplace_resolve optional;
        add_header X-Account $marketplace_customer_aws_account_id;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location @headerless {
        marketplace_request_headers off;
        add_header X-Account $marketplace_customer_aws_account_id;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /from-headerless {
        marketplace_request_headers off;
        try_files /none @named;
    }
_EOC_
--- test
my $good = sealed();

for my $path (qw(/named /missing /try /try-uri /try-args /denied /accel/app
    /resolving /off /from-headerless))
{
    my $answer = is_used($path, path => $path, session => $good);
    is(seen_cookies($answer), '', "$path: no cookie");

    is_not_used($path, 'it is no session, or of another version',
        path => $path, session => 'bad') unless $path eq '/accel/app';
}

for my $path (qw(/headerless /to-headerless)) {
    my $answer = is_used($path, path => $path, session => $good, seen => '');
    is(header($answer, 'X-Account'), '123456789012', "$path: a variable");
    is(seen_cookies($answer), '', "$path: no cookie");
}

is_used('a POST', path => '/resolving', session => $good, body => 'a=b');

for my $path (qw(/register-headerless /optional-headerless
    /register-to-headerless))
{
    my $answer = ask($path, body => $form, session => $good,
        headers => ['X-Marketplace-Error: mine']);

    is(status($answer), 200, "$path: resolved");
    is(seen($answer), '', "$path: no headers");
    is(header($answer, 'X-Account'), '123456789012', "$path: a variable");
    is(seen_cookies($answer), '', "$path: no cookie");
    is(fields(opened(cookie_of($answer))), join('|', 'none', @customer, ''),
        "$path: a session");
}

is(seen(ask('/optional-headerless', token => 'error:InvalidTokenException')),
    '', 'no header of an error');

my $answer = ask('/resolving', body => $form);
is(seen($answer), $ours, 'a resolve');
is(fields(opened(cookie_of($answer))), join('|', 'none', @customer, ''),
    'which begins a session');

# who failed to register is nobody there, whatever the session was

$answer = ask('/failing', session => $good,
    token => 'error:InvalidTokenException');
is(seen($answer), '', 'a failure');
is(header($answer, 'X-Account'), '', 'a failure, no variable');

=== TEST 24: internal redirects to where another key counts
--- http_config eval: $::http
--- config
    marketplace_session key=$TEST_NGINX_TMP/keys;
    location = /missing {
        error_page 404 = /other;
        root /nonexistent;
    }
    location = /try {
        try_files /none @other;
    }
    location = /denied {
        error_page 403 = @other;
        deny all;
    }
    location = /rule {
        if ($marketplace_license_arn) {
            rewrite ^ /other last;
        }
        return 403;
    }
    location = /resolving {
        marketplace_resolve on;
        try_files /none @other;
    }
    location = /resolving-on {
        marketplace_resolve on;
        try_files /none @other-on;
    }
    location /accel/ {
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /both {
        marketplace_session key=$TEST_NGINX_TMP/both;
        try_files /none @first;
    }
    location @first {
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /other-name {
        try_files /none @other-name;
    }
    location @other-name {
        marketplace_session key=$TEST_NGINX_TMP/keys cookie=__Host-2;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location /other {
        marketplace_session key=$TEST_NGINX_TMP/other;
        add_header X-Account $marketplace_customer_aws_account_id;
        add_header X-Cache $marketplace_cache_status;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location @other {
        marketplace_session key=$TEST_NGINX_TMP/other;
        add_header X-Account $marketplace_customer_aws_account_id;
        add_header X-Cache $marketplace_cache_status;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location @other-on {
        marketplace_session key=$TEST_NGINX_TMP/other;
        marketplace_resolve on;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
--- test
my $good = sealed();

for my $path (qw(/missing /try /denied /rule /accel/other)) {
    my $answer = ask($path, session => $good);

    is(status($answer), 200, "$path: goes on");
    is(seen($answer), '', "$path: nobody");
    is(header($answer, 'X-Account'), '', "$path: no variable");
    is(header($answer, 'X-Cache'), '', "$path: no cache status");
    is(seen_cookies($answer), '', "$path: no cookie");
}

for my $path (qw(/missing /try)) {
    my $answer = ask($path, session => sealed(fields => ['', 'x', '', '', '']),
        headers => ['X-Marketplace-License-Arn: mine']);
    is(seen($answer), '', "$path: nobody");
}

# it was by the session that a POST passed

my $answer = ask('/resolving', session => $good, body => 'a=b');
is(seen($answer), 'X-Marketplace-Error: MissingToken', 'a POST');
is(header($answer, 'X-Account'), '', 'a POST, no variable');

$answer = ask('/resolving-on', session => $good, body => 'a=b');
is(status($answer), 400, 'a POST, on');
is(header($answer, 'X-Error'), 'MissingToken', 'a POST, on');

# a token that was resolved here is not of a session

$answer = ask('/resolving', body => $form);
is(seen($answer), $ours, 'a registration');

# the key of the file that has signed it is in both files

is(seen(ask('/both', session => $good)), $ours, 'the same key');
is(seen(ask('/both', session => sealed(key => $keys[1]))), '', 'not the same');

# another name is another session

is(seen(ask('/other-name', cookies => "$name=$good")), '', 'another name');
is(seen(ask('/other-name', cookies => "$name=$good; __Host-2=" . sealed(
    name => '__Host-2', fields => ['', '', 'else', '', '']))),
    'X-Marketplace-Customer-Identifier: else', 'its own session');

=== TEST 25: products
--- http_config eval: $::http
--- config
    marketplace_session key=$TEST_NGINX_TMP/keys;
    location = /one {
        marketplace_product_code product another;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /two {
        marketplace_product_code second third;
        add_header X-Account $marketplace_customer_aws_account_id always;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /if-two {
        marketplace_product_code second;
        if ($marketplace_customer_aws_account_id = "") {
            return 401;
        }
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /two-on {
        marketplace_product_code second;
        marketplace_resolve on;
        add_header X-Account $marketplace_customer_aws_account_id always;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /any {
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /register {
        marketplace_resolve on;
        marketplace_product_code product;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /register-two {
        marketplace_resolve on;
        marketplace_product_code second;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /to-two {
        marketplace_resolve on;
        marketplace_product_code product;
        error_page 404 = /two;
        root /nonexistent;
    }
    location = /try-two {
        marketplace_resolve on;
        try_files /none @two;
    }
    location = /try-two-on {
        marketplace_resolve on;
        try_files /none @two-on;
    }
    location /accel/ {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location @two {
        marketplace_product_code second;
        add_header X-Account $marketplace_customer_aws_account_id always;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location @two-on {
        marketplace_product_code second;
        marketplace_resolve on;
        add_header X-Account $marketplace_customer_aws_account_id always;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
--- test
my $good = sealed();
my $other = 'it is for a product that marketplace_product_code does not name';

is_used($_, path => $_, session => $good) for '/one', '/any', '/register';
is_not_used($_, $other, path => $_, session => $good)
    for '/two', '/two-on', '/register-two';
is_not_used('no product', $other, path => '/one',
    session => sealed(fields => [@customer[0 .. 2], '', '']));
is_not_used('the beginning', $other, path => '/one',
    session => sealed(fields => [@customer[0 .. 2], 'produc', '']));
is_not_used('more', $other, path => '/one',
    session => sealed(fields => [@customer[0 .. 2], 'product2', '']));

is(status(ask('/if-two', session => $good)), 401, 'a rule: another product');
is(status(ask('/if-two', session => sealed(fields => [@customer[0 .. 2],
    'second', '']))), 200, 'a rule: the product');

# behind a redirect, too: what a session and a resolve say is gone

for my $path ('/to-two', '/try-two', '/accel/two') {
    my ($answer, @lines) = during { ask($path, session => $good) };

    is(status($answer), 200, "$path: a session");
    is(seen($answer), '', "$path: nobody");
    is(header($answer, 'X-Account'), '', "$path: no variable");
    is_cleared($answer, $path);
    is(scalar @lines, 1, "$path: a line");
    like($lines[0], qr/\Q$other\E/, "$path: says why");

    $answer = ask($path, body => $form);
    is(status($answer), 200, "$path: a resolve");
    is(seen($answer), join("\n", 'X-Marketplace-Error: ProductCodeMismatch',
        'X-Marketplace-Offer-Type: free-trial'), "$path: nobody");
    is(header($answer, 'X-Account'), '', "$path: no variable");
    is(header($answer, 'X-Error'), 'ProductCodeMismatch', "$path: an error");
}

for my $path ('/try-two-on') {
    my $answer = ask($path, session => $good);
    is(status($answer), 200, "$path: a session");
    is(seen($answer), '', "$path: nobody");
    is_cleared($answer, $path);

    $answer = ask($path, session => $good, body => 'a=b');
    is(status($answer), 400, "$path: a POST without a token");
    is(header($answer, 'X-Error'), 'MissingToken', "$path: an error");

    my ($refused, @lines) = during { ask($path, body => $form) };
    is(status($refused), 403, "$path: a resolve");
    is(header($refused, 'X-Account'), '', "$path: no variable");
    is(header($refused, 'X-Error'), 'ProductCodeMismatch', "$path: an error");
    is(scalar @lines, 1, "$path: a line");
}

is(header(ask('/accel/two-on', body => $form), 'X-Error'),
    'ProductCodeMismatch', 'X-Accel-Redirect');

# a resolve for another product begins no session

my $answer = ask('/register-two', body => $form);
is(status($answer), 403, 'another product');
is(header($answer, 'Set-Cookie'), '', 'no session');

is(header(ask('/register-two', body => $form, session => $good),
    'Set-Cookie') =~ /Max-Age=3600/, '', 'no session, with one');

=== TEST 26: how it merges
--- http_config eval
$::http . <<'_EOC_'
    marketplace_session key=$TEST_NGINX_TMP/keys;
_EOC_
--- config
    location = /app {
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /off {
        marketplace_session off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /register-off {
        marketplace_session off;
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location /deeper {
        marketplace_session key=$TEST_NGINX_TMP/other;
        location = /deeper/still {
            proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
        }
        location = /deeper/off {
            marketplace_session off;
            proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
        }
    }
--- test
my $good = sealed();
my $other = sealed(key => $keys[1]);

is_used('inherited', session => $good);
is_used('another key', path => '/deeper/still', session => $other);
is_not_used('not this key', 'no key of the file has signed it for this name',
    path => '/deeper/still', session => $good);

for my $path ('/off', '/deeper/off', '/register-off') {
    for my $session ($good, $other, 'bad') {
        my ($answer, @lines) = during { ask($path, session => $session) };

        is(seen($answer), '', "$path: nobody");
        is(header($answer, 'Set-Cookie'), '', "$path: no cookie");
        is(seen_cookies($answer), "[$name=$session]", "$path: as it came");
        is(scalar @lines, 0, "$path: nothing to say");
    }
}

my $answer = ask('/register-off', body => $form, session => $good);
is(seen($answer), $ours, 'a resolve');
is(header($answer, 'Set-Cookie'), '', 'which begins no session');
is(status(ask('/register-off', body => 'a=b', session => $good)), 400,
    'nor counts one');

=== TEST 27: off, although a rule of the server has asked for the customer
--- http_config eval: $::http
--- config
    marketplace_session key=$TEST_NGINX_TMP/keys;
    if ($marketplace_customer_aws_account_id) {
        set $known yes;
    }
    location = /off {
        marketplace_session off;
        add_header X-Account $marketplace_customer_aws_account_id;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /other {
        marketplace_session key=$TEST_NGINX_TMP/other;
        add_header X-Account $marketplace_customer_aws_account_id;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /app {
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
--- test
my $good = sealed();

is_used('as in the server', session => $good);

for my $path ('/off', '/other') {
    my $answer = ask($path, session => $good);

    is(seen($answer), '', "$path: nobody");
    is(header($answer, 'X-Account'), '', "$path: no variable");
}

# the rule is of the server, whose key it is not

is_used('its own key', path => '/other', session => sealed(key => $keys[1]),
    lines => 1);

=== TEST 28: a product of the location, although a rule of the server has asked
--- http_config eval: $::http
--- config
    marketplace_session key=$TEST_NGINX_TMP/keys;
    marketplace_product_code one;
    if ($marketplace_customer_aws_account_id) {
        set $known yes;
    }
    location = /app {
        marketplace_product_code product;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
--- test
is_used('the location counts', session => sealed(), lines => 1);

=== TEST 29: a gate for another product, although a rule of the server has asked
--- http_config eval: $::http
--- config
    marketplace_session key=$TEST_NGINX_TMP/keys;
    set $asked $marketplace_product_code;
    location = /gate {
        marketplace_product_code other;
        if ($marketplace_customer_aws_account_id = "") {
            return 403;
        }
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /from {
        try_files /none @gate;
    }
    location @gate {
        marketplace_product_code other;
        set $customer $marketplace_customer_aws_account_id;
        add_header X-Customer "[$customer]";
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
--- test
is(status(ask('/gate', session => sealed())), 403, 'a gate');
is(header(ask('/from', session => sealed()), 'X-Customer'), '[]',
    'nor is he known where a redirect leads to');

=== TEST 30: where there are no sessions, none stands in for a token
--- http_config eval: $::http
--- config
    location = /from {
        marketplace_session key=$TEST_NGINX_TMP/keys;
        try_files /none @on;
    }
    location @on {
        marketplace_resolve on;
        marketplace_credentials static id=AKIDEXAMPLE
            secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
        marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
--- test
is(status(ask('/from', session => sealed(), body => 'a=b')), 400, 'a POST');
is(status(ask('/from', session => sealed())), 200, 'a GET');

=== TEST 31: a session of the server, and another of a location that redirects
--- http_config eval: $::http
--- config
    marketplace_session key=$TEST_NGINX_TMP/keys cookie=__Host-server;
    set $asked $marketplace_product_code;
    location = /from {
        marketplace_session key=$TEST_NGINX_TMP/keys;
        try_files /none /to;
    }
    location = /to {
        marketplace_session key=$TEST_NGINX_TMP/keys;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
--- test
is_used('the location counts, over a redirect', path => '/from',
    session => sealed());

=== TEST 32: a filter that makes an error of the response
--- http_config eval: $::http
--- config
    location = /index.html {
        marketplace_session key=$TEST_NGINX_TMP/keys;
    }
--- test
my $answer = ask('/index.html', session => 'bad',
    headers => ['If-Match: "none"']);
is(status($answer), 412, 'an error');
is_cleared($answer, 'the cookie is deleted all the same');

=== TEST 33: by the clock of nginx, to the second
--- clock
--- http_config eval: $::http
--- config
    marketplace_session key=$TEST_NGINX_TMP/keys ttl=10m;
    location = /register {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
    location = /app {
        proxy_pass http://127.0.0.1:$TEST_NGINX_APP;
    }
--- test
my $value = cookie_of(ask('/register', body => $form));
my $start = opened($value)->{issued};

is_used('at once', session => $value);
set_clock(599);
is_used('the last second', session => $value);
set_clock(600);
is_not_used('then no more', 'it has expired', session => $value);

set_clock(0);
is_used('clocks may differ', session => sealed(issued => $start + 60));
is_not_used('but not more', 'it is from the future: compare the clocks of the '
    . 'machines', session => sealed(issued => $start + 61));

# a session is not longer for being used

set_clock(300);
is_used('in between', session => $value);
set_clock(600);
is_not_used('as before', 'it has expired', session => $value);

=== TEST 34: by the clock of AWS, where that is known
--- clock
--- defaults
--- http_config eval: $::http =~ s/marketplace_tries 1;/marketplace_tries 3;/r
--- config eval: $::locations
--- test
set_clock(0, 5000);

my $now = time;
my $answer = ask('/register', body => $form);
my $session = opened(cookie_of($answer));

is(status($answer), 200, 'resolved');
ok(abs($session->{issued} - $now - 5000) < 60, 'issued by the clock of AWS');
is_used('its own', session => cookie_of($answer));
is_not_used('by the clock of the machine', 'it has expired',
    session => sealed(issued => $now, lasts => 4000));
is_used('of a machine with the right clock',
    session => sealed(issued => $now + 5000));

=== TEST 35: stress
--- http_config eval
$::http . "
    error_log $ENV{TEST_NGINX_TMP}/stress.log warn;
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_1;
        $::locations
    }
"
--- config
--- test
my $good = sealed();
my @others = (substr($good, 0, 100), $good =~ tr/A/B/r, 'bad', '',
    sealed(lasts => 0), sealed(key => $keys[1]), sealed(payload => ''));
my @cookies = ((map { ("$name=$good", "$name=$_",
        "a=b; $name=$_; $name=$good; c=d") } @others),
    "$name=$good;" . join(';', ('a') x 200));
my @requests = map { "GET /short HTTP/1.1\r\nHost: localhost\r\n"
    . "Cookie: $_\r\n\r\n" } @cookies;

my $memory = sub {
    my $pages = 0;

    for my $pid (worker_processes()) {
        open my $file, '<', "/proc/$pid/statm" or die;
        $pages += (split ' ', <$file>)[1];
    }

    return $pages * 4;
};

my $count = sub {
    my $n = shift;
    my @answers = ask_all('RAND_PORT_1',
        map { $requests[$_ % @requests] } 1 .. $n);

    return 0 + grep { /\[123456789012\]\@\@$/ } @answers;
};

my $is = sub {
    return 0 + grep { $cookies[$_ % @cookies] =~ /\Q$good\E/ } 1 .. shift;
};

is($count->(2200), $is->(2200), 'the first ones');
my @workers = worker_processes();
my $before = $memory->();

for (1 .. 10) {
    is($count->(2200), $is->(2200), 'the good ones of 2200');
}

SKIP: {
    skip 'not what nginx itself keeps', 1 if has_watched_memory;
    cmp_ok($memory->() - $before, '<', 1024, 'kB more');
}
is_deeply([worker_processes()], \@workers, 'the same workers');
is(-s "$ENV{TEST_NGINX_TMP}/stress.log", 0, 'nothing to say');

=== TEST 36: with the cache of tokens
--- defaults
--- http_config eval: $::http =~ s/valid off/valid 5m/r
--- config eval
my $long = '__Host-' . 'n' x 3900;

"$::locations
    location = /large {
        marketplace_session key=\$TEST_NGINX_TMP/keys cookie=$long;
        marketplace_resolve on;
        $::app
    }
    location = /two {
        marketplace_product_code second;
        marketplace_resolve on;
        $::app
    }"
--- test
for my $row (['/large', 500, 'MISS', 'SessionTooLarge'],
    ['/register', 200, 'HIT', ''], ['/two', 403, 'HIT', 'ProductCodeMismatch'],
    ['/optional', 200, 'HIT', ''], ['/large', 500, 'HIT', 'SessionTooLarge'],
    ['/register', 200, 'HIT', ''])
{
    my ($path, $status, $cache, $error) = @$row;
    my $answer = ask($path, body => $form);

    is(status($answer), $status, $path);
    is(header($answer, 'X-Cache'), $cache, "$path: cache status");
    is(header($answer, 'X-Error'), $error, "$path: error");
    is(fields(opened(cookie_of($answer))), $status == 200
        ? join('|', 'none', @customer, '')
        : 'the form of none' . '|none' x 6, "$path: cookie");
}

is(calls(), 1, 'one call');

# who waits for another one's call gets a session of his own

my @clients = map { begin_registering('delay:500:ok') } 1 .. 5;
my @answers = map { Marketplace::all_of($_) } @clients;

is(join(' ', sort map { header($_, 'X-Cache') } @answers),
    'MISS SHARED SHARED SHARED SHARED', 'one call');
is(scalar(grep { opened(cookie_of($_))->{license_arn} } @answers), 5,
    'five sessions');
