//! What the attributes call: each kind of entry from the host's frame to the author's function and
//! back, as a number of the contract.

use std::io::Write;

use harmonious_abi::{Frame, returned};
use serde::Serialize;

use crate::call;
use crate::error::{Error, Result};
use crate::ffi::{self, Failed, Link};
use crate::flow::{Flow, IntoFlow};
use crate::instance;
use crate::page_error::PageError;
use crate::request::Request;
use crate::response::{Body, Response, Stage};

/// A function for methods.
pub fn handler(frame: &Frame, run: fn(&Request) -> Result<Response>) -> i32 {
    shim(frame, |req| match run(req) {
        Ok(mut response) => respond(req.link(), &mut response),
        Err(error) if error.declines() => Ok(returned::DECLINED),
        Err(error) => Err(error),
    })
}

/// A guard.
pub fn guard(frame: &Frame, run: fn(&Request) -> Result<()>) -> i32 {
    shim(frame, |req| run(req).map(|()| returned::CONTINUE))
}

/// A `before`.
pub fn before<T: IntoFlow>(frame: &Frame, run: fn(&Request) -> Result<T>) -> i32 {
    shim(frame, |req| match run(req)?.into_flow() {
        Flow::Continue => Ok(returned::CONTINUE),
        Flow::Respond(mut response) => respond(req.link(), &mut response),
    })
}

/// An `after`.
pub fn after(frame: &Frame, run: fn(&Request, &mut Response) -> Result<()>) -> i32 {
    shim(frame, |req| {
        let mut response = shown(req.link());
        run(req, &mut response)?;
        match response.stage {
            Stage::Shown => Ok(returned::CONTINUE),
            Stage::Own | Stage::Edited => respond(req.link(), &mut response),
        }
    })
}

/// An exported function; `run` reads its arguments from the bytes.
pub fn export<T: Serialize>(frame: &Frame, run: fn(&Request, &[u8]) -> Result<T>) -> i32 {
    shim(frame, |req| {
        let value = run(req, req.link().argument())?;
        let bytes = rmp_serde::to_vec_named(&value).map_err(|error| {
            Error::from(error).with_detail("the value that an export returned cannot be sent")
        })?;
        req.link().reply(&bytes);
        Ok(returned::REPLIED)
    })
}

/// A function that shows an error.
pub fn error_page(frame: &Frame, run: fn(&Request, &PageError) -> Result<Response>) -> i32 {
    shim(frame, |req| {
        let error = PageError::read(req.link());
        let mut response = run(req, &error)?;
        respond(req.link(), &mut response)
    })
}

/// A task; its arguments come as an array of texts.
pub fn task(frame: &Frame, run: fn(&Request, &[String]) -> Result<()>) -> i32 {
    let code = shim(frame, |req| {
        let args: Vec<String> = call::arguments(req.link().argument(), "a task")?;
        run(req, &args).map(|()| returned::CONTINUE)
    });
    // Nothing else does: the process knows the buffer of its own standard library only. Whether somebody
    // reads is not the task's business.
    let _ = std::io::stdout().flush();
    code
}

/// Values of sessions go: see [`harmonious_abi::Module::dispose`].
pub fn dispose(frame: &Frame) -> i32 {
    shim(frame, |req| {
        instance::dispose(req, req.link().argument())?;
        Ok(returned::CONTINUE)
    })
}

/// Nothing leaves it but the number; errors and panics are told to the host.
fn shim(frame: &Frame, run: impl FnOnce(&Request) -> Result<i32>) -> i32 {
    let ended = ffi::enter(frame, Request::new, |req| {
        run(req).unwrap_or_else(|error| {
            fail(req.link(), &error);
            returned::FAILED
        })
    });
    ended.unwrap_or_else(|panic| {
        ffi::fail_with_panic(frame, &panic);
        returned::PANICKED
    })
}

fn respond(link: &Link, response: &mut Response) -> Result<i32> {
    response.check()?;
    link.respond(response);
    Ok(returned::RESPONDED)
}

fn fail(link: &Link, error: &Error) {
    link.fail(&Failed {
        status: error.status(),
        title: error.title(),
        detail: error.detail(),
        file: error.place().file(),
        line: error.place().line(),
        backtrace: "",
        headers: error.headers(),
    });
}

/// The response as the host shows it to an `after`.
fn shown(link: &Link) -> Response {
    let mut response = Response::new(Body::Keep);
    response.stage = Stage::Shown;
    response.status = link.answer_status().unwrap_or(response.status);
    response.shown_status = response.status;
    for (name, value) in link.answer_headers() {
        response.headers.push_shown(name, value);
    }
    response
}
