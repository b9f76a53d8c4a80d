#include "mp_credentials.h"

#include "../text/mp_json.h"
#include "../text/mp_time.h"

#include <errno.h>
#include <string.h>


/* Of a document; what comes behind MP_TEMPORARY_FIELDS is no credential. */
enum {
    MP_DOCUMENT_CODE = MP_TEMPORARY_FIELDS,
    MP_DOCUMENT_FIELDS
};


static int mp_is_key(mp_str_t key, size_t max, unsigned class);
static const char *mp_document_read(mp_temporary_t *temporary,
    unsigned char *buf, const cJSON *object);
static int mp_document_fields(const cJSON *object, mp_str_t *field);
static size_t mp_document_index(const cJSON *member);
static void mp_temporary_move(mp_str_t *key, unsigned char **dst);


const char *
mp_credentials_check(const mp_credentials_t *keys)
{
    if (!mp_is_key(keys->access_key, MP_ACCESS_KEY_MAX, MP_WORD)) {
        return "access key id: it must be of letters and digits";
    }

    if (!mp_is_key(keys->secret_key, MP_SECRET_KEY_MAX, MP_VISIBLE)) {
        return "secret access key: it must be printable and without spaces";
    }

    if (keys->session_token.len > MP_SESSION_TOKEN_MAX) {
        return "session token: it is too long";
    }

    if (!mp_str_is_made_of(keys->session_token, MP_VISIBLE)) {
        return "session token: it must be printable and without spaces";
    }

    return NULL;
}


int
mp_credentials_lack_token(const mp_credentials_t *keys)
{
    mp_str_t  start;

    static const mp_str_t  temporary = mp_str("ASIA");

    start.data = keys->access_key.data;
    start.len = temporary.len;

    return keys->session_token.len == 0
           && keys->access_key.len >= temporary.len
           && mp_str_eq(start, temporary);
}


static int
mp_is_key(mp_str_t key, size_t max, unsigned class)
{
    return key.len > 0 && key.len <= max && mp_str_is_made_of(key, class);
}


const char *
mp_credentials_document(mp_temporary_t *temporary, unsigned char *buf,
    mp_str_t body)
{
    cJSON       *object;
    const char  *wrong;

    memset(temporary, 0, sizeof(mp_temporary_t));

    object = mp_json_parse_object(body);

    if (object == NULL) {
        return (errno == ENOMEM) ? "there is no memory to read it"
                                 : "it is not a JSON object";
    }

    wrong = mp_document_read(temporary, buf, object);

    mp_json_delete_secret(object);

    return wrong;
}


static const char *
mp_document_read(mp_temporary_t *temporary, unsigned char *buf,
    const cJSON *object)
{
    mp_str_t     field[MP_DOCUMENT_FIELDS];
    const char  *wrong;

    static const mp_str_t  success = mp_str("Success");

    if (!mp_document_fields(object, field)) {
        return "a member of it is there twice or is not a string";
    }

    if (field[MP_DOCUMENT_CODE].data
        && !mp_str_eq(field[MP_DOCUMENT_CODE], success))
    {
        return "its Code is not \"Success\"";
    }

    wrong = mp_temporary_set(temporary, field);

    if (wrong == NULL) {
        mp_temporary_move(&temporary->keys.access_key, &buf);
        mp_temporary_move(&temporary->keys.secret_key, &buf);
        mp_temporary_move(&temporary->keys.session_token, &buf);
    }

    return wrong;
}


/* Fields that are not there have no data.  Returns 0 if one of those that
 * count is not a string or not the only one of its name. */

static int
mp_document_fields(const cJSON *object, mp_str_t *field)
{
    size_t        i;
    const cJSON  *member;

    memset(field, 0, MP_DOCUMENT_FIELDS * sizeof(mp_str_t));

    cJSON_ArrayForEach(member, object) {

        i = mp_document_index(member);

        if (i == MP_DOCUMENT_FIELDS) {
            continue;
        }

        if (field[i].data || !cJSON_IsString(member)) {
            return 0;
        }

        field[i] = mp_json_string(member);
    }

    return 1;
}


static size_t
mp_document_index(const cJSON *member)
{
    size_t    i;
    mp_str_t  name;

    static const mp_str_t  names[MP_DOCUMENT_FIELDS] = {
        mp_str("AccessKeyId"),
        mp_str("SecretAccessKey"),
        mp_str("Token"),
        mp_str("Expiration"),
        mp_str("Code")
    };

    name = mp_str_from(member->string);

    for (i = 0; i < MP_DOCUMENT_FIELDS; i++) {
        if (mp_str_eq(name, names[i])) {
            break;
        }
    }

    return i;
}


static void
mp_temporary_move(mp_str_t *key, unsigned char **dst)
{
    unsigned char  *copy;

    copy = *dst;
    *dst = mp_copy(copy, *key);

    key->data = copy;
}


const char *
mp_temporary_set(mp_temporary_t *temporary, const mp_str_t *field)
{
    size_t             i;
    time_t             expiration;
    const char        *wrong;
    mp_credentials_t   keys;

    static const char  *missing[MP_TEMPORARY_FIELDS] = {
        "there is no access key id in it",
        "there is no secret access key in it",
        "there is no session token in it",
        "there is no expiration in it"
    };

    memset(temporary, 0, sizeof(mp_temporary_t));

    for (i = 0; i < MP_TEMPORARY_FIELDS; i++) {
        if (field[i].len == 0) {
            return missing[i];
        }
    }

    keys.access_key = field[MP_TEMPORARY_ACCESS_KEY];
    keys.secret_key = field[MP_TEMPORARY_SECRET_KEY];
    keys.session_token = field[MP_TEMPORARY_SESSION_TOKEN];

    wrong = mp_credentials_check(&keys);

    if (wrong) {
        return wrong;
    }

    if (!mp_time_parse(field[MP_TEMPORARY_EXPIRATION], &expiration)) {
        return "expiration: it must be like \"2026-01-02T03:04:05Z\"";
    }

    temporary->keys = keys;
    temporary->expiration = expiration;

    return NULL;
}
