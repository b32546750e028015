/* The RabbitMQ engine: two connections per broker, because an alarm blocks a whole connection.
 *
 *   publish link:  publications with confirms; tables, which come in also while mail has to wait
 *   consume link:  consumers, one channel each; declaring and inspecting, because the publish link
 *                  may be blocked */
#ifndef LEVERET_BROKER_RABBITMQ_RABBITMQ_H
#define LEVERET_BROKER_RABBITMQ_RABBITMQ_H

#include "broker/engine.h"

extern const struct engine rabbitmq_engine;

#endif
