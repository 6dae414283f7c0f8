//! What modules ask of the host while they run.

use harmonious_dispatcher::ffi::{Library, Returned};
use harmonious_dispatcher::loader;

use crate::fixture::Fixture;
use crate::recorder::{Recorder, ask, ask_with, bytes, said};

fn opened(fixture: &Fixture) -> Library {
    loader::open("page", &fixture.good("page.so")).unwrap()
}

#[test]
fn replies_of_services_stay_until_the_entry_returns() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let mut recorder = Recorder {
        service: Box::new(|name, message| match name {
            "first" => Ok(b"first reply".to_vec()),
            _ if message == b"7" => Err(b"no".to_vec()),
            _ => Ok(message.to_vec()),
        }),
        ..Recorder::default()
    };
    assert_eq!(
        ask_with(&library, "call", &mut recorder),
        Returned::Responded
    );
    let said = String::from_utf8(bytes(recorder.response()).to_vec()).unwrap();
    assert!(said.starts_with("0 first reply, 0 0, 0 1, "), "{said}");
    assert!(said.contains(", 0 6, 1 no, 0 8, "), "{said}");
    assert!(said.ends_with(", 0 99, first reply"), "{said}");
}

#[test]
fn a_service_may_call_other_entries_which_may_call_services() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    // Each level asks the next for its first reply; the innermost one replies itself.
    fn level(library: &Library, depth: usize) -> Vec<u8> {
        let mut recorder = Recorder {
            service: Box::new(move |name, message| match (name, depth) {
                ("first", 0) => Ok(b"bottom".to_vec()),
                ("first", _) => Ok(level(library, depth - 1)),
                _ => Ok(message.to_vec()),
            }),
            ..Recorder::default()
        };
        assert_eq!(
            ask_with(library, "call", &mut recorder),
            Returned::Responded
        );
        let said = bytes(recorder.response());
        let said = said.split(|byte| *byte == b',').next().unwrap();
        [said, b"<"].concat()
    }
    assert_eq!(level(&library, 3), b"0 0 0 0 bottom<<<<");
}

#[test]
fn a_name_of_a_service_that_is_no_text_or_a_message_that_is_nowhere_is_an_error() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let not_text = said(&library, "call-not-text");
    assert!(
        not_text.starts_with("1 1 ") && not_text.contains("is not UTF-8"),
        "{not_text}"
    );
    let nowhere = said(&library, "call-nowhere");
    assert!(
        nowhere.contains("the message to \"render\" is at 0x0"),
        "{nowhere}"
    );
}

#[test]
fn a_host_that_panics_is_an_error_for_the_module_and_nothing_unwinds_into_it() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let mut recorder = Recorder::default();
    assert_eq!(
        ask_with(&library, "call", &mut recorder),
        Returned::Responded
    );
    let said = bytes(recorder.response());
    let said = String::from_utf8_lossy(&said);
    assert!(
        said.starts_with("1 ") && said.contains("nobody serves first"),
        "{said}"
    );

    let mut recorder = Recorder {
        body: b"panics",
        ..Recorder::default()
    };
    // The module answers with the code that it was given.
    assert_eq!(
        ask_with(&library, "read", &mut recorder),
        Returned::Responded
    );
    assert_eq!(bytes(recorder.response()), "code -1");
}

#[test]
fn a_body_is_read_piece_by_piece() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let read = |body| {
        let mut recorder = Recorder {
            body,
            ..Recorder::default()
        };
        ask_with(&library, "read", &mut recorder);
        bytes(recorder.response())
    };
    assert_eq!(read(b"a body of some length"), "a body of some length");
    assert_eq!(read(b""), "");
    assert_eq!(read(b"unreadable"), "code -1");
    assert_eq!(said(&library, "read-nowhere"), "-1");
}

#[test]
fn lines_for_the_log_arrive_whatever_is_wrong_with_them() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let mut recorder = Recorder::default();
    assert_eq!(
        ask_with(&library, "log", &mut recorder),
        Returned::Responded
    );
    assert_eq!(recorder.logged, ["2 hello [128]", "5 \u{fffd} []"]);
}

#[test]
fn what_is_dropped_while_the_host_serves_an_entry_may_speak_to_the_host() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    // The second answer replaces the first one, which speaks while it goes.
    let mut recorder = Recorder {
        service: Box::new(|name, _| Ok(name.into())),
        ..Recorder::default()
    };
    assert_eq!(
        ask_with(&library, "talkative-twice", &mut recorder),
        Returned::Responded
    );
    assert_eq!(recorder.logged, ["3 dropped []"]);

    // A service drops what another call has made: the host is at work, and is not there for it.
    let mut held = Some(ask(&library, "talkative"));
    let mut recorder = Recorder {
        service: Box::new(move |name, _| {
            assert_ne!(name, "while dropped");
            drop(held.take());
            Ok(name.into())
        }),
        ..Recorder::default()
    };
    assert_eq!(
        ask_with(&library, "call", &mut recorder),
        Returned::Responded
    );
    assert!(recorder.logged.is_empty());
    let said = bytes(recorder.response());
    assert!(said.starts_with(b"0 first, 0 more, "));
    assert_eq!(fixture.journal("page.so")[1..3], ["drop and log"; 2]);
}
