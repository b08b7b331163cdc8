//! Ad-hoc notifications. Contract 2.4.

use layer_store::key::AppKey;
use layer_wire::notification::NewNotification;

/// Ad-hoc notifications.
pub struct NotificationService;

impl NotificationService {
    /// Takes a notification for its recipients, who need not exist. Nothing is stored (contract 2.4).
    ///
    /// Here the platform ends: it knows no devices. A push network would be called from this place.
    #[expect(clippy::unused_self, reason = "a push network would be a member of it")]
    pub fn push(&self, _app: AppKey, _request: NewNotification) {}
}
