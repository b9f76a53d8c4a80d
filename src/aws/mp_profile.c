#include "mp_profile.h"

#include <string.h>


typedef struct {
    mp_str_t           profile;
    mp_credentials_t  *credentials;
    unsigned           inside:1;          /* the profile's section */
    unsigned           nesting:1;         /* indented lines are settings of
                                           * the setting above them */
    unsigned           found:1;
    unsigned           other_source:1;
} mp_profile_parser_t;


static int mp_next_line(mp_str_t *text, mp_str_t *line);
static mp_str_t mp_strip_comment(mp_str_t line);
static void mp_profile_section(mp_profile_parser_t *parser, mp_str_t line);
static void mp_profile_setting(mp_profile_parser_t *parser, mp_str_t line);


mp_profile_rc_t
mp_profile_find(mp_str_t text, mp_str_t profile,
    mp_credentials_t *credentials)
{
    int                  indented;
    mp_str_t             line;
    mp_profile_parser_t  parser;

    memset(credentials, 0, sizeof(mp_credentials_t));
    memset(&parser, 0, sizeof(mp_profile_parser_t));

    parser.profile = profile;
    parser.credentials = credentials;

    while (mp_next_line(&text, &line)) {

        indented = line.len && (line.data[0] == ' ' || line.data[0] == '\t');

        line = mp_str_trim(mp_strip_comment(line));

        if (line.len == 0 || (indented && parser.nesting)) {
            continue;
        }

        parser.nesting = 0;

        if (line.data[0] == '[') {
            mp_profile_section(&parser, line);

        } else if (parser.inside) {
            mp_profile_setting(&parser, line);
        }
    }

    if (!parser.found) {
        return MP_PROFILE_NOT_FOUND;
    }

    if (credentials->access_key.len && credentials->secret_key.len) {
        return MP_PROFILE_OK;
    }

    if (credentials->access_key.len || credentials->secret_key.len) {
        return MP_PROFILE_HALF_KEYS;
    }

    return parser.other_source ? MP_PROFILE_OTHER_SOURCE : MP_PROFILE_NO_KEYS;
}


/* Takes a line off the text, without its end. */

static int
mp_next_line(mp_str_t *text, mp_str_t *line)
{
    size_t  len;

    if (text->len == 0) {
        return 0;
    }

    len = mp_str_chr(*text, '\n');

    line->data = text->data;
    line->len = len;

    if (len < text->len) {
        len++;
    }

    text->data += len;
    text->len -= len;

    if (line->len && line->data[line->len - 1] == '\r') {
        line->len--;
    }

    return 1;
}


/* A comment starts at the line's start or behind a space: keys may hold '#'
 * and ';'. */

static mp_str_t
mp_strip_comment(mp_str_t line)
{
    size_t  i;

    for (i = 0; i < line.len; i++) {

        if ((line.data[i] == '#' || line.data[i] == ';')
            && (i == 0 || line.data[i - 1] == ' '
                || line.data[i - 1] == '\t'))
        {
            line.len = i;
        }
    }

    return line;
}


static void
mp_profile_section(mp_profile_parser_t *parser, mp_str_t line)
{
    mp_str_t  name;

    name.data = line.data + 1;
    name.len = line.len - 1;
    name.len = mp_str_chr(name, ']');

    parser->inside = name.len < line.len - 1
                     && mp_str_eq(mp_str_trim(name), parser->profile);
    parser->found |= parser->inside;
}


static void
mp_profile_setting(mp_profile_parser_t *parser, mp_str_t line)
{
    size_t    i;
    mp_str_t  name, value;

    static const mp_str_t  access_key = mp_str("aws_access_key_id");
    static const mp_str_t  secret_key = mp_str("aws_secret_access_key");
    static const mp_str_t  session_token = mp_str("aws_session_token");
    static const mp_str_t  others[] = {
        mp_str("role_arn"),
        mp_str("credential_process"),
        mp_str("sso_session"),
        mp_str("sso_start_url"),
        mp_str("web_identity_token_file")
    };

    name.data = line.data;
    name.len = mp_str_chr(line, '=');

    if (name.len == line.len) {
        return;
    }

    value.data = line.data + name.len + 1;
    value.len = line.len - name.len - 1;
    value = mp_str_trim(value);

    name = mp_str_trim(name);

    parser->nesting = (value.len == 0);

    if (mp_str_eq_nocase(name, access_key)) {
        parser->credentials->access_key = value;

    } else if (mp_str_eq_nocase(name, secret_key)) {
        parser->credentials->secret_key = value;

    } else if (mp_str_eq_nocase(name, session_token)) {
        parser->credentials->session_token = value;
    }

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (mp_str_eq_nocase(name, others[i])) {
            parser->other_source = 1;
        }
    }
}
