//! URLs of databases: what they say, and what of them may be shown.

use std::path::PathBuf;

use ::url::Url;

use crate::backend::Backend;
use crate::error::Error;

/// What a URL means.
#[derive(Clone)]
pub(crate) enum Address {
    /// SQLite in memory: gone with its last connection.
    Memory,
    /// SQLite in a file.
    File(PathBuf),
    /// PostgreSQL or MySQL.
    Server(Server),
}

/// A database on a server.
#[derive(Clone)]
pub(crate) struct Server {
    pub backend: Backend,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Option<String>,
    pub database: String,
    /// The folder of a Unix socket for PostgreSQL, its path for MySQL.
    pub socket: Option<String>,
}

/// The URL without its password, to be shown.
pub(crate) fn without_password(url: &str) -> String {
    let hide = |mut parsed: Url| {
        parsed.set_query(None);
        match parsed.password() {
            Some(_) => parsed
                .set_password(Some("..."))
                .map(|()| parsed.to_string()),
            None => Ok(parsed.to_string()),
        }
    };
    match Url::parse(url) {
        Ok(parsed) if parsed.has_host() => hide(parsed).unwrap_or_else(|()| "...".to_owned()),
        _ if url.starts_with("sqlite:") => url.to_owned(),
        _ => "...".to_owned(),
    }
}

/// Reads a URL.
pub(crate) fn parse(url: &str) -> Result<Address, Error> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        return match path.strip_prefix("//").unwrap_or(path) {
            "" => Err(Error::config(
                "the URL sqlite: names no file: write sqlite:PATH",
            )),
            ":memory:" => Ok(Address::Memory),
            path => Ok(Address::File(path.into())),
        };
    }
    let shown = without_password(url);
    let parsed = Url::parse(url)
        .map_err(|error| Error::config(format!("{shown:?} is no URL of a database: {error}")))?;
    let (backend, port) = match parsed.scheme() {
        "postgres" | "postgresql" => (Backend::Postgres, 5432),
        "mysql" | "mariadb" => (Backend::MySql, 3306),
        scheme => {
            return Err(Error::config(format!(
                "the URL {shown:?} begins with {scheme:?}: known are sqlite, postgres, mysql and mariadb"
            )));
        }
    };
    server(&parsed, backend, port, &shown).map(Address::Server)
}

fn server(url: &Url, backend: Backend, port: u16, shown: &str) -> Result<Server, Error> {
    let decoded = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8()
            .map(|text| text.into_owned())
            .map_err(|_| Error::config(format!("the URL {shown:?} is not in UTF-8")))
    };
    let mut server = Server {
        backend,
        host: decoded(url.host_str().unwrap_or("localhost"))?,
        port: url.port().unwrap_or(port),
        user: decoded(url.username())?,
        password: url.password().map(decoded).transpose()?,
        database: decoded(url.path().trim_start_matches('/'))?,
        socket: None,
    };
    for (key, value) in url.query_pairs() {
        match (&*key, &*value) {
            ("socket", path) => server.socket = Some(path.to_owned()),
            ("sslmode" | "ssl-mode", "disable" | "disabled" | "prefer" | "preferred") => {}
            ("sslmode" | "ssl-mode", _) => {
                return Err(Error::config(format!(
                    "the URL {shown:?} asks for TLS, which is not built in: use a socket, a private \
                     network or a tunnel"
                )));
            }
            (key, _) => {
                return Err(Error::config(format!(
                    "the URL {shown:?} has the parameter {key:?}: known are socket and sslmode"
                )));
            }
        }
    }
    if server.user.is_empty() || server.database.is_empty() {
        return Err(Error::config(format!(
            "the URL {shown:?} needs a user and a database: {}://USER:PASSWORD@HOST:PORT/DATABASE",
            url.scheme()
        )));
    }
    Ok(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Server {
        match parse(url).unwrap() {
            Address::Server(server) => server,
            _ => panic!("{url} is no server"),
        }
    }

    #[test]
    fn servers_are_read() {
        let server = parsed("postgres://me:s%2Fx@db.example/site");
        assert_eq!((server.host.as_str(), server.port), ("db.example", 5432));
        assert_eq!(
            (server.user.as_str(), server.database.as_str()),
            ("me", "site")
        );
        assert_eq!(server.password.as_deref(), Some("s/x"));
        let server = parsed("mariadb://me@localhost:3307/site?socket=/run/m.sock");
        assert_eq!((server.backend, server.port), (Backend::MySql, 3307));
        assert_eq!(server.socket.as_deref(), Some("/run/m.sock"));
    }

    #[test]
    fn files_are_read() {
        let file = |url| match parse(url) {
            Ok(Address::File(path)) => path,
            _ => panic!("{url} is no file"),
        };
        assert_eq!(file("sqlite:data/site.db"), PathBuf::from("data/site.db"));
        assert_eq!(file("sqlite:///var/site.db"), PathBuf::from("/var/site.db"));
        assert!(matches!(parse("sqlite::memory:"), Ok(Address::Memory)));
    }

    #[test]
    fn what_cannot_be_is_refused_without_showing_the_password() {
        for url in [
            "",
            "sqlite:",
            "oracle://u:secret@h/d",
            "postgres://u:secret@h",
            "postgres://:secret@h/d",
            "mysql://u:secret@h/d?x=1",
            "postgres://u:secret@h/d?sslmode=require",
            "postgres://u:secret@h:port/d",
        ] {
            let Err(error) = parse(url) else {
                panic!("{url} is accepted");
            };
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        assert_eq!(
            without_password("mysql://u:secret@h/d"),
            "mysql://u:...@h/d"
        );
    }
}
