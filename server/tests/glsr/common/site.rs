//! A site of one test: its folder, its database, its server, and what is in it.
//!
//! Why it is long: all that a test can ask of a site or put into it is a method of one type.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use harmonious_db::{Config, Database, FromValue, Value};
use tempfile::TempDir;

use super::binary::sites::{copy, finish, run, without_tools, write};
use super::binary::{Server, harmonious};
use super::built::{self, folder, link};
use super::client::Client;

/// Where the site is in the repository.
pub const SITE: &str = "sites/glsr";

/// Connections of a test to its database.
const CONNECTIONS: u32 = 2;

/// Requests that a test that fails shows, the last ones.
const REQUESTS_SHOWN: usize = 12;

/// The database of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// A running site with data of its own. As it begins: the seeds, and the accounts of [`built::ACCOUNTS`].
pub struct Site {
    pub backend: Backend,
    /// What the test has begun with: seeds and accounts, or nothing at all.
    dir: TempDir,
    url: String,
    db: Mutex<Option<Database>>,
    server: Mutex<Option<Server>>,
    /// Where it listens.
    address: Mutex<String>,
    postgres: Option<Postgres>,
}

impl Site {
    /// With seeds and accounts. None, and told, where there is no such database.
    pub fn new(backend: Backend) -> Option<Site> {
        let site = Site::prepared(backend, true)?;
        site.start(&[]);
        Some(site)
    }

    /// As it is before its first start, which is left to the test; also its `site.toml` and `secrets.toml`.
    pub fn unstarted(backend: Backend) -> Option<Site> {
        Site::prepared(backend, false)
    }

    fn prepared(backend: Backend, filled: bool) -> Option<Site> {
        let from = match backend {
            Backend::Sqlite => None,
            Backend::Postgres => {
                let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
                    println!("left out: TEST_POSTGRES_URL names no database");
                    return None;
                };
                Some(server)
            }
        };
        let built = built::site();
        let dir = tempfile::Builder::new()
            .prefix("run-")
            .tempdir_in(folder())
            .unwrap();
        link(&built, dir.path());
        if filled {
            copy(&built.join("data"), &dir.path().join("data"));
        }
        let postgres = from.map(|server| Postgres::new(&server, filled));
        let url = match &postgres {
            Some(postgres) => postgres.url.clone(),
            None => format!("sqlite:{}", dir.path().join("data/site.db").display()),
        };
        if postgres.is_some() {
            write(
                dir.path(),
                "secrets.toml",
                &format!("database-url = \"{url}\"\n"),
            );
        }
        Some(Site {
            backend,
            dir,
            url,
            db: Mutex::default(),
            server: Mutex::default(),
            address: Mutex::default(),
            postgres,
        })
    }

    /// Starts its server, with these flags.
    pub fn start(&self, flags: &[&str]) {
        let server = started(self.dir(), flags);
        server.address.clone_into(&mut self.address.lock().unwrap());
        *self.lock() = Some(server);
    }

    /// Ends its server as an operator does, and returns its log.
    pub fn stop(&self) -> Vec<String> {
        let mut server = self.lock().take().expect("a server that runs");
        server.signal(rustix::process::Signal::TERM);
        assert!(server.ended().success(), "{:#?}", server.log);
        std::mem::take(&mut server.log)
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// `127.0.0.1:PORT`, as it is now.
    pub fn address(&self) -> String {
        self.address.lock().unwrap().clone()
    }

    /// What its server has logged.
    pub fn log(&self) -> Vec<String> {
        self.lock()
            .as_mut()
            .map(|server| server.said().to_vec())
            .unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Server>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- who asks ----

    /// Somebody who is not signed in.
    pub fn anyone(&self) -> Client {
        Client::at(&self.address())
    }

    /// Somebody who is signed in: one of [`built::ACCOUNTS`], or of [`Site::account`].
    #[track_caller]
    pub fn sign_in(&self, alias: &str) -> Client {
        let mut client = self.anyone();
        client.sign_in(alias, built::PASSWORD);
        client
    }

    /// `author`: a member without roles, new.
    #[track_caller]
    pub fn as_author(&self) -> Client {
        self.sign_in("author")
    }

    /// `reviewer`.
    #[track_caller]
    pub fn as_reviewer(&self) -> Client {
        self.sign_in("reviewer")
    }

    /// `editor`.
    #[track_caller]
    pub fn as_editor(&self) -> Client {
        self.sign_in("editor")
    }

    /// `admin`, who has all roles.
    #[track_caller]
    pub fn as_admin(&self) -> Client {
        self.sign_in("admin")
    }

    /// One more account with these roles and [`built::PASSWORD`]; its key.
    pub fn account(&self, alias: &str, roles: i64) -> i64 {
        let sql = "INSERT INTO accounts (alias, name, password, roles, created_at) \
                   SELECT ?, ?, password, ?, created_at FROM accounts WHERE alias = 'author'";
        self.execute(sql, &[alias.into(), alias.into(), roles.into()]);
        self.id_of(alias)
    }

    /// The key of an account.
    #[track_caller]
    pub fn id_of(&self, alias: &str) -> i64 {
        self.value("SELECT id FROM accounts WHERE alias = ?", &[alias.into()])
    }

    /// A token of the API for an account: `site.token("author", "submit edit")`.
    #[track_caller]
    pub fn token(&self, alias: &str, scopes: &str) -> String {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let token = format!("glsr_{:032}", LAST.fetch_add(1, Ordering::SeqCst));
        let sql = "INSERT INTO tokens (account_id, label, hash, prefix, scopes, created_at) VALUES (?, ?, ?, ?, ?, ?)";
        let hash = sha256(token.as_bytes());
        let values = [
            self.id_of(alias).into(),
            "of a test".into(),
            hash.into(),
            token[..8].into(),
            scopes.into(),
            now().into(),
        ];
        self.execute(sql, &values);
        token
    }

    /// Gives an account what makes it established: an old one with three published versions. They are of scripts
    /// called `ALIAS-old-1` to `-3`.
    pub fn establish(&self, alias: &str) {
        let sql = "UPDATE accounts SET created_at = created_at - 2000000 WHERE alias = ?";
        self.execute(sql, &[alias.into()]);
        for number in 1..=3 {
            let name = format!("{alias}-old-{number}");
            Script::new(&name, &format!("#!/bin/sh\necho {name}\n"))
                .owner(alias)
                .publish(self);
        }
    }

    // ---- what is in it ----

    /// Publishes a text as the next version of a script of `author`, made if there is none; its number.
    pub fn publish(&self, name: &str, text: &str) -> i64 {
        Script::new(name, text).publish(self)
    }

    /// Sets a setting, such as `limit.submissions-hour`.
    pub fn set(&self, name: &str, value: &str) {
        let sql = "INSERT INTO settings (name, value) VALUES (?, ?) \
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.execute(sql, &[name.into(), value.into()]);
    }

    /// Its database.
    pub fn db(&self) -> Database {
        let mut db = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        db.get_or_insert_with(|| opened(&self.url)).clone()
    }

    /// Changes data; how many rows.
    #[track_caller]
    pub fn execute(&self, sql: &str, values: &[Value]) -> u64 {
        self.db()
            .execute(sql, values)
            .unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    /// The only value of the only row.
    #[track_caller]
    pub fn value<T: FromValue>(&self, sql: &str, values: &[Value]) -> T {
        let row = self
            .db()
            .query_one(sql, values)
            .unwrap_or_else(|error| panic!("{error}: {sql}"));
        row.unwrap_or_else(|| panic!("no row: {sql}"))
            .at(0)
            .unwrap()
    }

    /// How many rows there are: `site.count("scripts WHERE status = 'published'")`.
    #[track_caller]
    pub fn count(&self, what: &str) -> i64 {
        self.value(&format!("SELECT count(*) FROM {what}"), &[])
    }

    /// Runs a task of the site, beside the server, to its end.
    pub fn task(&self, words: &[&str]) -> Output {
        let args = [&["task", self.dir().to_str().unwrap()], words].concat();
        let mut command = without_tools(harmonious(&args));
        // Some tasks run programs, such as git.
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        finish(command)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Captured, and shown with the failure: what it says of itself, and the last requests.
            let (asked, said): (Vec<_>, Vec<_>) = self
                .log()
                .into_iter()
                .partition(|line| line.contains(" INFO access: "));
            let last = asked.len().saturating_sub(REQUESTS_SHOWN);
            let shown = [said, asked[last..].to_vec()].concat().join("\n");
            println!("the server's log ({:?}):\n{shown}", self.backend);
        }
        // The database goes last, when nobody uses it.
        *self.lock() = None;
        if let Some(db) = self
            .db
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            db.close();
        }
        self.postgres = None;
    }
}

/// The server of a folder, where there is no tool chain.
pub fn started(dir: &Path, flags: &[&str]) -> Server {
    let ports = ["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"];
    let args = [&["serve", dir.to_str().unwrap()], &ports[..], flags].concat();
    Server::of(without_tools(harmonious(&args)), true)
}

/// A database, for a test: servers allow some hundred connections in all.
fn opened(url: &str) -> Database {
    let mut config = Config::new(url);
    config.connections_max = CONNECTIONS;
    Database::open(&config).unwrap()
}

/// A database of one test, which goes with the value.
struct Postgres {
    server: String,
    name: String,
    url: String,
}

impl Postgres {
    fn new(server: &str, filled: bool) -> Postgres {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::SeqCst);
        let name = format!("glsr_test_{}_{number}", std::process::id());
        let sql = match filled {
            true => format!(
                "CREATE DATABASE {name} TEMPLATE {}",
                built::template(server)
            ),
            false => format!("CREATE DATABASE {name}"),
        };
        let postgres = Postgres {
            url: format!("{}/{name}", server.rsplit_once('/').unwrap().0),
            server: server.to_owned(),
            name,
        };
        postgres.admin(&sql).unwrap();
        postgres
    }

    fn admin(&self, sql: &str) -> Result<u64, harmonious_db::Error> {
        let admin = opened(&self.server);
        let done = admin.execute(sql, &[]);
        admin.close();
        done
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.admin(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// A script as a test wants it, put into the database as publishing does.
#[derive(Clone, Debug)]
pub struct Script {
    name: String,
    text: String,
    title: String,
    summary: String,
    readme: String,
    owner: String,
    category: String,
    language: String,
    license: String,
    tags: Vec<String>,
    at: Option<i64>,
}

impl Script {
    /// A shell script of `author` below `misc`, with the licence MIT and no tags.
    pub fn new(name: &str, text: &str) -> Script {
        Script {
            name: name.to_owned(),
            text: text.to_owned(),
            title: format!("Title of {name}"),
            summary: format!("Summary of {name}"),
            readme: String::new(),
            owner: "author".to_owned(),
            category: "misc".to_owned(),
            language: "sh".to_owned(),
            license: "MIT".to_owned(),
            tags: Vec::new(),
            at: None,
        }
    }

    pub fn title(self, title: &str) -> Script {
        Script {
            title: title.to_owned(),
            ..self
        }
    }

    pub fn summary(self, summary: &str) -> Script {
        Script {
            summary: summary.to_owned(),
            ..self
        }
    }

    pub fn readme(self, readme: &str) -> Script {
        Script {
            readme: readme.to_owned(),
            ..self
        }
    }

    /// An alias.
    pub fn owner(self, owner: &str) -> Script {
        Script {
            owner: owner.to_owned(),
            ..self
        }
    }

    /// A path, made where it is missing: `sysadmin/backup`.
    pub fn category(self, category: &str) -> Script {
        Script {
            category: category.to_owned(),
            ..self
        }
    }

    /// A slug of a language that there is.
    pub fn language(self, language: &str) -> Script {
        Script {
            language: language.to_owned(),
            ..self
        }
    }

    pub fn license(self, license: &str) -> Script {
        Script {
            license: license.to_owned(),
            ..self
        }
    }

    /// Slugs.
    pub fn tags(self, tags: &[&str]) -> Script {
        Script {
            tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
            ..self
        }
    }

    /// The moment of its publication, seconds since 1970; without it now.
    pub fn at(self, at: i64) -> Script {
        Script {
            at: Some(at),
            ..self
        }
    }

    /// Publishes it: the script if there is none of this name, and the text as its next version. The number.
    pub fn publish(&self, site: &Site) -> i64 {
        let at = self.at.unwrap_or_else(now);
        let (owner, name) = (site.id_of(&self.owner), self.name.as_str());
        let is_new = site.value::<i64>(
            "SELECT count(*) FROM scripts WHERE name = ?",
            &[name.into()],
        ) == 0;
        if is_new {
            let sql = "INSERT INTO scripts (name, title, summary, readme, owner_id, owner_name, category_id, \
                       language_id, license, created_at, updated_at) \
                       SELECT ?, ?, ?, ?, id, name, ?, (SELECT id FROM languages WHERE slug = ?), ?, ?, ? \
                       FROM accounts WHERE id = ?";
            let values = [
                name.into(),
                self.title.as_str().into(),
                self.summary.as_str().into(),
                self.readme.as_str().into(),
                category(site, &self.category).into(),
                self.language.as_str().into(),
                self.license.as_str().into(),
                at.into(),
                at.into(),
                owner.into(),
            ];
            site.execute(sql, &values);
        }
        let script: i64 = site.value("SELECT id FROM scripts WHERE name = ?", &[name.into()]);
        if is_new {
            self.tag(site, script);
        }
        let number = self.version(site, script, owner, at);
        self.make_searchable(site, script);
        let raise = "INSERT INTO settings (name, value) VALUES ('stamp', '1') ON CONFLICT (name) DO UPDATE SET \
                     value = CAST(CAST(settings.value AS BIGINT) + 1 AS TEXT)";
        site.execute(raise, &[]);
        number
    }

    fn tag(&self, site: &Site, script: i64) {
        for tag in &self.tags {
            let tag = tag.as_str();
            let sql = "INSERT INTO tags (slug, name) VALUES (?, ?) ON CONFLICT (slug) DO NOTHING";
            site.execute(sql, &[tag.into(), tag.into()]);
            let sql = "INSERT INTO script_tags (script_id, tag_id) SELECT s.id, t.id FROM scripts s, tags t \
                       WHERE s.id = ? AND t.slug = ?";
            site.execute(sql, &[script.into(), tag.into()]);
        }
    }

    fn version(&self, site: &Site, script: i64, owner: i64, at: i64) -> i64 {
        let sha256 = sha256(self.text.as_bytes());
        let sql = "INSERT INTO bodies (sha256, bytes, lines, text) VALUES (?, ?, ?, ?) \
                   ON CONFLICT (sha256) DO NOTHING";
        let (bytes, lines) = (self.text.len() as i64, self.text.lines().count() as i64);
        let body = [
            sha256.as_str().into(),
            bytes.into(),
            lines.into(),
            self.text.as_str().into(),
        ];
        site.execute(sql, &body);
        let next =
            "SELECT CAST(COALESCE(MAX(number), 0) + 1 AS BIGINT) FROM versions WHERE script_id = ?";
        let number: i64 = site.value(next, &[script.into()]);
        let sql = "INSERT INTO versions (script_id, number, status, sha256, file_name, author_id, author_name, source, \
                   created_at, submitted_at, decided_at) \
                   SELECT ?, ?, 'published', ?, ?, id, name, 'web', ?, ?, ? FROM accounts WHERE id = ?";
        let values = [
            script.into(),
            number.into(),
            sha256.as_str().into(),
            self.name.as_str().into(),
            at.into(),
            at.into(),
            at.into(),
            owner.into(),
        ];
        site.execute(sql, &values);
        let sql = "UPDATE scripts SET status = 'published', published_at = ?, updated_at = ?, stamp = stamp + 1, \
                   latest_id = (SELECT id FROM versions WHERE script_id = ? AND number = ?) WHERE id = ?";
        site.execute(
            sql,
            &[
                at.into(),
                at.into(),
                script.into(),
                number.into(),
                script.into(),
            ],
        );
        number
    }

    fn make_searchable(&self, site: &Site, script: i64) {
        site.execute("DELETE FROM search_texts WHERE id = ?", &[script.into()]);
        let tags = self.tags.join(" ");
        let list = format!(" {tags} ");
        let sql = "INSERT INTO search_texts (id, name, summary, tags, code, language_id, category_path, license, \
                   author, tag_list) \
                   SELECT s.id, s.name, s.title || ' ' || s.summary, ?, b.text, s.language_id, c.path, s.license, \
                   a.alias, ? FROM scripts s JOIN versions v ON v.id = s.latest_id \
                   JOIN bodies b ON b.sha256 = v.sha256 JOIN categories c ON c.id = s.category_id \
                   JOIN accounts a ON a.id = s.owner_id WHERE s.id = ?";
        site.execute(
            sql,
            &[tags.as_str().into(), list.as_str().into(), script.into()],
        );
    }
}

/// The key of a category, made with those above it.
fn category(site: &Site, path: &str) -> i64 {
    if site.value::<i64>(
        "SELECT count(*) FROM categories WHERE path = ?",
        &[path.into()],
    ) == 0
    {
        let (parent, slug) = path.rsplit_once('/').unzip();
        let parent: Option<i64> = parent.map(|parent| category(site, parent));
        let slug = slug.unwrap_or(path);
        let sql = "INSERT INTO categories (parent_id, slug, path, name) VALUES (?, ?, ?, ?)";
        site.execute(sql, &[parent.into(), slug.into(), path.into(), slug.into()]);
    }
    site.value("SELECT id FROM categories WHERE path = ?", &[path.into()])
}

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    since.as_secs().cast_signed()
}

/// In hexadecimal, by the program of that name: nothing of the site's own.
pub fn sha256(bytes: &[u8]) -> String {
    sh("sha256sum | cut -c1-64", bytes)
}

/// What a line of shell says to this input, without the line feed.
pub fn sh(line: &str, input: &[u8]) -> String {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new("sh")
        .args(["-c", line])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Whoever reads nothing closes it.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

/// A file of `sites/glsr`.
pub fn source(name: &str) -> PathBuf {
    super::binary::sites::repository().join(SITE).join(name)
}
