//! A moment, in UTC with microseconds: what the three databases can all keep.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// A moment in UTC, to the microsecond, in the years 1 to 9999.
///
/// Shown and serialised as RFC 3339 with six digits, so that the texts sort as the moments do.
///
/// ```
/// use harmonious_db::Timestamp;
///
/// let moment: Timestamp = "2026-03-01T12:00:00.5+02:00".parse().unwrap();
/// assert_eq!(moment.to_string(), "2026-03-01T10:00:00.500000Z");
/// assert_eq!(moment.as_micros(), 1_772_359_200_500_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Since the start of 1970. Invariant: between [`FIRST`] and [`LAST`].
    micros: i64,
}

/// The start of the year 1.
const FIRST: i64 = -62_135_596_800_000_000;
/// The last microsecond of the year 9999.
const LAST: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// The present moment.
    pub fn now() -> Timestamp {
        SystemTime::now().into()
    }

    /// From microseconds since the start of 1970; beyond the years 1 to 9999 the nearest end.
    pub fn from_micros(micros: i64) -> Timestamp {
        Timestamp {
            micros: micros.clamp(FIRST, LAST),
        }
    }

    /// Microseconds since the start of 1970.
    pub fn as_micros(self) -> i64 {
        self.micros
    }

    /// From the fields of a date and a time of day, in UTC; none if there is no such moment.
    pub(crate) fn from_fields(date: (i32, u8, u8), time: (u8, u8, u8, u32)) -> Option<Timestamp> {
        let month = Month::try_from(date.1).ok()?;
        let date = Date::from_calendar_date(date.0, month, date.2).ok()?;
        let time = Time::from_hms_micro(time.0, time.1, time.2, time.3).ok()?;
        Some(PrimitiveDateTime::new(date, time).assume_utc().into())
    }

    /// The calendar's view of it.
    pub(crate) fn fields(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.micros) * 1000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(moment: OffsetDateTime) -> Timestamp {
        let micros = moment.unix_timestamp_nanos().div_euclid(1000);
        Timestamp::from_micros(i64::try_from(micros).unwrap_or(LAST))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Timestamp {
        let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(LAST);
        Timestamp::from_micros(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => micros(after),
            Err(before) => -micros(before.duration()),
        })
    }
}

impl From<Timestamp> for SystemTime {
    fn from(moment: Timestamp) -> SystemTime {
        let span = Duration::from_micros(moment.micros.unsigned_abs());
        if moment.micros < 0 {
            UNIX_EPOCH - span
        } else {
            UNIX_EPOCH + span
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.fields();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.microsecond()
        )
    }
}

impl FromStr for Timestamp {
    type Err = String;

    /// Reads RFC 3339; also with a space for the `T` and without an offset, which then is UTC, as
    /// the databases themselves write it.
    fn from_str(text: &str) -> Result<Timestamp, String> {
        let mut text = text.trim().replacen(' ', "T", 1);
        let zoned = text
            .get(10..)
            .is_some_and(|t| t.contains(['Z', 'z', '+', '-']));
        if !zoned {
            text.push('Z');
        }
        OffsetDateTime::parse(&text, &Rfc3339)
            .map(|moment| moment.to_offset(UtcOffset::UTC).into())
            .map_err(|_| "this is no timestamp of RFC 3339".to_owned())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, micros: i64, shown: &str) {
        let moment: Timestamp = text.parse().unwrap();
        assert_eq!(moment.as_micros(), micros);
        assert_eq!(moment.to_string(), shown);
        assert_eq!(shown.parse(), Ok(moment));
        assert_eq!(Timestamp::from(SystemTime::from(moment)), moment);
    }

    #[test]
    fn rfc_3339_is_read_and_written() {
        check("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000000Z");
        check(
            "1970-01-01 00:00:01",
            1_000_000,
            "1970-01-01T00:00:01.000000Z",
        );
        check(
            "1969-12-31T23:59:59.5Z",
            -500_000,
            "1969-12-31T23:59:59.500000Z",
        );
        check("0001-01-01T00:00:00Z", FIRST, "0001-01-01T00:00:00.000000Z");
        check(
            "9999-12-31T23:59:59.999999Z",
            LAST,
            "9999-12-31T23:59:59.999999Z",
        );
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "now",
            "2026-13-01T00:00:00Z",
            "2026-01-01",
            "2026-02-30 10:00:00",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn beyond_the_calendar_is_its_end() {
        assert_eq!(Timestamp::from_micros(i64::MAX).as_micros(), LAST);
        assert_eq!(Timestamp::from_micros(i64::MIN).as_micros(), FIRST);
    }
}
