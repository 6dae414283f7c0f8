//! What the machine tells: cores, memory, CPU use, and how long threads waited for a core.
//!
//! Everything degrades to "not known" where a file under `/proc` is missing.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use rustix::time::{ClockId, clock_gettime};

use crate::config::{WORKER_MEMORY_BYTES, WORKER_MEMORY_SHARE};

/// Cores that this process may use; affinity and a cgroup's quota are counted.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The wanted number of workers, or as many as a quarter of the memory holds.
pub(crate) fn workers_that_fit(wanted: usize) -> usize {
    let Some(bytes) = memory_bytes() else {
        return wanted;
    };
    let fit = bytes / WORKER_MEMORY_SHARE / WORKER_MEMORY_BYTES;
    wanted
        .min(usize::try_from(fit).unwrap_or(usize::MAX))
        .max(4)
}

fn memory_bytes() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text
            .lines()
            .find(|line| line.starts_with("MemTotal:"))?
            .to_owned();
        line.split_whitespace()
            .nth(1)?
            .parse::<u64>()
            .ok()
            .map(|kib| kib * 1024)
    })?;
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max")
        .ok()
        .and_then(|text| text.trim().parse().ok());
    Some(group.map_or(machine, |limit: u64| limit.min(machine)))
}

/// CPU time of this process so far, in core-seconds.
pub(crate) fn process_cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// The path under which the calling thread's scheduling figures can be read by others.
pub(crate) fn this_thread_schedstat() -> Option<String> {
    let link = fs::read_link("/proc/thread-self").ok()?;
    Some(format!("/proc/{}/schedstat", link.display()))
}

/// How long a thread was runnable but had no core, in seconds; the second field of `schedstat`.
pub(crate) fn run_delay_s(path: &str) -> Option<f64> {
    let text = fs::read_to_string(path).ok()?;
    let ns: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(ns as f64 * 1e-9)
}

/// The whole machine's CPU use, from `/proc/stat`.
pub(crate) struct MachineCpu {
    stat: Option<File>,
    before: (u64, u64),
}

impl MachineCpu {
    pub(crate) fn new() -> MachineCpu {
        let mut cpu = MachineCpu {
            stat: File::open("/proc/stat").ok(),
            before: (0, 0),
        };
        cpu.share();
        cpu
    }

    /// Share of all cores that was in use since the last call, 0 to 1; 0 if not known. The
    /// counters move in steps of 10 ms: ask at intervals of some steps.
    pub(crate) fn share(&mut self) -> f64 {
        let Some((busy, all)) = self.read() else {
            return 0.0;
        };
        let (busy_before, all_before) = std::mem::replace(&mut self.before, (busy, all));
        if all <= all_before {
            return 0.0;
        }
        (busy.saturating_sub(busy_before) as f64 / (all - all_before) as f64).clamp(0.0, 1.0)
    }

    fn read(&self) -> Option<(u64, u64)> {
        let mut buffer = [0; 256];
        let read = self.stat.as_ref()?.read_at(&mut buffer, 0).ok()?;
        parse_stat(std::str::from_utf8(&buffer[..read]).ok()?)
    }
}

/// Busy and all ticks of the first line: user nice system idle iowait irq softirq steal.
fn parse_stat(text: &str) -> Option<(u64, u64)> {
    let fields = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = fields
        .split_whitespace()
        .take(8)
        .map_while(|field| field.parse().ok())
        .collect();
    let all: u64 = ticks.iter().sum();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some((all - idle, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_stat_is_read() {
        let text = "cpu  10 1 5 80 4 0 0 0 0 0\ncpu0 1 2 3";
        assert_eq!(parse_stat(text), Some((16, 100)));
        assert_eq!(parse_stat("intr 5"), None);
    }

    #[test]
    fn this_process_uses_cpu() {
        let before = process_cpu_s();
        let mut x = 1_u64;
        while process_cpu_s() - before < 0.005 {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
        assert!(process_cpu_s() > before);
    }

    #[test]
    fn a_thread_can_be_read_by_its_path() {
        if let Some(path) = this_thread_schedstat() {
            assert!(run_delay_s(&path).is_none_or(|delay| delay >= 0.0));
        }
    }

    #[test]
    fn at_least_four_workers_fit() {
        assert!(workers_that_fit(256) >= 4);
        assert!(workers_that_fit(8) <= 8);
    }
}
