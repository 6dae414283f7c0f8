//! `harmonious serve`: binds everything, then starts everything, serves, and ends when it is told to.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use harmonious_dispatcher::{Libraries, Manifest};
use harmonious_http::{Builder, Error, Front, Listen, Server};
use harmonious_pool::Pool;

use crate::build::{BuiltLibraries, Profile};
use crate::commands;
use crate::control::{self, Control};
use crate::failure::Failure;
use crate::live::Live;
use crate::log;
use crate::reporter::Reporter;
use crate::settings::{Config, Settings, bad, find};
use crate::site::{Development, Reloader, Shared, Site, Sites, Sweeper, Writer, task_start};
use crate::stop::{End, Stopper, signals};
use crate::{cli, sys};

/// Serves sites until a signal says to stop.
///
/// # Errors
/// What is wrong with a site or could not be started, with nothing left running; or what was cut when it
/// stopped.
pub fn serve(served: &cli::Served) -> Result<(), Failure> {
    let sites = served.dirs.iter().map(|dir| Site::open(dir, None, built));
    let sites = Sites::new(sites.collect::<Result<_, _>>()?)?;
    run(&Arc::new(sites), &served.settings, OnHangUp::Reload)
}

/// Serves a site while it is written.
///
/// # Errors
/// As [`serve`].
pub fn dev(served: &cli::Served) -> Result<(), Failure> {
    let [dir] = &served.dirs[..] else {
        return Err(Failure::Usage("dev serves one site".to_owned()));
    };
    let development = Development::start(dir)?;
    let libraries = |_: &Path, manifest: &Manifest| Ok(development.libraries(manifest));
    let site = Site::open(dir, Some(Arc::clone(&development)), libraries)?;
    let _watching = development.watch(site.dispatcher.as_ref())?;
    // A terminal that is closed ends what was started in it.
    let sites = Arc::new(Sites::new(vec![site])?);
    run(&sites, &served.settings, OnHangUp::Stop)
}

/// The libraries of a site, compiled where they are not as their sources are now.
///
/// # Errors
/// What does not compile, or cannot be read.
pub fn built(dir: &Path, manifest: &Manifest) -> Result<Arc<dyn Libraries>, Failure> {
    commands::build_modules(dir, manifest, Profile::Release)?;
    let libraries = BuiltLibraries::open(dir, Profile::Release);
    let libraries = libraries.map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(Arc::new(libraries))
}

/// What a hang-up (SIGHUP) means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnHangUp {
    Reload,
    Stop,
}

fn run(sites: &Arc<Sites>, settings: &Settings, on_hang_up: OnHangUp) -> Result<(), Failure> {
    let config = settings.config();
    let log = log::start(config)?;
    // Before signals are caught: one that comes meanwhile ends it at once.
    for site in sites.sites() {
        match (task_start(site, &[]), on_hang_up) {
            // Who writes the site mends it, and looks at other pages meanwhile.
            (Err(failure), OnHangUp::Stop) => drop(failure.report()),
            (started, _) => started?,
        }
    }
    let signals = signals().map_err(|error| started(&error))?;
    let front = front(Shared(Arc::clone(sites)), config.limits.clone())?;
    let control = Control::default();
    let control_front = self::front(control.clone(), control::limits())?;
    let bound = Bound::new(settings, &front, &control_front)?;

    warn_of_descriptors(config);
    let pool = Pool::start(config.pool.clone()).map_err(|error| started(&error))?;
    let handle = pool.handle();
    control.show(Live::new(
        handle.clone(),
        front.clone(),
        Arc::clone(sites),
        config.pool.clone(),
        &log,
    ));
    let reporter = Reporter::start(handle.clone(), front.clone(), &log);
    let reporter = reporter.map_err(|error| started(&error))?;
    let stopper = Stopper::new(signals, pool, config.grace).map_err(|error| started(&error))?;
    let server = bound.site.start(&handle).map_err(|error| started(&error))?;
    let control = bound.control.map(control::Running::start).transpose();
    let control = control.map_err(|error| started(&error))?;
    announce("listening", server.addresses());
    announce(
        "control",
        control.as_ref().map_or(&[], |running| &running.addresses),
    );

    let timed = (on_hang_up == OnHangUp::Reload).then(|| handle.clone());
    let sweeper = Sweeper::start(sites, timed).map_err(|error| started(&error))?;
    let writer = Writer::start(sites).map_err(|error| started(&error))?;
    let reloader = Reloader::start(sites).map_err(|error| started(&error))?;
    let reload = (on_hang_up == OnHangUp::Reload).then_some(|| reloader.ask());
    let end = stopper.wait(reload);
    if let Some(running) = control {
        running.stop();
    }
    drop(sweeper);
    if matches!(end, End::Drained(_)) {
        sites.save_instances();
        // After all that may have something written.
        drop(writer);
    }
    drop(reporter);
    tracing::info!("{end}");
    drop(log);
    match end {
        End::Drained(report) if report.is_clean() => Ok(()),
        End::Drained(report) => Err(Failure::Failed(format!("stopped, cut short {report}"))),
        End::AtOnce(signal) => std::process::exit(128 + signal),
    }
}

fn front(
    handler: impl harmonious_http::Handler,
    limits: harmonious_http::Limits,
) -> Result<Front, Failure> {
    Front::new(handler, limits).map_err(|error| Failure::Usage(chain(&error)))
}

/// Everything that is listened on; nothing is accepted yet.
struct Bound {
    site: Builder,
    control: Option<Builder>,
}

impl Bound {
    fn new(settings: &Settings, site: &Front, control: &Front) -> Result<Bound, Failure> {
        let mut builder = Server::builder();
        for listen in &settings.config().listen {
            let added = builder.http(listen, site);
            builder = added.map_err(|error| refused(settings, "listen", listen, &error))?;
        }
        let control = settings.config().control.as_ref().map(|listen| {
            // A control socket is for this user only, from its first moment.
            let added = sys::private(|| Server::builder().http(listen, control));
            added.map_err(|error| refused(settings, "control", listen, &error))
        });
        Ok(Bound {
            site: builder,
            control: control.transpose()?,
        })
    }
}

fn refused(settings: &Settings, name: &str, listen: &Listen, error: &Error) -> Failure {
    let why = match error {
        Error::Listen { source, .. } => source.to_string(),
        other => chain(other),
    };
    let allowed = format!("an address of this machine that is free; the system says: {why}");
    match find(name) {
        Some(setting) => bad(
            name,
            &listen.to_string(),
            settings.origin(setting),
            &allowed,
        ),
        None => Failure::Usage(why),
    }
}

fn warn_of_descriptors(config: &Config) {
    if let Err(most) = sys::allow_descriptors(config.limits.connections_max) {
        tracing::warn!(
            most,
            connections = config.limits.connections_max,
            "the system allows fewer open files than max-connections needs: raise \"ulimit -n\""
        );
    }
}

/// Says on standard output where the server can be reached: from now on it can. Scripts read this.
fn announce(what: &str, addresses: &[Listen]) {
    for listen in addresses {
        let address = match listen {
            Listen::Ip(address) => format!("http://{address}"),
            other => other.to_string(),
        };
        tracing::info!("{what} on {address}");
        crate::print(&format!("{what} on {address}\n"));
    }
}

fn started(error: &dyn std::error::Error) -> Failure {
    Failure::Failed(format!("the server cannot start: {}", chain(error)))
}

/// An error and its causes, as far as it does not tell them itself.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            let _ = write!(text, ": {said}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let source = std::io::Error::other("no room");
        let error = Error::Listen {
            address: "127.0.0.1:1".to_owned(),
            source,
        };
        assert_eq!(chain(&error), "cannot listen on 127.0.0.1:1: no room");
    }
}
