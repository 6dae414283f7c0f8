//! Bounds: of time, of results, of connections, of queues.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use harmonious_db::{Config, Database, Durability, Error, Value, params};

use crate::assert_error;
use crate::stage::{count, one};

crate::cases! { CASES:
    fn a_query_has_a_time_limit(s) {
        let db = s.open(|config| config.query_time_max = Duration::from_millis(300));
        let began = Instant::now();
        assert_error!(db.query(s.slow(), &[]), Error::TimeLimit { .. });
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert!(one(&db, "SELECT 1", &[]) == Value::Int(1));
    }

    fn a_statement_of_a_transaction_has_one(s) {
        s.table();
        let db = s.open(|config| config.query_time_max = Duration::from_millis(300));
        let slow: Result<(), Error> = db.transaction(|tx| {
            tx.execute("INSERT INTO t (word) VALUES ('a')", &[])?;
            tx.query(s.slow(), &[]).map(drop)
        });
        assert_error!(slow, Error::TimeLimit { .. });
        assert_eq!(count(&db, "t"), 0);
    }

    fn a_result_has_a_number_of_rows(s) {
        s.table().script("INSERT INTO t (n) VALUES (1), (2), (3)").unwrap();
        let db = s.open(|config| config.rows_max = 2);
        assert_error!(db.query("SELECT * FROM t", &[]), Error::TooLarge { limit: 2, .. });
        assert_eq!(db.query("SELECT * FROM t LIMIT 2", &[]).unwrap().len(), 2);
    }

    fn a_result_has_a_size(s) {
        let db = s.open(|config| config.result_bytes_max = 10_000);
        s.script("CREATE TABLE v (v {text})");
        db.execute("INSERT INTO v VALUES (?)", &params!["x".repeat(20_000)]).unwrap();
        assert_error!(db.query("SELECT v FROM v", &[]), Error::TooLarge { limit: 10_000, .. });
        assert_eq!(count(&db, "v"), 1);
    }

    fn a_result_beyond_its_bounds_ends_no_transaction(s) {
        s.table().script("INSERT INTO t (n) VALUES (1), (2), (3)").unwrap();
        let db = s.open(|config| config.rows_max = 2);
        db.transaction(|tx| {
            tx.execute("UPDATE t SET n = 7", &[])?;
            assert_error!(tx.query("SELECT * FROM t", &[]), Error::TooLarge { .. });
            Ok::<_, Error>(())
        }).unwrap();
        assert!(one(&db, "SELECT MIN(n) FROM t", &[]) == Value::Int(7));
    }

    fn who_waits_for_too_long_is_refused(s) {
        let db = s.open(|config| { config.connections_max = 1; config.wait_max = Duration::from_secs(1) });
        let held = db.begin().unwrap();
        let refused = db.execute("DELETE FROM nowhere", &[]).unwrap_err();
        assert!(refused.is_unavailable() || matches!(refused, Error::Busy { .. }), "{refused:?}");
        drop(held);
        assert_error!(db.execute("DELETE FROM nowhere", &[]), Error::Syntax { .. });
    }

    fn who_would_be_too_many_is_refused_at_once(s) {
        let db = s.open(|config| { config.connections_max = 1; config.waiting_max = 1; config.wait_max = Duration::from_secs(50) });
        let held = db.begin().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| db.begin().unwrap());
            crate::stage::until(|| db.stats().waiting == 1);
            let began = Instant::now();
            assert_error!(db.execute("DELETE FROM nowhere", &[]), Error::Unavailable { .. });
            assert!(began.elapsed() < Duration::from_secs(10));
            drop(held);
        });
    }

    fn connections_have_a_bound(s) {
        s.table();
        let db = s.open(|config| { config.connections_max = 3; config.wait_max = Duration::from_secs(50) });
        let start = Barrier::new(12);
        std::thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..10 {
                        assert_eq!(count(&db, "t"), 0);
                        // SQLite has one more, which writes.
                        assert!(db.stats().connections <= 4);
                    }
                });
            }
        });
    }

    fn who_waits_gets_the_connection(s) {
        s.table();
        let db = s.open(|config| { config.connections_max = 1; config.wait_max = Duration::from_secs(50) });
        let mut tx = db.begin().unwrap();
        tx.execute("INSERT INTO t (word) VALUES ('a')", &[]).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| db.execute("INSERT INTO t (word) VALUES ('b')", &[]).unwrap());
            crate::stage::until(|| db.stats().waiting == 1);
            tx.commit().unwrap();
            waiting.join().unwrap();
        });
        assert_eq!(count(&db, "t"), 2);
    }

    fn an_endless_statement_is_refused(s) {
        let endless = format!("SELECT '{}'", "x".repeat(17 * 1024 * 1024));
        assert_error!(s.db.query(&endless, &[]), Error::TooLarge { .. });
    }
}

crate::cases! { SQLITE:
    fn readers_go_on_beside_a_writer(s) {
        let db = s.table();
        let mut tx = db.begin().unwrap();
        tx.execute("INSERT INTO t (word) VALUES ('a')", &[]).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..20).for_each(|_| assert_eq!(count(db, "t"), 0)));
            }
        });
        tx.commit().unwrap();
        assert_eq!(count(db, "t"), 1);
    }

    fn settings_of_files(s) {
        let of = |pragma: &str| one(&s.db, &format!("PRAGMA {pragma}"), &[]);
        assert!(of("journal_mode") == Value::from("wal"));
        assert!(of("foreign_keys") == Value::Int(1));
        let synchronous = |db: &Database| {
            db.transaction(|tx| tx.query("PRAGMA synchronous", &[])).unwrap()[0].at::<i64>(0).unwrap()
        };
        assert_eq!(synchronous(&s.db), 2);
        assert_eq!(synchronous(&s.open(|config| config.durability = Durability::System)), 1);
    }

    fn readers_cannot_write(s) {
        s.table();
        // A pragma that only reads goes to a reader, on which this one has no effect.
        s.db.query("PRAGMA query_only", &[]).unwrap();
        assert_eq!(s.db.query("UPDATE t SET n = 1 RETURNING n", &[]).unwrap().len(), 0);
    }

    fn in_memory_it_works_too(s) {
        let db = Database::open(&Config::new("sqlite::memory:")).unwrap();
        db.script("CREATE TABLE t (n BIGINT)").unwrap();
        db.execute("INSERT INTO t VALUES (1)", &[]).unwrap();
        assert_eq!(count(&db.clone(), "t"), 1);
        db.backup(s.path("backup")).unwrap();
        let other = Database::open(&Config::new("sqlite::memory:")).unwrap();
        other.restore(s.path("backup")).unwrap();
        assert_eq!(count(&other, "t"), 1);
    }

    fn many_open_one_file_at_once(s) {
        let start = Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    let db = Database::open(&Config::new(format!("sqlite:{}", s.path("new.db").display())));
                    assert_eq!(db.unwrap().query("SELECT 1", &[]).unwrap().len(), 1);
                });
            }
        });
    }
}
