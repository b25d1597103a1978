/* SPDX-License-Identifier: ISC */
#include "mail/expansion.h"

#include <stdlib.h>
#include <string.h>

#include "mail/progress.h"
#include "tap.h"

static size_t next; /* the number of the first address, counted on */

static void
expanded(struct buf *journal, const char *suffix, const char *parent,
    const char *alias, const char *addresses)
{
	struct record rec = {
	    .kind = RECORD_EXPANDED,
	    .first = next,
	    .suffix = str_of(suffix),
	    .recipients = str_of(parent),
	    .who = str_of(alias),
	    .orders = str_of(addresses),
	};
	struct str words = rec.orders;

	record_format(&rec, journal);
	while (str_word(&words).len > 0)
		next++;
}

static void
split(struct buf *journal, const char *suffix, const char *groups)
{
	struct record rec = {
	    .kind = RECORD_SPLIT,
	    .suffix = str_of(suffix),
	    .recipients = str_of(groups),
	};

	record_format(&rec, journal);
}

static struct envelope
envelope_of_two(void)
{
	struct envelope env = {.sender = "", .nrecipients = 2};

	next = 2;
	env.recipients = mem_resize(NULL, 2, sizeof(env.recipients[0]));
	env.recipients[0] =
	    (struct recipient){.address = "a+b@x", .notify = NOTIFY_NEVER};
	env.recipients[1] =
	    (struct recipient){.address = "c@x", .original = "rfc822;o@y"};
	return env;
}

static void
forget(struct envelope *env, char **kept, size_t nkept)
{
	for (size_t i = 0; i < nkept; i++)
		free(kept[i]);
	free(kept);
	free(env->recipients);
}

static void
test_envelope(void)
{
	struct envelope env = envelope_of_two();
	struct buf b = {0};
	char **kept;
	size_t n;

	expanded(&b, "", "0", "a+b@x", "d@x e@x");
	expanded(&b, "", "1", "c@x", "f@x");
	is_int(expansion_apply((struct str){b.data, b.len}, &env, &kept, &n), 0,
	    "two records");
	is_int(env.nrecipients, 5, "three recipients more");
	is_str(env.recipients[3].address, "e@x", "in their order");
	is_str(env.recipients[3].original, "rfc822;a+2Bb@x",
	    "the recipient they replace, in xtext");
	is_int(env.recipients[3].notify, NOTIFY_NEVER, "with its NOTIFY");
	is_str(env.recipients[4].original, "rfc822;o@y",
	    "what the client said goes before");
	forget(&env, kept, n);
	buf_free(&b);
}

static void
test_damage(void)
{
	struct envelope env = envelope_of_two();
	struct progress p;
	struct buf b = {0};
	char **kept;
	size_t n;

	expanded(&b, "", "2", "z@x", "d@x");
	is_int(expansion_apply((struct str){b.data, b.len}, &env, &kept, &n),
	    -1, "the place of a recipient that is not there");
	is_int(progress_read((struct str){b.data, b.len}, str_of(""), 0, &p),
	    -1, "more than there are");
	forget(&env, kept, n);
	buf_clear(&b);
	env = envelope_of_two();
	next = 4;
	expanded(&b, "", "1", "c@x", "d@x");
	is_int(expansion_apply((struct str){b.data, b.len}, &env, &kept, &n),
	    -1, "one that comes after two that are lost");
	forget(&env, kept, n);
	buf_free(&b);
}

static void
is_mine(const struct buf *b, const char *suffix, const char *want)
{
	struct progress p;
	char mine[16] = "";
	struct str journal = {b->data, b->len};

	is_int(
	    progress_read(journal, str_of(suffix), 6, &p), 0, "\"%s\"", suffix);
	for (size_t i = 0; i < p.nrcpts; i++)
		mine[i] = !p.rcpts[i].mine   ? '-'
		          : p.rcpts[i].final ? 'x'
		          : p.rcpts[i].via   ? 'v'
		                             : 'm';
	is_str(mine, want, "its recipients");
	progress_free(&p);
}

/* 0 and 1 of the envelope; 0 becomes 2 and 3, the parts are split off; then
 * part 1 puts 4 and 5 in the place of 1. */
static void
test_parts(void)
{
	struct buf b = {0};

	next = 2;
	expanded(&b, "", "0", "a@x", "d@x e@x");
	split(&b, "", "2/1,3");
	expanded(&b, ".1", "1", "c@x", "f@x g@x");
	is_mine(&b, "", "xmvv--");
	is_mine(&b, ".0", "--v---");
	is_mine(&b, ".1", "-x-vvv");
	split(&b, ".1", "3,4/5");
	is_mine(&b, ".1.0", "---vv-");
	is_mine(&b, ".1.1", "-----v");
	buf_free(&b);
}

static void
test_headers(void)
{
	struct progress p;
	struct buf b = {0};

	next = 2;
	expanded(&b, "", "0", "a@x", "d@x e@x");
	expanded(&b, "", "1", "c@x", "f@x");
	progress_read((struct str){b.data, b.len}, str_of(""), 5, &p);
	ok(p.rcpts[2].headers == p.rcpts[3].headers, "one trace for an alias");
	ok(p.rcpts[2].headers != p.rcpts[4].headers, "another for another");
	is_int(p.rcpts[4].parent, 1, "whose place it took");
	ok(p.rcpts[0].expanded && p.rcpts[0].final, "whose fate is sealed");
	progress_free(&p);
	buf_free(&b);
}

int
main(void)
{
	test_envelope();
	test_damage();
	test_parts();
	test_headers();
	return done();
}
