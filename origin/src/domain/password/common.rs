//! The passwords that everybody tries first (OWASP ASVS 5.0, 6.2.4). Where the list comes from is
//! said beside it, in `origin/data/README.md`.

/// In lower case, in the order of their bytes, one a line.
const LIST: &str = include_str!("../../../data/common-passwords.txt");

/// Whether a password, in lower case, is on the list.
pub(super) fn is_common(lower: &str) -> bool {
    // A few microseconds, beside a hash of some ten thousand.
    LIST.lines().any(|common| common == lower)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::password::PASSWORD_MINIMUM;

    #[test]
    fn the_list_has_3000_passwords_that_are_long_enough_to_be_chosen() {
        let list: Vec<&str> = LIST.lines().collect();
        assert_eq!(list.len(), 3000);
        assert!(list.is_sorted_by(|one, next| one < next), "each once");
        for password in list {
            assert!(password.chars().count() >= PASSWORD_MINIMUM, "{password}");
            assert_eq!(password.to_lowercase(), password);
            assert!(is_common(password));
        }
        assert!(!is_common("password\npassword1") && !is_common(""));
    }
}
