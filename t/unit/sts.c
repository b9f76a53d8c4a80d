/*
 * A filter for t/sts_test.py: reads FIELDS strings each, of which the first
 * tells what is to be done with the others, and writes five for each: the
 * credentials behind what is wrong with them, or one result and nothing.
 */

#include "frame.h"

#include "aws/mp_endpoint.h"
#include "aws/mp_sts.h"


enum {
    KIND = 0,          /* "xml", "json", "body" or "host" */
    TEXT,              /* a document, or a token, or a region */
    ARN,
    EXTERNAL_ID,
    SESSION_NAME,
    DURATION,
    FIELDS
};


static const mp_str_t  nothing = mp_null_str;


static unsigned char *
allocate(size_t len)
{
    unsigned char  *data;

    data = malloc(len);

    if (data == NULL) {
        exit(EXIT_FAILURE);
    }

    return data;
}


static void
write_one(mp_str_t text)
{
    size_t  i;

    frame_write(text);

    for (i = 0; i < 4; i++) {
        frame_write(nothing);
    }
}


static void
read_document(mp_str_t text, int is_xml)
{
    char            expiration[sizeof("-9223372036854775808")];
    const char     *wrong;
    unsigned char  *buf;
    mp_temporary_t  temporary;

    buf = allocate(text.len);

    wrong = is_xml ? mp_sts_reply(&temporary, buf, text)
                   : mp_credentials_document(&temporary, buf, text);

    if (wrong) {
        write_one(mp_str_from(wrong));

    } else {
        snprintf(expiration, sizeof(expiration), "%lld",
                 (long long) temporary.expiration);

        frame_write(nothing);
        frame_write(temporary.keys.access_key);
        frame_write(temporary.keys.secret_key);
        frame_write(temporary.keys.session_token);
        frame_write(mp_str_from(expiration));
    }

    free(buf);
}


static void
write_body(const mp_str_t *field)
{
    mp_str_t        body;
    mp_role_t       role;
    unsigned char  *data;

    role.arn = field[ARN];
    role.external_id = field[EXTERNAL_ID];
    role.session_name = field[SESSION_NAME];
    role.duration = (unsigned) frame_number(field[DURATION]);

    body.len = mp_sts_body_len(&role, field[TEXT]);
    body.data = data = allocate(body.len);

    if (mp_role_check(&role)
        || mp_sts_body(data, &role, field[TEXT]) != data + body.len)
    {
        exit(EXIT_FAILURE);
    }

    write_one(body);
    free(data);
}


static void
write_host(mp_str_t region)
{
    mp_str_t       host;
    unsigned char  buf[MP_HOST_MAX];

    if (!mp_region_is_valid(region)) {
        exit(EXIT_FAILURE);
    }

    host.data = buf;
    host.len = mp_sts_host(region, buf);

    write_one(host);
}


int
main(void)
{
    mp_str_t  field[FIELDS];

    static const mp_str_t  xml = mp_str("xml");
    static const mp_str_t  json = mp_str("json");
    static const mp_str_t  body = mp_str("body");

    while (frame_read_all(field, FIELDS)) {

        if (mp_str_eq(field[KIND], xml) || mp_str_eq(field[KIND], json)) {
            read_document(field[TEXT], mp_str_eq(field[KIND], xml));

        } else if (mp_str_eq(field[KIND], body)) {
            write_body(field);

        } else {
            write_host(field[TEXT]);
        }

        frame_free(field, FIELDS);
    }

    return EXIT_SUCCESS;
}
