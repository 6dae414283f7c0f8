//! The site, built once, and the data that each test begins with, made once: from then on a test costs some links, a
//! copy of a database, and the start of a server.
//!
//! Below the folder of cargo lies `glsr/site`, a copy of `sites/glsr` with what was built of it, and `glsr/key`: the
//! hash of all that it was made from. Whoever finds another key there has the folder alone and makes it anew; all
//! others share it for as long as their process runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use harmonious_db::{Config, Database};

use super::binary::sites::{copy, finish, place, remove, repository, succeed, with_tools, write};
use super::binary::{Server, harmonious};
use super::client::Client;
use super::site::{SITE, started};

/// What the site is not made from.
const MADE: [&str; 4] = [".harmonious", "target", "data", "secrets.toml"];

/// What stands in the copy's `site.toml` beside what the author wrote: tests come from many addresses.
const PROXIES: &str = "proxies = [\"127.0.0.1\"]\n";

/// The password of all accounts that tests find.
pub const PASSWORD: &str = "correct horse 17";

/// The accounts that tests find, with their roles: bits 1 reviewer, 2 editor, 4 administrator. Besides there is `glsr`,
/// who owns the seeds.
pub const ACCOUNTS: [(&str, i64); 8] = [
    ("admin", 7),
    ("author", 0),
    ("other", 0),
    ("reader", 0),
    ("reviewer", 1),
    ("reviewer2", 1),
    ("editor", 2),
    ("keeper", 4),
];

/// The folder of the built site, with `data` as tests find it.
pub fn site() -> PathBuf {
    static TURN: OnceLock<File> = OnceLock::new();
    let site = folder().join("site");
    TURN.get_or_init(|| {
        fs::create_dir_all(folder()).unwrap();
        let key = key();
        loop {
            let turn = File::create(folder().join("turn")).unwrap();
            turn.lock_shared().unwrap();
            if fs::read_to_string(folder().join("key")).is_ok_and(|made| made == key) {
                return turn; // shared until this process ends
            }
            turn.unlock().unwrap();
            turn.lock().unwrap();
            if fs::read_to_string(folder().join("key")).is_ok_and(|made| made == key) {
                continue;
            }
            make(&site);
            fs::write(folder().join("key"), &key).unwrap();
        }
    });
    site
}

/// The name of a database on that server of PostgreSQL with the same data, to copy from; it stays there for other runs.
pub fn template(server: &str) -> String {
    static TURN: Mutex<()> = Mutex::new(());
    let name = format!("glsr_{}", &key()[..16]);
    let _turn = TURN
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let admin = Database::open(&Config::new(server)).unwrap();
    let found = "SELECT 1 AS n FROM pg_database WHERE datname = ?";
    if admin
        .query_one(found, &[name.as_str().into()])
        .unwrap()
        .is_some()
    {
        return name;
    }
    let making = format!("{name}_{}", std::process::id());
    admin
        .execute(&format!("CREATE DATABASE {making}"), &[])
        .unwrap();
    let dir = tempfile::tempdir_in(folder()).unwrap();
    link(&site(), dir.path());
    copy(&site().join("data/keys"), &dir.path().join("data/keys"));
    let url = format!("{}/{making}", server.rsplit_once('/').unwrap().0);
    write(
        dir.path(),
        "secrets.toml",
        &format!("database-url = \"{url}\"\n"),
    );
    fill(dir.path(), &url);
    let rename = format!("ALTER DATABASE {making} RENAME TO {name}");
    // Another process may have been faster.
    if admin.execute(&rename, &[]).is_err() {
        admin
            .execute(&format!("DROP DATABASE {making}"), &[])
            .unwrap();
    }
    name
}

/// The site in another folder, without data: links to all its files, since a built site has hundreds of megabytes.
pub fn link(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        // At the top; nothing further down is called so.
        if name == "target" || name == "data" || name == "secrets.toml" {
            continue;
        }
        let (from, to) = (entry.path(), to.join(&name));
        match entry.file_type().unwrap().is_dir() {
            true => link(&from, &to),
            // Tests may write into these.
            false if name == "site.toml" => drop(fs::copy(from, to).unwrap()),
            false => fs::hard_link(from, to).unwrap(),
        }
    }
}

/// Where all of it is; on one file system with what cargo makes.
pub fn folder() -> PathBuf {
    place().with_file_name("glsr")
}

/// The hash of the site, of what it is compiled with, and of the binary.
fn key() -> String {
    static KEY: OnceLock<String> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        let mut hash = blake3::Hasher::new();
        let root = repository();
        for part in [
            SITE,
            "dispatcher/sdk",
            "dispatcher/abi",
            "server/tests/glsr/common",
        ] {
            hash_all(&mut hash, &root.join(part), part == SITE);
        }
        hash.update(&fs::read(env!("CARGO_BIN_EXE_harmonious")).unwrap());
        hash.finalize().to_hex().to_string()
    });
    key.clone()
}

fn hash_all(hash: &mut blake3::Hasher, dir: &Path, is_site: bool) {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    for name in names {
        let path = dir.join(&name);
        if (is_site && MADE.iter().any(|made| name == *made)) || name == "target" {
            continue;
        }
        hash.update(path.as_os_str().as_encoded_bytes());
        match path.is_dir() {
            true => hash_all(hash, &path, false),
            false => drop(hash.update(&fs::read(path).unwrap())),
        }
    }
}

/// Builds the site, and fills its data.
fn make(site: &Path) {
    remove(&folder().join("key"));
    remove(&site.join("data"));
    take_over(&repository().join(SITE), site, true);
    let manifest = site.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let sdk = format!("path = {:?}", repository().join("dispatcher/sdk"));
    let text = text.replace("path = \"../../dispatcher/sdk\"", &sdk);
    // What is tested are the pages: quick to compile.
    let text = text.replace(
        "[profile.release]\n",
        "[profile.release]\nopt-level = 0\ncodegen-units = 16\n",
    );
    assert!(
        text.contains(&sdk) && text.contains("opt-level = 0"),
        "{text}"
    );
    fs::write(&manifest, text).unwrap();
    let settings = fs::read_to_string(site.join("site.toml")).unwrap();
    fs::write(site.join("site.toml"), format!("{PROXIES}{settings}")).unwrap();
    let build = ["build", "--release", site.to_str().unwrap()];
    succeed(finish(with_tools(harmonious(&build))));
    let url = format!("sqlite:{}", site.join("data/site.db").display());
    fill(site, &url);
}

/// Copies what changed, so that cargo compiles no more than that, and removes what is gone.
fn take_over(from: &Path, to: &Path, is_top: bool) {
    fs::create_dir_all(to).unwrap();
    let is_made = |name: &std::ffi::OsStr| is_top && MADE.iter().any(|made| name == *made);
    for entry in fs::read_dir(to).unwrap() {
        let entry = entry.unwrap();
        if !is_made(&entry.file_name()) && !from.join(entry.file_name()).exists() {
            remove(&entry.path());
        }
    }
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, there) = (entry.path(), to.join(entry.file_name()));
        if is_made(&entry.file_name()) {
            continue;
        }
        if path.is_dir() {
            take_over(&path, &there, false);
        } else if fs::read(&there).ok() != Some(fs::read(&path).unwrap()) {
            remove(&there); // tests of a run that was cut may be linked to it
            fs::write(&there, fs::read(&path).unwrap()).unwrap();
        }
    }
}

/// Starts the site for the first time, signs somebody up, and gives the other accounts the same password.
fn fill(dir: &Path, url: &str) {
    let mut server = started(dir, &[]);
    sign_up(&server, "author");
    server.signal(rustix::process::Signal::TERM);
    assert!(server.ended().success(), "{:#?}", server.log);
    let db = Database::open(&Config::new(url)).unwrap();
    let made = "INSERT INTO accounts (alias, name, password, created_at) \
                SELECT ?, ?, password, created_at FROM accounts WHERE alias = 'author'";
    let roles = "UPDATE accounts SET roles = ?, must_change = FALSE, password = \
                 (SELECT password FROM accounts WHERE alias = 'author') WHERE alias = ?";
    for (alias, bits) in ACCOUNTS {
        if alias != "author" && alias != "admin" {
            db.execute(made, &[alias.into(), alias.into()]).unwrap();
        }
        db.execute(roles, &[bits.into(), alias.into()]).unwrap();
    }
    db.close();
}

fn sign_up(server: &Server, alias: &str) {
    let mut client = Client::at(&server.address);
    let page = client.sign_up(alias);
    assert_eq!(page.status, 303, "{page:?}");
}
