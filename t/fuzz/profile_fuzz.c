/*
 * The credentials and config files of the AWS SDKs.  The input is the name
 * of a profile and a line end, the credentials file, a line of "%%", and the
 * config file.  Line ends of another kind, comments, a byte order mark and
 * sections of others change nothing, and a profile that was found comes back
 * when it is written down, as do profiles made of the input's bytes.
 */

#include "fuzz.h"

#include "aws/mp_profile.h"


#define OTHER  "somebody else"


static void edits_change_nothing(mp_str_t credentials, mp_str_t config,
    mp_str_t name);
static void same_when_replaced(mp_str_t credentials, mp_str_t config,
    mp_str_t name, const char *line_end, const char *start, const char *end);
static mp_str_t edited(mp_str_t text, const char *line_end, const char *start,
    const char *end);
static void it_comes_back(const mp_profile_t *profile);
static void made_profiles_come_back(mp_str_t input);
static mp_str_t take_setting(mp_str_t *input, const char *letters);
static mp_str_t written(const mp_profile_t *profile);
static void add_role(fuzz_text_t *file, const mp_profile_t *profile,
    size_t i);
static void add_setting(fuzz_text_t *file, const char *name, mp_str_t value);
static void same_profile(mp_profile_rc_t rc, const mp_profile_t *a,
    mp_profile_rc_t other, const mp_profile_t *b);
static mp_profile_rc_t find(mp_profile_t *profile, mp_str_t credentials,
    mp_str_t config, mp_str_t name);


static const mp_str_t  none = mp_null_str;


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t    at;
    mp_str_t  name, credentials, config;

    static const mp_str_t  between = mp_str("\n%%\n");

    config = fuzz_str(data, size);
    name = fuzz_copy(fuzz_take_line(&config));

    at = mp_str_find(config, between);
    credentials = fuzz_copy(fuzz_str(config.data, at));

    at = (at < config.len) ? at + between.len : config.len;
    config = fuzz_copy(fuzz_str(config.data + at, config.len - at));

    edits_change_nothing(credentials, config, name);
    made_profiles_come_back(fuzz_str(data, size));

    fuzz_free_all();

    return 0;
}


static mp_profile_rc_t
find(mp_profile_t *profile, mp_str_t credentials, mp_str_t config,
    mp_str_t name)
{
    mp_profile_rc_t       rc;
    mp_profile_problem_t  problem;

    problem.problem = NULL;

    rc = mp_profile_find(profile, credentials, config, name, &problem);

    if (rc != MP_PROFILE_OK) {
        fuzz_hold(problem.problem != NULL && problem.problem[0] != '\0');
        fuzz_hold(fuzz_is_part(problem.profile, name)
                  || fuzz_is_part(problem.profile, credentials)
                  || fuzz_is_part(problem.profile, config));
    }

    return rc;
}


static void
edits_change_nothing(mp_str_t credentials, mp_str_t config, mp_str_t name)
{
    mp_str_t      both;
    mp_profile_t  profile;

    both = fuzz_join(credentials, config);

    if (!memchr(both.data, '\r', both.len)) {
        same_when_replaced(credentials, config, name, "\r\n", "", "");
    }

    same_when_replaced(credentials, config, name,
                       "\n#a=b\n \t\n  ; [default]\n", "", "");

    if (mp_str_find(credentials, mp_str_from("\xef\xbb\xbf")) != 0
        && mp_str_find(config, mp_str_from("\xef\xbb\xbf")) != 0)
    {
        same_when_replaced(credentials, config, name, "\n",
                           "\xef\xbb\xbf#a\n", "");
        same_when_replaced(credentials, config, name, "\n",
                           "[" OTHER "]\nrole_arn=a\n b\n", "");
    }

    same_when_replaced(credentials, config, name, "\n", "",
                       "\n[" OTHER "]\nrole_arn=a\n b\n");

    if (find(&profile, credentials, config, name) == MP_PROFILE_OK) {
        it_comes_back(&profile);
    }
}


/* With other line ends, and with something more at start and end. */

static void
same_when_replaced(mp_str_t credentials, mp_str_t config, mp_str_t name,
    const char *line_end, const char *start, const char *end)
{
    mp_profile_t     profile, again;
    mp_profile_rc_t  rc, other;

    if (fuzz_contains(fuzz_join(name, fuzz_join(credentials, config)),
                      mp_str_from(OTHER)))
    {
        return;
    }

    rc = find(&profile, credentials, config, name);
    other = find(&again, edited(credentials, line_end, start, end),
                 edited(config, line_end, start, end), name);

    same_profile(rc, &profile, other, &again);
}


static mp_str_t
edited(mp_str_t text, const char *line_end, const char *start,
    const char *end)
{
    size_t       i;
    fuzz_text_t  changed = { NULL, 0, 0 };

    fuzz_add_chars(&changed, start);

    for (i = 0; i < text.len; i++) {
        if (text.data[i] == '\n') {
            fuzz_add_chars(&changed, line_end);

        } else {
            fuzz_add_byte(&changed, text.data[i]);
        }
    }

    fuzz_add_chars(&changed, end);

    return fuzz_text(&changed);
}


static void
same_profile(mp_profile_rc_t rc, const mp_profile_t *a, mp_profile_rc_t other,
    const mp_profile_t *b)
{
    size_t  i;

    fuzz_hold(rc == other);

    if (rc != MP_PROFILE_OK) {
        return;
    }

    fuzz_hold(a->base == b->base);
    fuzz_hold(fuzz_eq(a->keys.access_key, b->keys.access_key));
    fuzz_hold(fuzz_eq(a->keys.secret_key, b->keys.secret_key));
    fuzz_hold(fuzz_eq(a->keys.session_token, b->keys.session_token));
    fuzz_hold(fuzz_eq(a->token_file, b->token_file));
    fuzz_hold(a->nroles == b->nroles);

    for (i = 0; i < a->nroles; i++) {
        fuzz_hold(fuzz_eq(a->roles[i].arn, b->roles[i].arn));
        fuzz_hold(fuzz_eq(a->roles[i].external_id, b->roles[i].external_id));
        fuzz_hold(fuzz_eq(a->roles[i].session_name,
                          b->roles[i].session_name));
        fuzz_hold(a->roles[i].duration == b->roles[i].duration);
    }
}


static void
it_comes_back(const mp_profile_t *profile)
{
    mp_str_t         file;
    mp_profile_t     again;
    mp_profile_rc_t  rc;

    file = written(profile);

    rc = find(&again, none, file, mp_str_from("p"));
    same_profile(MP_PROFILE_OK, profile, rc, &again);
}


/* The last role is that of the profile that is asked for, the one before is
 * its source's, and so on; keys have a section of their own. */

static mp_str_t
written(const mp_profile_t *profile)
{
    size_t       i;
    fuzz_text_t  file = { NULL, 0, 0 };

    for (i = 0; i < profile->nroles; i++) {
        add_role(&file, profile, i);
    }

    if (profile->base == MP_PROFILE_KEYS) {
        fuzz_add_chars(&file, profile->nroles ? "[profile keys]\n"
                                              : "[profile p]\n");
        add_setting(&file, "aws_session_token", profile->keys.session_token);
        add_setting(&file, "aws_access_key_id", profile->keys.access_key);
        add_setting(&file, "AWS_Secret_Access_Key", profile->keys.secret_key);
    }

    return fuzz_text(&file);
}


static void
add_role(fuzz_text_t *file, const mp_profile_t *profile, size_t i)
{
    char              text[64];
    const mp_role_t  *role;

    static const char  *sources[] = {
        "source_profile = keys\n",
        "credential_source = Environment\n",
        "credential_source = EcsContainer\n",
        "credential_source = Ec2InstanceMetadata\n",
        ""
    };

    role = &profile->roles[i];

    snprintf(text, sizeof(text), "[profile \"r%zu\"] # c\n", i);
    fuzz_add_chars(file, (i + 1 == profile->nroles) ? "[profile p]\n" : text);

    add_setting(file, "role_arn", role->arn);
    add_setting(file, "external_id", role->external_id);
    add_setting(file, "role_session_name", role->session_name);

    if (role->duration) {
        snprintf(text, sizeof(text), "duration_seconds = %u\n",
                 role->duration);
        fuzz_add_chars(file, text);
    }

    if (i == 0) {
        fuzz_add_chars(file, sources[profile->base]);
        add_setting(file, "web_identity_token_file", profile->token_file);

    } else {
        snprintf(text, sizeof(text), "source_profile = r%zu\n", i - 1);
        fuzz_add_chars(file, text);
    }
}


static void
add_setting(fuzz_text_t *file, const char *name, mp_str_t value)
{
    if (value.len) {
        fuzz_add_chars(file, name);
        fuzz_add_byte(file, '=');
        fuzz_add(file, value);
        fuzz_add_byte(file, '\n');
    }
}


static void
made_profiles_come_back(mp_str_t input)
{
    size_t         i;
    mp_role_t     *role;
    mp_profile_t   profile;

    static const char  letters[] = "abc=#;[]\"'/ \xc3\xa9%";

    memset(&profile, 0, sizeof(profile));

    profile.nroles = fuzz_take(&input, MP_PROFILE_ROLES_MAX + 1);
    profile.base = profile.nroles ? fuzz_take(&input, 5) : MP_PROFILE_KEYS;

    if (profile.base == MP_PROFILE_KEYS) {
        profile.keys.access_key = take_setting(&input, letters);
        profile.keys.secret_key = take_setting(&input, letters);
        profile.keys.session_token = take_setting(&input, letters);
    }

    if (profile.base == MP_PROFILE_WEB_IDENTITY) {
        profile.token_file = take_setting(&input, letters);
    }

    for (i = 0; i < profile.nroles; i++) {
        role = &profile.roles[i];
        role->arn = take_setting(&input, letters);
        role->external_id = take_setting(&input, letters);
        role->session_name = take_setting(&input, letters);
        role->duration = fuzz_take(&input, 256) * fuzz_take(&input, 256);
    }

    it_comes_back(&profile);
}


/* No comment begins in it, nor is there space at its ends. */

static mp_str_t
take_setting(mp_str_t *input, const char *letters)
{
    size_t       i;
    unsigned     c, last;
    mp_str_t     text;
    fuzz_text_t  value = { NULL, 0, 0 };

    text = fuzz_take_text(input, 20);
    last = 'v';
    fuzz_add_byte(&value, last);

    for (i = 0; i < text.len; i++) {
        c = (unsigned char) letters[text.data[i] % strlen(letters)];

        if (last != ' ' || (c != '#' && c != ';')) {
            fuzz_add_byte(&value, c);
            last = c;
        }
    }

    fuzz_add_byte(&value, 'v');

    return fuzz_text(&value);
}
