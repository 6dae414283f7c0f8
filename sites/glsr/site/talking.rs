//! What visitors say about scripts: comments, stars, reports.

use harmonious::prelude::*;

use crate::forms;
use crate::model::{Comment, Me, Role, Script, Status, Wrong};
use crate::rules::{self, Kind};
use crate::store::talk::{self, Flagged};
use crate::store::{now, versions};
use crate::who::What;
use crate::{pages, shown, who};

/// Characters of a comment and of its subject.
pub(crate) const COMMENT_MAX: usize = 8_000;
pub(crate) const SUBJECT_MAX: usize = 120;
/// Seconds for which comments with links of a new account wait for a reviewer.
const LINKS_HELD_S: i64 = 86_400;
const RATINGS_PER_HOUR: u32 = 60;
/// Reasons for a report; the last one has to be told.
const REASONS: [&str; 7] = [
    "malware",
    "secret",
    "licence",
    "spam",
    "broken",
    "duplicate",
    "other",
];
/// Characters of a report; the least where the reason is `other`.
const REPORT_MAX: usize = 2_000;
const REPORT_OTHER_MIN: usize = 20;

/// The comments on a script; with `?edit=ID` the form of one's own.
pub fn comments(req: &Request) -> Result<Response> {
    let script = pages::head(req)?;
    if let Some(id) = req.query("edit") {
        let comment = own(req, &script, id.parse().ok().or_404()?)?.1;
        let typed = context! { id => comment.id, body => &comment.body };
        return forms::page(req, "_edit_comment.html", typed);
    }
    shown::comments(req)
}

/// Says something, or does with one's own comment what `act` says: `edit remove`.
pub fn comment(req: &Request) -> Result<Response> {
    let script = pages::head(req)?;
    let me = who::must(req, Role::Member)?;
    if let Flow::Respond(first) = who::change_first(req)? {
        return Ok(first);
    }
    let form = req.form()?;
    match form.get("act").unwrap_or("say") {
        "say" => say(req, &me, &script, &form),
        "edit" => edit(req, &script, &form),
        "remove" => {
            let (_, comment) = own(req, &script, form.parse("id")?)?;
            req.db().transaction(|tx| talk::unsay(&tx, &comment))?;
            forms::done(req, "comment-removed", &place(req, &script, &comment)?)
        }
        _ => Err(Error::unprocessable(req.t("error.act", context! {}))),
    }
}

fn say(req: &Request, me: &Me, script: &Script, form: &Form) -> Result<Response> {
    if !takes(script) {
        return Err(Error::conflict(req.t("error.closed", context! {})));
    }
    let text = |name| rules::tidy(form.get(name).unwrap_or_default());
    let (subject, body, number) = (text("subject"), text("body"), text("number"));
    let mut wrong = body_wrong(&body);
    wrong.extend(rules::free_text("subject", &subject, SUBJECT_MAX, Kind::Line).err());
    let version = match number.as_str() {
        "" => None,
        number => match number.parse() {
            Ok(number) => versions::by_number(&req.db(), script.id, number)?,
            Err(_) => None,
        },
    };
    if version.is_none() && !number.is_empty() {
        wrong.push(Wrong::new("number", "number_unknown"));
    }
    let limited = who::limits(req, me, What::Comment);
    let asked = shown::is_asked(req, me)?;
    // Last, since it uses the question up.
    let human = match asked && limited.is_ok() && wrong.is_empty() {
        true => forms::is_human(req, form)?,
        false => forms::honeypot_is_empty(form),
    };
    if !human {
        wrong.push(Wrong::new("captcha", "captcha"));
    }
    let again = |wrong: &[Wrong]| {
        let captcha = asked.then(|| forms::captcha(req)).transpose()?;
        let typed = context! { subject => &subject, body => &body, number => &number, captcha };
        shown::comments_again(req, script, Some(me), typed, wrong)
    };
    if let Err(error) = limited {
        let (wrong, after) = forms::too_often("body", error)?;
        let page = again(&[wrong])?.with_status(429);
        return Ok(page.with_header("retry-after", &after.to_string()));
    }
    if !wrong.is_empty() {
        return again(&wrong);
    }
    let held = is_held(me, &body) || is_held(me, &subject);
    let version = version.map(|version| version.id);
    let id = req
        .db()
        .transaction(|tx| talk::say(&tx, me, script.id, version, &subject, &body, held))?;
    if held {
        let path = format!("/scripts/{}/comments", script.name);
        return forms::done(req, "comment-held", &path);
    }
    let comment = talk::comment(&req.db(), id)?.or_404()?;
    forms::done(req, "commented", &place(req, script, &comment)?)
}

fn edit(req: &Request, script: &Script, form: &Form) -> Result<Response> {
    let (me, comment) = own(req, script, form.parse("id")?)?;
    let body = rules::tidy(form.get("body").unwrap_or_default());
    let wrong = body_wrong(&body);
    if !wrong.is_empty() {
        let typed = context! { id => comment.id, body };
        return forms::again(req, "_edit_comment.html", typed, &wrong);
    }
    // A link that comes later is a link, too.
    let held = is_held(&me, &body);
    let changed = req.db().transaction(|tx| {
        let changed = talk::reword(&tx, &me, &comment, &body)?;
        if changed && held {
            talk::hold(&tx, &comment)?;
        }
        Ok(changed)
    })?;
    if !changed {
        return Err(Error::conflict(req.t("error.comment-late", context! {})));
    }
    let key = if held { "comment-held" } else { "saved" };
    forms::done(req, key, &place(req, script, &comment)?)
}

/// Gives 1 to 5 stars, or takes them back with 0.
pub fn rate(req: &Request) -> Result<Response> {
    let script = pages::head(req)?;
    let me = who::must(req, Role::Member)?;
    // Who may comes before what was sent.
    if !talk::may_rate(&req.db(), &script, me.id)? {
        return Err(Error::forbidden(req.t("error.own-rating", context! {})));
    }
    let stars: i64 = req.form()?.parse("stars")?;
    if !(0..=5).contains(&stars) {
        return Err(Error::unprocessable(req.t("error.stars", context! {})));
    }
    if script.status != Status::Published {
        return Err(Error::conflict(req.t("error.closed", context! {})));
    }
    who::often(req, &me, "ratings", RATINGS_PER_HOUR)?;
    req.db()
        .transaction(|tx| talk::rate(&tx, script.id, me.id, stars))?;
    let key = if stars == 0 { "unrated" } else { "rated" };
    forms::done(req, key, &format!("/scripts/{}/", script.name))
}

/// The form of a report: of the script, or of `?comment=ID` or `?version=NUMBER`.
pub fn flag_form(req: &Request) -> Result<Response> {
    let script = pages::head(req)?;
    let given = |name| req.query(name).unwrap_or_default();
    let (comment, version) = (given("comment"), given("version"));
    show_flag(req, &script, &comment, &version)?;
    forms::page(req, "flag.html", context! { comment, version })
}

/// Reports it to the reviewers.
pub fn flag(req: &Request) -> Result<Response> {
    let script = pages::head(req)?;
    let me = who::must(req, Role::Member)?;
    let form = req.form()?;
    let field = |name| form.get(name).unwrap_or_default().to_owned();
    let (comment, version) = (field("comment"), field("version"));
    let what = show_flag(req, &script, &comment, &version)?;
    let (reason, text) = (field("reason"), rules::tidy(&field("text")));
    let mut wrong = Vec::new();
    if !REASONS.contains(&reason.as_str()) {
        wrong.push(Wrong::new("reason", "required"));
    }
    wrong.extend(rules::free_text("text", &text, REPORT_MAX, Kind::Lines).err());
    if reason == "other" && text.chars().count() < REPORT_OTHER_MIN {
        wrong.push(Wrong {
            field: "text",
            key: "short",
            n: rules::number(REPORT_OTHER_MIN),
        });
    }
    if talk::is_flagged(&req.db(), me.id, what)? {
        wrong.push(Wrong::new("reason", "flagged"));
    }
    let typed = context! { comment, version, reason => &reason, text => &text };
    if !wrong.is_empty() {
        return forms::again(req, "flag.html", typed, &wrong);
    }
    if let Err(error) = who::limits(req, &me, What::Flag) {
        return forms::wait(req, "flag.html", typed, "reason", error);
    }
    talk::flag(&req.db(), &me, what, &reason, &text)?;
    forms::done(req, "flagged", &format!("/scripts/{}/", script.name))
}

/// What a report is about; the template gets `script`, `reasons` and the `about` of a comment.
fn show_flag(req: &Request, script: &Script, comment: &str, version: &str) -> Result<Flagged> {
    let mut what = Flagged {
        script: script.id,
        ..Flagged::default()
    };
    let mut about = None;
    if !comment.is_empty() {
        let comment = talk::comment(&req.db(), comment.parse().ok().or_404()?)?.or_404()?;
        if comment.script_id != script.id || comment.status != "shown" {
            return Err(Error::not_found(""));
        }
        what.comment = Some(comment.id);
        about = Some(comment);
    } else if !version.is_empty() {
        let number = version.parse().ok().or_404()?;
        what.version = Some(
            versions::by_number(&req.db(), script.id, number)?
                .or_404()?
                .id,
        );
    }
    let choice = |reason: &&str| forms::Choice {
        value: (*reason).to_owned(),
        text: req.t(&format!("flag.why-{reason}"), context! {}),
    };
    let reasons: Vec<forms::Choice> = REASONS.iter().map(choice).collect();
    req.provide("reasons", &reasons)?;
    req.provide("about", &about)?;
    req.provide("script", script)?;
    Ok(what)
}

/// The visitor's own comment on a script.
///
/// # Errors
/// 401, 404 if there is none (any more), 403 for one of somebody else.
fn own(req: &Request, script: &Script, id: i64) -> Result<(Me, Comment)> {
    let me = who::must(req, Role::Member)?;
    let comment = talk::comment(&req.db(), id)?.or_404()?;
    if comment.script_id != script.id || comment.status == "removed" {
        return Err(Error::not_found(""));
    }
    match comment.account_id == Some(me.id) {
        true => Ok((me, comment)),
        false => Err(Error::forbidden(req.t("error.comment-own", context! {}))),
    }
}

/// Where a comment is among the pages.
fn place(req: &Request, script: &Script, comment: &Comment) -> Result<String> {
    let page = talk::page_of(&req.db(), comment)?;
    let (name, id) = (&script.name, comment.id);
    Ok(format!("/scripts/{name}/comments?page={page}#c{id}"))
}

fn body_wrong(body: &str) -> Vec<Wrong> {
    match body {
        "" => vec![Wrong::new("body", "required")],
        body => rules::free_text("body", body, COMMENT_MAX, Kind::Lines)
            .err()
            .into_iter()
            .collect(),
    }
}

/// Whether a script takes comments.
fn takes(script: &Script) -> bool {
    script.status == Status::Published
}

/// Whether a reviewer looks at it first: what has links, and comes from an account of today.
pub(crate) fn is_held(me: &Me, text: &str) -> bool {
    let lower = text.to_lowercase();
    // A link may also be defined elsewhere in the text, or its letters be written as entities.
    let links = ["//", "www.", "](", "]:", "&#", "mailto:"];
    me.created_at > now() - LINKS_HELD_S && links.iter().any(|link| lower.contains(link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Roles;

    #[test]
    fn links_of_new_accounts_are_held() {
        let me = |age| Me {
            id: 1,
            alias: "ada".to_owned(),
            name: "Ada".to_owned(),
            roles: Roles(0),
            established: false,
            must_change: false,
            created_at: now() - age,
            seen_at: None,
        };
        for text in [
            "see HTTPS://x.example",
            "www.x.example",
            "[a](x)",
            "mailto:a@b",
            "[a][1]\n\n[1]: /x",
            "[a][1]\n\n[1]:https&#58;x",
        ] {
            assert!(is_held(&me(60), text), "{text}");
            assert!(!is_held(&me(LINKS_HELD_S + 60), text), "{text}");
        }
        assert!(!is_held(&me(60), "works on Debian 12: thanks"));
    }
}
