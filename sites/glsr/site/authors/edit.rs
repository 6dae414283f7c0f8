//! What is said about a script, what takes its place, what is withdrawn of it; signatures of its versions.

use harmonious::prelude::*;

use super::Typed;
use crate::flow;
use crate::forms::{self, Choice};
use crate::model::{Meta, Script, Status, Version, Wrong};
use crate::store::{scripts, versions};
use crate::{rules, view, who};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// The form of what is said about a script, with those to withdraw it.
pub fn edit_form(req: &Request) -> Result<Response> {
    let (_, script) = who::maintains(req)?;
    let typed = typed_meta(req, &script, &scripts::of(&script))?;
    show_edit(req, &script)?;
    forms::page(req, "index.html", typed)
}

/// Changes what is said about a script (`act=save`), what takes its place (`place`), or withdraws it (`withdraw`).
pub fn edit(req: &Request) -> Result<Response> {
    let (me, script) = who::maintains(req)?;
    let form = req.form()?;
    let here = format!("/scripts/{}/edit/", script.name);
    let said = scripts::of(&script);
    let (meta, wrong, typed) = match form.text("act")? {
        "save" => {
            let meta = forms::meta(&form);
            match flow::edit(req, &me, &script, meta.clone())? {
                Ok(()) => return forms::done(req, "saved", &here),
                Err(wrong) => (meta, wrong, Vec::new()),
            }
        }
        "place" => match place(req, &script, &form)? {
            Ok(()) => return forms::done(req, "saved", &here),
            Err(wrong) => {
                let typed = ["replaced_by", "expires"];
                (said, wrong, typed_again(&form, &typed))
            }
        },
        "withdraw" => {
            let reason = rules::tidy(form.get("reason").unwrap_or_default());
            let only = match form.get("number").unwrap_or_default() {
                "" => None,
                number => {
                    let number = number.parse().ok().or_404()?;
                    Some(versions::by_number(&req.db(), script.id, number)?.or_404()?)
                }
            };
            match flow::withdraw(req, &me, &script, only.as_ref(), &reason)? {
                Ok(()) => return forms::done(req, "withdrawn", &here),
                Err(wrong) => (said, wrong, typed_again(&form, &["reason", "number"])),
            }
        }
        _ => return Err(Error::unprocessable(req.t("error.act", context! {}))),
    };
    let mut again = typed_meta(req, &script, &meta)?;
    again.fields.extend(typed);
    show_edit(req, &script)?;
    forms::again(req, "index.html", again, &wrong)
}

fn typed_again(form: &Form, names: &[&'static str]) -> Vec<(&'static str, String)> {
    let one = |name: &&'static str| (*name, form.get(name).unwrap_or_default().to_owned());
    names.iter().map(one).collect()
}

/// What takes its place, and from when on it may be out of date.
fn place(
    req: &Request,
    script: &Script,
    form: &Form,
) -> Result<std::result::Result<(), Vec<Wrong>>> {
    let name = form.get("replaced_by").unwrap_or_default().trim();
    let date = form.get("expires").unwrap_or_default().trim();
    let mut wrong = Vec::new();
    if !name.is_empty() {
        let other = scripts::head(&req.db(), name)?;
        if other.is_none_or(|other| other.id == script.id || other.status != Status::Published) {
            wrong.push(Wrong::new("replaced_by", "replaced_unknown"));
        }
    }
    let expires = match date {
        "" => None,
        date => {
            let day = rules::day(date);
            if day.is_none() {
                wrong.push(Wrong::new("expires", "date"));
            }
            day.map(|day| day * DAY)
        }
    };
    if !wrong.is_empty() {
        return Ok(Err(wrong));
    }
    flow::open(req, script)?;
    req.db().transaction(|tx| {
        scripts::replaced_by(&tx, script.id, name)?;
        scripts::expires(&tx, script.id, expires)
    })?;
    Ok(Ok(()))
}

fn typed_meta(req: &Request, script: &Script, meta: &Meta) -> Result<Typed> {
    let mut typed = Typed::with_lists(req, meta)?;
    let replaced = script.replaced_by.clone().unwrap_or_default();
    let expires = script.expires_at.map(|at| rules::date(at / DAY));
    typed.fields.insert("replaced_by", replaced);
    typed.fields.insert("expires", expires.unwrap_or_default());
    Ok(typed)
}

/// Gives the template `script` and `versions`: those to withdraw, and those in hand.
fn show_edit(req: &Request, script: &Script) -> Result<()> {
    let all = versions::of(&req.db(), script.id, true)?;
    let published = |one: &&Version| one.status == Status::Published;
    let numbers: Vec<Choice> = all
        .iter()
        .filter(published)
        .filter_map(|one| one.number)
        .map(|number| Choice {
            value: number.to_string(),
            text: req.t("row.version", context! { n => number }),
        })
        .collect();
    let hand: Vec<&Version> = all.iter().filter(|one| one.number.is_none()).collect();
    req.provide("numbers", &numbers)?;
    req.provide("hand", &hand)?;
    req.provide("script", script)
}

/// The form for a signature.
pub fn sign_form(req: &Request) -> Result<Response> {
    let (_, script) = who::maintains(req)?;
    let version = req.query("version").unwrap_or_default();
    show_sign(req, &script)?;
    forms::page(req, "sign.html", context! { version })
}

/// Takes a signature for one of the versions.
pub fn sign(req: &Request) -> Result<Response> {
    let (_, script) = who::maintains(req)?;
    let form = req.form()?;
    let typed = form.get("version").unwrap_or_default().to_owned();
    let signature = forms::file_or(&form, "signature")?;
    let version = match typed.parse() {
        Ok(id) => versions::by_id(&req.db(), id)?,
        Err(_) => None,
    };
    let signable =
        |version: &Version| version.script_id == script.id && version.status != Status::Removed;
    let done = match version.filter(signable) {
        Some(version) => flow::sign(req, &script, &version, &signature)?,
        None => Err(Wrong::new("version", "number_unknown")),
    };
    match done {
        Ok(()) => forms::done(
            req,
            "signed",
            &format!("/scripts/{}/edit/sign", script.name),
        ),
        Err(wrong) => {
            show_sign(req, &script)?;
            let typed = context! { version => typed, signature };
            forms::again(req, "sign.html", typed, &[wrong])
        }
    }
}

/// Gives the template `script`, `versions` and `choices`.
fn show_sign(req: &Request, script: &Script) -> Result<()> {
    let mut all = versions::of(&req.db(), script.id, true)?;
    all.retain(|one| one.status != Status::Removed);
    let choice = |one: &Version| Choice {
        value: one.id.to_string(),
        text: match one.number {
            Some(number) => req.t("row.version", context! { n => number }),
            None => req.t(
                "draft.unnumbered",
                context! { file => &one.file_name, id => one.id },
            ),
        },
    };
    let choices: Vec<Choice> = all.iter().map(choice).collect();
    req.provide("choices", &choices)?;
    req.provide("versions", &all)?;
    req.provide("address", &view::address(req)?)?;
    req.provide("script", script)
}
