//! `harmonious render`: one page on standard output, without a socket.

use std::io::{self, Write};

use harmonious_dispatcher::http::{HeaderMap, Method, StatusCode, header};
use harmonious_dispatcher::{Incoming, IncomingBody, Outgoing, OutgoingBody};

use crate::cli;
use crate::failure::Failure;
use crate::serve::built;
use crate::site::Site;

/// The number that the request has in logs and on error pages.
const ID: &str = "0000000000000000";

/// `harmonious render`: the body on standard output; what is wrong with it on standard error.
///
/// # Errors
/// The site cannot be served, the answer is an error, or standard output takes no more.
pub fn render(asked: &cli::Render) -> Result<(), Failure> {
    let site = Site::open(&asked.site, None, built)?;
    let Some(dispatcher) = &site.dispatcher else {
        return Err(Failure::Usage(format!(
            "SITE is {:?}: it has no folder domains/, so no pages",
            asked.site.display().to_string()
        )));
    };
    let (path, query) = match asked.path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (asked.path.as_str(), None),
    };
    let named = site.hosts.iter().find(|host| !host.starts_with('*'));
    let host = asked.host.as_ref().or(named);
    let mut outgoing = dispatcher.answer(&Incoming {
        method: &Method::GET,
        scheme: "http",
        host: host.map_or("localhost", String::as_str),
        path,
        query,
        headers: &accepting_pages(),
        peer: "127.0.0.1",
        id: ID,
        body: IncomingBody::Bytes(&[]),
    });
    explain(&outgoing, &asked.path);
    let out = &mut io::stdout().lock();
    let written = match asked.headers {
        true => head(&outgoing, out),
        false => Ok(()),
    };
    let body = std::mem::replace(&mut outgoing.body, OutgoingBody::Empty);
    let written = written.and_then(|()| write(body, out));
    let reader_is_gone = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    match written {
        Err(error) if !reader_is_gone(&error) => Err(Failure::Failed(error.to_string())),
        _ if outgoing.status.as_u16() >= 400 => Err(Failure::Failed(format!(
            "{} is answered {}",
            asked.path, outgoing.status
        ))),
        _ => Ok(()),
    }
}

fn accepting_pages() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let html = header::HeaderValue::from_static("text/html,*/*;q=0.8");
    headers.insert(header::ACCEPT, html);
    headers
}

/// What those who develop the site would see in the browser.
fn explain(outgoing: &Outgoing, path: &str) {
    let mut text = String::new();
    if let Some(location) = outgoing.headers.get(header::LOCATION) {
        let location = String::from_utf8_lossy(location.as_bytes());
        text.push_str(&format!(
            "{path} is answered {}, to {location}\n",
            outgoing.status
        ));
    }
    if let Some(fault) = &outgoing.fault
        && outgoing.status >= StatusCode::BAD_REQUEST
    {
        if !fault.module.is_empty() {
            text.push_str(&format!("in the module {}\n", fault.module));
        }
        text.push_str(fault.detail.trim_end());
        text.push('\n');
    }
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Status and header fields, as HTTP has them, and the empty line.
fn head(outgoing: &Outgoing, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", outgoing.status)?;
    for (name, value) in &outgoing.headers {
        writeln!(out, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
    }
    writeln!(out)
}

fn write(body: OutgoingBody, out: &mut impl Write) -> io::Result<()> {
    match body {
        OutgoingBody::Empty => {}
        OutgoingBody::Bytes(bytes) => out.write_all(&bytes)?,
        OutgoingBody::Stream(pieces) => {
            for piece in pieces {
                out.write_all(&piece?)?;
            }
        }
        OutgoingBody::File(mut file, _) => {
            io::copy(&mut file, out)?;
        }
    }
    out.flush()
}
