/* SPDX-License-Identifier: ISC */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

static void
test_adding(void)
{
	struct buf b = {0};

	is_str(buf_text(&b), "", "an empty buffer is an empty text");
	buf_add(&b, "", 0);
	ok(b.data == NULL, "adding nothing takes no memory");
	buf_add_str(&b, "MAIL");
	buf_add_char(&b, ' ');
	buf_addf(&b, "FROM:<%s> SIZE=%d", "a@example.org", 12);
	is_str(b.data, "MAIL FROM:<a@example.org> SIZE=12", "all of it");
	is_int(b.len, strlen(b.data), "the NUL is not counted");
	buf_free(&b);
	ok(b.data == NULL && b.len == 0 && b.cap == 0, "free leaves nothing");
	buf_free(&b);
}

static void
test_growing(void)
{
	struct buf b = {0};
	bool same = true;

	for (int i = 0; i < 100000; i++)
		buf_add_char(&b, i % 251);
	for (int i = 0; i < 100000; i++)
		same &= (unsigned char)b.data[i] == i % 251;
	ok(same && b.len == 100000, "100,000 bytes one by one");
	buf_free(&b);

	buf_addf(&b, "%0*d", 5000, 7);
	is_int(b.len, 5000, "a formatted text longer than the first memory");
	buf_free(&b);
}

static void
test_limit(void)
{
	struct buf b = {0};

	is_int(buf_add_limited(&b, "12345", 5, 5), 0, "up to the limit");
	is_int(buf_add_limited(&b, "6", 1, 5), -1, "not beyond it");
	is_int(buf_add_limited(&b, "6", 1, 4), -1, "nor when beyond already");
	is_int(buf_add_limited(&b, "", 0, 5), 0, "nothing always fits");
	is_int(buf_add_limited(&b, "6", (size_t)-1, 6), -1,
	    "a length that would wrap is refused");
	is_str(b.data, "12345", "what was refused left nothing");
	buf_free(&b);
}

static void
test_dropping(void)
{
	struct buf b = {0};
	char *place;

	place = buf_reserve(&b, 8);
	memcpy(place, "QUIT\r\nEH", 8);
	buf_grew(&b, 8);
	buf_drop(&b, 6);
	is_str(b.data, "EH", "what follows moves to the front");
	buf_drop(&b, 0);
	buf_drop(&b, 2);
	is_str(b.data, "", "all dropped");
	buf_add_str(&b, "LO");
	buf_clear(&b);
	ok(b.len == 0 && b.cap > 0 && b.data[0] == '\0',
	    "clear keeps the memory");
	buf_free(&b);
	buf_drop(&b, 0);
	buf_clear(&b);
	ok(b.data == NULL, "an empty buffer bears both");
}

static void
test_memory(void)
{
	char *p, zero[100] = {0};

	p = mem_alloc(100);
	is_mem(p, 100, zero, 100, "fresh memory is zeroed");
	p = mem_resize(p, 50, 4);
	is_mem(p, 100, zero, 100, "and stays as it was when it grows");
	free(p);
	p = mem_ndup("a\0b", 3);
	is_mem(p, 4, "a\0b\0", 4, "a copy with its NUL");
	free(p);
	p = mem_dup("text");
	is_str(p, "text", "a copy of text");
	free(p);
}

int
main(void)
{
	test_adding();
	test_growing();
	test_limit();
	test_dropping();
	test_memory();
	return done();
}
