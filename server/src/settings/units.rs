//! Numbers with units, as they are read and as they are shown.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The shortest time that can be set: timers are not finer.
pub const MOMENT: Duration = Duration::from_millis(1);
/// The longest.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub const KIB: u64 = 1024;
pub const MIB: u64 = 1024 * KIB;
pub const TIB: u64 = 1024 * 1024 * MIB;

pub fn within<T: PartialOrd>(value: Option<T>, range: &RangeInclusive<T>) -> Option<T> {
    value.filter(|value| range.contains(value))
}

pub fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

pub fn time(text: &str, range: &RangeInclusive<Duration>) -> Result<Duration, String> {
    within(humantime::parse_duration(text).ok(), range).ok_or_else(|| {
        let (least, most) = (spaced(*range.start()), spaced(*range.end()));
        format!("a duration such as 500ms, {least} to {most}")
    })
}

/// Units of sizes, largest first; those that are shown come before their like.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

pub fn size(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = unit.trim_start();
    let (_, bytes) = UNITS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit) || (unit.is_empty() && *name == "B"))?;
    digits(number)?.checked_mul(*bytes)
}

pub fn show_size(bytes: u64) -> String {
    let fits = |(name, unit): &&(&str, u64)| {
        bytes.is_multiple_of(*unit) && bytes > 0 && (name.ends_with("iB") || *unit == 1)
    };
    match UNITS.iter().find(fits) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}

/// Units of durations, in nanoseconds, with the smallest number that is shown in them: `65s` and
/// `60s` are read more easily than `1m 5s` and `1m`.
const TIMES: [(&str, u128, u128); 6] = [
    ("h", 3_600_000_000_000, 1),
    ("m", 60_000_000_000, 5),
    ("s", 1_000_000_000, 1),
    ("ms", 1_000_000, 1),
    ("us", 1_000, 1),
    ("ns", 1, 1),
];

pub fn show_time(time: Duration) -> String {
    show_time_with(time, "")
}

fn spaced(time: Duration) -> String {
    show_time_with(time, " ")
}

fn show_time_with(time: Duration, space: &str) -> String {
    let ns = time.as_nanos();
    let fits =
        |(_, unit, least): &&(&str, u128, u128)| ns.is_multiple_of(*unit) && ns / unit >= *least;
    match TIMES.iter().find(fits) {
        Some((name, unit, _)) => format!("{}{space}{name}", ns / unit),
        None => "0s".to_owned(),
    }
}
