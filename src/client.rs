//! The client and its resources, as classes that mirror the public surface.
//!
//! Each method takes what JavaScript made of the caller's arguments: a ticket under which the completion comes back
//! (none to check the arguments only), up to two arguments of kind tag, id and user, and the text of body or query.
//! It answers nothing when the request is on its way, and otherwise why it is not.

use crate::agent::Agent;
use crate::channel::{Channel, Outbox};
use crate::js_text::JsText;
use layer_client::base_url::BaseUrl;
use layer_client::client::{Call, Client as Core, ClientOptions as CoreOptions, Refusal};
use layer_client::id::uuid_of;
use layer_client::methods::{METHODS, Method, Resource, find};
use layer_client::packet::Packet;
use napi::{Env, Error, Result};
use napi_derive::napi;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Settings of a client; `index.js` has filled in the defaults.
#[napi(object)]
pub struct ClientOptions {
    /// UUID of the app.
    pub app_id: String,
    /// Bearer token.
    pub token: String,
    /// Version of the Server API.
    pub version: String,
    /// `http(s)://host[:port][/prefix]`
    pub base_url: String,
    /// URL of an HTTP proxy.
    pub proxy: Option<String>,
    /// Milliseconds.
    pub timeout: f64,
}

/// Why a call sends nothing; one of the two is set.
#[napi(object)]
pub struct Refused {
    /// Text of the error for the callback.
    pub message: Option<String>,
    /// Header whose value cannot be sent: Node throws `ERR_INVALID_CHAR` for it.
    pub header: Option<String>,
}

/// A client of one app.
#[napi]
pub struct Client(Rc<Caller>);

/// What the resources of one client share.
struct Caller {
    client: Arc<Core>,
    outbox: Rc<Outbox>,
}

#[napi]
impl Client {
    /// Throws when `baseUrl` cannot be used.
    #[napi(constructor)]
    pub fn new(channel: &Channel, agent: &Agent, options: ClientOptions) -> Result<Self> {
        let base_url = BaseUrl::parse(&options.base_url).map_err(|error| Error::from_reason(error.to_string()))?;
        let options = CoreOptions {
            app_id: options.app_id,
            token: options.token,
            version: options.version,
            base_url,
            proxy: options.proxy,
            timeout: Duration::from_secs_f64(options.timeout.clamp(0.0, f64::from(i32::MAX)) / 1000.0),
        };
        let client = Core::new(&agent.0, &options).map_err(|error| Error::from_reason(error.to_string()))?;
        Ok(Self(Rc::new(Caller { client: Arc::new(client), outbox: channel.outbox() })))
    }

    /// Conversations.
    #[napi(getter)]
    pub fn conversations(&self) -> Conversations {
        Conversations(Rc::clone(&self.0))
    }

    /// Messages.
    #[napi(getter)]
    pub fn messages(&self) -> Messages {
        Messages(Rc::clone(&self.0))
    }

    /// Announcements.
    #[napi(getter)]
    pub fn announcements(&self) -> Announcements {
        Announcements(Rc::clone(&self.0))
    }

    /// Block lists.
    #[napi(getter)]
    pub fn blocklist(&self) -> Blocklist {
        Blocklist(Rc::clone(&self.0))
    }

    /// Identities.
    #[napi(getter)]
    pub fn identities(&self) -> Identities {
        Identities(Rc::clone(&self.0))
    }
}

impl Caller {
    fn call(
        &self,
        env: Env,
        method: &'static Method,
        ticket: Option<u32>,
        [first, second, text]: [&JsText; 3],
    ) -> Option<Refused> {
        let refusal = self.outbox.with_path([first, second], |path| {
            let call = Call { path, text: text.source() };
            match ticket {
                Some(ticket) => self.outbox.put(env, |packet| self.client.prepare(method, &call, ticket, packet)),
                None => self.client.prepare(method, &call, 0, &mut Packet::default()),
            }
        });
        match refusal {
            Ok(()) => None,
            Err(Refusal::Header(name)) => Some(Refused { message: None, header: Some(name.to_owned()) }),
            Err(refusal) => Some(Refused { message: Some(refusal.to_string()), header: None }),
        }
    }
}

/// Defines the class of a resource. A name that the table of methods does not have is an error of the compiler.
macro_rules! resource {
    ($(#[$doc:meta])* $class:ident { $($function:ident: $name:literal,)+ }) => {
        $(#[$doc])*
        #[napi]
        pub struct $class(Rc<Caller>);

        #[napi]
        impl $class {
            $(
                #[doc = concat!("`", $name, "` of the table of methods.")]
                #[napi(js_name = $name)]
                pub fn $function(
                    &self,
                    env: Env,
                    ticket: Option<u32>,
                    first: JsText,
                    second: JsText,
                    text: JsText,
                ) -> Option<Refused> {
                    const METHOD: &Method = find(Resource::$class, $name);
                    self.0.call(env, METHOD, ticket, [&first, &second, &text])
                }
            )+
        }
    };
}

resource! {
    /// `layer.conversations`
    Conversations {
        create: "create",
        create_dedupe: "createDedupe",
        get: "get",
        get_from_user: "getFromUser",
        get_all_from_user: "getAllFromUser",
        edit: "edit",
        set_metadata_properties: "setMetadataProperties",
        delete_metadata_properties: "deleteMetadataProperties",
        add_participants: "addParticipants",
        remove_participants: "removeParticipants",
        replace_participants: "replaceParticipants",
        delete: "delete",
    }
}

resource! {
    /// `layer.messages`
    Messages {
        send: "send",
        send_dedupe: "sendDedupe",
        send_text_from_user: "sendTextFromUser",
        send_text_from_name: "sendTextFromName",
        get_all: "getAll",
        get: "get",
        get_all_from_user: "getAllFromUser",
        get_from_user: "getFromUser",
    }
}

resource! {
    /// `layer.announcements`
    Announcements {
        send: "send",
        send_dedupe: "sendDedupe",
    }
}

resource! {
    /// `layer.blocklist`
    Blocklist {
        get: "get",
        block: "block",
        unblock: "unblock",
    }
}

resource! {
    /// `layer.identities`
    Identities {
        create: "create",
        get: "get",
        edit: "edit",
        replace: "replace",
        delete: "delete",
    }
}

/// The table of methods as JSON.
#[napi]
pub fn methods() -> Result<String> {
    serde_json::to_string(&METHODS).map_err(|error| Error::from_reason(error.to_string()))
}

/// The UUID at the end of an id, if there is one.
#[napi(js_name = "uuidOf")]
pub fn uuid(id: JsText) -> Option<String> {
    uuid_of(&id.read()?).map(str::to_owned)
}
