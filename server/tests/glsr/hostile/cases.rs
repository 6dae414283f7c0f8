//! The submissions, as data: what each changes of a good one, and what is to come of it.

use std::path::PathBuf;
use std::{env, process};

use serde_json::json;

/// What a script would leave behind if it were run.
pub fn mark() -> PathBuf {
    env::temp_dir().join(format!("glsr-was-here-{}", process::id()))
}

/// A submission: a good one that a case has spoiled.
#[derive(Clone, Debug)]
pub struct Sent {
    pub name: String,
    /// Fields of the form, but for the name and the text.
    pub fields: Vec<(&'static str, String)>,
    pub source: Vec<u8>,
    pub file_name: String,
}

impl Sent {
    pub fn good(name: &str) -> Sent {
        let fields = [
            ("title", "A title"),
            ("summary", "What it does"),
            ("readme", "# Usage\n\nRun it."),
            ("category", "misc"),
            ("language", "sh"),
            ("license", "MIT"),
            ("homepage", "https://scripts.example/one"),
            ("tags", "one, two"),
            ("needs", "bash"),
            ("applies", "Debian 12"),
            ("changelog", "First."),
            ("label", "1.0"),
        ];
        Sent {
            name: name.to_owned(),
            fields: fields
                .map(|(field, text)| (field, text.to_owned()))
                .to_vec(),
            // No two are alike: what is the same elsewhere is another test's.
            source: format!("#!/bin/sh\n# {name}\necho {name}\n").into_bytes(),
            file_name: format!("{name}.sh"),
        }
    }

    pub fn get(&self, field: &str) -> &str {
        let found = self.fields.iter().find(|(known, _)| *known == field);
        &found.unwrap_or_else(|| panic!("no field {field}")).1
    }

    fn set(&mut self, field: &'static str, text: impl Into<String>) {
        self.fields.retain(|(known, _)| *known != field);
        self.fields.push((field, text.into()));
    }

    fn each(&mut self, fields: &[&'static str], text: &str) {
        for field in fields {
            self.set(field, text);
        }
    }

    fn text(&mut self, source: impl Into<Vec<u8>>) {
        self.source = source.into();
    }

    /// As the API takes it. A text that is no UTF-8 cannot be sent so but as bytes that are no JSON.
    pub fn json(&self) -> Vec<u8> {
        const MARK: &str = "THE-TEXT-ITSELF";
        let lines = |field| {
            self.get(field)
                .split(['\n', ','])
                .map(str::trim)
                .filter(|one| !one.is_empty())
        };
        let needs: Vec<_> = lines("needs").map(|what| json!({ "what": what })).collect();
        let body = json!({
            "name": self.name,
            "title": self.get("title"),
            "summary": self.get("summary"),
            "readme": self.get("readme"),
            "category": self.get("category"),
            "language": self.get("language"),
            "license": self.get("license"),
            "homepage": self.get("homepage"),
            "tags": lines("tags").collect::<Vec<_>>(),
            "needs": needs,
            "applies_to": lines("applies").collect::<Vec<_>>(),
            "changelog": self.get("changelog"),
            "label": self.get("label"),
            "file_name": self.file_name,
            "source": MARK,
            "submit": false,
        });
        let body = body.to_string();
        let (before, after) = body.split_once(MARK).unwrap();
        let text = match std::str::from_utf8(&self.source) {
            Ok(whole) => {
                let quoted = json!(whole).to_string();
                quoted.as_bytes()[1..quoted.len() - 1].to_vec()
            }
            Err(_) => self.source.clone(),
        };
        [before.as_bytes(), &text, after.as_bytes()].concat()
    }
}

/// What is to come of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// It becomes a draft.
    Taken,
    /// It is a 422 that names this field; too large is a 413, no text at all a 400.
    Refused(&'static str),
    /// Either of them: the rules may change, the page stays harmless.
    Either,
}
use Wanted::{Either, Refused, Taken};

/// What it is, what it changes, what is to come of it.
pub type Case = (&'static str, fn(&mut Sent), Wanted);

/// Would be seen as a tag, an attribute or an entity where it is not escaped.
pub const HTML: &str =
    "</title></textarea>\"'><script>alert(1)</script><img src=x onerror=alert(2)>&lt;b&gt;";
/// Would be 49, or an error, where a template is made of it.
pub const TEMPLATE: &str =
    "{{ 7*7 }} {% include \"/etc/passwd\" %} {# #} ${7*7} {{ request.headers }}";
const SQL: &str = "'; DROP TABLE scripts; -- \\' %_";
const TEXTS: [&str; 4] = ["title", "summary", "readme", "changelog"];
/// Those that hold less.
const SHORT_TEXTS: [&str; 3] = ["applies", "needs", "label"];

fn long(chars: usize) -> String {
    "x".repeat(chars)
}

pub const CASES: [Case; 66] = [
    // ---- the text of the script ----
    (
        "a program",
        |sent| sent.text(*b"\x7fELF\x02\x01\x01\0\0\0\0\0\xff\xfe\x80"),
        Refused("source"),
    ),
    ("nothing at all", |sent| sent.text(*b""), Refused("source")),
    (
        "10 MB",
        |sent| sent.text(vec![b'a'; 10_000_000]),
        Refused("source"),
    ),
    (
        "a byte more than is allowed",
        |sent| sent.text("echo 1\n".repeat(40_000)[..262_145].to_owned()),
        Refused("source"),
    ),
    (
        "a NUL in the middle",
        |sent| sent.text(*b"#!/bin/sh\necho \0\n"),
        Refused("source"),
    ),
    (
        "CRLF behind #!",
        |sent| sent.text(*b"#!/bin/sh\r\necho crlf\r\n"),
        Taken,
    ),
    (
        "line ends of all kinds",
        |sent| sent.text("echo a\recho b\r\n\necho c\u{2028}echo d\u{85}"),
        Either,
    ),
    (
        "a BOM",
        |sent| sent.text("\u{feff}#!/bin/sh\necho bom\n"),
        Taken,
    ),
    (
        "bytes that are no UTF-8",
        |sent| sent.text(*b"#!/bin/sh\necho \xff\xfe\n"),
        Refused("source"),
    ),
    (
        "a slash in two bytes",
        |sent| sent.text(*b"#!/bin/sh\necho \xc0\xaf\n"),
        Refused("source"),
    ),
    (
        "half of a pair of UTF-16",
        |sent| sent.text(*b"#!/bin/sh\necho \xed\xa0\x80\n"),
        Refused("source"),
    ),
    (
        "UTF-16",
        |sent| sent.text(*b"\xff\xfee\0c\0h\0o\0\n\0"),
        Refused("source"),
    ),
    (
        "a line of 10,001 bytes",
        |sent| sent.text(format!("# {}\n", long(9_999))),
        Refused("source"),
    ),
    (
        "20,001 lines",
        |sent| sent.text("a\n".repeat(20_001)),
        Refused("source"),
    ),
    ("blanks alone", |sent| sent.text(" \n\t\n \n"), Either),
    (
        "letters for a terminal",
        |sent| sent.text("#!/bin/sh\necho '\u{1b}[2J\u{1b}]0;title\u{7}'\n"),
        Either,
    ),
    (
        "text that turns around",
        |sent| sent.text("#!/bin/sh\necho '\u{202e}txet\u{202c}' # \u{2066}x\u{2069}\n"),
        Taken,
    ),
    (
        "HTML",
        |sent| sent.text(format!("#!/bin/sh\n# {HTML}\necho html\n")),
        Taken,
    ),
    (
        "templates",
        |sent| sent.text(format!("#!/bin/sh\n# {TEMPLATE}\necho template\n")),
        Taken,
    ),
    (
        "an end of CDATA",
        |sent| sent.text("#!/bin/sh\n# ]]> <![CDATA[ <!-- --> <?xml ?>\necho cdata\n"),
        Taken,
    ),
    (
        "a fork bomb",
        |sent| sent.text("#!/bin/sh\n:(){ :|:& };:\n"),
        Taken,
    ),
    (
        "quotes without an end",
        |sent| sent.text("#!/bin/sh\necho \"'`$(((\n"),
        Taken,
    ),
    (
        "10,000 brackets",
        |sent| sent.text(format!("#!/bin/sh\necho {}\n", "$(".repeat(4_000))),
        Taken,
    ),
    (
        "a long first line",
        |sent| sent.text(format!("#!{}\n", "/bin".repeat(2_000))),
        Either,
    ),
    (
        "Perl that runs when it is looked at",
        |sent| {
            sent.set("language", "perl");
            sent.text(format!(
                "#!/usr/bin/perl\nBEGIN {{ kill 'KILL', getppid; system('touch {}'); exit 3 }}\n",
                mark().display()
            ));
        },
        Taken,
    ),
    (
        "a head of 3,000 lines",
        |sent| {
            sent.text(format!(
                "#!/bin/sh\n{}echo head\n",
                "# Tags: a, b\n# Name: ../x\n".repeat(1_500)
            ))
        },
        Either,
    ),
    // ---- names ----
    (
        "a path for a name",
        |sent| "../../etc/passwd".clone_into(&mut sent.name),
        Refused("name"),
    ),
    (
        "a slash in the name",
        |sent| sent.name.push_str("/b"),
        Refused("name"),
    ),
    (
        "dots for a name",
        |sent| "..".clone_into(&mut sent.name),
        Refused("name"),
    ),
    ("no name", |sent| sent.name.clear(), Refused("name")),
    (
        "a name that is a number",
        |sent| "17".clone_into(&mut sent.name),
        Refused("name"),
    ),
    (
        "a name that ends like a file of ours",
        |sent| sent.name.push_str(".sha256"),
        Refused("name"),
    ),
    (
        "a name that no URL has",
        |sent| "index".clone_into(&mut sent.name),
        Refused("name"),
    ),
    (
        "blanks and capitals in the name",
        |sent| sent.name.push_str(" A B"),
        Refused("name"),
    ),
    (
        "a name of 65 letters",
        |sent| sent.name = long(65),
        Refused("name"),
    ),
    (
        "a name of 100,000 letters",
        |sent| sent.name = long(100_000),
        Refused("name"),
    ),
    (
        "a line feed in the name",
        |sent| sent.name.push_str("\nx"),
        Refused("name"),
    ),
    (
        "a NUL in the name",
        |sent| sent.name.push_str("\0x"),
        Refused("name"),
    ),
    (
        "a mark in the name that turns it around",
        |sent| sent.name.push_str("\u{202e}x"),
        Refused("name"),
    ),
    (
        "letters that look like others in the name",
        |sent| sent.name.push('\u{0430}'),
        Refused("name"),
    ),
    (
        "a name that is taken",
        |sent| "with-lock".clone_into(&mut sent.name),
        Refused("name"),
    ),
    (
        "an escape in the name",
        |sent| sent.name.push_str("%2e%2e%2f"),
        Refused("name"),
    ),
    // ---- what is said about it ----
    (
        "HTML in all texts",
        |sent| {
            sent.each(&TEXTS, HTML);
            sent.each(&SHORT_TEXTS, "\"'><script>alert(3)</script>");
            sent.file_name = "\"'><script>alert(4)</script>.sh".to_owned();
        },
        Taken,
    ),
    (
        "templates in all texts",
        |sent| {
            sent.each(&TEXTS, TEMPLATE);
            sent.each(&SHORT_TEXTS, "{{ 7*7 }}{% x %}{# #}");
            sent.file_name = "{{ 7*7 }}.sh".to_owned();
        },
        Taken,
    ),
    (
        "SQL in all texts",
        |sent| {
            sent.each(&TEXTS, SQL);
            sent.each(&SHORT_TEXTS, SQL);
        },
        Taken,
    ),
    (
        "Markdown that leads elsewhere",
        |sent| {
            sent.set("readme", "[a](javascript:alert(1)) ![b](https://elsewhere.example/c.png) <iframe src=x></iframe>\n\n\
                            <style>*{display:none}</style>\n\n[d]: data:text/html,x\n\n[d] <a onclick=x>e</a>");
        },
        Taken,
    ),
    (
        "Markdown within Markdown",
        |sent| {
            sent.set(
                "readme",
                format!("{}\n{}", "> ".repeat(5_000), "[".repeat(20_000)),
            )
        },
        Either,
    ),
    (
        "a title that turns around",
        |sent| sent.set("title", "a\u{202e}b"),
        Refused("title"),
    ),
    (
        "a summary with marks of direction",
        |sent| sent.set("summary", "a\u{2066}b\u{2069}\u{200f}"),
        Refused("summary"),
    ),
    (
        "a bell in the title",
        |sent| sent.set("title", "a\u{7}b"),
        Refused("title"),
    ),
    (
        "a NUL in the summary",
        |sent| sent.set("summary", "a\0b"),
        Refused("summary"),
    ),
    (
        "no title",
        |sent| sent.set("title", "  \t "),
        Refused("title"),
    ),
    (
        "a title of 121 letters",
        |sent| sent.set("title", long(121)),
        Refused("title"),
    ),
    (
        "a summary of 50,000 letters",
        |sent| sent.set("summary", long(50_000)),
        Refused("summary"),
    ),
    (
        "a README of more than 64 KiB",
        |sent| sent.set("readme", long(65_537)),
        Refused("readme"),
    ),
    (
        "a letter with 100 accents, emoji",
        |sent| sent.set("title", format!("e{} 👩‍👩‍👧 \u{ffff}", "\u{301}".repeat(90))),
        Either,
    ),
    (
        "a home that runs",
        |sent| sent.set("homepage", "javascript:alert(1)"),
        Refused("homepage"),
    ),
    (
        "a home that is a page itself",
        |sent| sent.set("homepage", "data:text/html,<script>alert(1)</script>"),
        Refused("homepage"),
    ),
    (
        "a home with quotes",
        |sent| sent.set("homepage", "https://a.example/\" onmouseover=\"alert(1)"),
        Either,
    ),
    (
        "10,000 tags",
        |sent| {
            let tags: Vec<String> = (0..10_000).map(|number| format!("t{number}")).collect();
            sent.set("tags", tags.join(","));
        },
        Refused("tags"),
    ),
    (
        "a tag of 10,000 letters",
        |sent| sent.set("tags", long(10_000)),
        Refused("tags"),
    ),
    (
        "tags without a letter",
        |sent| sent.set("tags", "///, <>, ../.."),
        Either,
    ),
    (
        "a licence of brackets",
        |sent| sent.set("license", "(".repeat(100)),
        Refused("license"),
    ),
    (
        "a licence that is HTML",
        |sent| sent.set("license", "<b>MIT</b>"),
        Refused("license"),
    ),
    (
        "places that are not there",
        |sent| sent.each(&["category", "language"], "../%25/'"),
        Refused("category"),
    ),
    (
        "too much that it needs",
        |sent| sent.set("needs", "bash\n".repeat(41)),
        Refused("needs"),
    ),
];
