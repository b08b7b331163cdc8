/// <reference types="node" />
// Compiles with TypeScript 3.9 and with @types/node 12: no `node:` in the names of modules, nothing newer in the
// syntax.

import type { Agent as HttpAgent } from 'http';
import type { Agent, AgentOptions } from 'https';
import type { Readable } from 'stream';
import type { Callback as CallbackOf } from './types/callback';

/**
 * A client of the Layer Server API for one app. Its types are those of the version that it is made with: `V`.
 *
 * Every method exists in two forms: with a callback as its last argument, and with `Async` at the end of its name as a
 * promise. Methods do not use `this` and can be passed around on their own.
 *
 * A wrong argument is reported at once through the callback (or the promise) as a plain `Error`, and nothing is sent. A
 * promise form that gets too many arguments rejects with a `TypeError`; a callback that is not a function throws one. A
 * reply with a status of 300 or above is a {@link LayerAPI.ResponseError}; redirects are not followed. A request
 * without a reply is a {@link LayerAPI.APIError} after the timeout, and otherwise an `Error` with Node's `code`. A
 * method that the version does not have is an `Error` that names the versions that have it.
 */
declare class LayerAPI<V extends string = string> {
  /**
   * @param config `token` and `appId` are required; `appId` is replaced in it by the bare UUID, as in 2.x.
   * @throws {Error} when `token`, `appId`, `agent`, `agentOptions` or `baseUrl` cannot be used; the text names it.
   */
  constructor(config: LayerAPI.Config<V>);

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
  readonly conversations: LayerAPI.Conversations<V>;
  /** Messages: send, read, delete. */
  readonly messages: LayerAPI.Messages<V>;
  /** Announcements: send, and what a user does with them. */
  readonly announcements: LayerAPI.Announcements<V>;
  /** Block lists of users. */
  readonly blocklist: LayerAPI.Blocklist<V>;
  /** Identities of users. */
  readonly identities: LayerAPI.Identities<V>;
  /** Users: badge, suspension, sessions, whom they follow. */
  readonly users: LayerAPI.Users<V>;
  /** Rich content: what is too large for a part. */
  readonly content: LayerAPI.Content;
  /** Push notifications without a message. */
  readonly notifications: LayerAPI.Notifications;
  /** Exports of all data. */
  readonly exports: LayerAPI.Exports;
  /** Webhooks of the app; `LayerAPI.webhooks` verifies what they deliver. */
  readonly webhooks: LayerAPI.Webhooks;
  /** The app itself. */
  readonly app: LayerAPI.AppSettings;

  /**
   * A client that shares connections, app and limits with this one, and has options of its own for its requests. It
   * costs next to nothing, so it can be made for one call:
   * `layer.withOptions({ signal }).messages.sendAsync(id, body)`. Those of the inner client win; `headers` are merged
   * by name; an option that is undefined is not given.
   *
   * @throws {TypeError} when an option is unknown, or is not what it needs to be; the text names it.
   */
  withOptions<W extends string>(options: LayerAPI.RequestOptions & { version: W }): LayerAPI<W>;
  withOptions(options: LayerAPI.RequestOptions): this;

  /**
   * Takes no more calls, from this client and all that `withOptions` made of it or of which it was made: each is an
   * `Error` with the code `ERR_LAYER_CLIENT_CLOSED`. Resolves when the requests under way are over, those that wait to
   * be tried again included, and the connections that no other client's agent needs are closed. Closing twice is fine.
   */
  close(): Promise<void>;
  // TypeScript before 5.2 does not know the symbol.
  // @ts-ignore
  [Symbol.asyncDispose](): Promise<void>;
}

declare namespace LayerAPI {
  /** Versions of the Server API. */
  export type Version = '1.0' | '1.1' | '2.0' | '3.0';

  /** Settings of a client. */
  export interface Config<V extends string = string> {
    /** Bearer token of the app. It is never printed, logged or put into an error. */
    token: string;
    /** Id of the app: its UUID, or anything that ends in a slash and the UUID (`layer:///apps/staging/UUID`). */
    appId: string;
    /**
     * Version of the Server API. What methods send and answer follows it: {@link LayerAPI.Version}. Types of any other
     * text are those of 1.0. Default: `1.0`.
     */
    version?: V;
    /**
     * Milliseconds: a request fails when no byte has moved for so long. Its total time has no limit. Default: 10000.
     */
    timeout?: number;
    /**
     * How often a request that failed is tried again where that makes sense and does nothing twice, from 0 to 1000;
     * docs/requests.md has the rules. Default: 0.
     */
    maxRetries?: number;
    /**
     * Bytes that the body of a reply may have, from 1 to 536870888. A reply that is larger is an `Error` with the code
     * `ERR_RESPONSE_TOO_LARGE` as soon as that shows, and its connection is closed. Default: 268435456 (256 MiB).
     */
    maxResponseBytes?: number;
    /**
     * Agent whose connections, limits and certificates are used; clients with the same agent share them. One of `http`
     * is for `transport: 'node'` alone.
     */
    agent?: Agent | HttpAgent;
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
    /**
     * Who carries requests: `native`, the addon itself, or `node`, Node's `https` (`http` where `baseUrl` begins with
     * that), so that nock, msw and whatever else replaces `https.request` get them. With `node`, `agent` may be any
     * agent, `agentOptions` are not checked, and `proxy` is refused. Default: the environment variable
     * `LAYER_API_TRANSPORT`, and without that `native`.
     */
    transport?: 'native' | 'node';
  }

  /** What an `AbortSignal` has, whoever made it: Node.js before 15 has none of its own. */
  export interface Signal {
    readonly aborted: boolean;
    readonly reason?: unknown;
    addEventListener(type: 'abort', listener: () => void): void;
    removeEventListener(type: 'abort', listener: () => void): void;
  }

  /** Options of requests; docs/requests.md says more of each. */
  export interface RequestOptions {
    /**
     * Ends the request when it is aborted: its connection closes, and its callback gets an `Error` with the name
     * `AbortError`, the code `ABORT_ERR` and the signal's reason as its `cause`. Aborted before, it sends nothing.
     */
    signal?: Signal;
    /** As in {@link Config}. */
    timeout?: number;
    /** As in {@link Config}. */
    maxRetries?: number;
    /**
     * De-duplicating UUID of a method that creates a conversation, a message or an announcement; others refuse it, and
     * so do those that take one as an argument.
     */
    idempotencyKey?: string;
    /** Further headers of the request. Those that the client sets itself are refused. */
    headers?: { [name: string]: string | undefined };
    /** Version of the Server API. */
    version?: string;
  }

  /** Headers by lower-case name. Those that came several times are joined by commas, but for `set-cookie`. */
  export interface Headers {
    'set-cookie'?: string[];
    [name: string]: string | string[] | undefined;
  }

  /**
   * A reply with a status below 300. What is optional here is always there in a reply, beside its keys: a response
   * equals `{ status, body }`.
   */
  export interface Response<Body> {
    /** HTTP status. */
    status: number;
    /** The parsed body, or its text if it is not JSON. Empty bodies are `''`. */
    body: Body;
    /** Headers of the reply. */
    readonly headers?: Headers;
    /** `X-Request-Id` of the reply, if it has one. */
    readonly requestId?: string;
    /** How many attempts it took. */
    readonly attempts?: number;
  }

  /** A reply without a body: 204, and 201 of an identity. */
  export type EmptyResponse = Response<''>;

  /**
   * Called once with the outcome, never before the method has returned, except for a wrong argument. Without an error
   * there is a response.
   */
  export type Callback<Body> = CallbackOf<Error | ResponseError | APIError, Response<Body>>;

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
    /** Name of the error, such as `not_found`, if the body has one. */
    readonly id: string | undefined;
    /** Headers of the reply. */
    readonly headers: Headers;
    /** `X-Request-Id` of the reply, if it has one. */
    readonly requestId: string | undefined;
    /** Whether another attempt may end better. */
    readonly retryable: boolean;
    /** How many attempts there were. */
    readonly attempts: number;
    /** Seconds that the service asks to wait before another attempt, if it does. */
    readonly retryAfter: number | undefined;
  }

  /** What every error of a request has that got no reply, beside what Node.js gives it. */
  export interface RequestError extends Error {
    /** Such as `ECONNRESET`, or `ABORT_ERR`. */
    code?: string;
    /** Whether another attempt may end better. */
    readonly retryable: boolean;
    /** How many attempts there were. */
    readonly attempts: number;
  }

  /** The request was given up: nothing moved on its connection for `timeout` milliseconds. */
  export class APIError extends Error {
    constructor(message: string, error?: unknown, response?: unknown);
    readonly name: 'APIError';
    error?: unknown;
    response?: unknown;
    /** Whether another attempt may end better. */
    readonly retryable?: boolean;
    /** How many attempts there were. */
    readonly attempts?: number;
  }

  /** Metadata: strings, and objects of metadata. */
  export interface Metadata {
    [key: string]: string | Metadata;
  }

  /** A user as versions from 2.0 on show it; what is not known is null. */
  export interface BasicIdentity {
    /** `layer:///identities/USER` */
    id: string;
    url: string;
    user_id: string;
    display_name: string | null;
    avatar_url: string | null;
  }

  /** A sender with a name alone, as versions from 2.0 on show what earlier ones have sent. */
  export interface NamedIdentity {
    id: null;
    url: null;
    user_id: null;
    display_name: string;
    avatar_url: null;
  }

  /** How a version shows a user: by its id before 2.0. */
  export type ShownUser<V extends string = string> = V extends '2.0' | '3.0' ? BasicIdentity : string;

  /** How a version shows a sender. */
  export type ShownSender<V extends string = string> = V extends '2.0' | '3.0'
    ? BasicIdentity | NamedIdentity
    : { user_id?: string | null; name?: string | null };

  /** A conversation as the app sees it. */
  export interface Conversation<V extends string = string> {
    /** `layer:///conversations/UUID` */
    id: string;
    url: string;
    messages_url: string;
    /** ISO 8601, UTC. */
    created_at: string;
    /** 25 at the most: user ids, from 2.0 on identities. */
    participants: ShownUser<V>[];
    /** Whether it is the only one of these participants. */
    distinct: boolean;
    metadata: Metadata;
  }

  /** A conversation as one of its participants sees it. */
  export interface UserConversation<V extends string = string> extends Conversation<V> {
    last_message: UserMessage<V> | null;
    unread_message_count: number;
  }

  /** Body of a request that creates a conversation. */
  export interface NewConversation {
    /** User ids, 25 at the most; from 2.0 on ids of identities as well. */
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
    /** Rich content in place of a body. */
    content?: RichContent | null;
  }

  /** A part as versions from 2.0 on show it. */
  export interface Part {
    /** `layer:///messages/UUID/parts/UUID` in 3.0, and `.../parts/N` before. */
    id: string;
    /** From 3.0 on, except in the answer to a send. */
    url?: string;
    message_url?: string;
    /** Text, or base64 where `encoding` says so; null for rich content. */
    body: string | null;
    mime_type: string;
    encoding?: 'base64' | null;
    content?: RichContent | null;
    /** ISO 8601, UTC; null until it is changed. */
    updated_at?: string | null;
  }

  /** How a version shows a part. */
  export type ShownPart<V extends string = string> = V extends '2.0' | '3.0' ? Part : MessagePart;

  /** A part that is to be sent: with a body, or with rich content that was uploaded. */
  export interface NewPart {
    mime_type: string;
    /** Text, or base64 where `encoding` says so: 2,048 bytes at the most. */
    body?: string | null;
    encoding?: 'base64' | null;
    content?: { id: string; size: number } | null;
    /** From 3.0 on: `layer:///messages/UUID/parts/UUID`. Default: the service chooses one. */
    id?: string;
  }

  /** Rich content: bytes that are stored beside messages, 2 GB at the most. */
  export interface RichContent {
    /** `layer:///content/UUID` */
    id: string;
    /** Bytes. */
    size: number;
    /** Where its bytes are uploaded to, for a week. */
    upload_url?: string | null;
    /** Where its bytes are downloaded from, until `expiration`. */
    download_url?: string | null;
    /** Where there is a fresh `download_url`. */
    refresh_url?: string | null;
    /** ISO 8601, UTC. */
    expiration?: string | null;
  }

  /** Rich content that is to be uploaded. */
  export interface NewContent {
    /** Its MIME type. */
    type: string;
    /** Bytes. */
    size: number;
    /** Origin of a web page that uploads it, such as `https://app.example.com`. Default: no web page may. */
    origin?: string;
  }

  /** Push notification that goes out with a message; it is not stored. */
  export interface Notification {
    title?: string;
    text?: string;
    sound?: string;
    [key: string]: unknown;
  }

  /** When a message is sent: its answer is 202 then, and `sent_at` null. */
  export interface Schedule {
    /** From 1 to 300. */
    delay_in_seconds: number;
    /** Seconds before the end of the delay during which the sender is shown as typing. Default: not at all. */
    typing_indicator_in_seconds?: number;
  }

  /** What a user sends. */
  export interface NewUserMessage {
    parts: NewPart[];
    notification?: Notification;
  }

  /** Body of a request that sends a message: `sender` before 2.0, and then `sender_id`, the id of an identity. */
  export type NewMessage<V extends string = string> = NewUserMessage & { schedule?: Schedule } & (V extends
      | '2.0'
      | '3.0'
      ? { sender_id: string }
      : { sender: Sender });

  /** How far a message has come. */
  export type RecipientStatus = 'sent' | 'delivered' | 'read';

  /** A message as the app sees it. */
  export interface Message<V extends string = string> {
    /** `layer:///messages/UUID` */
    id: string;
    url: string;
    conversation: { id: string; url: string };
    parts: ShownPart<V>[];
    /** ISO 8601, UTC. */
    sent_at: string;
    sender: ShownSender<V>;
    /** By user id, from 2.0 on by id of the identity. */
    recipient_status: Record<string, RecipientStatus>;
    receipts_url?: string | null;
    position?: number | null;
    received_at?: string | null;
    is_unread?: boolean | null;
    /** ISO 8601, UTC; null until a part is changed. From 2.0 on. */
    updated_at?: string | null;
  }

  /** A message that is yet to be sent. */
  export type ScheduledMessage<V extends string = string> = Omit<Message<V>, 'sent_at'> & { sent_at: string | null };

  /** A message as a participant sees it. */
  export interface UserMessage<V extends string = string> extends Message<V> {
    receipts_url: string;
    position: number;
    received_at: string;
    is_unread: boolean;
  }

  /** How far a user says that a message or an announcement has come. */
  export type ReceiptType = 'delivery' | 'read';

  /** How a user deletes a message or a conversation. */
  export interface Deletion {
    /** For everyone, or from the devices of this user. */
    mode: 'all_participants' | 'my_devices';
  }

  /** How a user deletes a conversation. */
  export interface ConversationDeletion extends Deletion {
    /** Whether the user leaves it, too; goes with `my_devices`. Default: false. */
    leave?: boolean;
  }

  /**
   * Body of a request that sends an announcement: `sender` before 2.0, and then `sender_id`, the id of an identity.
   */
  export type NewAnnouncement<V extends string = string> = NewUserMessage & { recipients: string[] } & (V extends
      | '2.0'
      | '3.0'
      ? { sender_id: string }
      : { sender: { name: string } });

  /** An announcement. */
  export interface Announcement<V extends string = string> {
    /** `layer:///announcements/UUID` */
    id: string;
    url: string;
    /** ISO 8601, UTC. */
    sent_at: string;
    recipients: string[];
    sender: V extends '2.0' | '3.0' ? BasicIdentity | NamedIdentity : { name: string };
    parts: ShownPart<V>[];
  }

  /** An announcement as one of its recipients sees it. */
  export interface ReceivedAnnouncement<V extends string = string> {
    /** `layer:///announcements/UUID` */
    id: string;
    url: string;
    parts: ShownPart<V>[];
    /** ISO 8601, UTC. */
    sent_at: string;
    sender: ShownSender<V>;
    /** That of this recipient alone. */
    recipient_status: Record<string, RecipientStatus>;
    receipts_url: string;
    position: number;
    received_at: string;
    is_unread: boolean;
  }

  /** An entry of a block list. */
  export interface BlockedUser {
    user_id: string;
  }

  /** How a version shows an entry of a block list. */
  export type ShownBlock<V extends string = string> = V extends '2.0' | '3.0' ? BasicIdentity : BlockedUser;

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
    /** From 2.0 on. Default: `user`. */
    identity_type?: 'user' | 'bot';
  }

  /** An identity. */
  export interface Identity extends IdentityProperties {
    user_id: string;
  }

  /** An identity as versions from 2.0 on show it. */
  export interface FullIdentity extends Identity {
    /** `layer:///identities/USER` */
    id: string;
    url: string;
    identity_type: 'user' | 'bot';
  }

  /** How a version shows an identity. */
  export type ShownIdentity<V extends string = string> = V extends '2.0' | '3.0' ? FullIdentity : Identity;

  /** A user. */
  export interface User<V extends string = string> {
    /** The user id. */
    id: string;
    /** Null for a user without one. */
    identity: ShownIdentity<V> | null;
    /** Whether it can do nothing at present. */
    suspended: boolean;
  }

  /** What a user has not read. */
  export interface Badge {
    /** What the app has set. */
    external_unread_count: number;
    unread_conversation_count: number;
    unread_message_count: number;
  }

  /** A push notification without a message. */
  export interface NewNotification {
    /** User ids; from 2.0 on ids of identities as well. */
    recipients: string[];
    notification: Notification;
  }

  /** The key that exports are encrypted with. */
  export interface ExportKey {
    /** Public key of RSA in PEM form. */
    public_key: string;
  }

  /** When exports are to be made. */
  export interface NewExportSchedule {
    interval: 'daily' | 'disabled';
    /** Names of events of webhooks 1.0, such as `message.sent`. */
    events?: string[] | null;
  }

  /** When exports are made. */
  export interface ExportSchedule {
    interval: 'daily' | 'disabled';
    events: string[];
    last_export_at: string | null;
    last_export_id: string | null;
    next_export_at: string | null;
  }

  /** An export of all data. */
  export interface Export {
    id: string;
    type: 'historical' | 'scheduled';
    status: 'pending' | 'executing' | 'completed';
    public_key: string;
    /** ISO 8601, UTC, as are all times. */
    created_at: string;
    started_at: string | null;
    completed_at: string | null;
    expired_at: string | null;
    /** Where the encrypted archive is, for an hour; needs no token. */
    download_url: string | null;
    download_url_expires_at: string | null;
    /** Base64; the private key opens it. */
    encrypted_aes_key: string | null;
    /** Base64. */
    aes_iv: string | null;
    status_url: string;
  }

  /** Body of a request that registers a webhook. */
  export interface NewWebhook {
    /** Version of the payloads. */
    version: '1.0' | '2.0' | '3.0';
    /** `https://` */
    target_url: string;
    /** Names of events, such as `message.sent` in 1.0 and `Message.created` since. */
    events: string[];
    /** What deliveries are signed with; never shown. */
    secret: string;
    /** Comes with each delivery. */
    config?: Record<string, unknown>;
  }

  /** A webhook. */
  export interface Webhook {
    /** `layer:///apps/APP/webhooks/UUID` */
    id: string;
    url: string;
    version: '1.0' | '2.0' | '3.0';
    target_url: string;
    events: string[];
    status: 'unverified' | 'active' | 'inactive';
    /** Why it is inactive. */
    status_reason?: string;
    /** ISO 8601, UTC. */
    created_at: string;
    config: Record<string, unknown>;
  }

  /** One operation of Layer Patch; from 2.0 on users are named by `id`, that of an identity. */
  export type Operation =
    | { operation: 'add' | 'remove'; property: string; value: string }
    | { operation: 'add' | 'remove'; property: string; id: string }
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

  /** Where a list begins, and how many items a page of it has. */
  export interface ListOptions {
    /** Items of a page, from 1 to 100. Default: 100. */
    pageSize?: number;
    /** Id of the item after which the list begins. Default: the newest item is the first. */
    from?: string;
  }

  /** The same, for a list of conversations. */
  export interface ConversationListOptions extends ListOptions {
    /** Default: `created_at`. */
    sortBy?: 'created_at' | 'last_message';
  }

  /** A page of a list. */
  export interface ListPage<Item> {
    /** Those that have not come before. */
    items: Item[];
    /** How many items the service counts, on all pages; undefined where it does not say. */
    total: number | undefined;
  }

  /**
   * A list that comes page by page, newest first; a page is asked for when it is needed. Nothing comes twice, and
   * nothing that keeps its place is missed, when items are added, moved to the front or deleted in between. To end it,
   * leave the loop. It remembers the ids of what has come.
   */
  export interface List<Item> extends AsyncIterable<Item> {
    /** The pages: at least one, which is empty for an empty list. */
    pages(): AsyncIterableIterator<ListPage<Item>>;
    /** The items, `limit` at the most. Default: all. */
    toArray(options?: { limit?: number }): Promise<Item[]>;
    toArray(callback: CallbackOf<Error | ResponseError | APIError, Item[]>): void;
    toArray(
      options: { limit?: number } | undefined,
      callback: CallbackOf<Error | ResponseError | APIError, Item[]>,
    ): void;
  }

  /** What rich content is uploaded from; pieces that are text count as UTF-8. */
  export type ContentSource = Uint8Array | Readable | AsyncIterable<Uint8Array | string>;

  /** How far an upload or a download is. */
  export interface Progress {
    /** Bytes that have arrived. */
    transferred: number;
    /** Bytes of all. */
    size: number;
  }

  /** What is uploaded. */
  export interface UploadOptions {
    /** Its MIME type. */
    type: string;
    /** Bytes that the source has. Default: those of a Buffer; any other source needs it. */
    size?: number;
    /** Origin of a web page that may upload it, too. Default: none may. */
    origin?: string;
    /** Called after each MiB, and at the end. */
    onProgress?: (progress: Progress) => void;
  }

  /** How rich content is downloaded. */
  export interface DownloadOptions {
    /** Called for each piece that comes in. */
    onProgress?: (progress: Progress) => void;
  }

  /** Rich content that was uploaded, as the `content` of a part wants it. */
  export interface UploadedContent {
    /** `layer:///content/UUID` */
    id: string;
    /** Bytes. */
    size: number;
  }

  /** `layer.conversations` */
  export interface Conversations<V extends string = string> {
    /** Creates a conversation: 201, or 200 with the existing one for `distinct`. */
    create(body: NewConversation, callback?: Callback<Conversation<V>>): void;
    createAsync(body: NewConversation): Promise<Response<Conversation<V>>>;

    /** Creates a conversation once: repeated with the same UUID, it returns the one created first. */
    createDedupe(uuid: string | null, body: NewConversation, callback?: Callback<Conversation<V>>): void;
    createDedupeAsync(uuid: string | null, body: NewConversation): Promise<Response<Conversation<V>>>;

    /** Reads a conversation. */
    get(conversationId: string, callback: Callback<Conversation<V>>): void;
    getAsync(conversationId: string): Promise<Response<Conversation<V>>>;

    /** Reads a conversation as one of its participants sees it. */
    getFromUser(userId: string, conversationId: string, callback: Callback<UserConversation<V>>): void;
    getFromUserAsync(userId: string, conversationId: string): Promise<Response<UserConversation<V>>>;

    /** Lists the conversations of a user, newest first. */
    getAllFromUser(userId: string, callback: Callback<UserConversation<V>[]>): void;
    getAllFromUser(userId: string, params: ConversationListParams, callback: Callback<UserConversation<V>[]>): void;
    getAllFromUserAsync(userId: string, params?: ConversationListParams): Promise<Response<UserConversation<V>[]>>;

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

    /** Creates a conversation as a user, who takes part in it: 201, or 200 with the existing one for `distinct`. */
    createFromUser(userId: string, body: NewConversation, callback?: Callback<UserConversation<V>>): void;
    createFromUserAsync(userId: string, body: NewConversation): Promise<Response<UserConversation<V>>>;

    /** Creates a conversation as a user once: repeated with the same UUID, it returns the one created first. */
    createFromUserDedupe(
      uuid: string | null,
      userId: string,
      body: NewConversation,
      callback?: Callback<UserConversation<V>>,
    ): void;
    createFromUserDedupeAsync(
      uuid: string | null,
      userId: string,
      body: NewConversation,
    ): Promise<Response<UserConversation<V>>>;

    /** Edits participants and metadata as a participant, with Layer Patch operations. */
    editFromUser(userId: string, conversationId: string, operations: Operation[], callback?: Callback<''>): void;
    editFromUserAsync(userId: string, conversationId: string, operations: Operation[]): Promise<EmptyResponse>;

    /** Deletes a conversation as a participant. */
    deleteFromUser(
      userId: string,
      conversationId: string,
      parameters: ConversationDeletion,
      callback?: Callback<''>,
    ): void;
    deleteFromUserAsync(
      userId: string,
      conversationId: string,
      parameters: ConversationDeletion,
    ): Promise<EmptyResponse>;

    /**
     * Marks messages as read, up to a position or, with null, all: 202 with the position of the last one. From 2.0 on.
     */
    markAllReadFromUser(
      userId: string,
      conversationId: string,
      position: number | null,
      callback?: Callback<{ position: number }>,
    ): void;
    markAllReadFromUserAsync(
      userId: string,
      conversationId: string,
      position: number | null,
    ): Promise<Response<{ position: number }>>;

    /** The conversations of a user, page by page, newest first. */
    listFromUser(userId: string, options?: ConversationListOptions): List<UserConversation<V>>;
  }

  /** `layer.messages` */
  export interface Messages<V extends string = string> {
    /** Sends a message. */
    send(conversationId: string, body: NewMessage<V>, callback?: Callback<Message<V>>): void;
    sendAsync(conversationId: string, body: NewMessage<V>): Promise<Response<Message<V>>>;

    /** Sends a message once: repeated with the same UUID, it returns the one sent first. */
    sendDedupe(uuid: string | null, conversationId: string, body: NewMessage<V>, callback?: Callback<Message<V>>): void;
    sendDedupeAsync(uuid: string | null, conversationId: string, body: NewMessage<V>): Promise<Response<Message<V>>>;

    /** Sends plain text from a user. */
    sendTextFromUser(conversationId: string, userId: string, text: string, callback?: Callback<Message<V>>): void;
    sendTextFromUserAsync(conversationId: string, userId: string, text: string): Promise<Response<Message<V>>>;

    /** Sends plain text from a name, such as "The System". Before 2.0. */
    sendTextFromName(conversationId: string, name: string, text: string, callback?: Callback<Message<V>>): void;
    sendTextFromNameAsync(conversationId: string, name: string, text: string): Promise<Response<Message<V>>>;

    /** Lists the messages of a conversation, newest first. */
    getAll(conversationId: string, callback: Callback<Message<V>[]>): void;
    getAll(conversationId: string, params: ListParams, callback: Callback<Message<V>[]>): void;
    getAllAsync(conversationId: string, params?: ListParams): Promise<Response<Message<V>[]>>;

    /** Reads a message. Mind the order: the message's id comes first. */
    get(messageId: string, conversationId: string, callback: Callback<Message<V>>): void;
    getAsync(messageId: string, conversationId: string): Promise<Response<Message<V>>>;

    /** Lists the messages of a conversation as a participant sees them, newest first. */
    getAllFromUser(userId: string, conversationId: string, callback: Callback<UserMessage<V>[]>): void;
    getAllFromUser(
      userId: string,
      conversationId: string,
      params: ListParams,
      callback: Callback<UserMessage<V>[]>,
    ): void;
    getAllFromUserAsync(
      userId: string,
      conversationId: string,
      params?: ListParams,
    ): Promise<Response<UserMessage<V>[]>>;

    /** Reads a message as a participant sees it. */
    getFromUser(userId: string, messageId: string, callback: Callback<UserMessage<V>>): void;
    getFromUserAsync(userId: string, messageId: string): Promise<Response<UserMessage<V>>>;

    /** Sends messages in their order: 202. From 2.0 on. */
    sendBatch(conversationId: string, messages: NewMessage<V>[], callback?: Callback<ScheduledMessage<V>[]>): void;
    sendBatchAsync(conversationId: string, messages: NewMessage<V>[]): Promise<Response<ScheduledMessage<V>[]>>;

    /** Deletes a message for everyone. */
    delete(conversationId: string, messageId: string, callback?: Callback<''>): void;
    deleteAsync(conversationId: string, messageId: string): Promise<EmptyResponse>;

    /** Sends a message as a participant. */
    sendFromUser(
      userId: string,
      conversationId: string,
      body: NewUserMessage,
      callback?: Callback<UserMessage<V>>,
    ): void;
    sendFromUserAsync(userId: string, conversationId: string, body: NewUserMessage): Promise<Response<UserMessage<V>>>;

    /** Sends a message as a participant once: repeated with the same UUID, it returns the one sent first. */
    sendFromUserDedupe(
      uuid: string | null,
      userId: string,
      conversationId: string,
      body: NewUserMessage,
      callback?: Callback<UserMessage<V>>,
    ): void;
    sendFromUserDedupeAsync(
      uuid: string | null,
      userId: string,
      conversationId: string,
      body: NewUserMessage,
    ): Promise<Response<UserMessage<V>>>;

    /** Deletes a message as a user. */
    deleteFromUser(userId: string, messageId: string, parameters: Deletion, callback?: Callback<''>): void;
    deleteFromUserAsync(userId: string, messageId: string, parameters: Deletion): Promise<EmptyResponse>;

    /** Tells that a message has reached a user or was read. */
    sendReceiptFromUser(userId: string, messageId: string, type: ReceiptType, callback?: Callback<''>): void;
    sendReceiptFromUserAsync(userId: string, messageId: string, type: ReceiptType): Promise<EmptyResponse>;

    /** Lists the parts of a message. In 3.0. */
    getParts(conversationId: string, messageId: string, callback: Callback<Part[]>): void;
    getPartsAsync(conversationId: string, messageId: string): Promise<Response<Part[]>>;

    /** Adds a part at the end of a message: 201. In 3.0. */
    addPart(conversationId: string, messageId: string, part: NewPart, callback?: Callback<Part>): void;
    addPartAsync(conversationId: string, messageId: string, part: NewPart): Promise<Response<Part>>;

    /** Replaces all parts of a message. In 3.0. */
    replaceParts(conversationId: string, messageId: string, parts: NewPart[], callback?: Callback<Part[]>): void;
    replacePartsAsync(conversationId: string, messageId: string, parts: NewPart[]): Promise<Response<Part[]>>;

    /** Reads a part. In 3.0. */
    getPart(conversationId: string, messageId: string, partId: string, callback: Callback<Part>): void;
    getPartAsync(conversationId: string, messageId: string, partId: string): Promise<Response<Part>>;

    /** Replaces a part in its place. In 3.0. */
    replacePart(
      conversationId: string,
      messageId: string,
      partId: string,
      part: NewPart,
      callback?: Callback<Part>,
    ): void;
    replacePartAsync(conversationId: string, messageId: string, partId: string, part: NewPart): Promise<Response<Part>>;

    /** Removes a part. In 3.0. */
    deletePart(conversationId: string, messageId: string, partId: string, callback?: Callback<''>): void;
    deletePartAsync(conversationId: string, messageId: string, partId: string): Promise<EmptyResponse>;

    /** The messages of a conversation, page by page, newest first. */
    list(conversationId: string, options?: ListOptions): List<Message<V>>;

    /** The messages of a conversation as a participant sees them, page by page, newest first. */
    listFromUser(userId: string, conversationId: string, options?: ListOptions): List<UserMessage<V>>;
  }

  /** `layer.announcements` */
  export interface Announcements<V extends string = string> {
    /** Sends an announcement: 202. */
    send(body: NewAnnouncement<V>, callback?: Callback<Announcement<V>>): void;
    sendAsync(body: NewAnnouncement<V>): Promise<Response<Announcement<V>>>;

    /** Sends an announcement once: repeated with the same UUID, it returns the one sent first. */
    sendDedupe(uuid: string | null, body: NewAnnouncement<V>, callback?: Callback<Announcement<V>>): void;
    sendDedupeAsync(uuid: string | null, body: NewAnnouncement<V>): Promise<Response<Announcement<V>>>;

    /** Lists the announcements that a user got, newest first. */
    getAllFromUser(userId: string, callback: Callback<ReceivedAnnouncement<V>[]>): void;
    getAllFromUser(userId: string, params: ListParams, callback: Callback<ReceivedAnnouncement<V>[]>): void;
    getAllFromUserAsync(userId: string, params?: ListParams): Promise<Response<ReceivedAnnouncement<V>[]>>;

    /** Reads an announcement that a user got. */
    getFromUser(userId: string, announcementId: string, callback: Callback<ReceivedAnnouncement<V>>): void;
    getFromUserAsync(userId: string, announcementId: string): Promise<Response<ReceivedAnnouncement<V>>>;

    /** Deletes an announcement for a user. */
    deleteFromUser(userId: string, announcementId: string, callback?: Callback<''>): void;
    deleteFromUserAsync(userId: string, announcementId: string): Promise<EmptyResponse>;

    /** Tells that an announcement has reached a user or was read. */
    sendReceiptFromUser(userId: string, announcementId: string, type: ReceiptType, callback?: Callback<''>): void;
    sendReceiptFromUserAsync(userId: string, announcementId: string, type: ReceiptType): Promise<EmptyResponse>;

    /** The announcements that a user got, page by page, newest first. */
    listFromUser(userId: string, options?: ListOptions): List<ReceivedAnnouncement<V>>;
  }

  /** `layer.blocklist` */
  export interface Blocklist<V extends string = string> {
    /** Reads the block list of a user. */
    get(ownerId: string, callback: Callback<ShownBlock<V>[]>): void;
    getAsync(ownerId: string): Promise<Response<ShownBlock<V>[]>>;

    /** Puts a user on the block list of another. */
    block(ownerId: string, userId: string, callback?: Callback<''>): void;
    blockAsync(ownerId: string, userId: string): Promise<EmptyResponse>;

    /** Takes a user off the block list of another. */
    unblock(ownerId: string, userId: string, callback?: Callback<''>): void;
    unblockAsync(ownerId: string, userId: string): Promise<EmptyResponse>;

    /** Edits a block list with Layer Patch operations on `blocks`: 202. */
    edit(ownerId: string, operations: Operation[], callback?: Callback<''>): void;
    editAsync(ownerId: string, operations: Operation[]): Promise<EmptyResponse>;
  }

  /** `layer.identities` */
  export interface Identities<V extends string = string> {
    /** Creates the identity of a user: 201, or 409 where there is one. */
    create(userId: string, properties: IdentityProperties, callback?: Callback<''>): void;
    createAsync(userId: string, properties: IdentityProperties): Promise<EmptyResponse>;

    /** Reads the identity of a user. */
    get(userId: string, callback: Callback<ShownIdentity<V>>): void;
    getAsync(userId: string): Promise<Response<ShownIdentity<V>>>;

    /** Sets some properties of an identity. */
    edit(userId: string, properties: Partial<IdentityProperties>, callback?: Callback<''>): void;
    editAsync(userId: string, properties: Partial<IdentityProperties>): Promise<EmptyResponse>;

    /** Replaces all properties of an identity; those that are left out are gone. */
    replace(userId: string, properties: IdentityProperties, callback?: Callback<''>): void;
    replaceAsync(userId: string, properties: IdentityProperties): Promise<EmptyResponse>;

    /** Deletes the identity of a user. */
    delete(userId: string, callback?: Callback<''>): void;
    deleteAsync(userId: string): Promise<EmptyResponse>;

    /** Lists the identities of those whom a user follows; a page has 500 by default and at most. From 2.0 on. */
    getAllFromUser(userId: string, callback: Callback<ShownIdentity<V>[]>): void;
    getAllFromUser(userId: string, params: ListParams, callback: Callback<ShownIdentity<V>[]>): void;
    getAllFromUserAsync(userId: string, params?: ListParams): Promise<Response<ShownIdentity<V>[]>>;
  }

  /** `layer.users` */
  export interface Users<V extends string = string> {
    /** Reads a user. */
    get(userId: string, callback: Callback<User<V>>): void;
    getAsync(userId: string): Promise<Response<User<V>>>;

    /** Edits suspension and block list of a user with Layer Patch operations: 202. */
    edit(userId: string, operations: Operation[], callback?: Callback<''>): void;
    editAsync(userId: string, operations: Operation[]): Promise<EmptyResponse>;

    /** Suspends a user, who can do nothing then: 202. */
    suspend(userId: string, callback?: Callback<''>): void;
    suspendAsync(userId: string): Promise<EmptyResponse>;

    /** Ends the suspension of a user: 202. */
    unsuspend(userId: string, callback?: Callback<''>): void;
    unsuspendAsync(userId: string): Promise<EmptyResponse>;

    /** Reads what a user has not read. */
    getBadge(userId: string, callback: Callback<Badge>): void;
    getBadgeAsync(userId: string): Promise<Response<Badge>>;

    /** Sets what a user has not read elsewhere. */
    setBadge(userId: string, count: number, callback?: Callback<''>): void;
    setBadgeAsync(userId: string, count: number): Promise<EmptyResponse>;

    /** Ends all sessions of a user. */
    deleteSessions(userId: string, callback?: Callback<''>): void;
    deleteSessionsAsync(userId: string): Promise<EmptyResponse>;

    /** Lists the ids of the identities that a user follows; a page has 500 by default and at most. From 2.0 on. */
    getAllFollowed(userId: string, callback: Callback<string[]>): void;
    getAllFollowed(userId: string, params: ListParams, callback: Callback<string[]>): void;
    getAllFollowedAsync(userId: string, params?: ListParams): Promise<Response<string[]>>;

    /** Tells whether a user follows another one: 204, or 404. From 2.0 on. */
    getFollowed(userId: string, followedId: string, callback: Callback<''>): void;
    getFollowedAsync(userId: string, followedId: string): Promise<EmptyResponse>;

    /** Has a user follow another one. From 2.0 on. */
    follow(userId: string, followedId: string, callback?: Callback<''>): void;
    followAsync(userId: string, followedId: string): Promise<EmptyResponse>;

    /** Has a user follow many: 202. From 2.0 on. */
    followAll(userId: string, identityIds: string[], callback?: Callback<''>): void;
    followAllAsync(userId: string, identityIds: string[]): Promise<EmptyResponse>;

    /** Has a user no longer follow another one. From 2.0 on. */
    unfollow(userId: string, followedId: string, callback?: Callback<''>): void;
    unfollowAsync(userId: string, followedId: string): Promise<EmptyResponse>;
  }

  /** `layer.content` */
  export interface Content {
    /** Announces an upload: 201 with the `upload_url` that takes the bytes. */
    create(conversationId: string, properties: NewContent, callback?: Callback<RichContent>): void;
    createAsync(conversationId: string, properties: NewContent): Promise<Response<RichContent>>;

    /** Reads rich content, with a fresh `download_url`. */
    get(conversationId: string, contentId: string, callback: Callback<RichContent>): void;
    getAsync(conversationId: string, contentId: string): Promise<Response<RichContent>>;

    /**
     * Uploads rich content, a MiB at a time. A transfer that breaks is taken up again where it was, `maxRetries` times
     * in a row at the most, or five times where no option says so. An option that is unknown or wrong, and a source of
     * another number of bytes than `size`, is an error.
     */
    upload(
      conversationId: string,
      source: ContentSource,
      options: UploadOptions,
      callback?: Callback<UploadedContent>,
    ): void;
    uploadAsync(
      conversationId: string,
      source: ContentSource,
      options: UploadOptions,
    ): Promise<Response<UploadedContent>>;

    /**
     * Downloads rich content. What goes wrong is an `error` of the stream; a transfer that breaks is taken up again
     * where it was, as often as that of an upload. Without a callback nothing is asked for before the stream is read. A
     * callback, or the promise, gets the stream when there is something to read.
     *
     * @throws {TypeError} for an option that is unknown or wrong.
     */
    download(conversationId: string, contentId: string, options?: DownloadOptions): Readable;
    download(
      conversationId: string,
      contentId: string,
      callback: CallbackOf<Error | ResponseError | APIError, Readable>,
    ): void;
    download(
      conversationId: string,
      contentId: string,
      options: DownloadOptions | undefined,
      callback: CallbackOf<Error | ResponseError | APIError, Readable>,
    ): void;
    downloadAsync(conversationId: string, contentId: string, options?: DownloadOptions): Promise<Readable>;
  }

  /** `layer.notifications` */
  export interface Notifications {
    /** Pushes a notification: 202. Nothing is stored. */
    send(body: NewNotification, callback?: Callback<''>): void;
    sendAsync(body: NewNotification): Promise<EmptyResponse>;
  }

  /** `layer.exports` */
  export interface Exports {
    /** Asks for an export: 202. It needs a key, and there is one a day. */
    create(callback?: Callback<Export>): void;
    createAsync(): Promise<Response<Export>>;

    /** Lists the exports. */
    getAll(callback: Callback<Export[]>): void;
    getAllAsync(): Promise<Response<Export[]>>;

    /** Reads an export: 202 until it is completed, then 200. */
    get(exportId: string, callback: Callback<Export>): void;
    getAsync(exportId: string): Promise<Response<Export>>;

    /** Deletes an export. */
    delete(exportId: string, callback?: Callback<''>): void;
    deleteAsync(exportId: string): Promise<EmptyResponse>;

    /** Reads the key that exports are encrypted with. */
    getKey(callback: Callback<ExportKey>): void;
    getKeyAsync(): Promise<Response<ExportKey>>;

    /** Sets the key that exports are encrypted with: a public key of RSA in PEM form. */
    setKey(publicKey: string, callback?: Callback<ExportKey>): void;
    setKeyAsync(publicKey: string): Promise<Response<ExportKey>>;

    /** Reads when exports are made. */
    getSchedule(callback: Callback<ExportSchedule>): void;
    getScheduleAsync(): Promise<Response<ExportSchedule>>;

    /** Sets when exports are made. */
    setSchedule(schedule: NewExportSchedule, callback?: Callback<ExportSchedule>): void;
    setScheduleAsync(schedule: NewExportSchedule): Promise<Response<ExportSchedule>>;
  }

  /** `layer.webhooks`: not in 1.1. */
  export interface Webhooks {
    /** Registers a webhook: 201. It is verified by itself. */
    create(body: NewWebhook, callback?: Callback<Webhook>): void;
    createAsync(body: NewWebhook): Promise<Response<Webhook>>;

    /** Lists the webhooks of the app. */
    getAll(callback: Callback<Webhook[]>): void;
    getAllAsync(): Promise<Response<Webhook[]>>;

    /** Reads a webhook. */
    get(webhookId: string, callback: Callback<Webhook>): void;
    getAsync(webhookId: string): Promise<Response<Webhook>>;

    /** Deletes a webhook. */
    delete(webhookId: string, callback?: Callback<''>): void;
    deleteAsync(webhookId: string): Promise<EmptyResponse>;

    /** Verifies a webhook once more. */
    activate(webhookId: string, callback?: Callback<Webhook>): void;
    activateAsync(webhookId: string): Promise<Response<Webhook>>;

    /** Stops deliveries to a webhook. */
    deactivate(webhookId: string, callback?: Callback<Webhook>): void;
    deactivateAsync(webhookId: string): Promise<Response<Webhook>>;
  }

  /** `layer.app` */
  export interface AppSettings {
    /** Edits the app with Layer Patch operations: `set` of `session_ttl_in_seconds`, from 30 to 31536000. 202. */
    edit(operations: Operation[], callback?: Callback<''>): void;
    editAsync(operations: Operation[]): Promise<EmptyResponse>;
  }

  /** Settings of a platform. */
  export interface PlatformOptions {
    /**
     * File of the database, created if missing; `:memory:` keeps nothing; `postgres://user:password@host/database`
     * needs the program `layer-platform`. Default: `:memory:`.
     */
    data?: string;
    /**
     * Folder, or `s3://bucket/prefix`, for rich content and exports where the data is in PostgreSQL; all platforms
     * share one. Default: `layer-files` where it runs.
     */
    files?: string;
    /**
     * Servers of NATS, such as `nats://user:password@host:4222`, that tell platforms with data in PostgreSQL of each
     * other's changes. Default: PostgreSQL tells them.
     */
    nats?: string;
    /** Port to listen on; `0` takes a free one. Default: `0`. */
    port?: number;
    /**
     * IP address to listen on; the default is reachable from this machine only, `0.0.0.0` from everywhere. Default:
     * `127.0.0.1`.
     */
    host?: string;
    /**
     * Certificate chain in PEM form; with it and its key, the platform speaks HTTPS. A file is read again when it
     * changes. Default: none.
     */
    cert?: string | Buffer;
    /** Private key of the certificate in PEM form. Default: none. */
    key?: string | Buffer;
    /** Lets other machines in without a certificate, for a platform behind a proxy that has one. Default: `false`. */
    allowPlainHttp?: boolean;
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
    /** How often a token may be used, of an app as of a session. */
    rateLimit?: {
      /**
       * Requests a second that may come with one token; one more is answered with `429`. `0` sets no limit. Default:
       * `0`.
       */
      perSecond?: number;
      /** How many of them may come at once after a pause. Default: as many as in a second. */
      atOnce?: number;
    };
    /** Time for requests under way to finish when the platform is told to stop. Default: `5`. */
    drainSeconds?: number;
    /** Sockets of clients. */
    sockets?: {
      /**
       * Sockets that the clients of one user may have open at the same time; one more is refused with `429`. Default:
       * `64`.
       */
      perUser?: number;
      /** The same for all users of one app together. Default: `100000`. */
      perApp?: number;
      /** Days for which clients that were away can catch up with what they missed. Default: `30`. */
      replayDays?: number;
    };
    /** Opens the admin API, below `/_platform`, to those who know it. Default: none. */
    adminToken?: string;
    /** File with the admin token, such as a secret that Docker or systemd puts in place. Default: none. */
    adminTokenFile?: string;
    /**
     * Serves the console at `/console`, behind the admin token; makes a token where there is none. Default: `false`.
     */
    console?: boolean;
    /** What the platform prints to the error output. */
    log?: {
      /**
       * What the error output says: at `info` start and stop, too, at `debug` each request. Default: `warn`.
       */
      level?: 'off' | 'error' | 'warn' | 'info' | 'debug';
      /** Form of its lines; each is an object with `json`. Default: `text`. */
      format?: 'text' | 'json';
    };
    /** The numbers for Prometheus. */
    metrics?: {
      /** Serves `/metrics` without the admin token, on a loopback address only. Default: `false`. */
      open?: boolean;
    };
    /**
     * Collector of OpenTelemetry that gets a span for each request, such as `http://127.0.0.1:4318`. Default: none.
     */
    otlpEndpoint?: string;
    /**
     * Latest requests and replies to remember, for tests: of each body 16 KiB, of all together 32 MiB. Default: `1000`
     * for a platform in memory or with the console, else `0`.
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
    /** Does what is asked before `status` or `reset` strikes, so that its answer is lost. Default: false. */
    after?: boolean;
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
    /** Counts the requests that were recorded, from 1. */
    number: number;
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

  /** An app, as it is listed. */
  export interface AppInfo {
    appId: string;
    /** What its operator calls it. */
    name?: string;
    createdAt: Date;
  }

  /** A token of an app, as it is listed: without the token itself. */
  export interface TokenInfo {
    /** Its id, which is no secret. */
    tokenId: string;
    /** What its operator calls it. */
    name?: string;
    createdAt: Date;
    /** When it was used last, to the hour. */
    lastUsedAt?: Date;
    /** From when on it is refused, after a rotation with a grace. */
    expiresAt?: Date;
  }

  /** A new token of an app. */
  export interface NewToken extends TokenInfo {
    /** Shown here and nowhere else: the platform keeps a hash. */
    token: string;
  }

  /** What a new app or token is called. */
  export interface NameOptions {
    /** Up to 100 characters. Default: it has no name. */
    name?: string;
  }

  /** How a token is rotated. */
  export interface RotationOptions {
    /** How long the old token works yet, in milliseconds, to whole seconds. Default: until it is revoked. */
    grace?: number;
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

  /** Where a push network would find a device. */
  export interface PushToken {
    deviceId: string;
    /** The push network: that of Apple, or that of Google. */
    type: 'apns' | 'gcm';
    token: string;
    /** The app on the device. */
    apnsBundleId: string | null;
    gcmSenderId: string | null;
    iosVersion: string | null;
  }

  /** A public key that somebody has the private one of. */
  export interface IdentityKeyOptions {
    /**
     * RSA public key or certificate in PEM form, of 2048 bits or more. Default: the platform makes a pair, and returns
     * the private key.
     */
    publicKey?: string | Buffer;
  }

  /** The console of a platform: a page that shows what it does and has. */
  export interface PlatformConsole {
    /** Its address. */
    url: string;
    /** The admin token, which it asks for. */
    token: string;
    /** Whether the platform made the token, because there was none. */
    isTokenNew: boolean;
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

    /** The console; `undefined` where it is off. */
    readonly console: PlatformConsole | undefined;

    /** Its clock. */
    readonly clock: PlatformClock;

    /** Creates an app with a token. */
    createApp(options?: NameOptions): Promise<App>;

    /** The apps, the oldest first. */
    apps(): Promise<AppInfo[]>;

    /**
     * Deletes an app with all that it has. From then on its tokens and sessions are refused and its sockets are closed;
     * what it has is removed meanwhile, also after a crash.
     *
     * @throws {Error} when there is no such app.
     */
    deleteApp(appId: string): Promise<void>;

    /**
     * Adds a token to an app, beside those that it has.
     *
     * @throws {Error} when there is no such app, or it has 20 already.
     */
    createToken(appId: string, options?: NameOptions): Promise<NewToken>;

    /** The tokens of an app, the oldest first. */
    tokens(appId: string): Promise<TokenInfo[]>;

    /**
     * Deletes a token: requests that come with it are refused from then on.
     *
     * @throws {Error} when the app has no such token.
     */
    revokeToken(appId: string, tokenId: string): Promise<void>;

    /**
     * Adds a token in the place of another one, with the same name. The new one works at once, the old one for a grace.
     *
     * @throws {Error} when the app has no such token, or 20 of them already.
     */
    rotateToken(appId: string, tokenId: string, options?: RotationOptions): Promise<NewToken>;

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

    /** Where pushes to the devices of a user would go; the one that was registered last comes first. */
    pushTokens(appId: string, userId: string): Promise<PushToken[]>;

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
    // TypeScript before 5.2 does not know the symbol.
    // @ts-ignore
    [Symbol.asyncDispose](): Promise<void>;
  }

  export { LayerAPI, LayerAPI as default };
}

export = LayerAPI;
