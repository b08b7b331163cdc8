import { at, get, type Message, type Page, query as toQuery } from '../api';
import { bare, nameOf, shortly } from '../format';
import { link } from '../route';
import { Avatar, Heading, List, usePages } from '../ui';
import { End, SearchFields, searchOf, useFilters } from './conversations';

/** Unit: pixels. */
const ROW = 64;

/** How much of a text is shown. */
const SNIPPET = 300;

export function Messages({ app, query }: { app: string; query: URLSearchParams }) {
  const set = useFilters();
  const search = searchOf(query);
  const pages = usePages<Message>(
    (from) =>
      get<Page<Message>>(`${at`/apps/${app}/messages`}${toQuery({ ...search, from_id: from, page_size: 100 })}`),
    [app, JSON.stringify(search)],
  );
  const row = (message: Message) => (
    <a
      class="row"
      href={link(['apps', app, 'conversations', bare(message.conversation.id)], { message: bare(message.id) })}
    >
      <Avatar user={message.sender} />
      <span class="what">
        <span class="title">{snippetOf(message)}</span>
        <span class="dim">{nameOf(message.sender)}</span>
      </span>
      <span class="aside">
        <span>{shortly(message.sent_at)}</span>
      </span>
    </a>
  );
  const end = (
    <End pages={pages} what="messages">
      No message matches.
    </End>
  );
  return (
    <div class="full">
      <Heading
        title="Messages"
        about="By conversation: the newest conversation first, and the newest message in each."
      />
      <div class="wide">
        <SearchFields query={query} set={set} text="Text" user="Sender" />
      </div>
      <List
        items={pages.items}
        rowHeight={ROW}
        label="Messages that match"
        keyOf={({ id }) => id}
        row={row}
        onEnd={pages.more}
        end={end}
      />
    </div>
  );
}

/** What a message says, in a line. */
function snippetOf({ parts }: Message) {
  const texts = parts.map((part) =>
    part.content ? `[${part.mime_type}]` : part.encoding === 'base64' ? `[${part.mime_type}]` : (part.body ?? ''),
  );
  return texts.join(' ').slice(0, SNIPPET) || '(empty)';
}
