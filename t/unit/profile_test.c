#include "unit.h"

#include "aws/mp_profile.h"


typedef struct {
    const char        *name;
    mp_str_t           text;
    mp_profile_rc_t    rc;
    mp_credentials_t   keys;
} profile_case_t;


#define KEYS       "aws_access_key_id = id\naws_secret_access_key = secret\n"
#define ID_SECRET  { mp_str("id"), mp_str("secret"), mp_null_str }
#define NONE       { mp_null_str, mp_null_str, mp_null_str }


static void
check_profile(const profile_case_t *row, mp_str_t profile)
{
    mp_profile_rc_t   rc;
    mp_credentials_t  keys;

    memset(&keys, 0xff, sizeof(keys));

    rc = mp_profile_find(unit_copy(row->text), unit_copy(profile), &keys);

    check_int(row->name, rc, row->rc);
    check_str(row->name, keys.access_key, row->keys.access_key);
    check_str(row->name, keys.secret_key, row->keys.secret_key);
    check_str(row->name, keys.session_token, row->keys.session_token);
}


static void
check_profiles(const profile_case_t *rows, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        check_profile(&rows[i], STR("default"));
    }
}


static void
a_profile_has_keys_and_may_have_a_token(void **state)
{
    static const profile_case_t  rows[] = {
        { "keys", mp_str("[default]\n" KEYS), MP_PROFILE_OK, ID_SECRET },
        { "token", mp_str("[default]\n" KEYS "aws_session_token = token\n"),
          MP_PROFILE_OK,
          { mp_str("id"), mp_str("secret"), mp_str("token") } },
        { "no line end",
          mp_str("[default]\naws_access_key_id=id\n"
                 "aws_secret_access_key=secret"),
          MP_PROFILE_OK, ID_SECRET },
        { "CRLF",
          mp_str("\r\n[default]\r\naws_access_key_id=id\r\n\r\n"
                 "aws_secret_access_key=secret\r\n"),
          MP_PROFILE_OK, ID_SECRET },
        { "CR at the end",
          mp_str("[default]\r\naws_access_key_id=id\r\n"
                 "aws_secret_access_key=secret\r"),
          MP_PROFILE_OK, ID_SECRET },
        { "spaces",
          mp_str("[ \tdefault\t ]\naws_access_key_id \t = \tid \t\n"
                 "aws_secret_access_key\t=secret  \n"),
          MP_PROFILE_OK, ID_SECRET },
        { "capitals",
          mp_str("[default]\nAWS_ACCESS_KEY_ID=id\n"
                 "Aws_Secret_Access_Key=secret\nAWS_SESSION_TOKEN=t\n"),
          MP_PROFILE_OK, { mp_str("id"), mp_str("secret"), mp_str("t") } },
        { "bytes of base64",
          mp_str("[default]\naws_access_key_id=id\n"
                 "aws_secret_access_key=/a+b=c==\n"
                 "aws_session_token==t=\n"),
          MP_PROFILE_OK,
          { mp_str("id"), mp_str("/a+b=c=="), mp_str("=t=") } },
        { "indented",
          mp_str(" [default]\n  aws_access_key_id = id\n"
                 "\taws_secret_access_key = secret\n"),
          MP_PROFILE_OK, ID_SECRET },
        { "a section without its end",
          mp_str("[default\n" KEYS), MP_PROFILE_NOT_FOUND, NONE },
        { "settings of other tools",
          mp_str("[default]\nregion = us-east-1\n" KEYS
                 "role_arn = arn:aws:iam::1:role/r\nx_security_token = t\n"
                 "aws_session_tokens = t\naws_session_toke = t\n"
                 "aws_session_token t\n= t\n"),
          MP_PROFILE_OK, ID_SECRET }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
only_the_profiles_own_section_counts(void **state)
{
    static const profile_case_t  rows[] = {
        { "among others",
          mp_str("aws_session_token=0\n[other]\naws_access_key_id=other\n"
                 "[default]\n" KEYS
                 "[last]\naws_secret_access_key=last\n"),
          MP_PROFILE_OK, ID_SECRET },
        { "the name is compared with case",
          mp_str("[Default]\n" KEYS "[DEFAULT]\n" KEYS),
          MP_PROFILE_NOT_FOUND, NONE },
        { "the name is compared whole",
          mp_str("[default2]\n" KEYS "[defaul]\n" KEYS
                 "[profile default]\n" KEYS),
          MP_PROFILE_NOT_FOUND, NONE },
        { "no section", mp_str(KEYS), MP_PROFILE_NOT_FOUND, NONE },
        { "empty text", mp_null_str, MP_PROFILE_NOT_FOUND, NONE },
        { "empty section", mp_str("[default]"), MP_PROFILE_NO_KEYS, NONE },
        { "keys of the next",
          mp_str("[default]\n[other]\n" KEYS), MP_PROFILE_NO_KEYS, NONE },
        { "sections of one name are one",
          mp_str("[default]\naws_access_key_id=id\n[other]\n"
                 "aws_access_key_id=other\n[default]\n"
                 "aws_secret_access_key=secret\n"),
          MP_PROFILE_OK, ID_SECRET }
    };

    profile_case_t  named = {
        "another name", mp_str("[default]\n[my profile]\n" KEYS),
        MP_PROFILE_OK, ID_SECRET
    };

    check_profiles(rows, LENGTH(rows));
    check_profile(&named, STR("my profile"));
}


static void
the_last_of_equal_keys_counts(void **state)
{
    static const profile_case_t  rows[] = {
        { "in a section",
          mp_str("[default]\naws_access_key_id=1\naws_session_token=1\n"
                 "aws_secret_access_key=1\n" KEYS "aws_session_token=t\n"),
          MP_PROFILE_OK, { mp_str("id"), mp_str("secret"), mp_str("t") } },
        { "over sections",
          mp_str("[default]\naws_access_key_id=1\n"
                 "aws_secret_access_key=1\n[default]\n" KEYS),
          MP_PROFILE_OK, ID_SECRET }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
comments_start_a_line_or_follow_a_space(void **state)
{
    static const profile_case_t  rows[] = {
        { "lines",
          mp_str("# [other]\n;x\n[default]\n#aws_access_key_id=1\n" KEYS
                 ";aws_access_key_id=2\n# aws_session_token=3\n"),
          MP_PROFILE_OK, ID_SECRET },
        { "behind a value",
          mp_str("[default] # us\naws_access_key_id=id # a\n"
                 "aws_secret_access_key=secret\t;b ; c # d\n"),
          MP_PROFILE_OK, ID_SECRET },
        { "in a value",
          mp_str("[default]\naws_access_key_id=i#d\n"
                 "aws_secret_access_key=;se;c#ret#\n"),
          MP_PROFILE_OK, { mp_str("i#d"), mp_str(";se;c#ret#"),
                           mp_null_str } },
        { "instead of a value",
          mp_str("[default]\naws_access_key_id= # id\n"
                 "aws_secret_access_key=secret\n"),
          MP_PROFILE_HALF_KEYS,
          { mp_null_str, mp_str("secret"), mp_null_str } },
        { "of a section", mp_str("#[default]\n" KEYS),
          MP_PROFILE_NOT_FOUND, NONE },
        { "that ends the text", mp_str("[default]\n" KEYS "#"),
          MP_PROFILE_OK, ID_SECRET }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
nested_settings_are_not_the_profiles(void **state)
{
    static const profile_case_t  rows[] = {
        { "spaces",
          mp_str("[default]\n" KEYS "s3 =\n  aws_access_key_id = nested\n"
                 "    aws_secret_access_key = nested\n"),
          MP_PROFILE_OK, ID_SECRET },
        { "tab",
          mp_str("[default]\n" KEYS "s3 =\n\taws_access_key_id = nested\n"),
          MP_PROFILE_OK, ID_SECRET },
        { "nothing else",
          mp_str("[default]\ns3 =\n  aws_access_key_id = nested\n"
                 "  aws_secret_access_key = nested\n"),
          MP_PROFILE_NO_KEYS, NONE },
        { "lines of spaces",
          mp_str("[default]\n \n" KEYS " \t\n\t\n"),
          MP_PROFILE_OK, ID_SECRET }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
what_is_missing_is_told(void **state)
{
    static const profile_case_t  rows[] = {
        { "secret missing", mp_str("[default]\naws_access_key_id=id\n"),
          MP_PROFILE_HALF_KEYS,
          { mp_str("id"), mp_null_str, mp_null_str } },
        { "secret empty",
          mp_str("[default]\naws_access_key_id=id\n"
                 "aws_secret_access_key=\n"),
          MP_PROFILE_HALF_KEYS,
          { mp_str("id"), mp_null_str, mp_null_str } },
        { "id missing", mp_str("[default]\naws_secret_access_key=secret\n"),
          MP_PROFILE_HALF_KEYS,
          { mp_null_str, mp_str("secret"), mp_null_str } },
        { "half, and a role",
          mp_str("[default]\naws_access_key_id=id\nrole_arn=r\n"),
          MP_PROFILE_HALF_KEYS,
          { mp_str("id"), mp_null_str, mp_null_str } },
        { "only a token", mp_str("[default]\naws_session_token=t\n"),
          MP_PROFILE_NO_KEYS,
          { mp_null_str, mp_null_str, mp_str("t") } },
        { "only a region", mp_str("[default]\nregion=r\n"),
          MP_PROFILE_NO_KEYS, NONE },
        { "both empty",
          mp_str("[default]\naws_access_key_id=\naws_secret_access_key=\n"),
          MP_PROFILE_NO_KEYS, NONE },

        { "role", mp_str("[default]\nrole_arn = r\nsource_profile = s\n"),
          MP_PROFILE_OTHER_SOURCE, NONE },
        { "process", mp_str("[default]\ncredential_process = /bin/x\n"),
          MP_PROFILE_OTHER_SOURCE, NONE },
        { "SSO session", mp_str("[default]\nSSO_session = s\n"),
          MP_PROFILE_OTHER_SOURCE, NONE },
        { "SSO", mp_str("[default]\nsso_start_url = https://s\n"),
          MP_PROFILE_OTHER_SOURCE, NONE },
        { "web identity",
          mp_str("[default]\nweb_identity_token_file = /f\n"),
          MP_PROFILE_OTHER_SOURCE, NONE },
        { "role of another",
          mp_str("[other]\nrole_arn = r\n[default]\n"),
          MP_PROFILE_NO_KEYS, NONE }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
a_text_cut_short_is_read_within_its_bounds(void **state)
{
    mp_str_t          text;
    mp_credentials_t  keys;

    static const mp_str_t  whole = mp_str(
        "# c\r\n[default] ; c\r\naws_access_key_id = id\r\n s3 =\r\n\tx=y\r\n"
        "aws_secret_access_key = secret # c\r\n[other]\r\n");

    for (text = whole; text.len; text.len--) {
        (void) mp_profile_find(unit_copy(text), STR("default"), &keys);
    }

    assert_int_equal(mp_profile_find(unit_copy(whole), STR("default"), &keys),
                     MP_PROFILE_OK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_profile_has_keys_and_may_have_a_token),
        cmocka_unit_test(only_the_profiles_own_section_counts),
        cmocka_unit_test(the_last_of_equal_keys_counts),
        cmocka_unit_test(comments_start_a_line_or_follow_a_space),
        cmocka_unit_test(nested_settings_are_not_the_profiles),
        cmocka_unit_test(what_is_missing_is_told),
        cmocka_unit_test(a_text_cut_short_is_read_within_its_bounds)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
