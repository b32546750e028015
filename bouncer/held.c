/* Leases in work: held from their coming until all that they asked for is recorded, then settled. */
#include <unistd.h>

#include "bouncer/bouncer_inner.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

struct held *held_new(struct bouncer *bouncer, struct lease *lease)
{
	struct held *held = memory_new(sizeof *held);
	held->bouncer = bouncer;
	held->lease = lease;
	held->arena = arena_new();
	held->unrecorded = 1;
	held->next = bouncer->held;
	held->link = &bouncer->held;
	if (held->next)
		held->next->link = &held->next;
	bouncer->held = held;
	metric_add(M_leases_held, NULL, 1);
	return held;
}

void held_end_if_idle(void *owner)
{
	struct bouncer *bouncer = owner;
	if (!bouncer->held && bouncer->stopped && bouncer->is_api_drained &&
	    inbound_is_idle(bouncer->inbound))
		loop_defer(bouncer->node.loop, &bouncer->end);
}

static void let_go(struct held *held)
{
	struct bouncer *bouncer = held->bouncer;
	metric_add(M_leases_held, NULL, -1);
	*held->link = held->next;
	if (held->next)
		held->next->link = held->link;
	held_end_if_idle(bouncer);
	arena_free(&held->arena);
	free(held);
}

void held_bury(struct held *held, const char *reason)
{
	lease_bury(&held->lease, reason);
	let_go(held);
}

_Noreturn void bouncer_fail(enum err err)
{
	log_event(EV_store_failed, F_TEXT("error", err_text(err)));
	log_event(EV_role_failed, F_TEXT("name", "bouncer"),
		  F_TEXT("why", "its store has failed: nothing can be acknowledged"));
	_exit(EXIT_FAILURE);
}

void held_recorded(void *owner, enum err err)
{
	struct held *held = owner;
	if (err == E_IO)
		bouncer_fail(err);
	if (!held->err)
		held->err = err;
	if (--held->unrecorded > 0)
		return;
	if (held->lease && held->err && err_then(held->err) == ERR_THEN_BURY) {
		held_bury(held, err_text(held->err));
		return;
	}
	if (held->lease && held->err)
		lease_release(&held->lease);
	else if (held->lease)
		lease_ack(&held->lease);
	let_go(held);
}

/* ---- the end ---- */

void held_give_back(struct bouncer *bouncer)
{
	for (struct held *held = bouncer->held; held; held = held->next)
		lease_release(&held->lease);
}

void held_end_sweeps(struct bouncer *bouncer)
{
	struct held *next;
	for (struct held *held = bouncer->held; held; held = next) {
		next = held->next;
		if (held->sweep)
			sweep_cancel(held->sweep);
	}
}
