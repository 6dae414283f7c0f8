//! The loop behind [`super::run`]: one epoll for all connections, one list of what is due next.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;

use super::super::wire::{Reply, Wire, dial};
use super::{Answer, Pace, Source, Tally};

/// Longest sleep, so that the end is not missed.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const EVENTS_PER_LOOK: usize = 256;

/// A connection with one request at a time.
pub(super) struct Line {
    pub(super) source: usize,
    client: Ipv4Addr,
    /// None where the last one was lost and no other could be had.
    wire: Option<Wire>,
    /// When the request was sent whose answer is not here.
    pub(super) sent: Option<Instant>,
}

/// All connections, and what they have seen.
pub(super) struct Traffic<'a> {
    server: SocketAddr,
    sources: &'a [Source],
    epoll: OwnedFd,
    pub(super) lines: Vec<Line>,
    /// For each source its lines without a request; the one that rested longest goes first.
    free: Vec<VecDeque<usize>>,
    requests: Vec<Vec<u8>>,
    pub(super) tallies: Vec<Tally>,
    pub(super) late_ms: Vec<f64>,
    /// What was before this does not count.
    pub(super) begin: Instant,
    random: u64,
}

impl<'a> Traffic<'a> {
    pub(super) fn open(server: SocketAddr, sources: &'a [Source]) -> io::Result<Self> {
        let request = |source: &Source| {
            format!("GET {} HTTP/1.1\r\nHost: bench\r\n\r\n", source.path).into_bytes()
        };
        let mut traffic = Self {
            server,
            sources,
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            lines: Vec::new(),
            free: sources.iter().map(|_| VecDeque::new()).collect(),
            requests: sources.iter().map(request).collect(),
            tallies: sources.iter().map(|_| Tally::default()).collect(),
            late_ms: Vec::new(),
            begin: Instant::now(),
            random: 0x9e37_79b9_7f4a_7c15,
        };
        for (at, source) in sources.iter().enumerate() {
            // Round by round, so that neighbours on the list are different clients.
            for &client in source
                .clients
                .iter()
                .cycle()
                .take(source.clients.len() * source.each)
            {
                traffic.free[at].push_back(traffic.lines.len());
                traffic.lines.push(Line {
                    source: at,
                    client,
                    wire: None,
                    sent: None,
                });
                traffic.connect(traffic.lines.len() - 1)?;
            }
        }
        Ok(traffic)
    }

    fn connect(&mut self, at: usize) -> io::Result<()> {
        let line = &mut self.lines[at];
        line.wire = None;
        let stream = dial(line.client, self.server)?;
        stream.set_nonblocking(true)?;
        epoll::add(
            &self.epoll,
            &stream,
            EventData::new_u64(at as u64),
            EventFlags::IN,
        )?;
        line.wire = Some(Wire::new(stream));
        Ok(())
    }

    pub(super) fn go(&mut self, end: Instant) -> io::Result<()> {
        let start = Instant::now();
        let count = self.sources.len();
        // Sources of one pace take turns.
        let first = |(at, source): (usize, &Source)| match source.pace {
            Pace::Closed => None,
            Pace::Even(rate) | Pace::Random(rate) => {
                Some(start + Duration::from_secs_f64(at as f64 / count as f64 / rate))
            }
        };
        let mut due: Vec<Option<Instant>> = self.sources.iter().enumerate().map(first).collect();
        for (source, _) in due.iter().enumerate().filter(|(_, due)| due.is_none()) {
            while let Some(line) = self.free[source].pop_front() {
                self.send(line);
            }
        }
        let mut events: Vec<Event> = Vec::with_capacity(EVENTS_PER_LOOK);
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            for (source, due) in due.iter_mut().enumerate() {
                while let Some(at) = due.filter(|at| *at <= now) {
                    self.offer(source, at);
                    *due = Some(at + self.gap(source));
                }
            }
            let next = due.iter().flatten().min();
            let rest = next.map_or(LOOK_EVERY, |at| at.saturating_duration_since(now));
            let rest = Timespec::try_from(rest.min(LOOK_EVERY)).expect("a short time");
            events.clear();
            epoll::wait(
                &self.epoll,
                rustix::buffer::spare_capacity(&mut events),
                Some(&rest),
            )?;
            for event in &events {
                self.receive(event.data.u64() as usize);
            }
        }
    }

    /// From one request of a source to the next.
    fn gap(&mut self, source: usize) -> Duration {
        let (rate, share) = match self.sources[source].pace {
            Pace::Closed => return Duration::MAX,
            Pace::Even(rate) => (rate, 1.0),
            Pace::Random(rate) => {
                self.random ^= self.random << 13;
                self.random ^= self.random >> 7;
                self.random ^= self.random << 17;
                // From 2^-53 to 1.
                let part = ((self.random >> 11) + 1) as f64 / (1_u64 << 53) as f64;
                (rate, -part.ln())
            }
        };
        Duration::from_secs_f64(share / rate)
    }

    /// A request is due.
    fn offer(&mut self, source: usize, due: Instant) {
        let line = self.free[source].pop_front();
        let counts = due >= self.begin;
        if counts {
            self.tallies[source].due += 1;
            self.tallies[source].unsent += u64::from(line.is_none());
        }
        let Some(line) = line else { return };
        if counts {
            self.late_ms.push(due.elapsed().as_secs_f64() * 1e3);
        }
        self.send(line);
    }

    fn send(&mut self, at: usize) {
        if self.lines[at].wire.is_none() && self.connect(at).is_err() {
            return self.lose(at);
        }
        let line = &mut self.lines[at];
        let Some(wire) = &mut line.wire else { return };
        line.sent = Some(Instant::now());
        // So small a piece finds room, or the connection is lost.
        if wire.send(&self.requests[line.source]).is_err() {
            self.lose(at);
        }
    }

    fn receive(&mut self, at: usize) {
        let Some(wire) = &mut self.lines[at].wire else {
            return;
        };
        let taken = match wire.fill() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Ok(1..) => wire.take(),
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => Err(error),
        };
        match taken {
            Ok(None) => {}
            Ok(Some(reply)) => self.answered(at, reply),
            Err(_) if self.lines[at].sent.is_some() => self.lose(at),
            // Closed while nobody waited for anything; the next request finds another.
            Err(_) => self.lines[at].wire = None,
        }
    }

    fn answered(&mut self, at: usize, reply: Reply) {
        let line = &mut self.lines[at];
        let source = line.source;
        let Some(sent) = line.sent.take() else {
            // An answer that nobody asked for: the server takes no more connections.
            line.wire = None;
            return;
        };
        let now = Instant::now();
        if now >= self.begin {
            let took_ms = (now - sent).as_secs_f64() * 1e3;
            self.tallies[source].answers.push(Answer { reply, took_ms });
        }
        if reply.closes {
            // At once, so that the next request does not wait for it; else that one tries again.
            let _ = self.connect(at);
        }
        self.rest(at);
    }

    /// A request that gets no answer.
    fn lose(&mut self, at: usize) {
        let line = &mut self.lines[at];
        (line.wire, line.sent) = (None, None);
        if Instant::now() >= self.begin {
            self.tallies[line.source].failed += 1;
        }
        let source = self.lines[at].source;
        self.free[source].push_back(at);
    }

    fn rest(&mut self, at: usize) {
        let source = self.lines[at].source;
        match self.sources[source].pace {
            Pace::Closed => self.send(at),
            Pace::Even(_) | Pace::Random(_) => self.free[source].push_back(at),
        }
    }
}
