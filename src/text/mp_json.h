/*
 * JSON from strangers: cJSON, behind limits that are checked before it runs.
 */

#ifndef MP_JSON_H
#define MP_JSON_H


#include "mp_str.h"

#include <cjson/cJSON.h>


#define MP_JSON_MAX_DEPTH  32


/*
 * Parses a text that has to be one JSON object and nothing else.
 *
 * Returns the object, which the caller frees with cJSON_Delete(), or NULL if
 * the text is not an object, is nested deeper than MP_JSON_MAX_DEPTH, or
 * holds a NUL, raw or as \u0000, which cJSON would take for a string's end.
 * errno is ENOMEM if what it lacked was memory, which cJSON does not tell.
 */
cJSON *mp_json_parse_object(mp_str_t text);

/* As cJSON_Delete(), of what is made of secrets: it overwrites every string,
 * names of members aside. */
void mp_json_delete_secret(cJSON *item);

/* What a string item holds; it lives as long as the item. */
mp_str_t mp_json_string(const cJSON *item);

/* The length of text as the inside of a JSON string, quotes not counted. */
size_t mp_json_escaped_len(mp_str_t text);

/* Writes that many bytes and returns their end; all that JSON does not make
 * one escape stays as it is. */
unsigned char *mp_json_escape(unsigned char *dst, mp_str_t text);


#endif /* MP_JSON_H */
