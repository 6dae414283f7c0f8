//! Fragments under one thread and under a hundred.

use std::sync::Barrier;
use std::sync::atomic::AtomicUsize;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn make(fragments: &Arc<Fragments>, name: &str, text: &str, life: Duration) -> bool {
    match fragments.begin(&FragmentKey::of_module("m", name)) {
        Begun::Found(_) => false,
        Begun::Make(lease) => {
            lease.finish(text, life);
            true
        }
    }
}

#[test]
fn a_fragment_is_made_once_until_it_expires_or_is_forgotten() {
    let fragments = Arc::new(Fragments::new(1 << 20));
    assert!(make(&fragments, "a", "x", MINUTE));
    assert!(!make(&fragments, "a", "x", MINUTE));
    assert!(make(&fragments, "b", "x", Duration::ZERO));
    assert!(make(&fragments, "b", "x", MINUTE));
    fragments.forget("a");
    assert!(make(&fragments, "a", "x", MINUTE));
    assert!(!make(&fragments, "b", "x", MINUTE));
    fragments.forget_modules();
    assert!(make(&fragments, "b", "x", MINUTE));
    assert_eq!((fragments.stats().made, fragments.stats().found), (5, 2));
}

#[test]
fn a_hundred_threads_make_it_once() {
    let fragments = Arc::new(Fragments::new(1 << 20));
    let made = AtomicUsize::new(0);
    let (all, waiting) = (Barrier::new(100), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                all.wait();
                waiting.fetch_add(1, Ordering::Relaxed);
                match fragments.begin(&FragmentKey::of_module("m", "a")) {
                    Begun::Found(text) => assert_eq!(&*text, "x"),
                    Begun::Make(lease) => {
                        made.fetch_add(1, Ordering::Relaxed);
                        // All others are at the door at least.
                        while waiting.load(Ordering::Relaxed) < 100 {
                            thread::yield_now();
                        }
                        lease.finish("x", MINUTE);
                    }
                }
            });
        }
    });
    assert_eq!(made.into_inner(), 1);
}

#[test]
fn who_fails_leaves_it_to_another_one() {
    let fragments = Arc::new(Fragments::new(1 << 20));
    let key = FragmentKey::of_module("m", "a");
    let Begun::Make(lease) = fragments.begin(&key) else {
        panic!("found");
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| make(&fragments, "a", "x", MINUTE));
        drop(lease);
        assert!(other.join().unwrap());
    });
    assert!(!make(&fragments, "a", "x", MINUTE));
}

#[test]
fn a_fragment_within_itself_does_not_wait_for_itself() {
    let fragments = Arc::new(Fragments::new(1 << 20));
    let key = FragmentKey::of_module("m", "a");
    let outer = fragments.begin(&key);
    assert!(make(&fragments, "a", "inner", MINUTE));
    assert!(matches!(outer, Begun::Make(_)));
}

#[test]
fn two_that_wait_for_each_other_do_not() {
    let fragments = Arc::new(Fragments::new(1 << 20));
    let both = Barrier::new(2);
    let nested = |first: &str, second: &str| {
        let lease = fragments.begin(&FragmentKey::of_module("m", first));
        both.wait();
        let inner = fragments.begin(&FragmentKey::of_module("m", second));
        match (lease, inner) {
            (Begun::Make(lease), Begun::Make(inner)) => {
                inner.finish("inner", MINUTE);
                lease.finish("outer", MINUTE);
                0
            }
            (Begun::Make(lease), Begun::Found(_)) => {
                lease.finish("outer", MINUTE);
                1
            }
            (Begun::Found(_), _) => panic!("found"),
        }
    };
    // Two that waited until they lost their patience would both make what they wanted.
    let waited: usize = thread::scope(|scope| {
        let one = scope.spawn(|| nested("a", "b"));
        nested("b", "a") + one.join().unwrap()
    });
    assert_eq!(waited, 1);
}

#[test]
fn what_is_forgotten_while_it_is_made_is_not_kept() {
    let fragments = Arc::new(Fragments::new(1 << 20));
    let Begun::Make(lease) = fragments.begin(&FragmentKey::of_module("m", "a")) else {
        panic!("found");
    };
    fragments.forget("a");
    lease.finish("old", MINUTE);
    assert!(make(&fragments, "a", "new", MINUTE));
    assert!(!make(&fragments, "a", "new", MINUTE));
}

#[test]
fn what_is_too_long_to_be_kept_is_good_for_those_who_wait() {
    let fragments = Arc::new(Fragments::new(1 << 20));
    let key = FragmentKey::of_module("m", "a");
    let Begun::Make(lease) = fragments.begin(&key) else {
        panic!("found");
    };
    thread::scope(|scope| {
        let others: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| matches!(fragments.begin(&key), Begun::Found(_))))
            .collect();
        while fragments.state.lock().waiting.len() < 4 {
            thread::yield_now();
        }
        lease.finish(&"x".repeat(FRAGMENT_BYTES_MAX + 1), MINUTE);
        for other in others {
            assert!(other.join().unwrap());
        }
    });
    assert!(make(&fragments, "a", "x", MINUTE));
}

#[test]
fn the_longest_fragment_is_kept_within_the_usual_bytes() {
    let fragments = Arc::new(Fragments::new(crate::config::FRAGMENTS_BYTES));
    let text = "x".repeat(FRAGMENT_BYTES_MAX);
    // Full, of what was asked for again.
    for number in 0..100 {
        make(&fragments, &number.to_string(), &text, MINUTE);
        make(&fragments, &number.to_string(), &text, MINUTE);
    }
    make(&fragments, "a", &text, MINUTE);
    assert!(!make(&fragments, "a", &text, MINUTE));
    assert!(make(&fragments, "b", &text, MINUTE));
}

#[test]
fn modules_have_fragments_of_their_own() {
    let fragments = Arc::new(Fragments::new(1 << 20));
    make(&fragments, "a", "x", MINUTE);
    let other = FragmentKey::of_module("n", "a");
    assert!(matches!(fragments.begin(&other), Begun::Make(_)));
}

#[test]
fn what_is_kept_stays_within_the_bytes() {
    let fragments = Arc::new(Fragments::new(1 << 20));
    let text = "x".repeat(10_000);
    for number in 0..1000 {
        make(&fragments, &number.to_string(), &text, MINUTE);
    }
    let stats = fragments.stats();
    assert!(stats.bytes <= 1 << 20 && stats.kept > 10, "{stats:?}");
    let long = "x".repeat(FRAGMENT_BYTES_MAX + 1);
    make(&fragments, "long", &long, MINUTE);
    assert!(make(&fragments, "long", &long, MINUTE));
}
