/* A broker of the tests' own, with what the bouncer uses of broker.h: one table, leases given by hand, and confirms that come when
 * the test says so. Real store, real loop, no socket. One at a time. */
#ifndef LEVERET_TESTS_UNIT_BOUNCER_FIXTURE_BROKER_H
#define LEVERET_TESTS_UNIT_BOUNCER_FIXTURE_BROKER_H

#include "tests/store_fixture.h"

#include "broker/broker.h"

enum settled { LEASE_HELD, LEASE_ACKED, LEASE_RELEASED, LEASE_BURIED };

struct fake_lease { /* as the test sees it */
	enum settled settled;
	char reason[200];
};

void fake_broker_open(struct loop *loop);
void fake_broker_done(void);		    /* forgets the table too */
void fake_broker_forget_last(size_t count); /* as a power cut takes the tail of a stream */
void fake_broker_appends(enum err err);	    /* what appends end with from now on */
void fake_broker_withholds_confirms(bool withheld);
void fake_broker_reconnects(void);
size_t fake_table_count(void);	  /* of suppressions */
void fake_directives_again(void); /* the last one, to who follows the table */
/* The only entry of the table of directives; false when there is none, or several. */
bool fake_directive(struct table_entry *ret);
/* The last entry's value for a key: false when there is none; *ret is empty for a removal. */
bool fake_table_last(struct bytes key, struct bytes *ret);
/* Events by their routing key. */
size_t fake_told_count(const char *key);
struct bytes fake_told_last(const char *key); /* encoded; none when there is none */
/* A lease from QUEUE_BOUNCER_*; both belong to the fixture. */
struct fake_lease *fake_give(const char *queue, struct bytes body);

/* Turn the loop until the condition holds. */
void run_until_it_holds(struct loop *loop, bool (*holds)(void *owner), void *owner);
/* Turn it until nothing is under way in the store or withheld. */
void run_until_quiet(struct loop *loop);

#endif
