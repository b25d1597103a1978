/* SPDX-License-Identifier: ISC */
/*
 * How many sessions a client has in all workers together, without a lock.
 *
 * Each worker counts in tables of its own, at four places chosen by a keyed
 * hash of the client (a count-min sketch).  Each place is summed over all
 * workers, and the smallest sum counts: too much only where all four are
 * shared with other clients, which of 10,000 clients happens to five.  Pages
 * that were never used cost nothing.
 *
 * A session is counted at all its places before any of them is summed: of two
 * that come at the same moment at least the later one sees both.  So never are
 * more let in than the limit; at the same moment it can be one less.
 */
#include <assert.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "proc/parent_private.h"

#define TABLES 4
#define PLACES 65536U /* of a table */
#define KEY    16

struct clients {
	char key[KEY];
	atomic_ushort counts[WORKERS_MAX][TABLES][PLACES];
};

static struct clients *clients;

void
parent_clients_share(void)
{
	clients = mem_share(sizeof(*clients));
	arc4random_buf(clients->key, KEY);
}

void
parent_clients_end(unsigned number)
{
	memset(clients->counts[number], 0, sizeof(clients->counts[number]));
}

static unsigned
sum_of(unsigned table, unsigned place)
{
	unsigned sum = 0;

	for (unsigned w = 0; w < WORKERS_MAX; w++)
		sum += atomic_load(&clients->counts[w][table][place]);
	return sum;
}

unsigned
parent_client_sessions(struct str client, int change)
{
	char keyed[KEY + 16];
	unsigned least = UINT_MAX, places[TABLES], sum;
	uint64_t hash;

	if (clients == NULL) /* a process without a parent */
		parent_clients_share();
	assert(client.len <= sizeof(keyed) - KEY);
	memcpy(keyed, clients->key, KEY);
	memcpy(keyed + KEY, client.s, client.len);
	hash = hash_bytes(keyed, KEY + client.len);
	for (unsigned t = 0; t < TABLES; t++) {
		places[t] = hash % PLACES;
		hash /= PLACES;
		atomic_fetch_add(
		    &clients->counts[parent_number()][t][places[t]], change);
	}
	for (unsigned t = 0; t < TABLES; t++) {
		sum = sum_of(t, places[t]);
		least = sum < least ? sum : least;
	}
	return least;
}
