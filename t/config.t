# The directives and the environment: what is refused, with which words, what
# is taken, and how it merges.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace;

no_root_location();
master_on();
workers(2);

# --- refused: nginx does not start, and says so in these words, with the place
# of the directive.
#
# --- refused_by_environment: the same, where it is no directive's fault.

add_block_preprocessor(sub {
    my $block = shift;

    my ($words, $elsewhere) = map { defined ? s/\n\z//r : undef }
        scalar $block->refused, scalar $block->refused_by_environment;

    my $message = defined $words
        ? qr/\[emerg\] \d+#\d+: \Q$words\E in \S+\/nginx\.conf:\d+$/
        : defined $elsewhere ? qr/\[emerg\] \d+#\d+: \Q$elsewhere\E/
        : return;

    $block->set_value('must_die', '1');
    $block->set_value('suppress_stderr', '1');
    $block->set_value('error_log', [$message]);
});

# The place has to be right, too.  A directive ends on the line that nginx
# names.

add_test_cleanup_handler(sub {
    my $block = shift;

    return unless defined $block->refused;

    my ($line) = lines($Test::Nginx::Util::ErrLogFile)
        =~ /\[emerg\].* in \S+\/nginx\.conf:(\d+)$/m;
    my @lines = split /\n/, lines($Test::Nginx::Util::ConfFile);

    Test::More::like($line ? join("\n", @lines[$line - 2, $line - 1]) : '',
        qr/marketplace_/, $block->name . " - place");
});

sub lines {
    open my $file, '<', shift or die;
    local $/;

    return <$file>;
}

# Behind the name of a credentials file in what is said of a profile.

our $config_file = qq{ and "$ENV{HOME}/.aws/config"};

our $static = <<'_EOC_';
    marketplace_credentials static id=AKIDEXAMPLE
        secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
_EOC_

our $endpoint = <<'_EOC_';
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
_EOC_

# The hosts of AWS, with the stand-in behind them.

our $upstream = <<'_EOC_';
    upstream metering {
        server 127.0.0.1:$TEST_NGINX_AWS_HTTP;
    }
_EOC_

our $register = <<'_EOC_';
    location = /register {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
_EOC_

our $keys = "aws_access_key_id = AKIDEXAMPLE\n"
    . "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n";

our $slash_keys = "aws_access_key_id = AKIDSLASH\n"
    . "aws_secret_access_key = /JalrXUtnFEMI/K7MDENG+bPxRfiCYSLASHKEY==\n";

our $temporary_keys = "aws_access_key_id = ASIAEXAMPLE\n"
    . "aws_secret_access_key = temporaryXUtnFEMI/K7MDENG+bPxRfEXAMPLEKEY\n"
    . "aws_session_token = FQoGZXIvYXdzEXAMPLETOKEN/+temporary==\n";

our $env_keys = "AWS_ACCESS_KEY_ID=AKIDEXAMPLE\n"
    . "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n";

# Most blocks are about the configuration and send the same request.

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('request',
        "POST /register\nx-amzn-marketplace-token=ok1")
        unless defined $block->request;
    $block->set_value('more_headers',
        'Content-Type: application/x-www-form-urlencoded');
});

run_tests();

__DATA__

=== TEST 1: marketplace_resolve, an unknown mode
--- config
    marketplace_resolve maybe;
--- refused
invalid value "maybe" in "marketplace_resolve", it must be "on", "optional" or "off"

=== TEST 2: marketplace_resolve, no mode
--- config
    marketplace_resolve;
--- refused
invalid number of arguments in "marketplace_resolve" directive

=== TEST 3: marketplace_resolve, two modes
--- config
    marketplace_resolve on optional;
--- refused
invalid number of arguments in "marketplace_resolve" directive

=== TEST 4: marketplace_resolve in an if
--- config
    location / {
        if ($request_method = POST) {
            marketplace_resolve on;
        }
    }
--- refused
"marketplace_resolve" directive is not allowed here

=== TEST 5: marketplace_token_field, no name
--- config
    marketplace_token_field "";
--- refused
invalid value "" in "marketplace_token_field", it must be the name of a form's field

=== TEST 6: marketplace_token_source, an unknown source
--- config
    marketplace_token_source header;
--- refused
invalid value "header" in "marketplace_token_source", it must be "body", "args" or "body args"

=== TEST 7: marketplace_token_source, in the other order
--- config
    marketplace_token_source args body;
--- refused
invalid value "body" in "marketplace_token_source", it must be "body", "args" or "body args"

=== TEST 8: marketplace_token_source, one twice
--- config
    marketplace_token_source body body;
--- refused
invalid value "body" in "marketplace_token_source", it must be "body", "args" or "body args"

=== TEST 9: marketplace_token_source, three
--- config
    marketplace_token_source body args body;
--- refused
invalid number of arguments in "marketplace_token_source" directive

=== TEST 10: marketplace_token_max_size, zero
--- config
    marketplace_token_max_size 0;
--- refused
invalid value "0" in "marketplace_token_max_size", it must be a size above zero, like "8k", and at most "1m"

=== TEST 11: marketplace_token_max_size, negative
--- config
    marketplace_token_max_size -1;
--- refused
invalid value "-1" in "marketplace_token_max_size", it must be a size above zero, like "8k", and at most "1m"

=== TEST 12: marketplace_token_max_size, no size
--- config
    marketplace_token_max_size much;
--- refused
invalid value "much" in "marketplace_token_max_size", it must be a size above zero, like "8k", and at most "1m"

=== TEST 13: marketplace_product_code, a space in it
--- config
    marketplace_product_code good "not good";
--- refused
invalid value "not good" in "marketplace_product_code", it must be a product code: letters, digits and any of -/=:_.@

=== TEST 14: marketplace_product_code, an empty one
--- config
    marketplace_product_code "";
--- refused
invalid value "" in "marketplace_product_code", it must be a product code: letters, digits and any of -/=:_.@

=== TEST 15: marketplace_product_code, none
--- config
    marketplace_product_code;
--- refused
invalid number of arguments in "marketplace_product_code" directive

=== TEST 16: marketplace_region, not the form of one
--- config
    marketplace_region useast1;
--- refused
invalid value "useast1" in "marketplace_region", it must be the name of a region, like "us-east-1"

=== TEST 17: marketplace_region, a host's end in it
--- config
    marketplace_region us-east-1.evil.example-1;
--- refused
invalid value "us-east-1.evil.example-1" in "marketplace_region", it must be the name of a region, like "us-east-1"

=== TEST 18: marketplace_endpoint, no host
--- config
    marketplace_endpoint http://;
--- refused
invalid value "http://" in "marketplace_endpoint": there is no host in it, it must be like "https://host" or "https://host:port"

=== TEST 19: marketplace_endpoint, another scheme
--- config
    marketplace_endpoint ftp://localhost;
--- refused
invalid value "ftp://localhost" in "marketplace_endpoint": the scheme has to be http:// or https://, it must be like "https://host" or "https://host:port"

=== TEST 20: marketplace_endpoint, no scheme
--- config
    marketplace_endpoint localhost;
--- refused
invalid value "localhost" in "marketplace_endpoint": the scheme has to be http:// or https://, it must be like "https://host" or "https://host:port"

=== TEST 21: marketplace_endpoint, a path
--- config
    marketplace_endpoint http://localhost/path;
--- refused
invalid value "http://localhost/path" in "marketplace_endpoint": nothing may follow the host and the port, it must be like "https://host" or "https://host:port"

=== TEST 22: marketplace_endpoint, a query
--- config
    marketplace_endpoint http://localhost?query;
--- refused
invalid value "http://localhost?query" in "marketplace_endpoint": nothing may follow the host and the port, it must be like "https://host" or "https://host:port"

=== TEST 23: marketplace_endpoint, a user
--- config
    marketplace_endpoint http://user@localhost;
--- refused
invalid value "http://user@localhost" in "marketplace_endpoint": the host is malformed, it must be like "https://host" or "https://host:port"

=== TEST 24: marketplace_endpoint, port zero
--- config
    marketplace_endpoint http://localhost:0;
--- refused
invalid value "http://localhost:0" in "marketplace_endpoint": the port has to be from 1 to 65535, it must be like "https://host" or "https://host:port"

=== TEST 25: marketplace_endpoint, a port too high
--- config
    marketplace_endpoint http://localhost:65536;
--- refused
invalid value "http://localhost:65536" in "marketplace_endpoint": the port has to be from 1 to 65535, it must be like "https://host" or "https://host:port"

=== TEST 26: marketplace_endpoint, a port that is no number
--- config
    marketplace_endpoint http://localhost:80a;
--- refused
invalid value "http://localhost:80a" in "marketplace_endpoint": the port is not a number, it must be like "https://host" or "https://host:port"

=== TEST 27: marketplace_endpoint, half an address
--- config
    marketplace_endpoint http://[::1;
--- refused
invalid value "http://[::1" in "marketplace_endpoint": the host is malformed, it must be like "https://host" or "https://host:port"

=== TEST 28: marketplace_endpoint, an upstream with a port
--- http_config eval: $::static . $::upstream
--- config
    marketplace_resolve on;
    marketplace_endpoint http://metering:8080;
--- refused
"marketplace_endpoint" names upstream "metering", which may not have port 8080,

=== TEST 29: marketplace_endpoint, an address has no certificate
--- http_config eval: $::static
--- config
    marketplace_resolve on;
    marketplace_endpoint https://127.0.0.1:8443;
--- refused
"marketplace_endpoint" must have the name of a host and not the address "127.0.0.1", because the certificate is verified against it,

=== TEST 30: marketplace_endpoint, nor has an IPv6 address
--- http_config eval: $::static
--- config
    marketplace_resolve on;
    marketplace_endpoint https://[::1]:8443;
--- refused
"marketplace_endpoint" must have the name of a host and not the address "[::1]", because the certificate is verified against it,

=== TEST 31: marketplace_endpoint, an unknown host
--- http_config eval: $::static
--- config
    location / {
        marketplace_resolve on;
        marketplace_endpoint http://unknown.invalid;
    }
--- refused
host not found in upstream "unknown.invalid"

=== TEST 32: marketplace_credentials, no source
--- config
    marketplace_credentials;
--- refused
invalid number of arguments in "marketplace_credentials" directive

=== TEST 33: marketplace_credentials, an unknown source
--- config
    marketplace_credentials vault;
--- refused
"marketplace_credentials" cannot take credentials from "vault", it must be "default", "env", "static id=... secret=... [token=...]", "profile [name=...] [file=...]", "container", "imds" or "web_identity"

=== TEST 34: marketplace_credentials, container
--- config
    marketplace_credentials container;
--- refused
"marketplace_credentials container" needs AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI in the environment that nginx is started with, where ECS puts it for a task with a role and EKS for a Pod Identity

=== TEST 35: marketplace_credentials, imds
--- config
    marketplace_credentials imds;
--- refused
"marketplace_credentials imds" needs EC2's instance metadata, which AWS_EC2_METADATA_DISABLED in the environment that nginx is started with switches off

=== TEST 36: marketplace_credentials, web_identity
--- config
    marketplace_credentials web_identity;
--- refused
"marketplace_credentials web_identity" needs AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE in the environment that nginx is started with, where EKS puts them for a service account with a role

=== TEST 37: static credentials without a secret
--- config
    marketplace_credentials static id=AKIDEXAMPLE;
--- refused
"marketplace_credentials static" must have both "id=" and "secret=", and "secret=" is missing

=== TEST 38: static credentials without an id
--- config
    marketplace_credentials static secret=secret;
--- refused
"marketplace_credentials static" must have both "id=" and "secret=", and "id=" is missing

=== TEST 39: static credentials that are empty
--- config
    marketplace_credentials static id=AKIDEXAMPLE secret=;
--- refused
"marketplace_credentials static" must have both "id=" and "secret=", and "secret=" is missing

=== TEST 40: a mistyped secret is not shown
--- config
    marketplace_credentials static id=AKIDEXAMPLE sceret=XUtnFEMI;
--- refused
"marketplace_credentials static" takes "id=", "secret=" and "token=", each once, which its parameter 2 is not
--- no_error_log
XUtnFEMI

=== TEST 41: a static id that no header can carry
--- config
    marketplace_credentials static "id=AKID EXAMPLE" secret=secret;
--- refused
"marketplace_credentials": source "static" has an invalid access key id: it must be of letters and digits

=== TEST 42: a static secret with a space, which is not shown
--- config
    marketplace_credentials static id=AKIDEXAMPLE "secret=XUtnFEMI XUtnFEMI";
--- refused
"marketplace_credentials": source "static" has an invalid secret access key: it must be printable and without spaces
--- no_error_log
XUtnFEMI

=== TEST 43: a static session token that would be two headers
--- config eval
"    marketplace_credentials static id=AKIDEXAMPLE secret=s"
    . " \"token=XUtnFEMI\r\nEvil: 1\";"
--- refused
"marketplace_credentials": source "static" has an invalid session token: it must be printable and without spaces
--- no_error_log
XUtnFEMI

=== TEST 44: env credentials take no parameters
--- config
    marketplace_credentials env id=AKIDEXAMPLE;
--- refused
"marketplace_credentials env" takes no parameters

=== TEST 45: env credentials that are not there
--- config
    marketplace_credentials env;
--- refused
"marketplace_credentials env" needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment that nginx is started with

=== TEST 46: env credentials without a secret
--- config
    marketplace_credentials env;
--- env
AWS_ACCESS_KEY_ID=AKIDEXAMPLE
--- refused
the environment of "marketplace_credentials" must have both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SECRET_ACCESS_KEY is missing

=== TEST 47: env credentials without an id
--- config
    marketplace_credentials env;
--- env
AWS_ACCESS_KEY_ID=
AWS_SECRET_ACCESS_KEY=secret
--- refused
the environment of "marketplace_credentials" must have both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ACCESS_KEY_ID is missing

=== TEST 48: a profile with an unknown parameter
--- config
    marketplace_credentials profile role=admin;
--- refused
invalid parameter "role=admin" in "marketplace_credentials profile", it must be "name=..." or "file=...", each once

=== TEST 49: a profile's file is missing
--- config
    marketplace_credentials profile file=/nonexistent/credentials;
--- refused
"marketplace_credentials" cannot read the credentials file "/nonexistent/credentials" (2: No such file or directory)

=== TEST 50: a profile's file is a folder
--- config
    marketplace_credentials profile file=$TEST_NGINX_TMP;
--- refused eval
qq{"marketplace_credentials": credentials file "$ENV{TEST_NGINX_TMP}" is not a file}

=== TEST 51: a profile that is not in its file
--- config
    marketplace_credentials profile name=other
        file=$TEST_NGINX_SERVER_ROOT/html/credentials;
--- user_files eval: ">>> credentials\n[default]\n$::keys"
--- refused eval
qq{"marketplace_credentials": profile "other" does not exist, in "$ENV{TEST_NGINX_SERVER_ROOT}/html/credentials"$::config_file}

=== TEST 52: a profile without a secret
--- config
    marketplace_credentials profile
        file=$TEST_NGINX_SERVER_ROOT/html/credentials;
--- user_files
>>> credentials
[default]
aws_access_key_id = AKIDEXAMPLE
--- refused eval
qq{"marketplace_credentials": profile "default" has only one of aws_access_key_id and aws_secret_access_key, in "$ENV{TEST_NGINX_SERVER_ROOT}/html/credentials"$::config_file}

=== TEST 53: a profile without keys
--- config
    marketplace_credentials profile
        file=$TEST_NGINX_SERVER_ROOT/html/credentials;
--- user_files
>>> credentials
[default]
region = us-east-1
--- refused eval
qq{"marketplace_credentials": profile "default" has no credentials, in "$ENV{TEST_NGINX_SERVER_ROOT}/html/credentials"$::config_file}

=== TEST 54: a profile with a role, whose source is not there
--- config
    marketplace_credentials profile
        file=$TEST_NGINX_SERVER_ROOT/html/credentials;
--- user_files
>>> credentials
[default]
role_arn = arn:aws:iam::111122223333:role/metering
source_profile = other
--- refused eval
qq{"marketplace_credentials": profile "other" does not exist, in "$ENV{TEST_NGINX_SERVER_ROOT}/html/credentials"$::config_file}

=== TEST 55: a profile's file, when there is nowhere to look for it
--- config
    marketplace_credentials profile;
--- env
!HOME
--- refused
"marketplace_credentials profile" must have "file=", because neither AWS_SHARED_CREDENTIALS_FILE nor HOME is set

=== TEST 56: marketplace_connect_timeout, zero
--- config
    marketplace_connect_timeout 0;
--- refused
invalid value "0" in "marketplace_connect_timeout", it must be a time above zero, like "2s"

=== TEST 57: marketplace_send_timeout, no time
--- config
    marketplace_send_timeout soon;
--- refused
invalid value "soon" in "marketplace_send_timeout", it must be a time above zero, like "2s"

=== TEST 58: marketplace_read_timeout, zero
--- config
    marketplace_read_timeout 0ms;
--- refused
invalid value "0ms" in "marketplace_read_timeout", it must be a time above zero, like "2s"

=== TEST 59: marketplace_timeout, zero
--- config
    marketplace_timeout 0s;
--- refused
invalid value "0s" in "marketplace_timeout", it must be a time above zero, like "2s"

=== TEST 60: marketplace_timeout, negative
--- config
    marketplace_timeout -1s;
--- refused
invalid value "-1s" in "marketplace_timeout", it must be a time above zero, like "2s"

=== TEST 61: marketplace_ssl_verify, neither on nor off
--- config
    marketplace_ssl_verify maybe;
--- refused
invalid value "maybe" in "marketplace_ssl_verify" directive, it must be "on" or "off"

=== TEST 62: marketplace_ssl_verify_depth, no number
--- config
    marketplace_ssl_verify_depth deep;
--- refused
invalid value "deep" in "marketplace_ssl_verify_depth", it must be a number, like "4"

=== TEST 63: marketplace_ssl_trusted_certificate, a file that is missing
--- config
    marketplace_ssl_trusted_certificate /nonexistent/ca.pem;
--- refused
"marketplace_ssl_trusted_certificate" must be a file of CA certificates in PEM, and "/nonexistent/ca.pem" cannot be read as one

=== TEST 64: marketplace_ssl_trusted_certificate, garbage
--- config
    marketplace_ssl_trusted_certificate $TEST_NGINX_SERVER_ROOT/html/ca.pem;
--- user_files
>>> ca.pem
this is no certificate
--- refused eval
qq{"marketplace_ssl_trusted_certificate" must be a file of CA certificates in PEM, and "$ENV{TEST_NGINX_SERVER_ROOT}/html/ca.pem" cannot be read as one}

=== TEST 65: marketplace_ssl_protocols, one that AWS does not take
--- config
    marketplace_ssl_protocols TLSv1.2 TLSv1.1;
--- refused
invalid value "TLSv1.1" in "marketplace_ssl_protocols", it must be "TLSv1.2", "TLSv1.3" or both, which is what AWS takes

=== TEST 66: marketplace_ssl_ciphers, none that OpenSSL has
--- config
    marketplace_ssl_ciphers ROT13;
--- refused
"marketplace_ssl_ciphers" must be a cipher list as OpenSSL has it, and "ROT13" is none

=== TEST 67: marketplace_resolve twice
--- config
    marketplace_resolve off;
    marketplace_resolve on;
--- refused
"marketplace_resolve" directive is duplicate

=== TEST 68: marketplace_token_field twice
--- config
    marketplace_token_field a;
    marketplace_token_field b;
--- refused
"marketplace_token_field" directive is duplicate

=== TEST 69: marketplace_token_source twice
--- config
    marketplace_token_source body;
    marketplace_token_source args;
--- refused
"marketplace_token_source" directive is duplicate

=== TEST 70: marketplace_token_max_size twice
--- config
    marketplace_token_max_size 1k;
    marketplace_token_max_size 1k;
--- refused
"marketplace_token_max_size" directive is duplicate

=== TEST 71: marketplace_product_code twice
--- config
    marketplace_product_code a;
    marketplace_product_code b;
--- refused
"marketplace_product_code" directive is duplicate

=== TEST 72: marketplace_region twice
--- config
    marketplace_region us-east-1;
    marketplace_region us-east-1;
--- refused
"marketplace_region" directive is duplicate

=== TEST 73: marketplace_endpoint twice
--- config
    marketplace_endpoint http://localhost;
    marketplace_endpoint http://localhost;
--- refused
"marketplace_endpoint" directive is duplicate

=== TEST 74: marketplace_credentials twice
--- config
    marketplace_credentials default;
    marketplace_credentials static id=AKIDEXAMPLE secret=s;
--- refused
"marketplace_credentials" directive is duplicate

=== TEST 75: marketplace_connect_timeout twice
--- config
    marketplace_connect_timeout 1s;
    marketplace_connect_timeout 1s;
--- refused
"marketplace_connect_timeout" directive is duplicate

=== TEST 76: marketplace_send_timeout twice
--- config
    marketplace_send_timeout 1s;
    marketplace_send_timeout 1s;
--- refused
"marketplace_send_timeout" directive is duplicate

=== TEST 77: marketplace_read_timeout twice
--- config
    marketplace_read_timeout 1s;
    marketplace_read_timeout 1s;
--- refused
"marketplace_read_timeout" directive is duplicate

=== TEST 78: marketplace_timeout twice
--- config
    marketplace_timeout 1s;
    marketplace_timeout 1s;
--- refused
"marketplace_timeout" directive is duplicate

=== TEST 79: marketplace_ssl_verify twice
--- config
    marketplace_ssl_verify on;
    marketplace_ssl_verify off;
--- refused
"marketplace_ssl_verify" directive is duplicate

=== TEST 80: marketplace_ssl_trusted_certificate twice
--- config
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
--- refused
"marketplace_ssl_trusted_certificate" directive is duplicate

=== TEST 81: marketplace_ssl_verify_depth twice
--- config
    marketplace_ssl_verify_depth 1;
    marketplace_ssl_verify_depth 1;
--- refused
"marketplace_ssl_verify_depth" directive is duplicate

=== TEST 82: marketplace_ssl_protocols twice
--- config
    marketplace_ssl_protocols TLSv1.2;
    marketplace_ssl_protocols TLSv1.3;
--- refused
"marketplace_ssl_protocols" directive is duplicate

=== TEST 83: marketplace_ssl_ciphers twice
--- config
    marketplace_ssl_ciphers HIGH;
    marketplace_ssl_ciphers HIGH;
--- refused
"marketplace_ssl_ciphers" directive is duplicate

=== TEST 84: every directive at once
--- http_config
    marketplace_resolve off;
    marketplace_token_field token;
    marketplace_token_source body args;
    marketplace_token_max_size 16k;
    marketplace_product_code other standinproductcode0000001;
    marketplace_region us-west-2;
    marketplace_endpoint https://localhost:$TEST_NGINX_AWS_HTTPS;
    marketplace_credentials static id=ASIAEXAMPLE
        secret=temporaryXUtnFEMI/K7MDENG+bPxRfEXAMPLEKEY
        token=FQoGZXIvYXdzEXAMPLETOKEN/+temporary==;
    marketplace_connect_timeout 3s;
    marketplace_send_timeout 3000ms;
    marketplace_read_timeout 3;
    marketplace_timeout 1m;
    marketplace_ssl_verify on;
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
    marketplace_ssl_verify_depth 2;
    marketplace_ssl_protocols TLSv1.2 TLSv1.3;
    marketplace_ssl_ciphers HIGH:!aNULL;
--- config eval: $::register
--- request
POST /register
token=ok1
--- response_body_like: X-Marketplace-Customer-AWS-Account-Id: \d{12}
--- aws_request_like chomp
^Host: localhost:\d+
(.*\n)*X-Amz-Security-Token: FQoGZXIvYXdzEXAMPLETOKEN/\+temporary==
(.*\n)*Authorization: AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/\d{8}/us-west-2/aws-marketplace/aws4_request,
--- aws_calls: 1

=== TEST 85: a mode in capitals
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve ON;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- response_body_like: X-Marketplace-Product-Code: standinproductcode0000001

=== TEST 86: merging from http
--- http_config eval: $::aws . "marketplace_resolve on;"
--- config
    location = /register {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- response_body_like: X-Marketplace-Product-Code: standinproductcode0000001
--- aws_calls: 1

=== TEST 87: merging from the server, and off in a location undoes it
--- http_config eval: $::aws
--- config
    marketplace_resolve on;
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /off {
        marketplace_resolve off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
["POST /register\nx-amzn-marketplace-token=ok1",
 "POST /off\nx-amzn-marketplace-token=ok2"]
--- response_body_like eval
["X-Marketplace-Product-Code:", "^POST /off\n\n"]
--- error_code eval: [200, 200]
--- aws_tokens eval: ["ok1"]

=== TEST 88: optional in the server, on in a location, and deeper off
--- http_config eval: $::aws . "marketplace_resolve off;"
--- config
    marketplace_resolve optional;
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /on {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;

        location /on/off {
            marketplace_resolve off;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
--- request eval
["POST /register\nnothing=1", "POST /on\nnothing=1",
 "POST /on/off\nnothing=1"]
--- response_body_like eval
["X-Marketplace-Error: MissingToken\n", "400 Bad Request",
 "^POST /on/off\n\n"]
--- error_code eval: [200, 400, 200]
--- aws_calls: 0

=== TEST 89: every setting merges by itself
--- http_config eval: $::aws . "marketplace_region eu-west-1;"
--- config
    marketplace_token_field token;
    marketplace_resolve on;
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /region {
        marketplace_region us-west-2;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /product {
        marketplace_product_code other;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
[map { "POST /$_\ntoken=ok1" } qw(product register region)]
--- response_body_like eval
["403 Forbidden", "X-Marketplace-Product", "X-Marketplace-Product"]
--- error_code eval: [403, 200, 200]
--- aws_request_like: Credential=AKIDEXAMPLE/\d{8}/us-west-2/
--- aws_calls: 3

=== TEST 90: what tokens are and where they come from is merged, too
--- http_config eval
$::aws . "marketplace_token_source args; marketplace_token_field t;
    marketplace_token_max_size 4; marketplace_product_code other;"
--- config eval: $::register
--- request eval
[map { "POST /register?t=$_" } "ok12", "ok123", "product:other"]
--- response_body_like eval: ["403 Forbidden", "413", "413"]
--- error_code eval: [403, 413, 413]
--- aws_tokens eval: ["ok12"]

=== TEST 91: an if in the location takes the location's settings
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve on;
        if ($request_method = POST) {
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
--- response_body_like: X-Marketplace-Product-Code: standinproductcode0000001
--- aws_calls: 1

=== TEST 92: default credentials in a location undo the server's
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve on;
        marketplace_credentials default;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- env
AWS_ACCESS_KEY_ID=AKIDSLASH
AWS_SECRET_ACCESS_KEY=/JalrXUtnFEMI/K7MDENG+bPxRfiCYSLASHKEY==
--- aws_request_like: Credential=AKIDSLASH/
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 93: the environment's keys
--- http_config eval: $::endpoint . "marketplace_credentials env;"
--- config eval: $::register
--- env eval: $::env_keys
--- aws_request_like: Credential=AKIDEXAMPLE/\d{8}/us-east-1/aws-marketplace/
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 94: the environment's session token
--- http_config eval: $::endpoint . "marketplace_credentials env;"
--- config eval: $::register
--- env
AWS_ACCESS_KEY_ID=ASIAEXAMPLE
AWS_SECRET_ACCESS_KEY=temporaryXUtnFEMI/K7MDENG+bPxRfEXAMPLEKEY
AWS_SESSION_TOKEN=FQoGZXIvYXdzEXAMPLETOKEN/+temporary==
--- aws_request_like: ^X-Amz-Security-Token: FQoGZXIvYXdzEXAMPLETOKEN/\+temporary==$
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 95: the environment is the master's, whatever workers keep of it
--- main_config
    env PATH;
--- http_config eval: $::endpoint
--- config eval: $::register
--- env eval: $::env_keys . "AWS_REGION=us-west-2"
--- aws_request_like: Credential=AKIDEXAMPLE/\d{8}/us-west-2/
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 96: a profile, the default one
--- http_config eval
$::endpoint . 'marketplace_credentials profile
    file=$TEST_NGINX_SERVER_ROOT/html/credentials;'
--- config eval: $::register
--- user_files eval
">>> credentials\n[other]\n$::slash_keys\n[default]\n$::keys"
--- aws_request_like: Credential=AKIDEXAMPLE/
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 97: a profile by name, with a session token
--- http_config eval
$::endpoint . 'marketplace_credentials profile name=temporary
    file=$TEST_NGINX_SERVER_ROOT/html/credentials;'
--- config eval: $::register
--- user_files eval
">>> credentials\n[default]\n$::keys\n[temporary]\n$::temporary_keys"
--- aws_request_like: Credential=ASIAEXAMPLE/
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 98: a relative file is one of the configuration's folder
--- http_config eval
$::endpoint . "marketplace_credentials profile file=../html/credentials;"
--- config eval: $::register
--- user_files eval: ">>> credentials\n[default]\n$::keys"
--- aws_request_like: Credential=AKIDEXAMPLE/
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 99: AWS_PROFILE and AWS_SHARED_CREDENTIALS_FILE
--- http_config eval: $::endpoint . "marketplace_credentials profile;"
--- config eval: $::register
--- env
AWS_PROFILE=other
AWS_SHARED_CREDENTIALS_FILE=$TEST_NGINX_SERVER_ROOT/html/credentials
--- user_files eval
">>> credentials\n[default]\n$::keys\n[other]\n$::slash_keys"
--- aws_request_like: Credential=AKIDSLASH/
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 100: what the directive names is stronger than the environment
--- http_config eval
$::endpoint . 'marketplace_credentials profile name=default
    file=$TEST_NGINX_SERVER_ROOT/html/credentials;'
--- config eval: $::register
--- env
AWS_PROFILE=other
AWS_SHARED_CREDENTIALS_FILE=/nonexistent
--- user_files eval
">>> credentials\n[default]\n$::keys\n[other]\n$::slash_keys"
--- aws_request_like: Credential=AKIDEXAMPLE/
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 101: the file in HOME
--- http_config eval: $::endpoint . "marketplace_credentials profile;"
--- config eval: $::register
--- env
HOME=$TEST_NGINX_SERVER_ROOT/html
--- user_files eval: ">>> .aws/credentials\n[default]\n$::keys"
--- aws_request_like: Credential=AKIDEXAMPLE/
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 102: a file below HOME by its tilde
--- http_config eval: $::endpoint . "marketplace_credentials profile;"
--- config eval: $::register
--- env
HOME=$TEST_NGINX_SERVER_ROOT/html
AWS_SHARED_CREDENTIALS_FILE=~/mine
--- user_files eval: ">>> mine\n[default]\n$::keys"
--- aws_request_like: Credential=AKIDEXAMPLE/
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 103: by default the environment comes before the profile
--- http_config eval: $::endpoint
--- config eval: $::register
--- env eval: $::env_keys . 'HOME=$TEST_NGINX_SERVER_ROOT/html'
--- user_files eval: ">>> .aws/credentials\n[default]\n$::slash_keys"
--- aws_request_like: Credential=AKIDEXAMPLE/
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 104: by default the profile if there is nothing in the environment
--- http_config eval: $::endpoint
--- config eval: $::register
--- env
HOME=$TEST_NGINX_SERVER_ROOT/html
AWS_ACCESS_KEY_ID=
AWS_SECRET_ACCESS_KEY=
--- user_files eval: ">>> .aws/credentials\n[default]\n$::slash_keys"
--- aws_request_like: Credential=AKIDSLASH/
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 105: default in so many words
--- http_config eval: $::endpoint . "marketplace_credentials default;"
--- config eval: $::register
--- env eval: $::env_keys
--- aws_request_like: Credential=AKIDEXAMPLE/
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 106: half a pair in the environment is no reason to go on looking
--- http_config eval: $::endpoint
--- config eval: $::register
--- env
HOME=$TEST_NGINX_SERVER_ROOT/html
AWS_ACCESS_KEY_ID=AKIDEXAMPLE
--- user_files eval: ">>> .aws/credentials\n[default]\n$::keys"
--- refused_by_environment
the environment of "marketplace_credentials" must have both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SECRET_ACCESS_KEY is missing

=== TEST 107: without credentials nginx starts, and only a resolve fails
--- suppress_stderr
--- http_config eval: $::endpoint
--- config
    location = /register {
        marketplace_resolve on;
        add_header Marketplace-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- error_code: 500
--- response_headers
Marketplace-Error: NoCredentials
--- error_log eval
[qr/\[warn\] \d+#\d+: marketplace: there are no AWS credentials in the environment or the shared credentials file, and EC2's instance metadata is disabled; no customer can be resolved without/,
 qr/\[error\] .* marketplace: NoCredentials while getting credentials: no AWS credentials could be had: /]
--- aws_calls: 0

=== TEST 108: a default profile that is broken is told, and nginx starts
--- suppress_stderr
--- http_config eval: $::endpoint
--- config eval: $::register
--- env
HOME=$TEST_NGINX_SERVER_ROOT/html
--- user_files
>>> .aws/credentials
[default]
aws_access_key_id = AKIDEXAMPLE
--- error_code: 500
--- error_log
profile "default" has only one of aws_access_key_id and aws_secret_access_key
no customer can be resolved without
--- aws_calls: 0

=== TEST 109: where nothing is resolved no credentials are looked for
--- http_config eval: $::endpoint
--- config
    location = /register {
        marketplace_resolve off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- env
AWS_ACCESS_KEY_ID=AKIDEXAMPLE
AWS_REGION=nowhere
AWS_ENDPOINT_URL=nothing
--- response_body eval
"POST /register\n\nx-amzn-marketplace-token=ok1"
--- no_error_log
no AWS credentials

=== TEST 110: AWS_REGION
--- http_config eval: $::static . $::endpoint
--- config eval: $::register
--- env
AWS_REGION=us-west-2
AWS_DEFAULT_REGION=eu-west-1
--- aws_request_like: Credential=AKIDEXAMPLE/\d{8}/us-west-2/
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 111: AWS_DEFAULT_REGION
--- http_config eval: $::static . $::endpoint
--- config eval: $::register
--- env
AWS_REGION=
AWS_DEFAULT_REGION=eu-west-1
--- aws_request_like: Credential=AKIDEXAMPLE/\d{8}/eu-west-1/
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 112: marketplace_region is stronger than the environment
--- http_config eval: $::static . $::endpoint . "marketplace_region eu-west-1;"
--- config eval: $::register
--- env
AWS_REGION=nowhere
--- aws_request_like: Credential=AKIDEXAMPLE/\d{8}/eu-west-1/
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 113: AWS_REGION is malformed
--- http_config eval: $::static . $::endpoint
--- config eval: $::register
--- env
AWS_REGION=nowhere
--- refused_by_environment
invalid region "nowhere" in the environment variable AWS_REGION, it must be like "us-east-1"; "marketplace_region" would take precedence

=== TEST 114: AWS_DEFAULT_REGION is malformed
--- http_config eval: $::static . $::endpoint
--- config eval: $::register
--- env
AWS_DEFAULT_REGION=US-EAST-1
--- refused_by_environment
invalid region "US-EAST-1" in the environment variable AWS_DEFAULT_REGION, it must be like "us-east-1"; "marketplace_region" would take precedence

=== TEST 115: AWS_ENDPOINT_URL
--- http_config eval: $::static
--- config eval: $::register
--- env
AWS_ENDPOINT_URL=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
--- response_body_like: X-Marketplace-Product-Code:
--- aws_calls: 1

=== TEST 116: AWS_ENDPOINT_URL_MARKETPLACE_METERING is stronger
--- http_config eval: $::static
--- config eval: $::register
--- env
AWS_ENDPOINT_URL=http://127.0.0.1:1
AWS_ENDPOINT_URL_MARKETPLACE_METERING=http://127.0.0.1:$TEST_NGINX_AWS_HTTP/
--- response_body_like: X-Marketplace-Product-Code:
--- aws_calls: 1

=== TEST 117: marketplace_endpoint is stronger than the environment
--- http_config eval: $::aws
--- config eval: $::register
--- env
AWS_ENDPOINT_URL=nothing
AWS_ENDPOINT_URL_MARKETPLACE_METERING=nothing
--- response_body_like: X-Marketplace-Product-Code:
--- aws_calls: 1

=== TEST 118: AWS_IGNORE_CONFIGURED_ENDPOINT_URLS leaves the region's own
--- http_config eval
$::static . 'upstream metering.marketplace.us-east-1.amazonaws.com {
    server 127.0.0.1:$TEST_NGINX_AWS_HTTPS; }
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;'
--- config eval: $::register
--- env
AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=TRUE
AWS_ENDPOINT_URL=http://127.0.0.1:1
AWS_ENDPOINT_URL_MARKETPLACE_METERING=nothing
--- aws_request_like: ^Host: metering\.marketplace\.us-east-1\.amazonaws\.com$
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 119: AWS_IGNORE_CONFIGURED_ENDPOINT_URLS does not touch the directive
--- http_config eval: $::aws
--- config eval: $::register
--- env
AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true
--- response_body_like: X-Marketplace-Product-Code:
--- aws_calls: 1

=== TEST 120: AWS_IGNORE_CONFIGURED_ENDPOINT_URLS that is not true
--- http_config eval: $::static
--- config eval: $::register
--- env
AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=false
AWS_ENDPOINT_URL=http://127.0.0.1:$TEST_NGINX_AWS_HTTP
--- response_body_like: X-Marketplace-Product-Code:
--- aws_calls: 1

=== TEST 121: an endpoint of the environment that is malformed
--- http_config eval: $::static
--- config eval: $::register
--- env
AWS_ENDPOINT_URL_MARKETPLACE_METERING=localhost:8080
--- refused_by_environment
invalid endpoint "localhost:8080" in the environment variable AWS_ENDPOINT_URL_MARKETPLACE_METERING: the scheme has to be http:// or https://; "marketplace_endpoint" would take precedence

=== TEST 122: an endpoint of the environment that is an address over TLS
--- http_config eval: $::static
--- config eval: $::register
--- env
AWS_ENDPOINT_URL=https://127.0.0.1:8443
--- suppress_stderr
--- must_die: 1
--- error_log eval
qr/\[emerg\] .* and not the address "127\.0\.0\.1"/

=== TEST 123: an endpoint of the environment that is an upstream with a port
--- http_config eval: $::static . $::upstream
--- config eval: $::register
--- env
AWS_ENDPOINT_URL=http://metering:8080
--- suppress_stderr
--- must_die: 1
--- error_log eval
qr/\[emerg\] .* names upstream "metering", which may not have port 8080/

=== TEST 124: an endpoint of the environment may name an upstream
--- http_config eval: $::static . $::upstream
--- config eval: $::register
--- env
AWS_ENDPOINT_URL=http://metering
--- aws_request_like: ^Host: metering\.marketplace\.us-east-1\.amazonaws\.com$
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 125: an upstream block in front of the directive
--- http_config eval
$::upstream . $::static . "marketplace_endpoint http://metering;"
--- config eval: $::register
--- aws_request_like: ^Host: metering\.marketplace\.us-east-1\.amazonaws\.com$
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 126: an upstream block behind the directive, without case
--- http_config eval
"marketplace_endpoint http://METERING;" . $::static . $::upstream
--- config eval: $::register
--- aws_request_like: ^Host: metering\.marketplace\.us-east-1\.amazonaws\.com$
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 127: an upstream block for a proxy of the same name is no other
--- http_config eval
$::static . $::upstream . 'upstream backend {
    server 127.0.0.1:$TEST_NGINX_BACKEND; }'
--- config
    location = /register {
        marketplace_resolve on;
        marketplace_endpoint http://metering/;
        proxy_pass http://backend;
    }
--- aws_calls: 1
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 128: an upstream over TLS has the certificate of the region's host
--- http_config eval
$::static . 'marketplace_endpoint https://metering;
    marketplace_ssl_trusted_certificate $TEST_NGINX_CA;
    upstream metering { server 127.0.0.1:$TEST_NGINX_AWS_HTTPS; }'
--- config eval: $::register
--- aws_request_like: ^Host: metering\.marketplace\.us-east-1\.amazonaws\.com$
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 129: the host of another region
--- http_config eval
$::static . $::upstream . "marketplace_endpoint http://metering;"
--- config
    location = /register {
        marketplace_resolve on;
        marketplace_region eu-central-1;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- aws_request_like chomp
^Host: metering\.marketplace\.eu-central-1\.amazonaws\.com
(.*\n)*Authorization: .*/eu-central-1/aws-marketplace/aws4_request
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 130: the host of another partition
--- http_config eval
$::static . $::upstream . "marketplace_endpoint http://metering;"
--- config eval: $::register
--- env
AWS_REGION=cn-north-1
--- aws_request_like: ^Host: metering\.marketplace\.cn-north-1\.amazonaws\.com\.cn$
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 131: two locations with regions of their own
--- http_config eval
$::static . $::upstream . "marketplace_endpoint http://metering;"
--- config
    location = /register {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /west {
        marketplace_resolve on;
        marketplace_region us-west-2;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
[map { "POST /$_\nx-amzn-marketplace-token=ok1" } qw(register west)]
--- error_code eval: [200, 200]
--- aws_request_like: ^Host: metering\.marketplace\.us-west-2\.amazonaws\.com$
--- aws_calls: 2

=== TEST 132: an address over TLS without verification
--- http_config eval
$::static . 'marketplace_endpoint https://127.0.0.1:$TEST_NGINX_AWS_HTTPS;
    marketplace_ssl_verify off;'
--- config eval: $::register
--- aws_calls: 1
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 133: SSL_CERT_FILE is the system's bundle
--- http_config eval
$::static . 'marketplace_endpoint https://localhost:$TEST_NGINX_AWS_HTTPS;'
--- config eval: $::register
--- env
SSL_CERT_FILE=$TEST_NGINX_CA
--- aws_calls: 1
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 134: the system's bundle does not vouch for the stand-in
--- http_config eval
$::static . 'marketplace_endpoint https://localhost:$TEST_NGINX_AWS_HTTPS;'
--- config eval: $::register
--- error_code: 502
--- error_log
upstream SSL certificate verify error
marketplace: ResolveCustomer failed: ConnectionError
--- aws_calls: 0

=== TEST 135: a verify setting in one location is not another's
--- http_config eval
$::static . 'marketplace_endpoint https://localhost:$TEST_NGINX_AWS_HTTPS;'
--- config
    location = /register {
        marketplace_resolve on;
        marketplace_ssl_verify off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location = /strict {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request eval
[map { "POST /$_\nx-amzn-marketplace-token=ok1" }
    qw(register strict register strict)]
--- error_code eval: [200, 502, 200, 502]
--- aws_calls: 2

=== TEST 136: with a resolver a host is not looked up at start
--- http_config eval: $::static
--- config
    resolver 127.0.0.1:1;
    resolver_timeout 100ms;
    marketplace_endpoint http://unknown.invalid;
    location = /register {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- error_code: 502
--- error_log
unknown.invalid could not be resolved

=== TEST 137: a host in capitals is signed and sent in small letters
--- http_config eval
$::static . 'marketplace_endpoint HTTP://LOCALHOST:$TEST_NGINX_AWS_HTTP;'
--- config eval: $::register
--- aws_request_like: ^Host: localhost:\d+$
--- response_body_like: X-Marketplace-Product-Code:

=== TEST 138: directives of later versions are unknown
--- config
    marketplace_tries 3;
--- refused
unknown directive "marketplace_tries"

=== TEST 139: without the module's directives nothing is done
--- config
    location = /register {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /register
x-amzn-marketplace-token=ok1
--- env
AWS_ACCESS_KEY_ID=AKIDEXAMPLE
--- response_body_like: ^POST /register\n\n
--- aws_calls: 0

=== TEST 140: static credentials with two ids
--- config
    marketplace_credentials static id=AKIDEXAMPLE id=AKIDOTHER secret=s;
--- refused
"marketplace_credentials static" takes "id=", "secret=" and "token=", each once, which its parameter 2 is not

=== TEST 141: default credentials take no parameters
--- config
    marketplace_credentials default secret=XUtnFEMI;
--- refused
"marketplace_credentials default" takes no parameters
--- no_error_log
XUtnFEMI

=== TEST 142: a token size that no token has
--- config
    marketplace_token_max_size 1048577;
--- refused
invalid value "1048577" in "marketplace_token_max_size", it must be a size above zero, like "8k", and at most "1m"

=== TEST 143: an SSL_CERT_FILE that is none
--- http_config eval
$::static . 'marketplace_endpoint https://localhost:$TEST_NGINX_AWS_HTTPS;'
--- config eval: $::register
--- env
SSL_CERT_FILE=/dev/null
--- refused_by_environment
marketplace: the environment's SSL_CERT_FILE must be a file of CA certificates in PEM, and "/dev/null" cannot be read as one; "marketplace_ssl_trusted_certificate" would take precedence

=== TEST 144: half a pair in the environment is no line's fault
--- config eval: $::register
--- env
AWS_ACCESS_KEY_ID=AKIDEXAMPLE
--- http_config
    marketplace_endpoint http://127.0.0.1:1;
--- suppress_stderr
--- must_die: 1
--- error_log eval
qr/AWS_SECRET_ACCESS_KEY is missing$/m

=== TEST 145: static credentials whose source was forgotten
--- config
    marketplace_credentials secret=XUtnFEMI id=AKIDEXAMPLE;
--- refused
"marketplace_credentials" cannot take credentials from "...=...", it must be "default", "env", "static id=... secret=... [token=...]", "profile [name=...] [file=...]", "container", "imds" or "web_identity"
--- no_error_log
XUtnFEMI
