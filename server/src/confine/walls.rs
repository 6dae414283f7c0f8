//! What the process that is about to start a program gives up for itself and all that come from it: files
//! (Landlock) and system calls (a seccomp filter). None of it can be taken back.
//!
//! The filter has a list of what is refused rather than of what is allowed: which calls an interpreter makes
//! changes with its version and that of the C library. It closes what namespaces and Landlock leave open:
//! sockets in the file system, which no network namespace hides; owners, permissions and lengths of files,
//! which Landlock does not ask about (truncate since ABI 3, Linux 6.2); memory that no limit counts.

use std::collections::BTreeMap;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
    path_beneath_rules,
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

use super::config::READABLE;

/// Whether access to files is confined now: to reading what [`READABLE`] names and that folder, and writing
/// nothing. Not where the kernel has no Landlock.
///
/// # Errors
/// What is wrong with the rules; then nothing may be started.
pub fn files(home: &Path) -> Result<bool, RulesetError> {
    let abi = ABI::V5; // what an older kernel lacks of it is left out
    let read = AccessFs::from_read(abi);
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(READABLE, read))?
        .add_rules(path_beneath_rules([home], read))?
        .add_rules(path_beneath_rules(["/dev/null"], AccessFs::WriteFile))?;
    Ok(ruleset.restrict_self()?.ruleset != RulesetStatus::NotEnforced)
}

/// Refuses system calls from now on, with EPERM.
///
/// # Errors
/// Why that cannot be; then nothing may be started.
pub fn calls() -> Result<(), String> {
    let arch = std::env::consts::ARCH;
    let arch = TargetArch::try_from(arch)
        .map_err(|_| format!("there is no filter of system calls for {arch}"))?;
    let refused: BTreeMap<i64, _> = refused().map(|call| (call, Vec::new())).collect();
    let filter = SeccompFilter::new(
        refused,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM as u32),
        arch,
    );
    let program = filter.and_then(BpfProgram::try_from);
    let program = program.map_err(|error| error.to_string())?;
    seccompiler::apply_filter(&program)
        .map_err(|error| format!("the kernel takes no filter of system calls (seccomp): {error}"))
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
