//! Accounts, their keys, tokens and limits.

use harmonious::Db;
use harmonious::prelude::*;

use super::{literal, now, number, scripts, search, settings, window};
use crate::model::{Account, Me, Member, NewAccount, Page, Scopes, SigningKey, Token};

/// Members that a page shows.
pub const MEMBERS: u32 = 50;

/// Published versions and seconds since the account was made, from which on it is established.
const ESTABLISHED_VERSIONS: i64 = 3;
const ESTABLISHED_S: i64 = 14 * 86_400;

const ACCOUNT: &str = "SELECT id, alias, name, email, password, roles, status, must_change, about, website, lang, \
    created_at, seen_at FROM accounts ";

/// What becomes of the scripts of an account that is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    /// They stay; a co-maintainer becomes the owner.
    Stay,
    /// They are withdrawn, drafts are deleted.
    Go,
}

/// Whoever is signed in under that key; None if the account is blocked or gone.
pub fn me(db: &Db<'_>, id: i64) -> Result<Option<Me>> {
    let sql = "SELECT a.id, a.alias, a.name, a.roles, a.must_change, a.created_at, a.seen_at, \
               CASE WHEN a.created_at < ? AND EXISTS (SELECT 1 FROM versions v WHERE v.author_id = a.id \
               AND v.status = 'published' LIMIT 1 OFFSET ?) THEN 1 ELSE 0 END AS established \
               FROM accounts a WHERE a.id = ? AND a.status = 'active'";
    let old = now() - ESTABLISHED_S;
    let row = db.query_one(
        sql,
        &[old.into(), (ESTABLISHED_VERSIONS - 1).into(), id.into()],
    )?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Me {
        id: row.get("id")?,
        alias: row.get("alias")?,
        name: row.get("name")?,
        roles: crate::model::Roles(row.get("roles")?),
        established: row.get("established")?,
        must_change: row.get("must_change")?,
        created_at: row.get("created_at")?,
        seen_at: row.get("seen_at")?,
    }))
}

/// By alias, whatever its status.
pub fn by_alias(db: &Db<'_>, alias: &str) -> Result<Option<Account>> {
    if !super::can_be(alias) {
        return Ok(None);
    }
    let row = db.query_one(&format!("{ACCOUNT} WHERE alias = ?"), &[alias.into()])?;
    row.map(harmonious::Row::into).transpose()
}

/// By key, whatever its status.
pub fn by_id(db: &Db<'_>, id: i64) -> Result<Option<Account>> {
    let row = db.query_one(&format!("{ACCOUNT} WHERE id = ?"), &[id.into()])?;
    row.map(harmonious::Row::into).transpose()
}

/// Makes one. An alias or address that is taken is an error of the kind `unique`.
pub fn create(db: &Db<'_>, new: &NewAccount<'_>) -> Result<i64> {
    let sql = "INSERT INTO accounts (alias, name, email, password, roles, must_change, lang, address, created_at) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    db.insert(
        sql,
        &[
            new.alias.into(),
            new.name.into(),
            scripts::filled(new.email),
            new.password.into(),
            new.roles.into(),
            new.must_change.into(),
            scripts::filled(new.lang),
            scripts::filled(new.address),
            now().into(),
        ],
    )
}

/// What its owner says about himself. An address that is taken is an error of the kind `unique`.
pub fn describe(
    db: &Db<'_>,
    id: i64,
    name: &str,
    email: &str,
    about: &str,
    website: &str,
) -> Result<()> {
    // The name stands in lists.
    settings::touch(db)?;
    let sql = "UPDATE accounts SET name = ?, email = ?, about = ?, website = ? WHERE id = ?";
    let values = [
        name.into(),
        scripts::filled(email),
        about.into(),
        scripts::filled(website),
        id.into(),
    ];
    db.execute(sql, &values)?;
    let sql = "UPDATE scripts SET stamp = stamp + 1, owner_name = ? WHERE owner_id = ?";
    db.execute(sql, &[name.into(), id.into()])?;
    Ok(())
}

/// The language that pages come in for him.
pub fn set_language(db: &Db<'_>, id: i64, lang: &str) -> Result<()> {
    db.execute(
        "UPDATE accounts SET lang = ? WHERE id = ?",
        &[scripts::filled(lang), id.into()],
    )?;
    Ok(())
}

/// Sets the hash of the password; `must_change` when somebody else chose it.
pub fn set_password(db: &Db<'_>, id: i64, hash: &str, must_change: bool) -> Result<()> {
    let sql = "UPDATE accounts SET password = ?, must_change = ? WHERE id = ?";
    db.execute(sql, &[hash.into(), must_change.into(), id.into()])?;
    Ok(())
}

/// Sets the hash of the password if it is still the one that was; whether it was.
pub fn replace_password(db: &Db<'_>, account: &Account, hash: &str) -> Result<bool> {
    let was = match &account.password {
        Some(_) => "password = ?",
        None => "password IS NULL",
    };
    let sql = format!("UPDATE accounts SET password = ?, must_change = ? WHERE id = ? AND {was}");
    let mut values = vec![hash.into(), false.into(), account.id.into()];
    values.extend(account.password.as_deref().map(Into::into));
    Ok(db.execute(&sql, &values)? == 1)
}

/// Notices up to now were seen; the address of the last visit, which `upkeep` forgets.
pub fn seen(db: &Db<'_>, id: i64, address: &str) -> Result<()> {
    let sql = "UPDATE accounts SET seen_at = ?, address = ? WHERE id = ?";
    db.execute(sql, &[now().into(), scripts::filled(address), id.into()])?;
    Ok(())
}

/// Forgets the addresses of those who were not here since then.
pub fn forget_addresses(db: &Db<'_>, since: i64) -> Result<()> {
    let sql = "UPDATE accounts SET address = NULL WHERE address IS NOT NULL AND COALESCE(seen_at, created_at) < ?";
    db.execute(sql, &[since.into()])?;
    Ok(())
}

/// Sets its roles; in a transaction. False if the last administrator would be none any more.
pub fn set_roles(db: &Db<'_>, id: i64, roles: i64) -> Result<bool> {
    settings::touch(db)?;
    db.execute(
        "UPDATE accounts SET roles = ? WHERE id = ?",
        &[roles.into(), id.into()],
    )?;
    has_admin(db)
}

/// Blocks it, or lets it in again; in a transaction. False if the last administrator would be blocked.
pub fn block(db: &Db<'_>, id: i64, blocked: bool) -> Result<bool> {
    settings::touch(db)?;
    let status = if blocked { "blocked" } else { "active" };
    let sql = "UPDATE accounts SET status = ? WHERE id = ? AND status <> 'gone'";
    db.execute(sql, &[status.into(), id.into()])?;
    has_admin(db)
}

/// Whether somebody administrates the site. Two that are taken away at a time wait for each other at the stamp.
fn has_admin(db: &Db<'_>) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS n FROM accounts WHERE status = 'active' AND password IS NOT NULL AND roles >= 4";
    Ok(number(db, sql, &[])? > 0)
}

/// Deletes it: who it was is forgotten, the alias is never free again. In a transaction. False if it is the last
/// administrator.
pub fn delete(db: &Db<'_>, id: i64, which: Scripts, keep_name: bool) -> Result<bool> {
    settings::touch(db)?;
    let name = match keep_name {
        true => by_id(db, id)?.or_404()?.name,
        false => String::new(),
    };
    for script in scripts::maintained(db, id)? {
        if script.owner_id != Some(id) {
            scripts::leave(db, script.id, id)?;
            continue;
        }
        match (
            which,
            scripts::maintainers(db, script.id)?
                .first()
                .and_then(|heir| heir.id),
        ) {
            (Scripts::Stay, Some(heir)) => {
                scripts::hand_over(db, &script, heir)?;
                scripts::leave(db, script.id, id)?;
            }
            (Scripts::Go, _) if script.status == crate::model::Status::Published => {
                scripts::withdraw(db, id, script.id, "")?;
            }
            _ => {}
        }
    }
    let me = [id.into()];
    let of_name = [(&name).into(), id.into()];
    let own = match which {
        Scripts::Stay => "author_id = ? AND status = 'draft'",
        Scripts::Go => {
            "number IS NULL AND script_id IN (SELECT id FROM scripts WHERE owner_id = ?)"
        }
    };
    db.execute(&format!("DELETE FROM versions WHERE {own}"), &me)?;
    let fresh = "DELETE FROM scripts WHERE owner_id = ? AND status = 'fresh' \
                 AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.script_id = scripts.id)";
    db.execute(fresh, &me)?;
    let left = "SELECT id FROM scripts WHERE owner_id = ? ORDER BY id";
    let left: Vec<i64> = db
        .query(left, &me)?
        .iter()
        .map(|row| row.get("id"))
        .collect::<Result<_>>()?;
    let sql =
        "UPDATE scripts SET owner_id = NULL, owner_name = ?, stamp = stamp + 1 WHERE owner_id = ?";
    db.execute(sql, &of_name)?;
    for script in left {
        // Searches for the alias find it no more.
        search::put(db, script)?;
    }
    db.execute(
        "UPDATE versions SET author_id = NULL, author_name = ? WHERE author_id = ?",
        &of_name,
    )?;
    db.execute(
        "UPDATE comments SET account_id = NULL, author_name = '' WHERE account_id = ?",
        &me,
    )?;
    let rated = "SELECT script_id AS id FROM ratings WHERE account_id = ? ORDER BY script_id";
    for row in &db.query(rated, &me)? {
        super::talk::rate(db, row.get("id")?, id, 0)?;
    }
    for table in ["signing_keys", "tokens", "maintainers"] {
        db.execute(&format!("DELETE FROM {table} WHERE account_id = ?"), &me)?;
    }
    let sql = "UPDATE accounts SET status = 'gone', name = '', email = NULL, password = NULL, roles = 0, about = '', \
               website = NULL, address = NULL, seen_at = NULL WHERE id = ?";
    db.execute(sql, &me)?;
    has_admin(db)
}

/// A page of members, those with scripts first; `typed` is part of an alias or name. Staff sees all states.
pub fn members(db: &Db<'_>, typed: &str, all: bool, page: u32) -> Result<Page<Member>> {
    let which = if all { "" } else { "AND a.status = 'active'" };
    let sql = format!(
        "SELECT a.id, a.alias, a.name, a.roles, a.status, a.created_at, COUNT(s.id) AS scripts FROM accounts a \
         LEFT JOIN scripts s ON s.owner_id = a.id AND s.status = 'published' \
         WHERE (LOWER(a.alias) LIKE ? ESCAPE '!' OR LOWER(a.name) LIKE ? ESCAPE '!') {which} \
         GROUP BY a.id, a.alias, a.name, a.roles, a.status, a.created_at \
         ORDER BY COUNT(s.id) DESC, a.alias LIMIT ? OFFSET ?"
    );
    let pattern = format!("%{}%", literal(&typed.trim().to_lowercase()));
    let mut values = vec![(&pattern).into(), (&pattern).into()];
    values.extend(window(page, MEMBERS));
    Ok(Page::cut(db.query(&sql, &values)?.into()?, page, MEMBERS))
}

/// The keys of an account, the newest first, revoked ones too.
pub fn keys(db: &Db<'_>, account: i64) -> Result<Vec<SigningKey>> {
    let sql = "SELECT id, account_id, key_id, public_key, label, created_at, revoked_at FROM signing_keys \
               WHERE account_id = ? ORDER BY created_at DESC, id DESC";
    db.query(sql, &[account.into()])?.into()
}

/// Of keys `k`, those of a script's owner and maintainers; takes its key twice.
const OF_MAINTAINERS: &str = "(k.account_id = (SELECT s.owner_id FROM scripts s WHERE s.id = ?) OR k.account_id IN \
    (SELECT m.account_id FROM maintainers m WHERE m.script_id = ? AND m.accepted_at IS NOT NULL))";

/// The keys that signatures of a script are verified with: those of its maintainers that are not revoked.
pub fn keys_for(db: &Db<'_>, script: i64) -> Result<Vec<SigningKey>> {
    let sql = format!(
        "SELECT k.id, k.account_id, k.key_id, k.public_key, k.label, k.created_at, k.revoked_at \
         FROM signing_keys k JOIN accounts a ON a.id = k.account_id AND a.status = 'active' \
         WHERE k.revoked_at IS NULL AND {OF_MAINTAINERS} ORDER BY k.created_at DESC, k.id DESC"
    );
    db.query(&sql, &[script.into(), script.into()])?.into()
}

/// Whether a key of that id was one of a script's maintainers', and is revoked.
pub fn is_revoked(db: &Db<'_>, script: i64, key_id: &str) -> Result<bool> {
    has_revoked(db, script, "k.key_id = ?", key_id)
}

/// The same of a public key.
pub fn is_key_revoked(db: &Db<'_>, script: i64, public: &str) -> Result<bool> {
    has_revoked(db, script, "k.public_key = ?", public)
}

fn has_revoked(db: &Db<'_>, script: i64, which: &str, value: &str) -> Result<bool> {
    let sql = format!(
        "SELECT COUNT(*) AS n FROM signing_keys k WHERE {which} AND k.revoked_at IS NOT NULL AND {OF_MAINTAINERS}"
    );
    Ok(number(db, &sql, &[value.into(), script.into(), script.into()])? > 0)
}

/// Adds a key. One that is there already is an error of the kind `unique`.
pub fn add_key(
    db: &Db<'_>,
    account: i64,
    key_id: &str,
    public_key: &str,
    label: &str,
) -> Result<i64> {
    let sql = "INSERT INTO signing_keys (account_id, key_id, public_key, label, created_at) VALUES (?, ?, ?, ?, ?)";
    db.insert(
        sql,
        &[
            account.into(),
            key_id.into(),
            public_key.into(),
            label.into(),
            now().into(),
        ],
    )
}

/// Revokes a key for good, whether there was one; in a transaction. Pages of what it signed say so.
pub fn revoke_key(db: &Db<'_>, account: i64, id: i64) -> Result<bool> {
    settings::touch(db)?;
    let signed = "SELECT DISTINCT v.script_id AS id FROM versions v JOIN signing_keys k ON k.public_key = v.signing_key \
                  WHERE k.id = ? AND k.account_id = ? ORDER BY v.script_id";
    for row in &db.query(signed, &[id.into(), account.into()])? {
        scripts::touch(db, row.get("id")?)?;
    }
    let sql = "UPDATE signing_keys SET revoked_at = ? WHERE id = ? AND account_id = ? AND revoked_at IS NULL";
    Ok(db.execute(sql, &[now().into(), id.into(), account.into()])? == 1)
}

/// The tokens of an account, the newest first.
pub fn tokens(db: &Db<'_>, account: i64) -> Result<Vec<Token>> {
    let sql = "SELECT id, label, prefix, scopes, created_at, used_at, expires_at, revoked_at FROM tokens \
               WHERE account_id = ? ORDER BY id DESC";
    db.query(sql, &[account.into()])?.into()
}

/// Keeps the SHA-256 of a new token; the token itself is shown once.
pub fn add_token(
    db: &Db<'_>,
    account: i64,
    label: &str,
    hash: &str,
    prefix: &str,
    scopes: &str,
    expires_at: Option<i64>,
) -> Result<i64> {
    let sql = "INSERT INTO tokens (account_id, label, hash, prefix, scopes, created_at, expires_at) \
               VALUES (?, ?, ?, ?, ?, ?, ?)";
    db.insert(
        sql,
        &[
            account.into(),
            label.into(),
            hash.into(),
            prefix.into(),
            scopes.into(),
            now().into(),
            expires_at.into(),
        ],
    )
}

/// Revokes a token; whether there was one.
pub fn revoke_token(db: &Db<'_>, account: i64, id: i64) -> Result<bool> {
    let sql =
        "UPDATE tokens SET revoked_at = ? WHERE id = ? AND account_id = ? AND revoked_at IS NULL";
    Ok(db.execute(sql, &[now().into(), id.into(), account.into()])? == 1)
}

/// Revokes all tokens of an account.
pub fn revoke_tokens(db: &Db<'_>, account: i64) -> Result<()> {
    let sql = "UPDATE tokens SET revoked_at = ? WHERE account_id = ? AND revoked_at IS NULL";
    db.execute(sql, &[now().into(), account.into()]).map(drop)
}

/// Whose token has that hash, and what it is good for; None if it is revoked, over, or its account not active.
pub fn token_of(db: &Db<'_>, hash: &str) -> Result<Option<(Me, Scopes)>> {
    let sql = "SELECT account_id, scopes FROM tokens WHERE hash = ? AND revoked_at IS NULL \
               AND (expires_at IS NULL OR expires_at > ?)";
    let Some(row) = db.query_one(sql, &[hash.into(), now().into()])? else {
        return Ok(None);
    };
    let me = me(db, row.get("account_id")?)?;
    Ok(me.map(|me| (me, row.get("scopes").map(Scopes).unwrap_or_default())))
}

/// The statement that notes the use of a token, for `Db::soon`: its values are the moment and the hash.
pub const TOKEN_USED: &str = "UPDATE tokens SET used_at = ? WHERE hash = ?";

/// Submissions of an account since then.
pub fn submitted_since(db: &Db<'_>, account: i64, since: i64) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM versions WHERE author_id = ? AND submitted_at > ?";
    number(db, sql, &[account.into(), since.into()])
}
