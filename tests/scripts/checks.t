#!/usr/bin/perl
# The scripts behind `make lint`, each on a small tree with one thing wrong.
# SPDX-License-Identifier: ISC
use strict;
use warnings;
use File::Basename;
use File::Path qw(make_path);
use File::Temp;
use FindBin;
use Test::More;

my $scripts = "$FindBin::Bin/../../scripts";
my $spdx = "/* SPDX-License-Identifier: ISC */\n";
my $sign = join('', "/*\n", map({ " * $_  words\n" }
    'ROOM', 'RUNS AS', 'MAY', 'MAY NOT', 'TRUSTS', 'IF IT'), " */\n");

# Run a script on a tree of these files: its output, or '' when all is well.
sub outcome {
	my ($script, %files) = @_;
	my $tree = File::Temp->newdir;

	for my $name (keys %files) {
		make_path("$tree/" . dirname($name));
		open(my $out, '>', "$tree/$name") or die "$name: $!";
		print $out $files{$name};
		close($out) or die "$name: $!";
	}
	my $output = `$scripts/$script $tree 2>&1`;
	return $? == 0 ? '' : $output;
}

sub rooms {
	my ($file, $text, $expected, $what) = @_;
	my $output = outcome('check-rooms', $file => "$spdx$text",
	    'receiver/own.h' => $spdx, 'tests/t.c' => $spdx);
	return is($output, '', $what) unless defined $expected;
	like($output, qr/^\Q$file\E:\d+: .*$expected/m, $what);
}

rooms('lib/mail/a.c', qq(#include "mail/a.h"\n#include "base/buf.h"\n), undef,
    'a layer sees itself and what is below');
rooms('lib/base/a.c', qq(#include "mail/spool.h"\n), 'only sees: base',
    'base does not see mail');
rooms('lib/mail/a.c', qq(#include "proc/loop.h"\n), 'only sees: base mail',
    'mail does not see proc');
rooms('receiver/a.c', qq(#include "own.h"\n#include "proc/loop.h"\n), undef,
    'a room sees lib and itself');
rooms('engine/a.c', qq(#include "receiver/own.h"\n), 'its own folder',
    'but no other room');
rooms('engine/a.c', qq(#include "../receiver/own.h"\n), 'nothing includes',
    'not around the corner either');
rooms('tests/a.c', qq(#include "../lib/base/a.h"\n), 'nothing includes',
    'nor does a test look around it');
rooms('engine/a.c', "\t/* rename(a, b) */ x->link(1); log(\"unlink(2)\");\n",
    undef, 'words in comments and strings are no calls');
rooms('engine/a.c', "\trenameat2(1, a, 2, b, 0);\n", 'renameat2.*the spool',
    'a room does not rename');
rooms('sender/maildir_box.c', "\trename(a, b);\n", undef,
    'except into a maildir');
rooms('lib/mail/spool_move.c', "\tunlinkat(d, a, 0);\n", undef,
    'the spool does');
rooms('lib/mail/a.c', "\tt = time(NULL);\n", 'base/clock',
    'time comes from the clock');
rooms('lib/mail/a.c', "\tn = rand() % 7;\n", 'arc4random',
    'randomness from arc4random');
rooms('engine/a.c', "#ifdef __linux__\n#endif\n", '#if',
    'systems differ in two files only');
rooms('lib/base/a.h', "#ifndef BASE_A_H\n#define BASE_A_H\n#endif\n", undef,
    'a header guards itself');
rooms('engine/engine.c', $sign, undef, 'a sign on the door');
rooms('queue-tool/queue_tool.c', $sign =~ s/TRUSTS/trusts/r, 'lacks: TRUSTS',
    'a sign that lacks a line');

like(outcome('check-rooms', 'lib/base/a.c' => "int x;\n"), qr/licence/,
    'a file without a licence');
like(outcome('check-rooms', 'lib/base/cdbfile.c' => "$spdx#include <cdb.h>\n",
    'cdbmaps/write.c' => "$spdx#include <cdb.h>\n"),
    qr{^cdbmaps/write\.c:2: .*lib/base/cdbfile\.c is the one},
    'a library of others in two files');

my %doc = ('lib/base/a.c' => "void\na_go(void)\n{\n}\n");
sub docs {
	my ($text, $expected, $what) = @_;
	my $output = outcome('check-docs', %doc, 'doc/INTERNALS.md' => $text);
	return is($output, '', $what) unless defined $expected;
	like($output, qr/^doc\/INTERNALS\.md:1: .*$expected/, $what);
}
docs('first `a.c:a_go()`, of `lib/base/a.c`', undef, 'what is said is there');
docs('first `a.c:a_stop()`', 'no a_stop', 'a function that is gone');
docs('first `b.c:a_go()`', 'no such file', 'a file that is gone');
docs('see `lib/base/b.c`', 'no such file', 'a file that is only named');
like(outcome('check-docs', %doc), qr/INTERNALS/, 'the document itself');

sub size {
	my ($text, $expected, $what) = @_;
	my $output = outcome('check-size', 'lib/base/a.c' => $text);
	return is($output, '', $what) unless defined $expected;
	like($output, qr/$expected/, $what);
}
my $body = "(void)\n{\n" . "\tx();\n" x 70 . "}\n";
size("void\nf(void);\n\nvoid\nf(void)\n{\n" . "\tx();\n" x 60 . "}\n", undef,
    'a function of 63 lines');
size("void\nf$body", 'a\.c:2: f\(\) has 73 lines', 'one of 73');
size("/*\n * Long because of the table.\n */\nvoid\nf$body", undef,
    'with a reason');
size("/* Long because. */\nvoid\nf$body\nvoid\ng$body", 'g\(\) has 73',
    'a reason is for one function');
size("x;\n" x 501, 'a file of 501 lines', 'a long file');

# The real pages and sources, with one word changed in one file.
sub manuals {
	my ($file, $from, $to, $expected, $what) = @_;
	my $tree = File::Temp->newdir;

	system("cd $scripts/.. && cp -r --parents man lib/mail lib/proc cdbmaps " .
	    "queue-tool $tree") == 0 or die 'cp';
	if (defined $file) {
		open(my $in, '<', "$tree/$file") or die "$file: $!";
		my $text = do { local $/; <$in> };
		$text =~ s/$from/$to/g or die "$file: no $from";
		open(my $out, '>', "$tree/$file") or die "$file: $!";
		print $out $text;
		close($out) or die "$file: $!";
	}
	my $output = `$scripts/check-manuals $tree 2>&1`;
	return is("$?$output", '0', $what) unless defined $expected;
	isnt($?, 0, "$what: the check fails");
	like($output, qr/^$expected$/m, $what);
}
manuals(undef, undef, undef, undef, 'the pages as they are');
manuals('lib/mail/settings.c', '"hops-max"', '"jumps-max"',
    'man/stagepost-settings.5: lacks the setting jumps-max', 'a setting that is new');
manuals('man/stagepost-settings.5', 'Ic hops-max', 'Ic hop-max',
    'man/stagepost-settings.5: has the setting hop-max, which .*', 'one that is not there');
manuals('man/stagepost-profiles.5', 'Ic retries', 'Ic tries',
    'man/stagepost-profiles.5: lacks the key retries', 'a key of profiles');
manuals('lib/mail/rule.c', '"login"', '"user"',
    'man/stagepost-rules.5: lacks the condition user', 'a condition');
manuals('lib/mail/rule_action.c', '"discard"', '"drop"',
    'man/stagepost-rules.5: has the action discard, .*', 'an action');
manuals('lib/mail/route.c', 'str_eq\(name, "query"\)', 'str_eq(name, "ask")',
    'man/stagepost-routes.5: lacks the word ask', 'a word of routes');
manuals('man/stagepost-domains.5', 'recipients=listed', 'listed',
    'man/stagepost-domains.5: lacks the word recipients=', 'a word of domains');
manuals('cdbmaps/read.c', '"aliases"', '"aka"', 'man/: lacks the table aka', 'a table');
manuals('man/receiver.8', 'It Fl L', 'It Fl l',
    'man/receiver.8: lacks in its list the option -L', 'an option of a daemon');
manuals('man/cdbmaps.8', 'Op Fl n', 'Op Fl N',
    'man/cdbmaps.8: lacks in its synopsis the option -n', 'one of cdbmaps');
manuals('queue-tool/explain.c', '"listener", required', '"port", required',
    'man/queue-tool.8: lacks the option --port', 'a long option');
manuals('queue-tool/queue_tool.c', '\{"flush"', '{"hurry"',
    'man/queue-tool.8: lacks the command hurry', 'a command');
manuals('queue-tool/json_route.c', '"rank"', '"class"',
    'man/queue-tool.8: lacks the JSON key class', 'a key of JSON');
manuals('man/queue-tool.8', 'Cm given_up', 'Cm end',
    'man/queue-tool.8: has the JSON key end, .*', 'one that is not there');
sub mistakes {
	my ($source, $cases, $expected, $what) = @_;
	my $output = outcome('check-mistakes', 'cdbmaps/a.c' => $source,
	    'tests/flow/10-cdbmaps.t' => $cases);
	return is($output, '', $what) unless defined $expected;
	like($output, qr/$expected/, $what);
}
my $say = "void\nf(void)\n{\n\tmistake(place, \"expected %d \"\n\t    \"hops\");\n}\n";
mistakes($say, qq(C = "routes:1:1: expected 9 hops"\n), undef, 'a mistake and its case');
mistakes($say, qq(C = "routes:1:1: expected 9 horses"\n),
    'a\.c:4: no case says "expected %d hops"', 'one that has none');
mistakes("void\nf(void)\n{\n\tif (x)\n\t\treturn \"a hop\"; /* expected */\n}\n", "C = 0\n",
    'a\.c:5: no case says "a hop"', 'one that a parser says');

done_testing;
