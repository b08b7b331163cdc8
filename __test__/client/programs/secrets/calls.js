'use strict';

/** One call after the other, so that the lines have one order: fine, refused, failed, given up. */

const { LayerAPI, config, layer } = require('../start.js');

const CONVERSATION = 'f3cc7b32-3c92-11e4-baad-164230d1df67';

const calls = [
  (done) => layer.conversations.get(`layer:///conversations/${CONVERSATION}`, done),
  (done) => layer.conversations.setMetadataProperties(CONVERSATION, { a: 'b' }, done),
  (done) => layer.messages.sendTextFromUser(CONVERSATION, 'maria', '100 %s of it', done),
  (done) => layer.messages.getAll(CONVERSATION, { page_size: 3 }, done),
  (done) => layer.announcements.send({ recipients: ['maria'] }, done),
  (done) => layer.blocklist.get('missing', done),
  (done) => layer.blocklist.get('text', done),
  (done) => layer.blocklist.get('', done),
  (done) => new LayerAPI({ ...config, timeout: 300 }).blocklist.get('never', done),
  (done) => layer.blocklist.getAsync('maria').then(() => done()),
];
const next = () => {
  const call = calls.shift();
  if (call) call(next);
};
next();
