//! VALIDATE_PASSWORD_STRENGTH: how well a text would do as a password, by MySQL's rules.

use super::function::{Outcome, ints, text};
use super::value::{Column, Value};

/// Below so many characters a text is no password at all.
const LENGTH_MIN: usize = 4;
/// Words of the dictionary that are longer do not count.
const WORD_MAX: usize = 100;

/// What is asked of passwords.
struct Rules {
    length: usize,
    /// Letters of upper case, and as many of lower case.
    mixed_case: usize,
    digits: usize,
    /// Characters that are neither letters nor digits.
    special: usize,
    /// In lower case.
    words: Vec<String>,
    /// Whoever asks: neither the name nor its reverse is a password.
    user: Option<String>,
}

/// VALIDATE_PASSWORD_STRENGTH(text, length, mixed case, digits, special, dictionary, user).
pub(crate) fn strength(args: &[Value], rows: usize) -> Outcome {
    let texts = text(&args[0], rows)?;
    let number = |at: usize| {
        let n = args.get(at).map_or(Column::one(0), |v| ints(v, rows));
        n.get(0).and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
    };
    let word = |at: usize| -> Result<String, _> {
        match args.get(at) {
            Some(v) => text(v, rows).map(|t| t.get(0).unwrap_or_default().to_owned()),
            None => Ok(String::new()),
        }
    };
    if rows == 0 {
        return Ok(Value::Int(Column::many(Vec::new(), None)));
    }
    let words = word(5)?.to_lowercase();
    let rules = Rules {
        length: number(1),
        mixed_case: number(2),
        digits: number(3),
        special: number(4),
        words: words
            .split(';')
            .filter(|w| (LENGTH_MIN..=WORD_MAX).contains(&w.chars().count()))
            .map(str::to_owned)
            .collect(),
        user: Some(word(6)?).filter(|user| !user.is_empty()),
    };
    Ok(Value::Int(Column::from_options((0..rows).map(|row| Some(rules.strength(texts.get(row)?))))))
}

impl Rules {
    /// 0, or 25 for each step that is reached: some length, the length asked for, all kinds of characters, no known word.
    fn strength(&self, password: &str) -> i64 {
        let reversed = || password.chars().rev().collect::<String>();
        if self.user.as_ref().is_some_and(|user| user == password || *user == reversed()) {
            return 0;
        }
        let length = password.chars().count();
        if length < LENGTH_MIN {
            return 0;
        }
        if length < self.length {
            return 25;
        }
        let count = |kind: fn(&char) -> bool| password.chars().filter(kind).count();
        let enough = count(|c| c.is_lowercase()) >= self.mixed_case
            && count(|c| c.is_uppercase()) >= self.mixed_case
            && count(|c| c.is_ascii_digit()) >= self.digits
            && count(|c| !c.is_alphanumeric()) >= self.special;
        if !enough {
            return 50;
        }
        let lower = password.to_lowercase();
        if self.words.iter().any(|word| lower.contains(word.as_str())) { 75 } else { 100 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TiDB's script: the defaults, and a dictionary.
    #[test]
    fn steps() {
        let rules = Rules {
            length: 8,
            mixed_case: 1,
            digits: 1,
            special: 1,
            words: vec!["1234".into(), "5678".into()],
            user: Some("root".into()),
        };
        for (password, want) in [
            ("root", 0),
            ("toor", 0),
            ("ROOT", 25),
            ("abc", 0),
            ("pass", 25),
            ("password", 50),
            ("password0000", 50),
            ("fooHoHo%1", 100),
            ("fooHoHo%1234", 75),
            ("Ä5ö!abcd", 100),
        ] {
            assert_eq!(rules.strength(password), want, "{password}");
        }
    }
}
