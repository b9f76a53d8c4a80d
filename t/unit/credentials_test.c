#define _GNU_SOURCE  /* memmem() */

#include "unit.h"

#include "aws/mp_credentials.h"

#include <cjson/cJSON.h>


#define KEY_ID_WRONG   "access key id: it must be of letters and digits"
#define SECRET_WRONG                                                          \
    "secret access key: it must be printable and without spaces"
#define TOKEN_WRONG    "session token: it must be printable and without spaces"
#define TOKEN_LONG     "session token: it is too long"
#define TIME_WRONG     "expiration: it must be like \"2026-01-02T03:04:05Z\""
#define NO_OBJECT      "it is not a JSON object"
#define NO_MEMBER      "a member of it is there twice or is not a string"
#define NO_SUCCESS     "its Code is not \"Success\""

#define ID      "\"AccessKeyId\":\"ASIAEXAMPLE\""
#define SECRET  "\"SecretAccessKey\":\"wJalr+XUt/nFE=\""
#define TOKEN   "\"Token\":\"IQoJb3JpZ2lu//==\""
#define ENDS    "\"Expiration\":\"2026-01-02T03:04:05Z\""
#define ALL     ID "," SECRET "," TOKEN "," ENDS


static mp_str_t
in_words(const char *wrong)
{
    return mp_str_from(wrong ? wrong : "taken");
}


static void
keys_have_to_fit_into_a_header(void **state)
{
    size_t            i;
    mp_credentials_t  keys;

    static const struct {
        mp_str_t     id;
        mp_str_t     secret;
        mp_str_t     token;
        const char  *wrong;
    } rows[] = {
        { mp_str("AKIDEXAMPLE"), mp_str("wJalr+XUt/nFE="), mp_str(""),
          "taken" },
        { mp_str("AKIDEXAMPLE"), mp_str("wJalr+XUt/nFE="), mp_str("a/+="),
          "taken" },
        { mp_str("a"), mp_str("!"), mp_str("~"), "taken" },
        { mp_str("a.b_c-9"), mp_str("s"), mp_str(""), "taken" },

        { mp_str(""), mp_str("s"), mp_str("t"), KEY_ID_WRONG },
        { mp_str("a b"), mp_str("s"), mp_str("t"), KEY_ID_WRONG },
        { mp_str("a/b"), mp_str("s"), mp_str("t"), KEY_ID_WRONG },
        { mp_str("a\n"), mp_str("s"), mp_str("t"), KEY_ID_WRONG },
        { mp_str("a\0"), mp_str("s"), mp_str("t"), KEY_ID_WRONG },
        { mp_str("\xc3\xa9"), mp_str("s"), mp_str("t"), KEY_ID_WRONG },
        { mp_str(""), mp_str(""), mp_str(" "), KEY_ID_WRONG },

        { mp_str("a"), mp_str(""), mp_str("t"), SECRET_WRONG },
        { mp_str("a"), mp_str("s s"), mp_str("t"), SECRET_WRONG },
        { mp_str("a"), mp_str("s\r"), mp_str("t"), SECRET_WRONG },
        { mp_str("a"), mp_str("\0s"), mp_str("t"), SECRET_WRONG },
        { mp_str("a"), mp_str("s\x7f"), mp_str("t"), SECRET_WRONG },
        { mp_str("a"), mp_str("\xc3\xa9"), mp_str("t"), SECRET_WRONG },

        { mp_str("a"), mp_str("s"), mp_str(" "), TOKEN_WRONG },
        { mp_str("a"), mp_str("s"), mp_str("t\r\nx: y"), TOKEN_WRONG },
        { mp_str("a"), mp_str("s"), mp_str("t\n"), TOKEN_WRONG },
        { mp_str("a"), mp_str("s"), mp_str("\0"), TOKEN_WRONG },
        { mp_str("a"), mp_str("s"), mp_str("\x80"), TOKEN_WRONG }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        keys.access_key = unit_copy(rows[i].id);
        keys.secret_key = unit_copy(rows[i].secret);
        keys.session_token = unit_copy(rows[i].token);

        check_str((const char *) rows[i].id.data,
                  in_words(mp_credentials_check(&keys)),
                  mp_str_from(rows[i].wrong));
    }
}


static void
keys_have_a_greatest_length(void **state)
{
    mp_credentials_t  keys;

    keys.access_key = unit_fill('A', MP_ACCESS_KEY_MAX);
    keys.secret_key = unit_fill('s', MP_SECRET_KEY_MAX);
    keys.session_token = unit_fill('t', MP_SESSION_TOKEN_MAX);
    assert_null(mp_credentials_check(&keys));

    keys.session_token = unit_fill('t', MP_SESSION_TOKEN_MAX + 1);
    check_str("token", in_words(mp_credentials_check(&keys)),
              STR(TOKEN_LONG));

    keys.secret_key = unit_fill('s', MP_SECRET_KEY_MAX + 1);
    check_str("secret", in_words(mp_credentials_check(&keys)),
              STR(SECRET_WRONG));

    keys.access_key = unit_fill('A', MP_ACCESS_KEY_MAX + 1);
    check_str("id", in_words(mp_credentials_check(&keys)),
              STR(KEY_ID_WRONG));
}


static void
check_nothing(const char *label, const mp_temporary_t *temporary)
{
    static const mp_temporary_t  zeros;

    if (memcmp(temporary, &zeros, sizeof(zeros)) != 0) {
        fail_msg("%s: there are credentials", label);
    }
}


static int
is_within(mp_str_t str, const unsigned char *buf, size_t len)
{
    return str.data >= buf && str.data + str.len <= buf + len;
}


/* Reads a document with a result of no byte more than is promised. */

static const char *
read_document(mp_temporary_t *temporary, mp_str_t body)
{
    const char     *wrong;
    unsigned char  *buf;

    memset(temporary, 0xff, sizeof(mp_temporary_t));
    buf = unit_alloc(body.len);

    wrong = mp_credentials_document(temporary, buf, unit_copy(body));

    if (wrong) {
        check_nothing((const char *) body.data, temporary);

    } else {
        assert_true(is_within(temporary->keys.access_key, buf, body.len));
        assert_true(is_within(temporary->keys.secret_key, buf, body.len));
        assert_true(is_within(temporary->keys.session_token, buf, body.len));
    }

    return wrong;
}


static void
a_document_is_read(void **state)
{
    size_t          i;
    const char     *label;
    mp_temporary_t  temporary;

    static const char  *rows[] = {
        "{" ALL "}",
        " \r\n{ " ALL " }\n",
        "{" ENDS "," TOKEN "," SECRET "," ID "}",
        "{\"Code\":\"Success\"," ALL "}",
        "{" ALL ",\"Code\":\"Success\"}",

        /* EC2 */
        "{\n  \"Code\" : \"Success\",\n  \"LastUpdated\" : "
        "\"2026-01-01T21:00:00Z\",\n  \"Type\" : \"AWS-HMAC\",\n  " ID ",\n  "
        SECRET ",\n  " TOKEN ",\n  " ENDS "\n}",

        /* ECS */
        "{\"RoleArn\":\"arn:aws:iam::123456789012:role/r\"," ALL
        ",\"AccountId\":\"123456789012\"}",

        "{\"AccessKeyId\":\"\\u0041SIAEXAMPLE\","
        "\"SecretAccessKey\":\"wJalr\\u002bXUt\\/nFE\\u003D\","
        "\"\\u0054oken\":\"IQoJb3JpZ2lu\\/\\/==\","
        "\"Expiration\":\"2026-01-02T03:04:05.678+00:00\"}",

        /* names are of one case, and of the outermost object */
        "{" ALL ",\"accesskeyid\":\"x\",\"TOKEN\":1,\"code\":\"x\"}",
        "{\"a\":{\"Token\":\"x\",\"Code\":\"x\"}," ALL "}",
        "{" ALL ",\"a\":[1,null,{}],\"b\":null,\"b\":true}"
    };

    for (i = 0; i < LENGTH(rows); i++) {
        label = rows[i];

        check_str(label,
                  in_words(read_document(&temporary, mp_str_from(label))),
                  STR("taken"));
        check_str(label, temporary.keys.access_key, STR("ASIAEXAMPLE"));
        check_str(label, temporary.keys.secret_key, STR("wJalr+XUt/nFE="));
        check_str(label, temporary.keys.session_token,
                  STR("IQoJb3JpZ2lu//=="));
        check_int(label, temporary.expiration, 1767323045);
    }
}


static void
a_bad_document_is_refused_with_the_reason(void **state)
{
    size_t          i;
    mp_temporary_t  temporary;

    static const struct {
        mp_str_t     body;
        const char  *wrong;
    } rows[] = {
        { mp_null_str, NO_OBJECT },
        { mp_str("{"), NO_OBJECT },
        { mp_str("null"), NO_OBJECT },
        { mp_str("[{" ALL "}]"), NO_OBJECT },
        { mp_str("{" ALL "}{}"), NO_OBJECT },
        { mp_str("{" ALL ",}"), NO_OBJECT },
        { mp_str("{" ALL "}\0"), NO_OBJECT },
        { mp_str("{" ALL ",\"a\":\"\\u0000\"}"), NO_OBJECT },
        { mp_str("<html>" ALL), NO_OBJECT },

        { mp_str("{\"Code\":\"Failed\"," ALL "}"), NO_SUCCESS },
        { mp_str("{" ALL ",\"Code\":\"success\"}"), NO_SUCCESS },
        { mp_str("{\"Code\":\"\"," ALL "}"), NO_SUCCESS },
        { mp_str("{\"Code\":\"AssumeRoleUnauthorizedAccess\","
                 "\"Message\":\"EC2 cannot assume the role\"}"), NO_SUCCESS },

        { mp_str("{}"), "there is no access key id in it" },
        { mp_str("{\"a\":{" ALL "}}"), "there is no access key id in it" },
        { mp_str("{" SECRET "," TOKEN "," ENDS "}"),
          "there is no access key id in it" },
        { mp_str("{" ID "," TOKEN "," ENDS "}"),
          "there is no secret access key in it" },
        { mp_str("{" ID "," SECRET "," ENDS "}"),
          "there is no session token in it" },
        { mp_str("{" ID "," SECRET "," TOKEN "}"),
          "there is no expiration in it" },
        { mp_str("{\"AccessKeyId\":\"\"," SECRET "," TOKEN "," ENDS "}"),
          "there is no access key id in it" },
        { mp_str("{" ID ",\"SecretAccessKey\":\"\"," TOKEN "," ENDS "}"),
          "there is no secret access key in it" },
        { mp_str("{" ID "," SECRET ",\"Token\":\"\"," ENDS "}"),
          "there is no session token in it" },
        { mp_str("{" ID "," SECRET "," TOKEN ",\"Expiration\":\"\"}"),
          "there is no expiration in it" },
        { mp_str("{" ID "," SECRET ",\"token\":\"x\"," ENDS "}"),
          "there is no session token in it" },
        { mp_str("{" ID "," SECRET ",\"SessionToken\":\"x\"," ENDS "}"),
          "there is no session token in it" },

        { mp_str("{" ALL "," ID "}"), NO_MEMBER },
        { mp_str("{" ALL "," SECRET "}"), NO_MEMBER },
        { mp_str("{" ALL "," TOKEN "}"), NO_MEMBER },
        { mp_str("{" ALL "," ENDS "}"), NO_MEMBER },
        { mp_str("{" ALL ",\"Token\":\"\"}"), NO_MEMBER },
        { mp_str("{\"Token\":\"\"," ALL "}"), NO_MEMBER },
        { mp_str("{" ALL ",\"Token\":null}"), NO_MEMBER },
        { mp_str("{" ALL ",\"\\u0054oken\":\"x\"}"), NO_MEMBER },
        { mp_str("{\"Code\":\"Success\",\"Code\":\"Success\"," ALL "}"),
          NO_MEMBER },

        { mp_str("{\"AccessKeyId\":1," SECRET "," TOKEN "," ENDS "}"),
          NO_MEMBER },
        { mp_str("{" ID ",\"SecretAccessKey\":null," TOKEN "," ENDS "}"),
          NO_MEMBER },
        { mp_str("{" ID "," SECRET ",\"Token\":[\"x\"]," ENDS "}"),
          NO_MEMBER },
        { mp_str("{" ID "," SECRET "," TOKEN ",\"Expiration\":1767323045}"),
          NO_MEMBER },
        { mp_str("{\"Code\":null," ALL "}"), NO_MEMBER },
        { mp_str("{\"Code\":true," ALL "}"), NO_MEMBER },

        { mp_str("{\"AccessKeyId\":\"a b\"," SECRET "," TOKEN "," ENDS "}"),
          KEY_ID_WRONG },
        { mp_str("{" ID ",\"SecretAccessKey\":\"a\\n\"," TOKEN "," ENDS "}"),
          SECRET_WRONG },
        { mp_str("{" ID "," SECRET ",\"Token\":\"a\\r\\nb\"," ENDS "}"),
          TOKEN_WRONG },
        { mp_str("{" ID "," SECRET ",\"Token\":\"\\u00e9\"," ENDS "}"),
          TOKEN_WRONG },
        { mp_str("{" ID "," SECRET ",\"Token\":\"\xff\"," ENDS "}"),
          TOKEN_WRONG },
        { mp_str("{" ID "," SECRET "," TOKEN ",\"Expiration\":\"soon\"}"),
          TIME_WRONG },
        { mp_str("{" ID "," SECRET "," TOKEN
                 ",\"Expiration\":\"2026-01-02T03:04:05\"}"), TIME_WRONG }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_str((const char *) rows[i].body.data,
                  in_words(read_document(&temporary, rows[i].body)),
                  mp_str_from(rows[i].wrong));
    }
}


static void
a_token_that_is_too_long_is_refused(void **state)
{
    mp_str_t        start, end;
    mp_temporary_t  temporary;

    start = STR("{" ID "," SECRET "," ENDS ",\"Token\":\"");
    end = STR("\"}");

    assert_null(read_document(
        &temporary,
        unit_join(start, unit_fill('t', MP_SESSION_TOKEN_MAX), end)));

    check_str("too long", in_words(read_document(
        &temporary,
        unit_join(start, unit_fill('t', MP_SESSION_TOKEN_MAX + 1), end))),
        STR(TOKEN_LONG));
}


static void
a_document_cut_short_gives_no_credentials(void **state)
{
    mp_str_t        text;
    mp_temporary_t  temporary;

    text = STR("{\"Code\":\"Success\"," ALL "}");

    for (text.len--; text.len; text.len--) {
        check_str("cut", in_words(read_document(&temporary, text)),
                  STR(NO_OBJECT));
    }
}


static void
credentials_are_made_of_what_was_read(void **state)
{
    mp_str_t        field[MP_TEMPORARY_FIELDS];
    mp_temporary_t  temporary;

    field[MP_TEMPORARY_ACCESS_KEY] = unit_copy(STR("id"));
    field[MP_TEMPORARY_SECRET_KEY] = unit_copy(STR("secret"));
    field[MP_TEMPORARY_SESSION_TOKEN] = unit_copy(STR("token"));
    field[MP_TEMPORARY_EXPIRATION] = unit_copy(STR("1970-01-01T00:00:09Z"));

    assert_null(mp_temporary_set(&temporary, field));

    assert_ptr_equal(temporary.keys.access_key.data, field[0].data);
    assert_ptr_equal(temporary.keys.secret_key.data, field[1].data);
    assert_ptr_equal(temporary.keys.session_token.data, field[2].data);
    assert_int_equal(temporary.expiration, 9);

    field[MP_TEMPORARY_EXPIRATION] = STR("never");
    check_str("time", in_words(mp_temporary_set(&temporary, field)),
              STR(TIME_WRONG));
    check_nothing("time", &temporary);

    field[MP_TEMPORARY_SECRET_KEY] = STR("a secret");
    check_str("secret", in_words(mp_temporary_set(&temporary, field)),
              STR(SECRET_WRONG));
    check_nothing("secret", &temporary);
}


/* cJSON's memory, looked at when it is given back. */

static unsigned  leaks, blocks;


static void *
watched_alloc(size_t size)
{
    size_t  *block;

    block = calloc(1, sizeof(size_t) + size);
    assert_non_null(block);

    *block = size;
    blocks++;

    return block + 1;
}


static void
watched_free(void *data)
{
    size_t   i;
    size_t  *block;

    static const mp_str_t  secrets[] = {
        mp_str("ASIAEXAMPLE"), mp_str("wJalr+XUt/nFE="),
        mp_str("IQoJb3JpZ2lu//==")
    };

    if (data == NULL) {
        return;
    }

    block = (size_t *) data - 1;

    for (i = 0; i < LENGTH(secrets); i++) {
        leaks += memmem(data, *block, secrets[i].data, secrets[i].len)
                 != NULL;
    }

    blocks--;
    free(block);
}


static void
no_copy_of_the_keys_is_left_behind(void **state)
{
    size_t          i;
    cJSON_Hooks     hooks;
    mp_temporary_t  temporary;

    static const char  *rows[] = {
        "{" ALL "}",
        "{" ALL ",\"Code\":\"Failed\"}",
        "{" ALL "," TOKEN "}",
        "{" ALL ",\"Token\":[\"IQoJb3JpZ2lu//==\",[{" SECRET "}]]}",
        "{\"a\":{" ALL "}}",
        "{" ID "," SECRET "," TOKEN "}",
        "{" ID "," SECRET "," TOKEN ",\"Expiration\":\"\"}"
    };

    hooks.malloc_fn = watched_alloc;
    hooks.free_fn = watched_free;

    cJSON_InitHooks(&hooks);

    for (i = 0; i < LENGTH(rows); i++) {
        leaks = 0;

        (void) read_document(&temporary, mp_str_from(rows[i]));

        check_int(rows[i], leaks, 0);
        check_int(rows[i], blocks, 0);
    }

    /* that it would be seen */

    cJSON_Delete(cJSON_Parse("{" ALL "}"));
    assert_int_equal(leaks, 3);

    cJSON_InitHooks(NULL);
}


static void
temporary_keys_need_a_session_token(void **state)
{
    size_t            i;
    mp_credentials_t  keys;

    static const struct {
        mp_str_t  id;
        mp_str_t  token;
        int       lack;
    } rows[] = {
        { mp_str("ASIAEXAMPLE"), mp_null_str, 1 },
        { mp_str("ASIA"), mp_null_str, 1 },
        { mp_str("ASIAEXAMPLE"), mp_str("t"), 0 },
        { mp_str("AKIAEXAMPLE"), mp_null_str, 0 },
        { mp_str("ASI"), mp_null_str, 0 }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        keys.access_key = unit_copy(rows[i].id);
        keys.secret_key = STR("s");
        keys.session_token = rows[i].token;

        check_int((const char *) rows[i].id.data,
                  mp_credentials_lack_token(&keys), rows[i].lack);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(keys_have_to_fit_into_a_header),
        cmocka_unit_test(keys_have_a_greatest_length),
        cmocka_unit_test(temporary_keys_need_a_session_token),
        cmocka_unit_test(a_document_is_read),
        cmocka_unit_test(a_bad_document_is_refused_with_the_reason),
        cmocka_unit_test(a_token_that_is_too_long_is_refused),
        cmocka_unit_test(a_document_cut_short_gives_no_credentials),
        cmocka_unit_test(credentials_are_made_of_what_was_read),
        cmocka_unit_test(no_copy_of_the_keys_is_left_behind)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
