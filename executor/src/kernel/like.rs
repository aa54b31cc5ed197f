//! LIKE: a pattern is compiled once into the cheapest matcher that decides it.
//!
//! Without `_` a pattern is literal pieces between `%`: the first is anchored at the start, the last at the end, and those
//! between are found one after another, leftmost first, by a substring search. Only `_` needs the general matcher.

use memchr::memmem::Finder;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) enum Matcher {
    /// No wildcard.
    Equals(String),
    /// Pieces between `%`.
    Pieces {
        /// What the string must begin with.
        prefix: String,
        /// What must follow, in this order, without overlap.
        middle: Vec<Finder<'static>>,
        /// What it must end with, behind all that.
        suffix: String,
        /// Bytes of all pieces: a shorter string cannot match.
        bytes_min: usize,
    },
    /// Anything with `_`.
    General(Vec<Token>),
}

/// One element of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// This character.
    Char(char),
    /// `_`
    One,
    /// `%`
    Any,
}

impl Matcher {
    /// Compiles a pattern.
    pub fn new(pattern: &str, escape: Option<char>) -> Matcher {
        let mut tokens = Vec::with_capacity(pattern.len());
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                // An escape character at the very end stands for itself.
                c if Some(c) == escape => Token::Char(chars.next().unwrap_or(c)),
                '%' if tokens.last() == Some(&Token::Any) => continue,
                '%' => Token::Any,
                '_' => Token::One,
                c => Token::Char(c),
            });
        }
        if tokens.contains(&Token::One) {
            return Matcher::General(tokens);
        }
        let mut pieces = vec![String::new()];
        for token in &tokens {
            match (token, pieces.last_mut()) {
                (Token::Char(c), Some(last)) => last.push(*c),
                _ => pieces.push(String::new()),
            }
        }
        let prefix = pieces.remove(0);
        let Some(suffix) = pieces.pop() else { return Matcher::Equals(prefix) };
        let bytes_min = prefix.len() + suffix.len() + pieces.iter().map(String::len).sum::<usize>();
        let middle = pieces.iter().map(|p| Finder::new(p).into_owned()).collect();
        Matcher::Pieces { prefix, middle, suffix, bytes_min }
    }

    /// Whether a string matches.
    #[inline]
    pub fn matches(&self, s: &str) -> bool {
        match self {
            Matcher::Equals(want) => s == want,
            Matcher::Pieces { prefix, middle, suffix, bytes_min } => {
                let s = s.as_bytes();
                // An empty piece is not compared: an empty string's address is not mapped, and vector code that touches
                // it, masked out or not, costs a hundred times a comparison.
                let begins = prefix.is_empty() || s.starts_with(prefix.as_bytes());
                let ends = suffix.is_empty() || s.ends_with(suffix.as_bytes());
                if s.len() < *bytes_min || !begins || !ends {
                    return false;
                }
                let mut rest = &s[prefix.len()..s.len() - suffix.len()];
                for piece in middle {
                    match piece.find(rest) {
                        Some(at) => rest = &rest[at + piece.needle().len()..],
                        None => return false,
                    }
                }
                true
            }
            Matcher::General(tokens) => general(tokens, s),
        }
    }
}

/// Greedy matching with one point to return to: the last `%`. Returning further could not help.
fn general(tokens: &[Token], s: &str) -> bool {
    let mut rest = s.chars();
    let mut at = 0;
    let mut back: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        match tokens.get(at) {
            Some(Token::Any) => {
                at += 1;
                back = Some((at, rest.clone()));
                continue;
            }
            None if rest.as_str().is_empty() => return true,
            Some(token) => {
                let mut ahead = rest.clone();
                if let Some(c) = ahead.next()
                    && (*token == Token::One || *token == Token::Char(c))
                {
                    rest = ahead;
                    at += 1;
                    continue;
                }
            }
            None => {}
        }
        // Let the last `%` swallow one more character.
        let Some((after, from)) = &mut back else { return false };
        if from.next().is_none() {
            return false;
        }
        at = *after;
        rest = from.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_the_manual() {
        for (s, pattern, want) in [
            ("David!", "David_", true),
            ("David!", "%D%v%", true),
            ("", "%", true),
            ("", "", true),
            ("a", "", false),
            ("abc", "abc", true),
            ("abc", "a%c", true),
            ("ac", "a%c", true),
            ("a", "a%a", false),
            ("aba", "a%a", true),
            ("special urgent requests", "%special%requests%", true),
            ("requests special", "%special%requests%", false),
            ("aXbYc", "a%b%c", true),
            ("abab", "%ab", true),
            ("abb", "%ab%b", true),
            ("ab", "%ab%b", false),
            ("a%b", "a\\%b", true),
            ("axb", "a\\%b", false),
            ("a\\", "a\\", true),
            ("é", "_", true),
            ("mississippi", "%iss_pp%", true),
        ] {
            assert_eq!(Matcher::new(pattern, Some('\\')).matches(s), want, "{s:?} LIKE {pattern:?}");
        }
        assert!(Matcher::new("David|_", Some('|')).matches("David_"));
        assert!(Matcher::new("a\\%", None).matches("a\\xyz"));
    }

    /// By the definition, without cleverness.
    fn model(tokens: &[char], s: &[char]) -> bool {
        match tokens.split_first() {
            None => s.is_empty(),
            Some(('%', rest)) => (0..=s.len()).any(|n| model(rest, &s[n..])),
            Some(('_', rest)) => !s.is_empty() && model(rest, &s[1..]),
            Some((c, rest)) => s.first() == Some(c) && model(rest, &s[1..]),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab%_é]{0,8}", s in "[abé]{0,10}") {
            let want = model(&pattern.chars().collect::<Vec<_>>(), &s.chars().collect::<Vec<_>>());
            prop_assert_eq!(Matcher::new(&pattern, Some('\\')).matches(&s), want);
        }
    }
}
