<?php

// A page for customers.  Who they are, nginx says in headers of the request.

header('Content-Type: text/plain');

if (isset($_SERVER['HTTP_X_MARKETPLACE_LICENSE_ARN'])) {
    $account = $_SERVER['HTTP_X_MARKETPLACE_CUSTOMER_AWS_ACCOUNT_ID'];
    echo "Account $account\n";

} else {
    http_response_code(401);
    echo "Please register.\n";
}
