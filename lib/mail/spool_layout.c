/* SPDX-License-Identifier: ISC */
/*
 * The directories of the spool: made, mended, checked and opened.  One table
 * says owner, mode and who opens what; setup and start-up go by it.
 */
#include "mail/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/log.h"
#include "mail/spool_path.h"

#define FORMAT_FILE "format"
#define FORMAT_TEXT "stagepost spool %u\n"
#define FORMAT      1u
#define STAGE_GROUP "stage"
#define ADMIN_GROUP "stage-adm"

static const char *const room_names[ROOMS] = {
    [ROOM_RECEIVER] = "receiver",
    [ROOM_ENGINE] = "engine",
    [ROOM_SENDER] = "sender",
    [ROOM_QUEUE_TOOL] = "queue-tool",
};

static const char *const room_users[ROOMS] = {
    [ROOM_RECEIVER] = "stage-recv",
    [ROOM_ENGINE] = "stage-engine",
    [ROOM_SENDER] = "stage-send",
    [ROOM_QUEUE_TOOL] = "root",
};

const char *
room_name(enum room room)
{
	return room_names[room];
}

const char *
room_user(enum room room)
{
	return room_users[room];
}

#define R         (1u << ROOM_RECEIVER)
#define E         (1u << ROOM_ENGINE)
#define S         (1u << ROOM_SENDER)
#define Q         (1u << ROOM_QUEUE_TOOL)
#define ALL       (R | E | S | Q)
#define NOBODY    SIZE_MAX
#define AT(field) offsetof(struct spool, field)

/*
 * The receiver is not in group stage: 0711 lets it pass to its own places, and
 * 0750 keeps it out of everything from split/ on.  Setgid hands group stage
 * down to every file.  mail/ is no state: it is where maildir routes that name
 * no other place deliver.
 */
static const struct place {
	const char *name;
	enum room owner; /* ROOM_QUEUE_TOOL: root */
	mode_t mode;
	bool sharded;   /* a directory, or its sixteen: name/0 to name/15 */
	unsigned rooms; /* who opens it */
	size_t field;   /* of struct spool; NOBODY: only passed through */
} places[] = {
    {"tmp",	     ROOM_QUEUE_TOOL, 0711,  false, 0,         NOBODY       },
    {"tmp/receiver.",   ROOM_RECEIVER,   02770, true,  R,         AT(tmp)      },
    {"tmp/engine.",     ROOM_ENGINE,     02770, true,  E,         AT(tmp)      },
    {"tmp/sender.",     ROOM_SENDER,     02770, true,  S,         AT(tmp)      },
    {"tmp/queue-tool.", ROOM_QUEUE_TOOL, 02770, true,  Q,         AT(tmp)      },
    {"incoming",        ROOM_QUEUE_TOOL, 0711,  false, 0,         NOBODY       },
    {"incoming/",       ROOM_RECEIVER,   02770, true,  ALL,       AT(incoming) },
    {"split",           ROOM_QUEUE_TOOL, 0750,  false, 0,         NOBODY       },
    {"split/",          ROOM_QUEUE_TOOL, 02770, true,  E | Q,     AT(split)    },
    {"processed",       ROOM_QUEUE_TOOL, 0750,  false, 0,         NOBODY       },
    {"processed/",      ROOM_QUEUE_TOOL, 02770, true,  E | S | Q, AT(processed)},
    {"sending",         ROOM_QUEUE_TOOL, 0750,  false, 0,         NOBODY       },
    {"sending/",        ROOM_QUEUE_TOOL, 02770, true,  S | Q,     AT(sending)  },
    {"deferred",        ROOM_QUEUE_TOOL, 0750,  false, 0,         NOBODY       },
    {"deferred/",       ROOM_QUEUE_TOOL, 02770, true,  S | Q,     AT(deferred) },
    {"held",            ROOM_QUEUE_TOOL, 02770, false, E | S | Q, AT(held)     },
    {"corrupt",         ROOM_QUEUE_TOOL, 02770, false, E | S | Q, AT(corrupt)  },
    {"control",         ROOM_QUEUE_TOOL, 02770, false, S | Q,     AT(control)  },
    {"map",	     ROOM_QUEUE_TOOL, 0755,  false, ALL,       AT(map)      },
    {"mail",            ROOM_SENDER,     0700,  false, 0,         NOBODY       },
};

#define PLACES (sizeof(places) / sizeof(places[0]))

static void
place_name(const struct place *p, unsigned shard, char out[64])
{
	if (p->sharded)
		snprintf(out, 64, "%s%u", p->name, shard);
	else
		snprintf(out, 64, "%s", p->name);
}

/* ---- set-up ---- */

/* Who owns what.  Without root, or without the users, everything is ours. */
struct owners {
	bool known;
	uid_t user[ROOMS];
	gid_t stage;
	gid_t
	    admin; /* whose members may give orders; stage's if there is none */
};

static void
owners_find(struct owners *o)
{
	struct group *gr = getgrnam(STAGE_GROUP);
	struct passwd *pw;

	o->known = geteuid() == 0 && gr != NULL;
	if (!o->known)
		return;
	o->stage = o->admin = gr->gr_gid;
	if ((gr = getgrnam(ADMIN_GROUP)) != NULL)
		o->admin = gr->gr_gid;
	for (int r = 0; r < ROOMS; r++) {
		if ((pw = getpwnam(room_users[r])) == NULL)
			o->known = false;
		else
			o->user[r] = pw->pw_uid;
	}
}

/*
 * Have ext4 put each directory in this one in a block group of its own, as it
 * does at the root of a disk.  Files lie in the group of the directory that they
 * are made in, so workers do not meet in one group, and one without a journal,
 * which leaves the inodes of removed files alone for minutes, does not search
 * all of those for a free one.  Other file systems refuse, and that is fine.
 */
static void
spread_below(int fd)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 &&
	    (flags & FS_TOPDIR_FL) == 0) {
		flags |= FS_TOPDIR_FL;
		(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
}

/* Make what is missing and give it its owner and mode. */
static int
mend_directory(int root, const char *name, mode_t mode, enum room owner,
    const struct owners *o)
{
	int fd = -1, rc = -1;
	const char *step = "make";

	if (mkdirat(root, name, 0700) == -1 && errno != EEXIST)
		goto out;
	step = "open";
	fd =
	    openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		goto out;
	step = "give owner and mode";
	if (o->known && fchown(fd, o->user[owner], o->stage) == -1)
		goto out;
	if (fchmod(fd, mode) == -1)
		goto out;
	if (strcmp(name, "tmp") == 0)
		spread_below(fd);
	step = "flush";
	rc = fsync(fd);
out:
	if (rc == -1)
		log_warn("spool: %s %s", step, *name == '.' ? "root" : name);
	fd_close(&fd);
	return rc;
}

/*
 * One lock file a room: only the room's own user may open it; that of the tool,
 * operators too, but no daemon, which is not in their group.
 */
static int
mend_lock(int root, enum room room, const struct owners *o)
{
	bool shared =
	    room == ROOM_QUEUE_TOOL && o->known && o->admin != o->stage;
	char name[64];
	int fd, rc = -1;

	snprintf(name, sizeof(name), "tmp/%s.lock", room_names[room]);
	fd =
	    openat(root, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd != -1 && fchmod(fd, 0600) == 0 &&
	    (!o->known ||
		fchown(fd, o->user[room], shared ? o->admin : o->stage) == 0) &&
	    (!shared || fchmod(fd, 0660) == 0))
		rc = 0;
	if (rc == -1)
		log_warn("spool: make %s", name);
	fd_close(&fd);
	return rc;
}

/*
 * The format's number.  It is written last and only where there is none, so a
 * spool that has one has all its directories, and a newer spool stays newer.
 */
static int
write_format(int root)
{
	char text[64];
	int fd, rc;

	fd = openat(root, FORMAT_FILE,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd == -1)
		return errno == EEXIST ? 0 : -1;
	snprintf(text, sizeof(text), FORMAT_TEXT, FORMAT);
	rc = fd_write_all(fd, text, strlen(text));
	if (fchmod(fd, 0644) == -1 || fsync(fd) == -1)
		rc = -1;
	fd_close(&fd);
	return rc;
}

/* 0; -1 and ENOENT: none; -1 and ENOTSUP: newer than us. */
static int
check_format(int root)
{
	char text[64] = "";
	unsigned format;
	int fd;

	fd = openat(root, FORMAT_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return -1;
	if (fd_read_full(fd, text, sizeof(text) - 1) == -1) {
		fd_close(&fd);
		return -1;
	}
	fd_close(&fd);
	if (sscanf(text, FORMAT_TEXT, &format) == 1 && format == FORMAT)
		return 0;
	errno = ENOTSUP;
	return -1;
}

int
spool_setup(const char *root_path)
{
	struct owners o;
	char name[64];
	int root, rc = -1;

	owners_find(&o);
	if (mkdir(root_path, 0700) == -1 && errno != EEXIST) {
		log_warn("spool: make %s", root_path);
		return -1;
	}
	root = open(root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root == -1) {
		log_warn("spool: open %s", root_path);
		return -1;
	}
	if (check_format(root) == -1 && errno == ENOTSUP) {
		log_warnx("spool: %s is of a newer format; nothing was changed",
		    root_path);
		goto out;
	}
	if (mend_directory(root, ".", 0751, ROOM_QUEUE_TOOL, &o) == -1)
		goto out;
	for (const struct place *p = places; p < places + PLACES; p++)
		for (unsigned s = 0; s < (p->sharded ? SHARDS : 1); s++) {
			place_name(p, s, name);
			if (mend_directory(root, name, p->mode, p->owner, &o) ==
			    -1)
				goto out;
		}
	for (int r = 0; r < ROOMS; r++)
		if (mend_lock(root, (enum room)r, &o) == -1)
			goto out;
	if (write_format(root) == -1 || fsync(root) == -1) {
		log_warn("spool: write %s/" FORMAT_FILE, root_path);
		goto out;
	}
	rc = 0;
out:
	fd_close(&root);
	return rc;
}

/* ---- start-up ---- */

static int
open_directory(int root, const char *name, dev_t dev)
{
	struct stat st;
	int fd;

	fd =
	    openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1) {
		log_warn("spool: open %s", name);
		return -1;
	}
	if (fstat(fd, &st) == -1 || st.st_dev != dev) {
		log_warnx("spool: %s is on another file system; a move to it "
			  "would not be one rename",
		    name);
		fd_close(&fd);
		errno = EXDEV;
	}
	return fd;
}

/* Open what the room may touch; everything else stays -1. */
static int
open_places(struct spool *sp, dev_t dev)
{
	char name[64];
	int *fds;

	for (const struct place *p = places; p < places + PLACES; p++) {
		if (p->field == NOBODY || (p->rooms & (1u << sp->room)) == 0)
			continue;
		fds = (int *)(void *)((char *)sp + p->field);
		for (unsigned s = 0; s < (p->sharded ? SHARDS : 1); s++) {
			place_name(p, s, name);
			if ((fds[s] = open_directory(sp->root, name, dev)) ==
			    -1)
				return -1;
		}
	}
	snprintf(name, sizeof(name), "tmp/%s.lock", room_names[sp->room]);
	sp->locks = openat(sp->root, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (sp->locks == -1)
		log_warn("spool: open %s", name);
	return sp->locks == -1 ? -1 : 0;
}

/* Every directory descriptor of a spool, for opening and closing. */
static void
each_fd(struct spool *sp, void (*fn)(int *fd))
{
	int *sharded[] = {sp->tmp, sp->incoming, sp->split, sp->processed,
	    sp->sending, sp->deferred};
	int *single[] = {&sp->root, &sp->held, &sp->corrupt, &sp->control,
	    &sp->map, &sp->locks};

	for (size_t i = 0; i < sizeof(sharded) / sizeof(sharded[0]); i++)
		for (unsigned s = 0; s < SHARDS; s++)
			fn(&sharded[i][s]);
	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
		fn(single[i]);
}

static void
set_closed(int *fd)
{
	*fd = -1;
}

static void
close_one(int *fd)
{
	fd_close(fd);
}

struct spool *
spool_open(const char *root_path, enum room room, bool force)
{
	struct spool *sp = mem_alloc(sizeof(*sp));
	struct stat st;

	each_fd(sp, set_closed);
	sp->room = room;
	sp->syncfs_at = SIZE_MAX;
	sp->failed = mem_share(sizeof(int));
	sp->root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (sp->root == -1 || fstat(sp->root, &st) == -1) {
		log_warn("spool: open %s (stagepost-setup makes one, -s names "
			 "one)",
		    root_path);
		goto fail;
	}
	if (check_format(sp->root) == -1) {
		if (errno == ENOENT)
			log_warnx("spool: %s is no spool (stagepost-setup "
				  "makes one, -s names one)",
			    root_path);
		else
			log_warn("spool: read the format of %s", root_path);
		goto fail;
	}
	/* The tool only looks and renames; the daemons depend on it. */
	if (room != ROOM_QUEUE_TOOL &&
	    spool_check_filesystem(sp->root, root_path, force) == -1)
		goto fail;
	if (open_places(sp, st.st_dev) == -1) {
		if (errno == EACCES && room == ROOM_QUEUE_TOOL)
			log_warnx("spool: operators have to be in the groups "
				  "%s and %s, and logged in since",
			    STAGE_GROUP, ADMIN_GROUP);
		goto fail;
	}
	return sp;
fail:
	spool_close(&sp);
	return NULL;
}

void
spool_close(struct spool **spp)
{
	struct spool *sp = *spp;

	*spp = NULL;
	if (sp == NULL)
		return;
	each_fd(sp, close_one);
	munmap((void *)(uintptr_t)sp->failed, sizeof(int));
	free(sp);
}
