//! Values that live in modules: one request has each at a time, all are served, the right ones go.

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::START_MS;
use harmonious_session::config::{
    INSTANCE_IDLE, INSTANCE_WAITING_MAX, INSTANCES_PER_SESSION_MAX, SWEEP_MAX,
};
use harmonious_session::{
    Clock, DropReason, Dropped, Handle, InstanceKey, Instances, SessionError, Wait,
};

/// Instances, their clock and what was dropped.
struct Shelf {
    instances: Arc<Instances>,
    clock: Clock,
    dropped: Arc<Mutex<Vec<Dropped>>>,
}

impl Shelf {
    fn new(count_max: usize, bytes_max: u64) -> Shelf {
        let clock = Clock::by_hand(START_MS);
        let dropped = Arc::<Mutex<Vec<Dropped>>>::default();
        let told = Arc::clone(&dropped);
        let tell = move |dropped: &Dropped| told.lock().unwrap().push(dropped.clone());
        let instances = Instances::new(clock.clone(), tell).bounds(count_max, bytes_max);
        Shelf {
            instances: Arc::new(instances),
            clock,
            dropped,
        }
    }

    /// Uses an instance as a request does, and makes it if it is not there. Says whether it was.
    fn use_it(&self, key: &InstanceKey, bytes: u64) -> bool {
        let mut lease = self.instances.lease(key, Wait::InLine).unwrap();
        let existed = lease.exists();
        lease.set_bytes(bytes);
        existed
    }

    /// Names and reasons of what was dropped since the last call.
    fn dropped(&self) -> Vec<(String, DropReason)> {
        let dropped = std::mem::take(&mut *self.dropped.lock().unwrap());
        dropped
            .into_iter()
            .map(|d| (d.key.name, d.reason))
            .collect()
    }
}

fn key(session: Handle, name: &str) -> InstanceKey {
    InstanceKey {
        session,
        module: "editor".to_owned(),
        name: name.to_owned(),
    }
}

fn handle() -> Handle {
    Handle::draw().unwrap()
}

#[test]
fn a_hundred_requests_have_it_one_at_a_time() {
    let shelf = Shelf::new(10, 1000);
    let key = key(handle(), "a");
    let (inside, served, made) = (
        AtomicBool::new(false),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                let mut lease = shelf.instances.lease(&key, Wait::InLine).unwrap();
                assert!(!inside.swap(true, Ordering::SeqCst), "two have it");
                if !lease.exists() {
                    made.fetch_add(1, Ordering::SeqCst);
                    lease.set_bytes(10);
                }
                std::thread::yield_now();
                served.fetch_add(1, Ordering::SeqCst);
                inside.store(false, Ordering::SeqCst);
            });
        }
    });
    assert_eq!((served.into_inner(), made.into_inner()), (100, 1));
    let stats = shelf.instances.stats();
    assert_eq!((stats.count, stats.leased, stats.bytes), (1, 0, 10));
}

#[test]
fn who_does_not_want_to_wait_is_told_so() {
    let shelf = Shelf::new(10, 1000);
    let (session, other) = (handle(), handle());
    let lease = shelf
        .instances
        .lease(&key(session, "a"), Wait::Not)
        .unwrap();
    let error = shelf
        .instances
        .lease(&key(session, "a"), Wait::Not)
        .unwrap_err();
    assert!(matches!(error, SessionError::InstanceBusy { .. }) && error.status() == 503);
    // Another name, another session: others.
    assert!(!shelf.use_it(&key(session, "b"), 1));
    assert!(!shelf.use_it(&key(other, "a"), 1));
    // What was never made is not there.
    drop(lease);
    assert!(!shelf.use_it(&key(session, "a"), 1));
    assert!(shelf.use_it(&key(session, "a"), 1));
    assert_eq!(shelf.dropped(), []);
    for name in ["", &"x".repeat(200)] {
        assert!(
            shelf
                .instances
                .lease(&key(session, name), Wait::Not)
                .is_err()
        );
    }
}

#[test]
fn first_come_first_served() {
    let shelf = Shelf::new(10, 1000);
    let key = key(handle(), "a");
    let mut lease = shelf.instances.lease(&key, Wait::InLine).unwrap();
    lease.set_bytes(1);
    let served = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for number in 0..10 {
            let (shelf, key, served) = (&shelf, &key, &served);
            scope.spawn(move || {
                let _lease = shelf.instances.lease(key, Wait::InLine).unwrap();
                served.lock().unwrap().push(number);
            });
            while shelf.instances.stats().waiting <= number {
                std::thread::yield_now();
            }
            // Who does not wait does not push in either.
            assert!(shelf.instances.lease(key, Wait::Not).is_err());
        }
        drop(lease);
    });
    assert_eq!(
        served.into_inner().unwrap(),
        (0..10).collect::<Vec<usize>>()
    );
    assert_eq!(shelf.instances.stats().waiting, 0);
}

#[test]
fn the_line_is_bounded() {
    let shelf = Shelf::new(10, 1000);
    let key = key(handle(), "a");
    let lease = shelf.instances.lease(&key, Wait::InLine).unwrap();
    let refused = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..INSTANCE_WAITING_MAX + 3 {
            scope.spawn(|| {
                if shelf.instances.lease(&key, Wait::InLine).is_err() {
                    refused.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        while refused.load(Ordering::SeqCst) < 3 {
            std::thread::yield_now();
        }
        drop(lease);
    });
    assert_eq!(refused.into_inner(), 3);
}

#[test]
fn what_belongs_to_a_session_goes_with_it() {
    let shelf = Shelf::new(10, 1000);
    let (session, other) = (handle(), handle());
    for name in ["a", "b"] {
        shelf.use_it(&key(session, name), 10);
        shelf.use_it(&key(other, name), 10);
    }
    let lease = shelf
        .instances
        .lease(&key(session, "a"), Wait::InLine)
        .unwrap();
    let number = lease.number();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| shelf.instances.lease(&key(session, "a"), Wait::InLine));
        // Whether it waits already or comes too late: the session is over.
        shelf.instances.end_session(&session);
        let error = waiting.join().unwrap().unwrap_err();
        assert!(matches!(error, SessionError::InstanceEnded), "{error}");
    });
    assert_eq!(
        shelf.dropped(),
        [("b".to_owned(), DropReason::SessionEnded)]
    );
    // The one in use goes when it is given back.
    drop(lease);
    let dropped = std::mem::take(&mut *shelf.dropped.lock().unwrap());
    assert_eq!((dropped.len(), dropped[0].number), (1, number));
    assert_eq!(dropped[0].reason, DropReason::SessionEnded);
    assert_eq!(shelf.instances.stats().count, 2);
    assert!(shelf.use_it(&key(other, "a"), 10));
}

#[test]
fn a_retired_module_drops_its_instances_and_who_waits_gets_a_new_one() {
    let shelf = Shelf::new(10, 1000);
    let (session, mut elsewhere) = (handle(), key(handle(), "a"));
    elsewhere.module = "other".to_owned();
    let both = [key(session, "a"), key(session, "b")];
    for key in both.iter().chain([&elsewhere]) {
        shelf.use_it(key, 10);
    }
    let old = shelf.instances.lease(&both[0], Wait::InLine).unwrap();
    shelf.instances.retire_module("editor");
    assert_eq!(
        shelf.dropped(),
        [("b".to_owned(), DropReason::ModuleRetired)]
    );
    let number = old.number();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let lease = shelf.instances.lease(&both[0], Wait::InLine).unwrap();
            (lease.number(), lease.exists())
        });
        drop(old);
        let (new, exists) = waiting.join().unwrap();
        assert!(new != number && !exists);
    });
    assert_eq!(
        shelf.dropped(),
        [("a".to_owned(), DropReason::ModuleRetired)]
    );
    assert!(shelf.use_it(&elsewhere, 10));
}

#[test]
fn the_least_used_goes_first_and_never_one_in_use() {
    let shelf = Shelf::new(3, 1000);
    let keys: Vec<InstanceKey> = ["a", "b", "c", "d", "e"].map(|n| key(handle(), n)).into();
    for key in &keys[..3] {
        shelf.use_it(key, 10);
    }
    shelf.use_it(&keys[0], 10);
    let leased = shelf.instances.lease(&keys[1], Wait::InLine).unwrap();
    // Of b (in use), c, a the least used free one is c.
    shelf.use_it(&keys[3], 10);
    assert_eq!(shelf.dropped(), [("c".to_owned(), DropReason::Evicted)]);
    let _others = [0, 3].map(|at| shelf.instances.lease(&keys[at], Wait::InLine).unwrap());
    let error = shelf.instances.lease(&keys[4], Wait::InLine).unwrap_err();
    assert!(matches!(error, SessionError::InstancesFull { count: 3 }));
    drop(leased);
    shelf.use_it(&keys[4], 10);
    assert_eq!(shelf.dropped(), [("b".to_owned(), DropReason::Evicted)]);
}

#[test]
fn bytes_are_bounded_when_they_are_given_back() {
    let shelf = Shelf::new(100, 100);
    let names = ["a", "b", "c"];
    let keys = names.map(|name| key(handle(), name));
    for key in &keys {
        shelf.use_it(key, 30);
    }
    assert_eq!(shelf.dropped(), []);
    // It grows: the least used go until the rest fits.
    shelf.use_it(&keys[0], 60);
    assert_eq!(shelf.dropped(), [("b".to_owned(), DropReason::Evicted)]);
    assert_eq!(shelf.instances.stats().bytes, 90);
    shelf.use_it(&keys[2], 1000);
    let gone = shelf.dropped();
    assert_eq!(
        gone.iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>(),
        ["a", "c"]
    );
    assert_eq!(shelf.instances.stats(), Default::default());
}

#[test]
fn one_session_cannot_take_all_the_room() {
    let shelf = Shelf::new(1000, 1000);
    let (greedy, other) = (handle(), handle());
    shelf.use_it(&key(other, "mine"), 1);
    for number in 0..INSTANCES_PER_SESSION_MAX + 5 {
        shelf.use_it(&key(greedy, &number.to_string()), 1);
    }
    let gone: BTreeSet<String> = shelf.dropped().into_iter().map(|(name, _)| name).collect();
    assert_eq!(gone, (0..5).map(|number| number.to_string()).collect());
    assert!(shelf.use_it(&key(other, "mine"), 1));
}

#[test]
fn what_is_idle_or_given_up_goes() {
    let shelf = Shelf::new(10_000, 1_000_000);
    let session = handle();
    shelf.use_it(&key(session, "broken"), 10);
    shelf
        .instances
        .lease(&key(session, "broken"), Wait::Not)
        .unwrap()
        .discard();
    assert_eq!(
        shelf.dropped(),
        [("broken".to_owned(), DropReason::Discarded)]
    );
    for number in 0..SWEEP_MAX + 1 {
        shelf.use_it(&key(handle(), &number.to_string()), 1);
    }
    shelf.clock.advance(INSTANCE_IDLE / 2);
    shelf.use_it(&key(session, "late"), 1);
    let held = shelf
        .instances
        .lease(&key(session, "held"), Wait::Not)
        .unwrap();
    assert_eq!(shelf.instances.sweep(), 0);
    shelf.clock.advance(INSTANCE_IDLE / 2);
    assert_eq!(shelf.instances.sweep(), SWEEP_MAX);
    assert_eq!(shelf.instances.sweep(), 1);
    shelf.clock.advance(INSTANCE_IDLE);
    assert_eq!(shelf.instances.sweep(), 1);
    drop(held);
    assert_eq!(shelf.instances.stats(), Default::default());
}

/// Threads that do everything at once, in an order that a seed gives as far as threads allow.
#[test]
fn whatever_happens_each_value_is_dropped_once_and_never_in_use() {
    let clock = Clock::by_hand(START_MS);
    let in_use = Arc::<Mutex<BTreeSet<u64>>>::default();
    let (made, gone) = (
        Mutex::new(BTreeSet::new()),
        Arc::<Mutex<BTreeSet<u64>>>::default(),
    );
    let (used, told) = (Arc::clone(&in_use), Arc::clone(&gone));
    let on_drop = move |dropped: &Dropped| {
        assert!(
            !used.lock().unwrap().contains(&dropped.number),
            "{dropped:?} is in use"
        );
        assert!(
            told.lock().unwrap().insert(dropped.number),
            "{dropped:?} was dropped before"
        );
    };
    let instances = Arc::new(Instances::new(clock.clone(), on_drop).bounds(6, 300));
    let sessions = [handle(), handle(), handle()];
    std::thread::scope(|scope| {
        for seed in 1..=8_u64 {
            let (instances, clock, in_use, made) = (&instances, &clock, &in_use, &made);
            scope.spawn(move || {
                let mut random = seed;
                for _ in 0..2000 {
                    // The constants of Knuth's MMIX.
                    random = random
                        .wrapping_mul(6364136223846793005)
                        .wrapping_add(1442695040888963407);
                    let dice = (random >> 33) as usize;
                    let mut key = key(sessions[dice % 3], ["a", "b", "c"][dice / 3 % 3]);
                    key.module = ["one", "two"][dice / 9 % 2].to_owned();
                    match dice / 18 % 40 {
                        0 => instances.end_session(&key.session),
                        1 => instances.retire_module(&key.module),
                        2 => clock.advance(INSTANCE_IDLE / 4),
                        3 => drop(instances.sweep()),
                        what => {
                            let wait = if what % 2 == 0 {
                                Wait::InLine
                            } else {
                                Wait::Not
                            };
                            let Ok(mut lease) = instances.lease(&key, wait) else {
                                continue;
                            };
                            let number = lease.number();
                            assert!(in_use.lock().unwrap().insert(number), "two have it");
                            if what % 5 != 0 || lease.exists() {
                                made.lock().unwrap().insert(number);
                                lease.set_bytes((dice % 100) as u64);
                            }
                            in_use.lock().unwrap().remove(&number);
                            if what % 7 == 0 {
                                lease.discard();
                            }
                        }
                    }
                }
            });
        }
    });
    assert!(instances.stats().count <= 6 && instances.stats().leased == 0);
    assert!(instances.stats().bytes <= 300);
    sessions
        .iter()
        .for_each(|session| instances.end_session(session));
    assert_eq!(instances.stats(), Default::default());
    assert!(made.into_inner().unwrap() == *gone.lock().unwrap());
}
