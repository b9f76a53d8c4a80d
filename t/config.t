# The directives and the environment: what is refused, with which words, what
# is taken, and how it merges.

use lib 't/lib';
use File::Path ();
use POSIX ();
use Test::Nginx::Socket 'no_plan';
use Marketplace;

no_root_location();
master_on();
workers(2);

# nginx warns of credentials that everyone can read.

umask 077;

our $secret = qr/XUtnFEMI|FQoGZXIvYXdzEXAMPLE|SECRETTOKEN/;

# --- refused: nginx does not start, and says so in these words, with the place
# of the directive.
#
# --- refused_by_environment: the same, where it is no directive's fault.

add_block_preprocessor(sub {
    my $block = shift;

    my ($words, $elsewhere) = map { defined
            ? s/\n\z//r =~ s/\$(TEST_NGINX_\w+)/$ENV{$1}/gr : undef }
        scalar $block->refused, scalar $block->refused_by_environment;

    my $message = defined $words
        ? qr/\[emerg\] \d+#\d+: \Q$words\E in \S+\/nginx\.conf:\d+$/
        : defined $elsewhere ? qr/\[emerg\] \d+#\d+: \Q$elsewhere\E$/
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

# A message never has a secret in it.

add_test_cleanup_handler(sub {
    my $block = shift;

    Test::More::unlike(lines($Test::Nginx::Util::ErrLogFile), $secret,
        $block->name . ' - no secret in error.log');
});

sub lines {
    open my $file, '<', shift or die;
    local $/;

    return <$file>;
}

# Writes a file that others than its owner can read, or not, and returns its
# name.

sub put {
    my ($name, $mode, $text) = @_;

    my $file = "$ENV{TEST_NGINX_TMP}/$name";

    File::Path::make_path($file =~ s{/[^/]+$}{}r, {chmod => 0755});
    unlink $file;

    open my $out, '>', $file or die "$file: $!";
    print $out $text;
    close $out;
    chmod $mode, $file;

    return $file;
}

# What "nginx -t" says of directives in http{}, where there is a location that
# resolves: its status, and its messages as "level: text".  As real
# configurations do, this one has "user" before http{}, or it has it behind.

sub nginx_t {
    my ($directives, %with) = @_;

    local %ENV = %ENV;
    my $env = $with{env} // {};

    for (keys %$env) {
        defined $env->{$_} ? ($ENV{$_} = $env->{$_}) : delete $ENV{$_};
    }

    my $log = "$ENV{TEST_NGINX_TMP}/t.log";
    my @by = @{ $with{by} // [] };
    my ($user, $behind) = map { defined ? "user $_;" : '' }
        $with{user} // ($> == 0 && !exists $with{behind} ? 'root' : undef),
        $with{behind};

    unlink $log;

    my $conf = put('t.conf', 0600, <<"_EOC_");
load_module $ENV{TEST_NGINX_LOAD_MODULES};
error_log $log info;
pid $ENV{TEST_NGINX_TMP}/t.pid;
$user
events {}
http {
    access_log off;
    marketplace_endpoint http://127.0.0.1:$ENV{TEST_NGINX_AWS_HTTP};
    $directives
    server {
        listen 127.0.0.1:${\ nginx_port() };
        location / {
            marketplace_resolve on;
        }
    }
}
$behind
_EOC_

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDERR, '>', '/dev/null';
        $) = "0 0 $with{group}" if $> == 0 && defined $with{group};
        exec @by, $Test::Nginx::Util::NginxBinary, '-t', '-e', $log, '-p',
            $ENV{TEST_NGINX_TMP}, '-c', $conf or die "exec: $!";
    }

    waitpid $pid, 0;

    # nginx, too, notices who is not root

    return ($?, grep { !/^warn: the "user" directive makes sense only if/ }
        map { /\[(\w+)\] \d+#\d+: (.*)/ ? "$1: $2" : () }
        split /\n/, lines($log));
}

# How often a service of the stand-in was asked.

sub calls {
    return 0 + standin(GET => 'count?service=' . shift);
}

# The place of the last of these directives.

sub place_of {
    my $directives = shift;

    return "in $ENV{TEST_NGINX_TMP}/t.conf:"
        . (9 + ($directives =~ tr/\n//));
}

# Checks that nginx -t refuses that, in these words and no others.  HERE in
# them is the place of the directives, and "..." the value of a parameter that
# is invalid: it may be a secret, and need not be told.

sub is_refused {
    my ($name, $words, $directives, %with) = @_;

    my ($status, @messages) = nginx_t($directives, %with);
    my $here = place_of($directives);

    is($status, 1 << 8, "$name: refused");
    is(join("\n", map { /^(?:emerg|alert|crit): (.*)/ } @messages)
        =~ s/(invalid parameter "\w+=)[^"]*/$1.../r,
        $words =~ s/\bHERE\b/$here/r, "$name: words");
    unlike("@messages", $secret, "$name: no secret");
    is(calls('all'), 0, "$name: nothing is fetched");
}

# Checks that nginx -t takes that, with no worse messages than these.

sub is_taken {
    my ($name, $warnings, $directives, %with) = @_;

    my ($status, @messages) = nginx_t($directives, %with);
    my $here = place_of($directives);

    is($status, 0, "$name: taken");
    is(join("\n", map { /^(?:emerg|alert|crit|error|warn): (.*)/ } @messages),
        $warnings =~ s/\bHERE\b/$here/gr, "$name: words");
    unlike("@messages", $secret, "$name: no secret");
    is(calls('all'), 0, "$name: nothing is fetched");

    return @messages;
}

# A user who has a group of the same name, as "user" wants it, and is not root;
# and how messages call it.  Who is not root cannot become another one.

our $user;

while (my ($name, undef, $uid) = getpwent) {
    $user = $name if $uid != 0 && defined getgrnam($name)
        && ($name =~ /^(?:nobody|www-data)$/ || !defined $user);
}

die 'there is no user with a group of the same name' unless defined $user;

our ($as_user, $as_root) = map { $> == 0 ? qq{ as the workers' user "$_"} : '' }
    $user, 'root';

# A mode that keeps that user from reading.

our $unreadable = $> == 0 ? 0600 : 0;

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

our $roles = 'arn:aws:iam::111122223333:role';

# STS at the stand-in.

our $sts = 'AWS_ENDPOINT_URL_STS=http://127.0.0.1:$TEST_NGINX_AWS_HTTP';

# The endpoint of containers, there as well.

our $container = 'AWS_CONTAINER_CREDENTIALS_FULL_URI='
    . 'http://127.0.0.1:$TEST_NGINX_AWS_HTTP/v1/credentials';

# Blocks whose test asks nginx -t.

our $idle = <<'_EOC_';
    location / {
        return 200;
    }
_EOC_

# --- worker_user: workers run as another user than root, who cannot read the
# config file in the folder "elsewhere".

add_block_preprocessor(sub {
    my $block = shift;

    $Test::Nginx::Util::WorkerUser =
        defined $block->worker_user && $> == 0 ? $user : undef;

    if (defined $block->worker_user) {
        put('elsewhere/.aws/config', 0, "[default]\nregion = eu-west-1");
        put('keys', 0644, "[default]\n$keys");
    }
});

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
marketplace: "marketplace_endpoint" names upstream "metering", which may not have port 8080,

=== TEST 29: marketplace_endpoint, an address has no certificate
--- http_config eval: $::static
--- config
    marketplace_resolve on;
    marketplace_endpoint https://127.0.0.1:8443;
--- refused
marketplace: "marketplace_endpoint" must have the name of a host and not the address "127.0.0.1", because the certificate is verified against it,

=== TEST 30: marketplace_endpoint, nor has an IPv6 address
--- http_config eval: $::static
--- config
    marketplace_resolve on;
    marketplace_endpoint https://[::1]:8443;
--- refused
marketplace: "marketplace_endpoint" must have the name of a host and not the address "[::1]", because the certificate is verified against it,

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

=== TEST 34: container credentials that are not there
--- config
    marketplace_credentials container;
--- refused
"marketplace_credentials container" needs AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI in the environment that nginx is started with, where ECS puts it for a task with a role and EKS for a Pod Identity

=== TEST 35: imds credentials that are switched off
--- config
    marketplace_credentials imds;
--- env
AWS_EC2_METADATA_DISABLED=True
--- refused
"marketplace_credentials imds" needs EC2's instance metadata, which AWS_EC2_METADATA_DISABLED in the environment that nginx is started with switches off

=== TEST 36: web_identity credentials that are not there
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

=== TEST 43: a static session token that would be two headers
--- config eval
"    marketplace_credentials static id=AKIDEXAMPLE secret=s"
    . " \"token=XUtnFEMI\r\nEvil: 1\";"
--- refused
"marketplace_credentials": source "static" has an invalid session token: it must be printable and without spaces

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
--- config eval: $::idle
--- test
is_refused('profile', 'invalid parameter "role=..." in'
    . ' "marketplace_credentials profile", it must be "name=..." or'
    . ' "file=...", each once HERE', 'marketplace_credentials profile'
    . ' role=admin;');

=== TEST 49: a profile's file is missing
--- config
    marketplace_credentials profile file=/nonexistent/credentials;
--- refused
"marketplace_credentials" cannot read the credentials file "/nonexistent/credentials" (2: No such file or directory)

=== TEST 50: a profile's file is a folder
--- config
    marketplace_credentials profile file=$TEST_NGINX_TMP;
--- refused eval
$> == 0
? qq{"marketplace_credentials": credentials file "$ENV{TEST_NGINX_TMP}" is not a file}
: qq{"marketplace_credentials" cannot read the credentials file "$ENV{TEST_NGINX_TMP}" (21: Is a directory)}

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
[qr/\[warn\] \d+#\d+: marketplace: there are no AWS credentials in the environment or the shared credentials file, and EC2's instance metadata is disabled; no customer can be resolved without: see "marketplace_credentials"$/,
 qr/\[error\] .* marketplace: NoCredentials while getting credentials: no AWS credentials could be had: the log has told why, either now or, if none are configured, when nginx was started; see marketplace_credentials/]
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
marketplace: invalid region "nowhere" in the environment variable AWS_REGION, it must be like "us-east-1"; "marketplace_region" would take precedence

=== TEST 114: AWS_DEFAULT_REGION is malformed
--- http_config eval: $::static . $::endpoint
--- config eval: $::register
--- env
AWS_DEFAULT_REGION=US-EAST-1
--- refused_by_environment
marketplace: invalid region "US-EAST-1" in the environment variable AWS_DEFAULT_REGION, it must be like "us-east-1"; "marketplace_region" would take precedence

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
marketplace: invalid endpoint "localhost:8080" in the environment variable AWS_ENDPOINT_URL_MARKETPLACE_METERING: the scheme has to be http:// or https://; "marketplace_endpoint" would take precedence

=== TEST 122: an endpoint of the environment that is an address over TLS
--- http_config eval: $::static
--- config eval: $::register
--- env
AWS_ENDPOINT_URL=https://127.0.0.1:8443
--- suppress_stderr
--- must_die: 1
--- error_log eval
qr/\[emerg\] .* marketplace: the environment's endpoint URL must have the name of a host and not the address "127\.0\.0\.1"/

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

=== TEST 138: without the module's directives nothing is done
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

=== TEST 139: static credentials with two ids
--- config
    marketplace_credentials static id=AKIDEXAMPLE id=AKIDOTHER secret=s;
--- refused
"marketplace_credentials static" takes "id=", "secret=" and "token=", each once, which its parameter 2 is not

=== TEST 140: default credentials take no parameters
--- config
    marketplace_credentials default secret=XUtnFEMI;
--- refused
"marketplace_credentials default" takes no parameters

=== TEST 141: a token size that no token has
--- config
    marketplace_token_max_size 1048577;
--- refused
invalid value "1048577" in "marketplace_token_max_size", it must be a size above zero, like "8k", and at most "1m"

=== TEST 142: an SSL_CERT_FILE that is none
--- http_config eval
$::static . 'marketplace_endpoint https://localhost:$TEST_NGINX_AWS_HTTPS;'
--- config eval: $::register
--- env
SSL_CERT_FILE=/dev/null
--- refused_by_environment
marketplace: the environment's SSL_CERT_FILE must be a file of CA certificates in PEM, and "/dev/null" cannot be read as one; "marketplace_ssl_trusted_certificate" would take precedence

=== TEST 143: half a pair in the environment is no line's fault
--- config eval: $::register
--- env
AWS_ACCESS_KEY_ID=AKIDEXAMPLE
--- http_config
    marketplace_endpoint http://127.0.0.1:1;
--- refused_by_environment
the environment of "marketplace_credentials" must have both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SECRET_ACCESS_KEY is missing

=== TEST 144: static credentials whose source was forgotten
--- config
    marketplace_credentials secret=XUtnFEMI id=AKIDEXAMPLE;
--- refused
"marketplace_credentials" cannot take credentials from "...=...", it must be "default", "env", "static id=... secret=... [token=...]", "profile [name=...] [file=...]", "container", "imds" or "web_identity"

=== TEST 145: container, imds and web_identity take no parameters
--- config eval: $::idle
--- test
is_refused($_, qq{"marketplace_credentials $_" takes no parameters HERE},
    "marketplace_credentials $_ secret=XUtnFEMI;")
    for qw(container imds web_identity);

=== TEST 146: a profile's parameters come once, have a value, and are no secrets
--- config eval: $::idle
--- test
is_refused("profile $_->[0]", qq{invalid parameter "$_->[1]" in}
    . ' "marketplace_credentials profile", it must be "name=..." or'
    . ' "file=...", each once HERE', "marketplace_credentials profile $_->[0];")
    for ['name=a name=a', 'name=...'], ['file=a file=b', 'file=...'],
        ['name=a file=b profile=c', 'profile=...'], ['default', 'default'],
        ['""', ''],
        ['name=', 'name=...'], ['file=', 'file=...'];

# Somebody has put another source in front of the keys.

unlike(join("\n", nginx_t("marketplace_credentials profile $_;")), $secret,
    "profile $_")
    for 'id=AKIDEXAMPLE secret=XUtnFEMI', 'secret=XUtnFEMI id=AKIDEXAMPLE',
        'token=FQoGZXIvYXdzEXAMPLE';

=== TEST 147: marketplace_assume_role, what is no role
--- config eval: $::idle
--- test
is_refused("role $_", '"marketplace_assume_role" has an invalid role ARN: it'
    . ' must be like "arn:aws:iam::123456789012:role/name" HERE',
    "marketplace_assume_role $_;") for
    'seller', '""', 'on', 'off duration=1h', 'arn:aws:iam::111122223333:role/',
    'arn:aws:iam::111122223333:user/seller',
    'arn:aws:iam::11112222333:role/seller',
    'arn:aws:iam:us-east-1:111122223333:role/seller',
    'arn:aws:sts::111122223333:assumed-role/seller/session',
    'ARN:aws:iam::111122223333:role/seller',
    '"arn:aws:iam::111122223333:role/sel ler"';

=== TEST 148: marketplace_assume_role without a role
--- config
    marketplace_assume_role;
--- refused
invalid number of arguments in "marketplace_assume_role" directive

=== TEST 149: marketplace_assume_role, parameters that are none, or twice there
--- config eval: $::idle
--- test
is_refused("role $_->[0]", qq{invalid parameter "$_->[1]" in}
    . ' "marketplace_assume_role", it must be "external_id=...",'
    . ' "session_name=..." or "duration=...", each once HERE',
    "marketplace_assume_role $roles/seller $_->[0];") for
    ['policy=x', 'policy=...'], ['seller', 'seller'],
    ['duration', 'duration'], ['Duration=1h', 'Duration=...'],
    ['external_id=ab external_id=ab', 'external_id=...'],
    ['session_name=ab session_name=cd', 'session_name=...'],
    ['duration=1h external_id=ab duration=1h', 'duration=...'];

=== TEST 150: marketplace_assume_role, values that STS would not take
--- config eval: $::idle
--- test
our %must = (external_id => 'external id: it must be from 2 to 1224 letters,'
    . ' digits and "_+=,.@:/-"',
    session_name => 'session name: it must be from 2 to 64 letters, digits'
    . ' and "_+=,.@-"',
    duration => 'duration: it must be from 900 to 43200 seconds');

sub is_refused_value {
    my ($parameter, $value) = @_;

    is_refused(substr("$parameter=$value", 0, 40),
        qq{"marketplace_assume_role" has an invalid $must{$parameter} HERE},
        qq{marketplace_assume_role $roles/seller "$parameter=$value";});
}

is_refused_value(external_id => $_) for 'a', 'a b', 'a#b', 'x' x 1225;
is_refused_value(session_name => $_) for 'a', 'a b', 'a/b', 'a:b', 'x' x 65;
is_refused_value(duration => $_) for '0', '1', '899', '14m', '43201',
    '12h1s', '1d', '-900', 'long', '4294968196', '9' x 40;

# Somebody has forgotten the value, or it comes from an empty variable.

for (keys %must) {
    my ($status, @messages) =
        nginx_t("marketplace_assume_role $roles/seller $_=;");
    my $words = tr/_/./r;

    is($status, 1 << 8, "no $_");
    like($messages[-1] // '', qr/^emerg: (?=.*"marketplace_assume_role").*$words/,
        "no $_: words");
}

is_refused("$_->[0], empty",
    qq{"marketplace_assume_role" has an invalid $_->[1] HERE},
    "marketplace_assume_role $roles/seller $_->[0]=;") for
    [external_id => 'external id: it is empty'],
    [session_name => 'session name: it is empty'];

=== TEST 151: marketplace_assume_role, what STS takes
--- config eval: $::idle
--- test
is_taken(substr($_, 0, 40), '', "marketplace_credentials static id=AKIDEXAMPLE"
    . " secret=s;\n    marketplace_assume_role $_;",
    env => {AWS_ENDPOINT_URL_STS => 'http://127.0.0.1:1'}) for
    "arn:aws-cn:iam::111122223333:role/a", "$roles/path/to/seller",
    (map { "$roles/seller external_id=$_" } 'ab', 'a:b/c@d', 'x' x 1224),
    (map { "$roles/seller session_name=$_" } 'ab', 'a.b@c', 'x' x 64),
    (map { "$roles/seller duration=$_" } qw(900 15m 900s 43200 12h 1h30m)),
    'off';

=== TEST 152: marketplace_assume_role twice
--- config eval
"    marketplace_assume_role off;
    marketplace_assume_role $::roles/seller;"
--- refused
"marketplace_assume_role" directive is duplicate

=== TEST 153: marketplace_assume_role, the same one twice
--- config eval
"    marketplace_assume_role $::roles/seller;
    marketplace_assume_role $::roles/seller;"
--- refused
"marketplace_assume_role" directive is duplicate

=== TEST 154: marketplace_assume_role in an if
--- config
    location / {
        if ($request_method = POST) {
            marketplace_assume_role off;
        }
    }
--- refused
"marketplace_assume_role" directive is not allowed here

=== TEST 155: what STS is asked for
--- http_config eval
"$::aws
    marketplace_assume_role $::roles/external duration=15m
        session_name=my.session\@site external_id=standin-external-id;"
--- config eval: $::register
--- env eval: $::sts
--- test
is(register('ok-156')->{status}, 200, 'resolved');
is((sent 'ok-156')[0]{role}, "$roles/external", 'as the role');

my @calls = @{ JSON::PP::decode_json(standin(GET => 'requests?service=sts')) };

is(scalar @calls, 1, 'one call');
like($calls[0]{body}, qr/&RoleSessionName=my\.session%40site(&|$)/, 'session');
like($calls[0]{body}, qr/&ExternalId=standin-external-id(&|$)/, 'external id');
like($calls[0]{body}, qr/&DurationSeconds=900(&|$)/, 'duration');

=== TEST 156: roles are inherited, replaced and undone
--- http_config eval
"$::aws
    marketplace_resolve on;
    marketplace_assume_role $::roles/seller;
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_1;
        marketplace_assume_role off;
        location / {
            proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
        }
        location /role {
            marketplace_assume_role $::roles/external
                external_id=standin-external-id;
            proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
        }
    }"
--- config eval
"    location / {
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
    }
    location /other {
        marketplace_assume_role arn:aws:iam::777788889999:role/path/elsewhere;
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;

        location /other/inherited {
            proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
        }
        location /other/off {
            marketplace_assume_role off;
            proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND;
        }
    }"
--- env eval: $::sts
--- test
for (['/', "$roles/seller"],
    ['/other', 'arn:aws:iam::777788889999:role/path/elsewhere'],
    ['/other/inherited', 'arn:aws:iam::777788889999:role/path/elsewhere'],
    ['/other/off', undef], ['/', undef, 'RAND_PORT_1'],
    ['/role', "$roles/external", 'RAND_PORT_1'])
{
    my ($path, $role, $port) = @$_;
    my $token = 'ok-' . ($port // '') . $path;

    is(register($token, path => $path, port => $port)->{status}, 200, $token);
    is((sent $token)[0]{role}, $role, "$token: role");
}

# seller, elsewhere and external: locations with the same role share it
is(calls('sts'), 3, 'one call for each role');

=== TEST 157: marketplace_cache_size that is none, or too small
--- config eval: $::idle
--- test
my $least = 8 * POSIX::sysconf(POSIX::_SC_PAGESIZE()) / 1024;

is_refused("size $_", qq{invalid value "$_" in "marketplace_cache_size", it}
    . qq{ must be a size of at least ${least}k, like "1m" HERE},
    qq{marketplace_cache_size "$_";}) for
    '', '0', '1', '-1m', 'much', '1t', ($least - 1) . 'k', $least * 1024 - 1;

is_taken("size $_", '', "marketplace_credentials static id=AKIDEXAMPLE"
    . " secret=s; marketplace_cache_size $_;")
    for "${least}k", $least * 1024, '2M', '1024m';

=== TEST 158: marketplace_cache_size without a size
--- http_config
    marketplace_cache_size;
--- config eval: $::idle
--- refused
invalid number of arguments in "marketplace_cache_size" directive

=== TEST 159: marketplace_cache_size with two
--- http_config
    marketplace_cache_size 1m 2m;
--- config eval: $::idle
--- refused
invalid number of arguments in "marketplace_cache_size" directive

=== TEST 160: marketplace_cache_size twice
--- http_config
    marketplace_cache_size 1m;
    marketplace_cache_size 1m;
--- config eval: $::idle
--- refused
"marketplace_cache_size" directive is duplicate

=== TEST 161: marketplace_cache_size in a server
--- config
    marketplace_cache_size 1m;
--- refused
"marketplace_cache_size" directive is not allowed here

=== TEST 162: marketplace_cache_size in a location
--- config
    location / {
        marketplace_cache_size 1m;
    }
--- refused
"marketplace_cache_size" directive is not allowed here

=== TEST 163: the smallest marketplace_cache_size holds what is fetched
--- http_config eval
"$::endpoint
    marketplace_cache_size " . 8 * POSIX::sysconf(POSIX::_SC_PAGESIZE()) . ';'
--- config eval: $::register
--- env eval: $::container
--- test
is(register("ok-$_")->{status}, 200, 'resolved') for 1 .. 8;
is(calls('container'), 1, 'fetched once');
--- no_error_log
there is no room for credentials

=== TEST 164: profiles that cannot be used
--- config eval: $::idle
--- test
sub is_refused_profile {
    my ($name, $words, $text, %env) = @_;

    my $file = put('profiles', 0600, $text);
    my $files = qq{in "$file"$config_file};

    is_refused($name, qq{"marketplace_credentials": profile }
        . ($words =~ s/\bFILES\b/$files/r) . ' HERE',
        "marketplace_credentials profile\n    file=$file;", env => \%env);
}

is_refused_profile('no profile', '"default" does not exist, FILES', '');
is_refused_profile('another profile', '"default" does not exist, FILES',
    "[profile default]\n$keys\n[Default]\n$keys\n[other]\n$keys");
is_refused_profile('no profile of AWS_PROFILE',
    '"gone" does not exist, FILES', "[default]\n$keys",
    AWS_PROFILE => 'gone');
is_refused_profile('an empty profile', '"default" has no credentials, FILES',
    "[default]\n[other]\n$keys");
is_refused_profile('half a pair', '"default" has only one of'
    . ' aws_access_key_id and aws_secret_access_key, FILES', "[default]\n$_")
    for 'aws_access_key_id = AKIDEXAMPLE', 'aws_secret_access_key = XUtnFEMI',
        "aws_access_key_id =\naws_secret_access_key = XUtnFEMI",
        "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key =\n"
        . 'aws_session_token = FQoGZXIvYXdzEXAMPLE';

is_refused_profile($_->[0], qq{"default" has an invalid $_->[1], FILES},
    "[default]\n$_->[2]") for
    ['id', 'access key id: it must be of letters and digits',
     "aws_access_key_id = AKID EXAMPLE\naws_secret_access_key = XUtnFEMI"],
    ['secret', 'secret access key: it must be printable and without spaces',
     "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = XUtn XUtnFEMI"],
    ['session token',
     'session token: it must be printable and without spaces',
     "${keys}aws_session_token = FQoGZXIvYXdzEXAMPLE FQoGZXIvYXdzEXAMPLE"],
    ['long session token', 'session token: it is too long',
     "${keys}aws_session_token = " . 'x' x (12 * 1024 + 1)],
    ['role', 'role ARN: it must be like'
     . ' "arn:aws:iam::123456789012:role/name"',
     "role_arn = seller\nsource_profile = a\n[a]\n$keys"],
    ['role of the source', 'role ARN: it must be like'
     . ' "arn:aws:iam::123456789012:role/name"',
     "role_arn = $roles/chained\nsource_profile = a\n"
     . "[a]\nrole_arn = seller\nsource_profile = b\n[b]\n$keys"],
    ['external id',
     'external id: it must be from 2 to 1224 letters, digits and'
     . ' "_+=,.@:/-"', "role_arn = $roles/seller\nexternal_id = a\n"
     . "source_profile = a\n[a]\n$keys"],
    ['session name', 'session name: it must be from 2 to 64 letters, digits'
     . ' and "_+=,.@-"', "role_arn = $roles/seller\nsource_profile = a\n"
     . "role_session_name = a b\n[a]\n$keys"],
    ['duration', 'duration: it must be from 900 to 43200 seconds',
     "role_arn = $roles/seller\nsource_profile = a\n"
     . "duration_seconds = 899\n[a]\n$keys"];

is_refused_profile($_->[0], qq{"default" has $_->[1], FILES},
    "[default]\n$_->[2]\n[a]\n$keys") for
    ['no number', 'a duration_seconds that is no number above 0',
     "role_arn = $roles/seller\nsource_profile = a\nduration_seconds = 1h"],
    ['no source', 'a role_arn, but none of source_profile, credential_source'
     . ' and web_identity_token_file to assume it with',
     "role_arn = $roles/seller"],
    ['two sources', 'more than one of source_profile, credential_source and'
     . ' web_identity_token_file for its role_arn', "role_arn = $roles/seller\n"
     . "source_profile = a\ncredential_source = Environment"],
    ['MFA', 'an mfa_serial, and nobody is there to enter the code: use a role'
     . ' that can be assumed without', "role_arn = $roles/seller\n"
     . "source_profile = a\nmfa_serial = arn:aws:iam::111122223333:mfa/me"],
    ['an unknown source', 'a credential_source that is none of Environment,'
     . ' EcsContainer and Ec2InstanceMetadata',
     "role_arn = $roles/seller\ncredential_source = EC2InstanceMetadata"],
    ['a process', 'a credential_process, and nginx runs no programs: use a'
     . ' role or keys, or write what the process gives into the credentials'
     . ' file', 'credential_process = /bin/echo XUtnFEMI'],
    ['keys that end', 'a temporary access key (ASIA...), but no'
     . ' aws_session_token',
     "aws_access_key_id = ASIAEXAMPLE\naws_secret_access_key = XUtnFEMI"],
    ['a token without a role', 'a web_identity_token_file, but no role_arn',
     'web_identity_token_file = /dev/null'],
    ['an indented line', 'a line that is indented more than the setting above'
     . ' it, which makes it a part of that: give both the same indentation',
     "aws_access_key_id = AKIDEXAMPLE\n  aws_secret_access_key = XUtnFEMI"],
    ['a control character', 'a control character in a setting',
     "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = XUtn\x7fFEMI"];

is_refused_profile($_->[0], qq{"default" is for $_->[1], FILES},
    "[default]\n$_->[2]") for
    (map { ["SSO, $_", 'IAM Identity Center (sso_...), and nginx cannot log in'
     . ' there, which takes a browser: use a role or keys', "$_ = x"] }
     qw(sso_session sso_start_url)),
    ['a login', '"aws login" (login_session), and nginx cannot log in, which'
     . ' takes a browser: use a role or keys', 'login_session = x'];

=== TEST 165: profiles whose source_profile cannot be used
--- config eval: $::idle
--- test
# A chain of roles, by the source_profile of each profile.

sub is_refused_chain {
    my ($name, $words, $end, @names) = @_;

    my $file = put('profiles', 0600, join('', map {
        "[$names[$_]]\nrole_arn = $roles/seller\n"
        . "source_profile = $names[$_ + 1]\n" } 0 .. $#names - 1) . $end);

    is_refused($name, qq{"marketplace_credentials": profile $words, in "$file"}
        . "$config_file HERE",
        "marketplace_credentials profile file=$file;");
}

is_refused_chain('gone', '"b" does not exist', '', qw(default a b));
is_refused_chain('empty', '"b" has no credentials', '[b]', qw(default a b));
is_refused_chain('half a pair', '"b" has only one of aws_access_key_id and'
    . ' aws_secret_access_key', "[b]\naws_secret_access_key = XUtnFEMI",
    qw(default b));
is_refused_chain('a process', '"b" has a credential_process, and nginx runs no'
    . ' programs: use a role or keys, or write what the process gives into the'
    . ' credentials file', "[b]\ncredential_process = x", qw(default b));
is_refused_chain('itself', '"default" is its own source, by way of'
    . ' source_profile', '', qw(default default));
is_refused_chain('a cycle', '"default" is its own source, by way of'
    . ' source_profile', '', qw(default a b default));
is_refused_chain('a cycle further on', '"a" is its own source, by way of'
    . ' source_profile', '', qw(default a b a));
is_refused_chain('too long', '"e" has one role too many: so long a chain of'
    . ' source_profile is not followed', "[f]\n$keys",
    qw(default a b c d e f));

=== TEST 166: profiles whose credential_source has nothing
--- config eval: $::idle
--- test
is_refused($_->[0], '"marketplace_credentials": profile "default" has a'
    . qq{ credential_source, "$_->[1]", that the environment which nginx is}
    . ' started with does not have HERE',
    'marketplace_credentials profile file=' . put('profiles', 0600,
        "[default]\nrole_arn = $roles/seller\ncredential_source = $_->[0]")
    . ';') for
    ['Environment', 'env'], ['EcsContainer', 'container'],
    ['Ec2InstanceMetadata', 'imds'];

=== TEST 167: profiles whose credential_source is there
--- config eval: $::idle
--- test
is_taken($_->[0], '', 'marketplace_credentials profile file='
    . put('profiles', 0600,
        "[default]\nrole_arn = $roles/seller\ncredential_source = $_->[0]")
    . ';', env => {@$_[1 .. $#$_], AWS_ENDPOINT_URL_STS =>
        "http://127.0.0.1:$ENV{TEST_NGINX_AWS_HTTP}"}) for
    ['Environment', AWS_ACCESS_KEY_ID => 'AKIDEXAMPLE',
     AWS_SECRET_ACCESS_KEY => 's'],
    ['EcsContainer', AWS_CONTAINER_CREDENTIALS_RELATIVE_URI => '/x'],
    ['Ec2InstanceMetadata', AWS_EC2_METADATA_DISABLED => 'false'];

=== TEST 168: a profile's token file
--- config eval: $::idle
--- test
my $directive = 'marketplace_credentials profile file='
    . put('profiles', 0644, "[default]\nrole_arn = $roles/web\n"
        . "web_identity_token_file = $ENV{TEST_NGINX_TMP}/web_token") . ';';
my $sts_url = "http://127.0.0.1:$ENV{TEST_NGINX_AWS_HTTP}";
my $warning = qq{marketplace: "chmod o-r" the file "$ENV{TEST_NGINX_TMP}}
    . '/profiles": everyone on this machine can read the credentials in it HERE';
my $words = '"marketplace_credentials": the web_identity_token_file'
    . qq{ "$ENV{TEST_NGINX_TMP}/web_token" of profile "default" cannot be read};

unlink "$ENV{TEST_NGINX_TMP}/web_token";
is_refused('missing', "$words$as_root (2: No such file or"
    . ' directory) HERE', $directive);

put('web_token', $unreadable, 'FQoGZXIvYXdzEXAMPLE');
is_refused('unreadable', "$words$as_user (13: Permission denied) HERE",
    $directive, user => $user);

put('web_token', 0644, 'FQoGZXIvYXdzEXAMPLE');
is_taken('readable', $warning, $directive, user => $user,
    env => {AWS_ENDPOINT_URL_STS => $sts_url});

=== TEST 169: a config file is left out, or has to be readable, as it is named
--- config eval: $::idle
--- test
my $keys_file = put('profiles', 0644, "[default]\n$keys");
my $named = put('home/.aws/config', $unreadable,
    "[default]\nregion = x\n[profile other]\n$keys");
my $warning = qq{marketplace: "chmod o-r" the file "$keys_file": everyone on}
    . ' this machine can read the credentials in it';
my $profile = "marketplace_credentials profile file=$keys_file";
my %home = (HOME => "$ENV{TEST_NGINX_TMP}/home");

# AWS_CONFIG_FILE names it

is_refused('named', qq{"marketplace_credentials" cannot read the credentials}
    . qq{ file "$named"$as_user (13: Permission denied) HERE},
    "$profile;", user => $user, env => {AWS_CONFIG_FILE => $named});

# it is just where it is by default

is_taken('by default', "$warning HERE", "$profile;", user => $user,
    env => \%home);

is_refused('needed', qq{"marketplace_credentials": profile "other" does not}
    . qq{ exist, in "$keys_file" HERE}, "$profile name=other;", user => $user,
    env => \%home);

is_taken('readable', "$warning HERE", "$profile name=other;",
    user => 'root', env => \%home) if $> == 0;

is_taken('not there', "$warning HERE", "$profile;",
    env => {AWS_CONFIG_FILE => '/nonexistent'});

is_refused('a folder', qq{"marketplace_credentials" cannot read the}
    . qq{ credentials file "$ENV{TEST_NGINX_TMP}"$as_root (21: Is a directory)}
    . ' HERE', "$profile;", env => {AWS_CONFIG_FILE => $ENV{TEST_NGINX_TMP}});

=== TEST 170: the credentials file has to be readable for the workers
--- config eval: $::idle
--- test
my $file = put('profiles', $unreadable, "[default]\n$keys");
my $directives = "marketplace_credentials profile\n    file=$file;";

is_refused('"user" in front', qq{"marketplace_credentials" cannot read the}
    . qq{ credentials file "$file"$as_user (13: Permission denied) HERE},
    $directives, user => $user);

# When the directive is read it is not known yet who that will be.

my $place = place_of($directives);

is_refused('"user" behind', $> == 0
    ? qq{"marketplace_credentials": the file "$file" cannot be read by the}
        . qq{ workers' user "$user" $place (13: Permission denied)}
    : qq{"marketplace_credentials" cannot read the credentials file "$file"}
        . ' (13: Permission denied) HERE', $directives, behind => $user);

# A folder may be what keeps workers out.

$file = put('shut/profiles', 0644, "[default]\n$keys");
chmod $unreadable && 0700, "$ENV{TEST_NGINX_TMP}/shut";

is_refused('a closed folder', $> == 0
    ? qq{"marketplace_credentials" cannot read the credentials file "$file"}
        . qq{$as_user (13: Permission denied) HERE}
    : qq{"marketplace_credentials" cannot read the credentials file "$file"}
        . ' (13: Permission denied) HERE',
    "marketplace_credentials profile file=$file;", user => $user);

chmod 0755, "$ENV{TEST_NGINX_TMP}/shut";

=== TEST 171: without "user" it is the user that nginx was built with
--- config eval: $::idle
--- test
my $file = put('profiles', $unreadable, "[default]\n$keys");
my ($status, @messages) = nginx_t("marketplace_credentials profile file=$file;",
    behind => undef);

is($status, 1 << 8, 'refused');
like("@messages", $> == 0
    ? qr/the file "\Q$file\E" cannot be read by the workers' user "[^"]+" in /
    : qr/cannot read the credentials file "\Q$file\E" \(13: /, 'words');

=== TEST 172: a group's members may be who can read it
--- config eval: $::idle
--- test
my $file = put('profiles', 0640, "[default]\n$keys");

chown 0, getgrnam($user) + 0, $file if $> == 0;
is_taken("\"user\" $_", '', "marketplace_credentials profile file=$file;",
    $_ => $user) for qw(user behind);

# but not who is only in the groups of whoever starts nginx: nobody has this
# number

for my $group (0, 54321) {
    chmod $unreadable && 0640, $file;
    chown 0, $group, $file if $> == 0;

    is_refused("group $group", qq{"marketplace_credentials" cannot read the}
        . qq{ credentials file "$file"$as_user (13: Permission denied) HERE},
        "marketplace_credentials profile file=$file;", user => $user,
        group => $group);
}

=== TEST 173: nginx is root again when it has tried to read files as another
--- config eval: $::idle
--- test
my $file = put('profiles', 0644, "[default]\n$keys");
my $ca = put('ca-copy.pem', 0600, lines($ENV{TEST_NGINX_CA}));
my $warning = qq{marketplace: "chmod o-r" the file "$file": everyone on this}
    . ' machine can read the credentials in it';

is_taken("\"user\" $_", "$warning HERE", "marketplace_credentials profile"
    . " file=$file; marketplace_ssl_trusted_certificate $ca;", $_ => $user)
    for qw(user behind);

=== TEST 174: by default what workers cannot read is told and passed over
--- config eval: $::idle
--- test
my $file = put('home/.aws/credentials', $unreadable, "[default]\n$keys");
unlink "$ENV{TEST_NGINX_TMP}/home/.aws/config";

is_taken('credentials', qq{"marketplace_credentials" cannot read the}
    . qq{ credentials file "$file"$as_user (13: Permission denied)\n}
    . "marketplace: there are no AWS credentials in the environment or the"
    . " shared credentials file, and EC2's instance metadata is disabled; no"
    . " customer can be resolved without: see \"marketplace_credentials\"",
    '', user => $user,
    env => {HOME => "$ENV{TEST_NGINX_TMP}/home"});

=== TEST 175: if that is found out too late they are taken, and that is told
--- config eval: $::idle
--- test
my $file = put('home/.aws/credentials', $unreadable, "[default]\n$keys");
unlink "$ENV{TEST_NGINX_TMP}/home/.aws/config";

is((grep { /taken from/ } is_taken('credentials',
    qq{marketplace: the file "$file", which AWS credentials are taken from,}
    . qq{ cannot be read by the workers' user "$user": when it changes, nginx}
    . ' has to be reloaded (13: Permission denied)', '', behind => $user,
    env => {HOME => "$ENV{TEST_NGINX_TMP}/home"}))[0],
    'notice: marketplace: AWS credentials are taken from "profile"', 'taken')
    if $> == 0;

=== TEST 176: nobody has to read files that no credentials are taken from
--- config eval: $::idle
--- test
my %home = (HOME => "$ENV{TEST_NGINX_TMP}/home");
my %imds = (AWS_EC2_METADATA_DISABLED => undef);

unlink "$ENV{TEST_NGINX_TMP}/home/.aws/$_" for qw(config credentials);

# the settings of the command line tool, say

put('home/.aws/config', $unreadable, "[default]\nregion = eu-west-1");
is_taken("settings, \"user\" $_", '', '', $_ => $user, env => {%home, %imds})
    for qw(user behind);

put('home/.aws/credentials', $unreadable, "[other]\n$keys");
is_taken("another profile, \"user\" $_", $_ eq 'behind' && $> == 0 ? ''
    : '"marketplace_credentials" cannot read the credentials file'
    . qq{ "$ENV{TEST_NGINX_TMP}/home/.aws/credentials"$as_user}
    . ' (13: Permission denied)', '', $_ => $user, env => {%home, %imds})
    for qw(user behind);

# a config file that is there, but not named

my $file = put('profiles', 0640, "[default]\n$keys");
chown 0, getgrnam($user) + 0, $file if $> == 0;

for ('user', 'behind') {
    my ($status) = nginx_t("marketplace_credentials profile file=$file;",
        $_ => $user, env => \%home);

    is($status, 0, "no config file, \"user\" $_: taken");
}

=== TEST 177: what everyone can read gets a warning
--- http_config eval
"$::endpoint
    marketplace_credentials profile file="
    . ::put('everyones', 0604, "[default]\n$::keys") . ';'
--- config eval: $::register
--- suppress_stderr
--- response_body_like: X-Marketplace-Product-Code:
--- error_log eval
qr{\[warn\] \d+#\d+: .* "\S+/everyones": everyone on .* in \S+/nginx.conf:\d+$}
--- aws_calls: 1

=== TEST 178: what a group can read gets none
--- http_config eval
"$::endpoint
    marketplace_credentials profile file="
    . ::put('groups', 0660, "[default]\n$::keys") . ';'
--- config eval: $::register
--- response_body_like: X-Marketplace-Product-Code:
--- no_error_log
[warn]

=== TEST 179: everyone can read a config file
--- config eval: $::idle
--- test
my $file = put('home/.aws/config', 0644, "[default]\n$keys");
unlink "$ENV{TEST_NGINX_TMP}/home/.aws/credentials";
my $warning = qq{marketplace: "chmod o-r" the file "$file": everyone on this}
    . ' machine can read the credentials in it';

is_taken('by default', $warning, '',
    env => {HOME => "$ENV{TEST_NGINX_TMP}/home"});
is_taken('named', "$warning HERE", 'marketplace_credentials profile;',
    env => {HOME => "$ENV{TEST_NGINX_TMP}/home"});

=== TEST 180: files that are none, or too large
--- config eval: $::idle
--- test
my $pipe = "$ENV{TEST_NGINX_TMP}/pipe";
POSIX::mkfifo($pipe, 0600) or die;

is_refused("a pipe, $_->[0]",
    qq{"marketplace_credentials": credentials file "$pipe" is not a file}
    . ' HERE', 'marketplace_credentials profile;',
    env => {AWS_SHARED_CREDENTIALS_FILE => '/nonexistent', @$_}) for
    ["AWS_SHARED_CREDENTIALS_FILE", $pipe];

unlink $pipe;

my $large = put('large', 0600, "[default]\n$keys" . "#\n" x 600_000);

is_refused('too large', qq{"marketplace_credentials": credentials file}
    . qq{ "$large" is larger than 1 MB HERE},
    "marketplace_credentials profile file=$large;");

# what Linux has there is longer than it says

is_refused('longer than it says', '"marketplace_credentials": credentials file'
    . ' "/proc/version" changes while it is read HERE',
    'marketplace_credentials profile file=/proc/version;');

=== TEST 181: a config file alone is enough
--- config eval: $::idle
--- test
my $file = put('config', 0600, "[default]\n$keys");

is_taken($_ // 'no HOME', '', 'marketplace_credentials profile;',
    env => {HOME => $_, AWS_CONFIG_FILE => $file})
    for $ENV{TEST_NGINX_TMP}, undef;

=== TEST 182: a role in one file, its source in the other
--- http_config eval: $::endpoint . 'marketplace_credentials profile;'
--- config eval: $::register
--- env eval
"AWS_SHARED_CREDENTIALS_FILE=\$TEST_NGINX_SERVER_ROOT/html/credentials
AWS_CONFIG_FILE=\$TEST_NGINX_SERVER_ROOT/html/config
$::sts"
--- user_files eval
">>> credentials
[default]
role_arn = $::roles/external
external_id = standin-external-id
source_profile = with keys
>>> config
[profile 'with keys']
$::slash_keys"
--- test
is(register('ok-183')->{status}, 200, 'resolved');
is((sent 'ok-183')[0]{role}, "$roles/external", 'as the role');

my ($call) = @{ JSON::PP::decode_json(standin(GET => 'requests?service=sts')) };

is($call->{access_key}, 'AKIDSLASH', 'by the source');

=== TEST 183: URIs of container credentials that are refused
--- config eval: $::idle
--- test
sub is_refused_uri {
    my ($which, $uri, $words) = @_;

    my $name = "AWS_CONTAINER_CREDENTIALS_${which}_URI";

    $words = "marketplace: invalid URI in the environment variable $name:"
        . " $words";

    is_refused($uri, "$words HERE", 'marketplace_credentials container;',
        env => {$name => $uri});
    is_refused("$uri by default", $words, '', env => {$name => $uri});
}

is_refused_uri(RELATIVE => @$_) for
    ['v2/credentials', 'it has to start with "/"'],
    ['@127.0.0.1/', 'it has to start with "/"'],
    ['/v2/credentials?id=a b', 'it must be printable and without spaces'],
    ["/v2/\r\nEvil:1", 'it must be printable and without spaces'],
    ['/v2#credentials', 'there may be no fragment in it'];

is_refused_uri(FULL => @$_) for
    ['127.0.0.1/v2', 'the scheme has to be http:// or https://'],
    ['ftp://127.0.0.1/v2', 'the scheme has to be http:// or https://'],
    ['http:///v2', 'there is no host in it'],
    ['http://user:XUtnFEMI@127.0.0.1/', 'there may be no user in it'],
    ['https://user@localhost/', 'there may be no user in it'],
    ['http://127.0.0.1:0/', 'the port has to be from 1 to 65535'],
    ['http://127.0.0.1:x/', 'the port is not a number'],
    ['http://127.0.0.1?v2', 'the path has to start with a slash'],
    ['http://127.0.0.1/v2#x', 'there may be no fragment in it'],
    ["http://127.0.0.1/\x7f", 'it must be printable and without spaces'],
    map { ["http://$_/v2", 'over http it has to be of this machine, of ECS or'
        . ' of EKS'] } qw(example.com 10.0.0.1 169.254.169.254 169.254.170.3
        169.254.170.22 128.0.0.1 1.127.0.0 127.1 2130706433 0x7f000001
        0177.0.0.1 localhost.example.com 127.0.0.1.example.com notlocalhost
        [::2] [fd00:ec2::24] [::ffff:10.0.0.1] [fd00:ec2::254] 0.0.0.0 [::]);

=== TEST 184: URIs of container credentials that are taken
--- config eval: $::idle
--- test
is_taken("FULL $_", '', 'marketplace_credentials container;',
    env => {AWS_CONTAINER_CREDENTIALS_FULL_URI => $_}) for
    'http://169.254.170.2/v2', 'http://169.254.170.23/v1/credentials',
    'http://[fd00:ec2::23]/v1/credentials', 'http://[FD00:0EC2:0::0:23]/',
    'http://127.0.0.1', 'http://127.200.0.1:51679/x?y=z', 'http://[::1]:80/',
    'http://localhost/', 'http://LOCALHOST:80/', 'https://localhost:1/x';

# any host that has a certificate; it is not looked up with a resolver

is_taken('a host with a certificate', '',
    'resolver 127.0.0.1:1; marketplace_credentials container;',
    env => {AWS_CONTAINER_CREDENTIALS_FULL_URI =>
        'https://credentials.example.com/x'});

is_taken('both', '', 'marketplace_credentials container;',
    env => {AWS_CONTAINER_CREDENTIALS_RELATIVE_URI => '/v2',
        AWS_CONTAINER_CREDENTIALS_FULL_URI => 'http://example.com/'});

=== TEST 185: the authorization for container credentials
--- config eval: $::idle
--- test
our %uri = (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI => '/v2');
our ($token, $file) = map { "AWS_CONTAINER_AUTHORIZATION_TOKEN$_" } '', '_FILE';
our $path = "$ENV{TEST_NGINX_TMP}/token";
our $words = "marketplace: the file \"$path\", which the environment's $file"
    . ' names, cannot be read';

sub is_refused_token {
    my ($name, $words, $env, %with) = @_;

    is_refused($name, "$words HERE", 'marketplace_credentials container;',
        env => {%uri, %$env}, %with);
    is_refused("$name, by default", $words, '', env => {%uri, %$env}, %with);
}

is_refused_token('control bytes', "marketplace: the environment's $token may"
    . ' not have line breaks or other control bytes', {$token => $_}) for
    "SECRETTOKEN\r\nEvil: 1", "SECRETTOKEN\n", "\nSECRETTOKEN",
    "SECRET\rSECRETTOKEN", "SECRET\tSECRETTOKEN", "SECRETTOKEN\x7f";

unlink $path;
is_refused_token('missing', $words . $as_root =~ s/as/by/r
    . ' (2: No such file or directory)',
    {$file => $path});

put('token', $unreadable, 'SECRETTOKEN');
is_refused_token('unreadable', $words . $as_user =~ s/as/by/r
    . ' (13: Permission denied)',
    {$file => $path}, user => $user);

# the file comes before the variable; everyone may read it

put('token', 0644, 'SECRETTOKEN');
is_taken('a file', '', 'marketplace_credentials container;', user => $user,
    env => {%uri, $file => $path, $token => "bad\r\n"});
is_taken('a token', '', 'marketplace_credentials container;',
    env => {%uri, $token => 'Basic SECRET TOKEN='});
is_taken('no file', '', 'marketplace_credentials container;',
    env => {%uri, $file => '', $token => ''});

=== TEST 186: a token file that is found unreadable later
--- config eval: $::idle
--- test
my $path = put('token', $unreadable, 'SECRETTOKEN');
my %env = (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI => '/v2',
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE => $path);
my $place = place_of('');

if ($> == 0) {
    is_refused('named', qq{"marketplace_credentials": the file "$path" cannot}
        . qq{ be read by the workers' user "$user" $place (13: Permission}
        . ' denied)', 'marketplace_credentials container;', env => \%env,
        behind => $user);

    my ($status, @messages) = nginx_t('', env => \%env, behind => $user);

    is($status, 1 << 8, 'by default: refused');
    like($messages[-1], qr/^emerg: .*"\Q$path\E".* cannot be read by the workers'/,
        'by default: words');

    my $profile = put('profiles', 0640, "[default]\nrole_arn = $roles/web\n"
        . "web_identity_token_file = $path");

    chown 0, getgrnam($user) + 0, $profile;
    is_refused('of a profile', qq{"marketplace_credentials": the file "$path"}
        . qq{ cannot be read by the workers' user "$user" $place (13:}
        . ' Permission denied)', "marketplace_credentials profile file=$profile;",
        env => {AWS_ENDPOINT_URL_STS => 'http://127.0.0.1:1'},
        behind => $user);
}

=== TEST 187: the environment of web_identity
--- config eval: $::idle
--- test
our $path = put('web_token', 0644, 'FQoGZXIvYXdzEXAMPLE');
our $file = 'AWS_WEB_IDENTITY_TOKEN_FILE';
our %role = (AWS_ROLE_ARN => "$roles/web", $file => $path,
    AWS_ENDPOINT_URL_STS => "http://127.0.0.1:$ENV{TEST_NGINX_AWS_HTTP}");

sub is_refused_identity {
    my ($name, $words, $env, %with) = @_;

    is_refused($name, "$words HERE", 'marketplace_credentials web_identity;',
        env => {%role, %$env}, %with);
    is_refused("$name, by default", $words, '', env => {%role, %$env}, %with);
}

our $both = "marketplace: the environment's AWS_ROLE_ARN and"
    . ' AWS_ROLE_SESSION_NAME have an invalid';

is_refused_identity("role $_", "$both role ARN: it must be like"
    . ' "arn:aws:iam::123456789012:role/name"', {AWS_ROLE_ARN => $_})
    for 'web', 'arn:aws:iam::111122223333:user/web', "$roles/we b";
is_refused_identity("session $_", "$both session name: it must be from 2 to 64"
    . ' letters, digits and "_+=,.@-"', {AWS_ROLE_SESSION_NAME => $_})
    for 'a', 'a b', 'x' x 65;

is_taken("session $_", '', 'marketplace_credentials web_identity;',
    env => {%role, AWS_ROLE_SESSION_NAME => $_}) for '', 'x' x 64;

our $words = qq{marketplace: the file "$path", which the environment's $file}
    . ' names, cannot be read';

unlink $path;
is_refused_identity('missing', $words . $as_root =~ s/as/by/r
    . ' (2: No such file or directory)',
    {});

put('web_token', $unreadable, 'FQoGZXIvYXdzEXAMPLE');
is_refused_identity('unreadable', $words . $as_user =~ s/as/by/r
    . ' (13: Permission denied)',
    {}, user => $user);

is_refused($_, '"marketplace_credentials web_identity" needs AWS_ROLE_ARN and'
    . ' AWS_WEB_IDENTITY_TOKEN_FILE in the environment that nginx is started'
    . ' with, where EKS puts them for a service account with a role HERE',
    'marketplace_credentials web_identity;', env => {%role, $_ => ''})
    for 'AWS_ROLE_ARN', 'AWS_WEB_IDENTITY_TOKEN_FILE';

=== TEST 188: the environment of imds
--- config eval: $::idle
--- test
our $endpoint_of = 'AWS_EC2_METADATA_SERVICE_ENDPOINT';

sub is_refused_metadata {
    my ($name, $value, $words) = @_;

    my %env = (AWS_EC2_METADATA_DISABLED => undef, $name => $value);

    is_refused($value, "$words HERE", 'marketplace_credentials imds;',
        env => \%env);
    is_refused("$value by default", $words, '', env => \%env);
}

is_refused_metadata("${endpoint_of}_MODE", $_, 'marketplace: invalid value'
    . qq{ "$_" in the} . " environment variable ${endpoint_of}_MODE, it must be \"IPv4\" or"
    . ' "IPv6"') for 'IPv5', '6', 'IPv6 ';

is_refused_metadata($endpoint_of, $_->[0], 'marketplace: invalid endpoint'
    . qq{ "$_->[0]" in} . " the environment variable $endpoint_of: $_->[1]") for
    ['localhost', 'the scheme has to be http:// or https://'],
    ['http://', 'there is no host in it'],
    ['http://localhost/latest', 'nothing may follow the host and the port'],
    ['http://localhost:0', 'the port has to be from 1 to 65535'],
    ['http://[::1', 'the host is malformed'];

is_taken(join(' ', %$_), '', 'marketplace_credentials imds;',
    env => {AWS_EC2_METADATA_DISABLED => undef, %$_}) for
    {}, {AWS_EC2_METADATA_DISABLED => ''},
    {AWS_EC2_METADATA_DISABLED => 'false'}, {AWS_EC2_METADATA_DISABLED => '1'},
    (map { {"${endpoint_of}_MODE" => $_} } '', qw(ipv4 IPv4 IPv6 IPV6)),
    (map { {$endpoint_of => $_} } '', 'http://127.0.0.1:1/',
        'http://[fd00:ec2::254]', 'https://localhost:1');

=== TEST 189: a certificate is not for an address
--- config eval: $::idle
--- test
my $address = 'https://127.0.0.1:1';
my $token = put('web_token', 0644, 'FQoGZXIvYXdzEXAMPLE');

for ([container => AWS_CONTAINER_CREDENTIALS_FULL_URI => "$address/x"],
    [imds => AWS_EC2_METADATA_SERVICE_ENDPOINT => $address,
     AWS_EC2_METADATA_DISABLED => undef],
    [web_identity => AWS_ENDPOINT_URL_STS => $address,
     AWS_ROLE_ARN => "$roles/web", AWS_WEB_IDENTITY_TOKEN_FILE => $token])
{
    my ($source, $variable, @value) = @$_;
    my %env = ($variable, @value);

    my $origin = {container =>
            "the environment's AWS_CONTAINER_CREDENTIALS_FULL_URI",
        imds => "the environment's AWS_EC2_METADATA_SERVICE_ENDPOINT",
        web_identity =>
            "the environment's AWS_ENDPOINT_URL_STS or AWS_ENDPOINT_URL"
    }->{$source};

    for ("marketplace_credentials $source;", '') {
        my ($status, @messages) = nginx_t($_, env => \%env);

        is($status, 1 << 8, "$source: refused");
        like($messages[-1], qr/^emerg:\ marketplace:\ \Q$origin\E\ must\ have\ the\ name\ of\ a\ host
            \ and\ not\ the\ address\ "127\.0\.0\.1",\ because\ the
            \ certificate\ is\ verified\ against\ it/x, "$source: words");
        unlike($messages[-1], qr/t\.conf:8$/, "$source: another's place");
    }

    is_taken("$source without verification", '', 'marketplace_ssl_verify off;'
        . " marketplace_credentials $source;", env => \%env);
}

=== TEST 190: the endpoint of STS
--- config eval: $::idle
--- test
my $directives = 'marketplace_credentials static id=AKIDEXAMPLE secret=s;';
my $role = "marketplace_assume_role $roles/seller;";
my %good = (AWS_ENDPOINT_URL_STS => 'http://127.0.0.1:1');

is_refused($_->[1], qq{marketplace: invalid endpoint "$_->[1]" in the}
    . " environment variable $_->[0]: $_->[2]", "$directives $role", env => {@$_[0, 1]}) for
    ['AWS_ENDPOINT_URL_STS', 'localhost',
     'the scheme has to be http:// or https://'],
    ['AWS_ENDPOINT_URL', 'http://', 'there is no host in it'],
    ['AWS_ENDPOINT_URL_STS', 'http://localhost/sts',
     'nothing may follow the host and the port'];

my ($status, @messages) = nginx_t("$directives $role",
    env => {AWS_ENDPOINT_URL_STS => 'http://unknown.invalid'});

is($status, 1 << 8, 'unknown: refused');
like($messages[-1], qr/^emerg: host not found in upstream "unknown\.invalid"/,
    'unknown: words');
unlike($messages[-1], qr/t\.conf:8$/, "unknown: another's place");

is_taken('not needed', '', $directives,
    env => {AWS_ENDPOINT_URL_STS => 'localhost'});
is_taken('stronger', '', "$directives $role",
    env => {%good, AWS_ENDPOINT_URL => 'localhost'});
is_taken('ignored', '', "resolver 127.0.0.1:1; $directives $role",
    env => {AWS_ENDPOINT_URL_STS => 'localhost',
        AWS_IGNORE_CONFIGURED_ENDPOINT_URLS => 'true'});

=== TEST 191: sources are inherited, replaced and undone
--- http_config eval: $::aws
--- config
    marketplace_resolve on;
    marketplace_credentials container;
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /imds {
        marketplace_credentials imds;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;

        location /imds/default {
            marketplace_credentials default;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
        }
    }
--- env eval
"!AWS_EC2_METADATA_DISABLED
AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:\$TEST_NGINX_AWS_HTTP
AWS_ACCESS_KEY_ID=AKIDSLASH
AWS_SECRET_ACCESS_KEY=/JalrXUtnFEMI/K7MDENG+bPxRfiCYSLASHKEY==
" . $::container
--- test
for (['/', 'container'], ['/imds', 'imds.credentials'], ['/imds/default'],
    ['/imds/deeper', 'imds.credentials'])
{
    my ($path, $issuer) = @$_;

    is(register("ok-$path", path => $path)->{status}, 200, "$path: resolved");

    my ($call) = sent "ok-$path";

    is($call->{issued_by}, $issuer, "$path: issuer");
    is($call->{access_key}, 'AKIDSLASH', "$path: key") unless $issuer;
}

=== TEST 192: workers need no config file to notice changed keys
--- worker_user
--- http_config eval
$::endpoint
    . 'marketplace_credentials profile file=$TEST_NGINX_TMP/keys;'
--- config eval: $::register
--- env
HOME=$TEST_NGINX_TMP/elsewhere
--- suppress_stderr
--- test
is(register('ok-before')->{status}, 200, 'resolved');
is((sent 'ok-before')[0]{access_key}, 'AKIDEXAMPLE', 'key');

rename put('keys.new', 0644, "[default]\n$slash_keys"),
    "$ENV{TEST_NGINX_TMP}/keys" or die;

my $times = 0;

ok(wait_until {
    my $token = 'ok-' . ++$times;

    register($token);
    (sent $token)[0]{access_key} eq 'AKIDSLASH';
}, 'another key');

=== TEST 193: a system without a bundle of CA certificates
--- config eval: $::idle
--- test
# The folders that have it are hidden from this nginx.

my @apart = ('unshare', $> == 0 ? '--mount' : '--map-root-user', '--mount');

SKIP: {
    skip 'no mount namespaces here', 4 if system("@apart true 2>/dev/null");

    is_refused('no bundle', 'marketplace: this system has no bundle of CA'
        . ' certificates to verify AWS with, install it (Debian:'
        . ' ca-certificates) or name one with'
        . ' "marketplace_ssl_trusted_certificate"',
        "server { location / { marketplace_resolve on;\n"
        . 'marketplace_endpoint https://localhost:1; } }',
        by => [@apart, 'sh', '-euc', 'for folder in /etc/ssl /etc/pki/tls; do'
            . ' ! test -e $folder || mount -t tmpfs none $folder; done;'
            . ' exec "$@"', 'sh']);
}
