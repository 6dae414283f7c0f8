//! Rebuilding with real cargo, on a tiny site.

use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::*;
use crate::build::fixture::Fixture;

const PATIENCE: Duration = Duration::from_secs(60);

fn start(site: &Fixture) -> (DevLibraries, Receiver<Event>) {
    let (sender, events) = channel();
    (
        start_with(site, move |event| drop(sender.send(event))),
        events,
    )
}

fn start_with(site: &Fixture, tell: impl Fn(Event) + Send + Sync + 'static) -> DevLibraries {
    DevLibraries::with(site.builder(), Stop::default(), site.modules(), tell).unwrap()
}

fn holds(library: &Path, text: &str) -> bool {
    let bytes = fs::read(library).unwrap();
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

fn until(events: &Receiver<Event>, wanted: &Event) {
    let mut all = Vec::new();
    loop {
        match events.recv_timeout(PATIENCE) {
            Ok(event) if event == *wanted => return,
            Ok(event) => all.push(event),
            Err(_) => panic!("not told of; but: {all:?}"),
        }
    }
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|&key| key.to_owned()).collect()
}

#[test]
fn only_what_is_asked_for_is_built_and_a_save_is_seen_without_being_told() {
    let site = Fixture::new(&[("a", "first"), ("b", "first")]);
    let (libraries, events) = start(&site);
    let first = libraries.library("a").unwrap();
    assert!(holds(&first, "first"));
    assert!(site.builder().library("b").is_err());
    until(&events, &Event::Built(keys(&["a"])));
    assert_eq!(libraries.library("a").unwrap(), first);
    site.module("a", "second, longer");
    assert!(holds(&libraries.library("a").unwrap(), "second, longer"));
    assert!(first.is_file());
    assert!(
        libraries
            .library("nothing")
            .unwrap_err()
            .to_string()
            .contains("no module")
    );
}

#[test]
fn a_module_that_was_asked_for_is_built_when_it_is_saved_and_others_are_not() {
    let site = Fixture::new(&[("a", "first"), ("b", "first")]);
    let (libraries, events) = start(&site);
    libraries.library("a").unwrap();
    until(&events, &Event::Idle);
    site.module("a", "second");
    site.module("b", "second");
    libraries.saved(["a", "b"]);
    until(&events, &Event::Building(keys(&["a"])));
    until(&events, &Event::Built(keys(&["a"])));
    assert!(site.builder().library("b").is_err());
}

#[test]
fn the_old_library_goes_on_while_the_source_does_not_compile() {
    let site = Fixture::new(&[("a", "first")]);
    let (libraries, events) = start(&site);
    let old = libraries.library("a").unwrap();
    site.write("domains/a.rs", "fn broken( {}");
    assert_eq!(libraries.library("a").unwrap(), old);
    let failure = libraries.failure("a").unwrap();
    assert!(
        failure.message.contains("does not compile") && failure.diagnostics.contains("a.rs"),
        "{failure:?}"
    );
    until(&events, &Event::Failed(keys(&["a"])));
    site.module("a", "mended");
    assert!(holds(&libraries.library("a").unwrap(), "mended"));
    assert_eq!(libraries.failure("a"), None);
}

#[test]
fn a_module_without_any_library_is_refused_with_what_the_compiler_says() {
    let site = Fixture::new(&[("good", "first")]);
    site.write("domains/bad.rs", "fn broken( {}");
    let (libraries, _events) = start(&site);
    let error = libraries.library("bad").unwrap_err();
    assert!(error.to_string().contains("bad.rs"), "{error}");
    assert!(libraries.library("good").is_ok());
}

#[test]
fn a_chain_is_built_in_one_go() {
    let site = Fixture::new(&[
        ("_parent", "first"),
        ("a/_parent", "first"),
        ("a/b", "first"),
    ]);
    let (libraries, events) = start(&site);
    libraries.refresh(["_parent", "a/_parent", "a/b"]).unwrap();
    until(
        &events,
        &Event::Building(keys(&["_parent", "a/_parent", "a/b"])),
    );
}

#[test]
fn what_is_saved_while_a_build_runs_goes_into_one_more_build() {
    let site = Arc::new(Fixture::new(&[("a", "first"), ("b", "first")]));
    let (sender, events) = channel();
    let (hold, held): (Sender<()>, Receiver<()>) = channel();
    let held = Mutex::new(Some(held));
    let libraries = start_with(&site, move |event| {
        let starts = matches!(event, Event::Building(_));
        let _ = sender.send(event);
        // The first build stands still until the test has saved.
        if starts && let Some(held) = held.lock().unwrap().take() {
            let _ = held.recv_timeout(PATIENCE);
        }
    });
    thread::scope(|scope| {
        let libraries = &libraries;
        let asked = scope.spawn(move || libraries.refresh(["a", "b"]));
        until(&events, &Event::Building(keys(&["a", "b"])));
        for text in ["second", "third, longer"] {
            site.module("a", text);
            libraries.saved(["a"]);
        }
        hold.send(()).unwrap();
        asked.join().unwrap().unwrap();
    });
    assert!(holds(&libraries.library("a").unwrap(), "third, longer"));
    drop(libraries);
    let builds = events
        .try_iter()
        .filter(|event| matches!(event, Event::Building(_)))
        .count();
    assert!(builds <= 1, "{builds} builds after the first");
}

#[test]
fn a_change_of_the_site_module_builds_what_was_asked_for() {
    let site = Fixture::new(&[("a", "first"), ("b", "first")]);
    site.write("site/lib.rs", "pub fn shared() {}");
    let (libraries, events) = start(&site);
    libraries.library("a").unwrap();
    until(&events, &Event::Idle);
    site.write("site/lib.rs", "pub fn shared( {}");
    libraries.shared_saved();
    until(&events, &Event::Building(keys(&["a"])));
    until(&events, &Event::Failed(keys(&["a"])));
    assert!(
        libraries
            .failure("a")
            .unwrap()
            .message
            .contains("which all modules share")
    );
}

#[test]
fn a_broken_cargo_toml_is_told_at_the_url() {
    let site = Fixture::new(&[("a", "first")]);
    let (libraries, _events) = start(&site);
    site.write("Cargo.toml", "[package\n");
    let error = libraries.library("a").unwrap_err();
    assert!(error.to_string().contains("Cargo.toml:1"), "{error}");
}

#[test]
fn who_waits_is_told_when_the_server_stops() {
    let site = Fixture::new(&[("a", "first")]);
    let libraries = start_with(&site, |_| {});
    libraries.stop();
    assert!(
        libraries
            .library("a")
            .unwrap_err()
            .to_string()
            .contains("the server stops")
    );
}
