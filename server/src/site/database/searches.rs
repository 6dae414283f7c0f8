//! The services of searches: what fits, how much does, and the index made before anybody asks.

use harmonious_db::{Database, Error, Hit, SearchIndex, Transaction, Value};
use serde::{Deserialize, Serialize};

use super::super::exchange::Refusal;
use super::super::transactions::Place;
use super::super::visitors;
use super::{Asked, Where};

#[derive(Deserialize)]
pub struct Search<'a> {
    #[serde(borrow)]
    index: Index<'a>,
    words: &'a str,
    #[serde(default)]
    filter: &'a str,
    #[serde(default)]
    values: Vec<Value>,
    #[serde(default)]
    limit: u32,
    #[serde(default)]
    offset: u32,
    #[serde(default)]
    transaction: Option<u64>,
    #[serde(default)]
    domain: bool,
    #[serde(default)]
    visitor: bool,
}

#[derive(Deserialize)]
pub struct Prepare<'a> {
    #[serde(borrow)]
    index: Index<'a>,
    #[serde(default)]
    domain: bool,
    #[serde(default)]
    visitor: bool,
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
pub struct HitReply {
    key: i64,
    rank: f64,
    snippet: Vec<(String, bool)>,
}

impl Asked<'_, '_> {
    pub fn search(&self, search: &Search<'_>) -> Result<Vec<HitReply>, Refusal> {
        let Search {
            words,
            filter,
            values,
            ..
        } = search;
        let (limit, offset) = (search.limit as usize, search.offset as usize);
        let hits = self.look(
            search,
            |db, index| db.search_where(index, words, filter, values, limit, offset),
            |tx, index| tx.search_where(index, words, filter, values, limit, offset),
        )?;
        Ok(hits.into_iter().map(HitReply::from).collect())
    }

    pub fn search_count(&self, search: &Search<'_>) -> Result<u32, Refusal> {
        let Search {
            words,
            filter,
            values,
            ..
        } = search;
        self.look(
            search,
            |db, index| db.search_count_where(index, words, filter, values),
            |tx, index| tx.search_count_where(index, words, filter, values),
        )
    }

    /// Makes an index, as the site whoever asks.
    pub fn prepare_search(&self, prepare: &Prepare<'_>) -> Result<(), Refusal> {
        let (source, place) = self.place(prepare.domain, prepare.visitor)?;
        let own = self.of_site_or_domain(&source)?;
        self.made(&own, &place, &prepare.index.declared(), prepare.index.name)
    }

    /// An index is made by a connection of its own, and locks the table, which a transaction of this very request
    /// may have written to.
    fn made(
        &self,
        own: &Database,
        place: &Place,
        index: &SearchIndex,
        name: &str,
    ) -> Result<(), Refusal> {
        let mut same = [false, true].into_iter().map(|is_visitor| Place {
            is_visitor,
            ..place.clone()
        });
        let transactions = &self.exchange.transactions;
        if !own.knows_search_index(index) && same.any(|place| transactions.has_at(&place)) {
            return Err(Refusal::failed(format!(
                "the search index {name} is to be made while a transaction of this request is open there: call \
                 prepare_search before it"
            )));
        }
        Ok(own.ensure_search_index(index)?)
    }

    fn look<T>(
        &self,
        search: &Search<'_>,
        at: impl Fn(&Database, &SearchIndex) -> Result<T, Error>,
        within: impl FnOnce(&mut Transaction, &SearchIndex) -> Result<T, Error>,
    ) -> Result<T, Refusal> {
        let (source, place) = self.place(search.domain, search.visitor)?;
        let index = search.index.declared();
        if let Some(number) = search.transaction {
            let transactions = &self.exchange.transactions;
            return transactions.with(&place, number, |tx| {
                // The index is made by another connection, which would wait for this transaction.
                let found = tx.savepoint(|tx| within(tx, &index));
                found.map_err(|error| unmade(error, search.index.name, place.is_visitor))
            });
        }
        let own = self.of_site_or_domain(&source)?;
        self.made(&own, &place, &index, search.index.name)?;
        let target = self.target(&source, &place)?;
        if place.is_visitor {
            self.waits_for_nobody_here(&target, &place)?;
        }
        let found = match at(&target.database, &index) {
            // Somebody removed it since it was made. A role that does not find it may be one whose
            // schema it is not in: it would be made anew each time.
            Err(Error::Syntax { .. }) if !place.is_visitor => {
                own.create_search_index(&index)?;
                at(&target.database, &index)
            }
            found => found,
        };
        found.map_err(|error| target.told(self.exchange, error))
    }

    /// How many bytes the database takes.
    pub fn size(&self, at: &Where) -> Result<u64, Refusal> {
        let (source, place) = self.place(at.domain, at.visitor)?;
        if let Some(number) = at.transaction {
            let transactions = &self.exchange.transactions;
            return transactions.with(&place, number, |tx| {
                let size = tx.savepoint(Transaction::size);
                size.map_err(|error| visitors::refused(error, place.is_visitor))
            });
        }
        let target = self.target(&source, &place)?;
        if place.is_visitor {
            self.waits_for_nobody_here(&target, &place)?;
        }
        let size = target.database.size();
        size.map_err(|error| target.told(self.exchange, error))
    }
}

/// Says what to do where a search within a transaction finds no index.
fn unmade(error: Error, name: &str, is_visitor: bool) -> Refusal {
    let is_unknown = matches!(error, Error::Syntax { .. });
    let mut refusal = visitors::refused(error, is_visitor);
    if is_unknown {
        let what = format!(
            "; is the search index {name} there? prepare_search, or a search outside of transactions, makes it"
        );
        refusal.0.detail.push_str(&what);
    }
    refusal
}

impl Index<'_> {
    fn declared(&self) -> SearchIndex {
        let index = SearchIndex::new(self.name, self.table, self.key);
        let columns = self.columns.iter();
        columns.fold(index, |index, (column, weight)| {
            index.column(column, *weight)
        })
    }
}

impl From<Hit> for HitReply {
    fn from(hit: Hit) -> HitReply {
        let pieces = hit.snippet.pieces();
        HitReply {
            key: hit.key,
            rank: hit.rank,
            snippet: pieces
                .map(|(text, is_word)| (text.to_owned(), is_word))
                .collect(),
        }
    }
}
