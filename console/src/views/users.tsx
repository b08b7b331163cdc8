import { useState } from 'preact/hooks';
import { ask, at, get, PATCH, type Page, query as toQuery, type User, type UserRow } from '../api';
import { count } from '../format';
import { link, refine } from '../route';
import {
  Avatar,
  attempt,
  Button,
  Empty,
  Facts,
  Failed,
  Field,
  Heading,
  Icon,
  Id,
  List,
  Panel,
  Pill,
  Sure,
  useAnswer,
  useMedia,
  usePages,
  useRefresh,
} from '../ui';
import { End, useFilters } from './conversations';

/** Unit: pixels. */
const ROW = 60;

export function Users({ app, id, query }: { app: string; id?: string; query: URLSearchParams }) {
  const isWide = useMedia('(min-width: 960px)');
  const text = query.get('text') ?? '';
  const suspended = query.get('suspended') ?? '';
  const set = useFilters();
  const pages = usePages<UserRow>(
    (from) =>
      get<Page<UserRow>>(`${at`/apps/${app}/users`}${toQuery({ text, suspended, from_id: from, page_size: 100 })}`),
    [app, text, suspended],
  );
  const row = (user: UserRow) => (
    <a
      class="row"
      href={link(['apps', app, 'users', user.user_id], { text, suspended })}
      aria-current={user.user_id === id ? 'true' : undefined}
    >
      <Avatar user={shown(user)} />
      <span class="what">
        <span class="title">{nameIn(user) || user.user_id}</span>
        <span class="dim">{user.user_id}</span>
      </span>
      <span class="aside">
        {user.is_suspended && <Pill tone="bad">suspended</Pill>}
        <span class="count" title="Conversations">
          {count(user.conversation_count)}
        </span>
      </span>
    </a>
  );
  const end = (
    <End pages={pages} what="users">
      {text || suspended ? 'No user matches.' : 'No request has named a user yet.'}
    </End>
  );
  return (
    <div class={isWide ? 'split' : ''}>
      {(isWide || !id) && (
        <div class="side">
          <Heading title="Users" />
          <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
            <Field label="Id or identity">
              <input type="search" defaultValue={text} onInput={(event) => set('text', event.currentTarget.value)} />
            </Field>
            <Field label="Which">
              <select value={suspended} onChange={(event) => refine({ suspended: event.currentTarget.value })}>
                <option value="">All</option>
                <option value="true">Suspended</option>
                <option value="false">Not suspended</option>
              </select>
            </Field>
          </form>
          <List
            items={pages.items}
            rowHeight={ROW}
            label="Users"
            keyOf={(user) => user.user_id}
            row={row}
            onEnd={pages.more}
            end={end}
          />
        </div>
      )}
      {id ? (
        <One key={id} app={app} id={id} isWide={isWide} changed={pages.again} />
      ) : (
        isWide && <Empty title="Choose a user" />
      )}
    </div>
  );
}

const nameIn = ({ identity }: UserRow) => {
  const name = identity?.display_name;
  return typeof name === 'string' ? name : null;
};

const shown = (user: UserRow) => ({ user_id: user.user_id, display_name: nameIn(user) });

function One({ app, id, isWide, changed }: { app: string; id: string; isWide: boolean; changed: () => void }) {
  const user = useAnswer(() => get<User>(at`/apps/${app}/users/${id}`), [app, id]);
  const api = at`/apps/${app}/api/users/${id}`;
  useRefresh(user.again, 500, (change) => change.user_id === id && change.app_id === app);
  const edit = (operations: unknown[], done: string) =>
    attempt(async () => {
      await ask('PATCH', api, operations, PATCH);
      user.again();
      changed();
    }, done);
  const { value } = user;
  const Title = isWide ? 'h2' : 'h1';
  if (!value) return <div class="whole">{user.error ? <Empty title={user.error} /> : <Empty title="Loading …" />}</div>;
  const { suspended, ...badge } = { suspended: value.is_suspended, ...value.badge };
  return (
    <article class="whole scrolls" aria-label="User">
      <header>
        {!isWide && (
          <a class="button plain small" href={link(['apps', app, 'users'])} aria-label="Back to the users">
            <Icon name="back" />
          </a>
        )}
        <Avatar user={shown(value)} />
        <div class="what">
          <Title>{nameIn(value) || value.user_id}</Title>
          <Id value={value.user_id} label="user id" />
        </div>
        {suspended ? (
          <Button
            isSmall
            onClick={() => edit([{ operation: 'set', property: 'suspended', value: false }], 'Not suspended any more.')}
          >
            End suspension
          </Button>
        ) : (
          <Sure
            isSmall
            label="Suspend"
            question="All its sessions end, and what is done on its behalf is refused."
            run={() => edit([{ operation: 'set', property: 'suspended', value: true }], 'Suspended.')}
          />
        )}
      </header>
      <Failed loaded={user} />
      <Panel title="State">
        <Facts
          facts={[
            ['Suspended', suspended ? <Pill tone="bad">suspended</Pill> : 'no'],
            [
              'Conversations',
              <a key="c" href={link(['apps', app, 'conversations'], { user: id })}>
                {count(value.conversation_count)}
              </a>,
            ],
            [
              'Messages sent',
              <a key="m" href={link(['apps', app, 'messages'], { user: id })}>
                look for them
              </a>,
            ],
            ['Open sockets', count(value.sockets)],
          ]}
        />
        <p>
          <Sure
            isSmall
            label="End its sessions"
            question="Its clients have to sign in once more."
            run={() => attempt(() => ask('DELETE', `${api}/sessions`), 'Ended.')}
          />
        </p>
      </Panel>
      <Panel title="Badge">
        <Facts
          facts={[
            ['Unread messages', count(badge.unread_message_count)],
            ['Unread conversations', count(badge.unread_conversation_count)],
            ['Unread elsewhere', count(badge.external_unread_count)],
          ]}
        />
        <Badge key={badge.external_unread_count} api={api} count={badge.external_unread_count} again={user.again} />
      </Panel>
      <Panel title="Blocks">
        <Blocks app={app} blocks={value.blocks} edit={edit} />
      </Panel>
      <Panel title="Identity">
        {value.identity ? (
          <Facts
            facts={Object.entries(value.identity).map(([name, field]) => [
              name.replaceAll('_', ' '),
              typeof field === 'string' ? field : JSON.stringify(field),
            ])}
          />
        ) : (
          <p class="none">It has none.</p>
        )}
      </Panel>
    </article>
  );
}

function Badge({ api, count, again }: { api: string; count: number; again: () => void }) {
  const [value, setValue] = useState(String(count));
  const set = (event: Event) => {
    event.preventDefault();
    attempt(async () => {
      await ask('PUT', `${api}/badge`, { external_unread_count: Number(value) });
      again();
    }, 'Set.');
  };
  return (
    <form class="inline" onSubmit={set}>
      <Field label="Unread elsewhere">
        <input type="number" min="0" required value={value} onInput={(event) => setValue(event.currentTarget.value)} />
      </Field>
      <Button type="submit">Set</Button>
    </form>
  );
}

function Blocks({
  app,
  blocks,
  edit,
}: {
  app: string;
  blocks: string[];
  edit: (operations: unknown[], done: string) => Promise<unknown>;
}) {
  const [blocked, setBlocked] = useState('');
  const add = (event: Event) => {
    event.preventDefault();
    edit([{ operation: 'add', property: 'blocks', id: blocked.trim() }], 'Blocked.');
    setBlocked('');
  };
  return (
    <>
      {blocks.length === 0 ? (
        <p class="none">It blocks nobody.</p>
      ) : (
        <ul class="people">
          {blocks.map((user) => (
            <li key={user}>
              <a href={link(['apps', app, 'users', user])}>{user}</a>
              <Button
                isSmall
                onClick={() => edit([{ operation: 'remove', property: 'blocks', id: user }], 'Not blocked any more.')}
              >
                Unblock <span class="hidden">{user}</span>
              </Button>
            </li>
          ))}
        </ul>
      )}
      <form class="inline" onSubmit={add}>
        <Field label="User to block">
          <input required value={blocked} onInput={(event) => setBlocked(event.currentTarget.value)} />
        </Field>
        <Button type="submit">Block</Button>
      </form>
    </>
  );
}
