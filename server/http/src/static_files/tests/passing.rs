//! Files beside others' URLs: what is not there is theirs, and known to be without the file system.

use super::*;
use crate::static_files::config::NAMES_MAX;
use crate::static_files::names::Outlook;
use crate::static_files::root::Mode;

const HOUR: Duration = Duration::from_secs(3600);

fn beside(files: &[(&str, &str)], fresh_for: Duration) -> Site {
    let config = StaticConfig {
        prefix: "/".to_owned(),
        index: Some("index.html".to_owned()),
        fall_through: true,
        fresh_for,
        ..StaticConfig::default()
    };
    // The folder is read when it is opened: its files are there before.
    let mut site = Site::new(files, config.clone());
    site.files = StaticFiles::open(&site.path(""), config).unwrap();
    site
}

const FILES: [(&str, &str); 3] = [
    ("a.txt", "a"),
    ("css/site.css", "css"),
    ("docs/index.html", "docs"),
];

fn on_worker(site: &Site, url: &str) -> Option<u16> {
    let response = site.files.answer_if_mine(&head(Method::GET, url, &[]));
    response.map(|response| response.status.as_u16())
}

fn is_passed(site: &Site, method: Method, url: &str) -> bool {
    let answer = site.files.try_answer(&head(method, url, &[]));
    matches!(answer, TryAnswer::NotMine)
}

#[test]
fn what_is_not_there_is_somebody_elses() {
    for fresh_for in [Duration::ZERO, HOUR] {
        let site = beside(&FILES, fresh_for);
        assert_eq!(on_worker(&site, "/a.txt"), Some(200));
        assert_eq!(on_worker(&site, "/docs"), Some(308));
        assert_eq!(on_worker(&site, "/docs/"), Some(200));
        for url in [
            "/",
            "/missing",
            "/css",
            "/css/",
            "/css/missing",
            "/.git/x",
            "//a.txt",
            "/%zz",
        ] {
            assert_eq!(on_worker(&site, url), None, "{url}");
            let answer = site.files.answer(&head(Method::GET, url, &[]));
            assert_eq!(answer.status, 404, "{url}");
        }
    }
}

#[test]
fn of_other_methods_nothing_is_known_here() {
    let site = beside(&FILES, HOUR);
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        for url in ["/a.txt", "/missing", "/docs"] {
            assert!(is_passed(&site, method.clone(), url), "{method} {url}");
        }
    }
}

/// The folder is gone: whatever asked the file system would see it.
#[test]
fn other_names_at_the_top_are_told_from_memory() {
    let site = beside(&FILES, HOUR);
    fs::remove_dir_all(site.path("")).unwrap();
    for url in [
        "/",
        "/scripts/",
        "/scripts/submit?a=b",
        "/Css/site.css",
        "/a.tx",
        "/%63s",
    ] {
        assert!(is_passed(&site, Method::GET, url), "{url}");
        assert!(is_passed(&site, Method::HEAD, url), "{url}");
    }
    assert_eq!(
        site.files.outlook("css/missing", Mode::Task),
        Outlook::Possible
    );
    assert!(
        site.files.cache.get("scripts/submit", 0).is_none(),
        "nothing is kept"
    );
}

/// Asks on the task, and on a worker where it must, until the answer is as wanted.
fn await_answer(site: &Site, url: &str, wanted: Option<u16>) {
    let began = std::time::Instant::now();
    loop {
        let request = head(Method::GET, url, &[]);
        let got = match site.files.try_answer(&request) {
            TryAnswer::Answer(response) => Some(response.status.as_u16()),
            TryAnswer::NotMine => None,
            TryAnswer::NeedsWorker => on_worker(site, url),
        };
        if got == wanted {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{url}: {got:?}");
        std::thread::yield_now();
    }
}

#[test]
fn names_that_come_and_go_are_seen() {
    for fresh_for in [Duration::ZERO, Duration::from_millis(10)] {
        let site = beside(&FILES, fresh_for);
        for _ in 0..3 {
            await_answer(&site, "/new.txt", None);
            site.write("new.txt", "new");
            await_answer(&site, "/new.txt", Some(200));
            await_answer(&site, "/new/", None);
            site.write("new/index.html", "new");
            await_answer(&site, "/new", Some(308));
            fs::remove_file(site.path("new.txt")).unwrap();
            fs::remove_dir_all(site.path("new")).unwrap();
        }
    }
}

#[test]
fn a_change_at_the_top_is_read_by_one_worker() {
    let site = beside(&FILES, Duration::from_millis(200));
    let ask = || site.files.outlook("scripts", Mode::Task);
    site.write("new.txt", "new");
    let began = std::time::Instant::now();
    while ask() != Outlook::Stale {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "the change was not seen"
        );
        std::thread::yield_now();
    }
    assert_eq!(on_worker(&site, "/scripts"), None);
    assert_eq!(site.files.outlook("new.txt", Mode::Task), Outlook::Possible);
}

#[test]
fn of_more_names_than_are_kept_the_file_system_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..=NAMES_MAX {
        fs::File::create(folder.path().join(number.to_string())).unwrap();
    }
    let config = StaticConfig {
        prefix: "/".to_owned(),
        fall_through: true,
        ..StaticConfig::default()
    };
    let files = StaticFiles::open(folder.path(), config).unwrap();
    assert_eq!(files.outlook("scripts", Mode::Task), Outlook::Possible);
    assert!(
        files
            .answer_if_mine(&head(Method::GET, "/scripts", &[]))
            .is_none()
    );
    let last = head(Method::GET, &format!("/{NAMES_MAX}"), &[]);
    assert!(files.answer_if_mine(&last).is_some());
}

#[test]
fn without_the_setting_it_is_a_404_and_a_405() {
    let site = Site::attentive(&FILES);
    site.check("/static/scripts/", 404, "");
    assert_eq!(site.ask(Method::POST, "/static/scripts/", &[]).status, 405);
    assert!(
        is_passed(&site, Method::GET, "/scripts/"),
        "not below the prefix"
    );
}
