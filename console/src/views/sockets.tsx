import { get, type OpenSocket } from '../api';
import { bytes, count, duration } from '../format';
import { link } from '../route';
import { Button, Empty, Failed, Heading, Panel, Table, Time, useAnswer, useInterval } from '../ui';

/** How often the list is read. Unit: milliseconds. */
const INTERVAL = 3000;

export function Sockets() {
  const sockets = useAnswer(() => get<{ count: number; items: OpenSocket[] }>('/sockets'), []);
  useInterval(sockets.again, INTERVAL);
  const { value } = sockets;
  return (
    <>
      <Heading title="Sockets" about="Clients of users that are connected now, the latest first.">
        <Button onClick={sockets.again}>Refresh</Button>
      </Heading>
      <Failed loaded={sockets} />
      <Panel title={`Open: ${count(value?.count ?? 0)}`}>
        {value?.items.length === 0 && <Empty title="No client has a socket open" />}
        {value && value.items.length > 0 && (
          <Table columns={['User', 'App', 'Version', 'Open for', 'Session until', 'Waiting for it']}>
            {value.items.map((socket, index) => (
              <tr key={index}>
                <td>
                  <a href={link(['apps', socket.app_id, 'users', socket.user_id])}>{socket.user_id}</a>
                </td>
                <td>
                  <code>{socket.app_id.slice(0, 8)}…</code>
                </td>
                <td>{socket.version}</td>
                <td>{duration(socket.open_for_ms)}</td>
                <td>
                  <Time value={socket.session_expires_at} isShort />
                </td>
                <td>
                  {count(socket.waiting_packets)} packets, {bytes(socket.waiting_bytes)}
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Panel>
    </>
  );
}
