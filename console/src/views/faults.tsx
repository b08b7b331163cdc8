import { useState } from 'preact/hooks';
import { ask, get } from '../api';
import { duration } from '../format';
import { attempt, Button, Empty, Failed, Field, Heading, Panel, Pill, useAnswer } from '../ui';

interface Fault {
  match: { method?: string; path?: string };
  delay: number;
  status?: number;
  body?: unknown;
  headers?: Record<string, unknown>;
  reset: boolean;
  after: boolean;
  truncate?: number;
  times?: number;
  probability: number;
}

const KINDS = {
  status: 'Answer with a status',
  reset: 'Reset the connection',
  truncate: 'Break the answer off',
  delay: 'Only wait',
} as const;

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

export function Faults({ query }: { query: URLSearchParams }) {
  const faults = useAnswer(() => get<Record<string, Fault>>('/faults'), []);
  const all = Object.entries(faults.value ?? {});
  const remove = (path: string, done: string) =>
    attempt(async () => {
      await ask('DELETE', path);
      faults.again();
    }, done);
  return (
    <>
      <Heading title="Faults" about="Lets requests fail, so that a service can show what it does about it.">
        <Button onClick={faults.again}>Refresh</Button>
        {all.length > 0 && <Button onClick={() => remove('/faults', 'All taken back.')}>Take all back</Button>}
      </Heading>
      <Failed loaded={faults} />
      <div class="columns">
        <Panel title="Inject a fault">
          <Form query={query} injected={faults.again} />
        </Panel>
        <Panel title="Waiting">
          {all.length === 0 ? (
            <Empty title="No fault waits" />
          ) : (
            <ul class="faults">
              {all.map(([id, fault]) => (
                <li key={id}>
                  <div>
                    <Pill tone="warn">fault {id}</Pill> <b>{whatOf(fault)}</b>
                    <p class="dim">
                      {fault.match.method ?? 'Any method'} {fault.match.path ?? 'any path'}
                      {fault.times !== undefined && `, ${fault.times} more times`}
                      {fault.probability < 1 && `, ${Math.round(fault.probability * 100)} % of them`}
                    </p>
                  </div>
                  <Button isSmall onClick={() => remove(`/faults/${id}`, 'Taken back.')}>
                    Take back <span class="hidden">fault {id}</span>
                  </Button>
                </li>
              ))}
            </ul>
          )}
        </Panel>
      </div>
    </>
  );
}

function whatOf({ status, reset, truncate, after, delay }: Fault) {
  const outcome =
    status !== undefined
      ? `answers ${status}`
      : reset
        ? 'resets the connection'
        : truncate !== undefined
          ? `breaks off after ${truncate} bytes`
          : '';
  return [delay > 0 && `waits ${duration(delay)}`, outcome, after && 'after it is done'].filter(Boolean).join(', ');
}

function Form({ query, injected }: { query: URLSearchParams; injected: () => void }) {
  const [method, setMethod] = useState(query.get('method') ?? '');
  const [path, setPath] = useState(query.get('path') ?? '');
  const [kind, setKind] = useState<keyof typeof KINDS>('status');
  const [status, setStatus] = useState('503');
  const [bytes, setBytes] = useState('10');
  const [delay, setDelay] = useState('');
  const [times, setTimes] = useState('1');
  const [percent, setPercent] = useState('100');
  const [isAfter, setAfter] = useState(false);
  const inject = (event: Event) => {
    event.preventDefault();
    const fault = {
      match: { ...(method && { method }), ...(path && { path }) },
      ...(kind === 'status' && { status: Number(status) }),
      ...(kind === 'reset' && { reset: true }),
      ...(kind === 'truncate' && { truncate: Number(bytes) }),
      ...(delay && { delay: Number(delay) }),
      ...(times && { times: Number(times) }),
      ...(percent !== '100' && { probability: Number(percent) / 100 }),
      ...(isAfter && (kind === 'status' || kind === 'reset') && { after: true }),
    };
    attempt(async () => {
      await ask('POST', '/faults', fault);
      injected();
    }, 'It waits for requests.');
  };
  return (
    <form class="stack" onSubmit={inject}>
      <div class="pair">
        <Field label="Method">
          <select value={method} onChange={(event) => setMethod(event.currentTarget.value)}>
            <option value="">Any</option>
            {METHODS.map((method) => (
              <option key={method}>{method}</option>
            ))}
          </select>
        </Field>
        <Field label="Path below the app" hint="* is anything in a segment, ** anything">
          <input placeholder="any" value={path} onInput={(event) => setPath(event.currentTarget.value)} />
        </Field>
      </div>
      <Field label="What happens">
        <select value={kind} onChange={(event) => setKind(event.currentTarget.value as keyof typeof KINDS)}>
          {Object.entries(KINDS).map(([id, title]) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      </Field>
      <div class="pair">
        {kind === 'status' && (
          <Field label="Status">
            <input
              type="number"
              min="200"
              max="999"
              required
              value={status}
              onInput={(event) => setStatus(event.currentTarget.value)}
            />
          </Field>
        )}
        {kind === 'truncate' && (
          <Field label="After so many bytes">
            <input
              type="number"
              min="0"
              required
              value={bytes}
              onInput={(event) => setBytes(event.currentTarget.value)}
            />
          </Field>
        )}
        <Field label="Wait first, in milliseconds">
          <input
            type="number"
            min="0"
            required={kind === 'delay'}
            value={delay}
            onInput={(event) => setDelay(event.currentTarget.value)}
          />
        </Field>
      </div>
      <div class="pair">
        <Field label="How often" hint="Empty: always">
          <input type="number" min="1" value={times} onInput={(event) => setTimes(event.currentTarget.value)} />
        </Field>
        <Field label="Of 100 that match">
          <input
            type="number"
            min="0"
            max="100"
            required
            value={percent}
            onInput={(event) => setPercent(event.currentTarget.value)}
          />
        </Field>
      </div>
      {(kind === 'status' || kind === 'reset') && (
        <label class="check">
          <input type="checkbox" checked={isAfter} onChange={(event) => setAfter(event.currentTarget.checked)} />
          Do what is asked first, so that only its answer is lost
        </label>
      )}
      <Button kind="main" type="submit">
        Inject
      </Button>
    </form>
  );
}
