/*
 * Credentials as EC2's instance metadata and the container endpoints send
 * them, in JSON.  The input is a document: what is made of it can be signed
 * with, space around it changes nothing, and one that is cut off gives
 * nothing.  Then it is what credentials are made of.
 */

#include "fuzz_credentials.h"

#include "text/mp_json.h"


static void the_document_is_whole(mp_str_t document);
static void it_can_be_printed(mp_str_t document, const mp_temporary_t *found);
static void it_is_what_the_members_say(const cJSON *object,
    const mp_temporary_t *found);
static void credentials_come_back(mp_str_t input);
static void add_member(fuzz_text_t *json, mp_str_t *input, const char *name,
    mp_str_t value);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    the_document_is_whole(fuzz_str(data, size));
    credentials_come_back(fuzz_str(data, size));

    fuzz_free_all();

    return 0;
}


static void
the_document_is_whole(mp_str_t document)
{
    size_t          cut;
    mp_str_t        more;
    mp_temporary_t  found, again;

    static const mp_str_t  space = mp_str(" \t\r\n");
    static const mp_str_t  brace = mp_str("}");

    if (!fuzz_read_credentials(mp_credentials_document, &found, document)) {
        return;
    }

    more = fuzz_join(space, fuzz_join(document, space));
    fuzz_hold(fuzz_read_credentials(mp_credentials_document, &again, more));
    fuzz_same_credentials(&found, &again);

    it_can_be_printed(document, &found);

    more = fuzz_join(document, brace);
    fuzz_hold(!fuzz_read_credentials(mp_credentials_document, &again, more));

    while (document.data[document.len - 1] != '}') {
        document.len--;
    }

    for (cut = 1; cut <= document.len; cut += 1 + cut / 8) {
        more = fuzz_copy(fuzz_str(document.data, document.len - cut));
        fuzz_hold(!fuzz_read_credentials(mp_credentials_document, &again,
                                         more));
    }
}


static void
it_can_be_printed(mp_str_t document, const mp_temporary_t *found)
{
    char            *printed;
    cJSON           *object;
    mp_str_t         text;
    mp_temporary_t   again;

    object = mp_json_parse_object(document);
    printed = cJSON_Print(object);
    fuzz_hold(printed != NULL);

    it_is_what_the_members_say(object, found);

    text = fuzz_copy(mp_str_from(printed));
    fuzz_hold(fuzz_read_credentials(mp_credentials_document, &again, text));
    fuzz_same_credentials(found, &again);

    cJSON_free(printed);
    cJSON_Delete(object);
}


/* Each of which is there once.  The C library knows what a time means. */

static void
it_is_what_the_members_say(const cJSON *object, const mp_temporary_t *found)
{
    char         *rest;
    size_t        i, n;
    struct tm     tm;
    const char   *value[4];
    const cJSON  *member;

    static const char  *names[] = {
        "AccessKeyId", "SecretAccessKey", "Token", "Expiration"
    };

    for (i = 0; i < 4; i++) {
        n = 0;

        cJSON_ArrayForEach(member, object) {
            if (!strcmp(member->string, names[i])) {
                value[i] = member->valuestring;
                n++;
            }
        }

        fuzz_hold(n == 1);
    }

    fuzz_hold(fuzz_eq(found->keys.access_key, mp_str_from(value[0])));
    fuzz_hold(fuzz_eq(found->keys.secret_key, mp_str_from(value[1])));
    fuzz_hold(fuzz_eq(found->keys.session_token, mp_str_from(value[2])));

    memset(&tm, 0, sizeof(tm));
    rest = strptime(value[3], "%Y-%m-%dT%H:%M:%S", &tm);

    fuzz_hold(rest != NULL && strchr(".Z+", *rest));
    fuzz_hold(timegm(&tm) == found->expiration);
}


static void
credentials_come_back(mp_str_t input)
{
    unsigned  code;
    mp_str_t        expiration, none = mp_null_str;
    fuzz_text_t     json = { NULL, 0, 0 };
    mp_temporary_t  given, found;

    static const mp_str_t  codes[] = { mp_str("Success"), mp_str("Failed") };

    memset(&given, 0, sizeof(given));

    code = fuzz_take(&input, 2);
    expiration = fuzz_take_credentials(&input, &given);

    fuzz_add_chars(&json, "{\"Type\":null,\"a\":[{\"Token\":\"b\"}]");
    add_member(&json, &input, "Code", codes[code]);
    add_member(&json, &input, "Expiration", expiration);
    add_member(&json, &input, "Token", given.keys.session_token);
    add_member(&json, &input, "token", none);
    add_member(&json, &input, "AccessKeyId", given.keys.access_key);
    add_member(&json, &input, "SecretAccessKey", given.keys.secret_key);
    fuzz_add_byte(&json, '}');

    fuzz_hold(fuzz_read_credentials(mp_credentials_document, &found,
                                    fuzz_text(&json))
              == (code == 0));

    if (code == 0) {
        fuzz_same_credentials(&given, &found);
    }
}


static void
add_member(fuzz_text_t *json, mp_str_t *input, const char *name,
    mp_str_t value)
{
    char      escape[sizeof("\\u0000")];
    size_t    i;
    unsigned  style;

    style = fuzz_take(input, 3);

    fuzz_add_chars(json, " ,\"");
    fuzz_add_chars(json, name);
    fuzz_add_chars(json, "\" :\t\"");

    for (i = 0; i < value.len; i++) {

        if (style == 1) {
            snprintf(escape, sizeof(escape), "\\u%04x", value.data[i]);
            fuzz_add_chars(json, escape);
            continue;
        }

        if (strchr(style ? "\"\\/" : "\"\\", value.data[i])) {
            fuzz_add_byte(json, '\\');
        }

        fuzz_add_byte(json, value.data[i]);
    }

    fuzz_add_byte(json, '"');
}
