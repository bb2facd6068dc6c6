//! The schema of each type that a request is read into, made once.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

static SCHEMAS: LazyLock<RwLock<HashMap<TypeId, Arc<Value>>>> = LazyLock::new(RwLock::default);

/// The root schema of `T`.
pub(crate) fn of<T: JsonSchema + 'static>() -> Arc<Value> {
    let id = TypeId::of::<T>();
    if let Some(known) = SCHEMAS.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
        return Arc::clone(known);
    }
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
    let schema = Arc::new(schema.to_value());
    SCHEMAS.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&schema));
    schema
}
