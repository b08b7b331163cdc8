import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, type Body, get, type Recorded, type Summary } from '../api';
import { bytes, count, duration, pretty } from '../format';
import { listen, status } from '../live';
import { link, refine } from '../route';
import { useSignal } from '../signal';
import {
  attempt,
  Button,
  Code,
  Empty,
  Facts,
  Failed,
  Field,
  Heading,
  Icon,
  List,
  Pill,
  Status,
  Time,
  useAnswer,
  useMedia,
  useThrottled,
} from '../ui';

/** Unit: pixels. */
const ROW = 40;

/** How many requests are kept to be shown: as many as the platform records at the most. */
const MOST = 2000;

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const STATUSES: [string, string, (status: number | null) => boolean][] = [
  ['2', '2xx', (status) => status !== null && status < 300],
  ['4', '4xx', (status) => status !== null && status >= 400 && status < 500],
  ['5', '5xx and resets', (status) => status === null || status >= 500],
];

export function Traffic({ number, query }: { number?: string; query: URLSearchParams }) {
  const isWide = useMedia('(min-width: 960px)');
  const { isRecording, isShared } = useSignal(status);
  const known = useRef(new Map<number, Summary>());
  const [shown, setShown] = useState<Summary[]>([]);
  const [isPaused, setPaused] = useState(false);
  const [held, setHeld] = useState(0);
  const [missed, setMissed] = useState(0);
  const paused = useRef(false);
  const show = useThrottled(() => {
    const all = known.current;
    for (const number of all.keys()) {
      if (all.size <= MOST) break;
      all.delete(number);
    }
    const latest = [...all.values()].sort((one, other) => other.number - one.number);
    if (paused.current) setHeld(latest.length);
    else setShown(latest);
  }, 150);
  const load = useAnswer(async () => {
    for (const request of await get<Summary[]>('/requests?summary=true')) known.current.set(request.number, request);
    show();
  }, []);
  useEffect(() => {
    const ends = [
      listen('request', (request) => {
        known.current.set(request.number, request);
        show();
      }),
      listen('missed', ({ kind, count: missing }) => {
        if (kind === 'requests') setMissed((before) => before + (missing ?? 0));
      }),
    ];
    return () => {
      for (const end of ends) end();
    };
  }, [show]);
  const pause = () => {
    paused.current = !paused.current;
    setPaused(paused.current);
    show();
  };
  const forget = () =>
    attempt(async () => {
      await ask('DELETE', '/requests');
      known.current.clear();
      show();
    }, 'Forgotten.');
  const text = query.get('text') ?? '';
  const method = query.get('method') ?? '';
  const wanted = query.get('status') ?? '';
  const values = { text, method, status: wanted };
  const set = refine;
  const [, , isWanted] = STATUSES.find(([id]) => id === wanted) ?? [];
  const found = shown.filter(
    (request) =>
      request.path.toLowerCase().includes(text.toLowerCase()) &&
      (!method || request.method === method) &&
      (!isWanted || (request.is_answered && isWanted(request.status))),
  );
  const newest = shown[0]?.number ?? 0;
  const later = isPaused ? [...known.current.keys()].filter((number) => number > newest).length : 0;
  const row = (request: Summary) => (
    <a
      class="row request"
      href={link(['traffic', request.number], values)}
      aria-current={String(request.number) === number ? 'true' : undefined}
    >
      <Time value={request.received_at} isShort />
      <span class={`method ${request.method}`}>{request.method}</span>
      <span class="path" title={request.path}>
        {short(request.path)}
      </span>
      {request.fault !== null && <Pill tone="warn">fault {request.fault}</Pill>}
      {request.is_answered ? <Status status={request.status} /> : <Pill tone="calm">…</Pill>}
      <span class="took">{request.duration_ms === null ? '' : duration(request.duration_ms)}</span>
    </a>
  );
  return (
    <div class={isWide && number ? 'split even' : 'full'}>
      {(isWide || !number) && (
        <div class="side">
          <Heading title="Traffic" about="Requests and answers as they come. Those of this console are not among them.">
            <Button onClick={pause} aria-pressed={isPaused}>
              <Icon name={isPaused ? 'play' : 'pause'} />
              {isPaused ? 'Go on' : 'Pause'}
            </Button>
            <Button onClick={forget}>Clear</Button>
          </Heading>
          {!isRecording && (
            <p class="notice">
              Requests are not recorded. Start the platform with <code>--record 1000</code> to see them.
            </p>
          )}
          {isShared && <p class="notice">Other platforms share the database. These are the requests to this one.</p>}
          <Failed loaded={load} />
          <form class="filters wide" role="search" onSubmit={(event) => event.preventDefault()}>
            <Field label="Path">
              <input type="search" value={text} onInput={(event) => set({ text: event.currentTarget.value })} />
            </Field>
            <Field label="Method">
              <select value={method} onChange={(event) => set({ method: event.currentTarget.value })}>
                <option value="">All</option>
                {METHODS.map((method) => (
                  <option key={method}>{method}</option>
                ))}
              </select>
            </Field>
            <Field label="Status">
              <select value={wanted} onChange={(event) => set({ status: event.currentTarget.value })}>
                <option value="">All</option>
                {STATUSES.map(([id, title]) => (
                  <option key={id} value={id}>
                    {title}
                  </option>
                ))}
              </select>
            </Field>
          </form>
          <p class="dim counts" data-held={held}>
            {count(found.length)} of {count(shown.length)} requests
            {isPaused && later > 0 && `, ${count(later)} more since the pause`}
            {missed > 0 && `, ${count(missed)} news missed`}
          </p>
          <List
            items={found}
            rowHeight={ROW}
            label="Requests, the latest first"
            keyOf={({ number }) => number}
            row={row}
            end={
              found.length === 0 && <p class="none">{shown.length === 0 ? 'No request yet.' : 'No request matches.'}</p>
            }
          />
        </div>
      )}
      {number && <One key={number} number={number} isWide={isWide} values={values} />}
    </div>
  );
}

/** The path of a request without its app, which is long and the same for most. */
const short = (path: string) => path.replace(/^\/apps\/[0-9a-f]{8}[-0-9a-f]{28}(?=\/)/i, '');

function One({ number, isWide, values }: { number: string; isWide: boolean; values: Record<string, string> }) {
  const request = useAnswer(() => get<Recorded>(`/requests/${encodeURIComponent(number)}`), [number]);
  useEffect(
    () => listen('request', (news) => String(news.number) === number && news.is_answered && request.again()),
    [number, request.again],
  );
  const { value } = request;
  const Title = isWide ? 'h2' : 'h1';
  const back = link(['traffic'], values);
  if (!value) {
    return (
      <article class="whole" aria-label="Request">
        <Empty title={request.error ?? 'Loading …'}>
          <a href={back}>To the traffic</a>
        </Empty>
      </article>
    );
  }
  const match = { method: value.method, path: value.path.replace(/^\/apps\/[^/]+/, '').replace(/\?.*/, '') };
  return (
    <article class="whole scrolls" aria-label="Request">
      <header>
        <a class="button plain small" href={back} aria-label={isWide ? 'Close' : 'Back to the traffic'}>
          <Icon name={isWide ? 'close' : 'back'} />
        </a>
        <div class="what">
          <Title>
            <span class={`method ${value.method}`}>{value.method}</span> {short(value.path)}
          </Title>
          <span class="dim">
            <Time value={value.received_at} /> · request {value.number}
          </span>
        </div>
        <a class="button plain small" href={link(['faults'], match)}>
          Inject a fault
        </a>
      </header>
      <Facts
        facts={[
          ['Status', value.response ? <Status key="s" status={value.response.status} /> : 'no answer yet'],
          ['Took', value.response ? duration(value.response.duration_ms) : '–'],
          ['Path', <code key="p">{value.path}</code>],
          ...(value.fault === null ? [] : ([['Struck by', `fault ${value.fault}`]] as [string, string][])),
        ]}
      />
      <h2 class="minor">Request</h2>
      <Headers headers={value.headers} label="Headers of the request" />
      <BodyView body={value} label="Body of the request" />
      {value.response && (
        <>
          <h2 class="minor">Answer</h2>
          <Headers headers={value.response.headers} label="Headers of the answer" />
          <BodyView body={value.response} label="Body of the answer" />
        </>
      )}
    </article>
  );
}

function Headers({ headers, label }: { headers: Record<string, string>; label: string }) {
  return (
    <table class="headers" aria-label={label}>
      <tbody>
        {Object.entries(headers).map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function BodyView({ body, label }: { body: Body; label: string }) {
  if (body.body_length === 0) return <p class="none">Without a body.</p>;
  const isCut = body.encoding === undefined && new TextEncoder().encode(body.body).length < body.body_length;
  return (
    <>
      <Code label={label} value={body.encoding ? body.body : pretty(body.body)} />
      <p class="dim">
        {bytes(body.body_length)}
        {body.encoding && ', shown as base64'}
        {isCut && ', cut here'}
      </p>
    </>
  );
}
