//! One library, called: what arrives in it, what comes back, what it must not do.

use std::borrow::Cow;

use harmonious_dispatcher::ffi::{
    BodyView, EntryCall, Library, ModuleBody, RequestArrays, RequestViews, ResponseView, Returned,
};
use harmonious_dispatcher::loader;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::fixture::{Fixture, Variant};
use crate::recorder::{Recorder, ask_with, bytes, index, parts, said};

fn opened(fixture: &Fixture) -> Library {
    loader::open("page", &fixture.good("page.so")).unwrap()
}

#[test]
fn everything_of_a_request_arrives() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let mut headers = HeaderMap::new();
    headers.append("accept", HeaderValue::from_static("text/html"));
    headers.append("x-many", HeaderValue::from_static("1"));
    headers.append("x-many", HeaderValue::from_static("2"));
    let segments = ["scripts", "näh", "c"].map(Cow::Borrowed);
    let mut all = parts("request", &headers);
    all.domain = "/scripts/[slug]";
    all.segments = &segments;
    all.rest_from = 3;
    all.params = &[("slug", "näh")];
    all.body = b"body";
    all.body_len = 4;
    let mut arrays = RequestArrays::default();
    let mut views = RequestViews::new(&all, &mut arrays);
    let ask = |views: &RequestViews<'_>| {
        let mut recorder = Recorder::default();
        let call = EntryCall {
            request: Some(views),
            ..EntryCall::default()
        };
        let page = index(&library, "page");
        assert_eq!(
            library.call(page, &call, &mut recorder),
            Returned::Responded
        );
        String::from_utf8(bytes(recorder.response()).to_vec()).unwrap()
    };
    let expected = "1 | https | a.example | /page | /pag%65 | request | /scripts/[slug] | \
                    scripts,näh,c | 3 | slug=näh | accept=text/html,x-many=1,x-many=2 | body | 4 | \
                    ::1 | r1";
    assert_eq!(ask(&views), expected);
    views.with_rest_from(1);
    let moved = Box::new(views);
    assert_eq!(ask(&moved), expected.replace("| 3 |", "| 1 |"));
}

#[test]
fn more_fields_and_segments_than_fit_without_an_allocation_arrive_too() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let mut headers = HeaderMap::new();
    for number in 0..100 {
        let name = HeaderName::try_from(format!("x-{number}")).unwrap();
        headers.append(name, HeaderValue::from(number));
    }
    let segments: Vec<_> = (0..64)
        .map(|number| Cow::Owned(number.to_string()))
        .collect();
    let mut all = parts("request", &headers);
    all.segments = &segments;
    let mut arrays = RequestArrays::default();
    let views = RequestViews::new(&all, &mut arrays);
    let mut recorder = Recorder::default();
    let call = EntryCall {
        request: Some(&views),
        ..EntryCall::default()
    };
    library.call(index(&library, "page"), &call, &mut recorder);
    let body = bytes(recorder.response());
    let body = str::from_utf8(&body).unwrap();
    assert!(body.contains("x-0=0,x-1=1,"), "{body}");
    assert!(
        body.contains("x-99=99 |") && body.contains("62,63 |"),
        "{body}"
    );
}

#[test]
fn a_call_without_a_request_has_none() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let mut recorder = Recorder::default();
    library.call(
        index(&library, "page"),
        &EntryCall::default(),
        &mut recorder,
    );
    assert_eq!(bytes(recorder.response()), "one");
}

#[test]
fn a_module_drops_values_without_a_request_unless_it_is_too_old_to_have_any() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let mut recorder = Recorder::default();
    assert_eq!(library.dispose(b"7", &mut recorder), Returned::Continue);
    assert_eq!(library.dispose(b"panic", &mut recorder), Returned::Panicked);
    let told = [
        "init",
        "dispose [55] true",
        "dispose [112, 97, 110, 105, 99] true",
    ];
    assert_eq!(fixture.journal("page.so"), told);

    let older = Variant {
        table: "older",
        ..Variant::default()
    };
    let older = loader::open("page", &fixture.variant("older.so", &older)).unwrap();
    assert_eq!(older.dispose(b"7", &mut recorder), Returned::Continue);
    assert_eq!(fixture.journal("older.so"), ["init"]);
}

#[test]
fn entries_of_every_kind_are_told() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let entries = library.entries().iter();
    let told: Vec<_> = entries
        .map(|e| (e.kind, e.methods, e.name.as_str()))
        .collect();
    let declared = crate::fixture::DECLARED.map(|e| (e.kind, e.methods, e.name));
    assert_eq!(told, declared);
}

#[test]
fn an_export_replies_and_an_error_page_knows_the_status() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let mut recorder = Recorder::default();
    let call = EntryCall {
        argument: b"\x93\x01\x02\x03",
        ..EntryCall::default()
    };
    let echo = index(&library, "echo");
    assert_eq!(library.call(echo, &call, &mut recorder), Returned::Replied);
    assert_eq!(recorder.replies, [b"\x93\x01\x02\x03"]);

    let mut recorder = Recorder::default();
    let call = EntryCall {
        argument: b"what",
        status: 404,
        ..EntryCall::default()
    };
    let sorry = index(&library, "sorry");
    assert_eq!(
        library.call(sorry, &call, &mut recorder),
        Returned::Responded
    );
    let response = recorder.response();
    assert_eq!(response.status, StatusCode::NOT_FOUND);
    assert_eq!(bytes(response), "sorry for 404, what");
}

#[test]
fn an_after_sees_the_response_and_may_keep_its_body() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let mut headers = HeaderMap::new();
    headers.append("etag", HeaderValue::from_static("\"1\""));
    for (body, seen) in [
        (BodyView::Empty, "200 1 0 "),
        (BodyView::Bytes(b"body"), "200 1 1 body"),
        (BodyView::Stream, "200 1 2 "),
        (BodyView::File("a.pdf"), "200 1 3 a.pdf"),
    ] {
        let view = ResponseView::new(StatusCode::OK, &headers, body);
        let mut recorder = Recorder::default();
        let call = EntryCall {
            response: Some(&view),
            ..EntryCall::default()
        };
        let after = index(&library, "after");
        assert_eq!(
            library.call(after, &call, &mut recorder),
            Returned::Responded
        );
        let response = recorder.response();
        assert_eq!(response.status, StatusCode::CREATED);
        assert_eq!(response.headers["x-seen"], seen);
        assert!(matches!(response.body, ModuleBody::Keep));
    }
}

/// What an `after` tells that is asked to edit a response so.
fn edited(library: &Library, what: &str) -> (Returned, Recorder<'static>) {
    let headers = HeaderMap::new();
    let view = ResponseView::new(StatusCode::OK, &headers, BodyView::Empty);
    let mut recorder = Recorder::default();
    let call = EntryCall {
        response: Some(&view),
        argument: what.as_bytes(),
        ..EntryCall::default()
    };
    let returned = library.call(index(library, "after"), &call, &mut recorder);
    (returned, recorder)
}

#[test]
fn an_after_may_tell_only_what_changes() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let edits = |what| {
        let (returned, mut recorder) = edited(&library, what);
        assert_eq!(returned, Returned::Responded);
        assert!(recorder.responses.is_empty() && recorder.failures.is_empty());
        recorder.edits.remove(0)
    };
    let none = edits("none");
    assert_eq!(
        (none.status, none.removed.len(), none.added.len()),
        (None, 0, 0)
    );
    assert!(matches!(none.body, ModuleBody::Keep));
    let all = edits("all");
    assert_eq!(all.status, Some(StatusCode::NOT_FOUND));
    assert_eq!(all.removed, ["etag"]);
    assert_eq!(all.added.len(), 2);
    assert!(
        all.added
            .iter()
            .all(|(name, value)| name == "x-new" && value == "1")
    );
    assert!(matches!(all.body, ModuleBody::Bytes(bytes) if bytes == "other"));
}

#[test]
fn edits_are_checked_as_answers_are() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    for (what, why) in [
        (
            "value",
            "header field \"location\" of value \"/\\r\\nset-cookie: a=b\"",
        ),
        ("name", "header field \"e tag\", which is no name of one"),
        (
            "nowhere",
            "a list of header fields that is at 0x0, of length 3",
        ),
        ("status", "answered with status 99: allowed is 200 to 599"),
        ("kind", "edits of the unknown kind 7"),
    ] {
        let (returned, recorder) = edited(&library, what);
        assert_eq!(returned, Returned::Failed, "{what}");
        assert!(recorder.edits.is_empty());
        let failure = recorder.failure();
        assert_eq!(failure.status, 500, "{what}");
        assert!(failure.detail.contains(why), "{what}: {}", failure.detail);
    }
}

#[test]
fn a_response_of_an_older_module_is_a_whole_one() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let (returned, recorder) = edited(&library, "old");
    assert_eq!(returned, Returned::Responded);
    let response = recorder.response();
    assert_eq!(response.status, StatusCode::CREATED);
    assert_eq!(bytes(response), "old");
}

#[test]
fn guards_and_rests_go_on_without_an_answer() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let mut recorder = Recorder::default();
    let guard = index(&library, "guard");
    let returned = library.call(guard, &EntryCall::default(), &mut recorder);
    assert_eq!(returned, Returned::Continue);
    assert_eq!(
        ask_with(&library, "decline", &mut recorder),
        Returned::Declined
    );
    assert!(recorder.responses.is_empty() && recorder.failures.is_empty());
}

#[test]
fn what_breaks_the_contract_is_a_failure_that_names_the_module_and_frees_what_was_given() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    for (query, why, drops) in [
        (
            "status-99",
            "answered with status 99: allowed is 200 to 599",
            1,
        ),
        ("status-huge", "answered with status 4294967295", 0),
        (
            "field-name",
            "answered with header field \"bad name\", which is no name of one",
            1,
        ),
        (
            "field-value",
            "header field \"location\" of value \"/\\r\\nset-cookie: a=b\"",
            1,
        ),
        (
            "fields-nowhere",
            "a list of header fields that is at 0x0, of length 3",
            1,
        ),
        (
            "fields-many",
            "a list of header fields that has length 18446744073709551615",
            0,
        ),
        ("bytes-nowhere", "the body is at 0x0, of length 9", 0),
        ("file-not-text", "the path of the file is not UTF-8", 0),
        ("stream-without-next", "a stream that has no function", 1),
        ("keep", "keeps the body, which only an `after` can", 0),
        ("edits", "edits a response, which only an `after` can", 1),
        ("body-kind", "the unknown kind of body 99", 0),
        ("small", "its response has 8 bytes, not ", 0),
        ("null", "its response is at 0x0", 0),
        ("lie", "returned 1 without the answer that belongs to it", 0),
        (
            "lie-fail",
            "returned 3 without the answer that belongs to it",
            0,
        ),
        (
            "lie-reply",
            "returned 5 without the answer that belongs to it",
            0,
        ),
        ("fail-null", "its failure is at 0x0", 0),
    ] {
        let before = fixture.journal("page.so").len();
        let mut recorder = Recorder::default();
        assert_eq!(
            ask_with(&library, query, &mut recorder),
            Returned::Failed,
            "{query}"
        );
        let failure = recorder.failure();
        assert_eq!((failure.status, failure.panicked), (500, false));
        let detail = failure.detail;
        assert!(
            detail.starts_with("module page (page.so) "),
            "{query}: {detail}"
        );
        assert!(detail.contains(why), "{query}: {detail}");
        assert_eq!(fixture.journal("page.so").len() - before, drops, "{query}");
    }
    assert_eq!(said(&library, "version"), "one", "and it goes on");
}

#[test]
fn a_number_without_a_meaning_is_told() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let mut recorder = Recorder::default();
    assert_eq!(
        ask_with(&library, "unknown", &mut recorder),
        Returned::Unknown(-5)
    );
    let detail = recorder.failure().detail;
    assert_eq!(
        detail,
        "module page (page.so) returned -5, which means nothing"
    );
}

#[test]
fn failures_and_panics_arrive_whole() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let mut recorder = Recorder::default();
    assert_eq!(ask_with(&library, "fail", &mut recorder), Returned::Failed);
    let failure = recorder.failure();
    let told = (
        failure.status,
        failure.title.as_str(),
        failure.detail.as_str(),
    );
    assert_eq!(told, (503, "Closed", "it broke"));
    let place = (
        failure.file.as_str(),
        failure.line,
        failure.backtrace.as_str(),
    );
    assert_eq!(place, ("page.rs", 12, "0: page"));
    assert_eq!(failure.headers["retry-after"], "7");
    assert!(!failure.panicked);

    let mut recorder = Recorder::default();
    assert_eq!(
        ask_with(&library, "panic", &mut recorder),
        Returned::Panicked
    );
    let failure = recorder.failure();
    assert_eq!(
        (failure.panicked, failure.detail.as_str()),
        (true, "it broke")
    );

    let mut recorder = Recorder::default();
    assert_eq!(
        ask_with(&library, "panic-silently", &mut recorder),
        Returned::Panicked
    );
    let failure = recorder.failure();
    assert!(failure.panicked && failure.detail.contains("did not say why"));
}

#[test]
fn a_failure_with_a_wrong_status_or_text_is_still_told() {
    let fixture = Fixture::new();
    let library = opened(&fixture);
    let mut recorder = Recorder::default();
    assert_eq!(
        ask_with(&library, "fail-oddly", &mut recorder),
        Returned::Failed
    );
    let failure = recorder.failure();
    assert_eq!(failure.status, 500);
    assert_eq!(failure.title, "not \u{fffd} text");
}
