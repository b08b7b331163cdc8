//! The embedded platform as JavaScript starts, uses and stops it.
//!
//! The platform has threads of its own; what blocks here runs on libuv's pool and answers with a promise.

use layer_platform::args::{self, Command};
use layer_platform::{Config, DataLocation, NewApp, Platform as Core, Tls};
use napi::bindgen_prelude::AsyncTask;
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
}

/// An app and the token for it.
#[napi(object)]
pub struct App {
    /// UUID.
    pub app_id: String,
    /// Bearer token.
    pub token: String,
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

    /// Creates an app.
    #[napi]
    pub fn create_app(&self) -> AsyncTask<CreateApp> {
        AsyncTask::new(CreateApp(Arc::clone(&self.0)))
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
    Ok(config)
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

/// [`Platform::create_app`] at work.
pub struct CreateApp(Arc<Core>);

impl Task for CreateApp {
    type Output = NewApp;
    type JsValue = App;

    fn compute(&mut self) -> Result<NewApp> {
        self.0.create_app().map_err(reason)
    }

    fn resolve(&mut self, _env: Env, app: NewApp) -> Result<App> {
        Ok(App { app_id: app.app_id.to_string(), token: app.token.reveal().to_owned() })
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
    pub fn text(&self) -> Option<&'static str> {
        match self.0 {
            Command::Help => Some(args::HELP),
            Command::Version => Some(env!("CARGO_PKG_VERSION")),
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
            Command::Serve { config, .. } => Ok(AsyncTask::new(Start(Some(config.clone())))),
            Command::Help | Command::Version => Err(reason("the arguments do not ask for a platform")),
        }
    }
}
