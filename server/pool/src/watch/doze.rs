//! The watch's sleep while nothing happens, and how whoever brings work ends it.

use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, fence};
use std::thread::Thread;
use std::time::Duration;

pub(crate) struct Doze {
    dozing: AtomicBool,
    watch: OnceLock<Thread>,
}

impl Doze {
    pub(crate) fn new() -> Doze {
        Doze {
            dozing: AtomicBool::new(false),
            watch: OnceLock::new(),
        }
    }

    /// To be called on the watch's thread.
    pub(crate) fn register(&self) {
        let _ = self.watch.set(std::thread::current());
    }

    /// Work was published, or is about to be done. Almost always one relaxed load.
    pub(crate) fn end(&self) {
        // Pairs with the fence in `doze`: either the watch sees the work, or this sees it dozing.
        fence(SeqCst);
        if self.dozing.load(Relaxed) && self.dozing.swap(false, SeqCst) {
            self.wake();
        }
    }

    /// Ends a sleep of either kind at once.
    pub(crate) fn wake(&self) {
        if let Some(watch) = self.watch.get() {
            watch.unpark();
        }
    }

    /// Sleeps for at most `longest`, unless there is work. True if work ended the sleep.
    pub(super) fn doze(&self, longest: Duration, has_work: impl Fn() -> bool) -> bool {
        self.dozing.store(true, SeqCst);
        fence(SeqCst);
        if !has_work() {
            std::thread::park_timeout(longest);
        }
        !self.dozing.swap(false, SeqCst) || has_work()
    }
}
