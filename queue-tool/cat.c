/* SPDX-License-Identifier: ISC */
/*
 * queue-tool cat: the content of an entry.
 */
#include "queue_tool.h"

#include <errno.h>
#include <string.h>

#include "mail/ruling.h"
#include "mail/unwire.h"

/* What to write of the content: as it lies there, or as a person's tools want
 * it. */
struct copying {
	bool raw;
	struct unwire unwire;
	struct buf text;
};

static void
write_piece(struct copying *c, const char *data, size_t len)
{
	if (c->raw) {
		fwrite(data, 1, len, stdout);
		return;
	}
	buf_clear(&c->text);
	unwire_add(&c->unwire, data, len, &c->text);
	fwrite(buf_text(&c->text), 1, c->text.len, stdout);
}

static void
write_end(struct copying *c)
{
	buf_clear(&c->text);
	unwire_end(&c->unwire, &c->text);
	fwrite(buf_text(&c->text), 1, c->text.len, stdout);
	buf_free(&c->text);
}

/* What rules have us send before the content, to the first recipient that the
 * entry stands for. */
static void
write_headers(struct view *v, struct copying *c)
{
	struct buf headers = {0};
	size_t i = 0;

	while (i < v->progress.nrcpts && !v->progress.rcpts[i].mine)
		i++;
	ruling_headers(v->journal, i, &headers);
	write_piece(c, buf_text(&headers), headers.len);
	buf_free(&headers);
}

static int
write_content(struct view *v, struct copying *c)
{
	char chunk[65536];
	const char *data;
	uint64_t at = 0;
	ssize_t n;

	while ((n = queuefile_content(
		    &v->qf, at, chunk, sizeof(chunk), &data)) > 0) {
		at += (uint64_t)n;
		write_piece(c, data, (size_t)n);
	}
	return (int)n;
}

int
run_cat(struct tool *t, int argc, char *argv[])
{
	struct copying c = {0};
	struct entry e;
	struct view v;
	const char *why;
	int status = EXIT_DONE;

	if (argc == 3 && strcmp(argv[1], "--raw") == 0)
		c.raw = true;
	else if (argc != 2)
		return EXIT_USAGE;
	if (spool_find(t->spool, argv[argc - 1], &e) == -1) {
		fprintf(stderr, "queue-tool: no such entry\n");
		return EXIT_NONE;
	}
	if ((why = view_open(t, &e, &v)) == NULL) {
		if (queuefile_verify(&v.qf) != 1)
			why = "content is damaged; this is what there is";
		write_headers(&v, &c);
		if (write_content(&v, &c) == -1)
			why = strerror(errno);
		write_end(&c);
	}
	if (why != NULL) {
		fflush(stdout);
		fprintf(stderr, "queue-tool: %s: %s\n", e.id, why);
		status = EXIT_NONE;
	}
	view_close(&v);
	return status;
}
