//! Faults as text, both ways. Words in any case; what is in quotes is a duration: `'20ms'`, `'1.5s'`, `'-300us'`.

use std::fmt;
use std::time::Duration;

use super::{CommandKind, Fault, LinkChange, Node, RegionChange, Step, StoreChange};
use crate::schema::{RegionId, StoreId};

/// Why a text is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct TextError {
    /// What could have been there.
    pub expected: String,
    /// What was.
    pub found: String,
    /// The byte at which it was.
    pub at: usize,
}

/// A word, a number, a symbol, or what is between quotes; and where.
#[derive(Clone, Debug, PartialEq)]
struct Token<'a> {
    text: &'a str,
    at: usize,
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = text.len() - rest.len();
        let Some(first) = rest.chars().next() else { return tokens };
        let in_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let (token, len) = match first {
            '\'' | '"' => {
                let inner = &rest[1..];
                let end = inner.find(first).unwrap_or(inner.len());
                (&inner[..end], (end + 2).min(rest.len()))
            }
            _ if rest.starts_with("<->") => (&rest[..3], 3),
            _ if rest.starts_with("->") => (&rest[..2], 2),
            c if in_word(c) => {
                let end = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
                (&rest[..end], end)
            }
            // A sign belongs to its number.
            '-' => {
                let end = rest[1..].find(|c| !in_word(c)).map_or(rest.len(), |i| i + 1);
                (&rest[..end], end)
            }
            c => (&rest[..c.len_utf8()], c.len_utf8()),
        };
        tokens.push(Token { text: token, at });
        rest = &rest[len..];
    }
}

struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    end: usize,
}

type Read<T> = Result<T, TextError>;

impl<'a> Reader<'a> {
    fn peek(&self) -> &'a str {
        self.tokens.get(self.next).map_or("", |t| t.text)
    }

    fn wrong<T>(&self, expected: &str) -> Read<T> {
        let token = self.tokens.get(self.next);
        let found = token.map_or("the end".to_string(), |t| format!("'{}'", t.text));
        Err(TextError { expected: expected.to_string(), found, at: token.map_or(self.end, |t| t.at) })
    }

    fn word(&mut self, word: &str) -> bool {
        let is = self.peek().eq_ignore_ascii_case(word);
        self.next += usize::from(is);
        is
    }

    /// What `read` makes of the next token.
    fn value<T>(&mut self, expected: &str, read: impl FnOnce(&str) -> Option<T>) -> Read<T> {
        match read(self.peek()) {
            Some(value) => {
                self.next += 1;
                Ok(value)
            }
            None => self.wrong(expected),
        }
    }

    fn part(&mut self) -> Read<f64> {
        let part = |text: &str| text.parse().ok().filter(|part| (0.0..=1.0).contains(part));
        self.value("a part between 0 and 1", part)
    }

    fn duration(&mut self) -> Read<Duration> {
        self.value("a duration such as '20ms'", parse_duration)
    }

    /// A node, or `*` for all.
    fn end(&mut self) -> Read<Option<Node>> {
        if self.word("*") {
            return Ok(None);
        }
        self.node().map(Some)
    }

    fn node(&mut self) -> Read<Node> {
        let node = |text: &str| match text.to_ascii_uppercase().as_str() {
            "CLIENT" => Some(Node::Client),
            "PD" => Some(Node::Pd),
            number => number.parse().ok().map(|id| Node::Store(StoreId(id))),
        };
        self.value("a store's number, CLIENT or PD", node)
    }

    fn fault(&mut self) -> Read<Fault> {
        if self.word("SEED") {
            return self.value("a number", |text| text.parse().ok()).map(Fault::Seed);
        }
        if self.word("STORE") {
            let store = match self.word("*") {
                true => None,
                false => Some(StoreId(self.value("a store's number or *", |text| text.parse().ok())?)),
            };
            return Ok(Fault::Store { store, change: self.store_change()? });
        }
        if self.word("LINK") {
            let from = self.end()?;
            let both_ways = self.word("<->");
            if !both_ways && !self.word("->") {
                return self.wrong("-> or <->");
            }
            let to = self.end()?;
            return Ok(Fault::Link { from, to, both_ways, change: self.link_change()? });
        }
        if self.word("PARTITION") {
            return self.sides().map(Fault::Partition);
        }
        if self.word("PD") {
            if !self.word("OFFSET") {
                return self.wrong("OFFSET");
            }
            let offset_ms = |text: &str| parse_us(text).map(|us| us / 1000);
            let offset_ms = self.value("a duration such as '-20ms'", offset_ms)?;
            return Ok(Fault::Clock { offset_ms });
        }
        if self.word("REGION") {
            return self.region();
        }
        if self.word("HEAL") {
            return Ok(Fault::Heal);
        }
        self.wrong("SEED, STORE, LINK, PARTITION, REGION, PD or HEAL")
    }

    fn store_change(&mut self) -> Read<StoreChange> {
        let plain = [
            ("CRASH", StoreChange::Crash),
            ("RESTART", StoreChange::Restart),
            ("STALL", StoreChange::Stall),
            ("RESUME", StoreChange::Resume),
            ("RECOVER", StoreChange::Recover),
        ];
        if let Some((_, change)) = plain.into_iter().find(|(word, _)| self.word(word)) {
            return Ok(change);
        }
        if self.word("BUSY") {
            return Ok(StoreChange::Busy(if self.peek().is_empty() { 1.0 } else { self.part()? }));
        }
        if self.word("SLOW") {
            return self.duration().map(StoreChange::Slow);
        }
        self.wrong("CRASH, RESTART, STALL, RESUME, BUSY, SLOW or RECOVER")
    }

    fn link_change(&mut self) -> Read<LinkChange> {
        if self.word("LATENCY") {
            return self.duration().map(LinkChange::Latency);
        }
        if self.word("JITTER") {
            return self.duration().map(LinkChange::Jitter);
        }
        if self.word("LOSS") {
            return self.part().map(LinkChange::Loss);
        }
        if self.word("DUPLICATE") {
            return self.part().map(LinkChange::Duplicate);
        }
        if self.word("REORDER") {
            return self.part().map(LinkChange::Reorder);
        }
        if self.word("CUT") {
            return Ok(LinkChange::Cut);
        }
        if self.word("RECOVER") {
            return Ok(LinkChange::Recover);
        }
        self.wrong("LATENCY, JITTER, LOSS, DUPLICATE, REORDER, CUT or RECOVER")
    }

    fn sides(&mut self) -> Read<Vec<Vec<Node>>> {
        let mut sides = Vec::new();
        if self.word("NONE") {
            return Ok(sides);
        }
        loop {
            if !self.word("(") {
                return self.wrong("(");
            }
            let mut side = vec![self.node()?];
            while self.word(",") {
                side.push(self.node()?);
            }
            if !self.word(")") {
                return self.wrong(", or )");
            }
            sides.push(side);
            if !self.word(",") {
                return Ok(sides);
            }
        }
    }

    fn region(&mut self) -> Read<Fault> {
        let region = self.peek().trim_start_matches('r').parse().ok().map(RegionId);
        self.next += usize::from(region.is_some());
        let change = if self.word("SPLIT") {
            RegionChange::Split
        } else if self.word("MERGE") {
            RegionChange::Merge
        } else if self.word("MOVE") {
            if self.word("LEADER") {
                RegionChange::MoveLeader
            } else if self.word("REPLICA") {
                RegionChange::MoveReplica
            } else {
                return self.wrong("LEADER or REPLICA");
            }
        } else {
            return self.wrong("SPLIT, MERGE, MOVE LEADER or MOVE REPLICA");
        };
        let (mut nth, mut command) = (1, None);
        if self.word("AT") {
            let number = self.peek().parse().ok().filter(|n| *n > 0);
            self.next += usize::from(number.is_some());
            nth = number.unwrap_or(1);
            if !self.peek().is_empty() || number.is_none() {
                let kind = |text: &str| {
                    CommandKind::ALL.iter().copied().find(|kind| kind.name().eq_ignore_ascii_case(text))
                };
                command = Some(self.value("a command such as PREWRITE", kind)?);
            }
        }
        Ok(Fault::Region { region, change, nth, command })
    }
}

impl Fault {
    /// Reads a fault. See the essay of this room for what it may look like.
    ///
    /// # Errors
    /// What was found where something else should be.
    pub fn parse(text: &str) -> Result<Fault, TextError> {
        let mut reader = Reader { tokens: tokens(text), next: 0, end: text.len() };
        let fault = reader.fault()?;
        match reader.peek() {
            "" => Ok(fault),
            _ => reader.wrong("the end"),
        }
    }
}

impl Step {
    /// Reads a fault, with `AFTER '5s'` before it if it is to begin later.
    ///
    /// # Errors
    /// As [`Fault::parse`].
    pub fn parse(text: &str) -> Result<Step, TextError> {
        let mut reader = Reader { tokens: tokens(text), next: 0, end: text.len() };
        let after = if reader.word("AFTER") { reader.duration()? } else { Duration::ZERO };
        let fault = reader.fault()?;
        match reader.peek() {
            "" => Ok(Step { after, fault }),
            _ => reader.wrong("the end"),
        }
    }
}

/// Microseconds of `20ms`, `1.5s`, `-300us`.
fn parse_us(text: &str) -> Option<i64> {
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(at);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "m" => 6e7,
        _ => return None,
    };
    let us = number.trim().parse::<f64>().ok()? * factor;
    // A year is beyond every use, and within what a clock can be moved by.
    (us.abs() < 3.2e13).then_some(us.round() as i64)
}

/// The duration of `20ms`, `1.5s`, `300us`, `2m`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    parse_us(text).and_then(|us| u64::try_from(us).ok()).map(Duration::from_micros)
}

/// A duration in the greatest unit of which it is a whole number: `20ms`.
pub fn duration_text(duration: Duration) -> String {
    let us = duration.as_micros();
    match us {
        _ if us > 0 && us.is_multiple_of(1_000_000) => format!("{}s", us / 1_000_000),
        _ if us.is_multiple_of(1000) => format!("{}ms", us / 1000),
        _ => format!("{us}us"),
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Client => f.write_str("CLIENT"),
            Node::Pd => f.write_str("PD"),
            Node::Store(store) => write!(f, "{}", store.0),
        }
    }
}

fn or_all<T: fmt::Display>(thing: Option<T>) -> String {
    thing.map_or_else(|| "*".to_string(), |thing| thing.to_string())
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Seed(seed) => write!(f, "SEED {seed}"),
            Fault::Store { store, change } => write!(f, "STORE {} {change}", or_all(store.map(|s| s.0))),
            Fault::Link { from, to, both_ways, change } => {
                let arrow = if *both_ways { "<->" } else { "->" };
                write!(f, "LINK {} {arrow} {} {change}", or_all(*from), or_all(*to))
            }
            Fault::Partition(sides) if sides.is_empty() => f.write_str("PARTITION NONE"),
            Fault::Partition(sides) => {
                f.write_str("PARTITION ")?;
                for (i, side) in sides.iter().enumerate() {
                    let nodes: Vec<String> = side.iter().map(Node::to_string).collect();
                    write!(f, "{}({})", if i == 0 { "" } else { ", " }, nodes.join(", "))?;
                }
                Ok(())
            }
            Fault::Clock { offset_ms } => write!(f, "PD OFFSET '{offset_ms}ms'"),
            Fault::Region { region, change, nth, command } => {
                f.write_str("REGION ")?;
                if let Some(region) = region {
                    write!(f, "{} ", region.0)?;
                }
                write!(f, "{change} AT {nth}")?;
                match command {
                    Some(command) => write!(f, " {}", command.name()),
                    None => Ok(()),
                }
            }
            Fault::Heal => f.write_str("HEAL"),
        }
    }
}

impl fmt::Display for StoreChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreChange::Crash => f.write_str("CRASH"),
            StoreChange::Restart => f.write_str("RESTART"),
            StoreChange::Stall => f.write_str("STALL"),
            StoreChange::Resume => f.write_str("RESUME"),
            StoreChange::Busy(part) => write!(f, "BUSY {part}"),
            StoreChange::Slow(by) => write!(f, "SLOW '{}'", duration_text(*by)),
            StoreChange::Recover => f.write_str("RECOVER"),
        }
    }
}

impl fmt::Display for LinkChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkChange::Latency(duration) => write!(f, "LATENCY '{}'", duration_text(*duration)),
            LinkChange::Jitter(duration) => write!(f, "JITTER '{}'", duration_text(*duration)),
            LinkChange::Loss(part) => write!(f, "LOSS {part}"),
            LinkChange::Duplicate(part) => write!(f, "DUPLICATE {part}"),
            LinkChange::Reorder(part) => write!(f, "REORDER {part}"),
            LinkChange::Cut => f.write_str("CUT"),
            LinkChange::Recover => f.write_str("RECOVER"),
        }
    }
}

impl fmt::Display for RegionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RegionChange::Split => "SPLIT",
            RegionChange::Merge => "MERGE",
            RegionChange::MoveLeader => "MOVE LEADER",
            RegionChange::MoveReplica => "MOVE REPLICA",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_reads_back_as_it_was_written() {
        let texts = [
            "SEED 42",
            "STORE 2 CRASH",
            "STORE * RECOVER",
            "STORE 2 STALL",
            "STORE 2 RESUME",
            "STORE 2 RESTART",
            "STORE 2 BUSY 0.3",
            "STORE 2 SLOW '20ms'",
            "LINK CLIENT -> 2 LOSS 0.1",
            "LINK 1 -> 3 LATENCY '20ms'",
            "LINK 1 -> 3 JITTER '1500us'",
            "LINK * <-> 2 CUT",
            "LINK * -> PD RECOVER",
            "LINK CLIENT -> * DUPLICATE 0.25",
            "LINK CLIENT -> * REORDER 1",
            "PARTITION (CLIENT, PD, 1), (2, 3)",
            "PARTITION NONE",
            "REGION SPLIT AT 3 PREWRITE",
            "REGION 5 MOVE LEADER AT 1",
            "REGION MOVE REPLICA AT 2 ONE_PHASE",
            "REGION MERGE AT 1 COMMIT",
            "PD OFFSET '-500ms'",
            "HEAL",
        ];
        for text in texts {
            let fault = Fault::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(fault.to_string(), text);
            let lower = text.to_ascii_lowercase();
            assert_eq!(Fault::parse(&lower).as_ref(), Ok(&fault), "{lower}");
        }
        let terse = [
            ("store 1 busy", Fault::Store { store: Some(StoreId(1)), change: StoreChange::Busy(1.0) }),
            (
                "link 1->2 latency 1.5s",
                Fault::Link {
                    from: Some(Node::Store(StoreId(1))),
                    to: Some(Node::Store(StoreId(2))),
                    both_ways: false,
                    change: LinkChange::Latency(Duration::from_millis(1500)),
                },
            ),
            (
                "region split at commit",
                Fault::Region {
                    region: None,
                    change: RegionChange::Split,
                    nth: 1,
                    command: Some(CommandKind::Commit),
                },
            ),
        ];
        for (text, fault) in terse {
            assert_eq!(Fault::parse(text), Ok(fault), "{text}");
        }
    }

    #[test]
    fn a_step_says_when_it_begins() {
        let fault = Fault::parse("store 2 crash").expect("reads");
        for (text, after) in [
            ("after '1.5s' store 2 crash", Duration::from_millis(1500)),
            ("AFTER 20ms STORE 2 CRASH", Duration::from_millis(20)),
            ("store 2 crash", Duration::ZERO),
        ] {
            assert_eq!(Step::parse(text), Ok(Step { after, fault: fault.clone() }), "{text}");
        }
        let error = Step::parse("after store 2 crash").expect_err("no time");
        assert_eq!((error.expected.as_str(), error.at), ("a duration such as '20ms'", 6));
    }

    #[test]
    fn errors_say_what_was_expected_and_where() {
        let table = [
            ("", "SEED, STORE, LINK, PARTITION, REGION, PD or HEAL", "the end", 0),
            ("STORE two CRASH", "a store's number or *", "'two'", 6),
            ("STORE 2 EXPLODE", "CRASH, RESTART, STALL, RESUME, BUSY, SLOW or RECOVER", "'EXPLODE'", 8),
            ("LINK 1 3 CUT", "-> or <->", "'3'", 7),
            ("LINK 1 -> 3 LOSS 1.5", "a part between 0 and 1", "'1.5'", 17),
            ("LINK 1 -> 3 LATENCY '-5ms'", "a duration such as '20ms'", "'-5ms'", 20),
            ("STORE 2 SLOW 'soon'", "a duration such as '20ms'", "'soon'", 13),
            ("PARTITION (1, 2", ", or )", "the end", 15),
            ("REGION MOVE", "LEADER or REPLICA", "the end", 11),
            ("REGION SPLIT AT 0 PREWRITE", "a command such as PREWRITE", "'0'", 16),
            ("HEAL all", "the end", "'all'", 5),
        ];
        for (text, expected, found, at) in table {
            let error = Fault::parse(text).expect_err(text);
            assert_eq!((error.expected.as_str(), error.found.as_str(), error.at), (expected, found, at));
        }
    }
}
