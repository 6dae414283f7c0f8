//! Problems as they are found, with whom they concern, so that `dev` can serve the rest.

use super::model::{Broken, Domain, DomainId, Module, ModuleId};
use super::problem::{Problem, Problems, Severity};

/// Whom a problem concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// Everything.
    Site,
    /// All requests into a domain.
    Domain(DomainId),
    /// These modules.
    Modules(Vec<ModuleId>),
    /// Something that is left out.
    Nobody,
}

/// All problems of a scan.
#[derive(Debug, Default)]
pub(super) struct Findings {
    errors: Vec<(Blame, Problem)>,
    warnings: Vec<Problem>,
}

impl Findings {
    pub(super) fn error(&mut self, blame: Blame, problem: Problem) {
        self.errors.push((blame, problem));
    }

    /// What can be served and is told by `check`.
    pub(super) fn told(&mut self, problem: Problem) {
        self.warnings.push(problem);
    }

    /// Errors and warnings about what is left out.
    pub(super) fn left_out(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            match problem.severity {
                Severity::Error => self.error(Blame::Nobody, problem),
                Severity::Warning => self.told(problem),
            }
        }
    }

    /// Errors and warnings, in order of files and lines; as an error where the site cannot be served.
    pub(super) fn end(
        mut self,
        lenient: bool,
        domains: &mut [Domain],
        modules: &mut [Module],
    ) -> Result<(Vec<Problem>, Vec<Problem>), Problems> {
        let place = |problem: &Problem| (problem.file.clone(), problem.line);
        self.errors
            .sort_by_cached_key(|(_, problem)| place(problem));
        self.warnings.sort_by_cached_key(place);
        let fatal = |blame: &Blame| !lenient || *blame == Blame::Site;
        if self.errors.iter().any(|(blame, _)| fatal(blame)) {
            let errors = self.errors.into_iter().filter(|(blame, _)| fatal(blame));
            return Err(Problems(errors.map(|(_, problem)| problem).collect()));
        }
        for (blame, problem) in &self.errors {
            confine(blame, problem, domains, modules);
        }
        let errors = self.errors.into_iter().map(|(_, problem)| problem);
        Ok((errors.collect(), self.warnings))
    }
}

fn confine(blame: &Blame, problem: &Problem, domains: &mut [Domain], modules: &mut [Module]) {
    let broken = Broken {
        message: problem.message(),
        line: problem.line.unwrap_or(0),
        column: 0,
    };
    match blame {
        Blame::Domain(domain) => {
            domains[domain.index()].broken.get_or_insert(broken);
        }
        Blame::Modules(ids) => {
            for id in ids {
                let declared = &mut modules[id.index()].declared;
                declared.broken.get_or_insert_with(|| broken.clone());
            }
        }
        Blame::Site | Blame::Nobody => {}
    }
}
