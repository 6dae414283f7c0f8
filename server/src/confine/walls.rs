//! What the process that is about to start a program gives up for itself and all that come from it: files
//! (Landlock) and system calls (a seccomp filter). None of it can be taken back.
//!
//! The filter has a list of what is refused rather than of what is allowed: which calls an interpreter makes
//! changes with its version and that of the C library. It closes what namespaces and Landlock leave open:
//! sockets in the file system, which no network namespace hides; owners, permissions and lengths of files,
//! which Landlock does not ask about (lengths since ABI 3, Linux 6.2: before, `open` with `O_TRUNC` empties what it
//! may not write); memory that no limit counts.

use std::collections::BTreeMap;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, path_beneath_rules,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

use super::config::READABLE;

/// How far this kernel confines access to files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Files {
    /// To reading what [`READABLE`] names and one folder, and writing nothing. Not where the kernel has no Landlock.
    pub confined: bool,
    /// Nor can a file be made shorter.
    pub lengths: bool,
}

/// Confines access to files from now on, as far as this kernel can.
///
/// # Errors
/// What is wrong with the rules; then nothing may be started.
pub fn files(home: &Path) -> Result<Files, RulesetError> {
    let abi = ABI::V5; // what an older kernel lacks of it is left out
    let read = AccessFs::from_read(abi);
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(READABLE, read))?
        .add_rules(path_beneath_rules([home], read))?
        .add_rules(path_beneath_rules(["/dev/null"], AccessFs::WriteFile))?;
    Ok(Files {
        confined: ruleset.restrict_self()?.ruleset != RulesetStatus::NotEnforced,
        lengths: has_lengths(),
    })
}

/// Whether this kernel's Landlock asks about the lengths of files.
fn has_lengths() -> bool {
    let asked = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::Truncate);
    asked.and_then(Ruleset::create).is_ok()
}

/// Refuses system calls from now on, with EPERM; without `lengths` of [`Files`] also to open a file and empty it.
///
/// # Errors
/// Why that cannot be; then nothing may be started.
pub fn calls(lengths: bool) -> Result<(), String> {
    let arch = std::env::consts::ARCH;
    let arch = TargetArch::try_from(arch)
        .map_err(|_| format!("there is no filter of system calls for {arch}"))?;
    let mut refused: BTreeMap<i64, _> = refused().map(|call| (call, Vec::new())).collect();
    if !lengths {
        refused.extend(emptying().map_err(|error| error.to_string())?);
    }
    let filter = SeccompFilter::new(
        refused,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM as u32),
        arch,
    );
    let program = filter.and_then(BpfProgram::try_from);
    let mut program = program.map_err(|error| error.to_string())?;
    program.splice(0..0, OTHER_NUMBERS);
    seccompiler::apply_filter(&program)
        .map_err(|error| format!("the kernel takes no filter of system calls (seccomp): {error}"))
}

/// In front of the filter: the calls of x32 have the architecture of x86_64, and numbers of their own beyond this
/// bit, which the filter does not know. `LD [nr]; JGE bit, 0, 1; RET ERRNO|EPERM` (linux/filter.h, linux/seccomp.h).
#[cfg(target_arch = "x86_64")]
const OTHER_NUMBERS: [sock_filter; 3] = [
    step(0x20, 0, 0),
    step(0x35, 1, 0x4000_0000),
    step(0x06, 0, 0x0005_0000 | libc::EPERM.unsigned_abs()),
];
#[cfg(not(target_arch = "x86_64"))]
const OTHER_NUMBERS: [sock_filter; 0] = [];

#[cfg(target_arch = "x86_64")]
const fn step(code: u16, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf, k }
}

/// Opening a file so that it is empty then.
fn emptying() -> Result<Vec<(i64, Vec<SeccompRule>)>, seccompiler::BackendError> {
    let flags = |place: u8| -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
        let bit = libc::O_TRUNC as u64;
        let (len, is) = (SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(bit));
        let when = SeccompCondition::new(place, len, is, bit)?;
        Ok(vec![SeccompRule::new(vec![when])?])
    };
    let mut calls = vec![
        (libc::SYS_openat, flags(2)?),
        // Its flags are in memory, where no filter looks.
        (libc::SYS_openat2, Vec::new()),
        (libc::SYS_ftruncate, Vec::new()),
    ];
    #[cfg(target_arch = "x86_64")]
    calls.extend([(libc::SYS_open, flags(1)?), (libc::SYS_creat, Vec::new())]);
    Ok(calls)
}

/// The system calls that are refused.
fn refused() -> impl Iterator<Item = i64> {
    // Sockets of any kind, and the one interface that makes them without the call.
    let sockets = [libc::SYS_socket, libc::SYS_io_uring_setup];
    // What is said of files, and their length.
    let files = [
        libc::SYS_truncate,
        libc::SYS_fchmod,
        libc::SYS_fchmodat,
        FCHMODAT2,
        libc::SYS_fchown,
        libc::SYS_fchownat,
        libc::SYS_utimensat,
        libc::SYS_setxattr,
        libc::SYS_lsetxattr,
        libc::SYS_fsetxattr,
        libc::SYS_removexattr,
        libc::SYS_lremovexattr,
        libc::SYS_fremovexattr,
    ];
    // Memory beside that of processes.
    let memory = [
        libc::SYS_shmget,
        libc::SYS_msgget,
        libc::SYS_semget,
        libc::SYS_mq_open,
    ];
    // Other processes, and the process that watches.
    let processes = [
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
    ];
    // Parts of the kernel that a checker of syntax does not need.
    let kernel = [
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_add_key,
        libc::SYS_keyctl,
        libc::SYS_request_key,
    ];
    let all = sockets.into_iter().chain(files).chain(memory);
    all.chain(processes).chain(kernel).chain(OLD)
}

/// Since Linux 6.6; the number is the same on all architectures of the filter.
const FCHMODAT2: i64 = 452;

/// Older forms, which newer architectures do not have.
#[cfg(target_arch = "x86_64")]
const OLD: [i64; 6] = [
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: [i64; 0] = [];

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};

    use super::*;

    #[test]
    fn where_landlock_does_not_ask_about_lengths_the_filter_does() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("kept");
        fs::write(&file, "all of it").unwrap();
        let path = file.clone();
        // A filter holds for the thread that takes it.
        let refused = std::thread::spawn(move || {
            calls(false).unwrap();
            let emptied = OpenOptions::new().write(true).truncate(true).open(&path);
            let opened = OpenOptions::new().write(true).open(&path);
            let shortened = opened.and_then(|file| file.set_len(1));
            [emptied.map(drop), shortened].map(|done| done.unwrap_err().raw_os_error())
        });
        assert_eq!(refused.join().unwrap(), [Some(libc::EPERM); 2]);
        assert_eq!(fs::read_to_string(&file).unwrap(), "all of it");
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn numbers_of_x32_are_refused() {
        let answer = std::thread::spawn(|| {
            calls(true).unwrap();
            // A program of x32 would ask so for its own process.
            std::process::Command::new("perl")
                .args([
                    "-e",
                    "print syscall(0x40000000 + 39) == -1 ? $! + 0 : 'answered'",
                ])
                .output()
                .map(|output| String::from_utf8(output.stdout).unwrap())
        });
        let answer = answer.join().unwrap().unwrap();
        assert_eq!(answer, libc::EPERM.to_string());
    }
}
