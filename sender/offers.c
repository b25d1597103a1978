/* SPDX-License-Identifier: ISC */
#include "offers.h"

#include "sasl.h"

static unsigned
mechanisms(struct str list)
{
	struct str name;
	unsigned bits = 0;

	while ((name = str_word(&list)).len > 0)
		bits |= 1U << sasl_find(name);
	return bits & ~(1U << SASL_MECHANISMS);
}

static void
offer_add(struct offers *o, struct str line)
{
	struct str word = str_word(&line);

	if (str_eq_nocase(word, "PIPELINING"))
		o->pipelining = true;
	else if (str_eq_nocase(word, "8BITMIME"))
		o->eightbit = true;
	else if (str_eq_nocase(word, "SMTPUTF8"))
		o->utf8 = true;
	else if (str_eq_nocase(word, "STARTTLS"))
		o->starttls = true;
	else if (str_eq_nocase(word, "AUTH"))
		o->auth |= mechanisms(line);
	else if (str_eq_nocase(word, "DSN"))
		o->dsn = true;
	else if (str_eq_nocase(word, "SIZE")) {
		o->size = true;
		if (str_number(str_word(&line), UINT64_MAX, &o->size_max) == -1)
			o->size_max = 0;
	}
}

void
offers_parse(const struct reply *r, struct offers *o_r)
{
	struct str lines = r->lines, line;

	*o_r = (struct offers){0};
	reply_line(&lines, &line); /* its name */
	while (reply_line(&lines, &line))
		offer_add(o_r, line);
}

const char *
offers_refuse(const struct offers *o, const struct preamble *p)
{
	if (o->size_max > 0 && p->content_len > o->size_max)
		return "5.3.4 message is larger than the next hop takes";
	if ((p->flags & CONTENT_UTF8) && !o->utf8)
		return "5.6.7 message needs SMTPUTF8, which the next hop "
		       "does not offer";
	if ((p->flags & CONTENT_8BIT) && !o->eightbit)
		return "5.6.3 message is 8-bit, which the next hop does not "
		       "take";
	return NULL;
}
