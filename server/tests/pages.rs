//! What templates see, through the real binary: exports of the requested module, what parents provide,
//! URLs, files with a hash, fragments; and pages rendered without a server.

mod common;

use std::fs;

use common::ask::Ask;
use common::sites::{built, folder, run, serve, succeed, write};
use common::{Server, eventually};
use rustix::process::Signal;

fn start() -> Server {
    serve(&[&built("pages")], &[])
}

#[track_caller]
fn page(server: &Server, path: &str) -> String {
    let answer = Ask::get(path).to(server);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

#[track_caller]
fn holds(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "no {part:?} in {page}");
    }
}

#[test]
fn a_layout_asks_the_requested_module_and_its_parents() {
    let server = start();
    let own = page(&server, "/scripts/x/");
    holds(
        &own,
        &[
            "<title>Script &lt;x&gt;</title>",
            "<a>home</a><a>scripts</a>",
        ],
    );
    holds(
        &page(&server, "/"),
        &[
            "<title>A site</title>",
            "<p>by the page</p>",
            "<footer>pages localhost /<",
        ],
    );
    // A template without a module has the exports of its domain's parents.
    holds(
        &page(&server, "/about"),
        &["<title>A site</title>", ">by the parent</a>"],
    );
    assert_eq!(
        page(&server, "/classic"),
        "A site|out|pages|home;scripts;\n"
    );
}

#[test]
fn an_error_page_asks_the_parents_of_its_own_domain() {
    let server = start();
    for (path, status, title, heading) in [
        ("/none", 404, "A site", "Not Found"),
        ("/secret/none?word", 404, "A door", "No such treasure"),
        ("/secret/?word&fail", 404, "A door", "No such treasure"),
        // What the guard refused is not asked, nor is the guard's own domain.
        ("/secret/", 403, "A site", "the word was not said"),
        ("/secret/none", 403, "A site", "the word was not said"),
    ] {
        let answer = Ask::get(path).to(&server);
        assert_eq!(answer.status, status, "{path}");
        let (title, heading) = (format!("<title>{title}<"), format!("<h1>{heading}<"));
        holds(&answer.body, &[&title, &heading]);
    }
    holds(
        &page(&server, "/secret/?word"),
        &["<title>The treasure<", "gold"],
    );
}

#[test]
fn a_module_that_rests_is_behind_its_guards_still() {
    let server = start();
    let told = |path: &str| Ask::get(path).to(&server).status;
    assert_eq!(told("/secret/pan?word"), 500);
    assert_eq!(told("/secret/pan?word"), 503);
    let refused = Ask::get("/secret/pan").to(&server);
    assert_eq!(refused.status, 403, "{}", refused.body);
}

#[test]
fn a_reload_that_is_refused_leaves_the_site_as_it_was() {
    let site = folder(&[
        ("domains/index.html", "{{ url_for(path='/old') }}"),
        ("domains/old.html", "old"),
    ]);
    let mut server = serve(&[site.path()], &[]);
    let (old, new) = (
        site.path().join("domains/old.html"),
        site.path().join("domains/new.html"),
    );
    fs::rename(old, new).unwrap();
    server.signal(Signal::HUP);
    server.line(|line| line.contains("stays as it was"));
    assert_eq!(page(&server, "/"), "/old");
    write(
        site.path(),
        "domains/index.html",
        "{{ url_for(path='/new') }}",
    );
    server.signal(Signal::HUP);
    eventually("the new page", || Ask::get("/").to(&server).body == "/new");
}

#[test]
fn a_page_links_to_pages_and_files() {
    let server = start();
    holds(
        &page(&server, "/about"),
        &["href=\"/scripts/a%20b/?page=2\""],
    );
    let moved = Ask::get("/moved").to(&server);
    assert_eq!(moved.header("location"), Some("/scripts/gr%C3%B6%C3%9Fe/"));

    let shown = page(&server, "/");
    let (_, link) = shown.split_once("href=\"/style.css?v=").unwrap();
    let hash = link.split('"').next().unwrap();
    let named = Ask::get(&format!("/style.css?v={hash}")).to(&server);
    assert_eq!(
        named.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    for other in ["/style.css", "/style.css?v=0123456789abcdef"] {
        let answer = Ask::get(other).to(&server);
        assert_eq!(
            (answer.status, answer.header("cache-control")),
            (200, None),
            "{other}"
        );
    }
}

#[test]
fn a_fragment_is_made_once_for_each_key() {
    let server = start();
    let part = |path: &str| {
        let page = page(&server, path);
        let (_, rest) = page.split_once("<ul>").unwrap();
        rest.split_once("\n").unwrap().0.to_owned()
    };
    let first = part("/scripts/a/");
    assert_eq!(part("/scripts/a/"), first);
    assert_ne!(part("/scripts/b/"), first);
    let forgotten = Ask::post("/scripts/a/", "text/plain", "").to(&server);
    assert_eq!(forgotten.body, "forgotten");
    let second = part("/scripts/a/");
    assert_ne!(second, first);
    // Only the module's own was forgotten: the tag's has another key.
    assert_eq!(
        second.split_once("<i>").unwrap().1,
        first.split_once("<i>").unwrap().1
    );
    for _ in 0..2 {
        assert_eq!(Ask::get("/scripts/broken/").to(&server).status, 418);
    }
}

#[test]
fn a_name_that_nobody_exports_is_told_with_the_nearest() {
    let site = built("pages");
    let site = site.to_str().unwrap();
    let output = run(&["render", site, "/misnamed"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    holds(
        &told,
        &[
            "misnamed.html:2:",
            "`module.titel` is not defined",
            "/misnamed is answered 500",
        ],
    );
}

#[test]
fn a_page_is_rendered_without_a_socket() {
    let site = built("pages");
    let site = site.to_str().unwrap();
    let shown = succeed(run(&["render", site, "/scripts/a%20b/?page=2"]));
    holds(
        &shown,
        &[
            "<title>Script &lt;a b&gt;</title>",
            "localhost /scripts/a%20b/",
        ],
    );
    let shown = succeed(run(&[
        "render",
        site,
        "/",
        "--headers",
        "--host",
        "scripts.example",
    ]));
    holds(
        &shown,
        &[
            "200 OK\n",
            "content-type: text/html; charset=utf-8\n",
            "pages scripts.example /",
        ],
    );

    let output = run(&["render", site, "/none"]);
    assert_eq!(output.status.code(), Some(1));
    holds(
        &String::from_utf8_lossy(&output.stdout),
        &["<h1>Not Found</h1>"],
    );
    holds(
        &String::from_utf8_lossy(&output.stderr),
        &["/none is answered 404 Not Found"],
    );
    let output = run(&["render", site, "/secret"]);
    holds(
        &String::from_utf8_lossy(&output.stderr),
        &["308 Permanent Redirect, to /secret/"],
    );
    let output = run(&["render", site, "secret"]);
    assert_eq!(output.status.code(), Some(2));
    holds(
        &String::from_utf8_lossy(&output.stderr),
        &["begins with a slash"],
    );
}

#[test]
fn a_classic_template_is_printed_in_the_other_syntax() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "page.tpl",
        "{IF A == \"x\"}{A}{ELSE}{LOOP B}{B.index}{!LOOP}{!IF}",
    );
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let shown = succeed(run(&["template", "convert", &path("page.tpl")]));
    holds(
        &shown,
        &[
            "{% if A == \"x\" %}{{ A }}{% else %}{% for",
            "{% endfor %}{% endif %}",
        ],
    );

    write(dir.path(), "bad.tpl", "a\n{IF A}");
    let output = run(&["template", "convert", &path("bad.tpl")]);
    assert_eq!(output.status.code(), Some(2));
    holds(&String::from_utf8_lossy(&output.stderr), &["bad.tpl:2:1: "]);
    for (args, told) in [
        (&["template"][..], "convert"),
        (
            &["template", "convert"],
            "FILE is missing: allowed is a file: a template such as page.tpl",
        ),
        (
            &["template", "convert", "x.html"],
            "whose name ends with .tpl",
        ),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        holds(&String::from_utf8_lossy(&output.stderr), &[told]);
    }
}
