/* SPDX-License-Identifier: ISC */
/*
 * Who we are at a host that asks: map/credentials.cdb, which cdbmaps writes and
 * only the sender may read.  Layer: mail.
 *
 *	k<name>    "USER\tPASSWORD"
 */
#ifndef MAIL_CREDENTIAL_H
#define MAIL_CREDENTIAL_H

#include "base/str.h"

#define CREDENTIAL_FILE "credentials.cdb"
#define CREDENTIAL_MAX  255 /* bytes of user or password */

struct credential {
	char user[CREDENTIAL_MAX + 1];
	char password[CREDENTIAL_MAX + 1];
};

/* 0; -1 and errno: ENOENT there is none of that name, EPERM the file is one that
 * others can read, or why it cannot be read.  Wipe it after use. */
int credential_find(int map_dirfd, struct str name, struct credential *c_r);
void credential_wipe(struct credential *c);

#endif
