//! The page that `harmonious status` prints: `/pool` in words.

use std::fmt::Write;

use serde_json::Value;

use crate::failure::one_line;

/// Loaded modules that are named; `--json` has all of them.
const MODULES_SHOWN: usize = 24;

/// The page.
pub fn render(document: &Value) -> String {
    let at = Reader(document);
    let mut page = String::new();
    let ready = match at.flag("/ready") {
        true => "ready",
        false => "stopping",
    };
    let mut row = |name: &str, text: String| {
        let _ = writeln!(page, "{name:<11} {}", one_line(&text));
    };
    row(
        "harmonious",
        format!(
            "{} is {ready}, pid {}, up {}",
            at.text("/version"),
            at.count("/pid"),
            time(at.number("/uptime_s"))
        ),
    );
    pool(&at, &mut row);
    front(&at, &mut row);
    sites(&at, &mut row);
    row("last change", last_change(&at));
    page
}

fn pool(at: &Reader<'_>, row: &mut impl FnMut(&str, String)) {
    let exhausted = match at.flag("/pool/growth_exhausted") {
        true => ", no more to be had soon",
        false => "",
    };
    row(
        "limit",
        format!(
            "{} requests at once, of {}..{} ({}{exhausted})",
            at.count("/pool/limit"),
            at.count("/settings/workers_min"),
            at.count("/settings/workers_max"),
            at.text("/settings/policy"),
        ),
    );
    row(
        "threads",
        format!(
            "{}, {} of them asleep",
            at.count("/pool/threads"),
            at.count("/pool/parked")
        ),
    );
    row("busy", busy(at));
    row(
        "queue",
        format!(
            "{} of {} wait, the oldest for {}; one more would wait {} of {}",
            at.count("/pool/queued"),
            at.count("/settings/queue_len_max"),
            at.ms("/pool/oldest_wait_ms"),
            at.ms("/pool/predicted_wait_ms"),
            at.ms("/settings/queue_wait_ms"),
        ),
    );
    row(
        "handled",
        format!(
            "{}; of late in {} each, after a mean wait of {}",
            at.count("/pool/completions"),
            at.ms("/pool/service_time_ms"),
            at.ms("/pool/mean_wait_ms"),
        ),
    );
    row("refused", at.counts("/pool/refusals"));
}

fn busy(at: &Reader<'_>) -> String {
    let busy = at.count("/pool/busy");
    let (now, total) = (at.count("/pool/given_up"), at.count("/pool/given_up_total"));
    if total == 0 {
        return busy.to_string();
    }
    format!("{busy}; over their time limit {total}, of which {now} run still")
}

fn front(at: &Reader<'_>, row: &mut impl FnMut(&str, String)) {
    row(
        "front",
        format!(
            "{} connections, {} requests, {} panics",
            at.count("/front/connections"),
            at.count("/front/requests"),
            at.count("/front/handler_panics"),
        ),
    );
    row("responses", at.counts("/front/responses"));
    row("rejected", at.counts("/front/rejects"));
    row(
        "process",
        format!(
            "{:.1} MiB resident, {} descriptors of {}, {} threads",
            at.number("/process/resident_bytes") / f64::from(1 << 20),
            at.count("/process/descriptors"),
            at.count("/process/descriptors_max"),
            at.count("/process/threads"),
        ),
    );
    let (left_out, dropped) = (
        at.count("/log/lines_left_out"),
        at.count("/log/lines_dropped"),
    );
    if left_out + dropped > 0 {
        row(
            "log",
            format!("{left_out} lines of floods left out, {dropped} lines dropped"),
        );
    }
}

/// Each site with the modules that are loaded.
fn sites(at: &Reader<'_>, row: &mut impl FnMut(&str, String)) {
    for (number, site) in at.at("/sites").as_array().into_iter().flatten().enumerate() {
        let site = Reader(site);
        let loaded = site.at("/loaded").as_array().map_or(&[][..], Vec::as_slice);
        let keys = loaded.iter().filter_map(|module| module["key"].as_str());
        let mut listed = keys
            .clone()
            .take(MODULES_SHOWN)
            .collect::<Vec<_>>()
            .join(", ");
        if loaded.len() > MODULES_SHOWN {
            let _ = write!(listed, " and {} more", loaded.len() - MODULES_SHOWN);
        }
        let (name, modules) = (site.text("/name"), site.count("/modules"));
        let text = match loaded.len() {
            0 => format!("{name}: {modules} modules, none is loaded"),
            count => format!("{name}: {modules} modules, {count} loaded: {listed}"),
        };
        row(if number == 0 { "sites" } else { "" }, text);
        let kept = |what: &str| {
            (
                site.count(&format!("{what}/count")),
                site.count(&format!("{what}/bytes")),
            )
        };
        if let (count @ 1.., bytes) = kept("/instances") {
            row("", format!("sessions own {count} values, {}", kib(bytes)));
        }
        if let (count @ 1.., bytes) = kept("/fragments") {
            row("", format!("{count} fragments are kept, {}", kib(bytes)));
        }
    }
}

fn kib(bytes: u64) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}

fn last_change(at: &Reader<'_>) -> String {
    if at.0["last_change"].is_null() {
        return "none since the start".to_owned();
    }
    let ago = at.number("/uptime_s") - at.number("/last_change/at_s");
    format!(
        "{} ago, limit {} -> {}: {} ({}); then busy {}, queued {}, {} a request, CPU {:.0} %",
        time(ago.max(0.0)),
        at.count("/last_change/limit_before"),
        at.count("/last_change/limit"),
        at.text("/last_change/why"),
        at.text("/last_change/reason"),
        at.count("/last_change/busy"),
        at.count("/last_change/queued"),
        at.ms("/last_change/service_time_ms"),
        at.number("/last_change/cpu") * 100.0,
    )
}

/// Reads the document. What an older or newer server does not send is 0 or empty.
struct Reader<'a>(&'a Value);

impl Reader<'_> {
    fn at(&self, path: &str) -> &Value {
        self.0.pointer(path).unwrap_or(&Value::Null)
    }

    fn text(&self, path: &str) -> &str {
        self.at(path).as_str().unwrap_or("?")
    }

    fn count(&self, path: &str) -> u64 {
        self.at(path).as_u64().unwrap_or(0)
    }

    fn number(&self, path: &str) -> f64 {
        self.at(path).as_f64().unwrap_or(0.0)
    }

    fn flag(&self, path: &str) -> bool {
        self.at(path).as_bool().unwrap_or(false)
    }

    fn ms(&self, path: &str) -> String {
        time(self.number(path) / 1000.0)
    }

    /// The counts that are not zero, with their names, and their sum before them.
    fn counts(&self, path: &str) -> String {
        let counts = self.at(path).as_object().into_iter().flatten();
        let counts: Vec<(&str, u64)> = counts
            .filter_map(|(name, count)| Some((name.as_str(), count.as_u64()?)))
            .filter(|(_, count)| *count > 0)
            .collect();
        if counts.is_empty() {
            return "none".to_owned();
        }
        let sum: u64 = counts.iter().map(|(_, count)| count).sum();
        let named: Vec<String> = counts
            .iter()
            .map(|(name, n)| format!("{name} {n}"))
            .collect();
        format!("{sum}: {}", named.join(", "))
    }
}

/// A time in seconds, with two or three digits that matter.
fn time(seconds: f64) -> String {
    let whole = seconds as u64;
    match seconds {
        0.0 => "0 s".to_owned(),
        ..0.001 => format!("{:.0} us", seconds * 1e6),
        ..0.1 => format!("{:.1} ms", seconds * 1e3),
        ..1.0 => format!("{:.0} ms", seconds * 1e3),
        ..120.0 => format!("{seconds:.1} s"),
        ..7200.0 => format!("{} min", whole / 60),
        ..172_800.0 => format!("{} h {} min", whole / 3600, whole / 60 % 60),
        _ => format!("{} days", whole / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::live::figures_at_rest;
    use crate::pool_json;

    #[test]
    fn a_server_at_rest_is_told_in_words() {
        let text = pool_json::render(&figures_at_rest(), &[]);
        let page = render(&serde_json::from_str(&text).unwrap());
        assert!(page.contains(" is ready, pid "), "{page}");
        assert!(
            page.contains("4 requests at once, of 4..256 (adaptive)"),
            "{page}"
        );
        assert!(page.contains("refused     none"), "{page}");
        assert!(page.contains("last change none since the start"), "{page}");
    }

    #[test]
    fn the_last_change_says_why() {
        let document = json!({
            "uptime_s": 100.0,
            "last_change": {
                "at_s": 90.0, "limit_before": 4, "limit": 8, "reason": "grow",
                "why": "requests waited", "busy": 4, "queued": 9, "service_time_ms": 20.0,
                "cpu": 0.125
            },
            "pool": {
                "busy": 4, "given_up": 1, "given_up_total": 7,
                "refusals": { "waited": 3, "queue_full": 0, "stopping": 1 }
            },
        });
        let page = render(&document);
        let expected = "last change 10.0 s ago, limit 4 -> 8: requests waited (grow); \
                        then busy 4, queued 9, 20.0 ms a request, CPU 12 %";
        assert!(page.contains(expected), "{page}");
        assert!(
            page.contains("refused     4: stopping 1, waited 3"),
            "{page}"
        );
        let busy = "busy        4; over their time limit 7, of which 1 run still\n";
        assert!(page.contains(busy), "{page}");
    }

    #[test]
    fn whatever_is_sent_stays_on_its_line() {
        let page = render(&json!({ "version": "1\nlimit 7\u{1b}[2J" }));
        assert!(
            page.starts_with("harmonious  1\\nlimit 7\\u{1b}[2J is stopping"),
            "{page}"
        );
    }

    #[test]
    fn times_are_short() {
        let times = [0.0, 0.000_25, 0.0123, 0.5, 12.34, 600.0, 9000.0, 864_000.0];
        let shown = [
            "0 s",
            "250 us",
            "12.3 ms",
            "500 ms",
            "12.3 s",
            "10 min",
            "2 h 30 min",
        ];
        for (time_s, expected) in times.into_iter().zip(shown.into_iter().chain(["10 days"])) {
            assert_eq!(time(time_s), expected);
        }
    }
}
