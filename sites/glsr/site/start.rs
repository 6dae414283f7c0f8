//! What each start of the site does: once, what the site cannot be without.

use harmonious::Db;
use harmonious::prelude::*;

use crate::languages::LANGUAGES;
use crate::model::{Language, NewAccount, NewVersion, Roles};
use crate::store::{accounts, now, scripts, search, settings, taxonomy, versions};
use crate::{flow, rules, seed, sign, who};

/// The account that owns what comes with the site.
pub const SITE_ALIAS: &str = "glsr";
/// Set when all is there.
const SEEDED: &str = "seeded";
/// Seconds after which the addresses of visitors are forgotten, and drafts that nobody touched.
const ADDRESSES_S: i64 = 30 * 86_400;
const DRAFTS_S: i64 = 180 * 86_400;
/// Letters of the first administrator's password, 5 bits each.
const PASSWORD_LETTERS: usize = 20;

/// The categories of the first day: slug, name, what is in it. `category.SLUG` in the catalogues translates the name.
pub const CATEGORIES: [(&str, &str, &str); 3] = [
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
        let site = fill(&tx)?;
        if req.config::<Option<bool>>("seed")?.unwrap_or(true) {
            seeds(&tx, site)?;
        }
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

/// What nobody needs any more: used nonces, addresses of 30 days ago, drafts untouched for 180 days, texts that no
/// version has.
pub fn upkeep(req: &Request) -> Result<()> {
    let db = req.db();
    let now = now();
    db.execute(
        "DELETE FROM used_nonces WHERE expires_at < ?",
        &[now.into()],
    )?;
    accounts::forget_addresses(&db, now - ADDRESSES_S)?;
    for id in versions::stale_drafts(&db, now - DRAFTS_S)? {
        match db.transaction(|tx| versions::drop_draft(&tx, id)) {
            // Sent in meanwhile, or dropped by another server.
            Err(error) if matches!(error.status(), 404 | 409) => {}
            done => done?,
        }
    }
    versions::sweep_bodies(&db)
}

/// Categories, languages, and the account of the site itself, which nobody signs in to; its key.
fn fill(db: &Db<'_>) -> Result<i64> {
    for (slug, name, descr) in CATEGORIES {
        taxonomy::add_category(db, None, slug, name, descr)?;
    }
    for known in LANGUAGES {
        let language = Language {
            slug: known.slug.to_owned(),
            name: known.name.to_owned(),
            extensions: known.extensions.to_owned(),
            shebangs: known.shebangs.to_owned(),
            highlight: known.highlight.to_owned(),
            checker: known.checker.to_owned(),
            outline: known.outline.to_owned(),
            ..Language::default()
        };
        taxonomy::set_language(db, &language)?;
    }
    let site = NewAccount {
        alias: SITE_ALIAS,
        name: "GLSR",
        ..NewAccount::default()
    };
    accounts::create(db, &site)
}

/// The scripts that the site begins with, published by the account of the site.
fn seeds(db: &Db<'_>, owner: i64) -> Result<()> {
    let keys = seed::keys()?;
    for key in &keys {
        let id = sign::key_id(&key.public_key)
            .ok()
            .or_status(500, "a key of seeds/keys.toml")?;
        accounts::add_key(db, owner, &id, &key.public_key, &key.label)?;
    }
    let publics: Vec<&str> = keys.iter().map(|key| &*key.public_key).collect();
    let me = accounts::me(db, owner)?.or_404()?;
    for seed in seed::all()? {
        let id = scripts::create(db, &me, &rules::tidied(seed.meta))?;
        for version in &seed.versions {
            let new = NewVersion {
                text: version.text,
                file_name: &seed.file_name,
                changelog: &version.changelog,
                label: &version.label,
                urgent: false,
                source: "seed",
            };
            let number = flow::bring_in(db, &me, id, &new)?;
            if let Some(signature) = version.signature {
                let by = sign::verify_any(&publics, signature, version.text.as_bytes());
                let key = publics[by.ok().or_status(500, "a signature of seeds/")?];
                versions::set_signature(db, number, signature, key)?;
            }
        }
    }
    Ok(())
}
