//! Names of users, in any script, each in one form only.
//!
//! The profile is that of RFC 8265 §3.3 (`UsernameCaseMapped`) with the stricter mappings of
//! UTS #39: letters, marks and digits that UTS #39 allows in identifiers, and `._-@+`; NFKC; the
//! case of letters folded; the Bidi Rule of RFC 5893 §2; one script, or Latin with those that are
//! written together with it (UTS #39 §5.2, "highly restrictive"); one system of digits. What is
//! not shown (controls, default ignorables, directions) and white space is in none.
//!
//! Invariant: parsing a name's own text gives the same name, and so does parsing it in another
//! case or normalisation form. Two names that look alike have the same [`Username::skeleton`], and
//! storage keeps only one of a skeleton.

use std::{fmt, str::FromStr};

use unicode_bidi::BidiClass;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_security::{
    GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection,
    confusable_detection::skeleton,
};

/// The longest name, in characters after normalisation.
pub const NAME_LIMIT: usize = 64;

/// The longest text that is normalised, in bytes: a name of the longest characters, each in its
/// longest form.
const TEXT_LIMIT: usize = 1024;

/// The most marks on one letter.
const MOST_MARKS: usize = 4;

/// What may stand between letters and digits; names may look like addresses of mail.
const PUNCTUATION: &str = "._-@+";

/// The text is not a username.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a username has 1 to {NAME_LIMIT} characters: letters and digits of one script, and . _ - @ + \
     inside or after"
)]
pub struct InvalidUsername;

/// A username: normalised, and without case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Username(String);

impl Username {
    /// The name in its one form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What all names that look like this one have in common (UTS #39 §4), without case as names
    /// are: the skeleton of `0` is `O`, that of `o` is `o`.
    pub fn skeleton(&self) -> String {
        skeleton(&self.0).flat_map(char::to_lowercase).collect()
    }
}

/// A text as it would stand within a name; none for what stands in no name.
pub fn part_of_name(text: &str) -> Option<String> {
    let part = one_form(text)?;
    let fits = part.chars().count() <= NAME_LIMIT && part.chars().all(is_allowed);
    fits.then_some(part)
}

/// A text in the one form that names have; none where it is too long for any.
fn one_form(text: &str) -> Option<String> {
    if text.len() > TEXT_LIMIT {
        None
    } else if text.is_ascii() {
        Some(text.to_ascii_lowercase())
    } else {
        Some(normalised(text))
    }
}

impl FromStr for Username {
    type Err = InvalidUsername;

    fn from_str(text: &str) -> Result<Self, InvalidUsername> {
        let name = one_form(text).ok_or(InvalidUsername)?;
        let starts_well = name.chars().next().is_some_and(char::is_alphanumeric);
        let fits = name.chars().count() <= NAME_LIMIT && name.chars().all(is_allowed);
        if starts_well && fits && (name.is_ascii() || is_plausible(&name)) {
            Ok(Self(name))
        } else {
            Err(InvalidUsername)
        }
    }
}

impl fmt::Display for Username {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// NFKC and without case, both at once: either may undo the other, so they take turns until
/// nothing changes.
fn normalised(text: &str) -> String {
    let mut name = fold(text);
    // Twice is enough for every character that there is; the bound is for those to come.
    for _ in 0..4 {
        let next = fold(&name);
        if next == name {
            break;
        }
        name = next;
    }
    name
}

/// Folds case by way of upper case, so that what has no capital of its own (ß, ς, ı) is folded
/// with what it becomes as one.
fn fold(text: &str) -> String {
    text.nfkc()
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfkc()
        .collect()
}

fn is_allowed(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || PUNCTUATION.contains(character);
    }
    let is_word = character.is_alphanumeric() || is_combining_mark(character);
    is_word && GeneralSecurityProfile::identifier_allowed(character)
}

/// Whether characters that are each allowed make a name that people write.
fn is_plausible(name: &str) -> bool {
    let word: String = name
        .chars()
        .filter(|character| !PUNCTUATION.contains(*character))
        .collect();
    word.check_restriction_level(RestrictionLevel::HighlyRestrictive)
        && has_one_system_of_digits(name)
        && has_no_heap_of_marks(name)
        && obeys_bidi_rule(name)
}

/// UTS #39 §5.3. The ten digits of a system stand in one row of sixteen.
fn has_one_system_of_digits(name: &str) -> bool {
    let mut rows = name
        .chars()
        .filter(|character| character.is_numeric())
        .map(|digit| u32::from(digit) / 16);
    let first = rows.next();
    rows.all(|row| Some(row) == first)
}

/// UTS #39 §5.4: at most four marks on a letter, and none twice in a row.
fn has_no_heap_of_marks(name: &str) -> bool {
    let (mut count, mut last) = (0, None);
    name.nfd().all(|character| {
        let is_mark = is_combining_mark(character);
        let repeated = is_mark && last == Some(character);
        count = if is_mark { count + 1 } else { 0 };
        last = Some(character);
        count <= MOST_MARKS && !repeated
    })
}

/// RFC 5893 §2, conditions 1 to 6, for a name that is shown by itself.
fn obeys_bidi_rule(name: &str) -> bool {
    use BidiClass::{AL, AN, BN, CS, EN, ES, ET, L, NSM, ON, R};
    let classes: Vec<BidiClass> = name.chars().map(unicode_bidi::bidi_class).collect();
    let has = |wanted: BidiClass| classes.contains(&wanted);
    if !(has(R) || has(AL) || has(AN)) {
        return true;
    }
    let may_stand =
        |class: &BidiClass| matches!(class, R | AL | AN | EN | ES | CS | ET | ON | BN | NSM);
    let last = classes.iter().rev().find(|class| **class != NSM);
    !has(L)
        && matches!(classes.first(), Some(R | AL))
        && classes.iter().all(may_stand)
        && matches!(last, Some(R | AL | EN | AN))
        && !(has(EN) && has(AN))
}

#[cfg(test)]
mod tests;
