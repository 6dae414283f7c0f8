//! What is wrong with the folders of migrations of a site, found without opening a database.

use std::path::Path;

use harmonious_db::{Config, Migrations};
use harmonious_dispatcher::manifest::Domain;
use harmonious_dispatcher::{Manifest, Problem};

use super::databases_toml::{MIGRATIONS, Plan};
use super::keeping::Keeping;

/// All that is wrong at once; `own_url` is the URL of the site's own database.
pub fn problems(site: &Path, manifest: &Manifest, plan: &Plan, own_url: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(misnamed(site, Path::new(Keeping::MIGRATIONS), own_url));
    for domain in manifest.domains() {
        let folder = domain.folder.join(MIGRATIONS);
        match plan.declared.get(&domain.path) {
            None if site.join(&folder).is_dir() => problems.push(of_nobody(domain, &folder)),
            Some(Ok(declared)) => problems.extend(misnamed(site, &folder, &declared.url)),
            // What is wrong with the declaration is told already.
            _ => {}
        }
    }
    problems
}

fn of_nobody(domain: &Domain, folder: &Path) -> Problem {
    let what = "its files are never applied: its folder declares no database";
    let advice = match domain.parent {
        Some(_) => format!("write `[database]` into {}", domain.settings.display()),
        None => format!(
            "move them into {}/ beside domains/: the database of / is the site's",
            Keeping::MIGRATIONS
        ),
    };
    Problem::warning(folder, what, advice)
}

fn misnamed(site: &Path, folder: &Path, url: &str) -> Option<Problem> {
    let path = site.join(folder);
    if !path.is_dir() {
        return None;
    }
    let backend = Config::new(url).backend();
    let error = backend.and_then(|backend| Migrations::read(&path, backend));
    let what = error.err()?.to_string();
    let advice = "each file is called V1__name.sql, and has a number of its own";
    Some(Problem::error(folder, what, advice))
}
