//! Who may ask for which page: all of them. A page that is not in the table below fails the test.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::binary::sites::run;
use crate::common::*;

/// Who asks, by one letter: who is not signed in, a member, the owner of the script, a co-maintainer, a reviewer, an
/// editor, an administrator who is nothing else, and one who has all roles.
const VISITORS: [(char, &str); 8] = [
    ('a', ""),
    ('m', "reader"),
    ('w', "author"),
    ('c', "other"),
    ('r', "reviewer"),
    ('e', "editor"),
    ('k', "keeper"),
    ('d', "admin"),
];

const ALL: &str = "amwcrekd";
const MEMBERS: &str = "mwcrekd";
const MAINTAINERS: &str = "wc";
/// Votes are for others than those who maintain a script.
const OTHERS: &str = "mrekd";
const REVIEWERS: &str = "rd";
const EDITORS: &str = "ed";
const ADMINS: &str = "kd";
/// Who has a token; a session opens nothing there.
const TOKENS: &str = "";

/// All pages by their patterns, with their methods, and who may ask. What is open to a visitor may still be refused
/// for what was sent.
const TABLE: &[(&str, &str, &str)] = &[
    // For all.
    ("/", "GET", ALL),
    ("/about", "GET", ALL),
    ("/help", "GET", ALL),
    ("/search", "GET", ALL),
    ("/browse/", "GET", ALL),
    ("/browse/category/[...path]", "GET", ALL),
    ("/browse/language/[slug]", "GET", ALL),
    ("/browse/tag/[slug]", "GET", ALL),
    ("/tags", "GET", ALL),
    ("/languages", "GET", ALL),
    ("/authors/", "GET", ALL),
    ("/authors/[alias]", "GET", ALL),
    ("/news/", "GET", ALL),
    ("/news/[id=u64]", "GET", ALL),
    ("/feeds/[...what]", "GET", ALL),
    ("/log", "GET", ALL),
    ("/language", "POST", ALL),
    ("/robots.txt", "GET", ALL),
    ("/sitemap.xml", "GET", ALL),
    ("/opensearch.xml", "GET", ALL),
    ("/scripts/", "GET", ALL),
    ("/scripts/[name]/", "GET", ALL),
    ("/scripts/[name]/[number=u64]", "GET", ALL),
    ("/scripts/[name]/versions", "GET", ALL),
    ("/scripts/[name]/diff", "GET", ALL),
    ("/s/[name]", "GET", ALL),
    ("/s/[name]/[file]", "GET", ALL),
    ("/s/[name]/[number=u64]/meta.json", "GET", ALL),
    ("/sign-up", "GET", ALL),
    ("/sign-up", "POST", ALL),
    ("/sign-in", "GET", ALL),
    ("/sign-in", "POST", ALL),
    ("/sign-out", "POST", ALL),
    ("/reset", "GET", ALL),
    ("/reset", "POST", ALL),
    // For whoever is signed in.
    ("/scripts/[name]/comments", "GET", ALL),
    ("/scripts/[name]/comments", "POST", MEMBERS),
    ("/scripts/[name]/rate", "POST", OTHERS),
    ("/scripts/[name]/flag", "GET", MEMBERS),
    ("/scripts/[name]/flag", "POST", MEMBERS),
    ("/submit", "GET", MEMBERS),
    ("/submit", "POST", MEMBERS),
    ("/account/", "GET", MEMBERS),
    ("/account/", "POST", MEMBERS),
    ("/account/profile", "GET", MEMBERS),
    ("/account/profile", "POST", MEMBERS),
    ("/account/password", "GET", MEMBERS),
    ("/account/password", "POST", MEMBERS),
    ("/account/keys", "GET", MEMBERS),
    ("/account/keys", "POST", MEMBERS),
    ("/account/tokens", "GET", MEMBERS),
    ("/account/tokens", "POST", MEMBERS),
    ("/account/sessions", "GET", MEMBERS),
    ("/account/sessions", "POST", MEMBERS),
    ("/account/delete", "GET", MEMBERS),
    ("/account/delete", "POST", MEMBERS),
    // For those who maintain a script.
    ("/scripts/[name]/edit/", "GET", MAINTAINERS),
    ("/scripts/[name]/edit/", "POST", MAINTAINERS),
    ("/scripts/[name]/edit/version", "GET", MAINTAINERS),
    ("/scripts/[name]/edit/version", "POST", MAINTAINERS),
    ("/scripts/[name]/edit/draft/[id=u64]", "GET", MAINTAINERS),
    ("/scripts/[name]/edit/draft/[id=u64]", "POST", MAINTAINERS),
    ("/scripts/[name]/edit/sign", "GET", MAINTAINERS),
    ("/scripts/[name]/edit/sign", "POST", MAINTAINERS),
    ("/scripts/[name]/edit/people", "GET", MAINTAINERS),
    ("/scripts/[name]/edit/people", "POST", MAINTAINERS),
    // For reviewers.
    ("/review/", "GET", REVIEWERS),
    ("/review/[id=u64]", "GET", REVIEWERS),
    ("/review/[id=u64]", "POST", REVIEWERS),
    ("/review/flags/[id=u64]", "GET", REVIEWERS),
    ("/review/flags/[id=u64]", "POST", REVIEWERS),
    ("/review/appeals/[id=u64]", "GET", REVIEWERS),
    ("/review/appeals/[id=u64]", "POST", REVIEWERS),
    ("/review/talk", "POST", REVIEWERS),
    // For editors.
    ("/editor/news", "GET", EDITORS),
    ("/editor/news", "POST", EDITORS),
    ("/editor/categories", "GET", EDITORS),
    ("/editor/categories", "POST", EDITORS),
    ("/editor/languages", "GET", EDITORS),
    ("/editor/languages", "POST", EDITORS),
    ("/editor/pins", "GET", EDITORS),
    ("/editor/pins", "POST", EDITORS),
    // For administrators.
    ("/admin/", "GET", ADMINS),
    ("/admin/accounts/", "GET", ADMINS),
    ("/admin/accounts/[id=u64]", "GET", ADMINS),
    ("/admin/accounts/[id=u64]", "POST", ADMINS),
    ("/admin/limits", "GET", ADMINS),
    ("/admin/limits", "POST", ADMINS),
    ("/admin/errors", "GET", ADMINS),
    ("/admin/online", "GET", ADMINS),
    ("/admin/online", "POST", ADMINS),
    // For programs.
    ("/api/openapi.json", "GET", ALL),
    ("/api/v1/scripts/", "GET", ALL),
    ("/api/v1/scripts/", "POST", TOKENS),
    ("/api/v1/scripts/[name]/", "GET", ALL),
    ("/api/v1/scripts/[name]/", "PATCH", TOKENS),
    ("/api/v1/scripts/[name]/versions/", "GET", ALL),
    ("/api/v1/scripts/[name]/versions/", "POST", TOKENS),
    ("/api/v1/scripts/[name]/versions/[number=u64]", "GET", ALL),
    (
        "/api/v1/scripts/[name]/versions/[number=u64]",
        "PUT",
        TOKENS,
    ),
    ("/api/v1/scripts/[name]/comments", "GET", ALL),
    ("/api/v1/scripts/[name]/comments", "POST", TOKENS),
    ("/api/v1/me", "GET", TOKENS),
    ("/api/v1/submissions/[id=u64]", "GET", TOKENS),
    ("/api/v1/submissions/[id=u64]", "POST", TOKENS),
    ("/api/v1/review/", "GET", TOKENS),
    ("/api/v1/review/[id=u64]", "GET", TOKENS),
    ("/api/v1/review/[id=u64]", "POST", TOKENS),
];

/// The pages that the site has, with their methods: what `harmonious routes --json` says.
fn routes(site: &Site) -> Vec<(String, String)> {
    let output = run(&["routes", "--json", site.dir().to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut routes = Vec::new();
    for route in all.as_array().unwrap() {
        for method in route["methods"].as_array().unwrap() {
            let (pattern, method) = (route["pattern"].as_str().unwrap(), method.as_str().unwrap());
            // The one goes with GET, the other one with all.
            if !["HEAD", "OPTIONS"].contains(&method) {
                routes.push((pattern.to_owned(), method.to_owned()));
            }
        }
    }
    routes
}

/// An address of that pattern which leads to something.
fn address(pattern: &str) -> String {
    let values = [
        ("[name]", "tidy"),
        ("[number=u64]", "1"),
        ("[id=u64]", "1"),
        ("[alias]", "author"),
        ("[slug]", "sh"),
        ("[file]", "1.sha256"),
        ("[...path]", "misc"),
        ("[...what]", "site.atom"),
    ];
    let mut address = pattern.to_owned();
    for (name, value) in values {
        address = address.replace(name, value);
    }
    assert!(
        !address.contains('['),
        "{pattern}: a value for what is in brackets"
    );
    address
}

/// A site with a script of `author`, whom `other` helps.
fn with_script(site: &Site) {
    site.publish("tidy", "#!/bin/sh\necho tidy\n");
    let sql = "INSERT INTO maintainers (script_id, account_id, since, accepted_at) \
               SELECT s.id, a.id, 1, 1 FROM scripts s, accounts a WHERE s.name = 'tidy' AND a.alias = 'other'";
    site.execute(sql, &[]);
}

fn ask(client: &mut Client, method: &str, path: &str) -> u16 {
    match method {
        "GET" => client.get(path).status,
        "POST" if !path.starts_with("/api/") => client.post(path, &[]).status,
        method => {
            let body = Ask::with_body(method, path, "{}");
            client
                .ask(body.field("Content-Type", "application/json"))
                .status
        }
    }
}

on_each! {
    /// Each page opens to those of the table and to nobody else: 401 for who is not signed in, 403 for the others.
    fn each_page_is_for_those_it_is_for(site: &Site) {
        with_script(site);
        let routes = routes(site);
        let listed: BTreeSet<(&str, &str)> = TABLE.iter().map(|row| (row.0, row.1)).collect();
        assert_eq!(listed.len(), TABLE.len(), "a page stands twice in the table");
        for (pattern, method) in &routes {
            let is_listed = listed.contains(&(pattern.as_str(), method.as_str()));
            assert!(is_listed, "{method} {pattern} is not in the table: say who may ask for it");
        }
        for (pattern, method) in &listed {
            let is_there = routes.iter().any(|route| route.0 == *pattern && route.1 == *method);
            assert!(is_there, "{method} {pattern} is in the table, and no page of the site");
        }
        let mut wrong = Vec::new();
        for (letter, alias) in VISITORS {
            let mut client = site.anyone().from(&format!("10.1.0.{}", u32::from(letter)));
            if !alias.is_empty() {
                client.sign_in(alias, PASSWORD);
            }
            // Last what ends the session.
            let (last, first): (Vec<_>, Vec<_>) = routes.iter().partition(|route| route.0 == "/sign-out");
            for (pattern, method) in first.into_iter().chain(last) {
                let (_, _, who) = TABLE.iter().find(|row| row.0 == pattern && row.1 == method).unwrap();
                let status = ask(&mut client, method, &address(pattern));
                let expected = match (who.contains(letter), letter) {
                    (true, _) => ![401, 403].contains(&status),
                    (false, 'a') => status == 401,
                    (false, _) if *who == TOKENS => status == 401,
                    (false, _) => status == 403,
                };
                if !expected {
                    wrong.push(format!("{method} {pattern} as {alias:?}: {status}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// What was not there is as closed as what is: below a folder nobody learns which numbers exist.
    fn closed_folders_tell_nothing(site: &Site) {
        let mut reader = site.sign_in("reader");
        for path in ["/review/999999", "/review/nothing", "/admin/accounts/999999", "/admin/x/y", "/editor/x"] {
            reader.get(path).is(403);
            site.anyone().get(path).is(401);
        }
        let mut admin = site.as_admin();
        for path in ["/review/999999", "/review/nothing", "/admin/accounts/999999", "/admin/x/y", "/editor/x"] {
            admin.get(path).is(404);
        }
    }

    /// Who loses a role has lost it at the next request, in sessions that are open too.
    fn roles_are_asked_for_each_time(site: &Site) {
        let mut admin = site.as_admin();
        admin.get("/admin/").is(200);
        site.execute("UPDATE accounts SET roles = 1 WHERE alias = 'admin'", &[]);
        admin.get("/admin/").is(403);
        admin.get("/review/").is(200);
        site.execute("UPDATE accounts SET status = 'blocked' WHERE alias = 'admin'", &[]);
        admin.get("/review/").is(401);
    }
}
