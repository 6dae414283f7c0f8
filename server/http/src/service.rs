//! Plain services: protocols of one's own over streams and datagrams, on the same pool as HTTP.
//!
//! A handler is written once and runs where the builder says: on the connection's task, if it never
//! blocks, or as a job on a worker.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use harmonious_pool::mio::Interest;
use harmonious_pool::mio::net::{UdpSocket, UnixDatagram};
use harmonious_pool::{Context, Flow, Handle, Job, JobContext, Origin, Refusal, Task};

use crate::accept::Serves;
use crate::config::{
    DATAGRAM_BYTES_MAX, DATAGRAMS_PER_POLL, DRAIN_IDLE, Limits, READ_BYTES, READS_PER_POLL,
};
use crate::jobs::Outcome;
use crate::listen::{Datagrams, Owned};
use crate::request::Peer;
use crate::seat::{Seat, Seats};
use crate::stats::Counters;
use crate::stream::Stream;

/// Where a service's handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the task that read the bytes: it must not block.
    Task,
    /// As a job, on a worker: it may block. It waits for a permit like any other job; if the pool
    /// is too busy, the connection is closed, or the datagram dropped.
    Job,
}

/// What a conversation wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The reply is sent, and more is read.
    Go,
    /// The reply is sent, and the connection closed.
    Close,
}

/// Answers connections: makes one conversation for each.
///
/// A closure that returns a closure is a service:
/// ```
/// use harmonious_http::{Limits, Next, Peer, Place, Server};
///
/// let echo = |_peer: Peer| {
///     |bytes: &[u8], reply: &mut Vec<u8>| {
///         reply.extend_from_slice(bytes);
///         Next::Go
///     }
/// };
/// let limits = Limits::default();
/// let builder = Server::builder().stream(&"127.0.0.1:0".parse()?, Place::Task, &limits, echo)?;
/// # drop(builder);
/// # Ok::<(), harmonious_http::Error>(())
/// ```
pub trait StreamService: Send + Sync + 'static {
    /// Somebody has connected.
    fn connected(&self, peer: Peer) -> Box<dyn Conversation>;
}

/// One connection's side of a protocol.
pub trait Conversation: Send + 'static {
    /// Bytes have come. What is appended to `reply` is sent before more is read.
    fn received(&mut self, bytes: &[u8], reply: &mut Vec<u8>) -> Next;
}

/// Answers datagrams. A closure `Fn(&[u8]) -> Option<Vec<u8>>` is a service.
pub trait DatagramService: Send + Sync + 'static {
    /// A datagram has come; what is returned goes back to its sender, if it has an address.
    fn received(&self, datagram: &[u8]) -> Option<Vec<u8>>;
}

impl<F, C> StreamService for F
where
    F: Fn(Peer) -> C + Send + Sync + 'static,
    C: Conversation,
{
    fn connected(&self, peer: Peer) -> Box<dyn Conversation> {
        Box::new(self(peer))
    }
}

impl<F: FnMut(&[u8], &mut Vec<u8>) -> Next + Send + 'static> Conversation for F {
    fn received(&mut self, bytes: &[u8], reply: &mut Vec<u8>) -> Next {
        self(bytes, reply)
    }
}

impl<F: Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync + 'static> DatagramService for F {
    fn received(&self, datagram: &[u8]) -> Option<Vec<u8>> {
        self(datagram)
    }
}

// ---- streams ----

/// What all connections of a stream service share.
pub(crate) struct StreamShared {
    service: Box<dyn StreamService>,
    place: Place,
    limits: Limits,
    seats: Seats,
    counters: Counters,
    began: Instant,
}

impl StreamShared {
    pub(crate) fn new(
        service: Box<dyn StreamService>,
        place: Place,
        limits: &Limits,
    ) -> StreamShared {
        StreamShared {
            service,
            place,
            seats: Seats::new(limits.connections_max, limits.per_address_max),
            counters: Counters::default(),
            began: Instant::now(),
            limits: limits.clone(),
        }
    }
}

impl Serves for StreamShared {
    fn seats(&self) -> &Seats {
        &self.seats
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn now_ns(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_nanos() as u64
    }

    fn busy(&self) -> &'static [u8] {
        b"" // a protocol that we do not know
    }

    fn start(
        self: Arc<Self>,
        pool: &Handle,
        place: (u64, Arc<Seat>),
        stream: Stream,
        peer: Peer,
    ) -> Result<(), harmonious_pool::Error> {
        let conversation = self.service.connected(peer);
        pool.spawn(Talk {
            shared: self,
            seat: place.1,
            number: place.0,
            peer,
            stream,
            state: State::Listening(conversation),
            reply: Vec::new(),
            at: 0,
            next: Next::Go,
            drained: false,
            writable: true,
            registered: false,
        })
    }
}

/// One connection of a stream service.
struct Talk {
    shared: Arc<StreamShared>,
    seat: Arc<Seat>,
    number: u64,
    peer: Peer,
    stream: Stream,
    state: State,
    reply: Vec<u8>,
    at: usize,
    next: Next,
    drained: bool,
    writable: bool,
    registered: bool,
}

enum State {
    Listening(Box<dyn Conversation>),
    /// A job has the conversation.
    Thinking,
    /// It has ended.
    Over,
}

/// What a job did with a conversation: itself, its reply, and what it wants.
pub(crate) type Said = Option<(Box<dyn Conversation>, Vec<u8>, Next)>;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

impl Talk {
    /// Goes on as far as the socket allows. `None`: the connection is over.
    fn go(&mut self, cx: &mut Context<'_>) -> Option<Flow> {
        for _ in 0..READS_PER_POLL {
            if let State::Thinking = self.state {
                match self.seat.take() {
                    None => return Some(Flow::Wait),
                    Some(Outcome::Said(Some((conversation, reply, next)))) => {
                        self.said(conversation, reply, next, cx);
                    }
                    Some(_) => return None,
                }
            }
            if !self.send(cx)? {
                return Some(Flow::Wait);
            }
            if self.next == Next::Close {
                return None;
            }
            if self.drained {
                return Some(Flow::Wait);
            }
            self.listen(cx)?;
        }
        Some(Flow::Again)
    }

    fn said(
        &mut self,
        conversation: Box<dyn Conversation>,
        reply: Vec<u8>,
        next: Next,
        cx: &mut Context<'_>,
    ) {
        self.state = State::Listening(conversation);
        self.reply = reply;
        self.at = 0;
        self.next = next;
        let limits = &self.shared.limits;
        let patience = if self.reply.is_empty() {
            self.seat.release(self.shared.now_ns(cx.now()));
            limits.idle_timeout
        } else {
            limits.write_timeout
        };
        cx.set_deadline(Some(cx.now() + patience));
    }

    /// Sends what is to be said. True if all of it is out.
    fn send(&mut self, cx: &mut Context<'_>) -> Option<bool> {
        while self.at < self.reply.len() {
            if !self.writable {
                return Some(false);
            }
            match self.stream.write(&self.reply[self.at..]) {
                Ok(0) => return None,
                Ok(written) => {
                    self.at += written;
                    let limits = &self.shared.limits;
                    let patience = if self.at == self.reply.len() {
                        self.seat.release(self.shared.now_ns(cx.now()));
                        limits.idle_timeout
                    } else {
                        limits.write_timeout
                    };
                    cx.set_deadline(Some(cx.now() + patience));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        self.reply = Vec::new();
        self.at = 0;
        Some(true)
    }

    /// Reads, and has the handler answer.
    fn listen(&mut self, cx: &mut Context<'_>) -> Option<()> {
        SCRATCH.with_borrow_mut(|scratch| {
            let read = match self.stream.read(scratch) {
                Ok(0) => return None,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.drained = true;
                    return Some(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => return Some(()),
                Err(_) => return None,
            };
            if !self.seat.occupy() {
                return None;
            }
            self.shared.counters.read(read);
            let bytes = &scratch[..read];
            let State::Listening(conversation) = std::mem::replace(&mut self.state, State::Over)
            else {
                return None;
            };
            match self.shared.place {
                Place::Task => {
                    let (conversation, reply, next) = answer(conversation, bytes)?;
                    self.said(conversation, reply, next, cx);
                }
                Place::Job => {
                    let job = TalkJob {
                        seat: Arc::clone(&self.seat),
                        conversation,
                        bytes: bytes.to_vec(),
                    };
                    let origin = Origin {
                        client: self.peer.client(),
                        route: 0,
                    };
                    if let Err(refusal) = cx.submit(origin, job) {
                        self.shared.counters.reject(refusal.reason.as_str());
                        return None;
                    }
                    self.state = State::Thinking;
                }
            }
            Some(())
        })
    }
}

fn answer(mut conversation: Box<dyn Conversation>, bytes: &[u8]) -> Said {
    catch_unwind(AssertUnwindSafe(|| {
        let mut reply = Vec::new();
        let next = conversation.received(bytes, &mut reply);
        (conversation, reply, next)
    }))
    .ok()
}

impl Task for Talk {
    fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
        let limits = &self.shared.limits;
        if !self.registered {
            let both = Interest::READABLE | Interest::WRITABLE;
            if cx.register(&mut self.stream, both).is_err() {
                return Flow::Done;
            }
            self.registered = true;
            self.seat.set_notifier(cx.notifier());
            cx.set_deadline(Some(cx.now() + limits.idle_timeout));
        }
        let ready = cx.ready();
        self.drained &= !ready.readable();
        self.writable |= ready.writable();
        let idle = matches!(self.state, State::Listening(_)) && self.reply.is_empty();
        let waits_for_client = !matches!(self.state, State::Thinking);
        if ready.hung_up() || self.seat.is_evicted() || (ready.deadline() && waits_for_client) {
            return Flow::Done;
        }
        let flow = self.go(cx).unwrap_or(Flow::Done);
        if cx.draining() && idle && flow == Flow::Wait {
            // What is under way is finished; whoever says nothing is not waited for.
            cx.set_deadline(Some(cx.now() + DRAIN_IDLE));
        }
        flow
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.seat.gone.store(true, Relaxed);
        self.shared.seats.leave(self.number);
    }
}

/// A conversation's turn on a worker.
struct TalkJob {
    seat: Arc<Seat>,
    conversation: Box<dyn Conversation>,
    bytes: Vec<u8>,
}

impl Job for TalkJob {
    fn run(self: Box<Self>, cx: &mut JobContext) {
        let said = answer(self.conversation, &self.bytes);
        self.seat.put(Outcome::Said(said));
        if let Some(notifier) = self.seat.notifier() {
            cx.notify_on_return(notifier.clone());
        }
    }

    fn refuse(self: Box<Self>, refusal: Refusal) {
        self.seat.put(Outcome::Refused(refusal));
        if let Some(notifier) = self.seat.notifier() {
            notifier.notify();
        }
    }

    fn is_wanted(&self) -> bool {
        !self.seat.gone.load(Relaxed)
    }
}

// ---- datagrams ----

/// The task of a socket for datagrams.
pub(crate) struct DatagramTask {
    socket: Socket,
    service: Arc<dyn DatagramService>,
    place: Place,
    sender: Arc<Sender>,
    buffer: Vec<u8>,
    registered: bool,
    _path: Option<Owned>,
}

enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

/// The same socket once more, to send from any thread.
enum Sender {
    Udp(std::net::UdpSocket),
    Unix(std::os::unix::net::UnixDatagram),
}

/// Where a datagram came from.
enum From {
    Ip(std::net::SocketAddr),
    Unix(std::path::PathBuf),
    Nowhere,
}

impl Sender {
    /// Sends if there is room, else drops it, as datagrams may be.
    fn send(&self, datagram: &[u8], to: &From) {
        let _ = match (self, to) {
            (Sender::Udp(socket), From::Ip(address)) => socket.send_to(datagram, address),
            (Sender::Unix(socket), From::Unix(path)) => socket.send_to(datagram, path),
            _ => Ok(0),
        };
    }
}

impl DatagramTask {
    pub(crate) fn new(
        socket: Datagrams,
        service: Box<dyn DatagramService>,
        place: Place,
    ) -> io::Result<DatagramTask> {
        let (socket, sender, path) = match socket {
            Datagrams::Udp(socket) => {
                let sender = Sender::Udp(socket.try_clone()?);
                (Socket::Udp(UdpSocket::from_std(socket)), sender, None)
            }
            Datagrams::Unix(socket, path) => {
                let sender = Sender::Unix(socket.try_clone()?);
                (Socket::Unix(UnixDatagram::from_std(socket)), sender, path)
            }
        };
        Ok(DatagramTask {
            socket,
            service: service.into(),
            place,
            sender: Arc::new(sender),
            buffer: vec![0; DATAGRAM_BYTES_MAX],
            registered: false,
            _path: path,
        })
    }

    fn receive(&mut self) -> io::Result<(usize, From)> {
        match &self.socket {
            Socket::Udp(socket) => {
                let (len, address) = socket.recv_from(&mut self.buffer)?;
                Ok((len, From::Ip(address)))
            }
            Socket::Unix(socket) => {
                let (len, address) = socket.recv_from(&mut self.buffer)?;
                let from = address.as_pathname().map(|path| From::Unix(path.into()));
                Ok((len, from.unwrap_or(From::Nowhere)))
            }
        }
    }

    fn handle(&self, datagram: &[u8], from: From, cx: &mut Context<'_>) {
        let service = Arc::clone(&self.service);
        match self.place {
            Place::Task => {
                let reply = catch_unwind(AssertUnwindSafe(|| service.received(datagram)));
                if let Ok(Some(reply)) = reply {
                    self.sender.send(&reply, &from);
                }
            }
            Place::Job => {
                let client = match &from {
                    From::Ip(address) => Peer::Ip(address.ip(), address.port()).client(),
                    _ => 0,
                };
                let sender = Arc::clone(&self.sender);
                let datagram = datagram.to_vec();
                // Refused or shed, it is dropped, as datagrams may be.
                let _ = cx.submit(Origin { client, route: 0 }, move || {
                    if let Some(reply) = service.received(&datagram) {
                        sender.send(&reply, &from);
                    }
                });
            }
        }
    }
}

impl Task for DatagramTask {
    fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
        if !self.registered {
            let registered = match &mut self.socket {
                Socket::Udp(socket) => cx.register(socket, Interest::READABLE),
                Socket::Unix(socket) => cx.register(socket, Interest::READABLE),
            };
            if registered.is_err() {
                return Flow::Again;
            }
            self.registered = true;
        }
        for _ in 0..DATAGRAMS_PER_POLL {
            match self.receive() {
                Ok((len, from)) => self.handle(&self.buffer[..len], from, cx),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return if cx.draining() {
                        Flow::Done
                    } else {
                        Flow::Wait
                    };
                }
                // An answer that an earlier datagram could not be delivered, or a signal.
                Err(_) => {}
            }
        }
        Flow::Again
    }
}
