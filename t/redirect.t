# Where a client is sent with its new identity: the response, its Location
# whatever the customer's fields are, and who is not sent anywhere.

use lib 't/lib';
use IO::Select;
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT all_of);

repeat_each(1);
no_root_location();

# AWS, for who has to say when it answers.

our $aws_puppet = start_puppet;
$ENV{TEST_NGINX_AWS_PUPPET} = $ENV{TEST_NGINX_PUPPET};

# An application that is not to be asked: a socket that nobody answers.

our $puppet = start_puppet;

our $customer = 'json:{"CustomerAWSAccountId":"123456789012",'
    . '"LicenseArn":"arn:aws:s:::r","CustomerIdentifier":"someone",'
    . '"ProductCode":"product"}';

# Of a session, for who wants one; nginx warns of keys that others can read.

our $key = "$ENV{TEST_NGINX_TMP}/session.key";

{
    my $umask = umask 077;
    open my $file, '>', $key or die;
    print $file 'a key of thirty-two bytes or more' . "\n";
    close $file or die;
    umask $umask;
}

our $session = "marketplace_session key=$key;";

# One location for each of these redirects, /1 and up, in two servers: that of
# RAND_PORT_1 says where it is in the Location of a path.

sub redirects {
    my ($directives, @values) = @_;

    my $n = 0;
    my $locations = join '', map { $n++; <<"_EOC_" } @values;
        location = /$n {
            marketplace_resolve on;
            marketplace_redirect $_;
            proxy_pass http://127.0.0.1:\$TEST_NGINX_PUPPET;
        }
_EOC_

    return $::aws . <<"_EOC_";
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_1;
        server_name me.example;
        $directives
$locations    }
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_2;
        absolute_redirect off;
        $directives
$locations
    }
_EOC_
}

# A customer with this identifier, less other fields than those.

sub named {
    my ($name, %more) = @_;

    return 'json:' . JSON::PP->new->ascii->encode({CustomerIdentifier => $name,
        %more});
}

sub form {
    return 'x-amzn-marketplace-token=' . Marketplace::percent(shift);
}

# As a component of a URL has it.

sub component {
    return shift =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger;
}

# A request as bytes; the last one of a connection unless it says otherwise.

sub request {
    my ($method, $target, $body, @headers) = @_;

    push @headers, 'Host: localhost' unless grep { /^Host:/i } @headers;
    push @headers, 'Connection: close'
        unless grep { /^Connection:/i } @headers;
    push @headers, 'Content-Type: application/x-www-form-urlencoded'
        if defined $body && !grep { /^Content-Type:/i } @headers;
    push @headers, 'Content-Length: ' . length $body if defined $body
        && !grep { /^(?:Content-Length|Transfer-Encoding):/i } @headers;

    return join "\r\n", "$method $target HTTP/1.1", @headers, '', $body // '';
}

sub post {
    my ($path, $token, $port, @headers) = @_;

    return raw(request('POST', $path, form($token), @headers), $port);
}

sub get {
    my ($path, @headers) = @_;

    return raw(request('GET', $path, undef, @headers));
}

sub status {
    return shift =~ m{^HTTP/1\.1 (\d+) } ? $1 : 'none';
}

# All headers of this name, joined.

sub header {
    my ($answer, $name) = @_;

    my ($head) = split /\r\n\r\n/, $answer, 2;

    return join ', ', $head =~ /^$name: (.*?)\r?$/mg;
}

sub body {
    return shift =~ s/.*?\r\n\r\n//sr;
}

# Whether this answer leads there, and nowhere else.

sub leads {
    my ($answer, $location, $what) = @_;

    is(status($answer) . ' ' . header($answer, 'Location'), "303 $location",
        $what);
}

sub is_shown {
    my ($answer, $status, $what) = @_;

    is(status($answer) . ' ' . header($answer, 'Location'), "$status ", $what);
}

# Whether nobody has asked the application since the last time.  nginx connects
# before it answers, so that there is nothing to wait for.

sub is_not_asked {
    my $what = shift;

    is(IO::Select->new($puppet)->can_read(0), undef,
        "$what: the application is not asked");
}

# The cookie of a session, as a request has it.

sub cookie {
    my $answer = shift;

    return header($answer, 'Set-Cookie') =~ /^(__Host-marketplace=[^;]+)/
        ? $1 : 'none=';
}

# What the application answers that it received of ours.

sub seen {
    return shift =~ /^(?:GET|HEAD|POST) \S+\n(.*?)^$/ms ? $1 : 'nothing';
}

# Configurations that nginx does not start with, with these words and the place
# of the directive.

add_block_preprocessor(sub {
    my $block = shift;

    my $words = $block->refused;
    return unless defined $words;
    chomp $words;

    $block->set_value('must_die', '1');
    $block->set_value('suppress_stderr', '1');
    $block->set_value('config', '') unless defined $block->config;
    $block->set_value('error_log',
        [qr/\[emerg\] \d+#\d+: \Q$words\E in \S+\/nginx\.conf:\d+$/m]);
});

add_test_cleanup_handler(sub {
    my $block = shift;

    return unless defined $block->refused;

    my ($log, $conf) = map { open my $file, '<', $_ or die; local $/; <$file> }
        $Test::Nginx::Util::ErrLogFile, $Test::Nginx::Util::ConfFile;
    my ($line) = $log =~ /\[emerg\].* in \S+\/nginx\.conf:(\d+)$/m;

    Test::More::like($line ? (split /\n/, $conf)[$line - 1] : '',
        qr/marketplace_redirect/, $block->name . ' - place');
});

run_tests();

__DATA__

=== TEST 1: paths and URLs, with variables of ours and without
--- http_config eval
our @values = (
    '/welcome' => '/welcome',
    '/' => '/',
    '/a/b/?c=d&e=%2f#f' => '/a/b/?c=d&e=%2f#f',
    'https://www.example.com' => 'https://www.example.com',
    'https://www.example.com:8443/a?b=c#d'
        => 'https://www.example.com:8443/a?b=c#d',
    'com.example.app://welcome' => 'com.example.app://welcome',
    '/by/$marketplace_customer_identifier' => '/by/someone',
    '/by/${marketplace_customer_identifier}' => '/by/someone',
    '"/by/${marketplace_customer_identifier}s"' => '/by/someones',
    '/$marketplace_customer_identifier/$marketplace_product_code'
        => '/someone/product',
    '"/${marketplace_customer_identifier}$marketplace_product_code"'
        => '/someoneproduct',
    '"/${marketplace_customer_identifier}${marketplace_product_code}"'
        => '/someoneproduct',
    '/$MARKETPLACE_Customer_Identifier' => '/someone',
    '/?a=$marketplace_customer_aws_account_id&l=$marketplace_license_arn#$marketplace_product_code'
        => '/?a=123456789012&l=arn%3Aaws%3As%3A%3A%3Ar#product',
    'https://$marketplace_product_code.example.com/$marketplace_customer_identifier'
        => 'https://product.example.com/someone',
    '$marketplace_product_code/home' => 'product/home',
    '/?c=$marketplace_cache_status&e=$marketplace_error&s=$marketplace_status'
        => '/?c=BYPASS&e=&s=200',
);

::redirects('', map { $values[2 * $_] } 0 .. $#values / 2)
--- config
--- test
our @values;

for my $n (1 .. @values / 2) {
    my ($value, $location) = @values[2 * $n - 2, 2 * $n - 1];

    leads(post("/$n", $customer, 'RAND_PORT_2'), $location, $value);

    # of a path in front nginx makes a URL, like of any other Location

    my $host = 'http://localhost:' . nginx_port('RAND_PORT_1');

    leads(post("/$n", $customer, 'RAND_PORT_1'),
        ($location =~ m{^/} ? $host : '') . $location, "$value, absolute");
}

is_not_asked('every time');

=== TEST 2: the response
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve on;
        marketplace_redirect /welcome;
        add_header X-Customer $marketplace_customer_identifier;
        add_header Cache-Control no-store;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PUPPET;
    }
--- test
my $answer = post('/register', $customer);

is(header($answer, 'Location'), 'http://localhost:' . nginx_port() . '/welcome',
    'one Location');
like($answer, qr{^HTTP/1\.1 303 See Other\r\n}, 'the words of the status');
is(header($answer, 'X-Customer'), 'someone', 'add_header');
is(header($answer, 'Cache-Control'), 'no-store', 'and again');
is(header($answer, 'Set-Cookie'), '', 'no cookie where there is no session');
is(header($answer, 'Content-Length'), length body($answer), 'one length');
is_not_asked('a redirect');

=== TEST 3: whatever is in a field, it stays a part of the URL
--- http_config eval
::redirects('', '/a/$marketplace_customer_identifier/b',
    '/a?b=$marketplace_customer_identifier&c=d#e',
    '/a#${marketplace_customer_identifier}',
    'https://www.example.com/$marketplace_customer_identifier',
    'https://$marketplace_customer_identifier.example.com/a',
    '$marketplace_customer_identifier/a', '/$marketplace_customer_identifier',
    '$marketplace_customer_identifier')
--- config
--- test
my @around = (['/a/', '/b'], ['/a?b=', '&c=d#e'], ['/a#', ''],
    ['https://www.example.com/', ''], ['https://', '.example.com/a'],
    ['', '/a'], ['/', ''], ['', '']);

# A dot is a test of its own.

my @values = ((map { chr } 0x20 .. 0x2d, 0x2f .. 0x7e), '//evil.example', '/\\evil.example',
    '\\\\evil.example', 'javascript:alert(1)', 'https://evil.example/',
    '@evil.example', 'evil.example#', 'evil.example/?', '/../../evil',
    'a&b=c', 'a=b;c', '%2F%2Fevil.example', '%', '%0d%0aX-Evil: b', '$host',
    '${marketplace_product_code}', '"><script>', "'", "\x{e9}", "\x{20ac}",
    "\x{1f600}", "\x{2028}", "\x{202e}", "\x{a0}", "\x{85}", "\x{ff0f}evil",
    join('', map { chr } 0x20 .. 0x7e), 'x' x 255);

for my $value (@values) {
    my $bytes = $value;
    utf8::encode($bytes);

    for my $n (1 .. @around) {

        # of single bytes the first two ways tell all

        next if $n > 2 && length $value == 1;

        my ($before, $after) = @{ $around[$n - 1] };
        my $answer = post("/$n", named($value), 'RAND_PORT_2');

        leads($answer, $before . component($bytes) . $after,
            "$n: " . substr component($bytes), 0, 60);
        is(header($answer, 'X-Evil'), '', 'no header');
    }
}

=== TEST 4: whichever variable it is
--- http_config eval
::redirects('', map { "\"/?f=$_&g\"" } '$marketplace_customer_identifier',
    '${marketplace_customer_identifier}', '$Marketplace_Customer_Identifier',
    '$marketplace_field_customeridentifier', '$marketplace_field_extra',
    '${MARKETPLACE_FIELD_EXTRA}', '$marketplace_offer_type')
--- config
--- test
my $value = "//e\x{e9}\\ ?#&=%41'\"<:;@+";
my $bytes = $value;
utf8::encode($bytes);

for my $n (1 .. 7) {
    my $answer = raw(request('POST', "/$n", form(named($value, Extra => $value))
        . '&x-amzn-marketplace-offer-type=' . Marketplace::percent($bytes)),
        'RAND_PORT_2');

    leads($answer, '/?f=' . component($bytes) . '&g', "variable $n");
}

=== TEST 5: segments that would lead to another path
--- http_config eval
::redirects('', '/a/$marketplace_offer_type/b', '/a/$marketplace_field_extra/b')
--- config
--- test
for my $value ('.', '..', '...') {
    leads(raw(request('POST', '/1', form('ok')
        . "&x-amzn-marketplace-offer-type=$value"), 'RAND_PORT_2'),
        '/a//b', "what the browser says: $value");
    leads(post('/2', named('x', Extra => $value), 'RAND_PORT_2'), '/a//b',
        "what AWS says: $value");
}

leads(post('/2', named('x', Extra => '..a'), 'RAND_PORT_2'), '/a/..a/b',
    'a name that begins with dots');

=== TEST 6: what AWS says of its attempts
--- http_config eval
::redirects('marketplace_tries 2;', '/?s=$marketplace_status',
    '/?i=$marketplace_request_id', '/?t=$marketplace_time')
--- config
--- test
leads(post('/1', 'seq:status:500:html|ok', 'RAND_PORT_2'), '/?s=500%2C%20200',
    'statuses');

like(header(post('/2', 'ok', 'RAND_PORT_2'), 'Location'),
    qr{^/\?i=[\w-]{36}$}, 'request id');
like(header(post('/3', 'ok', 'RAND_PORT_2'), 'Location'),
    qr{^/\?t=\d+\.\d{3}$}, 'time');

=== TEST 7: lines in what AWS answers are no lines of the response
--- http_config eval
::redirects('', '/a/$marketplace_field_extra/$marketplace_customer_identifier')
--- config
--- test
for my $bytes ("\r\nX-Evil: b", "\nX-Evil: b", "\rX-Evil: b", "a\r\n\r\nb",
    "a\tb", "a\x1bb", "a\x7fb")
{
    my $what = Marketplace::percent($bytes);

    # a value with such a byte counts as none, or as no answer of AWS

    for my $answer (post('/1', named('b', Extra => $bytes), 'RAND_PORT_2')) {
        leads($answer, '/a//b', $what);
        unlike($answer, qr/evil/i, 'nothing of it in the answer');
    }

    for my $answer (post('/1', named($bytes), 'RAND_PORT_2')) {
        is_shown($answer, 502, "$what, in a field that has a model");
        unlike($answer, qr/evil/i, 'nothing of it in the answer');
    }
}

=== TEST 8: fields that are empty or not there
--- http_config eval
::redirects('', '/$marketplace_customer_identifier/home',
    '/$marketplace_customer_identifier$marketplace_field_none/home',
    '/$marketplace_customer_identifier',
    '$marketplace_customer_identifier/home',
    '/a/$marketplace_customer_identifier/home',
    '/?a=$marketplace_customer_identifier&b=c',
    'https://www.example.com/$marketplace_customer_identifier/home',
    '$marketplace_customer_identifier/$arg_path')
--- config
--- test
my @expected = ('/.//home', '/.//home', '/', '/home', '/a//home', '/?a=&b=c',
    'https://www.example.com//home', '/');
my $host = 'http://localhost:' . nginx_port('RAND_PORT_1');

for my $token ('new:1', 'empty:1', 'null:1') {
    for my $n (1 .. @expected) {
        my $location = $expected[$n - 1];

        leads(post("/$n", $token, 'RAND_PORT_2'), $location, "$n: $token");

        # nginx would take this for a path

        next if $location =~ m{^//};

        leads(post("/$n", $token, 'RAND_PORT_1'),
            ($location =~ m{^/} ? $host : '') . $location,
            "$n: $token, absolute");
    }
}

=== TEST 9: a URL of variables that are all empty
--- http_config eval
::redirects($::session,
    '$marketplace_customer_identifier$marketplace_field_none')
--- config
--- test
is_shown(post('/1', 'new:1', 'RAND_PORT_2'), 500, 'an error');
is_not_asked('an error');
--- error_log eval
qr/\[error\] .*marketplace: the URL of "marketplace_redirect" is empty, check what its variables are set to/

=== TEST 10: variables of nginx
--- http_config eval
::redirects('set $mine "a b";', '$scheme://$host/a', '$landing',
    '$landing/more', '/$mine/$marketplace_product_code/$server_port',
    '/a?$args', '/a$1b') . <<'_EOC_'
    map $marketplace_product_code $landing {
        default /unknown;
        product https://www.example.com/product?a=b;
        other   "/other/$marketplace_product_code?a=$marketplace_customer_identifier";
        none    "";
    }
_EOC_
--- config
--- test
my $at = nginx_port('RAND_PORT_2');

leads(post('/1', $customer, 'RAND_PORT_2'), 'http://localhost/a', '$host');
leads(post('/1', $customer, 'RAND_PORT_2', 'Host: other.example'),
    'http://other.example/a', 'another $host');
leads(post('/2', $customer, 'RAND_PORT_2'),
    'https://www.example.com/product?a=b', 'a landing page');
leads(post('/2', 'product:a', 'RAND_PORT_2'), '/unknown', 'another one');
leads(post('/3', 'product:a', 'RAND_PORT_2'), '/unknown/more',
    'a landing page, and more');
leads(post('/2', named('me', ProductCode => 'other'), 'RAND_PORT_2'),
    '/other/other?a=me', 'variables in that page');
is_shown(post('/2', 'product:none', 'RAND_PORT_2'), 500, 'no landing page');
leads(post('/4', $customer, 'RAND_PORT_2'), "/a%20b/product/$at",
    'a space of "set"');
leads(post('/5?a=b&c', $customer, 'RAND_PORT_2'), '/a?a=b&c', '$args');
leads(post('/6', $customer, 'RAND_PORT_2'), '/ab', 'a capture of nothing');
--- error_log
the URL of "marketplace_redirect" is empty

=== TEST 11: what a client can put into such variables breaks no line
--- http_config eval: $::aws
--- config eval
<<"_EOC_"
    absolute_redirect off;
    marketplace_resolve on;
    location /uri/ {
        marketplace_redirect /at\$uri/\$marketplace_product_code;
    }
    location ~ (?s)^/capture/(.*)\$ {
        marketplace_redirect /to/\$1;
    }
    location = /arg {
        marketplace_redirect /by?a=\$arg_x;
    }
    location = /field {
        marketplace_redirect /by?a=\$http_x_field;
    }
    location = /cookie {
        marketplace_redirect /by?a=\$cookie_c&b=\$marketplace_product_code;
    }
    location = /configured {
        marketplace_redirect "/a\\r\\nX-Evil: b\\t\\"c'd";
    }
_EOC_
--- test
my %location = (
    '/uri/a%0d%0aX-Evil:%20b' => '/at/uri/a%0D%0AX-Evil:%20b/product',
    '/uri/a%0aX-Evil:%20b' => '/at/uri/a%0AX-Evil:%20b/product',
    '/uri/%c3%a9%7f%22' => '/at/uri/%C3%A9%7F%22/product',
    '/capture/a%0d%0aX-Evil:%20b' => '/to/a%0D%0AX-Evil:%20b',
    '/capture/a%0d%0a%0d%0ab' => '/to/a%0D%0A%0D%0Ab',
    '/arg?x=a%0d%0aX-Evil:%20b' => '/by?a=a%0d%0aX-Evil:%20b',
    '/configured' => '/a%0D%0AX-Evil:%20b%09%22c%27d',
);

for my $target (sort keys %location) {
    my $answer = post($target, $customer);

    leads($answer, $location{$target}, $target);
    is(header($answer, 'X-Evil'), '', "$target: no header");
}

leads(post('/field', $customer, undef, "X-Field: a \"b\xff"),
    '/by?a=a%20%22b%FF', 'a header');
leads(post('/cookie', $customer, undef, "Cookie: c=a b\"\xff"),
    '/by?a=a%20b%22%FF&b=product', 'a cookie');

=== TEST 12: a path does not become another host by such a variable
--- http_config eval: $::aws
--- config
    marketplace_resolve on;
    location = /arg {
        absolute_redirect off;
        marketplace_redirect /$arg_x;
    }
    location = /absolute {
        marketplace_redirect /$arg_x;
    }
--- test
my $host = 'http://localhost:' . nginx_port();

leads(post('/arg?x=/evil.example', $customer), '/.//evil.example', 'a slash');
leads(post('/absolute?x=/evil.example', $customer),
    "$host/.//evil.example", 'a slash, absolute');
leads(post('/arg?x=//evil.example', $customer), '/.///evil.example',
    'two slashes');
leads(post('/arg?x=evil.example', $customer), '/evil.example', 'none');

# to a browser a backslash is a slash

for my $x ('\\evil.example', '\\/evil.example', '/\\evil.example',
    "%5cevil.example")
{
    unlike(header(post("/arg?x=$x", $customer), 'Location'),
        qr{^/[/\\]}, "a backslash: $x");
}

=== TEST 13: ports and names in absolute redirects
--- http_config eval
$::aws . <<'_EOC_'
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        server_name me.example;
        server_name_in_redirect on;
        location / {
            marketplace_resolve on;
            marketplace_redirect /a;
        }
        location /no-port {
            marketplace_resolve on;
            marketplace_redirect /a;
            port_in_redirect off;
        }
    }
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2 ssl;
        ssl_certificate $TEST_NGINX_TMP/aws.pem;
        ssl_certificate_key $TEST_NGINX_TMP/aws.key;
        location / {
            marketplace_resolve on;
            marketplace_redirect /a;
        }
    }
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
        location / {
            proxy_pass https://127.0.0.1:$TEST_NGINX_RAND_PORT_2;
            proxy_ssl_session_reuse off;
            proxy_set_header Host $http_host;
            proxy_redirect off;
        }
    }
_EOC_
--- config
--- test
my ($one, $two) = map { nginx_port("RAND_PORT_$_") } 1, 2;

leads(post('/', $customer, 'RAND_PORT_1'), "http://me.example:$one/a", 'both');
leads(post('/no-port', $customer, 'RAND_PORT_1'), 'http://me.example/a',
    'port_in_redirect off');
leads(post('/', $customer, 'RAND_PORT_3', 'Host: other.example'),
    "https://other.example:$two/a", 'over TLS');

=== TEST 14: only a resolve is redirected
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve on;
        marketplace_redirect /welcome;
        marketplace_product_code product code;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /optional {
        marketplace_resolve optional;
        marketplace_redirect /welcome;
        marketplace_product_code product code;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /off {
        marketplace_redirect /welcome;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
my $welcome = 'http://localhost:' . nginx_port() . '/welcome';

leads(post('/register', $customer), $welcome, 'on');
leads(post('/optional', $customer), $welcome, 'optional');

my %failure = (
    'error:InvalidTokenException' => '400 InvalidTokenException',
    'error:ExpiredTokenException' => '410 ExpiredTokenException',
    'error:ThrottlingException' => '503 ThrottlingException',
    'error:AccessDeniedException' => '500 AccessDeniedException',
    'status:500:html' => '502 InternalServerError',
    'close:0:ok' => '502 ConnectionError',
    'html' => '502 InvalidResponse',
    'product:other' => '403 ProductCodeMismatch',
    '' => '400 MissingToken',
    'x' x 9000 => '413 TokenTooLarge',
);

for my $token (sort keys %failure) {
    my ($status, $error) = split / /, $failure{$token};

    is_shown(post('/register', $token), $status, "on: $error");

    my $answer = post('/optional', $token);

    is_shown($answer, 200, "optional: $error");
    $error = '\w+' if $error eq 'InternalServerError';
    like(seen($answer), qr/^X-Marketplace-Error: $error\n\z/,
        'and the application is told');
}

is_shown(raw(request('POST', $_, 'x-amzn-marketplace-token=%zz')),
    $_ eq '/optional' ? 200 : 400, "InvalidRequest, $_")
    for '/register', '/optional';

for my $path ('/register', '/optional') {
    is_shown(get($path), 200, "GET of $path");
    is_shown(get("$path?x-amzn-marketplace-token=ok"), 200,
        "GET of $path with a token where none is looked for");
    is_shown(raw(request('HEAD', $path)), 200, "HEAD of $path");
}

is_shown(post('/off', $customer), 200, 'where nothing is resolved');
is(seen(post('/off', $customer)), '', 'and nothing of a customer');

=== TEST 15: methods, and a token in the query
--- http_config eval: $::aws
--- config
    absolute_redirect off;
    location = /register {
        marketplace_resolve on;
        marketplace_token_source args;
        marketplace_redirect /by/$marketplace_customer_identifier;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PUPPET;
    }
    location = /args {
        marketplace_resolve on;
        marketplace_token_source args;
        marketplace_redirect /by?$args;
    }
--- test
my $target = '/register?' . form($customer);

leads(raw(request($_, $target)), '/by/someone', $_) for qw(GET POST PUT DELETE);

my $answer = raw(request('HEAD', $target));
leads($answer, '/by/someone', 'HEAD');
is(body($answer), '', 'HEAD has no body');

leads(raw("GET $target HTTP/1.0\r\n\r\n") =~ s/\r\nLocation: /$&/r,
    '/by/someone', 'HTTP/1.0');
unlike(raw("GET $target\r\n"), qr{^HTTP/|Location}, 'HTTP/0.9 has no headers');
is_not_asked('whatever the method is');

=== TEST 16: over HTTP/2
--- http_config eval
$::aws . $::session . <<'_EOC_'
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 http2;
        absolute_redirect off;
        location / {
            marketplace_resolve on;
            marketplace_redirect /by/$marketplace_customer_identifier?l=$marketplace_license_arn;
            proxy_pass http://127.0.0.1:$TEST_NGINX_PUPPET;
        }
    }
_EOC_
--- config
--- request
POST /register
--- more_headers
content-type: application/x-www-form-urlencoded
--- frames eval
['x-amzn-marketplace-', 'token=json:{"LicenseArn":"arn:aws:s:::r/x","CustomerIdentifier":"a b"}']
--- error_code: 303
--- response_headers
Location: /by/a%20b?l=arn%3Aaws%3As%3A%3A%3Ar%2Fx
--- response_headers_like
Set-Cookie: __Host-marketplace=1\.[\w-]+\.[\w-]+; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax

=== TEST 17: over HTTP/2, with a token in the query and a field that is empty
--- http_config eval
$::aws . <<'_EOC_'
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 http2;
        location / {
            marketplace_resolve on;
            marketplace_token_source args;
            marketplace_redirect /$marketplace_customer_identifier/home;
            port_in_redirect off;
        }
    }
_EOC_
--- config
--- request
GET /register?x-amzn-marketplace-token=new:1
--- more_headers
host: some.example
--- frames eval: []
--- error_code: 303
--- response_headers_like
Location: http://[\w.]+/\.//home

=== TEST 18: the connection goes on
--- http_config eval: $::aws
--- config
    absolute_redirect off;
    location = /register {
        marketplace_resolve on;
        marketplace_redirect /welcome;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PUPPET;
    }
    location = /args {
        marketplace_resolve on;
        marketplace_token_source args;
        marketplace_redirect /welcome;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PUPPET;
    }
    location = /welcome {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
my @keep = ('Connection: keep-alive');
my $next = request('GET', '/welcome');

# a body that is not read for its token is a body nevertheless

my $smuggled = request('POST', '/register', form('ok-smuggled'));
my $chunked = sprintf "%x\r\n%s\r\n0\r\n\r\n", length $smuggled, $smuggled;
my $args = '/args?x-amzn-marketplace-token=ok';

for my $row (['a body', request('POST', '/register', form('ok'), @keep)],
    ['a body in chunks', request('POST', '/register',
        sprintf("%x\r\n%s\r\n0\r\n\r\n", length form('ok'), form('ok')), @keep,
        'Transfer-Encoding: chunked')],
    ['no body', request('GET', $args, undef, @keep)],
    ['another body', request('POST', $args, $smuggled, @keep)],
    ['another body in chunks', request('POST', $args, $chunked, @keep,
        'Transfer-Encoding: chunked')],
    ['a body of a GET', request('GET', $args, $smuggled, @keep)],
    ['a large body', request('POST', $args, $smuggled x 1000, @keep)])
{
    my ($what, $request) = @$row;

    my @answers = split m{(?=HTTP/1\.1 \d)}, raw($request . $next);

    is(scalar @answers, 2, "$what: two answers to two requests at once");
    leads($answers[0], '/welcome', $what);
    is(status($answers[1]) . ' ' . body($answers[1]),
        "200 GET /welcome\n\n", "$what: the next one");

    # the same one after the other

    my $client = IO::Socket::INET->new('127.0.0.1:' . nginx_port());
    my $first = '';

    $client->syswrite(substr $request, 0, -1);
    $client->syswrite(substr $request, -1);
    $client->sysread($first, 65536, length $first) or last
        until $first =~ /<\/html>\r\n\z/;

    leads($first, '/welcome', "$what, by itself");
    $client->syswrite($next);
    is(body(all_of($client)), "GET /welcome\n\n", "$what: one after it");
}

# a body that comes only after the answer

my $client = IO::Socket::INET->new('127.0.0.1:' . nginx_port());
my $request = request('POST', $args, $smuggled, @keep);
my $first = '';

$client->syswrite(substr $request, 0, -length $smuggled);
$client->sysread($first, 65536, length $first) or last
    until $first =~ /<\/html>\r\n\z/;
leads($first, '/welcome', 'a late body');
$client->syswrite($smuggled . $next);
is(body(all_of($client)), "GET /welcome\n\n", 'a late body: the next one');

is(scalar sent('ok-smuggled'), 0, 'no body is a request');
is_not_asked('whatever the body is');

=== TEST 19: a client that waits to be told to go on
--- http_config eval: $::aws
--- config
    absolute_redirect off;
    location = /register {
        marketplace_resolve on;
        marketplace_redirect /welcome;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PUPPET;
    }
--- test
my $client = IO::Socket::INET->new('127.0.0.1:' . nginx_port());
my $body = form('ok');
my $first = '';

$client->syswrite(request('POST', '/register', $body, 'Expect: 100-continue')
    =~ s/\Q$body\E\z//r);
$client->sysread($first, 1024);
is($first, "HTTP/1.1 100 Continue\r\n\r\n", 'it is told');
$client->syswrite($body);
leads(all_of($client), '/welcome', 'and sent');

=== TEST 20: two lengths, and other ways to hide a request in a body
--- http_config eval: $::aws
--- config
    lingering_close off;
    location = /register {
        marketplace_resolve on;
        marketplace_redirect /welcome;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PUPPET;
    }
    location = /args {
        marketplace_resolve on;
        marketplace_token_source args;
        marketplace_redirect /welcome;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PUPPET;
    }
--- test
my $smuggled = request('POST', '/register', form('ok-smuggled'));
my $form = form('ok-first');
my $length = length $form;
my $both = $length + length $smuggled;
my $chunk = sprintf "%x\r\n%s\r\n0\r\n\r\n", $length, $form;
my $chunks = length "0\r\n\r\n$smuggled";

for my $row (
    ['two lengths', "$form$smuggled", "Content-Length: $length",
        "Content-Length: $both"],
    ['two lengths, the longer first', "$form$smuggled",
        "Content-Length: $both", "Content-Length: $length"],
    ['the same length twice', "$form$smuggled", "Content-Length: $length",
        "Content-Length: $length"],
    ['two lengths in one header', "$form$smuggled",
        "Content-Length: $length, $both"],
    ['a length with a sign', "$form$smuggled", "Content-Length: +$length"],
    ['a length below zero', "$form$smuggled", 'Content-Length: -1'],
    ['a length in hexadecimal', "$form$smuggled",
        sprintf 'Content-Length: 0x%x', $length],
    ['a length with words', "$form$smuggled", "Content-Length: $length a"],
    ['a length that is empty', "$form$smuggled", 'Content-Length:'],
    ['chunks and a length', "$chunk$smuggled", "Content-Length: $length",
        'Transfer-Encoding: chunked'],
    ['a length and chunks of all', "0\r\n\r\n$smuggled",
        'Transfer-Encoding: chunked', "Content-Length: $chunks"],
    ['two encodings', "$chunk$smuggled", 'Transfer-Encoding: chunked',
        'Transfer-Encoding: identity'],
    ['an encoding twice', "$chunk$smuggled", 'Transfer-Encoding: chunked',
        'Transfer-Encoding: chunked'],
    ['chunked, but not last', "$chunk$smuggled",
        'Transfer-Encoding: chunked, identity'],
    ['another encoding', "$chunk$smuggled", "Content-Length: $length",
        'Transfer-Encoding: xchunked'],
    ['an encoding after a line break', "$chunk$smuggled",
        "Content-Length: $length", "Transfer-Encoding:\r\n chunked"],
    ['a chunk with a sign', "+$chunk$smuggled", 'Transfer-Encoding: chunked'],
    ['a chunk that is too long',
        "ffffffffffffffff1\r\n$form\r\n0\r\n\r\n$smuggled",
        'Transfer-Encoding: chunked'],
    ['a chunk longer than it says', "1\r\n$form\r\n0\r\n\r\n$smuggled",
        'Transfer-Encoding: chunked'])
{
    my ($what, $body, @headers) = @$row;

    for my $target ('/register', '/args?x-amzn-marketplace-token=ok-query') {
        standin(POST => 'reset');

        my $answer = raw(request('POST', $target, $body, @headers,
            'Connection: keep-alive'));

        # where no token is looked for in the body, the answer may come before
        # the body is found to be wrong

        like(join(' ', $answer =~ m{^HTTP/1\.1 (\d+) }mg),
            $target eq '/register' ? qr/^(?:400|501)$/
                : qr/^(?:303|400|501)(?: 400)?$/,
            "$what, $target: refused, and nothing else");
        is(scalar sent('ok-smuggled'), 0, 'the hidden request does not run');
        is(scalar sent('ok-first'), 0, 'nor is this one resolved');
    }
}

=== TEST 21: error_page for the redirect
--- http_config eval: $::aws
--- config
    absolute_redirect off;
    location = /register {
        marketplace_resolve on;
        marketplace_redirect /by/$marketplace_customer_identifier;
        error_page 303 /page;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PUPPET;
    }
    location = /named {
        marketplace_resolve on;
        marketplace_redirect /by/$marketplace_customer_identifier;
        error_page 303 @page;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PUPPET;
    }
    location = /page {
        marketplace_resolve on;
        marketplace_redirect /again;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location @page {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
for my $path ('/register', '/named') {
    my $answer = post($path, named('someone', LicenseArn => 'arn:aws:s:::r'));

    leads($answer, '/by/someone', "$path: the page is sent along");
    is(seen($answer), "X-Marketplace-License-Arn: arn:aws:s:::r\n"
        . "X-Marketplace-Customer-Identifier: someone\n",
        "$path: and is the customer's");
}

=== TEST 22: answers from memory, and those of another request's call
--- defaults
--- http_config eval: $::aws =~ s/marketplace_cache_valid off;//r
--- config
    absolute_redirect off;
    location = /register {
        marketplace_resolve on;
        marketplace_redirect /$marketplace_cache_status/$marketplace_customer_identifier?$marketplace_status;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PUPPET;
    }
    location = /shared {
        marketplace_resolve on;
        marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_PUPPET;
        marketplace_redirect /$marketplace_cache_status/$marketplace_customer_identifier;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PUPPET;
    }
    location = /at-rest {
        stub_status;
    }
--- test
my $token = named('someone');

leads(post('/register', $token), '/MISS/someone?200', 'a call');
leads(post('/register', $token), '/HIT/someone?', 'memory');
leads(post('/register', $token), '/HIT/someone?', 'and again');

my @clients = map { begin_registering('token', path => '/shared') } 1 .. 3;
ok(busy(3), 'three at once');

my $call = $aws_puppet->accept;
my $json = '{"LicenseArn":"arn:aws:s:::r","CustomerIdentifier":"a"}';

sysread $call, my $request, 65536;
print $call "HTTP/1.1 200 OK\r\nContent-Length: ", length $json,
    "\r\nConnection: close\r\n\r\n$json";
close $call;

my @locations = sort map { header(all_of($_), 'Location') } @clients;

is("@locations", '/MISS/a /SHARED/a /SHARED/a', 'of one call');
--- aws_calls: 1

=== TEST 23: variables in the access log
--- http_config eval
$::aws . <<'_EOC_'
    log_format customer "$status|$sent_http_location|$marketplace_customer_identifier|$marketplace_product_code|$marketplace_cache_status|$marketplace_error|$marketplace_status|$upstream_addr";
_EOC_
--- config
    absolute_redirect off;
    location = /register {
        access_log $TEST_NGINX_TMP/customers.log customer;
        marketplace_resolve on;
        marketplace_redirect /by/$marketplace_customer_identifier;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PUPPET;
    }
--- test
my $log = sub {
    open my $file, '<', "$ENV{TEST_NGINX_TMP}/customers.log" or die;
    return my @lines = <$file>;
};

post('/register', named('a b', ProductCode => 'code'));
post('/register', 'error:InvalidTokenException');
ok((wait_until { $log->() == 2 }), 'two lines');

is(join('', $log->()), "303|/by/a%20b|a b|code|BYPASS||200|-\n"
    . "400|-|-|-|BYPASS|InvalidTokenException|400|-\n", 'the lines');

=== TEST 24: inherited, and not where a location has its own
--- http_config eval
$::aws . <<'_EOC_'
    marketplace_redirect /of-http/$marketplace_customer_identifier;
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        absolute_redirect off;
        marketplace_resolve on;
        location /outer {
            location /outer/inner {
                marketplace_redirect /of-inner/$marketplace_customer_identifier;
            }
        }
    }
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        absolute_redirect off;
        marketplace_redirect /of-server/$marketplace_customer_identifier;
        marketplace_resolve on;
        location /outer {
            marketplace_redirect /of-outer/$marketplace_customer_identifier;
            location /outer/inner {
            }
        }
        location /own {
            marketplace_redirect /own;
        }
        location /off {
            marketplace_resolve off;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
_EOC_
--- config
--- test
my %location = ('RAND_PORT_1 /a' => '/of-http/someone',
    'RAND_PORT_1 /outer' => '/of-http/someone',
    'RAND_PORT_1 /outer/inner' => '/of-inner/someone',
    'RAND_PORT_2 /a' => '/of-server/someone',
    'RAND_PORT_2 /outer' => '/of-outer/someone',
    'RAND_PORT_2 /outer/inner' => '/of-outer/someone',
    'RAND_PORT_2 /own' => '/own');

for (sort keys %location) {
    my ($port, $path) = split / /;
    leads(post($path, $customer, $port), $location{$_}, $_);
}

is_shown(post('/off', $customer, 'RAND_PORT_2'), 200, 'off');

=== TEST 25: a session begins with the redirect
--- http_config eval: "$::aws$::session"
--- config
    absolute_redirect off;
    location = /register {
        marketplace_resolve on;
        marketplace_redirect /welcome;
        error_page 303 /page;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PUPPET;
    }
    location = /plain {
        marketplace_resolve on;
        marketplace_redirect /welcome;
    }
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
for my $path ('/plain', '/register') {
    my $answer = post($path, named('someone'));
    my $cookie = header($answer, 'Set-Cookie');

    leads($answer, '/welcome', $path);
    is($cookie =~ s/(?<==)[\w.-]{50,}//r, '__Host-marketplace=; Path=/; '
        . 'Max-Age=3600; Secure; HttpOnly; SameSite=Lax', "$path: one cookie");

    $cookie = cookie($answer);
    is(seen(get('/welcome', "Cookie: $cookie")),
        "X-Marketplace-Customer-Identifier: someone\n", "$path: the next page");
}

is(header(post('/plain', 'error:InvalidTokenException'), 'Set-Cookie'), '',
    'none where it fails');

# a session that is no good is ended, unless another one begins

like(header(post('/plain', 'ok', undef, 'Cookie: __Host-marketplace=1.a.b'),
    'Set-Cookie'), qr/^__Host-marketplace=1\.[^,]{50,}$/, 'one cookie again');

=== TEST 26: whoever has a session is sent on where nothing is resolved
--- http_config eval: "$::aws$::session"
--- config
    absolute_redirect off;
    location = /register {
        marketplace_resolve on;
        marketplace_redirect /new;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /optional {
        marketplace_resolve optional;
        marketplace_redirect /new;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /login {
        marketplace_redirect /by/$marketplace_customer_identifier?$marketplace_cache_status;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /login-try {
        marketplace_redirect /try;
        try_files /none @content;
    }
    location = /login-return {
        marketplace_redirect /by/$marketplace_customer_identifier;
        return 200 "content\n";
    }
    location = /login-denied {
        marketplace_redirect /by/$marketplace_customer_identifier;
        deny all;
    }
    location = /login-off {
        marketplace_redirect /off;
        marketplace_session off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /login-other {
        marketplace_product_code other;
        marketplace_redirect /other;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location @content {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /asks {
        auth_request /login;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /accel/ {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
my $cookie = 'Cookie: ' . cookie(post('/register', named('a/b')));
my $forged = $cookie =~ s/.$/_/r;

for my $method (qw(GET HEAD POST PUT)) {
    my $body = $method =~ /^P/ ? 'a=b' : undef;

    leads(raw(request($method, '/login', $body, $cookie)),
        '/by/a%2Fb?SESSION', "$method with a session");
    is_shown(raw(request($method, '/login', $body)), 200,
        "$method without one");
    is_shown(raw(request($method, '/login', $body, $forged)), 200,
        "$method with a forged one");
}

is(header(get('/login', $cookie), 'Set-Cookie'), '', 'the session goes on');
is(seen(get('/login', $forged)), '', 'the content, without a customer');
leads(get('/login-try', $cookie), '/try', 'in front of try_files');
is_shown(get('/login-try'), 200, 'try_files without a session');
is_shown(get('/login-return', $cookie), 200, 'but behind "return"');
is_shown(get('/login-denied', $cookie), 403, 'and behind access control');
is_shown(get('/login-off', $cookie), 200, 'where there are no sessions');
is_shown(get('/login-other', $cookie), 200, 'for another product');

is_shown(get('/asks', $cookie), 200, 'a subrequest is answered');
leads(get('/accel/login', $cookie), '/by/a%2Fb?SESSION',
    'behind an internal redirect');
is_shown(get('/accel/login'), 200, 'the same without a session');

for my $path ('/register', '/optional') {
    is_shown(get($path, $cookie), 200, "$path resolves: a GET");
    is_shown(raw(request('POST', $path, 'a=b', $cookie)), 200,
        "$path resolves: a POST without a token");
    leads(post($path, 'ok', undef, $cookie), '/new',
        "$path resolves: a new registration");
}

is_shown(post('/register', 'error:InvalidTokenException', undef, $cookie), 400,
    'a registration that fails');
is_shown(post('/optional', 'error:InvalidTokenException', undef, $cookie), 200,
    'the same, optional');

=== TEST 27: with a session, error pages are shown
--- http_config eval: "$::aws$::session"
--- config
    absolute_redirect off;
    marketplace_redirect /welcome;
    error_page 400 403 404 /page;
    proxy_intercept_errors on;

    location = /register {
        marketplace_resolve on;
    }
    location = /denied {
        deny all;
    }
    location = /missing {
        return 404;
    }
    location = /named {
        error_page 403 = @page;
        deny all;
    }
    location = /recursive {
        recursive_error_pages on;
        deny all;
    }
    location = /redirected {
        error_page 303 /page;
        root /nonexistent;
    }
    location = /redirected-recursively {
        recursive_error_pages on;
        error_page 303 /recursive-page;
        root /nonexistent;
    }
    location = /recursive-page {
        recursive_error_pages on;
        error_page 303 /recursive-page;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /page {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location @page {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
my $cookie = 'Cookie: ' . cookie(post('/register', named('someone')));
my $seen = "X-Marketplace-Customer-Identifier: someone\n";

for my $row (['/denied', 403], ['/missing', 404], ['/named', 200],
    ['/recursive', 403])
{
    my ($path, $status) = @$row;

    for my $headers ([], [$cookie]) {
        my $answer = get($path, @$headers);

        is_shown($answer, $status, "$path @$headers");
        is(seen($answer), @$headers ? $seen : '', "$path: the page");
    }
}

leads(get('/redirected', $cookie), '/welcome', 'the page of a redirect');
is(seen(get('/redirected', $cookie)), $seen, '... is shown, once');
leads(get('/redirected-recursively', $cookie), '/welcome',
    'the page of a redirect, again');
is(seen(get('/redirected-recursively', $cookie)), $seen, '... is shown');

=== TEST 28: what nginx does not start with: no URL
--- http_config
    marketplace_redirect welcome;
--- refused
invalid value "welcome" in "marketplace_redirect", it must be a URL or a path, like "https://www.example.com/welcome" or "/welcome", or "off"

=== TEST 29: a host with two slashes, which nginx takes for a path
--- config
    marketplace_redirect //www.example.com/welcome;
--- refused
invalid value "//www.example.com/welcome" in "marketplace_redirect", it must be a URL or a path, like "https://www.example.com/welcome" or "/welcome", or "off"

=== TEST 30: off undoes what is inherited
--- http_config
    marketplace_redirect /welcome;
    marketplace_credentials static id=AKIDEXAMPLE
        secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
--- config
    location = /register {
        marketplace_resolve on;
        marketplace_redirect off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- request
POST /register
x-amzn-marketplace-token=ok
--- error_code: 200
--- response_body_like: X-Marketplace-License-Arn

=== TEST 31: a host without a scheme
--- config
    marketplace_redirect www.example.com/welcome;
--- refused
invalid value "www.example.com/welcome" in "marketplace_redirect", it must be a URL or a path, like "https://www.example.com/welcome" or "/welcome", or "off"

=== TEST 32: nothing
--- config
    location = /register {
        marketplace_redirect "";
    }
--- refused
invalid value "" in "marketplace_redirect", it must be a URL or a path, like "https://www.example.com/welcome" or "/welcome", or "off"

=== TEST 33: another kind of URL
--- config
    marketplace_redirect javascript:alert(1);
--- refused
invalid value "javascript:alert(1)" in "marketplace_redirect", it must be a URL or a path, like "https://www.example.com/welcome" or "/welcome", or "off"

=== TEST 34: no scheme
--- config
    marketplace_redirect ://www.example.com;
--- refused
invalid value "://www.example.com" in "marketplace_redirect", it must be a URL or a path, like "https://www.example.com/welcome" or "/welcome", or "off"

=== TEST 35: no scheme in front
--- config
    marketplace_redirect a/b://www.example.com;
--- refused
invalid value "a/b://www.example.com" in "marketplace_redirect", it must be a URL or a path, like "https://www.example.com/welcome" or "/welcome", or "off"

=== TEST 36: twice
--- config
    location = /register {
        marketplace_redirect /a;
        marketplace_redirect /a;
    }
--- refused
"marketplace_redirect" directive is duplicate

=== TEST 37: no parameter
--- config
    marketplace_redirect;
--- refused
invalid number of arguments in "marketplace_redirect" directive

=== TEST 38: two parameters
--- config
    marketplace_redirect 303 /a;
--- refused
invalid number of arguments in "marketplace_redirect" directive

=== TEST 39: in an "if"
--- config
    location = /register {
        if ($arg_a) {
            marketplace_redirect /a;
        }
    }
--- refused
"marketplace_redirect" directive is not allowed here

=== TEST 40: no variable
--- config
    marketplace_redirect /a$;
--- refused
invalid variable name

=== TEST 41: a brace that is not closed
--- config
    marketplace_redirect "/a/${marketplace_product_code";
--- refused
the closing bracket in "marketplace_product_code" variable is missing

=== TEST 42: a brace that is not closed, behind one that is
--- config
    marketplace_redirect "/${marketplace_product_code}/${marketplace_product_code/a";
--- refused
the closing bracket in "marketplace_product_code" variable is missing

=== TEST 43: variables that there are not
--- config
    location = /register {
        marketplace_redirect /a/$marketplace_customer;
    }
--- must_die: 1
--- suppress_stderr: 1
--- error_log eval
qr/\[emerg\] \d+#\d+: unknown "marketplace_customer" variable$/

=== TEST 44: variables that there are not, of nginx
--- config
    location = /register {
        marketplace_redirect /a/$marketplace_/$nonsense;
    }
--- must_die: 1
--- suppress_stderr: 1
--- error_log eval
qr/\[emerg\] \d+#\d+: unknown "(?:marketplace_|nonsense)" variable$/

=== TEST 45: headers that are off: none is added, and a client's are removed
--- http_config eval: "$::aws$::session"
--- config
    location = /register {
        marketplace_resolve on;
        marketplace_request_headers off;
        add_header X-Customer $marketplace_customer_identifier;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /optional {
        marketplace_resolve optional;
        marketplace_request_headers off;
        add_header X-Error $marketplace_error;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /session {
        marketplace_request_headers off;
        add_header X-Customer $marketplace_customer_identifier;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /on {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /explicit {
        marketplace_resolve optional;
        marketplace_request_headers on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
my @mine = map { ("$_: mine", tr/-/_/r . ': mine') } map { "X-Marketplace-$_" }
    qw(Customer-AWS-Account-Id License-Arn Customer-Identifier Product-Code
       Offer-Type Error);

my $fields = form($customer) . '&x-amzn-marketplace-offer-type=free-trial';
my $answer = raw(request('POST', '/register', $fields, @mine));
my $cookie = 'Cookie: ' . cookie($answer);

is(seen($answer), '', 'a customer');
is(header($answer, 'X-Customer'), 'someone', 'variables are as ever');
is(seen(get('/register', @mine)), '', 'a GET');
is(seen(get('/register', @mine, $cookie)), '', 'a GET with a session');

$answer = post('/optional', 'error:Odd', undef, @mine);
is(seen($answer), '', 'an error');
is(header($answer, 'X-Error'), 'Odd', 'variables are as ever');
is(seen(post('/optional', 'ok', undef, @mine)), '', 'a customer, optional');

$answer = get('/session', @mine, $cookie);
is(seen($answer), '', 'a session');
is(header($answer, 'X-Customer'), 'someone', 'variables are as ever');

# the same where they are on

like(seen(get('/on', @mine, $cookie)),
    qr/^X-Marketplace-Offer-Type: free-trial\n\z/m, 'a session, on');
unlike(seen(get('/on', @mine, $cookie)), qr/mine/, 'nothing of the client');
is(seen(post('/explicit', 'error:Odd', undef, @mine)),
    "X-Marketplace-Error: Odd\n", 'an error, on');

=== TEST 46: internal redirects between locations where they are on and off
--- http_config eval: "$::aws$::session"
--- config
    location /register-on/ {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND/;
    }
    location /register-off/ {
        marketplace_resolve on;
        marketplace_request_headers off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND/;
    }
    location /optional-on/ {
        marketplace_resolve optional;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND/;
    }
    location /optional-off/ {
        marketplace_resolve optional;
        marketplace_request_headers off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND/;
    }
    location /on/ {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND/;
    }
    location /off/ {
        marketplace_request_headers off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND/;
    }
    location /try-on/ {
        marketplace_resolve optional;
        try_files /none @off;
    }
    location /try-off/ {
        marketplace_resolve optional;
        marketplace_request_headers off;
        try_files /none @on;
    }
    location /error-on/ {
        marketplace_resolve optional;
        error_page 404 = @off;
        root /nonexistent;
    }
    location /error-off/ {
        marketplace_resolve optional;
        marketplace_request_headers off;
        error_page 404 = /on/page;
        root /nonexistent;
    }
    location @on {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location @off {
        marketplace_request_headers off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
my @mine = map { "$_: mine" } map { "X-Marketplace-$_" }
    qw(License-Arn Customer-Identifier Error Product-Code);
my $someone = "X-Marketplace-Customer-Identifier: someone\n";
my $failed = "X-Marketplace-Error: Odd\n";
my $cookie = 'Cookie: ' . cookie(post('/register-on/', named('someone')));

for my $row (['/register-%s/', 'on', 1], ['/register-%s/', 'off', 0],
    ['/register-%s/accel/off/', 'on', 0], ['/register-%s/accel/on/', 'off', 1],
    ['/register-%s/accel/off/accel/on/', 'on', 1],
    ['/register-%s/accel/on/accel/off/', 'off', 0],
    ['/optional-%s/accel/off/', 'on', 0], ['/optional-%s/accel/on/', 'off', 1],
    ['/try-%s/', 'on', 0], ['/try-%s/', 'off', 1],
    ['/error-%s/', 'on', 0], ['/error-%s/', 'off', 1])
{
    my ($format, $from, $shown) = @$row;
    my $path = sprintf $format, $from;

    is(seen(post($path, named('someone'), undef, @mine)),
        $shown ? $someone : '', "$path: a customer");
    is(seen(get($path, @mine, $cookie)), $shown ? $someone : '',
        "$path: a session");
    is(seen(get($path, @mine)), '', "$path: neither");

    next if $path =~ /register/;

    is(seen(post($path, 'error:Odd', undef, @mine)), $shown ? $failed : '',
        "$path: an error");
    is(seen(post($path, 'error:Odd', undef, @mine, $cookie)),
        $shown ? $failed : '', "$path: an error in a session");
}

=== TEST 47: these directives alone are use of the module, too
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        location / {
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
--- config
    location = /off {
        marketplace_request_headers off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
my $mine = 'X-Marketplace-License-Arn: mine';

is(seen(get('/off', $mine)), '', 'where they are off');
is(seen(raw(request('GET', '/', undef, $mine), 'RAND_PORT_1')), '',
    'in another server');

=== TEST 48: a redirect alone
--- http_config
--- config
    location = /login {
        marketplace_redirect /welcome;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
is(seen(get('/login', 'X-Marketplace-License-Arn: mine')), '', 'removed');
