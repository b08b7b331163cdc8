import { useEffect, useState } from 'preact/hooks';
import { type Change, type Charts, get, type Overview as OverviewAnswer } from '../api';
import { HourCharts } from '../charts';
import { count } from '../format';
import { listen } from '../live';
import { go, link } from '../route';
import {
  Button,
  Empty,
  Failed,
  Field,
  Heading,
  Icon,
  type Loaded,
  Panel,
  Pill,
  Time,
  useAnswer,
  useInterval,
  useThrottled,
} from '../ui';

/** How many changes are kept to be shown. */
const MOST_CHANGES = 40;

/** How often numbers are read again. Unit: milliseconds. */
const INTERVAL = 5000;

interface Seen {
  number: number;
  at: string;
  change: Change;
}

let seen: Seen[] = [];
let number = 0;
const watchers = new Set<() => void>();
listen('change', (change) => {
  seen = [{ number: ++number, at: new Date().toISOString(), change }, ...seen].slice(0, MOST_CHANGES);
  for (const watcher of watchers) watcher();
});

export function Overview({ overview }: { overview: Loaded<OverviewAnswer> }) {
  const charts = useAnswer(() => get<Charts>('/charts'), []);
  useEffect(() => {
    // It may have been read long ago, for another view.
    if (!overview.isLoading) overview.again();
  }, []);
  useInterval(() => {
    charts.again();
    overview.again();
  }, INTERVAL);
  const now = overview.value;
  const sum = (name: 'conversations' | 'messages' | 'users') => now?.apps.reduce((sum, app) => sum + app[name], 0) ?? 0;
  const [id, setId] = useState('');
  const find = (event: Event) => {
    event.preventDefault();
    if (id.trim()) go(link(['find', id.trim()]));
  };
  return (
    <>
      <Heading title="Overview" about={now && <>Listening at {now.url}</>}>
        <form class="find" role="search" onSubmit={find}>
          <Field label="Find by id">
            <input
              type="search"
              placeholder="UUID or layer:///…"
              value={id}
              onInput={(event) => setId(event.currentTarget.value)}
            />
          </Field>
          <Button type="submit" aria-label="Find">
            <Icon name="search" />
          </Button>
        </form>
      </Heading>
      {!overview.error && <Failed loaded={charts} />}
      <dl class="cards">
        {(
          [
            ['Apps', now?.apps.length, link(['apps'])],
            ['Conversations', sum('conversations')],
            ['Messages', sum('messages')],
            ['Users', sum('users')],
            ['Open sockets', now?.sockets, link(['sockets'])],
            ['Requests under way', now?.requests_under_way, link(['traffic'])],
          ] as [string, number | undefined, string?][]
        ).map(([name, value, to]) => (
          <div key={name}>
            <dt>{to ? <a href={to}>{name}</a> : name}</dt>
            <dd>{value === undefined ? '–' : count(value)}</dd>
          </div>
        ))}
      </dl>
      {now?.is_clock_frozen && (
        <p class="notice">
          The clock of the platform stands at <Time value={now.now} />. Delayed messages and retries wait for it.
        </p>
      )}
      <Panel title="The last hour">{charts.value && <HourCharts charts={charts.value} />}</Panel>
      <Panel title="As it happens">
        <Changes />
      </Panel>
    </>
  );
}

function Changes() {
  const [changes, setChanges] = useState(seen);
  const show = useThrottled(() => setChanges(seen), 200);
  useEffect(() => {
    setChanges(seen);
    watchers.add(show);
    return () => void watchers.delete(show);
  }, [show]);
  if (changes.length === 0)
    return <Empty title="Nothing has changed since you came">Changes appear here as they are committed.</Empty>;
  return (
    <ol class="feed" aria-label="Changes, the latest first">
      {changes.map(({ number, at, change }) => (
        <li key={number}>
          <Time value={at} isShort />
          <Pill tone={change.what === 'created' ? 'good' : change.what === 'deleted' ? 'bad' : 'calm'}>
            {change.what}
          </Pill>
          <ChangeText change={change} />
        </li>
      ))}
    </ol>
  );
}

function ChangeText({ change }: { change: Change }) {
  const { app_id: app, type, conversation_id: conversation, user_id: user } = change;
  const name = type.replaceAll('_', ' ');
  const who = user !== undefined && app && <a href={link(['apps', app, 'users', user])}>{user}</a>;
  if (conversation && app) {
    const to = link(['apps', app, 'conversations', conversation], { message: change.message_id });
    return (
      <span>
        <a href={to}>{name}</a>
        {change.position !== undefined && ` ${change.position}`}
        {change.status && ` ${change.status}`}
        {who && <> by {who}</>}
      </span>
    );
  }
  return (
    <span>
      {name}
      {who && <> of {who}</>}
    </span>
  );
}
