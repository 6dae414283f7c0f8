//! tiny_http: a thread for every connection that is served, and four workers that answer.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::Cursor;
use std::sync::Arc;
use std::thread;

use harmonious_bench_peers::listen;
use harmonious_bench_peers::routes::{self, Reply};
use tiny_http::{Header, Method, Request, Response, Server};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Threads that take requests.
const WORKERS: usize = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let options = listen::options();
    let server = Arc::new(Server::http(options.listen).map_err(|error| error.to_string())?);
    let address = server.server_addr().to_ip().ok_or("no address")?;
    for _ in 1..WORKERS {
        let server = Arc::clone(&server);
        thread::spawn(move || work(&server));
    }
    listen::announce(address)?;
    work(&server);
    Ok(())
}

fn work(server: &Server) {
    while let Ok(mut request) = server.recv() {
        let reply = answer(&mut request);
        let header = Header::from_bytes("Content-Type", reply.content_type);
        let headers = vec![header.expect("a header of ASCII")];
        let length = reply.body.len();
        let body = Cursor::new(reply.body);
        let response = Response::new(reply.status.into(), headers, body, Some(length), None);
        let _ = request.respond(response); // a client that is gone is nobody's error
    }
}

fn answer(request: &mut Request) -> Reply {
    if *request.method() == Method::Post && request.url() == "/" {
        let mut body = Vec::new();
        return match request.as_reader().read_to_end(&mut body) {
            Ok(_) => routes::echo(body),
            Err(_) => routes::get("/the body broke off"),
        };
    }
    routes::get(request.url().split('?').next().unwrap_or_default())
}
