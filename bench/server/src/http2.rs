//! HTTP/2, for the comparison of protocols: see bench/floor.

use std::rc::Rc;
use std::time::Duration;

use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::replies::Replies;
use crate::{AnyError, answer};

/// Answers the requests of one connection, many at a time.
pub async fn converse(stream: TlsStream<TcpStream>, replies: &Rc<Replies>, delay: Duration) -> Result<(), AnyError> {
    let service = service_fn(|request| {
        let replies = Rc::clone(replies);
        async move { answer(request, &replies, delay).await }
    });
    http2::Builder::new(SameThread).serve_connection(TokioIo::new(stream), service).await?;
    Ok(())
}

/// Runs streams where their connection runs.
#[derive(Clone)]
struct SameThread;

impl<F: Future<Output = ()> + 'static> Executor<F> for SameThread {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
