/* SPDX-License-Identifier: ISC */
#include "cdbmaps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"

#define SOURCES_MAX 1000
/* Offsets in a source are kept in 32 bits. */
#define SOURCE_SIZE_MAX UINT32_MAX

static struct source *sources[SOURCES_MAX];
static unsigned nsources;

struct source *
source_of(const char *path, const char *name, struct str text)
{
	struct source *s;

	if (nsources == SOURCES_MAX) {
		errno = EMFILE;
		return NULL;
	}
	s = mem_alloc(sizeof(*s));
	s->path = mem_dup(path);
	s->name = mem_dup(name);
	s->text = text;
	s->number = nsources;
	sources[nsources++] = s;
	return s;
}

struct source *
source_read(const char *path, const char *name)
{
	struct buf text = {0};
	struct stat st;
	int fd;

	for (unsigned i = 0; i < nsources; i++)
		if (strcmp(sources[i]->path, path) == 0)
			return sources[i];
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		buf_reserve(&text, (size_t)st.st_size + 1);
	if (fd_slurp(fd, &text, SOURCE_SIZE_MAX) == -1) {
		buf_free(&text);
		fd_close(&fd);
		return NULL;
	}
	fd_close(&fd);
	return source_of(path, name, (struct str){buf_text(&text), text.len});
}

const struct source *
source_get(unsigned number)
{
	return sources[number];
}

char *
source_beside(const struct source *s, struct str name)
{
	const char *slash = strrchr(s->path, '/');
	struct buf path = {0};

	if (name.s[0] != '/' && slash)
		buf_add(&path, s->path, slash + 1 - s->path);
	buf_add(&path, name.s, name.len);
	return path.data;
}
