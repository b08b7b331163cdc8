//! How an answer is shown: in which version, with which URLs, and with what is known of the users in it. Contract 3 and
//! 5.

use std::collections::HashMap;

use serde::Serialize;

use crate::id::UserId;
use crate::member::Member;
use crate::url::Urls;
use crate::version::Version;

/// What answers show of a user besides the id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// The name to show; `None` for a user without identity.
    pub display_name: Option<String>,
    /// The address of a picture.
    pub avatar_url: Option<String>,
}

/// What is known of the users in an answer. Who is not in it has no identity.
pub type Identities = HashMap<UserId, Profile>;

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

/// A user in the objects of version 2.0 and later (contract 3.1). In payloads of webhooks keys without a value are left
/// out (contract 3 and 6.5), elsewhere they are null (assumed).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BasicIdentity {
    #[serde(skip_serializing_if = "Member::is_absent")]
    id: Member<Option<String>>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    url: Member<Option<String>>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    user_id: Member<Option<UserId>>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    display_name: Member<Option<String>>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    avatar_url: Member<Option<String>>,
}

impl BasicIdentity {
    /// A user. Without identity it has neither name nor picture.
    pub fn of(user: UserId, view: &View) -> Self {
        let has_nulls = !view.urls.are_in_events();
        let profile = view.identities.get(&user).cloned().unwrap_or_default();
        Self {
            id: Member::Present(Some(user.identity_id())),
            url: Member::Present(Some(view.urls.identity(&user))),
            display_name: Member::nullable(profile.display_name, has_nulls),
            avatar_url: Member::nullable(profile.avatar_url, has_nulls),
            user_id: Member::Present(Some(user)),
        }
    }

    /// The free-text sender of a 1.x message: nothing but a name (assumed, contract 5).
    pub fn named(name: String, view: &View) -> Self {
        let has_nulls = !view.urls.are_in_events();
        Self {
            id: Member::nullable(None, has_nulls),
            url: Member::nullable(None, has_nulls),
            user_id: Member::nullable(None, has_nulls),
            display_name: Member::Present(Some(name)),
            avatar_url: Member::nullable(None, has_nulls),
        }
    }
}
