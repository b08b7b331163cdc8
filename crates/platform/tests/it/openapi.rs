//! The description of the API: it has what the router has, and needs no token.

use std::collections::BTreeSet;

use crate::client::{raw, start};
use crate::docs::{routed, routed_for_clients};

#[test]
fn the_description_has_every_route_and_no_other() {
    let server = start();
    let answer = raw(&server.platform, "GET", "/openapi.json", &[], b"");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json; charset=UTF-8")));
    let description = answer.json();
    assert_eq!(description["openapi"], "3.1.0");
    let mut described = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        let requests = methods.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase()));
        described.extend(requests);
    }
    let of_apps = routed().into_iter().map(|request| {
        let (method, path) = request.split_once(' ').unwrap();
        format!("{method} /apps/{{app}}{}", if path == "/" { "" } else { path })
    });
    assert_eq!(described, of_apps.chain(routed_for_clients()).collect());
}

#[test]
fn the_description_has_every_row_of_the_error_table_and_the_token() {
    let server = start();
    let description = raw(&server.platform, "GET", "/openapi.json", &[], b"").json();
    let schemas = description["components"]["schemas"].as_object().unwrap();
    let errors = schemas.keys().filter(|name| name.starts_with("Error_")).count();
    assert_eq!(errors, 22);
    assert_eq!(description["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    assert_eq!(description["paths"]["/conversations"]["get"]["security"][0], serde_json::json!({ "session": [] }));
}
