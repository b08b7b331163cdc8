//! The client under load: this thread hands over requests and collects what came of them, as JavaScript does.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use layer_client::base_url::BaseUrl;
use layer_client::call::{Arguments, Source};
use layer_client::client::{Client, ClientOptions};
use layer_client::lane::{Collected, Lane, Packet};
use layer_client::methods::{METHODS, Method};
use layer_client::options::{AgentOptions, RequestOptions, TlsOptions};
use layer_client::transport::pool::Agent;

use crate::settings::{Limit, Settings};
use crate::{AnyError, Measured};

/// Warms up, and measures.
pub fn measure(settings: &Settings) -> Result<Measured, AnyError> {
    let load = Load::new(settings)?;
    load.run(settings.warm_up)?;
    Measured::of(settings.server_pid, || load.run(settings.measured))
}

struct Load<'a> {
    settings: &'a Settings,
    client: Arc<Client>,
    method: &'static Method,
    lane: Lane,
}

impl<'a> Load<'a> {
    fn new(settings: &'a Settings) -> Result<Self, AnyError> {
        let agent = Agent::new(AgentOptions {
            keep_alive: true,
            max_sockets: Some(settings.connections),
            tls: TlsOptions { ca: Some(vec![settings.ca.clone()]), ..TlsOptions::default() },
            ..AgentOptions::default()
        })?;
        let options = ClientOptions {
            app_id: "24f43c32-4d95-11e4-b3a2-0fd00000020d".to_owned(),
            token: "benchmark".to_owned(),
            version: "1.0".to_owned(),
            base_url: BaseUrl::parse(&format!("https://localhost:{}", settings.port))?,
            proxy: None,
            request: RequestOptions { timeout: Duration::from_secs(10), max_response_bytes: 256 << 20, max_retries: 0 },
        };
        let method = METHODS
            .iter()
            .find(|method| method.name == settings.method && is_of(method, &settings.resource))
            .ok_or("There is no such method")?;
        let main = thread::current();
        let lane = Lane::open(move || main.unpark())?;
        Ok(Self { settings, client: Arc::new(Client::new(&agent, &options)?), method, lane })
    }

    /// Keeps requests in flight until the limit is reached; gives the latencies.
    fn run(&self, limit: Limit) -> Result<Vec<Duration>, AnyError> {
        let mut may_send = limit.begin();
        let mut latencies = Vec::new();
        let mut begun = vec![Instant::now(); usize::try_from(self.settings.concurrency)?];
        let mut packet = Packet::default();
        let mut in_flight = 0;
        while in_flight < self.settings.concurrency && may_send() {
            self.put(in_flight, &mut packet)?;
            in_flight += 1;
        }
        self.lane.submit(packet);
        while in_flight > 0 {
            while let Collected::Batch(batch) = self.lane.collect(usize::MAX) {
                let now = Instant::now();
                let mut packet = Packet::default();
                for (completion, _) in batch.completions() {
                    if completion[1] != i32::from(self.settings.status) {
                        return Err(format!("Status {}: {:?}", completion[1], batch.text).into());
                    }
                    let ticket = u32::try_from(completion[0])?;
                    let begun = &mut begun[usize::try_from(ticket)?];
                    latencies.push(now - *begun);
                    *begun = now;
                    if may_send() {
                        self.put(ticket, &mut packet)?;
                    } else {
                        in_flight -= 1;
                    }
                }
                if !packet.is_empty() {
                    self.lane.submit(packet);
                }
            }
            if in_flight > 0 {
                thread::park();
            }
        }
        Ok(latencies)
    }

    fn put(&self, ticket: u32, packet: &mut Packet) -> Result<(), AnyError> {
        let text = self.settings.text.as_deref();
        let text = text.as_ref().map(|text| text as &dyn Source);
        let arguments = Arguments { path: [Some(&self.settings.id), None, None], text, ..Arguments::default() };
        packet.put(&self.client, self.method, &arguments, ticket).map_err(|refusal| refusal.to_string().into())
    }
}

/// Whether a method is of the resource that has this name in JavaScript.
fn is_of(method: &Method, resource: &str) -> bool {
    serde_json::to_value(method.resource).is_ok_and(|name| name == resource)
}
