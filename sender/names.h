/* SPDX-License-Identifier: ISC */
/*
 * The DNS, as a worker sees it: typed questions and answers.
 *
 * Packets from strangers are read by a process of its own (names_helper.h),
 * which asks the given servers and no others; what comes from there is checked
 * once more here (names_message.h).
 */
#ifndef SENDER_NAMES_H
#define SENDER_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/settings.h"

#define NAMES_HOST_SIZE   256 /* a domain name in text, NUL included */
#define NAMES_RECORDS_MAX 100 /* more are dropped */

enum names_type { NAMES_MX, NAMES_A, NAMES_AAAA };

enum names_status {
	NAMES_FOUND, /* there are records, though perhaps none usable */
	NAMES_NODATA,
	NAMES_NXDOMAIN,
	NAMES_TEMPFAIL, /* SERVFAIL, silence, nonsense; see text */
};

struct names_record {
	uint16_t preference;        /* MX */
	char host[NAMES_HOST_SIZE]; /* MX: no final dot; "" is the root */
	uint8_t address[16];        /* A: the first 4 */
};

struct names_answer {
	enum names_type type;
	enum names_status status;
	char alias_of[NAMES_HOST_SIZE]; /* end of the CNAME chain, or "" */
	struct names_record records[NAMES_RECORDS_MAX];
	size_t nrecords;
	char text[128]; /* TEMPFAIL: why */
};

/* "MX", "A", "AAAA". */
const char *names_type_text(enum names_type type);

struct names_query;
typedef void names_fn(void *arg, const struct names_answer *answer);

/* Start the process; once a worker, before the first question. */
void names_start(void);

/*
 * Ask servers[0..n), n of 1 to RESOLVERS_MAX, for records of a name that is
 * complete as it is.  on_answer is called from the loop, once, never from
 * within this call, possibly late; then the handle is gone.  names_cancel: no
 * call follows; stores NULL.
 */
struct names_query *names_ask(const struct endpoint *servers, size_t n,
    enum names_type type, const char *name, names_fn *on_answer, void *arg);
void names_cancel(struct names_query **q);

#endif
