/* Every verb, by its row. Each leveret/verb_*.c holds one noun's verbs; main.c finds them here. */
#ifndef LEVERET_LEVERET_VERBS_H
#define LEVERET_LEVERET_VERBS_H

#include "leveret/options.h"

extern const struct verb verb_run, verb_ingest, verb_worker, verb_bouncer; /* verb_roles.c */
extern const struct verb verb_check;					   /* verb_check.c */
extern const struct verb verb_api_key_new;				   /* verb_api_key.c */
extern const struct verb verb_campaign_recall;				   /* verb_campaign.c */
extern const struct verb verb_broker_declare, verb_broker_status;	   /* verb_broker.c */
extern const struct verb verb_queue_list, verb_queue_export, verb_queue_import; /* verb_queue.c */
extern const struct verb verb_queue_pause, verb_queue_resume, verb_queue_paused,
	verb_source_suspend, verb_source_resume; /* verb_pause.c */
extern const struct verb verb_queue_show;	 /* verb_queue_show.c */
extern const struct verb verb_queue_flush, verb_queue_bounce, verb_queue_drop,
	verb_queue_move;				    /* verb_queue_change.c */
extern const struct verb verb_site_show;		    /* verb_site.c */
extern const struct verb verb_site_list;		    /* verb_site_list.c */
extern const struct verb verb_site_explain;		    /* verb_site_explain.c */
extern const struct verb verb_site_limit;		    /* verb_site_limit.c */
extern const struct verb verb_trace;			    /* verb_trace.c */
extern const struct verb verb_source_list;		    /* verb_source.c */
extern const struct verb verb_dkim_generate, verb_dkim_dns; /* verb_dkim.c */
extern const struct verb verb_dkim_check;		    /* verb_dkim_check.c */
extern const struct verb verb_results_follow;		    /* verb_results.c */
extern const struct verb verb_events_follow;		    /* verb_results.c */
extern const struct verb verb_results_unfollow;		    /* verb_unfollow.c */
extern const struct verb verb_send;			    /* verb_send.c */
extern const struct verb verb_suppression_list, verb_suppression_held_list; /* verb_suppression.c */
extern const struct verb verb_suppression_show, verb_suppression_check, verb_suppression_add,
	verb_suppression_remove; /* verb_suppression_one.c */
extern const struct verb verb_suppression_undo, verb_suppression_held_release,
	verb_suppression_held_drop; /* verb_suppression_undo.c */
extern const struct verb verb_suppression_import,
	verb_suppression_export;				  /* verb_suppression_import.c */
extern const struct verb verb_bounce_classify, verb_bounce_rules; /* verb_bounce.c */
extern const struct verb verb_bounce_stats, verb_bounce_unknown;  /* verb_bounce_figures.c */
extern const struct verb verb_shaping_list, verb_shaping_cancel;  /* verb_shaping_force.c */
extern const struct verb verb_shaping_check;			  /* verb_shaping.c */
extern const struct verb verb_report_parse;			  /* verb_report.c */
extern const struct verb verb_alert_list, verb_alert_clear, verb_alert_test;
extern const struct verb verb_tls_report; /* verb_tls.c */
extern const struct verb verb_webhook_list, verb_webhook_test, verb_webhook_pause,
	verb_webhook_resume, verb_webhook_replay; /* verb_webhook.c */

#endif
