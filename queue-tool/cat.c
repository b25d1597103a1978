/* SPDX-License-Identifier: ISC */
/*
 * queue-tool cat: the content of an entry.
 */
#include "queue_tool.h"

#include <errno.h>
#include <string.h>

#include "mail/ruling.h"

/* What to write of the content: as it lies there, or as a person's tools want
 * it, with LF and without stuffed dots. */
struct unwire {
	bool raw;
	bool at_line_start;
	bool cr_waits;
};

static void
write_octet(struct unwire *u, char c)
{
	bool stuffed = u->at_line_start && c == '.';

	u->at_line_start = c == '\n';
	if (u->cr_waits && c != '\n')
		putchar('\r');
	u->cr_waits = c == '\r';
	if (!u->cr_waits && !stuffed)
		putchar(c);
}

/* What rules have us send before the content, to the first recipient that the
 * entry stands for. */
static void
write_headers(struct view *v, struct unwire *u)
{
	struct buf headers = {0};
	size_t i = 0;

	while (i < v->progress.nrcpts && !v->progress.rcpts[i].mine)
		i++;
	ruling_headers(v->journal, i, &headers);
	for (size_t at = 0; at < headers.len; at++)
		if (u->raw)
			putchar(headers.data[at]);
		else
			write_octet(u, headers.data[at]);
	buf_free(&headers);
}

static int
write_content(struct view *v, struct unwire *u)
{
	char chunk[65536];
	const char *data;
	uint64_t at = 0;
	ssize_t n;

	while ((n = queuefile_content(
		    &v->qf, at, chunk, sizeof(chunk), &data)) > 0) {
		at += (uint64_t)n;
		if (u->raw)
			fwrite(data, 1, (size_t)n, stdout);
		else
			for (ssize_t i = 0; i < n; i++)
				write_octet(u, data[i]);
	}
	return (int)n;
}

int
run_cat(struct tool *t, int argc, char *argv[])
{
	struct unwire u = {.at_line_start = true};
	struct entry e;
	struct view v;
	const char *why;
	int status = EXIT_DONE;

	if (argc == 3 && strcmp(argv[1], "--raw") == 0)
		u.raw = true;
	else if (argc != 2)
		return EXIT_USAGE;
	if (spool_find(t->spool, argv[argc - 1], &e) == -1) {
		fprintf(stderr, "queue-tool: no such entry\n");
		return EXIT_NONE;
	}
	if ((why = view_open(t, &e, &v)) == NULL) {
		if (queuefile_verify(&v.qf) != 1)
			why = "content is damaged; this is what there is";
		write_headers(&v, &u);
		if (write_content(&v, &u) == -1)
			why = strerror(errno);
	}
	if (why != NULL) {
		fflush(stdout);
		fprintf(stderr, "queue-tool: %s: %s\n", e.id, why);
		status = EXIT_NONE;
	}
	view_close(&v);
	return status;
}
