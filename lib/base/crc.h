/* SPDX-License-Identifier: ISC */
/*
 * CRC32C (Castagnoli, RFC 3720 appendix B.4): against damage, not malice.
 * By the processor's instruction where it has one.  Layer: base.
 */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Continue crc (0 to begin) over data; the value needs no finishing step. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

/* The same without the instruction; what crc32c() does where there is none. */
uint32_t crc32c_portable(uint32_t crc, const void *data, size_t len);

#endif
