/* SPDX-License-Identifier: ISC */
/*
 * Times and sizes as people write them, a number and a unit.  Layer: mail.
 */
#ifndef MAIL_QUANTITY_H
#define MAIL_QUANTITY_H

#include <stdint.h>

#include "base/str.h"

#define QUANTITY_SIZE 32 /* of a written quantity, NUL included */

/* "100ms", "30s", "5m", "4h", "5d"; 0 needs no unit.  0, or -1 when it is no
 * such thing or more than a hundred years. */
int quantity_time(struct str text, uint64_t *ms_r);
/* "1000", "64k", "50m", "2g", by 1024.  0 or -1. */
int quantity_size(struct str text, uint64_t *bytes_r);

/* With the largest unit that leaves a whole number; read back it is the
 * same. */
void quantity_format_time(uint64_t ms, char out[QUANTITY_SIZE]);
void quantity_format_size(uint64_t bytes, char out[QUANTITY_SIZE]);

#endif
