/* SPDX-License-Identifier: ISC */
#include "base/sha256.h"

#include <stdlib.h>
#include <string.h>

#include <sha2.h>

#include "base/buf.h"

struct pbkdf2 {
	SHA2_CTX inner, outer; /* of HMAC, after the key */
	uint8_t last[SHA256_SIZE];
	uint8_t key[SHA256_SIZE];
	uint32_t left;
};

void
sha256(const void *data, size_t len, uint8_t digest_r[SHA256_SIZE])
{
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	SHA256Update(&ctx, data, len);
	SHA256Final(digest_r, &ctx);
}

/* ---- PBKDF2 ---- */

static void
begin_hmac(SHA2_CTX *ctx, const uint8_t key[SHA256_BLOCK_LENGTH], uint8_t pad)
{
	uint8_t block[SHA256_BLOCK_LENGTH];

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = key[i] ^ pad;
	SHA256Init(ctx);
	SHA256Update(ctx, block, sizeof(block));
	explicit_bzero(block, sizeof(block));
}

static void
hmac(const struct pbkdf2 *p, const void *data, size_t len,
    uint8_t out[SHA256_SIZE])
{
	SHA2_CTX ctx = p->inner;

	SHA256Update(&ctx, data, len);
	SHA256Final(out, &ctx);
	ctx = p->outer;
	SHA256Update(&ctx, out, SHA256_SIZE);
	SHA256Final(out, &ctx);
}

struct pbkdf2 *
pbkdf2_new(struct str password, struct str salt, uint32_t rounds)
{
	struct pbkdf2 *p = mem_alloc(sizeof(*p));
	uint8_t key[SHA256_BLOCK_LENGTH] = {0};
	struct buf first = {0};

	if (password.len > sizeof(key))
		sha256(password.s, password.len, key);
	else
		memcpy(key, password.s, password.len);
	begin_hmac(&p->inner, key, 0x36);
	begin_hmac(&p->outer, key, 0x5c);
	explicit_bzero(key, sizeof(key));
	buf_add(&first, salt.s, salt.len);
	buf_add(&first, "\0\0\0\1", 4);
	hmac(p, first.data, first.len, p->last);
	buf_free(&first);
	memcpy(p->key, p->last, sizeof(p->key));
	p->left = rounds - 1;
	return p;
}

void
pbkdf2_free(struct pbkdf2 **p)
{
	if (*p == NULL)
		return;
	explicit_bzero(*p, sizeof(**p));
	free(*p);
	*p = NULL;
}

bool
pbkdf2_work(struct pbkdf2 *p, uint32_t rounds, uint8_t key_r[SHA256_SIZE])
{
	for (; rounds > 0 && p->left > 0; rounds--, p->left--) {
		hmac(p, p->last, sizeof(p->last), p->last);
		for (size_t i = 0; i < sizeof(p->key); i++)
			p->key[i] ^= p->last[i];
	}
	if (p->left > 0)
		return false;
	memcpy(key_r, p->key, sizeof(p->key));
	return true;
}
