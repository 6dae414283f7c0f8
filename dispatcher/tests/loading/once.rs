//! Many ask for one module at once.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use harmonious_dispatcher::loader::{
    Libraries, LibraryError, LoadError, LoadedSet, Loader, LoaderLimits,
};
use parking_lot::Mutex;

use crate::fixture::Fixture;
use crate::generations::EXPECTED;
use crate::recorder::said;

const THREADS: usize = 64;

/// One library, or none, given out when the test says so.
struct Slow {
    path: Option<PathBuf>,
    asked: AtomicUsize,
    /// Told when it is asked.
    begun: Mutex<Sender<()>>,
    /// Waited for before it answers.
    go: Mutex<Receiver<()>>,
}

/// The test's ends of [`Slow`].
struct Reins {
    begun: Receiver<()>,
    go: Sender<()>,
}

impl Libraries for Slow {
    fn library(&self, key: &str) -> Result<PathBuf, LibraryError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.begun.lock().send(()).unwrap();
        // An error: the test has nothing more to say, and wants no waiting.
        let _ = self.go.lock().recv();
        assert_ne!(key, "panics", "as the test wants");
        self.path.clone().ok_or_else(|| LibraryError::Compile {
            key: key.into(),
            messages: "error".into(),
        })
    }
}

fn slow(path: Option<PathBuf>, load_wait: Duration) -> (Arc<Slow>, Arc<Loader>, Reins) {
    let ((begins, begun), (go, goes)) = (channel(), channel());
    let slow = Arc::new(Slow {
        path,
        asked: AtomicUsize::new(0),
        begun: Mutex::new(begins),
        go: Mutex::new(goes),
    });
    let limits = LoaderLimits {
        load_wait,
        ..LoaderLimits::default()
    };
    let loader = Loader::new(Arc::clone(&slow) as Arc<dyn Libraries>, limits);
    (slow, Arc::new(loader), Reins { begun, go })
}

#[test]
fn a_cold_module_that_64_threads_ask_for_is_opened_once() {
    let fixture = Fixture::new();
    let hour = Duration::from_secs(3600);
    let (slow, loader, reins) = slow(Some(fixture.good("page.so")), hour);
    drop(reins.go);
    let (barrier, set) = (Barrier::new(THREADS), LoadedSet::new(1));
    let modules: Vec<_> = thread::scope(|scope| {
        let askers: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    let load = || loader.get("page", &EXPECTED);
                    Arc::clone(set.get_or_load(0, load).unwrap())
                })
            })
            .collect();
        askers
            .into_iter()
            .map(|asker| asker.join().unwrap())
            .collect()
    });
    assert_eq!(modules.len(), THREADS);
    assert!(
        modules
            .iter()
            .all(|module| Arc::ptr_eq(module, &modules[0]))
    );
    assert_eq!(slow.asked.load(Ordering::SeqCst), 1);
    assert_eq!(fixture.journal("page.so"), ["init"]);
    assert_eq!(said(&modules[0].library, "version"), "one");
}

#[test]
fn who_waits_too_long_for_another_is_told_so_and_the_other_goes_on() {
    let fixture = Fixture::new();
    let wait = Duration::from_millis(20);
    let (_, loader, reins) = slow(Some(fixture.good("page.so")), wait);
    let first = thread::spawn({
        let loader = Arc::clone(&loader);
        move || loader.get("page", &EXPECTED).is_ok()
    });
    reins.begun.recv().unwrap();
    let why = loader.get("page", &EXPECTED).err().unwrap();
    assert!(matches!(why, LoadError::Waited { waited, .. } if waited == wait));
    reins.go.send(()).unwrap();
    assert!(first.join().unwrap());
    assert!(loader.get("page", &EXPECTED).is_ok());
}

#[test]
fn a_module_that_panicked_while_it_was_loaded_is_loaded_anew() {
    let (slow, loader, reins) = slow(None, Duration::from_secs(3600));
    drop(reins.go);
    for round in 1..=2 {
        let asked = thread::spawn({
            let loader = Arc::clone(&loader);
            move || drop(loader.get("panics", &EXPECTED))
        });
        assert!(asked.join().is_err());
        assert_eq!(slow.asked.load(Ordering::SeqCst), round);
    }
}

#[test]
fn loading_one_module_does_not_hold_up_another() {
    let fixture = Fixture::new();
    let (_, loader, reins) = slow(Some(fixture.good("page.so")), Duration::from_secs(3600));
    let first = thread::spawn({
        let loader = Arc::clone(&loader);
        move || loader.get("first", &EXPECTED).is_ok()
    });
    reins.begun.recv().unwrap();
    // While it hangs, everything else of the loader answers.
    assert!(loader.loaded().is_empty());
    assert!(loader.last_good("first").is_none());
    loader.invalidate(&["first".into(), "other".into()]);
    loader.retain(|key| key == "first");
    reins.go.send(()).unwrap();
    assert!(first.join().unwrap());
    assert!(
        loader.loaded()[0].stale,
        "it was invalidated while it was loaded"
    );
    reins.go.send(()).unwrap();
    assert!(loader.get("first", &EXPECTED).is_ok());
    assert!(!loader.loaded()[0].stale);
}
