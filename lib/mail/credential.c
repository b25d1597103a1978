/* SPDX-License-Identifier: ISC */
#include "mail/credential.h"

#include <errno.h>
#include <string.h>

#include "base/cdbfile.h"
#include "mail/profile.h"

static int
find(struct cdbfile *file, struct str name, struct credential *c_r)
{
	char key[1 + PROFILE_NAME_MAX + 1] = "k";
	struct str value, user;

	if (str_copy(key + 1, sizeof(key) - 1, name) == -1) {
		errno = ENOENT;
		return -1;
	}
	switch (cdbfile_find(file, str_of(key), &value)) {
	case 0:
		errno = ENOENT;
		return -1;
	case -1:
		return -1;
	}
	user = str_cut(&value, '\t');
	if (str_copy(c_r->user, sizeof(c_r->user), user) == -1 ||
	    str_copy(c_r->password, sizeof(c_r->password), value) == -1) {
		errno = EMSGSIZE;
		return -1;
	}
	return 0;
}

/* Opened for each, so that no password stays mapped. */
int
credential_find(int map_dirfd, struct str name, struct credential *c_r)
{
	struct cdbfile *file = cdbfile_open(map_dirfd, CREDENTIAL_FILE);
	int result, error;

	if (!file)
		return -1;
	if (cdbfile_is_public(file)) {
		errno = EPERM;
		result = -1;
	} else {
		result = find(file, name, c_r);
	}
	error = errno;
	cdbfile_close(&file);
	errno = error;
	if (result == -1)
		credential_wipe(c_r);
	return result;
}

void
credential_wipe(struct credential *c)
{
	explicit_bzero(c, sizeof(*c));
}
