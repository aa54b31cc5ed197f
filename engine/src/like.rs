//! LIKE over names, for SHOW: `%` any characters, `_` one, `\` takes the next as it is, no regard to case.

/// Whether the whole text matches the pattern.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    // Greedy, with one place to come back to: the last `%` and where the text stood.
    let (mut p, mut t) = (0, 0);
    let mut resume: Option<(usize, usize)> = None;
    while t < text.len() {
        let (wanted, any) = match pattern.get(p) {
            Some('%') => {
                resume = Some((p, t));
                p += 1;
                continue;
            }
            Some('_') => (None, true),
            Some('\\') if p + 1 < pattern.len() => (Some(pattern[p + 1]), false),
            other => (other.copied(), false),
        };
        if any || wanted == Some(text[t]) {
            p += if pattern[p] == '\\' && p + 1 < pattern.len() { 2 } else { 1 };
            t += 1;
            continue;
        }
        let Some((star, at)) = resume else { return false };
        resume = Some((star, at + 1));
        (p, t) = (star + 1, at + 1);
    }
    pattern[p..].iter().all(|&c| c == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_and_escapes() {
        for (pattern, text, want) in [
            ("", "", true),
            ("%", "", true),
            ("a%c", "abbc", true),
            ("A%C", "abbd", false),
            ("_", "é", true),
            ("a\\_b", "a_b", true),
            ("a\\_b", "axb", false),
            ("%ab%", "xxaabxx", true),
            ("%b%b", "abab", true),
            ("ab", "abc", false),
        ] {
            assert_eq!(matches(pattern, text), want, "{pattern} {text}");
        }
    }
}
