#include "mp_profile.h"

#include "../text/mp_ini.h"

#include <string.h>


/* The sections of the files, as they are those of a profile. */
typedef enum {
    MP_SECTION_OTHER = 0,
    MP_SECTION_DEFAULT,    /* [default], which [profile default] displaces */
    MP_SECTION_PROFILE
} mp_section_kind_t;


/* What the files say of a profile; what is empty is not set. */
typedef struct {
    mp_str_t             name;
    mp_section_kind_t    kind;
    const char          *problem;      /* why it cannot be read, or NULL */
    unsigned             known:1;      /* the last setting is one of these */

    mp_credentials_t     keys;
    mp_role_t            role;         /* all but the duration */
    mp_str_t             duration;
    mp_str_t             mfa_serial;
    mp_str_t             source_profile;
    mp_str_t             credential_source;
    mp_str_t             token_file;
    mp_str_t             sso_session;
    mp_str_t             sso_start_url;
    mp_str_t             process;
    mp_str_t             login;
} mp_section_t;


/* The way from the profile that is asked for to its first credentials. */
typedef struct {
    mp_str_t             credentials;
    mp_str_t             config;
    mp_section_t         section;      /* of the profile that it is at */
    mp_str_t             passed[MP_PROFILE_ROLES_MAX];    /* for their roles */
} mp_chain_t;


static const char *mp_chain_follow(mp_chain_t *chain, mp_str_t name,
    mp_profile_t *profile);
static int mp_chain_is_closed(const mp_chain_t *chain, size_t passed);
static const char *mp_profile_add_role(mp_profile_t *profile,
    const mp_section_t *section);
static int mp_duration_parse(unsigned *seconds, mp_str_t text);
static const char *mp_profile_set_base(mp_profile_t *profile,
    const mp_section_t *section);
static const char *mp_profile_set_keys(mp_profile_t *profile,
    const mp_section_t *section);
static void mp_profile_reverse_roles(mp_profile_t *profile);

static int mp_section_has_keys(const mp_section_t *section);
static void mp_section_read(mp_section_t *section, mp_str_t text,
    mp_str_t name, int config);
static mp_section_kind_t mp_section_kind(mp_str_t header, mp_str_t name,
    int config);
static mp_str_t mp_section_profile(mp_str_t header);
static void mp_section_set(mp_section_t *section, const mp_ini_item_t *item);
static mp_str_t *mp_section_setting(mp_section_t *section, mp_str_t name);
static void mp_section_merge(mp_section_t *section, mp_section_t *config);


static const struct {
    mp_str_t  name;
    size_t    offset;
} mp_settings[] = {
    { mp_str("aws_access_key_id"), offsetof(mp_section_t, keys.access_key) },
    { mp_str("aws_secret_access_key"),
      offsetof(mp_section_t, keys.secret_key) },
    { mp_str("aws_session_token"),
      offsetof(mp_section_t, keys.session_token) },
    { mp_str("role_arn"), offsetof(mp_section_t, role.arn) },
    { mp_str("external_id"), offsetof(mp_section_t, role.external_id) },
    { mp_str("role_session_name"),
      offsetof(mp_section_t, role.session_name) },
    { mp_str("duration_seconds"), offsetof(mp_section_t, duration) },
    { mp_str("mfa_serial"), offsetof(mp_section_t, mfa_serial) },
    { mp_str("source_profile"), offsetof(mp_section_t, source_profile) },
    { mp_str("credential_source"),
      offsetof(mp_section_t, credential_source) },
    { mp_str("web_identity_token_file"), offsetof(mp_section_t, token_file) },
    { mp_str("sso_session"), offsetof(mp_section_t, sso_session) },
    { mp_str("sso_start_url"), offsetof(mp_section_t, sso_start_url) },
    { mp_str("credential_process"), offsetof(mp_section_t, process) },
    { mp_str("login_session"), offsetof(mp_section_t, login) }
};

#define MP_SETTINGS  (sizeof(mp_settings) / sizeof(mp_settings[0]))

#define mp_setting(section, i)                                                \
    ((mp_str_t *) ((char *) (section) + mp_settings[i].offset))


/* Of the profile that is asked for these are no fault: the credentials may be
 * elsewhere. */

static const char  mp_profile_missing[] = "does not exist";
static const char  mp_profile_empty[] = "has no credentials";


mp_profile_rc_t
mp_profile_find(mp_profile_t *profile, mp_str_t credentials, mp_str_t config,
    mp_str_t name, mp_profile_problem_t *problem)
{
    const char  *text;
    mp_chain_t   chain;

    memset(profile, 0, sizeof(mp_profile_t));

    chain.credentials = credentials;
    chain.config = config;

    text = mp_chain_follow(&chain, name, profile);

    if (text == NULL) {
        mp_profile_reverse_roles(profile);
        return MP_PROFILE_OK;
    }

    problem->profile = chain.section.name;
    problem->problem = text;

    return (profile->nroles == 0
            && (text == mp_profile_missing || text == mp_profile_empty))
           ? MP_PROFILE_NOTHING : MP_PROFILE_INVALID;
}


/* Collects roles, the last to be assumed first.  Returns NULL, or what is
 * wrong with the profile that it has come to. */

static const char *
mp_chain_follow(mp_chain_t *chain, mp_str_t name, mp_profile_t *profile)
{
    const char    *problem;
    mp_section_t  *section, config;

    section = &chain->section;

    for ( ;; ) {
        mp_section_read(section, chain->credentials, name, 0);
        mp_section_read(&config, chain->config, name, 1);
        mp_section_merge(section, &config);

        if (section->kind == MP_SECTION_OTHER) {
            return mp_profile_missing;
        }

        if (section->problem) {
            return section->problem;
        }

        if (mp_chain_is_closed(chain, profile->nroles)) {
            return "is its own source, by way of source_profile";
        }

        if (section->role.arn.len == 0
            || (profile->nroles && mp_section_has_keys(section)))
        {
            return mp_profile_set_keys(profile, section);
        }

        problem = mp_profile_add_role(profile, section);

        if (problem) {
            return problem;
        }

        if (section->source_profile.len == 0) {
            return mp_profile_set_base(profile, section);
        }

        chain->passed[profile->nroles - 1] = section->name;
        name = section->source_profile;
    }
}


/* A profile may name itself for its own keys, as botocore has it. */

static int
mp_chain_is_closed(const mp_chain_t *chain, size_t passed)
{
    size_t  i;

    for (i = 0; i < passed; i++) {
        if (mp_str_eq(chain->passed[i], chain->section.name)) {
            return i + 1 < passed || !mp_section_has_keys(&chain->section);
        }
    }

    return 0;
}


static const char *
mp_profile_add_role(mp_profile_t *profile, const mp_section_t *section)
{
    int         sources;
    mp_role_t  *role;

    sources = (section->source_profile.len != 0)
              + (section->credential_source.len != 0)
              + (section->token_file.len != 0);

    if (sources == 0) {
        return "has a role_arn, but none of source_profile, "
               "credential_source and web_identity_token_file to assume it "
               "with";
    }

    if (sources > 1) {
        return "has more than one of source_profile, credential_source and "
               "web_identity_token_file for its role_arn";
    }

    if (section->mfa_serial.len) {
        return "has an mfa_serial, and nobody is there to enter the code: "
               "use a role that can be assumed without";
    }

    if (profile->nroles == MP_PROFILE_ROLES_MAX) {
        return "has one role too many: so long a chain of source_profile is "
               "not followed";
    }

    role = &profile->roles[profile->nroles++];
    *role = section->role;

    if (!mp_duration_parse(&role->duration, section->duration)) {
        return "has a duration_seconds that is no number above 0";
    }

    return NULL;
}


/* What is out of range stays so, without running over: it is the caller who
 * refuses it. */

static int
mp_duration_parse(unsigned *seconds, mp_str_t text)
{
    size_t    i;
    unsigned  value;

    if (!mp_str_is_made_of(text, MP_DIGIT)) {
        return 0;
    }

    for (value = 0, i = 0; i < text.len; i++) {
        if (value <= MP_ROLE_DURATION_MAX) {
            value = value * 10 + (unsigned) (text.data[i] - '0');
        }
    }

    *seconds = value;

    return value || text.len == 0;
}


/* The first role of a chain is assumed with what is no profile. */

static const char *
mp_profile_set_base(mp_profile_t *profile, const mp_section_t *section)
{
    size_t  i;

    static const struct {
        mp_str_t           name;
        mp_profile_base_t  base;
    } sources[] = {
        { mp_str("Environment"), MP_PROFILE_ENVIRONMENT },
        { mp_str("EcsContainer"), MP_PROFILE_CONTAINER },
        { mp_str("Ec2InstanceMetadata"), MP_PROFILE_IMDS }
    };

    if (section->token_file.len) {
        profile->base = MP_PROFILE_WEB_IDENTITY;
        profile->token_file = section->token_file;
        return NULL;
    }

    for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        if (mp_str_eq(section->credential_source, sources[i].name)) {
            profile->base = sources[i].base;
            return NULL;
        }
    }

    return "has a credential_source that is none of Environment, "
           "EcsContainer and Ec2InstanceMetadata";
}


static const char *
mp_profile_set_keys(mp_profile_t *profile, const mp_section_t *section)
{
    if (section->keys.access_key.len && section->keys.secret_key.len) {
        profile->base = MP_PROFILE_KEYS;
        profile->keys = section->keys;
        return NULL;
    }

    if (mp_section_has_keys(section)) {
        return "has only one of aws_access_key_id and aws_secret_access_key";
    }

    if (section->token_file.len) {
        return "has a web_identity_token_file, but no role_arn";
    }

    if (section->sso_session.len || section->sso_start_url.len) {
        return "is for IAM Identity Center (sso_...), and nginx cannot log "
               "in there, which takes a browser: use a role or keys";
    }

    if (section->process.len) {
        return "has a credential_process, and nginx runs no programs: use a "
               "role or keys, or write what the process gives into the "
               "credentials file";
    }

    if (section->login.len) {
        return "is for \"aws login\" (login_session), and nginx cannot log "
               "in, which takes a browser: use a role or keys";
    }

    return mp_profile_empty;
}


static void
mp_profile_reverse_roles(mp_profile_t *profile)
{
    size_t     i, j;
    mp_role_t  role;

    for (i = 0, j = profile->nroles; i + 1 < j; i++) {
        j--;
        role = profile->roles[i];
        profile->roles[i] = profile->roles[j];
        profile->roles[j] = role;
    }
}


static int
mp_section_has_keys(const mp_section_t *section)
{
    return section->keys.access_key.len || section->keys.secret_key.len;
}


static void
mp_section_read(mp_section_t *section, mp_str_t text, mp_str_t name,
    int config)
{
    int                inside;
    mp_ini_t           ini;
    mp_ini_item_t      item;
    mp_section_kind_t  kind;

    memset(section, 0, sizeof(mp_section_t));
    section->name = name;

    inside = 0;
    mp_ini_start(&ini, text);

    while (mp_ini_next(&ini, &item)) {

        if (item.kind != MP_INI_SECTION) {
            if (inside) {
                mp_section_set(section, &item);
            }

            continue;
        }

        kind = mp_section_kind(item.name, name, config);

        if (kind > section->kind) {
            memset(section, 0, sizeof(mp_section_t));
            section->name = name;
            section->kind = kind;
        }

        inside = (kind != MP_SECTION_OTHER && kind == section->kind);
    }
}


static mp_section_kind_t
mp_section_kind(mp_str_t header, mp_str_t name, int config)
{
    mp_section_kind_t  kind;

    static const mp_str_t  unnamed = mp_str("default");

    kind = MP_SECTION_PROFILE;

    if (config) {
        if (mp_str_eq(header, unnamed)) {
            kind = MP_SECTION_DEFAULT;

        } else {
            header = mp_section_profile(header);
        }
    }

    return (header.len && mp_str_eq(header, name)) ? kind : MP_SECTION_OTHER;
}


/* The name in a header of a config file, as in "profile name" and
 * "profile 'name'"; empty in those of other sections. */

static mp_str_t
mp_section_profile(mp_str_t header)
{
    mp_str_t  word, rest;

    static const mp_str_t  none = mp_null_str;
    static const mp_str_t  profile = mp_str("profile");

    if (header.len <= profile.len) {
        return none;
    }

    word.data = header.data;
    word.len = profile.len;

    rest.data = header.data + profile.len;
    rest.len = header.len - profile.len;

    if (!mp_str_eq(word, profile)
        || (rest.data[0] != ' ' && rest.data[0] != '\t'))
    {
        return none;
    }

    rest = mp_str_trim(rest);

    if (rest.len > 1 && (rest.data[0] == '"' || rest.data[0] == '\'')
        && rest.data[rest.len - 1] == rest.data[0])
    {
        rest.data++;
        rest.len -= 2;
    }

    return rest;
}


/*
 * The SDKs do not agree on lines that are deeper than a setting with a value:
 * to most they are more of the value, to that of JavaScript they are settings.
 * Where it makes a difference there is no guess: keys could be cut short, or a
 * role be missed.  None of the settings has lines of its own, either.
 */

static void
mp_section_set(mp_section_t *section, const mp_ini_item_t *item)
{
    mp_str_t  *setting;

    setting = mp_section_setting(section, item->name);

    if (item->kind != MP_INI_SETTING) {

        if (section->known || (setting && item->kind == MP_INI_CONTINUATION)) {
            section->problem = "has a line that is indented more than the "
                               "setting above it, which makes it a part of "
                               "that: give both the same indentation";
        }

        return;
    }

    section->known = (setting != NULL);

    if (setting == NULL) {
        return;
    }

    *setting = item->value;

    if (mp_str_has_control(item->value)) {
        section->problem = "has a control character in a setting";
    }
}


static mp_str_t *
mp_section_setting(mp_section_t *section, mp_str_t name)
{
    size_t  i;

    for (i = 0; i < MP_SETTINGS; i++) {
        if (mp_str_eq_nocase(name, mp_settings[i].name)) {
            return mp_setting(section, i);
        }
    }

    return NULL;
}


/* Adds what the config file has beyond the credentials file.  Keys are of use
 * only to each other: those of two files are not mixed. */

static void
mp_section_merge(mp_section_t *section, mp_section_t *config)
{
    size_t         i;
    mp_str_t      *setting;
    mp_section_t  *keyless;

    keyless = (section->keys.access_key.len || section->keys.secret_key.len)
              ? config : section;
    memset(&keyless->keys, 0, sizeof(mp_credentials_t));

    for (i = 0; i < MP_SETTINGS; i++) {

        setting = mp_setting(section, i);

        if (setting->len == 0) {
            *setting = *mp_setting(config, i);
        }
    }

    if (section->kind == MP_SECTION_OTHER) {
        section->kind = config->kind;
    }

    if (section->problem == NULL) {
        section->problem = config->problem;
    }
}
