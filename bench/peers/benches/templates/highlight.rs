//! What `highlight` costs: a script of 5,000 lines at first and again, and one of a megabyte.

use std::hint::black_box;
use std::time::Instant;

use harmonious_bench_peers::report;
use harmonious_bench_peers::stats::Spread;
use harmonious_templating::{HIGHLIGHT_BYTES_MAX, HighlightOptions, highlight};

const LINES: usize = 5_000;
const BYTES: usize = 1024 * 1024;
const ROUNDS: usize = 11;
/// What is promised of the first time.
const FIRST_MS: f64 = 150.0;

/// A language, and lines as its scripts have them.
const SCRIPTS: [(&str, &str); 3] = [
    (
        "bash",
        "# keeps the last copies\nset -eu\nfor file in \"$dir\"/*.tar.gz; do\n  \
         n=$((n + 1))\n  [ \"$n\" -le \"${KEEP:-7}\" ] || rm -f -- \"$file\"\ndone\n\
         cat <<EOF | mail -s 'backup of '\"$(hostname)\" root\n$n copies, ${#gone[@]} gone\nEOF\n",
    ),
    (
        "python",
        "def copies(folder: str, keep: int = 7) -> list[str]:\n    \"\"\"The oldest\n    \
         go first.\"\"\"\n    found = sorted(glob(f\"{folder}/*.tar.gz\"))  # by name\n    \
         return [name for name in found[:-keep] if not re.match(r'\\d+#', name)]\n\n",
    ),
    (
        "perl",
        "sub copies {\n    my ($dir, %opt) = @_;   # a folder\n    my @found = sort glob \"$dir/*.tar.gz\";\n    \
         s{/+}{/}g for @found;\n    return grep { !/^#?\\d{4}/ && -s $_ > 1_000 } @found[0 .. $#found - 7];\n}\n",
    ),
];

/// The section of the report.
pub(crate) fn section() -> String {
    let options = HighlightOptions::with_lines("");
    let options = options.unwrap_or_default();
    let mut worst = 0.0_f64;
    let mut rows = Vec::new();
    for (language, lines) in SCRIPTS {
        let script: String = lines
            .lines()
            .cycle()
            .take(LINES)
            .flat_map(|line| [line, "\n"])
            .collect();
        let megabyte = lines.repeat(BYTES / lines.len() + 1);
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        for round in 0..ROUNDS {
            // Another text each round: the one of before is kept.
            let script = format!("{script}# {round}\n");
            let first = millis(|| highlight(&script, language, &options));
            times[0].push(first);
            times[1].push(millis(|| highlight(&script, language, &options)));
            times[2].push(millis(|| highlight(&megabyte, language, &options)));
        }
        let [first, again, megabyte] = times.map(|times| Spread::of(&times));
        worst = worst.max(first.median);
        rows.push(vec![
            language.to_owned(),
            report::whole(script.len() as f64),
            format!("{:.2}", first.median),
            format!("{:.2}", first.high),
            format!("{:.3}", again.median),
            format!("{:.2}", megabyte.median),
        ]);
    }
    let header = [
        "language",
        "bytes",
        "first, ms",
        "of rounds, at most",
        "again, ms",
        "1 MiB as plain text, ms",
    ];
    let table = report::table(&header, &rows);
    format!(
        "\n### highlight\n\n{LINES} lines, numbered; above {HIGHLIGHT_BYTES_MAX} bytes it is plain text with a \
         note\n\n{table}\n* the first time of the slowest: {worst:.1} ms; promised: under {FIRST_MS} ms\n"
    )
}

fn millis<T>(what: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(what());
    start.elapsed().as_secs_f64() * 1e3
}
