//! What an `after` may do to a response, run through the shims of the contract: only what it changes goes
//! back to the host.

use harmonious::Cookie;
use harmonious::prelude::*;
use harmonious::testing::{Reply, Site};

#[get]
fn show(_req: &Request) -> Result<Response> {
    let page = Response::text("page").with_header("etag", "\"1\"");
    Ok(page.with_header("vary", "accept").with_cookie(("a", "1")))
}

#[post]
fn large(_req: &Request) -> Result<Response> {
    Ok(Response::text("x".repeat(1 << 20)))
}

#[put]
fn streamed(_req: &Request) -> Result<Response> {
    let pieces = ["one ", "two"].map(|piece| Ok(piece.as_bytes().to_vec()));
    Ok(Response::stream("text/plain", pieces))
}

#[delete]
fn file(_req: &Request) -> Result<Response> {
    Ok(Response::file("data/all.zip"))
}

#[after]
fn inner(req: &Request, response: &mut Response) -> Result<()> {
    match req.query("do").as_deref().unwrap_or_default() {
        "set" => drop(response.set_header("X-New", "1")),
        "replace" => drop(response.set_header("ETag", "\"2\"")),
        "remove" => drop(response.remove_header("Vary").remove_header("x-none")),
        "append" => drop(response.set_cookie(Cookie::new("b", "2"))),
        "there_and_back" => {
            response
                .remove_header("etag")
                .append_header("etag", "\"3\"");
            response
                .remove_header("etag")
                .append_header("etag", "\"4\"");
        }
        "status" => drop(response.set_status(203)),
        "body" => drop(response.set_body("other")),
        "all" => *response = Response::html("new").with_status(201),
        "bad" => drop(response.set_header("x-bad", "1\r\nx-b: 2")),
        "read" => assert_eq!(response.headers().count(), 4),
        _ => {}
    }
    Ok(())
}

#[after]
fn outer(_req: &Request, response: &mut Response) -> Result<()> {
    let etag = response.header("etag").unwrap_or("none").to_owned();
    let seen = format!(
        "{} {} {etag}",
        response.status(),
        response.headers().count()
    );
    response.append_header("x-seen", &seen);
    Ok(())
}

#[after]
fn outermost(_req: &Request, response: &mut Response) -> Result<()> {
    let seen = response.header("x-seen").unwrap_or_default().to_owned();
    response.set_header("x-seen", &format!("{seen} twice"));
    Ok(())
}

/// What it shows when its `after` does that.
fn shown(what: &str) -> Reply {
    Site::new().get(&format!("/?do={what}")).send()
}

#[track_caller]
fn check(what: &str, seen: &str) -> Reply {
    let reply = shown(what);
    assert_eq!(reply.headers("x-seen"), [format!("{seen} twice")], "{what}");
    reply
}

#[test]
fn who_leaves_all_leaves_all() {
    for what in ["nothing", "read"] {
        let reply = check(what, "200 4 \"1\"");
        assert_eq!(reply.text(), "page");
        assert_eq!(
            reply.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        assert_eq!(reply.header("vary"), Some("accept"));
    }
}

#[test]
fn fields_are_set_replaced_removed_and_appended() {
    assert_eq!(check("set", "200 5 \"1\"").header("x-new"), Some("1"));
    assert_eq!(check("replace", "200 4 \"2\"").headers("etag"), ["\"2\""]);
    assert_eq!(check("remove", "200 3 \"1\"").header("vary"), None);
    assert_eq!(
        check("there_and_back", "200 4 \"4\"").headers("etag"),
        ["\"4\""]
    );
    let cookies = check("append", "200 5 \"1\"");
    assert_eq!(cookies.headers("set-cookie").len(), 2);
}

#[test]
fn status_and_body_are_changed_each_without_the_other() {
    let status = check("status", "203 4 \"1\"");
    assert_eq!((status.status(), status.text().as_str()), (203, "page"));
    let body = check("body", "200 4 \"1\"");
    assert_eq!((body.status(), body.text().as_str()), (200, "other"));
}

#[test]
fn a_response_of_its_own_takes_the_place_of_the_whole() {
    let all = check("all", "201 1 none");
    assert_eq!((all.status(), all.text().as_str()), (201, "new"));
    assert_eq!(all.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(all.headers("set-cookie").len(), 0);
}

#[test]
fn a_line_break_in_an_edit_is_never_sent() {
    let bad = shown("bad");
    assert_eq!((bad.status(), bad.header("x-b")), (500, None));
}

#[test]
fn large_streamed_and_file_bodies_stay_what_they_are() {
    let site = Site::new();
    let large = site.request("POST", "/?do=set").send();
    assert_eq!(
        (large.bytes().len(), large.header("x-new")),
        (1 << 20, Some("1"))
    );
    let streamed = site.request("PUT", "/?do=set").send();
    assert_eq!(
        (streamed.text().as_str(), streamed.header("x-new")),
        ("one two", Some("1"))
    );
    let file = site.request("DELETE", "/?do=status").send();
    assert_eq!((file.file(), file.status()), (Some("data/all.zip"), 203));
}
