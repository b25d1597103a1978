/* SPDX-License-Identifier: ISC */
#include "mail/pause.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

/* A word that ends where it should: blanks and control bytes are taken out. */
static void
add_word(struct buf *out, const char *text)
{
	size_t before = out->len;

	for (; *text != '\0'; text++)
		if ((unsigned char)*text > ' ')
			buf_add(out, text, 1);
	if (out->len == before)
		buf_add_str(out, "-");
}

static void
add_line(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		buf_add(out, (unsigned char)*text < ' ' ? " " : text, 1);
}

/* "WHO SINCE UNTIL NAME WHY" */
int
pause_leave(struct spool *sp, const struct pause *p)
{
	struct buf who = {0}, rest = {0};
	int rc;

	add_word(&who, p->who);
	buf_addf(&rest, "%" PRId64 " %" PRId64 " ", p->since_s, p->until_s);
	add_word(&rest, p->name);
	buf_add_str(&rest, " ");
	add_line(&rest, p->why);
	rc = control_leave(
	    sp, ORDER_PAUSE, p->subject, buf_text(&who), buf_text(&rest));
	buf_free(&who);
	buf_free(&rest);
	return rc;
}

/* Removed first: dying before the sender is told leaves it waiting until it
 * looks again, and no pause that an operator was told is gone. */
int
pause_lift(
    struct spool *sp, const char *subject, const char *who, const char *why)
{
	if (control_done(sp, ORDER_PAUSE, subject) == -1) {
		if (errno != ENOENT)
			log_warn("control/pause.%s", subject);
		return -1;
	}
	return control_leave(sp, ORDER_RESUME, subject, who, why);
}

/* ---- reading ---- */

static char *
copy(struct str s)
{
	char *out = mem_alloc(s.len + 1);

	if (s.len > 0)
		memcpy(out, s.s, s.len);
	out[s.len] = '\0';
	return out;
}

static int
parse(struct str text, struct pause *p_r)
{
	struct str who = str_word(&text), since = str_word(&text);
	struct str until = str_word(&text), name = str_word(&text);
	uint64_t since_s, until_s;

	if (str_number(since, INT64_MAX, &since_s) == -1 ||
	    str_number(until, INT64_MAX, &until_s) == -1 || name.len == 0)
		return -1;
	while (text.len > 0 && *text.s == ' ') {
		text.s++;
		text.len--;
	}
	p_r->since_s = (int64_t)since_s;
	p_r->until_s = (int64_t)until_s;
	p_r->who = copy(who);
	p_r->name = copy(name);
	p_r->why = copy(text);
	return 0;
}

struct reading {
	struct spool *sp;
	struct pauses *to;
};

/* One that cannot be read pauses all the same, until it is lifted: mail that
 * waits can be sent later, mail that was sent cannot be kept back. */
static void
on_order(void *arg, enum order order, const char *subject)
{
	struct reading *r = arg;
	struct buf text = {0};
	struct pause p = {0};
	int read;

	if (order != ORDER_PAUSE)
		return;
	read = control_read(r->sp, ORDER_PAUSE, subject, &text);
	if (read == -1 && errno == ENOENT)
		return; /* lifted at this moment */
	str_copy(p.subject, sizeof(p.subject), str_of(subject));
	if (read == -1 || parse(str_of(buf_text(&text)), &p) == -1) {
		log_warnx("control/pause.%s: cannot be read, it pauses all "
			  "the same",
		    subject);
		p.who = copy(str_of("-"));
		p.name = copy(str_of(subject));
		p.why = copy(str_of("unreadable order"));
	}
	r->to->list =
	    mem_resize(r->to->list, r->to->n + 1, sizeof(*r->to->list));
	r->to->list[r->to->n++] = p;
	buf_free(&text);
}

int
pauses_read(struct spool *sp, struct pauses *p)
{
	struct reading r = {sp, p};

	pauses_free(p);
	if (control_list(sp, on_order, &r) == 0)
		return 0;
	log_warn("read control/");
	pauses_free(p);
	return -1;
}

void
pauses_free(struct pauses *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->list[i].who);
		free(p->list[i].name);
		free(p->list[i].why);
	}
	free(p->list);
	*p = (struct pauses){0};
}

static bool
is_about(const struct pause *p, const char *tag, const char *profile)
{
	size_t len = strlen(PAUSE_PROFILE);

	if (strncmp(p->subject, PAUSE_PROFILE, len) == 0)
		return profile != NULL &&
		       strcmp(p->subject + len, profile) == 0;
	return strcmp(p->subject, PAUSE_ALL) == 0 ||
	       strcmp(p->subject, tag) == 0;
}

const struct pause *
pauses_find(
    const struct pauses *p, const char *tag, const char *profile, int64_t now_s)
{
	for (size_t i = 0; i < p->n; i++)
		if ((p->list[i].until_s == 0 || p->list[i].until_s > now_s) &&
		    is_about(&p->list[i], tag, profile))
			return &p->list[i];
	return NULL;
}
