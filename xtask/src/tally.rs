//! Counts tests from the closing lines of the runners.

/// How many tests ran, as their runners said.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Ended well.
    pub(crate) passed: u64,
    /// Did not.
    pub(crate) failed: u64,
}

impl Tally {
    /// Takes in one line of output; other lines than closing ones change nothing.
    pub(crate) fn read(&mut self, line: &str) {
        let cargo = line.trim().strip_prefix("test result: ");
        let pytest = line.strip_prefix("=====").filter(|rest| rest.ends_with("====="));
        let vitest = line.trim().strip_prefix("Tests  ").filter(|rest| rest.ends_with(')'));
        if let Some(counts) = cargo.or(pytest).or(vitest) {
            self.passed += number_before(counts, "passed");
            self.failed += number_before(counts, "failed") + number_before(counts, "error");
        }
    }
}

/// The number in front of a word such as `passed;` or `errors,`.
fn number_before(text: &str, word: &str) -> u64 {
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .windows(2)
        .find_map(|pair| match pair {
            [number, name] if name.starts_with(word) => number.parse().ok(),
            _ => None,
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(lines: &[&str]) -> (u64, u64) {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.read(line));
        (tally.passed, tally.failed)
    }

    #[test]
    fn closing_lines_of_cargo_test_are_added_up() {
        let lines = [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
        ];
        assert_eq!(counted(&lines), (13, 2));
    }

    #[test]
    fn closing_lines_of_pytest_are_added_up() {
        assert_eq!(counted(&["============ 2 failed, 5 passed in 3.20s ============"]), (5, 2));
        assert_eq!(counted(&["===== 5 passed, 1 error in 3.20s ====="]), (5, 1));
        assert_eq!(counted(&["===== 7 passed in 1.00s ====="]), (7, 0));
    }

    #[test]
    fn closing_lines_of_vitest_are_added_up() {
        assert_eq!(counted(&[" Test Files  2 passed (2)", "      Tests  20 passed (20)"]), (20, 0));
        assert_eq!(counted(&["      Tests  1 failed | 11 passed (12)"]), (11, 1));
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(
            counted(&["test a::b ... ok", "12 passed by", "=== unit", "Tests  that we passed", ""]),
            (0, 0)
        );
    }
}
