//! Who takes part, and with which flags.

use std::env;
use std::path::Path;

use super::server::Entrant;

/// What our own server is called.
pub const OURS: &str = "harmonious";

/// What our own server is told beside where to listen, so that like is compared with like: the
/// peers limit neither requests nor connections, and tokio may start 512 threads at once.
pub const OURS_FLAGS: &[&str] = &[
    "--policy",
    "adaptive",
    "--workers",
    "4..512",
    "--spawn-limit",
    "512/60s",
    "--max-connections",
    "20000",
    "--max-per-address",
    "20000",
    "--max-requests",
    "1000000000",
];

/// The peers whose handlers may block.
pub const BLOCKING: &[&str] = &["axum-spawn", "axum-inplace", "actix", "tiny"];

/// Ours, with more flags than the usual ones.
pub fn ours(app: &Path, more: &[&str]) -> Entrant {
    Entrant::announcing(OURS, app, &[OURS_FLAGS, more].concat())
}

/// Ours and all peers, as they were built beside this program.
///
/// # Errors
/// Where the folder of this program cannot be told.
pub fn all(app: &Path) -> Result<Vec<Entrant>, String> {
    let program = env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let peer = |name, file: &str, flags: &[&str]| {
        Entrant::announcing(name, &program.with_file_name(file), flags)
    };
    Ok(vec![
        ours(app, &[]),
        peer("hyper", "peer-hyper", &["--io-threads", "1"]),
        peer("hyper-2", "peer-hyper", &["--io-threads", "2"]),
        peer("axum-spawn", "peer-axum-spawn", &[]),
        peer("axum-inplace", "peer-axum-inplace", &[]),
        peer("actix", "peer-actix", &[]),
        peer("tiny", "peer-tiny", &[]),
    ])
}
