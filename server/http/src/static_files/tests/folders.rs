//! Folders that a file answers for, and their URLs with and without the slash.

use std::os::unix::fs::symlink;

use super::*;
use crate::error::Error;

fn with_index() -> Site {
    let config = StaticConfig {
        index: Some("index.html".to_owned()),
        fresh_for: Duration::ZERO,
        ..StaticConfig::default()
    };
    Site::new(
        &[
            ("index.html", "top"),
            ("docs/index.html", "docs"),
            ("docs/a b/index.html", "space"),
            ("bare/a.txt", "a"),
            ("odd/index.html/x", "the index is a folder"),
            (".git/index.html", SECRET),
        ],
        config,
    )
}

fn check_moved(site: &Site, url: &str, location: &str) {
    for method in [Method::GET, Method::HEAD] {
        let seen = site.ask(method, url, &[]);
        let got = (seen.status.as_u16(), seen.header("location"));
        assert_eq!(got, (308, location), "{url}");
    }
}

#[test]
fn a_folder_is_answered_by_its_index() {
    let site = with_index();
    site.check("/static/", 200, "top");
    site.check("/static/docs/", 200, "docs");
    site.check("/static/docs/?a=b", 200, "docs");
    site.check("/static/docs/index.html", 200, "docs");
    let seen = site.get("/static/docs/", &[]);
    assert_eq!(seen.header("content-type"), "text/html; charset=utf-8");
    for url in [
        "bare/",
        "odd/",
        ".git/",
        "missing/",
        "index.html/",
        "docs//",
        "/",
        "docs/../",
    ] {
        site.check(&format!("/static/{url}"), 404, "");
    }
}

#[test]
fn a_folder_without_its_slash_is_moved_with_the_query() {
    let site = with_index();
    check_moved(&site, "/static/docs", "/static/docs/");
    check_moved(&site, "/static/docs?", "/static/docs/?");
    check_moved(&site, "/static/docs?a=/b&c", "/static/docs/?a=/b&c");
    check_moved(&site, "/static/docs/a%20b", "/static/docs/a%20b/");
    check_moved(&site, "/static/%64ocs", "/static/%64ocs/");
    for url in ["bare", "odd", ".git", "missing", "bare/missing"] {
        site.check(&format!("/static/{url}"), 404, "");
    }
    let seen = site.ask(Method::POST, "/static/docs", &[]);
    assert_eq!(seen.status, 405);
}

#[test]
fn no_location_names_another_host() {
    let config = StaticConfig {
        prefix: "/".to_owned(),
        index: Some("index.html".to_owned()),
        ..StaticConfig::default()
    };
    let site = Site::new(&[("example.org/index.html", "page")], config);
    check_moved(&site, "/example.org", "/example.org/");
    for url in [
        "//example.org",
        "///example.org",
        "/%2fexample.org",
        "/\\example.org",
        "/./example.org",
    ] {
        site.check(url, 404, "");
    }
}

#[test]
fn a_folder_that_comes_and_goes_is_seen() {
    let site = with_index();
    for _ in 0..3 {
        site.check("/static/new", 404, "");
        site.write("new/index.html", "here");
        check_moved(&site, "/static/new", "/static/new/");
        site.check("/static/new/", 200, "here");
        fs::remove_dir_all(site.path("new")).unwrap();
        site.write("new", "a file");
        site.check("/static/new", 200, "a file");
        site.check("/static/new/", 404, "");
        fs::remove_file(site.path("new")).unwrap();
    }
}

#[test]
fn a_link_to_a_folder_outside_is_no_folder() {
    let site = with_index();
    fs::create_dir(site.folder.path().join("outside")).unwrap();
    fs::write(site.folder.path().join("outside/index.html"), SECRET).unwrap();
    symlink("../outside", site.path("link")).unwrap();
    site.check("/static/link", 404, "");
    site.check("/static/link/", 404, "");
}

#[test]
fn without_an_index_a_folder_is_not_there() {
    let site = Site::attentive(&[("docs/index.html", "docs")]);
    site.check("/static/docs", 404, "");
    site.check("/static/docs/", 404, "");
    site.check("/static/docs/index.html", 200, "docs");
}

#[test]
fn what_can_be_no_file_is_no_index() {
    let folder = tempfile::tempdir().unwrap();
    for index in ["", "a/b", ".index", ".."] {
        let config = StaticConfig {
            index: Some(index.to_owned()),
            ..StaticConfig::default()
        };
        let error = StaticFiles::open(folder.path(), config).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Setting {
                    setting: "index",
                    ..
                }
            ),
            "{error}"
        );
    }
}
