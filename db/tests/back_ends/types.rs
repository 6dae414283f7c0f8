//! Values that go into a table and come back.

use harmonious_db::{Backend, Timestamp, Value, params};
use serde_json::json;

use crate::stage::{Stage, one};

/// Writes a value into a column of a type and reads it.
fn round_trip(stage: &Stage, of: &str, value: impl Into<Value>) -> Value {
    stage.script(&format!("CREATE TABLE v (id {{id}}, v {of})"));
    stage
        .db
        .execute("INSERT INTO v (v) VALUES (?)", &[value.into()])
        .unwrap();
    one(&stage.db, "SELECT v FROM v", &[])
}

#[track_caller]
fn same(stage: &Stage, of: &str, value: impl Into<Value>) {
    let value = value.into();
    let back = round_trip(stage, of, value.clone());
    assert!(
        back == value,
        "{} came back as {}",
        value.kind(),
        back.kind()
    );
}

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

crate::cases! { CASES:
    fn null(s) { same(s, "BIGINT", Value::Null) }
    fn null_text(s) { same(s, "{text}", None::<&str>) }
    fn null_timestamp(s) { same(s, "{time}", None::<Timestamp>) }
    fn null_json(s) { same(s, "{json}", None::<serde_json::Value>) }
    fn null_bytes(s) { same(s, "{bytes}", None::<Vec<u8>>) }
    fn true_is_true(s) { same(s, "BOOLEAN", true) }
    fn false_is_false(s) { same(s, "BOOLEAN", false) }
    fn small_int(s) { same(s, "SMALLINT", -32768) }
    fn int(s) { same(s, "INTEGER", i32::MAX) }
    fn largest_int(s) { same(s, "BIGINT", i64::MAX) }
    fn smallest_int(s) { same(s, "BIGINT", i64::MIN) }
    fn float(s) { same(s, "{float}", 0.1) }
    fn tiny_float(s) { same(s, "{float}", 5e-300) }
    fn large_float(s) { same(s, "{float}", -1.797e308) }
    fn whole_float(s) { same(s, "{float}", 3.0) }
    fn text(s) { same(s, "{text}", "text") }
    fn empty_text(s) { same(s, "{text}", "") }
    fn text_of_all_the_world(s) { same(s, "{text}", "Žluťoučký 馬 🦄 e\u{301} \u{200f}‏") }
    fn text_with_quotes(s) { same(s, "{text}", "it's \"a\" `b` \\ ; -- ? ?? $1 /*") }
    fn text_with_controls(s) { same(s, "{text}", "a\tb\r\nc\u{1}\u{7f}") }
    fn long_text(s) { same(s, "{text}", "ä".repeat(500_000)) }
    fn text_in_a_short_column(s) { same(s, "VARCHAR(10)", "0123456789") }
    fn bytes(s) { same(s, "{bytes}", vec![0u8, 255, 128, 0, 39, 92]) }
    fn no_bytes(s) { same(s, "{bytes}", Vec::<u8>::new()) }
    fn all_bytes(s) { same(s, "{bytes}", (0..=255u8).cycle().take(100_000).collect::<Vec<u8>>()) }
    fn timestamp(s) { same(s, "{time}", moment("2026-03-01T10:00:00.123456Z")) }
    fn timestamp_before_1970(s) { same(s, "{time}", moment("1066-10-14T09:00:00.000001Z")) }
    fn last_timestamp(s) { same(s, "{time}", moment("9999-12-31T23:59:59.999999Z")) }
    fn timestamp_of_another_zone(s) {
        let back = round_trip(s, "{time}", moment("2026-03-01T01:30:00+02:00"));
        assert!(back == Value::Timestamp(moment("2026-02-28T23:30:00Z")));
    }
    fn now(s) { same(s, "{time}", Timestamp::now()) }

    fn json_document(s) {
        let document = json!({"a": [1, 2.5, null, true, "ä\"'"], "b": {"c": {}}});
        s.script("CREATE TABLE v (v {json})");
        s.db.execute("INSERT INTO v VALUES (?)", &params![document.clone()]).unwrap();
        let row = s.db.query_one("SELECT v FROM v", &[]).unwrap().unwrap();
        assert_eq!(row.get::<serde_json::Value>("v").unwrap(), document);
    }

    fn json_scalars(s) {
        s.script("CREATE TABLE v (id BIGINT, v {json})");
        for (id, document) in [json!(null), json!("text"), json!(7), json!([])].iter().enumerate() {
            s.db.execute("INSERT INTO v VALUES (?, ?)", &params![id as i32, document.clone()]).unwrap();
            let row = s.db.query_one("SELECT v FROM v WHERE id = ?", &params![id as i32]);
            assert_eq!(&row.unwrap().unwrap().get::<serde_json::Value>("v").unwrap(), document);
        }
    }

    fn timestamps_compare_as_moments(s) {
        s.script("CREATE TABLE v (at {time})");
        for text in ["1999-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00.500001Z"] {
            s.db.execute("INSERT INTO v VALUES (?)", &params![moment(text)]).unwrap();
        }
        let later = "SELECT at FROM v WHERE at > ? ORDER BY at DESC";
        let rows = s.db.query(later, &params![moment("2026-01-01T01:00:00.5+01:00")]).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].get::<Timestamp>("at").unwrap(), moment("2026-01-01T00:00:00.500001Z"));
    }

    fn a_bool_finds_its_rows(s) {
        s.script("CREATE TABLE v (yes BOOLEAN NOT NULL)");
        for yes in [true, false, true] {
            s.db.execute("INSERT INTO v VALUES (?)", &params![yes]).unwrap();
        }
        assert_eq!(s.db.query("SELECT yes FROM v WHERE yes = ?", &params![true]).unwrap().len(), 2);
        assert_eq!(s.db.query("SELECT yes FROM v WHERE NOT yes", &[]).unwrap().len(), 1);
    }

    fn sums_and_counts_are_whole_numbers(s) {
        s.script("CREATE TABLE v (n BIGINT, f {float})");
        s.db.script("INSERT INTO v VALUES (1, 0.5), (2, 0.25)").unwrap();
        let row = s.db.query_one("SELECT SUM(n) AS n, COUNT(*) AS c, SUM(f) AS f, MAX(n) AS m FROM v", &[]);
        let row = row.unwrap().unwrap();
        assert_eq!(row.get::<i64>("n").unwrap(), 3);
        assert_eq!(row.get::<i64>("c").unwrap(), 2);
        assert_eq!(row.get::<f64>("f").unwrap(), 0.75);
        assert_eq!(row.get::<u8>("m").unwrap(), 2);
    }

    fn averages_are_floats(s) {
        s.script("CREATE TABLE v (n BIGINT)");
        s.db.script("INSERT INTO v VALUES (1), (2)").unwrap();
        assert!(one(&s.db, "SELECT AVG(n) FROM v", &[]) == Value::Float(1.5));
    }

    fn decimals_are_numbers(s) {
        s.script("CREATE TABLE v (d DECIMAL(10, 2))");
        s.db.script("INSERT INTO v VALUES (-12.25)").unwrap();
        assert!(one(&s.db, "SELECT d FROM v", &[]) == Value::Float(-12.25));
    }

    fn a_date_is_text(s) {
        s.script("CREATE TABLE v (d DATE)");
        s.db.execute("INSERT INTO v VALUES (?)", &params!["2026-02-03"]).unwrap();
        assert!(one(&s.db, "SELECT d FROM v", &[]) == Value::from("2026-02-03"));
    }

    fn what_has_no_value_says_so(s) {
        if s.backend == Backend::Postgres {
            let error = s.db.query("SELECT ARRAY[1, 2] AS a", &[]).unwrap_err().to_string();
            assert!(error.contains("\"a\"") && error.contains("cast the column to text"), "{error}");
            assert!(one(&s.db, "SELECT (ARRAY[1, 2])::text", &[]) == Value::from("{1,2}"));
        }
        assert!(one(&s.db, "SELECT 1", &[]) == Value::Int(1));
    }
}
