/*
 * What the configuration and the environment say of credentials.  All of it is
 * read here, when the configuration is: workers have no environment.
 */

#include "ngx_http_marketplace_credentials.h"

#include "aws/mp_container.h"


#define NGX_HTTP_MARKETPLACE_ECS_URL    "http://169.254.170.2"
#define NGX_HTTP_MARKETPLACE_IMDS_URL   "http://169.254.169.254"
#define NGX_HTTP_MARKETPLACE_IMDS6_URL  "http://[fd00:ec2::254]"


static ngx_int_t ngx_http_marketplace_static(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials);
static ngx_int_t ngx_http_marketplace_profile(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials);
static ngx_int_t ngx_http_marketplace_named(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials);
static ngx_int_t ngx_http_marketplace_no_params(ngx_conf_t *cf);

static ngx_int_t ngx_http_marketplace_env_keys(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials);
static ngx_int_t ngx_http_marketplace_env_profile(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials);
static ngx_int_t ngx_http_marketplace_env_container(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials);
static ngx_int_t ngx_http_marketplace_env_container_token(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials);
static ngx_int_t ngx_http_marketplace_env_imds(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials);
static ngx_int_t ngx_http_marketplace_env_web_identity(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials);

static ngx_int_t ngx_http_marketplace_set_keys(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials, mp_credentials_t *keys);
static ngx_int_t ngx_http_marketplace_check_token_file(ngx_conf_t *cf,
    ngx_str_t *file, const char *name);
static ngx_int_t ngx_http_marketplace_expand_home(ngx_conf_t *cf,
    ngx_str_t *file);
static ngx_str_t ngx_http_marketplace_param_name(ngx_str_t *arg);
static ngx_str_t ngx_http_marketplace_getenv(const char *name);


typedef struct {
    ngx_str_t                     name;
    ngx_http_marketplace_kind_e   kind;

    /* as ngx_http_marketplace_from_env() */
    ngx_int_t                   (*from_env)(ngx_conf_t *cf,
                                    ngx_http_marketplace_credentials_t *c);

    /* for a directive that names it, NGX_OK or NGX_ERROR with a message */
    ngx_int_t                   (*set)(ngx_conf_t *cf,
                                    ngx_http_marketplace_credentials_t *c);
    const char                   *needs;
} ngx_http_marketplace_kind_t;


/* In the order in which the SDKs look; "static" is no source of theirs. */

static ngx_http_marketplace_kind_t  ngx_http_marketplace_kinds[] = {

    { ngx_string("env"), NGX_HTTP_MARKETPLACE_KEYS,
      ngx_http_marketplace_env_keys, ngx_http_marketplace_named,
      "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment that "
      "nginx is started with" },

    { ngx_string("web_identity"), NGX_HTTP_MARKETPLACE_WEB_IDENTITY,
      ngx_http_marketplace_env_web_identity, ngx_http_marketplace_named,
      "AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE in the environment that "
      "nginx is started with, where EKS puts them for a service account with "
      "a role" },

    { ngx_string("profile"), NGX_HTTP_MARKETPLACE_PROFILE,
      ngx_http_marketplace_env_profile, ngx_http_marketplace_profile, NULL },

    { ngx_string("container"), NGX_HTTP_MARKETPLACE_CONTAINER,
      ngx_http_marketplace_env_container, ngx_http_marketplace_named,
      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or "
      "AWS_CONTAINER_CREDENTIALS_FULL_URI in the environment that nginx is "
      "started with, where ECS puts it for a task with a role and EKS for a "
      "Pod Identity" },

    { ngx_string("imds"), NGX_HTTP_MARKETPLACE_IMDS,
      ngx_http_marketplace_env_imds, ngx_http_marketplace_named,
      "EC2's instance metadata, which AWS_EC2_METADATA_DISABLED in the "
      "environment that nginx is started with switches off" },

    { ngx_string("static"), NGX_HTTP_MARKETPLACE_KEYS, NULL,
      ngx_http_marketplace_static, NULL },

    { ngx_null_string, NGX_HTTP_MARKETPLACE_NONE, NULL, NULL, NULL }
};


char *
ngx_http_marketplace_credentials(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_marketplace_loc_conf_t  *mlcf = conf;

    ngx_str_t                           *value, source;
    ngx_http_marketplace_kind_t         *kind;
    ngx_http_marketplace_credentials_t  *credentials;

    if (mlcf->credentials != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "default") == 0) {
        mlcf->credentials = NULL;

        return (ngx_http_marketplace_no_params(cf) == NGX_OK)
               ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    for (kind = ngx_http_marketplace_kinds; kind->name.len; kind++) {

        if (ngx_strcmp(value[1].data, kind->name.data) != 0) {
            continue;
        }

        credentials = ngx_pcalloc(cf->pool,
                                  sizeof(ngx_http_marketplace_credentials_t));
        if (credentials == NULL) {
            return NGX_CONF_ERROR;
        }

        credentials->name = kind->name;
        credentials->kind = kind->kind;
        mlcf->credentials = credentials;

        return (kind->set(cf, credentials) == NGX_OK) ? NGX_CONF_OK
                                                      : NGX_CONF_ERROR;
    }

    source = value[1];

    /* it may be a parameter, and a secret, where the source was forgotten */

    if (ngx_strlchr(source.data, source.data + source.len, '=')) {
        ngx_str_set(&source, "...=...");
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"marketplace_credentials\" cannot take credentials "
                       "from \"%V\", it must be \"default\", \"env\", "
                       "\"static id=... secret=... [token=...]\", "
                       "\"profile [name=...] [file=...]\", \"container\", "
                       "\"imds\" or \"web_identity\"", &source);

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_marketplace_static(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials)
{
    ngx_int_t          rc;
    ngx_str_t         *value, id, secret, token;
    ngx_uint_t         i;
    mp_credentials_t   keys;

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
            return NGX_ERROR;
        }
    }

    if (id.len == 0 || secret.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"marketplace_credentials static\" must have both "
                           "\"id=\" and \"secret=\", and \"%s\" is missing",
                           id.len == 0 ? "id=" : "secret=");
        return NGX_ERROR;
    }

    keys.access_key = ngx_http_marketplace_mp(&id);
    keys.secret_key = ngx_http_marketplace_mp(&secret);
    keys.session_token = ngx_http_marketplace_mp(&token);

    rc = ngx_http_marketplace_set_keys(cf, credentials, &keys);

    OPENSSL_cleanse(secret.data, secret.len);
    OPENSSL_cleanse(token.data, token.len);

    return rc;
}


static ngx_int_t
ngx_http_marketplace_profile(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials)
{
    ngx_str_t   *value, name, file, param;
    ngx_uint_t   i;

    value = cf->args->elts;

    ngx_str_null(&name);
    ngx_str_null(&file);

    for (i = 2; i < cf->args->nelts; i++) {

        if ((ngx_http_marketplace_param(&value[i], "name=", &name)
             && name.len)
            || (ngx_http_marketplace_param(&value[i], "file=", &file)
                && file.len))
        {
            continue;
        }

        param = ngx_http_marketplace_param_name(&value[i]);

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V%s\" in "
                           "\"marketplace_credentials profile\", it must "
                           "be \"name=...\" or \"file=...\", each once",
                           &param,
                           (param.len && param.data[param.len - 1] == '=')
                           ? "..." : "");
        return NGX_ERROR;
    }

    if (file.len && ngx_conf_full_name(cf->cycle, &file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    credentials->profile = name;
    credentials->credentials_file = file;

    switch (ngx_http_marketplace_env_profile(cf, credentials)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"marketplace_credentials profile\" must have "
                           "\"file=\", because neither "
                           "AWS_SHARED_CREDENTIALS_FILE nor HOME is set");
        return NGX_ERROR;

    default: /* NGX_ERROR */
        return NGX_ERROR;
    }

    return (ngx_http_marketplace_check_profile(cf, NGX_LOG_EMERG, credentials)
            == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


/* A source that is all in the environment, but has to be there. */

static ngx_int_t
ngx_http_marketplace_named(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials)
{
    ngx_int_t                     rc;
    ngx_http_marketplace_kind_t  *kind;

    if (ngx_http_marketplace_no_params(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_marketplace_from_env(cf, credentials, credentials->kind);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    kind = ngx_http_marketplace_kinds;

    while (kind->kind != credentials->kind) {
        kind++;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"marketplace_credentials %V\" needs %s",
                       &kind->name, kind->needs);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_marketplace_no_params(ngx_conf_t *cf)
{
    ngx_str_t  *value;

    if (cf->args->nelts == 2) {
        return NGX_OK;
    }

    value = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"marketplace_credentials %V\" takes no parameters",
                       &value[1]);

    return NGX_ERROR;
}


char *
ngx_http_marketplace_assume_role(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_marketplace_loc_conf_t  *mlcf = conf;

    ngx_int_t    seconds;
    ngx_str_t   *value, external_id, session_name, duration;
    ngx_uint_t   i;
    mp_role_t   *role;
    const char  *wrong;

    if (mlcf->assume_role != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0 && cf->args->nelts == 2) {
        mlcf->assume_role = NULL;
        return NGX_CONF_OK;
    }

    ngx_str_null(&external_id);
    ngx_str_null(&session_name);
    ngx_str_null(&duration);

    for (i = 2; i < cf->args->nelts; i++) {

        if (!ngx_http_marketplace_param(&value[i], "external_id=",
                                        &external_id)
            && !ngx_http_marketplace_param(&value[i], "session_name=",
                                           &session_name)
            && !ngx_http_marketplace_param(&value[i], "duration=", &duration))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"marketplace_assume_role\", it must be "
                               "\"external_id=...\", \"session_name=...\" or "
                               "\"duration=...\", each once", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    role = ngx_pcalloc(cf->pool, sizeof(mp_role_t));
    if (role == NULL) {
        return NGX_CONF_ERROR;
    }

    seconds = duration.data ? ngx_parse_time(&duration, 1) : 0;

    role->arn = ngx_http_marketplace_mp(&value[1]);
    role->external_id = ngx_http_marketplace_mp(&external_id);
    role->session_name = ngx_http_marketplace_mp(&session_name);
    role->duration = (seconds == NGX_ERROR || (duration.data && seconds == 0)
                      || seconds > MP_ROLE_DURATION_MAX)
                     ? MP_ROLE_DURATION_MAX + 1 : (unsigned) seconds;

    wrong = (external_id.data && external_id.len == 0)
            ? "external id: it is empty"
            : (session_name.data && session_name.len == 0)
            ? "session name: it is empty"
            : mp_role_check(role);

    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"marketplace_assume_role\" has an invalid %s",
                           wrong);
        return NGX_CONF_ERROR;
    }

    mlcf->assume_role = role;

    return NGX_CONF_OK;
}


/*
 * The first source that has something.  It is no error to find nothing: then
 * no customer can be resolved, but all else works.
 */

ngx_http_marketplace_credentials_t *
ngx_http_marketplace_default_credentials(ngx_conf_t *cf,
    ngx_http_marketplace_main_conf_t *mmcf)
{
    ngx_int_t                            rc;
    ngx_conf_file_t                     *conf_file;
    ngx_http_marketplace_kind_t         *kind;
    ngx_http_marketplace_credentials_t  *credentials;

    if (mmcf->credentials) {
        return mmcf->credentials;
    }

    credentials = ngx_pcalloc(cf->pool,
                              sizeof(ngx_http_marketplace_credentials_t));
    if (credentials == NULL) {
        return NULL;
    }

    /* no line of the configuration is to be blamed for these */

    conf_file = cf->conf_file;
    cf->conf_file = NULL;

    rc = NGX_DECLINED;

    for (kind = ngx_http_marketplace_kinds; kind->from_env; kind++) {

        ngx_memzero(credentials, sizeof(ngx_http_marketplace_credentials_t));
        credentials->name = kind->name;
        credentials->kind = kind->kind;

        rc = kind->from_env(cf, credentials);

        if (rc == NGX_OK && kind->kind == NGX_HTTP_MARKETPLACE_PROFILE) {
            rc = ngx_http_marketplace_check_profile(cf, NGX_LOG_WARN,
                                                    credentials);
        }

        if (rc != NGX_DECLINED) {
            break;
        }
    }

    cf->conf_file = conf_file;

    if (rc == NGX_ERROR) {
        return NULL;
    }

    if (rc == NGX_OK) {
        ngx_log_error(NGX_LOG_NOTICE, cf->log, 0,
                      "marketplace: AWS credentials are taken from \"%V\"",
                      &credentials->name);

    } else {
        credentials->kind = NGX_HTTP_MARKETPLACE_NONE;

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "marketplace: there are no AWS credentials in the "
                      "environment or the shared credentials file, and EC2's "
                      "instance metadata is disabled; no customer can be "
                      "resolved without: see \"marketplace_credentials\"");
    }

    mmcf->credentials = credentials;

    return credentials;
}


ngx_int_t
ngx_http_marketplace_from_env(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials,
    ngx_http_marketplace_kind_e kind)
{
    ngx_http_marketplace_kind_t  *k;

    k = ngx_http_marketplace_kinds;

    while (k->kind != kind) {
        k++;
    }

    credentials->name = k->name;
    credentials->kind = kind;

    return k->from_env(cf, credentials);
}


static ngx_int_t
ngx_http_marketplace_env_keys(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials)
{
    ngx_str_t         id, secret, token;
    mp_credentials_t  keys;

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

    keys.access_key = ngx_http_marketplace_mp(&id);
    keys.secret_key = ngx_http_marketplace_mp(&secret);
    keys.session_token = ngx_http_marketplace_mp(&token);

    return ngx_http_marketplace_set_keys(cf, credentials, &keys);
}


/* Where the SDKs look for the files, and for which profile; what the directive
 * says is there already.  NGX_DECLINED if that is nowhere. */

static ngx_int_t
ngx_http_marketplace_env_profile(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials)
{
    ngx_int_t   rc;
    ngx_str_t  *file;

    if (credentials->profile.len == 0) {
        credentials->profile = ngx_http_marketplace_getenv("AWS_PROFILE");
    }

    credentials->profile_named = (credentials->profile.len != 0);

    if (!credentials->profile_named) {
        ngx_str_set(&credentials->profile, "default");
    }

    file = &credentials->config_file;
    *file = ngx_http_marketplace_getenv("AWS_CONFIG_FILE");
    credentials->config_named = (file->len != 0);

    if (file->len == 0) {
        ngx_str_set(file, "~/.aws/config");
    }

    rc = ngx_http_marketplace_expand_home(cf, file);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        ngx_str_null(file);
    }

    file = &credentials->credentials_file;

    if (file->len) {
        credentials->file_named = 1;
        return NGX_OK;
    }

    *file = ngx_http_marketplace_getenv("AWS_SHARED_CREDENTIALS_FILE");
    credentials->file_named = (file->len != 0);

    if (file->len == 0) {
        ngx_str_set(file, "~/.aws/credentials");
    }

    rc = ngx_http_marketplace_expand_home(cf, file);

    if (rc == NGX_DECLINED && credentials->config_file.len) {
        ngx_str_null(file);
        return NGX_OK;
    }

    return rc;
}


static ngx_int_t
ngx_http_marketplace_env_container(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials)
{
    mp_str_t     path;
    ngx_str_t    relative, full;
    const char  *wrong;

    relative = ngx_http_marketplace_getenv(
                                     "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    full = ngx_http_marketplace_getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");

    if (relative.len == 0 && full.len == 0) {
        return NGX_DECLINED;
    }

    wrong = NULL;
    ngx_memzero(&path, sizeof(mp_str_t));

    if (relative.len) {

        if (relative.data[0] != '/') {
            wrong = "it has to start with \"/\"";
        }

        full.len = sizeof(NGX_HTTP_MARKETPLACE_ECS_URL) - 1 + relative.len;
        full.data = ngx_pnalloc(cf->pool, full.len);

        if (full.data == NULL) {
            return NGX_ERROR;
        }

        ngx_sprintf(full.data, NGX_HTTP_MARKETPLACE_ECS_URL "%V", &relative);
    }

    if (wrong == NULL) {
        wrong = mp_container_uri(ngx_http_marketplace_mp(&full),
                                 &credentials->url, &path);
    }

    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "marketplace: invalid URI in the environment "
                           "variable %s: %s",
                           relative.len
                           ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
                           : "AWS_CONTAINER_CREDENTIALS_FULL_URI", wrong);
        return NGX_ERROR;
    }

    credentials->path = ngx_http_marketplace_ngx(path);

    return ngx_http_marketplace_env_container_token(cf, credentials);
}


static ngx_int_t
ngx_http_marketplace_env_container_token(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials)
{
    ngx_str_t  token;

    static const char  *name = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

    credentials->token_file = ngx_http_marketplace_getenv(name);

    if (credentials->token_file.len) {
        return ngx_http_marketplace_check_token_file(cf,
                                              &credentials->token_file, name);
    }

    token = ngx_http_marketplace_getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");

    if (mp_str_has_control(ngx_http_marketplace_mp(&token))) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "marketplace: the environment's "
                           "AWS_CONTAINER_AUTHORIZATION_TOKEN may not have "
                           "line breaks or other control bytes");
        return NGX_ERROR;
    }

    credentials->authorization = token;

    return NGX_OK;
}


static ngx_int_t
ngx_http_marketplace_env_imds(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials)
{
    ngx_str_t    disabled, mode, url;
    const char  *wrong;

    disabled = ngx_http_marketplace_getenv("AWS_EC2_METADATA_DISABLED");

    if (disabled.len
        && ngx_strcasecmp(disabled.data, (u_char *) "true") == 0)
    {
        return NGX_DECLINED;
    }

    url = ngx_http_marketplace_getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    mode = ngx_http_marketplace_getenv(
                                    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

    if (mode.len
        && ngx_strcasecmp(mode.data, (u_char *) "IPv4") != 0
        && ngx_strcasecmp(mode.data, (u_char *) "IPv6") != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "marketplace: invalid value \"%V\" in the "
                           "environment variable "
                           "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE, it must "
                           "be \"IPv4\" or \"IPv6\"", &mode);
        return NGX_ERROR;
    }

    if (url.len == 0 && mode.len
        && ngx_strcasecmp(mode.data, (u_char *) "IPv6") == 0)
    {
        ngx_str_set(&url, NGX_HTTP_MARKETPLACE_IMDS6_URL);

    } else if (url.len == 0) {
        ngx_str_set(&url, NGX_HTTP_MARKETPLACE_IMDS_URL);
    }

    wrong = mp_endpoint_parse(ngx_http_marketplace_mp(&url),
                              &credentials->url);
    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "marketplace: invalid endpoint \"%V\" in the "
                           "environment variable "
                           "AWS_EC2_METADATA_SERVICE_ENDPOINT: %s",
                           &url, wrong);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_marketplace_env_web_identity(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials)
{
    ngx_str_t    arn, session_name, *file;
    const char  *wrong;

    static const char  *name = "AWS_WEB_IDENTITY_TOKEN_FILE";

    arn = ngx_http_marketplace_getenv("AWS_ROLE_ARN");
    session_name = ngx_http_marketplace_getenv("AWS_ROLE_SESSION_NAME");

    file = &credentials->token_file;
    *file = ngx_http_marketplace_getenv(name);

    if (arn.len == 0 || file->len == 0) {
        return NGX_DECLINED;
    }

    credentials->role.arn = ngx_http_marketplace_mp(&arn);
    credentials->role.session_name = ngx_http_marketplace_mp(&session_name);

    wrong = mp_role_check(&credentials->role);

    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "marketplace: the environment's AWS_ROLE_ARN and "
                           "AWS_ROLE_SESSION_NAME have an invalid %s", wrong);
        return NGX_ERROR;
    }

    return ngx_http_marketplace_check_token_file(cf, file, name);
}


static ngx_int_t
ngx_http_marketplace_set_keys(ngx_conf_t *cf,
    ngx_http_marketplace_credentials_t *credentials, mp_credentials_t *keys)
{
    const char  *wrong;

    wrong = mp_credentials_check(keys);

    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"marketplace_credentials\": source \"%V\" has an "
                           "invalid %s", &credentials->name, wrong);
        return NGX_ERROR;
    }

    credentials->keys = ngx_http_marketplace_create_keys(keys, 0, cf->log);

    if (credentials->keys == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_marketplace_release_keys_with(cf->pool, &credentials->keys)
        != NGX_OK)
    {
        ngx_http_marketplace_release_keys(&credentials->keys);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_marketplace_check_token_file(ngx_conf_t *cf, ngx_str_t *file,
    const char *name)
{
    ngx_err_t    err;
    const char  *user;

    err = ngx_http_marketplace_worker_can_read(cf, file, 0, &user);

    if (err == 0) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                       "marketplace: the file \"%V\", which the "
                       "environment's %s names, cannot be read%s%s%s",
                       file, name,
                       user ? " by the workers' user \"" : "",
                       user ? user : "", user ? "\"" : "");

    return NGX_ERROR;
}


/* NGX_DECLINED if there is no home. */

static ngx_int_t
ngx_http_marketplace_expand_home(ngx_conf_t *cf, ngx_str_t *file)
{
    size_t     len;
    u_char    *p;
    ngx_str_t  home;

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
        return NGX_ERROR;
    }

    ngx_cpystrn(ngx_cpymem(p, home.data, home.len), file->data + 1,
                file->len);

    file->data = p;
    file->len = len;

    return NGX_OK;
}


ngx_uint_t
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


/* Up to its "=": what follows may be a secret. */

static ngx_str_t
ngx_http_marketplace_param_name(ngx_str_t *arg)
{
    u_char     *p;
    ngx_str_t   name;

    name = *arg;
    p = ngx_strlchr(name.data, name.data + name.len, '=');

    if (p) {
        name.len = p + 1 - name.data;
    }

    return name;
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
