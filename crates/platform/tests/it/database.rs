//! Databases for tests on the PostgreSQL server that `LAYER_TEST_POSTGRES` names; `scripts/postgres.mjs` starts one.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use layer_store::DatabaseUrl;
use tokio_postgres::NoTls;

/// The variable that names the server by a URL without a database.
const SERVER: &str = "LAYER_TEST_POSTGRES";

fn server() -> Option<String> {
    std::env::var(SERVER).ok()
}

/// Whether there is a server for tests. Says so where there is none.
#[expect(clippy::print_stdout, reason = "a test says why it does nothing")]
pub fn is_there() -> bool {
    let is_there = server().is_some();
    if !is_there {
        println!("SKIPPED: no PostgreSQL; node scripts/postgres.mjs cargo test -p layer-platform");
    }
    is_there
}

/// A database with nothing but the schema. It goes with this.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Copies one that has the schema already: that takes less time than to make it.
    ///
    /// # Panics
    ///
    /// Where there is no server.
    pub fn new() -> Self {
        static TEMPLATE: OnceLock<String> = OnceLock::new();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = server().expect("a server: node scripts/postgres.mjs cargo test -p layer-platform");
        let template = TEMPLATE.get_or_init(|| {
            let template = Self { server: server.clone(), name: format!("it_{}", std::process::id()) };
            run(&server, &format!("CREATE DATABASE {}", template.name));
            layer_store_postgres::open(&template.url()).expect("a database").close().expect("a database");
            let name = template.name.clone();
            std::mem::forget(template);
            name
        });
        let name = format!("{template}_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        run(&server, &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        Self { server, name }
    }

    /// Where it is.
    pub fn url(&self) -> DatabaseUrl {
        DatabaseUrl::parse(&format!("{}/{}", self.server, self.name)).expect("a URL")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        run(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// Runs a statement on a server. On a thread of its own: the caller may be inside a runtime.
fn run(server: &str, sql: &str) {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (client, connection) =
                tokio_postgres::connect(&format!("{server}/postgres"), NoTls).await.expect("a connection");
            tokio::spawn(connection);
            client.batch_execute(sql).await.expect("a statement that runs");
        });
    };
    std::thread::scope(|scope| scope.spawn(run).join().expect("a thread that ends well"));
}
