//! Databases on the server that `scripts/postgres.mjs` starts.

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
        println!("SKIPPED: no PostgreSQL; node scripts/postgres.mjs cargo test -p layer-store-postgres");
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
    pub fn new() -> Self {
        Self::like("template1")
    }

    /// A copy of another one.
    pub fn copy_of(other: &Self) -> Self {
        Self::like(&other.name)
    }

    fn like(template: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let database = Self { server: server().unwrap(), name: format!("test_{}_{number}", std::process::id()) };
        run(
            &format!("{}/postgres", database.server),
            &format!("CREATE DATABASE {} TEMPLATE {template}", database.name),
        );
        database
    }

    /// Where it is.
    pub fn url(&self) -> DatabaseUrl {
        DatabaseUrl::parse(&format!("{}/{}", self.server, self.name)).unwrap()
    }

    /// Runs a statement on it.
    pub fn run(&self, sql: &str) {
        run(self.url().reveal(), sql);
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        run(&format!("{}/postgres", self.server), &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

fn run(url: &str, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
    });
}
