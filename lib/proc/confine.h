/* SPDX-License-Identifier: ISC */
/*
 * Give up rights for good.  The only file that does, and with base/compat.h
 * the only one with #if.  Layer: proc.
 */
#ifndef PROC_CONFINE_H
#define PROC_CONFINE_H

#include <stdbool.h>

#include "mail/spool.h"

/*
 * Become the room's user, with group stage only where the room has it; not
 * dumpable; no_new_privs, umask 007.  Ends the process when a right cannot be
 * given up, and as root when there is no such user.
 *
 * An unprivileged run stays who it is and says so once.  `stay`: so does root
 * (tests and containers with one user).
 *
 * Called by each parent before it forks, after sockets are bound.
 */
void confine_user(enum room room, bool stay);

/*
 * For a helper that needs none: give up every right over files by their names,
 * whoever's they are; what is open stays.  Ends the process when that fails.
 * False when the kernel has no Landlock: then nothing has changed.
 */
bool confine_files(void);

#endif
