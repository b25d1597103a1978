/* SPDX-License-Identifier: ISC */
#include "mail/pin.h"

#include <string.h>

#include "tap.h"

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define BODY                                                                 \
	"MIIBgjCCASmgAwIBAgIUPmnw7Et/W1LpPswI7AAOq1Gaxq4wCgYIKoZIzj0EAwIw\n" \
	"FjEUMBIGA1UEAwwLcGluLmV4YW1wbGUwIBcNMjYxMjAxMDAwMzAwWhgPMjEyNjEx\n" \
	"MDcwMDAzMDBaMBYxFDASBgNVBAMMC3Bpbi5leGFtcGxlMFkwEwYHKoZIzj0CAQYI\n" \
	"KoZIzj0DAQcDQgAEGb3/bHkYdRPRow7avFpMx3O9ZHmm4P1Dq/xOczdg3TE+RuiE\n" \
	"P91bYA7psDhmdRMTOX3q+E+fop9L8YkLIHEvH6NTMFEwHQYDVR0OBBYEFKq7DsgA\n" \
	"CysXR5ONfMjkhoZ9iMxoMB8GA1UdIwQYMBaAFKq7DsgACysXR5ONfMjkhoZ9iMxo\n" \
	"MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgYf9dLat5aWw7XwL0\n" \
	"h+tPV/2SCToWWiolLh72DpYj/WYCIHJ+2087HGeFdG5wutmzZm1A0lunu9ox6zDW\n" \
	"PhPU9TkZ\n"
#define END "-----END CERTIFICATE-----\n"
/* by openssl x509 -fingerprint -sha256 */
#define DIGEST    \
	"sha256:" \
	"18bba44b697480717687d31f7e64f1c08aa71365a87ef88febf3e0965b0e8368"

static void
test_written(void)
{
	struct buf text = {0};
	uint8_t pin[PIN_SIZE];

	ok(pin_parse(str_of(DIGEST), pin) == 0, "digits");
	pin_format(pin, &text);
	ok(strcmp(text.data, DIGEST) == 0, "come back");
	ok(pin_parse(str_of("sha256:12:34"), pin) == -1, "too few");
	ok(pin_parse(str_of(DIGEST "0"), pin) == -1, "too many");
	buf_free(&text);
}

static void
test_certificate(void)
{
	static const struct {
		const char *pem;
		bool good;
		const char *what;
	} rows[] = {
	    {BEGIN BODY END,                   true,  "a certificate"       },
	    {"Bag\n" BEGIN BODY END BEGIN END, true,  "the first of several"},
	    {BEGIN "\r\n \t" BODY END,         true,  "with other blanks"   },
	    {"",			       false, "nothing"             },
	    {BODY,			     false, "no header"           },
	    {BEGIN BODY,                       false, "no end"              },
	    {END BODY BEGIN,                   false, "the wrong way round" },
	    {BEGIN END,			false, "nothing in it"       },
	    {BEGIN "MIIB" END,                 false, "cut short"           },
	    {BEGIN "MAAA" BODY END,            false, "no DER"              },
	    {BEGIN BODY BODY END,              false, "too long"            },
	    {BEGIN "!" BODY END,               false, "no base64"           },
	};
	struct buf text = {0};
	uint8_t pin[PIN_SIZE];
	bool good;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		good = pin_of_certificate(str_of(rows[i].pem), pin) == 0;
		buf_clear(&text);
		if (good)
			pin_format(pin, &text);
		ok(good == rows[i].good &&
			(!good || strcmp(text.data, DIGEST) == 0),
		    "%s", rows[i].what);
	}
	buf_free(&text);
}

int
main(void)
{
	test_written();
	test_certificate();
	return done();
}
