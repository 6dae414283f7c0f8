//! Limits of templates, each with its unit and reason.

use std::time::Duration;

/// Bytes of one template file: text that a person wrote is far below, a data file renamed is not.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Bytes of one rendered page: more is a loop that went wrong, and would be held in memory.
pub const RENDER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Includes within includes, and parents of parents: the engine recurses on the worker's stack.
pub const DEPTH_MAX: usize = 16;
/// Characters of a source line that an error shows: a minified page is one line.
pub const SOURCE_LINE_CHARS_MAX: usize = 200;
/// Bytes of a page that are passed on together: most pages are one or a few of it.
pub const RENDER_PIECE_BYTES: usize = 4 * 1024;
/// Components within components: the engine's own bound.
pub const COMPONENT_DEPTH_MAX: usize = 20;
/// Levels of the engine's recursion that any template may need.
pub const LEVELS_MAX: usize = 1024;
/// Bytes of stack for one level: measured are 14 KiB in a release build and 85 KiB in a debug build.
pub const STACK_LEVEL_BYTES: usize = if cfg!(debug_assertions) {
    128 * 1024
} else {
    24 * 1024
};
/// Bytes of the caller's stack that a template may use: half of what a worker has.
pub const STACK_INLINE_BYTES: usize = 1024 * 1024;
/// Bytes of stack for the parser: its own bounds let it use a quarter of that in a debug build.
pub const STACK_COMPILE_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of text that `markdown` reads: a long article is a tenth of it.
pub const MARKDOWN_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of each text that `diff` compares.
pub const DIFF_BYTES_MAX: usize = 1024 * 1024;
/// Lines of each text that `diff` compares: each of them can become a row of a table.
pub const DIFF_LINES_MAX: usize = 50_000;
/// Time that `diff` may look for the shortest difference.
pub const DIFF_TIME_MAX: Duration = Duration::from_millis(200);
/// Bytes of rendered fragments that a site keeps, keys included, unless it says otherwise.
pub const FRAGMENTS_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes of one fragment that is kept; a larger one is rendered each time.
pub const FRAGMENT_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a fragment's key: more is no key, but a text that went there by mistake.
pub const FRAGMENT_KEY_BYTES_MAX: usize = 512;
/// The longest life of a fragment.
pub const FRAGMENT_LIFE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// The longest that a request waits for another one that renders the same fragment; then it renders it
/// itself.
pub const FRAGMENT_WAIT_MAX: Duration = Duration::from_secs(5);
/// Who renders a fragment for longer than this is taken for lost: another one may begin.
pub const FRAGMENT_MAKING_MAX: Duration = Duration::from_secs(30);
/// Of a cache's bytes, the share of those that were asked for again. The others have the rest: what is new
/// must fit into it, or a full cache takes nothing large any more.
pub const CACHE_HOT_SHARE: f64 = 0.5;
/// How many fragments, at least, the bookkeeping is laid out for; it grows.
pub const FRAGMENTS_EXPECTED: usize = 1024;
/// `{IF}` and `{LOOP}` in each other: the engine allows some more, and tells it in its own words.
pub const NESTING_MAX: usize = 32;
/// `elif`s of all `if`s that are open. For each the engine's parser recurses, and it has no bound of its
/// own: some hundreds more end the process.
pub const ELIFS_MAX: usize = 128;
/// Bytes of text that `highlight` colours: the worst of that length took 67 ms, a script of 5,000
/// lines is a third of it and takes 3. Longer text is shown without colours.
pub const HIGHLIGHT_BYTES_MAX: usize = 512 * 1024;
/// Bytes of highlighted pages that the process keeps: some thirty scripts of 5,000 lines.
pub const HIGHLIGHT_CACHE_BYTES_MAX: u64 = 16 * 1024 * 1024;
