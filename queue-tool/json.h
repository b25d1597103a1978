/* SPDX-License-Identifier: ISC */
/*
 * Private to queue-tool: what its JSON is made of.  Every key that is set in
 * json*.c is in queue-tool(8); scripts/check-manuals compares them.
 */
#ifndef JSON_H
#define JSON_H

#include <jansson.h>

#include "queue_tool.h"

/* jansson refuses what is not UTF-8, and strangers' bytes often are not: those
 * octets become U+FFFD. */
json_t *json_text(const char *s);
/* Unless it is empty. */
void json_set_slice(json_t *o, const char *name, struct str s);
/* Its words, an array. */
json_t *json_words(struct str text);
/* One object, one line; it is freed. */
void json_print(json_t *o);

json_t *json_pause(const struct pause *p);
json_t *json_calendar(const struct calendar *c);

#endif
