#include "unit.h"

#include "aws/mp_container.h"


static void
an_uri_is_taken_apart(void **state)
{
    size_t          i;
    mp_str_t        uri, path;
    const char     *name;
    mp_endpoint_t   endpoint;

    static const struct {
        mp_str_t  uri;
        mp_str_t  host;
        int       https;
        int       port;
        mp_str_t  path;
    } rows[] = {
        { mp_str("http://169.254.170.2/v2/credentials/0a1b-2c"),
          mp_str("169.254.170.2"), 0, 80, mp_str("/v2/credentials/0a1b-2c") },
        { mp_str("http://169.254.170.23/v1/credentials"),
          mp_str("169.254.170.23"), 0, 80, mp_str("/v1/credentials") },
        { mp_str("http://[fd00:ec2::23]/v1/credentials"),
          mp_str("[fd00:ec2::23]"), 0, 80, mp_str("/v1/credentials") },
        { mp_str("https://a.example:8443/x/y?a=b&c=d:@/?"),
          mp_str("a.example"), 1, 8443, mp_str("/x/y?a=b&c=d:@/?") },
        { mp_str("http://localhost:8080/"),
          mp_str("localhost"), 0, 8080, mp_str("/") },
        { mp_str("http://localhost/?x"),
          mp_str("localhost"), 0, 80, mp_str("/?x") },
        { mp_str("http://localhost//"),
          mp_str("localhost"), 0, 80, mp_str("//") },
        { mp_str("http://localhost/http://a@b:c/"),
          mp_str("localhost"), 0, 80, mp_str("/http://a@b:c/") },
        { mp_str("https://a.example"),
          mp_str("a.example"), 1, 443, mp_str("/") },
        { mp_str("http://127.0.0.1:51679"),
          mp_str("127.0.0.1"), 0, 51679, mp_str("/") },
        { mp_str("HTTP://LocalHost/x"),
          mp_str("LocalHost"), 0, 80, mp_str("/x") }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        name = (const char *) rows[i].uri.data;
        uri = unit_copy(rows[i].uri);

        memset(&endpoint, 0xff, sizeof(endpoint));
        memset(&path, 0xff, sizeof(path));

        check_str(name,
                  mp_container_uri(uri, &endpoint, &path) ? STR("refused")
                                                          : STR("taken"),
                  STR("taken"));

        check_str(name, endpoint.host, rows[i].host);
        check_int(name, endpoint.https, rows[i].https);
        check_int(name, endpoint.port, rows[i].port);
        check_str(name, path, rows[i].path);
    }
}


static mp_str_t
result(mp_str_t uri)
{
    mp_str_t       path;
    const char    *wrong;
    mp_endpoint_t  endpoint;

    wrong = mp_container_uri(unit_copy(uri), &endpoint, &path);

    return mp_str_from(wrong ? wrong : "taken");
}


static void
over_http_few_hosts_are_trusted(void **state)
{
    size_t       i;
    mp_str_t     host, uri;
    const char  *label;

    static const char  far[] =
        "over http it has to be of this machine, of ECS or of EKS";

    static const char  *trusted[] = {
        "169.254.170.2", "169.254.170.23",
        "[fd00:ec2::23]", "[FD00:EC2::23]", "[fd00:0ec2::0023]",
        "[fd00:ec2:0:0:0:0:0:23]", "[::1]", "[0:0:0:0:0:0:0:1]",
        "localhost", "LOCALHOST",
        "127.0.0.0", "127.0.0.1", "127.1.2.3", "127.255.255.255"
    };

    static const char  *strangers[] = {
        "169.254.170.1", "169.254.170.3", "169.254.170.22", "169.254.170.20",
        "169.254.170.24", "169.254.170.230", "169.254.169.254",
        "169.254.171.2", "169.253.170.2", "168.254.170.2",
        "169.254.170.2.", "169.254.170.02", "169.254.170.2.example.com",
        "[fd00:ec2::24]", "[fd00:ec2::254]", "[fd00:ec2::]", "[::23]",
        "[fd00:ec2::1:23]", "[fd00:ec2::2:3]", "[fd00:ec3::23]", "[fe80::1]",
        "[fd00:ec2::123]",
        "[::]", "[::2]", "[::1:1]", "[1::1]", "[::100]", "[1::]",
        "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[127.0.0.1]",
        "[0.0.0.1]", "[::1::1]", "[:::1]", "[11]", "[::00001]",
        "[....]", "[0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:1]",
        "localhost.", "localhost.example.com", "alocalhost", "localhosts",
        "local", "localhost_",
        "126.0.0.1", "128.0.0.1", "0.0.0.0", "10.0.0.1", "1.127.0.1",
        "127.0.0.1.example.com", "127.0.0.1.", "127.0.0", "127.1", "127",
        "127.0.0.0.1", "127.0.0.256", "127.0.0.01", "127.0.0.0x1",
        "0127.0.0.1", "0177.0.0.1", "0x7f.0.0.1", "2130706433", "0x7f000001",
        "127.0.0.a", "127-0-0-1", "127.0.0.1a", "a127.0.0.1",
        "127000000000000000000000000000000000000000000000000000000000.0.0.1",
        "example.com", "a"
    };

    for (i = 0; i < LENGTH(trusted); i++) {
        host = mp_str_from(trusted[i]);
        label = trusted[i];

        uri = unit_join(STR("http://"), host, STR("/x"));
        check_str(label, result(uri), STR("taken"));
        uri = unit_join(STR("http://"), host, STR(":8080"));
        check_str(label, result(uri), STR("taken"));
        uri = unit_join(STR("https://"), host, STR("/x"));
        check_str(label, result(uri), STR("taken"));
    }

    for (i = 0; i < LENGTH(strangers); i++) {
        host = mp_str_from(strangers[i]);
        label = strangers[i];

        uri = unit_join(STR("http://"), host, STR("/x"));
        check_str(label, result(uri), mp_str_from(far));
        uri = unit_join(STR("http://"), host, STR(":80/localhost"));
        check_str(label, result(uri), mp_str_from(far));
        uri = unit_join(STR("https://"), host, STR("/x"));
        check_str(label, result(uri), STR("taken"));
    }
}


static void
a_bad_uri_is_refused_with_the_reason(void **state)
{
    size_t  i;

    static const char  scheme[] = "the scheme has to be http:// or https://";
    static const char  no_host[] = "there is no host in it";
    static const char  malformed[] = "the host is malformed";
    static const char  bytes[] = "it must be printable and without spaces";
    static const char  fragment[] = "there may be no fragment in it";
    static const char  user[] = "there may be no user in it";
    static const char  slash[] = "the path has to start with a slash";

    static const struct {
        mp_str_t     uri;
        const char  *reason;
    } rows[] = {
        { mp_null_str, scheme },
        { mp_str(""), scheme },
        { mp_str("/v2/credentials"), scheme },
        { mp_str("localhost/x"), scheme },
        { mp_str("//localhost/x"), scheme },
        { mp_str("file:///etc/passwd"), scheme },
        { mp_str("x://http://localhost/"), scheme },
        { mp_str("http:/localhost/"), scheme },
        { mp_str("://"), scheme },
        { mp_str("http://"), no_host },
        { mp_str("http:///x"), no_host },
        { mp_str("https:///localhost/x"), no_host },
        { mp_str("https://?x"), no_host },
        { mp_str("https://:80/x"), no_host },
        { mp_str("http://localhost\\@a/"), user },
        { mp_str("http://localhost\\a/"), malformed },
        { mp_str("https://a..b/"), malformed },
        { mp_str("http://[::1/x]/"), malformed },
        { mp_str("http://[::1%25lo]/"), malformed },
        { mp_str("https://a:x/"), "the port is not a number" },
        { mp_str("https://a:0/"), "the port has to be from 1 to 65535" },
        { mp_str("https://a:65536/x"), "the port has to be from 1 to 65535" },
        { mp_str("https://a:/x"), "the port has to be from 1 to 65535" },

        { mp_str("http://localhost/ x"), bytes },
        { mp_str("http://localhost/x "), bytes },
        { mp_str(" http://localhost/x"), bytes },
        { mp_str("http://localhost/x\r\nHost: a"), bytes },
        { mp_str("http://localhost/x\n"), bytes },
        { mp_str("http://localhost/\tx"), bytes },
        { mp_str("http://localhost/x\0"), bytes },
        { mp_str("http://localhost/\x7f"), bytes },
        { mp_str("http://localhost/\xc3\xa9"), bytes },

        { mp_str("http://localhost/x#"), fragment },
        { mp_str("http://localhost/x?y#z"), fragment },
        { mp_str("http://localhost#@a/"), fragment },
        { mp_str("#"), fragment },

        { mp_str("http://localhost@a/x"), user },
        { mp_str("https://user@a/x"), user },
        { mp_str("https://user:password@a/x"), user },
        { mp_str("http://127.0.0.1:80@a"), user },
        { mp_str("https://@a/x"), user },

        { mp_str("http://localhost?x"), slash },
        { mp_str("http://localhost:80?x"), slash },
        { mp_str("https://a?/"), slash },
        { mp_str("http://localhost?@a/"), slash }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        check_str((const char *) rows[i].uri.data, result(rows[i].uri),
                  mp_str_from(rows[i].reason));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(an_uri_is_taken_apart),
        cmocka_unit_test(over_http_few_hosts_are_trusted),
        cmocka_unit_test(a_bad_uri_is_refused_with_the_reason)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
