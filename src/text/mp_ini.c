#include "mp_ini.h"


static int mp_ini_next_line(mp_ini_t *ini, mp_str_t *line);
static mp_str_t mp_ini_strip_comment(mp_str_t line);
static void mp_ini_section(mp_ini_t *ini, mp_ini_item_t *item, mp_str_t line);
static int mp_ini_setting(mp_ini_t *ini, mp_ini_item_t *item, mp_str_t line,
    size_t indent);


void
mp_ini_start(mp_ini_t *ini, mp_str_t text)
{
    mp_str_t  start;

    static const mp_str_t  mark = mp_str("\xef\xbb\xbf");

    start.data = text.data;
    start.len = mark.len;

    if (text.len >= mark.len && mp_str_eq(start, mark)) {
        text.data += mark.len;
        text.len -= mark.len;
    }

    ini->rest = text;
    ini->indent = 0;
    ini->deeper = MP_INI_SETTING;
}


int
mp_ini_next(mp_ini_t *ini, mp_ini_item_t *item)
{
    size_t    indent;
    mp_str_t  line, text;

    while (mp_ini_next_line(ini, &line)) {

        text = mp_str_trim(mp_ini_strip_comment(line));

        if (text.len == 0) {
            continue;
        }

        if (text.data[0] == '[') {
            mp_ini_section(ini, item, text);
            return 1;
        }

        indent = (size_t) (text.data - line.data);

        if (mp_ini_setting(ini, item, text, indent)) {
            return 1;
        }
    }

    return 0;
}


/* Takes a line off the text, without its end. */

static int
mp_ini_next_line(mp_ini_t *ini, mp_str_t *line)
{
    size_t  len;

    if (ini->rest.len == 0) {
        return 0;
    }

    line->data = ini->rest.data;
    line->len = mp_str_chr(ini->rest, '\n');

    len = line->len + (line->len < ini->rest.len);

    ini->rest.data += len;
    ini->rest.len -= len;

    if (line->len && line->data[line->len - 1] == '\r') {
        line->len--;
    }

    return 1;
}


/* A comment starts at the line's start or behind a space: values may hold '#'
 * and ';'. */

static mp_str_t
mp_ini_strip_comment(mp_str_t line)
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


/* A section is one at any depth: settings lost to a false section do less harm
 * than settings taken for those of the section before. */

static void
mp_ini_section(mp_ini_t *ini, mp_ini_item_t *item, mp_str_t line)
{
    mp_str_t  name;

    name.data = line.data + 1;
    name.len = mp_str_chr(line, ']') - 1;

    if (name.len == line.len - 1) {
        name.len = 0;
    }

    item->kind = MP_INI_SECTION;
    item->name = mp_str_trim(name);
    item->value.len = 0;

    ini->deeper = MP_INI_SETTING;
}


/* Depth is what botocore measures: the number of spaces and tabs, against
 * that of the setting above.  So a whole section may be indented. */

static int
mp_ini_setting(mp_ini_t *ini, mp_ini_item_t *item, mp_str_t line,
    size_t indent)
{
    size_t    len;
    mp_str_t  name, value;

    name.data = line.data;
    name.len = mp_str_chr(line, '=');

    len = name.len + (name.len < line.len);

    value.data = line.data + len;
    value.len = line.len - len;

    item->kind = (indent > ini->indent) ? ini->deeper : MP_INI_SETTING;
    item->name = mp_str_trim(name);
    item->value = mp_str_trim(value);

    if (item->kind == MP_INI_SETTING) {

        if (name.len == line.len) {
            return 0;
        }

        ini->indent = indent;
        ini->deeper = item->value.len ? MP_INI_CONTINUATION : MP_INI_NESTED;
    }

    return 1;
}
