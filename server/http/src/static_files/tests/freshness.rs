//! What the cache promises: answers on the task, and never for long from a file that is gone.

use std::fs;

use http::Method;
use http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};

use super::*;
use crate::static_files::root::Mode;

const HOUR: Duration = Duration::from_secs(3600);

fn forgetful() -> Site {
    let config = StaticConfig {
        memory_file_max_bytes: 8,
        ..StaticConfig::default()
    };
    Site::new(
        &[],
        StaticConfig {
            fresh_for: Duration::ZERO,
            ..config
        },
    )
}

/// One that does not look again for an hour; files of more than 8 bytes are large.
fn trusting() -> Site {
    let config = StaticConfig {
        memory_file_max_bytes: 8,
        ..StaticConfig::default()
    };
    Site::new(
        &[],
        StaticConfig {
            fresh_for: HOUR,
            ..config
        },
    )
}

/// Asks until the cache keeps the file: one that has just been written is not kept.
fn warm(site: &Site, path: &str) {
    loop {
        site.check(
            &format!("/static/{path}"),
            200,
            &fs::read_to_string(site.path(path)).unwrap(),
        );
        let resource = site.files.cache.get(path, 0).unwrap().found.unwrap();
        if resource.choose(&HeaderMap::new()).content.get().is_some() {
            return;
        }
        std::thread::yield_now();
    }
}

#[test]
fn what_a_worker_has_answered_is_answered_on_the_task() {
    for site in [forgetful(), trusting()] {
        if !site.files.root.serves_tasks() && site.files.config.fresh_for.is_zero() {
            eprintln!("files in this file system cannot be looked at on a task");
            continue;
        }
        site.write("a.txt", "small");
        site.write("b.txt", "not so small");
        warm(&site, "a.txt");
        for path in ["a.txt", "b.txt", "missing"] {
            let head = head(Method::GET, &format!("/static/{path}"), &[]);
            let on_worker = see(site.files.answer(&head));
            assert_eq!(site.on_task(&head), Some(on_worker), "{path}");
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_that_the_system_has_in_memory_is_read_on_the_task() {
    let site = Site::attentive(&[("a.txt", "small")]);
    let file = fs::File::open(site.path("a.txt")).unwrap();
    let readable = crate::static_files::linux::read_cached(&file, &mut [0; 5]).is_ok();
    if !readable || !site.files.root.serves_tasks() {
        return eprintln!("this file system cannot say whether a read would wait");
    }
    site.files.find("a.txt", Mode::Worker, false).unwrap();
    let head = head(Method::GET, "/static/a.txt", &[]);
    assert_eq!(site.on_task(&head).unwrap().body, "small");
}

#[test]
fn a_file_in_memory_needs_no_file_system() {
    let site = trusting();
    site.write("a.txt", "old");
    warm(&site, "a.txt");
    let head = head(Method::GET, "/static/a.txt", &[]);
    fs::remove_file(site.path("a.txt")).unwrap();
    assert_eq!(site.on_task(&head).unwrap().body, "old");
    site.write("a.txt", "new");
    assert_eq!(site.on_task(&head).unwrap().body, "old");
}

#[test]
fn a_file_that_is_not_in_memory_is_a_workers() {
    let site = Site::attentive(&[]);
    let content = "x".repeat(60_000);
    site.write("a.txt", &content);
    let head = head(Method::GET, "/static/a.txt", &[]);
    for _ in 0..100 {
        let file = fs::File::open(site.path("a.txt")).unwrap();
        file.sync_all().unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        // The cache of paths must know of the file, or else it is a worker's for that reason.
        let known = site.files.find("a.txt", Mode::Worker, false).is_ok();
        if known && site.on_task(&head).is_none() {
            return assert_eq!(see(site.files.answer(&head)).body, content);
        }
    }
    eprintln!("this file system keeps its files in memory");
}

#[test]
fn a_file_that_is_replaced_is_seen() {
    for (old, new) in [
        ("old", "new"),
        ("old and large", "new and large"),
        ("old", "longer"),
    ] {
        let site = forgetful();
        site.write("a.txt", old);
        warm(&site, "a.txt");
        let before = site.get("/static/a.txt", &[]);
        site.replace("a.txt", new);
        let after = site.get("/static/a.txt", &[(IF_NONE_MATCH, before.header("etag"))]);
        assert_eq!((after.status, &*after.body), (StatusCode::OK, new));
        assert_ne!(after.header("etag"), before.header("etag"));
    }
}

#[test]
fn a_file_that_is_replaced_with_its_times_kept_is_seen() {
    let site = forgetful();
    site.write("a.txt", "old");
    warm(&site, "a.txt");
    let before = site.get("/static/a.txt", &[]);
    let time = fs::metadata(site.path("a.txt"))
        .unwrap()
        .modified()
        .unwrap();
    site.replace("a.txt", "new");
    site.set_modified("a.txt", time);
    let after = site.get("/static/a.txt", &[]);
    assert_eq!(after.body, "new");
    assert_eq!(
        after.header("last-modified"),
        before.header("last-modified")
    );
    assert_ne!(after.header("etag"), before.header("etag"));
}

#[test]
fn a_file_that_is_written_to_in_place_is_seen() {
    let site = forgetful();
    for content in [
        "one",
        "two",
        "three, which is large",
        "four",
        "",
        "six, which is large too",
        "7",
    ] {
        site.write("a.txt", content);
        warm(&site, "a.txt");
        site.check("/static/a.txt", 200, content);
    }
}

#[test]
fn a_file_that_is_cut_while_it_is_known_is_answered_whole_or_anew() {
    let site = trusting();
    site.write("a.txt", "12345678");
    warm(&site, "a.txt");
    site.write("a.txt", "1234");
    site.check("/static/a.txt", 200, "12345678");
    // Known, but not in memory: what is opened is not what was looked at, and is looked at again.
    let site = trusting();
    site.write("a.txt", "12345678");
    site.files.find("a.txt", Mode::Worker, false).unwrap();
    site.write("a.txt", "1234");
    site.check("/static/a.txt", 200, "1234");
    let site = trusting();
    site.write("a.txt", "12345678");
    site.files.find("a.txt", Mode::Worker, false).unwrap();
    fs::remove_file(site.path("a.txt")).unwrap();
    site.check("/static/a.txt", 404, "");
}

#[test]
fn an_encoded_file_that_goes_while_it_is_known_takes_nothing_with_it() {
    let site = trusting();
    site.write("a.js", "plain");
    site.write("a.js.br", "brotli");
    site.files.find("a.js", Mode::Worker, false).unwrap();
    fs::remove_file(site.path("a.js.br")).unwrap();
    let seen = site.get("/static/a.js", &[(ACCEPT_ENCODING, "br")]);
    assert_eq!((&*seen.body, seen.header("vary")), ("plain", ""));
}

#[test]
fn files_come_and_go() {
    let site = forgetful();
    for _ in 0..3 {
        site.check("/static/a.txt", 404, "");
        site.write("a.txt", "here");
        site.check("/static/a.txt", 200, "here");
        fs::remove_file(site.path("a.txt")).unwrap();
    }
    fs::create_dir(site.path("a.txt")).unwrap();
    site.check("/static/a.txt", 404, "");
}

#[test]
fn what_is_missing_is_known_for_as_long_as_what_is_there() {
    let site = trusting();
    site.check("/static/a.txt", 404, "");
    site.write("a.txt", "here");
    site.check("/static/a.txt", 404, "");
}

#[test]
fn small_bounds_change_nothing_but_the_work() {
    let names: Vec<_> = (0..20).map(|number| format!("{number}.txt")).collect();
    for (entries_max, memory_max_bytes, open_files_max) in [
        (1, 0, 0),
        (3, 16, 2),
        (1000, 0, 1),
        (1000, 64, 0),
        (1000, 4096, 256),
    ] {
        let site = Site::new(
            &[],
            StaticConfig {
                entries_max,
                memory_max_bytes,
                open_files_max,
                memory_file_max_bytes: 8,
                ..StaticConfig::default()
            },
        );
        names.iter().for_each(|name| site.write(name, name));
        for name in names.iter().chain(&names) {
            site.check(&format!("/static/{name}"), 200, name);
            site.check(&format!("/static/missing/{name}"), 404, "");
        }
    }
}

#[test]
fn threads_ask_for_a_file_that_keeps_changing() {
    let site = forgetful();
    site.write("a.txt", "0 0 0");
    std::thread::scope(|scope| {
        let asks: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..300 {
                        let seen = see(site.files.answer(&head(Method::GET, "/static/a.txt", &[])));
                        if seen.status == StatusCode::OK {
                            let words: Vec<_> = seen.body.split(' ').collect();
                            assert!(words.windows(2).all(|two| two[0] == two[1]), "{words:?}");
                        } else {
                            // It changed each time that it was looked at.
                            assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
                        }
                    }
                })
            })
            .collect();
        let mut number = 0;
        while asks.iter().any(|ask| !ask.is_finished()) {
            number += 1;
            site.replace("a.txt", &format!("{number} {number} {number}"));
        }
    });
}
