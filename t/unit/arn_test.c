#include "unit.h"

#include "aws/mp_arn.h"


static void
a_name_is_taken_apart(void **state)
{
    size_t       i;
    mp_arn_t     arn;
    const char  *name;

    static const struct {
        mp_str_t  name;
        mp_arn_t  arn;
    } rows[] = {
        { mp_str("arn:aws:license-manager:us-east-1:111122223333:license:l-1"),
          { mp_str("aws"), mp_str("license-manager"), mp_str("us-east-1"),
            mp_str("111122223333"), mp_str("license:l-1") } },
        { mp_str("arn:aws-us-gov:iam::111122223333:role/a/b"),
          { mp_str("aws-us-gov"), mp_str("iam"), mp_str(""),
            mp_str("111122223333"), mp_str("role/a/b") } },
        { mp_str("arn:awsAZ-az:s:::r"),
          { mp_str("awsAZ-az"), mp_str("s"), mp_str(""), mp_str(""),
            mp_str("r") } },
        { mp_str("arn:aws:::::"),
          { mp_str("aws"), mp_str(""), mp_str(""), mp_str(""), mp_str(":") } },
        { mp_str("arn:aws::::"),
          { mp_str("aws"), mp_str(""), mp_str(""), mp_str(""), mp_str("") } }
    };

    for (i = 0; i < LENGTH(rows); i++) {
        name = (const char *) rows[i].name.data;

        check_int(name, mp_arn_parse(&arn, unit_copy(rows[i].name)), 1);

        check_str(name, arn.partition, rows[i].arn.partition);
        check_str(name, arn.service, rows[i].arn.service);
        check_str(name, arn.region, rows[i].arn.region);
        check_str(name, arn.account, rows[i].arn.account);
        check_str(name, arn.resource, rows[i].arn.resource);
    }
}


static void
what_is_no_name_of_aws_is_refused(void **state)
{
    size_t    i;
    mp_arn_t  arn;

    static const mp_str_t  names[] = {
        mp_str(""),
        mp_str("arn"),
        mp_str("arn:aws"),
        mp_str("arn:aws:s"),
        mp_str("arn:aws:s:r"),
        mp_str("arn:aws:s:r:a"),
        mp_str("ARN:aws:s:r:a:x"),
        mp_str("arn2:aws:s:r:a:x"),
        mp_str(" arn:aws:s:r:a:x"),
        mp_str(":aws:s:r:a:x"),
        mp_str("arn::s:r:a:x"),
        mp_str("arn:aw:s:r:a:x"),
        mp_str("arn:awx:s:r:a:x"),
        mp_str("arn:AWS:s:r:a:x"),
        mp_str("arn:xaws:s:r:a:x"),
        mp_str("arn:aws1:s:r:a:x"),
        mp_str("arn:aws_:s:r:a:x"),
        mp_str("arn:aws@:s:r:a:x"),
        mp_str("arn:aws[:s:r:a:x"),
        mp_str("arn:aws`:s:r:a:x"),
        mp_str("arn:aws{:s:r:a:x")
    };

    for (i = 0; i < LENGTH(names); i++) {
        check_int((const char *) names[i].data,
                  mp_arn_parse(&arn, unit_copy(names[i])), 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_name_is_taken_apart),
        cmocka_unit_test(what_is_no_name_of_aws_is_refused)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
