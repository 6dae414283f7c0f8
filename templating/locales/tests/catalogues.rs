//! Folders of catalogues, read and asked as a server does.

use std::fs;
use std::sync::Arc;

use harmonious_locales::{Catalogues, LANGUAGES_MAX, Language, Said, Speech};
use serde_json::{Value, json};
use tempfile::TempDir;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn read(files: &[(&str, &str)]) -> Arc<Catalogues> {
    Arc::new(Catalogues::read(folder(files).path(), None).unwrap())
}

const EN: &str = "hello = \"Hello, {name}\"\nonly = \"only here\"\n\
                  things = { one = \"{n} thing\", other = \"{n} things\" }\nb_html = \"<b>{name}</b> & {n}\"\n\
                  [language]\nname = \"English\"\n";
const FR: &str = "hello = \"Bonjour, {name}\"\nthings = { one = \"{n} chose\", other = \"{n} choses\" }\n\
                  b_html = \"<i>{name}</i>\"\n";

#[track_caller]
fn check(speech: &Speech, key: &str, values: Value, text: &str, missing: &[&str]) {
    let said = speech.say_json(key, values.as_object().unwrap());
    let missing = missing.iter().map(ToString::to_string).collect();
    let text = text.to_owned();
    assert_eq!(said, Some(Said { text, missing }), "{key}");
}

#[test]
fn texts_are_filled_in_the_language_of_the_visitor() {
    let catalogues = read(&[("en.toml", EN), ("fr.toml", FR), ("notes.txt", "x")]);
    let (en, fr) = (Speech::of(&catalogues, "en"), Speech::of(&catalogues, "fr"));
    check(
        &en,
        "hello",
        json!({ "name": "<Ann>" }),
        "Hello, <Ann>",
        &[],
    );
    check(
        &fr,
        "hello",
        json!({ "name": true, "more": [] }),
        "Bonjour, true",
        &[],
    );
    check(&en, "things", json!({ "n": 0 }), "0 things", &[]);
    check(&fr, "things", json!({ "n": 0 }), "0 chose", &[]);
    check(&fr, "things", json!({ "n": 1.5 }), "1.5 chose", &[]);
    check(
        &fr,
        "b_html",
        json!({ "name": "<'&\">" }),
        "<i>&lt;&#39;&amp;&quot;&gt;</i>",
        &[],
    );
    // What one language lacks, the default has.
    check(&fr, "only", json!({}), "only here", &[]);
    assert_eq!(fr.say_json("none", &serde_json::Map::new()), None);
    assert_eq!(Speech::of(&catalogues, "qq").code(), "en");
}

#[test]
fn values_that_are_missing_are_told_and_their_places_stay() {
    let en = Speech::of(&read(&[("en.toml", EN)]), "en");
    check(&en, "hello", json!({}), "Hello, {name}", &["name"]);
    check(
        &en,
        "hello",
        json!({ "name": null }),
        "Hello, {name}",
        &["name"],
    );
    check(
        &en,
        "hello",
        json!({ "name": [1] }),
        "Hello, {name}",
        &["name"],
    );
    check(&en, "things", json!({ "n": "1" }), "1 things", &["n"]);
    check(&en, "things", json!({}), "{n} things", &["n"]);
}

#[test]
fn languages_say_their_own_names() {
    let catalogues = read(&[("en.toml", EN), ("fr.toml", FR)]);
    let fr = catalogues.choose(Some("fr"), None);
    let languages: Vec<Language<'_>> = fr.languages().collect();
    let language = |code, name, current| Language {
        code,
        name,
        current,
    };
    assert_eq!(
        languages,
        [language("en", "English", false), language("fr", "fr", true)]
    );
}

#[test]
fn catalogues_that_differ_are_told_with_file_and_line() {
    let catalogues = read(&[
        ("en.toml", EN),
        ("fr.toml", &format!("\n{FR}[own]\nkey = \"x\"\n")),
    ]);
    let differences = catalogues.differences();
    let told: Vec<(String, String)> = (differences.iter())
        .map(|difference| {
            let text = difference.error.to_string();
            let name = text
                .rfind("fr.toml: ")
                .or(text.find("en.toml: "))
                .or(text.find("fr.toml:4"));
            (difference.key.clone(), text[name.unwrap()..].to_owned())
        })
        .collect();
    let expected = [
        (
            "b_html",
            "fr.toml:4: `b_html` takes {name}, and {n} {name} at en.toml:4: name the same places in every language",
        ),
        (
            "language.name",
            "fr.toml: no text for `language.name`, which en.toml:6 has: translate it, or take it out there",
        ),
        (
            "only",
            "fr.toml: no text for `only`, which en.toml:2 has: translate it, or take it out there",
        ),
        (
            "own.key",
            "en.toml: no text for `own.key`, which fr.toml:6 has: translate it, or take it out there",
        ),
    ];
    assert_eq!(
        told,
        expected.map(|(key, text)| (key.to_owned(), text.to_owned()))
    );
    let lacking: Vec<_> = catalogues.lacking("only").collect();
    assert_eq!(lacking.len(), 1);
    assert!(lacking[0].ends_with("fr.toml"));
    assert_eq!(Vec::from_iter(catalogues.places("things").unwrap()), ["n"]);
    assert_eq!(catalogues.places("none"), None);
}

#[test]
fn a_folder_that_is_not_there_has_no_languages() {
    let dir = folder(&[]);
    let none = Arc::new(Catalogues::read(&dir.path().join("locales"), Some("de")).unwrap());
    assert!(none.is_empty() && !none.are_several());
    let speech = none.choose(Some("fr"), Some("fr"));
    assert_eq!((speech.code(), speech.languages().count()), ("de", 0));
    assert_eq!(speech.say_json("a", &serde_json::Map::new()), None);
}

#[track_caller]
fn refused(files: &[(&str, &str)], default: Option<&str>, expected: &str) {
    let wrong = Catalogues::read(folder(files).path(), default).unwrap_err();
    let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    assert!(wrong.concat().contains(expected), "{wrong:?}");
}

#[test]
fn a_folder_that_cannot_be_meant_is_refused() {
    refused(
        &[("english_.toml", "")],
        None,
        "`english_` is no code of a language: name it after",
    );
    refused(
        &[("fr.toml", "")],
        None,
        "there is no en.toml, and site.toml names no other default",
    );
    refused(
        &[("fr.toml", "")],
        Some("de"),
        "there is no de.toml, and `de` is the default",
    );
    refused(
        &[("pt-BR.toml", ""), ("pt-br.toml", "")],
        None,
        "are one language",
    );
    refused(&[("en.toml", "\u{0}")], None, "en.toml:1: this is no TOML");
    let codes: Vec<String> = (0..=LANGUAGES_MAX)
        .map(|number| format!("en-{number}.toml"))
        .collect();
    let many: Vec<(&str, &str)> = codes.iter().map(|code| (code.as_str(), "")).collect();
    refused(&many, None, "65 catalogues: allowed are 64");
    let dir = folder(&[("en.toml", "")]);
    fs::write(dir.path().join("en.toml"), [0xff, b'=']).unwrap();
    let wrong = Catalogues::read(dir.path(), None).unwrap_err();
    assert!(
        wrong[0].to_string().contains("en.toml: cannot be read"),
        "{wrong:?}"
    );
}

#[test]
fn equal_texts_have_one_stamp() {
    let one = read(&[("en.toml", EN)]);
    assert_eq!(one.stamp(), read(&[("en.toml", EN)]).stamp());
    assert_ne!(one.stamp(), read(&[("en.toml", "a = \"\"")]).stamp());
}

#[test]
fn a_language_without_known_rules_is_told_where_it_matters() {
    let catalogues = read(&[
        ("en.toml", EN),
        ("qq.toml", "x = \"\"\n"),
        ("qw.toml", "t = { one = \"\", other = \"\" }"),
    ]);
    let guessed: Vec<_> = catalogues
        .guessed()
        .map(|(code, at)| (code, at.key, at.line))
        .collect();
    assert_eq!(guessed, [("qw", "t", 1)]);
}
