//! Versions of a database: the same as long as nothing is committed, by whomever.

use harmonious_db::{Database, Version, params};

use crate::recovery::writer;
use crate::stage::PATIENCE;

/// That of a moment without a commit.
fn version(db: &Database) -> Version {
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        match db.version() {
            Some(version) => return version,
            None => assert!(std::time::Instant::now() < until, "never a version"),
        }
        std::thread::yield_now();
    }
}

crate::cases! { SERVERS:
    fn a_server_has_none(s) {
        assert_eq!(s.table().version(), None);
    }
}

crate::cases! { SQLITE:
    fn only_a_commit_makes_another_one(s) {
        let db = s.table();
        let before = version(db);
        db.query("SELECT * FROM t", &[]).unwrap();
        let undone: Result<(), harmonious_db::Error> = db.transaction(|tx| {
            tx.execute("INSERT INTO t (n) VALUES (1)", &[])?;
            assert_eq!(version(db), before, "it is not committed");
            Err(tx.query("SELECT nothing", &[]).unwrap_err())
        });
        undone.unwrap_err();
        assert_eq!(version(db), before);
        for n in 0..3 {
            let before = version(db);
            db.execute("INSERT INTO t (n) VALUES (?)", &params![n]).unwrap();
            assert_ne!(version(db), before);
        }
    }

    fn others_make_one_too(s) {
        let db = s.table();
        let beside = s.open(|_| {});
        let mut last = version(db);
        // Log and checkpoints come and go meanwhile.
        for n in 0..100 {
            let sql = "INSERT INTO t (n, word) VALUES (?, ?)";
            beside.execute(sql, &params![n, format!("{n} {}", "x".repeat(100_000))]).unwrap();
            let now = version(db);
            assert!(now != last && now == version(&beside), "round {n}");
            last = now;
        }
        // A database that was closed takes nothing from those that are open.
        beside.close();
        assert_eq!(beside.version(), None);
        drop(beside);
        let tool = rusqlite::Connection::open(s.path("site.db")).unwrap();
        tool.execute_batch("DELETE FROM t").unwrap();
        assert_ne!(version(db), last);
    }

    fn other_processes_make_one_too(s) {
        let db = s.table();
        let rows = || -> i64 {
            let row = db.query_one("SELECT COUNT(*) AS n FROM t", &[]).unwrap();
            row.unwrap().get("n").unwrap()
        };
        let mut seen = vec![(version(db), rows())];
        let (mut child, mut lines) = writer(s);
        for line in lines.by_ref().take(50) {
            let said: i64 = line.unwrap().parse().unwrap();
            // The other process goes on meanwhile: rows are those of a version if it is the same before and after.
            let (before, there, after) = (version(db), rows(), version(db));
            assert!(there > said, "what was acknowledged is there");
            if before == after {
                match seen.iter().find(|(known, _)| *known == before) {
                    Some((_, known)) => assert_eq!(*known, there, "one version, other rows"),
                    None => seen.push((before, there)),
                }
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_ne!(version(db), seen[0].0);
    }

    fn in_memory_there_is_none(_s) {
        let memory = Database::open(&harmonious_db::Config::new("sqlite::memory:")).unwrap();
        assert_eq!(memory.version(), None);
    }
}
