//! The server that is measured: routes of known cost, on `server/http` and `server/pool`, with the
//! same allocator as the peers.
#![forbid(unsafe_code)]

mod flags;
mod routes;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use harmonious_http::StaticFiles;
use harmonious_http::{Front, Handler, Head, Plan, Request, Response, Server, StaticConfig};
use harmonious_pool::Pool;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        print!("{}", flags::HELP);
        return ExitCode::SUCCESS;
    }
    match run(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(line) => {
            eprintln!("harmonious-bench-app: {line}");
            ExitCode::from(2)
        }
    }
}

/// Serves until a signal; whether all that was begun was finished.
fn run(args: Vec<String>) -> Result<bool, String> {
    let flags = flags::parse(args.into_iter())?;
    let files = flags
        .static_dir
        .map(|folder| StaticFiles::open(&folder, StaticConfig::default()))
        .transpose()
        .map_err(|error| error.to_string())?;
    let app = Arc::new(routes::App::new(files));
    let front = Front::new(Shared(Arc::clone(&app)), flags.limits).map_err(|e| e.to_string())?;
    let builder = Server::builder()
        .http(&flags.listen, &front)
        .map_err(|error| error.to_string())?;
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(|error| error.to_string())?;
    let pool = Pool::start(flags.pool).map_err(|error| error.to_string())?;
    // It is set once, here.
    let _ = app.watched.set((pool.handle(), front));
    let server = builder.start(&pool).map_err(|error| error.to_string())?;
    println!("listening on {}", server.addresses()[0]);
    std::io::stdout()
        .flush()
        .map_err(|error| error.to_string())?;
    signals.forever().next();
    let report = pool.shutdown(flags.grace);
    eprintln!("{report}");
    Ok(report.is_clean())
}

/// The site as a handler, and as what `/stats` is set in.
struct Shared(Arc<routes::App>);

impl Handler for Shared {
    fn plan(&self, head: &Head) -> Plan {
        self.0.plan(head)
    }

    fn handle(&self, request: Request) -> Response {
        self.0.handle(request)
    }
}
