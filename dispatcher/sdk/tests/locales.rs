//! Texts of the site's own catalogues in tests of modules.

#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;

use harmonious::prelude::*;
use harmonious::testing::{Reply, Site};
use tempfile::TempDir;

#[get]
fn show(req: &Request) -> Result<Response> {
    let text = match req.query("key").unwrap_or_default().as_str() {
        "template" => req.render_text("page.html", context! {})?,
        key => req.t(key, context! { n => 0, name => "<Ann>" }),
    };
    Ok(Response::text(format!("{}: {text}", req.language())))
}

/// A site's folder: `site.toml` and catalogues.
fn folder(toml: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let locales = dir.path().join("locales");
    fs::create_dir(&locales).unwrap();
    fs::write(dir.path().join("site.toml"), toml).unwrap();
    let en = "hello = \"Hello, {name}\"\nthings = { one = \"{n} thing\", other = \"{n} things\" }\n\
              rich_html = \"<b>{name}</b>\"\nlacks = \"{other}\"\n";
    fs::write(locales.join("en.toml"), en).unwrap();
    let fr =
        "hello = \"Bonjour, {name}\"\nthings = { one = \"{n} chose\", other = \"{n} choses\" }\n";
    fs::write(locales.join("fr.toml"), fr).unwrap();
    dir
}

fn site(dir: &Path) -> Site {
    let site = Site::new().locales(dir.join("locales"));
    site.template_told(|name, _, told| format!("{name} in {}", told.language()))
}

fn asked(site: &Site, key: &str, fields: &[(&str, &str)]) -> Reply {
    let path = format!("/?key={key}");
    let ask = fields.iter().fold(site.get(&path), |ask, (name, value)| {
        ask.header(name, value)
    });
    ask.send()
}

#[test]
fn texts_are_in_the_language_of_the_visitor() {
    let dir = folder("");
    let site = site(dir.path());
    let said = |key, fields: &[(&str, &str)]| asked(&site, key, fields).text();
    let french = [("accept-language", "fr-CA, en;q=0.5")];
    assert_eq!(said("hello", &[]), "en: Hello, <Ann>");
    assert_eq!(said("hello", &french), "fr: Bonjour, <Ann>");
    assert_eq!(said("things", &french), "fr: 0 chose");
    assert_eq!(
        said("things", &[french[0], ("cookie", "a=b; lang=en")]),
        "en: 0 things"
    );
    // What French lacks, the default has.
    assert_eq!(said("rich_html", &french), "fr: <b>&lt;Ann&gt;</b>");
    assert_eq!(said("template", &french), "fr: page.html in fr");
    let ann = site.visitor();
    assert_eq!(
        ann.get("/?key=hello").cookie("lang", "fr").send().text(),
        "fr: Bonjour, <Ann>"
    );
}

#[test]
fn the_default_is_that_of_the_site() {
    let dir = folder("name = \"x\"\n[locales]\ndefault = \"fr\"\n");
    assert_eq!(
        asked(&site(dir.path()), "hello", &[]).text(),
        "fr: Bonjour, <Ann>"
    );
}

#[test]
fn what_cannot_be_said_is_its_key_and_in_the_log() {
    let dir = folder("");
    let reply = asked(&site(dir.path()), "no.such", &[]);
    assert_eq!(reply.text(), "en: no.such");
    assert!(
        reply
            .log()
            .iter()
            .any(|line| line.contains("no text `no.such`")),
        "{:?}",
        reply.log()
    );
    let reply = asked(&site(dir.path()), "lacks", &[]);
    assert_eq!(reply.text(), "en: {other}");
    assert!(
        reply
            .log()
            .iter()
            .any(|line| line.contains("`lacks` needs other")),
        "{:?}",
        reply.log()
    );
    assert_eq!(asked(&Site::new(), "hello", &[]).text(), "en: hello");
}

#[test]
fn a_test_may_have_its_own_texts() {
    let site = Site::new().service("t", |message| Ok(message["key"].clone()));
    let reply = asked(&site, "hello", &[]);
    assert_eq!((reply.text().as_str(), reply.log().len()), ("en: hello", 0));
}

#[test]
#[should_panic(expected = "en.toml:1: `a`: `{` is no place")]
fn a_catalogue_that_is_wrong_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("en.toml"), "a = \"{\"").unwrap();
    let _ = Site::new().locales(dir.path());
}

#[test]
#[should_panic(expected = "there is no folder")]
fn a_folder_that_is_not_there_is_told() {
    let _ = Site::new().locales("no/such/folder");
}
