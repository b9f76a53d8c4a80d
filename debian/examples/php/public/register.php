<?php

// The registration URL of the product: a POST comes from a buyer, whom nginx
// has had AWS name; a GET from AWS, which looks whether there is an answer.

header('Content-Type: text/plain');

if ($_SERVER['REQUEST_METHOD'] == 'POST') {
    $account = $_SERVER['HTTP_X_MARKETPLACE_CUSTOMER_AWS_ACCOUNT_ID'];
    echo "Welcome, account $account\n";

} else {
    echo "Please come from AWS Marketplace.\n";
}
