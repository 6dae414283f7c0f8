//! Any bytes as a page in the classic syntax: nothing panics, what is converted renders alike, and of
//! the values nothing gets into the page unescaped.
#![no_main]

use std::fs;
use std::sync::OnceLock;

use harmonious_templating::{TemplateError, TemplateFile, Templates, convert};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// What a page can import.
const PARTS: [(&str, &str); 2] = [
    ("p.tpl", "{V}{IF N}{a.b.c}{!IF}"),
    ("q.html", "{{ V }}{% for x in L %}{{ x }}{% endfor %}"),
];

fuzz_target!(|input: &[u8]| {
    let site = Site::get();
    let page = site.render("page.tpl", input);
    let Ok(text) = std::str::from_utf8(input) else {
        assert!(matches!(page, Err(TemplateError::Read { .. })), "{page:?}");
        return;
    };
    let converted = convert("page.tpl".as_ref(), text);
    match (&converted, &page) {
        (Ok(tera), _) => {
            assert_eq!(tera, &convert("page.tpl".as_ref(), text).unwrap());
            let again = site.render("page.html", tera.as_bytes());
            assert_eq!(page.as_ref().ok(), again.as_ref().ok(), "{tera}");
        }
        (Err(_), page) => assert!(page.is_err(), "{converted:?}"),
    }
    match &page {
        Ok(page) => escaped(text, page),
        Err(wrong) => placed(text, wrong),
    }
});

/// The parts have none of these characters and the values have all: what is not in the text of the page
/// and is in what it makes was let through.
fn escaped(text: &str, page: &str) {
    for character in ['<', '>', '"', '\''] {
        let let_through = page.contains(character) && !text.contains(character);
        assert!(!let_through, "{character} in {page}");
    }
    if !text.contains('&') {
        let references = ["lt;", "gt;", "quot;", "#39;", "amp;"];
        for rest in page.split('&').skip(1) {
            assert!(
                references.iter().any(|name| rest.starts_with(name)),
                "{page}"
            );
        }
    }
}

/// An error in the page points into it.
fn placed(text: &str, wrong: &TemplateError) {
    let Some(place) = wrong
        .place()
        .filter(|place| place.file.ends_with("page.tpl"))
    else {
        return;
    };
    // The mark of byte order is no part of the first line.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line = text.split('\n').nth(place.line as usize - 1);
    let columns = line.expect("a line of the page").chars().count() + 1;
    assert!(
        (1..=columns).contains(&(place.column as usize)),
        "{place:?}"
    );
}

/// A folder in which one page is written again and again.
struct Site {
    folder: TempDir,
    context: Map<String, Value>,
}

impl Site {
    fn get() -> &'static Site {
        static SITE: OnceLock<Site> = OnceLock::new();
        SITE.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            for (name, text) in PARTS {
                fs::write(folder.path().join(name), text).unwrap();
            }
            let Value::Object(context) = values() else {
                unreachable!()
            };
            Site { folder, context }
        })
    }

    fn render(&self, name: &str, page: &[u8]) -> Result<String, TemplateError> {
        let path = |name: &str| self.folder.path().join(name);
        fs::write(path(name), page).unwrap();
        let names = PARTS.iter().map(|(name, _)| *name).chain([name]);
        let files = names.map(|name| TemplateFile {
            domain: "/".into(),
            name: name.into(),
            path: path(name),
        });
        Templates::new(files.collect()).render("/", name, &self.context)
    }
}

/// Of each kind, few of each: loops in loops end soon.
fn values() -> Value {
    json!({
        "V": "<v>\"'&", "T": "text", "N": 3, "F": 1.5, "Z": 0, "B": true, "O": null,
        "L": ["<a>", "\"'"], "M": {"<k>": "\"&'"}, "R": [{"n": "<b>"}], "E": [],
        "a": {"b": {"c": "<c>"}}, "D": [["<d>"], []],
    })
}
