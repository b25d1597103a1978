/* SPDX-License-Identifier: ISC */
/*
 * What systemd asks of a service, without its library: sd_notify(3) over a
 * datagram, and the test of systemd.exec(5) for "my stderr is the journal".
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "proc/parent_private.h"

bool
systemd_reads_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream != NULL && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
	       st.st_ino == ino;
}

void
systemd_notify(const char *state)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len;
	int fd;

	if (path == NULL)
		return;
	len = strlen(path);
	if ((*path != '/' && *path != '@') || len >= sizeof(to.sun_path)) {
		log_warnx("NOTIFY_SOCKET is no address: %s", path);
		return;
	}
	memcpy(to.sun_path, path, len);
	if (*path == '@') /* an abstract name */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || sendto(fd, state, strlen(state), MSG_NOSIGNAL,
			    (struct sockaddr *)&to,
			    offsetof(struct sockaddr_un, sun_path) + len) == -1)
		log_warn("tell systemd %s", state);
	fd_close(&fd);
}
