#include "mp_xml.h"

#include <string.h>


typedef struct {
    mp_str_t           rest;       /* what is still to be read */
    mp_str_t           open[MP_XML_MAX_DEPTH];
    size_t             depth;
    unsigned           ended:1;    /* the outermost element */

    mp_xml_element_t  *elements;
    size_t             n;
    mp_xml_element_t  *current;    /* the one whose text this is, or NULL */
    unsigned char     *dst;
} mp_xml_t;


static int mp_xml_is_text(mp_str_t document);

static int mp_xml_markup(mp_xml_t *xml);
static int mp_xml_comment(mp_xml_t *xml);
static int mp_xml_cdata(mp_xml_t *xml);
static int mp_xml_instruction(mp_xml_t *xml);
static int mp_xml_start_tag(mp_xml_t *xml);
static int mp_xml_attributes(mp_xml_t *xml);
static int mp_xml_attribute(mp_xml_t *xml);
static int mp_xml_end_tag(mp_xml_t *xml);

static int mp_xml_open(mp_xml_t *xml, mp_str_t name);
static int mp_xml_close(mp_xml_t *xml, mp_str_t name);
static int mp_xml_is_at(const mp_xml_t *xml, mp_str_t path);

static int mp_xml_chars(mp_xml_t *xml);
static int mp_xml_decode(mp_xml_t *xml, mp_str_t text);
static size_t mp_xml_reference(mp_str_t name, unsigned char *dst);
static size_t mp_xml_number(mp_str_t digits, unsigned char *dst);
static int mp_xml_is_char(unsigned long c);
static size_t mp_xml_utf8(unsigned long c, unsigned char *dst);
static void mp_xml_put(mp_xml_t *xml, mp_str_t text);

static int mp_xml_take(mp_xml_t *xml, mp_str_t start);
static int mp_xml_take_until(mp_xml_t *xml, mp_str_t end, mp_str_t *text);
static mp_str_t mp_xml_take_name(mp_xml_t *xml);
static size_t mp_xml_word_len(mp_str_t text);
static size_t mp_xml_take_space(mp_xml_t *xml);
static size_t mp_xml_space_len(mp_str_t text);


int
mp_xml_find(mp_str_t document, mp_xml_element_t *elements, size_t n,
    unsigned char *buf)
{
    size_t    i;
    mp_xml_t  xml;

    for (i = 0; i < n; i++) {
        elements[i].text.data = NULL;
        elements[i].text.len = 0;
    }

    if (!mp_xml_is_text(document)) {
        return 0;
    }

    memset(&xml, 0, sizeof(mp_xml_t));

    xml.rest = document;
    xml.elements = elements;
    xml.n = n;
    xml.dst = buf;

    while (xml.rest.len) {

        if (!(xml.rest.data[0] == '<' ? mp_xml_markup(&xml)
                                      : mp_xml_chars(&xml)))
        {
            return 0;
        }
    }

    return xml.ended;
}


/* Of all control bytes XML allows three, and neither U+FFFE nor U+FFFF. */

static int
mp_xml_is_text(mp_str_t document)
{
    size_t         i;
    unsigned char  c;

    static const mp_str_t  fffe = mp_str("\xef\xbf\xbe");
    static const mp_str_t  ffff = mp_str("\xef\xbf\xbf");

    for (i = 0; i < document.len; i++) {
        c = document.data[i];

        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') {
            return 0;
        }
    }

    return mp_str_is_utf8(document)
           && mp_str_find(document, fffe) == document.len
           && mp_str_find(document, ffff) == document.len;
}


static int
mp_xml_markup(mp_xml_t *xml)
{
    static const mp_str_t  comment = mp_str("<!--");
    static const mp_str_t  cdata = mp_str("<![CDATA[");
    static const mp_str_t  instruction = mp_str("<?");
    static const mp_str_t  end_tag = mp_str("</");
    static const mp_str_t  start_tag = mp_str("<");

    if (mp_xml_take(xml, comment)) {
        return mp_xml_comment(xml);
    }

    if (mp_xml_take(xml, cdata)) {
        return mp_xml_cdata(xml);
    }

    if (mp_xml_take(xml, instruction)) {
        return mp_xml_instruction(xml);
    }

    if (mp_xml_take(xml, end_tag)) {
        return mp_xml_end_tag(xml);
    }

    /* all else that may stand here; "<!" begins no name */

    return mp_xml_take(xml, start_tag) && mp_xml_start_tag(xml);
}


/* The first "--" has to be the one that ends it. */

static int
mp_xml_comment(mp_xml_t *xml)
{
    mp_str_t  skipped;

    static const mp_str_t  dashes = mp_str("--");
    static const mp_str_t  end = mp_str(">");

    return mp_xml_take_until(xml, dashes, &skipped) && mp_xml_take(xml, end);
}


static int
mp_xml_cdata(mp_xml_t *xml)
{
    mp_str_t  text;

    static const mp_str_t  end = mp_str("]]>");

    if (xml->depth == 0 || !mp_xml_take_until(xml, end, &text)) {
        return 0;
    }

    mp_xml_put(xml, text);

    return 1;
}


/* The declaration at the start has the same form. */

static int
mp_xml_instruction(mp_xml_t *xml)
{
    mp_str_t  skipped;

    static const mp_str_t  end = mp_str("?>");

    if (mp_xml_take_name(xml).len == 0) {
        return 0;
    }

    return mp_xml_take(xml, end)
           || (mp_xml_take_space(xml)
               && mp_xml_take_until(xml, end, &skipped));
}


static int
mp_xml_start_tag(mp_xml_t *xml)
{
    mp_str_t  name;

    static const mp_str_t  end = mp_str(">");
    static const mp_str_t  empty_end = mp_str("/>");

    name = mp_xml_take_name(xml);

    if (name.len == 0
        || !mp_xml_attributes(xml)
        || !mp_xml_open(xml, name))
    {
        return 0;
    }

    if (mp_xml_take(xml, empty_end)) {
        return mp_xml_close(xml, name);
    }

    return mp_xml_take(xml, end);
}


static int
mp_xml_attributes(mp_xml_t *xml)
{
    while (mp_xml_take_space(xml)) {

        if (xml->rest.len == 0) {
            return 0;
        }

        if (xml->rest.data[0] == '>' || xml->rest.data[0] == '/') {
            return 1;
        }

        if (!mp_xml_attribute(xml)) {
            return 0;
        }
    }

    return 1;
}


static int
mp_xml_attribute(mp_xml_t *xml)
{
    mp_str_t  quote, value;

    static const mp_str_t  equals = mp_str("=");
    static const mp_str_t  quotes[] = { mp_str("\""), mp_str("'") };

    if (mp_xml_take_name(xml).len == 0) {
        return 0;
    }

    mp_xml_take_space(xml);

    if (!mp_xml_take(xml, equals)) {
        return 0;
    }

    mp_xml_take_space(xml);

    if (mp_xml_take(xml, quotes[0])) {
        quote = quotes[0];

    } else if (mp_xml_take(xml, quotes[1])) {
        quote = quotes[1];

    } else {
        return 0;
    }

    return mp_xml_take_until(xml, quote, &value)
           && mp_str_chr(value, '<') == value.len
           && mp_xml_decode(xml, value);
}


static int
mp_xml_end_tag(mp_xml_t *xml)
{
    mp_str_t  name;

    static const mp_str_t  end = mp_str(">");

    name = mp_xml_take_name(xml);

    mp_xml_take_space(xml);

    return mp_xml_take(xml, end) && mp_xml_close(xml, name);
}


static int
mp_xml_open(mp_xml_t *xml, mp_str_t name)
{
    size_t             i;
    mp_xml_element_t  *element;

    if (xml->ended || xml->current || xml->depth == MP_XML_MAX_DEPTH) {
        return 0;
    }

    xml->open[xml->depth++] = name;

    for (i = 0; i < xml->n; i++) {
        element = &xml->elements[i];

        if (!mp_xml_is_at(xml, element->path)) {
            continue;
        }

        if (element->text.data) {
            return 0;
        }

        element->text.data = xml->dst;
        xml->current = element;

        break;
    }

    return 1;
}


static int
mp_xml_close(mp_xml_t *xml, mp_str_t name)
{
    if (xml->depth == 0 || !mp_str_eq(name, xml->open[xml->depth - 1])) {
        return 0;
    }

    xml->current = NULL;
    xml->depth--;
    xml->ended = (xml->depth == 0);

    return 1;
}


static int
mp_xml_is_at(const mp_xml_t *xml, mp_str_t path)
{
    size_t    i, colon;
    mp_str_t  step, name;

    static const mp_str_t  any = mp_str("*");

    for (i = 0; i < xml->depth; i++) {

        step.data = path.data;
        step.len = mp_str_chr(path, '/');

        name = xml->open[i];
        colon = mp_str_chr(name, ':');

        if (colon < name.len) {
            name.data += colon + 1;
            name.len -= colon + 1;
        }

        if (!mp_str_eq(step, any) && !mp_str_eq(step, name)) {
            return 0;
        }

        if (step.len == path.len) {
            return i == xml->depth - 1;
        }

        path.data += step.len + 1;
        path.len -= step.len + 1;
    }

    return 0;
}


/* Text up to the next tag or what is like one; outside of the outermost
 * element it may only be space. */

static int
mp_xml_chars(mp_xml_t *xml)
{
    mp_str_t  text;

    static const mp_str_t  cdata_end = mp_str("]]>");

    text.data = xml->rest.data;
    text.len = mp_str_chr(xml->rest, '<');

    xml->rest.data += text.len;
    xml->rest.len -= text.len;

    if (xml->depth == 0) {
        return mp_xml_space_len(text) == text.len;
    }

    return mp_str_find(text, cdata_end) == text.len
           && mp_xml_decode(xml, text);
}


/* Texts of all elements are decoded, those that are looked for are kept. */

static int
mp_xml_decode(mp_xml_t *xml, mp_str_t text)
{
    mp_str_t       plain, name, decoded;
    unsigned char  buf[4];

    for ( ;; ) {
        plain.data = text.data;
        plain.len = mp_str_chr(text, '&');

        mp_xml_put(xml, plain);

        if (plain.len == text.len) {
            return 1;
        }

        text.data += plain.len + 1;
        text.len -= plain.len + 1;

        name.data = text.data;
        name.len = mp_str_chr(text, ';');

        if (name.len == text.len) {
            return 0;
        }

        decoded.data = buf;
        decoded.len = mp_xml_reference(name, buf);

        if (decoded.len == 0) {
            return 0;
        }

        mp_xml_put(xml, decoded);

        text.data += name.len + 1;
        text.len -= name.len + 1;
    }
}


/* What a name between '&' and ';' stands for.  Returns the length, never more
 * than that of the reference, or 0 if it stands for nothing. */

static size_t
mp_xml_reference(mp_str_t name, unsigned char *dst)
{
    size_t  i;

    static const struct {
        mp_str_t       name;
        unsigned char  c;
    } entities[] = {
        { mp_str("lt"), '<' },
        { mp_str("gt"), '>' },
        { mp_str("amp"), '&' },
        { mp_str("quot"), '"' },
        { mp_str("apos"), '\'' }
    };

    if (name.len && name.data[0] == '#') {
        name.data++;
        name.len--;

        return mp_xml_number(name, dst);
    }

    for (i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        if (mp_str_eq(name, entities[i].name)) {
            dst[0] = entities[i].c;
            return 1;
        }
    }

    return 0;
}


static size_t
mp_xml_number(mp_str_t digits, unsigned char *dst)
{
    int            digit;
    size_t         i;
    unsigned long  c, base;

    base = 10;

    if (digits.len && digits.data[0] == 'x') {
        base = 16;
        digits.data++;
        digits.len--;
    }

    for (i = 0, c = 0; i < digits.len; i++) {
        digit = mp_hex_digit(digits.data[i]);

        if (digit < 0 || (unsigned long) digit >= base) {
            return 0;
        }

        c = c * base + (unsigned long) digit;

        if (c > 0x10ffff) {
            return 0;
        }
    }

    return mp_xml_is_char(c) ? mp_xml_utf8(c, dst) : 0;
}


static int
mp_xml_is_char(unsigned long c)
{
    return c == '\t' || c == '\n' || c == '\r'
           || (c >= 0x20 && c < 0xd800)
           || (c >= 0xe000 && c < 0xfffe)
           || c >= 0x10000;
}


static size_t
mp_xml_utf8(unsigned long c, unsigned char *dst)
{
    size_t  i, n;

    static const unsigned char  lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    if (c < 0x80) {
        dst[0] = (unsigned char) c;
        return 1;
    }

    n = (c < 0x800) ? 2 : (c < 0x10000) ? 3 : 4;

    for (i = n - 1; i > 0; i--) {
        dst[i] = (unsigned char) (0x80 | (c & 0x3f));
        c >>= 6;
    }

    dst[0] = (unsigned char) (lead[n] | c);

    return n;
}


static void
mp_xml_put(mp_xml_t *xml, mp_str_t text)
{
    if (xml->current) {
        xml->dst = mp_copy(xml->dst, text);
        xml->current->text.len += text.len;
    }
}


/* Goes past start, if that is what comes next. */

static int
mp_xml_take(mp_xml_t *xml, mp_str_t start)
{
    if (xml->rest.len < start.len
        || memcmp(xml->rest.data, start.data, start.len) != 0)
    {
        return 0;
    }

    xml->rest.data += start.len;
    xml->rest.len -= start.len;

    return 1;
}


/* Goes past the next end; text is what was before it. */

static int
mp_xml_take_until(mp_xml_t *xml, mp_str_t end, mp_str_t *text)
{
    text->data = xml->rest.data;
    text->len = mp_str_find(xml->rest, end);

    xml->rest.data += text->len;
    xml->rest.len -= text->len;

    return mp_xml_take(xml, end);
}


/* A name, with a prefix or without; an empty string if it is none. */

static mp_str_t
mp_xml_take_name(mp_xml_t *xml)
{
    size_t    local;
    mp_str_t  name, rest;

    name.data = xml->rest.data;
    name.len = mp_xml_word_len(xml->rest);

    if (name.len && name.len < xml->rest.len && name.data[name.len] == ':') {

        rest.data = name.data + name.len + 1;
        rest.len = xml->rest.len - name.len - 1;

        local = mp_xml_word_len(rest);

        name.len = local ? name.len + 1 + local : 0;
    }

    xml->rest.data += name.len;
    xml->rest.len -= name.len;

    return name;
}


/* Letters, digits, '.', '_', '-' and all that is not ASCII; at the start only
 * letters, '_' and what is not ASCII. */

static size_t
mp_xml_word_len(mp_str_t text)
{
    size_t    i;
    mp_str_t  c;

    for (i = 0, c.len = 1; i < text.len; i++) {
        c.data = text.data + i;

        if (*c.data < 0x80 && !mp_str_is_made_of(c, MP_WORD)) {
            break;
        }
    }

    if (i && (text.data[0] == '.' || text.data[0] == '-'
              || (text.data[0] >= '0' && text.data[0] <= '9')))
    {
        return 0;
    }

    return i;
}


/* Goes past what is there of it. */

static size_t
mp_xml_take_space(mp_xml_t *xml)
{
    size_t  len;

    len = mp_xml_space_len(xml->rest);

    xml->rest.data += len;
    xml->rest.len -= len;

    return len;
}


static size_t
mp_xml_space_len(mp_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if (!memchr(" \t\r\n", text.data[i], 4)) {
            break;
        }
    }

    return i;
}
