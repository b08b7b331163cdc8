//! What passes: who types, who is there. One process tells it to the others that have the database open, and nobody
//! keeps it: it comes soon, or never. What it means, the platform knows.

use layer_wire::UserId;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::key::AppKey;

/// How much waits for a platform that is slow. What finds no room is lost.
const MAX_WAITING: usize = 1024;

/// Something that passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passing {
    /// The app.
    pub app: AppKey,
    /// Who does it.
    pub user: UserId,
    /// What it is about. What the same user did about the same before, and was not told yet, need not be told any more.
    pub about: String,
    /// What it does.
    pub text: String,
}

/// What another process told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The process, as long as it has the database open.
    pub process: Uuid,
    /// What it told.
    pub passing: Passing,
}

/// For engines: where what others tell is put, and where it comes out.
pub fn channel() -> (mpsc::Sender<Heard>, mpsc::Receiver<Heard>) {
    mpsc::channel(MAX_WAITING)
}
