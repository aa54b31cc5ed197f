//! Completion of keywords, tables, columns and commands.

use super::keywords::KEYWORDS;

/// Names to complete from: taken from a published version of the catalog when the prompt is shown, so that completion
/// reads nothing that may change.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Databases, tables, columns; as written.
    pub words: Vec<String>,
    /// For each table its columns, for `table.` completion.
    pub columns: Vec<(String, Vec<String>)>,
}

/// Where the word at `position` begins, and what could stand in its place.
pub(super) fn complete(
    line: &str,
    position: usize,
    names: &Names,
    commands: &[&str],
) -> (usize, Vec<String>) {
    let head = &line[..position];
    if head.starts_with('\\') && !head.contains(' ') {
        return (0, commands.iter().filter(|c| c.starts_with(head)).map(|c| format!("{c} ")).collect());
    }
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let start = head
        .rfind(|c| !part_of_word(c))
        .map_or(0, |i| i + head[i..].chars().next().map_or(0, char::len_utf8));
    let word = &head[start..];
    if let Some(table) = head[..start].strip_suffix('.') {
        let table = table.rsplit(|c| !part_of_word(c)).next().unwrap_or_default();
        let columns = names.columns.iter().filter(|(t, _)| t.eq_ignore_ascii_case(table));
        return (start, matching(columns.flat_map(|(_, c)| c.iter().map(String::as_str)), word));
    }
    if word.is_empty() {
        return (start, Vec::new());
    }
    let mut found = matching(names.words.iter().map(String::as_str), word);
    let lower = word.chars().any(char::is_lowercase);
    for keyword in matching(KEYWORDS.iter().copied(), word) {
        found.push(if lower { keyword.to_lowercase() } else { keyword });
    }
    (start, found)
}

fn matching<'a>(candidates: impl Iterator<Item = &'a str>, word: &str) -> Vec<String> {
    let fits = |c: &&str| c.get(..word.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(word));
    let mut found: Vec<String> = candidates.filter(fits).map(str::to_string).collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names {
            words: vec!["orders".into(), "o_orderkey".into(), "nation".into()],
            columns: vec![("orders".into(), vec!["o_orderkey".into(), "o_custkey".into()])],
        }
    }

    fn at_end(line: &str) -> (usize, Vec<String>) {
        complete(line, line.len(), &names(), &["\\help", "\\timing"])
    }

    #[test]
    fn names_come_before_keywords_and_keywords_follow_the_case() {
        let wanted: Vec<String> = ["orders", "or", "order"].map(String::from).to_vec();
        assert_eq!(at_end("select * from or"), (14, wanted));
        assert_eq!(at_end("SEL"), (0, vec!["SELECT".into()]));
    }

    #[test]
    fn a_dot_asks_for_columns_and_a_backslash_for_commands() {
        assert_eq!(at_end("select orders.o_c"), (14, vec!["o_custkey".into()]));
        assert_eq!(at_end("\\t"), (0, vec!["\\timing ".into()]));
        assert_eq!(at_end("select 'é").1, Vec::<String>::new());
    }
}
