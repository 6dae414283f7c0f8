//! `/metrics`: all figures in Prometheus' text format 0.0.4. Units are the base ones (seconds,
//! bytes), counters end in `_total`.

use std::time::Duration;

use crate::exposition::Page;
use crate::live::{Figures, SiteFigures};

/// The media type of the format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The document.
pub fn render(figures: &Figures) -> String {
    let mut page = Page::default();
    page.family("build_info", "gauge", "The version that runs; always 1");
    page.sample("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.gauge(
        "uptime_seconds",
        "Time since the start",
        seconds(figures.uptime),
    );
    let draining = u8::from(figures.draining);
    page.gauge("draining", "1 while the server is stopping", draining);
    pool(&mut page, figures);
    work(&mut page, figures);
    front(&mut page, figures);
    sites(&mut page, figures);
    process(&mut page, figures);
    page.into_text()
}

fn pool(page: &mut Page, figures: &Figures) {
    let pool = &figures.pool;
    page.family("pool_policy_info", "gauge", "The policy in force; always 1");
    page.sample("pool_policy_info", &[("policy", pool.policy)], 1);
    page.gauge(
        "pool_limit",
        "Requests that may be handled at once",
        pool.limit,
    );
    page.gauge("pool_threads", "Threads of the pool", pool.threads);
    page.gauge(
        "pool_threads_parked",
        "Of them, those that sleep",
        pool.parked,
    );
    page.gauge("pool_busy", "Requests that are being handled", pool.busy);
    page.gauge(
        "pool_given_up",
        "Handlers that still run after their time limit",
        pool.given_up,
    );
    page.gauge(
        "pool_queued",
        "Requests that wait for a worker",
        pool.queued,
    );
    let oldest = seconds(pool.oldest_wait);
    page.gauge(
        "pool_oldest_wait_seconds",
        "How long the oldest of them has waited",
        oldest,
    );
    let predicted = seconds(pool.predicted_wait);
    page.gauge(
        "pool_predicted_wait_seconds",
        "How long one more would wait",
        predicted,
    );
    let service = seconds(pool.service_time);
    page.gauge(
        "pool_service_time_seconds",
        "Mean time that handling took, of late",
        service,
    );
    let wait = seconds(pool.mean_wait);
    page.gauge(
        "pool_mean_wait_seconds",
        "Mean wait for a worker, over all requests",
        wait,
    );
    page.gauge(
        "pool_tasks",
        "Connections, listeners and background jobs that live",
        pool.tasks,
    );
    let exhausted = u8::from(pool.growth_exhausted);
    page.gauge(
        "pool_growth_exhausted",
        "1 while no more threads will be tried soon",
        exhausted,
    );
    let least = figures.settings.workers_min;
    page.gauge(
        "pool_workers_min",
        "Workers that are kept however idle",
        least,
    );
    page.gauge(
        "pool_workers_max",
        "Most workers",
        figures.settings.workers_max,
    );
}

fn work(page: &mut Page, figures: &Figures) {
    let pool = &figures.pool;
    page.counter(
        "pool_completions",
        "Requests that were handled by a worker",
        pool.completions,
    );
    page.counter(
        "pool_given_up",
        "Handlers that ran over their time limit",
        pool.given_up_total,
    );
    page.counter(
        "pool_unwanted",
        "Requests whose client was gone at their turn",
        pool.unwanted,
    );
    page.family(
        "pool_refusals_total",
        "counter",
        "Requests that got no worker, by reason",
    );
    for (reason, count) in &pool.refusals {
        page.sample("pool_refusals_total", &[("reason", reason.as_str())], count);
    }
    page.counter(
        "pool_threads_spawned",
        "Threads that were started",
        pool.spawned,
    );
    page.counter("pool_threads_retired", "Threads that retired", pool.retired);
    let failures = pool.spawn_failures;
    page.counter(
        "pool_spawn_failures",
        "Threads that the system refused",
        failures,
    );
    page.counter(
        "pool_job_panics",
        "Jobs that ended by a panic",
        pool.job_panics,
    );
    page.counter(
        "pool_task_panics",
        "Tasks that ended by a panic",
        pool.task_panics,
    );
    page.counter("pool_polls", "Polls of tasks", pool.polls);
}

fn front(page: &mut Page, figures: &Figures) {
    let front = &figures.front;
    page.gauge("http_connections", "Open connections", front.connections);
    page.counter(
        "http_connections_accepted",
        "Connections that were accepted",
        front.accepted,
    );
    let evicted = front.evicted;
    page.counter(
        "http_connections_evicted",
        "Idle connections closed for new ones",
        evicted,
    );
    page.counter(
        "http_requests",
        "Requests whose head was read and good",
        front.requests,
    );
    page.family(
        "http_responses_total",
        "counter",
        "Responses, by class of status",
    );
    for (class, count) in ["1xx", "2xx", "3xx", "4xx", "5xx"]
        .iter()
        .zip(front.responses)
    {
        page.sample("http_responses_total", &[("class", class)], count);
    }
    page.family(
        "http_rejects_total",
        "counter",
        "What the front refused, by reason",
    );
    for (reason, count) in &front.rejects {
        page.sample("http_rejects_total", &[("reason", reason)], count);
    }
    let panics = front.handler_panics;
    page.counter(
        "http_handler_panics",
        "Handlers that ended by a panic",
        panics,
    );
    page.counter(
        "http_timed_out",
        "Requests answered in place of a handler that ran over its time limit",
        front.timed_out,
    );
    page.counter(
        "http_read_bytes",
        "Bytes read from clients",
        front.bytes_read,
    );
    page.counter(
        "http_written_bytes",
        "Bytes written to clients",
        front.bytes_written,
    );
}

fn sites(page: &mut Page, figures: &Figures) {
    let mut family = |name, kind, help, value: fn(&SiteFigures) -> u64| {
        page.family(name, kind, help);
        for site in &figures.sites {
            page.sample(name, &[("site", &site.name)], value(site));
        }
    };
    family("site_modules", "gauge", "Modules of a site", |site| {
        site.modules as u64
    });
    family(
        "site_modules_loaded",
        "gauge",
        "Of them, those that are loaded",
        |site| site.loaded.len() as u64,
    );
    family(
        "site_instances",
        "gauge",
        "Values that sessions own in memory",
        |site| site.instances.count as u64,
    );
    family(
        "site_instances_bytes",
        "gauge",
        "Bytes of them, as their modules estimate them",
        |site| site.instances.bytes,
    );
    family(
        "site_fragments",
        "gauge",
        "Rendered fragments that are kept",
        |site| site.fragments.kept as u64,
    );
    family("site_fragments_bytes", "gauge", "Bytes of them", |site| {
        site.fragments.bytes
    });
    family(
        "site_fragments_made_total",
        "counter",
        "Fragments that were rendered",
        |site| site.fragments.made,
    );
    family(
        "site_fragments_found_total",
        "counter",
        "Fragments that were there when they were asked for",
        |site| site.fragments.found,
    );
}

fn process(page: &mut Page, figures: &Figures) {
    let process = &figures.process;
    let resident = process.resident_bytes;
    page.gauge(
        "process_resident_memory_bytes",
        "Memory that is resident",
        resident,
    );
    page.gauge(
        "process_open_fds",
        "Open files and sockets",
        process.descriptors,
    );
    page.gauge(
        "process_max_fds",
        "How many may be open",
        process.descriptors_max,
    );
    page.gauge("process_threads", "Threads of the process", process.threads);
    page.counter(
        "process_cpu_seconds",
        "CPU time of the process",
        process.cpu_s,
    );
    let held = figures.lines_held;
    page.counter(
        "log_left_out_lines",
        "Lines of floods that were left out of the log",
        held,
    );
    let dropped = figures.lines_dropped;
    page.counter(
        "log_dropped_lines",
        "Lines dropped because nobody read the log",
        dropped,
    );
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::live::figures_at_rest;

    #[test]
    fn every_sample_has_its_family_before_it() {
        let text = render(&figures_at_rest());
        let mut kinds = HashMap::new();
        for line in text.lines() {
            let words: Vec<&str> = line.splitn(4, ' ').collect();
            if let ["#", "TYPE", name, kind] = words[..] {
                assert!(kinds.insert(name, kind).is_none(), "{name} stands twice");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
            } else if words[0] != "#" {
                let (name, value) = line.rsplit_once(' ').unwrap();
                let name = name.split('{').next().unwrap();
                assert!(kinds.contains_key(name), "{line}");
                assert!(name.starts_with("harmonious_"), "{line}");
                value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
            }
        }
        assert!(kinds.len() > 30);
        assert!(text.contains("\nharmonious_pool_refusals_total{reason=\"waited\"} 0\n"));
    }
}
