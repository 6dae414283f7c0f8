//! PostgreSQL: a connection, its prepared statements, its errors.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use ::postgres::fallible_iterator::FallibleIterator;
use ::postgres::{Client, NoTls, Statement};

use super::postgres_types::{Cell, Parameter};
use super::{Fault, Outcome, Session, Want};
use crate::classify;
use crate::config::{CONNECT_TIME_MAX, Config, SOCKET_GRACE, TRY_TIME_MAX};
use crate::error::Error;
use crate::row::{Collector, Limits};
use crate::url::Server;
use crate::value::Value;

/// A connection to PostgreSQL.
pub(crate) struct Postgres {
    client: Client,
    statements: Statements,
    limit: Duration,
    limits: Limits,
}

/// Statements that the server has prepared on this connection, the least recently used dropped.
struct Statements {
    prepared: HashMap<String, (Statement, u64)>,
    uses: u64,
    max: usize,
}

impl Postgres {
    pub fn connect(server: &Server, config: &Config) -> Result<Postgres, Error> {
        let limit = config.query_time_max;
        let mut options = ::postgres::Config::new();
        options
            .user(&server.user)
            .dbname(&server.database)
            .port(server.port)
            .application_name("harmonious")
            .connect_timeout(CONNECT_TIME_MAX)
            .tcp_user_timeout(limit + SOCKET_GRACE)
            .keepalives_idle(SOCKET_GRACE)
            .options(&format!(
                "-c TimeZone=UTC -c statement_timeout={} -c client_min_messages=warning",
                millis(limit)
            ))
            .notice_callback(|_| ());
        match &server.socket {
            Some(folder) => options.host_path(folder),
            None => options.host(&server.host),
        };
        if let Some(password) = &server.password {
            options.password(password);
        }
        let client = options
            .connect(NoTls)
            .map_err(|error| refused(&error, limit))?;
        Ok(Postgres {
            client,
            statements: Statements {
                prepared: HashMap::new(),
                uses: 0,
                max: config.statements_cached.max(1),
            },
            limit,
            limits: Limits::of(config),
        })
    }

    /// The statement, prepared now or before; what fails here was not executed.
    fn prepare(&mut self, sql: &str) -> Result<Statement, Fault> {
        if self.client.is_closed() {
            return Err(Fault::unsent(Error::lost("the server closed it")));
        }
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement);
        }
        let statement = (self.client.prepare(sql))
            .map_err(|error| Fault::unsent(told(&error, &self.client, self.limit)))?;
        self.statements.put(sql, &statement);
        Ok(statement)
    }

    /// Names its columns and takes its rows, or what it changed.
    fn fetch(&mut self, statement: &Statement, values: &[Value]) -> Result<Outcome, Failure> {
        let names = statement.columns().iter().map(|c| c.name().to_owned());
        let mut collector = Collector::new(Arc::new(names.collect()), self.limits);
        let parameters = values.iter().map(Parameter).collect::<Vec<_>>();
        let mut rows = self.client.query_raw(statement, parameters)?;
        while let Some(row) = rows.next()? {
            let mut cells = Vec::with_capacity(row.len());
            for (index, column) in row.columns().iter().enumerate() {
                let cell = row.try_get::<_, Cell>(index)?;
                cells.push(cell.value(column.name()).map_err(Failure::Ours)?);
            }
            collector.push(cells).map_err(Failure::Ours)?;
        }
        Ok(Outcome {
            changes: rows.rows_affected().unwrap_or(0),
            rows: collector.finish(),
            id: None,
        })
    }

    fn fault(&mut self, sql: &str, failure: Failure) -> Fault {
        match failure {
            Failure::Ours(error) => error.into(),
            Failure::Theirs(error) => {
                // "cached plan must not change result type": a table was altered; not executed.
                let is_stale = error.code().is_some_and(|code| code.code() == "0A000")
                    && self.statements.forget(sql);
                let unsent = is_stale;
                let told = Fault::told(told(&error, &self.client, self.limit));
                Fault { unsent, ..told }
            }
        }
    }
}

enum Failure {
    /// Beyond a bound of ours, or of a type without a value.
    Ours(Error),
    Theirs(::postgres::Error),
}

impl From<::postgres::Error> for Failure {
    fn from(error: ::postgres::Error) -> Failure {
        Failure::Theirs(error)
    }
}

impl Statements {
    fn get(&mut self, sql: &str) -> Option<Statement> {
        self.uses += 1;
        let (statement, used) = self.prepared.get_mut(sql)?;
        *used = self.uses;
        Some(statement.clone())
    }

    fn put(&mut self, sql: &str, statement: &Statement) {
        if self.prepared.len() >= self.max {
            let oldest = self.prepared.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(sql, _)| sql.clone()) {
                self.prepared.remove(&oldest);
            }
        }
        let entry = (statement.clone(), self.uses);
        self.prepared.insert(sql.to_owned(), entry);
    }

    fn forget(&mut self, sql: &str) -> bool {
        self.prepared.remove(sql).is_some()
    }
}

impl Session for Postgres {
    fn run(&mut self, sql: &str, values: &[Value], want: Want) -> Result<Outcome, Fault> {
        let statement = self.prepare(sql)?;
        let expected = statement.params().len();
        if expected != values.len() {
            let given = values.len();
            return Err(Error::Parameters { expected, given }.into());
        }
        let fetched = self.fetch(&statement, values);
        let mut outcome = fetched.map_err(|failure| self.fault(sql, failure))?;
        if want == Want::Id {
            outcome.id = outcome.rows.iter().next().and_then(|row| row.at(0).ok());
        }
        Ok(outcome)
    }

    fn script(&mut self, sql: &str) -> Result<(), Fault> {
        if self.client.is_closed() {
            return Err(Fault::unsent(Error::lost("the server closed it")));
        }
        (self.client.batch_execute(sql))
            .map_err(|error| Fault::told(told(&error, &self.client, self.limit)))
    }

    fn answers(&mut self) -> bool {
        self.client.is_valid(TRY_TIME_MAX).is_ok()
    }

    fn is_broken(&self) -> bool {
        self.client.is_closed()
    }

    fn set_time_limit(&mut self, limit: Duration) -> Result<(), Fault> {
        if limit != self.limit {
            self.script(&format!("SET statement_timeout = {}", millis(limit)))?;
            self.limit = limit;
        }
        Ok(())
    }
}

/// At least one: 0 is no limit at all.
fn millis(limit: Duration) -> u128 {
    limit.as_millis().max(1)
}

/// What an error of a statement means.
fn told(error: &::postgres::Error, client: &Client, limit: Duration) -> Error {
    if let Some(said) = error.as_db_error() {
        let code = said.code().code();
        return classify::postgres(code, said.message(), said.constraint(), limit);
    }
    let source = error.source().map_or_else(String::new, ToString::to_string);
    let by_system = error
        .source()
        .is_some_and(|source| source.is::<std::io::Error>());
    if error.is_closed() || client.is_closed() || by_system {
        return Error::lost(format!("{error} {source}").trim_end().to_owned());
    }
    Error::Other {
        code: "postgres".to_owned(),
        message: error.to_string(),
    }
}

/// What an error of connecting means.
fn refused(error: &::postgres::Error, limit: Duration) -> Error {
    match error.as_db_error() {
        Some(said) => match classify::postgres(said.code().code(), said.message(), None, limit) {
            Error::ConnectionLost { message } => Error::unavailable(message),
            other => other,
        },
        None => {
            let source = error
                .source()
                .map_or_else(String::new, |s| format!(": {s}"));
            Error::unavailable(format!("{error}{source}"))
        }
    }
}
