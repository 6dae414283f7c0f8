//! [`Answer`]: what a test's database answers to a statement, written with literals.

use serde::Serialize;

use super::database::{Statement, StatementKind};
use super::services::encode;
use crate::db::{Hit, Value};
use crate::error::{Error, Result};

/// The kinds of errors that a database has; see [`Error::kind`](crate::Error::kind).
const KINDS: [&str; 12] = [
    "unique",
    "foreign-key",
    "not-null",
    "check",
    "busy",
    "time-limit",
    "unavailable",
    "syntax",
    "denied",
    "no-database",
    "not-connected",
    "other",
];

/// What a test's database answers to a [`Statement`]; see [`Site::db`](super::Site::db).
///
/// ```
/// use harmonious::testing::Answer;
///
/// Answer::rows(&["slug", "stars"], [("chess", 5), ("go", 3)]); // to a `query`
/// Answer::changed(1); // to an `execute`
/// Answer::key(7); // to an `insert`
/// ```
#[derive(Clone, Debug)]
pub struct Answer(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Rows(Rows),
    Changed(u64),
    Key(i64),
    Hits(Vec<Hit>),
    Count(u64),
    /// To what has no result: the begin of a transaction and its end.
    Nothing,
}

/// How rows travel: the names once.
#[derive(Clone, Debug, Serialize)]
struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

#[derive(Serialize)]
struct HitReply<'a> {
    key: i64,
    rank: f64,
    snippet: &'a [(String, bool)],
}

/// One row for [`Answer::rows`]: a tuple of up to twelve values, or a vector of any number.
///
/// ```
/// use harmonious::Value;
/// use harmonious::testing::IntoRow;
///
/// assert_eq!(("chess", 5).into_row(), [Value::from("chess"), Value::from(5)]);
/// assert_eq!((None::<&str>,).into_row(), [Value::Null]);
/// ```
pub trait IntoRow {
    /// Its values, in the order of the columns.
    fn into_row(self) -> Vec<Value>;
}

impl IntoRow for Vec<Value> {
    fn into_row(self) -> Vec<Value> {
        self
    }
}

macro_rules! tuples {
    ($($letter:ident)*) => {
        impl<$($letter: Into<Value>),*> IntoRow for ($($letter,)*) {
            #[allow(non_snake_case)]
            fn into_row(self) -> Vec<Value> {
                let ($($letter,)*) = self;
                vec![$($letter.into()),*]
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L);

impl Answer {
    /// Rows, to a `query` or `query_one`: the names of the columns, and for each row its values.
    ///
    /// ```
    /// use harmonious::testing::Answer;
    ///
    /// Answer::rows(&["slug", "stars"], [("chess", Some(5)), ("go", None)]);
    /// Answer::rows(&["n"], [(2,)]); // one column: mind the comma
    /// ```
    ///
    /// # Panics
    /// If a row has another number of values than there are columns.
    #[must_use]
    pub fn rows<R: IntoRow>(columns: &[&str], rows: impl IntoIterator<Item = R>) -> Answer {
        let rows: Vec<Vec<Value>> = rows.into_iter().map(IntoRow::into_row).collect();
        for row in &rows {
            let (values, named) = (row.len(), columns.len());
            assert!(
                values == named,
                "a row of {values} values for {named} columns: {columns:?}"
            );
        }
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        Answer(Inner::Rows(Rows { columns, rows }))
    }

    /// No row, to a `query` or `query_one`.
    ///
    /// ```
    /// harmonious::testing::Answer::no_rows();
    /// ```
    #[must_use]
    pub fn no_rows() -> Answer {
        Answer::rows::<Vec<Value>>(&[], [])
    }

    /// So many rows were changed, to an `execute`.
    ///
    /// ```
    /// harmonious::testing::Answer::changed(1);
    /// ```
    #[must_use]
    pub fn changed(rows: u64) -> Answer {
        Answer(Inner::Changed(rows))
    }

    /// The new row's key, to an `insert`.
    ///
    /// ```
    /// harmonious::testing::Answer::key(7);
    /// ```
    #[must_use]
    pub fn key(key: i64) -> Answer {
        Answer(Inner::Key(key))
    }

    /// What was found, to a `search`.
    ///
    /// ```
    /// use harmonious::{Hit, testing::Answer};
    ///
    /// let snippet = vec![("a game of ".to_owned(), false), ("chess".to_owned(), true)];
    /// Answer::hits(vec![Hit { key: 7, rank: 1.0, snippet }]);
    /// ```
    #[must_use]
    pub fn hits(hits: Vec<Hit>) -> Answer {
        Answer(Inner::Hits(hits))
    }

    /// A number, to `search_count_where` and `size`.
    ///
    /// ```
    /// harmonious::testing::Answer::count(120);
    /// ```
    #[must_use]
    pub fn count(number: u64) -> Answer {
        Answer(Inner::Count(number))
    }

    pub(super) fn nothing() -> Answer {
        Answer(Inner::Nothing)
    }

    /// The reply to that statement, if the answer fits it.
    pub(super) fn reply(&self, to: &Statement) -> Result<Vec<u8>> {
        match (to.kind(), &self.0) {
            (StatementKind::Query, Inner::Rows(rows)) => encode(rows),
            (StatementKind::Execute, Inner::Changed(rows)) => encode(rows),
            (StatementKind::Soon, Inner::Changed(_)) => encode(&()),
            (StatementKind::Insert, Inner::Key(key)) => encode(key),
            (StatementKind::Search, Inner::Hits(hits)) => {
                let hits = hits.iter().map(|hit| HitReply {
                    key: hit.key,
                    rank: hit.rank,
                    snippet: &hit.snippet,
                });
                encode(&hits.collect::<Vec<_>>())
            }
            (StatementKind::SearchCount | StatementKind::Size, Inner::Count(number)) => {
                encode(number)
            }
            (StatementKind::SearchCount | StatementKind::Size, _) => {
                Err(unfit(to, "Answer::count"))
            }
            (StatementKind::Query, _) => Err(unfit(to, "Answer::rows")),
            (StatementKind::Execute | StatementKind::Soon, _) => Err(unfit(to, "Answer::changed")),
            (StatementKind::Insert, _) => Err(unfit(to, "Answer::key")),
            (StatementKind::Search, _) => Err(unfit(to, "Answer::hits")),
            // Whatever is no error lets a transaction go on.
            _ => encode(&()),
        }
    }
}

fn unfit(to: &Statement, wanted: &str) -> Error {
    Error::internal(format!(
        "the test's answer to {to} is of another sort: give {wanted}"
    ))
}

/// An error as a database gives it, with its [`kind`](crate::Error::kind): `unique`, `foreign-key`,
/// `not-null`, `check`, `busy`, `time-limit`, `unavailable` (a 503), `syntax`, `denied`, `no-database`,
/// `not-connected` (a 401) or `other`.
///
/// ```
/// use harmonious::testing::db_error;
///
/// assert_eq!(db_error("unique").kind(), "unique");
/// assert_eq!(db_error("unavailable").status(), 503);
/// ```
///
/// # Panics
/// If there is no such kind.
#[must_use]
pub fn db_error(kind: &str) -> Error {
    assert!(
        KINDS.contains(&kind),
        "{kind:?} is no kind of a database's error: there are {}",
        KINDS.join(", ")
    );
    let error = match kind {
        "unavailable" => Error::new(503, "").with_header("retry-after", "1"),
        "not-connected" => Error::new(401, "sign in first"),
        _ => Error::new(500, ""),
    };
    error
        .with_detail(format!("the test's database says: {kind}"))
        .with_kind(kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a row of 1 values for 2 columns: [\"a\", \"b\"]")]
    fn a_row_has_a_value_for_each_column() {
        let _ = Answer::rows(&["a", "b"], [(1,)]);
    }

    #[test]
    #[should_panic(expected = "\"uniqe\" is no kind of a database's error: there are unique, ")]
    fn a_kind_of_error_is_known() {
        let _ = db_error("uniqe");
    }
}
