//! What the fuzz targets share: how an input says where it is cut.
#![forbid(unsafe_code)]

/// Cuts bytes into pieces, in a way that the first bytes of the input decide.
#[derive(Clone, Copy, Debug)]
pub struct Cuts(u64);

impl Cuts {
    /// Parts an input into its cuts, a byte of options and the bytes that are to be cut. `None` for one
    /// that is too short to say how.
    pub fn split(input: &[u8]) -> Option<(Cuts, u8, &[u8])> {
        let (seed, rest) = input.split_first_chunk::<4>()?;
        let (&options, bytes) = rest.split_first()?;
        // Zero would stay zero.
        Some((
            Cuts(u64::from(u32::from_le_bytes(*seed)) | 1 << 32),
            options,
            bytes,
        ))
    }

    /// The pieces, none of them empty. Some seeds cut often, some seldom.
    pub fn pieces(self, mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        let mut state = self.0;
        let longest = [1, 2, 5, 16, 64, 256, 1024, 16_384][state as usize % 8];
        std::iter::from_fn(move || {
            if bytes.is_empty() {
                return None;
            }
            // Xorshift (Marsaglia, 2003): any generator will do.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let len = (1 + state % longest) as usize;
            let (piece, rest) = bytes.split_at(len.min(bytes.len()));
            bytes = rest;
            Some(piece)
        })
    }
}
