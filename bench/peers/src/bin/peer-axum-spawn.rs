//! axum with every handler in `tokio::task::spawn_blocking`.
#![forbid(unsafe_code)]

use harmonious_bench_peers::axum_peer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::io::Result<()> {
    axum_peer::serve(|work| async {
        let reply = tokio::task::spawn_blocking(work).await;
        reply.expect("a handler that does not panic")
    })
}
