//! What the codes of the three databases mean, and what of their texts may be shown.

use std::time::Duration;

use crate::error::Error;

/// SQLite's [extended result codes](https://sqlite.org/rescode.html).
pub(crate) fn sqlite(code: i32, message: &str, limit: Duration) -> Error {
    let message = message.to_owned();
    match (code & 0xff, code >> 8) {
        (19, 6 | 8 | 10) => Error::Unique { message },
        (19, 3) => Error::ForeignKey { message },
        (19, 5) => Error::NotNull { message },
        (19, 1) => Error::Check { message },
        (5 | 6, _) => Error::Busy { message },
        (9, _) => Error::TimeLimit { limit },
        (14, _) => Error::unavailable(message),
        (1, 0) => Error::Syntax { message },
        (8, _) | (23, _) | (3, _) => Error::Denied { message },
        _ => Error::Other {
            code: code.to_string(),
            message,
        },
    }
}

/// PostgreSQL's [SQLSTATE](https://www.postgresql.org/docs/15/errcodes-appendix.html). The message
/// only, without its detail, which shows values.
pub(crate) fn postgres(
    code: &str,
    message: &str,
    constraint: Option<&str>,
    limit: Duration,
) -> Error {
    let said = message.to_owned();
    let named = constraint.map_or_else(|| said.clone(), str::to_owned);
    match code {
        "23505" | "23P01" => Error::Unique { message: named },
        "23503" => Error::ForeignKey { message: named },
        "23502" => Error::NotNull { message: said },
        "23514" => Error::Check { message: named },
        "40001" | "40P01" | "55P03" => Error::Busy { message: said },
        "57014" => Error::TimeLimit { limit },
        "53300" | "57P03" => Error::unavailable(said),
        "57P01" | "57P02" | "57P05" | "25P03" => Error::lost(said),
        "42501" => Error::Denied { message: said },
        "25P02" => Error::transaction("a statement of this transaction failed before"),
        _ => match &code[..code.len().min(2)] {
            "08" => Error::lost(said),
            "28" => Error::Denied { message: said },
            "42" | "26" => Error::Syntax { message: said },
            // Data exceptions quote the data.
            _ => Error::Other {
                code: code.to_owned(),
                message: cut_quoted(message, '"'),
            },
        },
    }
}

/// MySQL's and [MariaDB's](https://mariadb.com/kb/en/mariadb-error-code-reference/) numbers.
pub(crate) fn mysql(code: u16, message: &str, limit: Duration) -> Error {
    let said = message.to_owned();
    let safe = || cut_quoted(message, '\'');
    match code {
        // "Duplicate entry 'VALUE' for key 'NAME'": the value may hold anything.
        1062 | 1586 | 1169 => Error::Unique {
            message: (message.rsplit_once(" for key "))
                .map_or_else(safe, |(_, key)| key.trim_matches('\'').to_owned()),
        },
        1451 | 1452 | 1216 | 1217 | 1761 | 1762 => Error::ForeignKey { message: said },
        1048 | 1364 | 1263 => Error::NotNull { message: said },
        4025 | 3819 => Error::Check { message: said },
        1205 | 1213 | 1020 => Error::Busy { message: said },
        1969 | 3024 | 1317 => Error::TimeLimit { limit },
        1040 | 1203 | 1226 => Error::unavailable(said),
        1053 | 1077 | 1078 | 1079 | 1080 | 1927 | 2006 | 2013 => Error::lost(said),
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 | 1698 => Error::Denied { message: said },
        1049 | 1051 | 1054 | 1064 | 1109 | 1146 | 1149 | 1305 => Error::Syntax { message: said },
        _ => Error::Other {
            code: code.to_string(),
            message: safe(),
        },
    }
}

/// The text without what stands between the first and the last of these quotes.
fn cut_quoted(message: &str, quote: char) -> String {
    match (message.find(quote), message.rfind(quote)) {
        (Some(first), Some(last)) if first < last => {
            format!("{}...{}", &message[..=first], &message[last..])
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    #[test]
    fn codes_have_their_classes() {
        let unique = |error| matches!(error, Error::Unique { .. });
        assert!(unique(sqlite(2067, "UNIQUE constraint failed: t.a", LIMIT)));
        assert!(unique(sqlite(1555, "", LIMIT)));
        assert!(unique(postgres("23505", "", Some("t_a_key"), LIMIT)));
        assert!(matches!(sqlite(517, "", LIMIT), Error::Busy { .. }));
        assert!(matches!(
            postgres("08006", "", None, LIMIT),
            Error::ConnectionLost { .. }
        ));
        assert!(matches!(
            postgres("57P03", "", None, LIMIT),
            Error::Unavailable { .. }
        ));
        assert!(matches!(
            mysql(1969, "", LIMIT),
            Error::TimeLimit { limit: LIMIT }
        ));
        assert!(matches!(postgres("", "", None, LIMIT), Error::Other { .. }));
    }

    #[test]
    fn values_are_cut_out_of_texts() {
        let text = "Duplicate entry 'se'cret for key 'x' for key 'slug'";
        let error = mysql(1062, text, LIMIT);
        assert_eq!(
            error,
            Error::Unique {
                message: "slug".to_owned()
            }
        );
        for error in [
            mysql(
                1366,
                "Incorrect integer value: 'secret' for column `n`",
                LIMIT,
            ),
            postgres(
                "22P02",
                "invalid input syntax for type integer: \"secret\"",
                None,
                LIMIT,
            ),
        ] {
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
