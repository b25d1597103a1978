/* SPDX-License-Identifier: ISC */
/*
 * SHA-256 (FIPS 180-4), by libmd.  Layer: base.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

void sha256(const void *data, size_t len, uint8_t digest_r[SHA256_SIZE]);

#endif
