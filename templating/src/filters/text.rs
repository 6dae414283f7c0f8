//! `bytes` and `slug`: sizes and names.

use tera::{Kwargs, State, Tera, TeraResult, Value};

use super::{only, wrong_kind};

/// * `{{ n | bytes }}`: `1.5 KiB`; `{{ n | bytes(decimal=true) }}`: `1.5 kB`.
/// * `{{ title | slug }}`: what can stand in a path: `[a-z0-9-]`.
pub(super) fn register(engine: &mut Tera) {
    engine.register_filter("bytes", bytes);
    engine.register_filter("slug", |text: &Value, _: Kwargs, _: &State<'_>| {
        text.as_str()
            .map(slug::slugify)
            .ok_or_else(|| wrong_kind("string", text))
    });
}

fn bytes(value: &Value, arguments: Kwargs, _: &State<'_>) -> TeraResult<String> {
    only("bytes", &arguments, &["decimal"])?;
    let count = value
        .as_f64()
        .ok_or_else(|| wrong_kind("a number of bytes", value))?;
    Ok(match arguments.get::<bool>("decimal")?.unwrap_or(false) {
        true => size(count, 1000.0, ["kB", "MB", "GB", "TB", "PB", "EB"]),
        false => size(count, 1024.0, ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]),
    })
}

fn size(count: f64, step: f64, units: [&str; 6]) -> String {
    if count.abs() < step {
        return format!("{} B", count.trunc());
    }
    let mut value = count / step;
    let mut unit = 0;
    // What would be rounded to a whole step belongs to the next unit.
    while (value.abs() * 10.0).round() >= step * 10.0 && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_one_decimal_and_the_largest_unit() {
        let binary = |count| size(count, 1024.0, ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]);
        for (count, expected) in [
            (0.0, "0 B"),
            (1023.0, "1023 B"),
            (1024.0, "1.0 KiB"),
            (1536.0, "1.5 KiB"),
            (1_048_575.0, "1.0 MiB"),
            (-2048.0, "-2.0 KiB"),
            (5.0 * 1024.0 * 1024.0 * 1024.0, "5.0 GiB"),
            (1e30, "867361737988.4 EiB"),
        ] {
            assert_eq!(binary(count), expected);
        }
    }
}
