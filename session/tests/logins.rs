//! Passwords and the throttle: what a login does, how often it may be tried.

mod common;

use std::net::IpAddr;
use std::time::Duration;

use common::{HOUR, START_MS};
use harmonious_session::config::{
    ARGON2_MEMORY_KIB_MAX, LOGINS_PER_ACCOUNT, LOGINS_PER_ADDRESS, LOGINS_PER_PAIR,
    LOGINS_PER_PAIR_EVERY, PASSWORD_BYTES_MAX, THROTTLE_ENTRIES_MAX,
};
use harmonious_session::{Clock, Cost, Passwords, SessionError, Throttle};

const CHEAP: Cost = Cost {
    memory_kib: 64,
    passes: 1,
    lanes: 1,
};

fn address(number: u32) -> IpAddr {
    IpAddr::from(number.wrapping_add(0x0a00_0000).to_be_bytes())
}

#[test]
fn a_password_is_known_by_its_hash() {
    let passwords = Passwords::new(Cost::default(), 1).unwrap();
    let (one, two) = (
        passwords.hash(b"secret").unwrap(),
        passwords.hash(b"secret").unwrap(),
    );
    assert_ne!(one, two, "each has a salt of its own");
    assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
    let right = passwords.verify(Some(&one), b"secret").unwrap();
    assert!(right.ok && !right.needs_rehash);
    for wrong in [
        &b"Secret"[..],
        b"",
        b"secret\0",
        &[0xff; PASSWORD_BYTES_MAX],
    ] {
        let verdict = passwords.verify(Some(&one), wrong).unwrap();
        assert!(!verdict.ok && !verdict.needs_rehash);
    }
}

#[test]
fn a_hash_of_another_cost_is_good_and_to_be_made_anew() {
    let (old, new) = (
        Passwords::new(CHEAP, 1).unwrap(),
        Passwords::new(Cost { passes: 2, ..CHEAP }, 1).unwrap(),
    );
    let hash = old.hash(b"secret").unwrap();
    let right = new.verify(Some(&hash), b"secret").unwrap();
    assert!(right.ok && right.needs_rehash);
    let wrong = new.verify(Some(&hash), b"other").unwrap();
    assert!(!wrong.ok && !wrong.needs_rehash);
    let again = new.hash(b"secret").unwrap();
    assert!(!new.verify(Some(&again), b"secret").unwrap().needs_rehash);
    // Argon2i is verified too: vector of the reference implementation.
    let foreign = "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ\
                   $wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA";
    let right = new.verify(Some(foreign), b"password").unwrap();
    assert!(right.ok && right.needs_rehash);
}

#[test]
fn an_unknown_user_takes_the_same_path() {
    let passwords = Passwords::new(CHEAP, 1).unwrap();
    let hash = passwords.hash(b"secret").unwrap();
    let long = vec![b'x'; PASSWORD_BYTES_MAX + 1];
    for (hash, password) in [
        (Some(hash.as_str()), &b"wrong"[..]),
        (None, b"wrong"),
        (None, b""),
        (Some(hash.as_str()), &long),
        (None, &long),
    ] {
        let before = passwords.hashes();
        let verdict = passwords.verify(hash, password).unwrap();
        assert_eq!((verdict.ok, verdict.needs_rehash), (false, false));
        assert_eq!(passwords.hashes() - before, 1, "one hash, whoever it is");
    }
}

#[test]
fn what_is_no_hash_is_an_error_and_costs_none() {
    let passwords = Passwords::new(CHEAP, 1).unwrap();
    let hash = passwords.hash(b"secret").unwrap();
    let before = passwords.hashes();
    let dear = hash.replace("m=64", &format!("m={}", ARGON2_MEMORY_KIB_MAX + 1));
    for bad in [
        "",
        "secret",
        "$2b$12$x",
        "$argon2id$v=19$m=64,t=1,p=1",
        &dear,
        &hash[..40],
    ] {
        let error = passwords.verify(Some(bad), b"secret").unwrap_err();
        assert!(matches!(error, SessionError::NotAHash), "{bad}: {error}");
        assert!(!error.to_string().contains("secret"));
    }
    assert_eq!(passwords.hashes(), before);
    let long = passwords.hash(&[b'x'; PASSWORD_BYTES_MAX + 1]).unwrap_err();
    assert_eq!(long.status(), 422);
    assert!(
        Passwords::new(
            Cost {
                memory_kib: u32::MAX,
                ..CHEAP
            },
            1
        )
        .is_err()
    );
    assert!(Passwords::new(Cost { passes: 0, ..CHEAP }, 1).is_err());
}

#[test]
fn ten_thousand_bad_logins_hold_up_nobody_else() {
    let clock = Clock::by_hand(START_MS);
    let throttle = Throttle::new(clock.clone()).unwrap();
    let mut tried = 0;
    for _ in 0..10_000 {
        match throttle.begin("ann", address(1)) {
            // Dropped: it failed.
            Ok(_attempt) => tried += 1,
            Err(error) => {
                let wait = error.retry_after().unwrap();
                assert!(!wait.is_zero() && wait <= LOGINS_PER_PAIR_EVERY, "{wait:?}");
                assert_eq!(error.status(), 429);
            }
        }
    }
    assert_eq!(tried, LOGINS_PER_PAIR);
    // From elsewhere, and to another account from there.
    throttle.begin("ann", address(2)).unwrap().succeeded();
    throttle.begin("bob", address(1)).unwrap().succeeded();
    // When it said that it may be tried again, it may.
    let wait = throttle
        .begin("ann", address(1))
        .unwrap_err()
        .retry_after()
        .unwrap();
    clock.advance(wait - Duration::from_millis(1));
    assert!(throttle.begin("ann", address(1)).is_err());
    clock.advance(Duration::from_millis(1));
    drop(throttle.begin("ann", address(1)).unwrap());
    assert!(throttle.begin("ann", address(1)).is_err());
}

#[test]
fn one_address_cannot_try_many_accounts() {
    let throttle = Throttle::new(Clock::by_hand(START_MS)).unwrap();
    let tried = (0..10_000).filter(|n| throttle.begin(&n.to_string(), address(1)).is_ok());
    assert_eq!(tried.count(), LOGINS_PER_ADDRESS as usize);
    // Logins that succeed cost nothing.
    for _ in 0..1000 {
        throttle.begin("ann", address(2)).unwrap().succeeded();
    }
}

#[test]
fn what_was_not_looked_at_does_not_count() {
    let throttle = Throttle::new(Clock::by_hand(START_MS)).unwrap();
    for _ in 0..1000 {
        throttle.begin("ann", address(1)).unwrap().cancelled();
    }
    assert!(throttle.is_empty());
    let _ = throttle.begin("ann", address(1)).unwrap();
    throttle.begin("ann", address(1)).unwrap().cancelled();
    let tried = (0..100).filter(|_| throttle.begin("ann", address(1)).is_ok());
    assert_eq!(tried.count(), LOGINS_PER_PAIR as usize - 1);
}

#[test]
fn many_addresses_cannot_try_one_account_and_its_owner_still_can() {
    let clock = Clock::by_hand(START_MS);
    let throttle = Throttle::new(clock.clone()).unwrap();
    throttle.begin("ann", address(0)).unwrap().succeeded();
    let tried = (1..10_000).filter(|n| throttle.begin("ann", address(*n)).is_ok());
    assert_eq!(tried.count(), LOGINS_PER_ACCOUNT as usize);
    throttle.begin("ann", address(0)).unwrap().succeeded();
    assert!(throttle.begin("ann", address(20_000)).is_err());
    throttle.begin("bob", address(1)).unwrap().succeeded();
    clock.advance(2 * HOUR);
    throttle.begin("ann", address(20_000)).unwrap().succeeded();
}

#[test]
fn the_throttle_forgets_and_is_bounded() {
    let clock = Clock::by_hand(START_MS);
    let throttle = Throttle::new(clock.clone()).unwrap();
    for number in 0..60_000 {
        let _ = throttle.begin(&number.to_string(), address(number));
    }
    assert!(throttle.len() <= 3 * THROTTLE_ENTRIES_MAX, "{throttle:?}");
    clock.advance(HOUR);
    let _ = throttle.begin("ann", address(1));
    assert_eq!(throttle.len(), 3);
}
