#!/usr/bin/php
<?php
/* Prints results as they come, from a queue of its own.
 *
 *     results.php AMQP_URL [PATTERN] [COUNT]      PATTERN: delivered.# , bounced.*.gmail , # (default)
 *
 * Needs Debian's php-cli and php-amqplib. PHP's own Protocol Buffers know no proto2, so the few fields that are shown are read by hand:
 * their numbers are in schemas/leveret.proto. A result may come twice after a fault: keep what you have seen by (id, recipient, attempt). */
require 'PhpAmqpLib/autoload.php';

use PhpAmqpLib\Connection\AMQPStreamConnection;

const EVENTS = [1 => 'delivered', 'deferred', 'bounced', 'expired', 'suppressed'];
const FIELDS = [1 => 'id', 'recipient', 'sender', 'event', 'attempt', 'code', 'enhanced', 'text', 'step'];

function varint(string $bytes, int &$at): int
{
    for ($value = 0, $shift = 0; ; $shift += 7) {
        $byte = ord($bytes[$at++]);
        $value |= ($byte & 0x7f) << $shift;
        if ($byte < 0x80) {
            return $value;
        }
    }
}

/* Number and value of each field of a message. */
function fields(string $bytes): Generator
{
    for ($at = 0; $at < strlen($bytes);) {
        $tag = varint($bytes, $at);
        $kind = $tag & 7;
        $len = $kind === 2 ? varint($bytes, $at) : [1 => 8, 5 => 4][$kind] ?? 0;
        yield $tag >> 3 => $kind === 0 ? varint($bytes, $at) : substr($bytes, $at, $len);
        $at += $len;
    }
}

function result(string $bytes): array
{
    $result = [];
    foreach (fields($bytes) as $number => $value) {
        if (isset(FIELDS[$number])) {
            $result[FIELDS[$number]] = FIELDS[$number] === 'event' ? EVENTS[$value] ?? 'unknown' : $value;
        }
    }
    return $result;
}

if ($argc < 2) {
    fwrite(STDERR, "usage: results.php AMQP_URL [PATTERN] [COUNT]\n");
    exit(64);
}
$at = parse_url($argv[1]);
$left = (int)($argv[3] ?? -1);
$connection = new AMQPStreamConnection($at['host'], $at['port'] ?? 5672, urldecode($at['user'] ?? 'guest'), urldecode($at['pass'] ?? 'guest'),
    urldecode(substr($at['path'] ?? '/', 1)) ?: '/');
$channel = $connection->channel();
[$queue] = $channel->queue_declare('', false, false, true);
$channel->queue_bind($queue, 'leveret.results', $argv[2] ?? '#');
$channel->basic_consume($queue, '', false, false, false, false, function ($message) use (&$left) {
    foreach (fields($message->getBody()) as $number => $bytes) {
        if ($number === 1) {
            echo json_encode(result($bytes), JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES), "\n";
            $left--;
        }
    }
    $message->ack();
});
fwrite(STDERR, "following\n");
while ($left !== 0) {
    $channel->wait();
}
$connection->close();
