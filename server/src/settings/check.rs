//! Settings that must fit each other.

use super::Config;
use super::layers::{Origin, Settings, bad, place};
use super::table::{Setting, find};
use crate::failure::Failure;

/// Tasks that live beside the connections: listeners, control connections, background jobs.
const TASKS_BESIDE_CONNECTIONS: usize = 4096;

/// Moves what nobody set to where it fits what somebody did set.
pub(super) fn adjust(config: &mut Config, origins: &[Origin]) {
    let unset = |name| find(name).is_some_and(|setting| origins[place(setting)] == Origin::Default);
    let pool = &mut config.pool;
    if unset("start") {
        pool.workers_start = pool.workers_start.clamp(pool.workers_min, pool.workers_max);
    }
    let limits = &mut config.limits;
    if unset("max-request-line") {
        limits.request_line_max_bytes = limits.request_line_max_bytes.min(limits.head_max_bytes);
    }
    // Of the limits of a front and of a pool, that of the front is the one that is told.
    let tasks = limits.connections_max + TASKS_BESIDE_CONNECTIONS;
    pool.tasks_max = pool.tasks_max.max(tasks);
}

/// Checks the settings against each other.
///
/// # Errors
/// Names the setting that does not fit, its value, where it comes from and what would fit.
pub(super) fn together(settings: &Settings) -> Result<(), Failure> {
    let config = settings.config();
    let (least, most) = (config.pool.workers_min, config.pool.workers_max);
    if !(least..=most).contains(&config.pool.workers_start) {
        let allowed = format!("{least} to {most}, as workers is {least}..{most}");
        return Err(misfit(settings, "start", &allowed));
    }
    if let harmonious_pool::PolicyKind::Fixed(n) = config.pool.policy
        && n > most
    {
        let allowed = format!("at most fixed:{most}, as workers is {least}..{most}");
        return Err(misfit(settings, "policy", &allowed));
    }
    if config.limits.request_line_max_bytes > config.limits.head_max_bytes {
        let head = find("max-header").map(|setting| setting.show(config));
        let allowed = format!("at most max-header, {}", head.unwrap_or_default());
        return Err(misfit(settings, "max-request-line", &allowed));
    }
    if !config.limits.temp_dir.is_dir() {
        return Err(misfit(settings, "temp-dir", "a folder that exists"));
    }
    // The crates that are told check what they are told too. Their ranges are those of the table,
    // so this finds nothing unless the two have drifted apart.
    config.pool.validate().map_err(said)?;
    config.limits.validate().map_err(said)
}

fn misfit(settings: &Settings, name: &str, allowed: &str) -> Failure {
    let value = |setting: &Setting| setting.show(settings.config());
    match find(name) {
        Some(setting) => bad(name, &value(setting), settings.origin(setting), allowed),
        None => said(allowed),
    }
}

fn said(message: impl ToString) -> Failure {
    Failure::Usage(message.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::layers::Given;
    use super::*;

    #[track_caller]
    fn check(flags: &[(&str, &str)], expected: Result<(), &str>) {
        let given = flags.iter().map(|(name, value)| Given {
            setting: find(name).unwrap(),
            values: vec![(*value).to_owned()],
            origin: Origin::Flag(format!("--{name}")),
        });
        let found = Settings::new(given).map(|_| ());
        let expected = expected.map_err(|message| Failure::Usage(message.to_owned()));
        assert_eq!(found, expected, "{flags:?}");
    }

    #[test]
    fn what_nobody_set_moves() {
        check(&[("workers", "8..16")], Ok(()));
        check(&[("workers", "2")], Ok(()));
        check(&[("max-header", "2KiB")], Ok(()));
        check(&[("max-connections", "1000000")], Ok(()));
    }

    #[test]
    fn what_was_set_must_fit() {
        check(
            &[("workers", "8..16"), ("start", "4")],
            Err("start is \"4\" (from --start): allowed is 8 to 16, as workers is 8..16"),
        );
        check(
            &[("workers", "8..16"), ("policy", "fixed:17")],
            Err("policy is \"fixed:17\" (from --policy): \
                 allowed is at most fixed:16, as workers is 8..16"),
        );
        check(
            &[("max-header", "2KiB"), ("max-request-line", "3KiB")],
            Err("max-request-line is \"3KiB\" (from --max-request-line): \
                 allowed is at most max-header, 2KiB"),
        );
    }
}
