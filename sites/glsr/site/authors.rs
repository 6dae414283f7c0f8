//! What the pages of authors do: submitting, drafts, what is said about a script, signatures. Each is a request to
//! an answer; what may be done is in `flow` and `rules`.

use harmonious::prelude::*;

use crate::flow::{self, About};
use crate::forms::{self, Choice};
use crate::model::{Finding, Level, Me, Meta, Role, Script, Source, Status, Version, Wrong};
use crate::rules::{self, By};
use crate::store::{review, taxonomy, versions};
use crate::{findings, header, who};

mod edit;

pub use edit::{edit, edit_form, sign, sign_form};

/// Licences that forms offer; any other expression of SPDX can be typed.
const LICENSES: [&str; 16] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "0BSD",
    "Zlib",
    "MPL-2.0",
    "LGPL-3.0-or-later",
    "GPL-2.0-or-later",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "AGPL-3.0-or-later",
    "CC0-1.0",
    "Unlicense",
];
/// Checks with programs that one account may ask for in an hour.
const CHECKS_PER_HOUR: u32 = 30;
const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);

/// The fields of a form and what it offers.
#[derive(Debug, Default, Serialize)]
struct Typed {
    #[serde(flatten)]
    fields: Fields,
    categories: Vec<Choice>,
    languages: Vec<Choice>,
    licenses: Vec<&'static str>,
}

/// Fields by name, each a text.
type Fields = std::collections::BTreeMap<&'static str, String>;

/// What a form says about a version.
struct Said {
    changelog: String,
    label: String,
    urgent: bool,
}

impl Said {
    fn of(form: &Form) -> Said {
        let text = |name| rules::tidy(form.get(name).unwrap_or_default());
        Said {
            changelog: text("changelog"),
            label: text("label"),
            urgent: form.checked("urgent"),
        }
    }

    fn about(&self) -> About<'_> {
        About {
            changelog: &self.changelog,
            label: &self.label,
            urgent: self.urgent,
            from: "web",
        }
    }

    fn put(self, typed: &mut Typed) {
        let urgent = if self.urgent { "on" } else { "" };
        typed.fields.extend([
            ("changelog", self.changelog),
            ("label", self.label),
            ("urgent", urgent.to_owned()),
        ]);
    }
}

impl Typed {
    /// With the lists of a form about a script.
    fn with_lists(req: &Request, meta: &Meta) -> Result<Typed> {
        let mut typed = Typed {
            categories: forms::categories(req)?,
            languages: forms::languages(req)?,
            licenses: LICENSES.to_vec(),
            ..Typed::default()
        };
        typed.fields.insert("name", meta.name.clone());
        for field in Meta::FIELDS {
            typed.fields.insert(field, meta.get(field));
        }
        Ok(typed)
    }

    /// The text again. A file cannot be put back into its field: if a text field would keep it as it is, that gets
    /// it, else the visitor is told to choose it again.
    fn put_source(&mut self, source: Source, wrong: &mut Vec<Wrong>) {
        let text = String::from_utf8(source.bytes).ok();
        let text = text.filter(|text| source.pasted || !text.contains(['\r', '\0']));
        if text.is_none() && !wrong.iter().any(|one| one.field == "source") {
            wrong.push(Wrong::new("file", "file_again"));
        }
        self.fields.insert("source", text.unwrap_or_default());
        self.fields.insert("file_name", source.file_name);
    }
}

/// The empty form of a new script.
pub fn submit_form(req: &Request) -> Result<Response> {
    let typed = Typed::with_lists(req, &Meta::default())?;
    forms::page(req, "submit.html", typed)
}

/// A new script; `act=read` only fills in what the head of the text says.
pub fn submit(req: &Request) -> Result<Response> {
    let me = who::must(req, Role::Member)?;
    let form = req.form()?;
    let mut meta = forms::meta(&form);
    let source = forms::source(&form)?;
    let said = Said::of(&form);
    let mut wrong = Vec::new();
    if form.get("act") == Some("read") {
        match flow::text(req, &source)? {
            Ok(text) => read_head(req, &mut meta, &source.file_name, &text)?,
            Err(one) => wrong.push(one),
        }
    } else {
        match flow::submit_new(req, &me, &meta, source.clone(), &said.about())? {
            Ok(draft) => return forms::done(req, "drafted", &draft_path(&meta.name, draft)),
            Err(all) => wrong = all,
        }
    }
    let is_wrong = !wrong.is_empty();
    let mut typed = Typed::with_lists(req, &meta)?;
    typed.put_source(source, &mut wrong);
    said.put(&mut typed);
    let status = if is_wrong { 422 } else { 200 };
    forms::answer(req, "submit.html", typed, &wrong, status)
}

/// Fills in what is empty and stands in the head of a script.
fn read_head(req: &Request, meta: &mut Meta, file_name: &str, text: &str) -> Result<()> {
    let head = header::read(text);
    let languages = taxonomy::languages(&req.db())?;
    let language = taxonomy::guess(&languages, file_name, text).map(|one| one.slug.clone());
    let base = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
    let named = Some(head.name.as_str())
        .filter(|name| !name.is_empty())
        .unwrap_or(stem);
    for (field, found) in [
        ("name", rules::slugged(named).unwrap_or_default()),
        ("title", head.title),
        ("summary", head.description),
        ("license", head.license),
        ("homepage", head.homepage),
        ("language", language.unwrap_or_default()),
    ] {
        let empty = match field {
            "name" => meta.name.is_empty(),
            field => meta.get(field).is_empty(),
        };
        if empty {
            meta.set(field, &found);
        }
    }
    if meta.tags.is_empty() {
        meta.tags = head.tags;
    }
    if meta.needs.is_empty() {
        meta.needs = head.needs;
    }
    Ok(())
}

/// The empty form of a new version.
pub fn version_form(req: &Request) -> Result<Response> {
    let (_, script) = who::maintains(req)?;
    req.provide("script", &script)?;
    forms::page(req, "version.html", Typed::default())
}

/// A new version.
pub fn version(req: &Request) -> Result<Response> {
    let (me, script) = who::maintains(req)?;
    let form = req.form()?;
    let (source, said) = (forms::source(&form)?, Said::of(&form));
    match flow::new_version(req, &me, &script, source.clone(), &said.about())? {
        Ok(draft) => forms::done(req, "drafted", &draft_path(&script.name, draft)),
        Err(mut wrong) => {
            req.provide("script", &script)?;
            let mut typed = Typed::default();
            typed.put_source(source, &mut wrong);
            said.put(&mut typed);
            forms::again(req, "version.html", typed, &wrong)
        }
    }
}

/// What a page of a version in hand shows beside it.
#[derive(Serialize)]
struct InHand<'a> {
    version: &'a Version,
    /// What can be done with it now.
    may: Vec<&'static str>,
    findings: Vec<Finding>,
    /// Whether a check found something that is more than worth knowing.
    grave: bool,
    appeal: Option<review::Appeal>,
    /// The text as a page shows it, and that of the latest version.
    shown: String,
    latest: Option<String>,
}

/// A version in hand; what is published has its page.
pub fn draft_page(req: &Request) -> Result<Response> {
    let (_, script) = who::maintains(req)?;
    let version = in_hand(req, &script)?;
    if let Some(number) = version.number {
        let name = &script.name;
        return Ok(Response::redirect(format!("/scripts/{name}/{number}")));
    }
    let typed = typed_of(req, &version)?;
    show_draft(req, &script, &version)?;
    forms::page(req, "[id=u64].html", typed)
}

/// Does with a version in hand what `act` says: `save check submit drop take-back again appeal`.
pub fn draft(req: &Request) -> Result<Response> {
    let (me, script) = who::maintains(req)?;
    let version = in_hand(req, &script)?;
    let form = req.form()?;
    let here = draft_path(&script.name, version.id);
    match form.text("act")? {
        "drop" => {
            flow::drop_draft(req, &version)?;
            forms::done(req, "dropped", "/account/")
        }
        "take-back" => {
            flow::take_back(req, &version)?;
            forms::done(req, "taken-back", &here)
        }
        "again" => match flow::again(req, &me, &script, &version)? {
            Ok(draft) => forms::done(req, "drafted", &draft_path(&script.name, draft)),
            Err(wrong) => draft_again(req, &script, &version, Typed::default(), &wrong),
        },
        "appeal" => {
            let text = rules::tidy(form.get("appeal").unwrap_or_default());
            match flow::appeal(req, &me, &script, &version, &text)? {
                Ok(()) => forms::done(req, "appealed", &here),
                Err(wrong) => {
                    let mut typed = Typed::default();
                    typed.fields.insert("appeal", text);
                    draft_again(req, &script, &version, typed, &wrong)
                }
            }
        }
        act @ ("save" | "check" | "submit") => save(req, &me, &script, &version, &form, act),
        _ => Err(Error::unprocessable(req.t("error.act", context! {}))),
    }
}

/// Saves a draft, and checks it or sends it in.
fn save(
    req: &Request,
    me: &Me,
    script: &Script,
    draft: &Version,
    form: &Form,
    act: &str,
) -> Result<Response> {
    flow::is_draft(req, draft)?;
    let said = Said::of(form);
    let source = kept(req, draft, form)?;
    if let Err(mut wrong) = flow::save(req, me, script, draft, source.clone(), &said.about())? {
        let mut typed = Typed::default();
        typed.put_source(source, &mut wrong);
        said.put(&mut typed);
        return draft_again(req, script, draft, typed, &wrong);
    }
    let here = draft_path(&script.name, draft.id);
    let done = match act {
        "submit" => flow::send_in(req, me, draft.id).map(|()| "submitted"),
        "check" => req
            .limit("checks", &me.id.to_string(), CHECKS_PER_HOUR, HOUR)
            .and_then(|()| flow::check_again(req, &in_hand(req, script)?))
            .map(|()| "checked"),
        _ => Ok("saved"),
    };
    match done {
        Ok(key) => forms::done(req, key, &here),
        Err(error) => {
            let version = in_hand(req, script)?;
            let typed = typed_of(req, &version)?;
            show_draft(req, script, &version)?;
            forms::wait(req, "[id=u64].html", typed, "source", error)
        }
    }
}

/// The text that a form gives a draft: a file; the text field; or, where that is as the page had it, the text that is
/// there, byte for byte (browsers send CRLF for every end of a line).
fn kept(req: &Request, draft: &Version, form: &Form) -> Result<Source> {
    let mut source = forms::source(form)?;
    if !source.pasted {
        return Ok(source);
    }
    let text = versions::body(&req.db(), &draft.sha256)?;
    let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
    let typed = form.get("source");
    if typed.is_none_or(|typed| lines(typed) == lines(&text)) {
        source.bytes = text.into_bytes();
        source.pasted = false;
    }
    Ok(source)
}

/// The version that the path names, if it is one of the script.
fn in_hand(req: &Request, script: &Script) -> Result<Version> {
    let version = versions::by_id(&req.db(), req.param_as("id")?)?.or_404()?;
    match version.script_id == script.id {
        true => Ok(version),
        false => Err(Error::not_found("")),
    }
}

fn typed_of(req: &Request, version: &Version) -> Result<Typed> {
    let mut typed = Typed::default();
    let text = versions::body(&req.db(), &version.sha256)?;
    let urgent = if version.urgent { "on" } else { "" };
    typed.fields.extend([
        ("source", text),
        ("file_name", version.file_name.clone()),
        ("changelog", version.changelog.clone()),
        ("label", version.label.clone()),
        ("urgent", urgent.to_owned()),
    ]);
    Ok(typed)
}

fn draft_again(
    req: &Request,
    script: &Script,
    version: &Version,
    typed: Typed,
    wrong: &[Wrong],
) -> Result<Response> {
    show_draft(req, script, version)?;
    forms::again(req, "[id=u64].html", typed, wrong)
}

/// Gives the template `script` and `draft`.
fn show_draft(req: &Request, script: &Script, version: &Version) -> Result<()> {
    let db = req.db();
    let text = |version: &Version| -> Result<String> {
        Ok(rules::visible(&versions::body(&db, &version.sha256)?))
    };
    let appeal = review::appeal_of(&db, version.id)?;
    let findings = findings::of(req, &db, version.id)?;
    let may = |to, by| rules::next(version.status, to, by).is_ok();
    let mut acts = Vec::new();
    if may(Status::Pending, By::Author) {
        acts.extend(["save", "check", "submit", "drop"]);
    }
    if may(Status::Draft, By::Author) {
        let back = version.status == Status::Pending;
        acts.push(if back { "take-back" } else { "again" });
    }
    if may(Status::Published, By::Appeal) && appeal.is_none() {
        acts.push("appeal");
    }
    req.provide("script", script)?;
    let latest = script.latest.as_ref();
    req.provide(
        "draft",
        &InHand {
            version,
            may: acts,
            grave: findings.iter().any(|one| one.level != Level::Note),
            findings,
            appeal,
            shown: text(version)?,
            latest: latest.map(text).transpose()?,
        },
    )
}

fn draft_path(name: &str, version: i64) -> String {
    format!("/scripts/{name}/edit/draft/{version}")
}
