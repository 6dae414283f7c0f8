//! Transactions, savepoints, and what is left of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use harmonious_db::{Backend, Error, Transaction, params};

use crate::assert_error;
use crate::stage::{Done, count, until};

const ADD: &str = "INSERT INTO t (word) VALUES (?)";

fn add(tx: &mut Transaction, word: &str) -> Done {
    tx.execute(ADD, &params![word]).map(drop)
}

crate::cases! { CASES:
    fn commit(s) {
        let db = s.table();
        let n = db.transaction(|tx| { add(tx, "a")?; add(tx, "b")?; Ok::<_, Error>(2) }).unwrap();
        assert_eq!(count(db, "t"), n);
    }

    fn rollback_on_error(s) {
        let db = s.table();
        let failed: Done = db.transaction(|tx| { add(tx, "a")?; tx.query("SELCT", &[])?; Ok(()) });
        assert_error!(failed, Error::Syntax { .. });
        assert_eq!(count(db, "t"), 0);
    }

    fn rollback_on_an_error_of_the_caller(s) {
        #[derive(Debug)]
        enum Mine { Db, No }
        impl From<Error> for Mine { fn from(_: Error) -> Mine { Mine::Db } }
        let db = s.table();
        let failed = db.transaction(|tx| { tx.execute(ADD, &params!["a"])?; Err::<(), _>(Mine::No) });
        assert!(matches!(failed, Err(Mine::No)));
        assert_eq!(count(db, "t"), 0);
    }

    fn rollback_on_a_panic(s) {
        let db = s.table();
        let panicked = std::panic::catch_unwind(|| {
            let _: Done = db.transaction(|tx| { add(tx, "a")?; std::panic::resume_unwind(Box::new(())) });
        });
        assert!(panicked.is_err());
        assert_eq!(count(db, "t"), 0);
        db.transaction(|tx| add(tx, "a")).unwrap();
    }

    fn a_transaction_reads_what_it_wrote(s) {
        let db = s.table();
        db.transaction(|tx| {
            let id = tx.insert(ADD, &params!["a"])?;
            let row = tx.query_one("SELECT word FROM t WHERE id = ?", &params![id])?.unwrap();
            assert_eq!(row.get::<String>("word")?, "a");
            assert_eq!(tx.query("SELECT * FROM t", &[])?.len(), 1);
            Ok::<_, Error>(())
        }).unwrap();
    }

    fn others_do_not_see_it_before_the_commit(s) {
        let db = s.table();
        let mut tx = db.begin().unwrap();
        add(&mut tx, "a").unwrap();
        assert_eq!(count(db, "t"), 0);
        tx.commit().unwrap();
        assert_eq!(count(db, "t"), 1);
    }

    fn a_failed_statement_is_the_end_of_it(s) {
        let db = s.table();
        let failed: Done = db.transaction(|tx| {
            add(tx, "a")?;
            assert_error!(add(tx, "a"), Error::Unique { .. });
            assert_error!(add(tx, "b"), Error::Transaction { .. });
            Ok(())
        });
        assert_error!(failed, Error::Transaction { .. });
        assert_eq!(count(db, "t"), 0);
    }

    fn a_mistake_of_the_caller_is_not(s) {
        let db = s.table();
        db.transaction(|tx| {
            add(tx, "a")?;
            assert_error!(tx.execute(ADD, &[]), Error::Parameters { .. } );
            assert_error!(tx.execute("COMMIT", &[]), Error::Transaction { .. });
            Ok::<_, Error>(())
        }).unwrap();
        assert_eq!(count(db, "t"), 1);
    }

    fn savepoint_kept(s) {
        let db = s.table();
        db.transaction(|tx| { add(tx, "a")?; tx.savepoint(|tx| add(tx, "b")) }).unwrap();
        assert_eq!(count(db, "t"), 2);
    }

    fn savepoint_undone(s) {
        let db = s.table();
        db.transaction(|tx| {
            add(tx, "a")?;
            let undone: Done = tx.savepoint(|tx| { add(tx, "b")?; add(tx, "a") });
            assert_error!(undone, Error::Unique { .. });
            add(tx, "c")
        }).unwrap();
        assert_eq!(count(db, "t"), 2);
    }

    fn savepoints_within_savepoints(s) {
        let db = s.table();
        db.transaction(|tx| {
            tx.savepoint(|tx| {
                add(tx, "a")?;
                let _: Done = tx.savepoint(|tx| { add(tx, "b")?; Err(Error::Check { message: String::new() }) });
                tx.savepoint(|tx| add(tx, "c"))
            })
        }).unwrap();
        assert_eq!(count(db, "t"), 2);
    }

    fn savepoints_held_by_the_caller(s) {
        let db = s.table();
        let mut tx = db.begin().unwrap();
        add(&mut tx, "a").unwrap();
        let kept = tx.begin_savepoint().unwrap();
        add(&mut tx, "b").unwrap();
        let undone = tx.begin_savepoint().unwrap();
        add(&mut tx, "c").unwrap();
        assert!(add(&mut tx, "a").is_err());
        tx.undo_savepoint(undone).unwrap();
        assert_error!(tx.release_savepoint(undone), Error::Transaction { .. });
        tx.release_savepoint(kept).unwrap();
        // What is within goes with what is around it.
        let outer = tx.begin_savepoint().unwrap();
        let inner = tx.begin_savepoint().unwrap();
        add(&mut tx, "d").unwrap();
        tx.undo_savepoint(outer).unwrap();
        assert_error!(tx.undo_savepoint(inner), Error::Transaction { .. });
        // A part in which a statement failed cannot be kept; the rest can.
        let failed = tx.begin_savepoint().unwrap();
        add(&mut tx, "e").unwrap();
        assert!(add(&mut tx, "a").is_err());
        assert_error!(tx.release_savepoint(failed), Error::Transaction { .. });
        tx.commit().unwrap();
        assert_eq!(count(db, "t"), 2);
    }

    fn savepoint_panics(s) {
        let db = s.table();
        db.transaction(|tx| {
            add(tx, "a")?;
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let _: Done = tx.savepoint(|tx| { add(tx, "b")?; std::panic::resume_unwind(Box::new(())) });
            }));
            assert!(panicked.is_err());
            add(tx, "c")
        }).unwrap();
        assert_eq!(count(db, "t"), 2);
    }

    fn a_failure_that_a_savepoint_hides_undoes_it(s) {
        let db = s.table();
        let done = db.transaction(|tx| {
            add(tx, "a")?;
            let hidden: Done = tx.savepoint(|tx| { add(tx, "b")?; let _ = add(tx, "a"); Ok(()) });
            assert_error!(hidden, Error::Transaction { .. });
            add(tx, "c")
        });
        done.unwrap();
        assert_eq!(count(db, "t"), 2);
    }

    fn savepoints_have_a_depth(s) {
        fn deeper(tx: &mut Transaction) -> Done { tx.savepoint(deeper) }
        assert_error!(s.table().transaction(deeper), Error::Transaction { .. });
    }

    fn held_and_committed_elsewhere(s) {
        let db = s.table();
        let mut tx = db.begin().unwrap();
        add(&mut tx, "a").unwrap();
        std::thread::spawn(move || { add(&mut tx, "b").unwrap(); tx.commit().unwrap() }).join().unwrap();
        assert_eq!(count(db, "t"), 2);
    }

    fn held_and_dropped(s) {
        let db = s.table();
        let mut tx = db.begin().unwrap();
        add(&mut tx, "a").unwrap();
        drop(tx);
        let mut tx = db.begin().unwrap();
        add(&mut tx, "a").unwrap();
        tx.rollback();
        assert_eq!(count(db, "t"), 0);
    }

    fn held_and_forgotten(s) {
        s.table();
        let db = s.open(|config| config.transaction_idle_max = Duration::from_millis(100));
        let mut tx = db.begin().unwrap();
        add(&mut tx, "a").unwrap();
        until(|| db.stats().expired == 1);
        let error = add(&mut tx, "b").unwrap_err();
        assert!(error.to_string().contains("left alone"), "{error}");
        assert_error!(tx.commit(), Error::Transaction { .. });
        db.execute(ADD, &params!["a"]).unwrap();
        assert_eq!(count(&db, "t"), 1);
    }

    fn held_and_used_is_not_forgotten(s) {
        s.table();
        let db = s.open(|config| config.transaction_idle_max = Duration::from_millis(1000));
        let mut tx = db.begin().unwrap();
        let end = std::time::Instant::now() + Duration::from_millis(2200);
        while std::time::Instant::now() < end {
            tx.query("SELECT 1", &[]).unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
        tx.commit().unwrap();
        assert_eq!(db.stats().expired, 0);
    }

    fn several_are_held_at_once_where_writers_may(s) {
        s.table();
        let db = s.open(|config| config.wait_max = Duration::from_secs(s.of(0, 5, 5)));
        let first = db.begin().unwrap();
        let second = db.begin();
        match s.backend {
            Backend::Sqlite => assert_error!(second, Error::Busy { .. }),
            _ => second.unwrap().commit().unwrap(),
        }
        first.commit().unwrap();
    }

    fn writers_at_once_lose_nothing(s) {
        let db = s.table();
        db.script("INSERT INTO t (id, n) VALUES (1, 0)").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| for _ in 0..25 {
                    db.transaction_retry(50, |tx| {
                        tx.execute("UPDATE t SET n = n + 1 WHERE id = 1", &[]).map(drop)
                    }).unwrap();
                });
            }
        });
        let n: i64 = db.query_one("SELECT n FROM t", &[]).unwrap().unwrap().get("n").unwrap();
        assert_eq!(n, 100);
    }

    fn busy_is_retried_whole(s) {
        s.table().script("INSERT INTO t (id, n) VALUES (1, 0), (2, 0)").unwrap();
        if s.backend == Backend::Sqlite {
            // Transactions come one after another: somebody else's lock is the only way.
            let other = rusqlite(s.path("site.db"));
            let db = s.open(|config| config.wait_max = Duration::from_millis(20));
            let tries = AtomicUsize::new(0);
            other.execute_batch("BEGIN IMMEDIATE").unwrap();
            let busy = db.transaction_retry(2, |tx| { tries.fetch_add(1, Ordering::Relaxed); add(tx, "a") });
            assert_error!(busy, Error::Busy { .. });
            other.execute_batch("COMMIT").unwrap();
            db.transaction_retry(2, |tx| add(tx, "a")).unwrap();
            return;
        }
        // Each waits for the other until the server sees it.
        let tries = AtomicUsize::new(0);
        let barrier = std::sync::Barrier::new(2);
        let cross = |first: i32, second: i32| {
            let mut met = false;
            s.db.transaction_retry(5, |tx| {
                tries.fetch_add(1, Ordering::Relaxed);
                let step = "UPDATE t SET n = n + 1 WHERE id = ?";
                tx.execute(step, &params![first])?;
                if !std::mem::replace(&mut met, true) { barrier.wait(); }
                tx.execute(step, &params![second]).map(drop)
            }).unwrap();
        };
        std::thread::scope(|scope| {
            scope.spawn(|| cross(1, 2));
            scope.spawn(|| cross(2, 1));
        });
        assert!(tries.load(Ordering::Relaxed) >= 3);
        let sum = s.db.query_one("SELECT MIN(n) AS n FROM t", &[]).unwrap().unwrap();
        assert_eq!(sum.get::<i64>("n").unwrap(), 2);
    }

    fn other_errors_are_not_retried(s) {
        let db = s.table();
        let mut tries = 0;
        let failed: Done = db.transaction_retry(5, |tx| { tries += 1; tx.query("SELCT", &[]).map(drop) });
        assert_error!(failed, Error::Syntax { .. });
        assert_eq!(tries, 1);
    }

    fn a_transaction_gives_its_connection_back(s) {
        s.table();
        let db = s.open(|config| { config.connections_max = 1; config.wait_max = Duration::from_secs(5) });
        for n in 0..20 {
            let _: Done = db.transaction(|tx| { add(tx, "a")?; if n % 2 == 0 { tx.query("SELCT", &[])?; } Err(Error::Check { message: String::new() }) });
        }
        assert_eq!(count(&db, "t"), 0);
        assert_eq!(db.stats().waiting, 0);
    }

    fn transactions_of_many_threads(s) {
        let db = s.table();
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let sender = sender.clone();
                scope.spawn(move || for n in 0..10 {
                    db.transaction(|tx| { add(tx, &format!("{thread} {n}"))?; tx.query("SELECT COUNT(*) FROM t", &[]) }).unwrap();
                    sender.send(()).unwrap();
                });
            }
        });
        drop(sender);
        assert_eq!(receiver.iter().count(), 80);
        assert_eq!(count(db, "t"), 80);
    }
}

fn rusqlite(path: std::path::PathBuf) -> rusqlite::Connection {
    rusqlite::Connection::open(path).unwrap()
}
