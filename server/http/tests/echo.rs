//! The echo examples: streams and datagrams, over the network and within the machine, on the task
//! and as jobs.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::Duration;

use harmonious_http::{Builder, Error, Listen, Place, Server};
use harmonious_pool::{Config, Pool};

#[allow(dead_code)]
#[path = "../examples/echo_tcp.rs"]
mod echo_tcp;
#[allow(dead_code)]
#[path = "../examples/echo_udp.rs"]
mod echo_udp;
#[allow(dead_code)]
#[path = "../examples/echo_unix.rs"]
mod echo_unix;
#[allow(dead_code)]
#[path = "../examples/echo_unix_datagram.rs"]
mod echo_unix_datagram;

const PATIENCE: Option<Duration> = Some(Duration::from_secs(10));
const BOTH: [Place; 2] = [Place::Task, Place::Job];

/// An example, as it adds itself to a builder.
type Example = fn(Builder, &Listen, Place) -> Result<Builder, Error>;

fn serve(example: Example, listen: &Listen, place: Place) -> (Pool, Listen) {
    let pool = Pool::start(Config::default()).unwrap();
    let builder = example(Server::builder(), listen, place).unwrap();
    let address = builder.start(&pool).unwrap().addresses()[0].clone();
    (pool, address)
}

/// A message longer than any buffer on the way comes back whole, and then the end.
fn check_stream(mut stream: impl Read + Write, half_close: impl FnOnce()) {
    let message: Vec<u8> = (0..100_000).map(|n| (n % 251) as u8).collect();
    let mut back = vec![0; message.len()];
    for _ in 0..2 {
        stream.write_all(&message).unwrap();
        stream.read_exact(&mut back).unwrap();
        assert!(back == message, "what came back is something else");
    }
    half_close();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn tcp_streams_are_echoed() {
    for place in BOTH {
        let (pool, address) = serve(echo_tcp::echo, &"127.0.0.1:0".parse().unwrap(), place);
        let Listen::Ip(address) = address else {
            panic!("{address}")
        };
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(PATIENCE).unwrap();
        check_stream(&stream, || stream.shutdown(Shutdown::Write).unwrap());
        assert!(pool.shutdown(Duration::from_secs(10)).is_clean());
    }
}

#[test]
fn unix_streams_are_echoed_and_the_socket_is_removed() {
    for place in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("echo.sock");
        let (pool, _) = serve(echo_unix::echo, &Listen::Unix(path.clone()), place);
        let stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(PATIENCE).unwrap();
        check_stream(&stream, || stream.shutdown(Shutdown::Write).unwrap());
        assert!(pool.shutdown(Duration::from_secs(10)).is_clean());
        assert!(!path.exists());
    }
}

#[test]
fn udp_datagrams_are_echoed() {
    for place in BOTH {
        let (pool, address) = serve(echo_udp::echo, &"127.0.0.1:0".parse().unwrap(), place);
        let Listen::Ip(address) = address else {
            panic!("{address}")
        };
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(PATIENCE).unwrap();
        for message in [&b"one"[..], b"", b"three"] {
            socket.send_to(message, address).unwrap();
            let mut back = [0; 16];
            let (len, _) = socket.recv_from(&mut back).unwrap();
            assert_eq!(&back[..len], message);
        }
        assert!(pool.shutdown(Duration::from_secs(10)).is_clean());
    }
}

#[test]
fn unix_datagrams_are_echoed_to_whoever_has_a_name() {
    for place in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("echo.sock");
        let (pool, _) = serve(echo_unix_datagram::echo, &Listen::Unix(path.clone()), place);
        UnixDatagram::unbound()
            .unwrap()
            .send_to(b"nobody", &path)
            .unwrap();
        let socket = UnixDatagram::bind(folder.path().join("me.sock")).unwrap();
        socket.set_read_timeout(PATIENCE).unwrap();
        socket.send_to(b"hello", &path).unwrap();
        let mut back = [0; 16];
        let len = socket.recv(&mut back).unwrap();
        assert_eq!(&back[..len], b"hello");
        assert!(pool.shutdown(Duration::from_secs(10)).is_clean());
        assert!(!path.exists());
    }
}
