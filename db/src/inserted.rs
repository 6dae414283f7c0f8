//! The key of a row that was inserted, and what to do where there is none.

use crate::backend::{Backend, Outcome};
use crate::error::Error;

/// What to do where the key of a table is not called `id`.
const ID_ADVICE: &str = "is its key called id, or is there a RETURNING that names it?";

/// The id in an outcome.
pub(crate) fn id_of(outcome: &Outcome) -> Result<i64, Error> {
    let wrong = || {
        let message = format!("the statement inserted no row with an id: {ID_ADVICE}");
        Error::type_of("id", message)
    };
    outcome.id.ok_or_else(wrong)
}

/// PostgreSQL speaks of the `RETURNING id` that we wrote as if the author had.
pub(crate) fn about_id(error: Error, sql: &str, backend: Backend) -> Error {
    let is_ours = backend == Backend::Postgres && !sql.to_ascii_uppercase().contains("RETURNING");
    match error {
        Error::Syntax { message } if is_ours && message.contains("\"id\"") => Error::syntax(
            format!("{message}: insert gives the key of the new row: {ID_ADVICE}"),
        ),
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_only_we_wrote_is_explained() {
        let said = "column \"id\" does not exist";
        let told = |sql, backend| about_id(Error::syntax(said), sql, backend).to_string();
        let insert = "INSERT INTO t (a) VALUES (?)";
        assert!(told(insert, Backend::Postgres).contains("RETURNING that names it"));
        let returning = "INSERT INTO t (a) VALUES (?) returning id";
        assert!(told(returning, Backend::Postgres).ends_with(said));
        assert!(told(insert, Backend::Sqlite).ends_with(said));
    }
}
