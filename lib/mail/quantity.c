/* SPDX-License-Identifier: ISC */
#include "mail/quantity.h"

#include <stdio.h>

struct unit {
	const char *name;
	uint64_t value;
};

/* From large to small; the last one is for what no other divides. */
static const struct unit times[] = {
    {"d",  86400000},
    {"h",  3600000 },
    {"m",  60000   },
    {"s",  1000    },
    {"ms", 1       },
};
static const struct unit sizes[] = {
    {"g", 1 << 30},
    {"m", 1 << 20},
    {"k", 1 << 10},
    {"",  1      },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TIME_MAX (100ULL * 366 * 86400000)

static int
parse(struct str text, const struct unit *units, size_t n, uint64_t max,
    uint64_t *value_r)
{
	struct str digits = {text.s, 0}, unit;

	while (digits.len < text.len && text.s[digits.len] >= '0' &&
	       text.s[digits.len] <= '9')
		digits.len++;
	unit = (struct str){text.s + digits.len, text.len - digits.len};
	for (size_t i = 0; i < n; i++) {
		if (!str_eq(unit, units[i].name))
			continue;
		if (str_number(digits, max / units[i].value, value_r) == -1)
			return -1;
		*value_r *= units[i].value;
		return 0;
	}
	return -1;
}

static void
format(uint64_t value, const struct unit *units, size_t n, char *out)
{
	size_t i = 0;

	while (i < n - 1 && (value == 0 || value % units[i].value != 0))
		i++;
	snprintf(out, QUANTITY_SIZE, "%llu%s",
	    (unsigned long long)(value / units[i].value),
	    value == 0 ? "" : units[i].name);
}

int
quantity_time(struct str text, uint64_t *ms_r)
{
	if (str_eq(text, "0")) {
		*ms_r = 0;
		return 0;
	}
	return parse(text, times, COUNT(times), TIME_MAX, ms_r);
}

int
quantity_size(struct str text, uint64_t *bytes_r)
{
	return parse(text, sizes, COUNT(sizes), INT64_MAX, bytes_r);
}

void
quantity_format_time(uint64_t ms, char out[QUANTITY_SIZE])
{
	format(ms, times, COUNT(times), out);
}

void
quantity_format_size(uint64_t bytes, char out[QUANTITY_SIZE])
{
	format(bytes, sizes, COUNT(sizes), out);
}
