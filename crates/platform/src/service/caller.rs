//! Who asks.

use layer_store::key::AppKey;
use layer_wire::{AppId, Version};

/// Who calls: the app that the token belongs to, and in which version.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// The app.
    pub app: AppId,
    /// The app inside the store.
    pub key: AppKey,
    /// The version of the API that the request asks for: it decides the shape of request and answer.
    pub version: Version,
}
