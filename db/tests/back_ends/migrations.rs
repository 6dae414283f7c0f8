//! Migrations: order, status, changes, several servers at once.

use std::fs;
use std::sync::Barrier;

use harmonious_db::{Error, Migrations, State};

use crate::assert_error;
use crate::stage::count;

const FIRST: (&str, &str) = ("V1__first", "CREATE TABLE a (n BIGINT)");
const SECOND: (&str, &str) = (
    "V2__second",
    "CREATE TABLE b (n BIGINT); INSERT INTO a VALUES (1); -- end",
);

fn of<'a>(named: impl IntoIterator<Item = (&'a str, &'a str)>) -> Migrations {
    Migrations::new(named).unwrap()
}

crate::cases! { CASES:
    fn applied_in_order_once(s) {
        let applied = s.db.migrate(&of([SECOND, FIRST])).unwrap();
        assert_eq!(applied, ["V1__first", "V2__second"]);
        assert!(s.db.migrate(&of([FIRST, SECOND])).unwrap().is_empty());
        assert_eq!(count(&s.db, "a"), 1);
    }

    fn later_ones_follow(s) {
        s.db.migrate(&of([FIRST])).unwrap();
        assert_eq!(s.db.migrate(&of([FIRST, SECOND])).unwrap(), ["V2__second"]);
    }

    fn status(s) {
        let all = of([FIRST, SECOND]);
        let states = |all: &Migrations| -> Vec<State> {
            s.db.migration_status(all).unwrap().iter().map(|status| status.state).collect()
        };
        assert_eq!(states(&all), [State::Pending, State::Pending]);
        s.db.migrate(&of([FIRST])).unwrap();
        assert_eq!(states(&all), [State::Applied, State::Pending]);
        let status = s.db.migration_status(&all).unwrap();
        assert_eq!((status[0].version, status[0].name.as_str()), (1, "first"));
        assert!(status[0].applied_on.is_some() && status[1].applied_on.is_none());
        assert_eq!(states(&of([("V1__first", "CREATE TABLE c (n BIGINT)")])), [State::Changed]);
        assert_eq!(states(&of([])), [State::Missing]);
    }

    fn changed_is_an_error(s) {
        s.db.migrate(&of([FIRST])).unwrap();
        let changed = of([("V1__first", "CREATE TABLE c (n BIGINT)"), SECOND]);
        let error = s.db.migrate(&changed).unwrap_err();
        assert!(matches!(error, Error::Migration { .. }) && error.to_string().contains("V1__first"), "{error}");
        assert_error!(s.db.query("SELECT * FROM b", &[]), Error::Syntax { .. });
    }

    fn gone_is_an_error(s) {
        s.db.migrate(&of([FIRST, SECOND])).unwrap();
        assert_error!(s.db.migrate(&of([SECOND])), Error::Migration { .. });
    }

    fn too_late_is_an_error(s) {
        s.db.migrate(&of([SECOND_ALONE])).unwrap();
        assert_error!(s.db.migrate(&of([FIRST, SECOND_ALONE])), Error::Migration { .. });
    }

    fn a_failing_one_is_named(s) {
        let failing = of([FIRST, ("V2__bad", "CREATE TABLE c (n BIGINT); SELCT")]);
        let error = s.db.migrate(&failing).unwrap_err().to_string();
        assert!(error.contains("V2__bad"), "{error}");
        let status = s.db.migration_status(&failing).unwrap();
        assert_eq!([status[0].state, status[1].state], [State::Applied, State::Pending]);
        if s.backend != harmonious_db::Backend::MySql {
            assert_error!(s.db.query("SELECT * FROM c", &[]), Error::Syntax { .. });
            assert_eq!(s.db.migrate(&of([FIRST, SECOND])).unwrap(), ["V2__second"]);
        }
    }

    fn of_a_folder(s) {
        let folder = s.path("migrations");
        for backend in ["sqlite", "postgres", "mysql"] {
            fs::create_dir_all(folder.join(backend)).unwrap();
            let own = format!("CREATE TABLE of_{backend} (n BIGINT)");
            fs::write(folder.join(backend).join("V2__own.sql"), own).unwrap();
        }
        fs::write(folder.join("V1__common.sql"), "CREATE TABLE common (n BIGINT)").unwrap();
        fs::write(folder.join("README.md"), "no migration").unwrap();
        let all = Migrations::read(&folder, s.backend).unwrap();
        assert_eq!(s.db.migrate(&all).unwrap(), ["V1__common", "V2__own"]);
        assert_eq!(count(&s.db, &format!("of_{}", s.backend.name())), 0);
        fs::write(folder.join(s.backend.name()).join("V1__twice.sql"), "").unwrap();
        assert_error!(Migrations::read(&folder, s.backend), Error::Migration { .. });
    }

    fn wrong_names_are_named(s) {
        fs::write(s.path("first.sql"), "").unwrap();
        let error = Migrations::read(s.folder(), s.backend).unwrap_err().to_string();
        assert!(error.contains("\"first\"") && error.contains("V1__name.sql"), "{error}");
        assert_error!(Migrations::read(s.path("nowhere"), s.backend), Error::Migration { .. });
        for name in ["U1__x", "V1_x", "Vx__x", "1__x"] {
            assert_error!(Migrations::new([(name, "")]), Error::Migration { .. });
        }
    }

    fn servers_that_start_at_once_migrate_once(s) {
        let all = of([FIRST, SECOND, ("V3__third", "INSERT INTO a VALUES (2)")]);
        let start = Barrier::new(4);
        let applied: usize = std::thread::scope(|scope| {
            let one = || {
                let db = s.open(|config| config.wait_max = std::time::Duration::from_secs(60));
                start.wait();
                db.migrate(&all).unwrap().len()
            };
            let servers: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
            servers.into_iter().map(|server| server.join().unwrap()).sum()
        });
        assert_eq!(applied, 3);
        assert_eq!(count(&s.db, "a"), 2);
    }

    fn longer_than_a_query_may_take(s) {
        let db = s.open(|config| config.query_time_max = std::time::Duration::from_millis(s.of(20, 100, 100)));
        let slow = s.of(
            "CREATE TABLE x AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 1000000) SELECT count(*) AS n FROM c",
            "SELECT pg_sleep(0.3)",
            "SELECT SLEEP(0.3)",
        );
        assert_eq!(db.migrate(&of([("V1__slow", slow)])).unwrap(), ["V1__slow"]);
    }
}

const SECOND_ALONE: (&str, &str) = ("V2__alone", "CREATE TABLE b (n BIGINT)");
