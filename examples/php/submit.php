#!/usr/bin/php
<?php
/* Submits one message to Leveret through RabbitMQ.
 *
 *     submit.php AMQP_URL FROM TO [TO...] < message.eml
 *
 * Needs Debian's php-cli and php-amqplib (or composer's php-amqplib/php-amqplib). A submission is kept once the broker confirms it; a
 * message that comes back found no queue. */
require 'PhpAmqpLib/autoload.php';

use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Message\AMQPMessage;

if ($argc < 4) {
    fwrite(STDERR, "usage: submit.php AMQP_URL FROM TO [TO...] < message.eml\n");
    exit(64);
}
[, $url, $sender] = $argv;
$recipients = array_slice($argv, 3);
$at = parse_url($url);
$connection = new AMQPStreamConnection($at['host'], $at['port'] ?? 5672, urldecode($at['user'] ?? 'guest'), urldecode($at['pass'] ?? 'guest'),
    urldecode(substr($at['path'] ?? '/', 1)) ?: '/');
$channel = $connection->channel();
$outcome = null;
$channel->set_ack_handler(function () use (&$outcome) { $outcome ??= 'kept'; });
$channel->set_nack_handler(function () use (&$outcome) { $outcome = 'the queue is full: try again later'; });
$channel->set_return_listener(function ($code, $text) use (&$outcome) { $outcome = "no queue takes it: $text"; });
$channel->confirm_select();

$body = json_encode(['sender' => $sender, 'recipients' => $recipients, 'mime' => stream_get_contents(STDIN),
    'metadata' => ['example' => 'submit.php']], JSON_THROW_ON_ERROR);  // mail that is not UTF-8: 'content' => base64_encode(...)
$message = new AMQPMessage($body, ['content_type' => 'application/json', 'delivery_mode' => AMQPMessage::DELIVERY_MODE_PERSISTENT]);
$channel->basic_publish($message, 'leveret.submit', 'bulk', true);
$channel->wait_for_pending_acks_returns(10);
$connection->close();
if ($outcome !== 'kept') {
    fwrite(STDERR, ($outcome ?? 'not confirmed in time') . "\n");
    exit(1);
}
echo 'submitted for ' . implode(', ', $recipients) . "\n";
