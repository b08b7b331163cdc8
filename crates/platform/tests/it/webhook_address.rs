//! Where webhooks may not go: whoever holds an app's token must not reach through the platform what only the platform
//! can reach.

use layer_platform::{Config, WebhookOptions};

use crate::client::{Server, start as start_strict};
use crate::receiver::{Reaction, Receiver, allowed, ask, register, registration, usual, wait_for_status};

const REFUSED: &str =
    "Verification failed due to an address that is not public, which the operator of the platform has to allow first";

#[test]
fn by_default_no_webhook_reaches_this_machine() {
    let (server, receiver) = (start_strict(), Receiver::start(usual));
    let port = receiver.url.rsplit(':').next().unwrap().to_owned();
    // A name is looked at after it is resolved.
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0.0.0.0", "169.254.169.254"] {
        let webhook = register(&server, &registration(&format!("https://{host}:{port}")));
        assert_eq!(wait_for_status(&server, &webhook, "inactive")["status_reason"], REFUSED, "{host}");
    }
    assert_eq!(receiver.received().len(), 0);
}

#[test]
fn http_alone_does_not_open_private_addresses() {
    let webhooks = WebhookOptions { allow_private_addresses: false, ..allowed() };
    let server = Server::start(|data| Config { data, webhooks, ..Config::default() });
    let receiver = Receiver::start(usual);
    let webhook = register(&server, &registration(&receiver.url));
    assert_eq!(wait_for_status(&server, &webhook, "inactive")["status_reason"], REFUSED);
    assert_eq!(receiver.received().len(), 0);
}

#[test]
fn private_addresses_alone_do_not_open_http() {
    let webhooks = WebhookOptions { allow_http: false, ..allowed() };
    let server = Server::start(|data| Config { data, webhooks, ..Config::default() });
    let answer = ask(&server, "POST", "", &registration("http://127.0.0.1/").to_string());
    answer.assert_error(422, "invalid_property", Some("target_url"));
}

/// A redirect would lead around the check of the address.
#[test]
fn redirects_are_not_followed() {
    let server = crate::receiver::start();
    let receiver = Receiver::start(crate::receiver::verified_but(|_| {
        Reaction::Raw("HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
    }));
    crate::receiver::activated(&server, &receiver.url);
    server.conversation(&["a"]);
    let delivery = receiver.wait_for(1).remove(0);
    assert_eq!(delivery.target, "/hook");
    // The retry goes to the same place.
    server.platform.clock().advance(60_000);
    assert!(receiver.wait_for(2).iter().all(|delivery| delivery.target == "/hook"));
}
