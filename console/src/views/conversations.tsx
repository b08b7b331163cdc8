import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import {
  ask,
  at,
  type Conversation,
  get,
  type Message,
  type Page,
  type Part,
  query as toQuery,
  VERSION_1,
} from '../api';
import { bare, bytes, count, nameOf, pretty, shortly } from '../format';
import { listen } from '../live';
import { go, link, refine } from '../route';
import {
  Avatar,
  attempt,
  Button,
  Code,
  Dialog,
  Empty,
  Facts,
  Failed,
  Field,
  Heading,
  Icon,
  Id,
  List,
  Pill,
  Sure,
  Time,
  useAnswer,
  useMedia,
  usePages,
  useRefresh,
  useThrottled,
} from '../ui';

/** Unit: pixels. */
const ROW = 68;

/** What a search asks for; each stands in the address. */
export const FILTERS = ['text', 'user', 'since', 'until'] as const;

export function Conversations({ app, id, query }: { app: string; id?: string; query: URLSearchParams }) {
  const isWide = useMedia('(min-width: 960px)');
  const [isCreating, setCreating] = useState(false);
  return (
    <div class={isWide ? 'split' : ''}>
      {(isWide || !id) && (
        <div class="side">
          <Heading title="Conversations">
            <Button kind="main" isSmall onClick={() => setCreating(true)}>
              New
            </Button>
          </Heading>
          <Search query={query} />
          <Found app={app} id={id} query={query} />
        </div>
      )}
      {id ? (
        <Whole key={id} app={app} id={id} message={query.get('message') ?? undefined} isWide={isWide} />
      ) : (
        isWide && <Empty title="Choose a conversation" />
      )}
      {isCreating && <Create app={app} onClose={() => setCreating(false)} />}
    </div>
  );
}

/** Sets a field of a search in the address, when one stops to type. */
export function useFilters() {
  const timers = useRef<Record<string, ReturnType<typeof setTimeout>>>({});
  useEffect(
    () => () => {
      for (const timer of Object.values(timers.current)) clearTimeout(timer);
    },
    [],
  );
  return (name: string, value: string) => {
    clearTimeout(timers.current[name]);
    timers.current[name] = setTimeout(() => refine({ [name]: value }), 250);
  };
}

/** A time of the machine as the field for it has it, and as the API takes it. */
const asMs = (value: string | null) => (value ? String(new Date(value).getTime()) : undefined);

export function SearchFields({
  query,
  set,
  text,
  user,
}: {
  query: URLSearchParams;
  set: (name: string, value: string) => void;
  text: string;
  user: string;
}) {
  const field = (name: (typeof FILTERS)[number], type: 'search' | 'text' | 'datetime-local', label: string) => (
    <Field label={label}>
      <input
        type={type as 'text'}
        defaultValue={query.get(name) ?? ''}
        onInput={(event) => set(name, event.currentTarget.value)}
      />
    </Field>
  );
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      {field('text', 'search', text)}
      {field('user', 'text', user)}
      <details open={Boolean(query.get('since') || query.get('until'))}>
        <summary>Time</summary>
        <div class="pair">
          {field('since', 'datetime-local', 'From')}
          {field('until', 'datetime-local', 'Until')}
        </div>
      </details>
    </form>
  );
}

function Search({ query }: { query: URLSearchParams }) {
  const set = useFilters();
  return <SearchFields query={query} set={set} text="Title, metadata or participant" user="User takes part" />;
}

export function searchOf(query: URLSearchParams) {
  return {
    text: query.get('text') ?? undefined,
    user: query.get('user') ?? undefined,
    since: asMs(query.get('since')),
    until: asMs(query.get('until')),
  };
}

function Found({ app, id, query }: { app: string; id?: string; query: URLSearchParams }) {
  const search = searchOf(query);
  const asked = JSON.stringify(search);
  const pages = usePages<Conversation>(
    (from) =>
      get<Page<Conversation>>(
        `${at`/apps/${app}/conversations`}${toQuery({ ...search, from_id: from, page_size: 100 })}`,
      ),
    [app, asked],
  );
  const isSearched = Object.values(search).some(Boolean);
  useFresh(app, pages.items, isSearched, pages.setItems, pages.again);
  const filters = Object.fromEntries(FILTERS.map((filter) => [filter, query.get(filter) ?? '']));
  const row = (conversation: Conversation) => {
    const title = titleOf(conversation);
    const others = conversation.participants;
    return (
      <a
        class="row"
        href={link(['apps', app, 'conversations', bare(conversation.id)], filters)}
        aria-current={id === bare(conversation.id) ? 'true' : undefined}
      >
        <Avatar user={others[0] ?? { user_id: null, display_name: title }} />
        <span class="what">
          <span class="title">{title}</span>
          <span class="dim">{others.length === 0 ? 'nobody' : others.map(nameOf).join(', ')}</span>
        </span>
        <span class="aside">
          <span>{shortly(conversation.active_at ?? conversation.created_at)}</span>
          <span class="count" title="Messages">
            {count(conversation.message_count ?? 0)}
          </span>
        </span>
      </a>
    );
  };
  const end = (
    <End pages={pages} what="conversations">
      {isSearched ? 'No conversation matches.' : 'This app has no conversation yet.'}
    </End>
  );
  return (
    <List
      items={pages.items}
      rowHeight={ROW}
      label="Conversations, newest first"
      keyOf={({ id }) => id}
      row={row}
      onEnd={pages.more}
      end={end}
    />
  );
}

/** What stands at the end of a list: that it goes on, how far it was looked, or that there is nothing. */
export function End({
  pages,
  what,
  children,
}: {
  pages: { items: unknown[]; isDone: boolean; error?: string; lookedAt: number; again: () => void };
  what: string;
  children: ComponentChildren;
}) {
  if (pages.error) return <Failed loaded={pages} />;
  if (!pages.isDone)
    return (
      <p class="dim">
        Looking … {count(pages.lookedAt)} {what} so far
      </p>
    );
  if (pages.items.length === 0) return <p class="none">{children}</p>;
  return <p class="dim">That is all of them: {count(pages.items.length)}</p>;
}

/** Keeps a list of conversations as they are now: what changes is read again, what is new comes first. */
function useFresh(
  app: string,
  items: Conversation[],
  isSearched: boolean,
  setItems: (change: (items: Conversation[]) => Conversation[]) => void,
  again: () => void,
) {
  const changed = useRef(new Set<string>());
  const known = useRef(items);
  known.current = items;
  const refresh = useThrottled(async () => {
    const ids = [...changed.current].slice(0, 20);
    changed.current = new Set();
    for (const id of ids) {
      const isKnown = known.current.some((conversation) => bare(conversation.id) === id);
      // What a search would find is for the platform to say.
      if (!isKnown && isSearched) continue;
      try {
        const fresh = await read(app, id);
        setItems((items) => {
          const rest = items.filter((conversation) => conversation.id !== fresh.id);
          if (rest.length === items.length) return [fresh, ...items];
          return items.map((conversation) =>
            conversation.id === fresh.id ? { ...conversation, ...fresh } : conversation,
          );
        });
      } catch {
        setItems((items) => items.filter((conversation) => bare(conversation.id) !== id));
      }
    }
  }, 1000);
  useEffect(() => {
    const ends = [
      listen('change', (change) => {
        if (change.app_id !== app || !change.conversation_id) return;
        const isNews = change.type === 'conversation' || change.type === 'message';
        const isKnown = known.current.some((conversation) => bare(conversation.id) === change.conversation_id);
        if (!isNews || (!isKnown && change.what !== 'created') || changed.current.size >= 20) return;
        changed.current.add(change.conversation_id);
        refresh();
      }),
      listen('missed', ({ is_replaced }) => is_replaced && again()),
    ];
    return () => {
      for (const end of ends) end();
    };
  }, [app, refresh, again]);
}

async function read(app: string, id: string): Promise<Conversation> {
  const path = at`/apps/${app}/api/conversations/${id}`;
  const [conversation, messages] = await Promise.all([
    get<Conversation>(path),
    get<Message[]>(`${path}/messages?page_size=1`),
  ]);
  const latest = messages[0];
  return {
    ...conversation,
    active_at: latest?.sent_at ?? conversation.created_at,
    message_count: latest?.position ?? 0,
  };
}

export function titleOf({ metadata, participants }: Conversation) {
  const title = metadata.title ?? metadata.conversationName;
  if (typeof title === 'string' && title) return title;
  return participants.map(nameOf).join(', ') || 'Without participants';
}

function Create({ app, onClose }: { app: string; onClose: () => void }) {
  const [participants, setParticipants] = useState('');
  const [title, setTitle] = useState('');
  const [isDistinct, setDistinct] = useState(false);
  const create = async (event: Event) => {
    event.preventDefault();
    const body = {
      participants: participants
        .split(',')
        .map((user) => user.trim())
        .filter(Boolean),
      distinct: isDistinct,
      ...(title && { metadata: { title } }),
    };
    await attempt(async () => {
      const made = await ask<Conversation>('POST', at`/apps/${app}/api/conversations`, body, VERSION_1);
      onClose();
      go(link(['apps', app, 'conversations', bare(made.id)]));
    });
  };
  return (
    <Dialog title="New conversation" onClose={onClose}>
      <form onSubmit={create}>
        <Field label="Participants" hint="User ids, with commas between them">
          <input required value={participants} onInput={(event) => setParticipants(event.currentTarget.value)} />
        </Field>
        <Field label="Title" hint="Kept in its metadata">
          <input value={title} onInput={(event) => setTitle(event.currentTarget.value)} />
        </Field>
        <label class="check">
          <input type="checkbox" checked={isDistinct} onChange={(event) => setDistinct(event.currentTarget.checked)} />
          The only one among these participants
        </label>
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="main" type="submit">
            Create
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function Whole({ app, id, message, isWide }: { app: string; id: string; message?: string; isWide: boolean }) {
  const path = at`/apps/${app}/api/conversations/${id}`;
  const conversation = useAnswer(() => get<Conversation>(path), [path]);
  const [isAbout, setAbout] = useState(false);
  useRefresh(
    conversation.again,
    500,
    (change) => change.type === 'conversation' && change.conversation_id === id && change.app_id === app,
  );
  const remove = () =>
    attempt(async () => {
      await ask('DELETE', path);
      go(link(['apps', app, 'conversations']));
    }, 'Deleted.');
  const { value } = conversation;
  // On narrow pages it is all that there is.
  const Title = isWide ? 'h2' : 'h1';
  if (conversation.error && !value) {
    return (
      <article class="whole" aria-label="Conversation">
        <Empty title={conversation.error}>
          <a href={link(['apps', app, 'conversations'])}>To the conversations</a>
        </Empty>
      </article>
    );
  }
  return (
    <article class="whole" aria-label="Conversation">
      <header>
        {!isWide && (
          <a
            class="button plain small"
            href={link(['apps', app, 'conversations'])}
            aria-label="Back to the conversations"
          >
            <Icon name="back" />
          </a>
        )}
        <div class="what">
          <Title>{value ? titleOf(value) : 'Loading …'}</Title>
          <Id value={id} />
        </div>
        {value?.distinct && <Pill tone="accent">distinct</Pill>}
        <Button isSmall aria-expanded={isAbout} onClick={() => setAbout(!isAbout)}>
          Details
        </Button>
        <Sure isSmall label="Delete" question="It is deleted for all participants, with its messages." run={remove} />
      </header>
      {isAbout && value && <About app={app} conversation={value} />}
      <Thread app={app} id={id} message={message} />
      {value && <Composer app={app} id={id} conversation={value} />}
    </article>
  );
}

function About({ app, conversation }: { app: string; conversation: Conversation }) {
  return (
    <div class="about-it">
      <Facts
        facts={[
          ['Created', <Time key="t" value={conversation.created_at} />],
          [
            'Participants',
            <ul key="p" class="people">
              {conversation.participants.map((user) => (
                <li key={user.user_id}>
                  <Avatar user={user} isSmall />
                  <a href={link(['apps', app, 'users', user.user_id ?? ''])}>{nameOf(user)}</a>
                  {user.display_name && <span class="dim">{user.user_id}</span>}
                </li>
              ))}
            </ul>,
          ],
        ]}
      />
      <h2 class="minor">Metadata</h2>
      <Code label="Metadata" value={JSON.stringify(conversation.metadata, null, 2)} />
    </div>
  );
}

/** How many messages are read at a time. */
const PAGE = 50;

function Thread({ app, id, message }: { app: string; id: string; message?: string }) {
  const path = at`/apps/${app}/api/conversations/${id}/messages`;
  const [messages, setMessages] = useState<Message[]>([]);
  const [error, setError] = useState<string>();
  const [hasMore, setMore] = useState(true);
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const before = useRef<{ height: number; top: number }>(undefined);
  const load = useCallback(
    async (from?: string) => {
      try {
        const page = await get<Message[]>(`${path}${toQuery({ page_size: PAGE, from_id: from })}`);
        if (from && box.current) before.current = { height: box.current.scrollHeight, top: box.current.scrollTop };
        setError(undefined);
        setMessages((known) => merge(known, page));
        // The newest page says nothing of what is older than what is known.
        setMore((hadMore) => (from ? page.length === PAGE : hadMore && page.length === PAGE));
        return page;
      } catch (error) {
        setError(error instanceof Error ? error.message : 'The messages cannot be read.');
        return [];
      }
    },
    [path],
  );
  useEffect(() => {
    load();
  }, [load]);
  // A link to a message leads to it, however far back it is within reason.
  useEffect(() => {
    if (!message || messages.length === 0) return;
    if (messages.some(({ id }) => bare(id) === message)) {
      isAtEnd.current = false;
      document.getElementById(`m-${message}`)?.scrollIntoView({ block: 'center' });
    } else if (hasMore && messages.length < 1000) load(bare(messages[0].id));
  }, [message, messages, hasMore, load]);
  const refresh = useThrottled(() => load(), 300);
  useEffect(() => {
    const ends = [
      listen('change', (change) => {
        if (change.conversation_id !== id || change.app_id !== app) return;
        if (change.type === 'message' && change.what === 'deleted') {
          setMessages((known) => known.filter((one) => bare(one.id) !== change.message_id));
        } else if (['message', 'receipt'].includes(change.type)) refresh();
      }),
      listen('missed', ({ kind }) => kind === 'changes' && refresh()),
    ];
    return () => {
      for (const end of ends) end();
    };
  }, [app, id, refresh]);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    if (before.current) {
      element.scrollTop = before.current.top + element.scrollHeight - before.current.height;
      before.current = undefined;
    } else if (isAtEnd.current) element.scrollTop = element.scrollHeight;
  }, [messages]);
  const look = () => {
    const element = box.current;
    if (element) isAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached with the keyboard
    <div class="thread" ref={box} onScroll={look} tabIndex={0} role="region" aria-label="Messages, the latest last">
      {error && <Failed loaded={{ error, again: () => load() }} />}
      {hasMore && messages.length > 0 && (
        <Button isSmall class="older" onClick={() => load(bare(messages[0].id))}>
          Older messages
        </Button>
      )}
      {messages.length === 0 && !error && <Empty title={hasMore ? 'Loading …' : 'No message yet'} />}
      <ol>
        {messages.map((one, index) => (
          <Bubble
            key={one.id}
            app={app}
            message={one}
            isMarked={bare(one.id) === message}
            follows={follows(messages[index - 1], one)}
          />
        ))}
      </ol>
    </div>
  );
}

/** Messages in their order, each once, as it was read last. */
function merge(known: Message[], page: Message[]) {
  const all = new Map(known.map((message) => [message.id, message]));
  for (const message of page) all.set(message.id, message);
  return [...all.values()].sort((one, other) => one.position - other.position);
}

/** Whether a message is of the same sender as the one before it, soon after. */
function follows(before: Message | undefined, message: Message) {
  if (!before || nameOf(before.sender) !== nameOf(message.sender)) return false;
  return new Date(message.sent_at).getTime() - new Date(before.sent_at).getTime() < 120_000;
}

function Bubble({
  app,
  message,
  isMarked,
  follows,
}: {
  app: string;
  message: Message;
  isMarked: boolean;
  follows: boolean;
}) {
  const { sender } = message;
  const remove = () =>
    attempt(
      () =>
        ask('DELETE', at`/apps/${app}/api/conversations/${bare(message.conversation.id)}/messages/${bare(message.id)}`),
      'Deleted.',
    );
  const statuses = Object.entries(message.recipient_status);
  const having = (status: string) => statuses.filter(([, one]) => one === status).length;
  const read = having('read');
  const reached = read + having('delivered');
  return (
    <li id={`m-${bare(message.id)}`} class={`message ${isMarked ? 'marked' : ''} ${follows ? 'follows' : ''}`}>
      {follows ? <span class="avatar-room" /> : <Avatar user={sender} />}
      <div class="content">
        {!follows && (
          <p class="by">
            {sender.user_id ? (
              <a href={link(['apps', app, 'users', sender.user_id])}>{nameOf(sender)}</a>
            ) : (
              <b>{nameOf(sender)}</b>
            )}
            <Time value={message.sent_at} isShort />
          </p>
        )}
        {message.parts.map((part) => (
          <PartView key={part.id} part={part} />
        ))}
        <details class="receipts">
          <summary>
            <span class={read === statuses.length ? 'read' : ''}>
              read by {read} of {statuses.length}
            </span>
            {reached > read && <span>, reached {reached}</span>}
          </summary>
          <ul>
            {statuses.map(([user, status]) => (
              <li key={user}>
                <Pill tone={status === 'read' ? 'good' : status === 'delivered' ? 'accent' : 'calm'}>{status}</Pill>{' '}
                {bare(user)}
              </li>
            ))}
          </ul>
          <Facts
            facts={[
              ['Message', <Id key="i" value={bare(message.id)} />],
              ['Position', message.position],
              ['Sent', <Time key="t" value={message.sent_at} />],
              ['Parts', message.parts.map(({ mime_type }) => mime_type).join(', ')],
            ]}
          />
          <Sure isSmall label="Delete message" question="It is deleted for all participants." run={remove} />
        </details>
      </div>
    </li>
  );
}

const PICTURES = /^image\/(png|jpeg|gif|webp|avif)\b/i;

/** A part of a message. Whatever it says it is, it is shown as text, unless it is a picture. */
function PartView({ part }: { part: Part }) {
  const { mime_type: type, body, content } = part;
  if (content) {
    const link = content.download_url && sameOrigin(content.download_url);
    return (
      <figure class="part">
        {link && PICTURES.test(type) && <img src={link} alt={`Rich content, ${type}`} loading="lazy" />}
        <figcaption>
          {link ? (
            <a href={link} download="">
              {type}
            </a>
          ) : (
            type
          )}
          , {bytes(content.size)}
        </figcaption>
      </figure>
    );
  }
  if (part.encoding === 'base64' && PICTURES.test(type)) return <Picture type={type} base64={body ?? ''} />;
  const isPlain = /^text\/plain\b/i.test(type);
  const shown = part.encoding === 'base64' ? `${body?.length ?? 0} characters of base64` : (body ?? '');
  if (isPlain && part.encoding !== 'base64') return <p class="text">{shown}</p>;
  return (
    <div class="part">
      <span class="type">{type}</span>
      <pre class="code">{pretty(shown)}</pre>
    </div>
  );
}

/** The address of signed content on this origin: that in the answer may be the one of a proxy. */
function sameOrigin(url: string) {
  const { pathname, search } = new URL(url, location.href);
  return pathname + search;
}

function Picture({ type, base64 }: { type: string; base64: string }) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const blob = new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type });
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [type, base64]);
  return <figure class="part">{url && <img src={url} alt={`A part, ${type}`} />}</figure>;
}

/** Stands for a name in place of a user. */
const BY_NAME = ' by name';

function Composer({ app, id, conversation }: { app: string; id: string; conversation: Conversation }) {
  const [who, setWho] = useState(conversation.participants[0]?.user_id ?? BY_NAME);
  const [name, setName] = useState('Operator');
  const [text, setText] = useState('');
  const send = async (event: Event) => {
    event.preventDefault();
    const sender = who === BY_NAME ? { name } : { user_id: who };
    const body = { sender, parts: [{ mime_type: 'text/plain', body: text }] };
    const isSent = await attempt(() => ask('POST', at`/apps/${app}/api/conversations/${id}/messages`, body, VERSION_1));
    if (isSent) setText('');
  };
  return (
    <form class="composer" onSubmit={send} aria-label="Send a message">
      <Field label="Send as">
        <select value={who} onChange={(event) => setWho(event.currentTarget.value)}>
          {conversation.participants.map((user) => (
            <option key={user.user_id} value={user.user_id ?? ''}>
              {nameOf(user)}
            </option>
          ))}
          <option value={BY_NAME}>A name …</option>
        </select>
      </Field>
      {who === BY_NAME && (
        <Field label="Name">
          <input required value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </Field>
      )}
      <Field label="Message" isWide>
        <input required value={text} autoComplete="off" onInput={(event) => setText(event.currentTarget.value)} />
      </Field>
      <Button kind="main" type="submit">
        <Icon name="send" />
        Send
      </Button>
    </form>
  );
}
