//! What a site keeps: its database, the sessions of its visitors, its keys. Each is opened when something
//! first needs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use harmonious_db::Database;
use harmonious_dispatcher::http::HeaderMap;
use harmonious_dispatcher::http::header::COOKIE;
use harmonious_dispatcher::{Manifest, Problem};
use harmonious_session::config::{INSTANCES_BYTES, INSTANCES_MAX};
use harmonious_session::{
    Clock, Cost, CsrfPolicy, DatabaseStore, KeyRing, Limits, MemoryStore, Passwords, Sessions,
    Settings, Throttle,
};

use super::databases::{Databases, KeptDatabase};
use super::databases_toml::{Around, Declared, Plan};
use super::exchange::Refusal;
use super::faults::Faults;
use super::instances::SiteInstances;
use super::lazy::Lazy;
use super::migrations;
use super::one::DATA;
use super::proxies::{Proxies, forwarded};
use super::soon::Soon;
use super::transactions::Place;
use super::visitors::{Checked, Connections};
use crate::failure::Failure;

/// How many passwords are hashed at a time: each takes some 20 MB and one core for some 30 ms.
const HASHING_MAX: usize = 2;
/// What `site.toml` says of it.
#[derive(Clone, Debug)]
pub struct KeepingConfig {
    /// What the site is called in logs.
    pub site: String,
    /// The URL of the database; empty for `data/site.db`. A path in it is absolute, or below the folder of
    /// the site.
    pub database_url: String,
    /// Whether `site.toml` has another URL, which the secret beats.
    pub url_is_doubled: bool,
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
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub proxies: Proxies,
    /// Other origins whose forms are taken.
    pub origins: Vec<String>,
}

impl Default for KeepingConfig {
    fn default() -> KeepingConfig {
        KeepingConfig {
            site: String::new(),
            database_url: String::new(),
            url_is_doubled: false,
            connections_max: None,
            query_time_max: None,
            user_connections_max: harmonious_session::config::CONNECTIONS_MAX,
            secrets: Secrets::default(),
            sessions: Settings::default(),
            instances_max: INSTANCES_MAX,
            instance_bytes_max: INSTANCES_BYTES,
            sessions_in_memory: false,
            secure: false,
            proxies: Proxies::default(),
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
    /// What its modules say may be done so often only.
    pub limits: Limits,
    /// What its modules have written soon.
    pub soon: Soon,
    /// What sessions own in memory.
    pub instances: Arc<SiteInstances>,
    /// What time it is.
    pub clock: Clock,
    /// Its last errors.
    pub faults: Faults,
    /// Of visitors who bring no session: nothing is ever kept in it.
    visitors: Arc<Sessions>,
    /// Of its domains.
    pub databases: Databases,
    /// Of visitors under their own credentials.
    pub connections: Arc<Connections>,
    /// Users of the databases whose passwords are checked there.
    pub checked: Checked,
    /// Its own.
    pub database: KeptDatabase,
    sessions: Lazy<Arc<Sessions>>,
    passwords: Lazy<Arc<Passwords>>,
    ring: Lazy<Arc<KeyRing>>,
}

/// What became of the databases of a site when it was opened.
#[derive(Debug, Default)]
pub struct Prepared {
    /// Migrations that were applied; of a domain's database with the domain.
    pub applied: Vec<String>,
    /// Why databases cannot be reached at the moment. They are tried again, and brought up to date, when
    /// something needs them.
    pub away: Vec<String>,
}

impl Prepared {
    fn add(&mut self, database: &KeptDatabase) -> Result<(), Failure> {
        match database.prepare() {
            Ok(names) => {
                let named = names
                    .into_iter()
                    .map(|name| match database.domain.as_str() {
                        Place::SITE => name,
                        domain => format!("{domain} {name}"),
                    });
                self.applied.extend(named);
                Ok(())
            }
            Err(refusal) if refusal.is_unavailable() && database.is_of_a_server() => {
                self.away.push(refusal.0.detail);
                Ok(())
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// What was applied, for somebody who wants all of them to be there.
    ///
    /// # Errors
    /// One cannot be reached.
    pub fn all(mut self) -> Result<Vec<String>, Failure> {
        match self.away.pop() {
            Some(away) => Err(Failure::Failed(away)),
            None => Ok(self.applied),
        }
    }
}

impl Keeping {
    /// The file of keys for sealed texts, in the folder of the site's data.
    pub const KEYS: &'static str = "keys";

    /// The folder of numbered SQL files of a site.
    pub const MIGRATIONS: &'static str = "migrations";

    /// Of the site in that folder.
    ///
    /// # Errors
    /// What `site.toml` says cannot be meant so.
    pub fn new(config: KeepingConfig, site: &Path) -> Result<Keeping, Failure> {
        let wrong = |error: harmonious_session::SessionError| Failure::Usage(error.to_string());
        let origins = config.origins.iter().map(String::as_str);
        let csrf = CsrfPolicy::default().origins(origins).map_err(wrong)?;
        let clock = Clock::system();
        let settings = config.sessions.clone();
        let visitors = Sessions::new(MemoryStore::default(), settings, clock.clone());
        let data = site.join(DATA);
        let database = KeptDatabase::of_site(Declared {
            url: url(&config, &data),
            connections_max: config.connections_max,
            query_time_max: config.query_time_max,
            migrations: site.join(Self::MIGRATIONS),
        });
        Ok(Keeping {
            visitors: Arc::new(visitors.map_err(wrong)?),
            throttle: Throttle::new(clock.clone()).map_err(wrong)?,
            soon: Soon::new(clock.clone()),
            limits: Limits::new(clock.clone()).map_err(wrong)?,
            instances: Arc::new(SiteInstances::new(
                clock.clone(),
                config.instances_max,
                config.instance_bytes_max,
            )),
            connections: Arc::new(Connections::new(config.user_connections_max, clock.clone())),
            checked: Checked::default(),
            databases: Databases::default(),
            faults: Faults::new(clock.clone()),
            clock,
            csrf,
            config,
            data,
            database,
            sessions: Lazy::default(),
            passwords: Lazy::default(),
            ring: Lazy::default(),
        })
    }

    /// Brings the databases of the site and of its domains up to date; opens the site's own in any case where
    /// the site says which it is.
    ///
    /// # Errors
    /// A migration fails, or a database is there and cannot be opened.
    pub fn prepare(&self) -> Result<Prepared, Failure> {
        let mut prepared = self.prepare_own()?;
        for database in self.databases.all().values() {
            prepared.add(database)?;
        }
        Ok(prepared)
    }

    /// The same, of the site's own database.
    ///
    /// # Errors
    /// As [`prepare`](Keeping::prepare).
    pub fn prepare_own(&self) -> Result<Prepared, Failure> {
        let mut prepared = Prepared::default();
        if !self.config.database_url.is_empty() || self.database.migrations().is_some() {
            prepared.add(&self.database)?;
        }
        Ok(prepared)
    }

    /// The site's database, brought up to date.
    ///
    /// # Errors
    /// It cannot be opened, or a migration fails.
    pub fn database(&self) -> Result<Database, Refusal> {
        self.database.database()
    }

    /// What the domains of a manifest of the site in that folder declare.
    pub fn plan(&self, site: &Path, manifest: &Manifest) -> Plan {
        let around = Around {
            site,
            data: &self.data,
            secrets: &self.config.secrets.0,
            own_url: &url(&self.config, &self.data),
        };
        Plan::read(manifest, &around)
    }

    /// What is wrong with the migrations of the site in that folder.
    pub fn migration_problems(
        &self,
        site: &Path,
        manifest: &Manifest,
        plan: &Plan,
    ) -> Vec<Problem> {
        migrations::problems(site, manifest, plan, &url(&self.config, &self.data))
    }

    /// Has the domains' databases be those of another plan. Visitors lose their connections to those
    /// that are others now.
    pub fn follow(&self, plan: Plan) {
        for domain in self.databases.follow(plan) {
            self.connections.close_named(&domain);
            self.checked.clear();
        }
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
        self.sessions.get(|| {
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
        self.passwords
            .get(|| Ok(Arc::new(Passwords::new(Cost::default(), HASHING_MAX)?)))
    }

    /// Seals small texts.
    ///
    /// # Errors
    /// The file of keys cannot be read or made, or others can read it.
    pub fn ring(&self) -> Result<Arc<KeyRing>, Refusal> {
        self.ring.get(|| {
            self.make_data()?;
            Ok(Arc::new(KeyRing::load(&self.data.join(Self::KEYS))?))
        })
    }

    /// The file of keys may be another: it is read again when something is sealed or opened.
    pub fn forget_ring(&self) {
        self.ring.forget();
    }

    /// Whether a visitor comes through TLS, and from where, as far as the proxy before us is believed.
    pub fn client(&self, peer: &str, headers: &HeaderMap) -> (bool, String) {
        // A Unix socket has no address, so nobody behind one is believed.
        let address = peer.parse();
        if !address.is_ok_and(|address| self.config.proxies.has(address)) {
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
        // Where it names none, all who come through it count as one.
        let address = told("x-forwarded-for").and_then(forwarded);
        let address = address.map_or_else(|| peer.to_owned(), |address| address.to_string());
        (secure, address)
    }

    /// Forgets what expired; whether there may be more.
    pub fn sweep(&self) -> Result<bool, Refusal> {
        self.connections.sweep();
        match self.sessions.made() {
            Some(sessions) => Ok(sessions.sweep()? >= harmonious_session::config::SWEEP_MAX),
            None => Ok(false),
        }
    }

    /// Writes what was to be written soon.
    pub fn write_soon(&self) {
        self.soon.write(&self.database, &self.config.site);
    }

    /// The same for the last time.
    pub fn close_soon(&self) {
        self.soon.close(&self.database, &self.config.site);
    }

    fn make_data(&self) -> Result<(), Refusal> {
        make(&self.data)
    }
}

/// A command may end without a server's [`Writer`](super::Writer).
impl Drop for Keeping {
    fn drop(&mut self) {
        self.close_soon();
    }
}

fn make(folder: &Path) -> Result<(), Refusal> {
    std::fs::create_dir_all(folder).map_err(|error| {
        let folder = folder.display();
        Refusal::failed(format!("the folder {folder} cannot be made: {error}"))
    })
}

impl std::fmt::Debug for Keeping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeping")
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

/// Where the site's own database is.
fn url(config: &KeepingConfig, data: &Path) -> String {
    match config.database_url.as_str() {
        "" => format!("sqlite:{}", data.join("site.db").display()),
        url => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use harmonious_db::Config;
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
