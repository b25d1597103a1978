#!/usr/bin/perl
# `make install` into a directory: everything is there, works from there, and
# `make uninstall` takes all of it away.
# SPDX-License-Identifier: ISC
use strict;
use warnings;
use File::Find;
use File::Temp;
use FindBin;
use Test::More;

my $tree = "$FindBin::Bin/../..";
my $build = $ENV{B} // "$tree/build";
my $dest = File::Temp->newdir('stagepost-test.XXXXXX', TMPDIR => 1);
my $sbin = "$dest/usr/sbin";

sub make {
	my ($goal) = @_;
	local $ENV{MAKEFLAGS} = '';
	my $said = `make -s -C $tree B=$build PREFIX=/usr DESTDIR=$dest $goal 2>&1`;
	is($?, 0, "make $goal") or diag($said);
}

sub files {
	my @found;
	find(sub { push @found, $File::Find::name =~ s/^\Q$dest\E//r if -f },
	    $dest);
	return sort @found;
}

sub slurp {
	my ($path) = @_;
	open(my $in, '<', $path) or die "$path: $!";
	return join('', <$in>);
}

make('install');
my @programs = map { s{.*/}{}r } glob("$build/bin/*");
my @pages = map { s{.*/}{}r } glob("$tree/man/*.[1-8]");
my @units = map { s{.*/}{}r } glob("$tree/conf/systemd/*");
cmp_ok(scalar @programs, '>=', 5, 'there are programs to install');
is_deeply([files()], [sort(
    (map { "/usr/sbin/$_" } @programs, 'stagepost-setup'),
    (map { /\.(\d)$/; "/usr/share/man/man$1/$_" } @pages),
    (map { "/usr/lib/systemd/system/$_" } @units),
)], 'what is installed: programs, pages, units');

for my $path (files()) {
	my $mode = (stat("$dest$path"))[2] & 07777;
	is($mode, $path =~ m{/sbin/} ? 0755 : 0644, "mode of $path");
}
for my $page (@pages) {
	next unless $page =~ /^(.*)\.8$/;
	ok(-x "$sbin/$1", "$page is about an installed program");
}
for my $unit (@units) {
	my ($start) = slurp("$dest/usr/lib/systemd/system/$unit") =~
	    /^ExecStart=(\S+)$/m;
	ok(-x "$dest$start", "$unit starts an installed program");
}

# The packages of the libraries that a host without compilers needs.
my %library;
for my $program (@programs) {
	$library{$1} = 1 while `ldd $sbin/$program` =~ /=> (\S+)/g;
}
my %needed = map { /NEEDED.*\[(\S+)\]/ ? ($1 => 1) : () }
    map { split(/\n/, `readelf -d $sbin/$_`) } @programs;
my $text = slurp("$tree/INSTALL");
SKIP: {
	skip 'not Debian: whose libraries these are is not known', 1
	    unless -x '/usr/bin/dpkg-query';
	for my $path (sort grep { m{([^/]+)$} && $needed{$1} } keys %library) {
		my $real = `realpath $path`;
		chomp $real;
		my ($package) = map { `dpkg-query -S $_ 2>/dev/null` =~ /^([^:]+):/ }
		    $real, $real =~ s{^/usr}{}r;
		# there on every host, or only under SAN=1
		next if $package =~ /^lib(?:c6|gcc-s1|asan|ubsan)/;
		like($text, qr/\b\Q$package\E\b/, "INSTALL names $package");
	}
}

# From where they are, without the source tree.
chdir('/') or die;
my $spool = "$dest/spool";
$ENV{PATH} = "$sbin:$ENV{PATH}";
delete $ENV{B};
like(`$sbin/stagepost-setup -U $spool && cat $spool/format`,
    qr/^stagepost spool \d+$/, 'the installed setup makes a spool');
like(`$sbin/cdbmaps -p -`, qr/^== settings\n.*^listen /ms,
    'the installed cdbmaps prints its tables');
is(system("$sbin/cdbmaps -e -s $spool"), 0, '... and compiles them');
like(`$sbin/queue-tool -s $spool route kim\@localhost`,
    qr/route +maildir:/, 'the installed queue-tool explains a route');
like(`$sbin/queue-tool -s $spool verify`, qr/^all good$/m, '... and verifies');

my $kept = `cd $dest && find spool | wc -l`;
make('uninstall');
is_deeply([grep { !m{^/spool/} } files()], [], 'nothing is left behind');
is(`cd $dest && find spool | wc -l`, $kept, 'but the spool');
done_testing();
