//! The engine holds the contract of all engines, on a server that `scripts/postgres.mjs` starts.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says why it does nothing"
)]

use std::sync::atomic::{AtomicU32, Ordering};

use layer_store::{DatabaseUrl, contract};
use tokio_postgres::NoTls;

/// Runs a statement on a server.
fn run(server: &str, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&format!("{server}/postgres"), NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
    });
}

#[test]
fn the_contract_of_all_engines_is_held() {
    let Ok(server) = std::env::var("LAYER_TEST_POSTGRES") else {
        println!("SKIPPED: no PostgreSQL; node scripts/postgres.mjs cargo test -p layer-store-postgres");
        return;
    };
    let url = |name: &str| DatabaseUrl::parse(&format!("{server}/{name}")).unwrap();
    let prefix = format!("test_{}", std::process::id());
    // A database with the schema, of which each case has a copy: that is made faster.
    run(&server, &format!("CREATE DATABASE {prefix}"));
    layer_store_postgres::open(&url(&prefix)).unwrap().close().unwrap();
    let count = AtomicU32::new(0);
    contract::run(|| {
        let name = format!("{prefix}_{}", count.fetch_add(1, Ordering::SeqCst));
        run(&server, &format!("CREATE DATABASE {name} TEMPLATE {prefix}"));
        layer_store_postgres::open(&url(&name)).unwrap()
    });
}
