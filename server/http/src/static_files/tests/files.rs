//! Which files are served: those in the folder, and nothing else.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use http::Method;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;
use crate::error::Error;

/// Regular files, folders, and everything that is neither.
fn populated() -> Site {
    let site = Site::attentive(&[
        ("a.txt", "a"),
        ("empty.txt", ""),
        ("sub/b.txt", "b"),
        ("sub/deep/c.txt", "c"),
        (".hidden", SECRET),
        (".git/config", SECRET),
        ("sub/.hidden", SECRET),
        (".well-known/security.txt", "contact"),
        ("with space.txt", "space"),
        ("100%.txt", "percent"),
        ("\u{e9}.txt", "accent"),
        ("back\\slash.txt", SECRET),
    ]);
    mknodat(CWD, site.path("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    UnixListener::bind(site.path("socket")).unwrap();
    site
}

fn check_regular_files(site: &Site) {
    site.check("/static/a.txt", 200, "a");
    site.check("/static/a.txt?version=1", 200, "a");
    site.check("/static/empty.txt", 200, "");
    site.check("/static/sub/b.txt", 200, "b");
    site.check("/static/sub/deep/c.txt", 200, "c");
    site.check("/static/%61%2etxt", 200, "a");
    site.check("/static/with%20space.txt", 200, "space");
    site.check("/static/100%25.txt", 200, "percent");
    site.check("/static/%C3%A9.txt", 200, "accent");
    site.check("/static/.well-known/security.txt", 200, "contact");
}

fn check_nothing_else(site: &Site) {
    for path in [
        "",
        "sub",
        "sub/",
        "sub/deep",
        ".well-known",
        "missing",
        "a.txt/",
        "a.txt/b",
        "sub//b.txt",
        "/a.txt",
        ".",
        "..",
        "./a.txt",
        "sub/../a.txt",
        "../outside.txt",
        "../root/a.txt",
        "%2e%2e/outside.txt",
        "%2e%2e%2foutside.txt",
        "..%2foutside.txt",
        "sub%2fb.txt",
        "..\\outside.txt",
        "..%5coutside.txt",
        "back%5cslash.txt",
        "a.txt%00",
        "%00",
        "%252e%252e",
        "a.txt%0a",
        "%ff",
        "%",
        ".hidden",
        "%2ehidden",
        ".git/config",
        "sub/.hidden",
        "pipe",
        "socket",
    ] {
        site.check(&format!("/static/{path}"), 404, "");
    }
    site.check(&format!("/static/{}", "x".repeat(255)), 404, "");
    site.check(&format!("/static/{}x", "x/".repeat(4000)), 404, "");
}

#[test]
fn regular_files_are_served_and_nothing_else() {
    let site = populated();
    check_regular_files(&site);
    check_nothing_else(&site);
}

#[test]
fn the_same_without_openat2() {
    let mut site = populated();
    site.files.root = site.files.root.without_openat2();
    assert!(!site.files.root.serves_tasks());
    check_regular_files(&site);
    check_nothing_else(&site);
}

/// Links of all kinds: those that stay inside, then those that do not.
fn linked() -> (Site, [&'static str; 4], [&'static str; 9]) {
    let site = Site::attentive(&[("a.txt", "a"), ("sub/b.txt", "a")]);
    let outside = site.folder.path().join("outside.txt");
    let absolute = site.path("a.txt");
    for (link, target) in [
        ("inside", Path::new("a.txt")),
        ("chain", Path::new("inside")),
        ("folder", Path::new("sub")),
        ("sub/up", Path::new("../a.txt")),
        ("absolute", &absolute),
        ("out", &outside),
        ("climbing", Path::new("../outside.txt")),
        ("returning", Path::new("../root/a.txt")),
        ("parent", Path::new("..")),
        ("dangling", Path::new("missing")),
        ("loop", Path::new("pool")),
        ("pool", Path::new("loop")),
        ("magic", Path::new("/proc/self/exe")),
    ] {
        symlink(target, site.path(link)).unwrap();
    }
    let inside = ["inside", "chain", "folder/b.txt", "sub/up"];
    let refused = [
        "absolute",
        "out",
        "climbing",
        "returning",
        "parent/outside.txt",
        "dangling",
        "loop",
        "pool",
        "magic",
    ];
    (site, inside, refused)
}

#[test]
fn links_are_followed_as_long_as_they_stay_inside() {
    let (site, inside, refused) = linked();
    let status = if site.files.root.has_openat2() {
        200
    } else {
        eprintln!("this system has no openat2: links cannot be followed");
        404
    };
    for path in inside {
        site.check(&format!("/static/{path}"), status, "a");
    }
    for path in refused {
        site.check(&format!("/static/{path}"), 404, "");
    }
}

#[test]
fn without_openat2_no_link_is_followed() {
    let (mut site, inside, refused) = linked();
    site.files.root = site.files.root.without_openat2();
    for path in inside.iter().chain(&refused) {
        site.check(&format!("/static/{path}"), 404, "");
    }
}

#[test]
fn a_file_that_may_not_be_read_is_not_there() {
    let site = Site::attentive(&[("a.txt", "a")]);
    fs::set_permissions(site.path("a.txt"), fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(site.path("a.txt")).is_ok() {
        return eprintln!("these tests run as root, who may read everything");
    }
    site.check("/static/a.txt", 404, "");
}

#[test]
fn the_prefix_decides_what_is_mine() {
    let site = Site::attentive(&[("a.txt", "a")]);
    for url in ["/", "/a.txt", "/static", "/statics/a.txt"] {
        let head = head(Method::GET, url, &[]);
        assert!(
            matches!(site.files.try_answer(&head), TryAnswer::NotMine),
            "{url}"
        );
        assert_eq!(site.files.answer(&head).status, 404, "{url}");
    }
    let prefix = "/".to_owned();
    let site = Site::new(
        &[("a.txt", "a")],
        StaticConfig {
            prefix,
            ..StaticConfig::default()
        },
    );
    site.check("/a.txt", 200, "a");
    site.check("/", 404, "");
}

#[test]
fn what_cannot_be_served_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [&file, &folder.path().join("missing")] {
        let refused = StaticFiles::open(path, StaticConfig::default());
        assert!(matches!(refused, Err(Error::Root { path: named, .. }) if named == *path));
    }
    let check = |config: StaticConfig, expected: &str| {
        let message = StaticFiles::open(folder.path(), config)
            .unwrap_err()
            .to_string();
        assert_eq!(message, expected);
    };
    for prefix in ["", "static/", "/static"] {
        let expected = "allowed is a path that begins and ends with \"/\"";
        let config = StaticConfig {
            prefix: prefix.to_owned(),
            ..StaticConfig::default()
        };
        check(config, &format!("prefix is {prefix:?}: {expected}"));
    }
    let config = StaticConfig {
        entries_max: 0,
        ..StaticConfig::default()
    };
    check(config, "entries_max is 0: allowed is 1 to 1000000");
    let cache_control = Some("a\nb".to_owned());
    let config = StaticConfig {
        cache_control,
        ..StaticConfig::default()
    };
    assert!(matches!(
        StaticFiles::open(folder.path(), config),
        Err(Error::Setting {
            setting: "cache_control",
            ..
        })
    ));
}
