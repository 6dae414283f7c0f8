//! MySQL and MariaDB: a connection, its types, its errors. The driver keeps the prepared statements.

use std::sync::Arc;
use std::time::Duration;

use ::mysql::consts::{CapabilityFlags, ColumnType};
use ::mysql::prelude::Queryable;
use ::mysql::{Column, Conn, DriverError, OptsBuilder, Params, Value as Raw};

use super::{Fault, Outcome, Session, Want};
use crate::classify;
use crate::config::{CONNECT_TIME_MAX, Config, SOCKET_GRACE};
use crate::error::Error;
use crate::row::{Collector, Limits};
use crate::timestamp::Timestamp;
use crate::url::Server;
use crate::value::Value;

/// What makes sessions alike, and more like the other databases: strict about values, `"name"` and
/// `a || b` as the standard has them, UTC. Full-text indexes take in every word.
const SETTINGS: &str = "SET NAMES utf8mb4, time_zone = '+00:00', \
    sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,\
ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', innodb_ft_enable_stopword = 0";

/// The character set of bytes that are no text.
const BINARY: u16 = 63;
/// "This command is not supported in the prepared statement protocol yet".
const NOT_PREPARED: u16 = 1295;

/// A connection to MySQL or MariaDB.
pub(crate) struct MySql {
    connection: Conn,
    is_mariadb: bool,
    is_lost: bool,
    limit: Duration,
    limits: Limits,
}

impl MySql {
    pub fn connect(server: &Server, config: &Config) -> Result<MySql, Error> {
        let limit = config.query_time_max;
        let socket_time = limit + SOCKET_GRACE;
        let options = OptsBuilder::new()
            .ip_or_hostname(Some(&server.host))
            .tcp_port(server.port)
            .socket(server.socket.as_deref())
            .prefer_socket(server.socket.is_some())
            .user(Some(&server.user))
            .pass(server.password.as_deref())
            .db_name(Some(&server.database))
            .tcp_connect_timeout(Some(CONNECT_TIME_MAX))
            .read_timeout(Some(socket_time))
            .write_timeout(Some(socket_time))
            .stmt_cache_size(config.statements_cached.max(1))
            // An update counts the rows that it found, as elsewhere, not those that it altered.
            .additional_capabilities(CapabilityFlags::CLIENT_FOUND_ROWS);
        let mut connection = Conn::new(options).map_err(|error| refused(error, limit))?;
        let version: Option<String> =
            (connection.query_first("SELECT VERSION()")).map_err(|error| refused(error, limit))?;
        let mut mysql = MySql {
            connection,
            is_mariadb: version.is_some_and(|version| version.contains("MariaDB")),
            is_lost: false,
            limit: Duration::ZERO,
            limits: Limits::of(config),
        };
        let seconds = limit.as_secs().max(1);
        let settings = format!("{SETTINGS}, innodb_lock_wait_timeout = {seconds}");
        let set_up = mysql
            .script(&settings)
            .and_then(|()| mysql.set_time_limit(limit));
        set_up.map_err(|fault| fault.error)?;
        Ok(mysql)
    }

    fn fault(&mut self, error: ::mysql::Error) -> Fault {
        let error = told(error, self.limit);
        self.is_lost |= matches!(error, Error::ConnectionLost { .. });
        Fault::told(error)
    }

    fn prepared(&mut self, sql: &str, values: &[Value]) -> Result<Outcome, Fault> {
        let statement = match self.connection.prep(sql) {
            Ok(statement) => statement,
            Err(::mysql::Error::MySqlError(said)) if said.code == NOT_PREPARED => {
                return self.unprepared(sql, values);
            }
            Err(error) => {
                let unsent = true;
                let fault = self.fault(error);
                return Err(Fault { unsent, ..fault });
            }
        };
        let expected = usize::from(statement.num_params());
        if expected != values.len() {
            let given = values.len();
            return Err(Error::Parameters { expected, given }.into());
        }
        let parameters = match values {
            [] => Params::Empty,
            values => Params::Positional(values.iter().map(sent).collect()),
        };
        match fetch(&mut self.connection, &statement, parameters, self.limits) {
            Ok(outcome) => outcome.map_err(Fault::from),
            Err(error) => Err(self.fault(error)),
        }
    }

    /// Statements that the server does not prepare have no values and no rows.
    fn unprepared(&mut self, sql: &str, values: &[Value]) -> Result<Outcome, Fault> {
        if !values.is_empty() {
            let (expected, given) = (0, values.len());
            return Err(Error::Parameters { expected, given }.into());
        }
        self.script(sql).map(|()| Outcome::default())
    }
}

/// Executes and takes the rows; the inner error is one of our own.
fn fetch(
    connection: &mut Conn,
    statement: &::mysql::Statement,
    parameters: Params,
    limits: Limits,
) -> Result<Result<Outcome, Error>, ::mysql::Error> {
    let mut result = connection.exec_iter(statement, parameters)?;
    let columns: Vec<Column> = result.columns().as_ref().to_vec();
    let names = columns.iter().map(|c| c.name_str().into_owned()).collect();
    // Said at once where there are no rows; later the driver has it no more.
    let (changes, last_id) = (result.affected_rows(), result.last_insert_id());
    let mut collector = Collector::new(Arc::new(names), limits);
    for row in result.by_ref() {
        let cells = row?.unwrap().into_iter().zip(&columns);
        let values: Result<Vec<Value>, Error> = cells.map(|(raw, c)| received(raw, c)).collect();
        if let Err(error) = values.and_then(|values| collector.push(values)) {
            return Ok(Err(error));
        }
    }
    let rows = collector.finish();
    let first = rows.iter().next().and_then(|row| row.at(0).ok());
    Ok(Ok(Outcome {
        changes,
        id: first.or(last_id.and_then(|id| i64::try_from(id).ok())),
        rows,
    }))
}

impl Session for MySql {
    fn run(&mut self, sql: &str, values: &[Value], _: Want) -> Result<Outcome, Fault> {
        self.prepared(sql, values)
    }

    fn script(&mut self, sql: &str) -> Result<(), Fault> {
        let mut run = || -> Result<(), ::mysql::Error> {
            let mut results = self.connection.query_iter(sql)?;
            while let Some(rows) = results.iter() {
                for row in rows {
                    row?;
                }
            }
            Ok(())
        };
        run().map_err(|error| self.fault(error))
    }

    fn answers(&mut self) -> bool {
        self.connection.ping().is_ok()
    }

    fn is_broken(&self) -> bool {
        self.is_lost
    }

    fn set_time_limit(&mut self, limit: Duration) -> Result<(), Fault> {
        if limit == self.limit {
            return Ok(());
        }
        let setting = match self.is_mariadb {
            true => format!(
                "SET max_statement_time = {}",
                limit.as_secs_f64().max(0.001)
            ),
            // Of MySQL itself only queries have a limit.
            false => format!("SET max_execution_time = {}", limit.as_millis().max(1)),
        };
        self.script(&setting)?;
        self.limit = limit;
        Ok(())
    }
}

fn sent(value: &Value) -> Raw {
    match value {
        Value::Null => Raw::NULL,
        Value::Bool(it) => Raw::Int((*it).into()),
        Value::Int(it) => Raw::Int(*it),
        Value::Float(it) => Raw::Double(*it),
        Value::Text(it) => Raw::Bytes(it.clone().into_bytes()),
        Value::Bytes(it) => Raw::Bytes(it.clone()),
        Value::Json(it) => Raw::Bytes(it.to_string().into_bytes()),
        Value::Timestamp(it) => {
            let t = it.fields();
            Raw::Date(
                u16::try_from(t.year()).unwrap_or(0),
                t.month().into(),
                t.day(),
                t.hour(),
                t.minute(),
                t.second(),
                t.microsecond(),
            )
        }
    }
}

fn received(raw: Raw, column: &Column) -> Result<Value, Error> {
    use ColumnType::*;
    let of = column.column_type();
    Ok(match raw {
        Raw::NULL => Value::Null,
        Raw::Int(it @ 0..=1) if of == MYSQL_TYPE_TINY && column.column_length() == 1 => {
            Value::Bool(it == 1)
        }
        Raw::Int(it) => Value::Int(it),
        Raw::UInt(it) => Value::Int(i64::try_from(it).map_err(|_| {
            Error::type_of(
                &column.name_str(),
                "beyond the range of i64: cast the column to text",
            )
        })?),
        Raw::Float(it) => Value::Float(it.into()),
        Raw::Double(it) => Value::Float(it),
        Raw::Date(y, m, d, ..) if of == MYSQL_TYPE_DATE => {
            Value::Text(format!("{y:04}-{m:02}-{d:02}"))
        }
        Raw::Date(y, m, d, h, min, s, us) => {
            let moment = Timestamp::from_fields((y.into(), m, d), (h, min, s, us));
            moment.map_or(Value::Null, Value::Timestamp)
        }
        Raw::Time(negative, days, h, m, s, us) => {
            let (sign, hours) = (if negative { "-" } else { "" }, days * 24 + u32::from(h));
            Value::Text(format!("{sign}{hours:02}:{m:02}:{s:02}.{us:06}"))
        }
        Raw::Bytes(bytes) => from_bytes(bytes, of, column),
    })
}

fn from_bytes(bytes: Vec<u8>, of: ColumnType, column: &Column) -> Value {
    use ColumnType::*;
    if of == MYSQL_TYPE_BIT || (column.character_set() == BINARY && !is_written(of)) {
        return Value::Bytes(bytes);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match of {
        MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL => match (text.parse(), text.parse()) {
            (Ok(whole), _) => Value::Int(whole),
            (_, Ok(float)) => Value::Float(float),
            _ => Value::Text(text),
        },
        MYSQL_TYPE_JSON => match serde_json::from_str(&text) {
            Ok(document) => Value::Json(document),
            Err(_) => Value::Text(text),
        },
        _ => Value::Text(text),
    }
}

/// Types that are written in letters although their character set says bytes.
fn is_written(of: ColumnType) -> bool {
    use ColumnType::*;
    matches!(
        of,
        MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL | MYSQL_TYPE_JSON
    )
}

/// What an error of a statement means.
fn told(error: ::mysql::Error, limit: Duration) -> Error {
    match error {
        ::mysql::Error::MySqlError(said) => classify::mysql(said.code, &said.message, limit),
        ::mysql::Error::IoError(error) => Error::lost(error.to_string()),
        ::mysql::Error::CodecError(_) => Error::lost("the server broke off, or sent nonsense"),
        ::mysql::Error::DriverError(error) => match error {
            DriverError::MismatchedStmtParams(expected, given) => {
                let expected = expected.into();
                Error::Parameters { expected, given }
            }
            _ => Error::lost("the driver lost the thread of the conversation"),
        },
        // What remains shows values.
        _ => Error::Other {
            code: "mysql".to_owned(),
            message: "the driver refused the statement or a value".to_owned(),
        },
    }
}

/// What an error of connecting means.
fn refused(error: ::mysql::Error, limit: Duration) -> Error {
    match error {
        ::mysql::Error::DriverError(error) => Error::unavailable(error.to_string()),
        error => match told(error, limit) {
            Error::ConnectionLost { message } => Error::unavailable(message),
            other => other,
        },
    }
}
