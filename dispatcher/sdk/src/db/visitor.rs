//! A visitor's own connection to a database: opened with the user and password of a form, so that the
//! database itself decides what its visitor may see.

use serde::Serialize;

use super::{Db, Where};
use crate::error::Result;

/// The message that opens one.
#[derive(Serialize)]
struct Connect<'a> {
    user: &'a str,
    password: &'a str,
    domain: bool,
}

impl<'r> Db<'r> {
    /// Opens a connection to this database as that user, a role of PostgreSQL or a user of MySQL, and keeps
    /// it for the visitor's session, in place of one that is there. It is closed when the session ends (by
    /// [`sign_out`](crate::Session::sign_out), by its time, from another session), by
    /// [`disconnect`](Db::disconnect), and when it was not used for a quarter of an hour. The password is
    /// kept nowhere; the session gets a new id.
    ///
    /// Whoever has the right password is that user of the database: [`sign_in`](crate::Session::sign_in)
    /// can follow. Where somebody else may be signed in, [`sign_out`](crate::Session::sign_out) comes first,
    /// since a session has one user and ends with its connections when another one signs in.
    ///
    /// The server of the database has to ask for passwords. Whom it lets in with any (`trust` or `peer` in
    /// PostgreSQL's `pg_hba.conf`) is refused here; to find out, one login of each user is tried with a wrong
    /// one.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// #[post]
    /// fn sign_in(req: &Request) -> Result<Response> {
    ///     let form = req.form()?;
    ///     let (user, password) = (form.text("user")?, form.text("password")?);
    ///     req.session().sign_out()?;
    ///     req.db().connect_as(user, password)?;
    ///     req.session().sign_in(user)?;
    ///     Ok(Response::redirect("/orders/"))
    /// }
    ///
    /// #[get]
    /// fn orders(req: &Request) -> Result<Response> {
    ///     // The policies and grants of the database decide which rows these are.
    ///     let orders = req.db().as_visitor().query("SELECT id, total FROM orders", &[])?;
    ///     Ok(Response::text(orders.len().to_string()))
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// * 403 of the kind `denied`: user or password is wrong, or the database lets nobody in as this user.
    /// * 429 with `Retry-After` after too many of these, for the user and for the visitor's address, as for
    ///   [`check_login`](crate::Request::check_login).
    /// * 503 with `Retry-After` where as many are open as may be (`user-connections` in `[database]` of
    ///   `site.toml`, 64), or the database cannot be reached.
    /// * 500 of the kind `no-users` with SQLite, which has no users, and of the kind `no-password-check` where
    ///   the database takes any password.
    #[track_caller]
    pub fn connect_as(&self, user: &str, password: &str) -> Result<()> {
        let domain = self.domain;
        let connect = Connect {
            user,
            password,
            domain,
        };
        self.req.service("db.connect_as", &connect)
    }

    /// The same database through the visitor's own connection, which [`connect_as`](Db::connect_as) opened:
    /// for statements, transactions and searches. The requests of one session take it in turn.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn rename(req: &Request, id: i64, title: &str) -> Result<()> {
    ///     req.db().as_visitor().transaction(|tx| {
    ///         tx.execute("UPDATE orders SET title = ? WHERE id = ?", &[title.into(), id.into()])?;
    ///         tx.execute("INSERT INTO changes (order_id) VALUES (?)", &[id.into()])?;
    ///         Ok(())
    ///     })
    /// }
    /// ```
    ///
    /// Statements are errors of status 401 and the kind `not-connected` where the session has no such
    /// connection (any more), and of status 403 and the kind `denied` where the database does not let this
    /// user do that. Of a connection that breaks, the statement is a 503; from then on there is none.
    #[must_use]
    pub fn as_visitor(&self) -> Db<'r> {
        Db {
            visitor: true,
            transaction: None,
            ..*self
        }
    }

    /// Whether the visitor has a connection to this database.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// #[guard]
    /// fn only_users_of_the_database(req: &Request) -> Result<()> {
    ///     match req.db().is_connected()? {
    ///         true => Ok(()),
    ///         false => Err(Error::unauthorized("sign in first")),
    ///     }
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// 503 if the store of sessions does not answer.
    #[track_caller]
    pub fn is_connected(&self) -> Result<bool> {
        self.req.service("db.is_connected", &self.whole())
    }

    /// Closes the visitor's connection to this database, before the answer goes out; says whether there was
    /// one. What it has open is undone.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn leave(req: &Request) -> Result<()> {
    ///     req.db().disconnect()?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// 503 if the store of sessions does not answer.
    #[track_caller]
    pub fn disconnect(&self) -> Result<bool> {
        self.req.service("db.disconnect", &self.whole())
    }

    /// The database, whatever transaction this is.
    fn whole(&self) -> Where {
        Where {
            transaction: None,
            ..self.place()
        }
    }
}
