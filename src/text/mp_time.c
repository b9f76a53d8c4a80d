#include "mp_time.h"


#define MP_TIME_FORM  "0000-00-00T00:00:00"

#define MP_DAY        86400


enum {
    MP_TIME_YEAR = 0,
    MP_TIME_MONTH,
    MP_TIME_DAY,
    MP_TIME_HOUR,
    MP_TIME_MINUTE,
    MP_TIME_SECOND,
    MP_TIME_FIELDS
};


static int mp_time_fields(mp_str_t text, int *field);
static int mp_time_is_utc(mp_str_t rest);
static int mp_days_in_month(int year, int month);
static int mp_is_leap_year(int year);
static time_t mp_days_since_1970(int year, int month, int day);


int
mp_time_parse(mp_str_t text, time_t *seconds)
{
    int       field[MP_TIME_FIELDS];
    time_t    days;
    mp_str_t  rest;

    if (!mp_time_fields(text, field)) {
        return 0;
    }

    rest.data = text.data + sizeof(MP_TIME_FORM) - 1;
    rest.len = text.len - (sizeof(MP_TIME_FORM) - 1);

    if (!mp_time_is_utc(rest)
        || field[MP_TIME_YEAR] < 1970
        || field[MP_TIME_MONTH] < 1 || field[MP_TIME_MONTH] > 12
        || field[MP_TIME_DAY] < 1
        || field[MP_TIME_DAY] > mp_days_in_month(field[MP_TIME_YEAR],
                                                 field[MP_TIME_MONTH])
        || field[MP_TIME_HOUR] > 23
        || field[MP_TIME_MINUTE] > 59
        || field[MP_TIME_SECOND] > 59)
    {
        return 0;
    }

    days = mp_days_since_1970(field[MP_TIME_YEAR], field[MP_TIME_MONTH],
                              field[MP_TIME_DAY]);

    *seconds = days * MP_DAY + field[MP_TIME_HOUR] * 3600
               + field[MP_TIME_MINUTE] * 60 + field[MP_TIME_SECOND];

    return 1;
}


/* Every '0' of the form stands for a digit, all else for itself. */

static int
mp_time_fields(mp_str_t text, int *field)
{
    size_t         i, n;
    unsigned char  c;

    static const mp_str_t  form = mp_str(MP_TIME_FORM);

    if (text.len < form.len) {
        return 0;
    }

    for (i = 0, n = 0, field[0] = 0; i < form.len; i++) {
        c = text.data[i];

        if (form.data[i] != '0') {
            if (c != form.data[i]) {
                return 0;
            }

            field[++n] = 0;
            continue;
        }

        if (c < '0' || c > '9') {
            return 0;
        }

        field[n] = field[n] * 10 + (c - '0');
    }

    return 1;
}


/* What follows the seconds. */

static int
mp_time_is_utc(mp_str_t rest)
{
    size_t  i;

    static const mp_str_t  zones[] = { mp_str("Z"), mp_str("+00:00") };

    if (rest.len && rest.data[0] == '.') {

        for (i = 1; i < rest.len; i++) {
            if (rest.data[i] < '0' || rest.data[i] > '9') {
                break;
            }
        }

        if (i == 1) {
            return 0;
        }

        rest.data += i;
        rest.len -= i;
    }

    return mp_str_eq(rest, zones[0]) || mp_str_eq(rest, zones[1]);
}


static int
mp_days_in_month(int year, int month)
{
    static const int  days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    return days[month - 1] + (month == 2 && mp_is_leap_year(year));
}


static int
mp_is_leap_year(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}


/* timegm() is in no standard. */

static time_t
mp_days_since_1970(int year, int month, int day)
{
    int  m, days;

    days = (year - 1970) * 365 + day - 1;

    /* the leap days of the years before this one; there are 477 until 1970 */

    days += (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 - 477;

    for (m = 1; m < month; m++) {
        days += mp_days_in_month(year, m);
    }

    return (time_t) days;
}
