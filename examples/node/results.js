#!/usr/bin/env node
/* Prints results as they come, from a queue of its own.
 *
 *     npm install && node results.js AMQP_URL [PATTERN] [COUNT]      PATTERN: delivered.# , bounced.*.gmail , # (default)
 *
 * A result may come twice after a fault: keep what you have seen by (id, recipient, attempt). */
'use strict';
const path = require('path');
const amqp = require('amqplib');
const protobuf = require('protobufjs');

async function main() {
  const [url, pattern = '#', count = '-1'] = process.argv.slice(2);
  if (!url) {
    console.error('usage: results.js AMQP_URL [PATTERN] [COUNT]');
    process.exit(64);
  }
  const schema = await protobuf.load(path.join(__dirname, '../../schemas/leveret.proto'));
  const ResultBatch = schema.lookupType('leveret.v1.ResultBatch');
  const events = schema.lookupEnum('leveret.v1.EventKind').valuesById;
  const connection = await amqp.connect(url);
  const channel = await connection.createChannel();
  const {queue} = await channel.assertQueue('', {exclusive: true});
  await channel.bindQueue(queue, 'leveret.results', pattern);
  let left = Number(count);
  await channel.consume(queue, (message) => {
    for (const result of ResultBatch.decode(message.content).results) {
      const text = (name) => Buffer.from(result[name]).toString();
      console.log(JSON.stringify({event: events[result.event].toLowerCase(), recipient: text('recipient'), code: result.code, text: text('text'),
        attempt: result.attempt, id: text('id')}));
      left--;
    }
    channel.ack(message);
    if (left === 0) connection.close();
  });
  console.error('following');
}

main().catch((error) => { console.error(error.message); process.exit(1); });
