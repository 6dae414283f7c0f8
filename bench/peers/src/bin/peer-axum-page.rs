//! axum with `spawn_blocking`, r2d2_sqlite and minijinja: the page of `bench/page`, as somebody who knows
//! these libraries would write it. Connections, their settings and tables are those of our site; what a
//! session does besides being read (when it was last seen, its renewal) is left out, in this one's favour.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::{Router, routing};
use base64ct::{Base64UrlUnpadded, Encoding};
use cookie::Cookie;
use harmonious_bench_peers::{axum_peer, page, sites};
use minijinja::{Environment, context};
use r2d2::{Pool, PooledConnection};
use r2d2_sqlite::SqliteConnectionManager;
use r2d2_sqlite::rusqlite::{Connection, OptionalExtension, Row, params};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections, the longest wait for one, and what each keeps: the defaults of `db/src/config.rs`.
const CONNECTIONS: u32 = 10;
const WAIT_MAX: Duration = Duration::from_secs(5);
const STATEMENTS_CACHED: usize = 64;

/// The folder of the database, beside that of our site.
const FOLDER: &str = "page-axum";
const COOKIE: &str = "session";
const TEMPLATE: &str = "index.html";
/// What the hash of an id is for, as in `session/src/id.rs`.
const KEY_CONTEXT: &str = "harmonious bench page 2026-11 key of a session";
/// Bytes of an id of a session.
const ID_BYTES: usize = 32;
/// How long a session lives that is not used.
const LIFE: Duration = Duration::from_secs(14 * 24 * 3600);

/// The tables of `session/src/store/schema.rs`.
const SESSIONS: &str = "
CREATE TABLE session (
    handle BLOB NOT NULL PRIMARY KEY,
    id_hash BLOB NOT NULL UNIQUE,
    owner TEXT,
    created_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    user_agent TEXT NOT NULL,
    address TEXT NOT NULL
);
CREATE INDEX session_owner ON session (owner, seen_ms);
CREATE INDEX session_expires ON session (expires_ms);
CREATE TABLE session_value (
    handle BLOB NOT NULL,
    name TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (handle, name)
);
";
const BY_HASH: &str = "SELECT s.owner, s.expires_ms, v.name, v.content FROM session s \
     LEFT JOIN session_value v ON v.handle = s.handle WHERE s.id_hash = ?";
const BY_SLUG: &str = "SELECT name, author, stars, about, tags FROM scripts WHERE slug = ?";

/// What went wrong in a place where nobody can do anything about it.
type Fault = Box<dyn Error + Send + Sync>;

/// What all requests share.
struct App {
    pool: Pool<SqliteConnectionManager>,
    templates: Environment<'static>,
}

/// Why there is no page.
enum Refusal {
    SignInFirst,
    Missing,
    Fault(Fault),
}

/// What the store has of a session.
struct Session {
    user: Option<String>,
    values: HashMap<String, Vec<u8>>,
}

struct Script {
    name: String,
    author: String,
    stars: i64,
    about: String,
    tags: String,
}

fn main() -> io::Result<()> {
    let app = App::open().map_err(io::Error::other)?;
    let router = Router::new()
        .route("/scripts/{slug}/", routing::get(show))
        .route(page::SIGN_IN, routing::post(sign_in))
        .with_state(Arc::new(app));
    axum_peer::serve_router(router)
}

async fn show(
    State(app): State<Arc<App>>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Html<String>, Refusal> {
    let key = session_key(&headers).ok_or(Refusal::SignInFirst)?;
    blocking(move || app.page(&key, &slug)).await.map(Html)
}

async fn sign_in(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let id = blocking(move || Ok(app.begin_session()?)).await?;
    let cookie = format!("{COOKIE}={id}; Path=/; HttpOnly; SameSite=Lax");
    Ok(([(header::SET_COOKIE, cookie)], "signed in\n").into_response())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Refusal::Fault(error.into()))?
}

/// What the store knows of the id that the cookie holds: its hash.
fn session_key(headers: &HeaderMap) -> Option<[u8; 32]> {
    let lines = headers.get_all(header::COOKIE).iter();
    let mut cookies = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(Cookie::split_parse)
        .flatten();
    let cookie = cookies.find(|cookie| cookie.name() == COOKIE)?;
    let mut id = [0; ID_BYTES];
    let read = Base64UrlUnpadded::decode(cookie.value(), &mut id).ok()?;
    (read.len() == ID_BYTES).then(|| blake3::derive_key(KEY_CONTEXT, read))
}

impl App {
    /// With a new database, as it is at the start of our site.
    fn open() -> Result<Self, Fault> {
        let folder = sites::place().join(FOLDER);
        sites::gone(&folder)?;
        fs::create_dir_all(&folder)?;
        let manager =
            SqliteConnectionManager::file(folder.join("site.db")).with_init(|connection| {
                connection.busy_timeout(WAIT_MAX)?;
                connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
                connection.pragma_update(None, "foreign_keys", true)?;
                connection.pragma_update(None, "journal_mode", "wal")?;
                connection.pragma_update(None, "synchronous", "FULL")
            });
        let pool = Pool::builder()
            .max_size(CONNECTIONS)
            .min_idle(Some(1)) // others are opened as they are wanted, as ours are
            .test_on_check_out(false) // a file does not go away
            .connection_timeout(WAIT_MAX)
            .build(manager)?;
        let mut connection = pool.get()?;
        let tx = connection.transaction()?;
        tx.execute_batch(page::MIGRATION)?;
        tx.execute_batch(SESSIONS)?;
        tx.commit()?;
        drop(connection);
        let mut templates = Environment::new();
        templates.set_keep_trailing_newline(true); // as ours does
        templates.add_template(TEMPLATE, page::TEMPLATE)?;
        Ok(Self { pool, templates })
    }

    fn page(&self, key: &[u8; 32], slug: &str) -> Result<String, Refusal> {
        let connection = self.connection()?;
        let session = session(&connection, key)?.ok_or(Refusal::SignInFirst)?;
        let shelf = session.values.get("shelf").ok_or(Refusal::SignInFirst)?;
        let shelf = str::from_utf8(shelf)?;
        let script = script(&connection, slug)?.ok_or(Refusal::Missing)?;
        drop(connection); // the next one need not wait for the template
        let Script {
            name,
            author,
            stars,
            about,
            tags,
        } = script;
        let tags: Vec<&str> = tags.split(',').collect();
        let user = session.user;
        let template = self.templates.get_template(TEMPLATE)?;
        Ok(template.render(context! { name, author, stars, about, tags, shelf, user })?)
    }

    /// Makes a session that holds a user and a value; its id.
    fn begin_session(&self) -> Result<String, Fault> {
        let (mut id, mut handle) = ([0; ID_BYTES], [0; 16]);
        getrandom::fill(&mut id)?;
        getrandom::fill(&mut handle)?;
        let now = now_ms();
        let mut connection = self.connection()?;
        let tx = connection.transaction()?;
        tx.execute(
            "INSERT INTO session (handle, id_hash, owner, created_ms, seen_ms, expires_ms, \
             user_agent, address) VALUES (?1, ?2, ?3, ?4, ?4, ?5, '', '')",
            params![
                handle,
                blake3::derive_key(KEY_CONTEXT, &id),
                "ann <the reader>",
                now,
                now + LIFE.as_millis() as i64,
            ],
        )?;
        tx.execute(
            "INSERT INTO session_value (handle, name, content) VALUES (?1, ?2, ?3)",
            params![handle, "shelf", "Perl & friends".as_bytes()],
        )?;
        tx.commit()?;
        Ok(Base64UrlUnpadded::encode_string(&id))
    }

    fn connection(&self) -> Result<PooledConnection<SqliteConnectionManager>, r2d2::Error> {
        self.pool.get()
    }
}

/// The session that is alive under this hash, with all of its values.
fn session(connection: &Connection, key: &[u8; 32]) -> Result<Option<Session>, Fault> {
    let mut statement = connection.prepare_cached(BY_HASH)?;
    let mut rows = statement.query([key])?;
    let mut session = None;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(1)? <= now_ms() {
            return Ok(None);
        }
        let session = match &mut session {
            Some(session) => session,
            none => none.insert(Session {
                user: row.get(0)?,
                values: HashMap::new(),
            }),
        };
        // None where a session has no values.
        if let Some(name) = row.get::<_, Option<String>>(2)? {
            session.values.insert(name, row.get(3)?);
        }
    }
    Ok(session)
}

fn script(connection: &Connection, slug: &str) -> Result<Option<Script>, Fault> {
    let mut statement = connection.prepare_cached(BY_SLUG)?;
    let read = |row: &Row<'_>| {
        Ok(Script {
            name: row.get(0)?,
            author: row.get(1)?,
            stars: row.get(2)?,
            about: row.get(3)?,
            tags: row.get(4)?,
        })
    };
    Ok(statement.query_row([slug], read).optional()?)
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

impl<E: Into<Fault>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::SignInFirst => (StatusCode::UNAUTHORIZED, "sign in first\n").into_response(),
            Self::Missing => (StatusCode::NOT_FOUND, "there is no such page\n").into_response(),
            Self::Fault(error) => {
                eprintln!("{error}");
                (StatusCode::INTERNAL_SERVER_ERROR, "an error\n").into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_for_who_is_signed_in() {
        let app = App::open().expect("a database");
        let id = app.begin_session().expect("a session");
        let page = |cookie: &str, slug: &str| {
            let headers =
                HeaderMap::from_iter([(header::COOKIE, cookie.parse().expect("a value"))]);
            let key = session_key(&headers).ok_or(Refusal::SignInFirst);
            let page = key.and_then(|key| app.page(&key, slug));
            page.map_err(|refusal| refusal.into_response().status().as_u16())
        };
        let (slug, mine) = ("script-04217", format!("a=b; {COOKIE}={id}"));
        assert_eq!(page(&mine, slug), Ok(page::EXPECTED.to_owned()));
        assert_eq!(page(&mine, "script-99999"), Err(404));
        let nobodys = format!("{COOKIE}={}", "A".repeat(43));
        for cookie in ["a=b", "session=x", &nobodys] {
            assert_eq!(page(cookie, slug), Err(401), "{cookie}");
        }
    }
}
