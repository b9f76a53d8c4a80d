# Credentials of a role that other credentials assume.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT all_of logged);
use Sources;

our $puppet = start_puppet;

our $seller = 'arn:aws:iam::111122223333:role/seller';
our $roles = 'arn:aws:iam::111122223333:role';
our $assume = 'sts.AssumeRole';

our $static = 'marketplace_credentials static id=AKIDEXAMPLE'
    . ' secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;';

takes_credentials("$static marketplace_assume_role $seller;", <<'_EOC_');
AWS_ENDPOINT_URL_STS=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
_EOC_

# Where each of the other sources is.

our $full_uri = 'AWS_CONTAINER_CREDENTIALS_FULL_URI';
our $here = 'http://127.0.0.1:$TEST_NGINX_AWS_HTTP';

our $everywhere = "$full_uri=$here/v1/credentials\n" . <<'_EOC_';
AWS_ACCESS_KEY_ID=ASIAEXAMPLE
AWS_SECRET_ACCESS_KEY=temporaryXUtnFEMI/K7MDENG+bPxRfEXAMPLEKEY
AWS_SESSION_TOKEN=FQoGZXIvYXdzEXAMPLETOKEN/+temporary==
AWS_SHARED_CREDENTIALS_FILE=$TEST_NGINX_TMP/profiles
!AWS_EC2_METADATA_DISABLED
AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
AWS_ROLE_ARN=arn:aws:iam::111122223333:role/web
AWS_WEB_IDENTITY_TOKEN_FILE=$TEST_NGINX_TMP/token
_EOC_

put_file('token', "eyJhbGciOiJSUzI1NiJ9.FQoGZXIvYXdzEXAMPLE.signature\n");
put_file('profiles', <<"_EOC_");
[default]
aws_access_key_id = AKIDSLASH
aws_secret_access_key = /JalrXUtnFEMI/K7MDENG+bPxRfiCYSLASHKEY==

[assuming]
role_arn = $seller
source_profile = default
role_session_name = of-the-profile
_EOC_

our $imds = 'imds.token imds.role imds.credentials';

# What is asked for on the way to a role, and who assumes it.

our @bases = (
    [$static, '', 'AKIDEXAMPLE', undef],
    ['marketplace_credentials env;', '', 'ASIAEXAMPLE', undef],
    ['marketplace_credentials profile;', '', 'AKIDSLASH', undef],
    ['marketplace_credentials profile name=assuming;', $assume, undef, $seller],
    ['marketplace_credentials container;', 'container', undef,
        "$roles/standin-task"],
    ['marketplace_credentials imds;', $imds, undef, "$roles/standin-instance"],
    ['marketplace_credentials web_identity;', 'sts.AssumeRoleWithWebIdentity',
        undef, "$roles/web"],
);

our $denied = 'is not authorized to perform: sts:AssumeRole on resource: ';
our $trust = "the role's trust policy has to allow this identity, with the"
    . ' sts:ExternalId that it asks for, and the identity needs the IAM action'
    . ' sts:AssumeRole on the role';

# The forms that were sent to assume roles, as hashes.

sub forms {
    return map {
        +{ map { s/%(..)/chr hex $1/ger } map { split /=/, $_, 2 }
            split /&/, $_->{body} }
    } received("operation=$assume");
}

sub signer {
    my ($call) = received('service=metering');

    return join ' ', map { $_ // '-' } @$call{qw(verified account access_key)}
}

run_tests();

__DATA__

=== TEST 1: one request, and nothing of the client's
--- test
my %client = (Cookie => 'session=1', 'X-Forwarded-For' => '192.0.2.1',
    Authorization => 'Basic abc', 'X-Amz-Date' => '20260102T030405Z',
    'X-Amz-Security-Token' => 'theirs', 'X-Amz-Target' => 'theirs');

outcome_is('200', '', headers => \%client);
signs('111122223333:role/seller', $::assume);
operations_are("$::assume ResolveCustomer");

my ($request) = received('service=sts');
my $body = 'Action=AssumeRole&Version=2011-06-15'
    . '&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fseller'
    . '&RoleSessionName=nginx-marketplace';
my ($date) = map { /^X-Amz-Date: (\d{8})T\d{6}Z$/ } headers_of $request;

is_deeply([@$request{qw(method path version body verified access_key)},
    grep { !/^X-Amz-Date: / } map { s/(?<=Signature=)[0-9a-f]{64}$/.../r }
    headers_of $request],
    ['POST', '/', 'HTTP/1.1', $body, JSON::PP::true, 'AKIDEXAMPLE',
        "Host: 127.0.0.1:$ENV{TEST_NGINX_AWS_HTTP}",
        'User-Agent: ngx_http_marketplace_module',
        'Content-Type: application/x-www-form-urlencoded',
        'Content-Length: ' . length $body,
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/$date"
        . '/us-east-1/sts/aws4_request,'
        . ' SignedHeaders=content-type;host;x-amz-date, Signature=...'],
    'request');

=== TEST 2: over every source
--- env eval: $::everywhere
--- config eval
::locations(map { ("/$_", $::bases[$_][0]) } 0 .. $#::bases)
--- test
for my $i (0 .. $#::bases) {
    my ($base, $operations, $key, $role) = @{ $::bases[$i] };

    standin(POST => 'reset');
    outcome_is('200', '', path => "/$i", what => $base);
    signs('111122223333:role/seller', $::assume, $base);
    operations_are("$operations $::assume ResolveCustomer", $base);

    my ($call) = reverse received("operation=$::assume");
    is($call->{access_key}, $key, "$base assumes") if $key;
    is($call->{role}, $role, "$base assumes") if $role;
    ok($call->{verified}, "$base: signature");
}

=== TEST 3: over those that are found by default
--- env eval: $::everywhere
--- http_config eval
"marketplace_assume_role $::seller;"
    . 'marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;'
--- test
outcome_is('200');
signs('111122223333:role/seller', $::assume);
is((received("operation=$::assume"))[0]{access_key}, 'ASIAEXAMPLE', 'env');

=== TEST 4: over none
--- http_config eval
"marketplace_assume_role $::seller;"
    . 'marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;'
--- outcome
500 NoCredentials
--- operations

=== TEST 5: an external id
--- config eval
my $role = "marketplace_assume_role $::roles/external";

::locations('/right', "$role external_id=standin-external-id;",
    '/wrong', "$role external_id=another;", '/missing', "$role;",
    '/strange', "$role external_id=aB0_+=,.\@:/-z;")
--- test
outcome_is('200', '', path => '/right');
signs('111122223333:role/external', $::assume);

for ('/wrong', '/missing', '/strange') {
    my $message = "User: arn:aws:iam::111122223333:user/seller $::denied"
        . "$::roles/external";

    outcome_is("500 NoCredentials: $message", <<"_EOC_", path => $_);
source "assume_role", endpoint AWS: refused, status 403, error "AccessDenied",
    message "$message": $::trust
_EOC_
}

is_deeply([map { $_->{ExternalId} } ::forms],
    ['standin-external-id', 'another', undef, 'aB0_+=,.@:/-z'], 'sent');

=== TEST 6: the session's name
--- config eval
::locations('/named', "marketplace_assume_role $::seller session_name=a+b,c=d;",
    '/unnamed', '')
--- test
outcome_is('200', '', path => $_) for '/named', '/unnamed';
is_deeply([map { $_->{RoleSessionName} } ::forms],
    ['a+b,c=d', 'nginx-marketplace'], 'names');

=== TEST 7: the duration
--- config eval
my $role = "marketplace_assume_role $::seller";

::locations('/short', "$role duration=15m;", '/long', "$role duration=12h;",
    '/seconds', "$role duration=3601s;", '/none', "$role;")
--- test
outcome_is('200', '', path => $_) for '/short', '/long', '/seconds', '/none';
is_deeply([map { $_->{DurationSeconds} } ::forms],
    [900, 43200, 3601, undef], 'durations');

=== TEST 8: every location has its role
--- config eval
::locations('/seller', '', '/elsewhere',
    'marketplace_assume_role arn:aws:iam::777788889999:role/path/elsewhere;',
    '/external', "marketplace_assume_role $::roles/external"
        . ' external_id=standin-external-id;')
--- test
for (1 .. 2) {
    outcome_is('200', '', path => '/seller');
    signs('111122223333:role/seller', $::assume);

    outcome_is('200', '', path => '/elsewhere');
    signs('777788889999:role/path/elsewhere', $::assume);

    outcome_is('200', '', path => '/external');
    signs('111122223333:role/external', $::assume);
}

my @calls = received('service=metering');
is(scalar keys %{ { map { $_->{access_key} => 1 } @calls } }, 3, 'keys');
is(scalar received('service=sts'), 3, 'each of them was assumed once');
is_deeply([map { $_->{account} } @calls[0 .. 2]],
    [qw(111122223333 777788889999 111122223333)], 'accounts');

=== TEST 9: "off" undoes what is inherited
--- config eval
::locations('/off', 'marketplace_assume_role off;', '/on', '')
--- test
outcome_is('200', '', path => '/off');
is((received('service=metering'))[0]{access_key}, 'AKIDEXAMPLE', 'off');
outcome_is('200', '', path => '/on');
signs('111122223333:role/seller', $::assume, 'on');

=== TEST 10: a role that several locations have is assumed once
--- config eval
::locations('/inherited', '', '/again',
    "marketplace_assume_role $::seller;", '/others',
    "$::static marketplace_assume_role $::seller;")
--- test
outcome_is('200', '', path => $_) for '/inherited', '/again', '/others';
operations_are("$::assume" . ' ResolveCustomer' x 3);

=== TEST 11: but once for every way to assume it
--- env eval: $::everywhere
--- config eval
::locations('/static', '', '/env', 'marketplace_credentials env;', '/named',
    "marketplace_assume_role $::seller session_name=other;", '/longer',
    "marketplace_assume_role $::seller duration=2h;", '/id',
    "marketplace_assume_role $::seller external_id=other;")
--- test
outcome_is('200', '', path => $_)
    for ('/static', '/env', '/named', '/longer', '/id') x 2;
is(scalar received("operation=$::assume"), 5, 'ways');

=== TEST 12: a role that a role assumes
--- env eval: $::everywhere
--- config eval
::locations('/register', 'marketplace_credentials profile name=assuming;'
    . "marketplace_assume_role $::roles/chained;")
--- test
outcome_is('200');
signs('111122223333:role/chained', $::assume);
operations_are("$::assume $::assume ResolveCustomer");

my ($first, $second) = received("operation=$::assume");
is($first->{access_key}, 'AKIDSLASH', 'the keys assume the first role');
is($second->{role}, $::seller, 'the first role assumes the second');
is_deeply([map { $_->{RoleSessionName} } ::forms],
    ['of-the-profile', 'nginx-marketplace'], 'session names');

=== TEST 13: no other may assume that
--- http_config eval
"$::static marketplace_assume_role $::roles/chained;"
    . 'marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;'
--- outcome eval
"500 NoCredentials: User: arn:aws:iam::111122223333:user/seller $::denied"
    . "$::roles/chained"
--- operations eval: $::assume
--- logs eval
<<"_EOC_"
source "assume_role", endpoint AWS: refused, status 403, error "AccessDenied",
    message "User: arn:aws:iam::111122223333:user/seller
    $::denied$::roles/chained": $::trust
_EOC_

=== TEST 14: roles that roles assume are good for an hour
--- env eval: $::everywhere
--- config eval
::locations('/register', 'marketplace_credentials profile name=assuming;'
    . "marketplace_assume_role $::roles/chained duration=2h;")
--- outcome
500 NoCredentials: The requested DurationSeconds exceeds the 1 hour session
limit for roles assumed by role chaining.
--- operations eval: "$::assume $::assume"
--- logs
source "assume_role", endpoint AWS: refused, status 400, error
    "ValidationError", message "The requested DurationSeconds exceeds the 1 hour
    session limit for roles assumed by role chaining.": AWS refuses the request:
    see its message

=== TEST 15: a role that has no permission
--- http_config eval
"$::static marketplace_assume_role $::roles/denied;"
    . 'marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;'
--- test
like(register('ok')->{headers}{'x-error'}, qr/^AccessDeniedException$/,
    'refused by Metering');
operations_are("$::assume ResolveCustomer");

=== TEST 16: keys that AWS does not know
--- http_config eval
"marketplace_assume_role $::seller;"
    . 'marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;'
    . 'marketplace_credentials static id=AKIDNOBODY secret=x;'
--- outcome
500 NoCredentials: The security token included in the request is invalid.
--- operations eval: $::assume
--- logs
source "assume_role", endpoint AWS: refused, status 403, error
    "InvalidClientTokenId", message "The security token included in the request
    is invalid.": check that the access key exists and that its session token,
    if it has one, is whole and of the same credentials

=== TEST 17: a secret that is wrong: STS quotes all that it signed
--- env eval: $::everywhere
--- config eval
::locations('/static', 'marketplace_credentials static id=AKIDEXAMPLE'
    . ' secret=x;', '/container', 'marketplace_credentials container;')
--- test
answers(container => 'with:SecretAccessKey=wrong');

for ('/static', '/container') {
    my $response = register('ok', path => $_);
    is("$response->{status} $response->{headers}{'x-error'}",
        '500 NoCredentials', "$_: outcome");
    unlike($response->{headers}{'x-message'}, qr/FQoGZXIvYXdzEXAMPLE/,
        "$_: no token");
}

operations_are("$::assume container $::assume");
like(join(' ', logged('fetching credentials failed')),
    qr/ x-amz-security-token:\*{100}/, 'asterisks in its place');
--- error_log
status 403, error "SignatureDoesNotMatch", message "The request signature we
: check the secret access key and the clock of this machine

=== TEST 18: temporary keys that have ended and that nobody renews
--- http_config eval
"marketplace_assume_role $::seller;"
    . 'marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;'
    . 'marketplace_credentials static id=ASIAEXPIRED'
    . ' secret=expiredrXUtnFEMI/K7MDENG+bPxRfiEXAMPLEKEY'
    . ' token=FQoGZXIvYXdzEXAMPLETOKEN/+expired==;'
--- outcome
500 NoCredentials: The security token included in the request is expired
--- operations eval: $::assume
--- logs
source "assume_role", endpoint AWS: refused, status 403, error "ExpiredToken",
    message "The security token included in the request is expired": the
    temporary credentials have expired: renew them where nginx takes them from

=== TEST 19: STS quotes the session token
--- env eval: $::everywhere
--- config eval
::locations('/register', 'marketplace_credentials env;')
--- answers
sts.AssumeRole: error:Bad:400::<FQoGZXIvYXdzEXAMPLETOKEN/+temporary==>
--- outcome eval: '500 NoCredentials: <' . '*' x 37 . '>'
--- logs eval
'source "assume_role", endpoint AWS: refused, status 400, error "Bad", message
    "<' . '*' x 37 . '>": AWS refuses the request: see its message'

=== TEST 20: the base has no credentials
--- env eval: $::everywhere
--- config eval
::locations('/register', 'marketplace_credentials container;')
--- answers
container: error:NoRole:404::there is none
--- outcome
500 NoCredentials: there is none
--- operations
container
--- logs
source "container", endpoint AWS: refused, status 404, error "NoRole", message
    "there is none": does the task or the pod's service account have a role, and
    are the AWS_CONTAINER_... variables those of this container?

=== TEST 21: AWS does not know any of them any more
--- env eval: $::everywhere
--- config eval
::locations('/register', 'marketplace_credentials container;')
--- test
outcome_is('200');
standin(POST => 'revoke');
outcome_is('200');
operations_are("container $::assume ResolveCustomer
    ResolveCustomer $::assume container $::assume ResolveCustomer");

=== TEST 22: all of them have ended
--- env eval: $::everywhere
--- config eval
::locations('/register', 'marketplace_credentials imds;')
--- test
outcome_is('200');
standin(POST => 'expire');
outcome_is('200');
operations_are("$::imds $::assume ResolveCustomer ResolveCustomer
    $::assume imds.role imds.credentials $::assume ResolveCustomer");

=== TEST 23: only those of the role are not known any more
--- env eval: $::everywhere
--- config eval
::locations('/register', 'marketplace_credentials env;')
--- test
outcome_is('200');
standin(POST => 'revoke');
outcome_is('200');
operations_are("$::assume ResolveCustomer
    ResolveCustomer $::assume ResolveCustomer");

=== TEST 24: the base gives what AWS does not know: it is asked once more
--- env eval: $::everywhere
--- config eval
::locations('/register', 'marketplace_credentials container;')
--- answers
container: with:AccessKeyId=ASIANOBODY
--- outcome
500 NoCredentials: The security token included in the request is invalid.
--- operations eval: "container $::assume container $::assume"
--- logs
source "assume_role", endpoint AWS: refused, status 403, error
    "InvalidClientTokenId", message "The security token included in the request
    is invalid.": check that the access key exists and that its session token,
    if it has one, is whole and of the same credentials

=== TEST 25: a role that is assumed by one that is not known any more
--- env eval: $::everywhere
--- config eval
::locations('/register', 'marketplace_credentials profile name=assuming;'
    . "marketplace_assume_role $::roles/chained;")
--- test
outcome_is('200');
standin(POST => 'revoke');
outcome_is('200');
operations_are("$::assume $::assume ResolveCustomer
    ResolveCustomer $::assume $::assume $::assume ResolveCustomer");
signs('111122223333:role/chained', $::assume);

=== TEST 26: STS in trouble
--- answers
sts.AssumeRole: seq:status:500:html|error:Throttling:400|ok
--- outcome
200
--- operations eval: "$::assume $::assume $::assume ResolveCustomer"

=== TEST 27: for longer
--- answers
sts.AssumeRole: error:Throttling:400
--- outcome
500 NoCredentials: Rate exceeded
--- operations eval: "$::assume $::assume $::assume"
--- logs
source "assume_role", endpoint AWS: refused, status 400, error "Throttling",
    message "Rate exceeded": STS may be busy or down, or limit the rate of
    calls: it will be asked again

=== TEST 28: nobody is there
--- env
AWS_ENDPOINT_URL_STS=http://127.0.0.1:$TEST_NGINX_NOBODY
--- outcome
500 NoCredentials
--- operations
--- logs
source "assume_role", endpoint 127.0.0.1:$TEST_NGINX_NOBODY: no connection,
    status 0, error "", message "": check that STS can be reached from here, by
    its name in this region or at AWS_ENDPOINT_URL_STS, and that its certificate
    is one that marketplace_ssl_trusted_certificate vouches for

=== TEST 29: no answer in the time that there is for everything
--- http
    marketplace_timeout 300ms;
--- answers
sts.AssumeRole: hang
--- outcome
504 Timeout
--- operations eval: $::assume
--- logs
source "assume_role", endpoint AWS: no answer in time, status 0, error "",
    message "": check that STS can be reached from here, by its name in this
    region or at AWS_ENDPOINT_URL_STS, and that its certificate is one that
    marketplace_ssl_trusted_certificate vouches for

=== TEST 30: nor from the base, which is what the log is about
--- env eval: $::everywhere
--- http
    marketplace_timeout 300ms;
--- config eval
::locations('/register', 'marketplace_credentials container;')
--- answers
container: hang
--- outcome
504 Timeout
--- operations
container
--- logs
source "container", endpoint AWS: no answer in time, status 0, error "",
    message "": is the agent of ECS or of EKS Pod Identity running, and may
    nginx reach it?

=== TEST 31: credentials that have ended
--- settings
lifetime=-1
--- outcome
500 NoCredentials
--- operations eval: $::assume
--- logs
source "assume_role", endpoint AWS: what it gives has expired already, status
    200, error "", message ""

=== TEST 32: in optional mode the application is told
--- config
    location = /register {
        marketplace_resolve optional;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
answers($::assume => 'error:AccessDenied');
my $response = register('ok');
is($response->{status}, 200, 'status');
like($response->{content},
    qr{^POST /register\nX-Marketplace-Error: NoCredentials\n\n}, 'headers');

=== TEST 33: STS is asked in the location's region
--- config eval
::locations('/register', 'marketplace_region eu-west-1;')
--- test
settings(region => 'eu-west-1', operation => $::assume);
register('ok');
my ($call) = received("operation=$::assume");
ok($call->{verified}, 'signature');
like(CORE::join("\n", headers_of $call), qr{/eu-west-1/sts/aws4_request,},
    'scope');

=== TEST 34: by its name there
--- env
!AWS_ENDPOINT_URL_STS
--- http
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
--- nearby
--- test
outcome_is('200');
my ($call) = received("operation=$::assume");
is("$call->{tls} $call->{verified} $call->{sni}",
    '1 1 sts.us-east-1.amazonaws.com', 'STS');

=== TEST 35: what came from who was not verified stays where nobody minds
--- env
AWS_ENDPOINT_URL_STS=https://localhost:$TEST_NGINX_AWS_HTTPS
--- http
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
--- config eval
::locations('/unverified', 'marketplace_ssl_verify off;', '/verified', '',
    '/unverified-too', 'marketplace_ssl_verify off;', '/verified-too', '')
--- test
outcome_is('200', '', path => $_)
    for '/unverified', '/verified', '/unverified-too', '/verified-too';
operations_are("$::assume ResolveCustomer $::assume ResolveCustomer
    ResolveCustomer ResolveCustomer");

my @keys = map { $_->{access_key} } received('service=metering');
isnt($keys[0], $keys[1], 'each has its own');
is_deeply([@keys[2, 3]], [@keys[0, 1]], 'which it shares with its like');

=== TEST 36: and the other way round
--- env
AWS_ENDPOINT_URL_STS=https://localhost:$TEST_NGINX_AWS_HTTPS
--- http
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
--- config eval
::locations('/unverified', 'marketplace_ssl_verify off;', '/verified', '')
--- test
outcome_is('200', '', path => $_) for '/verified', '/unverified';
operations_are("$::assume ResolveCustomer $::assume ResolveCustomer");

=== TEST 37: who cannot be verified gives nothing to who wants that
--- env
AWS_ENDPOINT_URL_STS=https://localhost:$TEST_NGINX_AWS_HTTPS
--- http
    marketplace_ssl_trusted_certificate $TEST_NGINX_OTHER_CA;
--- config eval
::locations('/unverified', 'marketplace_ssl_verify off;', '/verified', '')
--- test
outcome_is('200', '', path => '/unverified');
outcome_is('500 NoCredentials', <<'_EOC_', path => '/verified');
source "assume_role", endpoint localhost:$TEST_NGINX_AWS_HTTPS: no connection,
    status 0, error "", message "": check that STS can be reached from here, by
    its name in this region or at AWS_ENDPOINT_URL_STS, and that its certificate
    is one that marketplace_ssl_trusted_certificate vouches for
_EOC_
outcome_is('200', '', path => '/unverified');
operations_are("$::assume ResolveCustomer ResolveCustomer");

=== TEST 38: that goes for what stands on it as well
--- env eval
$::everywhere
    . "$::full_uri=https://localhost:\$TEST_NGINX_AWS_HTTPS/v1/credentials"
--- http
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
--- config eval
my $container = 'marketplace_credentials container;';

::locations('/unverified', "$container marketplace_ssl_verify off;",
    '/verified', $container)
--- test
outcome_is('200', '', path => $_) for ('/unverified', '/verified') x 2;
operations_are("container $::assume ResolveCustomer
    container $::assume ResolveCustomer ResolveCustomer ResolveCustomer");

=== TEST 39: a role that is none
--- config
    marketplace_assume_role arn:aws:iam::111122223333:user/seller;
--- dies
"marketplace_assume_role" has an invalid role ARN: it must be like
"arn:aws:iam::123456789012:role/name" in

=== TEST 40: an account that is none
--- config
    marketplace_assume_role arn:aws:iam::1:role/seller;
--- dies
"marketplace_assume_role" has an invalid role ARN: it must be like
"arn:aws:iam::123456789012:role/name" in

=== TEST 41: an external id that is none
--- config
    marketplace_assume_role arn:aws:iam::111122223333:role/seller
        external_id=a\ b;
--- dies
"marketplace_assume_role" has an invalid external id: it must be from 2 to
1224 letters, digits and "_+=,.@:/-" in

=== TEST 42: a session name that is none
--- config
    marketplace_assume_role arn:aws:iam::111122223333:role/seller
        session_name=a/b;
--- dies
"marketplace_assume_role" has an invalid session name: it must be from 2 to 64
letters, digits and "_+=,.@-" in

=== TEST 43: a duration that is too short
--- config
    marketplace_assume_role arn:aws:iam::111122223333:role/seller duration=899s;
--- dies
"marketplace_assume_role" has an invalid duration: it must be from 900 to
43200 seconds in

=== TEST 44: a duration that is too long
--- config
    marketplace_assume_role arn:aws:iam::111122223333:role/seller
        duration=43201s;
--- dies
"marketplace_assume_role" has an invalid duration: it must be from 900 to
43200 seconds in

=== TEST 45: a duration that is none
--- config
    marketplace_assume_role arn:aws:iam::111122223333:role/seller duration=long;
--- dies
"marketplace_assume_role" has an invalid duration: it must be from 900 to
43200 seconds in

=== TEST 46: a duration of nothing
--- config
    marketplace_assume_role arn:aws:iam::111122223333:role/seller duration=0;
--- dies
"marketplace_assume_role" has an invalid duration: it must be from 900 to
43200 seconds in

=== TEST 47: a parameter that is none
--- config
    marketplace_assume_role arn:aws:iam::111122223333:role/seller externalid=ab;
--- dies
invalid parameter "externalid=ab" in "marketplace_assume_role", it must be
"external_id=...", "session_name=..." or "duration=...", each once in

=== TEST 48: a parameter that is there twice
--- config
    marketplace_assume_role arn:aws:iam::111122223333:role/seller
        duration=1h duration=1h;
--- dies
invalid parameter "duration=1h" in "marketplace_assume_role", it must be
"external_id=...", "session_name=..." or "duration=...", each once in

=== TEST 49: two roles
--- config
    marketplace_assume_role arn:aws:iam::111122223333:role/seller;
    marketplace_assume_role off;
--- dies
"marketplace_assume_role" directive is duplicate in

=== TEST 50: STS quotes the signature
--- env
AWS_ENDPOINT_URL_STS=http://127.0.0.1:$TEST_NGINX_PUPPET
--- config eval
::locations('/register', "$::static marketplace_assume_role $::seller;")
--- test
my $client = begin_registering('ok');
my $sts = $puppet->accept;

sysread $sts, my $request, 65536;
my ($signature) = $request =~ /Signature=([0-9a-f]{64})/;
my $body = "<ErrorResponse><Error><Code>Bad</Code><Message>no, $signature"
    . '</Message></Error></ErrorResponse>';
print $sts "HTTP/1.1 403 Forbidden\r\nContent-Length: ", length $body,
    "\r\n\r\n$body";
close $sts;

like(all_of($client), qr/^HTTP\S+ 500 .*X-Message: no, \*{64}\r/s, 'hidden');
is(join('', logged($signature)), '', 'in the log, too');
