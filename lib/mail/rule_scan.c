/* SPDX-License-Identifier: ISC */
#include "mail/rule_scan.h"

#include <string.h>

#include "base/buf.h"

#define NAME_LEN_MAX 63

char *
rule_keep(struct rule *r, const void *text, size_t len)
{
	r->made = mem_resize(r->made, r->nmade + 1, sizeof(r->made[0]));
	r->made[r->nmade] = mem_ndup(text, len);
	return r->made[r->nmade++];
}

/* Where a token that began with that sign ends: behind the sign, which stands
 * before a blank or the end; 0 when it never ends. */
static size_t
closing(struct str text, char sign)
{
	for (size_t i = 1; i < text.len; i++) {
		if (text.s[i] == '\\' && i + 1 < text.len)
			i++;
		else if (text.s[i] == sign &&
			 (i + 1 == text.len || text.s[i + 1] == ' '))
			return i + 1;
	}
	return 0;
}

/* Look at the next token. */
void
rule_look(struct rule_scan *p)
{
	struct str rest = p->rest;
	size_t end;

	p->token = str_word(&rest);
	p->broken = NULL;
	p->kind = p->token.len > 0 ? TOKEN_WORD : TOKEN_END;
	if (p->kind == TOKEN_END) {
		p->token.s = p->rest.s + p->rest.len;
		return;
	}
	if (p->token.s[0] != '"' && p->token.s[0] != '/')
		return;
	p->kind = p->token.s[0] == '"' ? TOKEN_QUOTED : TOKEN_REGEX;
	p->token.len = (size_t)(p->rest.s + p->rest.len - p->token.s);
	end = closing(p->token, p->token.s[0]);
	if (end > 0)
		p->token.len = end;
	else
		p->broken = p->kind == TOKEN_QUOTED
		                ? "a closing \" (a word that begins with # is "
		                  "a comment)"
		                : "a closing / (a word that begins with # is a "
		                  "comment; write \\x23)";
}

void
rule_take(struct rule_scan *p)
{
	const char *end = p->rest.s + p->rest.len;

	p->rest.s = p->token.s + p->token.len;
	p->rest.len = (size_t)(end - p->rest.s);
	rule_look(p);
}

const char *
rule_expected(struct rule_scan *p, const char *what)
{
	p->at = p->token.s;
	return p->broken ? p->broken : what;
}

const char *
rule_expected_word(
    struct rule_scan *p, const char *what, const char *const known[])
{
	p->known = known;
	return rule_expected(p, what);
}

bool
rule_is_word(const struct rule_scan *p, const char *word)
{
	return p->kind == TOKEN_WORD && str_eq(p->token, word);
}

int
rule_find_word(const struct rule_scan *p, const char *const words[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rule_is_word(p, words[i]))
			return (int)i;
	return -1;
}

/* The text of a token without its quotes; \" and \\ in them are one sign. */
struct str
rule_plain(struct rule_scan *p)
{
	struct str t = p->token;
	char *out;
	size_t n = 0;

	if (p->kind != TOKEN_QUOTED)
		return t;
	out = rule_keep(p->rule, t.s + 1, t.len - 2);
	for (size_t i = 1; i < t.len - 1; i++) {
		if (t.s[i] == '\\' && i + 2 < t.len)
			i++;
		out[n++] = t.s[i];
	}
	out[n] = '\0';
	return (struct str){out, n};
}

bool
rule_is_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
			    "WXYZ0123456789-_",
			name.s[i]))
			return false;
	return name.len > 0 && name.len <= NAME_LEN_MAX;
}
