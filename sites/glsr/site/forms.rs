//! Forms: what was typed, and the same page again if something is wrong with it.

use std::time::Duration;

use harmonious::Db;
use harmonious::prelude::*;

use crate::model::{Account, Category, Language, Meta, NewAccount, Source, Wrong};
use crate::rules;
use crate::store::{accounts, now, taxonomy, upsert};
use crate::{captcha, view, who};

/// The field that people do not see and do not fill in.
const HONEYPOT: &str = "url2";
/// Seconds for which a question may be answered.
const CAPTCHA_S: i64 = 900;

/// The languages that pages come in, as the catalogues of `locales/` are called.
const LANGUAGES: [&str; 2] = ["en", "fr"];

/// New accounts of one address in an hour, and forms sent for one, right or wrong.
const SIGN_UPS: u32 = 5;
const SIGN_UP_FORMS: u32 = 30;
const HOUR: Duration = Duration::from_secs(3_600);

/// A refusal as a page shows it: the field and the text.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// Its name in the form.
    pub field: &'static str,
    /// In the visitor's language.
    pub text: String,
}

/// A page with a form: `typed` is what its fields hold, by name.
pub fn page(req: &Request, template: &str, typed: impl Serialize) -> Result<Response> {
    again(req, template, typed, &[])
}

/// The page again with what was typed and what is wrong, as a 422; without anything wrong a 200.
///
/// The template has `typed`, and `wrong`: a list of `field` and `text`.
pub fn again(
    req: &Request,
    template: &str,
    typed: impl Serialize,
    wrong: &[Wrong],
) -> Result<Response> {
    let status = if wrong.is_empty() { 200 } else { 422 };
    answer(req, template, typed, wrong, status)
}

/// The same with another status.
pub fn answer(
    req: &Request,
    template: &str,
    typed: impl Serialize,
    wrong: &[Wrong],
    status: u16,
) -> Result<Response> {
    let wrong = told(req, wrong);
    let page = req.render(template, context! { typed, wrong })?;
    Ok(page.with_status(status))
}

/// What is wrong, as templates have it: a list of `field` and `text`.
pub fn told(req: &Request, wrong: &[Wrong]) -> Vec<Told> {
    wrong
        .iter()
        .map(|one| Told {
            field: one.field,
            text: req.t(&format!("wrong.{}", one.key), context! { n => one.n }),
        })
        .collect()
}

/// The page again if an error says that it was too often: a 429 with what was typed, and beside that field how many
/// minutes to wait. Any other error goes on.
pub fn wait(
    req: &Request,
    template: &str,
    typed: impl Serialize,
    field: &'static str,
    error: Error,
) -> Result<Response> {
    let (wrong, after) = too_often(field, error)?;
    let page = answer(req, template, typed, &[wrong], 429)?;
    Ok(page.with_header("retry-after", &after.to_string()))
}

/// What is wrong if an error says that it was too often, and after how many seconds it is not; or the error.
pub fn too_often(field: &'static str, error: Error) -> Result<(Wrong, u64)> {
    let Some(after) = error.retry_after().filter(|_| error.status() == 429) else {
        return Err(error);
    };
    let minutes = i64::try_from(after.as_secs().div_ceil(60)).unwrap_or(i64::MAX);
    let wrong = Wrong {
        field,
        key: "wait",
        n: minutes.max(1),
    };
    Ok((wrong, after.as_secs()))
}

/// Goes on to a page with a message: `flash(req, "saved", "/account/")` shows `flash.saved`.
pub fn done(req: &Request, key: &str, path: &str) -> Result<Response> {
    req.session()
        .flash("info", &req.t(&format!("flash.{key}"), context! {}))?;
    Ok(Response::redirect(path))
}

/// What is said about a script, tidy: the fields of [`Meta`] by their names; lists are texts with one entry a
/// line, tags one between commas.
#[must_use]
pub fn meta(form: &Form) -> Meta {
    let mut meta = Meta::default();
    meta.set("name", form.get("name").unwrap_or_default());
    for field in Meta::FIELDS {
        meta.set(field, form.get(field).unwrap_or_default());
    }
    rules::tidied(meta)
}

/// The text of a script: the file `file`, else the field `source`.
pub fn source(form: &Form) -> Result<Source> {
    if let Some(file) = form.files("file").find(|file| !file.is_empty()) {
        return Ok(Source {
            bytes: file.bytes()?.into_owned(),
            file_name: file.file_name().to_owned(),
            pasted: false,
        });
    }
    Ok(Source {
        bytes: form.get("source").unwrap_or_default().as_bytes().to_vec(),
        file_name: form.get("file_name").unwrap_or_default().trim().to_owned(),
        pasted: true,
    })
}

/// The text of a file, of which only the text counts: the file `file`, else that field. What is no text is empty.
pub fn file_or(form: &Form, field: &str) -> Result<String> {
    match form.files("file").find(|file| !file.is_empty()) {
        Some(file) => Ok(String::from_utf8(file.bytes()?.into_owned()).unwrap_or_default()),
        None => Ok(form.get(field).unwrap_or_default().to_owned()),
    }
}

/// An entry of a list that a form offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    pub value: String,
    pub text: String,
}

/// All categories as a form offers them, in the order of the tree.
pub fn categories(req: &Request) -> Result<Vec<Choice>> {
    let all = view::categories(req, taxonomy::categories(&req.db())?);
    let choice = |one: Category| Choice {
        text: format!(
            "{}{}",
            "\u{2013} ".repeat(usize::try_from(one.depth).unwrap_or_default()),
            one.name
        ),
        value: one.path,
    };
    Ok(all.into_iter().map(choice).collect())
}

/// All languages as a form offers them, by name.
pub fn languages(req: &Request) -> Result<Vec<Choice>> {
    let choice = |one: Language| Choice {
        value: one.slug,
        text: one.name,
    };
    let all = taxonomy::languages(&req.db())?;
    Ok(all.into_iter().map(choice).collect())
}

/// What rules alone cannot know: whether the category and the language are there.
pub fn places(db: &Db<'_>, meta: &Meta) -> Result<Vec<Wrong>> {
    let mut wrong = Vec::new();
    if !meta.category.is_empty() && taxonomy::category(db, &meta.category)?.is_none() {
        wrong.push(Wrong::new("category", "category_unknown"));
    }
    if !meta.language.is_empty() && taxonomy::language(db, &meta.language)?.is_none() {
        wrong.push(Wrong::new("language", "language_unknown"));
    }
    Ok(wrong)
}

/// A question for a form.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The line for the shell.
    pub line: String,
    /// The field `captcha_seal`.
    pub sealed: String,
}

/// A question for a form: another one each time.
pub fn captcha(req: &Request) -> Result<Asked> {
    let random = who::secret(13)?;
    let number =
        u64::from_str_radix(&rules::sha256(random.as_bytes())[..16], 16).unwrap_or_default();
    let question = captcha::Question::new(number);
    let life = CAPTCHA_S.unsigned_abs();
    let sealed = req.seal("captcha", &format!("{random} {question}"), life)?;
    let line = question.line();
    Ok(Asked { line, sealed })
}

/// Whether the question of a form was answered: each once, within a quarter of an hour, by somebody who left the
/// hidden field alone.
pub fn is_human(req: &Request, form: &Form) -> Result<bool> {
    let sealed = form.get("captcha_seal").unwrap_or_default();
    let Some(text) = req.unseal("captcha", sealed)? else {
        return Ok(false);
    };
    let Some((nonce, question)) = text.split_once(' ') else {
        return Ok(false);
    };
    let typed = form.get("captcha").unwrap_or_default();
    let right = question
        .parse()
        .is_ok_and(|question: captcha::Question| question.is_answer(typed));
    // Wrong ones use it up too: a question is no lock to be tried.
    let unused = upsert::nonce(&req.db(), nonce, now() + CAPTCHA_S)?;
    Ok(right && unused && honeypot_is_empty(form))
}

/// Whether the hidden field was left alone.
#[must_use]
pub fn honeypot_is_empty(form: &Form) -> bool {
    form.get(HONEYPOT).unwrap_or_default().is_empty()
}

/// What is wrong with a new password: typed twice, and none of those that everybody tries.
pub fn new_password(form: &Form, alias: &str) -> Vec<Wrong> {
    let typed = form.get("password").unwrap_or_default();
    let mut wrong: Vec<Wrong> = rules::password(typed, alias).err().into_iter().collect();
    if form.get("again").is_some_and(|again| again != typed) {
        wrong.push(Wrong::new("again", "password_differs"));
    }
    wrong
}

/// What is wrong if somebody cannot sign in: not which of the two.
pub const LOGIN: Wrong = Wrong::new("alias", "login");

/// Makes an account and signs in: fields `alias name email password again` and those of a captcha. The key of the
/// account, or what is wrong.
pub fn sign_up(req: &Request, form: &Form) -> Result<Result<i64, Vec<Wrong>>> {
    req.limit("sign-up-form", &who::address(req), SIGN_UP_FORMS, HOUR)?;
    let field = |name: &str| rules::tidy(form.get(name).unwrap_or_default());
    let (alias, email) = (field("alias").to_lowercase(), field("email"));
    let name = Some(field("name"))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| alias.clone());
    let mut wrong: Vec<Wrong> = rules::alias(&alias).err().into_iter().collect();
    wrong.extend(rules::free_text("name", &name, 80, rules::Kind::Line).err());
    wrong.extend(email_wrong(&email));
    wrong.extend(new_password(form, &alias));
    // Last, since it uses the question up.
    if !is_human(req, form)? {
        wrong.push(Wrong::new("captcha", "captcha"));
    }
    if !wrong.is_empty() {
        return Ok(Err(wrong));
    }
    req.limit("sign-up", &who::address(req), SIGN_UPS, HOUR)?;
    let hash = req.hash_password(form.get("password").unwrap_or_default())?;
    let address = who::address(req);
    let new = NewAccount {
        alias: &alias,
        name: &name,
        email: &email,
        password: Some(&hash),
        lang: &req.language(),
        address: &address,
        ..NewAccount::default()
    };
    match accounts::create(&req.db(), &new) {
        Ok(id) => {
            req.session().sign_in(&id.to_string())?;
            Ok(Ok(id))
        }
        Err(error) if error.kind() == "unique" => {
            let taken = accounts::by_alias(&req.db(), &alias)?.is_some();
            let field = if taken {
                Wrong::new("alias", "alias_taken")
            } else {
                Wrong::new("email", "email_taken")
            };
            Ok(Err(vec![field]))
        }
        Err(error) => Err(error),
    }
}

/// The cookie of the language that a form chooses: `lang`, for good; kept with the account, too.
pub fn language(req: &Request, form: &Form) -> Result<Cookie<'static>> {
    let code = form.text("language")?;
    if !LANGUAGES.contains(&code) {
        return Err(Error::unprocessable(
            req.t("wrong.language_unknown", context! {}),
        ));
    }
    if let Some(me) = who::me(req)? {
        accounts::set_language(&req.db(), me.id, code)?;
    }
    let mut cookie = Cookie::new("lang", code.to_owned());
    cookie.set_path("/");
    cookie.make_permanent();
    Ok(cookie)
}

/// What is wrong with an address for mail; none is right too.
#[must_use]
pub fn email_wrong(email: &str) -> Option<Wrong> {
    let whole =
        |(name, host): (&str, &str)| !name.is_empty() && host.contains('.') && !host.contains('@');
    let right = email.is_empty()
        || (email.len() <= 254
            && email.split_once('@').is_some_and(whole)
            && !email
                .contains(|c: char| c.is_whitespace() || c.is_control() || "<>\"".contains(c)));
    (!right).then(|| Wrong::new("email", "email"))
}

/// Signs in by the fields `alias` and `password`. None if they are wrong, or the account cannot sign in.
///
/// # Errors
/// 429 after too many tries.
pub fn sign_in(req: &Request, form: &Form) -> Result<Option<Account>> {
    let alias = form.get("alias").unwrap_or_default().trim().to_lowercase();
    let account =
        accounts::by_alias(&req.db(), &alias)?.filter(|account| account.status == "active");
    let hash = account
        .as_ref()
        .and_then(|account| account.password.as_deref());
    let login = req.check_login(&alias, form.get("password").unwrap_or_default(), hash)?;
    let Some(account) = account.filter(|_| login.ok) else {
        return Ok(None);
    };
    if let Some(hash) = login.new_hash {
        accounts::set_password(&req.db(), account.id, &hash, account.must_change)?;
    }
    req.session().sign_in(&account.id.to_string())?;
    Ok(Some(account))
}
