//! The watch's sleep while nothing happens, and how whoever brings work ends it.

use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
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

    /// Work was published, or is about to be done. Almost always one load. The work must have been
    /// published by a sequentially consistent operation: either the watch, which looks after it
    /// has said that it dozes, sees the work, or this sees it dozing.
    pub(crate) fn end(&self) {
        if self.dozing.load(SeqCst) && self.dozing.swap(false, SeqCst) {
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
        if !has_work() {
            std::thread::park_timeout(longest);
        }
        !self.dozing.swap(false, SeqCst) || has_work()
    }
}
