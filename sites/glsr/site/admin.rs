//! The pages of administrators: figures, accounts, limits, errors, sessions.

use harmonious::Db;
use harmonious::prelude::*;

use crate::fields::Fields;
use crate::model::{Account, Entry, Me, Role, Roles, Wrong};
use crate::start::SITE_ALIAS;
use crate::store::{accounts, scripts, settings, stats, talk};
use crate::{forms, moderation, reset, rules, view, who};

/// Days of which downloads are shown.
const DAYS: i64 = 30;
/// Characters of a reason.
const REASON_MAX: usize = 2_000;
/// The highest limit that can be set.
const LIMIT_MAX: i64 = 100_000;
/// Characters of what is looked for among accounts.
const WORDS_MAX: usize = 80;

/// A day and its downloads.
#[derive(Serialize)]
struct Day {
    /// Seconds since 1970.
    at: i64,
    n: i64,
}

/// Figures of the site.
pub fn figures(req: &Request) -> Result<Response> {
    let db = req.db();
    let day = |(day, n)| Day {
        at: day * 86_400,
        n,
    };
    let days: Vec<Day> = stats::all_downloads(&db, DAYS)?
        .into_iter()
        .map(day)
        .collect();
    let most = days.iter().map(|day| day.n).max().unwrap_or_default();
    req.render(
        "index.html",
        context! {
            stats => stats::site(&db)?,
            sessions => req.session().count()?,
            size => db.size()?,
            backend => db.backend()?.name(),
            errors => req.errors()?.len(),
            days,
            // A meter has a range.
            most => most.max(1)
        },
    )
}

/// Accounts by what is typed of an alias or a name.
pub fn accounts(req: &Request) -> Result<Response> {
    let words = words(req);
    let page = accounts::members(&req.db(), &words, true, view::page(req))?;
    let has: Vec<Vec<Role>> = page.items.iter().map(|one| granted(one.roles)).collect();
    let link = crate::pages::link(req);
    req.render("index.html", context! { typed => words, page, has, link })
}

/// One account.
pub fn account(req: &Request) -> Result<Response> {
    account_page(req, &asked(req)?, &Typed::default(), &[])
}

/// Does something about an account: `act` is `roles`, `block`, `unblock`, `reset`, `sessions` or `remove`.
pub fn change_account(req: &Request) -> Result<Response> {
    let (me, account) = (who::must(req, Role::Admin)?, asked(req)?);
    let form = req.form()?;
    let act = form.text("act")?;
    let mut fields = Fields::new(&form);
    let mut typed = Typed {
        act: act.to_owned(),
        reason: fields.raw("reason").to_owned(),
        ..Typed::default()
    };
    let page = format!("/admin/accounts/{}", account.id);
    let (wrong, flash) = match act {
        "roles" => {
            typed.roles = Some(chosen(&form));
            (change_roles(req, &me, &account, &mut fields)?, "roles-set")
        }
        "block" | "unblock" => (
            block(req, &me, &account, &mut fields, act)?,
            if act == "block" {
                "blocked"
            } else {
                "unblocked"
            },
        ),
        "sessions" => {
            sign_out(req, &me, &account)?;
            (Vec::new(), "account-signed-out")
        }
        "reset" => return give_link(req, &me, &account, typed),
        "remove" => (remove(req, &me, &account, &mut fields)?, "taken-down"),
        _ => return Err(Error::bad_request(req.t("review.act", context! {}))),
    };
    match wrong.is_empty() {
        true => forms::done(req, flash, &page),
        false => account_page(req, &account, &typed, &wrong),
    }
}

/// Limits of accounts that are not established.
pub fn limits(req: &Request) -> Result<Response> {
    let db = req.db();
    let mut typed = Context::new();
    for (setting, usual, _) in who::LIMITS {
        let value: i64 = settings::get_or(&db, setting, usual)?;
        typed.insert(field(setting), &value);
    }
    limits_page(req, typed, &[])
}

/// Sets them.
pub fn set_limits(req: &Request) -> Result<Response> {
    let me = who::must(req, Role::Admin)?;
    let form = req.form()?;
    let mut fields = Fields::new(&form);
    let values = who::LIMITS.map(|(setting, ..)| fields.number(field(setting), 0, LIMIT_MAX));
    if !fields.wrong.is_empty() {
        let mut typed = Context::new();
        for (setting, ..) in who::LIMITS {
            typed.insert(field(setting), fields.raw(field(setting)));
        }
        return limits_page(req, typed, &fields.wrong);
    }
    req.db().transaction(|tx| {
        let mut said = Vec::new();
        for ((setting, usual, _), value) in who::LIMITS.iter().zip(values) {
            if settings::get_or(&tx, setting, *usual)? != value {
                settings::set(&tx, setting, &value.to_string())?;
                said.push(format!("{} {value}", field(setting)));
            }
        }
        if said.is_empty() {
            return Ok(());
        }
        let entry = Entry {
            actor: Some((me.id, &me.alias)),
            action: "limits",
            subject: &said.join(", "),
            ..Entry::default()
        };
        talk::log(&tx, &entry)
    })?;
    forms::done(req, "staff-saved", "/admin/limits")
}

/// The last errors that were the server's or a module's.
pub fn errors(req: &Request) -> Result<Response> {
    #[derive(Serialize)]
    struct Shown {
        at: u64,
        fault: harmonious::Fault,
    }
    let shown = |fault: harmonious::Fault| Shown {
        at: fault.at_ms / 1_000,
        fault,
    };
    let errors: Vec<Shown> = req.errors()?.into_iter().map(shown).collect();
    req.render("errors.html", context! { errors })
}

/// How many sessions are alive, and whose.
pub fn online(req: &Request) -> Result<Response> {
    #[derive(Serialize)]
    struct Shown {
        id: i64,
        alias: String,
        sessions: usize,
        /// When the one that was used last was used.
        seen: Option<u64>,
    }
    let words = words(req);
    let page = accounts::members(&req.db(), &words, false, view::page(req))?;
    let mut shown = Vec::new();
    for one in &page.items {
        let open = req.session().of(&one.id.to_string())?;
        if !open.is_empty() {
            let seen = open.iter().map(|one| one.seen_ms / 1_000).max();
            shown.push(Shown {
                id: one.id,
                alias: one.alias.clone(),
                sessions: open.len(),
                seen,
            });
        }
    }
    shown.sort_by_key(|one| std::cmp::Reverse(one.seen));
    let (count, link) = (req.session().count()?, crate::pages::link(req));
    req.render(
        "online.html",
        context! { typed => words, page, shown, count, link },
    )
}

/// Ends all sessions of an account: the field `account`.
pub fn end_sessions(req: &Request) -> Result<Response> {
    let me = who::must(req, Role::Admin)?;
    let id: i64 = req.form()?.parse("account")?;
    let account = accounts::by_id(&req.db(), id)?.or_404()?;
    sign_out(req, &me, &account)?;
    forms::done(req, "account-signed-out", "/admin/online")
}

/// Signs somebody out everywhere; programs with his tokens as well.
fn sign_out(req: &Request, me: &Me, account: &Account) -> Result<()> {
    req.session().end_all(&account.id.to_string())?;
    req.db().transaction(|tx| {
        accounts::revoke_tokens(&tx, account.id)?;
        log(&tx, me, "sessions", account, "")
    })
}

/// What was typed into the forms of an account.
#[derive(Clone, Debug, Default, Serialize)]
struct Typed {
    act: String,
    reason: String,
    roles: Option<Vec<Role>>,
    /// A link that was just made; it is shown once.
    link: String,
}

fn account_page(
    req: &Request,
    account: &Account,
    typed: &Typed,
    wrong: &[Wrong],
) -> Result<Response> {
    #[derive(Serialize)]
    struct Open {
        seen: u64,
        created: u64,
        agent: String,
        address: String,
    }
    let db = req.db();
    let open: Vec<Open> = req
        .session()
        .of(&account.id.to_string())?
        .into_iter()
        .map(|one| Open {
            seen: one.seen_ms / 1_000,
            created: one.created_ms / 1_000,
            agent: one.user_agent,
            address: one.address,
        })
        .collect();
    let has = granted(account.roles);
    req.provide("account", account)?;
    req.provide("may_sign_in", &(account.alias != SITE_ALIAS))?;
    req.provide("has", typed.roles.as_ref().unwrap_or(&has))?;
    req.provide("roles", &Role::GRANTED)?;
    req.provide("sessions", &open)?;
    req.provide("scripts", &scripts::maintained(&db, account.id)?)?;
    forms::again(req, "[id=u64].html", typed, wrong)
}

/// Sets the roles that were chosen, if the password is right and an administrator remains.
fn change_roles(
    req: &Request,
    me: &Me,
    account: &Account,
    fields: &mut Fields<'_>,
) -> Result<Vec<Wrong>> {
    let form = req.form()?;
    let bits: i64 = chosen(&form).iter().map(|role| role.bit()).sum();
    let mut wrong: Vec<Wrong> = confirmed(req, me, fields.raw("password"))?
        .into_iter()
        .collect();
    if wrong.is_empty() && bits != account.roles.0 {
        let done = req.db().transaction(|tx| {
            keep(accounts::set_roles(&tx, account.id, bits)?)?;
            log(&tx, me, "roles", account, &names(Roles(bits)))
        });
        wrong.extend(last(done, "roles")?);
    }
    Ok(wrong)
}

/// Blocks an account with a reason for all and ends its sessions, or lets it in again.
fn block(
    req: &Request,
    me: &Me,
    account: &Account,
    fields: &mut Fields<'_>,
    act: &str,
) -> Result<Vec<Wrong>> {
    let blocked = act == "block";
    let reason = fields.lines("reason", REASON_MAX);
    let reason = if blocked {
        fields.needed("reason", reason)
    } else {
        reason
    };
    fields
        .wrong
        .extend(confirmed(req, me, fields.raw("password"))?);
    if account.id == me.id {
        fields.wrong.push(Wrong::new("reason", "yourself"));
    }
    let mut wrong = std::mem::take(&mut fields.wrong);
    if wrong.is_empty() {
        let done = req.db().transaction(|tx| {
            keep(accounts::block(&tx, account.id, blocked)?)?;
            log(&tx, me, act, account, &reason)
        });
        wrong.extend(last(done, "reason")?);
    }
    if wrong.is_empty() && blocked {
        req.session().end_all(&account.id.to_string())?;
    }
    Ok(wrong)
}

/// Makes a link that sets a new password; whoever sees this page has it, nobody sees it again.
fn give_link(req: &Request, me: &Me, account: &Account, mut typed: Typed) -> Result<Response> {
    if account.status != "active" || account.alias == SITE_ALIAS {
        return Err(Error::conflict(req.t("admin.no-link", context! {})));
    }
    let form = req.form()?;
    let mut wrong = Vec::new();
    match confirmed(req, me, form.get("password").unwrap_or_default())? {
        Some(one) => wrong.push(one),
        None => {
            log(&req.db(), me, "reset", account, "")?;
            typed.link = reset::link(req, account)?;
        }
    }
    account_page(req, account, &typed, &wrong)
}

/// Takes a script of the account down.
fn remove(
    req: &Request,
    me: &Me,
    account: &Account,
    fields: &mut Fields<'_>,
) -> Result<Vec<Wrong>> {
    let reason = fields.lines("reason", REASON_MAX);
    let reason = fields.needed("reason", reason);
    let script = scripts::head(&req.db(), fields.raw("script"))?.or_404()?;
    if !scripts::maintained_by(&req.db(), &script, account.id)? {
        return Err(Error::not_found(""));
    }
    let wrong = std::mem::take(&mut fields.wrong);
    if wrong.is_empty() {
        moderation::take_down(req, me, &script, None, &reason)?;
    }
    Ok(wrong)
}

/// What is wrong with the administrator's own password, which some steps ask for again.
fn confirmed(req: &Request, me: &Me, password: &str) -> Result<Option<Wrong>> {
    let own = accounts::by_id(&req.db(), me.id)?.or_404()?;
    let login = req.check_login(&me.alias, password, own.password.as_deref())?;
    Ok((!login.ok).then_some(Wrong::new("password", "password_again")))
}

/// Undoes a transaction that would leave nobody to administrate the site.
fn keep(remains: bool) -> Result<()> {
    match remains {
        true => Ok(()),
        false => Err(Error::conflict("")),
    }
}

/// That as a message beside a field.
fn last(done: Result<()>, field: &'static str) -> Result<Option<Wrong>> {
    match done {
        Err(error) if error.status() == 409 => Ok(Some(Wrong::new(field, "admin_last"))),
        done => done.map(|()| None),
    }
}

fn limits_page(req: &Request, typed: Context, wrong: &[Wrong]) -> Result<Response> {
    let fields = who::LIMITS.map(|(setting, ..)| field(setting));
    req.provide("fields", &fields)?;
    req.provide("most", &LIMIT_MAX)?;
    forms::again(req, "limits.html", typed, wrong)
}

/// The name of a limit's field: what stands behind the dot.
fn field(setting: &'static str) -> &'static str {
    setting.split_once('.').map_or(setting, |(_, name)| name)
}

/// The roles that are ticked.
fn chosen(form: &Form) -> Vec<Role> {
    let name = |role: &Role| names(Roles(role.bit()));
    let ticked = |role: &Role| form.all("role").any(|typed| typed == name(role));
    Role::GRANTED.into_iter().filter(ticked).collect()
}

/// Roles by their names, as the log has them.
fn names(roles: Roles) -> String {
    let name = |role| match role {
        Role::Member => "member",
        Role::Reviewer => "reviewer",
        Role::Editor => "editor",
        Role::Admin => "admin",
    };
    let all: Vec<&str> = granted(roles).into_iter().map(name).collect();
    match all.is_empty() {
        true => "member".to_owned(),
        false => all.join(", "),
    }
}

/// Roles one by one.
fn granted(roles: Roles) -> Vec<Role> {
    let has = |role: &Role| roles.has(*role);
    Role::GRANTED.into_iter().filter(has).collect()
}

/// What is looked for.
fn words(req: &Request) -> String {
    let typed = rules::tidy(&req.query("q").unwrap_or_default()).replace('\0', "");
    typed.chars().take(WORDS_MAX).collect()
}

/// The account that the path names; one that is gone is nobody's any more.
fn asked(req: &Request) -> Result<Account> {
    let account = accounts::by_id(&req.db(), req.param_as("id")?)?;
    account.filter(|account| account.status != "gone").or_404()
}

fn log(db: &Db<'_>, me: &Me, action: &str, account: &Account, reason: &str) -> Result<()> {
    let entry = Entry {
        actor: Some((me.id, &me.alias)),
        action,
        account: Some(account.id),
        subject: &account.alias,
        reason,
        ..Entry::default()
    };
    talk::log(db, &entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_roles() {
        assert_eq!(names(Roles(0)), "member");
        assert_eq!(names(Roles(5)), "reviewer, admin");
        assert_eq!(names(Roles::ALL), "reviewer, editor, admin");
        assert_eq!(field("limit.flags-day"), "flags-day");
    }
}
