//! The real binary in a folder of its own, and what tests do with it. Every wait has an end.
#![allow(dead_code, reason = "each test uses its part of it")]

pub mod ask;
pub mod browser;
pub mod confining;
pub mod counters;
pub mod kept;
pub mod sites;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// No wait is longer: the machine may be slow, but what takes this long hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A site with these files in `static/`.
pub fn site(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("static");
    fs::create_dir(&root).unwrap();
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

/// The binary, with nothing of this environment.
pub fn harmonious(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harmonious"));
    command.args(args).env_clear().stdin(Stdio::null());
    command
}

/// Runs a command that ends by itself.
pub fn output(mut command: Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let status = wait(&mut child);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    out.read_to_end(&mut stdout).unwrap();
    err.read_to_end(&mut stderr).unwrap();
    Output {
        status,
        stdout,
        stderr,
    }
}

fn wait(child: &mut Child) -> ExitStatus {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > until {
            let _ = child.kill();
            panic!("the process does not end");
        }
        std::thread::sleep(Duration::from_millis(2)); // between two looks at a condition
    }
}

/// A running server.
pub struct Server {
    child: Child,
    /// Its lines on standard error, as they come.
    lines: Receiver<String>,
    /// Those that were received.
    pub log: Vec<String>,
    /// Where it listens, as it says: `127.0.0.1:PORT` or `unix:/PATH`.
    pub address: String,
    /// Where its control listener is.
    pub control: String,
}

impl Server {
    /// Serves a folder on free ports, with these flags.
    pub fn start(dir: &Path, flags: &[&str]) -> Server {
        Server::run(dir, flags, true)
    }

    /// The same with a log that goes into a pipe from which nobody reads.
    pub fn unread(dir: &Path, flags: &[&str]) -> Server {
        Server::run(dir, flags, false)
    }

    fn run(dir: &Path, flags: &[&str], reads: bool) -> Server {
        let mut args = vec!["serve", dir.to_str().unwrap(), "--listen", "127.0.0.1:0"];
        if !flags.contains(&"--control") {
            args.extend(["--control", "127.0.0.1:0"]);
        }
        args.extend(flags);
        Server::of(harmonious(&args), reads)
    }

    /// The server that this command starts, with one listener and a control listener.
    pub fn of(mut command: Command, reads: bool) -> Server {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        let out = lines(child.stdout.take().unwrap());
        let err = match reads {
            true => lines(child.stderr.take().unwrap()),
            false => channel().1,
        };
        let mut server = Server {
            child,
            lines: err,
            log: Vec::new(),
            address: String::new(),
            control: String::new(),
        };
        for prefix in ["listening on ", "control on "] {
            let line = out.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                let log: Vec<String> = server.lines.try_iter().collect();
                panic!("the server did not start: {log:?}")
            });
            let address = line.strip_prefix(prefix).expect(&line);
            let address = address.trim_start_matches("http://").to_owned();
            match prefix {
                "listening on " => server.address = address,
                _ => server.control = address,
            }
        }
        server
    }

    /// Asks the site.
    pub fn get(&self, path: &str) -> Answer {
        request(&self.address, "GET", path)
    }

    /// Asks the control listener.
    pub fn control(&self, path: &str) -> Answer {
        request(&self.control, "GET", path)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Its memory that is resident, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.expect("a figure").parse().unwrap()
    }

    /// Waits for a line of the log.
    pub fn line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let Ok(line) = self.lines.recv_timeout(left) else {
                break;
            };
            self.log.push(line.clone());
            if wanted(&line) {
                return line;
            }
        }
        panic!("no such line: {:#?}", self.log);
    }

    /// All of its log so far.
    pub fn said(&mut self) -> &[String] {
        self.log.extend(self.lines.try_iter());
        &self.log
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until it has ended. Then all of its log is in [`Server::log`].
    pub fn ended(&mut self) -> ExitStatus {
        let status = wait(&mut self.child);
        self.log.extend(self.lines.iter());
        status
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(source: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(source).lines().map_while(Result::ok);
        lines.for_each(|line| drop(sender.send(line)));
    });
    receiver
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Connects and sends a request, for which the connection is closed.
pub fn send(address: &str, method: &str, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let host = "Host: localhost\r\nConnection: close";
    write!(stream, "{method} {path} HTTP/1.1\r\n{host}\r\n\r\n").unwrap();
    stream
}

/// Sends a request and reads its answer.
pub fn request(address: &str, method: &str, path: &str) -> Answer {
    receive(send(address, method, path))
}

/// Reads an answer to its end.
pub fn receive(mut stream: impl Read) -> Answer {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok());
    Answer {
        status: status.expect(head),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Looks until it is so.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "it never came to be: {what}");
        std::thread::sleep(Duration::from_millis(2)); // between two looks at a condition
    }
}
