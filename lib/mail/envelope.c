/* SPDX-License-Identifier: ISC */
#include "mail/envelope.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Lines whose value is kept as it is, each at most once. */
static const struct {
	const char *tag;
	size_t member;
} texts[] = {
    {"sender",   offsetof(struct envelope, sender)  },
    {"envid",    offsetof(struct envelope, envid)   },
    {"client",   offsetof(struct envelope, client)  },
    {"helo",     offsetof(struct envelope, helo)    },
    {"protocol", offsetof(struct envelope, protocol)},
    {"login",    offsetof(struct envelope, login)   },
    {"listener", offsetof(struct envelope, listener)},
};
#define NTEXTS (sizeof(texts) / sizeof(texts[0]))

static const struct {
	const char *word;
	unsigned bit;
} notify_words[] = {
    {"never",   NOTIFY_NEVER  },
    {"success", NOTIFY_SUCCESS},
    {"failure", NOTIFY_FAILURE},
    {"delay",   NOTIFY_DELAY  },
};
#define NWORDS (sizeof(notify_words) / sizeof(notify_words[0]))

static bool
notify_valid(unsigned notify)
{
	return notify == NOTIFY_NEVER ||
	       (notify & ~(NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY)) ==
	           0;
}

static void
line_add(struct buf *out, const char *tag, const char *value)
{
	size_t len = strlen(value);

	assert(!memchr(value, '\n', len) && !memchr(value, '\r', len));
	buf_add_str(out, tag);
	buf_add_char(out, ' ');
	buf_add(out, value, len);
	buf_add_char(out, '\n');
}

static void
notify_add(struct buf *out, unsigned notify)
{
	char separator = ' ';

	assert(notify_valid(notify));
	buf_add_str(out, "notify");
	for (size_t i = 0; i < NWORDS; i++) {
		if (!(notify & notify_words[i].bit))
			continue;
		buf_add_char(out, separator);
		buf_add_str(out, notify_words[i].word);
		separator = ',';
	}
	buf_add_char(out, '\n');
}

static void
recipient_add(struct buf *out, const struct recipient *rcpt)
{
	assert(rcpt->address[0] != '\0');
	line_add(out, "recipient", rcpt->address);
	if (rcpt->original)
		line_add(out, "original", rcpt->original);
	if (rcpt->notify)
		notify_add(out, rcpt->notify);
}

int
envelope_format(const struct envelope *env, struct buf *out)
{
	size_t start = out->len;
	const char *value;

	assert(env->sender && env->arrival_s >= 0);
	if (env->nrecipients == 0 || env->nrecipients > ENVELOPE_RCPTS_MAX)
		goto fail;
	buf_addf(out, "arrival %lld\n", (long long)env->arrival_s);
	for (size_t i = 0; i < NTEXTS; i++) {
		memcpy(
		    &value, (const char *)env + texts[i].member, sizeof(value));
		if (value)
			line_add(out, texts[i].tag, value);
	}
	if (env->ret != RET_UNSAID)
		line_add(out, "ret", env->ret == RET_FULL ? "full" : "headers");
	for (size_t i = 0; i < env->nrecipients; i++) {
		recipient_add(out, &env->recipients[i]);
		if (out->len - start > ENVELOPE_MAX)
			goto fail;
	}
	return 0;
fail:
	out->len = start;
	if (out->data)
		out->data[start] = '\0';
	errno = EMSGSIZE;
	return -1;
}

static int
notify_parse(const char *value, unsigned *notify_r)
{
	struct str rest = str_of(value), word;
	unsigned notify = 0;
	size_t i;

	if (rest.len == 0 || rest.s[rest.len - 1] == ',')
		return -1;
	while (rest.len > 0) {
		word = str_cut(&rest, ',');
		for (i = 0; i < NWORDS; i++)
			if (str_eq(word, notify_words[i].word))
				break;
		if (i == NWORDS || notify & notify_words[i].bit)
			return -1;
		notify |= notify_words[i].bit;
	}
	if (!notify_valid(notify))
		return -1;
	*notify_r = notify;
	return 0;
}

/* The array has room for the next power of two. */
static int
recipient_parse(struct envelope *env, const char *address)
{
	size_t n = env->nrecipients;

	if (address[0] == '\0' || n == ENVELOPE_RCPTS_MAX)
		return -1;
	if ((n & (n - 1)) == 0)
		env->recipients = mem_resize(
		    env->recipients, n ? 2 * n : 1, sizeof(env->recipients[0]));
	env->recipients[n] = (struct recipient){.address = address};
	env->nrecipients++;
	return 0;
}

/* What is said of the recipient in the line above. */
static int
parameter_parse(struct envelope *env, struct str tag, const char *value)
{
	struct recipient *rcpt;

	if (env->nrecipients == 0)
		return -1;
	rcpt = &env->recipients[env->nrecipients - 1];
	if (str_eq(tag, "notify") && rcpt->notify == 0)
		return notify_parse(value, &rcpt->notify);
	if (!str_eq(tag, "original") || rcpt->original)
		return -1;
	rcpt->original = value;
	return 0;
}

static int
ret_parse(struct envelope *env, const char *value)
{
	if (env->ret != RET_UNSAID)
		return -1;
	if (strcmp(value, "full") == 0)
		env->ret = RET_FULL;
	else if (strcmp(value, "headers") == 0)
		env->ret = RET_HEADERS;
	else
		return -1;
	return 0;
}

static int
arrival_parse(struct envelope *env, const char *value)
{
	uint64_t arrival_s;

	if (env->arrival_s != -1 ||
	    str_number(str_of(value), INT64_MAX, &arrival_s) == -1)
		return -1;
	env->arrival_s = arrival_s;
	return 0;
}

static int
text_parse(struct envelope *env, size_t member, const char *value)
{
	const char *known;

	memcpy(&known, (char *)env + member, sizeof(known));
	if (known)
		return -1;
	memcpy((char *)env + member, &value, sizeof(value));
	return 0;
}

/* `value` ends with a NUL. */
static int
line_parse(struct envelope *env, struct str tag, const char *value)
{
	if (str_eq(tag, "recipient"))
		return recipient_parse(env, value);
	for (size_t i = 0; i < NTEXTS; i++)
		if (str_eq(tag, texts[i].tag))
			return text_parse(env, texts[i].member, value);
	if (str_eq(tag, "arrival"))
		return arrival_parse(env, value);
	if (str_eq(tag, "ret"))
		return ret_parse(env, value);
	return parameter_parse(env, tag, value);
}

/* Whole lines, and nothing in them that a value cannot hold. */
static bool
is_lines(struct str lines)
{
	return lines.len > 0 && lines.len <= ENVELOPE_MAX &&
	       lines.s[lines.len - 1] == '\n' &&
	       !memchr(lines.s, '\0', lines.len) &&
	       !memchr(lines.s, '\r', lines.len);
}

int
envelope_parse(struct str lines, struct envelope *env_r)
{
	char *line, *next, *end;
	const char *value;

	*env_r = (struct envelope){.arrival_s = -1};
	if (!is_lines(lines))
		goto fail;
	env_r->storage = mem_ndup(lines.s, lines.len);
	end = env_r->storage + lines.len;
	for (line = env_r->storage; line < end; line = next) {
		next = memchr(line, '\n', end - line);
		*next++ = '\0';
		value = strchr(line, ' ');
		if (!value)
			goto fail;
		if (line_parse(env_r, (struct str){line, value - line},
			value + 1) == -1)
			goto fail;
	}
	if (!env_r->sender || env_r->arrival_s == -1 || !env_r->nrecipients)
		goto fail;
	return 0;
fail:
	envelope_free(env_r);
	return -1;
}

void
envelope_free(struct envelope *env)
{
	if (env->storage) { /* else everything is the caller's */
		free(env->storage);
		free(env->recipients);
	}
	*env = (struct envelope){0};
}
