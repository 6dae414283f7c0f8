//! One program that goes all ways there are: each answer is compared with the description.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::schema::Document;
use super::{OPENAPI, REVIEW, SCRIPTS, new_script, token};
use crate::common::*;

const ONE: &str = "/api/v1/scripts/{name}/";
const VERSIONS: &str = "/api/v1/scripts/{name}/versions/";
const VERSION: &str = "/api/v1/scripts/{name}/versions/{number}";
const COMMENTS: &str = "/api/v1/scripts/{name}/comments";
const SUBMISSION: &str = "/api/v1/submissions/{id}";
const REVIEWED: &str = "/api/v1/review/{id}";

/// A program that keeps to the description: each answer is compared with it.
struct Program<'s> {
    document: Document,
    site: &'s Site,
    /// Methods, paths and statuses that were answered.
    seen: BTreeSet<(String, String, String)>,
}

impl Program<'_> {
    fn new(site: &Site) -> Program<'_> {
        let page = site.anyone().get(OPENAPI);
        page.is(200).says("content-type", "application/json");
        Program {
            document: Document(page.json()),
            site,
            seen: BTreeSet::new(),
        }
    }

    /// Asks for a path with its places filled in (`{name}`) and a query behind it, and compares what was sent, if it
    /// was taken, and what is answered with the description.
    #[track_caller]
    fn ask(
        &mut self,
        (method, path, filled): (&str, &str, &str),
        token: &str,
        body: Value,
        status: u16,
    ) -> Page {
        let page = self.site.anyone().api(method, filled, token, &body);
        assert_eq!(page.status, status, "{method} {filled}: {page:?}");
        let operation = self.document.operation(method, path);
        let described = &operation["responses"][status.to_string()];
        assert!(
            described.is_object(),
            "{method} {path}: {status} is not described: {page:?}"
        );
        let described = self.document.resolved(described);
        match described.get("content").and_then(Value::as_object) {
            None => assert_eq!(page.body, ""),
            Some(content) => {
                let (kind, content) = content.iter().next().unwrap();
                page.says("content-type", kind);
                let wrong = self.document.wrong(&content["schema"], &page.json());
                assert_eq!(wrong, [] as [&str; 0], "{method} {filled}: {page:?}");
            }
        }
        for (field, _) in described
            .get("headers")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let optional = field == "Link";
            assert!(
                optional || page.header(field).is_some(),
                "no {field}: {page:?}"
            );
        }
        let sent = &operation["requestBody"]["content"]["application/json"]["schema"];
        if status < 300 && !sent.is_null() {
            let wrong = self.document.wrong(sent, &body);
            assert_eq!(
                wrong,
                [] as [&str; 0],
                "{method} {path} takes what it does not describe"
            );
        }
        self.seen
            .insert((method.to_owned(), path.to_owned(), status.to_string()));
        page
    }

    #[track_caller]
    fn get(&mut self, path: &str, filled: &str, token: &str, status: u16) -> Page {
        self.ask(("GET", path, filled), token, Value::Null, status)
    }
}

on_each! {
    fn each_operation_answers_as_described(site: &Site) {
        site.establish("author");
        let author = token(site, "author", "submit edit sign comment");
        let reviewer = token(site, "reviewer", "review");
        let mut program = Program::new(site);
        let me = program.get("/api/v1/me", "/api/v1/me", &reviewer, 200).json();
        assert_eq!((&me["alias"], &me["roles"]), (&json!("reviewer"), &json!(["reviewer"])));
        assert_eq!(me["scopes"], json!(["review"]));
        publish(&mut program, &author, &reviewer);
        let one = program.get(ONE, "/api/v1/scripts/tidy/", "", 200).json();
        assert_eq!(one["latest"]["sha256"], json!(sha256(b"#!/bin/sh\r\necho tidy\n")));
        assert_eq!(one["needs"][1], json!({ "kind": "optional", "what": "pv", "versions": ">= 1", "script": null }));
        let raw = site.anyone().get("/s/tidy/1");
        assert_eq!(raw.is(200).body, "#!/bin/sh\r\necho tidy\n");

        // A second version, signed; drafts come and go.
        let path = "/api/v1/scripts/tidy/versions/";
        let text = std::fs::read_to_string(source("site/fixtures/sign/script.sh")).unwrap();
        let new = json!({ "source": text, "changelog": "Second.", "label": "2.0", "submit": true, "urgent": true });
        let made = program.ask(("POST", VERSIONS, path), &author, new, 201);
        assert_eq!((&made.json()["status"], &made.json()["urgent"]), (&json!("pending"), &json!(true)));
        let review = made.header("location").unwrap().replace("submissions", "review");
        let seen = program.get(REVIEWED, &review, &reviewer, 200).json()["seen"].clone();
        let approve = json!({ "decision": "approve", "reason": "Good", "seen": seen });
        program.ask(("POST", REVIEWED, &review), &reviewer, approve, 200);
        let draft = program.ask(("POST", VERSIONS, path), &author, json!({ "source": "#!/bin/sh\n" }), 201);
        let place = draft.header("location").unwrap().to_owned();
        program.ask(("POST", SUBMISSION, &place), &author, json!({ "act": "drop" }), 204);
        program.get(SUBMISSION, &place, &author, 404);
        let page = program.get(VERSIONS, &format!("{path}?limit=1"), "", 200);
        assert_eq!((&page.json()["items"][0]["number"], &page.json()["next"]), (&json!(2), &json!("2")));
        let link = page.header("link").unwrap();
        assert_eq!(link, "</api/v1/scripts/tidy/versions/?limit=1&cursor=2>; rel=\"next\"");
        let last = program.get(VERSIONS, &format!("{path}?limit=1&cursor=2"), "", 200).json();
        assert_eq!((&last["items"][0]["number"], &last["next"]), (&json!(1), &json!(null)));
        signs(&mut program, &author);

        // What is said about it.
        let edit = json!({ "summary": "Sorts files by month.", "tags": ["files", "Order"], "homepage": "" });
        let page = program.ask(("PATCH", ONE, "/api/v1/scripts/tidy/"), &author, edit, 200).json();
        assert_eq!((&page["summary"], &page["tags"]), (&json!("Sorts files by month."), &json!(["files", "order"])));
        assert_eq!(page["title"], "Tidy a folder", "what is left out stays");
        comments(&mut program, &author);
        lists(&mut program);
        refusals(&mut program, &author);

        program.get(OPENAPI, OPENAPI, "", 200);
        let described: BTreeSet<_> = program
            .document
            .operations()
            .into_iter()
            .flat_map(|(method, path, operation)| {
                let done = operation["responses"].as_object().unwrap().keys().filter(|status| status.starts_with('2'));
                done.map(move |status| (method.clone(), path.clone(), status.clone())).collect::<Vec<_>>()
            })
            .collect();
        let missing: Vec<_> = described.difference(&program.seen).collect();
        assert!(missing.is_empty(), "described and never seen: {missing:?}");
    }
}

/// From a draft to the published version, by two programs.
fn publish(program: &mut Program<'_>, author: &str, reviewer: &str) {
    let made = program.ask(("POST", SCRIPTS, SCRIPTS), author, new_script("tidy"), 201);
    let place = made.header("location").unwrap().to_owned();
    let id = made.json()["id"].as_i64().unwrap();
    assert_eq!(place, format!("/api/v1/submissions/{id}"));
    assert_eq!(made.json()["status"], "draft");
    let review = format!("{REVIEW}{id}");
    program.get(SUBMISSION, &place, author, 200);
    program.get(REVIEWED, &review, reviewer, 404); // a draft is nobody else's business
    program.get(ONE, "/api/v1/scripts/tidy/", "", 404);
    program.get(ONE, "/api/v1/scripts/tidy/", author, 200);
    let act = |act: &str| json!({ "act": act });
    for (order, status) in [
        ("submit", "pending"),
        ("take-back", "draft"),
        ("submit", "pending"),
    ] {
        let page = program.ask(("POST", SUBMISSION, &place), author, act(order), 200);
        assert_eq!(page.json()["status"], status);
    }
    program.ask(("POST", SUBMISSION, &place), author, act("drop"), 409);
    let queue = program.get(REVIEW, REVIEW, reviewer, 200).json();
    assert_eq!(
        (&queue["pending"][0]["id"], &queue["pending"][0]["script"]),
        (&json!(id), &json!("tidy"))
    );
    let seen = program.get(REVIEWED, &review, reviewer, 200).json();
    assert_eq!(
        seen["text"], "#!/bin/sh\r\necho tidy\n",
        "every byte is kept"
    );
    assert!(
        seen["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["checker"] == "crlf"),
        "{seen}"
    );
    // Without a reason nobody is refused.
    let refuse = json!({ "decision": "refuse", "seen": seen["seen"] });
    let page = program.ask(("POST", REVIEWED, &review), reviewer, refuse, 422);
    assert_eq!(page.json()["errors"][0]["field"], "reason");
    let refuse =
        json!({ "decision": "refuse", "reason": "Line ends of Windows", "seen": seen["seen"] });
    program.ask(("POST", REVIEWED, &review), reviewer, refuse.clone(), 200);
    program.ask(("POST", REVIEWED, &review), reviewer, refuse, 409);
    let page = program.get(SUBMISSION, &place, author, 200);
    assert_eq!(
        (&page.json()["status"], &page.json()["reason"]),
        (&json!("refused"), &json!("Line ends of Windows"))
    );
    let again = program.ask(("POST", SUBMISSION, &place), author, act("try-again"), 201);
    let place = again.header("location").unwrap().to_owned();
    program.ask(("POST", SUBMISSION, &place), author, act("submit"), 200);
    let review = place.replace("submissions", "review");
    let seen = program.get(REVIEWED, &review, reviewer, 200).json()["seen"].clone();
    let approve = json!({ "decision": "approve", "seen": seen });
    let page = program.ask(("POST", REVIEWED, &review), reviewer, approve, 200);
    assert_eq!(
        (&page.json()["status"], &page.json()["number"]),
        (&json!("published"), &json!(1))
    );
}

/// Puts a signature beside version 2, which is the file of the fixtures.
fn signs(program: &mut Program<'_>, author: &str) {
    let site = program.site;
    let read = |name: &str| {
        std::fs::read_to_string(source(&format!("site/fixtures/sign/{name}"))).unwrap()
    };
    let key = read("one.pub").lines().nth(1).unwrap().to_owned();
    let sql = "INSERT INTO signing_keys (account_id, key_id, public_key, label, created_at) VALUES (?, ?, ?, '', 0)";
    let path = "/api/v1/scripts/tidy/versions/2";
    let sign = |name: &str| json!({ "signature": read(name) });
    let put = ("PUT", VERSION, path);
    // By nobody's key.
    program.ask(put, author, sign("good.minisig"), 422);
    let id = site.id_of("author");
    site.execute(
        sql,
        &[id.into(), "3D4BE4AFA6250702".into(), key.as_str().into()],
    );
    for bad in [
        "other-file.minisig",
        "other-key.minisig",
        "other-comment.minisig",
        "cut.minisig",
    ] {
        let page = program.ask(put, author, sign(bad), 422);
        assert_eq!(page.json()["errors"][0]["field"], "signature", "{bad}");
    }
    program.get(VERSION, path, "", 200);
    site.anyone().get("/s/tidy/2.minisig").is(404);
    let page = program.ask(put, author, sign("good.minisig"), 200);
    assert_eq!(page.json()["signing_key"], json!(key));
    assert_eq!(
        site.anyone().get("/s/tidy/2.minisig").body,
        read("good.minisig")
    );
    program.ask(
        ("PUT", VERSION, "/api/v1/scripts/tidy/versions/1"),
        author,
        sign("good.minisig"),
        422,
    );
    program.ask(
        ("PUT", VERSION, "/api/v1/scripts/tidy/versions/9"),
        author,
        sign("good.minisig"),
        404,
    );
    let close = "UPDATE versions SET status = 'withdrawn' WHERE number = 1 AND script_id = \
                 (SELECT id FROM scripts WHERE name = 'tidy')";
    site.execute(close, &[]);
    program.ask(
        ("PUT", VERSION, "/api/v1/scripts/tidy/versions/1"),
        author,
        sign("good.minisig"),
        410,
    );
    let gone = program
        .get(VERSION, "/api/v1/scripts/tidy/versions/1", "", 200)
        .json();
    assert_eq!(
        (&gone["status"], &gone["raw"]),
        (&json!("withdrawn"), &json!(null))
    );
}

/// Comments, of which the first ones are written on the site.
fn comments(program: &mut Program<'_>, author: &str) {
    let site = program.site;
    let path = "/api/v1/scripts/tidy/comments";
    let say = |body: &str| json!({ "body": body, "number": 2 });
    program.ask(("POST", COMMENTS, path), author, say("Too early"), 403);
    let sql = "INSERT INTO comments (script_id, account_id, author_name, subject, body, status, created_at) \
               SELECT s.id, s.owner_id, 'author', '', ?, 'shown', 5 FROM scripts s WHERE s.name = 'tidy'";
    for n in ["one", "two", "three"] {
        site.execute(sql, &[n.into()]);
    }
    let said = program
        .ask(("POST", COMMENTS, path), author, say("**Four**"), 201)
        .json();
    assert_eq!(
        (&said["body"], &said["status"], &said["number"]),
        (&json!("**Four**"), &json!("shown"), &json!(2))
    );
    for bad in [
        json!({}),
        json!({ "body": " " }),
        json!({ "body": "x", "number": 7 }),
        json!({ "body": "a\u{202e}" }),
    ] {
        let page = program.ask(("POST", COMMENTS, path), author, bad, 422);
        assert_eq!(page.json()["errors"].as_array().unwrap().len(), 1);
    }
    let page = program
        .get(COMMENTS, &format!("{path}?limit=3"), "", 200)
        .json();
    let next = page["next"].as_str().unwrap();
    let rest = program
        .get(COMMENTS, &format!("{path}?limit=3&cursor={next}"), "", 200)
        .json();
    let all = [
        page["items"].as_array().unwrap().as_slice(),
        rest["items"].as_array().unwrap(),
    ]
    .concat();
    let bodies: Vec<&str> = all
        .iter()
        .map(|one| one["body"].as_str().unwrap())
        .collect();
    assert_eq!(bodies, ["one", "two", "three", "**Four**"]);
}

/// Searches and filters.
fn lists(program: &mut Program<'_>) {
    let mut names = |query: &str| -> Vec<String> {
        let page = program
            .get(SCRIPTS, &format!("{SCRIPTS}?{query}"), "", 200)
            .json();
        let items = page["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("q=month&language=sh&author=author"), ["tidy"]);
    assert_eq!(names("author=author&tag=order"), ["tidy"]);
    assert_eq!(names("author=nobody"), [] as [&str; 0]);
    assert!(names("sort=rated&limit=100").len() > 10);
    let first = names("q=echo&limit=1");
    let second = names("q=echo&limit=1&cursor=p2");
    assert_ne!(first, second);
    // Far beyond what columns hold.
    let far = i64::MAX;
    for sort in ["new", "used", "rated"] {
        program.get(
            SCRIPTS,
            &format!("{SCRIPTS}?sort={sort}&cursor={far}.{far}"),
            "",
            200,
        );
    }
    let versions = format!("/api/v1/scripts/tidy/versions/?cursor={far}");
    program.get(VERSIONS, &versions, "", 400);
    let version = format!("/api/v1/scripts/tidy/versions/{far}");
    program.get(VERSION, &version, "", 404);
    for bad in [
        "limit=0",
        "limit=101",
        "limit=x",
        "sort=size",
        "cursor=x",
        "q=echo&cursor=1.2",
        "q=echo&cursor=p99",
    ] {
        program.get(SCRIPTS, &format!("{SCRIPTS}?{bad}"), "", 400);
    }
}

/// What is refused says why, and nothing is kept of it.
fn refusals(program: &mut Program<'_>, author: &str) {
    let before = program.site.count("versions");
    let with = |name: &str, value: Value| {
        let mut new = new_script("another");
        new[name] = value;
        new
    };
    for (field, value) in [
        ("name", json!("tidy")),
        ("name", json!("../x")),
        ("title", json!("")),
        ("category", json!("none")),
        ("language", json!("none")),
        ("license", json!("Beer")),
        ("homepage", json!("javascript:alert(1)")),
        (
            "tags",
            json!((0..13).map(|n| format!("t{n}")).collect::<Vec<_>>()),
        ),
        ("source", json!("")),
        ("source", json!("a\u{0}b")),
        ("label", json!("x".repeat(41))),
        ("changelog", json!("a\u{202e}b")),
    ] {
        let page = program.ask(("POST", SCRIPTS, SCRIPTS), author, with(field, value), 422);
        let errors = page.json()["errors"].clone();
        assert_eq!(errors[0]["field"], json!(field), "{errors}");
        assert_ne!(
            errors[0]["detail"],
            json!(format!("wrong.{}", errors[0]["key"].as_str().unwrap()))
        );
    }
    for shape in [
        json!([]),
        json!("x"),
        with("titel", json!("x")),
        with("tags", json!("x")),
        with("needs", json!([{}])),
    ] {
        let page = program.ask(("POST", SCRIPTS, SCRIPTS), author, shape, 422);
        assert_eq!(page.json()["errors"], json!(null));
    }
    let rename = json!({ "name": "other" });
    program.ask(("PATCH", ONE, "/api/v1/scripts/tidy/"), author, rename, 422);
    let mut client = program.site.anyone();
    let post = |kind: &str, body: &str| {
        let ask = Ask::post(SCRIPTS, kind, body);
        ask.field("Authorization", &format!("Bearer {author}"))
    };
    client
        .ask(post("application/json", "{"))
        .is(400)
        .says("content-type", "application/problem+json");
    client
        .ask(post("text/plain", "{}"))
        .is(415)
        .says("content-type", "application/problem+json");
    let large = format!("{{\"source\": \"{}\"}}", "x".repeat(1_100_000));
    client
        .ask(post("application/json", &large))
        .is(413)
        .says("content-type", "application/problem+json");
    client
        .ask(post(
            "application/json",
            &new_script("x")
                .to_string()
                .replace("echo", &"x".repeat(300_000)),
        ))
        .is(422);
    assert_eq!(program.site.count("versions"), before);
}
