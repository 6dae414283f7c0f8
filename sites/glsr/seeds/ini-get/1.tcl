#!/usr/bin/env tclsh
# ini-get - Reads values out of INI files, for scripts.
#
# Usage: ini-get FILE SECTION KEY [DEFAULT]
#        ini-get FILE SECTION
#        ini-get FILE
#
# With KEY its value; with SECTION alone its keys, without it all sections, one a
# line. SECTION "" is what stands before the first one. Later lines win.
# Lines that begin with ";" or "#" are comments; quotes around a value go.
# Exit codes: 0 found, 1 not there and no DEFAULT, 2 wrong usage or no such file.
#
# SPDX-License-Identifier: MIT-0

set usage "usage: ini-get FILE \[SECTION \[KEY \[DEFAULT\]\]\]"

if {[lindex $argv 0] in {-h --help}} {
    puts $usage
    exit 0
}
if {$argc < 1 || $argc > 4} {
    puts stderr $usage
    exit 2
}

# A dict of sections, each a dict of its keys.
proc read_ini {name} {
    set file [open $name r]
    fconfigure $file -encoding utf-8
    set all [dict create "" [dict create]]
    set section ""
    while {[gets $file line] >= 0} {
        set line [string trim $line " \t\r\ufeff"]
        if {$line eq "" || [string index $line 0] in {; #}} {
            continue
        }
        if {[regexp {^\[(.*)\]$} $line -> section]} {
            set section [string trim $section]
            if {![dict exists $all $section]} {
                dict set all $section [dict create]
            }
        } elseif {[regexp {^([^=]*)=(.*)$} $line -> key value]} {
            set value [string trim $value]
            # The pair of quotes only, so that what is inside stays.
            regexp {^"(.*)"$} $value -> value
            dict set all $section [string trim $key] $value
        }
    }
    close $file
    return $all
}

lassign $argv name section key default

if {[catch {read_ini $name} all]} {
    puts stderr "ini-get: $all"
    exit 2
}

switch $argc {
    1 {
        foreach one [dict keys $all] {
            if {$one ne ""} {
                puts $one
            }
        }
    }
    2 {
        if {![dict exists $all $section]} {
            puts stderr "ini-get: no section $section in $name"
            exit 1
        }
        foreach one [dict keys [dict get $all $section]] {
            puts $one
        }
    }
    default {
        if {[dict exists $all $section $key]} {
            puts [dict get $all $section $key]
        } elseif {$argc == 4} {
            puts $default
        } else {
            puts stderr "ini-get: no $key in section $section of $name"
            exit 1
        }
    }
}
