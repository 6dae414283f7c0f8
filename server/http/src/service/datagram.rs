//! The socket of a datagram service.

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use harmonious_pool::mio::Interest;
use harmonious_pool::mio::net::{UdpSocket, UnixDatagram};
use harmonious_pool::{Context, Flow, Origin, Task};

use super::{DatagramService, Place};
use crate::config::ACCEPT_RETRY;
use crate::config::{DATAGRAM_BYTES_MAX, DATAGRAMS_PER_POLL};
use crate::listen::{DatagramSocket, Datagrams, Owned};
use crate::request::Peer;

/// The task of a socket for datagrams.
pub(crate) struct DatagramTask {
    /// It goes first: once nobody listens, the next server may take it.
    _path: Option<Owned>,
    socket: Socket,
    service: Arc<dyn DatagramService>,
    place: Place,
    sender: Arc<Sender>,
    buffer: Vec<u8>,
    registered: bool,
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
        let (task_socket, sender) = match socket.socket {
            DatagramSocket::Udp(socket) => {
                let sender = Sender::Udp(socket.try_clone()?);
                (Socket::Udp(UdpSocket::from_std(socket)), sender)
            }
            DatagramSocket::Unix(socket) => {
                let sender = Sender::Unix(socket.try_clone()?);
                (Socket::Unix(UnixDatagram::from_std(socket)), sender)
            }
        };
        Ok(DatagramTask {
            _path: socket.path,
            socket: task_socket,
            service: service.into(),
            place,
            sender: Arc::new(sender),
            buffer: vec![0; DATAGRAM_BYTES_MAX],
            registered: false,
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
                cx.set_deadline(Some(cx.now() + ACCEPT_RETRY));
                return Flow::Wait;
            }
            self.registered = true;
        }
        let mut empty = false;
        for _ in 0..DATAGRAMS_PER_POLL {
            match self.receive() {
                Ok((len, from)) => self.handle(&self.buffer[..len], from, cx),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    empty = true;
                    break;
                }
                // An answer that an earlier datagram could not be delivered, or a signal.
                Err(_) => {}
            }
        }
        // Datagrams come without an end: a stop does not wait for a pause.
        match (cx.draining(), empty) {
            (true, _) => Flow::Done,
            (false, true) => Flow::Wait,
            (false, false) => Flow::Again,
        }
    }
}
