//! The embedded platform as JavaScript starts, uses and stops it.
//!
//! The platform has threads of its own; what blocks here runs on libuv's pool and answers with a promise.

use layer_platform::args::{self, Command};
use layer_platform::{
    AdminAnswer as CoreAnswer, Config, DataLocation, IdSource, Platform as Core, Timestamp, Tls, Token, WebhookOptions,
};
use napi::bindgen_prelude::{AsyncTask, Buffer};
use napi::{Env, Error, Result, Task};
use napi_derive::napi;
use std::ffi::OsString;
use std::sync::Arc;

/// Settings of a platform; `index.d.ts` documents them.
#[napi(object)]
pub struct PlatformOptions {
    /// File, or `:memory:`.
    pub data: Option<String>,
    /// 0 takes a free one.
    pub port: Option<u16>,
    /// Address to listen on.
    pub host: Option<String>,
    /// Certificate chain, PEM.
    pub cert: Option<String>,
    /// Private key, PEM.
    pub key: Option<String>,
    /// Address for the URLs in replies.
    pub public_url: Option<String>,
    /// Seed of ids and secrets.
    pub seed: Option<f64>,
    /// `random` or `counting`.
    pub ids: Option<String>,
    /// Where the clock stands, in milliseconds since 1970.
    pub clock: Option<f64>,
    /// How many requests are recorded.
    pub recorded_requests: Option<u32>,
    /// How many connections there may be.
    pub max_connections: Option<u32>,
    /// Opens the admin API to others.
    pub admin_token: Option<String>,
    /// Where webhooks may go.
    pub webhooks: Option<PlatformWebhooks>,
    /// How data exports are limited.
    pub exports: Option<PlatformExports>,
}

/// How data exports are limited.
#[napi(object)]
pub struct PlatformExports {
    /// Whether they may be asked for more than once a day.
    pub unlimited: Option<bool>,
}

/// Where webhooks may go.
#[napi(object)]
pub struct PlatformWebhooks {
    /// To this machine and its network, too.
    pub allow_private_addresses: Option<bool>,
    /// To `http://`, too.
    pub allow_http: Option<bool>,
    /// Further authorities of targets, PEM.
    pub ca: Option<String>,
}

/// An answer of the admin API.
#[napi(object)]
pub struct AdminAnswer {
    /// HTTP status.
    pub status: u16,
    /// JSON, or a snapshot.
    pub body: Buffer,
}

/// A running platform.
#[napi]
pub struct Platform(Arc<Core>);

#[napi]
impl Platform {
    /// Starts a platform. Rejects when an option, the port, the file or the certificate cannot be used.
    #[napi]
    pub fn start(options: PlatformOptions) -> Result<AsyncTask<Start>> {
        Ok(AsyncTask::new(Start(Some(config(options)?))))
    }

    /// Address to reach it at.
    #[napi(getter)]
    pub fn url(&self) -> &str {
        self.0.url()
    }

    /// Calls the admin API: everything but starting and stopping.
    #[napi]
    pub fn call_admin(&self, method: String, path: String, body: Option<Buffer>) -> AsyncTask<CallAdmin> {
        let body = body.map(Vec::from).unwrap_or_default();
        AsyncTask::new(CallAdmin { platform: Arc::clone(&self.0), call: Some((method, path, body)) })
    }

    /// Finishes what is in flight and stops.
    #[napi]
    pub fn close(&self) -> AsyncTask<Close> {
        AsyncTask::new(Close(Arc::clone(&self.0)))
    }
}

fn config(options: PlatformOptions) -> Result<Config> {
    let mut config = Config { port: options.port.unwrap_or(0), ..Config::default() };
    if let Some(data) = options.data {
        config.data = if data == ":memory:" { DataLocation::Memory } else { DataLocation::File(data.into()) };
    }
    if let Some(host) = options.host {
        config.host = host.parse().map_err(|_| refused("host", "needs to be an IP address, such as 127.0.0.1"))?;
    }
    config.tls = match (options.cert, options.key) {
        (Some(certificate_pem), Some(key_pem)) => Some(Tls { certificate_pem, key_pem }),
        (None, None) => None,
        (Some(_), None) => return Err(refused("key", "is missing beside `cert`")),
        (None, Some(_)) => return Err(refused("cert", "is missing beside `key`")),
    };
    config.public_url = options.public_url;
    config.ids = match (options.seed, options.ids.as_deref()) {
        (Some(seed), _) => IdSource::Seeded(whole(seed).cast_unsigned()),
        (None, Some("counting")) => IdSource::Counting,
        (None, _) => IdSource::Random,
    };
    config.frozen_at = options.clock.map(|ms| Timestamp::from_ms(whole(ms)));
    config.recorded_requests = options.recorded_requests.map_or(0, |count| count as usize);
    if let Some(most) = options.max_connections {
        config.max_connections = most as usize;
    }
    config.unlimited_exports = options.exports.and_then(|exports| exports.unlimited).unwrap_or_default();
    config.admin_token = options.admin_token.map(Token::new);
    if let Some(webhooks) = options.webhooks {
        config.webhooks = WebhookOptions {
            allow_private_addresses: webhooks.allow_private_addresses.unwrap_or_default(),
            allow_http: webhooks.allow_http.unwrap_or_default(),
            ca_pem: webhooks.ca,
            ..WebhookOptions::default()
        };
    }
    Ok(config)
}

/// A whole number that JavaScript checked to be one, within 2^53 of zero.
#[expect(clippy::cast_possible_truncation, reason = "whole and small enough by the check in lib/platform.js")]
fn whole(number: f64) -> i64 {
    number as i64
}

fn refused(option: &str, reason: &str) -> Error {
    Error::from_reason(format!("Platform option `{option}` {reason}"))
}

fn reason(error: impl std::fmt::Display) -> Error {
    Error::from_reason(error.to_string())
}

/// [`Platform::start`] at work.
pub struct Start(Option<Config>);

impl Task for Start {
    type Output = Core;
    type JsValue = Platform;

    fn compute(&mut self) -> Result<Core> {
        let config = self.0.take().ok_or_else(|| reason("the platform was started already"))?;
        Core::start(config).map_err(reason)
    }

    fn resolve(&mut self, _env: Env, platform: Core) -> Result<Platform> {
        Ok(Platform(Arc::new(platform)))
    }
}

/// [`Platform::call_admin`] at work.
pub struct CallAdmin {
    platform: Arc<Core>,
    call: Option<(String, String, Vec<u8>)>,
}

impl Task for CallAdmin {
    type Output = CoreAnswer;
    type JsValue = AdminAnswer;

    fn compute(&mut self) -> Result<CoreAnswer> {
        let (method, path, body) = self.call.take().ok_or_else(|| reason("the call was made already"))?;
        self.platform.call_admin(method.parse().map_err(reason)?, &path, body).map_err(reason)
    }

    fn resolve(&mut self, _env: Env, answer: CoreAnswer) -> Result<AdminAnswer> {
        Ok(AdminAnswer { status: answer.status, body: answer.body.into() })
    }
}

/// [`Platform::close`] at work.
pub struct Close(Arc<Core>);

impl Task for Close {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        self.0.close().map_err(reason)
    }

    fn resolve(&mut self, _env: Env, (): ()) -> Result<()> {
        Ok(())
    }
}

/// A command line of `layer-api platform`.
#[napi]
pub struct PlatformCommand(Command);

#[napi]
impl PlatformCommand {
    /// Understands the arguments after `platform`. Throws at those that it does not, with what is allowed.
    #[napi(factory)]
    pub fn parse(arguments: Vec<String>) -> Result<Self> {
        args::parse(arguments.into_iter().map(OsString::from)).map(Self).map_err(reason)
    }

    /// What is to be printed in place of starting a platform: help or version.
    #[napi(getter)]
    pub fn text(&self) -> Option<String> {
        match self.0 {
            Command::Help => Some(args::help("layer-api platform")),
            Command::Version => Some(env!("CARGO_PKG_VERSION").to_owned()),
            Command::Serve { .. } => None,
        }
    }

    /// Whether an app is to be created once the platform runs.
    #[napi(getter)]
    pub fn create_app(&self) -> bool {
        matches!(self.0, Command::Serve { create_app: true, .. })
    }

    /// Starts the platform that the arguments describe.
    #[napi]
    pub fn start(&self) -> Result<AsyncTask<Start>> {
        match &self.0 {
            Command::Serve { config, .. } => Ok(AsyncTask::new(Start(Some(Config::clone(config))))),
            Command::Help | Command::Version => Err(reason("the arguments do not ask for a platform")),
        }
    }
}
