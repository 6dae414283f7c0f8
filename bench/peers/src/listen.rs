//! What the peers share beside their routes: the command line, and the line that says they are
//! ready.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::{env, process};

/// What a peer was asked for.
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Threads that read and write, where the peer lets one choose.
    pub io_threads: usize,
}

/// Reads the command line; on a bad one, says so and ends the process with 2.
pub fn options() -> Options {
    parse(env::args().skip(1)).unwrap_or_else(|error| {
        eprintln!("{error}; there are: --listen ADDR (default 127.0.0.1:0), --io-threads N");
        process::exit(2);
    })
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        io_threads: 1,
    };
    while let Some(word) = words.next() {
        let value = words.next().ok_or(format!("{word} needs a value"))?;
        match word.as_str() {
            "--listen" => {
                let listen = value.parse();
                options.listen = listen.map_err(|_| format!("\"{value}\" is no ADDRESS:PORT"))?;
            }
            "--io-threads" => {
                let threads = value.parse().ok().filter(|threads| *threads > 0);
                options.io_threads =
                    threads.ok_or(format!("\"{value}\" is no count of threads"))?;
            }
            _ => return Err(format!("there is no option {word}")),
        }
    }
    Ok(options)
}

/// Says on standard output that connections to this address are taken.
///
/// # Errors
/// Where standard output is closed.
pub fn announce(address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on {address}")?;
    out.flush()
}

/// Listens, for those libraries that take a listener of tokio's.
///
/// # Errors
/// Where the address cannot be had.
pub fn bind(address: SocketAddr) -> io::Result<tokio::net::TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn bad_words_are_named() {
        let check = |line: &str, expected: &str| {
            let parsed = parse(line.split_whitespace().map(str::to_owned));
            let said = parsed.map(|options| format!("{} {}", options.listen, options.io_threads));
            assert_eq!(said.unwrap_or_else(|error| error), expected);
        };
        check("", "127.0.0.1:0 1");
        check("--listen [::1]:80 --io-threads 2", "[::1]:80 2");
        check("--listen", "--listen needs a value");
        check("--listen here", "\"here\" is no ADDRESS:PORT");
        check("--io-threads 0", "\"0\" is no count of threads");
        check("--fast yes", "there is no option --fast");
    }
}
