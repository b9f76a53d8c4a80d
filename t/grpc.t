# The customer of a session as every kind of backend has it, and gRPC's above
# all: its calls carry no token, so that only a session can tell whose they are.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace;

repeat_each(1);
no_root_location();
start_gateways;

# A server of gRPC that answers the metadata that it received.

$ENV{TEST_NGINX_GRPC_PEER} = Marketplace::start('grpc_peer.py');

our $key = "$ENV{TEST_NGINX_TMP}/session.key";

{
    my $umask = umask 077;
    open my $file, '>', $key or die;
    print $file 'a key of thirty-two bytes or more' . "\n";
    close $file or die;
    umask $umask;
}

our @ours = (['x-marketplace-customer-aws-account-id', '123456789012'],
    ['x-marketplace-customer-identifier', 'someone'],
    ['x-marketplace-license-arn', 'arn:aws:s:::r'],
    ['x-marketplace-offer-type', 'free-trial'],
    ['x-marketplace-product-code', 'product']);

our @mine = map { ["x-marketplace-$_", 'mine'] } qw(customer-aws-account-id
    license-arn customer-identifier product-code offer-type error);

our $registration = 'x-amzn-marketplace-offer-type=free-trial'
    . '&x-amzn-marketplace-token=' . Marketplace::percent(
        'json:{"CustomerAWSAccountId":"123456789012","ProductCode":"product",'
        . '"LicenseArn":"arn:aws:s:::r","CustomerIdentifier":"someone"}');

# A server of HTTP/2 without TLS, as gRPC's clients speak it.

our $http_config = $::aws . <<"_EOC_";
    marketplace_session key=$key;
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_1 http2;
        location /Echo/ {
            grpc_pass grpc://127.0.0.1:\$TEST_NGINX_GRPC_PEER;
        }
    }
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_2 http2;
        location /Echo/ {
            marketplace_resolve on;
            grpc_pass grpc://127.0.0.1:\$TEST_NGINX_GRPC_PEER;
        }
    }
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_3 http2;
        location /Echo/ {
            marketplace_resolve optional;
            grpc_pass grpc://127.0.0.1:\$TEST_NGINX_GRPC_PEER;
        }
    }
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_4 http2;
        location /Echo/ {
            marketplace_request_headers off;
            marketplace_session key=$key pass=on;
            grpc_set_header X-Of-Marketplace "\$marketplace_customer_identifier|\$marketplace_license_arn|\$marketplace_cache_status";
            grpc_pass grpc://127.0.0.1:\$TEST_NGINX_GRPC_PEER;
        }
    }
_EOC_

our $register = <<'_EOC_';
    location = /register {
        marketplace_resolve on;
        try_files /none @registered;
    }
    location @registered {
        return 204;
    }
_EOC_

# The gateways: with the headers of the session, without, and with its cookie.

sub gateways {
    my %more = ('' => '', '-off' => 'marketplace_request_headers off;',
        '-pass' => "marketplace_session key=$key pass=on;");
    my $locations = '';

    for my $kind (qw(fastcgi scgi uwsgi)) {
        my $params = join '', map { "        ${kind}_param $_;\n" }
            'REQUEST_METHOD $request_method', 'REQUEST_URI $request_uri',
            'PATH_INFO $uri', 'SERVER_PROTOCOL $server_protocol',
            'SERVER_NAME localhost', 'SERVER_PORT $server_port',
            'CONTENT_TYPE $content_type', 'CONTENT_LENGTH $content_length',
            'OF_MARKETPLACE $marketplace_customer_identifier',
            'COOKIE_FOR_MARKETPLACE $http_cookie';

        $locations .= <<"_EOC_" for sort keys %more;
    location = /$kind$_ {
        $more{$_}
        ${kind}_pass \$TEST_NGINX_\U$kind\E;
$params    }
_EOC_
    }

    return $locations;
}

# The cookie of a new session.

sub cookie {
    my $response = HTTP::Tiny->new(timeout => 10)->post(
        'http://127.0.0.1:' . nginx_port() . '/register', {
            content => $registration,
            headers => {'Content-Type' => 'application/x-www-form-urlencoded'}
        });

    return ($response->{headers}{'set-cookie'} // '')
        =~ /^(__Host-marketplace=[^;]+)/ ? $1 : die 'no session';
}

# What comes of calls by gRPC's own client, each an array: a port, a method,
# metadata, and messages.

sub calls {
    my $file = "$ENV{TEST_NGINX_TMP}/calls";

    open my $calls, '>', $file or die;
    print $calls JSON::PP->new->ascii->encode([map {
        my ($port, $method, $metadata, @messages) = @$_;
        {port => nginx_port("RAND_PORT_$port"), method => "/Echo/$method",
            metadata => $metadata, messages => \@messages} } @_]);
    close $calls or die;

    my $python = $ENV{PYTHON} || '/usr/bin/python3';
    my $answers = `$python t/lib/grpc_peer.py --call $file`;

    return @{ JSON::PP::decode_json($answers) };
}

# Whether a call was answered so: for each message the metadata that came with
# it.

sub is_answered {
    my ($answer, $metadata, $messages, $what) = @_;

    is("$answer->{code} $answer->{details}", 'OK ', "$what: the status");
    is_deeply([map { JSON::PP::decode_json($_) } @{ $answer->{messages} }],
        [map { {message => $_, metadata => $metadata} } @$messages],
        "$what: the answer");
}

# A refusal of nginx as gRPC's client takes it.

sub is_refused {
    my ($answer, $status, $what) = @_;

    is("$answer->{code} $answer->{details}",
        "INTERNAL Received http2 header with status: $status", $what);
    is_deeply($answer->{messages}, [], "$what: no answer");
}

run_tests();

__DATA__

=== TEST 1: a call with a session
--- http_config eval: $::http_config
--- config eval: $::register
--- test
my $session = ['cookie', cookie()];

my @answers = calls(
    [1, 'Unary', [$session], 'a'],
    [1, 'Stream', [$session], 'a', 'b', 'c'],
    [1, 'Unary', [@mine, $session, @mine], 'a'],
    [1, 'Stream', [@mine, $session, @mine], 'a', 'b'],
    [1, 'Unary', [['cookie', "a=b; $session->[1]; c=d"]], 'a'],
    [1, 'Unary', [['cookie', 'a=b'], $session, ['cookie', 'c=d']], 'a']);

is_answered($answers[0], \@ours, ['a'], 'one message');

# the client waits for an answer before it sends the next one

is_answered($answers[1], \@ours, ['a', 'b', 'c'], 'a stream');
is_answered($answers[2], \@ours, ['a'], 'what a client has made up');
is_answered($answers[3], \@ours, ['a', 'b'], 'the same, a stream');

# the application gets the other cookies

is_answered($answers[$_], [['cookie', 'a=b; c=d'], @ours], ['a'],
    'other cookies') for 4, 5;

=== TEST 2: a call without one is nobody's
--- http_config eval: $::http_config
--- config eval: $::register
--- test
my $forged = cookie() =~ s/(.)$/$1 eq 'A' ? 'B' : 'A'/er;

my @answers = calls(
    [1, 'Unary', [], 'a'],
    [1, 'Unary', \@mine, 'a'],
    [1, 'Stream', [@mine, ['cookie', 'a=b']], 'a', 'b'],
    [1, 'Unary', [@mine, ['cookie', substr $forged, 0, -3]], 'a'],
    [1, 'None', [['cookie', cookie()]], 'a']);

is_answered($answers[0], [], ['a'], 'nothing');
is_answered($answers[1], [], ['a'], 'what a client has made up');
is_answered($answers[2], [['cookie', 'a=b']], ['a', 'b'], 'a stream');
is_answered($answers[3], [], ['a'], 'a forged session');
is("$answers[4]{code} $answers[4]{details}", 'UNIMPLEMENTED Method not found!',
    'errors are those of the application');

=== TEST 3: where a token is asked for
--- http_config eval: $::http_config
--- config eval: $::register
--- test
my $session = ['cookie', cookie()];
my $invalid = ['x-marketplace-error', 'InvalidRequest'];
standin(POST => 'reset');

my @answers = calls(
    [2, 'Unary', [], 'a'],
    [2, 'Unary', [@mine, ['cookie', 'a=b']], 'a'],
    [2, 'Unary', [], 'x-amzn-marketplace-token=ok'],
    [2, 'Unary', [@mine, $session], 'a'],
    [3, 'Unary', \@mine, 'a'],
    [3, 'Unary', [], 'x-amzn-marketplace-token=ok'],
    [3, 'Unary', [@mine, $session], 'a'],
    [2, 'Stream', [@mine, $session], 'a', 'b'],
    [3, 'Stream', [@mine, $session], 'a', 'b']);

is_refused($answers[$_], 400, "on, without a session: $_") for 0 .. 2;
is_answered($answers[3], \@ours, ['a'], 'on, with a session');
is_answered($answers[4], [$invalid], ['a'], 'optional, without a session');
is_answered($answers[5], [$invalid], ['x-amzn-marketplace-token=ok'],
    'a token in a message');
is_answered($answers[6], \@ours, ['a'], 'optional, with a session');

# a body that can carry no token is not waited for

is_answered($answers[7], \@ours, ['a', 'b'], 'on, a stream');
is_answered($answers[8], \@ours, ['a', 'b'], 'optional, a stream');
--- aws_calls: 0
--- error_log
marketplace: InvalidRequest

=== TEST 4: variables, headers that are off, and a cookie that is passed on
--- http_config eval: $::http_config
--- config eval: $::register
--- test
my $session = ['cookie', cookie()];

my @answers = calls([4, 'Unary', [@mine, $session], 'a'],
    [4, 'Unary', \@mine, 'a']);

is_answered($answers[0], [$session,
    ['x-of-marketplace', 'someone|arn:aws:s:::r|SESSION']], ['a'],
    'with a session');
is_answered($answers[1], [['x-of-marketplace', '||']], ['a'], 'without one');

=== TEST 5: FastCGI, SCGI, uwsgi and gRPC see the customer of a session
--- http_config eval: "$::aws marketplace_session key=$::key;"
--- config eval
$::register . ::gateways()
--- test
my $session = cookie();
my $client = HTTP::Tiny->new(timeout => 10);

my $seen = sub {
    my ($path, $cookie) = @_;

    my $response = $client->get('http://127.0.0.1:' . nginx_port() . $path,
        {headers => {Cookie => $cookie, map { ($_->[0] => $_->[1],
            uc($_->[0]) =~ tr/-/./r => 'mine') } @mine}});

    is($response->{status}, 200, "$path: the status");

    return $response->{content} =~ /^GET \S+\n(.*?)^$/ms ? $1 : 'nothing';
};

my $headers = join '', map { 'HTTP_' . uc($_->[0]) =~ tr/-/_/r . ": $_->[1]\n" }
    @ours;
my $of = "OF_MARKETPLACE: someone\n";

for my $kind (qw(fastcgi scgi uwsgi)) {
    is($seen->("/$kind", "a=b; $session"),
        "COOKIE_FOR_MARKETPLACE: a=b\n$headers$of", "$kind: a session");
    is($seen->("/$kind-off", "a=b; $session"),
        "COOKIE_FOR_MARKETPLACE: a=b\n$of", "$kind: headers that are off");
    is($seen->("/$kind-pass", "a=b; $session"),
        "COOKIE_FOR_MARKETPLACE: a=b; $session\n$headers$of",
        "$kind: a cookie that is passed on");
    is($seen->("/$kind", 'a=b'),
        "COOKIE_FOR_MARKETPLACE: a=b\nOF_MARKETPLACE: \n", "$kind: none");
}
