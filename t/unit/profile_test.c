#include "unit.h"

#include "aws/mp_profile.h"

#include <time.h>


typedef struct {
    const char  *name;
    mp_str_t     credentials;
    mp_str_t     config;
    const char  *result;       /* as found() writes it, or the start of what
                                * is invalid */
} profile_case_t;


#define KEYS(id)  "aws_access_key_id=" id "\naws_secret_access_key=s-" id "\n"
#define NO_FILE   mp_null_str

#define RESULT_MAX  1024

#define INDENTED    "has a line that is indented more"

/* Seconds: what takes more is not linear. */
#define TOO_LONG    10


static unsigned char *
add_fields(unsigned char *p, const char *start, const mp_str_t *fields,
    size_t n)
{
    size_t  i;

    static const mp_str_t  comma = mp_str(",");

    p = mp_copy(p, mp_str_from(start));

    for (i = 0; i < n; i++) {
        p = mp_copy(p, fields[i]);

        if (i + 1 < n) {
            p = mp_copy(p, comma);
        }
    }

    return p;
}


static unsigned char *
add_role(unsigned char *p, const mp_role_t *role)
{
    char  duration[16];

    mp_str_t  fields[] = {
        role->arn, role->external_id, role->session_name, mp_null_str
    };

    if (role->duration) {
        snprintf(duration, sizeof(duration), "%u", role->duration);
        fields[3] = mp_str_from(duration);
    }

    return add_fields(p, "; ", fields, LENGTH(fields));
}


static unsigned char *
add_base(unsigned char *p, const mp_profile_t *profile)
{
    mp_str_t  keys[] = {
        profile->keys.access_key, profile->keys.secret_key,
        profile->keys.session_token
    };

    switch (profile->base) {
    case MP_PROFILE_KEYS:
        return add_fields(p, "keys ", keys, LENGTH(keys));
    case MP_PROFILE_ENVIRONMENT:
        return add_fields(p, "environment", NULL, 0);
    case MP_PROFILE_CONTAINER:
        return add_fields(p, "container", NULL, 0);
    case MP_PROFILE_IMDS:
        return add_fields(p, "imds", NULL, 0);
    case MP_PROFILE_WEB_IDENTITY:
        return add_fields(p, "token in ", &profile->token_file, 1);
    }

    fail();

    return p;
}


/* "keys id,secret,token; arn,external id,session,duration; ...", and of a
 * problem "nothing: name does not exist". */

static mp_str_t
found(mp_str_t credentials, mp_str_t config, mp_str_t name)
{
    size_t                i;
    mp_str_t              result;
    mp_profile_t          profile;
    unsigned char        *p;
    mp_profile_rc_t       rc;
    mp_profile_problem_t  problem;

    memset(&profile, 0xff, sizeof(profile));
    memset(&problem, 0xff, sizeof(problem));

    rc = mp_profile_find(&profile, unit_copy(credentials), unit_copy(config),
                         unit_copy(name), &problem);

    result.data = p = unit_alloc(RESULT_MAX);

    if (rc == MP_PROFILE_OK) {
        p = add_base(p, &profile);

        for (i = 0; i < profile.nroles; i++) {
            p = add_role(p, &profile.roles[i]);
        }

    } else {
        p = add_fields(p, rc == MP_PROFILE_NOTHING ? "nothing: " : "invalid: ",
                       &problem.profile, 1);
        p = add_fields(p, " ", NULL, 0);
        p = add_fields(p, problem.problem, NULL, 0);
    }

    result.len = (size_t) (p - result.data);
    assert_true(result.len <= RESULT_MAX);

    return result;
}


static void
check_profile(const profile_case_t *row, mp_str_t name)
{
    mp_str_t  result, want;

    static const mp_str_t  invalid = mp_str("invalid: ");

    result = found(row->credentials, row->config, name);
    want = mp_str_from(row->result);

    if (mp_str_find(want, invalid) == 0 && result.len > want.len) {
        result.len = want.len;
    }

    check_str(row->name, result, want);
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
        { "credentials file", mp_str("[default]\n" KEYS("id")), NO_FILE,
          "keys id,s-id," },
        { "config file", NO_FILE, mp_str("[default]\n" KEYS("id")),
          "keys id,s-id," },
        { "token",
          mp_str("[default]\n" KEYS("id") "aws_session_token = token\n"),
          NO_FILE, "keys id,s-id,token" },
        { "capitals",
          mp_str("[default]\nAWS_ACCESS_KEY_ID=id\n"
                 "Aws_Secret_Access_Key=secret\nAWS_SESSION_TOKEN=t\n"),
          NO_FILE, "keys id,secret,t" },
        { "bytes of base64",
          mp_str("[default]\naws_access_key_id=id\n"
                 "aws_secret_access_key=/a+b=c==\n"
                 "aws_session_token==#t=\n"),
          NO_FILE, "keys id,/a+b=c==,=#t=" },
        { "a mark, CRLF and no line end",
          mp_str("\xef\xbb\xbf[default]\r\naws_access_key_id=id\r\n"
                 "aws_secret_access_key=secret"),
          NO_FILE, "keys id,secret," },
        { "other settings",
          mp_str("[default]\nregion = us-east-1\n" KEYS("id")
                 "x_security_token = t\naws_session_tokens = t\n"
                 "aws_session_toke = t\naws_session_token t\n= t\n"
                 "external_id = e\nsource_profile = none\n"
                 "credential_process = p\nsso_session = s\nlogin_session=l\n"
                 "web_identity_token_file = f\nmfa_serial = m\n"
                 "duration_seconds = d\n"),
          NO_FILE, "keys id,s-id," }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
in_the_credentials_file_a_profile_is_a_section_of_its_name(void **state)
{
    size_t  i;

    static const profile_case_t  rows[] = {
        { "among others",
          mp_str("aws_session_token=0\n[other]\naws_access_key_id=other\n"
                 "[default]\n" KEYS("id")
                 "[last]\naws_secret_access_key=last\n"),
          NO_FILE, "keys id,s-id," },
        { "with case", mp_str("[Default]\n" KEYS("1") "[DEFAULT]\n" KEYS("2")),
          NO_FILE, "nothing: default does not exist" },
        { "whole",
          mp_str("[default2]\n" KEYS("1") "[defaul]\n" KEYS("2")
                 "[profile default]\n" KEYS("3") "['default']\n" KEYS("4")),
          NO_FILE, "nothing: default does not exist" },
        { "none", mp_str(KEYS("id")), NO_FILE,
          "nothing: default does not exist" },
        { "without its end", mp_str("[default\n" KEYS("id")), NO_FILE,
          "nothing: default does not exist" },
        { "after one without its end",
          mp_str("[default]\n" KEYS("id") "[x\n" KEYS("x")), NO_FILE,
          "keys id,s-id," }
    };

    static const mp_str_t  names[] = {
        mp_str("a"), mp_str("my profile"), mp_str("a.b/c@d:e+f%g"),
        mp_str("profile a"), mp_str("sso-session a"), mp_str("\"a\""),
        mp_str("\xc3\xa9\xf0\x9f\x98\x80"), mp_str("\xff"), mp_str("[a")
    };

    check_profiles(rows, LENGTH(rows));

    for (i = 0; i < LENGTH(names); i++) {
        check_str("any name",
                  found(unit_join(STR("[ "), names[i], STR(" ]\n" KEYS("id"))),
                        STR("[profile x]\n"), names[i]),
                  STR("keys id,s-id,"));
    }

    check_str("no name",
              found(STR("[]\n" KEYS("id")), STR("[profile ]\n" KEYS("id")),
                    STR("")),
              STR("nothing:  does not exist"));
}


static void
in_the_config_file_a_profile_is_called_one(void **state)
{
    size_t  i;

    static const mp_str_t  good[] = {
        mp_str("[profile a b]"), mp_str("[profile \"a b\"]"),
        mp_str("[profile 'a b']"), mp_str("[ profile \t 'a b'\t]"),
        mp_str("[profile\ta b ] # c"), mp_str("\t[profile  \"a b\" ]")
    };

    static const mp_str_t  bad[] = {
        mp_str("[a b]"), mp_str("[profile]"), mp_str("[profilea b]"),
        mp_str("[profile\"a b\"]"), mp_str("[Profile a b]"),
        mp_str("[profile a]"), mp_str("[profile a b c]"),
        mp_str("[profile A b]"), mp_str("[profile \"a b']"),
        mp_str("[profile ' a b']"), mp_str("[profile 'a b]"),
        mp_str("[profile ']"), mp_str("[profile '']"), mp_str("[profile \"]"),
        mp_str("[sso-session a b]"), mp_str("[services a b]"),
        mp_str("[profile profile a b]"), mp_str("[profile a b"),
        mp_str("#[profile a b]"), mp_str("[xprofile a b]")
    };

    for (i = 0; i < LENGTH(good); i++) {
        check_str((const char *) good[i].data,
                  found(STR(""), unit_join(good[i], STR("\n" KEYS("id")),
                                           STR("[x]\n" KEYS("x"))),
                        STR("a b")),
                  STR("keys id,s-id,"));
    }

    for (i = 0; i < LENGTH(bad); i++) {
        check_str((const char *) bad[i].data,
                  found(STR(""), unit_join(bad[i], STR("\n" KEYS("id")),
                                           STR("")),
                        STR("a b")),
                  STR("nothing: a b does not exist"));
    }

    check_str("a quote", found(STR(""), STR("[profile ']\n" KEYS("id")),
                               STR("'")),
              STR("keys id,s-id,"));
}


static void
the_default_profile_may_be_called_one_and_then_is_that(void **state)
{
    static const profile_case_t  rows[] = {
        { "alone", NO_FILE, mp_str("[profile default]\n" KEYS("id")),
          "keys id,s-id," },
        { "behind", NO_FILE,
          mp_str("[default]\n" KEYS("1") "aws_session_token=1\nregion=r\n"
                 " role_arn=r\n[profile 'default']\n" KEYS("id")),
          "keys id,s-id," },
        { "in front", NO_FILE,
          mp_str("[profile default]\n" KEYS("id")
                 "[default]\n" KEYS("1") "aws_session_token=1\n"),
          "keys id,s-id," },
        { "in between", NO_FILE,
          mp_str("[default]\n" KEYS("1") "[profile default]\n"
                 "aws_access_key_id=id\n[default]\naws_session_token=1\n"
                 "[profile default]\naws_secret_access_key=secret\n"),
          "keys id,secret," },
        { "and not in the credentials file",
          mp_str("[default]\n" KEYS("id") "[profile default]\n" KEYS("1")),
          mp_str("[profile default]\n" KEYS("2")), "keys id,s-id," }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
the_last_of_equal_settings_counts(void **state)
{
    static const profile_case_t  rows[] = {
        { "in a section",
          mp_str("[default]\n" KEYS("1") "aws_session_token=1\n" KEYS("id")
                 "AWS_session_token=t\n"),
          NO_FILE, "keys id,s-id,t" },
        { "in sections of the same name",
          mp_str("[default]\naws_access_key_id=1\naws_session_token=t\n"
                 "[other]\naws_session_token=2\n[default]\n" KEYS("id")),
          NO_FILE, "keys id,s-id,t" },
        { "in sections written differently", NO_FILE,
          mp_str("[profile 'default']\naws_access_key_id=1\n"
                 "[profile default]\n" KEYS("id")),
          "keys id,s-id," },
        { "an empty one",
          mp_str("[default]\n" KEYS("id") "aws_session_token=t\n"
                 "aws_session_token=\n"),
          NO_FILE, "keys id,s-id," }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
settings_of_the_credentials_file_win(void **state)
{
    static const profile_case_t  rows[] = {
        { "keys", mp_str("[default]\n" KEYS("id")),
          mp_str("[default]\n" KEYS("1")), "keys id,s-id," },
        { "but never half of a pair",
          mp_str("[default]\naws_access_key_id=id\n"),
          mp_str("[default]\n" KEYS("1")),
          "invalid: default has only one of aws_access_key_id and "
          "aws_secret_access_key" },
        { "not those that are empty",
          mp_str("[default]\naws_access_key_id=\n"
                 "aws_secret_access_key = # none\n"),
          mp_str("[default]\n" KEYS("id")), "keys id,s-id," },
        { "settings of a role",
          mp_str("[default]\nrole_arn=r\nexternal_id=e\n[b]\n" KEYS("id")),
          mp_str("[default]\nrole_arn=1\nexternal_id=1\n"
                 "role_session_name=s\nsource_profile=b\n"),
          "keys id,s-id,; r,e,s," },
        { "keys of one and a role of the other",
          mp_str("[default]\n" KEYS("id")),
          mp_str("[default]\nrole_arn=r\nsource_profile=default\n"),
          "keys id,s-id,; r,,," },
        { "no token of another key", mp_str("[default]\n" KEYS("id")),
          mp_str("[default]\n" KEYS("1") "aws_session_token=1\n"),
          "keys id,s-id," },
        { "no token without a key",
          mp_str("[default]\naws_session_token=1\n"),
          mp_str("[default]\n" KEYS("id") "aws_session_token=t\n"),
          "keys id,s-id,t" },
        { "only for the same profile", mp_str("[other]\n" KEYS("1")),
          mp_str("[default]\n" KEYS("id")), "keys id,s-id," }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
a_role_is_assumed_with_a_source(void **state)
{
    static const profile_case_t  rows[] = {
        { "environment", NO_FILE,
          mp_str("[default]\nrole_arn=r\ncredential_source=Environment\n"),
          "environment; r,,," },
        { "container", NO_FILE,
          mp_str("[default]\nrole_arn=r\ncredential_source=EcsContainer\n"),
          "container; r,,," },
        { "instance", NO_FILE,
          mp_str("[default]\nrole_arn=r\n"
                 "credential_source = Ec2InstanceMetadata\n"),
          "imds; r,,," },
        { "web identity", NO_FILE,
          mp_str("[default]\nrole_arn=r\n"
                 "web_identity_token_file = /a b/c\n"),
          "token in /a b/c; r,,," },
        { "another profile", mp_str("[b]\n" KEYS("id")),
          mp_str("[default]\nrole_arn=r\nsource_profile=b\n"),
          "keys id,s-id,; r,,," },
        { "with all settings", NO_FILE,
          mp_str("[default]\nrole_arn=r\ncredential_source=Environment\n"
                 "external_id=e=1\nRole_Session_Name=s\n"
                 "duration_seconds=900\n"),
          "environment; r,e=1,s,900" },
        { "before keys", mp_str("[default]\n" KEYS("1") "[b]\n" KEYS("id")),
          mp_str("[default]\nrole_arn=r\nsource_profile=b\n"),
          "keys id,s-id,; r,,," },
        { "before what does not work here", NO_FILE,
          mp_str("[default]\nrole_arn=r\ncredential_source=Environment\n"
                 "credential_process=p\nsso_session=s\nlogin_session=l\n"),
          "environment; r,,," },
        { "an empty role", mp_str("[default]\n" KEYS("id")),
          mp_str("[default]\nrole_arn=\nsource_profile=none\n"),
          "keys id,s-id," },
        { "empty others", NO_FILE,
          mp_str("[default]\nrole_arn=r\ncredential_source=Environment\n"
                 "source_profile=\nweb_identity_token_file=\nmfa_serial=\n"
                 "duration_seconds=\n"),
          "environment; r,,," }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
a_source_may_have_a_role_in_turn(void **state)
{
    static const profile_case_t  rows[] = {
        { "first is the one at the end", mp_str("[c]\n" KEYS("id")),
          mp_str("[default]\nrole_arn=r1\nsource_profile=a\n"
                 "[profile b]\nrole_arn=r3\nexternal_id=e\nsource_profile=c\n"
                 "[profile a]\nrole_arn=r2\nduration_seconds=901\n"
                 "source_profile=b\n"),
          "keys id,s-id,; r3,e,,; r2,,,901; r1,,," },
        { "two", mp_str("[b]\n" KEYS("id") "aws_session_token=t\n"),
          mp_str("[default]\nrole_arn=r1\nsource_profile=a\n"
                 "[profile a]\nrole_arn=r2\nsource_profile=b\n"),
          "keys id,s-id,t; r2,,,; r1,,," },
        { "assumed with a web identity", NO_FILE,
          mp_str("[default]\nrole_arn=r1\nsource_profile=a b\n"
                 "[profile a b]\nrole_arn=r2\nrole_session_name=s\n"
                 "web_identity_token_file=/f\n"),
          "token in /f; r2,,s,; r1,,," },
        { "assumed with the instance's", NO_FILE,
          mp_str("[default]\nrole_arn=r1\nsource_profile=a\n"
                 "[profile a]\nrole_arn=r2\n"
                 "credential_source=Ec2InstanceMetadata\n"),
          "imds; r2,,,; r1,,," },
        { "but keys of a source come before its role", NO_FILE,
          mp_str("[default]\nrole_arn=r1\nsource_profile=a\n"
                 "[profile a]\nrole_arn=r2\nsource_profile=none\n"
                 KEYS("id") "mfa_serial=m\n"),
          "keys id,s-id,; r1,,," }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
a_profile_may_be_its_own_source_for_its_keys(void **state)
{
    static const profile_case_t  rows[] = {
        { "keys", mp_str("[default]\n" KEYS("id")),
          mp_str("[default]\nrole_arn=r\nsource_profile=default\n"),
          "keys id,s-id,; r,,," },
        { "of a source", NO_FILE,
          mp_str("[default]\nrole_arn=r\nsource_profile=a\n[profile a]\n"
                 KEYS("id") "role_arn=r2\nsource_profile=a\n"),
          "keys id,s-id,; r,,," },
        { "none", NO_FILE,
          mp_str("[default]\nrole_arn=r\nsource_profile=default\n"),
          "invalid: default is its own source" },
        { "half of them", NO_FILE,
          mp_str("[default]\nrole_arn=r\nsource_profile=default\n"
                 "aws_secret_access_key=s\n"),
          "invalid: default has only one of" },
        { "none, of a source", NO_FILE,
          mp_str("[default]\nrole_arn=r\nsource_profile=a\n"
                 "[profile a]\nrole_arn=r2\nsource_profile=a\n"),
          "invalid: a is its own source" },
        { "of two", NO_FILE,
          mp_str("[default]\nrole_arn=r\nsource_profile=a\n"
                 "[profile a]\nrole_arn=r2\nsource_profile=default\n"),
          "invalid: default is its own source" },
        { "of two, one with keys", mp_str("[default]\n" KEYS("id")),
          mp_str("[default]\nrole_arn=r\nsource_profile=a\n"
                 "[profile a]\nrole_arn=r2\nsource_profile=default\n"),
          "invalid: default is its own source" },
        { "of others", NO_FILE,
          mp_str("[default]\nrole_arn=r\nsource_profile=a\n"
                 "[profile a]\nrole_arn=r2\nsource_profile=b\n"
                 "[profile b]\nrole_arn=r3\nsource_profile=a\n"),
          "invalid: a is its own source" }
    };

    check_profiles(rows, LENGTH(rows));
}


#define LINK(name, next)  "[profile " name "]\nrole_arn=r" name               \
                          "\nsource_profile=" next "\n"

#define FOUR_LINKS  "[default]\nrole_arn=r1\nsource_profile=2\n"              \
                    LINK("2", "3") LINK("3", "4") LINK("4", "5")


static void
chains_have_an_end(void **state)
{
    static const profile_case_t  rows[] = {
        { "as many as can be", mp_str("[6]\n" KEYS("id")),
          mp_str(FOUR_LINKS LINK("5", "6")),
          "keys id,s-id,; r5,,,; r4,,,; r3,,,; r2,,,; r1,,," },
        { "one more", mp_str("[7]\n" KEYS("id")),
          mp_str(FOUR_LINKS LINK("5", "6") LINK("6", "7")),
          "invalid: 6 has one role too many" },
        { "a cycle of as many", NO_FILE,
          mp_str(FOUR_LINKS LINK("5", "default")),
          "invalid: default is its own source" },
        { "a cycle of the last", NO_FILE, mp_str(FOUR_LINKS LINK("5", "5")),
          "invalid: 5 is its own source" },
        { "a cycle of more", NO_FILE,
          mp_str(FOUR_LINKS LINK("5", "6") LINK("6", "default")),
          "invalid: 6 has one role too many" }
    };

    assert_int_equal(MP_PROFILE_ROLES_MAX, 5);

    check_profiles(rows, LENGTH(rows));
}


static void
a_role_that_cannot_be_assumed_is_told(void **state)
{
    static const profile_case_t  rows[] = {
        { "no source", NO_FILE, mp_str("[default]\nrole_arn=r\n"),
          "invalid: default has a role_arn, but none of source_profile, "
          "credential_source and web_identity_token_file" },
        { "no source, but keys", mp_str("[default]\n" KEYS("id")),
          mp_str("[default]\nrole_arn=r\n"),
          "invalid: default has a role_arn, but none" },
        { "two sources", mp_str("[b]\n" KEYS("id")),
          mp_str("[default]\nrole_arn=r\nsource_profile=b\n"
                 "credential_source=Environment\n"),
          "invalid: default has more than one of source_profile, "
          "credential_source and web_identity_token_file" },
        { "another two", mp_str("[b]\n" KEYS("id")),
          mp_str("[default]\nrole_arn=r\nsource_profile=b\n"
                 "web_identity_token_file=/f\n"),
          "invalid: default has more than one of" },
        { "a third two", NO_FILE,
          mp_str("[default]\nrole_arn=r\ncredential_source=Environment\n"
                 "web_identity_token_file=/f\n"),
          "invalid: default has more than one of" },
        { "unknown source", NO_FILE,
          mp_str("[default]\nrole_arn=r\ncredential_source=environment\n"),
          "invalid: default has a credential_source that is none of "
          "Environment, EcsContainer and Ec2InstanceMetadata" },
        { "MFA", mp_str("[default]\n" KEYS("id")),
          mp_str("[default]\nrole_arn=r\nsource_profile=default\n"
                 "mfa_serial=m\n"),
          "invalid: default has an mfa_serial, and nobody is there to enter "
          "the code" },
        { "MFA of a source's role", NO_FILE,
          mp_str("[default]\nrole_arn=r\nsource_profile=b\n[profile b]\n"
                 "role_arn=r\ncredential_source=Environment\n"
                 "mfa_serial=m\n"),
          "invalid: b has an mfa_serial" },
        { "a token file without a role", NO_FILE,
          mp_str("[default]\nweb_identity_token_file=/f\n"),
          "invalid: default has a web_identity_token_file, but no role_arn" }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
a_source_is_there_and_has_credentials(void **state)
{
    static const profile_case_t  rows[] = {
        { "no such profile", NO_FILE,
          mp_str("[default]\nrole_arn=r\nsource_profile=a b\n[a b]\n"
                 KEYS("id")),
          "invalid: a b does not exist" },
        { "no credentials", NO_FILE,
          mp_str("[default]\nrole_arn=r\nsource_profile=b\n[profile b]\n"),
          "invalid: b has no credentials" },
        { "a source of its own, but no role", NO_FILE,
          mp_str("[default]\nrole_arn=r\nsource_profile=b\n"
                 "[profile b]\ncredential_source=Environment\n"),
          "invalid: b has no credentials" },
        { "half keys, and a role", NO_FILE,
          mp_str("[default]\nrole_arn=r\nsource_profile=b\n[profile b]\n"
                 "aws_access_key_id=id\nrole_arn=r\n"
                 "credential_source=Environment\n"),
          "invalid: b has only one of" },
        { "a process", NO_FILE,
          mp_str("[default]\nrole_arn=r\nsource_profile=b\n"
                 "[profile b]\ncredential_process=p\n"),
          "invalid: b has a credential_process" },
        { "a role without a source", NO_FILE,
          mp_str("[default]\nrole_arn=r\nsource_profile=b\n"
                 "[profile b]\nrole_arn=r\n"),
          "invalid: b has a role_arn, but none" },
        { "an unclear setting", NO_FILE,
          mp_str("[default]\nrole_arn=r\nsource_profile=b\n"
                 "[profile b]\n" KEYS("id") " x\n"),
          "invalid: b " INDENTED }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
a_duration_is_a_number(void **state)
{
    size_t    i;
    mp_str_t  result;

    static const struct {
        mp_str_t  text;
        mp_str_t  duration;    /* empty if it is none */
    } rows[] = {
        { mp_str("900"), mp_str("900") },
        { mp_str("43200"), mp_str("43200") },
        { mp_str("1"), mp_str("1") },
        { mp_str("0003600"), mp_str("3600") },
        { mp_str("43201"), mp_str("43201") },
        { mp_str("0"), mp_null_str },
        { mp_str("000"), mp_null_str },
        { mp_str("-900"), mp_null_str },
        { mp_str("+900"), mp_null_str },
        { mp_str("900s"), mp_null_str },
        { mp_str("9 00"), mp_null_str },
        { mp_str("0x900"), mp_null_str },
        { mp_str("900.0"), mp_null_str },
        { mp_str("one hour"), mp_null_str }
    };

    static const mp_str_t  start = mp_str(
        "[default]\nrole_arn=r\ncredential_source=Environment\n"
        "duration_seconds = ");

    for (i = 0; i < LENGTH(rows); i++) {
        result = found(STR(""), unit_join(start, rows[i].text, STR("\n")),
                       STR("default"));

        check_str((const char *) rows[i].text.data, result,
                  rows[i].duration.len
                  ? unit_join(STR("environment; r,,,"), rows[i].duration,
                              STR(""))
                  : STR("invalid: default has a duration_seconds that is no "
                        "number above 0"));
    }
}


static void
a_duration_stays_out_of_range(void **state)
{
    size_t                i;
    mp_str_t              config;
    mp_profile_t          profile;
    mp_profile_problem_t  problem;

    static const mp_str_t  rows[] = {
        mp_str("43201"), mp_str("432000"), mp_str("4294967296"),
        mp_str("4294968196"), mp_str("18446744073709552516"),
        mp_str("99999999999999999999999999999999999999999999999999999999999")
    };

    static const mp_str_t  start = mp_str(
        "[default]\nrole_arn=r\ncredential_source=Environment\n"
        "duration_seconds=");

    for (i = 0; i < LENGTH(rows); i++) {
        config = unit_join(start, rows[i], STR("\n"));

        assert_int_equal(mp_profile_find(&profile, STR(""), config,
                                         STR("default"), &problem),
                         MP_PROFILE_OK);
        assert_true(profile.roles[0].duration > MP_ROLE_DURATION_MAX);
    }
}


static void
what_does_not_work_in_a_server_is_told(void **state)
{
    static const profile_case_t  rows[] = {
        { "process", mp_str("[default]\ncredential_process = /bin/x\n"),
          NO_FILE,
          "invalid: default has a credential_process, and nginx runs no "
          "programs" },
        { "SSO session", NO_FILE, mp_str("[default]\nSSO_session = s\n"),
          "invalid: default is for IAM Identity Center" },
        { "SSO", NO_FILE, mp_str("[default]\nsso_start_url = https://s\n"),
          "invalid: default is for IAM Identity Center" },
        { "login", NO_FILE, mp_str("[default]\nlogin_session = l\n"),
          "invalid: default is for \"aws login\"" },
        { "keys come first",
          mp_str("[default]\n" KEYS("id")),
          mp_str("[default]\nsso_session=s\ncredential_process=p\n"
                 "login_session=l\n"),
          "keys id,s-id," }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
what_is_missing_is_told(void **state)
{
    static const profile_case_t  rows[] = {
        { "secret missing", mp_str("[default]\naws_access_key_id=id\n"),
          NO_FILE,
          "invalid: default has only one of aws_access_key_id and "
          "aws_secret_access_key" },
        { "secret empty",
          mp_str("[default]\naws_access_key_id=id\n"
                 "aws_secret_access_key= # none\n"),
          NO_FILE, "invalid: default has only one of" },
        { "id missing", mp_str("[default]\naws_secret_access_key=secret\n"),
          NO_FILE, "invalid: default has only one of" },
        { "half, and a process", mp_str("[default]\naws_access_key_id=id\n"),
          mp_str("[default]\ncredential_process=p\n"),
          "invalid: default has only one of" },
        { "both empty",
          mp_str("[default]\naws_access_key_id=\naws_secret_access_key=\n"),
          NO_FILE, "nothing: default has no credentials" },
        { "only a token", mp_str("[default]\naws_session_token=t\n"), NO_FILE,
          "nothing: default has no credentials" },
        { "only a region", NO_FILE, mp_str("[default]\nregion=r\n"),
          "nothing: default has no credentials" },
        { "only a source", mp_str("[b]\n" KEYS("id")),
          mp_str("[default]\nsource_profile=b\n"),
          "nothing: default has no credentials" },
        { "empty section", mp_str("[default]"), NO_FILE,
          "nothing: default has no credentials" },
        { "empty section of a config file", NO_FILE, mp_str("[default]"),
          "nothing: default has no credentials" },
        { "keys of the next", mp_str("[default]\n[other]\n" KEYS("id")),
          NO_FILE, "nothing: default has no credentials" },
        { "role of the next",
          NO_FILE, mp_str("[default]\n[profile other]\nrole_arn=r\n"),
          "nothing: default has no credentials" },
        { "no section", mp_str("[other]\n" KEYS("id")),
          mp_str("[profile other]\n"), "nothing: default does not exist" },
        { "no file", NO_FILE, NO_FILE, "nothing: default does not exist" }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
nested_settings_are_not_the_profiles(void **state)
{
    static const profile_case_t  rows[] = {
        { "spaces", mp_str("[default]\n" KEYS("id")
                           "s3 =\n  aws_access_key_id = nested\n"
                           "    aws_secret_access_key = nested\n"),
          NO_FILE, "keys id,s-id," },
        { "tab", NO_FILE,
          mp_str("[default]\n" KEYS("id") "s3 =\n\trole_arn = nested\n"),
          "keys id,s-id," },
        { "nothing else",
          mp_str("[default]\ns3 =\n  aws_access_key_id = nested\n"
                 "  aws_secret_access_key = nested\n"),
          NO_FILE, "nothing: default has no credentials" },
        { "they end where the depth does",
          mp_str("[default]\ns3 =\n  x = y\n" KEYS("id")),
          NO_FILE, "keys id,s-id," }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
no_guess_is_made_about_continued_lines(void **state)
{
    static const profile_case_t  rows[] = {
        { "of a setting that matters",
          mp_str("[default]\n" KEYS("id") "  more\n"), NO_FILE,
          "invalid: default " INDENTED },
        { "that look like one that does", NO_FILE,
          mp_str("[default]\nregion = r\n  role_arn = r\n"),
          "invalid: default " INDENTED },
        { "both",
          mp_str("[default]\naws_access_key_id=id\n"
                 "\taws_secret_access_key=s\n"),
          NO_FILE, "invalid: default " INDENTED },
        { "of an empty setting that matters",
          mp_str("[default]\n" KEYS("id") "aws_session_token =\n token\n"),
          NO_FILE, "invalid: default " INDENTED },
        { "in the other file", mp_str("[default]\n" KEYS("id")),
          mp_str("[default]\nrole_arn=r\n region=r\n"),
          "invalid: default " INDENTED },
        { "of other settings", mp_str("[default]\n" KEYS("id")
                                      "plugins = a\n  b = c\n\td\n"),
          NO_FILE, "keys id,s-id," },
        { "of other profiles", mp_str("[a]\n" KEYS("1") "  more\n[default]\n"
                                      KEYS("id") "[b]\n" KEYS("2") " more\n"),
          NO_FILE, "keys id,s-id," },
        { "none: all are indented",
          mp_str("  [default]\n\taws_access_key_id = id\n"
                 "\taws_secret_access_key = s\n  [b]\n" KEYS("b")),
          NO_FILE, "keys id,s," },
        { "none: a section is one at any depth",
          mp_str("[default]\n" KEYS("id") "  [b]\n" KEYS("b")), NO_FILE,
          "keys id,s-id," }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
settings_have_no_control_characters(void **state)
{
    static const profile_case_t  rows[] = {
        { "NUL", mp_str("[default]\n" KEYS("id") "aws_session_token=a\0b\n"),
          NO_FILE, "invalid: default has a control character" },
        { "CR", mp_str("[default]\n" KEYS("i\rd")), NO_FILE,
          "invalid: default has a control character" },
        { "in a name", NO_FILE,
          mp_str("[default]\nrole_arn=r\nsource_profile=a\x1b[m\n"),
          "invalid: default has a control character" },
        { "in other settings",
          mp_str("[default]\nx=\0\n" KEYS("id") "\0y=\x7f\n"
                 "aws_session_token\0=t\n"),
          NO_FILE, "keys id,s-id," },
        { "in other sections",
          mp_str("[default\0]\n" KEYS("1") "[default]\n" KEYS("id")
                 "[b]\naws_access_key_id=\1\n"),
          NO_FILE, "keys id,s-id," }
    };

    check_profiles(rows, LENGTH(rows));
}


static void
files_cut_short_are_read_within_their_bounds(void **state)
{
    mp_str_t  text;

    static const mp_str_t  credentials = mp_str(
        "\xef\xbb\xbf# c\r\n[b] ; c\r\naws_access_key_id = id\r\n"
        "s3 =\r\n\tx=y\r\naws_secret_access_key = secret # c\r\n[c]\r\n");

    static const mp_str_t  config = mp_str(
        "[default]\r\nrole_arn = r\r\nsource_profile = a\r\nx = y\r\n  z\r\n"
        "[profile \"a\"]\r\nrole_arn = r\r\nduration_seconds=900\r\n"
        "source_profile = b");

    for (text = credentials; text.len; text.len--) {
        (void) found(text, config, STR("default"));
    }

    for (text = config; text.len; text.len--) {
        (void) found(credentials, text, STR("default"));
    }

    check_str("whole", found(credentials, config, STR("default")),
              STR("keys id,secret,; r,,,900; r,,,"));
}


#define PROFILES  10000


/* A config file of a megabyte: a profile's source is the one a quarter of the
 * file further down. */

static mp_str_t
large_config(void)
{
    int       i, n;
    char     *data;
    size_t    len;
    mp_str_t  text;

    data = unit_alloc(PROFILES * 110);

    for (i = 0, len = 0; i < PROFILES; i++) {
        n = sprintf(data + len,
                    "[profile number %d]\n"
                    "role_arn = arn:aws:iam::123456789012:role/number-%d\n"
                    "source_profile = number %d\n", i, i, i + 2498);
        assert_true(n > 0 && n < 110);
        len += (size_t) n;
    }

    text.data = (unsigned char *) data;
    text.len = len;

    assert_true(len > 1000 * 1000);

    return text;
}


static void
large_files_take_one_pass_for_each_profile(void **state)
{
    clock_t   start;
    mp_str_t  config;

    config = large_config();

    start = clock();

    check_str("a chain",
              found(STR("[number 12490]\n" KEYS("id")), config,
                    STR("number 2498")),
              STR("keys id,s-id,"
                  "; arn:aws:iam::123456789012:role/number-9992,,,"
                  "; arn:aws:iam::123456789012:role/number-7494,,,"
                  "; arn:aws:iam::123456789012:role/number-4996,,,"
                  "; arn:aws:iam::123456789012:role/number-2498,,,"));

    assert_true(clock() - start < TOO_LONG * CLOCKS_PER_SEC);
}


static void
no_text_takes_long(void **state)
{
    size_t    i;
    clock_t   start;
    mp_str_t  text;

    static const char  bytes[] = "\n\r [=#;\t'\"a\xef";

    start = clock();

    for (i = 0; i < sizeof(bytes); i++) {
        text = unit_fill(bytes[i], 1000 * 1000);

        (void) found(text, text, STR("default"));
        (void) found(unit_join(STR("[default]\nx="), text, STR("\n")),
                     unit_join(STR("[profile "), text, STR("]\n")),
                     STR("default"));
    }

    assert_true(clock() - start < TOO_LONG * CLOCKS_PER_SEC);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_profile_has_keys_and_may_have_a_token),
        cmocka_unit_test(
            in_the_credentials_file_a_profile_is_a_section_of_its_name),
        cmocka_unit_test(in_the_config_file_a_profile_is_called_one),
        cmocka_unit_test(
            the_default_profile_may_be_called_one_and_then_is_that),
        cmocka_unit_test(the_last_of_equal_settings_counts),
        cmocka_unit_test(settings_of_the_credentials_file_win),
        cmocka_unit_test(a_role_is_assumed_with_a_source),
        cmocka_unit_test(a_source_may_have_a_role_in_turn),
        cmocka_unit_test(a_profile_may_be_its_own_source_for_its_keys),
        cmocka_unit_test(chains_have_an_end),
        cmocka_unit_test(a_role_that_cannot_be_assumed_is_told),
        cmocka_unit_test(a_source_is_there_and_has_credentials),
        cmocka_unit_test(a_duration_is_a_number),
        cmocka_unit_test(a_duration_stays_out_of_range),
        cmocka_unit_test(what_does_not_work_in_a_server_is_told),
        cmocka_unit_test(what_is_missing_is_told),
        cmocka_unit_test(nested_settings_are_not_the_profiles),
        cmocka_unit_test(no_guess_is_made_about_continued_lines),
        cmocka_unit_test(settings_have_no_control_characters),
        cmocka_unit_test(files_cut_short_are_read_within_their_bounds),
        cmocka_unit_test(large_files_take_one_pass_for_each_profile),
        cmocka_unit_test(no_text_takes_long)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
