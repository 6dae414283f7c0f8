//! The servers that the tests run on.

use std::path::{Path, PathBuf};
use std::process::Command;

use harmonious_db::{Backend, Config, Database};
use tempfile::TempDir;

/// The script that starts servers.
pub fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/databases")
}

/// One server, or the folder of SQLite's files.
pub struct Server {
    pub backend: Backend,
    /// Of a user that may create databases.
    pub url: String,
    /// Who may; none for SQLite.
    pub admin: Option<Database>,
}

/// Those that could be had.
pub struct Servers {
    servers: Vec<Server>,
    missing: Vec<String>,
    /// What was started for these tests.
    started: Option<TempDir>,
}

impl Servers {
    /// Finds or starts what is needed.
    pub fn new(needed: impl Iterator<Item = Backend>) -> Servers {
        let needed: Vec<Backend> = needed.collect();
        let mut all = Servers {
            servers: vec![Server {
                backend: Backend::Sqlite,
                url: String::new(),
                admin: None,
            }],
            missing: Vec::new(),
            started: None,
        };
        for backend in [Backend::Postgres, Backend::MySql] {
            if needed.contains(&backend) {
                match all.url(backend) {
                    Ok(url) => all.servers.push(Server {
                        backend,
                        admin: Some(
                            Database::open(&Config::new(&url)).expect("the server answers"),
                        ),
                        url,
                    }),
                    Err(why) => all.missing.push(why),
                }
            }
        }
        all
    }

    /// The server of a kind, if there is one.
    pub fn get(&self, backend: Backend) -> Option<&Server> {
        self.servers.iter().find(|server| server.backend == backend)
    }

    /// Why others are not there.
    pub fn missing(&self) -> Vec<String> {
        self.missing.clone()
    }

    fn url(&mut self, backend: Backend) -> Result<String, String> {
        let variable = variable(backend);
        if let Ok(url) = std::env::var(&variable) {
            return Ok(url);
        }
        let folder = match &self.started {
            Some(folder) => folder.path().to_owned(),
            None => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let path = folder.path().to_owned();
                self.started = Some(folder);
                path
            }
        };
        start(&folder, backend)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.servers.clear();
        if let Some(folder) = &self.started {
            // They end with this process in any case; here they end before their folder goes.
            let stop = Command::new(script())
                .args(["stop", "--kill"])
                .arg(folder.path())
                .status();
            if !stop.is_ok_and(|status| status.success()) {
                eprintln!("tests/databases could not stop what it started");
            }
        }
    }
}

fn variable(backend: Backend) -> String {
    format!("TEST_{}_URL", backend.name().to_uppercase())
}

/// Starts a server below a folder and says its URL, or why it cannot be had.
pub fn start(folder: &Path, backend: Backend) -> Result<String, String> {
    let started = Command::new(script())
        .args([
            "start",
            "--remove",
            "--owner",
            &std::process::id().to_string(),
        ])
        .arg(folder)
        .arg(backend.name())
        .output();
    let started = started.map_err(|error| format!("tests/databases: {error}"))?;
    let said = String::from_utf8_lossy(&started.stdout);
    let prefix = format!("{}=", variable(backend));
    let url = said.lines().find_map(|line| line.strip_prefix(&prefix));
    url.map(str::to_owned).ok_or_else(|| {
        let errors = String::from_utf8_lossy(&started.stderr).into_owned();
        format!("{} cannot be had: {}", backend.name(), errors.trim())
    })
}
