//! Which language a visitor gets: what they chose, then what their browser asks for.

use crate::config::RANGES_MAX;

/// The number of the language: of the one that was `chosen`, then of the best that `accepted` names (the
/// field `Accept-Language`, RFC 9110, section 12.5.4), then the default.
pub(crate) fn choose(
    codes: &[&str],
    default: usize,
    chosen: Option<&str>,
    accepted: Option<&str>,
) -> usize {
    let by_choice = chosen.and_then(|chosen| lookup(codes, chosen));
    let by_field = || accepted.and_then(|field| negotiate(codes, default, field));
    by_choice.or_else(by_field).unwrap_or(default)
}

/// The language that a range means: itself, then without its last parts (RFC 4647, section 3.4), then one
/// that is more specific.
fn lookup(codes: &[&str], range: &str) -> Option<usize> {
    let mut shorter = range;
    loop {
        if let Some(found) = codes
            .iter()
            .position(|code| code.eq_ignore_ascii_case(shorter))
        {
            return Some(found);
        }
        match shorter.rsplit_once('-') {
            Some((before, _)) => shorter = before,
            None => return codes.iter().position(|code| is_below(code, range)),
        }
    }
}

/// Whether a code is the range itself or more specific (RFC 4647, section 3.3.1).
fn is_below(code: &str, range: &str) -> bool {
    let begins = code
        .get(..range.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(range));
    begins && !range.is_empty() && matches!(code.as_bytes().get(range.len()), None | Some(b'-'))
}

/// One range with its weight in thousandths.
struct Range<'a> {
    range: &'a str,
    weight: u16,
}

fn negotiate(codes: &[&str], default: usize, field: &str) -> Option<usize> {
    let parsed = field.split(',').take(RANGES_MAX).filter_map(parse);
    let mut ranges: Vec<Range<'_>> = parsed.collect();
    // Stable: of equal weights the first counts.
    ranges.sort_by_key(|range| std::cmp::Reverse(range.weight));
    let refused = |index: usize| is_refused(&ranges, codes[index]);
    let wanted = ranges.iter().filter(|range| range.weight > 0);
    wanted.into_iter().find_map(|range| match range.range {
        "*" => {
            let all = std::iter::once(default).chain(0..codes.len());
            all.into_iter().find(|&index| !refused(index))
        }
        range => lookup(codes, range).filter(|&index| !refused(index)),
    })
}

/// Whether the most specific range that means a language has the weight 0.
fn is_refused(ranges: &[Range<'_>], code: &str) -> bool {
    let meant = ranges.iter().filter(|range| is_below(code, range.range));
    let closest = meant.max_by_key(|range| range.range.len());
    match closest {
        Some(range) => range.weight == 0,
        None => {
            ranges
                .iter()
                .any(|range| range.range == "*" && range.weight == 0)
                && {
                    // What a more specific range brought here is wanted by it.
                    !ranges
                        .iter()
                        .any(|range| range.weight > 0 && is_below(range.range, code))
                }
        }
    }
}

/// `fr-CA;q=0.8`; none if it is no such thing.
fn parse(item: &str) -> Option<Range<'_>> {
    let mut parts = item.split(';').map(str::trim);
    let range = parts.next()?;
    let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'*');
    if range.is_empty() || !range.bytes().all(fits) {
        return None;
    }
    let weight = match parts.next() {
        None => 1000,
        Some(weight) => {
            let (name, value) = weight.split_once('=')?;
            let is_weight = name.trim().eq_ignore_ascii_case("q");
            is_weight.then(|| thousandths(value.trim()))??
        }
    };
    Some(Range { range, weight })
}

/// RFC 9110, section 12.4.2: 0 to 1 with up to three digits behind the point.
fn thousandths(value: &str) -> Option<u16> {
    let (whole, behind) = value.split_once('.').unwrap_or((value, ""));
    let is_number = behind.len() <= 3 && behind.bytes().all(|c| c.is_ascii_digit());
    let weight = match whole {
        "0" => 0,
        "1" => 1000,
        _ => return None,
    };
    let behind: u16 = format!("{behind:0<3}").parse().ok().filter(|_| is_number)?;
    Some(weight + behind).filter(|weight| *weight <= 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODES: [&str; 5] = ["de", "en", "fr", "pt-BR", "zh-Hant"];
    const ENGLISH: usize = 1;

    #[track_caller]
    fn check(accepted: &str, expected: &str) {
        let found = choose(&CODES, ENGLISH, None, Some(accepted));
        assert_eq!(CODES[found], expected, "{accepted}");
    }

    #[test]
    fn the_heaviest_range_counts() {
        check("fr", "fr");
        check("fr;q=0.3, de;q=0.7", "de");
        check("de;q=0.7,fr;q=0.7", "de");
        check("es, fr;q=0.5, de;q=0.4", "fr");
        check("FR ; Q=0.5 , de;q=0.401", "fr");
        check("", "en");
        check("es", "en");
    }

    #[test]
    fn a_prefix_is_enough() {
        check("fr-CA", "fr");
        check("fr-CA,de;q=0.9", "fr");
        check("de-Latn-CH-1996", "de");
        check("pt", "pt-BR");
        check("pt-PT", "en");
        check("zh", "zh-Hant");
        check("zh-hant-tw", "zh-Hant");
        check("f", "en");
        check("frr", "en");
    }

    #[test]
    fn what_is_refused_is_not_taken() {
        check("fr;q=0, de;q=0.1", "de");
        check("*, en;q=0", "de");
        check("*", "en");
        check("es, *;q=0.1", "en");
        check("fr-CA, fr;q=0", "en");
        // Nothing that is left is wanted: the default is better than an error (RFC 9110, 12.5.4).
        check("en;q=0", "en");
        check("fr, *;q=0", "fr");
        check("fr-CA, *;q=0", "fr");
    }

    #[test]
    fn what_is_malformed_is_left_out() {
        for weight in ["2", "1.1", "0.1234", "x", "-1", ".5", "1.001", ""] {
            check(&format!("fr;q={weight}, de;q=0.1"), "de");
        }
        check("fr;level=1, de;q=0.1", "de");
        check(";q=1,,  ,fr b, de;q=0.1", "de");
        check("\u{e9}, fr", "fr");
        let many = format!("{}fr", "es,".repeat(RANGES_MAX));
        check(&many, "en");
    }

    #[test]
    fn a_choice_comes_first() {
        let choose = |chosen| CODES[super::choose(&CODES, ENGLISH, Some(chosen), Some("fr"))];
        assert_eq!(choose("de"), "de");
        assert_eq!(choose("DE-AT"), "de");
        assert_eq!(choose("pt"), "pt-BR");
        assert_eq!(choose("es"), "fr");
        assert_eq!(choose(""), "fr");
    }
}
