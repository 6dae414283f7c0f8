//! Rows of a result: columns by name or place, or a whole row into a struct of the caller.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::Config;
use crate::convert::FromValue;
use crate::de;
use crate::error::Error;
use crate::value::Value;

/// All rows of a result, in memory, within the limits of the [`Config`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    columns: Arc<Vec<String>>,
    rows: Vec<Row>,
}

/// One row. It shares the names of its columns with the others of its result.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    columns: Arc<Vec<String>>,
    values: Vec<Value>,
}

impl Row {
    /// The value of a column, by its name as the statement has it; in any case of letters, if there
    /// is none in this one, because PostgreSQL folds names.
    ///
    /// # Errors
    /// [`Error::NoColumn`]; [`Error::Type`] if the value is of another type, null included.
    ///
    /// ```
    /// # let db = harmonious_db::Database::open(&harmonious_db::Config::new("sqlite::memory:"))?;
    /// let row = db.query_one("SELECT 5 AS n, NULL AS x", &[])?.unwrap();
    /// assert_eq!(row.get::<i64>("n")?, 5);
    /// assert_eq!(row.get::<Option<String>>("x")?, None);
    /// # Ok::<(), harmonious_db::Error>(())
    /// ```
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T, Error> {
        self.at(self.place(column)?)
    }

    /// The value of a column by its place, from 0.
    ///
    /// # Errors
    /// As for [`get`](Row::get).
    pub fn at<T: FromValue>(&self, index: usize) -> Result<T, Error> {
        let value = (self.values.get(index)).ok_or_else(|| self.missing(&index.to_string()))?;
        T::from_value(value.clone()).map_err(|found| wrong(&self.columns[index], T::WANTED, &found))
    }

    /// The value as it came.
    ///
    /// # Errors
    /// [`Error::NoColumn`].
    pub fn value(&self, column: &str) -> Result<&Value, Error> {
        Ok(&self.values[self.place(column)?])
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The values, in the order of the columns.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The row as a struct of the caller, by serde: fields by the names of columns. Where the struct
    /// has a structure and the column a text, that is read as JSON.
    ///
    /// # Errors
    /// [`Error::Type`].
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Script { slug: String, n: Option<i64> }
    ///
    /// # let db = harmonious_db::Database::open(&harmonious_db::Config::new("sqlite::memory:"))?;
    /// let row = db.query_one("SELECT 'a' AS slug, NULL AS n", &[])?.unwrap();
    /// let script: Script = row.into()?;
    /// assert_eq!((script.slug.as_str(), script.n), ("a", None));
    /// # Ok::<(), harmonious_db::Error>(())
    /// ```
    #[allow(clippy::should_implement_trait)] // it can fail, and names its target
    pub fn into<T: DeserializeOwned>(self) -> Result<T, Error> {
        de::row(&self.columns, self.values)
    }

    fn place(&self, column: &str) -> Result<usize, Error> {
        let find = |same: fn(&str, &str) -> bool| self.columns.iter().position(|c| same(c, column));
        find(|a, b| a == b)
            .or_else(|| find(str::eq_ignore_ascii_case))
            .ok_or_else(|| self.missing(column))
    }

    fn missing(&self, column: &str) -> Error {
        Error::NoColumn {
            column: column.to_owned(),
            columns: self.columns.to_vec(),
        }
    }
}

fn wrong(column: &str, wanted: &str, found: &Value) -> Error {
    let advice = match found {
        Value::Null => "null: ask for an Option",
        Value::Int(_) => "a whole number, perhaps beyond the range of what is wanted",
        other => other.kind(),
    };
    Error::type_of(column, format!("wanted {wanted}, found {advice}"))
}

impl Rows {
    /// Every row as a struct of the caller.
    ///
    /// # Errors
    /// [`Error::Type`].
    #[allow(clippy::should_implement_trait)] // as for `Row`
    pub fn into<T: DeserializeOwned>(self) -> Result<Vec<T>, Error> {
        self.rows.into_iter().map(Row::into).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The names of the columns, also when there is no row.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The rows.
    pub fn iter(&self) -> std::slice::Iter<'_, Row> {
        self.rows.iter()
    }
}

impl IntoIterator for Rows {
    type Item = Row;
    type IntoIter = std::vec::IntoIter<Row>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

impl<'a> IntoIterator for &'a Rows {
    type Item = &'a Row;
    type IntoIter = std::slice::Iter<'a, Row>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.iter()
    }
}

impl std::ops::Index<usize> for Rows {
    type Output = Row;

    fn index(&self, index: usize) -> &Row {
        &self.rows[index]
    }
}

/// Collects the rows of a result within their limits.
#[derive(Debug)]
pub(crate) struct Collector {
    rows: Rows,
    limits: Limits,
    bytes: usize,
}

/// How much of a result may be held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub rows: usize,
    pub bytes: usize,
}

impl Limits {
    pub fn of(config: &Config) -> Limits {
        Limits {
            rows: config.rows_max,
            bytes: config.result_bytes_max,
        }
    }
}

impl Collector {
    pub fn new(columns: Arc<Vec<String>>, limits: Limits) -> Collector {
        let rows = Rows {
            columns,
            rows: Vec::new(),
        };
        Collector {
            rows,
            limits,
            bytes: 0,
        }
    }

    pub fn push(&mut self, values: Vec<Value>) -> Result<(), Error> {
        let too_large = |what: &str, limit| {
            let what = what.to_owned();
            Err(Error::TooLarge { what, limit })
        };
        self.bytes += values.iter().map(Value::bytes).sum::<usize>();
        if self.rows.len() == self.limits.rows {
            return too_large("the number of rows of the result", self.limits.rows);
        }
        if self.bytes > self.limits.bytes {
            return too_large("the size of the result in bytes", self.limits.bytes);
        }
        self.rows.rows.push(Row {
            columns: Arc::clone(&self.rows.columns),
            values,
        });
        Ok(())
    }

    pub fn finish(self) -> Rows {
        self.rows
    }
}

/// How rows travel: the names once.
#[derive(Serialize)]
struct Sent<'a> {
    columns: &'a [String],
    rows: Vec<&'a [Value]>,
}

#[derive(Deserialize)]
struct Received {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.rows.iter().map(Row::values).collect();
        let columns = &self.columns;
        Sent { columns, rows }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rows, D::Error> {
        let Received { columns, rows } = Received::deserialize(deserializer)?;
        if rows.iter().any(|row| row.len() != columns.len()) {
            return Err(serde::de::Error::custom(
                "a row of another length than its columns",
            ));
        }
        let columns = Arc::new(columns);
        let row = |values| Row {
            columns: Arc::clone(&columns),
            values,
        };
        let rows = rows.into_iter().map(row).collect();
        Ok(Rows { columns, rows })
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = vec![self.values()];
        let columns = &self.columns;
        Sent { columns, rows }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Row, D::Error> {
        let mut rows = Rows::deserialize(deserializer)?.rows;
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => Ok(row),
            _ => Err(serde::de::Error::custom("not exactly one row")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    const LIMITS: Limits = Limits {
        rows: 2,
        bytes: 1000,
    };

    fn two() -> Rows {
        let mut collector = Collector::new(Arc::new(vec!["a".into(), "B".into()]), LIMITS);
        collector.push(params![1, "x"].to_vec()).unwrap();
        collector.push(params![2, None::<i64>].to_vec()).unwrap();
        collector.finish()
    }

    #[test]
    fn rows_survive_messagepack() {
        let rows = two();
        let packed = rmp_serde::to_vec(&rows).unwrap();
        assert_eq!(rmp_serde::from_slice::<Rows>(&packed).unwrap(), rows);
        let packed = rmp_serde::to_vec(&rows[1]).unwrap();
        assert_eq!(rmp_serde::from_slice::<Row>(&packed).unwrap(), rows[1]);
    }

    #[test]
    fn columns_are_found_in_any_case_and_missed_with_their_names() {
        let rows = two();
        assert_eq!(rows[0].get::<String>("b").unwrap(), "x");
        let missing = rows[0].get::<i64>("c").unwrap_err();
        assert!(missing.to_string().contains(r#"["a", "B"]"#), "{missing}");
        let null = rows[1].get::<String>("B").unwrap_err().to_string();
        assert!(null.contains("ask for an Option"), "{null}");
    }

    #[test]
    fn results_have_bounds() {
        let mut collector = Collector::new(Arc::new(vec!["a".into()]), LIMITS);
        collector.push(params![1].to_vec()).unwrap();
        let large = collector.push(params!["x".repeat(1001)].to_vec());
        assert!(matches!(large, Err(Error::TooLarge { limit: 1000, .. })));
        let mut collector = Collector::new(Arc::new(vec!["a".into()]), LIMITS);
        collector.push(params![1].to_vec()).unwrap();
        collector.push(params![1].to_vec()).unwrap();
        let many = collector.push(params![1].to_vec());
        assert!(matches!(many, Err(Error::TooLarge { limit: 2, .. })));
    }
}
