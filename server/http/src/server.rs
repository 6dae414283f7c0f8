//! One builder for all that is served: what is listened on, and where the handler runs.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use harmonious_pool::Handle;

use crate::accept::{Acceptor, Serves};
use crate::config::Limits;
use crate::connection::Connection;
use crate::error::Error;
use crate::front::{Front, Shared};
use crate::listen::{Datagrams, Listen, Listener};
use crate::request::Peer;
use crate::seat::{Seat, Seats};
use crate::service::{DatagramService, DatagramTask, Place, StreamService, StreamShared};
use crate::stats::Counters;
use crate::stream::Stream;

/// What is being served. It stops when its pool does
/// ([`Pool::shutdown`](harmonious_pool::Pool::shutdown)).
///
/// # Examples
/// ```
/// use std::io::{Read, Write};
/// use harmonious_http::{Front, Limits, Listen, Request, Response, Server};
/// use harmonious_pool::{Config, Pool};
///
/// let pool = Pool::start(Config::default())?;
/// let front = Front::new(|_: Request| Response::text("hello"), Limits::default())?;
/// let server = Server::builder()
///     .http(&"127.0.0.1:0".parse()?, &front)?
///     .start(&pool)?;
///
/// let Listen::Ip(address) = server.addresses()[0] else { unreachable!() };
/// let mut client = std::net::TcpStream::connect(address)?;
/// client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer)?;
/// assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
/// assert!(answer.ends_with("\r\n\r\nhello"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    addresses: Vec<Listen>,
}

/// What will be served. Sockets are opened as they are named, so that a taken port is an error
/// before anything starts; nothing is accepted before [`Builder::start`].
#[derive(Default)]
pub struct Builder {
    addresses: Vec<Listen>,
    services: Vec<Service>,
}

enum Service {
    Http(Listener, Arc<Shared>),
    Stream(Listener, Arc<StreamShared>),
    Datagram(Datagrams, Box<dyn DatagramService>, Place),
}

/// Hands a task to the pool.
type Start = Box<dyn FnOnce(&Handle) -> Result<(), harmonious_pool::Error>>;

impl Server {
    /// Nothing so far.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// What is listened on, in the order in which it was named, with the ports that were found.
    pub fn addresses(&self) -> &[Listen] {
        &self.addresses
    }
}

impl Builder {
    /// HTTP on `listen`, answered by `front`.
    ///
    /// # Errors
    /// [`Error::Listen`] if the socket cannot be had.
    pub fn http(mut self, listen: &Listen, front: &Front) -> Result<Builder, Error> {
        let (listener, real) = listen.listener()?;
        self.addresses.push(real);
        let front = Arc::clone(&front.0);
        self.services.push(Service::Http(listener, front));
        Ok(self)
    }

    /// A protocol of one's own over connections (TCP or Unix stream). Of the limits, those on
    /// connections, idling and writing apply.
    ///
    /// # Errors
    /// [`Error::Listen`] if the socket cannot be had, [`Error::Setting`] if a limit is out of its
    /// range.
    pub fn stream(
        mut self,
        listen: &Listen,
        place: Place,
        limits: &Limits,
        service: impl StreamService,
    ) -> Result<Builder, Error> {
        limits.validate()?;
        let (listener, real) = listen.listener()?;
        self.addresses.push(real);
        let shared = Arc::new(StreamShared::new(Box::new(service), place, limits));
        self.services.push(Service::Stream(listener, shared));
        Ok(self)
    }

    /// A protocol of one's own over datagrams (UDP or Unix datagram).
    ///
    /// # Errors
    /// [`Error::Listen`] if the socket cannot be had.
    pub fn datagram(
        mut self,
        listen: &Listen,
        place: Place,
        service: impl DatagramService,
    ) -> Result<Builder, Error> {
        let (socket, real) = listen.datagrams()?;
        self.addresses.push(real);
        self.services
            .push(Service::Datagram(socket, Box::new(service), place));
        Ok(self)
    }

    /// What is listened on so far, with the ports that were found.
    pub fn addresses(&self) -> &[Listen] {
        &self.addresses
    }

    /// Begins to accept, on the threads of `pool`.
    ///
    /// # Errors
    /// [`Error::Pool`] if the pool takes no more tasks, [`Error::Listen`] if there are no
    /// descriptors left.
    pub fn start(self, pool: &Handle) -> Result<Server, Error> {
        // All that can be refused comes first.
        let mut tasks: Vec<Start> = Vec::new();
        for (service, address) in self.services.into_iter().zip(&self.addresses) {
            let failed = |source| Error::Listen {
                address: address.to_string(),
                source,
            };
            tasks.push(match service {
                Service::Http(listener, front) => {
                    let task = Acceptor::new(listener, front, pool.clone()).map_err(failed)?;
                    Box::new(|pool| pool.spawn(task))
                }
                Service::Stream(listener, shared) => {
                    let task = Acceptor::new(listener, shared, pool.clone()).map_err(failed)?;
                    Box::new(|pool| pool.spawn(task))
                }
                Service::Datagram(socket, service, place) => {
                    let task = DatagramTask::new(socket, service, place).map_err(failed)?;
                    Box::new(|pool| pool.spawn(task))
                }
            });
        }
        for start in tasks {
            start(pool)?;
        }
        Ok(Server {
            addresses: self.addresses,
        })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

impl Serves for Shared {
    fn seats(&self) -> &Seats {
        &self.seats
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn now_ns(&self, now: Instant) -> u64 {
        Shared::now_ns(self, now)
    }

    fn busy(&self) -> &'static [u8] {
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n\
          content-length: 49\r\nretry-after: 1\r\nconnection: close\r\n\r\n\
          503 Service Unavailable: too many are connected.\n"
    }

    fn start(
        self: Arc<Self>,
        pool: &Handle,
        place: (u64, Arc<Seat>),
        stream: Stream,
        peer: Peer,
    ) -> Result<(), harmonious_pool::Error> {
        pool.spawn(Connection::new(self, place, stream, peer))
    }
}
