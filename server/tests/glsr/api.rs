//! The API against its own description, and who may do what with which token.

mod described;
mod schema;

use std::collections::BTreeSet;

use harmonious_db::Value as Of;
use schema::Document;
use serde_json::{Value, json};

use crate::common::*;

const OPENAPI: &str = "/api/openapi.json";
const SCRIPTS: &str = "/api/v1/scripts/";
const REVIEW: &str = "/api/v1/review/";

/// A token of an account, as the page for tokens keeps it.
fn token(site: &Site, alias: &str, scopes: &str) -> String {
    let token = format!("glsr_{alias}-{}", scopes.replace(' ', "-"));
    let sql = "INSERT INTO tokens (account_id, label, hash, prefix, scopes, created_at) \
               SELECT id, 'of a test', ?, 'glsr_xxx', ?, 0 FROM accounts WHERE alias = ?";
    let values: [Of; 3] = [sha256(token.as_bytes()).into(), scopes.into(), alias.into()];
    site.execute(sql, &values);
    token
}

/// What a new script needs.
fn new_script(name: &str) -> Value {
    json!({
        "name": name,
        "title": "Tidy a folder",
        "summary": "Sorts files by year.",
        "category": "misc",
        "language": "sh",
        "license": "MIT",
        "tags": ["files"],
        "needs": [{ "what": "coreutils" }, { "kind": "optional", "what": "pv", "versions": ">= 1" }],
        "applies_to": ["Linux"],
        "source": "#!/bin/sh\r\necho tidy\n",
        "file_name": "tidy.sh",
        "changelog": "First version.",
    })
}

on_each! {
    fn a_token_is_good_for_its_scopes_alone(site: &Site) {
        site.publish("tidy", "#!/bin/sh\n");
        let writes = [
            ("POST", SCRIPTS, "submit"),
            ("POST", "/api/v1/scripts/tidy/versions/", "submit"),
            ("PATCH", "/api/v1/scripts/tidy/", "edit"),
            ("PUT", "/api/v1/scripts/tidy/versions/1", "sign"),
            ("POST", "/api/v1/scripts/tidy/comments", "comment"),
            ("GET", "/api/v1/submissions/1", "submit"),
            ("POST", "/api/v1/submissions/1", "submit"),
            ("GET", REVIEW, "review"),
            ("GET", "/api/v1/review/1", "review"),
            ("POST", "/api/v1/review/1", "review"),
        ];
        let mut client = site.anyone();
        for (method, path, scope) in writes {
            let others: Vec<&str> = ["submit", "edit", "sign", "comment", "review"]
                .into_iter()
                .filter(|other| *other != scope)
                .collect();
            let body = if method == "GET" { Value::Null } else { json!({}) };
            client.api(method, path, "", &body).is(401).has("Bearer");
            let token = token(site, "author", &others.join(" "));
            let page = client.api(method, path, &token, &body);
            page.is(403).says("content-type", "application/problem+json");
            let challenge = page.header("www-authenticate").unwrap();
            assert!(challenge.ends_with(&format!("scope=\"{scope}\"")), "{challenge}");
            site.execute("DELETE FROM tokens", &[]);
        }
        // Who has no role reviews nothing, and scripts of others are not edited.
        let review = token(site, "author", "review");
        client.api("GET", REVIEW, &review, &Value::Null).is(403);
        let edit = token(site, "other", "edit");
        client.api("PATCH", "/api/v1/scripts/tidy/", &edit, &json!({ "title": "Mine" })).is(403);
        let sign = token(site, "other", "sign submit");
        client.api("PUT", "/api/v1/scripts/tidy/versions/1", &sign, &json!({ "signature": "" })).is(403);
        client.api("POST", "/api/v1/scripts/tidy/versions/", &sign, &json!({ "source": "x" })).is(403);
        assert_eq!(site.count("versions WHERE status = 'draft'"), 0);
    }

    fn a_session_opens_nothing_here(site: &Site) {
        let mut author = site.as_author();
        author.get("/api/v1/me").is(401);
        let body = new_script("tidy").to_string();
        let page = author.ask(Ask::post(SCRIPTS, "application/json", body));
        page.is(401).says("www-authenticate", "Bearer realm=\"glsr\"");
        assert_eq!(site.count("scripts WHERE name = 'tidy'"), 0);
        // Fresh scripts are seen with the token only, whoever is signed in.
        let token = token(site, "author", "submit");
        site.anyone().api("POST", SCRIPTS, &token, &new_script("tidy")).is(201);
        author.get("/api/v1/scripts/tidy/").is(404);
        site.anyone().api("GET", "/api/v1/scripts/tidy/", &token, &Value::Null).is(200);
    }

    fn tokens_are_made_shown_once_and_revoked(site: &Site) {
        let mut author = site.as_author();
        let page = "/account/tokens";
        site.anyone().get(page).is(401);
        author.post(page, &[("act", "make"), ("label", ""), ("days", "30")]).refuses("label").refuses("scopes");
        let wrong = [("act", "make"), ("label", "x"), ("days", "31"), ("scopes", "review")];
        author.post(page, &wrong).refuses("days").refuses("scopes");
        let mut form = author.open(page).form(page);
        form.set("label", "laptop <b>").set("scopes", "submit").set("days", "30").set("act", "make");
        let done = author.submit(&form);
        let shown = author.follow(&done);
        shown.has("laptop &lt;b&gt;");
        let at = shown.body.find("glsr_").unwrap();
        let token: String = shown.body[at..].chars().take(37).collect();
        let whole = |page: &Page| page.body.contains(&token);
        assert!(!whole(&author.open(page)), "it is shown once");
        let hash: String = site.value("SELECT hash FROM tokens WHERE label LIKE 'laptop%'", &[]);
        assert_eq!(hash, sha256(token.as_bytes()), "its hash is kept, and nothing else");
        let mut program = site.anyone();
        let me = program.api("GET", "/api/v1/me", &token, &Value::Null).is(200).json();
        assert_eq!((&me["alias"], &me["scopes"]), (&json!("author"), &json!(["submit"])));
        let used = "tokens WHERE used_at IS NOT NULL";
        eventually("its use is noted", || site.count(used) == 1);
        let id: i64 = site.value("SELECT id FROM tokens", &[]);
        // Not by somebody else.
        site.sign_in("other").post(page, &[("act", "revoke"), ("id", &id.to_string())]).is(404);
        program.api("GET", "/api/v1/me", &token, &Value::Null).is(200);
        author.post(page, &[("act", "revoke"), ("id", &id.to_string())]).is(303);
        let refused = program.api("GET", "/api/v1/me", &token, &Value::Null);
        refused.is(401).says("www-authenticate", "Bearer realm=\"glsr\", error=\"invalid_token\"");
        // Also where none is needed.
        program.api("GET", SCRIPTS, &token, &Value::Null).is(401);
    }

    fn tokens_end_with_their_time_and_their_account(site: &Site) {
        let mut program = site.anyone();
        let mut ask = |token: &str| program.api("GET", "/api/v1/me", token, &Value::Null).status;
        let good = token(site, "author", "submit");
        assert_eq!(ask(&good), 200);
        let end = "UPDATE tokens SET expires_at = ?";
        site.execute(end, &[(now() - 1).into()]);
        assert_eq!(ask(&good), 401);
        site.execute(end, &[(now() + 1000).into()]);
        assert_eq!(ask(&good), 200);
        site.execute("UPDATE accounts SET status = 'blocked' WHERE alias = 'author'", &[]);
        assert_eq!(ask(&good), 401);
        for none in ["glsr_", "glsr_x", "x", "", " "] {
            let field = format!("Bearer {none}");
            site.anyone().ask(Ask::get("/api/v1/me").field("Authorization", &field)).is(401);
        }
        let basic = Ask::get(SCRIPTS).field("Authorization", "Basic eDp4");
        site.anyone().ask(basic).is(401);
        // A password that somebody else chose has to be changed first.
        let other = token(site, "other", "submit");
        site.execute("UPDATE accounts SET must_change = TRUE WHERE alias = 'other'", &[]);
        site.anyone().api("POST", SCRIPTS, &other, &new_script("x")).is(403);
    }

    fn lists_go_on_where_they_stopped(site: &Site) {
        let old = now() - 1000;
        for n in 0..7 {
            // Some at the same moment.
            Script::new(&format!("many-{n}"), "#!/bin/sh\n").tags(&["many"]).at(old + n / 3).publish(site);
        }
        for (sort, column) in [("new", "published_at"), ("used", "downloads"), ("rated", "rating_score")] {
            let sql = format!("UPDATE scripts SET {column} = {column} + id % 2 WHERE name LIKE 'many-%'");
            site.execute(&sql, &[]);
            let mut names = Vec::new();
            let mut path = format!("{SCRIPTS}?tag=many&limit=2&sort={sort}");
            loop {
                let page = site.anyone().get(&path);
                let items = page.is(200).json()["items"].as_array().unwrap().clone();
                assert!((1..=2).contains(&items.len()));
                names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
                let Some(link) = page.header("link") else { break };
                path = link.split(['<', '>']).nth(1).unwrap().to_owned();
                // What is published meanwhile moves nobody to another page.
                site.publish(&format!("meanwhile-{sort}-{}", names.len()), "#!/bin/sh\n");
            }
            let unique: BTreeSet<_> = names.iter().collect();
            assert_eq!((names.len(), unique.len()), (7, 7), "{sort}: {names:?}");
        }
    }

    fn what_is_too_much_is_refused(site: &Site) {
        let token = token(site, "author", "submit");
        let mut program = site.anyone().from("10.1.0.1");
        let drop = json!({ "act": "drop" });
        let mut write = || program.api("POST", "/api/v1/submissions/1", &token, &drop);
        // One more each second: of a slow machine some more are taken.
        let mut taken = 0;
        let page = loop {
            let page = write();
            if page.status == 429 {
                break page;
            }
            page.is(404);
            taken += 1;
            assert!(taken < 1000, "there is no limit");
        };
        assert!(taken >= 60, "{taken}");
        page.is(429).says("content-type", "application/problem+json");
        let seconds: u64 = page.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        program.api("GET", "/api/v1/me", &token, &Value::Null).is(200);
        // The submissions of new accounts are counted as on the site.
        let other = token_of_other(site);
        for (n, status) in [(1, 201), (2, 201), (3, 201), (4, 429)] {
            let mut new = new_script(&format!("new-{n}"));
            new["submit"] = true.into();
            let page = program.api("POST", SCRIPTS, &other, &new);
            page.is(status);
        }
        assert_eq!(site.count("versions WHERE status IN ('draft', 'pending')"), 3);
    }

    fn any_site_may_read_and_caches_keep_nothing_that_is_somebodys(site: &Site) {
        let token = token(site, "author", "submit");
        let open = site.anyone().get(SCRIPTS);
        open.is(200).says("access-control-allow-origin", "*").says("cache-control", "no-cache");
        assert_eq!(open.header("access-control-allow-credentials"), None);
        assert_eq!(open.header("set-cookie"), None);
        let tag = open.header("etag").unwrap().to_owned();
        site.anyone().ask(Ask::get(SCRIPTS).field("If-None-Match", &tag)).is(304);
        let own = site.anyone().api("GET", "/api/v1/me", &token, &Value::Null);
        own.says("cache-control", "private, no-store");
        let written = site.anyone().api("POST", SCRIPTS, &token, &new_script("tidy"));
        written.is(201).says("cache-control", "no-store");
        assert_eq!(written.header("access-control-allow-origin"), None);
        for (accept, path, status) in [
            ("text/html", "/api/v1/nothing", 404),
            ("application/json", "/api/v1/nothing", 404),
            ("text/html", "/api/v1/scripts/nothing/", 404),
            ("*/*", "/api/v1/me", 401),
        ] {
            let page = site.anyone().ask(Ask::get(path).field("Accept", accept));
            page.is(status).says("content-type", "application/problem+json");
            assert_eq!(page.json()["status"], status);
        }
    }
}

fn token_of_other(site: &Site) -> String {
    token(site, "other", "submit")
}

#[test]
fn all_routes_are_described_and_nothing_else() {
    let site = source("");
    let text = succeed(binary::sites::run(&[
        "routes",
        "--json",
        site.to_str().unwrap(),
    ]));
    let routes: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut built = BTreeSet::new();
    for route in &routes {
        let pattern = route["pattern"].as_str().unwrap();
        if !pattern.starts_with("/api/") {
            continue;
        }
        let path = pattern
            .replace("=u64", "")
            .replace('[', "{")
            .replace(']', "}");
        for method in route["methods"].as_array().unwrap() {
            let method = method.as_str().unwrap();
            if !matches!(method, "HEAD" | "OPTIONS") {
                built.insert((method.to_owned(), path.clone()));
            }
        }
    }
    let text = std::fs::read_to_string(source("site/openapi.json")).unwrap();
    let document = Document(serde_json::from_str(&text).unwrap());
    assert_eq!(document.0["openapi"], "3.1.0");
    let operations = document.operations();
    let described: BTreeSet<_> = operations
        .iter()
        .map(|(method, path, _)| (method.clone(), path.clone()))
        .collect();
    assert_eq!(built, described);
    let ids: BTreeSet<_> = operations
        .iter()
        .map(|(_, _, one)| one["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), operations.len(), "each has a name of its own");
    // Each place in a path is a parameter, and each reference leads somewhere.
    for (path, item) in document.0["paths"].as_object().unwrap() {
        let places = path.matches('{').count();
        let named = item["parameters"].as_array().map_or(0, Vec::len);
        assert_eq!(places, named, "{path}");
    }
    references(&document, &document.0);
}

fn references(document: &Document, value: &Value) {
    document.resolved(value);
    match value {
        Value::Object(all) => all.values().for_each(|one| references(document, one)),
        Value::Array(all) => all.iter().for_each(|one| references(document, one)),
        _ => {}
    }
}
