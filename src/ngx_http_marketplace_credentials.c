/*
 * Which keys sign: taken from the configuration, the environment or a shared
 * credentials file when the configuration is read.
 */

#include "ngx_http_marketplace.h"

#include "aws/mp_profile.h"


#define NGX_HTTP_MARKETPLACE_PROFILE_MAX  (1024 * 1024)
#define NGX_HTTP_MARKETPLACE_KEY_MAX      128


static char *ngx_http_marketplace_static(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials);
static char *ngx_http_marketplace_env(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials);
static char *ngx_http_marketplace_profile(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials);
static char *ngx_http_marketplace_no_params(ngx_conf_t *cf);

static ngx_http_marketplace_credentials_t *
    ngx_http_marketplace_default_credentials(ngx_conf_t *cf);
static ngx_int_t ngx_http_marketplace_from_env(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials);
static ngx_int_t ngx_http_marketplace_from_profile(ngx_conf_t *cf,
    ngx_uint_t level, ngx_str_t *file, ngx_str_t *name,
    ngx_http_marketplace_credentials_t *credentials);
static ngx_int_t ngx_http_marketplace_read_profile(ngx_conf_t *cf,
    ngx_uint_t level, ngx_str_t *file, ngx_fd_t fd, ngx_str_t *text);
static ngx_int_t ngx_http_marketplace_keep_keys(ngx_conf_t *cf,
    mp_credentials_t *keys);
static ngx_int_t ngx_http_marketplace_profile_file(ngx_conf_t *cf,
    ngx_str_t *file);
static ngx_int_t ngx_http_marketplace_check_keys(ngx_conf_t *cf,
    ngx_uint_t level, ngx_http_marketplace_credentials_t *credentials);

static ngx_uint_t ngx_http_marketplace_param(ngx_str_t *arg,
    const char *name, ngx_str_t *value);
static ngx_str_t ngx_http_marketplace_getenv(const char *name);


char *
ngx_http_marketplace_credentials(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_marketplace_loc_conf_t  *mlcf = conf;

    ngx_str_t                           *value, source;
    ngx_uint_t                           i;
    ngx_http_marketplace_credentials_t  *credentials;

    static const struct {
        ngx_str_t    name;
        char      *(*set)(ngx_conf_t *cf,
                        ngx_http_marketplace_credentials_t *credentials);
    } sources[] = {
        { ngx_string("static"), ngx_http_marketplace_static },
        { ngx_string("env"), ngx_http_marketplace_env },
        { ngx_string("profile"), ngx_http_marketplace_profile }
    };

    if (mlcf->credentials != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "default") == 0) {
        mlcf->credentials = NULL;

        return ngx_http_marketplace_no_params(cf);
    }

    for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {

        if (ngx_strcmp(value[1].data, sources[i].name.data) != 0) {
            continue;
        }

        credentials = ngx_pcalloc(cf->pool,
                                  sizeof(ngx_http_marketplace_credentials_t));
        if (credentials == NULL) {
            return NGX_CONF_ERROR;
        }

        credentials->source = sources[i].name;
        mlcf->credentials = credentials;

        return sources[i].set(cf, credentials);
    }

    source = value[1];

    /* it may be a parameter, and a secret, where the source was forgotten */

    if (ngx_strlchr(source.data, source.data + source.len, '=')) {
        ngx_str_set(&source, "...=...");
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"marketplace_credentials\" cannot take credentials "
                       "from \"%V\", it must be \"default\", \"env\", "
                       "\"static id=... secret=... [token=...]\" or "
                       "\"profile [name=...] [file=...]\"", &source);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_marketplace_static(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials)
{
    ngx_str_t   *value, id, secret, token;
    ngx_uint_t   i;

    value = cf->args->elts;

    ngx_str_null(&id);
    ngx_str_null(&secret);
    ngx_str_null(&token);

    for (i = 2; i < cf->args->nelts; i++) {

        if (!ngx_http_marketplace_param(&value[i], "id=", &id)
            && !ngx_http_marketplace_param(&value[i], "secret=", &secret)
            && !ngx_http_marketplace_param(&value[i], "token=", &token))
        {
            /* the parameter itself may be a secret with a mistyped name */

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"marketplace_credentials static\" takes "
                               "\"id=\", \"secret=\" and \"token=\", "
                               "each once, which its parameter %ui is not",
                               i - 1);
            return NGX_CONF_ERROR;
        }
    }

    if (id.len == 0 || secret.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"marketplace_credentials static\" must have both "
                           "\"id=\" and \"secret=\", and \"%s\" is missing",
                           id.len == 0 ? "id=" : "secret=");
        return NGX_CONF_ERROR;
    }

    credentials->keys.access_key = ngx_http_marketplace_mp(&id);
    credentials->keys.secret_key = ngx_http_marketplace_mp(&secret);
    credentials->keys.session_token = ngx_http_marketplace_mp(&token);

    if (ngx_http_marketplace_check_keys(cf, NGX_LOG_EMERG, credentials)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_marketplace_env(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials)
{
    if (ngx_http_marketplace_no_params(cf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    switch (ngx_http_marketplace_from_env(cf, credentials)) {

    case NGX_OK:
        return NGX_CONF_OK;

    case NGX_DECLINED:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"marketplace_credentials env\" needs "
                           "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in "
                           "the environment that nginx is started with");
        return NGX_CONF_ERROR;

    default: /* NGX_ERROR */
        return NGX_CONF_ERROR;
    }
}


static char *
ngx_http_marketplace_profile(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials)
{
    ngx_str_t   *value, name, file;
    ngx_uint_t   i;

    value = cf->args->elts;

    ngx_str_null(&name);
    ngx_str_null(&file);

    for (i = 2; i < cf->args->nelts; i++) {

        if (!ngx_http_marketplace_param(&value[i], "name=", &name)
            && !ngx_http_marketplace_param(&value[i], "file=", &file))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"marketplace_credentials profile\", it must "
                               "be \"name=...\" or \"file=...\", each once",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (file.len) {

        if (ngx_conf_full_name(cf->cycle, &file, 1) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

    } else if (ngx_http_marketplace_profile_file(cf, &file) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"marketplace_credentials profile\" must have "
                           "\"file=\", because neither "
                           "AWS_SHARED_CREDENTIALS_FILE nor HOME is set");
        return NGX_CONF_ERROR;
    }

    return (ngx_http_marketplace_from_profile(cf, NGX_LOG_EMERG, &file, &name,
                                              credentials)
            == NGX_OK)
           ? NGX_CONF_OK
           : NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_marketplace_set_credentials(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf,
    ngx_http_marketplace_loc_conf_t *mlcf)
{
    ngx_conf_file_t  *conf_file;

    if (mlcf->credentials == NULL) {

        if (mmcf->credentials == NULL) {

            /* no line of the configuration is to be blamed for these */

            conf_file = cf->conf_file;
            cf->conf_file = NULL;

            mmcf->credentials = ngx_http_marketplace_default_credentials(cf);

            cf->conf_file = conf_file;
        }

        mlcf->credentials = mmcf->credentials;
    }

    return mlcf->credentials ? NGX_OK : NGX_ERROR;
}


/*
 * The first source that has something.  It is no error to find nothing: then
 * no customer can be resolved, but all else works.
 */

static ngx_http_marketplace_credentials_t *
ngx_http_marketplace_default_credentials(ngx_conf_t *cf)
{
    ngx_int_t                            rc;
    ngx_str_t                            name, file;
    ngx_file_info_t                      fi;
    ngx_http_marketplace_credentials_t  *credentials;

    credentials = ngx_pcalloc(cf->pool,
                              sizeof(ngx_http_marketplace_credentials_t));
    if (credentials == NULL) {
        return NULL;
    }

    ngx_str_set(&credentials->source, "env");

    rc = ngx_http_marketplace_from_env(cf, credentials);

    if (rc != NGX_DECLINED) {
        return (rc == NGX_OK) ? credentials : NULL;
    }

    ngx_str_set(&credentials->source, "profile");
    ngx_str_null(&name);

    if (ngx_http_marketplace_profile_file(cf, &file) == NGX_OK
        && ngx_file_info(file.data, &fi) != NGX_FILE_ERROR)
    {
        rc = ngx_http_marketplace_from_profile(cf, NGX_LOG_WARN, &file, &name,
                                               credentials);
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "marketplace: there are no AWS credentials in the "
                      "environment or the shared credentials file, no "
                      "customer can be resolved without");

        ngx_memzero(credentials, sizeof(ngx_http_marketplace_credentials_t));
    }

    return credentials;
}


static char *
ngx_http_marketplace_no_params(ngx_conf_t *cf)
{
    ngx_str_t  *value;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"marketplace_credentials %V\" takes no parameters",
                       &value[1]);

    return NGX_CONF_ERROR;
}


/* NGX_OK, NGX_DECLINED if there are none, or NGX_ERROR with a message. */

static ngx_int_t
ngx_http_marketplace_from_env(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials)
{
    ngx_str_t  id, secret, token;

    id = ngx_http_marketplace_getenv("AWS_ACCESS_KEY_ID");
    secret = ngx_http_marketplace_getenv("AWS_SECRET_ACCESS_KEY");
    token = ngx_http_marketplace_getenv("AWS_SESSION_TOKEN");

    if (id.len == 0 && secret.len == 0) {
        return NGX_DECLINED;
    }

    if (id.len == 0 || secret.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the environment of \"marketplace_credentials\" "
                           "must have both AWS_ACCESS_KEY_ID and "
                           "AWS_SECRET_ACCESS_KEY, and %s is missing",
                           id.len == 0 ? "AWS_ACCESS_KEY_ID"
                                       : "AWS_SECRET_ACCESS_KEY");
        return NGX_ERROR;
    }

    credentials->keys.access_key = ngx_http_marketplace_mp(&id);
    credentials->keys.secret_key = ngx_http_marketplace_mp(&secret);
    credentials->keys.session_token = ngx_http_marketplace_mp(&token);

    return ngx_http_marketplace_check_keys(cf, NGX_LOG_EMERG, credentials);
}


/* NGX_OK, or NGX_ERROR with a message of this level. */

static ngx_int_t
ngx_http_marketplace_from_profile(ngx_conf_t *cf, ngx_uint_t level,
    ngx_str_t *file, ngx_str_t *name,
    ngx_http_marketplace_credentials_t *credentials)
{
    ngx_fd_t         fd;
    ngx_int_t        rc;
    ngx_str_t        text;
    mp_profile_rc_t  found;

    static const char  *problems[] = {
        NULL,
        "is not in",
        "has no aws_access_key_id and aws_secret_access_key in",
        "has only one of aws_access_key_id and aws_secret_access_key in",
        "has no keys of its own, and a role, a process or SSO cannot be used "
        "for it, in"
    };

    if (name->len == 0) {
        *name = ngx_http_marketplace_getenv("AWS_PROFILE");

        if (name->len == 0) {
            ngx_str_set(name, "default");
        }
    }

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(level, cf, ngx_errno,
                           "\"marketplace_credentials\" cannot open the "
                           "credentials file \"%V\"", file);
        return NGX_ERROR;
    }

    rc = ngx_http_marketplace_read_profile(cf, level, file, fd, &text);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", file);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    found = mp_profile_find(ngx_http_marketplace_mp(&text),
                            ngx_http_marketplace_mp(name),
                            &credentials->keys);

    if (found != MP_PROFILE_OK) {
        ngx_conf_log_error(level, cf, 0,
                           "\"marketplace_credentials\": profile \"%V\" %s "
                           "the credentials file \"%V\"",
                           name, problems[found], file);
        rc = NGX_ERROR;

    } else {
        rc = ngx_http_marketplace_keep_keys(cf, &credentials->keys);
    }

    OPENSSL_cleanse(text.data, text.len);

    return (rc == NGX_OK)
           ? ngx_http_marketplace_check_keys(cf, level, credentials)
           : NGX_ERROR;
}


/* Copies the keys: the file may hold others that are not ours to keep. */

static ngx_int_t
ngx_http_marketplace_keep_keys(ngx_conf_t *cf, mp_credentials_t *keys)
{
    u_char      *p;
    mp_str_t    *key[3];
    ngx_str_t    value;
    ngx_uint_t   i;

    key[0] = &keys->access_key;
    key[1] = &keys->secret_key;
    key[2] = &keys->session_token;

    for (i = 0; i < 3; i++) {
        value = ngx_http_marketplace_ngx(*key[i]);

        p = ngx_pstrdup(cf->pool, &value);
        if (p == NULL) {
            return NGX_ERROR;
        }

        key[i]->data = p;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_marketplace_read_profile(ngx_conf_t *cf, ngx_uint_t level,
    ngx_str_t *file, ngx_fd_t fd, ngx_str_t *text)
{
    ssize_t          n;
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR
        || !ngx_is_file(&fi)
        || ngx_file_size(&fi) > NGX_HTTP_MARKETPLACE_PROFILE_MAX)
    {
        ngx_conf_log_error(level, cf, 0,
                           "\"marketplace_credentials\": \"%V\" is not a file "
                           "of credentials", file);
        return NGX_ERROR;
    }

    text->len = ngx_file_size(&fi);
    text->data = ngx_pnalloc(cf->temp_pool, text->len + 1);

    if (text->data == NULL) {
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, text->data, text->len);

    if (n == -1 || (size_t) n != text->len) {
        ngx_conf_log_error(level, cf, n == -1 ? ngx_errno : 0,
                           "\"marketplace_credentials\" cannot read the "
                           "credentials file \"%V\"", file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Where the SDKs look for the file.  NGX_DECLINED if that is nowhere. */

static ngx_int_t
ngx_http_marketplace_profile_file(ngx_conf_t *cf, ngx_str_t *file)
{
    size_t     len;
    u_char    *p;
    ngx_str_t  home;

    static ngx_str_t  standard = ngx_string("~/.aws/credentials");

    *file = ngx_http_marketplace_getenv("AWS_SHARED_CREDENTIALS_FILE");

    if (file->len == 0) {
        *file = standard;
    }

    if (file->len < 2 || file->data[0] != '~' || file->data[1] != '/') {
        return NGX_OK;
    }

    home = ngx_http_marketplace_getenv("HOME");

    if (home.len == 0) {
        return NGX_DECLINED;
    }

    len = home.len + file->len - 1;

    p = ngx_pnalloc(cf->pool, len + 1);
    if (p == NULL) {
        return NGX_DECLINED;
    }

    ngx_cpystrn(ngx_cpymem(p, home.data, home.len), file->data + 1,
                file->len);

    file->data = p;
    file->len = len;

    return NGX_OK;
}


/* Whether the keys are what can be signed with and sent in a header. */

static ngx_int_t
ngx_http_marketplace_check_keys(ngx_conf_t *cf, ngx_uint_t level,
    ngx_http_marketplace_credentials_t *credentials)
{
    const char        *wrong;
    mp_credentials_t  *keys;

    keys = &credentials->keys;

    wrong = (keys->access_key.len > NGX_HTTP_MARKETPLACE_KEY_MAX
             || !mp_str_is_made_of(keys->access_key, MP_WORD))
            ? "access key id: it must be of letters and digits"
            : (keys->secret_key.len > MP_SECRET_KEY_MAX
               || !mp_str_is_made_of(keys->secret_key, MP_VISIBLE))
            ? "secret access key: it must be printable and without spaces"
            : !mp_str_is_made_of(keys->session_token, MP_VISIBLE)
            ? "session token: it must be printable and without spaces"
            : NULL;

    if (wrong) {
        ngx_conf_log_error(level, cf, 0,
                           "\"marketplace_credentials\": source \"%V\" has an "
                           "invalid %s", &credentials->source, wrong);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_marketplace_param(ngx_str_t *arg, const char *name, ngx_str_t *value)
{
    size_t  len;

    len = ngx_strlen(name);

    if (value->data
        || arg->len < len || ngx_strncmp(arg->data, name, len) != 0)
    {
        return 0;
    }

    value->data = arg->data + len;
    value->len = arg->len - len;

    return 1;
}


/* A variable that is set to nothing is as one that is not set. */

static ngx_str_t
ngx_http_marketplace_getenv(const char *name)
{
    ngx_str_t  value;

    value.data = (u_char *) getenv(name);
    value.len = value.data ? ngx_strlen(value.data) : 0;

    return value;
}
