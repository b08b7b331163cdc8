import { useState } from 'preact/hooks';
import { type Backups as AllBackups, ask, at, type Backup, type Export, fetchAdmin, get, Refusal } from '../api';
import { bare, bytes, count } from '../format';
import {
  attempt,
  Button,
  Empty,
  Failed,
  Field,
  Heading,
  Panel,
  Pill,
  Sure,
  Table,
  Time,
  useAnswer,
  useInterval,
  useRefresh,
} from '../ui';

/** How often the progress is read while something is made. Unit: milliseconds. */
const INTERVAL = 1000;

const TONES = { pending: 'calm', executing: 'accent', completed: 'good' } as const;

export function Exports({ app }: { app: string }) {
  const exports = useAnswer(() => get<Export[]>(at`/apps/${app}/exports`), [app]);
  useRefresh(exports.again, 500, ({ type }) => type === 'exports');
  const isBusy = exports.value?.some(({ status }) => status !== 'completed') ?? false;
  useInterval(exports.again, INTERVAL, isBusy);
  const api = at`/apps/${app}/api`;
  const change = (work: () => Promise<unknown>, done: string) =>
    attempt(async () => {
      await work();
      exports.again();
    }, done);
  return (
    <>
      <Heading title="Exports & backups">
        <Button kind="main" onClick={() => change(() => ask('POST', `${api}/exports`), 'It is made now.')}>
          Ask for an export
        </Button>
      </Heading>
      <Failed loaded={exports} />
      <Panel title="Exports of this app">
        {exports.value?.length === 0 && <Empty title="None yet">An export is encrypted for the key of the app.</Empty>}
        {exports.value && exports.value.length > 0 && (
          <Table columns={['Asked for', 'Kind', 'How far', 'Size']} hasActions>
            {exports.value.map((one) => (
              <tr key={one.id}>
                <td>
                  <Time value={one.created_at} />
                </td>
                <td>{one.type}</td>
                <td>
                  <Pill tone={TONES[one.status]}>{one.status}</Pill> <Progress progress={one.progress} />
                </td>
                <td>{one.size === null ? '–' : bytes(one.size)}</td>
                <td class="actions">
                  {one.download_url && (
                    <a
                      class="button plain small"
                      href={new URL(one.download_url).pathname + new URL(one.download_url).search}
                      download=""
                    >
                      Download
                    </a>
                  )}
                  <Sure
                    isSmall
                    label="Delete"
                    question="Its archive goes with it."
                    run={() => change(() => ask('DELETE', `${api}/exports/${bare(one.id)}`), 'Deleted.')}
                  />
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Panel>
      <Key api={api} />
      <Backups />
      <Snapshot />
    </>
  );
}

function Progress({ progress }: { progress: Export['progress'] }) {
  if (!progress) return null;
  const { done, total } = progress;
  return (
    <span class="progress">
      <progress
        max={total ?? undefined}
        value={total === null ? undefined : done}
        aria-label="Progress of the export"
      />{' '}
      {count(done)} {total !== null && `of ${count(total)}`} objects
    </span>
  );
}

function Key({ api }: { api: string }) {
  const current = useAnswer(async () => {
    try {
      return (await get<{ public_key: string }>(`${api}/export_security`)).public_key;
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) return '';
      throw error;
    }
  }, [api]);
  const [key, setKey] = useState<string>();
  const set = (event: Event) => {
    event.preventDefault();
    attempt(async () => {
      await ask('PUT', `${api}/export_security`, { public_key: key ?? current.value });
      current.again();
    }, 'Set.');
  };
  return (
    <Panel title="Key of this app">
      <Failed loaded={current} />
      <form class="stack" onSubmit={set}>
        <Field label="Public key" hint="RSA, in PEM form: exports are encrypted for who has the private one">
          <textarea
            rows={5}
            required
            spellcheck={false}
            value={key ?? current.value ?? ''}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </Field>
        <Button type="submit">Set the key</Button>
      </form>
    </Panel>
  );
}

const BACKUP_TONES = { executing: 'accent', completed: 'good', failed: 'bad' } as const;

/** Copies of the database with its files, which the platform keeps beside it. */
function Backups() {
  const backups = useAnswer(() => get<AllBackups>('/backups'), []);
  const { folder, items } = backups.value ?? { folder: null, items: [] };
  const isBusy = items.some(({ status }) => status === 'executing');
  useInterval(backups.again, INTERVAL, isBusy);
  const begin = () =>
    attempt(async () => {
      await ask('POST', '/backups');
      backups.again();
    }, 'It is made now.');
  return (
    <Panel title="Backups of the whole platform">
      <Failed loaded={backups} />
      <p class="dim">
        {folder
          ? `A copy of everything, in ${folder} on the machine of the platform. It goes on serving; \`layer-api restore\` puts one back.`
          : 'The data is in memory: there is nothing to back up. Take a snapshot.'}
      </p>
      {items.length > 0 && (
        <Table columns={['Name', 'How far', 'Database', 'Files']}>
          {items.map((one) => (
            <tr key={one.name}>
              <td>{one.name}</td>
              <td>
                <Pill tone={BACKUP_TONES[one.status]}>{one.status}</Pill> {one.error} <BackupProgress backup={one} />
              </td>
              <td>{one.database_bytes == null ? '–' : bytes(one.database_bytes)}</td>
              <td>{one.files == null ? '–' : `${count(one.files)}, ${bytes(one.file_bytes ?? 0)}`}</td>
            </tr>
          ))}
        </Table>
      )}
      {folder && (
        <Button onClick={begin} disabled={isBusy}>
          Make a backup
        </Button>
      )}
    </Panel>
  );
}

function BackupProgress({ backup: { progress } }: { backup: Backup }) {
  if (!progress) return null;
  const { name, done, total } = progress;
  return (
    <span class="progress">
      <progress max={total || undefined} value={total === 0 ? undefined : done} aria-label="Progress of the backup" />{' '}
      {count(done)} {total > 0 && `of ${count(total)}`} {name}
    </span>
  );
}

/** Everything that the platform has, as one file. */
function Snapshot() {
  const [received, setReceived] = useState<number>();
  const take = () =>
    attempt(async () => {
      setReceived(0);
      try {
        const response = await fetchAdmin('/snapshot');
        const pieces: BlobPart[] = [];
        let length = 0;
        const reader = response.body?.getReader();
        for (;;) {
          const { done, value } = (await reader?.read()) ?? { done: true };
          if (done || !value) break;
          pieces.push(value);
          length += value.length;
          setReceived(length);
        }
        const url = URL.createObjectURL(new Blob(pieces, { type: 'application/x-tar' }));
        const link = document.createElement('a');
        link.href = url;
        link.download = `layer-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.tar`;
        link.click();
        // The browser has it by then.
        setTimeout(() => URL.revokeObjectURL(url), 60_000);
      } finally {
        setReceived(undefined);
      }
    }, 'Taken.');
  const restore = (file: File) =>
    attempt(() => fetchAdmin('/snapshot', { method: 'PUT', body: file }), 'Restored: everything is as it was.');
  const [file, setFile] = useState<File>();
  return (
    <Panel title="Snapshot of the whole platform">
      <p class="dim">
        Everything that is stored, of all apps, in one file: to go back to it, or to look at it elsewhere.
      </p>
      <div class="inline">
        <Button onClick={take} disabled={received !== undefined}>
          {received === undefined ? 'Take a snapshot' : `${bytes(received)} so far`}
        </Button>
        <Field label="Snapshot to restore">
          <input type="file" accept=".tar" onChange={(event) => setFile(event.currentTarget.files?.[0])} />
        </Field>
        {file && (
          <Sure
            label="Restore"
            question={`Everything is replaced by ${file.name}. What is there now is gone.`}
            run={() => restore(file)}
          />
        )}
      </div>
    </Panel>
  );
}
