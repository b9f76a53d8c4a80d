# The main job: the least configuration, and what the application sees.

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use Marketplace;

repeat_each(2);

our $http_config = <<'_EOC_';
    marketplace_credentials static id=AKIDEXAMPLE
        secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
    marketplace_endpoint http://127.0.0.1:$TEST_NGINX_AWS_HTTP;
_EOC_

run_tests();

__DATA__

=== TEST 1: a buyer's POST reaches the application with the customer
--- http_config eval: $::http_config
--- config
    location = /register {
        marketplace_resolve on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND;
    }
--- request
POST /register
x-amzn-marketplace-token=ok1
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- response_body_like chomp
^POST /register
X-Marketplace-Customer-AWS-Account-Id: \d{12}
--- error_code: 200
