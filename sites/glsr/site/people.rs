//! Authors, and the log of what reviewers and administrators did, as everybody sees them.

use harmonious::prelude::*;

use crate::model::{Meta, Role, Sort, Status};
use crate::store::{accounts, scripts, talk};
use crate::{moderation, pages, view, who};

/// Letters of a search for members that are looked at.
const TYPED_MAX: usize = 80;

/// What is done by reviewers, editors and administrators, as `logged.ACTION` tells it; others are shown as they are.
const ACTIONS: [&str; 25] = [
    "create",
    "approve",
    "refuse",
    "grant",
    "reject",
    "remove",
    "roles",
    "block",
    "unblock",
    "unfounded",
    "uphold",
    "comment",
    "revert",
    "reset",
    "pin",
    "limits",
    "show-comment",
    "sessions",
    "news",
    "drop-news",
    "category",
    "drop-category",
    "language",
    "drop-language",
    "unpin",
];

/// A line of the public log: without what is for staff only.
#[derive(Clone, Debug, Serialize)]
struct Line {
    at: i64,
    actor: String,
    action: String,
    script: Option<String>,
    subject: String,
    reason: String,
}

/// `/authors/`: members, those with scripts first; `?q=` is part of an alias or name.
pub fn members(req: &Request) -> Result<Response> {
    let typed: String = view::asked(req, "q")
        .unwrap_or_default()
        .chars()
        .take(TYPED_MAX)
        .collect();
    let page = accounts::members(&req.db(), &typed, false, view::page(req))?;
    req.render(
        "/authors/index.html",
        context! { typed, page, link => pages::link(req) },
    )
}

/// `/authors/ALIAS`: who that is, with his scripts and keys.
///
/// # Errors
/// 404, and 410 for an account that was deleted.
pub fn profile(req: &Request) -> Result<Response> {
    let db = req.db();
    let account = accounts::by_alias(&db, req.param("alias")?)?.or_404()?;
    if account.status == "gone" {
        return Err(Error::new(410, ""));
    }
    let mut filter = view::filter(req);
    filter = crate::model::Filter {
        author: Some(account.alias.clone()),
        sort: if filter.sort == Sort::Fit {
            Sort::New
        } else {
            filter.sort
        },
        page: filter.page,
        ..Default::default()
    };
    let roles: Vec<Role> = Role::GRANTED
        .into_iter()
        .filter(|role| account.roles.has(*role))
        .collect();
    let mut helps = scripts::maintained(&db, account.id)?;
    helps
        .retain(|script| script.owner_id != Some(account.id) && script.status == Status::Published);
    let helps: Vec<String> = helps.into_iter().map(|script| script.name).collect();
    let more = context! {
        alias => account.alias,
        name => account.name,
        blocked => account.status == "blocked",
        about => account.about,
        website => account.website,
        since => account.created_at,
        roles,
        keys => accounts::keys(&db, account.id)?,
        helps,
    };
    pages::list(req, &filter, "/authors/_profile.html", more)
}

/// `/log`: what reviewers and administrators did, the newest first; `?script=` of one script.
///
/// # Errors
/// 404 for a script that is not there for this visitor.
pub fn log(req: &Request) -> Result<Response> {
    let db = req.db();
    let script = match view::asked(req, "script") {
        Some(name) => {
            let script = scripts::head(&db, &name)?.or_404()?;
            if script.status == Status::Draft {
                return Err(Error::not_found(""));
            }
            Some(script)
        }
        None => None,
    };
    let logged = talk::log_page(
        &db,
        script.as_ref().map(|script| script.id),
        view::page(req),
    )?;
    let lines: Vec<Line> = logged
        .items
        .into_iter()
        .map(|one| Line {
            at: one.at,
            actor: one.actor_name,
            action: action(req, &one.action),
            script: one.script,
            subject: subject(req, &one.action, &one.subject),
            reason: reason(req, &one.action, &one.reason),
        })
        .collect();
    let page = context! { page => logged.page, more => logged.more };
    let name = script.map(|script| script.name);
    req.render(
        "/log.html",
        context! { lines, page, name, link => pages::link(req) },
    )
}

/// Why it was done. What the site itself wrote there (roles, the field of an edit, that nobody else could decide) is
/// in the visitor's language, all else as it was written.
pub(crate) fn reason(req: &Request, action: &str, kept: &str) -> String {
    let text = |key: &str| req.t(key, context! {});
    let (said, alone) = match kept.strip_suffix(moderation::ALONE) {
        Some(said) => (said.trim_end(), format!("({})", text("logged.alone"))),
        None => (kept, String::new()),
    };
    let said = match action {
        "roles" | "create" => {
            let name = |role: &str| match role {
                "reviewer" | "editor" | "admin" => text(&format!("role.{role}")),
                _ => text("role.member"),
            };
            let all: Vec<String> = said.split(", ").map(name).collect();
            all.join(", ")
        }
        "revert" if Meta::FIELDS.contains(&said) => text(&format!("meta.{said}")),
        _ => said.to_owned(),
    };
    [said.as_str(), &alone].join(" ").trim().to_owned()
}

/// What it was done to; limits by their names.
pub(crate) fn subject(req: &Request, action: &str, kept: &str) -> String {
    if action != "limits" {
        return kept.to_owned();
    }
    let known = |name: &str| {
        let name = who::LIMITS
            .iter()
            .find_map(|(setting, ..)| setting.split_once('.').filter(|(_, one)| *one == name));
        name.map(|(_, name)| req.t(&format!("admin.limit-{name}"), context! {}))
    };
    let one = |said: &str| match said
        .split_once(' ')
        .map(|(name, value)| (known(name), value))
    {
        Some((Some(name), value)) => format!("{name}: {value}"),
        _ => said.to_owned(),
    };
    kept.split(", ").map(one).collect::<Vec<_>>().join(", ")
}

/// What was done, in the visitor's language.
pub(crate) fn action(req: &Request, action: &str) -> String {
    match ACTIONS.contains(&action) {
        true => req.t(&format!("logged.{action}"), context! {}),
        false => action.to_owned(),
    }
}
