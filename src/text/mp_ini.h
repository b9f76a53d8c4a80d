/*
 * INI files as the AWS SDKs write them: sections of settings, some of which
 * have lines of their own below them.
 */

#ifndef MP_INI_H
#define MP_INI_H


#include "mp_str.h"


typedef enum {
    MP_INI_SETTING = 0,
    MP_INI_SECTION,
    MP_INI_NESTED,         /* deeper than a setting without a value */
    MP_INI_CONTINUATION    /* deeper than a setting with a value */
} mp_ini_kind_t;


typedef struct {
    mp_ini_kind_t    kind;
    mp_str_t         name;    /* the whole line, if it has no '=' */
    mp_str_t         value;
} mp_ini_item_t;


typedef struct {
    mp_str_t         rest;
    size_t           indent;    /* of the last setting */
    mp_ini_kind_t    deeper;    /* what a line with more than that is */
} mp_ini_t;


/* A byte order mark at the start of the text is skipped. */
void mp_ini_start(mp_ini_t *ini, mp_str_t text);

/*
 * Reads the next item that is not empty, without comments and the space around
 * name and value.  A section that does not end has an empty name; a line that
 * is no section and has no '=' is an item only if it is deeper than a setting.
 * Returns 1, or 0 at the end of the text.
 */
int mp_ini_next(mp_ini_t *ini, mp_ini_item_t *item);


#endif /* MP_INI_H */
