//! What an import did with each file: counted for the terminal, named in a file for whoever asked for it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};

use harmonious::prelude::*;

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is a new script, of this name.
    Taken(String),
    /// It is a new version of this script.
    Version(String),
    /// It is as it was when it was imported before.
    Unchanged,
    /// Why not; what is behind it is for the file alone.
    Skipped(&'static str, String),
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Report {
    taken: u64,
    versions: u64,
    unchanged: u64,
    skipped: BTreeMap<&'static str, u64>,
    file: Option<BufWriter<File>>,
}

impl Report {
    /// With a file that names each, if there is to be one.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn new(path: Option<&str>) -> Result<Report> {
        let file = match path {
            Some(path) => Some(BufWriter::new(File::create(path).map_err(|error| {
                Error::unprocessable(format!("the report {path} cannot be written: {error}"))
            })?)),
            None => None,
        };
        Ok(Report {
            file,
            ..Report::default()
        })
    }

    /// Counts files whose transaction is on the disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn add(&mut self, fates: &[(&str, Fate)]) -> Result<()> {
        for (path, fate) in fates {
            match fate {
                Fate::Taken(_) => self.taken += 1,
                Fate::Version(_) => self.versions += 1,
                Fate::Unchanged => self.unchanged += 1,
                Fate::Skipped(why, _) => *self.skipped.entry(why).or_default() += 1,
            }
            if let Some(file) = &mut self.file {
                // A path that has a line end in it stays one line.
                let path = path.escape_debug();
                match fate {
                    Fate::Taken(name) => writeln!(file, "taken\t{path}\t{name}")?,
                    Fate::Version(name) => writeln!(file, "new version\t{path}\t{name}")?,
                    Fate::Unchanged => writeln!(file, "unchanged\t{path}\t")?,
                    Fate::Skipped(why, more) => writeln!(file, "skipped\t{path}\t{why}{more}")?,
                }
            }
        }
        if let Some(file) = &mut self.file {
            file.flush()?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skipped: u64 = self.skipped.values().sum();
        for (count, what) in [
            (self.taken, "taken"),
            (self.versions, "new versions"),
            (self.unchanged, "unchanged"),
            (skipped, "skipped"),
        ] {
            writeln!(f, "{count:8} {what}")?;
        }
        let mut reasons: Vec<_> = self.skipped.iter().collect();
        reasons.sort_by_key(|(why, count)| (std::cmp::Reverse(**count), **why));
        for (why, count) in reasons {
            writeln!(f, "{count:12} {why}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_stand_below_their_sum_the_commonest_first() {
        let mut report = Report::new(None).unwrap();
        let skipped = |why| ("x", Fate::Skipped(why, String::new()));
        let fates = [
            ("a", Fate::Taken("a".into())),
            skipped("a link"),
            skipped("too large"),
            skipped("too large"),
        ];
        report.add(&fates).unwrap();
        let text = "       1 taken\n       0 new versions\n       0 unchanged\n       3 skipped\n\
                    \u{20}          2 too large\n           1 a link\n";
        assert_eq!(report.to_string(), text);
    }
}
