/* SPDX-License-Identifier: ISC */
#include "mail/settings.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "mail/address.h"
#include "mail/quantity.h"

#define SMTP_PORT 25
#define DNS_PORT  53

#define KIB          1024ULL
#define MIB          (1024 * KIB)
#define GIB          (1024 * MIB)
#define HOUR         3600
#define AT(field)    offsetof(struct settings, field)
#define ONE(kind)    SETTING_##kind, false
#define REPEAT(kind) SETTING_##kind, true

/* clang-format off */
const struct setting settings_fields[] = {
	{"hostname", ONE(DOMAIN), AT(hostname), 0, 0, NULL,
	    "name of this host, in the greeting, EHLO and Received:"},
	{"postmaster", ONE(MAILBOX), AT(postmaster), 0, 0, NULL,
	    "From: of reports, and where mail to <postmaster> goes"},
	{"listen", REPEAT(LISTEN), AT(listeners), 0, 0, "127.0.0.1:25",
	    "address and port on which mail is accepted"},
	{"resolver", REPEAT(RESOLVER), AT(resolvers), 0, 0, NULL,
	    "DNS server; no other is ever asked"},
	{"relay-from", REPEAT(NETWORKS), 0, 0, 0, NULL,
	    "networks whose clients may send anywhere"},
	{"bare-lf", REPEAT(NETWORKS), 0, 0, 0, NULL,
	    "networks whose bare line feeds become line ends"},
	{"local-route", ONE(ROUTE), 0, 0, 0, NULL,
	    "route of local domains that name none"},

	{"message-size-max", ONE(SIZE), AT(message_size_max), KIB, 2 * GIB,
	    "50m", "largest message accepted, announced as SIZE"},
	{"recipients-max", ONE(COUNT), AT(recipients_max), 1, 50000, "1000",
	    "recipients of one message"},
	{"hops-max", ONE(COUNT), AT(hops_max), 10, 1000, "100",
	    "Received: fields after which a message is in a loop"},
	{"errors-max", ONE(COUNT), AT(errors_max), 1, 10000, "20",
	    "refused commands in a session, which then ends"},
	{"sessions-max", ONE(COUNT), AT(sessions_max), 1, 1000000, "2000",
	    "sessions at once"},
	{"client-sessions-max", ONE(COUNT), AT(client_sessions_max), 1, 1000000,
	    "200", "sessions at once from one client address"},
	{"command-timeout", ONE(SECONDS), AT(command_timeout_s), 1, 24 * HOUR,
	    "5m", "wait for a client's next command"},
	{"data-timeout", ONE(SECONDS), AT(data_timeout_s), 1, 24 * HOUR, "5m",
	    "wait for the next bytes of a message"},
	{"reserve-space", ONE(SIZE), AT(reserve_bytes), 0, 1024 * GIB, "64m",
	    "free space that is kept: below it mail is refused for now"},
	{"reserve-inodes", ONE(SIZE), AT(reserve_inodes), 0, 1ULL << 32, "1000",
	    "free inodes that are kept"},
	{"commit-syncfs-at", ONE(COUNT), AT(commit_syncfs_at), 1, 1000000, "4",
	    "messages in a batch from which one flush of the file system "
	    "replaces a flush of each file"},

	{"connections-max", ONE(COUNT), AT(connections_max), 1, 1000000, "500",
	    "connections to next hops at once"},
	{"connect-timeout", ONE(SECONDS), AT(connect_timeout_s), 1, HOUR, "30s",
	    "wait for a connection"},
	{"reply-timeout", ONE(SECONDS), AT(reply_timeout_s), 1, 24 * HOUR, "5m",
	    "wait for a reply; twice as long after the end of the data"},
	{"idle-timeout", ONE(SECONDS), AT(idle_timeout_s), 1, HOUR, "10s",
	    "keep an idle connection for the next message"},
	{"duplicate-window", ONE(MS), AT(duplicate_window_ms), 1, 60000,
	    "100ms", "longest time until what was delivered is durably noted"},
	{"source-address", ONE(SOURCE), AT(source_address), 0, 0, NULL,
	    "own address of outgoing connections"},
	{"tls-ca-file", ONE(PATH), AT(tls_ca_file), 0, 0,
	    "/etc/ssl/certs/ca-certificates.crt",
	    "authorities that certificates of next hops are verified by"},

	{"x-original-to", ONE(YES_NO), AT(original_header), 0, 0, "no",
	    "add X-Original-To: with the recipient that an alias replaced"},
	{"receiver-workers", ONE(COUNT), AT(receiver_workers), 0, 16, "0",
	    "worker processes; 0: one per core, at most 16"},
	{"engine-workers", ONE(COUNT), AT(engine_workers), 0, 16, "0",
	    "worker processes; 0: one per core, at most 16"},
	{"sender-workers", ONE(COUNT), AT(sender_workers), 0, 16, "0",
	    "worker processes; 0: one per core, at most 16"},
	{"force-filesystem", ONE(YES_NO), AT(force_filesystem), 0, 0, "no",
	    "take a file system that is not proven to keep mail"},
	{0},
};
/* clang-format on */

const struct setting *
setting_find(struct str name)
{
	for (const struct setting *f = settings_fields; f->name; f++)
		if (str_eq(name, f->name))
			return f;
	return NULL;
}

/* ---- one value ---- */

static void *
field(const struct setting *f, struct settings *set)
{
	return (char *)set + f->field;
}

static const char *
store_number(const struct setting *f, struct str value, uint64_t *n_r)
{
	static char expected[96];

	if (str_number(value, f->max, n_r) == 0 && *n_r >= f->min)
		return NULL;
	snprintf(expected, sizeof(expected), "a number from %llu to %llu",
	    (unsigned long long)f->min, (unsigned long long)f->max);
	return expected;
}

static const char *
store_time(
    const struct setting *f, struct str value, unsigned unit_ms, uint64_t *n_r)
{
	static char expected[160];
	char least[QUANTITY_SIZE], most[QUANTITY_SIZE];
	uint64_t ms;

	if (quantity_time(value, &ms) == 0 && ms % unit_ms == 0 &&
	    ms / unit_ms >= f->min && ms / unit_ms <= f->max) {
		*n_r = ms / unit_ms;
		return NULL;
	}
	quantity_format_time(f->min * unit_ms, least);
	quantity_format_time(f->max * unit_ms, most);
	snprintf(expected, sizeof(expected),
	    "a time from %s to %s (units: %ss, m, h, d)", least, most,
	    unit_ms == 1 ? "ms, " : "");
	return expected;
}

static const char *
store_size(const struct setting *f, struct str value, uint64_t *n_r)
{
	static char expected[96];
	char least[QUANTITY_SIZE], most[QUANTITY_SIZE];

	if (quantity_size(value, n_r) == 0 && *n_r >= f->min && *n_r <= f->max)
		return NULL;
	quantity_format_size(f->min, least);
	quantity_format_size(f->max, most);
	snprintf(expected, sizeof(expected),
	    "a size from %s to %s (units: k, m, g)", least, most);
	return expected;
}

static const char *
store_unsigned(const struct setting *f, struct str value, unsigned *field_r)
{
	const char *expected;
	uint64_t n = 0;

	if (f->kind == SETTING_COUNT)
		expected = store_number(f, value, &n);
	else
		expected =
		    store_time(f, value, f->kind == SETTING_MS ? 1 : 1000, &n);
	if (!expected)
		*field_r = n;
	return expected;
}

static const char *
store_yes_no(struct str value, bool *field_r)
{
	*field_r = str_eq(value, "yes");
	return *field_r || str_eq(value, "no") ? NULL : "yes or no";
}

static const char *
store_domain(struct str value, char field_r[DOMAIN_MAX + 1])
{
	const char *expected = domain_check(value, false);

	if (expected)
		return expected;
	if (domain_canonical(value, field_r, DOMAIN_MAX + 1) == -1)
		return "a name of at most 255 characters";
	return NULL;
}

static const char *
store_mailbox(struct str value, char field_r[ADDRESS_MAX])
{
	struct address addr;
	const char *expected = address_parse(value, &addr);

	if (expected)
		return expected;
	if (addr.domain.len == 0)
		return "an address with its domain";
	return str_copy(field_r, ADDRESS_MAX, value) == 0
	           ? NULL
	           : "an address of at most 319 characters";
}

static const char *
store_source(struct str value, char field_r[64])
{
	uint8_t bytes[16];

	if (endpoint_address(value, bytes) == -1)
		return "an IP address without a port";
	str_copy(field_r, 64, value); /* no address is so long */
	return NULL;
}

static const char *
store_path(struct str value, char field_r[256])
{
	if (value.len == 0 || value.s[0] != '/')
		return "the path of a file, from / on";
	return str_copy(field_r, 256, value) == 0
	           ? NULL
	           : "a path of at most 255 characters";
}

static const char *
store_endpoint(struct str value, uint16_t port, struct endpoint *list,
    size_t *n, size_t max)
{
	const char *expected;

	if (*n == max)
		return max == RESOLVERS_MAX ? "at most 8 of these"
		                            : "at most 32 of these";
	expected = endpoint_parse(value, port, &list[*n]);
	if (expected)
		return expected;
	for (size_t i = 0; i < *n; i++)
		if (endpoint_same(&list[i], &list[*n]))
			return "each address and port once";
	++*n;
	return NULL;
}

const char *
setting_store(const struct setting *f, struct str value, struct settings *set)
{
	switch (f->kind) {
	case SETTING_COUNT:
	case SETTING_SECONDS:
	case SETTING_MS:
		return store_unsigned(f, value, field(f, set));
	case SETTING_SIZE:
		return store_size(f, value, field(f, set));
	case SETTING_YES_NO:
		return store_yes_no(value, field(f, set));
	case SETTING_DOMAIN:
		return store_domain(value, field(f, set));
	case SETTING_MAILBOX:
		return store_mailbox(value, field(f, set));
	case SETTING_SOURCE:
		return store_source(value, field(f, set));
	case SETTING_PATH:
		return store_path(value, field(f, set));
	case SETTING_LISTEN:
		return store_endpoint(value, SMTP_PORT, set->listeners,
		    &set->nlisteners, LISTENERS_MAX);
	case SETTING_RESOLVER:
		return store_endpoint(value, DNS_PORT, set->resolvers,
		    &set->nresolvers, RESOLVERS_MAX);
	case SETTING_NETWORKS:
	case SETTING_ROUTE:
		break;
	}
	return NULL;
}

/* ---- all of them ---- */

static bool
is_stored(const struct setting *f)
{
	return f->kind != SETTING_NETWORKS && f->kind != SETTING_ROUTE;
}

/* A value has a line for each time that the setting was given; map_find() has
 * taken the first place off already. */
static int
read_field(struct map *m, const struct setting *f, struct settings *set)
{
	struct str where, lines, line;
	const char *expected;
	int found;

	found = map_find(m, 'S', str_of(f->name), &where, &lines);
	if (found == -1)
		return -1;
	if (found == 0)
		lines = str_of(f->fallback ? f->fallback : "");
	for (bool first = true; lines.len > 0; first = false) {
		line = str_cut(&lines, '\n');
		if (!first)
			where = str_cut(&line, '\t');
		expected = setting_store(f, line, set);
		if (!expected)
			continue;
		log_warnx("map: setting %s: expected %s (%.*s)", f->name,
		    expected, (int)where.len, where.s);
		return -1;
	}
	return 0;
}

int
settings_read(struct map *m, struct settings *set_r)
{
	memset(set_r, 0, sizeof(*set_r));
	for (const struct setting *f = settings_fields; f->name; f++)
		if (is_stored(f) && read_field(m, f, set_r) == -1)
			return -1;
	if (set_r->hostname[0] == '\0') /* cdbmaps always writes it */
		str_copy(set_r->hostname, sizeof(set_r->hostname),
		    str_of("localhost"));
	if (set_r->postmaster[0] == '\0')
		snprintf(set_r->postmaster, sizeof(set_r->postmaster),
		    "postmaster@%s", set_r->hostname);
	return 0;
}
