//! The catalogues of a site: read together, compared, asked.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::choose::choose;
use crate::config::LANGUAGES_MAX;
use crate::error::LocaleError;
use crate::plural::Rules;
use crate::read::{Texts, load, texts};
use crate::speech::Speech;

/// The language of a site that does not say another.
const USUAL: &str = "en";
/// The key of what a language calls itself.
pub(crate) const OWN_NAME: &str = "language.name";

/// The catalogues of one site; none where it has no folder of them.
///
/// ```
/// use std::sync::Arc;
///
/// use harmonious_locales::Catalogues;
/// use serde_json::json;
///
/// let dir = tempfile::tempdir()?;
/// std::fs::write(dir.path().join("en.toml"), "hello = \"Hello, {name}\"\n")?;
/// std::fs::write(dir.path().join("fr.toml"), "hello = \"Bonjour, {name}\"\n")?;
/// let catalogues = Arc::new(Catalogues::read(dir.path(), None).unwrap());
/// assert!(catalogues.differences().is_empty());
///
/// let speech = catalogues.choose(None, Some("fr-CA, en;q=0.8"));
/// let said = speech.say_json("hello", json!({ "name": "Ann" }).as_object().unwrap());
/// assert_eq!(said.unwrap().text, "Bonjour, Ann");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Catalogues {
    /// In the order of their codes.
    pub(crate) all: Vec<Catalogue>,
    pub(crate) default: usize,
    /// Also where there is no catalogue at all.
    default_code: String,
    stamp: u64,
}

/// The texts of one language.
#[derive(Clone, Debug)]
pub(crate) struct Catalogue {
    pub code: String,
    pub file: PathBuf,
    pub rules: Rules,
    pub texts: Texts,
}

/// What one catalogue has and another has not.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The key of the text.
    pub key: String,
    /// What is wrong.
    pub error: LocaleError,
}

/// Where a text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts<'c> {
    /// The key of the text.
    pub key: &'c str,
    /// The catalogue.
    pub file: &'c Path,
    /// The line in it, from 1.
    pub line: u32,
}

impl Catalogues {
    /// Reads every `CODE.toml` of a folder, which does not have to be there. `default` is the code of the
    /// language for visitors who ask for none of them: by default `en`.
    ///
    /// # Errors
    /// All that is wrong in the files, and a default that has none.
    pub fn read(dir: &Path, default: Option<&str>) -> Result<Catalogues, Vec<LocaleError>> {
        let mut hasher = DefaultHasher::new();
        let mut wrong = Vec::new();
        let mut all: Vec<Catalogue> = Vec::new();
        for (code, file) in files(dir).map_err(|error| vec![error])? {
            let rules = Rules::of(&code);
            let read = load(&file).map_err(|error| vec![error]).and_then(|text| {
                (&code, &text).hash(&mut hasher);
                texts(&file, &text, rules)
            });
            match read {
                Ok(texts) => all.push(Catalogue {
                    code,
                    file,
                    rules,
                    texts,
                }),
                Err(errors) => wrong.extend(errors),
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let default_code = default.unwrap_or(USUAL).to_owned();
        let is_default = |one: &Catalogue| one.code.eq_ignore_ascii_case(&default_code);
        let found = all.iter().position(is_default);
        if found.is_none() && !all.is_empty() {
            return Err(vec![no_default(dir, default, &all)]);
        }
        Ok(Catalogues {
            default: found.unwrap_or(0),
            default_code: found.map_or(default_code, |found| all[found].code.clone()),
            all,
            stamp: hasher.finish(),
        })
    }

    /// None at all.
    pub fn empty(default: Option<&str>) -> Catalogues {
        Catalogues {
            all: Vec::new(),
            default: 0,
            default_code: default.unwrap_or(USUAL).to_owned(),
            stamp: 0,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether visitors can get different languages.
    pub fn are_several(&self) -> bool {
        self.all.len() > 1
    }

    /// Equal for equal texts, in one process.
    pub fn stamp(&self) -> u64 {
        self.stamp
    }

    /// The code of the language for visitors who ask for none of the others.
    pub fn default_code(&self) -> &str {
        &self.default_code
    }

    /// The language of a visitor: what they chose (`fr`, from a cookie perhaps), then what their browser
    /// accepts (the field `Accept-Language`, RFC 9110, section 12.5.4), then the default. Nothing that they
    /// say is an error.
    pub fn choose(self: &Arc<Catalogues>, chosen: Option<&str>, accepted: Option<&str>) -> Speech {
        let codes: Vec<&str> = self.all.iter().map(|one| one.code.as_str()).collect();
        let language = choose(&codes, self.default, chosen, accepted);
        Speech::new(Arc::clone(self), language)
    }

    /// The texts that are missing in one catalogue and there in another, and those whose places differ.
    pub fn differences(&self) -> Vec<Difference> {
        let keys: BTreeSet<&str> = self.keys().collect();
        keys.into_iter()
            .flat_map(|key| self.differences_of(key))
            .collect()
    }

    /// The files that have no text of this key.
    pub fn lacking(&self, key: &str) -> impl Iterator<Item = &Path> {
        let lacking = self
            .all
            .iter()
            .filter(move |one| !one.texts.contains_key(key));
        lacking.map(|one| one.file.as_path())
    }

    /// Every text, once for each key: where the catalogue of the default language has it, or else the first
    /// that does.
    pub fn texts(&self) -> impl Iterator<Item = Whereabouts<'_>> {
        let keys: BTreeSet<&str> = self.keys().collect();
        keys.into_iter().filter_map(|key| self.whereabouts(key))
    }

    /// The values that a text takes, in whatever language: its places, and `n` if it has plural forms. None if
    /// there is no such text.
    pub fn places(&self, key: &str) -> Option<BTreeSet<&str>> {
        let texts: Vec<_> = self
            .all
            .iter()
            .filter_map(|one| one.texts.get(key))
            .collect();
        (!texts.is_empty()).then(|| texts.into_iter().flat_map(|text| text.places()).collect())
    }

    /// The codes of languages that have texts with plural forms, and whose rules are not known here: for
    /// them 1 has the form `one`. With where.
    pub fn guessed(&self) -> impl Iterator<Item = (&str, Whereabouts<'_>)> {
        let unknown = self.all.iter().filter(|one| !one.rules.is_known());
        unknown.filter_map(|one| {
            let has_forms =
                |text: &crate::text::Text| matches!(text.forms, crate::text::Forms::ByCount(_));
            let (key, text) = one.texts.iter().find(|(_, text)| has_forms(text))?;
            let (file, line) = (one.file.as_path(), text.line);
            Some((one.code.as_str(), Whereabouts { key, file, line }))
        })
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.all
            .iter()
            .flat_map(|one| one.texts.keys().map(String::as_str))
    }

    fn whereabouts(&self, key: &str) -> Option<Whereabouts<'_>> {
        let by_default = self.all.get(self.default).into_iter();
        by_default.chain(&self.all).find_map(|one| {
            let (key, text) = one.texts.get_key_value(key)?;
            let (file, line) = (one.file.as_path(), text.line);
            Some(Whereabouts { key, file, line })
        })
    }

    fn differences_of(&self, key: &str) -> Vec<Difference> {
        let Some(model) = self.whereabouts(key) else {
            return Vec::new();
        };
        let at = format!("{}:{}", name_of(model.file), model.line);
        let of_model = self.all.iter().find(|one| one.file == model.file);
        let expected = of_model
            .and_then(|one| one.texts.get(key))
            .map(|text| text.places());
        let others = self.all.iter().filter(|one| one.file != model.file);
        let errors = others.filter_map(|one| match one.texts.get(key) {
            None => Some(LocaleError::File {
                file: one.file.clone(),
                what: format!("no text for `{key}`, which {at} has"),
                advice: "translate it, or take it out there".to_owned(),
            }),
            Some(text) => {
                let (places, expected) = (text.places(), expected.as_ref()?);
                (places != *expected).then(|| LocaleError::Line {
                    file: one.file.clone(),
                    line: text.line,
                    what: format!(
                        "`{key}` takes {}, and {} at {at}",
                        list(&places),
                        list(expected)
                    ),
                    advice: "name the same places in every language".to_owned(),
                })
            }
        });
        let key = || key.to_owned();
        errors
            .map(|error| Difference { key: key(), error })
            .collect()
    }
}

/// Codes and files, in the order of codes.
fn files(dir: &Path) -> Result<Vec<(String, PathBuf)>, LocaleError> {
    let of_file = |file: &Path, what: String, advice: &str| LocaleError::File {
        file: file.to_owned(),
        what,
        advice: advice.to_owned(),
    };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let advice = "make it a folder with a file for each language, such as en.toml";
            return Err(of_file(dir, format!("cannot be read: {error}"), advice));
        }
    };
    let mut files: Vec<(String, PathBuf)> = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| {
            of_file(
                dir,
                format!("cannot be read: {error}"),
                "look at the disk it lies on",
            )
        })?;
        let path = entry.path();
        let name = entry.file_name();
        let Some(code) = name.to_str().and_then(|name| name.strip_suffix(".toml")) else {
            continue;
        };
        // What editors write beside a file that is open.
        if code.starts_with(['.', '#']) {
            continue;
        }
        if !is_code(code) {
            let advice = "name it after a language (RFC 5646): en.toml, pt-BR.toml, zh-Hant.toml";
            return Err(of_file(
                &path,
                format!("`{code}` is no code of a language"),
                advice,
            ));
        }
        files.push((code.to_owned(), path));
    }
    files.sort_by_key(|(code, _)| code.to_ascii_lowercase());
    if files.len() > LANGUAGES_MAX {
        let what = format!("{} catalogues: allowed are {LANGUAGES_MAX}", files.len());
        return Err(of_file(dir, what, "remove those that are none"));
    }
    match files
        .windows(2)
        .find(|two| two[0].0.eq_ignore_ascii_case(&two[1].0))
    {
        Some(two) => {
            let what = format!("`{}` and `{}` are one language", two[0].0, two[1].0);
            Err(of_file(&two[1].1, what, "keep one of the two files"))
        }
        None => Ok(files),
    }
}

/// A language and its parts, as far as RFC 5646 (section 2.1) tells by letters: `en`, `zh-Hant-TW`.
fn is_code(code: &str) -> bool {
    let mut parts = code.split('-');
    let language = parts.next().unwrap_or_default();
    let is_language =
        (2..=8).contains(&language.len()) && language.bytes().all(|c| c.is_ascii_alphabetic());
    let is_part = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_alphanumeric())
    };
    is_language && parts.all(is_part)
}

fn no_default(dir: &Path, default: Option<&str>, all: &[Catalogue]) -> LocaleError {
    let codes: Vec<&str> = all.iter().map(|one| one.code.as_str()).collect();
    let what = match default {
        Some(code) => format!(
            "there is no {code}.toml, and `{code}` is the default of [locales] in site.toml"
        ),
        None => format!("there is no {USUAL}.toml, and site.toml names no other default"),
    };
    LocaleError::File {
        file: dir.to_owned(),
        what,
        advice: format!(
            "write [locales] default = in site.toml; there is {}",
            codes.join(", ")
        ),
    }
}

fn name_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str());
    name.to_string_lossy().into_owned()
}

fn list(places: &BTreeSet<&str>) -> String {
    match places.is_empty() {
        true => "no places".to_owned(),
        false => {
            let places: Vec<String> = places.iter().map(|place| format!("{{{place}}}")).collect();
            places.join(" ")
        }
    }
}
