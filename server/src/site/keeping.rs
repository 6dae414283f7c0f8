//! What a site keeps: its database, the sessions of its visitors, its keys. Each is opened when something
//! first needs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use harmonious_db::{Config, Database, Migrations};
use harmonious_dispatcher::Manifest;
use harmonious_dispatcher::http::HeaderMap;
use harmonious_dispatcher::http::header::COOKIE;
use harmonious_session::config::{INSTANCES_BYTES, INSTANCES_MAX};
use harmonious_session::{
    Clock, Cost, CsrfPolicy, DatabaseStore, KeyRing, MemoryStore, Passwords, Sessions, Settings,
    Throttle,
};
use parking_lot::Mutex;

use super::databases::Databases;
use super::databases_toml::{Around, Plan};
use super::exchange::Refusal;
use super::instances::SiteInstances;
use super::visitors::{Checked, Connections};
use crate::failure::Failure;

/// How many passwords are hashed at a time: each takes some 20 MB and one core for some 30 ms.
const HASHING_MAX: usize = 2;
/// What `site.toml` says of it.
#[derive(Clone, Debug)]
pub struct KeepingConfig {
    /// The URL of the database; empty for `data/site.db`.
    pub database_url: String,
    /// Connections to it at most.
    pub connections_max: Option<u32>,
    /// How long one statement may take.
    pub query_time_max: Option<Duration>,
    /// Connections of visitors under their own credentials at most.
    pub user_connections_max: usize,
    /// Its secrets: URLs of its domains' databases are among them.
    pub secrets: Secrets,
    /// Of the sessions.
    pub sessions: Settings,
    /// Instances of all sessions at most.
    pub instances_max: usize,
    /// Bytes of all instances at most, as their modules estimate them.
    pub instance_bytes_max: u64,
    /// Whether sessions are kept in memory only.
    pub sessions_in_memory: bool,
    /// Whether all visitors come through TLS, in front of this server.
    pub secure: bool,
    /// Addresses of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub proxies: Vec<String>,
    /// Other origins whose forms are taken.
    pub origins: Vec<String>,
}

impl Default for KeepingConfig {
    fn default() -> KeepingConfig {
        KeepingConfig {
            database_url: String::new(),
            connections_max: None,
            query_time_max: None,
            user_connections_max: harmonious_session::config::CONNECTIONS_MAX,
            secrets: Secrets::default(),
            sessions: Settings::default(),
            instances_max: INSTANCES_MAX,
            instance_bytes_max: INSTANCES_BYTES,
            sessions_in_memory: false,
            secure: false,
            proxies: Vec::new(),
            origins: Vec::new(),
        }
    }
}

/// Secrets by name, which are not shown.
#[derive(Clone, Default)]
pub struct Secrets(pub BTreeMap<String, String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

/// What one site keeps.
pub struct Keeping {
    config: KeepingConfig,
    data: PathBuf,
    /// From where unsafe requests are taken.
    pub csrf: CsrfPolicy,
    /// Failed logins.
    pub throttle: Throttle,
    /// What sessions own in memory.
    pub instances: Arc<SiteInstances>,
    /// What time it is.
    pub clock: Clock,
    /// Of visitors who bring no session: nothing is ever kept in it.
    visitors: Arc<Sessions>,
    /// Of its domains.
    pub databases: Databases,
    /// Of visitors under their own credentials.
    pub connections: Arc<Connections>,
    /// Users of the databases whose passwords are checked there.
    pub checked: Checked,
    database: Mutex<Option<Database>>,
    sessions: Mutex<Option<Arc<Sessions>>>,
    passwords: Mutex<Option<Arc<Passwords>>>,
    ring: Mutex<Option<Arc<KeyRing>>>,
}

impl Keeping {
    /// The file of keys for sealed texts, in the folder of the site's data.
    pub const KEYS: &'static str = "keys";

    /// The folder of numbered SQL files of a site.
    pub const MIGRATIONS: &'static str = "migrations";

    /// Of a site with that folder for its data.
    ///
    /// # Errors
    /// What `site.toml` says cannot be meant so.
    pub fn new(config: KeepingConfig, data: &Path) -> Result<Keeping, Failure> {
        let wrong = |error: harmonious_session::SessionError| Failure::Usage(error.to_string());
        let origins = config.origins.iter().map(String::as_str);
        let csrf = CsrfPolicy::default().origins(origins).map_err(wrong)?;
        let clock = Clock::system();
        let settings = config.sessions.clone();
        let visitors = Sessions::new(MemoryStore::default(), settings, clock.clone());
        Ok(Keeping {
            visitors: Arc::new(visitors.map_err(wrong)?),
            throttle: Throttle::new(clock.clone()).map_err(wrong)?,
            instances: Arc::new(SiteInstances::new(
                clock.clone(),
                config.instances_max,
                config.instance_bytes_max,
            )),
            connections: Arc::new(Connections::new(config.user_connections_max, clock.clone())),
            checked: Checked::default(),
            databases: Databases::default(),
            clock,
            csrf,
            config,
            data: data.to_owned(),
            database: Mutex::default(),
            sessions: Mutex::default(),
            passwords: Mutex::default(),
            ring: Mutex::default(),
        })
    }

    /// Brings the database up to date with the migrations of the site; opens it in any case where the site
    /// says which it is. What was applied.
    ///
    /// # Errors
    /// It cannot be reached, or a migration fails.
    pub fn prepare(&self, site: &Path) -> Result<Vec<String>, Failure> {
        let folder = site.join(Self::MIGRATIONS);
        if self.config.database_url.is_empty() && !folder.is_dir() {
            return Ok(Vec::new());
        }
        let database = self.open()?;
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let failed =
            |error: harmonious_db::Error| Failure::Failed(format!("{}: {error}", folder.display()));
        let migrations = Migrations::read(&folder, database.backend()).map_err(failed)?;
        database.migrate(&migrations).map_err(failed)
    }

    /// The site's database, for a command.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(&self) -> Result<Database, Failure> {
        let database = self.database();
        database.map_err(|refusal| Failure::Failed(refusal.0.detail))
    }

    /// The site's database.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn database(&self) -> Result<Database, Refusal> {
        opened(&self.database, || {
            if self.config.database_url.is_empty() {
                self.make_data()?;
            }
            let mut config = Config::new(self.url());
            if let Some(connections) = self.config.connections_max {
                config.connections_max = connections;
            }
            if let Some(time) = self.config.query_time_max {
                config.query_time_max = time;
            }
            Ok(Database::open(&config)?)
        })
    }

    fn url(&self) -> String {
        match self.config.database_url.as_str() {
            "" => format!("sqlite:{}", self.data.join("site.db").display()),
            url => url.to_owned(),
        }
    }

    /// What the domains of a manifest of the site in that folder declare.
    pub fn plan(&self, site: &Path, manifest: &Manifest) -> Plan {
        let around = Around {
            site,
            data: &self.data,
            secrets: &self.config.secrets.0,
            own_url: &self.url(),
        };
        Plan::read(manifest, &around)
    }

    /// Has the domains' databases be those of another plan. Visitors lose their connections to those
    /// that are others now.
    pub fn follow(&self, plan: Plan) {
        for domain in self.databases.follow(plan) {
            self.connections.close_named(&domain);
            self.checked.clear();
        }
    }

    /// Brings the databases of the domains up to date. What was applied, with the domain.
    ///
    /// # Errors
    /// One cannot be reached, or a migration fails.
    pub fn prepare_domains(&self) -> Result<Vec<String>, Failure> {
        let mut applied = Vec::new();
        for (domain, database) in self.databases.all().iter() {
            let names = database.prepare()?.into_iter();
            applied.extend(names.map(|name| format!("{domain} {name}")));
        }
        Ok(applied)
    }

    /// The sessions of those who bring none: to look at a request, or to render a page, without a store. A
    /// site that keeps nothing has none.
    pub fn visitors(&self) -> &Arc<Sessions> {
        &self.visitors
    }

    /// Whether a request brings what may be a session.
    pub fn brings_a_session(&self, headers: &HeaderMap) -> bool {
        let name = self.config.sessions.cookie.as_bytes();
        let cookies = headers.get_all(COOKIE).iter();
        let mut named = cookies.map(|cookie| {
            let mut windows = cookie.as_bytes().windows(name.len());
            windows.any(|window| window == name)
        });
        named.any(|is_named| is_named)
    }

    /// The sessions of its visitors.
    ///
    /// # Errors
    /// Their store cannot be opened.
    pub fn sessions(&self) -> Result<Arc<Sessions>, Refusal> {
        opened(&self.sessions, || {
            let (settings, clock) = (self.config.sessions.clone(), self.clock.clone());
            let sessions = match self.config.sessions_in_memory {
                true => Sessions::new(MemoryStore::default(), settings, clock)?,
                false => Sessions::new(DatabaseStore::new(self.database()?)?, settings, clock)?,
            };
            let instances = Arc::clone(&self.instances);
            let connections = Arc::clone(&self.connections);
            let sessions = sessions.on_end(move |session, _| {
                connections.end_session(session);
                instances.end_session(session);
            });
            Ok(Arc::new(sessions))
        })
    }

    /// Hashes passwords.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn passwords(&self) -> Result<Arc<Passwords>, Refusal> {
        opened(&self.passwords, || {
            Ok(Arc::new(Passwords::new(Cost::default(), HASHING_MAX)?))
        })
    }

    /// Seals small texts.
    ///
    /// # Errors
    /// The file of keys cannot be read or made, or others can read it.
    pub fn ring(&self) -> Result<Arc<KeyRing>, Refusal> {
        opened(&self.ring, || {
            self.make_data()?;
            Ok(Arc::new(KeyRing::load(&self.data.join(Self::KEYS))?))
        })
    }

    /// The file of keys may be another: it is read again when something is sealed or opened.
    pub fn forget_ring(&self) {
        *self.ring.lock() = None;
    }

    /// Whether a visitor comes through TLS, and from where, as far as the proxy before us is believed.
    pub fn client(&self, peer: &str, headers: &HeaderMap) -> (bool, String) {
        let is_trusted = self.config.proxies.iter().any(|proxy| proxy == peer);
        if !is_trusted {
            return (self.config.secure, peer.to_owned());
        }
        let told = |name| {
            // Each proxy appends what it saw, to the line that came or as a line of its own: the last of
            // the last line is what the one before us says. What stands before it anybody may have sent.
            let mut lines = headers.get_all(name).iter();
            let value = lines.next_back()?.to_str().ok()?;
            value.rsplit(',').next().map(str::trim)
        };
        let secure = told("x-forwarded-proto") == Some("https") || self.config.secure;
        let address = told("x-forwarded-for").unwrap_or(peer).to_owned();
        (secure, address)
    }

    /// Forgets what expired; whether there may be more.
    pub fn sweep(&self) -> Result<bool, Refusal> {
        self.connections.sweep();
        let sessions = self.sessions.lock().clone();
        match sessions {
            Some(sessions) => Ok(sessions.sweep()? >= harmonious_session::config::SWEEP_MAX),
            None => Ok(false),
        }
    }

    fn make_data(&self) -> Result<(), Refusal> {
        std::fs::create_dir_all(&self.data).map_err(|error| {
            Refusal::failed(format!(
                "the folder {} cannot be made: {error}",
                self.data.display()
            ))
        })
    }
}

impl std::fmt::Debug for Keeping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeping")
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

/// The value, made if it was not; who comes meanwhile waits. A failure is tried again by the next.
pub(super) fn opened<T: Clone>(
    cell: &Mutex<Option<T>>,
    open: impl FnOnce() -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let mut cell = cell.lock();
    if let Some(value) = &*cell {
        return Ok(value.clone());
    }
    let value = open()?;
    *cell = Some(value.clone());
    Ok(value)
}

#[cfg(test)]
mod tests {
    use harmonious_session::Client;

    use super::*;

    /// What a session has in memory goes with it, whoever finds out that it ended.
    #[test]
    fn a_sweep_closes_the_connections_of_sessions_that_expired() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = KeepingConfig {
            sessions_in_memory: true,
            ..KeepingConfig::default()
        };
        config.sessions.idle = Duration::from_millis(1);
        let keeping = Keeping::new(config, folder.path()).unwrap();
        let session = keeping.sessions().unwrap();
        let session = session.open(&HeaderMap::new(), Client::default());
        let handle = session.owner().unwrap();
        let open = || Ok(Database::open(&Config::new("sqlite::memory:"))?);
        let connection = keeping.connections.open(&handle, "site", open).unwrap();
        session.commit().unwrap();
        while keeping.connections.count() > 0 {
            keeping.sweep().unwrap();
            std::thread::yield_now();
        }
        assert!(connection.query("SELECT 1", &[]).is_err());
    }
}
