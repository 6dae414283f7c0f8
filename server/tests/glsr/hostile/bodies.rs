//! Bodies that are not what their type says, fields that lack and fields that come twice: each is refused with a
//! message, or the first of two counts; nothing is half taken.

use serde_json::json;

use crate::common::*;
use crate::pages::{check_head, check_html};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const API: &str = "/api/v1/scripts/";

/// What is sent to `/submit`: what it is, its type, the body, the statuses that are right.
const TO_THE_FORM: &[(&str, &str, &[u8], &[u16])] = &[
    ("no type", "", b"name=odd&title=Odd", &[415, 422]),
    (
        "plain text",
        "text/plain",
        b"name=odd&title=Odd",
        &[415, 422],
    ),
    ("JSON", JSON, b"{\"name\":\"odd\"}", &[415, 422]),
    ("XML", "application/xml", b"<name>odd</name>", &[415, 422]),
    ("no such type", "a/b; c", b"name=odd", &[415, 422]),
    ("a type of nothing", ";;;", b"name=odd", &[400, 415, 422]),
    (
        "UTF-16",
        "application/x-www-form-urlencoded; charset=utf-16",
        b"n\0a\0",
        &[400, 415, 422],
    ),
    (
        "no boundary",
        "multipart/form-data",
        b"--x\r\n\r\n--x--",
        &[400, 415, 422],
    ),
    (
        "another boundary",
        "multipart/form-data; boundary=y",
        b"--x\r\n\r\nodd\r\n--x--\r\n",
        &[400, 422],
    ),
    (
        "a part without an end",
        "multipart/form-data; boundary=x",
        b"--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nod",
        &[400, 422],
    ),
    (
        "a part without a name",
        "multipart/form-data; boundary=x",
        b"--x\r\n\r\nodd\r\n--x--\r\n",
        &[400, 422],
    ),
    ("nothing", FORM, b"", &[422]),
    ("no field", FORM, b"&&&", &[422]),
    ("a field without a value", FORM, b"name", &[422]),
    ("a value without a field", FORM, b"=odd", &[422]),
    (
        "broken escapes",
        FORM,
        b"name=%zz%&title=%ff%fe",
        &[400, 422],
    ),
    (
        "fields that nobody asked for",
        FORM,
        b"role=admin&status=published&owner=1",
        &[422],
    ),
    ("only a name", FORM, b"name=odd", &[422]),
    (
        "a name twice, both bad",
        FORM,
        b"name=../x&name=a/b&title=Odd",
        &[422],
    ),
];

/// The same for the API, with a token that may submit.
const TO_THE_API: &[(&str, &str, &[u8], &[u16])] = &[
    ("no type", "", b"{\"name\":\"odd\"}", &[415, 422]),
    ("a form", FORM, b"name=odd&title=Odd", &[400, 415, 422]),
    ("plain text", "text/plain", b"odd", &[400, 415, 422]),
    ("nothing", JSON, b"", &[400, 422]),
    ("half", JSON, b"{\"name\":\"od", &[400]),
    ("a list", JSON, b"[]", &[400, 422]),
    ("a number", JSON, b"7", &[400, 422]),
    ("null", JSON, b"null", &[400, 422]),
    ("no field", JSON, b"{}", &[422]),
    ("only a name", JSON, b"{\"name\":\"odd\"}", &[422]),
    (
        "a name that is a number",
        JSON,
        b"{\"name\":7}",
        &[400, 422],
    ),
    (
        "a name that is a list",
        JSON,
        b"{\"name\":[\"odd\"]}",
        &[400, 422],
    ),
    (
        "a name twice",
        JSON,
        b"{\"name\":\"odd\",\"name\":\"even\"}",
        &[400, 422],
    ),
    (
        "fields that nobody asked for",
        JSON,
        b"{\"role\":\"admin\",\"status\":\"published\"}",
        &[400, 422],
    ),
    ("bad UTF-8", JSON, b"{\"name\":\"\xff\"}", &[400]),
    ("a lone surrogate", JSON, b"{\"name\":\"\\ud800\"}", &[400]),
    (
        "a number beyond all",
        JSON,
        b"{\"name\":1e999}",
        &[400, 422],
    ),
];

/// Who may submit by both ways, from an address of its own each time.
fn asked(number: usize, kind: &str, ask: Ask) -> Ask {
    let ask = ask.field("X-Forwarded-For", &format!("10.9.0.{}", number + 1));
    match kind {
        "" => ask,
        kind => ask.field("Content-Type", kind),
    }
}

fn is_nothing_made(site: &Site, what: &str, scripts: i64) {
    assert_eq!(site.count("scripts"), scripts, "{what}");
    assert_eq!(site.count("versions WHERE status = 'draft'"), 0, "{what}");
}

/// All that a script takes, but for what is told here.
fn good(name: &str) -> Vec<(&'static str, String)> {
    [
        ("name", name),
        ("title", "Odd"),
        ("summary", "What it does"),
        ("readme", "# Usage"),
        ("category", "misc"),
        ("language", "sh"),
        ("license", "MIT"),
        ("changelog", "First."),
        ("file_name", "odd.sh"),
        ("source", "#!/bin/sh\necho odd\n"),
    ]
    .map(|(field, text)| (field, text.to_owned()))
    .to_vec()
}

on_each! {
    fn odd_bodies_of_forms(site: &Site) {
        site.establish("author");
        let mut author = site.as_author();
        let token = author.open("/submit").token().unwrap();
        let scripts = site.count("scripts");
        for (number, (what, kind, body, right)) in TO_THE_FORM.iter().enumerate() {
            let ask = Ask::with_body("POST", "/submit", *body).field("X-CSRF-Token", &token);
            let page = author.try_ask(asked(number, kind, ask));
            assert!(right.contains(&page.status), "{what}: {page:?}");
            check_head(what, &page);
            check_html(what, &page, "en");
            is_nothing_made(site, what, scripts);
        }
    }

    fn odd_bodies_of_programs(site: &Site) {
        site.establish("author");
        let token = format!("Bearer {}", site.token("author", "submit"));
        let mut program = site.anyone();
        let scripts = site.count("scripts");
        for (number, (what, kind, body, right)) in TO_THE_API.iter().enumerate() {
            let ask = Ask::with_body("POST", API, *body).field("Authorization", &token);
            let page = program.try_ask(asked(number, kind, ask));
            assert!(right.contains(&page.status), "{what}: {page:?}");
            page.says("content-type", "application/problem+json");
            assert!(!page.json()["title"].as_str().unwrap().is_empty(), "{what}: {page:?}");
            is_nothing_made(site, what, scripts);
        }
    }

    /// What a database cannot hold is what it does not have, and no error of ours.
    fn names_and_numbers_that_no_column_holds(site: &Site) {
        let mut visitor = site.anyone();
        for path in ["/scripts/with-lock/9999999999", "/scripts/with-lock/99999999999999999999", "/s/with-lock/9999999999"] {
            visitor.get(path).is(404);
        }
        visitor.get("/sign-in").is(200);
        visitor.post("/sign-in", &[("alias", "a\0"), ("password", "x")]).is(422);
        let mut author = site.as_author();
        for field in ["category", "language"] {
            let mut all = good("odd");
            all.retain(|(known, _)| *known != field);
            all.push((field, "\0".to_owned()));
            let all: Vec<(&str, &str)> = all.iter().map(|(field, text)| (*field, text.as_str())).collect();
            author.post("/submit", &all).is(422).refuses(field);
        }
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        let edit = "/scripts/tidy/edit/";
        assert!(author.post(edit, &[("act", "place"), ("replaced_by", "\0")]).status < 500);
        let people = "/scripts/tidy/edit/people";
        author.post(people, &[("act", "invite"), ("alias", "\0")]).is(422).refuses("alias");
        let mut admin = site.as_admin();
        admin.get("/admin/accounts/?q=%00").is(200);
        assert!(admin.get("/editor/categories?edit=%00").status < 500);
    }

    fn a_field_that_lacks_or_comes_twice(site: &Site) {
        site.establish("author");
        let mut author = site.as_author();
        author.open("/submit");
        let scripts = site.count("scripts");
        for needed in ["name", "title", "summary", "category", "language", "license", "source"] {
            let all = good("odd");
            let rest: Vec<(&str, &str)> =
                all.iter().filter(|(field, _)| *field != needed).map(|(field, text)| (*field, text.as_str())).collect();
            let page = author.post("/submit", &rest);
            page.is(422).refuses(needed);
            is_nothing_made(site, needed, scripts);
        }
        // The same field twice: one of both is taken whole, and it is judged.
        for (field, other) in [("name", "../x"), ("title", ""), ("category", "no/such"), ("source", "\0")] {
            let mut all = good(&format!("twice-{field}"));
            all.insert(0, (field, other.to_owned()));
            let all: Vec<(&str, &str)> = all.iter().map(|(field, text)| (*field, text.as_str())).collect();
            author.post("/submit", &all).is(422).refuses(field);
            is_nothing_made(site, field, scripts);
        }
        let body = json!({ "name": "odd" });
        let token = site.token("author", "submit");
        let page = site.anyone().api("POST", API, &token, &body);
        let wrong = page.is(422).json();
        let fields: Vec<&str> =
            wrong["errors"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
        for needed in ["title", "category", "source"] {
            assert!(fields.contains(&needed), "{needed}: {wrong}");
        }
        is_nothing_made(site, "a name alone", scripts);
    }
}
