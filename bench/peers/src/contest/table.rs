//! The section of a case: a row for each server, a line for each rival of ours.

use super::entrants::OURS;
use super::server::Entrant;
use super::{Case, Rival, Turn};
use crate::report;
use crate::stats::Spread;

const HEADER: [&str; 9] = [
    "server",
    "good answers/s",
    "of rounds",
    "p50, ms",
    "p99, ms",
    "other status",
    "socket errors",
    "threads, most",
    "resident, MB",
];

/// Title, table and ratios.
pub(super) fn section(case: &Case, entrants: &[Entrant], measured: &[Vec<Turn>]) -> String {
    let rows: Vec<Vec<String>> = entrants
        .iter()
        .zip(measured)
        .map(|(entrant, turns)| row(entrant.name, turns))
        .collect();
    let rates: Vec<(&str, Vec<f64>)> = entrants
        .iter()
        .zip(measured)
        .map(|(entrant, turns)| (entrant.name, turns.iter().map(rate).collect()))
        .collect();
    let ratios: String = case
        .rivals
        .iter()
        .filter_map(|rival| ratio(rival, &rates))
        .collect();
    let gap = if ratios.is_empty() { "" } else { "\n" };
    format!(
        "\n### {}\n{} at {} connections.\n\n{}{gap}{ratios}",
        case.name,
        case.path,
        case.connections,
        report::table(&HEADER, &rows)
    )
}

/// Medians of the rounds; of errors the sum, so that none is lost.
fn row(name: &str, turns: &[Turn]) -> Vec<String> {
    let of = |value: fn(&Turn) -> f64| Spread::of(&turns.iter().map(value).collect::<Vec<_>>());
    let sum = |value: fn(&Turn) -> u64| report::whole(turns.iter().map(value).sum::<u64>() as f64);
    let rates = of(rate);
    vec![
        name.to_owned(),
        report::whole(rates.median),
        format!("{}-{}", report::whole(rates.low), report::whole(rates.high)),
        format!("{:.2}", of(|turn| turn.figures.p50_ms).median),
        format!("{:.2}", of(|turn| turn.figures.p99_ms).median),
        sum(|turn| turn.figures.refused),
        sum(|turn| turn.figures.failed),
        report::whole(of(|turn| turn.threads as f64).median),
        format!("{:.1}", of(|turn| turn.resident_kib as f64).median / 1024.0),
    ]
}

fn rate(turn: &Turn) -> f64 {
    turn.figures.rate
}

/// Ours to the best of a rival's servers; nothing where one side is absent.
fn ratio(rival: &Rival, rates: &[(&str, Vec<f64>)]) -> Option<String> {
    let median = |rates: &[f64]| Spread::of(rates).median;
    let (_, ours) = rates.iter().find(|(name, _)| *name == OURS)?;
    let (best, theirs) = rates
        .iter()
        .filter(|(name, _)| rival.names.contains(name))
        .max_by(|a, b| median(&a.1).total_cmp(&median(&b.1)))?;
    let rounds: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a / b).collect();
    let rounds = Spread::of(&rounds);
    let promised = rival.promised.map(|ratio| format!("; promised {ratio:.2}"));
    Some(format!(
        "* {OURS} to {} ({best}): {:.2}, of rounds {:.2}-{:.2}{}\n",
        rival.title,
        median(ours) / median(theirs),
        rounds.low,
        rounds.high,
        promised.unwrap_or_default(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_measured_by_the_best() {
        let rival = Rival {
            title: "the best peer",
            names: &["slow", "fast", "absent"],
            promised: Some(1.5),
        };
        let mut rates = vec![
            (OURS, vec![3.0, 2.0, 4.0]),
            ("slow", vec![1.0, 1.0, 9.0]),
            ("fast", vec![2.0, 2.0, 2.0]),
            ("other", vec![5.0, 5.0, 5.0]),
        ];
        let expected =
            format!("* {OURS} to the best peer (fast): 1.50, of rounds 1.00-2.00; promised 1.50\n");
        assert_eq!(ratio(&rival, &rates), Some(expected));
        rates.remove(0);
        assert_eq!(ratio(&rival, &rates), None);
    }
}
