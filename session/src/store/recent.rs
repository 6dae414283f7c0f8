//! Sessions as they were read from a database, for as long as nothing is committed to it.

use std::collections::HashMap;
use std::sync::Arc;

use harmonious_db::Version;

use super::Stored;
use crate::config::{MEMORY_RECORD_BYTES, RECENT_BYTES};
use crate::id::SessionKey;

/// Sessions of one version of a database: with the next one, whatever was written, all of them go.
#[derive(Default)]
pub struct Recent {
    version: Option<Version>,
    sessions: HashMap<SessionKey, Arc<Stored>>,
    bytes: usize,
}

impl Recent {
    /// The session of that key, if it was read at this version.
    pub fn get(&self, version: &Version, key: &SessionKey) -> Option<Arc<Stored>> {
        let is_it = self.version.as_ref() == Some(version);
        is_it.then(|| self.sessions.get(key).cloned()).flatten()
    }

    /// Keeps one that was read after the database had this version.
    pub fn put(&mut self, version: Version, key: SessionKey, stored: Arc<Stored>) {
        let bytes = bytes(&stored);
        if self.version != Some(version) || self.bytes + bytes > RECENT_BYTES {
            self.version = Some(version);
            self.sessions.clear();
            self.bytes = 0;
        }
        if self.sessions.insert(key, stored).is_none() {
            self.bytes += bytes;
        }
    }
}

/// What it takes, about.
fn bytes(stored: &Stored) -> usize {
    let Stored { record, values } = stored;
    let values: usize = (values.iter())
        .map(|(key, value)| key.len() + value.len())
        .sum();
    let user = record.user.as_ref().map_or(0, String::len);
    MEMORY_RECORD_BYTES + user + record.user_agent.len() + record.address.len() + values
}
