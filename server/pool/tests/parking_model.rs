//! The parking protocol under loom: `src/park.rs` itself, compiled against loom's primitives, in
//! every interleaving of two idle threads and a publisher (with at most three preemptions).
//!
//! A lost wake-up shows as a deadlock: loom reports the interleaving in which all threads sleep.

#[path = "../src/park.rs"]
#[allow(dead_code, reason = "the model uses the parts that sleep and wake")]
mod park;

/// What `park.rs` finds under `crate::sync` here.
mod sync {
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, fence};
    use std::cell::RefCell;

    /// `std::thread::Thread` as far as parking goes. loom has one of its own, but there an unpark
    /// is lost on a thread that waits for a mutex at that moment.
    #[derive(Clone)]
    pub(crate) struct Thread(Arc<loom::sync::Notify>);

    impl Thread {
        pub(crate) fn unpark(&self) {
            self.0.notify();
        }
    }

    loom::thread_local! {
        static THIS: RefCell<Option<Thread>> = RefCell::new(None);
    }

    /// The calling thread; to be called once in each.
    pub(crate) fn current() -> Thread {
        let thread = Thread(Arc::new(loom::sync::Notify::new()));
        THIS.with(|this| *this.borrow_mut() = Some(thread.clone()));
        thread
    }

    pub(crate) fn park() {
        let thread = THIS
            .with(|this| this.borrow().clone())
            .expect("current() comes first");
        thread.0.wait();
    }

    /// parking_lot's interface over loom's mutex.
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Mutex<T> {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }
}

use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use loom::sync::{Mutex, Notify};
use loom::thread;
use park::{Parker, Parking, Woken};
use sync::Arc;

/// A pool reduced to its sleeping: a count of things to do, and a reactor that only sleeps.
struct Model {
    parking: Parking,
    work: AtomicUsize,
    left: AtomicUsize,
    /// The leader's token.
    lead: Mutex<()>,
    /// The reactor's bell; sticky, as an eventfd is.
    bell: Notify,
}

impl Model {
    fn new(work: usize) -> Arc<Model> {
        Arc::new(Model {
            parking: Parking::new(),
            work: AtomicUsize::new(0),
            left: AtomicUsize::new(work),
            lead: Mutex::new(()),
            bell: Notify::new(),
        })
    }

    fn publish(&self) {
        self.work.fetch_add(1, SeqCst);
        self.wake();
    }

    fn wake(&self) {
        self.parking.wake_one(|| self.ring());
    }

    fn ring(&self) {
        self.bell.notify();
    }

    /// Something to do, or all done: both end a sleep.
    fn has_work(&self) -> bool {
        self.work.load(Acquire) > 0 || self.left.load(Acquire) == 0
    }

    fn take(&self) -> bool {
        self.work
            .fetch_update(SeqCst, Relaxed, |work| work.checked_sub(1))
            .is_ok()
    }

    /// One thread, as `worker.rs` has it: works, searches, leads or parks. Whoever does the last
    /// piece wakes everybody.
    fn run(&self) {
        let parker = Parker::of_this_thread();
        let mut searching = false;
        while self.left.load(Acquire) > 0 {
            if self.take() {
                if std::mem::take(&mut searching) {
                    self.parking.end_search();
                    if self.work.load(Acquire) > 0 {
                        self.wake();
                    }
                }
                if self.left.fetch_sub(1, SeqCst) == 1 {
                    self.parking.wake_all(|| self.ring());
                }
                continue;
            }
            if std::mem::take(&mut searching) {
                self.parking.end_search();
            }
            if let Ok(lead) = self.lead.try_lock() {
                self.poll();
                drop(lead);
            } else if self.parking.park(&parker, 0, || self.has_work()) == Woken::Search {
                searching = true;
            }
        }
        if searching {
            self.parking.end_search();
        }
    }

    fn poll(&self) {
        if self.parking.begin_poll(|| self.has_work()) {
            self.bell.wait();
        }
        self.parking.end_poll();
    }
}

fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

#[test]
fn what_is_published_wakes_the_leader() {
    check(3, || {
        let model = Model::new(1);
        let worker = Arc::clone(&model);
        let worker = thread::spawn(move || worker.run());
        model.publish();
        worker.join().unwrap();
        assert_eq!(model.left.load(SeqCst), 0);
    });
}

#[test]
fn one_publisher_and_two_idle_threads_lose_nothing() {
    check(2, || {
        let model = Model::new(2);
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let model = Arc::clone(&model);
                thread::spawn(move || model.run())
            })
            .collect();
        model.publish();
        model.publish();
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(model.left.load(SeqCst), 0);
    });
}

#[test]
fn a_parked_thread_is_woken_or_retired_never_both() {
    check(3, || {
        let parking = Arc::new(Parking::new());
        let work = Arc::new(AtomicUsize::new(0));
        let (sleeper, seen) = (Arc::clone(&parking), Arc::clone(&work));
        let worker = thread::spawn(move || {
            let parker = Parker::of_this_thread();
            sleeper.park(&parker, 0, || seen.load(Acquire) > 0)
        });
        let retiring = Arc::clone(&parking);
        let retired = thread::spawn(move || retiring.retire(1, 1));
        work.store(1, SeqCst);
        parking.wake_one(|| ());
        let retired = retired.join().unwrap();
        let woken = worker.join().unwrap();
        assert_eq!(retired == 1, woken == Woken::Retire);
    });
}
