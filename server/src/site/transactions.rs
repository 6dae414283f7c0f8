//! Transactions that a request has open, and the parts within them that can be undone by themselves.

use std::cell::{Cell, RefCell};

use harmonious_db::{Savepoint, Transaction};

use super::exchange::Refusal;

/// Transactions of one request, each in a connection of its own.
const TRANSACTIONS_MAX: usize = 8;

/// Which database a module means, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path of the domain, or [`SITE`](Place::SITE).
    pub name: String,
    /// As the visitor, not as the site.
    pub is_visitor: bool,
}

impl Place {
    /// The site's own database; paths of domains begin with a slash.
    pub const SITE: &'static str = "site";
}

/// Transactions that a request has open, by the number that the module was told. What is left when the
/// request ends is undone.
#[derive(Default)]
pub struct Transactions {
    last: Cell<u64>,
    open: RefCell<Vec<Open>>,
}

struct Open {
    place: Place,
    transaction: Transaction,
    number: u64,
    /// The parts that are open, the innermost last, by their numbers.
    parts: Vec<(u64, Savepoint)>,
}

impl Open {
    fn innermost(&self) -> u64 {
        self.parts.last().map_or(self.number, |(number, _)| *number)
    }

    fn has(&self, number: u64) -> bool {
        self.number == number || self.parts.iter().any(|(part, _)| *part == number)
    }
}

impl Transactions {
    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.open.borrow().is_empty()
    }

    /// Whether one is open there.
    pub fn has_at(&self, place: &Place) -> bool {
        self.open.borrow().iter().any(|open| open.place == *place)
    }

    /// Undoes what nobody kept.
    pub fn undo(&self) {
        self.open.borrow_mut().clear();
    }

    /// Undoes what is open there.
    pub fn undo_at(&self, place: &Place) {
        self.open.borrow_mut().retain(|open| open.place != *place);
    }

    /// Begins one there.
    pub fn begin(
        &self,
        place: Place,
        begin: impl FnOnce() -> Result<Transaction, Refusal>,
    ) -> Result<u64, Refusal> {
        let mut open = self.open.borrow_mut();
        if open.len() >= TRANSACTIONS_MAX {
            return Err(Refusal::failed(format!(
                "more than {TRANSACTIONS_MAX} transactions are open"
            )));
        }
        let number = self.number();
        open.push(Open {
            place,
            transaction: begin()?,
            number,
            parts: Vec::new(),
        });
        Ok(number)
    }

    /// Begins a part of one.
    pub fn begin_part(&self, place: &Place, within: u64) -> Result<u64, Refusal> {
        self.innermost(place, within, |open| {
            let savepoint = open.transaction.begin_savepoint()?;
            let number = self.number();
            open.parts.push((number, savepoint));
            Ok(number)
        })
    }

    /// Does something in the transaction or part of that number.
    pub fn with<T>(
        &self,
        place: &Place,
        number: u64,
        act: impl FnOnce(&mut Transaction) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.innermost(place, number, |open| act(&mut open.transaction))
    }

    /// Keeps a transaction, or a part of one for as long as the transaction is kept.
    pub fn commit(&self, place: &Place, number: u64) -> Result<(), Refusal> {
        let whole = self.innermost(place, number, |open| match open.parts.pop() {
            Some((_, savepoint)) => Ok(open
                .transaction
                .release_savepoint(savepoint)
                .map(|()| false)?),
            None => Ok(true),
        })?;
        match whole {
            true => Ok(self.take(number)?.commit()?),
            false => Ok(()),
        }
    }

    /// Undoes a transaction, or a part with those within it.
    pub fn roll_back(&self, place: &Place, number: u64) -> Result<(), Refusal> {
        let whole = self.find(place, number, |open| {
            let at = open.parts.iter().position(|(part, _)| *part == number);
            let Some(at) = at else {
                return Ok(true);
            };
            let savepoint = open.parts[at].1;
            open.parts.truncate(at);
            Ok(open.transaction.undo_savepoint(savepoint).map(|()| false)?)
        })?;
        if whole {
            self.take(number)?.rollback();
        }
        Ok(())
    }

    fn take(&self, number: u64) -> Result<Transaction, Refusal> {
        let mut open = self.open.borrow_mut();
        let at = open.iter().position(|open| open.number == number);
        at.map(|at| open.swap_remove(at).transaction)
            .ok_or_else(|| ended(number))
    }

    /// What is done outside of the innermost part would be undone with it.
    fn innermost<T>(
        &self,
        place: &Place,
        number: u64,
        act: impl FnOnce(&mut Open) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.find(place, number, |open| match open.innermost() == number {
            true => act(open),
            false => Err(Refusal::failed(
                "a part of this transaction is open: use what its closure is given",
            )),
        })
    }

    /// The place too must be the one that it was begun at: a number is no right to a database.
    fn find<T>(
        &self,
        place: &Place,
        number: u64,
        act: impl FnOnce(&mut Open) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut all = self.open.borrow_mut();
        let mut all = all.iter_mut();
        let open = all.find(|open| open.place == *place && open.has(number));
        act(open.ok_or_else(|| ended(number))?)
    }

    fn number(&self) -> u64 {
        self.last.set(self.last.get() + 1);
        self.last.get()
    }
}

fn ended(number: u64) -> Refusal {
    Refusal::failed(format!("there is no open transaction {number}"))
}

#[cfg(test)]
mod tests {
    use harmonious_db::{Config, Database};

    use super::*;

    fn place(name: &str) -> Place {
        Place {
            name: name.to_owned(),
            is_visitor: false,
        }
    }

    #[test]
    fn parts_are_kept_and_undone_from_the_inside() {
        let db = Database::open(&Config::new("sqlite::memory:")).unwrap();
        db.script("CREATE TABLE t (n INTEGER)").unwrap();
        let (all, site) = (Transactions::default(), place("site"));
        let write = |number, n: i64| {
            all.with(&site, number, |tx| {
                Ok(tx.execute("INSERT INTO t VALUES (?)", &[n.into()])?)
            })
        };
        let whole = all.begin(site.clone(), || Ok(db.begin()?)).unwrap();
        write(whole, 1).unwrap();
        let kept = all.begin_part(&site, whole).unwrap();
        write(kept, 2).unwrap();
        assert!(write(whole, 9).is_err(), "while a part is open");
        assert!(all.commit(&site, whole).is_err(), "while a part is open");
        let undone = all.begin_part(&site, kept).unwrap();
        write(undone, 3).unwrap();
        all.roll_back(&site, undone).unwrap();
        assert!(write(undone, 9).is_err(), "it is over");
        all.commit(&site, kept).unwrap();
        // Parts go with the one around them.
        let outer = all.begin_part(&site, whole).unwrap();
        let inner = all.begin_part(&site, outer).unwrap();
        write(inner, 4).unwrap();
        all.roll_back(&site, outer).unwrap();
        assert!(all.commit(&site, inner).is_err());
        write(whole, 5).unwrap();
        assert!(
            all.with(&place("/forum/"), whole, |_| Ok(())).is_err(),
            "a number is no right to a database"
        );
        all.commit(&site, whole).unwrap();
        let rows = db.query("SELECT n FROM t ORDER BY n", &[]).unwrap();
        let numbers: Vec<i64> = rows.iter().map(|row| row.at(0).unwrap()).collect();
        assert_eq!(numbers, [1, 2, 5]);
    }
}
