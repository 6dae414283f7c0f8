//! Sites beside each other in one server, and libraries that are not what they should be: neither
//! reaches what is the other's, and what is spoiled spoils nothing else.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use common::ask::Ask;
use common::sites::{self, built, folder, own, serve};
use common::{Answer, Server};
use serde_json::Value;

fn two_sites() -> Server {
    serve(&[&built("site-one"), &built("site-two")], &[])
}

/// Everything of an answer, as text.
fn all(answer: &Answer) -> String {
    format!("{}\n{}", answer.head, answer.body)
}

#[test]
fn each_host_has_its_own_site() {
    let server = two_sites();
    for (host, name, other) in [
        ("one.example", "one", "two"),
        ("two.example", "two", "one"),
        ("WWW.Two.Example.:8080", "two", "one"),
    ] {
        let home = Ask::get("/").of(host).to(&server);
        let begins = format!("{name}: Site {name}|secret of {name}|{name}|true|");
        assert!(
            home.status == 200 && home.body.starts_with(&begins),
            "{host}: {home:?}"
        );
        let cookie = home.header("set-cookie").unwrap();
        assert!(cookie.starts_with(&format!("site={name};")), "{cookie}");
        let about = Ask::get("/about").of(host).to(&server);
        assert_eq!(about.body.trim_end(), format!("{name}: about {name}"));
        let style = Ask::get("/style.css").of(host).to(&server);
        assert_eq!(style.body, format!("/* {name} */\n"));
        let lost = Ask::get("/nothing").of(host).to(&server);
        assert_eq!(
            (lost.status, lost.body.trim_end()),
            (404, format!("not found at {name}").as_str())
        );
        for answer in [home, about, style, lost] {
            let other = [
                format!("of {other}"),
                format!("Site {other}"),
                format!("={other}"),
            ];
            let told = other.iter().any(|text| all(&answer).contains(text));
            assert!(!told, "{host} tells of the other: {answer:?}");
        }
    }
    assert_eq!(
        Ask::get("/only").of("one.example").to(&server).told(),
        (200, "only here")
    );
    assert_eq!(Ask::get("/only").of("two.example").to(&server).status, 404);
}

#[test]
fn requests_that_take_turns_never_get_the_others_answer() {
    let server = two_sites();
    std::thread::scope(|scope| {
        for (host, name) in [("one.example", "one"), ("two.example", "two")] {
            let address = server.address.as_str();
            scope.spawn(move || {
                for _ in 0..200 {
                    let home = Ask::get("/").of(host).at(address);
                    let begins = format!("{name}: Site {name}|secret of {name}|{name}|");
                    assert!(home.body.starts_with(&begins), "{host}: {home:?}");
                }
            });
        }
    });
    // Each counts its own visits: they share no memory either.
    for host in ["one.example", "two.example"] {
        let home = Ask::get("/").of(host).to(&server);
        assert!(
            home.body.trim_end().ends_with("|200"),
            "{host}: {}",
            home.body
        );
    }
}

#[test]
fn a_host_of_nobody_is_a_404_and_what_is_no_host_a_400() {
    let server = two_sites();
    for host in [
        "localhost",
        "three.example",
        "x.one.example",
        "one.example.evil.example",
    ] {
        for path in ["/", "/style.css", "/nothing"] {
            assert_eq!(
                Ask::get(path).of(host).to(&server).status,
                404,
                "{host}{path}"
            );
        }
    }
    for host in ["one..example", "one.example:x"] {
        assert_eq!(Ask::get("/").of(host).to(&server).status, 400, "{host}");
    }
}

/// Serving these ends at once with one line and exit code 2.
#[track_caller]
fn refused(dirs: &[&Path]) -> String {
    let dirs = dirs.iter().map(|dir| dir.to_str().unwrap());
    let args: Vec<&str> = ["serve", "--listen", "127.0.0.1:0"]
        .into_iter()
        .chain(dirs)
        .collect();
    let Output {
        status,
        stdout,
        stderr,
    } = sites::run(&args);
    let error = String::from_utf8(stderr).unwrap();
    assert_eq!((status.code(), stdout.len()), (Some(2), 0), "{error}");
    assert!(
        error.starts_with("harmonious: ") && error.lines().count() == 1,
        "{error}"
    );
    error
}

#[test]
fn two_sites_that_claim_one_host_are_refused_with_both_names() {
    let site = |name: &str, toml: &str| {
        let dir = folder(&[("site.toml", toml), ("static/index.html", name)]);
        let named = dir.path().join(name);
        fs::create_dir(&named).unwrap();
        for entry in ["site.toml", "static"] {
            fs::rename(dir.path().join(entry), named.join(entry)).unwrap();
        }
        (dir, named)
    };
    let (_one, one) = site("first", "hosts = [\"a.example\", \"b.example\"]\n");
    let (_two, two) = site("second", "hosts = [\"B.example.\"]\n");
    let error = refused(&[&one, &two]);
    for part in ["first", "second", "b.example"] {
        assert!(error.contains(part), "no {part:?} in {error}");
    }
    let (_three, three) = site("third", "");
    let (_four, four) = site("fourth", "");
    let error = refused(&[&three, &four]);
    for part in ["third", "fourth", "hosts"] {
        assert!(error.contains(part), "no {part:?} in {error}");
    }
    let (_five, five) = site("fifth", "hosts = [\"not a host\"]\n");
    assert!(refused(&[&five]).contains("not a host"));
}

#[test]
fn a_setting_of_the_server_in_one_of_several_sites_is_refused() {
    let toml = "hosts = [\"a.example\"]\nqueue-wait = \"1s\"\n";
    let one = folder(&[("site.toml", toml), ("static/index.html", "")]);
    let two = folder(&[
        ("site.toml", "hosts = [\"b.example\"]\n"),
        ("static/index.html", ""),
    ]);
    let error = refused(&[one.path(), two.path()]);
    for part in ["queue-wait", "site.toml:2", "harmonious.toml"] {
        assert!(error.contains(part), "no {part:?} in {error}");
    }
}

#[test]
fn secrets_that_others_can_read_are_refused() {
    let dir = folder(&[
        ("secrets.toml", "token = \"hidden\"\n"),
        ("static/index.html", ""),
    ]);
    let path = dir.path().join("secrets.toml");
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = refused(&[dir.path()]);
    assert!(
        error.contains("chmod 600") && !error.contains("hidden"),
        "{error}"
    );
}

/// The file of a module's library.
fn library(site: &Path, key: &str) -> PathBuf {
    let index = fs::read(site.join(".harmonious/modules.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    site.join(".harmonious")
        .join(index["modules"][key]["file"].as_str().unwrap())
}

/// Puts a library in place of a module's as a build does, so that it is its content that is looked at,
/// not only the hash in its name.
fn replace(site: &Path, key: &str, bytes: &[u8]) {
    let old = library(site, key);
    let name = old.file_name().unwrap().to_str().unwrap();
    let (stem, _) = name.rsplit_once('-').unwrap();
    let hash = blake3::hash(bytes).to_hex();
    let new = format!("{stem}-{}.so", &hash[..16]);
    fs::write(old.with_file_name(&new), bytes).unwrap();
    let index = site.join(".harmonious/modules.json");
    let text = fs::read_to_string(&index).unwrap().replace(name, &new);
    fs::write(index, text).unwrap();
}

/// The module `only` is answered 500 and named in the log with this; all else of the site is served.
#[track_caller]
fn check_refused(site: &Path, reasons: &[&str]) {
    let mut server = serve(&[site], &[]);
    for _ in 0..2 {
        let answer = Ask::get("/only").of("one.example").to(&server);
        assert_eq!(answer.status, 500, "{}", answer.body);
        let line = server.line(|line| line.contains("ERROR") && line.contains("only"));
        for reason in reasons {
            assert!(line.contains(reason), "no {reason:?} in {line}");
            assert!(
                !answer.body.contains(reason),
                "{reason:?} is told to visitors"
            );
        }
    }
    let home = Ask::get("/").of("one.example").to(&server);
    assert_eq!(home.status, 200, "{}", home.body);
    assert_eq!(Ask::get("/about").of("one.example").to(&server).status, 200);
}

#[test]
fn a_library_that_was_changed_in_its_place_is_refused() {
    for spoil in [
        |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2),
        |bytes: &mut Vec<u8>| *bytes = b"no library".to_vec(),
        |bytes: &mut Vec<u8>| bytes.push(0),
    ] {
        let site = own("site-one");
        let file = library(site.path(), "only");
        let mut bytes = fs::read(&file).unwrap();
        spoil(&mut bytes);
        fs::write(&file, bytes).unwrap();
        check_refused(site.path(), &["only", "content is not what was built"]);
    }
}

#[test]
fn a_library_that_is_gone_is_named() {
    let site = own("site-one");
    fs::remove_file(library(site.path(), "only")).unwrap();
    // It would be built; here is no tool chain for it.
    let output = sites::run(&[
        "serve",
        site.path().to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
    ]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("only") && error.contains("no cargo on this machine"),
        "{error}"
    );
}

#[test]
fn a_library_that_is_cut_off_is_refused_before_it_is_opened() {
    let site = own("site-one");
    let mut bytes = fs::read(library(site.path(), "only")).unwrap();
    for len in [bytes.len() - 100, bytes.len() / 2, 4096, 100, 10] {
        bytes.truncate(len);
        replace(site.path(), "only", &bytes);
        check_refused(site.path(), &["module only", "rebuild it"]);
    }
}

#[test]
fn a_file_that_is_no_library_is_refused() {
    let site = own("site-one");
    replace(site.path(), "only", b"#!/bin/sh\necho no library\n");
    check_refused(site.path(), &["module only", "is no library", "rebuild it"]);
    let site = own("site-one");
    replace(site.path(), "only", &fs::read("/bin/sh").unwrap());
    check_refused(site.path(), &["module only", "no module", "rebuild it"]);
}

/// The library with another value in its fingerprint, of the same length, at all places.
fn with_fingerprint(site: &Path, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let mut bytes = fs::read(library(site, "only")).unwrap();
    let mut found = 0;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            found += 1;
        }
    }
    assert!(found > 0, "no {from:?} in the library");
    replace(site, "only", &bytes);
}

#[test]
fn a_library_for_another_server_is_refused_with_what_differs() {
    for (from, to, reasons) in [
        (
            "abi_major=1\n",
            "abi_major=9\n",
            ["speaks ABI 9", "this server speaks 1"],
        ),
        (
            "panic=unwind\n",
            "panic=xbort!\n",
            ["built with panic = \"xbort!\"", "needs \"unwind\""],
        ),
        ("-linux-", "-minix-", ["is built for", "-minix-"]),
        ("layout=", "layour=", ["fingerprint", "layout"]),
    ] {
        let site = own("site-one");
        with_fingerprint(site.path(), from, to);
        check_refused(site.path(), &["module only", reasons[0], reasons[1]]);
    }
}

#[test]
fn a_library_that_others_may_write_is_refused() {
    let site = own("site-one");
    let file = library(site.path(), "only");
    fs::set_permissions(file, fs::Permissions::from_mode(0o777)).unwrap();
    check_refused(site.path(), &["only", "chmod go-w"]);
}

#[test]
fn a_library_that_is_a_link_is_refused() {
    let site = own("site-one");
    let file = library(site.path(), "only");
    let elsewhere = site.path().join("elsewhere.so");
    fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    check_refused(site.path(), &["only"]);
}
