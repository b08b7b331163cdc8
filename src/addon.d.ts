// What the addon exports. Written by `npm run declaration` of the Rust in this folder; a test checks that it is fresh.

/** Connections that clients share. */
export declare class Agent {
  /**
   * Connects to nothing yet. `hooks` is the number of the functions that answer its questions, 0 for none. Throws
   * when a certificate or a key cannot be read.
   */
  constructor(options: AgentOptions, asker: Asker, hooks: number)
  /** Closes all idle connections. */
  closeIdle(): void
}

/** The end of a JavaScript thread at which questions arrive. */
export declare class Asker {
  /**
   * `ring` is called when questions wait. It does not keep the process alive: the request that waits for the answer
   * does.
   */
  constructor(ring: () => unknown)
  /** The next question; `null` when there is none. */
  next(): Question | null
  /** Hooks whose agents are gone since the last call. */
  forgotten(): Array<number>
}

/** The end of a JavaScript thread at which requests arrive that it carries. */
export declare class Carrier {
  /** `ring` is called when requests wait, or were recalled. */
  constructor(channel: Channel, ring: () => unknown)
  /** The next request to carry; `null` when there is none. */
  next(): Errand | null
  /** Numbers of errands that were recalled since the last call: their requests have to end. */
  recalled(): Array<number>
  /** Routes whose clients are gone since the last call. */
  forgotten(): Array<number>
}

/** Requests on their way out and completions on their way in. */
export declare class Channel {
  /** `ring` is called when completions wait to be collected. */
  constructor(ring: () => unknown)
  /** Hands over everything that was put since the last time. */
  flush(): void
  /**
   * Collects completions. `meta[1]` says where in `meta` there is room; then `meta[0]` is how many completions there
   * are, and the room is filled with `COMPLETION_NUMBERS` numbers for each, and its head. Their texts are returned
   * as one string, one after the other. `null` when there are none, or no room: `meta[0]` is then how many numbers
   * are needed, as a negative number, and the completions are still to be collected.
   *
   * Throws where V8 cannot make that string; the numbers are there, and the completions count as collected.
   */
  collect(meta: Int32Array): string | null
  /** Gives up a request that can be given up, if it has not completed; it completes soon then. */
  cancel(ticket: number): void
  /**
   * Has `ring` called although there is nothing to collect: JavaScript needs a turn. The process stays alive until
   * `rang`.
   */
  ring(): void
  /** Says that the call that `ring` asked for has come. */
  rang(): void
}

/** A client of one app. */
export declare class Client {
  /**
   * Makes a client; connects to nothing yet. With a `carrier` and a `route`, JavaScript carries its requests. Throws
   * when `baseUrl` or `proxy` cannot be used.
   */
  constructor(channel: Channel, agent: Agent, options: ClientOptions, carrier?: Carrier | undefined | null)
  /** What the methods of its resources take. */
  get seat(): unknown
  /**
   * What the methods of a client with other options of requests take. What is not given stays; `headers` are lines
   * of name and value with a colon between. Throws at a key that is no UUID and a header that cannot be sent.
   */
  seatWith(timeout: number | undefined | null, maxRetries: number | undefined | null, idempotencyKey: JsText, version: JsText, headers?: string | undefined | null): unknown
  /** Closes the connections that no other client of the agent has a use for. */
  close(): void
}

/** A request that JavaScript carries. */
export declare class Errand {
  /** Its own number. */
  get number(): number
  /** Number of the route of its client. */
  get route(): number
  /** Ticket of its call. */
  get ticket(): number
  /** Whether it goes over TLS. */
  get isSecure(): boolean
  /** Name or address of the service. */
  get host(): string
  /** Its port. */
  get port(): number
  /** `GET`, `POST` and so on. */
  get method(): string
  /** Path and query. */
  get path(): string
  /** Names and values by turns, each character of a value a byte. */
  get headers(): Array<string>
  /** The body; `null` where the request has none. */
  get body(): Buffer | null
  /** Milliseconds for which nothing may move on the connection. */
  get timeout(): number
  /** Whether somebody watches, and the steps of the request are to be marked. */
  get isWatched(): boolean
  /** A step is done now. `opened`: the connection is new, and was opened before anybody could see how. */
  mark(step: 'turn' | 'lookedUp' | 'connected' | 'secured' | 'sent' | 'replied' | 'opened'): void
  /** Takes status and headers of the reply: names and values by turns. Answers whether the rest is wanted. */
  head(status: number, headers: Array<string>): boolean
  /** Takes a piece of the body. Answers whether the rest is wanted. */
  data(data: Uint8Array): boolean
  /** The reply is complete. */
  complete(): void
  /** The connection broke off in the middle of the reply. */
  breakOff(): void
  /** Nothing moved for as long as the timeout. */
  timeOut(): void
  /**
   * There is an error with this code, which JavaScript keeps under this number. Answers whether anybody still waits
   * for it.
   */
  fail(error: number, code?: string | undefined | null): boolean
}

/** A running platform. */
export declare class Platform {
  /** Starts a platform with options in JSON. Rejects when an option, port, file or certificate cannot be used. */
  static start(options: string): Promise<unknown>
  /** Address to reach it at. */
  get url(): string
  /** Address of the sockets of the Client API. */
  get websocketUrl(): string
  /** Address of the console; `null` where it is off. */
  get consoleUrl(): string | null
  /** The admin token that the console asks for; `null` where it is off. */
  consoleToken(): string | null
  /** Whether the platform made the admin token, because there was none. */
  get isAdminTokenNew(): boolean
  /** Calls the admin API: everything but starting and stopping. */
  callAdmin(method: string, path: string, body?: Buffer | undefined | null): Promise<unknown>
  /** Finishes what is in flight and stops. */
  close(): Promise<unknown>
}

/** A command line of `layer-api platform`. */
export declare class PlatformCommand {
  /** Reads the arguments after `platform`. Throws at unknown ones, and names the allowed ones. */
  static parse(arguments: Array<string>): PlatformCommand
  /** What is to be printed in place of starting a platform: help, version or settings. */
  get text(): string | null
  /** Whether an app is to be created once the platform runs, where there is none. */
  get createApp(): boolean
  /** Whether the console is to be opened in a browser. */
  get open(): boolean
  /** Starts the platform that the arguments describe. */
  start(): Promise<unknown>
}

/** A question of the engine. */
export declare class Question {
  /** Number of the hooks that it is for; 0 for none. */
  get hooks(): number
  /** `lookup`, `identity` or `unauthorized`. */
  get kind(): string
  /** The host that it is about. */
  get host(): string
  /** DER of the server's certificate, then of those that it sent with it. */
  get chain(): Array<Buffer>
  /** Says yes; to a look-up with the addresses. Answers whether anybody still waits. */
  accept(addresses: Array<string>): boolean
  /** Says no, with the number under which JavaScript keeps the error. Answers whether anybody still waits. */
  refuse(error: number): boolean
}

/** A command line of `layer-api check`, `backup` and the others. */
export declare class UpkeepCommand {
  /** The verbs that there are. */
  static verbs(): Array<UpkeepVerb>
  /** Understands the arguments after a verb. Throws at those that it does not, with what is allowed. */
  static parse(verb: string, arguments: Array<string>): UpkeepCommand
  /** Does what was asked for, and shows on the error output how far it is. */
  run(): Promise<unknown>
}

/** An answer of the admin API. */
export interface AdminAnswer {
  /** HTTP status. */
  status: number
  /** JSON, or a snapshot. */
  body: Buffer
}

/**
 * Settings of an agent, in the words of Node's `https.Agent`; all optional, with Node's defaults. `lib/agent.js` has
 * checked their types.
 */
export interface AgentOptions {
  /** Keep connections for later requests. Default: false. */
  keepAlive?: boolean
  /** Idle time after which the system probes a kept connection, in milliseconds. Default: 1000. */
  keepAliveMsecs?: number
  /** Connections to one origin at a time. Default: no limit. */
  maxSockets?: number
  /** Connections to all origins together. Default: no limit. */
  maxTotalSockets?: number
  /** Idle connections kept for one origin. Default: 256. */
  maxFreeSockets?: number
  /** How long an idle connection is kept, in milliseconds. Default: until the server closes it. */
  idleTimeout?: number
  /** `lifo` or `fifo`. Default: `lifo`. */
  scheduling?: string
  /** Host to connect to in place of the URL's. */
  host?: string
  /** Port to connect to in place of the URL's. */
  port?: number
  /** 4 or 6: only addresses of this kind. Default: both. */
  family?: number
  /** 4 or 6: the kind of addresses that come first. Default: in the order of the resolver. */
  firstFamily?: number
  /** Flags for `getaddrinfo`. */
  hints?: number
  /** Milliseconds for each of several addresses. Default: only the first one is tried. */
  attemptTimeout?: number
  /** Address to connect from. */
  localAddress?: string
  /** Send small packets at once. Default: true. */
  noDelay?: boolean
  /** Whether the caller looks names up. Default: the system does. */
  asksLookup?: boolean
  /** Trusted certificates, PEM. Default: Mozilla's list and `extra_ca`. */
  ca?: Array<string>
  /** Certificates to trust beside Mozilla's, PEM. */
  extraCa?: Array<string>
  /** Lists of revoked certificates, PEM. */
  crl?: Array<string>
  /** Client certificate chain, PEM. */
  cert?: string
  /** Private key of `cert`, PEM, not encrypted. */
  key?: string
  /** Refuse servers that cannot prove their name. Default: ask the caller when one cannot. */
  rejectUnauthorized?: boolean
  /** Whether the caller is expected to let such a server pass. Default: false. */
  expectsUnauthorized?: boolean
  /** Name to ask for and check in place of the URL's host. */
  servername?: string
  /** Whether the caller decides whose certificate it is. Default: false. */
  asksIdentity?: boolean
  /** `TLSv1.2` or `TLSv1.3`. Default: `TLSv1.2`. */
  minVersion?: string
  /** `TLSv1.2` or `TLSv1.3`. Default: `TLSv1.3`. */
  maxVersion?: string
  /** OpenSSL's cipher list. */
  ciphers?: string
  /** OpenSSL's names of curves. */
  curves?: string
  /** OpenSSL's names of signatures. */
  sigalgs?: string
  /** Protocols to offer. */
  protocols?: Array<string>
  /** Sessions kept for resumption. Default: 100. */
  maxCachedSessions?: number
}

/** Settings of a client; `index.js` has filled in the defaults. */
export interface ClientOptions {
  /** UUID of the app. */
  appId: string
  /** Bearer token. */
  token: string
  /** Version of the Server API. */
  version: string
  /** `http(s)://host[:port][/prefix]` */
  baseUrl: string
  /** URL of an HTTP proxy. */
  proxy?: string
  /** Milliseconds. */
  timeout: number
  /** Bytes that the body of a reply may have. */
  maxResponseBytes: number
  /** How often a request is tried again. */
  maxRetries: number
  /** Number under which JavaScript knows where requests go, where it carries them. */
  route?: number
}

/** How many attempts there were, and what the following bits say. */
export declare const COMPLETION_FLAGS: number

/** Length of the head in bytes; it follows the numbers, in as many more of them as it takes. */
export declare const COMPLETION_HEAD: number

/** Length of the text, in UTF-16 code units. */
export declare const COMPLETION_LENGTH: number

/** Numbers of each completion before its head; the following say where among them each stands. */
export declare const COMPLETION_NUMBERS: number

/** HTTP status; 0 for a failure, whose text is JSON. */
export declare const COMPLETION_STATUS: number

/** The ticket of the call. */
export declare const COMPLETION_TICKET: number

/** Flag: the caller gave the request up. */
export declare const FLAG_ABORTED: number

/** Bits of the flags that count attempts. */
export declare const FLAG_ATTEMPTS: number

/** Flag: this is news of a request that goes on. */
export declare const FLAG_NEWS: number

/** Flag: another attempt might have ended better. */
export declare const FLAG_RETRYABLE: number

/** The caller may give the call up. */
export declare const MANNER_CANCELLABLE: number

/** The caller hears of each attempt. */
export declare const MANNER_WATCHED: number

/**
 * Numbers that `Channel.collect` needs room for at the least: those of as many completions as it brings at the most,
 * without their heads.
 */
export declare const META_LENGTH: number

/** The table of methods as JSON: its rows of one resource, or all. */
export declare function methods(resource?: string | undefined | null): string

/** Why a call sends nothing; one of the two is set. */
export interface Refused {
  /** Text of the error for the callback. */
  message?: string
  /** Header whose value cannot be sent: Node throws `ERR_INVALID_CHAR` for it. */
  header?: string
}

/** What came of a command. */
export interface UpkeepDone {
  /** To be printed. */
  text: string
  /** Whether all is well; else the exit code is 1. */
  isWell: boolean
}

/** A command of upkeep. */
export interface UpkeepVerb {
  /** Its name. */
  name: string
  /** What it does, in a line. */
  summary: string
}

/** The UUID at the end of an id, if there is one. */
export declare function uuidOf(id: unknown): string | null

/** Version of the addon: that of the package it was built for. */
export declare const VERSION: string

/** `layer.conversations`: src/resources.rs says what its methods take. */
export declare class Conversations {
  /** `POST /conversations` */
  static create(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /conversations`; first: UUID of a de-duplicating tag */
  static createDedupe(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /conversations/{0}`; first: id of a conversation, a message or something else */
  static get(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /users/{0}/conversations/{1}`; first: user id, percent-encoded; second: id of a conversation, a message or something else */
  static getFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /users/{0}/conversations`; first: user id, percent-encoded */
  static getAllFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PATCH /conversations/{0}`; first: id of a conversation, a message or something else */
  static edit(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PATCH /conversations/{0}`; first: id of a conversation, a message or something else */
  static setMetadataProperties(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PATCH /conversations/{0}`; first: id of a conversation, a message or something else */
  static deleteMetadataProperties(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PATCH /conversations/{0}`; first: id of a conversation, a message or something else */
  static addParticipants(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PATCH /conversations/{0}`; first: id of a conversation, a message or something else */
  static removeParticipants(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PATCH /conversations/{0}`; first: id of a conversation, a message or something else */
  static replaceParticipants(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `DELETE /conversations/{0}`; first: id of a conversation, a message or something else */
  static delete(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /users/{0}/conversations`; first: user id, percent-encoded */
  static createFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /users/{0}/conversations`; first: UUID of a de-duplicating tag; second: user id, percent-encoded */
  static createFromUserDedupe(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PATCH /users/{0}/conversations/{1}`; first: user id, percent-encoded; second: id of a conversation, a message or something else */
  static editFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `DELETE /users/{0}/conversations/{1}`; first: user id, percent-encoded; second: id of a conversation, a message or something else */
  static deleteFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /users/{0}/conversations/{1}/mark_all_read`; first: user id, percent-encoded; second: id of a conversation, a message or something else */
  static markAllReadFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
}

/** `layer.messages`: src/resources.rs says what its methods take. */
export declare class Messages {
  /** `POST /conversations/{0}/messages`; first: id of a conversation, a message or something else */
  static send(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /conversations/{0}/messages`; first: UUID of a de-duplicating tag; second: id of a conversation, a message or something else */
  static sendDedupe(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /conversations/{0}/messages`; first: id of a conversation, a message or something else */
  static sendTextFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /conversations/{0}/messages`; first: id of a conversation, a message or something else */
  static sendTextFromName(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /conversations/{0}/messages`; first: id of a conversation, a message or something else */
  static getAll(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /conversations/{1}/messages/{0}`; first: id of a conversation, a message or something else; second: id of a conversation, a message or something else */
  static get(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /users/{0}/conversations/{1}/messages`; first: user id, percent-encoded; second: id of a conversation, a message or something else */
  static getAllFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /users/{0}/messages/{1}`; first: user id, percent-encoded; second: id of a conversation, a message or something else */
  static getFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /conversations/{0}/messages`; first: id of a conversation, a message or something else */
  static sendBatch(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `DELETE /conversations/{0}/messages/{1}`; first: id of a conversation, a message or something else; second: id of a conversation, a message or something else */
  static delete(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /users/{0}/conversations/{1}/messages`; first: user id, percent-encoded; second: id of a conversation, a message or something else */
  static sendFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /users/{0}/conversations/{1}/messages`; first: UUID of a de-duplicating tag; second: user id, percent-encoded; third: id of a conversation, a message or something else */
  static sendFromUserDedupe(seat: unknown, ticket: number, first?: string, second?: string, text?: string, third?: string): Refused | undefined
  /** `DELETE /users/{0}/messages/{1}`; first: user id, percent-encoded; second: id of a conversation, a message or something else */
  static deleteFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /users/{0}/messages/{1}/receipts`; first: user id, percent-encoded; second: id of a conversation, a message or something else */
  static sendReceiptFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /conversations/{0}/messages/{1}/parts`; first: id of a conversation, a message or something else; second: id of a conversation, a message or something else */
  static getParts(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /conversations/{0}/messages/{1}/parts`; first: id of a conversation, a message or something else; second: id of a conversation, a message or something else */
  static addPart(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PUT /conversations/{0}/messages/{1}/parts`; first: id of a conversation, a message or something else; second: id of a conversation, a message or something else */
  static replaceParts(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /conversations/{0}/messages/{1}/parts/{2}`; first: id of a conversation, a message or something else; second: id of a conversation, a message or something else; third: id of a conversation, a message or something else */
  static getPart(seat: unknown, ticket: number, first?: string, second?: string, text?: string, third?: string): Refused | undefined
  /** `PUT /conversations/{0}/messages/{1}/parts/{2}`; first: id of a conversation, a message or something else; second: id of a conversation, a message or something else; third: id of a conversation, a message or something else */
  static replacePart(seat: unknown, ticket: number, first?: string, second?: string, text?: string, third?: string): Refused | undefined
  /** `DELETE /conversations/{0}/messages/{1}/parts/{2}`; first: id of a conversation, a message or something else; second: id of a conversation, a message or something else; third: id of a conversation, a message or something else */
  static deletePart(seat: unknown, ticket: number, first?: string, second?: string, text?: string, third?: string): Refused | undefined
}

/** `layer.announcements`: src/resources.rs says what its methods take. */
export declare class Announcements {
  /** `POST /announcements` */
  static send(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /announcements`; first: UUID of a de-duplicating tag */
  static sendDedupe(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /users/{0}/announcements`; first: user id, percent-encoded */
  static getAllFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /users/{0}/announcements/{1}`; first: user id, percent-encoded; second: id of a conversation, a message or something else */
  static getFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `DELETE /users/{0}/announcements/{1}`; first: user id, percent-encoded; second: id of a conversation, a message or something else */
  static deleteFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /users/{0}/announcements/{1}/receipts`; first: user id, percent-encoded; second: id of a conversation, a message or something else */
  static sendReceiptFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
}

/** `layer.blocklist`: src/resources.rs says what its methods take. */
export declare class Blocklist {
  /** `GET /users/{0}/blocks`; first: user id, percent-encoded */
  static get(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /users/{0}/blocks`; first: user id, percent-encoded */
  static block(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `DELETE /users/{0}/blocks/{1}`; first: user id, percent-encoded; second: user id, percent-encoded */
  static unblock(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PATCH /users/{0}`; first: user id, percent-encoded */
  static edit(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
}

/** `layer.identities`: src/resources.rs says what its methods take. */
export declare class Identities {
  /** `POST /users/{0}/identity`; first: user id, percent-encoded */
  static create(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /users/{0}/identity`; first: user id, percent-encoded */
  static get(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PATCH /users/{0}/identity`; first: user id, percent-encoded */
  static edit(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PUT /users/{0}/identity`; first: user id, percent-encoded */
  static replace(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `DELETE /users/{0}/identity`; first: user id, percent-encoded */
  static delete(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /users/{0}/identities`; first: user id, percent-encoded */
  static getAllFromUser(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
}

/** `layer.users`: src/resources.rs says what its methods take. */
export declare class Users {
  /** `GET /users/{0}`; first: user id, percent-encoded */
  static get(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PATCH /users/{0}`; first: user id, percent-encoded */
  static edit(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PATCH /users/{0}`; first: user id, percent-encoded */
  static suspend(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PATCH /users/{0}`; first: user id, percent-encoded */
  static unsuspend(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /users/{0}/badge`; first: user id, percent-encoded */
  static getBadge(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PUT /users/{0}/badge`; first: user id, percent-encoded */
  static setBadge(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `DELETE /users/{0}/sessions`; first: user id, percent-encoded */
  static deleteSessions(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /users/{0}/following`; first: user id, percent-encoded */
  static getAllFollowed(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /users/{0}/following/{1}`; first: user id, percent-encoded; second: user id, percent-encoded */
  static getFollowed(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PUT /users/{0}/following/{1}`; first: user id, percent-encoded; second: user id, percent-encoded */
  static follow(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /users/{0}/following`; first: user id, percent-encoded */
  static followAll(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `DELETE /users/{0}/following/{1}`; first: user id, percent-encoded; second: user id, percent-encoded */
  static unfollow(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
}

/** `layer.content`: src/resources.rs says what its methods take. */
export declare class Content {
  /** `POST /conversations/{0}/content`; first: id of a conversation, a message or something else */
  static create(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /conversations/{0}/content/{1}`; first: id of a conversation, a message or something else; second: id of a conversation, a message or something else */
  static get(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
}

/** `layer.notifications`: src/resources.rs says what its methods take. */
export declare class Notifications {
  /** `POST /notifications` */
  static send(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
}

/** `layer.exports`: src/resources.rs says what its methods take. */
export declare class Exports {
  /** `POST /exports` */
  static create(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /exports` */
  static getAll(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /exports/{0}/status`; first: id of a conversation, a message or something else */
  static get(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `DELETE /exports/{0}`; first: id of a conversation, a message or something else */
  static delete(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /export_security` */
  static getKey(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PUT /export_security` */
  static setKey(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /export_schedule` */
  static getSchedule(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `PUT /export_schedule` */
  static setSchedule(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
}

/** `layer.webhooks`: src/resources.rs says what its methods take. */
export declare class Webhooks {
  /** `POST /webhooks` */
  static create(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /webhooks` */
  static getAll(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `GET /webhooks/{0}`; first: id of a conversation, a message or something else */
  static get(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `DELETE /webhooks/{0}`; first: id of a conversation, a message or something else */
  static delete(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /webhooks/{0}/activate`; first: id of a conversation, a message or something else */
  static activate(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
  /** `POST /webhooks/{0}/deactivate`; first: id of a conversation, a message or something else */
  static deactivate(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
}

/** `layer.app`: src/resources.rs says what its methods take. */
export declare class App {
  /** `PATCH ` */
  static edit(seat: unknown, ticket: number, first?: string, second?: string, text?: string): Refused | undefined
}
