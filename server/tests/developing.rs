//! `harmonious dev` through the real binary: what is saved is there at the next request, what is wrong
//! is shown where it is asked for, and nothing of this is in `serve`.

mod common;

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use common::ask::Ask;
use common::sites::{Workshop, built, serve};
use common::{Answer, PATIENCE, Server, eventually};

/// A site that is being written. Its modules are built already: a test waits for the server's work,
/// not for the compiler's on a cold machine.
fn start() -> (Workshop, Server) {
    let shop = Workshop::with("developing");
    let server = shop.start("dev", &[]);
    (shop, server)
}

fn get(server: &Server, path: &str) -> Answer {
    Ask::get(path).to(server)
}

/// Asks until it is answered so: what was saved a moment ago, the system has to tell first.
#[track_caller]
fn becomes(server: &Server, path: &str, status: u16, part: &str) -> Answer {
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = get(server, path);
        if answer.status == status && answer.body.contains(part) {
            return answer;
        }
        let wanted = format!("{path} should be {status} with {part:?}");
        assert!(Instant::now() < until, "{wanted}, and is {answer:#?}");
        std::thread::sleep(Duration::from_millis(2)); // between two looks at a condition
    }
}

const OTHER: &str = include_str!("fixtures/developing/domains/other.rs");
/// A parent whose guard lets nobody in.
const CLOSED: &str = "//! Closed.\nuse harmonious::prelude::*;\n\n#[guard]\n\
                      fn closed(_req: &Request) -> Result<()> {\n    Err(Error::forbidden(\"closed\"))\n}\n";

#[test]
fn what_is_saved_is_there_at_the_next_request() {
    let (shop, server) = start();
    assert_eq!(get(&server, "/other").told(), (200, "other"));
    shop.write(
        "domains/other.rs",
        &OTHER.replace("\"other\"", "\"another\""),
    );
    becomes(&server, "/other", 200, "another");
    // A template needs no compiler.
    assert!(get(&server, "/").body.contains("index says hello"));
    let page = "<!doctype html><title>x</title><body>now it says {{ said }}</body>\n";
    shop.write("domains/index.html", page);
    becomes(&server, "/", 200, "now it says hello");
    // A file of static/ neither.
    shop.write("static/style.css", "p { color: blue }\n");
    becomes(&server, "/style.css", 200, "blue");
    shop.write("static/new.css", "p { color: green }\n");
    becomes(&server, "/new.css", 200, "green");
    // The shared code is built into whoever uses it.
    let shared = "//! Shared.\n#![forbid(unsafe_code)]\n\n/// What.\npub fn said() -> &'static str {\n    \"goodbye\"\n}\n";
    shop.write("site/lib.rs", shared);
    becomes(&server, "/", 200, "now it says goodbye");
}

#[test]
fn a_parent_that_is_saved_counts_for_those_below() {
    let (shop, server) = start();
    assert_eq!(get(&server, "/other").header("x-parent"), Some("first"));
    let parent = include_str!("fixtures/developing/domains/_parent.rs");
    shop.write(
        "domains/_parent.rs",
        &parent.replace("\"first\"", "\"second\""),
    );
    eventually("the parent is the new one", || {
        get(&server, "/other").header("x-parent") == Some("second")
    });
}

#[test]
fn a_parent_that_is_named_anew_counts_at_once() {
    let (shop, server) = start();
    shop.write("domains/_closed.rs", CLOSED);
    shop.write(
        "domains/_opened.rs",
        "//! Open.\nuse harmonious::prelude::*;\n",
    );
    let named = |name: &str| {
        let line = format!("\n\nmodule! {{ inherits = \"{name}\" }}\n\n");
        OTHER.replacen("\n\n", &line, 1)
    };
    shop.write("domains/other.rs", &named("opened"));
    becomes(&server, "/other", 200, "other");
    // What is compiled of it is the same as before.
    shop.write("domains/other.rs", &named("closed"));
    becomes(&server, "/other", 403, "");
    shop.write("domains/other.rs", &named("opened"));
    becomes(&server, "/other", 200, "other");
}

#[test]
fn a_form_that_is_refused_is_shown_with_the_reason() {
    let (_shop, server) = start();
    let form = || Ask::post("/other", "text/plain", "").field("Origin", "https://localhost");
    let answer = form().to(&server);
    assert_eq!(answer.status, 403);
    for part in ["other was not asked", "proxies", "https://localhost"] {
        assert!(answer.body.contains(part), "no {part} in {}", answer.body);
    }
    let json = form().field("Accept", "application/json").to(&server);
    assert_eq!(json.status, 403);
    assert_eq!(
        json.header("content-type"),
        Some("application/problem+json")
    );
}

#[test]
fn files_that_come_and_go_are_urls_that_come_and_go() {
    let (shop, server) = start();
    assert_eq!(get(&server, "/fresh").status, 404);
    shop.write("domains/fresh.rs", &OTHER.replace("\"other\"", "\"fresh\""));
    becomes(&server, "/fresh", 200, "fresh");
    shop.write("domains/deep/er/page.html", "deeper\n");
    becomes(&server, "/deep/er/page", 200, "deeper");
    shop.write("domains/deep/_parent.rs", CLOSED);
    becomes(&server, "/deep/er/page", 403, "");
    shop.remove("domains/deep/_parent.rs");
    becomes(&server, "/deep/er/page", 200, "deeper");
    shop.remove("domains/fresh.rs");
    becomes(&server, "/fresh", 404, "");
}

#[test]
fn an_error_page_and_the_settings_of_a_domain_are_followed_too() {
    let (shop, server) = start();
    let lost = |text: &str| {
        format!(
            "//! Lost.\nuse harmonious::prelude::*;\n\n#[error_page]\n\
             fn lost(_req: &Request, _error: &PageError) -> Result<Response> {{\n    \
             Ok(Response::html(\"{text}\"))\n}}\n"
        )
    };
    shop.write("domains/_404.rs", &lost("lost"));
    becomes(&server, "/none", 404, "lost");
    shop.write("domains/_404.rs", &lost("gone"));
    becomes(&server, "/none", 404, "gone");
    shop.remove("domains/_404.rs");
    becomes(&server, "/none", 404, "Not Found");

    shop.write("domains/.well-known/page.html", "known\n");
    assert_eq!(get(&server, "/.well-known/page").status, 404);
    shop.write("domains/domain.toml", "allow_dot = [\".well-known\"]\n");
    becomes(&server, "/.well-known/page", 200, "known");
    shop.write("domains/domain.toml", "alow_dot = [\".well-known\"]\n");
    becomes(&server, "/other", 500, "alow_dot");
    shop.remove("domains/domain.toml");
    becomes(&server, "/other", 200, "other");
}

#[test]
fn what_does_not_compile_is_shown_at_its_url_and_others_go_on() {
    let (shop, server) = start();
    assert_eq!(get(&server, "/other").status, 200);
    let broken = OTHER.replace("Response::text(\"other\")", "Response::txt(\"<other>\")");
    shop.write("domains/other.rs", &broken);
    let page = becomes(&server, "/other", 500, "does not compile");
    for part in [
        "no function or associated item named",
        "domains/other.rs:6",
        "&lt;other&gt;",
    ] {
        assert!(page.body.contains(part), "no {part:?} in {}", page.body);
    }
    assert!(!page.body.contains("<other>"), "{}", page.body);
    assert!(
        page.body.contains("/.harmonious/live.js"),
        "it reloads when it is mended"
    );
    assert_eq!(get(&server, "/").status, 200);
    assert_eq!(get(&server, "/member").status, 401);
    shop.write(
        "domains/other.rs",
        &OTHER.replace("\"other\"", "\"mended\""),
    );
    becomes(&server, "/other", 200, "mended");
}

#[test]
fn what_is_no_rust_at_all_is_shown_with_its_place_and_others_go_on() {
    let (shop, server) = start();
    shop.write("domains/other.rs", "//! Broken.\nfn f( {\n");
    becomes(&server, "/other", 500, "domains/other.rs");
    assert_eq!(get(&server, "/").status, 200);
    shop.write("domains/other.rs", OTHER);
    becomes(&server, "/other", 200, "other");
}

#[test]
fn a_parent_that_does_not_compile_never_opens_what_it_guards() {
    let (shop, server) = start();
    shop.write(
        "domains/scripts/_parent.rs",
        &CLOSED.replace("Error::", "Eror::"),
    );
    shop.write("domains/scripts/secret.html", "the secret\n");
    let page = becomes(&server, "/scripts/secret", 500, "");
    assert!(!page.body.contains("the secret"), "{}", page.body);
    shop.write("domains/scripts/_parent.rs", CLOSED);
    becomes(&server, "/scripts/secret", 403, "");
}

#[test]
fn a_tree_that_cannot_be_read_is_told_at_the_url_that_it_concerns() {
    let (shop, server) = start();
    let lost = OTHER.replace("\n\n", "\n\nmodule! { inherits = \"nobody\" }\n\n");
    shop.write("domains/other.rs", &lost);
    let page = becomes(&server, "/other", 500, "nobody");
    assert!(
        page.body.contains("domains/_nobody.rs"),
        "where it was looked for: {}",
        page.body
    );
    assert_eq!(get(&server, "/").status, 200);
    shop.write("domains/other.rs", OTHER);
    becomes(&server, "/other", 200, "other");
    // Two files for one URL: the others go on.
    shop.write("domains/other/index.html", "other\n");
    becomes(&server, "/other", 500, "domains/other/index.html");
    assert_eq!(get(&server, "/").status, 200);
    shop.remove("domains/other/index.html");
    becomes(&server, "/other", 200, "other");
}

#[test]
fn a_panic_is_shown_with_its_lines_chain_request_and_resolution() {
    let (_shop, server) = start();
    let ask = Ask::get("/scripts/a%26b/slips?x=1").field("Cookie", "who=hidden");
    let page = ask.field("X-Seen", "<seen>").to(&server);
    assert_eq!(page.status, 500);
    for part in [
        "&lt;a&amp;b&gt; is too much",
        "domains/scripts/[slug]/slips.rs:7",
        // The line itself, and those around.
        "panic!(",
        "req.param(",
        // The chain, root to leaf.
        "_parent",
        "scripts/[slug]/slips",
        // The request, without what is secret.
        "/scripts/a%26b/slips?x=1",
        "&lt;seen&gt;",
        // How it was resolved.
        "leads into /scripts/[slug]/",
        page.header("x-request-id").unwrap(),
    ] {
        assert!(page.body.contains(part), "no {part:?} in {}", page.body);
    }
    assert!(
        !page.body.contains("who=hidden") && !page.body.contains("<seen>"),
        "{}",
        page.body
    );
    let json = ask_json(&server, "/scripts/x/slips");
    assert_eq!(
        json.header("content-type"),
        Some("application/problem+json")
    );
}

fn ask_json(server: &Server, path: &str) -> Answer {
    Ask::get(path)
        .field("Accept", "application/json")
        .to(server)
}

#[test]
fn a_template_that_fails_is_shown_with_its_line() {
    let (shop, server) = start();
    shop.write("domains/index.html", "<!doctype html>\n<p>{{ sed }}</p>\n");
    let page = becomes(&server, "/", 500, "index.html:2");
    assert!(page.body.contains("said"), "did you mean: {}", page.body);
    shop.write("domains/index.html", "<p>{% if %}</p>\n");
    becomes(&server, "/", 500, "index.html:1");
    assert_eq!(get(&server, "/other").status, 200);
    shop.write("domains/index.html", "fine, {{ said }}\n");
    becomes(&server, "/", 200, "fine, hello");
}

#[test]
fn pages_reload_by_themselves_in_dev_and_only_there() {
    let (shop, server) = start();
    let home = get(&server, "/");
    let script = "<script src=\"/.harmonious/live.js\"";
    assert_eq!(home.body.matches(script).count(), 1, "{}", home.body);
    let len = home
        .header("content-length")
        .map(|len| len.parse().unwrap());
    assert_eq!(len, Some(home.body.len()));
    // Only into pages: not into texts, styles, or errors for programs.
    for path in ["/other", "/style.css"] {
        assert!(!get(&server, path).body.contains("live.js"), "{path}");
    }
    assert!(!ask_json(&server, "/none").body.contains("live.js"));
    let js = get(&server, "/.harmonious/live.js");
    assert_eq!(js.status, 200);
    assert!(
        js.header("content-type")
            .unwrap()
            .starts_with("text/javascript"),
        "{js:?}"
    );
    assert_eq!(js.header("cache-control"), Some("no-store"));

    let after = home
        .body
        .split("data-after=\"")
        .nth(1)
        .and_then(|text| text.split('"').next());
    let live = Ask::get(&format!("/.harmonious/live?after={}", after.unwrap())).sent_to(&server);
    shop.write("domains/index.html", "<!doctype html><body>again</body>\n");
    let mut lines = BufReader::new(live).lines();
    let told = lines
        .by_ref()
        .map_while(Result::ok)
        .any(|line| line == "event: changed");
    assert!(told, "the browser was told nothing");

    drop((server, shop));
    let server = serve(&[&built("developing")], &[]);
    assert!(!get(&server, "/").body.contains("live.js"));
    for path in ["/.harmonious/live.js", "/.harmonious/live"] {
        assert_eq!(get(&server, path).status, 404, "{path}");
    }
    let page = get(&server, "/scripts/x/slips");
    assert_eq!(page.status, 500);
    for secret in ["too much", "slips.rs", "_parent", "leads into"] {
        assert!(
            !page.body.contains(secret),
            "{secret:?} is told to visitors: {}",
            page.body
        );
    }
}

#[test]
fn guards_and_errors_of_the_site_are_as_they_are_when_it_is_served() {
    let (_shop, server) = start();
    assert_eq!(get(&server, "/member").status, 401);
    let member = Ask::get("/member").field("Cookie", "who=ann").to(&server);
    assert_eq!(member.told(), (200, "member"));
    assert_eq!(get(&server, "/none").status, 404);
    assert_eq!(get(&server, "/%2e%2e/").status, 400);
    assert_eq!(Ask::new("PUT", "/other").to(&server).status, 405);
}

#[test]
fn dev_serves_one_site() {
    let one = built("site-one");
    let two = built("site-two");
    let args = ["dev", one.to_str().unwrap(), two.to_str().unwrap()];
    let output = common::sites::run(&args);
    assert_eq!(output.status.code(), Some(2));
}
