/*
 * Points in time as AWS writes them.
 */

#ifndef MP_TIME_H
#define MP_TIME_H


#include "mp_str.h"

#include <time.h>


/*
 * Reads an ISO 8601 time in UTC, "2026-01-02T03:04:05Z", with or without a
 * fraction of a second, which is dropped, and with "+00:00" as well as "Z".
 * Returns 1, or 0 if it is none.
 */
int mp_time_parse(mp_str_t text, time_t *seconds);


#endif /* MP_TIME_H */
