#include "unit.h"

#include "aws/mp_endpoint.h"


static void
a_region_is_words_and_a_number(void **state)
{
    size_t  i;

    static const mp_str_t  good[] = {
        mp_str("us-east-1"),
        mp_str("us-gov-west-1"),
        mp_str("cn-northwest-1"),
        mp_str("eusc-de-east-1"),
        mp_str("us-iso-east-1"),
        mp_str("us-isob-east-1"),
        mp_str("us-isof-south-1"),
        mp_str("eu-isoe-west-1"),
        mp_str("ap-southeast-12"),
        mp_str("zz-zz-0"),
        mp_str("a-b-9")
    };

    static const mp_str_t  bad[] = {
        mp_null_str,
        mp_str(""),
        mp_str("-"),
        mp_str("us"),
        mp_str("1"),
        mp_str("us-1"),
        mp_str("us-east"),
        mp_str("us-east-"),
        mp_str("us-east-1-"),
        mp_str("-us-east-1"),
        mp_str("us--east-1"),
        mp_str("us-east--1"),
        mp_str("us-east-one"),
        mp_str("1us-east-1"),
        mp_str("US-EAST-1"),
        mp_str("us-east-1a"),
        mp_str("us-east-a1"),
        mp_str("us-1-1"),
        mp_str("a1-b-3"),
        mp_str("us_east_1"),
        mp_str("us.east-1-1"),
        mp_str("us-east-1 "),
        mp_str(" us-east-1"),
        mp_str("us-east-1/"),
        mp_str("us-east-1\r\nx-1"),
        mp_str("us-e\0st-1"),
        mp_str("us-\xc3\xa9st-1")
    };

    for (i = 0; i < LENGTH(good); i++) {
        check_int((const char *) good[i].data,
                  mp_region_is_valid(unit_copy(good[i])), 1);
    }

    for (i = 0; i < LENGTH(bad); i++) {
        check_int((const char *) bad[i].data,
                  mp_region_is_valid(unit_copy(bad[i])), 0);
    }
}


static void
the_edges_of_a_regions_bytes_are_known(void **state)
{
    static const char  bytes[] = "`{/:@";

    size_t         i;
    unsigned char  region[] = "us-east-1";

    for (i = 0; i < sizeof(bytes) - 1; i++) {
        region[5] = (unsigned char) bytes[i];
        check_int(bytes + i,
                  mp_region_is_valid(unit_bytes(region, 9)), 0);
    }

    region[5] = 'z';
    assert_true(mp_region_is_valid(unit_bytes(region, 9)));

    region[5] = '9';
    assert_false(mp_region_is_valid(unit_bytes(region, 9)));
}


static void
a_region_has_a_longest_name(void **state)
{
    mp_str_t  longest;

    longest = unit_join(STR("us-"), unit_fill('x', MP_REGION_MAX - 5),
                        STR("-1"));

    assert_true(mp_region_is_valid(longest));
    assert_false(mp_region_is_valid(unit_join(longest, STR("2"), STR(""))));
}


static void
hosts_are_those_of_the_partition(void **state)
{
    size_t         i;
    mp_str_t       host;
    unsigned char  buf[MP_HOST_MAX];

    static const struct {
        mp_str_t  region;
        mp_str_t  host;
    } rows[] = {
        { mp_str("us-east-1"),
          mp_str("metering.marketplace.us-east-1.amazonaws.com") },
        { mp_str("eu-central-2"),
          mp_str("metering.marketplace.eu-central-2.amazonaws.com") },
        { mp_str("mx-central-1"),
          mp_str("metering.marketplace.mx-central-1.amazonaws.com") },
        { mp_str("us-gov-west-1"),
          mp_str("metering.marketplace.us-gov-west-1.amazonaws.com") },
        { mp_str("cn-northwest-1"),
          mp_str("metering.marketplace.cn-northwest-1.amazonaws.com.cn") },
        { mp_str("eusc-de-east-1"),
          mp_str("metering-marketplace.eusc-de-east-1.amazonaws.eu") },
        { mp_str("us-iso-east-1"),
          mp_str("metering.marketplace.us-iso-east-1.c2s.ic.gov") },
        { mp_str("us-isob-east-1"),
          mp_str("metering.marketplace.us-isob-east-1.sc2s.sgov.gov") },
        { mp_str("eu-isoe-west-1"),
          mp_str("metering.marketplace.eu-isoe-west-1.cloud.adc-e.uk") },
        { mp_str("us-isof-south-1"),
          mp_str("metering.marketplace.us-isof-south-1.csp.hci.ic.gov") },
        { mp_str("a-b-1"),
          mp_str("metering.marketplace.a-b-1.amazonaws.com") },
        { mp_str("us-isolated-1"),
          mp_str("metering.marketplace.us-isolated-1.amazonaws.com") },
        { mp_str("cnx-north-1"),
          mp_str("metering.marketplace.cnx-north-1.amazonaws.com") }
    };

    host.data = buf;

    for (i = 0; i < LENGTH(rows); i++) {
        host.len = mp_metering_host(unit_copy(rows[i].region), buf);
        check_str((const char *) rows[i].region.data, host, rows[i].host);
    }
}


static void
hosts_of_sts_are_those_of_the_partition(void **state)
{
    size_t         i;
    mp_str_t       host;
    unsigned char  buf[MP_HOST_MAX];

    static const struct {
        mp_str_t  region;
        mp_str_t  host;
    } rows[] = {
        { mp_str("us-east-1"), mp_str("sts.us-east-1.amazonaws.com") },
        { mp_str("mx-central-1"), mp_str("sts.mx-central-1.amazonaws.com") },
        { mp_str("us-gov-west-1"),
          mp_str("sts.us-gov-west-1.amazonaws.com") },
        { mp_str("cn-northwest-1"),
          mp_str("sts.cn-northwest-1.amazonaws.com.cn") },
        { mp_str("eusc-de-east-1"), mp_str("sts.eusc-de-east-1.amazonaws.eu") },
        { mp_str("us-iso-east-1"), mp_str("sts.us-iso-east-1.c2s.ic.gov") },
        { mp_str("us-isob-east-1"),
          mp_str("sts.us-isob-east-1.sc2s.sgov.gov") },
        { mp_str("eu-isoe-west-1"),
          mp_str("sts.eu-isoe-west-1.cloud.adc-e.uk") },
        { mp_str("us-isof-south-1"),
          mp_str("sts.us-isof-south-1.csp.hci.ic.gov") },
        { mp_str("us-isolated-1"), mp_str("sts.us-isolated-1.amazonaws.com") }
    };

    host.data = buf;

    for (i = 0; i < LENGTH(rows); i++) {
        host.len = mp_sts_host(unit_copy(rows[i].region), buf);
        check_str((const char *) rows[i].region.data, host, rows[i].host);
    }
}


static void
the_longest_host_fits(void **state)
{
    size_t         i;
    mp_str_t       region;
    unsigned char  buf[MP_HOST_MAX];

    static const mp_str_t  starts[] = {
        mp_str("us-"), mp_str("cn-"), mp_str("eusc-"), mp_str("us-iso-"),
        mp_str("us-isob-"), mp_str("eu-isoe-"), mp_str("us-isof-")
    };

    for (i = 0; i < LENGTH(starts); i++) {
        region = unit_join(starts[i],
                           unit_fill('x', MP_REGION_MAX - starts[i].len - 2),
                           STR("-1"));

        assert_int_equal(region.len, MP_REGION_MAX);
        assert_true(mp_region_is_valid(region));
        assert_between(mp_metering_host(region, buf), 1, MP_HOST_MAX - 1);
        assert_between(mp_sts_host(region, buf), 1, MP_HOST_MAX - 1);
    }
}


static void
an_url_is_taken_apart(void **state)
{
    size_t         i;
    const char    *name;
    mp_endpoint_t  endpoint;

    static const struct {
        mp_str_t  url;
        mp_str_t  host;
        int       https;
        int       has_port;
        int       port;
    } rows[] = {
        { mp_str("http://a"), mp_str("a"), 0, 0, 80 },
        { mp_str("https://a"), mp_str("a"), 1, 0, 443 },
        { mp_str("https://a/"), mp_str("a"), 1, 0, 443 },
        { mp_str("HtTpS://a"), mp_str("a"), 1, 0, 443 },
        { mp_str("HTTP://a"), mp_str("a"), 0, 0, 80 },
        { mp_str("http://a:1"), mp_str("a"), 0, 1, 1 },
        { mp_str("http://a:80"), mp_str("a"), 0, 1, 80 },
        { mp_str("http://a:80/"), mp_str("a"), 0, 1, 80 },
        { mp_str("https://a:65535"), mp_str("a"), 1, 1, 65535 },
        { mp_str("http://a-b_c.9.example."), mp_str("a-b_c.9.example."),
          0, 0, 80 },
        { mp_str("http://Example.COM"), mp_str("Example.COM"), 0, 0, 80 },
        { mp_str("http://127.0.0.1:8080"), mp_str("127.0.0.1"), 0, 1, 8080 },
        { mp_str("http://[::1]"), mp_str("[::1]"), 0, 0, 80 },
        { mp_str("https://[fd00:ec2::254]:8443/"),
          mp_str("[fd00:ec2::254]"), 1, 1, 8443 },
        { mp_str("http://[::FFFF:127.0.0.1]:1"),
          mp_str("[::FFFF:127.0.0.1]"), 0, 1, 1 }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        name = (const char *) rows[i].url.data;

        memset(&endpoint, 0xff, sizeof(endpoint));

        if (mp_endpoint_parse(unit_copy(rows[i].url), &endpoint) != NULL) {
            fail_msg("%s is refused", name);
        }

        check_str(name, endpoint.host, rows[i].host);
        check_int(name, endpoint.https, rows[i].https);
        check_int(name, endpoint.has_port, rows[i].has_port);
        check_int(name, endpoint.port, rows[i].port);
    }
}


static void
a_bad_url_is_refused_with_the_reason(void **state)
{
    size_t         i;
    const char    *wrong;
    mp_endpoint_t  endpoint;

    static const char  scheme[] = "the scheme has to be http:// or https://";
    static const char  no_host[] = "there is no host in it";
    static const char  malformed[] = "the host is malformed";
    static const char  follows[] = "nothing may follow the host and the port";
    static const char  number[] = "the port is not a number";
    static const char  range[] = "the port has to be from 1 to 65535";

    static const struct {
        mp_str_t     url;
        const char  *reason;
    } rows[] = {
        { mp_null_str, scheme },
        { mp_str(""), scheme },
        { mp_str("a"), scheme },
        { mp_str("http"), scheme },
        { mp_str("http:/"), scheme },
        { mp_str("http:a"), scheme },
        { mp_str("ftp://a"), scheme },
        { mp_str("httpss://a"), scheme },
        { mp_str(" http://a"), scheme },
        { mp_str("//a"), scheme },
        { mp_str("http://"), no_host },
        { mp_str("https://"), no_host },
        { mp_str("http:///"), no_host },
        { mp_str("http:///path"), no_host },
        { mp_str("http://:80"), no_host },
        { mp_str("http://?q"), no_host },
        { mp_str("http://a/path"), follows },
        { mp_str("http://a//"), follows },
        { mp_str("http://a?q"), follows },
        { mp_str("http://a#f"), follows },
        { mp_str("http://[::1]x"), follows },
        { mp_str("http://[::1]]"), follows },
        { mp_str("http://user@a"), malformed },
        { mp_str("http://a b"), malformed },
        { mp_str("http://a\0b"), malformed },
        { mp_str("http://a\r\nb"), malformed },
        { mp_str("http://a%20b"), malformed },
        { mp_str("http://a,b"), malformed },
        { mp_str("http://a$b"), malformed },
        { mp_str("http://\xc3\xa9"), malformed },
        { mp_str("http://.a"), malformed },
        { mp_str("http://."), malformed },
        { mp_str("http://a..b"), malformed },
        { mp_str("http://["), malformed },
        { mp_str("http://[]"), malformed },
        { mp_str("http://[:]"), malformed },
        { mp_str("http://[::1"), malformed },
        { mp_str("http://[::1:80"), malformed },
        { mp_str("http://[::g]"), malformed },
        { mp_str("http://[fe80::1%25]"), malformed },
        { mp_str("http://::1"), no_host },
        { mp_str("http://a:"), range },
        { mp_str("http://a:/"), range },
        { mp_str("http://a:0"), range },
        { mp_str("http://a:00"), range },
        { mp_str("http://a:65536"), range },
        { mp_str("http://a:4294967377"), range },
        { mp_str("http://a:99999999999999999999999"), range },
        { mp_str("http://a:8x"), number },
        { mp_str("http://a:-1"), number },
        { mp_str("http://a:+1"), number },
        { mp_str("http://a: 80"), number },
        { mp_str("http://a:80/path"), number },
        { mp_str("http://a:80:80"), number },
        { mp_str("http://a:80?q"), number }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        wrong = mp_endpoint_parse(unit_copy(rows[i].url), &endpoint);

        check_str((const char *) rows[i].url.data,
                  mp_str_from(wrong ? wrong : "taken"),
                  mp_str_from(rows[i].reason));
    }
}


static void
a_host_has_a_longest_name(void **state)
{
    mp_str_t       host;
    mp_endpoint_t  endpoint;

    host = unit_fill('a', MP_HOST_MAX);
    assert_null(mp_endpoint_parse(unit_join(STR("http://"), host, STR("/")),
                                  &endpoint));
    check_str("longest", endpoint.host, host);

    assert_non_null(
        mp_endpoint_parse(unit_join(STR("http://"), host, STR("a")),
                          &endpoint));

    host = unit_fill(':', MP_HOST_MAX - 1);
    assert_non_null(
        mp_endpoint_parse(unit_join(STR("http://["), host, STR("]")),
                          &endpoint));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_region_is_words_and_a_number),
        cmocka_unit_test(the_edges_of_a_regions_bytes_are_known),
        cmocka_unit_test(a_region_has_a_longest_name),
        cmocka_unit_test(hosts_are_those_of_the_partition),
        cmocka_unit_test(hosts_of_sts_are_those_of_the_partition),
        cmocka_unit_test(the_longest_host_fits),
        cmocka_unit_test(an_url_is_taken_apart),
        cmocka_unit_test(a_bad_url_is_refused_with_the_reason),
        cmocka_unit_test(a_host_has_a_longest_name)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
