"""Counts lost and duplicated mail end to end, from what the client and the sink saw."""


def verdict(ledger, sink, results, doubtful):
    """Figures, and the invariants that do not hold. `doubtful`: deliveries in flight at the faults."""
    seen = {}
    unexpected = corrupt = 0
    for delivery in list(sink.deliveries):
        known = ledger.attempted.get(delivery.trial)
        if known is None:
            unexpected += len(delivery.recipients)
            continue
        corrupt += delivery.digest != known[1]
        for recipient in delivery.recipients:
            unexpected += recipient.decode() not in known[0]
            seen.setdefault((delivery.trial, recipient), []).append(delivery)
    refused = {result.recipient for result in results.events() if result.event == 3}  # BOUNCED
    lost = [trial for trial in ledger.acknowledged for recipient in ledger.attempted[trial][0]
            if (trial, recipient.encode()) not in seen and not (must_bounce(recipient) and recipient.encode() in refused)]
    unanswered = sum(1 for many in seen.values() for d in many if not d.is_answered)
    duplicated = sum(len(many) - 1 for many in seen.values())
    refused_but_delivered = sum(1 for trial, _ in seen if trial in ledger.refused)
    finals = {}
    for result in results.events():
        if result.event != 2:  # DEFERRED
            finals.setdefault((result.id, result.recipient), set()).add(fate(result))
    figures = {
        "attempted": len(ledger.attempted), "acknowledged": len(ledger.acknowledged), "unknown": len(ledger.unknown),
        "refused": len(ledger.refused), "delivered": len(seen), "lost": len(lost), "duplicated": duplicated,
        "doubtful": doubtful + unanswered, "unexpected": unexpected, "corrupt": corrupt,
        "refused_but_delivered": refused_but_delivered,
        "contradicting_results": sum(1 for events in finals.values() if len(events) > 1),
        "final_results": len(finals), "repeated_results": results.repeats,
    }
    broken = [name for name in ("lost", "unexpected", "corrupt", "refused_but_delivered", "contradicting_results") if figures[name]]
    if duplicated > figures["doubtful"]:
        broken.append("duplicated")
    if figures["contradicting_results"]:
        figures["contradicting_examples"] = [f"{key}: {sorted(events)}" for key, events in finals.items() if len(events) > 1][:5]
    if lost:
        figures["lost_examples"] = lost[:5]
    return figures, broken


def fate(result):
    """What may not differ between the final results of one recipient. After a crash a bounce may come again as `suppressed`, because it made
    the suppression; consumers drop that repeat by its attempt."""
    return "delivered" if result.event == 1 else f"failed at attempt {result.attempt}"


def must_bounce(recipient):
    """Its address says to the sink, and to us, what is to become of it."""
    return recipient.startswith("unknown-")


def missing(ledger, sink, results):
    """(trial, recipient) of what was acknowledged and has not ended yet."""
    got = {(d.trial, r) for d in list(sink.deliveries) for r in d.recipients}
    told = {r.recipient for r in results.events() if r.event == 3} if results else set()
    wanted = ((trial, r) for trial in list(ledger.acknowledged) for r in ledger.attempted[trial][0])
    return [(trial, r) for trial, r in wanted
            if not ((must_bounce(r) and r.encode() in told) or (trial, r.encode()) in got)]


def is_drained(ledger, sink, results):
    """Every acknowledged mail has reached the sink and has a final result."""
    return results.count("delivered") >= len(ledger.acknowledged) and \
        len({d.trial for d in list(sink.deliveries)} & ledger.acknowledged) >= len(ledger.acknowledged)
