//! Echo over UDP: each datagram is sent back. `echo_udp [ADDRESS] [task|job]`; try it with
//! `nc -u 127.0.0.1 7007`.
#![forbid(unsafe_code)]

use harmonious_http::{Builder, Error, Listen, Place, Server};
use harmonious_pool::{Config, Pool};

/// Adds the echo to what is served: on the socket's task, or as a job that may block.
pub fn echo(builder: Builder, listen: &Listen, place: Place) -> Result<Builder, Error> {
    builder.datagram(listen, place, |datagram: &[u8]| Some(datagram.to_vec()))
}

/// Serves until the process is ended.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let listen = args.next().unwrap_or("127.0.0.1:7007".to_owned()).parse()?;
    let place = match args.next().as_deref() {
        None | Some("task") => Place::Task,
        Some("job") => Place::Job,
        Some(other) => return Err(format!("\"{other}\" is no place: task or job").into()),
    };
    let pool = Pool::start(Config::default())?;
    let server = echo(Server::builder(), &listen, place)?.start(&pool)?;
    println!("echo on {}", server.addresses()[0]);
    loop {
        std::thread::park();
    }
}
