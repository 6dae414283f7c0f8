//! Backups of a live database, and restoring them.

use std::sync::atomic::{AtomicBool, Ordering};

use harmonious_db::{Backend, Error, SearchIndex, Timestamp, params};
use serde_json::json;

use crate::assert_error;
use crate::stage::{count, until};

crate::cases! { CASES:
    fn there_and_back(s) {
        s.script("CREATE TABLE p (id {id}, word {word} UNIQUE, at {time}, raw {bytes}, j {json}, f {float}, b BOOLEAN)");
        let values = params!["Ž'\"\\;\n", Timestamp::from_micros(1_234_567), (0..=255u8).collect::<Vec<_>>(), json!({"a": "ä"}), 0.1, true];
        let add = "INSERT INTO p (word, at, raw, j, f, b) VALUES (?, ?, ?, ?, ?, ?)";
        s.db.execute(add, &values).unwrap();
        s.db.execute("INSERT INTO p (word) VALUES ('b')", &[]).unwrap();
        s.db.backup(s.path("backup")).unwrap();
        let other = s.beside("other");
        other.restore(s.path("backup")).unwrap();
        let all = "SELECT * FROM p ORDER BY id";
        assert!(other.query(all, &[]).unwrap() == s.db.query(all, &[]).unwrap());
        assert_error!(other.execute("INSERT INTO p (word) VALUES ('b')", &[]), Error::Unique { .. });
        assert!(other.insert("INSERT INTO p (word) VALUES ('c')", &[]).unwrap() > 2);
    }

    fn with_indexes_triggers_and_history(s) {
        s.db.migrate(&harmonious_db::Migrations::new([("V1__x", s.sql("CREATE TABLE d (id {id}, body {text})").as_str())]).unwrap()).unwrap();
        let index = SearchIndex::new("d_search", "d", "id").column("body", 1.0);
        s.db.create_search_index(&index).unwrap();
        s.db.execute("INSERT INTO d (body) VALUES ('cat')", &[]).unwrap();
        s.db.backup(s.path("backup")).unwrap();
        let other = s.beside("other");
        other.restore(s.path("backup")).unwrap();
        other.execute("INSERT INTO d (body) VALUES ('cats')", &[]).unwrap();
        assert_eq!(other.search(&index, "cat", 10, 0).unwrap().len(), 2);
        assert_eq!(count(&other, "refinery_schema_history"), 1);
    }

    fn only_into_an_empty_one(s) {
        s.table();
        s.db.backup(s.path("backup")).unwrap();
        let error = s.db.restore(s.path("backup")).unwrap_err();
        assert!(error.to_string().contains("not empty"), "{error}");
    }

    fn only_into_a_new_file(s) {
        std::fs::write(s.path("backup"), "precious").unwrap();
        assert_error!(s.db.backup(s.path("backup")), Error::Backup { .. });
        assert_eq!(std::fs::read(s.path("backup")).unwrap(), b"precious");
        assert_error!(s.db.backup(s.path("no/folder")), Error::Backup { .. });
    }

    fn nonsense_is_refused(s) {
        std::fs::write(s.path("nonsense"), "this is no backup;\n".repeat(100)).unwrap();
        assert_error!(s.db.restore(s.path("nonsense")), Error::Backup { .. });
        assert_error!(s.db.restore(s.path("nowhere")), Error::Backup { .. });
        s.table();
        assert_eq!(count(&s.db, "t"), 0);
    }

    fn a_backup_is_for_its_owner(s) {
        use std::os::unix::fs::PermissionsExt;
        s.table();
        s.db.backup(s.path("backup")).unwrap();
        let mode = std::fs::metadata(s.path("backup")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }

    fn consistent_while_others_write(s) {
        s.script("CREATE TABLE a (n BIGINT); CREATE TABLE b (n BIGINT)");
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    n += 1;
                    // Never the one without the other.
                    s.db.transaction(|tx| {
                        tx.execute("INSERT INTO a VALUES (?)", &params![n])?;
                        tx.execute("INSERT INTO b VALUES (?)", &params![n])
                    }).unwrap();
                }
            });
            until(|| count(&s.db, "a") > 20);
            s.db.backup(s.path("backup")).unwrap();
            let then = count(&s.db, "a");
            until(|| count(&s.db, "a") > then);
            stop.store(true, Ordering::Relaxed);
        });
        let other = s.beside("other");
        other.restore(s.path("backup")).unwrap();
        let (a, b) = (count(&other, "a"), count(&other, "b"));
        assert!(a == b && a > 20, "{a} {b}");
    }

    fn a_restored_database_goes_on(s) {
        s.table().script("INSERT INTO t (word) VALUES ('a')").unwrap();
        s.db.backup(s.path("backup")).unwrap();
        let other = s.beside("other");
        assert_error!(other.query("SELECT * FROM t", &[]), Error::Syntax { .. });
        other.restore(s.path("backup")).unwrap();
        other.execute("INSERT INTO t (word) VALUES ('b')", &[]).unwrap();
        assert_eq!(count(&other, "t"), 2);
        if s.backend == Backend::Sqlite {
            let mode = other.query_one("PRAGMA journal_mode", &[]).unwrap().unwrap();
            assert_eq!(mode.at::<String>(0).unwrap(), "wal");
        }
    }
}
