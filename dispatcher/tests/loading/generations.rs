//! A module through its generations: what replaces it, who still uses the old one, when it retires.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use harmonious_dispatcher::ffi::ModuleBody;
use harmonious_dispatcher::ffi::{RequestArrays, RequestViews};
use harmonious_dispatcher::loader::{
    Expected, ExpectedEntry, Libraries, LibraryError, LoadError, LoadedModule, LoadedSet, Loader,
    LoaderLimits,
};
use parking_lot::Mutex;

use crate::fixture::{DECLARED, Fixture, Variant};
use crate::recorder::{Recorder, ask, ask_with, bytes, said};

pub const EXPECTED: Expected<'static> = Expected {
    entries: &DECLARED,
    panics_per_minute: None,
};

/// Libraries by key, as the test says.
#[derive(Default)]
struct Built(Mutex<HashMap<String, PathBuf>>);

impl Built {
    fn put(&self, key: &str, path: &Path) {
        self.0.lock().insert(key.into(), path.into());
    }

    fn fails(&self, key: &str) {
        self.0.lock().remove(key);
    }
}

impl Libraries for Built {
    fn library(&self, key: &str) -> Result<PathBuf, LibraryError> {
        let path = self.0.lock().get(key).cloned();
        path.ok_or_else(|| LibraryError::Compile {
            key: key.into(),
            messages: "error: expected `;`".into(),
        })
    }
}

/// A site of which only the module "page" is asked for.
struct Site {
    fixture: Fixture,
    built: Arc<Built>,
    loader: Loader,
}

impl Site {
    fn new() -> Site {
        let built = Arc::new(Built::default());
        Site {
            fixture: Fixture::new(),
            loader: Loader::new(
                Arc::clone(&built) as Arc<dyn Libraries>,
                LoaderLimits::default(),
            ),
            built,
        }
    }

    /// Builds a version of the page, and says so.
    fn build(&self, file: &str, version: &'static str) {
        let variant = Variant {
            version,
            ..Variant::default()
        };
        self.built
            .put("page", &self.fixture.variant(file, &variant));
        self.loader.invalidate(&["page".into()]);
    }

    /// Says that a file of before is the page's again.
    fn again(&self, file: &str) {
        self.built.put("page", &self.fixture.path(file));
        self.loader.invalidate(&["page".into()]);
    }

    fn page(&self) -> Arc<LoadedModule> {
        self.loader.get("page", &EXPECTED).unwrap()
    }
}

#[test]
fn a_rebuilt_module_answers_while_the_old_one_still_does() {
    let site = Site::new();
    site.build("page-1.so", "one");
    let old = site.page();
    site.build("page-2.so", "two");
    let new = site.page();
    assert_eq!(said(&old.library, "version"), "one");
    assert_eq!(said(&new.library, "version"), "two");
    assert_eq!((old.generation, new.generation), (1, 2));
    assert_eq!(said(&site.page().library, "version"), "two");
}

#[test]
fn a_replaced_module_retires_once_when_its_last_user_is_gone() {
    let site = Site::new();
    site.build("page-1.so", "one");
    let old = site.page();
    let (first, second) = (Arc::clone(&old), Arc::clone(&old));
    site.build("page-2.so", "two");
    site.page();
    drop(old);
    drop(first);
    assert_eq!(site.fixture.journal("page-1.so"), ["init"]);
    drop(second);
    assert_eq!(site.fixture.journal("page-1.so"), ["init", "retire"]);
    site.page();
    drop(site.loader);
    assert_eq!(site.fixture.journal("page-1.so"), ["init", "retire"]);
    assert_eq!(site.fixture.journal("page-2.so"), ["init", "retire"]);
}

#[test]
fn a_module_that_is_stale_but_not_replaced_does_not_retire() {
    let site = Site::new();
    site.build("page-1.so", "one");
    site.page();
    site.build("page-2.so", "two");
    assert_eq!(
        site.fixture.journal("page-1.so"),
        ["init"],
        "nobody asked for the new one"
    );
}

#[test]
fn a_large_body_keeps_its_module_in_use() {
    let site = Site::new();
    site.build("page-1.so", "one");
    let body = bytes(ask(&site.page().library, "large"));
    let part = body.slice(..10);
    drop(body);
    site.build("page-2.so", "two");
    site.page();
    assert_eq!(site.fixture.journal("page-1.so"), ["init"]);
    assert_eq!(part, "llllllllll");
    drop(part);
    assert_eq!(
        site.fixture.journal("page-1.so"),
        ["init", "drop bytes", "retire"]
    );
}

#[test]
fn a_stream_keeps_its_module_in_use() {
    let site = Site::new();
    site.build("page-1.so", "one");
    let ModuleBody::Stream(mut stream) = ask(&site.page().library, "stream").body else {
        panic!("no stream");
    };
    site.build("page-2.so", "two");
    site.page();
    assert_eq!(stream.next().unwrap().unwrap(), "first ");
    assert_eq!(site.fixture.journal("page-1.so"), ["init"]);
    drop(stream);
    assert_eq!(
        site.fixture.journal("page-1.so"),
        ["init", "drop stream", "retire"]
    );
}

#[test]
fn the_same_file_is_the_same_module_and_starts_once() {
    let site = Site::new();
    site.build("page-1.so", "one");
    let before = site.page();
    site.again("page-1.so");
    assert!(Arc::ptr_eq(&before, &site.page()));
    assert_eq!(site.loader.loaded()[0].generation, 1);
    assert_eq!(site.fixture.journal("page-1.so"), ["init"]);
}

#[test]
fn one_file_in_two_sites_starts_once_and_retires_with_the_last() {
    let (site, other) = (Site::new(), Site::new());
    site.build("page-1.so", "one");
    other.built.put("page", &site.fixture.path("page-1.so"));
    assert_eq!(said(&site.page().library, "version"), "one");
    assert_eq!(said(&other.page().library, "version"), "one");
    drop(other.loader);
    assert_eq!(
        site.fixture.journal("page-1.so"),
        ["init", "drop bytes", "drop bytes"]
    );
    drop(site.loader);
    assert_eq!(site.fixture.journal("page-1.so")[3..], ["retire"]);
}

#[test]
fn a_change_that_is_undone_starts_the_old_file_again() {
    let site = Site::new();
    site.build("page-1.so", "one");
    site.page();
    site.build("page-2.so", "two");
    site.page();
    assert_eq!(site.fixture.journal("page-1.so"), ["init", "retire"]);
    site.again("page-1.so");
    assert_eq!(said(&site.page().library, "version"), "one");
    assert_eq!(site.page().generation, 3);
    assert_eq!(
        site.fixture.journal("page-1.so"),
        ["init", "retire", "init", "drop bytes"]
    );
    assert_eq!(site.fixture.journal("page-2.so"), ["init", "retire"]);
}

#[test]
fn what_does_not_build_is_an_error_and_the_last_good_one_is_still_there() {
    let site = Site::new();
    site.build("page-1.so", "one");
    assert!(site.loader.last_good("page").is_none());
    site.page();
    site.built.fails("page");
    site.loader.invalidate(&["page".into()]);
    let why = site.loader.get("page", &EXPECTED).err().unwrap();
    assert_eq!(
        why.to_string(),
        "module page does not compile:\nerror: expected `;`"
    );
    let good = site.loader.last_good("page").unwrap();
    assert_eq!(said(&good.library, "version"), "one");
    assert!(site.loader.loaded()[0].stale);
    site.build("page-2.so", "two");
    assert_eq!(said(&site.page().library, "version"), "two");
    assert!(!site.loader.loaded()[0].stale);
}

#[test]
fn entries_that_are_not_those_of_the_source_are_refused() {
    let site = Site::new();
    site.build("page-1.so", "one");
    let fewer = Expected {
        entries: &DECLARED[..4],
        panics_per_minute: None,
    };
    let message = |expected: &Expected<'_>| match site.loader.get("page", expected) {
        Err(why @ LoadError::Entries { .. }) => why.to_string(),
        _ => panic!("it was loaded"),
    };
    assert_eq!(
        message(&fewer),
        "module page (page-1.so) has the error page \"sorry\", which its source does not declare: \
         handlers made by a macro are not seen, write them at top level; else rebuild it with \
         \"harmonious build --release SITE\""
    );
    assert_eq!(site.fixture.journal("page-1.so"), ["init", "retire"]);
    // Also where another request has loaded it, with another manifest.
    site.page();
    message(&fewer);
    let mut more = DECLARED.to_vec();
    more.push(ExpectedEntry {
        kind: harmonious_abi::kind::GUARD,
        methods: 0,
        name: "admin",
    });
    let more = Expected {
        entries: &more,
        panics_per_minute: None,
    };
    assert!(message(&more).contains("lacks the guard \"admin\", which its source declares"));
}

#[test]
fn entries_are_found_by_what_they_are_for() {
    let site = Site::new();
    site.build("page-1.so", "one");
    let page = site.page();
    let name = |at: Option<usize>| Some(page.library.entries()[at?].name.as_str());
    assert_eq!(
        name(page.table.handler(harmonious_abi::method::POST)),
        Some("page")
    );
    assert_eq!(name(page.table.handler(harmonious_abi::method::PUT)), None);
    assert_eq!(name(page.table.guards().first().copied()), Some("guard"));
    assert_eq!(name(page.table.afters().first().copied()), Some("after"));
    assert_eq!(name(page.table.export("echo")), Some("echo"));
    assert_eq!(name(page.table.error_page()), Some("sorry"));
}

#[test]
fn a_module_that_panics_too_often_is_closed_until_it_is_reloaded() {
    let site = Site::new();
    site.build("page-1.so", "one");
    let expected = Expected {
        panics_per_minute: Some(3),
        ..EXPECTED
    };
    let page = site.loader.get("page", &expected).unwrap();
    let ask = |query: &str| {
        let headers = http::HeaderMap::new();
        let mut arrays = RequestArrays::default();
        let views = RequestViews::new(&crate::recorder::parts(query, &headers), &mut arrays);
        let call = harmonious_dispatcher::ffi::EntryCall {
            request: Some(&views),
            ..Default::default()
        };
        let handler = page.table.handler(harmonious_abi::method::GET).unwrap();
        page.call(handler, &call, &mut Recorder::default())
    };
    let now = std::time::Instant::now;
    for query in ["panic", "fail", "version", "panic", "lie"] {
        ask(query);
    }
    assert!(page.breaker.admit(now).is_ok(), "failures are no panics");
    ask("panic");
    let open = page.breaker.admit(now).unwrap_err();
    assert!((1..=60).contains(&open.retry_after_s()));
    site.build("page-2.so", "two");
    let reloaded = site.loader.get("page", &expected).unwrap();
    assert!(reloaded.breaker.admit(now).is_ok());
    assert!(page.breaker.admit(now).is_err(), "the old one stays closed");
}

#[test]
fn what_is_loaded_is_told_with_its_generations() {
    let site = Site::new();
    assert!(site.loader.loaded().is_empty());
    site.build("page-1.so", "one");
    assert!(site.loader.loaded().is_empty(), "nobody asked for it");
    let old = site.page();
    site.build("page-2.so", "two");
    site.page();
    site.built.put("about", &site.fixture.good("about-1.so"));
    site.loader.get("about", &EXPECTED).unwrap();
    let [about, page] = &site.loader.loaded()[..] else {
        panic!("two are loaded");
    };
    assert_eq!((about.key.as_str(), about.generation), ("about", 1));
    assert_eq!((page.key.as_str(), page.generation), ("page", 2));
    assert_eq!(page.file, site.fixture.path("page-2.so"));
    assert_eq!((page.leaving_generations, page.retired_generations), (1, 0));
    drop(old);
    let page = &site.loader.loaded()[1];
    assert_eq!((page.leaving_generations, page.retired_generations), (0, 1));
}

#[test]
fn a_module_whose_source_is_gone_retires() {
    let site = Site::new();
    site.build("page-1.so", "one");
    site.page();
    site.loader.retain(|key| key == "page");
    assert_eq!(site.fixture.journal("page-1.so"), ["init"]);
    site.loader.retain(|_| false);
    assert_eq!(site.fixture.journal("page-1.so"), ["init", "retire"]);
    assert!(site.loader.loaded().is_empty());
}

#[test]
fn who_holds_a_set_sees_its_modules_whatever_is_rebuilt() {
    let site = Site::new();
    site.build("page-1.so", "one");
    let load = || site.loader.get("page", &EXPECTED);
    let set = LoadedSet::new(3);
    assert!(set.get(2).is_none() && set.get(3).is_none());
    let version = |set: &LoadedSet| {
        let page = set.get_or_load(2, load).unwrap();
        said(&page.library, "version")
    };
    assert_eq!(version(&set), "one");
    assert!(set.get(2).is_some() && set.get(0).is_none());
    site.build("page-2.so", "two");
    let (kept, next) = (
        set.without(|index| index != 2),
        set.without(|index| index == 2),
    );
    assert_eq!(version(&next), "two");
    assert_eq!(
        (version(&set), version(&kept)),
        ("one".into(), "one".into())
    );
    drop((set, kept));
    let journal = site.fixture.journal("page-1.so");
    assert_eq!(journal.last().unwrap(), "retire");
}

#[test]
fn a_set_keeps_nothing_of_what_does_not_load() {
    let site = Site::new();
    let set = LoadedSet::new(1);
    let load = || site.loader.get("page", &EXPECTED);
    assert!(set.get_or_load(0, load).is_err());
    site.build("page-1.so", "one");
    assert!(set.get_or_load(0, load).is_ok());
}

#[test]
fn many_threads_call_one_module_at_once_while_it_is_replaced() {
    let site = Site::new();
    site.build("page-0.so", "version 0");
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let mut recorder = Recorder::default();
                        ask_with(&site.page().library, "version", &mut recorder);
                        assert!(bytes(recorder.response()).starts_with(b"version "));
                    }
                })
            })
            .collect();
        for (file, version) in [
            ("page-1.so", "version 1"),
            ("page-2.so", "version 2"),
            ("page-3.so", "version 3"),
        ] {
            site.build(file, version);
            site.again("page-0.so");
            site.again(file);
        }
        callers
            .into_iter()
            .for_each(|caller| caller.join().unwrap());
    });
    let journal = site.fixture.journal("page-0.so");
    let mut lives = journal.iter().filter(|line| *line != "drop bytes");
    while let Some(begin) = lives.next() {
        assert_eq!(
            (begin.as_str(), lives.next().unwrap().as_str()),
            ("init", "retire")
        );
    }
}
