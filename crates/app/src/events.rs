//! stub
use crate::message::{Effects, RequestContext};
use windlass_store::{StoreError, Tx};
pub async fn from_device(_: &mut Tx<'_>, _: &RequestContext<'_>) -> Result<Effects, StoreError> {
    unimplemented!()
}
pub async fn log_from_device(_: &mut Tx<'_>, _: &RequestContext<'_>) -> Result<Effects, StoreError> {
    unimplemented!()
}
