/* SPDX-License-Identifier: ISC */
/*
 * The tables in conf/, as they are, inside the program: what `cdbmaps -e`
 * compiles and `cdbmaps -p` prints.  The assembler reads them, so nobody has
 * to keep a second copy.
 */
#include "cdbmaps.h"

#define EMBED(name)                                            \
	extern const char conf_##name[], conf_##name##_end[];  \
	__asm__(".pushsection .rodata\n"                       \
		".global conf_" #name ", conf_" #name "_end\n" \
		"conf_" #name ": .incbin \"conf/" #name "\"\n" \
		"conf_" #name "_end: .byte 0\n"                \
		".popsection\n")

EMBED(credentials);
EMBED(settings);
EMBED(profiles);
EMBED(routes);
EMBED(domains);
EMBED(recipients);
EMBED(aliases);
EMBED(rewrites);
EMBED(rules);

static const struct {
	const char *from, *to;
} texts[TABLES] = {
    [TABLE_CREDENTIALS] = {conf_credentials, conf_credentials_end},
    [TABLE_SETTINGS] = {conf_settings,    conf_settings_end   },
    [TABLE_PROFILES] = {conf_profiles,    conf_profiles_end   },
    [TABLE_ROUTES] = {conf_routes,      conf_routes_end     },
    [TABLE_DOMAINS] = {conf_domains,     conf_domains_end    },
    [TABLE_RECIPIENTS] = {conf_recipients,  conf_recipients_end },
    [TABLE_ALIASES] = {conf_aliases,     conf_aliases_end    },
    [TABLE_REWRITES] = {conf_rewrites,    conf_rewrites_end   },
    [TABLE_RULES] = {conf_rules,       conf_rules_end      },
};

struct str
default_table(enum table table)
{
	return (struct str){
	    texts[table].from, texts[table].to - texts[table].from};
}
