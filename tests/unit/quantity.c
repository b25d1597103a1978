/* SPDX-License-Identifier: ISC */
#include "mail/quantity.h"

#include "tap.h"

static void
test_time(void)
{
	static const struct {
		const char *text;
		long long ms; /* -1: refused */
		const char *back;
	} rows[] = {
	    {"100ms",                 100,                "100ms" },
	    {"30s",                   30000,              "30s"   },
	    {"90m",                   5400000,            "90m"   },
	    {"120m",                  7200000,            "2h"    },
	    {"5d",		    432000000,          "5d"    },
	    {"1500ms",                1500,               "1500ms"},
	    {"0",		     0,                  "0"     },
	    {"30",		    -1,                 NULL    },
	    {"s",		     -1,                 NULL    },
	    {"",		      -1,                 NULL    },
	    {"-1s",                   -1,                 NULL    },
	    {"1 s",                   -1,                 NULL    },
	    {"5M",		    -1,                 NULL    },
	    {"36600d",                36600LL * 86400000, "36600d"},
	    {"36601d",                -1,                 NULL    },
	    {"18446744073709551615s", -1,                 NULL    },
	    {"213503982334602d",      -1,                 NULL    },
	};
	char back[QUANTITY_SIZE];
	uint64_t ms;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (quantity_time(str_of(rows[i].text), &ms) == -1) {
			is_int(-1, rows[i].ms, "time %s", rows[i].text);
			continue;
		}
		is_int(ms, rows[i].ms, "time %s", rows[i].text);
		quantity_format_time(ms, back);
		is_str(back, rows[i].back, "and back");
	}
}

static void
test_size(void)
{
	static const struct {
		const char *text;
		long long bytes;
		const char *back;
	} rows[] = {
	    {"1000",         1000,       "1000"},
	    {"64k",          65536,      "64k" },
	    {"50m",          52428800,   "50m" },
	    {"1024m",        1073741824, "1g"  },
	    {"0",            0,          "0"   },
	    {"5t",           -1,         NULL  },
	    {"k",            -1,         NULL  },
	    {"17179869184g", -1,         NULL  },
	};
	char back[QUANTITY_SIZE];
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (quantity_size(str_of(rows[i].text), &bytes) == -1) {
			is_int(-1, rows[i].bytes, "size %s", rows[i].text);
			continue;
		}
		is_int(bytes, rows[i].bytes, "size %s", rows[i].text);
		quantity_format_size(bytes, back);
		is_str(back, rows[i].back, "and back");
	}
}

int
main(void)
{
	test_time();
	test_size();
	return done();
}
