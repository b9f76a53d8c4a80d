#include "unit.h"

#include "aws/mp_sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cjson/cJSON.h>


static const mp_scope_t  scope = {
    mp_str("us-east-1"), mp_str("aws-marketplace")
};


static cJSON *
read_vectors(void)
{
    long    size;
    FILE   *file;
    char   *text;
    cJSON  *vectors;

    file = fopen("t/unit/sigv4-vectors.json", "rb");
    assert_non_null(file);

    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);

    text = unit_alloc((size_t) size);
    assert_int_equal(fread(text, 1, (size_t) size, file), size);
    fclose(file);

    vectors = cJSON_ParseWithLength(text, (size_t) size);
    assert_non_null(vectors);

    return vectors;
}


static mp_str_t
member(const cJSON *object, const char *name)
{
    const cJSON  *item;

    static const mp_str_t  none = mp_null_str;

    item = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsString(item) ? unit_copy(mp_str_from(item->valuestring))
                                : none;
}


static mp_str_t
key_code(const mp_signing_key_t *key)
{
    unsigned char  code[MP_SHA256_LEN];

    mp_hmac(&key->hmac, STR("text"), code);

    return unit_bytes(code, sizeof(code));
}


static mp_str_t
hex_code(mp_str_t hex)
{
    size_t            i;
    mp_str_t          bytes;
    unsigned char     data[MP_SHA256_LEN];
    mp_signing_key_t  key;

    assert_int_equal(hex.len, 2 * sizeof(data));

    for (i = 0; i < sizeof(data); i++) {
        data[i] = (unsigned char) (mp_hex_digit(hex.data[2 * i]) * 16
                                   + mp_hex_digit(hex.data[2 * i + 1]));
    }

    bytes.data = data;
    bytes.len = sizeof(data);

    mp_hmac_key(&key.hmac, bytes);

    return key_code(&key);
}


static void
keys_and_signatures_are_those_of_botocore(void **state)
{
    cJSON               *vectors;
    size_t               count;
    mp_str_t             authorization, signature, names, wanted;
    mp_scope_t           vector_scope;
    const char          *name;
    const cJSON         *vector, *headers;
    unsigned char        buf[MP_SHA256_HEX_LEN];
    mp_signing_key_t     key;
    mp_signed_request_t  request;

    count = 0;
    vectors = read_vectors();

    cJSON_ArrayForEach(vector, vectors) {

        name = cJSON_GetObjectItem(vector, "name")->valuestring;
        headers = cJSON_GetObjectItem(vector, "headers");

        vector_scope.region = member(vector, "region");
        vector_scope.service = member(vector, "service");

        memcpy(request.date, member(vector, "amz_date").data,
               sizeof(request.date));
        request.host = member(vector, "host");
        request.content_type = member(headers, "Content-Type");
        request.target = member(headers, "X-Amz-Target");
        request.session_token = member(vector, "session_token");
        request.body = member(vector, "body");

        mp_signing_key(&key, request.date, member(vector, "secret_key"),
                       &vector_scope);

        check_str(name, key_code(&key),
                  hex_code(member(vector, "signing_key_hex")));

        mp_sign(&key, &vector_scope, &request, buf);

        authorization = member(vector, "authorization");

        signature.data = buf;
        signature.len = sizeof(buf);

        wanted.data = authorization.data + authorization.len - sizeof(buf);
        wanted.len = sizeof(buf);

        check_str(name, signature, wanted);

        names = mp_signed_headers(&request);

        wanted.len = mp_str_find(authorization, STR("SignedHeaders="))
                     + sizeof("SignedHeaders=") - 1;
        wanted.data = authorization.data + wanted.len;
        wanted.len = authorization.len - wanted.len;
        wanted.len = mp_str_find(wanted, STR(","));

        check_str(name, names, wanted);

        count++;
    }

    cJSON_Delete(vectors);

    assert_int_equal(count, 4);
}


static void
signed_headers_are_sorted_and_only_those_that_are_sent(void **state)
{
    mp_signed_request_t  request;

    memset(&request, 0, sizeof(request));

    check_str("neither", mp_signed_headers(&request),
              STR("content-type;host;x-amz-date"));

    request.target = STR("target");
    check_str("target", mp_signed_headers(&request),
              STR("content-type;host;x-amz-date;x-amz-target"));

    request.session_token = STR("token");
    check_str("both", mp_signed_headers(&request),
              STR("content-type;host;x-amz-date;x-amz-security-token;"
                  "x-amz-target"));

    request.target = STR("");
    check_str("token", mp_signed_headers(&request),
              STR("content-type;host;x-amz-date;x-amz-security-token"));
}


static void
dates_are_utc_with_a_fixed_width(void **state)
{
    size_t         i;
    mp_str_t       date;
    unsigned char  buf[MP_AMZ_DATE_LEN];

    static const struct {
        time_t    seconds;
        mp_str_t  date;
    } rows[] = {
        { 0, mp_str("19700101T000000Z") },
        { 1, mp_str("19700101T000001Z") },
        { 951782399, mp_str("20000228T235959Z") },
        { 951782400, mp_str("20000229T000000Z") },
        { 951868799, mp_str("20000229T235959Z") },
        { 951868800, mp_str("20000301T000000Z") },
        { 1709164799, mp_str("20240228T235959Z") },
        { 1709164800, mp_str("20240229T000000Z") },
        { 1709251200, mp_str("20240301T000000Z") },
        { 1740787199, mp_str("20250228T235959Z") },
        { 1740787200, mp_str("20250301T000000Z") },
        { 1767225599, mp_str("20251231T235959Z") },
        { 1767225600, mp_str("20260101T000000Z") },
        { 1767323045, mp_str("20260102T030405Z") },
        { 1792056896, mp_str("20261015T093456Z") },
        { 4107542399, mp_str("21000228T235959Z") },
        { 4107542400, mp_str("21000301T000000Z") }
    };

    assert_int_equal(setenv("TZ", "Pacific/Kiritimati", 1), 0);
    tzset();

    date.data = buf;
    date.len = sizeof(buf);

    for (i = 0; i < LENGTH(rows); i++) {
        mp_amz_date(buf, rows[i].seconds);
        check_str("date", date, rows[i].date);
    }
}


static void
a_key_is_of_one_day_secret_region_and_service(void **state)
{
    size_t            i;
    mp_str_t          code;
    mp_signing_key_t  key;

    static const struct {
        const char  *name;
        mp_str_t     day;
        mp_str_t     secret;
        mp_scope_t   scope;
    } rows[] = {
        { "day", mp_str("20260103"), mp_str("secret"),
          { mp_str("us-east-1"), mp_str("aws-marketplace") } },
        { "secret", mp_str("20260102"), mp_str("Secret"),
          { mp_str("us-east-1"), mp_str("aws-marketplace") } },
        { "region", mp_str("20260102"), mp_str("secret"),
          { mp_str("us-east-2"), mp_str("aws-marketplace") } },
        { "service", mp_str("20260102"), mp_str("secret"),
          { mp_str("us-east-1"), mp_str("sts") } }
    };

    mp_signing_key(&key, STR("20260102").data, STR("secret"), &scope);
    assert_memory_equal(key.day, "20260102", MP_AMZ_DAY_LEN);

    code = key_code(&key);

    for (i = 0; i < LENGTH(rows); i++) {
        mp_signing_key(&key, unit_copy(rows[i].day).data, rows[i].secret,
                       &rows[i].scope);

        assert_memory_equal(key.day, rows[i].day.data, MP_AMZ_DAY_LEN);

        if (mp_str_eq(key_code(&key), code)) {
            fail_msg("the %s does not count", rows[i].name);
        }
    }

    mp_signing_key(&key, STR("20260102").data, STR("secret"), &scope);
    check_str("again", key_code(&key), code);
}


static mp_str_t
hmac(mp_str_t key, mp_str_t text)
{
    unsigned char  code[MP_SHA256_LEN];

    HMAC(EVP_sha256(), key.data, (int) key.len, text.data, text.len, code,
         NULL);

    return unit_bytes(code, sizeof(code));
}


static void
secrets_may_be_as_long_as_they_are_read(void **state)
{
    size_t            len;
    mp_str_t          secret, want;
    mp_signing_key_t  key;

    static const mp_str_t  none = mp_null_str;

    for (len = 0; len <= MP_SECRET_KEY_MAX; len++) {
        secret = unit_fill('/', len);

        mp_signing_key(&key, STR("20240229").data, secret, &scope);

        want = hmac(unit_join(STR("AWS4"), secret, none), STR("20240229"));
        want = hmac(want, scope.region);
        want = hmac(want, scope.service);
        want = hmac(want, STR("aws4_request"));
        want = hmac(want, STR("text"));

        check_str("length", key_code(&key), want);
    }
}


static mp_str_t
signature(const mp_signing_key_t *key, const mp_signed_request_t *request)
{
    unsigned char  buf[MP_SHA256_HEX_LEN];

    mp_sign(key, &scope, request, buf);

    return unit_bytes(buf, sizeof(buf));
}


static void
all_of_a_request_is_signed(void **state)
{
    size_t               i;
    mp_str_t             first;
    mp_signing_key_t     key;
    mp_signed_request_t  request, changed[8];

    memcpy(request.date, "20260102T030405Z", MP_AMZ_DATE_LEN);
    request.host = STR("host");
    request.content_type = STR("type");
    request.target = STR("target");
    request.session_token = STR("token");
    request.body = STR("body");

    for (i = 0; i < LENGTH(changed); i++) {
        changed[i] = request;
    }

    changed[0].date[14] = '6';
    changed[1].host = STR("host:80");
    changed[2].content_type = STR("typ");
    changed[3].target = STR("Target");
    changed[4].target = STR("");
    changed[5].session_token = STR("token2");
    changed[6].session_token = STR("");
    changed[7].body = STR("");

    mp_signing_key(&key, request.date, STR("secret"), &scope);
    first = signature(&key, &request);

    for (i = 0; i < LENGTH(changed); i++) {
        if (mp_str_eq(signature(&key, &changed[i]), first)) {
            fail_msg("change %zu does not count", i);
        }
    }

    check_str("again", signature(&key, &request), first);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(keys_and_signatures_are_those_of_botocore),
        cmocka_unit_test(
            signed_headers_are_sorted_and_only_those_that_are_sent),
        cmocka_unit_test(dates_are_utc_with_a_fixed_width),
        cmocka_unit_test(a_key_is_of_one_day_secret_region_and_service),
        cmocka_unit_test(secrets_may_be_as_long_as_they_are_read),
        cmocka_unit_test(all_of_a_request_is_signed)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
