//! Static files on real folders: a site to ask, and what one sees of its answers.

mod files;

mod freshness;

mod answers;
mod encodings;
mod folders;
mod passing;

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};

use super::{StaticConfig, StaticFiles, TryAnswer};
use crate::codec::{self, Target};
use crate::request::{Head, Peer, RequestId};
use crate::response::{Body, Compression, Part, Response};

/// What lies outside of the root, and must never be seen.
const SECRET: &str = "secret";

/// `Last-Modified` of files that were [`aged`].
const AGED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

fn aged(site: &Site, path: &str) {
    site.set_modified(path, UNIX_EPOCH + Duration::from_secs(784_111_777));
}

struct Site {
    folder: tempfile::TempDir,
    files: StaticFiles,
}

/// What one sees of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Site {
    /// With this content, and a file outside of it.
    fn new(files: &[(&str, &str)], config: StaticConfig) -> Site {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("root")).unwrap();
        fs::write(folder.path().join("outside.txt"), SECRET).unwrap();
        let opened = StaticFiles::open(&folder.path().join("root"), config).unwrap();
        let site = Site {
            folder,
            files: opened,
        };
        for (path, content) in files {
            site.write(path, content);
        }
        site
    }

    /// One that looks at its files for each request.
    fn attentive(files: &[(&str, &str)]) -> Site {
        let fresh_for = Duration::ZERO;
        Site::new(
            files,
            StaticConfig {
                fresh_for,
                ..StaticConfig::default()
            },
        )
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("root").join(path)
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Puts another file in the place of one.
    fn replace(&self, path: &str, content: &str) {
        self.write("replacement", content);
        fs::rename(self.path("replacement"), self.path(path)).unwrap();
    }

    fn set_modified(&self, path: &str, time: SystemTime) {
        let file = fs::File::options()
            .write(true)
            .open(self.path(path))
            .unwrap();
        file.set_modified(time).unwrap();
    }

    /// The worker's answer. What the task says, before and after, must be the same or nothing.
    fn ask(&self, method: Method, url: &str, fields: &[(HeaderName, &str)]) -> Seen {
        let head = head(method, url, fields);
        let before = self.on_task(&head);
        let seen = see(self.files.answer(&head));
        for on_task in [before, self.on_task(&head)].into_iter().flatten() {
            // Only the boundary of several ranges may differ.
            assert_eq!(on_task.status, seen.status, "{url}");
            assert_eq!(on_task.body.len(), seen.body.len(), "{url}");
            if !seen.header("content-type").starts_with("multipart/") {
                assert_eq!(on_task, seen, "{url}");
            }
        }
        seen
    }

    fn get(&self, url: &str, fields: &[(HeaderName, &str)]) -> Seen {
        self.ask(Method::GET, url, fields)
    }

    fn on_task(&self, head: &Head) -> Option<Seen> {
        match self.files.try_answer(head) {
            TryAnswer::Answer(response) => Some(see(response)),
            TryAnswer::NeedsWorker => None,
            TryAnswer::NotMine => panic!("{} is mine", head.path()),
        }
    }

    fn check(&self, url: &str, status: u16, body: &str) {
        let seen = self.get(url, &[]);
        assert_eq!(seen.status, status, "{url}");
        if status == 200 {
            assert_eq!(seen.body, body, "{url}");
        }
        assert!(!seen.body.contains(SECRET), "{url}");
    }
}

impl Seen {
    /// A header field's value, or nothing.
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

fn head(method: Method, url: &str, fields: &[(HeaderName, &str)]) -> Head {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    Head {
        method,
        target: target(url),
        version: Version::HTTP_11,
        headers,
        peer: Peer::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST), 1),
        id: RequestId(1),
    }
}

/// As the front reads it from a connection.
fn target(url: &str) -> Target {
    let bytes = format!("GET {url} HTTP/1.1\r\nhost: a\r\n\r\n");
    let limits = codec::Limits {
        request_line_max: bytes.len(),
        head_max: bytes.len(),
        fields_max: 1,
    };
    codec::parse_head(bytes.into(), &limits).unwrap().target
}

fn see(response: Response) -> Seen {
    assert_eq!(response.compression, Compression::Never);
    assert_eq!(response.headers["x-content-type-options"], "nosniff");
    let announced = response.body.len().unwrap();
    let body = match response.body {
        Body::Empty => Vec::new(),
        Body::Bytes(bytes) => bytes.to_vec(),
        Body::Parts(parts) => parts.into_iter().flat_map(read).collect(),
        other => panic!("{other:?}"),
    };
    assert_eq!(announced, body.len() as u64);
    Seen {
        status: response.status,
        headers: response.headers,
        body: String::from_utf8(body).unwrap(),
    }
}

fn read(part: Part) -> Vec<u8> {
    match part {
        Part::Bytes(bytes) => bytes.to_vec(),
        Part::File { file, offset, len } => {
            let mut bytes = vec![0; len as usize];
            file.read_exact_at(&mut bytes, offset).unwrap();
            bytes
        }
    }
}
