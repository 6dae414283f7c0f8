//! What a path stands for: a file, those that hold it compressed, and their header fields.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG,
    LAST_MODIFIED, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue};

use super::accept::{self, Coding};
use super::conditions::Validators;
use super::content::Content;
use super::media_type;
use super::root::{Miss, Mode, Root, Stamp};

/// In the order in which they are preferred where the client does not mind.
const COMPRESSED: [(Coding, &str); 3] = [
    (Coding::Br, ".br"),
    (Coding::Zstd, ".zst"),
    (Coding::Gzip, ".gz"),
];

/// The files of a path and their states: those that are compressed, then the file itself.
pub(super) type Survey = Vec<(Coding, Stamp)>;

/// Looks at the file at `path` and at those beside it.
pub(super) fn survey(
    root: &Root,
    path: &str,
    precompressed: bool,
    mode: Mode,
) -> Result<Survey, Miss> {
    let plain = root.look(path, mode)?;
    let mut survey = Vec::with_capacity(1);
    let is_compressed = COMPRESSED.iter().any(|(_, suffix)| path.ends_with(suffix));
    if precompressed && !is_compressed {
        for (coding, suffix) in COMPRESSED {
            match root.look(&format!("{path}{suffix}"), mode) {
                // One that is older was made from another state of the file.
                Ok(stamp) if stamp.modified >= plain.modified => survey.push((coding, stamp)),
                Ok(_) | Err(Miss::Absent | Miss::Folder) => {}
                Err(miss) => return Err(miss),
            }
        }
    }
    survey.push((Coding::Identity, plain));
    Ok(survey)
}

/// What a path stands for.
#[derive(Debug)]
pub(super) struct Resource {
    survey: Survey,
    /// The codings of `survey`.
    offered: Vec<Coding>,
    /// One for each of `survey`.
    variants: Vec<Variant>,
}

impl Resource {
    /// `cache_control`: the value that all files have.
    pub(super) fn new(path: &str, survey: Survey, cache_control: Option<&HeaderValue>) -> Resource {
        let mut common = HeaderMap::with_capacity(8);
        common.insert(X_CONTENT_TYPE_OPTIONS, nosniff());
        if let Some(value) = cache_control {
            common.insert(CACHE_CONTROL, value.clone());
        }
        if survey.len() > 1 {
            common.insert(VARY, HeaderValue::from(ACCEPT_ENCODING));
        }
        let variant = |(coding, stamp): &(_, _)| Variant::new(path, *coding, *stamp, &common);
        Resource {
            offered: survey.iter().map(|(coding, _)| *coding).collect(),
            variants: survey.iter().map(variant).collect(),
            survey,
        }
    }

    /// Whether its files are still in the state in which they were.
    pub(super) fn is(&self, survey: &Survey) -> bool {
        self.survey == *survey
    }

    /// The variant for a client. One that refuses whatever there is gets the file as it is: that
    /// helps more than a 406, and RFC 9110, 12.1 leaves it to us.
    pub(super) fn choose(&self, request: &HeaderMap) -> &Variant {
        let coding = match self.variants.len() {
            1 => Coding::Identity,
            _ => accept::choose(request, &self.offered).unwrap_or(Coding::Identity),
        };
        let found = self
            .variants
            .iter()
            .find(|variant| variant.coding == coding);
        found.unwrap_or(&self.variants[self.variants.len() - 1])
    }
}

/// One file of a path.
#[derive(Debug)]
pub(super) struct Variant {
    coding: Coding,
    pub(super) stamp: Stamp,
    pub(super) validators: Validators,
    /// The header fields of a 200.
    pub(super) headers: HeaderMap,
    /// Those of a 304: what would have been in the 200 and is of use to a cache (RFC 9110, 15.4.5).
    pub(super) not_modified: HeaderMap,
    /// What the cache keeps of it; once it is set, the cache has been charged with it.
    pub(super) content: OnceLock<Content>,
}

impl Variant {
    pub(super) fn new(path: &str, coding: Coding, stamp: Stamp, common: &HeaderMap) -> Variant {
        let validators = Validators {
            etag: etag(stamp, coding),
            weak: false,
            modified: Some(last_modified(stamp)),
        };
        let mut not_modified = common.clone();
        if let Ok(value) = HeaderValue::from_str(&validators.etag) {
            not_modified.insert(ETAG, value);
        }
        let mut headers = not_modified.clone();
        headers.insert(CONTENT_TYPE, media_type::of(path));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let modified = UNIX_EPOCH + Duration::from_secs(last_modified(stamp));
        if let Ok(value) = HeaderValue::from_str(&httpdate::fmt_http_date(modified)) {
            headers.insert(LAST_MODIFIED, value);
        }
        if coding != Coding::Identity {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
        }
        Variant {
            coding,
            stamp,
            validators,
            headers,
            not_modified,
            content: OnceLock::new(),
        }
    }

    /// The path of its file, for the path of the resource.
    pub(super) fn path(&self, path: &str) -> String {
        let suffix = COMPRESSED.iter().find(|(coding, _)| *coding == self.coding);
        format!("{path}{}", suffix.map_or("", |(_, suffix)| suffix))
    }
}

/// `X-Content-Type-Options` for whatever comes from a folder: a text that somebody uploaded shall
/// not become a script.
pub(super) fn nosniff() -> HeaderValue {
    HeaderValue::from_static("nosniff")
}

/// The tag with which a file is answered, as it is on the disk: two answers with one tag have the same
/// bytes.
///
/// # Examples
/// ```
/// let about = std::fs::metadata("Cargo.toml")?;
/// assert!(harmonious_http::file_tag(&about).starts_with('"'));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn file_tag(about: &std::fs::Metadata) -> String {
    etag(Stamp::of(about), Coding::Identity)
}

/// A strong tag (RFC 9110, 8.8.3) from the times and the length. The time of change is in it
/// because the time of modification can be set: by `cp -p`, by an archive. The inode is not: a file
/// that is moved to another disk with its times keeps its tag. Two changes within one tick of the
/// file system's clock that keep the length are not told apart.
fn etag(stamp: Stamp, coding: Coding) -> String {
    let times = stamp.modified as u64 ^ (stamp.changed as u64).rotate_left(32);
    match coding {
        Coding::Identity => format!("\"{times:x}-{:x}\"", stamp.len),
        coding => format!("\"{times:x}-{:x}-{}\"", stamp.len, coding.token()),
    }
}

/// Seconds since 1970, never in the future (RFC 9110, 8.8.2.1).
fn last_modified(stamp: Stamp) -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = (stamp.modified / 1_000_000_000).clamp(0, now.as_secs().into());
    seconds as u64
}
