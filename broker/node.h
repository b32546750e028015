/* What the program gives every role it starts. All of it is borrowed and outlives the role. */
#ifndef LEVERET_BROKER_NODE_H
#define LEVERET_BROKER_NODE_H

#include "broker/broker.h"
#include "lib/loop/loop.h"
#include "lib/routing/routing.h"
#include "lib/store/store.h"

struct node {
	struct loop *loop;    /* the role's own; everything of the role happens on its thread */
	const char *hostname; /* our name in banners, Received and EHLO */
	const char *data_dir; /* spool/ in it is for unlinked temporary files */
	const struct broker_settings *broker;
	const struct routing *routing;
	struct store *store; /* this host's small state: replicas of tables, the workers' journal */
	/* Told by the role, on its thread, whenever its broker begins or ends to take what it publishes. NULL: nobody asks. */
	void (*ready_changed)(void *owner, bool is_ready);
	void *owner;
};

static inline void node_tell_state(const struct node *node, enum broker_state state)
{
	if (node->ready_changed)
		node->ready_changed(node->owner, state == BROKER_READY);
}

#endif
