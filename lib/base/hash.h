/* SPDX-License-Identifier: ISC */
/*
 * A hash that is written to disk: names of destinations and places in the
 * spool depend on it, so it never changes.  FNV-1a, 64 bits, with a final
 * mix.  Not for strangers' keys in memory tables.  Layer: base.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *data, size_t len);

/* The low 5*digits bits as digits of base 32 (0-9a-z without i l o u), most
 * significant first, plus a NUL. */
void base32_format(uint64_t value, unsigned digits, char *out);

#endif
