//! The tokens of the API, as their owner makes and revokes them.

use harmonious::prelude::*;

use crate::model::{Me, Token, Wrong};
use crate::rules::{self, Kind};
use crate::store::{accounts, now};
use crate::{forms, who};

/// How tokens begin: so that a program that looks for secrets in texts finds them.
pub const BEGIN: &str = "glsr_";
/// What a token can be good for.
pub const SCOPES: [&str; 5] = ["submit", "edit", "sign", "comment", "review"];

/// Letters behind the beginning, 5 bits each; those that lists show.
const LETTERS: usize = 32;
const PREFIX: usize = 8;
/// Characters of what a token is called.
const LABEL_MAX: usize = 60;
/// Tokens of one account that are not revoked and not over.
const TOKENS_MAX: usize = 20;
/// Days that a token can be good for; 0: until it is revoked.
const DAYS: [i64; 4] = [30, 90, 365, 0];
const DAY: i64 = 86_400;
/// Seconds for which a new token waits for the page that shows it.
const SHOWN_S: u64 = 600;
/// Where it waits: in the session, sealed.
const NEW: &str = "new-token";

/// A line of the list.
#[derive(Serialize)]
struct Line {
    token: Token,
    scopes: Vec<String>,
    /// `good`, `over` or `revoked`.
    state: &'static str,
}

/// What was typed.
#[derive(Default, Serialize)]
struct Typed {
    label: String,
    scopes: Vec<String>,
    days: i64,
}

/// The page, with a token that was just made: once.
pub fn page(req: &Request) -> Result<Response> {
    let typed = Typed {
        days: DAYS[1],
        ..Typed::default()
    };
    let new = match req.session().get::<String>(NEW)? {
        Some(sealed) => {
            req.session().remove(NEW)?;
            req.unseal(NEW, &sealed)?
        }
        None => None,
    };
    shown(req, typed, new, &[])
}

/// Makes a token (`act=make`) or revokes one (`act=revoke`).
pub fn act(req: &Request) -> Result<Response> {
    const PAGE: &str = "/account/tokens";
    let me = who::must(req, crate::model::Role::Member)?;
    let form = req.form()?;
    if form.get("act") == Some("revoke") {
        let id = form.parse::<i64>("id")?;
        return match accounts::revoke_token(&req.db(), me.id, id)? {
            true => forms::done(req, "token-revoked", PAGE),
            false => Err(Error::not_found("")),
        };
    }
    let typed = Typed {
        label: rules::tidy(form.get("label").unwrap_or_default()),
        scopes: form.all("scopes").map(str::to_owned).collect(),
        days: form
            .get("days")
            .and_then(|days| days.parse().ok())
            .unwrap_or(-1),
    };
    let wrong = wrong(req, &me, &typed)?;
    if !wrong.is_empty() {
        return shown(req, typed, None, &wrong);
    }
    let token = make(req, &me, &typed)?;
    req.session().set(NEW, &req.seal(NEW, &token, SHOWN_S)?)?;
    forms::done(req, "token-made", PAGE)
}

fn wrong(req: &Request, me: &Me, typed: &Typed) -> Result<Vec<Wrong>> {
    let mut wrong: Vec<Wrong> = Vec::new();
    wrong.extend(rules::free_text("label", &typed.label, LABEL_MAX, Kind::Line).err());
    if typed.label.is_empty() {
        wrong.push(Wrong::new("label", "required"));
    }
    let known = |scope: &String| offered(me).any(|other| other == scope);
    if typed.scopes.is_empty() || !typed.scopes.iter().all(known) {
        wrong.push(Wrong::new("scopes", "scopes"));
    }
    if !DAYS.contains(&typed.days) {
        wrong.push(Wrong::new("days", "required"));
    }
    let good = lines(accounts::tokens(&req.db(), me.id)?);
    if good.iter().filter(|line| line.state == "good").count() >= TOKENS_MAX {
        let n = rules::number(TOKENS_MAX);
        wrong.push(Wrong {
            n,
            ..Wrong::new("label", "tokens_many")
        });
    }
    Ok(wrong)
}

/// The token itself, which is kept nowhere: the table has its hash.
fn make(req: &Request, me: &Me, typed: &Typed) -> Result<String> {
    let token = format!("{BEGIN}{}", who::secret(LETTERS)?);
    let scopes: Vec<&str> = SCOPES
        .into_iter()
        .filter(|scope| typed.scopes.iter().any(|typed| typed == scope))
        .collect();
    let expires_at = (typed.days > 0).then(|| now() + typed.days * DAY);
    accounts::add_token(
        &req.db(),
        me.id,
        &typed.label,
        &rules::sha256(token.as_bytes()),
        &token[..PREFIX],
        &scopes.join(" "),
        expires_at,
    )?;
    Ok(token)
}

fn shown(req: &Request, typed: Typed, new: Option<String>, wrong: &[Wrong]) -> Result<Response> {
    let me = who::must(req, crate::model::Role::Member)?;
    let lines = lines(accounts::tokens(&req.db(), me.id)?);
    let scopes: Vec<&str> = offered(&me).collect();
    let address = crate::view::address(req)?;
    let typed = context! { fields => typed, new, lines, scopes, days => DAYS, address };
    forms::again(req, "tokens.html", typed, wrong)
}

/// What the account can make tokens for.
fn offered(me: &Me) -> impl Iterator<Item = &'static str> {
    let reviews = me.has(crate::model::Role::Reviewer);
    SCOPES
        .into_iter()
        .filter(move |scope| reviews || *scope != "review")
}

fn lines(tokens: Vec<Token>) -> Vec<Line> {
    let now = now();
    let line = |token: Token| Line {
        scopes: token.scopes.split_whitespace().map(str::to_owned).collect(),
        state: match (token.revoked_at, token.expires_at) {
            (Some(_), _) => "revoked",
            (None, Some(end)) if end <= now => "over",
            _ => "good",
        },
        token,
    };
    tokens.into_iter().map(line).collect()
}
