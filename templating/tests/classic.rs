//! The classic syntax, by fixtures: `fixtures/classic/*.txt`, each a page, perhaps other files, the
//! context, and what comes out; where there is a Tera form of the page, it gives the same bytes.

mod common;

use std::fs;
use std::path::Path;

use common::Site;
use harmonious_templating::convert;
use serde_json::Value;

/// One fixture: a page, and sections that begin with a line `--- name`.
struct Fixture {
    name: String,
    page: String,
    sections: Vec<(String, String)>,
}

impl Fixture {
    fn read(path: &Path) -> Fixture {
        let text = fs::read_to_string(path).unwrap();
        let text = text.strip_suffix('\n').unwrap();
        // An empty page has no line before the first section.
        let text = format!("\n{text}");
        let mut parts = text.split("\n--- ");
        let page = parts.next().unwrap();
        let sections = parts.map(|part| {
            let (name, text) = part.split_once('\n').unwrap_or((part, ""));
            (name.to_owned(), text.to_owned())
        });
        Fixture {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            page: page.strip_prefix('\n').unwrap_or(page).to_owned(),
            sections: sections.collect(),
        }
    }

    fn section(&self, name: &str) -> Option<&str> {
        self.sections
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, text)| text.as_str())
    }

    fn site(&self) -> Site {
        let mut site = Site::new(&[("/page.tpl", &self.page)]);
        for (name, text) in &self.sections {
            if let Some(file) = name.strip_prefix("file ") {
                site.write(&format!("/{file}"), text);
            }
        }
        site
    }
}

fn fixtures() -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/classic");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| Fixture::read(path)).collect()
}

#[test]
fn every_fixture_gives_what_it_says() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 250, "{} fixtures", fixtures.len());
    let mut wrong = Vec::new();
    for fixture in &fixtures {
        let context: Value = serde_json::from_str(fixture.section("context").unwrap()).unwrap();
        let context = common::map(context);
        let site = fixture.site();
        let got = site.templates().render("/", "page.tpl", &context);
        let got = got.map_err(|wrong| site.message(&wrong));
        let right = match (&got, fixture.section("expect"), fixture.section("error")) {
            (Ok(page), Some(expected), None) => page == expected,
            (Err(message), None, Some(expected)) => message.starts_with(expected),
            _ => false,
        };
        if !right {
            let tera = convert("page.tpl".as_ref(), &fixture.page);
            wrong.push(format!("{}: {got:?}\n  from {tera:?}", fixture.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_same_page_in_both_syntaxes_gives_the_same_bytes() {
    let mut compared = 0;
    for fixture in fixtures() {
        let Some(tera) = fixture.section("tera") else {
            continue;
        };
        let context: Value = serde_json::from_str(fixture.section("context").unwrap()).unwrap();
        let mut site = fixture.site();
        site.write("/page.html", tera);
        let classic = site.render("/", "page.tpl", context.clone());
        assert_eq!(
            classic,
            site.render("/", "page.html", context),
            "{}",
            fixture.name
        );
        compared += 1;
    }
    assert!(compared >= 40, "{compared} pages");
}

#[test]
fn what_is_converted_gives_the_same_bytes() {
    for fixture in fixtures() {
        if fixture.section("expect").is_none() {
            continue;
        }
        let context: Value = serde_json::from_str(fixture.section("context").unwrap()).unwrap();
        let mut site = fixture.site();
        site.write(
            "/page.html",
            &convert("page.tpl".as_ref(), &fixture.page).unwrap(),
        );
        let classic = site.render("/", "page.tpl", context.clone());
        assert_eq!(
            classic,
            site.render("/", "page.html", context),
            "{}",
            fixture.name
        );
    }
}
