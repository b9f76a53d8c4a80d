#include "unit.h"

#include "aws/mp_request.h"


static const mp_scope_t  scope = {
    mp_str("us-east-1"), mp_str("aws-marketplace")
};

static const mp_str_t  access_key = mp_str("AKIDEXAMPLE");
static const mp_str_t  secret_key =
    mp_str("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");


/* Writes a head into memory of the length that was promised for it. */

static mp_str_t
head(const mp_signed_request_t *request, const mp_scope_t *request_scope,
    mp_str_t key_id)
{
    mp_str_t          text;
    unsigned char    *data;
    mp_signing_key_t  key;

    mp_signing_key(&key, request->date, secret_key, request_scope);

    text.len = mp_request_head_len(request, request_scope, key_id);
    text.data = data = unit_alloc(text.len);

    assert_ptr_equal(mp_request_head(data, request, request_scope, key_id,
                                     &key),
                     data + text.len);

    return text;
}


/* The signatures are those of t/unit/sigv4-vectors.json. */

static void
a_head_is_written_byte_for_byte(void **state)
{
    mp_signed_request_t  request;

    static const mp_scope_t  sts = { mp_str("us-east-1"), mp_str("sts") };

    memcpy(request.date, "20260102T030405Z", MP_AMZ_DATE_LEN);
    request.host = STR("metering.marketplace.us-east-1.amazonaws.com");
    request.content_type = STR("application/x-amz-json-1.1");
    request.target = STR("AWSMPMeteringService.ResolveCustomer");
    request.session_token = STR("");
    request.body = STR("{\"RegistrationToken\":\"abc+/==\"}");

    check_str("no session token", head(&request, &scope, access_key), STR(
        "POST / HTTP/1.1\r\n"
        "Host: metering.marketplace.us-east-1.amazonaws.com\r\n"
        "User-Agent: ngx_http_marketplace_module\r\n"
        "Content-Type: application/x-amz-json-1.1\r\n"
        "Content-Length: 31\r\n"
        "X-Amz-Date: 20260102T030405Z\r\n"
        "X-Amz-Target: AWSMPMeteringService.ResolveCustomer\r\n"
        "Authorization: AWS4-HMAC-SHA256 "
            "Credential=AKIDEXAMPLE/20260102/us-east-1/aws-marketplace"
            "/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
            "Signature=5d43962f9501262cd31952c50a686acc"
                      "bffc3782f18614646d4f308dbb1db163\r\n"
        "\r\n"));

    request.session_token = STR("FQoGZXIvYXdzEXAMPLETOKEN==");

    check_str("session token", head(&request, &scope, access_key), STR(
        "POST / HTTP/1.1\r\n"
        "Host: metering.marketplace.us-east-1.amazonaws.com\r\n"
        "User-Agent: ngx_http_marketplace_module\r\n"
        "Content-Type: application/x-amz-json-1.1\r\n"
        "Content-Length: 31\r\n"
        "X-Amz-Date: 20260102T030405Z\r\n"
        "X-Amz-Security-Token: FQoGZXIvYXdzEXAMPLETOKEN==\r\n"
        "X-Amz-Target: AWSMPMeteringService.ResolveCustomer\r\n"
        "Authorization: AWS4-HMAC-SHA256 "
            "Credential=AKIDEXAMPLE/20260102/us-east-1/aws-marketplace"
            "/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;"
            "x-amz-target, "
            "Signature=28cd0626842e8bfccabb1c969454339a"
                      "0179838a01906b729ceae19a58badced\r\n"
        "\r\n"));

    request.host = STR("sts.us-east-1.amazonaws.com");
    request.content_type =
        STR("application/x-www-form-urlencoded; charset=utf-8");
    request.target = STR("");
    request.body = STR("Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3A"
                       "aws%3Aiam%3A%3A123456789012%3Arole%2Fr"
                       "&RoleSessionName=nginx");

    check_str("no target", head(&request, &sts, access_key), STR(
        "POST / HTTP/1.1\r\n"
        "Host: sts.us-east-1.amazonaws.com\r\n"
        "User-Agent: ngx_http_marketplace_module\r\n"
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
        "Content-Length: 111\r\n"
        "X-Amz-Date: 20260102T030405Z\r\n"
        "X-Amz-Security-Token: FQoGZXIvYXdzEXAMPLETOKEN==\r\n"
        "Authorization: AWS4-HMAC-SHA256 "
            "Credential=AKIDEXAMPLE/20260102/us-east-1/sts/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "
            "Signature=7046a3baf043f72d9ef02dc741aea3ae"
                      "73c13008d68eca165572b97f7cae6fe4\r\n"
        "\r\n"));
}


static void
the_length_promised_is_the_length_written(void **state)
{
    size_t               i, len;
    mp_scope_t           other;
    mp_signed_request_t  request;

    memcpy(request.date, "20240229T235959Z", MP_AMZ_DATE_LEN);

    for (i = 0; i < 4; i++) {
        for (len = 1; len < 300; len += 7) {

            request.host = unit_fill('h', len);
            request.content_type = unit_fill('c', len + 1);
            request.target = unit_fill('t', (i & 1) ? len + 2 : 0);
            request.session_token = unit_fill('s', (i & 2) ? 9 * len : 0);
            request.body = unit_fill('b', 13 * len);

            other.region = unit_fill('r', len + 3);
            other.service = unit_fill('v', len + 4);

            (void) head(&request, &other, unit_fill('a', len + 5));
        }
    }
}


static void
the_length_of_the_body_is_decimal(void **state)
{
    size_t               i;
    mp_str_t             text, want;
    mp_signed_request_t  request;

    static const struct {
        size_t    len;
        mp_str_t  decimal;
    } rows[] = {
        { 0, mp_str("\r\nContent-Length: 0\r\n") },
        { 9, mp_str("\r\nContent-Length: 9\r\n") },
        { 10, mp_str("\r\nContent-Length: 10\r\n") },
        { 99, mp_str("\r\nContent-Length: 99\r\n") },
        { 100, mp_str("\r\nContent-Length: 100\r\n") },
        { 65536, mp_str("\r\nContent-Length: 65536\r\n") }
    };

    memset(&request, 0, sizeof(request));
    memcpy(request.date, "20260102T030405Z", MP_AMZ_DATE_LEN);
    request.host = STR("host");
    request.content_type = STR("type");

    for (i = 0; i < LENGTH(rows); i++) {
        request.body = unit_fill('x', rows[i].len);

        text = head(&request, &scope, access_key);
        want = rows[i].decimal;

        if (mp_str_find(text, want) == text.len) {
            fail_msg("%.*s", (int) text.len, (const char *) text.data);
        }
    }
}


static void
of_the_body_only_the_length_counts_for_the_length(void **state)
{
    size_t               one;
    mp_signed_request_t  request;

    memset(&request, 0, sizeof(request));
    request.host = STR("host");
    request.content_type = STR("type");

    request.body.len = 1;
    one = mp_request_head_len(&request, &scope, access_key);

    request.body.len = SIZE_MAX;
    assert_int_equal(mp_request_head_len(&request, &scope, access_key),
                     one + sizeof("18446744073709551615") - 2);
}


/* Writes a request into memory of the length that was promised for it. */

static mp_str_t
plain(const mp_plain_request_t *request)
{
    mp_str_t        text;
    unsigned char  *data;

    text.len = mp_plain_request_len(request);
    text.data = data = unit_alloc(text.len);

    assert_ptr_equal(mp_plain_request(data, request), data + text.len);

    return text;
}


static void
a_plain_request_is_written_byte_for_byte(void **state)
{
    mp_plain_request_t  request;

    memset(&request, 0, sizeof(request));
    request.method = STR("GET");
    request.path = STR("/latest/meta-data/");
    request.host = STR("169.254.169.254");
    request.header = STR("X-aws-ec2-metadata-token");
    request.value = STR("abc==");

    check_str("GET", plain(&request), STR(
        "GET /latest/meta-data/ HTTP/1.1\r\n"
        "Host: 169.254.169.254\r\n"
        "User-Agent: ngx_http_marketplace_module\r\n"
        "Accept: */*\r\n"
        "X-aws-ec2-metadata-token: abc==\r\n"
        "Connection: close\r\n"
        "\r\n"));

    request.value = STR("");

    check_str("no header", plain(&request), STR(
        "GET /latest/meta-data/ HTTP/1.1\r\n"
        "Host: 169.254.169.254\r\n"
        "User-Agent: ngx_http_marketplace_module\r\n"
        "Accept: */*\r\n"
        "Connection: close\r\n"
        "\r\n"));

    request.method = STR("PUT");
    request.value = STR("21600");

    check_str("PUT", plain(&request), STR(
        "PUT /latest/meta-data/ HTTP/1.1\r\n"
        "Host: 169.254.169.254\r\n"
        "User-Agent: ngx_http_marketplace_module\r\n"
        "Accept: */*\r\n"
        "X-aws-ec2-metadata-token: 21600\r\n"
        "Content-Length: 0\r\n"
        "Connection: close\r\n"
        "\r\n"));

    request.method = STR("POST");
    request.path = STR("/");
    request.host = STR("sts.us-east-1.amazonaws.com:8443");
    request.value = STR("");
    request.content_type = STR("application/x-www-form-urlencoded");
    request.body = STR("Action=AssumeRoleWithWebIdentity");

    check_str("POST", plain(&request), STR(
        "POST / HTTP/1.1\r\n"
        "Host: sts.us-east-1.amazonaws.com:8443\r\n"
        "User-Agent: ngx_http_marketplace_module\r\n"
        "Accept: */*\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: 32\r\n"
        "Connection: close\r\n"
        "\r\n"
        "Action=AssumeRoleWithWebIdentity"));

    request.body = STR("");

    check_str("empty POST", plain(&request), STR(
        "POST / HTTP/1.1\r\n"
        "Host: sts.us-east-1.amazonaws.com:8443\r\n"
        "User-Agent: ngx_http_marketplace_module\r\n"
        "Accept: */*\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: 0\r\n"
        "Connection: close\r\n"
        "\r\n"));
}


static void
the_length_promised_is_the_length_of_a_plain_request(void **state)
{
    size_t              i, len;
    mp_plain_request_t  request;

    for (i = 0; i < 8; i++) {
        for (len = 1; len < 300; len += 7) {

            request.method = (i & 4) ? STR("GET") : STR("PUT");
            request.path = unit_fill('p', len);
            request.host = unit_fill('h', len + 1);
            request.header = unit_fill('n', len + 2);
            request.value = unit_fill('v', (i & 1) ? 9 * len : 0);
            request.content_type = unit_fill('c', (i & 2) ? len + 3 : 0);
            request.body = unit_fill('b', (i & 1) ? 13 * len : 0);

            (void) plain(&request);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_head_is_written_byte_for_byte),
        cmocka_unit_test(the_length_promised_is_the_length_written),
        cmocka_unit_test(the_length_of_the_body_is_decimal),
        cmocka_unit_test(of_the_body_only_the_length_counts_for_the_length),
        cmocka_unit_test(a_plain_request_is_written_byte_for_byte),
        cmocka_unit_test(the_length_promised_is_the_length_of_a_plain_request)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
