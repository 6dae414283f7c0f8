//! Who keeps cookies, and sends tokens where they are needed.

use super::ask::Ask;
use super::{Answer, Server};

/// One visitor's browser, as far as sessions are concerned.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// `session=...`, as it was given.
    pub cookie: Option<String>,
    /// Sent with each request.
    pub token: Option<String>,
}

impl Browser {
    /// One that brings this cookie, wherever it is from.
    pub fn with(cookie: &str) -> Browser {
        Browser {
            cookie: Some(cookie.to_owned()),
            token: None,
        }
    }

    /// Asks, and keeps or forgets what cookie the answer says.
    pub fn ask(&mut self, server: &Server, ask: Ask) -> Answer {
        let mut ask = ask;
        if let Some(cookie) = &self.cookie {
            ask = ask.field("Cookie", cookie);
        }
        if let Some(token) = &self.token {
            ask = ask.field("X-CSRF-Token", token);
        }
        let answer = ask.to(server);
        if let Some(set) = answer.header("set-cookie") {
            let pair = set.split(';').next().unwrap();
            let is_gone = pair.ends_with('=');
            self.cookie = (!is_gone).then(|| pair.to_owned());
        }
        answer
    }

    /// The page of the fixture `keeping` with a form; takes the token that it has.
    pub fn form(&mut self, server: &Server) -> String {
        let form = self.ask(server, Ask::get("/form")).body;
        let (_, rest) = form.split_once("name=\"csrf_token\" value=\"").unwrap();
        let token = rest.split('"').next().unwrap();
        self.token = Some(token.to_owned());
        form
    }
}
