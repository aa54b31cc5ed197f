//! Character sets and collations: what they are called, and the sort key of a text.
//!
//! Whether two texts are equal, and which comes first, is a matter of their collation. There is one idea and one owner: a
//! pure function [`Collation::sort_key`] from a text to bytes whose order is that of the texts. Whatever compares, joins,
//! groups, sorts or keeps keys does so by these bytes and knows nothing of collations; the planner puts the function where it
//! is needed (`planner/src/expr/collate.rs`), and nowhere if the bytes of the text are its key already
//! ([`Collation::is_plain`]), which is so for the default: two texts are compared as their bytes without the blanks at the end
//! ([`unpadded`]), wherever texts are compared.
//!
//! | collation | key |
//! |---|---|
//! | `…_bin` | the text itself, without blanks at the end |
//! | `utf8mb4_0900_bin` | the bytes of the text, blanks and all |
//! | `utf8mb4_general_ci` | a weight of 16 bits for each character: upper case, without marks |
//! | `utf8mb4_unicode_ci` | the primary weights of the Unicode collation algorithm, version 4.0.0 |
//! | `utf8mb4_unicode_520_ci` | the same, version 5.2.0 |
//! | `utf8mb4_0900_ai_ci` | the primary weights of the Unicode collation algorithm; no blank is dropped |
//! | `latin1_swedish_ci` and the like | a weight for each character |
//! | `gbk_bin` | the codes of GBK |
//! | `gbk_chinese_ci` | a weight for each character: upper case, and Chinese by its sound |
//!
//! All but the 0900 collations ignore blanks at the end (PAD SPACE).
//!
//! **Where the weights come from.** `general.bin`, `unicode_….bin`, `latin1_….bin`, `gbk.bin` and `gbk_chinese.bin` hold what MariaDB 10.11 says of
//! every character with `WEIGHT_STRING(c COLLATE …)`, so that these collations are MariaDB's in every one of them.
//! MariaDB has no 0900 collation: `utf8mb4_0900_ai_ci` has the primary weights of version 14 of the algorithm (`uca1400_ai_ci`)
//! where MySQL has version 9's. The order is the same but for characters that are younger; the numbers are not. Like TiDB's, no
//! table knows contractions (sequences of characters with a weight of their own).

mod bytes;
mod names;
mod padding;
mod weights;

#[cfg(test)]
mod tests;

pub use names::{Charset, Collation};
pub use padding::unpadded;
