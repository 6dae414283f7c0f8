//! Durations and sizes as people write them.

use std::time::Duration;

/// `5s`, `1m 30s`; above zero.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let duration = humantime::parse_duration(text).ok()?;
    (!duration.is_zero()).then_some(duration)
}

/// `512`, `64KiB`, `1 MiB`, `2GB`: bytes.
pub(super) fn byte_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit_starts = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(unit_starts.unwrap_or(text.len()));
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}
