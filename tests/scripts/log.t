#!/usr/bin/perl
# The log is an interface: each line with keys that a daemon can write stands in
# stagepost(7) with the same keys in the same order, and each line that stands
# there can be written.
# SPDX-License-Identifier: ISC
use strict;
use warnings;
use FindBin;
use Test::More;

chdir("$FindBin::Bin/../..") or die;

sub slurp {
	my ($path) = @_;
	open(my $in, '<', $path) or die "$path: $!";
	return join('', <$in>);
}

sub keys_of {
	return join(' ', $_[0] =~ /\b([a-z]+=)/g);
}

# Formats of log calls, their pieces joined: { keys => [format, ...] }
my %formats;
for my $file (glob('lib/proc/*.c lib/mail/*.c engine/*.c receiver/*.c sender/*.c')) {
	my $text = slurp($file);
	while ($text =~ /\blog_(?:info|warnx)\(\s*((?:"(?:[^"\\]|\\.)*"\s*|PRI\w+\s*)+)/g) {
		my $format = join('', $1 =~ /"((?:[^"\\]|\\.)*)"/g);
		push @{$formats{keys_of($format)}}, $format;
	}
}

my ($section) = slurp('man/stagepost.7') =~ /^\.Sh THE LOG\n(.*?)^\.Sh /ms;
my @blocks = $section =~ /^\.Bd -literal\n(.*?)^\.Ed/gms;
my @lines = grep { keys_of($_) } map { split(/\n/) } @blocks;
my %documented = map { keys_of($_) => 1 } @lines;
cmp_ok(scalar @lines, '>', 15, 'there are lines to check');

for my $line (@lines) {
	my ($verb) = $line =~ /^(?:ID: |destination TAG: )?(\w+)/;
	my $can = grep { /\b$verb\b|%s (?:to|by)=/ } @{$formats{keys_of($line)} // []};
	ok($can, "can be written: $line");
}
for my $keys (sort grep { $_ } keys %formats) {
	ok($documented{$keys}, "is documented: $formats{$keys}[0]");
}
# Each key of a message's life is explained.
my %explained = map { $_ => 1 } $section =~ /^\.It Li ([a-z]+=)$/gm;
for my $key (sort map { /\b([a-z]+=)/g } split(/\n/, $blocks[0])) {
	ok($explained{$key}, "is explained: $key") unless $explained{$key}++ > 1;
}
done_testing();
