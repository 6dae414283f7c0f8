#!/usr/bin/perl
# dup-files - Finds files with the same content below folders.
#
# Usage: dup-files [-m BYTES] [-0] FOLDER..
#
#   -m BYTES  leave out smaller files; 1 if not given, so empty ones are left out
#   -0        NUL behind each name instead of a line feed, for xargs -0
#   -h        this help
#
# Prints groups of equal files, divided by empty lines. Links are not followed,
# two names of one file (hard links) are one file. Nothing is removed.
# Exit codes: 0 done, 1 something could not be read, 2 wrong usage.
#
# SPDX-License-Identifier: MIT-0
use strict;
use warnings;

use Digest::SHA;
use File::Find qw(find);
use Getopt::Long qw(GetOptions);

sub usage { return "usage: dup-files [-m BYTES] [-0] FOLDER..\n" }

my ($least, $nul, $help) = (1, 0, 0);
Getopt::Long::Configure('bundling');
if (!GetOptions('m=i' => \$least, '0' => \$nul, 'h|help' => \$help)) {
    print STDERR usage();
    exit 2;
}
if ($help) {
    print usage();
    exit 0;
}
if (!@ARGV || $least < 0) {
    print STDERR usage();
    exit 2;
}

my $code = 0;

sub complain {
    my ($what) = @_;
    print STDERR "dup-files: $what\n";
    $code = 1;
    return;
}

# Only files of equal size can be equal: most are never read.
my (%by_size, %seen);
for my $folder (@ARGV) {
    if (!-d $folder) {
        print STDERR "dup-files: not a folder: $folder\n";
        exit 2;
    }
    find(
        {
            no_chdir => 1,
            wanted   => sub {
                my ($device, $inode, $size) = (lstat $_)[0, 1, 7];
                return if !-f _ || $size < $least || $seen{"$device:$inode"}++;
                push @{ $by_size{$size} }, $_;
            },
        },
        $folder,
    );
}

my $end   = $nul ? "\0" : "\n";
my $first = 1;
for my $size (sort { $b <=> $a } keys %by_size) {
    next if @{ $by_size{$size} } < 2;
    my %by_hash;
    for my $file (@{ $by_size{$size} }) {
        my $digest = Digest::SHA->new(256);
        # It dies where a file went away or must not be read.
        if (eval { $digest->addfile($file, 'b'); 1 }) {
            push @{ $by_hash{ $digest->hexdigest } }, $file;
        }
        else {
            complain("$file cannot be read");
        }
    }
    for my $group (sort { $a->[0] cmp $b->[0] } grep { @$_ > 1 } values %by_hash) {
        print $end if !$first;
        $first = 0;
        print $_, $end for sort @$group;
    }
}
exit $code;
