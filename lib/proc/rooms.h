/* SPDX-License-Identifier: ISC */
/*
 * All rights of all rooms on one page.  Layer: proc.
 */
#ifndef PROC_ROOMS_H
#define PROC_ROOMS_H

#include <stdbool.h>

#include "mail/spool.h"

struct room_rights {
	const char *name; /* "receiver" */
	const char *user; /* "stage-recv"; NULL: whoever runs it */
	bool in_stage;    /* member of group stage */
	bool may_accept;  /* network, inwards */
	bool may_connect; /* network, outwards */
};

const struct room_rights *room_rights(enum room room);

#endif
