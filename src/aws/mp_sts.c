#include "mp_sts.h"
#include "mp_arn.h"

#include "../text/mp_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>


#define MP_ROLE_ARN_MAX      2048
#define MP_EXTERNAL_ID_MIN   2
#define MP_EXTERNAL_ID_MAX   1224
#define MP_SESSION_NAME_MIN  2
#define MP_SESSION_NAME_MAX  64
#define MP_ROLE_NAME_MAX     64
#define MP_ACCOUNT_LEN       12

#define MP_STS_PARAMS        6
#define MP_DURATION_SIZE     sizeof("4294967295")


typedef struct {
    mp_str_t       name;
    mp_str_t       value;
} mp_sts_param_t;


/* A request as the parameters of its form. */
typedef struct {
    mp_sts_param_t  param[MP_STS_PARAMS];
    size_t          n;
    char            duration[MP_DURATION_SIZE];
} mp_sts_form_t;


static int mp_is_role_arn(mp_str_t name);
static int mp_is_account(mp_str_t part);
static int mp_is_role_path(mp_str_t resource);
static int mp_is_name(mp_str_t name, size_t min, size_t max);

static void mp_sts_form(mp_sts_form_t *form, const mp_role_t *role,
    mp_str_t token);
static void mp_sts_add(mp_sts_form_t *form, const char *name, mp_str_t value);
static size_t mp_percent_encoded_len(mp_str_t text);
static unsigned char *mp_percent_encode(unsigned char *dst, mp_str_t text);
static int mp_is_unreserved(unsigned char c);


const char *
mp_role_check(const mp_role_t *role)
{
    mp_str_t  id;

    if (!mp_is_role_arn(role->arn)) {
        return "role ARN: it must be like "
               "\"arn:aws:iam::123456789012:role/name\"";
    }

    id = role->external_id;

    if (id.len
        && (id.len < MP_EXTERNAL_ID_MIN || id.len > MP_EXTERNAL_ID_MAX
            || !mp_str_is_made_of(id, MP_RESOURCE)))
    {
        return "external id: it must be from 2 to 1224 letters, digits and "
               "\"_+=,.@:/-\"";
    }

    if (role->session_name.len
        && !mp_is_name(role->session_name, MP_SESSION_NAME_MIN,
                       MP_SESSION_NAME_MAX))
    {
        return "session name: it must be from 2 to 64 letters, digits and "
               "\"_+=,.@-\"";
    }

    if (role->duration
        && (role->duration < MP_ROLE_DURATION_MIN
            || role->duration > MP_ROLE_DURATION_MAX))
    {
        return "duration: it must be from 900 to 43200 seconds";
    }

    return NULL;
}


/* arn:partition:iam::account:role/path/name */

static int
mp_is_role_arn(mp_str_t name)
{
    mp_arn_t  arn;

    return name.len <= MP_ROLE_ARN_MAX
           && mp_arn_parse(&arn, name)
           && mp_str_eq(arn.service, mp_str_from("iam"))
           && arn.region.len == 0
           && mp_is_account(arn.account)
           && mp_is_role_path(arn.resource);
}


static int
mp_is_account(mp_str_t part)
{
    return part.len == MP_ACCOUNT_LEN && mp_str_is_made_of(part, MP_DIGIT);
}


/* A path may be of anything printable, the name behind it may not. */

static int
mp_is_role_path(mp_str_t resource)
{
    size_t    slash;
    mp_str_t  name;

    static const mp_str_t  start = mp_str("role/");

    if (resource.len < start.len
        || memcmp(resource.data, start.data, start.len) != 0
        || !mp_str_is_made_of(resource, MP_VISIBLE))
    {
        return 0;
    }

    name = resource;

    while ((slash = mp_str_chr(name, '/')) < name.len) {
        name.data += slash + 1;
        name.len -= slash + 1;
    }

    return mp_is_name(name, 1, MP_ROLE_NAME_MAX);
}


/* Letters, digits and _+=,.@- are what IAM's names are of. */

static int
mp_is_name(mp_str_t name, size_t min, size_t max)
{
    return name.len >= min && name.len <= max
           && mp_str_is_made_of(name, MP_RESOURCE)
           && mp_str_chr(name, '/') == name.len
           && mp_str_chr(name, ':') == name.len;
}


size_t
mp_sts_body_len(const mp_role_t *role, mp_str_t token)
{
    size_t         i, len;
    mp_sts_form_t  form;

    mp_sts_form(&form, role, token);

    len = form.n - 1;

    for (i = 0; i < form.n; i++) {
        len += form.param[i].name.len + 1
               + mp_percent_encoded_len(form.param[i].value);
    }

    return len;
}


unsigned char *
mp_sts_body(unsigned char *dst, const mp_role_t *role, mp_str_t token)
{
    size_t         i;
    mp_sts_form_t  form;

    mp_sts_form(&form, role, token);

    for (i = 0; i < form.n; i++) {

        if (i) {
            *dst++ = '&';
        }

        dst = mp_copy(dst, form.param[i].name);
        *dst++ = '=';
        dst = mp_percent_encode(dst, form.param[i].value);
    }

    return dst;
}


static void
mp_sts_form(mp_sts_form_t *form, const mp_role_t *role, mp_str_t token)
{
    mp_str_t  duration;

    form->n = 0;

    mp_sts_add(form, "Action",
               mp_str_from(token.len ? "AssumeRoleWithWebIdentity"
                                     : "AssumeRole"));
    mp_sts_add(form, "Version", mp_str_from("2011-06-15"));
    mp_sts_add(form, "RoleArn", role->arn);
    mp_sts_add(form, "RoleSessionName",
               role->session_name.len ? role->session_name
                                      : mp_str_from(MP_STS_SESSION_NAME));

    if (token.len == 0) {
        mp_sts_add(form, "ExternalId", role->external_id);
    }

    if (role->duration) {
        (void) snprintf(form->duration, sizeof(form->duration), "%u",
                        role->duration);

        duration = mp_str_from(form->duration);
        mp_sts_add(form, "DurationSeconds", duration);
    }

    mp_sts_add(form, "WebIdentityToken", token);
}


/* An empty value is no parameter. */

static void
mp_sts_add(mp_sts_form_t *form, const char *name, mp_str_t value)
{
    if (value.len) {
        form->param[form->n].name = mp_str_from(name);
        form->param[form->n].value = value;
        form->n++;
    }
}


static size_t
mp_percent_encoded_len(mp_str_t text)
{
    size_t  i, len;

    for (i = 0, len = text.len; i < text.len; i++) {
        len += mp_is_unreserved(text.data[i]) ? 0 : sizeof("41") - 1;
    }

    return len;
}


static unsigned char *
mp_percent_encode(unsigned char *dst, mp_str_t text)
{
    size_t             i;
    unsigned char      c;
    static const char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (mp_is_unreserved(c)) {
            *dst++ = c;
            continue;
        }

        *dst++ = '%';
        *dst++ = (unsigned char) hex[c >> 4];
        *dst++ = (unsigned char) hex[c & 0xf];
    }

    return dst;
}


/* As RFC 3986 has it. */

static int
mp_is_unreserved(unsigned char c)
{
    mp_str_t  text;

    text.data = &c;
    text.len = 1;

    return c == '~' || mp_str_is_made_of(text, MP_WORD);
}


const char *
mp_sts_reply(mp_temporary_t *temporary, unsigned char *buf, mp_str_t body)
{
    size_t       i;
    mp_str_t     field[MP_TEMPORARY_FIELDS];
    const char  *wrong;

    mp_xml_element_t  elements[MP_TEMPORARY_FIELDS] = {
        { mp_str("*/*/Credentials/AccessKeyId"), mp_null_str },
        { mp_str("*/*/Credentials/SecretAccessKey"), mp_null_str },
        { mp_str("*/*/Credentials/SessionToken"), mp_null_str },
        { mp_str("*/*/Credentials/Expiration"), mp_null_str }
    };

    memset(temporary, 0, sizeof(mp_temporary_t));

    if (mp_xml_find(body, elements, MP_TEMPORARY_FIELDS, buf)) {

        for (i = 0; i < MP_TEMPORARY_FIELDS; i++) {
            field[i] = elements[i].text;
        }

        wrong = mp_temporary_set(temporary, field);

    } else {
        wrong = "it is not a reply of STS";
    }

    if (wrong && body.len) {
        OPENSSL_cleanse(buf, body.len);
    }

    return wrong;
}


void
mp_sts_error(mp_aws_error_t *error, mp_str_t body, const mp_str_t *secrets,
    size_t nsecrets)
{
    mp_str_t        code, message;
    unsigned char  *buf;

    static const mp_str_t  none = mp_null_str;

    mp_xml_element_t  elements[] = {
        { mp_str("ErrorResponse/Error/Code"), mp_null_str },
        { mp_str("ErrorResponse/Error/Message"), mp_null_str }
    };

    code = none;
    message = none;

    buf = malloc(body.len);

    if (buf && mp_xml_find(body, elements, 2, buf)) {
        code = elements[0].text;
        message = elements[1].text;
    }

    mp_aws_error_set(error, code, message, secrets, nsecrets);

    free(buf);
}


const char *
mp_sts_advice(const mp_aws_error_t *error, unsigned status)
{
    size_t      i;
    mp_error_t  meaning;

    static const struct {
        mp_str_t     name;
        const char  *advice;
    } own[] = {
        { mp_str("AccessDenied"),
          "the role's trust policy has to allow this identity, with the "
          "sts:ExternalId that it asks for, and the identity needs the IAM "
          "action sts:AssumeRole on the role" },
        { mp_str("ExpiredTokenException"),
          "the web identity token has expired: its file is not being "
          "renewed" },
        { mp_str("IDPRejectedClaim"),
          "the web identity token has expired or was withdrawn: its file is "
          "not being renewed" },
        { mp_str("InvalidIdentityToken"),
          "register the OIDC provider that issued the web identity token in "
          "IAM of the role's account, for the audience that the token has" },
        { mp_str("IDPCommunicationError"),
          "AWS cannot fetch the keys of the OIDC provider that issued the "
          "web identity token: check that they can be had from the internet" },
        { mp_str("RegionDisabledException"),
          "activate STS for the region in IAM of the role's account, or set "
          "marketplace_region to one where it is active" },
        { mp_str("InvalidResponse"),
          "what answers is not STS: check what is in between" }
    };

    meaning = mp_aws_error_classify(error, status, 0);

    for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (mp_str_eq(meaning.name, own[i].name)) {
            return own[i].advice;
        }
    }

    return (meaning.fault == MP_FAULT_SERVICE)
           ? "STS may be busy or down, or limit the rate of calls: it will be "
             "asked again"
           : meaning.advice;
}
