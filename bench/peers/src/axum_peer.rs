//! axum, but for how a handler blocks: the two ways are two servers; a third one has routes of its own.

use std::io;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Uri, header};
use axum::response::Response;
use axum::routing;
use axum::serve::ListenerExt;

use crate::listen;
use crate::routes::{self, Reply};

/// A handler: the work that blocks.
pub type Work = Box<dyn FnOnce() -> Reply + Send>;

/// Serves until the process ends, on tokio's threads as they come; `block` runs the handlers.
///
/// # Errors
/// Where the address cannot be had.
pub fn serve<F, B>(block: B) -> io::Result<()>
where
    F: Future<Output = Reply> + Send,
    B: Fn(Work) -> F + Copy + Send + Sync + 'static,
{
    let get = move |uri: Uri| async move {
        respond(block(Box::new(move || routes::get(uri.path()))).await)
    };
    let post = move |body: Bytes| async move {
        respond(block(Box::new(move || routes::echo(body))).await)
    };
    let router = Router::new()
        .route("/", routing::get(get).post(post))
        .route("/{*path}", routing::get(get));
    serve_router(router)
}

/// Serves these routes until the process ends, on tokio's threads as they come.
///
/// # Errors
/// Where the address cannot be had.
pub fn serve_router(router: Router) -> io::Result<()> {
    let options = listen::options();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = listen::bind(options.listen)?;
        listen::announce(listener.local_addr()?)?;
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true); // as the others; one that fails is only slower
        });
        axum::serve(listener, router).await
    })
}

fn respond(reply: Reply) -> Response {
    Response::builder()
        .status(reply.status)
        .header(header::CONTENT_TYPE, reply.content_type)
        .body(Body::from(reply.body))
        .expect("parts that are valid")
}
