# What the error log says of a failure, and what it never says.
#
# That secrets are in no log is checked behind every block of every file: see
# Marketplace.pm.  The tokens in here can be told from all else.

use lib 't/lib';
use Cwd ();
use Encode ();
use JSON::PP ();
use Test::Nginx::Socket 'no_plan';
use Marketplace;

repeat_each(2);

our $puppet = start_puppet;

our $register = <<'_EOC_';
    marketplace_read_timeout 200ms;

    location = /register {
        marketplace_resolve on;
        add_header X-Request-Id $marketplace_request_id always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /optional {
        marketplace_resolve optional;
        add_header X-Request-Id $marketplace_request_id always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /puppet {
        marketplace_resolve on;
        marketplace_endpoint http://127.0.0.1:$TEST_NGINX_PUPPET;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
_EOC_

our $temporary = <<'_EOC_';
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
    marketplace_credentials static id=ASIAEXAMPLE
        secret=temporaryXUtnFEMI/K7MDENG+bPxRfEXAMPLEKEY
        token=FQoGZXIvYXdzEXAMPLETOKEN/+temporary==;
_EOC_

# What is logged while a registration is made, at these levels.

sub logged {
    my ($levels, $register) = @_;

    open my $log, '<', $Test::Nginx::Util::ErrLogFile or die;
    seek $log, 0, 2;
    my $response = $register->();

    return ($response, grep { /^\S+ \S+ \[(?:$levels)\]/ } <$log>);
}

our $complaint = 'warn|error|crit|alert|emerg';

# Whether one line of the module is all that is logged, and says what there is
# to say.

sub is_line {
    my ($token, $level, $name, $message, $status, $advice, %with) = @_;

    my ($response, @lines) = logged($complaint,
        sub { register($token, %with) });

    @lines = grep { !/ while reading response header from upstream/ } @lines;

    my $id = $response->{headers}{'x-request-id'} // '';
    my $text = "[$level] ... marketplace: ResolveCustomer failed: $name: "
        . "\"$message\", status ..., request id \"$id\", "
        . "endpoint 127.0.0.1:$ENV{TEST_NGINX_AWS_HTTP}, region us-east-1, "
        . "access key AKIDEXAMPLE: ...$advice...";
    my $pattern = quotemeta($text) =~ s/status \K(?:\\\.){3}/$status/r
        =~ s/(?:\\\.){3}/.*/gr =~ s/status\\ \K\.\*/$status/r;

    is(scalar @lines, 1, "$name: one line");
    like($lines[0] // '', qr/$pattern/, "$name: says it");
    like($id, qr/^[0-9a-f-]{36}$/, "$name: request id") if $status ne '-';
}

sub signatures_in_log {
    my $signature = shift;

    open my $log, '<', $Test::Nginx::Util::ErrLogFile or die;

    return scalar grep { /$signature/ } <$log>;
}

# README's log_format, as it stands there.

sub readme_log_format {
    my $readme = Cwd::abs_path(__FILE__) =~ s{[^/]+/[^/]+\z}{README.md}r;

    open my $file, '<', $readme or die "$readme: $!";
    local $/;

    return <$file> =~ /^(\ {4}log_format\ registrations\ .*?;\n)/ms ? $1
        : die 'README.md has no log of registrations';
}

our $log_format = readme_log_format();
our $registrations = "$ENV{TEST_NGINX_TMP}/registrations.log";

# What that log has from this place on, when it has so many lines.

sub registrations {
    my ($start, $n) = @_;
    my @lines;

    wait_until {
        open my $log, '<', $registrations or die;
        seek $log, $start, 0;
        @lines = <$log>;
        @lines >= $n && $lines[-1] =~ /\n\z/;
    } or fail("$n lines");

    return @lines;
}

# A line of it: UTF-8, and one object of JSON in which all values are strings.

sub is_json {
    my ($line, $name) = @_;

    my $text = eval { Encode::decode('UTF-8', $line =~ s/\n\z//r,
        Encode::FB_CROAK) };
    my $object = eval { JSON::PP->new->decode($text) } // {};

    is(scalar keys %$object, 14, "$name: JSON")
        or diag(JSON::PP->new->ascii->allow_nonref->encode($line));
    is(scalar(grep { !defined || ref } values %$object), 0, "$name: strings");

    return $object;
}

# What AWS may say: text that stands in JSON as it is here.

our @sayings = ('', 'a word', '\"quoted\"', 'C:\\\\path\\/', '\\\\"',
    '\"},\n{\"error\":\"', '\u0000\u0001\b\t\n\f\r\u001b\u001f\u007f',
    '\u0080\u009f\u2028\u2029\ufeff\uffff', "caf\xc3\xa9 \xf0\x9f\x98\x80",
    '\ud83d\ude00', '\ud83d', '\ude00', "\x7f\x1b[31m", '$request ${status}',
    (map { "a${_}b" } "\xff", "\xfe\xff", "\x80", "\xc3", "\xc0\x80",
        "\xe2\x82", "\xed\xa0\x80", "\xf0\x9f\x98", "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80", "\xff" x 600), "ends with \xf0\x9f\x98",
    (map { 'x' x $_ } 1023, 1024, 1025), '\\"' x 1024, '\\\\' x 1025,
    (map { 'x' x (1020 + $_) . "\xf0\x9f\x98\x80" x 2 } 0 .. 4),
    (map { 'x' x (1020 + $_) . '\ud83d\ude00' x 2 } 0 .. 4),
    (map { 'x' x $_ . "\xc3\xa9" x 600 } 0, 1),
    "\xf0\x9f\x98\x80" x 300, '\u0001' x 1025,
    'SECRETTOKEN', '\u0053ECRETTOKEN');

run_tests();

__DATA__

=== TEST 1: errors of ours: one line that says it all
--- http_config eval: $::aws
--- config eval: $::register
--- test
for my $row (
    ['DisabledApiException', 'The API is disabled in the Region.',
        'the API is not offered in this region: set marketplace_region to one '
        . 'where it is, like us-east-1'],
    ['AccessDeniedException', 'AccessDeniedException from the stand-in',
        'allow the IAM action aws-marketplace:ResolveCustomer on resource * '
        . 'for this identity; it has to be of the account that published the '
        . 'product'],
    ['UnrecognizedClientException',
        'The security token included in the request is invalid.',
        'check that the access key exists and that its session token, if it '
        . 'has one, is whole and of the same credentials'],
    ['OptInRequired', 'OptInRequired from the stand-in',
        'the account of the credentials is not subscribed to the service or '
        . 'the region: enable the region there, or set marketplace_region'],
    ['RequestExpired', 'RequestExpired from the stand-in',
        'check the secret access key and the clock of this machine'],
    ['UnknownOperationException', 'UnknownOperationException from the stand-in',
        'the endpoint does not offer ResolveCustomer: check '
        . 'marketplace_endpoint'],
    ['NewException', 'NewException from the stand-in',
        'AWS refuses the request: see its message'],
    ['ThrottlingException', 'Rate exceeded',
        'AWS limits the rate of calls; limit_req in front of the location '
        . 'keeps strangers from using it up'],
    ['InternalFailure', 'InternalFailure from the stand-in',
        'AWS may be busy or down; the buyer can try again, the token stays '
        . 'valid'])
{
    my ($name, $message, $advice) = @$row;

    for my $path ('/register', '/optional') {
        is_line("error:$name", 'error', $name, $message, '\d+', $advice,
            path => $path);
    }
}

is_line('error:ExpiredTokenException:403', 'error', 'ExpiredCredentials',
    'Registration token is expired', '403', 'the temporary credentials have '
    . 'expired: renew them where nginx takes them from');
is_line('html', 'error', 'InvalidResponse', '', '200', 'what answers at the '
    . 'endpoint is not AWS Marketplace Metering: check marketplace_endpoint '
    . 'and what is in between');
is_line("raw:garbage\n", 'error', 'InvalidResponse', '', '-',
    'marketplace_endpoint');
is_line('status:302:ok', 'error', 'InvalidResponse', '', '302',
    'marketplace_endpoint');
is_line('error:x:400:nested', 'error', 'InvalidResponse', 'x from the stand-in',
    '400', 'marketplace_endpoint');

=== TEST 2: the network: nginx has its own line before ours
--- http_config eval: $::aws
--- config eval: $::register
--- test
is_line('hang', 'error', 'Timeout', '', '-', 'the endpoint did not answer in '
    . 'time: check the way there, and marketplace_timeout and its like');
is_line('close:10:ok', 'error', 'ConnectionError', '', '-', 'check that the '
    . 'endpoint can be reached from here and that its certificate is one that '
    . 'marketplace_ssl_trusted_certificate vouches for');

=== TEST 3: another product: a warning
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve on;
        marketplace_product_code mine;
        add_header X-Request-Id $marketplace_request_id always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
is_line('product:other', 'warn', 'ProductCodeMismatch', '', '200',
    'the token is for a product that marketplace_product_code does not name');

=== TEST 4: no credentials, as seen by a buyer
--- http_config
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
--- config eval: $::register
--- test
my ($response, @lines) = logged($complaint, sub { register('ok') });

is($response->{status}, 500, 'status');
is(scalar @lines, 1, 'one line');
like($lines[0], qr/\[error\] .* marketplace: NoCredentials while getting \S+: /,
    'says it');

=== TEST 5: errors of the buyer are no complaint
--- http_config eval: $::aws
--- config eval: $::register
--- test
for my $path ('/register', '/optional') {
    for my $row (['error:InvalidTokenException', 'InvalidTokenException',
            'AWS does not know the token; if that is so for every buyer, the '
            . 'credentials are not of the account that published the product'],
        ['error:ExpiredTokenException', 'ExpiredTokenException',
            'the buyer has to press "Set up your account" again'],
        ['', 'MissingToken', 'the request has no token'],
        ["\xff", 'InvalidRequest',
            'the request is not a registration as AWS Marketplace sends it'],
        ['x' x 9000, 'TokenTooLarge', 'the request or its token is larger than '
            . 'marketplace_token_max_size allows'])
    {
        my ($token, $name, $advice) = @$row;
        my ($response, @lines) = logged("info|notice|$complaint",
            sub { register($token, path => $path) });

        @lines = grep { !/client .*closed (?:keepalive )?connection/ } @lines;
        is(scalar(grep { !/\[info\]/ } @lines), 0, "$name: no complaint");
        is(scalar(grep { /\[info\] .* marketplace: .*$name: .*\Q$advice\E/ }
            @lines), 1, "$name: one line");
    }
}

=== TEST 6: success is none either
--- http_config eval: $::aws
--- config eval: $::register
--- test
my ($response, @lines) = logged("info|notice|$complaint",
    sub { register('ok') });

is($response->{status}, 200, 'status');
is(scalar(grep { /marketplace/ } @lines), 0, 'no line');

=== TEST 7: at level info tokens, secrets and signatures stay away as well
--- log_level: info
--- http_config eval: $::temporary
--- config eval: $::register
--- test
register($_) for 'ok-SECRETTOKEN',
    'seq:error:Odd|ok-SECRETTOKEN', 'html';
pass('see the checks behind');
--- error_log
marketplace: ResolveCustomer failed: InvalidResponse

=== TEST 8: whatever comes of a token, the log does not have it
--- http_config eval: $::aws
--- config eval: $::register
--- test
for my $path ('/register', '/optional') {
    register($_, path => $path) for 'ok-SECRETTOKEN', 'SECRETTOKEN',
        'nolength:ok-SECRETTOKEN', 'close:20:ok-SECRETTOKEN',
        'reset:20:ok-SECRETTOKEN', 'drip:10:ok-SECRETTOKEN',
        'json:"SECRETTOKEN"', 'json:{"SECRETTOKEN":"SECRETTOKEN"}',
        'raw:SECRETTOKEN' . "\n", 'header:X-Secret=SECRETTOKEN:ok',
        'header:Set-Cookie=SECRETTOKEN:ok',
        'SECRETTOKEN' x 1000, "\xffSECRETTOKEN", '%SECRETTOKEN',
        "ok\n2026/01/01 00:00:00 [error] SECRETTOKEN";
}

pass('see the checks behind');

=== TEST 9: in other ways to send a token
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve on;
        client_body_in_file_only clean;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
['POST /register
{"x-amzn-marketplace-token":"ok-SECRETTOKEN"}', 'POST /register
--x' . "\r\n" . 'Content-Disposition: form-data; name="x-amzn-marketplace-token"'
    . "\r\n\r\nok-SECRETTOKEN\r\n--x--\r\n", 'POST /register
{"x-amzn-marketplace-token":["SECRETTOKEN"]}']
--- more_headers eval
['Content-Type: application/json', 'Content-Type: multipart/form-data; boundary=x',
    'Content-Type: application/json']
--- error_code eval: [200, 200, 400]

=== TEST 10: AWS shows what was signed, the session token in it
--- http_config
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
    marketplace_credentials static id=ASIAEXAMPLE secret=wrong
        token=FQoGZXIvYXdzEXAMPLETOKEN/+temporary==;
--- config eval: $::register
--- token
ok-SECRETTOKEN
--- error_code: 500
--- error_log eval
[qr/marketplace: ResolveCustomer failed: InvalidSignatureException: "The request signature we calculated .* x-amz-security-token:\*{37} /,
    'access key ASIAEXAMPLE: check the secret access key and the clock']

=== TEST 11: AWS may quote anything that it got
--- http_config eval: $::temporary
--- config eval: $::register
--- test
for my $message ('%token', 'a %token b', '%token%token', '%session',
    '%signature', 'x=%session&y=%signature&z=%token',
    'm' x 1015 . '%token', 'm' x 1015 . '%session', 'm' x 1000 . '%signature',
    '\u0053%token')
{
    for my $token ('SECRETTOKEN', 'SECRETTOKEN+/"\\==', "SECRETTOKEN\n\xc3\xa9")
    {
        my $client = begin_registering($token, path => '/puppet');
        my $aws = $puppet->accept;
        sysread $aws, my $request, 65536;

        my ($signature) = $request =~ /Signature=(\w+)/;
        my ($quoted) = $request =~ /"RegistrationToken":"(.*)"\}$/s;
        my $text = $message =~ s/%token/$quoted/gr =~ s/%signature/$signature/gr
            =~ s/%session/FQoGZXIvYXdzEXAMPLETOKEN\/+temporary==/gr;
        my $body = "{\"__type\":\"Odd\",\"Message\":\"$text\"}";

        print $aws "HTTP/1.1 400 Bad Request\r\nContent-Length: ",
            length $body, "\r\n\r\n$body";
        close $aws;
        my $answer = do { local $/; <$client> };

        like($answer, qr/^HTTP\S+ 500 /, 'an error');
        is(signatures_in_log($signature), 0, 'no signature');
    }
}

=== TEST 12: names and ids may be quotes, too
--- http_config eval: $::temporary
--- config eval: $::register
--- test
for my $where (qw(__type code x-amzn-ErrorType x-amzn-RequestId)) {
    for my $quote (qw(token signature)) {
        my $client = begin_registering('SECRETTOKEN', path => '/puppet');
        my $aws = $puppet->accept;
        sysread $aws, my $request, 65536;

        my ($signature) = $request =~ /Signature=(\w+)/;
        my $text = $quote eq 'token' ? 'SECRETTOKEN' : $signature;
        my $body = $where =~ /^x-/ ? '{"a":"b"}' : "{\"$where\":\"$text\"}";

        print $aws "HTTP/1.1 400 Bad Request\r\n",
            $where =~ /^x-/ ? "$where: $text\r\n" : '',
            'Content-Length: ', length $body, "\r\n\r\n$body";
        close $aws;
        my $answer = do { local $/; <$client> };

        is(signatures_in_log($signature), 0, "$where: no signature");
    }
}

=== TEST 13: nobody can write lines of their own
--- http_config eval: $::aws
--- config eval: $::register
--- test
my $line = "\r\n2026/01/01 00:00:00 [error] evil";

my ($response, @lines) = logged($complaint, sub {
    register("error:Odd:400::$line");
    register('status:400:json:{"__type":"x' . ($line =~ s/\r\n/\\r\\n/r) . '"}');
    register("ok$line");
    register("raw:HTTP/1.1 400 Bad Request\r\nx-amzn-RequestId: a\x1bb"
        . "\r\nContent-Length: 0\r\n\r\n");
});

is(scalar(grep { /^2026\/01\/01 00:00:00 / } @lines), 0, 'no such line');
is(scalar(grep { /[^ -~\n]/ } @lines), 0, 'nothing that is not printed');

=== TEST 14: a header that is removed: its name, not its value
--- http_config eval: $::aws
--- config eval: $::register
--- request
GET /register
--- more_headers
X-Marketplace-License-Arn: SECRETVALUE
--- error_log
marketplace: client sent header "X-Marketplace-License-Arn", removed
--- test
my @lines = do { open my $log, '<', $Test::Nginx::Util::ErrLogFile or die;
    grep { /marketplace:/ } <$log> };

is(scalar(grep { /SECRETVALUE/ } @lines), 0, 'no value');
is(scalar(grep { !/\[info\]/ } @lines), 0, 'level info');

=== TEST 15: the endpoint's name, the region and the key of the location
--- http_config
    marketplace_endpoint http://aws;
    upstream aws {
        server 127.0.0.1:$TEST_NGINX_AWS_HTTP;
    }
--- config
    location = /register {
        marketplace_resolve on;
        marketplace_region eu-west-1;
        marketplace_credentials static id=AKIDDENIED
            secret=deniedrXUtnFEMI/K7MDENG+bPxRfiCEXAMPLEKEY;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- token
ok
--- error_code: 500
--- error_log eval
qr/marketplace: ResolveCustomer failed: AccessDeniedException: "User: arn:aws:iam::111122223333:user\/denied is not authorized to perform: aws-marketplace:ResolveCustomer because .*", status 400, request id "[0-9a-f-]{36}", endpoint metering\.marketplace\.eu-west-1\.amazonaws\.com, region eu-west-1, access key AKIDDENIED: allow the IAM action/

=== TEST 16: README's log of registrations is JSON, whatever AWS says
--- http_config eval: $::aws . $::log_format
--- config
    access_log $TEST_NGINX_TMP/registrations.log registrations;

    location = /puppet {
        marketplace_resolve on;
        marketplace_endpoint http://127.0.0.1:$TEST_NGINX_PUPPET;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
my $start = -s $registrations // 0;
my @asked;

my $answer = sub {
    my ($name, $status, $headers, $body) = @_;

    my $client = begin_registering('SECRETTOKEN', path => '/puppet');
    my $aws = $puppet->accept;
    sysread $aws, my $request, 65536;

    print $aws "HTTP/1.1 $status\r\n$headers",
        'Content-Length: ', length $body, "\r\n\r\n$body";
    close $aws;
    like(do { local $/; <$client> }, qr/^HTTP/, "$name: answered");
    push @asked, $name;
};

for my $i (0 .. $#sayings) {
    my $text = $sayings[$i];
    my $bytes = $text =~ tr/\0\r\n//dr;

    $answer->("message $i", 400, '', qq({"__type":"Odd","message":"$text"}));
    $answer->("name $i", 400, '', qq({"__type":"$text"}));
    $answer->("request id $i", 400, "x-amzn-RequestId: $bytes\r\n",
        '{"__type":"Odd"}');
    $answer->("customer $i", 200, '', qq({"CustomerAWSAccountId":"$text",)
        . qq("LicenseArn":"$text","ProductCode":"$text"}));
}

my @lines = registrations($start, scalar @asked);

is(scalar @lines, scalar @asked, 'a line for each');
is_json($lines[$_], $asked[$_]) for 0 .. $#asked;
is(scalar(grep { /SECRETTOKEN/ } @lines), 0, 'no token');

my %by_name;
@by_name{@asked} = map { is_json($_, 'again') } @lines[0 .. $#asked];

is($by_name{'message 1'}{message}, 'a word', 'a word');
is($by_name{'message 2'}{message}, '"quoted"', 'quotes');
is($by_name{'message 3'}{message}, 'C:\\path/', 'a backslash');

=== TEST 17: and so it is without a call of AWS, and with a session
--- log_level: info
--- http_config eval: $::aws . $::log_format
--- config
    access_log $TEST_NGINX_TMP/registrations.log registrations;
    marketplace_session key=$TEST_NGINX_SERVER_ROOT/html/keys cookie=session;

    location = /register {
        marketplace_resolve on;
        marketplace_token_source body args;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /optional {
        marketplace_resolve optional;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /account {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /unresolved {
        marketplace_session off;
        return 204;
    }
--- user_files
>>> keys
00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
--- test
my $start = -s $registrations // 0;
my $client = HTTP::Tiny->new(keep_alive => 0);
my $nginx = 'http://127.0.0.1:' . nginx_port();
my %form = ('Content-Type' => 'application/x-www-form-urlencoded');

my ($cookie) = register('ok-SECRETTOKEN')->{headers}{'set-cookie'}
    =~ /^(session=[^;]+)/;
my %with_cookie = (headers => {Cookie => $cookie});

register($_, path => '/optional') for 'ok-SECRETTOKEN', '', "\xffSECRETTOKEN",
    'error:ExpiredTokenException', 'hold:', 'SECRETTOKEN' x 1000;
register($_) for '', "\xffSECRETTOKEN", 'error:ExpiredTokenException', 'html';
$client->get("$nginx/account", \%with_cookie);
$client->get("$nginx/$_") for 'account', 'register', 'optional', 'unresolved',
    'register?x-amzn-marketplace-token=ok-SECRETTOKEN', 'register?%ff%22',
    'gone%00%ff%22%5c';
$client->post("$nginx/optional", {headers => \%form, content =>
    'x-amzn-marketplace-token=ok&x-amzn-marketplace-offer-type=' . $_})
    for qw(free-trial %22%5c %01%7f %ff %f0%9f%98%80 %f0%9f%98);
$client->request('P"\\', "$nginx/register");
raw("POST /register HTTP/1.1\r\nHost: \"\\\xff\r\nContent-Length: x\r\n\r\n");

my @lines = registrations($start, 26);
my @objects = map { is_json($lines[$_], "line $_") } 0 .. $#lines;

is(scalar(grep { /SECRETTOKEN/ } @lines), 0, 'no token');

my $account = $objects[0]{account};

like($account, qr/^\d{12}$/, 'who registered');
is($objects[11]{account}, $account, 'who comes back');
is($objects[11]{cache}, 'SESSION', 'with a session');
is($objects[$_]{account}, '', "nobody, line $_") for 2 .. 10, 12 .. 15;
is($objects[9]{error}, 'ExpiredTokenException', 'why');
