/* SPDX-License-Identifier: ISC */
#include "cdbmaps.h"

static bool lengths[2][129]; /* IPv4, IPv6: prefix lengths in use */
static int by_hand;          /* rights given on the command line */

static void
add_right(const struct row *row, size_t word, const struct cidr *c,
    enum network_right right)
{
	char bytes[CIDR_KEY_MAX], name[CIDR_TEXT_SIZE];
	struct str key = {bytes, cidr_key(c, bytes)};
	struct str given = str_of(network_right_name(right));
	struct buf both = {0};
	struct record *r = record_find('N', key);

	lengths[c->size == 16][c->len] = true;
	if (!r) {
		record_add('N', key, given, row);
		return;
	}
	if (network_rights_parse(record_value(r)) & right) {
		cidr_format(c, name);
		mistake(row_place(row, word),
		    "expected each network once; %s is already at %s", name,
		    record_place(r));
		return;
	}
	buf_add(&both, record_value(r).s, record_value(r).len);
	buf_addf(&both, " %s", given.s);
	record_set_value(r, str_of(both.data));
	buf_free(&both);
}

void
on_networks(const struct row *row, size_t from, enum network_right right)
{
	const char *expected;
	struct cidr c;

	if (row->source->by_hand)
		by_hand |= right;
	else if (by_hand & right)
		return;
	if (from >= row->nwords)
		row_mistake(row, from, 0,
		    "a network such as 192.0.2.0/24 or 2001:db8::/32", NULL);
	for (size_t i = from; i < row->nwords; i++) {
		expected = cidr_parse(row->words[i].text, &c);
		if (expected)
			row_mistake(row, i, 0, expected, NULL);
		else
			add_right(row, i, &c, right);
	}
}

/* The longest first. */
void
networks_finish(void)
{
	struct buf list = {0};

	for (int v6 = 0; v6 < 2; v6++) {
		buf_clear(&list);
		for (int len = 128; len >= 0; len--)
			if (lengths[v6][len])
				buf_addf(
				    &list, "%s%d", list.len ? " " : "", len);
		if (list.len > 0)
			record_add('N', str_of(v6 ? "6" : "4"),
			    str_of(list.data), NULL);
	}
	buf_free(&list);
}
