/** The page: nothing in it but `url` and `websocketUrl` is other than with the vendor's service. */

const layer = require('layer-websdk');

const find = (id) => document.getElementById(id);
const userId = new URLSearchParams(location.search).get('user') || 'ana';

async function main() {
  const { appId, url, websocketUrl, conversation: id } = await (await fetch('/settings')).json();
  const client = new layer.Client({ appId, url, websocketUrl });

  client.on('challenge', async ({ nonce, callback }) => {
    const answer = await fetch(`/identity-token?${new URLSearchParams({ user: userId, nonce })}`);
    if (answer.ok) callback(await answer.text());
    else find('who').textContent = `Nobody here is called ${userId}`;
  });
  client.once('ready', () => open(client, id));
  client.connect(userId);
}

function open(client, id) {
  find('who').textContent = client.user.displayName;
  const conversation = client.getConversation(id, true);
  const query = client.createQuery({
    model: layer.Query.Message,
    predicate: `conversation.id = '${id}'`,
    paginationWindow: 50,
  });
  const show = () => {
    find('messages').replaceChildren(...query.data.slice().reverse().map(row));
    for (const message of query.data) message.isRead = true;
    scrollTo(0, document.body.scrollHeight);
  };
  query.on('change', show);

  client.on('typing-indicator-change', ({ typing }) => {
    find('typing').textContent = typing.length ? `${typing.map((user) => user.displayName).join(', ')} is typing` : '';
  });
  const typing = client.createTypingListener(find('text'));
  typing.setConversation(conversation);

  find('form').onsubmit = (event) => {
    event.preventDefault();
    const text = find('text').value.trim();
    if (!text) return;
    typing.send();
    conversation.createMessage(text).send();
    find('text').value = '';
  };
}

/** A message, with what became of it where it is our own. */
function row(message) {
  const isOwn = message.sender.sessionOwner;
  const element = document.createElement('li');
  element.className = isOwn ? 'own' : '';
  element.textContent = message.parts[0].body;
  const small = document.createElement('small');
  const status = { NONE: 'sent', SOME: 'delivered', ALL: 'delivered' }[message.deliveryStatus];
  small.textContent = isOwn ? (message.readStatus === 'ALL' ? 'read' : status) : message.sender.displayName;
  element.append(small);
  return element;
}

main();
