//! Questions to the thread of the caller, for `lookup` and `checkServerIdentity`: this crate knows no JavaScript.

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use tokio::sync::oneshot;

use crate::failure::NoReply;

/// What the engine asks.
#[derive(Debug)]
pub enum Question {
    /// Which addresses the name has.
    Lookup {
        /// Name to look up.
        host: String,
    },
    /// Whether a trusted certificate is that of the host.
    Identity {
        /// Name that was asked for.
        host: String,
        /// DER of the certificate, then of those that the server sent with it.
        chain: Vec<Vec<u8>>,
    },
    /// Whether a server may pass that cannot prove its name.
    Unauthorized,
}

/// The answer: yes, with the addresses of a look-up; or no, with the number under which the caller keeps its error.
pub type Answer = Result<Vec<String>, u32>;

/// Where an answer goes.
pub type Reply = oneshot::Sender<Answer>;

/// The way of questions to the caller. Must not block.
pub trait Asker: Send + Sync {
    /// Takes a question. A reply that is dropped is one that never comes: the timeout of the request ends the wait.
    fn ask(&self, question: Question, reply: Reply);
}

/// An asker, where there is one.
#[derive(Clone, Default)]
pub struct Asked(pub Option<Arc<dyn Asker>>);

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Asked" } else { "Nobody" })
    }
}

impl Asked {
    /// Asks and waits. `None` where nobody can be asked.
    ///
    /// Errors: the caller said no; the failure stands for the error that it keeps.
    pub(crate) async fn ask(&self, question: Question) -> Option<Result<Vec<String>, NoReply>> {
        let asker = self.0.as_ref()?;
        let (reply, answer) = oneshot::channel();
        asker.ask(question, reply);
        match answer.await {
            Ok(answer) => Some(answer.map_err(|error| NoReply::Answer { error, code: None })),
            Err(_) => std::future::pending().await,
        }
    }

    /// Asks whether `chain` is the certificate of `host`.
    pub(crate) async fn identity(
        &self,
        host: &str,
        chain: &[CertificateDer<'_>],
    ) -> Option<Result<Vec<String>, NoReply>> {
        let chain = chain.iter().map(|certificate| certificate.to_vec()).collect();
        self.ask(Question::Identity { host: host.to_owned(), chain }).await
    }
}
