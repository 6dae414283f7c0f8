//! `date` and `ago`: points in time for people. All times are UTC.

use std::time::{SystemTime, UNIX_EPOCH};

use tera::{Error, Kwargs, State, Tera, TeraResult, Value};
use time::OffsetDateTime;
use time::format_description::parse_strftime_owned;
use time::format_description::well_known::Rfc3339;

use super::wrong_kind;

/// * `{{ t | date }}`: `2026-11-05`; `{{ t | date(format="%d.%m.%Y %H:%M") }}`: as `strftime` has it.
/// * `{{ t | ago }}`: `5 minutes ago`, `in 3 days`; `now` may be given, as any point in time.
///
/// A point in time is seconds since 1970, RFC 3339 text, or what SQLite writes:
/// `2026-11-05 12:00:00`, `2026-11-05`.
pub(super) fn register(engine: &mut Tera) {
    engine.register_filter("date", date);
    engine.register_filter("ago", |value: &Value, arguments: Kwargs, _: &State<'_>| {
        let now = match arguments.get::<&Value>("now")? {
            Some(now) => point(now)?.unix_timestamp(),
            None => seconds_now(),
        };
        Ok::<_, Error>(ago(now - point(value)?.unix_timestamp()))
    });
}

fn date(value: &Value, arguments: Kwargs, _: &State<'_>) -> TeraResult<String> {
    let format = arguments.get::<&str>("format")?.unwrap_or("%Y-%m-%d");
    let format = parse_strftime_owned(format)
        .map_err(|_| Error::message("`date` cannot read its format: it is that of strftime"))?;
    let text = point(value)?.format(&format);
    text.map_err(|_| Error::message("`date` cannot write this time in its format"))
}

fn point(value: &Value) -> TeraResult<OffsetDateTime> {
    if let Some(seconds) = value.as_i64().or_else(|| whole(value.as_f64()?)) {
        return OffsetDateTime::from_unix_timestamp(seconds)
            .map_err(|_| Error::message("`date` was given a time beyond the year 9999"));
    }
    let text = value.as_str().ok_or_else(|| wrong_kind("a time", value))?;
    read(text.trim()).ok_or_else(|| {
        Error::message(
            "`date` cannot read this text: it reads 2026-11-05, 2026-11-05 12:00:00 and \
             2026-11-05T12:00:00Z",
        )
    })
}

/// Towards the past, as a clock shows it.
fn whole(seconds: f64) -> Option<i64> {
    // Beyond 2^53 a float is no count of seconds.
    (seconds.abs() < 9.0e15).then(|| seconds.floor() as i64)
}

fn read(text: &str) -> Option<OffsetDateTime> {
    let with_t = text.replacen(' ', "T", 1);
    ["", "Z", ":00Z", "T00:00:00Z"]
        .iter()
        .find_map(|end| OffsetDateTime::parse(&format!("{with_t}{end}"), &Rfc3339).ok())
}

fn seconds_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// How long ago; less than nothing is to come.
fn ago(seconds: i64) -> String {
    const UNITS: [(u64, &str); 6] = [
        (31_556_952, "year"),
        (2_629_746, "month"),
        (604_800, "week"),
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
    ];
    let length = seconds.unsigned_abs();
    let Some((unit, name)) = UNITS.into_iter().find(|&(unit, _)| length >= unit) else {
        return "just now".to_owned();
    };
    let count = length / unit;
    let plural = if count == 1 { "" } else { "s" };
    if seconds < 0 {
        format!("in {count} {name}{plural}")
    } else {
        format!("{count} {name}{plural} ago")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_ago_is_told_in_the_largest_unit() {
        for (seconds, expected) in [
            (0, "just now"),
            (59, "just now"),
            (-59, "just now"),
            (60, "1 minute ago"),
            (3_599, "59 minutes ago"),
            (7_200, "2 hours ago"),
            (-86_400, "in 1 day"),
            (8 * 86_400, "1 week ago"),
            (40 * 86_400, "1 month ago"),
            (800 * 86_400, "2 years ago"),
            (i64::MIN, "in 292277024626 years"),
        ] {
            assert_eq!(ago(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn every_usual_form_of_a_time_is_read() {
        for text in [
            "2023-11-14",
            "2023-11-14 00:00",
            "2023-11-14 00:00:00",
            "2023-11-14T00:00:00Z",
            "2023-11-14T01:00:00+01:00",
            "2023-11-14 00:00:00.000",
        ] {
            assert_eq!(
                read(text).map(OffsetDateTime::unix_timestamp),
                Some(1_699_920_000),
                "{text}"
            );
        }
        for text in [
            "",
            "tomorrow",
            "2023-13-01",
            "2023-11-14T25:00:00Z",
            "14.11.2023",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
