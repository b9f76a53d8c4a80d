#include "mp_arn.h"

#include <string.h>


static int mp_arn_next(mp_str_t *part, mp_str_t *rest);
static int mp_is_partition(mp_str_t part);


int
mp_arn_parse(mp_arn_t *arn, mp_str_t name)
{
    mp_str_t  start;

    if (!mp_arn_next(&start, &name)
        || !mp_arn_next(&arn->partition, &name)
        || !mp_arn_next(&arn->service, &name)
        || !mp_arn_next(&arn->region, &name)
        || !mp_arn_next(&arn->account, &name))
    {
        return 0;
    }

    arn->resource = name;

    return mp_str_eq(start, mp_str_from("arn"))
           && mp_is_partition(arn->partition);
}


static int
mp_arn_next(mp_str_t *part, mp_str_t *rest)
{
    part->data = rest->data;
    part->len = mp_str_chr(*rest, ':');

    if (part->len == rest->len) {
        return 0;
    }

    rest->data += part->len + 1;
    rest->len -= part->len + 1;

    return 1;
}


/* aws, aws-cn, aws-us-gov and whatever will be called alike. */

static int
mp_is_partition(mp_str_t part)
{
    size_t         i;
    unsigned char  c;

    if (part.len < 3 || memcmp(part.data, "aws", 3) != 0) {
        return 0;
    }

    for (i = 3; i < part.len; i++) {
        c = mp_lower(part.data[i]);

        if ((c < 'a' || c > 'z') && c != '-') {
            return 0;
        }
    }

    return 1;
}
