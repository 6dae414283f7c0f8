//! [`Draft`]: what a request of a test makes of its session, until it is written at the end. It follows the
//! rules of the server's `session/README.md`.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::{
    ABSOLUTE_DEFAULT, FLASH_BYTES_MAX, FLASHES_MAX, KEY_BYTES_MAX, SEEN_WRITE_EVERY,
    SESSION_BYTES_MAX, SESSION_KEYS_MAX, USER_BYTES_MAX, VALUE_BYTES_MAX,
};
use super::store::{Record, Store, millis};
use crate::error::{Error, Result};

/// The name of the cookie that has a session's id, as a server without TLS and without settings has it.
pub const COOKIE: &str = "session";
/// Keys that begin so are the server's.
const RESERVED: char = '~';
/// Keys of flashes begin so.
const FLASH: &str = "~flash/";

/// A message for the next page that shows them, as a template gets it.
///
/// ```
/// use harmonious::testing::Flash;
///
/// assert_eq!(Flash::new("info", "saved").text, "saved");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Flash {
    /// What sort it is.
    pub kind: String,
    /// What it says.
    pub text: String,
}

impl Flash {
    /// For a comparison.
    ///
    /// ```
    /// use harmonious::testing::{Flash, Site};
    ///
    /// let site = Site::new();
    /// let visitor = site.visitor().with_flash("info", "saved");
    /// assert_eq!(visitor.flashes(), [Flash::new("info", "saved")]);
    /// ```
    #[must_use]
    pub fn new(kind: &str, text: &str) -> Flash {
        Flash {
            kind: kind.to_owned(),
            text: text.to_owned(),
        }
    }
}

/// A session as one request sees and changes it.
#[derive(Debug, Default)]
pub struct Draft {
    /// The id under which the store has it; none while it is only here.
    stored: Option<String>,
    /// The id that it will have, once it is needed.
    next: Option<String>,
    /// What it is called, and since when; nothing while the store has none.
    record: Record,
    /// Keys whose value is not the store's, or is gone.
    changed: BTreeSet<String>,
    /// Its user signed in: its life begins anew.
    login: bool,
    /// Something in memory is to belong to it.
    owned: bool,
    /// The handle of the session that was there before, and is to be removed.
    ended: Option<String>,
}

impl Draft {
    /// The session of that id if there is one.
    pub fn load(store: &Store, id: Option<&str>) -> Draft {
        let found = id.and_then(|id| Some((id.to_owned(), store.load(id)?.clone())));
        let (stored, record) = found.unzip();
        Draft {
            stored,
            record: record.unwrap_or_default(),
            ..Draft::default()
        }
    }

    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.record.values.get(key).map(Vec::as_slice)
    }

    pub fn user(&self) -> Option<&str> {
        self.record.user.as_deref()
    }

    /// What it is called, if it was written before.
    pub fn handle(&self) -> Option<&str> {
        self.stored.as_ref().map(|_| self.record.handle.as_str())
    }

    /// What it is called, for what is to belong to it in memory; it is made if there is none.
    pub fn owner(&mut self, store: &mut Store) -> String {
        self.owned = true;
        if self.record.handle.is_empty() {
            self.record.handle = draw_handle(store);
        }
        self.record.handle.clone()
    }

    /// What it is called, if it was written before or owns something.
    pub fn owned_handle(&self) -> Option<&str> {
        let is_there = self.stored.is_some() || self.owned;
        is_there.then_some(self.record.handle.as_str())
    }

    pub fn set(&mut self, key: &str, value: &[u8]) -> Result<()> {
        check_key(key)?;
        self.put(key, value)
    }

    pub fn remove(&mut self, key: &str) -> Result<()> {
        check_key(key)?;
        self.take(key);
        Ok(())
    }

    pub fn flash(&mut self, store: &mut Store, kind: &str, text: &str) -> Result<()> {
        let bytes = kind.len() + text.len();
        if bytes > FLASH_BYTES_MAX {
            return Err(failed(format!(
                "the flash has {bytes} bytes, more than {FLASH_BYTES_MAX}: shorten it"
            )));
        }
        let waiting = flash_keys(&self.record.values);
        if waiting.len() >= FLASHES_MAX {
            self.take(&waiting[0]);
        }
        // As long as the server's, since keys count, and in the order in which they came.
        let key = format!("{FLASH}{:032x}", store.draw());
        self.put(&key, &rmp_serde::to_vec(&(kind, text))?)
    }

    pub fn take_flashes(&mut self) -> Vec<Flash> {
        let flashes = flashes(&self.record.values);
        for key in flash_keys(&self.record.values) {
            self.take(&key);
        }
        flashes
    }

    pub fn sign_in(&mut self, store: &mut Store, user: &str) -> Result<()> {
        if !(1..=USER_BYTES_MAX).contains(&user.len()) {
            return Err(failed(format!(
                "the user has {} bytes: take 1 to {USER_BYTES_MAX}, such as the key of its row",
                user.len()
            )));
        }
        if self.user().is_some_and(|other| other != user) {
            self.destroy();
        }
        self.renew(store);
        self.login = true;
        self.record.user = Some(user.to_owned());
        Ok(())
    }

    pub fn renew(&mut self, store: &mut Store) {
        self.next = Some(draw_id(store));
    }

    pub fn destroy(&mut self) {
        let handle = self.handle().map(str::to_owned);
        *self = Draft {
            ended: handle.or(self.ended.take()),
            ..Draft::default()
        };
    }

    /// One token for one id. The server masks it anew each time.
    pub fn csrf_token(&mut self, store: &mut Store) -> String {
        format!("csrf-{}", self.id(store))
    }

    /// Writes what changed; the value of `Set-Cookie` for the answer, if it needs one.
    pub fn commit(
        &mut self,
        store: &mut Store,
        user_agent: &str,
        address: &str,
    ) -> Result<Option<String>> {
        let ended = self.ended.take();
        if let Some(handle) = &ended {
            store.remove(handle);
        }
        if self.stored.is_some() {
            self.check_alive(store)?;
        }
        let is_wanted = !self.record.values.is_empty() || self.record.user.is_some() || self.owned;
        let is_written = match &self.stored {
            Some(was) => store.load(was).is_some() && (self.is_changed() || self.is_stale(store)),
            None => is_wanted,
        };
        if !is_written {
            return Ok(ended.map(|_| format!("{COOKIE}=; {ATTRIBUTES}; Max-Age=0")));
        }
        user_agent.clone_into(&mut self.record.user_agent);
        address.clone_into(&mut self.record.address);
        Ok(self.write(store))
    }

    fn write(&mut self, store: &mut Store) -> Option<String> {
        let (was, id) = (self.stored.take(), self.next.take());
        let id = id.or_else(|| was.clone());
        let id = id.unwrap_or_else(|| draw_id(store));
        let now = store.now_ms();
        if self.record.handle.is_empty() {
            self.record.handle = draw_handle(store);
        }
        if was.is_none() || self.login {
            self.record.created_ms = now;
        }
        self.record.seen_ms = now;
        store.write(was.as_deref(), &id, self.record.clone());
        if let Some(user) = self.record.user.as_deref().filter(|_| self.login) {
            store.limit(user, &self.record.handle);
        }
        self.changed.clear();
        self.login = false;
        let until = (self.record.created_ms).saturating_add(millis(ABSOLUTE_DEFAULT));
        let life_s = until.saturating_sub(now) / 1000;
        let is_new = was.as_ref() != Some(&id);
        let cookie = is_new.then(|| format!("{COOKIE}={id}; {ATTRIBUTES}; Max-Age={life_s}"));
        self.stored = Some(id);
        cookie
    }

    /// A session that ended meanwhile takes nothing more, but that messages were shown.
    fn check_alive(&self, store: &Store) -> Result<()> {
        let is_shown = |key: &String| key.starts_with(FLASH) && self.get(key).is_none();
        let is_weak = self.next.is_none() && self.changed.iter().all(is_shown);
        let is_there = self.stored.as_deref().and_then(|id| store.load(id));
        match is_there.is_some() || is_weak {
            true => Ok(()),
            false => Err(Error::new(503, "").with_detail(
                "the session ended or was renewed by another request meanwhile: send the request again",
            )),
        }
    }

    fn is_changed(&self) -> bool {
        !self.changed.is_empty() || self.next.is_some()
    }

    fn is_stale(&self, store: &Store) -> bool {
        store.now_ms() - self.record.seen_ms >= millis(SEEN_WRITE_EVERY)
    }

    /// The id that it will have when the request is over.
    fn id(&mut self, store: &mut Store) -> String {
        let known = self.next.as_ref().or(self.stored.as_ref());
        match known {
            Some(id) => id.clone(),
            None => self.next.insert(draw_id(store)).clone(),
        }
    }

    fn put(&mut self, key: &str, value: &[u8]) -> Result<()> {
        let bytes = value.len();
        if bytes > VALUE_BYTES_MAX {
            return Err(failed(format!(
                "the value of {key:?} has {bytes} bytes, more than {VALUE_BYTES_MAX}: \
                 keep it in the database, and its key in the session"
            )));
        }
        let old = self.get(key);
        if old == Some(value) {
            return Ok(());
        }
        if !fits(&self.record.values, key, value) {
            return Err(failed(format!(
                "the session would hold more than {SESSION_KEYS_MAX} keys or {SESSION_BYTES_MAX} bytes: \
                 remove some of them, or keep them in the database"
            )));
        }
        self.record.values.insert(key.to_owned(), value.to_vec());
        self.changed.insert(key.to_owned());
        Ok(())
    }

    fn take(&mut self, key: &str) {
        if self.record.values.remove(key).is_some() {
            self.changed.insert(key.to_owned());
        }
    }
}

/// What the server's cookie says besides.
const ATTRIBUTES: &str = "HttpOnly; SameSite=Lax; Path=/";

/// The messages that wait, the oldest first.
pub fn flashes(values: &BTreeMap<String, Vec<u8>>) -> Vec<Flash> {
    let waiting = flash_keys(values);
    let read = |key: &String| rmp_serde::from_slice::<(String, String)>(values.get(key)?).ok();
    let pairs = waiting.iter().filter_map(read);
    pairs.map(|(kind, text)| Flash { kind, text }).collect()
}

fn flash_keys(values: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let keys = values.keys().filter(|key| key.starts_with(FLASH));
    keys.cloned().collect()
}

/// Whether a session of these values has room for one more, or for another value of that key.
fn fits(values: &BTreeMap<String, Vec<u8>>, key: &str, value: &[u8]) -> bool {
    let others = values.iter().filter(|(other, _)| *other != key);
    let others = others.map(|(key, value)| key.len() + value.len());
    let (keys, bytes) = others.fold((1, key.len() + value.len()), |(keys, sum), bytes| {
        (keys + 1, sum + bytes)
    });
    keys <= SESSION_KEYS_MAX && bytes <= SESSION_BYTES_MAX
}

fn draw_handle(store: &mut Store) -> String {
    format!("test-handle-{}", store.draw())
}

fn draw_id(store: &mut Store) -> String {
    format!("test-session-{}", store.draw())
}

fn check_key(key: &str) -> Result<()> {
    if (1..=KEY_BYTES_MAX).contains(&key.len())
        && !key.starts_with(RESERVED)
        && !key.chars().any(char::is_control)
    {
        return Ok(());
    }
    let key: String = key.chars().take(40).collect();
    Err(failed(format!(
        "{key:?} is no key of a session: take 1 to {KEY_BYTES_MAX} bytes without control characters, \
         the first one not `~`"
    )))
}

fn failed(detail: String) -> Error {
    Error::internal(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_holds_so_much_and_no_more() {
        let mut draft = Draft::default();
        for key in ["", "~flash/x", "a\nb", &"k".repeat(KEY_BYTES_MAX + 1)] {
            assert!(draft.set(key, b"").is_err(), "{key}");
        }
        assert!(draft.set("k", &[0; VALUE_BYTES_MAX + 1]).is_err());
        for number in 0..3 {
            draft
                .set(&number.to_string(), &[0; VALUE_BYTES_MAX])
                .unwrap();
        }
        draft.set("3", &[0; VALUE_BYTES_MAX - 4]).unwrap();
        let full = draft.set("4", b"").unwrap_err();
        assert!(full.detail().starts_with("the session would hold"));
        let mut draft = Draft::default();
        for number in 0..SESSION_KEYS_MAX {
            draft.set(&number.to_string(), b"").unwrap();
        }
        assert!(draft.set("one", b"").is_err());
        draft.remove("2").unwrap();
        draft.set("one", b"").unwrap();
    }

    #[test]
    fn the_oldest_flash_goes_for_a_new_one() {
        let (mut store, mut draft) = (Store::default(), Draft::default());
        for number in 0..FLASHES_MAX + 2 {
            draft
                .flash(&mut store, "info", &number.to_string())
                .unwrap();
        }
        assert!(
            draft
                .flash(&mut store, "", &"x".repeat(FLASH_BYTES_MAX + 1))
                .is_err()
        );
        let flashes = draft.take_flashes();
        assert_eq!(flashes.len(), FLASHES_MAX);
        assert_eq!(flashes[0], Flash::new("info", "2"));
        assert_eq!(draft.commit(&mut store, "", "").unwrap(), None);
    }

    #[test]
    fn what_was_written_is_found_by_its_id_only() {
        let mut store = Store::default();
        let mut draft = Draft::default();
        draft.set("a", b"1").unwrap();
        let cookie = draft.commit(&mut store, "", "").unwrap().unwrap();
        let id = cookie.split([';', '=']).nth(1).unwrap().to_owned();
        assert!(cookie.ends_with("; Max-Age=7776000"), "{cookie}");
        let mut draft = Draft::load(&store, Some(&id));
        assert_eq!(draft.get("a"), Some(&b"1"[..]));
        assert_eq!(draft.commit(&mut store, "", "").unwrap(), None);
        draft.renew(&mut store);
        assert!(draft.commit(&mut store, "", "").unwrap().is_some());
        assert_eq!(Draft::load(&store, Some(&id)).get("a"), None);
    }
}
