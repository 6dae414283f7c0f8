//! Databases of domains: those that are declared at the moment, and who may open which.
//!
//! A domain's database is for the modules of that domain and below; everybody else calls exports. The map
//! is replaced whenever the domains were read again: a declaration that stayed as it was keeps its open
//! connections, one that changed or is gone loses them when the last request that uses them ends.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use harmonious_db::{Backend, Config, Database, Migrations};
use parking_lot::RwLock;

use super::databases_toml::{Declared, Plan};
use super::exchange::Refusal;
use super::lazy::Lazy;
use super::transactions::Place;
use crate::failure::Failure;

/// The database of one domain, or of the site.
pub struct KeptDatabase {
    /// The path of the domain, or [`Place::SITE`].
    pub domain: String,
    declared: Result<Declared, String>,
    cell: Lazy<Database>,
}

/// The databases of a site's domains.
#[derive(Default)]
pub struct Databases {
    current: RwLock<Arc<BTreeMap<String, Arc<KeptDatabase>>>>,
}

impl Databases {
    /// Puts another plan in place; returns the domains whose database is another one now, or none.
    pub fn follow(&self, plan: Plan) -> Vec<String> {
        let mut current = self.current.write();
        let mut next = BTreeMap::new();
        for (domain, declared) in plan.declared {
            let kept = current.get(&domain);
            let kept = kept.filter(|before| before.declared == declared).cloned();
            let database = kept.unwrap_or_else(|| {
                Arc::new(KeptDatabase {
                    domain: domain.clone(),
                    declared,
                    cell: Lazy::default(),
                })
            });
            next.insert(domain, database);
        }
        let is_other = |(domain, before): (&String, &Arc<KeptDatabase>)| {
            let now = next.get(domain);
            let same = now.is_some_and(|now| Arc::ptr_eq(now, before));
            (!same).then(|| domain.clone())
        };
        let others = current.iter().filter_map(is_other).collect();
        let former = std::mem::replace(&mut *current, Arc::new(next));
        drop(current);
        // Without the lock: the last user of a database closes its connections.
        drop(former);
        others
    }

    /// Those that are declared, by the path of their domain.
    pub fn all(&self) -> Arc<BTreeMap<String, Arc<KeptDatabase>>> {
        Arc::clone(&self.current.read())
    }

    /// Whether it is still the one that is declared.
    pub fn is_current(&self, database: &Arc<KeptDatabase>) -> bool {
        let current = self.current.read();
        let declared = current.get(&database.domain);
        declared.is_some_and(|declared| Arc::ptr_eq(declared, database))
    }

    /// The database that a module of this domain opens: of the domain, else of the nearest above.
    pub fn nearest(&self, domain: &str) -> Option<Arc<KeptDatabase>> {
        let current = self.current.read();
        if current.is_empty() {
            return None;
        }
        upward(domain).find_map(|domain| current.get(domain).cloned())
    }
}

impl KeptDatabase {
    /// The site's own.
    pub(super) fn of_site(declared: Declared) -> KeptDatabase {
        KeptDatabase {
            domain: Place::SITE.to_owned(),
            declared: Ok(declared),
            cell: Lazy::default(),
        }
    }

    /// The database, opened and brought up to date if it was not.
    ///
    /// # Errors
    /// It cannot be opened, a migration fails, or its declaration is wrong.
    pub fn database(&self) -> Result<Database, Refusal> {
        self.cell.get(|| {
            let (database, applied) = self.prepared()?;
            for migration in applied {
                tracing::info!(domain = %self.domain, "applied the migration {migration}");
            }
            Ok(database)
        })
    }

    /// Opens it if it was not, and brings it up to date. What was applied; nothing of one that is declared
    /// wrongly, which its modules are told.
    ///
    /// # Errors
    /// As [`database`](KeptDatabase::database).
    pub fn prepare(&self) -> Result<Vec<String>, Refusal> {
        let mut names = Vec::new();
        if self.declared.is_err() {
            return Ok(names);
        }
        let database = self.cell.get(|| {
            let (database, applied) = self.prepared()?;
            names = applied;
            Ok(database)
        });
        match database {
            Ok(_) => Ok(names),
            Err(mut refusal) => {
                let whose = match self.domain.as_str() {
                    Place::SITE => "the site",
                    domain => domain,
                };
                refusal.0.detail = format!("the database of {whose}: {}", refusal.0.detail);
                Err(refusal)
            }
        }
    }

    /// Opens it for a command: as it is.
    ///
    /// # Errors
    /// As [`database`](KeptDatabase::database), but for migrations.
    pub fn open(&self) -> Result<Database, Failure> {
        Ok(self.opened()?)
    }

    /// The folder of its migrations, if there is one.
    pub fn migrations(&self) -> Option<&Path> {
        let declared = self.declared.as_ref().ok()?;
        let folder = declared.migrations.as_path();
        folder.is_dir().then_some(folder)
    }

    /// Whether it is a server's, which may be away and come again; a file that cannot be opened stays so.
    pub fn is_of_a_server(&self) -> bool {
        let declared = self.declared.as_ref();
        declared.is_ok_and(|declared| !declared.url.starts_with("sqlite:"))
    }

    /// Which kind it is, without opening it.
    ///
    /// # Errors
    /// Its declaration is wrong.
    pub fn backend(&self) -> Result<Backend, Refusal> {
        let declared = self.declared.as_ref().map_err(Refusal::failed)?;
        Ok(declared.config().backend()?)
    }

    /// Where it is, without a password.
    pub fn shown(&self) -> String {
        match &self.declared {
            Ok(declared) => Config::new(&declared.url).shown_url(),
            Err(_) => "declared wrongly".to_owned(),
        }
    }

    fn prepared(&self) -> Result<(Database, Vec<String>), Refusal> {
        let database = self.opened()?;
        let Some(folder) = self.migrations() else {
            return Ok((database, Vec::new()));
        };
        let migrations = Migrations::read(folder, database.backend());
        let applied = migrations.and_then(|migrations| database.migrate(&migrations));
        let applied = applied.map_err(|error| {
            let mut refusal = Refusal::from(error);
            refusal.0.detail = format!("{}: {}", folder.display(), refusal.0.detail);
            refusal
        })?;
        Ok((database, applied))
    }

    fn opened(&self) -> Result<Database, Refusal> {
        let declared = self.declared.as_ref().map_err(Refusal::failed)?;
        if let Some(path) = declared.url.strip_prefix("sqlite:")
            && let Some(folder) = Path::new(path).parent()
        {
            std::fs::create_dir_all(folder).map_err(|error| {
                let folder = folder.display();
                Refusal::failed(format!("the folder {folder} cannot be made: {error}"))
            })?;
        }
        Ok(Database::open(&declared.config())?)
    }
}

/// The domain and those above it, `/` last.
fn upward(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |domain| {
        let inner = domain.strip_suffix('/')?;
        Some(&domain[..=inner.rfind('/')?])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_looked_at_upward() {
        let of = |domain| upward(domain).collect::<Vec<_>>();
        assert_eq!(of("/forum/[id]/"), ["/forum/[id]/", "/forum/", "/"]);
        assert_eq!(of("/"), ["/"]);
    }
}
