//! What every server answers: handlers that block, as those of a site do.
//!
//! A path of one word does what the word says; one with a number (`/sleep/20`) does it so much.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// The page of `/hello`; our own server includes the same file.
pub const HELLO: &str = include_str!("../../hello.html");

/// Calls that `/backend/MS` serves at a time; the others wait.
const BACKEND_SLOTS: usize = 20;
/// One in so many calls of `/mixed` sleeps; the others compute.
const MIXED_SLEEPS: u64 = 10;
const MIXED_SLEEP: Duration = Duration::from_millis(20);
const MIXED_CPU: Duration = Duration::from_millis(1);
/// The most of each unit that a path may ask for, so that a slip of the hand ends.
const MILLIS_MAX: u64 = 60_000;
const MICROS_MAX: u64 = 60_000_000;
const MEBIBYTES_MAX: u64 = 1_024;

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const BINARY: &str = "application/octet-stream";

/// An answer, before a library makes a response of it.
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// All of the body.
    pub body: Bytes,
}

impl Reply {
    fn ok(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status: 200,
            content_type,
            body: body.into(),
        }
    }
}

/// Answers a GET; blocks as long as the path says.
pub fn get(path: &str) -> Reply {
    let words = path.strip_prefix('/').unwrap_or(path);
    let Some((route, amount)) = words.split_once('/') else {
        return match words {
            "" => Reply::ok(TEXT, "OK"),
            "hello" => Reply::ok(HTML, HELLO),
            "mixed" => mixed(),
            _ => missing(),
        };
    };
    let Ok(amount) = amount.parse::<u64>() else {
        return missing();
    };
    let millis = Duration::from_millis(amount.min(MILLIS_MAX));
    let micros = Duration::from_micros(amount.min(MICROS_MAX));
    match route {
        "sleep" => {
            thread::sleep(millis);
            Reply::ok(TEXT, "slept\n")
        }
        "cpu" => {
            busy(micros);
            Reply::ok(TEXT, "computed\n")
        }
        "lock" => lock(micros),
        "backend" => backend(millis),
        "big" => {
            let size = (amount.min(MEBIBYTES_MAX) << 20) as usize;
            Reply::ok(BINARY, vec![b'x'; size])
        }
        _ => missing(),
    }
}

/// Answers a POST to `/`.
pub fn echo(body: impl Into<Bytes>) -> Reply {
    Reply::ok(BINARY, body)
}

fn missing() -> Reply {
    Reply {
        status: 404,
        content_type: TEXT,
        body: Bytes::from_static(b"there is no such page\n"),
    }
}

/// Keeps a core busy, by the clock on the wall.
fn busy(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::spin_loop();
    }
}

fn lock(time: Duration) -> Reply {
    static LOCK: Mutex<()> = Mutex::new(());
    let _held = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    busy(time);
    Reply::ok(TEXT, "held\n")
}

fn backend(time: Duration) -> Reply {
    static FREE: Mutex<usize> = Mutex::new(BACKEND_SLOTS);
    static FREED: Condvar = Condvar::new();
    let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    let free = FREED.wait_while(free, |free| *free == 0);
    *free.unwrap_or_else(PoisonError::into_inner) -= 1;
    thread::sleep(time);
    *FREE.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    FREED.notify_one();
    Reply::ok(TEXT, "served\n")
}

fn mixed() -> Reply {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    // Relaxed: the calls are counted, nothing else hangs on their order.
    if CALLS
        .fetch_add(1, Ordering::Relaxed)
        .is_multiple_of(MIXED_SLEEPS)
    {
        thread::sleep(MIXED_SLEEP);
        Reply::ok(TEXT, "slept\n")
    } else {
        busy(MIXED_CPU);
        Reply::ok(TEXT, "computed\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found() {
        let check = |path: &str, status: u16, length: usize| {
            let reply = get(path);
            assert_eq!((reply.status, reply.body.len()), (status, length), "{path}");
        };
        check("/", 200, 2);
        check("/hello", 200, HELLO.len());
        check("/sleep/1", 200, 6);
        check("/cpu/1", 200, 9);
        check("/lock/1", 200, 5);
        check("/backend/1", 200, 7);
        check("/mixed", 200, 6);
        check("/big/1", 200, 1 << 20);
        for path in ["/sleep", "/sleep/x", "/hello/1", "/x", "/cpu/-1", "*x", "é"] {
            check(path, 404, 22);
        }
    }

    #[test]
    fn the_backend_serves_so_many_at_a_time() {
        let began = Instant::now();
        thread::scope(|scope| {
            for _ in 0..=BACKEND_SLOTS {
                scope.spawn(|| backend(Duration::from_millis(10)));
            }
        });
        assert!(began.elapsed() >= Duration::from_millis(20));
    }
}
