# Credentials for a token in a file, as EKS gives one to service accounts.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT logged);
use Sources;

takes_credentials('marketplace_credentials web_identity;', <<'_EOC_');
AWS_ROLE_ARN=arn:aws:iam::111122223333:role/web
AWS_WEB_IDENTITY_TOKEN_FILE=$TEST_NGINX_TMP/token
AWS_ENDPOINT_URL_STS=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
_EOC_

start_dns;

our $role = '111122223333:role/web';
our $operation = 'sts.AssumeRoleWithWebIdentity';
our $token = 'eyJhbGciOiJSUzI1NiJ9.FQoGZXIvYXdzEXAMPLE.signature';

# Every block that changes a file has one of its own.

put_file($_, "$token\n") for qw(token token-changing token-escaped token-gone
    token-empty);

# Why STS cannot be reached.

our $unreachable = 'check that STS can be reached from here, by its name in'
    . ' this region or at AWS_ENDPOINT_URL_STS, and that its certificate is'
    . ' one that marketplace_ssl_trusted_certificate vouches for';

# What a reply of STS has in it; these credentials the stand-in knows.

our %credentials = (
    AccessKeyId => 'ASIAEXAMPLE',
    SecretAccessKey => 'temporaryXUtnFEMI/K7MDENG+bPxRfEXAMPLEKEY',
    SessionToken => 'FQoGZXIvYXdzEXAMPLETOKEN/+temporary==',
    Expiration => '2096-01-02T03:04:05Z',
);

sub elements {
    return CORE::join '', map { "<$_>$credentials{$_}</$_>" }
        sort keys %credentials;
}

sub reply {
    my $credentials = shift;

    return '<AssumeRoleWithWebIdentityResponse xmlns='
        . '"https://sts.amazonaws.com/doc/2011-06-15/">'
        . "<AssumeRoleWithWebIdentityResult>$credentials"
        . '</AssumeRoleWithWebIdentityResult>'
        . '</AssumeRoleWithWebIdentityResponse>';
}

# Whether a reply like that, with that in it, is taken, by a location that
# nobody has used yet.

our $profile = 0;

sub is_taken {
    my ($reply, $what) = @_;

    answers($operation => "json:$reply");

    my $path = '/profile-' . ++$profile;
    my $response = register('ok', path => $path);

    is("$response->{status} " . ($response->{headers}{'x-error'} // ''),
        '200 ', $what);
    is((received('service=metering'))[-1]{access_key}, 'ASIAEXAMPLE',
        "$what: signed");
}

# ... or refused, for this reason.

sub is_refused {
    my ($reply, $reason, $what) = @_;

    answers($operation => "json:$reply");
    outcome_is('500 NoCredentials', <<"_EOC_", what => $what,
source "web_identity", endpoint AWS: $reason, status 200, error "", message ""
_EOC_
        path => '/profile-' . ++$profile);
}

# Profiles that differ in the session's name only, so that each is a source of
# its own, and locations with them.

put_file('profiles', CORE::join '', map { <<"_EOC_" } 1 .. 30);
[profile-$_]
role_arn = arn:aws:iam::$role
role_session_name = session-$_
web_identity_token_file = $ENV{TEST_NGINX_TMP}/token
_EOC_

our $profiles = locations(map {
    ("/profile-$_", "marketplace_credentials profile name=profile-$_"
        . " file=$ENV{TEST_NGINX_TMP}/profiles;")
} 1 .. 30);

sub forms {
    return map { $_->{body} } received("operation=$operation");
}

run_tests();

__DATA__

=== TEST 1: one request, and nothing of the client's
--- test
my %client = (Cookie => 'session=1', 'X-Forwarded-For' => '192.0.2.1',
    Authorization => 'Basic abc', 'X-Amz-Date' => '20260102T030405Z');

outcome_is('200', '', headers => \%client);
signs($::role, $::operation);
operations_are("$::operation ResolveCustomer");

my ($request) = received('service=sts');
my $body = 'Action=AssumeRoleWithWebIdentity&Version=2011-06-15'
    . '&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fweb'
    . '&RoleSessionName=nginx-marketplace'
    . "&WebIdentityToken=$::token";

is_deeply([@$request{qw(method path version body)}, headers_of $request],
    ['POST', '/', 'HTTP/1.1', $body,
        "Host: 127.0.0.1:$ENV{TEST_NGINX_AWS_HTTP}",
        'User-Agent: ngx_http_marketplace_module', 'Accept: */*',
        'Content-Type: application/x-www-form-urlencoded',
        'Content-Length: ' . length $body, 'Connection: close'], 'request');

=== TEST 2: nothing is fetched before a request needs it, and then once
--- http_config
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
--- test
HTTP::Tiny->new->get('http://127.0.0.1:' . nginx_port() . '/register');
operations_are('', 'before');

outcome_is('200') for 1 .. 3;
operations_are("$::operation ResolveCustomer ResolveCustomer ResolveCustomer");

is(scalar logged(
    qr/\[notice\] .*: AWS credentials are taken from "web_identity"$/),
    1, 'which source that is');

=== TEST 3: the session's name
--- env
AWS_ROLE_SESSION_NAME=a=session+of,mine@Here.1-2_3
--- test
outcome_is('200');
like(join("\n", ::forms()),
    qr/&RoleSessionName=a%3Dsession%2Bof%2Cmine%40Here.1-2_3&/, 'name');

=== TEST 4: the token file is read again each time
--- env
AWS_WEB_IDENTITY_TOKEN_FILE=$TEST_NGINX_TMP/token-changing
--- test
my @tokens = ("$::token.1", "$::token.2");

for my $token (@tokens) {
    put_file('token-changing', " $token\r\n");
    settings(web_identity => $token);
    outcome_is('200');
    standin(POST => 'expire');
}

is_deeply([map { /&WebIdentityToken=(.*)/ } ::forms()], \@tokens, 'tokens');
operations_are("$::operation ResolveCustomer
    ResolveCustomer $::operation ResolveCustomer");

=== TEST 5: whatever a token is made of
--- env
AWS_WEB_IDENTITY_TOKEN_FILE=$TEST_NGINX_TMP/token-escaped
--- test
my $token = CORE::join '', map { chr } 0x21 .. 0x7e;

put_file('token-escaped', $token);
settings(web_identity => $token);
outcome_is('200');

=== TEST 6: a token file that has gone
--- env
AWS_WEB_IDENTITY_TOKEN_FILE=$TEST_NGINX_TMP/token-gone
--- test
unlink "$ENV{TEST_NGINX_TMP}/token-gone" or die;
outcome_is('500 NoCredentials', <<'_EOC_');
[error] the token file "$TEST_NGINX_TMP/token-gone" cannot be opened (2: No such
    file or directory)
source "web_identity", endpoint AWS: the token file cannot be used, status 0,
    error "", message ""
_EOC_
operations_are('');

=== TEST 7: a token file without a token: no role is assumed without
--- env
AWS_WEB_IDENTITY_TOKEN_FILE=$TEST_NGINX_TMP/token-empty
--- test
put_file('token-empty', "\n");
outcome_is('500 NoCredentials', <<'_EOC_');
[error] the token file "$TEST_NGINX_TMP/token-empty" holds no token: it must be
    one line
source "web_identity", endpoint AWS: the token file cannot be used, status 0,
    error "", message ""
_EOC_
operations_are('');

=== TEST 8: nothing of it in the environment
--- env
!AWS_ROLE_ARN
--- dies
"marketplace_credentials web_identity" needs AWS_ROLE_ARN and
AWS_WEB_IDENTITY_TOKEN_FILE in the environment that nginx is started with,
where EKS puts them for a service account with a role in

=== TEST 9: a role that is none
--- env
AWS_ROLE_ARN=arn:aws:iam::111122223333:user/web
--- dies
the environment's AWS_ROLE_ARN and AWS_ROLE_SESSION_NAME have an invalid role
ARN: it must be like "arn:aws:iam::123456789012:role/name" in

=== TEST 10: a session name that is none
--- env
AWS_ROLE_SESSION_NAME=a b
--- dies
the environment's AWS_ROLE_ARN and AWS_ROLE_SESSION_NAME have an invalid session
name: it must be from 2 to 64 letters, digits and "_+=,.@-" in

=== TEST 11: a token file that is not there when nginx starts
--- env
AWS_WEB_IDENTITY_TOKEN_FILE=$TEST_NGINX_TMP/token-none
--- dies
the file "$TEST_NGINX_TMP/token-none", which the environment's
AWS_WEB_IDENTITY_TOKEN_FILE names, cannot be read (2: No such file
or directory) in

=== TEST 12: the endpoint of everything is STS's as well
--- env
!AWS_ENDPOINT_URL_STS
AWS_ENDPOINT_URL=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
--- outcome
200
--- operations eval: "$::operation ResolveCustomer"

=== TEST 13: its own comes first
--- env
AWS_ENDPOINT_URL=http://127.0.0.1:$TEST_NGINX_NOBODY
--- outcome
200
--- operations eval: "$::operation ResolveCustomer"

=== TEST 14: an endpoint that is none
--- env
AWS_ENDPOINT_URL_STS=http://127.0.0.1/sts
--- config
    marketplace_credentials web_identity;
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
    marketplace_resolve on;
--- dies
invalid endpoint "http://127.0.0.1/sts" in the environment variable
AWS_ENDPOINT_URL_STS: nothing may follow the host and the port

=== TEST 15: without one it is the region's STS, whose certificate is verified
--- env
!AWS_ENDPOINT_URL_STS
--- http
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
--- nearby
--- test
outcome_is('200');
operations_are("$::operation ResolveCustomer");

my ($request) = received('service=sts');
is("$request->{tls} $request->{sni} " . (headers_of $request)[0],
    '1 sts.us-east-1.amazonaws.com Host: sts.us-east-1.amazonaws.com', 'host');

=== TEST 16: whatever the environment says that is to be ignored
--- env
AWS_ENDPOINT_URL=http://127.0.0.1:$TEST_NGINX_NOBODY
AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true
--- http
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
--- nearby
--- test
outcome_is('200');
is((received('service=sts'))[0]{sni}, 'sts.us-east-1.amazonaws.com', 'host');

=== TEST 17: the location's region
--- env
!AWS_ENDPOINT_URL_STS
--- http
    marketplace_ssl_verify off;
--- config eval
::locations(map { ("/$_", "marketplace_region $_;") }
    qw(eu-west-1 cn-north-1 us-gov-west-1))
--- nearby
--- test
for (['eu-west-1', 'com'], ['cn-north-1', 'com.cn'], ['us-gov-west-1', 'com']) {
    my ($region, $domain) = @$_;

    outcome_is('200', '', path => "/$region");
    is((received('service=sts'))[-1]{sni}, "sts.$region.amazonaws.$domain",
        $region);
}

operations_are("$::operation ResolveCustomer " x 3);

=== TEST 18: the environment's region, whose name is looked up
--- env
!AWS_ENDPOINT_URL_STS
AWS_REGION=eu-west-1
--- http
    resolver 127.0.0.1:$TEST_NGINX_DNS;
--- outcome
500 NoCredentials
--- operations
--- logs eval
qq([error] sts.eu-west-1.amazonaws.com could not be resolved (3: Host not found):
    check "resolver" and the name\n) x 3
. qq(source "web_identity", endpoint sts.eu-west-1.amazonaws.com: no connection,
    status 0, error "", message "": $::unreachable)

=== TEST 19: over TLS
--- env
AWS_ENDPOINT_URL_STS=https://localhost:$TEST_NGINX_AWS_HTTPS
--- http
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
--- test
outcome_is('200');

my ($request) = received('service=sts');
is("$request->{tls} $request->{sni}", '1 localhost', 'TLS');

=== TEST 20: with a certificate that nobody vouches for
--- env
AWS_ENDPOINT_URL_STS=https://localhost:$TEST_NGINX_AWS_HTTPS
--- http
    marketplace_ssl_trusted_certificate $TEST_NGINX_OTHER_CA;
--- outcome
500 NoCredentials
--- operations
--- logs eval
qq(source "web_identity", endpoint localhost:\$TEST_NGINX_AWS_HTTPS: no
    connection, status 0, error "", message "": $::unreachable)
--- error_log
upstream SSL certificate verify error

=== TEST 21: with a certificate for another name
--- env
AWS_ENDPOINT_URL_STS=https://v4.test:$TEST_NGINX_AWS_HTTPS
--- http
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
    resolver 127.0.0.1:$TEST_NGINX_DNS;
--- outcome
500 NoCredentials
--- operations
--- logs eval
qq(source "web_identity", endpoint v4.test:\$TEST_NGINX_AWS_HTTPS: no
    connection, status 0, error "", message "": $::unreachable)
--- error_log
upstream SSL certificate does not match "v4.test"

=== TEST 22: without verification
--- env
AWS_ENDPOINT_URL_STS=https://127.0.0.1:$TEST_NGINX_AWS_HTTPS
--- http
    marketplace_ssl_trusted_certificate $TEST_NGINX_OTHER_CA;
    marketplace_ssl_verify off;
--- outcome
200

=== TEST 23: a certificate cannot be verified against an address
--- env
AWS_ENDPOINT_URL_STS=https://127.0.0.1:$TEST_NGINX_AWS_HTTPS
--- config
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
    marketplace_credentials web_identity;
    marketplace_resolve on;
--- dies
the environment's AWS_ENDPOINT_URL_STS or AWS_ENDPOINT_URL must have the name
of a host and not the
address "127.0.0.1", because the certificate is verified against it

=== TEST 24: nobody is there
--- env
AWS_ENDPOINT_URL_STS=http://127.0.0.1:$TEST_NGINX_NOBODY
--- outcome
500 NoCredentials
--- operations
--- logs eval
qq(source "web_identity", endpoint 127.0.0.1:\$TEST_NGINX_NOBODY: no connection,
    status 0, error "", message "": $::unreachable)

=== TEST 25: no answer
--- http
    marketplace_read_timeout 200ms;
--- answers
sts.AssumeRoleWithWebIdentity: hang
--- outcome
500 NoCredentials
--- operations eval: "$::operation $::operation $::operation"
--- logs eval
qq(source "web_identity", endpoint AWS: no answer in time, status 0, error "",
    message "": $::unreachable)

=== TEST 26: no answer in the time that there is for everything
--- http
    marketplace_timeout 300ms;
--- answers
sts.AssumeRoleWithWebIdentity: hang
--- outcome
504 Timeout
--- operations eval: $::operation
--- logs eval
qq(source "web_identity", endpoint AWS: no answer in time, status 0, error "",
    message "": $::unreachable)

=== TEST 27: a token that STS does not take
--- settings
web_identity=another
--- outcome
500 NoCredentials: No OpenIDConnect provider found in your account for it
--- operations eval: $::operation
--- logs
source "web_identity", endpoint AWS: refused, status 400, error
    "InvalidIdentityToken", message "No OpenIDConnect provider found in your
    account for it": register the OIDC provider that issued the web identity
    token in IAM of the role's account, for the audience that the token has

=== TEST 28: a token that has expired
--- answers
sts.AssumeRoleWithWebIdentity: error:ExpiredTokenException:400::Token expired
--- outcome
500 NoCredentials: Token expired
--- operations eval: $::operation
--- logs
source "web_identity", endpoint AWS: refused, status 400, error
    "ExpiredTokenException", message "Token expired": the web identity token has
    expired: its file is not being renewed

=== TEST 29: a token that was withdrawn
--- answers
sts.AssumeRoleWithWebIdentity: error:IDPRejectedClaim:403::it says no
--- outcome
500 NoCredentials: it says no
--- operations eval: $::operation
--- logs
source "web_identity", endpoint AWS: refused, status 403, error
    "IDPRejectedClaim", message "it says no": the web identity token has expired
    or was withdrawn: its file is not being renewed

=== TEST 30: AWS cannot ask who issued the token, at first
--- answers
sts.AssumeRoleWithWebIdentity: seq:error:IDPCommunicationError|ok
--- outcome
200
--- operations eval: "$::operation $::operation ResolveCustomer"

=== TEST 31: or at all
--- answers
sts.AssumeRoleWithWebIdentity: error:IDPCommunicationError:400::no answer
--- outcome
500 NoCredentials: no answer
--- operations eval: "$::operation $::operation $::operation"
--- logs
source "web_identity", endpoint AWS: refused, status 400, error
    "IDPCommunicationError", message "no answer": AWS cannot fetch the keys of
    the OIDC provider that issued the web identity token: check that they can be
    had from the internet

=== TEST 32: a role that is not for this
--- env
AWS_ROLE_ARN=arn:aws:iam::111122223333:role/untrusting
--- outcome eval
'500 NoCredentials: Not authorized to perform sts.AssumeRoleWithWebIdentity'
--- operations eval: $::operation
--- logs
source "web_identity", endpoint AWS: refused, status 403, error "AccessDenied",
    message "Not authorized to perform sts.AssumeRoleWithWebIdentity": the
    role's trust policy has to allow this identity, with the sts:ExternalId that
    it asks for, and the identity needs the IAM action sts:AssumeRole on the
    role

=== TEST 33: a region that is switched off
--- answers
sts.AssumeRoleWithWebIdentity: error:RegionDisabledException:403::not here
--- outcome
500 NoCredentials: not here
--- operations eval: $::operation
--- logs
source "web_identity", endpoint AWS: refused, status 403, error
    "RegionDisabledException", message "not here": activate STS for the region
    in IAM of the role's account, or set marketplace_region to one where it is
    active

=== TEST 34: an error that nobody has heard of
--- answers
sts.AssumeRoleWithWebIdentity: error:ValidationError:400::a <b> & "c"
--- outcome
500 NoCredentials: a <b> & "c"
--- operations eval: $::operation
--- logs
source "web_identity", endpoint AWS: refused, status 400, error
    "ValidationError", message "a <b> & "c"": AWS refuses the request: see its
    message

=== TEST 35: STS in trouble
--- answers
sts.AssumeRoleWithWebIdentity: seq:status:503:html|error:Throttling:400|ok
--- outcome
200
--- operations eval: "$::operation $::operation $::operation ResolveCustomer"

=== TEST 36: for longer
--- test
answers($::operation =>
    'seq:close:0:ok|status:500:html|error:ServiceUnavailable:503::busy|ok');
outcome_is('500 NoCredentials: busy', <<'_EOC_');
source "web_identity", endpoint AWS: refused, status 503, error
    "ServiceUnavailable", message "busy": STS may be busy or down, or limit the
    rate of calls: it will be asked again
_EOC_
operations_are("$::operation $::operation $::operation");

=== TEST 37: something in between that refuses
--- answers
sts.AssumeRoleWithWebIdentity: status:403:html
--- outcome
500 NoCredentials
--- operations eval: $::operation
--- logs
source "web_identity", endpoint AWS: refused, status 403, error "", message "":
    what answers is not STS: check what is in between

=== TEST 38: STS quotes the token
--- answers eval
"sts.AssumeRoleWithWebIdentity: error:InvalidIdentityToken:400::<$::token>"
--- outcome eval
"500 NoCredentials: <" . '*' x length($::token) . '>'
--- logs eval
'source "web_identity", endpoint AWS: refused, status 400, error
    "InvalidIdentityToken", message "<' . '*' x length($::token) . '>": register
    the OIDC provider that issued the web identity token in IAM of the role\'s
    account, for the audience that the token has'

=== TEST 39: connections that end too early
--- answers
sts.AssumeRoleWithWebIdentity: seq:reset:0:ok|close:100:ok|close:600:ok
--- outcome
500 NoCredentials
--- operations eval: "$::operation $::operation $::operation"
--- logs
source "web_identity", endpoint AWS: the connection ended before the answer did,
    status 0, error "", message ""

=== TEST 40: all framings of HTTP
--- answers
sts.AssumeRoleWithWebIdentity: 1xx:chunked:split:ok
--- outcome
200

=== TEST 41: byte by byte
--- answers
sts.AssumeRoleWithWebIdentity: split:ok
--- outcome
200

=== TEST 42: credentials that have ended
--- settings
lifetime=-1
--- outcome
500 NoCredentials
--- operations eval: $::operation
--- logs
source "web_identity", endpoint AWS: what it gives has expired already, status
    200, error "", message ""

=== TEST 43: credentials that AWS does not know are fetched again, once
--- test
outcome_is('200');
standin(POST => 'revoke');
outcome_is('200');
operations_are("$::operation ResolveCustomer
    ResolveCustomer $::operation ResolveCustomer");

=== TEST 44: an error with status 200
--- answers
sts.AssumeRoleWithWebIdentity: error:AccessDenied:200::really
--- outcome
500 NoCredentials: really
--- operations eval: $::operation
--- logs
source "web_identity", endpoint AWS: there is no access key id in it, status
    200, error "AccessDenied", message "really"

=== TEST 45: XML can say the same in many ways
--- config eval: $::profiles
--- test
$::profile = 0;
my $plain = ::elements();

::is_taken(::reply("<Credentials>$plain</Credentials>"), 'plain');
::is_taken("<?xml version='1.0' encoding='utf-8'?>\n<!-- hello -->\n"
    . ::reply("\n <Credentials\n a='1' b = \"2\" >\n $plain </Credentials >\n")
    . "\n<!-- bye -->\n", 'declaration, comments, attributes, space');
::is_taken(::reply("<Credentials>$plain</Credentials>")
    =~ s/<(\/?)(?=\w)/<$1sts:/gr =~ s/xmlns=/xmlns:sts=/r, 'prefix');
::is_taken(::reply("<Credentials>" . $plain
    =~ s/>([^<]+)</><![CDATA[$1]]></gr . "</Credentials>"), 'CDATA');
::is_taken(::reply("<Credentials>" . $plain
    =~ s/>([^<]+)</'>' . $1 =~ s{(.)}{sprintf '&#x%x;', ord $1}ger . '<'/ger
    . "</Credentials>"), 'hexadecimal references');
::is_taken(::reply("<Credentials>" . $plain
    =~ s/>([^<]+)</'>' . $1 =~ s{(.)}{sprintf '&#%u;', ord $1}ger . '<'/ger
    . "</Credentials>"), 'decimal references');
::is_taken(::reply("<Credentials>" . $plain
    =~ s/>([^<]+)</><!--x-->$1<!--y--></gr . "</Credentials>"),
    'comments in between');
::is_taken(::reply("<Other><AccessKeyId>ASIAOTHER</AccessKeyId></Other>"
    . "<Credentials>$plain</Credentials><Empty/>"), 'other elements');
::is_taken(::reply("<Credentials>$plain</Credentials>")
    =~ s/AssumeRoleWithWebIdentity/Other/gr, 'other names around');

=== TEST 46: what is not a reply
--- config eval: $::profiles
--- test
$::profile = 0;
my $plain = ::elements();
my $good = ::reply("<Credentials>$plain</Credentials>");
my $none = 'it is not a reply of STS';
my $nothing = 'there is no access key id in it';

::is_refused('', $none, 'empty');
::is_refused('html', $none, 'text');
::is_refused(substr($good, 0, -1), $none, 'truncated');
::is_refused(substr($good, 0, 200), $none, 'truncated earlier');
::is_refused("$good$good", $none, 'two of them');
::is_refused($good . 'x', $none, 'something behind it');
::is_refused($good =~ s/<\/Credentials>//r, $none, 'not well-formed');
::is_refused("<!DOCTYPE x [<!ENTITY e 'ASIAEXAMPLE'>]>$good", $none, 'DTD');
::is_refused($good =~ s/ASIAEXAMPLE/&e;/r, $none, 'entity');
::is_refused($good =~ s/ASIAEXAMPLE/ASIA&EXAMPLE/r, $none, 'ampersand');
::is_refused("$good\0", $none, 'NUL');
::is_refused("<Credentials>$plain</Credentials>", $nothing, 'no root');
::is_refused(::reply($plain), $nothing, 'no Credentials');
::is_refused(::reply("<Credentials/>"), $nothing, 'empty Credentials');
::is_refused(::reply("<Credentials>$plain</Credentials>" x 2), $none,
    'Credentials twice');
::is_refused('{"Credentials":{"AccessKeyId":"ASIAEXAMPLE"}}', $none, 'JSON');

=== TEST 47: what is missing or wrong in it
--- config eval: $::profiles
--- test
$::profile = 0;
my $good = ::reply('<Credentials>' . ::elements() . '</Credentials>');

for (['AccessKeyId', 'access key id'],
    ['SecretAccessKey', 'secret access key'],
    ['SessionToken', 'session token'], ['Expiration', 'expiration'])
{
    my ($name, $what) = @$_;

    ::is_refused($good =~ s/<$name>.*<\/$name>//r,
        "there is no $what in it", "no $what");
    ::is_refused($good =~ s/<$name>.*<\/$name>/<$name><\/$name>/r,
        "there is no $what in it", "empty $what");
}

::is_refused($good =~ s/ASIAEXAMPLE/ASIA EXAMPLE/r,
    'access key id: it must be of letters and digits', 'bad access key');
::is_refused($good =~ s/temporaryX/temporary X/r,
    'secret access key: it must be printable and without spaces',
    'bad secret');
::is_refused($good =~ s/EXAMPLETOKEN/EXAMPLE\r\nX-Evil: 1/r,
    'session token: it must be printable and without spaces', 'bad token');
::is_refused($good =~ s/2096-01-02T/soon/r,
    'expiration: it must be like "2026-01-02T03:04:05Z"', 'bad expiration');
