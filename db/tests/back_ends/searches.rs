//! Full-text search: what is found, what is typed, what is kept.

use harmonious_db::{Backend, Database, Error, SearchIndex, Value, params};

use crate::assert_error;
use crate::stage::Stage;

fn index() -> SearchIndex {
    SearchIndex::new("d_search", "d", "id")
        .column("title", 5.0)
        .column("body", 1.0)
}

/// A table with three documents and an index.
fn documents<'a>(s: &'a Stage) -> &'a Database {
    s.script("CREATE TABLE d (id {id}, title {text}, body {text})");
    s.db.create_search_index(&index()).unwrap();
    let documents = [
        (
            1,
            "Sorting numbers",
            "A script that sorts numbers with the quick algorithm.",
        ),
        (
            2,
            "Backups",
            "Copies files every night; sorting is not its job.",
        ),
        (
            3,
            "Weather",
            "Prints the weather of Žilina and café opening hours.",
        ),
    ];
    for (id, title, body) in documents {
        s.db.execute(
            "INSERT INTO d (id, title, body) VALUES (?, ?, ?)",
            &params![id, title, body],
        )
        .unwrap();
    }
    &s.db
}

/// The same with a language and stars, two more documents, and owners of some.
fn filtered<'a>(s: &'a Stage) -> &'a Database {
    s.script("CREATE TABLE owners (d_id BIGINT, who {word})");
    s.script("CREATE TABLE d (id {id}, title {text}, body {text}, lang {word}, stars BIGINT)");
    s.db.create_search_index(&index()).unwrap();
    let documents = [
        (1, "Sorting numbers", "A script.", "sh", 1),
        (2, "Backups", "Copies; sorting is not its job.", "py", 2),
        (3, "Weather", "Prints the weather.", "sh", 3),
        (4, "Words", "For sorting words.", "sh", 9),
        (5, "Lines", "For sorting lines.", "c", 5),
    ];
    for (id, title, body, lang, stars) in documents {
        s.db.execute(
            "INSERT INTO d (id, title, body, lang, stars) VALUES (?, ?, ?, ?, ?)",
            &params![id, title, body, lang, stars],
        )
        .unwrap();
    }
    s.script("INSERT INTO owners (d_id, who) VALUES (2, 'ann'), (5, 'ann'), (1, 'bob')");
    &s.db
}

fn found(db: &Database, typed: &str) -> Vec<i64> {
    db.search(&index(), typed, 10, 0)
        .unwrap()
        .iter()
        .map(|hit| hit.key)
        .collect()
}

crate::cases! { CASES:
    fn an_index_is_looked_for_once(s) {
        let db = documents(s);
        assert!(db.knows_search_index(&index()));
        let before = db.stats().statements;
        db.ensure_search_index(&index()).unwrap();
        assert_eq!(db.stats().statements, before);
        // Declared otherwise, or removed, it is not known.
        let other = SearchIndex::new("d_search", "d", "id").column("title", 1.0);
        assert!(!db.knows_search_index(&other));
        db.drop_search_index(&index()).unwrap();
        assert!(!db.knows_search_index(&index()));
        db.ensure_search_index(&index()).unwrap();
        assert_eq!(found(db, "weather"), [3]);
    }

    fn words_are_found(s) {
        let db = documents(s);
        assert_eq!(found(db, "weather"), [3]);
        assert_eq!(found(db, "WEATHER"), [3]);
        assert!(found(db, "nothing").is_empty());
    }

    fn all_words_must_be_there(s) {
        let db = documents(s);
        assert_eq!(found(db, "sorting job"), [2]);
        assert_eq!(found(db, "job sorting"), [2]);
        assert!(found(db, "sorting weather").is_empty());
    }

    fn words_may_be_in_different_columns(s) {
        assert_eq!(found(documents(s), "backups night"), [2]);
    }

    fn of_the_last_word_the_beginning(s) {
        let db = documents(s);
        assert_eq!(found(db, "wea"), [3]);
        assert_eq!(found(db, "quick algo"), [1]);
        assert!(found(db, "algo quick").is_empty());
    }

    fn weights_make_the_order(s) {
        assert_eq!(found(documents(s), "sorting"), [1, 2]);
        let hits = s.db.search(&index(), "sorting", 10, 0).unwrap();
        assert!(hits[0].rank > hits[1].rank, "{hits:?}");
    }

    fn words_of_other_languages(s) {
        let db = documents(s);
        assert_eq!(found(db, "Žilina"), [3]);
        assert_eq!(found(db, "žilin"), [3]);
        assert_eq!(found(db, "café"), [3]);
        if s.backend != Backend::Postgres {
            assert_eq!(found(db, "cafe"), [3]);
        }
    }

    fn nothing_that_is_typed_is_an_error(s) {
        let db = documents(s);
        for typed in [
            "", " ", "\"", "'", "\\", "weather\"", "-weather", "+weather", "weather*", "(weather", "weather)",
            "title:weather", "weather OR", "OR", "AND", "NOT weather", "NEAR(a b)", "a & | ! b", "<->", ":*",
            "@5", "~weather", "%", "_", "?", "$1", "weather;--", "\0", "weather\0", "{}", "[x]", "^a", "🦄", "\u{301}",
        ] {
            let hits = db.search(&index(), typed, 10, 0);
            assert!(hits.is_ok(), "{typed:?}: {hits:?}");
        }
        for typed in ["\"weather\"", "-weather", "(weather)*", "weather;--", "weather\0", "^weather:*"] {
            assert_eq!(found(db, typed), [3], "{typed:?}");
        }
        assert!(found(db, &"weather ".repeat(10_000)).contains(&3));
        assert!(found(db, &"w".repeat(100_000)).is_empty());
    }

    fn changes_are_found(s) {
        let db = documents(s);
        db.execute("UPDATE d SET body = 'now about penguins' WHERE id = 3", &[]).unwrap();
        assert_eq!(found(db, "penguins"), [3]);
        assert!(found(db, "hours").is_empty());
        assert_eq!(found(db, "weather"), [3]);
    }

    fn what_is_gone_is_not_found(s) {
        let db = documents(s);
        db.execute("DELETE FROM d WHERE id = 3", &[]).unwrap();
        assert!(found(db, "weather").is_empty());
        db.execute("DELETE FROM d", &[]).unwrap();
        assert!(found(db, "sorting").is_empty());
    }

    fn keys_may_change(s) {
        let db = documents(s);
        db.execute("UPDATE d SET id = 33 WHERE id = 3", &[]).unwrap();
        assert_eq!(found(db, "weather"), [33]);
    }

    fn rows_that_are_replaced(s) {
        let db = documents(s);
        let replace = s.of(
            "INSERT OR REPLACE INTO d (id, title, body) VALUES (3, 'Penguins', '')",
            "INSERT INTO d (id, title, body) VALUES (3, 'Penguins', '') ON CONFLICT (id) DO UPDATE SET title = excluded.title, body = ''",
            "REPLACE INTO d (id, title, body) VALUES (3, 'Penguins', '')",
        );
        db.execute(replace, &[]).unwrap();
        assert_eq!(found(db, "penguins"), [3]);
        assert!(found(db, "weather").is_empty());
    }

    fn nulls_are_nothing(s) {
        let db = documents(s);
        db.execute("INSERT INTO d (id, body) VALUES (4, 'only penguins')", &[]).unwrap();
        db.execute("INSERT INTO d (id) VALUES (5)", &[]).unwrap();
        assert_eq!(found(db, "penguins"), [4]);
    }

    fn current_within_the_transaction(s) {
        let db = documents(s);
        db.transaction(|tx| {
            tx.execute("UPDATE d SET title = 'Penguins' WHERE id = 1", &[])?;
            // InnoDB brings its indexes up to date at the commit.
            let hits = tx.search(&index(), "penguins", 10, 0)?;
            assert_eq!(hits.len(), if s.backend == Backend::MySql { 0 } else { 1 });
            Ok::<_, Error>(())
        }).unwrap();
        assert_eq!(found(db, "penguins"), [1]);
    }

    fn undone_with_the_transaction(s) {
        let db = documents(s);
        let undone: Result<(), Error> = db.transaction(|tx| {
            tx.execute("UPDATE d SET title = 'Penguins' WHERE id = 1", &[])?;
            tx.execute("DELETE FROM d WHERE id = 3", &[])?;
            Err(Error::Check { message: String::new() })
        });
        undone.unwrap_err();
        assert!(found(db, "penguins").is_empty());
        assert_eq!(found(db, "weather"), [3]);
    }

    fn snippets_show_the_words(s) {
        let db = documents(s);
        let hit = &db.search(&index(), "quick algo", 10, 0).unwrap()[0];
        assert!(hit.snippet.text.contains("quick algorithm"), "{hit:?}");
        let marked: Vec<&str> = hit.snippet.pieces().filter(|p| p.1).map(|p| p.0).collect();
        assert_eq!(marked, ["quick", "algorithm"]);
    }

    fn pages_of_hits(s) {
        let db = documents(s);
        for id in 10..30 {
            db.execute("INSERT INTO d (id, title) VALUES (?, 'Penguins')", &params![id]).unwrap();
        }
        let mut keys = Vec::new();
        for page in 0..4 {
            let hits = db.search(&index(), "penguins", 6, page * 6).unwrap();
            keys.extend(hits.iter().map(|hit| hit.key));
        }
        assert_eq!(keys, (10..30).collect::<Vec<i64>>());
        assert!(db.search(&index(), "penguins", 0, 0).unwrap().is_empty());
        assert_error!(db.search(&index(), "penguins", 1001, 0), Error::TooLarge { .. });
    }

    fn created_over_rows_that_are_there(s) {
        s.script("CREATE TABLE d (id {id}, title {text}, body {text})");
        s.db.script("INSERT INTO d (id, title, body) VALUES (1, 'Penguins', 'They swim'), (2, NULL, NULL)").unwrap();
        s.db.create_search_index(&index()).unwrap();
        assert_eq!(found(&s.db, "swim"), [1]);
    }

    fn created_again_nothing_happens(s) {
        let db = documents(s);
        for _ in 0..3 {
            db.create_search_index(&index()).unwrap();
        }
        assert_eq!(found(db, "weather"), [3]);
    }

    fn declared_otherwise_it_is_made_anew(s) {
        let db = documents(s);
        let titles = SearchIndex::new("d_search", "d", "id").column("title", 1.0);
        db.create_search_index(&titles).unwrap();
        assert!(db.search(&titles, "hours", 10, 0).unwrap().is_empty());
        assert_eq!(db.search(&titles, "weather", 10, 0).unwrap().len(), 1);
        db.execute("INSERT INTO d (id, title) VALUES (9, 'Penguins')", &[]).unwrap();
        assert_eq!(db.search(&titles, "penguins", 10, 0).unwrap()[0].key, 9);
        db.create_search_index(&index()).unwrap();
        assert_eq!(found(db, "hours"), [3]);
    }

    fn dropped_it_is_gone(s) {
        let db = documents(s);
        db.drop_search_index(&index()).unwrap();
        db.drop_search_index(&index()).unwrap();
        db.execute("INSERT INTO d (id, title) VALUES (9, 'Penguins')", &[]).unwrap();
        assert!(db.search(&index(), "penguins", 10, 0).is_err());
        db.create_search_index(&index()).unwrap();
        assert_eq!(found(db, "penguins"), [9]);
    }

    fn names_are_plain(s) {
        for bad in ["", "a b", "x\"", "d;", "1d", &"x".repeat(49)] {
            let index = SearchIndex::new(bad, "d", "id").column("title", 1.0);
            assert_error!(s.db.create_search_index(&index), Error::Config { .. });
        }
        let none = SearchIndex::new("d_search", "d", "id");
        assert_error!(s.db.create_search_index(&none), Error::Config { .. });
        assert_error!(s.db.create_search_index(&none.column("title", 0.0)), Error::Config { .. });
    }

    fn words_of_sql_may_be_names(s) {
        s.script("CREATE TABLE \"order\" (\"key\" BIGINT NOT NULL PRIMARY KEY, \"rank\" {text}, \"select\" {text})".replace("BIGINT NOT NULL PRIMARY KEY", s.of("INTEGER PRIMARY KEY", "BIGINT PRIMARY KEY", "BIGINT PRIMARY KEY")).as_str());
        let index = SearchIndex::new("group", "order", "key").column("rank", 2.0).column("select", 1.0);
        s.db.create_search_index(&index).unwrap();
        s.db.execute("INSERT INTO \"order\" VALUES (1, 'penguins', 'swim')", &[]).unwrap();
        assert_eq!(s.db.search(&index, "penguins swim", 10, 0).unwrap()[0].key, 1);
        // So may the name that filters know the table by.
        let index = SearchIndex::new("t", "order", "key").column("rank", 2.0).column("select", 1.0);
        s.db.create_search_index(&index).unwrap();
        let hits = s.db.search_where(&index, "penguins", "t.\"select\" = ? AND \"rank\" = 'penguins'", &params!["swim"], 10, 0);
        assert_eq!(hits.unwrap()[0].key, 1);
    }

    fn file_names_and_hosts_are_words(s) {
        let db = documents(s);
        db.execute("INSERT INTO d (id, body) VALUES (4, 'see backup.sh on files.example.org/nightly-run')", &[]).unwrap();
        assert_eq!(found(db, "backup.sh"), [4]);
        assert_eq!(found(db, "example nightly"), [4]);
    }

    fn a_filter_is_sql_on_the_table(s) {
        let db = filtered(s);
        let at = |filter: &str, values: &[Value]| {
            let hits = db.search_where(&index(), "sorting", filter, values, 10, 0).unwrap();
            let mut keys: Vec<i64> = hits.iter().map(|hit| hit.key).collect();
            keys.sort_unstable();
            keys
        };
        assert_eq!(at("", &[]), [1, 2, 4, 5]);
        assert_eq!(at("t.lang = ?", &params!["sh"]), [1, 4]);
        assert_eq!(at("lang = ? OR lang = 'c'", &params!["sh"]), [1, 4, 5]);
        assert_eq!(at("t.lang = ? AND t.stars > ? -- a comment", &params!["sh", 3]), [4]);
        assert_eq!(at("t.id IN (SELECT o.d_id FROM owners AS o WHERE o.who = ?)", &params!["ann"]), [2, 5]);
        assert_eq!(at("t.body LIKE '%?%' OR t.stars = ?", &params![9]), [4]);
        assert!(at("t.lang = ?", &params!["nothing' OR '1' = '1"]).is_empty());
        let hits = db.search_where(&index(), "sorting", "t.lang = ?", &params!["py"], 10, 0).unwrap();
        assert_eq!(hits.len(), 1);
        assert!(hits[0].rank > 0.0 && hits[0].snippet.pieces().any(|piece| piece == ("sorting", true)), "{hits:?}");
        // Without a word nothing is found, whatever the filter lets through.
        assert!(db.search_where(&index(), "-", "t.stars >= 0", &[], 10, 0).unwrap().is_empty());
    }

    fn a_filter_changes_no_order(s) {
        let db = filtered(s);
        for id in 10..30 {
            let lang = if id % 2 == 0 { "sh" } else { "py" };
            db.execute("INSERT INTO d (id, title, lang, stars) VALUES (?, 'Penguins', ?, 0)", &params![id, lang]).unwrap();
        }
        db.execute("INSERT INTO d (id, title, body, lang, stars) VALUES (8, 'Birds', 'penguins', 'sh', 0)", &[]).unwrap();
        let mut keys = Vec::new();
        for page in 0..5 {
            let hits = db.search_where(&index(), "penguins", "t.lang = ?", &params!["sh"], 3, page * 3).unwrap();
            keys.extend(hits.iter().map(|hit| hit.key));
        }
        // In the title before in the text, those that fit alike by their keys; nothing twice. InnoDB weighs how
        // rare a word is by column, and in texts this one is rare.
        let text_at = if s.backend == Backend::MySql { 0 } else { 10 };
        assert_eq!(keys.remove(text_at), 8, "{keys:?}");
        assert_eq!(keys, [10, 12, 14, 16, 18, 20, 22, 24, 26, 28]);
    }

    fn a_filter_within_the_transaction(s) {
        let db = filtered(s);
        db.transaction(|tx| {
            tx.execute("UPDATE d SET lang = 'perl' WHERE id = 2", &[])?;
            let hits = tx.search_where(&index(), "sorting", "t.lang = ?", &params!["perl"], 10, 0)?;
            assert_eq!(hits.iter().map(|hit| hit.key).collect::<Vec<_>>(), [2]);
            assert_eq!(tx.search_count_where(&index(), "sorting", "t.lang = ?", &params!["perl"])?, 1);
            tx.execute("INSERT INTO d (id, title, lang, stars) VALUES (9, 'Sorting again', 'perl', 0)", &[])?;
            let hits = tx.search_where(&index(), "again", "t.lang = ?", &params!["perl"], 10, 0)?;
            // InnoDB brings its indexes up to date at the commit.
            assert_eq!(hits.len(), if s.backend == Backend::MySql { 0 } else { 1 });
            Ok::<_, Error>(())
        }).unwrap();
        assert_eq!(db.search_count_where(&index(), "sorting", "t.lang = ?", &params!["perl"]).unwrap(), 2);
    }

    fn hits_are_counted_up_to_a_bound(s) {
        let db = filtered(s);
        let count = |typed: &str, filter: &str, values: &[Value]| {
            db.search_count_where(&index(), typed, filter, values).unwrap()
        };
        assert_eq!(count("sorting", "", &[]), 4);
        assert_eq!(count("sorting", "t.lang = ?", &params!["sh"]), 2);
        assert_eq!((count("nothing", "", &[]), count("", "", &[])), (0, 0));
        db.transaction(|tx| {
            for id in 100..1200 {
                tx.execute("INSERT INTO d (id, title, lang, stars) VALUES (?, 'Penguins', 'c', 0)", &params![id])?;
            }
            Ok::<_, Error>(())
        }).unwrap();
        assert_eq!(count("penguins", "t.lang = 'c'", &[]), 1000);
        assert_eq!(count("penguins", "t.id < 150", &[]), 50);
    }

    fn a_filter_that_is_wrong_is_an_error(s) {
        let db = filtered(s);
        let search = |filter: &str, values: &[Value]| db.search_where(&index(), "sorting", filter, values, 10, 0);
        assert_error!(search("t.lang = ?", &[]), Error::Parameters { expected: 1, given: 0 });
        assert_error!(search("t.lang = 'sh'", &params![1]), Error::Parameters { expected: 0, given: 1 });
        assert_error!(search("", &params![1]), Error::Parameters { expected: 0, given: 1 });
        assert_error!(search("TRUE); DROP TABLE d; --", &[]), Error::Syntax { .. });
        assert_error!(search("t.nowhere = 1", &[]), Error::Syntax { .. });
        assert_error!(search("t.lang =", &[]), Error::Syntax { .. });
        assert_eq!(found(db, "weather"), [3]);
    }

    fn the_size_is_told(s) {
        let db = documents(s);
        let size = db.size().unwrap();
        assert!(size > 1000, "{size}");
        db.transaction(|tx| {
            assert!(tx.size()? > 1000);
            let long = "x".repeat(1000);
            for id in 100..1100 {
                tx.execute("INSERT INTO d (id, title) VALUES (?, ?)", &params![id, long.as_str()])?;
            }
            Ok::<_, Error>(())
        }).unwrap();
        // MySQL's figures are estimates that it makes again now and then.
        if s.backend != Backend::MySql {
            let after = db.size().unwrap();
            assert!(after > size + 1_000_000, "{size} {after}");
        }
    }
}
