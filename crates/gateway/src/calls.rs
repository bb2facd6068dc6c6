//! TEMP seam until the application has these.
use windlass_app::message::{DevicePeer, Inbound, Outbound, Outcome, Peer, TopicRefusal};
use windlass_app::{App, AppError};

#[derive(Debug, Default)]
pub(crate) struct Sent;
#[derive(Debug, Clone)]
pub(crate) struct SavedWill { pub(crate) topic: String, pub(crate) payload: Vec<u8>, pub(crate) delay_seconds: u32 }
#[derive(Debug, Clone)]
pub(crate) struct SavedSession {
    pub(crate) subscriptions: Vec<(String, u8)>,
    pub(crate) qos2_open: Vec<u16>,
    pub(crate) will: Option<SavedWill>,
    pub(crate) expiry_seconds: u32,
}
#[derive(Debug, Clone, Copy)]
pub(crate) enum DisconnectReason { Goodbye }

pub(crate) trait Calls {
    fn authorise_publish(&self, _: &Peer, _: &str, _: &str) -> Result<(), TopicRefusal> { unimplemented!() }
    fn authorise_filter(&self, _: &Peer, _: &str, _: &str) -> bool { unimplemented!() }
    fn handle(&self, _: Vec<Inbound>) -> impl Future<Output = Vec<Outcome>> + Send { async { unimplemented!() } }
    fn pending_messages(&self, _: &DevicePeer, _: &[String], _: &mut Sent) -> impl Future<Output = Result<Vec<Outbound>, AppError>> + Send { async { unimplemented!() } }
    fn session_load(&self, _: &DevicePeer, _: &str) -> impl Future<Output = Result<Option<SavedSession>, AppError>> + Send { async { unimplemented!() } }
    fn session_save(&self, _: &DevicePeer, _: &str, _: &SavedSession) -> impl Future<Output = Result<(), AppError>> + Send { async { unimplemented!() } }
    fn session_end(&self, _: &DevicePeer, _: &str) -> impl Future<Output = Result<(), AppError>> + Send { async { unimplemented!() } }
    fn device_connected(&self, _: &DevicePeer, _: std::net::SocketAddr, _: &str) -> impl Future<Output = ()> + Send { async { unimplemented!() } }
    fn device_disconnected(&self, _: &DevicePeer, _: DisconnectReason) -> impl Future<Output = ()> + Send { async { unimplemented!() } }
}
impl Calls for App {}
