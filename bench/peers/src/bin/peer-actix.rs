//! actix-web with every handler in `web::block`.
#![forbid(unsafe_code)]

use std::io;

use actix_web::http::StatusCode;
use actix_web::{App, HttpResponse, HttpServer, web};
use harmonious_bench_peers::listen;
use harmonious_bench_peers::routes::{self, Reply};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> io::Result<()> {
    let options = listen::options();
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(|| {
            App::new()
                .route("/", web::get().to(get))
                .route("/", web::post().to(post))
                .route("/{path:.*}", web::get().to(get))
        });
        let server = server.bind(options.listen)?;
        listen::announce(server.addrs()[0])?;
        server.run().await
    })
}

async fn get(path: actix_web::http::Uri) -> HttpResponse {
    respond(move || routes::get(path.path())).await
}

async fn post(body: web::Bytes) -> HttpResponse {
    respond(move || routes::echo(body)).await
}

async fn respond(work: impl FnOnce() -> Reply + Send + 'static) -> HttpResponse {
    let reply = web::block(work).await.expect("a handler that returns");
    let status = StatusCode::from_u16(reply.status).expect("a status");
    HttpResponse::build(status)
        .content_type(reply.content_type)
        .body(reply.body)
}
