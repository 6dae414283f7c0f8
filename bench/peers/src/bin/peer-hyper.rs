//! hyper with the handlers on the threads that read and write: no hand-over at all, hence the limit
//! for those who have one, as long as nothing blocks.
#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::io;

use harmonious_bench_peers::listen;
use harmonious_bench_peers::routes::{self, Reply};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Builder;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> io::Result<()> {
    let options = listen::options();
    let mut builder = match options.io_threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(options.io_threads).enable_io();
    runtime.build()?.block_on(async {
        let listener = listen::bind(options.listen)?;
        listen::announce(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(connection(stream));
        }
    })
}

async fn connection(stream: TcpStream) {
    let _ = stream.set_nodelay(true); // one that fails is only slower
    let io = TokioIo::new(stream);
    let served = http1::Builder::new().serve_connection(io, service_fn(handle));
    let _ = served.await; // a client that is gone is nobody's error
}

async fn handle(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_echo = request.method() == Method::POST && request.uri().path() == "/";
    let reply = if is_echo {
        match request.into_body().collect().await {
            Ok(body) => routes::echo(body.to_bytes()),
            Err(_) => routes::get("/the body broke off"),
        }
    } else {
        routes::get(request.uri().path())
    };
    Ok(respond(reply))
}

fn respond(reply: Reply) -> Response<Full<Bytes>> {
    let content_type = HeaderValue::from_static(reply.content_type);
    let response = Response::builder().status(reply.status);
    let response = response.header(CONTENT_TYPE, content_type);
    response
        .body(Full::new(reply.body))
        .expect("parts that are valid")
}
