//! What is lost where a value becomes one of another type.

/// What a conversion lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// Nothing that matters.
    None,
    /// The value is beyond the type's range.
    Range,
    /// What the type does not show: a note of who stores it.
    Unseen,
    /// Only a prefix of the text counted.
    Truncated,
    /// Nothing of the text counted.
    Incorrect,
    /// The text is longer than the type allows.
    TooLong,
    /// The bytes are no text of the column's set, or the set lacks a character of the text.
    Foreign,
}
