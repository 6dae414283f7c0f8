//! A library through its lives: it starts when it is opened, is used by many, and retires when the last
//! of them leaves; opened again, it starts again. One start or end at a time.

#![forbid(unsafe_code)]

use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use super::FfiError;
use crate::loader::config::RETIRE_WAIT;

/// What is known of a mapped library, whether in use or not. `T` is a library in use; when it is
/// dropped it has to retire, and then to call [`Life::over`].
pub(super) struct Life<T> {
    stage: Mutex<Stage<T>>,
    changed: Condvar,
}

enum Stage<T> {
    /// Its `init` did not run, or its `retire` has.
    Idle,
    /// It is in use, or, where this leads nowhere, its `retire` is about to run.
    Used(Weak<T>),
}

impl<T> Default for Life<T> {
    fn default() -> Life<T> {
        Life {
            stage: Mutex::new(Stage::Idle),
            changed: Condvar::new(),
        }
    }
}

impl<T> Life<T> {
    /// The library as it is used already, or what `start` makes of it. `name` is for messages.
    pub(super) fn enter(
        &self,
        name: &str,
        start: impl FnOnce() -> Result<T, FfiError>,
    ) -> Result<Arc<T>, FfiError> {
        let deadline = Instant::now() + RETIRE_WAIT;
        let mut stage = self.stage.lock();
        while let Stage::Used(used) = &*stage {
            if let Some(user) = used.upgrade() {
                return Ok(user);
            }
            if Instant::now() >= deadline {
                return Err(FfiError::Retiring {
                    name: name.into(),
                    waited_s: RETIRE_WAIT.as_secs(),
                });
            }
            // Its last user has left, and runs `retire` now.
            self.changed.wait_until(&mut stage, deadline);
        }
        let started = Arc::new(start()?);
        *stage = Stage::Used(Arc::downgrade(&started));
        Ok(started)
    }

    /// It has retired.
    pub(super) fn over(&self) {
        *self.stage.lock() = Stage::Idle;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;

    /// In use; while it retires it tells the test, and waits for it.
    struct User {
        life: Arc<Life<User>>,
        events: Arc<Mutex<Vec<&'static str>>>,
        retiring: Sender<()>,
        go: Mutex<Receiver<()>>,
    }

    impl Drop for User {
        fn drop(&mut self) {
            self.retiring.send(()).unwrap();
            self.go.lock().recv().unwrap();
            self.events.lock().push("retired");
            self.life.over();
        }
    }

    #[test]
    fn who_opens_it_while_it_retires_gets_its_next_life() {
        let ((retiring, retires), (go, goes)) = (channel(), channel());
        let goes = Mutex::new(Some(goes));
        let events = Arc::new(Mutex::new(Vec::new()));
        let life = Arc::new(Life::default());
        let start = || {
            events.lock().push("started");
            Ok(User {
                life: Arc::clone(&life),
                events: Arc::clone(&events),
                retiring: retiring.clone(),
                // The second one never retires.
                go: Mutex::new(goes.lock().take().unwrap_or_else(|| channel().1)),
            })
        };
        let first = life.enter("a", start).ok().unwrap();
        assert!(Arc::ptr_eq(&first, &life.enter("a", start).ok().unwrap()));
        thread::scope(|scope| {
            scope.spawn(|| drop(first));
            retires.recv().unwrap();
            let second = scope.spawn(|| life.enter("a", start).map(std::mem::forget).is_ok());
            go.send(()).unwrap();
            assert!(second.join().unwrap());
        });
        assert_eq!(*events.lock(), ["started", "retired", "started"]);
    }

    #[test]
    fn what_does_not_start_may_be_started_again() {
        let life = Life::<u8>::default();
        let refuses = || {
            Err(FfiError::Init {
                name: "a".into(),
                code: 1,
            })
        };
        assert!(life.enter("a", refuses).is_err());
        assert_eq!(*life.enter("a", || Ok(7)).unwrap(), 7);
    }
}
