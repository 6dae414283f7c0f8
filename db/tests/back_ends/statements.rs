//! Statements that change something, prepared statements, scripts.

use harmonious_db::{Error, Value, params};

use crate::assert_error;
use crate::stage::{count, one};

crate::cases! { CASES:
    fn execute_counts_rows(s) {
        let db = s.table();
        let three = "INSERT INTO t (word, n) VALUES ('a', 1), ('b', 1), ('c', 2)";
        assert_eq!(db.execute(three, &[]).unwrap(), 3);
        assert_eq!(db.execute("UPDATE t SET n = 5 WHERE n = ?", &params![1]).unwrap(), 2);
        assert_eq!(db.execute("UPDATE t SET n = 5 WHERE n = ?", &params![9]).unwrap(), 0);
        assert_eq!(db.execute("DELETE FROM t", &[]).unwrap(), 3);
    }

    fn rows_that_stay_as_they_are_count(s) {
        let db = s.table();
        db.script("INSERT INTO t (word, n) VALUES ('a', 1)").unwrap();
        assert_eq!(db.execute("UPDATE t SET n = 1", &[]).unwrap(), 1);
    }

    fn changes_of_tables_count_none(s) {
        let db = s.table();
        db.execute("INSERT INTO t (word) VALUES ('a')", &[]).unwrap();
        assert_eq!(db.execute("CREATE TABLE u (n BIGINT)", &[]).unwrap(), 0);
        assert_eq!(db.execute("DROP TABLE u", &[]).unwrap(), 0);
    }

    fn insert_says_the_id(s) {
        let db = s.table();
        let first = db.insert("INSERT INTO t (word) VALUES (?)", &params!["a"]).unwrap();
        let second = db.insert("INSERT INTO t (word) VALUES (?);", &params!["b"]).unwrap();
        assert!(second > first);
        let word = one(db, "SELECT word FROM t WHERE id = ?", &params![second]);
        assert!(word == Value::from("b"));
    }

    fn insert_of_a_given_id(s) {
        let db = s.table();
        assert_eq!(db.insert("INSERT INTO t (id, word) VALUES (77, 'a') RETURNING id", &[]).unwrap(), 77);
    }

    fn insert_with_returning(s) {
        let db = s.table();
        let n = db.insert("INSERT INTO t (word, n) VALUES ('a', 40) RETURNING n + 2", &[]).unwrap();
        assert_eq!(n, 42);
    }

    fn insert_of_nothing_has_no_id(s) {
        let db = s.table();
        db.insert("INSERT INTO t (word) VALUES ('a')", &[]).unwrap();
        let ignored = s.of(
            "INSERT OR IGNORE INTO t (word) VALUES ('a')",
            "INSERT INTO t (word) VALUES ('a') ON CONFLICT DO NOTHING",
            "INSERT IGNORE INTO t (word) VALUES ('a')",
        );
        assert_error!(db.insert(ignored, &[]), Error::Type { .. });
    }

    fn a_server_that_is_asked_for_a_key_of_another_name(s) {
        s.script("CREATE TABLE k (nr BIGINT PRIMARY KEY, word {word})");
        assert_eq!(s.db.insert("INSERT INTO k VALUES (7, 'a') RETURNING nr", &[]).unwrap(), 7);
        // The advice is of PostgreSQL only: the others know the key.
        if s.backend == harmonious_db::Backend::Postgres {
            let told = s.db.insert("INSERT INTO k VALUES (8, 'b')", &[]).unwrap_err().to_string();
            assert!(told.contains("RETURNING that names it"), "{told}");
            let within = s.db.transaction(|tx| tx.insert("INSERT INTO k VALUES (8, 'b')", &[]));
            assert!(within.unwrap_err().to_string().contains("RETURNING that names it"));
        }
    }

    fn query_may_write(s) {
        let db = s.table();
        let rows = db.query("INSERT INTO t (word, n) VALUES (?, 1), (?, 2) RETURNING id, word", &params!["a", "b"]);
        assert_eq!(rows.unwrap().len(), 2);
        assert_eq!(count(db, "t"), 2);
        assert!(db.query("DELETE FROM t", &[]).unwrap().is_empty());
        assert_eq!(count(db, "t"), 0);
    }

    fn query_one_may_write(s) {
        let db = s.table();
        let row = db.query_one("INSERT INTO t (word) VALUES ('a') RETURNING word", &[]).unwrap();
        assert_eq!(row.unwrap().get::<String>("word").unwrap(), "a");
        assert_eq!(count(db, "t"), 1);
    }

    fn execute_may_read(s) {
        let db = s.table();
        db.script("INSERT INTO t (word) VALUES ('a')").unwrap();
        db.execute("SELECT * FROM t", &[]).unwrap();
    }

    fn a_write_is_read_at_once(s) {
        let db = s.table();
        for n in 0..50 {
            db.execute("INSERT INTO t (n) VALUES (?)", &params![n]).unwrap();
            assert_eq!(count(db, "t"), i64::from(n) + 1);
        }
    }

    fn several_statements_are_refused(s) {
        let both = s.table().execute("DELETE FROM t; DELETE FROM t", &[]);
        assert_error!(both, Error::Syntax { .. });
        s.db.execute("DELETE FROM t;", &[]).unwrap();
    }

    fn control_words_are_refused(s) {
        for word in ["BEGIN", "commit", "ROLLBACK", "SAVEPOINT x", "START TRANSACTION"] {
            assert_error!(s.db.execute(word, &[]), Error::Transaction { .. });
            assert_error!(s.db.query(word, &[]), Error::Transaction { .. });
        }
    }

    fn scripts_have_any_number(s) {
        s.db.script("CREATE TABLE a (n BIGINT); CREATE TABLE b (n BIGINT); INSERT INTO a VALUES (1);\n-- end\n").unwrap();
        assert_eq!((count(&s.db, "a"), count(&s.db, "b")), (1, 0));
    }

    fn a_failing_script_says_so(s) {
        let db = s.table();
        let failed = db.script("INSERT INTO t (n) VALUES (1); INSERT INTO nowhere VALUES (1)");
        assert_error!(failed, Error::Syntax { .. });
        assert_eq!(count(db, "t"), 0);
    }

    fn a_statement_goes_on_after_its_table_changed(s) {
        let db = s.table();
        db.script("INSERT INTO t (word) VALUES ('a')").unwrap();
        let all = "SELECT * FROM t";
        for _ in 0..5 {
            assert_eq!(db.query(all, &[]).unwrap().columns().len(), 3);
        }
        db.script("ALTER TABLE t ADD COLUMN more BIGINT").unwrap();
        for _ in 0..5 {
            assert_eq!(db.query(all, &[]).unwrap().columns().len(), 4);
        }
    }

    fn more_statements_than_are_kept(s) {
        let db = s.open(|config| config.statements_cached = 4);
        for n in (0..20).chain(0..20) {
            assert!(one(&db, &format!("SELECT {n} + 0"), &[]) == Value::Int(n));
        }
    }

    fn triggers_can_be_created(s) {
        s.table();
        s.db.script("CREATE TABLE log (n BIGINT)").unwrap();
        let create = s.of(
            "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.n); SELECT 1; END",
            "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (NEW.n); RETURN NEW; END $$",
            "CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW BEGIN INSERT INTO log VALUES (NEW.n); SET @x = 1; END",
        );
        s.db.execute(create, &[]).unwrap();
        if s.backend == harmonious_db::Backend::Postgres {
            s.db.execute("CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION g()", &[]).unwrap();
        }
        let id = s.db.insert("INSERT INTO t (n) VALUES (?)", &params![5]).unwrap();
        assert_eq!(count(&s.db, "log"), 1);
        assert!(one(&s.db, "SELECT n FROM t WHERE id = ?", &params![id]) == Value::Int(5));
    }

    fn a_closed_database_is_unavailable(s) {
        let db = s.open(|_| {});
        let other = db.clone();
        db.close();
        assert_error!(other.query("SELECT 1", &[]), Error::Unavailable { .. });
        assert_error!(other.begin(), Error::Unavailable { .. });
        assert_eq!(other.stats().connections, 0);
    }

    fn numbers_of_statements_are_kept(s) {
        let before = s.table().stats();
        s.db.query("SELECT 1", &[]).unwrap();
        s.db.query("SELECT nothing", &[]).unwrap_err();
        let after = s.db.stats();
        assert_eq!(after.statements - before.statements, 2);
        assert_eq!(after.failed - before.failed, 1);
        assert!(after.connections >= 1);
    }
}

crate::cases! { POSTGRES:
    fn operators_with_marks(s) {
        let has = |key: &str| one(&s.db, r#"SELECT '{"a": 1}'::jsonb ?? ?"#, &params![key]);
        assert!(has("a") == Value::Bool(true) && has("b") == Value::Bool(false));
    }

    fn texts_fit_types_of_the_server(s) {
        s.script("CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE TABLE v (u UUID, m mood, d NUMERIC, c CHAR(3))");
        let values = params!["00010203-0405-0607-0809-0a0b0c0d0e0f", "sad", "1.50", "ab"];
        s.db.execute("INSERT INTO v VALUES (?, ?, ?, ?)", &values).unwrap();
        let row = s.db.query_one("SELECT * FROM v", &[]).unwrap().unwrap();
        assert!(row.values() == params!["00010203-0405-0607-0809-0a0b0c0d0e0f", "sad", 1.5, "ab "]);
    }
}
