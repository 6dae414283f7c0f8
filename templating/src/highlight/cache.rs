//! What was highlighted before: one cache for all engines of the process.

use std::hash::RandomState;
use std::sync::{Arc, LazyLock};

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};

use super::HighlightOptions;
use super::language::Language;
use crate::config::{CACHE_HOT_SHARE, HIGHLIGHT_CACHE_BYTES_MAX};

/// The hash of the language, the options and the text.
type Key = [u8; 32];

type Pages = Cache<Key, Arc<str>, Weight, RandomState>;

/// The bytes of a page, and some for its place in the table.
#[derive(Clone)]
struct Weight;

impl Weighter<Key, Arc<str>> for Weight {
    fn weight(&self, _: &Key, page: &Arc<str>) -> u64 {
        page.len() as u64 + 128
    }
}

static PAGES: LazyLock<Pages> = LazyLock::new(|| {
    // One shard: a page may be as large as the whole, and the lock is held for a look-up only.
    let options = OptionsBuilder::new()
        .estimated_items_capacity(1024)
        .weight_capacity(HIGHLIGHT_CACHE_BYTES_MAX)
        .shards(1)
        .hot_allocation(CACHE_HOT_SHARE)
        .build();
    let options = options.expect("the options are complete");
    let lifecycle = DefaultLifecycle::default();
    Cache::with_options(options, Weight, RandomState::new(), lifecycle)
});

/// What the cache holds and how often it helped, since the process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HighlightStats {
    /// Texts that were found.
    pub hits: u64,
    /// Texts that had to be highlighted.
    pub misses: u64,
    /// Pages that are held.
    pub pages: usize,
    /// Bytes of them, at most [`crate::HIGHLIGHT_CACHE_BYTES_MAX`].
    pub bytes: u64,
}

/// Figures of the cache that all engines of the process share.
///
/// ```
/// use harmonious_templating::{HighlightOptions, highlight, highlight_stats};
/// let options = HighlightOptions::default();
/// let page = highlight("echo $HOME", "sh", &options);
/// let before = highlight_stats().hits;
/// assert_eq!(highlight("echo $HOME", "sh", &options), page);
/// assert!(highlight_stats().hits > before);
/// ```
pub fn highlight_stats() -> HighlightStats {
    HighlightStats {
        hits: PAGES.hits(),
        misses: PAGES.misses(),
        pages: PAGES.len(),
        bytes: PAGES.weight(),
    }
}

/// The page of before, or that which `make` makes. Of several threads that ask for the same page at
/// once one makes it and the others wait.
pub(super) fn page(
    text: &str,
    language: Language,
    options: &HighlightOptions,
    make: impl FnOnce() -> String,
) -> Arc<str> {
    let key = key(text, language, options);
    let made = PAGES.get_or_insert_with(&key, || Ok::<_, std::convert::Infallible>(make().into()));
    match made {
        Ok(page) => page,
        Err(never) => match never {},
    }
}

/// Lengths go first, so that no two requests are the same bytes.
fn key(text: &str, language: Language, options: &HighlightOptions) -> Key {
    let mut hasher = blake3::Hasher::new();
    for part in [language.name(), &options.id] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.update(&[u8::from(options.lines)]);
    hasher.update(text.as_bytes());
    *hasher.finalize().as_bytes()
}
