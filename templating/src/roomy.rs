//! Runs what recurses deeply on a stack that is large enough for it: an overflow would end the
//! whole server.

use std::io;
use std::panic;
use std::thread;

/// Runs `job` on a thread with this much stack, and waits for it. A panic goes on in the caller.
///
/// # Errors
/// The system gives no thread.
pub(crate) fn run<T: Send>(stack_bytes: usize, job: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("template".to_owned())
            .stack_size(stack_bytes)
            .spawn_scoped(scope, job)?;
        thread
            .join()
            .or_else(|payload| panic::resume_unwind(payload))
    })
}
