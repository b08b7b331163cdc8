//! The engine holds the contract of all engines.

use std::sync::Mutex;

use layer_store::contract;
use layer_store_postgres::testing::{Database, is_there};

#[test]
fn the_contract_of_all_engines_is_held() {
    if !is_there() {
        return;
    }
    let databases = Mutex::new(vec![]);
    contract::run(|| {
        let database = Database::with_schema();
        let store = layer_store_postgres::open(&database.url()).unwrap();
        databases.lock().unwrap().push(database);
        store
    });
}
