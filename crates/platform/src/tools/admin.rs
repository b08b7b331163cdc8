//! The admin API, for the operator and for tests: everything below `/_platform`. Not part of the contract.
//!
//! JavaScript calls it in-process; from outside it is there only when the platform was started with an admin token.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{any, delete, get, post};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use layer_store::StoreError;
use layer_store::app::TokenRecord;
use layer_store::token::{Token, TokenHash};
use layer_wire::client_api::session;
use layer_wire::{ApiError, ErrorKind, Timestamp, UserId};
use serde::Deserialize;
use serde_json::json;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::http::answer;
use crate::http::error::{Answer, HttpError};
use crate::http::extract::text_header;
use crate::http::gate::bearer_token;
use crate::service::app::NewToken;
use crate::service::failure::Failure;
use crate::service::identity_provider::NewKey;
use crate::tools::faults::Spec;
use crate::tools::query::Query;
use crate::tools::state::{Admin, app_id};
use crate::tools::{as_app, live, lookup, openapi};

/// The routes, without a check of who calls.
pub fn router(admin: Admin) -> Router {
    let routes = Router::new()
        .route("/apps", get(apps).post(create_app))
        .route("/apps/{app}", delete(delete_app))
        .route("/apps/{app}/tokens", get(tokens).post(create_token))
        .route("/apps/{app}/tokens/{token}", delete(revoke_token))
        .route("/apps/{app}/tokens/{token}/rotate", post(rotate_token))
        .route("/apps/{app}/identity_providers", get(identity_providers).post(create_identity_provider))
        .route("/apps/{app}/identity_providers/{provider}", delete(remove_identity_provider))
        .route("/apps/{app}/identity_providers/{provider}/keys", post(add_identity_key))
        .route("/apps/{app}/identity_providers/{provider}/keys/{key}", delete(remove_identity_key))
        .route("/apps/{app}/users/{user}/push_tokens", get(push_tokens))
        .route("/clock", get(clock))
        .route("/clock/freeze", post(freeze))
        .route("/clock/advance", post(advance))
        .route("/clock/resume", post(resume))
        .route("/reset", post(reset))
        // A snapshot is as large as the data.
        .route("/snapshot", get(take_snapshot).put(restore_snapshot).layer(DefaultBodyLimit::disable()))
        .route("/requests", get(requests).delete(clear_requests))
        .route("/backups", get(lookup::backups).post(lookup::begin_backup))
        .route("/deliveries", get(deliveries))
        .route("/faults", get(faults).post(inject).delete(remove_faults))
        .route("/faults/{fault}", delete(remove_fault))
        .route("/overview", get(lookup::overview))
        .route("/find/{*id}", get(lookup::find))
        .route("/requests/{number}", get(lookup::request))
        .route("/charts", get(lookup::charts))
        .route("/sockets", get(lookup::sockets))
        .route("/apps/{app}/conversations", get(lookup::conversations))
        .route("/apps/{app}/messages", get(lookup::messages))
        .route("/apps/{app}/users", get(lookup::users))
        .route("/apps/{app}/users/{user}", get(lookup::user))
        .route("/apps/{app}/webhooks", get(lookup::webhooks))
        .route("/apps/{app}/webhooks/{webhook}/deliveries", get(lookup::deliveries))
        .route("/apps/{app}/webhooks/{webhook}/deliveries/{event}/send", post(lookup::send_again))
        .route("/apps/{app}/exports", get(lookup::exports))
        .route("/apps/{app}/api/{*path}", any(as_app::ask))
        .route("/openapi.json", get(openapi::get))
        .with_state(admin);
    Router::new().nest("/_platform", routes)
}

/// The routes for callers from outside, who have to know the token.
pub fn guarded_router(admin: Admin, token: &Token) -> Router {
    let expected = token.hash();
    // Nobody in the process waits for its end.
    let events = Router::new().route("/_platform/events", get(live::events)).with_state(admin.clone());
    router(admin).merge(events).layer(from_fn(move |request: Request, next: Next| async move {
        if knows(request.headers(), &expected) {
            Ok(next.run(request).await)
        } else {
            Err(HttpError::from(ApiError::authentication_required()))
        }
    }))
}

/// Whether a request comes with the admin token.
pub fn knows(headers: &HeaderMap, expected: &TokenHash) -> bool {
    let given = text_header(headers, AUTHORIZATION.as_str()).and_then(bearer_token);
    given.is_some_and(|given| TokenHash::of(given).matches(expected))
}

/// `GET /_platform/apps`: all apps.
///
/// - `200` with an array, the oldest first
async fn apps(State(admin): State<Admin>) -> Answer {
    let apps = admin.services.apps.all().await?.into_iter().map(|(id, app)| {
        let mut shown = json!({ "app_id": id.to_string(), "created_at": app.created_at });
        if let Some(name) = app.name {
            shown["name"] = name.into();
        }
        shown
    });
    Ok(answer::json(StatusCode::OK, &apps.collect::<Vec<_>>()))
}

/// What an operator calls a new app or token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    /// Default: nothing.
    name: Option<String>,
}

/// `POST /_platform/apps`: creates an app.
///
/// - `201` with its id and its token, which is shown this once
/// - `invalid_property`
async fn create_app(State(admin): State<Admin>, body: Bytes) -> Answer {
    let Named { name } = read(&body)?;
    let app = blocking(move || admin.services.apps.create(name.as_deref())).await?;
    let body = json!({ "app_id": app.app_id.to_string(), "token": app.token.reveal() });
    Ok(answer::json(StatusCode::CREATED, &body))
}

/// `DELETE /_platform/apps/<app>`: deletes an app with all that it has.
///
/// - `204`: from now on nothing of it is found; what it had is removed in the background
/// - `invalid_app_id`
async fn delete_app(State(admin): State<Admin>, Path(app): Path<String>) -> Answer {
    let app = app_id(&app)?;
    admin.services.apps.delete(app).await?;
    admin.services.deliveries.forget(app);
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `GET /_platform/apps/<app>/tokens`: the tokens of an app, without the tokens themselves.
///
/// - `200` with an array, the oldest first; `invalid_app_id`
async fn tokens(State(admin): State<Admin>, Path(app): Path<String>) -> Answer {
    let tokens = admin.services.apps.tokens(app_id(&app)?).await?;
    Ok(answer::json(StatusCode::OK, &tokens.into_iter().map(shown_token).collect::<Vec<_>>()))
}

/// A token without what is secret. What is not set is left out.
fn shown_token(token: TokenRecord) -> serde_json::Map<String, serde_json::Value> {
    let optional = [
        ("name", token.name.map(Into::into)),
        ("expires_at", token.expires_at.map(|at| json!(at))),
        ("last_used_at", token.used_at.map(|at| json!(at))),
    ];
    let mut shown = serde_json::Map::from_iter([
        ("token_id".to_owned(), token.id.to_string().into()),
        ("created_at".to_owned(), json!(token.created_at)),
    ]);
    shown.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    shown
}

fn created(new: NewToken) -> Response {
    let mut shown = shown_token(new.record);
    shown.insert("token".into(), new.token.reveal().into());
    answer::json(StatusCode::CREATED, &shown)
}

/// The token in a path. Error: `not_found`.
fn token_id(text: &str) -> Result<Uuid, HttpError> {
    let id = Uuid::try_parse(text).ok();
    id.ok_or_else(|| ApiError::new(ErrorKind::NotFound, "The app has no token with this id.").into())
}

/// `POST /_platform/apps/<app>/tokens`: adds a token to an app.
///
/// - `201` with its id and the token, which is shown this once
/// - `invalid_app_id`; `invalid_property`; `invalid_operation` when it has too many
async fn create_token(State(admin): State<Admin>, Path(app): Path<String>, body: Bytes) -> Answer {
    let Named { name } = read(&body)?;
    Ok(created(admin.services.apps.create_token(app_id(&app)?, name.as_deref()).await?))
}

/// `DELETE /_platform/apps/<app>/tokens/<token>`: revokes a token, by its id.
///
/// - `204`: it is refused from now on
/// - `invalid_app_id`; `not_found`
async fn revoke_token(State(admin): State<Admin>, Path((app, token)): Path<(String, String)>) -> Answer {
    admin.services.apps.revoke_token(app_id(&app)?, token_id(&token)?).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// How long the old token works yet. Unit: seconds. Default: until it is revoked.
    grace_in_seconds: Option<u32>,
}

/// `POST /_platform/apps/<app>/tokens/<token>/rotate`: adds a token in the place of another one.
///
/// - `201` with its id and the token, which is shown this once
/// - `invalid_app_id`; `not_found`; `invalid_property`; `invalid_operation` when the app has too many
async fn rotate_token(State(admin): State<Admin>, Path((app, token)): Path<(String, String)>, body: Bytes) -> Answer {
    let Rotation { grace_in_seconds } = read(&body)?;
    let grace_ms = grace_in_seconds.map(|seconds| i64::from(seconds) * 1000);
    Ok(created(admin.services.apps.rotate_token(app_id(&app)?, token_id(&token)?, grace_ms).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenKey {
    /// PEM of an RSA public key or of a certificate. Default: the platform makes a pair.
    public_key: Option<String>,
}

/// A provider or key in a path. Error: `not_found`.
fn named(uuid: Option<Uuid>) -> Result<Uuid, HttpError> {
    uuid.ok_or_else(|| ApiError::new(ErrorKind::NotFound, "The id is none of a provider or key.").into())
}

fn shown_key(key: &NewKey) -> serde_json::Map<String, serde_json::Value> {
    let mut shown = serde_json::Map::from_iter([("key_id".to_owned(), session::key_id(key.id).into())]);
    shown.extend(key.private_pem.as_deref().map(|pem| ("private_key".to_owned(), pem.into())));
    shown
}

/// `GET /_platform/apps/<app>/identity_providers`: whose identity tokens the app trusts.
///
/// - `200` with an array, the oldest first; `invalid_app_id`
async fn identity_providers(State(admin): State<Admin>, Path(app): Path<String>) -> Answer {
    let providers = admin.services.identity_providers.all(app_id(&app)?).await?;
    let shown = providers.into_iter().map(|provider| {
        let keys: Vec<String> = provider.keys.into_iter().map(session::key_id).collect();
        json!({ "provider_id": session::provider_id(provider.id), "key_ids": keys })
    });
    Ok(answer::json(StatusCode::OK, &shown.collect::<Vec<_>>()))
}

/// `POST /_platform/apps/<app>/identity_providers`: adds an identity provider with a key.
///
/// - `201` with their ids, and with the private key where the platform made the pair, which is shown this once
/// - `invalid_app_id`; `invalid_property`
async fn create_identity_provider(State(admin): State<Admin>, Path(app): Path<String>, body: Bytes) -> Answer {
    let (app, GivenKey { public_key }) = (app_id(&app)?, read(&body)?);
    let create = move || admin.services.identity_providers.create(app, public_key.as_deref());
    let (provider, key) = blocking(create).await?;
    let mut shown = shown_key(&key);
    shown.insert("provider_id".into(), session::provider_id(provider).into());
    Ok(answer::json(StatusCode::CREATED, &shown))
}

/// `DELETE /_platform/apps/<app>/identity_providers/<provider>`: removes a provider; sessions go on.
///
/// - `204`; `invalid_app_id`; `not_found`
async fn remove_identity_provider(State(admin): State<Admin>, Path((app, provider)): Path<(String, String)>) -> Answer {
    let provider = named(session::parse_provider(&provider))?;
    admin.services.identity_providers.remove(app_id(&app)?, provider).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `POST /_platform/apps/<app>/identity_providers/<provider>/keys`: adds a key to a provider.
///
/// - `201` with its id, and with the private key where the platform made the pair, which is shown this once
/// - `invalid_app_id`; `not_found`; `invalid_property`
async fn add_identity_key(
    State(admin): State<Admin>,
    Path((app, provider)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let (app, provider) = (app_id(&app)?, named(session::parse_provider(&provider))?);
    let GivenKey { public_key } = read(&body)?;
    let key = blocking(move || admin.services.identity_providers.add_key(app, provider, public_key.as_deref())).await?;
    Ok(answer::json(StatusCode::CREATED, &shown_key(&key)))
}

/// `DELETE /_platform/apps/<app>/identity_providers/<provider>/keys/<key>`: removes a key; sessions go on.
///
/// - `204`; `invalid_app_id`; `not_found`
async fn remove_identity_key(
    State(admin): State<Admin>,
    Path((app, provider, key)): Path<(String, String, String)>,
) -> Answer {
    let (provider, key) = (named(session::parse_provider(&provider))?, named(session::parse_key(&key))?);
    admin.services.identity_providers.remove_key(app_id(&app)?, provider, key).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `GET /_platform/apps/<app>/users/<user>/push_tokens`: where pushes to the devices of a user would go.
///
/// - `200` with an array, the one that was registered last first; `invalid_app_id`; `invalid_request` for no user id
async fn push_tokens(State(admin): State<Admin>, Path((app, user)): Path<(String, String)>) -> Answer {
    let user = UserId::parse(user);
    let user = user.map_err(|reason| ApiError::invalid_request(format!("The user id in the path {reason}.")))?;
    let tokens = admin.services.push_tokens.all(app_id(&app)?, user).await?;
    Ok(answer::json(StatusCode::OK, &tokens))
}

/// `GET /_platform/clock`: the time of the platform.
///
/// - `200` with `now`, `now_ms` (milliseconds since 1970) and `is_frozen`
async fn clock(State(admin): State<Admin>) -> Answer {
    Ok(shown_clock(&admin))
}

fn shown_clock(admin: &Admin) -> Response {
    let clock = admin.services.core.clock();
    let now = clock.now();
    let body = json!({ "now": now, "now_ms": now.as_ms(), "is_frozen": clock.is_frozen() });
    answer::json(StatusCode::OK, &body)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Freeze {
    /// Milliseconds since 1970. Default: the present time.
    at_ms: Option<i64>,
}

/// Refuses what other platforms on the same database would not take part in.
async fn check_alone(admin: &Admin) -> Result<(), HttpError> {
    let services = Arc::clone(&admin.services);
    blocking(move || services.check_alone()).await
}

/// `POST /_platform/clock/freeze`: stops the clock.
///
/// - `200` with the clock
async fn freeze(State(admin): State<Admin>, body: Bytes) -> Answer {
    let Freeze { at_ms } = read(&body)?;
    check_alone(&admin).await?;
    admin.services.core.clock().freeze(at_ms.map(Timestamp::from_ms));
    Ok(shown_clock(&admin))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    /// Milliseconds.
    by_ms: i64,
}

/// `POST /_platform/clock/advance`: moves the clock, whether it stands or runs.
///
/// - `200` with the clock
async fn advance(State(admin): State<Admin>, body: Bytes) -> Answer {
    let Advance { by_ms } = read(&body)?;
    check_alone(&admin).await?;
    admin.services.core.clock().advance(by_ms);
    Ok(shown_clock(&admin))
}

/// `POST /_platform/clock/resume`: lets the clock run on from the time that it shows.
///
/// - `200` with the clock
async fn resume(State(admin): State<Admin>) -> Answer {
    admin.services.core.clock().resume();
    Ok(shown_clock(&admin))
}

/// `POST /_platform/reset`: empties the platform of all but its apps, their tokens and identity providers, faults and
/// recorded requests included; ids begin anew.
///
/// - `204`
async fn reset(State(admin): State<Admin>) -> Answer {
    let tools = Arc::clone(&admin.tools);
    blocking(move || admin.services.reset()).await?;
    tools.faults.remove(None);
    tools.requests.clear();
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `GET /_platform/snapshot`: everything that is stored, in one piece.
///
/// - `200` with a tar archive
async fn take_snapshot(State(admin): State<Admin>) -> Answer {
    let bytes = blocking(move || admin.services.snapshot()).await?;
    let mut response = Response::new(bytes.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
    Ok(response)
}

/// `PUT /_platform/snapshot`: replaces everything by a snapshot.
///
/// - `204`; `invalid_request` when it is none, and then nothing is changed
async fn restore_snapshot(State(admin): State<Admin>, body: Bytes) -> Answer {
    let restored = blocking(move || admin.services.restore(&body));
    match restored.await {
        Err(HttpError::Failure(Failure::Store(error @ StoreError::BadSnapshot(_)))) => {
            Err(ApiError::invalid_request(error.to_string()).into())
        }
        other => other.map(|()| answer::empty(StatusCode::NO_CONTENT)),
    }
}

/// `GET /_platform/requests`: what came in and what went out, oldest first; with `summary=true` without headers and
/// bodies. Of this platform alone: a header `Layer-Shared: true` says that others have the database open.
///
/// - `200` with an array; `invalid_property`
async fn requests(State(admin): State<Admin>, uri: Uri) -> Answer {
    let is_short = Query::parse(&uri, &["summary"])?.truth("summary")? == Some(true);
    let requests = &admin.tools.requests;
    let mut response = if is_short {
        answer::json(StatusCode::OK, &requests.summaries())
    } else {
        answer::json(StatusCode::OK, &requests.shown())
    };
    if admin.services.core.store_state().is_shared {
        response.headers_mut().insert("layer-shared", HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// `DELETE /_platform/requests`: forgets what was recorded.
///
/// - `204`
async fn clear_requests(State(admin): State<Admin>) -> Answer {
    admin.tools.requests.clear();
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `GET /_platform/deliveries`: the latest attempts to deliver events to webhooks, oldest first.
///
/// - `200` with an array
async fn deliveries(State(admin): State<Admin>) -> Answer {
    Ok(answer::json(StatusCode::OK, &admin.services.deliveries.latest()))
}

/// `GET /_platform/faults`: the faults that wait, by id.
///
/// - `200` with an object
async fn faults(State(admin): State<Admin>) -> Answer {
    Ok(answer::json(StatusCode::OK, &admin.tools.faults.shown()))
}

/// `POST /_platform/faults`: lets something go wrong.
///
/// - `201` with the `id` of the fault; `invalid_property`
async fn inject(State(admin): State<Admin>, body: Bytes) -> Answer {
    check_alone(&admin).await?;
    let id = Spec::read(&body).and_then(|spec| admin.tools.faults.inject(spec));
    let id = id.map_err(|reason| ApiError::new(ErrorKind::InvalidProperty, reason))?;
    Ok(answer::json(StatusCode::CREATED, &json!({ "id": id })))
}

/// `DELETE /_platform/faults`: takes all faults back.
///
/// - `204`
async fn remove_faults(State(admin): State<Admin>) -> Answer {
    admin.tools.faults.remove(None);
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `DELETE /_platform/faults/<id>`: takes a fault back.
///
/// - `204`; `not_found`, also for one that struck as often as it was told
async fn remove_fault(State(admin): State<Admin>, Path(id): Path<String>) -> Answer {
    let is_removed = id.parse().is_ok_and(|id| admin.tools.faults.remove(Some(id)));
    if is_removed {
        Ok(answer::empty(StatusCode::NO_CONTENT))
    } else {
        Err(ApiError::new(ErrorKind::NotFound, "There is no fault with this id.").into())
    }
}

/// Reads a JSON body; nothing stands for an empty object.
fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        // Where in the text is of no use to who did not write it by hand.
        let text = text.split_once(" at line ").map_or(text.as_str(), |(text, _)| text).to_owned();
        ApiError::new(ErrorKind::InvalidProperty, text)
    })
}

/// Works off the threads that serve requests.
async fn blocking<T: Send + 'static, E: Into<Failure> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, HttpError> {
    let work: Box<dyn FnOnce() -> Result<T, Failure> + Send> = Box::new(move || work().map_err(Into::into));
    Ok(spawn_blocking(work).await.unwrap_or(Err(StoreError::Lost.into()))?)
}
