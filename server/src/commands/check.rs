//! `harmonious check`: everything that can be wrong with a site before it runs.

use std::path::{Path, PathBuf};

use harmonious_dispatcher::manifest::{Literal, Severity};
use harmonious_dispatcher::{Manifest, Problem, SiteFacts};
use harmonious_templating::Templates;

use super::probe;
use crate::failure::Failure;
use crate::print;
use crate::settings::{Settings, from_file, from_site};
use crate::site::{
    Keeping, SiteToml, Spoken, Unmet, locale_problems, site_toml, template_files, unmet,
};

/// `harmonious check`: domains, sources, templates, `site.toml`, and libraries as far as they are built.
///
/// # Errors
/// That something is wrong.
pub fn check(site: &Path, json: bool) -> Result<(), Failure> {
    let problems = problems(site)?;
    let errors = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .count();
    match json {
        true => print(&format!(
            "{}\n",
            serde_json::to_string_pretty(&problems).unwrap_or_default()
        )),
        false => {
            for problem in &problems {
                print(&format!("{problem}\n"));
            }
            print(&format!(
                "{}: {errors} errors, {} warnings\n",
                site.display(),
                problems.len() - errors
            ));
        }
    }
    match errors {
        0 => Ok(()),
        _ => Err(Failure::Failed(format!(
            "{} cannot be served as it is",
            site.display()
        ))),
    }
}

fn problems(site: &Path) -> Result<Vec<Problem>, Failure> {
    let toml = SiteToml::read(site)?;
    settings(site)?;
    let keeping = Keeping::new(toml.keeping.clone(), site)?;
    let manifest = match SiteFacts::of(site).scan() {
        Ok(manifest) => manifest,
        Err(problems) => return Ok(problems.0),
    };
    let mut problems = manifest.warnings().to_vec();
    let plan = keeping.plan(site, &manifest);
    problems.extend(keeping.migration_problems(site, &manifest, &plan));
    problems.extend(plan.problems);
    problems.extend(toml.warnings(&manifest));
    let templates = Templates::new(template_files(&manifest, site));
    problems.extend(self::templates(site, &manifest, &templates));
    let spoken = Spoken::read(site, &toml.locales, &Spoken::default());
    problems.extend(locale_problems(site, &toml.locales, &templates, &spoken));
    problems.extend(hidden_by_files(site, &manifest));
    problems.extend(without_tokens(&manifest));
    problems.extend(probe::problems(site, &manifest));
    Ok(problems)
}

/// The server's settings in the folder of the site; those of the environment are none of its own.
fn settings(site: &Path) -> Result<(), Failure> {
    let mut layers = from_site(&site.join(site_toml::NAME), site_toml::is_own)?;
    layers.extend(from_file(None, site)?);
    Settings::new(layers).map(drop)
}

fn templates(site: &Path, manifest: &Manifest, templates: &Templates) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Err(errors) = templates.check() {
        for error in errors {
            // The place stands in front of the problem already, and the line is where it says.
            let message = error.to_string();
            let mut what = message.lines().next().unwrap_or_default();
            let mut file = PathBuf::from("domains");
            let mut problem_line = None;
            if let Some(place) = error.place() {
                let place_text =
                    format!("{}:{}:{}: ", place.file.display(), place.line, place.column);
                what = what.strip_prefix(&place_text).unwrap_or(what);
                file = below(&place.file, site);
                problem_line = Some(place.line);
            }
            let problem = Problem::error(file, what, "mend the template");
            problems.push(match problem_line {
                Some(line) => problem.at(line),
                None => problem,
            });
        }
    }
    problems.extend(asked(site, manifest, templates));
    for used in templates.unsafe_uses() {
        let what = "the filter \"safe\" lets a value into the page as it is";
        let advice = "make sure that no visitor can choose the value";
        problems.push(Problem::warning(below(&used.file, site), what, advice).at(used.line));
    }
    problems
}

/// What templates ask of the site in vain.
fn asked(site: &Path, manifest: &Manifest, templates: &Templates) -> Vec<Problem> {
    let problem = |unmet: Unmet| {
        let file = below(&unmet.request.place.file, site);
        let problem = match unmet.is_error() {
            true => Problem::error(file, unmet.message, unmet.advice),
            false => Problem::warning(file, unmet.message, unmet.advice),
        };
        problem.at(unmet.request.place.line)
    };
    let unmet = unmet(site, manifest, templates);
    unmet.into_iter().map(problem).collect()
}

/// Modules that take requests which other people's pages may have sent.
fn without_tokens(manifest: &Manifest) -> impl Iterator<Item = Problem> + '_ {
    let modules = manifest.modules().iter();
    let opted_out = modules.filter(|module| {
        let csrf = module.declared.other.get("csrf");
        matches!(csrf, Some(Literal::Bool(false)))
    });
    opted_out.map(|module| {
        let what = "`csrf = false`: requests with unsafe methods need no token here";
        let advice = "make sure that they say who sends them in another way than by a cookie";
        Problem::warning(&module.source, what, advice)
    })
}

/// Files of `static/` answer before domains and their guards.
fn hidden_by_files(site: &Path, manifest: &Manifest) -> Vec<Problem> {
    let folder = site.join("static");
    let modules = manifest.modules().iter();
    let modules = modules.filter_map(|module| Some((module.pattern.as_deref()?, &module.source)));
    let pages = manifest.templates().iter();
    let pages = pages.filter_map(|page| Some((page.url.as_deref()?, &page.path)));
    modules
        .chain(pages)
        .filter(|(url, _)| !url.contains('['))
        .filter_map(|(url, source)| {
            let name = match url.ends_with('/') {
                true => format!("{}index.html", &url[1..]),
                false => url[1..].to_owned(),
            };
            folder.join(&name).is_file().then(|| {
                let what = format!("static/{name} answers {url} before this and its guards do");
                Problem::error(source, what, "remove one of the two")
            })
        })
        .collect()
}

fn below(file: &Path, site: &Path) -> PathBuf {
    file.strip_prefix(site).unwrap_or(file).to_owned()
}
