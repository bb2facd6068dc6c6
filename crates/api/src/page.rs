//! Lists: what is asked and what comes back.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many items a page has when nothing is said.
pub const DEFAULT_LIMIT: u32 = 100;

/// Most items of a page.
pub const MOST: u32 = 1_000;

/// The query of a list that takes the fleet query language.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListQuery {
    /// Which items, in the query language: `type==pump;tag==outdoor,attribute.site==berlin*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// A field, with `-` before it for descending: `name`, `-lastContactAt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// Most items in the answer, 1 to 1000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
    /// Where to go on: the `cursor` of the page before, with the same `q` and `sort`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Fields to count values of, joined by commas: `type,lifecycle,tag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facets: Option<String>,
}

/// The query of a list in its own fixed order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PageQuery {
    /// Most items in the answer, 1 to 1000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
    /// Where to go on: the `cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One value of a facet and how many matching items have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FacetCount {
    /// The value.
    pub value: String,
    /// How many of all matching items, not only of this page.
    pub count: u64,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PageOf{T}")]
pub struct Page<T> {
    /// The items, in the order asked for.
    pub items: Vec<T>,
    /// How many match in all, where the list knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Pass it back to get the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Counts per asked facet, most frequent first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facets: Option<BTreeMap<String, Vec<FacetCount>>>,
}

/// Why a text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor of this list; leave it out to start from the beginning")]
pub struct InvalidCursor;

/// A place in a list that is ordered by number: what comes after this one. Written opaquely; callers only pass it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberCursor {
    /// The last number that was shown.
    pub after: i64,
}

impl NumberCursor {
    const MARK: char = 'n';

    /// As text.
    pub fn encode(self) -> String {
        format!("{}{:x}", Self::MARK, self.after)
    }
}

impl std::str::FromStr for NumberCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let digits =
            text.strip_prefix(Self::MARK).filter(|d| !d.starts_with(['+', '-'])).ok_or(InvalidCursor)?;
        i64::from_str_radix(digits, 16).map(|after| Self { after }).map_err(|_| InvalidCursor)
    }
}

/// A place in a list that is ordered by name: what comes after this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameCursor {
    /// The last name that was shown.
    pub after: String,
}

impl NameCursor {
    const MARK: char = 't';

    /// As text.
    pub fn encode(&self) -> String {
        use std::fmt::Write;
        let mut text = String::from(Self::MARK);
        for byte in self.after.bytes() {
            // Writing to a String cannot fail.
            let _infallible = write!(text, "{byte:02x}");
        }
        text
    }
}

impl std::str::FromStr for NameCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let digits = text.strip_prefix(Self::MARK).ok_or(InvalidCursor)?;
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        if !rest.is_empty() {
            return Err(InvalidCursor);
        }
        let bytes = pairs
            .iter()
            .map(|pair| {
                let pair = std::str::from_utf8(pair).map_err(|_| InvalidCursor)?;
                if !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(InvalidCursor);
                }
                u8::from_str_radix(pair, 16).map_err(|_| InvalidCursor)
            })
            .collect::<Result<Vec<u8>, _>>()?;
        String::from_utf8(bytes).map(|after| Self { after }).map_err(|_| InvalidCursor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back_as_written(after in 0_i64.., name in ".*") {
            let number = NumberCursor { after };
            prop_assert_eq!(number.encode().parse::<NumberCursor>(), Ok(number));
            let name = NameCursor { after: name };
            prop_assert_eq!(name.encode().parse::<NameCursor>(), Ok(name));
        }

        #[test]
        fn no_text_makes_a_cursor_panic(text in ".*") {
            if let Ok(cursor) = text.parse::<NumberCursor>() {
                prop_assert!(cursor.after >= 0);
            }
            if let Ok(cursor) = text.parse::<NameCursor>() {
                prop_assert_eq!(cursor.encode().to_lowercase(), text.to_lowercase());
            }
        }
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        assert_eq!("n1f".parse::<NameCursor>(), Err(InvalidCursor));
        assert_eq!("t61".parse::<NumberCursor>(), Err(InvalidCursor));
        for bad in ["", "n", "n-1", "n+1", "nffffffffffffffff", "xyz", "t6", "tzz", "t+1"] {
            assert!(bad.parse::<NumberCursor>().is_err(), "{bad}");
            assert!(bad.parse::<NameCursor>().is_err(), "{bad}");
        }
    }
}
