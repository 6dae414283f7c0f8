//! What is listened on: an address of the network, a Unix socket, or a socket that was inherited.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net as unix;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::OnceLock;

use harmonious_pool::mio::net::{TcpListener, UnixListener};
use listenfd::ListenFd;
use parking_lot::Mutex;
use socket2::{Domain, SockAddr, Type};

use crate::config::BACKLOG;
use crate::error::Error;

/// The first descriptor that socket activation hands over (`sd_listen_fds(3)`).
const FIRST_INHERITED: usize = 3;

/// What a service listens on.
///
/// # Examples
/// ```
/// use harmonious_http::Listen;
///
/// let listen: Listen = "127.0.0.1:8080".parse()?;
/// assert_eq!(listen.to_string(), "127.0.0.1:8080");
/// assert!("unix:/run/site.sock".parse::<Listen>().is_ok());
/// assert!("8080".parse::<Listen>().is_err());
/// # Ok::<(), harmonious_http::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address and port: TCP for streams, UDP for datagrams. Port 0 takes a free one.
    Ip(SocketAddr),
    /// The path of a Unix socket. It is made, and removed at the end; one that nobody listens on
    /// any more is replaced.
    Unix(PathBuf),
    /// A descriptor that was handed over by socket activation (`LISTEN_FDS`), 3 or more.
    Inherited(usize),
}

impl FromStr for Listen {
    type Err = Error;

    fn from_str(text: &str) -> Result<Listen, Error> {
        let refuse = |why: &str| Error::Address {
            address: text.to_owned(),
            why: why.to_owned(),
        };
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err(refuse("the path is empty")),
                path if path.len() > 107 => Err(refuse("the path is longer than 107 bytes")),
                path => Ok(Listen::Unix(path.into())),
            };
        }
        if let Some(number) = text.strip_prefix("fd:") {
            return match number.parse() {
                Ok(number) if number >= FIRST_INHERITED => Ok(Listen::Inherited(number)),
                _ => Err(refuse("inherited descriptors are numbered from 3")),
            };
        }
        if let Some(port) = text.strip_prefix("localhost:") {
            let port = port
                .parse()
                .map_err(|_| refuse("the port is no number up to 65535"))?;
            return Ok(Listen::Ip((Ipv4Addr::LOCALHOST, port).into()));
        }
        text.parse()
            .map(Listen::Ip)
            .map_err(|_| refuse("it is no IP address with a port"))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Ip(address) => address.fmt(f),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
            Listen::Inherited(number) => write!(f, "fd:{number}"),
        }
    }
}

/// A socket that accepts connections.
pub(crate) struct Listener {
    /// Its path, if it is ours. It goes first: once nobody listens, the next server may take it.
    _path: Option<Owned>,
    pub(crate) socket: Socket,
    /// It was handed over, and its giver still has it.
    pub(crate) inherited: bool,
}

/// The two kinds of it.
pub(crate) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A socket for datagrams, not yet of the reactor.
pub(crate) struct Datagrams {
    /// Its path, if it is ours; it goes first.
    pub(crate) path: Option<Owned>,
    pub(crate) socket: DatagramSocket,
}

/// The two kinds of it.
pub(crate) enum DatagramSocket {
    Udp(std::net::UdpSocket),
    Unix(unix::UnixDatagram),
}

/// A path in the file system that goes when this does.
pub(crate) struct Owned(PathBuf);

impl Drop for Owned {
    fn drop(&mut self) {
        // It may be gone already; nobody is left to tell.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listen {
    /// Opens the socket; and what it is really called, with the port that was found.
    pub(crate) fn listener(&self) -> Result<(Listener, Listen), Error> {
        let mut real = self.clone();
        let mut path = None;
        let socket = match self {
            Listen::Ip(address) => listen_tcp(*address).map(|listener| {
                real = listener.local_addr().map_or(self.clone(), Listen::Ip);
                Socket::Tcp(TcpListener::from_std(listener))
            }),
            Listen::Unix(at) => listen_unix(at).map(|listener| {
                path = Some(Owned(at.clone()));
                Socket::Unix(UnixListener::from_std(listener))
            }),
            Listen::Inherited(number) => inherited_listener(*number),
        };
        let listener = Listener {
            _path: path,
            socket: socket.map_err(|source| self.failed(source))?,
            inherited: matches!(self, Listen::Inherited(_)),
        };
        Ok((listener, real))
    }

    /// Opens a socket for datagrams; and what it is really called.
    pub(crate) fn datagrams(&self) -> Result<(Datagrams, Listen), Error> {
        let mut real = self.clone();
        let mut path = None;
        let socket = match self {
            Listen::Ip(address) => std::net::UdpSocket::bind(address).map(|socket| {
                real = socket.local_addr().map_or(self.clone(), Listen::Ip);
                DatagramSocket::Udp(socket)
            }),
            Listen::Unix(at) => clear_stale(at, Type::DGRAM)
                .and_then(|()| unix::UnixDatagram::bind(at))
                .map(|socket| {
                    path = Some(Owned(at.clone()));
                    DatagramSocket::Unix(socket)
                }),
            Listen::Inherited(number) => inherited_datagrams(*number),
        };
        let socket = socket.map_err(|source| self.failed(source))?;
        match &socket {
            DatagramSocket::Udp(socket) => socket.set_nonblocking(true),
            DatagramSocket::Unix(socket) => socket.set_nonblocking(true),
        }
        .map_err(|source| self.failed(source))?;
        Ok((Datagrams { path, socket }, real))
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Listen {
            address: self.to_string(),
            source,
        }
    }
}

fn listen_tcp(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Connections of a server that has just ended do not keep the next one from starting.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn listen_unix(path: &Path) -> io::Result<unix::UnixListener> {
    clear_stale(path, Type::STREAM)?;
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Removes a socket that nobody listens on, such as a server leaves that was killed.
fn clear_stale(path: &Path, kind: Type) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {}
        // Not there; or something else, which the bind will say.
        _ => return Ok(()),
    }
    let probe = socket2::Socket::new(Domain::UNIX, kind, None)?;
    // A full backlog must not make us wait.
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        _ => Err(ErrorKind::AddrInUse.into()),
    }
}

fn inherited() -> &'static Mutex<ListenFd> {
    static INHERITED: OnceLock<Mutex<ListenFd>> = OnceLock::new();
    INHERITED.get_or_init(|| Mutex::new(ListenFd::from_env()))
}

fn not_inherited() -> io::Error {
    io::Error::new(
        ErrorKind::NotFound,
        "no such socket was handed over: see LISTEN_FDS in sd_listen_fds(3); each can be used once",
    )
}

fn inherited_listener(number: usize) -> io::Result<Socket> {
    let mut fds = inherited().lock();
    let index = number - FIRST_INHERITED;
    let socket = match fds.take_tcp_listener(index) {
        Ok(Some(listener)) => {
            listener.set_nonblocking(true)?;
            Socket::Tcp(TcpListener::from_std(listener))
        }
        _ => {
            let listener = fds.take_unix_listener(index)?.ok_or_else(not_inherited)?;
            listener.set_nonblocking(true)?;
            Socket::Unix(UnixListener::from_std(listener))
        }
    };
    // Whoever had it before may have left it with another backlog, or not listening at all.
    match &socket {
        Socket::Tcp(listener) => rustix::net::listen(listener, BACKLOG)?,
        Socket::Unix(listener) => rustix::net::listen(listener, BACKLOG)?,
    }
    Ok(socket)
}

fn inherited_datagrams(number: usize) -> io::Result<DatagramSocket> {
    let mut fds = inherited().lock();
    let index = number - FIRST_INHERITED;
    match fds.take_udp_socket(index) {
        Ok(Some(socket)) => Ok(DatagramSocket::Udp(socket)),
        _ => {
            let socket = fds.take_unix_datagram(index)?.ok_or_else(not_inherited)?;
            Ok(DatagramSocket::Unix(socket))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let parsed = text.parse::<Listen>();
        match expected {
            Ok(shown) => assert_eq!(parsed.unwrap().to_string(), shown),
            Err(part) => {
                let message = parsed.unwrap_err().to_string();
                assert!(message.contains(part), "{message}");
                assert!(message.contains(text), "{message}");
            }
        }
    }

    #[test]
    fn addresses_are_read_or_refused_with_the_reason() {
        check("127.0.0.1:80", Ok("127.0.0.1:80"));
        check("[::1]:0", Ok("[::1]:0"));
        check("localhost:81", Ok("127.0.0.1:81"));
        check("unix:/x.sock", Ok("unix:/x.sock"));
        check("fd:3", Ok("fd:3"));
        check("fd:2", Err("from 3"));
        check("unix:", Err("empty"));
        check("example.org:80", Err("no IP address"));
        check("127.0.0.1", Err("IP:PORT"));
        check("localhost:x", Err("65535"));
    }

    #[test]
    fn a_socket_that_a_killed_server_left_is_replaced_but_not_one_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        drop(unix::UnixListener::bind(&path).unwrap()); // leaves the file
        let listen = Listen::Unix(path.clone());
        let (first, _) = listen.listener().unwrap();
        assert!(listen.listener().is_err(), "it is in use");
        drop(first);
        assert!(!path.exists(), "it is removed at the end");
    }

    #[test]
    fn what_is_no_socket_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("precious");
        std::fs::write(&path, "data").unwrap();
        assert!(Listen::Unix(path.clone()).listener().is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"data");
    }
}
