use proptest::prelude::*;

use super::*;

fn name(text: &str) -> Username {
    text.parse().unwrap_or_else(|_| panic!("{text:?}"))
}

fn refused(text: &str) -> bool {
    text.parse::<Username>().is_err()
}

#[test]
fn names_that_were_allowed_in_ascii_still_are() {
    assert_eq!(
        name("Ann.Lee+x@Example.org").as_str(),
        "ann.lee+x@example.org"
    );
    for text in ["a", "0", "a.", "a_-@+.", &"a".repeat(64)] {
        assert_eq!(name(text).as_str(), text);
    }
    for text in [
        "",
        " ann",
        "ann ",
        ".ann",
        "-",
        "a\nb",
        "a\u{0}b",
        "a/b",
        "a'b",
        "a:b",
        &"a".repeat(65),
    ] {
        assert!(refused(text), "{text:?}");
    }
}

#[test]
fn a_name_is_the_same_in_any_case_and_form() {
    for (texts, expected) in [
        (&["José", "JOSÉ", "Jose\u{301}"][..], "josé"),
        (&["Weiß", "WEISS", "weiss", "WEIẞ"], "weiss"),
        (&["ΟΔΥΣΣΕΎΣ", "οδυσσεύς", "Οδυσσεύσ"], "οδυσσεύσ"),
        (&["ａｎｎ", "Ａnn", "𝐚𝓃𝔫"], "ann"),
        (&["ﬁn", "FIN"], "fin"),
        (&["ｶﾞ", "ガ"], "ガ"),
        (&["Иван", "ИВАН"], "иван"),
        (&["٣٤ب", "ب٣٤"][1..], "ب٣٤"),
        (&["ÅNGSTRÖM", "\u{212b}ngström"], "ångström"),
        (&["Ǆ", "ǆ", "ǅ"], "dž"),
    ] {
        for text in texts {
            assert_eq!(name(text).as_str(), expected, "{text}");
        }
    }
}

#[test]
fn names_of_many_scripts_are_possible() {
    for text in [
        "łukasz",
        "þórr",
        "nguyễn",
        "борис",
        "ελένη",
        "שרה",
        "فاطمة",
        "राम",
        "สมชาย",
        "김철수",
        "王小明",
        "さくら",
        "サクラsan",
        "王xiao",
        "дмитрий.иванов",
        "анна@почта.рф",
        "שרה.7",
    ] {
        assert_eq!(name(text).as_str(), text);
    }
}

#[test]
fn what_is_not_shown_or_changes_how_others_are_shown_is_refused() {
    for hidden in [
        '\u{ad}',
        '\u{34f}',
        '\u{61c}',
        '\u{115f}',
        '\u{180e}',
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{200e}',
        '\u{200f}',
        '\u{202a}',
        '\u{202e}',
        '\u{2060}',
        '\u{2066}',
        '\u{2069}',
        '\u{3164}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{ffa0}',
        '\u{e0001}',
        '\u{e0100}',
        '\u{7f}',
        '\u{85}',
        '\u{9b}',
        '\t',
        '\n',
        '\r',
        '\u{1b}',
        '\u{a0}',
        '\u{2003}',
        '\u{2028}',
        '\u{3000}',
        '\u{fffd}',
        '\u{e000}',
    ] {
        for text in [
            format!("a{hidden}b"),
            format!("{hidden}ab"),
            format!("ab{hidden}"),
        ] {
            assert!(refused(&text), "{text:?}");
        }
    }
    for text in [
        "☺", "a☺", "a·b", "a’b", "a/b", "a／b", "a：b", "\u{301}a", "a⁄b", "½", "a®",
    ] {
        assert!(refused(text), "{text:?}");
    }
}

#[test]
fn scripts_and_digits_that_nobody_mixes_are_refused() {
    for text in [
        "аnn",
        "annа",
        "ελenη",
        "борис1x",
        "שרהann",
        "bосs",
        "ann١",
        "٣4ب",
        "ب٣4",
        "ب٣۴",
        "рaypal",
    ] {
        assert!(refused(text), "{text:?}");
    }
}

#[test]
fn a_name_is_read_in_one_direction() {
    for text in ["1שרה", "שרה.", "שרה-", "1.שרה"] {
        assert!(refused(text), "{text:?}");
    }
    assert_eq!(name("שרה.כהן").as_str(), "שרה.כהן");
}

#[test]
fn names_that_look_alike_have_one_skeleton() {
    for (one, other) in [
        ("mary", "rnary"),
        ("bill", "bi11"),
        ("bob", "b0b"),
        ("cop", "сор"),
        ("ann.lee", "ann.1ee"),
        ("ırmak", "irmak"),
    ] {
        assert_eq!(
            name(one).skeleton(),
            name(other).skeleton(),
            "{one} {other}"
        );
    }
    for (one, other) in [
        ("ann", "anna"),
        ("user1", "user2"),
        ("jose", "josé"),
        ("a.b", "a-b"),
    ] {
        assert_ne!(
            name(one).skeleton(),
            name(other).skeleton(),
            "{one} {other}"
        );
    }
}

#[test]
fn a_name_has_at_most_64_characters_after_normalisation() {
    assert_eq!(name(&"é".repeat(64)), name(&"e\u{301}".repeat(64)));
    assert!(refused(&"é".repeat(65)));
    // One character becomes eighteen.
    assert!(refused(&"\u{fdfa}".repeat(4)));
    assert!(refused(&"a".repeat(1_000_000)));
}

#[test]
fn every_character_that_may_stand_in_a_name_keeps_its_promises() {
    for character in ('\0'..=char::MAX).filter(|character| !character.is_ascii()) {
        let text = character.to_string();
        if let Ok(first) = text.parse::<Username>() {
            for other in forms(&text) {
                assert_eq!(other.parse(), Ok(first.clone()), "{text:?} {other:?}");
            }
        }
    }
}

/// A text in other cases and normalisation forms.
fn forms(text: &str) -> Vec<String> {
    let cases = [text.to_owned(), text.to_uppercase(), text.to_lowercase()];
    cases
        .iter()
        .flat_map(|text| {
            [
                text.clone(),
                text.nfc().collect(),
                text.nfd().collect(),
                text.nfkc().collect(),
                text.nfkd().collect(),
            ]
        })
        .collect()
}

proptest! {
    #[test]
    fn a_names_text_is_that_name(text in any::<String>()) {
        if let Ok(name) = text.parse::<Username>() {
            prop_assert_eq!(name.to_string().parse::<Username>(), Ok(name.clone()));
            prop_assert!((1..=NAME_LIMIT).contains(&name.as_str().chars().count()));
        }
    }

    #[test]
    fn any_form_of_a_name_is_that_name(text in "[\\p{Latin}\\p{Greek}\\p{Cyrillic}\\p{M}0-9._@+-]{1,12}|[\\p{Han}\\p{Hiragana}\\p{Katakana}a-z]{1,12}|\\p{Hangul}{1,8}|[\\p{Arabic}0-9]{1,8}|\\p{Hebrew}{1,8}") {
        if let Ok(name) = text.parse::<Username>() {
            for other in forms(&text).into_iter().chain(forms(name.as_str())) {
                prop_assert_eq!(other.parse::<Username>(), Ok(name.clone()), "{:?}", other);
            }
            prop_assert_eq!(name.skeleton(), name.to_string().parse::<Username>().unwrap().skeleton());
        }
    }
}
