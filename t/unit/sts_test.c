#include "unit.h"

#include "aws/mp_sts.h"

#include <limits.h>


#define ARN          "arn:aws:iam::123456789012:role/nginx"

#define ARN_WRONG                                                             \
    "role ARN: it must be like \"arn:aws:iam::123456789012:role/name\""
#define ID_WRONG                                                              \
    "external id: it must be from 2 to 1224 letters, digits and \"_+=,.@:/-\""
#define NAME_WRONG                                                            \
    "session name: it must be from 2 to 64 letters, digits and \"_+=,.@-\""
#define DURATION_WRONG  "duration: it must be from 900 to 43200 seconds"

#define NO_REPLY     "it is not a reply of STS"

#define NAMESPACE    "https://sts.amazonaws.com/doc/2011-06-15/"

#define ID           "<AccessKeyId>ASIAEXAMPLE</AccessKeyId>"
#define SECRET       "<SecretAccessKey>wJalr+XUt/nFE=</SecretAccessKey>"
#define TOKEN        "<SessionToken>IQoJb3JpZ2lu//==</SessionToken>"
#define ENDS         "<Expiration>2026-01-02T03:04:05Z</Expiration>"
#define ALL          ID SECRET TOKEN ENDS

#define REPLY(credentials)                                                    \
    "<AssumeRoleResponse xmlns=\"" NAMESPACE "\"><AssumeRoleResult>"          \
    "<AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:nginx</AssumedRoleId>"       \
    "</AssumedRoleUser><Credentials>" credentials "</Credentials>"            \
    "</AssumeRoleResult><ResponseMetadata><RequestId>1-2-3</RequestId>"       \
    "</ResponseMetadata></AssumeRoleResponse>"

#define FAILURE(code, message)                                                \
    "<ErrorResponse xmlns=\"" NAMESPACE "\"><Error><Type>Sender</Type>"       \
    "<Code>" code "</Code><Message>" message "</Message></Error>"             \
    "<RequestId>1-2-3</RequestId></ErrorResponse>"


static mp_str_t
in_words(const char *wrong)
{
    return mp_str_from(wrong ? wrong : "taken");
}


static mp_role_t
role_of(const char *arn)
{
    mp_role_t  role;

    memset(&role, 0, sizeof(role));
    role.arn = unit_copy(mp_str_from(arn));

    return role;
}


static void
the_arn_of_a_role_is_known(void **state)
{
    size_t     i;
    mp_role_t  role;

    static const char  *good[] = {
        ARN,
        "arn:aws:iam::123456789012:role/a",
        "arn:aws-cn:iam::000000000000:role/a",
        "arn:aws-us-gov:iam::123456789012:role/a",
        "arn:aws-iso-b:iam::123456789012:role/a",
        "arn:aws-eusc:iam::123456789012:role/a",
        "arn:aws:iam::123456789012:role/service-role/a",
        "arn:aws:iam::123456789012:role/a/b/c/d",
        "arn:aws:iam::123456789012:role/!:~/a",
        "arn:aws:iam::123456789012:role/Az09_+=,.@-"
    };

    static const char  *bad[] = {
        "",
        "nginx",
        "arn",
        "arn:aws:iam::123456789012",
        "arn:aws:iam::123456789012:role",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role/a/",
        "arn:aws:iam::123456789012:role/a b",
        "arn:aws:iam::123456789012:role/a:b",
        "arn:aws:iam::123456789012:role/a*",
        "arn:aws:iam::123456789012:role/a b/c",
        "arn:aws:iam::123456789012:role/a\n",
        "arn:aws:iam::123456789012:role/a\x7f/b",
        "arn:aws:iam::123456789012:role/\xc3\xa9",
        "arn:aws:iam::123456789012:role/\xc3\xa9/a",
        "arn:aws:iam::123456789012:role:a",
        "arn:aws:iam::123456789012:Role/a",
        "arn:aws:iam::123456789012:user/a",
        "arn:aws:iam::123456789012:rol",
        "arn:aws:iam::123456789012:",
        "arn:aws:iam::12345678901:role/a",
        "arn:aws:iam::1234567890123:role/a",
        "arn:aws:iam::12345678901x:role/a",
        "arn:aws:iam:::role/a",
        "arn:aws:iam:us-east-1:123456789012:role/a",
        "arn:aws:sts::123456789012:role/a",
        "arn:aws:iam:123456789012:role/a",
        "arn:aws:iams::123456789012:role/a",
        "arn::iam::123456789012:role/a",
        "arn:aw:iam::123456789012:role/a",
        "arn:awx:iam::123456789012:role/a",
        "arn:aws1:iam::123456789012:role/a",
        "arn:aws_cn:iam::123456789012:role/a",
        "arn:aws~cn:iam::123456789012:role/a",
        "arn:AWS:iam::123456789012:role/a",
        "ARN:aws:iam::123456789012:role/a",
        "arns:aws:iam::123456789012:role/a",
        " arn:aws:iam::123456789012:role/a"
    };

    for (i = 0; i < LENGTH(good); i++) {
        role = role_of(good[i]);
        check_str(good[i], in_words(mp_role_check(&role)), STR("taken"));
    }

    for (i = 0; i < LENGTH(bad); i++) {
        role = role_of(bad[i]);
        check_str(bad[i], in_words(mp_role_check(&role)), STR(ARN_WRONG));
    }
}


static void
the_parts_of_an_arn_have_a_greatest_length(void **state)
{
    mp_str_t   start, name, path;
    mp_role_t  role;

    role = role_of(ARN);
    start = STR("arn:aws:iam::123456789012:role/");
    name = unit_fill('n', 64);

    role.arn = unit_join(start, name, STR(""));
    assert_null(mp_role_check(&role));

    role.arn = unit_join(start, name, STR("n"));
    assert_non_null(mp_role_check(&role));

    path = unit_fill('p', 2048 - start.len - 1 - name.len);
    role.arn = unit_join(start, path, unit_join(STR("/"), name, STR("")));
    assert_int_equal(role.arn.len, 2048);
    assert_null(mp_role_check(&role));

    role.arn = unit_join(start, path, unit_join(STR("//"), name, STR("")));
    assert_non_null(mp_role_check(&role));

    role.arn = unit_bytes(ARN "\0", sizeof(ARN));
    assert_non_null(mp_role_check(&role));
}


static void
the_other_fields_of_a_role_are_checked(void **state)
{
    size_t     i;
    mp_role_t  role;

    static const struct {
        mp_str_t     id;
        mp_str_t     name;
        unsigned     duration;
        const char  *wrong;
    } rows[] = {
        { mp_null_str, mp_null_str, 0, "taken" },
        { mp_str("ab"), mp_str("ab"), 900, "taken" },
        { mp_str("Az09_+=,.@:/-"), mp_str("Az09_+=,.@-"), 43200, "taken" },

        { mp_str("a"), mp_null_str, 0, ID_WRONG },
        { mp_str("a b"), mp_null_str, 0, ID_WRONG },
        { mp_str("ab\n"), mp_null_str, 0, ID_WRONG },
        { mp_str("ab\0"), mp_null_str, 0, ID_WRONG },
        { mp_str("a&b"), mp_null_str, 0, ID_WRONG },
        { mp_str("a;b"), mp_null_str, 0, ID_WRONG },
        { mp_str("\xc3\xa9"), mp_null_str, 0, ID_WRONG },

        { mp_null_str, mp_str("a"), 0, NAME_WRONG },
        { mp_null_str, mp_str("a/b"), 0, NAME_WRONG },
        { mp_null_str, mp_str("a:b"), 0, NAME_WRONG },
        { mp_null_str, mp_str("a b"), 0, NAME_WRONG },
        { mp_null_str, mp_str("ab\0"), 0, NAME_WRONG },
        { mp_null_str, mp_str("\xc3\xa9"), 0, NAME_WRONG },

        { mp_null_str, mp_null_str, 1, DURATION_WRONG },
        { mp_null_str, mp_null_str, 899, DURATION_WRONG },
        { mp_null_str, mp_null_str, 43201, DURATION_WRONG },
        { mp_null_str, mp_null_str, UINT_MAX, DURATION_WRONG }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        role = role_of(ARN);
        role.external_id = unit_copy(rows[i].id);
        role.session_name = unit_copy(rows[i].name);
        role.duration = rows[i].duration;

        check_str(rows[i].wrong, in_words(mp_role_check(&role)),
                  mp_str_from(rows[i].wrong));
    }

    role = role_of(ARN);

    role.external_id = unit_fill('e', 1224);
    role.session_name = unit_fill('s', 64);
    assert_null(mp_role_check(&role));

    role.session_name = unit_fill('s', 65);
    check_str("name", in_words(mp_role_check(&role)), STR(NAME_WRONG));

    role.external_id = unit_fill('e', 1225);
    check_str("id", in_words(mp_role_check(&role)), STR(ID_WRONG));
}


/* Writes a form into memory of the length that was promised for it. */

static mp_str_t
form(const mp_role_t *role, mp_str_t token)
{
    mp_str_t        text;
    unsigned char  *data;

    text.len = mp_sts_body_len(role, token);
    text.data = data = unit_alloc(text.len);

    assert_ptr_equal(mp_sts_body(data, role, token), data + text.len);

    return text;
}


static void
a_form_is_written_byte_for_byte(void **state)
{
    mp_role_t  role;

    static const mp_str_t  none = mp_null_str;

    role = role_of(ARN);

    check_str("least", form(&role, none), STR(
        "Action=AssumeRole&Version=2011-06-15"
        "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fnginx"
        "&RoleSessionName=nginx-marketplace"));

    role.external_id = STR("a:/@+=,._-");
    role.session_name = STR("Az09@+=,._-");
    role.duration = 900;

    check_str("most", form(&role, none), STR(
        "Action=AssumeRole&Version=2011-06-15"
        "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fnginx"
        "&RoleSessionName=Az09%40%2B%3D%2C._-"
        "&ExternalId=a%3A%2F%40%2B%3D%2C._-"
        "&DurationSeconds=900"));

    role.external_id = none;
    role.session_name = none;
    role.duration = 43200;

    check_str("token", form(&role, STR("eyJh.b~c-d_e+/=&\x7f \xff")), STR(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
        "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fnginx"
        "&RoleSessionName=nginx-marketplace"
        "&DurationSeconds=43200"
        "&WebIdentityToken=eyJh.b~c-d_e%2B%2F%3D%26%7F%20%FF"));

    role.external_id = STR("ab");
    role.duration = UINT_MAX;

    check_str("all", form(&role, STR("t")), STR(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
        "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fnginx"
        "&RoleSessionName=nginx-marketplace"
        "&DurationSeconds=4294967295"
        "&WebIdentityToken=t"));
}


static void
check_nothing(const char *label, const mp_temporary_t *temporary)
{
    static const mp_temporary_t  zeros;

    if (memcmp(temporary, &zeros, sizeof(zeros)) != 0) {
        fail_msg("%s: there are credentials", label);
    }
}


/* Reads a reply with a result of no byte more than is promised. */

static const char *
read_reply(mp_temporary_t *temporary, mp_str_t body)
{
    size_t          i;
    const char     *wrong;
    unsigned char  *buf;

    memset(temporary, 0xff, sizeof(mp_temporary_t));
    buf = memset(unit_alloc(body.len), 0xff, body.len);

    wrong = mp_sts_reply(temporary, buf, unit_copy(body));

    if (wrong == NULL) {
        assert_between(temporary->keys.access_key.data, buf, buf + body.len);
        assert_between(temporary->keys.secret_key.data, buf, buf + body.len);
        assert_between(temporary->keys.session_token.data, buf,
                        buf + body.len);

        return NULL;
    }

    check_nothing((const char *) body.data, temporary);

    for (i = 0; i < body.len; i++) {
        check_int("left behind", buf[i], 0);
    }

    return wrong;
}


static void
a_reply_is_read(void **state)
{
    size_t          i;
    const char     *label;
    mp_temporary_t  temporary;

    static const char  *rows[] = {
        REPLY(ALL),
        REPLY(ENDS TOKEN SECRET ID),
        REPLY("\n  " ID "\n  " SECRET "\n  " TOKEN "\n  " ENDS "\n"),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" REPLY(ALL) "\n",

        "<AssumeRoleWithWebIdentityResponse xmlns=\"" NAMESPACE "\">\n"
        "  <AssumeRoleWithWebIdentityResult>\n"
        "    <SubjectFromWebIdentityToken>system:serviceaccount:a:b"
        "</SubjectFromWebIdentityToken>\n"
        "    <Audience>sts.amazonaws.com</Audience>\n"
        "    <Credentials>" ALL "</Credentials>\n"
        "    <PackedPolicySize>6</PackedPolicySize>\n"
        "  </AssumeRoleWithWebIdentityResult>\n"
        "  <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\n"
        "</AssumeRoleWithWebIdentityResponse>\n",

        "<s:AssumeRoleResponse xmlns:s=\"" NAMESPACE "\"><s:AssumeRoleResult>"
        "<s:Credentials>"
        "<s:AccessKeyId>ASIAEXAMPLE</s:AccessKeyId>"
        "<s:SecretAccessKey>wJalr&#43;XUt&#x2f;nFE=</s:SecretAccessKey>"
        "<s:SessionToken><![CDATA[IQoJb3JpZ2lu]]><!-- x -->//=="
        "</s:SessionToken>"
        "<s:Expiration>2026-01-02T03:04:05.6Z</s:Expiration>"
        "</s:Credentials></s:AssumeRoleResult></s:AssumeRoleResponse>",

        REPLY(ALL "<AccountId>1</AccountId><Token>x</Token>"),
        REPLY("<x>" ALL "</x>" ALL),
        "<a><b><x>" ALL "</x><Credentials>" ALL "</Credentials>" ALL "</b>"
        ALL "</a>"
    };

    for (i = 0; i < LENGTH(rows); i++) {
        label = rows[i];

        check_str(label,
                  in_words(read_reply(&temporary, mp_str_from(label))),
                  STR("taken"));
        check_str(label, temporary.keys.access_key, STR("ASIAEXAMPLE"));
        check_str(label, temporary.keys.secret_key, STR("wJalr+XUt/nFE="));
        check_str(label, temporary.keys.session_token,
                  STR("IQoJb3JpZ2lu//=="));
        check_int(label, temporary.expiration, 1767323045);
    }
}


static void
a_bad_reply_is_refused_with_the_reason(void **state)
{
    size_t          i;
    mp_temporary_t  temporary;

    static const struct {
        mp_str_t     body;
        const char  *wrong;
    } rows[] = {
        { mp_null_str, NO_REPLY },
        { mp_str("{}"), NO_REPLY },
        { mp_str("<html><br></html>"), NO_REPLY },
        { mp_str(REPLY(ALL) "x"), NO_REPLY },
        { mp_str(REPLY(ALL) "\0"), NO_REPLY },
        { mp_str(REPLY(ALL) REPLY(ALL)), NO_REPLY },
        { mp_str("<!DOCTYPE a>" REPLY(ALL)), NO_REPLY },
        { mp_str(REPLY(ALL "<SessionToken/>")), NO_REPLY },
        { mp_str(REPLY(ALL ID)), NO_REPLY },
        { mp_str(REPLY(ALL "</Credentials><Credentials>" ALL)), NO_REPLY },
        { mp_str(REPLY(ID SECRET ENDS
                       "<SessionToken>a<b/></SessionToken>")), NO_REPLY },
        { mp_str(REPLY(ID SECRET ENDS
                       "<SessionToken>&x;</SessionToken>")), NO_REPLY },

        { mp_str("<html></html>"), "there is no access key id in it" },
        { mp_str(FAILURE("a", "b")), "there is no access key id in it" },
        { mp_str("<Credentials>" ALL "</Credentials>"),
          "there is no access key id in it" },
        { mp_str("<a><Credentials>" ALL "</Credentials></a>"),
          "there is no access key id in it" },
        { mp_str(REPLY("<Credentials>" ALL "</Credentials>")),
          "there is no access key id in it" },
        { mp_str(REPLY(SECRET TOKEN ENDS)),
          "there is no access key id in it" },
        { mp_str(REPLY(ID TOKEN ENDS)),
          "there is no secret access key in it" },
        { mp_str(REPLY(ID SECRET ENDS)), "there is no session token in it" },
        { mp_str(REPLY(ID SECRET TOKEN)), "there is no expiration in it" },
        { mp_str(REPLY(ID "<SecretAccessKey></SecretAccessKey>" TOKEN ENDS)),
          "there is no secret access key in it" },
        { mp_str(REPLY(ID SECRET "<SessionToken/>" ENDS)),
          "there is no session token in it" },
        { mp_str(REPLY(ID SECRET ENDS "<sessiontoken>x</sessiontoken>")),
          "there is no session token in it" },

        { mp_str(REPLY("<AccessKeyId>a b</AccessKeyId>" SECRET TOKEN ENDS)),
          "access key id: it must be of letters and digits" },
        { mp_str(REPLY(ID "<SecretAccessKey>a&#10;</SecretAccessKey>"
                       TOKEN ENDS)),
          "secret access key: it must be printable and without spaces" },
        { mp_str(REPLY(ID SECRET "<SessionToken> x </SessionToken>" ENDS)),
          "session token: it must be printable and without spaces" },
        { mp_str(REPLY(ID SECRET "<SessionToken>\r\nx: y</SessionToken>"
                       ENDS)),
          "session token: it must be printable and without spaces" },
        { mp_str(REPLY(ID SECRET TOKEN "<Expiration>soon</Expiration>")),
          "expiration: it must be like \"2026-01-02T03:04:05Z\"" }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_str((const char *) rows[i].body.data,
                  in_words(read_reply(&temporary, rows[i].body)),
                  mp_str_from(rows[i].wrong));
    }
}


static void
a_reply_cut_short_gives_no_credentials(void **state)
{
    mp_str_t        text;
    mp_temporary_t  temporary;

    text = STR(REPLY(ALL));

    for (text.len--; text.len; text.len--) {
        check_str("cut", in_words(read_reply(&temporary, text)),
                  STR(NO_REPLY));
    }
}


static mp_aws_error_t
parse(mp_str_t body, const mp_str_t *secrets, size_t nsecrets)
{
    mp_aws_error_t  error;

    memset(&error, 0xff, sizeof(error));
    mp_sts_error(&error, unit_copy(body), secrets, nsecrets);

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
an_error_is_read(void **state)
{
    size_t          i;
    const char     *label;
    mp_aws_error_t  error;

    static const struct {
        mp_str_t  body;
        mp_str_t  name;
        mp_str_t  message;
    } rows[] = {
        { mp_str(FAILURE("AccessDenied", "User: a is not authorized")),
          mp_str("AccessDenied"), mp_str("User: a is not authorized") },
        { mp_str(FAILURE("ExpiredTokenException", "Token &quot;a&quot;\n")),
          mp_str("ExpiredTokenException"), mp_str("Token \"a\"") },
        { mp_str("<ErrorResponse><Error><Code>Name</Code></Error>"
                 "</ErrorResponse>"), mp_str("Name"), mp_null_str },
        { mp_str("<ErrorResponse><Error><Message>m</Message></Error>"
                 "</ErrorResponse>"), mp_null_str, mp_str("m") },
        { mp_str(FAILURE("Na me", "m")), mp_null_str, mp_str("m") },
        { mp_str(FAILURE("&lt;Name&gt;", "m")), mp_null_str, mp_str("m") },
        { mp_str(FAILURE("", "")), mp_null_str, mp_null_str },
        { mp_str(FAILURE("N", "a&#x1b0;b&#x7f;c\xc3\xa9&#9;")), mp_str("N"),
          mp_str("a  b c") },
        { mp_null_str, mp_null_str, mp_null_str },
        { mp_str("<html><Code>Name</Code></html>"), mp_null_str,
          mp_null_str },
        { mp_str("<Error><Code>Name</Code></Error>"), mp_null_str,
          mp_null_str },
        { mp_str("{\"__type\":\"Name\"}"), mp_null_str, mp_null_str },
        { mp_str(FAILURE("Name", "&x;")), mp_null_str, mp_null_str },
        { mp_str(FAILURE("Name", "m</Message><Message>n")), mp_null_str,
          mp_null_str },
        { mp_str(REPLY(ALL)), mp_null_str, mp_null_str }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        label = (const char *) rows[i].body.data;
        error = parse(rows[i].body, NULL, 0);

        check_str(label, name_of(&error), rows[i].name);
        check_str(label, message_of(&error), rows[i].message);
        check_int(label, error.common, 0);
    }
}


static void
an_error_cut_short_has_no_name(void **state)
{
    mp_str_t        text;
    mp_aws_error_t  error;

    text = STR(FAILURE("AccessDenied", "message"));

    for (text.len--; text.len; text.len--) {
        error = parse(text, NULL, 0);

        check_int("name", error.name_len, 0);
        check_int("message", error.message_len, 0);
    }
}


static void
an_error_shows_no_secret(void **state)
{
    size_t          i;
    mp_aws_error_t  error;

    static const mp_str_t  secrets[] = {
        mp_str("eyJh&b<c"), mp_str("IQoJb3Jp")
    };

    error = parse(STR(FAILURE("Name", "a eyJh&amp;b&#x3c;c IQoJ<!-- -->b3Jp"
                              " z")), secrets, 2);
    check_str("message", message_of(&error),
              STR("a ******** ******** z"));
    check_str("name", name_of(&error), STR("Name"));

    error = parse(STR(FAILURE("xIQoJb3Jpy", "m")), secrets, 2);
    check_str("name", name_of(&error), STR(""));

    /* cut off in the middle */

    error = parse(unit_join(STR("<ErrorResponse><Error><Message>"),
                            unit_fill('-', MP_ERROR_MESSAGE_MAX - 4),
                            STR("IQoJb3Jp</Message></Error>"
                                "</ErrorResponse>")), secrets, 2);

    assert_int_equal(error.message_len, MP_ERROR_MESSAGE_MAX);

    for (i = MP_ERROR_MESSAGE_MAX - 4; i < MP_ERROR_MESSAGE_MAX; i++) {
        assert_int_equal(error.message[i], '*');
    }
}


static const char *
advice_on(const char *name, const char *message, unsigned status)
{
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;

    mp_aws_error_set(&error, mp_str_from(name),
                     message ? mp_str_from(message) : none, NULL, 0);

    return mp_sts_advice(&error, status);
}


static void
advice_is_about_the_role(void **state)
{
    size_t    i;
    mp_str_t  advice, about;

    static const struct {
        const char  *name;
        const char  *message;
        unsigned     status;
        const char  *about;
    } rows[] = {
        { "AccessDenied", NULL, 403, "trust policy" },
        { "AccessDenied", NULL, 403, "sts:ExternalId" },
        { "InvalidIdentityToken", NULL, 400, "OIDC provider" },
        { "IDPCommunicationError", NULL, 400, "from the internet" },
        { "IDPRejectedClaim", NULL, 403, "is not being renewed" },
        { "ExpiredTokenException", "Token expired: current date/time", 400,
          "its file is not being renewed" },
        { "ExpiredTokenException",
          "The security token included in the request is expired", 400,
          "temporary credentials" },
        { "ExpiredTokenException", NULL, 403, "temporary credentials" },
        { "ExpiredToken", NULL, 403, "temporary credentials" },
        { "RegionDisabledException", NULL, 403, "activate STS" },
        { "InvalidClientTokenId", NULL, 403, "access key exists" },
        { "SignatureDoesNotMatch", NULL, 403, "clock" },
        { "RequestExpired", NULL, 400, "clock" },
        { "ValidationError", NULL, 400, "see its message" },
        { "MalformedPolicyDocument", NULL, 400, "see its message" },
        { "Throttling", NULL, 400, "STS may be busy" },
        { "Any", NULL, 429, "STS may be busy" },
        { "InternalFailure", NULL, 500, "STS may be busy" },
        { "Any", NULL, 503, "STS may be busy" },
        { "", NULL, 503, "STS may be busy" },
        { "", NULL, 429, "STS may be busy" },
        { "", NULL, 404, "is not STS" }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        advice = mp_str_from(advice_on(rows[i].name, rows[i].message,
                                       rows[i].status));
        about = mp_str_from(rows[i].about);

        if (mp_str_find(advice, about) == advice.len) {
            fail_msg("%s: \"%s\"", rows[i].name, (char *) advice.data);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_arn_of_a_role_is_known),
        cmocka_unit_test(the_parts_of_an_arn_have_a_greatest_length),
        cmocka_unit_test(the_other_fields_of_a_role_are_checked),
        cmocka_unit_test(a_form_is_written_byte_for_byte),
        cmocka_unit_test(a_reply_is_read),
        cmocka_unit_test(a_bad_reply_is_refused_with_the_reason),
        cmocka_unit_test(a_reply_cut_short_gives_no_credentials),
        cmocka_unit_test(an_error_is_read),
        cmocka_unit_test(an_error_cut_short_has_no_name),
        cmocka_unit_test(an_error_shows_no_secret),
        cmocka_unit_test(advice_is_about_the_role)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
