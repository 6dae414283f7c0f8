//! A host that writes down what a module says, and answers as the test wants.

use std::io;

use bytes::Bytes;
use harmonious_dispatcher::ffi::{
    EntryCall, Host, Library, ModuleBody, ModuleEdits, ModuleFailure, ModuleResponse,
    RequestArrays, RequestParts, RequestViews, Returned,
};
use http::HeaderMap;

/// What answers the calls of services.
pub type Service<'a> = Box<dyn FnMut(&str, &[u8]) -> Result<Vec<u8>, Vec<u8>> + 'a>;

/// What a module said.
pub struct Recorder<'a> {
    pub responses: Vec<ModuleResponse>,
    pub edits: Vec<ModuleEdits>,
    pub replies: Vec<Vec<u8>>,
    pub failures: Vec<ModuleFailure>,
    pub logged: Vec<String>,
    /// The body that can be read.
    pub body: &'a [u8],
    pub service: Service<'a>,
}

impl Default for Recorder<'_> {
    fn default() -> Self {
        Recorder {
            responses: Vec::new(),
            edits: Vec::new(),
            replies: Vec::new(),
            failures: Vec::new(),
            logged: Vec::new(),
            body: b"",
            service: Box::new(|name, _| panic!("nobody serves {name}")),
        }
    }
}

impl Host for Recorder<'_> {
    fn respond(&mut self, response: Box<ModuleResponse>) {
        self.responses.push(*response);
    }

    fn edit(&mut self, edits: Box<ModuleEdits>) {
        self.edits.push(*edits);
    }

    fn reply(&mut self, value: Vec<u8>) {
        self.replies.push(value);
    }

    fn fail(&mut self, failure: Box<ModuleFailure>) {
        self.failures.push(*failure);
    }

    fn body_read(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        if self.body == b"unreadable" {
            return Err(io::Error::other("as the test wants"));
        }
        assert!(self.body != b"panics", "as the test wants");
        let rest = &self.body[offset as usize..];
        let len = rest.len().min(into.len());
        into[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn call(&mut self, service: &str, message: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
        (self.service)(service, message)
    }

    fn log(&mut self, level: u32, message: &str, fields: &[u8]) {
        self.logged.push(format!("{level} {message} {fields:?}"));
    }
}

impl Recorder<'_> {
    /// The one response, and nothing else.
    pub fn response(mut self) -> ModuleResponse {
        assert!(self.failures.is_empty(), "{:?}", self.failures);
        assert!(self.replies.is_empty());
        assert_eq!(self.responses.len(), 1);
        self.responses.remove(0)
    }

    /// The one failure, and nothing else.
    pub fn failure(mut self) -> ModuleFailure {
        assert!(self.responses.is_empty(), "{:?}", self.responses);
        assert!(self.replies.is_empty());
        assert_eq!(self.failures.len(), 1);
        self.failures.remove(0)
    }
}

/// A GET with this query.
pub fn parts<'a>(query: &'a str, headers: &'a HeaderMap) -> RequestParts<'a> {
    RequestParts {
        method: harmonious_abi::method::GET,
        scheme: "https",
        host: "a.example",
        path: "/page",
        raw_path: "/pag%65",
        query,
        domain: "/",
        segments: &[],
        rest_from: 0,
        params: &[],
        headers,
        body: b"",
        body_len: 0,
        peer: "::1",
        id: "r1",
    }
}

/// The index of an entry.
pub fn index(library: &Library, name: &str) -> usize {
    let found = library
        .entries()
        .iter()
        .position(|entry| entry.name == name);
    found.expect("an entry of that name")
}

/// Calls the page with this query.
pub fn ask_with(library: &Library, query: &str, recorder: &mut Recorder<'_>) -> Returned {
    let headers = HeaderMap::new();
    let mut arrays = RequestArrays::default();
    let views = RequestViews::new(&parts(query, &headers), &mut arrays);
    let call = EntryCall {
        request: Some(&views),
        ..EntryCall::default()
    };
    library.call(index(library, "page"), &call, recorder)
}

/// What the page answers to this query.
pub fn ask(library: &Library, query: &str) -> ModuleResponse {
    let mut recorder = Recorder::default();
    assert_eq!(ask_with(library, query, &mut recorder), Returned::Responded);
    recorder.response()
}

/// The bytes of a body, which has to be in memory.
pub fn bytes(response: ModuleResponse) -> Bytes {
    match response.body {
        ModuleBody::Bytes(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

/// What the page says to this query.
pub fn said(library: &Library, query: &str) -> String {
    String::from_utf8(bytes(ask(library, query)).to_vec()).unwrap()
}
