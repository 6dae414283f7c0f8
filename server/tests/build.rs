//! Building a site through the real binary: what is stale is built and nothing else; what was built runs
//! elsewhere; a running server takes over what is new.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;

use common::ask::Ask;
use common::sites::{self, PAGE, Workshop, serve, succeed};
use rustix::process::Signal;

/// How many were built, and how many were up to date.
#[track_caller]
fn counts(output: Output) -> (usize, usize) {
    let text = succeed(output);
    let line = text.lines().find(|line| line.contains(" modules built, "));
    let line = line.unwrap_or_else(|| panic!("no counts in {text}"));
    let numbers: Vec<usize> = line
        .rsplit(": ")
        .next()
        .unwrap()
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    (numbers[0], numbers[1])
}

/// What is in the folder of the libraries.
fn libraries(site: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(site.join(".harmonious")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".so")).collect()
}

#[test]
fn only_what_changed_is_built_again() {
    let other = PAGE.replace("first", "other");
    let shop = Workshop::of(&[
        ("domains/index.rs", PAGE),
        ("domains/other.rs", &other),
        ("domains/[x=u64]/index.rs", PAGE),
    ]);
    shop.build();
    let before = libraries(&shop.dir);
    let build = || counts(shop.run("build", &["--release"]));
    assert_eq!(build(), (0, 3));
    // The same text, saved again.
    shop.write("domains/index.rs", PAGE);
    assert_eq!(build(), (0, 3));
    shop.write("domains/index.rs", &PAGE.replace("first", "second"));
    assert_eq!(build(), (1, 2));
    let after = libraries(&shop.dir);
    let new: Vec<_> = after.difference(&before).collect();
    assert!(new.len() == 1 && new[0].starts_with("index-"), "{new:?}");
    // Back to what was there: nothing is left to compile, perhaps, but nothing is wrong either.
    shop.write("domains/more.rs", PAGE);
    assert_eq!(build(), (1, 3));
    shop.remove("domains/more.rs");
    assert_eq!(build(), (0, 3));
    // The shared code is everybody's.
    shop.write(
        "site/lib.rs",
        "//! Shared.\n#![forbid(unsafe_code)]\n\n/// One.\npub fn one() {}\n",
    );
    let (_, fresh) = build();
    assert_eq!(fresh, 0, "all were looked at again");
    assert_eq!(build(), (0, 3));
}

#[test]
fn what_does_not_compile_is_named_with_its_place_and_the_rest_is_built() {
    let broken = PAGE.replace("Response::text(\"first\")", "Response::txt(\"first\")");
    let shop = Workshop::of(&[("domains/index.rs", PAGE), ("domains/bad.rs", &broken)]);
    for command in ["build", "serve"] {
        let ports = ["--listen", "127.0.0.1:0"];
        let flags: &[&str] = if command == "build" {
            &["--release"]
        } else {
            &ports
        };
        let output = shop.run(command, flags);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(matches!(output.status.code(), Some(1 | 2)), "{error}");
        assert!(
            output.stdout.is_empty(),
            "{command} said that it had started"
        );
        for part in [
            "bad",
            "domains/bad.rs:6:",
            "no function or associated item named `txt`",
        ] {
            assert!(error.contains(part), "{command}: no {part:?} in {error}");
        }
    }
    assert!(
        libraries(&shop.dir)
            .iter()
            .any(|name| name.starts_with("index-"))
    );
    shop.write("domains/bad.rs", PAGE);
    assert_eq!(counts(shop.run("build", &["--release"])), (1, 1));
}

#[test]
fn a_warning_of_the_compiler_is_shown_and_stops_nothing() {
    let warns = PAGE.replace("    Ok(", "    let unused = 1;\n    Ok(");
    let shop = Workshop::of(&[("domains/index.rs", &warns)]);
    let output = shop.run("build", &["--release"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{error}");
    assert!(
        error.contains("unused variable") && error.contains("domains/index.rs:6:"),
        "{error}"
    );
    assert!(
        !error.contains("snake case"),
        "our own names are not the author's fault: {error}"
    );
}

#[test]
fn serve_builds_what_is_stale_and_says_so() {
    let shop = Workshop::of(&[("domains/index.rs", PAGE)]);
    let mut server = shop.start("serve", &[]);
    assert_eq!(Ask::get("/").to(&server).told(), (200, "first"));
    server.line(|line| line.contains("building 1 stale module") && line.contains("index"));
}

#[test]
fn a_built_site_runs_elsewhere_without_a_tool_chain() {
    let shop = Workshop::of(&[
        (
            "domains/_parent.rs",
            "//! A parent.\nuse harmonious::prelude::*;\n\nmodule! {}\n",
        ),
        ("domains/index.rs", PAGE),
        ("domains/about.html", "about"),
    ]);
    shop.build();
    let elsewhere = tempfile::tempdir().unwrap();
    let deeper = elsewhere.path().join("moved/once/more");
    shop.copy_to(&deeper);
    drop(shop);
    let server = serve(&[&deeper], &[]);
    assert_eq!(Ask::get("/").to(&server).told(), (200, "first"));
    assert_eq!(Ask::get("/about").to(&server).told(), (200, "about"));
    drop(server);
    // A source that changed cannot be built here, and the old library is not served for it.
    sites::write(
        &deeper,
        "domains/index.rs",
        &PAGE.replace("first", "second"),
    );
    let output = sites::run(&["serve", deeper.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("index") && error.contains("no cargo on this machine"),
        "{error}"
    );
}

#[test]
fn a_hang_up_has_the_site_read_and_built_again() {
    let shop = Workshop::of(&[("domains/index.rs", PAGE), ("domains/about.html", "about")]);
    let mut server = shop.start("serve", &[]);
    assert_eq!(Ask::get("/").to(&server).told(), (200, "first"));
    shop.write("domains/index.rs", &PAGE.replace("first", "second"));
    shop.write("domains/about.html", "about it");
    shop.write("domains/new.rs", &PAGE.replace("first", "new"));
    assert_eq!(
        Ask::get("/").to(&server).told(),
        (200, "first"),
        "nobody told the server"
    );
    server.signal(Signal::HUP);
    server.line(|line| line.contains("read again"));
    assert_eq!(Ask::get("/").to(&server).told(), (200, "second"));
    assert_eq!(Ask::get("/about").to(&server).told(), (200, "about it"));
    assert_eq!(Ask::get("/new").to(&server).told(), (200, "new"));

    // What is wrong changes nothing.
    shop.write("domains/index.rs", "//! Broken.\nfn f( {\n");
    shop.remove("domains/new.rs");
    server.signal(Signal::HUP);
    server.line(|line| line.contains("stays as it was") && line.contains("domains/index.rs:"));
    assert_eq!(Ask::get("/").to(&server).told(), (200, "second"));
    assert_eq!(Ask::get("/new").to(&server).told(), (200, "new"));

    shop.write("domains/index.rs", &PAGE.replace("first", "third"));
    server.signal(Signal::HUP);
    server.line(|line| line.contains("read again"));
    assert_eq!(Ask::get("/").to(&server).told(), (200, "third"));
    assert_eq!(Ask::get("/new").to(&server).status, 404);
}

#[test]
fn a_hang_up_counts_for_what_is_not_compiled_too() {
    let closed = "//! Closed.\nuse harmonious::prelude::*;\n\n#[guard]\n\
                  fn closed(_req: &Request) -> Result<()> {\n    Err(Error::forbidden(\"\"))\n}\n";
    let named = |name: &str| {
        let line = format!("\n\nmodule! {{ inherits = \"{name}\", max_body = \"4B\" }}\n\n");
        PAGE.replacen("\n\n", &line, 1)
            .replace("#[get]", "#[handle(GET, POST)]")
    };
    let shop = Workshop::of(&[
        ("domains/_closed.rs", closed),
        (
            "domains/_opened.rs",
            "//! Open.\nuse harmonious::prelude::*;\n",
        ),
        ("domains/page.rs", &named("opened")),
    ]);
    let mut server = shop.start("serve", &[]);
    let send = |server: &common::Server| Ask::post("/page", "text/plain", "12345").to(server);
    assert_eq!(Ask::get("/page").to(&server).told(), (200, "first"));
    assert_eq!(send(&server).status, 413);
    // The library is the same as before: only the source says who guards it, and what it takes.
    shop.write("domains/page.rs", &named("closed").replace("4B", "5B"));
    server.signal(Signal::HUP);
    server.line(|line| line.contains("read again"));
    assert_eq!(Ask::get("/page").to(&server).status, 403);
    assert_eq!(send(&server).status, 403);
    shop.write("domains/page.rs", &named("opened").replace("4B", "5B"));
    server.signal(Signal::HUP);
    server.line(|line| line.contains("read again"));
    assert_eq!(send(&server).told(), (200, "first"));
}
