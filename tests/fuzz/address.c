/* SPDX-License-Identifier: ISC */
/*
 * An address as SMTP writes it.  What is accepted lies within the input, holds
 * nothing that could end a line, and is accepted again when written anew.
 */
#include "mail/address.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_clean(struct str a)
{
	assert(!memchr(a.s, '\r', a.len) && !memchr(a.s, '\n', a.len));
	assert(!memchr(a.s, '\0', a.len));
	assert(str_is_utf8(a, NULL));
}

static void
check_address(const struct address *a)
{
	char canonical[DOMAIN_MAX + 1];
	struct address again;
	struct buf path = {0};
	struct str rest;

	assert(a->whole.len <= ADDRESS_MAX && a->domain.len <= DOMAIN_MAX);
	check_clean(a->whole);
	assert(domain_canonical(a->domain, canonical, sizeof(canonical)) == 0);
	if (a->domain.len > 0 && !a->literal)
		assert(!domain_check(str_of(canonical), a->utf8));
	buf_addf(&path, "<%.*s>", (int)a->whole.len, a->whole.s);
	rest = (struct str){path.data, path.len};
	assert(!address_cut_path(&rest, &again) && rest.len == 0);
	assert(again.local.len == a->local.len && again.utf8 == a->utf8);
	assert(again.domain.len == a->domain.len);
	buf_free(&path);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str whole = {(const char *)data, size}, rest = whole;
	struct address a;

	if (!address_cut_path(&rest, &a)) {
		assert(rest.s + rest.len == whole.s + whole.len);
		assert(a.whole.s > whole.s && a.whole.s < rest.s);
		check_address(&a);
	}
	if (!address_parse(whole, &a)) {
		assert(a.whole.s == whole.s && a.whole.len == whole.len);
		check_address(&a);
	}
	if (!domain_check(whole, true))
		check_clean(whole);
	return 0;
}
