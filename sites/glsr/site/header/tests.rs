//! Heads of scripts as people write them.

use super::*;

#[test]
fn styles_of_comments() {
    let said = "Shows what fills a disk.";
    for text in [
        "#!/bin/sh\n# Shows what fills a disk.\nls\n",
        "#!/bin/sh\n#\n# disk-usage - Shows what fills a disk.\n#\n# Usage: x\nls\n",
        "#!/bin/sh\n###########\n# Shows what  #\n# fills a disk. #\n###########\n",
        "#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\n\"\"\"Shows what fills a disk.\"\"\"\nx = 1\n",
        "# Copyright 2024 Ada\n\nr'''\nShows what\nfills a disk.\n\nMore of it.\n'''\n",
        "// Copyright (c) 2020 Ada. All rights reserved.\n// Shows what fills a disk.\n",
        "'use strict';\n/**\n * Shows what fills a disk.\n *\n * @license MIT\n */\n",
        "/* Shows what fills a disk. */\nint x;\n",
        "-- Shows what fills a disk.\nlocal x = 1\n",
        "--[[\n  Shows what fills\n  a disk.\n]]\n",
        ";;; Shows what fills a disk.\n(x)\n",
        ";; disk.el --- Shows what fills a disk.\n",
        "% Shows what fills a disk.\nx = 1;\n",
        "\" Shows what fills a disk.\nset nocp\n",
        "@echo off\r\nREM Shows what fills a disk.\r\ndir\r\n",
        ":: Shows what fills a disk.\r\n",
        "#!/usr/bin/perl\n\n=head1 NAME\n\ndisk - Shows what fills a disk.\n\n=cut\n\nprint 1;\n",
        "=pod\n\nShows what fills a disk.\n\n=cut\n",
        "=begin\nShows what fills a disk.\n=end\nputs 1\n",
        "<#\n.SYNOPSIS\n  Shows what fills a disk.\n#>\nparam()\n",
        "<?php\n/* Shows what fills a disk. */\n",
        "<!-- Shows what fills a disk. -->\n",
        "(* Shows what fills a disk. *)\n",
        "\u{feff}# Shows what fills a disk.\n",
        "# vim: ts=4\n# SPDX-License-Identifier: MIT\n#\n# Shows what fills a disk.\n",
        "# Name: x\n# Description: Shows what\n#   fills a disk.\n#\n# Other: y\n",
        "dnl Shows what fills a disk.\n",
    ] {
        assert_eq!(read(text).description, said, "{text}");
    }
}

#[test]
fn what_says_nothing() {
    for text in [
        "",
        "\n",
        "ls\n",
        "#!/bin/sh\n",
        "#!/bin/sh\nls # lists files of a folder\n",
        "# x\n",
        "/*",
        "\"\"\"",
        "=pod",
    ] {
        assert_eq!(read(text), Header::default(), "{text:?}");
    }
}

#[test]
fn fields() {
    let header = read(
        "#!/bin/bash\n# Title: Disk usage\n# Name:   disk-usage\n# Version: 1.2\n# License: GPLv3+\n\
         # Tags: disk, Speicher platz, !!\n# Depends: bash (>= 4.2), jq >= 1.6,\n#   coreutils\n\
         # Homepage: https://example.org/\n",
    );
    assert_eq!(header.name, "disk-usage");
    assert_eq!(header.title, "Disk usage");
    assert_eq!(header.version, "1.2");
    assert_eq!(header.license, "GPL-3.0-or-later");
    assert_eq!(header.tags, ["disk", "Speicher platz"]);
    assert_eq!(header.homepage, "https://example.org/");
    let needs: Vec<_> = header
        .needs
        .iter()
        .map(|(_, what, v)| (what.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        needs,
        [("bash", ">= 4.2"), ("jq", ">= 1.6"), ("coreutils", "")]
    );
    let both = read("# License: BSD\n# SPDX-License-Identifier: MIT OR Apache-2.0\n");
    assert_eq!(both.license, "MIT OR Apache-2.0");
}

#[test]
fn licences_by_their_common_names() {
    for (said, known) in [
        ("GPLv2", "GPL-2.0-only"),
        ("GPL v2+", "GPL-2.0-or-later"),
        ("MIT License", "MIT"),
        ("the Apache License, Version 2.0", "Apache-2.0"),
        ("BSD", ""),
        ("see LICENSE", ""),
    ] {
        assert_eq!(licence(said), known, "{said}");
    }
}

#[test]
fn long_ones_are_cut() {
    let long = format!("# {}\n", "word ".repeat(100));
    let said = read(&long).description;
    assert!(said.ends_with("word\u{2026}") && said.chars().count() <= 200);
    let sentences = format!("# {}. {}\n", "word ".repeat(20).trim(), "more ".repeat(50));
    assert!(read(&sentences).description.ends_with("word."));
    assert_eq!(read(&"# \n".repeat(100_000)).description, "");
}

#[test]
fn languages_of_files() {
    let of = |file: &str, text: &str| language(file, text, crate::languages::table());
    for (file, text, slug) in [
        ("a", "#!/bin/bash -e\n", Some("bash")),
        ("a.txt", "#! /usr/bin/perl -w\n", Some("perl")),
        (
            "a",
            "#!/usr/bin/env -S FOO=1 node --x\n",
            Some("javascript"),
        ),
        ("a", "#!/usr/bin/env -Spython3\n", Some("python")),
        ("a", "#!/usr/bin/tclsh8.6\n", Some("tcl")),
        (
            "a.sh",
            "#!/bin/sh\n# \\\nexec wish \"$0\" \"$@\"\n",
            Some("tcl"),
        ),
        ("a.py", "#!/no/such\n", Some("python")),
        ("a.PM", "package X;\n", Some("perl")),
        ("Makefile", "all:\n", None),
        ("a.", "x", None),
        ("sh", "x", None),
        ("a", "#!\n", None),
        ("a", "#!/usr/bin/python2.7\n", Some("python")),
        ("a", "#!/usr/bin/bashful\n", None),
    ] {
        assert_eq!(of(file, text), slug, "{file} {text}");
    }
}

#[test]
fn any_cut_of_a_head_is_read() {
    let text = "#!/usr/bin/env -S python3\n# é: à\n\"\"\"Déjà \u{202e}vu\n\nTags: a, b\n\"\"\"\n/* x\n=pod\n";
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        let header = read(&text[..end]);
        assert!(!header.description.contains('\u{202e}'));
    }
}
