//! Servers as processes: started on a free port, looked at through `/proc`, stopped.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};

/// Longest that a server may take until it listens; ours may find that it has modules to build first.
const START_WAIT: Duration = Duration::from_secs(60);
/// A server that was asked to end and has not is killed after this; most are killed at once.
const STOP_WAIT: Duration = Duration::from_secs(1);
/// How often it is looked whether a server has started or ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// What a server says when it is ready, before its address; ours names the scheme, too.
const READY: &str = "listening on ";
const SCHEME: &str = "http://";

/// The command that starts a server, and the address if the server does not say it.
pub type Launch = Box<dyn Fn() -> io::Result<(Command, Option<SocketAddr>)>>;

/// What a server is asked for, found out once it listens: for one that is not asked what the case says, or
/// not before somebody has signed in.
pub type Visit = Box<dyn Fn(&Server) -> Result<Asked, String>>;

/// What a server is asked for, and what it has to answer.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The path.
    pub path: String,
    /// More fields of the request, each a line without its end.
    pub fields: Vec<String>,
    /// The body that counts as right; without one, any that is not empty.
    pub body: Option<Vec<u8>>,
}

impl Asked {
    /// A path, without more fields; any body that is not empty is right.
    pub fn path(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            fields: Vec::new(),
            body: None,
        }
    }
}

/// A server that can be started as often as one likes.
pub struct Entrant {
    /// What it is called in tables and on the command line.
    pub name: &'static str,
    /// Whether it takes part without being named.
    pub by_default: bool,
    /// How it is started.
    pub launch: Launch,
    /// What it is asked for, where that is its own.
    pub visit: Option<Visit>,
}

impl Entrant {
    /// One that says `listening on ADDRESS` on its standard output.
    pub fn announcing(name: &'static str, program: &Path, args: &[&str]) -> Self {
        let program = program.to_owned();
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let launch = move || {
            let mut command = Command::new(&program);
            command.args(["--listen", "127.0.0.1:0"]).args(&args);
            Ok((command, None))
        };
        Self {
            name,
            by_default: true,
            launch: Box::new(launch),
            visit: None,
        }
    }

    /// The same, asked for what `visit` finds out after each start.
    pub fn visited(mut self, visit: impl Fn(&Server) -> Result<Asked, String> + 'static) -> Self {
        self.visit = Some(Box::new(visit));
        self
    }

    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// Says in one line why it does not run.
    pub fn start(&self) -> Result<Server, String> {
        let failed = |error: io::Error| format!("{} does not start: {error}", self.name);
        let (mut command, address) = (self.launch)().map_err(failed)?;
        let program = command.get_program().to_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(with_path(&program.to_string_lossy(), error)))?;
        let mut server = Server {
            name: self.name,
            child,
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        server.address = match address {
            Some(address) => server.wait_accepting(address),
            None => server.wait_announced(),
        }
        .map_err(failed)?;
        Ok(server)
    }
}

/// A server that runs; dropped, it ends.
pub struct Server {
    name: &'static str,
    child: Child,
    address: SocketAddr,
}

/// What a server takes of the machine, all of its processes together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Threads; 0 when the server has ended.
    pub threads: usize,
    /// Resident memory in KiB; what processes share is counted in each.
    pub resident_kib: u64,
    /// Open descriptors.
    pub descriptors: usize,
}

impl Server {
    /// As the entrant is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it takes now.
    pub fn usage(&self) -> Usage {
        let children = children(self.child.id());
        let processes = children.into_iter().chain([self.child.id()]);
        processes.fold(Usage::default(), |sum, process| {
            let status = fs::read_to_string(format!("/proc/{process}/status"));
            let status = status.unwrap_or_default();
            Usage {
                threads: sum.threads + field(&status, "Threads:") as usize,
                resident_kib: sum.resident_kib + field(&status, "VmRSS:"),
                descriptors: sum.descriptors + descriptors(process),
            }
        })
    }

    /// Asks it to end, as those who look after services do.
    ///
    /// # Errors
    /// Where the system does not deliver the signal.
    pub fn terminate(&self) -> io::Result<()> {
        let pid = Pid::from_child(&self.child);
        Ok(kill_process(pid, Signal::TERM)?)
    }

    /// Ends it at once, as a crash would.
    ///
    /// # Errors
    /// Where the system does not deliver the signal.
    pub fn kill(&self) -> io::Result<()> {
        let pid = Pid::from_child(&self.child);
        Ok(kill_process(pid, Signal::KILL)?)
    }

    /// Asks it to look again at what it serves.
    ///
    /// # Errors
    /// Where the system does not deliver the signal.
    pub fn hang_up(&self) -> io::Result<()> {
        let pid = Pid::from_child(&self.child);
        Ok(kill_process(pid, Signal::HUP)?)
    }

    /// Waits until it has ended; `None` if it has not within that time.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn wait_end(&mut self, within: Duration) -> io::Result<Option<ExitStatus>> {
        let began = Instant::now();
        while began.elapsed() < within {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(None)
    }

    fn wait_announced(&mut self) -> io::Result<SocketAddr> {
        let stdout = self.child.stdout.take().expect("a pipe");
        let line = first_line(stdout).recv_timeout(START_WAIT);
        let line = line.map_err(|_| io::Error::other("it does not say where it listens"))?;
        let address = line.trim_end().strip_prefix(READY);
        let address = address.map(|url| url.strip_prefix(SCHEME).unwrap_or(url).parse());
        match address {
            Some(Ok(address)) => Ok(address),
            _ => Err(io::Error::other(format!(
                "it says {line:?} and not \"{READY}ADDRESS\""
            ))),
        }
    }

    fn wait_accepting(&mut self, address: SocketAddr) -> io::Result<SocketAddr> {
        drop(self.child.stdout.take());
        let began = Instant::now();
        while began.elapsed() < START_WAIT {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("it ended with {status}")));
            }
            if TcpStream::connect(address).is_ok() {
                return Ok(address);
            }
            thread::sleep(LOOK_EVERY);
        }
        Err(io::Error::other(format!("it does not listen on {address}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One with several processes is asked first: it takes the others along.
        let asked = Instant::now();
        if !children(self.child.id()).is_empty() && self.terminate().is_ok() {
            while matches!(self.child.try_wait(), Ok(None)) && asked.elapsed() < STOP_WAIT {
                thread::sleep(LOOK_EVERY);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processes that a process started from its main thread.
fn children(process: u32) -> Vec<u32> {
    let listed = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let listed = listed.unwrap_or_default();
    let children = listed.split_whitespace().map(str::parse);
    children.filter_map(Result::ok).collect()
}

/// How many files a process has open; what is no process has none.
fn descriptors(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count)
}

/// The first line of a pipe; the rest is read and dropped, so that nobody waits for room in it.
fn first_line(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = String::new();
        if matches!(reader.read_line(&mut line), Ok(1..)) {
            let _ = sender.send(line);
        }
        let _ = io::copy(&mut reader, &mut io::sink());
    });
    receiver
}

/// The number behind a name in `/proc/PID/status`, 0 where there is none.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn with_path(path: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{path}: {error}"))
}

/// Lets this process, and the servers that it starts, open as many files as the system allows.
pub fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit); // the cases with fewer connections work all the same
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &'static str) -> Result<Server, String> {
        let launch = move || {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            Ok((command, None))
        };
        let entrant = Entrant {
            name: "shell",
            by_default: true,
            launch: Box::new(launch),
            visit: None,
        };
        entrant.start()
    }

    #[test]
    fn a_server_says_where_it_listens_and_ends_when_dropped() {
        let server = shell("echo listening on http://127.0.0.1:7; exec sleep 60");
        let server = server.expect("a server");
        assert_eq!(server.address().port(), 7);
        assert_eq!(server.usage().threads, 1);
        assert!(server.usage().descriptors >= 3);
        let began = Instant::now();
        drop(server);
        assert!(began.elapsed() < STOP_WAIT);
    }

    #[test]
    fn one_that_is_asked_ends_by_itself() {
        let script =
            "trap 'exit 3' TERM; echo listening on 127.0.0.1:7; while :; do sleep .01; done";
        let mut server = shell(script).expect("a server");
        server.terminate().expect("a process");
        let status = server.wait_end(STOP_WAIT).expect("a child");
        assert_eq!(status.and_then(|status| status.code()), Some(3));
    }

    #[test]
    fn one_that_does_not_start_says_why() {
        let check = |script: &'static str, expected: &str| {
            let error = shell(script).err().expect("no server");
            assert!(error.contains(expected), "{error}");
        };
        check("echo hello", "it says \"hello\\n\" and not");
        check("exit 1", "it does not say where it listens");
    }
}
