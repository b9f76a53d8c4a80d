/*
 * Profiles in the shared credentials and config files, which workers look at
 * again and again: keys are put there by programs that renew them.
 */

#include "ngx_http_marketplace_credentials.h"


/* in milliseconds: how often the files are looked at, and for how long they
 * have to be left alone before what they say is believed */
#define NGX_HTTP_MARKETPLACE_CHECK    250
#define NGX_HTTP_MARKETPLACE_SETTLE   300

/* ... if it looks as if it had been cut off */
#define NGX_HTTP_MARKETPLACE_CUT_OFF  4000


/* The state of a file; all zero if there is none. */
typedef struct {
    ngx_file_uniq_t                   uniq;
    off_t                             size;
    time_t                            sec;
    long                              nsec;
} ngx_http_marketplace_stamp_t;


enum {
    NGX_HTTP_MARKETPLACE_CREDENTIALS_FILE = 0,
    NGX_HTTP_MARKETPLACE_CONFIG_FILE,
    NGX_HTTP_MARKETPLACE_FILES
};


struct ngx_http_marketplace_profile_s {
    ngx_str_t                         name;
    ngx_str_t                         files[NGX_HTTP_MARKETPLACE_FILES];

    ngx_log_t                        *log;        /* that lives as long */

    /* what a chain can be made of without the configuration */
    ngx_http_marketplace_loc_conf_t  *conf;
    ngx_http_marketplace_source_t    *env;
    ngx_http_marketplace_source_t    *container;
    ngx_http_marketplace_source_t    *imds;

    ngx_msec_t                        checked;
    ngx_msec_t                        changed;    /* when pending was seen */
    ngx_http_marketplace_stamp_t      pending[NGX_HTTP_MARKETPLACE_FILES];
    ngx_http_marketplace_stamp_t      stamps[NGX_HTTP_MARKETPLACE_FILES];
    u_char                            whole[NGX_HTTP_MARKETPLACE_FILES];
    unsigned                          told:1;     /* of pending */
    unsigned                          needs_config:1;    /* the file */
    ngx_http_marketplace_chain_t     *chain;
};


/* The files as they were read, and what they say of a profile. */
typedef struct {
    ngx_str_t                         texts[NGX_HTTP_MARKETPLACE_FILES];
    ngx_http_marketplace_stamp_t      stamps[NGX_HTTP_MARKETPLACE_FILES];
    u_char                            whole[NGX_HTTP_MARKETPLACE_FILES];
    mp_profile_t                      profile;

    /* what is wrong, and with what: a file, or a profile */
    const char                       *problem;
    const char                       *detail;
    ngx_str_t                         culprit;
    ngx_err_t                         err;
    unsigned                          of_file:1;
} ngx_http_marketplace_contents_t;


static ngx_int_t ngx_http_marketplace_check_files(ngx_conf_t *cf,
    ngx_uint_t level, ngx_http_marketplace_credentials_t *credentials);
static ngx_int_t ngx_http_marketplace_check_base(ngx_conf_t *cf,
    ngx_uint_t level, ngx_http_marketplace_credentials_t *credentials,
    mp_profile_t *profile);
static ngx_int_t ngx_http_marketplace_add_base(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_profile_t *profile, mp_profile_t *found);
static ngx_int_t ngx_http_marketplace_read_profile(ngx_str_t *files,
    ngx_str_t *name, ngx_uint_t needs_config,
    ngx_http_marketplace_contents_t *contents, ngx_log_t *log);
static ngx_uint_t ngx_http_marketplace_needs_config(
    ngx_http_marketplace_contents_t *contents, ngx_str_t *name);
static ngx_int_t ngx_http_marketplace_check_contents(
    ngx_http_marketplace_contents_t *contents);
static void ngx_http_marketplace_free_contents(
    ngx_http_marketplace_contents_t *contents);
static void ngx_http_marketplace_log_contents(ngx_conf_t *cf, ngx_log_t *log,
    ngx_uint_t level, ngx_str_t *files,
    ngx_http_marketplace_contents_t *contents);
static ngx_uint_t ngx_http_marketplace_has_changed(
    ngx_http_marketplace_profile_t *profile);
static ngx_uint_t ngx_http_marketplace_is_settled(
    ngx_http_marketplace_profile_t *profile);
static void ngx_http_marketplace_read_again(
    ngx_http_marketplace_profile_t *profile, ngx_uint_t at_once,
    ngx_log_t *log);
static ngx_uint_t ngx_http_marketplace_is_cut_off(
    ngx_http_marketplace_profile_t *profile,
    ngx_http_marketplace_contents_t *contents);
static ngx_http_marketplace_stamp_t ngx_http_marketplace_stamp(
    ngx_file_info_t *fi);
static ngx_http_marketplace_chain_t *ngx_http_marketplace_create_chain(
    ngx_http_marketplace_profile_t *profile,
    ngx_http_marketplace_contents_t *contents);
static ngx_int_t ngx_http_marketplace_keep_texts(ngx_pool_t *pool,
    mp_profile_t *found);
static ngx_http_marketplace_source_t *ngx_http_marketplace_base_source(
    ngx_http_marketplace_profile_t *profile, mp_profile_t *found,
    ngx_pool_t *pool);
static void ngx_http_marketplace_profile_cleanup(void *data);


ngx_int_t
ngx_http_marketplace_check_profile(ngx_conf_t *cf, ngx_uint_t level,
    ngx_http_marketplace_credentials_t *credentials)
{
    ngx_int_t                          rc;
    ngx_str_t                          files[NGX_HTTP_MARKETPLACE_FILES];
    ngx_uint_t                         n;
    ngx_http_marketplace_contents_t    contents;
    ngx_http_marketplace_main_conf_t  *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_marketplace_module);
    n = mmcf->files.nelts;

    rc = ngx_http_marketplace_check_files(cf, level, credentials);

    if (rc != NGX_OK) {
        return rc;
    }

    files[NGX_HTTP_MARKETPLACE_CREDENTIALS_FILE] =
                                                 credentials->credentials_file;
    files[NGX_HTTP_MARKETPLACE_CONFIG_FILE] = credentials->config_file;

    rc = ngx_http_marketplace_read_profile(files, &credentials->profile, 1,
                                           &contents, cf->log);

    if (rc == NGX_OK) {
        rc = ngx_http_marketplace_check_base(cf, level, credentials,
                                             &contents.profile);

    } else if (rc == NGX_ERROR || level == NGX_LOG_EMERG
               || credentials->profile_named)
    {
        ngx_http_marketplace_log_contents(cf, cf->log, level, files,
                                          &contents);
        rc = NGX_DECLINED;
    }

    ngx_http_marketplace_free_contents(&contents);

    /* workers need not read what is not used */

    if (rc != NGX_OK) {
        mmcf->files.nelts = n;
    }

    return rc;
}


/* Whether workers can read the files, and who else. */

static ngx_int_t
ngx_http_marketplace_check_files(ngx_conf_t *cf, ngx_uint_t level,
    ngx_http_marketplace_credentials_t *credentials)
{
    ngx_err_t         err;
    ngx_str_t        *file;
    ngx_uint_t        i, there;
    const char       *user;
    ngx_file_info_t   fi;

    there = 0;

    for (i = 0; i < NGX_HTTP_MARKETPLACE_FILES; i++) {

        file = (i == NGX_HTTP_MARKETPLACE_CREDENTIALS_FILE)
               ? &credentials->credentials_file : &credentials->config_file;

        if (file->len == 0) {
            continue;
        }

        if (ngx_file_info(file->data, &fi) == NGX_FILE_ERROR) {
            err = ngx_errno;
            user = NULL;

            if (err == NGX_ENOENT
                && !(i == NGX_HTTP_MARKETPLACE_CREDENTIALS_FILE
                     && credentials->file_named))
            {
                continue;
            }

        } else {
            there = 1;
            err = ngx_http_marketplace_worker_can_read(cf, file,
                            level != NGX_LOG_EMERG
                            || (i == NGX_HTTP_MARKETPLACE_CONFIG_FILE
                                && !credentials->config_named),
                                                       &user);
        }

        if (err == 0) {

            if (ngx_is_file(&fi) && (fi.st_mode & S_IROTH)) {
                ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                                   "marketplace: \"chmod o-r\" the file "
                                   "\"%V\": everyone on this machine can read "
                                   "the credentials in it", file);
            }

            continue;
        }

        /* a config file that nobody has asked for may be left out */

        if (i == NGX_HTTP_MARKETPLACE_CONFIG_FILE && !credentials->config_named)
        {
            ngx_str_null(file);
            continue;
        }

        ngx_conf_log_error(level, cf, err,
                           "\"marketplace_credentials\" cannot read the "
                           "credentials file \"%V\"%s%s%s", file,
                           user ? " as the workers' user \"" : "",
                           user ? user : "", user ? "\"" : "");
        return NGX_DECLINED;
    }

    if (there) {
        return NGX_OK;
    }

    if (level == NGX_LOG_EMERG) {
        ngx_conf_log_error(level, cf, NGX_ENOENT,
                           "\"marketplace_credentials\" cannot read the "
                           "credentials file \"%V\"",
                           &credentials->credentials_file);
    }

    return NGX_DECLINED;
}


/* Whether what the profile stands on is there. */

static ngx_int_t
ngx_http_marketplace_check_base(ngx_conf_t *cf, ngx_uint_t level,
    ngx_http_marketplace_credentials_t *credentials, mp_profile_t *profile)
{
    ngx_int_t                            rc;
    ngx_err_t                            err;
    ngx_str_t                            file;
    const char                          *user;
    ngx_http_marketplace_kind_e          kind;
    ngx_http_marketplace_credentials_t  *source;

    if (profile->base == MP_PROFILE_KEYS) {
        return NGX_OK;
    }

    if (profile->base == MP_PROFILE_WEB_IDENTITY) {

        file.len = profile->token_file.len;
        file.data = ngx_pnalloc(cf->pool, file.len + 1);

        if (file.data == NULL) {
            return NGX_ERROR;
        }

        *mp_copy(file.data, profile->token_file) = '\0';

        err = ngx_http_marketplace_worker_can_read(cf, &file, 0, &user);

        if (err) {
            ngx_conf_log_error(level, cf, err,
                               "\"marketplace_credentials\": the "
                               "web_identity_token_file \"%V\" of profile "
                               "\"%V\" cannot be read%s%s%s", &file,
                               &credentials->profile,
                               user ? " as the workers' user \"" : "",
                               user ? user : "", user ? "\"" : "");
        }

        return err ? NGX_DECLINED : NGX_OK;
    }

    kind = (profile->base == MP_PROFILE_ENVIRONMENT)
           ? NGX_HTTP_MARKETPLACE_KEYS
           : (profile->base == MP_PROFILE_CONTAINER)
           ? NGX_HTTP_MARKETPLACE_CONTAINER
           : NGX_HTTP_MARKETPLACE_IMDS;

    /* not on the stack: the keys are released with the pool */

    source = ngx_pcalloc(cf->pool, sizeof(ngx_http_marketplace_credentials_t));
    if (source == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_marketplace_from_env(cf, source, kind);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(level, cf, 0,
                           "\"marketplace_credentials\": profile \"%V\" has "
                           "a credential_source, \"%V\", that the environment "
                           "which nginx is started with does not have",
                           &credentials->profile, &source->name);
    }

    return rc;
}


ngx_http_marketplace_source_t *
ngx_http_marketplace_open_profile(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf,
    ngx_http_marketplace_credentials_t *credentials)
{
    ngx_int_t                        rc;
    ngx_pool_cleanup_t              *cln;
    ngx_http_marketplace_source_t   *source;
    ngx_http_marketplace_profile_t  *profile;
    ngx_http_marketplace_contents_t  contents;

    source = ngx_http_marketplace_new_source(cf->pool, "profile");
    profile = ngx_pcalloc(cf->pool, sizeof(ngx_http_marketplace_profile_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (source == NULL || profile == NULL || cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_marketplace_profile_cleanup;
    cln->data = profile;

    source->profile = profile;

    profile->log = &cf->cycle->new_log;
    profile->conf = mlcf;
    profile->name = credentials->profile;
    profile->files[NGX_HTTP_MARKETPLACE_CREDENTIALS_FILE] =
                                                 credentials->credentials_file;
    profile->files[NGX_HTTP_MARKETPLACE_CONFIG_FILE] =
                                                 credentials->config_file;

    rc = ngx_http_marketplace_read_profile(profile->files, &profile->name, 1,
                                           &contents, cf->log);
    if (rc == NGX_OK) {
        profile->needs_config = credentials->config_named
                                || ngx_http_marketplace_needs_config(&contents,
                                                              &profile->name);
        rc = ngx_http_marketplace_add_base(cf, mmcf, profile,
                                           &contents.profile);
    }

    if (rc == NGX_OK) {
        profile->chain = ngx_http_marketplace_create_chain(profile,
                                                           &contents);
        ngx_memcpy(profile->stamps, contents.stamps, sizeof(profile->stamps));
        ngx_memcpy(profile->whole, contents.whole, sizeof(profile->whole));
    }

    if (rc == NGX_OK && profile->chain) {
        ngx_memcpy(source->id, profile->chain->source->id,
                   NGX_HTTP_MARKETPLACE_ID_LEN);
    }

    if (profile->chain == NULL && contents.problem) {
        ngx_http_marketplace_log_contents(cf, cf->log, NGX_LOG_EMERG,
                                          profile->files, &contents);
    }

    ngx_http_marketplace_free_contents(&contents);

    return profile->chain ? source : NULL;
}


/* Makes what the chain stands on and cannot be made without the configuration.
 * STS is made ready for a role to come if that needs no look-up. */

static ngx_int_t
ngx_http_marketplace_add_base(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_profile_t *profile, mp_profile_t *found)
{
    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_marketplace_kind_e      kind;
    ngx_http_marketplace_source_t  **source;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if ((found->nroles || clcf->resolver->connections.nelts)
        && ngx_http_marketplace_set_sts(cf, mmcf, profile->conf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    switch (found->base) {

    case MP_PROFILE_ENVIRONMENT:
        source = &profile->env;
        kind = NGX_HTTP_MARKETPLACE_KEYS;
        break;

    case MP_PROFILE_CONTAINER:
        source = &profile->container;
        kind = NGX_HTTP_MARKETPLACE_CONTAINER;
        break;

    case MP_PROFILE_IMDS:
        source = &profile->imds;
        kind = NGX_HTTP_MARKETPLACE_IMDS;
        break;

    default: /* MP_PROFILE_KEYS, MP_PROFILE_WEB_IDENTITY */
        return NGX_OK;
    }

    *source = ngx_http_marketplace_env_source(cf, mmcf, profile->conf, kind);

    return *source ? NGX_OK : NGX_ERROR;
}


/* NGX_OK, NGX_DECLINED if there is no such profile, or NGX_ERROR; other than
 * with NGX_OK contents->problem is set. */

static ngx_int_t
ngx_http_marketplace_read_profile(ngx_str_t *files, ngx_str_t *name,
    ngx_uint_t needs_config, ngx_http_marketplace_contents_t *contents,
    ngx_log_t *log)
{
    mp_str_t              credentials, config;
    ngx_str_t            *text;
    ngx_uint_t            i;
    mp_profile_rc_t       rc;
    ngx_file_info_t       fi;
    mp_profile_problem_t  problem;

    ngx_memzero(contents, sizeof(ngx_http_marketplace_contents_t));

    for (i = 0; i < NGX_HTTP_MARKETPLACE_FILES; i++) {

        if (files[i].len == 0) {
            continue;
        }

        contents->problem = ngx_http_marketplace_read_file(&files[i],
                                                  &contents->texts[i], &fi,
                                                  &contents->err, log);

        if (contents->problem
            && (contents->err == NGX_ENOENT
                || (i == NGX_HTTP_MARKETPLACE_CONFIG_FILE && !needs_config)))
        {
            contents->whole[i] = 1;
            continue;
        }

        if (contents->problem) {
            contents->of_file = 1;
            contents->culprit = files[i];

            return NGX_ERROR;
        }

        contents->stamps[i] = ngx_http_marketplace_stamp(&fi);

        text = &contents->texts[i];
        contents->whole[i] = text->len == 0
                             || text->data[text->len - 1] == '\n';
    }

    contents->err = 0;
    contents->problem = NULL;

    credentials = ngx_http_marketplace_mp(
                     &contents->texts[NGX_HTTP_MARKETPLACE_CREDENTIALS_FILE]);
    config = ngx_http_marketplace_mp(
                     &contents->texts[NGX_HTTP_MARKETPLACE_CONFIG_FILE]);

    rc = mp_profile_find(&contents->profile, credentials, config,
                         ngx_http_marketplace_mp(name), &problem);

    if (rc == MP_PROFILE_OK) {
        contents->culprit = *name;
        return ngx_http_marketplace_check_contents(contents);
    }

    contents->problem = problem.problem;
    contents->culprit = ngx_http_marketplace_ngx(problem.profile);

    return (rc == MP_PROFILE_NOTHING) ? NGX_DECLINED : NGX_ERROR;
}


/* Whether the profile would be another one without the config file, which
 * workers may be unable to read. */

static ngx_uint_t
ngx_http_marketplace_needs_config(ngx_http_marketplace_contents_t *contents,
    ngx_str_t *name)
{
    size_t                i;
    mp_str_t              credentials;
    mp_role_t            *role;
    mp_profile_t          alone;
    mp_profile_problem_t  problem;

    static const mp_str_t  none = mp_null_str;

    credentials = ngx_http_marketplace_mp(
                     &contents->texts[NGX_HTTP_MARKETPLACE_CREDENTIALS_FILE]);

    if (mp_profile_find(&alone, credentials, none,
                        ngx_http_marketplace_mp(name), &problem)
        != MP_PROFILE_OK
        || alone.base != contents->profile.base
        || alone.nroles != contents->profile.nroles)
    {
        return 1;
    }

    for (i = 0; i < alone.nroles; i++) {

        role = &contents->profile.roles[i];

        if (!mp_str_eq(alone.roles[i].arn, role->arn)
            || !mp_str_eq(alone.roles[i].external_id, role->external_id)
            || !mp_str_eq(alone.roles[i].session_name, role->session_name)
            || alone.roles[i].duration != role->duration)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_marketplace_check_contents(ngx_http_marketplace_contents_t *contents)
{
    size_t  i;

    if (contents->profile.base == MP_PROFILE_KEYS) {
        contents->detail = mp_credentials_check(&contents->profile.keys);

        if (contents->detail == NULL
            && mp_credentials_lack_token(&contents->profile.keys))
        {
            contents->problem = "has a temporary access key (ASIA...), but no "
                                "aws_session_token";
            return NGX_ERROR;
        }
    }

    for (i = 0; i < contents->profile.nroles && contents->detail == NULL; i++) {
        contents->detail = mp_role_check(&contents->profile.roles[i]);
    }

    if (contents->detail) {
        contents->problem = "has an invalid ";
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_marketplace_free_contents(ngx_http_marketplace_contents_t *contents)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_MARKETPLACE_FILES; i++) {
        ngx_http_marketplace_free_file(&contents->texts[i]);
    }
}


static void
ngx_http_marketplace_log_contents(ngx_conf_t *cf, ngx_log_t *log,
    ngx_uint_t level, ngx_str_t *files,
    ngx_http_marketplace_contents_t *contents)
{
    u_char       text[NGX_MAX_CONF_ERRSTR];
    ngx_str_t    message, *credentials, *config;
    const char  *both;

    credentials = &files[NGX_HTTP_MARKETPLACE_CREDENTIALS_FILE];
    config = &files[NGX_HTTP_MARKETPLACE_CONFIG_FILE];

    both = (credentials->len && config->len) ? "\" and \"" : "";

    message.data = text;
    message.len = ngx_snprintf(text, sizeof(text), "%s \"%V\" %s%s",
                               contents->of_file ? "credentials file"
                                                 : "profile",
                               &contents->culprit, contents->problem,
                               contents->detail ? contents->detail : "")
                  - text;

    if (!contents->of_file) {
        message.len = ngx_snprintf(text + message.len,
                                   sizeof(text) - message.len,
                                   ", in \"%V%s%V\"",
                                   credentials, both, config)
                      - text;
    }

    if (cf) {
        ngx_conf_log_error(level, cf, contents->err,
                           "\"marketplace_credentials\": %V", &message);
        return;
    }

    ngx_log_error(level, log, contents->err,
                  "marketplace: %V; the credentials that it had before are "
                  "used on", &message);
}


ngx_http_marketplace_chain_t *
ngx_http_marketplace_profile_chain(ngx_http_marketplace_profile_t *profile,
    ngx_uint_t at_once, ngx_log_t *log)
{
    if (at_once
        || ngx_current_msec - profile->checked >= NGX_HTTP_MARKETPLACE_CHECK)
    {
        profile->checked = ngx_current_msec;

        if (ngx_http_marketplace_has_changed(profile)
            && (at_once || ngx_http_marketplace_is_settled(profile)))
        {
            ngx_http_marketplace_read_again(profile, at_once, log);
        }
    }

    profile->chain->users++;

    return profile->chain;
}


static ngx_uint_t
ngx_http_marketplace_has_changed(ngx_http_marketplace_profile_t *profile)
{
    ngx_uint_t                    i;
    ngx_file_info_t               fi;
    ngx_http_marketplace_stamp_t  stamps[NGX_HTTP_MARKETPLACE_FILES];

    ngx_memzero(stamps, sizeof(stamps));

    for (i = 0; i < NGX_HTTP_MARKETPLACE_FILES; i++) {
        if (profile->files[i].len
            && ngx_file_info(profile->files[i].data, &fi) != NGX_FILE_ERROR)
        {
            stamps[i] = ngx_http_marketplace_stamp(&fi);
        }
    }

    if (ngx_memcmp(stamps, profile->pending, sizeof(stamps)) != 0) {
        ngx_memcpy(profile->pending, stamps, sizeof(stamps));
        profile->changed = ngx_current_msec;
        profile->told = 0;
    }

    return ngx_memcmp(stamps, profile->stamps, sizeof(stamps)) != 0;
}


/*
 * Whoever writes a file may be at it still.  It is believed when it was last
 * written a moment ago or, should its time be of another clock, has stayed as
 * it is for that long.
 */

static ngx_uint_t
ngx_http_marketplace_is_settled(ngx_http_marketplace_profile_t *profile)
{
    int64_t      age;
    ngx_uint_t   i;
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    for (i = 0; i < NGX_HTTP_MARKETPLACE_FILES; i++) {

        age = ((int64_t) tp->sec - profile->pending[i].sec) * 1000
              + (int64_t) tp->msec - profile->pending[i].nsec / 1000000;

        if (age < NGX_HTTP_MARKETPLACE_SETTLE) {
            return ngx_current_msec - profile->changed
                   >= NGX_HTTP_MARKETPLACE_SETTLE;
        }
    }

    return 1;
}


static void
ngx_http_marketplace_read_again(ngx_http_marketplace_profile_t *profile,
    ngx_uint_t at_once, ngx_log_t *log)
{
    ngx_int_t                        rc;
    ngx_uint_t                       cut_off;
    ngx_http_marketplace_chain_t    *chain;
    ngx_http_marketplace_contents_t  contents;

    chain = NULL;

    rc = ngx_http_marketplace_read_profile(profile->files, &profile->name,
                                           profile->needs_config, &contents,
                                           log);

    cut_off = (rc == NGX_OK && !at_once
               && ngx_http_marketplace_is_cut_off(profile, &contents));

    /* what could not be read may be readable in a moment, and not look as if
     * it had changed */

    if (cut_off || contents.of_file) {

        if (cut_off) {
            contents.problem = "ends in the middle of a line, and will be "
                               "read again";
        }

        if (!profile->told) {
            ngx_http_marketplace_log_contents(NULL, log, NGX_LOG_WARN,
                                              profile->files, &contents);
        }

        profile->told = 1;
        ngx_http_marketplace_free_contents(&contents);

        return;
    }

    ngx_memcpy(profile->stamps, profile->pending, sizeof(profile->stamps));

    if (rc == NGX_OK) {
        chain = ngx_http_marketplace_create_chain(profile, &contents);
    }

    if (chain) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "marketplace: profile \"%V\" has changed",
                      &profile->name);

        ngx_http_marketplace_release_chain(profile->chain);
        profile->chain = chain;

        ngx_memcpy(profile->whole, contents.whole, sizeof(profile->whole));

    } else if (contents.problem) {
        ngx_http_marketplace_log_contents(NULL, log, NGX_LOG_WARN,
                                          profile->files, &contents);
    }

    ngx_http_marketplace_free_contents(&contents);
}


/* Where lines used to end and the last one does not, the rest may be still to
 * come. */

static ngx_uint_t
ngx_http_marketplace_is_cut_off(ngx_http_marketplace_profile_t *profile,
    ngx_http_marketplace_contents_t *contents)
{
    ngx_uint_t  i;

    if (ngx_current_msec - profile->changed >= NGX_HTTP_MARKETPLACE_CUT_OFF) {
        return 0;
    }

    for (i = 0; i < NGX_HTTP_MARKETPLACE_FILES; i++) {
        if (profile->whole[i] && !contents->whole[i]) {
            return 1;
        }
    }

    return 0;
}


static ngx_http_marketplace_stamp_t
ngx_http_marketplace_stamp(ngx_file_info_t *fi)
{
    ngx_http_marketplace_stamp_t  stamp;

    ngx_memzero(&stamp, sizeof(ngx_http_marketplace_stamp_t));

    stamp.uniq = ngx_file_uniq(fi);
    stamp.size = ngx_file_size(fi);
    stamp.sec = ngx_file_mtime(fi);
    stamp.nsec = fi->st_mtim.tv_nsec;

    return stamp;
}


static ngx_http_marketplace_chain_t *
ngx_http_marketplace_create_chain(ngx_http_marketplace_profile_t *profile,
    ngx_http_marketplace_contents_t *contents)
{
    size_t                          i;
    ngx_pool_t                     *pool;
    mp_profile_t                   *found;
    ngx_http_marketplace_chain_t   *chain;
    ngx_http_marketplace_source_t  *source;

    found = &contents->profile;

    if (found->nroles && profile->conf->sts == NULL) {
        contents->problem = "now has a role, for which nginx has to be "
                            "reloaded";
        return NULL;
    }

    /* a chain outlives the request that finds the change */

    pool = ngx_create_pool(1024, profile->log);
    if (pool == NULL) {
        return NULL;
    }

    if (ngx_http_marketplace_keep_texts(pool, found) != NGX_OK) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    source = ngx_http_marketplace_base_source(profile, found, pool);

    if (source == NULL && found->base != MP_PROFILE_KEYS
        && found->base != MP_PROFILE_WEB_IDENTITY)
    {
        contents->problem = "now has another credential_source, for which "
                            "nginx has to be reloaded";
    }

    for (i = (found->base == MP_PROFILE_WEB_IDENTITY) ? 1 : 0;
         i < found->nroles && source;
         i++)
    {
        source = ngx_http_marketplace_role_source(pool, profile->conf,
                                                  &found->roles[i], NULL,
                                                  source);
    }

    chain = source ? ngx_palloc(pool, sizeof(ngx_http_marketplace_chain_t))
                   : NULL;

    if (chain == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    chain->users = 1;
    chain->pool = pool;
    chain->source = source;

    return chain;
}


/* The files that a profile was found in do not last. */

static ngx_int_t
ngx_http_marketplace_keep_texts(ngx_pool_t *pool, mp_profile_t *found)
{
    size_t      i;
    mp_role_t  *role;

    for (i = 0; i < found->nroles; i++) {
        role = &found->roles[i];

        if (ngx_http_marketplace_keep(pool, &role->arn) != NGX_OK
            || ngx_http_marketplace_keep(pool, &role->external_id) != NGX_OK
            || ngx_http_marketplace_keep(pool, &role->session_name) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_marketplace_keep(pool, &found->token_file);
}


static ngx_http_marketplace_source_t *
ngx_http_marketplace_base_source(ngx_http_marketplace_profile_t *profile,
    mp_profile_t *found, ngx_pool_t *pool)
{
    ngx_str_t                       file;
    ngx_http_marketplace_keys_t    *keys;
    ngx_http_marketplace_source_t  *source;

    switch (found->base) {

    case MP_PROFILE_ENVIRONMENT:
        return profile->env;

    case MP_PROFILE_CONTAINER:
        return profile->container;

    case MP_PROFILE_IMDS:
        return profile->imds;

    case MP_PROFILE_WEB_IDENTITY:
        file = ngx_http_marketplace_ngx(found->token_file);

        return ngx_http_marketplace_role_source(pool, profile->conf,
                                                &found->roles[0], &file,
                                                NULL);

    default: /* MP_PROFILE_KEYS */
        keys = ngx_http_marketplace_create_keys(&found->keys, 0,
                                                profile->log);
        if (keys == NULL) {
            return NULL;
        }

        source = ngx_http_marketplace_keys_source(pool, keys);
        ngx_http_marketplace_release_keys(&keys);

        return source;
    }
}


void
ngx_http_marketplace_release_chain(ngx_http_marketplace_chain_t *chain)
{
    if (chain && --chain->users == 0) {
        ngx_destroy_pool(chain->pool);
    }
}


static void
ngx_http_marketplace_profile_cleanup(void *data)
{
    ngx_http_marketplace_profile_t  *profile = data;

    ngx_http_marketplace_release_chain(profile->chain);
}
