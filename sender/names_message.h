/* SPDX-License-Identifier: ISC */
/*
 * Questions and answers of the DNS on their way between a worker and its
 * helper: one line, then for an answer one line a record.
 *
 *	17 mx example.org 192.0.2.53@53,2001:db8::53@53
 *	17 mx found -
 *	10 mx-a.example.org
 *	20 mx-b.example.org
 *
 * Both sides check what they read: the helper may have fallen to a packet.
 */
#ifndef SENDER_NAMES_MESSAGE_H
#define SENDER_NAMES_MESSAGE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "names.h"

/* "address@port" of every server, joined by commas: what a set of servers is
 * known by. */
#define NAMES_SERVERS_SIZE (RESOLVERS_MAX * 64)

struct names_question {
	uint32_t id;
	enum names_type type;
	char name[NAMES_HOST_SIZE];
	char servers[NAMES_SERVERS_SIZE];
};

void names_servers_format(
    const struct endpoint *servers, size_t n, char out[NAMES_SERVERS_SIZE]);

void names_question_format(const struct names_question *q, struct buf *out);
void names_answer_format(
    uint32_t id, const struct names_answer *a, struct buf *out);

/* Instead of an answer: whoever was to answer what was asked so far has died. */
#define NAMES_DIED "died\n"

/* 0, or -1 when it is no such message; *_r is then undefined. */
int names_question_parse(struct str message, struct names_question *q_r);
int names_answer_parse(
    struct str message, uint32_t *id_r, struct names_answer *a_r);

#endif
