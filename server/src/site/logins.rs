//! The services for passwords, logins and sealed texts.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::exchange::{Refusal, SiteExchange, encode, failed, read};

#[derive(Deserialize)]
struct Password<'a> {
    password: &'a str,
}

#[derive(Deserialize)]
struct Login<'a> {
    account: &'a str,
    password: &'a str,
    hash: Option<&'a str>,
}

#[derive(Serialize)]
struct LoginReply {
    ok: bool,
    new_hash: Option<String>,
}

#[derive(Deserialize)]
struct Seal<'a> {
    name: &'a str,
    text: &'a str,
    life_s: u64,
}

/// Answers a message.
pub fn answer(
    exchange: &SiteExchange<'_>,
    service: &str,
    message: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let keeping = exchange.keeping;
    let reply = match service {
        "password.hash" => {
            let Password { password } = read(service, message)?;
            encode(&keeping.passwords()?.hash(password.as_bytes())?)
        }
        "login" => encode(&login(exchange, &read(service, message)?)?),
        "seal" => {
            let Seal { name, text, life_s } = read(service, message)?;
            let life = Duration::from_secs(life_s);
            let sealed = keeping
                .ring()?
                .seal(name, text.as_bytes(), life, &keeping.clock)?;
            encode(&sealed)
        }
        "unseal" => {
            let Seal { name, text, .. } = read(service, message)?;
            let opened = keeping.ring()?.open(name, text, &keeping.clock);
            encode(&opened.and_then(|bytes| String::from_utf8(bytes).ok()))
        }
        _ => Err(failed(format!("this server has no service {service:?}"))),
    };
    Ok(reply?)
}

/// Where failed logins of this visitor are counted, and whatever else is limited.
pub(super) fn address(exchange: &SiteExchange<'_>) -> IpAddr {
    let incoming = exchange.incoming;
    let (_, address) = exchange.keeping.client(incoming.peer, incoming.headers);
    // A Unix socket has no addresses: all who come through it count as one.
    address.parse().unwrap_or(Ipv4Addr::UNSPECIFIED.into())
}

fn login(exchange: &SiteExchange<'_>, login: &Login<'_>) -> Result<LoginReply, Refusal> {
    let keeping = exchange.keeping;
    let attempt = keeping.throttle.begin(login.account, address(exchange))?;
    let passwords = keeping.passwords()?;
    let verdict = match passwords.verify(login.hash, login.password.as_bytes()) {
        Ok(verdict) => verdict,
        // It was not looked at: that is no failed login.
        Err(error) => {
            attempt.cancelled();
            return Err(error.into());
        }
    };
    if !verdict.ok {
        return Ok(LoginReply {
            ok: false,
            new_hash: None,
        });
    }
    attempt.succeeded();
    let new_hash = match verdict.needs_rehash {
        true => Some(passwords.hash(login.password.as_bytes())?),
        false => None,
    };
    Ok(LoginReply { ok: true, new_hash })
}
