'use strict';

/** A fake that never answers, or late. Argument: `late`. */

const { EventEmitter } = require('events');
const https = require('https');
const LayerAPI = require('../../../..');

const request = Object.assign(new EventEmitter(), { setTimeout() {}, write() {}, end() {} });
https.request = () => request;
const layer = new LayerAPI({ token: process.env.TOKEN, appId: process.env.APP_ID, transport: 'node' });
layer.blocklist.get('maria', (error) => console.log('called back', error.message));
if (process.argv[2] === 'late') setTimeout(() => request.emit('error', new Error('late')), 300);
else process.on('exit', () => console.log('exit'));
