/** Lists that come page by page, while others change them, against a real platform. */

const assert = require('node:assert');
const { after, before, describe, test } = require('node:test');
const Bluebird = require('bluebird');
const LayerAPI = require('../..');

const VERSIONS = ['1.0', '1.1', '2.0', '3.0'];
const PARTS = [{ body: 'Boat leaves at nine', mime_type: 'text/plain' }];
let platform;

before(async () => {
  platform = await LayerAPI.Platform.start({ recordedRequests: 100000 });
});
after(() => platform.close());

async function connect(version, options) {
  const { appId, token } = await platform.createApp();
  const agentOptions = { keepAlive: true };
  return new LayerAPI({ appId, token, version, baseUrl: platform.url, agentOptions, ...options });
}

const idsOf = (items) => items.map(({ id }) => id);

/** A conversation of maria and jon with messages; their ids, newest first. */
async function conversationWith(layer, count) {
  const { id } = (await layer.conversations.createAsync({ participants: ['maria', 'jon'] })).body;
  const sent = [];
  for (let index = 0; index < count; index++) {
    sent.unshift((await layer.messages.sendTextFromUserAsync(id, 'maria', `${index}`)).body.id);
  }
  return { id, sent };
}

/** The queries of pages that the platform was asked for since `work` began. */
async function pagesDuring(work) {
  const begin = (await platform.requests()).length;
  const outcome = await work();
  const asked = (await platform.requests()).slice(begin).filter(({ method }) => method === 'GET');
  return { outcome, pages: asked.length };
}

for (const version of VERSIONS) {
  describe(`version ${version}`, () => {
    let layer;
    let conversation;
    before(async () => {
      layer = await connect(version);
      conversation = await conversationWith(layer, 7);
    });
    /** Before 2.0 only an empty page is the end. */
    const last = version < '2.0' ? 1 : 0;

    test('a list has all items in their order, once, and asks for no page more than it needs', async () => {
      const { id, sent } = conversation;
      const all = await pagesDuring(() => layer.messages.list(id, { pageSize: 3 }).toArray());
      assert.deepStrictEqual([idsOf(all.outcome), all.pages], [sent, 3 + last]);
      const some = await pagesDuring(() => layer.messages.list(id, { pageSize: 3 }).toArray({ limit: 3 }));
      assert.deepStrictEqual([idsOf(some.outcome), some.pages], [sent.slice(0, 3), 1]);
      const none = await pagesDuring(() => layer.messages.list(id).toArray({ limit: 0 }));
      assert.deepStrictEqual([none.outcome, none.pages], [[], 0]);
      const rest = await layer.messages.list(id, { from: sent[4], pageSize: 1 }).toArray();
      assert.deepStrictEqual(idsOf(rest), sent.slice(5));
    });

    test('pages come when they are asked for, and leaving the loop ends it', async () => {
      const { id, sent } = conversation;
      const seen = [];
      const { pages } = await pagesDuring(async () => {
        for await (const { items } of layer.messages.list(id, { pageSize: 2 }).pages()) {
          seen.push(idsOf(items));
          if (seen.length === 2) break;
        }
      });
      assert.deepStrictEqual([seen, pages], [[sent.slice(0, 2), sent.slice(2, 4)], 2]);
      const items = [];
      const looped = await pagesDuring(async () => {
        for await (const item of layer.messages.list(id, { pageSize: 2 })) if (items.push(item.id) === 2) break;
      });
      assert.deepStrictEqual([items, looped.pages], [sent.slice(0, 2), 1]);
      const list = layer.messages.list(id, { pageSize: 5 });
      assert.deepStrictEqual(idsOf(await list.toArray()), sent, 'a list can be read again');
      assert.deepStrictEqual(idsOf(await list.toArray()), sent);
    });

    test('each list is that of its method', async () => {
      const { id, sent } = conversation;
      assert.deepStrictEqual(idsOf(await layer.messages.listFromUser('jon', id, { pageSize: 4 }).toArray()), sent);
      const other = (await layer.conversations.createAsync({ participants: ['jon'] })).body.id;
      const newest = await layer.conversations.listFromUser('jon', { pageSize: 1 }).toArray();
      assert.deepStrictEqual(idsOf(newest), [other, id]);
      const sender = version < '2.0' ? { sender: { name: 'Harbour' } } : { sender_id: 'layer:///identities/jon' };
      const announced = [];
      for (let count = 0; count < 3; count++) {
        const body = { recipients: ['jon'], parts: PARTS, ...sender };
        announced.unshift((await layer.announcements.sendAsync(body)).body.id);
      }
      const announcements = await layer.announcements.listFromUser('jon', { pageSize: 2 }).toArray();
      assert.deepStrictEqual(idsOf(announcements), announced);
    });

    test('each page says how many items the service counts, which changes with them', async () => {
      const { id } = await conversationWith(layer, 5);
      const totals = [];
      for await (const { items, total } of layer.messages.list(id, { pageSize: 2 }).pages()) {
        totals.push([items.length, total]);
        if (totals.length === 1) await layer.messages.deleteAsync(id, items[0].id);
      }
      assert.deepStrictEqual(totals, [
        [2, 5],
        [2, 4],
        [1, 4],
      ]);
    });

    test('an empty list is one page without items', async () => {
      const { id } = (await layer.conversations.createAsync({ participants: ['maria'] })).body;
      const pages = [];
      for await (const page of layer.messages.list(id).pages()) pages.push(page);
      assert.deepStrictEqual(pages, [{ items: [], total: 0 }]);
      assert.deepStrictEqual(await layer.messages.list(id).toArray(), []);
    });

    test('nothing comes twice or is missed when items are deleted between pages, those before the next page as well', async () => {
      for (const count of [1, 2, 3, 5]) {
        const { id, sent } = await conversationWith(layer, 9);
        const seen = [];
        for await (const item of layer.messages.list(id, { pageSize: 5 })) {
          seen.push(item.id);
          if (seen.length !== 5) continue;
          for (const gone of sent.slice(5 - count, 5)) await layer.messages.deleteAsync(id, gone);
          await layer.messages.sendTextFromUserAsync(id, 'jon', 'added in between');
        }
        const came = new Set(seen);
        assert.strictEqual(came.size, seen.length, 'nothing comes twice');
        assert.deepStrictEqual(
          sent.filter((message) => !came.has(message)),
          [],
          'nothing is missed',
        );
      }
    });

    test('the same in the view of a user who deletes from its devices', async () => {
      const { id, sent } = await conversationWith(layer, 6);
      const seen = [];
      for await (const item of layer.messages.listFromUser('jon', id, { pageSize: 2 })) {
        seen.push(item.id);
        if (seen.length % 2 === 0) await layer.messages.deleteFromUserAsync('jon', item.id, { mode: 'my_devices' });
      }
      assert.deepStrictEqual(seen, sent);
    });

    test('nothing comes twice or is missed when conversations move to the front between pages', async () => {
      const user = `mover of ${version}`;
      const made = [];
      for (let count = 0; count < 9; count++) {
        made.unshift((await layer.conversations.createAsync({ participants: [user, `${count}`] })).body.id);
      }
      for (const moved of [[2], [0, 2], [0, 1, 2], [5]]) {
        const options = { pageSize: 3, sortBy: 'last_message' };
        const before = idsOf(await layer.conversations.listFromUser(user, options).toArray());
        assert.deepStrictEqual([...before].sort(), [...made].sort());
        const seen = [];
        for await (const { id } of layer.conversations.listFromUser(user, options)) {
          seen.push(id);
          if (seen.length !== 3) continue;
          for (const index of moved) await layer.messages.sendTextFromUserAsync(before[index], user, 'to the front');
        }
        assert.strictEqual(new Set(seen).size, seen.length, 'nothing comes twice');
        const stayed = before.filter((_, index) => !moved.includes(index) || index < 3);
        assert.deepStrictEqual(seen, stayed, `${moved}`);
      }
    });
  });
}

test('nothing comes twice, and nothing that stays is missed, whatever changes in between', async () => {
  const layer = await connect('3.0');
  let state = 7;
  const random = (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  for (let run = 0; run < 20; run++) {
    const user = `user ${run}`;
    const made = [];
    for (let count = 0; count < 12; count++) {
      made.push((await layer.conversations.createAsync({ participants: [user, `${count}`] })).body.id);
    }
    const touched = new Set();
    const seen = [];
    const pageSize = 1 + random(4);
    for await (const { items } of layer.conversations
      .listFromUser(user, { pageSize, sortBy: 'last_message' })
      .pages()) {
      seen.push(...idsOf(items));
      for (let change = random(4); change > 0; change--) {
        const id =
          random(2) === 0 && seen.length > 0
            ? seen[seen.length - 1 - random(Math.min(3, seen.length))]
            : made[random(12)];
        if (touched.has(`${id} deleted`)) continue;
        touched.add(id);
        if (random(2) === 0) {
          touched.add(`${id} deleted`);
          await layer.conversations.deleteAsync(id);
        } else {
          await layer.messages.sendTextFromUserAsync(id, user, 'to the front');
        }
      }
    }
    const twice = seen.filter((id, index) => seen.indexOf(id) < index);
    const missed = made.filter((id) => !touched.has(id) && !seen.includes(id));
    assert.deepStrictEqual([twice, missed], [[], []], `run ${run}`);
  }
});

test('what is wrong with a list is an error', async () => {
  const layer = await connect('1.0');
  const list = (options) => layer.messages.list('id', options);
  for (const [options, message] of [
    [{ pageSise: 5 }, 'layer.messages.list has no option `pageSise`'],
    [{ sortBy: 'created_at' }, 'layer.messages.list has no option `sortBy`'],
    [{ pageSize: 0 }, 'Option `pageSize` of layer.messages.list needs to be a whole number from 1 to 100'],
    [{ pageSize: '5' }, 'Option `pageSize` of layer.messages.list needs to be a whole number from 1 to 100'],
    [{ from: 5 }, 'Option `from` of layer.messages.list needs to be the id of an item'],
    [5, 'The options of layer.messages.list need to be an object'],
  ]) {
    assert.throws(() => list(options), { name: 'TypeError', message });
  }
  const wrongOrder = { sortBy: 'name' };
  assert.throws(() => layer.conversations.listFromUser('maria', wrongOrder), { name: 'TypeError' });
  assert.throws(() => list().toArray({ limit: -1 }), { name: 'TypeError' });
  assert.throws(() => list().toArray({ limits: 1 }), { name: 'TypeError', message: 'toArray has no option `limits`' });
  await assert.rejects(list().toArray(), { message: 'Conversation ID is required' });
  const { id, sent } = await conversationWith(layer, 1);
  await layer.messages.deleteAsync(id, sent[0]);
  await assert.rejects(layer.messages.list(id, { from: sent[0] }).toArray(), { status: 404 });
  await layer.conversations.deleteAsync(id);
  await assert.rejects(layer.messages.list(id).toArray(), { status: 410 });
  await assert.rejects(layer.conversations.listFromUser('nobody').toArray(), { status: 404 });
});

test('a list that ends in the middle because its conversation is deleted is an error', async () => {
  const layer = await connect('3.0');
  const { id } = await conversationWith(layer, 5);
  const seen = [];
  const work = async () => {
    for await (const item of layer.messages.list(id, { pageSize: 2 })) {
      if (seen.push(item.id) === 2) await layer.conversations.deleteAsync(id);
    }
  };
  await assert.rejects(work(), { status: 410 });
  assert.strictEqual(seen.length, 2);
});

test('toArray gives the promises of the client, and lists read pages through methods that tests replace', async () => {
  const layer = await connect('1.0', { Promise: Bluebird });
  layer.messages.getAll = (_id, params, callback) => {
    callback(null, { status: 200, body: params.from_id ? [] : [{ id: 'double' }] });
  };
  const promise = layer.messages.list('id').toArray();
  assert.ok(promise instanceof Bluebird);
  assert.deepStrictEqual(await promise, [{ id: 'double' }]);
});

test('toArray calls back once, later, with or without options', async () => {
  const layer = await connect('1.0');
  const { id, sent } = await conversationWith(layer, 3);
  const called = (list, ...args) =>
    new Promise((resolve) => {
      let isLater = false;
      const returned = list.toArray(...args, (...outcome) => resolve([isLater, returned, ...outcome]));
      isLater = true;
    });
  const list = layer.messages.list(id);
  for (const [args, expected] of [
    [[], sent],
    [[undefined], sent],
    [[{ limit: 2 }], sent.slice(0, 2)],
    [[{ limit: 0 }], []],
  ]) {
    const [isLater, returned, error, items] = await called(list, ...args);
    assert.deepStrictEqual([isLater, returned, error, idsOf(items)], [true, undefined, null, expected]);
  }
  const [isLater, , error, ...rest] = await called(layer.messages.list('none'));
  assert.deepStrictEqual([isLater, error.message, rest], [true, 'Conversation ID is required', []]);
  const message = 'toArray needs a function as its callback';
  assert.throws(() => list.toArray({}, 'callback'), { name: 'TypeError', message });
  assert.throws(() => list.toArray({ limits: 1 }, () => {}), { name: 'TypeError' });
});
