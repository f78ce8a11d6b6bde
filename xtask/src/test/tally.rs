//! Counting what cargo says.

use std::fmt;
use std::ops::AddAssign;

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
}

impl Tally {
    /// Counts one run of `cargo test`.
    ///
    /// Each program that cargo starts is announced by a line and ends with its result; one that is
    /// announced and has no result died, and counts as one failure. A run that fails without any
    /// failure (it did not compile) counts as one too.
    pub(super) fn of_run(lines: impl Iterator<Item = String>, succeeded: bool) -> Self {
        let (mut tally, mut started, mut ended) = (Self::default(), 0_u64, 0_u64);
        for line in lines {
            if is_announcement(&line) {
                started += 1;
            } else if let Some(result) = result_of(&line) {
                ended += 1;
                tally += result;
            }
        }
        tally.failed += started.saturating_sub(ended);
        if !succeeded && tally.failed == 0 {
            tally.failed = 1;
        }
        tally
    }
}

/// `     Running tests/it/main.rs (target/…)` and `   Doc-tests name`: cargo's own lines are
/// indented, a test's output that begins alike is not.
fn is_announcement(line: &str) -> bool {
    let text = line.trim_start();
    text.len() < line.len()
        && (text.starts_with("Doc-tests ") || (text.starts_with("Running ") && text.ends_with(')')))
}

/// `test result: ok. 3 passed; 0 failed; …`
fn result_of(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |kind: &str| {
        counts
            .split(';')
            .find_map(|part| part.trim().strip_suffix(kind)?.trim().parse().ok())
    };
    Some(Tally {
        passed: count("passed")?,
        failed: count("failed")?,
    })
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn count(text: &str, succeeded: bool) -> (u64, u64) {
        let tally = Tally::of_run(text.lines().map(str::to_owned), succeeded);
        (tally.passed, tally.failed)
    }

    const TWO: &str = concat!(
        "     Running unittests src/lib.rs (target/debug/deps/a-1)\n",
        "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n",
        "   Doc-tests a\n",
        "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n",
    );

    #[test]
    fn results_of_all_programs_are_added_up() {
        assert_eq!(count(TWO, false), (7, 2));
    }

    #[test]
    fn a_program_that_died_is_a_failure() {
        let died = format!("{TWO}     Running tests/it/main.rs (target/debug/deps/it-2)\n");
        assert_eq!(count(&died, false), (7, 3));
    }

    #[test]
    fn a_run_that_does_not_compile_is_a_failure() {
        assert_eq!(count("error: could not compile `a`", false), (0, 1));
    }

    #[test]
    fn what_the_wasm_runner_prints_is_understood() {
        let text = "test result: ok. 5 passed; 0 failed; 0 ignored; 0 filtered out; finished in 0s";
        assert_eq!(count(text, true), (5, 0));
    }
}
