//! The table of operations: one row for each request of `http/router.rs`. A test holds the two together.

use layer_wire::ErrorKind::{
    self, AccessDenied, Conflict, IdInUse, InvalidEndpoint, InvalidOperation, InvalidProperty, InvalidRequestId,
    MethodNotAllowed, MissingProperty, NotFound, ObjectDeleted, ParticipantBlocked, UserSuspended,
};

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The Server API: who has the token of the app.
    App,
    /// The Client API: a user with a session.
    Session,
    /// The Client API: anyone.
    Open,
}

/// A request that the platform takes, and how it answers.
pub struct Operation {
    /// The method, in lower case.
    pub method: &'static str,
    /// Who may ask.
    pub access: Access,
    /// The path below `/apps/{app}`, or of the Client API.
    pub path: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// Versions that have it, when not all do.
    pub versions: Option<&'static str>,
    /// The schema of the request body.
    pub body: Option<&'static str>,
    /// Whether the body may be left out.
    pub is_body_optional: bool,
    /// Status and, for an answer with a body, its schema.
    pub answers: Vec<(u16, Option<&'static str>)>,
    /// Query parameters and headers, by their names among the components.
    pub parameters: Vec<&'static str>,
    /// Errors beside those that every request may have.
    pub errors: Vec<ErrorKind>,
}

impl Operation {
    fn new(method: &'static str, path: &'static str, summary: &'static str) -> Self {
        let mut errors = vec![];
        // A conversation id that is not a UUID leads nowhere; other ids are named.
        if path.contains("{conversation}") {
            errors.extend([NotFound, ObjectDeleted]);
        }
        if path.contains("{message}") || path.contains("{announcement}") || path.contains("{content}") {
            errors.extend([NotFound, InvalidRequestId]);
        }
        if path.contains("{webhook}") {
            errors.extend([NotFound, InvalidRequestId]);
        }
        if path.contains("{user}") {
            errors.push(InvalidEndpoint);
        }
        let is_client_api = ["conversations", "messages", "announcements"]
            .iter()
            .any(|noun| path.starts_with(&format!("/users/{{user}}/{noun}")));
        if is_client_api {
            errors.extend([UserSuspended, AccessDenied, NotFound]);
        }
        if path.starts_with("/users/{user}/messages/") {
            errors.push(ObjectDeleted);
        }
        Self {
            method,
            access: Access::App,
            path,
            summary,
            versions: None,
            body: None,
            is_body_optional: false,
            answers: vec![],
            parameters: vec![],
            errors,
        }
    }

    fn by(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    fn only(mut self, versions: &'static str) -> Self {
        self.versions = Some(versions);
        self.fails(&[InvalidEndpoint, MethodNotAllowed])
    }

    fn takes(mut self, schema: &'static str) -> Self {
        self.body = Some(schema);
        self.fails(&[MissingProperty, InvalidProperty])
    }

    fn may_take(mut self, schema: &'static str) -> Self {
        self.is_body_optional = true;
        self.takes(schema)
    }

    fn empty(mut self, status: u16) -> Self {
        self.answers.push((status, None));
        self
    }

    fn answers(mut self, status: u16, schema: &'static str) -> Self {
        self.answers.push((status, Some(schema)));
        self
    }

    /// A page of a list: `206` from version 2.0 on, when more follow.
    fn lists(mut self, schema: &'static str) -> Self {
        self.parameters.extend(["page_size", "from_id"]);
        self.answers(200, schema).answers(206, schema).fails(&[NotFound, InvalidRequestId, InvalidProperty])
    }

    fn creates(mut self) -> Self {
        self.parameters.push("If-None-Match");
        self.fails(&[InvalidRequestId, IdInUse])
    }

    fn with(mut self, parameters: &[&'static str]) -> Self {
        self.parameters.extend(parameters);
        self.fails(&[MissingProperty, InvalidProperty])
    }

    fn fails(mut self, errors: &[ErrorKind]) -> Self {
        self.errors.extend(errors);
        self
    }
}

fn get(path: &'static str, summary: &'static str) -> Operation {
    Operation::new("get", path, summary)
}

fn post(path: &'static str, summary: &'static str) -> Operation {
    Operation::new("post", path, summary)
}

fn put(path: &'static str, summary: &'static str) -> Operation {
    Operation::new("put", path, summary)
}

fn patch(path: &'static str, summary: &'static str) -> Operation {
    Operation::new("patch", path, summary).takes("Patch")
}

fn delete(path: &'static str, summary: &'static str) -> Operation {
    Operation::new("delete", path, summary)
}

const CONVERSATION: &str = "/conversations/{conversation}";
const MESSAGES: &str = "/conversations/{conversation}/messages";
const MESSAGE: &str = "/conversations/{conversation}/messages/{message}";
const USER_CONVERSATIONS: &str = "/users/{user}/conversations";
const USER_CONVERSATION: &str = "/users/{user}/conversations/{conversation}";
const USER_MESSAGES: &str = "/users/{user}/conversations/{conversation}/messages";
const USER_MESSAGE: &str = "/users/{user}/messages/{message}";
const USER_ANNOUNCEMENT: &str = "/users/{user}/announcements/{announcement}";
const IDENTITY: &str = "/users/{user}/identity";
const FOLLOWED: &str = "/users/{user}/following/{followed}";

const OWN_PART: &str = "/messages/{message}/parts/{part}";

/// All operations: those below `/apps/{app}`, and those of the Client API.
pub fn all() -> Vec<Operation> {
    let mut all = conversations();
    all.extend(in_the_view_of_a_user());
    all.extend(users());
    all.extend(parts_and_exports());
    all.extend(app_and_webhooks());
    all.extend(before_a_session());
    all.extend(of_a_client());
    all
}

fn before_a_session() -> Vec<Operation> {
    let all = [
        get("/", "Tell whether a session goes on, and where to go on").answers(200, "Root"),
        get("/ping", "Tell that the platform answers").empty(200),
        post("/nonces", "Get a nonce for an identity token").answers(201, "Nonce"),
        post("/sessions", "Open a session with an identity token")
            .takes("NewSession")
            .answers(201, "Session")
            .fails(&[UserSuspended]),
        post("/telemetry", "Take what the SDKs tell their vendor, and drop it").empty(202),
    ];
    all.into_iter().map(|operation| operation.by(Access::Open)).collect()
}

/// They are those of the Server API in the view of a user, but for identities and whom the user follows.
fn of_a_client() -> Vec<Operation> {
    let shared = in_the_view_of_a_user().into_iter().map(|mut operation| {
        operation.path = operation.path.strip_prefix("/users/{user}").unwrap_or(operation.path);
        operation
    });
    let others = [
        delete("/sessions/{session}", "End the session").empty(204),
        post("/content", "Announce an upload of rich content, for a message that will carry it")
            .with(&["Upload-Content-Type", "Upload-Content-Length", "Upload-Origin"])
            .answers(201, "Content"),
        get("/content/{content}", "Read rich content, with a fresh link to download it").answers(200, "Content"),
        post("/push_tokens", "Register the push token of a device").takes("NewPushToken").empty(202),
        delete("/push_tokens/{device}", "Forget the push token of a device").empty(202),
        get("/messages/{message}/parts", "List the parts of a message")
            .only("3.0")
            .answers(200, "Parts")
            .fails(&[ObjectDeleted]),
        post("/messages/{message}/parts", "Add a part to a message of the user")
            .only("3.0")
            .takes("NewPart")
            .creates()
            .answers(201, "Part")
            .fails(&[AccessDenied, ObjectDeleted]),
        put("/messages/{message}/parts", "Replace the parts of a message of the user")
            .only("3.0")
            .takes("NewParts")
            .answers(200, "Parts")
            .fails(&[AccessDenied, IdInUse, ObjectDeleted]),
        get(OWN_PART, "Read a part").only("3.0").answers(200, "Part").fails(&[ObjectDeleted]),
        put(OWN_PART, "Replace a part of a message of the user")
            .only("3.0")
            .takes("NewPart")
            .answers(200, "Part")
            .fails(&[AccessDenied, IdInUse, ObjectDeleted]),
        delete(OWN_PART, "Remove a part of a message of the user")
            .only("3.0")
            .empty(204)
            .fails(&[AccessDenied, ObjectDeleted]),
        get("/identities", "List the identities of those whom the user follows").only("2.0, 3.0").lists("Identities"),
        get("/identities/{identity}", "Read the identity of any user")
            .only("2.0, 3.0")
            .answers(200, "Identity")
            .fails(&[NotFound]),
        get("/following", "List whom the user follows").only("2.0, 3.0").lists("IdentityIds"),
        delete("/following/{followed}", "No longer follow a user").only("2.0, 3.0").empty(204),
        post("/following/users", "Follow many users").only("2.0, 3.0").takes("IdentityIds").empty(202),
        get("/following/users/{followed}", "Tell whether the user follows another one")
            .only("2.0, 3.0")
            .empty(204)
            .fails(&[NotFound]),
        put("/following/users/{followed}", "Follow a user").only("2.0, 3.0").empty(204),
        delete("/following/users/{followed}", "No longer follow a user").only("2.0, 3.0").empty(204),
    ];
    shared.chain(others).map(|operation| operation.by(Access::Session)).collect()
}

fn conversations() -> Vec<Operation> {
    vec![
        post("/conversations", "Create a conversation, or find the distinct one")
            .takes("NewConversation")
            .creates()
            .answers(201, "Conversation")
            .answers(200, "Conversation")
            .fails(&[Conflict, ParticipantBlocked]),
        get(CONVERSATION, "Read a conversation").answers(200, "Conversation"),
        patch(CONVERSATION, "Change participants and metadata of a conversation")
            .empty(204)
            .fails(&[ParticipantBlocked]),
        delete(CONVERSATION, "Delete a conversation for everyone").empty(204),
        get(MESSAGES, "List the messages of a conversation, newest first").lists("Messages"),
        post(MESSAGES, "Send a message; several, from version 2.0 on")
            .takes("NewMessages")
            .creates()
            .answers(201, "Message")
            .answers(202, "SentMessages")
            .fails(&[AccessDenied]),
        get(MESSAGE, "Read a message").answers(200, "Message"),
        delete(MESSAGE, "Delete a message for everyone").empty(204),
        post("/conversations/{conversation}/content", "Announce an upload of rich content")
            .with(&["Upload-Content-Type", "Upload-Content-Length", "Upload-Origin", "If-None-Match"])
            .fails(&[InvalidRequestId, IdInUse])
            .answers(201, "Content"),
        get("/conversations/{conversation}/content/{content}", "Read rich content, with a fresh link to download it")
            .answers(200, "Content"),
    ]
}

fn in_the_view_of_a_user() -> Vec<Operation> {
    vec![
        get(USER_CONVERSATIONS, "List the conversations of a user, newest first")
            .lists("Conversations")
            .with(&["sort_by"]),
        post(USER_CONVERSATIONS, "Create a conversation as a user, or find the distinct one")
            .takes("NewConversation")
            .creates()
            .answers(201, "Conversation")
            .answers(200, "Conversation")
            .fails(&[Conflict, ParticipantBlocked]),
        get(USER_CONVERSATION, "Read a conversation in the view of a user").answers(200, "Conversation"),
        patch(USER_CONVERSATION, "Change a conversation as a participant").empty(204).fails(&[ParticipantBlocked]),
        delete(USER_CONVERSATION, "Delete a conversation as a participant").with(&["mode", "leave"]).empty(204),
        post("/users/{user}/conversations/{conversation}/mark_all_read", "Mark the messages of a conversation as read")
            .only("2.0, 3.0")
            .may_take("MarkAllRead")
            .answers(202, "Marked"),
        get(USER_MESSAGES, "List the messages that a user can see, newest first").lists("Messages"),
        post(USER_MESSAGES, "Send a message as a participant")
            .takes("NewUserMessage")
            .creates()
            .answers(201, "Message"),
        get(USER_MESSAGE, "Read a message in the view of a user").answers(200, "Message"),
        delete(USER_MESSAGE, "Delete a message as a user").with(&["mode"]).empty(204),
        post("/users/{user}/messages/{message}/receipts", "Tell that a message reached a user or was read")
            .takes("Receipt")
            .empty(204),
        get("/users/{user}/announcements", "List the announcements that a user got, newest first")
            .lists("Announcements"),
        get(USER_ANNOUNCEMENT, "Read an announcement that a user got").answers(200, "ReceivedAnnouncement"),
        delete(USER_ANNOUNCEMENT, "Delete an announcement for a user").empty(204),
        post(
            "/users/{user}/announcements/{announcement}/receipts",
            "Tell that an announcement reached a user or was read",
        )
        .takes("Receipt")
        .empty(204),
    ]
}

fn users() -> Vec<Operation> {
    vec![
        get("/users/{user}/blocks", "List whom a user blocks").answers(200, "BlockList"),
        post("/users/{user}/blocks", "Block a user").only("1.0, 1.1").takes("NewBlock").empty(204),
        delete("/users/{user}/blocks/{blocked}", "Unblock a user").only("1.0, 1.1").empty(204),
        get(IDENTITY, "Read an identity").answers(200, "Identity").fails(&[NotFound]),
        post(IDENTITY, "Create an identity").takes("NewIdentity").empty(201).fails(&[IdInUse]),
        patch(IDENTITY, "Change fields of an identity").empty(204).fails(&[NotFound]),
        put(IDENTITY, "Replace an identity, or create it").takes("NewIdentity").empty(204),
        delete(IDENTITY, "Delete an identity").empty(204).fails(&[NotFound]),
        get("/users/{user}", "Read a user").answers(200, "User").fails(&[NotFound]),
        patch("/users/{user}", "Change suspension and block list of a user").empty(202),
        get("/users/{user}/badge", "Read what a user has not read").answers(200, "Badge"),
        put("/users/{user}/badge", "Set what a user has not read elsewhere").takes("NewBadge").empty(204),
        delete("/users/{user}/sessions", "End all sessions of a user").empty(204).fails(&[NotFound]),
        get("/users/{user}/following", "List whom a user follows").only("2.0, 3.0").lists("IdentityIds"),
        post("/users/{user}/following", "Follow many users").only("2.0, 3.0").takes("IdentityIds").empty(202),
        get(FOLLOWED, "Tell whether a user follows another one").only("2.0, 3.0").empty(204).fails(&[NotFound]),
        put(FOLLOWED, "Follow a user").only("2.0, 3.0").empty(204),
        delete(FOLLOWED, "No longer follow a user").only("2.0, 3.0").empty(204),
        get("/users/{user}/identities", "List the identities of those whom a user follows")
            .only("2.0, 3.0")
            .lists("Identities"),
    ]
}

const PARTS: &str = "/conversations/{conversation}/messages/{message}/parts";
const PART: &str = "/conversations/{conversation}/messages/{message}/parts/{part}";

fn parts_and_exports() -> Vec<Operation> {
    vec![
        get(PARTS, "List the parts of a message").only("3.0").answers(200, "Parts"),
        post(PARTS, "Add a part to a message").only("3.0").takes("NewPart").answers(201, "Part").fails(&[IdInUse]),
        put(PARTS, "Replace the parts of a message")
            .only("3.0")
            .takes("NewParts")
            .answers(200, "Parts")
            .fails(&[IdInUse]),
        get(PART, "Read a part").only("3.0").answers(200, "Part"),
        put(PART, "Replace a part").only("3.0").takes("NewPart").answers(200, "Part").fails(&[IdInUse]),
        delete(PART, "Remove a part").only("3.0").empty(204),
        get("/export_security", "Read the key that exports are encrypted with")
            .answers(200, "ExportKey")
            .fails(&[NotFound]),
        put("/export_security", "Set the key that exports are encrypted with")
            .takes("ExportKey")
            .answers(200, "ExportKey"),
        get("/export_schedule", "Read when exports are made").answers(200, "ExportSchedule"),
        put("/export_schedule", "Set when exports are made").takes("NewExportSchedule").answers(200, "ExportSchedule"),
        get("/exports", "List the exports").answers(200, "Exports"),
        post("/exports", "Request an export").answers(202, "Export").fails(&[InvalidOperation]),
        delete("/exports/{export}", "Delete an export").empty(204).fails(&[NotFound, InvalidRequestId]),
        get("/exports/{export}/status", "Read an export")
            .answers(200, "Export")
            .answers(202, "Export")
            .fails(&[NotFound, InvalidRequestId]),
    ]
}

fn app_and_webhooks() -> Vec<Operation> {
    vec![
        patch("", "Set how long sessions of users last").empty(202),
        post("/notifications", "Push a notification without a message").takes("NewNotification").empty(202),
        post("/announcements", "Send an announcement").takes("NewAnnouncement").creates().answers(202, "Announcement"),
        get("/webhooks", "List the webhooks of the app").answers(200, "Webhooks"),
        post("/webhooks", "Register a webhook").takes("NewWebhook").answers(201, "Webhook").fails(&[InvalidRequestId]),
        get("/webhooks/{webhook}", "Read a webhook").answers(200, "Webhook"),
        delete("/webhooks/{webhook}", "Delete a webhook").empty(204),
        post("/webhooks/{webhook}/activate", "Verify a webhook once more").answers(200, "Webhook"),
        post("/webhooks/{webhook}/deactivate", "Stop deliveries to a webhook").answers(200, "Webhook"),
    ]
}
