//! Writes that have time.

use serde::Serialize;

use super::{Db, Value};
use crate::error::Result;

#[derive(Serialize)]
struct Later<'a> {
    sql: &'a str,
    values: &'a [Value],
    once: Option<&'a str>,
    transaction: Option<u64>,
    domain: bool,
    visitor: bool,
}

impl Db<'_> {
    /// Has a statement written within half a second, together with those of other requests: for counts and
    /// times that each page would else wait for. It returns before that, and what it writes is not seen at once.
    /// Statements are written in their order. One that fails is told in the log with its text, and the others are
    /// written all the same; while the database is away they wait. A server that stops writes what waits; one that
    /// is killed loses what was handed over in the last half second.
    ///
    /// With `once`, the statement has its effect for each such key once a day (of UTC), as far as the server
    /// remembers: it forgets keys when it starts anew, and the older ones of more than 500,000 a day. A key counts
    /// for the text of its statement, so that two statements may have the same.
    ///
    /// Within a transaction it is a part of that, as [`execute`](Db::execute) is.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn count(req: &Request, script: i64) -> Result<()> {
    ///     let visitor = format!("{} {script}", req.client_address());
    ///     let sql = "UPDATE scripts SET downloads = downloads + 1 WHERE id = ?";
    ///     req.db().soon(sql, &[script.into()], Some(&visitor))
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Db::execute) within a transaction, and where so much waits that it has to be written at once
    /// (10,000 statements, 16 MiB); 500 for [`as_visitor`](Db::as_visitor).
    #[track_caller]
    pub fn soon(&self, sql: &str, values: &[Value], once: Option<&str>) -> Result<()> {
        let later = Later {
            sql,
            values,
            once,
            transaction: self.transaction,
            domain: self.domain,
            visitor: self.visitor,
        };
        self.req.service("db.soon", &later)
    }
}
