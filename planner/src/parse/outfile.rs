//! SELECT … INTO @a, @b and INTO OUTFILE: where the rows of a query go, if not to who asked.
//!
//! ```text
//! INTO OUTFILE 'f' [CHARACTER SET x] [FIELDS [TERMINATED BY 's'] [[OPTIONALLY] ENCLOSED BY 'c'] [ESCAPED BY 'c']]
//!                  [LINES [STARTING BY 's'] [TERMINATED BY 's']]
//! INTO DUMPFILE 'f'
//! ```
//! INTO may stand before FROM or at the end, so it is taken out of the tokens before the library sees them.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::load_data::LoadFormat;
use super::statement::{Failure, Source};
use super::variable::user_variable;

/// Where the rows of a query go.
#[derive(Clone, Debug, Default)]
pub(super) enum Into {
    /// To who asked.
    #[default]
    Answer,
    Variables(Vec<String>),
    File(OutFile),
}

/// A file that a query writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutFile {
    /// Its path, as written.
    pub path: String,
    /// How its fields and lines are told apart; `None` = they are not: INTO DUMPFILE.
    pub format: Option<LoadFormat>,
}

/// The tokens of a query without its INTO, and that.
pub(super) fn take(tokens: Vec<TokenWithSpan>) -> Result<(Vec<TokenWithSpan>, Into), Failure> {
    let solid: Vec<usize> =
        (0..tokens.len()).filter(|&at| !matches!(tokens[at].token, Token::Whitespace(_))).collect();
    let is_word = |at: usize, wanted: &str| matches!(&tokens[at].token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(wanted));
    let without = |from: usize, to: usize| [&tokens[..from], &tokens[to + 1..]].concat();
    let mut depth = 0usize;
    for (nth, &at) in solid.iter().enumerate() {
        match tokens[at].token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ if depth == 0 && is_word(at, "INTO") => {
                let Some(&next) = solid.get(nth + 1) else { continue };
                if is_word(next, "OUTFILE") || is_word(next, "DUMPFILE") {
                    let mut source = Source::over(tokens[next..].to_vec());
                    let file = source.out_file()?;
                    let last = next + source.parser.get_current_index();
                    return Ok((without(at, last), Into::File(file)));
                }
                let (names, last) = variables(&tokens, &solid[nth + 1..]);
                if let Some(last) = last {
                    return Ok((without(at, last), Into::Variables(names)));
                }
            }
            _ => {}
        }
    }
    Ok((tokens, Into::Answer))
}

/// A variable, and then one behind each comma; where the last one is, if it is a list of variables.
fn variables(tokens: &[TokenWithSpan], solid: &[usize]) -> (Vec<String>, Option<usize>) {
    let mut names = Vec::new();
    for pair in solid.chunks(2) {
        let Some(name) = user_variable(&tokens[pair[0]].token) else { return (names, None) };
        names.push(name);
        if pair.get(1).is_none_or(|&comma| tokens[comma].token != Token::Comma) {
            return (names, Some(pair[0]));
        }
    }
    (names, None)
}

impl Source<'_> {
    /// From `OUTFILE` or `DUMPFILE` on.
    fn out_file(&mut self) -> Result<OutFile, Failure> {
        let raw = self.word("DUMPFILE");
        if !raw {
            self.expect_word("OUTFILE")?;
        }
        let path = self.parser.parse_literal_string()?;
        let format = if raw { None } else { Some(self.text_format("SELECT … INTO OUTFILE")?) };
        Ok(OutFile { path, format })
    }
}
