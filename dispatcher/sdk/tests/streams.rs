//! Bodies that are made while they are sent: whole, broken off by an error, by a panic, and in being
//! dropped.

use std::io;

use harmonious::prelude::*;
use harmonious::testing::{Reply, Site};

/// Pieces that panic when they are dropped.
struct Bomb(u8);

impl Iterator for Bomb {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0 = self.0.checked_sub(1)?;
        Some(Ok(b"tick ".to_vec()))
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[get]
fn show(req: &Request) -> Result<Response> {
    let how = req.query_string().to_owned();
    if how == "bomb" {
        return Ok(Response::stream("text/plain", Bomb(2)));
    }
    let pieces = (0..4).map(move |n| match (how.as_str(), n) {
        ("error", 2) => Err(io::Error::other("the disk is gone")),
        ("panic", 2) => panic!("no third piece"),
        ("empty", 1) => Ok(Vec::new()),
        _ => Ok(format!("{n} ").into_bytes()),
    });
    Ok(Response::stream("text/plain", pieces))
}

fn get(path: &str) -> Reply {
    Site::new().get(path).send()
}

#[test]
fn a_stream_is_sent_piece_by_piece() {
    let page = get("/");
    assert_eq!(
        (page.text().as_str(), page.broke_off()),
        ("0 1 2 3 ", false)
    );
}

#[test]
fn an_empty_piece_is_not_the_end() {
    assert_eq!(get("/?empty").text(), "0 2 3 ");
}

#[test]
fn an_error_breaks_it_off() {
    let page = get("/?error");
    assert_eq!((page.text().as_str(), page.broke_off()), ("0 1 ", true));
}

#[test]
fn a_panic_breaks_it_off_and_goes_no_further() {
    let page = get("/?panic");
    assert_eq!((page.text().as_str(), page.broke_off()), ("0 1 ", true));
}

#[test]
fn a_panic_in_a_destructor_goes_no_further() {
    assert_eq!(get("/?bomb").status(), 200);
}
