/// <reference types="node" />
// Compiles with TypeScript 3.9 and with @types/node 12: no `node:` in the names of modules, nothing newer in the
// syntax.

import type { Agent, AgentOptions } from 'https';

/**
 * A client of the Layer Server API for one app.
 *
 * Every method exists in two forms: with a callback as its last argument, and with `Async` at the end of its name as a
 * promise. Methods do not use `this` and can be passed around on their own.
 *
 * A wrong argument is reported at once through the callback (or the promise) as a plain `Error`, and nothing is sent. A
 * promise form that gets too many arguments rejects with a `TypeError`; a callback that is not a function throws one. A
 * reply with a status of 300 or above is a {@link LayerAPI.ResponseError}; redirects are not followed. A request
 * without a reply is a {@link LayerAPI.APIError} after the timeout, and otherwise an `Error` with Node's `code`.
 */
declare class LayerAPI {
  /**
   * @param config `token` and `appId` are required; `appId` is replaced in it by the bare UUID, as in 2.x.
   * @throws {Error} when `token`, `appId`, `agent`, `agentOptions` or `baseUrl` cannot be used; the text names it.
   */
  constructor(config: LayerAPI.Config);

  /**
   * Constructor of the promises that `*Async` methods return, in the whole process and read at each call. Default: the
   * native `Promise`; set `undefined` to restore it. `LayerAPI.Promise = require('bluebird')` brings back the promises
   * of 2.x, with errors marked as operational; types stay those of `Promise`.
   *
   * @throws {TypeError} when it is set to anything but a function, `null` or `undefined`.
   */
  // TypeScript before 4.3 wants one type for both accessors, and takes that of the first.
  // @ts-ignore
  static get Promise(): PromiseConstructorLike;
  // @ts-ignore
  static set Promise(chosen: PromiseConstructorLike | null | undefined);

  /** Conversations: create, read, edit, delete. */
  readonly conversations: LayerAPI.Conversations;
  /** Messages: send and read. */
  readonly messages: LayerAPI.Messages;
  /** Announcements: send. */
  readonly announcements: LayerAPI.Announcements;
  /** Block lists of users. */
  readonly blocklist: LayerAPI.Blocklist;
  /** Identities of users. */
  readonly identities: LayerAPI.Identities;
}

declare namespace LayerAPI {
  /** Settings of a client. */
  export interface Config {
    /** Bearer token of the app. It is never printed, logged or put into an error. */
    token: string;
    /** Id of the app: its UUID, or anything that ends in a slash and the UUID (`layer:///apps/staging/UUID`). */
    appId: string;
    /** Version of the Server API; methods and types are those of 1.0. Default: `1.0`. */
    version?: string;
    /**
     * Milliseconds: a request fails when no byte has moved for so long. Its total time has no limit. Default: 10000.
     */
    timeout?: number;
    /**
     * Bytes that the body of a reply may have, from 1 to 536870888. A reply that is larger is an `Error` with the code
     * `ERR_RESPONSE_TOO_LARGE` as soon as that shows, and its connection is closed. Default: 268435456 (256 MiB).
     */
    maxResponseBytes?: number;
    /** Agent whose connections, limits and certificates are used; clients with the same agent share them. */
    agent?: Agent;
    /**
     * Options for an agent that the client makes; `agent` comes first. Default: those of `https.globalAgent`. The
     * README lists them; any other, and any that cannot be honoured, is refused by name.
     */
    agentOptions?: AgentOptions;
    /** Constructor of the promises that `*Async` methods return. Default: {@link LayerAPI.Promise}. */
    Promise?: PromiseConstructorLike;
    /** Prints a line for each step to the console; holds for the whole process, as in 2.x. Default: false. */
    debug?: boolean;
    /**
     * Where the service is: `http(s)://host[:port][/prefix]`. Default: the environment variable `LAYER_API_URL`, and
     * without that `https://api.layer.com`.
     */
    baseUrl?: string;
    /**
     * HTTP proxy that all requests go through: `http(s)://[user:password@]host[:port]`. Default: none. Variables of the
     * environment play no part, as in 2.x, unless `NODE_USE_ENV_PROXY` is 1 and the client has no agent.
     */
    proxy?: string;
  }

  /** A reply with a status below 300. */
  export interface Response<Body> {
    /** HTTP status. */
    status: number;
    /** The parsed body, or its text if it is not JSON. Empty bodies are `''`. */
    body: Body;
  }

  /** A reply without a body: 204, and 201 of an identity. */
  export type EmptyResponse = Response<''>;

  /** Called once with the outcome, never before the method has returned, except for a wrong argument. */
  export type Callback<Body> = (error: Error | ResponseError | APIError | null, response?: Response<Body>) => void;

  /** The body of an error. */
  export interface ErrorBody {
    /** Name of the error, for instance `not_found`. */
    id: string;
    /** Number of the error, for instance 102. */
    code: number;
    /** For people. */
    message: string;
    /** Documentation. */
    url?: string;
    /** The subject of the error: the name of a property, or the object that is in the way. */
    data?: { property?: string; [key: string]: unknown };
  }

  /** The service answered with a status of 300 or above. */
  export class ResponseError extends Error {
    constructor(status: number, body: ErrorBody | string);
    readonly name: 'ResponseError';
    /** HTTP status. */
    status: number;
    /** The body of the reply; text if it is not JSON. */
    body: ErrorBody | string;
  }

  /** The request was given up: nothing moved on its connection for `timeout` milliseconds. */
  export class APIError extends Error {
    constructor(message: string, error?: unknown, response?: unknown);
    readonly name: 'APIError';
    error?: unknown;
    response?: unknown;
  }

  /** Metadata: strings, and objects of metadata. */
  export interface Metadata {
    [key: string]: string | Metadata;
  }

  /** A conversation as the app sees it. */
  export interface Conversation {
    /** `layer:///conversations/UUID` */
    id: string;
    url: string;
    messages_url: string;
    /** ISO 8601, UTC. */
    created_at: string;
    /** User ids, 25 at the most. */
    participants: string[];
    /** Whether it is the only one of these participants. */
    distinct: boolean;
    metadata: Metadata;
  }

  /** A conversation as one of its participants sees it. */
  export interface UserConversation extends Conversation {
    last_message: UserMessage | null;
    unread_message_count: number;
  }

  /** Body of a request that creates a conversation. */
  export interface NewConversation {
    /** User ids, 25 at the most. */
    participants: string[];
    /** Return the existing conversation of exactly these participants, if there is one. */
    distinct?: boolean;
    metadata?: Metadata | null;
  }

  /** Who sent a message: a user, or a name such as "The System". */
  export type Sender = { user_id: string; name?: null } | { name: string; user_id?: null };

  /** One piece of a message, 2,048 bytes at the most. */
  export interface MessagePart {
    /** `layer:///messages/UUID/parts/N`; absent in the answer to a send. */
    id?: string;
    /** Text, or base64 where `encoding` says so. */
    body: string;
    mime_type: string;
    encoding?: 'base64' | null;
  }

  /** Push notification that goes out with a message; it is not stored. */
  export interface Notification {
    title?: string;
    text?: string;
    sound?: string;
    [key: string]: unknown;
  }

  /** Body of a request that sends a message. */
  export interface NewMessage {
    sender: Sender;
    parts: MessagePart[];
    notification?: Notification;
  }

  /** How far a message has come. */
  export type RecipientStatus = 'sent' | 'delivered' | 'read';

  /** A message as the app sees it. */
  export interface Message {
    /** `layer:///messages/UUID` */
    id: string;
    url: string;
    conversation: { id: string; url: string };
    parts: MessagePart[];
    /** ISO 8601, UTC. */
    sent_at: string;
    sender: { user_id?: string | null; name?: string | null };
    /** By user id. */
    recipient_status: Record<string, RecipientStatus>;
    receipts_url?: string | null;
    position?: number | null;
    received_at?: string | null;
    is_unread?: boolean | null;
  }

  /** A message as a participant sees it. */
  export interface UserMessage extends Message {
    receipts_url: string;
    position: number;
    received_at: string;
    is_unread: boolean;
  }

  /** Body of a request that sends an announcement. */
  export interface NewAnnouncement {
    /** User ids. */
    recipients: string[];
    sender: { name: string };
    parts: MessagePart[];
    notification?: Notification;
  }

  /** An announcement. */
  export interface Announcement {
    /** `layer:///announcements/UUID` */
    id: string;
    url: string;
    /** ISO 8601, UTC. */
    sent_at: string;
    recipients: string[];
    sender: { name: string };
    parts: MessagePart[];
  }

  /** An entry of a block list. */
  export interface BlockedUser {
    user_id: string;
  }

  /** The properties of an identity that can be set. */
  export interface IdentityProperties {
    /** At most 128 characters. */
    display_name: string;
    avatar_url?: string | null;
    first_name?: string | null;
    last_name?: string | null;
    phone_number?: string | null;
    email_address?: string | null;
    public_key?: string | null;
    /** At most 16 keys; strings only. */
    metadata?: Record<string, string> | null;
  }

  /** An identity. */
  export interface Identity extends IdentityProperties {
    user_id: string;
  }

  /** One operation of Layer Patch. */
  export type Operation =
    | { operation: 'add' | 'remove'; property: string; value: string }
    | { operation: 'set'; property: string; value: unknown }
    | { operation: 'delete'; property: string };

  /** Which part of a list is asked for. */
  export interface ListParams {
    /** Items in one reply, 100 at the most. Default: 100. */
    page_size?: number;
    /** Id of the item after which the list goes on. */
    from_id?: string;
  }

  /** Which part of a list of conversations is asked for, and in what order; newest first in both. */
  export interface ConversationListParams extends ListParams {
    /** Default: `created_at`. */
    sort_by?: 'created_at' | 'last_message';
  }

  /** `layer.conversations` */
  export interface Conversations {
    /** Creates a conversation: 201, or 200 with the existing one for `distinct`. */
    create(body: NewConversation, callback?: Callback<Conversation>): void;
    createAsync(body: NewConversation): Promise<Response<Conversation>>;

    /** Creates a conversation once: repeated with the same UUID, it returns the one created first. */
    createDedupe(uuid: string | null, body: NewConversation, callback?: Callback<Conversation>): void;
    createDedupeAsync(uuid: string | null, body: NewConversation): Promise<Response<Conversation>>;

    /** Reads a conversation. */
    get(conversationId: string, callback: Callback<Conversation>): void;
    getAsync(conversationId: string): Promise<Response<Conversation>>;

    /** Reads a conversation as one of its participants sees it. */
    getFromUser(userId: string, conversationId: string, callback: Callback<UserConversation>): void;
    getFromUserAsync(userId: string, conversationId: string): Promise<Response<UserConversation>>;

    /** Lists the conversations of a user, newest first. */
    getAllFromUser(userId: string, callback: Callback<UserConversation[]>): void;
    getAllFromUser(userId: string, params: ConversationListParams, callback: Callback<UserConversation[]>): void;
    getAllFromUserAsync(userId: string, params?: ConversationListParams): Promise<Response<UserConversation[]>>;

    /** Edits participants and metadata with Layer Patch operations. */
    edit(conversationId: string, operations: Operation[], callback?: Callback<''>): void;
    editAsync(conversationId: string, operations: Operation[]): Promise<EmptyResponse>;

    /** Sets metadata: one key, or path such as `a.b`, for each property; values become strings. */
    setMetadataProperties(conversationId: string, properties: Record<string, unknown>, callback?: Callback<''>): void;
    setMetadataPropertiesAsync(conversationId: string, properties: Record<string, unknown>): Promise<EmptyResponse>;

    /** Deletes metadata: one key, or path such as `a.b`, for each property; values do not matter. */
    deleteMetadataProperties(
      conversationId: string,
      properties: Record<string, unknown>,
      callback?: Callback<''>,
    ): void;
    deleteMetadataPropertiesAsync(conversationId: string, properties: Record<string, unknown>): Promise<EmptyResponse>;

    /** Adds participants. */
    addParticipants(conversationId: string, participants: string[], callback?: Callback<''>): void;
    addParticipantsAsync(conversationId: string, participants: string[]): Promise<EmptyResponse>;

    /** Removes participants. */
    removeParticipants(conversationId: string, participants: string[], callback?: Callback<''>): void;
    removeParticipantsAsync(conversationId: string, participants: string[]): Promise<EmptyResponse>;

    /** Replaces all participants. */
    replaceParticipants(conversationId: string, participants: string[], callback?: Callback<''>): void;
    replaceParticipantsAsync(conversationId: string, participants: string[]): Promise<EmptyResponse>;

    /** Deletes a conversation for everyone. */
    delete(conversationId: string, callback?: Callback<''>): void;
    deleteAsync(conversationId: string): Promise<EmptyResponse>;
  }

  /** `layer.messages` */
  export interface Messages {
    /** Sends a message. */
    send(conversationId: string, body: NewMessage, callback?: Callback<Message>): void;
    sendAsync(conversationId: string, body: NewMessage): Promise<Response<Message>>;

    /** Sends a message once: repeated with the same UUID, it returns the one sent first. */
    sendDedupe(uuid: string | null, conversationId: string, body: NewMessage, callback?: Callback<Message>): void;
    sendDedupeAsync(uuid: string | null, conversationId: string, body: NewMessage): Promise<Response<Message>>;

    /** Sends plain text from a user. */
    sendTextFromUser(conversationId: string, userId: string, text: string, callback?: Callback<Message>): void;
    sendTextFromUserAsync(conversationId: string, userId: string, text: string): Promise<Response<Message>>;

    /** Sends plain text from a name, such as "The System". */
    sendTextFromName(conversationId: string, name: string, text: string, callback?: Callback<Message>): void;
    sendTextFromNameAsync(conversationId: string, name: string, text: string): Promise<Response<Message>>;

    /** Lists the messages of a conversation, newest first. */
    getAll(conversationId: string, callback: Callback<Message[]>): void;
    getAll(conversationId: string, params: ListParams, callback: Callback<Message[]>): void;
    getAllAsync(conversationId: string, params?: ListParams): Promise<Response<Message[]>>;

    /** Reads a message. Mind the order: the message's id comes first. */
    get(messageId: string, conversationId: string, callback: Callback<Message>): void;
    getAsync(messageId: string, conversationId: string): Promise<Response<Message>>;

    /** Lists the messages of a conversation as a participant sees them, newest first. */
    getAllFromUser(userId: string, conversationId: string, callback: Callback<UserMessage[]>): void;
    getAllFromUser(userId: string, conversationId: string, params: ListParams, callback: Callback<UserMessage[]>): void;
    getAllFromUserAsync(userId: string, conversationId: string, params?: ListParams): Promise<Response<UserMessage[]>>;

    /** Reads a message as a participant sees it. */
    getFromUser(userId: string, messageId: string, callback: Callback<UserMessage>): void;
    getFromUserAsync(userId: string, messageId: string): Promise<Response<UserMessage>>;
  }

  /** `layer.announcements` */
  export interface Announcements {
    /** Sends an announcement: 202. */
    send(body: NewAnnouncement, callback?: Callback<Announcement>): void;
    sendAsync(body: NewAnnouncement): Promise<Response<Announcement>>;

    /** Sends an announcement once: repeated with the same UUID, it returns the one sent first. */
    sendDedupe(uuid: string | null, body: NewAnnouncement, callback?: Callback<Announcement>): void;
    sendDedupeAsync(uuid: string | null, body: NewAnnouncement): Promise<Response<Announcement>>;
  }

  /** `layer.blocklist` */
  export interface Blocklist {
    /** Reads the block list of a user. */
    get(ownerId: string, callback: Callback<BlockedUser[]>): void;
    getAsync(ownerId: string): Promise<Response<BlockedUser[]>>;

    /** Puts a user on the block list of another. */
    block(ownerId: string, userId: string, callback?: Callback<''>): void;
    blockAsync(ownerId: string, userId: string): Promise<EmptyResponse>;

    /** Takes a user off the block list of another. */
    unblock(ownerId: string, userId: string, callback?: Callback<''>): void;
    unblockAsync(ownerId: string, userId: string): Promise<EmptyResponse>;
  }

  /** `layer.identities` */
  export interface Identities {
    /** Creates the identity of a user: 201, or 409 where there is one. */
    create(userId: string, properties: IdentityProperties, callback?: Callback<''>): void;
    createAsync(userId: string, properties: IdentityProperties): Promise<EmptyResponse>;

    /** Reads the identity of a user. */
    get(userId: string, callback: Callback<Identity>): void;
    getAsync(userId: string): Promise<Response<Identity>>;

    /** Sets some properties of an identity. */
    edit(userId: string, properties: Partial<IdentityProperties>, callback?: Callback<''>): void;
    editAsync(userId: string, properties: Partial<IdentityProperties>): Promise<EmptyResponse>;

    /** Replaces all properties of an identity; those that are left out are gone. */
    replace(userId: string, properties: IdentityProperties, callback?: Callback<''>): void;
    replaceAsync(userId: string, properties: IdentityProperties): Promise<EmptyResponse>;

    /** Deletes the identity of a user. */
    delete(userId: string, callback?: Callback<''>): void;
    deleteAsync(userId: string): Promise<EmptyResponse>;
  }

  /** Settings of a platform. */
  export interface PlatformOptions {
    /** File of the database, created if missing; `:memory:` keeps nothing. Default: `:memory:`. */
    data?: string;
    /** Port to listen on; `0` takes a free one. Default: `0`. */
    port?: number;
    /**
     * IP address to listen on; the default is reachable from this machine only, `0.0.0.0` from everywhere. Default:
     * `127.0.0.1`.
     */
    host?: string;
    /** Certificate chain in PEM form; with it and its key, the platform speaks HTTPS. Default: none. */
    cert?: string | Buffer;
    /** Private key of the certificate in PEM form. Default: none. */
    key?: string | Buffer;
    /** Scheme and host of the URLs in replies, behind a proxy. Default: the address it listens on. */
    publicUrl?: string;
    /** Where webhooks may go. */
    webhooks?: WebhookOptions;
    /** Data exports. */
    exports?: {
      /** Lets an app ask for more than one data export a day. Default: `false`. */
      unlimited?: boolean;
    };
    /** Connections at the same time; one more is answered with `503` and closed. Default: `1000`. */
    maxConnections?: number;
    /** Opens the admin API, below `/_platform`, to those who know it. Default: none. */
    adminToken?: string;
    /**
     * Latest requests and replies to remember, for tests: of each body 16 KiB, of all together 32 MiB. Default: `1000`
     * for a platform in memory, else `0`.
     */
    recordedRequests?: number;
    /** Seed of ids, tokens and chance, for tests: every run has the same ones. Default: none. */
    seed?: number;
    /**
     * Where ids come from; `counting`, for tests, begins with `00000000-0000-4000-8000-000000000001`. Default:
     * `random`.
     */
    ids?: 'random' | 'counting';
    /**
     * Time at which the clock stands, for tests: milliseconds since 1970, in a program also a Date or ISO 8601 text.
     * Default: none.
     */
    clock?: Date | string | number;
  }

  /** Where the platform lets webhooks go. The holder of an app's token chooses their targets. */
  export interface WebhookOptions {
    /**
     * Lets webhooks go to loopback, private, link-local and other addresses that are not public, too. Default: `false`.
     */
    allowPrivateAddresses?: boolean;
    /** Lets webhooks go to `http://` URLs, too. Default: `false`. */
    allowHttp?: boolean;
    /** Certificates of authorities in PEM form that webhooks trust, beside Mozilla's. Default: none. */
    ca?: string | Buffer;
  }

  /** For receivers of webhooks. */
  export namespace webhooks {
    /**
     * Whether a delivery was signed with the secret of the webhook. Takes the same time wherever a signature is wrong.
     *
     * @param secret the secret that the webhook was registered with
     * @param rawBody the body as it came in, before it is parsed; a string counts as UTF-8
     * @param signature the header `layer-webhook-signature`; anything but 40 hexadecimal digits is wrong
     * @throws {TypeError} when `secret` or `rawBody` is something else, such as a parsed body
     */
    function verify(
      secret: string | Uint8Array,
      rawBody: string | Uint8Array,
      signature: string | string[] | undefined,
    ): boolean;
  }

  /** Who a user is, as the server of an application says so, and with which key. */
  export interface IdentityTokenOptions {
    /** Id of the identity provider, from {@link Platform.createIdentityProvider}. */
    providerId: string;
    /** Id of the key, from the same. */
    keyId: string;
    /** The RSA private key in PEM form, or a `KeyObject` of Node's `crypto`. */
    privateKey: string | Buffer | object;
    /** Whom the session is for. Make sure that it is the user who asks. */
    userId: string;
    /** The nonce that the client got from the service. */
    nonce: string;
    /** How long the token is good for, in seconds. Default: `600`. */
    expiresIn?: number;
    /** Name to show; with it the user gets an identity, or its identity is changed. */
    displayName?: string;
    /** Address of a picture. */
    avatarUrl?: string;
    firstName?: string;
    lastName?: string;
    phoneNumber?: string;
    emailAddress?: string;
  }

  /**
   * Makes an identity token: with it a client of the Client API, such as `layer-websdk`, answers the challenge of the
   * service. A JWT, signed with RS256 by the clock of this machine.
   *
   * @throws {TypeError} when an option is of another kind; the key is never part of the text
   */
  export function identityToken(options: IdentityTokenOptions): string;

  /** The clock of a platform: timestamps, schedules, retries and expiry follow it. */
  export interface PlatformClock {
    /** The present time. */
    now(): Promise<Date>;

    /** Stops the clock, at its present time or at another. Resolves to the time. */
    freeze(at?: Date | string | number): Promise<Date>;

    /** Moves the clock by milliseconds, whether it stands or runs. Resolves to the time. */
    advance(ms: number): Promise<Date>;

    /** Lets the clock run on from the time that it shows. Resolves to the time. */
    resume(): Promise<Date>;
  }

  /**
   * Something to go wrong: one of `status`, `delay`, `reset` and `truncate`; `delay` goes with each of the others, too.
   */
  export interface Fault {
    /** Which requests it strikes. Default: all. */
    match?: {
      /** Their method. Default: any. */
      method?: string;
      /**
       * Their path below `/apps/<app id>`, without the query: `*` stands for anything within a segment, `**` for
       * anything. Default: any.
       */
      path?: string;
    };
    /** Waits so many milliseconds first. */
    delay?: number;
    /** Answers with this status in place of doing anything. */
    status?: number;
    /** JSON to answer with, beside `status`. Default: the error of the API with that status, if there is one. */
    body?: unknown;
    /** Headers of the answer, beside `status`. */
    headers?: Record<string, string | number>;
    /** Resets the connection in place of doing anything. */
    reset?: boolean;
    /** Does what is asked, but ends the connection after so many bytes of the answer's body. */
    truncate?: number;
    /** How many requests it strikes. Default: as many as come. */
    times?: number;
    /** How likely it strikes a request that matches, from 0 to 1. Default: 1. */
    probability?: number;
  }

  /** A fault that waits for requests to strike. */
  export interface InjectedFault {
    /** The id in {@link RecordedRequest.fault}. */
    id: number;

    /** Takes it back. */
    remove(): Promise<void>;
  }

  /** An attempt to deliver an event to a webhook. */
  export interface DeliveryAttempt {
    appId: string;
    /** Id of the webhook. */
    webhook: string;
    /** UUID of the event: the same in every attempt, and for every webhook of 1.0, or of 2.0 and 3.0. */
    event: string;
    /** UUID of the request: that of the event, but for events that an earlier release left in the outbox. */
    request: string;
    /** Such as `message.sent`. */
    eventType: string;
    /** From 1. */
    number: number;
    /** By the clock of the platform. */
    startedAt: string;
    finishedAt: string;
    /** The payload that was sent. */
    body: unknown;
    /** `failed` ones are tried again; `given_up` is the end. */
    outcome: 'delivered' | 'failed' | 'given_up';
    /** Status that the receiver answered with, if it did. */
    status: number | null;
    /** Why it failed, unless it was delivered. */
    error?: string;
    /** When a `failed` one is tried again. */
    nextAttemptAt?: string;
  }

  /** A request that came in. */
  export interface RecordedRequest {
    /** When it came, by the clock of the platform. */
    receivedAt: string;
    method: string;
    /** With the query. */
    path: string;
    /** In lower case; the token is hidden. */
    headers: Record<string, string>;
    /** Parsed where it is JSON; a Buffer where it is not text; cut after 16 KiB. */
    body: unknown;
    /** Bytes of the body, also of one that was cut. */
    bodyLength: number;
    /** The fault that struck it. */
    fault: number | null;
    /** The answer; `null` until it is sent. */
    response: {
      /** `null` where the connection was reset instead. */
      status: number | null;
      headers: Record<string, string>;
      body: unknown;
      bodyLength: number;
      /** Milliseconds from request to answer, by the clock of the machine. */
      durationMs: number;
    } | null;
  }

  /** An app and the token for it. */
  export interface App {
    appId: string;
    /** Shown here and nowhere else: the platform keeps a hash. */
    token: string;
  }

  /** A key of an identity provider. */
  export interface IdentityKey {
    /** `layer:///keys/<uuid>`. */
    keyId: string;
    /** PEM, where the platform made the pair. Shown here and nowhere else: the platform keeps the public key. */
    privateKey?: string;
  }

  /** A new identity provider and its key. */
  export interface NewIdentityProvider extends IdentityKey {
    /** `layer:///providers/<uuid>`. */
    providerId: string;
  }

  /** An identity provider. */
  export interface IdentityProvider {
    /** `layer:///providers/<uuid>`. */
    providerId: string;
    /** Its keys, the oldest first. */
    keyIds: string[];
  }

  /** A public key that somebody has the private one of. */
  export interface IdentityKeyOptions {
    /**
     * RSA public key or certificate in PEM form, of 2048 bits or more. Default: the platform makes a pair, and returns
     * the private key.
     */
    publicKey?: string | Buffer;
  }

  /** An embedded server that speaks Layer's Server API and Client API. */
  export class Platform {
    private constructor();

    /**
     * Starts a platform; it listens when the promise resolves, and keeps the process alive until it is closed.
     *
     * @throws {Error} when the port is taken, or file or certificate cannot be used; the text says how to mend it.
     */
    static start(options?: PlatformOptions): Promise<Platform>;

    /** Address for `baseUrl` or `LAYER_API_URL`. */
    readonly url: string;

    /** Address of the sockets of the Client API, for the option `websocketUrl` of the SDKs. */
    readonly websocketUrl: string;

    /** Its clock. */
    readonly clock: PlatformClock;

    /** Creates an app. */
    createApp(): Promise<App>;

    /**
     * Adds an identity provider to an app, with a key: who has the private key says with {@link identityToken} who the
     * users of the app are.
     *
     * @throws {Error} when there is no such app, or the key cannot be used.
     */
    createIdentityProvider(appId: string, options?: IdentityKeyOptions): Promise<NewIdentityProvider>;

    /** The identity providers of an app, the oldest first. */
    identityProviders(appId: string): Promise<IdentityProvider[]>;

    /** Removes an identity provider with its keys. Sessions that were opened with it go on. */
    removeIdentityProvider(appId: string, providerId: string): Promise<void>;

    /** Adds a key to an identity provider, beside those that it has. */
    addIdentityKey(appId: string, providerId: string, options?: IdentityKeyOptions): Promise<IdentityKey>;

    /** Removes a key of an identity provider. Sessions that were opened with it go on. */
    removeIdentityKey(appId: string, providerId: string, keyId: string): Promise<void>;

    /**
     * Empties the platform of all but its apps, their tokens and identity providers, faults and recorded requests
     * included. Sessions end. Ids begin anew; the clock stays as it is.
     */
    reset(): Promise<void>;

    /** Everything that is stored, in one piece: to be restored here, in another platform, or by a later version. */
    snapshot(): Promise<Buffer>;

    /**
     * Replaces everything by a snapshot.
     *
     * @throws {Error} when it is none; nothing is changed then.
     */
    restore(snapshot: Uint8Array): Promise<void>;

    /** The last requests, oldest first. */
    requests(): Promise<RecordedRequest[]>;

    /** The last 1,000 attempts to deliver events to webhooks, oldest first. */
    webhooks(): Promise<DeliveryAttempt[]>;

    /**
     * Lets something go wrong.
     *
     * @throws {Error} when the fault makes no sense; the text names the field.
     */
    inject(fault: Fault): Promise<InjectedFault>;

    /** Finishes requests in flight, writes everything to disk and stops. Closing twice is fine. */
    close(): Promise<void>;
  }

  export { LayerAPI, LayerAPI as default };
}

export = LayerAPI;
