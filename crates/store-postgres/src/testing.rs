//! Databases for tests, on the server that `LAYER_TEST_POSTGRES` names by a URL without a database;
//! `scripts/postgres.mjs` starts one. Feature `testing`.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says why it does nothing"
)]

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use layer_store::DatabaseUrl;
use tokio_postgres::NoTls;

fn server() -> Option<String> {
    std::env::var("LAYER_TEST_POSTGRES").ok()
}

/// Whether there is a server. Says so where there is none.
pub fn is_there() -> bool {
    let is_there = server().is_some();
    if !is_there {
        println!("SKIPPED: no PostgreSQL; node scripts/postgres.mjs cargo test ...");
    }
    is_there
}

/// A database, which goes with this.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// An empty one.
    ///
    /// # Panics
    ///
    /// Where there is no server.
    pub fn empty() -> Self {
        Self::like("template1")
    }

    /// One with nothing but the schema. It is copied from one that has it already: that takes less time than to make
    /// it.
    ///
    /// # Panics
    ///
    /// Where there is no server.
    pub fn with_schema() -> Self {
        static TEMPLATE: OnceLock<Database> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| {
            let template = Self::empty();
            crate::open(&template.url()).expect("a database").close().expect("a database");
            template
        });
        Self::like(&template.name)
    }

    fn like(template: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = server().expect("a server: node scripts/postgres.mjs cargo test ...");
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        run(&format!("{server}/postgres"), &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        Self { server, name }
    }

    /// Where it is.
    ///
    /// # Panics
    ///
    /// Where `LAYER_TEST_POSTGRES` is no URL.
    pub fn url(&self) -> DatabaseUrl {
        DatabaseUrl::parse(&format!("{}/{}", self.server, self.name)).expect("a URL")
    }

    /// Runs a statement on it.
    ///
    /// # Panics
    ///
    /// Where it fails.
    pub fn run(&self, sql: &str) {
        run(self.url().reveal(), sql);
    }

    /// The number that a query answers with.
    ///
    /// # Panics
    ///
    /// Where it fails, or answers otherwise.
    pub fn number(&self, sql: &str) -> i64 {
        let url = self.url();
        on(url.reveal(), async |client| client.query_one(sql, &[]).await.map(|row| row.get(0)))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        run(&format!("{}/postgres", self.server), &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

fn run(url: &str, sql: &str) {
    on(url, async |client| client.batch_execute(sql).await);
}

/// Asks a database. On a thread of its own: the caller may be inside a runtime.
fn on<T: Send>(
    url: &str,
    ask: impl AsyncFnOnce(&tokio_postgres::Client) -> Result<T, tokio_postgres::Error> + Send,
) -> T {
    let ask = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
            tokio::spawn(connection);
            ask(&client).await.expect("a statement that runs")
        })
    };
    std::thread::scope(|scope| scope.spawn(ask).join().expect("a thread that ends well"))
}
