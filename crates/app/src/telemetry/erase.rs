//! Telemetry of devices that are gone: how much there is, and its erasure.

use std::time::Duration;

use windlass_domain::ids::DeviceId;
use windlass_domain::time::Timestamp;
use windlass_store::devices;
use windlass_store::telemetry::Window;

use crate::app::App;
use crate::error::AppError;

/// Devices whose telemetry one round erases.
const AT_ONCE: u32 = 20;
const DAY: Duration = Duration::from_secs(24 * 3600);

impl App {
    /// How many points of a device are stored, texts not counted.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn points_of(&self, device: DeviceId) -> Result<u64, AppError> {
        let window = Window { from: Timestamp::from_micros(0), to: self.clock.now().plus(DAY) };
        let mut points: u64 = 0;
        let mut names: Vec<_> =
            self.telemetry.metrics(device).await?.into_iter().map(|metric| metric.name).collect();
        names.dedup();
        for name in names {
            for step in self.telemetry.steps(device, &name, window, DAY).await? {
                points = points.saturating_add(step.aggregate.count);
            }
        }
        Ok(points)
    }

    /// Erases the telemetry of devices whose data is to go. Takes no input; what cannot be erased yet is left for the
    /// next round.
    ///
    /// # Errors
    /// When the store fails; what was erased before stays erased.
    pub(crate) async fn erase_telemetry(&self) -> Result<(), AppError> {
        let asked: Vec<DeviceId> = self
            .store
            .read(move |tx| Box::pin(async move { devices::erasures(tx, AT_ONCE).await }))
            .await
            .map_err(AppError::Store)?;
        for device in asked {
            self.live.forget(device);
            if self.telemetry.erase(device).await? {
                self.store
                    .write(move |tx| Box::pin(async move { devices::erasure_done(tx, device).await }))
                    .await
                    .map_err(AppError::Store)?;
            }
        }
        Ok(())
    }
}
