//! What each start of the site does: once, what the site cannot be without.

use harmonious::Db;
use harmonious::prelude::*;

use crate::model::{Language, NewAccount, Roles};
use crate::soon::DbSoon;
use crate::store::{accounts, search, settings, taxonomy};
use crate::who;

/// The account that owns what comes with the site.
pub const SITE_ALIAS: &str = "glsr";
/// Set when all is there.
const SEEDED: &str = "seeded";
/// Letters of the first administrator's password, 5 bits each.
const PASSWORD_LETTERS: usize = 20;

/// The categories of the first day: slug, name, what is in it. Texts are in the catalogues too, by path.
const CATEGORIES: [(&str, &str, &str); 3] = [
    (
        "sysadmin",
        "System administration",
        "Backups, users, logs, services, disks, networks",
    ),
    (
        "distribution",
        "Distribution",
        "Packages, updates, and what is special to one distribution",
    ),
    ("misc", "Miscellaneous", "What fits nowhere else"),
];

/// Makes what is missing; the password of the administrator goes to the standard error, once.
pub fn run(req: &Request) -> Result<()> {
    req.db().prepare_search(&search::index())?;
    if settings::get(&req.db(), SEEDED)?.is_some() {
        return Ok(());
    }
    let password = who::secret(PASSWORD_LETTERS)?;
    let hash = req.hash_password(&password)?;
    let new = req.db().transaction(|tx| {
        // Of two servers that start at a time one waits here, and then finds all of it.
        settings::touch(&tx)?;
        if settings::get(&tx, SEEDED)?.is_some() {
            return Ok(false);
        }
        fill(&tx)?;
        let admin = NewAccount {
            alias: "admin",
            name: "Administrator",
            password: Some(&hash),
            roles: Roles::ALL.0,
            must_change: true,
            ..NewAccount::default()
        };
        accounts::create(&tx, &admin)?;
        settings::set(&tx, SEEDED, "1")?;
        Ok(true)
    })?;
    if new {
        eprintln!("The administrator of this site is \"admin\", with the password {password}");
        eprintln!("It is shown once. Sign in at /sign-in and choose another one.");
    }
    Ok(())
}

/// Categories, languages, and the account of the site itself, which nobody signs in to.
fn fill(db: &Db<'_>) -> Result<()> {
    for (slug, name, descr) in CATEGORIES {
        taxonomy::add_category(db, None, slug, name, descr)?;
    }
    for (slug, name, extensions, shebangs, checker, outline) in LANGUAGES {
        let language = Language {
            slug: slug.to_owned(),
            name: name.to_owned(),
            extensions: extensions.to_owned(),
            shebangs: shebangs.to_owned(),
            // The one that the highlighter does not know.
            highlight: if slug == "sed" { "plain" } else { slug }.to_owned(),
            checker: checker.to_owned(),
            outline: outline.to_owned(),
            ..Language::default()
        };
        taxonomy::set_language(db, &language)?;
    }
    let site = NewAccount {
        alias: SITE_ALIAS,
        name: "GLSR",
        ..NewAccount::default()
    };
    accounts::create(db, &site)?;
    Ok(())
}

const SHELL_OUTLINE: &str =
    "^\\s*(function\\s+)?[A-Za-z_][\\w.:-]*\\s*\\(\\s*\\)\n^\\s*function\\s+[A-Za-z_]";
const JS_OUTLINE: &str = "^\\s*(export\\s+)?(default\\s+)?(async\\s+)?function\\b\n^\\s*(export\\s+)?class\\s+\\w\n\
    ^(export\\s+)?(const|let|var)\\s+\\w+\\s*=\\s*(async\\s*)?(\\([^)]*\\)|\\w+)\\s*=>";

/// Slug (what the filter `highlight` takes, too), name, extensions, interpreters, check, outline.
#[rustfmt::skip]
const LANGUAGES: [(&str, &str, &str, &str, &str, &str); 22] = [
    ("sh", "Shell", "sh", "sh dash ash busybox", "sh", SHELL_OUTLINE),
    ("bash", "Bash", "bash bats", "bash bats", "bash", SHELL_OUTLINE),
    ("zsh", "Zsh", "zsh", "zsh", "zsh", SHELL_OUTLINE),
    ("ksh", "KornShell", "ksh", "ksh mksh pdksh", "", SHELL_OUTLINE),
    ("fish", "fish", "fish", "fish", "", "^\\s*function\\s+\\S"),
    ("python", "Python", "py pyw", "python pypy", "python", "^\\s*(async\\s+)?def\\s+\\w\n^\\s*class\\s+\\w"),
    ("perl", "Perl", "pl pm", "perl", "perl", "^\\s*sub\\s+\\w\n^\\s*package\\s+\\w"),
    ("ruby", "Ruby", "rb rake", "ruby jruby", "ruby", "^\\s*def\\s+\\S\n^\\s*(class|module)\\s+\\w"),
    ("php", "PHP", "php phtml", "php", "", "^\\s*((abstract|final|public|protected|private|static)\\s+)*(function|class|interface|trait)\\s+\\w"),
    ("lua", "Lua", "lua", "lua luajit", "", "^\\s*(local\\s+)?function\\b\n^\\s*[\\w.]+\\s*=\\s*function\\b"),
    ("tcl", "Tcl", "tcl exp", "tclsh wish tcl expect", "", "^\\s*proc\\s+\\S"),
    ("awk", "AWK", "awk gawk", "awk gawk mawk nawk", "", "^\\s*function\\s+\\w\n^(BEGIN|END)\\b"),
    ("sed", "sed", "sed", "sed", "", "^\\s*:\\s*\\w"),
    ("javascript", "JavaScript", "js mjs cjs", "node nodejs deno bun", "node", JS_OUTLINE),
    ("powershell", "PowerShell", "ps1 psm1", "pwsh powershell", "", "^\\s*(function|filter|class)\\s+\\S"),
    ("rust", "Rust", "rs", "rust-script", "", "^\\s*(pub(\\([^)]*\\))?\\s+)?(async\\s+)?(fn|struct|enum|trait|mod|impl)\\b"),
    ("c", "C", "c h", "tcc", "", "^[A-Za-z_][\\w\\s*]*\\([^;]*$"),
    ("go", "Go", "go", "gorun", "", "^func\\s\n^type\\s+\\w"),
    ("sql", "SQL", "sql", "sqlite psql", "", "^\\s*(?i:create)\\s+\\w"),
    ("makefile", "Makefile", "mk mak", "make", "", "^[A-Za-z0-9_.%/-]+\\s*:([^=]|$)"),
    ("yaml", "YAML", "yml yaml", "ansible-playbook", "", "^[A-Za-z_][\\w-]*:\n^\\s*- name:"),
    ("plain", "Other", "txt", "", "", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_outlines_compile() {
        for (slug, _, _, _, _, outline) in LANGUAGES {
            for pattern in outline.lines() {
                assert!(crate::view::compiled(pattern).is_ok(), "{slug}: {pattern}");
            }
        }
    }
}
