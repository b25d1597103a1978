/* SPDX-License-Identifier: ISC */
/*
 * Give up rights for good.  The only file that does, and with base/compat.h
 * the only one with #if.  Layer: proc.
 */
#ifndef PROC_CONFINE_H
#define PROC_CONFINE_H

#include "mail/spool.h"

/*
 * Become the room's user (as root; an unprivileged run stays who it is and
 * says so once), no_new_privs, not dumpable, umask 007.  Ends the process when
 * a right cannot be given up.  Called by each parent before it forks, after
 * sockets are bound and the spool is set up.
 */
void confine_user(enum room room);

#endif
