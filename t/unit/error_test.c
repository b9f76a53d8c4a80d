#include "unit.h"

#include "aws/mp_error.h"


#define COMMON  "com.amazon.coral.service#"

#define EXPIRED_MESSAGE                                                       \
    "\"The security token included in the request is expired\""


static mp_aws_error_t
parse(mp_str_t body, mp_str_t error_type)
{
    mp_aws_error_t  error;

    memset(&error, 0xff, sizeof(error));
    mp_aws_error_parse(&error, unit_copy(body), unit_copy(error_type), NULL,
                       0);

    return error;
}


static mp_str_t
name_of(const mp_aws_error_t *error)
{
    return unit_bytes(error->name, error->name_len);
}


static mp_str_t
message_of(const mp_aws_error_t *error)
{
    return unit_bytes(error->message, error->message_len);
}


static void
an_error_is_named_in_the_body_or_the_header(void **state)
{
    size_t          i;
    const char     *label;
    mp_aws_error_t  error;

    static const struct {
        mp_str_t  body;
        mp_str_t  header;
        mp_str_t  name;
        unsigned  common;
    } rows[] = {
        { mp_str("{\"__type\":\"Name\"}"), mp_null_str, mp_str("Name"), 0 },
        { mp_str("{\"__type\":\"ns.a#Name\"}"), mp_null_str, mp_str("Name"),
          0 },
        { mp_str("{\"__type\":\"Name:http://a/b\"}"), mp_null_str,
          mp_str("Name"), 0 },
        { mp_str("{\"__type\":\"Name,http://a/b\"}"), mp_null_str,
          mp_str("Name"), 0 },
        { mp_str("{\"__type\":\"ns#Name:http://a/#b\"}"), mp_null_str,
          mp_str("Name"), 0 },
        { mp_str("{\"__type\":\"ns#Name,a:b#c\"}"), mp_null_str,
          mp_str("Name"), 0 },
        { mp_str("{\"__type\":\"Name:a,b\"}"), mp_null_str, mp_str("Name"),
          0 },
        { mp_str("{\"__type\":\"Name:a#b\"}"), mp_null_str, mp_str("Name"),
          0 },
        { mp_str("{\"__type\":\"" COMMON "Name\"}"), mp_null_str,
          mp_str("Name"), 1 },
        { mp_str("{\"__type\":\"" COMMON "Name:uri\"}"), mp_null_str,
          mp_str("Name"), 1 },
        { mp_str("{\"__type\":\"x" COMMON "Name\"}"), mp_null_str,
          mp_str("Name"), 0 },
        { mp_str("{\"__type\":\"com.amazon.coral.servic#Name\"}"),
          mp_null_str, mp_str("Name"), 0 },
        { mp_str("{\"__type\":\"com.amazon.coral.services#Name\"}"),
          mp_null_str, mp_str("Name"), 0 },
        { mp_str("{\"__type\":\"com.amazon.coral.service\"}"), mp_null_str,
          mp_str("com.amazon.coral.service"), 0 },

        { mp_str("{\"code\":\"Name\"}"), mp_null_str, mp_str("Name"), 0 },
        { mp_str("{\"Code\":\"Name\"}"), mp_null_str, mp_str("Name"), 0 },
        { mp_str("{\"CODE\":\"ns#Name\"}"), mp_null_str, mp_str("Name"), 0 },
        { mp_str("{\"code\":\"Other\",\"__type\":\"Name\"}"), mp_null_str,
          mp_str("Name"), 0 },
        { mp_str("{\"code\":\"Name\",\"__type\":400}"), mp_null_str,
          mp_str("Name"), 0 },
        { mp_str("{\"code\":\"Name\",\"__type\":\"\"}"), mp_null_str,
          mp_str("Name"), 0 },
        { mp_str("{\"__TYPE\":\"Other\"}"), mp_str("Name"), mp_str("Name"),
          0 },

        { mp_null_str, mp_str("Name"), mp_str("Name"), 0 },
        { mp_str("<html>"), mp_str("Name:http://a/"), mp_str("Name"), 0 },
        { mp_str("{}"), mp_str(COMMON "Name"), mp_str("Name"), 1 },
        { mp_str("{\"code\":400}"), mp_str("Name"), mp_str("Name"), 0 },
        { mp_str("{\"__type\":\"Name\"}"), mp_str("Other"), mp_str("Name"),
          0 },
        { mp_str("{\"__type\":\"Name\"}"), mp_str(COMMON "Other"),
          mp_str("Name"), 0 },
        { mp_str("{\"Error\":{\"__type\":\"Inner\",\"code\":\"Inner\"}}"),
          mp_str("Name"), mp_str("Name"), 0 },

        { mp_null_str, mp_null_str, mp_null_str, 0 },
        { mp_str("{}"), mp_null_str, mp_null_str, 0 },
        { mp_str("{\"__type\":\"\"}"), mp_null_str, mp_null_str, 0 },
        { mp_str("{\"__type\":\"#\"}"), mp_null_str, mp_null_str, 0 },
        { mp_str("{\"__type\":\"ns#\"}"), mp_null_str, mp_null_str, 0 },
        { mp_str("{\"__type\":\":Name\"}"), mp_null_str, mp_null_str, 0 },
        { mp_str("{\"__type\":\"Na me\"}"), mp_null_str, mp_null_str, 0 },
        { mp_str("{\"__type\":\"Name\\r\\n\"}"), mp_null_str, mp_null_str,
          0 },
        { mp_str("{\"__type\":\"Na\\\"me\"}"), mp_null_str, mp_null_str, 0 },
        { mp_str("{\"__type\":\"N\\u00e4me\"}"), mp_null_str, mp_null_str,
          0 },
        { mp_str("{\"__type\":\"a/b\"}"), mp_null_str, mp_null_str, 0 },
        { mp_str("{\"__type\":\"a#b#c\"}"), mp_null_str, mp_null_str, 0 },
        { mp_str("{\"__type\":\"Name\""), mp_null_str, mp_null_str, 0 },
        { mp_null_str, mp_str("Name\x01"), mp_null_str, 0 }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        error = parse(rows[i].body, rows[i].header);
        label = rows[i].body.len ? (const char *) rows[i].body.data
                                 : "header";

        check_str(label, name_of(&error), rows[i].name);
        check_int(label, error.common, rows[i].common);
        check_int(label, error.message_len, 0);
    }
}


static void
a_name_has_a_greatest_length(void **state)
{
    mp_str_t        name;
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;

    name = unit_fill('N', MP_ERROR_NAME_MAX);
    error = parse(none, name);
    check_str("longest", name_of(&error), name);

    error = parse(none, unit_fill('N', MP_ERROR_NAME_MAX + 1));
    assert_int_equal(error.name_len, 0);

    /* what is cut off does not count */

    error = parse(none, unit_join(unit_fill('x', 500), STR("#"),
                                  unit_join(name, STR(":"), name)));
    check_str("inside", name_of(&error), name);
}


static void
a_message_is_made_fit_to_be_printed(void **state)
{
    size_t          i;
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;

    static const struct {
        mp_str_t  body;
        mp_str_t  message;
    } rows[] = {
        { mp_str("{\"message\":\"Rate exceeded\"}"),
          mp_str("Rate exceeded") },
        { mp_str("{\"Message\":\"Rate exceeded\"}"),
          mp_str("Rate exceeded") },
        { mp_str("{\"Message\":\"b\",\"message\":\"a\"}"), mp_str("a") },
        { mp_str("{\"message\":null,\"Message\":\"b\"}"), mp_str("b") },
        { mp_str("{\"MESSAGE\":\"c\"}"), mp_null_str },
        { mp_str("{\"message\":{\"message\":\"c\"}}"), mp_null_str },
        { mp_str("{\"error\":{\"message\":\"c\"}}"), mp_null_str },
        { mp_str("{\"message\":\"\"}"), mp_null_str },
        { mp_str("{\"message\":\" ! ~\\n\"}"), mp_str("! ~") },
        { mp_str("{\"message\":\" \\t \"}"), mp_null_str },
        { mp_str("{\"message\":\"a\\r\\nb\\tc\\u001b[0md\\u007fe\"}"),
          mp_str("a  b c [0md e") },
        { mp_str("{\"message\":\"a\\u00e9b\xff" "c\"}"),
          mp_str("a  b c") },
        { mp_str("{\"message\":\"a\\u0000b\"}"), mp_null_str },
        { mp_str("message"), mp_null_str }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        error = parse(rows[i].body, none);

        check_str((const char *) rows[i].body.data, message_of(&error),
                  rows[i].message);
    }
}


static void
a_message_is_cut_to_its_greatest_length(void **state)
{
    mp_str_t        message;
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;

    message = unit_fill('m', MP_ERROR_MESSAGE_MAX);

    error = parse(unit_join(STR("{\"message\":\""), message, STR("\"}")),
                  none);
    check_str("whole", message_of(&error), message);

    error = parse(unit_join(STR("{\"message\":\""), message, STR("x\"}")),
                  none);
    check_str("cut", message_of(&error), message);
}


static void
secrets_in_a_message_become_asterisks(void **state)
{
    size_t          i;
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;

    static const mp_str_t  secrets[] = {
        mp_str("token+/="), mp_null_str, mp_str("SESSION"),
        mp_str("t\xc3\xa9\"")
    };

    static const struct {
        mp_str_t  message;
        mp_str_t  printed;
    } rows[] = {
        { mp_str("token+/="), mp_str("********") },
        { mp_str("a token+/= b SESSION c"), mp_str("a ******** b ******* c") },
        { mp_str("token+/=token+/=x"), mp_str("****************x") },
        { mp_str("SESSION SESSION SESSION"),
          mp_str("******* ******* *******") },
        { mp_str("t\\u00e9\\\""), mp_str("****") },
        { mp_str("token+/"), mp_str("token+/") },
        { mp_str("session TOKEN+/="), mp_str("session TOKEN+/=") },
        { mp_str("token+\\/="), mp_str("********") }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        mp_aws_error_parse(&error,
                           unit_join(STR("{\"message\":\""), rows[i].message,
                                     STR("\"}")),
                           none, secrets, LENGTH(secrets));

        check_str((const char *) rows[i].message.data, message_of(&error),
                  rows[i].printed);
    }

    mp_aws_error_parse(&error, STR("{\"Message\":\"a SESSION\"}"), none,
                       secrets, LENGTH(secrets));
    check_str("Message", message_of(&error), STR("a *******"));

    mp_aws_error_parse(&error, STR("{\"message\":\"a SESSION\"}"), none,
                       secrets, 2);
    check_str("fewer", message_of(&error), STR("a SESSION"));
}


static void
no_secret_hides_a_part_of_another(void **state)
{
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;

    static const mp_str_t  secrets[] = {
        mp_str("a"), mp_str("IQoJaEAaSECRET"), mp_str("xyxy")
    };

    mp_aws_error_parse(&error, STR("{\"message\":\"a IQoJaEAaSECRET\"}"),
                       none, secrets, LENGTH(secrets));
    check_str("inside", message_of(&error), STR("* **************"));

    mp_aws_error_parse(&error, STR("{\"message\":\"xyxyxy!\"}"), none,
                       secrets, LENGTH(secrets));
    check_str("overlapping itself", message_of(&error), STR("******!"));
}


static void
what_holds_a_secret_is_no_name_unless_it_is_known(void **state)
{
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;

    static const mp_str_t  secrets[] = {
        mp_str("Exception"), mp_str("SECRETTO"), mp_str("a")
    };

    mp_aws_error_parse(&error, STR("{\"__type\":\"xSECRETTOKEN\"}"), none,
                       secrets, LENGTH(secrets));
    assert_int_equal(error.name_len, 0);

    mp_aws_error_parse(&error, none, STR("SECRETTOKEN"), secrets,
                       LENGTH(secrets));
    assert_int_equal(error.name_len, 0);

    mp_aws_error_parse(&error, STR("{\"__type\":\"NewException\"}"), none,
                       secrets, LENGTH(secrets));
    assert_int_equal(error.name_len, 0);

    mp_aws_error_parse(&error, STR("{\"__type\":\"InvalidTokenException\"}"),
                       none, secrets, LENGTH(secrets));
    assert_int_equal(error.name_len, sizeof("InvalidTokenException") - 1);

    mp_aws_error_parse(&error, STR("{\"__type\":\"ThrottlingException\"}"),
                       none, secrets, LENGTH(secrets));
    assert_int_equal(error.name_len, sizeof("ThrottlingException") - 1);

    mp_aws_error_parse(&error, STR("{\"__type\":\"Natural\"}"), none, secrets,
                       LENGTH(secrets));
    assert_int_equal(error.name_len, sizeof("Natural") - 1);
}


static void
a_secret_is_not_cut_in_two(void **state)
{
    size_t          i;
    mp_str_t        secret;
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;

    secret = unit_fill('s', 40);

    mp_aws_error_parse(&error,
                       unit_join(STR("{\"message\":\""),
                                 unit_join(unit_fill('-', 1000), secret,
                                           none),
                                 STR("\"}")),
                       none, &secret, 1);

    assert_int_equal(error.message_len, MP_ERROR_MESSAGE_MAX);

    for (i = 1000; i < MP_ERROR_MESSAGE_MAX; i++) {
        assert_int_equal(error.message[i], '*');
    }
}


static void
a_secret_behind_what_is_kept_changes_nothing(void **state)
{
    mp_str_t        message, secret;
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;

    message = unit_fill('m', MP_ERROR_MESSAGE_MAX);
    secret = unit_fill('s', 40);

    mp_aws_error_parse(&error,
                       unit_join(STR("{\"message\":\""),
                                 unit_join(message, secret, none),
                                 STR("\"}")),
                       none, &secret, 1);

    check_str("message", message_of(&error), message);
}


typedef struct {
    const char   *name;
    unsigned      reply_status;
    const char   *printed;
    unsigned      status;
    mp_fault_t    fault;
} meaning_t;


static void
check_meaning(const meaning_t *row, const mp_error_t *error)
{
    check_str(row->name, error->name, mp_str_from(row->printed));
    check_int(row->name, error->status, row->status);
    check_int(row->name, error->fault, row->fault);

    if (error->advice == NULL || error->advice[0] == '\0') {
        fail_msg("%s: there is no advice", row->name);
    }
}


static void
a_reply_with_an_error_means_what_the_interface_says(void **state)
{
    size_t          i;
    mp_error_t      result;
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;

    static const meaning_t  rows[] = {
        { "InvalidTokenException", 400,
          "InvalidTokenException", 400, MP_FAULT_BUYER },
        { "ExpiredTokenException", 400,
          "ExpiredTokenException", 410, MP_FAULT_BUYER },

        { "ThrottlingException", 400,
          "ThrottlingException", 503, MP_FAULT_SERVICE },
        { "ThrottlingException", 429,
          "ThrottlingException", 503, MP_FAULT_SERVICE },
        { "ThrottlingException", 500,
          "ThrottlingException", 503, MP_FAULT_SERVICE },
        { "BandwidthLimitExceeded", 400,
          "BandwidthLimitExceeded", 503, MP_FAULT_SERVICE },
        { "EC2ThrottledException", 400,
          "EC2ThrottledException", 503, MP_FAULT_SERVICE },
        { "LimitExceededException", 400,
          "LimitExceededException", 503, MP_FAULT_SERVICE },
        { "PriorRequestNotComplete", 400,
          "PriorRequestNotComplete", 503, MP_FAULT_SERVICE },
        { "ProvisionedThroughputExceededException", 400,
          "ProvisionedThroughputExceededException", 503, MP_FAULT_SERVICE },
        { "RequestLimitExceeded", 503,
          "RequestLimitExceeded", 503, MP_FAULT_SERVICE },
        { "RequestThrottled", 400,
          "RequestThrottled", 503, MP_FAULT_SERVICE },
        { "RequestThrottledException", 400,
          "RequestThrottledException", 503, MP_FAULT_SERVICE },
        { "SlowDown", 503, "SlowDown", 503, MP_FAULT_SERVICE },
        { "ThrottledException", 400,
          "ThrottledException", 503, MP_FAULT_SERVICE },
        { "Throttling", 400, "Throttling", 503, MP_FAULT_SERVICE },
        { "TooManyRequestsException", 400,
          "TooManyRequestsException", 503, MP_FAULT_SERVICE },
        { "TransactionInProgressException", 400,
          "TransactionInProgressException", 503, MP_FAULT_SERVICE },
        { "AnyName", 429, "AnyName", 503, MP_FAULT_SERVICE },
        { "", 429, "ThrottlingException", 503, MP_FAULT_SERVICE },

        { "InternalServiceErrorException", 500,
          "InternalServiceErrorException", 502, MP_FAULT_SERVICE },
        { "ServiceUnavailable", 503,
          "ServiceUnavailable", 502, MP_FAULT_SERVICE },
        { "AnyName", 599, "AnyName", 502, MP_FAULT_SERVICE },
        { "InternalServiceErrorException", 400,
          "InternalServiceErrorException", 502, MP_FAULT_SERVICE },
        { "InternalFailure", 400, "InternalFailure", 502, MP_FAULT_SERVICE },
        { "IDPCommunicationError", 400,
          "IDPCommunicationError", 502, MP_FAULT_SERVICE },
        { "", 500, "InternalServiceErrorException", 502, MP_FAULT_SERVICE },
        { "", 502, "InternalServiceErrorException", 502, MP_FAULT_SERVICE },

        { "", 400, "InvalidResponse", 502, MP_FAULT_SERVICE },
        { "", 404, "InvalidResponse", 502, MP_FAULT_SERVICE },
        { "", 499, "InvalidResponse", 502, MP_FAULT_SERVICE },

        { "DisabledApiException", 400,
          "DisabledApiException", 500, MP_FAULT_OPERATOR },
        { "AccessDeniedException", 400,
          "AccessDeniedException", 500, MP_FAULT_OPERATOR },
        { "AccessDeniedException", 403,
          "AccessDeniedException", 500, MP_FAULT_OPERATOR },
        { "AccessDenied", 403, "AccessDenied", 500, MP_FAULT_OPERATOR },
        { "UnrecognizedClientException", 400,
          "UnrecognizedClientException", 500, MP_FAULT_OPERATOR },
        { "InvalidClientTokenId", 403,
          "InvalidClientTokenId", 500, MP_FAULT_OPERATOR },
        { "InvalidAccessKeyId", 403,
          "InvalidAccessKeyId", 500, MP_FAULT_OPERATOR },
        { "InvalidSignatureException", 400,
          "InvalidSignatureException", 500, MP_FAULT_OPERATOR },
        { "SignatureDoesNotMatch", 403,
          "SignatureDoesNotMatch", 500, MP_FAULT_OPERATOR },
        { "RequestExpired", 400, "RequestExpired", 500, MP_FAULT_OPERATOR },
        { "RequestInTheFuture", 400,
          "RequestInTheFuture", 500, MP_FAULT_OPERATOR },
        { "RequestTimeTooSkewed", 403,
          "RequestTimeTooSkewed", 500, MP_FAULT_OPERATOR },
        { "OptInRequired", 403, "OptInRequired", 500, MP_FAULT_OPERATOR },
        { "UnknownOperationException", 400,
          "UnknownOperationException", 500, MP_FAULT_OPERATOR },
        { "ValidationException", 400,
          "ValidationException", 500, MP_FAULT_OPERATOR },
        { "AnyName", 400, "AnyName", 500, MP_FAULT_OPERATOR },
        { "AnyName", 499, "AnyName", 500, MP_FAULT_OPERATOR },

        { "invalidtokenexception", 400,
          "invalidtokenexception", 500, MP_FAULT_OPERATOR },
        { "InvalidTokenExceptions", 400,
          "InvalidTokenExceptions", 500, MP_FAULT_OPERATOR }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        error = parse(none, mp_str_from(rows[i].name));
        result = mp_aws_error_classify(&error, rows[i].reply_status, 0);

        check_meaning(&rows[i], &result);
    }
}


static void
errors_of_the_module_mean_what_the_interface_says(void **state)
{
    size_t  i;

    static const meaning_t  rows[] = {
        { "missing token", 0, "MissingToken", 400, MP_FAULT_BUYER },
        { "invalid request", 0, "InvalidRequest", 400, MP_FAULT_BUYER },
        { "token too large", 0, "TokenTooLarge", 413, MP_FAULT_BUYER },
        { "product code", 0, "ProductCodeMismatch", 403, MP_FAULT_PRODUCT },
        { "connection", 0, "ConnectionError", 502, MP_FAULT_SERVICE },
        { "response", 0, "InvalidResponse", 502, MP_FAULT_SERVICE },
        { "timeout", 0, "Timeout", 504, MP_FAULT_SERVICE },
        { "credentials", 0, "NoCredentials", 500, MP_FAULT_OPERATOR }
    };

    const mp_error_t  *errors[] = {
        &mp_missing_token, &mp_invalid_request, &mp_token_too_large,
        &mp_product_code_mismatch, &mp_connection_error, &mp_invalid_response,
        &mp_timeout, &mp_no_credentials
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_meaning(&rows[i], errors[i]);
    }
}


static void
expired_credentials_are_told_from_an_expired_token(void **state)
{
    size_t          i;
    mp_error_t      result;
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;

    static const struct {
        mp_str_t  body;
        unsigned  status;
        int       expired;
        int       credentials;
    } rows[] = {
        { mp_str("{\"__type\":\"ExpiredTokenException\"}"), 400, 0, 0 },
        { mp_str("{\"__type\":\"ExpiredTokenException\",\"message\":"
                 "\"The submitted registration token has expired\"}"),
          400, 0, 0 },
        { mp_str("{\"__type\":\"com.amazonaws.marketplacemetering#"
                 "ExpiredTokenException\"}"), 400, 0, 0 },
        { mp_str("{\"__type\":\"ExpiredTokenException\",\"message\":"
                 "\"The security token included in the form is expired\"}"),
          400, 0, 0 },

        { mp_str("{\"__type\":\"" COMMON "ExpiredTokenException\"}"),
          400, 0, 1 },
        { mp_str("{\"__type\":\"" COMMON "ExpiredTokenException\","
                 "\"message\":" EXPIRED_MESSAGE "}"), 400, 0, 1 },
        { mp_str("{\"__type\":\"ExpiredTokenException\","
                 "\"message\":" EXPIRED_MESSAGE "}"), 400, 0, 1 },
        { mp_str("{\"__type\":\"ExpiredTokenException\","
                 "\"Message\":" EXPIRED_MESSAGE "}"), 400, 0, 1 },
        { mp_str("{\"__type\":\"ExpiredTokenException\"}"), 403, 0, 1 },
        { mp_str("{\"__type\":\"ExpiredTokenException\"}"), 400, 1, 1 },
        { mp_str("{\"__type\":\"ExpiredToken\"}"), 400, 0, 1 }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        error = parse(rows[i].body, none);
        result = mp_aws_error_classify(&error, rows[i].status,
                                       rows[i].expired);

        check_str((const char *) rows[i].body.data, result.name,
                  rows[i].credentials ? STR("ExpiredCredentials")
                                      : STR("ExpiredTokenException"));
        check_int("status", result.status, rows[i].credentials ? 500 : 410);
        check_int("fault", result.fault,
                  rows[i].credentials ? MP_FAULT_OPERATOR : MP_FAULT_BUYER);
    }

    /* the end of the credentials explains no other error */

    error = parse(STR("{\"__type\":\"" COMMON "InvalidTokenException\","
                      "\"message\":" EXPIRED_MESSAGE "}"), none);
    result = mp_aws_error_classify(&error, 403, 1);
    check_str("other", result.name, STR("InvalidTokenException"));
}


static void
advice_on_access_is_the_same_by_either_name(void **state)
{
    mp_error_t      result, other;
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;

    error = parse(none, STR("AccessDeniedException"));
    result = mp_aws_error_classify(&error, 400, 0);

    error = parse(none, STR("AccessDenied"));
    other = mp_aws_error_classify(&error, 403, 0);

    check_str("advice", mp_str_from(other.advice),
              mp_str_from(result.advice));
}


static void
an_expired_token_is_known_by_name(void **state)
{
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;
    static const mp_str_t  secret = mp_str("ExpiredToken");

    mp_aws_error_parse(&error, none, STR("ExpiredToken"), &secret, 1);
    check_str("known", name_of(&error), STR("ExpiredToken"));

    mp_aws_error_parse(&error, none, STR("ExpiredTokens"), &secret, 1);
    check_str("unknown", name_of(&error), STR(""));
}


static void
a_name_and_a_message_are_set(void **state)
{
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;
    static const mp_str_t  secrets[] = { mp_str("SECRETTOKEN") };

    memset(&error, 0xff, sizeof(error));
    mp_aws_error_set(&error, unit_copy(STR(COMMON "Name:uri")),
                     unit_copy(STR("a SECRETTOKEN\n")), secrets, 1);

    check_str("name", name_of(&error), STR("Name"));
    check_str("message", message_of(&error), STR("a ***********"));
    assert_int_equal(error.common, 1);

    mp_aws_error_set(&error, STR("xSECRETTOKEN"), none, secrets, 1);

    check_str("secret", name_of(&error), STR(""));
    check_str("none", message_of(&error), STR(""));
    assert_int_equal(error.common, 0);
}


static void
errors_of_the_credentials_are_known(void **state)
{
    size_t          i;
    mp_error_t      result;
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;

    static const char  *of_credentials[] = {
        "ExpiredCredentials", "ExpiredToken", "InvalidAccessKeyId",
        "InvalidClientTokenId", "UnrecognizedClientException"
    };

    static const char  *others[] = {
        "", "ExpiredTokenException", "InvalidTokenException", "AccessDenied",
        "AccessDeniedException", "SignatureDoesNotMatch", "Expired",
        "InvalidSignatureException", "RequestExpired", "NoCredentials",
        "expiredtoken", "ExpiredTokens", "Timeout", "ThrottlingException"
    };

    for (i = 0; i < LENGTH(of_credentials); i++) {
        check_int(of_credentials[i],
                  mp_error_is_of_credentials(
                      unit_copy(mp_str_from(of_credentials[i]))), 1);
    }

    for (i = 0; i < LENGTH(others); i++) {
        check_int(others[i],
                  mp_error_is_of_credentials(
                      unit_copy(mp_str_from(others[i]))), 0);
    }

    error = parse(none, STR(COMMON "ExpiredTokenException"));
    result = mp_aws_error_classify(&error, 400, 0);
    assert_true(mp_error_is_of_credentials(result.name));

    error = parse(none, STR("ExpiredTokenException"));
    result = mp_aws_error_classify(&error, 400, 0);
    assert_false(mp_error_is_of_credentials(result.name));
}


static void
errors_of_the_clock_are_known(void **state)
{
    size_t  i;

    static const char  *of_the_clock[] = {
        "AccessDeniedException", "AuthFailure", "InvalidSignatureException",
        "RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed",
        "SignatureDoesNotMatch"
    };

    static const char  *others[] = {
        "", "AccessDenied", "ExpiredToken", "ExpiredTokenException",
        "InvalidTokenException", "RequestExpire", "RequestExpiredException",
        "requestexpired", "RequestTimeout", "ThrottlingException"
    };

    for (i = 0; i < LENGTH(of_the_clock); i++) {
        check_int(of_the_clock[i],
                  mp_error_is_of_clock(
                      unit_copy(mp_str_from(of_the_clock[i]))), 1);
    }

    for (i = 0; i < LENGTH(others); i++) {
        check_int(others[i],
                  mp_error_is_of_clock(unit_copy(mp_str_from(others[i]))), 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(an_error_is_named_in_the_body_or_the_header),
        cmocka_unit_test(a_name_has_a_greatest_length),
        cmocka_unit_test(a_message_is_made_fit_to_be_printed),
        cmocka_unit_test(a_message_is_cut_to_its_greatest_length),
        cmocka_unit_test(secrets_in_a_message_become_asterisks),
        cmocka_unit_test(no_secret_hides_a_part_of_another),
        cmocka_unit_test(what_holds_a_secret_is_no_name_unless_it_is_known),
        cmocka_unit_test(a_secret_is_not_cut_in_two),
        cmocka_unit_test(a_secret_behind_what_is_kept_changes_nothing),
        cmocka_unit_test(a_reply_with_an_error_means_what_the_interface_says),
        cmocka_unit_test(errors_of_the_module_mean_what_the_interface_says),
        cmocka_unit_test(expired_credentials_are_told_from_an_expired_token),
        cmocka_unit_test(advice_on_access_is_the_same_by_either_name),
        cmocka_unit_test(an_expired_token_is_known_by_name),
        cmocka_unit_test(a_name_and_a_message_are_set),
        cmocka_unit_test(errors_of_the_credentials_are_known),
        cmocka_unit_test(errors_of_the_clock_are_known)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
