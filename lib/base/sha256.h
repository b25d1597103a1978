/* SPDX-License-Identifier: ISC */
/*
 * SHA-256 (FIPS 180-4), by libmd, and PBKDF2 (RFC 8018, 5.2) with its HMAC, in
 * as many steps as one likes.  Layer: base.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define SHA256_SIZE 32

void sha256(const void *data, size_t len, uint8_t digest_r[SHA256_SIZE]);

struct pbkdf2;

/* One block of output, of so many rounds, 1 at least. */
struct pbkdf2 *pbkdf2_new(
    struct str password, struct str salt, uint32_t rounds);
/* Wiped; NULL is fine, stores NULL. */
void pbkdf2_free(struct pbkdf2 **p);

/* So many rounds more: true when that were all, and here is the key. */
bool pbkdf2_work(struct pbkdf2 *p, uint32_t rounds, uint8_t key_r[SHA256_SIZE]);

#endif
