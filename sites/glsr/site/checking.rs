//! The checks of `checks/` on a version, with what they need of the database and of the system.

use harmonious::prelude::*;
use harmonious::{Db, Run};

use crate::checks::{self, Given, Job, Outcome};
use crate::model::{Finding, Language, Script, Version};
use crate::store::{alike as hashes, taxonomy};

/// What all checks find in a version, those by programs too. Its hashes are kept, so that others are compared
/// with it.
pub fn all(req: &Request, script: &Script, version: &Version, text: &str) -> Result<Vec<Finding>> {
    let mut found = pure(&req.db(), script, version.id, text)?;
    if let Some(language) = taxonomy::language(&req.db(), &script.language)? {
        let ran = checks::external(&language.checker, text, |program, job| {
            run(req, program, job)
        });
        found.extend(ran);
    }
    Ok(found)
}

/// What the checks find that need no program: for imports and seeds, which are many.
pub fn pure(db: &Db<'_>, script: &Script, version: i64, text: &str) -> Result<Vec<Finding>> {
    let language = taxonomy::language(db, &script.language)?.unwrap_or_default();
    let mut found = checks::pure(&given(script, &language, text));
    let names = hashes::names(db, script.id)?;
    found.extend(checks::name_findings(
        &script.name,
        names.iter().map(String::as_str),
    ));
    let shingles = checks::shingles(text);
    match hashes::same_text(db, script.id, version)? {
        Some(other) => found.push(checks::same_text(&other)),
        None => {
            let most = hashes::most(db, script.id, &shingles)?;
            found.extend(alike_finding(most, shingles.len()));
        }
    }
    hashes::keep(db, version, &shingles)?;
    Ok(found)
}

/// The finding about the script that shares most of so many hashes, as `store::alike::most` tells it.
#[must_use]
pub fn alike_finding(most: Option<(String, usize, usize)>, count: usize) -> Option<Finding> {
    let (other, common, theirs) = most?;
    checks::alike_text(&other, checks::percent(common, count, theirs))
}

/// A script that a version is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LookAlike {
    pub name: String,
    /// `same` text, `part` of the text, or `name`.
    pub what: &'static str,
    /// Of a part: how much, in percent.
    pub percent: usize,
}

/// The scripts that a version is like, as by now; for links beside the findings.
pub fn look_alikes(
    db: &Db<'_>,
    script: &Script,
    version: &Version,
    text: &str,
) -> Result<Vec<LookAlike>> {
    let mut found = Vec::new();
    let mut push = |name: &str, what, percent| {
        let name = name.to_owned();
        found.push(LookAlike {
            name,
            what,
            percent,
        });
    };
    if let Some(other) = hashes::same_text(db, script.id, version.id)? {
        push(&other, "same", 100);
    } else {
        let shingles = checks::shingles(text);
        if let Some((other, common, theirs)) = hashes::most(db, script.id, &shingles)? {
            let percent = checks::percent(common, shingles.len(), theirs);
            if percent >= checks::ALIKE_PERCENT_MIN {
                push(&other, "part", percent);
            }
        }
    }
    let names = hashes::names(db, script.id)?;
    for other in checks::names_like(&script.name, names.iter().map(String::as_str)) {
        push(other, "name", 0);
    }
    Ok(found)
}

fn given<'a>(script: &'a Script, language: &'a Language, text: &'a str) -> Given<'a> {
    Given {
        language: &script.language,
        shebangs: &language.shebangs,
        license: &script.license,
        text,
    }
}

/// Runs one program confined, under one of its names.
fn run(req: &Request, program: &str, job: &Job) -> Outcome {
    let run = Run {
        args: job.args.clone(),
        files: job.files.clone(),
        seconds: job.seconds,
        memory: job.memory_mib,
        full: job.full,
        ..Run::new(program)
    };
    match req.run(&run) {
        Ok(ran) if ran.ran => Outcome::Ended {
            code: ran.code,
            out: ran.stdout + &ran.stderr,
        },
        Ok(ran) => Outcome::NotRun(ran.why),
        Err(error) => Outcome::NotRun(error.title().to_owned()),
    }
}
