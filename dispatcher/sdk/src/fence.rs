//! Panics stay inside: code of the author runs behind [`fence`], and what the panic said, and where,
//! is kept by the hook for whoever reports it.
//!
//! Nothing here has a destructor that runs at the end of a thread: such a destructor would keep the
//! library mapped, or worse, run after it is gone.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

/// What a panic said, and where.
#[derive(Default, Debug)]
pub struct Panic {
    /// The message.
    pub message: String,
    /// The source file; empty if it is not known.
    pub file: String,
    /// The line in it; 0 if it is not known.
    pub line: u32,
    /// Empty unless `RUST_BACKTRACE` is set.
    pub backtrace: String,
}

thread_local! {
    /// How many fences this thread is behind.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Of the last panic behind a fence. Without a destructor: a thread that ends while one is here
    /// leaks it, which only happens when a panic was caught by the author and the thread then ended.
    static LAST: Cell<ManuallyDrop<Option<Box<Panic>>>> = const { Cell::new(ManuallyDrop::new(None)) };
}

/// Runs it; a panic is returned, never passed on.
pub fn fence<T>(body: impl FnOnce() -> T) -> Result<T, Box<Panic>> {
    DEPTH.set(DEPTH.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(body)).map_err(told);
    DEPTH.set(DEPTH.get() - 1);
    result
}

/// Sets the hook that fills in [`Panic`]; panics elsewhere go to the hook that was there before.
pub fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if DEPTH.get() > 0 {
                keep(info)
            } else {
                before(info)
            }
        }));
    });
}

/// What the hook kept of it. The payload may panic again when it is dropped; that one is leaked.
fn told(payload: Box<dyn Any + Send>) -> Box<Panic> {
    let message = payload_text(&*payload);
    let panic = take_last().unwrap_or_else(|| {
        Box::new(Panic {
            message,
            ..Panic::default()
        })
    });
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
        take_last();
    }
    panic
}

fn keep(info: &PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    let backtrace = match backtrace.status() {
        BacktraceStatus::Captured => backtrace.to_string(),
        _ => String::new(),
    };
    let panic = Panic {
        message: payload_text(info.payload()),
        file: info
            .location()
            .map(|at| at.file().to_owned())
            .unwrap_or_default(),
        line: info.location().map_or(0, |at| at.line()),
        backtrace,
    };
    drop(ManuallyDrop::into_inner(
        LAST.replace(ManuallyDrop::new(Some(Box::new(panic)))),
    ));
}

fn take_last() -> Option<Box<Panic>> {
    ManuallyDrop::into_inner(LAST.replace(ManuallyDrop::new(None)))
}

fn payload_text(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic with a value that is no text".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_behind_the_fence_is_told_with_its_place() {
        install_hook();
        let panic = fence(|| panic!("number {}", 7)).unwrap_err();
        assert_eq!(panic.message, "number 7");
        assert!(panic.file.ends_with("fence.rs"), "{}", panic.file);
        assert!(panic.line > 0);
    }

    #[test]
    fn a_payload_that_panics_when_dropped_stays_inside() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        install_hook();
        let panic = fence(|| std::panic::panic_any(Bomb)).unwrap_err();
        assert_eq!(panic.message, "a panic with a value that is no text");
        assert_eq!(fence(|| 1).unwrap(), 1);
    }
}
