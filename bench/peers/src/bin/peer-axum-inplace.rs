//! axum with every handler in `tokio::task::block_in_place`.
#![forbid(unsafe_code)]

use harmonious_bench_peers::axum_peer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::io::Result<()> {
    axum_peer::serve(|work| async { tokio::task::block_in_place(work) })
}
