//! Pages of lists that use cases hand over whole or from a place on.

use windlass_api::page::{DEFAULT_LIMIT, MOST, NameCursor, NumberCursor, Page, PageQuery};

use super::error::Refusal;
use windlass_api::problem::code;

/// How many items are wanted.
pub(crate) fn limit(asked: Option<u32>) -> u32 {
    asked.unwrap_or(DEFAULT_LIMIT).clamp(1, MOST)
}

/// What a text that is no cursor of this list is refused with.
pub(crate) fn bad_cursor() -> Refusal {
    let problem = windlass_api::page::InvalidCursor;
    let mut refusal = Refusal::field("cursor", problem);
    code::BAD_CURSOR.clone_into(&mut refusal.problem.code);
    refusal.problem.kind = format!("urn:windlass:problem:{}", code::BAD_CURSOR);
    refusal
}

/// The number to go on after.
pub(crate) fn after_number(cursor: Option<&str>) -> Result<Option<i64>, Refusal> {
    cursor
        .map(|text| text.parse::<NumberCursor>().map(|place| place.after))
        .transpose()
        .map_err(|_| bad_cursor())
}

/// A page of items that were fetched from a place on, one more than asked for if there are more.
pub(crate) fn fetched<T, U>(
    mut items: Vec<T>,
    limit: u32,
    number: impl Fn(&T) -> i64,
    show: impl FnMut(T) -> U,
) -> Page<U> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > most;
    items.truncate(most);
    let cursor = items.last().filter(|_| more).map(|last| NumberCursor { after: number(last) }.encode());
    Page { items: items.into_iter().map(show).collect(), total: None, cursor, facets: None }
}

/// A page of a whole list in its own order of numbers, rising or falling.
pub(crate) fn by_number<T, U>(
    items: Vec<T>,
    query: &PageQuery,
    number: impl Fn(&T) -> i64,
    show: impl FnMut(T) -> U,
) -> Result<Page<U>, Refusal> {
    let total = u64::try_from(items.len()).ok();
    let falling = matches!(items.as_slice(), [first, .., last] if number(first) > number(last));
    let after = after_number(query.cursor.as_deref())?;
    let rest = items
        .into_iter()
        .filter(|item| {
            after.is_none_or(|after| if falling { number(item) < after } else { number(item) > after })
        })
        .collect();
    let page = fetched(rest, limit(query.limit), number, show);
    Ok(Page { total, ..page })
}

/// A page of a whole list in the order of names.
pub(crate) fn by_name<T, U>(
    mut items: Vec<T>,
    query: &PageQuery,
    name: impl Fn(&T) -> String,
    show: impl FnMut(T) -> U,
) -> Result<Page<U>, Refusal> {
    items.sort_by_cached_key(&name);
    let total = u64::try_from(items.len()).ok();
    let after = match query.cursor.as_deref() {
        Some(text) => Some(text.parse::<NameCursor>().map_err(|_| bad_cursor())?.after),
        None => None,
    };
    let mut rest: Vec<T> =
        items.into_iter().filter(|item| after.as_ref().is_none_or(|after| name(item) > *after)).collect();
    let most = usize::try_from(limit(query.limit)).unwrap_or(usize::MAX);
    let more = rest.len() > most;
    rest.truncate(most);
    let cursor = rest.last().filter(|_| more).map(|last| NameCursor { after: name(last) }.encode());
    Ok(Page { items: rest.into_iter().map(show).collect(), total, cursor, facets: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(mut page: impl FnMut(PageQuery) -> Page<i64>) -> (Vec<i64>, usize) {
        let (mut seen, mut pages, mut cursor) = (Vec::new(), 0, None);
        loop {
            let answer = page(PageQuery { limit: Some(3), cursor });
            pages += 1;
            seen.extend(answer.items);
            cursor = answer.cursor;
            if cursor.is_none() {
                return (seen, pages);
            }
        }
    }

    #[test]
    fn following_cursors_gives_everything_once() {
        for count in [0, 1, 3, 4, 9] {
            let rising: Vec<i64> = (1..=count).collect();
            let falling: Vec<i64> = (1..=count).rev().collect();
            for all in [rising.clone(), falling] {
                let (seen, pages) = walk(|query| by_number(all.clone(), &query, |n| *n, |n| n).unwrap());
                assert_eq!(seen, all);
                assert_eq!(pages, usize::try_from(count.max(1)).unwrap().div_ceil(3));
            }
            let name = |n: &i64| format!("{n:04}");
            let (seen, _) = walk(|query| by_name(rising.clone(), &query, name, |n| n).unwrap());
            assert_eq!(seen, rising);
        }
    }

    #[test]
    fn a_cursor_of_another_kind_is_refused_by_its_code() {
        let query = PageQuery { limit: None, cursor: Some("t61".to_owned()) };
        let refusal = by_number(vec![1_i64], &query, |n| *n, |n| n).unwrap_err();
        assert_eq!(refusal.problem.code, "cursor.invalid");
        assert_eq!(refusal.problem.errors[0].field, "cursor");
    }
}
