//! Requests of all kinds at full speed, good ones and bad, and clients that go away in the middle.
//!
//! Each thread has eight connections. It sends sixteen requests on each before it takes the answers,
//! so that the machine is busy with answering and not with changing between threads. Between these
//! rounds come the requests that need a connection of their own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::net::sockopt::{set_socket_linger, set_socket_recv_buffer_size};

use super::addresses;
use super::requests::{self, Abort, Batch};
use super::wire::{Reply, Wire, dial};

/// The kinds, in the order of [`Counts::kinds`].
pub const KINDS: [&str; 5] = ["pipelined", "kept alive", "closed", "aborted", "bad"];
const PIPELINED: usize = 0;
const KEPT: usize = 1;
const CLOSED: usize = 2;
const ABORTED: usize = 3;
const BAD: usize = 4;

const LANES: usize = 8;
/// Addresses that take turns, so that a port which is kept for a minute after a close is not missed.
const ADDRESSES: usize = 200;
/// What waits in the socket of a client that goes away: little, so that the server notices soon.
const RECEIVE_BYTES: usize = 4 * 1024;
/// So many of the wrong answers are described.
const EXAMPLES_MAX: usize = 8;

/// What has been asked, by all threads together.
#[derive(Default)]
pub struct Counts {
    /// Requests of each kind.
    pub kinds: [AtomicU64; KINDS.len()],
    /// Of all, those that were answered with 503.
    pub busy: AtomicU64,
    /// Answers that were none or other than they should be.
    pub wrong: AtomicU64,
    /// Some of the wrong ones.
    pub examples: Mutex<Vec<String>>,
}

impl Counts {
    /// Requests of all kinds.
    pub fn requests(&self) -> u64 {
        // Relaxed, here and below: they are only counted.
        self.kinds
            .iter()
            .map(|kind| kind.load(Ordering::Relaxed))
            .sum()
    }

    fn add(&self, kind: usize, count: u64) {
        self.kinds[kind].fetch_add(count, Ordering::Relaxed);
    }

    fn wrong(&self, kind: usize, what: &dyn std::fmt::Debug) {
        self.wrong.fetch_add(1, Ordering::Relaxed);
        let mut examples = self.examples.lock().expect("no panic");
        if examples.len() < EXAMPLES_MAX {
            examples.push(format!("{}: {what:?}", KINDS[kind]));
        }
    }

    /// Counts an answer that should have this status, and a body of this length if one is given.
    fn judge(&self, kind: usize, reply: Reply, (status, body): (u16, Option<usize>)) {
        if reply.status == 503 {
            self.busy.fetch_add(1, Ordering::Relaxed);
        } else if reply.status != status || body.is_some_and(|bytes| bytes != reply.body_bytes) {
            self.wrong(kind, &reply);
        }
    }
}

/// Asks until all threads together have asked so many; `thread` is the number of this one.
pub fn run(server: SocketAddr, thread: usize, upto: u64, counts: &Counts) {
    let mut mixer = Mixer {
        server,
        counts,
        lanes: (0..LANES).map(|_| None).collect(),
        clients: addresses(5 + thread as u8, ADDRESSES),
        turn: 0,
        variants: [0; KINDS.len()],
        aborts: requests::aborts(),
    };
    let (deep, single) = (requests::deep(), requests::single());
    while counts.requests() < upto {
        mixer.exchange(PIPELINED, &deep);
        mixer.exchange(KEPT, &single);
        mixer.exchange(KEPT, &single);
        for _ in 0..2 {
            mixer.alone(CLOSED, Mixer::close);
            mixer.alone(ABORTED, Mixer::abort);
        }
        mixer.alone(BAD, Mixer::bad);
    }
}

struct Mixer<'a> {
    server: SocketAddr,
    counts: &'a Counts,
    /// None where the connection has ended.
    lanes: Vec<Option<Wire>>,
    clients: Vec<Ipv4Addr>,
    /// Steps so far: requests and clients take turns by it.
    turn: usize,
    /// Requests of each kind that needed a connection of their own: their variants take turns by it.
    variants: [usize; KINDS.len()],
    aborts: Vec<Abort>,
}

impl Mixer<'_> {
    /// Sends a batch on each lane, then takes all the answers.
    fn exchange(&mut self, kind: usize, batches: &[Batch]) {
        self.turn += 1;
        let (turn, mut answered) = (self.turn, 0);
        let batch = |lane: usize| &batches[(turn + lane) % batches.len()];
        for at in 0..LANES {
            let wire = self.lanes[at].take().map_or_else(|| self.dial(), Ok);
            let sent = wire.and_then(|mut wire| wire.send(&batch(at).bytes).map(|()| wire));
            self.lanes[at] = sent.map_err(|error| self.fail(kind, &error)).ok();
        }
        for at in 0..LANES {
            let Some(mut wire) = self.lanes[at].take() else {
                continue;
            };
            let mut stays = true;
            for expected in &batch(at).expected {
                match wire.reply() {
                    Ok(reply) => {
                        self.counts.judge(kind, reply, *expected);
                        answered += 1;
                        stays = !reply.closes;
                    }
                    Err(error) => {
                        self.fail(kind, &error);
                        stays = false;
                    }
                }
                // A connection serves so many requests; those behind the last are not answered.
                if !stays {
                    break;
                }
            }
            self.lanes[at] = stays.then_some(wire);
        }
        self.counts.add(kind, answered);
    }

    /// One request that needs a connection of its own.
    fn alone(&mut self, kind: usize, ask: fn(&mut Self) -> io::Result<()>) {
        self.variants[kind] += 1;
        match ask(self) {
            Ok(()) => self.counts.add(kind, 1),
            Err(error) => self.fail(kind, &error),
        }
    }

    /// A good request after which the server closes.
    fn close(&mut self) -> io::Result<()> {
        let mut wire = self.dial()?;
        wire.send(requests::CLOSING)?;
        let reply = wire.reply()?;
        self.counts.judge(CLOSED, reply, (200, None));
        self.ends(CLOSED, reply, &mut wire)
    }

    /// What is no request: it is answered with an error, and the server closes.
    fn bad(&mut self) -> io::Result<()> {
        let (request, status) = &requests::BAD[self.variants[BAD] % requests::BAD.len()];
        let mut wire = self.dial()?;
        wire.send(request)?;
        let reply = wire.reply()?;
        self.counts.judge(BAD, reply, (*status, None));
        self.ends(BAD, reply, &mut wire)
    }

    /// After the last answer the server must have nothing more to say.
    fn ends(&self, kind: usize, reply: Reply, wire: &mut Wire) -> io::Result<()> {
        if !reply.closes || wire.has_begun() || wire.fill()? > 0 {
            self.counts.wrong(kind, &("the connection goes on", reply));
        }
        Ok(())
    }

    /// A client that goes away in the middle, with a reset or in good order.
    fn abort(&mut self) -> io::Result<()> {
        let mut wire = self.dial()?;
        let variant = self.variants[ABORTED];
        let Abort { bytes, takes_some } = &self.aborts[variant / 2 % self.aborts.len()];
        if variant.is_multiple_of(2) {
            set_socket_linger(wire.stream(), None)?;
        }
        if *takes_some {
            set_socket_recv_buffer_size(wire.stream(), RECEIVE_BYTES)?;
        }
        wire.send(bytes)?;
        if *takes_some {
            wire.fill()?;
        }
        Ok(())
    }

    fn dial(&mut self) -> io::Result<Wire> {
        self.turn += 1;
        let client = self.clients[self.turn % self.clients.len()];
        dial(client, self.server).map(Wire::new)
    }

    /// A request that was not answered, or could not be sent.
    fn fail(&self, kind: usize, error: &io::Error) {
        self.counts.add(kind, 1);
        self.counts.wrong(kind, error);
    }
}
