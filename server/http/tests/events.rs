//! Server-sent events and the hub, through sockets: everybody hears, who lags is told, who comes back
//! misses nothing, who goes is forgotten.

mod common;

use harmonious_http::{Event, Hub, Limits, Request, Response, config};
use harmonious_pool::Config;

use common::{Client, TestServer, await_that, need_descriptors, patient};

/// How many listen. With 10,000 in `HARMONIOUS_HTTP_SUBSCRIBERS` it takes some seconds and 20,200
/// descriptors, since both ends of the connections are in this process.
fn subscribers() -> usize {
    let wanted = std::env::var("HARMONIOUS_HTTP_SUBSCRIBERS");
    wanted.map_or(200, |wanted| {
        wanted.parse().expect("a number of subscribers")
    })
}

fn start(hub: &Hub) -> TestServer {
    let hub = hub.clone();
    let limits = Limits {
        connections_max: 20_000,
        per_address_max: 20_000,
        ..patient()
    };
    let handler = move |request: Request| match request.head.path() {
        "/events" => hub.response(&request.head),
        _ => Response::text("hello"),
    };
    TestServer::with(handler, limits, Config::default())
}

fn listen(client: &mut Client, fields: &str) {
    client.send(format!("GET /events HTTP/1.1\r\nHost: x\r\n{fields}\r\n"));
}

fn await_subscribers(hub: &Hub, count: usize) {
    await_that("the subscribers", || {
        let now = hub.subscribers();
        if now == count { Ok(()) } else { Err(now) }
    });
}

#[test]
fn a_message_reaches_everybody() {
    let count = subscribers();
    need_descriptors(2 * count as u64 + 200);
    let hub = Hub::new();
    let server = start(&hub);
    let mut clients: Vec<Client> = (0..count).map(|_| server.connect()).collect();
    for client in &mut clients {
        listen(client, "");
        let head = client.until("\r\n\r\n");
        assert!(
            head.contains("content-type: text/event-stream\r\n"),
            "{head}"
        );
        assert!(head.contains("cache-control: no-store\r\n"), "{head}");
        client.until(":\n\n\r\n"); // so it is not the head alone that goes out at once
    }
    await_subscribers(&hub, count);
    for n in 1..=3 {
        assert_eq!(
            hub.publish(&Event::new(format!("message {n}")).named("news")),
            n
        );
    }
    for client in &mut clients {
        for n in 1..=3 {
            let event = client.until(&format!("data: message {n}\n\n"));
            assert!(
                event.contains(&format!("id: {n}\nevent: news\n")),
                "{event}"
            );
        }
    }
    // Nobody who listens holds a worker.
    server.await_pool("free workers", |pool| pool.busy == 0 && pool.queued == 0);
    assert_eq!(server.connect().get("/").text(), "hello");
    hub.close();
    for client in &mut clients {
        client.until("0\r\n\r\n");
    }
    await_subscribers(&hub, 0);
    assert_eq!(
        clients[0].get("/").text(),
        "hello",
        "the connection is kept"
    );
}

#[test]
fn who_lags_is_told_how_many_he_missed() {
    const LEN: usize = 16 * 1024;
    // More than all buffers between the hub and the client hold.
    const MESSAGES: u64 = 2_000;
    let hub = Hub::new();
    let server = start(&hub);
    let mut client = Client::with_small_window(server.address);
    listen(&mut client, "");
    client.until(":\n\n\r\n");
    await_subscribers(&hub, 1);
    for _ in 0..MESSAGES {
        hub.publish(&Event::new("a".repeat(LEN)));
    }
    let (mut seen, mut missed) = (0, 0);
    while seen + missed < MESSAGES {
        let event = client.until("\n\n");
        if let Some((_, rest)) = event.split_once("event: lagged\ndata: ") {
            missed += rest.trim_end().parse::<u64>().unwrap();
            continue;
        }
        let (_, id) = event.split_once("id: ").expect("an event with its number");
        let (id, _) = id.split_once('\n').unwrap();
        seen += 1;
        assert_eq!(id.parse(), Ok(seen + missed), "in order, and none unsaid");
    }
    assert!(
        missed > 0 && seen >= config::HUB_MESSAGES_KEPT as u64,
        "{seen} seen, {missed} missed"
    );
}

#[test]
fn who_comes_back_hears_what_he_missed() {
    let hub = Hub::new();
    let server = start(&hub);
    for n in 1..=3 {
        hub.publish(&Event::new(format!("message {n}")));
    }
    for (fields, first) in [
        ("Last-Event-ID: 0\r\n", Some(1)),
        ("Last-Event-ID: 1\r\n", Some(2)),
        ("last-event-id: 2\r\n", Some(3)),
        ("Last-Event-ID: 3\r\n", None),
        ("Last-Event-ID: 900\r\n", None), // of another life of the server
        ("Last-Event-ID: -1\r\n", None),
        ("Last-Event-ID: x\r\n", None),
        ("", None),
    ] {
        let mut client = server.connect();
        listen(&mut client, fields);
        client.until("\r\n\r\n");
        match first {
            Some(first) => {
                let heard = client.until("data: message 3\n\n");
                assert_eq!(
                    heard.matches("data: ").count(),
                    4 - first,
                    "{fields}: {heard}"
                );
                assert!(
                    heard.contains(&format!("id: {first}\n")),
                    "{fields}: {heard}"
                );
            }
            None => drop(client.until(":\n\n\r\n")),
        }
    }
}

#[test]
fn who_goes_is_forgotten() {
    let hub = Hub::new();
    let server = start(&hub);
    let mut clients: Vec<Client> = (0..60).map(|_| server.connect()).collect();
    for client in &mut clients {
        listen(client, "");
        client.until(":\n\n\r\n");
    }
    await_subscribers(&hub, 60);
    let mut rest = clients.split_off(40);
    for (n, client) in clients.into_iter().enumerate() {
        if n % 2 == 0 {
            client.reset()
        } else {
            drop(client)
        }
    }
    // Who only hung up is found by the messages that he does not take.
    await_that("those who are left", || {
        hub.publish(&Event::new("somebody there?"));
        let now = hub.subscribers();
        if now == rest.len() { Ok(()) } else { Err(now) }
    });
    hub.publish(&Event::new("last"));
    for client in &mut rest {
        client.until("data: last\n\n");
    }
    server.await_front("their connections", |front| front.connections == rest.len());
}
