/* SPDX-License-Identifier: ISC */
#include "base/sha256.h"

#include <sha2.h>

void
sha256(const void *data, size_t len, uint8_t digest_r[SHA256_SIZE])
{
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	SHA256Update(&ctx, data, len);
	SHA256Final(digest_r, &ctx);
}
