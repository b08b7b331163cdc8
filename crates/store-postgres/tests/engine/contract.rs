//! The engine holds the contract of all engines.

use std::sync::Mutex;

use layer_store::contract;

use crate::server::{Database, is_there};

#[test]
fn the_contract_of_all_engines_is_held() {
    if !is_there() {
        return;
    }
    // A database with the schema, of which each case has a copy: that is made faster.
    let first = Database::new();
    layer_store_postgres::open(&first.url()).unwrap().close().unwrap();
    let copies = Mutex::new(vec![]);
    contract::run(|| {
        let copy = Database::copy_of(&first);
        let store = layer_store_postgres::open(&copy.url()).unwrap();
        copies.lock().unwrap().push(copy);
        store
    });
}
