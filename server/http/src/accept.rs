//! The task of a listener: takes connections in, within the limits, and says 503 where it cannot.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use harmonious_pool::mio::Interest;
use harmonious_pool::{Context, Flow, Handle, Task};
use rustix::io::Errno;

use crate::config::{ACCEPT_RETRY, ACCEPTS_PER_POLL};
use crate::listen::{Listener, Socket};
use crate::request::Peer;
use crate::seat::{NoSeat, Seat, Seats};
use crate::stats::Counters;
use crate::stream::Stream;

/// What accepts connections: an HTTP front or a plain service.
pub(crate) trait Serves: Send + Sync + 'static {
    fn seats(&self) -> &Seats;
    fn counters(&self) -> &Counters;
    /// Nanoseconds of the clock by which seats are compared.
    fn now_ns(&self, now: Instant) -> u64;
    /// What a connection is told that cannot be taken in.
    fn busy(&self) -> &'static [u8];
    /// Starts the connection's task.
    fn start(
        self: Arc<Self>,
        pool: &Handle,
        place: (u64, Arc<Seat>),
        stream: Stream,
        peer: Peer,
    ) -> Result<(), harmonious_pool::Error>;
}

/// Accepts connections of one listener.
pub(crate) struct Acceptor<S> {
    listener: Listener,
    service: Arc<S>,
    pool: Handle,
    registered: bool,
    /// A descriptor to spare: closed to accept and refuse a connection when there is none else.
    reserve: Option<File>,
    /// When connections were last closed for want of descriptors.
    relieved: Option<Instant>,
    /// Counts the connections of a Unix socket, which have no address.
    locals: u64,
}

/// How an accept ended.
enum Accepted {
    One(Stream, Peer),
    Again,
    None,
    NoDescriptors,
    /// The listener is no good, perhaps for ever.
    Failed,
}

impl<S: Serves> Acceptor<S> {
    pub(crate) fn new(listener: Listener, service: Arc<S>, pool: Handle) -> io::Result<Self> {
        Ok(Acceptor {
            listener,
            service,
            pool,
            registered: false,
            reserve: Some(spare()?),
            relieved: None,
            locals: 0,
        })
    }

    fn accept(&mut self) -> Accepted {
        let accepted = match &self.listener.socket {
            Socket::Tcp(listener) => listener.accept().map(|(stream, address)| {
                // Answers go out as they are written; without it the last piece of each would wait
                // for an acknowledgement. A connection that is reset already fails here; it shows.
                let _ = stream.set_nodelay(true);
                (Stream::from(stream), Peer::Ip(address.ip(), address.port()))
            }),
            Socket::Unix(listener) => listener.accept().map(|(stream, _)| {
                self.locals += 1;
                (Stream::from(stream), Peer::Local(self.locals))
            }),
        };
        match accepted {
            Ok((stream, peer)) => Accepted::One(stream, peer),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Accepted::None,
            Err(error) => match error.raw_os_error().map(Errno::from_raw_os_error) {
                // The connection is gone, or the network had a word (accept(2)); the next may be
                // good.
                Some(
                    Errno::CONNABORTED
                    | Errno::INTR
                    | Errno::PROTO
                    | Errno::PERM
                    | Errno::NETDOWN
                    | Errno::NOPROTOOPT
                    | Errno::HOSTDOWN
                    | Errno::NONET
                    | Errno::HOSTUNREACH
                    | Errno::OPNOTSUPP
                    | Errno::NETUNREACH,
                ) => Accepted::Again,
                Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    Accepted::NoDescriptors
                }
                _ => Accepted::Failed,
            },
        }
    }

    fn admit(&mut self, stream: Stream, peer: Peer, now: Instant) {
        let service = &self.service;
        service.counters().accepted.fetch_add(1, Relaxed);
        let now_ns = service.now_ns(now);
        let seats = service.seats();
        let mut place = seats.admit(peer.client(), now_ns);
        if let Err(NoSeat::Full) = place {
            let evicted = seats.evict(now_ns);
            service
                .counters()
                .evicted
                .fetch_add(evicted as u64, Relaxed);
            place = seats.admit(peer.client(), now_ns);
        }
        let place = match place {
            Ok(place) => place,
            Err(NoSeat::Full) => return self.refuse(stream, "connections_max"),
            Err(NoSeat::PerAddress) => return self.refuse(stream, "connections_per_address"),
        };
        let number = place.0;
        if Arc::clone(service)
            .start(&self.pool, place, stream, peer)
            .is_err()
        {
            service.counters().reject("tasks_max");
            service.seats().leave(number);
        }
    }

    /// Says 503, as far as that goes without waiting.
    fn refuse(&self, mut stream: Stream, reason: &'static str) {
        self.service.counters().reject(reason);
        let _ = stream.write(self.service.busy());
        let _ = stream.shutdown(Shutdown::Write);
        // What lies unread when a socket is closed turns the close into a reset, which may
        // overtake the answer.
        let _ = stream.read(&mut [0; 4096]);
    }

    /// No descriptors: with the one in reserve, those who wait can be told so. The idlest
    /// connections are closed now and then, so that there are some soon.
    fn relieve(&mut self, now: Instant) {
        if self.relieved.is_none_or(|at| now >= at + ACCEPT_RETRY) {
            self.relieved = Some(now);
            let now_ns = self.service.now_ns(now);
            let evicted = self.service.seats().evict(now_ns);
            let counters = self.service.counters();
            counters.evicted.fetch_add(evicted as u64, Relaxed);
        }
        if self.reserve.take().is_some() {
            for _ in 0..ACCEPTS_PER_POLL {
                let Accepted::One(stream, _) = self.accept() else {
                    break;
                };
                self.refuse(stream, "no_descriptors");
            }
        }
        self.reserve = spare().ok();
    }

    /// The server is stopping. Whoever was connected before is let in; then the door is shut.
    fn shut(&mut self, now: Instant) {
        if self.listener.inherited {
            return; // whoever handed it over still listens; what waits is the next server's
        }
        // New connections find no room while the last ones are taken in.
        let closed = match &self.listener.socket {
            Socket::Tcp(listener) => rustix::net::listen(listener, 0),
            Socket::Unix(listener) => rustix::net::listen(listener, 0),
        };
        debug_assert!(closed.is_ok());
        for _ in 0..crate::config::BACKLOG {
            match self.accept() {
                Accepted::One(stream, peer) => self.admit(stream, peer, now),
                Accepted::Again => {}
                Accepted::None | Accepted::NoDescriptors | Accepted::Failed => return,
            }
        }
    }
}

impl<S: Serves> Task for Acceptor<S> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
        if cx.draining() {
            self.shut(cx.now());
            return Flow::Done;
        }
        if !self.registered {
            let registered = match &mut self.listener.socket {
                Socket::Tcp(listener) => cx.register(listener, Interest::READABLE),
                Socket::Unix(listener) => cx.register(listener, Interest::READABLE),
            };
            if registered.is_err() {
                // No memory for one more watch; a listener that is not watched would be deaf.
                cx.set_deadline(Some(cx.now() + ACCEPT_RETRY));
                return Flow::Wait;
            }
            self.registered = true;
        }
        if self.reserve.is_none() {
            self.reserve = spare().ok();
        }
        for _ in 0..ACCEPTS_PER_POLL {
            match self.accept() {
                Accepted::One(stream, peer) => self.admit(stream, peer, cx.now()),
                Accepted::Again => {}
                Accepted::None => return Flow::Wait,
                Accepted::NoDescriptors => {
                    self.relieve(cx.now());
                    cx.set_deadline(Some(cx.now() + ACCEPT_RETRY));
                    return Flow::Wait;
                }
                Accepted::Failed => {
                    self.service.counters().reject("accept_failed");
                    cx.set_deadline(Some(cx.now() + ACCEPT_RETRY));
                    return Flow::Wait;
                }
            }
        }
        Flow::Again
    }
}

fn spare() -> io::Result<File> {
    File::open("/dev/null")
}
