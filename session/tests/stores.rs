//! The stores themselves: at the same time, in which order they forget, how much they sweep.

mod common;

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};

use common::{HOUR, Site, on_each_store};
use harmonious_db::{Backend, Config, Database};
use harmonious_session::config::SWEEP_MAX;
use harmonious_session::{
    DatabaseStore, EndReason, Handle, MemoryStore, Record, SessionKey, Store, Stored, Updated,
};

#[test]
fn writers_of_different_keys_lose_nothing() {
    const WRITERS: usize = 8;
    const ROUNDS: usize = 12;
    on_each_store(|site| {
        let mut browser = site.browser();
        browser.request(|session| session.set("first", b"1").unwrap());
        let barrier = Barrier::new(WRITERS);
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (browser, barrier) = (browser.clone(), &barrier);
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        let session = browser.session();
                        session
                            .set(&format!("{writer}"), round.to_string().as_bytes())
                            .unwrap();
                        session.set(&format!("{writer}/{round}"), b"x").unwrap();
                        // All have read what was there before any of them writes.
                        barrier.wait();
                        assert!(session.commit().unwrap().is_none());
                        barrier.wait();
                    }
                });
            }
        });
        let session = browser.session();
        assert_eq!(
            session.keys().unwrap().len(),
            1 + WRITERS + WRITERS * ROUNDS
        );
        for writer in 0..WRITERS {
            let last = session.get(&writer.to_string()).unwrap().unwrap();
            assert_eq!(last, (ROUNDS - 1).to_string().into_bytes());
        }
    });
}

#[test]
fn a_sweep_removes_what_expired_and_so_many_at_most() {
    on_each_store(|site| {
        let mut early = site.browser();
        for _ in 0..SWEEP_MAX + 20 {
            early = site.browser();
            early.request(|session| session.set("a", b"1").unwrap());
        }
        site.clock.advance(HOUR / 2);
        let mut late = site.browser();
        late.request(|session| session.set("a", b"1").unwrap());
        assert_eq!(site.sessions.sweep().unwrap(), 0);
        site.clock.advance(HOUR / 2);
        assert_eq!(site.sessions.sweep().unwrap(), SWEEP_MAX);
        assert_eq!(site.sessions.sweep().unwrap(), 20);
        assert_eq!(site.sessions.sweep().unwrap(), 0);
        assert!(late.get("a").is_some() && early.get("a").is_none());
        let ended = site.ended.lock();
        assert_eq!(ended.len(), SWEEP_MAX + 20);
        assert!(
            ended
                .iter()
                .all(|(_, reason)| *reason == EndReason::Expired)
        );
    });
}

#[test]
fn bytes_keys_and_texts_come_back_as_they_were() {
    on_each_store(|site| {
        let mut browser = site.browser();
        let all: Vec<u8> = (0..=255).collect();
        // Names that differ in case, accents or blanks only are different ones.
        let keys = ["a", "A", "á", "a ", "%", "_", "'", "\"", "名前", "a\\"];
        browser.request(|session| {
            session.set_user(Some("Ann O'Hara é ☃")).unwrap();
            for key in keys {
                session.set(key, &[key.as_bytes(), &all].concat()).unwrap();
            }
            session.set("empty", b"").unwrap();
            session.set("large", &vec![7; 60_000]).unwrap();
        });
        let session = browser.session();
        for key in keys {
            assert_eq!(
                session.get(key).unwrap().unwrap(),
                [key.as_bytes(), &all].concat(),
                "{key}"
            );
        }
        assert_eq!(session.get("empty").unwrap().unwrap(), b"");
        assert_eq!(session.get("large").unwrap().unwrap(), vec![7; 60_000]);
        assert_eq!(session.user().unwrap().as_deref(), Some("Ann O'Hara é ☃"));
        assert_eq!(site.sessions.of_user("Ann O'Hara é ☃").unwrap().len(), 1);
        for other in ["ann O'Hara é ☃", "Ann O'Hara e ☃", "Ann O'Hara é ☃ ", ""] {
            assert_eq!(site.sessions.of_user(other).unwrap(), [], "{other}");
        }
        browser.request(|session| {
            session.remove("A").unwrap();
            session.set("a", b"").unwrap();
        });
        let session = browser.session();
        assert_eq!(session.get("A").unwrap(), None);
        assert_eq!(session.get("a").unwrap().unwrap(), b"");
        assert!(session.get("á").unwrap().is_some());
    });
}

#[test]
fn a_full_memory_forgets_visitors_first_and_the_least_used() {
    let store = Arc::new(MemoryStore::new(4, usize::MAX));
    let site = Site::new(store.clone());
    let mut ann = site.browser();
    ann.login("ann");
    let mut visitors: Vec<_> = (0..3).map(|_| site.browser()).collect();
    for visitor in &mut visitors {
        visitor.request(|session| session.set("a", b"1").unwrap());
    }
    // The first one is used again.
    assert!(visitors[0].get("a").is_some());
    site.browser()
        .request(|session| session.set("a", b"1").unwrap());
    assert!(visitors[0].get("a").is_some() && visitors[1].get("a").is_none());
    for _ in 0..100 {
        site.browser()
            .request(|session| session.set("a", b"1").unwrap());
    }
    assert_eq!(
        ann.user().as_deref(),
        Some("ann"),
        "a flood of visitors logs nobody out"
    );
    assert_eq!(store.len(), 4);
    assert_eq!(site.ended.lock().len(), 101);
    assert!(
        site.ended
            .lock()
            .iter()
            .all(|(_, reason)| *reason == EndReason::Evicted)
    );
}

#[test]
fn memory_is_bounded_in_bytes_and_gives_all_back() {
    let store = Arc::new(MemoryStore::new(usize::MAX, 300_000));
    let site = Site::new(store.clone());
    let mut browser = site.browser();
    for number in 0..50 {
        browser = site.browser();
        browser.request(|session| session.set("a", &vec![number; 20_000]).unwrap());
    }
    assert!(store.bytes() <= 300_000 && store.len() > 10, "{store:?}");
    // A session that grows pushes out others, not itself.
    for key in ["b", "c", "d"] {
        browser.request(|session| session.set(key, &vec![0; 60_000]).unwrap());
    }
    assert!(store.bytes() <= 300_000, "{store:?}");
    assert_eq!(browser.session().keys().unwrap().len(), 4);
    for _ in 0..9 {
        site.clock.advance(HOUR);
        site.sessions.sweep().unwrap();
    }
    assert!(store.is_empty() && store.bytes() == 0);
    assert!(store.sweep(u64::MAX, 10).unwrap().is_empty());
}

#[test]
fn of_many_servers_that_start_at_once_all_find_the_tables() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let urls = [file]
        .into_iter()
        .chain(common::servers().into_iter().map(|(_, url)| url));
    for url in urls {
        let _alone = common::ONE_AT_A_TIME.lock();
        let db = Database::open(&Config::new(&url)).unwrap();
        for table in ["harmonious_session", "harmonious_session_value"] {
            db.script(&format!("DROP TABLE IF EXISTS {table}")).unwrap();
        }
        let barrier = Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let db = Database::open(&Config::new(&url)).unwrap();
                    barrier.wait();
                    DatabaseStore::new(db).unwrap();
                });
            }
        });
        // What is there stays.
        let site = Site::new(Arc::new(DatabaseStore::new(db.clone()).unwrap()));
        let mut browser = site.browser();
        browser.login("ann");
        DatabaseStore::new(db).unwrap();
        assert_eq!(browser.user().as_deref(), Some("ann"));
    }
}

/// Whatever is done with them, all stores say the same; the one in memory is the model.
#[test]
fn all_stores_are_one_to_whoever_uses_them() {
    on_each_store(|site| {
        let (model, store) = (MemoryStore::default(), &*site.store as &dyn Store);
        let ids: Vec<SessionKey> = (0..12).map(|n| SessionKey::from_bytes([n; 32])).collect();
        let names = ["a", "b", "c"];
        let mut random = 7_u64;
        for now in 1..600_u64 {
            random = random
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let dice = (random >> 33) as usize;
            let (was, next) = (&ids[dice % 12], &ids[dice / 12 % 12]);
            let record = |handle| Record {
                handle,
                user: [None, Some("ann"), Some("bob")][dice / 144 % 3].map(str::to_owned),
                created_ms: now,
                seen_ms: now,
                expires_ms: now + (dice / 432 % 60) as u64,
                user_agent: format!("agent {now}"),
                address: String::new(),
            };
            let loaded = sorted(model.load(was).unwrap());
            assert!(loaded == sorted(store.load(was).unwrap()), "round {now}");
            let value = vec![now as u8; dice % 50];
            match (dice / 30_000 % 8, loaded) {
                (0, Some(stored)) => {
                    let handle = stored.record.handle;
                    assert!(model.remove(&handle).unwrap() && store.remove(&handle).unwrap());
                    assert!(!model.remove(&handle).unwrap() && !store.remove(&handle).unwrap());
                }
                (1, _) => {
                    let swept = |store: &dyn Store| -> BTreeSet<Handle> {
                        store.sweep(now, 1000).unwrap().into_iter().collect()
                    };
                    assert_eq!(swept(&model), swept(store));
                }
                (_, Some(stored)) => {
                    // Another session may have the new key: then it stays as it is.
                    let next = if model.load(next).unwrap().is_some() {
                        was
                    } else {
                        next
                    };
                    let set = (names[dice % 3], Some(value.as_slice()));
                    let changes = [set, (names[(dice + 1) % 3], None)];
                    let record = record(stored.record.handle);
                    let [one, two] = [&model as &dyn Store, store]
                        .map(|store| store.update(was, next, &record, &changes).unwrap());
                    assert_eq!(one, two);
                }
                (_, None) => {
                    let record = record(Handle::draw().unwrap());
                    for store in [&model as &dyn Store, store] {
                        assert!(
                            store
                                .create(was, &record, &[("a", &value)])
                                .unwrap()
                                .is_empty()
                        );
                    }
                    let other = SessionKey::from_bytes([99; 32]);
                    for store in [&model as &dyn Store, store] {
                        let updated = store.update(&other, was, &record, &[]).unwrap();
                        assert_eq!(updated, Updated::Gone);
                    }
                }
            }
            for (seen, created) in [(0, 0), (now, 0), (now / 2, now / 3), (0, now / 2)] {
                let [one, two] =
                    [&model as &dyn Store, store].map(|store| store.count(seen, created).unwrap());
                assert_eq!(one, two, "round {now}");
            }
            for user in ["ann", "bob"] {
                for max in [1, 100] {
                    assert!(model.of_user(user, max).unwrap() == store.of_user(user, max).unwrap());
                }
            }
        }
    });
}

/// A store keeps what it read for as long as nothing is written, and two servers of one database are of one
/// mind all the same.
#[test]
fn what_another_server_did_is_seen_by_the_next_request() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let open = || Database::open(&Config::new(&url)).unwrap();
    let (db, beside) = (open(), open());
    let here = Site::new(Arc::new(DatabaseStore::new(db.clone()).unwrap()));
    let there = Site::new(Arc::new(DatabaseStore::new(beside.clone()).unwrap()));
    let mut browser = here.browser();
    browser.login("ann");
    let at = |site: &Site, browser: &common::Browser| common::Browser {
        sessions: Arc::clone(&site.sessions),
        ..browser.clone()
    };
    for round in 0..20_u8 {
        at(&there, &browser).request(|session| session.set("round", &[round]).unwrap());
        for _ in 0..3 {
            assert_eq!(browser.get("round"), Some(vec![round]));
        }
    }
    if cfg!(target_os = "linux") {
        let asked = db.stats().statements;
        for _ in 0..10 {
            assert_eq!(browser.user().as_deref(), Some("ann"));
        }
        assert_eq!(
            db.stats().statements,
            asked,
            "nothing was written meanwhile"
        );
    }
    // Whoever has the file is seen, not only a server.
    beside
        .execute(
            "UPDATE harmonious_session_value SET content = 'by hand'",
            &[],
        )
        .unwrap();
    assert_eq!(browser.get("round").as_deref(), Some(&b"by hand"[..]));
    // A new id is nothing to who has the old one.
    let stolen = browser.clone();
    let mut moved = at(&there, &browser);
    moved.request(|session| session.renew().unwrap());
    let mut browser = at(&here, &moved);
    assert_eq!(stolen.clone().user(), None);
    assert_eq!(browser.user().as_deref(), Some("ann"));
    assert_eq!(there.sessions.revoke_all("ann", None).unwrap(), 1);
    assert_eq!(browser.user(), None);
    db.close();
    browser.session().user().unwrap_err();
}

/// The server connects as a role that may use the tables and not make any.
#[test]
fn tables_that_are_there_need_no_right_to_make_them() {
    for (variable, url) in common::servers() {
        let _alone = common::ONE_AT_A_TIME.lock();
        let db = Database::open(&Config::new(url)).unwrap();
        if db.backend() != Backend::Postgres {
            continue;
        }
        DatabaseStore::new(db.clone()).unwrap();
        let name = Handle::draw().unwrap().to_string().to_lowercase();
        let name = format!("u{}", &name.replace(['-', '_'], "")[..12]);
        let tables = "harmonious_session, harmonious_session_value";
        let made = db.script(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'secret';
             REVOKE CREATE ON SCHEMA public FROM PUBLIC;
             GRANT SELECT ON {tables} TO {name};"
        ));
        if let Err(error) = made {
            println!("left out: {variable} cannot make users: {error}");
            continue;
        }
        let own = db.open_as(&name, "secret").unwrap();
        let stores = DatabaseStore::new(own.clone());
        let table = own.execute("CREATE TABLE of_nobody (n BIGINT)", &[]);
        db.script(&format!(
            "REVOKE ALL ON {tables} FROM {name}; DROP ROLE {name};"
        ))
        .unwrap();
        assert!(stores.is_ok(), "{stores:?}");
        assert!(table.is_err());
    }
}

fn sorted(stored: Option<Stored>) -> Option<Stored> {
    stored.map(|mut stored| {
        stored.values.sort();
        stored
    })
}
