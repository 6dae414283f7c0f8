//! Tables, the facts of the machine, and the sections of `bench/RESULTS.md`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io, thread};

/// What a new results file starts with.
const HEAD: &str = "\
# Results

Each section is written by `bench/run NAME --write`. Figures of different machines, or of a machine
that did something else meanwhile, do not compare.
";

/// A Markdown table. The first column is text, the others are figures.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|cell| (*cell).to_owned()).collect();
    let width = |column: usize| {
        let cells = std::iter::once(&header)
            .chain(rows)
            .map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let line = |row: &[String]| {
        let cells = row.iter().enumerate().map(|(column, cell)| match column {
            0 => format!("{cell:<0$}", width(0)),
            _ => format!("{cell:>0$}", width(column)),
        });
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let rule = (0..header.len()).map(|column| match column {
        0 => "-".repeat(width(0)),
        _ => "-".repeat(width(column) - 1) + ":",
    });
    let rule: Vec<String> = rule.collect();
    [line(&header), line(&rule)]
        .into_iter()
        .chain(rows.iter().map(|row| line(row)))
        .collect()
}

/// A whole number with its thousands apart.
pub fn whole(value: f64) -> String {
    let digits = format!("{value:.0}");
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits are ASCII"))
        .collect();
    groups.join(",")
}

/// What the figures depend on: processor, cores, kernel, compiler, and how busy the machine is now.
pub fn facts() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let model = model
        .and_then(|line| line.split_once(": "))
        .map_or("unknown", |(_, name)| name);
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    format!(
        "{model}, {} cores, kernel {}, {}, load average {}",
        thread::available_parallelism().map_or(0, usize::from),
        or_unknown(&read("/proc/sys/kernel/osrelease")),
        or_unknown(&rustc.unwrap_or_default()),
        or_unknown(read("/proc/loadavg").split(' ').next().unwrap_or_default()),
    )
}

/// Puts a section into `bench/RESULTS.md`, in the place of the one of that name.
///
/// # Errors
/// Where the file cannot be read or written.
pub fn write(name: &str, section: &str) -> io::Result<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("RESULTS.md");
    let old = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => HEAD.to_owned(),
        old => old?,
    };
    fs::write(&path, replace(&old, name, section))?;
    Ok(path)
}

/// The text with the section between its markers, or with both at the end.
fn replace(text: &str, name: &str, section: &str) -> String {
    let (open, close) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let new = format!("{open}\n{}\n{close}", section.trim());
    let old = text
        .find(&open)
        .zip(text.find(&close))
        .filter(|(start, end)| start < end);
    match old {
        Some((start, end)) => {
            format!("{}{new}{}", &text[..start], &text[end + close.len()..])
        }
        None => format!("{}\n\n{new}\n", text.trim_end()),
    }
}

fn or_unknown(text: &str) -> &str {
    match text.trim() {
        "" => "unknown",
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [vec!["tokio".to_owned(), "1".to_owned()]];
        let expected = "| who   | rate |\n| ----- | ---: |\n| tokio |    1 |\n";
        assert_eq!(table(&["who", "rate"], &rows), expected);
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!(
            [0.4, 999.6, 1234567.0].map(whole),
            ["0", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn a_section_takes_the_place_of_its_predecessor() {
        let first = replace("# Results\n", "a", "one\n");
        assert_eq!(first, "# Results\n\n<!-- a -->\none\n<!-- /a -->\n");
        let both = replace(&first, "b", "other");
        let again = replace(&both, "a", "two");
        assert_eq!(again, both.replace("one", "two"));
    }
}
