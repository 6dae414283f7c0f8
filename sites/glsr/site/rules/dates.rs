//! Days as forms have them: `2026-08-01`, in UTC. The years are those of the Gregorian calendar.

/// Days of 400 years, after which the calendar repeats, and of those before 1970 since the year 0, which here begins
/// in March: so the odd day of leap years comes last.
const DAYS_400Y: i64 = 146_097;
const DAYS_BEFORE_1970: i64 = 719_468;

/// The day since 1970 that a text of the form `YYYY-MM-DD` means, from 1970 to 9999; none if there is no such day.
///
/// ```
/// use glsr::rules::{date, day};
/// assert_eq!(day("2024-02-29"), Some(19_782));
/// assert_eq!(day("2023-02-29"), None);
/// assert_eq!(date(19_782), "2024-02-29");
/// ```
#[must_use]
pub fn day(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let mut part = |digits: usize| {
        let part = parts.next()?;
        let plain = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse::<i64>().ok()).flatten()
    };
    let (year, month, of_month) = (part(4)?, part(2)?, part(2)?);
    if parts.next().is_some() || year < 1970 {
        return None;
    }
    let of_year = if month > 2 { year } else { year - 1 };
    let days_before = (153 * ((month + 9) % 12) + 2) / 5;
    let leap = of_year / 4 - of_year / 100 + of_year / 400;
    let day = 365 * of_year + leap + days_before + of_month - 1 - DAYS_BEFORE_1970;
    // A day or a month that is not there would be another one.
    (date(day) == text).then_some(day)
}

/// A day since 1970 as `YYYY-MM-DD`.
#[must_use]
pub fn date(day: i64) -> String {
    let since = day + DAYS_BEFORE_1970;
    let (era, in_era) = (since.div_euclid(DAYS_400Y), since.rem_euclid(DAYS_400Y));
    let of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * of_era + of_era / 4 - of_era / 100);
    let month = (5 * in_year + 2) / 153;
    let of_month = in_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + of_era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{of_month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_is_itself() {
        let mut last = String::new();
        // To the year 2500: leap years of all kinds.
        for n in 0..194_000 {
            let text = date(n);
            assert!(text > last, "{text} after {last}");
            assert_eq!(day(&text), Some(n), "{text}");
            last = text;
        }
        assert_eq!(
            (date(0), date(19_723)),
            ("1970-01-01".into(), "2024-01-01".into())
        );
    }

    #[test]
    fn days_that_are_none() {
        for text in [
            "",
            "2024",
            "2024-1-1",
            "2024-13-01",
            "2024-00-10",
            "2024-04-31",
            "2023-02-29",
            "2100-02-29",
            "2024-01-01-",
            "+024-01-01",
            "1969-12-31",
            "2024-01-32",
            "2024-01-00",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
