//! Errors by their classes.

use harmonious_db::{Config, Database, Error, params};

use crate::assert_error;
use crate::stage::count;

crate::cases! { CASES:
    fn unique(s) {
        let db = s.table();
        let add = "INSERT INTO t (word) VALUES (?)";
        db.execute(add, &params!["a"]).unwrap();
        assert_error!(db.execute(add, &params!["a"]), Error::Unique { .. });
    }

    fn unique_key(s) {
        let db = s.table();
        let add = "INSERT INTO t (id) VALUES (?)";
        db.execute(add, &params![5]).unwrap();
        assert_error!(db.execute(add, &params![5]), Error::Unique { .. });
    }

    fn unique_names_what_it_is(s) {
        s.script("CREATE TABLE v (slug {word}, CONSTRAINT v_slug UNIQUE (slug))");
        s.db.script("INSERT INTO v VALUES ('a')").unwrap();
        let error = s.db.execute("INSERT INTO v VALUES ('a')", &[]).unwrap_err().to_string();
        assert!(error.contains("slug"), "{error}");
    }

    fn not_null(s) {
        s.script("CREATE TABLE v (n BIGINT NOT NULL)");
        let null = s.db.execute("INSERT INTO v VALUES (?)", &params![None::<i64>]);
        assert_error!(null, Error::NotNull { .. });
    }

    fn not_null_without_a_value(s) {
        s.script("CREATE TABLE v (n BIGINT NOT NULL, m BIGINT)");
        let null = s.db.execute("INSERT INTO v (m) VALUES (1)", &[]);
        assert_error!(null, Error::NotNull { .. });
    }

    fn foreign_key(s) {
        s.script("CREATE TABLE p (id BIGINT PRIMARY KEY); CREATE TABLE c (p BIGINT, FOREIGN KEY (p) REFERENCES p (id))");
        let orphan = s.db.execute("INSERT INTO c VALUES (1)", &[]);
        assert_error!(orphan, Error::ForeignKey { .. });
    }

    fn foreign_key_of_a_parent(s) {
        s.script("CREATE TABLE p (id BIGINT PRIMARY KEY); CREATE TABLE c (p BIGINT, FOREIGN KEY (p) REFERENCES p (id))");
        s.db.script("INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)").unwrap();
        assert_error!(s.db.execute("DELETE FROM p", &[]), Error::ForeignKey { .. });
        assert_eq!(count(&s.db, "p"), 1);
    }

    fn check(s) {
        s.script("CREATE TABLE v (n BIGINT, CONSTRAINT positive CHECK (n > 0))");
        let negative = s.db.execute("INSERT INTO v VALUES (?)", &params![-1]);
        assert_error!(negative, Error::Check { .. });
    }

    fn grammar(s) {
        assert_error!(s.db.execute("SELCT 1", &[]), Error::Syntax { .. });
        assert_error!(s.db.query("SELECT FROM WHERE", &[]), Error::Syntax { .. });
    }

    fn unknown_table(s) {
        assert_error!(s.db.query("SELECT * FROM nowhere", &[]), Error::Syntax { .. });
        assert_error!(s.db.execute("DELETE FROM nowhere", &[]), Error::Syntax { .. });
    }

    fn unknown_column(s) {
        assert_error!(s.table().query("SELECT nothing FROM t", &[]), Error::Syntax { .. });
    }

    fn errors_are_no_end(s) {
        let db = s.table();
        for _ in 0..30 {
            assert_error!(db.query("SELCT", &[]), Error::Syntax { .. });
        }
        assert_eq!(count(db, "t"), 0);
    }

    fn errors_travel(s) {
        let error = s.db.query("SELCT", &[]).unwrap_err();
        let packed = rmp_serde::to_vec(&error).unwrap();
        assert_eq!(rmp_serde::from_slice::<Error>(&packed).unwrap(), error);
    }

    fn a_server_that_is_not_there(s) {
        let url = s.of(
            "sqlite:/nowhere/at/all.db".to_owned(),
            "postgres://u:secret@127.0.0.1:1/d".to_owned(),
            "mysql://u:secret@127.0.0.1:1/d".to_owned(),
        );
        let error = Database::open(&Config::new(url)).unwrap_err();
        assert!(error.is_unavailable() || matches!(error, Error::Config { .. }), "{error:?}");
        assert!(!error.to_string().contains("secret"));
    }

    fn a_wrong_password(s) {
        let wrong = s.db.open_as("harmonious", "wrong");
        match s.backend {
            harmonious_db::Backend::Sqlite => assert_error!(wrong, Error::Config { .. }),
            _ => assert_error!(wrong, Error::Denied { .. }),
        }
    }

    fn under_another_name(s) {
        if s.backend == harmonious_db::Backend::Sqlite {
            return;
        }
        s.table();
        let user = format!("u{}", s.url.rsplit('_').next().unwrap());
        let (create, grant, drop) = s.of(
            (String::new(), String::new(), String::new()),
            (format!("CREATE USER {user} PASSWORD 'pass'"), format!("GRANT SELECT ON t TO {user}"), format!("DROP OWNED BY {user}; DROP USER {user}")),
            (format!("CREATE USER {user}@'%' IDENTIFIED BY 'pass'"), format!("GRANT SELECT ON t TO {user}@'%'"), format!("DROP USER {user}@'%'")),
        );
        s.db.script(&create).unwrap();
        s.db.script(&grant).unwrap();
        let theirs = s.db.open_as(&user, "pass").unwrap();
        assert_eq!(count(&theirs, "t"), 0);
        assert_error!(theirs.execute("INSERT INTO t (n) VALUES (1)", &[]), Error::Denied { .. });
        assert_eq!(theirs.stats().connections, 1);
        theirs.transaction(|tx| tx.query("SELECT * FROM t", &[])).unwrap();
        s.cut();
        assert!(theirs.query("SELECT 1 + 0", &[]).unwrap_err().is_unavailable());
        assert!(theirs.query("SELECT 1 + 0", &[]).unwrap_err().is_unavailable());
        s.db.script(&drop).unwrap();
    }
}
