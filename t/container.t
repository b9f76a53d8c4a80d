# Credentials of a container: a task of ECS, or a pod of EKS.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace qw(:DEFAULT logged);
use Sources;

our $full_uri = 'AWS_CONTAINER_CREDENTIALS_FULL_URI';
our $http = 'http://127.0.0.1:$TEST_NGINX_AWS_HTTP';
our $https = 'https://localhost:$TEST_NGINX_AWS_HTTPS';

takes_credentials('marketplace_credentials container;',
    "$full_uri=$http/v1/credentials\n");

start_dns;

our $task = '111122223333:role/standin-task';
our $secret = 'FQoGZXIvYXdzEXAMPLE';

# Every block that changes a file has one of its own.

put_file("token-$_", "$secret.file\n") for qw(same changing gone empty lines
    control large folder quoted long);

sub authorizations {
    return map { /^Authorization: (.*)/ } map { headers_of $_ }
        received('service=container');
}

run_tests();

__DATA__

=== TEST 1: one request, and nothing of the client's
--- test
my %client = (Cookie => 'session=1', 'X-Forwarded-For' => '192.0.2.1',
    Authorization => 'Basic abc');

outcome_is('200', '', headers => \%client);
signs($::task, 'container');
operations_are('container ResolveCustomer');

my ($request) = received('service=container');

is_deeply([@$request{qw(method path version body)}, headers_of $request],
    ['GET', '/v1/credentials', 'HTTP/1.1', '',
        "Host: 127.0.0.1:$ENV{TEST_NGINX_AWS_HTTP}",
        'User-Agent: ngx_http_marketplace_module', 'Accept: */*',
        'Connection: close'], 'request');

=== TEST 2: nothing is fetched before a request needs it, and then once
--- http_config
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
--- test
HTTP::Tiny->new->get('http://127.0.0.1:' . nginx_port() . '/register');
operations_are('', 'before');

outcome_is('200') for 1 .. 3;
operations_are('container ResolveCustomer ResolveCustomer ResolveCustomer');

is(scalar logged(
    qr/\[notice\] .*marketplace: AWS credentials are taken from "container"$/),
    1, 'which source that is');

=== TEST 3: a path and a query
--- env eval: "$::full_uri=$::http/v2/credentials/0123-ab?id=%20x&y=/z"
--- test
outcome_is('200');
is((received('service=container'))[0]{path},
    '/v2/credentials/0123-ab?id=%20x&y=/z', 'path');

=== TEST 4: no path
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
--- settings
container=/
--- outcome
200
--- operations
container ResolveCustomer

=== TEST 5: the address of ECS
--- env
AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/0123?x=1
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:$TEST_NGINX_NOBODY/
--- nearby
--- test
outcome_is('200');
signs($::task, 'container');

my ($request) = received('service=container');
is($request->{path}, '/v2/credentials/0123?x=1', 'path');
is((headers_of $request)[0], 'Host: 169.254.170.2', 'Host');

=== TEST 6: the address of EKS
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/v1/credentials
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$TEST_NGINX_TMP/token-same
--- nearby
--- test
settings(authorization => "$::secret.file");
outcome_is('200');
signs($::task, 'container');
is((headers_of((received('service=container'))[0]))[0], 'Host: 169.254.170.23',
    'Host');

=== TEST 7: the IPv6 address of EKS
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://[fd00:ec2::23]/v1/credentials
--- nearby
--- test
outcome_is('200');
signs($::task, 'container');
is((headers_of((received('service=container'))[0]))[0], 'Host: [fd00:ec2::23]',
    'Host');

=== TEST 8: the name of this machine
--- env eval
"$::full_uri=http://localhost:\$TEST_NGINX_AWS_HTTP/v1/credentials"
--- test
outcome_is('200');
is((headers_of((received('service=container'))[0]))[0],
    "Host: localhost:$ENV{TEST_NGINX_AWS_HTTP}", 'Host');

=== TEST 9: other addresses of it
--- env eval: "$::full_uri=http://127.1.2.3:\$TEST_NGINX_NOBODY/v1/credentials"
--- outcome
500 NoCredentials
--- operations
--- logs
source "container", endpoint 127.1.2.3:$TEST_NGINX_NOBODY: no connection,
    status 0, error "", message "": is the agent of ECS or of EKS Pod Identity
    running, and may nginx reach it?

=== TEST 10: over http credentials do not come from far
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://192.0.2.1/v1/credentials
--- dies
invalid URI in the environment variable AWS_CONTAINER_CREDENTIALS_FULL_URI: over
http it has to be of this machine, of ECS or of EKS in

=== TEST 11: nor from a name that begins like this machine
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://localhost.example.com/
--- dies
invalid URI in the environment variable AWS_CONTAINER_CREDENTIALS_FULL_URI: over
http it has to be of this machine, of ECS or of EKS in

=== TEST 12: nor from who pretends to be it
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1@example.com/
--- dies
invalid URI in the environment variable AWS_CONTAINER_CREDENTIALS_FULL_URI:
there may be no user in it in

=== TEST 13: a relative URI that would change the host
--- env
AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=.example.com/v2/credentials
--- dies
invalid URI in the environment variable AWS_CONTAINER_CREDENTIALS_RELATIVE_URI:
it has to start with "/" in

=== TEST 14: no container
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=
--- dies
"marketplace_credentials container" needs AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
or AWS_CONTAINER_CREDENTIALS_FULL_URI in the environment that nginx is started
with, where ECS puts it for a task with a role and EKS for a Pod Identity in

=== TEST 15: an authorization
--- env
AWS_CONTAINER_AUTHORIZATION_TOKEN=Bearer FQoGZXIvYXdzEXAMPLE.env
--- test
settings(authorization => "Bearer $::secret.env");
outcome_is('200');
is_deeply([::authorizations()], ["Bearer $::secret.env"], 'as it is');

=== TEST 16: that of a file comes first
--- env
AWS_CONTAINER_AUTHORIZATION_TOKEN=FQoGZXIvYXdzEXAMPLE.env
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$TEST_NGINX_TMP/token-same
--- test
outcome_is('200');
is_deeply([::authorizations()], ["$::secret.file"], 'without its newline');

=== TEST 17: the file is read again each time
--- env
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$TEST_NGINX_TMP/token-changing
--- test
my @tokens = ("$::secret.1", "Bearer $::secret.2");

for my $token (@tokens) {
    put_file('token-changing', "\n $token \r\n\n");
    settings(authorization => $token);
    outcome_is('200');
    standin(POST => 'expire');
}

is_deeply([::authorizations()], \@tokens, 'tokens');
operations_are('container ResolveCustomer
    ResolveCustomer container ResolveCustomer');

=== TEST 18: an authorization that is wrong
--- env
AWS_CONTAINER_AUTHORIZATION_TOKEN=FQoGZXIvYXdzEXAMPLE.wrong
--- settings
authorization=FQoGZXIvYXdzEXAMPLE.right
--- outcome
500 NoCredentials: AccessDeniedException from the stand-in
--- operations
container
--- logs
source "container", endpoint AWS: refused, status 403,
    error "AccessDeniedException",
    message "AccessDeniedException from the stand-in": does the task or the
    pod's service account have a role, and are the AWS_CONTAINER_... variables
    those of this container?

=== TEST 19: an authorization that the answer quotes
--- env
AWS_CONTAINER_AUTHORIZATION_TOKEN=FQoGZXIvYXdzEXAMPLE.env
--- answers
container: error:Bad:400::<FQoGZXIvYXdzEXAMPLE.env>
--- outcome eval: '500 NoCredentials: <' . '*' x 23 . '>'
--- logs eval
qq(source "container", endpoint AWS: refused, status 400, error "Bad",
    message "<) . '*' x 23 . q(>": does the task or the pod's service account
    have a role, and are the AWS_CONTAINER_... variables those of this
    container?)

=== TEST 20: and one of a file
--- env
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$TEST_NGINX_TMP/token-quoted
--- answers
container: error:Bad:400::<FQoGZXIvYXdzEXAMPLE.file>
--- outcome eval: '500 NoCredentials: <' . '*' x 24 . '>'
--- logs eval
qq(source "container", endpoint AWS: refused, status 400, error "Bad",
    message "<) . '*' x 24 . q(>": does the task or the pod's service account
    have a role, and are the AWS_CONTAINER_... variables those of this
    container?)

=== TEST 21: an authorization that would be another header
--- env eval
"AWS_CONTAINER_AUTHORIZATION_TOKEN=FQoGZXIvYXdzEXAMPLE\tX"
--- dies
the environment's AWS_CONTAINER_AUTHORIZATION_TOKEN may not have line breaks or
other control bytes in

=== TEST 22: a token file that is not there when nginx starts
--- env
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$TEST_NGINX_TMP/token-none
--- dies
the file "$TEST_NGINX_TMP/token-none", which the environment's
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names, cannot be read (2: No such file
or directory) in

=== TEST 23: a token file that has gone since
--- env
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$TEST_NGINX_TMP/token-gone
--- test
unlink "$ENV{TEST_NGINX_TMP}/token-gone" or die;
outcome_is('500 NoCredentials', <<'_EOC_');
[error] the token file "$TEST_NGINX_TMP/token-gone" cannot be opened (2: No such
    file or directory)
source "container", endpoint AWS: the token file cannot be used, status 0,
    error "", message ""
_EOC_
operations_are('');
ok(logged(qr/\[error\] .* marketplace: the token file /), 'by the module');

=== TEST 24: an empty token file
--- env
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$TEST_NGINX_TMP/token-empty
--- test
put_file('token-empty', " \n");
outcome_is('500 NoCredentials', <<'_EOC_');
[error] the token file "$TEST_NGINX_TMP/token-empty" holds no token: it must be
    one line
source "container", endpoint AWS: the token file cannot be used, status 0,
    error "", message ""
_EOC_
operations_are('');

=== TEST 25: a token file of several lines
--- env
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$TEST_NGINX_TMP/token-lines
--- test
put_file('token-lines', "$::secret\r\nX-Evil: 1\n");
outcome_is('500 NoCredentials', <<'_EOC_');
[error] the token file "$TEST_NGINX_TMP/token-lines" holds no token: it must be
    one line
source "container", endpoint AWS: the token file cannot be used, status 0,
    error "", message ""
_EOC_
operations_are('');

=== TEST 26: a token file with a NUL
--- env
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$TEST_NGINX_TMP/token-control
--- test
put_file('token-control', "$::secret\0");
outcome_is('500 NoCredentials', <<'_EOC_');
[error] the token file "$TEST_NGINX_TMP/token-control" holds no token: it must
    be one line
source "container", endpoint AWS: the token file cannot be used, status 0,
    error "", message ""
_EOC_
operations_are('');

=== TEST 27: a token file that is something else
--- env
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$TEST_NGINX_TMP/token-large
--- test
put_file('token-large', 'x' x (1024 * 1024 + 1));
outcome_is('500 NoCredentials', <<'_EOC_');
[error] the token file "$TEST_NGINX_TMP/token-large" is larger than 1 MB
source "container", endpoint AWS: the token file cannot be used, status 0,
    error "", message ""
_EOC_
operations_are('');

=== TEST 28: a token file that is a folder
--- env
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$TEST_NGINX_TMP/token-folder
--- test
unlink "$ENV{TEST_NGINX_TMP}/token-folder" or die;
mkdir "$ENV{TEST_NGINX_TMP}/token-folder" or die;
outcome_is('500 NoCredentials', <<'_EOC_');
[error] the token file "$TEST_NGINX_TMP/token-folder" is not a file
source "container", endpoint AWS: the token file cannot be used, status 0,
    error "", message ""
_EOC_
operations_are('');

=== TEST 29: over TLS
--- env eval: "$::full_uri=$::https/v1/credentials"
--- http
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
--- test
outcome_is('200');

my ($request) = received('service=container');
is("$request->{tls} $request->{sni}", '1 localhost', 'TLS');

=== TEST 30: with a certificate that nobody vouches for
--- env eval: "$::full_uri=$::https/v1/credentials"
--- http
    marketplace_ssl_trusted_certificate $TEST_NGINX_OTHER_CA;
--- outcome
500 NoCredentials
--- operations
--- logs
source "container", endpoint localhost:$TEST_NGINX_AWS_HTTPS: no connection,
    status 0, error "", message "": is the agent of ECS or of EKS Pod Identity
    running, and may nginx reach it?
--- error_log
upstream SSL certificate verify error

=== TEST 31: with a certificate for another name
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=https://v4.test:$TEST_NGINX_AWS_HTTPS/
--- http
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
    resolver 127.0.0.1:$TEST_NGINX_DNS;
--- outcome
500 NoCredentials
--- operations
--- logs
source "container", endpoint v4.test:$TEST_NGINX_AWS_HTTPS: no connection,
    status 0, error "", message "": is the agent of ECS or of EKS Pod Identity
    running, and may nginx reach it?
--- error_log
upstream SSL certificate does not match "v4.test"

=== TEST 32: without verification
--- env eval
"$::full_uri=https://127.0.0.1:\$TEST_NGINX_AWS_HTTPS/v1/credentials"
--- http
    marketplace_ssl_trusted_certificate $TEST_NGINX_OTHER_CA;
    marketplace_ssl_verify off;
--- test
outcome_is('200');
ok((received('service=container'))[0]{tls}, 'TLS');

=== TEST 33: a certificate cannot be verified against an address
--- env eval
"$::full_uri=https://127.0.0.1:\$TEST_NGINX_AWS_HTTPS/v1/credentials"
--- config
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
    marketplace_credentials container;
    marketplace_resolve on;
--- dies
the environment's AWS_CONTAINER_CREDENTIALS_FULL_URI must have the name of a
host and not the address "127.0.0.1", because the certificate is verified
against it

=== TEST 34: nobody is there
--- env eval: "$::full_uri=http://127.0.0.1:\$TEST_NGINX_NOBODY/v1/credentials"
--- outcome
500 NoCredentials
--- operations
--- logs
source "container", endpoint 127.0.0.1:$TEST_NGINX_NOBODY: no connection,
    status 0, error "", message "": is the agent of ECS or of EKS Pod Identity
    running, and may nginx reach it?

=== TEST 35: no answer
--- answers
container: hang
--- outcome
500 NoCredentials
--- operations
container container container
--- logs
source "container", endpoint AWS: no answer in time, status 0, error "",
    message "": is the agent of ECS or of EKS Pod Identity running, and may
    nginx reach it?

=== TEST 36: no answer in the time that there is for everything
--- http
    marketplace_timeout 300ms;
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

=== TEST 37: in optional mode the application is told
--- config
    location = /register {
        marketplace_resolve optional;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
answers(container => 'error:Bad');
my $response = register('ok');
is($response->{status}, 200, 'status');
like($response->{content},
    qr{^POST /register\nX-Marketplace-Error: NoCredentials\n\n}, 'headers');

=== TEST 38: errors with a code and a message
--- answers
container: error:InvalidTaskId:404::no such task
--- outcome
500 NoCredentials: no such task
--- operations
container
--- logs
source "container", endpoint AWS: refused, status 404, error "InvalidTaskId",
    message "no such task": does the task or the pod's service account have a
    role, and are the AWS_CONTAINER_... variables those of this container?

=== TEST 39: and without
--- answers
container: status:401:html
--- outcome
500 NoCredentials
--- operations
container
--- logs
source "container", endpoint AWS: refused, status 401, error "", message "":
    does the task or the pod's service account have a role, and are the
    AWS_CONTAINER_... variables those of this container?

=== TEST 40: it is asked three times
--- answers
container: seq:status:500:html|error:ThrottlingException:400|ok
--- outcome
200
--- operations
container container container ResolveCustomer

=== TEST 41: and not more often
--- answers
container: seq:status:429:html|close:0:ok|error:Overload:503::too busy|ok
--- outcome
500 NoCredentials: too busy
--- operations
container container container
--- logs
source "container", endpoint AWS: refused, status 503, error "Overload",
    message "too busy": does the task or the pod's service account have a role,
    and are the AWS_CONTAINER_... variables those of this container?

=== TEST 42: connections that end too early
--- answers
container: seq:close:0:ok|reset:20:ok|close:300:ok
--- outcome
500 NoCredentials
--- operations
container container container
--- logs
source "container", endpoint AWS: the connection ended before the answer did,
    status 0, error "", message ""

=== TEST 43: what is no HTTP
--- answers
container: seq:big:200000|raw:garbage\n|lengthchunked
--- outcome
500 NoCredentials
--- operations
container container container
--- logs
source "container", endpoint AWS: the answer is not HTTP as it should be, status
    0, error "", message ""

=== TEST 44: all framings of HTTP
--- answers
container: 1xx:chunked:split:ok
--- outcome
200

=== TEST 45: byte by byte
--- answers
container: split:ok
--- outcome
200

=== TEST 46: a document that breaks off
--- answers
container: truncated
--- outcome
500 NoCredentials
--- operations
container
--- logs
source "container", endpoint AWS: it is not a JSON object, status 200, error "",
    message "": does the task or the pod's service account have a role, and are
    the AWS_CONTAINER_... variables those of this container?

=== TEST 47: a document without a session token
--- answers
container: without:Token
--- outcome
500 NoCredentials
--- operations
container
--- logs
source "container", endpoint AWS: there is no session token in it, status 200,
    error "", message "": does the task or the pod's service account have a
    role, and are the AWS_CONTAINER_... variables those of this container?

=== TEST 48: an error with status 200
--- answers
container: status:200:error:NoRole:::there is none
--- outcome
500 NoCredentials: there is none
--- operations
container
--- logs
source "container", endpoint AWS: there is no access key id in it, status 200,
    error "NoRole", message "there is none": does the task or the pod's service
    account have a role, and are the AWS_CONTAINER_... variables those of this
    container?

=== TEST 49: credentials that have ended
--- settings
lifetime=-1
--- outcome
500 NoCredentials
--- operations
container
--- logs
source "container", endpoint AWS: what it gives has expired already, status 200,
    error "", message ""

=== TEST 50: credentials that AWS does not know are fetched again, once
--- test
outcome_is('200');
standin(POST => 'revoke');
outcome_is('200');
operations_are('container ResolveCustomer
    ResolveCustomer container ResolveCustomer');

=== TEST 51: if they are the same again, AWS's error counts
--- test
settings(repeat => 'yes');
outcome_is('200');
standin(POST => 'expire');
outcome_is('500 ExpiredCredentials: The security token included in the request '
    . 'is expired', <<'_EOC_');
[warn] fetching credentials failed: source "container", endpoint AWS: what it
    gives has expired already, status 200, error "", message ""; those from
    before are used until they expire
[error] ResolveCustomer failed: ExpiredCredentials: "The security token
    included in the request is expired", status 400, request id "...",
    endpoint AWS, region us-east-1, access key ASIA...: the temporary
    credentials have expired: renew them where nginx takes them from
_EOC_
operations_are('container ResolveCustomer ResolveCustomer container');

=== TEST 52: a token file that is longer than any token
--- env
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$TEST_NGINX_TMP/token-long
--- test
put_file('token-long', 'x' x (16 * 1024 + 1) . "\n");
outcome_is('500 NoCredentials', <<'_EOC_');
[error] the token file "$TEST_NGINX_TMP/token-long" holds no token: it must be
    one line
source "container", endpoint AWS: the token file cannot be used, status 0,
    error "", message ""
_EOC_
operations_are('');
