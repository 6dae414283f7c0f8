//! What the measured server answers: the routes that the peers have too, and those that suites for
//! conformance ask for.

use std::fmt::Write;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

use harmonious_http::{
    Bytes, Front, Handler, Head, Method, Plan, Request, Response, StaticFiles, StatusCode,
    TryAnswer,
};
use harmonious_pool::Handle;

/// The small page; the peers send the very same bytes.
pub const HELLO: &str = include_str!("../../hello.html");
/// Requests that `/backend/MS` lets in at once.
const BACKEND_SLOTS: usize = 20;
/// The longest time that a route takes, in microseconds: a slip of the finger is not served.
const LONGEST_US: u64 = 60_000_000;
/// The most that `/big/MB` sends, in MiB.
const BIG_MAX_MB: u64 = 10_240;

/// The measured site.
#[derive(Default)]
pub struct App {
    files: Option<StaticFiles>,
    lock: Mutex<()>,
    slots: Mutex<usize>,
    freed: Condvar,
    mixed: AtomicU64,
    /// What `/stats` shows; set once both are there.
    pub watched: OnceLock<(Handle, Front)>,
}

impl App {
    /// The site, with a folder for `/static/`.
    pub fn new(files: Option<StaticFiles>) -> App {
        App {
            files,
            ..App::default()
        }
    }

    fn route(&self, request: Request) -> Result<Response, StatusCode> {
        let path = request.head.path().to_owned();
        let mut segments = path.trim_start_matches('/').splitn(2, '/');
        let (name, argument) = (segments.next().unwrap_or(""), segments.next());
        Ok(match name {
            "hello" => Response::bytes("text/html; charset=utf-8", HELLO),
            "sleep" => {
                std::thread::sleep(time(argument, 1000)?);
                Response::text("slept\n")
            }
            "cpu" => {
                spin(time(argument, 1)?);
                Response::text("computed\n")
            }
            "lock" => {
                let time = time(argument, 1)?;
                let guard = self.lock.lock().unwrap_or_else(|e| e.into_inner());
                spin(time);
                drop(guard);
                Response::text("locked\n")
            }
            "backend" => {
                self.backend(time(argument, 1000)?);
                Response::text("asked\n")
            }
            "mixed" => {
                if self.mixed.fetch_add(1, Relaxed) % 10 == 9 {
                    std::thread::sleep(Duration::from_millis(20));
                } else {
                    spin(Duration::from_millis(1));
                }
                Response::text("mixed\n")
            }
            "big" => big(number(argument, BIG_MAX_MB)?),
            "echo" => echo(&request.head),
            "cookie" => cookies(&request.head),
            "stats" => self.stats(),
            "" if request.head.method == Method::POST => {
                let body = request.body.into_bytes();
                Response::bytes(
                    "application/octet-stream",
                    body.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?,
                )
            }
            "" => Response::bytes("text/plain; charset=utf-8", "OK"),
            _ => return Err(StatusCode::NOT_FOUND),
        })
    }

    fn backend(&self, time: Duration) {
        let mut used = self.slots.lock().unwrap_or_else(|e| e.into_inner());
        while *used >= BACKEND_SLOTS {
            used = self.freed.wait(used).unwrap_or_else(|e| e.into_inner());
        }
        *used += 1;
        drop(used);
        std::thread::sleep(time);
        *self.slots.lock().unwrap_or_else(|e| e.into_inner()) -= 1;
        self.freed.notify_one();
    }

    fn stats(&self) -> Response {
        match self.watched.get() {
            Some((pool, front)) => {
                Response::text(format!("{:#?}\n{:#?}\n", pool.stats(), front.stats()))
            }
            None => Response::error(StatusCode::NOT_FOUND),
        }
    }
}

impl Handler for App {
    fn plan(&self, head: &Head) -> Plan {
        if let Some(files) = &self.files
            && let TryAnswer::Answer(response) = files.try_answer(head)
        {
            return Plan::Answer(response);
        }
        if head.path() == "/stats" {
            return Plan::Answer(self.stats());
        }
        // Service times are compared route by route: the first segment tells them apart.
        let first = head.path().bytes().skip(1).take_while(|&b| b != b'/');
        Plan::Job {
            route: first.fold(0, |hash: u32, b| hash.wrapping_mul(31) + u32::from(b)),
            body_max_bytes: None,
            time_limit: None,
        }
    }

    fn handle(&self, request: Request) -> Response {
        if let Some(files) = &self.files
            && request.head.path().starts_with("/static/")
        {
            return files.answer(&request.head);
        }
        self.route(request).unwrap_or_else(Response::error)
    }
}

fn number(argument: Option<&str>, max: u64) -> Result<u64, StatusCode> {
    argument
        .and_then(|text| text.parse().ok())
        .filter(|&number| number <= max)
        .ok_or(StatusCode::NOT_FOUND)
}

fn time(argument: Option<&str>, unit_us: u64) -> Result<Duration, StatusCode> {
    let count = number(argument, LONGEST_US / unit_us)?;
    Ok(Duration::from_micros(count * unit_us))
}

fn spin(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::spin_loop();
    }
}

fn big(mb: u64) -> Response {
    static BLOCK: OnceLock<Bytes> = OnceLock::new();
    let block = BLOCK.get_or_init(|| vec![b'x'; 1024 * 1024].into());
    let chunks = (0..mb).map(|_| Ok::<Bytes, io::Error>(block.clone()));
    Response::chunks("application/octet-stream", chunks)
}

/// The request's header lines, as they were understood.
fn echo(head: &Head) -> Response {
    let mut lines = String::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let _ = writeln!(lines, "{name}: {value}");
    }
    Response::text(lines)
}

/// The cookies, as `k=v` lines.
fn cookies(head: &Head) -> Response {
    let mut lines = String::new();
    for value in head.headers.get_all("cookie") {
        for pair in value.to_str().unwrap_or("").split(';') {
            let pair = pair.trim();
            if pair.contains('=') {
                let _ = writeln!(lines, "{pair}");
            }
        }
    }
    Response::text(lines)
}
