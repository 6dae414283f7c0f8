//! The service of writes that have time.

use harmonious_db::Value;
use serde::Deserialize;

use super::super::exchange::Refusal;
use super::super::soon::Waiting;
use super::super::transactions::Place;
use super::super::visitors;
use super::{Asked, Source};

#[derive(Deserialize)]
pub struct Later<'a> {
    sql: &'a str,
    values: Vec<Value>,
    once: Option<&'a str>,
    #[serde(default)]
    transaction: Option<u64>,
    #[serde(default)]
    domain: bool,
    #[serde(default)]
    visitor: bool,
}

impl Asked<'_, '_> {
    /// Has a statement wait; within a transaction it is a part of that.
    pub fn soon(&self, later: Later<'_>) -> Result<(), Refusal> {
        let (source, place) = self.place(later.domain, later.visitor)?;
        if place.is_visitor {
            return Err(Refusal::failed(
                "what is written soon is written as the site: there may be no connection of the visitor's then",
            ));
        }
        let soon = &self.exchange.keeping.soon;
        let key = later
            .once
            .map(|once| soon.key(&place.name, later.sql, once));
        if key.is_some_and(|key| !soon.is_first(key)) {
            return Ok(());
        }
        let done = self.later(later, source, &place);
        if let (Err(_), Some(key)) = (&done, key) {
            soon.forget(key);
        }
        done
    }

    fn later(&self, later: Later<'_>, source: Source, place: &Place) -> Result<(), Refusal> {
        let transactions = &self.exchange.transactions;
        let Later { sql, values, .. } = later;
        if let Some(number) = later.transaction {
            return transactions.with(place, number, |tx| {
                let done = tx.execute(sql, &values).map(drop);
                done.map_err(|error| visitors::refused(error, false))
            });
        }
        let keeping = self.exchange.keeping;
        let waiting = Waiting {
            domain: source.clone(),
            sql: sql.to_owned(),
            values,
        };
        let Err(waiting) = keeping.soon.add(waiting) else {
            return Ok(());
        };
        // There is no room: this request writes all, so that they keep their order.
        let mut left = Some(waiting);
        if transactions.is_empty() {
            keeping.write_soon();
            left = left.and_then(|waiting| keeping.soon.add(waiting).err());
        }
        let Some(waiting) = left else {
            return Ok(());
        };
        let target = self.target(&source, place)?;
        self.waits_for_nobody_here(&target, place)?;
        let done = target.database.execute(&waiting.sql, &waiting.values);
        Ok(done.map(drop)?)
    }
}
