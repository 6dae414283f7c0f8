//! Parking and waking: how a thread without work goes to sleep, and why no wake-up is lost.
//!
//! An idle thread is in one of two places: parked on a stack (last in, first out, so that the
//! warmest is woken first), or *polling*, blocked in the reactor. Whoever publishes work calls
//! [`Parking::wake_one`]; the argument why it cannot be missed is in the crate's `README.md`.
//!
//! Flags that somebody swaps are always swapped, never stored: it costs the same on x86-64, and
//! loom places a plain store before a swap that did not see it, which no memory model allows.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use crate::sync::{Arc, AtomicBool, AtomicU8, AtomicUsize, Mutex, Thread, current, fence, park};

/// Why a parked thread goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// It saw work by itself before it slept.
    Work,
    /// It was woken, and counts as searching until [`Parking::end_search`].
    Search,
    /// It was parked for long: it may end.
    Retire,
}

const ASLEEP: u8 = 0;
const SEARCH: u8 = 1;
const RETIRE: u8 = 2;

/// One thread's place to sleep.
pub(crate) struct Parker {
    /// What it was woken for; [`ASLEEP`] until then. Written by the waker that took it off the
    /// stack, and by nobody else.
    token: AtomicU8,
    thread: Thread,
}

impl Parker {
    /// The parker of the calling thread.
    pub(crate) fn of_this_thread() -> Arc<Parker> {
        Arc::new(Parker {
            token: AtomicU8::new(ASLEEP),
            thread: current(),
        })
    }

    fn sleep(&self) -> Woken {
        loop {
            match self.token.swap(ASLEEP, SeqCst) {
                ASLEEP => park(),
                SEARCH => return Woken::Search,
                _ => return Woken::Retire,
            }
        }
    }

    fn wake(&self, token: u8) {
        self.token.swap(token, SeqCst);
        self.thread.unpark();
    }
}

struct Sleeper {
    parker: Arc<Parker>,
    /// When it parked, in nanoseconds of the pool's clock. The stack is ordered by it.
    since_ns: u64,
}

/// The idle threads of a pool.
pub(crate) struct Parking {
    stack: Mutex<Vec<Sleeper>>,
    /// Length of `stack`; written under its lock.
    parked: AtomicUsize,
    /// Woken threads that have not found work yet. While there is one, nobody else is woken: it
    /// finds what was published, or looks once more after it has ended its search.
    searching: AtomicUsize,
    /// A thread is blocked in the reactor, or about to be. Whoever sets it back owes it a wake-up.
    polling: AtomicBool,
}

impl Parking {
    pub(crate) fn new() -> Parking {
        Parking {
            stack: Mutex::new(Vec::new()),
            parked: AtomicUsize::new(0),
            searching: AtomicUsize::new(0),
            polling: AtomicBool::new(false),
        }
    }

    /// Threads on the stack.
    pub(crate) fn parked(&self) -> usize {
        self.parked.load(Relaxed)
    }

    /// Whether a thread is blocked in the reactor.
    pub(crate) fn polling(&self) -> bool {
        self.polling.load(Relaxed)
    }

    /// Sleeps until woken, unless `has_work` says that there is something to do.
    pub(crate) fn park(
        &self,
        parker: &Arc<Parker>,
        now_ns: u64,
        has_work: impl Fn() -> bool,
    ) -> Woken {
        {
            let mut stack = self.stack.lock();
            stack.push(Sleeper {
                parker: Arc::clone(parker),
                since_ns: now_ns,
            });
            self.parked.store(stack.len(), Relaxed);
        }
        // Pairs with the fence in `wake_one`: either the publisher sees this thread parked, or
        // this thread sees what was published.
        fence(SeqCst);
        if has_work() && self.leave(parker) {
            return Woken::Work;
        }
        parker.sleep()
    }

    /// Takes `parker` off the stack; false if a waker was faster, whose token is then on its way.
    fn leave(&self, parker: &Arc<Parker>) -> bool {
        let mut stack = self.stack.lock();
        let Some(at) = stack
            .iter()
            .rposition(|sleeper| Arc::ptr_eq(&sleeper.parker, parker))
        else {
            return false;
        };
        stack.remove(at);
        self.parked.store(stack.len(), Relaxed);
        true
    }

    /// Announces that the calling thread, which leads the reactor, is about to block in it. False
    /// if there is work instead.
    pub(crate) fn begin_poll(&self, has_work: impl Fn() -> bool) -> bool {
        self.polling.swap(true, SeqCst);
        fence(SeqCst);
        if has_work() {
            self.polling.swap(false, SeqCst);
            return false;
        }
        true
    }

    /// The leader is back from the reactor.
    pub(crate) fn end_poll(&self) {
        self.polling.swap(false, SeqCst);
    }

    /// Sees to it that somebody looks for work that was published before this call. `interrupt`
    /// ends the reactor's wait; it is called when no other thread can be had.
    pub(crate) fn wake_one(&self, interrupt: impl FnOnce()) {
        fence(SeqCst);
        if self.searching.load(SeqCst) > 0 {
            return;
        }
        if self.parked.load(Relaxed) > 0 {
            let taken = {
                let mut stack = self.stack.lock();
                let taken = stack.pop();
                self.parked.store(stack.len(), Relaxed);
                if taken.is_some() {
                    self.searching.fetch_add(1, SeqCst);
                }
                taken
            };
            if let Some(sleeper) = taken {
                sleeper.parker.wake(SEARCH);
                return;
            }
        }
        if self.polling.swap(false, SeqCst) {
            interrupt();
        }
    }

    /// Wakes every idle thread, because the pool stops.
    pub(crate) fn wake_all(&self, interrupt: impl FnOnce()) {
        let all: Vec<Sleeper> = {
            let mut stack = self.stack.lock();
            self.parked.store(0, Relaxed);
            self.searching.fetch_add(stack.len(), SeqCst);
            stack.drain(..).collect()
        };
        for sleeper in &all {
            sleeper.parker.wake(SEARCH);
        }
        self.polling.swap(false, SeqCst);
        interrupt();
    }

    /// The calling thread looks for work on its own account; at most one does so at a time.
    pub(crate) fn begin_search(&self) -> bool {
        self.searching
            .compare_exchange(0, 1, SeqCst, Relaxed)
            .is_ok()
    }

    /// The calling thread ends its search, with or without success. It must then look once more
    /// (or wake another that does), because publishers relied on it until now.
    pub(crate) fn end_search(&self) {
        self.searching.fetch_sub(1, SeqCst);
        fence(SeqCst);
    }

    /// Tells up to `most` threads to end that have been parked since before `before_ns`, coldest
    /// first. Returns how many.
    pub(crate) fn retire(&self, most: usize, before_ns: u64) -> usize {
        let retired: Vec<Sleeper> = {
            let mut stack = self.stack.lock();
            let cold = stack
                .iter()
                .take(most)
                .take_while(|sleeper| sleeper.since_ns < before_ns)
                .count();
            let retired = stack.drain(..cold).collect();
            self.parked.store(stack.len(), Relaxed);
            retired
        };
        for sleeper in &retired {
            sleeper.parker.wake(RETIRE);
        }
        retired.len()
    }

    /// How many threads have been parked since before `before_ns`.
    pub(crate) fn cold(&self, before_ns: u64) -> usize {
        self.stack
            .lock()
            .iter()
            .take_while(|sleeper| sleeper.since_ns < before_ns)
            .count()
    }
}
