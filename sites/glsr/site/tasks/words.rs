//! The words behind the name of a task.

use std::ops::RangeInclusive;

use harmonious::prelude::*;

/// Words of their own, and those behind a flag.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words<'a> {
    pub(super) plain: Vec<&'a str>,
    flags: Vec<(&'a str, &'a str)>,
}

impl<'a> Words<'a> {
    /// Reads them: `plain` says how many there are, `flags` which flags, each with a word behind it or `=`. Behind
    /// `--` nothing is a flag.
    ///
    /// # Errors
    /// 400 with the word that is too much or not known, and with the usage.
    pub(super) fn read(
        usage: &str,
        args: &'a [String],
        plain: RangeInclusive<usize>,
        flags: &[&str],
    ) -> Result<Words<'a>> {
        let refuse = |why: String| Err(Error::bad_request(format!("{why}: usage: {usage}")));
        let mut words = Words {
            plain: Vec::new(),
            flags: Vec::new(),
        };
        let mut rest = args.iter();
        let mut may_flag = true;
        while let Some(word) = rest.next() {
            if !may_flag || !word.starts_with("--") {
                words.plain.push(word);
                continue;
            }
            if word == "--" {
                may_flag = false;
                continue;
            }
            let (flag, value) = match word.split_once('=') {
                Some((flag, value)) => (flag, Some(value)),
                None => (word.as_str(), None),
            };
            let Some(value) = value.or_else(|| rest.next().map(String::as_str)) else {
                return refuse(format!("{flag} has no word behind it"));
            };
            if !flags.contains(&flag) {
                return refuse(format!("there is no flag {flag}"));
            }
            if words.flag(flag).is_some() {
                return refuse(format!("{flag} stands twice"));
            }
            words.flags.push((flag, value));
        }
        match words.plain.len() {
            few if few < *plain.start() => refuse("a word is missing".to_owned()),
            many if many > *plain.end() => refuse(format!(
                "{:?} is one word too many",
                words.plain[*plain.end()]
            )),
            _ => Ok(words),
        }
    }

    /// The word behind a flag.
    pub(super) fn flag(&self, name: &str) -> Option<&'a str> {
        let found = self.flags.iter().find(|(flag, _)| *flag == name);
        found.map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> std::result::Result<(Vec<String>, Option<String>), String> {
        let args: Vec<String> = args.iter().map(|word| (*word).to_owned()).collect();
        match Words::read("import DIR [--owner ALIAS]", &args, 1..=1, &["--owner"]) {
            Ok(words) => Ok((
                words.plain.iter().map(|word| (*word).to_owned()).collect(),
                words.flag("--owner").map(str::to_owned),
            )),
            Err(error) => Err(error.title().to_owned()),
        }
    }

    #[test]
    fn words_and_flags() {
        let both = Ok((vec!["d".to_owned()], Some("ada".to_owned())));
        assert_eq!(read(&["d", "--owner", "ada"]), both);
        assert_eq!(read(&["--owner=ada", "d"]), both);
        assert_eq!(
            read(&["--", "--owner"]),
            Ok((vec!["--owner".to_owned()], None))
        );
        for (args, why) in [
            (
                &[][..],
                "a word is missing: usage: import DIR [--owner ALIAS]",
            ),
            (&["a", "b"], "\"b\" is one word too many: usage"),
            (&["a", "--own", "b"], "there is no flag --own: usage"),
            (&["a", "--owner"], "--owner has no word behind it: usage"),
            (
                &["a", "--owner=b", "--owner=c"],
                "--owner stands twice: usage",
            ),
        ] {
            let error = read(args).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
    }
}
