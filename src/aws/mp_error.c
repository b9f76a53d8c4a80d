#include "mp_error.h"

#include "../text/mp_json.h"

#include <string.h>


#define MP_COMMON_NAMESPACE  "com.amazon.coral.service"


static mp_str_t mp_error_type(const cJSON *reply);
static mp_str_t mp_error_message(const cJSON *reply);
static void mp_error_set_name(mp_aws_error_t *error, mp_str_t type);
static void mp_error_set_message(mp_aws_error_t *error, mp_str_t message);
static void mp_error_redact(mp_aws_error_t *error, mp_str_t written,
    mp_str_t secret);
static void mp_error_trim_message(mp_aws_error_t *error);
static int mp_is_credentials_expired(const mp_aws_error_t *error,
    unsigned status);
static mp_error_t mp_error_by_status(unsigned status);
static const mp_error_t *mp_error_find(mp_str_t name);
static int mp_is_one_of(mp_str_t name, const mp_str_t *names, size_t n);


#define MP_ADVICE_CLOCK                                                       \
    "check the secret access key and the clock of this machine"

#define MP_ADVICE_IDENTITY                                                    \
    "check that the access key exists and that its session token, if it has " \
    "one, is whole and of the same credentials"

#define MP_ADVICE_ACCESS                                                      \
    "allow the IAM action aws-marketplace:ResolveCustomer on resource * for " \
    "this identity; it has to be of the account that published the product"

#define MP_ADVICE_WAIT                                                        \
    "AWS may be busy or down; the buyer can try again, the token stays valid"


const mp_error_t  mp_missing_token = {
    mp_str("MissingToken"), 400, MP_FAULT_BUYER, "the request has no token"
};

const mp_error_t  mp_invalid_request = {
    mp_str("InvalidRequest"), 400, MP_FAULT_BUYER,
    "the request is not a registration as AWS Marketplace sends it"
};

const mp_error_t  mp_token_too_large = {
    mp_str("TokenTooLarge"), 413, MP_FAULT_BUYER,
    "the request or its token is larger than marketplace_token_max_size allows"
};

const mp_error_t  mp_product_code_mismatch = {
    mp_str("ProductCodeMismatch"), 403, MP_FAULT_PRODUCT,
    "the token is for a product that marketplace_product_code does not name"
};

const mp_error_t  mp_session_too_large = {
    mp_str("SessionTooLarge"), 500, MP_FAULT_OPERATOR,
    "what AWS said of the customer does not fit into a cookie that browsers "
    "keep: do without marketplace_session here"
};

const mp_error_t  mp_connection_error = {
    mp_str("ConnectionError"), 502, MP_FAULT_SERVICE,
    "check that the endpoint can be reached from here and that its "
    "certificate is one that marketplace_ssl_trusted_certificate vouches for"
};

const mp_error_t  mp_invalid_response = {
    mp_str("InvalidResponse"), 502, MP_FAULT_SERVICE,
    "what answers at the endpoint is not AWS Marketplace Metering: "
    "check marketplace_endpoint and what is in between"
};

const mp_error_t  mp_timeout = {
    mp_str("Timeout"), 504, MP_FAULT_SERVICE,
    "the endpoint did not answer in time: check the way there, and "
    "marketplace_timeout and its like"
};

const mp_error_t  mp_no_credentials = {
    mp_str("NoCredentials"), 500, MP_FAULT_OPERATOR,
    "no AWS credentials could be had: the log has told why, either now or, if "
    "none are configured, when nginx was started; see marketplace_credentials"
};


/* The meaning of names that AWS gives.  Others go by the status. */

static const mp_error_t  mp_aws_errors[] = {
    { mp_str("InvalidTokenException"), 400, MP_FAULT_BUYER,
      "AWS does not know the token; if that is so for every buyer, the "
      "credentials are not of the account that published the product" },
    { mp_str("ExpiredTokenException"), 410, MP_FAULT_BUYER,
      "the buyer has to press \"Set up your account\" again" },
    { mp_str("DisabledApiException"), 500, MP_FAULT_OPERATOR,
      "the API is not offered in this region: set marketplace_region to one "
      "where it is, like us-east-1" },
    { mp_str("AccessDeniedException"), 500, MP_FAULT_OPERATOR,
      MP_ADVICE_ACCESS },
    { mp_str("AccessDenied"), 500, MP_FAULT_OPERATOR, MP_ADVICE_ACCESS },
    { mp_str("UnrecognizedClientException"), 500, MP_FAULT_OPERATOR,
      MP_ADVICE_IDENTITY },
    { mp_str("InvalidClientTokenId"), 500, MP_FAULT_OPERATOR,
      MP_ADVICE_IDENTITY },
    { mp_str("InvalidAccessKeyId"), 500, MP_FAULT_OPERATOR,
      MP_ADVICE_IDENTITY },
    { mp_str("InvalidSignatureException"), 500, MP_FAULT_OPERATOR,
      MP_ADVICE_CLOCK },
    { mp_str("SignatureDoesNotMatch"), 500, MP_FAULT_OPERATOR,
      MP_ADVICE_CLOCK },
    { mp_str("RequestExpired"), 500, MP_FAULT_OPERATOR, MP_ADVICE_CLOCK },
    { mp_str("RequestInTheFuture"), 500, MP_FAULT_OPERATOR, MP_ADVICE_CLOCK },
    { mp_str("RequestTimeTooSkewed"), 500, MP_FAULT_OPERATOR,
      MP_ADVICE_CLOCK },
    { mp_str("InternalServiceErrorException"), 502, MP_FAULT_SERVICE,
      MP_ADVICE_WAIT },
    { mp_str("InternalFailure"), 502, MP_FAULT_SERVICE, MP_ADVICE_WAIT },
    { mp_str("ServiceUnavailable"), 502, MP_FAULT_SERVICE, MP_ADVICE_WAIT },
    { mp_str("OptInRequired"), 500, MP_FAULT_OPERATOR,
      "the account of the credentials is not subscribed to the service or "
      "the region: enable the region there, or set marketplace_region" },
    { mp_str("UnknownOperationException"), 500, MP_FAULT_OPERATOR,
      "the endpoint does not offer ResolveCustomer: check "
      "marketplace_endpoint" },
    { mp_str("IDPCommunicationError"), 502, MP_FAULT_SERVICE, MP_ADVICE_WAIT }
};


static const mp_error_t  mp_expired_credentials = {
    mp_str("ExpiredCredentials"), 500, MP_FAULT_OPERATOR,
    "the temporary credentials have expired: renew them where nginx takes "
    "them from"
};

static const mp_error_t  mp_throttled = {
    mp_str("ThrottlingException"), 503, MP_FAULT_SERVICE,
    "AWS limits the rate of calls; limit_req in front of the location keeps "
    "strangers from using it up"
};

static const mp_error_t  mp_server_error = {
    mp_str("InternalServiceErrorException"), 502, MP_FAULT_SERVICE,
    MP_ADVICE_WAIT
};

static const mp_error_t  mp_client_error = {
    mp_null_str, 500, MP_FAULT_OPERATOR,
    "AWS refuses the request: see its message"
};


/* In the order of their index, in front of those that AWS names. */

static const mp_error_t  *mp_own_errors[] = {
    &mp_missing_token,
    &mp_invalid_request,
    &mp_token_too_large,
    &mp_product_code_mismatch,
    &mp_session_too_large,
    &mp_connection_error,
    &mp_invalid_response,
    &mp_timeout,
    &mp_no_credentials,
    &mp_expired_credentials,
    &mp_throttled
};

#define MP_OWN_ERRORS  (sizeof(mp_own_errors) / sizeof(mp_own_errors[0]))
#define MP_AWS_ERRORS  (sizeof(mp_aws_errors) / sizeof(mp_aws_errors[0]))

_Static_assert(MP_OWN_ERRORS + MP_AWS_ERRORS == MP_ERRORS, "MP_ERRORS");


void
mp_aws_error_parse(mp_aws_error_t *error, mp_str_t body, mp_str_t error_type,
    const mp_str_t *secrets, size_t nsecrets)
{
    cJSON     *reply;
    mp_str_t   type;

    reply = mp_json_parse_object(body);

    type = mp_error_type(reply);

    mp_aws_error_set(error, type.len ? type : error_type,
                     mp_error_message(reply), secrets, nsecrets);

    cJSON_Delete(reply);
}


void
mp_aws_error_set(mp_aws_error_t *error, mp_str_t type, mp_str_t message,
    const mp_str_t *secrets, size_t nsecrets)
{
    size_t    i;
    mp_str_t  name;

    error->name_len = 0;
    error->message_len = 0;
    error->common = 0;

    mp_error_set_name(error, type);

    name.data = error->name;
    name.len = error->name_len;

    if (mp_str_has_secret(name, secrets, nsecrets)
        && mp_error_find(name) == NULL)
    {
        error->name_len = 0;
    }

    mp_error_set_message(error, message);

    for (i = 0; i < nsecrets; i++) {
        mp_error_redact(error, message, secrets[i]);
    }

    mp_error_trim_message(error);
}


/* The member that names the error: __type before code. */

static mp_str_t
mp_error_type(const cJSON *reply)
{
    const cJSON  *member;

    static const mp_str_t  none = mp_null_str;

    member = cJSON_GetObjectItemCaseSensitive(reply, "__type");

    if (!cJSON_IsString(member) || member->valuestring[0] == '\0') {
        member = cJSON_GetObjectItem(reply, "code");
    }

    return cJSON_IsString(member) ? mp_json_string(member) : none;
}


static mp_str_t
mp_error_message(const cJSON *reply)
{
    const cJSON  *member;

    static const mp_str_t  none = mp_null_str;

    member = cJSON_GetObjectItemCaseSensitive(reply, "message");

    if (!cJSON_IsString(member)) {
        member = cJSON_GetObjectItemCaseSensitive(reply, "Message");
    }

    return cJSON_IsString(member) ? mp_json_string(member) : none;
}


/* Of "prefix#Name:uri" and "Name,more" it is the Name. */

static void
mp_error_set_name(mp_aws_error_t *error, mp_str_t type)
{
    size_t    hash;
    mp_str_t  prefix;

    static const mp_str_t  common = mp_str(MP_COMMON_NAMESPACE);

    type.len = mp_str_chr(type, ',');
    type.len = mp_str_chr(type, ':');

    hash = mp_str_chr(type, '#');

    if (hash < type.len) {
        prefix.data = type.data;
        prefix.len = hash;

        error->common = mp_str_eq(prefix, common);

        type.data += hash + 1;
        type.len -= hash + 1;
    }

    if (type.len > MP_ERROR_NAME_MAX || !mp_str_is_made_of(type, MP_WORD)) {
        return;
    }

    mp_copy(error->name, type);
    error->name_len = type.len;
}


static void
mp_error_set_message(mp_aws_error_t *error, mp_str_t message)
{
    size_t         i;
    unsigned char  c;

    if (message.len > MP_ERROR_MESSAGE_MAX) {
        message.len = MP_ERROR_MESSAGE_MAX;
    }

    for (i = 0; i < message.len; i++) {
        c = message.data[i];
        error->message[i] = (c >= 0x20 && c < 0x7f) ? c : ' ';
    }

    error->message_len = message.len;
}


/*
 * Hides a secret wherever it is in what AWS wrote, overlapping itself or cut
 * off at the end of what is kept.  That nothing is looked for in a text where
 * something is hidden already keeps a buyer from choosing a token that would
 * break up another secret.
 */

static void
mp_error_redact(mp_aws_error_t *error, mp_str_t written, mp_str_t secret)
{
    size_t    at, end;
    mp_str_t  rest;

    if (secret.len == 0) {
        return;
    }

    rest = written;

    while ((at = mp_str_find(rest, secret)) < rest.len) {

        at += (size_t) (rest.data - written.data);

        if (at >= error->message_len) {
            return;
        }

        end = at + secret.len;

        if (end > error->message_len) {
            end = error->message_len;
        }

        memset(error->message + at, '*', end - at);

        rest.data = written.data + at + 1;
        rest.len = written.len - at - 1;
    }
}


/* A header's value neither begins nor ends with a space, and some HTTP/2
 * clients refuse one that does. */

static void
mp_error_trim_message(mp_aws_error_t *error)
{
    mp_str_t  message;

    message.data = error->message;
    message.len = error->message_len;

    message = mp_str_trim(message);

    memmove(error->message, message.data, message.len);
    error->message_len = message.len;
}


int
mp_str_has_secret(mp_str_t text, const mp_str_t *secrets, size_t nsecrets)
{
    size_t  i;

    for (i = 0; i < nsecrets; i++) {
        if (secrets[i].len >= MP_SECRET_MIN
            && mp_str_find(text, secrets[i]) < text.len)
        {
            return 1;
        }
    }

    return 0;
}


mp_error_t
mp_aws_error_classify(const mp_aws_error_t *error, unsigned status,
    int credentials_expired)
{
    mp_str_t           name;
    mp_error_t         result;
    const mp_error_t  *known;

    static const mp_str_t  expired = mp_str("ExpiredTokenException");

    name.data = error->name;
    name.len = error->name_len;

    if (name.len == 0) {
        return mp_error_by_status(status);
    }

    known = mp_error_find(name);

    if (known == &mp_expired_credentials
        || (mp_str_eq(name, expired)
            && (credentials_expired
                || mp_is_credentials_expired(error, status))))
    {
        return mp_expired_credentials;
    }

    result = known ? *known
             : (status == 429) ? mp_throttled
             : (status >= 500) ? mp_server_error
             : mp_client_error;

    result.name = name;

    return result;
}


int
mp_error_is_of_credentials(mp_str_t name)
{
    static const mp_str_t  names[] = {
        mp_str("ExpiredCredentials"),
        mp_str("ExpiredToken"),
        mp_str("InvalidAccessKeyId"),
        mp_str("InvalidClientTokenId"),
        mp_str("UnrecognizedClientException")
    };

    return mp_is_one_of(name, names, sizeof(names) / sizeof(names[0]));
}


int
mp_error_is_of_clock(mp_str_t name)
{
    static const mp_str_t  names[] = {
        mp_str("AccessDeniedException"),
        mp_str("AuthFailure"),
        mp_str("InvalidSignatureException"),
        mp_str("RequestExpired"),
        mp_str("RequestInTheFuture"),
        mp_str("RequestTimeTooSkewed"),
        mp_str("SignatureDoesNotMatch")
    };

    return mp_is_one_of(name, names, sizeof(names) / sizeof(names[0]));
}


static int
mp_is_one_of(mp_str_t name, const mp_str_t *names, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (mp_str_eq(name, names[i])) {
            return 1;
        }
    }

    return 0;
}


/* What a name means by itself, or NULL if it is not known. */

static const mp_error_t *
mp_error_find(mp_str_t name)
{
    size_t  i;

    static const mp_str_t  expired = mp_str("ExpiredToken");

    if (mp_str_eq(name, expired)) {
        return &mp_expired_credentials;
    }

    for (i = 0; i < MP_AWS_ERRORS; i++) {
        if (mp_str_eq(name, mp_aws_errors[i].name)) {
            return &mp_aws_errors[i];
        }
    }

    return mp_error_is_throttling(name) ? &mp_throttled : NULL;
}


/*
 * AWS gives the credentials' end the same name as the registration token's.
 * Its own errors come without the prefix that all services share, and
 * with status 400.
 */

static int
mp_is_credentials_expired(const mp_aws_error_t *error, unsigned status)
{
    mp_str_t  message;

    static const mp_str_t  telltale =
        mp_str("security token included in the request");

    message.data = error->message;
    message.len = error->message_len;

    return error->common
           || status == 403
           || mp_str_find(message, telltale) < message.len;
}


/* A reply without a name is from something in between, if not from a service
 * in trouble. */

static mp_error_t
mp_error_by_status(unsigned status)
{
    if (status == 429) {
        return mp_throttled;
    }

    return (status >= 500) ? mp_server_error : mp_invalid_response;
}


int
mp_error_is_throttling(mp_str_t name)
{
    static const mp_str_t  names[] = {
        mp_str("BandwidthLimitExceeded"),
        mp_str("EC2ThrottledException"),
        mp_str("LimitExceededException"),
        mp_str("PriorRequestNotComplete"),
        mp_str("ProvisionedThroughputExceededException"),
        mp_str("RequestLimitExceeded"),
        mp_str("RequestThrottled"),
        mp_str("RequestThrottledException"),
        mp_str("SlowDown"),
        mp_str("ThrottledException"),
        mp_str("Throttling"),
        mp_str("ThrottlingException"),
        mp_str("TooManyRequestsException"),
        mp_str("TransactionInProgressException")
    };

    return mp_is_one_of(name, names, sizeof(names) / sizeof(names[0]));
}


size_t
mp_error_index(mp_str_t name)
{
    size_t  i;

    if (mp_error_is_throttling(name)) {
        name = mp_throttled.name;
    }

    for (i = 0; i < MP_ERRORS; i++) {
        if (mp_str_eq(name, mp_error_name(i))) {
            break;
        }
    }

    return i;
}


mp_str_t
mp_error_name(size_t i)
{
    return (i < MP_OWN_ERRORS) ? mp_own_errors[i]->name
                               : mp_aws_errors[i - MP_OWN_ERRORS].name;
}
