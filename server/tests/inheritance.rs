//! Parents through the real binary: which hooks run for which request, in which order, and whose
//! methods and exports are used. The fixture shows in `x-chain` what ran.

mod common;

use std::fs;

use common::ask::Ask;
use common::sites::{built, own, serve};
use common::{Answer, Server};
use serde_json::{Value, json};

fn start() -> Server {
    serve(&[&built("inheritance")], &[])
}

/// What ran, one after the other.
#[track_caller]
fn chain(answer: &Answer) -> &str {
    answer
        .header("x-chain")
        .unwrap_or_else(|| panic!("no chain: {answer:?}"))
}

/// `guard` of all these, root to leaf, then `before`, then that, then `after`, leaf to root.
fn onion(levels: &[&str], inside: &str) -> String {
    let hooks = |hook: &str, levels: &mut dyn Iterator<Item = &&str>| -> Vec<String> {
        levels.map(|level| format!("{hook} {level}")).collect()
    };
    let inside = (!inside.is_empty()).then(|| inside.to_owned());
    let inward = [
        hooks("guard", &mut levels.iter()),
        hooks("before", &mut levels.iter()),
    ]
    .concat();
    let outward = hooks("after", &mut levels.iter().rev());
    inward
        .into_iter()
        .chain(inside)
        .chain(outward)
        .collect::<Vec<_>>()
        .join(", ")
}

const LEAF: [&str; 4] = ["root", "a", "a/b", "leaf"];

#[test]
fn guards_run_before_all_else_and_each_hook_around_those_below() {
    let server = start();
    for (path, levels, inside) in [
        ("/", &["root"][..], "get index"),
        ("/a/", &["root", "a"], "get a/index"),
        ("/a/b/leaf", &LEAF, "get leaf"),
        ("/a/b/plain", &LEAF[..3], ""),
    ] {
        let answer = Ask::get(path).to(&server);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert_eq!(chain(&answer), onion(levels, inside), "{path}");
        let head = Ask::new("HEAD", path).to(&server);
        assert_eq!(chain(&head), onion(levels, inside), "HEAD {path}");
    }
}

#[test]
fn the_same_hooks_run_for_what_is_not_found_not_allowed_or_asked_about() {
    let server = start();
    let rest = ["root", "a", "a/b", "rest"];
    for (method, path, status, levels, inside) in [
        ("PUT", "/a/b/leaf", 405, &LEAF[..], ""),
        ("OPTIONS", "/a/b/leaf", 204, &LEAF, ""),
        ("POST", "/a/b/plain", 405, &LEAF[..3], ""),
        ("OPTIONS", "/a/b/plain", 204, &LEAF[..3], ""),
        // The domain that the URL leads into counts, not that of the rest.
        ("GET", "/a/b/none", 404, &rest, "get rest"),
        ("GET", "/a/b/none/", 404, &rest, "get rest"),
        ("GET", "/a/b/rest", 200, &rest, "get rest"),
        ("GET", "/a/b/leaf/below/rest", 200, &rest, "get rest"),
        ("PUT", "/a/b/rest", 405, &rest, ""),
        ("GET", "/none", 404, &["root", "rest"], "get rest"),
    ] {
        let answer = Ask::new(method, path).to(&server);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert_eq!(chain(&answer), onion(levels, inside), "{method} {path}");
    }
}

#[test]
fn a_method_that_nobody_knows_comes_to_no_module() {
    for path in ["/a/b/leaf", "/secure/page", "/none"] {
        let answer = Ask::new("BREW", path).to(&start());
        assert_eq!(
            (answer.status, answer.header("x-chain")),
            (501, None),
            "{path}"
        );
    }
}

#[test]
fn a_guard_that_fails_is_the_end_and_its_own_after_still_runs() {
    let server = start();
    for (path, status) in [("/a/b/leaf", 418), ("/a/b/none", 418), ("/a/b/plain", 418)] {
        for method in ["GET", "PUT", "OPTIONS", "HEAD"] {
            let answer = Ask::new(method, path)
                .field("X-Fail", "guard a")
                .to(&server);
            assert_eq!(answer.status, status, "{method} {path}");
            assert_eq!(
                chain(&answer),
                "guard root, guard a, after a, after root",
                "{method} {path}"
            );
        }
    }
    let answer = Ask::get("/a/b/leaf").field("X-Fail", "guard a").to(&server);
    assert_eq!(answer.body.trim_end(), "418 guard a fails at root");
}

#[test]
fn a_before_that_fails_or_answers_keeps_the_handler_from_running() {
    let server = start();
    let guards = "guard root, guard a, guard a/b, guard leaf, before root, before a";
    let afters = "after leaf, after a/b, after a, after root";
    let failed = Ask::get("/a/b/leaf")
        .field("X-Fail", "before a")
        .to(&server);
    assert_eq!(
        (failed.status, chain(&failed)),
        (418, format!("{guards}, {afters}").as_str())
    );
    let answered = Ask::get("/a/b/leaf").field("X-Answer", "a").to(&server);
    assert_eq!(answered.told(), (200, "answer of a"));
    assert_eq!(chain(&answered), format!("{guards}, {afters}"));
}

#[test]
fn after_runs_for_errors_and_may_fail_itself() {
    let server = start();
    let handler = Ask::get("/outside")
        .field("Cookie", "who=ann")
        .field("X-Fail", "get outside");
    let handler = handler.to(&server);
    assert_eq!(handler.status, 418);
    assert_eq!(chain(&handler), onion(&["root", "auth"], "get outside"));
    let after = Ask::get("/a/b/leaf").field("X-Fail", "after a").to(&server);
    assert_eq!(
        (after.status, after.body.trim_end()),
        (418, "418 after a fails at root")
    );
    assert_eq!(chain(&after), onion(&LEAF, "get leaf"));
}

#[test]
fn a_named_parent_is_looked_up_from_the_modules_domain_upward() {
    let server = start();
    for path in ["/secure/page", "/secure/deep/page", "/outside"] {
        let stranger = Ask::get(path).to(&server);
        assert_eq!(stranger.status, 401, "{path}");
        let expected = "guard root, guard auth, after auth, after root";
        assert_eq!(chain(&stranger), expected, "{path}");
        // The root's own page, which has nothing of that parent.
        assert_eq!(stranger.body.trim_end(), "401 sign in first at root");
    }
    let both = ["root", "auth", "secure/auth"];
    for (path, levels, inside) in [
        ("/secure/page", &both[..], "get secure/page"),
        // From within /secure/_auth.rs, "auth" is the next one further up.
        ("/secure/deep/page", &both, "get deep"),
        ("/outside", &both[..2], "get outside"),
    ] {
        let answer = Ask::get(path).field("Cookie", "who=ann").to(&server);
        assert_eq!(
            (answer.status, chain(&answer)),
            (200, onion(levels, inside).as_str()),
            "{path}"
        );
    }
}

#[test]
fn a_parent_that_is_reached_twice_runs_once_where_it_stands_outermost() {
    let answer = Ask::get("/diamond").to(&start());
    assert_eq!(
        chain(&answer),
        onion(&["root", "base", "left", "right"], "get diamond")
    );
}

#[test]
fn who_inherits_from_none_keeps_the_guards_and_nothing_else() {
    let server = start();
    let answer = Ask::get("/free/page").to(&server);
    let expected = "guard root, guard free, guard page, before page, get page, after page";
    assert_eq!((answer.told(), chain(&answer)), ((200, "page"), expected));
    let guarded = Ask::get("/free/page")
        .field("X-Fail", "guard free")
        .to(&server);
    assert_eq!((guarded.status, guarded.header("x-chain")), (418, None));
    // Its parent's method is not its own, either.
    let delete = Ask::new("DELETE", "/free/page").to(&server);
    assert_eq!(
        (delete.status, delete.header("allow")),
        (405, Some("GET, HEAD, OPTIONS"))
    );
}

#[test]
fn a_method_that_a_module_lacks_is_its_parents() {
    let server = start();
    for (path, body) in [
        ("/a/", "a of root is removed"),
        ("/a/b/leaf", "leaf of a of root is removed"),
    ] {
        assert_eq!(
            Ask::new("DELETE", path).to(&server).told(),
            (200, body),
            "{path}"
        );
    }
    let allow = Ask::new("OPTIONS", "/a/b/leaf").to(&server);
    assert_eq!(allow.header("allow"), Some("GET, HEAD, DELETE, OPTIONS"));
    // A page is no module: it has no methods but its own.
    assert_eq!(Ask::new("DELETE", "/a/b/plain").to(&server).status, 405);
    assert_eq!(Ask::new("DELETE", "/").to(&server).status, 405);
}

#[test]
fn exports_of_the_parent_and_of_the_requested_page_are_told_apart() {
    let server = start();
    // The heading is the root's, which asks the page for its title, which asks its parent.
    assert_eq!(Ask::get("/a/").to(&server).body, "<a of root>");
    assert_eq!(
        Ask::get("/a/b/leaf").to(&server).body,
        "<leaf of a of root>"
    );
}

#[test]
fn other_domains_are_called_by_their_path_with_values() {
    let server = start();
    let call = |what: &str| Ask::get(&format!("/calls?what={what}")).to(&server).json();
    assert_eq!(call("add"), json!(42));
    assert_eq!(call("struct"), json!({ "name": "chess", "stars": 5 }));
    assert_eq!(call("dynamic"), json!("/scripts/chess/"));
}

/// A call that goes wrong is answered so, and the log says this.
#[track_caller]
fn check_bad(server: &mut Server, what: &str, status: u16, logged: &[&str]) {
    let answer = Ask::get(&format!("/calls?what={what}")).to(server);
    assert_eq!(answer.status, status, "{what}: {}", answer.body);
    let id = answer.header("x-request-id").unwrap().to_owned();
    let line = server.line(|line| line.contains(" site: ") && line.contains(&id));
    for part in logged {
        assert!(line.contains(part), "{what}: no {part:?} in {line}");
        assert!(
            !answer.body.contains(part),
            "{what}: {part:?} is told to visitors"
        );
    }
}

#[test]
fn a_call_that_goes_wrong_is_told_in_the_log() {
    let mut server = start();
    let server = &mut server;
    check_bad(
        server,
        "missing",
        500,
        &["no export \"remove\"", "scripts/index"],
    );
    check_bad(
        server,
        "nowhere",
        500,
        &["no module has the path \"/nowhere\""],
    );
    check_bad(server, "orphan", 500, &["no export \"nothing\"", "_parent"]);
    check_bad(server, "types", 500, &["the arguments of", "add"]);
    check_bad(server, "count", 500, &["the arguments of", "add"]);
    check_bad(server, "panic", 500, &["in an export"]);
    // The export's own error is the caller's to handle, and else the visitor's.
    let error = Ask::get("/calls?what=error").to(server);
    assert_eq!(
        (error.status, error.body.trim_end()),
        (409, "409 there is one already at root")
    );
}

#[test]
fn modules_that_call_each_other_for_ever_are_stopped() {
    let mut server = start();
    let answer = Ask::get("/calls?what=deep").to(&server);
    assert!(answer.status >= 500, "{}", answer.status);
    server.line(|line| line.contains("32 calls deep"));
    assert_eq!(Ask::get("/").to(&server).status, 200);
}

#[test]
fn a_guard_that_cannot_be_loaded_closes_its_domain() {
    let site = own("inheritance");
    let libraries = site.path().join(".harmonious");
    let index = fs::read(libraries.join("modules.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let file = index["modules"]["closed/_parent"]["file"].as_str().unwrap();
    fs::write(libraries.join(file), "no library").unwrap();

    let mut server = serve(&[site.path()], &[]);
    for path in [
        "/closed/page",
        "/closed/plain",
        "/closed/none",
        "/closed/rest",
        "/closed/x/y/",
    ] {
        for method in ["GET", "HEAD", "OPTIONS", "POST"] {
            let answer = Ask::new(method, path).to(&server);
            assert_eq!(answer.status, 500, "{method} {path}: {}", answer.body);
            assert!(
                !answer.body.contains("closed/page"),
                "{method} {path}: {}",
                answer.body
            );
            assert!(
                !answer.body.contains("behind a guard"),
                "{method} {path}: {}",
                answer.body
            );
        }
    }
    server.line(|line| line.contains("closed/_parent"));
    assert_eq!(Ask::get("/a/").to(&server).status, 200);
    assert_eq!(Ask::get("/none").to(&server).status, 404);
}
