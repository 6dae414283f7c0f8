//! The limits of confined programs, each with its unit and its reason.

use std::time::Duration;

/// Programs that run at a time, of all sites: what strangers send in must not take the whole machine.
pub const RUNNING_MAX: usize = 2;

/// How long one waits for its turn: as long as two that take all of their usual time.
pub const TURN_WAIT_MAX: Duration = Duration::from_secs(5);

/// Seconds of CPU time that a program may be given.
pub const SECONDS_MAX: u32 = 30;

/// How much longer than its CPU time a program may take by the clock: it waits for the disk, and for others.
pub const CLOCK_BESIDE: Duration = Duration::from_secs(3);

/// How much longer than that the server waits before it ends everything from outside: only where the process
/// that watches the program is stuck.
pub const WATCH_BESIDE: Duration = Duration::from_secs(2);

/// MiB of address space that a process may be given, at least: below, hardly a program starts.
pub const MEMORY_MIB_MIN: u32 = 16;

/// MiB of address space that a process may be given, at most.
pub const MEMORY_MIB_MAX: u32 = 8192;

/// Processes and threads of a program, with the two that watch it: an interpreter has up to a dozen threads.
pub const PROCESSES_MAX: u32 = 24;

/// Files that one process has open at a time.
pub const OPEN_FILES_MAX: u32 = 64;

/// Bytes that are kept of each, standard output and standard error: what is longer nobody reads.
pub const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// Bytes of the standard input and of the files that a program is given, together.
pub const INPUT_BYTES_MAX: usize = 4 << 20;

/// Files that a program is given.
pub const FILES_MAX: usize = 64;

/// Bytes of a file's name: what common file systems take.
pub const FILE_NAME_BYTES_MAX: usize = 255;

/// Bytes of all arguments: what is longer belongs into a file. A single one may have 128 KiB on Linux.
pub const ARGS_BYTES_MAX: usize = 64 << 10;

/// How much lower than the server's the priority is: pages go first.
pub const NICE: i32 = 10;

/// Where programs are looked for. Not in the server's own `PATH`: it may name folders of its user.
pub const PATH: [&str; 3] = ["/usr/bin", "/bin", "/usr/local/bin"];

/// What can be read beside the program's own folder, as far as it is there: programs, their libraries, and
/// settings that hold no secrets.
pub const READABLE: [&str; 21] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/perl",
    "/etc/ssl/openssl.cnf",
    "/etc/zsh",
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/sys/devices/system/cpu",
];

/// The user and group that a server of root runs programs as: `nobody`. Root itself would be held by no limit
/// of processes.
pub const NOBODY: u32 = 65534;
