/* SPDX-License-Identifier: ISC */
/*
 * Credentials: rows of a name, a user and a password.  They go into a file of
 * their own that only the sender may read, and no word of a row is ever quoted
 * in a mistake.
 */
#include "cdbmaps.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cdbfile.h"
#include "mail/credential.h"
#include "mail/profile.h"
#include "mail/spool.h"
#include "mail/xtext.h"

#define ENCODED "xtext:"

bool
credential_known(struct str name)
{
	return record_find('k', name) != NULL;
}

/* A file that others can read is no place for a password. */
static void
check_mode(const struct row *row)
{
	struct stat st;

	if (stat(row->source->path, &st) == 0 && (st.st_mode & S_IRWXO))
		mistake((struct place){row->source, 0},
		    "expected a file that others cannot read: chmod o= it");
}

static const char *
add_password(struct str word, struct buf *out)
{
	if (!str_starts_nocase(word, ENCODED)) {
		buf_add(out, word.s, word.len);
		return NULL;
	}
	word.s += strlen(ENCODED);
	word.len -= strlen(ENCODED);
	if (xtext_decode(word, out) == -1 || word.len == 0)
		return "xtext after " ENCODED ", blanks as +20 and + as +2B";
	return NULL;
}

void
on_credential(void *arg, const struct row *row)
{
	struct str name = row->words[0].text;
	const char *expected = profile_name_check(name);
	struct buf value = {0};

	(void)arg;
	check_mode(row);
	if (expected) {
		mistake(row_place(row, 0), "expected a name as of a profile");
		return;
	}
	if (row->nwords != 3) {
		mistake(row_place(row, row->nwords > 3 ? 3 : row->nwords),
		    "expected a name, a user and a password");
		return;
	}
	buf_add(&value, row->words[1].text.s, row->words[1].text.len);
	buf_add_char(&value, '\t');
	expected = add_password(row->words[2].text, &value);
	if (expected)
		mistake(row_place(row, 2), "expected %s", expected);
	else if (!record_add(
		     'k', name, (struct str){value.data, value.len}, row))
		mistake(row_place(row, 0), "expected each name once");
	explicit_bzero(value.data, value.len);
	buf_free(&value);
}

/* ---- the file ---- */

/* The sender's group may read it; without such a user it is for us alone. */
static int
restrict_to_sender(struct cdbwriter *w)
{
	struct passwd *pw = getpwnam(room_user(ROOM_SENDER));

	if (geteuid() != 0 || pw == NULL)
		return cdbwriter_restrict(w, (gid_t)-1);
	return cdbwriter_restrict(w, pw->pw_gid);
}

static int
add_all(struct cdbwriter *w, size_t *n_r)
{
	const struct record *r;
	size_t i = 0;

	*n_r = 0;
	while ((r = record_get(i++))) {
		if (record_key(r).s[0] != 'k')
			continue;
		if (cdbwriter_add(w, record_key(r), record_value(r)) == -1)
			return -1;
		++*n_r;
	}
	return 0;
}

/* Nothing is written where there never was a credential. */
int
write_credentials(int dir)
{
	struct cdbwriter *w = cdbwriter_begin(dir, CREDENTIAL_FILE);
	size_t n;

	if (w && restrict_to_sender(w) == 0 && add_all(w, &n) == 0) {
		if (n == 0 && faccessat(dir, CREDENTIAL_FILE, F_OK,
				  AT_SYMLINK_NOFOLLOW) == -1) {
			cdbwriter_abandon(&w);
			return 0;
		}
		if (cdbwriter_commit(&w) == 0)
			return 0;
	}
	fprintf(stderr, "cdbmaps: write %s: %s\n", CREDENTIAL_FILE,
	    errno == EWOULDBLOCK ? "another cdbmaps is writing it"
				 : strerror(errno));
	cdbwriter_abandon(&w);
	return -1;
}
