//! The catalogues of a site, in its folder `locales/`: read with its domains, and held against what templates
//! and modules ask of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use harmonious_dispatcher::Problem;
use harmonious_dispatcher::http::HeaderMap;
use harmonious_dispatcher::http::header::{ACCEPT_LANGUAGE, COOKIE};
use harmonious_dispatcher::manifest::{SourceText, source_texts};
use harmonious_templating::{Catalogues, KeyPart, LocaleError, Speech, Templates, TextUse};

use super::site_toml;
use crate::settings::did_you_mean;

/// The folder of catalogues in that of a site.
pub const FOLDER: &str = "locales";
/// The name by which templates are told the language.
pub const TOLD: &str = "language";
/// The cookie with the language that a visitor chose.
const CHOICE: &str = "lang";
/// The folders with sources of a site.
const SOURCES: [&str; 2] = ["domains", "site"];
/// The key that the server itself uses.
const OWN_NAME: &str = "language.name";
/// The method of the sdk that takes a key.
const METHOD: &str = "t";

/// What `site.toml` says of catalogues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalesConfig {
    /// The language for visitors who ask for none of the others; none: that of the framework.
    pub default: Option<String>,
    /// How keys begin that code puts together.
    pub dynamic: Vec<String>,
}

/// The catalogues as they are known at this moment.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// The last that could be read.
    pub catalogues: Arc<Catalogues>,
    /// What is wrong with those that are there now.
    pub broken: Arc<[LocaleError]>,
}

impl Default for Spoken {
    fn default() -> Spoken {
        Spoken {
            catalogues: Arc::new(Catalogues::empty(None)),
            broken: Arc::new([]),
        }
    }
}

impl Spoken {
    /// Those of a site; where they cannot be read, those from before.
    pub fn read(site: &Path, config: &LocalesConfig, before: &Spoken) -> Spoken {
        let default = config.default.as_deref();
        match Catalogues::read(&site.join(FOLDER), default) {
            Ok(catalogues) => Spoken {
                catalogues: Arc::new(catalogues),
                broken: Arc::new([]),
            },
            Err(broken) => Spoken {
                catalogues: Arc::clone(&before.catalogues),
                broken: broken.into(),
            },
        }
    }

    /// The language of whoever sent these header fields.
    pub fn speech(&self, headers: &HeaderMap) -> Speech {
        let lines = headers.get_all(COOKIE).iter();
        let pairs = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'));
        let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
        let chosen = pairs.find(|(name, _)| *name == CHOICE);
        let chosen = chosen.map(|(_, value)| value.trim_matches('"'));
        let fields = headers.get_all(ACCEPT_LANGUAGE).iter();
        let fields: Vec<&str> = fields.filter_map(|field| field.to_str().ok()).collect();
        self.catalogues.choose(chosen, Some(&fields.join(",")))
    }
}

/// All that is wrong with the catalogues of a site, and with what is asked of them.
pub fn problems(
    site: &Path,
    config: &LocalesConfig,
    templates: &Templates,
    spoken: &Spoken,
) -> Vec<Problem> {
    if !spoken.broken.is_empty() {
        return spoken
            .broken
            .iter()
            .map(|error| problem(site, error))
            .collect();
    }
    let uses = templates.texts();
    if spoken.catalogues.is_empty() && uses.is_empty() {
        return Vec::new();
    }
    let mut look = Look {
        site,
        catalogues: &spoken.catalogues,
        used: BTreeSet::new(),
        begun: config.dynamic.iter().map(String::as_str).collect(),
        told: BTreeSet::new(),
        problems: Vec::new(),
    };
    uses.iter().for_each(|text| look.in_template(text));
    let sources = sources(site);
    for (file, texts) in &sources {
        texts.iter().for_each(|text| look.in_source(file, text));
    }
    look.differences();
    look.dynamic(&config.dynamic);
    look.unused();
    look.guessed();
    look.problems
}

/// What is found while texts and their uses are held against each other.
struct Look<'a> {
    site: &'a Path,
    catalogues: &'a Catalogues,
    /// Keys, and what may be one.
    used: BTreeSet<&'a str>,
    /// How keys begin that are put together.
    begun: Vec<&'a str>,
    /// Keys whose absence was told where they are used.
    told: BTreeSet<&'a str>,
    problems: Vec<Problem>,
}

impl<'a> Look<'a> {
    fn in_template(&mut self, text: &'a TextUse) {
        let file = below(&text.place.file, self.site);
        let line = text.place.line;
        match text.part {
            KeyPart::Whole => {
                self.used.insert(&text.key);
                if self.is_there(&text.key, &file, line) {
                    self.values(text, &file);
                }
            }
            KeyPart::Perhaps => drop(self.used.insert(&text.key)),
            KeyPart::Beginning => {
                let has_one = self
                    .catalogues
                    .texts()
                    .any(|at| at.key.starts_with(&text.key));
                if !has_one {
                    let what = format!(
                        "no text of {FOLDER}/ has a key that begins with `{}`",
                        text.key
                    );
                    let advice = "add them, or mend the beginning of the key";
                    self.problems
                        .push(Problem::error(file, what, advice).at(line));
                }
                self.begun.push(&text.key);
            }
        }
    }

    fn in_source(&mut self, file: &Path, text: &'a SourceText) {
        self.used.insert(&text.text);
        if text.given_to == METHOD {
            self.is_there(&text.text, file, text.line);
        }
    }

    /// Whether some catalogue has the key; tells of those that have not.
    fn is_there(&mut self, key: &'a str, file: &Path, line: u32) -> bool {
        let lacking: Vec<String> = (self.catalogues.lacking(key))
            .map(|file| below(file, self.site).display().to_string())
            .collect();
        let is_there = self.catalogues.places(key).is_some();
        let (what, advice) = match (is_there, lacking.is_empty()) {
            (true, true) => return true,
            (true, false) => {
                let what = format!("the text `{key}` is missing in {}", lacking.join(", "));
                (what, "translate it".to_owned())
            }
            (false, _) if self.catalogues.is_empty() => {
                let what =
                    format!("the text `{key}` is in no catalogue: there is no folder {FOLDER}/");
                (what, format!("write it into {FOLDER}/en.toml"))
            }
            (false, _) => {
                let what = format!(
                    "the text `{key}` is in no catalogue: neither of {}",
                    lacking.join(", ")
                );
                let near = did_you_mean(
                    key,
                    self.catalogues
                        .texts()
                        .map(|at| at.key)
                        .collect::<Vec<_>>()
                        .into_iter(),
                );
                let advice = near.starts_with("did you mean").then_some(near);
                (
                    what,
                    advice.unwrap_or_else(|| "write it into each".to_owned()),
                )
            }
        };
        self.told.insert(key);
        self.problems
            .push(Problem::error(file, what, advice).at(line));
        is_there
    }

    /// Tells of values that a text takes and is not given, and of others.
    fn values(&mut self, text: &TextUse, file: &Path) {
        let (Some(given), Some(taken)) = (&text.arguments, self.catalogues.places(&text.key))
        else {
            return;
        };
        let (key, line) = (&text.key, text.place.line);
        let missing = taken
            .iter()
            .filter(|place| !given.iter().any(|name| name == *place));
        for place in missing {
            let what = format!("the text `{key}` takes {{{place}}}, which it is not given here");
            let advice = format!("write t(key=\"{key}\", {place}=..)");
            self.problems
                .push(Problem::error(file, what, advice).at(line));
        }
        for name in given.iter().filter(|name| !taken.contains(name.as_str())) {
            let what = format!("the text `{key}` has no place {{{name}}}");
            let advice = "leave the value out, or name its place in the catalogues";
            self.problems
                .push(Problem::warning(file, what, advice).at(line));
        }
    }

    fn differences(&mut self) {
        let differences = self.catalogues.differences().into_iter();
        let others = differences.filter(|difference| !self.told.contains(difference.key.as_str()));
        let others: Vec<Problem> = others
            .map(|other| problem(self.site, &other.error))
            .collect();
        self.problems.extend(others);
    }

    fn dynamic(&mut self, prefixes: &[String]) {
        for prefix in prefixes {
            if !self.catalogues.texts().any(|at| at.key.starts_with(prefix)) {
                let what = format!(
                    "no text has a key that begins with `{prefix}`, as dynamic in [locales] says"
                );
                let problem = Problem::warning(site_toml::NAME, what, "take it out there");
                self.problems.push(problem);
            }
        }
    }

    fn unused(&mut self) {
        for at in self.catalogues.texts() {
            let is_begun = self.begun.iter().any(|begin| at.key.starts_with(begin));
            if at.key == OWN_NAME || is_begun || self.used.contains(at.key) {
                continue;
            }
            let what = format!(
                "no template and no source of {} names the text `{}`",
                SOURCES.join("/, "),
                at.key
            );
            let advice = "remove it in every language; or if its key is put together, name how it begins in \
                          dynamic of [locales] in site.toml";
            let problem = Problem::warning(below(at.file, self.site), what, advice);
            self.problems.push(problem.at(at.line));
        }
    }

    fn guessed(&mut self) {
        for (code, at) in self.catalogues.guessed() {
            let what = format!(
                "the plural forms of `{code}` are not known: `one` is taken for 1, `other` for all else"
            );
            let advice = "write sentences that need no forms, if that is wrong";
            let problem = Problem::warning(below(at.file, self.site), what, advice);
            self.problems.push(problem.at(at.line));
        }
    }
}

fn problem(site: &Path, error: &LocaleError) -> Problem {
    let problem = Problem::error(below(error.file(), site), error.what(), error.advice());
    match error.line() {
        Some(line) => problem.at(line),
        None => problem,
    }
}

/// The texts in quotes of all sources of a site. What cannot be read is for the compiler to say.
fn sources(site: &Path) -> BTreeMap<PathBuf, Vec<SourceText>> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<PathBuf> = SOURCES.iter().map(|folder| site.join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                _ if path.extension().is_some_and(|extension| extension == "rs") => {
                    let text = fs::read_to_string(&path).unwrap_or_default();
                    found.insert(below(&path, site), source_texts(&text));
                }
                _ => {}
            }
        }
    }
    found
}

fn below(file: &Path, site: &Path) -> PathBuf {
    file.strip_prefix(site).unwrap_or(file).to_owned()
}

#[cfg(test)]
mod tests {
    use harmonious_dispatcher::http::HeaderValue;

    use super::*;

    #[test]
    fn the_cookie_comes_before_what_the_browser_accepts() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(FOLDER)).unwrap();
        for code in ["de", "en", "fr"] {
            fs::write(dir.path().join(FOLDER).join(format!("{code}.toml")), "").unwrap();
        }
        let spoken = Spoken::read(dir.path(), &LocalesConfig::default(), &Spoken::default());
        let speech = |fields: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_static(value));
            }
            spoken.speech(&headers).code().to_owned()
        };
        assert_eq!(speech(&[]), "en");
        assert_eq!(
            speech(&[("accept-language", "es"), ("accept-language", "de")]),
            "de"
        );
        let accepts = ("accept-language", "de");
        assert_eq!(speech(&[accepts, ("cookie", "a=b; lang=fr")]), "fr");
        assert_eq!(
            speech(&[accepts, ("cookie", "a=b"), ("cookie", "lang=\"fr\"")]),
            "fr"
        );
        assert_eq!(speech(&[accepts, ("cookie", "lang=../fr; slang=fr")]), "de");
    }
}
