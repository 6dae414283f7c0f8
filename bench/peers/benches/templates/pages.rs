//! The pages that are rendered, and the values in them.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// A page, by the file of its template.
pub(crate) struct Page {
    /// The name of its file.
    pub(crate) file: &'static str,
    /// What is special about it.
    pub(crate) about: &'static str,
    /// Whether it is given rows, and not only what all pages are told.
    pub(crate) rows: bool,
}

/// The first is the one of which something is promised.
pub(crate) const PAGES: [Page; 4] = [
    Page {
        file: "list.html",
        about: "a layout, 100 rows, an `if` and a filter in each",
        rows: true,
    },
    Page {
        file: "included.html",
        about: "the same, each row from a file of its own",
        rows: true,
    },
    Page {
        file: "list.tpl",
        about: "100 rows in the classic syntax; the others are given what it is translated to",
        rows: true,
    },
    Page {
        file: "plain.html",
        about: "a page without a value in it; there are those that all pages are told",
        rows: false,
    },
];

/// All templates, the pages and what they need.
pub(crate) const FILES: [&str; 6] = [
    "_layout.html",
    "_row.html",
    "list.html",
    "included.html",
    "list.tpl",
    "plain.html",
];

const ROWS: u64 = 100;

/// Where a template lies.
pub(crate) fn path(file: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/templates/pages");
    dir.join(file)
}

/// What the server gives a template: the values of the page, and what all pages are told.
///
/// No value has a slash or an apostrophe in it: minijinja escapes both in its own way (`&#x2f;` and
/// `&#x27;`), and then the pages would not be the same.
pub(crate) fn values(rows: bool) -> Map<String, Value> {
    let request = json!({"method": "GET", "path": "/scripts", "host": "example.org", "id": "4711"});
    let mut values = Map::new();
    values.insert("request".to_owned(), request);
    values.insert("site".to_owned(), json!({"name": "Example"}));
    if rows {
        values.insert("title".to_owned(), "Scripts & tools".into());
        values.insert("rows".to_owned(), (0..ROWS).map(row).collect());
    }
    values
}

/// Every third description and every fourth author has something to escape.
fn row(number: u64) -> Value {
    let author = match number % 4 {
        0 => format!("Miller & Sons {number}"),
        _ => format!("author{number}"),
    };
    let language = ["rust", "python", "pascal", "lua", "java"][number as usize % 5];
    let description = match number % 3 {
        0 => format!(
            "Cuts trees & banks \"logs\" while energy < {number}, then walks back; the path is read from the map <minimap>."
        ),
        1 => "Reads the colours of the screen and finds the nearest match, with a tolerance that can be set.".to_owned(),
        _ => format!("A library for {language} with the functions that all the others need."),
    };
    json!({
        "name": format!("Woodcutter {number}"),
        "author": author,
        "language": language,
        "size": number * 397 % 50_000,
        "rating": (number % 50) as f64 / 10.0,
        "description": description,
    })
}
