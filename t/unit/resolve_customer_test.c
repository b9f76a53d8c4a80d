#include "unit.h"

#include "aws/mp_resolve_customer.h"

#include <cjson/cJSON.h>
#include <errno.h>


#define ACCOUNT  "\"CustomerAWSAccountId\":\"123456789012\""


static void *
alloc(void *pool, size_t size)
{
    return pool ? NULL : unit_alloc(size);
}


static mp_customer_rc_t
parse(mp_customer_t *customer, mp_str_t body)
{
    mp_pool_t  pool = { alloc, NULL };

    return mp_customer_parse(customer, unit_copy(body), &pool);
}


static int
customer_is_read(mp_str_t body)
{
    size_t         i;
    mp_customer_t  customer;

    if (parse(&customer, body) == MP_CUSTOMER_OK) {
        return 1;
    }

    for (i = 0; i < MP_CUSTOMER_FIELDS; i++) {
        assert_int_equal(customer.field[i].len, 0);
    }

    return 0;
}


static void
the_body_is_an_object_with_the_token_escaped(void **state)
{
    size_t          i;
    mp_str_t        body;
    unsigned char  *data;

    static const struct {
        mp_str_t  token;
        mp_str_t  body;
        mp_str_t  sent;
    } rows[] = {
        { mp_str("abc+/=="), mp_str("{\"RegistrationToken\":\"abc+/==\"}"),
          mp_str("abc+/==") },
        { mp_str(""), mp_str("{\"RegistrationToken\":\"\"}"), mp_str("") },
        { mp_str("\"\\\n\0\xc3\xa9/"),
          mp_str("{\"RegistrationToken\":\"\\\"\\\\\\n\\u0000\xc3\xa9/\"}"),
          mp_str("\\\"\\\\\\n\\u0000\xc3\xa9/") }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        body.len = mp_resolve_body_len(rows[i].token);
        body.data = data = unit_alloc(body.len);

        assert_ptr_equal(mp_resolve_body(data, unit_copy(rows[i].token)),
                         data + body.len);

        check_str("body", body, rows[i].body);

        check_str("token in it", mp_resolve_body_token(body), rows[i].sent);
    }
}


static void
a_customer_has_four_fields(void **state)
{
    mp_str_t       body;
    mp_customer_t  customer;

    body = unit_copy(STR(
        "{\"ProductCode\":\"code-1\",\"LicenseArn\":"
        "\"arn:aws:license-manager::111122223333:license/l-abc123\","
        "\"CustomerIdentifier\":\"cust\\u00e9\"," ACCOUNT "}"));

    memset(&customer, 0xff, sizeof(customer));

    assert_int_equal(parse(&customer, body), MP_CUSTOMER_OK);

    check_str("account", customer.field[MP_CUSTOMER_AWS_ACCOUNT_ID],
              STR("123456789012"));
    check_str("arn", customer.field[MP_LICENSE_ARN],
              STR("arn:aws:license-manager::111122223333:license/l-abc123"));
    check_str("identifier", customer.field[MP_CUSTOMER_IDENTIFIER],
              STR("cust\xc3\xa9"));
    check_str("product", customer.field[MP_PRODUCT_CODE], STR("code-1"));
}


static void
any_field_that_names_a_customer_is_enough(void **state)
{
    size_t  i;

    static const struct {
        mp_str_t  body;
        int       good;
    } rows[] = {
        { mp_str("{" ACCOUNT "}"), 1 },
        { mp_str("{\"LicenseArn\":\"arn:aws:s:::r\"}"), 1 },
        { mp_str("{\"CustomerIdentifier\":\"c\"}"), 1 },
        { mp_str("{\"CustomerIdentifier\":\"\"," ACCOUNT "}"), 1 },
        { mp_str("{\"CustomerIdentifier\":null," ACCOUNT "}"), 1 },
        { mp_str("{\"ProductCode\":\"p\"}"), 0 },
        { mp_str("{}"), 0 },
        { mp_str("{\"CustomerIdentifier\":\"\"}"), 0 },
        { mp_str("{\"CustomerAWSAccountId\":\"\",\"LicenseArn\":\"\","
                 "\"CustomerIdentifier\":\"\",\"ProductCode\":\"p\"}"), 0 },
        { mp_str("{\"CustomerAWSAccountId\":null}"), 0 },
        { mp_str("{\"customerawsaccountid\":\"1\"}"), 0 },
        { mp_str("{\"Result\":{" ACCOUNT "}}"), 0 },
        { mp_str(""), 0 },
        { mp_str("null"), 0 },
        { mp_str("[{" ACCOUNT "}]"), 0 },
        { mp_str("<html>"), 0 },
        { mp_str("{" ACCOUNT), 0 },
        { mp_str("{" ACCOUNT "}{}"), 0 }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_int((const char *) rows[i].body.data,
                  customer_is_read(rows[i].body), rows[i].good);
    }
}


static int
field_is_good(const char *name, mp_str_t value)
{
    mp_str_t  body;

    body = unit_join(STR("{\""), mp_str_from(name), STR("\":\""));
    body = unit_join(body, value, STR("\",\"CustomerIdentifier\":\"c\"}"));

    return customer_is_read(body);
}


static void
fields_are_as_the_model_has_them(void **state)
{
    size_t  i;

    static const char  account[] = "CustomerAWSAccountId";
    static const char  arn[] = "LicenseArn";
    static const char  product[] = "ProductCode";

    static const struct {
        const char  *name;
        mp_str_t     value;
        int          good;
    } rows[] = {
        { account, mp_str("0"), 1 },
        { account, mp_str("9876543210"), 1 },
        { account, mp_str("12345678901a"), 0 },
        { account, mp_str("-1"), 0 },
        { account, mp_str("1/"), 0 },
        { account, mp_str("1:"), 0 },
        { account, mp_str(" 1"), 0 },
        { account, mp_str("1\\n"), 0 },
        { account, mp_str("\xd9\xa1"), 0 },

        { product, mp_str("azAZ09-/=:_.@"), 1 },
        { product, mp_str("a b"), 0 },
        { product, mp_str("a,b"), 0 },
        { product, mp_str("a;b"), 0 },
        { product, mp_str("a[b"), 0 },
        { product, mp_str("a`b"), 0 },
        { product, mp_str("a{b"), 0 },
        { product, mp_str("a\\\"b"), 0 },
        { product, mp_str("a\\r\\nX: y"), 0 },
        { product, mp_str("a\xc3\xa9"), 0 },

        { arn, mp_str("arn:aws:s:::r"), 1 },
        { arn, mp_str("arn:aws-cn:license-manager:cn-north-1:1:l/x"), 1 },
        { arn, mp_str("arn:aws-us-gov:S_/.-9:_/.-:_/.-:Rr9:_/+=,@.-"), 1 },
        { arn, mp_str("arn"), 0 },
        { arn, mp_str("arn:aws"), 0 },
        { arn, mp_str("arn:aws:"), 0 },
        { arn, mp_str("arn:aws:s"), 0 },
        { arn, mp_str("arn:aws:s::"), 0 },
        { arn, mp_str("arn:aws:s:::"), 0 },
        { arn, mp_str("arn:aws::::r"), 0 },
        { arn, mp_str("arn:a:s:::r"), 0 },
        { arn, mp_str("Arn:aws:s:::r"), 0 },
        { arn, mp_str("arn:gcp:s:::r"), 0 },
        { arn, mp_str("arn:awx:s:::r"), 0 },
        { arn, mp_str("xarn:aws:s:::r"), 0 },
        { arn, mp_str("arn:aws:s s:::r"), 0 },
        { arn, mp_str("arn:aws:s:r+::r"), 0 },
        { arn, mp_str("arn:aws:s::a@:r"), 0 },
        { arn, mp_str("arn:aws:s:::r r"), 0 },
        { arn, mp_str("arn:aws:s:::r;r"), 0 },
        { arn, mp_str("arn:aws:s:::r\\u0001"), 0 },
        { arn, mp_str("arn:aws:s:::r\xc3\xa9"), 0 },
        { arn, mp_str("arn:aws1:s:::r"), 0 },
        { arn, mp_str("arn:aws_:s:::r"), 0 },
        { arn, mp_str("arn:aws~:s:::r"), 0 },
        { arn, mp_str("arn:aws:-s:::r"), 0 },
        { arn, mp_str("arn:aws:s:::/r"), 0 },
        { arn, mp_str("arn:aws:s::::r"), 0 }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_int((const char *) rows[i].value.data,
                  field_is_good(rows[i].name, rows[i].value), rows[i].good);
    }
}


static void
a_customer_identifier_is_text_without_control_bytes(void **state)
{
    size_t  i;

    static const mp_str_t  good[] = {
        mp_str("{\"CustomerIdentifier\":\" a;b,c <>'\"}"),
        mp_str("{\"CustomerIdentifier\":\"\xc3\xa9\xf0\x9f\x98\x80\"}"),
        mp_str("{\"CustomerIdentifier\":\"\\u20ac\"}")
    };

    static const mp_str_t  bad[] = {
        mp_str("{\"CustomerIdentifier\":\"a\\r\\nX: y\"}"),
        mp_str("{\"CustomerIdentifier\":\"a\\tb\"}"),
        mp_str("{\"CustomerIdentifier\":\"a\nb\"}"),
        mp_str("{\"CustomerIdentifier\":\"a\\u007fb\"}"),
        mp_str("{\"CustomerIdentifier\":\"a\\u0000b\"}"),
        mp_str("{\"CustomerIdentifier\":\"a\xff\"}"),
        mp_str("{\"CustomerIdentifier\":\"a\xc3\"}")
    };

    for (i = 0; i < LENGTH(good); i++) {
        check_int((const char *) good[i].data, customer_is_read(good[i]), 1);
    }

    for (i = 0; i < LENGTH(bad); i++) {
        check_int((const char *) bad[i].data, customer_is_read(bad[i]), 0);
    }
}


static void
fields_have_a_greatest_length(void **state)
{
    size_t    i;
    mp_str_t  arn, part;

    static const char  *names[] = {
        "CustomerAWSAccountId", "ProductCode"
    };

    for (i = 0; i < LENGTH(names); i++) {
        assert_true(field_is_good(names[i], unit_fill('1', 255)));
        assert_false(field_is_good(names[i], unit_fill('1', 256)));
    }

    assert_true(customer_is_read(unit_join(STR("{\"CustomerIdentifier\":\""),
                                           unit_fill('1', 255),
                                           STR("\"}"))));
    assert_false(customer_is_read(unit_join(STR("{\"CustomerIdentifier\":\""),
                                            unit_fill('1', 256),
                                            STR("\"}"))));

    for (i = 1023; i <= 1025; i++) {
        arn = unit_join(STR("arn:aws:s:::"), unit_fill('r', i), STR(""));
        assert_int_equal(field_is_good("LicenseArn", arn), i <= 1024);
    }

    for (i = 62; i <= 64; i++) {
        part = unit_fill('x', i);

        arn = unit_join(STR("arn:aws:"), part, STR(":::r"));
        assert_int_equal(field_is_good("LicenseArn", arn), i <= 63);

        arn = unit_join(STR("arn:aws:s:"), part, STR("::r"));
        assert_int_equal(field_is_good("LicenseArn", arn), i <= 63);

        arn = unit_join(STR("arn:aws:s::"), part, STR(":r"));
        assert_int_equal(field_is_good("LicenseArn", arn), i <= 63);
    }
}


static void
a_field_is_a_string_and_there_once(void **state)
{
    size_t  i;

    static const mp_str_t  bad[] = {
        mp_str("{\"CustomerAWSAccountId\":123456789012}"),
        mp_str("{" ACCOUNT ",\"LicenseArn\":{}}"),
        mp_str("{" ACCOUNT ",\"ProductCode\":[\"p\"]}"),
        mp_str("{" ACCOUNT ",\"ProductCode\":true}"),
        mp_str("{" ACCOUNT ",\"CustomerIdentifier\":0}"),
        mp_str("{" ACCOUNT "," ACCOUNT "}"),
        mp_str("{" ACCOUNT ",\"CustomerAWSAccountId\":\"2\"}"),
        mp_str("{" ACCOUNT ",\"CustomerAWSAccountId\":\"\"}"),
        mp_str("{\"CustomerAWSAccountId\":null," ACCOUNT "}"),
        mp_str("{\"ProductCode\":\"a\"," ACCOUNT ",\"ProductCode\":\"b\"}")
    };

    static const mp_str_t  good[] = {
        mp_str("{" ACCOUNT ",\"ProductCode\":null}"),
        mp_str("{" ACCOUNT ",\"customerAWSAccountID\":\"x\\n\"}")
    };

    for (i = 0; i < LENGTH(bad); i++) {
        check_int((const char *) bad[i].data, customer_is_read(bad[i]), 0);
    }

    for (i = 0; i < LENGTH(good); i++) {
        check_int((const char *) good[i].data, customer_is_read(good[i]), 1);
    }
}


static void
members_are_found_by_their_name_in_lower_case(void **state)
{
    mp_customer_t  customer;

    assert_int_equal(parse(&customer, STR(
        "{\"NewField\":\"n\\u00e9w\",\"Number\":1,\"Null\":null,"
        "\"Object\":{\"Inner\":\"i\"},\"List\":[\"l\"],\"Empty\":\"\","
        "\"Control\":\"a\\u0001\",\"Delete\":\"\\u007f\",\"Twice\":1,"
        "\"tWICE\":\"2\",\"Twice\":\"3\"," ACCOUNT "}")), MP_CUSTOMER_OK);

    check_str("new", mp_customer_member(&customer, STR("newfield")),
              STR("n\xc3\xa9w"));
    check_str("modelled",
              mp_customer_member(&customer, STR("customerawsaccountid")),
              STR("123456789012"));
    check_str("first string", mp_customer_member(&customer, STR("twice")),
              STR("2"));

    check_str("other", mp_customer_member(&customer, STR("other")), STR(""));
    check_str("start", mp_customer_member(&customer, STR("newfiel")),
              STR(""));
    check_str("number", mp_customer_member(&customer, STR("number")),
              STR(""));
    check_str("null", mp_customer_member(&customer, STR("null")), STR(""));
    check_str("object", mp_customer_member(&customer, STR("object")),
              STR(""));
    check_str("inner", mp_customer_member(&customer, STR("inner")), STR(""));
    check_str("list", mp_customer_member(&customer, STR("list")), STR(""));
    check_str("empty", mp_customer_member(&customer, STR("empty")), STR(""));
    check_str("control", mp_customer_member(&customer, STR("control")),
              STR(""));
    check_str("delete", mp_customer_member(&customer, STR("delete")),
              STR(""));
}


static void
a_customer_is_one_piece_that_can_be_copied(void **state)
{
    size_t         i;
    mp_str_t       copy;
    mp_customer_t  customer, again;

    assert_int_equal(parse(&customer, STR(
        "{\"ProductCode\":\"code-1\",\"Other\":\"o\",\"Empty\":\"\","
        "\"CustomerIdentifier\":null,\"Number\":2," ACCOUNT "}")),
        MP_CUSTOMER_OK);

    copy = unit_copy(customer.packed);
    memset((void *) customer.packed.data, 'x', customer.packed.len);

    memset(&again, 0xff, sizeof(again));
    mp_customer_unpack(&again, copy);

    check_str("account", again.field[MP_CUSTOMER_AWS_ACCOUNT_ID],
              STR("123456789012"));
    check_str("product", again.field[MP_PRODUCT_CODE], STR("code-1"));
    check_str("member", mp_customer_member(&again, STR("other")), STR("o"));
    check_str("empty", mp_customer_member(&again, STR("empty")), STR(""));

    for (i = 0; i < MP_CUSTOMER_FIELDS; i++) {
        check_int("in the copy", again.field[i].len == 0
                  || (again.field[i].data >= copy.data
                      && again.field[i].data + again.field[i].len
                         <= copy.data + copy.len), 1);
    }

    /* 100,000 tokens in 32 MB leave 256 bytes for all of it */

    check_int("small", again.packed.len < 50, 1);
}


static void
long_members_keep_their_length(void **state)
{
    mp_str_t       value;
    mp_customer_t  customer;
    unsigned char  bytes[1000];

    memset(bytes, 'v', sizeof(bytes));
    value.data = bytes;
    value.len = sizeof(bytes);

    assert_int_equal(parse(&customer,
                           unit_join(STR("{" ACCOUNT ",\"Long\":\""), value,
                                     STR("\"}"))),
                     MP_CUSTOMER_OK);

    check_str("long", mp_customer_member(&customer, STR("long")), value);
}


static void *
no_malloc(size_t size)
{
    errno = ENOMEM;
    return NULL;
}


static void
without_memory_there_is_no_customer(void **state)
{
    int            full;
    mp_pool_t      pool = { alloc, &full };
    cJSON_Hooks    none = { no_malloc, free };
    mp_customer_t  customer;

    assert_int_equal(mp_customer_parse(&customer,
                                       unit_copy(STR("{" ACCOUNT "}")), &pool),
                     MP_CUSTOMER_NO_MEMORY);

    pool.pool = NULL;
    cJSON_InitHooks(&none);

    assert_int_equal(mp_customer_parse(&customer,
                                       unit_copy(STR("{" ACCOUNT "}")), &pool),
                     MP_CUSTOMER_NO_MEMORY);

    cJSON_InitHooks(NULL);
}


static void
product_codes_are_of_the_models_bytes(void **state)
{
    int            c;
    mp_str_t       code;
    unsigned char  byte;

    static const char  others[] = "-/=:_.@";

    code.data = &byte;
    code.len = 1;

    for (c = 1; c < 256; c++) {
        byte = (unsigned char) c;

        check_int("byte", mp_is_product_code(code),
                  (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                  || (c >= '0' && c <= '9') || strchr(others, c) != NULL);
    }

    assert_true(mp_is_product_code(unit_copy(STR("abc"))));
    assert_false(mp_is_product_code(unit_copy(STR("ab c"))));
    assert_false(mp_is_product_code(unit_copy(STR("abc "))));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_body_is_an_object_with_the_token_escaped),
        cmocka_unit_test(a_customer_has_four_fields),
        cmocka_unit_test(any_field_that_names_a_customer_is_enough),
        cmocka_unit_test(fields_are_as_the_model_has_them),
        cmocka_unit_test(a_customer_identifier_is_text_without_control_bytes),
        cmocka_unit_test(fields_have_a_greatest_length),
        cmocka_unit_test(a_field_is_a_string_and_there_once),
        cmocka_unit_test(members_are_found_by_their_name_in_lower_case),
        cmocka_unit_test(a_customer_is_one_piece_that_can_be_copied),
        cmocka_unit_test(long_members_keep_their_length),
        cmocka_unit_test(without_memory_there_is_no_customer),
        cmocka_unit_test(product_codes_are_of_the_models_bytes)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
