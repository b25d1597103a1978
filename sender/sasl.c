/* SPDX-License-Identifier: ISC */
#include "sasl.h"

#include <stdlib.h>
#include <string.h>

#include <gsasl.h>

#include "base/log.h"

#define ITERATIONS_MAX 200000 /* of SCRAM; our loop waits for their end */

struct sasl {
	Gsasl_session *session;
	enum sasl_mechanism mechanism;
	bool done;
};

static Gsasl *library;

static const char *const names[] = {
    [SASL_SCRAM_SHA_256] = "SCRAM-SHA-256",
    [SASL_PLAIN] = "PLAIN",
    [SASL_LOGIN] = "LOGIN",
};

enum sasl_mechanism
sasl_find(struct str name)
{
	enum sasl_mechanism m = 0;

	while (m < SASL_MECHANISMS && !str_eq_nocase(name, names[m]))
		m++;
	return m;
}

const char *
sasl_name(enum sasl_mechanism m)
{
	return names[m];
}

bool
sasl_begins(enum sasl_mechanism m)
{
	return m != SASL_LOGIN;
}

struct sasl *
sasl_new(enum sasl_mechanism m, const struct credential *c)
{
	struct sasl *s = mem_alloc(sizeof(*s));

	s->mechanism = m;
	if ((library == NULL && gsasl_init(&library) != GSASL_OK) ||
	    gsasl_client_start(library, names[m], &s->session) != GSASL_OK) {
		free(s);
		return NULL;
	}
	gsasl_property_set(s->session, GSASL_AUTHID, c->user);
	gsasl_property_set(s->session, GSASL_PASSWORD, c->password);
	return s;
}

void
sasl_free(struct sasl **s)
{
	if (*s == NULL)
		return;
	gsasl_finish((*s)->session);
	free(*s);
	*s = NULL;
}

/* A host that asks for ever more rounds of hashing would stop the worker. */
static bool
asks_too_much(const char *challenge)
{
	char *text = NULL, *whole;
	const char *count;
	size_t len = 0;
	bool much;

	if (gsasl_base64_from(challenge, strlen(challenge), &text, &len) !=
	    GSASL_OK)
		return true;
	whole = mem_ndup(text, len);
	count = strstr(whole, ",i=");
	much = count != NULL && strtoul(count + 3, NULL, 10) > ITERATIONS_MAX;
	free(whole);
	gsasl_free(text);
	return much;
}

int
sasl_answer(
    struct sasl *s, struct str challenge, struct buf *out, const char **why_r)
{
	char *in = mem_ndup(challenge.s, challenge.len), *answer = NULL;
	int result = GSASL_AUTHENTICATION_ERROR;

	*why_r = "it asks for too many rounds";
	if (s->mechanism != SASL_SCRAM_SHA_256 || !asks_too_much(in)) {
		result = gsasl_step64(s->session, in, &answer);
		*why_r = gsasl_strerror(result);
	}
	free(in);
	if (answer != NULL) {
		buf_add_str(out, answer);
		explicit_bzero(answer, strlen(answer));
		gsasl_free(answer);
	}
	s->done = result == GSASL_OK;
	return result == GSASL_OK || result == GSASL_NEEDS_MORE ? 0 : -1;
}

bool
sasl_done(const struct sasl *s)
{
	return s->done;
}
