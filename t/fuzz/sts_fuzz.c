/*
 * Replies of STS.  The input is a reply: what is made of it can be signed
 * with, nothing is left of what is refused, a comment behind it changes
 * nothing, and what is cut off gives nothing or the same.  Then the input is
 * what credentials are made of, which have to come back out of a reply.
 */

#include "fuzz_credentials.h"

#include "aws/mp_sts.h"
#include "text/mp_xml.h"


static void the_reply_is_whole(mp_str_t document);
static void nothing_is_left(mp_str_t document);
static void texts_are_of_characters(mp_str_t document);
static void credentials_come_back(mp_str_t input);
static void add_element(fuzz_text_t *xml, mp_str_t *input, const char *prefix,
    const char *name, mp_str_t text);
static void add_text(fuzz_text_t *xml, unsigned style, mp_str_t text);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    the_reply_is_whole(fuzz_str(data, size));
    texts_are_of_characters(fuzz_str(data, size));
    credentials_come_back(fuzz_str(data, size));

    fuzz_free_all();

    return 0;
}


static void
the_reply_is_whole(mp_str_t document)
{
    size_t          cut;
    mp_str_t        more;
    mp_temporary_t  found, again;

    static const mp_str_t  behind = mp_str("\n<!-- <a> & -->\t<?b <?>\r\n");
    static const mp_str_t  element = mp_str("<a/>");

    if (!fuzz_read_credentials(mp_sts_reply, &found, document)) {
        nothing_is_left(document);
        return;
    }

    more = fuzz_join(document, behind);
    fuzz_hold(fuzz_read_credentials(mp_sts_reply, &again, more));
    fuzz_same_credentials(&found, &again);

    more = fuzz_join(document, element);
    fuzz_hold(!fuzz_read_credentials(mp_sts_reply, &again, more));

    more = fuzz_join(element, document);
    fuzz_hold(!fuzz_read_credentials(mp_sts_reply, &again, more));

    /* where it may end, it ends behind all of them */

    for (cut = 1; cut <= document.len; cut += 1 + cut / 8) {
        more = fuzz_copy(fuzz_str(document.data, document.len - cut));

        if (fuzz_read_credentials(mp_sts_reply, &again, more)) {
            fuzz_same_credentials(&found, &again);
        }
    }
}


static void
nothing_is_left(mp_str_t document)
{
    size_t          i;
    unsigned char  *buf;
    mp_temporary_t  temporary;

    buf = fuzz_alloc(document.len);

    mp_sts_reply(&temporary, buf, document);

    for (i = 0; i < document.len; i++) {
        fuzz_hold(buf[i] == 0);
    }
}


/* Of those that XML has, and no longer than they were written. */

static void
texts_are_of_characters(mp_str_t document)
{
    size_t          i, len;
    mp_str_t        text;
    unsigned char  *buf;

    mp_xml_element_t  elements[] = {
        { mp_str("*/*/Credentials/AccessKeyId"), mp_null_str },
        { mp_str("*/*/Credentials/SecretAccessKey"), mp_null_str },
        { mp_str("ErrorResponse/Error/Message"), mp_null_str },
        { mp_str("a"), mp_null_str }
    };

    buf = fuzz_alloc(document.len);

    if (!mp_xml_find(document, elements, 4, buf)) {
        return;
    }

    for (len = 0, i = 0; i < 4; i++) {
        text = elements[i].text;
        len += text.len;

        if (text.data) {
            fuzz_hold(text.data >= buf);
            fuzz_hold(text.data + text.len <= buf + document.len);
            fuzz_hold(fuzz_is_utf8(text));
            fuzz_hold(!fuzz_contains(text, mp_str_from("\xef\xbf\xbf")));
        }
    }

    fuzz_hold(len <= document.len);
}


static void
credentials_come_back(mp_str_t input)
{
    size_t           i;
    mp_str_t         expiration, document;
    const char      *prefix;
    fuzz_text_t      xml = { NULL, 0, 0 };
    mp_temporary_t   given, found;

    static const char  *prefixes[] = { "", "s:", "sts-1.x:" };

    memset(&given, 0, sizeof(given));

    prefix = prefixes[fuzz_take(&input, 3)];
    expiration = fuzz_take_credentials(&input, &given);

    const struct {
        const char  *name;
        mp_str_t     text;
    } elements[] = {
        { "SecretAccessKey", given.keys.secret_key },
        { "Expiration", expiration },
        { "AccessKeyId", given.keys.access_key },
        { "Other", given.keys.access_key },
        { "SessionToken", given.keys.session_token }
    };

    fuzz_add_chars(&xml, "<?xml version=\"1.0\"?>\n<r xmlns='u'><AccessKeyId/>"
                         "<x><");
    fuzz_add_chars(&xml, prefix);
    fuzz_add_chars(&xml, "Credentials>");

    for (i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
        add_element(&xml, &input, prefix, elements[i].name, elements[i].text);
    }

    fuzz_add_chars(&xml, "</");
    fuzz_add_chars(&xml, prefix);
    fuzz_add_chars(&xml, "Credentials></x></r>");

    document = fuzz_text(&xml);

    fuzz_hold(fuzz_read_credentials(mp_sts_reply, &found, document));
    fuzz_same_credentials(&given, &found);

    document.len -= 1 + fuzz_take(&input, 256) % document.len;
    document = fuzz_copy(document);

    fuzz_hold(!fuzz_read_credentials(mp_sts_reply, &found, document));
}


static void
add_element(fuzz_text_t *xml, mp_str_t *input, const char *prefix,
    const char *name, mp_str_t text)
{
    size_t    half;
    mp_str_t  rest;

    static const char  *attributes[] = { "", " a = '>'", "\tb=\"&lt;'\"\n" };
    static const char  *between[] = { "", "<!-- <c> -->", "<?d e?>",
                                      "<![CDATA[]]>" };

    fuzz_add_chars(xml, "\n <");
    fuzz_add_chars(xml, prefix);
    fuzz_add_chars(xml, name);
    fuzz_add_chars(xml, attributes[fuzz_take(input, 3)]);
    fuzz_add_byte(xml, '>');

    half = fuzz_take(input, 256) % (text.len + 1);
    rest = fuzz_str(text.data + half, text.len - half);
    text.len = half;

    add_text(xml, fuzz_take(input, 4), text);
    fuzz_add_chars(xml, between[fuzz_take(input, 4)]);
    add_text(xml, fuzz_take(input, 4), rest);

    fuzz_add_chars(xml, "</");
    fuzz_add_chars(xml, prefix);
    fuzz_add_chars(xml, name);
    fuzz_add_chars(xml, fuzz_take(input, 2) ? " >" : ">");
}


static void
add_text(fuzz_text_t *xml, unsigned style, mp_str_t text)
{
    char    reference[sizeof("&#x00041;")];
    size_t  i;

    if (style == 0 && !memmem(text.data, text.len, "]]>", 3)) {
        fuzz_add_chars(xml, "<![CDATA[");
        fuzz_add(xml, text);
        fuzz_add_chars(xml, "]]>");
        return;
    }

    for (i = 0; i < text.len; i++) {

        if (style > 1 || strchr("<>&", text.data[i])) {
            snprintf(reference, sizeof(reference),
                     style == 2 ? "&#%u;" : "&#x%05x;", text.data[i]);
            fuzz_add_chars(xml, text.data[i] == '<' ? "&lt;"
                                : text.data[i] == '&' ? "&amp;" : reference);

        } else {
            fuzz_add_byte(xml, text.data[i]);
        }
    }
}
