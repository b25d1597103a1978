/* SPDX-License-Identifier: ISC */
#include "mail/rule_scan.h"

#include <string.h>

#include "base/buf.h"
#include "mail/address.h"

#define HEADER_VALUE_MAX 900 /* octets: one line (RFC 5322, 2.1.1) */

static const char *const action_words[] = {
    [ACTION_ROUTE] = "route",
    [ACTION_HOLD] = "hold",
    [ACTION_COPY] = "copy",
    [ACTION_HEADER] = "add-header",
    [ACTION_PROFILE] = "profile",
    [ACTION_PRIORITY] = "priority",
    [ACTION_REJECT] = "reject",
    [ACTION_DISCARD] = "discard",
    [ACTION_STOP] = "stop",
    [ACTION_CONTINUE] = "continue",
    NULL,
};
#define ACTIONS (ACTION_CONTINUE + 1)

/* ---- words ---- */

static bool
ends_action(const struct rule_scan *p)
{
	return p->kind == TOKEN_END || rule_is_word(p, "and");
}

/* All words up to the next "and" as one text, without quotes. */
static const char *
parse_text(struct rule_scan *p, struct str *text_r)
{
	struct buf text = {0};
	struct str word;

	while (!ends_action(p)) {
		if (p->broken && p->kind == TOKEN_QUOTED) {
			buf_free(&text);
			return rule_expected(p, p->broken);
		}
		word = rule_plain(p);
		if (text.len > 0)
			buf_add_char(&text, ' ');
		buf_add(&text, word.s, word.len);
		rule_take(p);
	}
	*text_r = (struct str){
	    rule_keep(p->rule, buf_text(&text), text.len), text.len};
	buf_free(&text);
	return NULL;
}

/* Words as they stand there, up to the next "and": a slice. */
static const char *
parse_route(struct rule_scan *p, struct str *route_r)
{
	*route_r = (struct str){p->token.s, 0};
	if (ends_action(p))
		return rule_expected(p, "a route");
	while (!ends_action(p)) {
		route_r->len = (size_t)(p->token.s + p->token.len - route_r->s);
		rule_take(p);
	}
	return NULL;
}

static const char *
parse_name(struct rule_scan *p, struct str *name_r, const char *what)
{
	if (p->kind != TOKEN_WORD || ends_action(p) || !rule_is_name(p->token))
		return rule_expected(p, what);
	*name_r = p->token;
	rule_take(p);
	return NULL;
}

static const char *
parse_copy(struct rule_scan *p, struct action *a)
{
	struct address addr;
	const char *wrong;

	if (p->kind != TOKEN_WORD || ends_action(p))
		return rule_expected(p, "an address");
	wrong = address_parse(p->token, &addr);
	if (wrong)
		return rule_expected(p, wrong);
	if (addr.domain.len == 0)
		return rule_expected(p, "an address with a domain");
	a->value = p->token;
	rule_take(p);
	if (ends_action(p))
		return NULL;
	if (!rule_is_word(p, "via"))
		return rule_expected(
		    p, "\"via\" and a route, \"and\" or nothing");
	rule_take(p);
	return parse_route(p, &a->via);
}

/* RFC 5322, 2.2, without what would have to be encoded. */
static const char *
parse_header(struct rule_scan *p, struct action *a)
{
	const char *start = p->token.s, *wrong;
	struct str name = p->token, value;
	struct buf line = {0};

	if (p->kind != TOKEN_WORD || name.len < 2 ||
	    name.s[name.len - 1] != ':')
		return rule_expected(p, "the name of a header field and \":\"");
	name.len--;
	if (!rule_is_name(name))
		return rule_expected(p, "the name of a header field and \":\"");
	rule_take(p);
	wrong = parse_text(p, &value);
	if (wrong)
		return wrong;
	p->at = start;
	if (value.len == 0 || value.len > HEADER_VALUE_MAX)
		return "a value of 1 to 900 characters for the header field";
	if (!str_is_ascii(value))
		return "a value in ASCII (RFC 2047 encodes others)";
	buf_addf(&line, "%.*s: %.*s", (int)name.len, name.s, (int)value.len,
	    value.s);
	a->value =
	    (struct str){rule_keep(p->rule, line.data, line.len), line.len};
	buf_free(&line);
	return NULL;
}

static const char *
parse_priority(struct rule_scan *p, struct action *a)
{
	if (p->kind != TOKEN_WORD || p->token.len != 1 || p->token.s[0] < '0' ||
	    p->token.s[0] > '9')
		return rule_expected(p, "a priority from 0 (first) to 9");
	a->value = p->token;
	rule_take(p);
	return NULL;
}

/* "5.7.1" */
static bool
is_enhanced(struct str word)
{
	uint64_t n;
	struct str class = str_cut(&word, '.'), subject = str_cut(&word, '.');

	return str_eq(class, "5") && str_number(subject, 999, &n) == 0 &&
	       str_number(word, 999, &n) == 0;
}

/* [550] [5.7.1] [TEXT], what is missing is filled in. */
static const char *
parse_reject(struct rule_scan *p, struct action *a)
{
	struct str code = str_of("554"), status = str_of("5.7.1"), text;
	struct buf reply = {0};
	uint64_t number;
	const char *wrong, *start;

	if (p->kind == TOKEN_WORD && p->token.len == 3 &&
	    str_number(p->token, 999, &number) == 0) {
		if (number < 500 || number > 559)
			return rule_expected(p, "a code from 500 to 559");
		code = p->token;
		rule_take(p);
	}
	if (p->kind == TOKEN_WORD && is_enhanced(p->token)) {
		status = p->token;
		rule_take(p);
	}
	start = p->token.s;
	wrong = parse_text(p, &text);
	p->at = start;
	if (wrong || text.len > 400 || !str_is_ascii(text))
		return wrong ? wrong : "a text of at most 400 ASCII characters";
	if (text.len == 0)
		text = str_of("the message is refused here");
	buf_addf(&reply, "%.*s %.*s %.*s", (int)code.len, code.s,
	    (int)status.len, status.s, (int)text.len, text.s);
	a->value =
	    (struct str){rule_keep(p->rule, reply.data, reply.len), reply.len};
	buf_free(&reply);
	return NULL;
}

static const char *
parse_operand(struct rule_scan *p, struct action *a)
{
	switch (a->kind) {
	case ACTION_ROUTE:
		return parse_route(p, &a->value);
	case ACTION_HOLD:
		return parse_name(p, &a->value,
		    "a name for what is held, of letters, digits and \"-\"");
	case ACTION_COPY:
		return parse_copy(p, a);
	case ACTION_HEADER:
		return parse_header(p, a);
	case ACTION_PROFILE:
		return parse_name(p, &a->value, "the name of a profile");
	case ACTION_PRIORITY:
		return parse_priority(p, a);
	case ACTION_REJECT:
		return parse_reject(p, a);
	case ACTION_DISCARD:
	case ACTION_STOP:
	case ACTION_CONTINUE:
		break;
	}
	return NULL;
}

/* Who is sent nowhere needs no second way; the last word is the last. */
static const char *
check_together(struct rule_scan *p, const struct action *a)
{
	const struct rule *r = p->rule;
	const struct action *other;

	for (size_t i = 0; i + 1 < r->nactions; i++) {
		other = &r->actions[i];
		p->at = a->written.s;
		if (other->kind >= ACTION_STOP)
			return "nothing after stop or continue";
		if (other->kind == a->kind && a->kind != ACTION_COPY &&
		    a->kind != ACTION_HEADER)
			return "each action once";
		if (other->kind == ACTION_REJECT ||
		    other->kind == ACTION_DISCARD)
			return a->kind == ACTION_STOP
			           ? NULL
			           : "nothing after reject or discard";
	}
	return NULL;
}

static void
settle_stop(struct rule *r, const struct action *a)
{
	if (a->kind == ACTION_CONTINUE)
		r->stops = false;
	else if (a->kind == ACTION_STOP || a->kind == ACTION_ROUTE ||
		 a->kind == ACTION_HOLD || a->kind == ACTION_REJECT ||
		 a->kind == ACTION_DISCARD)
		r->stops = true;
}

static const char *
parse_action(struct rule_scan *p)
{
	struct rule *r = p->rule;
	const char *start = p->token.s, *wrong;
	struct action *a;
	int kind = rule_find_word(p, action_words, ACTIONS);

	if (kind == -1)
		return rule_expected_word(p, "an action", action_words);
	r->actions =
	    mem_resize(r->actions, r->nactions + 1, sizeof(r->actions[0]));
	a = &r->actions[r->nactions++];
	*a = (struct action){.kind = (enum action_kind)kind};
	rule_take(p);
	wrong = parse_operand(p, a);
	if (wrong)
		return wrong;
	a->written = (struct str){start, (size_t)(p->token.s - start)};
	while (a->written.s[a->written.len - 1] == ' ')
		a->written.len--;
	settle_stop(r, a);
	return check_together(p, a);
}

const char *
rule_parse_actions(struct rule_scan *p)
{
	static const char *const words[] = {"and", NULL};
	const char *wrong = parse_action(p);

	while (!wrong && p->kind != TOKEN_END) {
		if (!rule_is_word(p, "and"))
			return rule_expected_word(
			    p, "\"and\" or nothing", words);
		rule_take(p);
		wrong = parse_action(p);
	}
	return wrong;
}
