#include "unit_token.h"


#define TYPE   "multipart/form-data; boundary="

#define FIELD(name, value)                                                    \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"        \
    value "\r\n"

#define PART(head, value)                                                     \
    "--b\r\n" head "\r\n\r\n" value "\r\n--b--\r\n"

#define FILE_PART                                                             \
    "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n"   \
    "Content-Type: application/octet-stream\r\n\r\n\0\r\n\xff-\r\n"

#define END    "--b--\r\n"


static void
check_multipart(const char *type, const token_case_t *rows, size_t n)
{
    size_t             i;
    mp_token_rc_t      rc;
    mp_registration_t  registration;

    for (i = 0; i < n; i++) {
        rc = unit_body(type, rows[i].text, &registration);
        check_token(&rows[i], rc, &registration);
    }
}


static void
fields_are_parts(void **state)
{
    static const token_case_t  rows[] = {
        { "alone", mp_str(FIELD(TOKEN, "abc") END),
          MP_TOKEN_OK, mp_str("abc"), mp_null_str },
        { "both", mp_str(FIELD(OFFER, "free-trial") FIELD(TOKEN, "abc") END),
          MP_TOKEN_OK, mp_str("abc"), mp_str("free-trial") },
        { "among others",
          mp_str(FIELD("a", "1") FILE_PART FIELD(TOKEN, "abc")
                 FIELD("", "") END),
          MP_TOKEN_OK, mp_str("abc"), mp_null_str },
        { "nothing is percent-encoded", mp_str(FIELD(TOKEN, "a+b%2B=") END),
          MP_TOKEN_OK, mp_str("a+b%2B="), mp_null_str },
        { "line ends in the value",
          mp_str(FIELD(TOKEN, "\r\na\r\n\r\nb\n\r\r\n") END),
          MP_TOKEN_OK, mp_str("\r\na\r\n\r\nb\n\r\r\n"), mp_null_str },
        { "nul in the value", mp_str(FIELD(TOKEN, "a\0b") END),
          MP_TOKEN_OK, mp_str("a\0b"), mp_null_str },
        { "same twice", mp_str(FIELD(TOKEN, "a") FIELD(TOKEN, "a") END),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "empty offer type", mp_str(FIELD(TOKEN, "a") FIELD(OFFER, "") END),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },

        { "no part", mp_str(END), MP_TOKEN_MISSING,
          mp_null_str, mp_null_str },
        { "no token", mp_str(FIELD("a", "abc") END), MP_TOKEN_MISSING,
          mp_null_str, mp_null_str },
        { "empty token", mp_str(FIELD(TOKEN, "") END), MP_TOKEN_MISSING,
          mp_null_str, mp_null_str },
        { "capitals", mp_str(FIELD("X-Amzn-Marketplace-Token", "a") END),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "name is not decoded",
          mp_str(FIELD("x%2Damzn-marketplace-token", "a") END),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },

        { "different twice", mp_str(FIELD(TOKEN, "a") FIELD(TOKEN, "b") END),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "no UTF-8", mp_str(FIELD(TOKEN, "a\xff") END),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "line end in the offer type",
          mp_str(FIELD(TOKEN, "a") FIELD(OFFER, "b\r\nX: y") END),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str }
    };

    check_multipart(TYPE "b", rows, LENGTH(rows));
}


static void
a_part_is_of_the_field_that_its_disposition_names(void **state)
{
    static const token_case_t  rows[] = {
        { "no quotes",
          mp_str(PART("Content-Disposition: form-data; name=" TOKEN, "a")),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "capitals and spaces",
          mp_str(PART("CONTENT-DISPOSITION:\tForm-Data ;\tNAME =\"" TOKEN
                      "\" ", "a")),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "no space",
          mp_str(PART("content-disposition:form-data;name=" TOKEN, "a")),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "other headers around it",
          mp_str(PART("Content-Type: text/plain\r\n"
                      "Content-Disposition: form-data; name=\"" TOKEN "\"\r\n"
                      "X-Content-Disposition: form-data; name=\"a\"\r\n"
                      "Content-Disposition2: form-data; name=\"b\"", "a")),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "other parameters before it",
          mp_str(PART("Content-Disposition: form-data; a=\"; name=x\"; b=c; "
                      "name=\"" TOKEN "\"", "a")),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "quotes in a parameter before it",
          mp_str(PART("Content-Disposition: form-data; a=\"\\\"; name=x\\\\\""
                      "; name=\"" TOKEN "\"", "a")),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },

        { "name in a value",
          mp_str(PART("Content-Disposition: form-data; a=\"; name=" TOKEN
                      "\"", "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "no form-data",
          mp_str(PART("Content-Disposition: attachment; name=" TOKEN, "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "no name", mp_str(PART("Content-Disposition: form-data", "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "name of a parameter that only ends so",
          mp_str(PART("Content-Disposition: form-data; xname=" TOKEN, "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "no value of name",
          mp_str(PART("Content-Disposition: form-data; name", "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "empty name",
          mp_str(PART("Content-Disposition: form-data; name=", "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "quote that does not end",
          mp_str(PART("Content-Disposition: form-data; name=\"", "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "backslash at the end",
          mp_str(PART("Content-Disposition: form-data; name=\"\\", "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "no header", mp_str("--b\r\n\r\n" TOKEN "=a\r\n" END),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "another header",
          mp_str(PART("Content-Type: form-data; name=" TOKEN, "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "another header, as long",
          mp_str(PART("Content-Dispositive: form-data; name=" TOKEN, "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "only a header's name", mp_str(PART("Content-Disposition", "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },

        { "header that does not end",
          mp_str("--b\r\nContent-Disposition: form-data; name=" TOKEN
                 "\r\n" END),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "headers that do not end",
          mp_str(FIELD(TOKEN, "a") "--b\r\nA: b\r\nC: d\r\n" END),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str }
    };

    check_multipart(TYPE "b", rows, LENGTH(rows));
}


static void
a_file_is_not_the_token_whatever_its_name(void **state)
{
    static const token_case_t  rows[] = {
        { "file name",
          mp_str(PART("Content-Disposition: form-data; name=\"" TOKEN "\"; "
                      "filename=\"a.txt\"", "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "file name first",
          mp_str(PART("Content-Disposition: form-data; FileName=a; name=\""
                      TOKEN "\"", "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "empty file name",
          mp_str(PART("Content-Disposition: form-data; name=\"" TOKEN "\"; "
                      "filename=\"\"", "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "extended file name",
          mp_str(PART("Content-Disposition: form-data; name=\"" TOKEN "\"; "
                      "filename*=UTF-8''a", "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "file name without a value",
          mp_str(PART("Content-Disposition: form-data; name=\"" TOKEN "\"; "
                      "filename", "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "file name behind a word",
          mp_str(PART("Content-Disposition: form-data; x; filename=\"f\"; "
                      "name=" TOKEN, "a")),
          MP_TOKEN_MISSING, mp_null_str, mp_null_str },
        { "a second disposition",
          mp_str(PART("Content-Disposition: form-data; name=f; filename=f\r\n"
                      "Content-Disposition: form-data; name=" TOKEN, "a")),
          MP_TOKEN_INVALID, mp_null_str, mp_null_str },
        { "field and file of one name",
          mp_str("--b\r\nContent-Disposition: form-data; name=\"" TOKEN
                 "\"; filename=\"f\"\r\n\r\nfile\r\n"
                 FIELD(TOKEN, "field") END),
          MP_TOKEN_OK, mp_str("field"), mp_null_str }
    };

    check_multipart(TYPE "b", rows, LENGTH(rows));
}


static void
the_boundary_is_a_parameter_with_or_without_quotes(void **state)
{
    size_t             i;
    mp_token_rc_t      rc;
    mp_registration_t  registration;

    static const struct {
        const char     *type;
        mp_token_rc_t   rc;
    } rows[] = {
        { TYPE "b", MP_TOKEN_OK },
        { TYPE "\"b\"", MP_TOKEN_OK },
        { TYPE " b ", MP_TOKEN_OK },
        { TYPE "b; charset=utf-8", MP_TOKEN_OK },
        { TYPE "\"b\" ; charset=utf-8", MP_TOKEN_OK },
        { "Multipart/Form-Data;BOUNDARY =b", MP_TOKEN_OK },
        { "multipart/form-data; a=\"; boundary=c\"; boundary=b",
          MP_TOKEN_OK },
        { "multipart/form-data", MP_TOKEN_INVALID },
        { "multipart/form-data;", MP_TOKEN_INVALID },
        { "multipart/form-data; boundary", MP_TOKEN_INVALID },
        { TYPE, MP_TOKEN_INVALID },
        { TYPE "\"\"", MP_TOKEN_INVALID },
        { TYPE "\"", MP_TOKEN_INVALID },
        { TYPE "B", MP_TOKEN_INVALID },
        { TYPE "bb", MP_TOKEN_INVALID },
        { TYPE "-b", MP_TOKEN_INVALID },
        { "multipart/form-data; xboundary=b", MP_TOKEN_INVALID }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        rc = unit_body(rows[i].type, STR(FIELD(TOKEN, "a") END),
                       &registration);
        check_int(rows[i].type, rc, rows[i].rc);
    }
}


static void
an_empty_boundary_is_none(void **state)
{
    mp_registration_t  registration;

    static const mp_str_t  body = mp_str(
        "--\r\nContent-Disposition: form-data; name=" TOKEN
        "\r\n\r\na\r\n----");

    assert_int_equal(unit_body(TYPE, body, &registration), MP_TOKEN_INVALID);
    assert_int_equal(unit_body(TYPE "\"\"", body, &registration),
                     MP_TOKEN_INVALID);
}


static void
a_quoted_boundary_may_hold_what_separates(void **state)
{
    static const token_case_t  rows[] = {
        { "separators",
          mp_str("--a;b= c\r\nContent-Disposition: form-data; name=" TOKEN
                 "\r\n\r\nx\r\n--a;b= c--"),
          MP_TOKEN_OK, mp_str("x"), mp_null_str }
    };

    check_multipart(TYPE "\"a;b= c\"; charset=utf-8", rows, LENGTH(rows));
}


static void
a_boundary_has_a_greatest_length(void **state)
{
    size_t             len;
    mp_str_t           boundary, type, body;
    unit_pool_t        pool;
    mp_token_rc_t      rc;
    mp_token_rule_t    rule;
    mp_registration_t  registration;

    static const mp_str_t  none = mp_null_str;

    for (len = 69; len <= 71; len++) {
        boundary = unit_fill('-', len);

        type = unit_join(STR(TYPE), boundary, none);
        body = unit_join(STR("--"), boundary,
                         STR("\r\nContent-Disposition: form-data; name="
                             TOKEN "\r\n\r\na\r\n--"));
        body = unit_join(body, boundary, STR("--"));

        rule = unit_rule(&pool);
        rc = mp_token_from_body(&registration, &rule, type, body);

        assert_int_equal(rc, len <= 70 ? MP_TOKEN_OK : MP_TOKEN_INVALID);
    }
}


static void
what_is_around_the_parts_is_passed_over(void **state)
{
    static const token_case_t  rows[] = {
        { "preamble", mp_str("preamble\r\n" FIELD(TOKEN, "a") END),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "empty line", mp_str("\r\n" FIELD(TOKEN, "a") END),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "field in the preamble",
          mp_str("Content-Disposition: form-data; name=" TOKEN "\r\n\r\nb\r\n"
                 FIELD(TOKEN, "a") END),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "boundary inside a line of the preamble",
          mp_str("x" FIELD(TOKEN, "b") FIELD(TOKEN, "a") END),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "epilogue", mp_str(FIELD(TOKEN, "a") END FIELD(TOKEN, "b") END),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "no line end behind it", mp_str(FIELD(TOKEN, "a") "--b--"),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "spaces behind boundaries",
          mp_str("--b \t \r\nContent-Disposition: form-data; name=" TOKEN
                 "\r\n\r\na\r\n--b-- \r\n"),
          MP_TOKEN_OK, mp_str("a"), mp_null_str }
    };

    check_multipart(TYPE "b", rows, LENGTH(rows));
}


static void
what_only_looks_like_a_boundary_is_data(void **state)
{
    static const token_case_t  rows[] = {
        { "longer", mp_str(FIELD(TOKEN, "a\r\n--bb\r\n--b.\r\n--b-\r\n--b x")
                           END),
          MP_TOKEN_OK, mp_str("a\r\n--bb\r\n--b.\r\n--b-\r\n--b x"),
          mp_null_str },
        { "shorter", mp_str(FIELD(TOKEN, "a\r\n--\r\n-b\r\nb\r\n--c") END),
          MP_TOKEN_OK, mp_str("a\r\n--\r\n-b\r\nb\r\n--c"), mp_null_str },
        { "inside a line", mp_str(FIELD(TOKEN, "a--b\r\nc --b--\r\nd") END),
          MP_TOKEN_OK, mp_str("a--b\r\nc --b--\r\nd"), mp_null_str },
        { "line ends of other kinds",
          mp_str(FIELD(TOKEN, "a\n--b\nc\r--b\rd\n--b\r\ne\r\n--b\nf") END),
          MP_TOKEN_OK, mp_str("a\n--b\nc\r--b\rd\n--b\r\ne\r\n--b\nf"),
          mp_null_str },
        { "in a header",
          mp_str("--b\r\nA: --b--\r\nContent-Disposition: form-data; name="
                 TOKEN "\r\n\r\na\r\n" END),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "before the first", mp_str("a\r\n--bb\r\n" FIELD(TOKEN, "a") END),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "as the first line",
          mp_str("--bb\r\nsome text --b\r\nContent-Disposition: form-data; "
                 "name=" TOKEN "\r\n\r\nx\r\n" FIELD(TOKEN, "a") END),
          MP_TOKEN_OK, mp_str("a"), mp_null_str },
        { "like the last", mp_str(FIELD(TOKEN, "a\r\n--b--x\r\nb") END),
          MP_TOKEN_OK, mp_str("a\r\n--b--x\r\nb"), mp_null_str }
    };

    check_multipart(TYPE "b", rows, LENGTH(rows));
}


static void
a_body_without_its_end_is_refused(void **state)
{
    mp_str_t           text;
    mp_token_rc_t      rc;
    mp_registration_t  registration;

    static const mp_str_t  whole = mp_str(
        "p\r\n" FIELD(OFFER, "free-trial") FILE_PART FIELD(TOKEN, "a")
        "--b--");

    for (text = whole, text.len--; text.len; text.len--) {
        rc = unit_body(TYPE "b", text, &registration);

        if (rc != MP_TOKEN_INVALID) {
            fail_msg("%zu bytes: %d", text.len, rc);
        }
    }

    assert_int_equal(unit_body(TYPE "b", whole, &registration), MP_TOKEN_OK);
    assert_int_equal(unit_body(TYPE "b", STR(""), &registration),
                     MP_TOKEN_INVALID);
}


static void
a_body_has_a_greatest_number_of_parts(void **state)
{
    size_t             i, n;
    mp_str_t           body;
    mp_registration_t  registration;

    for (n = MP_MULTIPART_MAX_PARTS - 1; n <= MP_MULTIPART_MAX_PARTS + 1;
         n++)
    {
        for (body = STR(FIELD(TOKEN, "a")), i = 1; i < n; i++) {
            body = unit_join(STR(FIELD("a", "1")), body, STR(""));
        }

        body = unit_join(body, STR(END), STR(""));

        assert_int_equal(unit_body(TYPE "b", body, &registration),
                         n <= MP_MULTIPART_MAX_PARTS ? MP_TOKEN_OK
                                                     : MP_TOKEN_INVALID);
    }
}


static void
lengths_are_limited_and_nothing_is_allocated(void **state)
{
    size_t             len;
    mp_str_t           body;
    unit_pool_t        pool;
    mp_token_rc_t      rc;
    mp_token_rule_t    rule;
    mp_registration_t  registration;

    static const mp_str_t  token = mp_str(
        "--b\r\nContent-Disposition: form-data; name=" TOKEN "\r\n\r\n");
    static const mp_str_t  offer = mp_str(
        FIELD(TOKEN, "a")
        "--b\r\nContent-Disposition: form-data; name=" OFFER "\r\n\r\n");
    static const mp_str_t  end = mp_str("\r\n--b--");

    for (len = TOKEN_MAX; len <= TOKEN_MAX + 1; len++) {
        rule = unit_rule(&pool);
        pool.left = 0;

        body = unit_join(token, unit_fill('a', len), end);
        rc = mp_token_from_body(&registration, &rule, STR(TYPE "b"), body);

        assert_int_equal(rc, len == TOKEN_MAX ? MP_TOKEN_OK
                                              : MP_TOKEN_TOO_LARGE);
        assert_int_equal(pool.allocations, 0);
    }

    for (len = MP_OFFER_TYPE_MAX; len <= MP_OFFER_TYPE_MAX + 1; len++) {
        body = unit_join(offer, unit_fill('a', len), end);
        rc = unit_body(TYPE "b", body, &registration);

        assert_int_equal(rc, len == MP_OFFER_TYPE_MAX ? MP_TOKEN_OK
                                                      : MP_TOKEN_TOO_LARGE);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(fields_are_parts),
        cmocka_unit_test(a_part_is_of_the_field_that_its_disposition_names),
        cmocka_unit_test(a_file_is_not_the_token_whatever_its_name),
        cmocka_unit_test(the_boundary_is_a_parameter_with_or_without_quotes),
        cmocka_unit_test(an_empty_boundary_is_none),
        cmocka_unit_test(a_quoted_boundary_may_hold_what_separates),
        cmocka_unit_test(a_boundary_has_a_greatest_length),
        cmocka_unit_test(what_is_around_the_parts_is_passed_over),
        cmocka_unit_test(what_only_looks_like_a_boundary_is_data),
        cmocka_unit_test(a_body_without_its_end_is_refused),
        cmocka_unit_test(a_body_has_a_greatest_number_of_parts),
        cmocka_unit_test(lengths_are_limited_and_nothing_is_allocated)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
