//! The services `db.*`: statements of modules on the site's database, and their transactions.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use harmonious_db::{Database, Hit, SearchIndex, Transaction, Value};
use serde::{Deserialize, Serialize};

use super::exchange::{Refusal, SiteExchange, encode, failed, read};

/// Transactions within each other that one request may have open.
const TRANSACTIONS_MAX: usize = 8;

/// Transactions that a request has open, by the number that the module was told. What is left when the
/// request ends is undone.
#[derive(Default)]
pub struct Transactions {
    last: Cell<u64>,
    open: RefCell<HashMap<u64, Transaction>>,
}

impl Transactions {
    /// Undoes what nobody kept.
    pub fn undo(&self) {
        self.open.borrow_mut().clear();
    }
}

#[derive(Deserialize)]
struct Statement<'a> {
    sql: &'a str,
    values: Vec<Value>,
    transaction: Option<u64>,
}

#[derive(Deserialize)]
struct InTransaction {
    transaction: Option<u64>,
}

#[derive(Deserialize)]
struct Search<'a> {
    #[serde(borrow)]
    index: Index<'a>,
    words: &'a str,
    limit: u32,
    offset: u32,
}

#[derive(Deserialize)]
struct Index<'a> {
    name: &'a str,
    table: &'a str,
    key: &'a str,
    #[serde(borrow)]
    columns: Vec<(&'a str, f64)>,
}

/// As the sdk's `Hit`.
#[derive(Serialize)]
struct HitReply {
    key: i64,
    rank: f64,
    snippet: Vec<(String, bool)>,
}

/// Answers a message for the database.
pub fn answer(
    exchange: &SiteExchange<'_>,
    service: &str,
    message: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let database = exchange.keeping.database()?;
    let transactions = &exchange.transactions;
    let reply = match service {
        "db.begin" => encode(&begin(transactions, &database, read(service, message)?)?),
        "db.commit" => {
            let transaction = take(transactions, &read(service, message)?)?;
            encode(&transaction.commit()?)
        }
        "db.rollback" => {
            let transaction = take(transactions, &read(service, message)?)?;
            transaction.rollback();
            encode(&())
        }
        "db.search" => encode(&search(&database, &read(service, message)?)?),
        _ => return statement(transactions, &database, service, message),
    };
    Ok(reply?)
}

fn statement(
    transactions: &Transactions,
    database: &Database,
    service: &str,
    message: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let Statement {
        sql,
        values,
        transaction,
    } = read(service, message)?;
    let mut open = transactions.open.borrow_mut();
    let transaction = match transaction {
        Some(number) => Some(open.get_mut(&number).ok_or_else(|| ended(number))?),
        None => None,
    };
    let reply = match (service, transaction) {
        ("db.execute", Some(tx)) => encode(&tx.execute(sql, &values)?),
        ("db.execute", None) => encode(&database.execute(sql, &values)?),
        ("db.insert", Some(tx)) => encode(&tx.insert(sql, &values)?),
        ("db.insert", None) => encode(&database.insert(sql, &values)?),
        ("db.query", Some(tx)) => encode(&tx.query(sql, &values)?),
        ("db.query", None) => encode(&database.query(sql, &values)?),
        _ => Err(failed(format!("this server has no service {service:?}"))),
    };
    Ok(reply?)
}

fn begin(
    transactions: &Transactions,
    database: &Database,
    within: InTransaction,
) -> Result<u64, Refusal> {
    let mut open = transactions.open.borrow_mut();
    if within.transaction.is_some() {
        return Err(Refusal::failed(
            "a transaction within a transaction: do it in one, or in two after each other",
        ));
    }
    if open.len() >= TRANSACTIONS_MAX {
        return Err(Refusal::failed(format!(
            "more than {TRANSACTIONS_MAX} transactions are open"
        )));
    }
    let number = transactions.last.get() + 1;
    transactions.last.set(number);
    open.insert(number, database.begin()?);
    Ok(number)
}

fn take(transactions: &Transactions, of: &InTransaction) -> Result<Transaction, Refusal> {
    let number = of.transaction.unwrap_or(0);
    let transaction = transactions.open.borrow_mut().remove(&number);
    transaction.ok_or_else(|| ended(number))
}

fn ended(number: u64) -> Refusal {
    Refusal::failed(format!("there is no open transaction {number}"))
}

fn search(database: &Database, search: &Search<'_>) -> Result<Vec<HitReply>, Refusal> {
    let Search {
        index,
        words,
        limit,
        offset,
    } = search;
    let mut wanted = SearchIndex::new(index.name, index.table, index.key);
    for (column, weight) in &index.columns {
        wanted = wanted.column(column, *weight);
    }
    database.create_search_index(&wanted)?;
    let hits = database.search(&wanted, words, *limit as usize, *offset as usize)?;
    let reply = |hit: Hit| HitReply {
        key: hit.key,
        rank: hit.rank,
        snippet: hit
            .snippet
            .pieces()
            .map(|(text, is_word)| (text.to_owned(), is_word))
            .collect(),
    };
    Ok(hits.into_iter().map(reply).collect())
}
