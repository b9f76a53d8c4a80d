/*
 * The small files that credentials and tokens are in: read whole, and by
 * workers, which run as another user than the one who reads the configuration.
 */

#include "ngx_http_marketplace_credentials.h"

#include <grp.h>


/* Larger ones are something else. */
#define NGX_HTTP_MARKETPLACE_FILE_MAX    (1024 * 1024)

#define NGX_HTTP_MARKETPLACE_GROUPS_MAX  1024


static const char *ngx_http_marketplace_read_fd(ngx_fd_t fd, ngx_str_t *text,
    ngx_file_info_t *fi, ngx_err_t *err, ngx_log_t *log);
static ngx_err_t ngx_http_marketplace_can_read_as(ngx_core_conf_t *ccf,
    ngx_str_t *file, ngx_log_t *log);
static ngx_err_t ngx_http_marketplace_can_read(ngx_str_t *file);


const char *
ngx_http_marketplace_read_file(ngx_str_t *file, ngx_str_t *text,
    ngx_file_info_t *fi, ngx_err_t *err, ngx_log_t *log)
{
    ngx_fd_t     fd;
    const char  *wrong;

    /* a pipe without a writer must not hold up the worker */

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        *err = ngx_errno;
        return "cannot be opened";
    }

    *err = 0;
    wrong = ngx_http_marketplace_read_fd(fd, text, fi, err, log);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      "marketplace: " ngx_close_file_n " \"%V\" failed", file);
    }

    return wrong;
}


static const char *
ngx_http_marketplace_read_fd(ngx_fd_t fd, ngx_str_t *text,
    ngx_file_info_t *fi, ngx_err_t *err, ngx_log_t *log)
{
    ssize_t  n;

    if (ngx_fd_info(fd, fi) == NGX_FILE_ERROR) {
        *err = ngx_errno;
        return "cannot be read";
    }

    /* /dev/null is a way to say that there is none */

    if (!ngx_is_file(fi) && !S_ISCHR(fi->st_mode)) {
        return "is not a file";
    }

    if (ngx_file_size(fi) > NGX_HTTP_MARKETPLACE_FILE_MAX) {
        return "is larger than 1 MB";
    }

    /* a byte more, to notice if it grows, and for a NUL */

    text->len = ngx_file_size(fi);
    text->data = ngx_alloc(text->len + 1, log);

    if (text->data == NULL) {
        return "cannot be read";
    }

    n = ngx_read_fd(fd, text->data, text->len + 1);

    if (n == ngx_file_size(fi)) {
        text->data[n] = '\0';
        return NULL;
    }

    *err = (n == -1) ? ngx_errno : 0;
    ngx_http_marketplace_free_file(text);

    return (n == -1) ? "cannot be read" : "changes while it is read";
}


void
ngx_http_marketplace_free_file(ngx_str_t *text)
{
    if (text->data) {
        OPENSSL_cleanse(text->data, text->len + 1);
        ngx_free(text->data);
    }

    ngx_str_null(text);
}


ngx_err_t
ngx_http_marketplace_worker_can_read(ngx_conf_t *cf, ngx_str_t *file,
    ngx_uint_t optional, const char **user)
{
    ngx_core_conf_t                   *ccf;
    ngx_http_marketplace_file_t       *f;
    ngx_http_marketplace_main_conf_t  *mmcf;

    *user = NULL;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);

    if (geteuid() != 0 || ccf->master == 0) {
        return ngx_http_marketplace_can_read(file);
    }

    if (ccf->user != (uid_t) NGX_CONF_UNSET_UINT) {
        *user = ccf->username;
        return ngx_http_marketplace_can_read_as(ccf, file, cf->log);
    }

    /* "user" may come later, or its default counts */

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_marketplace_module);

    f = ngx_array_push(&mmcf->files);
    if (f == NULL) {
        return NGX_ENOMEM;
    }

    f->file = *file;
    f->optional = optional;
    f->place.file = cf->conf_file ? cf->conf_file->file.name.data : NULL;
    f->place.line = cf->conf_file ? cf->conf_file->line : 0;

    return 0;
}


ngx_int_t
ngx_http_marketplace_check_later(ngx_http_marketplace_main_conf_t *mmcf)
{
    ngx_err_t                     err;
    ngx_uint_t                    i;
    ngx_core_conf_t              *ccf;
    ngx_http_marketplace_file_t  *f;

    ccf = (ngx_core_conf_t *) ngx_get_conf(mmcf->cycle->conf_ctx,
                                           ngx_core_module);
    f = mmcf->files.elts;

    for (i = 0; i < mmcf->files.nelts; i++) {

        err = ngx_http_marketplace_can_read_as(ccf, &f[i].file,
                                               mmcf->cycle->log);
        if (err == 0) {
            continue;
        }

        if (f[i].optional) {
            ngx_log_error(NGX_LOG_WARN, mmcf->cycle->log, err,
                          "marketplace: the file \"%V\", which AWS "
                          "credentials are taken from, cannot be read by the "
                          "workers' user \"%s\": when it changes, nginx has "
                          "to be reloaded", &f[i].file, ccf->username);
            continue;
        }

        if (f[i].place.file == NULL) {
            ngx_log_error(NGX_LOG_EMERG, mmcf->cycle->log, err,
                          "marketplace: the file \"%V\", which the "
                          "environment names, cannot be read by the workers' "
                          "user \"%s\"", &f[i].file, ccf->username);

        } else {
            ngx_log_error(NGX_LOG_EMERG, mmcf->cycle->log, err,
                          "\"marketplace_credentials\": the file \"%V\" "
                          "cannot be read by the workers' user \"%s\" in "
                          "%s:%ui", &f[i].file, ccf->username,
                          f[i].place.file, f[i].place.line);
        }

        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Tries it as that user, since nothing else would know of all that counts:
 * folders, groups, access control lists, security modules.
 */

static ngx_err_t
ngx_http_marketplace_can_read_as(ngx_core_conf_t *ccf, ngx_str_t *file,
    ngx_log_t *log)
{
    int        n;
    gid_t      gid;
    ngx_err_t  err;

    static gid_t  groups[NGX_HTTP_MARKETPLACE_GROUPS_MAX];

    /* for root itself there is nothing to become, which it might not be
     * allowed to in a container */

    if (ccf->user == 0) {
        return ngx_http_marketplace_can_read(file);
    }

    gid = getegid();
    n = getgroups(NGX_HTTP_MARKETPLACE_GROUPS_MAX, groups);

    if (n == -1 || initgroups(ccf->username, ccf->group) == -1) {
        return ngx_errno;
    }

    if (setegid(ccf->group) == -1 || seteuid(ccf->user) == -1) {
        err = ngx_errno;

    } else {
        err = ngx_http_marketplace_can_read(file);
    }

    if (seteuid(0) == -1 || setegid(gid) == -1 || setgroups(n, groups) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      "marketplace: cannot become root again behind a try to "
                      "read files as the workers' user: start nginx anew");
    }

    return err;
}


static ngx_err_t
ngx_http_marketplace_can_read(ngx_str_t *file)
{
    ngx_fd_t         fd;
    ngx_err_t        err;
    ngx_file_info_t  fi;

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return ngx_errno;
    }

    err = (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) ? ngx_errno
          : ngx_is_dir(&fi) ? NGX_EISDIR : 0;

    (void) ngx_close_file(fd);

    return err;
}
