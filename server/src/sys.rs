//! What the system tells of this process, and what is asked of it.

use std::fs;
use std::path::Path;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};
use rustix::time::{ClockId, clock_gettime};

/// Descriptors beside those of connections: listeners, files of the site that are kept open or sent,
/// large bodies that lie in files.
const DESCRIPTORS_BESIDE: u64 = 2048;

/// Allows as many open files as that many connections need, if the system lets us.
///
/// # Errors
/// How many it lets us have, if that is too few.
pub fn allow_descriptors(connections: usize) -> Result<(), u64> {
    let needed = connections as u64 + DESCRIPTORS_BESIDE;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let most = limit.maximum.map_or(needed, |most| most.min(needed));
    let wanted = Rlimit {
        current: Some(most),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, wanted) {
        Ok(()) if most == needed => Ok(()),
        Ok(()) => Err(most),
        Err(_) => Err(limit.current.unwrap_or(0)),
    }
}

/// Runs what makes a file that only this user may open, from its first moment. The mask is the whole
/// process's, so this is for the start, where no other thread makes files.
pub fn private<T>(make: impl FnOnce() -> T) -> T {
    let before = umask(Mode::from_bits_truncate(0o177));
    let made = make();
    umask(before);
    made
}

/// The figures of this process; what cannot be had is 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Process {
    /// Memory that is resident.
    pub resident_bytes: u64,
    /// Open files and sockets.
    pub descriptors: u64,
    /// How many it may open.
    pub descriptors_max: u64,
    /// Threads.
    pub threads: u64,
    /// CPU time so far.
    pub cpu_s: f64,
}

impl Process {
    /// The figures of this moment. `/proc` lies in memory: reading it waits for nothing.
    pub fn now() -> Process {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        Process {
            resident_bytes: field(&status, "VmRSS:") * 1024,
            descriptors: descriptors(),
            descriptors_max: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
            threads: field(&status, "Threads:"),
            cpu_s: cpu.tv_sec as f64 + cpu.tv_nsec as f64 * 1e-9,
        }
    }
}

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}

fn descriptors() -> u64 {
    let folder = Path::new("/proc/self/fd");
    // Since Linux 6.2 the folder's size is their number; counting 10,000 names takes milliseconds.
    match fs::metadata(folder) {
        Ok(data) if data.len() > 0 => data.len(),
        _ => fs::read_dir(folder).map_or(0, |names| names.count() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let status = "Name:\tx\nVmRSS:\t    1234 kB\nThreads:\t7\n";
        assert_eq!(field(status, "VmRSS:"), 1234);
        assert_eq!(field(status, "Threads:"), 7);
        assert_eq!(field(status, "VmSwap:"), 0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_figures() {
        let process = Process::now();
        assert!(process.resident_bytes > 100_000 && process.threads > 0);
        assert!(process.descriptors > 2 && process.descriptors_max >= process.descriptors);
    }

    #[test]
    fn what_is_allowed_already_is_no_error() {
        assert_eq!(allow_descriptors(0), Ok(()));
        assert!(allow_descriptors(usize::MAX / 2).is_err());
    }
}
