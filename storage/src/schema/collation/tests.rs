use proptest::prelude::*;

use super::Collation;

const ALL: [Collation; 4] = [
    Collation::Utf8mb4GeneralCi,
    Collation::Utf8mb4UnicodeCi,
    Collation::Utf8mb4Unicode520Ci,
    Collation::Utf8mb40900AiCi,
];

fn key(collation: Collation, text: &str) -> String {
    collation.sort_key(text).iter().map(|b| format!("{b:02X}")).collect()
}

/// As MariaDB 10.11 says with HEX(WEIGHT_STRING(_utf8mb4'…' COLLATE …)).
#[test]
fn keys_are_those_of_mariadb() {
    let general = Collation::Utf8mb4GeneralCi;
    assert_eq!(key(general, "aÉß"), "004100450053");
    assert_eq!(key(general, "я😀"), "042FFFFD");
    assert_eq!(key(general, "a  "), "0041");
    let unicode = Collation::Utf8mb4UnicodeCi;
    assert_eq!(key(unicode, "aß"), "0E330FEA0FEA");
    assert_eq!(key(unicode, "一가"), "FB40CE00FBC1AC00");
    assert_eq!(key(unicode, "😀"), "FFFD");
    let young = Collation::Utf8mb40900AiCi;
    assert_eq!(key(young, "ßa"), "22B622B62075");
    assert_eq!(key(young, "一"), "FB40CE00");
    let middle = Collation::Utf8mb4Unicode520Ci;
    assert_eq!(key(middle, "aßé😀"), "120F14101410126BFBC3F600");
    assert_eq!(key(middle, "一가𠀀"), "FB40CE00FBC1AC00FBC48000");
    assert_eq!(key(Collation::Latin1SwedishCi, "aÄäüé€"), "0041005C005C005900450080");
    assert_eq!(key(Collation::Latin1German1Ci, "äß"), "00410053");
    assert_eq!(key(Collation::AsciiGeneralCi, "aZ "), "0041005A");
    assert_eq!(key(Collation::GbkBin, "a一 "), "61D2BB");
    assert_eq!(key(Collation::GbkChineseCi, "a一😀"), "41CA263F");
}

#[test]
fn every_character_has_a_meaning() {
    for collation in Collation::ALL {
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            assert_eq!(collation.folded(&text).chars().count(), 1);
            assert!(collation.sort_key(&text).len() <= 20);
        }
    }
}

#[test]
fn case_and_marks_do_not_count() {
    for collation in ALL {
        for (a, b) in [("ABC", "abc"), ("é", "E"), ("ÀÉÎ", "aei"), ("Ж", "ж")] {
            assert_eq!(collation.sort_key(a), collation.sort_key(b), "{collation}");
            assert_eq!(collation.folded(a), collation.folded(b), "{collation}");
        }
        assert!(collation.sort_key("a") < collation.sort_key("B"));
        assert!(collation.sort_key("a") < collation.sort_key("ab"));
    }
    let blanks = |collation: Collation| collation.sort_key("a ") == collation.sort_key("a");
    assert!(blanks(Collation::Utf8mb4GeneralCi) && blanks(Collation::Utf8mb4UnicodeCi));
    assert!(!blanks(Collation::Utf8mb40900AiCi));
    // Letters of their own in general_ci only.
    assert_ne!(key(Collation::Utf8mb4GeneralCi, "ss"), key(Collation::Utf8mb4GeneralCi, "ß"));
    assert_eq!(key(Collation::Utf8mb4UnicodeCi, "ss"), key(Collation::Utf8mb4UnicodeCi, "ß"));
}

#[test]
fn hangul_weighs_what_its_letters_do() {
    let c = Collation::Utf8mb40900AiCi;
    assert_eq!(c.sort_key("각"), c.sort_key("\u{1100}\u{1161}\u{11A8}"));
    assert_eq!(c.sort_key("가"), c.sort_key("\u{1100}\u{1161}"));
}

#[test]
fn patterns_keep_their_signs() {
    let c = Collation::Utf8mb4GeneralCi;
    let folded = c.folded_pattern("A%_\\%\\\\", Some('\\'));
    let chars: Vec<char> = folded.chars().collect();
    assert_eq!(chars[1..3], ['%', '_']);
    assert_eq!(folded.chars().nth(3).map(String::from), Some(c.folded("%")));
    assert_eq!(folded.chars().nth(4).map(String::from), Some(c.folded("\\")));
    assert_eq!(chars[0].to_string(), c.folded("a"));
}

#[test]
fn names_and_numbers_are_one_to_one() {
    for (at, a) in Collation::ALL.into_iter().enumerate() {
        assert_eq!(Collation::named(&a.name().to_uppercase()), Some(a));
        assert!(a.name().starts_with(a.charset().name()));
        assert!(Collation::ALL[at + 1..].iter().all(|b| a.id() != b.id() && a.name() < b.name()));
    }
    assert_eq!(Collation::named("utf8mb3_general_ci"), Some(Collation::Utf8GeneralCi));
    assert_eq!(Collation::named("utf8mb4_german2_ci"), None);
}

proptest! {
    /// A text of capital letters without marks comes back from its key; whatever comes back weighs the same.
    #[test]
    fn a_key_tells_a_text_of_the_same_weight(text in "[a-zA-ZÀ-ÿ0-9 ]{0,12}") {
        for collation in ALL {
            let key = collation.sort_key(&text);
            prop_assert_eq!(collation.sort_key(&collation.text_of_sort_key(&key)), key);
        }
    }

    /// The key of a text begins with that of a pattern that matches it.
    #[test]
    fn matching_texts_begin_with_the_key(start in "[a-cA-Cßéж가一 😀]{0,4}", rest in "[a-cA-Cßéж가一 😀]{0,4}") {
        for collation in ALL {
            let prefix = collation.key_of_folded_prefix(&collation.folded_pattern(&format!("{start}%"), None));
            let whole = format!("{start}{rest}");
            prop_assert!(collation.sort_key(&whole).starts_with(&prefix));
            prop_assert!(collation.sort_key(&start).starts_with(&prefix));
        }
    }

    /// Characters that fold to one are those that weigh the same.
    #[test]
    fn folding_agrees_with_weights(a: char, b: char) {
        let (x, y) = (a.to_string(), b.to_string());
        for collation in ALL {
            if collation.folded(&x) == collation.folded(&y) {
                prop_assert_eq!(collation.sort_key(&x), collation.sort_key(&y));
            }
        }
    }
}
