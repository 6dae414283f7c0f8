//! Sites: what a request meets behind the front. By its host a request belongs to one site; there
//! `static/` answers it, or else the dispatcher of the site's domains.

mod around;
mod confined;
mod convert;
mod database;
mod databases;
mod databases_toml;
mod development;
mod exchange;
mod faults;
mod fragments;
mod instances;
mod keeping;
mod keeping_toml;
mod lazy;
mod limits;
mod locales;
mod logins;
mod migrations;
mod one;
mod proxies;
mod reload;
mod requests;
mod services;
mod sessions;
pub mod site_toml;
mod soon;
mod sweeper;
mod tasks;
mod texts;
mod transactions;
mod visitors;
mod writer;

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use harmonious_dispatcher::manifest::host_name;
use harmonious_dispatcher::{Hosts, refuse};
use harmonious_http::http::StatusCode;
use harmonious_http::{Handler, Head, Plan, Record, Request, Response};

use crate::failure::Failure;
use crate::log::access;

pub use databases::KeptDatabase;
pub use development::Development;
pub use keeping::Keeping;
pub use locales::{Spoken, problems as locale_problems};
pub use one::{DATA, Site};
pub use reload::Reloader;
pub use requests::{Unmet, unmet};
pub use services::template_files;
pub use site_toml::SiteToml;
pub use sweeper::Sweeper;
pub use tasks::{failure as task_failure, start as task_start};
pub use writer::Writer;

/// How long modules may take to save what sessions own when the server stops.
const SAVE_MAX: Duration = Duration::from_secs(10);

/// The route of jobs that read files; those of modules come after it.
const FILES: u32 = 0;

/// All sites of a server.
pub struct Sites {
    sites: Vec<Site>,
    hosts: Hosts<usize>,
    /// Whether there is one site, for any host: then a plan need not look at the host.
    is_for_all: bool,
}

impl Sites {
    /// These sites, told apart by their hosts.
    ///
    /// # Errors
    /// Two sites that claim one host, a host that is none, or several sites of which more than one
    /// claims none.
    pub fn new(sites: Vec<Site>) -> Result<Sites, Failure> {
        let mut hosts = Hosts::new();
        let any = [String::from("*")];
        for (at, site) in sites.iter().enumerate() {
            let claimed = match &site.hosts[..] {
                [] => &any[..],
                named => named,
            };
            for host in claimed {
                let owner = hosts.owner(host).ok().flatten().copied();
                hosts.add(host, at).map_err(|error| {
                    let others = owner.map(|at: usize| format!(" and {}", sites[at].dir.display()));
                    Failure::Usage(format!(
                        "{}{}: {error}; each site needs its own hosts in site.toml, such as \
                         hosts = [\"a.example\"], and one at most may have none",
                        site.dir.display(),
                        others.unwrap_or_default(),
                    ))
                })?;
            }
        }
        let is_for_all = sites.len() == 1 && sites[0].hosts.is_empty();
        Ok(Sites {
            sites,
            hosts,
            is_for_all,
        })
    }

    /// The sites.
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// The server stops: what sessions own in memory goes, and may save itself, for as long as
    /// [`SAVE_MAX`].
    pub fn save_instances(self: &Arc<Sites>) {
        let owns = |site: &Site| !site.keeping.instances.is_empty();
        if !self.sites.iter().any(owns) {
            return;
        }
        let (done, ended) = channel::<()>();
        // A thread for each: a module that hangs keeps no other site from saving.
        let started = (0..self.sites.len()).map(|at| self.save_in_thread(at, done.clone()));
        let all_started = started.fold(true, |all, one| all & one.is_ok());
        drop(done);
        // They tell nothing: they end, or panic, and either is the end.
        let waited = ended.recv_timeout(SAVE_MAX);
        if !all_started || waited == Err(RecvTimeoutError::Timeout) {
            tracing::error!(
                "what sessions own was not saved within {} s: it is lost",
                SAVE_MAX.as_secs()
            );
        }
    }

    fn save_in_thread(self: &Arc<Sites>, at: usize, done: Sender<()>) -> io::Result<()> {
        let sites = Arc::clone(self);
        let saver = std::thread::Builder::new().name("save".to_owned());
        let saver = saver.spawn(move || {
            let site = &sites.sites[at];
            site.keeping.instances.stop();
            if let Some(dispatcher) = &site.dispatcher {
                dispatcher.let_go();
            }
            drop(done);
        });
        saver.map(drop)
    }

    /// The site that a request belongs to, and the host that it names; 404 for a host of nobody, 400 for
    /// what is no host.
    fn site<'h>(&self, head: &'h Head) -> Result<(&Site, Cow<'h, str>), StatusCode> {
        let host = host_name(head.host().unwrap_or_default());
        let host = host.map_err(|_| StatusCode::BAD_REQUEST)?;
        match self.hosts.find_name(&host) {
            Some(at) => Ok((&self.sites[*at], host)),
            None => Err(StatusCode::NOT_FOUND),
        }
    }
}

/// An answer that no site gives: a page, or a problem document for clients that ask for JSON.
fn refusal(head: &Head, status: StatusCode) -> Response {
    let outgoing = refuse(&head.headers, &head.id.to_string(), head.path(), status);
    convert::response(outgoing, head).unwrap_or_else(|_| Response::error(status))
}

/// The sites, for the front and for those who look on.
#[derive(Clone)]
pub struct Shared(pub Arc<Sites>);

impl Handler for Shared {
    fn plan(&self, head: &Head) -> Plan {
        if self.0.is_for_all {
            // The handler refuses what is no host; until then nothing depends on it.
            return self.0.sites[0].plan(head);
        }
        match self.0.site(head) {
            Ok((site, _)) => site.plan(head),
            Err(status) => Plan::Answer(refusal(head, status)),
        }
    }

    fn handle(&self, request: Request) -> Response {
        match self.0.site(&request.head) {
            Ok((site, host)) => site.handle(&request, host),
            Err(status) => refusal(&request.head, status),
        }
    }

    fn plan_refusal(&self, head: &Head, status: StatusCode) -> Option<Plan> {
        self.0.site(head).ok()?.0.plan_refusal(head, status)
    }

    fn refused(&self, head: &Head, status: StatusCode) -> Response {
        match self.0.site(head) {
            Ok((site, host)) => site.refused(head, host, status),
            Err(status) => refusal(head, status),
        }
    }

    fn timed_out(&self, head: &Head) -> Response {
        if let Ok((site, _)) = self.0.site(head) {
            site.timed_out(head);
        }
        refusal(head, StatusCode::GATEWAY_TIMEOUT)
    }

    fn finished(&self, record: &Record<'_>) {
        access::log(record);
    }
}
