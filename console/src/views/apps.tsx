import { useState } from 'preact/hooks';
import { ask, at, type Counts, get } from '../api';
import { count } from '../format';
import { link } from '../route';
import { attempt, Button, Dialog, Empty, Failed, Field, Heading, Id, Panel, Sure, Table, Time, useAnswer } from '../ui';

interface App {
  app_id: string;
  created_at: string;
  name?: string;
}

interface Token {
  token_id: string;
  created_at: string;
  last_used_at?: string;
  expires_at?: string;
  name?: string;
}

/** How long a token works yet that was rotated here. Unit: seconds. */
const GRACE = 24 * 60 * 60;

interface Provider {
  provider_id: string;
  key_ids: string[];
}

/** Something that is shown once. */
interface Secret {
  title: string;
  facts: [string, string][];
}

export function Apps({ id, apps, reload }: { id?: string; apps: Counts[]; reload: () => void }) {
  const list = useAnswer(() => get<App[]>('/apps'), []);
  const [isCreating, setCreating] = useState(false);
  const [secret, setSecret] = useState<Secret>();
  const again = () => {
    list.again();
    reload();
  };
  const chosen = list.value?.find(({ app_id }) => app_id === id);
  return (
    <>
      <Heading
        title="Apps"
        about="Each has its own conversations and users, and tokens for the services that work with it."
      >
        <Button kind="main" onClick={() => setCreating(true)}>
          Create an app
        </Button>
      </Heading>
      <Failed loaded={list} />
      {list.value?.length === 0 && <Empty title="No app yet">Create one: a service needs its id and a token.</Empty>}
      <ul class="tiles">
        {list.value?.map((app) => {
          const counts = apps.find(({ app_id }) => app_id === app.app_id);
          return (
            <li key={app.app_id}>
              <a href={link(['apps', app.app_id])} aria-current={app === chosen ? 'true' : undefined}>
                <span class="title">{app.name ?? 'App without a name'}</span>
                <code>{app.app_id}</code>
                {counts && (
                  <span class="dim">
                    {count(counts.conversations)} conversations, {count(counts.messages)} messages,{' '}
                    {count(counts.users)} users
                  </span>
                )}
              </a>
            </li>
          );
        })}
      </ul>
      {chosen && <One key={chosen.app_id} app={chosen} again={again} show={setSecret} />}
      {isCreating && (
        <Named
          title="Create an app"
          onClose={() => setCreating(false)}
          create={async (name) => {
            const made = await ask<{ app_id: string; token: string }>('POST', '/apps', name ? { name } : {});
            setCreating(false);
            setSecret({
              title: 'The app is there',
              facts: [
                ['App id', made.app_id],
                ['Token', made.token],
              ],
            });
            again();
          }}
        />
      )}
      {secret && <Shown secret={secret} onClose={() => setSecret(undefined)} />}
    </>
  );
}

function Named({
  title,
  onClose,
  create,
}: {
  title: string;
  onClose: () => void;
  create: (name: string) => Promise<void>;
}) {
  const [name, setName] = useState('');
  const submit = (event: Event) => {
    event.preventDefault();
    attempt(() => create(name.trim()));
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <Field label="Name" hint="For you; may be left out">
          <input value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </Field>
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="main" type="submit">
            {title}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function Shown({ secret, onClose }: { secret: Secret; onClose: () => void }) {
  return (
    <Dialog title={secret.title} onClose={onClose}>
      <p class="notice">Copy it now: the platform keeps a hash, or the public half, and shows it never again.</p>
      <dl class="facts secret">
        {secret.facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value.includes('\n') ? <pre class="code">{value}</pre> : <Id value={value} label={name} />}</dd>
          </div>
        ))}
      </dl>
      <footer>
        <Button kind="main" onClick={onClose}>
          I have it
        </Button>
      </footer>
    </Dialog>
  );
}

function One({ app, again, show }: { app: App; again: () => void; show: (secret: Secret) => void }) {
  const path = at`/apps/${app.app_id}`;
  const tokens = useAnswer(() => get<Token[]>(`${path}/tokens`), [path]);
  const providers = useAnswer(() => get<Provider[]>(`${path}/identity_providers`), [path]);
  const [isAdding, setAdding] = useState(false);
  const showToken = (made: { token: string }, title: string) => {
    show({ title, facts: [['Token', made.token]] });
    tokens.again();
  };
  const showKey = (made: { provider_id?: string; key_id: string; private_key?: string }, title: string) => {
    show({
      title,
      facts: [
        ...(made.provider_id ? ([['Provider', made.provider_id]] as [string, string][]) : []),
        ['Key', made.key_id],
        ...(made.private_key ? ([['Private key', made.private_key]] as [string, string][]) : []),
      ],
    });
    providers.again();
  };
  const provider = (id: string) => `${path}/identity_providers/${encodeURIComponent(id)}`;
  return (
    <>
      <Panel
        title={app.name ?? app.app_id}
        actions={
          <>
            <a class="button plain small" href={link(['apps', app.app_id, 'conversations'])}>
              Its conversations
            </a>
            <Sure
              isSmall
              label="Delete the app"
              question="Everything in it is deleted: conversations, messages, users, webhooks. Its tokens are refused at once."
              run={() =>
                attempt(async () => {
                  await ask('DELETE', path);
                  again();
                }, 'Deleted.')
              }
            />
          </>
        }
      >
        <p>
          <Id value={app.app_id} label="app id" /> created <Time value={app.created_at} />
        </p>
      </Panel>
      <Panel
        title="Tokens"
        actions={
          <Button isSmall onClick={() => setAdding(true)}>
            Add a token
          </Button>
        }
      >
        <Failed loaded={tokens} />
        <Table columns={['Name', 'Id', 'Created', 'Last used', 'Ends']} hasActions>
          {tokens.value?.map((token) => (
            <tr key={token.token_id}>
              <td>{token.name ?? <span class="dim">without a name</span>}</td>
              <td>
                <code>{token.token_id}</code>
              </td>
              <td>
                <Time value={token.created_at} />
              </td>
              <td>{token.last_used_at ? <Time value={token.last_used_at} /> : <span class="dim">never</span>}</td>
              <td>
                {token.expires_at ? <Time value={token.expires_at} /> : <span class="dim">when it is revoked</span>}
              </td>
              <td class="actions">
                <Sure
                  isSmall
                  label="Rotate"
                  question="A new token takes its place and works at once; this one works for one more day, or until you revoke it."
                  run={() =>
                    attempt(async () =>
                      showToken(
                        await ask('POST', at`/apps/${app.app_id}/tokens/${token.token_id}/rotate`, {
                          grace_in_seconds: GRACE,
                        }),
                        'The new token',
                      ),
                    )
                  }
                />
                <Sure
                  isSmall
                  label="Revoke"
                  question="Services that use it are refused from then on."
                  run={() =>
                    attempt(async () => {
                      await ask('DELETE', at`/apps/${app.app_id}/tokens/${token.token_id}`);
                      tokens.again();
                    }, 'Revoked.')
                  }
                />
              </td>
            </tr>
          ))}
        </Table>
      </Panel>
      <Panel
        title="Identity providers"
        actions={
          <Button
            isSmall
            onClick={() =>
              attempt(async () =>
                showKey(await ask('POST', `${path}/identity_providers`), 'The identity provider is there'),
              )
            }
          >
            Add a provider
          </Button>
        }
      >
        <Failed loaded={providers} />
        <p class="dim">Who has a private key of one of them says who the users of this app are, by identity tokens.</p>
        {providers.value?.length === 0 && <p class="none">None: clients of users cannot sign in.</p>}
        <ul class="providers">
          {providers.value?.map(({ provider_id, key_ids }) => (
            <li key={provider_id}>
              <div>
                <Id value={provider_id} label="provider" />
                <ul>
                  {key_ids.map((key) => (
                    <li key={key}>
                      <code>{key}</code>
                      <Sure
                        isSmall
                        label="Remove key"
                        question="Identity tokens that are signed with it are refused; sessions go on."
                        run={() =>
                          attempt(async () => {
                            await ask('DELETE', `${provider(provider_id)}/keys/${encodeURIComponent(key)}`);
                            providers.again();
                          }, 'Removed.')
                        }
                      />
                    </li>
                  ))}
                </ul>
              </div>
              <div class="actions">
                <Button
                  isSmall
                  onClick={() =>
                    attempt(async () => showKey(await ask('POST', `${provider(provider_id)}/keys`), 'The key is there'))
                  }
                >
                  Add a key
                </Button>
                <Sure
                  isSmall
                  label="Remove"
                  question="Identity tokens of this provider are refused; sessions go on."
                  run={() =>
                    attempt(async () => {
                      await ask('DELETE', provider(provider_id));
                      providers.again();
                    }, 'Removed.')
                  }
                />
              </div>
            </li>
          ))}
        </ul>
      </Panel>
      {isAdding && (
        <Named
          title="Add a token"
          onClose={() => setAdding(false)}
          create={async (name) => {
            const made = await ask<{ token: string }>('POST', `${path}/tokens`, name ? { name } : {});
            setAdding(false);
            showToken(made, 'The token is there');
          }}
        />
      )}
    </>
  );
}
