//! The services `session.*`, and what templates are told of the session.

use harmonious_dispatcher::ServiceError;
use harmonious_session::{Handle, Session, TOKEN_FIELD};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};
use serde_json::{Value, json};

use super::exchange::{Refusal, SiteExchange, encode, failed, read};

#[derive(Deserialize)]
struct Key<'a> {
    key: &'a str,
}

#[derive(Deserialize)]
struct KeyValue<'a> {
    key: &'a str,
    #[serde(borrow)]
    value: &'a Bytes,
}

#[derive(Deserialize)]
struct User<'a> {
    user: &'a str,
}

#[derive(Deserialize)]
struct Flash<'a> {
    kind: &'a str,
    text: &'a str,
}

#[derive(Deserialize)]
struct HandleOf<'a> {
    handle: &'a str,
}

/// As the sdk's `OpenSession`.
#[derive(Serialize)]
struct Open {
    handle: String,
    is_this: bool,
    created_ms: u64,
    seen_ms: u64,
    user_agent: String,
    address: String,
}

/// Answers a message for the session.
pub fn answer(
    exchange: &SiteExchange<'_>,
    service: &str,
    message: &[u8],
) -> Result<Vec<u8>, Refusal> {
    // What is asked of any user needs no session of one's own: a request may belong to nobody.
    match service {
        "session.of" => {
            let User { user } = read(service, message)?;
            return Ok(encode(&of(exchange, user)?)?);
        }
        "session.end_all" => {
            let User { user } = read(service, message)?;
            return Ok(encode(&end_all(exchange, user)?)?);
        }
        "session.count" => return Ok(encode(&exchange.keeping.sessions()?.count()?)?),
        _ => {}
    }
    let session = exchange.session()?;
    let reply = match service {
        "session.get" => {
            let Key { key } = read(service, message)?;
            encode(&session.get(key)?.map(ByteBuf::from))
        }
        "session.set" => {
            let KeyValue { key, value } = read(service, message)?;
            encode(&session.set(key, value)?)
        }
        "session.remove" => {
            let Key { key } = read(service, message)?;
            encode(&session.remove(key)?)
        }
        "session.user" => encode(&session.user()?),
        "session.sign_in" => {
            let User { user } = read(service, message)?;
            encode(&session.set_user(Some(user))?)
        }
        "session.sign_out" => encode(&session.destroy()?),
        "session.renew" => encode(&session.renew()?),
        "session.flash" => {
            let Flash { kind, text } = read(service, message)?;
            encode(&session.flash(kind, text)?)
        }
        "session.csrf_token" => encode(&session.csrf_token()?),
        "session.all" => encode(&all(exchange, session)?),
        "session.revoke" => {
            let HandleOf { handle } = read(service, message)?;
            encode(&revoke(exchange, session, handle)?)
        }
        "session.revoke_others" => encode(&revoke_others(exchange, session)?),
        _ => Err(failed(format!("this server has no service {service:?}"))),
    };
    Ok(reply?)
}

/// What a template is told by that name.
pub fn tell(exchange: &SiteExchange<'_>, name: &str) -> Result<Value, ServiceError> {
    let told = exchange.look(|session| match name {
        "csrf_token" => session.csrf_token().map(Value::from),
        "csrf_field" => session.csrf_token().map(|token| {
            // The token's letters need no escaping.
            json!(format!(
                "<input type=\"hidden\" name=\"{TOKEN_FIELD}\" value=\"{token}\">"
            ))
        }),
        "flash" => session.take_flashes().map(|flashes| json!(flashes)),
        "user" => session.user().map(|user| json!(user)),
        _ => Ok(Value::Null),
    });
    Ok(told?)
}

fn all(exchange: &SiteExchange<'_>, session: &Session) -> Result<Vec<Open>, Refusal> {
    match session.user()? {
        Some(user) => of(exchange, &user),
        None => Ok(Vec::new()),
    }
}

/// What the session of this request is called, if it has one and is anybody's.
fn this(exchange: &SiteExchange<'_>) -> Result<Option<Handle>, Refusal> {
    match exchange.is_outside {
        true => Ok(None),
        false => Ok(exchange.session()?.handle()?),
    }
}

fn of(exchange: &SiteExchange<'_>, user: &str) -> Result<Vec<Open>, Refusal> {
    let this = this(exchange)?;
    let known = exchange.keeping.sessions()?.of_user(user)?;
    let open = known.into_iter().map(|info| Open {
        is_this: Some(info.handle) == this,
        handle: info.handle.to_string(),
        created_ms: info.created_ms,
        seen_ms: info.seen_ms,
        user_agent: info.user_agent,
        address: info.address,
    });
    Ok(open.collect())
}

/// The session of this request, if it is that user's, ends with the request, as by signing out: its cookie goes
/// too.
fn end_all(exchange: &SiteExchange<'_>, user: &str) -> Result<u64, Refusal> {
    let sessions = exchange.keeping.sessions()?;
    let mut own = None;
    if !exchange.is_outside {
        let session = exchange.session()?;
        if session.user()?.as_deref() == Some(user) {
            own = session.handle()?;
            session.destroy()?;
        }
    }
    let others = sessions.revoke_all(user, own.as_ref())?;
    Ok(others as u64 + u64::from(own.is_some()))
}

fn revoke(exchange: &SiteExchange<'_>, session: &Session, handle: &str) -> Result<bool, Refusal> {
    match (session.user()?, Handle::parse(handle)) {
        (Some(user), Some(handle)) => Ok(exchange.keeping.sessions()?.revoke(&user, &handle)?),
        _ => Ok(false),
    }
}

fn revoke_others(exchange: &SiteExchange<'_>, session: &Session) -> Result<u64, Refusal> {
    let Some(user) = session.user()? else {
        return Ok(0);
    };
    let this = session.handle()?;
    let ended = exchange
        .keeping
        .sessions()?
        .revoke_all(&user, this.as_ref())?;
    Ok(ended as u64)
}
