//! The embedded platform as JavaScript starts, uses and stops it.
//!
//! The platform has its own threads; blocking calls run on libuv's pool and answer with a promise.

use std::ffi::OsString;
use std::sync::Arc;

use layer_platform::args::{self, Command};
use layer_platform::upkeep::{Done as CoreDone, UpkeepCommand as CoreUpkeep, VERBS};
use layer_platform::{AdminAnswer as CoreAnswer, Config, InvalidSetting, Platform as Core};
use napi::bindgen_prelude::{AsyncTask, Buffer};
use napi::{Env, Error, Result, Status, Task};
use napi_derive::napi;

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
    /// Starts a platform with options in JSON. Rejects when an option, port, file or certificate cannot be used.
    #[napi]
    pub fn start(options: String) -> AsyncTask<Start> {
        AsyncTask::new(Start(Some(Settings::Json(options))))
    }

    /// Address to reach it at.
    #[napi(getter)]
    pub fn url(&self) -> &str {
        self.0.url()
    }

    /// Address of the sockets of the Client API.
    #[napi(getter)]
    pub fn websocket_url(&self) -> String {
        self.0.websocket_url()
    }

    /// Address of the console; `null` where it is off.
    #[napi(getter)]
    pub fn console_url(&self) -> Option<&str> {
        self.0.console().map(|console| console.url.as_str())
    }

    /// The admin token that the console asks for; `null` where it is off.
    #[napi]
    pub fn console_token(&self) -> Option<&str> {
        self.0.console().map(|console| console.token.reveal())
    }

    /// Whether the platform made the admin token, because there was none.
    #[napi(getter)]
    pub fn is_admin_token_new(&self) -> bool {
        self.0.console().is_some_and(|console| console.is_token_new)
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

/// Settings that cannot be used, which JavaScript makes a `TypeError` of.
fn invalid(error: &InvalidSetting) -> Error {
    Error::new(Status::InvalidArg, error.to_string())
}

fn reason(error: impl std::fmt::Display) -> Error {
    Error::from_reason(error.to_string())
}

/// What a platform is started with.
enum Settings {
    Json(String),
    Read(Box<Config>),
}

/// [`Platform::start`] at work.
pub struct Start(Option<Settings>);

impl Task for Start {
    type Output = Core;
    type JsValue = Platform;

    fn compute(&mut self) -> Result<Core> {
        let config = match self.0.take().ok_or_else(|| reason("the platform was started already"))? {
            Settings::Json(options) => Config::from_json(&options).map_err(|error| invalid(&error))?,
            Settings::Read(config) => *config,
        };
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
    /// Reads the arguments after `platform`. Throws at unknown ones, and names the allowed ones.
    #[napi(factory)]
    pub fn parse(arguments: Vec<String>) -> Result<Self> {
        args::parse(arguments.into_iter().map(OsString::from)).map(Self).map_err(|error| invalid(&error))
    }

    /// What is to be printed in place of starting a platform: help, version or settings.
    #[napi(getter)]
    pub fn text(&self) -> Option<String> {
        match &self.0 {
            Command::Help => Some(args::help("layer-api platform").trim_end().to_owned()),
            Command::Version => Some(env!("CARGO_PKG_VERSION").to_owned()),
            Command::Check(settings) => Some(settings.trim_end().to_owned()),
            Command::Serve { .. } => None,
        }
    }

    /// Whether an app is to be created once the platform runs, where there is none.
    #[napi(getter)]
    pub fn create_app(&self) -> bool {
        matches!(self.0, Command::Serve { create_app: true, .. })
    }

    /// Whether the console is to be opened in a browser.
    #[napi(getter)]
    pub fn open(&self) -> bool {
        matches!(self.0, Command::Serve { open: true, .. })
    }

    /// Starts the platform that the arguments describe.
    #[napi]
    pub fn start(&self) -> Result<AsyncTask<Start>> {
        match &self.0 {
            Command::Serve { config, .. } => Ok(AsyncTask::new(Start(Some(Settings::Read(config.clone()))))),
            Command::Help | Command::Version | Command::Check(_) => {
                Err(reason("the arguments do not ask for a platform"))
            }
        }
    }
}

/// A command line of `layer-api check`, `backup` and the others.
#[napi]
pub struct UpkeepCommand(Arc<CoreUpkeep>);

/// A command of upkeep.
#[napi(object)]
pub struct UpkeepVerb {
    /// Its name.
    pub name: String,
    /// What it does, in a line.
    pub summary: String,
}

/// What came of a command.
#[napi(object)]
pub struct UpkeepDone {
    /// To be printed.
    pub text: String,
    /// Whether all is well; else the exit code is 1.
    pub is_well: bool,
}

#[napi]
impl UpkeepCommand {
    /// The verbs that there are.
    #[napi]
    pub fn verbs() -> Vec<UpkeepVerb> {
        VERBS.iter().map(|verb| UpkeepVerb { name: verb.name.into(), summary: verb.summary.into() }).collect()
    }

    /// Understands the arguments after a verb. Throws at those that it does not, with what is allowed.
    #[napi(factory)]
    pub fn parse(verb: String, arguments: Vec<String>) -> Result<Self> {
        let given = verb;
        let command = CoreUpkeep::parse("layer-api", &given, arguments.into_iter().map(OsString::from));
        let command = command.ok_or_else(|| reason("there is no such command"))?;
        command.map(|command| Self(Arc::new(command))).map_err(|error| invalid(&error))
    }

    /// Does what was asked for, and shows on the error output how far it is.
    #[napi]
    pub fn run(&self) -> AsyncTask<Upkeep> {
        AsyncTask::new(Upkeep(Arc::clone(&self.0)))
    }
}

/// [`UpkeepCommand::run`] at work.
pub struct Upkeep(Arc<CoreUpkeep>);

impl Task for Upkeep {
    type Output = CoreDone;
    type JsValue = UpkeepDone;

    fn compute(&mut self) -> Result<CoreDone> {
        self.0.run().map_err(reason)
    }

    fn resolve(&mut self, _env: Env, done: CoreDone) -> Result<UpkeepDone> {
        Ok(UpkeepDone { text: done.text, is_well: done.is_well })
    }
}
