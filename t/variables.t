# The variables: what they hold, when, and where.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace;

repeat_each(2);

our @names = qw(customer_aws_account_id license_arn customer_identifier
    product_code field_extra offer_type error error_message request_id status
    time cache_status);

# All of them, each in brackets behind its name.

our $all = join " ", map { "$_=[\$marketplace_$_]" } @names;

our $headers = join "", map {
    my $name = "X-V-$_" =~ s/_/-/gr;
    "        add_header $name \$marketplace_$_ always;\n"
} @names;

our $register = <<"_EOC_";
    location = /register {
        marketplace_resolve on;
$headers
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
    }
_EOC_

our $format = $::aws . "    log_format all '$all';\n";

our $customer = 'json:{"CustomerAWSAccountId":"123456789012",'
    . '"LicenseArn":"arn:aws:s:::r","CustomerIdentifier":"someone",'
    . '"ProductCode":"product","Extra":"more"}';

our $uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

# Posts a token and an offer type, and returns the headers of the answer that
# are variables.

sub variables {
    my ($token, %with) = @_;

    my $headers = register($token, %with)->{headers};

    return { map { $_ => $headers->{"x-v-$_" =~ s/_/-/gr} } @names };
}

# The variables of a customer as a text of brackets has them.

sub is_customer {
    my ($text, $what) = @_;

    like($text, qr/customer_aws_account_id=\[123456789012\][ ]
        license_arn=\[arn:aws:s:::r\]\ customer_identifier=\[someone\][ ]
        product_code=\[product\]\ field_extra=\[more\]\ offer_type=\[\][ ]
        error=\[\]\ error_message=\[\]\ request_id=\[$uuid\]\ status=\[200\][ ]
        time=\[\d+\.\d\d\d\]\ cache_status=\[BYPASS\]/x, $what);
}

our $nothing = join " ", map { "$_=[]" } @names;

run_tests();

__DATA__

=== TEST 1: a customer, in add_header
--- http_config eval: $::aws
--- config eval: $::register
--- test
my $variables = variables($customer);

like(delete $variables->{request_id}, qr/^$uuid$/, 'request id');
like(delete $variables->{time}, qr/^\d+\.\d{3}$/, 'time');
is_deeply($variables, { customer_aws_account_id => '123456789012',
    license_arn => 'arn:aws:s:::r', customer_identifier => 'someone',
    product_code => 'product', field_extra => 'more', offer_type => undef,
    error => undef, error_message => undef, status => '200',
    cache_status => 'BYPASS' }, 'others');

$variables = variables('json:{"LicenseArn":"arn:aws:s:::r"}');

is_deeply([@$variables{@names[0 .. 7]}], [undef, 'arn:aws:s:::r',
    (undef) x 6], 'less of a customer');

=== TEST 2: an error
--- http_config eval: $::aws
--- config eval: $::register
--- test
my $variables = variables('error:ExpiredTokenException:400::Too old');

like(delete $variables->{request_id}, qr/^$uuid$/, 'request id');
like(delete $variables->{time}, qr/^\d+\.\d{3}$/, 'time');
is_deeply($variables, { (map { $_ => undef } @names[0 .. 5]),
    error => 'ExpiredTokenException', error_message => 'Too old',
    status => '400', cache_status => 'BYPASS' }, 'others');

=== TEST 3: an error before AWS is asked
--- http_config eval: $::aws
--- config eval: $::register
--- test
my $variables = variables('');

like(delete $variables->{time}, qr/^\d+\.\d{3}$/, 'time');
is_deeply($variables, { (map { $_ => undef } @names[0 .. 5, 7 .. 9, 11]),
    error => 'MissingToken' }, 'others');

=== TEST 4: the request id of odd answers
--- http_config eval: $::aws
--- config eval: $::register
--- test
for my $row (
    ['some-id', 'some-id'], ['A1', 'A1'], ['', undef], ['a b', undef],
    ["a\tb", undef], ['a"b', undef], ["caf\xc3\xa9", undef],
    ['x' x 128, 'x' x 128], ['x' x 129, undef])
{
    my ($id, $expected) = @$row;
    my $body = '{"LicenseArn":"arn:aws:s:::r"}';
    my $variables = variables("raw:HTTP/1.1 200 OK\r\nX-AMZN-REQUESTID: $id"
        . "\r\nContent-Length: " . length($body) . "\r\n\r\n$body");

    is($variables->{license_arn}, 'arn:aws:s:::r', 'resolved');
    is($variables->{request_id}, $expected, "request id '$id'");
}

=== TEST 5: in the access log
--- http_config eval: $::format
--- config
    location = /register {
        marketplace_resolve on;
        access_log logs/access.log all;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- token eval: $::customer
--- access_log eval
qr/^customer_aws_account_id=\[123456789012\] license_arn=\[arn:aws:s:::r\] customer_identifier=\[someone\] product_code=\[product\] field_extra=\[more\] offer_type=\[-\] error=\[\] error_message=\[-\] request_id=\[$::uuid\] status=\[200\] time=\[\d+\.\d\d\d\] cache_status=\[BYPASS\]$/

=== TEST 6: in the access log, an error
--- http_config eval: $::format
--- config
    location = /register {
        marketplace_resolve on;
        access_log logs/access.log all;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- token
error:InvalidTokenException
--- error_code: 400
--- access_log eval
qr/^customer_aws_account_id=\[-\] license_arn=\[-\] customer_identifier=\[-\] product_code=\[-\] field_extra=\[-\] offer_type=\[-\] error=\[InvalidTokenException\] error_message=\[Registration token is invalid\] request_id=\[$::uuid\] status=\[400\] time=\[\d+\.\d\d\d\] cache_status=\[BYPASS\]$/

=== TEST 7: in the access log, a request that was not resolved
--- http_config eval: $::format
--- config
    location = /register {
        marketplace_resolve on;
        access_log logs/access.log all;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
GET /register
--- access_log eval
CORE::join(' ', map { "$_=[-]" } @::names)

=== TEST 8: log_subrequest does no harm
--- http_config eval: $::format
--- config
    log_subrequest on;
    location = /register {
        marketplace_resolve on;
        access_log logs/access.log all;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- token
ok
--- response_body_like chomp
X-Marketplace-License-Arn

=== TEST 9: nothing is found where nothing is resolved
--- http_config eval: $::aws
--- config eval
"    location = /register {
        marketplace_resolve on;
        return 200 '$::all';
    }
    location = /off {
        return 200 '$::all';
    }
"
--- test
is(HTTP::Tiny->new->get('http://127.0.0.1:' . nginx_port() . '/off')
    ->{content}, $nothing, 'off');
is(register($customer)->{content}, $nothing,
    'return comes before the resolve');

=== TEST 10: try_files and a named location
--- http_config eval: $::aws
--- config eval
"    location = /register {
        marketplace_resolve on;
        try_files /none \@signup;
    }
    location \@signup {
        return 200 '$::all';
    }
    location = /redirect {
        marketplace_resolve on;
        try_files /none \@redirect;
    }
    location \@redirect {
        return 302 https://elsewhere/?arn=\$marketplace_license_arn;
    }
"
--- test
is_customer(register($customer)->{content}, 'named location');

my $response = register($customer, path => '/redirect');
is($response->{status}, 302, 'redirect');
is($response->{headers}{location}, 'https://elsewhere/?arn=arn:aws:s:::r',
    'Location');

=== TEST 11: error pages: URI and named location, with what is resolved there
--- http_config eval: $::aws
--- config eval
"    location = /uri {
        marketplace_resolve on;
        error_page 403 = /page;
        marketplace_product_code product;
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND/status/403/;
        proxy_intercept_errors on;
    }
    location = /named {
        marketplace_resolve on;
        error_page 403 = \@page;
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND/status/403/;
        proxy_intercept_errors on;
    }
    location = /page { return 200 '$::all'; }
    location \@page { marketplace_resolve on; try_files /none \@more; }
    location \@more { return 200 '$::all'; }
"
--- test
is_customer(register($customer, path => $_)->{content}, $_)
    for '/uri', '/named';

=== TEST 12: X-Accel-Redirect
--- http_config eval: $::aws
--- config eval
"    location /accel/ {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
    }
    location /page {
        marketplace_resolve on;
        internal;
        add_header X-All '$::all';
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
    }
"
--- test
standin(POST => 'reset');

my $response = register($customer, path => '/accel/page');

is_customer($response->{headers}{'x-all'}, 'variables');
like($response->{content}, qr/^X-Marketplace-License-Arn: arn:aws:s:::r$/m,
    'headers');
is(() = $response->{content} =~ /^X-Marketplace-License-Arn:/mg, 1,
    'no more than once');
is(standin(GET => 'count') + 0, 1, 'one call');

=== TEST 13: rewrites into a location that resolves, and out of it
--- http_config eval: $::aws
--- config eval
"    location = /register {
        rewrite ^ /resolved last;
    }
    location = /resolved {
        marketplace_resolve on;
        try_files /none /last;
    }
    location = /last {
        add_header X-All '$::all';
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
    }
"
--- test
is_customer(register($customer)->{headers}{'x-all'}, 'variables');

=== TEST 14: to be read before the resolve does no harm
--- http_config eval
$::aws . <<'_EOC_'
    map $marketplace_license_arn $volatile {
        volatile;
        "" none;
        default some;
    }
    map $marketplace_product_code $late {
        "" none;
        default some;
    }
_EOC_
--- config eval
"    set \$server '[\$marketplace_license_arn \$marketplace_error]';

    if (\$marketplace_license_arn) {
        return 403;
    }

    location = /register {
        set \$before '[$::all]';
        set \$mapped \$volatile;

        if (\$marketplace_error) {
            return 403;
        }

        if (\$marketplace_time = '') {
            set \$if yes;
        }

        marketplace_resolve on;
        add_header X-Server \$server;
        add_header X-Before \$before;
        add_header X-If \$if;
        add_header X-Mapped '\$mapped \$volatile \$late';
        add_header X-All '$::all';
        proxy_set_header X-Marketplace-Seen \$marketplace_license_arn;
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
    }

    location = /optional {
        set \$before '[$::all]';

        marketplace_resolve optional;
        add_header X-Error '[$::all]';
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
    }
"
--- test
my $response = register($customer);
my $headers = $response->{headers};

is_customer($headers->{'x-all'}, 'variables');
like(register('wrong', path => '/optional')->{headers}{'x-error'},
    qr/\ error=\[InvalidTokenException\]\ error_message=\[\S.*\]
        \ request_id=\[$uuid\]\ status=\[400\]/x,
    'variables of an error');
is($headers->{'x-server'}, '[ ]', 'set by the server');
is($headers->{'x-before'}, "[$nothing]", 'set by the location');
is($headers->{'x-if'}, 'yes', 'if');
is($headers->{'x-mapped'}, 'none some some', 'map');
like($response->{content}, qr/^X-Marketplace-Seen: arn:aws:s:::r$/m,
    'proxy_set_header');

=== TEST 15: the conditions of a named location
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve optional;
        try_files /none @after;
    }
    location @after {
        if ($marketplace_error = InvalidTokenException) {
            return 302 /try-again;
        }
        if ($marketplace_error) {
            return 503;
        }
        return 302 /welcome/$marketplace_customer_aws_account_id;
    }
--- test
is(register($customer)->{headers}{location} =~ s{.*?//.*?/}{/}r,
    '/welcome/123456789012', 'a customer');
is(register('error:InvalidTokenException')->{headers}{location}
    =~ s{.*?//.*?/}{/}r, '/try-again', 'an error');
is(register('html')->{status}, 503, 'another');

=== TEST 16: subrequests see what the request has
--- http_config eval: $::aws
--- config eval
"    location = /register {
        marketplace_resolve on;
        add_after_body /after;
        addition_types *;
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
    }
    location = /after {
        marketplace_resolve on;
        return 200 '$::all';
    }
"
--- test
standin(POST => 'reset');
is_customer(register($customer)->{content}, 'behind the answer');
is(standin(GET => 'count') + 0, 1, 'one call');

=== TEST 17: auth_request comes before
--- http_config eval: $::aws
--- config eval
"    location = /register {
        auth_request /auth;
        auth_request_set \$auth '\$upstream_http_x_auth';
        marketplace_resolve on;
        add_header X-Auth '\$auth';
        add_header X-All '$::all';
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
    }
    location = /auth {
        add_header X-Auth '$::all';
        return 204;
    }
"
--- test
is_customer(register($customer)->{headers}{'x-all'}, 'variables');

=== TEST 18: the offer type
--- http_config eval: $::aws
--- config eval: $::register
--- request
POST /register
x-amzn-marketplace-token=ok&x-amzn-marketplace-offer-type=free-trial
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- response_headers
X-V-offer-type: free-trial
--- response_body_like chomp
\nX-Marketplace-Offer-Type: free-trial\n

=== TEST 19: time is the time of the resolve
--- http_config eval: $::aws
--- config eval: $::register
--- test
cmp_ok(variables('delay:1100:ok')->{time}, '>=', 1, 'a second at least');
like(variables('delay:1100:ok')->{time}, qr/^\d\.\d{3}$/, 'no more digits');

=== TEST 20: two requests of a connection have nothing to do with each other
--- http_config eval: $::aws
--- config eval: $::register
--- pipelined_requests eval
["POST /register\nx-amzn-marketplace-token=ok",
    "GET /register", "POST /register\nx-amzn-marketplace-token=product:x"]
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- response_headers eval
["X-V-error: \nX-V-status: 200", "!X-V-status\n!X-V-license-arn",
    "X-V-product-code: x"]
--- error_code eval: [200, 200, 200]

=== TEST 21: a client that goes before there is anything to know
--- http_config eval: $::format
--- config
    location = /register {
        marketplace_resolve on;
        access_log logs/access.log all;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
standin(POST => 'reset');
my $client = begin_registering('hang');

ok(wait_until { standin(GET => 'count') == 1 }, 'AWS is asked');
close $client;

my @lines;

ok(wait_until {
    open my $log, '<', $Test::Nginx::Util::AccLogFile or return;
    @lines = grep { /customer_aws_account_id/ } <$log>;
}, 'logged');
is($lines[-1], join(' ', map { "$_=[-]" } @names) . "\n", 'as nothing');
