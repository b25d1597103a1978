/* SPDX-License-Identifier: ISC */
/*
 * Moves that are not flushed rest on the order of metadata: a later rename may
 * be durable only together with all earlier ones.  ext4 with a journal and xfs
 * keep that order; what does not, or is not known to, is refused unless forced.
 * ext4 with fast_commit is refused too: after some power cuts the kernel does
 * not mount it any more, and what fsck then makes of it has lost mail.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/log.h"
#include "mail/spool_path.h"

#define EXT4        0xEF53UL
#define OPTIONS_MAX 16384 /* bytes of /proc/fs/ext4/NAME/options */

static const struct {
	unsigned long type; /* of statfs(2) */
	const char *name;
	bool ordered;
} types[] = {
    {EXT4,         "ext4",      true },
    {0x58465342UL, "xfs",       true },
    {0x9123683EUL, "btrfs",     false},
    {0x01021994UL, "tmpfs",     false},
    {0x794C7630UL, "overlayfs", false},
};

/*
 * What ext4 says of itself: /proc/fs/ext4/vda1/options, a word a line.  Where
 * /proc does not tell, the buffer stays empty.
 */
static void
ext4_options(dev_t dev, struct buf *out)
{
	char link[64], target[512], path[600];
	const char *name;
	ssize_t n;
	int fd;

	snprintf(
	    link, sizeof(link), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	n = readlink(link, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	name = strrchr(target, '/');
	snprintf(path, sizeof(path), "/proc/fs/ext4/%s/options",
	    name != NULL ? name + 1 : target);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd != -1)
		(void)fd_slurp(fd, out, OPTIONS_MAX);
	fd_close(&fd);
}

/* NULL, or what is wrong with this ext4. */
static const char *
check_ext4(dev_t dev, const char *path)
{
	struct buf options = {0};
	const char *wrong = NULL;

	ext4_options(dev, &options);
	if (options.len == 0)
		log_info("spool: %s is on ext4; /proc/fs/ext4 does not show "
			 "here whether it has a journal, and no fast_commit",
		    path);
	else if (strstr(options.data, "\ndata=") == NULL)
		wrong = "ext4 without a journal";
	/* The kernel shows the feature by either word. */
	else if (strstr(options.data, "fast_commit") != NULL ||
		 strstr(options.data, "fc_debug_force") != NULL)
		wrong = "ext4 with fast_commit";
	buf_free(&options);
	return wrong;
}

int
spool_check_filesystem(int root, const char *path, bool force)
{
	const char *wrong = "a file system of unknown type";
	struct statfs fs;
	struct stat st;

	if (fstatfs(root, &fs) == -1 || fstat(root, &st) == -1) {
		log_warn("spool: fstatfs %s", path);
		return -1;
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((unsigned long)fs.f_type == types[i].type)
			wrong = types[i].ordered ? NULL : types[i].name;
	if ((unsigned long)fs.f_type == EXT4)
		wrong = check_ext4(st.st_dev, path);
	if (wrong == NULL)
		return 0;
	if (force) {
		log_warnx("spool: %s is on %s, taken because force-filesystem "
			  "says so: a power cut may lose mail",
		    path, wrong);
		return 0;
	}
	log_warnx("spool: %s is on %s, where a power cut may lose mail: use "
		  "ext4 with its journal and without fast_commit, or xfs, or "
		  "set force-filesystem",
	    path, wrong);
	return -1;
}
