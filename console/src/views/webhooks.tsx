import { useState } from 'preact/hooks';
import { ask, at, type Change, type Deliveries, get, WEBHOOKS, type Webhook } from '../api';
import { count, pretty } from '../format';
import { go, link } from '../route';
import {
  attempt,
  Button,
  Code,
  Dialog,
  Empty,
  Facts,
  Failed,
  Field,
  Heading,
  Id,
  Panel,
  Pill,
  Sure,
  Table,
  Time,
  useAnswer,
  useRefresh,
} from '../ui';

const TONES = { active: 'good', inactive: 'bad', unverified: 'warn' } as const;
const OUTCOMES = { delivered: 'good', failed: 'warn', given_up: 'bad' } as const;

/** The events of version 1.0. */
const EVENTS = [
  'message.sent',
  'message.delivered',
  'message.read',
  'message.deleted',
  'conversation.created',
  'conversation.updated.participants',
  'conversation.updated.metadata',
  'conversation.deleted',
];

const isOfWebhooks = ({ type }: Change) => type === 'webhook' || type === 'deliveries';

export function Webhooks({ app, id, event }: { app: string; id?: string; event?: string }) {
  const webhooks = useAnswer(() => get<Webhook[]>(at`/apps/${app}/webhooks`), [app]);
  const [isRegistering, setRegistering] = useState(false);
  useRefresh(webhooks.again, 1000, isOfWebhooks);
  const all = webhooks.value ?? [];
  const chosen = all.find(({ webhook_id }) => webhook_id === id);
  return (
    <>
      <Heading title="Webhooks" about="Where events of this app are sent.">
        <Button kind="main" onClick={() => setRegistering(true)}>
          Register
        </Button>
      </Heading>
      <Failed loaded={webhooks} />
      {webhooks.value && all.length === 0 && <Empty title="This app has no webhook" />}
      <ul class="tiles">
        {all.map((webhook) => (
          <li key={webhook.webhook_id}>
            <a
              href={link(['apps', app, 'webhooks', webhook.webhook_id])}
              aria-current={webhook === chosen ? 'true' : undefined}
            >
              <span class="title">{webhook.target_url}</span>
              <span>
                <Pill tone={TONES[webhook.status]}>{webhook.status}</Pill>{' '}
                <span class="dim">version {webhook.version}</span>
                {webhook.waiting > 0 && <Pill tone="warn">{count(webhook.waiting)} waiting</Pill>}
                {webhook.failing_since && (
                  <span class="dim">
                    {' '}
                    failing since <Time value={webhook.failing_since} isShort />
                  </span>
                )}
              </span>
            </a>
          </li>
        ))}
      </ul>
      {chosen && <One key={chosen.webhook_id} app={app} webhook={chosen} event={event} again={webhooks.again} />}
      {id && webhooks.value && !chosen && <Empty title="There is no such webhook in this app" />}
      {isRegistering && <Register app={app} again={webhooks.again} onClose={() => setRegistering(false)} />}
    </>
  );
}

interface OneProps {
  app: string;
  webhook: Webhook;
  /** The event whose payload is shown. */
  event?: string;
  again: () => void;
}

function One({ app, webhook, event, again }: OneProps) {
  const id = webhook.webhook_id;
  const deliveries = useAnswer(() => get<Deliveries>(at`/apps/${app}/webhooks/${id}/deliveries`), [app, id]);
  useRefresh(deliveries.again, 1000, isOfWebhooks);
  const api = at`/apps/${app}/api/webhooks/${id}`;
  const change = (method: string, path: string, done: string) =>
    attempt(async () => {
      await ask(method, path, undefined, WEBHOOKS);
      again();
    }, done);
  const send = (event: string) =>
    attempt(async () => {
      await ask('POST', at`/apps/${app}/webhooks/${id}/deliveries/${event}/send`);
      deliveries.again();
    }, 'On its way.');
  const waiting = deliveries.value?.waiting ?? [];
  const attempts = [...(deliveries.value?.attempts ?? [])].reverse();
  const shown = attempts.find((one) => one.event === event);
  const place = ['apps', app, 'webhooks', id];
  return (
    <>
      <Panel
        title="Webhook"
        actions={
          <>
            {webhook.status === 'inactive' && (
              <Button isSmall onClick={() => change('POST', `${api}/activate`, 'Asked its receiver.')}>
                Activate
              </Button>
            )}
            {webhook.status === 'active' && (
              <Sure
                isSmall
                label="Deactivate"
                question="What waits for it is dropped."
                run={() => change('POST', `${api}/deactivate`, 'Inactive now.')}
              />
            )}
            <Sure
              isSmall
              label="Delete"
              question="What waits for it goes with it."
              run={() => change('DELETE', api, 'Deleted.')}
            />
          </>
        }
      >
        <Facts
          facts={[
            ['Target', <code key="t">{webhook.target_url}</code>],
            ['Status', webhook.status_reason ? `${webhook.status}: ${webhook.status_reason}` : webhook.status],
            ['Events', webhook.events.join(', ')],
            ['Registered', <Time key="c" value={webhook.created_at} />],
            ['Id', <Id key="i" value={id} />],
          ]}
        />
      </Panel>
      <Failed loaded={deliveries} />
      <Panel title={`Waiting: ${count(deliveries.value?.waiting_count ?? 0)}`}>
        {waiting.length === 0 ? (
          <p class="none">Nothing waits.</p>
        ) : (
          <Table columns={['Event', 'Failed attempts', 'First attempt', 'Next attempt']} hasActions>
            {waiting.map((delivery) => (
              <tr key={delivery.event}>
                <td>{delivery.event_type}</td>
                <td>{delivery.failed_attempts}</td>
                <td>
                  <Time value={delivery.first_attempt_at} isShort />
                </td>
                <td>
                  <Time value={delivery.due_at} isShort />
                </td>
                <td>
                  <Button isSmall onClick={() => send(delivery.event)}>
                    Send now
                  </Button>
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Panel>
      <Panel title="Latest attempts">
        {attempts.length === 0 ? (
          <p class="none">None yet, or none that is remembered.</p>
        ) : (
          <Table columns={['Time', 'Event', 'Attempt', 'Outcome']} hasActions>
            {attempts.map((one) => (
              <tr key={`${one.event} ${one.started_at} ${one.number}`}>
                <td>
                  <Time value={one.started_at} isShort />
                </td>
                <td>{one.event_type}</td>
                <td>{one.number}</td>
                <td>
                  <Pill tone={OUTCOMES[one.outcome]}>{one.outcome.replace('_', ' ')}</Pill> {one.status ?? ''}{' '}
                  <span class="dim">{one.error}</span>
                </td>
                <td class="actions">
                  <a class="button plain small" href={link([...place, one.event])}>
                    Payload
                  </a>
                  <Button isSmall onClick={() => send(one.event)}>
                    Send again
                  </Button>
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Panel>
      {event && deliveries.value && !shown && <Empty title="No attempt with this event is remembered" />}
      {shown && (
        <Dialog title={shown.event_type} onClose={() => go(link(place))}>
          <Facts
            facts={[
              ['Event', <Id key="e" value={shown.event} />],
              ['Began', <Time key="b" value={shown.started_at} />],
              ['Ended', <Time key="f" value={shown.finished_at} />],
            ]}
          />
          <Code label="Payload" value={pretty(shown.body)} />
        </Dialog>
      )}
    </>
  );
}

function Register({ app, again, onClose }: { app: string; again: () => void; onClose: () => void }) {
  const [target, setTarget] = useState('');
  const [secret, setSecret] = useState('');
  const [events, setEvents] = useState(['message.sent']);
  const register = (event: Event) => {
    event.preventDefault();
    attempt(async () => {
      await ask(
        'POST',
        at`/apps/${app}/api/webhooks`,
        { version: '1.0', target_url: target, events, secret },
        WEBHOOKS,
      );
      again();
      onClose();
    }, 'Registered; its receiver is asked now.');
  };
  return (
    <Dialog title="Register a webhook" onClose={onClose}>
      <form class="stack" onSubmit={register}>
        <Field label="Target URL">
          <input
            type="url"
            required
            placeholder="https://"
            value={target}
            onInput={(event) => setTarget(event.currentTarget.value)}
          />
        </Field>
        <Field label="Secret" hint="Signs what is sent">
          <input
            type="password"
            autoComplete="off"
            required
            value={secret}
            onInput={(event) => setSecret(event.currentTarget.value)}
          />
        </Field>
        <fieldset>
          <legend>Events</legend>
          {EVENTS.map((name) => (
            <label key={name} class="check">
              <input
                type="checkbox"
                checked={events.includes(name)}
                onChange={(event) =>
                  setEvents(event.currentTarget.checked ? [...events, name] : events.filter((other) => other !== name))
                }
              />
              {name}
            </label>
          ))}
        </fieldset>
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="main" type="submit">
            Register
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
