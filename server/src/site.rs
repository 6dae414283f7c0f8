//! The site: the files in the folder `static/` of its folder. The URL of a folder, which ends in `/`,
//! is that of the `index.html` in it.

use std::borrow::Cow;
use std::path::Path;

use harmonious_http::codec::{self, parse_head};
use harmonious_http::http::StatusCode;
use harmonious_http::{
    Handler, Head, Plan, Record, Request, Response, StaticConfig, StaticFiles, TryAnswer,
};

use crate::failure::Failure;
use crate::log::access;

/// The folder of files that are served as they are.
const STATIC: &str = "static";

/// The file that answers for its folder.
const INDEX: &str = "index.html";

/// Answers requests for a site.
pub struct Site {
    files: StaticFiles,
}

impl Site {
    /// The site in that folder.
    ///
    /// # Errors
    /// If there is no folder `static/` in it, or it cannot be read.
    pub fn open(dir: &Path) -> Result<Site, Failure> {
        let root = dir.join(STATIC);
        if !root.is_dir() {
            let dir = dir.display().to_string();
            return Err(Failure::Usage(format!(
                "DIR is {dir:?}: there is no folder static/ in it, and nothing else is served"
            )));
        }
        let config = StaticConfig {
            prefix: "/".to_owned(),
            ..StaticConfig::default()
        };
        let files = StaticFiles::open(&root, config);
        Ok(Site {
            files: files.map_err(|error| Failure::Usage(error.to_string()))?,
        })
    }
}

impl Handler for Site {
    fn plan(&self, head: &Head) -> Plan {
        match self.files.try_answer(&of_index(head)) {
            TryAnswer::Answer(response) => Plan::Answer(response),
            TryAnswer::NeedsWorker => Plan::Job {
                route: 0,
                body_max_bytes: Some(0),
            },
            TryAnswer::NotMine => Plan::Answer(Response::error(StatusCode::NOT_FOUND)),
        }
    }

    fn handle(&self, request: Request) -> Response {
        self.files.answer(&of_index(&request.head))
    }

    fn finished(&self, record: &Record<'_>) {
        access::log(record);
    }
}

/// The head with a folder's index as its target, if its target is a folder.
fn of_index(head: &Head) -> Cow<'_, Head> {
    let path = head.path();
    if !path.ends_with('/') {
        return Cow::Borrowed(head);
    }
    // A target is made by reading one: there is no other way to one that has passed the rules.
    let asked = format!("GET {path}{INDEX} HTTP/1.0\r\n\r\n");
    match parse_head(asked.into(), &codec::Limits::default()) {
        Ok(parsed) => Cow::Owned(Head {
            target: parsed.target,
            ..head.clone()
        }),
        Err(_) => Cow::Borrowed(head),
    }
}
