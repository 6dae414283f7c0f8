//! Templates along the hierarchy of domains through the real binary: what a sub-domain overrides, what
//! a saved file changes in `dev`, and what a visitor sees of a template that fails. All sites here are
//! templates only: nothing is compiled.

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::ask::Ask;
use common::sites::{folder, run, serve, write};
use common::{Answer, PATIENCE, Server, harmonious};
use tempfile::TempDir;

/// Three levels, each of which overrides a block, a part and both error pages. The deepest adds to what
/// is above it, and one level below has nothing of its own but a page.
const LEVELS: [(&str, &str); 17] = [
    ("site.toml", "name = \"levels\"\n"),
    (
        "domains/_layout.html",
        "<title>{% block title %}root{% endblock %}</title>{% include \"_nav.html\" %}\n\
         {% block main %}{% endblock %}\n<footer>{% block foot %}root{% endblock %}</footer>",
    ),
    ("domains/_nav.html", "<nav>root</nav>"),
    (
        "domains/_404.html",
        "{% extends \"_layout.html\" %}{% block main %}lost at root: {{ path }}{% endblock %}",
    ),
    (
        "domains/_error.html",
        "{% extends \"_layout.html\" %}{% block main %}wrong at root: {{ status }}{% endblock %}",
    ),
    (
        "domains/index.html",
        "{% extends \"_layout.html\" %}{% block main %}page of root{% endblock %}",
    ),
    (
        "domains/a/_layout.html",
        "{% extends \"_layout.html\" %}{% block title %}a{% endblock %}",
    ),
    ("domains/a/_nav.html", "<nav>a</nav>"),
    (
        "domains/a/_404.html",
        "{% extends \"_layout.html\" %}{% block main %}lost in a: {{ path }}{% endblock %}",
    ),
    (
        "domains/a/_error.html",
        "{% extends \"_layout.html\" %}{% block main %}wrong in a: {{ status }}{% endblock %}",
    ),
    (
        "domains/a/index.html",
        "{% extends \"_layout.html\" %}{% block main %}page of a{% endblock %}",
    ),
    (
        "domains/a/b/_layout.html",
        "{% extends \"_layout.html\" %}{% block title %}b in {{ super() }}{% endblock %}\
         {% block foot %}b over {{ super() }}{% endblock %}",
    ),
    (
        "domains/a/b/_nav.html",
        "<nav>b</nav>{% include \"_nav.html\" %}",
    ),
    (
        "domains/a/b/_404.html",
        "{% extends \"_layout.html\" %}{% block main %}lost in b: {{ path }}{% endblock %}",
    ),
    (
        "domains/a/b/_error.html",
        "{% extends \"_layout.html\" %}{% block main %}wrong in b: {{ status }}{% endblock %}",
    ),
    (
        "domains/a/b/index.html",
        "{% extends \"_layout.html\" %}{% block main %}page of b{% endblock %}",
    ),
    (
        "domains/a/b/c/index.html",
        "{% extends \"_layout.html\" %}{% block main %}page of c{% endblock %}",
    ),
];

fn page(title: &str, nav: &str, main: &str, foot: &str) -> String {
    format!("<title>{title}</title>{nav}\n{main}\n<footer>{foot}</footer>")
}

fn at_root(main: &str) -> String {
    page("root", "<nav>root</nav>", main, "root")
}

fn in_a(main: &str) -> String {
    page("a", "<nav>a</nav>", main, "root")
}

fn in_b(main: &str) -> String {
    page("b in a", "<nav>b</nav><nav>a</nav>", main, "b over root")
}

#[track_caller]
fn check(server: &Server, path: &str, status: u16, body: &str) {
    let answer = Ask::get(path).to(server);
    assert_eq!(answer.told(), (status, body), "{path}");
}

/// Asks until it is answered so: what was saved a moment ago, the system has to tell first.
#[track_caller]
fn becomes(server: &Server, path: &str, status: u16, part: &str) -> Answer {
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = Ask::get(path).to(server);
        if answer.status == status && answer.body.contains(part) {
            return answer;
        }
        let wanted = format!("{path} should be {status} with {part:?}");
        assert!(Instant::now() < until, "{wanted}, and is {answer:#?}");
        std::thread::sleep(Duration::from_millis(2)); // between two looks at a condition
    }
}

fn dev(dir: &Path) -> Server {
    let dir = dir.to_str().unwrap();
    let ports = ["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"];
    Server::of(harmonious(&[&["dev", dir], &ports[..]].concat()), true)
}

fn developed(files: &[(&str, &str)]) -> (TempDir, Server) {
    let site = folder(files);
    let server = dev(site.path());
    (site, server)
}

/// What a browser was given, without what `dev` puts into pages.
#[track_caller]
fn shows(server: &Server, path: &str, status: u16, parts: &[&str], others: &[&str]) -> Answer {
    let answer = becomes(server, path, status, parts[0]);
    for part in parts {
        assert!(answer.body.contains(part), "no {part:?}: {}", answer.body);
    }
    for other in others {
        assert!(!answer.body.contains(other), "{other:?}: {}", answer.body);
    }
    answer
}

#[test]
fn each_of_three_levels_overrides_a_block_a_part_and_the_error_pages() {
    let site = folder(&LEVELS);
    for (domain, name) in [("", "root"), ("a/", "a"), ("a/b/", "b")] {
        let broken = format!(
            "{{% extends \"_layout.html\" %}}{{% block main %}}{{{{ no_{name} }}}}{{% endblock %}}"
        );
        write(
            site.path(),
            &format!("domains/{domain}broken.html"),
            &broken,
        );
    }
    let server = serve(&[site.path()], &[]);
    check(&server, "/", 200, &at_root("page of root"));
    check(&server, "/a/", 200, &in_a("page of a"));
    check(&server, "/a/b/", 200, &in_b("page of b"));

    check(&server, "/none", 404, &at_root("lost at root: /none"));
    check(&server, "/a/none", 404, &in_a("lost in a: /a/none"));
    check(&server, "/a/b/none", 404, &in_b("lost in b: /a/b/none"));

    check(&server, "/broken", 500, &at_root("wrong at root: 500"));
    check(&server, "/a/broken", 500, &in_a("wrong in a: 500"));
    check(&server, "/a/b/broken", 500, &in_b("wrong in b: 500"));
    for (path, body) in [
        ("/", at_root("wrong at root: 405")),
        ("/a/", in_a("wrong in a: 405")),
        ("/a/b/", in_b("wrong in b: 405")),
    ] {
        let answer = Ask::new("PUT", path).to(&server);
        assert_eq!(answer.told(), (405, body.as_str()), "{path}");
    }
}

#[test]
fn a_level_that_overrides_nothing_has_what_is_above_it() {
    let server = serve(&[folder(&LEVELS).path()], &[]);
    check(&server, "/a/b/c/", 200, &in_b("page of c"));
    check(&server, "/a/b/c/none", 404, &in_b("lost in b: /a/b/c/none"));
    // What no domain is belongs to the deepest that is one.
    check(&server, "/a/x/y/none", 404, &in_a("lost in a: /a/x/y/none"));
    check(&server, "/x/none", 404, &at_root("lost at root: /x/none"));
}

#[test]
fn what_a_visitor_writes_into_the_address_is_text() {
    let server = serve(&[folder(&LEVELS).path()], &[]);
    let shown = "lost in b: /a/b/%22%3E%3Cb%3E&#39;&amp;";
    check(&server, "/a/b/\">%3Cb%3E'&", 404, &in_b(shown));
    let answer = Ask::get("/a/b/none?<b>").to(&server);
    assert!(!answer.body.contains("<b>"), "{}", answer.body);
}

/// The classic syntax: the parts of a page, along the domains too.
const CLASSIC: [(&str, &str); 8] = [
    ("site.toml", "name = \"old & new\"\n"),
    (
        "domains/header.tpl",
        "<h1>{site.name}{IMPORT mark.html}</h1>",
    ),
    ("domains/mark.html", " at {{ request.path }}"),
    (
        "domains/index.tpl",
        "{IMPORT header.tpl}{IF request.path == \"/\"} fu {ELSE} bar {!IF}",
    ),
    (
        "domains/a/index.tpl",
        "{IMPORT header.tpl}{IF NOT request.path == \"/\"} fu {ELSE} bar {!IF}",
    ),
    ("domains/a/mark.html", " in a"),
    ("domains/a/b/index.tpl", "{IMPORT header.tpl} b"),
    ("domains/a/b/header.tpl", "<b>{IMPORT header.tpl}</b>"),
];

#[test]
fn the_classic_syntax_imports_along_the_domains() {
    let server = serve(&[folder(&CLASSIC).path()], &[]);
    check(&server, "/", 200, "<h1>old &amp; new at /</h1> fu ");
    check(&server, "/a/", 200, "<h1>old &amp; new in a</h1> fu ");
    check(
        &server,
        "/a/b/",
        200,
        "<b><h1>old &amp; new in a</h1></b> b",
    );
}

#[test]
fn a_visitor_sees_the_domains_error_page_and_nothing_of_the_message() {
    let site = folder(&LEVELS);
    let broken = [
        ("undefined.html", "secret text {{ hidden_name }}"),
        ("field.html", "secret text {{ request.hidden_name }}"),
        ("classic.tpl", "secret text\n{LOOP hidden_name}{!LOOP}"),
        (
            "thrown.html",
            "secret text {{ throw(message=\"hidden_name\") }}",
        ),
    ];
    for (name, text) in broken {
        write(site.path(), &format!("domains/a/{name}"), text);
    }
    let mut server = serve(&[site.path()], &["--log", "json"]);
    for (name, _) in broken {
        let path = format!("/a/{}", name.split('.').next().unwrap());
        check(&server, &path, 500, &in_a("wrong in a: 500"));
        for accept in ["text/html", "application/json"] {
            let answer = Ask::get(&path).field("Accept", accept).to(&server);
            assert_eq!(answer.status, 500, "{path}");
            let told = format!("{}\n{}", answer.head, answer.body);
            for secret in ["secret text", "hidden_name", "domains/", name] {
                assert!(!told.contains(secret), "{secret:?} is told: {told}");
            }
            let id = answer.header("x-request-id").unwrap();
            let line = server.line(|line| line.contains(id) && line.contains("ERROR"));
            let place = format!("domains/a/{name}:");
            assert!(
                line.contains(&place) && line.contains("hidden_name"),
                "{line}"
            );
        }
    }
    check(&server, "/a/", 200, &in_a("page of a"));
}

#[test]
fn an_error_page_that_fails_is_followed_by_the_one_above() {
    let site = folder(&LEVELS);
    for name in ["_404", "_error", "broken"] {
        let name = format!("domains/a/b/{name}.html");
        write(site.path(), &name, "half a page {{ hidden_name }}");
    }
    let server = serve(&[site.path()], &[]);
    check(&server, "/a/b/none", 404, &in_a("lost in a: /a/b/none"));
    check(&server, "/a/b/broken", 500, &in_a("wrong in a: 500"));
}

#[test]
fn where_every_error_page_fails_the_visitor_has_the_plain_one() {
    let site = folder(&LEVELS);
    write(
        site.path(),
        "domains/_layout.html",
        "half a page {{ hidden_name }}{% block title %}{% endblock %}{% block main %}{% endblock %}\
         {% block foot %}{% endblock %}",
    );
    let server = serve(&[site.path()], &[]);
    for (path, status, title) in [
        ("/a/b/", 500, "Internal Server Error"),
        ("/a/none", 404, "Not Found"),
    ] {
        let answer = Ask::get(path).to(&server);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(answer.body.contains(title), "{path}: {}", answer.body);
        for secret in ["half a page", "hidden_name", "_layout"] {
            assert!(!answer.body.contains(secret), "{path}: {}", answer.body);
        }
    }
}

#[test]
fn what_is_no_template_is_told_before_it_is_served() {
    let site = folder(&LEVELS);
    for (name, text) in [
        ("syntax.html", "\n{% if %}"),
        ("_missing.html", "{% include \"_nvi.html\" %}"),
        ("classic.tpl", "a\n\t{IF b}"),
    ] {
        write(site.path(), &format!("domains/a/b/{name}"), text);
    }
    let ports = ["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"];
    let args = [&["serve", site.path().to_str().unwrap()], &ports[..]].concat();
    let output = run(&args);
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    for part in [
        "domains/a/b/syntax.html:2:7: ",
        "domains/a/b/_missing.html:1:12: there is no template \"_nvi.html\": \
         tried /a/b/_nvi.html, /a/_nvi.html, /_nvi.html",
        "domains/a/b/classic.tpl:2:2: this {IF} is not closed: add {!IF}",
    ] {
        assert!(told.contains(part), "no {part:?}: {told}");
    }
}

#[test]
fn a_part_that_is_added_counts_at_the_next_request_and_so_does_its_end() {
    let (site, server) = developed(&LEVELS);
    shows(&server, "/a/b/c/", 200, &["<nav>b</nav><nav>a</nav>"], &[]);
    let part = "domains/a/b/c/_nav.html";
    write(site.path(), part, "<nav>c</nav>{% include \"_nav.html\" %}");
    let nav = "<nav>c</nav><nav>b</nav><nav>a</nav>";
    shows(&server, "/a/b/c/", 200, &[nav, "page of c"], &[]);
    // The domains above do not see it.
    shows(&server, "/a/b/", 200, &["page of b"], &["<nav>c</nav>"]);
    write(site.path(), part, "<nav>only c</nav>");
    shows(&server, "/a/b/c/", 200, &["<nav>only c</nav>"], &["<nav>b"]);
    std::fs::remove_file(site.path().join(part)).unwrap();
    let nav = "</title><nav>b</nav><nav>a</nav>";
    shows(&server, "/a/b/c/", 200, &[nav], &["only c"]);
}

#[test]
fn a_layout_and_an_error_page_that_are_added_count_at_the_next_request() {
    let (site, server) = developed(&LEVELS);
    shows(
        &server,
        "/a/b/c/none",
        404,
        &["lost in b: /a/b/c/none"],
        &[],
    );
    let (layout, lost) = ("domains/a/b/c/_layout.html", "domains/a/b/c/_404.html");
    write(
        site.path(),
        layout,
        "{% extends \"_layout.html\" %}{% block title %}c{% endblock %}",
    );
    let title = "<title>c</title>";
    shows(&server, "/a/b/c/", 200, &[title, "b over root"], &[]);
    write(
        site.path(),
        lost,
        "{% extends \"_layout.html\" %}{% block main %}lost in c{% endblock %}",
    );
    shows(&server, "/a/b/c/none", 404, &["lost in c", title], &[]);
    shows(&server, "/a/b/none", 404, &["lost in b"], &[title]);
    std::fs::remove_file(site.path().join(lost)).unwrap();
    shows(&server, "/a/b/c/none", 404, &["lost in b"], &["lost in c"]);
    std::fs::remove_file(site.path().join(layout)).unwrap();
    shows(&server, "/a/b/c/", 200, &["<title>b in a</title>"], &[]);
}

#[test]
fn a_template_that_fails_is_shown_with_its_place_and_the_nearest_name() {
    let (site, server) = developed(&LEVELS);
    shows(&server, "/a/b/", 200, &["page of b"], &[]);
    let part = "domains/a/b/_nav.html";
    write(
        site.path(),
        part,
        "<nav>\n\tat {{ request.pth }}<i>\n</nav>",
    );
    let at = "domains/a/b/_nav.html:2:16";
    let line = "at {{ request.pth }}&lt;i&gt;";
    let nearest = "did you mean `request.path`?";
    shows(&server, "/a/b/", 500, &[at, line, nearest], &["<i>\n"]);
    // Who does not need it goes on.
    shows(&server, "/a/", 200, &["page of a"], &[]);
    write(site.path(), part, "<nav>{% if %}</nav>");
    shows(
        &server,
        "/a/b/",
        500,
        &["domains/a/b/_nav.html:1:12", "{% if %}"],
        &[],
    );
    write(site.path(), part, "{% include \"_nvi.html\" %}");
    let tried = "/a/b/_nvi.html, /a/_nvi.html, /_nvi.html";
    shows(&server, "/a/b/", 500, &[tried, "_nav.html:1:12"], &[]);
    write(site.path(), part, "<nav>mended</nav>");
    shows(
        &server,
        "/a/b/",
        200,
        &["<nav>mended</nav>", "page of b"],
        &[],
    );
}

#[test]
fn the_classic_syntax_is_followed_and_shown_as_it_was_written() {
    let (site, server) = developed(&CLASSIC);
    shows(&server, "/a/", 200, &["in a</h1> fu "], &[]);
    let page = "domains/a/index.tpl";
    write(
        site.path(),
        page,
        "{IMPORT header.tpl}\n{IF site.name}{request.pth}{!IF}",
    );
    shows(
        &server,
        "/a/",
        500,
        &[
            "domains/a/index.tpl:2:24",
            "{IF site.name}{request.pth}{!IF}",
            "did you mean `request.path`?",
        ],
        &["{% if", "endif"],
    );
    write(site.path(), page, "one\n  {IF site.name}two");
    shows(
        &server,
        "/a/",
        500,
        &[
            "domains/a/index.tpl:2:3",
            "this {IF} is not closed: add {!IF}",
        ],
        &[],
    );
    write(site.path(), page, "{IMPORT header.tpl}{site.name}");
    shows(&server, "/a/", 200, &["</h1>old &amp; new"], &[]);
    write(site.path(), "domains/a/header.tpl", "<h1>own</h1>");
    shows(&server, "/a/", 200, &["<h1>own</h1>old"], &[]);
}
