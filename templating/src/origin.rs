//! Text made out of other text, piece by piece, that remembers where each piece came from: errors
//! in a translated template point at what its author wrote.

use std::ops::Range;

/// For each piece of the made text: where it begins there and in the original, and whether it is
/// the same text.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    at: usize,
    from: usize,
    same: bool,
}

impl Origin {
    /// The offset in the original for an offset in the made text.
    pub fn original(&self, offset: usize) -> usize {
        let index = self.pieces.partition_point(|piece| piece.at <= offset);
        match index.checked_sub(1).map(|index| self.pieces[index]) {
            None => offset,
            Some(piece) if piece.same => piece.from + (offset - piece.at),
            Some(piece) => piece.from,
        }
    }
}

/// Makes the text.
#[derive(Debug)]
pub struct Rewrite<'t> {
    original: &'t str,
    text: String,
    origin: Origin,
}

impl<'t> Rewrite<'t> {
    /// Starts with nothing.
    pub fn new(original: &'t str) -> Rewrite<'t> {
        let text = String::with_capacity(original.len() + original.len() / 4);
        Rewrite {
            original,
            text,
            origin: Origin::default(),
        }
    }

    /// Adds a piece of the original as it is.
    pub fn keep(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.piece(range.start, true);
            self.text.push_str(&self.original[range]);
        }
    }

    /// Adds other text that stands for what is at `from` in the original.
    pub fn put(&mut self, from: usize, text: &str) {
        if !text.is_empty() {
            self.piece(from, false);
            self.text.push_str(text);
        }
    }

    /// The text and where it came from.
    pub fn finish(self) -> (String, Origin) {
        (self.text, self.origin)
    }

    fn piece(&mut self, from: usize, same: bool) {
        let at = self.text.len();
        self.origin.pieces.push(Piece { at, from, same });
    }
}

/// Line and column (in characters), both from 1, of an offset.
pub fn position(text: &str, offset: usize) -> (u32, u32) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = text[start..offset].chars().count() + 1;
    (
        u32::try_from(line).unwrap_or(u32::MAX),
        u32::try_from(column).unwrap_or(u32::MAX),
    )
}

/// The line (from 1) without its end; empty if there is none.
pub fn line(text: &str, number: u32) -> &str {
    text.lines()
        .nth(number.saturating_sub(1) as usize)
        .unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_leads_back_to_what_was_written() {
        let original = "one {TWO} three";
        let mut rewrite = Rewrite::new(original);
        rewrite.keep(0..4);
        rewrite.put(4, "{{ two }}");
        rewrite.keep(9..15);
        let (text, origin) = rewrite.finish();
        assert_eq!(text, "one {{ two }} three");
        assert_eq!(origin.original(2), 2);
        assert_eq!(origin.original(7), 4);
        assert_eq!(origin.original(14), 10);
    }

    #[test]
    fn a_column_counts_characters() {
        assert_eq!(position("ä\nöü!", 6), (2, 2));
        assert_eq!(position("a\r\nb", 3), (2, 1));
        assert_eq!(position("", 9), (1, 1));
        assert_eq!(line("a\r\nb\n", 1), "a");
        assert_eq!(line("a\n", 9), "");
    }
}
