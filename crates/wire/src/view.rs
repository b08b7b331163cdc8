//! How an answer is shown: in which version, with which URLs, and with what is known of the users in it. Contract 3 and
//! 5.

use serde::Serialize;

use crate::id::UserId;
use crate::identity::{BasicIdentity, Identities};
use crate::url::Urls;
use crate::version::Version;

/// What every object of an answer needs to know to be shown.
#[derive(Debug, Clone)]
pub struct View {
    /// The version that was asked for.
    pub version: Version,
    /// The URLs of the app, or of the user whose view it is.
    pub urls: Urls,
    /// What is known of the users in the answer. Empty in 1.x, which shows user ids only.
    pub identities: Identities,
}

impl View {
    /// A user among others: the user id in 1.x, a [`BasicIdentity`] from 2.0 on.
    pub fn user(&self, user: UserId) -> ShownUser {
        if self.version.has_identities() { ShownUser::Identity(self.identity(user)) } else { ShownUser::Id(user) }
    }

    /// A user where an answer has room for an id only: the user id in 1.x, the identity id from 2.0 on.
    pub fn user_reference(&self, user: &UserId) -> String {
        if self.version.has_identities() { user.identity_id() } else { user.as_str().to_owned() }
    }

    /// A user as versions 2.0 and later show it.
    pub fn identity(&self, user: UserId) -> BasicIdentity {
        BasicIdentity::of(user, self)
    }
}

/// A user in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ShownUser {
    /// In 1.x.
    Id(UserId),
    /// From 2.0 on.
    Identity(BasicIdentity),
}
