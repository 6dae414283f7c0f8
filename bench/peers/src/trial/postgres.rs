//! A private PostgreSQL, which writes to the disk as in earnest: `tests/databases`, as the tests have it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio, id};
use std::thread;
use std::time::{Duration, Instant};

use crate::sites::{repository, temporary};

const VARIABLE: &str = "TEST_POSTGRES_URL=";

/// The first message of a client: its length, version 3.0 of the protocol, and who it is.
const STARTUP: &[u8] = b"\0\0\0\x19\0\x03\0\0user\0harmonious\0\0";
/// The answer of a server that goes on with the client; one that is not ready yet says `E`.
const AUTHENTICATION: u8 = b'R';
const LOOK_EVERY: Duration = Duration::from_millis(2);
const LOOK_MAX: Duration = Duration::from_secs(1);
const START_WAIT: Duration = Duration::from_secs(60);

/// A server of its own folder and port; it ends with this process.
pub struct Postgres {
    dir: PathBuf,
}

impl Postgres {
    /// One that is not started yet.
    pub fn new() -> Self {
        Self {
            dir: temporary("postgres"),
        }
    }

    /// Starts it and waits until it answers; its URL, which is the same each time.
    ///
    /// # Errors
    /// Says in one line why it cannot be had.
    pub fn start(&self) -> Result<String, String> {
        let owner = id().to_string();
        let said = self.script(&["start", "--durable", "--remove", "--owner", &owner])?;
        let url = said.lines().find_map(|line| line.strip_prefix(VARIABLE));
        url.map(str::to_owned)
            .ok_or_else(|| format!("tests/databases names no URL: {said:?}"))
    }

    /// Starts it again; the moment at which it took its first client, which is sooner than those who start
    /// it notice.
    ///
    /// # Errors
    /// As [`Postgres::start`]; or it does not take clients.
    pub fn start_again(&self, address: SocketAddr) -> Result<Instant, String> {
        thread::scope(|scope| {
            let start = scope.spawn(|| self.start());
            let ready = first_client(address);
            start.join().expect("no panic")?;
            ready
        })
    }

    /// Ends it at once: by its own command for that, or as a power cut would.
    ///
    /// # Errors
    /// Where it does not end.
    pub fn stop(&self, by_kill: bool) -> Result<(), String> {
        let words: &[&str] = match by_kill {
            true => &["stop", "--kill"],
            false => &["stop"],
        };
        self.script(words).map(drop)
    }

    fn script(&self, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new(repository().join("tests/databases"));
        command.args(words).arg(&self.dir).arg("postgres");
        let output = command.stdin(Stdio::null()).stderr(Stdio::inherit());
        let output = output.output();
        let output = output.map_err(|error| format!("tests/databases: {error}"))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(format!("tests/databases {words:?}: {}", output.status)),
        }
    }
}

/// The address in a URL of [`Postgres::start`].
///
/// # Errors
/// Where there is none.
pub fn address(url: &str) -> Result<SocketAddr, String> {
    let rest = url.split_once('@').map_or("", |(_, rest)| rest);
    let address = rest.split('/').next().unwrap_or_default();
    address
        .parse()
        .map_err(|_| format!("no address in {rest:?}"))
}

fn first_client(address: SocketAddr) -> Result<Instant, String> {
    let began = Instant::now();
    while began.elapsed() < START_WAIT {
        if takes_a_client(address).unwrap_or(false) {
            return Ok(Instant::now());
        }
        thread::sleep(LOOK_EVERY);
    }
    Err(format!("PostgreSQL at {address} takes no clients"))
}

fn takes_a_client(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, LOOK_MAX)?;
    stream.set_read_timeout(Some(LOOK_MAX))?;
    stream.write_all(STARTUP)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    Ok(answer[0] == AUTHENTICATION)
}

impl Default for Postgres {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its watch would end it, too, half a second later.
        let _ = self.stop(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_says_its_length() {
        let length: [u8; 4] = STARTUP[..4].try_into().expect("four bytes");
        assert_eq!(u32::from_be_bytes(length) as usize, STARTUP.len());
    }

    #[test]
    fn a_url_has_an_address() {
        let address = address("postgres://me:secret@127.0.0.1:7/postgres");
        assert_eq!(address.expect("one").port(), 7);
        assert!(super::address("sqlite:x").is_err());
    }
}
