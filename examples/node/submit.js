#!/usr/bin/env node
/* Submits one message to Leveret through RabbitMQ.
 *
 *     npm install && node submit.js AMQP_URL FROM TO [TO...] < message.eml
 *
 * A submission is kept once the broker confirms it; a message that comes back found no queue. */
'use strict';
const amqp = require('amqplib');

async function main() {
  const [url, sender, ...recipients] = process.argv.slice(2);
  if (recipients.length === 0) {
    console.error('usage: submit.js AMQP_URL FROM TO [TO...] < message.eml');
    process.exit(64);
  }
  const submission = {
    sender,
    recipients,
    content: require('fs').readFileSync(0).toString('base64'),
    metadata: {example: 'submit.js'}, // comes back in every result
  };
  const connection = await amqp.connect(url);
  const channel = await connection.createConfirmChannel();
  let returned = null;
  channel.on('return', (message) => { returned = message.fields.replyText; });
  channel.publish('leveret.submit', 'bulk', Buffer.from(JSON.stringify(submission)),
    {contentType: 'application/json', persistent: true, mandatory: true});
  await channel.waitForConfirms();
  await connection.close();
  if (returned) throw new Error(`no queue takes it: ${returned}`);
  console.log(`submitted for ${recipients.join(', ')}`);
}

main().catch((error) => { console.error(error.message); process.exit(1); });
