/* SPDX-License-Identifier: ISC */
/*
 * Received messages kept as files: the envelope commands as they came, a line
 * each, an empty line, then the content without dot-stuffing.  A file appears
 * under its number (000001, ...) by a rename when it is complete.
 */
#ifndef WIRE_CAPTURE_H
#define WIRE_CAPTURE_H

#include <stdio.h>

struct capture {
	const char *dir; /* NULL: keep nothing; all calls then do nothing */
	unsigned number;
	FILE *file;
};

void capture_begin(struct capture *c, const char *dir);
void capture_add(struct capture *c, const char *data, size_t len);
void capture_line(struct capture *c, const char *line);
void capture_keep(struct capture *c);
void capture_drop(struct capture *c);

#endif
