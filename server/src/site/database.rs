//! The services `db.*`: statements of modules on the site's database or on that of their domain, as the
//! site or as the visitor, and their transactions.

mod searches;
mod soon;

use std::sync::Arc;

use harmonious_db::{Backend, Database, Error, Value};
use harmonious_dispatcher::Caller;
use harmonious_session::Session;
use serde::Deserialize;

use super::databases::KeptDatabase;
use super::exchange::{Refusal, SiteExchange, encode, failed, read};
use super::transactions::Place;
use super::visitors::{self, Credentials, Visitor};

/// What is told to whoever would wait for a transaction of the same request.
const IN_TRANSACTION: &str = "a transaction of this request is open there, and has the connection that this needs: \
     hand its `tx` on, or begin a part of it (`tx.transaction`)";

/// The kind of the error where no domain declares a database.
const NO_DATABASE: &str = "no-database";

#[derive(Deserialize)]
struct Statement<'a> {
    sql: &'a str,
    values: Vec<Value>,
    transaction: Option<u64>,
    #[serde(default)]
    domain: bool,
    #[serde(default)]
    visitor: bool,
}

/// Which database, and which of its open transactions.
#[derive(Deserialize)]
struct Where {
    #[serde(default)]
    transaction: Option<u64>,
    #[serde(default)]
    domain: bool,
    #[serde(default)]
    visitor: bool,
}

#[derive(Deserialize)]
struct Connect<'a> {
    user: &'a str,
    password: &'a str,
    domain: bool,
}

/// Answers a message for a database.
pub fn answer(
    exchange: &SiteExchange<'_>,
    caller: &Caller<'_>,
    service: &str,
    message: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let asked = Asked { exchange, caller };
    let transactions = &exchange.transactions;
    let reply = match service {
        "db.execute" | "db.insert" | "db.query" => return asked.statement(service, message),
        "db.begin" => encode(&asked.begin(&read(service, message)?)?),
        "db.commit" | "db.rollback" => {
            let at: Where = read(service, message)?;
            let (_, place) = asked.place(at.domain, at.visitor)?;
            let number = at.transaction.unwrap_or(0);
            match service {
                "db.commit" => encode(&transactions.commit(&place, number)?),
                _ => encode(&transactions.roll_back(&place, number)?),
            }
        }
        "db.soon" => encode(&asked.soon(read(service, message)?)?),
        "db.search" => encode(&asked.search(&read(service, message)?)?),
        "db.search_count" => encode(&asked.search_count(&read(service, message)?)?),
        "db.prepare_search" => encode(&asked.prepare_search(&read(service, message)?)?),
        "db.backend" => encode(asked.backend(&read(service, message)?)?),
        "db.size" => encode(&asked.size(&read(service, message)?)?),
        "db.connect_as" => {
            let Connect {
                user,
                password,
                domain,
            } = read(service, message)?;
            let (source, place) = asked.place(domain, true)?;
            let credentials = Credentials { user, password };
            encode(&visitors::connect(exchange, &source, &place, &credentials)?)
        }
        "db.is_connected" => {
            let at: Where = read(service, message)?;
            let (_, place) = asked.place(at.domain, true)?;
            encode(&visitors::find(exchange, &place)?.is_some())
        }
        "db.disconnect" => {
            let at: Where = read(service, message)?;
            let (_, place) = asked.place(at.domain, true)?;
            encode(&visitors::disconnect(exchange, &place)?)
        }
        _ => Err(failed(format!("this server has no service {service:?}"))),
    };
    Ok(reply?)
}

/// Who asks, within which request.
struct Asked<'a, 'r> {
    exchange: &'a SiteExchange<'r>,
    caller: &'a Caller<'a>,
}

/// Where connections come from: a domain, or the site itself.
pub type Source = Option<Arc<KeptDatabase>>;

/// A database, and whose connection it is if not the site's.
struct Target {
    database: Database,
    visitor: Option<Visitor>,
}

impl Target {
    fn told(&self, exchange: &SiteExchange<'_>, error: Error) -> Refusal {
        match &self.visitor {
            Some(visitor) => visitor.told(exchange, error),
            None => error.into(),
        }
    }
}

impl Asked<'_, '_> {
    /// Which database is meant: that of the caller's domain is never told by a message.
    fn place(&self, of_domain: bool, is_visitor: bool) -> Result<(Source, Place), Refusal> {
        let source = match of_domain {
            true => Some(self.nearest()?),
            false => None,
        };
        let name = match &source {
            Some(source) => source.domain.clone(),
            None => Place::SITE.to_owned(),
        };
        Ok((source, Place { name, is_visitor }))
    }

    fn nearest(&self) -> Result<Arc<KeptDatabase>, Refusal> {
        let databases = &self.exchange.keeping.databases;
        let Caller { module, domain, .. } = self.caller;
        databases.nearest(domain).ok_or_else(|| {
            let others: Vec<String> = databases.all().keys().cloned().collect();
            let others = match others.is_empty() {
                true => String::new(),
                false => format!(
                    "; those of {} are for the modules there and below: call their exports, such as \
                     req.at(\"{}\").call(..)",
                    others.join(", "),
                    others[0]
                ),
            };
            let detail = format!(
                "the module {module} asks for the database of its domain, and neither {domain} nor a \
                 domain above it declares one: write [database] into the domain.toml of the domain whose \
                 it is, or use req.db(){others}"
            );
            let mut refusal = Refusal::failed(detail);
            refusal.0.kind = NO_DATABASE.to_owned();
            refusal
        })
    }

    fn of_site_or_domain(&self, source: &Source) -> Result<Database, Refusal> {
        match source {
            Some(domain) => domain.database(),
            None => self.exchange.keeping.database(),
        }
    }

    /// What kind of database it is; it need not be there.
    fn backend(&self, at: &Where) -> Result<&'static str, Refusal> {
        let (source, _) = self.place(at.domain, at.visitor)?;
        let backend = match &source {
            Some(domain) => domain.backend(),
            None => self.exchange.keeping.database.backend(),
        };
        Ok(backend?.name())
    }

    fn target(&self, source: &Source, place: &Place) -> Result<Target, Refusal> {
        if !place.is_visitor {
            return Ok(Target {
                database: self.of_site_or_domain(source)?,
                visitor: None,
            });
        }
        let visitor = visitors::connected(self.exchange, place)?;
        Ok(Target {
            database: Database::clone(&visitor.connection),
            visitor: Some(visitor),
        })
    }

    fn statement(&self, service: &str, message: &[u8]) -> Result<Vec<u8>, Refusal> {
        let Statement {
            sql,
            values,
            transaction,
            domain,
            visitor,
        } = read(service, message)?;
        let (source, place) = self.place(domain, visitor)?;
        let reply = match transaction {
            Some(number) => {
                let transactions = &self.exchange.transactions;
                transactions.with(&place, number, |tx| {
                    let done = match service {
                        "db.execute" => tx.execute(sql, &values).map(|count| encode(&count)),
                        "db.insert" => tx.insert(sql, &values).map(|id| encode(&id)),
                        _ => tx.query(sql, &values).map(|rows| encode(&rows)),
                    };
                    done.map_err(|error| visitors::refused(error, place.is_visitor))
                })?
            }
            None => {
                let target = self.target(&source, &place)?;
                let database = &target.database;
                // Readers of SQLite see what was there before the transaction, and wait for nobody.
                if service != "db.query" || place.is_visitor {
                    self.waits_for_nobody_here(&target, &place)?;
                }
                let done = match service {
                    "db.execute" => database.execute(sql, &values).map(|count| encode(&count)),
                    "db.insert" => database.insert(sql, &values).map(|id| encode(&id)),
                    _ => database.query(sql, &values).map(|rows| encode(&rows)),
                };
                done.map_err(|error| target.told(self.exchange, error))?
            }
        };
        Ok(reply?)
    }

    fn begin(&self, at: &Where) -> Result<u64, Refusal> {
        let (source, place) = self.place(at.domain, at.visitor)?;
        let transactions = &self.exchange.transactions;
        if let Some(within) = at.transaction {
            return transactions.begin_part(&place, within);
        }
        let target = self.target(&source, &place)?;
        self.waits_for_nobody_here(&target, &place)?;
        self.read_session_before(&target, &place)?;
        let begun = || target.database.begin();
        transactions.begin(place, || {
            begun().map_err(|error| target.told(self.exchange, error))
        })
    }

    /// Refuses what needs the one connection that a transaction of this very request has: SQLite's writer, or
    /// the visitor's own. It would wait for itself, and everybody else for it.
    fn waits_for_nobody_here(&self, target: &Target, place: &Place) -> Result<(), Refusal> {
        let is_one = place.is_visitor || target.database.backend() == Backend::Sqlite;
        match is_one && self.exchange.transactions.has_at(place) {
            true => Err(Refusal::failed(IN_TRANSACTION)),
            false => Ok(()),
        }
    }

    /// Sessions are in the site's database too: read within a transaction one would take a second connection,
    /// which others in transactions wait for likewise, or make its tables, which needs SQLite's writer.
    fn read_session_before(&self, target: &Target, place: &Place) -> Result<(), Refusal> {
        if self.exchange.is_outside || place.is_visitor || place.name != Place::SITE {
            return Ok(());
        }
        if target.database.backend() == Backend::Sqlite {
            self.exchange.keeping.sessions()?;
        }
        self.exchange.look(Session::exists).map(drop)
    }
}
