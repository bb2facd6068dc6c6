//! What every answer has: stamps, links, pages, errors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who made and changed a thing, and when, in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stamp {
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: i64,
    /// Who changed it last.
    pub last_modified_by: String,
    /// When.
    pub last_modified_at: i64,
}

/// One link.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Where.
    pub href: String,
    /// What people call it, where a client shows it beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A thing by its number.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IdRef {
    /// Its number.
    #[serde(deserialize_with = "coerced")]
    pub id: Option<i64>,
}

/// Links by relation.
pub type Links = BTreeMap<&'static str, Link>;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page {
    /// The items.
    pub content: Vec<Value>,
    /// How many there are in all.
    pub total: u64,
    /// How many are here.
    pub size: usize,
}

/// What a refused request is answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// Name of the class that clients in Java look for.
    pub exception_class: &'static str,
    /// Stable code.
    pub error_code: &'static str,
    /// A sentence.
    pub message: String,
    /// More about it, by name.
    pub info: BTreeMap<&'static str, Value>,
}

/// `null`, absent and a value are three things.
///
/// # Errors
/// When the value is of another type.
pub fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

/// `null` is as good as absent.
///
/// # Errors
/// When the value is of another type.
pub fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A value that clients may write as another kind of value: numbers and truths as text, text as either. As upstream.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "must be a text, a number, true or false")]
pub enum Scalar {
    /// True or false.
    Truth(bool),
    /// A number without a fraction.
    Whole(i64),
    /// Any other number.
    Real(f64),
    /// A text.
    Text(String),
}

/// What can be read from a [`Scalar`].
pub trait Coerced: Sized {
    /// What it must be, for whoever wrote something else.
    const EXPECTED: &'static str;

    /// Its value, if it can be taken for one.
    fn of(scalar: Scalar) -> Option<Self>;
}

impl Coerced for String {
    const EXPECTED: &'static str = "must be a text";

    fn of(scalar: Scalar) -> Option<Self> {
        Some(match scalar {
            Scalar::Truth(truth) => truth.to_string(),
            Scalar::Whole(number) => number.to_string(),
            Scalar::Real(number) => number.to_string(),
            Scalar::Text(text) => text,
        })
    }
}

impl Coerced for bool {
    const EXPECTED: &'static str = "must be true or false";

    fn of(scalar: Scalar) -> Option<Self> {
        match scalar {
            Scalar::Truth(truth) => Some(truth),
            Scalar::Whole(number) => Some(number != 0),
            Scalar::Real(_) => None,
            Scalar::Text(text) => text.trim().to_ascii_lowercase().parse().ok(),
        }
    }
}

impl Coerced for f64 {
    const EXPECTED: &'static str = "must be a number";

    fn of(scalar: Scalar) -> Option<Self> {
        match scalar {
            Scalar::Truth(_) => None,
            // By its digits: every number has some that can be read.
            Scalar::Whole(number) => number.to_string().parse().ok(),
            Scalar::Real(number) => Some(number),
            Scalar::Text(text) => text.trim().parse().ok().filter(|number: &Self| number.is_finite()),
        }
    }
}

macro_rules! whole {
    ($($number:ty),*) => {$(
        impl Coerced for $number {
            const EXPECTED: &'static str = "must be a whole number in range";

            fn of(scalar: Scalar) -> Option<Self> {
                match scalar {
                    Scalar::Truth(_) => None,
                    Scalar::Whole(number) => Self::try_from(number).ok(),
                    // Fractions are cut off.
                    Scalar::Real(number) => format!("{:.0}", number.trunc()).parse().ok(),
                    Scalar::Text(text) => text.trim().parse().ok(),
                }
            }
        }
    )*};
}

whole!(i64, i32, u32, u64);

/// One value of whatever kind; `null` and, but for texts, an empty text are as good as absent.
///
/// # Errors
/// When the value cannot be taken for one of this type.
pub fn coerced<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Coerced,
{
    let Some(scalar) = Option::<Scalar>::deserialize(deserializer)? else { return Ok(None) };
    let empty = matches!(&scalar, Scalar::Text(text) if text.trim().is_empty());
    match T::of(scalar) {
        Some(value) => Ok(Some(value)),
        None if empty => Ok(None),
        None => Err(serde::de::Error::custom(T::EXPECTED)),
    }
}

/// As [`coerced`], where absent means the default.
///
/// # Errors
/// When the value cannot be taken for one of this type.
pub fn coerced_or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Coerced + Default,
{
    Ok(coerced(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::management::actions::{SetAssignment, TargetAssignment};
    use crate::management::rollouts::RolloutRequest;
    use crate::management::targets::TargetRequest;

    #[test]
    fn numbers_are_taken_as_texts_and_texts_as_numbers() {
        let set: SetAssignment =
            serde_json::from_value(json!({"id": "3", "forcetime": "0", "weight": 7.0, "type": "soft"}))
                .unwrap();
        assert_eq!((set.id, set.terms.forcetime, set.terms.weight), (Some(3), Some(0), Some(7)));
        let target: TargetAssignment =
            serde_json::from_value(json!({"id": 1, "confirmationRequired": "true", "weight": null})).unwrap();
        assert_eq!((target.id.as_deref(), target.terms.confirmation_required), (Some("1"), Some(true)));
        let target: TargetRequest =
            serde_json::from_value(json!({"controllerId": 17, "name": true, "targetType": ""})).unwrap();
        assert_eq!((target.controller_id.as_deref(), target.name.as_deref()), (Some("17"), Some("true")));
        assert_eq!(target.target_type, None);
        let rollout = json!({"dynamic": 1, "amountGroups": "5", "successCondition": {"expression": 80}});
        let rollout: RolloutRequest = serde_json::from_value(rollout).unwrap();
        assert_eq!((rollout.dynamic, rollout.amount_groups), (true, Some(5)));
        assert_eq!(rollout.success_condition.map(|one| one.expression).as_deref(), Some("80"));
    }

    #[test]
    fn what_cannot_be_taken_for_a_value_is_refused() {
        for bad in [
            json!({"id": "three"}),
            json!({"id": true}),
            json!({"id": [3]}),
            json!({"id": {}}),
            json!({"id": 1e300}),
            json!({"confirmationRequired": "perhaps"}),
            json!({"type": ["forced"]}),
        ] {
            assert!(serde_json::from_value::<SetAssignment>(bad.clone()).is_err(), "{bad}");
        }
        for bad in [json!({"amountGroups": -1}), json!({"amountGroups": 1e12}), json!({"dynamic": 0.5})] {
            assert!(serde_json::from_value::<RolloutRequest>(bad.clone()).is_err(), "{bad}");
        }
    }
}
