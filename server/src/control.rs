//! The control listener: the server's state over HTTP, for machines and for `harmonious status`.
//!
//! All of it is answered on the connection's task, so that it answers while every worker is stuck in
//! a handler (invariant 2); and on a pool of its own with one permit, so that it answers, too, while
//! the site's pool is stopping.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use harmonious_http::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use harmonious_http::http::{HeaderValue, Method, StatusCode};
use harmonious_http::{Builder, Error, Handler, Head, Limits, Listen, Plan, Request, Response};
use harmonious_pool::{Config, PolicyKind, Pool};

use crate::live::Live;
use crate::{metrics, pool_json};

/// Connections of the control listener: a scraper, a watchdog, somebody with a browser.
const CONNECTIONS_MAX: usize = 64;
/// Time for a request, and for a client that does not read its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// When the server ends, an answer that is being written has so long.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What there is, for whoever asks for something else.
const PAGES: &str = "\
/health   200 while the process works
/ready    200, or 503 while the server is stopping
/metrics  all figures for Prometheus
/pool     all figures and the last 200 decisions of the pool, as JSON
";

/// Answers on the control listener. The server is looked at once it is there.
#[derive(Clone, Default)]
pub struct Control {
    live: Arc<OnceLock<Live>>,
}

impl Control {
    /// From now on there is a server to look at.
    pub fn show(&self, live: Live) {
        let _ = self.live.set(live);
    }

    fn answer(&self, head: &Head) -> Response {
        if head.method != Method::GET && head.method != Method::HEAD {
            return Response::error(StatusCode::METHOD_NOT_ALLOWED)
                .with(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        let Some(live) = self.live.get() else {
            return Response::error(StatusCode::SERVICE_UNAVAILABLE);
        };
        page(head.path(), live).with(CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }
}

fn page(path: &str, live: &Live) -> Response {
    match path {
        "/health" => Response::text("ok\n"),
        "/ready" if live.is_draining() => {
            Response::text("draining\n").with_status(StatusCode::SERVICE_UNAVAILABLE)
        }
        "/ready" => Response::text("ready\n"),
        "/metrics" => Response::text(metrics::render(&live.figures())).with(
            CONTENT_TYPE,
            HeaderValue::from_static(metrics::CONTENT_TYPE),
        ),
        "/pool" => Response::bytes(
            "application/json",
            pool_json::render(&live.figures(), &live.decisions()),
        ),
        _ => Response::text(PAGES).with_status(StatusCode::NOT_FOUND),
    }
}

impl Handler for Control {
    fn plan(&self, head: &Head) -> Plan {
        Plan::Answer(self.answer(head))
    }

    fn handle(&self, request: Request) -> Response {
        self.answer(&request.head)
    }
}

/// The control listener at work.
pub struct Running {
    /// Where it is.
    pub addresses: Vec<Listen>,
    pool: Pool,
}

impl Running {
    /// Begins to answer.
    ///
    /// # Errors
    /// What the pool could not get from the system.
    pub fn start(listener: Builder) -> Result<Running, Error> {
        let pool = Pool::start(pool_config())?;
        let server = listener.start(&pool)?;
        Ok(Running {
            addresses: server.addresses().to_vec(),
            pool,
        })
    }

    /// Ends it.
    pub fn stop(self) {
        self.pool.shutdown(LAST_WORDS);
    }
}

fn pool_config() -> Config {
    Config {
        workers_min: 1,
        workers_start: 1,
        workers_max: 1,
        policy: PolicyKind::Fixed(1),
        thread_name: "control".to_owned(),
        ..Config::default()
    }
}

/// The limits of the control listener's front.
pub fn limits() -> Limits {
    Limits {
        connections_max: CONNECTIONS_MAX,
        per_address_max: CONNECTIONS_MAX,
        body_max_bytes: 0,
        header_timeout: PATIENCE,
        body_timeout: PATIENCE,
        write_timeout: PATIENCE,
        ..Limits::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_is_told_is_allowed() {
        limits().validate().unwrap();
        pool_config().validate().unwrap();
    }
}
