//! Blanks at the end of a text, which do not count when texts are compared (PAD SPACE).
//!
//! A text keeps its blanks; whoever compares, hashes, sorts or makes a key of one looks at it without them. For a text that has
//! none this is a look at its last byte, which is read anyway. Byte strings are compared as they are, and so are sort keys: a
//! collation that counts blanks ([`Collation::counts_blanks`](super::Collation::counts_blanks)) makes a sort key of a text.

/// The part of a text that counts when it is compared: all but the blanks at its end.
#[inline]
pub fn unpadded(text: &[u8]) -> &[u8] {
    match text.last() {
        Some(b' ') => &text[..text.iter().rposition(|b| *b != b' ').map_or(0, |last| last + 1)],
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::unpadded;

    #[test]
    fn only_blanks_at_the_end_go() {
        for (text, counts) in [
            ("", ""),
            ("a", "a"),
            ("a ", "a"),
            ("  ", ""),
            (" a  b  ", " a  b"),
            ("a\t", "a\t"),
            ("a\t ", "a\t"),
        ] {
            assert_eq!(unpadded(text.as_bytes()), counts.as_bytes(), "{text:?}");
        }
    }
}
