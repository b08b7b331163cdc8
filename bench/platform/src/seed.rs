//! Fills a store through the API, so that it holds whatever the platform under load makes of it.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use fastrand::Rng;
use serde_json::Value;
use tokio::task::{JoinSet, LocalSet};

use crate::AnyError;
use crate::http::Connection;
use crate::load::refused;
use crate::requests::{Operation, Requests, Tag};
use crate::target::App;
use crate::world::World;

/// Connections that fill a store.
const LANES: u32 = 64;

/// Creates the conversations of a world with their messages.
pub fn fill(world: &World, address: SocketAddr) -> Result<(), AnyError> {
    block_on(async {
        let next = Rc::new(Cell::new(0));
        let mut lanes = JoinSet::new();
        for _ in 0..LANES.min(world.conversations()) {
            lanes.spawn_local(fill_lane(Connection::open(address).await?, world.clone(), Rc::clone(&next)));
        }
        while let Some(lane) = lanes.join_next().await {
            lane??;
        }
        Ok(())
    })
}

async fn fill_lane(mut connection: Connection, world: World, next: Rc<Cell<u32>>) -> Result<(), AnyError> {
    let mut request = vec![];
    loop {
        let number = next.get();
        if number == world.conversations() {
            return Ok(());
        }
        next.set(number + 1);
        world.create(number, &mut request);
        expect(&mut connection, &request, 201).await?;
        world.fill(number, World::messages_of(number), &mut Rng::with_seed(u64::from(number)), &mut request);
        expect(&mut connection, &request, 202).await?;
    }
}

async fn expect(connection: &mut Connection, request: &[u8], status: u16) -> Result<(), AnyError> {
    let answer = connection.exchange(request).await?;
    if answer.status == status { Ok(()) } else { Err(refused(answer.status, answer.body)) }
}

/// Has one operation done.
pub fn ask(requests: &dyn Requests, operation: Operation, address: SocketAddr) -> Result<Vec<u8>, AnyError> {
    block_on(async {
        let mut request = vec![];
        requests.write(operation, &mut Rng::with_seed(0), &mut request);
        let mut connection = Connection::open(address).await?;
        let answer = connection.exchange(&request).await?;
        let is_success = requests.successes(operation).contains(&answer.status);
        if is_success { Ok(answer.body.to_vec()) } else { Err(refused(answer.status, answer.body)) }
    })
}

/// Sends a message to a conversation that is not there.
pub fn send_to_nobody(world: &World, address: SocketAddr) -> Result<(), AnyError> {
    block_on(async {
        let mut request = vec![];
        world.write(Operation::Send(Tag::V7), &mut Rng::with_seed(0), &mut request);
        expect(&mut Connection::open(address).await?, &request, 404).await
    })
}

/// Creates an app by the admin API of a platform that runs already.
pub fn create_app(address: SocketAddr, admin_token: &str) -> Result<App, AnyError> {
    block_on(async {
        let request = format!(
            "POST /_platform/apps HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {admin_token}\r\n\
             Content-Length: 0\r\n\r\n"
        );
        let mut connection = Connection::open(address).await?;
        let answer = connection.exchange(request.as_bytes()).await?;
        let body: Value = serde_json::from_slice(answer.body).unwrap_or_default();
        match (body["app_id"].as_str(), body["token"].as_str()) {
            (Some(id), Some(token)) => Ok(App { id: id.to_owned(), token: token.to_owned() }),
            _ => Err(refused(answer.status, answer.body)),
        }
    })
}

/// Runs one piece of work on this thread.
pub fn block_on<T>(work: impl Future<Output = Result<T, AnyError>>) -> Result<T, AnyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, work)
}
