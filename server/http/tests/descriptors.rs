//! What abuse leaves behind in the process: descriptors, threads, tasks; and a server that has no
//! descriptors left. The figures are those of a whole process, so each test has one of its own: it
//! runs this very binary again.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use harmonious_http::{Bytes, Hub, Limits, Request, RequestBody, Response};
use harmonious_pool::Config;
use rustix::process::{Resource, Rlimit, setrlimit};

use common::{Client, PATIENCE, TestServer, await_that, need_descriptors, patient};

/// Which part a child process plays; its value is the name of the test.
const PART: &str = "HARMONIOUS_HTTP_TEST_CHILD";

/// What a child writes before the address that it listens on.
const LISTENS: &str = "listens on ";

/// Whether this process is the child of a test; it plays the part of that test's server.
fn is_child(test: &str) -> bool {
    std::env::var_os(PART).is_some_and(|part| part == *test)
}

fn child(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(PART, test)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// A server in a process of its own; it ends when this is dropped.
struct Served {
    process: Child,
    /// Its end tells the child to end.
    stdin: Option<ChildStdin>,
    address: SocketAddr,
}

impl Served {
    fn start(test: &str) -> Served {
        let mut process = child(test).spawn().unwrap();
        let stdin = process.stdin.take();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let said = stdout.lines().map_while(Result::ok);
        // The test harness has its own say on the same line.
        let address = said
            .filter_map(|line| line.split_once(LISTENS).map(|(_, a)| a.parse().unwrap()))
            .next()
            .expect("the child says where it listens");
        Served {
            process,
            stdin,
            address,
        }
    }

    /// CPU time of the process so far.
    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<&str> = fields.split(' ').collect();
        // User and system time, the 14th and 15th field, in ticks of 10 ms (proc(5)).
        let ticks: u64 = fields[11..=12]
            .iter()
            .map(|f| f.parse::<u64>().unwrap())
            .sum();
        Duration::from_millis(10 * ticks)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The child's part: serves until its parent ends it.
fn serve_with_descriptors(count: u64) {
    let limit = Rlimit {
        current: Some(count),
        maximum: Some(count),
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    let limits = Limits {
        per_address_max: 10_000,
        ..patient()
    };
    let server = TestServer::with(
        |_: Request| Response::text("hello"),
        limits,
        Config::default(),
    );
    println!("{LISTENS}{}", server.address);
    let _ = std::io::stdin().lines().next();
}

const DESCRIPTORS: u64 = 128;
const CONNECTIONS: usize = 400;

/// Half of a body: such a connection is busy, it cannot be closed for another.
const HALF_A_BODY: &str = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf";

#[test]
fn without_descriptors_it_says_503_and_recovers_at_once() {
    let test = "without_descriptors_it_says_503_and_recovers_at_once";
    if is_child(test) {
        return serve_with_descriptors(DESCRIPTORS);
    }
    need_descriptors(CONNECTIONS as u64 + 200);
    let served = Served::start(test);
    let mut clients: Vec<Client> = (0..CONNECTIONS)
        .map(|_| Client::connect(served.address))
        .collect();
    for client in &mut clients {
        // Whoever was told 503 meanwhile has been closed.
        let _ = client.try_send(HALF_A_BODY);
    }

    // The last to connect wait in the backlog; one after another is told.
    let before = served.cpu();
    thread::sleep(Duration::from_secs(1)); // what is measured is the CPU time of a second
    let used = served.cpu() - before;
    assert!(
        used < Duration::from_millis(500),
        "{used:?} of CPU time in a second"
    );
    let refused = clients
        .iter_mut()
        .filter(|client| is_readable(client))
        .map(|client| client.answer().status)
        .filter(|&status| status == 503)
        .count();
    assert!(refused >= 5, "{refused} were told 503");

    drop(clients);
    let released = Instant::now();
    await_that("a good answer", || {
        let mut client = Client::connect(served.address);
        let sent = client.try_send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        sent.map_err(|error| error.to_string())?;
        let answer = client.try_answer(false)?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(format!("{answer:?}"))
        }
    });
    let took = released.elapsed();
    assert!(
        took < Duration::from_secs(1),
        "{took:?} from the release to a good answer"
    );
}

fn is_readable(client: &Client) -> bool {
    client.stream.set_nonblocking(true).unwrap();
    let readable = client.stream.peek(&mut [0]).is_ok_and(|read| read > 0);
    client.stream.set_nonblocking(false).unwrap();
    readable
}

/// Connections that are idle make room for new ones.
#[test]
fn without_descriptors_idle_connections_go_and_new_ones_are_served() {
    let test = "without_descriptors_idle_connections_go_and_new_ones_are_served";
    if is_child(test) {
        return serve_with_descriptors(DESCRIPTORS);
    }
    need_descriptors(CONNECTIONS as u64 + 200);
    let served = Served::start(test);
    let ask = |client: &mut Client| {
        let sent = client.try_send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        sent.map_err(|error| error.to_string())?;
        client.try_answer(false).map(|answer| answer.status)
    };
    let mut clients = Vec::new();
    await_that("a server without descriptors", || {
        let mut client = Client::connect(served.address);
        let answered = ask(&mut client);
        clients.push(client);
        if answered == Ok(503) {
            Ok(())
        } else {
            Err(answered)
        }
    });
    assert!(clients.len() as u64 > DESCRIPTORS / 2, "{}", clients.len());
    // All are idle now. Once they have been for a moment, there is room again and again.
    for _ in 0..20 {
        await_that("a good answer", || {
            let mut client = Client::connect(served.address);
            let answered = ask(&mut client);
            clients.push(client);
            if answered == Ok(200) {
                Ok(())
            } else {
                Err(answered)
            }
        });
    }
}

// ---- what is left ----

/// Descriptors and threads of this process.
fn held() -> (usize, usize) {
    let count = |folder| std::fs::read_dir(folder).unwrap().count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

/// A client that does everything wrong, in an order that its seed decides.
fn abuse(address: SocketAddr, mut seed: u64, until: Instant) -> usize {
    let mut connections = 0;
    while Instant::now() < until {
        // Knuth's generator (MMIX): any will do.
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mut client = Client::connect(address).patience(Duration::from_millis(20));
        connections += 1;
        // What the server thinks of it matters in none of these.
        let _ = misbehave(&mut client, seed >> 33);
        match (seed >> 60) % 3 {
            0 => client.reset(),
            1 => drop(client),
            _ => {
                let _ = client.stream.shutdown(std::net::Shutdown::Write);
                let _ = client.rest();
            }
        }
    }
    connections
}

fn misbehave(client: &mut Client, choice: u64) -> std::io::Result<()> {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let large = "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
    let chunked = "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    match choice % 14 {
        0 => Ok(()),
        1 => client.try_send("GET / HT"),
        2 => client.try_send(get("/hello")),
        3 => client.try_send(get("/hello").repeat(20)),
        4 => client.try_send([0xff; 100]),
        5 => client.try_send([b'a'; 40_000]),
        6 => client.try_send(get("/big")),
        7 => client.try_send(get("/chunks")),
        8 => client.try_send(get("/events")),
        9 => client.try_send(large),
        // So much is in a file by now.
        10 => client.try_send([large.as_bytes(), &[b'a'; 600_000]].concat()),
        11 => client.try_send([large.as_bytes(), &[b'a'; 1_000_000]].concat()),
        12 => client.try_send(format!("{chunked}5\r\nhello\r\ng")),
        _ => {
            client.try_send(get("/hello") + &get("/big"))?;
            let _ = client.try_answer(false);
            Ok(())
        }
    }
}

fn everything(request: Request, hub: &Hub) -> Response {
    let binary = "application/octet-stream";
    match request.head.path() {
        "/big" => Response::bytes(binary, vec![b'a'; 4_000_000]),
        "/chunks" => {
            let chunk = Bytes::from_static(&[b'a'; 10_000]);
            Response::chunks(binary, std::iter::repeat_n(chunk, 400).map(Ok))
        }
        "/events" => hub.response(&request.head),
        "/body" => {
            assert!(!matches!(request.body, RequestBody::Empty));
            Response::text(request.body.into_bytes().unwrap().len().to_string())
        }
        _ => Response::text("hello"),
    }
}

#[test]
fn resets_half_closes_and_garbage_leave_nothing_behind() {
    let test = "resets_half_closes_and_garbage_leave_nothing_behind";
    if !is_child(test) {
        let output = child(test).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{complaint}");
        return;
    }
    need_descriptors(1_000);
    let hub = Hub::new();
    let limits = Limits {
        per_address_max: 10_000,
        ..patient()
    };
    let config = Config {
        idle: Duration::from_millis(200),
        ..Config::default()
    };
    let handler = {
        let hub = hub.clone();
        move |request: Request| everything(request, &hub)
    };
    let server = TestServer::with(handler, limits, config);
    assert_eq!(server.connect().get("/").text(), "hello");
    let threads = server
        .await_pool("a quiet pool", |pool| pool.busy == 0)
        .threads;
    let before = await_that("the connection to end", || {
        let connections = server.front.stats().connections;
        if connections == 0 {
            Ok(held())
        } else {
            Err(connections)
        }
    });

    let until = Instant::now() + Duration::from_secs(2);
    let address = server.address;
    let clients: Vec<_> = (1..=4)
        .map(|seed| thread::spawn(move || abuse(address, seed, until)))
        .collect();
    let connections: usize = clients.into_iter().map(|t| t.join().unwrap()).sum();
    let ended = Instant::now();

    // Who only went away is found when there is something to say to him.
    hub.close();
    server.await_front("no connection", |front| front.connections == 0);
    server.await_pool("one task, of the listener", |pool| pool.tasks == 1);
    let took = ended.elapsed();
    assert!(
        took < Duration::from_secs(4),
        "{took:?} until the last connection was gone"
    );
    server.await_pool("no job", |pool| pool.busy == 0 && pool.queued == 0);
    server.await_pool("the threads of the start", |pool| pool.threads <= threads);
    await_that("the descriptors and threads of before", || {
        let after = held();
        if after <= before && after.1 <= before.1 {
            Ok(())
        } else {
            Err((before, after))
        }
    });
    assert_eq!(hub.subscribers(), 0);
    assert_eq!(server.connect().get("/").text(), "hello");
    assert_eq!(server.pool.stats().task_panics, 0);
    assert_eq!(server.front.stats().handler_panics, 0);
    assert!(server.stop().is_clean());
    // For whoever looks with --nocapture.
    let _ = writeln!(
        std::io::stderr(),
        "{connections} connections, gone after {took:?}"
    );
    assert!(took < PATIENCE);
}
