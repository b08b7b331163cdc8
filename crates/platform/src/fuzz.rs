//! What takes bytes of strangers, each fed with any bytes at all. `fuzz/` runs these under libFuzzer; a test runs them
//! over the corpus there and over changed copies of it. None may panic, and each says what else must hold.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a finding is a panic")]

use std::sync::Mutex;

use http::Method;
use layer_wire::body::Object;
use layer_wire::client_api::push_token::PushToken;
use layer_wire::client_api::session::{Claims, NewSession};
use layer_wire::client_api::{ConversationDeletion, ConversationOfUser, DeletionMode, MessageOfUser};
use layer_wire::content::{NewContent, UploadRange};
use layer_wire::conversation::{ConversationPatch, NewConversation, Patchable};
use layer_wire::identity::{Fields, IdentityPatch};
use layer_wire::message::NewMessages;
use layer_wire::page::ListQuery;
use layer_wire::part::NewPart;
use layer_wire::{
    AnnouncementId, AppId, ContentId, ConversationId, MessageId, Timestamp, UserId, Version, app, block_list, export,
    percent, receipt, user, webhook,
};

use crate::config::Config;
use crate::ground::ids::IdSource;
use crate::platform::Platform;
use crate::service::identity_token::UnverifiedToken;
use crate::service::{nonce, snapshot};

/// Something that takes bytes.
pub type Target = fn(&[u8]);

/// All of them, by the names of their folders in `fuzz/corpus`.
pub const TARGETS: [(&str, Target); 6] = [
    ("requests", requests),
    ("patches", patches),
    ("ids", ids),
    ("cursors", cursors),
    ("archives", archives),
    ("identity_tokens", identity_tokens),
];

/// After so many requests a platform begins anew, so that it does not grow.
const REQUESTS_OF_A_PLATFORM: u32 = 2_000;

/// A platform with an app, and how many requests it has had.
struct Stage {
    platform: Platform,
    app: String,
    requests: u32,
}

impl Stage {
    fn new() -> Self {
        let platform = Platform::start(Config { ids: IdSource::Counting, ..Config::default() }).unwrap();
        let app = platform.create_app().unwrap().app_id.to_string();
        let stage = Self { platform, app, requests: 0 };
        stage.furnish();
        stage
    }

    /// Ids are counted, so that the corpus can name them: a conversation is the first, a message the second.
    fn furnish(&self) {
        let message = br#"{"sender_id":"a","parts":[{"body":"Hi","mime_type":"text/plain"}]}"#;
        for (path, body) in [
            ("/conversations", &br#"{"participants":["a","b"],"metadata":{"title":"x"}}"#[..]),
            ("/conversations/00000000-0000-4000-8000-000000000001/messages", &message[..]),
        ] {
            assert_eq!(self.ask(Method::POST, path, body), Some(201), "{path}");
        }
    }

    /// The status of the answer; `None` for a path that cannot be one.
    fn ask(&self, method: Method, path: &str, body: &[u8]) -> Option<u16> {
        let path = format!("/_platform/apps/{}/api{path}", self.app);
        self.platform.call_admin(method, &path, body.to_vec()).ok().map(|answer| answer.status)
    }
}

/// A whole request: a line with method and path below the app, then the body. It is never answered with 500. Bodies
/// are read in every version, too.
pub fn requests(bytes: &[u8]) {
    static STAGE: Mutex<Option<Stage>> = Mutex::new(None);
    bodies(bytes);
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (line, body) = bytes.split_at(end);
    let Ok(line) = std::str::from_utf8(line) else { return };
    let Some((method, path)) = line.split_once(' ') else { return };
    let Ok(method) = method.parse() else { return };
    if !path.starts_with('/') {
        return;
    }
    let body = body.get(1..).unwrap_or_default();
    bodies(body);
    let mut stage = STAGE.lock().unwrap();
    if stage.as_ref().is_none_or(|stage| stage.requests >= REQUESTS_OF_A_PLATFORM) {
        *stage = Some(Stage::new());
    }
    if let Some(stage) = &mut *stage {
        stage.requests += 1;
        let status = stage.ask(method, path, body);
        assert!(status != Some(500), "{line}");
    }
}

/// What stands in the body of a request, whatever it is of.
fn bodies(bytes: &[u8]) {
    let user = UserId::parse("a").unwrap();
    for version in Version::ALL {
        let _ = NewConversation::parse(bytes, version);
        let _ = NewMessages::parse(bytes, version);
        let _ = NewPart::parse_one(bytes, version);
        let _ = NewPart::parse_all(bytes, version);
        let _ = Fields::parse(bytes, version);
        let _ = ConversationOfUser::parse(bytes, &user, version);
        let _ = MessageOfUser::parse(bytes, version);
        let _ = layer_wire::announcement::NewAnnouncement::parse(bytes, version);
        let _ = layer_wire::notification::NewNotification::parse(bytes, version);
        let _ = app::parse_patch(bytes, version);
        let _ = user::parse_patch(bytes, version);
        let _ = user::parse_following(bytes, version);
    }
    let _ = user::parse_badge(bytes);
    let _ = block_list::parse_block(bytes);
    let _ = receipt::parse(bytes);
    let _ = receipt::parse_mark_all_read(bytes);
    let _ = export::parse_security(bytes);
    let _ = export::NewSchedule::parse(bytes);
    let _ = webhook::NewWebhook::parse(bytes, false);
    let _ = PushToken::parse(bytes);
    let _ = NewSession::parse(bytes);
}

/// Layer Patch. What a patch makes of a conversation or an identity is written and read as it is.
pub fn patches(bytes: &[u8]) {
    let object = |text: &str| serde_json::from_str::<Object>(text).unwrap();
    let conversation = Patchable {
        participants: ["a", "b"].map(|user| UserId::parse(user).unwrap()).into(),
        metadata: object(r#"{"title":"x","deep":{"er":{"still":"y"}}}"#),
    };
    let identity = Fields::trusted(object(r#"{"display_name":"x","metadata":{"key":"y"}}"#));
    let again = |before: &Object| {
        let text = serde_json::to_string(before).unwrap();
        assert_eq!(&serde_json::from_str::<Object>(&text).unwrap(), before);
    };
    for version in Version::ALL {
        if let Ok(patch) = ConversationPatch::parse(bytes, version)
            && let Ok(after) = patch.apply(&conversation)
        {
            again(&after.metadata);
            assert!(after.participants.len() <= layer_wire::conversation::MAX_PARTICIPANTS);
        }
        if let Ok(patch) = IdentityPatch::parse(bytes, version)
            && let Ok(after) = patch.apply(&identity)
        {
            again(after.as_object());
        }
    }
}

/// Ids and times. What is read of one is the same when it is written and read again.
pub fn ids(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(user) = UserId::parse(text) {
        assert_eq!(UserId::parse(percent::decode(&user.encoded()).unwrap()).unwrap(), user);
        assert_eq!(UserId::parse_identity(&user.identity_id()).unwrap(), user);
    }
    let _ = UserId::parse_identity(text);
    let _ = percent::decode(text);
    if let Some(app) = AppId::parse(text) {
        assert_eq!(AppId::parse_bare(&app.to_string()), Some(app));
    }
    let uuids = [
        ConversationId::parse(text)
            .map(|id| (id.uuid(), ConversationId::parse_bare(&id.uuid().to_string()).unwrap().uuid())),
        MessageId::parse(text).map(|id| (id.uuid(), MessageId::parse_bare(&id.uuid().to_string()).unwrap().uuid())),
        AnnouncementId::parse(text)
            .map(|id| (id.uuid(), AnnouncementId::parse_bare(&id.uuid().to_string()).unwrap().uuid())),
        ContentId::parse(text).map(|id| (id.uuid(), ContentId::parse_bare(&id.uuid().to_string()).unwrap().uuid())),
    ];
    for (read, again) in uuids.into_iter().flatten() {
        assert_eq!(read, again);
    }
    if let Some(time) = Timestamp::parse(text) {
        assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
    }
    let _ = Version::from_accept(Some(text));
    let _ = Version::from_webhooks_accept(Some(text));
    let _ = crate::http::gate::session_token(text);
    let _ = crate::http::gate::bearer_token(text);
}

/// Queries: where lists begin, how things are deleted, which bytes come. A page is never larger than it may be.
pub fn cursors(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(query) = ListQuery::parse(text) {
        let _ = query.sort_by();
        let sizes = [
            query.conversations().map(|page| page.size).ok(),
            query.messages().map(|page| page.size).ok(),
            query.announcements().map(|page| page.size).ok(),
        ];
        let is_right = |size: usize| (1..=layer_wire::page::MAX_PAGE_SIZE).contains(&size);
        assert!(sizes.into_iter().flatten().all(is_right), "{text}");
        let _ = query.users();
    }
    let _ = DeletionMode::parse(text);
    let _ = ConversationDeletion::parse(text);
    for size in [0, 3, u64::MAX] {
        let _ = UploadRange::parse(Some(text), size);
    }
    let _ = NewContent::parse(Some(text), Some(text), Some(text));
}

/// Snapshots, which are archives.
pub fn archives(bytes: &[u8]) {
    let _ = snapshot::read(bytes);
}

/// Identity tokens, their claims, and nonces.
pub fn identity_tokens(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let now = Timestamp::from_ms(0);
    if let Ok(token) = UnverifiedToken::read(text) {
        // Nobody has signed it with a key that is none.
        assert!(token.verify(b"", now).is_err());
    }
    if let Ok(claims) = serde_json::from_str::<Object>(text) {
        let _ = Claims::read(claims, now);
    }
    assert!(nonce::check(&[0; 32], now, text).is_none());
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// How many changed copies there are of each file of the corpus.
    const COPIES: u32 = 200;

    /// What parsers stumble over.
    const WORDS: [&[u8]; 14] = [
        b"{",
        b"[",
        b"\"",
        b"\\ud83d",
        b"%",
        b"%2F",
        b"1e400",
        b"-1",
        b"\0",
        b"\xff",
        b"layer:///",
        b"../",
        b"\n",
        b"99999999999999999999",
    ];

    /// Changes some bytes, in one to four places.
    fn changed(bytes: &[u8], others: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..random.usize(1..=4) {
            let at = random.usize(0..=bytes.len());
            let end = random.usize(at..=bytes.len());
            match random.u8(0..6) {
                0 if at < bytes.len() => bytes[at] ^= 1 << random.u8(0..8),
                1 => drop(bytes.drain(at..end)),
                2 => {
                    let copied = bytes[at..end].to_vec();
                    bytes.splice(at..at, copied);
                }
                3 => {
                    let other = &others[random.usize(0..others.len())];
                    let from = random.usize(0..=other.len());
                    bytes.splice(at..end, other[from..].iter().copied());
                }
                4 => bytes.truncate(end),
                _ => {
                    let word = WORDS[random.usize(0..WORDS.len())];
                    let times = if random.u8(0..8) == 0 { 2000 } else { 1 };
                    bytes.splice(at..at, word.repeat(times));
                }
            }
        }
        bytes
    }

    #[test]
    fn nothing_of_the_corpus_nor_of_changed_copies_of_it_is_too_much() {
        let copies = std::env::var("LAYER_FUZZ_COPIES").map_or(COPIES, |text| text.parse().unwrap());
        let seed = std::env::var("LAYER_FUZZ_SEED").map_or(0, |text| text.parse().unwrap());
        for (name, target) in TARGETS {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
            let mut paths: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            paths.sort();
            let files: Vec<_> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
            assert!(files.len() >= 3, "{name} has no corpus");
            let mut random = fastrand::Rng::with_seed(seed);
            for file in &files {
                target(file);
                for _ in 0..copies {
                    let input = changed(file, &files, &mut random);
                    let ran = std::panic::catch_unwind(|| target(&input));
                    assert!(
                        ran.is_ok(),
                        "{name} fails, with the seed {seed}, for: {:?}",
                        String::from_utf8_lossy(&input)
                    );
                }
            }
        }
    }
}
