/* SPDX-License-Identifier: ISC */
/*
 * An answer of a DNS server: one byte for the type that was asked for, then
 * the packet, about a.example.  Whatever is made of it must pass between
 * helper and worker unchanged.
 */
#include "sender/names_packet.h"

#include <assert.h>
#include <string.h>

#include "sender/names_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct names_answer a, b;
	struct buf out = {0}, again = {0};
	uint32_t id;

	if (size == 0)
		return 0;
	names_packet_read(data + 1, size - 1, data[0] % 3, "a.example", &a);
	assert(a.nrecords <= NAMES_RECORDS_MAX);
	names_answer_format(7, &a, &out);
	assert(
	    names_answer_parse((struct str){out.data, out.len}, &id, &b) == 0);
	names_answer_format(id, &b, &again);
	assert(
	    out.len == again.len && memcmp(out.data, again.data, out.len) == 0);
	buf_free(&out);
	buf_free(&again);
	return 0;
}
