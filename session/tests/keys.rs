//! Files of keys: made on first use, for their owner only, rotated without logging anybody out.

#![cfg(unix)]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::Barrier;

use common::{DAY, START_MS};
use harmonious_session::config::KEYS_MAX;
use harmonious_session::{Clock, KeyRing, SessionError};

#[test]
fn a_file_is_made_once_and_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let clock = Clock::by_hand(START_MS);
    let sealed = KeyRing::load(&path)
        .unwrap()
        .seal("a", b"x", DAY, &clock)
        .unwrap();
    let again = KeyRing::load(&path).unwrap();
    assert_eq!(again.open("a", &sealed, &clock).unwrap(), b"x");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left behind"
    );
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    KeyRing::load(&path).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o777] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = KeyRing::load(&path).unwrap_err();
        assert!(matches!(error, SessionError::KeyFile { .. }));
        assert!(
            error.to_string().contains("may be read by others"),
            "{error}"
        );
    }
}

#[test]
fn what_is_no_file_of_keys_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    for text in ["", "x", "0000000 x\n", &"a".repeat(100_000)] {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(KeyRing::load(&path).is_err());
        assert!(KeyRing::rotate(&path).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    assert!(KeyRing::load(folder.path()).is_err());
    assert!(KeyRing::load(&folder.path().join("no/keys")).is_err());
}

#[test]
fn rotation_logs_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let clock = Clock::by_hand(START_MS);
    let first = KeyRing::load(&path).unwrap();
    let sealed = first.seal("a", b"x", DAY, &clock).unwrap();
    for _ in 1..KEYS_MAX {
        let ring = KeyRing::rotate(&path).unwrap();
        assert_eq!(ring.open("a", &sealed, &clock).unwrap(), b"x");
        // What the newest key seals does not open with the older ones.
        let new = ring.seal("a", b"y", DAY, &clock).unwrap();
        assert!(first.open("a", &new, &clock).is_none());
        assert_eq!(
            KeyRing::load(&path)
                .unwrap()
                .open("a", &new, &clock)
                .unwrap(),
            b"y"
        );
    }
    let ring = KeyRing::rotate(&path).unwrap();
    assert_eq!(
        (ring.count(), ring.open("a", &sealed, &clock)),
        (KEYS_MAX, None)
    );
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn of_many_that_make_it_at_once_one_is_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let clock = Clock::by_hand(START_MS);
    let barrier = Barrier::new(16);
    let sealed: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    let ring = KeyRing::load(&path).unwrap();
                    ring.seal("a", b"x", DAY, &clock).unwrap()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let ring = KeyRing::load(&path).unwrap();
    assert!(
        sealed
            .iter()
            .all(|sealed| ring.open("a", sealed, &clock).is_some())
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
