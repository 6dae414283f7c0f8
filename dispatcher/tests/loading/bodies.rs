//! What modules give away, and when it is freed.

use harmonious_dispatcher::ffi::{Library, ModuleBody, Returned};
use harmonious_dispatcher::loader;
use http::{HeaderValue, StatusCode};

use crate::fixture::Fixture;
use crate::recorder::{Recorder, ask, ask_with, bytes, said};

fn opened(fixture: &Fixture) -> Library {
    loader::open("page", &fixture.good("page.so")).unwrap()
}

#[test]
fn bodies_of_every_kind_come_back() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    assert!(matches!(ask(&library, "nothing").body, ModuleBody::Empty));
    assert_eq!(ask(&library, "nothing").status, StatusCode::NO_CONTENT);
    assert_eq!(said(&library, "version"), "one");
    assert_eq!(said(&library, "static"), "s".repeat(1 << 15));
    assert!(matches!(
        ask(&library, "file").body,
        ModuleBody::File(path) if path.as_os_str() == "data/report.pdf"
    ));
    let response = ask(&library, "fields");
    let values: Vec<_> = response
        .headers
        .get_all("x-twice")
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    assert_eq!(values, [&b"\xe9t\xe9"[..]; 2]);
}

#[test]
fn the_last_answer_counts_and_those_before_are_freed() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    assert_eq!(said(&library, "twice"), "last");
    assert_eq!(fixture.journal("page.so")[1..], ["drop bytes"; 3]);
}

#[test]
fn an_answer_of_an_entry_that_lets_things_go_on_is_freed_and_not_told() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let mut recorder = Recorder::default();
    let returned = ask_with(&library, "changed-its-mind", &mut recorder);
    assert_eq!(returned, Returned::Continue);
    assert!(recorder.responses.is_empty() && recorder.failures.is_empty());
    assert_eq!(fixture.journal("page.so"), ["init", "drop stream"]);
}

#[test]
fn a_small_body_is_copied_and_freed_at_once() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let body = bytes(ask(&library, "version"));
    assert_eq!(fixture.journal("page.so"), ["init", "drop bytes"]);
    assert_eq!(body, "one");
}

#[test]
fn a_large_body_is_freed_with_its_last_slice_on_whatever_thread() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let body = bytes(ask(&library, "large"));
    let slice = body.slice(1000..2000);
    drop(body);
    assert_eq!(fixture.journal("page.so"), ["init"]);
    let sent = std::thread::spawn(move || {
        assert!(slice.iter().all(|byte| *byte == b'l'));
        drop(slice);
    });
    sent.join().unwrap();
    assert_eq!(fixture.journal("page.so"), ["init", "drop bytes"]);
}

#[test]
fn a_stream_is_made_piece_by_piece_and_freed_at_its_end() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let stream = |query| match ask(&library, query).body {
        ModuleBody::Stream(stream) => stream,
        other => panic!("{other:?}"),
    };
    let mut whole = stream("stream");
    assert_eq!(whole.next().unwrap().unwrap(), "first ");
    assert_eq!(
        whole.next().unwrap().unwrap(),
        "second",
        "the empty one is left out"
    );
    assert!(whole.next().is_none() && whole.next().is_none());
    assert_eq!(fixture.journal("page.so"), ["init", "drop stream"]);
    drop(whole);
    assert_eq!(fixture.journal("page.so"), ["init", "drop stream"], "once");

    let elsewhere = stream("stream");
    let taken = std::thread::spawn(move || elsewhere.take(1).count()).join();
    assert_eq!(taken.unwrap(), 1);
    assert_eq!(fixture.journal("page.so")[1..], ["drop stream"; 2]);
}

#[test]
fn a_stream_that_fails_ends_with_an_error_that_names_the_module() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    for (query, pieces, why) in [
        (
            "stream-fails",
            1,
            "the stream of module page (page.so) failed",
        ),
        (
            "stream-lies",
            0,
            "the stream of module page (page.so) returned 7, which means nothing",
        ),
    ] {
        let ModuleBody::Stream(mut stream) = ask(&library, query).body else {
            panic!("no stream");
        };
        assert_eq!(
            stream.by_ref().take(pieces).filter(Result::is_ok).count(),
            pieces
        );
        assert_eq!(stream.next().unwrap().unwrap_err().to_string(), why);
        assert!(stream.next().is_none());
    }
}
