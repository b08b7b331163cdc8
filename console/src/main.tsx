import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { type Counts, get, isSignedIn, type Overview, onSession, signIn, signOut } from './api';
import { listen, status } from './live';
import { go, link, replace, route } from './route';
import { useSignal } from './signal';
import { Button, Empty, Failed, Field, Heading, Icon, type Loaded, Said, text, useAnswer } from './ui';
import { Apps } from './views/apps';
import { Conversations } from './views/conversations';
import { Exports } from './views/exports';
import { Faults } from './views/faults';
import { Messages } from './views/messages';
import { Overview as OverviewView } from './views/overview';
import { Sockets } from './views/sockets';
import { Traffic } from './views/traffic';
import { Users } from './views/users';
import { Webhooks } from './views/webhooks';

/** Views of an app, and those of the whole platform: the first segment, its name. */
const OF_APP = [
  ['conversations', 'Conversations'],
  ['messages', 'Messages'],
  ['users', 'Users'],
  ['webhooks', 'Webhooks'],
  ['exports', 'Exports & backups'],
] as const;
const OF_PLATFORM = [
  ['overview', 'Overview'],
  ['traffic', 'Traffic'],
  ['faults', 'Faults'],
  ['sockets', 'Sockets'],
  ['apps', 'Apps'],
] as const;

function SignIn() {
  const [given, setGiven] = useState('');
  const [error, setError] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    setError('');
    try {
      await signIn(given.trim());
    } catch (error) {
      setError(text(error));
    }
  };
  return (
    <main class="sign-in">
      <form onSubmit={submit}>
        <Mark />
        <h1>Layer console</h1>
        <Field
          label="Admin token"
          hint="The platform prints it at its start, or has it from LAYER_ADMIN_TOKEN. It stays in this tab."
        >
          <input
            type="password"
            autoComplete="off"
            required
            // biome-ignore lint/a11y/noAutofocus: there is nothing else on this page
            autoFocus
            value={given}
            onInput={(event) => setGiven(event.currentTarget.value)}
          />
        </Field>
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        <Button kind="main" type="submit">
          Sign in
        </Button>
      </form>
    </main>
  );
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M8 12l8-4 8 4-8 4z" class="top" />
      <path d="M8 16.500l8 4 8-4M8 21l8 4 8-4" class="under" />
    </svg>
  );
}

function Console() {
  const { path, query } = useSignal(route);
  const { isOpen } = useSignal(status);
  const overview = useAnswer(() => get<Overview>('/overview'), []);
  const [isMenuOpen, setMenuOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const place = path.join('/');
  useEffect(() => listen('change', (change) => change.type === 'app' && overview.again()), [overview.again]);
  useEffect(() => listen('missed', ({ is_replaced }) => is_replaced && overview.again()), [overview.again]);
  useEffect(() => setMenuOpen(false), [place]);
  useEffect(() => {
    const search = (event: KeyboardEvent) => {
      const isTyping = (event.target as Element).matches('input, textarea, select');
      const field = main.current?.querySelector<HTMLElement>('input[type=search]');
      if (event.key !== '/' || isTyping || !field) return;
      event.preventDefault();
      field.focus();
    };
    addEventListener('keydown', search);
    return () => removeEventListener('keydown', search);
  }, []);

  const apps = overview.value?.apps ?? [];
  const [kind = 'overview', id, view, ...rest] = path;
  const remembered = useRef('');
  if (kind === 'apps' && id && view) remembered.current = id;
  const app = kind === 'apps' && id ? id : remembered.current || apps[0]?.app_id || '';
  const isOf = (name: string) => (view ? view === name : kind === name);
  const entry = ([name, title]: readonly [string, string], to: string) => (
    <a key={name} href={to} aria-current={isOf(name) ? 'page' : undefined}>
      <Icon name={name} />
      {title}
    </a>
  );
  return (
    <div class={isMenuOpen ? 'frame open' : 'frame'}>
      {/* biome-ignore lint/a11y/useValidAnchor: a link within the page; the address says which view it is */}
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to content
      </a>
      <header class="bar">
        <Button
          isSmall
          aria-expanded={isMenuOpen}
          aria-controls="menu"
          aria-label="Menu"
          onClick={() => setMenuOpen(!isMenuOpen)}
        >
          <Icon name="menu" />
        </Button>
        <Mark />
        <span class="name">Layer console</span>
      </header>
      <nav id="menu" aria-label="Views">
        <div class="brand">
          <Mark />
          <div>
            <span class="name">Layer console</span>
            <span class="dim">{overview.value ? `Platform ${overview.value.version}` : ' '}</span>
          </div>
        </div>
        <div class="group">
          <span class="label">Platform</span>
          {OF_PLATFORM.map((one) => entry(one, link(one[0] === 'overview' ? [] : [one[0]])))}
        </div>
        <div class="group">
          <span class="label" id="app-label">
            App
          </span>
          <select
            aria-labelledby="app-label"
            value={app}
            disabled={apps.length === 0}
            onChange={(event) => go(link(['apps', event.currentTarget.value, view ?? 'conversations']))}
          >
            {apps.length === 0 && <option value="">No app yet</option>}
            {apps.map(({ app_id, name }) => (
              <option key={app_id} value={app_id}>
                {name ?? app_id}
              </option>
            ))}
          </select>
          {app && OF_APP.map((one) => entry(one, link(['apps', app, one[0]])))}
        </div>
        <div class="foot">
          <span class={isOpen ? 'live on' : 'live'}>{isOpen ? 'Live' : 'Connecting …'}</span>
          <Button isSmall onClick={signOut}>
            Sign out
          </Button>
        </div>
      </nav>
      <button
        type="button"
        class="shade"
        aria-label="Close the menu"
        tabIndex={-1}
        onClick={() => setMenuOpen(false)}
      />
      <main id="main" ref={main} tabIndex={-1}>
        <Failed loaded={overview} />
        <View kind={kind} id={id} view={view} rest={rest} query={query} apps={apps} overview={overview} />
      </main>
      <Said />
    </div>
  );
}

interface ViewProps {
  kind: string;
  id?: string;
  view?: string;
  rest: string[];
  query: URLSearchParams;
  apps: Counts[];
  overview: Loaded<Overview>;
}

function View({ kind, id, view, rest, query, apps, overview }: ViewProps) {
  switch (view ? `apps/${view}` : kind) {
    case 'overview':
      return <OverviewView overview={overview} />;
    case 'traffic':
      return <Traffic number={id} query={query} />;
    case 'faults':
      return <Faults query={query} />;
    case 'sockets':
      return <Sockets />;
    case 'apps':
      return <Apps id={id} apps={apps} reload={overview.again} />;
    case 'find':
      return <Find id={id ?? ''} />;
    case 'apps/conversations':
      return <Conversations key={id} app={id ?? ''} id={rest[0]} query={query} />;
    case 'apps/messages':
      return <Messages key={id} app={id ?? ''} query={query} />;
    case 'apps/users':
      return <Users key={id} app={id ?? ''} id={rest[0]} query={query} />;
    case 'apps/webhooks':
      return <Webhooks key={id} app={id ?? ''} id={rest[0]} event={rest[1]} />;
    case 'apps/exports':
      return <Exports key={id} app={id ?? ''} />;
    default:
      return (
        <>
          <Heading title="There is no such view" />
          <a href={link([])}>To the overview</a>
        </>
      );
  }
}

interface Place {
  app_id: string;
  type: string;
  conversation_id: string | null;
}

/** Goes to what has an id. */
function Find({ id }: { id: string }) {
  const found = useAnswer(() => get<Place[]>(`/find/${encodeURIComponent(id)}`), [id]);
  const place = found.value?.find(({ conversation_id }) => conversation_id);
  useEffect(() => {
    if (!place?.conversation_id) return;
    const message = place.type === 'message' ? id.slice(id.lastIndexOf('/') + 1) : undefined;
    replace(link(['apps', place.app_id, 'conversations', place.conversation_id], { message }));
  }, [place]);
  if (found.error) return <Failed loaded={found} />;
  if (found.isLoading || place) return <Empty title="Looking …" />;
  const [elsewhere] = found.value ?? [];
  if (!elsewhere) return <Empty title="Nothing has this id" />;
  return (
    <Empty title={`This is the id of: ${elsewhere.type.replaceAll('_', ' ')}`}>
      It is in no conversation. <a href={link(['apps', elsewhere.app_id])}>To its app</a>
    </Empty>
  );
}

function Root() {
  const [isIn, setIn] = useState(isSignedIn());
  useEffect(() => onSession(() => setIn(isSignedIn())), []);
  return isIn ? <Console /> : <SignIn />;
}

render(<Root />, document.getElementById('root') as HTMLElement);
