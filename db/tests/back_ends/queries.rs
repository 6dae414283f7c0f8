//! Rows: columns, getters, serde, placeholders.

use harmonious_db::{Error, Row, Rows, Value, params};
use serde::Deserialize;

use crate::assert_error;
use crate::stage::{count, one};

#[derive(Debug, Deserialize, PartialEq)]
struct Word {
    id: i64,
    word: String,
    n: Option<i64>,
}

crate::cases! { CASES:
    fn rows_come_in_order(s) {
        let db = s.table();
        for n in [3, 1, 2] {
            db.execute("INSERT INTO t (word, n) VALUES (?, ?)", &params![format!("w{n}"), n]).unwrap();
        }
        let rows = db.query("SELECT n FROM t ORDER BY n DESC", &[]).unwrap();
        let numbers: Vec<i64> = rows.iter().map(|row| row.get("n").unwrap()).collect();
        assert_eq!(numbers, [3, 2, 1]);
    }

    fn a_result_without_rows_has_columns(s) {
        let rows = s.table().query("SELECT id, word FROM t", &[]).unwrap();
        assert!(rows.is_empty());
        assert_eq!(rows.columns(), ["id", "word"]);
    }

    fn query_one_takes_the_first(s) {
        let db = s.table();
        db.script("INSERT INTO t (word, n) VALUES ('a', 1), ('b', 2)").unwrap();
        let row = db.query_one("SELECT n FROM t ORDER BY n", &[]).unwrap().unwrap();
        assert_eq!(row.get::<i64>("n").unwrap(), 1);
        assert!(db.query_one("SELECT n FROM t WHERE n = ?", &params![3]).unwrap().is_none());
    }

    fn structs_by_serde(s) {
        let db = s.table();
        db.script("INSERT INTO t (word, n) VALUES ('a', 1), ('b', NULL)").unwrap();
        let words: Vec<Word> = db.query("SELECT * FROM t ORDER BY word", &[]).unwrap().into().unwrap();
        assert_eq!(words[0], Word { id: words[0].id, word: "a".into(), n: Some(1) });
        assert_eq!(words[1].n, None);
        let first: Word = db.query_one("SELECT * FROM t", &[]).unwrap().unwrap().into().unwrap();
        assert!(first.id > 0);
    }

    fn tuples_and_single_values(s) {
        let db = s.table();
        db.script("INSERT INTO t (word, n) VALUES ('a', 1)").unwrap();
        let pair: Vec<(String, i64)> = db.query("SELECT word, n FROM t", &[]).unwrap().into().unwrap();
        assert_eq!(pair, [("a".to_owned(), 1)]);
        let word: Vec<String> = db.query("SELECT word FROM t", &[]).unwrap().into().unwrap();
        assert_eq!(word, ["a"]);
    }

    fn a_wrong_type_names_its_column(s) {
        let db = s.table();
        db.script("INSERT INTO t (word) VALUES ('secret')").unwrap();
        let row = db.query_one("SELECT word, n FROM t", &[]).unwrap().unwrap();
        let error = row.get::<i64>("word").unwrap_err().to_string();
        assert!(error.contains("\"word\"") && !error.contains("secret"), "{error}");
        assert_error!(row.get::<i64>("n"), Error::Type { .. });
        assert_error!(row.get::<i64>("x"), Error::NoColumn { .. });
        assert_error!(row.at::<i64>(2), Error::NoColumn { .. });
    }

    fn a_number_out_of_range_is_refused(s) {
        let row = s.db.query_one("SELECT 300 AS n, -1 AS m", &[]).unwrap().unwrap();
        assert_error!(row.get::<u8>("n"), Error::Type { .. });
        assert_error!(row.get::<u64>("m"), Error::Type { .. });
        assert_eq!(row.get::<u16>("n").unwrap(), 300);
    }

    fn names_are_found_in_any_case(s) {
        let row: Row = s.db.query_one("SELECT 1 AS Total", &[]).unwrap().unwrap();
        assert_eq!(row.get::<i64>("TOTAL").unwrap(), 1);
    }

    fn two_columns_of_one_name_have_places(s) {
        let row = s.db.query_one("SELECT 1 AS a, 2 AS a", &[]).unwrap().unwrap();
        assert_eq!((row.at::<i64>(0).unwrap(), row.at::<i64>(1).unwrap()), (1, 2));
    }

    fn rows_travel_as_messagepack(s) {
        let db = s.table();
        db.script("INSERT INTO t (word, n) VALUES ('a', 1), ('b', NULL)").unwrap();
        let rows = db.query("SELECT * FROM t", &[]).unwrap();
        let packed = rmp_serde::to_vec(&rows).unwrap();
        assert!(rmp_serde::from_slice::<Rows>(&packed).unwrap() == rows);
    }

    fn marks_in_strings_are_no_placeholders(s) {
        s.table().execute("INSERT INTO t (word, n) VALUES ('?', ?)", &params![1]).unwrap();
        let found = one(&s.db, "SELECT word FROM t WHERE word = '?' AND n = ? -- ?\n/* ? */", &params![1]);
        assert!(found == Value::from("?"));
    }

    fn marks_in_names_are_no_placeholders(s) {
        s.db.script(r#"CREATE TABLE "odd?" ("a?" BIGINT)"#).unwrap();
        s.db.execute(r#"INSERT INTO "odd?" ("a?") VALUES (?)"#, &params![1]).unwrap();
        assert_eq!(count(&s.db, r#""odd?""#), 1);
    }

    fn too_few_values(s) {
        let none = s.table().query("SELECT * FROM t WHERE n = ?", &[]);
        assert_error!(none, Error::Parameters { expected: 1, given: 0 });
    }

    fn too_many_values(s) {
        let many = s.table().execute("UPDATE t SET n = ?", &params![1, 2]);
        assert_error!(many, Error::Parameters { expected: 1, given: 2 });
    }

    fn many_values(s) {
        let marks = vec!["?"; 500].join(", ");
        let values: Vec<Value> = (0..500).map(Value::from).collect();
        s.table().script("INSERT INTO t (n) VALUES (7), (499), (500)").unwrap();
        let sql = format!("SELECT n FROM t WHERE n IN ({marks}) ORDER BY n");
        let found: Vec<i64> = s.db.query(&sql, &values).unwrap().into().unwrap();
        assert_eq!(found, [7, 499]);
    }

    fn values_are_never_statements(s) {
        let db = s.table();
        let nasty = "'); DROP TABLE t; --";
        db.execute("INSERT INTO t (word) VALUES (?)", &params![nasty]).unwrap();
        assert!(one(db, "SELECT word FROM t WHERE word = ?", &params![nasty]) == Value::from(nasty));
    }

    fn limit_and_offset_take_values(s) {
        s.table().script("INSERT INTO t (n) VALUES (1), (2), (3), (4)").unwrap();
        let page = "SELECT n FROM t ORDER BY n LIMIT ? OFFSET ?";
        let page: Vec<i64> = s.db.query(page, &params![2, 1]).unwrap().into().unwrap();
        assert_eq!(page, [2, 3]);
    }

    fn names_in_quotes_and_joined_texts_are_standard(s) {
        let db = s.table();
        db.script("INSERT INTO t (word) VALUES ('a')").unwrap();
        let joined = one(db, r#"SELECT "word" || 'b' AS "x" FROM "t""#, &[]);
        assert!(joined == Value::from("ab"));
    }

    fn errors_show_no_values(s) {
        let db = s.table();
        let add = "INSERT INTO t (word) VALUES (?)";
        db.execute(add, &params!["secret' for key 'x"]).unwrap();
        let twice = db.execute(add, &params!["secret' for key 'x"]).unwrap_err();
        assert!(!twice.to_string().contains("secret"), "{twice}");
        let text = format!("{:?}", params!["secret", 12345]);
        assert!(!text.contains("secret") && !text.contains("12345"));
    }

    fn what_is_shown_has_no_password(s) {
        let shown = format!("{:?}", s.db);
        if let Some(password) = s.url.split(':').nth(2).and_then(|rest| rest.split('@').next()) {
            assert!(password.len() < 10 || !shown.contains(password), "{shown}");
        }
        assert!(shown.contains(s.backend.name()), "{shown}");
    }
}
