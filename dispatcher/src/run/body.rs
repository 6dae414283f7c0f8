//! From what a module answered to what the server sends.

use std::fs::File;
use std::path::Path;

use http::StatusCode;

use super::Failed;
use crate::ffi::{ModuleBody, ModuleEdits, ModuleResponse};
use crate::message::{Outgoing, OutgoingBody};

/// Changes a response as `after` wants it. Where that fails the response is not to be used any more.
pub(super) fn edit(
    outgoing: &mut Outgoing,
    edits: ModuleEdits,
    site: &Path,
) -> Result<(), Box<Failed>> {
    match edits.body {
        ModuleBody::Keep => {}
        body => outgoing.body = into_body(body, site)?,
    }
    outgoing.status = edits.status.unwrap_or(outgoing.status);
    for name in edits.removed {
        outgoing.headers.remove(name);
    }
    for (name, value) in edits.added {
        if outgoing.headers.try_append(name, value).is_err() {
            let detail = "an `after` adds more header fields than fit";
            return Err(Box::new(Failed::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                detail,
            )));
        }
    }
    Ok(())
}

/// What `after` made of a response: everything but the body, unless it gave a new one.
pub(super) fn replace(
    outgoing: &mut Outgoing,
    new: ModuleResponse,
    site: &Path,
) -> Result<(), Box<Failed>> {
    match new.body {
        ModuleBody::Keep => {}
        body => outgoing.body = into_body(body, site)?,
    }
    outgoing.status = new.status;
    outgoing.headers = new.headers;
    Ok(())
}

pub(super) fn into_outgoing(
    response: ModuleResponse,
    site: &Path,
) -> Result<Outgoing, Box<Failed>> {
    Ok(Outgoing {
        status: response.status,
        headers: response.headers,
        body: into_body(response.body, site)?,
        fault: None,
    })
}

/// A path below the site's folder cannot leave it, not by `..` and not by a symbolic link. An absolute
/// path is the module's own choice.
fn open(path: &Path, site: &Path) -> Result<File, Box<Failed>> {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    // Without `NONBLOCK` a named pipe would keep the worker until somebody writes to it.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened = match path.is_absolute() {
        true => openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)
            .map_err(std::io::Error::from),
        false => File::open(site).and_then(|site| {
            let below = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
            Ok(openat2(&site, path, flags, Mode::empty(), below)?)
        }),
    };
    let opened = opened
        .map(File::from)
        .and_then(|file| match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(std::io::Error::other("it is no regular file")),
        });
    opened.map_err(|error| {
        let detail = format!("the file {} cannot be sent: {error}", path.display());
        Box::new(Failed::new(StatusCode::INTERNAL_SERVER_ERROR, detail))
    })
}

fn into_body(body: ModuleBody, site: &Path) -> Result<OutgoingBody, Box<Failed>> {
    Ok(match body {
        ModuleBody::Empty | ModuleBody::Keep => OutgoingBody::Empty,
        ModuleBody::Bytes(bytes) => OutgoingBody::Bytes(bytes),
        ModuleBody::Stream(stream) => OutgoingBody::Stream(Box::new(stream)),
        ModuleBody::File(path) => OutgoingBody::File(open(&path, site)?, path),
    })
}
