# Credentials from EC2's instance metadata.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT logged);
use Sources;

use IO::Socket::IP;

takes_credentials('marketplace_credentials imds;', <<'_EOC_');
!AWS_EC2_METADATA_DISABLED
AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
_EOC_

our $instance = '111122223333:role/standin-instance';
our $steps = 'imds.token imds.role imds.credentials';

# Where there is ::1, a free port there.

our $ipv6 = IO::Socket::IP->new(LocalHost => '::1', Listen => 1);
$ENV{TEST_NGINX_IPV6} = $ipv6 ? $ipv6->sockport : 1;
close $ipv6 if $ipv6;

sub host_of {
    my ($host) = map { /^Host: (.*)/ } headers_of shift;

    return $host;
}

sub is_stopped {
    my $pid = shift;

    open my $file, '<', "/proc/$pid/stat" or die;

    return <$file> =~ /\) T /;
}

run_tests();

__DATA__

=== TEST 1: three steps, and nothing of the client's
--- test
my %client = (Cookie => 'session=1', 'X-Forwarded-For' => '192.0.2.1',
    Authorization => 'Basic abc', 'X-aws-ec2-metadata-token' => 'theirs');

outcome_is('200', '', headers => \%client);
signs($::instance, 'imds.credentials');
operations_are("$::steps ResolveCustomer");

my @requests = received('service=imds');
my ($token) = map { /^X-aws-ec2-metadata-token: (.*)/ } headers_of $requests[1];
my @common = ("Host: 127.0.0.1:$ENV{TEST_NGINX_AWS_HTTP}",
    'User-Agent: ngx_http_marketplace_module', 'Accept: */*');
my $path = '/latest/meta-data/iam/security-credentials/';

is_deeply([map { [@$_{qw(method path version body)}, headers_of $_] }
    @requests], [
    ['PUT', '/latest/api/token', 'HTTP/1.1', '', @common,
        'X-aws-ec2-metadata-token-ttl-seconds: 21600', 'Content-Length: 0',
        'Connection: close'],
    ['GET', $path, 'HTTP/1.1', '', @common,
        "X-aws-ec2-metadata-token: $token", 'Connection: close'],
    ['GET', "${path}standin-instance", 'HTTP/1.1', '', @common,
        "X-aws-ec2-metadata-token: $token", 'Connection: close'],
], 'requests');

like($token, qr/^FQoGZXIvYXdzEXAMPLE/, 'the token of the session');

=== TEST 2: nothing is fetched before a request needs it, and then once
--- http_config
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
--- test
HTTP::Tiny->new->get('http://127.0.0.1:' . nginx_port() . '/register');
operations_are('', 'before');

outcome_is('200') for 1 .. 3;
operations_are("$::steps ResolveCustomer ResolveCustomer ResolveCustomer");

is(scalar logged(
    qr/\[notice\] .*marketplace: AWS credentials are taken from "imds"$/),
    1, 'which source that is');

=== TEST 3: all workers use what one of them has fetched
--- workers: 2
--- test
my $worker = register('ok')->{headers}{'x-worker'};

# the other one has to do it now

kill STOP => $worker;
ok(wait_until { ::is_stopped($worker) }, 'stopped');
my $other = register('ok')->{headers}{'x-worker'};
kill CONT => $worker;

like($other, qr/^\d+$/, 'another worker');
isnt($other, $worker, 'not the one that has fetched');
signs($::instance, 'imds.credentials');
operations_are("$::steps ResolveCustomer ResolveCustomer");

=== TEST 4: the session is used again for new credentials
--- test
outcome_is('200');
standin(POST => 'expire');
outcome_is('200');

signs($::instance, 'imds.credentials');
operations_are("$::steps ResolveCustomer
    ResolveCustomer imds.role imds.credentials ResolveCustomer");

=== TEST 5: a session that is not valid any more is renewed
--- test
outcome_is('200');
standin(POST => 'revoke');
outcome_is('200');

signs($::instance, 'imds.credentials');
operations_are("$::steps ResolveCustomer
    ResolveCustomer imds.role $::steps ResolveCustomer");

my %tokens = map { $_ => 1 } map { /^X-aws-ec2-metadata-token: (.*)/ }
    map { headers_of $_ } received('service=imds');
is(scalar keys %tokens, 2, 'two sessions');

=== TEST 6: and so it is between the role and its credentials
--- answers
imds.credentials: seq:status:401:html|ok
--- outcome
200
--- operations eval: "$::steps $::steps ResolveCustomer"

=== TEST 7: it is renewed once
--- answers
imds.role: status:401:html
--- outcome
500 NoCredentials
--- operations
imds.token imds.role imds.token imds.role
--- logs
source "imds", endpoint AWS: refused, status 401, error "", message "": does the
    instance have an instance profile with a role?

=== TEST 8: an endpoint with a slash at its end
--- env
AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:$TEST_NGINX_AWS_HTTP/
--- outcome
200
--- operations eval: "$::steps ResolveCustomer"

=== TEST 9: an endpoint that is an IPv6 address
--- env
AWS_EC2_METADATA_SERVICE_ENDPOINT=http://[::1]:$TEST_NGINX_IPV6
--- http eval
!$::ipv6 ? '' : <<'_EOC_'
    server {
        listen [::1]:$TEST_NGINX_IPV6;
        error_log logs/front.log;
        location / {
            proxy_pass http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
            proxy_set_header Host $http_host;
        }
    }
_EOC_
--- test
if ($::ipv6) {
    outcome_is('200');
    operations_are("$::steps ResolveCustomer");
    is(::host_of($_), "[::1]:$ENV{TEST_NGINX_IPV6}", 'Host')
        for received('service=imds');

} else {
    is(register('ok')->{status}, 500, 'there is no IPv6 here');
}

=== TEST 10: by default it is the address that EC2 has for it
--- env
!AWS_EC2_METADATA_SERVICE_ENDPOINT
--- nearby
--- test
outcome_is('200');
operations_are("$::steps ResolveCustomer");
is(::host_of($_), '169.254.169.254', 'Host') for received('service=imds');

=== TEST 11: its IPv6 address
--- env
!AWS_EC2_METADATA_SERVICE_ENDPOINT
AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6
--- nearby
--- test
outcome_is('200');
operations_are("$::steps ResolveCustomer");
is(::host_of($_), '[fd00:ec2::254]', 'Host') for received('service=imds');

=== TEST 12: the SDKs take that in any case
--- env
!AWS_EC2_METADATA_SERVICE_ENDPOINT
AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=ipv4
AWS_EC2_METADATA_DISABLED=false
--- nearby
--- test
outcome_is('200');
is(::host_of($_), '169.254.169.254', 'Host') for received('service=imds');

=== TEST 13: an endpoint says more than a mode
--- env
AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6
--- outcome
200

=== TEST 14: a mode that does not exist
--- env
AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv5
--- dies
invalid value "IPv5" in the environment variable
AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE, it must be "IPv4" or "IPv6" in

=== TEST 15: an endpoint that is none
--- env
AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1/latest
--- dies
invalid endpoint "http://127.0.0.1/latest" in the environment variable
AWS_EC2_METADATA_SERVICE_ENDPOINT: nothing may follow the host and the port in

=== TEST 16: metadata that is switched off
--- env
AWS_EC2_METADATA_DISABLED=True
--- dies
"marketplace_credentials imds" needs EC2's instance metadata, which
AWS_EC2_METADATA_DISABLED in the environment that nginx is started with switches
off in

=== TEST 17: nobody is there
--- env
AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:$TEST_NGINX_NOBODY
--- outcome
500 NoCredentials
--- operations
--- logs
source "imds session", endpoint 127.0.0.1:$TEST_NGINX_NOBODY: no connection,
    status 0, error "", message "": is this an EC2 instance, and may nginx reach
    its metadata? If it gets its credentials from elsewhere, name that with
    marketplace_credentials

=== TEST 18: no answer comes back to where nginx runs: the hop limit
--- answers
imds.token: hang
--- outcome
500 NoCredentials
--- operations
imds.token imds.token imds.token
--- logs
source "imds session", endpoint AWS: no answer in time, status 0, error "",
    message "": if nginx runs in a container, the instance's hop limit is too
    low: aws ec2 modify-instance-metadata-options --instance-id ID
    --http-put-response-hop-limit 2

=== TEST 19: nor within the time that there is for everything
--- http
    marketplace_timeout 300ms;
--- answers
imds.token: hang
--- outcome
504 Timeout
--- operations
imds.token
--- logs
source "imds session", endpoint AWS: no answer in time, status 0, error "",
    message "": if nginx runs in a container, the instance's hop limit is too
    low: aws ec2 modify-instance-metadata-options --instance-id ID
    --http-put-response-hop-limit 2

=== TEST 20: that is no reason to leave it alone: the next request tries
--- http
    marketplace_timeout 900ms;
--- test
answers('imds.token' => 'seq:hang|ok');

is(register('ok')->{status}, 504, 'not in time');
is(register('ok')->{status}, 200, 'then it is there');

=== TEST 21: a role that is not told in time
--- http
    marketplace_timeout 300ms;
--- answers
imds.role: hang
--- outcome
504 Timeout
--- operations
imds.token imds.role
--- logs
source "imds", endpoint AWS: no answer in time, status 0, error "", message ""

=== TEST 22: credentials that do not come in time
--- http
    marketplace_timeout 300ms;
--- answers
imds.credentials: hang
--- outcome
504 Timeout
--- operations eval: $::steps
--- logs
source "imds", endpoint AWS: no answer in time, status 0, error "", message ""

=== TEST 23: what failed is not tried again at once, by no request
--- test
settings(role => '');
register('ok');
outcome_is('500 NoCredentials') for 1 .. 3;
operations_are('imds.token imds.role');

=== TEST 24: in optional mode the application is told
--- config
    location = /register {
        marketplace_resolve optional;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
settings(role => '');
my $response = register('ok');
is($response->{status}, 200, 'status');
like($response->{content},
    qr{^POST /register\nX-Marketplace-Error: NoCredentials\n\n}, 'headers');

=== TEST 25: a session that is refused: version 1 is not tried
--- answers
imds.token: status:403:html
--- outcome
500 NoCredentials
--- operations
imds.token
--- logs
source "imds session", endpoint AWS: refused, status 403, error "", message ""

=== TEST 26: nor where there is no version 2
--- answers
imds.token: status:405:html
--- outcome
500 NoCredentials
--- operations
imds.token
--- logs
source "imds session", endpoint AWS: refused, status 405, error "", message ""

=== TEST 27: nor where the request was wrong
--- answers
imds.token: status:400:html
--- outcome
500 NoCredentials
--- operations
imds.token
--- logs
source "imds session", endpoint AWS: refused, status 400, error "", message ""

=== TEST 28: sessions are asked for three times
--- answers
imds.token: seq:status:503:html|status:429:html|ok
--- outcome
200
--- operations eval: "imds.token imds.token $::steps ResolveCustomer"

=== TEST 29: and not more often
--- answers
imds.token: seq:status:500:html|status:502:html|status:503:html|ok
--- outcome
500 NoCredentials
--- operations
imds.token imds.token imds.token
--- logs
source "imds session", endpoint AWS: refused, status 503, error "", message ""

=== TEST 30: roles are asked for three times, credentials as well
--- answers
imds.role: seq:status:500:html|status:429:html|ok
imds.credentials: seq:close:0:ok|status:504:html|ok
--- outcome
200
--- operations
imds.token imds.role imds.role imds.role
imds.credentials imds.credentials imds.credentials ResolveCustomer

=== TEST 31: roles are not asked for more often
--- answers
imds.role: seq:status:500:html|status:429:html|status:500:html|ok
--- outcome
500 NoCredentials
--- operations
imds.token imds.role imds.role imds.role
--- logs
source "imds", endpoint AWS: refused, status 500, error "", message "": does the
    instance have an instance profile with a role?

=== TEST 32: nor are credentials
--- answers
imds.credentials: seq:status:500:html|status:500:html|status:429:html|ok
--- outcome
500 NoCredentials
--- operations
imds.token imds.role imds.credentials imds.credentials imds.credentials
--- logs
source "imds", endpoint AWS: refused, status 429, error "", message "": does the
    instance have an instance profile with a role?

=== TEST 33: an empty session
--- answers
imds.token: json:
--- outcome
500 NoCredentials
--- operations
imds.token
--- logs
source "imds session", endpoint AWS: the answer is not a session token, status
    200, error "", message ""

=== TEST 34: a session that would be another header
--- answers
imds.token: json:token\r\nX-Evil: 1
--- outcome
500 NoCredentials
--- operations
imds.token
--- logs
source "imds session", endpoint AWS: the answer is not a session token, status
    200, error "", message ""

=== TEST 35: a session with a control byte
--- answers
imds.token: json:to\x01ken
--- outcome
500 NoCredentials
--- operations
imds.token
--- logs
source "imds session", endpoint AWS: the answer is not a session token, status
    200, error "", message ""

=== TEST 36: a page in place of a session
--- answers
imds.token: html
--- outcome
500 NoCredentials
--- operations
imds.token
--- logs
source "imds session", endpoint AWS: the answer is not a session token, status
    200, error "", message ""

=== TEST 37: a session of 1024 bytes
--- answers eval: 'imds.token: seq:json:' . 'x' x 1024 . '|ok'
--- outcome
200
--- operations eval: "imds.token imds.role $::steps ResolveCustomer"

=== TEST 38: and one that is longer
--- answers eval: 'imds.token: seq:json:' . 'x' x 1025 . '|ok'
--- outcome
500 NoCredentials
--- operations
imds.token
--- logs
source "imds session", endpoint AWS: the answer is not a session token, status
    200, error "", message ""

=== TEST 39: no role
--- settings
role=
--- outcome
500 NoCredentials
--- operations
imds.token imds.role
--- logs
source "imds", endpoint AWS: refused, status 404, error "", message "": does the
    instance have an instance profile with a role?
--- error_log
with a role? while resolving registration, client: 127.0.0.1, server:

=== TEST 40: the role is withdrawn before its credentials are there
--- answers
imds.credentials: status:404:html
--- outcome
500 NoCredentials
--- operations eval: $::steps
--- logs
source "imds", endpoint AWS: refused, status 404, error "", message "": does the
    instance have an instance profile with a role?

=== TEST 41: of several roles the first counts
--- answers
imds.role: json:standin-instance\nanother\n
--- outcome
200
--- operations eval: "$::steps ResolveCustomer"

=== TEST 42: a role with all that its name may have
--- test
settings(role => 'a_Role+with=all,of.them@Once-0');
outcome_is('200');
signs('111122223333:role/a_Role+with=all,of.them@Once-0', 'imds.credentials');

=== TEST 43: a role without a name
--- answers
imds.role: json:
--- outcome
500 NoCredentials
--- operations
imds.token imds.role
--- logs
source "imds", endpoint AWS: the instance's role has no name, status 200, error
    "", message ""

=== TEST 44: none in the first line
--- answers
imds.role: json:\nstandin-instance
--- outcome
500 NoCredentials
--- operations
imds.token imds.role
--- logs
source "imds", endpoint AWS: the instance's role has no name, status 200, error
    "", message ""

=== TEST 45: a page in place of a role
--- answers
imds.role: html
--- outcome
500 NoCredentials
--- operations
imds.token imds.role
--- logs
source "imds", endpoint AWS: the instance's role has no name, status 200, error
    "", message ""

=== TEST 46: a name that would be another request
--- answers
imds.role: json:a HTTP/1.1\rX-Evil: 1
--- outcome
500 NoCredentials
--- operations
imds.token imds.role
--- logs
source "imds", endpoint AWS: the instance's role has no name, status 200, error
    "", message ""

=== TEST 47: a name that would be another path
--- answers
imds.role: json:a?b%2fc
--- outcome
500 NoCredentials
--- operations
imds.token imds.role
--- logs
source "imds", endpoint AWS: the instance's role has no name, status 200, error
    "", message ""

=== TEST 48: a name that is too long
--- answers eval: 'imds.role: json:' . 'x' x 257
--- outcome
500 NoCredentials
--- operations
imds.token imds.role
--- logs
source "imds", endpoint AWS: the instance's role has no name, status 200, error
    "", message ""

=== TEST 49: a role that EC2 may not assume, with status 200
--- answers
imds.credentials: error:AssumeRoleUnauthorizedAccess:::EC2 cannot assume it
--- outcome
500 NoCredentials: EC2 cannot assume it
--- operations eval: $::steps
--- logs
source "imds", endpoint AWS: its Code is not "Success", status 200, error
    "AssumeRoleUnauthorizedAccess", message "EC2 cannot assume it": does the
    instance have an instance profile with a role?

=== TEST 50: another Code, whatever else is there
--- answers
imds.credentials: with:Code=Failed
--- outcome
500 NoCredentials
--- operations eval: $::steps
--- logs
source "imds", endpoint AWS: its Code is not "Success", status 200, error
    "Failed", message "": does the instance have an instance profile with a
    role?

=== TEST 51: no Code
--- answers
imds.credentials: without:Code
--- outcome
200

=== TEST 52: a document that breaks off
--- answers
imds.credentials: truncated
--- outcome
500 NoCredentials
--- operations eval: $::steps
--- logs
source "imds", endpoint AWS: it is not a JSON object, status 200, error "",
    message "": does the instance have an instance profile with a role?

=== TEST 53: a page in place of a document
--- answers
imds.credentials: html
--- outcome
500 NoCredentials
--- operations eval: $::steps
--- logs
source "imds", endpoint AWS: it is not a JSON object, status 200, error "",
    message "": does the instance have an instance profile with a role?

=== TEST 54: no access key
--- answers
imds.credentials: without:AccessKeyId
--- outcome
500 NoCredentials
--- operations eval: $::steps
--- logs
source "imds", endpoint AWS: there is no access key id in it, status 200, error
    "", message "": does the instance have an instance profile with a role?

=== TEST 55: no secret access key
--- answers
imds.credentials: without:SecretAccessKey
--- outcome
500 NoCredentials
--- logs
source "imds", endpoint AWS: there is no secret access key in it, status 200,
    error "", message "": does the instance have an instance profile with a
    role?

=== TEST 56: no session token
--- answers
imds.credentials: with:Token=
--- outcome
500 NoCredentials
--- logs
source "imds", endpoint AWS: there is no session token in it, status 200, error
    "", message "": does the instance have an instance profile with a role?

=== TEST 57: no expiration
--- answers
imds.credentials: without:Expiration
--- outcome
500 NoCredentials
--- logs
source "imds", endpoint AWS: there is no expiration in it, status 200, error "",
    message "": does the instance have an instance profile with a role?

=== TEST 58: an expiration that is none
--- answers
imds.credentials: with:Expiration=tomorrow
--- outcome
500 NoCredentials
--- logs
source "imds", endpoint AWS: expiration: it must be like "2026-01-02T03:04:05Z",
    status 200, error "", message "": does the instance have an instance profile
    with a role?

=== TEST 59: an expiration without a time zone
--- answers
imds.credentials: with:Expiration=2036-01-02T03:04:05
--- outcome
500 NoCredentials
--- logs
source "imds", endpoint AWS: expiration: it must be like "2026-01-02T03:04:05Z",
    status 200, error "", message "": does the instance have an instance profile
    with a role?

=== TEST 60: a member that is not a string
--- answers
imds.credentials: json:{"Code":"Success","AccessKeyId":12}
--- outcome
500 NoCredentials
--- logs
source "imds", endpoint AWS: a member of it is there twice or is not a string,
    status 200, error "", message "": does the instance have an instance profile
    with a role?

=== TEST 61: a member that is there twice
--- answers
imds.credentials: json:{"Code":"Success","Code":"Success"}
--- outcome
500 NoCredentials
--- logs
source "imds", endpoint AWS: a member of it is there twice or is not a string,
    status 200, error "", message "": does the instance have an instance profile
    with a role?

=== TEST 62: an access key that would be another header
--- answers
imds.credentials: with:AccessKeyId=ASIA\r\nX-Evil: 1
--- outcome
500 NoCredentials
--- logs
source "imds", endpoint AWS: access key id: it must be of letters and digits,
    status 200, error "", message "": does the instance have an instance profile
    with a role?

=== TEST 63: a session token that would be another header
--- answers
imds.credentials: with:Token=a\r\nX-Evil: 1
--- outcome
500 NoCredentials
--- logs
source "imds", endpoint AWS: session token: it must be printable and without
    spaces, status 200, error "", message "": does the instance have an instance
    profile with a role?

=== TEST 64: all framings of HTTP
--- answers
imds.token: 1xx:chunked:split:ok
imds.role: chunked:split:ok
imds.credentials: 1xx:split:chunked:ok
--- outcome
200
--- operations eval: "$::steps ResolveCustomer"

=== TEST 65: byte by byte
--- answers
imds.token: split:ok
imds.role: split:ok
imds.credentials: split:ok
--- outcome
200
--- operations eval: "$::steps ResolveCustomer"

=== TEST 66: a document whose end only the end of the connection tells
--- answers
imds.credentials: nolength:ok
--- outcome
500 NoCredentials
--- operations eval: $::steps
--- logs
source "imds", endpoint AWS: it is not a JSON object, status 200, error "",
    message "": does the instance have an instance profile with a role?

=== TEST 67: a document that is too large, and what else is no reply
--- answers
imds.credentials: seq:big:200000|raw:garbage\n|twolengths
--- outcome
500 NoCredentials
--- operations
imds.token imds.role imds.credentials imds.credentials imds.credentials
--- logs
source "imds", endpoint AWS: the answer is not HTTP as it should be, status 0,
    error "", message ""

=== TEST 68: connections that end too early
--- answers
imds.token: seq:close:0:ok|close:20:ok|ok
imds.role: seq:close:100:ok|reset:0:ok|ok
imds.credentials: seq:reset:200:ok|close:400:ok|ok
--- outcome
200
--- operations
imds.token imds.token imds.token imds.role imds.role imds.role
imds.credentials imds.credentials imds.credentials ResolveCustomer

=== TEST 69: and always do
--- answers
imds.credentials: seq:reset:200:ok|close:0:ok|close:400:ok
--- outcome
500 NoCredentials
--- operations
imds.token imds.role imds.credentials imds.credentials imds.credentials
--- logs
source "imds", endpoint AWS: the connection ended before the answer did, status
    0, error "", message ""

=== TEST 70: credentials that are used up, and all that come are
--- settings
lifetime=-60
--- outcome
500 ExpiredCredentials: The security token included in the request is expired
--- operations eval
"$::steps ResolveCustomer imds.role imds.credentials ResolveCustomer"
--- logs
[error] ResolveCustomer failed: ExpiredCredentials: "The security token included
    in the request is expired", status 400, 400, request id "...", endpoint AWS,
    region us-east-1, access key ASIA...: the temporary credentials have
    expired: renew them where nginx takes them from

=== TEST 71: AWS quotes the session's token
--- test
outcome_is('200');

my ($token) = map { /^X-aws-ec2-metadata-token: (.*)/ }
    map { headers_of $_ } received('service=imds');

answers('imds.role' =>
    qq(status:400:json:{"code":"Bad","message":"<$token>"}));
standin(POST => 'expire');
register('ok');
--- error_log eval
qr/error "Bad", message "<\*+>"/
