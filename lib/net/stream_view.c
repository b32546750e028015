/* What is known of a stream and of its peer. */
#include "lib/net/stream_inner.h"

bool stream_is_tls(const struct stream *stream)
{
	return *stream_tls_text(stream) != '\0';
}

const char *stream_tls_text(const struct stream *stream)
{
	return stream->tls ? tls_session_text(stream->tls) : "";
}

bool stream_tls_peer_is_verified(const struct stream *stream)
{
	return stream->tls && tls_session_peer_is_verified(stream->tls);
}

enum tls_fault stream_tls_fault(const struct stream *stream)
{
	return stream->tls ? tls_session_fault(stream->tls) : TLS_FAULT_NONE;
}

const struct net_address *stream_remote(const struct stream *stream)
{
	return &stream->remote;
}

const struct net_address *stream_local(const struct stream *stream)
{
	return &stream->local;
}

void stream_tls_peer_text(const struct stream *stream, char out[TLS_PEER_TEXT_SIZE])
{
	out[0] = '\0';
	if (stream->tls)
		tls_session_peer_text(stream->tls, out);
}
