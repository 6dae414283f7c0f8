//! `/pool`: all figures, and the last decisions with what they were based on, as JSON.

use std::time::Duration;

use harmonious_pool::{DecisionRecord, Stats};
use serde_json::{Map, Value, json};

use crate::live::{Figures, SiteFigures};
use crate::why::why;

/// The document. Times are in milliseconds unless the name says otherwise; `at_s` counts from the
/// start of the pool, as `uptime_s` does.
pub fn render(figures: &Figures, decisions: &[DecisionRecord]) -> String {
    let last_change = figures.pool.last_change.as_ref().map(|record| {
        let mut change = decision(record);
        change["why"] = why(record.reason).into();
        change
    });
    let document = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "uptime_s": figures.uptime.as_secs_f64(),
        "ready": !figures.draining,
        "settings": settings(figures),
        "pool": pool(&figures.pool),
        "front": front(figures),
        "sites": figures.sites.iter().map(site).collect::<Vec<_>>(),
        "process": process(figures),
        "log": { "lines_left_out": figures.lines_held, "lines_dropped": figures.lines_dropped },
        "last_change": last_change,
        "decisions": decisions.iter().map(decision).collect::<Vec<_>>(),
    });
    format!("{document}\n")
}

fn settings(figures: &Figures) -> Value {
    let settings = &figures.settings;
    json!({
        "workers_min": settings.workers_min,
        "workers_max": settings.workers_max,
        "workers_start": settings.workers_start,
        "spawn_limit": settings.spawn_limit,
        "spawn_window_ms": ms(settings.spawn_window),
        "average": settings.average,
        "idle_ms": ms(settings.idle),
        "queue_wait_ms": ms(settings.queue_wait),
        "queue_len_max": settings.queue_len_max,
        "policy": settings.policy.to_string(),
    })
}

fn pool(stats: &Stats) -> Value {
    let refusals = stats.refusals.iter();
    json!({
        "policy": stats.policy,
        "limit": stats.limit,
        "threads": stats.threads,
        "parked": stats.parked,
        "busy": stats.busy,
        "queued": stats.queued,
        "oldest_wait_ms": ms(stats.oldest_wait),
        "predicted_wait_ms": ms(stats.predicted_wait),
        "service_time_ms": ms(stats.service_time),
        "mean_wait_ms": ms(stats.mean_wait),
        "completions": stats.completions,
        "given_up": stats.given_up,
        "given_up_total": stats.given_up_total,
        "unwanted": stats.unwanted,
        "refused": stats.refused(),
        "refusals": counts(refusals.map(|(reason, count)| (reason.as_str(), *count))),
        "spawned": stats.spawned,
        "retired": stats.retired,
        "spawn_failures": stats.spawn_failures,
        "job_panics": stats.job_panics,
        "task_panics": stats.task_panics,
        "polls": stats.polls,
        "tasks": stats.tasks,
        "growth_exhausted": stats.growth_exhausted,
    })
}

fn front(figures: &Figures) -> Value {
    let front = &figures.front;
    let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"];
    json!({
        "connections": front.connections,
        "accepted": front.accepted,
        "evicted": front.evicted,
        "requests": front.requests,
        "responses": counts(classes.into_iter().zip(front.responses)),
        "rejects": counts(front.rejects.iter().copied()),
        "handler_panics": front.handler_panics,
        "timed_out": front.timed_out,
        "bytes_read": front.bytes_read,
        "bytes_written": front.bytes_written,
    })
}

/// A site with the modules that are loaded; the others are not.
fn site(site: &SiteFigures) -> Value {
    let loaded = site.loaded.iter().map(|module| {
        json!({
            "key": module.key,
            "file": module.file.file_name().map(|name| name.to_string_lossy()),
            "generation": module.generation,
            "leaving_generations": module.leaving_generations,
            "retired_generations": module.retired_generations,
        })
    });
    json!({
        "name": site.name,
        "modules": site.modules,
        "loaded": loaded.collect::<Vec<_>>(),
        "instances": {
            "count": site.instances.count,
            "in_use": site.instances.leased,
            "waiting": site.instances.waiting,
            "bytes": site.instances.bytes,
        },
        "fragments": {
            "count": site.fragments.kept,
            "bytes": site.fragments.bytes,
            "made": site.fragments.made,
            "found": site.fragments.found,
        },
    })
}

fn process(figures: &Figures) -> Value {
    let process = &figures.process;
    json!({
        "resident_bytes": process.resident_bytes,
        "descriptors": process.descriptors,
        "descriptors_max": process.descriptors_max,
        "threads": process.threads,
        "cpu_s": process.cpu_s,
    })
}

fn decision(record: &DecisionRecord) -> Value {
    json!({
        "at_s": record.at.as_secs_f64(),
        "reason": record.reason.as_str(),
        "limit_before": record.limit_before,
        "limit_wanted": record.limit_wanted,
        "limit": record.limit,
        "spawned": record.spawned,
        "threads": record.threads,
        "busy": record.busy,
        "queued": record.queued,
        "completions": record.completions,
        "service_time_ms": ms(record.service_time),
        "cpu": record.cpu,
        "repeated": record.repeated,
    })
}

fn counts(named: impl Iterator<Item = (&'static str, u64)>) -> Value {
    named
        .map(|(name, count)| (name.to_owned(), count.into()))
        .collect::<Map<_, _>>()
        .into()
}

fn ms(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::figures_at_rest;

    #[test]
    fn all_figures_are_there() {
        let text = render(&figures_at_rest(), &[]);
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["ready"], true);
        assert_eq!(document["pool"]["limit"], 4);
        assert_eq!(document["pool"]["given_up"], 0);
        assert_eq!(document["front"]["timed_out"], 0);
        assert_eq!(document["pool"]["refusals"]["queue_full"], 0);
        assert_eq!(document["settings"]["queue_wait_ms"], 500.0);
        assert_eq!(document["front"]["responses"]["2xx"], 0);
        assert_eq!(document["last_change"], Value::Null);
        assert!(document["decisions"].as_array().unwrap().is_empty());
    }
}
