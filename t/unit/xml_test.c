#include "unit.h"

#include "text/mp_xml.h"


/* The text at a path, behind a '+', or "-" if it is not there, or "refused". */

static mp_str_t
text_at(mp_str_t document, const char *path)
{
    int               found;
    unsigned char    *buf;
    mp_xml_element_t  element;

    static const mp_str_t  none = mp_null_str;

    element.path = unit_copy(mp_str_from(path));

    /* no byte more than the promise */

    buf = unit_alloc(document.len);
    found = mp_xml_find(unit_copy(document), &element, 1, buf);

    if (!found) {
        return STR("refused");
    }

    if (element.text.data == NULL) {
        assert_int_equal(element.text.len, 0);
        return STR("-");
    }

    assert_ptr_equal(element.text.data, buf);
    assert_true(element.text.len <= document.len);

    return unit_join(STR("+"), element.text, none);
}


static void
an_element_is_found_by_its_path(void **state)
{
    size_t  i;

    static const struct {
        const char  *path;
        const char  *document;
        const char  *text;
    } rows[] = {
        { "a", "<a>x</a>", "+x" },
        { "a", "<a></a>", "+" },
        { "a", "<a/>", "+" },
        { "a", "<a />", "+" },
        { "a", "<a\t\r\n></a\t\r\n>", "+" },
        { "a", " \r\n\t<a>x</a> \r\n\t", "+x" },
        { "a", "<a> x\ty </a>", "+ x\ty " },
        { "a/b", "<a><b>x</b></a>", "+x" },
        { "a/b", "<a>1<b>x</b>2</a>", "+x" },
        { "a/b", "<a>\n  <b>x</b>\n</a>\n", "+x" },
        { "a/b", "<a><c>y</c><b>x</b><d>z</d></a>", "+x" },
        { "a/b", "<a><c><b>y</b></c><b>x</b></a>", "+x" },
        { "a/b/c", "<a><b><c>x</c></b></a>", "+x" },
        { "a/b/c", "<a><b/><b><c>x</c></b></a>", "+x" },
        { "*/c", "<a><c>x</c></a>", "+x" },
        { "*/*/c", "<a><c>y</c><b><c>x</c></b></a>", "+x" },
        { "*", "<any>x</any>", "+x" },
        { "*", "<a:b>x</a:b>", "+x" },

        { "a", "<b>x</b>", "-" },
        { "a", "<b><a>x</a></b>", "-" },
        { "a", "<A>x</A>", "-" },
        { "a", "<aa>x</aa>", "-" },
        { "aa", "<a>x</a>", "-" },
        { "a/b", "<a>x</a>", "-" },
        { "a/b", "<a><c><b>x</b></c></a>", "-" },
        { "a/b", "<b><a>x</a></b>", "-" },
        { "a/b", "<a><bb>x</bb></a>", "-" },
        { "a/b/c", "<a><b>x</b></a>", "-" },
        { "*/*/c", "<a><c>x</c></a>", "-" },
        { "", "<a>x</a>", "-" },
        { "/", "<a><b>x</b></a>", "-" },
        { "/a", "<a>x</a>", "-" },
        { "a/", "<a>x</a>", "-" },

        { "a/b", "<n:a xmlns:n='u'><n:b>x</n:b></n:a>", "+x" },
        { "a/b", "<a xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                 "<b>x</b></a>", "+x" },
        { "n", "<n:a xmlns:n='u'>x</n:a>", "-" }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_str(rows[i].document,
                  text_at(mp_str_from(rows[i].document), rows[i].path),
                  mp_str_from(rows[i].text));
    }
}


static void
a_text_is_decoded(void **state)
{
    size_t  i;

    static const struct {
        const char  *document;
        const char  *text;
    } rows[] = {
        { "<a>&lt;&gt;&amp;&quot;&apos;</a>", "+<>&\"'" },
        { "<a>x&amp;y</a>", "+x&y" },
        { "<a>&amp;lt;</a>", "+&lt;" },
        { "<a>&amp;#65;</a>", "+&#65;" },
        { "<a>&#65;&#x42;&#x63;</a>", "+ABc" },
        { "<a>&#00000000000000000000000000065;</a>", "+A" },
        { "<a>&#x2B;&#x2f;&#61;</a>", "+" "+/=" },
        { "<a>&#9;&#10;&#13;&#32;</a>", "+\t\n\r " },
        { "<a>&#127;&#128;</a>", "+\x7f\xc2\x80" },
        { "<a>&#x7ff;&#x800;</a>", "+\xdf\xbf\xe0\xa0\x80" },
        { "<a>&#xd7ff;&#xe000;&#xfffd;</a>",
          "+\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbd" },
        { "<a>&#x10000;&#x10FFFF;&#128512;</a>",
          "+\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xf0\x9f\x98\x80" },
        { "<a>\xc3\xa9\xf0\x9f\x98\x80</a>", "+\xc3\xa9\xf0\x9f\x98\x80" },
        { "<a>></a>", "+>" },
        { "<a>]]</a>", "+]]" },
        { "<a>]]&gt;</a>", "+]]>" },
        { "<a>]>]</a>", "+]>]" },
        { "<a>\"'=/?!;#</a>", "+\"'=/?!;#" },

        { "<a><![CDATA[x]]></a>", "+x" },
        { "<a><![CDATA[]]></a>", "+" },
        { "<a>1<![CDATA[<b>&amp;</b>]]>2</a>", "+1<b>&amp;</b>2" },
        { "<a><![CDATA[]]]]></a>", "+]]" },
        { "<a><![CDATA[]]]]><![CDATA[>]]></a>", "+]]>" },
        { "<a><![CDATA[<!-- x -->]]></a>", "+<!-- x -->" },

        { "<a>1<!-- 9 -->2</a>", "+12" },
        { "<a>1<!---->2<!-- <b> & ]]> - -->3</a>", "+123" },
        { "<a>1<?pi 9?>2</a>", "+12" },
        { "<a>1<?pi <b> & ?? > ?>2</a>", "+12" },
        { "<a><!-- </a> -->x</a>", "+x" }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_str(rows[i].document,
                  text_at(mp_str_from(rows[i].document), "a"),
                  mp_str_from(rows[i].text));
    }
}


static void
what_is_around_the_elements_is_passed_over(void **state)
{
    size_t  i;

    static const char  *documents[] = {
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>x</a>",
        "<?xml version='1.0'?>\r\n<!-- c --> <a>x</a>",
        "<!-- c --><a>x</a><!-- d -->\n<?pi?>\n",
        "<a b='1'>x</a>",
        "<a b=\"1\" c='2'>x</a>",
        "<a  b = \"1\"\n\tc\r\n=\t'2' >x</a>",
        "<a b=''>x</a>",
        "<a b='\"' c=\"'\">x</a>",
        "<a b='>' c='/>' d='/a>'>x</a>",
        "<a b='&lt;&#65;&amp;'>x</a>",
        "<a b='&#x20;\xc3\xa9'>x</a>",
        "<a x:b='1'>x</a>",
        "<a _b='1' b-.9='2' \xc3\xa9='3'>x</a>"
    };

    for (i = 0; i < LENGTH(documents); i++) {
        check_str(documents[i], text_at(mp_str_from(documents[i]), "a"),
                  STR("+x"));
    }
}


static void
what_is_not_well_formed_is_refused(void **state)
{
    size_t  i;

    static const mp_str_t  documents[] = {
        mp_null_str,
        mp_str(""),
        mp_str(" "),
        mp_str("x"),
        mp_str("<"),
        mp_str("<>"),
        mp_str("</>"),
        mp_str("</a>"),
        mp_str("<a>"),
        mp_str("<a"),
        mp_str("<a/"),
        mp_str("<a / >"),
        mp_str("<a//>"),
        mp_str("< a></a>"),
        mp_str("<a></ a>"),
        mp_str("<a></>"),
        mp_str("<a><a>"),
        mp_str("<a></a"),
        mp_str("<a></b>"),
        mp_str("<a></aa>"),
        mp_str("<aa></a>"),
        mp_str("<a></A>"),
        mp_str("<a></a b='1'>"),
        mp_str("<n:a></a>"),
        mp_str("<a></n:a>"),
        mp_str("<n:a></m:a>"),
        mp_str("<a><b></a></b>"),
        mp_str("<a><b></a>"),
        mp_str("<a></b></a>"),
        mp_str("<a/></a>"),
        mp_str("<a></a></a>"),
        mp_str("<a></a><a></a>"),
        mp_str("<a></a><b/>"),
        mp_str("<a/><a/>"),
        mp_str("x<a></a>"),
        mp_str("<a></a>x"),
        mp_str("<a></a>&amp;"),
        mp_str("<a></a>&#32;"),
        mp_str("<a></a><![CDATA[]]>"),
        mp_str("<![CDATA[]]><a></a>"),
        mp_str("\xef\xbb\xbf<a></a>"),
        mp_str("\f<a></a>"),

        mp_str("<!DOCTYPE a><a></a>"),
        mp_str("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>"),
        mp_str("<!doctype a><a></a>"),
        mp_str("<a><!DOCTYPE a></a>"),
        mp_str("<a><!ELEMENT a></a>"),
        mp_str("<!><a></a>"),
        mp_str("<a><!></a>"),

        mp_str("<1a></1a>"),
        mp_str("<-a></-a>"),
        mp_str("<.a></.a>"),
        mp_str("<:a></:a>"),
        mp_str("<a:></a:>"),
        mp_str("<:></:>"),
        mp_str("<a::b></a::b>"),
        mp_str("<a:b:c></a:b:c>"),
        mp_str("<a:1></a:1>"),
        mp_str("<a$></a$>"),
        mp_str("<a;></a;>"),

        mp_str("<a b></a>"),
        mp_str("<a b=></a>"),
        mp_str("<a b=1></a>"),
        mp_str("<a b='1></a>"),
        mp_str("<a b='1\"></a>"),
        mp_str("<a b=\"1'></a>"),
        mp_str("<a ='1'></a>"),
        mp_str("<a '1'></a>"),
        mp_str("<a b='1'c='2'></a>"),
        mp_str("<a b='1',c='2'></a>"),
        mp_str("<a\"b='1'></a>"),
        mp_str("<a b='<'></a>"),
        mp_str("<a b='&'></a>"),
        mp_str("<a b='&x;'></a>"),
        mp_str("<a b='&#0;'></a>"),
        mp_str("<a b:='1'></a>"),
        mp_str("<a b"),
        mp_str("<a b="),
        mp_str("<a b='"),
        mp_str("<a b='1'"),
        mp_str("<a "),

        mp_str("<a>&</a>"),
        mp_str("<a>&;</a>"),
        mp_str("<a>& </a>"),
        mp_str("<a>&amp</a>"),
        mp_str("<a>&amp </a>;"),
        mp_str("<a>&AMP;</a>"),
        mp_str("<a>&amps;</a>"),
        mp_str("<a>&nbsp;</a>"),
        mp_str("<a>& amp;</a>"),
        mp_str("<a>&amp<b/>;</a>"),
        mp_str("<a>&#;</a>"),
        mp_str("<a>&#x;</a>"),
        mp_str("<a>&#X41;</a>"),
        mp_str("<a>&#a;</a>"),
        mp_str("<a>&#4a;</a>"),
        mp_str("<a>&#x4g;</a>"),
        mp_str("<a>&#-65;</a>"),
        mp_str("<a>&#+65;</a>"),
        mp_str("<a>&# 65;</a>"),
        mp_str("<a>&#65 ;</a>"),
        mp_str("<a>&x41;</a>"),
        mp_str("<a>&#0;</a>"),
        mp_str("<a>&#x0;</a>"),
        mp_str("<a>&#8;</a>"),
        mp_str("<a>&#11;</a>"),
        mp_str("<a>&#12;</a>"),
        mp_str("<a>&#14;</a>"),
        mp_str("<a>&#31;</a>"),
        mp_str("<a>&#xd800;</a>"),
        mp_str("<a>&#xdfff;</a>"),
        mp_str("<a>&#xfffe;</a>"),
        mp_str("<a>\xef\xbf\xbe</a>"),
        mp_str("<a>\xef\xbf\xbf</a>"),
        mp_str("<a>&#xffff;</a>"),
        mp_str("<a>&#x110000;</a>"),
        mp_str("<a>&#1114112;</a>"),
        mp_str("<a>&#x100000041;</a>"),
        mp_str("<a>&#x10000000000000041;</a>"),
        mp_str("<a>&#18446744073709551681;</a>"),

        mp_str("<a>]]></a>"),
        mp_str("<a>]]]></a>"),
        mp_str("<a><![CDATA[x</a>"),
        mp_str("<a><![CDATA[x]]</a>"),
        mp_str("<a><![CDATA[x]] ></a>"),
        mp_str("<a><![CDATA x]]></a>"),
        mp_str("<a><![cdata[x]]></a>"),
        mp_str("<a><![CDATA[x]]>]]></a>"),

        mp_str("<!-- <a></a>"),
        mp_str("<a><!-- </a>"),
        mp_str("<a><!-- -- --></a>"),
        mp_str("<a><!-- ---></a>"),
        mp_str("<a><!--></a>"),
        mp_str("<a><!---></a>"),
        mp_str("<a><!- x --></a>"),
        mp_str("<a></a><!--"),
        mp_str("<a></a><!-- --"),

        mp_str("<?xml <a></a>"),
        mp_str("<? ><a></a>"),
        mp_str("<? ?><a></a>"),
        mp_str("<? pi?><a></a>"),
        mp_str("<?" "?><a></a>"),
        mp_str("<?pi=?><a></a>"),
        mp_str("<?pi?"),
        mp_str("<?pi"),
        mp_str("<a><?pi ></a>"),
        mp_str("<a></a><?"),
        mp_str("<a></a><?>"),

        mp_str("<a>\0</a>"),
        mp_str("<a></a>\0"),
        mp_str("\0<a></a>"),
        mp_str("<a\0></a\0>"),
        mp_str("<a><!-- \0 --></a>"),
        mp_str("<a b='\0'></a>"),
        mp_str("<a><![CDATA[\0]]></a>"),
        mp_str("<?pi \0?><a></a>"),
        mp_str("<a>\x01</a>"),
        mp_str("<a>\x08</a>"),
        mp_str("<a>\x0b</a>"),
        mp_str("<a>\x1f</a>"),
        mp_str("<a>\xff</a>"),
        mp_str("<a>\xc3</a>"),
        mp_str("<a>\xed\xa0\x80</a>"),
        mp_str("<a>\xc0\x80</a>")
    };

    for (i = 0; i < LENGTH(documents); i++) {
        check_str((const char *) documents[i].data,
                  text_at(documents[i], "a"), STR("refused"));
    }
}


static void
an_element_is_wanted_once_and_without_others_inside(void **state)
{
    size_t  i;

    static const char  *documents[] = {
        "<a><b>x</b><b>x</b></a>",
        "<a><b/><b>x</b></a>",
        "<a><b></b><b/></a>",
        "<a><b>x</b><n:b>y</n:b></a>",
        "<a><b>x<c/></b></a>",
        "<a><b><c>x</c></b></a>",
        "<a><b><b>x</b></b></a>",
        "<a><b c='1'>x<c d='&amp;'>y</c>z</b></a>"
    };

    for (i = 0; i < LENGTH(documents); i++) {
        check_str(documents[i], text_at(mp_str_from(documents[i]), "a/b"),
                  STR("refused"));
    }

    /* which others may be */

    check_str("others", text_at(STR("<a><c>1<d/></c><b>x</b><c/></a>"),
                                "a/b"), STR("+x"));
    check_str("above", text_at(STR("<a><c/><c><b>x</b></c></a>"),
                               "a/c/b"), STR("+x"));
}


static const mp_str_t  rich = mp_str(
    "<?xml version=\"1.0\"?>\n<!-- c -->\n"
    "<r xmlns=\"http://a/\" b='&lt;'>\n  <n:one>&#65;x&amp;<!-- d -->y"
    "<![CDATA[<z>]]></n:one><two/>t\xc3\xa9xt<?pi q?>"
    "<in><three c=\"1\" >&#x10FFFF;</three></in>\n</r>");


static int
find_all(mp_str_t document, mp_xml_element_t *elements, mp_str_t *texts)
{
    size_t          i;
    unsigned char  *buf;

    elements[0].path = STR("r/one");
    elements[1].path = STR("r/two");
    elements[2].path = STR("r/in/three");
    elements[3].path = STR("r/four");

    buf = unit_alloc(document.len);

    if (!mp_xml_find(unit_copy(document), elements, 4, buf)) {
        return 0;
    }

    for (i = 0; i < 4; i++) {
        texts[i] = elements[i].text;
    }

    return 1;
}


static void
many_elements_are_found_at_once(void **state)
{
    mp_str_t          texts[4];
    mp_xml_element_t  elements[4];

    memset(elements, 0xff, sizeof(elements));

    assert_true(find_all(rich, elements, texts));

    check_str("one", texts[0], STR("Ax&y<z>"));
    check_str("two", texts[1], STR(""));
    check_str("three", texts[2], STR("\xf4\x8f\xbf\xbf"));

    assert_non_null(texts[1].data);
    assert_null(texts[3].data);
    assert_int_equal(texts[3].len, 0);
}


static void
none_may_be_looked_for(void **state)
{
    unsigned char  *buf;

    buf = unit_alloc(0);

    assert_true(mp_xml_find(unit_copy(rich), NULL, 0, buf));
    assert_false(mp_xml_find(unit_copy(STR("<a>")), NULL, 0, buf));
}


static void
a_document_cut_short_is_refused_at_every_length(void **state)
{
    mp_str_t          text, texts[4];
    mp_xml_element_t  elements[4];

    for (text = rich, text.len--; text.len; text.len--) {
        check_int("cut", find_all(text, elements, texts), 0);
    }
}


/* The result may be either; the sanitizer sees what is read and written. */

static void
no_byte_changed_makes_it_reach_too_far(void **state)
{
    size_t            i, j;
    mp_str_t          text, texts[4];
    unsigned char    *data;
    mp_xml_element_t  elements[4];

    static const unsigned char  bytes[] = "\0<>/&;#x!?-[]'\" =:a\x80\xff";

    for (i = 0; i < rich.len; i++) {
        for (j = 0; j < sizeof(bytes) - 1; j++) {
            text.len = rich.len;
            text.data = data = memcpy(unit_alloc(text.len), rich.data,
                                      text.len);
            data[i] = bytes[j];

            (void) find_all(text, elements, texts);
        }

        unit_release(NULL);
    }
}


static void
nesting_is_limited(void **state)
{
    size_t    depth;
    mp_str_t  text;

    text = STR("");

    for (depth = 1; depth <= MP_XML_MAX_DEPTH; depth++) {
        text = unit_join(STR("<a>"), text, STR("</a>"));
        check_int("nested", mp_xml_find(text, NULL, 0, unit_alloc(0)), 1);
    }

    assert_false(mp_xml_find(unit_join(STR("<a>"), text, STR("</a>")), NULL,
                             0, unit_alloc(0)));

    /* side by side */

    text = STR("<b/><b></b>");

    for (depth = 0; depth < 6; depth++) {
        text = unit_join(text, text, text);
    }

    assert_true(mp_xml_find(unit_join(STR("<a>"), text, STR("</a>")), NULL, 0,
                            unit_alloc(0)));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(an_element_is_found_by_its_path),
        cmocka_unit_test(a_text_is_decoded),
        cmocka_unit_test(what_is_around_the_elements_is_passed_over),
        cmocka_unit_test(what_is_not_well_formed_is_refused),
        cmocka_unit_test(an_element_is_wanted_once_and_without_others_inside),
        cmocka_unit_test(many_elements_are_found_at_once),
        cmocka_unit_test(none_may_be_looked_for),
        cmocka_unit_test(a_document_cut_short_is_refused_at_every_length),
        cmocka_unit_test(no_byte_changed_makes_it_reach_too_far),
        cmocka_unit_test(nesting_is_limited)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
