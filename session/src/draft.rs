//! What a request makes of its session, in memory, until it is written: no store, no clock.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{
    ADDRESS_BYTES_MAX, FLASHES_MAX, KEY_BYTES_MAX, USER_AGENT_BYTES_MAX, VALUE_BYTES_MAX,
};
use crate::error::{Result, SessionError, beginning};
use crate::flash::{self, Flash};
use crate::id::{Handle, SessionId};
use crate::sessions::{Client, expiry};
use crate::settings::Settings;
use crate::store::{Change, Record, Stored, fits};

/// A session as one request sees and changes it.
pub struct Draft {
    /// What the store has, under which id; none while the session is only here.
    stored: Option<(SessionId, Record)>,
    /// The store had it when the request began.
    found: bool,
    /// The id that it will have: drawn when it is first needed, by a token for example.
    next: Option<SessionId>,
    /// What it will be called; drawn when it is first needed.
    handle: Option<Handle>,
    user: Option<String>,
    values: BTreeMap<String, Vec<u8>>,
    /// Keys whose value is not the store's, or is gone.
    changed: BTreeSet<String>,
    /// Its user logged in: its absolute life begins anew.
    login: bool,
    /// Something in memory is to belong to it.
    owned: bool,
    /// What it was called before, while only this request knew it and something belonged to it.
    orphaned: Vec<Handle>,
    /// The session that was there before, and is to be removed.
    ended: Option<Handle>,
    /// Numbers the flashes of this request.
    flashes: u32,
}

/// Whether an author may use a key.
pub fn check_key(key: &str) -> Result<()> {
    if (1..=KEY_BYTES_MAX).contains(&key.len())
        && !key.starts_with(flash::RESERVED)
        && !key.chars().any(char::is_control)
    {
        return Ok(());
    }
    let key = beginning(key);
    Err(SessionError::Key { key })
}

impl Draft {
    pub fn new(stored: Option<(SessionId, Stored)>) -> Draft {
        let (stored, values) = match stored {
            Some((id, stored)) => (Some((id, stored.record)), stored.values),
            None => (None, Vec::new()),
        };
        Draft {
            found: stored.is_some(),
            next: None,
            handle: stored.as_ref().map(|(_, record)| record.handle),
            user: stored.as_ref().and_then(|(_, record)| record.user.clone()),
            values: values.into_iter().collect(),
            changed: BTreeSet::new(),
            login: false,
            owned: false,
            orphaned: Vec::new(),
            ended: None,
            flashes: 0,
            stored,
        }
    }

    pub fn exists(&self) -> bool {
        self.stored.is_some() || self.is_wanted()
    }

    /// Whether it is to be made if it is not there.
    pub fn is_wanted(&self) -> bool {
        !self.values.is_empty() || self.user.is_some() || self.owned
    }

    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.values.get(key).map(Vec::as_slice)
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    pub fn set(&mut self, key: &str, value: &[u8]) -> Result<()> {
        if value.len() > VALUE_BYTES_MAX {
            let (key, bytes) = (key.to_owned(), value.len());
            return Err(SessionError::Value { key, bytes });
        }
        let old = self.get(key);
        if old == Some(value) {
            return Ok(());
        }
        let others: usize = (self.values.iter())
            .filter(|(other, _)| *other != key)
            .map(|(key, value)| key.len() + value.len())
            .sum();
        let keys = self.values.len() + usize::from(old.is_none());
        if !fits(keys, others + key.len() + value.len()) {
            return Err(SessionError::Full);
        }
        self.values.insert(key.to_owned(), value.to_vec());
        self.changed.insert(key.to_owned());
        Ok(())
    }

    pub fn remove(&mut self, key: &str) {
        if self.values.remove(key).is_some() {
            self.changed.insert(key.to_owned());
        }
    }

    pub fn flash(&mut self, now_ms: u64, kind: &str, text: &str) -> Result<()> {
        let waiting: Vec<String> = self.flash_keys();
        if waiting.len() >= FLASHES_MAX {
            self.remove(&waiting[0]);
        }
        // After those that wait, also within one millisecond.
        let key = flash::key(now_ms, self.flashes.saturating_add(waiting.len() as u32))?;
        self.flashes = self.flashes.saturating_add(1);
        self.set(&key, &flash::write(kind, text))
    }

    pub fn take_flashes(&mut self) -> Vec<Flash> {
        let mut flashes = Vec::new();
        for key in self.flash_keys() {
            flashes.extend(self.get(&key).and_then(flash::read));
            self.remove(&key);
        }
        flashes
    }

    fn flash_keys(&self) -> Vec<String> {
        let keys = self.keys().filter(|key| flash::is_key(key));
        keys.map(str::to_owned).collect()
    }

    pub fn set_user(&mut self, user: Option<&str>) -> Result<()> {
        if self.user.is_some() && self.user.as_deref() != user {
            self.destroy();
        }
        if user.is_some() {
            self.renew()?;
            self.login = true;
        }
        self.user = user.map(str::to_owned);
        Ok(())
    }

    pub fn renew(&mut self) -> Result<()> {
        self.next = Some(SessionId::draw()?);
        Ok(())
    }

    pub fn destroy(&mut self) {
        let stored = self.stored.take().map(|(_, record)| record.handle);
        // A session of this request only was never anywhere, but things may belong to it.
        if let Some(owner) = self.handle.filter(|_| self.owned && stored.is_none()) {
            self.orphaned.push(owner);
        }
        *self = Draft {
            found: self.found,
            ended: self.ended.or(stored),
            orphaned: std::mem::take(&mut self.orphaned),
            ..Draft::new(None)
        };
    }

    pub fn handle(&self) -> Option<Handle> {
        self.handle.filter(|_| self.exists())
    }

    pub fn owner(&mut self) -> Result<Handle> {
        self.owned = true;
        self.draw_handle()
    }

    fn draw_handle(&mut self) -> Result<Handle> {
        if let Some(handle) = self.handle {
            return Ok(handle);
        }
        Ok(*self.handle.insert(Handle::draw()?))
    }

    /// Whether the store had it when the request began.
    pub fn was_found(&self) -> bool {
        self.found
    }

    /// The id that it will have when the request is over.
    pub fn id(&mut self) -> Result<SessionId> {
        if let Some(next) = &self.next {
            return Ok(next.clone());
        }
        if let Some((id, _)) = &self.stored {
            return Ok(id.clone());
        }
        Ok(self.next.insert(SessionId::draw()?).clone())
    }

    /// The id under which the store has it.
    pub fn stored_id(&self) -> Option<SessionId> {
        self.stored.as_ref().map(|(id, _)| id.clone())
    }

    pub fn seen_ms(&self) -> u64 {
        self.stored.as_ref().map_or(0, |(_, record)| record.seen_ms)
    }

    /// Sessions of this request only that ended within it, while things belonged to them.
    pub fn orphaned(&self) -> &[Handle] {
        &self.orphaned
    }

    /// The session that is to be removed.
    pub fn ended(&self) -> Option<Handle> {
        self.ended
    }

    /// It is removed.
    pub fn removed(&mut self) {
        self.ended = None;
    }

    pub fn is_login(&self) -> bool {
        self.login
    }

    /// Whether a session that the store has is to be written.
    pub fn is_changed(&self) -> bool {
        !self.changed.is_empty() || self.next.is_some()
    }

    /// Whether nothing is lost if it cannot be written any more: at most messages were shown.
    pub fn is_weak(&self) -> bool {
        let shown = |key: &String| flash::is_key(key) && !self.values.contains_key(key);
        self.next.is_none() && self.changed.iter().all(shown)
    }

    /// What the store is to know of it.
    pub fn record(&mut self, now_ms: u64, client: &Client, settings: &Settings) -> Result<Record> {
        let created_ms = match &self.stored {
            Some((_, record)) if !self.login => record.created_ms,
            _ => now_ms,
        };
        Ok(Record {
            handle: self.draw_handle()?,
            user: self.user.clone(),
            created_ms,
            seen_ms: now_ms,
            expires_ms: expiry(created_ms, now_ms, settings),
            user_agent: cut(&client.user_agent, USER_AGENT_BYTES_MAX),
            address: cut(&client.address, ADDRESS_BYTES_MAX),
        })
    }

    pub fn all_values(&self) -> Vec<(&str, &[u8])> {
        let values = self.values.iter();
        values
            .map(|(key, value)| (key.as_str(), value.as_slice()))
            .collect()
    }

    pub fn changes(&self) -> Vec<Change<'_>> {
        let keys = self.changed.iter();
        keys.map(|key| (key.as_str(), self.get(key))).collect()
    }

    /// The store has it, as this record and with these values.
    pub fn written(&mut self, record: Record) {
        let id = self.next.take().or_else(|| self.stored_id());
        self.stored = id.map(|id| (id, record));
        self.changed.clear();
        self.login = false;
    }
}

/// The beginning of a text, without control characters, so long at most.
fn cut(text: &str, bytes_max: usize) -> String {
    let mut cut = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if cut.len() + c.len_utf8() > bytes_max {
            break;
        }
        cut.push(c);
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SESSION_KEYS_MAX;

    #[test]
    fn keys_are_names() {
        for key in ["a", "wiki/draft", "é", &"k".repeat(KEY_BYTES_MAX)] {
            assert!(check_key(key).is_ok(), "{key}");
        }
        for key in [
            "",
            "~flash/x",
            "a\0",
            "a\nb",
            &"k".repeat(KEY_BYTES_MAX + 1),
        ] {
            assert!(check_key(key).is_err(), "{key}");
        }
    }

    #[test]
    fn a_draft_holds_so_much_and_no_more() {
        let mut draft = Draft::new(None);
        assert!(draft.set("k", &vec![0; VALUE_BYTES_MAX + 1]).is_err());
        for number in 0..3 {
            draft
                .set(&number.to_string(), &vec![0; VALUE_BYTES_MAX])
                .unwrap();
        }
        draft.set("3", &vec![0; VALUE_BYTES_MAX - 4]).unwrap();
        assert!(matches!(draft.set("4", b""), Err(SessionError::Full)));
        let mut draft = Draft::new(None);
        for number in 0..SESSION_KEYS_MAX {
            draft.set(&number.to_string(), b"").unwrap();
        }
        assert!(matches!(draft.set("one", b""), Err(SessionError::Full)));
        draft.set("1", b"again").unwrap();
        draft.remove("2");
        draft.set("one", b"").unwrap();
    }

    #[test]
    fn the_oldest_flash_goes_for_a_new_one() {
        let mut draft = Draft::new(None);
        for number in 0..FLASHES_MAX + 2 {
            draft.flash(1, "info", &number.to_string()).unwrap();
        }
        let flashes = draft.take_flashes();
        assert_eq!(flashes.len(), FLASHES_MAX);
        assert_eq!(
            (flashes[0].text.as_str(), flashes[0].kind.as_str()),
            ("2", "info")
        );
        assert!(draft.take_flashes().is_empty() && !draft.is_wanted());
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("Mozilla/5.0\n", 255), "Mozilla/5.0");
        assert_eq!(cut("aéé", 4), "aé");
    }
}
