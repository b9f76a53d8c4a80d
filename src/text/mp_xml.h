/*
 * XML, as much of it as a service's answers need: the texts of a few elements,
 * out of a document that is read to its end and refused unless it is whole.
 */

#ifndef MP_XML_H
#define MP_XML_H


#include "mp_str.h"


#define MP_XML_MAX_DEPTH  32


/* An element that is looked for, by the names of those that it is in and its
 * own, with a '/' in between and '*' for any; prefixes of namespaces do not
 * count. */
typedef struct {
    mp_str_t   path;
    mp_str_t   text;    /* without data if there is no such element */
} mp_xml_element_t;


/*
 * Finds elements and decodes their texts into buf, which takes up to
 * document.len bytes.
 *
 * Returns 1, or 0 if the document is not whole, not well-formed or not UTF-8,
 * is nested deeper than MP_XML_MAX_DEPTH, has a document type, or has one of
 * the elements twice or with others inside; the texts then mean nothing.
 * Attributes have to be well-formed and are not looked at.
 */
int mp_xml_find(mp_str_t document, mp_xml_element_t *elements, size_t n,
    unsigned char *buf);


#endif /* MP_XML_H */
