/* SPDX-License-Identifier: ISC */
#include "sender/self.h"

#include <stdio.h>
#include <string.h>

#include "mail/endpoint.h"
#include "tap.h"

static struct self self;

static void
listen_on(const char *one, const char *other)
{
	struct settings set = {.hostname = "mail.our.example"};
	const char *const list[] = {one, other};

	for (size_t i = 0; i < 2; i++)
		if (list[i] != NULL &&
		    endpoint_parse(str_of(list[i]), 25,
			&set.listeners[set.nlisteners++]) != NULL)
			bail_out("%s", list[i]);
	self_read(&self, &set);
}

static void
is_self(const char *address, bool want)
{
	struct endpoint e;

	if (endpoint_parse(str_of(address), 25, &e) != NULL)
		bail_out("%s", address);
	is_int(self_is_address(&self, &e.addr), want, "%s is %s", address,
	    want ? "ours" : "somebody else's");
}

int
main(void)
{
	listen_on("192.0.2.5", "[2001:db8::5]:2525");
	ok(self_is_name(&self, "MAIL.our.example"), "our name");
	ok(!self_is_name(&self, "our.example"), "another name");
	is_self("192.0.2.5:25", true);
	is_self("192.0.2.5:26", false);
	is_self("192.0.2.6:25", false);
	is_self("[::ffff:192.0.2.5]:25", true);
	is_self("[2001:db8::5]:2525", true);
	is_self("[2001:db8::5]:25", false);
	is_self("127.0.0.1:25", false);

	listen_on("0.0.0.0:25", NULL);
	is_self("127.0.0.1:25", true);
	is_self("127.7.7.7:25", true);
	is_self("0.0.0.0:25", true);
	is_self("127.0.0.1:26", false);
	is_self("192.0.2.5:25", false);

	listen_on("127.0.0.1:25", "[::]:26");
	is_self("0.0.0.0:25", true);
	is_self("[::]:25", false);
	is_self("127.0.0.2:25", false);
	is_self("[::1]:26", true);
	is_self("[::]:26", true);
	is_self("127.0.0.1:26", false);
	is_self("192.0.2.5:26", false);

	listen_on(NULL, NULL);
	is_self("127.0.0.1:25", false);
	is_self("0.0.0.0:25", false);
	self_free(&self);
	self_free(&self);
	return done();
}
