# What AWS answers with status 200, and what of it is a customer.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace;

repeat_each(2);

our $register = <<'_EOC_';
    location = /register {
        marketplace_resolve on;
        marketplace_token_max_size 32k;
        add_header X-Error $marketplace_error always;
        add_header X-Status $marketplace_status always;
        add_header X-Extra $marketplace_field_extra always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
_EOC_

our @names = qw(CustomerAWSAccountId LicenseArn CustomerIdentifier ProductCode);

our %header = (
    CustomerAWSAccountId => 'X-Marketplace-Customer-AWS-Account-Id',
    LicenseArn           => 'X-Marketplace-License-Arn',
    CustomerIdentifier   => 'X-Marketplace-Customer-Identifier',
    ProductCode          => 'X-Marketplace-Product-Code'
);

our %good = (
    CustomerAWSAccountId => '123456789012',
    LicenseArn           => 'arn:aws:license-manager::123456789012:l-1',
    CustomerIdentifier   => 'some customer',
    ProductCode          => 'product'
);

# What the application gets for a JSON text: its own headers in a line, or
# what the buyer is told.

sub outcome {
    my $response = register('json:' . shift);

    return "$response->{status} $response->{headers}{'x-error'}"
        if $response->{status} != 200;

    return join ', ', $response->{content} =~ /^(X-Marketplace-.*)$/mg;
}

sub start {
    return substr(shift, 0, 70) =~ tr/ -~/?/cr;
}

sub is_refused {
    my $json = shift;

    is(outcome($json), '502 InvalidResponse', 'refused: ' . start($json));
}

# A JSON text with these members; values are JSON, too.

sub object {
    my @members;

    while (my ($name, $value) = splice @_, 0, 2) {
        push @members, "\"$name\":$value";
    }

    return '{' . join(',', @members) . '}';
}

sub is_taken {
    my ($name, $value, $json) = @_;

    is(outcome(object(($name eq 'ProductCode'
        ? (LicenseArn => "\"$good{LicenseArn}\"") : ()), $name => $json)),
        ($name eq 'ProductCode' ? "$header{LicenseArn}: $good{LicenseArn}, "
            : '') . "$header{$name}: $value", "taken: " . start($json));
}

sub write_file {
    my $name = "$ENV{TEST_NGINX_TMP}/answer.gz";

    open my $file, '>', $name or die;
    print $file shift;
    close $file;

    return $name;
}

run_tests();

__DATA__

=== TEST 1: any of the fields may be missing, empty or null
--- http_config eval: $::aws
--- config eval: $::register
--- test
for my $absent (undef, '""', 'null') {
    for my $there (1 .. 15) {
        my (@members, @expected);

        for my $i (0 .. 3) {
            my $name = $names[$i];

            if ($there & 1 << $i) {
                push @members, $name, "\"$good{$name}\"";
                push @expected, "$header{$name}: $good{$name}";

            } elsif (defined $absent) {
                push @members, $name, $absent;
            }
        }

        # a product alone is no customer

        my $outcome = ($there == 8) ? '502 InvalidResponse'
                                    : join ', ', @expected;

        is(outcome(object(@members)), $outcome,
            "$there, others " . ($absent // 'absent'));
    }
}

=== TEST 2: nobody is no customer
--- http_config eval: $::aws
--- config eval: $::register
--- test
is_refused($_) for '{}', '{ }', object(map { $_ => '""' } @names),
    object(map { $_ => 'null' } @names), object(ProductCode => '"product"'),
    '{"Message":"welcome"}', '{"customerawsaccountid":"123456789012"}',
    '{"Customer":{"CustomerAWSAccountId":"123456789012"}}';

=== TEST 3: the stand-in's customers
--- http_config eval: $::aws
--- config eval: $::register
--- test
for my $row ([ok => 'ALIP'], ['new:x' => 'ALP'], ['empty:x' => 'ALP'],
    ['null:x' => 'ALP'], ['old:x' => 'AIP'], ['product:other' => 'ALIP'])
{
    my ($token, $fields) = @$row;
    my $content = register($token)->{content};

    is(join('', $content =~
        /^X-Marketplace-(?:Customer-)?([ALIP])[\w-]+: \S+$/mg), $fields,
        $token);
}

=== TEST 4: members that nobody has heard of are passed over
--- http_config eval: $::aws
--- config eval: $::register
--- test
for my $more ('"x"', '1', '-1.5e3', 'true', 'null', '[]', '{}', '""',
    '{"CustomerAWSAccountId":"999999999999","LicenseArn":5}',
    '[[[{"a":[1,2,{"b":null}]}]]]', '"\ud83d\ude00"', '"\u0001\r\n"')
{
    is_taken(LicenseArn => $good{LicenseArn},
        "\"$good{LicenseArn}\",\"Extra\":$more");
}

=== TEST 5: a field that is no string
--- http_config eval: $::aws
--- config eval: $::register
--- test
for my $name (@names) {
    is_refused(object(%{{ (map { $_ => "\"$good{$_}\"" } @names),
        $name => $_ }})) for '1', '123456789012', 'true', 'false', '[]', '{}',
            '["123456789012"]', '{"S":"123456789012"}';
}

=== TEST 6: account ids
--- http_config eval: $::aws
--- config eval: $::register
--- test
is_taken(CustomerAWSAccountId => $_, "\"$_\"")
    for '0', '1', '000000000000', '123456789012', '1' x 255;

is_refused(object(CustomerAWSAccountId => "\"$_\"")) for
    '1' x 256, '12345678901a', ' 123456789012', '123456789012 ', '-1', '+1',
    '1.0', '0x10', "\xd9\xa1", '1,2', '1\n', '\u0031\u000a', '\u0000', '1\u0000';

=== TEST 7: license ARNs
--- http_config eval: $::aws
--- config eval: $::register
--- test
is_taken(LicenseArn => $_, "\"$_\"") for
    'arn:aws:license-manager::123456789012:license:l-0123456789abcdef',
    'arn:aws-cn:license-manager:cn-north-1:123456789012:license/l-1',
    'arn:aws-us-gov:s:::r', 'arn:aws:S_/.-x:a/._-:b/._-:r:_/+=,@.-',
    'arn:aws:s:::' . 'r' x 1024, 'arn:aws:s:' . 'a' x 63 . '::r',
    'arn:aws:' . 's' x 63 . '::' . '1' x 63 . ':r';

is_refused(object(LicenseArn => "\"$_\"")) for
    'x', 'arn', 'arn:aws', 'arn:aws:', 'arn:aws:::::', 'arn:aws:s:::',
    'arn:aws:s::', 'arn:awx:s:::r', 'arm:aws:s:::r', 'ARN:aws:s:::r',
    'arn:aws::::r', ' arn:aws:s:::r', 'arn:aws:s:::r ', 'arn:aws:s:::r r',
    'arn:aws:s:::r\n', 'arn:aws:s:::r\r\nX: y', 'arn:aws:s:::r\u0000',
    'arn:aws:s:::r\"', 'arn:aws:s:::r;', 'arn:aws:s:::r*', 'arn:aws:s:::<r>',
    'arn:aws:s:*::r', 'arn:aws:s::1 2:r', "arn:aws:s:::\xc3\xa9",
    'arn:aws:s:::r\u00e9', 'arn:aws:s:::' . 'r' x 1025,
    'arn:aws:s:' . 'a' x 64 . '::r', 'arn:aws:s::' . '1' x 64 . ':r',
    'arn:aws:' . 's' x 64 . ':::r';

=== TEST 8: customer identifiers
--- http_config eval: $::aws
--- config eval: $::register
--- test
is_taken(CustomerIdentifier => @$_) for
    ['x', '"x"'], ['ifAPi5AcF3', '"ifAPi5AcF3"'], ['a b', '"a b"'],
    ['a"b\\c/d', '"a\"b\\\\c\/d"'], ['x' x 255, '"' . 'x' x 255 . '"'],
    ["caf\xc3\xa9", "\"caf\xc3\xa9\""], ["caf\xc3\xa9", '"caf\u00e9"'],
    ["\xf0\x9f\x98\x80", '"\ud83d\ude00"'];

is_refused(object(CustomerIdentifier => "\"$_\"")) for
    'x' x 256, '\ud800', '\udc00', '\ud800\ud800',
    map({ sprintf 'a\u%04xb', $_ } 0 .. 0x1f, 0x7f), '\n', '\r', '\t', '\b',
    '\f', 'a\r\nX-Marketplace-License-Arn: mine';

=== TEST 9: product codes
--- http_config eval: $::aws
--- config eval: $::register
--- test
is_taken(ProductCode => $_, "\"$_\"") for
    'x', 'aB3-/=:_.@', 'x' x 255;

is_refused(object(LicenseArn => "\"$good{LicenseArn}\"",
    ProductCode => "\"$_\"")) for
    'x' x 256, 'a b', 'a+b', 'a,b', 'a;b', 'a\"', 'a\\\\', 'a\n', '\u0000',
    "\xc3\xa9", ' ', '\u007f';

=== TEST 10: what is no JSON, or no object
--- http_config eval: $::aws
--- config eval: $::register
--- test
my $good = object(LicenseArn => "\"$good{LicenseArn}\"");

is_refused($_) for ' ', 'x', 'null', 'true', '1', '""', '[]', "[$good]",
    "\"$good\"", '{', '}', '{"', '{"LicenseArn"}', '{"LicenseArn":}',
    "$good x", "$good}", "$good$good", "x$good", substr($good, 0, -1),
    substr($good, 0, -2), "{'LicenseArn':'x'}", '{LicenseArn:"x"}',
    "\xef\xbb\xbf[$good]", "$good\0", "\0$good", '[' x 4000,
    '{"a":' x 2000, '{"a":' x 2000 . '1' . '}' x 2000,
    '<CustomerAWSAccountId>123456789012</CustomerAWSAccountId>',
    'CustomerAWSAccountId=123456789012';

is(outcome($_), "$header{LicenseArn}: $good{LicenseArn}", 'white space')
    for " $good", "$good \r\n", "\n\t$good",
        $good =~ s/(?<=[{":])(?=["}])|(?=:")/ /gr =~ s/" +(L|arn)/"$1/gr;

is(register($_)->{status}, 502, $_) for 'html', 'truncated';

=== TEST 11: a field that is there twice
--- http_config eval: $::aws
--- config eval: $::register
--- test
for my $name (@names) {
    for my $second ("\"$good{$name}\"", '"1"', '"other"', '5') {
        is_refused(object(LicenseArn => "\"$good{LicenseArn}\"",
            CustomerAWSAccountId => '"1"',
            $name => "\"$good{$name}\"", $name => $second));
    }
}

is_refused('{"LicenseArn":"arn:aws:s:::a","\u004cicenseArn":"arn:aws:s:::b"}');

=== TEST 12: how much may come
--- http_config eval: $::aws
--- config eval: $::register
--- test
for my $prefix ('', 'chunked:', 'split:', 'closing:') {
    is(register("${prefix}big:2000")->{status}, 200, "$prefix, enough");
    is(register("${prefix}big:$_")->{headers}{'x-error'}, 'InvalidResponse',
        "$prefix$_ bytes") for 20000, 70000;
}

is(register('big:9000')->{status}, 200, 'a lot');
is(register('big:1000000')->{status}, 502, 'by far too much');

=== TEST 13: replies that are no HTTP, or contradict themselves
--- http_config eval: $::aws
--- config eval: $::register
--- test
my $json = object(LicenseArn => "\"$good{LicenseArn}\"");
my $size = length $json;
my $ok = "HTTP/1.1 200 OK\r\n";

is(register("raw:${ok}Content-Length: $size\r\n\r\n$json")->{status}, 200,
    'a good one');
is(register("raw:HTTP/1.1 200\r\nContent-Length:$size\r\n\r\n$json")->{status},
    200, 'a bare one');

for my $reply (
    "\n", "\r\n\r\n", "garbage\n", "HTTP/1.1\n", "HTTP/1.1 \r\n\r\n",
    "HTTP/1.1 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000\r\n\r\n",
    "HTTP/2 200\r\n\r\n", "HTTP/2.0 200 OK\r\nContent-Length: $size\r\n\r\n$json",
    "HTTP/1.2 200 OK\r\nContent-Length: $size\r\n\r\n$json",
    "http/1.1 200 OK\r\nContent-Length: $size\r\n\r\n$json",
    "HTTP/1.1 -200 OK\r\nContent-Length: $size\r\n\r\n$json",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "HTTP/1.1 099 Early\r\n\r\n",
    "ICY 200 OK\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "220 smtp ESMTP\r\n",
    "\x15\x03\x01\x00\x02\x02\x0a\n", "$json\n",
    "${ok}Content-Length: $size\r\nContent-Length: 1\r\n\r\n$json",
    "${ok}Content-Length: $size, $size\r\n\r\n$json",
    "${ok}Content-Length: +$size\r\n\r\n$json",
    "${ok}Content-Length: -1\r\n\r\n$json",
    "${ok}Content-Length: 0x$size\r\n\r\n$json",
    "${ok}Content-Length:\r\n\r\n$json",
    "${ok}Content-Length: 99999999999999999999\r\n\r\n$json",
    "${ok}Content-Length: 18446744073709551615\r\n\r\n$json",
    "${ok}Content-Length: 4294967297\r\n\r\n$json",
    "${ok}Content-Length: 17000\r\n\r\n$json",
    "${ok}Transfer-Encoding: gzip\r\nContent-Length: $size\r\n\r\n$json",
    "${ok}Transfer-Encoding: gzip, chunked\r\n\r\n$size\r\n$json\r\n0\r\n\r\n",
    "${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "${ok}Transfer-Encoding: chunked\r\nContent-Length: $size\r\n\r\n$json",
    "${ok}Transfer-Encoding: chunked\r\n\r\nx\r\n",
    "${ok}Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    "${ok}Transfer-Encoding: chunked\r\n\r\n\r\n",
    "${ok}Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
    "${ok}Transfer-Encoding: chunked\r\n\r\n100000000\r\n",
    "${ok}Transfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\n",
    "${ok}Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
    "${ok}Transfer-Encoding: chunked\r\n\r\n" . (sprintf "%x\r\n", $size - 1)
        . "$json\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\nContent-Length: $size\n\n$json",
    "${ok}Content-Length: $size\n\r\n$json",
    "${ok}: x\r\nContent-Length: $size\r\n\r\n$json",
    "${ok}X\r\nContent-Length: $size\r\n\r\n$json",
    "${ok} X: folded\r\nContent-Length: $size\r\n\r\n$json",
    "${ok}Content-Length : $size\r\n\r\n$json",
    "${ok}X: a\rb\r\nContent-Length: $size\r\n\r\n$json",
    "${ok}X: a\0b\r\nContent-Length: $size\r\n\r\n$json",
    $ok . "X: y\r\n" x 3000, $ok . 'X: ' . 'y' x 17000,
    "HTTP/1.1 100 Continue\r\n\r\n" x 700)
{
    my $what = start($reply);

    for my $prefix ('', 'split:') {
        next if $prefix && length $reply > 1000;

        my $response = register("${prefix}raw:$reply");
        is("$response->{status} $response->{headers}{'x-error'}",
            '502 InvalidResponse', "$prefix$what");
        is($response->{headers}{'x-status'}, '-', "$prefix$what: status");
    }
}

=== TEST 14: bytes that no JSON string can carry
--- http_config eval: $::aws
--- config eval: $::register
--- test
for my $json ("{\"LicenseArn\":\"arn:aws:s:::r\"}\xff", "\xff\xfe",
    map({ "{\"CustomerIdentifier\":\"$_\"}" } "\xff\xff", "a\xc3", "\xc0\x80",
        "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82"),
    "{\"CustomerIdentifier\":\"a\0b\"}",
    "{\"CustomerIdentifier\":\"a\nb\"}", "{\"CustomerIdentifier\":\"a\x01b\"}",
    "{\"CustomerIdentifier\":\"a\x7fb\"}",
    "{\"LicenseArn\":\"arn:aws:s:::r\0\"}", "\x1f\x8b\x08\x00\x00")
{
    my $reply = "HTTP/1.1 200 OK\r\nContent-Length: " . length($json)
        . "\r\n\r\n$json";
    my $response = register('hex:' . unpack 'H*', $reply);

    is("$response->{status} $response->{headers}{'x-error'}",
        '502 InvalidResponse', unpack 'H*', $json);
}

=== TEST 15: success is status 200 and no other
--- http_config eval: $::aws
--- config eval: $::register
--- test
for my $status (201, 202, 203, 204, 206, 226, 299, 300, 301, 302, 303, 304, 307,
    308, 399)
{
    my $response = register("status:$status:ok");

    is("$response->{status} $response->{headers}{'x-error'}",
        '502 InvalidResponse', "status $status");
    is($response->{headers}{'x-status'}, $status, "$status: status");
}

is(register('status:302:header:Location=/elsewhere:ok')->{status}, 502,
    'a redirect is not followed');
is(standin(GET => 'count') % 16, 0, 'nor was any other');

=== TEST 16: what AWS adds one day
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve on;
        add_header X-Extra "[$marketplace_field_extra]" always;
        add_header X-Known "[$marketplace_field_licensearn]" always;
        add_header X-Other "[$marketplace_field_other_name]" always;
        add_header X-Error $marketplace_error always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- test
for my $row (
    ['"Extra":"value"', 'value'], ['"extra":"value"', 'value'],
    ['"EXTRA":"value"', 'value'], ['"Extra":""', ''], ['"Extra":null', ''],
    ['"Extra":5', ''], ['"Extra":true', ''], ['"Extra":["x"]', ''],
    ['"Extra":{"Extra":"x"}', ''], ['"Extras":"x"', ''], ['"Extr":"x"', ''],
    ['"Extra":"a b;c\"d"', 'a b;c"d'], ['"Extra":"a\r\nX-Evil: b"', ''],
    ['"Extra":"a\u007f"', ''], ['"Extra":"a\nb"', ''],
    ['"Extra":5,"extra":"x"', 'x'])
{
    my ($member, $value) = @$row;
    my $response = register("json:{\"LicenseArn\":\"arn:aws:s:::r\",$member}");
    my $headers = $response->{headers};

    is($response->{status}, 200, $member);
    is($headers->{'x-extra'}, "[$value]", "$member: value");
    is($headers->{'x-known'}, '[arn:aws:s:::r]', "$member: a known one");
    is($headers->{'x-other'}, '[]', "$member: another");
    is($headers->{'x-evil'}, undef, "$member: nothing else");
    is(() = $response->{content} =~ /^X-/mg, 1, "$member: no other header");
}

is(register('json:{"LicenseArn":"arn:aws:s:::r","Other_Name":"x"}')
    ->{headers}{'x-other'}, '[x]', 'with an underscore');
is(register('json:{"Extra":"value"}')->{headers}{'x-extra'}, '[]',
    'nothing of what is refused');
is(register('error:InvalidTokenException')->{headers}{'x-extra'}, '[]',
    'nothing of an error');

=== TEST 17: headers of AWS's reply are not obeyed and not passed on
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
    location /secret {
        return 200 "secret\n";
    }
--- test
my $hostile = join ':', map({ "header:$_" }
    'X-Accel-Redirect=/secret', 'X-Accel-Limit-Rate=1',
    'X-Accel-Expires=100', 'X-Accel-Buffering=no', 'X-Accel-Charset=utf-7',
    'Set-Cookie=session=evil', 'Location=/secret', 'Content-Encoding=gzip',
    'Expires=evil', 'Refresh=0', 'WWW-Authenticate=Basic', 'Age=7',
    'Vary=evil', 'Via=evil', 'Server=evil', 'X-Marketplace-License-Arn=evil',
    'Connection=keep-alive', 'Upgrade=h2c', 'Link=</evil>', 'ETag="evil"',
    'Last-Modified=evil'), '';

for my $answer ('ok', 'error:InvalidTokenException', 'html', 'json:{}',
    'status:302:ok', 'status:401:ok')
{
    my $response = register("$hostile$answer");
    my $head = JSON::PP::encode_json($response->{headers});

    unlike($head, qr/evil|accel|cookie|location|refresh|www-auth|amzn/i,
        "$answer: headers");
    unlike($response->{content}, qr/^secret|: evil/m, "$answer: body");
}

is(register("${hostile}ok")->{status}, 200, 'and all is well');

=== TEST 18: AWS's words never reach the client or a filter
--- http_config eval: $::aws
--- config
    location = /register {
        marketplace_resolve on;
        ssi on;
        ssi_types *;
        sub_filter_types *;
        sub_filter_once off;
        sub_filter ZZZ REPLACED;
        gzip on;
        gzip_min_length 0;
        gzip_types *;
        add_before_body /before;
        add_after_body /after;
        addition_types *;
        error_page 400 502 = /sorry;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND/;
    }
    location = /before { return 200 "before\n"; }
    location = /after { return 200 "after\n"; }
    location = /sorry { return 200 "sorry\n"; }
--- test
for my $row (
    ['json:{"LicenseArn":"arn:aws:s:::r","x":"WORDS<!--#include virtual=\"/after\" -->ZZZ"}',
        qr/^before\nPOST .*after\n$/s],
    ['header:Content-Type=text/html:json:{"LicenseArn":"arn:aws:s:::r","WORDS":"ZZZ<!--#echo var=\"uri\" -->"}',
        qr/^before\nPOST .*after\n$/s],
    ['json:WORDS<!--#include virtual="/after" -->ZZZ', qr/^sorry\n$/],
    ['error:InvalidTokenException:400::WORDS<!--#echo var="uri" -->ZZZ',
        qr/^sorry\n$/],
    ['chunked:json:WORDSZZZ', qr/^sorry\n$/])
{
    my ($token, $expected) = @$row;

    for my $headers ({}, { 'Accept-Encoding' => 'gzip' }) {
        my $response = register($token, headers => $headers);
        my $content = $response->{content};

        if ($response->{headers}{'content-encoding'}) {
            open my $gunzip, '-|', 'gunzip', '-c', write_file($content) or die;
            local $/;
            $content = <$gunzip> // '';
        }

        # the application shows the body that it got, percent-encoded

        $content =~ s/^x-amzn-marketplace-token=.*?(?=after$)//m;

        is($response->{status}, 200, "$token: status");
        like($content, $expected, $token);
        unlike($content, qr/WORDS|ZZZ/, "$token: no words");
    }
}

=== TEST 19: license ARNs, to the letter of the model's pattern
--- http_config eval: $::aws
--- config eval: $::register
--- test
is_refused(object(LicenseArn => "\"$_\"")) for 'arn:aws_cn:s:::r',
    'arn:aws1:s:::r', 'arn:aws:-s:::r', 'arn:aws:s:::-r', 'arn:aws:s::::r';
