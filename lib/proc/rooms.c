/* SPDX-License-Identifier: ISC */
#include "proc/rooms.h"

/* clang-format off */
static const struct room_rights rights[ROOMS] = {
	/*                    in stage  accept  connect */
	[ROOM_RECEIVER]   = { false,    true,   false },
	[ROOM_ENGINE]     = { true,     false,  false },
	[ROOM_SENDER]     = { true,     false,  true  },
	[ROOM_QUEUE_TOOL] = { true,     false,  false },
};
/* clang-format on */

const struct room_rights *
room_rights(enum room room)
{
	return &rights[room];
}
