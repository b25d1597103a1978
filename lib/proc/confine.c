/* SPDX-License-Identifier: ISC */
#include "proc/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "proc/rooms.h"

#define STAGE_GROUP "stage"

static void
set_groups(enum room room)
{
	struct group *stage;

	if (!room_rights(room)->in_stage) {
		if (setgroups(0, NULL) == -1)
			fatal("leave all groups");
		return;
	}
	stage = getgrnam(STAGE_GROUP);
	if (stage == NULL)
		fatalx("there is no group " STAGE_GROUP
		       ": run scripts/setup as root, or stay root with -U");
	if (setgroups(1, &stage->gr_gid) == -1)
		fatal("join group " STAGE_GROUP);
}

static void
become(enum room room)
{
	const char *user = room_user(room);
	struct passwd *pw = getpwnam(user);
	uid_t uid;

	if (pw == NULL)
		fatalx("there is no user %s: run scripts/setup as root, or "
		       "stay root with -U",
		    user);
	if (pw->pw_uid == 0)
		fatalx("user %s is root by another name", user);
	uid = pw->pw_uid;
	if (setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == -1)
		fatal("become group %d", (int)pw->pw_gid);
	set_groups(room);
	if (setresuid(uid, uid, uid) == -1)
		fatal("become user %s", user);
	if (setresuid(-1, 0, -1) != -1 || setresgid(-1, 0, -1) != -1)
		fatalx("user %s can become root again", user);
	/* processes of the same user may not look into each other */
	if (prctl(PR_SET_DUMPABLE, 0) == -1)
		fatal("become undumpable");
}

void
confine_user(enum room room, bool stay)
{
	umask(007);
	if (geteuid() != 0)
		log_info(
		    "not root: running as user %d, unconfined", (int)geteuid());
	else if (stay)
		log_info("staying root (-U): unconfined");
	else
		become(room);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("give up gaining rights by execution");
}

/* Every right over files that Landlock knows, by the version that brought it;
 * a kernel refuses those that it does not know itself. */
static uint64_t
file_rights(long version)
{
	uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	if (version >= 2)
		rights |= 1 << 13; /* to link and rename elsewhere */
	if (version >= 3)
		rights |= 1 << 14; /* to truncate */
	return rights;
}

bool
confine_files(void)
{
	struct landlock_ruleset_attr none = {0};
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	int ruleset;

	if (version == -1 && (errno == ENOSYS || errno == EOPNOTSUPP))
		return false;
	none.handled_access_fs = file_rights(version);
	ruleset =
	    (int)syscall(SYS_landlock_create_ruleset, &none, sizeof(none), 0);
	if (ruleset == -1 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0) == -1)
		fatal("give up files");
	close(ruleset);
	return true;
}
