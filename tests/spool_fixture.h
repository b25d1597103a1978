/* SPDX-License-Identifier: ISC */
/*
 * A spool in a temporary directory and messages in it, for unit tests.
 */
#ifndef SPOOL_FIXTURE_H
#define SPOOL_FIXTURE_H

#include <stddef.h>

#include "mail/entry.h"
#include "mail/spool.h"

/* Set up in the test's own temporary directory and opened for that room; the
 * second room to be opened finds the same spool. */
struct spool *fixture_spool(enum room room);

/* A message to n recipients in incoming/<slot>, committed. */
struct entry fixture_message(
    struct spool *sp, unsigned slot, size_t n, const char *content);

/* How many entries of that state, in all shards; the ids of the first ones, in
 * the order of names, are joined by a blank into `ids` unless it is NULL. */
size_t fixture_count(
    struct spool *sp, enum state state, char *ids, size_t size);

#endif
