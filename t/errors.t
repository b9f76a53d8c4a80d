# What goes wrong with a resolve, and what the buyer and the application hear of
# it.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace;

repeat_each(2);

our $locations = <<'_EOC_';
    marketplace_token_max_size 100;

    location = /register {
        marketplace_resolve on;
        add_header X-Error $marketplace_error always;
        add_header X-Message $marketplace_error_message always;
        add_header X-Status $marketplace_status always;
        add_header X-Account $marketplace_customer_aws_account_id always;
        add_header X-Arn $marketplace_license_arn always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }

    location = /optional {
        marketplace_resolve optional;
        add_header X-Error $marketplace_error always;
        add_header X-Message $marketplace_error_message always;
        add_header X-Status $marketplace_status always;
        add_header X-Account $marketplace_customer_aws_account_id always;
        add_header X-Arn $marketplace_license_arn always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
_EOC_

our $secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

# Checks one error in both modes; a status of 200 in "on" mode is none of them.

sub is_error {
    my ($token, $status, $name, %with) = @_;

    my $what = substr($token, 0, 60) =~ tr/ -~/?/cr;
    my $response = register($token, %with);
    my $headers = $response->{headers};

    is("$response->{status} $headers->{'x-error'}", "$status $name", $what);
    is($headers->{'retry-after'}, $status == 503 ? 5 : undef,
        "$what: Retry-After");
    is($headers->{'x-account'}, undef, "$what: no account");
    unlike($response->{content}, qr/^POST/, "$what: application not asked");

    $response = register($token, %with, path => '/optional');
    $headers = $response->{headers};

    is("$response->{status} $headers->{'x-error'}", "200 $name",
        "$what: optional");
    is($headers->{'retry-after'}, undef, "$what: optional, Retry-After");
    is(join('', $response->{content} =~ /^(X-Marketplace-.*)$/mg),
        "X-Marketplace-Error: $name", "$what: optional, headers");
    is($headers->{'x-account'} // $headers->{'x-arn'}, undef,
        "$what: optional, variables");
    like($response->{content}, qr/^POST .*\n\n(?:x-amzn|other)/s,
        "$what: optional, the application has the body");
}

our $wrong_keys = CORE::join '', map {
    my ($path, $credentials) = @$_;
    map { <<"_EOC_" } ['on', $path], ['optional', "$path-optional"]
    location = $_->[1] {
        marketplace_resolve $_->[0];
        marketplace_credentials static $credentials;
        add_header X-Error \$marketplace_error always;
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
    }
_EOC_
} ['/secret', 'id=AKIDEXAMPLE secret=wrong'],
    ['/key', "id=AKIDNOBODY secret=$::secret"],
    ['/session', 'id=ASIAEXAMPLE'
        . ' secret=temporaryXUtnFEMI/K7MDENG+bPxRfEXAMPLEKEY token=wrong'],
    ['/nosession', 'id=ASIAEXAMPLE'
        . ' secret=temporaryXUtnFEMI/K7MDENG+bPxRfEXAMPLEKEY'],
    ['/denied', 'id=AKIDDENIED secret=deniedrXUtnFEMI/K7MDENG+bPxRfiCEXAMPLEKEY'],
    ['/other', 'id=AKIDOTHER secret=otherlrXUtnFEMI/K7MDENG+bPxRfiCEXAMPLEKEY'];

our $puppet = start_puppet();

sub is_request_error {
    my ($body, $type, $status, $name) = @_;

    for my $path ('/register', '/optional') {
        my $response = HTTP::Tiny->new->post('http://127.0.0.1:'
            . nginx_port() . $path, { content => $body,
                headers => { 'Content-Type' => $type } });

        is("$response->{status} $response->{headers}{'x-error'}",
            ($path eq '/register' ? $status : 200) . " $name",
            "$path, " . substr $body, 0, 40);
        is($response->{headers}{'x-status'}, undef, 'AWS was not asked');

        like($response->{content},
            qr/^POST $path\nX-Marketplace-Error: $name\n\n/, 'headers')
            if $path eq '/optional';
    }
}

run_tests();

__DATA__

=== TEST 1: errors that AWS names
--- http_config eval: $::aws
--- config eval: $::locations
--- test
is_error("error:$_->[0]", @$_[1, 0]) for
    [InvalidTokenException => 400], [ExpiredTokenException => 410],
    [ThrottlingException => 503], [TooManyRequestsException => 503],
    [Throttling => 503], [ThrottledException => 503],
    [RequestThrottledException => 503], [RequestThrottled => 503],
    [RequestLimitExceeded => 503], [BandwidthLimitExceeded => 503],
    [LimitExceededException => 503], [PriorRequestNotComplete => 503],
    [ProvisionedThroughputExceededException => 503], [SlowDown => 503],
    [TransactionInProgressException => 503], [EC2ThrottledException => 503],
    [InternalServiceErrorException => 502], [InternalFailure => 502],
    [ServiceUnavailable => 502], [ServiceUnavailableException => 502],
    [DisabledApiException => 500], [AccessDeniedException => 500],
    [UnrecognizedClientException => 500], [InvalidSignatureException => 500],
    [IncompleteSignatureException => 500], [SignatureDoesNotMatch => 500],
    [MissingAuthenticationTokenException => 500], [RequestExpired => 500],
    [RequestTimeTooSkewed => 500], [RequestInTheFuture => 500],
    [InvalidClientTokenId => 500], [OptInRequired => 500],
    [NotAuthorized => 500], [ValidationException => 500],
    [SerializationException => 500], [UnknownOperationException => 500],
    [RequestTimeoutException => 500], [RequestEntityTooLargeException => 500],
    [NobodyHasHeardOfThisException => 500], ['a.b_c-D9' => 500];

=== TEST 2: the name counts, not the status
--- http_config eval: $::aws
--- config eval: $::locations
--- test
is_error("error:$_->[0]:$_->[1]", @$_[2, 0]) for
    [InvalidTokenException => 403, 400], [InvalidTokenException => 500, 400],
    [ExpiredTokenException => 500, 410], [ExpiredTokenException => 410, 410],
    [ThrottlingException => 429, 503], [ThrottlingException => 500, 503],
    [ThrottlingException => 503, 503],
    [AccessDeniedException => 403, 500], [AccessDeniedException => 401, 500],
    [AccessDeniedException => 503, 500], [SomethingElse => 429, 503],
    [SomethingElse => 500, 502], [SomethingElse => 503, 502],
    [SomethingElse => 599, 502], [SomethingElse => 404, 500],
    [SomethingElse => 499, 500], [SomethingElse => 418, 500];

=== TEST 3: every way to name an error
--- http_config eval: $::aws
--- config eval: $::locations
--- test
for my $form (qw(namespace coral uri code header namespace+uri coral+uri
    code+namespace code+uri header+namespace header+uri+coral header+empty
    header+html header+nomessage namespace+nomessage Message code+Message))
{
    is_error("error:InvalidTokenException:400:$form", 400,
        'InvalidTokenException');
    is_error("error:ThrottlingException:400:$form", 503,
        'ThrottlingException');
}

is_error('status:400:' . $_->[0], @$_[1, 2]) for
    ['json:{"__type":"InvalidTokenException"}', 400, 'InvalidTokenException'],
    ['json:{"__type":"a#InvalidTokenException:b#c"}', 400,
        'InvalidTokenException'],
    ['json:{"__type":"InvalidTokenException,x"}', 400,
        'InvalidTokenException'],
    ['json:{"Code":"InvalidTokenException"}', 400, 'InvalidTokenException'],
    ['json:{"code":"Other","__type":"InvalidTokenException"}', 400,
        'InvalidTokenException'],
    ['json:{"code":"InvalidTokenException","__type":5}', 400,
        'InvalidTokenException'],
    ['json:{"__TYPE":"InvalidTokenException"}', 502, 'InvalidResponse'];

=== TEST 4: errors that nobody names
--- http_config eval: $::aws
--- config eval: $::locations
--- test
for my $form (qw(empty html nested)) {
    is_error("error:AccessDeniedException:$_:$form", 502, 'InvalidResponse')
        for 400, 401, 403, 404, 405, 407, 408, 413, 431, 451, 499;
    is_error("error:InvalidTokenException:$_:$form", 502,
        'InternalServiceErrorException') for 500, 501, 502, 503, 504, 520, 599;
    is_error("error:x:429:$form", 503, 'ThrottlingException');
}

for my $answer ('json:{}', 'json:[]', 'json:x', 'json:{"__type":""}',
    'json:{"__type":null}', 'json:{"__type":["InvalidTokenException"]}',
    'json:{"__type":"Invalid Token"}', 'json:{"__type":"a#"}',
    'json:{"__type":"x\r\nEvil: y"}', 'json:{"message":"hello"}', 'truncated',
    'header:x-amzn-ErrorType=:json:{}', 'header:x-amzn-ErrorType=a b:json:{}')
{
    is_error("status:400:$answer", 502, 'InvalidResponse');
    is_error("status:503:$answer", 502, 'InternalServiceErrorException');
}

=== TEST 5: names have bounds
--- http_config eval: $::aws
--- config
    marketplace_token_max_size 1k;
    location = /register {
        marketplace_resolve on;
        add_header X-Error $marketplace_error always;
        return 500;
    }
    location = /optional {
        marketplace_resolve optional;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
for my $length (127, 128) {
    my $name = 'x' x $length;
    my $response = register("error:$name", path => '/optional');

    is($response->{headers}{'x-error'}, $name, "$length letters");
    like($response->{content}, qr/^X-Marketplace-Error: $name$/m, 'header');
}

is(register('error:' . 'x' x 129, path => '/optional')->{headers}{'x-error'},
    'InvalidResponse', '129 letters');

=== TEST 6: whose token has expired?
--- http_config eval: $::aws
--- config eval: $::locations
--- test
is_error("error:ExpiredTokenException:$_", 410, 'ExpiredTokenException') for
    400, '400:namespace', '400:uri', '400:code', '400:header', '400:Message',
    '400:nomessage', '400:header+empty', '400:namespace+header', 500,
    '400::The security token of your registration is expired',
    '400:namespace:The registration token is expired';

is_error("error:ExpiredTokenException:$_", 500, 'ExpiredCredentials') for
    403, '403:namespace', '403:nomessage', '403:header+empty',
    '400:coral', '400:coral+nomessage', '400:coral+uri', '400:coral+code',
    '400:coral+header', '400:credentials', '400:credentials+Message',
    '400:namespace+credentials', '400:code+credentials',
    '400:header+credentials', '400:coral+credentials',
    '400::The security token included in the request is expired now';

is_error("error:ExpiredToken:$_", 500, 'ExpiredCredentials') for 400, 403;

=== TEST 7: expired credentials, as AWS says it
--- http_config
    marketplace_credentials static id=ASIAEXPIRED
        secret=expiredrXUtnFEMI/K7MDENG+bPxRfiEXAMPLEKEY
        token=FQoGZXIvYXdzEXAMPLETOKEN/+expired==;
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
--- config eval: $::locations
--- test
is_error('ok', 500, 'ExpiredCredentials');

=== TEST 8: credentials that are wrong in other ways
--- http_config
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
--- config eval: $::wrong_keys
--- test
for my $row (['/secret', 500, 'InvalidSignatureException'],
    ['/key', 500, 'UnrecognizedClientException'],
    ['/session', 500, 'UnrecognizedClientException'],
    ['/nosession', 500, 'UnrecognizedClientException'],
    ['/denied', 500, 'AccessDeniedException'],
    ['/other', 400, 'InvalidTokenException'])
{
    my ($path, $status, $name) = @$row;
    my $response = register('ok', path => $path);

    is("$response->{status} $response->{headers}{'x-error'}",
        "$status $name", $path);

    $response = register('ok', path => "$path-optional");

    is($response->{status}, 200, "$path: optional");
    like($response->{content},
        qr/^POST $path-optional\nX-Marketplace-Error: $name\n\n/,
        "$path: optional, headers");
}

=== TEST 9: clocks that differ
--- http_config eval: $::aws
--- config eval: $::locations
--- test
# what AWS's clock shows is learnt from the error: the next call is right

for ([-3600, '/register'], [-7200, '/optional'], [3600, '/register'],
    [7200, '/optional'])
{
    my ($offset, $path) = @$_;
    standin(POST => "clock?offset=$offset");

    my $response = register('ok', path => $path);
    is("$response->{status} $response->{headers}{'x-error'}",
        ($path eq '/register' ? 500 : 200) . ' InvalidSignatureException',
        "$path, $offset");
    is($response->{headers}{'x-account'}, undef, "$path: no account");

    $response = register('ok', path => $path);
    is("$response->{status} $response->{headers}{'x-status'}", '200 200',
        "$path, $offset: the next one");
}

standin(POST => 'clock?offset=7000');
is(register('ok')->{status}, 200, 'a little');
standin(POST => 'clock?offset=0');
is(register('ok')->{status}, 500, 'and the right time is learnt again');
is(register('ok')->{status}, 200, 'as any other');

=== TEST 10: no credentials at all
--- http_config
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
--- config eval: $::locations
--- test
is_error('ok', 500, 'NoCredentials');
is(standin(GET => 'count') + 0, 0, 'no calls');

=== TEST 11: requests that carry no token
--- http_config eval: $::aws
--- config eval: $::locations
--- test
my $form = 'application/x-www-form-urlencoded';
my $field = 'x-amzn-marketplace-token';

is_request_error('other=1', $form, 400, 'MissingToken');
is_request_error("$field=", $form, 400, 'MissingToken');
is_request_error("$field=a&$field=b", $form, 400, 'InvalidRequest');
is_request_error("$field=%zz", $form, 400, 'InvalidRequest');
is_request_error("$field=ok", 'text/plain', 400, 'InvalidRequest');
is_request_error('{"', 'application/json', 400, 'InvalidRequest');
is_request_error("$field=" . 'x' x 101, $form, 413, 'TokenTooLarge');
is_request_error("other=1&$field=ok" . '&' x 70000, $form, 413,
    'TokenTooLarge');
is(standin(GET => 'count') + 0, 0, 'no calls');

=== TEST 12: replies that are none
--- http_config eval: $::aws
--- config eval: $::locations
--- test
is_error($_, 502, 'InvalidResponse') for 'html', 'truncated', 'json:{}',
    'twolengths', 'lengthchunked', 'nolength:ok', "raw:garbage\n",
    'status:204:ok', 'status:301:ok', 'status:302:html', 'status:304:ok',
    'error:InvalidTokenException:302', 'error:ThrottlingException:399',
    'big:20000', 'raw:HTTP/1.1 101 Switching Protocols' . "\r\n\r\n";

=== TEST 13: nobody at the endpoint, or nobody in time
--- http_config eval: $::aws
--- config
    marketplace_read_timeout 200ms;
    location = /register {
        marketplace_resolve on;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /optional {
        marketplace_resolve optional;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /refused {
        marketplace_resolve on;
        marketplace_endpoint http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /refused-optional {
        marketplace_resolve optional;
        marketplace_endpoint http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
is_error('hang', 504, 'Timeout');
is_error('close:0:ok', 502, 'ConnectionError');

my $response = register('ok', path => '/refused');
is("$response->{status} $response->{headers}{'x-error'}",
    '502 ConnectionError', 'refused');

$response = register('ok', path => '/refused-optional');
is("$response->{status} $response->{headers}{'x-error'}",
    '200 ConnectionError', 'refused, optional');
like($response->{content},
    qr/^POST \S+\nX-Marketplace-Error: ConnectionError\n\n/, 'headers');

=== TEST 14: messages, made fit to be printed
--- http_config eval: $::aws
--- config
    marketplace_token_max_size 8k;
    location = /register {
        marketplace_resolve on;
        add_header X-Message "[$marketplace_error_message]" always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
for my $row (
    ['error:InvalidTokenException', 'Registration token is invalid'],
    ['error:InvalidTokenException:400:Message', 'Registration token is invalid'],
    ['error:InvalidTokenException:400::Some text', 'Some text'],
    ['error:InvalidTokenException:400:nomessage', ''],
    ['error:InvalidTokenException:400:header+empty', ''],
    ["error:X:400::a\r\nEvil: b", 'a  Evil: b'],
    ["error:X:400::a\tb\x7fc\x1bd", 'a b c d'],
    ["error:X:400::caf\xc3\xa9s", 'caf  s'],
    ['status:400:json:{"__type":"X","message":5}', ''],
    ['status:400:json:{"__type":"X","message":5,"Message":"m"}', 'm'],
    ['status:400:json:{"__type":"X","message":"a","Message":"m"}', 'a'],
    ['error:X:400::' . 'm' x 2000, 'm' x 1024])
{
    my ($token, $message) = @$row;
    my $headers = register($token)->{headers};

    is($headers->{'x-message'}, "[$message]",
        substr($token, 0, 60) =~ tr/ -~/?/cr);
    is($headers->{evil}, undef, 'no other header');
}

=== TEST 15: what AWS quotes of the token is not repeated
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve on;
        marketplace_endpoint http://127.0.0.1:$TEST_NGINX_PUPPET;
        add_header X-Message "[$marketplace_error_message]" always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
for my $row (['a token', 'no, a token, is it?', 'no, *******, is it?'],
    ['x', 'xyxx', '*y**'], ['aa', 'aaa', '***'], ['whole', 'whole', '*****'],
    ['part', 'par', 'par'])
{
    my ($token, $message, $expected) = @$row;
    my $client = begin_registering($token);
    my $aws = $puppet->accept;

    sysread $aws, my $request, 65536;
    my $body = "{\"__type\":\"X\",\"message\":\"$message\"}";
    print $aws "HTTP/1.1 400 Bad Request\r\nContent-Length: ",
        length $body, "\r\n\r\n$body";
    close $aws;

    my $answer = do { local $/; <$client> };
    like($answer, qr/^X-Message: \[\Q$expected\E\]\r$/m, $message);
}

=== TEST 16: error pages of all kinds, for each status
--- http_config eval: $::aws
--- config
    marketplace_token_max_size 100;
    marketplace_read_timeout 200ms;

    location /named/ {
        marketplace_resolve on;
        error_page 400 403 410 413 500 502 503 504 @page;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /uri/ {
        marketplace_resolve on;
        error_page 400 403 410 413 500 502 503 504 /page;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /ok/ {
        marketplace_resolve on;
        error_page 400 403 410 413 500 502 503 504 =200 /page;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /moved/ {
        marketplace_resolve on;
        error_page 400 403 410 413 500 502 503 504 =302 http://elsewhere/$marketplace_error;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /backend/ {
        marketplace_resolve on;
        error_page 400 403 410 413 500 502 503 504 =200 /from-backend;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /page {
        return 200 "page: $marketplace_error $marketplace_status $request_method\n";
    }
    location = /from-backend {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location @page {
        return 200 "named: $marketplace_error $marketplace_status $request_method\n";
    }
    location /product/ {
        marketplace_resolve on;
        marketplace_product_code other;
        error_page 403 @page;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
for my $row (
    ['error:InvalidTokenException', 400, 'InvalidTokenException', 400],
    ['error:ExpiredTokenException', 410, 'ExpiredTokenException', 400],
    ['x' x 101, 413, 'TokenTooLarge', ''],
    ['error:AccessDeniedException', 500, 'AccessDeniedException', 400],
    ['html', 502, 'InvalidResponse', 200],
    ['close:5:ok', 502, 'ConnectionError', '-'],
    ['error:ThrottlingException', 503, 'ThrottlingException', 400],
    ['hang', 504, 'Timeout', '-'])
{
    my ($token, $status, $name, $aws) = @$row;

    my $response = register($token, path => '/named/');
    is("$response->{status} $response->{content}",
        "$status named: $name $aws POST\n", "named location, $name");

    $response = register($token, path => '/uri/');
    is("$response->{status} $response->{content}",
        "$status page: $name $aws GET\n", "URI, $name");

    $response = register($token, path => '/ok/');
    is("$response->{status} $response->{content}",
        "200 page: $name $aws GET\n", "=200, $name");

    $response = register($token, path => '/moved/');
    is("$response->{status} $response->{headers}{location}",
        "302 http://elsewhere/$name", "=302, $name");

    $response = register($token, path => '/backend/');
    like("$response->{status} $response->{content}",
        qr{^200 GET /from-backend\n\nx-amzn-marketplace-token=},
        "=200 from the application, $name");
}

my $response = register('ok', path => '/product/');
is("$response->{status} $response->{content}",
    "403 named: ProductCodeMismatch 200 POST\n", 'named location, product');

=== TEST 17: an error page where it is resolved as well: one call at most
--- http_config eval: $::aws
--- config
    marketplace_read_timeout 200ms;

    location = /sorry {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /register {
        marketplace_resolve on;
        error_page 400 413 502 504 @sorry;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /register/uri {
        marketplace_resolve on;
        error_page 400 413 502 504 /sorry;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location @sorry {
        marketplace_resolve optional;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
for my $path ('/register', '/register/uri') {
    for my $row (['error:InvalidTokenException', 400, 1], ['html', 502, 1],
        ['hang', 504, 1], ['close:0:ok', 502, 1], ['', 400, 0],
        ["\xff", 400, 0], ['x' x 9000, 413, 0])
    {
        my ($token, $status, $calls) = @$row;
        my $what = "$path, " . substr $token, 0, 30;

        standin(POST => 'reset');
        my $response = register($token, path => $path);

        is($response->{status}, $status, $what);
        like($response->{content},
            $path eq '/register' ? qr/^POST \/register\n\nx-amzn-/
                                 : qr/^GET \/sorry\n\nx-amzn-/,
            "$what: from the application");
        is(standin(GET => 'count') + 0, $calls, "$what: calls");
    }
}

=== TEST 18: product codes
--- http_config eval: $::aws
--- config
    marketplace_product_code inherited;

    location = /register {
        marketplace_resolve on;
        marketplace_product_code mine;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /several {
        marketplace_resolve on;
        marketplace_product_code first mine last;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /inherited {
        marketplace_resolve on;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
for my $row (
    ['product:mine', '/register', 200], ['product:Mine', '/register', 403],
    ['product:min', '/register', 403], ['product:mine2', '/register', 403],
    ['product:other', '/register', 403], ['product:', '/register', 403],
    ['ok', '/register', 403],
    ['json:{"CustomerAWSAccountId":"1"}', '/register', 403],
    ['json:{"CustomerAWSAccountId":"1","ProductCode":null}', '/register', 403],
    ['json:{"CustomerAWSAccountId":"1","ProductCode":"mine"}', '/register', 200],
    ['product:first', '/several', 200], ['product:mine', '/several', 200],
    ['product:last', '/several', 200], ['product:firstmine', '/several', 403],
    ['product:inherited', '/several', 403],
    ['product:inherited', '/inherited', 200],
    ['product:mine', '/inherited', 403])
{
    my ($token, $path, $status) = @$row;
    my $response = register($token, path => $path);

    is($response->{status}, $status, "$token to $path");
    is($response->{headers}{'x-error'},
        $status == 403 ? 'ProductCodeMismatch' : undef, 'error');
}

=== TEST 19: of another product's customer the application hears nothing
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve optional;
        marketplace_product_code mine;
        add_header X-Variables "[$marketplace_customer_aws_account_id|$marketplace_license_arn|$marketplace_customer_identifier|$marketplace_product_code|$marketplace_field_licensearn|$marketplace_field_extra]";
        add_header X-Error $marketplace_error;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
for my $token ('ok', 'product:other',
    'json:{"CustomerAWSAccountId":"1","ProductCode":"x","Extra":"more"}')
{
    my $response = register($token);

    is("$response->{status} $response->{headers}{'x-error'}",
        '200 ProductCodeMismatch', $token);
    is($response->{headers}{'x-variables'}, '[|||||]', "$token: variables");
    like($response->{content},
        qr/^POST \/register\nX-Marketplace-Error: ProductCodeMismatch\n\n/,
        "$token: headers");
}

=== TEST 20: in optional mode a success is like in the other
--- http_config eval: $::aws
--- config eval: $::locations
--- test
my $response = register('ok', path => '/optional');

is($response->{status}, 200, 'status');
is($response->{headers}{'x-error'}, undef, 'no error');
like($response->{content}, qr/^X-Marketplace-License-Arn: arn/m, 'headers');
unlike($response->{content}, qr/^X-Marketplace-Error/m, 'no error header');

=== TEST 21: "error_page 418 =" as a way to a named location that resolves
--- http_config eval: $::aws
--- config
    location = /register {
        error_page 418 = @register;
        return 418;
    }
    location @register {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
my $response = register('ok');

is($response->{status}, 200, 'a customer');
like($response->{content}, qr/^X-Marketplace-License-Arn: arn/m, 'headers');
is(register('error:InvalidTokenException')->{status}, 400, 'an error');

=== TEST 22: a page for what was refused before is not resolved
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve on;
        client_max_body_size 20;
        error_page 413 @page;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location @page {
        marketplace_resolve on;
        client_max_body_size 1m;
        try_files /none @after;
    }
    location @after {
        return 200 "page: [$marketplace_error]\n";
    }
--- test
my $response = register('ok');

is("$response->{status} $response->{content}", "413 page: []\n", 'the page');
is(standin(GET => 'count') + 0, 0, 'no call');
