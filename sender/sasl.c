/* SPDX-License-Identifier: ISC */
#include "sasl.h"

#include <stdlib.h>
#include <string.h>

#include <gsasl.h>

#include "base/log.h"
#include "base/sha256.h"

#define ROUNDS_MAX  200000 /* of SCRAM, for one connection */
#define ROUNDS_STEP 2000   /* about a millisecond */

struct sasl {
	Gsasl_session *session;
	enum sasl_mechanism mechanism;
	struct pbkdf2 *work; /* on the challenge; NULL: nothing to do */
	char *challenge;
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
	pbkdf2_free(&(*s)->work);
	free((*s)->challenge);
	free(*s);
	*s = NULL;
}

/* ---- SCRAM ---- */

/* The value of "s=" or "i=" in "r=...,s=...,i=4096": false when there is none. */
static bool
find_value(struct str message, char name, struct str *value_r)
{
	while (message.len > 0) {
		*value_r = str_cut(&message, ',');
		if (value_r->len >= 2 && value_r->s[0] == name &&
		    value_r->s[1] == '=') {
			value_r->s += 2;
			value_r->len -= 2;
			return true;
		}
	}
	return false;
}

/* As RFC 5802, 2.2 has it prepared. */
static struct pbkdf2 *
begin_work(struct sasl *s, struct str salt, uint32_t rounds)
{
	const char *password = gsasl_property_fast(s->session, GSASL_PASSWORD);
	struct pbkdf2 *work;
	char *prepared;

	if (gsasl_saslprep(password, GSASL_ALLOW_UNASSIGNED, &prepared, NULL) !=
	    GSASL_OK)
		return NULL;
	work = pbkdf2_new(str_of(prepared), salt, rounds);
	explicit_bzero(prepared, strlen(prepared));
	gsasl_free(prepared);
	return work;
}

/* 1: there is work to do; 0: there is none in this challenge; -1: too much. */
static int
take_rounds(struct sasl *s, struct str message)
{
	struct str encoded, count;
	char *salt = NULL;
	size_t len = 0;
	uint64_t rounds;

	if (!find_value(message, 's', &encoded) ||
	    !find_value(message, 'i', &count))
		return 0; /* the library says what is wrong with it */
	if (str_number(count, ROUNDS_MAX, &rounds) == -1 || rounds == 0)
		return -1;
	if (gsasl_base64_from(encoded.s, encoded.len, &salt, &len) != GSASL_OK)
		return 0;
	s->work = begin_work(s, (struct str){salt, len}, (uint32_t)rounds);
	gsasl_free(salt);
	return s->work != NULL ? 1 : 0;
}

static int
find_work(struct sasl *s, const char *challenge)
{
	char *message = NULL;
	size_t len = 0;
	int found;

	if (s->mechanism != SASL_SCRAM_SHA_256 ||
	    gsasl_property_fast(s->session, GSASL_SCRAM_SALTED_PASSWORD) !=
		NULL)
		return 0;
	if (gsasl_base64_from(challenge, strlen(challenge), &message, &len) !=
	    GSASL_OK)
		return 0;
	found = take_rounds(s, (struct str){message, len});
	gsasl_free(message);
	return found;
}

/* ---- all ---- */

static enum sasl_result
step(struct sasl *s, const char *challenge, struct buf *out, const char **why_r)
{
	char *answer = NULL;
	int result = gsasl_step64(s->session, challenge, &answer);

	*why_r = gsasl_strerror(result);
	if (answer != NULL) {
		buf_add_str(out, answer);
		explicit_bzero(answer, strlen(answer));
		gsasl_free(answer);
	}
	s->done = result == GSASL_OK;
	return result == GSASL_OK || result == GSASL_NEEDS_MORE ? SASL_ANSWERS
	                                                        : SASL_FAILS;
}

enum sasl_result
sasl_answer(
    struct sasl *s, struct str challenge, struct buf *out, const char **why_r)
{
	if (s->work != NULL) {
		*why_r = "it asks twice at a time";
		return SASL_FAILS;
	}
	free(s->challenge);
	s->challenge = mem_ndup(challenge.s, challenge.len);
	switch (find_work(s, s->challenge)) {
	case 1:
		return SASL_WORKS;
	case 0:
		return step(s, s->challenge, out, why_r);
	}
	*why_r = "it asks for too many rounds";
	return SASL_FAILS;
}

enum sasl_result
sasl_work(struct sasl *s, struct buf *out, const char **why_r)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t key[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1] = "";

	if (!pbkdf2_work(s->work, ROUNDS_STEP, key))
		return SASL_WORKS;
	pbkdf2_free(&s->work);
	for (size_t i = 0; i < sizeof(key); i++) {
		hex[2 * i] = digits[key[i] >> 4];
		hex[2 * i + 1] = digits[key[i] & 15];
	}
	gsasl_property_set(s->session, GSASL_SCRAM_SALTED_PASSWORD, hex);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(hex, sizeof(hex));
	return step(s, s->challenge, out, why_r);
}

bool
sasl_done(const struct sasl *s)
{
	return s->done;
}
