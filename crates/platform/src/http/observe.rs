//! What becomes of requests, in numbers and in the log. Costs a look-up of the route and a few atomic additions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderValue, Method, Request};
use tokio::sync::Semaphore;

use crate::http::openapi::paths;
use crate::outbound::spans::{self, Context, Span};

/// The route of what has none.
const NO_ROUTE: &str = "none";

/// Routes beside those of the APIs.
const OTHERS: [&str; 11] = [
    "/openapi.json",
    "/content/{app}/{content}",
    "/content/{app}/{content}/upload",
    "/exports/{app}/{export}/export.tar.gz.enc",
    "/websocket",
    "/websocket/",
    "/console",
    "/health",
    "/ready",
    "/metrics",
    "/_platform/{*path}",
];

/// The methods that are told apart; the last stands for all others.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "other"];

/// The statuses that are told apart, and those that stand for the others.
const STATUSES: [u16; 30] = [
    101, 200, 201, 202, 204, 206, 304, 400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 412, 413, 415, 416, 422, 423,
    429, 431, HUNG_UP, 500, 501, 503, 599,
];

/// In place of the status of a request whose client hung up before the answer, as nginx has it.
pub const HUNG_UP: u16 = 499;

/// The upper bounds of the classes of durations. Unit: microseconds. One more class has no bound.
pub const BOUNDS_US: [u64; 14] =
    [250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000];

/// Counts the requests of a platform.
pub struct Observer {
    routes: matchit::Router<usize>,
    /// The routes by their numbers; the last is that of what has none.
    templates: Vec<String>,
    counts: Vec<[OnceLock<Box<Counts>>; METHODS.len()]>,
    under_way: AtomicU64,
    /// Room for connections.
    pub room: Arc<Semaphore>,
    /// How many connections there may be.
    pub max_connections: usize,
    /// Connections that were refused for want of room.
    pub refused: AtomicU64,
    /// Where spans go, if they are wanted.
    spans: Option<spans::Sender>,
}

/// The requests of a route and a method.
#[derive(Default)]
pub struct Counts {
    statuses: [AtomicU64; STATUSES.len()],
    durations: [AtomicU64; BOUNDS_US.len() + 1],
    /// Unit: microseconds.
    duration_us: AtomicU64,
}

impl Counts {
    fn count(&self, status: u16, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let class = BOUNDS_US.partition_point(|bound| *bound < us);
        self.statuses[class_of(status)].fetch_add(1, Ordering::Relaxed);
        self.durations[class].fetch_add(1, Ordering::Relaxed);
        self.duration_us.fetch_add(us, Ordering::Relaxed);
    }

    /// How many requests were answered with each status that was.
    pub fn statuses(&self) -> impl Iterator<Item = (u16, u64)> {
        let counts = STATUSES.iter().zip(&self.statuses);
        counts.map(|(status, count)| (*status, count.load(Ordering::Relaxed))).filter(|(_, count)| *count > 0)
    }

    /// How many requests took at most each of [`BOUNDS_US`], then how many there are, and how long they took in all.
    pub fn durations(&self) -> ([u64; BOUNDS_US.len() + 1], Duration) {
        let mut sum = 0;
        let up_to = std::array::from_fn(|class| {
            sum += self.durations[class].load(Ordering::Relaxed);
            sum
        });
        (up_to, Duration::from_micros(self.duration_us.load(Ordering::Relaxed)))
    }
}

/// The place of a status in [`STATUSES`]: its own, or that of its hundred.
fn class_of(status: u16) -> usize {
    let place = |status| STATUSES.binary_search(&status).ok();
    let of_hundred = match status / 100 {
        1 => 101,
        2 => 200,
        3 => 304,
        4 => 400,
        _ => 599,
    };
    place(status).or_else(|| place(of_hundred)).unwrap_or(STATUSES.len() - 1)
}

impl Observer {
    /// Counts requests over at most so many connections, and hands in their spans.
    pub fn new(max_connections: usize, spans: Option<spans::Sender>) -> Arc<Self> {
        let mut routes = matchit::Router::new();
        let mut templates = vec![];
        for path in paths().into_iter().chain(OTHERS.map(str::to_owned)) {
            // Methods share a path.
            if routes.insert(&path, templates.len()).is_ok() {
                templates.push(path);
            }
        }
        templates.push(NO_ROUTE.to_owned());
        let counts = templates.iter().map(|_| std::array::from_fn(|_| OnceLock::new())).collect();
        let max_connections = max_connections.min(Semaphore::MAX_PERMITS);
        let room = Arc::new(Semaphore::new(max_connections));
        let (under_way, refused) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { routes, templates, counts, under_way, room, max_connections, refused, spans })
    }

    /// Begins to observe a request, which is told apart by its id.
    pub fn begin<Body>(self: &Arc<Self>, request: &Request<Body>, id: &HeaderValue) -> Observed {
        let path = request.uri().path();
        let (route, app) = match self.routes.at(path) {
            // An app that is none says what anyone wrote.
            Ok(found) => (*found.value, found.params.get("app").and_then(layer_wire::AppId::parse)),
            Err(_) => (self.templates.len() - 1, None),
        };
        self.under_way.fetch_add(1, Ordering::Relaxed);
        let traced = self.spans.as_ref().and_then(|_| Context::of(request.headers()));
        Observed {
            observer: Arc::clone(self),
            began: Instant::now(),
            route,
            method: method_of(request.method()),
            app,
            id: id.clone(),
            status: HUNG_UP,
            traced: traced.map(|context| (context, SystemTime::now())),
        }
    }

    /// Requests that have no answer yet.
    pub fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.max_connections.saturating_sub(self.room.available_permits())
    }

    /// What was counted, by method and route.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, &str, &Counts)> {
        self.templates.iter().zip(&self.counts).flat_map(|(route, methods)| {
            let methods = METHODS.iter().zip(methods);
            methods.filter_map(|(method, counts)| Some((*method, route.as_str(), &**counts.get()?)))
        })
    }
}

fn method_of(method: &Method) -> usize {
    METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1)
}

/// A request under way. It counts when it is dropped, also if its client hangs up before.
pub struct Observed {
    observer: Arc<Observer>,
    began: Instant,
    route: usize,
    method: usize,
    app: Option<layer_wire::AppId>,
    id: HeaderValue,
    status: u16,
    /// Its place in a trace, and when it began by the clock of the machine.
    traced: Option<(Context, SystemTime)>,
}

impl Observed {
    /// Says what it was answered with.
    pub fn answered(mut self, status: u16) {
        self.status = status;
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        let duration = self.began.elapsed();
        let Self { observer, route, method, status, .. } = self;
        observer.under_way.fetch_sub(1, Ordering::Relaxed);
        observer.counts[*route][*method].get_or_init(Box::default).count(*status, duration);
        if tracing::enabled!(tracing::Level::DEBUG) {
            self.log(duration);
        }
        if let Some((context, began)) = self.traced.take() {
            self.hand_in(context, began, duration);
        }
    }
}

impl Observed {
    #[cold]
    fn hand_in(&self, context: Context, began: SystemTime, duration: Duration) {
        let span = Span {
            context,
            began,
            duration,
            method: METHODS[self.method],
            route: self.observer.templates[self.route].clone(),
            app: self.app.map(|app| app.to_string()),
            request: self.id.to_str().unwrap_or("-").to_owned(),
            status: self.status,
        };
        if let Some(spans) = &self.observer.spans {
            // Where there is no room, it is dropped.
            let _ = spans.try_send(span);
        }
    }

    #[cold]
    fn log(&self, duration: Duration) {
        tracing::debug!(
            request = self.id.to_str().unwrap_or("-"),
            method = METHODS[self.method],
            route = self.observer.templates[self.route].as_str(),
            app = self.app.map(|app| app.to_string()),
            status = u64::from(self.status),
            ms = duration.as_secs_f64() * 1000.0,
            "a request was answered"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statuses_are_in_order_and_each_has_a_place() {
        assert!(STATUSES.is_sorted());
        for status in 100..=999 {
            let place = STATUSES[class_of(status)];
            assert!(place == status || place / 100 == status / 100 || place == 599, "{status}: {place}");
        }
    }

    #[test]
    fn a_request_counts_by_its_route_and_not_by_what_its_path_says() {
        let observer = Observer::new(3, None);
        let app = uuid::Uuid::from_u128(1);
        for (path, status) in [
            (format!("/apps/{app}/conversations/a/messages"), Some(200)),
            (format!("/apps/{app}/conversations/b/messages"), Some(200)),
            (format!("/apps/{app}/nothing"), Some(404)),
            ("/health".into(), None),
        ] {
            let request = Request::get(path).body(()).unwrap();
            let begun = observer.begin(&request, &HeaderValue::from_static("id"));
            assert_eq!(observer.under_way(), 1);
            if let Some(status) = status {
                begun.answered(status);
            }
        }
        let mut found: Vec<_> = observer
            .counts()
            .flat_map(|(method, route, counts)| {
                counts.statuses().map(move |(status, count)| (method, route, status, count))
            })
            .collect();
        found.sort_unstable();
        let expected = [
            ("GET", "/apps/{app}/conversations/{conversation}/messages", 200, 2),
            ("GET", "/health", HUNG_UP, 1),
            ("GET", NO_ROUTE, 404, 1),
        ];
        assert_eq!((found.as_slice(), observer.under_way()), (&expected[..], 0));
    }

    #[test]
    fn a_duration_counts_in_each_class_that_is_not_below_it() {
        let counts = Counts::default();
        for us in [250, 251, 20_000_000] {
            counts.count(200, Duration::from_micros(us));
        }
        let (up_to, all) = counts.durations();
        assert_eq!((up_to[0], up_to[1], up_to[13], up_to[14]), (1, 2, 2, 3));
        assert_eq!(all, Duration::from_micros(20_000_501));
    }
}
