/** The admin API: the only thing that the console asks. */

/** Where the token is: in this tab, and nowhere else. */
const TOKEN = 'layer-admin-token';

let token = sessionStorage.getItem(TOKEN) ?? '';
const watchers = new Set<() => void>();

/** Whether somebody has given a token. */
export const isSignedIn = () => token !== '';

/** Signs in with a token, once the platform has taken it. */
export async function signIn(given: string) {
  await fetchAdmin('/overview', {}, given);
  token = given;
  sessionStorage.setItem(TOKEN, given);
  for (const watcher of watchers) watcher();
}

export function signOut() {
  token = '';
  sessionStorage.removeItem(TOKEN);
  for (const watcher of watchers) watcher();
}

/** Calls when somebody signs in or out; answers with what ends that. */
export function onSession(watcher: () => void) {
  watchers.add(watcher);
  return () => void watchers.delete(watcher);
}

/** What the platform says no with. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** A request to the admin API, with the token, or with one that is to be tried. */
export async function fetchAdmin(path: string, init: RequestInit = {}, tried?: string): Promise<Response> {
  const response = await fetch(`/_platform${path}`, {
    ...init,
    headers: { ...init.headers, Authorization: `Bearer ${tried ?? token}` },
    cache: 'no-store',
    credentials: 'omit',
    redirect: 'error',
    referrerPolicy: 'no-referrer',
  });
  if (response.ok) return response;
  if (response.status === 401 && token && !tried) signOut();
  if (response.status === 401 && tried) throw new Refusal(401, 'This is not the admin token of the platform.');
  throw new Refusal(response.status, await reason(response));
}

async function reason(response: Response) {
  const text = await response.text();
  try {
    return String(JSON.parse(text).message);
  } catch {
    return text || `The platform answers with the status ${response.status}.`;
  }
}

/** The same with JSON both ways. */
export async function ask<T = unknown>(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<T> {
  const response = await fetchAdmin(path, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: body === undefined ? headers : { 'Content-Type': 'application/json', ...headers },
  });
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export const get = <T>(path: string) => ask<T>('GET', path);

/** A path with each of its segments encoded. */
export function at(strings: TemplateStringsArray, ...segments: (string | number)[]) {
  return strings.reduce((path, text, index) => path + encodeURIComponent(segments[index - 1]) + text);
}

/** A query of what is set. */
export function query(values: Record<string, string | number | undefined>) {
  const set = Object.entries(values).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}

/** What requests of the Server API say they speak. */
export const VERSION_1 = { Accept: 'application/vnd.layer+json; version=1.0' };
export const PATCH = { 'Content-Type': 'application/vnd.layer-patch+json' };
export const WEBHOOKS = { Accept: 'application/vnd.layer.webhooks+json; version=1.0' };

export interface Counts {
  app_id: string;
  name?: string;
  conversations: number;
  messages: number;
  users: number;
}

export interface Overview {
  version: string;
  url: string;
  now: string;
  is_clock_frozen: boolean;
  apps: Counts[];
  sockets: number;
  requests_under_way: number;
  is_recording: boolean;
  is_shared: boolean;
}

export interface Slot {
  seconds_ago: number;
  requests: number;
  client_errors: number;
  server_errors: number;
  p50_ms: number;
  p99_ms: number;
  most_under_way: number;
  most_waiting_writes: number;
  most_waiting_reads: number;
}

export interface Charts {
  seconds_per_slot: number;
  requests_under_way: number;
  slots: Slot[];
}

export interface Page<T> {
  items: T[];
  next: string | null;
  looked_at: number;
}

export interface Identity {
  id?: string;
  user_id: string | null;
  display_name: string | null;
  avatar_url?: string | null;
}

export interface Conversation {
  id: string;
  created_at: string;
  participants: Identity[];
  distinct: boolean;
  metadata: Record<string, unknown>;
  message_count?: number;
  active_at?: string;
}

export interface Part {
  id: string;
  mime_type: string;
  body?: string;
  encoding?: string | null;
  content?: { id: string; size: number; download_url?: string; expiration?: string };
}

export interface Message {
  id: string;
  position: number;
  conversation: { id: string };
  parts: Part[];
  sent_at: string;
  sender: Identity;
  recipient_status: Record<string, 'sent' | 'delivered' | 'read'>;
}

export interface UserRow {
  user_id: string;
  identity: Record<string, unknown> | null;
  is_suspended: boolean;
  conversation_count: number;
}

export interface User extends UserRow {
  blocks: string[];
  badge: { external_unread_count: number; unread_conversation_count: number; unread_message_count: number };
  sockets: number;
}

export interface Summary {
  number: number;
  received_at: string;
  method: string;
  path: string;
  fault: number | null;
  is_answered: boolean;
  status: number | null;
  duration_ms: number | null;
}

export interface Body {
  body: string;
  encoding?: string;
  body_length: number;
}

export interface Recorded extends Body {
  number: number;
  received_at: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  fault: number | null;
  response: (Body & { status: number | null; headers: Record<string, string>; duration_ms: number }) | null;
}

export interface Webhook {
  webhook_id: string;
  target_url: string;
  version: string;
  events: string[];
  status: 'unverified' | 'active' | 'inactive';
  status_reason?: string;
  created_at: string;
  config: Record<string, unknown>;
  waiting: number;
  failing_since: string | null;
}

export interface Waiting {
  event: string;
  event_type: string;
  failed_attempts: number;
  first_attempt_at: string | null;
  due_at: string;
}

export interface Attempt {
  event: string;
  event_type: string;
  number: number;
  started_at: string;
  finished_at: string;
  body: string;
  outcome: 'delivered' | 'failed' | 'given_up';
  status: number | null;
  error?: string;
  next_attempt_at?: string;
}

export interface Deliveries {
  waiting: Waiting[];
  waiting_count: number;
  attempts: Attempt[];
}

export interface Export {
  id: string;
  type: 'historical' | 'scheduled';
  status: 'pending' | 'executing' | 'completed';
  created_at: string;
  completed_at: string | null;
  download_url: string | null;
  size: number | null;
  progress: { done: number; total: number | null } | null;
}

export interface Backup {
  name: string;
  status: 'executing' | 'completed' | 'failed';
  progress: { name: string; done: number; total: number } | null;
  error: string | null;
  made_at?: string | null;
  database_bytes?: number | null;
  files?: number | null;
  file_bytes?: number | null;
}

export interface Backups {
  /** Null where the database is in memory. */
  folder: string | null;
  items: Backup[];
}

export interface OpenSocket {
  app_id: string;
  user_id: string;
  version: string;
  open_for_ms: number;
  session_expires_at: string;
  waiting_packets: number;
  waiting_bytes: number;
}

/** A change that was committed, as the feed tells it. */
export interface Change {
  type: string;
  what: 'created' | 'changed' | 'deleted';
  app_id?: string;
  conversation_id?: string;
  message_id?: string;
  user_id?: string;
  position?: number;
  status?: string;
}
