//! Who asks.

use layer_store::key::AppKey;
use layer_wire::{AppId, Version};

/// Which API a request comes over. Both share the rules; URLs in answers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// The Server API: the token of an app, users in the path.
    Server,
    /// The Client API: the session of a user.
    Client,
}

/// Who calls: the app that the token belongs to, and in which version.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// The app.
    pub app: AppId,
    /// The app inside the store.
    pub key: AppKey,
    /// The version of the API that the request asks for: it decides the shape of request and answer.
    pub version: Version,
    /// The API that the request comes over.
    pub api: Api,
}
