//! What the server and the process that watches a program say to each other.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The file with the order, in the folder that the command is given.
pub const ORDER: &str = "order";
/// The file that is the program's standard input, there too.
pub const STDIN: &str = "stdin";
/// The program's own folder, there too.
pub const HOME: &str = "home";

/// What to run.
#[derive(Debug, Deserialize, Serialize)]
pub struct Order {
    /// The program, by its absolute path.
    pub program: PathBuf,
    /// The program `prlimit`, by its absolute path.
    pub prlimit: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Whether there is a file for its standard input.
    pub has_stdin: bool,
    /// Seconds of CPU time of each of its processes.
    pub seconds: u32,
    /// MiB of address space of each of its processes.
    pub memory_mib: u32,
    /// Not to be run where its access to files cannot be confined.
    pub full: bool,
}

/// What became of it.
#[derive(Debug, Deserialize, Serialize)]
pub enum Report {
    /// It was not started: why.
    Refused(String),
    /// It ran.
    Ended(Ended),
}

/// How a program ended.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Ended {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it was ended because its time was over.
    pub timed_out: bool,
    /// Whether more was written than is kept.
    pub truncated: bool,
    /// The beginning of its standard output.
    #[serde(with = "serde_bytes")]
    pub stdout: Vec<u8>,
    /// The beginning of its standard error.
    #[serde(with = "serde_bytes")]
    pub stderr: Vec<u8>,
}
