//! Requests that are refused because of their body, and shown by the handler; where it cannot, by the front's own
//! line.

mod common;

use std::time::Duration;

use harmonious_http::{Handler, Head, Plan, Request, Response, StatusCode};
use harmonious_pool::Config;

use common::{Client, Gate, OpenAtEnd, TestServer, fixed, patient};

const SHORT: Duration = Duration::from_millis(20);
const LINE: &str = "413 Payload Too Large: the body is too large: at most 10 bytes are allowed\n";

/// Shows refusals as the path says.
#[derive(Clone, Default)]
struct Shows(Gate);

impl Handler for Shows {
    fn plan(&self, _: &Head) -> Plan {
        Plan::Job {
            route: 0,
            body_max_bytes: Some(10),
            time_limit: None,
        }
    }

    fn handle(&self, request: Request) -> Response {
        if request.head.path() == "/wait" {
            self.0.pass();
        }
        Response::text(format!("taken: {}", request.body.len()))
    }

    fn plan_refusal(&self, head: &Head, status: StatusCode) -> Option<Plan> {
        match head.path() {
            "/line" => None,
            "/at-once" => Some(Plan::Answer(Response::error(status))),
            "/panic-in-plan" => panic!("the plan slips"),
            path => Some(Plan::Job {
                route: 0,
                body_max_bytes: None,
                time_limit: (path == "/hang").then_some(SHORT),
            }),
        }
    }

    fn refused(&self, head: &Head, status: StatusCode) -> Response {
        match head.path() {
            "/panic" => panic!("the page slips"),
            "/hang" => self.0.pass(),
            _ => {}
        }
        Response::text(format!("shown: {}", head.path())).with_status(status)
    }
}

fn post(client: &mut Client, path: &str, bytes: usize) {
    let body = "x".repeat(bytes);
    client.send(format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {bytes}\r\n\r\n{body}"
    ));
}

#[test]
fn the_handler_shows_what_is_refused_or_the_front_does() {
    let site = Shows::default();
    let _open = OpenAtEnd(site.0.clone());
    let server = TestServer::with(site.clone(), patient(), fixed(2));
    for (path, text) in [
        ("/page", "shown: /page"),
        ("/at-once", "413 Payload Too Large\n"),
        ("/line", LINE),
        ("/panic", LINE),
        ("/panic-in-plan", LINE),
        ("/hang", LINE),
    ] {
        let mut client = server.connect();
        post(&mut client, path, 11);
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (413, text), "{path}");
        assert!(answer.closes(), "{path}");
        client.expect_closed();
    }
    assert_eq!(server.rejects("body_too_large"), 6);
    // In the middle of a body; and a body that is none is another status.
    let chunked = "POST /page HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (rest, status) in [("5\r\nhello\r\n6\r\n", 413), ("x\r\n", 400)] {
        let mut client = server.connect();
        client.send(format!("{chunked}{rest}"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (status, "shown: /page"));
        client.expect_closed();
    }
    let mut client = server.connect();
    post(&mut client, "/page", 10);
    assert_eq!(client.answer().text(), "taken: 10");
}

#[test]
fn without_room_a_refusal_is_the_fronts_own_line() {
    let site = Shows::default();
    let config = Config {
        queue_wait: SHORT,
        ..fixed(1)
    };
    let server = TestServer::with(site.clone(), patient(), config);
    let _open = OpenAtEnd(site.0.clone());
    let mut busy = server.connect();
    busy.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    site.0.await_waiting(1);
    let mut client = server.connect();
    post(&mut client, "/page", 11);
    let answer = client.answer();
    assert_eq!((answer.status, answer.text()), (413, LINE));
    client.expect_closed();
}
