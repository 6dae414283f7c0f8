//! One build of a site at a time, over all processes: a lock on a file, which the system gives back
//! when its holder ends, however it ends.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Instant;

use super::config::{LOCK_POLL, LOCK_WAIT};
use super::store::DIR;
use super::{BuildError, Stop};

/// The lock, while it is held.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a site whose folder for libraries exists. `waiting` is called once if somebody
    /// else has it.
    ///
    /// # Errors
    /// If it is not free in time, if it is told to stop, or if there can be no lock.
    pub fn take(site: &Path, stop: &Stop, waiting: impl FnOnce()) -> Result<Lock, BuildError> {
        let path = site.join(DIR).join("lock");
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(BuildError::file("open", &path))?;
        let since = Instant::now();
        let mut waiting = Some(waiting);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::Error(source)) => {
                    return Err(BuildError::file("lock", &path)(source));
                }
                Err(TryLockError::WouldBlock) => {}
            }
            if let Some(waiting) = waiting.take() {
                waiting();
            }
            if stop.is_stopped() {
                return Err(BuildError::Stopped);
            }
            if since.elapsed() > LOCK_WAIT {
                return Err(BuildError::Busy {
                    site: site.display().to_string(),
                    waited: LOCK_WAIT,
                });
            }
            std::thread::sleep(LOCK_POLL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_says_so_and_goes_on_when_the_other_is_done() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(DIR)).unwrap();
        let stop = Stop::default();
        let mut held = Some(Lock::take(dir.path(), &stop, || panic!("nobody has it")).unwrap());
        let mut said = false;
        Lock::take(dir.path(), &stop, || {
            said = true;
            held = None;
        })
        .unwrap();
        assert!(said);
    }

    #[test]
    fn who_waits_can_be_stopped() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(DIR)).unwrap();
        let stop = Stop::default();
        let _held = Lock::take(dir.path(), &stop, || {}).unwrap();
        let error = Lock::take(dir.path(), &stop, || stop.stop()).unwrap_err();
        assert!(matches!(error, BuildError::Stopped), "{error}");
    }
}
